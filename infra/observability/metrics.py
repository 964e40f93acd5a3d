"""Prometheus metrics of the processes; docs/operations.md says what each is for and when to worry.

Every process has a registry of its own: two of them in one test do not add up.
"""

from collections import Counter as Tally
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from domain.event import Event
from domain.signal import Signal
from domain.vocabulary import ActuationOutcome, Category, Topic

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ROWS: Final = (1, 10, 100, 1_000, 10_000, 100_000)
ACTUATION_OUTCOME: Final = "actuation_outcome"
"""`data.kind` of the control signal by which an actuator tells what became of an actuation."""
_OUTCOMES: Final = tuple(ActuationOutcome)
"""What else `data.outcome` may say is one label, or anybody could make any number of series."""


class _OfLog:
    """Whether the log answers a process that lives by it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log_away = Gauge("limen_log_away", "1 while the log cannot be reached", registry=registry)

    def log_away(self, reason: str | None) -> None:
        """Tell why the log cannot be reached; None: it can."""
        self._log_away.set(reason is not None)


class _Behind(_OfLog):
    """How far a process is behind in the partitions of the one log it follows, and whether that answers."""

    def __init__(self, registry: CollectorRegistry, lag: tuple[str, str], lag_seconds: str) -> None:
        """Make the gauges; `lag` is the name of the one that counts, and what it says."""
        super().__init__(registry)
        name, told = lag
        self._lag = Gauge(name, told, ["partition"], registry=registry)
        self._lag_seconds = Gauge(
            lag_seconds, "How long the oldest of them has been in the log", ["partition"], registry=registry
        )

    def lag(self, log: str, partition: int, count: int, seconds: float) -> None:  # noqa: ARG002 - there is one
        """Tell how far a partition is behind."""
        self._lag.labels(str(partition)).set(count)
        self._lag_seconds.labels(str(partition)).set(seconds)

    def gone(self, log: str, partition: int) -> None:  # noqa: ARG002 - there is one
        """Forget how far behind a partition is that another process has now."""
        self._lag.remove(str(partition))
        self._lag_seconds.remove(str(partition))


class WorkerMetrics(_Behind):
    """What one worker did, by partition. Sites and persons are no labels: there are too many of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(
            registry, ("limen_lag_signals", "Signals in the log that are not decided"), "limen_lag_seconds"
        )

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"limen_{name}", told, ["partition", *labels], registry=registry)

        def histogram(name: str, told: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(f"limen_{name}", told, ["partition"], registry=registry, buckets=buckets)

        self._signals = counter("signals_decided", "Signals decided and committed")
        self._events = counter("events_written", "Events written and committed")
        self._repeated = counter("signals_repeated", "Signals that came again and changed nothing")
        self._alerts = counter("alerts_raised", "Alerts raised", "rule")
        self._quarantined = counter("quarantined", "Messages put into quarantine")
        self._outcomes = counter("actuation_outcomes", "What became of actuations", "outcome")
        self._age = histogram("signal_age_seconds", "Age of a batch's newest signal when committed", _SECONDS)
        self._decide = histogram("decide_seconds", "Deciding one batch", _SECONDS)
        self._transact = histogram("transaction_seconds", "Committing one batch", _SECONDS)
        self._batch = histogram("batch_signals", "Signals in one batch", _ROWS)
        self._stopped = counter("partition_stopped", "Partitions that failed and are not decided any further")

    def decided(
        self,
        partition: int,
        signals: Sequence[Signal],
        events: Sequence[Event],
        *,
        decide_seconds: float,
        transact_seconds: float,
        age_seconds: float,
    ) -> None:
        """Count one committed batch."""
        label = str(partition)
        self._signals.labels(label).inc(len(signals))
        self._events.labels(label).inc(len(events))
        self._batch.labels(label).observe(len(signals))
        self._decide.labels(label).observe(decide_seconds)
        self._transact.labels(label).observe(transact_seconds)
        self._age.labels(label).observe(age_seconds)
        told = Tally((event.topic, event.rule or "") for event in events if event.topic in _COUNTED)
        for (topic, rule), count in told.items():
            if topic is Topic.ALERT_RAISED:
                self._alerts.labels(label, rule).inc(count)
            else:
                self._repeated.labels(label).inc(count)
        for signal in signals:
            if signal.category is Category.CONTROL and (signal.data or {}).get("kind") == ACTUATION_OUTCOME:
                outcome = (signal.data or {}).get("outcome")
                self._outcomes.labels(label, outcome if outcome in _OUTCOMES else "other").inc()

    def quarantined(self, partition: int, count: int) -> None:
        """Count messages that went to quarantine."""
        self._quarantined.labels(str(partition)).inc(count)

    def stopped(self, partition: int) -> None:
        """Count a partition that a defect stopped."""
        self._stopped.labels(str(partition)).inc()


_COUNTED: Final = frozenset({Topic.ALERT_RAISED, Topic.SIGNAL_REPEATED})


class SinkMetrics(_OfLog):
    """What a sink did, by log and partition."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        labels = ["log", "partition"]
        self._rows = Counter("limen_sink_rows", "Rows copied for good", labels, registry=registry)
        self._lag = Gauge("limen_sink_lag_rows", "Rows that wait to be copied", labels, registry=registry)
        self._lag_seconds = Gauge(
            "limen_sink_lag_seconds", "How long the oldest of them has been in the log", labels,
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "limen_sink_batch_seconds", "Copying one batch", labels, registry=registry, buckets=_SECONDS
        )
        self._target_away = Gauge(
            "limen_sink_target_away", "1 while the target cannot be reached", registry=registry
        )

    def copied(self, log: str, partition: int, rows: int, seconds: float) -> None:
        """Count one batch that has arrived."""
        labels = (log, str(partition))
        self._rows.labels(*labels).inc(rows)
        self._seconds.labels(*labels).observe(seconds)

    def lag(self, log: str, partition: int, count: int, seconds: float) -> None:
        """Tell how far one log of a partition is behind."""
        self._lag.labels(log, str(partition)).set(count)
        self._lag_seconds.labels(log, str(partition)).set(seconds)

    def gone(self, log: str, partition: int) -> None:
        """Forget how far behind a partition is that another process has now."""
        self._lag.remove(log, str(partition))
        self._lag_seconds.remove(log, str(partition))

    def target_away(self, reason: str | None) -> None:
        """Tell why the target cannot be reached; None: it can."""
        self._target_away.set(reason is not None)


class CrossSiteMetrics(_Behind):
    """What the second stage did, by partition of the persons' log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        lag = (
            "limen_cross_site_lag_uses",
            "About how many are not compared: marks of transactions count as well",
        )
        super().__init__(registry, lag, "limen_cross_site_lag_seconds")
        self._uses = Counter(
            "limen_cross_site_uses", "Uses and sightings read; again: read once more after a start",
            ["partition", "again"], registry=registry,
        )  # fmt: skip
        self._found = Counter("limen_cross_site_findings", "Findings told", ["rule"], registry=registry)
        self._quarantined = Counter(
            "limen_cross_site_quarantined", "Messages put into quarantine", ["partition"], registry=registry
        )

    def read(self, partition: int, uses: int, *, again: bool) -> None:
        """Count uses."""
        self._uses.labels(str(partition), "yes" if again else "no").inc(uses)

    def found(self, kind: str) -> None:
        """Count a finding."""
        self._found.labels(kind).inc()

    def quarantined(self, partition: int) -> None:
        """Count a message that went to quarantine."""
        self._quarantined.labels(str(partition)).inc()


