"""What people write wrong is told by file, line, field and remedy, all of it at once."""

from pathlib import Path

import pytest
from typer.main import get_command

import infra.cli
from domain.policy import Policy
from domain.site import Site
from infra import yaml_document
from infra.credentials import create_key, hash_credential, read_key
from infra.directory_file import COLUMNS, read_directory, write_directory
from infra.invalid_settings import InvalidSettings
from infra.policy_file import check_policy, load_policy
from infra.settings import Home, Settings
from infra.settings_file import load_settings
from infra.site_file import load_site

SITE = """\
id: lab
time_zone: Europe/Athens
zones:
  - id: house
    kind: building
  - id: hall
    parent: house
    entrance: true
points:
  - id: door
    to_zone: hall
    from_zone: outside
"""


def problems(path: Path, content: str | bytes) -> list[str]:
    """Return what is said about a site file of this content, the folder left out."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InvalidSettings) as caught:
        load_site(path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def policy_problems(folder: Path, content: str) -> list[str]:
    """Return what is said about a policy of this content for the site above."""
    site, policy = folder / "site.yaml", folder / "policy.yaml"
    site.write_text(SITE)
    policy.write_text(content)
    with pytest.raises(InvalidSettings) as caught:
        load_policy(policy, load_site(site))
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_good_site_is_loaded(tmp_path: Path) -> None:
    """A site file, byte-order mark or not, is its model."""
    path = tmp_path / "site.yaml"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + SITE.encode())
        assert [zone.id for zone in load_site(path).zones] == ["house", "hall"]


def test_all_problems_are_told_with_their_lines(tmp_path: Path) -> None:
    """One look at a file tells everything that is wrong with it, in the order of its lines."""
    wrong = """\
id: lab
time_zone: Athens
zones:
  - id: hall
    parent: hous
    entrance: maybe
  - id: hall
    kynd: room
  - id: ring
    parent: ring
points:
  - id: a door
    to_zone: hal
  - to_zone: hall
    device: reader
devices: {}
"""
    said = problems(tmp_path / "site.yaml", wrong)
    assert [line.split(": ")[:2] for line in said] == [
        ["site.yaml:2", "time_zone"],
        ["site.yaml:5", "zones.0.parent"],
        ["site.yaml:6", "zones.0.entrance"],
        ["site.yaml:7", "zones.1.id"],
        ["site.yaml:8", "zones.1.kynd"],
        ["site.yaml:10", "zones.2.parent"],
        ["site.yaml:12", "points.0.id"],
        ["site.yaml:13", "points.0.to_zone"],
        ["site.yaml:14", "points.1.id"],
        ["site.yaml:16", "devices"],
    ]
    text = "\n".join(said)
    for remedy in (
        "'Athens' is not an IANA time zone; write one such as Europe/Athens",
        "'hous' is no zone",
        "'hall' is the id of zones.0 too",
        "did you mean 'kind'?",
        "lies inside itself",
        "it is missing; add it",
    ):
        assert remedy in text


def test_circle_of_zones_is_told_once_for_each(tmp_path: Path) -> None:
    """Zones nested in a circle are told where they stand, and what leads into the circle is not blamed."""
    zones = "".join(f"  - {{id: {zone}, parent: {above}}}\n" for zone, above in ("ab", "ba", "ca"))
    said = problems(tmp_path / "site.yaml", f"id: lab\ntime_zone: UTC\nzones:\n{zones}points: []\n")
    assert [line.split(": ")[1] for line in said] == ["zones.0.parent", "zones.1.parent"]


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ("", "site.yaml:1", "empty"),
        ("# nothing\n", "site.yaml:1", "empty"),
        ("- a\n- b\n", "site.yaml:1", "mapping"),
        ("just text\n", "site.yaml:1", "mapping"),
        ("id: [a\nzones: b\n", "site.yaml:2", "no YAML"),
        ("id: lab\n\tzones: []\n", "site.yaml:2", "tabs"),
        ("id: a\n---\nid: b\n", "site.yaml:2", "no YAML"),
        ("id: !!python/object:os.system x\n", "site.yaml:1", "no YAML"),
        ("id: !!int x\n", "site.yaml:1", "no YAML"),
        ("id: " + "[" * 100_000 + "]" * 100_000, "site.yaml:1", "nested too deeply"),
        ("id: &a [*a]\n", "site.yaml:1", ""),
        ("id: a\x07\n", "site.yaml:1", "no YAML"),
        ("id: lab\nlabel: {en: 大楼}\n".encode("gbk"), "site.yaml:2", "UTF-8"),
        (SITE.encode("utf-16"), "site.yaml:1", "UTF-16"),
        (SITE + "id: lab\n", "site.yaml:13", "given twice, first in line 1"),
        (SITE.replace("parent: house", "label: {en: a, en: b}"), "site.yaml:7", "twice in this line"),
        (SITE.replace("id: hall", "id: 101"), "site.yaml:6", "quotes: '101'"),
        (SITE.replace("id: hall", "id: true"), "site.yaml:6", "quotes"),
        (SITE + "sources:\n  prox: {time: '{t', point: x}\n", "site.yaml:14", "no template"),
        (SITE + "sources:\n  prox: {time: '{t}', point: x, points: {a: b}}\n", "site.yaml:14", "no point"),
    ],
)
def test_file_that_is_no_site_says_why(tmp_path: Path, content: str | bytes, place: str, said: str) -> None:
    """Whatever is wrong with a file as a whole is told with its line, never by a traceback."""
    found = problems(tmp_path / "site.yaml", content)
    assert any(line.startswith(f"{place}: ") and said in line for line in found), found


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """A file that is not there is told with the command that makes one."""
    with pytest.raises(InvalidSettings, match=r"site\.yaml: there is no such file; .*limen init"):
        load_site(tmp_path / "site.yaml")


def test_words_of_old_yaml_are_text(tmp_path: Path) -> None:
    """Norway is a country, 07:00 is no number of seconds, and a date is what is written."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        "calendars:\n  a: {hours: {monday: [07:00-19:00]}, holidays: {country: NO}, closed: [2016-12-24]}\n"
    )
    calendar = yaml_document.load(path, Policy).calendars["a"]
    assert calendar.holidays is not None and calendar.holidays.country == "NO"
    assert [str(day) for day in calendar.closed] == ["2016-12-24"]


