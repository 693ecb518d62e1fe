"""``chat client`` in a terminal: between a connection and a screen.

A `Terminal` runs three tasks: the screen takes lines from the user, one task draws what arrives, one does
what was typed, a command after the other, so that a message after ``/join`` goes to that room. What events
mean to a person is decided in `Conversation`; how they look, in `Painter`.

Whatever ends it, the terminal is restored, and what the user sent without an acknowledgement is printed.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence

from chatcore import (
    ChatError,
    Event,
    Joined,
    Left,
    Message,
    Offline,
    Online,
    RefusedError,
    UsageError,
    fold,
)
from cli.access.links import nodes_of
from cli.access.login import Login
from cli.places import typed_file
from cli.report import FAILED
from cli.settings.keys import names_of
from cli.terminal.answers import NO_ROOM, Answers
from cli.terminal.command_queue import CommandQueue
from cli.terminal.commands import Commands
from cli.terminal.completion import Candidate
from cli.terminal.conversation import Conversation
from cli.terminal.drafts import Drafts
from cli.terminal.entrance import describe_no_room, describe_other_rooms, enter_rooms
from cli.terminal.heartbeat import Heartbeat
from cli.terminal.input import Command, parse
from cli.terminal.input_history import InputHistory
from cli.terminal.interests import Interests
from cli.terminal.kept import describe_kept
from cli.terminal.memory import Memory
from cli.terminal.notices import Notices
from cli.terminal.options import Options
from cli.terminal.outbox import Outbox
from cli.terminal.painter import Fragments, Painter
from cli.terminal.patience import Patience
from cli.terminal.plain import PlainScreen
from cli.terminal.screen import Screen
from cli.terminal.signals import stopped_by_signals
from cli.terminal.skipped_mentions import SkippedMentions
from cli.terminal.surface import Surface
from cli.terminal.typeahead import Typeahead
from cli.terminal.wanted_nick import WantedNick
from transports.asyncio_tcp import Chat

__all__ = ["Terminal"]

ENTER_SECONDS = 30.0
"""How long entering the first rooms may take, all in all."""

LAST_SECONDS = 3.0
"""How long the last messages may take to be acknowledged when the user quits."""

BREATH_SECONDS = 0.02
"""How long events are drawn before the keyboard gets its turn."""

FEW = 500
"""Members of a room that are asked for when we join it, so that the Tab key knows them."""


class Terminal:
    """One user's conversation. It is the `Controller` of its screen.

    Used once: `run` may be called only once. ``typeahead`` has what was typed before.
    """

    def __init__(self, options: Options, memory: Memory, typeahead: Typeahead | None = None) -> None:
        self._memory = memory
        self._typeahead = typeahead or Typeahead()
        self._history = options.history
        self._queue = CommandQueue(self._done, self._defer, self._note_news)
        self._news = asyncio.Event()  # set when something was answered or received
        self._asking: asyncio.Task[None] | None = None  # for the members of rooms that we joined
        self._timer: asyncio.TimerHandle | None = None  # for the next deadline of the conversation
        notices = Notices(options.notices, os.environ)
        screen: Surface = (
            PlainScreen(self) if options.plain else Screen(self, notices, options.theme, options.keys)
        )
        self._screen = screen
        painter = Painter(colour=screen.colour, words=screen.words, columns=lambda: screen.columns)
        self._conversation = Conversation(
            painter,
            "",
            lambda message: self._chat.is_mine(message) or memory.is_own(message),
            wanted=lambda: self._nick.missing(self._chat.nick),
            words=screen.words,
            quiet=options.quiet,
            interests=Interests(memory, options.highlight),
            ring=screen.ring,
            notify=screen.notify,
            rows=lambda: screen.rows,
        )
        self._since = painter.since
        self._kept_shown = False
        self._keys = names_of(options.keys)
        self._answers = Answers(painter, words=screen.words, keys=self._keys)
        self._heartbeat = Heartbeat(lambda: self._chat.ping(), screen.redraw, self.warn)
        self._outbox = Outbox(
            memory,
            self._conversation.rooms,
            self._answers,
            heartbeat=self._heartbeat,
            show=screen.print,
            since=painter.since,
            changed=self._note_news,
        )
        self._skipped = SkippedMentions(self._conversation, memory, painter, screen.print)
        self._drafts = Drafts(Memory(None) if screen.words else memory, screen)
        self._commands = Commands(
            self._conversation, self._answers, screen, memory, options, outbox=self._outbox, news=self._news
        )
        typed = typed_file() if options.remember and not options.plain else None
        self._input_history = None if typed is None else InputHistory(typed, self.warn)

    async def run(
        self,
        chat: Chat,
        url: str,
        nick: str,
        rooms: Sequence[str],
        login: Login,
        warning: str | None = None,
    ) -> int:
        """Chat on a new connection, as ``nick`` if that is possible; return the exit code.

        A ``warning`` is shown first. A room that the server refuses is shown, and does not end it: others can
        be joined, or that one opened. Raises `UsageError` for a name that no room can have, `OSError` and the
        `ChatError` that ended the connection before we were in.
        """
        self._chat = chat
        self._nick = WantedNick(nick)
        self._commands.attach(chat, self._nick, url, login)
        self._conversation.nick = chat.nick
        self._memory.note_welcome(chat.secret, chat.limits.dedupe_seconds)
        self._memory.on_failure(self.warn)
        with contextlib.closing(Patience(self.note)) as patience:
            async with asyncio.timeout(ENTER_SECONDS):
                refusals = await enter_rooms(
                    chat, self._conversation, self._memory, rooms, self._history, entering=patience.begin
                )
                advice = await describe_no_room(chat)
        where = self._conversation.whereabouts.begin(lambda: chat.address, len(nodes_of(url)))
        self._screen.print(self._answers.connected(chat.server, where))
        for line in (warning, self._nick.describe_other(chat.nick)):
            if line is not None:
                self.warn(line)
        for room, error, known in refusals:
            self._screen.print(self._answers.not_back(room, error) if known else self._answers.refused(error))
        for line in (describe_other_rooms(chat, self._memory), advice):
            if line is not None:
                self._screen.print(self._answers.note(line))
        self._outbox.begin(chat)
        return await self._talk()

    async def _talk(self) -> int:
        typed = self._input_history.load() if self._input_history is not None else []
        typing = asyncio.create_task(self._screen.run(typed, self._typeahead))
        reading = asyncio.create_task(self._read())
        working = asyncio.create_task(self._work())
        renaming = asyncio.create_task(self._nick.take_back(self._chat))
        try:
            with stopped_by_signals(self._screen.stop, interrupt=self._screen.words):
                await asyncio.wait({typing, reading, working}, return_when=asyncio.FIRST_COMPLETED)
                if typing.done():
                    await self._wait_for_last_messages(reading)
                    return typing.result()
                if working.done():
                    working.result()  # raises if there is a bug
                await reading
                return await self._leave_dead_connection(typing, reading)
        finally:
            self._drafts.close()
            self._give_back_unsent()
            self._conversation.note_seen()
            self._memory.note_rooms(self._conversation.rooms, watched=self._conversation.is_watched)
            self._screen.flush()
            tasks = [task for task in (typing, reading, working, renaming, self._asking) if task is not None]
            for task in tasks:
                task.cancel()
            closing = (self._outbox.close(), self._skipped.close(), self._heartbeat.stop())
            await asyncio.gather(*tasks, *closing, return_exceptions=True)
            self._set_timer(None)

    # --- called by the screen --------------------------------------------------------------------

    def prompt(self) -> Fragments:
        """Return the prompt before the line that is being typed."""
        return self._conversation.prompt()

    def status(self) -> Fragments:
        """Return the rows above the prompt, if any."""
        waiting = self._outbox.waiting(all_of_them=self._conversation.offline)
        return self._conversation.status(waiting, self._screen.columns, self._heartbeat.notice)

    def completions(self, before: str) -> list[Candidate]:
        """Return the candidates for the Tab key; ``before`` is the text before the cursor."""
        return self._conversation.completions(before)

    def take_line(self, text: str) -> None:
        """Do what was typed, after everything that was typed before; if it cannot be done it stays there."""
        self.take_key()
        command, problem = self._accept(parse(text, self._keys))
        if problem is not None:
            self.warn(problem)
            if not self._screen.words:
                self._screen.put_back(text)
        if command is not None and command.verb == "goto":
            self._drafts.depart(self._next_room())
        else:
            self._drafts.save()
        if command is None:
            return
        if self._input_history is not None and command.verb != "goto":
            self._input_history.add(text)
        if command.verb == "quit":
            self._screen.stop()
        else:
            self._queue.add(command)

    def _accept(self, command: Command | None) -> tuple[Command | None, str | None]:
        """Return what to do, and why there is nothing to be done if that is to be corrected."""
        if command is None or (command.said is None and command.verb != "mistake"):
            return command, None
        if command.said is None:
            return None, command.argument
        room = self._next_room()
        if room is None and not (self._queue.typed or self._conversation.is_returning):
            return None, NO_ROOM
        command = self._outbox.take(command, room)
        return command, "too many lines wait to be sent; this one is not taken" if command is None else None

    def _next_room(self) -> str | None:
        """Return where a line that is typed now will be said, if that is known."""
        rooms, name = self._conversation.rooms, self._conversation.place
        for command in self._queue.typed:
            match command.verb:
                case "join":
                    name = command.argument
                case "goto":
                    room = rooms.numbered(int(command.argument))
                    name = None if room is None else room.name
                case "leave" if name is None or fold(command.argument or name) == fold(name):
                    name = None  # the one that is on the screen then
                case _:
                    continue
        return name

    def _show_draft(self, *, arrived: bool = False) -> None:
        """Show the draft of the room where the user writes, if they are not about to go to another one."""
        room = self._conversation.place
        if room is not None and self._next_room() in (None, room):
            self._drafts.follow(room, arrived=arrived)

    def take_focus(self, focused: bool) -> None:
        """Note that the window has got the focus, or has lost it."""
        self._conversation.attention.focus(focused, time.monotonic())
        self._conversation.note_seen()

    def take_key(self) -> None:
        """Note that a key was pressed."""
        self._drafts.take_key()
        self._conversation.attention.key(time.monotonic())
        self._conversation.note_seen()
        self._heartbeat.take_key()

    def cover(self, covered: bool) -> None:
        """Note that another program has the screen, or no longer."""
        self._conversation.note_seen()
        self._conversation.attention.cover(covered, time.monotonic())
        if not covered:
            self.take_key()

    def warn(self, message: str) -> None:
        """Show a line that is hard to overlook."""
        self._screen.print(self._answers.warning(message))

    # --- before there is a prompt ----------------------------------------------------------------

    def note(self, message: str) -> None:
        """Show a quiet line, immediately."""
        self._screen.print(self._answers.note(message))
        self._screen.flush()

    def show_kept(self) -> None:
        """Show what is kept of the user's own words, if that was not done."""
        if self._kept_shown:
            return
        self._kept_shown = True
        for line in describe_kept(self._memory, self._since):
            self.note(line)

    # --- input from the server -------------------------------------------------------------------

    async def _read(self) -> ChatError | None:
        """Draw events until the connection ends; return why it did."""
        breath = time.monotonic()
        try:
            async for event in self._chat.events():
                self._screen.print(self._conversation.receive(event))
                self._screen.redraw()
                self._set_timer(self._conversation.next_deadline())
                self._remember(event)
                self._outbox.receive(event)
                self._skipped.receive(event, self._chat)
                self._show_draft()
                self._news.set()
                if isinstance(event, Joined) and 1 < event.count <= FEW:
                    self._asking = asyncio.create_task(self._learn_members(event.room, self._asking))
                # While an answer is missing, the socket is read even if many events are waiting. So all of
                # them are drawn before more are read.
                if time.monotonic() - breath > BREATH_SECONDS and not self._chat.unanswered:
                    await asyncio.sleep(0)
                    breath = time.monotonic()
        except ChatError as error:
            return error
        finally:
            self._news.set()
        return None

    def _remember(self, event: Event) -> None:
        self._nick.receive(event)
        self._conversation.note_seen()
        if not isinstance(event, Offline):
            self._heartbeat.hear()
        match event:
            case Joined():
                self._memory.note_rooms(self._conversation.rooms)
            case Left():
                self._memory.forget(event.room)
            case Offline():
                self._heartbeat.disconnect()
                self._queue.disconnect()
            case Online():
                self._heartbeat.connect()
                self._queue.connect()
                self._memory.note_welcome(self._chat.secret, self._chat.limits.dedupe_seconds)
            case Message():
                if (epoch := self._conversation.unseen_mention(event)) is not None:
                    self._memory.note_mention(event, epoch)
                self._memory.note_reading(self._conversation.rooms)
            case _:
                return

    async def _learn_members(self, room: str, before: "asyncio.Task[None] | None") -> None:
        """Ask who is in a room, after the same question about another room is answered."""
        if before is not None:
            await before
        try:
            self._conversation.learn_members(room, await self._chat.who(room))
        except ChatError:
            return  # we left it again, or lost the connection: Tab knows fewer nicks

    def _set_timer(self, when: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None:
            wait = max(when - time.monotonic(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(wait, self._handle_deadline)

    def _handle_deadline(self) -> None:
        self._screen.print(self._conversation.handle_deadline())
        self._set_timer(self._conversation.next_deadline())

    async def _leave_dead_connection(
        self, typing: "asyncio.Task[int]", reading: "asyncio.Task[ChatError | None]"
    ) -> int:
        self._screen.stop()
        await typing
        draft = self._screen.draft
        error = reading.result()
        if error is not None and not self._commands.has_forgotten:
            self._screen.print(self._answers.ended(error))
        if draft.strip():
            self._screen.print(self._answers.give_back("your unfinished message:", draft))
        return 0 if self._commands.has_forgotten else FAILED

    # --- output to the server --------------------------------------------------------------------

    async def _work(self) -> None:
        """Do what was typed until the connection ends, as soon as there is a room on the screen."""
        while self._conversation.is_returning:
            self._news.clear()
            await self._news.wait()
        await self._queue.run()

    async def _done(self, command: Command) -> bool:
        """Do a command; return false if the connection has ended, which `_read` reports."""
        key = object()
        try:
            self._heartbeat.begin(key)
            await self._commands.do(command)
        except UsageError:
            self._screen.print(self._answers.invalid(command))
        except RefusedError as error:
            self._screen.print(self._answers.refused(error))
        except ChatError:
            return False
        finally:
            self._conversation.busy = None
            self._heartbeat.end(key)
            self._show_draft(arrived=True)
        return True

    def _defer(self, command: Command) -> None:
        """Say that a command waits for the connection."""
        self._conversation.busy = None
        self._screen.print(self._answers.deferred(command))
        self._show_draft(arrived=True)

    def _note_news(self) -> None:
        self._news.set()
        self._screen.redraw()

    async def _wait_for_last_messages(self, reading: "asyncio.Task[ChatError | None]") -> None:
        """Wait until everything sent is acknowledged and shown, but not for a server that is gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while not (self._is_all_sent() or self._conversation.offline or reading.done()):
                    self._news.clear()
                    await self._news.wait()

    def _is_all_sent(self) -> bool:
        return not self._queue.typed and self._outbox.is_done(self._conversation.has_read)

    def _give_back_unsent(self) -> None:
        """Print, for copying, what is not known to be stored, and what was not done."""
        for command in self._queue.undone:
            if command.said is None and not command.only_shows:
                self._screen.print(self._answers.note(f"not done: {command.typed}"))
        kept = " (it is kept for your next start)" if self._memory.is_kept else ""
        if texts := self._outbox.texts:
            self._screen.print(self._answers.give_back(f"not confirmed by the server{kept}:", *texts))
