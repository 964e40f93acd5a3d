"""Numbered migrations: one SQL object per file, each run once, in order, and recorded.

A file is one statement that may be run again (`IF NOT EXISTS`, `OR REPLACE`): a process killed before it
recorded what it ran runs that again next time. A released file is never changed; a change is a new file. The
files are plain SQL for one server; what they become on a cluster is in `projections.cluster`.

The views in `pub` read with the rights of who made them: whoever may read those needs none on the tables.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from projections.cluster import on_cluster, quoted
from projections.errors import HistoryError

if TYPE_CHECKING:
    from projections.client import History

_FOLDER: Final = Path(__file__).parent / "migrations"
_RECORD: Final = """
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32, name String, digest String, applied_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""

_PUBLISHED: Final = re.compile(r"^CREATE OR REPLACE VIEW (pub\.\w+)", re.M)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name and statement, and the statement's digest."""

    number: int
    name: str
    statement: str
    digest: str

    def statements(self, cluster: str | None = None) -> list[str]:
        """Return what to run: the file's statement, or what it becomes on a cluster of this name."""
        return [self.statement] if cluster is None else on_cluster(self.statement, cluster)


def migrations() -> list[Migration]:
    """Return the migrations of this version, in order."""
    found = []
    for path in sorted(_FOLDER.glob("*.sql")):
        number, _, name = path.stem.partition("_")
        statement = path.read_text("utf-8")
        digest = hashlib.blake2b(statement.encode(), digest_size=16).hexdigest()
        found.append(Migration(int(number), name, statement, digest))
    return found


def ddl(cluster: str | None = None) -> str:
    """Return everything that `migrate` runs on an empty history, as one text of SQL."""
    database = "CREATE DATABASE IF NOT EXISTS limen" + (f" ON CLUSTER {quoted(cluster)}" if cluster else "")
    statements = [database, "USE limen", *_record(cluster)]
    for migration in migrations():
        statements += migration.statements(cluster)
    published = {view for migration in migrations() for view in _PUBLISHED.findall(migration.statement)}
    for view in sorted(published):
        statements += _publish(view, cluster)
    return "\n\n".join(f"{statement.strip()};" for statement in statements) + "\n"


def migrate(history: "History") -> list[str]:
    """Run the migrations that have not been run; return their names. Let the views in `pub` be read.

    Raises:
        HistoryError: the history was made by another version: a migration is unknown here, or differs.
    """
    for statement in _record(history.cluster):
        history.run(statement)
    applied = {
        row["number"]: row for row in history.rows("SELECT number, name, digest FROM migrations FINAL")
    }
    known = migrations()
    unknown = sorted(applied.keys() - {migration.number for migration in known})
    if unknown:
        raise HistoryError(
            f"the history {history.at} has migration {unknown[0]} ({applied[unknown[0]]['name']}), "
            "which this version does not know: it was written by a newer version; use that one"
        )
    run = []
    for migration in known:
        if migration.number in applied:
            if applied[migration.number]["digest"] != migration.digest:
                raise HistoryError(
                    f"migration {migration.number} ({migration.name}) was run on the history {history.at} in "
                    "another form than this version's: use the version that wrote it, or remove the history: "
                    "it is filled again from the log"
                )
            continue
        for statement in migration.statements(history.cluster):
            history.run(statement)
        run.append(migration)
    if run:
        # All at once: a process killed before this runs them again.
        ran = ", ".join(f"({one.number}, '{one.name}', '{one.digest}')" for one in run)
        history.run(f"INSERT INTO migrations (number, name, digest) VALUES {ran}")
    for row in history.rows(
        "SELECT name FROM system.tables WHERE database = 'pub' AND engine = 'View' "
        "AND position(create_table_query, 'SQL SECURITY DEFINER') = 0"
    ):
        for statement in _publish(f"pub.{row['name']}", history.cluster):
            history.run(statement)
    return [migration.name for migration in run]


def _publish(view: str, cluster: str | None) -> list[str]:
    statement = f"ALTER TABLE {view} MODIFY SQL SECURITY DEFINER DEFINER = CURRENT_USER"
    return [statement] if cluster is None else on_cluster(statement, cluster)


def _record(cluster: str | None) -> list[str]:
    return [_RECORD] if cluster is None else on_cluster(_RECORD, cluster)
