"""Whoever is muted may read and not speak: what becomes of their posts, before, meanwhile and after."""

import pytest

from chatcore.gate import Peer as Address
from chatcore.gate import Person, Refusal
from chatcore.gate import Post as Posted
from tests.protocol.frames import Ack, Error, Hello, Join, Joined, Message, Moderate, Moderated, Post, Who
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateGate, LateHeads
from tests.server.session.test_posts import RefusingJournal
from tests.server.slow_journal import SlowJournal

PHONE, LAPTOP, BOB = key_of("ada"), key_of("ada", "laptop"), key_of("bob")

FORBIDDEN = ("forbidden", None)


def post(id_: str, text: str = "hi", room: str = "lobby") -> Post:
    """Return a post."""
    return Post(room=room, id=id_, text=text)


def refusals(peer: Peer) -> list[tuple[str | None, str, float | None]]:
    """Take a peer's errors, each as its id, its code and the time to wait."""
    return [(error.id, error.code, error.retry_after) for error in peer.take_all(Error)]


def acked(peer: Peer) -> list[str]:
    """Take the ids of the posts that are stored."""
    return [ack.id for ack in peer.take_all(Ack)]


@pytest.fixture
def gate() -> KeyGate:
    return KeyGate("ada", "bob")


def test_each_post_is_refused_for_good_and_everything_else_is_as_before(gate: KeyGate) -> None:
    host = Host(gate=gate)
    ada, bob = host.member("ada", key=PHONE), host.member("bob", key=BOB)
    gate.mute("ada", "lobby")
    ada.send(post("1"), post("2"))
    ada.send(post("3"))
    assert refusals(ada) == [(id_, *FORBIDDEN) for id_ in "123"]
    bob.post("hello")
    assert ada.texts() == ["hello"]
    host.settle()
    ada.take()
    ada.send(Who(room="lobby"), Join(room="garden"), post("4", room="garden"))
    assert acked(ada) == ["4"]
    assert ada.take_all(Error) == []


def test_all_devices_are_muted_and_only_in_that_room_or_in_all_also_in_rooms_entered_later(
    gate: KeyGate,
) -> None:
    host = Host(gate=gate)
    phone, laptop = host.member("ada", key=PHONE), host.member("ada-x", key=LAPTOP)
    gate.mute("ada", "lobby")
    for peer in (phone, laptop):
        peer.send(post("1"), Join(room="garden"), post(f"{peer.session.nick}", room="garden"))
        assert refusals(peer) == [("1", *FORBIDDEN)]
        assert len(peer.take_all(Ack)) == 1
    gate.mute("ada")
    late = host.live("ada-y", key=key_of("ada", "desk"))
    late.send(Join(room="attic"))
    for peer, room in ((phone, "garden"), (laptop, "garden"), (late, "attic")):
        peer.send(post("9", room=room))
        assert refusals(peer) == [("9", *FORBIDDEN)]
    gate.lift("ada")
    for peer, room in ((phone, "garden"), (laptop, "garden"), (late, "attic")):
        peer.send(post(f"after-{peer.session.nick}", room=room))
        assert len(acked(peer)) == 1
    phone.send(post("lobby still"))
    assert refusals(phone) == [("lobby still", *FORBIDDEN)]


def test_it_stays_over_leaving_a_resume_and_a_new_epoch(gate: KeyGate) -> None:
    host = Host(gate=gate)
    ada = host.member("ada", key=PHONE)
    gate.mute("ada", "lobby")
    again = host.live("ada", key=PHONE, session=ada.secret)
    again.send(Join(room="LOBBY"), post("1", room="Lobby"))
    assert refusals(again) == [("1", *FORBIDDEN)]
    host.hub.opened("another", lambda _: 0)
    again.send(post("2"))
    assert refusals(again) == [("2", *FORBIDDEN)]


def test_whoever_is_muted_while_the_room_is_loaded_is_muted_in_it(gate: KeyGate) -> None:
    journal = LateHeads(Clock())
    host = Host(journal, gate=gate)
    ada = host.live("ada", key=PHONE)
    ada.send(Join(room="lobby"), post("1"))
    gate.mute("ada", "lobby")
    journal.work()
    host.pump()
    assert refusals(ada) == [("1", *FORBIDDEN)]


def test_a_post_that_was_submitted_before_the_mute_is_stored(gate: KeyGate) -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock, gate=gate)
    ada = host.member("ada", key=PHONE)
    ada.send(post("1"))
    gate.mute("ada")
    ada.send(post("2"))
    journal.work()
    host.pump()
    assert acked(ada) == ["1"]
    assert refusals(ada) == [("2", *FORBIDDEN)]


