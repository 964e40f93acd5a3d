"""What the cases and their relay promise, wherever they are kept. Subclass it and give a storage."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from domain.errors import CommandRefused
from domain.signal import Signal, read_signal
from domain.vocabulary import Action, CaseStatus, Category, Decision, Resolution
from infra.command_side.cases import Cases
from infra.command_side.errors import Outdated, Overtaken
from infra.command_side.relay import Relay
from infra.command_side.storage import Storage
from streams.log import Appended, Draft, LogUnavailable, Stored
from streams.sqlite_log import SqliteLog

SITE: Final = "campus"
ALERT: Final = "campus:after_hours:ann:1"
OTHER: Final = "campus:door_held:vault:7"
FOREIGN: Final = "elsewhere:door_held:x:1"
MONDAY: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
LOG_TIME: Final = 1_000_000


def site_of(alert: str) -> str | None:
    """Return the site of an alert; there are alerts 1 to 9 of each subject."""
    return alert.partition(":")[0] if alert[-2:-1] == ":" else None


class PlainLog:
    """A log that keeps whatever it is given, twice if it is given twice, as Kafka does."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        self.fails = False

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """Append them all."""
        del partition
        if self.fails:
            raise LogUnavailable("away: wait")
        first = len(self.stored)
        self.stored += [
            Stored(offset, one.id, one.site, one.wire) for offset, one in enumerate(signals, first)
        ]
        return Appended(range(len(signals)), 0, first, len(self.stored))

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return what stands there."""
        del partition
        return self.stored[from_offset : from_offset + limit]

    def head(self, partition: int) -> int:
        """Return how many there are."""
        del partition
        return len(self.stored)


def relay(cases: Cases, log: Any, name: str = "log") -> Relay:
    """Return the relay of the site's decisions."""
    return Relay(cases, log, 0, name=name, concerns=lambda site: site == SITE, log_time=lambda _: LOG_TIME)


def told(log: Any) -> list[Signal]:
    """Return the signals in a log."""
    return [read_signal(stored.wire) for stored in log.read(0, 0, 10_000)]


