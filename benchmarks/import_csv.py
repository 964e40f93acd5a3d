"""From a CSV file to a history that answers: the GAStech recording, repeated fortnight after fortnight.

The whole way of `limen import`, in one process: read and check rows, append, decide, commit, insert, derive.
The clock stops when a question about the last row is answered.
"""

import argparse
import csv
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from benchmarks.figure import Figure, medians, spent, tell  # noqa: E402 - the cache comes first
from infra.answers.feed import import_files  # noqa: E402
from infra.answers.history import sql  # noqa: E402
from infra.home import OpenHome  # noqa: E402
from infra.initialising import initialise  # noqa: E402

RECORDING: Final = Path(__file__).parents[1] / "examples" / "gastech" / "prox.csv"
_PERIOD: Final = timedelta(days=14)  # weekdays stay weekdays


def write_rows(path: Path, count: int, recording: Path = RECORDING) -> None:
    """Write so many rows: the recording, then again with its dates moved, and so on."""
    with recording.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    times = [datetime.fromisoformat(row[0]) for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for number in range(count):
            turn, place = divmod(number, len(rows))
            writer.writerow([times[place] + turn * _PERIOD, *rows[place][1:]])


def import_into(folder: Path, file: Path) -> dict[str, int]:
    """Import a file into a new home and return what the import said, once the history answers."""
    home_folder = folder / "home"
    initialise(home_folder, "gastech")
    with OpenHome(home_folder) as home:
        said = import_files(home, files=[str(file)], source="prox")
        found = sql(home, query="SELECT count() AS n FROM signals WHERE category = 'credential'")[0]["n"]
    if found != said["accepted"]:
        raise SystemExit(f"the history has {found} readings, accepted were {said['accepted']}")
    return said


def measure(rows: int, repeats: int, work: Path) -> list[Figure]:
    """Import so many rows, `repeats` times, each into a new home."""
    taken = []
    said: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=work) as folder:
        small = Path(folder) / "small.csv"
        write_rows(small, 200)
        import_into(Path(folder) / "first", small)  # compiles, and loads what is loaded once
        file = Path(folder) / "prox.csv"
        write_rows(file, rows)
        for turn in range(repeats):
            target = Path(folder) / str(turn)
            taken.append(spent(lambda target=target: said.update(import_into(target, file))))  # type: ignore[misc]
    typical = medians(taken)
    return [
        Figure(
            benchmark="import_csv",
            what="import, from CSV to a history that answers",
            value=said["accepted"] / typical.wall_seconds,
            unit="signals/s",
            at_least=50_000,
            details=said
            | {
                "repeats": repeats,
                "by_cpu_time": said["accepted"] / typical.cpu_seconds,
                "wall_seconds": typical.wall_seconds,
                "cpu_seconds": typical.cpu_seconds,
            },
        )
    ]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on the disk")
    options = parser.parse_args()
    for figure in measure(options.rows, options.repeats, options.work):
        tell(figure)


if __name__ == "__main__":
    main()