def test_policy_is_held_against_site_and_detectors(tmp_path: Path) -> None:
    """Unknown rules, zones, calendars and parameters are told where they stand."""
    said = policy_problems(
        tmp_path,
        """\
rules:
  after_hour: {}
  after_hours:
    parameters:
      calendar: office
    overrides:
      - zones: [hall, cellar]
        set: {calender: x}
  rapid_reentry:
    parameters: {entries: 1}
    overrides:
      - set: {within_minutes: soon}
  anti_passback:
    enabled: false
    parameters: {zones: [hall, roof]}
""",
    )
    assert [line.split(": ")[:2] for line in said] == [
        ["policy.yaml:2", "rules.after_hour"],
        ["policy.yaml:5", "rules.after_hours.parameters.calendar"],
        ["policy.yaml:7", "rules.after_hours.overrides.0.zones.1"],
        ["policy.yaml:8", "rules.after_hours.overrides.0.set.calender"],
        ["policy.yaml:10", "rules.rapid_reentry.parameters.entries"],
        ["policy.yaml:12", "rules.rapid_reentry.overrides.0.set.within_minutes"],
        ["policy.yaml:15", "rules.anti_passback.parameters.zones.1"],
    ]
    assert "did you mean 'calendar'?" in said[3]


def test_good_policy_has_no_complaints(tmp_path: Path) -> None:
    """What names only what exists passes."""
    (tmp_path / "site.yaml").write_text(SITE)
    site: Site = load_site(tmp_path / "site.yaml")
    policy = Policy.model_validate(
        {
            "calendars": {"office": {"hours": {"monday": ["07:00-19:00"]}}},
            "rules": {
                "after_hours": {
                    "parameters": {"calendar": "office"},
                    "overrides": [{"zones": ["house"], "set": {"calendar": None}}],
                }
            },
        }
    )
    assert check_policy(site, policy) == []


def test_settings_have_defaults(tmp_path: Path) -> None:
    """A home without `limen.toml` runs as the defaults say."""
    assert load_settings(Home(tmp_path), {}) == Settings()


