"""What people see: tables, bars and verdicts, by rich."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

BAR_CELLS: Final = 32
_LONGEST_CELL: Final = 80
"""Characters: JSON has everything; a table must stay one."""
_ENDLESS: Final = 10_000
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_SEVERITIES: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_VERDICTS: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def console() -> Console:
    """Return the console that answers are shown on; what is piped elsewhere is never broken into lines."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=_ENDLESS)


def table(names: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
    """Show rows under their names; a severity is coloured."""
    shown = Table(
        title=title,
        title_justify="left",
        box=None,
        header_style="bold",
        pad_edge=False,
        show_header=any(names),
    )
    for name in names:
        shown.add_column(name.replace("_", " "))
    for row in rows:
        shown.add_row(*(Text(_written(cell), _SEVERITIES.get(str(cell), "")) for cell in row))
    console().print(shown if shown.row_count else Text("nothing found", "dim"))


def bars(title: str, zones: Sequence[dict[str, Any]]) -> None:
    """Show the occupancy of zones, each with its count, its bounds and a bar of its length."""
    most = max([zone["high"] for zone in zones], default=0) or 1
    shown = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name, side in (("zone", "left"), ("people", "right"), ("low–high", "right"), ("", "left")):
        shown.add_column(name, justify=side)  # type: ignore[arg-type] # a literal, by inspection
    for zone in zones:
        sure, maybe = (round(zone[name] * BAR_CELLS / most) for name in ("count", "high"))
        bar = Text("█" * sure, "cyan") + Text("░" * max(maybe - sure, 0), "dim")
        shown.add_row(zone["zone"], f"{zone['count']:,}", f"{zone['low']:,}–{zone['high']:,}", bar)
    console().print(shown)


def verdicts(findings: Sequence[dict[str, str]]) -> None:
    """Show one line for each finding, with its remedy below where there is one."""
    out = console()
    for finding in findings:
        mark = Text(f"{finding['verdict']:<5}", _VERDICTS[finding["verdict"]])
        out.print(mark + Text(f"{finding['check']}: {finding['detail']}", ""))
        if finding["remedy"]:
            out.print(Text(f"      → {finding['remedy']}", "dim"))


def anything(answer: Any) -> None:
    """Show an answer of any shape: a list of objects as a table, an object as its fields."""
    if isinstance(answer, list):
        names = list(answer[0]) if answer else []
        table(names, ([row.get(name) for name in names] for row in answer))
        return
    plain = {name: value for name, value in answer.items() if not _is_rows(value)}
    table(("", ""), plain.items())
    for name, value in answer.items():
        if _is_rows(value):
            console().print(Text(f"\n{name}", "bold"))
            anything(value)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _written(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    text = str(cell)
    if _TIME.match(text):
        return text[:19].replace("T", " ")
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
