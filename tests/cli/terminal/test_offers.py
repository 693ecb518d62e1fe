"""Lines that nothing sends by itself: which are meant, and how much is asked about them."""

import asyncio
from typing import cast

import pytest

from chatcore import Page, PageGap
from cli.state.remembered import UnsentLine
from cli.terminal.offers import KnownIds, Offers
from transports.asyncio_tcp import Chat

EXPIRED = 500


class Log:
    """A server that keeps what comes after a number, and counts the questions."""

    def __init__(self, epoch: str = "e") -> None:
        self.questions = 0
        self._epoch = epoch

    async def history(self, room: str, *, after: int, limit: int) -> Page:
        self.questions += 1
        gaps = (PageGap(after=after, through=EXPIRED, reason="expired"),) if after < EXPIRED else None
        base = max(after, EXPIRED)
        return Page(room=room, epoch=self._epoch, base=base, more=False, gaps=gaps, messages=())


def line(seq: int, sent: float | None = 5.0) -> UnsentLine:
    return UnsentLine(str(seq), "ops", None, f"text {seq}", 5.0, ("e", seq), sent)


def missing(log: Log, first: int, last: int) -> list[int]:
    async def ask() -> list[int]:
        ids = KnownIds(cast(Chat, log))
        return [seq for seq in range(first, last) if await ids.may_lack(line(seq))]

    return asyncio.run(ask())


def test_one_question_is_enough_for_lines_after_which_nothing_has_expired() -> None:
    log = Log()
    assert missing(log, EXPIRED, EXPIRED + 1_000) == []
    assert log.questions == 1


def test_where_nobody_has_asked_the_server_may_have_forgotten() -> None:
    log = Log()
    assert missing(log, 0, 1_000) == list(range(1_000))
    assert log.questions == 20


def test_nobody_is_asked_about_a_line_that_was_never_sent() -> None:
    log = Log()
    assert not asyncio.run(KnownIds(cast(Chat, log)).may_lack(line(0, sent=None)))
    assert log.questions == 0


def test_the_border_is_found() -> None:
    assert missing(Log(), EXPIRED - 3, EXPIRED + 3) == [EXPIRED - 3, EXPIRED - 2, EXPIRED - 1]


def test_another_log_has_none_of_them() -> None:
    assert missing(Log("other"), EXPIRED, EXPIRED + 2) == [EXPIRED, EXPIRED + 1]


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        (1, "", [1]),
        (2, "", []),
        (2, "2", [2]),
        (2, "3", []),
        (2, "all", [1, 2]),
        (0, "all", []),
        (0, "", []),
    ],
)
def test_what_is_meant(offered: int, wanted: str, chosen: list[int]) -> None:
    offers = Offers()
    for number in range(offered):
        offers.add(line(number), forgotten=False)
    assert [offer.number for offer in offers.choose(wanted)] == chosen


def test_what_is_offered_again_keeps_its_number() -> None:
    offers = Offers()
    first = offers.add(line(1), forgotten=True)
    offers.add(line(2), forgotten=True)
    assert offers.add(line(1), forgotten=False).number == first.number
    offers.remove(first)
    assert [offer.number for offer in offers] == [2]
    assert offers.add(line(3), forgotten=False).number == 3
