"""The closed vocabularies of signals and events, and their integer codes.

Every vocabulary is a `StrEnum`: the string is what stands in the logs, in the history and in answers.
Compiled code works on small integers instead: the code of a member is its place in its enumeration,
so members are only ever appended, never moved or removed.
"""

from enum import StrEnum
from typing import Final

OUTSIDE: Final = "outside"
"""The reserved zone of everybody who is not on the site; the parent of every top-level zone."""
UNKNOWN_HOLDER: Final = "unknown:"
"""Before a credential that nobody holds, where it stands for a person: it is its own."""


class Category(StrEnum):
    """What kind of thing said it."""

    CREDENTIAL = "credential"
    DOOR = "door"
    ALARM = "alarm"
    COUNT = "count"
    SCREENING = "screening"
    DEVICE = "device"
    CONTROL = "control"
    CLOCK = "clock"


class Action(StrEnum):
    """What happened, in the standard terms of access control."""

    GRANTED = "granted"
    DENIED = "denied"
    OPENED = "opened"
    CLOSED = "closed"
    FORCED = "forced"
    HELD = "held"
    EXIT_REQUESTED = "exit_requested"
    ACTIVATED = "activated"
    RESTORED = "restored"
    COUNTED = "counted"
    MEASURED = "measured"
    ONLINE = "online"
    OFFLINE = "offline"
    TICKED = "ticked"
    LOADED = "loaded"
    PLACED = "placed"
    DECIDED = "decided"
    IMPOSSIBLE_TRAVEL = "impossible_travel"
    TWO_SITES = "two_sites"


ORDERS: Final = frozenset({Action.LOADED, Action.PLACED, Action.DECIDED})
"""What people order by a control signal; any other control signal is time passing."""


class Reason(StrEnum):
    """Why access was refused, or an alarm given. The vendor's own code is kept beside it."""

    NONE = "none"
    NO_PERMISSION = "no_permission"
    UNKNOWN_CREDENTIAL = "unknown_credential"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LOST = "lost"
    BLOCKED = "blocked"
    OUTSIDE_SCHEDULE = "outside_schedule"
    WRONG_PIN = "wrong_pin"
    VERIFICATION_FAILED = "verification_failed"
    ANTI_PASSBACK = "anti_passback"
    INTERLOCK = "interlock"
    OCCUPANCY_LIMIT = "occupancy_limit"
    ESCORT_REQUIRED = "escort_required"
    SECOND_PERSON_REQUIRED = "second_person_required"
    DURESS = "duress"
    TAMPER = "tamper"
    FIRE = "fire"
    POWER = "power"
    OTHER = "other"


class Direction(StrEnum):
    """Which way a point was passed: `in` is from its from-zone to its to-zone."""

    UNKNOWN = "unknown"
    IN = "in"
    OUT = "out"


class Delivery(StrEnum):
    """How a signal reached us. Only `live` may ever lead to an actuation."""

    LIVE = "live"
    POLL = "poll"
    BACKFILL = "backfill"
    REPLAY = "replay"


class Method(StrEnum):
    """How a person was verified."""

    CARD = "card"
    PIN = "pin"
    FACE = "face"
    FINGERPRINT = "fingerprint"
    IRIS = "iris"
    ID_CARD = "id_card"
    QR = "qr"
    MOBILE = "mobile"
    PLATE = "plate"
    REMOTE = "remote"


class Quality(StrEnum):
    """How far a signal's time can be trusted."""

    SYNCHRONISED = "synchronised"
    CORRECTED = "corrected"
    UNCERTAIN = "uncertain"
    RECEIPT = "receipt"


class Basis(StrEnum):
    """On what a move, or the start or end of a visit, rests."""

    NONE = "none"
    DETECTED = "detected"
    ASSUMED = "assumed"
    INFERRED = "inferred"
    MANUAL = "manual"
    TIMEOUT = "timeout"


class Severity(StrEnum):
    """How urgent an alert is."""

    NONE = "none"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Role(StrEnum):
    """What a person is to the site."""

    UNKNOWN = "unknown"
    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"
    VISITOR = "visitor"
    GUARD = "guard"
    CLEANER = "cleaner"
    PATIENT = "patient"
    STUDENT = "student"


