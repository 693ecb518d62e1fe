"""Who has had which nick, from which position of a log to which; no two may have had it together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Held", "History", "Violation", "expect"]


class Violation(AssertionError):
    """A history that may not be."""


def expect(condition: object, *words: object) -> None:
    """Raise `Violation` unless a condition is true."""
    if not condition:
        raise Violation(" ".join(map(str, words)))


@dataclass(eq=False)
class Held:
    """For how long a session has had a nick, by positions of the log."""

    nick: str
    who: str
    since: int
    until: int | None = None
    kept_until: float = float("-inf")  # the time until which nobody else may have it then
    is_theft: bool = False
    has_devices: bool = False  # which may have it together


class History:
    """All of it."""

    def __init__(self) -> None:
        self.all: list[Held] = []

    def hold(
        self, nick: str, who: str, position: int, *, is_theft: bool = False, has_devices: bool = False
    ) -> Held:
        """Note that somebody has a nick from a position on."""
        held = Held(nick, who, position, is_theft=is_theft, has_devices=has_devices)
        self.all.append(held)
        return held

    def judge(self, last: int, times: Sequence[float]) -> None:
        """Check that none overlap, given the last position, and the time of each."""
        by_nick: dict[str, list[Held]] = {}
        for held in self.all:
            by_nick.setdefault(held.nick, []).append(held)
        for nick, several in by_nick.items():
            several.sort(key=lambda held: (held.since, held.until or last + 1))
            for one, other in pairwise(several):
                if one.has_devices and one.who == other.who:
                    continue
                until = last + 1 if one.until is None else one.until
                expect(until <= other.since, "two have", nick, one, other)
                in_time = times[other.since - 1] < one.kept_until
                is_other = other.who != one.who and not one.is_theft
                expect(not (in_time and is_other), "a theft of", nick, one, other)
