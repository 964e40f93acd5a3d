"""A proxy before a broker: what the broker says may lose its brokers, or become a refusal, on the way."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_METADATA: Final = 3
_INIT_PRODUCER: Final = 22
_FLEXIBLE: Final[dict[int, int]] = {_METADATA: 9, _INIT_PRODUCER: 2}
"""The requests whose answers are changed, and the first version of each that has tags and compact arrays."""
_BEGIN: Final = 4 + 1 + 4
"""Where an answer begins: behind its number, no tags, and the time it was held back."""
_FORBIDDEN: Final = 31  # CLUSTER_AUTHORIZATION_FAILED
Asked = dict[int, tuple[int, int]]
"""Kind and version of those requests that are under way."""
PassOn = Callable[[bytes, Asked], bytes]
"""Returns what is passed on of a message."""


class BrokerProxy:
    """Takes connections on `port` and passes them on to `target`, a broker that advertises `port`."""

    def __init__(self) -> None:
        self.target = 0
        self._told: set[int] = set()
        """The connections that were told there are no brokers."""
        self._leaves_out = self._forbids = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._serve, daemon=True).start()

    @contextmanager
    def without_brokers(self, clients: int = 1) -> Iterator[None]:
        """Say that there are no brokers, as one does that wakes up, until so many have been told."""
        self._told.clear()
        self._leaves_out = True
        try:
            yield
            until = time.monotonic() + 30
            while len(self._told) < clients:
                assert time.monotonic() < until, "too few ask for the brokers"
                time.sleep(0.05)
            time.sleep(0.5)  # they read it
        finally:
            self._leaves_out = False

    @contextmanager
    def forbidding_producers(self) -> Iterator[None]:
        """Say that nobody may produce, which is final for an idempotent producer."""
        self._forbids = True
        try:
            yield
        finally:
            self._forbids = False

    def close(self) -> None:
        """Take no more connections, and end those there are."""
        for opened in (self._listening, *list(self._open)):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    broker = socket.create_connection(("127.0.0.1", self.target))
                except ConnectionRefusedError:  # it has only begun to start
                    client.close()
                    continue
                asked: Asked = {}
                for one, other, pass_on in ((client, broker, self._ask), (broker, client, self._answer)):
                    self._open.add(one)
                    arguments = one, other, pass_on, asked
                    threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, pass_on: PassOn, asked: Asked) -> None:
        with suppress(OSError), one, other, one.makefile("rb") as incoming:
            while len(size := incoming.read(4)) == 4:
                message = pass_on(incoming.read(int.from_bytes(size)), asked)
                other.sendall(len(message).to_bytes(4) + message)
            other.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)

    @staticmethod
    def _ask(request: bytes, asked: Asked) -> bytes:
        kind, version, number = struct.unpack_from(">hhi", request)
        if kind in _FLEXIBLE:
            asked[number] = kind, version
        return request

    def _answer(self, answer: bytes, asked: Asked) -> bytes:
        kind, version = asked.pop(int.from_bytes(answer[:4]), (None, 0))
        if kind == _METADATA and self._leaves_out:
            assert version >= _FLEXIBLE[kind]
            self._told.add(id(asked))
            return _without_brokers(answer)
        if kind == _INIT_PRODUCER and self._forbids:
            assert version >= _FLEXIBLE[kind]
            return answer[:_BEGIN] + _FORBIDDEN.to_bytes(2) + answer[_BEGIN + 2 :]
        return answer


def _without_brokers(answer: bytes) -> bytes:
    """Return an answer to a metadata request with an empty list of brokers."""
    count, place = _unsigned(answer, _BEGIN)
    for _ in range(count - 1):
        _, place = _text(answer, place + 4)
        _, place = _text(answer, place + 4)
        _, place = _unsigned(answer, place)
    return answer[:_BEGIN] + b"\x01" + answer[place:]


def _text(data: bytes, place: int) -> tuple[int, int]:
    length, place = _unsigned(data, place)
    return length, place + max(0, length - 1)


def _unsigned(data: bytes, place: int) -> tuple[int, int]:
    """Return a number of variable length, and the place behind it."""
    value = shift = 0
    while True:
        value |= (data[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not data[place - 1] & 0x80:
            return value, place
