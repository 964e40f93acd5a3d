"""The detector that CONTRIBUTING.md shows: made from the page as it says, and run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from numba.core.caching import _CacheLocator

import detectors
import domain
import streams
from domain.policy import Rule
from infra.compiled_cache import use_compiled_cache

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL))
"""What the page shows under a file's name."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The packages that decide, with the detector added by the page's steps."""
    for package in (domain, detectors, streams):
        folder = Path(package.__file__ or "").parent
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/rule_scenarios", tmp_path / "tests/rule_scenarios")
    for name in ("detectors/watched_zone.py", "tests/test_watched_zone.py"):
        (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    (tmp_path / "tests/__init__.py").touch()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    _copy_compiled(tmp_path)
    return tmp_path


def _copy_compiled(checkout: Path) -> None:
    """Copy what is compiled: the loops stand in the copies as they are, and a detector changes none."""
    for package in (domain, detectors, streams):
        original = Path(package.__file__ or "").parent
        for module in original.rglob("*.py"):
            copy = checkout / module.relative_to(original.parent)
            there, here = (_CacheLocator.get_suitable_cache_subpath(str(one)) for one in (module, copy))
            if (use_compiled_cache() / there).is_dir() and not (checkout / "compiled" / here).exists():
                shutil.copytree(use_compiled_cache() / there, checkout / "compiled" / here)


@pytest.mark.parametrize("jit", ["plain", pytest.param("compiled", marks=pytest.mark.slow)])
def test_the_example_detector_works(checkout: Path, jit: str) -> None:
    """The test that the page gives passes on the detector that it gives, compiled and as plain Python."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ |= {
        "PYTHONPATH": str(checkout),
        "NUMBA_DISABLE_JIT": "1" if jit == "plain" else "0",
        "NUMBA_CACHE_DIR": str(checkout / "compiled"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_watched_zone.py"]
    done = subprocess.run(command, cwd=checkout, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_example_policy_is_a_rule() -> None:
    """The defaults that the page gives are a rule of a policy."""
    (rule,) = yaml.safe_load(FILES["infra/templates/campus/policy.yaml"]).values()
    assert Rule.model_validate(rule).overrides[0].zones == ("vault",)
