"""What the user waits for, and whether the server answers."""

from cli.terminal.waiting import LATE_SECONDS, STALLED_SECONDS, Waiting


def test_a_missing_answer_is_lag_once_it_takes_long() -> None:
    waiting = Waiting(0.0)
    assert waiting.next_deadline(0.0) is None
    waiting.begin("post", 10.0)
    waiting.begin("ping", 12.0)
    assert waiting.next_deadline(10.0) == 10.0 + LATE_SECONDS
    assert waiting.lag(10.0 + LATE_SECONDS - 0.1) is None
    assert waiting.lag(13.5) == 3
    assert waiting.next_deadline(13.5) == 14.0
    waiting.end("post")
    assert waiting.lag(13.5) is None
    assert waiting.lag(14.5) == 2
    waiting.end("ping")
    waiting.end("ping")
    assert waiting.lag(20.0) is None


def test_a_server_that_says_nothing_is_stalled_once_until_it_says_something() -> None:
    waiting = Waiting(0.0)
    assert waiting.stalls(100.0) is None  # nobody waits for anything
    waiting.begin("post", 100.0)
    waiting.heard(101.0)  # something else: it is slow, but it is there
    assert waiting.stalls(101.0 + STALLED_SECONDS - 0.1) is None
    assert waiting.stalls(101.0 + STALLED_SECONDS) == STALLED_SECONDS
    assert waiting.stalls(120.0) is None
    assert waiting.heard(121.0)
    assert not waiting.heard(122.0)
    assert waiting.stalls(140.0) == 18


def test_without_a_connection_nothing_counts_and_with_the_next_it_begins_again() -> None:
    waiting = Waiting(0.0)
    waiting.begin("post", 0.0)
    assert waiting.quiet_at(2.0) == 2.0
    waiting.disconnect()
    assert waiting.lag(50.0) is waiting.stalls(50.0) is waiting.next_deadline(50.0) is None
    assert waiting.quiet_at(2.0) is None
    waiting.connect(60.0)
    assert waiting.lag(61.0) is None
    assert waiting.lag(63.0) == 3
    assert waiting.quiet_at(2.0) == 62.0
