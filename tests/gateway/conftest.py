"""One gateway for all tests of a worker process: each works in tables of its own."""

from collections.abc import Iterator

import pytest

from infra.initialising import initialise
from tests.gateway.serving import Served, serving


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a gateway serving a new home."""
    home = tmp_path_factory.mktemp("gateway") / "home"
    initialise(home, "gastech")
    with serving(home) as served:
        yield served
