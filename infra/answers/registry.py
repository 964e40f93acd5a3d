"""Which function answers which command; a module is imported when it is first asked."""

from importlib import import_module
from typing import Any, Final

from infra.failure import Failure
from infra.home import OpenHome

ANSWERS: Final = {
    "alerts": "infra.answers.history",
    "case_decide": "infra.answers.cases",
    "case_show": "infra.answers.cases",
    "events": "infra.answers.log",
    "import": "infra.answers.feed",
    "occupancy": "infra.answers.history",
    "place": "infra.answers.placing",
    "quarantine_list": "infra.answers.quarantine",
    "quarantine_retry": "infra.answers.rereading",
    "quarantine_show": "infra.answers.quarantine",
    "replay": "infra.answers.replay",
    "signals": "infra.answers.log",
    "simulate": "infra.simulating",
    "sql": "infra.answers.history",
    "status": "infra.answers.log",
    "trace": "infra.answers.trace",
    "verify": "infra.answers.history",
    "visits": "infra.answers.history",
}
_FUNCTIONS: Final = {"import": "import_files", "simulate": "simulate_into"}


def answer(home: OpenHome, command: str, arguments: dict[str, Any]) -> Any:
    """Return the JSON-able answer to a command.

    Raises:
        Failure: it could not be done, or there is no such command.
    """
    if command not in ANSWERS:
        raise Failure(f"{command!r} is no command of this version: use the version that owns the home")
    function = getattr(import_module(ANSWERS[command]), _FUNCTIONS.get(command, command))
    return function(home, **arguments)
