"""What strangers and members ask for in vain: it is refused without an entry, since a log forgets none.

Before an act of theirs is appended, it is *rehearsed*: done to the state, and undone. What would be done then
is appended, and the log's order decides. Else it is in doubt, because the state may lack what others have
done by now. So the log is asked how far it goes. Once all of that is read, and all that was appended here
before the act, it is rehearsed again, and refused if nothing has changed. What would do nothing is answered
in the same way.

The time of a log stands still while nothing is appended, and the clock of a server may be wrong. So nothing
is refused that would be done at either time.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

from chatcore.accounts.acts import Content
from chatcore.accounts.performing import perform
from chatcore.accounts.refusals import Refused
from chatcore.accounts.statements import AccountsFile
from chatcore.replication import Log
from chatcore.replication.jobs import JobQueue
from chatcore.replication.outbox import GIVE_UP

__all__ = ["Doubt", "Doubts", "Foreseen", "foresee"]

_OF_PEOPLE: Final = {"redeem", "moderate", "invite_device", "forget_device"}

_MAY_DO_NOTHING: Final = {"redeem", "forget_room"}

T = TypeVar("T")


class Foreseen(NamedTuple):
    """What an act would come to that would change nothing: the `Refusal`, or the result."""

    result: Any


class _Undone(Exception):
    """Ends a rehearsal, with what the act came to."""

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result


def foresee(file: AccountsFile, content: Content, *times: float) -> Foreseen | None:
    """Rehearse an act at some times; return ``None`` if it may be done, or only the log can tell."""
    if content.get("act") not in _OF_PEOPLE | _MAY_DO_NOTHING:
        return None
    foreseen: Foreseen | None = None
    for now in times:
        if (foreseen := _rehearse(file, content, now)) is None:
            return None
    return foreseen


def _rehearse(file: AccountsFile, content: Content, now: float) -> Foreseen | None:
    before = file.changes
    try:
        with file.transaction():
            raise _Undone(perform(file, content, now))
    except _Undone as undone:
        does_nothing = file.changes == before and content["act"] in _MAY_DO_NOTHING
        return Foreseen(undone.result) if does_nothing else None
    except Refused as refused:
        return Foreseen(refused.refusal)
    except Exception:  # whatever it is: the log has it done, or fails in the same way
        return None
    finally:
        file.take_touched()


@dataclass(frozen=True, slots=True)
class Doubt(Generic[T]):
    """An act in doubt. ``after`` is how many entries were sent here before it was asked for.

    ``position`` is how far the log went when it was asked for, or later, once that is known.
    """

    content: Content
    answer: Callable[[T | None], None]
    after: int
    until: float
    position: int | None = None


class Doubts(Generic[T]):
    """Acts in doubt, in the order in which they were asked for. ``clock`` gives seconds that never go back.

    For one thread, the one that takes ``jobs``.
    """

    def __init__(self, log: Log, jobs: JobQueue, clock: Callable[[], float]) -> None:
        self._log = log
        self._jobs = jobs
        self._clock = clock
        self._fresh: list[Doubt[T]] = []  # that the question on its way does not concern
        self._asked: list[Doubt[T]] = []  # that it does
        self._known: list[Doubt[T]] = []  # with a position
        self._refused: list[Doubt[T]] = []  # whose position is not to be learnt
        self._questions = itertools.count(1)
        self._question = 0

    def __len__(self) -> int:
        return sum(map(len, (self._fresh, self._asked, self._known, self._refused)))

    @property
    def next_deadline(self) -> float | None:
        """When `late` has something, or another question is due, if nothing comes."""
        if self._refused or (self._fresh and not self._asked):
            return self._clock()
        return min((each.until for each in (*self._known, *self._asked)), default=None)

    def concern(self, content: Content) -> bool:
        """Tell whether something that a member asked for before is in doubt: what comes then has to wait."""
        person = content.get("person")
        both = (*self._fresh, *self._asked, *self._known)
        return person is not None and any(each.content.get("person") == person for each in both)

    def add(self, content: Content, answer: Callable[[T | None], None], after: int) -> None:
        """Take an act in doubt."""
        self._fresh.append(Doubt(content, answer, after, self._clock() + GIVE_UP))

    def ask(self) -> None:
        """Ask the log how far it goes, for all that came since the last question."""
        if self._fresh and not self._asked:
            self._asked, self._fresh = self._fresh, []
            self._question = number = next(self._questions)
            self._log.ask_last(partial(self._deliver, number))

    def take(self, position: int, done: int) -> list[Doubt[T]]:
        """Take out the acts that can be decided, by all that was read, and what was sent here and is done."""
        ready = [each for each in self._known if (each.position or 0) <= position and each.after <= done]
        self._known = [each for each in self._known if each not in ready]
        return ready

    def late(self) -> list[Doubt[T]]:
        """Take out the acts that have waited too long, or whose log cannot be asked."""
        now = self._clock()
        late, self._refused = self._refused, []
        late += [each for each in (*self._known, *self._asked) if each.until <= now]
        self._known = [each for each in self._known if each.until > now]
        self._asked = [each for each in self._asked if each.until > now]
        return late

    def take_all(self) -> list[Doubt[T]]:
        """Take out all."""
        every = [*self._refused, *self._known, *self._asked, *self._fresh]
        for some in (self._refused, self._known, self._asked, self._fresh):
            some.clear()
        self._question = 0
        return every

    def _deliver(self, question: int, last: int | None) -> None:  # from any thread
        self._jobs.put(partial(self._learn, question, last))

    def _learn(self, question: int, last: int | None) -> None:
        if question != self._question:
            return
        asked, self._asked = self._asked, []
        if last is None:
            self._refused += asked
            return
        self._known += [replace(each, position=last) for each in asked]
