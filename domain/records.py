"""The rows that the compiled loops read and write. Times are UTC microseconds, codes are of `domain.names`.

Zones: code 0 is outside, code 1 the site as a whole, the site's zones follow. Everywhere else code 0 is none.

A code or row that loops look up by is unsigned: a signed one might count from a table's end, and every
compiled look-up would have to ask. Signed are those that may be ANYWHERE or NONE.
"""

from typing import Final

import numpy as np

from domain.vocabulary import Action, Basis, Category, Delivery, Direction, Severity, Topic, code

NOWHERE: Final = 0
"""The zone code of outside."""
SITE: Final = 1
"""The zone code of the site as a whole."""
FIRST_ZONE: Final = SITE + 1
"""The first code of a zone that a site declares."""
ANYWHERE: Final = -1
"""Stands for a side of a point that is not known, and for "no other zone possible"."""
NONE: Final = -1
"""Stands for a position or a number that is not there."""
LONG_AGO: Final = -(2**62)
"""Stands for a time that is not there: it comes before all others."""

CREDENTIAL, DOOR, COUNT = code(Category.CREDENTIAL), code(Category.DOOR), code(Category.COUNT)
ALARM: Final = code(Category.ALARM)
CONTROL, CLOCK = code(Category.CONTROL), code(Category.CLOCK)
GRANTED, DENIED, OPENED = code(Action.GRANTED), code(Action.DENIED), code(Action.OPENED)
CLOSED, FORCED, HELD = code(Action.CLOSED), code(Action.FORCED), code(Action.HELD)
EXIT_REQUESTED, COUNTED, PLACED = code(Action.EXIT_REQUESTED), code(Action.COUNTED), code(Action.PLACED)
IMPOSSIBLE_TRAVEL, TWO_SITES = code(Action.IMPOSSIBLE_TRAVEL), code(Action.TWO_SITES)
IN, OUT = code(Direction.IN), code(Direction.OUT)
LIVE = code(Delivery.LIVE)
DETECTED, ASSUMED, INFERRED = code(Basis.DETECTED), code(Basis.ASSUMED), code(Basis.INFERRED)
MANUAL, TIMEOUT = code(Basis.MANUAL), code(Basis.TIMEOUT)

SIGNAL: Final = np.dtype(
    [
        ("position", "i8"),
        ("occurred_at", "i8"),
        ("received_at", "i8"),
        ("seq", "i8"),  # NONE where the device gives none
        ("before", "i8"),  # resolve: the log's time before this signal
        ("now", "i8"),  # resolve: and with it
        ("from_device", "u4"),
        ("point", "u4"),
        ("credential", "u4"),
        ("person", "u4"),  # resolve fills it in from the credential
        ("to_zone", "i4"),  # resolve: where a reading or passage leads; given for a manual placement
        ("other_zone", "i4"),  # resolve: the point's other side, or ANYWHERE
        ("passed", "i4"),  # interval of a count, or NONE
        ("category", "u1"),
        ("action", "u1"),
        ("direction", "u1"),
        ("delivery", "u1"),
        ("resolved", "?"),  # resolve
        ("late", "?"),  # resolve
        ("was_open", "?"),  # resolve: the point's door, before this signal
        ("explained", "?"),  # crossings: a grant explains this opening
    ],
    align=True,
)

PERSON: Final = np.dtype(
    [
        ("last_at", "i8"),  # newest occurred_at shown
        ("seen_at", "i8"),  # of the newest reading applied
        ("seen_position", "i8"),  # its position
        ("visit", "i8"),  # position at which the visit began, or NONE
        ("due", "i8"),  # deadline in force, or NEVER
        ("armed", "i8"),  # earliest entry among the deadlines that is ours, or NEVER
        ("zone", "u4"),
        ("maybe", "u4"),  # where else the person may be; zone when certain
        ("pending", "u4"),  # row of the pending grant, or 0
        ("group", "i2"),  # role and department
        ("deadline", "u1"),  # which, as domain.stages.crossings numbers them
        ("basis", "u1"),  # of the leaving that is to be settled
    ],
    align=True,
)

ZONE: Final = np.dtype(
    [
        ("parent", "u4"),  # NOWHERE above the site
        ("first", "i4"),  # the zones within this one are numbered first … last - 1
        ("last", "i4"),
        ("count", "i4"),
        ("area_m2", "f8"),  # 0 if not known
        ("entrance", "?"),
        ("declared", "?"),  # on the site now; one that is gone keeps its place and its people
    ],
    align=True,
)

MEASURED: Final = np.dtype(
    [("certain", "i8"), ("possible", "i8"), ("slack_in", "i8"), ("slack_out", "i8")]  # of a zone, rules 7
)

POINT: Final = np.dtype(
    [
        ("exit_requested_at", "i8"),  # NONE if never
        ("opened_at", "i8"),
        ("opened_position", "i8"),
        ("held_due", "i8"),  # NEVER unless the timer runs
        ("to_zone", "u4"),
        ("from_zone", "i4"),  # ANYWHERE if not given
        ("pending", "u4"),  # first pending grant, or 0
        ("moved_in", "i4"),  # since the last count
        ("moved_out", "i4"),
        ("declared", "?"),
        ("contact", "?"),
        ("open", "?"),
        ("held", "?"),
    ],
    align=True,
)

