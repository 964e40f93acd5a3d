"""What people read is said in the home's language; what programs read never changes."""

import ast
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from detectors.registry import DETECTORS
from domain.site import Site
from domain.vocabulary import (
    Action,
    Basis,
    CaseStatus,
    Category,
    Decision,
    Resolution,
    Severity,
    Topic,
)
from infra.answers.placing import place
from infra.chinese import NAMES, SENTENCES
from infra.failure import WrongUse
from infra.home import OpenHome
from infra.invalid_settings import InvalidSettings
from infra.language import Language
from infra.rendering import bars, fields, table
from infra.site_file import load_site
from infra.summary import _MEANINGS
from streams.quarantine import RejectionReason, Status
from tests.command_line.calling import on_terminal

INFRA = Path(str(resources.files("infra")))
CAMPUS = INFRA / "templates" / "campus" / "site.yaml"
_HEADED = {"table": 1, "fields": 1}
"""Functions whose argument at this place holds headings."""


@pytest.fixture(scope="module")
def site() -> Site:
    """Return the campus."""
    return load_site(CAMPUS)


def _strings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Dict):
        for key in node.keys:
            yield from _strings(key) if key else ()
    else:
        for inside in ast.walk(node):
            if isinstance(inside, ast.Constant) and isinstance(inside.value, str):
                yield inside.value


def _said() -> set[str]:
    """Return every sentence and heading in the sources that is looked up in a language."""
    found = set(_MEANINGS.values())
    for path in INFRA.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in ("say", "sentence") and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
            elif name in _HEADED and len(node.args) > 1 and isinstance(node.args[1], ast.Dict | ast.Tuple):
                found.update(_strings(node.args[1]))
    return found - {"", "-"}


def _looked_up_by_name() -> list[str]:
    """Return what is looked up in a language and is not written where it is looked up."""
    found = []
    for path in INFRA.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="say" | "sentence") | ast.Name(id="sentence"), args=[words, *_]
                ):
                    literal = isinstance(words, ast.Constant)
                    found += [] if literal else [f"{path.relative_to(INFRA)}: {ast.unparse(words)}"]
    return found


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_sentence_has_its_chinese() -> None:
    """Nothing that is shown stays English by oversight."""
    said = _said()
    assert len(said) > 60
    assert sorted(said - set(SENTENCES)) == [], "add them to infra/chinese.py"


def test_sentences_are_written_where_they_are_said() -> None:
    """But for what is found elsewhere (headings, meanings, `sentence`), one in a variable would be missed."""
    headings_and_meanings = [
        "language.py: words.english",
        "rendering.py: name",
        "rendering.py: name",
        "summary.py: _MEANINGS.get(rule, '-')",
    ]
    assert sorted(_looked_up_by_name()) == headings_and_meanings


@pytest.mark.parametrize("english", SENTENCES)
def test_a_translation_fills_in_the_same_values(english: str) -> None:
    """A sentence in Chinese leaves nothing out and asks for nothing more."""
    assert _fields(SENTENCES[english]) == _fields(english)


@pytest.mark.parametrize(
    ("vocabulary", "members"),
    [
        ("rule", list(DETECTORS)),
        ("topic", list(Topic)),
        ("basis", list(Basis)),
        ("severity", list(Severity)),
        ("category", list(Category)),
        ("action", list(Action)),
        ("rejection", list(RejectionReason)),
        ("entry", list(Status)),
        ("status", ["open", "cleared"]),
        ("case", list(CaseStatus)),
        ("decision", list(Decision)),
        ("resolution", list(Resolution)),
        ("verdict", ["ok", "warn", "fail"]),
    ],
)
def test_every_identifier_has_a_name(vocabulary: str, members: list[str]) -> None:
    """Each member of a vocabulary has one Chinese name, and no name is of something that is not there."""
    assert set(NAMES[vocabulary]) == set(map(str, members))
    chinese = Language("zh")
    assert all(chinese.name(vocabulary, member) == NAMES[vocabulary][member] for member in members)
    assert all(Language("en").name(vocabulary, member) == member for member in members)


def test_every_rule_says_what_it_means() -> None:
    """The summary explains each rule there is."""
    assert set(_MEANINGS) == set(DETECTORS)


def test_places_have_the_names_that_people_gave_them(site: Site) -> None:
    """The label in the language, else the English one; a place without any has none."""
    english, chinese = Language("en", site), Language("zh", site)
    assert (english.zone("canteen"), chinese.zone("canteen")) == ("Canteen", "食堂")
    assert chinese.point("door-vault") == "金库门"
    assert chinese.place(None, "door-vault") == ("door-vault", "金库门")
    assert chinese.zone("outside") == "站点之外"
    assert chinese.zone("nowhere") == chinese.zone(None) == Language("zh").zone("canteen") == ""


