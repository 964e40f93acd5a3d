"""The template of the GAStech headquarters: see `examples/gastech/README.md` for where it comes from."""

import csv
import re
from pathlib import Path

from domain.directory import Directory, Person


def build_directory(employees_csv: Path) -> Directory:
    """Return the persons of an employees file, in its order.

    A person's id is the first initial and the last name, lower case, letters only: what their cards are
    named by, less the card's three digits.

    Raises:
        ValueError: two employees have one id.
    """
    persons: dict[str, Person] = {}
    with employees_csv.open(encoding="utf-8", newline="") as file:
        for employee in csv.DictReader(file):
            name = re.sub("[^a-z]", "", (employee["first_name"][:1] + employee["last_name"]).lower())
            if name in persons:
                raise ValueError(f"two employees are {name!r}; tell them apart by hand")
            persons[name] = Person(id=name, department=employee["department"])
    return Directory(persons=tuple(persons.values()))
