"""What people see: tables, bars and verdicts, by rich."""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from domain.vocabulary import UNKNOWN_HOLDER
from infra.language import Language

WIDE: Final = 100
"""Columns of a terminal from which tables show everything; narrower ones leave out what matters less."""
_BAR_CELLS: Final = 32
_SHORTEST_BAR: Final = 8
_ENDLESS: Final = 1_000_000
"""Columns: the way of somebody who stays for weeks is as long as many thousands."""
_LONGEST_CELL: Final = 200
"""Characters: JSON has everything; a table must stay one."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_EXACT_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.0+)?(\.\d+)?(Z|[+-]\d\d:\d\d)")
"""Date, time of day, parts of a second unless there are none, and offset."""
_CUT: Final = frozenset({"name", "place", "file", "key"})
"""Columns that give way when there is no room for all: cut with an ellipsis, never broken."""
_WRAPPED: Final = frozenset({"what", "detail", "what it means"})
_HASH: Final = re.compile(rf"^({UNKNOWN_HOLDER}[0-9a-f]{{8}})[0-9a-f]{{24}}$")
_SEVERITIES: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_VERDICTS: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def console() -> Console:
    """Return the console that answers are shown on; what is piped elsewhere is never broken into lines."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=_ENDLESS)


def is_wide() -> bool:
    """Return whether there is room for everything; there always is where no terminal is."""
    return console().width >= WIDE


def show(shown: RenderableType) -> None:
    """Show something; what is piped elsewhere has no blanks at the end of its lines."""
    out = console()
    if out.is_terminal:
        out.print(shown)
        return
    plain = Console(highlight=False, width=out.width, file=io.StringIO())
    with plain.capture() as captured:
        plain.print(shown)
    for line in captured.get().splitlines():
        out.print(Text(line.rstrip()), soft_wrap=True)


def say(line: str, style: str = "") -> None:
    """Show a line, or several; a terminal breaks them where it ends."""
    console().print(Text(line, style), soft_wrap=True)


def table(
    language: Language,
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    title: str | None = None,
    nothing: str | None = None,
    last_below: bool = False,
) -> None:
    """Show rows under their names; numbers stand to the right, and a `Text` cell keeps its style.

    Args:
        language: of the names, which are given in English; one that is empty has no heading.
        names: of the columns; `name`, `place`, `file` and `key` are the first to be cut.
        rows: as many cells as there are names.
        title: stands above, as it is.
        nothing: said instead, if there are no rows, as it is.
        last_below: where a terminal has no room for all, a row's last cell stands on lines of its own, whole.
    """
    cells = [list(row) for row in rows]
    if title is not None:
        say(title, "bold")
    if not cells:
        say(nothing or language.say("nothing found"), "dim")
        return
    shown = _table(any(names))
    for place, name in enumerate(names):
        numbers = all(type(row[place]) in (int, type(None)) for row in cells)
        shown.add_column(
            language.say(name) if name else "",
            justify="right" if numbers else "left",
            no_wrap=name not in _CUT | _WRAPPED,
        )
    for row in cells:
        shown.add_row(*(_cell(value, language, name in _CUT) for name, value in zip(names, row, strict=True)))
    if last_below and not _fits(shown):
        _show_last_below(shown)
    else:
        show(shown)


def severity(language: Language, identifier: str, text: str | None = None) -> Text:
    """Return a severity, or something else in its colour."""
    said = language.name("severity", identifier) if text is None else text
    return Text(said, _SEVERITIES.get(identifier, ""))


def person(identifier: str | None) -> str:
    """Return a person's id; on a terminal the hash of a credential that is nobody's is cut short."""
    if identifier is None:
        return "-"
    return _HASH.sub(r"\1…", identifier) if console().is_terminal else identifier


