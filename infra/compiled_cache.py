"""Where compiled rules are kept, so that what is loaded is always what stands in the source.

Numba's own cache looks at the file of the function alone: where a compiled loop calls another file's function
and that one changes, the old code goes on. So every state of the sources has a folder of its own.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import detectors
import domain
import streams
from infra.user_cache import user_cache

_KERNELS: Final = b"domain.kernels"
"""What every file with a compiled loop imports. The rest of `streams` (logs, workers) holds none, and loops
take their constants from `domain`, so that a change there compiles nothing anew."""


def use_compiled_cache() -> Path:
    """Tell Numba where to keep compiled rules, and return where; to be called before Numba is imported.

    That is `~/.cache/limen/<hash of sources and Numba's version>` (or below `XDG_CACHE_HOME`); where it
    cannot be written, a temporary folder of this process. A `NUMBA_CACHE_DIR` that is set already stays.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    folder = _folder()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def _folder() -> Path:
    try:
        sources = (Path(package.__path__[0]) for package in (domain, detectors, streams))
        folder = user_cache() / sources_hash(*sources)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        temporary = tempfile.mkdtemp(prefix="limen-compiled-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)


def sources_hash(*packages: Path) -> str:
    """Return a hash of all that compiled rules are made of: Numba's version, and the sources in folders."""
    digest = hashlib.blake2b(version("numba").encode(), digest_size=12)
    for package in packages:
        for source in sorted(package.rglob("*.py")):
            text = source.read_bytes()
            if package.name == "streams" and _KERNELS not in text:
                continue
            digest.update(f"\0{source.relative_to(package.parent).as_posix()}\0".encode())
            digest.update(text)
    return digest.hexdigest()
