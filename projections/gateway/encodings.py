"""Bodies that are compressed: gzip, lz4 (frames) and zstd, piece by piece in both directions."""

import sys
import zlib
from typing import Any, Final, Protocol

from projections.gateway.errors import BAD_ARGUMENTS, refused

NAMES: Final = ("zstd", "lz4", "gzip")
_GZIP: Final = 16 + zlib.MAX_WBITS
_LEVEL: Final = 1  # of gzip and zstd: an answer is read once, mostly from near by


class Encoder(Protocol):
    """Compresses an answer."""

    def compress(self, data: bytes) -> bytes:
        """Return what is ready of everything given so far."""

    def flush(self) -> bytes:
        """Return the rest."""


class Decoder(Protocol):
    """Decompresses a request of one member or frame."""

    @property
    def eof(self) -> bool:
        """Whether its end was there."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    def decompress(self, data: bytes) -> bytes:
        """Return what the pieces so far hold."""


def encoder(accepted: str) -> tuple[str, Encoder] | None:
    """Return the first encoding of an `Accept-Encoding` that we have, and its encoder; None: plain."""
    for part in accepted.split(","):
        name, _, parameters = part.strip().lower().partition(";")
        if name in NAMES and parameters.replace(" ", "") not in ("q=0", "q=0.0"):
            return name, _encoder(name)
    return None


def decoder(encoding: str) -> Decoder | None:
    """Return the decoder for a `Content-Encoding`; None: the body is plain.

    Raises:
        GatewayError: it is none of ours.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name == "gzip":
        return zlib.decompressobj(_GZIP)
    if name == "lz4":
        import lz4.frame

        return lz4.frame.LZ4FrameDecompressor()  # type: ignore[no-any-return]
    if name == "zstd":
        return _zstd().ZstdDecompressor()  # type: ignore[no-any-return]
    raise refused(BAD_ARGUMENTS, f"Content-Encoding {encoding!r} is not known here: use gzip, lz4 or zstd")


def _encoder(name: str) -> Encoder:
    if name == "gzip":
        return zlib.compressobj(_LEVEL, wbits=_GZIP)
    if name == "lz4":
        return _Lz4()
    return _zstd().ZstdCompressor(_LEVEL)  # type: ignore[no-any-return]


class _Lz4:
    def __init__(self) -> None:
        import lz4.frame

        self._frame = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        return self._begin() + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self._begin() + bytes(self._frame.flush())

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._frame.begin())


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
