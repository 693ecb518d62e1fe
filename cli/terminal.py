"""``chat client`` in a terminal: a person, a prompt and a connection."""

import asyncio
import contextlib
import signal
from collections import deque
from collections.abc import Iterator, Sequence

import chatcore
from chatcore.client import Ack
from chatcore.errors import ChatError, RefusedError, UsageError
from chatcore.names import fold
from cli.commands import (
    Command,
    Help,
    JoinRoom,
    LeaveRoom,
    Mistake,
    PageBack,
    Quit,
    Rename,
    Say,
    WhoIsHere,
    parse,
)
from cli.conversation import Conversation
from cli.lines import Painter
from cli.report import FAILED
from cli.screen import Screen
from transports.asyncio_tcp import Chat, connect

__all__ = ["Terminal", "run"]

LAST_WORDS_SECONDS = 3.0
"""How long what was said last may take to be acknowledged when the user quits."""


def run(url: str, nick: str, rooms: Sequence[str], history: int | None) -> int:
    """Converse until the user or the server ends it; return the exit code.

    Raises `ChatError` or `OSError` where the conversation can't begin. Once it has begun, whatever
    happens is told on the screen. Standard input and output must be a terminal.
    """
    return asyncio.run(_converse(url, nick, rooms, history))


async def _converse(url: str, nick: str, rooms: Sequence[str], history: int | None) -> int:
    terminal = Terminal(history)  # before anybody is told that we are here
    client = f"chat {chatcore.__version__}"
    async with connect(url, nick=nick, rooms=rooms, history=history, client=client, reconnect=True) as chat:
        return await terminal.run(chat, url)


class Terminal:
    """One person's conversation. ``history`` is how much of it is shown of a room that is joined.

    What is typed is done one after the other, so a line that follows ``/join`` is said in that room.
    """

    def __init__(self, history: int | None) -> None:
        self._history = history
        self._typed: deque[Command] = deque()  # the first is being done
        self._line_typed = asyncio.Event()
        self._unanswered: dict[asyncio.Future[Ack], str] = {}  # the texts that are on their way
        self._acknowledged: dict[str, int] = {}  # the last one of each room
        self._news = asyncio.Event()  # something was answered or received
        self._screen = Screen(lambda: self._conversation.prompt(), self._take_line)
        self._painter = Painter(colour=self._screen.colour, columns=lambda: self._screen.columns)
        self._conversation = Conversation(self._painter, "")

    async def run(self, chat: Chat, url: str) -> int:
        """Converse; return the exit code."""
        self._chat = chat
        self._conversation.nick = chat.nick
        self._screen.print(self._conversation.connected(chat.session.server, url))
        typing = asyncio.create_task(self._screen.run())
        reading = asyncio.create_task(self._read())
        working = asyncio.create_task(self._work())
        try:
            with _ended_by_signals(self._screen):
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
            for task in (typing, reading, working):
                task.cancel()
            await asyncio.gather(typing, reading, working, return_exceptions=True)

    # --- what comes in ---------------------------------------------------------------------------

    async def _read(self) -> ChatError | None:
        """Draw what happens until the connection ends; return why it did."""
        try:
            async for event in self._chat.events():
                self._screen.print(self._conversation.receive(event))
                self._news.set()
        except ChatError as error:
            return error
        finally:
            self._news.set()
        return None

    async def _leave_dead_connection(
        self, typing: "asyncio.Task[int]", reading: "asyncio.Task[ChatError | None]"
    ) -> int:
        draft = self._screen.draft
        self._screen.stop()
        await typing
        if (error := reading.result()) is not None:
            self._screen.print(self._conversation.ended(error))
        if draft.strip():
            self._screen.print(self._conversation.kept("this is what you were typing:", draft))
        return FAILED

    # --- what goes out ---------------------------------------------------------------------------

    def _take_line(self, text: str) -> None:
        command = parse(text)
        if isinstance(command, Quit):
            self._screen.stop()
        elif command is not None:
            self._typed.append(command)
            self._line_typed.set()

    async def _work(self) -> None:
        """Do what was typed until the connection ends."""
        while True:
            while self._typed:
                if not await self._done(self._typed[0]):
                    return
                self._typed.popleft()
            self._news.set()
            self._line_typed.clear()
            await self._line_typed.wait()

    async def _done(self, command: Command) -> bool:
        """Do something; return false if the connection has ended, of which the reader tells."""
        try:
            await self._do(command)
        except UsageError:
            self._screen.print(self._conversation.not_allowed(command))
        except RefusedError as error:
            self._screen.print(self._conversation.refused(error))
        except ChatError:
            return False
        return True

    async def _do(self, command: Command) -> None:
        conversation = self._conversation
        match command:
            case Quit():
                self._screen.stop()
            case Help():
                self._screen.print(conversation.help())
            case Mistake(message):
                self._screen.print(conversation.mistake(message))
            case Rename(nick):
                await self._chat.set_nick(nick)
            case JoinRoom(room):
                if not conversation.is_in(room):
                    await self._chat.join(room, history=self._history)
                conversation.go_to(room)
                self._screen.redraw()
            case Say() | LeaveRoom(None) | WhoIsHere(None) | PageBack() if conversation.current is None:
                self._screen.print(conversation.mistake("you are in no room; enter one with /join ROOM"))
            case PageBack(count):
                room = conversation.current or ""
                page = await self._chat.history(room, before=conversation.oldest(room), limit=count)
                self._screen.print(conversation.earlier(page))
            case Say(text):
                self._say(text, conversation.current or "")
            case LeaveRoom(room):
                left = await self._chat.leave(room or conversation.current or "")
                conversation.go_from(left.room)  # the event comes later than the answer
            case WhoIsHere(room):
                room = room or conversation.current or ""
                self._screen.print(conversation.members(room, await self._chat.who(room)))

    def _say(self, text: str, room: str) -> None:
        future = self._chat.post_nowait(text, room=room)
        self._unanswered[future] = text
        future.add_done_callback(lambda done: self._take_answer(done, room))

    def _take_answer(self, future: "asyncio.Future[Ack]", room: str) -> None:
        try:
            self._acknowledged[fold(room)] = future.result().seq
        except RefusedError as error:
            self._screen.print(self._conversation.refused(error))
        except (ChatError, asyncio.CancelledError):
            return  # nobody knows what has become of it: it stays among the unanswered
        del self._unanswered[future]
        self._news.set()

    async def _wait_for_last_words(self, reading: "asyncio.Task[ChatError | None]") -> None:
        """Wait until all that was said is kept, and shown."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while not self._all_is_said() and not reading.done():
                    self._news.clear()
                    await self._news.wait()

    def _all_is_said(self) -> bool:
        shown = (self._conversation.has_read(room, seq) for room, seq in self._acknowledged.items())
        return not self._unanswered and not self._typed and all(shown)

    def _tell_unsent(self) -> None:
        """Give back what was said and is not known to be kept."""
        for text in self._unanswered.values():
            self._screen.print(self._conversation.kept("the server did not confirm this:", text))
        for command in self._typed:
            if isinstance(command, Say):
                self._screen.print(self._conversation.kept("this was not sent:", command.text))


@contextlib.contextmanager
def _ended_by_signals(screen: Screen) -> Iterator[None]:
    """Let the signals that ask a program to end end the conversation, so that the terminal is restored."""
    loop = asyncio.get_running_loop()
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with contextlib.suppress(NotImplementedError):  # Windows
        for number in signals:
            loop.add_signal_handler(number, screen.stop, 128 + number)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)
