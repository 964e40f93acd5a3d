"""Two sites far from each other, what they are loaded with, and what their readers say."""

from typing import Final

import msgspec

from domain.policy import Policy, Rule
from domain.signal import Signal, Time, signal_id
from domain.site import Point, Site, Zone
from domain.vocabulary import Action, Category
from tests.cross_site.told import PLACES, at

SITES: Final = ("berlin", "lisbon")


def says(site: str, number: int, minutes: float, **fields: object) -> Signal:
    """Return a site's signal: a granted reading, unless fields say otherwise; its number makes its id."""
    usual = {"device": "reader", "category": Category.CREDENTIAL, "action": Action.GRANTED}
    return msgspec.convert(
        {
            **usual, "id": signal_id(site, str(number)), "site": site, "time": Time(at(minutes), at(minutes)),
            **fields,
        },
        Signal,
    )  # fmt: skip


def loads(site: str) -> list[Signal]:
    """Return the signals by which a site begins: where it is, and a policy with the rules between sites."""
    latitude, longitude = PLACES[site]
    document = Site(
        id=site,
        time_zone="UTC",
        latitude=latitude,
        longitude=longitude,
        zones=(Zone(id="hall", entrance=True), Zone(id="lab")),
        points=(Point(id="gate", to_zone="hall", from_zone="outside"), Point(id="lab", to_zone="lab")),
    )
    policy = Policy(
        rules={name: Rule(cool_down_seconds=86_400) for name in ("impossible_travel", "two_sites")}
    )
    control = {"device": "desk", "category": Category.CONTROL, "action": Action.LOADED}
    return [
        says(site, -1, 0, data={"kind": "site", "document": document.model_dump(mode="json")}, **control),
        says(site, -2, 0, data={"kind": "policy", "document": policy.model_dump(mode="json")}, **control),
    ]
