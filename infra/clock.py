"""The clock: signals that let time pass at a site that says nothing else."""

from typing import Final

from domain.signal import Signal, Time, signal_id
from domain.vocabulary import Action, Category

DEVICE: Final = "limen"


def tick(site: str, now_seconds: float, every_seconds: float = 1) -> Signal:
    """Return the clock's signal for the tick at or before a moment of the wall clock."""
    every_us = round(every_seconds * 1_000_000)
    at_us = round(now_seconds * 1_000_000) // every_us * every_us
    return Signal(
        id=signal_id("clock", site, str(at_us)),
        site=site,
        device=DEVICE,
        category=Category.CLOCK,
        action=Action.TICKED,
        time=Time(at_us, at_us),
    )
