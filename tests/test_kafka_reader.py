"""Where reading fails half way: fakes stand for librdkafka, which cannot be told to fail there."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from confluent_kafka import KafkaError, TopicPartition

from streams.kafka import reader as reading
from streams.kafka.ids import PartitionIds
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.known_ids import ids_of
from streams.log import LogUnavailable


class Message:
    """A signal of this number, or an error."""

    def __init__(self, offset: int, code: int | None = None) -> None:
        self._offset, self._code = offset, code

    def offset(self) -> int:
        """Return where it stands."""
        return self._offset

    def error(self) -> KafkaError | None:
        """Return the error, if it is one."""
        return None if self._code is None else KafkaError(self._code)

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the id."""
        return [("id", f"{self._offset:032x}".encode())]


class Consumer:
    """Gives the messages of one partition from where it was assigned; once, with an error among them."""

    def __init__(self, _settings: Any) -> None:
        self._place, self._assigned = 0, False
        self.failures = deque([(6, KafkaError.TOPIC_AUTHORIZATION_FAILED)])

    def assign(self, places: list[TopicPartition]) -> None:
        """Begin there."""
        self._place, self._assigned = places[0].offset, True

    def unassign(self) -> None:
        """Give nothing more."""
        self._assigned = False

    def consume(self, count: int, _seconds: float) -> list[Message]:
        """Return the next ones."""
        if not self._assigned:
            return []
        found = [Message(self._place + number) for number in range(count)]
        self._place += count
        if self.failures and found[0].offset() <= self.failures[0][0] <= found[-1].offset():
            found.append(Message(0, self.failures.popleft()[1]))
        return found


def test_what_came_with_an_error_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody was given those messages: whoever reads on from the same place gets them."""
    monkeypatch.setattr(reading, "Consumer", Consumer)
    reader = PartitionReader(KafkaSettings(), "signals", 0)
    reader.seek(2)
    assert [one.offset() for one in reader.take(3)] == [2, 3, 4]
    with pytest.raises(LogUnavailable):
        reader.take(3)
    assert reader.place == 5
    reader.seek(5)
    assert [one.offset() for one in reader.take(4)] == [5, 6, 7, 8]


class Failing:
    """A reader that gives so many messages and then fails, once."""

    def __init__(self, gives: int) -> None:
        self._gives, self._place = gives, 0

    def seek(self, offset: int) -> None:
        """Go there."""
        self._place = offset

    def pieces(self, count: int) -> Iterator[list[Message]]:
        """Yield messages one by one."""
        for offset in range(self._place, self._place + count):
            if offset == self._gives:
                self._gives = -1
                raise LogUnavailable("away")
            yield [Message(offset)]


def test_ids_are_known_though_reading_them_failed_half_way() -> None:
    """What is read on after a failure begins where ids are known up to: none is taken for new."""
    ids, reader = PartitionIds(), Failing(gives=30)
    with pytest.raises(LogUnavailable):
        ids.catch_up(reader, 0, 50)  # type: ignore[arg-type]
    ids.catch_up(reader, 0, 50)  # type: ignore[arg-type]
    assert ids.scanned_to == 50
    assert np.array_equal(ids.fresh(ids_of(f"{number:032x}" for number in range(52))), [50, 51])
