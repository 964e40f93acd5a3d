"""Admission of commands: which messages of the commands topic are commands."""

from domain.commands.case_command import SCHEMA_VERSION, CaseCommand, read_command
from domain.errors import UnreadableCommand
from streams.admission import Limits, Message, Refused, refused, site_in_key
from streams.quarantine import RejectionReason


def admit_command(message: Message, limits: Limits) -> CaseCommand | Refused:
    """Return the command in a message, or why there is none; it depends on the message alone."""
    value = message.value
    if value is None:
        return refused(message, RejectionReason.UNREADABLE, "no value: a command cannot be deleted")
    if len(value) > limits.message_bytes:
        detail = f"{len(value):,} bytes: a command has at most {limits.message_bytes:,}"
        return refused(message, RejectionReason.TOO_LONG, detail)
    if message.schema not in (None, b"%d" % SCHEMA_VERSION):
        detail = f"unknown schema version {message.schema!r}: this version reads {SCHEMA_VERSION}"
        return refused(message, RejectionReason.UNKNOWN_SCHEMA, detail)
    site = site_in_key(message, limits)
    if isinstance(site, Refused):
        return site
    try:
        command = read_command(value)
    except UnreadableCommand as error:
        return refused(message, RejectionReason.UNREADABLE, str(error))
    if command.site != site:
        detail = f"the key says site {site!r}, the command {command.site!r}: the producer must use its site"
        return refused(message, RejectionReason.FOREIGN_KEY, detail)
    return command
