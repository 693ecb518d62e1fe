"""The contract of gates. A new one joins `GATES`, and needs no tests of its own for what stands here."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from chatcore.accounts import Accounts
from chatcore.errors import ERROR_CODES
from chatcore.gate import (
    ANYBODY,
    Act,
    Claim,
    Gate,
    Invitation,
    Moderation,
    OpenGate,
    Peer,
    Person,
    Post,
    Refusal,
)
from chatcore.server.hub import Hub
from tests.accounts.people import make_accounts
from tests.protocol.frames import Ack, Hello, Join, Joined, Message, Welcome
from tests.protocol.frames import Post as PostFrame
from tests.server.driver import Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import ThreadGate
from tests.server.leftovers import left_in
from tests.server.test_cost import profile

PEER = Peer("192.0.2.1", 40_000)
POST = Post(room="lobby", id="1", text="hello")
DEADLINE = 10.0


@dataclass(frozen=True)
class Kind:
    """A kind of gate: how one is made in an empty directory, and a nick and a key that it lets in.

    Without a key it knows no accounts. ``strangers`` says whether it lets in people without a key.
    """

    make: Callable[[Path], Gate]
    nick: str = "zoe"
    key: str | None = None
    strangers: bool = True


GATES = {
    "open": Kind(lambda _: OpenGate()),
    "keys": Kind(lambda _: KeyGate("ada"), "ada", key_of("ada")),
    "keys only": Kind(lambda _: KeyGate("ada", needs_keys=True), "ada", key_of("ada"), strangers=False),
    "threads": Kind(lambda _: ThreadGate("ada"), "ada", key_of("ada")),
    "accounts": Kind(
        lambda path: Accounts(make_accounts(path / "accounts.db", ada="member")),
        "ada",
        key_of("ada"),
        strangers=False,
    ),
}


@pytest.fixture(params=GATES)
def kind(request: pytest.FixtureRequest) -> Kind:
    return GATES[request.param]


@pytest.fixture
def hub(kind: Kind, tmp_path: Path) -> Iterator[Hub]:
    """A hub that has the gate, and is closed after the test."""
    with closing(Hub(gate=kind.make(tmp_path))) as hub:
        yield hub


@pytest.fixture
def gate(hub: Hub) -> Gate:
    return hub.gate


class Answers:
    """Takes the answers to claims, from any thread."""

    def __init__(self) -> None:
        self.got: list[Person | Refusal] = []
        self._changed = threading.Condition()

    def take(self, answer: Person | Refusal) -> None:
        with self._changed:
            self.got.append(answer)
            self._changed.notify()

    def wait(self, number: int) -> list[Person | Refusal]:
        """Wait for so many answers."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.got) >= number, DEADLINE)
            return self.got


def enter(gate: Gate, nick: str, key: str | None) -> Person | Refusal:
    """Ask a gate who somebody is."""
    answers = Answers()
    gate.enter(Claim(PEER, nick, key), answers.take)
    (answer,) = answers.wait(1)
    return answer


def person_of(gate: Gate, kind: Kind) -> Person:
    """Return somebody whom a gate has let in."""
    person = enter(gate, kind.nick, kind.key)
    assert isinstance(person, Person)
    return person


# --- by itself -----------------------------------------------------------------------------------


def test_whoever_proves_an_account_is_let_in_as_the_same_person_each_time(gate: Gate, kind: Kind) -> None:
    person = person_of(gate, kind)
    assert person == person_of(gate, kind)
    assert (person.account is None) == (kind.key is None)
    assert (person.key_id is None) == (kind.key is None)
    assert kind.key is None or kind.key not in repr(person)


def test_people_without_a_key_are_nobody_or_unauthorized(gate: Gate, kind: Kind) -> None:
    answer = enter(gate, "zoe", None)
    if kind.strangers:
        assert answer == ANYBODY
    else:
        assert isinstance(answer, Refusal)
        assert answer.code == "unauthorized"