def test_moments_are_written_as_people_do() -> None:
    """Day of the week and date in the language, in the zone of the time given."""
    at = "2016-06-02T14:00:00+03:00"
    assert Language("en").moment(at) == "Thursday 2 June 2016, 14:00"
    assert Language("zh").moment(at) == "2016年6月2日 周四 14:00"


def test_the_environment_and_the_home_choose_the_language(tmp_path: Path) -> None:
    """limen.toml says it, the environment overrides it, and a language that is not there is an error."""
    assert Language.of(tmp_path, {}).code == "en"
    (tmp_path / "limen.toml").write_text('language = "zh"\n')
    assert Language.of(tmp_path, {}).code == "zh"
    assert Language.of(tmp_path, {"LIMEN_LANGUAGE": "en"}).code == "en"
    with pytest.raises(InvalidSettings):
        Language.of(tmp_path, {"LIMEN_LANGUAGE": "fr"})


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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a small simulated day."""
    made = tmp_path_factory.mktemp("language") / "home"
    _limen("init", "--template", "campus", "--home", made)
    _limen("simulate", "--into", made, "--persons", 30, "--seed", 3)
    return made


def _limen(*arguments: object, language: str = "en", exit_code: int = 0) -> str:
    environment = {**os.environ, "LIMEN_LANGUAGE": language, "PYTHONPATH": str(INFRA.parent)}
    command = [sys.executable, "-m", "infra.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == exit_code, (done.stdout, done.stderr)
    return done.stdout


@pytest.mark.parametrize(
    "asked",
    [
        ("occupancy", "--at", "2026-03-02T11:00"),
        ("visits",),
        ("alerts",),
        ("status",),
        ("quarantine", "list"),
        ("verify",),
        ("replay",),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_answers_follow_the_language_and_json_does_not(home: Path, asked: tuple[str, ...]) -> None:
    """A table in Chinese has Chinese headings and no English one; the JSON is the same in both."""
    table_shown = _limen(*asked, "--home", home, language="zh")
    heading = table_shown.splitlines()[0]
    assert re.search(r"[\u4e00-\u9fff]", heading), table_shown
    headings = {english for english in SENTENCES if english.isalpha()}
    assert not headings & set(heading.split()), heading
    english, chinese = (_limen(*asked, "--home", home, "--json", language=code) for code in ("en", "zh"))
    told = [
        {**one, "bytes": 0} if asked == ("status",) else one for one in map(json.loads, (english, chinese))
    ]
    if asked != ("doctor",):  # which tells the time
        assert told[0] == told[1]
    assert not re.search(r"[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize(("language", "columns"), [("en", 80), ("zh", 80), ("en", 100), ("zh", 160)])
def test_ways_are_whole_however_narrow_the_terminal(home: Path, language: str, columns: int) -> None:
    """A way that has no room beside its visit stands under it, broken between words, and nothing is cut."""
    visits = json.loads(_limen("visits", "--home", home, "--json"))
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
    piped = _limen("visits", "--home", home, language=language)
    assert [line.endswith(way) for line, way in zip(piped.splitlines()[1:], ways, strict=False)] == [
        True
    ] * len(ways)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_narrow_trace_has_the_ids_of_its_places(home: Path, language: str) -> None:
    """On 80 columns the names stand below, and every id is whole."""
    asked = ("trace", "--person", "employee-00007", "--purpose", "a test")
    entries = json.loads(_limen(*asked, "--home", home, "--json"))
    places = {entry.get("zone") or entry.get("point") for entry in entries} - {None}
    assert len(places) > 3
    lines = on_terminal(*asked, home=home, language=language).splitlines()
    assert places <= {word for line in lines[1:-1] for word in line.split()}
    assert not any("…" in line for line in lines)
    assert {"en": "plaza Plaza", "zh": "plaza 广场"}[language] in lines[-1].split(" · ")


def test_the_doctor_speaks_chinese(home: Path, tmp_path: Path) -> None:
    """Details and remedies are Chinese, but for paths, versions, commands and errors; JSON stays English."""
    told = _limen("doctor", "--home", home, language="zh")
    for said in ("可写", "可用", "无进程占用", "条信号", "未超出日志", "可以联系到运行中的进程"):
        assert said in told, told
    assert not re.search(r"signals|can be used|nobody|commands|GiB free", told), told
    assert "没有 home" in _limen("doctor", "--home", tmp_path, language="zh")
    details = [finding["detail"] for finding in json.loads(_limen("doctor", "--home", home, "--json"))]
    assert "can be used" in details


def test_place_puts_somebody_somewhere(home: Path) -> None:
    """A person placed by hand is there at once; the order is in the log, with why and by whom."""
    person, at = "employee-00007", ("--at", "2026-03-04T10:00")
    placed = ("place", "--person", person, "--home", home, "--purpose", "seen in the vault", *at)
    answer = json.loads(_limen(*placed, "--zone", "vault", "--json"))
    assert (answer["accepted"], answer["reason"], answer["zone"]) == (True, None, "vault")
    told = [json.loads(line) for line in _limen("events", "--home", home).splitlines()]
    topics = [event["topic"] for event in told if event["id"] in answer["events"]]
    assert topics == ["visit.started", "zone.entered"] or "zone.entered" in topics
    occupancy = json.loads(_limen("occupancy", *at, "--home", home, "--json"))
    vault = next(zone for zone in occupancy["zones"] if zone["zone"] == "vault")
    assert (vault["count"], vault["low"], vault["high"]) == (1, 1, 1)
    lines = _limen("signals", "--category", "control", "--home", home).splitlines()
    order = json.loads(lines[-1])
    assert (order["action"], order["person"]) == ("placed", person)
    assert order["data"]["purpose"] == "seen in the vault"
    assert order["data"]["by"]
    assert "金库" in _limen(*placed, "--zone", "vault", language="zh")
    out = json.loads(_limen(*placed, "--zone", "outside", "--json"))
    assert (out["accepted"], out["zone"]) == (True, None)
    assert json.loads(_limen("replay", "--home", home, "--json"))["identical"]


@pytest.mark.parametrize(
    ("changed", "reason", "recorded"),
    [
        ({"--zone": "cellar"}, "no zone of the site", True),
        ({"--person": "nobody-at-all"}, "nobody knows", False),
        ({"--at": "2026-03-02T00:30"}, "more is known", False),
    ],
)
def test_place_says_why_not(home: Path, changed: dict[str, str], reason: str, recorded: bool) -> None:
    """What cannot be is refused with a reason and exit code 1; what the engine refuses is an event."""
    options = {
        "--person": "employee-00009",
        "--zone": "vault",
        "--at": "2026-03-05T10:00",
        "--purpose": "a test",
        "--home": str(home),
    } | changed
    words = [word for pair in options.items() for word in pair]
    answer = json.loads(_limen("place", *words, "--json", exit_code=1))
    assert not answer["accepted"]
    assert reason in answer["reason"]
    assert bool(answer["events"]) == recorded
    assert reason in _limen("place", *words, exit_code=1)


def test_place_is_used_wrongly(home: Path) -> None:
    """No purpose, and a time that has not come or is before any reading, are wrong use, and nowhere."""
    who = ("place", "--person", "employee-00009", "--zone", "vault", "--home", home, "--purpose")
    _limen(*who, " ", exit_code=2)
    before = _known(home)
    for wrong in ("2999-01-01T00:00", "1999-12-31T23:59", "0001-06-01T00:00"):
        _limen(*who, "a test", "--at", wrong, exit_code=2)
    assert _known(home) == before


def test_a_log_ahead_of_the_clock_is_no_time_to_place_somebody(tmp_path: Path) -> None:
    """Without --at it would happen at the log's time, which has not come; the message says so."""
    home = tmp_path / "home"
    _limen("init", "--template", "campus", "--home", home)
    days = ("--persons", "5", "--days", "1", "--seed", "1", "--start", "2100-03-01")
    _limen("simulate", *days, "--into", home)
    who = {"person": "employee-00001", "zone": "vault", "purpose": "a test", "user": "a test"}
    with OpenHome(home) as opened, pytest.raises(WrongUse, match=r"log's time, 2100-03-0.*say when it was"):
        place(opened, at=None, **who)


