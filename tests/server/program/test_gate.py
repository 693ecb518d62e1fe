"""The program beside its gate: what that decides about clients does not bind the program."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from chatcore.address import Peer
from chatcore.gate import Claim, OpenGate, Person, Post, Refusal, Watch
from chatcore.messages import Message
from chatcore.server.hub import Hub
from tests.protocol.frames import Left
from tests.server.driver import Host
from tests.server.program.reader import Reader


class FailingGate(OpenGate):
    """A gate that fails whatever it is asked."""

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        raise RuntimeError("a bug")

    def may_stay(self, person: Person, peer: Peer) -> NoReturn:
        raise RuntimeError("a bug")

    def may_call(self, person: Person, nick: str) -> NoReturn:
        raise RuntimeError("a bug")

    def may_join(self, person: Person, room: str) -> NoReturn:
        raise RuntimeError("a bug")

    def review(self, person: Person, nick: str, post: Post) -> NoReturn:
        raise RuntimeError("a bug")


class Closed(OpenGate):
    """A gate that lets somebody into no room once it is told so."""

    refusal: Refusal | None = None
    watch: Watch

    def start(self, watch: Watch) -> None:
        self.watch = watch

    def may_join(self, person: Person, room: str) -> Refusal | None:
        return self.refusal

    def close_rooms(self) -> None:
        self.refusal = Refusal("forbidden", "not now")
        self.watch.revise()


class Editor(OpenGate):
    """A gate that writes posts again, and asks its hub meanwhile."""

    hub: Hub

    def attach(self, hub: Hub) -> None:
        self.hub = hub

    def review(self, person: Person, nick: str, post: Post) -> Post:
        with self.hub.subscribe(post.room) as subscription:
            subscription.receive(timeout=0.0)
        self.hub.post(post.room, "editor", f"{self.hub.statistics().messages} before", id=f"for-{post.id}")
        return post.model_copy(update={"kind": "notice", "text": post.text.upper()})


def texts_of(reader: Reader) -> list[str]:
    return [f"{event.nick}: {event.text}" for event in reader.events() if isinstance(event, Message)]


def test_a_gate_that_fails_does_not_bind_the_program(caplog: pytest.LogCaptureFixture) -> None:
    host = Host(gate=FailingGate())
    with host.hub.subscribe("lobby") as subscription:
        reader = Reader(subscription)
        assert host.hub.post("lobby", "root", "hello").result(0).seq == 1
        assert texts_of(reader) == ["root: hello"]
    assert caplog.records == []


def test_a_gate_that_puts_everybody_out_leaves_the_program_where_it_reads() -> None:
    gate = Closed()
    host = Host(gate=gate)
    ana = host.member("ana")
    with host.hub.subscribe("lobby") as subscription:
        reader = Reader(subscription)
        gate.close_rooms()
        host.pump()
        host.hub.post("lobby", "program", "is anybody here?")
        assert texts_of(reader) == ["program: is anybody here?"]
    assert ana.one(Left).reason == "expelled"


def test_a_review_may_use_its_hub_and_what_it_makes_of_a_post_is_what_is_read() -> None:
    gate = Editor()
    host = Host(gate=gate)
    gate.attach(host.hub)
    ana = host.member("ana")
    with host.hub.subscribe("lobby") as subscription:
        reader = Reader(subscription)
        ana.post("one", "two")
        assert texts_of(reader) == ["editor: 0 before", "editor: 1 before", "ana: ONE", "ana: TWO"]


def test_what_a_gate_refuses_counts_as_a_refusal_and_what_the_program_posts_does_not() -> None:
    class Mute(OpenGate):
        def review(self, person: Person, nick: str, post: Post) -> Refusal:
            return Refusal("forbidden", "nobody talks here")

    host = Host(gate=Mute())
    ana = host.member("ana")
    ana.post("hello")
    host.hub.post("lobby", "program", "hello", id="1")
    host.hub.post("lobby", "program", "another", id="1")
    counted = host.hub.statistics()
    assert (counted.refusals, counted.messages) == ({"forbidden": 1}, 1)
