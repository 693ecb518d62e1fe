"""What kinds of posts a server takes, and what it passes on to the journal."""

from collections.abc import Callable, Sequence

import pytest

from chatcore.journal import Draft, Outcome, always
from tests.protocol.frames import Error, Post
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal


class NotingJournal(SlowJournal):
    """A journal that notes what is submitted."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.drafts: list[Draft] = []

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        self.drafts += drafts
        super().submit(drafts, done, still_valid)


def post(kind: str | None, target: int | None = None, id_: str = "id-1") -> Post:
    """Return a post."""
    return Post(room="lobby", id=id_, kind=kind, target=target, text="hi")


@pytest.mark.parametrize(
    ("kind", "target"),
    [(None, None), ("action", None), ("notice", None), ("x.poll", None), ("x.poll", 7), ("x.a-b.9", 1)],
)
def test_a_kind_that_is_known_is_passed_on_with_its_target(kind: str | None, target: int | None) -> None:
    journal = NotingJournal()
    ana = Host(journal).member("ana")
    ana.send(post(kind, target))
    assert ana.take_all(Error) == []
    assert [(draft.kind, draft.target, draft.text) for draft in journal.drafts] == [(kind, target, "hi")]


def test_the_kind_text_is_the_same_as_none() -> None:
    journal = NotingJournal()
    ana = Host(journal).member("ana")
    ana.send(post("text"), post(None))
    assert len({draft.kind for draft in journal.drafts}) == 1


@pytest.mark.parametrize("kind", ["edit", "delete", "reaction", "topic", "x", "x.", "xyz.poll", "actions"])
@pytest.mark.parametrize("target", [None, 1])
def test_a_kind_that_is_not_known_is_refused_for_good(kind: str, target: int | None) -> None:
    journal = NotingJournal()
    ana = Host(journal).member("ana")
    ana.send(post(kind, target))
    words = f"this server does not know the kind {kind}"
    assert ana.error() == Error(code="unknown_kind", message=words, room="lobby", id="id-1")
    assert journal.drafts == []


@pytest.mark.parametrize("kind", [None, "text", "action", "notice"])
def test_a_target_of_what_is_said_or_done_is_refused(kind: str | None) -> None:
    journal = NotingJournal()
    ana = Host(journal).member("ana")
    ana.send(post(kind, 1))
    words = f"a post of the kind {kind or 'text'} has no target"
    assert ana.error() == Error(code="bad_frame", message=words, room="lobby", id="id-1")
    assert journal.drafts == []


@pytest.mark.parametrize("refused", [post("edit"), post("action", 1)], ids=repr)
def test_a_refused_kind_holds_nothing_up(refused: Post) -> None:
    journal = NotingJournal()
    ana = Host(journal).member("ana")
    ana.send(refused, post(None, id_="id-2"))
    assert ana.error().retry_after is None
    assert [draft.id for draft in journal.drafts] == ["id-2"]


def test_a_refused_kind_ends_the_hold_of_the_same_post() -> None:
    host = Host(journal := NotingJournal(), frames_burst=2, frames_per_second=1.0)
    ana = host.member("ana")
    ana.send(post("edit"))
    assert ana.error().code == "rate_limited"
    host.advance(5.0)
    ana.send(post("edit"), post(None, id_="id-2"))
    assert ana.error().code == "unknown_kind"
    assert [draft.id for draft in journal.drafts] == ["id-2"]
