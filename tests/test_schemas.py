"""The JSON schemas in `docs/schema` are those of the code."""

import json
from pathlib import Path

import pytest

from infra.schemas import SCHEMAS, main, schema_text, write_schemas

FOLDER = Path(__file__).parents[1] / "docs/schema"


@pytest.mark.parametrize("name", SCHEMAS)
def test_committed_schema_is_up_to_date(name: str) -> None:
    """A changed model comes with its schema: run `python -m infra.schemas docs/schema`."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == schema_text(name)


def test_no_schema_is_left_over() -> None:
    """Every file in the folder is the schema of something."""
    assert {path.stem for path in FOLDER.iterdir()} == set(SCHEMAS)


def test_schemas_are_written_where_asked(tmp_path: Path) -> None:
    """Only the named schemas are written."""
    write_schemas(tmp_path / "schema", ["site"])
    (path,) = (tmp_path / "schema").iterdir()
    assert json.loads(path.read_text())["properties"]["zones"]["type"] == "array"


def test_signal_schema_is_of_the_envelope() -> None:
    """A signal's schema names what the envelope must have, and ours inside it."""
    schema = json.loads(schema_text("signal"))
    assert "dataschema" in schema["required"]
    assert "category" in schema["$defs"]["Signal"]["properties"]


def test_help_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option is no folder's name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["schemas", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, list(tmp_path.iterdir())) == (0, [])
