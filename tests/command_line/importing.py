"""Files of a few rows, and their import."""

from pathlib import Path

from tests.command_line.calling import answer, limen

HEADER = "timestamp,type,prox-id,floor,zone"
GOOD = "2016-05-31 08:00:00,fixed-prox,earpa001,1,1"


def import_given(home: Path, content: bytes | str, exit_code: int = 0) -> dict[str, int]:
    """Import a file of this content; every row of it is accepted, known already or set aside."""
    file = home.parent / "given.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    if exit_code:
        limen("import", file, "--source", "prox", home=home, exit_code=exit_code)
        return {}
    fed: dict[str, int] = answer("import", file, "--source", "prox", home=home)
    assert fed["read"] == fed["accepted"] + fed["duplicates"] + fed["quarantined"]
    return fed
