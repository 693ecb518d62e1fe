"""Both clients against every server: what is listed behind a gate, and pages of what has expired."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from chatcore import Gap, Hub, Message, PageGap, RefusedError
from chatcore.gate import OpenGate, Person, Refusal
from chatcore.limits import Limits
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import OPEN, House

Connect = Callable[..., Visitor]

OPEN_ROOMS = ["build-1", "build-2", "lobby"]
HIDDEN_ROOMS = ["attic", "build-0", "build-11", "cellar", "zoo"]


class Doorman(OpenGate):
    """Lets everyone in, and lists some rooms for nobody; one that is listed is private."""

    def may_see(self, person: Person, room: str) -> bool:
        return room not in HIDDEN_ROOMS

    def may_join(self, person: Person, room: str) -> Refusal | None:
        return None

    def is_private(self, room: str) -> bool:
        return room == "build-2"


@pytest.fixture
def guarded(serve: Serve) -> Iterator[House]:
    """A house with a gate."""
    with closing(Hub(limits=Limits(**OPEN), gate=Doorman())) as hub:
        yield serve(hub=hub)


def walk(visitor: Visitor, limit: int, **options: object) -> list[str]:
    """List rooms page by page; return their names."""
    page = visitor.do("list_rooms", limit=limit, **options)
    names = [entry.room for entry in page.rooms]
    while page.more:
        page = visitor.do("list_rooms", limit=limit, **{**options, "after": names[-1]})
        assert page.rooms
        names += [entry.room for entry in page.rooms]
    return names


def test_hidden_rooms_are_in_no_page_and_change_none(guarded: House, connect: Connect) -> None:
    ann = connect(guarded.url, nick="ann", rooms=[*OPEN_ROOMS, *HIDDEN_ROOMS])
    for room in ("cellar", "build-1", "zoo"):
        ann.post("hello", room=room)
    for limit in (1, 2, 3, 100):
        assert walk(ann, limit) == OPEN_ROOMS
        assert walk(ann, limit, prefix="Build-") == OPEN_ROOMS[:2]
        assert walk(ann, limit, prefix="cell") == []
    listed = ann.do("list_rooms")
    assert [entry.private for entry in listed.rooms] == [None, True, None]
    assert not ann.do("list_rooms", limit=3).more


def test_a_page_of_a_room_that_was_left_is_refused(guarded: House, connect: Connect) -> None:
    ann = connect(guarded.url, nick="ann")
    ann.leave("lobby")
    with pytest.raises(RefusedError, match="not_joined"):
        ann.history("lobby")


def test_pages_and_joins_name_what_has_expired(serve: Serve, connect: Connect) -> None:
    house = serve(memory_history_bytes=5_000, tail_bytes=1)
    ann = connect(house.url, nick="ann")
    position = ann.position()
    for number in range(40):
        ann.post(f"line {number}")
    first = ann.history().messages[0]
    assert first.prev > 20
    expired = PageGap(after=0, through=first.prev, reason="expired")
    for bounds in (
        {},
        {"after": 0},
        {"before": first.seq + 1},
        {"after_at": first.at - timedelta(hours=1)},
    ):
        page = ann.history("lobby", **bounds)
        assert (page.base, page.gaps) == (first.prev, (expired,))
    assert not ann.history("lobby", limit=2).gaps
    assert not ann.history("lobby", after=first.prev).gaps
    bob = connect(house.url, nick="bob", rooms=[])
    joined = bob.join("lobby", after=position, history=2)
    assert (joined.after, joined.head) == (0, 40)
    gaps: list[Gap] = []
    while not isinstance(event := bob.receive(DEADLINE), Message):
        if isinstance(event, Gap):
            gaps.append(event)
    assert [(gap.after, gap.through, gap.reason, gap.count) for gap in gaps] == [
        (0, first.prev, "expired", None),
        (first.prev, 38, "skipped", 38 - first.prev),
    ]
    assert event.seq == 39
