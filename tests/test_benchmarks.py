"""Every measurement runs, at a size that takes seconds; how fast it is, is not a matter of tests."""

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import (
    aggregates,
    engine,
    import_csv,
    kafka_replay,
    large_home,
    log_append,
    memory,
    peer_flow,
    questions,
    replay,
    sink,
    start,
    worker,
)
from benchmarks.__main__ import ALONE, ON_LARGE_HOME, PAGE
from benchmarks.figure import Figure, Spent, medians, percentile
from benchmarks.machine import machine
from benchmarks.page import BEGIN, END, number, write_page
from tests.kafka_fixture import Kafka

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a simulated home of a few people and one day."""
    return large_home.large_home(tmp_path_factory.mktemp("work"), 60, 1)


def test_engine() -> None:
    """The engine is measured in batches and one by one, and every signal of the load is decided."""
    whole, alone = engine.measure(people=300, signals=2_000, repeats=2, warm_up=2_000, singles=50)
    assert whole.value > 0
    assert whole.details["events_per_signal"] > 0.5
    assert alone.details["batches"] == 50


def test_aggregates_decide_what_the_engine_decides() -> None:
    """The peer comes to the engine's visits, entries and counts; otherwise its measurement stops."""
    slow, ratio = aggregates.measure(people=200, signals=1_000, repeats=2, warm_up=2_000)
    assert slow.value > 0
    assert ratio.value > 0


def test_aggregates_that_decide_otherwise_stop_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that takes every move for a repeat is found out."""
    monkeypatch.setattr(aggregates.Person, "move", lambda *_: False)
    with pytest.raises(SystemExit, match="decide otherwise"):
        aggregates.measure(people=200, signals=500, repeats=1, warm_up=500)


def test_memory() -> None:
    """Everybody is inside when the state is measured, and its parts are counted."""
    tables, grown = memory.measure(people=3_000)
    assert tables.details["inside"] == grown.details["inside"] == 3_000
    assert tables.details["people"] == pytest.approx(72 * 3_000 / 1e6, rel=0.5)
    assert tables.value > tables.details["people"] + tables.details["rapid_reentry.recent"]


def test_log_append(tmp_path: Path) -> None:
    """The log and its peer take the same signals."""
    ours, theirs = log_append.measure(signals=1_500, repeats=1, work=tmp_path)
    assert ours.value > 0
    assert theirs.value > 0
    assert list(tmp_path.iterdir()) == []


def test_import_repeats_the_recording_with_other_dates(tmp_path: Path) -> None:
    """Rows beyond the recording's end are the recording again, a fortnight later, and all are imported."""
    header, *rows = import_csv.RECORDING.read_text(encoding="utf-8").splitlines()
    short = tmp_path / "short.csv"
    short.write_text("\n".join([header, *rows[:100]]) + "\n", encoding="utf-8")
    file = tmp_path / "repeated.csv"
    import_csv.write_rows(file, 250, short)
    written = file.read_text(encoding="utf-8").splitlines()
    assert written[1:101] == rows[:100]
    assert written[101] == rows[0].replace("2016-05-31", "2016-06-14")
    said = import_csv.import_into(tmp_path, file)
    assert said["read"] == 250
    assert said["accepted"] + said["duplicates"] == 250


def test_replay_is_what_the_log_decided(small_home: Path) -> None:
    """The replay from the history gives every event of the log, byte by byte, and everybody's whereabouts."""
    (figure,) = replay.measure(small_home, repeats=1, whole=True)
    made = json.loads((small_home / "made.json").read_text())
    assert figure.details["signals"] >= made["signals"] > 1_000
    assert figure.details["events"] == made["events"]


def test_questions(small_home: Path) -> None:
    """Questions are asked about what the history holds."""
    occupancy, traced = questions.measure(small_home, questions=6)
    assert occupancy.value > 0
    assert traced.details["median_entries"] > 0


def test_large_home_is_made_once(small_home: Path) -> None:
    """A home that is there, whole, is used again; one that was not finished is made anew."""
    before = (small_home / "log.sqlite").stat().st_ino
    assert large_home.large_home(small_home.parent, 60, 1) == small_home
    assert (small_home / "log.sqlite").stat().st_ino == before


def test_start() -> None:
    """The command line is started as a process of its own."""
    (figure,) = start.measure(runs=1)
    assert 0 < figure.value < 60


@pytest.mark.slow
def test_replay_from_kafka_is_what_a_worker_decided(kafka: Kafka) -> None:
    """A worker decides a city's morning; all of it is decided again alike, and consumed by the peer."""
    compared, fast, ratio = kafka_replay.measure(kafka.broker, signals=2_000, rounds=1)
    assert compared.details["signals"] == fast.details["signals"] == 2_000
    assert compared.details["events"] == fast.details["events"] > 0
    assert compared.value > 0
    assert ratio.value == pytest.approx(fast.value / ratio.details["bare_signals_per_second"])


