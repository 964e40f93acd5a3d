"""What the compiled loops share: how a loop is compiled, and how its tables are made.

Every loop takes structured arrays only, always of the same types, and reads as its rule reads. With
`NUMBA_DISABLE_JIT=1` the same functions run as plain Python over `numpy.record` rows; so no field may have
the name of an attribute that every NumPy scalar has (`device`, `size`, `data`, …).
"""

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
Records = NDArray[Any]

COMPILED: Final[bool] = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

_OPTIONS: Final[dict[str, Any]] = {"cache": True, "nogil": True, "_nrt": False}
"""Loops allocate nothing, so arrays need no reference counting (_nrt), which cost more than the work."""


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small function that loops call, as part of them."""
    compiled: Callable[P, R] = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled


def stage(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a stage: a loop over part of a batch, which `domain.stages.run` calls."""
    compiled: Callable[P, R] = numba.njit(**_OPTIONS)(function)
    return compiled


def _make_word_at() -> Callable[[Any, int], Any]:
    if not COMPILED:
        return lambda data, at: np.uint64(int.from_bytes(data[at : at + WORD_BYTES].tobytes(), "little"))

    def word_at(typing: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - as Numba calls it
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(data)(context, builder, arguments[0])
            place = context.cast(builder, arguments[1], signature.args[1], numba.types.intp)
            word = ir.IntType(8 * WORD_BYTES).as_pointer()
            return builder.load(builder.bitcast(builder.gep(array.data, [place]), word), align=1)

        return numba.types.uint64(data, at), generate

    made: Any = numba.extending.intrinsic(word_at)
    return cast(Callable[[Any, int], Any], made)


WORD_BYTES: Final = 8
word_at: Final = _make_word_at()
"""word_at(data, at) is the eight bytes of an uint8 array from a place on as one uint64, the first the lowest.

Nothing checks that there are so many.
"""


def _make_prefetch() -> Callable[[Any, Any], None]:
    if not COMPILED:
        return lambda rows, index: None  # noqa: ARG005 - plain Python has no use for it

    def prefetch(typing: Any, rows: Any, index: Any) -> Any:  # noqa: ARG001 - as Numba calls it
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(rows)(context, builder, arguments[0])
            place = context.cast(builder, arguments[1], signature.args[1], numba.types.intp)
            start = builder.ptrtoint(array.data, place.type)
            byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
            address = builder.inttoptr(builder.add(start, builder.mul(place, array.itemsize)), byte)
            kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
            call = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
            builder.call(call, [address, word(0), word(3), word(1)])  # to read, to keep, data
            return context.get_dummy_value()

        return numba.types.void(rows, index), generate

    made: Any = numba.extending.intrinsic(prefetch)
    return cast(Callable[[Any, Any], None], made)


prefetch: Final = _make_prefetch()
"""prefetch(rows, index) begins to load rows[index] into the cache and goes on at once.

A person's row is hardly ever in the cache, and the loop that needs it cannot go on without.
"""

AHEAD: Final = 32
"""How many rows before its turn a loop asks for what it will look up: longer than memory takes."""


def loop(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a stage's loop, and call it past Numba's type dispatch once it is compiled.

    The dispatch costs 0.25 µs an argument, more than the work of a batch of one; a loop's argument types
    never change, so the entry point found at the first call holds for all.
    """
    if not COMPILED:
        return function
    compiled = numba.njit(**_OPTIONS)(function)
    entry: Callable[P, R] | None = None

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal entry
        if entry is None:
            result: R = compiled(*args, **kwargs)
            (overload,) = compiled.overloads.values()
            entry = overload.entry_point
            return result
        return entry(*args, **kwargs)

    return call


def records(count: int, dtype: np.dtype[Any]) -> Records:
    """Return `count` zeroed rows; fields read as attributes in compiled and in plain code alike."""
    size = count * dtype.itemsize
    room = np.zeros(size + LINE_BYTES, np.uint8)
    start = -room.ctypes.data % LINE_BYTES  # a row of 64 bytes is then one line of the cache, not two
    rows: Records = room[start : start + size].view(dtype)
    return rows if COMPILED else rows.view(np.recarray)


LINE_BYTES: Final = 64


class Table:
    """Rows that grow: one for every code of some kind, each starting as `blank`.

    `rows` may be longer than `count`; only the first `count` are state.
    """

    def __init__(self, dtype: np.dtype[Any], count: int = 0, **blank: int) -> None:
        """Make a table of `count` rows; fields not named in `blank` start at 0."""
        self.dtype = dtype
        self._blank = blank
        self.count = 0
        self.rows = records(0, dtype)
        self.grow(count)

    def grow(self, count: int) -> None:
        """Make it at least `count` rows long."""
        if count > len(self.rows):
            wanted = count if not self.count else max(count, len(self.rows) * 5 // 4, 64)
            rows = records(wanted, self.dtype)
            rows[: self.count] = self.rows[: self.count]
            for field, value in self._blank.items():
                rows[field][self.count :] = value
            self.rows = rows
        self.count = max(self.count, count)

    def reserve(self, room: int) -> None:
        """Make `rows` at least `room` longer than `count`, without making them state."""
        count = self.count
        self.grow(count + room)
        self.count = count

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return str(self.dtype.descr)

    def dump(self) -> bytes:
        """Return the state's bytes."""
        return self.rows[: self.count].tobytes()

    def load(self, data: bytes) -> None:
        """Replace the state by these bytes of the same dtype."""
        loaded = np.frombuffer(data, self.dtype)
        self.rows = records(len(loaded), self.dtype)
        self.rows[:] = loaded
        self.count = len(loaded)
