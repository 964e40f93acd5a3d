"""One partition's decisions: many sites, one engine each, and what has to be remembered between batches.

The law of the engine holds for the partition as well: however its messages are cut into batches, with
snapshots taken and restored between them or not, the same events come out in the same order.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, Protocol, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from domain.columns import EVENT_COLUMNS, event_columns, joined, whole
from domain.event import Event
from domain.kernels import Records
from domain.signal import Signal
from domain.site import Site
from domain.vocabulary import Action, Category, Topic
from domain.wires import event_wires
from streams.admission import Admission, Limits, Message, Refused
from streams.engine import Engine
from streams.log import EventDraft
from streams.messages import Messages
from streams.runner import draft
from streams.worker.recent_ids import RecentIds, words_of
from streams.worker.shares import shares

T = TypeVar("T")
VERSION: Final = 1
_by_position: Final = attrgetter("position")

Record = tuple[bytes, bytes]
"""Key and value of a message for a topic behind this stage."""
Uses = Callable[[Site | None, Sequence[Signal], Sequence[Event]], Iterable[Record]]
"""Makes what the next stage needs of one site's signals and events, decided under the same site document."""


class SiteEngine(Protocol):
    """What a partition needs of a site's engine."""

    @property
    def now(self) -> int:
        """The log's time, UTC microseconds."""

    @property
    def site(self) -> Site | None:
        """The site document in force."""

    def decide(self, signals: Sequence[Signal], offsets: Sequence[int] | None = None) -> list[Event]:
        """Decide signals that stand at these offsets of the partition."""

    def decide_admitted(self, admitted: Records, places: Any, names: Any, offsets: Any) -> pa.Table:
        """Decide signals admitted in bulk, which stand at these offsets; return a table of the events."""

    def pass_admitted(self, admitted: Records, places: Any, names: Any, offsets: Any) -> int:
        """Decide signals admitted in bulk, which stand at these offsets; return how many events follow."""

    def snapshot(self) -> bytes:
        """Return the whole state."""


class Decided(msgspec.Struct, frozen=True):
    """What a batch came to. Signals, which stand at `offsets`, and events are in the order of the log."""

    from_position: int
    to_position: int
    offsets: Sequence[int]
    signals: Sequence[Signal]
    events: Sequence[Event]
    refused: Sequence[Refused]
    uses: Sequence[Record]

    def drafts(self, most_bytes: int) -> list[EventDraft]:
        """Return the events as the log keeps them.

        Raises:
            ValueError: one of them, or what the next stage is told, is larger than a message may be.
        """
        drafts = [draft(event) for event in self.events]
        for one in drafts:
            if len(one.wire) > most_bytes:
                raise _too_large(f"the event {one.id}", len(one.wire), most_bytes)
        for key, value in self.uses:
            if len(key) + len(value) > most_bytes:
                raise _too_large("what the next stage is told", len(key) + len(value), most_bytes)
        return drafts


class _Dumped(msgspec.Struct):
    version: int
    position: int
    limits: Limits
    sites: list[tuple[str, bytes, bytes]]


class _Site:
    """A site: its engine, the ids it has shown, and what of the batch in hand is its."""

    __slots__ = ("engine", "offsets", "recent", "signals")

    def __init__(self, engine: SiteEngine, recent: RecentIds) -> None:
        self.engine, self.recent = engine, recent
        self.signals: list[Signal] = []
        self.offsets: list[int] = []

    def known(self, signals: Sequence[Signal]) -> Any:
        """Take up the ids of these; say of each that is no clock's whether it was known, shape (those,)."""
        ids = [one.id for one in signals if one.category is not Category.CLOCK]
        return self.recent.admit(words_of(ids))