def test_environment_comes_before_the_file(tmp_path: Path) -> None:
    """A variable wins over the file, the file over the default."""
    home = Home(tmp_path)
    home.settings.write_text('log_level = "debug"\nlanguage = "zh"\nclock_seconds = 0.5\n')
    settings = load_settings(
        home, {"LIMEN_LOG_LEVEL": "error", "LIMEN_SINK_BATCH_ROWS": "7", "LIMEN_HOME": "x"}
    )
    assert (settings.log_level, settings.language) == ("error", "zh")
    assert (settings.clock_seconds, settings.sink_batch_rows) == (0.5, 7)


def test_wrong_settings_are_told_with_their_lines(tmp_path: Path) -> None:
    """Problems of file and environment are told together."""
    home = Home(tmp_path)
    home.settings.write_text('log_format = "auto"\nlog_levl = "info"\n\nclock_seconds = 0\n')
    with pytest.raises(InvalidSettings) as caught:
        load_settings(home, {"LIMEN_LANGUAGE": "fr"})
    said = [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]
    assert "limen.toml:2: log_levl: there is no such field; did you mean 'log_level'?" in said
    assert any(
        line.startswith("limen.toml:4: clock_seconds: ") and "greater than or equal to 0.1" in line
        for line in said
    )
    assert any(line.startswith("environment: LIMEN_LANGUAGE: ") and "'zh'" in line for line in said)
    assert len(said) == 3


@pytest.mark.parametrize(
    ("file", "variables", "said"),
    [
        (
            "replication_factor = 3\nmin_insync_replicas = 3",
            {"REPLICATION_FACTOR": "2"},
            "limen.toml:2: kafka: ",
        ),
        ("", {"REPLICATION_FACTOR": "1"}, "environment: LIMEN_KAFKA: "),
        ("transaction_seconds = 8", {}, "limen.toml:2: kafka.session_seconds: 10 is more than"),
        (
            "transaction_seconds = 8",
            {"SESSION_SECONDS": "9"},
            "environment: LIMEN_KAFKA_SESSION_SECONDS: 9 is",
        ),
        ("[worker]\nsession_seconds = 61", {}, "limen.toml:4: worker.session_seconds: 61 is more than"),
    ],
)
def test_settings_that_contradict_each_other(
    tmp_path: Path, file: str, variables: dict[str, str], said: str
) -> None:
    """File and environment are looked at together: what either says may be wrong with the other only."""
    home = Home(tmp_path)
    home.settings.write_text(f"\n[kafka]\n{file}\n" if file else "")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(home, {f"LIMEN_KAFKA_{name}": value for name, value in variables.items()})
    (problem,) = caught.value.problems
    assert str(problem).replace(f"{tmp_path}/", "").startswith(said)


def test_what_is_no_table_is_told_whatever_the_environment_says_of_its_fields(tmp_path: Path) -> None:
    """Else the file's slip would show the day the variable is gone."""
    home = Home(tmp_path)
    home.settings.write_text("kafka = 3\n")
    with pytest.raises(InvalidSettings, match=r"limen\.toml:1: kafka: "):
        load_settings(home, {"LIMEN_KAFKA_PARTITIONS": "4"})


def test_what_the_environment_mends_is_no_problem(tmp_path: Path) -> None:
    """A file that would be wrong alone is not wrong with what is said over it."""
    home = Home(tmp_path)
    home.settings.write_text("[kafka]\nreplication_factor = 1\n")
    settings = load_settings(home, {"LIMEN_KAFKA_MIN_INSYNC_REPLICAS": "1"})
    assert (settings.kafka.replication_factor, settings.kafka.min_insync_replicas) == (1, 1)


def test_text_that_is_no_toml_says_where(tmp_path: Path) -> None:
    """A slip of the pen in `limen.toml` is told with its line."""
    home = Home(tmp_path)
    home.settings.write_text('language = "en"\nlog_level = info\n')
    with pytest.raises(InvalidSettings, match=r"limen\.toml:2: this is no TOML"):
        load_settings(home, {})


