"""What a control signal says of a decision about an alert: people decide it, the engine reads it."""

from typing import Annotated, Any, Final, Literal

import msgspec

from domain.errors import InvalidDocument
from domain.vocabulary import Decision, Resolution

KIND: Final = "alert_case"
LONGEST_ALERT: Final = 1_000
"""Characters of an alert's id: those of a site, a rule and a subject are far fewer."""
LONGEST_NAME: Final = 200
"""Characters of a person's name or id."""
LONGEST_NOTE: Final = 2_000
"""Characters of a note."""

_Alert = Annotated[str, msgspec.Meta(max_length=LONGEST_ALERT)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
_Note = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NOTE)]
_Moment = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]


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
        """Check that what belongs together is together.

        Raises:
            ValueError: an assignee, resolution or note is missing, or there without its decision.
        """
        if (self.assignee is not None) != (self.decision is Decision.ASSIGNED):
            raise ValueError("an assignee belongs to `assigned`, and to nothing else")
        if (self.resolution is not None) != (self.decision is Decision.CLOSED):
            raise ValueError("a resolution belongs to `closed`, and to nothing else")
        if self.note is None and self.decision is Decision.NOTED:
            raise ValueError("`noted` needs a note")


def read_alert_decision(data: Any) -> AlertDecision:
    """Return the decision in the data of a signal; what this version does not know in it is passed over.

    Raises:
        InvalidDocument: it is none; the message says what is wrong and where.
    """
    try:
        return msgspec.convert(data, AlertDecision)
    except msgspec.ValidationError as error:
        raise InvalidDocument(f"decided: {error}") from error
