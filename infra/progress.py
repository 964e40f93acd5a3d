"""Progress for people: a bar on a terminal, a plain line now and then otherwise, always on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from infra.home import Progress, no_progress

_LINE_EVERY_SECONDS: Final = 5.0


@contextmanager
def shown(wanted: bool) -> Iterator[Progress]:
    """Yield the function that shows progress; it shows nothing if not wanted."""
    if not wanted:
        yield no_progress
    elif sys.stderr.isatty():
        yield from _bars()
    else:
        yield _lines()


def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def report(doing: str, done: int, total: int | None) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(doing, total=total)
            bars.update(tasks[doing], completed=done, total=total)

        yield report


def _lines() -> Progress:
    last, said = time.monotonic(), ("", -1)

    def report(doing: str, done: int, total: int | None) -> None:
        nonlocal last, said
        if (doing, done) != said and (done == total or time.monotonic() - last >= _LINE_EVERY_SECONDS):
            last, said = time.monotonic(), (doing, done)
            of = "" if total is None else f" of {total:,}"
            sys.stderr.write(f"{doing}: {done:,}{of}\n")

    return report
