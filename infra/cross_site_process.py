"""The process behind `limen cross-site`: the second stage, its endpoints and its end."""

from prometheus_client import CollectorRegistry

from infra.failure import Failure
from infra.observability.endpoints import Health
from infra.observability.lag import LagWatch, Place
from infra.observability.metrics import CrossSiteMetrics
from infra.process import staying
from infra.settings import Settings
from infra.troubles import Trouble
from streams.cross_site.rules import Limits
from streams.cross_site.worker import CrossSiteWorker
from streams.kafka.ends import Ends
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic


def run_cross_site(settings: Settings, kafka: KafkaSettings) -> None:
    """Run until SIGTERM or Ctrl-C.

    Raises:
        Failure: the port of the endpoints is taken, or the persons' log is not kept for a whole horizon.
        LogCorrupt: a site's log will never take what it is to be told: the settings do not fit.
    """
    days, hours = kafka.persons_retention_days, settings.cross_site.horizon_hours
    if 0 < days * 24 < hours:
        raise Failure(
            f"[cross_site] horizon_hours is {hours:g}, but [kafka] persons_retention_days keeps only "
            f"{days * 24:g} hours: after a start less would be compared; change one of them"
        )
    registry, health = CollectorRegistry(), Health()
    metrics, telling = CrossSiteMetrics(registry), Telling(kafka)
    with staying(settings, registry, health) as stopping:
        limits, observer = Limits(**settings.cross_site.model_dump()), _Observer(metrics, health)
        trouble = Trouble("log", health, metrics.log_away)
        worker = CrossSiteWorker(kafka, limits, telling, observer)

        def positions() -> dict[Place, int | None]:
            return {(Topic.PERSONS, partition): at for partition, at in worker.positions.items()}

        try:
            with LagWatch(Ends(kafka), positions, metrics, trouble.tell):
                worker.run(stopping)
        finally:
            telling.close()


class _Observer:
    """Counts what the stage does, and says whether it is well."""

    def __init__(self, metrics: CrossSiteMetrics, health: Health) -> None:
        self._metrics, self._health = metrics, health
        self._trouble = Trouble("kafka", health)
        self.joined(False)
        health.started()

    def turned(self) -> None:
        """Beat."""
        self._health.beat()

    def joined(self, now: bool) -> None:
        """Be not ready while it has no part in the group."""
        self._health.in_group(now)

    def read(self, partition: int, uses: int, *, again: bool) -> None:
        """Count uses."""
        self._metrics.read(partition, uses, again=again)

    def found(self, kind: str) -> None:
        """Count a finding."""
        self._metrics.found(kind)

    def quarantined(self, partition: int) -> None:
        """Count a message that is no use."""
        self._metrics.quarantined(partition)

    def waiting(self, reason: str | None) -> None:
        """Be not ready while Kafka is away."""
        self._trouble.tell(reason)
