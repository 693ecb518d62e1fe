"""Both clients against every server: lists of rooms, pages by time, and resumes that skip."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chatcore import Backoff, Gap, History, Message, Page, RefusedError
from tests.ports import fixed_port
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import House

Connect = Callable[..., Visitor]

ROOMS = ["attic", "build-1", "build-2", "lobby"]


def until_message(visitor: Visitor) -> tuple[list[Gap], Message]:
    """Take events up to the next message; return it, and the gaps before it."""
    gaps: list[Gap] = []
    while not isinstance(event := visitor.receive(DEADLINE), Message):
        if isinstance(event, Gap):
            gaps.append(event)
    return gaps, event


# --- rooms ---------------------------------------------------------------------------------------


@pytest.fixture
def ann(house: House, connect: Connect) -> Visitor:
    """A member of four rooms."""
    return connect(house.url, nick="ann", rooms=ROOMS)


def test_rooms_are_listed_page_by_page(house: House, connect: Connect, ann: Visitor) -> None:
    bob = connect(house.url, nick="bob", rooms=["lobby"])
    first = bob.do("list_rooms", limit=3)
    assert ([each.room for each in first.rooms], first.more) == (ROOMS[:3], True)
    rest = bob.do("list_rooms", after=first.rooms[-1].room)
    assert ([each.room for each in rest.rooms], rest.more) == (ROOMS[3:], False)
    assert [each.count for each in (*first.rooms, *rest.rooms)] == [1, 1, 1, 2]


def test_a_client_knows_how_safely_the_server_stores(house: House, ann: Visitor) -> None:
    assert ann.do("can_search") is True
    assert ann.do("durability") == ann.post("one", room="attic").durability


def test_rooms_are_listed_with_their_last_message(ann: Visitor) -> None:
    ann.post("one", room="build-2")
    ack = ann.post("two", room="build-2")
    (last,) = ann.history("build-2", limit=1).messages
    silent, spoken = ann.do("list_rooms", prefix="BUILD-").rooms
    assert (silent.head, silent.at, silent.private) == (0, None, None)
    assert (spoken.head, spoken.at, spoken.private) == (ack.seq, last.at, None)


def test_a_room_that_everybody_has_left_is_listed_if_it_was_spoken_in(ann: Visitor) -> None:
    ann.post("remember me", room="attic")
    for room in ("attic", "build-1"):
        ann.leave(room)
    listed = {each.room: each.count for each in ann.do("list_rooms").rooms}
    assert listed == {"attic": 0, "build-2": 1, "lobby": 1}


# --- history by time -----------------------------------------------------------------------------


def seqs(page: Page) -> list[int]:
    return [message.seq for message in page.messages]


def test_pages_begin_and_end_at_times(ann: Visitor) -> None:
    for number in range(5):
        ann.post(f"line {number}")
    messages = ann.history().messages
    at, later = messages[2].at, messages[-1].at + timedelta(seconds=1)
    since = ann.history(after_at=at)
    assert 3 in seqs(since)
    assert seqs(since)[-1] == 5
    assert all(each.at >= at.replace(microsecond=at.microsecond // 1000 * 1000) for each in since.messages)
    assert sorted(seqs(ann.history(before_at=at)) + seqs(since)) == [1, 2, 3, 4, 5]
    assert seqs(ann.history(before_at=later, limit=2)) == [4, 5]
    assert seqs(ann.history(after_at=later)) == []
    assert seqs(ann.history(after=1, before=4)) == [2, 3]
    assert seqs(ann.history(after_at=messages[0].at, before=4)) == [1, 2, 3]


def test_a_time_of_another_zone_is_the_same_time(ann: Visitor) -> None:
    ann.post("hello")
    (message,) = ann.history().messages
    assert seqs(ann.history(after_at=message.at.astimezone())) == [1]


def test_two_bounds_on_one_side_are_refused_by_the_server_too(ann: Visitor) -> None:
    ann.post("hello")
    (message,) = ann.history().messages
    with pytest.raises(RefusedError, match="bad_frame"):
        ann.do("ask", History(room="lobby", after=0, after_at=message.at))


# --- resumes that skip ---------------------------------------------------------------------------


def test_a_join_with_a_position_and_a_number_skips_what_is_older(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    ann.post("seen")
    assert until_message(ann)[1].seq == 1
    position = ann.position()
    ann.leave("lobby")
    bob = connect(house.url, nick="bob")
    for number in range(2, 10):
        bob.post(f"line {number}")
    joined = ann.join("lobby", after=position, history=2)
    assert (joined.after, joined.head) == (1, 9)
    gaps, message = until_message(ann)
    assert [(gap.after, gap.through, gap.reason, gap.count) for gap in gaps] == [(1, 7, "skipped", 6)]
    assert (message.seq, ann.position().seq) == (8, 8)
    assert seqs(ann.history(after=1, before=8)) == [2, 3, 4, 5, 6, 7]


def test_a_number_that_covers_all_skips_nothing(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann", rooms=[])
    bob = connect(house.url, nick="bob")
    for number in range(1, 4):
        bob.post(f"line {number}")
    position = bob.position().model_copy(update={"seq": 1})
    ann.join("lobby", after=position, history=100)
    gaps, message = until_message(ann)
    assert (gaps, message.seq) == ([], 2)


def test_a_reconnect_skips_all_but_so_many(serve: Serve, connect: Connect) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    first = serve(urls=[url])
    backoff = Backoff(first=0.01, longest=0.05)
    ann = connect(first.url, nick="ann", reconnect=True, most_missed=2, backoff=backoff)
    ann.post("seen")
    assert until_message(ann)[1].seq == 1
    first.server.close()
    elsewhere = serve(hub=first.hub)
    bob = connect(elsewhere.url, nick="bob")
    for number in range(2, 10):
        bob.post(f"line {number}")
    serve(hub=first.hub, urls=[url, "plain://127.0.0.1:0"])
    gaps, message = until_message(ann)
    assert [(gap.after, gap.through, gap.reason, gap.count) for gap in gaps] == [(1, 7, "skipped", 6)]
    assert message.seq == 8
