"""Two lists of events held against each other, and their first difference in few words."""

from collections.abc import Sequence
from itertools import zip_longest

import msgspec

from domain.event import Event, write_event


def first_difference(decided: Sequence[Event], expected: Sequence[Event]) -> str | None:
    """Return what was decided and what was expected where the two first differ; None if nowhere.

    Of the detail of a rejection only its fields count: no rule says in which words a reason is given.
    """
    for place, (one, other) in enumerate(zip_longest(decided, expected)):
        if one != other and (one is None or other is None or _wordless(one) != _wordless(other)):
            return f"event {place}:\n  decided  {_told(one)}\n  expected {_told(other)}"
    return None


def _wordless(event: Event) -> Event:
    return msgspec.structs.replace(event, detail=event.detail and dict.fromkeys(event.detail))


def _told(event: Event | None) -> str:
    return "nothing" if event is None else write_event(event).decode()