def test_all_wrong_keys_get_one_answer(gate: Gate, kind: Kind) -> None:
    wrong = ("x" * 43, "y" * 128, (kind.key or "z" * 43)[::-1])
    answers = [enter(gate, kind.nick, key) for key in wrong]
    assert len(set(answers)) == 1
    if kind.key is not None:
        assert isinstance(answers[0], Refusal)
        assert (answers[0].code, answers[0].retry_after) == ("unauthorized", None)


def test_each_of_many_claims_from_many_threads_is_answered_once(gate: Gate, kind: Kind) -> None:
    answers = Answers()

    def ask() -> None:
        for _ in range(50):
            gate.enter(Claim(PEER, kind.nick, kind.key), answers.take)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(answers.wait(200)) == 200
    assert set(answers.got) == {person_of(gate, kind)}


def test_whoever_was_let_in_may_stay_be_called_that_and_see_what_they_may_join(
    gate: Gate, kind: Kind
) -> None:
    person = person_of(gate, kind)
    assert gate.may_stay(person, PEER) is None
    assert gate.may_call(person, kind.nick)
    assert gate.may_join(person, "lobby") is None
    assert gate.may_see(person, "lobby")
    assert not gate.is_private("lobby")
    assert not gate.is_muted(person, "lobby")


def test_a_nick_belongs_to_one_account_in_any_spelling(gate: Gate, kind: Kind) -> None:
    if kind.key is not None:
        for nick in (kind.nick, kind.nick.upper(), f"{kind.nick}-ci"):
            assert gate.may_call(person_of(gate, kind), nick)
            assert not gate.may_call(ANYBODY, nick)
    assert gate.may_call(ANYBODY, "zoe")


def test_what_is_asked_under_the_lock_of_the_hub_waits_for_nothing(hub: Hub, gate: Gate, kind: Kind) -> None:
    person, answered = person_of(gate, kind), threading.Event()

    def ask() -> None:
        with hub.lock:
            gate.may_stay(person, PEER)
            gate.may_call(person, kind.nick)
            gate.may_join(person, "lobby")
            gate.may_see(person, "lobby")
            gate.is_private("lobby")
            gate.is_muted(person, "lobby")
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    assert answered.wait(DEADLINE)


def test_nobody_gets_in_without_a_key_where_one_is_required(gate: Gate, kind: Kind) -> None:
    assert not (gate.requires_key and kind.strangers)
    assert not gate.requires_key or isinstance(enter(gate, "zoe", None), Refusal)


def test_each_act_is_answered_once_with_a_refusal_or_nothing(gate: Gate, kind: Kind) -> None:
    person, answers = person_of(gate, kind), queue.SimpleQueue[Refusal | None]()
    for act in get_args(Act):
        gate.moderate(person, Moderation(act, "lobby", "nobody-there", 60.0, "why"), answers.put)
    got = [answers.get(timeout=DEADLINE) for _ in get_args(Act)]
    gate.close()  # after which nothing more can come
    assert answers.empty()
    assert all(answer is None or isinstance(answer, Refusal) for answer in got)
    assert kind.key is not None or {answer.code for answer in got if answer} == {"forbidden"}


def test_acts_of_people_who_are_unknown_are_refused(gate: Gate) -> None:
    answers = queue.SimpleQueue[Refusal | None]()
    stranger = Person("mallory", "owner", "0123")
    for act in get_args(Act):
        gate.moderate(stranger, Moderation(act, "lobby", "ada"), answers.put)
        assert isinstance(answers.get(timeout=DEADLINE), Refusal)


def test_an_invite_for_a_device_is_a_secret_that_nothing_shows(gate: Gate, kind: Kind) -> None:
    answers = queue.SimpleQueue[Invitation | Refusal]()
    gate.invite_device(person_of(gate, kind), answers.put)
    answer = answers.get(timeout=DEADLINE)
    if kind.key is None:
        assert isinstance(answer, Refusal)
    if isinstance(answer, Invitation):
        assert answer.seconds > 0
        assert answer.secret not in repr(answer)