def _known(home: Path) -> dict[str, Any]:
    """Return what `status` says but for the sizes: the history tidies its files up whenever it likes."""
    answer: dict[str, Any] = json.loads(_limen("status", "--json", "--home", home))
    del answer["bytes"]
    return answer


def test_place_is_decided_by_the_process_that_runs(home: Path) -> None:
    """While `run` owns the home, it is the one that places; the answer has the same shape."""
    command = [sys.executable, "-m", "infra.cli", "run", "--home", str(home), "--for-seconds", "60"]
    environment = {**os.environ, "PYTHONPATH": str(INFRA.parent)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr
        try:
            assert any('"running"' in line for line in process.stderr), "it never said that it runs"
            who = ("--person", "employee-00011", "--purpose", "a test", "--home", home, "--json")
            answer = json.loads(_limen("place", *who, "--zone", "vault"))
            assert answer["accepted"]
            assert answer["events"]
        finally:
            process.terminate()


def test_settings_that_cannot_be_read_are_said_and_the_answer_is_english(tmp_path: Path) -> None:
    """An answer is not lost because its language is not known."""
    (tmp_path / "limen.toml").write_text('language = "latin"\n')
    command = [sys.executable, "-m", "infra.cli", "doctor", "--home", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(INFRA.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "limen.toml:1" in done.stderr
    assert "shown in English" in done.stderr
    assert "python" in done.stdout