class PartitionDecider:
    """Decides one partition from its first message on. Not thread-safe."""

    def __init__(
        self,
        limits: Limits,
        *,
        uses: Uses | None = None,
        new: Callable[[str], SiteEngine] = Engine,
        restore: Callable[[bytes], SiteEngine] = Engine.restore,
    ) -> None:
        self.position = 0
        """Offset of the next message."""
        self._admission = Admission(limits)
        self._uses, self._new, self._restore = uses, new, restore
        self._sites: dict[str, _Site] = {}

    @property
    def limits(self) -> Limits:
        """What a signal must keep to. A snapshot keeps the limits it was decided under."""
        return self._admission.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._admission = Admission(limits)

    @property
    def sites(self) -> int:
        """How many sites have shown themselves."""
        return len(self._sites)

    @property
    def has_second_stage(self) -> bool:
        """Whether it tells the stage behind of uses."""
        return self._uses is not None

    def decide(self, messages: Sequence[Message]) -> Decided:
        """Decide the messages at `position` and after, one after another, and move on behind them.

        A signal whose id its site has shown lately is told by `signal.repeated` and changes nothing. Clock
        signals are not remembered: the same time twice is the same time.

        Raises:
            ValueError: the messages do not follow one another from `position` on; nothing was decided.
        """
        start, stop = self._range_of(messages)
        signals: list[Signal] = []
        offsets: list[int] = []
        refused: list[Refused] = []
        touched: dict[str, _Site] = {}
        admit = self._admission.admit
        for message in messages:
            found = admit(message)
            if isinstance(found, Refused):
                refused.append(found)
                continue
            site = touched.get(found.site)
            if site is None:
                site = touched[found.site] = self._site(found.site)
            site.signals.append(found)
            site.offsets.append(message.offset)
            signals.append(found)
            offsets.append(message.offset)
        events: list[Event] = []
        uses: list[Record] = []
        for site in touched.values():
            own, at = site.signals, site.offsets
            site.signals, site.offsets = [], []
            events += self._decide_site(site, own, at, site.known(own), uses)
        if len(touched) > 1:
            events.sort(key=_by_position)  # runs that ascend already are merged
        self.position = stop
        return Decided(start, stop, offsets, signals, events, refused, uses)

    def decide_wires(self, messages: Sequence[Message]) -> list[bytes]:
        """Decide as `decide` does, and return only the wires of the events, in order; many times as fast.

        Raises:
            ValueError: as `decide`.
        """
        tables = self._decided_in_bulk(
            messages, lambda engine, *own: engine.decide_admitted(*own), event_columns
        )
        decided = joined(tables or [EVENT_COLUMNS.empty_table()])
        order = np.argsort(whole(decided, "position").to_numpy(), kind="stable")
        return event_wires(decided.take(pa.array(order)))

    def pass_over(self, messages: Sequence[Message]) -> int:
        """Decide as `decide` does, and return only how many events follow; faster still.

        Raises:
            ValueError: as `decide`.
        """
        return sum(self._decided_in_bulk(messages, lambda engine, *own: engine.pass_admitted(*own), len))

    def _decided_in_bulk(
        self,
        messages: Sequence[Message],
        of_rows: Callable[[SiteEngine, Records, Any, Any, Any], T],
        of_events: Callable[[list[Event]], T],
    ) -> list[T]:
        """Decide messages site by site, and return what is made of the events.

        What of a site was admitted in bulk is decided as rows, unless it is little or something came twice:
        `of_rows` is given its engine and what `SiteEngine.decide_admitted` takes. `of_events` is given the
        events of all others.
        """
        start, stop = self._range_of(messages)
        made: list[T] = []
        events: list[Event] = []
        for share in shares(self._admission, Messages.of(messages)):
            site, known = self._site(share.site), None
            if share.is_for_rows:
                known = site.recent.admit(share.ids())
                if not known.any():
                    rows, names = share.admitted.rows, share.admitted.names
                    for places, signal in share.parts():
                        at = places + start
                        if signal is None:
                            made.append(of_rows(site.engine, rows, places, names, at))
                        else:
                            events += site.engine.decide([signal], at.tolist())
                    continue
            signals = share.signals()
            known = site.known(signals) if known is None else known
            events += self._decide_site(site, signals, (share.places + start).tolist(), known, [])
        self.position = stop
        return [*made, of_events(events)] if events else made

    def _range_of(self, messages: Sequence[Message]) -> tuple[int, int]:
        start, stop = self.position, self.position + len(messages)
        if messages and (messages[0].offset != start or messages[-1].offset != stop - 1):
            raise ValueError(f"messages {messages[0].offset} to {messages[-1].offset}, {start} is next")
        return start, stop

    def _site(self, name: str) -> _Site:
        site = self._sites.get(name)
        if site is None:
            site = self._sites[name] = _Site(self._new(name), RecentIds())
        return site

    def _decide_site(
        self, site: _Site, signals: Sequence[Signal], offsets: Sequence[int], known: Any, uses: list[Record]
    ) -> list[Event]:
        """Decide one site's signals; `known` says of each that is no clock's whether its id is known."""
        told: list[Event] = []
        if known.any():
            each = iter(known.tolist())
            repeated = [signal.category is not Category.CLOCK and next(each) for signal in signals]
            told = repeats(site.engine.now, signals, offsets, repeated)
            offsets = [offset for offset, again in zip(offsets, repeated, strict=True) if not again]
            signals = [signal for signal, again in zip(signals, repeated, strict=True) if not again]
        if self._uses is None:
            decided = site.engine.decide(signals, offsets)
        else:
            decided = []
            for first, end in _between_documents(signals):
                part = site.engine.decide(signals[first:end], offsets[first:end])
                uses += self._uses(site.engine.site, signals[first:end], part)
                decided += part
        return sorted(decided + told, key=_by_position) if told else decided

    def snapshot(self) -> bytes:
        """Return everything a decision depends on, the same however the messages were cut."""
        sites = [(name, site.engine.snapshot(), site.recent.dump()) for name, site in self._sites.items()]
        return msgspec.msgpack.encode(_Dumped(VERSION, self.position, self.limits, sites))

    def restore(self, data: bytes) -> None:
        """Go on where `snapshot` gave these bytes, under the limits of that time.

        Raises:
            ValueError: no snapshot, or of a version that this one does not read; nothing has changed.
        """
        try:
            dumped = msgspec.msgpack.decode(data, type=_Dumped)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no snapshot of a partition: {error}") from error
        if dumped.version != VERSION:
            raise ValueError(f"snapshot version {dumped.version}: this version reads {VERSION}")
        sites = {
            name: _Site(self._restore(engine), RecentIds.load(recent))
            for name, engine, recent in dumped.sites
        }
        self.position, self._sites, self.limits = dumped.position, sites, dumped.limits


def repeats(
    now: int, signals: Sequence[Signal], offsets: Sequence[int], repeated: Sequence[bool]
) -> list[Event]:
    """Return the events of the repeated signals; `now` is the log's time before all of them."""
    told = []
    for signal, offset, known in zip(signals, offsets, repeated, strict=True):
        if not known:
            now = max(now, min(signal.time.occurred_at, signal.time.received_at))
            continue
        told.append(
            Event(
                id=f"{signal.site}:{offset}:0",
                site=signal.site,
                topic=Topic.SIGNAL_REPEATED,
                position=offset,
                ordinal=0,
                occurred_at=signal.time.occurred_at,
                known_at=now,
                device=signal.device,
                causes=(offset,),
            )
        )
    return told


def _too_large(what: str, size: int, most: int) -> ValueError:
    return ValueError(f"{what} is {size:,} bytes, the log takes {most:,}")


def _between_documents(signals: Sequence[Signal]) -> list[tuple[int, int]]:
    """Cut where a document is loaded: it holds from there on."""
    cuts = [
        place
        for place, signal in enumerate(signals)
        if place and signal.category is Category.CONTROL and signal.action is Action.LOADED
    ]
    return list(zip([0, *cuts], [*cuts, len(signals)], strict=True)) if signals else []
