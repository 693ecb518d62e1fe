"""Pages of a log with random holes, damage and expiry, walked both ways: together they are the log."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chatcore.journal import Page
from chatcore.limits import HistoryLimits
from chatcore.messages import Message
from tests import rows
from tests.journal.contract.harness import Harness
from tests.journal.contract.makers import Maker
from tests.server.driver import Clock

NOW = 1_800_000_000.0
MILLISECOND = timedelta(milliseconds=1)


def whole(at: datetime) -> datetime:
    """Return a time without what is below a millisecond."""
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)


class Written:
    """What was stored in the lobby, what is left of it, and what of that is damaged."""

    def __init__(self, harness: Harness, random: Random) -> None:
        self.random = random
        self.messages = {message.seq: message for message in harness.messages}
        self.left = [entry.seq for entry in harness.read().messages]
        self.damaged: set[int] = set()

    def damage(self, damage: Callable[[Iterable[int]], None]) -> None:
        """Damage some of what is left."""
        share = self.random.choice((0.0, 0.3, 0.9))
        self.damaged = {seq for seq in self.left if self.random.random() < share}
        damage(self.damaged)

    @property
    def intact(self) -> list[Message]:
        """Return the messages that can be read."""
        return [self.messages[seq] for seq in self.left if seq not in self.damaged]

    def a_time(self) -> datetime:
        """Return a time at or beside that of a message."""
        at = self.random.choice(list(self.messages.values())).at
        return at + self.random.choice((-1, 0, 0, 1)) * MILLISECOND

    def a_number(self) -> int:
        """Return a number, of a message or not."""
        return self.random.randint(0, max(self.messages) + 2)

    def lower(self, asked: dict[str, Any]) -> int:
        """Return the number after which a page from a lower bound begins."""
        if "after_at" not in asked:
            return int(asked.get("after", 0))
        edge = whole(asked["after_at"])
        return max((message.seq for message in self.intact if message.at < edge), default=0)

    def upper(self, asked: dict[str, Any]) -> int:
        """Return the number before which a page to an upper bound ends."""
        end = max(self.messages) + 1
        if "before_at" not in asked:
            return min(int(asked.get("before", end)), end)
        edge = whole(asked["before_at"])
        return min((message.seq for message in self.intact if message.at >= edge), default=end)


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """Chance, of one seed."""
    return Random(request.param)


@pytest.fixture
def log(maker: Maker, tmp_path: Path, random: Random) -> Iterator[tuple[Harness, Written]]:
    """A journal in which some messages were stored; some of them have expired, and some are damaged."""
    clock = Clock(NOW)
    limits = HistoryLimits(
        history_messages=random.choice((None, 5, 20)),
        memory_history_bytes=random.choice((3_000, 10_000, 10**6)),
    )
    harness = Harness(maker.make(tmp_path, limits, clock), clock)
    for n in range(random.randint(1, 40)):
        clock.now += random.choice((-5.0, 0.0, 0.0002, 0.0007, 0.001, 0.0042))
        harness.post("x" * random.randint(1, 60) + str(n))
    harness.submit()
    written = Written(harness, random)
    if maker.damage is not None:
        written.damage(partial(maker.damage, tmp_path))
    yield harness, written
    harness.journal.close()


def walk(harness: Harness, random: Random, asked: dict[str, Any]) -> list[Page]:
    """Read all pages between two bounds, as section 4 of the protocol says; return the oldest first."""
    going_up = "after" in asked or "after_at" in asked
    pages = [harness.read(**asked, limit=random.randint(1, 6), max_bytes=random.randint(1, 900))]
    while pages[-1].more:
        if going_up:
            bounds = {name: value for name, value in asked.items() if name.startswith("before")}
            bounds["after"] = pages[-1].through
        else:
            bounds = {"before": pages[-1].base + 1}
        pages.append(harness.read(**bounds, limit=random.randint(1, 6), max_bytes=random.randint(1, 900)))
    return pages if going_up else pages[::-1]


def check(log: Written, asked: dict[str, Any], pages: list[Page]) -> None:
    """Check the law of pages, and that all of them together are what is stored between the bounds."""
    low, high = log.lower(asked), log.upper(asked)
    position = pages[0].base
    shown: list[int] = []
    missing: set[int] = set()
    for page in pages:
        assert page.base == position
        begins = {entry.seq: entry.prev for entry in page.messages}
        begins |= {gap.through: gap.after for gap in page.gaps}
        for end, begin in sorted(begins.items()):
            assert begin == position < end
            position = end
        assert page.through == position
        shown += [entry.seq for entry in page.messages]
        for gap in page.gaps:
            assert gap.reason == "damaged"
            missing |= {seq for seq in log.left if gap.after < seq <= gap.through}
    assert shown == [message.seq for message in log.intact if low < message.seq < high]
    assert missing == {seq for seq in log.damaged if low < seq < high}


@pytest.mark.parametrize("random", range(rows.WALKS), indirect=True)
def test_pages_of_a_damaged_log_between_any_bounds_are_the_log(
    log: tuple[Harness, Written], random: Random
) -> None:
    harness, written = log
    for _ in range(30):
        asked: dict[str, Any] = random.choice(
            ({}, {"after": written.a_number()}, {"after_at": written.a_time()})
        )
        asked |= random.choice(({}, {"before": written.a_number()}, {"before_at": written.a_time()}))
        check(written, asked, walk(harness, random, asked))
