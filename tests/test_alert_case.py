"""An alert's case: what may be decided about it when."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from domain.commands.alert_case import AlertCase
from domain.commands.alert_decision import LONGEST_NAME, LONGEST_NOTE, read_alert_decision
from domain.errors import CommandRefused, InvalidDocument
from domain.vocabulary import CaseStatus, Decision, Resolution

ALERT: Final = "campus:after_hours:ann:1"
AT: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)

Command = Callable[[AlertCase], None]
COMMANDS: Final[dict[Decision, Command]] = {
    Decision.ACKNOWLEDGED: lambda case: case.acknowledge(by="ann", at=AT),
    Decision.ASSIGNED: lambda case: case.assign(by="ann", at=AT, assignee="bob"),
    Decision.NOTED: lambda case: case.add_note(by="ann", at=AT, note="hm"),
    Decision.CLOSED: lambda case: case.close(by="ann", at=AT, resolution=Resolution.CONFIRMED),
    Decision.REOPENED: lambda case: case.reopen(by="ann", at=AT),
}
HISTORIES: Final[dict[CaseStatus, tuple[Decision, ...]]] = {
    CaseStatus.OPEN: (),
    CaseStatus.ACKNOWLEDGED: (Decision.ACKNOWLEDGED,),
    CaseStatus.CLOSED: (Decision.ACKNOWLEDGED, Decision.CLOSED),
}
"""How a case comes into each status."""


def case_in(status: CaseStatus) -> AlertCase:
    """Return a case in a status."""
    case = AlertCase.begin(ALERT, "campus", by="ann", at=AT)
    for decision in HISTORIES[status]:
        COMMANDS[decision](case)
    assert case.status is status
    case.collect_events()
    return case


@pytest.mark.parametrize(
    ("status", "decision", "then"),
    [
        (CaseStatus.OPEN, Decision.ACKNOWLEDGED, CaseStatus.ACKNOWLEDGED),
        (CaseStatus.OPEN, Decision.ASSIGNED, CaseStatus.OPEN),
        (CaseStatus.OPEN, Decision.NOTED, CaseStatus.OPEN),
        (CaseStatus.OPEN, Decision.CLOSED, CaseStatus.CLOSED),
        (CaseStatus.OPEN, Decision.REOPENED, None),
        (CaseStatus.ACKNOWLEDGED, Decision.ACKNOWLEDGED, None),
        (CaseStatus.ACKNOWLEDGED, Decision.ASSIGNED, CaseStatus.ACKNOWLEDGED),
        (CaseStatus.ACKNOWLEDGED, Decision.NOTED, CaseStatus.ACKNOWLEDGED),
        (CaseStatus.ACKNOWLEDGED, Decision.CLOSED, CaseStatus.CLOSED),
        (CaseStatus.ACKNOWLEDGED, Decision.REOPENED, None),
        (CaseStatus.CLOSED, Decision.ACKNOWLEDGED, None),
        (CaseStatus.CLOSED, Decision.ASSIGNED, None),
        (CaseStatus.CLOSED, Decision.NOTED, None),
        (CaseStatus.CLOSED, Decision.CLOSED, None),
        (CaseStatus.CLOSED, Decision.REOPENED, CaseStatus.OPEN),
    ],
)
def test_each_status_allows_its_decisions(
    status: CaseStatus, decision: Decision, then: CaseStatus | None
) -> None:
    """A decision leads to its status and is one event; one that is not allowed changes nothing (12.4)."""
    case = case_in(status)
    if then is None:
        with pytest.raises(CommandRefused, match=ALERT):
            COMMANDS[decision](case)
        assert case.status is status
        assert not case.pending_events
        return
    COMMANDS[decision](case)
    assert case.status is then
    (event,) = case.collect_events()
    assert isinstance(event, AlertCase.Event)
    assert event.timestamp == AT
    told = event.decision()
    assert (told.decision, told.alert, told.by) == (decision, ALERT, "ann")


def test_a_reopened_case_begins_again() -> None:
    """Nobody has acknowledged it and nothing is resolved, but whoever it was assigned to still has it."""
    case = case_in(CaseStatus.ACKNOWLEDGED)
    case.assign(by="ann", at=AT, assignee="bob")
    COMMANDS[Decision.CLOSED](case)
    COMMANDS[Decision.REOPENED](case)
    assert (case.acknowledged_by, case.resolution, case.assignee) == (None, None, "bob")


def test_it_is_assigned_once_to_the_same_person() -> None:
    """Assigning to whom it is assigned already is refused, whatever space stands around the name."""
    case = case_in(CaseStatus.OPEN)
    COMMANDS[Decision.ASSIGNED](case)
    for name in ("bob", " bob "):
        with pytest.raises(CommandRefused, match="assigned to bob already"):
            case.assign(by="ann", at=AT, assignee=name)
    case.assign(by="ann", at=AT, assignee="cy")
    assert case.assignee == "cy"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"by": " "}, "by: it is empty"),
        ({"by": "x" * (LONGEST_NAME + 1)}, "by: it is 201 characters long"),
        ({"note": ""}, "note: it is empty"),
        ({"note": "x" * (LONGEST_NOTE + 1)}, "note: it is 2,001 characters long"),
        ({"note": "\udcff"}, "note: it is not written in UTF-8"),
    ],
)
def test_texts_that_are_not_fit_are_refused(fields: dict[str, str], reason: str) -> None:
    """Who and what are texts of a reasonable length, in UTF-8."""
    case = case_in(CaseStatus.OPEN)
    told: dict[str, Any] = {"by": "ann", "note": "hm"} | fields
    with pytest.raises(CommandRefused, match=reason):
        case.add_note(at=AT, **told)
    assert not case.pending_events


def test_a_case_has_the_id_of_its_alert() -> None:
    """The id is a storage format: it never changes."""
    assert str(AlertCase.create_id(ALERT)) == "666706a7-b627-57ce-8e2c-faae2b2f06e6"
    assert case_in(CaseStatus.OPEN).id == AlertCase.create_id(ALERT)
    assert AlertCase.create_id(ALERT) != AlertCase.create_id(ALERT + "0")


def test_what_this_version_does_not_know_is_passed_over() -> None:
    """A later version may tell more of a decision; an engine of this one takes what it knows."""
    data = {"kind": "alert_case", "alert": ALERT, "decision": "acknowledged", "by": "ann", "decided_at": 5}
    assert read_alert_decision({**data, "mood": "good"}) == read_alert_decision(data)
    with pytest.raises(InvalidDocument, match="decided: "):
        read_alert_decision(None)
