"""Every test has a history of its own."""

from tests.history_fixture import history as history
