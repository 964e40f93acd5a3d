"""A proxy before a broker: what the broker says of the cluster may lose its brokers on the way."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_METADATA: Final = 3
_FLEXIBLE: Final = 9
"""The first version of the metadata request whose answer has compact arrays."""
PassOn = Callable[[bytes, dict[int, int]], bytes]
"""Returns what is passed on of a message; the dictionary: the versions of the metadata requests under way."""


class BrokerProxy:
    """Takes connections on `port` and passes them on to `target`, a broker that advertises `port`."""

    def __init__(self) -> None:
        self.target = 0
        self._told: set[int] = set()
        """The connections that were told there are no brokers."""
        self._leaves_out = False
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
                asked = dict[int, int]()
                for one, other, pass_on in ((client, broker, self._ask), (broker, client, self._answer)):
                    self._open.add(one)
                    arguments = one, other, pass_on, asked
                    threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, pass_on: PassOn, asked: dict[int, int]) -> None:
        with suppress(OSError), one, other, one.makefile("rb") as incoming:
            while len(size := incoming.read(4)) == 4:
                message = pass_on(incoming.read(int.from_bytes(size)), asked)
                other.sendall(len(message).to_bytes(4) + message)
            other.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)

    @staticmethod
    def _ask(request: bytes, asked: dict[int, int]) -> bytes:
        kind, version, number = struct.unpack_from(">hhi", request)
        if kind == _METADATA:
            asked[number] = version
        return request

    def _answer(self, answer: bytes, asked: dict[int, int]) -> bytes:
        version = asked.pop(int.from_bytes(answer[:4]), None)
        if version is None or not self._leaves_out:
            return answer
        assert version >= _FLEXIBLE
        self._told.add(id(asked))
        return _without_brokers(answer)


def _without_brokers(answer: bytes) -> bytes:
    """Return an answer to a metadata request with an empty list of brokers."""
    first = 4 + 1 + 4  # behind its number, no tags, and the time it was held back
    count, place = _unsigned(answer, first)
    for _ in range(count - 1):
        _, place = _text(answer, place + 4)
        _, place = _text(answer, place + 4)
        _, place = _unsigned(answer, place)
    return answer[:first] + b"\x01" + answer[place:]


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
