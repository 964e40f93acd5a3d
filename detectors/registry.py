"""The registry: every detector of this package, in the order in which they decide.

A detector is found by being here: a file of this package with a class that says its `name` and `order`.
An event's rule and a detector's state are stored by name; nothing else has to know of it.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import isabstract, isclass
from types import MappingProxyType
from typing import Any, Final

import detectors
from detectors.base import Detector


def _found() -> Iterator[type[Detector[Any]]]:
    for module in pkgutil.iter_modules(detectors.__path__, "detectors."):
        if module.name == __name__:
            continue
        for member in vars(import_module(module.name)).values():
            own = isclass(member) and issubclass(member, Detector) and member.__module__ == module.name
            if own and not isabstract(member) and "name" in vars(member):
                yield member


def _in_order() -> Mapping[str, type[Detector[Any]]]:
    """Return the detectors by name.

    Raises:
        ValueError: two of them claim one name, or one place in the order.
    """
    found = sorted(_found(), key=lambda detector: detector.order)
    for field in ("name", "order"):
        claimed = [getattr(detector, field) for detector in found]
        twice = {value for value in claimed if claimed.count(value) > 1}
        if twice:
            raise ValueError(f"detectors: {field} {twice.pop()!r} is claimed twice")
    return MappingProxyType({detector.name: detector for detector in found})


DETECTORS: Final[Mapping[str, type[Detector[Any]]]] = _in_order()