def test_posts_that_wait_for_an_act_are_judged_after_it() -> None:
    gate = LateGate("ada", "bob", late=("moderate",))
    host = Host(gate=gate)
    ada, bob = host.member("ada", key=PHONE), host.member("bob", key=BOB)
    for peer, other in ((ada, "bob"), (bob, "ada")):
        peer.take()
        peer.send(Moderate(act="mute", room="lobby", nick=other), post(f"by {other}"))
    gate.work()
    host.pump()
    assert acked(ada) == ["by bob"]  # bob's act is answered after it
    assert refusals(bob) == [("by ada", *FORBIDDEN)]


# --- what is held --------------------------------------------------------------------------------


def test_a_post_that_is_held_when_the_mute_comes_is_refused_for_good_and_holds_nothing_more(
    gate: KeyGate,
) -> None:
    journal = RefusingJournal(Clock())
    host = Host(journal, gate=gate)
    ada = host.member("ada", key=PHONE)
    journal.refusing = True
    ada.send(post("1"))
    journal.work()
    host.pump()
    ada.send(post("2"))
    assert [(id_, code) for id_, code, _ in refusals(ada)] == [("1", "unavailable"), ("2", "unavailable")]
    journal.refusing = False
    gate.mute("ada", "lobby")
    ada.send(post("1"), post("2"))
    assert refusals(ada) == [("1", *FORBIDDEN), ("2", *FORBIDDEN)]
    gate.lift("ada", "lobby")
    ada.send(post("3"), post("2"))
    journal.work()
    host.pump()
    assert acked(ada) == ["3", "2"]
    assert ada.texts() == ["hi", "hi"]


def test_a_post_that_is_held_over_a_mute_that_was_lifted_keeps_its_order(gate: KeyGate) -> None:
    journal = RefusingJournal(Clock())
    host = Host(journal, gate=gate)
    ada = host.member("ada", key=PHONE)
    journal.refusing = True
    ada.send(post("1", "first"))
    journal.work()
    host.pump()
    refusals(ada)
    journal.refusing = False
    gate.mute("ada", "lobby")
    gate.lift("ada", "lobby")
    ada.send(post("2", "second"))
    assert [(id_, code) for id_, code, _ in refusals(ada)] == [("2", "unavailable")]
    ada.send(post("1", "first"), post("2", "second"))
    journal.work()
    host.pump()
    assert ada.texts() == ["first", "second"]


def test_a_refusal_of_the_journal_that_comes_after_the_mute_holds_nothing_once_it_was_sent_again(
    gate: KeyGate,
) -> None:
    journal = RefusingJournal(Clock())
    host = Host(journal, gate=gate)
    ada = host.member("ada", key=PHONE)
    journal.refusing = True
    ada.send(post("1"))
    gate.mute("ada", "lobby")
    ada.send(post("2"))
    journal.work()
    host.pump()
    journal.refusing = False
    assert [(id_, code) for id_, code, _ in refusals(ada)] == [("2", "forbidden"), ("1", "unavailable")]
    ada.send(post("1"))
    assert refusals(ada) == [("1", *FORBIDDEN)]
    gate.lift("ada", "lobby")
    ada.send(post("3"))
    journal.work()
    host.pump()
    assert acked(ada) == ["3"]


def test_what_a_review_refuses_for_now_is_forbidden_when_it_comes_again_after_a_mute() -> None:
    class Slow(KeyGate):
        later = True

        def review(self, person: Person, nick: str, post: Posted) -> Posted | Refusal:
            return Refusal("unavailable", "later", 1.0) if self.later else post

    gate = Slow("ada")
    host = Host(gate=gate)
    ada = host.member("ada", key=PHONE)
    ada.send(post("1"))
    assert refusals(ada) == [("1", "unavailable", 1.0)]
    gate.later = False
    gate.mute("ada")
    ada.send(post("1"))
    gate.lift("ada")
    ada.send(post("2"))
    assert refusals(ada) == [("1", *FORBIDDEN)]
    assert acked(ada) == ["2"]


def test_posts_beyond_the_allowance_are_told_to_wait_and_hold_nothing(gate: KeyGate) -> None:
    host = Host(gate=gate, frames_per_second=1.0, frames_burst=4)
    ada = host.member("ada", key=PHONE)
    gate.mute("ada")
    ada.send(*(post(f"{n}") for n in range(5)))
    assert [code for _, code, _ in refusals(ada)] == ["forbidden"] * 2 + ["rate_limited"] * 3
    gate.lift("ada")
    host.advance(10.0)
    ada.send(post("9"))
    assert acked(ada) == ["9"]


