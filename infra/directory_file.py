"""`directory.csv`: the persons of a site, one on each line.

Columns: person, department, role, valid_from, valid_until, credentials. Times are ISO 8601, naive ones the
site's, an empty one is open. Credentials are parted by spaces: `format:hash`, or `format:hash@from/until`
with either side of the slash empty.
"""

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from domain.directory import Directory, HeldCredential, Person
from infra.invalid_settings import InvalidSettings, Problem, complaints, read_text

COLUMNS: Final = ("person", "department", "role", "valid_from", "valid_until", "credentials")


def read_directory(path: Path) -> Directory:
    """Return the directory in a file.

    Raises:
        InvalidSettings: with every problem.
    """
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Problem] = []
    persons: list[Person] = []
    seen: dict[str, int] = {}
    end = 0
    try:
        header = next(reader, None)
        if header is None:
            raise InvalidSettings(
                [Problem(str(path), 1, "", f"the file is empty; its first line is {','.join(COLUMNS)}")]
            )
        if [name.strip() for name in header] != list(COLUMNS):
            raise InvalidSettings(
                [
                    Problem(
                        str(path), 1, "", f"the header is {','.join(header)}; it must be {','.join(COLUMNS)}"
                    )
                ]
            )
        end = reader.line_num
        for row in reader:
            line, end = end + 1, reader.line_num
            if not row:
                continue
            try:
                person = _person(row)
            except _Wrong as wrong:
                found += [Problem(str(path), line, field, message) for field, message in wrong.complaints]
                continue
            if person.id in seen:
                message = f"{person.id!r} stands in line {seen[person.id]} too; join the two"
                found.append(Problem(str(path), line, "person", message))
            seen.setdefault(person.id, line)
            persons.append(person)
    except csv.Error as error:
        found.append(Problem(str(path), end + 1, "", f"its quotes do not match ({error}); close them"))
    if found:
        raise InvalidSettings(found)
    return Directory(persons=tuple(persons))


def write_directory(path: Path, directory: Directory) -> None:
    """Write a directory, replacing the file. `read_directory` returns the same one.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for person in directory.persons:
            writer.writerow(
                (
                    person.id,
                    person.department or "",
                    person.role,
                    _written(person.valid_from),
                    _written(person.valid_until),
                    " ".join(map(_written_credential, person.credentials)),
                )
            )


def directory_beside(signals: Path) -> Path:
    """Return where the people of a file of simulated signals are listed.

    >>> directory_beside(Path("day.jsonl")).name
    'day.jsonl.directory.csv'
    """
    return signals.with_name(f"{signals.name}.directory.csv")


class _Wrong(Exception):
    def __init__(self, complaints: list[tuple[str, str]]):
        self.complaints = complaints


def _person(row: list[str]) -> Person:
    if len(row) != len(COLUMNS):
        raise _Wrong([("", f"it has {len(row)} columns, not {len(COLUMNS)}; leave empty what is not known")])
    cells = {name: cell.strip() for name, cell in zip(COLUMNS, row, strict=True)}
    wrong: list[tuple[str, str]] = []
    given: dict[str, Any] = {"id": cells["person"]}
    for name in ("department", "role"):
        if cells[name]:
            given[name] = cells[name]
    given |= _span(cells["valid_from"], cells["valid_until"], "valid_from", "valid_until", wrong)
    given["credentials"] = tuple(
        credential for text in cells["credentials"].split() if (credential := _credential(text, wrong))
    )
    try:
        person = Person.model_validate(given)
    except ValidationError as error:
        wrong += [
            ("person" if loc[:1] == ("id",) else ".".join(map(str, loc)), message)
            for loc, message in complaints(error, Person)
        ]
    if wrong:
        raise _Wrong(wrong)
    return person


def _credential(text: str, wrong: list[tuple[str, str]]) -> HeldCredential | None:
    name, _, span = text.partition("@")
    form, _, digest = name.partition(":")
    start, slash, end = span.partition("/")
    if not form or not digest or bool(span) != bool(slash):
        wrong.append(
            ("credentials", f"{text!r} is no credential; write format:hash or format:hash@from/until")
        )
        return None
    return HeldCredential(format=form, hash=digest, **_span(start, end, "credentials", "credentials", wrong))


def _span(
    start: str, end: str, start_field: str, end_field: str, wrong: list[tuple[str, str]]
) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for name, text, field in (("valid_from", start, start_field), ("valid_until", end, end_field)):
        try:
            if text:
                found[name] = datetime.fromisoformat(text)
        except ValueError:
            wrong.append((field, f"{text!r} is no time; write e.g. 2016-05-31T07:00"))
    if len(found) == 2:
        first, last = found["valid_from"], found["valid_until"]
        if (first.tzinfo is None) == (last.tzinfo is None) and last <= first:
            wrong.append((end_field, f"it ends ({end}) before it begins ({start}); exchange the two"))
    return found


def _written(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def _written_credential(held: HeldCredential) -> str:
    if held.valid_from is None and held.valid_until is None:
        return f"{held.format}:{held.hash}"
    return f"{held.format}:{held.hash}@{_written(held.valid_from)}/{_written(held.valid_until)}"
