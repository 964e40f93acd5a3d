"""The demonstration at scale, small."""

import re
from pathlib import Path

import pytest

from tests.command_line.calling import limen


@pytest.mark.slow
@pytest.mark.usefixtures("kafka_broker")  # for its reason to skip; the demonstration starts its own
def test_a_small_city_is_played_to_its_end(tmp_path: Path) -> None:
    """Three sites' signals become visits and alerts in the history; each process has left its log."""
    home = tmp_path / "demo"
    told = limen("demo-kafka", "--sites", "3", "--persons", "10", "--home", home).stdout
    found = re.search(r"([\d,]+) signals of 3 sites became visits and alerts", told)
    assert found, told
    assert int(found[1].replace(",", "")) > 500
    fullest, _, alerts = told.partition("Alerts by rule")
    assert set(re.findall(r"campus-\d", fullest)) == {"campus-1", "campus-2", "campus-3"}
    assert re.search(r"[a-z]+_[a-z]+ +\d", alerts)
    logs = {path.stem for path in home.glob("*.log")}
    assert logs == {"gateway", "worker-1", "worker-2", "cross-site", "sink", "connect"}
    said = [path.read_text() for path in home.glob("*.log")]
    assert not any("Traceback" in one for one in said)
