"""What a process waits for, told once, and its end once: lines, health, and whoever else has to know."""

import time
from collections.abc import Callable, Mapping

import structlog

from infra.observability.endpoints import Health

Changed = Callable[[str | None], None]
"""Is told why something is away, and None when it is back."""


class Trouble:
    """Something that the process cannot do without, and that may be away.

    Args:
        place: what it is, in lines and health.
        health: is not ready while it is away.
        changed: is told when it goes, and when it is back.
    """

    def __init__(self, place: str, health: Health, changed: Changed = lambda _: None) -> None:
        self._place, self._health, self._changed = place, health, changed
        self._is_away = False
        self._log = structlog.get_logger()

    @property
    def is_away(self) -> bool:
        """Whether it was away when somebody last said how it is."""
        return self._is_away

    def tell(self, reason: str | None) -> None:
        """Say why it is away, or None: it answers. However often that is said, lines tell only of changes.

        Who reads a line finds the endpoints to say the same, and who finds it ready finds nothing away.
        """
        was_away, self._is_away = self._is_away, reason is not None
        if reason is not None:
            self._health.want(self._place, reason)
            if not was_away:
                self._changed(reason)
                self._log.error("waiting", on=self._place, error=reason)
        elif was_away:
            self._changed(None)
            self._health.fulfil(self._place)
            self._log.info("going on", on=self._place)


class Troubles:
    """The troubles of a process whose many threads meet them, and may contradict each other.

    `saw_work` is for any thread, the others for one.

    Args:
        health: is not ready while there is one.
        stores: what everybody shares, and who is told of it: such a trouble ends when somebody has seen the
            store work again.
    """

    def __init__(self, health: Health, stores: Mapping[str, Changed]) -> None:
        self._health = health
        self._troubles = {place: Trouble(place, health, changed) for place, changed in stores.items()}
        self._worked = dict.fromkeys(stores, 0.0)
        self._told: dict[str, float] = {}

    def saw_work(self, store: str) -> None:
        """Note that a store has just answered."""
        self._worked[store] = time.monotonic()

    def is_news(self, place: str, at: float) -> bool:
        """Return whether nobody has seen a place work since this moment, by the monotonic clock."""
        return at > self._worked.get(place, 0.0)

    def tell(self, place: str, trouble: str, at: float) -> None:
        """Say that a place is in trouble, as it was at this moment."""
        self._troubles.setdefault(place, Trouble(place, self._health)).tell(trouble)
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
                self._troubles[place].tell(None)