def bars(
    language: Language, title: str, zones: Sequence[Mapping[str, Any]], *, indented: bool = True
) -> None:
    """Show the occupancy of zones, each with its count, its bounds and a bar of its length.

    Zones that hold others have no bar: beside theirs the rooms' could not be told apart.
    """
    say(title, "bold")
    if not any(zone["high"] for zone in zones):
        say(language.say("nobody was on site"), "dim")
        return
    ranges = [f"{zone['low']:,}–{zone['high']:,}" for zone in zones]
    ids = ["  " * language.depth(zone["zone"]) * indented + zone["zone"] for zone in zones]
    rooms = [zone for zone in zones if zone["zone"] not in language.enclosing]
    most = max([zone["high"] for zone in rooms], default=0) or 1
    names = [language.zone(zone["zone"]) for zone in zones]
    fixed = max(map(cell_len, ids)) + max(map(cell_len, ranges)) + max(map(cell_len, names)) + 20
    cells = max(_SHORTEST_BAR, min(_BAR_CELLS, console().width - fixed))
    shown = _table(header=True)
    shown.add_column(language.say("zone"), no_wrap=True)
    if any(names):
        shown.add_column(language.say("name"))
    shown.add_column(language.say("people"), justify="right", no_wrap=True)
    shown.add_column(language.say("low–high"), justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for zone, identifier, name, bounds in zip(zones, ids, names, ranges, strict=True):
        encloses = zone["zone"] in language.enclosing
        label = [Text(name, no_wrap=True, overflow="ellipsis")] if any(names) else []
        bar = Text() if encloses else _bar(zone["count"], zone["high"], cells / most)
        style = "bold" if encloses else "" if zone["high"] else "dim"
        shown.add_row(identifier, *label, f"{zone['count']:,}", bounds, bar, style=style)
    show(shown)
    known = language.say("known to be there")
    possible = language.say("may be there as well (low–high: at least–at most)")
    show(Text.assemble(("█", "cyan"), (f" {known}   ", "dim"), ("░", "dim"), (f" {possible}", "dim")))


def verdicts(language: Language, findings: Sequence[dict[str, str]]) -> None:
    """Show one line for each finding, with its remedy below where there is one."""
    shown = Table.grid(padding=(0, 2, 0, 0))
    for column in range(3):
        shown.add_column(no_wrap=column < 2)
    for finding in findings:
        mark = Text(language.name("verdict", finding["verdict"]), _VERDICTS[finding["verdict"]])
        shown.add_row(mark, language.name("check", finding["check"]), Text(finding["detail"]))
        if finding["remedy"]:
            shown.add_row("", "", Text(f"→ {finding['remedy']}", "dim"))
    show(shown)


def fields(language: Language, values: Mapping[str, Any]) -> None:
    """Show values beside their names, which are given in English."""
    shown = Table.grid(padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in values.items():
        shown.add_row(Text(language.say(name), "dim"), _cell(value, language, cut=False))
    show(shown)


def anything(answer: Any, language: Language) -> None:
    """Show a list of objects as a table, or an object as its fields; their names stay as they are.

    Where a terminal has no room for the table, each object is shown as its fields. Nobody knows here what a
    value means: numbers have no separators, for they may be years or ids, and times keep their offset.
    """
    if isinstance(answer, dict):
        _show_object(answer, language)
        return
    if not answer:
        say(language.say("nothing found"), "dim")
        return
    shown = _table(header=True)
    for name in answer[0]:
        shown.add_column(str(name), justify="right" if isinstance(answer[0][name], int | float) else "left")
    for row in answer:
        shown.add_row(*(Text(_exact(value, language)) for value in row.values()))
    if _fits(shown):
        show(shown)
        return
    for number, row in enumerate(answer):
        if number:
            say("")
        _show_object(row, language)


def _show_object(values: Mapping[str, Any], language: Language) -> None:
    shown = _table(header=False)
    for _ in range(2):
        shown.add_column(overflow="fold")
    for name, value in values.items():
        shown.add_row(Text(name, "dim"), Text(_exact(value, language)))
    show(shown)


def _fits(shown: Table) -> bool:
    """Return whether every row of a table has room on one line; what is piped elsewhere always has."""
    out = console()
    if not out.is_terminal:
        return True
    return out.measure(shown, options=out.options.update(width=_ENDLESS)).maximum <= out.width


def _show_last_below(shown: Table) -> None:
    """Show a table without its last column, whose cells stand under their rows, a little to the right."""
    out = console()
    columns = [[column.header, *column.cells] for column in shown.columns]
    widths = [max(out.measure(cell).maximum for cell in cells) for cells in columns[:-1]]
    for number, (*cells, below) in enumerate(zip(*columns, strict=True)):
        line = _table(header=False)
        for width in widths:
            line.add_column(width=width, no_wrap=True, style="" if number else "bold")
        line.add_row(*cells)
        show(line)
        show(Padding(below, (0, 0, 0, 2), style="" if number else "bold", expand=False))


def _table(header: bool) -> Table:
    return Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1), show_header=header)


def _bar(sure: int, high: int, cells_each: float) -> Text:
    full = max(round(sure * cells_each), int(sure > 0))
    maybe = max(round(high * cells_each) - full, int(high > sure))
    return Text("█" * full, "cyan") + Text("░" * maybe, "dim")


def _cell(value: Any, language: Language, cut: bool) -> Text:
    text = value if isinstance(value, Text) else Text(_written(value, language))
    if cut:
        text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _written(value: Any, language: Language) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return language.say("yes") if value else language.say("no")
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    if _TIME.match(text):
        return text[:19].replace("T", " ")
    return _shortened(text)


def _exact(value: Any, language: Language) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        time = _EXACT_TIME.fullmatch(value)
        return f"{time[1]} {time[2]}{time[3] or ''}{time[4]}" if time else _shortened(value)
    return _written(value, language)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
