"""What an older version wrote, brought up to the newest one step at a time: nothing else knows of it."""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""From the fields of one version to those of the next."""


def bring_up(
    fields: dict[str, Any], version: int, newest: int, upcasters: Mapping[int, Upcaster]
) -> dict[str, Any]:
    """Return the fields of `version` as those of `newest`; `upcasters` has, by N, the step from N to N + 1.

    Raises:
        LookupError: there is no way from this version to the newest.
        ValueError: they are not the fields of that version.
    """
    if version > newest or any(step not in upcasters for step in range(version, newest)):
        raise LookupError(version)
    try:
        for step in range(version, newest):
            fields = upcasters[step](fields)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"not the fields of version {version}: {error!r}") from error
    return fields
