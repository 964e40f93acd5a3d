"""What a test needs beyond Python: a broker, a database, a compiler. Missing, it skips; in CI it fails."""

import os

import pytest


def require(name: str, found: object, install: str) -> None:
    """Go on if `found` is true; else skip and say how to get it, or fail when LIMEN_REQUIRE=all.

    Args:
        name: what is needed, as a person calls it.
        found: whether it is there (a path, a version, a bool).
        install: the command that installs it, or what else to do.
    """
    if found:
        return
    message = f"{name} is missing; {install}"
    if os.environ.get("LIMEN_REQUIRE") == "all":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
