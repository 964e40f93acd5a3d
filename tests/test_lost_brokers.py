"""Clients that forget where the brokers are, as librdkafka's do when one that wakes up says there are none.

They are told by a proxy before a real broker, and told not to help themselves: by itself librdkafka 2.16
mostly finds its way back, and sometimes, by the order in which its threads end, never does.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException
from msgspec.structs import replace

from infra.kafka.broker import free_ports
from streams.forwarder import Forwarder, NoAnswerYet
from streams.kafka.log import KafkaLog
from streams.kafka.lookups import Lookups
from streams.kafka.producer import SignalProducer
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.target import KafkaTarget
from streams.kafka.topics import Topic, apply, topic_name
from streams.log import LogUnavailable
from streams.spool import Spool
from tests.broker_proxy import BrokerProxy
from tests.cross_site.rig import position, put, running, told, wait_for
from tests.cross_site.told import reading
from tests.group_member import sinks_member
from tests.kafka_fixture import own_broker
from tests.log_contract import draft

pytestmark = pytest.mark.slow
LISTENERS = """\
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller_port}},BEHIND://127.0.0.1:{target}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},BEHIND://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT
"""
HELPLESS = {"metadata.recovery.strategy": "none"}
CURIOUS = {"topic.metadata.refresh.interval.ms": 100}
"""Asks for the brokers by itself, again and again."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProxy]:
    """Give a proxy with a broker behind it."""
    with closing(BrokerProxy()) as proxy:
        (proxy.target,) = free_ports(1)
        behind = LISTENERS.format(target=proxy.target, proxy=proxy.port)
        with own_broker(tmp_path_factory.mktemp("behind") / "broker", behind):
            yield proxy


@pytest.fixture
def settings(proxy: BrokerProxy, request: pytest.FixtureRequest) -> KafkaSettings:
    """Give settings whose topics are there."""
    settings = KafkaSettings(
        bootstrap_servers=f"127.0.0.1:{proxy.port}", topic_prefix=request.node.name, group=request.node.name,
        partitions=2, replication_factor=1, min_insync_replicas=1, wait_seconds=2, session_seconds=6,
        client=HELPLESS,
    )  # fmt: skip
    apply(replace(settings, wait_seconds=15))
    return settings


def test_what_this_is_about(settings: KafkaSettings, proxy: BrokerProxy) -> None:
    """A client that was told there are no brokers asks nobody ever after; a new one finds them."""
    topic = topic_name(settings, Topic.SIGNALS)
    with closing(Consumer(settings.consumer())) as consumer:
        consumer.list_topics(topic, timeout=15)
        with proxy.without_brokers():
            assert not consumer.list_topics(topic, timeout=15).brokers
        for _ in range(3):
            with pytest.raises(KafkaException):
                consumer.list_topics(topic, timeout=2)
    with closing(Consumer(settings.consumer())) as consumer:
        assert consumer.list_topics(topic, timeout=15).brokers


def test_lookups(settings: KafkaSettings, proxy: BrokerProxy) -> None:
    """They fail once, and then ask through another client."""
    with closing(Lookups(settings)) as lookups:
        assert lookups.count_partitions(Topic.SIGNALS) == 2
        with proxy.without_brokers():
            lookups.count_partitions(Topic.SIGNALS)
        with pytest.raises(LogUnavailable):
            lookups.bounds(topic_name(settings, Topic.SIGNALS), 0)
        assert lookups.bounds(topic_name(settings, Topic.SIGNALS), 0) == (0, 0)


def test_a_reader(settings: KafkaSettings, proxy: BrokerProxy) -> None:
    """It fails once, and then goes on where it stood, through another client."""
    settings = replace(settings, client=HELPLESS | CURIOUS)
    topic = topic_name(settings, Topic.SIGNALS)
    producer = SignalProducer(settings, lambda *_: None)
    with PartitionReader(settings, topic, 0) as reader:
        for number in range(2):
            producer.send(draft(number), 0)
        assert producer.flush(10) == 0
        reader.seek(0)
        assert len(reader.take(2)) == 2
        with proxy.without_brokers(clients=2):
            pass
        producer.close()
        producer = SignalProducer(settings, lambda *_: None)
        producer.send(draft(2), 0)
        assert producer.flush(10) == 0
        with pytest.raises(LogUnavailable):
            reader.take(1)
        assert [message.offset() for message in reader.take(1)] == [2]
        producer.close()


def test_a_connector(settings: KafkaSettings, proxy: BrokerProxy, tmp_path: Path) -> None:
    """What is under way through a client that will never send it is sent through another, once."""
    settings = replace(settings, client=HELPLESS | CURIOUS)
    with Spool(tmp_path / "spool.sqlite", 1_000_000) as spool, closing(KafkaTarget(settings)) as target:
        forwarder = Forwarder(spool, target, lambda *refused: pytest.fail(str(refused)))
        spool.append([draft(number) for number in range(10)])
        assert forwarder.step() == 10
        with proxy.without_brokers(clients=2):
            pass
        spool.append([draft(number) for number in range(10, 20)])
        with pytest.raises(NoAnswerYet):
            forwarder.step()  # the client that is asked is lost as well
        with pytest.raises(LogUnavailable, match="but not the client that has 10 signals under way"):
            forwarder.step()
        assert forwarder.step() == 10
    with closing(KafkaLog(settings)) as log:
        there = [stored.id for partition in range(2) for stored in log.read(partition, 0, 100)]
    assert sorted(there) == [draft(number).id for number in range(20)]


def test_a_producer_that_is_forbidden(settings: KafkaSettings, proxy: BrokerProxy) -> None:
    """It is not lost: it is told that it will never send anything, and says so, as often as it is asked."""

    def settled(*outcome: object) -> None:
        pytest.fail(str(outcome))

    for _ in range(20):  # it has to tell of the signals as well, sometimes first
        with proxy.forbidding_producers(), closing(SignalProducer(settings, settled)) as producer:
            with pytest.raises(LogUnavailable, match="uthorization failed"):
                for number in range(10):
                    producer.send(draft(number), 0)
                    producer.flush(1)
            with pytest.raises(LogUnavailable, match="uthorization failed"):
                producer.flush(1)


def test_the_second_stage(settings: KafkaSettings, proxy: BrokerProxy) -> None:
    """A member of the group that finds no broker any more joins it anew, and goes on."""
    settings = replace(settings, client=HELPLESS | CURIOUS)
    put(settings, [reading("berlin", 0)])
    with running(settings):
        wait_for(lambda: position(settings) == 1)
        with proxy.without_brokers():
            pass
        put(settings, [reading("lisbon", 20)])
        wait_for(lambda: len(told(settings)) == 2)


def test_a_sinks_member(settings: KafkaSettings, proxy: BrokerProxy) -> None:
    """A member of the group that finds no broker any more says that it is to be left; the next one joins."""
    settings = replace(settings, client=HELPLESS | CURIOUS)
    assigned: list[int] = []

    with closing(sinks_member(settings, assigned)) as first:
        wait_for(lambda: first.poll(0.1) is None and assigned)
        with proxy.without_brokers():
            pass
        with pytest.raises(LogUnavailable):
            wait_for(lambda: first.poll(0.1) == "never")
    assert not assigned
    with closing(sinks_member(settings, assigned)) as second:
        wait_for(lambda: second.poll(0.1) is None and assigned)
