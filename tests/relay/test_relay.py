"""`limen relay` with a real broker and a real PostgreSQL."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from domain.event import Event, write_event
from domain.vocabulary import Decision, Resolution
from domain.vocabulary import Topic as Topics
from infra.command_side.errors import CommandSideUnavailable
from infra.command_side.teller import SEND_SECONDS, Teller
from infra.observability.metrics import RelayMetrics
from streams.kafka.commands import send_commands
from streams.kafka.log import KafkaLog
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic, topic_name
from streams.log import EventDraft, LogCorrupt
from tests.command_line.calling import answer, limen
from tests.kafka_fixture import Kafka
from tests.postgres_fixture import PostgresSchema
from tests.relay.commands import a_command, bad_messages, message
from tests.relay.rig import PARTITIONS, Rig, wait_for

SITES = ("campus", "hq", "depot", "yard")
KILLS = 5


@pytest.fixture
def rig(kafka: Kafka, postgres: PostgresSchema, tmp_path: Path) -> Iterator[Rig]:
    """Give topics and a schema."""
    with Rig(kafka, postgres, tmp_path) as rig:
        yield rig


def test_what_is_decided_stands_in_the_log_once(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`limen case --kafka` answers at once, refusals too; one relay tells the log, the next nothing more."""
    for name, value in rig.environment.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "home"
    alert = "campus:door_held:vault:1"
    done = answer("case", "acknowledge", alert, "--by", "ann", "--kafka", home=home)
    assert (done["accepted"], done["version"], done["status"]) == (True, 2, "acknowledged")
    refused = limen("case", "close", alert, "--by", "bob", "--resolution", "explained", "--if-version", "1",
                    "--kafka", home=home, exit_code=1)  # fmt: skip
    assert "version 2, not 1" in refused.stdout
    with rig.relaying():
        wait_for(lambda: len(rig.told()) == 1)
    with rig.relaying():
        sent = answer("case", "note", alert, "--by", "bob", "--note", "hm", "--kafka", "--send", home=home)
        assert sent.keys() == {"id", "partition", "offset"}
        wait_for(lambda: len(rig.told()) == 2)
    assert [one.id for one in rig.told()] == rig.decided()
    first, second = (one.data or {} for one in rig.told())
    assert (first["decision"], first["by"], second["note"]) == ("acknowledged", "ann", "hm")
    shown = answer("case", "show", alert, "--kafka", home=home)
    assert [one["decision"] for one in shown["decisions"]] == ["acknowledged", "noted"]
    assert "when (UTC)" in limen("case", "show", alert, "--kafka", home=home).stdout
    assert "SITE:RULE:SUBJECT:NUMBER" in limen(
        "case", "show", "vault", "--kafka", home=home, exit_code=2
    ).stderr  # fmt: skip
    assert "--kafka" in limen("case", "reopen", alert, "--by", "a", "--send", home=home, exit_code=2).stderr


def test_a_decision_happens_at_the_time_of_its_site(rig: Rig) -> None:
    """It is the newest that the site's events tell, and not that of the wall's clock or of a neighbour."""
    with KafkaLog(rig.kafka) as log:
        partition = log.partition_of("campus")
        neighbour = next(
            site for site in map("site-{}".format, range(99)) if log.partition_of(site) == partition
        )
        times = [("campus", 5), ("campus", 7), (neighbour, 9)]
        log.transact(partition, from_position=0, to_position=0, events=[_event(*one) for one in times])
    with rig.relaying():
        send_commands(rig.kafka, [a_command(1), a_command(2, neighbour)])
        wait_for(lambda: len(rig.told()) == 2)
    assert {one.site: one.time.occurred_at for one in rig.told()} == {"campus": 7, neighbour: 9}


def _event(site: str, known_at: int) -> EventDraft:
    event = Event(
        id=f"{site}:{known_at}:0",
        site=site,
        topic=Topics.SIGNAL_LATE,
        position=0,
        ordinal=0,
        occurred_at=0,
        known_at=known_at,
    )
    return EventDraft(event.id, site, event.topic, write_event(event), known_at)


