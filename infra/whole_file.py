"""A file that is there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.failure import Failure
from streams.no_room import no_room


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write it: beside it, as `FILE.part`, which becomes the file where the block ends well.

    A link or a device, such as standard output, is written as it is: beside it there is nothing to write to.

    Raises:
        Failure: it cannot be written; what was there before is there still.
    """
    is_itself = path.is_symlink() or (path.exists() and not path.is_file())
    part = path if is_itself else path.with_name(f"{path.name}.part")
    try:
        yield part
        if not is_itself:
            part.replace(path)
    except BaseException as error:
        if not is_itself:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            room = no_room(error)
            remedy = f"{room}, or name another file" if room else f"{error.strerror}: name another file"
            raise Failure(f"{path} was not written: {remedy}, and do the same again") from error
        raise
