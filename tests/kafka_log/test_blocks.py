"""A partition read in bulk gives what the reader of single messages gives, whatever the broker does."""

import asyncio
import gc
import itertools
import random
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from infra.kafka.jars import jars, java
from streams.admission import Message
from streams.kafka import topics
from streams.kafka.blocks import read_blocks
from streams.kafka.headers import signal_headers
from streams.kafka.reader import admitted, read_range
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import LogError, LogUnavailable, SignalsGone
from streams.worker.pump import message_of
from tests.kafka_fixture import Kafka, own_broker
from tests.kafka_log.record_bytes import ENCODERS, RawHeaders, batch, checked, record
from tests.kafka_log.settings import settings_of

ALL: Final = 1 << 62
LAVISH: Final = """\
auto.create.topics.enable=true
quota.window.num=2
quota.window.size.seconds=1
connections.max.idle.ms=1000
"""
_ODD_HEADERS: Final[tuple[RawHeaders, ...]] = (
    [],
    [(b"id", None), (b"schema", None), (b"schema", b"1")],
    [(b"schema", b"1"), (b"\xff\xfe", b"odd"), (b"id", b"x")],
    [("größe".encode(), b"1"), (b"id", b""), (b"id", b"second"), (b"schema", b"\0\xff")],
    [(b"", b""), (b"Schema", b"2"), (b"schema ", b"3"), (b"schemas", b"4"), (b"i", b"5")],
    [(b"\xed\xa0\x80", None), (b"schema", b"1")],
)


def singly(settings: KafkaSettings, topic: str, from_offset: int = 0, to_offset: int = ALL) -> list[Message]:
    """Return the messages of a range as the reader of single messages gives them."""
    pieces = read_range(settings, topic, 0, from_offset, to_offset)
    return [admitted(message) for message in itertools.chain.from_iterable(pieces)]


def in_bulk(settings: KafkaSettings, topic: str, from_offset: int = 0, to_offset: int = ALL) -> list[Message]:
    """Return the messages of a range as they come in bulk."""
    blocks = read_blocks(settings, topic, 0, from_offset, to_offset)
    return list(itertools.chain.from_iterable(blocks))


def produce_raw(settings: KafkaSettings, topic: str, batches: list[bytes]) -> None:
    """Append batches as they are."""

    async def send() -> None:
        client = AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers)
        await client.bootstrap()
        for one in batches:
            code = -1
            while code != 0:
                answer = await client.send(1, ProduceRequest(None, -1, 10_000, [(topic, [(0, one)])]))
                code = answer.topics[0][1][0][1]
                assert code in (0, 3, 6), "it has only begun to know the topic"
        await client.close()

    asyncio.run(send())


def fill(settings: KafkaSettings, topic: str, count: int, *, size: int = 30) -> None:
    """Append so many messages of ours, each with its number and this much that no compression makes less."""
    producer, chance = Producer(settings.signal_producer()), random.Random(7)
    for number in range(count):
        value = b"%d " % number + chance.randbytes(size)
        producer.produce(topic, value, b"campus", 0, headers=signal_headers(f"{number:036d}"))
        producer.poll(0)
    assert producer.flush(30) == 0


@pytest.fixture
def topic(settings: KafkaSettings) -> str:
    """The topic of the test's own signals."""
    return topic_name(settings, Topic.SIGNALS)


def mixed(settings: KafkaSettings, topic: str) -> int:
    """Append all there may be; return how many offsets that takes."""
    chance = random.Random(3)
    transactional = [
        Producer(settings.transactional_producer(f"{topic}-{number}") | {"compression.type": kind})
        for number, kind in enumerate(("zstd", "none"))
    ]
    for producer in transactional:
        producer.init_transactions(20)
    for turn in range(30):
        for producer in transactional:
            producer.begin_transaction()
        for number in range(chance.randrange(1, 60)):
            for producer in chance.sample(transactional, chance.randint(1, 2)):
                value = chance.choice([None, b"", chance.randbytes(chance.choice([10, 100, 9_000]))])
                key = chance.choice([None, b"", b"campus"])
                producer.produce(topic, value, key, 0, headers=signal_headers(f"{turn}-{number:034d}"))
                if not number % 7:
                    producer.flush(10)
        for producer in transactional:
            if chance.random() < 0.5:
                producer.abort_transaction(20)
            else:
                producer.commit_transaction(20)
        kinds = sorted(ENCODERS)
        records = b"".join(
            record(b"k", b"%d" % turn * chance.randrange(300), headers, further=further, since=further - 2)
            for further, headers in enumerate(_ODD_HEADERS)
        )
        now = time.time_ns() // 1_000_000
        packed = batch(records, len(_ODD_HEADERS), compression=kinds[turn % len(kinds)], times=(now, now + 3))
        produce_raw(settings, topic, [packed])
    for compression in ("gzip", "snappy", "lz4", "zstd", "none"):
        fill(replace(settings, client={"compression.type": compression}), topic, 700, size=900)
    return singly(settings, topic)[-1].offset + 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Topic.SIGNALS, Topic.EVENTS])
