"""The order in which a client's posts go out, and out again."""

from chatcore.client.requests import PendingPost
from chatcore.client.send_queue import SendQueue
from chatcore.messages import Post


def filled(count: int) -> SendQueue:
    """Return a lane with posts 1, 2 and so on, all of which are on their way."""
    lane = SendQueue()
    for number in range(1, count + 1):
        lane.add(PendingPost(Post(room="lobby", id=f"{number}", text="hi")))
    assert sent(lane, 0.0) == [f"{number}" for number in range(1, count + 1)]
    return lane


def sent(lane: SendQueue, now: float) -> list[str]:
    """Send what can be sent; return the ids."""
    return [posting.post.id for posting in iter(lambda: lane.next(now), None)]


def test_what_is_refused_goes_out_again_once_all_is_answered_and_before_anything_new() -> None:
    lane = filled(3)
    lane.add(PendingPost(Post(room="lobby", id="4", text="hi")))
    assert lane.refuse("2", until=5.0)
    assert lane.refuse("3", until=6.0)
    assert sent(lane, 10.0) == []
    lane.settle("1")
    assert sent(lane, 5.5) == []
    assert lane.next_deadline() == 6.0
    assert sent(lane, 6.0) == ["2", "3", "4"]


def test_what_was_said_first_goes_out_first_in_whatever_order_the_refusals_came() -> None:
    lane = filled(4)
    for id_ in ("3", "4", "1", "2"):
        lane.refuse(id_, until=0.0)
    assert sent(lane, 0.0) == ["1", "2", "3", "4"]
    lane.refuse("2", until=0.0)
    lane.refuse("1", until=0.0)
    lane.settle("3")
    lane.settle("4")
    lane.add(PendingPost(Post(room="lobby", id="5", text="hi")))
    assert sent(lane, 0.0) == ["1", "2", "5"]


def test_of_two_under_one_id_the_second_waits_until_the_first_is_answered() -> None:
    lane = filled(1)
    second = PendingPost(Post(room="lobby", id="1", text="hi"))
    lane.add(second)
    lane.add(PendingPost(Post(room="lobby", id="2", text="hi")))
    assert sent(lane, 0.0) == []
    assert lane.refuse("1", until=1.0)
    assert sent(lane, 1.0) == ["1"]
    assert lane.settle("1") is not second
    assert sent(lane, 1.0) == ["1", "2"]
    assert lane.settle("1") is second


def test_on_a_new_connection_what_was_on_the_way_comes_before_a_later_one_that_was_refused() -> None:
    lane = filled(3)
    lane.refuse("2", until=9.0)  # at once, while the first waits for the journal
    lane.add(PendingPost(Post(room="lobby", id="4", text="hi")))
    assert lane.reconnected(not_older_than=0.0) == []
    assert sent(lane, 0.0) == ["1", "2", "3", "4"]
