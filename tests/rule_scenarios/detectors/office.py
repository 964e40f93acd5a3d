"""The hours of an office, and the topics that stories about detectors look at."""

from typing import Any

from domain.calendars import WEEKDAYS

OFFICE: dict[str, Any] = {
    "calendars": {
        "office": {"hours": {day: ["07:00-19:00"] for day in WEEKDAYS}},
        "never": {"hours": {}},
        "always": {"hours": {day: ["00:00-24:00"] for day in WEEKDAYS}},
        "once": {"hours": {}, "special": {"2027-06-01": ["08:00-10:00"]}},
        "spring": {"hours": {"sunday": ["03:30-05:00"]}},
    }
}
SEVEN, NINETEEN, DAY = -5 * 60, 7 * 60, 24 * 60
"""07:00, 19:00 and a day at the site, in the stories' minutes."""
ALERT_TOPICS = ("alert.raised", "alert.joined", "alert.cleared")
DENSITY_TOPICS = ("density.reached", "density.exceeded", "density.cleared", "alert.raised", "alert.cleared")
