"""Gates that fail: what they do wrong costs an answer, and nobody else anything."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcore.address import Peer as Address
from chatcore.errors import UsageError
from chatcore.gate import Claim, OpenGate, Person, Post, Refusal
from chatcore.journal.sqlite import SqliteJournal
from chatcore.server.hub import Hub
from tests.protocol.frames import Closing, Hello, Join, Joined, Left, NickFrame, Welcome
from tests.server.driver import Host, Peer


class Moody(OpenGate):
    """Raises wherever ``fails`` says so; ``person`` is whom it lets in."""

    def __init__(self, *fails: str) -> None:
        self.fails = set(fails)

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        answer(Person(account=claim.nick))

    def may_stay(self, person: Person, peer: Address) -> Refusal | None:
        self._do("may_stay", person)
        return None

    def may_call(self, person: Person, nick: str) -> bool:
        self._do("may_call", person)
        return True

    def may_join(self, person: Person, room: str) -> Refusal | None:
        self._do("may_join", person)
        return None

    def _do(self, name: str, person: Person) -> None:
        if name in self.fails and person.account != "bob":
            raise RuntimeError(name)


@pytest.mark.parametrize("account", ["ada@example.org", "auth0|1", "", "a" * 40, 7])
def test_an_account_that_no_welcome_could_carry_is_a_usage_error(account: str) -> None:
    with pytest.raises(UsageError):
        Person(account=account)


@pytest.mark.parametrize(
    ("code", "retry_after"), [("nonsense", None), ("forbidden", float("nan")), ("forbidden", float("inf"))]
)
def test_a_refusal_that_no_error_could_carry_is_a_usage_error(code: str, retry_after: float | None) -> None:
    with pytest.raises(UsageError):
        Refusal(code, "no", retry_after)  # type: ignore[arg-type]  # a gate may be untyped


def test_a_time_that_is_over_is_now() -> None:
    assert Refusal("forbidden", "no", -0.001).retry_after == 0.0


@pytest.mark.parametrize("value", [None, "ada", Person])
def test_what_is_no_answer_refuses_a_hello_immediately(value: object) -> None:
    class Wrong(OpenGate):
        def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
            answer(value)  # type: ignore[arg-type]  # a gate may be untyped

    peer = Host(gate=Wrong()).connect()
    peer.send(Hello(protocol=1, nick="ada"))
    assert peer.error().code == "unavailable"
    assert peer.ended


@pytest.mark.parametrize(
    ("fails", "frame"), [("may_join", Join(room="lobby")), ("may_call", NickFrame(nick="eve", token="t"))]
)
def test_a_right_that_cannot_be_asked_for_is_unavailable_and_the_connection_stays(
    fails: str, frame: Join | NickFrame
) -> None:
    gate = Moody()
    host = Host(gate=gate)
    ada = host.live("ada")
    gate.fails.add(fails)
    ada.send(frame)
    error = ada.error()
    assert (error.code, error.retry_after) == ("unavailable", 1.0)
    gate.fails.clear()
    ada.send(frame)
    assert len(ada.take_all(Joined) + ada.take_all(NickFrame)) == 1


def everybody(gate: Moody) -> tuple[Host, list[Peer]]:
    """Return a host, and ada and bob in a room of it."""
    host = Host(gate=gate)
    return host, [host.member(nick) for nick in ("ada", "bob")]


@pytest.mark.parametrize("fails", ["may_stay", "may_call"])
def test_a_revision_that_fails_for_somebody_ends_them_for_now_and_looks_at_the_others(
    fails: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Moody()
    host, (ada, bob) = everybody(gate)
    away = host.live("eve")
    away.lose()
    gate.fails.add(fails)
    with caplog.at_level(logging.CRITICAL, "chat.core"):
        host.hub.revise()
    host.pump()
    assert ada.one(Closing).reason == "drain"
    assert not bob.ended
    bob.send(Join(room="attic"))
    assert bob.take_all(Joined)[-1].room == "attic"


def test_a_revision_that_fails_for_a_room_puts_out_whoever_is_in_it(caplog: pytest.LogCaptureFixture) -> None:
    gate = Moody()
    host, (ada, bob) = everybody(gate)
    gate.fails.add("may_join")
    with caplog.at_level(logging.CRITICAL, "chat.core"):
        host.hub.revise()
    host.pump()
    assert ada.one(Left).reason == "expelled"
    assert bob.take_all(Left) == []


def test_an_account_is_expelled_in_any_spelling() -> None:
    host, (ada, bob) = everybody(Moody())
    host.hub.expel("ADA", "Lobby")
    host.pump()
    assert ada.one(Left).reason == "expelled"
    assert bob.take_all(Left) == []


def test_a_gate_that_cannot_be_closed_does_not_keep_the_journal_open(tmp_path: Path) -> None:
    class Stuck(OpenGate):
        def close(self) -> None:
            raise RuntimeError("stuck")

    path = tmp_path / "chat.db"
    Hub(SqliteJournal(path), gate=Stuck()).close()
    Hub(SqliteJournal(path)).close()


def test_a_review_never_runs_in_a_thread_of_the_journal(tmp_path: Path) -> None:
    reviewed = threading.Event()
    threads: list[str] = []

    class Watching(OpenGate):
        def review(self, person: Person, nick: str, post: Post) -> Post | Refusal:
            threads.append(threading.current_thread().name)
            reviewed.set()
            return post

    woken = threading.Event()
    with Hub(SqliteJournal(tmp_path / "chat.db"), gate=Watching()) as hub:
        endpoint = hub.endpoint(woken.set)
        session = endpoint.open(Address("192.0.2.1", 1))
        session.receive_data(
            b'{"type":"hello","protocol":1,"nick":"ada"}\n{"type":"join","room":"lobby"}\n'
            b'{"type":"post","room":"lobby","id":"1","text":"hi"}\n'
        )
        while not reviewed.is_set():
            assert woken.wait(10.0)
            woken.clear()
            for ready in endpoint.ready():
                ready.data_to_send()
        endpoint.close()
    assert threads == [threading.current_thread().name]


def test_a_gate_that_lets_nobody_in_says_so_in_its_own_words() -> None:
    class Closed(OpenGate):
        def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
            answer(Refusal("unauthorized", "come back on Monday", -3.0))

    peer = Host(gate=Closed()).connect()
    peer.send(Hello(protocol=1, nick="ada"))
    error = peer.error()
    assert (error.code, error.message, error.retry_after) == ("unauthorized", "come back on Monday", 0.0)
    assert peer.take_all(Welcome) == []
