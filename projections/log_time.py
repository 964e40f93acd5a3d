"""The log's time: the greatest moment of all that it holds, wherever that stands."""

from typing import Final

from projections.client import History

_LATER: Final = """
SELECT count() AS signals, toUnixTimestamp64Micro(max(least(occurred_at, received_at))) AS at
FROM signals
WHERE partition = {partition:UInt16}
    AND occurred_at > fromUnixTimestamp64Micro({than:Int64})
    AND received_at > fromUnixTimestamp64Micro({than:Int64})
"""


def latest(history: History, partition: int, than_us: int) -> int:
    """Return the greatest moment of a partition's signals, or `than_us` where none is later.

    Both are UTC microseconds. A signal's moment is the earlier of when it happened and when it was received.
    """
    later = history.rows(_LATER, {"partition": partition, "than": than_us})[0]
    return int(later["at"]) if later["signals"] else than_us
