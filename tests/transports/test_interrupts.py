"""A Ctrl-C in the middle of a call of the blocking client: whatever it cuts off, the client can be closed."""

import _weakrefset
import gc
import sys
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from types import FrameType

import pytest

from tests.transports.peers import DEADLINE
from tests.transports.servers import House, new_transport
from transports.threaded_tcp import Chat, connect

CALLS: dict[str, Callable[[Chat], Callable[[], object]]] = {
    "post": lambda chat: partial(chat.post_nowait, "hi"),
    "flush": lambda chat: chat.flush,
    "receive": lambda chat: chat.receive,
    "events": lambda chat: partial(next, chat.events()),
}


def interrupt_at(number: int, work: Callable[[], object]) -> bool:
    """Do something, interrupted where Python looks for signals the n-th time; tell whether it came to that.

    That is where a Python function begins and where a C function has returned. Callbacks of weak references
    are passed over: they may come at any time, and nobody hears what they raise.
    """
    seen = 0

    def look(frame: FrameType, event: str, function: object) -> None:
        nonlocal seen
        if event in ("call", "c_return") and frame.f_code.co_filename != _weakrefset.__file__:
            seen += 1
            if seen == number:
                sys.setprofile(None)
                raise KeyboardInterrupt

    gc.disable()  # for the same reason
    sys.setprofile(look)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
        gc.enable()
    return False


@pytest.mark.parametrize("name", CALLS)
def test_a_client_closes_after_any_interrupted_call(name: str) -> None:
    house = House(new_transport("threaded"))
    try:
        for number in count(1):
            chat = connect(house.url, nick=f"n{number}")
            chat.post("so that there is an event")
            call = CALLS[name](chat)
            interrupted = interrupt_at(number, call)
            closing = threading.Thread(target=chat.close, daemon=True)
            closing.start()
            closing.join(DEADLINE)
            assert not closing.is_alive(), f"after an interrupt at {number}"
            if not interrupted:
                break
        assert number > 5
    finally:
        house.close()
