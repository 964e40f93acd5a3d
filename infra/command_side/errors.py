"""What goes wrong on the command side."""


class CommandSideError(Exception):
    """Root of the command side's errors; never raised itself."""


class CommandSideUnavailable(CommandSideError):
    """Where decisions are kept cannot be reached or written now; nothing was decided."""


class Outdated(CommandSideError):
    """Somebody else decided something meanwhile; nothing was decided, look again."""


class Overtaken(Outdated):
    """They did so at the same moment: the same once more may be possible."""