def test_others_in_the_room_are_not_held_up(gate: KeyGate) -> None:
    host = Host(gate=gate)
    ada, bob = host.member("ada", key=PHONE), host.member("bob", key=BOB)
    gate.mute("ada")
    for number in range(3):
        ada.send(post(f"a{number}"))
        bob.send(post(f"b{number}"))
    assert acked(bob) == ["b0", "b1", "b2"]
    assert [message.id for message in ada.take_all(Message)] == ["b0", "b1", "b2"]


@pytest.mark.logs("gate.failed")
def test_a_gate_that_cannot_say_lets_nobody_speak(caplog: pytest.LogCaptureFixture) -> None:
    class Confused(KeyGate):
        def is_muted(self, person: Person, room: str) -> bool:
            raise RuntimeError("who?")

    ada = Host(gate=Confused("ada")).member("ada", key=PHONE)
    ada.send(post("1"))
    assert refusals(ada) == [("1", *FORBIDDEN)]
    assert "the gate failed" in caplog.text


def test_all_devices_are_told_once_of_a_mute_and_of_its_end(gate: KeyGate) -> None:
    host = Host(gate=gate)
    phone, laptop = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP)
    bob = host.member("bob", key=BOB)
    for change, act in ((gate.mute, "mute"), (gate.mute, None), (gate.lift, "lift")):
        change("ada", "lobby")
        host.pump()
        told = [] if act is None else [(act, "lobby", "ada", None)]
        for device in (phone, laptop):
            frames = device.take_all(Moderated)
            assert [(each.act, each.room, each.nick, each.token) for each in frames] == told
    assert bob.take_all(Moderated) == []


def frames_of(peer: Peer) -> list[tuple[str, str | None]]:
    """Take what a peer was told of entering and of mutes, in order."""
    frames = [frame for frame in peer.take() if isinstance(frame, Joined | Moderated)]
    return [("mute" if isinstance(frame, Moderated) else "joined", frame.room) for frame in frames]


@pytest.mark.parametrize("where", ["lobby", None])
def test_whoever_enters_a_room_in_which_they_are_muted_is_told_after_they_are_in(
    gate: KeyGate, where: str | None
) -> None:
    gate.mute("ada", where)
    host = Host(gate=gate)
    ada, bob = host.live("ada", key=PHONE), host.live("bob", key=BOB)
    for peer in (ada, bob):
        peer.send(Join(room="lobby"), Join(room="garden", history=5))
    others = [("joined", "garden")] if where else [("joined", "garden"), ("mute", "garden")]
    assert frames_of(ada) == [("joined", "lobby"), ("mute", "lobby"), *others]
    assert frames_of(bob) == [("joined", "lobby"), ("joined", "garden")]
    host.hub.opened("another", lambda _: 0)
    host.pump()
    assert [kind for kind, _ in frames_of(ada)] == ["joined", "joined"]
    gate.lift("ada", where)
    host.pump()
    assert [each.act for each in ada.take_all(Moderated)] == ["lift"] * (1 if where else 2)


def test_whoever_is_muted_while_their_join_waits_for_history_is_told_once_and_not_before(
    gate: KeyGate,
) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, gate=gate)
    ada = host.live("ada", key=PHONE)
    ada.take()
    ada.send(Join(room="lobby", history=5))
    gate.mute("ada", "lobby")
    host.pump()
    assert frames_of(ada) == []
    journal.work()
    host.pump()
    assert frames_of(ada) == [("joined", "lobby"), ("mute", "lobby")]


def test_whoever_may_speak_again_before_they_are_in_is_told_nothing(gate: KeyGate) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, gate=gate)
    ada = host.live("ada", key=PHONE)
    gate.mute("ada", "lobby")
    ada.send(Join(room="lobby", history=5))
    gate.lift("ada", "lobby")
    journal.work()
    host.pump()
    assert frames_of(ada) == [("joined", "lobby")]


def test_people_without_an_account_can_be_muted_too() -> None:
    class Quiet(KeyGate):
        """Lets strangers in, to read."""

        def is_muted(self, person: Person, room: str) -> bool:
            return person.account is None

        def may_stay(self, person: Person, peer: Address) -> Refusal | None:
            return None

    host = Host(gate=Quiet("ada"))
    zoe, ada = host.connect(), host.member("ada", key=PHONE)
    zoe.send(Hello(protocol=1, nick="zoe"), Join(room="lobby"), post("1"))
    ada.send(post("2", "hello"))
    assert refusals(zoe) == [("1", *FORBIDDEN)]
    assert zoe.texts() == ["hello"]