DEVICE: Final = np.dtype(
    [
        ("last_at", "i8"),  # newest occurred_at shown
        ("last_seq", "i8"),  # NONE if none yet
        ("last_position", "i8"),
        ("silent_after_us", "i8"),  # 0: never silent
        ("allowed_us", "i8"),  # of the silence that is timed
        ("due", "i8"),
        ("armed", "i8"),
        ("drifted", "?"),
        ("silent", "?"),
    ],
    align=True,
)

CREDENTIAL_HELD: Final = np.dtype(
    [("first", "u4"), ("count", "i4"), ("stranger", "u4")],  # rows of HOLDING; person if nobody holds it
    align=True,
)
HOLDING: Final = np.dtype([("valid_from", "i8"), ("valid_until", "i8"), ("person", "i8")])

PENDING: Final = np.dtype(
    [
        ("due", "i8"),
        ("position", "i8"),
        ("person", "u4"),
        ("point", "u4"),
        ("to_zone", "u4"),
        ("other_zone", "i4"),
        ("next", "u4"),  # next at the same point; or next free row
        ("direction", "u1"),
    ],
    align=True,
)

PASSAGE: Final = np.dtype(
    [
        ("due", "i8"),
        ("turn", "i8"),  # position of its count: those of one time and point are settled as they were counted
        ("subject", "u4"),  # the point
        ("from_zone", "u4"),
        ("to_zone", "u4"),
        ("number", "i4"),
    ],
    align=True,
)

CLOCK_STATE: Final = np.dtype([("now", "i8")], align=True)

SURVEY: Final = np.dtype([("first_at", "i8"), ("last_at", "i8"), ("alarms", "i8")])
"""What resolve saw in a batch: the earliest and the latest occurred_at that may matter, and how many alarms
came. The earliest is after the latest where there is none."""

SETTINGS: Final = np.dtype(
    [
        ("detect_within_us", "i8"),
        ("absence_us", "i8"),  # NEVER if not set
        ("timeout_us", "i8"),
        ("held_open_us", "i8"),
        ("exit_request_us", "i8"),
        ("clock_offset_limit_ms", "i8"),
    ],
    align=True,
)

# What one stage tells those after it.

MOVED, REPEATED, SETTLED, PASSED, PASSAGE_SETTLED = 1, 2, 3, 4, 5

CROSSING: Final = np.dtype(
    [
        ("occurred_at", "i8"),
        ("known_at", "i8"),
        ("visit", "i8"),
        ("cause", "i8"),
        ("second_cause", "i8"),  # NONE if there is one cause only
        ("signal", "u4"),
        ("person", "u4"),
        ("from_zone", "u4"),
        ("from_maybe", "u4"),
        ("to_zone", "u4"),
        ("maybe", "u4"),
        ("other_zone", "i4"),
        ("point", "u4"),
        ("number", "i4"),
        ("group", "u4"),  # the person's
        ("kind", "u1"),
        ("basis", "u1"),
        ("late", "?"),
        ("proper", "?"),  # a visit that begins was registered properly
    ],
    align=True,
)

LEVEL: Final = np.dtype(
    [
        ("crossing", "u4"),  # row of the crossing that changed it
        ("zone", "u4"),
        ("count", "i4"),
    ],
    align=True,
)

DENIAL: Final = np.dtype([("signal", "u4")])  # row of a reading that was denied

DOOR_CHANGE: Final = np.dtype(
    [
        ("occurred_at", "i8"),
        ("known_at", "i8"),
        ("cause", "i8"),
        ("value", "i8"),
        ("signal", "u4"),
        ("point", "u4"),
        ("action", "u1"),  # FORCED, HELD, CLOSED after HELD
    ],
    align=True,
)

RAISE, JOIN, CLEAR = 1, 2, 3
OF_PERSON, OF_ZONE, OF_POINT, OF_CREDENTIAL = 0, 1, 2, 3

FINDING: Final = np.dtype(
    [
        ("occurred_at", "i8"),
        ("known_at", "i8"),
        ("visit", "i8"),
        ("value", "i8"),
        ("limit", "i8"),
        ("signal", "u4"),
        ("person", "u4"),
        ("credential", "u4"),
        ("zone", "u4"),
        ("point", "u4"),
        ("first_cause", "i4"),  # rows of the causes
        ("causes", "i4"),
        ("kind", "u1"),  # RAISE, JOIN, CLEAR
        ("of", "u1"),  # whose alert it is: OF_PERSON, …
    ],
    align=True,
)

EVENT: Final = np.dtype(
    [
        ("occurred_at", "i8"),
        ("known_at", "i8"),
        ("visit", "i8"),  # position at which it began, or NONE
        ("alert", "i8"),  # which of its subject's alerts, from 1, or NONE
        ("value", "i8"),  # NO_VALUE if there is none
        ("limit", "i8"),
        ("signal", "u4"),
        ("person", "u4"),
        ("credential", "u4"),
        ("zone", "u4"),
        ("from_zone", "u4"),
        ("maybe_zone", "i4"),  # ANYWHERE if certain
        ("point", "u4"),
        ("from_device", "u4"),
        ("first_cause", "i4"),
        ("causes", "i4"),
        ("topic", "u1"),
        ("basis", "u1"),
        ("severity", "u1"),
        ("rule", "i1"),  # NONE or the detector's place in the registry
        ("of", "u1"),
        ("late", "?"),
    ],
    align=True,
)
NO_VALUE: Final = -(2**62)

TOPIC: Final = {topic: code(topic) for topic in Topic}
SEVERITY: Final = {severity: code(severity) for severity in Severity}
