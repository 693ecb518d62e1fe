"""Addresses take turns, in what is decoded, written and read."""

from collections.abc import Callable
from typing import Any

import pytest

from chatcore.gate import Moderation, OpenGate, Person, Refusal
from chatcore.server.endpoint import OF_ONE_ADDRESS
from chatcore.server.reads import OF_ONE, ON_THE_WAY
from chatcore.server.reads import OF_ONE_ADDRESS as READS_OF_ONE_ADDRESS
from chatcore.server.turns import Turns
from tests.protocol.frames import Ack, ClientFrame, History, Join, Moderate, NickFrame, Page, Ping, Post, Who
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal

THERE = "192.0.2.99"
LIMITS: dict[str, Any] = {"frames_per_second": None, "connections_per_address": 1_000, "connections": None}


def enter(host: Host, nick: str, address: str) -> Peer:
    """Let somebody come from an address and join the lobby."""
    peer = host.connect(host=address)
    peer.feed(b'{"type":"hello","protocol":1,"nick":"%s"}\n' % nick.encode())
    peer.send(Join(room="lobby"))
    return peer


def test_things_of_one_address_are_in_order_and_addresses_take_turns() -> None:
    turns = Turns[str]()
    for thing in ("a1", "a2", "a3", "b1", "b2", "c1"):
        turns.add(thing[0], thing)
    taken = []
    while turns:
        taken.append(turns.take(lambda thing: True))
    assert taken == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert turns.take(lambda thing: True) is None


def test_what_may_not_have_its_turn_waits() -> None:
    turns = Turns[str]()
    for thing in ("a1", "a2", "b1"):
        turns.add(thing[0], thing)
    assert turns.take(lambda thing: thing == "a2") == "a2"
    assert turns.take(lambda thing: thing == "a2") is None
    assert [turns.take(lambda thing: True) for _ in range(2)] == ["b1", "a1"]


def test_the_last_of_an_address_is_taken() -> None:
    turns = Turns[str]()
    for thing in ("a1", "a2", "b1"):
        turns.add(thing[0], thing)
    assert [turns.take_last("a") for _ in range(3)] == ["a2", "a1", None]
    assert len(turns) == 1


def test_few_of_each_address_are_taken_together() -> None:
    turns = Turns[str]()
    for thing in ("a1", "a2", "a3", "b1", "b2", "c1"):
        turns.add(thing[0], thing)
    assert turns.take_many(2, 9) == ["a1", "a2", "b1", "b2", "c1"]
    assert turns.take_many(2, 9) == ["a3"]
    assert turns.take_many(2, 9) == []


def test_no_more_are_taken_than_asked_for_and_who_was_first_is_last() -> None:
    turns = Turns[str]()
    for thing in ("a1", "a2", "a3", "b1", "c1"):
        turns.add(thing[0], thing)
    assert [turns.take_many(2, 3) for _ in range(2)] == [["a1", "a2", "b1"], ["c1", "a3"]]
    assert not turns


def test_what_is_discarded_has_no_turn() -> None:
    turns = Turns[str]()
    turns.add("a", "a1")
    turns.add("a", "a1")
    assert turns.has("a", "a1")
    turns.discard("a", "a1")
    turns.discard("a", "a1")
    assert not turns.has("a", "a1")
    assert not turns


def test_few_sessions_of_one_address_are_served_before_another_one() -> None:
    host = Host(**LIMITS)
    crowd = [enter(host, f"n{number}", "192.0.2.1") for number in range(50)]
    ann = enter(host, "ann", THERE)
    for peer in (*crowd, ann):
        peer.session.receive_data(b'{"type":"who","room":"lobby","token":"t"}\n')
    passes = []
    while host.endpoint.busy:
        passes.append(host.endpoint.ready())
        for session in passes[-1]:
            host.peers[session].serve()
        host.endpoint.fan_out()
    assert ann.session in passes[0]
    assert all(len(each) <= OF_ONE_ADDRESS + 1 for each in passes)
    assert {session for each in passes for session in each} == {peer.session for peer in (*crowd, ann)}


