"""The history held against the log: what is missing, extra, double or changed, is found."""

import msgspec
import pytest

from domain.vocabulary import Topic
from projections.client import History
from projections.errors import HistoryIncomplete
from projections.replay import replay_batches
from projections.verify import done, verify
from tests.history_fixture import Entry
from tests.queries.story import a_visit, at, card, directory, event, fill, signal


def test_verify_finds_what_is_wrong(history: History) -> None:
    """Missing, extra and doubled rows, gaps and another id are each found, in the derived tables too."""
    log = fill(history, *(signal(n, n) for n in range(6)), *a_visit("a", 0, 0, 30))
    heads = {"signals_head": 6, "events_head": 5}
    assert verify(history, log, 0, **heads)["ok"]
    log.signals[1] = Entry(1, "other", log.signals[1].wire)
    history.run("ALTER TABLE signals DELETE WHERE offset IN (2, 3) SETTINGS mutations_sync = 1")
    history.run("INSERT INTO signals SELECT * REPLACE (9 AS offset) FROM signals LIMIT 1")
    history.run("INSERT INTO events SELECT * FROM events WHERE offset = 0")
    history.run("ALTER TABLE moves DELETE WHERE offset = 1 SETTINGS mutations_sync = 1")
    answer = verify(history, log, 0, **heads)
    assert not answer["ok"]
    assert (answer["missing"], answer["extra"], answer["differing"]) == (2, 2, 1)
    assert answer["gaps"] == [{"log": "signals", "from": 2, "to": 4}]
    assert answer["signals"]["first_difference"] == 1
    assert answer["derived"]["moves"] == {"in_history": 2, "missing": 1, "double": 0, "extra": 0}


def test_verify_leaves_out_what_a_sink_is_writing(history: History) -> None:
    """Between what is done and the end of the log rows may be there or not; beyond it they are extra."""
    log = fill(history, *(signal(n, n) for n in range(6)), *a_visit("a", 0, 0, 30))
    heads = {"signals_head": 6, "events_head": 5, "at_work": (4, 2)}
    assert done(history, 0) == (6, 5)
    history.run("ALTER TABLE signals DELETE WHERE offset = 5 SETTINGS mutations_sync = 1")
    history.run("ALTER TABLE moves DELETE WHERE offset >= 2 SETTINGS mutations_sync = 1")
    assert verify(history, log, 0, **heads)["ok"]
    history.run("INSERT INTO signals SELECT * REPLACE (6 AS offset) FROM signals LIMIT 1")
    answer = verify(history, log, 0, **heads)
    assert (answer["ok"], answer["missing"], answer["extra"]) == (False, 0, 1)


def test_verify_finds_changed_content(history: History) -> None:
    """A derived row that was changed, with nulls in it as most have, is one missing and one extra."""
    raised = event(0, Topic.ALERT_RAISED, 0, rule="density", alert="lab:density:office:1", zone="office")
    log = fill(history, signal(0, 0), raised)
    assert verify(history, log, 0, signals_head=1, events_head=1)["ok"]
    history.run("ALTER TABLE alerts UPDATE severity = 'info' WHERE 1 SETTINGS mutations_sync = 1")
    answer = verify(history, log, 0, signals_head=1, events_head=1)
    assert not answer["ok"]
    assert answer["derived"]["alerts"] == {"in_history": 1, "missing": 1, "double": 0, "extra": 1}


def test_verify_finds_a_history_that_lags(history: History) -> None:
    """What the log has at its end and the history not yet is missing, and a gap."""
    log = fill(history, signal(0, 0))
    log.add(signal(1, 1))
    answer = verify(history, log, 0, signals_head=2, events_head=0)
    assert (answer["ok"], answer["missing"], answer["gaps"]) == (
        False,
        1,
        [{"log": "signals", "from": 1, "to": 2}],
    )


def test_replay_gives_the_signals_back_in_order(history: History) -> None:
    """Batches are in log order, hold what the engine reads, and end where they were asked to."""
    log = fill(history, *(card(n, n, f"k{n % 3}") for n in range(9)), directory(9, 9, []))
    batches = list(replay_batches(history, 0, 2, 10, rows=3))
    assert [batch.num_rows for batch in batches] == [3, 3, 2]
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["position"] for row in rows] == list(range(2, 10))
    assert rows[0] == {
        "position": 2, "occurred_at": at(2), "received_at": at(2), "seq": None, "device": "reader",
        "point": "front", "credential": "k2", "person": None, "category": "credential",
        "action": "granted", "direction": "unknown", "delivery": "live",
        "count_interval": None, "data": None,
    }  # fmt: skip
    assert msgspec.json.decode(rows[-1]["data"])["kind"] == "directory"
    assert str(batches[0].schema.field("credential").type).startswith("dictionary")
    with pytest.raises(HistoryIncomplete, match="1 of the 2 signals at 9 to 10"):
        list(replay_batches(history, 0, 9, len(log.signals) + 1))
