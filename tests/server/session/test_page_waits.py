"""What may happen while a page, or the answer to `who`, is on its way."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.protocol.frames import Error, History, Join, Joined, Leave, Left, Page
from tests.server.driver import Peer
from tests.server.session.test_join_waits import Scene


class Reading(Scene):
    """A scene in which a member's page of the lobby is on its way."""

    def __init__(self, **asked: Any) -> None:
        super().__init__()
        self.journal.held = set()
        self.bob = self.host.member("bob")
        self.bob.take()
        self.journal.answered = {"read"}
        self.ask(**asked)

    def ask(self, **asked: Any) -> None:
        """Ask for a page, which has to wait."""
        self.bob.send(History(room="lobby", token="t", **asked))

    def arrive(self) -> None:
        """Let what is on its way arrive, and what is asked because of that."""
        self.journal.answered = set()
        self.journal.answer()
        self.host.pump()


def texts(page: Page) -> list[str]:
    """Return the texts of a page."""
    return [message.text for message in page.messages]


def refused(peer: Peer) -> tuple[str, str | None, str | None]:
    """Take the one error, and see that nothing of a page came."""
    error = peer.error()
    assert peer.take() == []
    return error.code, error.room, error.id


def test_who_has_left_gets_no_page() -> None:
    scene = Reading()
    scene.bob.send(Leave(room="lobby"))
    scene.bob.one(Left)
    scene.arrive()
    assert refused(scene.bob) == ("not_joined", "lobby", "t")


@pytest.mark.parametrize(
    "put_out",
    [
        pytest.param(lambda scene: scene.host.hub.revise(), id="revised"),
        pytest.param(lambda scene: scene.host.hub.remove_room("lobby"), id="removed"),
    ],
)
def test_who_was_put_out_gets_no_page(put_out: Callable[[Scene], object]) -> None:
    scene = Reading()
    scene.gate.open = False
    put_out(scene)
    scene.host.pump()
    assert scene.bob.one(Left).reason == "expelled"
    scene.arrive()
    assert refused(scene.bob) == ("not_joined", "lobby", "t")


def test_who_has_left_and_come_back_gets_the_page() -> None:
    scene = Reading(limit=2)
    scene.bob.send(Leave(room="lobby"), Join(room="lobby"))
    scene.bob.one(Joined)
    scene.arrive()
    assert texts(scene.bob.one(Page)) == ["4", "5"]


def test_who_is_gone_gets_nothing_and_costs_nothing() -> None:
    scene = Reading()
    scene.ask()
    scene.bob.lose()
    scene.arrive()
    assert scene.bob.take() == []
    assert scene.journal.asked.count("read") == 1


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"after": 4}, []),
        ({"before": 3}, ["a", "b"]),
        ({}, ["a", "b", "c"]),
        ({"after": 1, "before": 3}, ["b"]),
    ],
)
def test_a_page_of_a_log_that_was_replaced_is_asked_for_again(
    asked: dict[str, Any], expected: list[str]
) -> None:
    scene = Reading(**asked)
    epoch = scene.replace_log(*"abc")
    scene.arrive()
    page = scene.bob.one(Page)
    assert (page.epoch, page.token, texts(page)) == (epoch, "t", expected)


def test_numbers_of_the_log_that_was_replaced_are_void_if_their_epoch_was_given() -> None:
    for bounds in ({"after": 4}, {"before": 2}):
        scene = Reading(**bounds, epoch=Scene().epoch)
        scene.arrive()
        scene.bob.one(Page)
        scene.journal.answered = {"read"}
        scene.ask(**bounds, epoch=scene.epoch)
        epoch = scene.replace_log(*"abc")
        scene.arrive()
        page = scene.bob.one(Page)
        assert (page.epoch, texts(page)) == (epoch, ["a", "b", "c"])


def test_a_page_of_a_log_that_is_not_the_rooms_yet_is_refused_and_may_be_asked_for_again() -> None:
    scene = Reading()
    scene.arrive()
    scene.bob.take()
    inner = scene.journal.inner
    scene.journal.inner = Scene().journal.inner
    scene.ask()
    scene.journal.inner = inner
    error = scene.bob.one(Error)
    assert (error.code, error.id, error.retry_after) == ("unavailable", "t", 1.0)
    assert scene.bob.take_all(Page) == []
    scene.ask(limit=1)
    assert texts(scene.bob.one(Page)) == ["5"]


def test_a_page_that_the_journal_cannot_read_is_refused_and_may_be_asked_for_again() -> None:
    scene = Reading()
    scene.arrive()
    scene.bob.take()
    scene.journal.failing = {"read"}
    scene.ask()
    error = scene.bob.one(Error)
    assert (error.code, error.room, error.id, error.retry_after) == ("unavailable", "lobby", "t", 2.0)
    scene.journal.failing = set()
    scene.ask(limit=1)
    assert texts(scene.bob.one(Page)) == ["5"]
