"""A gate that looks at posts: what it refuses, what it makes of them, and when it is asked."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chatcore.gate import OpenGate, Person, Refusal, Watch
from chatcore.gate import Post as Posted
from chatcore.journal import Draft, Outcome, Unavailable, always
from chatcore.server.hub import Hub
from chatcore.wire.plain import plain
from tests.protocol.frames import Ack, Error, Join, Leave, Message, Post
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateHeads
from tests.server.slow_journal import SlowJournal
from tests.server.test_cost import profile

Verdict = Callable[[Posted], Posted | Refusal]


class Reviewer(KeyGate):
    """Says of each post what a test wants, and notes whom it was asked about."""

    def __init__(self, verdict: Verdict = lambda post: post) -> None:
        super().__init__("ada")
        self.verdict = verdict
        self.asked: list[tuple[str | None, str, str]] = []  # account, nick and text

    def review(self, person: Person, nick: str, post: Posted) -> Posted | Refusal:
        self.asked.append((person.account, nick, post.text))
        return self.verdict(post)


def member(verdict: Verdict, **limits: Any) -> tuple[Reviewer, Host, Peer]:
    """Return a gate, a host that has it, and a member of its lobby."""
    gate = Reviewer(verdict)
    host = Host(gate=gate, **limits)
    ana = host.member("ana")
    ana.take()
    return gate, host, ana


def rewrite(**changes: object) -> Verdict:
    """Make something else of every post, without looking whether it can be."""
    return lambda post: post.model_copy(update=changes)


def refuse(word: str, refusal: Refusal) -> Verdict:
    """Refuse posts that hold a word."""
    return lambda post: refusal if word in post.text else post


def refusals(peer: Peer) -> list[tuple[str, str | None, float | None]]:
    """Take a peer's errors, each as its code, its id and the time to wait."""
    return [(error.code, error.id, error.retry_after) for error in peer.take_all(Error)]


def post(id_: str, text: str, kind: str | None = None) -> Post:
    return Post(room="lobby", id=id_, text=text, kind=kind)


# --- refusals ------------------------------------------------------------------------------------


def test_a_post_that_is_refused_for_good_is_not_stored_and_holds_nothing_up() -> None:
    _, host, ana = member(refuse("damn", Refusal("forbidden", "mind your language")))
    bob = host.member("bob")
    ana.post("hello", "damn it", "goodbye")
    error = ana.error()
    assert (error.code, error.message, error.room, error.id, error.retry_after) == (
        "forbidden",
        "mind your language",
        "lobby",
        "id-2",
        None,
    )
    assert [ack.id for ack in ana.take_all(Ack)] == ["id-1", "id-3"]
    assert bob.texts() == ["hello", "goodbye"]
    assert ana.session.posts.in_flight == 0


@pytest.mark.parametrize("together", [False, True], ids=["apart", "in one segment"])
def test_a_post_that_is_refused_for_now_holds_up_what_comes_after_it_until_it_passes(together: bool) -> None:
    gate, host, ana = member(refuse("two", Refusal("rate_limited", "slowly", 2.0)))
    posts = [post(str(number), text) for number, text in enumerate(["one", "two", "three", "four"])]
    for part in [posts] if together else [[each] for each in posts]:
        ana.send(*part)
    assert refusals(ana) == [("rate_limited", str(n), 2.0) for n in (1, 2, 3)]
    assert [text for _, _, text in gate.asked] == ["one", "two"]
    gate.verdict = lambda post: post
    host.advance(2.0)
    ana.send(posts[2])  # not its turn
    assert refusals(ana) == [("rate_limited", "2", 0.0)]
    ana.send(*posts[1:])
    assert ana.texts() == ["one", "two", "three", "four"]
    assert [ack.id for ack in ana.take_all(Ack)] == ["0", "1", "2", "3"]


def test_a_refusal_for_now_holds_up_one_room_and_no_other() -> None:
    _, _, ana = member(refuse("no", Refusal("rate_limited", "slowly", 2.0)))
    ana.send(Join(room="garden"))
    ana.send(post("1", "no"), Post(room="garden", id="2", text="yes"), post("3", "yes"))
    assert [id_ for _, id_, _ in refusals(ana)] == ["1", "3"]
    assert [ack.id for ack in ana.take_all(Ack)] == ["2"]
    ana.send(Leave(room="lobby"), Join(room="lobby"), post("4", "yes"))
    assert [ack.id for ack in ana.take_all(Ack)] == ["4"]


def test_a_refusal_for_now_holds_up_no_plain_peer_and_what_passes_later_is_shown_to_others_only() -> None:
    gate, host, ana = member(refuse("no", Refusal("rate_limited", "slowly", 2.0)))
    nc = host.connect(plain)
    nc.feed(b"no\nyes\n")
    assert nc.lines() == ["* slowly (rate_limited), try again in 2.0 s"]
    assert ana.texts() == ["yes"]
    assert not nc.session.members["lobby"].withholds
    assert [text for _, _, text in gate.asked] == ["no", "yes"]


