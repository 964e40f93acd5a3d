"""Processes of ours that are kept running on one machine: started again whenever they end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

AGAIN_SECONDS: Final = 0.2
_END_SECONDS: Final = 40.0


class Kept:
    """One `limen` command that runs until `finish`: started again when it ends by itself or is killed.

    A command that may `complete` (a connector at the end of its file) and ends with code 0 stays ended.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        *,
        completes: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start it with more environment variables; what it says goes to the file `log`."""
        self.name = name
        self.kills = 0
        self.restarts = 0
        self.codes: list[int] = []
        self._arguments = [sys.executable, "-m", "infra.cli", *arguments]
        self._log = log
        self._completes = completes
        self._variables = {**os.environ, "PYTHONUNBUFFERED": "1", **(variables or {})}
        self._guard = threading.Lock()
        self._ending = False
        self.completed = False
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The number of its process, which changes with every start."""
        return self._process.pid

    def kill(self) -> bool:
        """Kill it with SIGKILL, if it runs; return whether it did."""
        with self._guard:
            if self.completed or self._process.poll() is not None:
                return False
            self._process.kill()
            self.kills += 1
            return True

    def send(self, number: signal.Signals) -> None:
        """Send it another signal, such as SIGSTOP."""
        self._process.send_signal(number)

    def finish(self) -> int:
        """End it in order (SIGTERM), and return its exit code; a process that hangs is killed."""
        self._ending = True
        with self._guard:
            process = self._process
            if process.poll() is None:
                process.terminate()
        try:
            code = process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._thread.join()
        return code

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._variables,
            )

    def _keep(self) -> None:
        while True:
            code = self._process.wait()
            if self._ending:
                return
            if code == 0 and self._completes:
                self.completed = True
                return
            self.codes.append(code)
            time.sleep(AGAIN_SECONDS)
            with self._guard:
                if self._ending:
                    return
                self._process = self._start()
                self.restarts += 1


class Together:
    """Several kept processes, ended together."""

    def __init__(self) -> None:
        self.all: list[Kept] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        threads = [threading.Thread(target=kept.finish) for kept in self.all]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        *,
        completes: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> Kept:
        """Start one more; its log is `{name}.log` in the folder."""
        kept = Kept(name, arguments, folder / f"{name}.log", completes=completes, variables=variables)
        self.all.append(kept)
        return kept
