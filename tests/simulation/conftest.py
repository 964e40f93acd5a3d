"""One run for all tests that look at one."""

import pytest

from tests.simulation.runs import Run, campus


@pytest.fixture(scope="session")
def run() -> Run:
    """Two days of two hundred persons."""
    return Run(campus(200, 2))
