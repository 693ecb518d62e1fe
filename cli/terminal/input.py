"""What a person may type: a line that is said, or one of the commands."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "COMMANDS",
    "Command",
    "GoTo",
    "Help",
    "JoinRoom",
    "LeaveRoom",
    "ListRooms",
    "Mistake",
    "PageBack",
    "Quiet",
    "Quit",
    "Rename",
    "Say",
    "Search",
    "WhoIsHere",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Say:
    """Say a text to the current room."""

    text: str


@dataclass(frozen=True, slots=True)
class Help:
    """List the commands."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Take another nick."""

    nick: str


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Enter a room, or go back to one, and make it the current one."""

    room: str


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Leave a room; ``None`` is the current one."""

    room: str | None


@dataclass(frozen=True, slots=True)
class GoTo:
    """Make the room with this number the current one."""

    number: int


@dataclass(frozen=True, slots=True)
class ListRooms:
    """List the rooms with their numbers, and what is unread in them."""


@dataclass(frozen=True, slots=True)
class WhoIsHere:
    """List the members of a room; ``None`` is the current one."""

    room: str | None


@dataclass(frozen=True, slots=True)
class PageBack:
    """Show so many messages of the current room from before those that were shown."""

    count: int


@dataclass(frozen=True, slots=True)
class Search:
    """Show the messages in which a text occurs, out of those that were shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Say nothing of those who come and go, or say it again."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the conversation."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Nothing that can be done; ``message`` says what would be right."""

    message: str


Command = (
    Say
    | Help
    | Rename
    | JoinRoom
    | LeaveRoom
    | GoTo
    | ListRooms
    | WhoIsHere
    | PageBack
    | Search
    | Quiet
    | Quit
    | Mistake
)

COMMANDS: dict[str, tuple[str, str]] = {
    "/help": ("", "list the commands"),
    "/nick": ("NAME", "change your name"),
    "/join": ("ROOM", "enter a room, or go back to one that you are in"),
    "/leave": ("[ROOM]", "leave a room"),
    "/1": ("", "go to the first of your rooms, /2 to the second; so do Alt-1 and Alt-2"),
    "/rooms": ("", "list your rooms, and what is unread in them"),
    "/who": ("[ROOM]", "list who is in a room"),
    "/back": ("[N]", "show the N messages (20) that came before"),
    "/search": ("TEXT", "find what was shown, wherever that was said"),
    "/me": ("TEXT", "tell what you do: /me nods"),
    "/quiet": ("", "say nothing of those who come and go, or say it again"),
    "/quit": ("", "end the conversation"),
}
"""Every command with its argument and what it does."""


BACK = 20
"""Messages that `PageBack` shows unless it is told how many."""


def parse(text: str) -> Command | None:
    """Read what was typed; ``None`` where that is nothing but space."""
    text = text.strip("\n")
    if not text.strip():
        return None
    if text.startswith("//"):
        return Say(text[1:])
    if not text.startswith("/"):
        return Say(text)
    word, *arguments = text.split()
    name = word.casefold()
    if _is_count(name[1:]):
        return GoTo(int(name[1:])) if not arguments else Mistake(f"it goes like this: {name}")
    if name in ("/me", "/search") and arguments:
        rest = text[len(word) :].strip()
        return Say(f"/me {rest}") if name == "/me" else Search(rest)
    if name not in COMMANDS:
        return Mistake(f"there is no command {word}; /help lists them, and /{word} says {word}")
    return _command(name, arguments)


def _command(name: str, arguments: list[str]) -> Command:
    argument = arguments[0] if arguments else None
    usage = Mistake(f"it goes like this: {name} {COMMANDS[name][0]}".rstrip())
    if len(arguments) > 1 or name in ("/me", "/search"):
        return usage
    needs: dict[str, Callable[[str], Command]] = {"/nick": Rename, "/join": JoinRoom}
    may: dict[str, Callable[[str | None], Command]] = {"/leave": LeaveRoom, "/who": WhoIsHere}
    if name in needs:
        return usage if argument is None else needs[name](argument)
    if name in may:
        return may[name](argument)
    if name == "/back":
        return PageBack(int(argument or BACK)) if _is_count(argument or str(BACK)) else usage
    alone: dict[str, Command] = {"/help": Help(), "/rooms": ListRooms(), "/quiet": Quiet(), "/quit": Quit()}
    return usage if argument is not None else alone[name]


def _is_count(argument: str) -> bool:
    return argument.isascii() and argument.isdigit() and len(argument) < 5 and int(argument) > 0
