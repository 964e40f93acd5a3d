"""What every application of the command side has: its storage, its errors, and what it tells the log."""

import sqlite3
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID

from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    PersistenceError,
    ProcessRecorder,
    Recording,
    Tracking,
)
from eventsourcing.utils import Environment, EnvType

from domain.signal import Signal
from infra.command_side.errors import CommandSideUnavailable, Overtaken
from infra.command_side.storage import Storage


class CommandApplication(Application[UUID]):
    """An `eventsourcing` application whose decisions are told to the signals log.

    Subclasses give `name` (a storage format: tables are named by it), `TOLD`, the topics of the events that
    the log is told of, and `signal`.
    """

    TOLD: ClassVar[Sequence[str]]

    def __init__(self, storage: Storage) -> None:
        """Open the storage, and make its tables when they are not there.

        Raises:
            CommandSideUnavailable: it cannot be reached, read or written.
        """
        self.storage = storage
        self._mark: Tracking | None = None
        with storage.preparing(), self._explained():
            super().__init__(storage.environment())

    @abstractmethod
    def signal(self, notification: Notification) -> Signal:
        """Return the control signal that tells of a decision, happening when it was decided.

        It follows from the notification alone.
        """

    def told_after(self, place: int, limit: int) -> Sequence[Notification]:
        """Return at most `limit` notifications that the log is to be told of, above a place, in order."""
        with self._explained():
            return self.recorder.select_notifications(
                place, limit, topics=self.TOLD, inclusive_of_start=False
            )

    def newest(self) -> int:
        """Return the number of the newest notification; 0 if there is none."""
        with self._explained():
            return self.recorder.max_notification_id() or 0

    def tracked(self, name: str) -> int:
        """Return the number that is remembered under a name; 0 if none is."""
        with self._explained():
            return self._tracking.max_tracking_id(name) or 0

    def track(self, name: str, number: int) -> None:
        """Remember a number under a name, if it is greater than the one that is."""
        if number > self.tracked(name):
            self.mark(name, number)

    def mark(self, name: str, number: int) -> None:
        """Remember a number under a name.

        Raises:
            Overtaken: somebody else has remembered this number or a greater one.
        """
        with self._explained():
            self._tracking.insert_tracking(Tracking(name, number))

    @contextmanager
    def marking(self, name: str, number: int) -> Iterator[None]:
        """Remember a number under a name in the very transaction of what is saved within the block.

        Where somebody else has remembered it, saving raises `Overtaken`, and nothing is saved.
        """
        self._mark = Tracking(name, number)
        try:
            yield
        finally:
            self._mark = None

    def _record(self, processing_event: ProcessingEvent[UUID]) -> list[Recording[UUID]]:
        """Save, with the mark where there is one."""
        processing_event.tracking = self._mark
        return super()._record(processing_event)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Return what the storage says, and nothing else: this process's environment is for other things."""
        return Environment(name, env)

    def construct_recorder(self) -> ProcessRecorder:
        """Return a recorder that also keeps how far the log has been told."""
        return self.factory.process_recorder()

    @property
    def _tracking(self) -> ProcessRecorder:
        recorder = self.recorder
        assert isinstance(recorder, ProcessRecorder)
        return recorder

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the storage's errors into ours.

        Raises:
            Overtaken: another process wrote the same version of an aggregate, or the same number, first.
            CommandSideUnavailable: it cannot be reached, read or written.
        """
        try:
            yield
        except IntegrityError as error:
            raise Overtaken("somebody else decided something at the same moment: look at it again") from error
        except (PersistenceError, sqlite3.Error) as error:
            said = " ".join(str(error).split())
            raise CommandSideUnavailable(
                f"{self.storage.name}: {said}; it must be there and writable"
            ) from error
