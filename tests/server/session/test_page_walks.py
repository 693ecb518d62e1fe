"""Pages of a log with random holes, damage and expiry, as a member reads them: walked, they are the log.

Every peer in these tests checks the law of pages as well.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chatcore.limits import HistoryLimits
from tests import rows
from tests.journal.contract.makers import MAKERS, Maker
from tests.protocol.frames import History, Page, PageGap, Time
from tests.server.driver import Clock, Host
from tests.server.waiting_journal import WaitingJournal

NOW = 1_800_000_000.0

Asked = dict[str, Any]
"""The bounds of a request; times are strings."""


def time_of(at: datetime) -> Time:
    """Write a time as a frame has it."""
    return Time(at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def whole(at: str | datetime) -> datetime:
    """Return a time in whole milliseconds, cut off."""
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)


class Log:
    """A lobby in which messages were stored; some have expired, are damaged, or are not shown yet."""

    def __init__(self, maker: Maker, directory: Path, random: Random) -> None:
        self.random = random
        self.clock = Clock(NOW)
        limits = HistoryLimits(
            history_messages=random.choice((None, 5, 20)),
            memory_history_bytes=random.choice((3_000, 10_000, 10**6)),
        )
        self.journal = WaitingJournal(maker.make(directory, limits, self.clock))
        self.host = Host(self.journal, clock=Clock(), frames_per_second=None, tail_bytes=1)
        self.bob = self.host.member("bob")
        self.at: dict[int, datetime] = {}
        self._store(random.randint(1, 40))
        self.shown = max(self.at)
        self.journal.silent = True
        self._store(random.randint(0, 3))
        stored = self.journal.stored()
        self.epoch = stored.epoch
        self.left = [entry.seq for entry in stored.messages]
        self.oldest = stored.messages[0].prev
        self.damaged: set[int] = set()
        if maker.damage is not None:
            share = random.choice((0.0, 0.3, 0.9))
            self.damaged = {seq for seq in self.left if random.random() < share}
            maker.damage(directory, self.damaged)
        if self.left[0] in self.damaged:  # then nobody knows what was before it
            self.oldest = self.left[0] - 1

    def _store(self, count: int) -> None:
        for n in range(count):
            self.clock.now += self.random.choice((-5.0, 0.0, 0.0002, 0.0007, 0.001, 0.0042))
            text = "x" * self.random.randint(1, 60)
            (seq,) = self.journal.store(text, prefix=f"{len(self.at)}-{n}")
            latest = max(self.at.values(), default=datetime.fromtimestamp(0, UTC))
            self.at[seq] = max(datetime.fromtimestamp(self.clock.now, UTC), latest)
        self.journal.store()  # what expires has expired by the next answer

    @property
    def intact(self) -> list[int]:
        """The messages that can be read."""
        return [seq for seq in self.left if seq not in self.damaged]

    def a_time(self) -> Time:
        """Return a time at or beside that of a message."""
        step = self.random.choice((-1_000, -1, 0, 0, 1, 1_000))
        return time_of(self.random.choice(list(self.at.values())) + timedelta(microseconds=step))

    def bounds(self) -> Asked:
        """Return what somebody may ask for."""
        random = self.random
        number = random.randint(0, max(self.at) + 2)
        other = random.randint(0, max(self.at) + 2)
        asked: Asked = random.choice(({}, {"after": number}, {"after_at": self.a_time()}))
        return asked | random.choice(({}, {"before": other}, {"before_at": self.a_time()}))

    def lower(self, asked: Asked) -> int:
        """Return the number after which a page from a lower bound begins."""
        if "after_at" in asked:
            edge = whole(asked["after_at"])
            return max((seq for seq in self.intact if self.at[seq] < edge), default=0)
        return int(asked.get("after", 0))

    def upper(self, asked: Asked) -> int:
        """Return the number before which a page to an upper bound ends."""
        end = self.shown + 1
        if "before_at" in asked:
            edge = whole(asked["before_at"])
            return min([end, *(seq for seq in self.intact if self.at[seq] >= edge)])
        return min(int(asked.get("before", end)), end)

    def ask(self, **fields: Any) -> Page:
        """Ask for a page."""
        self.bob.send(History(room="lobby", **fields))
        return self.bob.one(Page)

    def walk(self, asked: Asked) -> list[Page]:
        """Ask for all pages between two bounds, as the protocol says; return the first one first."""
        going_up = "after" in asked or "after_at" in asked
        pages = [self.ask(**asked, limit=self.random.randint(1, 6))]
        while pages[-1].more:
            if going_up:
                bounds = {name: value for name, value in asked.items() if name.startswith("before")}
                bounds["after"] = end_of(pages[-1])
            else:
                bounds = {"before": pages[-1].base + 1}
            pages.append(self.ask(**bounds, limit=self.random.randint(1, 6)))
        return pages


def gaps_of(page: Page, reason: str) -> list[PageGap]:
    """Return the gaps of a page for one reason."""
    return [gap for gap in page.gaps or () if gap.reason == reason]


def end_of(page: Page) -> int:
    """Return the position at the end of a page."""
    ends = [message.seq for message in page.messages] + [gap.through for gap in page.gaps or ()]
    return max([page.base, *ends])


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    """Chance, of one seed."""
    return Random(request.param)


@pytest.fixture(params=rows.journals_for(__name__))
def log(request: pytest.FixtureRequest, tmp_path: Path, random: Random) -> Iterator[Log]:
    """A log on one of the journals."""
    log = Log(MAKERS[request.param], tmp_path, random)
    yield log
    log.host.hub.close()


def check(log: Log, asked: Asked, pages: list[Page]) -> None:
    """Check that pages, together, are what is stored between the bounds and was shown."""
    going_up = "after" in asked or "after_at" in asked
    low, high = log.lower(asked), log.upper(asked)
    in_order = pages if going_up else pages[::-1]
    for one, next_ in pairwise(in_order):
        assert end_of(one) == next_.base
    shown = [message.seq for page in in_order for message in page.messages]
    assert shown == [seq for seq in log.intact if low < seq < high]
    damage = [gap for page in pages for gap in gaps_of(page, "damaged")]
    missing = {seq for seq in log.left for gap in damage if gap.after < seq <= gap.through}
    assert missing == {seq for seq in log.damaged if low < seq < high}
    check_more(pages)
    check_expired(log, asked, pages, going_up=going_up)


def check_more(pages: list[Page]) -> None:
    """Check that there was something in every page that was said to be there."""
    for page in pages[1:]:
        assert page.messages or gaps_of(page, "damaged")


def check_expired(log: Log, asked: Asked, pages: list[Page], *, going_up: bool) -> None:
    """Check that what has expired of a request is named once, in its place, and nothing else is."""
    first = pages[0] if going_up else pages[-1]
    assert not any(gaps_of(page, "expired") for page in pages if page is not first)
    expired = [(gap.after, gap.through) for gap in gaps_of(first, "expired")]
    if "after" in asked:
        start = asked["after"]
    elif going_up:
        start = 0 if first.base <= log.oldest else first.base
    else:
        start = 0
    assert expired == ([(start, first.base)] if first.base > start else [])
    if expired:
        assert first.base < min(log.left[0], max(log.upper(asked), 1))
    elif log.upper(asked) > log.oldest > start and not ("after_at" in asked and first.base > log.oldest):
        assert first.gaps  # the first message after what has expired is damaged: then it is all one gap
        assert first.gaps[0].after <= start


@pytest.mark.parametrize("random", range(rows.WALKS), indirect=True)
def test_pages_between_any_bounds_are_what_is_stored_and_was_shown(log: Log) -> None:
    for _ in range(25):
        asked = log.bounds()
        check(log, asked, log.walk(asked))


@pytest.mark.parametrize("random", range(3), indirect=True)
def test_another_epoch_voids_numbers_and_not_times(log: Log) -> None:
    for _ in range(25):
        asked = log.bounds()
        meant = {name: value for name, value in asked.items() if name != "before"}
        if "after" in meant:
            meant["after"] = 0
        page = log.ask(**meant, limit=5)
        assert log.ask(**asked, epoch="another", limit=5) == page
        assert log.ask(**asked, epoch=log.epoch, limit=5) == log.ask(**asked, limit=5)


@pytest.mark.parametrize("random", range(3), indirect=True)
def test_a_time_counts_in_whole_milliseconds(log: Log) -> None:
    for at in log.at.values():
        edge = whole(at)
        for bound in ("after_at", "before_at"):
            pages = [
                log.ask(**{bound: time_of(edge + timedelta(microseconds=n))}, token="t") for n in (0, 1, 999)
            ]
            assert pages[0] == pages[1] == pages[2]
        since = log.ask(after_at=time_of(edge))
        until = log.ask(before_at=time_of(edge))
        seqs = [message.seq for page in (until, since) for message in page.messages]
        assert seqs == [seq for seq in log.intact if seq <= log.shown]
        assert all(whole(message.at) >= edge for message in since.messages)
        assert all(whole(message.at) < edge for message in until.messages)


@pytest.mark.parametrize("random", range(3), indirect=True)
def test_what_is_shown_later_is_in_later_pages(log: Log) -> None:
    before = log.ask(after_at=time_of(whole(min(log.at.values()))))
    log.journal.tell()
    log.host.pump()
    log.bob.take()
    log.shown = max(log.at)
    after = log.ask(after_at=time_of(whole(min(log.at.values()))))
    assert after.messages[: len(before.messages)] == before.messages
    assert [m.seq for m in after.messages] == log.intact
    assert replace(after, messages=(), gaps=None).base == before.base
