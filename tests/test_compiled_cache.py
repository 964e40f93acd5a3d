"""Compiled rules are kept where only the same sources find them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.compiled_cache import sources_hash, use_compiled_cache

ROOT = Path(__file__).parents[1]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache folder, and no wish of the user's where Numba should keep its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_rules_are_kept_in_the_user_s_cache(cache: Path) -> None:
    """Twice asked, it is the same folder, which Numba is told of."""
    folder = use_compiled_cache()
    assert folder.parent == cache / "limen"
    assert folder.is_dir()
    assert os.environ["NUMBA_CACHE_DIR"] == str(folder)
    os.environ["NUMBA_CACHE_DIR"] = ""
    assert use_compiled_cache() == folder


def test_a_wish_is_respected(cache: Path, tmp_path: Path) -> None:
    """A folder that the user named stays, and nothing is made elsewhere."""
    os.environ["NUMBA_CACHE_DIR"] = str(tmp_path / "mine")
    assert use_compiled_cache() == tmp_path / "mine"
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    """Where the cache is no folder, a temporary one serves."""
    cache.write_text("not a folder")
    folder = use_compiled_cache()
    assert folder.is_dir()
    assert cache not in folder.parents


def test_warming_compiles_where_commands_look() -> None:
    """An image runs it as a program, which must name the cache before anything it imports loads Numba."""
    loaded = "import infra.warming, sys; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=True)


def test_any_change_of_the_sources_counts(tmp_path: Path) -> None:
    """A changed, renamed or moved line gives another hash; the same sources elsewhere give the same."""

    def written(root: str, **files: str) -> str:
        package = tmp_path / root / "rules"
        package.mkdir(parents=True)
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)
        return sources_hash(package)

    first = written("one", a="x = 1", b="y = 2")
    assert written("two", a="x = 1", b="y = 2") == first
    others = [
        written("three", a="x = 2", b="y = 2"),
        written("four", a="x = 1", c="y = 2"),
        written("five", a="x = 1y = 2", b=""),
    ]
    assert len({first, *others}) == 4