def test_bad_commands_are_quarantined_and_the_others_decided(rig: Rig) -> None:
    """Every kind goes to quarantine with its offset, key and bytes; those around it are decided, in order."""
    bad = [one for _, one in bad_messages() if len(one.value or b"") < 10_000]
    mixed = [one for number, odd in enumerate(bad) for one in (message(a_command(number)), odd)]
    placed = rig.produce([*mixed, message(a_command(99))])
    with rig.relaying():
        wait_for(lambda: len(rig.told()) == len(bad) + 1)
    kept = {(int(one["partition"]), int(one["offset"])): one for one in rig.quarantined()}
    assert kept.keys() == {place for place, one in zip(placed, mixed, strict=False) if one in bad}
    for place, one in zip(placed, mixed, strict=False):
        if one in bad:
            assert kept[place]["source"] == "commands"
            assert (kept[place]["key"], kept[place]["value"] or b"") == (one.key, one.value or b"")
    assert len(rig.quarantined()) == len(bad)
    notes = [(one.data or {})["note"] for one in rig.told()]
    assert notes == [*map(str, range(len(bad))), "99"]


def test_what_stands_in_the_quarantine_is_not_put_there_again(rig: Rig) -> None:
    """A relay that was killed after the quarantine took a message, and before it noted that, repeats none."""
    rig.produce([bad for _, bad in bad_messages()[:3]])
    with rig.relaying():
        wait_for(lambda: len(rig.quarantined()) == 3)
    with rig.postgres.server.connected() as connection:
        wait_for(lambda: connection.execute(f"DELETE FROM {rig.postgres.schema}.cases_tracking").rowcount > 0)
    with rig.relaying(), rig.cases() as cases:
        topic = topic_name(rig.kafka, Topic.COMMANDS)
        wait_for(lambda: sum(cases.tracked(f"{topic}/{n}") for n in range(PARTITIONS)) == 3)
    assert len(rig.quarantined()) == 3


@pytest.mark.slow
def test_the_process_says_what_it_refuses(rig: Rig) -> None:
    """It is ready once it has partitions, counts, says each refusal without naming anybody, and drains."""
    process = rig.start("one")
    endpoint = rig.endpoint("one")
    send_commands(rig.kafka, [
        a_command(1, decision=Decision.ACKNOWLEDGED, note=None),
        a_command(2, decision=Decision.ACKNOWLEDGED, note=None),
        a_command(3, alert="hq:door_held:vault:1"),
        a_command(4, if_version=0),
        a_command(5, by=" "),
        a_command(6, decision=Decision.CLOSED, resolution=Resolution.EXPLAINED, if_version=2),
    ])  # fmt: skip
    wait_for(lambda: len(rig.told()) == 2)
    wait_for(lambda: endpoint.metric("limen_relay_decisions_told_total") == 2)
    assert not endpoint.waiting_for()
    assert endpoint.is_live()
    assert endpoint.metric("limen_relay_commands_total", outcome="decided") == 2
    assert endpoint.metric("limen_relay_commands_total", outcome="refused") == 4
    wait_for(lambda: endpoint.metric("limen_relay_lag_commands") == 0)
    process.terminate()
    assert process.wait(30) == 0
    said = rig.lines("one")
    refused = {one["correlation"]: one["reason"] for one in said if one["event"] == "refused"}
    assert refused == {
        "c-2": "it is acknowledged already",
        "c-3": "there is no such alert at this site",
        "c-4": "the case stands at version 2, not 0: look at it again",
        "c-5": "by: it is empty; write something",
    }
    assert said[-1]["event"] == "drained"
    assert "ann" not in (rig.folder / "one.log").read_text()