def test_a_long_message_of_a_refusal_is_cut() -> None:
    _, _, ana = member(refuse("no", Refusal("forbidden", "x" * 1_000)))
    ana.post("no")
    assert ana.error().message == "x" * 512


@pytest.mark.logs("gate.review_failed")
def test_a_review_that_raises_refuses_the_post_as_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    def fail(post: Posted) -> Posted:
        raise RuntimeError("out of paper")

    gate, _, ana = member(fail)
    ana.post("hello", "there")
    assert refusals(ana) == [("unavailable", "id-1", 1.0), ("unavailable", "id-2", 1.0)]
    assert "out of paper" in caplog.text
    gate.verdict = lambda post: post
    ana.post("hello", "there")
    assert ana.texts() == ["hello", "there"]


# --- rewriting -----------------------------------------------------------------------------------


def test_a_post_may_be_rewritten() -> None:
    _, host, ana = member(rewrite(text="HELLO", kind="notice"))
    bob = host.member("bob")
    ana.post("hello")
    for peer in (ana, bob):
        message = peer.one(Message)
        assert (message.id, message.room, message.text, message.kind) == ("id-1", "lobby", "HELLO", "notice")
    assert ana.one(Ack).seq == 1


def test_room_and_id_of_a_post_cannot_be_rewritten() -> None:
    _, host, ana = member(rewrite(room="garden", id="other", text="HELLO"))
    ana.post("hello")
    message = ana.one(Message)
    assert (message.room, message.id, message.text) == ("lobby", "id-1", "HELLO")
    assert list(host.hub.rooms) == ["lobby"]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": "a\x1b[2Jb"},
        {"text": 5},
        {"text": "x" * 101},
        {"text": "é" * 51},
        {"kind": "No Kind"},
        {"kind": "edit", "target": 1},
        {"kind": "delete"},
        {"target": 1},
        {"kind": "action", "target": 1},
    ],
    ids=repr,
)
def test_a_post_that_is_rewritten_to_nonsense_is_refused_as_unavailable(
    changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    _, _, ana = member(rewrite(**changes), text_bytes=100, line_bytes=2_000)
    ana.post("hello")
    assert refusals(ana) == [("unavailable", "id-1", 1.0)]
    assert ana.texts() == []
    assert "the gate failed to review a post" in caplog.text


def test_an_application_s_own_kind_may_be_given_to_a_post_with_a_target() -> None:
    _, _, ana = member(rewrite(kind="x.vote", target=7))
    ana.post("hello")
    message = ana.one(Message)
    assert (message.kind, message.target) == ("x.vote", 7)


def test_a_review_that_answers_neither_a_post_nor_a_refusal_has_failed() -> None:
    answer: Any = None
    _, _, ana = member(lambda post: answer)
    ana.post("hello")
    assert refusals(ana) == [("unavailable", "id-1", 1.0)]


def test_a_post_that_is_sent_again_is_recognised_by_what_was_posted_whatever_is_made_of_it() -> None:
    gate, host, ana = member(rewrite(text="first"))
    bob = host.member("bob")
    ana.send(post("1", "hello"))
    gate.verdict = rewrite(text="second")
    ana.send(post("1", "hello"))
    assert [ack.seq for ack in ana.take_all(Ack)] == [1, 1]
    assert bob.texts() == ["first"]
    gate.verdict = lambda post: post
    ana.send(post("1", "hello"))
    assert ana.one(Ack).seq == 1


@pytest.mark.parametrize("again", [post("1", "first"), post("1", "hello", "notice")], ids=["text", "kind"])
def test_another_post_under_the_same_id_is_a_conflict_whatever_is_made_of_it(again: Post) -> None:
    gate, _, ana = member(rewrite(text="first"))
    ana.send(post("1", "hello"))
    ana.send(again)
    assert refusals(ana) == [("conflict", "1", None)]
    gate.verdict = lambda post: post
    ana.send(again)
    assert refusals(ana) == [("conflict", "1", None)]


def test_a_post_that_is_refused_when_it_is_sent_again_stays_stored() -> None:
    gate, _, ana = member(lambda post: post)
    ana.post("hello")
    gate.verdict = refuse("hello", Refusal("forbidden", "no"))
    ana.post("hello")
    assert refusals(ana) == [("forbidden", "id-1", None)]
    assert ana.texts() == ["hello"]


# --- when it is asked ----------------------------------------------------------------------------


def test_a_review_knows_account_and_nick_and_is_asked_in_the_order_of_each_session() -> None:
    gate = Reviewer()
    host = Host(gate=gate)
    ada, bob = host.member("ada", key=key_of("ada")), host.member("bob")
    ada.post("one", "two", prefix="ada")
    bob.post("three", prefix="bob")
    ada.post("four", prefix="late")
    assert gate.asked == [
        ("ada", "ada", "one"),
        ("ada", "ada", "two"),
        (None, "bob", "three"),
        ("ada", "ada", "four"),
    ]


def test_what_is_refused_without_a_review_is_not_shown_to_the_gate() -> None:
    gate, _, ana = member(lambda post: post, text_bytes=100, line_bytes=2_000)
    ana.send(
        post("1", "x" * 101),
        post("2", "hi", "edit"),
        Post(room="garden", id="3", text="hi"),
        post("4", "hello"),
    )
    assert [text for _, _, text in gate.asked] == ["hello"]
    assert len(ana.take_all(Error)) == 3


class Busy(Reviewer):
    """Does something with its hub while it looks at a post."""

    hub: Hub | None = None
    act: Callable[[Hub], object] = repr

    def start(self, watch: Watch) -> None:
        super().start(watch)
        assert isinstance(watch, Hub)
        self.hub = watch

    def review(self, person: Person, nick: str, post: Posted) -> Posted | Refusal:
        assert self.hub is not None
        assert not self.hub.lock.locked()
        type(self).act(self.hub)
        return super().review(person, nick, post)


@pytest.mark.parametrize(
    "act",
    [
        lambda hub: hub.remove_room("garden"),
        lambda hub: hub.revise(),
        lambda hub: hub.expel("ada", "garden"),
        lambda hub: hub.statistics(),
        lambda hub: hub.post("garden", "program", "look at this"),
    ],
    ids=["remove a room", "revise", "expel", "statistics", "post"],
)
def test_a_review_holds_no_lock_and_may_use_its_hub(
    act: Callable[[Hub], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Busy, "act", staticmethod(act))
    gate = Busy()
    host = Host(gate=gate)
    ada = host.member("ada", key=key_of("ada"))
    host.member("bob", "garden")
    ada.post("hello", "there")
    assert ada.texts() == ["hello", "there"]


def test_a_review_that_removes_the_very_room_lets_its_post_in_under_the_next_number() -> None:
    gate = Busy()
    host = Host(gate=gate)
    ada = host.member("ada", key=key_of("ada"))
    ada.post("before")
    ada.take()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Busy, "act", staticmethod(lambda hub: hub.remove_room("lobby")))
        ada.post("during", prefix="late")
    assert ada.one(Ack).seq == 2
    ada.send(Join(room="lobby", history=5))
    assert ada.texts() == ["during"]


def test_posts_that_waited_for_a_room_are_reviewed_in_their_order_too() -> None:
    gate, clock = Reviewer(), Clock()
    journal = LateHeads(clock)
    host = Host(journal, clock=clock, gate=gate)
    ana = host.member("ana")
    ana.post("one", "two")
    ana.post("three", prefix="later")
    assert gate.asked == []
    journal.work()
    host.pump()
    assert [text for _, _, text in gate.asked] == ["one", "two", "three"]
    assert ana.texts() == ["one", "two", "three"]


class Recovering(SlowJournal):
    """Refuses its first post while the second one is looked at."""

    first: Callable[[Sequence[Outcome]], None] | None = None

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        if self.first is None:
            self.first = done
        else:
            super().submit(drafts, done, still_valid)


def test_a_post_does_not_overtake_one_whose_refusal_was_reported_during_its_review() -> None:
    clock = Clock()
    journal = Recovering(clock)

    def report(hub: Hub) -> None:
        if journal.first is not None:
            journal.first([Unavailable(1.0)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Busy, "act", staticmethod(report))
        host = Host(journal, clock=clock, gate=Busy())
        ana = host.member("ana")
        ana.send(post("1", "one"))
        ana.send(post("2", "two"))
    journal.work()
    host.pump()
    assert [id_ for _, id_, _ in refusals(ana)] == ["1", "2"]
    ana.send(post("1", "one"), post("2", "two"))
    journal.work()
    host.pump()
    assert ana.texts() == ["one", "two"]


class Known(OpenGate):
    """Has rules of its own, but none for posts."""

    def may_call(self, person: Person, nick: str) -> bool:
        return nick != "eve"


@pytest.mark.parametrize("make", [OpenGate, Known])
def test_a_gate_that_looks_at_no_posts_is_not_asked_for_any(make: Callable[[], OpenGate]) -> None:
    host = Host(gate=make())
    ana = host.member("ana")
    lines = b"".join(b'{"type":"post","room":"lobby","id":"%d","text":"hi"}\n' % n for n in range(50))
    counts = profile(lambda: ana.session.receive_data(lines))
    asked = ("review", "_review_all", "enter", "may_stay", "may_call", "may_join")
    assert [counts[name] for name in asked] == [0] * len(asked)
    assert counts  # there was something to count
