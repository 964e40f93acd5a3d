"""Reading what is in the quarantine again. Apart from asking about it, which needs no engine."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from connectors.csv_file.reader import read_csv_lines
from connectors.jsonl_file import read_jsonl_lines
from connectors.rejection import Rejected, UnusableFile
from domain.signal import Signal
from infra.answers.feed import JSON_LINES, Fed, feed_signals, finish
from infra.answers.quarantine import existing
from infra.control import apply_settings
from infra.credentials import credential_hasher, read_key
from infra.home import OpenHome
from streams.quarantine import Entry, Status


def quarantine_retry(home: OpenHome, *, numbers: list[int]) -> dict[str, Any]:
    """Read entries again (all that are open, if none is named), with the site as it now is.

    Besides what was fed, `unknown_sources` are those of the entries that site.yaml does not describe.

    Raises:
        WrongUse: there is none of one of these numbers; nothing has been read.
    """
    entries = (
        [existing(home, number) for number in numbers] if numbers else list(home.quarantine.list(Status.OPEN))
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
