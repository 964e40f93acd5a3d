"""The few blocks of the Native format that the engine does not write itself."""

from collections.abc import Sequence
from typing import Final

HELLO: Final = "SELECT displayName(), version(), revision(), timezone()"
"""What the Go driver asks first."""
_HELLO_REVISION: Final = 54460
"""The driver reads the answer to HELLO as of the revision it names itself, at least this one."""
_BLOCK_INFO: Final = bytes((1, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0))  # no overflow rows, no bucket


def hello(client_revision: int, name: str, version: str, timezone: str) -> bytes:
    """Return the answer to HELLO: our revision is 0, so that the driver reads what the engine writes.

    The engine writes Native without a block's extra fields, which is revision 0; only this first block has
    them, because the driver does not know our revision yet.
    """
    fields = client_revision >= _HELLO_REVISION
    custom = b"\0" if fields else b""  # no column has a serialization of its own
    columns = (
        ("displayName()", "String", _text(name)),
        ("version()", "String", _text(version)),
        ("revision()", "UInt32", bytes(4)),
        ("timezone()", "String", _text(timezone)),
    )
    block = b"".join(_text(column) + _text(kind) + custom + value for column, kind, value in columns)
    return (_BLOCK_INFO if fields else b"") + _varint(len(columns)) + _varint(1) + block


def no_rows(columns: Sequence[tuple[str, str]]) -> bytes:
    """Return a block of no rows with these names and types: the engine writes nothing at all."""
    return _varint(len(columns)) + _varint(0) + b"".join(_text(name) + _text(kind) for name, kind in columns)


def _text(text: str) -> bytes:
    data = text.encode()
    return _varint(len(data)) + data


def _varint(number: int) -> bytes:
    """Return an unsigned LEB128.

    >>> _varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
