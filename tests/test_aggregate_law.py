"""Folding the engine's events through the aggregates gives the engine's state, now and at any position."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregates import Step
from domain.signal import Signal, write_signal
from domain.site import Site
from domain.vocabulary import OUTSIDE, Basis
from streams.aggregate_recorder import AggregateHistory
from streams.engine import Engine
from streams.log import Draft
from streams.runner import draft
from streams.sqlite_log import SqliteLog
from tests.signal_strategies import POINTS, SITE_ID, Log, worlds
from tests.slow_model import SlowModel
from tests.slow_model.world import Move


@settings(max_examples=settings().max_examples // 2)  # each writes a log to disk
@given(worlds(), st.data())
def test_aggregates_are_the_engine_s_state(world: Log, data: st.DataObject) -> None:
    """Every zone's bounds, every visit and every door are what the engine and the slow model have."""
    site, log = _of_one_nesting(world)
    earlier = data.draw(st.integers(3, len(log)), label="position")
    with _history(log) as history:
        _check(history, site, log[:earlier], at_position=earlier)
        _check(history, site, log)


def _of_one_nesting(world: Log) -> tuple[Site, Log]:
    """Return the site, and the log without the sites that nest zones in another way.

    An aggregate of a zone is folded by one nesting, and no event says who is where by another one.
    """
    loaded = [_site(signal) for signal in world]
    first = loaded[0]
    assert first is not None
    kept = [site is None or _nesting(site) == _nesting(first) for site in loaded]
    return first, Log(signal for signal, keep in zip(world, kept, strict=True) if keep)


def _site(signal: Signal) -> Site | None:
    data = signal.data or {}
    if data.get("kind") != "site" or "zones" not in data["document"]:
        return None
    return Site.model_validate(data["document"])


def _nesting(site: Site) -> dict[str, str | None]:
    return {zone.id: zone.parent for zone in site.zones}


@contextmanager
def _history(log: Log) -> Iterator[AggregateHistory]:
    """Decide a log in a file of its own and open it for the aggregates."""
    with TemporaryDirectory() as folder:
        stored = SqliteLog.open(Path(folder) / "log.sqlite")
        try:
            stored.append(0, [Draft(signal.id, SITE_ID, write_signal(signal)) for signal in log])
            events = [draft(event) for event in Engine(SITE_ID).decide(log)]
            stored.transact(0, from_position=0, to_position=len(log), events=events)
            yield AggregateHistory(stored, 0)
        finally:
            stored.close()


def _check(history: AggregateHistory, site: Site, log: Sequence[Signal], **when: int) -> None:
    """Hold the aggregates against an engine and a model that have decided just this log."""
    engine, model = Engine(SITE_ID), _Remembering(SITE_ID)
    engine.decide(log)
    for position, signal in enumerate(log):
        model.decide(position, signal)
    zones = {zone.id: history.zone(zone.id, site, **when) for zone in site.zones}
    zones[""] = history.zone(None, site, **when)
    assert {name: (zone.count, zone.low, zone.high) for name, zone in zones.items()} == engine.occupancy()
    expected = model.visits()
    assert {visit: _visit(history, visit, **when) for visit in expected} == expected
    assert {visit for visit, found in expected.items() if found[2] is None} == _open_visits(engine)
    for point in POINTS:
        door, row = (
            history.door(point, **when),
            engine.state.points.rows[engine.state.point_names.find(point)],
        )
        assert (door.is_open, door.held) == (bool(row["open"]), bool(row["open"] and row["held"]))
        if door.is_open:
            assert door.opened_at == row["opened_at"]


Told = tuple[str | None, int, int | None, Basis, Basis, list[Step]]
"""A visit: person, start, end, their bases, steps."""


def _visit(history: AggregateHistory, visit_id: str, **when: int) -> Told | None:
    visit = history.visit(visit_id, **when)
    if visit is None:
        return None
    bases = (visit.start_basis, visit.end_basis)
    return (visit.person, visit.started_at, visit.ended_at, *bases, visit.steps)


def _open_visits(engine: Engine) -> set[str]:
    """Return the ids of the visits under way, from the engine's own rows."""
    people = engine.state.people.rows[: engine.state.people.count]
    return {
        f"{SITE_ID}:visit:{row['visit']}:{engine.state.persons.name(code)}"
        for code, row in enumerate(people)
        if row["visit"] >= 0
    }


class _Remembering(SlowModel):
    """The slow model, and every move it decided: visits are told from these, without any event."""

    def __init__(self, site_id: str) -> None:
        super().__init__(site_id)
        self._moves: list[Move] = []

    def _behind_crossings(self, step: Any, moves: list[Move], *more: Any, **named: Any) -> None:
        self._moves += moves
        super()._behind_crossings(step, moves, *more, **named)

    def visits(self) -> dict[str, Told]:
        """Return every visit by its id."""
        found: dict[str, Told] = {}
        for move in self._moves:
            if move.repeat or move.visit is None:
                continue
            at = move.occurred_at
            if move.from_zone == OUTSIDE:
                found[move.visit] = (move.person, at, None, move.basis, Basis.NONE, [])
            person, started_at, _, start_basis, _, steps = found[move.visit]
            if steps:
                steps[-1] = Step(steps[-1].zone, steps[-1].entered_at, at, steps[-1].basis)
            if move.zone == OUTSIDE:
                found[move.visit] = (person, started_at, at, start_basis, move.basis, steps)
            else:
                steps.append(Step(move.zone, at, None, move.basis))
        return found