def test_home_is_the_option_then_the_variable_then_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said last and nearest counts."""
    monkeypatch.setenv("LIMEN_HOME", "b")
    assert home_of("--home", "a") == Path("a")
    assert home_of() == Path("b")
    monkeypatch.setenv("LIMEN_HOME", "")
    assert home_of() == Path("limen-home")
    monkeypatch.delenv("LIMEN_HOME")
    assert home_of() == Path("limen-home")


def home_of(*arguments: str) -> Path:
    """Return the home that a command is given."""
    status = get_command(infra.cli.app).commands["status"]  # type: ignore[attr-defined] # a group has them
    home: Path = status.make_context("status", list(arguments)).params["home"]
    return home


def test_key_is_private_and_never_replaced(tmp_path: Path) -> None:
    """The key is 32 bytes that only its owner may read; a second init leaves it alone."""
    path = tmp_path / "key"
    key = create_key(path)
    assert (len(key), path.stat().st_mode & 0o777, read_key(path)) == (32, 0o600, key)
    with pytest.raises(FileExistsError):
        create_key(path)
    path.write_bytes(b"short")
    with pytest.raises(InvalidSettings, match="5 bytes, not 32"):
        read_key(path)
    path.unlink()
    with pytest.raises(InvalidSettings, match="missing"):
        read_key(path)


def test_credential_hash_depends_on_key_format_and_value() -> None:
    """Equal credentials have one hash under one key; format and value cannot be shifted into each other."""
    one = hash_credential(b"k" * 32, "card", "17")
    assert one == hash_credential(b"k" * 32, "card", "17")
    assert len(one) == 32 and int(one, 16) >= 0
    others = [(b"j" * 32, "card", "17"), (b"k" * 32, "card1", "7"), (b"k" * 32, "car", "d17")]
    assert len({one, *(hash_credential(*other) for other in others)}) == 4


def test_directory_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Departments with commas, times with and without offset, and several cards survive."""
    path = tmp_path / "directory.csv"
    path.write_text(
        ",".join(COLUMNS) + "\n"
        'p1,"Research, basic",contractor,2016-05-31,2016-06-30T18:00+03:00,'
        "card:aa@/2016-06-02 card:bb@2016-06-02/\n"
        "\n"
        "p2,,,,,face:cc\n"
    )
    directory = read_directory(path)
    first, second = directory.persons
    assert (first.department, first.role, second.role) == ("Research, basic", "contractor", "employee")
    assert [(held.hash, held.valid_from is None) for held in first.credentials] == [
        ("aa", True),
        ("bb", False),
    ]
    assert (second.department, second.credentials[0].format, second.valid_from) == (None, "face", None)
    again = tmp_path / "again.csv"
    write_directory(again, directory)
    assert read_directory(again) == directory


def test_wrong_directory_is_told_line_by_line(tmp_path: Path) -> None:
    """Every problem of every line is told, with the line on which its record begins."""
    path = tmp_path / "directory.csv"
    path.write_text(
        ",".join(COLUMNS) + "\n"
        "p1,,boss,soon,,\n"
        'p2,"two\nlines",,,,\n'
        "p 3,,,,,card\n"
        "p2,,,2016-06-02,2016-06-01,\n"
        "p4,,\n"
    )
    with pytest.raises(InvalidSettings) as caught:
        read_directory(path)
    found = [(problem.line, problem.field) for problem in caught.value.problems]
    assert found == [
        (2, "valid_from"), (2, "role"), (5, "credentials"), (5, "person"), (6, "valid_until"), (7, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("name,department\n", "it must be person,department"),
        (",".join(COLUMNS) + '\np1,"a', "quotes"),
    ],
)
def test_file_that_is_no_directory_says_why(tmp_path: Path, content: str, said: str) -> None:
    """An empty file, another header and an open quote are told."""
    path = tmp_path / "directory.csv"
    path.write_text(content)
    with pytest.raises(InvalidSettings, match=said):
        read_directory(path)


def test_two_persons_of_one_id_are_told(tmp_path: Path) -> None:
    """The second line names the first."""
    path = tmp_path / "directory.csv"
    path.write_text(",".join(COLUMNS) + "\np1,,,,,\np1,,,,,\n")
    with pytest.raises(InvalidSettings, match=r":3: person: 'p1' stands in line 2 too"):
        read_directory(path)