@pytest.mark.slow
def test_killed_relays_decide_and_tell_each_command_once(rig: Rig) -> None:
    """SIGKILLed again and again, two at work at a time: each command is decided and told once, in order."""
    rng = random.Random(20260302)
    sent: Counter[str] = Counter()
    relays = [rig.start("r0"), rig.start("r1")]
    for turn in range(KILLS + 1):
        batch = [a_command(100 * turn + n, rng.choice(SITES)) for n in range(40)]
        send_commands(rig.kafka, batch)
        sent.update(one.site for one in batch)
        if turn < KILLS:
            with rig.cases() as cases:
                before = cases.newest()
                wait_for(lambda: cases.newest() > before + rng.randint(0, 30))  # noqa: B023 - used at once
            relays[turn % 2].kill()
            relays[turn % 2] = rig.start(f"r{turn + 2}")
    wait_for(lambda: len(rig.told()) >= sum(sent.values()))
    for relay in relays:
        relay.terminate()
    assert [relay.wait(60) for relay in relays] == [0, 0]
    told = rig.told()
    assert sorted(one.id for one in told) == sorted(rig.decided())
    assert Counter(one.site for one in told) == sent
    for site in SITES:
        notes = [int((one.data or {})["note"]) for one in told if one.site == site]
        assert notes == sorted(set(notes))


@pytest.mark.slow
def test_a_relay_that_stood_still_tells_nothing_twice(rig: Rig) -> None:
    """It stops just before it appends; another tells the log; it wakes up, and does not."""
    with rig.cases() as cases:
        for site in SITES:
            cases.acknowledge(f"{site}:door_held:vault:1", by="ann", at=datetime.now(UTC))
    stale = rig.start("stale", "tests.relay.stalling", "relay")
    wait_for(lambda: "T (stopped)" in Path(f"/proc/{stale.pid}/status").read_text())
    rig.start("other")
    wait_for(lambda: len(rig.told()) == len(SITES))
    stale.send_signal(signal.SIGCONT)
    wait_for(lambda: any(one.get("on") == "command side" for one in rig.lines("stale")))
    with rig.cases() as cases:
        cases.acknowledge("campus:door_held:vault:2", by="ann", at=datetime.now(UTC))
    wait_for(lambda: len(rig.told()) > len(SITES))
    time.sleep(1)  # what is told twice would be there by then
    assert sorted(one.id for one in rig.told()) == sorted(rig.decided())


@pytest.mark.slow
def test_relays_that_are_stopped_at_random_tell_nothing_twice(rig: Rig) -> None:
    """Two that both believe to own everything, one of them stopped and continued: everything once."""
    rng = random.Random(7)
    relays = [rig.start("a"), rig.start("b")]
    for turn in range(6):
        send_commands(rig.kafka, [a_command(10 * turn + n, rng.choice(SITES)) for n in range(10)])
        relay = relays[turn % 2]
        relay.send_signal(signal.SIGSTOP)
        time.sleep(rng.uniform(0, 0.5))
        relay.send_signal(signal.SIGCONT)
    wait_for(lambda: len(rig.told()) >= 60)
    for relay in relays:
        relay.terminate()
    assert [relay.wait(60) for relay in relays] == [0, 0]
    assert sorted(one.id for one in rig.told()) == sorted(rig.decided())
    assert len(rig.told()) == 60


def test_a_lost_claim_ends_the_telling(rig: Rig) -> None:
    """While one is silent for longer than its claim lasts, another tells; the first then appends nothing."""
    with rig.cases() as cases, KafkaLog(rig.kafka) as log:
        cases.acknowledge("campus:door_held:vault:1", by="ann", at=datetime.now(UTC))
        partition, telling = log.partition_of("campus"), Telling(rig.kafka, SEND_SECONDS)
        topic = topic_name(rig.kafka, Topic.SIGNALS)
        other = Teller(cases, rig.storage, log, telling, topic)
        found: list[int | None] = []

        class SilentLog(KafkaLog):
            def events_head(self, partition: int) -> int:  # asked for the log's time, before an append
                found.append(other.tell(partition))
                wait_for(lambda: found.append(other.tell(partition)) or found[-1] is not None)
                return super().events_head(partition)

        with SilentLog(rig.kafka) as silent:
            first = Teller(cases, rig.storage, silent, telling, topic, claim_seconds=1)
            with pytest.raises(CommandSideUnavailable):
                first.tell(partition)
        assert (found[0], sum(told or 0 for told in found)) == (None, 1)
        assert other.tell(partition) == 0
        telling.close()
    assert [one.id for one in rig.told()] == rig.decided()


