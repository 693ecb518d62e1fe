"""Posts of the program that embeds a hub."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chatcore.errors import ClosedError, RefusedError, UsageError
from chatcore.journal import Draft, Outcome, Unavailable, always
from chatcore.journal.memory import MemoryJournal
from chatcore.messages import Ack
from chatcore.server.hub import Hub
from tests.protocol.frames import Message
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal


def test_a_post_reaches_the_members_and_its_future_has_the_ack() -> None:
    host = Host()
    ana = host.member("ana", "ops")
    future = host.hub.post("Ops", "deploy", "it is out", id="d-1")
    host.pump()
    assert future.result(0) == Ack(room="ops", id="d-1", seq=1, durability="memory")
    message = ana.one(Message)
    assert (message.room, message.nick, message.id, message.text) == ("ops", "deploy", "d-1", "it is out")


def test_a_kind_and_a_target_are_stored_and_make_another_post_under_the_same_id() -> None:
    host = Host()
    ana = host.member("ana")
    host.hub.post("lobby", "deploy", "it is out", kind="notice")
    host.hub.post("lobby", "deploy", "said", kind="text")
    vote = host.hub.post("lobby", "deploy", "yes", id="v-1", kind="x.vote", target=1)
    again = host.hub.post("lobby", "deploy", "yes", id="v-1", kind="x.vote", target=1)
    host.pump()
    assert [(each.kind, each.target) for each in ana.take_all(Message)] == [
        ("notice", None),
        (None, None),
        ("x.vote", 1),
    ]
    assert vote.result(0) == again.result(0)
    other = host.hub.post("lobby", "deploy", "yes", id="v-1", kind="x.vote", target=2).exception(0)
    assert isinstance(other, RefusedError)
    assert other.code == "conflict"


def test_a_post_needs_no_member_and_no_room() -> None:
    host = Host()
    assert host.hub.post("nowhere", "deploy", "first").result(0).seq == 1
    ana = host.member("ana", "nowhere", history=5)
    assert ana.texts() == ["first"]


def test_the_program_may_use_every_valid_nick() -> None:
    host = Host()
    host.member("ana")
    for nick in ("server", "root", "42", "Ana"):
        assert host.hub.post("lobby", nick, "hello").result(0).seq


def test_a_post_without_an_id_gets_one_of_its_own() -> None:
    hub = Host().hub
    acks = [hub.post("lobby", "deploy", "again").result(0) for _ in range(2)]
    assert [ack.seq for ack in acks] == [1, 2]
    assert len({ack.id for ack in acks}) == 2


def test_a_post_that_is_sent_again_is_stored_once_whoever_sent_it_first() -> None:
    host = Host()
    ana = host.member("ana")
    ana.post("hello")
    assert host.hub.post("lobby", "ana", "hello", id="id-1").result(0).seq == 1
    assert host.hub.post("lobby", "ana", "hello", id="id-1").result(0).seq == 1
    host.pump()
    assert ana.texts() == ["hello"]


def test_an_id_that_was_used_for_another_text_is_a_conflict() -> None:
    hub = Host().hub
    hub.post("ops", "deploy", "one", id="1")
    refusal = refused(hub, "Ops", "deploy", "two", id="1")
    assert (refusal.code, refusal.room, refusal.id, refusal.retry_after) == ("conflict", "ops", "1", None)


def test_a_text_that_is_too_long_is_refused_and_its_size_is_in_bytes() -> None:
    hub = Host(text_bytes=10, line_bytes=2_000).hub
    assert hub.post("ops", "deploy", "x" * 10).result(0).seq == 1
    assert refused(hub, "ops", "deploy", "é" * 6).code == "too_long"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no room", "deploy", "text"), "a room's name is"),
        (("ops", "no nick", "text"), "a nick is"),
        (("ops", 5, "text"), "a nick is"),
        (("ops", "deploy", ""), "a text has at least one character"),
        (("ops", "deploy", "\x07"), "no control characters"),
    ],
)
def test_invalid_arguments_raise_in_the_call(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Host().hub.post(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"id": ""}, "an id is"),
        ({"id": "é"}, "an id is"),
        ({"kind": "edit"}, "a kind is"),
        ({"kind": "X"}, "kind"),
        ({"target": 1}, "only a kind of your own, which begins with x., has one"),
        ({"kind": "notice", "target": 1}, "only a kind of your own, which begins with x., has one"),
        ({"kind": "x.vote", "target": 0}, "target"),
    ],
)
def test_invalid_options_raise_in_the_call(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Host().hub.post("ops", "deploy", "text", **options)


class FullJournal(MemoryJournal):
    """A journal on a disk that is full until `free` is called."""

    full = True

    def free(self) -> None:
        self.full = False

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        if self.full:
            done([Unavailable(2.5)] * len(drafts))
        else:
            super().submit(drafts, done, still_valid)


def test_a_post_that_cannot_be_stored_now_says_when_to_post_it_again() -> None:
    journal = FullJournal()
    hub = Hub(journal)
    refusal = refused(hub, "ops", "deploy", "text", id="1")
    assert (refusal.code, refusal.retry_after) == ("unavailable", 2.5)
    journal.free()
    assert hub.post("ops", "deploy", "text", id="1").result(0).seq == 1


def test_a_post_waits_for_nothing_and_is_answered_later() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    hub = Host(journal, clock=clock).hub
    futures = [hub.post("ops", "deploy", f"text {n}") for n in range(3)]
    assert not any(future.done() for future in futures)
    journal.work()
    assert [future.result(0).seq for future in futures] == [1, 2, 3]


def test_a_post_cannot_be_cancelled() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    future = Host(journal, clock=clock).hub.post("ops", "deploy", "text")
    assert not future.cancel()
    journal.work()
    assert future.result(0).seq == 1


def test_a_post_after_the_end_of_the_hub_fails_as_closed() -> None:
    with Hub() as hub:
        pass
    with pytest.raises(ClosedError):
        hub.post("ops", "deploy", "text").result(0)


def test_a_post_that_the_end_of_the_hub_overtakes_fails_as_closed() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    hub = Host(journal, clock=clock).hub
    future = hub.post("ops", "deploy", "text")
    hub.close()
    journal.work()
    with pytest.raises(ClosedError):
        future.result(0)


def test_posts_from_many_threads_are_each_stored_once() -> None:
    hub = Hub()
    acks: list[Ack] = []

    def post() -> None:
        acks.extend(hub.post("ops", "deploy", "text").result(5) for _ in range(50))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ack.seq for ack in acks) == list(range(1, 201))


def test_a_callback_of_a_post_may_post() -> None:
    hub = Hub()
    hub.post("ops", "deploy", "one").add_done_callback(lambda _: hub.post("ops", "deploy", "two", id="2"))
    assert hub.post("ops", "deploy", "two", id="2").result(0).seq == 2


def refused(hub: Hub, room: str, nick: str, text: str, *, id: str | None = None) -> RefusedError:
    """Return why a post was refused."""
    error = hub.post(room, nick, text, id=id).exception(0)
    assert isinstance(error, RefusedError)
    return error
