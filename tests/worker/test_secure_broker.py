"""A worker and a broker that asks for TLS and a password."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined] # all of it is public, if not marked so
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from infra.kafka.broker import free_ports
from infra.kafka_replay import replay_kafka
from streams.kafka.blocks import read_blocks
from streams.kafka.topics import Topic, topic_name
from streams.log import LogUnavailable
from tests.kafka_fixture import Kafka, own_broker
from tests.requirements import require
from tests.worker.messages import a_signal, message
from tests.worker.rig import LIMITS, Rig

PASSWORD = "opened by it"
SETTINGS = """\
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller_port}},SAFE://127.0.0.1:{safe}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SAFE://127.0.0.1:{safe}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SAFE:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.safe.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location={keystore}
ssl.keystore.password={password}
"""


@pytest.fixture
def safe(tmp_path: Path) -> Iterator[tuple[Kafka, str, Path]]:
    """Give a broker of its own, where it is reached safely, and the certificate it shows there."""
    require("keytool", shutil.which("keytool"), "apt-get install openjdk-17-jre-headless")
    keystore, certificate = tmp_path / "broker.p12", tmp_path / "broker.pem"
    store = ["-keystore", str(keystore), "-storepass", PASSWORD, "-alias", "broker"]
    _keytool(
        "-genkeypair", *store, "-storetype", "PKCS12", "-keyalg", "EC", "-dname", "CN=broker",
        "-validity", "2", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true",
    )  # fmt: skip
    _keytool("-exportcert", *store, "-rfc", "-file", str(certificate))
    (port,) = free_ports(1)
    settings = SETTINGS.format(safe=port, keystore=keystore, password=PASSWORD)
    with own_broker(tmp_path / "safe-broker", settings) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        for done in admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion("limen", scram, PASSWORD.encode())]
        ).values():
            done.result(10)
        yield Kafka(broker, "safe"), f"127.0.0.1:{port}", certificate


def _keytool(*arguments: str) -> None:
    subprocess.run(["keytool", *arguments], check=True, capture_output=True)


@pytest.mark.slow
def test_a_worker_decides_over_tls_with_a_password(safe: tuple[Kafka, str, Path], tmp_path: Path) -> None:
    """Both of its clients come in, and decide; with a wrong password it waits, and says what for.

    A replay comes in as well, and finds what the worker decided.
    """
    kafka, address, certificate = safe
    client = {
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": str(certificate),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "limen",
        "sasl.password": PASSWORD,
    }
    with Rig(kafka, tmp_path) as rig:
        rig.produce(message(a_signal(number)) for number in range(50))
        wrong = rig.start(bootstrap=address, client=client | {"sasl.password": "wrong"})
        right = rig.start(bootstrap=address, client=client)
        rig.wait_until_decided()
        rig.check_exact()
        rig.wait(lambda: '"event": "waiting"' in rig.said(), "waiting")
        safely = msgspec.structs.replace(rig.settings, bootstrap_servers=address, client=client)
        found = replay_kafka(safely, LIMITS, processes=2)
        assert (found["identical"], found["signals"]) == (True, 50)
        unknown = msgspec.structs.replace(safely, client=client | {"sasl.password": "wrong"}, wait_seconds=2)
        with pytest.raises(LogUnavailable, match=f"{address}: .*client fit it"):
            list(read_blocks(unknown, topic_name(safely, Topic.SIGNALS), 0, 0, 9))
        for worker in (wrong, right):
            worker.terminate()
        assert [worker.wait(30) for worker in (wrong, right)] == [0, 0]
