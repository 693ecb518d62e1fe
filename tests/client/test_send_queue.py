"""The order in which a client's posts go out, and out again."""

from chatcore.client.requests import PendingPost
from chatcore.client.send_queue import SendQueue
from chatcore.messages import Post


def filled(count: int) -> SendQueue:
    """Return a queue with posts 1, 2 and so on, all of which are in flight."""
    queue = SendQueue()
    for number in range(1, count + 1):
        queue.add(PendingPost(Post(room="lobby", id=f"{number}", text="hi")))
    assert sent(queue, 0.0) == [f"{number}" for number in range(1, count + 1)]
    return queue


def sent(queue: SendQueue, now: float) -> list[str]:
    """Send what can be sent; return the ids."""
    return [post.post.id for post in iter(lambda: queue.next(now), None)]


def test_refused_posts_go_out_again_before_new_ones() -> None:
    queue = filled(3)
    queue.add(PendingPost(Post(room="lobby", id="4", text="hi")))
    assert queue.refuse("2", until=5.0)
    assert queue.refuse("3", until=6.0)
    assert sent(queue, 10.0) == []
    queue.settle("1")
    assert sent(queue, 5.5) == []
    assert queue.next_deadline() == 6.0
    assert sent(queue, 6.0) == ["2", "3", "4"]


def test_resent_posts_keep_the_order_of_posting() -> None:
    queue = filled(4)
    for id_ in ("3", "4", "1", "2"):
        queue.refuse(id_, until=0.0)
    assert sent(queue, 0.0) == ["1", "2", "3", "4"]
    queue.refuse("2", until=0.0)
    queue.refuse("1", until=0.0)
    queue.settle("3")
    queue.settle("4")
    queue.add(PendingPost(Post(room="lobby", id="5", text="hi")))
    assert sent(queue, 0.0) == ["1", "2", "5"]


def test_the_second_of_two_posts_under_one_id_waits_for_the_first() -> None:
    queue = filled(1)
    second = PendingPost(Post(room="lobby", id="1", text="hi"))
    queue.add(second)
    queue.add(PendingPost(Post(room="lobby", id="2", text="hi")))
    assert sent(queue, 0.0) == []
    assert queue.refuse("1", until=1.0)
    assert sent(queue, 1.0) == ["1"]
    assert queue.settle("1") is not second
    assert sent(queue, 1.0) == ["1", "2"]
    assert queue.settle("1") is second


def test_a_new_connection_resends_all_posts_in_order() -> None:
    queue = filled(3)
    queue.refuse("2", until=9.0)  # immediately, while the first waits for the journal
    queue.add(PendingPost(Post(room="lobby", id="4", text="hi")))
    assert queue.reconnected(not_older_than=0.0) == []
    assert sent(queue, 0.0) == ["1", "2", "3", "4"]
