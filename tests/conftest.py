"""What all tests share: where compiled rules are kept, and how hard the laws are tried."""

import os

import pytest
from hypothesis import HealthCheck, settings

from infra.compiled_cache import use_compiled_cache
from tests.kafka_fixture import kafka as kafka
from tests.kafka_fixture import kafka_broker as kafka_broker
from tests.postgres_fixture import postgres as postgres
from tests.postgres_fixture import postgres_server as postgres_server

use_compiled_cache()  # before any test module imports the engine

# Worlds are big and slow to draw: that is no fault of a law. On two busy cores a deadline would be chance.
_LARGE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

settings.register_profile("default", max_examples=60, deadline=None, suppress_health_check=_LARGE)
settings.register_profile("thorough", max_examples=1_000, deadline=None, suppress_health_check=_LARGE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one test more than there are cores: many wait for brokers and other processes."""
    return len(os.sched_getaffinity(0)) + 1
