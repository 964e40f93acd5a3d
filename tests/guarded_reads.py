"""Texts that end at the last byte a process may read are scanned: one byte more, and it is killed.

    python -m tests.guarded_reads

It prints how many texts it has come through.
"""

import ctypes
import mmap
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from domain.byte_words import ROOM  # noqa: E402 - the cache comes first
from domain.event import write_event  # noqa: E402
from domain.names import Names  # noqa: E402
from domain.signal import Time, signal_id, write_signal  # noqa: E402
from domain.wire_layout import EVENT_LAYOUT, SIGNAL_LAYOUT  # noqa: E402
from domain.wire_scanning import Scanned  # noqa: E402
from streams.admission import Message  # noqa: E402
from streams.bulk_admission import admit_in_bulk  # noqa: E402
from streams.messages import Messages  # noqa: E402
from tests.wire_strategies import FULL_EVENT, FULL_SIGNAL  # noqa: E402
from tests.worker.messages import LIMITS, NOON  # noqa: E402

_PARTS: Final = ("key", "value", "schema", "id")
_PAGES: Final = 4
_NOTHING_ALLOWED: Final = 0
"""PROT_NONE."""


def main() -> None:
    """Scan texts, each so that it ends where the memory does."""
    memory, done = _guarded(), 0

    def at_the_end(text: bytes) -> Any:
        place = memory[len(memory) - len(text) :]
        place[:] = np.frombuffer(text, np.uint8)
        return place

    whole = msgspec.structs.replace(FULL_SIGNAL, id=signal_id("1"), site="alpha", time=Time(NOON, NOON))
    signal, event = write_signal(whole), write_event(FULL_EVENT)
    for layout, wire in ((SIGNAL_LAYOUT, signal), (EVENT_LAYOUT, event)):
        scanned = Scanned(layout, 1, len(wire))
        for end in range(len(wire) + 1):
            scanned.walk(at_the_end(wire[:end] + ROOM), np.array([0]), np.array([end]))
            assert scanned.fits.tolist() == [end == len(wire)]
            done += 1
    for end in range(len(signal) + 1):
        for last in ("key", "value", "schema", "id"):
            messages, text = _with_last(Message(0, b"alpha", signal[:end], NOON, b"1", b"0" * 32), last)
            admitted = admit_in_bulk(LIMITS, Messages(at_the_end(text), messages))
            assert admitted.are.tolist() == [end == len(signal)]
            done += 1
    for size in range(1, 40):
        for count in (1, 2, 3):
            ends = pa.py_buffer(np.arange(count + 1, dtype=np.int64) * size)
            text = pa.py_buffer(at_the_end(b"x" * size * count))
            assert Names().codes(pa.LargeStringArray.from_buffers(count, ends, text)).tolist() == [1] * count
            done += 1
    print(done)  # noqa: T201


def _with_last(message: Message, last: str) -> tuple[Any, bytes]:
    """Return where a message's parts stand in a text, and that text, `ROOM` behind the last of them."""
    places, text = Messages.of([message]).places.copy(), b""
    for name in sorted(_PARTS, key=last.__eq__):
        places[name] = len(text)
        text += getattr(message, name)
    return places, text + ROOM


def _guarded() -> Any:
    """Return memory (uint8) behind which nothing may be read."""
    size = _PAGES * mmap.PAGESIZE
    memory = np.frombuffer(mmap.mmap(-1, size + mmap.PAGESIZE), np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(memory.ctypes.data + size), mmap.PAGESIZE, _NOTHING_ALLOWED):
        raise OSError(ctypes.get_errno(), "mprotect")
    return memory[:size]


if __name__ == "__main__":
    main()
