"""The machine the figures are from."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("numba", "numpy", "pyarrow", "chdb", "clickhouse-connect", "msgspec", "eventsourcing")


def machine() -> dict[str, str]:
    """Return what the figures depend on, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", load average {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return {
        "Processor": f"{_processor()}, {cores} cores{busy}",
        "Memory": f"{_memory_gb():.0f} GB",
        "System": f"{platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
        + f", SQLite {sqlite3.sqlite_version}",
    }


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _memory_gb() -> float:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            return int(line.split()[1]) / 1_000_000
    return 0.0


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
