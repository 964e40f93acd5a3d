"""The help says of every command and option what it is for, and comes at once."""

import os
import re
import subprocess
import sys
from typing import Any, Final

import pytest
from typer.main import get_command

from infra.cli import app
from tests.command_line.calling import ROOT, limen

COMMANDS: Final = (
    "init", "import", "simulate", "run", "status", "occupancy", "visits", "trace", "alerts", "place",
    "events", "signals", "replay", "verify", "sql", "doctor", "demo", "demo-kafka", "connect", "load",
    "worker", "relay", "cross-site", "sink", "gateway", "history ddl", "history reader", "topics apply",
    "topics check", "quarantine list", "quarantine show", "quarantine retry", "case acknowledge",
    "case assign", "case note", "case close", "case reopen", "case show",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """Each command says in a sentence what it does, and what every option is for."""
    shown = limen(*command.split(), "--help").stdout
    assert re.search(r"^ [A-Z][^\n]{15,}", shown, re.MULTILINE), shown
    usage = re.search(r"Usage: (.*?)\n *\n", shown, re.DOTALL)
    assert usage and not re.search(r"\.{3}\S*\.{3}", usage[1]), "that there may be several is said once"


def test_every_option_says_what_it_is_for() -> None:
    """No parameter of any command is without help."""
    commands: dict[str, Any] = {}
    for name, one in get_command(app).commands.items():  # type: ignore[attr-defined]
        inside = getattr(one, "commands", None)
        commands |= (
            {f"{name} {under}": command for under, command in inside.items()} if inside else {name: one}
        )
    assert sorted(commands) == sorted(COMMANDS)
    for name, command in commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.name == "help", (name, parameter.name)


@pytest.mark.parametrize(("command", "option", "other"), [
    ("trace", "--person", "--credential"), ("simulate", "--out", "--into"),
])  # fmt: skip
def test_help_says_that_one_of_two_is_needed(command: str, option: str, other: str) -> None:
    """Where one of two options has to be given, the help of the first names the other."""
    parameters = get_command(app).commands[command].params  # type: ignore[attr-defined]
    told = {name: parameter.help for parameter in parameters for name in parameter.opts}
    assert other in told[option]


def test_help_lists_every_command_and_is_quick() -> None:
    """The first thing anybody types answers at once, and imports nothing heavy."""
    shown = limen("--help").stdout
    assert all(command.split()[0] in shown for command in COMMANDS)
    best = min(_cpu_seconds("--help") for _ in range(5))
    assert best <= 0.6, "more than 0.6 seconds of computing, however busy the machine"
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "infra.cli", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stderr
    for heavy in ("numba", "numpy", "chdb", "clickhouse_connect", "pydantic", "msgspec", "pyarrow"):
        assert not re.search(rf"\| +{heavy}$", imported, re.MULTILINE), f"--help imports {heavy}"


def _cpu_seconds(*arguments: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "infra.cli", *arguments], capture_output=True, cwd=ROOT, check=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system
