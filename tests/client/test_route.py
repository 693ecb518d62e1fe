"""Which address a client tries next, and when: a fake clock, and no sockets."""

import random

import pytest

from chatcore import Backoff, DisconnectedError, ProtocolError, RefusedError
from chatcore.client.redial import Redial, may_serve_elsewhere
from chatcore.client.route import Route


def tried(route: Route, times: int) -> list[tuple[int, bool]]:
    """Fail so many times; return the node that is next after each, and whether a round has ended."""
    moves = []
    for _ in range(times):
        is_last = route.move_on()
        moves.append((route.node, is_last))
    return moves


def test_a_round_tries_each_address_once() -> None:
    assert tried(Route(3), 6) == [(1, False), (2, False), (0, True), (1, False), (2, False), (0, True)]


def test_the_only_address_is_a_round() -> None:
    assert tried(Route(), 2) == [(0, True), (0, True)]


def test_a_round_begins_after_the_address_that_was_lost_and_has_it_last() -> None:
    route = Route(3)
    route.move_on()
    route.arrive()
    assert tried(route, 3) == [(2, False), (0, False), (1, True)]


def test_the_machines_of_a_name_are_tried_before_the_next_name() -> None:
    route = Route(2)
    assert route.untried(["a", "b", "c"]) == ["a", "b", "c"]
    route.reach("b")
    assert tried(route, 1) == [(0, False)]
    assert route.untried(["c", "b", "a"]) == ["c", "a"]
    route.reach("a")
    assert tried(route, 1) == [(0, False)]
    assert route.untried(["a", "b", "c"]) == ["c"]
    route.reach("c")
    assert tried(route, 1) == [(1, False)]


def test_a_name_of_which_no_machine_was_reached_is_left() -> None:
    route = Route(2)
    route.untried(["a", "b"])
    assert tried(route, 1) == [(1, False)]


def test_machines_that_were_reached_again_count_as_new_after_a_success() -> None:
    route = Route()
    route.untried(["a", "b"])
    route.reach("a")
    assert not route.move_on()
    assert route.untried(["a", "b"]) == ["b"]
    route.reach("b")
    route.arrive()
    assert not route.move_on()
    assert route.untried(["a", "b"]) == ["a"]


def test_a_name_that_stands_for_other_machines_by_now_is_tried_at_those() -> None:
    route = Route()
    route.untried(["a"])
    route.reach("a")
    assert route.move_on()
    assert route.untried(["a"]) == ["a"]


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def redial(nodes: int) -> Redial:
    made = Redial(Backoff(random.Random(1)), _Clock(), wanted=True, route=Route(nodes))
    made.note_welcome()
    return made


def test_only_a_whole_round_ends_in_a_wait_and_the_first_try_of_it_within_a_second() -> None:
    again = redial(3)
    waits = [again.plan("lost").retry_in for _ in range(6)]
    assert 0.0 < waits[0] <= 1.0
    assert waits[1] == waits[3] == waits[4] == 0.0
    assert 0.0 < waits[2] <= 0.5
    assert 0.0 < waits[5] <= 1.0


def test_a_node_that_asks_for_time_is_not_asked_again_before_though_others_are() -> None:
    again = redial(2)
    assert again.plan("drain", 7.0).retry_in <= 1.0
    assert again.plan("lost").retry_in >= 7.0


def test_the_only_address_gets_the_time_that_it_asks_for() -> None:
    assert redial(1).plan("drain", 7.0).retry_in >= 7.0


def test_a_nick_that_is_taken_is_waited_for_where_it_was_refused() -> None:
    route = Route(2)
    again = Redial(Backoff(random.Random(1)), _Clock(), wanted=True, route=route)
    assert again.plan_after(RefusedError("nick_taken", "no", retry_after=9.0)).retry_in > 0.0
    assert route.node == 0
    assert again.plan_after(RefusedError("unavailable", "no", retry_after=9.0)).retry_in == 0.0
    assert route.node == 1


@pytest.mark.parametrize(
    ("error", "elsewhere"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (DisconnectedError("lost"), True),
        (DisconnectedError("drain"), True),
        (DisconnectedError("banned"), False),
        (DisconnectedError("taken_over"), False),
        (RefusedError("unavailable", "no"), True),
        (RefusedError("limit_exceeded", "no"), True),
        (RefusedError("limit_exceeded", "no", room="ops"), False),
        (RefusedError("nick_taken", "no"), False),
        (RefusedError("unauthorized", "no"), False),
        (ProtocolError("no"), False),
    ],
)
def test_only_what_another_node_may_do_better_is_tried_there(
    error: DisconnectedError | RefusedError | ProtocolError | OSError, elsewhere: bool
) -> None:
    assert may_serve_elsewhere(error) is elsewhere
