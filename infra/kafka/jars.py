"""The broker's jars: fetched once by Maven into the user's cache, shared by everybody on the machine."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from infra.failure import Failure
from infra.user_cache import user_cache

_FETCH_SECONDS: Final = 600


class BrokerUnavailable(Failure):
    """No broker can be run here: Java or Maven is missing, or it did not start. It says what to do."""


def java() -> str:
    """Return the program that runs Java.

    Raises:
        BrokerUnavailable: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise BrokerUnavailable(
            f"there is no Java {where}; a broker needs version 17 or later "
            "(Debian: apt-get install openjdk-17-jre-headless)"
        )
    return found


def jars() -> Path:
    """Return the folder with the broker's jars, fetched if they are not there yet.

    Processes that ask at once wait for the one that fetches. What another `pom.xml` asks for lies in another
    folder.

    Raises:
        BrokerUnavailable: they must be fetched, and Maven is missing or fails.
        OSError: the cache cannot be written.
    """
    pom = (files("infra.kafka") / "pom.xml").read_bytes()
    cache = user_cache()
    folder = cache / f"kafka-{hashlib.sha256(pom).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable(
            "the broker's jars are not there yet, and there is no Maven (mvn) on the PATH to fetch them "
            "(Debian: apt-get install maven)"
        )
    with (
        tempfile.TemporaryDirectory(dir=folder.parent) as scratch,
        as_file(files("infra.kafka") / "pom.xml") as pom,
    ):
        target = Path(scratch, "jars")
        command = [
            maven, "--batch-mode", "--quiet", f"--file={pom}", "dependency:copy-dependencies",
            f"-DoutputDirectory={target}", "-DincludeScope=runtime",
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS, cwd=scratch
        )
        if done.returncode or not target.is_dir():
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[:5])
            raise BrokerUnavailable(
                f"Maven could not fetch the broker's jars; is its repository reachable?\n{said}"
            )
        target.rename(folder)  # all of them or none
