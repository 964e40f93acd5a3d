"""Ctrl-C is never lost."""

import subprocess
import sys
from pathlib import Path

_INTERRUPTED = """
import os, random, signal, threading, time
from connectors.csv_file.columns import _columns

class Interrupted(BaseException):
    pass

def interrupt(*_):
    raise Interrupted

signal.signal(signal.SIGINT, interrupt)
heard = 0
for _ in range(300):
    delay = random.uniform(0.0005, 0.003)
    thread = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT))
    until = time.perf_counter() + 2
    try:
        thread.start()
        while thread.is_alive() and time.perf_counter() < until:
            _columns(b"1,2\\n" * 50, 2)
        time.sleep(0.02)
    except Interrupted:
        heard += 1
    thread.join()
print(heard)
"""


def test_an_interrupt_while_a_block_is_read_is_heard() -> None:
    """Whenever it comes, it ends what is being done: none of 300 is swallowed."""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "300\n"), done.stderr