def test_a_key_that_was_forgotten_lets_nobody_stay(gate: Gate, kind: Kind) -> None:
    person, answers = person_of(gate, kind), queue.SimpleQueue[Refusal | None]()
    gate.forget_device(person, answers.put)
    answer = answers.get(timeout=DEADLINE)
    assert (answer is None) == (gate.may_stay(person, PEER) is not None)
    assert kind.key is not None or (answer is not None and answer.code == "forbidden")


def test_a_post_that_is_accepted_as_it_is_comes_back_as_it_is(gate: Gate, kind: Kind) -> None:
    assert gate.review(person_of(gate, kind), kind.nick, POST) is POST


def test_a_room_that_nobody_knows_can_be_forgotten(gate: Gate) -> None:
    gate.room_removed("never-heard-of-it")
    assert not gate.is_private("never-heard-of-it")


def test_a_gate_may_be_closed_twice(gate: Gate, kind: Kind) -> None:
    person = person_of(gate, kind)
    gate.close()
    gate.close()
    assert gate.may_stay(person, PEER) is None


def test_refusals_can_be_said_on_every_wire(gate: Gate) -> None:
    answers = [enter(gate, nick, key) for nick, key in (("ada", "x" * 43), ("zoe", None), ("ada", None))]
    for refusal in answers:
        if isinstance(refusal, Refusal):
            assert refusal.code in ERROR_CODES
            assert 0 < len(refusal.message) <= 512
    assert all(isinstance(answer, Person | Refusal) for answer in answers)


# --- with a hub ----------------------------------------------------------------------------------


def settle(host: Host) -> None:
    """Wait until everything that was asked of a gate is answered, and what followed from it is done."""
    if isinstance(host.gate, ThreadGate):
        host.gate.work()
    host.pump()


def test_a_conversation_through_a_gate_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    host = Host(gate=kind.make(tmp_path))
    with closing(host.hub):
        peer = host.connect()
        peer.send(
            Hello(protocol=1, nick=kind.nick, key=kind.key),
            Join(room="lobby"),
            PostFrame(room="lobby", id="1", text="hello"),
        )
        peer.eof()
        settle(host)
        assert [type(frame) for frame in peer.take()] == [Welcome, Joined, Ack, Message]
        assert peer.closed
        assert left_in(host) == {}


def test_an_answer_for_a_peer_that_has_gone_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    host = Host(gate=kind.make(tmp_path))
    with closing(host.hub):
        host.hello(kind.nick, key=kind.key).lose()
        host.hello(kind.nick, key=kind.key).eof()
        host.hello(kind.nick, key=kind.key)
        host.endpoint.drain()
        settle(host)
        assert left_in(host) == {}


def test_several_devices_are_one_person_and_nobody_without_an_account_has_several(
    kind: Kind, tmp_path: Path
) -> None:
    host = Host(gate=kind.make(tmp_path))
    with closing(host.hub):
        peers = [host.hello(kind.nick, key=kind.key) for _ in range(2)]
        settle(host)
        identities = {peer.session.identity for peer in peers} - {None}
        assert len(identities) == 1
        seats = {seat for peer in peers if (seat := peer.session.seat) is not None}
        assert len(seats) == (1 if kind.key is None else 2)


def test_a_delivery_and_a_post_ask_a_gate_nothing(kind: Kind, tmp_path: Path) -> None:
    host = Host(gate=kind.make(tmp_path), frames_per_second=None)
    with closing(host.hub):
        writer = host.connect()
        writer.send(Hello(protocol=1, nick=kind.nick, key=kind.key), Join(room="lobby"))
        settle(host)
        lines = b"".join(b'{"type":"post","room":"lobby","id":"%d","text":"hi"}\n' % n for n in range(100))

        def talk() -> None:
            writer.session.receive_data(lines)
            host.pump()

        counts = profile(talk)
    verbs = [name for name in vars(OpenGate) if name.startswith(("may_", "is_")) or name == "enter"]
    assert [name for name in (*verbs, "review") if counts[name]] == []
