"""What to say where the system had no room for what was written."""

import errno
from typing import Final

_SAID: Final = {
    errno.ENOSPC: "the disk is full: free some space there",
    errno.EDQUOT: "the quota for this disk is used up: free some space there",
    errno.EFBIG: "a file may not grow that large: raise the limit (ulimit -f), or that of the file system",
}


def no_room(error: OSError) -> str | None:
    """Return what is wrong and what to do, if it was for want of room; None: it is something else."""
    return _SAID.get(error.errno or 0)
