"""Whether a hub can store a post now, asked in a way that always gets an answer in time.

The way of a post is tried as far as that leaves nothing behind: the hub's lock, which may be held by
something that hangs, and the journal's own order, in which posts are stored. A journal with a file answers
there only once it has stored what came before, so a disk that hangs is seen.
"""

import threading
import time
from typing import TYPE_CHECKING

from chatcore.journal import Unavailable
from chatcore.journal.statistics import journal_statistics

if TYPE_CHECKING:
    from chatcore.server.hub import Hub

__all__ = ["why_unhealthy"]

NO_ANSWER = "the journal does not answer"

UNAVAILABLE = "the journal cannot store messages now"

ROOM = "lobby"
"""The room that the journal is asked about. Whether it is there does not matter, only that it answers."""


def why_unhealthy(hub: "Hub", seconds: float) -> str | None:
    """Return why no post can be stored now, or ``None``; it waits for so many seconds at most."""
    end = time.monotonic() + seconds
    if not hub.lock.acquire(timeout=seconds):
        return "the server is busy"
    draining = hub.draining
    hub.lock.release()
    if draining:
        return "the server is closing"
    counted = journal_statistics(hub.journal)
    if counted is not None and counted.late > seconds:  # else each question would wait there with the others
        return NO_ANSWER
    trouble = _ask_journal(hub, end)
    counted = journal_statistics(hub.journal)  # one that answers may still refuse posts, as without its log
    return UNAVAILABLE if trouble is None and counted is not None and not counted.available else trouble


def _ask_journal(hub: "Hub", end: float) -> str | None:
    answered = threading.Event()
    answers: list[bool | Unavailable] = []

    def deliver(answer: bool | Unavailable) -> None:
        answers.append(answer)
        answered.set()

    hub.journal.reach(ROOM, 0, deliver)
    if not answered.wait(max(end - time.monotonic(), 0.0)):
        return NO_ANSWER
    return UNAVAILABLE if isinstance(answers[0], Unavailable) else None
