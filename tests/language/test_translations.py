"""Every sentence, identifier and place has its words in every language."""

import ast
import string
from collections.abc import Iterator

import pytest

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
from infra.chinese import NAMES, SENTENCES
from infra.language import Language
from infra.summary import _MEANINGS
from streams.quarantine import RejectionReason, Status
from tests.language.calling import INFRA

_HEADED = {"table": 1, "fields": 1}
"""Functions whose argument at this place holds headings."""


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
