"""What a session takes from its peer, and what it asks others because of that.

- Items are taken by one thread at a time, in the order in which they came, however many threads bring bytes
  or answers: whoever brings some while another is at it leaves them to that one.
- Each step decides under the hub's lock. What follows from it is done after the lock is released, and before
  anything more is decided: questions to the journal and the gate, and then the drafts, so that a join with
  history finds its place before what was posted later.
- The end of the stream is taken last, once all that came before it is submitted.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeVar, cast

from chatcore.gate import Refusal
from chatcore.journal import Journal, Unavailable
from chatcore.messages import Post
from chatcore.server import handlers
from chatcore.server.guarded_gate import FAILED, GuardedGate
from chatcore.server.inbox import Inbox
from chatcore.server.log_events import gate_failed, session_failed
from chatcore.server.posts import Numbered
from chatcore.server.reads import Read
from chatcore.wire import Hangup, Item

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Intake", "Task"]

T = TypeVar("T")

Task = Callable[[], None]
"""Something to be done without the lock."""

_room = attrgetter("room")

_NO_TASKS: Final[list[Task]] = []
"""What nearly all sessions share. It is replaced, never filled."""


class Intake:
    """The input of one session: what it takes, what waits (``inbox``), and what is to be asked."""

    __slots__ = ("_session", "_taking", "_tasks", "inbox")

    def __init__(self, session: "Session") -> None:
        self.inbox = Inbox()
        self._session = session
        self._taking = False  # a thread is at it
        self._tasks = _NO_TASKS

    def take(self, items: Sequence[Item], now: float) -> None:
        """Take items after all that came before them. Not under the lock."""
        session, lock = self._session, self._session.hub.lock
        with lock:
            if self._taking:
                self.inbox.put_all(items)
                return
            drafts, ticket, tasks = self._decide(items, now)
            if drafts or tasks:
                self._taking = True
        try:
            while drafts or tasks:
                for task in tasks:
                    task()
                if drafts:
                    session.posts.submit(drafts, ticket)
                with lock:
                    drafts, ticket, tasks = self._decide((), now)
        except BaseException:
            with lock:
                self._taking = False
            raise

    def _decide(self, items: Sequence[Item], now: float) -> tuple[list[Numbered], int, list[Task]]:
        """Decide what can be decided; return what follows. If nothing does, this was the last step."""
        session, posts, inbox = self._session, self._session.posts, self.inbox
        for kind, run in groupby(items, type):
            if kind is Post and session.accepts and not inbox.holds:
                for _, together in groupby(cast(Iterator[Post], run), _room):
                    posts.take(list(together), now)
            else:
                for item in run:
                    self._decide_one(item, now)
        if inbox.holds:
            self._decide_waiting(now)
        if inbox.reopened:
            inbox.note_reopened()
            session.endpoint.mark(session)
        drafts, ticket, tasks = posts.next_drafts(), posts.ticket, self.next_tasks()
        if not (drafts or tasks):
            self._taking = False
            session.advance_timer(session.codec.deadline)
            if inbox.holds:
                session.advance_timer(session.pending.next_deadline())
        return drafts, ticket, tasks

    def _decide_one(self, item: Item, now: float) -> None:
        session = self._session
        if self.inbox.holds or item.__class__ is Hangup:
            self.inbox.put(item)
        elif session.accepts:
            handlers.handle(session, item, now)
        else:
            session.take_late(item, now)

    def _decide_waiting(self, now: float) -> None:
        session, inbox = self._session, self.inbox
        while inbox.holds and (item := inbox.take(at_end=not self._has_work)) is not None:
            if session.accepts and item.__class__ is not Hangup:
                handlers.handle(session, item, now)
            else:
                session.take_late(item, now)

    @property
    def _has_work(self) -> bool:
        return bool(self._tasks) or self._session.posts.has_drafts

    # --- asking ----------------------------------------------------------------------------------

    @property
    def has_tasks(self) -> bool:
        """Whether something is still to be asked."""
        return bool(self._tasks)

    def next_tasks(self) -> list[Task]:
        """Hand out what is to be asked."""
        tasks = self._tasks
        if tasks:
            self._tasks = _NO_TASKS
        return tasks

    def ask_journal(
        self,
        ask: Callable[[Journal, Callable[[T | Unavailable], None]], None],
        receive: Callable[[T | Unavailable], None],
    ) -> None:
        """Ask the journal what it knows immediately, or waits for itself, once the lock is released.

        ``receive`` takes the answer under the lock. By then anything may have happened: whoever asks has to
        see whether it still wants to know.
        """
        hub = self._session.hub
        deliver = self._under_lock(receive, then=hub.wake)
        self._note(lambda: ask(hub.journal, deliver))

    def read_journal(
        self,
        ask: Callable[[Journal, Callable[[T | Unavailable], None]], None],
        receive: Callable[[T | Unavailable], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        """Ask the journal to read, in the session's turn (`Reads`).

        ``receive`` is as for `ask_journal`. It is never called if ``is_wanted`` says no, which is asked under
        the lock when the turn comes.
        """
        session, reads = self._session, self._session.hub.reads

        def receive_in_turn(answer: T | Unavailable) -> None:
            reads.finish(session)
            receive(answer)

        reads.put(Read(session, lambda: self.ask_journal(ask, receive_in_turn), is_wanted))

    def ask_gate(
        self,
        ask: Callable[[GuardedGate, Callable[[T | Refusal], None]], None],
        receive: Callable[[T | Refusal], None],
    ) -> None:
        """Ask the gate something, in the same way. One that fails has refused, whatever it fails at."""
        hub = self._session.hub
        answer = self._under_lock(receive, hub.follow_up)

        def task() -> None:
            try:
                ask(hub.gate, answer)
            except Exception as error:  # it costs whoever asked this answer, and nobody else anything
                gate_failed.log_bug(error)
                answer(FAILED)

        self._note(task)

    def _under_lock(self, receive: Callable[[T], None], then: Callable[[], None]) -> Callable[[T], None]:
        session, hub = self._session, self._session.hub

        def answer(value: T) -> None:
            with hub.lock:
                try:
                    receive(value)
                except (
                    Exception
                ) as error:  # a bug, or a gate that fails: it may cost this peer its connection
                    session_failed.log_bug(error, session=repr(session))
                    session.abort()
            then()

        return answer

    def _note(self, task: Task) -> None:
        self._tasks = [*self._tasks, task]
        self._session.hub.note_waiting(self._session)  # so that it is done, whoever holds the lock now
