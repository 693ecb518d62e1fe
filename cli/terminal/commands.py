"""What each command does: it asks the server, and shows the answer.

One is done after the other, but for those that wait for a lost connection. What is said is not posted here:
whoever owns the unsent messages does that.
"""

import asyncio
from datetime import UTC, datetime

from chatcore import ChatError, fold
from cli.access.links import link_of
from cli.access.login import Login
from cli.terminal.answers import NO_ROOM, Answers
from cli.terminal.conversation import Conversation
from cli.terminal.input import BACK, FORGET, Command
from cli.terminal.interests import describe_ignored, describe_unignored, describe_word, describe_words
from cli.terminal.memory import Memory
from cli.terminal.moderation import describe, parse_deed
from cli.terminal.options import Options
from cli.terminal.outbox import Outbox
from cli.terminal.paging import messages_since, older_messages, other_rooms
from cli.terminal.painter import Fragments
from cli.terminal.rooms import Older, Rest, RoomView
from cli.terminal.searches import Searches
from cli.terminal.surface import Surface
from cli.terminal.times import parse_time
from cli.terminal.wanted_nick import WantedNick
from transports.asyncio_tcp import Chat

__all__ = ["Commands"]

_REALLY = (
    "this revokes the key of this device, and removes it: you come back by a link of another device of yours"
    f" (/device), or of an operator; to do it, type /device {FORGET}"
)


