"""The directory: opaque persons with department, role, validity and credentials. No names, ever."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.site import Document
from domain.vocabulary import Role

PersonId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/]+$")]


class HeldCredential(Document):
    """A credential a person holds, valid from (inclusive) until (exclusive). A replaced card has an end."""

    format: str = "card"
    hash: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class Person(Document):
    """One person. Times without an offset are the site's; nobody holds a credential beyond their own."""

    id: PersonId
    department: str | None = None
    role: Role = Role.EMPLOYEE
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    credentials: tuple[HeldCredential, ...] = ()


class Directory(Document):
    """Everybody who is known to the site."""

    persons: tuple[Person, ...] = ()
