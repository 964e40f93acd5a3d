"""What goes wrong, as ClickHouse says it: a code, a name, a text, and the HTTP status that goes with it."""

import re
from typing import Final

AUTHENTICATION_FAILED: Final = 516
READONLY: Final = 164
ACCESS_DENIED: Final = 497
BAD_ARGUMENTS: Final = 36
TIMEOUT: Final = 159
TOO_MANY_QUERIES: Final = 202
CANCELLED: Final = 394
TOO_LARGE: Final = 396
UNKNOWN: Final = 1002

_NAMES: Final = {
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    READONLY: "READONLY",
    ACCESS_DENIED: "ACCESS_DENIED",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    TIMEOUT: "TIMEOUT_EXCEEDED",
    TOO_MANY_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    TOO_LARGE: "TOO_MANY_ROWS_OR_BYTES",
    CANCELLED: "QUERY_WAS_CANCELLED",
    UNKNOWN: "UNKNOWN_EXCEPTION",
}
_STATUSES: Final = {
    AUTHENTICATION_FAILED: 401,
    ACCESS_DENIED: 403,
    READONLY: 403,
    TIMEOUT: 408,
    TOO_MANY_QUERIES: 503,
    60: 404,  # UNKNOWN_TABLE
    81: 404,  # UNKNOWN_DATABASE
    46: 404,  # UNKNOWN_FUNCTION
    36: 400,  # BAD_ARGUMENTS
    41: 400,  # CANNOT_PARSE_DATETIME
    26: 400,  # CANNOT_PARSE_QUOTED_STRING
    27: 400,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    33: 400,  # CANNOT_READ_ALL_DATA
    43: 400,  # ILLEGAL_TYPE_OF_ARGUMENT
    47: 400,  # UNKNOWN_IDENTIFIER
    53: 400,  # TYPE_MISMATCH
    62: 400,  # SYNTAX_ERROR
    72: 400,  # CANNOT_PARSE_NUMBER
    73: 400,  # UNKNOWN_FORMAT
    115: 400,  # UNKNOWN_SETTING
    117: 400,  # INCORRECT_DATA
    456: 400,  # UNKNOWN_QUERY_PARAMETER
    457: 400,  # BAD_QUERY_PARAMETER
}


class GatewayError(Exception):
    """A request that could not be served.

    Args:
        code: ClickHouse's number for it.
        text: what a client is shown, `Code: N. DB::Exception: … (NAME)`.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUSES.get(self.code, 500)

    @property
    def name(self) -> str:
        """The name in the text's last brackets; empty, if it has none."""
        match = re.search(r"\(([A-Z0-9_]+)\)\s*$", self.text)
        return match[1] if match else ""


def refused(code: int, what: str) -> GatewayError:
    """Return an error of the gateway's own, in the engine's form."""
    return GatewayError(code, f"Code: {code}. DB::Exception: {what}. ({_NAMES[code]})")


def of_engine(error: Exception) -> GatewayError:
    """Return what the engine raised, without the words that its wrappers put before it."""
    text = str(error)
    match = re.search(r"Code: (\d+)\. DB::", text)
    if match is None:
        return refused(UNKNOWN, " ".join(text.split()) or type(error).__name__)
    return GatewayError(int(match[1]), text[match.start() :].strip())
