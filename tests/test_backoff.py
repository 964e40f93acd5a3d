"""Waits between attempts."""

from streams.backoff import Backoff


def test_waits_double_up_to_the_longest_and_begin_again_after_a_success() -> None:
    """Whoever fails for long asks seldom, and whoever fails anew asks soon."""
    backoff = Backoff(0.5, 3)
    assert [backoff.next_seconds() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    backoff.reset()
    assert backoff.next_seconds() == 0.5
