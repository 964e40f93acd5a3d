"""Commands as they go over the wire."""

import msgspec
import pytest

from domain.commands.case_command import read_command, write_command
from domain.vocabulary import Decision, Resolution
from streams.admission import Message, Refused
from streams.commands import admit_command
from tests.relay.commands import LIMITS, a_command, bad_messages, message


def test_a_command_is_read_as_it_was_written() -> None:
    """Each decision comes back with all that belongs to it; a field that nobody knows is passed over."""
    for command in (
        a_command(),
        a_command(decision=Decision.ASSIGNED, note=None, assignee="bob", if_version=0),
        a_command(decision=Decision.CLOSED, note="窗户", resolution=Resolution.EXPLAINED),
    ):
        assert read_command(write_command(command)) == command
        assert admit_command(message(command), LIMITS) == command
    newer = write_command(a_command()).replace(b'{"kind"', b'{"urgent":true,"kind"')
    assert read_command(newer) == a_command()


def test_a_header_for_the_schema_may_be_left_out() -> None:
    """What names no version is of the first."""
    assert admit_command(message(a_command(), schema=None), LIMITS) == a_command()


@pytest.mark.parametrize(("reason", "bad"), bad_messages())
def test_what_is_no_command_is_refused(reason: str, bad: Message) -> None:
    """It has a reason of the quarantine's, and a sentence that is not long."""
    found = admit_command(bad, LIMITS)
    assert isinstance(found, Refused)
    assert found.reason == reason
    assert 0 < len(found.detail) <= 1_000


def test_a_key_in_a_partition_that_is_not_its_own_is_refused() -> None:
    """One site's commands must be in one order."""
    limits = [msgspec.structs.replace(LIMITS, partition=n, partitions=2) for n in range(2)]
    found = [admit_command(message(a_command()), each) for each in limits]
    (refused,) = (one for one in found if isinstance(one, Refused))
    assert refused.reason == "foreign_key"
