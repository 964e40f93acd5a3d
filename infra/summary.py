"""A short summary of a home in the terminal: who was where, which alerts matter, what to try next."""

import shlex
import shutil
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from domain.times import iso, utc
from infra.home import OpenHome
from infra.language import Language
from infra.rendering import bars, console, person, say, severity, table
from infra.times import instant
from projections.alerts import alerts
from projections.occupancy import occupancy_at

MORNING_HOUR: Final = 11
ZONES_SHOWN: Final = 10
_RANK: Final = {"critical": 0, "warning": 1, "info": 2}
_MEANINGS: Final = {
    "after_hours": "came in outside their working hours",
    "rapid_reentry": "into one zone again and again, quickly",
    "density": "more people in a zone than allowed",
    "missed_registration": "inside, but never came in: a tailgate?",
    "denied_streak": "one card or door refused repeatedly",
    "anti_passback": "came in twice without leaving",
    "door_forced": "a door opened without leave",
    "door_held": "a door stands open too long",
    "impossible_travel": "a card at two sites, faster than anyone travels",
    "two_sites": "inside two sites at the same time",
}


def busiest_morning(home: OpenHome) -> int:
    """Return the moment, UTC microseconds, among the 11 o'clocks of the history with most people on site."""
    span = home.history.rows(
        "SELECT toUnixTimestamp64Micro(min(occurred_at)) AS first, "
        "toUnixTimestamp64Micro(max(occurred_at)) AS last FROM moves"
    )[0]
    zone = home.site.zone_info
    day = utc(span["first"]).astimezone(zone).date()
    last = utc(span["last"]).astimezone(zone).date()
    times = []
    while day <= last:
        times.append(instant("morning", f"{day}T{MORNING_HOUR:02}:00", zone))
        day += timedelta(days=1)
    return max(times, key=lambda at_us: occupancy_at(home.history, home.site, at_us)["total"])


def summarise(home: OpenHome, fed: dict[str, int], language: Language) -> None:
    """Show a home: what was fed, its fullest rooms as bars at a busy moment, and its alerts by rule."""
    at_us = busiest_morning(home)
    answer = occupancy_at(home.history, home.site, at_us)
    counts = home.history.rows("SELECT uniqExact(visit) AS visits, uniqExact(person) AS persons FROM visits")[
        0
    ]
    became = language.say(
        "{accepted:,} signals (duplicates {duplicates:,}, unreadable {quarantined:,}) "
        "became {visits:,} visits of {persons:,} people.",
        **fed,
        **counts,
    )
    say(f"{became}\n")
    rooms = [zone for zone in answer["zones"] if zone["count"] and zone["zone"] not in language.enclosing]
    fullest = sorted(rooms, key=lambda zone: -zone["count"])[:ZONES_SHOWN]
    when = language.moment(iso(at_us, home.site.zone_info))
    title = language.say("{when}: {n:,} people on site", when=when, n=answer["total"])
    bars(language, title, fullest, indented=False)
    _alerts(alerts(home.history, home.site), language)


def next_steps(recorded: Path, campus: Path, language: Language) -> None:
    """Show commands worth trying on the homes that were made; each works when it is pasted."""
    at_recorded, at_campus = (f"--home {shlex.quote(str(home))}" for home in (recorded, campus))
    other = "en" if language.code == "zh" else "zh"
    program = _program()
    say(f"\n{language.say('Try next')}", "bold")
    for meaning, line in (
        (
            language.say("who was where, and how sure that is"),
            f"{program} occupancy --at 2016-06-02T14:00 {at_recorded}",
        ),
        (
            language.say("one person's days, from door to door"),
            f"{program} visits --person earpa {at_recorded}",
        ),
        (language.say("who came in at night"), f"{program} alerts --rule after_hours {at_recorded}"),
        (
            language.say("everything known of one person; your look is recorded"),
            f'{program} trace --person earpa --purpose "a first look" {at_recorded}',
        ),
        (language.say("decide it all again: the same, to the byte"), f"{program} replay {at_recorded}"),
        (
            language.say("the door that should not have opened"),
            f"{program} alerts --rule door_forced {at_campus}",
        ),
        (language.say("let the campus live (Ctrl-C ends it)"), f"{program} run {at_campus}"),
        (
            language.say("the same in Chinese (用中文显示)"),
            f"LIMEN_LANGUAGE={other} {program} alerts {at_campus}",
        ),
    ):
        say(f"  # {meaning}", "dim")
        say(f"  {line}", "cyan")


def _program() -> str:
    """Return how this program is called from where the user stands."""
    called = Path(sys.argv[0])
    if called.name != "limen":
        return f"{shlex.quote(sys.executable)} -m infra.cli"
    found = shutil.which("limen")
    on_path = found is not None and Path(found).resolve() == called.resolve()
    return "limen" if on_path else shlex.quote(sys.argv[0])


def _alerts(found: list[dict[str, Any]], language: Language) -> None:
    by_rule = Counter(alert["rule"] for alert in found)
    urgency = {alert["rule"]: alert["severity"] for alert in found}
    rules = sorted(by_rule, key=lambda rule: (_RANK.get(urgency[rule], 9), -by_rule[rule]))
    console().print()
    table(
        language,
        ("severity", "rule", "times", "what it means"),
        [
            (
                severity(language, urgency[rule]),
                severity(language, urgency[rule], language.name("rule", rule)),
                by_rule[rule],
                language.say(_MEANINGS.get(rule, "-")),
            )
            for rule in rules
        ],
        title=language.say("{n:,} alerts", n=len(found)),
        nothing=language.say("no alerts"),
    )
    if not rules:
        return
    strongest = {rule: max(_of(found, rule), key=lambda alert: len(alert["evidence"])) for rule in rules}
    samples = sorted(strongest.values(), key=lambda alert: str(alert["occurred_at"]))
    console().print()
    table(
        language,
        ("when", "rule", "person", "place", "signals"),
        [
            (
                alert["occurred_at"][5:16].replace("T", " "),
                Text(language.name("rule", alert["rule"])),
                person(alert["person"]),
                _place(alert, language),
                len(alert["evidence"]),
            )
            for alert in samples
        ],
        title=language.say("A few of them"),
    )


def _place(alert: dict[str, Any], language: Language) -> str:
    identifier, name = language.place(alert["zone"], alert["point"])
    return name or identifier


def _of(found: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    return [alert for alert in found if alert["rule"] == rule]
