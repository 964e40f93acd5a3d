"""Where a home's files are, and how Limen runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field, model_validator

from domain.site import Document
from streams.cross_site.rules import Limits
from streams.kafka.settings import KafkaSettings

_KAFKA, _LIMITS = KafkaSettings(), Limits()  # what holds where limen.toml says nothing


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything of one site."""

    root: Path

    @property
    def site(self) -> Path:
        """The building: zones, points, devices, sources."""
        return self.root / "site.yaml"

    @property
    def policy(self) -> Path:
        """What the rules ask."""
        return self.root / "policy.yaml"

    @property
    def directory(self) -> Path:
        """The persons, opaque."""
        return self.root / "directory.csv"

    @property
    def settings(self) -> Path:
        """How Limen runs here."""
        return self.root / "limen.toml"

    @property
    def log(self) -> Path:
        """The signals and events logs."""
        return self.root / "log.sqlite"

    @property
    def quarantine(self) -> Path:
        """What could not be read, whole."""
        return self.root / "quarantine.sqlite"

    @property
    def history(self) -> Path:
        """The folder of the embedded history."""
        return self.root / "history"

    @property
    def cases(self) -> Path:
        """What people decided about alerts, unless PostgreSQL keeps it."""
        return self.root / "cases.sqlite"

    @property
    def spool(self) -> Path:
        """Signals that wait for Kafka."""
        return self.root / "spool.sqlite"

    @property
    def key(self) -> Path:
        """The key of the credentials' hashes."""
        return self.root / "key"


