"""What a control signal says of a decision about an alert: people decide it, the engine reads it."""

from typing import Annotated, Any, Final, Literal

import msgspec

from domain.bounds import MOST, is_site
from domain.errors import InvalidDocument
from domain.vocabulary import Decision, Resolution

LONGEST_ALERT: Final = 1_000
"""Characters of an alert's id: those of a site, a rule and a subject are far fewer."""
LONGEST_NAME: Final = 200
"""Characters of a person's name or id."""
LONGEST_NOTE: Final = 2_000
"""Characters of a note."""

_Alert = Annotated[str, msgspec.Meta(max_length=LONGEST_ALERT)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
_Note = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NOTE)]
_Moment = Annotated[int, msgspec.Meta(ge=0, lt=MOST)]


class AlertDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a `decided` signal. `decided_at` is UTC microseconds by the clock of who took the command.

    `assignee` is there when it was assigned, `resolution` when it was closed, `note` when it was noted, and
    with any other decision where somebody wrote one.
    """

    kind: Literal["alert_case"]
    alert: _Alert
    decision: Decision
    by: _Name
    decided_at: _Moment
    note: _Note | None = None
    assignee: _Name | None = None
    resolution: Resolution | None = None

    def __post_init__(self) -> None:
        """Check that what belongs together is together; see `check_whole`."""
        check_whole(self.decision, self.note, self.assignee, self.resolution)


def check_whole(
    decision: Decision, note: str | None, assignee: str | None, resolution: Resolution | None
) -> None:
    """Check that a decision has what belongs to it, and nothing that does not.

    Raises:
        ValueError: an assignee, resolution or note is missing, or there without its decision.
    """
    if (assignee is not None) != (decision is Decision.ASSIGNED):
        raise ValueError("an assignee belongs to `assigned`, and to nothing else")
    if (resolution is not None) != (decision is Decision.CLOSED):
        raise ValueError("a resolution belongs to `closed`, and to nothing else")
    if note is None and decision is Decision.NOTED:
        raise ValueError("`noted` needs a note")


def rule_in(alert: str, site: str) -> str | None:
    """Return the rule in the id of an alert of a site; None where it is no such id (rules 11.1).

    >>> rule_in("campus:door_held:vault:7", "campus"), rule_in("campus:door_held:vault:7", "hq")
    ('door_held', None)
    """
    head, _, rest = alert.partition(":")
    rule, _, rest = rest.partition(":")
    subject, _, number = rest.rpartition(":")  # the subject may hold colons itself
    is_one = head == site and rule and subject and number.isascii() and number.isdigit()
    return rule if is_one else None


def site_in(alert: str) -> str | None:
    """Return the site in the id of an alert; None where it is no such id, or longer than one may be.

    >>> site_in("campus:door_held:vault:7"), site_in("campus:vault")
    ('campus', None)
    """
    site = alert.partition(":")[0]
    is_one = len(alert) <= LONGEST_ALERT and is_site(site) and rule_in(alert, site)
    return site if is_one else None


def read_alert_decision(data: Any) -> AlertDecision:
    """Return the decision in the data of a signal; what this version does not know in it is passed over.

    Raises:
        InvalidDocument: it is none; the message says what is wrong and where.
    """
    try:
        return msgspec.convert(data, AlertDecision)
    except msgspec.ValidationError as error:
        raise InvalidDocument(f"decided: {error}") from error
