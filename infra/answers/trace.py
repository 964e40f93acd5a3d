"""The answer to "where has this person been", which is recorded before it is given."""

import re
from typing import Any, Final

from infra.control import look
from infra.credentials import hash_credential, read_key
from infra.home import OpenHome
from projections.trace import trace as entries

_HASH: Final = re.compile(r"[0-9a-f]{32}")


def trace(
    home: OpenHome, *, person: str | None, credential: str | None, purpose: str, user: str
) -> list[dict[str, Any]]:
    """Return everything known of a person or a credential; the look is in the log before."""
    hashed = None if credential is None else _hashed(home, credential)
    subject = {"person": str(person)} if hashed is None else {"credential": hashed}
    pipeline = home.pipeline
    for _ in pipeline.decide():
        pass
    pipeline.append([look(home.site.id, pipeline.runner.engine.now, purpose, user, subject)])
    pipeline.advance()
    return entries(home.history, home.site, person=person, credential=hashed)


def _hashed(home: OpenHome, credential: str) -> str:
    """Return the hash of a credential given as its hash, as `format:value`, or as a card's value."""
    if _HASH.fullmatch(credential):
        return credential
    form, colon, value = credential.partition(":")
    if not colon:
        form, value = "card", credential
    return hash_credential(read_key(home.paths.key), form, value)
