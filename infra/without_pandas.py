"""Leaving pandas where it is.

pyarrow imports pandas, wherever it is installed, to ask whether a list is one of its columns. Nothing here
is, and the import takes as long as loading all rules.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas(MetaPathFinder):
    """Finds that there is no pandas."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Leave all other modules to the finders behind this one."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("Limen's processes do without pandas", name=fullname)
        return None


def leave_pandas() -> None:
    """Let this process find no pandas from now on; for processes that are ours alone."""
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())
