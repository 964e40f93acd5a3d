"""A child process for the kill tests: it writes known batches to a SQLite log until it is killed.

What it has been told is durable it says on standard output, one line each: `signals N` or `position N`.
"""

import random
import sys
from pathlib import Path

from streams.log import Draft, EventDraft
from streams.sqlite_log import SqliteLog

SITE = "campus"


def signal(offset: int) -> Draft:
    """Return the signal that must stand at this offset."""
    return Draft(f"{offset:032x}", SITE, f"signal {offset}".encode() * 20)


def events_of(position: int) -> list[EventDraft]:
    """Return the events that the signal at this position must have: none, one or two."""
    return [
        EventDraft(
            id=f"{SITE}:{position}:{ordinal}",
            site=SITE,
            topic="zone.entered",
            wire=f"event {position} {ordinal}".encode() * 10,
            known_at=position,
            visit=f"visit {position // 10}",
        )
        for ordinal in range(position % 3)
    ]


def state_at(position: int) -> bytes:
    """Return the snapshot that must stand at this position."""
    return f"state {position} ".encode() * 1_000


def main(path: Path, seed: int) -> None:
    """Append, with duplicates, and decide, as fast as the disk allows; never return."""
    chance = random.Random(seed)
    log = SqliteLog.open(path)
    print(f"signals {log.head(0)}\nposition {log.position(0)}", flush=True)  # noqa: T201
    while True:
        head, count = log.head(0), chance.randint(1, 60)
        again = [signal(chance.randrange(head)) for _ in range(5)] if head else []
        log.append(0, [*again, *(signal(offset) for offset in range(head, head + count)), signal(head)])
        print(f"signals {head + count}", flush=True)  # noqa: T201
        position = log.position(0)
        target = chance.randint(position, head + count)
        log.transact(
            0,
            from_position=position,
            to_position=target,
            events=[event for at in range(position, target) for event in events_of(at)],
            snapshot=state_at(target) if chance.random() < 0.5 else None,
        )
        print(f"position {target}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
