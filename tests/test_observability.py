"""Metrics, health and log lines of the processes."""

import json
import urllib.error

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from domain.event import Event
from domain.signal import Signal, Time
from domain.vocabulary import Action, Category, Severity, Topic
from infra.observability.endpoints import Endpoints, Health
from infra.observability.following import AlertLines
from infra.observability.metrics import SinkMetrics, WorkerMetrics
from tests.endpoint_client import Endpoint


def signal(number: int, **fields: object) -> Signal:
    """Return a granted reading, or what the fields say."""
    given = {"category": Category.CREDENTIAL, "action": Action.GRANTED} | fields
    return Signal(id=f"{number:032x}", site="campus", device="d", time=Time(1, 1), **given)  # type: ignore[arg-type]


def event(position: int, topic: Topic, **fields: object) -> Event:
    """Return an event decided at a position."""
    return Event(
        id=f"campus:{position}:0", site="campus", topic=topic, position=position, ordinal=0, occurred_at=1,
        known_at=1, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_batch_is_counted_by_partition() -> None:
    """Signals, events, alerts by rule, repeats, outcomes, times and lag stand in the metrics."""
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    outcome = {"kind": "actuation_outcome", "outcome": "done"}
    metrics.decided(
        3,
        [signal(1), signal(2, category=Category.CONTROL, action=Action.RESTORED, data=outcome)],
        [event(0, Topic.ALERT_RAISED, rule="density"), event(1, Topic.SIGNAL_REPEATED)],
        decide_seconds=0.002,
        transact_seconds=0.02,
        age_seconds=1.5,
    )
    metrics.lag("signals", 3, 7, 9.5)
    metrics.log_away("it does not answer")
    metrics.quarantined(3, 2)
    metrics.stopped(3)
    told = generate_latest(registry).decode().splitlines()
    for line in (
        'limen_signals_decided_total{partition="3"} 2.0',
        'limen_events_written_total{partition="3"} 2.0',
        'limen_signals_repeated_total{partition="3"} 1.0',
        'limen_alerts_raised_total{partition="3",rule="density"} 1.0',
        'limen_actuation_outcomes_total{outcome="done",partition="3"} 1.0',
        'limen_quarantined_total{partition="3"} 2.0',
        'limen_partition_stopped_total{partition="3"} 1.0',
        'limen_lag_signals{partition="3"} 7.0',
        'limen_lag_seconds{partition="3"} 9.5',
        'limen_signal_age_seconds_sum{partition="3"} 1.5',
        "limen_log_away 1.0",
        'limen_decide_seconds_bucket{le="0.0025",partition="3"} 1.0',
        'limen_transaction_seconds_bucket{le="0.01",partition="3"} 0.0',
        'limen_batch_signals_sum{partition="3"} 2.0',
    ):
        assert line in told
    metrics.gone("signals", 3)
    assert "limen_lag_signals{" not in generate_latest(registry).decode()


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("done", "done"),
        ("failed", "failed"),
        ("Done!", "other"),
        (["done"], "other"),
        (None, "other"),
        (7, "other"),
    ],
)
def test_outcomes_are_a_closed_set(said: object, label: str) -> None:
    """Whatever a signal says became of an actuation, it makes no series of its own."""
    registry = CollectorRegistry()
    data = {"kind": "actuation_outcome", "outcome": said}
    one = signal(1, category=Category.CONTROL, action=Action.RESTORED, data=data)
    WorkerMetrics(registry).decided(0, [one], [], decide_seconds=0, transact_seconds=0, age_seconds=0)
    outcomes = [line for line in generate_latest(registry).decode().splitlines() if "outcomes_total{" in line]
    assert outcomes == [f'limen_actuation_outcomes_total{{outcome="{label}",partition="0"}} 1.0']


def test_copying_is_counted_by_log_and_partition() -> None:
    """A process that copies tells how much, how fast, what waits, and whether its target is away."""
    registry = CollectorRegistry()
    metrics = SinkMetrics(registry)
    metrics.target_away("it does not answer")
    assert "limen_sink_target_away 1.0" in generate_latest(registry).decode()
    metrics.copied("events", 1, 500, 0.2)
    metrics.lag("events", 1, 30, 2.5)
    metrics.target_away(None)
    told = generate_latest(registry).decode()
    assert 'limen_sink_rows_total{log="events",partition="1"} 500.0' in told
    assert 'limen_sink_lag_rows{log="events",partition="1"} 30.0' in told
    assert 'limen_sink_lag_seconds{log="events",partition="1"} 2.5' in told
    assert "limen_sink_target_away 0.0" in told
    metrics.gone("events", 1)
    assert "limen_sink_lag_rows{" not in generate_latest(registry).decode()


def test_a_process_is_ready_when_nothing_is_waited_for() -> None:
    """Ready: all that was wanted is there. Live: the loop went round not long ago."""
    now = 0.0
    health = Health(stuck_seconds=10, clock=lambda: now)
    assert health.ready() == (False, {"waiting_for": {"start": "starting"}})
    health.started()
    health.want("broker", "it does not answer")
    assert health.ready() == (False, {"waiting_for": {"broker": "it does not answer"}})
    health.fulfil("broker")
    assert (health.ready()[0], health.live()[0]) == (True, True)
    now = 11.0
    assert health.live() == (False, {"silent_seconds": 11.0})
    health.beat()
    assert health.live()[0]


def test_the_endpoints_answer_over_http() -> None:
    """Metrics in Prometheus's text form; 503 when not ready; 404 says what there is."""
    registry, health = CollectorRegistry(), Health()
    WorkerMetrics(registry).quarantined(0, 1)
    with Endpoints("127.0.0.1", 0, registry, health) as endpoints:
        endpoint = Endpoint(endpoints.port)
        assert endpoint.get("/metrics")[1].count('limen_quarantined_total{partition="0"} 1.0') == 1
        status, body = endpoint.get("/readyz")
        assert (status, json.loads(body)["ok"]) == (503, False)
        health.started()
        assert endpoint.get("/readyz?verbose")[0] == endpoint.get("/livez")[0] == 200
        assert endpoint.get("/other") == (404, "here are /metrics, /livez and /readyz\n")
    with pytest.raises(urllib.error.URLError):
        endpoint.get("/livez")


def test_an_alert_can_be_followed_to_the_signal_that_raised_it() -> None:
    """The line carries the id of the deciding signal and the causes; nothing of the person."""
    with structlog.testing.capture_logs() as lines:
        AlertLines().decided(
            2,
            [40, 44],
            [signal(1), signal(2)],
            [
                event(40, Topic.ZONE_ENTERED, person="p1"),
                event(
                    44,
                    Topic.ALERT_RAISED,
                    rule="density",
                    severity=Severity.WARNING,
                    person="p1",
                    causes=(40, 44),
                ),
            ],
        )
    assert [{name: line[name] for name in line if line[name] is not None} for line in lines] == [
        {
            "event": "alert raised",
            "log_level": "info",
            "decision": "campus:44:0",
            "correlation": f"{2:032x}",
            "site": "campus",
            "rule": "density",
            "severity": "warning",
            "partition": 2,
            "causes": [40, 44],
        }
    ]
