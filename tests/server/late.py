"""Gates, directories and journals that answer only when a test lets them."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from chatcore.gate import Claim, Invitation, Moderation, Person, Refusal
from chatcore.journal import Head, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import Limits
from chatcore.server.directory import Claimed, Identity, LocalDirectory, Seat
from chatcore.server.hub import Hub
from tests.server.driver import Clock
from tests.server.key_gate import KeyGate

__all__ = ["LateDirectory", "LateGate", "LateHeads", "ThreadGate"]

DEADLINE = 10.0
"""Seconds that a test waits for a thread; only one that fails waits as long."""

T = TypeVar("T")

Job = Callable[[], None]


class LateGate(KeyGate):
    """Answers what names of its methods are ``late`` when a test asks it to: by default, who somebody is."""

    def __init__(
        self, *accounts: str, needs_keys: bool = False, late: Iterable[str] = ("enter",), hasty: bool = False
    ) -> None:
        super().__init__(*accounts, needs_keys=needs_keys)
        self._late = frozenset(late)
        self._hasty = hasty  # it decides when it is asked, and not when it answers
        self.asked: list[tuple[Job, Callable[[Refusal], None]]] = []

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Say who somebody is, perhaps later."""
        self._ask("enter", lambda: self.identify(claim), answer)

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Do something, perhaps later."""
        self._ask("moderate", lambda: self.apply(person, moderation), answer)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Make an invite, perhaps later."""
        self._ask("invite_device", lambda: self.invite(person), answer)

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Revoke a key, perhaps later."""
        self._ask("forget_device", lambda: self.forget(person), answer)

    def work(self, times: int = 1) -> None:
        """Answer everything that was asked, in turn, and so many times."""
        asked, self.asked = self.asked, []
        for job in [job for job, _ in asked] * times:
            job()

    def refuse(self, refusal: Refusal) -> None:
        """Refuse everything that was asked."""
        asked, self.asked = self.asked, []
        for _, answer in asked:
            answer(refusal)

    def _ask(self, what: str, decide: Callable[[], T], answer: Callable[[T | Refusal], None]) -> None:
        if what not in self._late:
            answer(decide())
        elif self._hasty:
            decided = decide()
            self.asked.append((lambda: answer(decided), answer))
        else:
            self.asked.append((lambda: answer(decide()), answer))


class ThreadGate(KeyGate):
    """Answers from a thread of its own, which ends with `close`."""

    def __init__(self, *accounts: str, needs_keys: bool = False) -> None:
        super().__init__(*accounts, needs_keys=needs_keys)
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="gate")
        self._thread.start()

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Leave it to the thread."""
        self._jobs.put(lambda: answer(self.identify(claim)))

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Leave it to the thread."""
        self._jobs.put(lambda: answer(self.apply(person, moderation)))

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Leave it to the thread."""
        self._jobs.put(lambda: answer(self.invite(person)))

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Leave it to the thread."""
        self._jobs.put(lambda: answer(self.forget(person)))

    def close(self) -> None:
        """End the thread. Idempotent."""
        super().close()
        self._jobs.put(None)
        self._thread.join(DEADLINE)

    def work(self) -> None:
        """Wait until everything that was asked is answered."""
        done = threading.Event()
        self._jobs.put(done.set)
        assert done.wait(DEADLINE)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class LateDirectory(LocalDirectory):
    """Answers when a test asks it to.

    ``late`` names what it answers later; the rest it answers within the call. What it answers is decided
    then or, if it is ``hasty``, already when it is asked.
    """

    def __init__(
        self, limits: Limits, late: Iterable[str] = ("claim", "rename", "enter"), *, hasty: bool = False
    ) -> None:
        super().__init__(limits)
        self.waiting: list[tuple[Job, Callable[[Refusal], None]]] = []
        self.inside: set[tuple[Seat, str]] = set()  # seats and the rooms that it has let them into
        self._late = frozenset(late)
        self._hasty = hasty
        self._fails: Literal["before", "after"] | None = None

    def fail(self, when: Literal["before", "after"]) -> None:
        """Raise from now on, before or after what is asked is dealt with."""
        self._fails = when

    def work(self, hub: Hub, times: int = 1) -> None:
        """Answer everything, as a thread of a directory's own would, and so many times."""
        waiting, self.waiting = self.waiting, []
        for job in [job for job, _ in waiting] * times:
            with hub.lock:
                job()
            hub.follow_up()

    def refuse(self, hub: Hub, refusal: Refusal) -> None:
        """Refuse everything."""
        waiting, self.waiting = self.waiting, []
        for _, answer in waiting:
            with hub.lock:
                answer(refusal)
            hub.follow_up()

    def claim(self, claim: Claimed, answer: Callable[[Seat | Refusal], None]) -> None:
        ask = super().claim
        self._ask("claim", lambda receive: ask(claim, receive), answer)

    def rename(self, seat: Seat, nick: str, variant: bool, answer: Callable[[str | Refusal], None]) -> None:
        ask = super().rename
        self._ask("rename", lambda receive: ask(seat, nick, variant, receive), answer)

    def enter(self, seat: Seat, room: str, answer: Callable[[Refusal | None], None]) -> None:
        def decide(receive: Callable[[Refusal | None], None]) -> None:
            self.inside.add((seat, room))
            receive(None)

        self._ask("enter", decide, answer)

    def leave(self, seat: Seat, room: str) -> None:
        self.inside.discard((seat, room))

    def vacate(self, seat: Seat, reserved_until: float | None) -> Identity | None:
        self.inside = {(other, room) for other, room in self.inside if other is not seat}
        return super().vacate(seat, reserved_until)

    def _ask(
        self, what: str, ask: Callable[[Callable[[T], None]], None], answer: Callable[[T | Refusal], None]
    ) -> None:
        if self._fails == "before":
            raise RuntimeError("the directory is broken")
        if what not in self._late:
            ask(answer)
        elif self._hasty:
            ask(lambda decided: self.waiting.append((lambda: answer(decided), answer)))
        else:
            self.waiting.append((lambda: ask(answer), answer))
        if self._fails == "after":
            raise RuntimeError("the directory is broken")


class LateHeads(MemoryJournal):
    """A memory journal that says how far a room's log reaches only when a test lets it."""

    def __init__(self, clock: Clock, *, late: bool = True) -> None:
        super().__init__(clock=clock)
        self.waiting: list[tuple[str, Callable[[Head | Unavailable], None]]] = []
        self._late = late

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        if self._late:
            self.waiting.append((room, deliver))
        else:
            super().head(room, deliver)

    def work(self, times: int = 1) -> None:
        """Answer everything that was asked, so many times."""
        waiting, self.waiting = self.waiting, []
        for room, deliver in waiting * times:
            super().head(room, deliver)

    def answer(self, answer: Head | Unavailable) -> None:
        """Answer the first question in this way."""
        self.waiting.pop(0)[1](answer)
