"""The campus, and a home of it that all tests only ask."""

from pathlib import Path

import pytest

from domain.site import Site
from infra.site_file import load_site
from tests.language.calling import INFRA, simulated

CAMPUS = INFRA / "templates" / "campus" / "site.yaml"


@pytest.fixture(scope="session")
def site() -> Site:
    """Return the campus."""
    return load_site(CAMPUS)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a small simulated day; tests only ask it."""
    return simulated(tmp_path_factory.mktemp("language"))
