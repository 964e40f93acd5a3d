"""What every adapter of the log's port must pass. Subclass it and say how a log is opened."""

import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.log import Appended, Draft, EventDraft, Log, PositionConflict, Snapshot, Stored

SITE = "campus"


def draft(number: int) -> Draft:
    """Return the signal of this number: the same number is always the same signal."""
    return Draft(id=f"{number:032x}", site=SITE, wire=b'{"number": %d}' % number)


def event(position: int, ordinal: int = 0, *, topic: str = "zone.entered", **fields: str) -> EventDraft:
    """Return an event decided by the signal at this position, known at 1,000 µs for each position."""
    return EventDraft(
        id=f"{SITE}:{position}:{ordinal}",
        site=SITE,
        topic=topic,
        wire=f"{topic} {position} {ordinal}".encode(),
        known_at=1_000 * position,
        **fields,
    )


def fill(log: Log, count: int, partition: int = 0) -> None:
    """Append this many different signals."""
    log.append(partition, [draft(number) for number in range(count)])


def offsets(found: Sequence[Stored] | Iterator[Stored]) -> list[int]:
    """Return the offsets of what was found."""
    return [stored.offset for stored in found]


class LogContract(ABC):
    """The port's promises."""

    @abstractmethod
    def open_log(self, folder: Path) -> Log:
        """Open the log that belongs to this folder for writing: the same folder is the same log."""

    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[Log]:
        """An empty log."""
        log = self.open_log(tmp_path)
        yield log
        log.close()

    def test_an_empty_log_answers(self, log: Log) -> None:
        """A partition nobody wrote to has heads and position 0, no rows and no snapshot."""
        assert (log.head(5), log.events_head(5), log.position(5), log.snapshot(5)) == (0, 0, 0, None)
        assert list(log.read(5, 0, 10)) == list(log.read_events(5, 0, 10)) == []
        assert list(log.find_events(5, topics=["zone.entered"])) == []

    def test_what_was_appended_is_read_exactly(self, log: Log) -> None:
        """Ids, sites and bytes come back unchanged, whatever the bytes."""
        drafts = [
            Draft("00" * 16, SITE, b""),
            Draft("ff" * 15 + "00", "другой", bytes(range(256))),
            Draft("0123456789abcdef" * 2, SITE, b"x" * 200_000),
        ]
        assert log.append(0, drafts) == Appended(new=[0, 1, 2], duplicates=0, first_offset=0, next_offset=3)
        expected = [Stored(offset, one.id, one.site, one.wire) for offset, one in enumerate(drafts)]
        assert list(log.read(0, 0, 10)) == expected

    def test_reading_respects_start_and_limit(self, log: Log) -> None:
        """A read begins at its offset, returns at most its limit, and is empty at the end."""
        fill(log, 10)
        assert offsets(log.read(0, 4, 3)) == [4, 5, 6]
        assert offsets(log.read(0, 8, 100)) == [8, 9]
        assert offsets(log.read(0, 10, 1)) == offsets(log.read(0, 3, 0)) == []

    def test_an_append_of_nothing(self, log: Log) -> None:
        """Appending no signals is no error and moves nothing."""
        fill(log, 2)
        assert log.append(0, []) == Appended([], 0, 2, 2)

    def test_duplicates_leave_no_gap(self, log: Log) -> None:
        """A signal the partition has, or that comes twice in one call, is counted and left out."""
        log.append(0, [draft(1), draft(2), draft(1)])
        assert log.append(0, [draft(2), draft(3), draft(3), draft(1), draft(4)]) == Appended([1, 4], 3, 2, 4)
        assert [stored.id for stored in log.read(0, 0, 10)] == [draft(n).id for n in (1, 2, 3, 4)]
        assert offsets(log.read(0, 0, 10)) == [0, 1, 2, 3]

    def test_the_first_of_two_with_one_id_stays(self, log: Log) -> None:
        """Other bytes under an id that is known change nothing."""
        log.append(0, [draft(1), Draft(draft(1).id, SITE, b"other")])
        log.append(0, [Draft(draft(1).id, SITE, b"third")])
        assert [stored.wire for stored in log.read(0, 0, 10)] == [draft(1).wire]

    def test_partitions_know_nothing_of_each_other(self, log: Log) -> None:
        """The same id may be in two partitions; offsets, positions and snapshots are each one's own."""
        fill(log, 3, partition=0)
        fill(log, 2, partition=1)
        log.transact(1, from_position=0, to_position=1, events=[event(0)], snapshot=b"one")
        assert (log.head(0), log.events_head(0), log.position(0), log.snapshot(0)) == (3, 0, 0, None)
        assert (log.head(1), log.events_head(1), log.position(1)) == (2, 1, 1)
        assert log.snapshot(1) == Snapshot(1, b"one")

    def test_duplicates_are_known_after_reopening(self, tmp_path: Path) -> None:
        """A log that was closed and opened still knows every id."""
        first = self.open_log(tmp_path)
        fill(first, 3)
        first.append(0, [draft(7)])
        first.close()
        second = self.open_log(tmp_path)
        assert second.append(0, [draft(7), draft(1), draft(8)]) == Appended([2], 2, 4, 5)
        second.close()

    def test_everything_is_there_after_reopening(self, tmp_path: Path) -> None:
        """Signals, events, position and snapshot outlive closing."""
        first = self.open_log(tmp_path)
        fill(first, 2)
        first.transact(0, from_position=0, to_position=2, events=[event(0), event(1)], snapshot=b"state")
        before = (list(first.read(0, 0, 9)), list(first.read_events(0, 0, 9)))
        first.close()
        second = self.open_log(tmp_path)
        assert (list(second.read(0, 0, 9)), list(second.read_events(0, 0, 9))) == before
        assert (second.position(0), second.snapshot(0)) == (2, Snapshot(2, b"state"))
        second.close()

    def test_transact_writes_all_of_it(self, log: Log) -> None:
        """Events get the next offsets, the position moves, and a snapshot stays until the next one."""
        fill(log, 5)
        log.transact(0, from_position=0, to_position=2, events=[event(0), event(1)], snapshot=b"a")
        log.transact(0, from_position=2, to_position=4, events=[event(3)])
        assert [(stored.offset, stored.id) for stored in log.read_events(0, 0, 9)] == [
            (0, "campus:0:0"), (1, "campus:1:0"), (2, "campus:3:0"),
        ]  # fmt: skip
        assert (log.events_head(0), log.position(0), log.snapshot(0)) == (3, 4, Snapshot(2, b"a"))
        log.transact(0, from_position=4, to_position=5, events=[], snapshot=b"b")
        assert (log.events_head(0), log.position(0), log.snapshot(0)) == (3, 5, Snapshot(5, b"b"))

    def test_events_are_read_exactly(self, log: Log) -> None:
        """An event's id, site and bytes come back unchanged, from an offset and up to a limit."""
        fill(log, 3)
        events = [event(0), EventDraft("b:1:0", "b", "alert.raised", bytes(range(256)), 1), event(2)]
        log.transact(0, from_position=0, to_position=3, events=events)
        expected = [Stored(offset, one.id, one.site, one.wire) for offset, one in enumerate(events)]
        assert list(log.read_events(0, 0, 9)) == expected
        assert list(log.read_events(0, 1, 1)) == expected[1:2]

    @pytest.mark.parametrize("wrong", [0, 1, 3])
    def test_transact_from_elsewhere_is_a_conflict(self, log: Log, wrong: int) -> None:
        """A transaction that does not begin at the committed position writes nothing."""
        fill(log, 4)
        log.transact(0, from_position=0, to_position=2, events=[event(0)], snapshot=b"a")
        with pytest.raises(PositionConflict):
            log.transact(0, from_position=wrong, to_position=4, events=[event(9)], snapshot=b"b")
        assert (log.events_head(0), log.position(0), log.snapshot(0)) == (1, 2, Snapshot(2, b"a"))

    def test_events_are_found_by_topic_visit_and_point(self, log: Log) -> None:
        """Every condition narrows what is found; the order is the log's."""
        fill(log, 6)
        events = [
            event(0, topic="visit.started", visit="v1", point="p"),
            event(1, topic="zone.entered", visit="v1", point="p"),
            event(2, topic="zone.entered", visit="v2", point="q"),
            event(3, topic="door.opened", point="p"),
            event(4, topic="visit.ended", visit="v1", point="q"),
            event(5, topic="zone.entered", visit="v1", point="q"),
        ]
        log.transact(0, from_position=0, to_position=6, events=events)
        visit = ["visit.ended", "zone.entered", "visit.started"]

        assert offsets(log.find_events(0, topics=[*visit, "door.opened"])) == [0, 1, 2, 3, 4, 5]
        assert offsets(log.find_events(0, topics=visit, visit="v1")) == [0, 1, 4, 5]
        assert offsets(log.find_events(0, topics=["zone.entered"], visit="v1", point="q")) == [5]
        assert offsets(log.find_events(0, topics=[*visit, "door.opened"], point="p")) == [0, 1, 3]
        assert offsets(log.find_events(0, topics=visit, from_offset=1, to_offset=5)) == [1, 2, 4]
        assert offsets(log.find_events(0, topics=visit, visit="v1", from_offset=1, to_offset=4)) == [1]
        assert offsets(log.find_events(0, topics=visit, known_until=2_000)) == [0, 1, 2]
        assert offsets(log.find_events(0, topics=visit, visit="v1", known_until=3_999)) == [0, 1]
        assert offsets(log.find_events(0, topics=["door.closed"])) == []
        assert offsets(log.find_events(0, topics=[])) == offsets(log.find_events(1, topics=visit)) == []
        (opened,) = log.find_events(0, topics=["door.opened"])
        assert opened == Stored(3, events[3].id, SITE, events[3].wire)

    def test_many_events_are_found_in_order(self, log: Log) -> None:
        """More events than any adapter reads at once come whole, once each, and in order."""
        fill(log, 1)
        topics = ["visit.started", "zone.entered", "door.opened"]
        events = [event(0, n, topic=topics[n % 7 % 3], visit=f"v{n % 2}") for n in range(9_000)]
        log.transact(0, from_position=0, to_position=1, events=events)
        assert offsets(log.find_events(0, topics=topics)) == list(range(9_000))
        assert offsets(log.find_events(0, topics=topics, visit="v1")) == list(range(1, 9_000, 2))

    def test_closing_twice_is_harmless(self, tmp_path: Path) -> None:
        """A log may be closed twice."""
        log = self.open_log(tmp_path)
        log.close()
        log.close()

    def test_threads_may_append_at_once(self, log: Log) -> None:
        """Appends from several threads lose and repeat nothing, and say truly which offsets are theirs."""
        answers: dict[int, list[Appended]] = {}

        def work(thread: int) -> None:
            mine = [[draft(thread * 1_000 + 10 * n + m) for m in range(10)] for n in range(20)]
            answers[thread] = [log.append(0, [*batch, draft(999_999)]) for batch in mine]

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = log.read(0, 0, 10_000)
        assert offsets(stored) == list(range(4 * 200 + 1))
        assert sum(answer.duplicates for each in answers.values() for answer in each) == 79
        for number, each in answers.items():
            for n, answer in enumerate(each):
                ids = [one.id for one in stored[answer.first_offset : answer.next_offset]]
                wanted = [draft(number * 1_000 + 10 * n + m).id for m in range(10)]
                assert [id_ for id_ in ids if id_ != draft(999_999).id] == wanted

    # Each adapter's tests inherit this one: that they are different executors is the point.
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_it_is_a_list_without_duplicates(self, data: st.DataObject) -> None:
        """Any appends, transactions and reopenings leave what they leave in a model made of lists."""
        with tempfile.TemporaryDirectory() as folder:
            log, model = self.open_log(Path(folder)), {0: _Model(), 1: _Model()}
            for _ in range(data.draw(st.integers(1, 8))):
                partition = data.draw(st.sampled_from([0, 1]))
                step = data.draw(st.sampled_from(["append", "append", "transact", "reopen"]))
                if step == "append":
                    drafts = [draft(n) for n in data.draw(st.lists(st.integers(0, 20), max_size=12))]
                    assert log.append(partition, drafts) == model[partition].append(drafts)
                elif step == "transact":
                    model[partition].transact(log, partition, data)
                else:
                    log.close()
                    log = self.open_log(Path(folder))
                model[partition].check(log, partition)
            log.close()