def test_without_a_limit_for_addresses_all_are_served_together() -> None:
    host = Host(**{**LIMITS, "connections_per_address": None})
    crowd = [enter(host, f"n{number}", "192.0.2.1") for number in range(50)]
    for peer in crowd:
        peer.session.receive_data(b'{"type":"who","room":"lobby","token":"t"}\n')
    assert len(host.endpoint.ready()) == 50


def test_the_journal_has_few_reads_of_one_address_and_another_is_not_behind_them() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock, **LIMITS)
    crowd = [enter(host, f"n{number}", "192.0.2.1") for number in range(20)]
    ann = enter(host, "ann", THERE)
    while journal.waiting:
        journal.work()
        host.pump()
    for peer in crowd:
        peer.send(*[History(room="lobby", token=f"t{number}") for number in range(3)])
    assert len(journal.waiting) == READS_OF_ONE_ADDRESS
    ann.send(History(room="lobby", token="mine"))
    assert len(journal.waiting) == READS_OF_ONE_ADDRESS + 1
    assert READS_OF_ONE_ADDRESS + OF_ONE <= ON_THE_WAY
    journal.work()
    host.pump()
    assert ann.one(Page).token == "mine"
    while journal.waiting:
        journal.work()
        host.pump()
    assert all(len(peer.take_all(Page)) == 3 for peer in crowd)


FRAMES: dict[str, tuple[Callable[[int], ClientFrame], bool]] = {
    "pings": (lambda number: Ping(token="t"), False),
    "pages": (lambda number: History(room="lobby", token="t"), True),
    "members": (lambda number: Who(room="lobby"), True),
    "nicks": (lambda number: NickFrame(nick=f"k{number}"), True),
    "acts": (lambda number: Moderate(act="mute", nick="zoe"), True),
    "refused-acts": (lambda number: Moderate(act="mute", nick="ann"), False),
    "closed-rooms": (lambda number: Moderate(act="close", room="lobby"), True),
    "long-posts": (lambda number: Post(room="lobby", id="a", text="x" * 16_000), True),
}
"""A frame of each peer, and whether a few thousand are more than an address may cause."""


class Lenient(OpenGate):
    """Lets everybody moderate, but for acts on ann or in the attic."""

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        is_refused = moderation.nick == "ann" or moderation.room == "attic"
        answer(Refusal("forbidden", "no") if is_refused else None)


@pytest.mark.parametrize(("frame", "is_costly"), FRAMES.values(), ids=FRAMES)
def test_what_costs_more_than_its_line_is_paid_for_by_the_address(
    frame: Callable[[int], ClientFrame], is_costly: bool
) -> None:
    host = Host(connections=None, frames_burst=100, gate=Lenient())
    crowd = [enter(host, f"n{number}", "192.0.2.1") for number in range(50)]
    ann = enter(host, "ann", THERE)
    host.advance(1.0)
    for number, peer in enumerate(crowd):
        peer.send(*[frame(number)] * 60)
    late = host.connect(host="192.0.2.1")
    late.feed(b"\n")
    assert late.session.want_data is not is_costly
    ann.send(Post(room="lobby", id="mine", text="x"))
    assert ann.one(Ack).id == "mine"


def test_the_list_of_those_in_a_room_that_is_to_be_closed_is_paid_for_though_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatcore.server.pending.LISTED_PER_LINE", 1)  # as in a room of thousands
    host = Host(connections=None, frames_burst=100, gate=Lenient())
    crowd = [enter(host, f"n{number}", "192.0.2.1") for number in range(50)]
    for peer in crowd:
        peer.send(Join(room="attic"))
    host.advance(1.0)
    for peer in crowd:
        peer.send(*[Moderate(act="close", room="attic")] * 60)
    late = host.connect(host="192.0.2.1")
    late.feed(b"\n")
    assert not late.session.want_data
