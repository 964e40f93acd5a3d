"""What a request's text is: an INSERT with its rows behind it, a statement that reads, or one that writes."""

import re
from dataclasses import dataclass
from typing import Final

_QUOTED: Final = rb"`[^`]*`|\"[^\"]*\""
_NAME: Final = rb"(?:" + _QUOTED + rb"|\w+)"
_INSERT: Final = re.compile(
    rb"\s*(?P<head>INSERT\s+INTO\s+(?:TABLE\s+)?" + _NAME + rb"(?:\s*\.\s*" + _NAME + rb")?"
    rb"(?:\s*\((?:" + _QUOTED + rb"|[^()`\"])*\))?(?:\s+SETTINGS\s+[\w\s=,.'-]+?)?)"
    rb"\s+FORMAT\s+(?P<format>\w+)(?:[ \t]*;?[ \t]*\r?\n|[ \t]+|;?[ \t]*\Z)",
    re.IGNORECASE,
)
_FORMAT: Final = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
_LEADING: Final = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*(\w*)", re.DOTALL)
_READS: Final = frozenset(
    {"select", "with", "from", "show", "desc", "describe", "exists", "explain", "values"}
)
_APART: Final = re.compile(r"'(?:[^'\\]|\\.|'')*'|/\*.*?\*/|--[^\n]*", re.DOTALL)
_FILES: Final = re.compile(r"\b(?:OUTFILE|INFILE)\b|\bfile`?\"?\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows are bytes in `format`; they begin at byte `data_at`."""

    head: str
    format: str
    data_at: int


def insert(data: bytes) -> Insert | None:
    r"""Return the INSERT … FORMAT that a body begins with; None: it is something else, or not yet whole.

    >>> insert(b"INSERT INTO t (a, `b)`) FORMAT Native\n...")
    Insert(head='INSERT INTO t (a, `b)`)', format='Native', data_at=38)
    >>> insert(b"INSERT INTO t VALUES (1)"), insert(b"INSERT INTO t SELECT 1 FORMAT TSV")
    (None, None)
    """
    match = _INSERT.match(data)
    if match is None or match["format"].lower() == b"values":
        return None
    return Insert(match["head"].decode(errors="replace"), match["format"].decode(), match.end())


def reads(text: str) -> bool:
    """Say whether a statement only reads, by its first word.

    >>> reads("/* why */ (SELECT 1)"), reads("INSERT INTO t SELECT 1"), reads("ALTER TABLE t DROP COLUMN a")
    (True, False, False)
    """
    return _first_word(text) in _READS


def streams(text: str) -> bool:
    """Say whether the engine can yield a statement's answer piece by piece: SHOW and DESCRIBE it cannot."""
    return _first_word(text) in ("select", "with", "from")


def _first_word(text: str) -> str:
    match = _LEADING.match(text)
    return match[1].lower() if match else ""


def without_format(text: str) -> tuple[str, str | None]:
    """Return a statement without its last clause FORMAT, and that format.

    >>> without_format("SELECT 1 FORMAT JSON;")
    ('SELECT 1', 'JSON')
    """
    match = _FORMAT.search(text)
    return (text[: match.start()].rstrip(), match[1]) if match else (text, None)


def format_of(text: str) -> str | None:
    """Return the format that a statement's last clause names."""
    return without_format(text)[1]


def touches_files(text: str) -> bool:
    """Say whether a statement would read or write files, which over HTTP no server does.

    >>> touches_files("SELECT 1 INTO/**/OUTFILE 'x'"), touches_files("SELECT 'INTO OUTFILE'")
    (True, False)
    """
    return _FILES.search(_APART.sub(" ", text)) is not None