class Commands:
    """Does the commands of a conversation. What is said goes into the ``outbox``.

    ``news`` is set whenever something was answered or received. `attach` comes before the first `do`.
    ``has_forgotten`` says that the user has given up this device's key, which ends the chat.
    """

    _chat: Chat
    _nick: WantedNick

    def __init__(
        self,
        conversation: Conversation,
        answers: Answers,
        screen: Surface,
        memory: Memory,
        options: Options,
        *,
        outbox: Outbox,
        news: asyncio.Event,
    ) -> None:
        self._conversation = conversation
        self._answers = answers
        self._screen = screen
        self._memory = memory
        self._history = options.history
        self._outbox = outbox
        self._news = news
        self.has_forgotten = False
        self._searches = Searches(conversation, answers, screen.print)

    def attach(self, chat: Chat, nick: WantedNick, url: str, login: Login) -> None:
        """Ask this server from now on, as ``nick``."""
        self._chat, self._nick, self._url, self._login = chat, nick, url, login

    async def do(self, command: Command) -> None:
        """Do a command. Raises what the server answers, and what has ended the connection."""
        conversation, answers, show = self._conversation, self._answers, self._screen.print
        argument = command.argument
        match command.verb:
            case "help":
                show(answers.help(argument))
            case "say" | "me":
                self._say(command)
            case "resend":
                self._outbox.resend(argument)
            case "drop":
                self._outbox.drop(argument)
            case "nick":
                await self._outbox.sent()
                await self._chat.set_nick(argument)
                self._nick.give_up()
                self._memory.note_nick(argument)
            case "join":
                await self._join(argument)
            case "goto":
                self._go_to(int(argument))
            case "rooms":
                await self._list_rooms(argument)
            case "search":
                await self._searches.search(self._chat, argument)
            case "show":
                show(self._show_all(argument))
            case "edit":
                self._screen.edit(argument)
            case "quiet":
                conversation.quiet = not conversation.quiet
                show(answers.quiet(conversation.quiet))
            case "quit":
                self._screen.stop()
            case "highlight" | "ignore" | "unignore":
                show(answers.note(self._change_interest(command)))
            case "device":
                await self._do_with_device(argument)
            case "kick" | "mute" | "ban" | "lift" | "close" | "open" | "admit":
                await self._moderate(command)
            case "leave" | "who" | "hush" if argument:
                await self._do_in_room(command, argument)
            case _:
                if (room := conversation.place) is None:
                    show(answers.warning(NO_ROOM))
                else:
                    await self._do_in_room(command, room)

    async def _do_in_room(self, command: Command, name: str) -> None:
        match command.verb:
            case "back":
                if (number := command.argument.removeprefix("#")) != command.argument:
                    await self._searches.show_around(self._chat, int(number))
                else:
                    await self._show_older(name, command.argument)
            case "leave":
                await self._leave(name)
            case "hush":
                self._hush(name)
            case _:  # who
                nicks = await self._chat.who(name)
                self._conversation.learn_members(name, nicks)
                self._screen.print(self._answers.members(name, nicks))

    def _say(self, command: Command) -> None:
        room = self._conversation.place
        if command.line is not None and not self._outbox.send(command.line, room):
            self._show_warning(NO_ROOM)
            typed = command.said or ""
            self._screen.put_back(f"{typed}\n" if self._screen.draft else typed)
        elif self._conversation.offline and self._screen.words and room is not None:
            note = f"no connection; this is sent to {room} when back, or offered if that is late"
            self._screen.print(self._answers.note(note))

    def _show_all(self, number: str) -> Fragments:
        message = self._conversation.folds.get(int(number) if number else None)
        if message is None:
            return self._answers.note("there is no such message" if number else "no message was folded")
        return self._answers.whole(message)

    def _change_interest(self, command: Command) -> str:
        """Change which words count, or who is ignored; return what is the case now."""
        interests, word = self._conversation.interests, command.argument
        if not word:
            return describe_words(interests) if command.verb == "highlight" else describe_ignored(interests)
        match command.verb:
            case "highlight":
                return describe_word(word, interests.toggle_word(word))
            case "ignore" if fold(word) == fold(self._conversation.nick):
                return "that is you"
            case "ignore":
                interests.ignore(word)
                return f"nothing that {word} says is shown; /unignore {word} shows it again"
            case _:
                return describe_unignored(word, interests.unignore(word))

    def _hush(self, name: str) -> None:
        room = self._conversation.rooms.get(name)
        if room is None:
            self._show_warning(f"you are not in {name}")
            return
        room.mute(muted=self._conversation.interests.toggle_muted(room.name))
        what = "only mentions count" if room.muted else "everything counts again"
        self._screen.print(self._answers.note(f"{what} in {room.name}"))

    async def _leave(self, name: str) -> None:
        rooms = self._conversation.rooms
        if rooms.get(name) is None and self._memory.forget(name):  # it has not let us back in
            self._screen.print(self._answers.note(f"{name} is forgotten"))
            return
        await self._outbox.sent()
        left = await self._chat.leave(name)
        # The event comes later than this answer; if the connection was lost there is none.
        self._screen.print(self._conversation.leave(left.room))
        self._outbox.note_left(left.room)
        self._memory.forget(left.room)
        self._memory.note_rooms(rooms)

    async def _moderate(self, command: Command) -> None:
        deed = parse_deed(command.verb, command.argument)
        name = deed.room or (None if deed.everywhere else self._conversation.place)
        if name is None and not deed.everywhere:
            self._show_warning(NO_ROOM)
            return
        await self._chat.moderate(
            deed.act, room=name, nick=deed.nick, seconds=deed.seconds, reason=deed.reason
        )
        self._screen.print(self._answers.note(describe(deed, name)))

    async def _do_with_device(self, what: str) -> None:
        if not what:
            await self._invite_device()
        elif what != FORGET:
            self._show_warning(_REALLY)
        else:
            await self._outbox.sent()
            await self._chat.forget_device()
            self._forget_key()

    def _forget_key(self) -> None:
        """The server has revoked our key: remove it here, and leave."""
        self.has_forgotten = True
        self._screen.print(self._answers.note("this device is forgotten: its key is no longer valid"))
        try:
            self._login.forget_key(self._url)
        except (ChatError, OSError) as error:
            self._show_warning(f"but the key could not be removed from its file: {error}")
        self._screen.stop()

    async def _invite_device(self) -> None:
        invited = await self._chat.invite_device()
        own = link_of(self._url, invited.invite or "", self._login.one_pin)
        self._screen.print(self._answers.device(invited.links or (own,), invited.seconds))

    def _go_to(self, number: int) -> None:
        room = self._conversation.rooms.numbered(number)
        if room is None:
            self._show_warning(f"you have no room {number}; /rooms lists your rooms")
        else:
            self._show_room(room)

    def _show_room(self, room: RoomView) -> None:
        self._conversation.expect(None)  # a room that we still wait for stays in the background
        self._screen.print(self._conversation.go_to(room))
        self._conversation.note_seen()
        self._memory.note_rooms(self._conversation.rooms)

    async def _join(self, name: str) -> None:
        rooms = self._conversation.rooms
        if (room := rooms.get(name)) is not None:
            self._show_room(room)
            return
        self._conversation.expect(name)
        try:
            with self._outbox.holding(name):
                await self._enter(name)
        finally:
            self._conversation.expect_no_longer(name)

    async def _enter(self, name: str) -> None:
        """Join a room; return once we are in it, or out of it again. Raises what the server answers."""
        rooms = self._conversation.rooms
        await self._chat.join(name, history=self._history)
        while rooms.get(name) is None and fold(name) in self._chat.rooms:
            self._news.clear()  # the event comes later than the answer
            await self._news.wait()

    async def _list_rooms(self, start: str) -> None:
        """Show our rooms, then those of the server that we are not in."""
        conversation, answers = self._conversation, self._answers
        self._screen.print(answers.rooms(conversation.rooms, start))
        listed, more = await other_rooms(self._chat, start, self._chat.rooms)
        conversation.rooms.note_others(entry.room for entry in listed)
        self._screen.print(answers.other_rooms(listed, start, more=more))

    async def _show_older(self, name: str, wanted: str) -> None:
        """Show messages from before those that were shown: a number of them, or those since a time."""
        room = self._conversation.rooms.get(name)
        older = None if room is None else await self._load_older(room, wanted)
        if older is None:
            return
        for piece in self._conversation.older(name, older):
            self._screen.print(piece)
            await asyncio.sleep(0)  # for the keyboard

    async def _load_older(self, room: RoomView, wanted: str) -> Older | None:
        """Load what `/back` asks for; show why if there is nothing to show."""
        if not wanted or wanted.isdigit():
            count = int(wanted or BACK)
            return await older_messages(self._chat, room, count, lambda so_far: self._report(so_far, count))
        since = parse_time(wanted, datetime.now(UTC))
        if since is None:
            self._show_warning(f"there is no such time as {wanted}")
            return None
        older = await messages_since(self._chat, room, since, self._report)
        if older.entries or older.rest is Rest.EXPIRED:
            return older
        self._screen.print(self._answers.note(f"there are no older messages since {wanted}"))
        return None

    def _report(self, so_far: int, of: int | None = None) -> None:
        """Show the progress of loading older messages."""
        total = "" if of is None else f" of {of:,}"
        self._screen.print(self._conversation.progress(f"loading older messages: {so_far:,}{total}"))
        self._screen.redraw()

    def _show_warning(self, message: str) -> None:
        self._screen.print(self._answers.warning(message))