class ZoneKind(StrEnum):
    """The level of a zone in its site."""

    BUILDING = "building"
    FLOOR = "floor"
    ROOM = "room"
    AREA = "area"


class ZoneCategory(StrEnum):
    """What a zone is used for: told in answers and to the simulation; rules name zones by their ids."""

    GENERAL = "general"
    ENTRANCE = "entrance"
    RECEPTION = "reception"
    OFFICE = "office"
    MEETING = "meeting"
    CANTEEN = "canteen"
    CIRCULATION = "circulation"
    STORAGE = "storage"
    RESTRICTED = "restricted"
    SERVER_ROOM = "server_room"
    VAULT = "vault"
    LABORATORY = "laboratory"
    INFECTIOUS = "infectious"
    CHEMICAL = "chemical"
    WARD = "ward"
    CONSTRUCTION = "construction"


class Topic(StrEnum):
    """The explicit topics of events. A topic is a storage format: never renamed."""

    SITE_APPLIED = "site.applied"
    POLICY_APPLIED = "policy.applied"
    DIRECTORY_APPLIED = "directory.applied"
    CONTROL_REJECTED = "control.rejected"
    SIGNAL_UNRESOLVED = "signal.unresolved"
    SIGNAL_LATE = "signal.late"
    DEVICE_GAP = "device.gap_found"
    DEVICE_CLOCK_DRIFTED = "device.clock_drifted"
    DEVICE_CLOCK_RECOVERED = "device.clock_recovered"
    DEVICE_SILENT = "device.fell_silent"
    DEVICE_RECOVERED = "device.recovered"
    VISIT_STARTED = "visit.started"
    ZONE_ENTERED = "zone.entered"
    SITE_LEFT = "site.left"
    VISIT_ENDED = "visit.ended"
    PRESENCE_SETTLED = "presence.settled"
    PRESENCE_CORRECTED = "presence.corrected"
    ENTRY_NOT_TAKEN = "entry.not_taken"
    REGISTRATION_MISSED = "registration.missed"
    PASSAGE_UNREGISTERED = "passage.unregistered"
    PASSAGE_SETTLED = "passage.settled"
    DOOR_OPENED = "door.opened"
    DOOR_CLOSED = "door.closed"
    DOOR_FORCED = "door.forced"
    DOOR_HELD = "door.held"
    ENTRY_AFTER_HOURS = "entry.after_hours"
    DENSITY_REACHED = "density.reached"
    DENSITY_EXCEEDED = "density.exceeded"
    DENSITY_CLEARED = "density.cleared"
    ALERT_RAISED = "alert.raised"
    ALERT_JOINED = "alert.joined"
    ALERT_CLEARED = "alert.cleared"
    SIGNAL_REPEATED = "signal.repeated"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_ASSIGNED = "alert.assigned"
    ALERT_NOTED = "alert.noted"
    ALERT_CLOSED = "alert.closed"
    ALERT_REOPENED = "alert.reopened"


APPLIED: Final = {
    "site": Topic.SITE_APPLIED,
    "policy": Topic.POLICY_APPLIED,
    "directory": Topic.DIRECTORY_APPLIED,
}
"""What is told of a document once it is in force, by its kind."""


class Decision(StrEnum):
    """What a person decided about an alert; its event's topic is `alert.` and this word."""

    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    NOTED = "noted"
    CLOSED = "closed"
    REOPENED = "reopened"


class CaseStatus(StrEnum):
    """How far people have come with an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Resolution(StrEnum):
    """Why an alert's case was closed."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    EXPLAINED = "explained"
    DUPLICATE = "duplicate"


class ActuationOutcome(StrEnum):
    """What became of something that a device was told to do."""

    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"


def code(member: StrEnum) -> int:
    """Return the integer code of a vocabulary's member: its place in its enumeration.

    >>> code(Direction.OUT)
    2
    """
    return list(type(member)).index(member)


def codes(vocabulary: type[StrEnum]) -> dict[str, int]:
    """Return the code of every member of a vocabulary, by its string."""
    return {str(member): place for place, member in enumerate(vocabulary)}
