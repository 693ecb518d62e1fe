"""``chat client`` in a terminal: a person, a prompt and a connection."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import chatcore
from chatcore.client.session import Ack, Joined
from chatcore.errors import ChatError, RefusedError, UsageError
from chatcore.names import fold
from cli.report import FAILED
from cli.terminal.answers import Answers
from cli.terminal.completion import Candidate
from cli.terminal.conversation import Conversation
from cli.terminal.input import (
    Command,
    GoTo,
    Help,
    JoinRoom,
    LeaveRoom,
    ListRooms,
    Mistake,
    PageBack,
    Quiet,
    Quit,
    Rename,
    Say,
    Search,
    WhoIsHere,
    parse,
)
from cli.terminal.input_history import InputHistory, default_file
from cli.terminal.paging import messages_before
from cli.terminal.painter import Fragments, Painter
from cli.terminal.plain import PlainScreen
from cli.terminal.rooms import RoomView
from cli.terminal.screen import Screen
from cli.terminal.signals import ended_by_signals
from cli.terminal.surface import Surface
from cli.terminal.unsent import PATIENCE, Unsent
from transports.asyncio_tcp import Chat, connect

__all__ = ["Options", "Terminal", "run"]

LAST_WORDS_SECONDS = 3.0
"""How long what was said last may take to be acknowledged when the user quits."""

BREATH_SECONDS = 0.02
"""How long events are drawn before the keyboard gets its turn."""

FEW = 500
"""Members of a room that are asked for when we join, so that the Tab key knows them."""

NOWHERE = "you are in no room; enter one with /join ROOM"

FOUND = 20
"""Messages that a search shows."""


@dataclass(frozen=True)
class Options:
    """How somebody wants to converse."""

    history: int | None = None
    """Messages that are shown of what was said in a room before one joins it."""
    plain: bool = False
    """Whether to print lines of text and nothing else."""
    quiet: bool = False
    """Whether to say nothing of those who come and go."""
    remember: bool = True
    """Whether what is typed is kept for the next time."""


def run(url: str, nick: str, rooms: Sequence[str], wishes: Options) -> int:
    """Converse until the user or the server ends it; return the exit code.

    Raises `ChatError` or `OSError` where the conversation can't begin. Once it has begun, whatever
    happens is told on the screen. Standard input and output must be a terminal.
    """
    return asyncio.run(_converse(url, nick, rooms, wishes))


async def _converse(url: str, nick: str, rooms: Sequence[str], wishes: Options) -> int:
    terminal = Terminal(wishes)  # before anybody is told that we are here
    client = f"chat {chatcore.__version__}"
    async with connect(
        url, nick=nick, rooms=rooms, history=wishes.history, client=client, reconnect=True
    ) as chat:
        return await terminal.run(chat, url)


class Terminal:
    """One person's conversation.

    What is typed is done one after the other, so a line that follows ``/join`` is said in that room.
    """

    def __init__(self, wishes: Options) -> None:
        self._history = wishes.history
        self._typed: deque[Command] = deque()  # the first is being done
        self._line_typed = asyncio.Event()
        self._unsent = Unsent(time.monotonic)
        self._acknowledged: dict[str, int] = {}  # the last one of each room
        self._news = asyncio.Event()  # something was answered or received
        self._asking: asyncio.Task[None] | None = None  # who is in the rooms that were joined
        self._timer: asyncio.TimerHandle | None = None  # for what the conversation wants to say later
        screen: Surface = PlainScreen(self) if wishes.plain else Screen(self)
        self._screen = screen
        painter = Painter(colour=screen.colour, words=screen.words, columns=lambda: screen.columns)
        self._conversation = Conversation(
            painter, "", words=screen.words, quiet=wishes.quiet, ring=screen.ring
        )
        self._answers = Answers(painter, words=screen.words)
        self._recall = (
            InputHistory(default_file(), self._complain) if wishes.remember and not wishes.plain else None
        )

    async def run(self, chat: Chat, url: str) -> int:
        """Converse; return the exit code."""
        self._chat = chat
        self._conversation.nick = chat.nick
        self._screen.print(self._answers.connected(chat.session.server, url))
        earlier = self._recall.load() if self._recall is not None else []
        typing = asyncio.create_task(self._screen.run(earlier))
        reading = asyncio.create_task(self._read())
        working = asyncio.create_task(self._work())
        try:
            with ended_by_signals(self._screen.stop, interrupt=self._screen.words):
                await asyncio.wait({typing, reading, working}, return_when=asyncio.FIRST_COMPLETED)
                if typing.done():
                    await self._wait_for_last_words(reading)
                    return typing.result()
                if working.done():
                    working.result()  # nothing, or a bug
                await reading
                return await self._leave_dead_connection(typing, reading)
        finally:
            self._tell_unsent()
            self._screen.flush()
            tasks = [task for task in (typing, reading, working, self._asking) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._set_timer(None)

    # --- what the screen asks --------------------------------------------------------------------

    def prompt(self) -> Fragments:
        """Return what stands before the line that is being typed."""
        return self._conversation.prompt()

    def status(self) -> Fragments:
        """Return the rows above that, if any."""
        waiting = self._unsent.waiting(all_of_them=self._conversation.offline)
        waiting += [command.text for command in self._typed if isinstance(command, Say)]
        return self._conversation.status(waiting, self._screen.columns)

    def completions(self, before: str) -> list[Candidate]:
        """Return what may be meant by what stands before the cursor."""
        return self._conversation.completions(before)

    def take_line(self, text: str) -> None:
        """Do what was typed, as soon as all before it is done."""
        self.take_key()
        command = parse(text)
        if command is None:
            return
        if self._recall is not None and not isinstance(command, GoTo):
            self._recall.add(text)
        if isinstance(command, Quit):
            self._screen.stop()
        else:
            self._typed.append(command)
            self._line_typed.set()

    def take_focus(self, focused: bool) -> None:
        """Learn that the window has got the focus, or has lost it."""
        self._conversation.attention.focus(focused, time.monotonic())

    def take_key(self) -> None:
        """Learn that a key was pressed."""
        self._conversation.attention.key(time.monotonic())

    def _complain(self, message: str) -> None:
        self._screen.print(self._answers.mistake(message))

    # --- what comes in ---------------------------------------------------------------------------

    async def _read(self) -> ChatError | None:
        """Draw what happens until the connection ends; return why it did."""
        breath = time.monotonic()
        try:
            async for event in self._chat.events():
                self._screen.print(self._conversation.receive(event))
                self._screen.redraw()
                self._set_timer(self._conversation.next_deadline())
                self._news.set()
                if isinstance(event, Joined) and 1 < event.count <= FEW:
                    self._asking = asyncio.create_task(self._learn_members(event.room, self._asking))
                # While an answer is awaited the socket is read however much is here already, so there
                # whatever was read has to be drawn before more is.
                if time.monotonic() - breath > BREATH_SECONDS and not self._chat.session.waiting:
                    await asyncio.sleep(0)
                    breath = time.monotonic()
        except ChatError as error:
            return error
        finally:
            self._news.set()
        return None

    async def _learn_members(self, room: str, before: "asyncio.Task[None] | None") -> None:
        """Ask who is in a room, once it is known of those ``before``."""
        if before is not None:
            await before
        try:
            self._conversation.learn_members(room, await self._chat.who(room))
        except ChatError:
            return  # we have left it again, or lost the connection: Tab knows fewer names

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
        draft = self._screen.draft
        self._screen.stop()
        await typing
        if (error := reading.result()) is not None:
            self._screen.print(self._answers.ended(error))
        if draft.strip():
            self._screen.print(self._answers.kept("this is what you were typing:", draft))
        return FAILED

    # --- what goes out ---------------------------------------------------------------------------

    async def _work(self) -> None:
        """Do what was typed until the connection ends."""
        while True:
            while self._typed:
                if not await self._done(self._typed[0]):
                    return
                self._typed.popleft()
                self._screen.redraw()
            self._news.set()
            self._line_typed.clear()
            await self._line_typed.wait()

    async def _done(self, command: Command) -> bool:
        """Do something; return false if the connection has ended, of which the reader tells."""
        try:
            await self._do(command)
        except UsageError:
            self._screen.print(self._answers.not_allowed(command))
        except RefusedError as error:
            self._screen.print(self._answers.refused(error))
        except ChatError:
            return False
        finally:
            self._conversation.busy = None
            self._conversation.expect(None)
        return True

    async def _do(self, command: Command) -> None:
        conversation, answers, show = self._conversation, self._answers, self._screen.print
        current = conversation.rooms.current
        match command:
            case Help():
                show(answers.help())
            case Mistake(message):
                show(answers.mistake(message))
            case Rename(nick):
                await self._chat.set_nick(nick)
            case JoinRoom(name):
                await self._join(name)
            case GoTo(number):
                room = conversation.rooms.numbered(number)
                show(conversation.go_to(room) if room else answers.mistake(f"you have no room {number}"))
            case ListRooms():
                show(answers.rooms(conversation.rooms))
            case Search(text):
                show(answers.found(text, conversation.seen.find(text, FOUND)))
            case Quiet():
                conversation.quiet = not conversation.quiet
                show(answers.quiet(conversation.quiet))
            case LeaveRoom(None) | WhoIsHere(None) if current is None:
                show(answers.mistake(NOWHERE))
            case PageBack(count) if current is not None:
                await self._page_back(current, count)
            case Say(text) if current is not None:
                self._say(text, current.name)
            case Say() | PageBack():  # in no room
                show(answers.mistake(NOWHERE))
            case LeaveRoom(name):
                # The event comes later than the answer; if the connection was lost there is none.
                left = await self._chat.leave(name or (current.name if current else ""))
                show(conversation.leave(left.room))
            case WhoIsHere(name):
                name = name or (current.name if current else "")
                nicks = await self._chat.who(name)
                conversation.learn_members(name, nicks)
                show(answers.members(name, nicks))
            case Quit():
                self._screen.stop()

    async def _join(self, name: str) -> None:
        rooms = self._conversation.rooms
        if (room := rooms.get(name)) is not None:
            self._screen.print(self._conversation.go_to(room))
            return
        self._conversation.expect(name)
        await self._chat.join(name, history=self._history)
        while rooms.get(name) is None:  # the event comes later than the answer
            self._news.clear()
            await self._news.wait()

    async def _page_back(self, room: RoomView, count: int) -> None:
        """Show messages from before those that were shown, page by page, and how far that is."""

        def tell(so_far: int) -> None:
            self._screen.print(self._conversation.progress(f"paging back: {so_far:,} of {count:,}"))
            self._screen.redraw()

        messages = await messages_before(self._chat, room, count, tell)
        for piece in self._conversation.earlier(room.name, messages):
            self._screen.print(piece)
            await asyncio.sleep(0)  # for the keyboard

    def _say(self, text: str, room: str) -> None:
        future = self._chat.post_nowait(text, room=room)
        self._unsent.add(future, text)
        asyncio.get_running_loop().call_later(PATIENCE, self._screen.redraw)
        future.add_done_callback(lambda done: self._take_answer(done, room))
        if self._conversation.offline and self._screen.words:
            self._screen.print(self._answers.note("there is no connection; this will be sent when there is"))

    def _take_answer(self, future: "asyncio.Future[Ack]", room: str) -> None:
        try:
            self._acknowledged[fold(room)] = future.result().seq
        except RefusedError as error:
            self._screen.print(self._answers.refused(error))
        except (ChatError, asyncio.CancelledError):
            return  # nobody knows what has become of it: it stays among the unsent
        self._unsent.remove(future)
        self._screen.redraw()
        self._news.set()

    async def _wait_for_last_words(self, reading: "asyncio.Task[ChatError | None]") -> None:
        """Wait until all that was said is kept, and shown; but not for a server that is gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while not (self._all_is_said() or self._conversation.offline or reading.done()):
                    self._news.clear()
                    await self._news.wait()

    def _all_is_said(self) -> bool:
        shown = (self._conversation.has_read(room, seq) for room, seq in self._acknowledged.items())
        return not self._unsent.texts and not self._typed and all(shown)

    def _tell_unsent(self) -> None:
        """Give back what was said and is not known to be kept."""
        for text in self._unsent.texts:
            self._screen.print(self._answers.kept("the server did not confirm this:", text))
        for command in self._typed:
            if isinstance(command, Say):
                self._screen.print(self._answers.kept("this was not sent:", command.text))
