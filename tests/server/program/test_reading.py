"""What a subscription reads, step by step: nothing here waits."""

from collections.abc import Callable
from typing import Any

import pytest

from chatcore.errors import ClosedError, DisconnectedError, ProtocolError, RefusedError
from chatcore.journal import Page, Stored, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.messages import Gap, Joined, Message, Position, Presence
from chatcore.server.member import Member
from chatcore.server.session import Session
from tests.protocol import frames
from tests.server.driver import Host
from tests.server.program.reader import Subscribe

# --- what it is not ------------------------------------------------------------------------------


def test_nobody_sees_a_subscription(subscribed: Subscribe) -> None:
    host = Host()
    ana = host.member("ana")
    host.settle()
    ana.take()
    reader = subscribed(host)
    host.settle()
    ana.send(frames.Who(room="lobby"))
    assert ana.take() == [frames.Members(room="lobby", nicks=("ana",), count=1, more=False)]
    joined = reader.receive()
    assert isinstance(joined, Joined)
    assert joined.count == 1
    reader.subscription.close()
    host.settle()
    assert ana.take() == []


def test_a_subscription_takes_no_place_from_anyone(subscribed: Subscribe) -> None:
    host = Host(connections=1, connections_per_address=1, members_per_room=1)
    readers = [subscribed(host) for _ in range(3)]
    ana = host.member("ana")
    ana.post("hello")
    assert [reader.texts() for reader in readers] == [["hello"]] * 3


def test_a_room_that_only_a_subscription_was_in_is_forgotten_with_it(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host, "empty")
    assert "empty" in host.hub.rooms
    reader.subscription.close()
    assert "empty" not in host.hub.rooms


def test_a_silent_subscription_is_asked_nothing_and_stays(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host)
    reader.events()
    host.clock.now += 10_000.0
    assert reader.events() == []
    host.hub.post("lobby", "program", "still here")
    assert reader.texts() == ["still here"]


# --- what it reads -------------------------------------------------------------------------------


def test_who_comes_and_goes_is_presence(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host)
    reader.events()
    ana = host.member("ana")
    host.settle()
    ana.send(frames.NickFrame(nick="ann"))
    host.settle()
    ana.lose()
    host.settle()
    news = reader.events()
    assert all(isinstance(each, Presence) for each in news)
    last = news[-1]
    assert isinstance(last, Presence)
    assert last.count == 0


def test_presence_comes_one_by_one_to_whoever_takes_it_in_time(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host)
    reader.events()
    ana = host.member("ana")
    host.settle()
    (came,) = reader.events()
    ana.lose()
    host.settle()
    (went,) = reader.events()
    assert isinstance(came, Presence)
    assert isinstance(went, Presence)
    assert (came.joined, went.left) == (("ana",), ("ana",))


def test_a_slow_subscription_holds_nothing_and_catches_up_from_the_journal(subscribed: Subscribe) -> None:
    host = Host(tail_bytes=2_000)
    reader = subscribed(host)
    reader.receive()
    texts = [f"text {n}" for n in range(200)]
    host.member("ana").post(*texts)
    assert reader.texts() == texts


def test_what_expired_meanwhile_is_a_gap(subscribed: Subscribe) -> None:
    host = Host(tail_bytes=1_000, memory_history_bytes=3_000)
    reader = subscribed(host)
    joined = reader.receive()
    host.member("ana").post(*(f"text {n}" for n in range(200)))
    gap, *rest = (event for event in reader.events() if not isinstance(event, Presence))
    assert isinstance(joined, Joined)
    assert isinstance(gap, Gap)
    assert (gap.after, gap.reason) == (0, "expired")
    assert [event.seq for event in rest if isinstance(event, Message)] == list(range(gap.through + 1, 201))


def test_a_new_epoch_begins_with_joined_and_a_gap(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host)
    host.member("ana").post("old")
    assert reader.texts() == ["old"]
    host.hub.opened("another", lambda room: 0)
    joined, gap = reader.events()
    assert isinstance(joined, Joined)
    assert isinstance(gap, Gap)
    assert (joined.epoch, joined.after, gap.reason) == ("another", 0, "reset")
    assert reader.subscription.position == Position(epoch="another", seq=0)


