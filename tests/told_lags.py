"""Lags as they were told last."""

from infra.observability.lag import Place


class Told:
    """Holds what it was told last."""

    def __init__(self) -> None:
        self.lags: dict[Place, tuple[int, float]] = {}
        self.trouble: str | None = None

    def lag(self, log: str, partition: int, count: int, seconds: float) -> None:
        """Hold it."""
        self.lags[log, partition] = count, seconds

    def gone(self, log: str, partition: int) -> None:
        """Hold it no more."""
        del self.lags[log, partition]

    def troubled(self, reason: str | None) -> None:
        """Hold it."""
        self.trouble = reason
