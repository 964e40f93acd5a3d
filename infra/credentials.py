"""The key of a home, and the keyed hash by which credentials are known everywhere.

Whoever has the logs but not the key cannot try out card numbers.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from domain.signal import HashCredential
from infra.invalid_settings import InvalidSettings, Problem

KEY_BYTES: Final = 32
HASH_BYTES: Final = 16


def create_key(path: Path) -> bytes:
    """Write a new random key that only its owner may read, and return it.

    Raises:
        FileExistsError: there is a key; another would make every known credential a stranger.
        OSError: it cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def read_key(path: Path) -> bytes:
    """Return the key of a home.

    Raises:
        InvalidSettings: it is not there, cannot be read, or is no key.
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidSettings(
            [
                Problem(
                    str(path),
                    None,
                    "",
                    "the key is missing; restore it from a backup, or make a home with `limen init`",
                )
            ]
        ) from error
    except OSError as error:
        raise InvalidSettings(
            [
                Problem(
                    str(path), None, "", f"the key cannot be read ({error.strerror}); check its permissions"
                )
            ]
        ) from error
    if len(key) != KEY_BYTES:
        raise InvalidSettings(
            [
                Problem(
                    str(path),
                    None,
                    "",
                    f"the key has {len(key)} bytes, not {KEY_BYTES}; restore it from a backup",
                )
            ]
        )
    return key


def hash_credential(key: bytes, form: str, value: str) -> str:
    """Return the keyed hash of a credential of this format: 32 hexadecimal digits."""
    digest = hashlib.blake2b(key=key, digest_size=HASH_BYTES)
    digest.update(len(form).to_bytes(4, "big"))  # so that no format can borrow from the value
    digest.update(f"{form}{value}".encode())
    return digest.hexdigest()


def credential_hasher(key: bytes) -> HashCredential:
    """Return `hash_credential` for one key."""
    return lambda form, value: hash_credential(key, form, value)
