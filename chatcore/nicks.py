"""Who has which nick, and what somebody is called whose nick is taken: the first of ``nick-2``, ``nick-3``...

What that is depends on nothing but who has which nicks, so it is the same on all servers.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, MutableMapping
from typing import Protocol, TypeVar

from chatcore.names import NICK_CHARS, fold

__all__ = ["Holder", "Nicks"]


class Holder(Protocol):
    """Whoever has nicks."""

    def nicks_folded(self) -> set[str]:
        """Return all nicks under which it is found."""


T = TypeVar("T", bound=Holder)

_NUMBER = re.compile("[1-9][0-9]*")
"""A number as it is put after a nick: other scripts have digits too, which are no variants."""

_Family = tuple[str, int]
"""A folded stem, and how many digits a number after it has. A long nick is cut more for a longer number."""


class Nicks(MutableMapping[str, T]):
    """Who has which nick (folded). To find a free variant of one takes no longer where many are taken."""

    def __init__(self) -> None:
        self._holders: dict[str, T] = {}
        self._numbers: dict[_Family, list[int]] = {}  # those that are taken, in order; none is empty

    def __getitem__(self, nick_folded: str) -> T:
        return self._holders[nick_folded]

    def __setitem__(self, nick_folded: str, holder: T) -> None:
        if nick_folded not in self._holders and (found := _split(nick_folded)) is not None:
            family, number = found
            insort(self._numbers.setdefault(family, []), number)
        self._holders[nick_folded] = holder

    def __delitem__(self, nick_folded: str) -> None:
        del self._holders[nick_folded]
        if (found := _split(nick_folded)) is not None:
            family, number = found
            numbers = self._numbers[family]
            del numbers[bisect_left(numbers, number)]
            if not numbers:
                del self._numbers[family]

    def __iter__(self) -> Iterator[str]:
        return iter(self._holders)

    def __len__(self) -> int:
        return len(self._holders)

    def is_free(self, nick: str, holder: T | None = None) -> bool:
        """Tell whether nobody has a nick but this holder."""
        return self._holders.get(fold(nick), holder) is holder

    def free_variant(self, nick: str, holder: T | None = None) -> str:
        """Return the nick itself, or the first of ``nick-2``, ``nick-3``... that `is_free`."""
        if self.is_free(nick, holder):
            return nick
        own = [] if holder is None else [each for each in holder.nicks_folded() if self.is_free(each, holder)]
        mine = [found for found in map(_split, own) if found is not None]
        digits = 1
        while True:
            stem = nick[: NICK_CHARS - 1 - digits]
            family = (fold(stem), digits)
            number = min(
                [self._first_free(family), *(number for of_family, number in mine if of_family == family)]
            )
            if number < 10**digits:
                return f"{stem}-{number}"
            digits += 1

    def _first_free(self, family: _Family) -> int:
        """Return the first number that nobody has, which has a digit more if all of so many are taken."""
        _, digits = family
        first = 2 if digits == 1 else 10 ** (digits - 1)
        numbers = self._numbers.get(family, [])
        # Before the first gap each is as far from the first number as from the start of the list.
        return first + bisect_right(range(len(numbers)), first, key=lambda index: numbers[index] - index)


def _split(nick_folded: str) -> tuple[_Family, int] | None:
    """Return of which family a nick is, and its number, if it is a variant of any other."""
    stem, _, digits = nick_folded.rpartition("-")
    if not stem or not _NUMBER.fullmatch(digits) or digits == "1":
        return None
    return (stem, len(digits)), int(digits)
