"""A short summary of a home in the terminal: who was where, which alerts matter, what to try next."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from infra.home import OpenHome
from infra.rendering import bars, console, table
from infra.times import instant, written
from projections.alerts import alerts
from projections.occupancy import occupancy_at

MORNING_HOUR: Final = 11
ZONES_SHOWN: Final = 12
_RANK: Final = {"critical": 0, "warning": 1, "info": 2}


def busiest_morning(home: OpenHome) -> int:
    """Return the moment, UTC microseconds, among the 11 o'clocks of the history with most people on site."""
    span = home.history.rows(
        "SELECT toUnixTimestamp64Micro(min(occurred_at)) AS first, "
        "toUnixTimestamp64Micro(max(occurred_at)) AS last FROM moves"
    )[0]
    zone = home.site.zone_info
    day = datetime.fromtimestamp(span["first"] / 1_000_000, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(span["last"] / 1_000_000, UTC).astimezone(zone).date()
    times = []
    while day <= last:
        times.append(instant("morning", f"{day}T{MORNING_HOUR:02}:00", zone))
        day += timedelta(days=1)
    return max(times, key=lambda at_us: occupancy_at(home.history, home.site, at_us)["total"])


def summarise(home: OpenHome, fed: dict[str, int]) -> None:
    """Show a home: what was fed, its zones as bars at a busy moment, and its alerts by rule."""
    out = console()
    at_us = busiest_morning(home)
    answer = occupancy_at(home.history, home.site, at_us)
    counts = home.history.rows("SELECT uniqExact(visit) AS visits, uniqExact(person) AS persons FROM visits")[
        0
    ]
    out.print(
        f"{fed['accepted']:,} signals (duplicates {fed['duplicates']:,}, unreadable {fed['quarantined']:,}) "
        f"became {counts['visits']:,} visits of {counts['persons']:,} people.\n"
    )
    enclosing = {zone.parent for zone in home.site.zones}
    rooms = [zone for zone in answer["zones"] if zone["high"] and zone["zone"] not in enclosing]
    fullest = sorted(rooms, key=lambda zone: -zone["count"])[:ZONES_SHOWN]
    moment = datetime.fromisoformat(written(at_us, home.site.zone_info))
    bars(
        f"{moment:%A %d %B, %H:%M}: {answer['total']:,} people on site",
        [zone for zone in rooms if zone in fullest],
    )
    _alerts(alerts(home.history, home.site))


def next_steps(recorded: Path, campus: Path) -> None:
    """Show commands worth trying on the homes that were made."""
    out = console()
    out.print(Text("\nTry next", "bold"))
    for line, meaning in (
        (f"limen occupancy --at 2016-06-02T14:00 --home {recorded}", "who was where"),
        (f"limen visits --person earpa --home {recorded}", "one person's days"),
        (f"limen alerts --rule after_hours --home {recorded}", "who came at night"),
        (f"limen replay --home {recorded}", "decide it all again, to the byte"),
        (f"limen alerts --rule door_forced --home {campus}", "doors that should not have opened"),
        (f"limen run --home {campus}", "let it live"),
    ):
        out.print(Text.assemble(("  .venv/bin/" + line, "cyan"), (f"   {meaning}", "dim")), soft_wrap=True)


def _alerts(found: list[dict[str, Any]]) -> None:
    out = console()
    by_rule = Counter(alert["rule"] for alert in found)
    severity = {alert["rule"]: alert["severity"] for alert in found}
    rules = sorted(by_rule, key=lambda rule: (_RANK.get(severity[rule], 9), -by_rule[rule]))
    out.print()
    table(
        ("severity", "rule", "alerts"),
        [(severity[rule], rule, by_rule[rule]) for rule in rules],
        title=f"{len(found):,} alerts",
    )
    strongest = {rule: max(_of(found, rule), key=lambda alert: len(alert["evidence"])) for rule in rules}
    samples = sorted(strongest.values(), key=lambda alert: str(alert["occurred_at"]))
    out.print()
    table(
        ("when", "rule", "who or where", "signals"),
        [
            (
                f"{datetime.fromisoformat(alert['occurred_at']):%a %d %b %H:%M}",
                alert["rule"],
                " in ".join(str(alert[name]) for name in ("person", "zone") if alert[name]) or alert["point"],
                f"{len(alert['evidence']):,}",
            )
            for alert in samples
        ],
        title="One of each, with the most evidence",
    )


def _of(found: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    return [alert for alert in found if alert["rule"] == rule]
