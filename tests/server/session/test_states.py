"""The tables that govern a session: its states, and the rules for each kind of input."""

from typing import get_args

from chatcore.server.handlers import FRAME_RULES
from chatcore.server.states import TRANSITIONS, State
from chatcore.wire import Item


def test_every_state_is_in_the_table_and_leads_to_closed() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(steps["gone"] is State.CLOSED for steps in TRANSITIONS.values())


def test_a_session_never_returns_to_an_earlier_state() -> None:
    order = list(State)
    for state, steps in TRANSITIONS.items():
        assert all(order.index(following) >= order.index(state) for following in steps.values())
    assert set(TRANSITIONS[State.CLOSED].values()) == {State.CLOSED}


def test_every_item_that_a_peer_can_send_has_a_rule() -> None:
    items = {each for union in get_args(Item) for each in get_args(union) or (union,)}
    kinds = {each for kind in items for each in get_args(kind) or (kind,) if isinstance(each, type)}
    assert set(FRAME_RULES) == kinds
