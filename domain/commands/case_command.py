"""What somebody orders about an alert from afar: a message of the commands topic."""

from typing import Annotated, Final, Literal

import msgspec

from domain.bounds import MOST
from domain.commands.alert_decision import LONGEST_ALERT, check_whole
from domain.errors import UnreadableCommand
from domain.vocabulary import Decision, Resolution

SCHEMA_VERSION: Final = 1

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Alert = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ALERT)]
_Version = Annotated[int, msgspec.Meta(ge=0, lt=MOST)]


class CaseCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order to decide something about an alert, as `limen case` would.

    `id` is the sender's own, for following the command in log lines. With `if_version` the case must stand at
    that version, 0 being one that has not begun: sent twice, the second is refused. Whether a text is fit and
    the decision allowed is for the case to say (rules 12.4).
    """

    kind: Literal["alert_case"]
    id: _Id
    site: str
    alert: _Alert
    decision: Decision
    by: str
    note: str | None = None
    assignee: str | None = None
    resolution: Resolution | None = None
    if_version: _Version | None = None

    def __post_init__(self) -> None:
        """Check that what belongs together is together; see `check_whole`."""
        check_whole(self.decision, self.note, self.assignee, self.resolution)


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(CaseCommand).decode


def write_command(command: CaseCommand) -> bytes:
    """Return a command as it goes over the wire."""
    return _encode(command)


def read_command(wire: bytes) -> CaseCommand:
    """Return the command in a message; what this version does not know in it is passed over.

    Raises:
        UnreadableCommand: there is none; the message says what is wrong and where.
    """
    try:
        return _decode(wire)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableCommand(f"no command: {error}") from error
