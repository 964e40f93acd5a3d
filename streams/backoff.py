"""How long to wait before the next attempt, where something is away."""


class Backoff:
    """Waits that grow: each is twice as long as the one before it, up to the longest.

    Args:
        first_seconds: how long to wait after the first attempt that failed.
        longest_seconds: no wait is longer.
    """

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first, self._longest = first_seconds, longest_seconds
        self._next = first_seconds

    def next_seconds(self) -> float:
        """Return how long to wait now; the next time it is longer."""
        seconds = self._next
        self._next = min(2 * seconds, self._longest)
        return seconds

    def reset(self) -> None:
        """Begin with the first wait again: an attempt has succeeded."""
        self._next = self._first