class CasesContract(ABC):
    """The promises."""

    @pytest.fixture
    @abstractmethod
    def storage(self) -> Storage:
        """A storage that nobody has used."""

    @pytest.fixture
    def cases(self, storage: Storage) -> Iterator[Cases]:
        """The application, open."""
        with Cases(storage, site_of) as opened:
            yield opened

    def test_a_case_is_what_was_decided(self, cases: Cases, storage: Storage) -> None:
        """Decisions are there for whoever opens the storage next, with who, when and why."""
        minutes = [MONDAY + timedelta(minutes=n) for n in range(4)]
        cases.acknowledge(ALERT, by="ann", at=minutes[0], note="on my way")
        cases.assign(ALERT, by="ann", at=minutes[1], assignee="bob")
        cases.add_note(ALERT, by="bob", at=minutes[2], note="窗户开着 🪟")
        cases.close_case(ALERT, by="bob", at=minutes[3], resolution=Resolution.EXPLAINED, note="cleaners")
        with Cases(storage, site_of) as again:
            case = again.find(ALERT)
        assert case is not None
        assert (case.status, case.acknowledged_by, case.assignee) == (CaseStatus.CLOSED, "ann", "bob")
        assert case.resolution is Resolution.EXPLAINED
        assert [(one.decision, one.by, one.note) for one in case.decisions] == [
            (Decision.ACKNOWLEDGED, "ann", "on my way"),
            (Decision.ASSIGNED, "ann", None),
            (Decision.NOTED, "bob", "窗户开着 🪟"),
            (Decision.CLOSED, "bob", "cleaners"),
        ]
        assert [one.at for one in case.decisions] == minutes

    def test_what_is_refused_leaves_nothing(self, cases: Cases) -> None:
        """An alert that is not there, and what the rules forbid, change neither the case nor the log."""
        with pytest.raises(CommandRefused, match="there is no alert"):
            cases.acknowledge("campus:after_hours:ann:10", by="ann", at=MONDAY)
        with pytest.raises(CommandRefused, match="only what is closed"):
            cases.reopen(ALERT, by="ann", at=MONDAY)
        assert cases.find(ALERT) is None
        cases.close_case(ALERT, by="ann", at=MONDAY, resolution=Resolution.DUPLICATE)
        closed = cases.find(ALERT)
        with pytest.raises(CommandRefused, match="was closed by ann"):
            cases.close_case(ALERT, by="bob", at=MONDAY, resolution=Resolution.CONFIRMED)
        assert cases.find(ALERT) == closed
        assert relay(cases, PlainLog()).run() == 1

    @pytest.mark.parametrize("begun", [False, True], ids=["a new case", "a case under way"])
    def test_of_two_at_once_the_second_is_told(
        self, cases: Cases, storage: Storage, monkeypatch: pytest.MonkeyPatch, begun: bool
    ) -> None:
        """Whoever decides on what somebody else has just changed is told so, and changes nothing."""
        if begun:
            cases.add_note(ALERT, by="cy", at=MONDAY, note="look here")
        with Cases(storage, site_of) as second:
            save = second.save

            def after_the_first(*changed: Any) -> Any:
                cases.acknowledge(ALERT, by="ann", at=MONDAY)
                return save(*changed)

            monkeypatch.setattr(second, "save", after_the_first)
            with pytest.raises(Outdated, match="look at it again"):
                second.acknowledge(ALERT, by="bob", at=MONDAY)
        case = cases.find(ALERT)
        assert case is not None
        assert case.acknowledged_by == "ann"
        assert relay(cases, PlainLog()).run() == 1 + begun

    def test_a_version_that_has_passed_is_refused(self, cases: Cases) -> None:
        """Who looked at a case decides only about the case they saw."""
        with pytest.raises(Outdated, match="version 0, not 2"):
            cases.acknowledge(ALERT, by="ann", at=MONDAY, version=2)
        case = cases.acknowledge(ALERT, by="ann", at=MONDAY, version=0)
        with pytest.raises(Outdated):
            cases.add_note(ALERT, by="bob", at=MONDAY, note="late", version=0)
        assert cases.add_note(ALERT, by="bob", at=MONDAY, note="now", version=case.version).version == 3

    def test_the_log_is_told_of_each_decision_once(self, cases: Cases) -> None:
        """In the order decided, as control signals at the log's time; running again adds nothing."""
        log = PlainLog()
        bring = relay(cases, log)
        assert bring.run() == 0
        cases.acknowledge(ALERT, by="ann", at=MONDAY)
        cases.close_case(OTHER, by="bob", at=MONDAY, resolution=Resolution.FALSE_ALARM, note="wind")
        cases.acknowledge(FOREIGN, by="bob", at=MONDAY)
        assert (bring.run(), bring.run(), relay(cases, log).run()) == (2, 0, 0)
        cases.reopen(OTHER, by="ann", at=MONDAY)
        assert (bring.run(), relay(cases, log).run()) == (1, 0)
        first, second, third = told(log)
        decided_at = round(MONDAY.timestamp() * 1_000_000)
        assert (first.site, first.category, first.action) == (SITE, Category.CONTROL, Action.DECIDED)
        assert (first.time.occurred_at, first.time.received_at) == (LOG_TIME, decided_at)
        assert second.data == {
            "kind": "alert_case",
            "alert": OTHER,
            "decision": "closed",
            "by": "bob",
            "decided_at": decided_at,
            "note": "wind",
            "resolution": "false_alarm",
        }
        assert third.data is not None
        assert third.data["decision"] == "reopened"
        assert len({first.id, second.id, third.id}) == 3

    def test_logs_of_different_sites_are_told_of_their_own(self, cases: Cases) -> None:
        """Two relays share an application; each has a place of its own."""
        cases.acknowledge(ALERT, by="ann", at=MONDAY)
        cases.acknowledge(FOREIGN, by="bob", at=MONDAY)
        for site in (SITE, "elsewhere"):
            log: Any = PlainLog()
            bring = Relay(cases, log, 0, name=site, concerns=site.__eq__, log_time=lambda _: LOG_TIME)
            assert (bring.run(), [signal.site for signal in told(log)]) == (1, [site])

    def test_each_decision_happens_at_its_sites_time(self, cases: Cases) -> None:
        """Where several sites share a partition, none carries another to its own time."""
        cases.acknowledge(ALERT, by="ann", at=MONDAY)
        cases.acknowledge(FOREIGN, by="bob", at=MONDAY)
        log, times = PlainLog(), {SITE: 5, "elsewhere": 7}
        Relay(cases, log, 0, name="log", concerns=lambda _: True, log_time=times.__getitem__).run()
        assert {signal.site: signal.time.occurred_at for signal in told(log)} == times

    def test_a_mark_and_what_it_marks_are_one(self, cases: Cases) -> None:
        """A decision under a mark that somebody has set already is not taken; nor is a mark without one."""
        with pytest.raises(CommandRefused), cases.marking("orders", 4):
            cases.reopen(ALERT, by="ann", at=MONDAY)
        assert cases.tracked("orders") == 0
        with cases.marking("orders", 5):
            cases.acknowledge(ALERT, by="ann", at=MONDAY)
        with pytest.raises(Overtaken), cases.marking("orders", 5):
            cases.add_note(ALERT, by="bob", at=MONDAY, note="twice")
        with pytest.raises(Overtaken):
            cases.mark("orders", 5)
        case = cases.add_note(ALERT, by="bob", at=MONDAY, note="once")
        assert (case.version, cases.tracked("orders")) == (3, 5)

    def test_a_log_that_is_away_is_told_later(self, cases: Cases) -> None:
        """What could not be appended is appended when the log is back, with what came since."""
        log = PlainLog()
        bring = relay(cases, log)
        cases.acknowledge(ALERT, by="ann", at=MONDAY)
        log.fails = True
        for _ in range(2):
            with pytest.raises(LogUnavailable):
                bring.run()
        log.fails = False
        cases.acknowledge(OTHER, by="ann", at=MONDAY)
        assert bring.run() == 2
        assert len(told(log)) == 2

    def test_what_a_killed_relay_appended_is_not_appended_again(
        self, cases: Cases, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the append and its note of it, other signals may have come; each stands there once."""
        log = PlainLog()
        cases.acknowledge(ALERT, by="ann", at=MONDAY)
        track = cases.track

        def killed(name: str, number: int) -> None:
            if name.endswith("told"):
                raise KeyboardInterrupt
            track(name, number)

        monkeypatch.setattr(cases, "track", killed)
        with pytest.raises(KeyboardInterrupt):
            relay(cases, log).run()
        monkeypatch.undo()
        log.append(0, [Draft(f"{1:032x}", SITE, b"something else")])
        cases.acknowledge(OTHER, by="ann", at=MONDAY)
        assert relay(cases, log).run() == 1
        ids = [stored.id for stored in log.stored]
        assert len(ids) == len(set(ids)) == 3

    def test_a_log_from_an_older_backup_is_told_again(self, cases: Cases, tmp_path: Path) -> None:
        """A log that has become shorter gets what it lacks, in order, and nothing twice."""
        whole = PlainLog()
        for alert in (ALERT, OTHER):
            cases.acknowledge(alert, by="ann", at=MONDAY)
            assert relay(cases, whole).run() == 1
        older, empty = PlainLog(), SqliteLog.open(tmp_path / "log.sqlite")
        older.stored = whole.stored[:1]
        for shorter in (older, empty):
            relay(cases, shorter).run()
            assert [signal.id for signal in told(shorter)] == [signal.id for signal in told(whole)]
        empty.close()
