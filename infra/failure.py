"""What goes wrong for the person at the command line, and the exit code that says so."""

from typing import Final

from streams.no_room import no_room

DONE: Final = 0
NO: Final = 1
WRONG_USE: Final = 2
FAILED: Final = 3
FENCED: Final = 4
"""Another worker has taken over; started again, this one takes part anew."""
UNREAD: Final = 141
"""Whoever read the output has gone, as `head` does: what a shell says of a program that SIGPIPE ends."""


class Failure(Exception):
    """It could not be done: the message says what is wrong, where, and what to do."""

    exit_code = FAILED


class WrongUse(Failure):
    """The command was called wrongly: an option that is missing, contradictory or unreadable."""

    exit_code = WRONG_USE


_OURS: Final = frozenset({"domain", "streams", "connectors", "projections", "detectors", "infra"})


def explained(error: Exception) -> Failure:
    """Return the failure to show for any error: ours say themselves what to do."""
    if isinstance(error, Failure):
        return error
    if is_ours(error):
        return Failure(str(error))
    if isinstance(error, OSError):
        room = no_room(error)
        what = f"{room}, and do the same again" if room else error.strerror or error
        return Failure(f"{error.filename or 'the system'}: {what}")
    return Failure(
        f"unexpected {type(error).__name__}: {error}; this is a mistake of ours: "
        "LIMEN_DEBUG=1 shows where, please report it"
    )


def is_ours(error: Exception) -> bool:
    """Return whether the error is one that our own code raises, with a message for people."""
    return type(error).__module__.partition(".")[0] in _OURS
