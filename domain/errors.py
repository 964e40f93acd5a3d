"""The root of what the domain raises; each error says what is wrong, where, and what to do."""


class DomainError(Exception):
    """Root of the domain's errors; never raised itself."""


class UnreadableSignal(DomainError):
    """Bytes that are no signal this version can read: they go to quarantine with this reason."""


class UnknownSchema(UnreadableSignal):
    """A signal of a schema version that this version does not read."""


class UnreadableEvent(DomainError):
    """Bytes in the events log that are no event this version can read."""


class UnreadableCommand(DomainError):
    """Bytes that are no command this version can read: they go to quarantine with this reason."""


class InvalidDocument(DomainError):
    """A site, policy or directory document that contradicts itself; the message names the field."""


class CommandRefused(DomainError):
    """What a person ordered is against the rules as things stand; the message says why and what to do.

    `plain` says why without naming anybody, for log lines.
    """

    def __init__(self, message: str, plain: str | None = None) -> None:
        super().__init__(message)
        self.plain = message if plain is None else plain