@dataclass
class _Model:
    signals: list[Draft] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)
    position: int = 0
    snapshot: Snapshot | None = None

    def append(self, drafts: list[Draft]) -> Appended:
        head = len(self.signals)
        new = []
        for place, one in enumerate(drafts):
            if one not in self.signals:
                self.signals.append(one)
                new.append(place)
        return Appended(new, len(drafts) - len(new), head, len(self.signals))

    def transact(self, log: Log, partition: int, data: st.DataObject) -> None:
        to_position = data.draw(st.integers(self.position, len(self.signals)))
        state = data.draw(st.none() | st.binary(max_size=5))
        events = [
            event(position, ordinal)
            for position in range(self.position, to_position)
            for ordinal in range(data.draw(st.integers(0, 2)))
        ]
        log.transact(
            partition, from_position=self.position, to_position=to_position, events=events, snapshot=state
        )
        self.events += events
        self.position = to_position
        self.snapshot = self.snapshot if state is None else Snapshot(to_position, state)

    def check(self, log: Log, partition: int) -> None:
        signals = [Stored(n, one.id, one.site, one.wire) for n, one in enumerate(self.signals)]
        events = [Stored(n, one.id, one.site, one.wire) for n, one in enumerate(self.events)]
        assert list(log.read(partition, 0, 1_000)) == signals
        assert list(log.read_events(partition, 0, 1_000)) == events
        assert list(log.find_events(partition, topics=["zone.entered"])) == events
        assert (log.head(partition), log.events_head(partition)) == (len(signals), len(events))
        assert (log.position(partition), log.snapshot(partition)) == (self.position, self.snapshot)
