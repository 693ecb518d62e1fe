"""The inbox: what of a session's input waits, and in which order it goes on."""

from chatcore.errors import Fault
from chatcore.messages import Join, Leave, NickFrame, Ping, Post
from chatcore.server.inbox import ROOM_ITEMS, Inbox
from chatcore.wire import Hangup, Item

HANGUP = Hangup()


def post(number: int, room: str = "here") -> Post:
    return Post(room=room, id=str(number), text="hi")


def take_all(inbox: Inbox, *, at_end: bool = True) -> list[Item]:
    """Take everything that need not wait."""
    taken: list[Item] = []
    while (item := inbox.take(at_end=at_end)) is not None:
        taken.append(item)
    return taken


def test_an_inbox_that_nothing_waits_in_holds_nothing_and_is_read() -> None:
    inbox = Inbox()
    assert (inbox.holds, inbox.blocked, inbox.reopened) == (False, False, False)
    assert take_all(inbox) == []


def test_everything_waits_in_its_order_until_all_is_released() -> None:
    inbox = Inbox()
    items: list[Item] = [Join(room="here"), post(1), Ping(), HANGUP]
    inbox.hold_all()
    assert (inbox.holds, inbox.blocked) == (True, True)
    inbox.put(items[0])
    inbox.put_all(items[1:])
    assert take_all(inbox) == []
    inbox.release_all()
    assert (inbox.holds, inbox.blocked) == (True, True)  # until it is taken
    assert take_all(inbox) == items
    assert (inbox.holds, inbox.blocked) == (False, False)


def test_what_names_a_room_waits_for_it_in_any_spelling_and_others_pass() -> None:
    inbox = Inbox()
    inbox.hold_room("here")
    inbox.put_all([post(1, "HERE"), post(2, "there"), Ping(), Leave(room="Here"), NickFrame(nick="x")])
    assert take_all(inbox) == [post(2, "there"), Ping(), NickFrame(nick="x")]
    assert (inbox.holds, inbox.blocked) == (True, False)
    inbox.release_room("here")
    assert take_all(inbox) == [post(1, "HERE"), Leave(room="Here")]
    assert not inbox.holds


def test_a_fault_that_names_a_room_waits_for_it_too() -> None:
    inbox, fault = Inbox(), Fault("bad_text", "not sent", room="here", id="1")
    inbox.hold_room("here")
    inbox.put_all([fault, Fault("bad_frame", "what is this")])
    assert take_all(inbox) == [Fault("bad_frame", "what is this")]
    inbox.release_room("here")
    assert take_all(inbox) == [fault]


def test_what_waited_for_a_room_comes_before_what_came_later() -> None:
    inbox = Inbox()
    inbox.hold_room("here")
    inbox.put(post(1))
    assert take_all(inbox) == []
    inbox.hold_all()
    inbox.put_all([post(2), post(3, "there")])
    inbox.release_room("here")
    inbox.release_all()
    assert take_all(inbox) == [post(1), post(2), post(3, "there")]


def test_rooms_are_released_in_any_sequence() -> None:
    inbox = Inbox()
    inbox.hold_room("a")
    inbox.hold_room("b")
    inbox.put_all([post(1, "a"), post(2, "b"), post(3, "a")])
    assert take_all(inbox) == []
    inbox.release_room("b")
    assert take_all(inbox) == [post(2, "b")]
    inbox.release_room("a")
    assert take_all(inbox) == [post(1, "a"), post(3, "a")]


def test_once_sixteen_items_wait_for_a_room_everything_waits() -> None:
    inbox = Inbox()
    inbox.hold_room("here")
    inbox.put_all(map(post, range(ROOM_ITEMS - 1)))
    inbox.put(Ping())
    assert take_all(inbox) == [Ping()]
    blocked = [inbox.blocked]
    inbox.put_all([post(ROOM_ITEMS - 1), Ping(token="later")])
    assert take_all(inbox) == []
    blocked.append(inbox.blocked)
    assert blocked == [False, True]
    inbox.release_room("here")
    assert take_all(inbox) == [*map(post, range(ROOM_ITEMS)), Ping(token="later")]


def test_the_end_of_the_stream_waits_for_rooms_and_for_all_work() -> None:
    inbox = Inbox()
    inbox.hold_room("here")
    inbox.put_all([Ping(), HANGUP])
    assert take_all(inbox) == [Ping()]
    inbox.release_room("here")
    assert take_all(inbox, at_end=False) == []
    assert take_all(inbox) == [HANGUP]


def test_nothing_overtakes_the_end_of_the_stream() -> None:
    inbox = Inbox()
    inbox.hold_room("here")
    inbox.put_all([HANGUP, Ping()])  # a wire may say goodbye in the middle
    assert take_all(inbox) == []
    inbox.release_room("here")
    assert take_all(inbox) == [HANGUP, Ping()]


def test_an_inbox_that_was_cleared_holds_nothing() -> None:
    inbox = Inbox()
    inbox.hold_room("here")
    inbox.put(post(1))
    take_all(inbox)
    inbox.hold_all()
    inbox.put(Ping())
    inbox.clear()
    assert (inbox.holds, inbox.blocked) == (False, False)
    assert take_all(inbox) == []
    inbox.put(Ping())
    assert take_all(inbox) == [Ping()]


def test_whoever_reads_learns_once_that_there_may_be_more_to_read() -> None:
    inbox = Inbox()
    seen = []
    inbox.hold_all()
    seen.append(inbox.reopened)
    inbox.release_all()
    seen.append(inbox.reopened)
    inbox.note_reopened()
    seen.append(inbox.reopened)
    inbox.put(Ping())
    seen.append(inbox.reopened)
    take_all(inbox)
    seen.append(inbox.reopened)
    assert seen == [False, True, False, False, True]


def test_idle_inboxes_share_what_is_empty() -> None:
    used, fresh = Inbox(), Inbox()
    used.hold_room("here")
    used.put_all([post(1), Ping()])
    take_all(used)
    used.release_room("here")
    take_all(used)
    assert used._items is fresh._items
    assert used._rooms is fresh._rooms
    assert not fresh._items
    assert not fresh._rooms