def test_the_relay_outlives_its_stores(rig: Rig) -> None:
    """While PostgreSQL is away, commands wait, uncounted; when it is back, all of them are decided."""
    with rig.relaying() as registry:

        def lags() -> list[float | None]:
            labels = [{"partition": str(number)} for number in range(PARTITIONS)]
            return [registry.get_sample_value("limen_relay_lag_commands", one) for one in labels]

        send_commands(rig.kafka, [a_command(1)])
        wait_for(lambda: len(rig.told()) == 1)
        wait_for(lambda: lags() == [0] * PARTITIONS)
        rig.postgres.server.stop()
        send_commands(rig.kafka, [a_command(2)])
        wait_for(lambda: registry.get_sample_value("limen_relay_command_side_away") == 1)
        assert lags() == [None] * PARTITIONS
        rig.postgres.server.start()
        wait_for(lambda: len(rig.told()) == 2)
        wait_for(lambda: registry.get_sample_value("limen_relay_command_side_away") == 0)
        wait_for(lambda: lags() == [0] * PARTITIONS)


@pytest.mark.slow
def test_the_relay_outlives_the_broker(rig: Rig, kafka: Kafka) -> None:
    """Whether it is gone or stands still, an idle relay says so; it tells everything afterwards."""
    process = rig.start("one", environment={"LIMEN_KAFKA_WAIT_SECONDS": "2"})
    endpoint = rig.endpoint("one")
    wait_for(lambda: not endpoint.waiting_for())
    kafka.broker.pause()
    wait_for(lambda: "log" in endpoint.waiting_for())
    assert endpoint.is_live()
    kafka.broker.resume()
    wait_for(lambda: not endpoint.waiting_for())
    kafka.broker.kill()
    with rig.cases() as cases:
        cases.acknowledge("campus:door_held:vault:1", by="ann", at=datetime.now(UTC))
    wait_for(lambda: "log" in endpoint.waiting_for())
    assert endpoint.metric("limen_log_away") == 1
    wait_for(lambda: endpoint.metric("limen_relay_lag_commands") is None)
    kafka.broker.start()
    wait_for(lambda: len(rig.told()) == 1)
    send_commands(rig.kafka, [a_command(1)])
    wait_for(lambda: len(rig.told()) == 2)
    wait_for(lambda: not endpoint.waiting_for())
    process.terminate()
    assert process.wait(60) == 0
    assert [one["event"] for one in rig.lines("one") if one.get("on") == "log"] == 2 * ["waiting", "going on"]


def test_a_deployment_without_postgresql_is_told_so(tmp_path: Path) -> None:
    """Neither the relay nor a decision goes anywhere else."""
    assert "[postgres] host is not set" in limen("relay", home=tmp_path, exit_code=3).stderr
    asked = ("case", "show", "campus:door_held:vault:1", "--kafka")
    assert "LIMEN_POSTGRES_HOST" in limen(*asked, home=tmp_path, exit_code=3).stderr


def test_topics_that_were_made_anew_are_not_passed_over(rig: Rig) -> None:
    """Commands decided beyond the topic's end are an error that says so, and not silence."""
    with rig.cases() as cases:
        cases.mark(f"{topic_name(rig.kafka, Topic.COMMANDS)}/0", 7)
    with pytest.raises(LogCorrupt, match=r"partition 0: PostgreSQL at .* offset 7, but there are 0"):
        rig.process(RelayMetrics(CollectorRegistry())).run(threading.Event())
