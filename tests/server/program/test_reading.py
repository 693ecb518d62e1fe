"""What a subscription reads, step by step: nothing here waits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from chatcore.errors import ClosedError, DisconnectedError, ProtocolError, RefusedError, UsageError
from chatcore.journal import Page, Place, Stored, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.messages import Gap, Joined, Left, Message, Position, Presence
from chatcore.server.member import Member
from chatcore.server.session import Session
from tests.protocol import frames
from tests.server.driver import Clock, Host
from tests.server.program.reader import Reader
from tests.server.slow_journal import SlowJournal

Subscribe = Callable[..., Reader]


@pytest.fixture
def subscribed() -> Iterator[Subscribe]:
    """What subscribes to a room of a host, and closes at the end."""
    with ExitStack() as stack:

        def subscribe(host: Host, room: str = "lobby", **options: Any) -> Reader:
            return Reader(stack.enter_context(host.hub.subscribe(room, **options)))

        yield subscribe


# --- where reading begins ------------------------------------------------------------------------


def test_joined_comes_first_and_then_what_is_posted_from_now_on(subscribed: Subscribe) -> None:
    host = Host()
    ana = host.member("ana", "Ops")
    ana.post("before", room="ops")
    reader = subscribed(host, "OPS")
    ana.post("one", "two", room="ops", prefix="later")
    joined, *messages = reader.events()
    assert isinstance(joined, Joined)
    assert (joined.room, joined.head, joined.after, joined.count) == ("ops", 1, 1, 1)
    assert [(each.seq, each.prev, each.text) for each in messages if isinstance(each, Message)] == [
        (2, 1, "one"),
        (3, 2, "two"),
    ]


def test_a_room_that_nobody_was_in_can_be_read(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host, "empty")
    assert reader.texts() == []
    host.hub.post("empty", "program", "hello")
    assert reader.texts() == ["hello"]


def test_history_begins_with_the_last_messages(subscribed: Subscribe) -> None:
    host = Host()
    host.member("ana").post(*(f"text {n}" for n in range(1, 6)))
    assert subscribed(host, history=2).texts() == ["text 4", "text 5"]
    assert len(subscribed(host, history=100).texts()) == 5


def test_a_position_resumes_where_another_subscription_stopped(subscribed: Subscribe) -> None:
    host = Host()
    ana = host.member("ana")
    first = subscribed(host)
    ana.post("one", "two")
    assert first.receive().type == "joined"
    assert first.receive().type == "message"
    position = first.subscription.position
    first.subscription.close()
    ana.post("three", prefix="more")
    assert subscribed(host, after=position).texts() == ["two", "three"]


def test_the_position_follows_what_was_taken(subscribed: Subscribe) -> None:
    host = Host()
    reader = subscribed(host, history=10)
    host.hub.post("lobby", "program", "one")
    host.hub.post("lobby", "program", "two")
    positions = [reader.subscription.position]
    for _ in range(3):
        reader.receive()
        positions.append(reader.subscription.position)
    epoch = host.hub.rooms["lobby"].epoch
    assert positions == [None, *(Position(epoch=epoch, seq=seq) for seq in range(3))]
    given = Position(epoch=epoch, seq=2)
    assert subscribed(host, after=given).subscription.position == given


@pytest.mark.parametrize(
    "options", [{"room": "no room"}, {"room": 5}, {"history": -1}, {"history": "5"}, {"after": "e:5"}]
)
def test_invalid_arguments_raise_in_the_call(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Host().hub.subscribe(**{"room": "lobby", **options})


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


def test_a_subscription_goes_on_in_a_room_that_was_removed(subscribed: Subscribe) -> None:
    host = Host()
    ana, reader = host.member("ana"), subscribed(host)
    ana.post("one", "two")
    reader.events()
    ana.post("three", prefix="more")
    assert host.hub.remove_room("lobby").result(0)
    host.hub.post("lobby", "program", "four")
    left, joined, gap, four = reader.events()
    assert isinstance(left, Left)
    assert isinstance(joined, Joined)
    assert isinstance(gap, Gap)
    assert isinstance(four, Message)
    assert (joined.after, joined.head, joined.count) == (2, 4, 0)
    assert (gap.after, gap.through, gap.reason) == (2, 3, "expired")
    assert (four.seq, four.text) == (4, "four")


def test_what_a_removal_has_not_reached_yet_is_still_read(subscribed: Subscribe) -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock)
    reader = subscribed(host)
    reader.events()
    removed = host.hub.remove_room("lobby")
    host.hub.post("lobby", "program", "one")
    assert [event.type for event in reader.events()] == ["left", "joined"]
    journal.work()
    assert removed.result(0) is False
    assert reader.texts() == ["one"]


def test_a_subscription_that_was_not_in_yet_enters_a_room_that_was_removed(subscribed: Subscribe) -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock)
    host.hub.post("lobby", "program", "one")
    journal.work()
    reader = subscribed(host, history=1)
    host.hub.remove_room("lobby")
    assert reader.events() == []
    journal.work()
    assert [event.type for event in reader.events()] == ["joined"]
    host.hub.post("lobby", "program", "two")
    journal.work()
    assert reader.texts() == ["two"]


def test_subscriptions_read_independently_of_each_other(subscribed: Subscribe) -> None:
    host = Host()
    fast, slow = subscribed(host), subscribed(host)
    ana = host.member("ana")
    for n in range(5):
        ana.post(f"text {n}", prefix=str(n))
        assert fast.texts() == [f"text {n}"]
    assert slow.texts() == [f"text {n}" for n in range(5)]


# --- a journal that is slow, or not available ----------------------------------------------------


def test_a_subscription_that_waits_for_the_journal_begins_when_that_answers(subscribed: Subscribe) -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock)
    host.hub.post("lobby", "program", "one")
    journal.work()
    reader = subscribed(host, history=5)
    assert reader.events() == []
    journal.work()
    assert [event.type for event in reader.events()] == ["joined"]
    journal.work()
    assert reader.texts() == ["one"]


class SickJournal(MemoryJournal):
    """A journal whose history cannot be read while it is sick."""

    sick = True

    def heal(self) -> None:
        self.sick = False

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        **options: Any,
    ) -> None:
        if self.sick:
            deliver(Unavailable(3.0))
        else:
            super().seek(room, back, before, deliver, **options)

    def read(self, room: str, deliver: Callable[[Page | Unavailable], None], **options: Any) -> None:
        if self.sick:
            deliver(Unavailable(3.0))
        else:
            super().read(room, deliver, **options)


@pytest.mark.parametrize("options", [{"history": 5}, {"after": Position(epoch="e", seq=0)}])
def test_what_is_not_available_now_is_asked_for_again(subscribed: Subscribe, options: dict[str, Any]) -> None:
    journal, clock = SickJournal(), Clock()
    host = Host(journal, clock=clock)
    host.hub.post("lobby", "program", "one")
    reader = subscribed(host, **options)
    assert reader.texts() == []
    journal.heal()
    clock.now += 2.9
    assert reader.texts() == []
    clock.now += 0.2
    assert reader.texts() == ["one"]


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
