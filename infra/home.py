"""A home, open: everything a site has, locked as one and opened part by part.

What a command does not need is not opened, so that asking a question does not wait for the engine.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from infra.failure import Failure
from infra.lock import Lock
from infra.settings import Home, Settings
from infra.settings_file import load_settings

if TYPE_CHECKING:
    from domain.directory import Directory
    from domain.policy import Policy
    from domain.site import Site
    from infra.command_side.cases import Cases
    from infra.command_side.relay import Relay
    from infra.pipeline import Observer, Pipeline
    from projections.client import History
    from projections.sink import Sink
    from streams.quarantine import Quarantine
    from streams.runner import Decided
    from streams.sqlite_log import SqliteLog

PARTITION: Final = 0
"""An embedded home holds one site, so one partition."""

Progress = Callable[[str, int, int | None], None]
"""Told what is being counted, how much of it is done, and how much there is (None: unknown)."""


def no_progress(counted: str, done: int, total: int | None) -> None:
    """Show nothing."""


class OpenHome:
    """A home of which this process is the owner; use it in a `with` statement, from one thread at a time."""

    def __init__(self, root: Path, wait_seconds: float = 0) -> None:
        """Take the home's lock.

        Args:
            root: its folder.
            wait_seconds: how long to wait for another process to be done with it.

        Raises:
            Failure: there is no home in this folder, or it cannot be written.
            InUse: another process has it.
        """
        self.paths = Home(root)
        if not self.paths.site.is_file():
            raise Failure(
                f"{root}: no home is there (no site.yaml); make one with "
                f"'limen init --template gastech --home {root}', or name another with --home"
            )
        self._open = ExitStack()
        self.lock = Lock(root, wait_seconds)
        self._open.callback(self.lock.close)
        self.progress: Progress = no_progress
        self.stopping: Callable[[], bool] = lambda: False
        self.running_pid: int | None = None
        self.observer: Observer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close whatever was opened and let go of the lock; closing twice is harmless."""
        self._open.close()

    @cached_property
    def settings(self) -> Settings:
        """How Limen runs here."""
        return load_settings(self.paths, os.environ)

    @cached_property
    def site(self) -> "Site":
        """The site as it stands in its file."""
        from infra.site_file import load_site

        return load_site(self.paths.site)

    @cached_property
    def policy(self) -> "Policy":
        """The policy as it stands in its file."""
        from infra.policy_file import load_policy

        return load_policy(self.paths.policy, self.site)

    @cached_property
    def directory(self) -> "Directory":
        """The persons as they stand in their file; nobody, if there is none."""
        from domain.directory import Directory
        from infra.directory_file import read_directory

        return read_directory(self.paths.directory) if self.paths.directory.exists() else Directory()

    def read_again(self) -> None:
        """Forget what was read from the files that people write, so that it is read as it now is."""
        for name in ("site", "policy", "directory"):
            self.__dict__.pop(name, None)

    @cached_property
    def log(self) -> "SqliteLog":
        """The log of signals and events."""
        from streams.sqlite_log import SqliteLog

        log = SqliteLog.open(self.paths.log)
        self._open.callback(log.close)
        return log

    @cached_property
    def quarantine(self) -> "Quarantine":
        """What could not be read."""
        from streams.quarantine import Quarantine

        quarantine = Quarantine.open(self.paths.quarantine)
        self._open.callback(quarantine.close)
        return quarantine

    @cached_property
    def history(self) -> "History":
        """The history as it is; see `catch_up`."""
        from projections.client import open_history

        history = open_history(self.paths.history)
        self._open.callback(history.close)
        return history

    @cached_property
    def sink(self) -> "Sink":
        """What brings the history up to the log; the history is no longer than the log.

        Raises:
            HistoryIncomplete: it is: nothing may be appended, for its offsets are taken in the history.
        """
        from projections.sink import BATCH, Sink

        batch_rows = min(BATCH, self.settings.sink_batch_rows)
        sink = Sink(self.history, self.log, PARTITION, batch_rows=batch_rows)
        sink.check_log()
        return sink

    @cached_property
    def pipeline(self) -> "Pipeline":
        """The pipeline, its engine standing at the committed position."""
        from infra.pipeline import Pipeline
        from streams.engine import Engine
        from streams.runner import Runner

        first = next(iter(self.log.read(PARTITION, 0, 1)), None)
        if first is not None and first.site != self.site.id:
            raise Failure(
                f"{self.paths.site}: id is {self.site.id!r}, but the log in this home is of {first.site!r}: "
                "a site keeps its id; write it back, or make another home"
            )
        runner = Runner(
            self.log,
            PARTITION,
            new=lambda: Engine(self.site.id),
            restore=Engine.restore,
            snapshot_every=self.settings.snapshot_every_signals,
        )
        pipeline = Pipeline(
            self.log,
            runner,
            self.sink,
            PARTITION,
            batch=self.settings.engine_batch_signals,
            sink_rows=self.settings.sink_batch_rows,
            observer=self._observe,
        )
        self._open.callback(pipeline.close)
        return pipeline

    def _observe(self, decided: "Decided") -> None:
        if self.observer is not None:  # it may be set after the pipeline was made, and outlives it
            self.observer(decided)

    @property
    def has_cases(self) -> bool:
        """Whether anything can have been decided about alerts: PostgreSQL is used, or the file is there."""
        return self.settings.postgres.host is not None or self.paths.cases.exists()

    @cached_property
    def cases(self) -> "Cases":
        """What people decide about alerts; an alert is one that the history has."""
        from infra.command_side.cases import Cases
        from infra.command_side.storage import PostgresStorage, SqliteStorage
        from projections.alerts import alert_exists

        postgres = self.settings.postgres
        cases = Cases(
            PostgresStorage(postgres) if postgres.host is not None else SqliteStorage(self.paths.cases),
            lambda alert: self.site.id if alert_exists(self.history, self.site, alert) else None,
        )
        self._open.callback(cases.close)
        return cases

    @cached_property
    def relay(self) -> "Relay":
        """What brings the decisions into the log, at the log's time."""
        from infra.command_side.relay import Relay

        return Relay(
            self.cases,
            self.log,
            PARTITION,
            name=f"log/{self.site.id}",
            concerns=lambda site: site == self.site.id,
            log_time=lambda _: self.pipeline.runner.engine.now,
        )

    def forget_pipeline(self) -> None:
        """Make the next use start again from what is committed: for after a write that failed."""
        pipeline = self.__dict__.pop("pipeline", None)
        if pipeline is not None:
            pipeline.close()

    def catch_up(self) -> None:
        """Decide and sink whatever a killed process left; the engine is loaded only if it left signals.

        Raises:
            LogUnavailable: it cannot be written; who only wants to read is told why that matters.
        """
        from streams.log import LogUnavailable

        if self.log.position(PARTITION) < self.log.head(PARTITION):
            try:
                self.pipeline.advance()
            except LogUnavailable as error:
                root = self.paths.root
                raise LogUnavailable(
                    f"{root} cannot be opened until what an earlier command left is decided: {error}"
                ) from error
        else:
            self.sink.catch_up()
