"""The broker for tests and demonstrations: it comes back on its data, and says what it lacks."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka import jars
from infra.kafka.broker import Broker, free_ports
from tests.kafka_fixture import Kafka

ROOT = Path(__file__).parents[1]


def _topics(kafka: Kafka, seconds: float = 20) -> set[str]:
    client = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    return set(client.list_topics(timeout=seconds).topics)


@pytest.mark.slow
def test_it_comes_back_on_its_data_and_port(kafka: Kafka) -> None:
    """Killed and started again it is where it was, with all it had; starting it twice changes nothing."""
    address, pid = kafka.bootstrap, kafka.broker.pid
    client = AdminClient({"bootstrap.servers": address, "log_level": 0})
    client.create_topics([NewTopic(f"{kafka.prefix}-kept", 1, 1)])[f"{kafka.prefix}-kept"].result(20)
    kafka.broker.start()
    assert kafka.broker.pid == pid
    kafka.broker.kill()
    assert kafka.broker.pid is None
    kafka.broker.start()
    assert kafka.bootstrap == address
    assert f"{kafka.prefix}-kept" in _topics(kafka)


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance may choose one again at which nobody listens yet; a broker needs two, and a test one beside."""
    (beside,) = free_ports(1)
    chosen = iter(number for number in range(beside, beside + 1_000) for _ in range(2))
    monkeypatch.setattr("random.SystemRandom.choice", lambda *_: next(chosen))
    assert len({beside, *free_ports(2)}) == 3


def test_a_paused_one_answers_nobody(kafka: Kafka) -> None:
    """A pause lasts until it is let go on."""
    kafka.broker.pause()
    with pytest.raises(KafkaException):
        _topics(kafka, 0.5)
    kafka.broker.resume()
    _topics(kafka)


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Java, no broker: told by name and with the command."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(
        jars.BrokerUnavailable, match=r"there is no Java on the PATH.*apt-get install openjdk"
    ):
        Broker(tmp_path / "broker").start()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(jars.BrokerUnavailable, match=r"no Java in JAVA_HOME \(/nowhere\)"):
        jars.java()


def test_without_maven_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Jars that are not there yet need Maven; one that fails is quoted, and leaves nothing half fetched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(jars.BrokerUnavailable, match=r"no Maven \(mvn\).*apt-get install maven"):
        jars.jars()
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'no route to the repository'\nexit 1\n")
    maven.chmod(0o755)
    with pytest.raises(jars.BrokerUnavailable, match="no route to the repository"):
        jars.jars()
    assert [path.suffix for path in (tmp_path / "cache" / "limen").iterdir()] == [".lock"]


def test_processes_that_fetch_at_once_fetch_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The jars are fetched by one process; the others wait for it and see all of them."""
    maven = tmp_path / "mvn"
    maven.write_text(
        "#!/bin/sh\n"
        f"echo fetched >> {tmp_path}/fetches\n"
        'for one in "$@"; do case "$one" in -DoutputDirectory=*) target=${one#*=};; esac; done\n'
        '/bin/mkdir "$target"; echo jar > "$target/a.jar"; /bin/sleep 0.3; echo jar > "$target/b.jar"\n'
    )
    maven.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    code = "from infra.kafka.jars import jars; print(len(list(jars().iterdir())))"
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(3)
    ]
    assert [child.communicate()[0].strip() for child in children] == ["2", "2", "2"]
    assert (tmp_path / "fetches").read_text().split() == ["fetched"]


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.slow
def test_it_runs_in_the_foreground(tmp_path: Path) -> None:
    """`python -m infra.kafka DIR` prints where it is, stops in order when told to, and is not left behind."""
    command = [sys.executable, "-m", "infra.kafka", str(tmp_path / "broker")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        address = child.stdout.readline().strip()
        client = AdminClient({"bootstrap.servers": address, "log_level": 0})
        assert client.list_topics(timeout=20).brokers
        child.terminate()
        assert child.wait(60) == 0
    assert "shut down" in (tmp_path / "broker" / "broker.log").read_text().lower()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == address
        child.kill()
    until = time.monotonic() + 10
    while _listens(address) and time.monotonic() < until:
        time.sleep(0.05)
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=0.5)
