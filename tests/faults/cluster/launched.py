"""The command ``chat``, with something wrong: ``python -m tests.faults.cluster.launched ARGUMENT...``.

What is wrong is said by variables of the environment:

- ``CLOCK_OFFSET``: so many seconds its wall clock is wrong;
- ``LEASE``: seconds after which a server that is silent is gone, on all servers the same; for short tests.
  What is measured by it is shorter as well;
- ``LOSES``: one of so many entries of the log is not sent;
- ``PLANTED``: a mistake in the program, of those in `MISTAKES`, which a judgement has to find.
"""

import itertools
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chatcore.journal.replicated import machine as record
from chatcore.replication import machine as fenced
from chatcore.replication.fence import ReadDigest
from chatcore.replication.outbox import Outbox
from chatcore.roster.state import State
from cli.app import main
from tests.lease import shorten_announcements, shorten_lease
from transports.jetstream import JetStreamLog

__all__ = ["MISTAKES"]


def move_clock(seconds: float) -> None:
    """Let the wall clock be wrong."""
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + seconds
    time.time_ns = lambda: right_ns() + round(seconds * 1_000_000_000)


def lose_entries(one_of: int) -> None:
    """Do not send some entries."""
    send, numbers = JetStreamLog.append, itertools.count(1)

    def append(self: JetStreamLog, data: bytes) -> None:
        if next(numbers) % one_of:
            send(self, data)

    JetStreamLog.append = append  # type: ignore[method-assign]


# --- mistakes ------------------------------------------------------------------------------------


def acknowledge_what_was_sent() -> None:
    """Answer posts when their entry is sent, and not when it is read."""
    send = Outbox.send

    def hasty(
        self: Outbox[record.Applied],
        content: Mapping[str, Any],
        seen: ReadDigest,
        answer: Callable[[record.Applied | None], None],
    ) -> None:
        drafts = content.get("drafts")
        if drafts is None:
            send(self, content, seen, answer)
            return
        position = seen.position + len(self) + 1
        send(self, content, seen, lambda applied: None)
        answer(record.Applied(position, outcomes=[position * record.SLOTS + n for n in range(len(drafts))]))

    Outbox.send = hasty  # type: ignore[method-assign, assignment]


def let_everything_count() -> None:
    """Apply entries in whatever order they come."""

    def read(self: Outbox[Any], node: str, term: int, number: int, result: Any) -> None:
        for parcel in self._parcels:
            if (node, term, number) == (self.node, self._term, parcel.number):
                self._parcels.remove(parcel)
                self._settled = True
                parcel.answer(result)
                return

    module: Any = fenced
    module.admits = lambda known, term, number: True
    Outbox.read = read  # type: ignore[method-assign]


def store_another_nick() -> None:
    """Store now and then something else than the other servers do."""
    store, chance = record.Machine._store, random.Random()

    def careless(self: record.Machine, drafts: Sequence[Any], entry: Any, applied: record.Applied) -> None:
        if chance.random() < 0.1:
            drafts = [draft._replace(nick="nobody") for draft in drafts]
        store(self, drafts, entry, applied)

    record.Machine._store = careless  # type: ignore[method-assign]


def give_a_nick_twice() -> None:
    """Give a nick to whoever asks for it."""
    State.holder = lambda self, nick: None  # type: ignore[method-assign]


MISTAKES: Mapping[str, Callable[[], None]] = {
    "acknowledges what was sent": acknowledge_what_was_sent,
    "lets everything count": let_everything_count,
    "stores another nick": store_another_nick,
    "gives a nick twice": give_a_nick_twice,
}
"""Mistakes that there might be in the program, and what makes them."""


if __name__ == "__main__":
    if offset := os.environ.get("CLOCK_OFFSET"):
        move_clock(float(offset))
    if lease := os.environ.get("LEASE"):
        shorten_lease(float(lease))
        shorten_announcements(4 * float(lease))
    if one_of := os.environ.get("LOSES"):
        lose_entries(int(one_of))
    if planted := os.environ.get("PLANTED"):
        MISTAKES[planted]()
    main()
