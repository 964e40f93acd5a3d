"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_HOME: Final = Path("limen-home")
LARGEST: Final = 10**12
"""No number in a log or a quarantine comes near it, and SQLite can count so far."""

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="LIMEN_HOME", metavar="DIR", help="Folder of the site.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
KafkaOption = Annotated[
    bool,
    typer.Option("--kafka", help="What Kafka holds of all sites, as limen.toml names it; not the home's."),
]
PartitionOption = Annotated[
    int | None, typer.Option("--partition", help="With --kafka, only this partition.")
]
PersonOption = Annotated[str | None, typer.Option("--person", help="Only this person.")]
ZoneOption = Annotated[str | None, typer.Option("--zone", help="Only this zone.")]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="From this time on, such as 2016-06-02T10:30."),
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this time.")]
OffsetOption = Annotated[
    int, typer.Option("--from-offset", min=0, max=LARGEST, help="Begin at this place in the log.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many.")]
