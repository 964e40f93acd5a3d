"""The dashboards' user on a server.

No server was at hand. The embedded engine parses every statement; it makes no users, so what the statements
grant and bound is written into its own list of users, and asked of it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from infra.cli import app
from projections.client import DATABASE, History
from projections.errors import HistoryError
from projections.gateway.limits import Limits
from projections.gateway.server import READER
from projections.gateway.session import _LOWERED, _READERS_SETTINGS
from projections.reader import make_reader, reader_sql
from projections.schema import ddl
from tests.history_fixture import history

__all__ = ["history"]

PROFILE, ROLE, GRANT, USER = reader_sql()
MADE_BY: Final = "limen"
ENGINE: Final = """
import json, sys
import chdb
engine = chdb.connect(sys.argv[1])
said = []
for statement in json.load(sys.stdin):
    try:
        said.append(engine.query(statement, "TSVRaw").bytes().decode())
    except Exception as error:
        said.append(f"refused: {error}")
json.dump(said, sys.stdout)
"""


def settings() -> dict[str, tuple[str | None, str | None, bool]]:
    """Return what the profile says of each setting: its value, its most, and whether it may be set."""
    one = re.compile(r"^    (\w+)(?: = '?(\w+)'?)?(?: MIN 1 MAX (\d+))?( CHANGEABLE_IN_READONLY)?,?$", re.M)
    found = one.findall(PROFILE)
    assert len(found) == PROFILE.count("\n    "), "a line of another form"
    return {name: (value or None, most or None, bool(may)) for name, value, most, may in found}


def test_every_statement_parses(history: History) -> None:
    """The engine's parser takes all of them, on a cluster each once ON CLUSTER."""
    for cluster, times in ((None, 0), ("city", 1)):
        for statement in reader_sql(cluster):
            assert history.rows(f"EXPLAIN AST {statement}", {"password": "it's"}), statement
            assert statement.count("ON CLUSTER 'city'") == times, statement


def test_the_bounds_are_those_of_the_gateways_reader() -> None:
    """Both readers have the same name, the same bounds, and may set the same."""
    said, limits = settings(), Limits()
    bounds = {
        "max_execution_time": f"{limits.seconds:g}",
        "max_memory_usage": str(limits.memory_bytes),
        "max_result_rows": str(limits.rows),
        "max_result_bytes": str(limits.bytes),
    }
    assert {name for name, (_, _, may_set) in said.items() if may_set} == _READERS_SETTINGS | _LOWERED
    for name, bound in bounds.items():
        assert said[name] == (bound, bound, True)
    assert said["readonly"] == ("1", None, False)
    assert said["max_memory_usage_for_user"][0] == str(limits.running * limits.memory_bytes)
    assert re.findall(r"CREATE USER OR REPLACE (\w+)", USER) == [READER]
    profile, role = (re.findall(rf"CREATE {what} (\w+)", text)[0] for what, text in (
        ("SETTINGS PROFILE OR REPLACE", PROFILE), ("ROLE IF NOT EXISTS", ROLE),
    ))  # fmt: skip
    assert f"SETTINGS PROFILE '{profile}'" in ROLE
    assert f" TO {role} " in GRANT
    assert f"DEFAULT ROLE {role} " in USER


def test_what_the_reader_may(tmp_path: Path) -> None:
    """Every view of `pub` answers, nothing behind them does, nothing is written, no bound can be set."""
    views = sorted(set(re.findall(r"VIEW (pub\.\w+)", ddl())))
    made = [one for one in re.split(r";\n+", ddl()) if one]
    made += [f"ALTER TABLE {view} MODIFY SQL SECURITY DEFINER DEFINER = {MADE_BY}" for view in views]
    assert not [said for said in _ask(tmp_path, "", "", made) if said.startswith("refused")]
    (grant,) = re.findall(r"^GRANT .* ON \S+", GRANT, re.M)
    values = {name: value for name, (value, _, _) in settings().items() if value}
    profile = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())

    def ask(*statements: str) -> list[str]:
        return _ask(tmp_path, f"<grants><query>{grant}</query></grants>", profile, list(statements))

    assert ask(*(f"SELECT count() FROM {view}" for view in views)) == ["0\n"] * len(views)
    names = ", ".join(f"toString(getSetting('{name}'))" for name in values)
    (said,) = ask(f"SELECT {names}")
    assert said.split() == list(values.values())
    refused = [
        *(f"SELECT count() FROM {DATABASE}.{table}" for table in ("signals", "events", "visits", "audit")),
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1', limen.events)",
        "SELECT * FROM merge('limen', '.*')",
        "INSERT INTO limen.committed VALUES ('signals', 0, 1)",
        "CREATE TABLE pub.x (a UInt8) ENGINE = Memory",
        "CREATE USER me",
        "DROP TABLE pub.alerts",
        "SET max_execution_time = 1000",
        "SELECT 1 SETTINGS max_execution_time = 1000",
        "SET readonly = 0",
    ]
    for statement, said in zip(refused, ask(*refused), strict=True):
        assert re.search("ACCESS_DENIED|READONLY|There are no tables", said), (statement, said)


def _ask(folder: Path, grants: str, profile: str, statements: list[str]) -> list[str]:
    """Return what the engine says to the one user there is, with these grants (none: all) and settings."""
    rights = "<access_management>1</access_management>"
    user = (
        "<password></password><networks><ip>::/0</ip></networks><quota>default</quota><profile>{}</profile>{}"
    )
    (folder / "users.xml").write_text(
        f"<clickhouse><users><default>{user.format('reader', grants or rights)}</default>"
        f"<{MADE_BY}>{user.format('default', rights)}</{MADE_BY}></users>"
        f"<profiles><default/><reader>{profile}</reader></profiles><quotas><default/></quotas></clickhouse>"
    )
    (folder / "config.xml").write_text(
        "<clickhouse><logger><level>none</level><console>0</console></logger>"
        f"<users_config>{folder / 'users.xml'}</users_config></clickhouse>"
    )
    done = subprocess.run(
        [sys.executable, "-c", ENGINE, f"{folder / 'history'}?config-file={folder / 'config.xml'}"],
        input=json.dumps(statements), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


def test_the_password_is_a_text_of_the_statement(history: History) -> None:
    """It is quoted, where it was left open; as a parameter it would stand in a request's address."""
    *others, user = reader_sql(password="it's")
    assert (others, user) == ([PROFILE, ROLE, GRANT], USER.replace("{password:String}", r"'it\'s'"))
    assert history.rows(f"EXPLAIN AST {user}")


def test_an_engine_without_users_says_so(history: History) -> None:
    """What is no server refuses, and the error is one sentence."""
    with pytest.raises(HistoryError, match="the history refused a statement"):
        make_reader(history, "x")


def test_the_command_prints_what_it_would_run(tmp_path: Path) -> None:
    """`--print` needs no server and shows no password; without a password nothing is tried."""
    asked = ["history", "reader", "--home", str(tmp_path)]
    printed = CliRunner().invoke(app, [*asked, "--print"], env={"LIMEN_CLICKHOUSE_READER_PASSWORD": "secret"})
    assert printed.stdout.count(";\n") == len(reader_sql())
    assert "secret" not in printed.stdout
    nobody = CliRunner().invoke(app, asked, env={"LIMEN_CLICKHOUSE_READER_PASSWORD": ""})
    assert nobody.exit_code
    assert "LIMEN_CLICKHOUSE_READER_PASSWORD" in str(nobody.exception)
