"""A member of a group as a sink is one."""

from infra.group_membership import GroupMembership
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic


def sinks_member(settings: KafkaSettings, assigned: list[int]) -> GroupMembership:
    """Join the group of the signals' partitions; `assigned` has ours, and none once any is given up."""
    return GroupMembership(
        settings, "sink", Topic.SIGNALS,
        on_assigned=assigned.extend, on_revoked=lambda _: assigned.clear(),
        on_lost=lambda _: assigned.clear(),
    )  # fmt: skip