class RelayMetrics(_OfLog):
    """What a relay did, by partition."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._commands = Counter(
            "limen_relay_commands", "Commands taken, by what became of them", ["partition", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._told = Counter(
            "limen_relay_decisions_told", "Decisions the log was told of", ["partition"], registry=registry
        )
        self._lag = Gauge(
            "limen_relay_lag_commands", "Commands that nobody has taken", ["partition"], registry=registry
        )
        self._command_side_away = Gauge(
            "limen_relay_command_side_away", "1 while PostgreSQL cannot be reached", registry=registry
        )

    def command(self, partition: int, outcome: str, count: int = 1) -> None:
        """Count what became of commands."""
        self._commands.labels(str(partition), outcome).inc(count)

    def told(self, partition: int, decisions: int) -> None:
        """Count decisions that the log was told of."""
        self._told.labels(str(partition)).inc(decisions)

    def lag(self, partition: int, commands: int) -> None:
        """Tell how many commands of a partition wait."""
        self._lag.labels(str(partition)).set(commands)

    def gone(self, partition: int) -> None:
        """Forget a partition that another relay has now."""
        self._lag.remove(str(partition))

    def command_side_away(self, reason: str | None) -> None:
        """Tell why PostgreSQL cannot be reached; None: it can."""
        self._command_side_away.set(reason is not None)


class GatewayMetrics:
    """What the gateway of an embedded history did. See `projections.gateway.observer`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "limen_gateway_requests", "Statements answered", ["role", "status"], registry=registry
        )
        self._seconds = Histogram(
            "limen_gateway_request_seconds", "Until the whole answer was sent", ["role"],
            registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self._running = Gauge("limen_gateway_running", "Statements that run", registry=registry)
        self._waiting = Gauge("limen_gateway_waiting", "Requests that wait for a place", registry=registry)

    def load(self, running: int, waiting: int) -> None:
        """Tell what runs and waits."""
        self._running.set(running)
        self._waiting.set(waiting)

    def answered(self, role: str, status: int, seconds: float) -> None:
        """Count a statement."""
        self._requests.labels(role, str(status)).inc()
        self._seconds.labels(role).observe(seconds)


class SpoolMetrics(_OfLog):
    """How much waits in a connector's spool, and whether it has to stop reading."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._signals = Gauge("limen_spool_signals", "Signals that wait for the log", registry=registry)
        self._bytes = Gauge("limen_spool_bytes", "About what they take on the disk", registry=registry)
        self._limit = Gauge("limen_spool_limit_bytes", "What they may take", registry=registry)
        self._refuses = Gauge(
            "limen_spool_refuses", "1 while the spool takes nothing more", registry=registry
        )
        self._moved = Counter("limen_signals_forwarded", "Signals moved into the log", registry=registry)
        self._refused = Counter("limen_signals_refused", "Signals the log will never take", registry=registry)
        self._cut = Counter(
            "limen_file_cut", "How often a followed file was cut or replaced, by whether something was lost",
            ["unread"], registry=registry,
        )  # fmt: skip

    def waiting(self, signals: int, used_bytes: int, limit_bytes: int) -> None:
        """Tell what waits."""
        self._signals.set(signals)
        self._bytes.set(used_bytes)
        self._limit.set(limit_bytes)

    def refuses(self, reason: str | None) -> None:
        """Tell why the spool takes nothing more, full as it or its disk is; None: it does."""
        self._refuses.set(reason is not None)

    def moved(self, signals: int) -> None:
        """Count signals that are in the log now."""
        self._moved.inc(signals)

    def refused(self) -> None:
        """Count a signal that went to quarantine instead."""
        self._refused.inc()

    def cut(self, unread_bytes: int | None) -> None:
        """Count a file that was cut when so much of it had not been read; None: nobody knows how much."""
        unread = "unknown" if unread_bytes is None else "some" if unread_bytes else "none"
        self._cut.labels(unread).inc()
