"""Both clients against every server: what a caller can ask, and what comes back."""

from collections.abc import Callable

import pytest

from chatcore.errors import ClosedError, DisconnectedError, RefusedError, UsageError
from chatcore.messages import Hello, History, Joined, Left, Message, NickFrame, Post, Presence
from tests.ports import fixed_port
from tests.protocol import frames
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import House

Connect = Callable[..., Visitor]


def _events_until(visitor: Visitor, kind: type[object]) -> list[str]:
    """Take events up to the first of a kind; return what types they have."""
    types: list[str] = []
    while (event := visitor.next_event()) is not None:
        types.append(event.type)
        if isinstance(event, kind):
            break
    return types


def test_two_clients_talk(house: House, connect: Connect) -> None:
    ann, bob = connect(house.url, nick="ann"), connect(house.url, nick="bob")
    ack = ann.post("hello")
    heard = bob.next_message()
    assert heard is not None
    assert (heard.nick, heard.text, heard.seq) == ("ann", "hello", ack.seq)
    assert ann.next_message() == heard


def test_rooms_are_joined_and_left(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann", rooms=[])
    bob = house.typed("bob", "attic")
    assert ann.join("Attic").room == "attic"
    bob.post("hello", "b-1", room="attic")
    assert "message" in _events_until(ann, Message)
    ann.leave("attic")
    assert _events_until(ann, Left)[-1] == "left"
    with pytest.raises(RefusedError, match="not_joined"):
        ann.post("too late", room="attic")


def test_posts_without_waiting_are_stored_in_order(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    acks = [ann.post_nowait(f"line {number}") for number in range(100)]
    assert [ack.result(DEADLINE).seq for ack in acks] == list(range(1, 101))


def test_a_post_repeated_under_its_id_is_stored_once(house: House, connect: Connect) -> None:
    ann, bob = connect(house.url, nick="ann"), connect(house.url, nick="bob")
    first = ann.post("hello", id="a-1")
    again = [ann.post_nowait("hello", id="a-1") for _ in range(3)]
    assert {ack.result(DEADLINE).seq for ack in again} == {first.seq}
    assert bob.post("hello", id="a-1").seq == first.seq
    with pytest.raises(RefusedError, match="conflict"):
        bob.post("good-bye", id="a-1")
    assert bob.history().messages == ann.history(limit=2).messages
    assert len(bob.history().messages) == 1


def test_ask_nowait_returns_the_frame_that_answers(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    ack = ann.do("ask", Post(room="lobby", id="a-1", text="hello"))
    assert (ack.type, ack.id) == ("ack", "a-1")
    page = ann.do("ask", History(room="lobby", token="mine"))
    assert (page.token, [message.id for message in page.messages]) == ("mine", ["a-1"])
    assert ann.do("ask", History(room="lobby")).messages == page.messages
    with pytest.raises(UsageError, match="hello is sent by the client itself"):
        ann.do("ask", Hello(protocol=1, nick="bob"))


def test_history_is_read_in_both_directions(house: House, connect: Connect) -> None:
    bob = house.member("bob")
    for number in range(1, 31):
        bob.post(f"line {number}", f"b-{number}")
    bob.settle()
    ann = connect(house.url, nick="ann", history=3)
    assert [message.seq for message in (ann.next_message() for _ in range(3)) if message] == [28, 29, 30]
    newest = ann.history(limit=10)
    assert ([message.seq for message in newest.messages], newest.base, newest.more) == (
        list(range(21, 31)),
        20,
        True,
    )
    older = ann.history(before=21, limit=20)
    assert ([message.seq for message in older.messages], older.base, older.more) == (
        list(range(1, 21)),
        0,
        False,
    )
    newer = ann.history(after=25)
    assert ([message.seq for message in newer.messages], newer.base) == (list(range(26, 31)), 25)


def test_who_lists_every_member_over_several_pages(serve: Serve, connect: Connect) -> None:
    house = serve(text_bytes=64, line_bytes=1_280)  # seven nicks fit a line
    everybody = [f"member-{number:03}" for number in range(60)]
    for nick in everybody:
        house.member(nick)
    ann = connect(house.url, nick="ann")
    assert ann.who() == ("ann", *everybody)


def test_a_ping_is_answered_and_is_no_event(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    assert 0 <= ann.ping() < 20
    house.member("bob").post("hello", "b-1")
    assert "pong" not in _events_until(ann, Message)


def test_a_nick_is_changed_and_refused(house: House, connect: Connect) -> None:
    house.member("bob")
    ann = connect(house.url, nick="ann")
    assert ann.set_nick("Anna").nick == ann.nick == "Anna"
    assert _events_until(ann, NickFrame)[-1] == "nick"
    with pytest.raises(RefusedError) as refused:
        ann.set_nick("BOB")
    assert refused.value.code == "nick_taken"
    assert ann.nick == "Anna"


def test_events_include_joins_messages_and_the_end(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    assert _events_until(ann, Joined) == ["joined"]
    house.member("bob").post("hello", "b-1")
    _events_until(ann, Message)
    house.close()
    with pytest.raises(DisconnectedError) as ended:
        _events_until(ann, type(None))
    assert ended.value.reason == "drain"


def test_a_refused_connection_raises_and_leaves_nothing(house: House, connect: Connect) -> None:
    house.member("ann")
    with pytest.raises(RefusedError) as refused:
        connect(house.url, nick="ann")
    assert refused.value.code == "nick_taken"


def test_connecting_without_a_server_raises_os_error(serve: Serve, connect: Connect) -> None:
    house = serve()
    house.close()
    with pytest.raises(ConnectionRefusedError):
        connect(house.url, nick="ann")


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://127.0.0.1", "nick": "ann"},
        {"url": "chat://127.0.0.1:99999", "nick": "ann"},
        {"nick": "no spaces"},
        {"nick": "ann", "rooms": ["no spaces"]},
    ],
)
def test_invalid_arguments_of_connect_raise_usage_error(
    house: House, connect: Connect, options: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        connect(**{"url": house.url, **options})


def test_invalid_arguments_of_calls_raise_usage_error_and_harm_nothing(
    house: House, connect: Connect
) -> None:
    ann = connect(house.url, nick="ann")
    for method, argument in [("post", ""), ("post", "bell \a"), ("join", "a b"), ("set_nick", "a" * 33)]:
        with pytest.raises(UsageError):
            ann.do(method, argument)
    assert ann.post("still here").seq == 1


def test_after_close_calls_raise_closed_error_and_iteration_ends(house: House, connect: Connect) -> None:
    bob, ann = house.member("bob"), connect(house.url, nick="ann")
    bob.receive(frames.Presence, where=lambda presence: "ann" in presence.joined)
    ann.do("close")
    ann.do("close")
    assert bob.receive(frames.Presence, where=lambda presence: "ann" in presence.left).count == 1
    assert _events_until(ann, type(None))[:1] == ["joined"]
    for method, argument in [("post", "hi"), ("join", "attic"), ("set_nick", "anna"), ("who", "lobby")]:
        with pytest.raises(ClosedError):
            ann.do(method, argument)


def test_close_ends_an_iteration_that_waits(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    _events_until(ann, Joined)
    _events_until(ann, Presence)
    waiting = ann.begin("next_event")
    ann.do("close")
    assert waiting.result(DEADLINE) is None


def test_after_the_server_is_gone_calls_raise_disconnected_error(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    house.close()
    with pytest.raises(DisconnectedError):
        _events_until(ann, type(None))
    for method, argument in [("post", "hi"), ("join", "attic"), ("set_nick", "anna")]:
        with pytest.raises(DisconnectedError) as ended:
            ann.do(method, argument)
        assert ended.value.reason == "drain"


def test_a_client_reconnects_and_misses_nothing(serve: Serve, connect: Connect) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    first = serve(urls=[url])
    ann = connect(first.url, nick="ann", reconnect=True)
    ann.post("before")
    first.server.close()
    meanwhile = ann.post_nowait("meanwhile")
    second = serve(hub=first.hub, urls=[url, "plain://127.0.0.1:0"])
    assert meanwhile.result(DEADLINE).seq == 2
    ann.post("after")
    heard = [ann.next_message() for _ in range(3)]
    assert [message.text for message in heard if message] == ["before", "meanwhile", "after"]
    assert second.member("bob").who() == ("ann", "bob")
