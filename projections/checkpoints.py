"""Checkpoints of presence, so that "who was inside at T" reads only what happened since the one before T.

A checkpoint at offset O holds what section 8 of the rules can still ask of the events below O: with `at` the
newest time at which one of these was known, each person's newest move that occurred by `at`, and every move
that occurred later (a clock ahead). For any T and K at or after `at`, these and the moves at O and above
give the same answer as all moves.
"""

from typing import Final

from projections.client import History

EVERY: Final = 100_000
"""How many events lie between two checkpoints: what a query has to read besides one."""


def advance(history: History, partition: int, last: int, done: int) -> int:
    """Make a checkpoint at `done` if it is time; return where the newest one now is.

    All moves below `done` must be in the history. A process killed in here leaves rows that nobody looks at,
    or that the next attempt writes a second time: harmless, since the newest of two equal moves is the same.
    """
    if done - last < EVERY:
        return last
    since = f"partition = {partition} AND offset >= {last} AND offset < {done}"
    before = f"partition = {partition} AND up_to = {last}"
    at = (
        f"(SELECT greatest((SELECT max(known_at) FROM moves WHERE {since}), "
        f"(SELECT max(at) FROM checkpoints WHERE {before})))"
    )
    history.run(
        f"""
        INSERT INTO presence
        SELECT {partition}, {done}, site, person, argMax(zone, rank), argMax(maybe_zone, rank),
            max(occurred_at), max(rank)
        FROM
        (
            SELECT site, person, zone, maybe_zone, occurred_at, rank FROM moves WHERE {since}
            UNION ALL
            SELECT site, person, zone, maybe_zone, occurred_at, rank FROM presence WHERE {before}
        )
        GROUP BY site, person, if(occurred_at > {at}, rank, toInt128(0))
        """
    )
    history.run(f"INSERT INTO checkpoints SELECT {partition}, {done}, {at}")
    return done
