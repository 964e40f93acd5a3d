"""What a process waits for, told once, and its end once: lines, health, and whoever else has to know."""

import time
from collections.abc import Callable, Mapping

import structlog

from infra.observability.endpoints import Health


class Troubles:
    """The troubles of a process that many threads meet. `saw_work` is for any thread, the others for one.

    Args:
        health: is not ready while there is one.
        stores: what everybody shares: such a trouble ends when somebody has seen the store work again.
        changed: is told of each store whose trouble begins (True) or ends.
    """

    def __init__(self, health: Health, stores: tuple[str, ...], changed: Callable[[str, bool], None]) -> None:
        self._health, self._changed = health, changed
        self._worked = dict.fromkeys(stores, 0.0)
        self._told: dict[str, float] = {}
        self._log = structlog.get_logger()

    def saw_work(self, store: str) -> None:
        """Note that a store has just answered."""
        self._worked[store] = time.monotonic()

    def is_news(self, place: str, at: float) -> bool:
        """Return whether nobody has seen a place work since this moment, by the monotonic clock."""
        return at > self._worked.get(place, 0.0)

    def tell(self, place: str, trouble: str, at: float) -> None:
        """Say that a place is in trouble, as it was at this moment."""
        if place not in self._told:
            self._log.error("waiting", on=place, error=trouble)
            self._health.want(place, trouble)
            if place in self._worked:
                self._changed(place, True)
        self._told[place] = at

    def tell_all(self, troubles: Mapping[str, tuple[str, float]], *, is_idle: bool) -> None:
        """Say what is in trouble now, and of what else was, that it is over.

        A store's trouble is not over because nobody asks it; but where `is_idle`, nothing is asked of it.
        """
        for place, (trouble, at) in sorted(troubles.items()):
            self.tell(place, trouble, at)
        for place in sorted(self._told.keys() - troubles.keys()):
            if is_idle or place not in self._worked or not self.is_news(place, self._told[place]):
                del self._told[place]
                self._log.info("going on", on=place)
                self._health.fulfil(place)
                if place in self._worked:
                    self._changed(place, False)
