"""Who runs a command: the name under which the log remembers them."""

import getpass
import os


def user_name() -> str:
    """Return the user's name; where the system has none for them, as in a container, their number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
