"""When the bell rings."""

from cli.terminal.bell import QUIET_SECONDS, Bell


def test_the_bell_is_silent_for_a_while_after_it_rang() -> None:
    bell = Bell()
    assert [bell.rings(now) for now in (0.0, 1.0, QUIET_SECONDS - 0.1, QUIET_SECONDS, QUIET_SECONDS + 1)] == [
        *(True, False, False),
        *(True, False),
    ]
