"""The home or the environment chooses the language: answers follow it, and JSON does not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.chinese import SENTENCES
from infra.invalid_settings import InvalidSettings
from infra.language import Language
from tests.language.calling import INFRA, limen


def test_the_environment_and_the_home_choose_the_language(tmp_path: Path) -> None:
    """limen.toml says it, the environment overrides it, and a language that is not there is an error."""
    assert Language.of(tmp_path, {}).code == "en"
    (tmp_path / "limen.toml").write_text('language = "zh"\n')
    assert Language.of(tmp_path, {}).code == "zh"
    assert Language.of(tmp_path, {"LIMEN_LANGUAGE": "en"}).code == "en"
    with pytest.raises(InvalidSettings):
        Language.of(tmp_path, {"LIMEN_LANGUAGE": "fr"})


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
    table_shown = limen(*asked, "--home", home, language="zh")
    heading = table_shown.splitlines()[0]
    assert re.search(r"[\u4e00-\u9fff]", heading), table_shown
    headings = {english for english in SENTENCES if english.isalpha()}
    assert not headings & set(heading.split()), heading
    english, chinese = (limen(*asked, "--home", home, "--json", language=code) for code in ("en", "zh"))
    told = [
        {**one, "bytes": 0} if asked == ("status",) else one for one in map(json.loads, (english, chinese))
    ]
    if asked != ("doctor",):  # which tells the time
        assert told[0] == told[1]
    assert not re.search(r"[\u4e00-\u9fff]", chinese)


def test_the_doctor_speaks_chinese(home: Path, tmp_path: Path) -> None:
    """Details and remedies are Chinese, but for paths, versions, commands and errors; JSON stays English."""
    told = limen("doctor", "--home", home, language="zh")
    for said in ("可写", "可用", "无进程占用", "条信号", "未超出日志", "可以联系到运行中的进程"):
        assert said in told, told
    assert not re.search(r"signals|can be used|nobody|commands|GiB free", told), told
    assert "没有 home" in limen("doctor", "--home", tmp_path, language="zh")
    details = [finding["detail"] for finding in json.loads(limen("doctor", "--home", home, "--json"))]
    assert "can be used" in details


def test_settings_that_cannot_be_read_are_said_and_the_answer_is_english(tmp_path: Path) -> None:
    """An answer is not lost because its language is not known."""
    (tmp_path / "limen.toml").write_text('language = "latin"\n')
    command = [sys.executable, "-m", "infra.cli", "doctor", "--home", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(INFRA.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "limen.toml:1" in done.stderr
    assert "shown in English" in done.stderr
    assert "python" in done.stdout
