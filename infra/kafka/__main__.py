"""Run a broker in the foreground: `python -m infra.kafka DIR`; SIGTERM or Ctrl-C stops it."""

import signal
import sys
from pathlib import Path

from infra.failure import WRONG_USE, Failure
from infra.kafka.broker import Broker


def main(arguments: list[str]) -> int:
    """Run a broker in the folder that is named, print its address, and wait for a signal."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m infra.kafka DIR\n")
        return WRONG_USE
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    broker = Broker(Path(arguments[0]))
    try:
        with broker:
            sys.stdout.write(f"{broker.bootstrap}\n")
            sys.stdout.flush()
            signal.pause()
    except Failure as failure:
        sys.stderr.write(f"limen: {failure}\n")
        return failure.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