@pytest.mark.slow
def test_a_worker_and_a_bare_agent_take_all_signals(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process ends by itself when all are done; every alert that is waited for comes."""
    monkeypatch.setattr(worker, "_WARM_UP_SECONDS", 0.2)
    monkeypatch.setattr(worker, "_SETTLE_SECONDS", 1.0)
    monkeypatch.setattr(worker, "PARTITIONS", 2)
    found = list(worker.measure(kafka.broker, signals=1_000, rounds=1, rate=100, seconds=1))
    speed, ratio, *latencies = found
    assert speed.details["signals"] == 1_000
    assert ratio.value == pytest.approx(speed.value / ratio.details["bare_signals_per_second"])
    assert [one.details["alerts"] for one in latencies] == [10] * 4
    assert all(one.value > 0 for one in latencies)


def test_the_sink_and_its_peer_write_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both write all signals, in turns; the history is asked for them, or the measurement stops."""
    monkeypatch.setattr(sink, "BATCH", 200)
    ours, theirs = sink.measure(signals=400, work=tmp_path)
    assert ours.details["signals"] == 400
    assert min(ours.value, theirs.value) > 0


def test_the_peers_pipeline_raises_each_kind_of_alert() -> None:
    """Its plain Python counts zones, entries, denials and hours as it says."""
    noon, state = 1_709_550_000_000_000, None
    points = [{"id": "gate", "to_zone": "hall", "from_zone": None}]
    loaded = {"action": "loaded", "data": {"kind": "site", "document": {"points": points}}}
    state, alerts = peer_flow.decide(state, loaded)
    assert alerts == []

    def signal(person: int, action: str, at: int, direction: str = "in") -> list[peer_flow.Alert]:
        said = {"action": action, "credential": {"hash": f"p{person}"}, "time": {"occurred_at": at}}
        return peer_flow.decide(state, said | {"point": "gate", "direction": direction})[1]

    found = [alert for person in range(90) for alert in signal(person, "granted", noon + person)]
    assert found == [("density", "hall", noon + 80)]
    for at in (noon + 1_000, noon + 2_000, noon + 3_000):
        assert signal(0, "granted", at, "out") == []
        found = signal(0, "granted", at + 500)
    assert found == [("rapid_reentry", "p0", noon + 3_500)]
    night = noon + 12 * 3_600_000_000
    assert signal(200, "granted", night) == [("after_hours", "p200", night)]
    denied = [signal(1, "denied", noon + number) for number in range(4)]
    assert denied == [[], [], [], [("denied_streak", "p1", noon + 3)]]


def test_all_of_them_are_run(tmp_path: Path) -> None:
    """`python -m benchmarks` knows every module that measures, and each prints JSON lines."""
    modules = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "def measure" in path.read_text()}
    assert modules == {*ALONE, *ON_LARGE_HOME}
    for name in modules:
        assert callable(importlib.import_module(f"benchmarks.{name}").main)
    command = [sys.executable, "-m", "benchmarks.log_append", "--signals", "100", "--work", str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {json.loads(line)["benchmark"] for line in said.splitlines()} == {"log_append"}


def test_page_keeps_what_is_written_around_the_figures(tmp_path: Path) -> None:
    """Only what stands between the marks is written anew, twice over as well."""
    page = tmp_path / "benchmarks.md"
    shutil.copy(PAGE, page)
    before, _, after = page.read_text().partition(BEGIN)[0], None, page.read_text().partition(END)[2]
    figures = [
        Figure(benchmark="a", what="fast", value=1_234_567.0, unit="signals/s", at_least=1e6),
        Figure(benchmark="b", what="small", value=250.0, unit="MB", at_most=200, details={"people": 1_000}),
    ]
    told = [asdict(figure) | {"met": figure.met} for figure in figures]
    for _ in range(2):
        write_page(page, told, machine(), "make bench")
    text = page.read_text()
    assert text.startswith(before)
    assert text.endswith(END + after)
    assert "| fast | 1,230,000 signals/s | ≥ 1,000,000 | yes |" in text
    assert "| small | 250 MB | ≤ 200 | **no** |" in text
    assert "- **small**: people 1,000." in text
    assert text.count("| fast |") == 1


def test_page_without_marks_is_refused(tmp_path: Path) -> None:
    """A page that has lost its marks is left as it is."""
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="marks"):
        write_page(page, [], {}, "make bench")
    assert page.read_text() == "nothing"


def test_numbers() -> None:
    """Numbers show three digits that count; percentiles and medians are of what was measured."""
    assert [number(value) for value in (4_330_489.4, 15.772, 0.1392, 0, 999.9)] == [
        "4,330,000", "15.8", "0.139", "0", "1,000",
    ]  # fmt: skip
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3.0], 50) == 3.0
    assert medians([Spent(1, 5), Spent(3, 4), Spent(2, 9)]) == Spent(2, 5)