def test_what_single_messages_say(settings: KafkaSettings, kind: Topic) -> None:
    """Transactions, odd headers, nulls, every compression, many fetches, any range: message by message."""
    topic, chance = topic_name(settings, kind), random.Random(1)
    end = mixed(settings, topic)
    expected = singly(settings, topic)
    assert sum(len(one.value or b"") for one in expected) > 3 << 20
    assert len(expected) < end - 60  # what was given up, and the markers
    assert in_bulk(settings, topic) == expected
    for _ in range(12):
        first = chance.randrange(end)
        last = first + chance.choice([1, 2, 30, 3_000])
        assert in_bulk(settings, topic, first, last) == [
            one for one in expected if first <= one.offset < last
        ]


def test_names_that_hold_a_zero(settings: KafkaSettings, topic: str) -> None:
    """A name is all of its bytes, as workers read it; librdkafka alone ends it at its first zero."""
    headers = [(b"schema\0x", b"7"), (b"schema", b"1"), (b"id\0", b"8"), (b"\0", b"9")]
    produce_raw(settings, topic, [batch(record(b"k", b"v", headers), 1)])

    async def fetched() -> list[Message]:
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        found = [message_of(await consumer.getone())]
        await consumer.stop()
        return found

    assert in_bulk(settings, topic) == asyncio.run(fetched())
    assert [(one.schema, one.id) for one in in_bulk(settings, topic)] == [(b"1", None)]


def test_blocks_are_many_messages(settings: KafkaSettings, topic: str) -> None:
    """A long range comes in few blocks, in order, without repetition; what is behind it is left."""
    fill(settings, topic, 45_000)
    blocks = list(read_blocks(settings, topic, 0, 5, 44_990))
    assert [message.offset for block in blocks for message in block] == list(range(5, 44_990))
    assert len(blocks) <= 5
    assert min(map(len, blocks[:-1])) >= 9_000
    ids = [message.id for block in blocks for message in block]
    assert ids == [b"%036d" % number for number in range(5, 44_990)]


def test_blocks_of_large_messages_are_short(settings: KafkaSettings, topic: str) -> None:
    """However large messages are, some megabytes of them are held at once."""
    fill(settings, topic, 30, size=700_000)
    lengths = list(map(len, read_blocks(settings, topic, 0, 0, ALL)))
    assert sum(lengths) == 30
    assert max(lengths) <= 8


def test_nothing_where_nothing_is(settings: KafkaSettings, topic: str) -> None:
    """An empty range, an empty partition and a range behind the end give nothing."""
    assert list(read_blocks(settings, topic, 0, 0, ALL)) == []
    fill(settings, topic, 5)
    for first, last in ((3, 3), (4, 2), (5, ALL)):
        assert (
            list(read_blocks(settings, topic, 0, first, last)) == singly(settings, topic, first, last) == []
        )


def test_an_open_transaction_ends_what_is_read(settings: KafkaSettings, topic: str) -> None:
    """What a transaction has not committed is not waited for, nor what stands behind it."""
    fill(settings, topic, 3)
    producer = Producer(settings.transactional_producer(f"{topic}-open"))
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"open", b"campus", 0)
    producer.flush(20)
    fill(settings, topic, 3)
    assert [one.offset for one in in_bulk(settings, topic)] == [0, 1, 2]
    assert in_bulk(settings, topic, 4) == []
    producer.abort_transaction(20)
    assert [one.offset for one in in_bulk(settings, topic)] == [0, 1, 2, 4, 5, 6]


def test_what_retention_has_deleted_is_said(settings: KafkaSettings, topic: str) -> None:
    """A range that begins before the first message there is, or behind the last, is an error."""
    fill(settings, topic, 10)
    admin = AdminClient(settings.admin())
    for deleted in admin.delete_records([TopicPartition(topic, 0, 4)]).values():
        deleted.result(20)
    for first in (3, 11):
        with pytest.raises(SignalsGone, match=f"{topic}: .*partition 0 is not there any more"):
            in_bulk(settings, topic, first)
    assert [one.offset for one in in_bulk(settings, topic, 4)] == list(range(4, 10))


