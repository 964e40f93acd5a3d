"""Answers about what could not be read."""

from base64 import b64encode
from datetime import UTC, tzinfo
from typing import Any, Final

from domain.times import iso
from infra.failure import WrongUse
from infra.home import OpenHome
from infra.invalid_settings import InvalidSettings
from streams.quarantine import Entry, Status

SHOWN_BYTES: Final = 200
"""Of each entry in a list."""


def quarantine_list(home: OpenHome, *, status: str | None) -> list[dict[str, Any]]:
    """Return the entries, of one status where given, each with the beginning of its raw bytes."""
    wanted = None if status is None else Status(status)
    zone = _zone(home)
    return [_entry(entry, SHOWN_BYTES, zone) for entry in home.quarantine.list(wanted)]


def quarantine_show(home: OpenHome, *, number: int) -> dict[str, Any]:
    """Return one entry with all of its raw bytes: as text, and in base64 to the byte.

    Raises:
        WrongUse: there is none of this number.
    """
    entry = existing(home, number)
    return {**_entry(entry, None, _zone(home)), "raw_base64": b64encode(entry.rejection.raw).decode()}


def existing(home: OpenHome, number: int) -> Entry:
    """Return an entry.

    Raises:
        WrongUse: there is none of this number.
    """
    entry = home.quarantine.get(number)
    if entry is None:
        raise WrongUse(f"the quarantine has no entry {number}: see 'limen quarantine list'")
    return entry


def _zone(home: OpenHome) -> tzinfo:
    """Return the site's time zone; UTC while its site.yaml cannot be read."""
    try:
        return home.site.zone_info
    except InvalidSettings:
        return UTC


def _entry(entry: Entry, shown_bytes: int | None, zone: tzinfo) -> dict[str, Any]:
    rejection = entry.rejection
    return {
        "number": entry.number,
        "status": str(entry.status),
        "source": rejection.source,
        "file": rejection.file,
        "line": rejection.line,
        "reason": str(rejection.reason),
        "detail": rejection.detail,
        "received_at": iso(rejection.received_at, zone),
        "bytes": len(rejection.raw),
        "raw": rejection.raw[:shown_bytes].decode(errors="backslashreplace"),
    }
