"""Tables, bars and ways align and are whole, however wide the characters and narrow the terminal."""

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from domain.site import Site
from infra.language import Language
from infra.rendering import bars, fields, table
from tests.command_line.calling import on_terminal
from tests.language.calling import limen


def test_wide_characters_align(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns begin at the same cell in every line, whether its characters are wide or not."""
    chinese = Language("zh", site)
    table(chinese, ("rule", "when"), [("漏登", "X1"), ("anti_passback", "X2"), ("强行开门", "X3")])
    lines = capsys.readouterr().out.splitlines()
    assert len({cell_len(line[: line.index("X")]) for line in lines[1:]}) == 1
    zones = [{"zone": zone, "count": 3, "low": 1, "high": 4} for zone in ("office-201", "vault")]
    bars(chinese, "title", zones)
    lines = [line for line in capsys.readouterr().out.splitlines() if "1–4" in line]
    assert len({cell_len(line[: line.index("█")]) for line in lines}) == 1


def test_bars_show_what_is_sure_and_what_may_be(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody is always seen; zones that hold others have no bar; nobody at all is said in words."""
    zones = [
        {"zone": "main", "count": 81, "low": 81, "high": 81},
        {"zone": "canteen", "count": 80, "low": 80, "high": 80},
        {"zone": "vault", "count": 1, "low": 0, "high": 2},
    ]
    bars(Language("en", site), "title", zones)
    _, _, main, canteen, vault, _ = capsys.readouterr().out.splitlines()
    assert main.split() == ["main", "Main", "building", "81", "81–81"]
    assert canteen.endswith("█" * 32)
    assert vault.endswith(" 0–2  █░")
    bars(Language("en", site), "title", [{"zone": "vault", "count": 0, "low": 0, "high": 0}])
    assert capsys.readouterr().out == "title\nnobody was on site\n"


def test_tables_speak_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers are grouped and to the right, what is unknown is a dash, and nothing is said kindly."""
    table(Language(), ("zone", "signals"), [("a", 1_234), ("b", 5)])
    assert capsys.readouterr().out.splitlines() == ["zone  signals", "a       1,234", "b           5"]
    table(Language("zh"), ("zone",), [], nothing="无")
    assert capsys.readouterr().out == "无\n"
    fields(Language("zh"), {"running": True, "log's time": None, "site": "2016-06-02T14:00:00+03:00"})
    assert capsys.readouterr().out.splitlines() == [
        "运行中    是",
        "日志时间  -",
        "站点      2016-06-02 14:00:00",
    ]


@pytest.mark.parametrize(("language", "columns"), [("en", 80), ("zh", 80), ("en", 100), ("zh", 160)])
def test_ways_are_whole_however_narrow_the_terminal(home: Path, language: str, columns: int) -> None:
    """A way that has no room beside its visit stands under it, broken between words, and nothing is cut."""
    visits = json.loads(limen("visits", "--home", home, "--json"))
    ways = [" → ".join(step["zone"] for step in visit["steps"]) for visit in visits]
    assert max(map(len, ways)) > 200
    shown = on_terminal("visits", home=home, columns=columns, language=language)
    assert "…" not in shown
    lines = shown.splitlines()[:-1]  # without what the zones are called
    assert max(map(cell_len, lines)) <= columns
    words = " ".join(shown.split())
    for visit, way in zip(visits, ways, strict=True):
        assert visit["started_at"][:19].replace("T", " ") in words
        assert f" {way} " in words
    piped = limen("visits", "--home", home, language=language)
    assert [line.endswith(way) for line, way in zip(piped.splitlines()[1:], ways, strict=False)] == [
        True
    ] * len(ways)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_narrow_trace_has_the_ids_of_its_places(home: Path, language: str) -> None:
    """On 80 columns the names stand below, and every id is whole."""
    asked = ("trace", "--person", "employee-00007", "--purpose", "a test")
    entries = json.loads(limen(*asked, "--home", home, "--json"))
    places = {entry.get("zone") or entry.get("point") for entry in entries} - {None}
    assert len(places) > 3
    lines = on_terminal(*asked, home=home, language=language).splitlines()
    assert places <= {word for line in lines[1:-1] for word in line.split()}
    assert not any("…" in line for line in lines)
    assert {"en": "plaza Plaza", "zh": "plaza 广场"}[language] in lines[-1].split(" · ")