def test_what_is_missing_is_named(settings: KafkaSettings, topic: str) -> None:
    """A topic or partition nobody made is named, with what to do, in the time the settings give."""
    hasty = replace(settings, wait_seconds=3)
    for name, partition in ((f"{topic}-none", 0), (topic, 99)):
        begun = time.monotonic()
        with pytest.raises(LogUnavailable, match=f"no partition {partition} of {name} .*limen topics"):
            list(read_blocks(hasty, name, partition, 0, 9))
        assert time.monotonic() - begun < 6


def test_nobody_there() -> None:
    """An address where no broker is, is named with what to look at."""
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1,127.0.0.1:2", wait_seconds=1)
    begun = time.monotonic()
    with pytest.raises(LogUnavailable, match=r"127.0.0.1:1,127.0.0.1:2: .*running"):
        list(read_blocks(settings, "any", 0, 0, 9))
    assert 0.9 < time.monotonic() - begun < 4


def test_a_server_that_is_silent_hides_no_other(settings: KafkaSettings, topic: str) -> None:
    """Of several servers one may take connections and say nothing: the others are asked."""
    fill(settings, topic, 3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        servers = f"127.0.0.1:{silent.getsockname()[1]},{settings.bootstrap_servers}"
        assert len(in_bulk(replace(settings, bootstrap_servers=servers, wait_seconds=4), topic)) == 3


@pytest.mark.slow
def test_time_between_blocks_is_not_waited(settings: KafkaSettings, topic: str) -> None:
    """Who takes longer for a block than the settings wait gets the next all the same."""
    fill(settings, topic, 25_000)
    found = list[int]()
    for block in read_blocks(replace(settings, wait_seconds=2), topic, 0, 0, ALL):
        found += [message.offset for message in block]
        time.sleep(2.5)
    assert found == list(range(25_000))


def _open() -> set[str]:
    """Return this process's sockets."""
    found = set()
    for name in Path("/proc/self/fd").iterdir():
        try:
            target = str(name.readlink())
        except FileNotFoundError:  # the folder's own
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.mark.filterwarnings("error")
def test_what_is_not_read_on_leaves_nothing(
    settings: KafkaSettings, topic: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ended in the middle, at the end or by an error, it leaves no task, thread or socket, and is silent."""
    fill(settings, topic, 25_000)
    gc.collect()
    threads, sockets = set(threading.enumerate()), _open()

    def check() -> None:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            gc.collect()
        assert [str(one.message) for one in said] == []
        assert {one for one in threading.enumerate() if one not in threads} == set()
        assert _open() <= sockets

    blocks = read_blocks(settings, topic, 0, 0, ALL)
    assert len(next(blocks)) < 25_000
    blocks.close()
    check()
    assert len(in_bulk(settings, topic)) == 25_000
    check()
    for name, server in ((f"{topic}-none", settings.bootstrap_servers), (topic, "127.0.0.1:1")):
        with pytest.raises(LogUnavailable):
            in_bulk(replace(settings, bootstrap_servers=server, wait_seconds=0.5), name)
        check()
    with pytest.raises(SignalsGone):
        in_bulk(settings, topic, 30_000)
    check()
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_broker_that_dies_and_comes_back(kafka: Kafka) -> None:
    """It dies in the middle of a long range, and what comes then goes on without loss or repetition."""
    settings = settings_of(kafka, partitions=1, wait_seconds=60)
    topic = topic_name(settings, Topic.SIGNALS)
    fill(settings, topic, 60_000, size=100)
    found = list[int]()
    for number, block in enumerate(read_blocks(settings, topic, 0, 0, ALL)):
        found += [message.offset for message in block]
        if number == 1:
            kafka.broker.kill()
            kafka.broker.start()
        elif number == 2:
            kafka.broker.kill()
            starting = threading.Thread(target=kafka.broker.start)
            starting.start()
    starting.join()
    assert found == list(range(60_000))


@pytest.mark.slow
def test_a_broker_that_stands_still(kafka: Kafka) -> None:
    """At the beginning or in the middle, it is given up after the time the settings give it, or goes on."""
    settings = settings_of(kafka, partitions=1)
    topic = topic_name(settings, Topic.SIGNALS)
    fill(settings, topic, 60_000, size=100)
    hasty = replace(settings, wait_seconds=2)
    sockets = _open()
    for taken in (0, 2):
        blocks = read_blocks(hasty, topic, 0, 0, ALL)
        found = [next(blocks) for _ in range(taken)]
        kafka.broker.pause()
        begun = time.monotonic()
        with pytest.raises(LogUnavailable, match=f"{kafka.bootstrap}: {topic}, .*nothing came.*running"):
            while True:
                found.append(next(blocks))
        assert 1.9 < time.monotonic() - begun < 6
        kafka.broker.resume()
        place = found[-1][-1].offset + 1 if found else 0
        assert place < 60_000
        rest = in_bulk(settings, topic, place)
        assert [one.offset for one in rest] == list(range(place, 60_000))
        gc.collect()
        assert _open() <= sockets
    blocks = read_blocks(settings, topic, 0, 0, ALL)
    found = [next(blocks)]
    kafka.broker.pause()
    threading.Timer(1, kafka.broker.resume).start()
    assert [one.offset for block in (*found, *blocks) for one in block] == list(range(60_000))


@pytest.mark.slow
def test_a_log_that_is_damaged(kafka: Kafka) -> None:
    """What a broker sends of a damaged file is told, and does not keep anybody waiting."""
    settings = settings_of(kafka, partitions=1, wait_seconds=20)
    topic = topic_name(settings, Topic.SIGNALS)
    whole = batch(record(b"k", b"v") + record(b"k", b"v", further=1), 2)
    produce_raw(settings, topic, [whole, whole])
    kafka.broker.stop()
    (log,) = (kafka.broker.log_file.parent / "data" / f"{topic}-0").glob("*.log")
    kept = log.read_bytes()
    assert len(kept) == 2 * len(whole)
    for place, damage, fits, what in (
        (61, b"\xff" * 3, False, "the batch at offset 2 is not what was written"),
        (61, b"\xff" * 3, True, "the batch at offset 2 does not hold the records"),
        (23, b"\xff" * 4, False, "the batch at offset 2 has a length or a number"),
    ):
        kafka.broker.stop()
        second = kept[len(whole) :]
        second = second[:place] + damage + second[place + len(damage) :]
        log.write_bytes(kept[: len(whole)] + (checked(second) if fits else second))
        kafka.broker.start()
        # A range that ends before it is not concerned.
        assert [one.offset for one in in_bulk(settings, topic, 0, 2)] == [0, 1]
        begun = time.monotonic()
        with pytest.raises(LogError, match=f"{topic}, partition 0: {what}"):
            in_bulk(settings, topic)
        assert time.monotonic() - begun < 10


@pytest.fixture(scope="module")
def lavish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Give a broker that makes a topic for whoever asks for one, and may be told to be slow."""
    folder = tmp_path_factory.mktemp("lavish") / "broker"
    with own_broker(folder, LAVISH) as broker:
        yield Kafka(broker, "lavish")


@pytest.mark.slow
def test_reading_makes_no_topic(lavish: Kafka) -> None:
    """A topic that is missing stays so, where the broker would make it with partitions of its own choice."""
    settings = settings_of(lavish, partitions=1, wait_seconds=3)
    with pytest.raises(LogUnavailable, match=r"no partition 0 of lavish\.none"):
        in_bulk(settings, "lavish.none")
    assert "lavish.none" not in AdminClient(settings.admin()).list_topics(timeout=15).topics


@pytest.mark.slow
def test_a_broker_that_holds_readers_back(lavish: Kafka) -> None:
    """A broker that limits what readers take answers with nothing at times; all of it comes."""
    settings = settings_of(lavish, partitions=1)
    topic = topic_name(settings, Topic.SIGNALS)
    fill(settings, topic, 6_000, size=1_000)
    command = [java(), "-cp", f"{jars()}/*", "kafka.admin.ConfigCommand", "--alter", "--bootstrap-server"]
    command += [lavish.bootstrap, "--entity-type", "clients", "--entity-default", "--add-config"]
    subprocess.run([*command, "consumer_byte_rate=2000000"], check=True, capture_output=True)
    begun = time.monotonic()
    assert [one.offset for one in in_bulk(settings, topic)] == list(range(6_000))
    assert time.monotonic() - begun > 1
    subprocess.run([*command[:-1], "--delete-config", "consumer_byte_rate"], check=True, capture_output=True)


@pytest.mark.slow
def test_a_broker_that_hangs_up_meanwhile(lavish: Kafka) -> None:
    """A broker that closes what nobody reads from is asked anew, behind what came before."""
    settings = replace(settings_of(lavish, partitions=1), topic_prefix="hangs-up", wait_seconds=5)
    topics.apply(settings)
    topic = topic_name(settings, Topic.SIGNALS)
    fill(settings, topic, 25_000)
    found = list[int]()
    for block in read_blocks(settings, topic, 0, 0, ALL):
        found += [message.offset for message in block]
        time.sleep(2.5)
    assert found == list(range(25_000))
