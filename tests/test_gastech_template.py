"""The templates make homes that load, and the one of the recording is what its source says."""

from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from domain.policy import Policy
from domain.site import Document, Site
from infra.commands.setup import Template
from infra.directory_file import read_directory
from infra.initialising import initialise
from infra.policy_file import load_policy
from infra.settings import Home, Settings
from infra.settings_file import load_settings
from infra.site_file import load_site
from infra.templates.gastech import build_directory

EMPLOYEES = Path(__file__).parents[1] / "examples/gastech/employees.csv"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of the gastech template."""
    initialise(tmp_path / "home", "gastech")
    return Home(tmp_path / "home")


@pytest.fixture
def site(home: Home) -> Site:
    """Its site."""
    return load_site(home.site)


@pytest.fixture
def policy(home: Home, site: Site) -> Policy:
    """Its policy."""
    return load_policy(home.policy, site)


def test_every_folder_is_a_template_that_init_knows() -> None:
    """What may be asked for is what is there."""
    there = {
        entry.name
        for entry in resources.files("infra.templates").iterdir()
        if (entry / "site.yaml").is_file()
    }
    assert set(Template) == there


@pytest.mark.parametrize("name", Template)
def test_every_template_loads(tmp_path: Path, name: str) -> None:
    """What a template makes has no problem of any kind, and its editor schemas lie where it says."""
    home = Home(tmp_path)
    assert set(initialise(tmp_path, name)["files"]) >= {home.site.name, home.policy.name}
    load_policy(home.policy, load_site(home.site))
    load_settings(home, {})
    for path in (home.site, home.policy):
        _, _, named = path.read_text(encoding="utf-8").partition("yaml-language-server: $schema=")
        assert not named or (tmp_path / named.split()[0]).is_file()


def test_building_has_twenty_leaf_zones_on_three_floors(site: Site) -> None:
    """Twenty zones with readers, ids as recorded, floors around them, one building around those."""
    enclosing = {zone.parent for zone in site.zones}
    leaves = [zone for zone in site.zones if zone.id not in enclosing]
    assert [zone.id for zone in leaves] == [
        "1-1", "1-2", "1-3", "1-4", "1-5", "1-6", "1-7", "1-8",
        "2-1", "2-2", "2-3", "2-4", "2-6", "2-7",
        "3-1", "3-2", "3-3", "3-4", "3-6", "server-room",
    ]  # fmt: skip
    for zone in leaves:
        assert zone.parent == ("floor-3" if zone.id == "server-room" else f"floor-{zone.id[0]}")
    floors = {zone.id: zone.parent for zone in site.zones if zone.id.startswith("floor-")}
    assert floors == {"floor-1": "gastech", "floor-2": "gastech", "floor-3": "gastech"}
    assert [zone.id for zone in site.zones if zone.entrance] == ["1-1"]
    assert site.time_zone == "Europe/Athens"
    assert all(zone.label and zone.label.zh for zone in site.zones)


def test_every_leaf_zone_has_one_reader(site: Site) -> None:
    """A point has its zone's id, leads into it from anywhere, and has no door contact."""
    enclosing = {zone.parent for zone in site.zones}
    points = {point.id: (point.to_zone, point.from_zone, point.contact) for point in site.points}
    assert points == {zone.id: (zone.id, None, False) for zone in site.zones if zone.id not in enclosing}


def test_policy_asks_what_the_recording_is_judged_by(policy: Policy, site: Site) -> None:
    """Presence, hours, exemptions and limits stand as defined, and nothing else is on."""
    assert (policy.presence.absence_minutes, policy.presence.timeout_hours) == (120, 16)
    office = policy.calendars["office"]
    hours = [len(office.intervals(day, day, site.zone_info)) for day in (date(2016, 6, 3), date(2016, 6, 4))]
    assert hours == [1, 0]
    (start, end) = office.intervals(date(2016, 6, 3), date(2016, 6, 3), site.zone_info)[0]
    assert (end - start) == 12 * 3_600_000_000
    assert list(policy.rules) == ["after_hours", "rapid_reentry", "density", "missed_registration"]
    assert all(rule.enabled and rule.cool_down_seconds == 0 for rule in policy.rules.values())
    (exempt,) = policy.rules["after_hours"].overrides
    assert (exempt.departments, exempt.set) == (("Security", "Facilities"), {"calendar": None})
    assert policy.rules["rapid_reentry"].parameters == {"entries": 3, "within_minutes": 10}
    limits = {override.zones: override.set for override in policy.rules["density"].overrides}
    assert limits == {("2-1",): {"limit": 30}, ("2-6",): {"limit": 45}}


def test_directory_is_built_from_the_employees(home: Home) -> None:
    """The template's directory is what `build_directory` makes of the published file."""
    directory = read_directory(home.directory)
    assert directory == build_directory(EMPLOYEES)
    departments = {person.id: person.department for person in directory.persons}
    assert len(departments) == 125
    assert departments["acampocorrente"] == "Executive"
    assert departments["rmieshaber"] == "Administration"
    assert departments["ssanjorgejr"] == "Executive"


def test_two_employees_of_one_id_are_told(tmp_path: Path) -> None:
    """Persons are never merged in silence."""
    path = tmp_path / "employees.csv"
    path.write_text("last_name,first_name,department,office\nOrilla,Kare,A,1\nO'Rilla,Kim,B,2\n")
    with pytest.raises(ValueError, match="korilla"):
        build_directory(path)


def test_settings_of_the_template_are_the_defaults(home: Home) -> None:
    """What `limen.toml` shows is what holds without it: every field, and every table by its name."""
    settings, shown = load_settings(home, {}), home.settings.read_text()
    assert settings == Settings()
    tables = {name for name in Settings.model_fields if isinstance(getattr(settings, name), Document)}
    none = {name for name in Settings.model_fields if getattr(settings, name) is None}
    assert settings.model_fields_set == set(Settings.model_fields) - tables - none
    assert all(name in shown for name in tables)
    assert all(f"# {name} = " in shown for name in none)
