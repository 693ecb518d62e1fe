"""The user's lines, from the Enter key until the server has answered for good.

- A line is on the disk before it is sent, and has its id from then on. So it survives whatever ends this
  program, and is stored once however often it is sent.
- A line of an earlier run, or one that was typed while the connection was lost, waits until its room has
  shown what was missed. If it is among that, it was sent. One that is so young that the server surely knows
  its id is sent. Any other is offered: nothing old is said without its owner.
- A line that was sent so long ago that the connection gave it up waits for the same, and is offered.
- A line for a room that we are about to enter is held until we are in. If we are not let in it is offered,
  as is every line of a room that we are not in: none goes anywhere else.
- A line is stored, or seen in its room, once for all: then it is offered no longer.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from chatcore import (
    Ack,
    ChatError,
    DisconnectedError,
    Event,
    Gap,
    Joined,
    Left,
    Message,
    Offline,
    RefusedError,
    UsageError,
    fold,
    new_id,
)
from cli.state.remembered import UnsentLine
from cli.terminal.ages import Ages
from cli.terminal.answers import NO_ROOM, Answers
from cli.terminal.excerpt import excerpt
from cli.terminal.heartbeat import Heartbeat
from cli.terminal.input import Command
from cli.terminal.memory import Memory
from cli.terminal.offers import KnownIds, Offer, Offers
from cli.terminal.painter import Fragments
from cli.terminal.rooms import Rooms
from cli.terminal.unsent import PATIENCE, Unsent
from transports.asyncio_tcp import Chat

__all__ = ["Outbox"]

MOST_LINES = 1_000
"""Lines that may wait for an answer, or for their owner."""

MOST_BYTES = 1024 * 1024
"""What all of them together may take on the disk."""

KNOWN_SECONDS = 120.0
"""For how long ids are known at a server that does not say so."""

FEW = 5
"""Lines that are listed when they are offered; the others are counted."""


class Outbox:
    """The lines of this run, and those that earlier ones have left.

    ``heartbeat`` watches how long their answers take. ``show`` prints lines, ``since`` says in words when
    something was, and ``changed`` is called when there is something else to draw. ``now`` is the wall clock,
    and times of ``clock`` never go back.
    """

    def __init__(
        self,
        memory: Memory,
        rooms: Rooms,
        answers: Answers,
        *,
        heartbeat: Heartbeat,
        show: Callable[[Fragments], None],
        since: Callable[[datetime], str],
        changed: Callable[[], None],
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memory = memory
        self._rooms = rooms
        self._answers = answers
        self._show = show
        self._since = since
        self._changed = changed
        self._now = now
        self._ages = Ages(now, clock)
        self._lines = {line.id: line for line in memory.lines}  # everything that is not settled
        self._early = list(memory.lines)  # what waits until its room has shown what was missed
        self._unsent = Unsent(clock, heartbeat.begin, heartbeat.end)
        self._offers = Offers()
        self._written: dict[str, asyncio.Future[None]] = {}  # done when a line is on the disk
        self._sending: dict[str, asyncio.Future[None]] = {}  # of lines of `send`, done when on the way
        self._lost = set[str]()  # rooms that we are not back in since the connection was lost, by folded name
        self._held: dict[str, list[UnsentLine]] = {}  # for rooms that we are about to enter, by folded name
        self._acknowledged: dict[str, int] = {}  # the number of the latest message in each room
        self._checks = set[asyncio.Task[None]]()

    def begin(self, chat: Chat) -> None:
        """Begin on a connection, once the first rooms have answered: the others' lines are offered."""
        self._chat = chat
        for room in {fold(line.room) for line in self._early}.difference(chat.rooms):
            self._offer(self._take_early(room))

    async def close(self) -> None:
        """Stop looking up what is offered."""
        for check in self._checks:
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)

    # --- what is shown ---------------------------------------------------------------------------

    @property
    def texts(self) -> list[str]:
        """What has no answer, as it was typed; also what is offered, if that is kept nowhere else."""
        return self._unsent.texts if self._memory.is_kept else [line.shown for line in self._lines.values()]

    def waiting(self, *, all_of_them: bool) -> list[str]:
        """Return the texts without an answer that take longer than usual, or all of them."""
        return self._unsent.waiting(all_of_them=all_of_them)

    def is_done(self, has_read: Callable[[str, int], bool]) -> bool:
        """Tell whether every line has its answer, and was read, as ``has_read`` knows of a room's number."""
        return not self._unsent and all(has_read(room, seq) for room, seq in self._acknowledged.items())

    # --- from the key to the server --------------------------------------------------------------

    def take(self, command: Command, room: str | None) -> Command | None:
        """Give what is said an id, and have it written down; return ``None`` if too many lines wait already.

        Where it is not known yet in which room it will be said, that is left to `send`.
        """
        kind = "action" if command.verb == "me" else None
        now, place = self._now(), self._place(room)
        sent = None if place is None or fold(room or "") in self._lost else now
        line = UnsentLine(new_id(), room or "", kind, command.argument, now, place, sent)
        if len(self._lines) >= MOST_LINES or self._size + line.size > MOST_BYTES:
            return None
        self._ages.begin(line)
        self._unsent.add(line)
        self._keep(line)
        asyncio.get_running_loop().call_later(PATIENCE, self._changed)
        return command._replace(line=line)

    def send(self, line: UnsentLine, room: str | None) -> bool:
        """Send a line to its room or, if it has none yet, to this one; return false if there is none at all.

        It is sent when it is on the disk and we are in its room, after those that were typed before it.
        """
        if not line.room:
            if room is None:
                self._settle(line)
                return False
            line = replace(line, room=room)
            self._keep(line)
        self._sending[line.id] = asyncio.get_running_loop().create_future()
        self._written.pop(line.id).add_done_callback(lambda _: self._send(line))
        return True

    async def sent(self) -> None:
        """Wait until every line of `send` is on its way: what is done next comes after it."""
        while self._sending:
            await asyncio.wait(list(self._sending.values()))

    @contextlib.contextmanager
    def holding(self, room: str) -> Iterator[None]:
        """Hold the lines for a room while we enter it: send them if we are in afterwards, or else offer them.

        If the connection ends for good meanwhile, they stay for the next start.
        """
        self._held.setdefault(fold(room), [])
        try:
            yield
        except (RefusedError, UsageError):
            self._let_go(room)
            raise
        self._let_go(room)

    def _let_go(self, room: str) -> None:
        for line in self._held.pop(fold(room), ()):
            self._send(line)

    def receive(self, event: Event) -> None:
        """Look for our lines in what arrives, once the conversation has taken it."""
        match event:
            case Message():
                self._recognise(event)
                self._release(event.room)
            case Joined():
                self._lost.discard(fold(event.room))
                self._release(event.room)
            case Gap():
                self._release(event.room)
            case Left():
                self.note_left(event.room)
            case Offline():
                self._lost = {fold(room.name) for room in self._rooms}
            case _:
                return

    def note_left(self, room: str) -> None:
        """Note that we are no longer in a room: what waits for it is offered. Idempotent."""
        self._lost.discard(fold(room))
        self._offer(self._take_early(room))

    # --- what the owner decides ------------------------------------------------------------------

    def resend(self, wanted: str) -> None:
        """Send again what is offered under a number; `ALL` is everything."""
        for offer in self._chosen(wanted):
            self._resend(offer)

    def _resend(self, offer: Offer) -> None:
        line = offer.line
        room = self._rooms.get(line.room) if line.room else self._rooms.current
        if room is None and not line.room:
            self._show(self._answers.warning(NO_ROOM))
            return
        if room is None:
            advice = f"/join {line.room} first, then /resend {offer.number}"
            self._show(self._answers.warning(f"you are not in {line.room}; {advice}"))
            return
        self._offers.remove(offer)
        if room is not self._rooms.current:
            self._show(self._answers.note(f"sent to {room.name}: {excerpt(line.shown)} (/{room.number})"))
        self._post_again(replace(line, room=room.name))

    def drop(self, wanted: str) -> None:
        """Forget what is offered under a number; `ALL` is everything."""
        for offer in self._chosen(wanted):
            self._settle(offer.line)
            self._show(self._answers.note(f"discarded: {excerpt(offer.line.shown)}"))

    def _chosen(self, wanted: str) -> list[Offer]:
        if not self._offers:
            self._show(self._answers.note("there is nothing that was not sent"))
        chosen = self._offers.choose(wanted)
        if not chosen and wanted and self._offers:
            self._show(self._answers.warning(f"there is no {wanted} of what was not sent"))
        elif not chosen:
            self._describe(self._offers)
        return chosen

    # --- lines that wait for their room ----------------------------------------------------------

    def _recognise(self, message: Message) -> None:
        line = self._lines.get(message.id)
        if line is not None and fold(line.room) == fold(message.room):
            self._settle(line)

    def _release(self, name: str) -> None:
        """Send or offer what waits for a room, once that has shown what was missed."""
        room = self._rooms.get(name)
        if not self._early or room is None or room.replaying or fold(name) in self._lost:
            return
        old: list[UnsentLine] = []
        for line in self._take_early(name):
            if self._is_young(line):
                self._post_again(line)
            else:
                old.append(line)
        self._offer(old)

    def _take_early(self, room: str) -> list[UnsentLine]:
        taken = [line for line in self._early if fold(line.room) == fold(room)]
        self._early = [line for line in self._early if fold(line.room) != fold(room)]
        return taken

    def _is_young(self, line: UnsentLine) -> bool:
        seconds = self._chat.limits.dedupe_seconds or KNOWN_SECONDS
        return self._ages.is_young(line, seconds, before=self._memory.dedupe_seconds)

    def _offer(self, lines: Sequence[UnsentLine]) -> None:
        for line in lines:
            self._unsent.remove(line)
        if lines:
            check = asyncio.create_task(self._look_up(lines))
            self._checks.add(check)
            check.add_done_callback(self._checks.discard)

    async def _look_up(self, lines: Sequence[UnsentLine]) -> None:
        ids, offers = KnownIds(self._chat), list[Offer]()
        try:
            for line in lines:
                forgotten = await ids.may_lack(line)
                if line.id in self._lines:  # it may have come meanwhile
                    offers.append(self._offers.add(line, forgotten=forgotten))
        except ChatError:
            return  # the connection has ended, and the lines stay for the next start
        offers = [offer for offer in offers if offer.line.id in self._lines]
        self._describe(offers[:FEW])
        if len(offers) > FEW:
            more = f"and {len(offers) - FEW:,} more; /resend lists them, /drop all discards everything"
            self._show(self._answers.warning(more))

    def _describe(self, offers: Iterable[Offer]) -> None:
        here = self._rooms.current
        for offer in offers:
            when = self._since(datetime.fromtimestamp(offer.line.typed, UTC))
            is_here = here is not None and fold(here.name) == fold(offer.line.room)
            room = None if is_here else offer.line.room
            self._show(self._answers.warning(offer.describe(when, room)))

    # --- sending, and the server's answers -------------------------------------------------------

    def _keep(self, line: UnsentLine) -> None:
        self._lines[line.id] = line
        self._written[line.id] = self._memory.keep_line(line)

    def _send(self, line: UnsentLine) -> None:
        if (held := self._held.get(fold(line.room))) is not None:
            held.append(line)
            return
        self._sending.pop(line.id).set_result(None)
        room = fold(line.room)
        if self._rooms.get(room) is None or not self._is_young(line):
            self._offer([line])
        elif room in self._lost or any(fold(early.room) == room for early in self._early):
            self._early.append(line)
        else:
            self._post_first(line)

    def _post_first(self, line: UnsentLine) -> None:
        try:
            self._post(line)
        except UsageError:
            self._settle(line)
            verb: Literal["me", "say"] = "me" if line.kind == "action" else "say"
            self._show(self._answers.invalid(Command(verb, line.text)))
        except ChatError:
            return  # the connection has ended, and the line stays for the next start

    def _post_again(self, line: UnsentLine) -> None:
        try:
            self._post(line, again=True)
        except UsageError as error:
            self._show(self._answers.warning(f"not sent: {error}"))
            self._settle(line)
        except ChatError:
            return  # the connection has ended, and the line stays for the next start

    def _post(self, line: UnsentLine, *, again: bool = False) -> None:
        if line.sent is None:
            line = self._note_sent(replace(line, behind=self._place(line.room)), self._now())
        future = self._chat.post_nowait(line.text, room=line.room, id=line.id, kind=line.kind)
        self._unsent.add(line)
        future.add_done_callback(lambda done: self._take_answer(done, line, again=again))

    def _note_sent(self, line: UnsentLine, sent: float | None) -> UnsentLine:
        line = self._lines[line.id] = replace(line, sent=sent)
        self._memory.note_sent(line)
        return line

    def _take_answer(self, future: "asyncio.Future[Ack]", line: UnsentLine, *, again: bool) -> None:
        try:
            self._acknowledged[fold(line.room)] = future.result().seq
            self._settle(line)
        except RefusedError as error:
            self._show(self._answers.refused(error))
            if error.code == "not_joined" and not again:
                line = self._note_sent(line, None)
            if again or error.code == "not_joined":
                self._offer([line])
            else:
                self._settle(line)
        except DisconnectedError:
            if self._chat.closed:
                return  # it may be stored or not, so it stays for the next start
            self._give_up(line)
        except (ChatError, asyncio.CancelledError):
            return
        self._changed()

    def _give_up(self, line: UnsentLine) -> None:
        """Offer a line that is too old to be sent again, unless its room shows that it was stored."""
        self._ages.expire(line)
        if self._rooms.get(line.room) is None:
            self._offer([line])
        else:
            self._early.append(line)
            self._release(line.room)

    # --- all lines -------------------------------------------------------------------------------

    @property
    def _size(self) -> int:
        return sum(line.size for line in self._lines.values())

    def _settle(self, line: UnsentLine) -> None:
        self._unsent.remove(line)
        self._ages.end(line)
        self._offers.settle(line)
        self._early = [early for early in self._early if early.id != line.id]
        if self._lines.pop(line.id, None) is not None:
            self._memory.settle_line(line)

    def _place(self, name: str | None) -> tuple[str, int] | None:
        """Return the epoch and the number of the last entry of a room, if we are in it."""
        room = None if name is None else self._rooms.get(name)
        return None if room is None else (room.epoch, room.position)
