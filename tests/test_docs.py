"""The papers say what is there: commands, rules, links, examples."""

import csv
import doctest
import importlib
import io
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import CollectorRegistry

import infra.cli
from detectors.registry import DETECTORS
from infra.chinese import SENTENCES
from infra.observability import metrics

ROOT = Path(__file__).parents[1]
PAPERS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
READMES = ("README.md", "README.zh-CN.md")
PACKAGES = ("connectors", "dashboards", "detectors", "domain", "infra", "projections", "streams")
_MADE = {"__pycache__", "build", "demo-home", "demo-kafka-home", "dist", "limen-home"}
_BUILD_MACHINES = re.compile(
    rb"(?<![\w.~-])/(?:" + b"|".join([b"work", b"root", b"tmp/v", b"home/\\w+"]) + rb")/"
)


@cache
def read(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> dict[str, Any]:
    """Return every command that can be called, by its name: `quarantine list` for one in a group."""
    found: dict[str, Any] = {}
    groups = [("", typer.main.get_command(infra.cli.app))]
    while groups:
        prefix, group = groups.pop()
        for name, command in group.commands.items():  # type: ignore[attr-defined] # groups have them
            if hasattr(command, "commands"):
                groups.append((f"{prefix}{name} ", command))
            else:
                found[f"{prefix}{name}"] = command
    return found


COMMANDS = commands()


def plain(text: str) -> str:
    """Return text without marks and with single spaces."""
    return " ".join(text.replace("`", "").split())


def section(command: str) -> str:
    """Return what docs/cli.md says of a command."""
    match = re.search(
        rf"^### `limen {command}`$(.*?)(?=^##|\Z)", read("docs/cli.md"), re.MULTILINE | re.DOTALL
    )
    assert match, f"docs/cli.md has no section '### `limen {command}`'"
    return match[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """A command has help; its section says the same, names each option, and gives the shape of its JSON."""
    command, text = COMMANDS[name], section(name)
    assert command.help
    for sentence in command.help.split("\n\n"):
        assert plain(sentence).rstrip(".") in plain(text)
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    for option in options - {"--help"}:
        assert re.search(rf"{option}\b(?!-)", text), f"{option} is not in its section"
    assert ("--json" in options) == bool(re.search(r"^JSON[:,]", text, re.MULTILINE))


def test_no_command_is_documented_that_is_not_there() -> None:
    """Sections of docs/cli.md are of commands that can be called."""
    assert set(re.findall(r"^### `limen ([^`]+)`$", read("docs/cli.md"), re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("readme", READMES)
def test_every_command_is_in_the_readme(readme: str) -> None:
    """Each README names every command, those of a group together."""
    named = set(re.findall(r"`limen ([a-z-]+)", read(readme)))
    assert {name.split()[0] for name in COMMANDS} <= named


def test_the_chinese_readme_asks_for_chinese() -> None:
    """What it shows is what its command prints: without the variable that would be English."""
    page = read("README.zh-CN.md")
    shown = re.search(r"^    (.*)make demo +#.*?^```$(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown
    assert shown[1] == "LIMEN_LANGUAGE=zh "
    for heading in ("people", "low–high"):
        assert SENTENCES[heading] in shown[2]
        assert f"“{SENTENCES[heading]}”" in page


@pytest.mark.parametrize("rule", DETECTORS)
def test_every_rule_is_written_down(rule: str) -> None:
    """Every detector's rule stands in section 10 of docs/rules.md, and its name in both READMEs."""
    assert f"**{rule}**" in read("docs/rules.md").partition("## 10 ")[2].partition("## 11 ")[0]
    for readme in READMES:
        assert f"`{rule}`" in read(readme)


def registered() -> set[str]:
    """Return the metrics of all processes, as Prometheus names them."""
    registries = []
    for kind in (one for name, one in vars(metrics).items() if name.endswith("Metrics")):
        registries.append(CollectorRegistry())
        kind(registries[-1])
    families = [family for registry in registries for family in registry.collect()]
    return {family.name + "_total" * (family.type == "counter") for family in families}


def test_every_metric_is_documented() -> None:
    """What a process counts is named in docs/operations.md, and no page names a metric that is not there."""
    pages = {path.name: set(re.findall(r"\blimen_\w+", read(str(path)))) for path in PAPERS}
    there = registered()
    assert there <= pages["operations.md"], there - pages["operations.md"]
    for page, named in pages.items():
        named -= {"limen_reader"}  # a role of the server's, and its profile
        assert named <= there, f"{page}: {named - there}"


def test_metrics_are_made_in_one_module() -> None:
    """Where another made some, the test above would not see them."""
    makes_none = {"CONTENT_TYPE_LATEST", "CollectorRegistry", "generate_latest"}
    makers = set()
    for package in PACKAGES:
        folder = Path(importlib.import_module(package).__file__ or "").parent
        for path in folder.rglob("*.py"):
            taken = re.findall(r"prometheus_client\S* import (.+)", path.read_text(encoding="utf-8"))
            if any(not makes_none.issuperset(names.split(", ")) for names in taken):
                makers.add(path.relative_to(folder.parent).as_posix())
    assert makers == {"infra/observability/metrics.py"}


def test_contributing_says_how_to_add_each_part() -> None:
    """There are steps for a detector, a stage, a projection and a connector."""
    headings = re.findall(r"^## (.+)$", read("CONTRIBUTING.md"), re.MULTILINE)
    assert {f"Add a {part}" for part in ("detector", "stage", "projection", "connector")} <= set(headings)


def _anchors(paper: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", paper.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(paper: Path) -> None:
    """A link to a file or heading of the project leads to one that is there."""
    text = re.sub(r"^```.*?^```", "", paper.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        there = (paper.parent / name).resolve() if name else paper
        assert there.exists(), f"{target} is not there"
        assert not anchor or anchor in _anchors(there), f"{target} has no such heading"


def _files() -> Iterator[Path]:
    """Yield the files of the project, wherever its packages come from."""
    places = {ROOT, *(Path(importlib.import_module(name).__file__ or "").parent for name in PACKAGES)}
    for place in places:
        for folder, names, files in os.walk(place):
            names[:] = [
                name for name in names if name not in _MADE and (not name.startswith(".") or name == ".ci")
            ]
            yield from (Path(folder, name) for name in files if name != ".git")  # a worktree's


def test_no_file_names_a_place_on_a_build_machine() -> None:
    """What is published knows nothing of where it was written."""
    assert not [str(path) for path in _files() if _BUILD_MACHINES.search(path.read_bytes())]


def _modules() -> list[str]:
    found = []
    for package in PACKAGES:
        found.append(package)
        folder = importlib.import_module(package).__path__
        found += [module.name for module in pkgutil.walk_packages(folder, f"{package}.")]
    return found


@pytest.mark.parametrize("module", _modules())
def test_examples_in_docstrings_are_true(module: str) -> None:
    """What a docstring shows is what happens."""
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def _shown(readme: str, name: str) -> str:
    """Return the block that a README shows under a file's name."""
    named = rf"^`{re.escape(name)}`:\n\n```\w+\n(.*?)^```$"
    (block,) = re.findall(named, read(readme), re.MULTILINE | re.DOTALL)
    return str(block)


def test_both_readmes_show_the_same_files() -> None:
    """The twin shows the same building, but for the comments."""
    for name in ("site.yaml", "policy.yaml", "directory.csv", "readings.csv"):
        english, chinese = (re.sub(r"\s*#.*", "", _shown(readme, name)) for readme in READMES)
        assert english == chinese


@pytest.mark.slow
def test_the_building_in_the_readme_works(tmp_path: Path) -> None:
    """A reader who does what the README says gets the answers it shows."""
    home = tmp_path / "office"

    def limen(*arguments: str) -> Any:
        command = [sys.executable, "-m", "infra.cli", *arguments, "--home", str(home), "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    limen("init", "--template", "campus")
    for name in ("site.yaml", "policy.yaml", "directory.csv"):
        (home / name).write_text(_shown("README.md", name), encoding="utf-8")
    readings = tmp_path / "readings.csv"
    readings.write_text(_shown("README.md", "readings.csv"), encoding="utf-8")
    count = len(list(csv.DictReader(io.StringIO(readings.read_text()))))
    assert limen("import", str(readings), "--source", "doors")["accepted"] == count
    answer = limen("occupancy", "--at", "2026-03-02T09:00")
    assert answer["total"] == 2
    assert {zone["zone"]: zone["count"] for zone in answer["zones"]} == {"office": 2, "lobby": 1, "lab": 1}
    assert [alert["rule"] for alert in limen("alerts")] == ["denied_streak", "denied_streak"]
    assert limen("replay")["identical"]
    assert limen("verify")["ok"]
