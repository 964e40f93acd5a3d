"""What the gateway tells of itself."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.gateway.serving import Served

LONG = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


def test_it_is_ready_and_live(gateway: Served) -> None:
    """Once it serves and its engine answers, it waits for nothing."""
    wait_for(lambda: not gateway.endpoint.waiting_for())
    assert gateway.endpoint.is_live()


@pytest.mark.parametrize(
    ("role", "user", "password", "query", "status"),
    [
        ("writer", "limen", None, "SELECT 1", 200),
        ("reader", "dashboard", None, "SELECT 1", 200),
        ("reader", "dashboard", None, "SELECT * FROM limen.events", 403),
        ("nobody", "limen", "no", "SELECT 1", 401),
        ("writer", "limen", None, "SELECT throwIf(number = 99999) FROM numbers(100000) FORMAT TSV", 500),
    ],
)
def test_requests_are_counted(
    gateway: Served, role: str, user: str, password: str | None, query: str, status: int
) -> None:
    """By role and status, also what broke off within its answer."""

    def count() -> float:
        return gateway.endpoint.metric("limen_gateway_requests_total", role=role, status=str(status)) or 0

    before, timed = count(), gateway.endpoint.metric("limen_gateway_request_seconds_count", role=role) or 0
    gateway.ask(query, user=user, password=password, max_block_size=1000)
    wait_for(lambda: count() == before + 1)
    assert gateway.endpoint.metric("limen_gateway_request_seconds_count", role=role) == timed + 1


def test_what_runs_is_told_and_who_went(gateway: Served) -> None:
    """A long statement counts as running; it ends with its bound, and nothing runs."""
    asking = threading.Thread(target=gateway.ask, args=(LONG,), kwargs={"max_execution_time": 2})
    asking.start()
    wait_for(lambda: gateway.endpoint.metric("limen_gateway_running") == 1)
    assert gateway.endpoint.metric("limen_gateway_waiting") == 0
    asking.join()
    wait_for(lambda: gateway.endpoint.metric("limen_gateway_running") == 0)
