"""Decides whether what pages showed keeps what the page promises.

It knows nothing of how the page works. It takes what its user wrote, what all their pages showed, and what
the log of the room holds in the end, and names every promise that was broken:

- ``altered``: a page showed something else under a number than the log has there;
- ``missing``: no page showed a message that was stored after its user came;
- ``hole``: of the rows that are shown in the end, two are neighbours, and their messages are not;
- ``behind``: in the end, the last message is not shown;
- ``lost``: what its user wrote is not stored;
- ``stored twice``: it is stored under two numbers;
- ``own order``: what one user wrote is not stored in the order in which they wrote it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from tests.faults.history import Log

__all__ = ["Kind", "Shown", "Violation", "Visit", "judge"]

Kind = Literal["altered", "missing", "hole", "behind", "lost", "stored twice", "own order"]


class Shown(NamedTuple):
    """A stored message on a page."""

    seq: int
    id: str
    text: str


class Violation(NamedTuple):
    """A promise that was broken, and how, in words."""

    kind: Kind
    words: str


@dataclass
class Visit:
    """What one user wrote and saw, over all their pages."""

    nick: str
    since: int
    """The last message before they came."""

    written: list[str] = field(default_factory=list)
    """Texts, each of them once."""

    seen: list[Shown] = field(default_factory=list)
    """What any page showed at any time."""

    rows: list[Shown] = field(default_factory=list)
    """What the last page shows in the end, first to last."""


def judge(log: Log, visits: Iterable[Visit]) -> list[Violation]:
    """Return what is wrong, nothing if all is well."""
    stored = {message.seq: Shown(message.seq, message.id, message.text) for message in log.messages}
    return [violation for visit in visits for violation in _judge(visit, stored)]


def _judge(visit: Visit, stored: dict[int, Shown]) -> Iterator[Violation]:
    nick = visit.nick
    for shown in {*visit.seen, *visit.rows}:
        if stored.get(shown.seq) != shown:
            yield Violation("altered", f"{nick} saw {shown}, and stored is {stored.get(shown.seq)}")
    seen = {shown.seq for shown in visit.seen}
    for seq, message in stored.items():
        if seq > visit.since and seq not in seen:
            yield Violation("missing", f"{nick} never saw {message}")
    yield from _judge_rows(visit, [*stored])
    yield from _judge_written(visit, [message.text for message in stored.values()])


def _judge_rows(visit: Visit, numbers: Sequence[int]) -> Iterator[Violation]:
    places = {seq: place for place, seq in enumerate(numbers)}
    rows = [row for row in visit.rows if row.seq in places]
    for one, next_ in pairwise(rows):
        if places[next_.seq] != places[one.seq] + 1:
            yield Violation("hole", f"{visit.nick} sees {next_} right below {one}")
    last = rows[-1].seq if rows else 0
    if numbers and last != numbers[-1]:
        yield Violation("behind", f"{visit.nick} sees up to {last} of {numbers[-1]}")


def _judge_written(visit: Visit, texts: Sequence[str]) -> Iterator[Violation]:
    for text in visit.written:
        if text not in texts:
            yield Violation("lost", f"what {visit.nick} wrote is not stored: {text}")
        elif texts.count(text) > 1:
            yield Violation("stored twice", f"what {visit.nick} wrote once: {text}")
    stored = [text for text in texts if text in visit.written]
    for one, next_ in pairwise(dict.fromkeys(stored)):
        if visit.written.index(one) > visit.written.index(next_):
            yield Violation("own order", f"{visit.nick} wrote {next_} before {one}")
