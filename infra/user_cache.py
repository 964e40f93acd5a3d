"""Where what can be made or fetched again is kept for one user."""

import os
from pathlib import Path


def user_cache() -> Path:
    """Return `limen` in the user's cache, which need not be there: below `XDG_CACHE_HOME` or `~/.cache`.

    Raises:
        RuntimeError: the user has no home.
    """
    # An empty or relative XDG_CACHE_HOME is to be ignored, says the XDG Base Directory specification.
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "limen"
