"""One broker process: started, stopped, killed, paused, and started again on its data."""

import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, Self

from infra.kafka.jars import BrokerUnavailable, jars, java

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 30.0
HEAP: Final = "-Xmx384m"
QUICK_START: Final = "-XX:TieredStopAtLevel=1"
"""Only the first compiler: it starts in two thirds of the time, and runs slower ever after."""
_CLUSTER: Final = "bGltZW4tbG9jYWwtMDAwMQ"
_PORTS: Final = range(20_000, 32_000)
"""Below what the system gives to outgoing connections: the port is still free when the broker comes back."""
_given: Final[set[int]] = set()
"""The ports that this process was given, and may listen at only later."""

_SETTINGS: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
offsets.retention.minutes=525600
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
log.cleaner.threads=1
log.index.size.max.bytes=1048576
controller.quorum.election.timeout.ms=200
controller.quorum.election.backoff.max.ms=100
log.cleaner.dedupe.buffer.size=16777216
"""


class Broker:
    """A broker that keeps everything in one folder. Its port stays the same when it is started again.

    Args:
        folder: its own, made if it is not there; what is in it is gone on with.
        java_options: of its Java; for measuring leave out what only makes it start sooner.
        more_settings: lines of server.properties that count above our own, which see `_SETTINGS`; `{port}`,
            `{controller_port}` and `{folder}` stand for what they stand for there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        java_options: Sequence[str] = (HEAP, QUICK_START),
        more_settings: str = "",
    ) -> None:
        self._folder = folder.absolute()
        self._java_options = java_options
        self._more_settings = more_settings
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """Where clients reach it: `host:port`. It has been started at least once."""
        return f"127.0.0.1:{self._port}"

    @property
    def log_file(self) -> Path:
        """What the broker says."""
        return self._folder / "broker.log"

    @property
    def pid(self) -> int | None:
        """The number of its process, None while there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            BrokerUnavailable: it cannot be run here; the message says why.
        """
        if self._process is not None:
            return
        command = [java(), *self._java_options, "-XX:+UseSerialGC", "-cp", f"{jars()}/*"]
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "server.properties"
        with as_file(files("infra.kafka") / "log4j2.properties") as logging, self.log_file.open("ab") as log:
            command.insert(1, f"-Dlog4j2.configurationFile={logging}")
            if not settings.exists():
                self._format(command, settings)
            self._port = _port_in(settings)
            self._process = subprocess.Popen(
                [*command, "kafka.Kafka", str(settings)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # a Ctrl-C is for us: we stop it in order
            )  # fmt: skip
            self._guard = _guard(self._process.pid)
            try:
                self._wait_until_it_answers()
            except BaseException:
                self.kill()
                raise

    def stop(self) -> None:
        """End it in order (SIGTERM); a paused one goes on first. Killed if that takes too long."""
        if self._process is not None:
            self.resume()
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._ended()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def pause(self) -> None:
        """Let it stand still (SIGSTOP): connections stay, nothing is answered. On return all of it stands."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            child = os.P_PID, self._process.pid
            state = os.waitid(*child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if state is not None and state.si_code == os.CLD_STOPPED:
                os.waitid(*child, os.WSTOPPED)  # taken note of; an end is for whoever waits for that

    def resume(self) -> None:
        """Let it go on after a pause (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _format(self, java_command: list[str], settings: Path) -> None:
        port, controller_port = free_ports(2)
        draft = settings.with_suffix(".draft")
        text = _SETTINGS + self._more_settings
        draft.write_text(text.format(port=port, controller_port=controller_port, folder=self._folder))
        done = subprocess.run(
            [*java_command, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(draft)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise BrokerUnavailable(
                f"the broker's folder {self._folder} could not be prepared; it needs Java 17 or later\n"
                f"{(done.stderr or done.stdout).strip()[-1_000:]}"
            )
        draft.rename(settings)

    def _wait_until_it_answers(self) -> None:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        assert self._process is not None
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        until = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            try:
                if client.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                continue  # it was asked too early
        ended = self._process.poll()
        what = "did not answer in time" if ended is None else f"ended with code {ended}"
        last = "\n".join(self.log_file.read_text(errors="replace").splitlines()[-5:])
        raise BrokerUnavailable(
            f"the broker in {self._folder} {what}; its last words ({self.log_file}):\n{last}"
        )


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """Start what kills the broker if this process is killed: then the pipe between them closes."""
    script = f"read -r _ || kill -KILL {pid}"
    return subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _port_in(settings: Path) -> int:
    found = re.search(r"^listeners=PLAINTEXT://127\.0\.0\.1:(\d+)", settings.read_text(), re.MULTILINE)
    assert found is not None, f"{settings} is not ours"
    return int(found[1])


def free_ports(count: int) -> list[int]:
    """Return so many ports at which nobody listens, below those of outgoing connections; none twice."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        found.append(port)
    return found