class ClickHouse(Document):
    """The table `[clickhouse]`: the server that keeps the history of many sites, and how it is filled."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+")] = Field(
        "http://127.0.0.1:8123",
        description="Of a server or gateway, with the user: http://limen@host:8123. All sinks use the same",
    )
    password: str = Field("", description="The user's; better in LIMEN_CLICKHOUSE_PASSWORD than in a file")
    cluster: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The cluster's name, where the server is one of several"
    )
    batch_rows: Annotated[int, Field(gt=0)] = Field(
        50_000, description="Signals or events inserted at once while behind"
    )
    batch_seconds: Annotated[float, Field(gt=0)] = Field(
        2, description="How long new signals and events wait for others, while there are few"
    )
    writers: Annotated[int, Field(gt=0, le=64)] = Field(
        2, description="Partitions that one sink process writes at the same time"
    )
    session_seconds: Annotated[float, Field(ge=6, le=300)] | None = Field(
        None, description="For a sink, in place of the one in [kafka]"
    )

    @property
    def address(self) -> str:
        """The url with the password in it."""
        if not self.password:
            return self.url
        scheme, _, rest = self.url.partition("://")
        before, _, host = rest.rpartition("@")
        user = before.partition(":")[0] or "default"
        return f"{scheme}://{user}:{quote(self.password, safe='')}@{host}"


def _dotted(given: Any) -> Any:
    """Return a table with `a.b = 1` as TOML reads it, a table in a table, with the name `a.b`."""
    if not isinstance(given, Mapping):
        return given
    flat: dict[str, Any] = {}
    for name, value in given.items():
        inner = _dotted(value)
        if isinstance(inner, Mapping):
            flat |= {f"{name}.{below}": one for below, one in inner.items()}
        else:
            flat[name] = inner
    return flat


class Kafka(Document):
    """The table `[kafka]`: where the log of many sites is, and what its topics must be like."""

    bootstrap_servers: Annotated[str, Field(min_length=1)] = Field(
        _KAFKA.bootstrap_servers, description="host:port of a broker; several with commas"
    )
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$")] = Field(
        _KAFKA.topic_prefix, description="Topics are PREFIX.signals and so on"
    )
    group: Annotated[str, Field(min_length=1)] = Field(
        _KAFKA.group, description="The consumer group whose committed offsets are the positions"
    )
    partitions: Annotated[int, Field(gt=0)] = Field(
        _KAFKA.partitions,
        description="Of each topic: as many workers at most. Fixed once there are signals",
    )
    replication_factor: Annotated[int, Field(gt=0)] = Field(
        _KAFKA.replication_factor, description="Copies of each message"
    )
    min_insync_replicas: Annotated[int, Field(gt=0)] = Field(
        _KAFKA.min_insync_replicas, description="Copies there must be before a write counts as durable"
    )
    signals_retention_days: Annotated[float, Field(ge=0)] = Field(
        _KAFKA.signals_retention_days, description="How long signals stay; 0: for ever. Likewise the others"
    )
    events_retention_days: Annotated[float, Field(ge=0)] = _KAFKA.events_retention_days
    commands_retention_days: Annotated[float, Field(ge=0)] = _KAFKA.commands_retention_days
    quarantine_retention_days: Annotated[float, Field(ge=0)] = _KAFKA.quarantine_retention_days
    persons_retention_days: Annotated[float, Field(ge=0)] = Field(
        _KAFKA.persons_retention_days, description="Of what the rules across sites look at"
    )
    max_message_bytes: Annotated[int, Field(ge=10_000, le=100_000_000)] = Field(
        _KAFKA.max_message_bytes, description="Of one signal or event; a larger signal goes to the quarantine"
    )
    linger_milliseconds: Annotated[float, Field(ge=0, le=900_000)] = Field(
        _KAFKA.linger_milliseconds, description="How long signals are gathered into one request"
    )
    queue_messages: Annotated[int, Field(gt=0, le=10_000_000)] = Field(
        _KAFKA.queue_messages, description="Signals a producer holds before it blocks"
    )
    queue_megabytes: Annotated[int, Field(gt=0, le=2_000)] = Field(
        _KAFKA.queue_megabytes, description="Their size before it blocks"
    )
    wait_seconds: Annotated[float, Field(ge=1, le=600)] = Field(
        _KAFKA.wait_seconds, description="How long a call waits for a broker before it gives up"
    )
    transaction_seconds: Annotated[float, Field(ge=1, le=900)] = Field(
        _KAFKA.transaction_seconds,
        description="After so long the broker aborts a transaction whose worker is gone",
    )
    session_seconds: Annotated[float, Field(ge=6, le=300)] = Field(
        _KAFKA.session_seconds,
        description="A process that is not heard for so long loses its partitions to the others",
    )
    sasl_password: str = Field(
        "", repr=False, description="Better in LIMEN_KAFKA_SASL_PASSWORD than in a file"
    )
    client: Annotated[dict[str, str | int | float | bool], BeforeValidator(_dotted)] = Field(
        {}, description="Anything else librdkafka knows, above all TLS and SASL: security.protocol, …"
    )

    @model_validator(mode="after")
    def _usable(self) -> "Kafka":
        self.client_settings()
        return self

    def client_settings(self) -> KafkaSettings:
        """Return what `streams.kafka` takes."""
        fields = self.model_dump(exclude={"sasl_password", "client"})
        password = {"sasl.password": self.sasl_password} if self.sasl_password else {}
        return KafkaSettings(**fields, client={**self.client, **password})


class Postgres(Document):
    """The table `[postgres]`: the server that keeps what people decide, in place of SQLite files in the home.

    What is not here, such as TLS, libpq takes from its own variables (PGSSLMODE, PGSSLROOTCERT, …).
    """

    host: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Its name, its address, or the folder of its Unix socket; none: SQLite is used"
    )
    port: Annotated[int, Field(gt=0, lt=65_536)] = 5432
    dbname: Annotated[str, Field(min_length=1)] = "limen"
    user: Annotated[str, Field(min_length=1)] = "limen"
    password: str | None = Field(
        None, repr=False, description="Better in LIMEN_POSTGRES_PASSWORD or in `password_file` than here"
    )
    password_file: Path | None = Field(None, description="A file that holds the password, and nothing else")
    schema_name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        "limen", description="Of the tables; it is made if it is not there"
    )
    pool_size: Annotated[int, Field(gt=0)] = Field(2, description="Connections that stay open")
    max_overflow: Annotated[int, Field(ge=0)] = Field(4, description="Connections more, when they are needed")
    connect_timeout_seconds: Annotated[int, Field(gt=0)] = 5


class Worker(Document):
    """The table `[worker]`: how `limen worker` decides the signals in Kafka, alike in all workers."""

    clock_ahead_hours: Annotated[float, Field(ge=0)] = Field(
        24, description="A signal that claims to be so much later than the broker's clock is quarantined"
    )
    batch_signals: Annotated[int, Field(gt=0)] = Field(
        10_000, description="Decided in one transaction at most, of one partition"
    )
    gather_milliseconds: Annotated[float, Field(ge=0)] = Field(
        3, description="Least time between two transactions of a partition; more: fewer, larger ones"
    )
    snapshot_every_signals: Annotated[int, Field(gt=0)] = Field(
        200_000, description="Of one partition; fewer: a partition moves faster, more is written"
    )
    snapshot_after_seconds: Annotated[float, Field(gt=0)] = Field(
        3_600, description="At the latest, where anything was decided; well below the signals' retention"
    )
    threads: Annotated[int, Field(gt=0, le=256)] = Field(
        8, description="Partitions decided and committed at the same time"
    )
    session_seconds: Annotated[float, Field(ge=6, le=300)] | None = Field(
        None, description="For a worker, in place of the one in [kafka]"
    )
    second_stage: bool = Field(
        False, description="Tell readings and visits to the stage that looks across sites"
    )
    on_defect: Literal["exit", "hold"] = Field(
        "hold",
        description="When a partition fails: the engine on one of its signals, or the log with it. hold: the "
        "worker keeps it undecided, so that it does not stop the other workers too, and decides the rest "
        "until it is stopped. exit: the process ends",
    )
    defects: Path | None = Field(
        None, description="Folder for what reproduces a defect of the engine; none: `defects` in the home"
    )


class CrossSite(Document):
    """The table `[cross_site]`: what is asked between sites (docs/rules.md, section 13)."""

    speed_limit_kmh: Annotated[float, Field(gt=0)] = Field(
        _LIMITS.speed_limit_kmh,
        description="Nobody is faster from site to site: an airliner's cruise. Where nobody flies: 150",
    )
    minimum_distance_km: Annotated[float, Field(ge=0)] = Field(
        _LIMITS.minimum_distance_km,
        description="Sites nearer to each other than this are not compared for travel",
    )
    tolerance_km: Annotated[float, Field(ge=0)] = Field(
        _LIMITS.tolerance_km,
        description="How far from the sites' coordinates their readers may be, both together",
    )
    tolerance_seconds: Annotated[float, Field(ge=0)] = Field(
        _LIMITS.tolerance_seconds, description="How far the clocks of two readers may differ"
    )
    window_minutes: Annotated[float, Field(ge=1)] = Field(
        _LIMITS.window_minutes, description="One card gives at most one finding for two sites in each window"
    )
    overlap_minutes: Annotated[float, Field(ge=0)] = Field(
        _LIMITS.overlap_minutes, description="Visits to two sites may overlap by as much"
    )
    horizon_hours: Annotated[float, Field(gt=0, le=168)] = Field(
        _LIMITS.horizon_hours,
        description="What came into the log further apart is not compared; read again at each start",
    )
    same_place: tuple[Annotated[frozenset[str], Field(min_length=2)], ...] = Field(
        _LIMITS.same_place,
        description="Groups of sites that share a boundary, and are not compared with each other",
    )


class Settings(Document):
    """How Limen runs. Each field has an environment variable, `LIMEN_` and its name in capitals.

    A field of a table has the table's name in between: LIMEN_CLICKHOUSE_PASSWORD.
    """

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json", "auto"] = Field(
        "auto", description="auto: console on a terminal, JSON otherwise"
    )
    language: Literal["en", "zh"] = Field("en", description="Of labels and summaries")
    clock_seconds: Annotated[float, Field(ge=0.1, le=3_600)] = Field(
        1, description="How often a clock signal moves the time of an idle site"
    )
    snapshot_every_signals: Annotated[int, Field(gt=0, le=1_000_000_000)] = Field(
        100_000, description="Fewer: faster starts, more writing"
    )
    import_batch_signals: Annotated[int, Field(gt=0, le=1_000_000)] = Field(
        20_000, description="Appended in one transaction"
    )
    engine_batch_signals: Annotated[int, Field(gt=0, le=1_000_000)] = Field(
        20_000, description="Decided in one transaction"
    )
    sink_batch_rows: Annotated[int, Field(gt=0, le=10_000_000)] = Field(
        200_000, description="Inserted into the history at once"
    )
    metrics_host: str = Field("127.0.0.1", description="Where /metrics, /livez and /readyz are served")
    metrics_port: Annotated[int, Field(ge=0, lt=65_536)] | None = Field(
        None, description="Of each process that stays; none: not served; 0: a free one"
    )
    spool_limit_megabytes: Annotated[int, Field(gt=0)] = Field(
        1_024, description="What a connector keeps while Kafka is away; then it reads no further"
    )
    kafka: Kafka = Kafka()
    clickhouse: ClickHouse = ClickHouse()
    cross_site: CrossSite = CrossSite()
    postgres: Postgres = Postgres()
    worker: Worker = Worker()
