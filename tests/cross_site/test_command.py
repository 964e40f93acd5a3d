"""`limen cross-site`, as it is called."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka.topics import apply
from tests.cross_site.stage import settings
from tests.cross_site.test_worker import PATIENCE_SECONDS, ROOT, put, told, wait_for
from tests.cross_site.told import reading
from tests.endpoint_client import Endpoint
from tests.kafka_fixture import Kafka


def _start(home: Path, text: str) -> subprocess.Popen[bytes]:
    (home / "limen.toml").write_text(text)
    return subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "cross-site", "--home", str(home)],
        cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
def test_it_tells_and_drains(kafka: Kafka, tmp_path: Path) -> None:
    """By its home's settings it compares the sites; SIGTERM ends it well; a finding is told and counted."""
    log = settings(kafka.bootstrap, kafka.prefix)
    apply(log)
    put(log, [reading("berlin", 0), reading("potsdam", 10)])
    process = _start(
        tmp_path,
        f'metrics_port = 0\n[kafka]\nbootstrap_servers = "{log.bootstrap_servers}"\n'
        f'topic_prefix = "{log.topic_prefix}"\ngroup = "{log.group}"\n[cross_site]\nspeed_limit_kmh = 120\n',
    )
    try:
        assert process.stderr is not None
        endpoint = Endpoint.told_in(process.stderr.readline().decode())
        assert endpoint is not None
        assert "group" in endpoint.waiting_for()
        wait_for(lambda: len(told(log)) == 2)
        wait_for(lambda: not endpoint.waiting_for())
        assert endpoint.is_live()
        assert endpoint.metric("limen_cross_site_findings_total", rule="impossible_travel") == 1
    finally:
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert b'"rule": "impossible_travel"' in said
    assert b"c-1" not in said


def test_a_horizon_longer_than_the_log_is_refused(tmp_path: Path) -> None:
    """What would be compared less after a start is said before it begins, with both settings' names."""
    process = _start(tmp_path, "[kafka]\npersons_retention_days = 0.5\n")
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 3
    assert b"horizon_hours is 24" in said
    assert b"persons_retention_days keeps only 12 hours" in said
    assert b"Traceback" not in said
