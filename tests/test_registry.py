"""The registry of detectors."""

import pkgutil

import detectors
from detectors.registry import DETECTORS


def test_every_detector_is_found_in_its_order() -> None:
    """All ten rules are there, in the order that docs/rules.md gives; a file of its own is all it takes."""
    assert list(DETECTORS) == [
        "after_hours", "rapid_reentry", "density", "missed_registration", "denied_streak", "anti_passback",
        "door_forced", "door_held", "impossible_travel", "two_sites",
    ]  # fmt: skip
    files = {module.name for module in pkgutil.iter_modules(detectors.__path__)}
    assert {detector.__module__.removeprefix("detectors.") for detector in DETECTORS.values()} == (
        files - {"base", "recent", "registry"}
    )


def test_every_detector_explains_itself() -> None:
    """Idea, parameters, example and source stand at the head of each file."""
    for detector in DETECTORS.values():
        text = __import__(detector.__module__, fromlist=["x"]).__doc__
        assert all(f"\n{word}" in text for word in ("Idea:", "Parameters:", "Example:", "Source:"))
