"""The process behind `limen cross-site`: the second stage, its endpoints and its end."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from infra.failure import Failure
from infra.observability.endpoints import Health
from infra.process import staying
from infra.settings import Settings
from streams.cross_site.rules import Limits
from streams.cross_site.worker import CrossSiteWorker
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling


def run_cross_site(settings: Settings, kafka: KafkaSettings) -> None:
    """Run until SIGTERM or Ctrl-C.

    Raises:
        Failure: the port of the endpoints is taken, or the persons' log is not kept for a whole horizon.
        LogCorrupt: the persons' log holds what this version does not read.
    """
    days, hours = kafka.persons_retention_days, settings.cross_site.horizon_hours
    if 0 < days * 24 < hours:
        raise Failure(
            f"[cross_site] horizon_hours is {hours:g}, but [kafka] persons_retention_days keeps only "
            f"{days * 24:g} hours: after a start less would be compared; change one of them"
        )
    registry, health = CollectorRegistry(), Health()
    telling = Telling(kafka)
    with staying(settings, registry, health) as stopping:
        observer = _Observer(registry, health)
        try:
            CrossSiteWorker(kafka, Limits(**settings.cross_site.model_dump()), telling, observer).run(
                stopping
            )
        finally:
            telling.close()


class _Observer:
    """Counts what the stage does, and says whether it is well."""

    def __init__(self, registry: CollectorRegistry, health: Health) -> None:
        self._health = health
        self._uses = Counter(
            "limen_cross_site_uses", "Uses and sightings read; again: read once more after a start",
            ["partition", "again"], registry=registry,
        )  # fmt: skip
        self._found = Counter("limen_cross_site_findings", "Findings told", ["rule"], registry=registry)
        self._away = Gauge("limen_cross_site_log_away", "1 while Kafka cannot be reached", registry=registry)
        self.joined(False)
        health.started()

    def turned(self) -> None:
        """Beat."""
        self._health.beat()

    def joined(self, now: bool) -> None:
        """Be not ready while it has no part in the group."""
        if now:
            self._health.fulfil("group")
        else:
            self._health.want("group", "the partitions have not been shared out yet")

    def read(self, partition: int, uses: int, *, again: bool) -> None:
        """Count uses."""
        self._uses.labels(str(partition), "yes" if again else "no").inc(uses)

    def found(self, kind: str) -> None:
        """Count a finding."""
        self._found.labels(kind).inc()

    def waiting(self, reason: str | None) -> None:
        """Be not ready while Kafka is away."""
        self._away.set(reason is not None)
        if reason is None:
            self._health.fulfil("kafka")
        else:
            self._health.want("kafka", reason)
