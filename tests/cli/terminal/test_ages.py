"""How old lines are, by two clocks."""

import pytest

from cli.state.remembered import UnsentLine
from cli.terminal.ages import Ages

TYPED = 1_000.0


@pytest.mark.parametrize(
    ("ours", "wall", "elapsed", "young"),
    [
        (True, 5.0, 5.0, True),
        (True, 6.0, 6.0, False),
        (True, -60.0, 5.0, True),  # the clock was set back
        (True, -60.0, 6.0, False),
        (True, 3_600.0, 1.0, False),  # the machine has slept
        (False, 5.0, 99.0, False),
        (False, 3.0, 99.0, True),
        (False, -1.0, 0.0, False),
    ],
)
def test_a_line_is_young_by_both_clocks(ours: bool, wall: float, elapsed: float, young: bool) -> None:
    line = UnsentLine("1", "ops", None, "text", TYPED)
    clock = 10.0
    ages = Ages(lambda: TYPED + wall, lambda: clock)
    if ours:
        ages.begin(line)
    clock += elapsed
    assert ages.is_young(line, 5.0, before=4.0) is young


def test_what_has_expired_is_old_until_nobody_asks_about_it() -> None:
    line = UnsentLine("1", "ops", None, "text", TYPED)
    ages = Ages(lambda: TYPED, lambda: 0.0)
    ages.begin(line)
    ages.expire(line)
    assert not ages.is_young(line, 5.0, before=5.0)
    ages.end(line)
    ages.end(line)
    assert ages.is_young(line, 5.0, before=5.0)
