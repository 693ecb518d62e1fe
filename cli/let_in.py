"""A server that lets nobody in yet: one that has just started with others, or has lost the log they share.

It does not know who is here, and soon will. So whoever starts a conversation then is made to wait.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from chatcore import Backoff, RefusedError
from cli.report import complain

__all__ = ["LONGEST", "is_passing", "once_let_in", "words_of"]

T = TypeVar("T")

LONGEST = 10.0
"""Seconds: the longest wait between two tries, unless the server asks for more."""

PATIENCE = 120.0
"""Seconds after which a program gives up."""


def is_passing(error: Exception) -> bool:
    """Tell whether a server has let nobody in, and has said when to ask again."""
    if not isinstance(error, RefusedError) or error.room is not None:
        return False
    return error.code == "unavailable" and error.retry_after is not None


def words_of(error: RefusedError) -> str:
    """Return in words what a server says that lets nobody in yet."""
    return f"the server lets nobody in yet: {error.message}; trying again"


def once_let_in(connect: Callable[[], T]) -> T:
    """Return what ``connect`` returns, which is called again while the server lets nobody in yet.

    Standard error says so, once. Raises what ``connect`` raises, also if that passes after `PATIENCE`.
    """
    backoff, until, said = Backoff(longest=LONGEST), time.monotonic() + PATIENCE, False
    while True:
        try:
            return connect()
        except RefusedError as error:
            if not is_passing(error) or time.monotonic() > until:
                raise
            if not said:
                said = True
                complain(words_of(error))
            wait = backoff.next(error.retry_after or 0.0)
        threading.Event().wait(wait)
