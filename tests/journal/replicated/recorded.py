"""A log with all that entries of version 1 can hold, and much that they cannot: the same each time.

Only `Random.random` is used, which gives the same numbers in every version of Python.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

from chatcore.replication import LogEntry
from chatcore.replication.fence import NO_DIGEST, ReadDigest, chained
from tests.journal.replicated.entries import entry

__all__ = ["recorded"]

T = TypeVar("T")

ROOMS = ["lobby", "ops", "a.b-c_d", "7"]
TEXTS = ["hi", "one\ntwo", "\u00e4\u2028\u200f \U0001f600", '"\\', "\t" * 300, "x" * 2_000]
LIMITS: list[dict[str, Any]] = [
    {"history_messages": 30},
    {"history_messages": None, "history_bytes": 4_000},
    {"history_seconds": 3_600},
    {"history_seconds": 90.5, "dedupe_seconds": 0.1},
    {"dedupe_seconds": 600},
]
GARBAGE = [b"", b"{", b"\xff", b"[" * 5_000, b'{"v":1}', b"null", b'{"v":1e999}']


class _Dice:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def under(self, chance: float) -> bool:
        return self._random.random() < chance

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def one(self, of: Sequence[T]) -> T:
        return of[self.below(len(of))]


def recorded(seed: int, count: int) -> list[LogEntry]:
    """Return a log."""
    dice, numbers = _Dice(seed), dict[str, tuple[int, int]]()
    log: list[LogEntry] = []
    digests = [ReadDigest(0, NO_DIGEST)]
    at = 1_800_000_000_000_000
    for position in range(1, count + 1):
        at += dice.one((0, 1, 250_000, 1_000_003, 7_000_000, 95_000_000, -40_000_000))
        data = _data(dice, numbers, digests)
        log.append(LogEntry(position, at, data))
        digests.append(ReadDigest(position, chained(digests[-1].digest, log[-1])))
    return log


def _data(dice: _Dice, numbers: dict[str, tuple[int, int]], digests: list[ReadDigest]) -> bytes:
    if dice.under(0.03):
        return dice.one(GARBAGE)
    node = f"node{dice.below(3)}"
    term, number = numbers.get(node, (0, 0))
    if dice.under(0.05):
        term, number = term + 1, 0
    if dice.under(0.1):
        number += dice.one((-1, 1))
    else:
        numbers[node] = term, number + 1
    seen = digests[max(len(digests) - 1 - dice.below(20), 0)]
    if dice.under(0.01):
        seen = seen._replace(digest="of something else")
    return entry(_content(dice), node=node, term=term, number=max(number, 0), seen=seen)


def _content(dice: _Dice) -> dict[str, Any]:
    if dice.under(0.04):
        return {"remove": dice.one(ROOMS)}
    if dice.under(0.04):
        return {"limits": dice.one(LIMITS)}
    if dice.under(0.02):
        return {"epoch": f"epoch-{dice.below(100)}"}
    return {"drafts": [_draft(dice) for _ in range(dice.one((0, 1, 1, 2, 5, 40)))]}


def _draft(dice: _Dice) -> list[Any]:
    fields: list[Any] = [dice.one(ROOMS), str(dice.below(2_000)), dice.one(("ana", "Bob")), dice.one(TEXTS)]
    if dice.under(0.7):
        return fields
    kind = dice.one((None, "action", "x.poll"))
    posted = dice.one((None, [None, None, dice.one(TEXTS)]))
    return [*fields, kind, dice.one((None, 17)), dice.one((None, "ana@example.org")), posted]
