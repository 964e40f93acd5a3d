"""`limen cross-site`, as it is called."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from domain.signal import Credential
from domain.vocabulary import Topic
from infra.cross_site_process import _Observer
from infra.observability.endpoints import Health
from infra.observability.metrics import CrossSiteMetrics
from streams.kafka.settings import KafkaSettings
from tests.cross_site.rig import PATIENCE_SECONDS, ROOT, wait_for
from tests.cross_site.sites import SITES, loads, says
from tests.endpoint_client import Endpoint
from tests.kafka_fixture import Kafka
from tests.worker.messages import message
from tests.worker.rig import PARTITIONS, Rig


def _on(kafka: KafkaSettings) -> str:
    """Return the settings of a process on these topics; more of `[kafka]` may follow."""
    return (
        f'metrics_port = 0\n[kafka]\nbootstrap_servers = "{kafka.bootstrap_servers}"\n'
        f'topic_prefix = "{kafka.topic_prefix}"\ngroup = "{kafka.group}"\n'
    )


def _endpoint(process: subprocess.Popen[bytes]) -> Endpoint:
    assert process.stderr is not None
    endpoint = Endpoint.told_in(process.stderr.readline().decode())
    assert endpoint is not None
    return endpoint


def _start(home: Path, text: str) -> subprocess.Popen[bytes]:
    (home / "limen.toml").write_text(text)
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "cross-site", "--home", str(home)],
        cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_it_is_not_ready_before_the_group_has_given_it_its_part() -> None:
    """Looked at here: of a process that joins at once, who asks it may see nothing of that."""
    health = Health()
    observer = _Observer(CrossSiteMetrics(CollectorRegistry()), health)
    assert health.ready()[1]["waiting_for"].keys() == {"group"}
    observer.joined(True)
    assert health.ready()[0]


@pytest.mark.slow
def test_a_card_at_two_sites_alerts_both(kafka: Kafka, tmp_path: Path) -> None:
    """A worker tells readings, `limen cross-site` compares them, the worker alerts; SIGTERM ends it well."""
    with Rig(kafka, tmp_path) as rig:
        rig.produce(message(signal) for site in SITES for signal in loads(site))
        card = Credential("card", "c-1")
        readings = [says(site, 1, 10, point="gate", credential=card) for site in SITES]
        rig.produce(message(reading) for reading in readings)
        rig.start(second_stage=True)
        process = _start(tmp_path, _on(rig.settings))
        try:
            endpoint = _endpoint(process)
            rig.wait(lambda: len(_raised(rig)) == 2, "alerting both sites")
            assert endpoint.is_live()
            assert not endpoint.waiting_for()
            assert endpoint.metric("limen_cross_site_findings_total", rule="impossible_travel") == 1
            rig.wait(lambda: endpoint.metric("limen_cross_site_lag_uses") == 0, "having nothing left")
            assert endpoint.metric("limen_cross_site_lag_seconds") == endpoint.metric("limen_log_away") == 0
        finally:
            process.terminate()
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        assert sorted(_raised(rig)) == [(site, "impossible_travel", "unknown:c-1") for site in SITES]
        rig.wait_until_decided()
        rig.check_exact()
    assert process.returncode == 0
    (found,) = (json.loads(line) for line in said.splitlines() if b'"found"' in line)
    assert found["rule"] == "impossible_travel"
    assert set(found["causes"]) == {reading.id for reading in readings}
    assert len(found["correlation"]) == len(SITES)
    assert b"c-1" not in said


@pytest.mark.slow
def test_while_the_broker_stands_still_it_is_not_ready(
    log: KafkaSettings, kafka: Kafka, tmp_path: Path
) -> None:
    """Also when the partitions are lost, and nothing is read any more; when it is back, all is well."""
    process = _start(tmp_path, f"{_on(log)}session_seconds = 6\n")
    try:
        endpoint = _endpoint(process)
        wait_for(lambda: not endpoint.waiting_for())
        kafka.broker.pause()
        wait_for(lambda: endpoint.waiting_for().keys() >= {"group", "log"})
        for _ in range(12):  # several looks long
            time.sleep(1)
            assert endpoint.waiting_for().keys() >= {"group", "log"}
            assert endpoint.metric("limen_log_away") == 1
        kafka.broker.resume()
        wait_for(lambda: not endpoint.waiting_for())
        wait_for(lambda: endpoint.metric("limen_log_away") == 0)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        sys.stderr.write(said.decode())  # shown where it fails
    assert process.returncode == 0


def _raised(rig: Rig) -> list[tuple[str, str | None, str | None]]:
    return [
        (event.site, event.rule, event.person)
        for partition in range(PARTITIONS)
        for event in rig.events(partition)
        if event.topic is Topic.ALERT_RAISED
    ]


def test_a_horizon_longer_than_the_log_is_refused(tmp_path: Path) -> None:
    """What would be compared less after a start is said before it begins, with both settings' names."""
    process = _start(tmp_path, "[kafka]\npersons_retention_days = 0.5\n")
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 3
    assert b"horizon_hours is 24" in said
    assert b"persons_retention_days keeps only 12 hours" in said
    assert b"Traceback" not in said
