"""The whole chain without a broker: two sites' signals, the second stage, and alerts at both sites."""

import pytest

from domain.event import Event
from domain.signal import Credential, Signal, write_signal
from domain.vocabulary import Action, Topic
from streams import admission
from streams.cross_site.alarms import alarms
from streams.cross_site.rules import CrossSite, Limits
from streams.cross_site.uses import read_use, uses_of
from streams.worker.partition import Decided, PartitionDecider
from tests.cross_site.sites import SITES, loads, says
from tests.cross_site.told import at


class Chain:
    """One partition of both sites, the second stage behind it, and the way back."""

    def __init__(self) -> None:
        self._decider = PartitionDecider(admission.Limits(), uses=uses_of)
        self._stage = CrossSite(Limits())
        self.events: list[Event] = []

    def say(self, *signals: Signal) -> None:
        """Let signals be decided, and whatever the second stage answers."""
        waiting = list(signals)
        while waiting:
            decided = self._decide(waiting)
            self.events += decided.events
            waiting = [
                signal
                for _, value in decided.uses
                for finding in self._stage.see(read_use(value), at(100))
                for signal in alarms(finding, at(100))
            ]

    def _decide(self, signals: list[Signal]) -> Decided:
        return self._decider.decide(
            [
                admission.Message(self._decider.position + n, s.site.encode(), write_signal(s), at(100))
                for n, s in enumerate(signals)
            ]
        )


@pytest.fixture
def chain() -> Chain:
    """Give a chain in which both sites have begun."""
    chain = Chain()
    chain.say(*loads("berlin"), *loads("lisbon"))
    return chain


def _alerts(chain: Chain, topic: Topic = Topic.ALERT_RAISED) -> list[tuple[str, str | None, str | None]]:
    return [(event.site, event.rule, event.person) for event in chain.events if event.topic is topic]


def test_a_cloned_card_alerts_both_sites(chain: Chain) -> None:
    """Granted here and denied there half an hour later; going on joins the evidence at both."""
    card = Credential("card", "c-1")
    for number in range(6):
        here = says("berlin", number, 1 + 30 * number, point="gate", credential=card)
        there = says("lisbon", number, 11 + 30 * number, point="gate", credential=card, action=Action.DENIED)
        chain.say(here, there)
    assert _alerts(chain) == [(site, "impossible_travel", "unknown:c-1") for site in SITES]
    assert len(_alerts(chain, Topic.ALERT_JOINED)) == 4  # two windows later, at both sites


def test_a_person_inside_two_sites_alerts_both(chain: Chain) -> None:
    """Ann goes about in both buildings at once: one alert at each, resting on the signal that told it."""
    for number, (site, point) in enumerate((site, point) for point in ("gate", "lab") for site in SITES):
        chain.say(says(site, number, 10 * number, point=point, person="ann"))
    raised = [event for event in chain.events if event.topic is Topic.ALERT_RAISED]
    two = [event for event in raised if event.rule == "two_sites"]
    assert [(event.site, event.person, event.point, event.zone) for event in two] == [
        (site, "ann", "lab", "lab") for site in SITES
    ]
    assert all(event.causes == (event.position,) for event in two)


def test_what_the_second_stage_tells_is_no_use(chain: Chain) -> None:
    """Its alarms come back to the first stage, and tell the second nothing: no loop."""
    card = Credential("card", "c-1")
    chain.say(says("berlin", 0, 1, point="gate", credential=card))
    decided = chain._decide([says("lisbon", 0, 2, point="gate", credential=card)])
    uses = [read_use(value) for _, value in decided.uses]
    (finding,) = [finding for use in uses for finding in chain._stage.see(use, at(100))]
    assert chain._decide(list(alarms(finding, at(100)))).uses == []