def test_subscriptions_read_independently_of_each_other(subscribed: Subscribe) -> None:
    host = Host()
    fast, slow = subscribed(host), subscribed(host)
    ana = host.member("ana")
    for n in range(5):
        ana.post(f"text {n}", prefix=str(n))
        assert fast.texts() == [f"text {n}"]
    assert slow.texts() == [f"text {n}" for n in range(5)]


# --- what goes wrong ----------------------------------------------------------------------------


def test_what_is_refused_for_good_ends_the_subscription(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host)
    reader.receive()
    session_in(host, "lobby").refuse("forbidden", "no")
    for _ in range(2):
        with pytest.raises(RefusedError) as refused:
            reader.receive()
        assert refused.value.code == "forbidden"


class LyingJournal(MemoryJournal):
    """A journal that hands out what it was never given."""

    def read(self, room: str, deliver: Callable[[Page | Unavailable], None], **options: Any) -> None:
        lie = Stored(room, 1, 0, "id-1", b'{"type":"message","text":"what?"}\n')
        deliver(Page(self.epoch, 0, 1, (lie,), False))


def test_a_line_that_is_no_message_ends_the_subscription(subscribed: Subscribe) -> None:
    host = Host(LyingJournal())
    host.hub.post("lobby", "program", "hello")
    reader = subscribed(host, history=1)
    reader.receive()
    for _ in range(2):
        with pytest.raises(ProtocolError):
            reader.receive()


def test_a_bug_costs_the_subscription_and_nobody_else(
    subscribed: Subscribe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host = Host()
    reader = subscribed(host)
    reader.events()

    def broken(self: Member) -> bytes:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(Member, "next_piece", broken)
        host.hub.post("lobby", "program", "hello")
        with pytest.raises(DisconnectedError) as ended:
            reader.receive()
    assert ended.value.reason == "failed"
    assert "cannot serve <Session program" in caplog.text
    ana = host.member("ana", history=1)
    assert ana.texts() == ["hello"]


# --- its end -------------------------------------------------------------------------------------


def test_a_closed_subscription_hands_out_nothing_more(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host)
    host.hub.post("lobby", "program", "hello")
    reader.receive()
    reader.subscription.close()
    reader.subscription.close()
    assert reader.subscription.closed
    with pytest.raises(ClosedError):
        reader.receive()
    assert list(reader.subscription) == []


def test_the_end_of_the_hub_ends_every_subscription(subscribed: Subscribe) -> None:
    host = Host()
    readers = [subscribed(host) for _ in range(2)]
    host.hub.close()
    host.hub.close()
    assert [list(reader.subscription) for reader in readers] == [[], []]
    with pytest.raises(ClosedError):
        host.hub.subscribe("lobby")


def test_the_block_of_a_subscription_closes_it() -> None:
    host = Host()
    with host.hub.subscribe("lobby") as subscription:
        closed = [subscription.closed]
    closed.append(subscription.closed)
    assert closed == [False, True]
    assert host.hub.statistics().subscriptions == 0


def test_its_repr_says_where_it_is(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host, "Ops")
    joined = reader.receive()
    assert isinstance(joined, Joined)
    assert repr(reader.subscription) == f"<Subscription ops position={joined.epoch}:0>"
    reader.subscription.close()
    assert repr(reader.subscription) == "<Subscription ops closed>"


def test_a_subscription_that_is_dropped_warns_and_ends_with_the_next_one() -> None:
    host = Host()
    subscription = host.hub.subscribe("lobby")
    with pytest.warns(ResourceWarning, match="<Subscription lobby .* was not closed"):
        del subscription
    with host.hub.subscribe("ops"):
        assert host.hub.statistics().subscriptions == 1
        assert "lobby" not in host.hub.rooms


def session_in(host: Host, room: str) -> Session:
    """Return the one session that is in a room."""
    (member,) = host.hub.rooms[room].all_members()
    return member.session
