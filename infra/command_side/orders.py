"""Orders: commands from Kafka, each decided exactly once.

The offset behind a command is kept in the very transaction of what was decided about it (a tracking record
of `eventsourcing`), under the name of its partition. The database takes an offset only where it is greater
than the one it has. So it does not matter who is killed, or still believes a partition to be theirs: what
somebody has decided is decided by nobody else.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from domain.commands.alert_decision import rule_in
from domain.commands.case_command import CaseCommand
from domain.errors import CommandRefused
from infra.command_side.cases import Cases
from infra.command_side.errors import Outdated, Overtaken
from streams.admission import Limits, Message, Refused, rejection
from streams.commands import admit_command
from streams.kafka.quarantining import MessageQuarantine

DECIDED, REFUSED, QUARANTINED, REPEATED = "decided", "refused", "quarantined", "repeated"
_ID_LENGTH: Final = 100


class Orders:
    """Has the commands of the partitions of one topic decided. For one thread.

    Args:
        cases: who decides.
        quarantine: where messages go that are no commands.
        topic: the topic's whole name.
        partitions: how many it has.
        message_bytes: how large a command may be.
        count: is told what became of a command of a partition.
    """

    def __init__(
        self,
        cases: Cases,
        quarantine: MessageQuarantine,
        topic: str,
        partitions: int,
        message_bytes: int,
        count: Callable[[int, str], None],
    ) -> None:
        self._cases, self._quarantine, self._topic = cases, quarantine, topic
        self._partitions, self._message_bytes = partitions, message_bytes
        self._count = count
        self._log = structlog.get_logger()

    def next_offset(self, partition: int) -> int:
        """Return the offset of the first command of a partition that nobody has decided.

        Raises:
            CommandSideUnavailable: PostgreSQL cannot be reached.
        """
        return self._cases.tracked(self._name(partition))

    def pass_over(self, partition: int, to_offset: int) -> None:
        """Note that the commands below an offset are gone, and nobody will ever decide them.

        Raises:
            CommandSideUnavailable: PostgreSQL cannot be reached.
        """
        self._cases.track(self._name(partition), to_offset)

    def take(self, partition: int, message: Message) -> None:
        """Have a command decided, refuse it or put it into quarantine. What is done already is passed over.

        Raises:
            CommandSideUnavailable: PostgreSQL cannot be reached; nothing is lost, take it again.
            LogUnavailable: Kafka does not take what is put into quarantine; likewise.
        """
        limits = Limits(message_bytes=self._message_bytes, partition=partition, partitions=self._partitions)
        found = admit_command(message, limits)
        name, behind = self._name(partition), message.offset + 1
        where = {
            "correlation": (message.id or b"").decode(errors="replace")[:_ID_LENGTH] or None,
            "partition": partition,
            "offset": message.offset,
        }
        try:
            if isinstance(found, Refused):
                self._quarantine.put(partition, message.offset, rejection("commands", partition, found))
                self._log.warning(QUARANTINED, **where, reason=str(found.reason), detail=found.detail)
                self._cases.mark(name, behind)
                outcome = QUARANTINED
            elif (why := self._decided(found, name, behind)) is None:
                self._log.info(DECIDED, **where)
                outcome = DECIDED
            else:
                self._log.warning(REFUSED, **where, reason=why)  # said twice, if need be, rather than never
                self._cases.mark(name, behind)
                outcome = REFUSED
        except Overtaken:
            outcome = REPEATED
        self._count(partition, outcome)

    def _decided(self, command: CaseCommand, name: str, behind: int) -> str | None:
        """Decide; return why it is refused, if it is.

        Raises:
            Overtaken: another relay has taken the command.
        """
        if rule_in(command.alert, command.site) is None:
            return "there is no such alert at this site"
        while True:
            try:
                with self._cases.marking(name, behind):
                    self._cases.decide(
                        command.alert,
                        command.decision,
                        by=command.by,
                        at=datetime.now(UTC),
                        note=command.note,
                        assignee=command.assignee,
                        resolution=command.resolution,
                        version=command.if_version,
                    )
            except Overtaken:
                if self._cases.tracked(name) >= behind:
                    raise
                continue  # somebody decided about the same alert: now it is held against that
            except CommandRefused as refusal:
                return refusal.plain
            except Outdated as refusal:
                return str(refusal)
            return None

    def _name(self, partition: int) -> str:
        return f"{self._topic}/{partition}"
