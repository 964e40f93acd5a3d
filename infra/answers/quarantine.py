"""Answers about what could not be read, and reading it again."""

import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, tzinfo
from typing import Any, Final

from connectors.csv_file import read_csv_lines
from connectors.jsonl_file import read_jsonl_lines
from connectors.rejection import Rejected, UnusableFile
from domain.signal import Signal
from domain.times import iso
from infra.answers.feed import JSON_LINES, Fed, feed_signals, finish
from infra.control import apply_settings
from infra.credentials import credential_hasher, read_key
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
    entry = _existing(home, number)
    return {**_entry(entry, None, _zone(home)), "raw_base64": b64encode(entry.rejection.raw).decode()}


def quarantine_retry(home: OpenHome, *, numbers: list[int]) -> dict[str, Any]:
    """Read entries again (all that are open, if none is named), with the site as it now is.

    Besides what was fed, `unknown_sources` are those of the entries that site.yaml does not describe.

    Raises:
        WrongUse: there is none of one of these numbers; nothing has been read.
    """
    entries = (
        [_existing(home, number) for number in numbers]
        if numbers
        else list(home.quarantine.list(Status.OPEN))
    )
    received_at = time.time_ns() // 1_000
    apply_settings(home)
    fed = Fed()
    for entry in entries:
        signals = [row for row in _read_again(home, entry, received_at) if isinstance(row, Signal)]
        if signals:
            feed_signals(home, signals, fed)
            home.quarantine.mark_retried([entry.number])
        else:
            fed.read += 1
            fed.quarantined += 1
    finish(home)
    sources = {entry.rejection.source for entry in entries}
    return {**asdict(fed), "unknown_sources": sorted(sources - {*home.site.sources, JSON_LINES})}


def _read_again(home: OpenHome, entry: Entry, received_at: int) -> Iterator[Signal | Rejected]:
    rejection, site = entry.rejection, home.site
    try:
        if rejection.source == JSON_LINES and rejection.source not in site.sources:
            yield from read_jsonl_lines([rejection.raw + b"\n"], site, received_at=received_at)
        elif rejection.source in site.sources:
            yield from read_csv_lines(
                [rejection.header + b"\n", rejection.raw + b"\n"],
                rejection.source,
                site.sources[rejection.source],
                site,
                received_at=received_at,
                known_persons={person.id for person in home.directory.persons},
                hash_credential=credential_hasher(read_key(home.paths.key)),
            )
    except UnusableFile:
        return  # it stays where it is


def _existing(home: OpenHome, number: int) -> Entry:
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
