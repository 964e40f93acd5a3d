"""Commands for tests, good and bad."""

from typing import Any

import msgspec

from domain.commands.case_command import CaseCommand, write_command
from domain.vocabulary import Decision
from streams.admission import Limits, Message

LIMITS = Limits(message_bytes=10_000)


def a_command(number: int = 0, site: str = "campus", **changes: Any) -> CaseCommand:
    """Return a note about an alert; its number makes its id, and stands in the note."""
    usual = {
        "kind": "alert_case",
        "id": f"c-{number}",
        "site": site,
        "alert": f"{site}:door_held:vault:1",
        "decision": Decision.NOTED,
        "by": "ann",
        "note": str(number),
    }
    return CaseCommand(**(usual | changes))


def message(command: CaseCommand, **changes: Any) -> Message:
    """Return a command as its message."""
    whole = Message(0, command.site.encode(), write_command(command), 0, b"1", command.id.encode())
    return msgspec.structs.replace(whole, **changes)


def bad_messages() -> list[tuple[str, Message]]:
    """Return a message of every kind that is refused, and the reason it is given."""
    good = message(a_command())
    value = good.value or b""

    def changed(**changes: Any) -> Message:
        return msgspec.structs.replace(good, **changes)

    def put(old: bytes, new: bytes) -> Message:
        assert old in value
        return changed(value=value.replace(old, new))

    return [
        ("unknown_schema", changed(schema=b"2")),
        ("unknown_schema", changed(schema="²".encode())),
        ("unreadable", changed(value=None)),
        ("unreadable", changed(value=b"")),
        ("unreadable", changed(value=b"\xff\x00 no JSON")),
        ("unreadable", changed(value=b'{"x":' + b"[" * 4_000)),
        ("unreadable", put(b'"note":"0"', b'"note":"\xed\xa0\x80"')),
        ("unreadable", put(b'"alert":"campus', b'"alert":"\\ud800')),
        ("unreadable", put(b'"kind":"alert_case"', b'"kind":"incident"')),
        ("unreadable", put(b'"decision":"noted"', b'"decision":"forgotten"')),
        ("unreadable", put(b'"decision":"noted"', b'"decision":"closed"')),
        ("unreadable", put(b',"note":"0"', b"")),
        ("unreadable", put(b'"note":"0"', b'"note":"0","if_version":-1')),
        ("unreadable", put(b'"campus:door_held:vault:1"', b'"%s"' % (b"a" * 1_001))),
        ("wrong_encoding", changed(key=b"\xff\xfe")),
        ("foreign_key", changed(key=b"hq")),
        ("foreign_key", changed(key=b"a b")),
        ("foreign_key", changed(key=None)),
        ("too_long", changed(value=value + b" " * LIMITS.message_bytes)),
    ]
