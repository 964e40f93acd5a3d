"""The people of the campus: who they are, where they work, and what they carry."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final

from connectors.simulation.campus import Campus
from domain.directory import Directory, HeldCredential, Person
from domain.signal import Credential, HashCredential
from domain.vocabulary import Role

_DEPARTMENTS: Final = (
    "Sales",
    "Engineering",
    "Management",
    "Finance",
    "Research",
    "Operations",
    "Facilities",
)
_MOBILE_SHARE: Final = 0.25
_REPLACED_SHARE: Final = 0.04
_EXPIRED_SHARE: Final = 0.1
"""Of contractors: their card ends during the simulation, or has ended before."""


@dataclass(slots=True)
class Member:
    """One person.

    `home` is the code of the zone where they work; `cards` (in order of validity) and `mobile` are what
    they carry; the first card ends, and the second begins, on `card_changes_on`.
    """

    code: int
    id: str
    role: Role
    department: str | None
    home: int
    cards: list[Credential] = field(default_factory=list)
    mobile: Credential | None = None
    card_changes_on: date | None = None

    def card(self, day: date) -> Credential | None:
        """Return the card that is valid on a date, if one is."""
        if self.card_changes_on is None or day < self.card_changes_on:
            return self.cards[0]
        return self.cards[1] if len(self.cards) > 1 else None

    def in_directory(self) -> Person:
        """Return the person as the directory has them."""
        change = datetime.combine(self.card_changes_on, time()) if self.card_changes_on else None
        held = [HeldCredential(format=card.format, hash=card.hash) for card in self.cards]
        if change:
            held[0] = held[0].model_copy(update={"valid_until": change})
            held[1:] = [card.model_copy(update={"valid_from": change}) for card in held[1:]]
        if self.mobile:
            held.append(HeldCredential(format=self.mobile.format, hash=self.mobile.hash))
        return Person(id=self.id, department=self.department, role=self.role, credentials=tuple(held))


class Population:
    """Everybody, by role. A person's code is their place in `members`."""

    def __init__(
        self,
        campus: Campus,
        persons: int,
        days: int,
        start: date,
        rng: Random,
        hashed: HashCredential,
        prefix: str,
    ) -> None:
        self.members: list[Member] = []
        guards = max(1, persons // 100)
        cleaners = min(max(1, persons // 50), persons - guards)
        visitors, contractors = persons * 8 // 100, persons * 8 // 100
        employees = persons - guards - cleaners - visitors - contractors
        homes = _homes(campus)
        for role, number in (
            (Role.EMPLOYEE, employees),
            (Role.CONTRACTOR, contractors),
            (Role.VISITOR, visitors),
            (Role.GUARD, guards),
            (Role.CLEANER, cleaners),
        ):
            for _ in range(number):
                department = _department(role, rng)
                member = Member(
                    code=len(self.members),
                    id=f"{prefix}{role}-{len(self.members) + 1:05d}",
                    role=role,
                    department=department,
                    home=campus.rooms.guard_post if role is Role.GUARD else rng.choice(homes[department]),
                )
                self._equip(member, days, start, rng, hashed)
                self.members.append(member)

    def of(self, *roles: Role) -> list[Member]:
        """Return the people of these roles, in order."""
        return [member for member in self.members if member.role in roles]

    def directory(self) -> Directory:
        """Return the directory of everybody."""
        return Directory(persons=tuple(member.in_directory() for member in self.members))

    @staticmethod
    def _equip(member: Member, days: int, start: date, rng: Random, hashed: HashCredential) -> None:
        def issue(form: str, suffix: str = "") -> Credential:
            value = f"{2_000_000 + member.code}{suffix}{rng.randrange(10_000):04d}"
            return Credential(format=form, hash=hashed(form, value))

        visitor, contractor = member.role is Role.VISITOR, member.role is Role.CONTRACTOR
        member.cards.append(issue("qr" if visitor else "card"))
        if contractor and rng.random() < _EXPIRED_SHARE:
            member.card_changes_on = start + timedelta(days=rng.randrange(max(1, days)))
        elif not visitor and rng.random() < _REPLACED_SHARE:
            member.cards.append(issue("card", "-"))
            member.card_changes_on = start + timedelta(days=rng.randrange(-days, days + 1))
        if not visitor and not contractor and rng.random() < _MOBILE_SHARE:
            member.mobile = issue("mobile")


def _department(role: Role, rng: Random) -> str | None:
    if role is Role.EMPLOYEE:
        return rng.choices(_DEPARTMENTS, (15, 30, 5, 10, 20, 12, 8))[0]
    if role is Role.CONTRACTOR:
        return rng.choice(("Engineering", "Facilities"))
    return {Role.GUARD: "Security", Role.CLEANER: "Facilities"}.get(role)


def _homes(campus: Campus) -> dict[str | None, list[int]]:
    """Return every department's offices: in the building of its work, else wherever there are any."""

    def within(zone: int) -> list[int]:
        building = campus.building(zone)
        offices = [office for office in campus.rooms.offices if campus.building(office) == building]
        return offices or list(campus.rooms.offices)

    main = within(campus.rooms.canteen)
    found: dict[str | None, list[int]] = {department: main for department in _DEPARTMENTS}
    found["Research"] = within(campus.rooms.labs[0])
    found["Operations"] = found["Facilities"] = within(campus.rooms.guard_post)
    found[None] = main
    return found
