"""What the history raises; each error says what is wrong, where, and what to do."""


class HistoryError(Exception):
    """Root of the history's errors; raised itself where the engine failed in a way we do not know."""


class HistoryInUse(HistoryError):
    """Another process has this history open: the embedded engine serves one process at a time."""


class HistoryIncomplete(HistoryError):
    """What the history is asked to hold does not follow on what it holds."""


class PartitionTaken(HistoryError):
    """Another sink has claimed the partition since: what was to be written was not."""


class QueryRefused(HistoryError):
    """A query that is written wrongly, reads more than the history's own tables, or writes."""


class QueryTooLarge(HistoryError):
    """A query that takes more time, memory or rows than it may."""
