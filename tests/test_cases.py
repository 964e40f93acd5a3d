"""Cases are kept alike in SQLite and in PostgreSQL."""

from pathlib import Path

import pytest

from infra.command_side.cases import Cases
from infra.command_side.errors import CommandSideUnavailable
from infra.command_side.storage import PostgresStorage, SqliteStorage
from tests.cases_contract import ALERT, MONDAY, CasesContract, PlainLog, relay, site_of
from tests.postgres_fixture import PostgresSchema


class TestSqlite(CasesContract):
    """In a file."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> SqliteStorage:
        """A file that is not there."""
        return SqliteStorage(tmp_path / "cases.sqlite")


class TestPostgres(CasesContract):
    """In a schema of a real server."""

    @pytest.fixture
    def storage(self, postgres: PostgresSchema) -> PostgresStorage:
        """A schema that is not there."""
        return PostgresStorage(postgres.settings)


def test_a_file_that_is_something_else_is_said(tmp_path: Path) -> None:
    """A file that is no database is an error that names it, and is left as it is."""
    path = tmp_path / "cases.sqlite"
    path.write_text("these are notes of somebody's, and no database at all\n" * 100)
    before = path.read_bytes()
    with pytest.raises(CommandSideUnavailable, match=r"cases\.sqlite"):
        Cases(SqliteStorage(path), site_of)
    assert path.read_bytes() == before


def test_the_environment_of_the_process_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables by which other programs configure `eventsourcing` change nothing here."""
    monkeypatch.setenv("CASES_PERSISTENCE_MODULE", "nowhere.to.be.found")
    monkeypatch.setenv("COMPRESSOR_TOPIC", "zlib")
    with Cases(SqliteStorage(tmp_path / "cases.sqlite"), site_of) as cases:
        assert cases.acknowledge(ALERT, by="ann", at=MONDAY).version == 2


def test_a_server_that_is_away_is_said_at_once(postgres: PostgresSchema) -> None:
    """At the start and later: an error that names the server; when it is back, so are the decisions."""
    storage = PostgresStorage(postgres.settings)
    with Cases(storage, site_of) as cases:
        cases.acknowledge(ALERT, by="ann", at=MONDAY)
        log = PlainLog()
        postgres.server.stop()
        with pytest.raises(CommandSideUnavailable, match=r"PostgreSQL at .*is it running"):
            cases.add_note(ALERT, by="bob", at=MONDAY, note="hello")
        with pytest.raises(CommandSideUnavailable):
            relay(cases, log).run()
        with pytest.raises(CommandSideUnavailable):
            Cases(storage, site_of)
        postgres.server.start()
        assert relay(cases, log).run() == 1
        assert cases.add_note(ALERT, by="bob", at=MONDAY, note="hello").version == 3


def test_a_wrong_password_is_said_and_not_told(postgres: PostgresSchema, tmp_path: Path) -> None:
    """A password that does not fit is an error without the password in it; a file may hold the right one."""
    wrong = postgres.settings.model_copy(update={"password": "swordfish"})
    with pytest.raises(CommandSideUnavailable, match="password") as caught:
        Cases(PostgresStorage(wrong), site_of)
    assert "swordfish" not in str(caught.value)
    file = tmp_path / "password"
    file.write_text(f"{postgres.server.password}\n")
    right = postgres.settings.model_copy(update={"password": None, "password_file": file})
    with Cases(PostgresStorage(right), site_of) as cases:
        assert cases.find(ALERT) is None
