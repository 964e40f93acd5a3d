"""Who is told what the gateway does, for metrics."""

from typing import Protocol


class Observer(Protocol):
    """Hears of the requests, in the loop's thread. It must not raise."""

    def load(self, running: int, waiting: int) -> None:
        """So many statements run now, so many requests wait for a place."""

    def answered(self, role: str, status: int, seconds: float) -> None:
        """A statement was answered, or its client went (499). `role`: writer, reader, or nobody (let in)."""


class Unobserved:
    """Tells nobody."""

    def load(self, running: int, waiting: int) -> None:
        """Do nothing."""

    def answered(self, role: str, status: int, seconds: float) -> None:
        """Do nothing."""
