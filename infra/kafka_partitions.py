"""The partitions that a command goes through: all of them, or the one that `--partition` names."""

from collections.abc import Sequence

from infra.failure import WrongUse


def chosen_partitions(partitions: int, partition: int | None) -> Sequence[int]:
    """Return the numbers of the partitions; None: of all.

    >>> list(chosen_partitions(3, None)), chosen_partitions(3, 2)
    ([0, 1, 2], [2])

    Raises:
        WrongUse: there is no such partition.
    """
    if partition is None:
        return range(partitions)
    if not 0 <= partition < partitions:
        raise WrongUse(f"--partition {partition}: [kafka] has partitions 0 to {partitions - 1}")
    return [partition]
