"""How a client's session ends for its user: posts that were made right before have their answer first."""

import pytest

from chatcore import ClosedError
from tests.client.connection import Server


def test_what_was_posted_right_before_is_acknowledged() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    post = ana.session.post("lobby", "bye")
    ana.session.finish(server.clock.now + 5.0)
    assert not ana.session.closed
    server.settle()
    assert post.result().seq == 1
    assert ana.session.closed_by_us
    assert bob.texts() == ["bye"]


def test_without_posts_it_ends_immediately() -> None:
    ana = Server().client("ana", "lobby")
    ana.session.finish(ana.session.clock() + 5.0)
    assert ana.session.closed_by_us


def test_nothing_more_can_be_asked() -> None:
    ana = Server().client("ana", "lobby")
    ana.session.post("lobby", "bye")
    ana.session.finish(ana.session.clock() + 5.0)
    with pytest.raises(ClosedError):
        ana.session.post("lobby", "one more")
    with pytest.raises(ClosedError):
        ana.session.who("lobby")


@pytest.mark.parametrize("online", [True, False])
def test_it_waits_no_longer_than_it_is_told(online: bool) -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.loses_answers = True
    if not online:
        ana.cut()
    (post,) = ana.say("lost")
    ana.session.finish(server.clock.now + 0.01)
    deadline = ana.session.next_deadline()
    assert deadline is not None
    assert deadline <= server.clock.now + 0.01
    server.pass_time(0.01)
    assert ana.session.closed_by_us
    with pytest.raises(ClosedError):
        post.result()
    assert ana.session.next_deadline() is None


def test_a_post_made_while_away_is_sent_if_the_connection_is_back_in_time() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.cut()
    post = ana.session.post("lobby", "bye")
    ana.session.finish(server.clock.now + 5.0)
    ana.dial_when_due()
    assert post.result().seq == 1
    assert ana.session.closed_by_us


def test_a_post_that_is_refused_needs_no_further_answer() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    post = ana.session.post("lobby", "x" * 20_000)
    ana.session.finish(server.clock.now + 5.0)
    server.settle()
    assert post.error is not None
    assert ana.session.closed_by_us
