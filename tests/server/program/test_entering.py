"""Where a subscription begins to read, also when that is decided late, and where it begins again.

Nothing here waits.
"""

from collections.abc import Callable
from typing import Any

import pytest

from chatcore.errors import UsageError
from chatcore.journal import Head, Page, Place, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.messages import Gap, Joined, Left, Message, Position
from tests.protocol import frames
from tests.server.driver import Clock, Host
from tests.server.program.reader import Subscribe
from tests.server.slow_journal import SlowJournal


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


# --- a room that is loaded late --------------------------------------------------------------------


class LateJournal(MemoryJournal):
    """A journal that tells heads of rooms, and whether it can, when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Callable[[], None]] = []

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        head: list[Head | Unavailable] = []
        super().head(room, head.append)
        self.asked.append(lambda: deliver(*head))

    def answer(self) -> None:
        """Answer what was asked: as it was then."""
        asked, self.asked = self.asked, []
        for answer in asked:
            answer()


def test_a_subscription_begins_when_its_room_is_loaded(subscribed: Subscribe) -> None:
    journal = LateJournal()
    host = Host(journal)
    reader = subscribed(host)
    host.hub.post("lobby", "program", "one")
    assert reader.events() == []
    journal.answer()
    host.hub.post("lobby", "program", "two")
    joined, two = reader.events()
    assert isinstance(joined, Joined)
    assert isinstance(two, Message)
    assert (joined.after, two.text) == (1, "two")


@pytest.mark.parametrize("options", [{"history": 5}, {"after": "the beginning"}])
def test_with_a_place_to_begin_nothing_that_was_posted_meanwhile_is_missed(
    subscribed: Subscribe, options: dict[str, Any]
) -> None:
    journal = LateJournal()
    host = Host(journal)
    if "after" in options:
        options = {"after": Position(epoch=journal.epoch, seq=0)}
    reader = subscribed(host, **options)
    host.hub.post("lobby", "program", "one")
    journal.answer()
    host.hub.post("lobby", "program", "two")
    assert reader.texts() == ["one", "two"]


def test_subscriptions_and_members_wait_for_one_answer(subscribed: Subscribe) -> None:
    journal = LateJournal()
    host = Host(journal)
    readers = [subscribed(host), subscribed(host)]
    ana = host.member("ana")
    assert len(journal.asked) == 1
    journal.answer()
    host.pump()
    ana.post("hello")
    assert [reader.texts() for reader in readers] == [["hello"]] * 2


def test_a_room_that_is_not_loaded_in_time_is_asked_for_again(subscribed: Subscribe) -> None:
    journal, clock = LateJournal(), Clock()
    host = Host(journal, clock=clock)
    reader = subscribed(host)
    for seconds in (5.1, 1.1):  # the time for an answer is over, and then that to the next question
        clock.now += seconds
        assert reader.events() == []
    journal.answer()
    assert [event.type for event in reader.events()] == ["joined"]


def test_a_subscription_that_is_closed_before_its_room_is_there_leaves_nothing(
    subscribed: Subscribe,
) -> None:
    journal = LateJournal()
    host = Host(journal)
    reader = subscribed(host)
    reader.subscription.close()
    journal.answer()
    assert list(reader.subscription) == []
    assert not host.hub.rooms
    assert host.hub.statistics().refusals == {}


def test_the_end_of_the_hub_ends_a_subscription_whose_room_is_not_loaded(subscribed: Subscribe) -> None:
    journal = LateJournal()
    host = Host(journal)
    reader = subscribed(host)
    host.hub.close()
    journal.answer()
    assert list(reader.subscription) == []


# --- limits ----------------------------------------------------------------------------------------


def test_the_limits_of_rooms_do_not_bind_the_program(subscribed: Subscribe) -> None:
    host = Host(rooms=1, new_rooms_burst=1)
    host.member("ana", "first")
    readers = [subscribed(host, f"room{n}") for n in range(5)]
    assert [[event.type for event in reader.events()] for reader in readers] == [["joined"]] * 5


def test_a_new_room_that_the_program_reads_costs_nobody_an_allowance(subscribed: Subscribe) -> None:
    host = Host(new_rooms_burst=1)
    for n in range(3):
        subscribed(host, f"room{n}")
        host.member(f"nick{n}", f"room{n}").one(frames.Joined)
    host.member("ana", "lobby").one(frames.Joined)
    assert host.member("bob", "ops").error().code == "limit_exceeded"


# --- a room that is removed ------------------------------------------------------------------------


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
