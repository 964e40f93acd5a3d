"""docs/benchmarks.md: the figures stand between two marks and are written anew; what is around them stays."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- figures: begin, written by python -m benchmarks -->"
END: Final = "<!-- figures: end -->"


def write_page(
    page: Path, figures: Sequence[Mapping[str, Any]], machine: Mapping[str, str], said: str
) -> None:
    """Write figures (as `figure.tell` prints them) into a page, and the command that made them.

    Raises:
        ValueError: the page lacks the two marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{page}: the marks {BEGIN!r} and {END!r} are not there; put them where figures belong"
        )
    body = "\n".join([*_tables(figures, machine, said)])
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


def _tables(figures: Iterable[Mapping[str, Any]], machine: Mapping[str, str], said: str) -> Iterable[str]:
    yield f"Made by `{said}` on this machine:\n"
    yield "| | |\n|---|---|"
    for name, value in machine.items():
        yield f"| {name} | {value} |"
    yield "\n| measured | figure | goal | met |\n|---|---:|---:|---|"
    listed = list(figures)
    for figure in listed:
        measured = f"{number(figure['value'])} {figure['unit']}"
        yield f"| {figure['what']} | {measured} | {_goal(figure)} | {_met(figure)} |"
    yield "\n### What they rest on\n"
    for figure in listed:
        details = ", ".join(
            f"{name.replace('_', ' ')} {_shown(value)}" for name, value in figure["details"].items()
        )
        yield f"- **{figure['what']}**: {details or '-'}."


def number(value: float) -> str:
    """Return a number with three digits that count, in full where it has more before the point.

    >>> number(4330489.4), number(15.772), number(0.139)
    ('4,330,000', '15.8', '0.139')
    """
    if value == 0:
        return "0"
    digits = 3 - len(str(int(abs(value)))) if abs(value) >= 1 else 3
    rounded = round(value, digits)
    return f"{rounded:,.{max(digits, 0)}f}"


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else str(value)


def _goal(figure: Mapping[str, Any]) -> str:
    if figure["at_least"] is not None:
        return f"≥ {figure['at_least']:,.10g}"
    return f"≤ {figure['at_most']:,.10g}" if figure["at_most"] is not None else ""


def _met(figure: Mapping[str, Any]) -> str:
    return {True: "yes", False: "**no**", None: ""}[figure["met"]]
