"""What a person may type: a message, or one of the commands.

A line that starts with a slash is a command, and is never sent as a message by mistake: a typo in a command
may be a secret. A second slash makes it a message again.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from cli.settings.keys import USUAL
from cli.state.remembered import UnsentLine
from cli.terminal.moderation import PATTERNS

__all__ = ["ALIASES", "BACK", "COMMANDS", "FORGET", "Command", "Form", "Verb", "parse"]

Verb = Literal[
    "admit",
    "back",
    "ban",
    "close",
    "device",
    "edit",
    "drop",
    "goto",
    "help",
    "highlight",
    "hush",
    "ignore",
    "join",
    "kick",
    "leave",
    "lift",
    "me",
    "mistake",
    "mute",
    "nick",
    "open",
    "quiet",
    "quit",
    "resend",
    "rooms",
    "say",
    "search",
    "show",
    "unignore",
    "who",
]


class Command(NamedTuple):
    """What a line asks for.

    ``argument`` is what the form of the command promises, or empty where that is optional. It is the text of
    ``say``, ``me`` and ``search``, the number of ``goto``, and the advice of ``mistake``, a line that asks
    nothing. What is said has a ``line`` once it is taken.
    """

    verb: Verb
    argument: str = ""
    line: UnsentLine | None = None

    @property
    def only_shows(self) -> bool:
        """Whether it changes nothing but what is on the screen, and asks nobody."""
        return self.verb in ("goto", "help", "quiet", "show")

    @property
    def typed(self) -> str:
        """How a command is typed."""
        return f"/{self.verb} {self.argument}".rstrip()

    @property
    def said(self) -> str | None:
        """How to type it again if this posts a message; ``None`` if it posts none."""
        match self.verb:
            case "say":
                return f"/{self.argument}" if self.argument.startswith("/") else self.argument
            case "me":
                return f"/me {self.argument}"
            case _:
                return None


class Form(NamedTuple):
    """How a command is typed: its argument, as `_ARGUMENTS` has it, and a summary for ``/help``.

    The summary has the actions of keys in braces, for what `cli.settings.keys.names_of` returns.
    """

    verb: Verb
    argument: str
    summary: str


BACK = 20
"""Messages that ``/back`` shows by default."""

FORGET = "forget yes"
"""What stands after ``/device`` to have the key of this one revoked: without the yes it is asked for."""

COMMANDS = {
    "/help": Form("help", "[COMMAND]", "list the commands, or say what one does"),
    "/nick": Form("nick", "NAME", "change your name"),
    "/join": Form("join", "ROOM", "join a room, or go to one that you are in"),
    "/leave": Form("leave", "[ROOM]", "leave a room"),
    "/1": Form("goto", "", "go to your first room; /2 to the second; also {room-1}, {room-2}"),
    "/rooms": Form("rooms", "[START]", "list your rooms, then others (those that begin with START)"),
    "/who": Form("who", "[ROOM]", "list the members of a room"),
    "/back": Form("back", "[N|TIME|#N]", f"show N older messages ({BACK}), or since a time, or around #N"),
    "/search": Form("search", "[TEXT]", "find words here; also from:NICK in:ROOM after:TIME"),
    "/show": Form("show", "[N]", "show all of a long message: the last one, or number N"),
    "/edit": Form("edit", "[TEXT]", "write it in your editor ($VISUAL, $EDITOR); also {edit}"),
    "/me": Form("me", "TEXT", "say what you are doing, as in: /me waves"),
    "/resend": Form("resend", "[N|all]", "send what was not sent"),
    "/drop": Form("drop", "[N|all]", "discard it"),
    "/kick": Form("kick", "NICK", "put somebody out of this room"),
    "/mute": Form("mute", "NICK [TIME] [everywhere] [REASON]", "let somebody only read in this room"),
    "/ban": Form("ban", "NICK [TIME] [everywhere] [REASON]", "put somebody out, and keep them out"),
    "/lift": Form("lift", "NICK [everywhere]", "end a mute and a ban"),
    "/close": Form("close", "[ROOM]", "make this room private, for those who are in it"),
    "/open": Form("open", "[ROOM]", "make this room public again"),
    "/admit": Form("admit", "NICK [ROOM]", "let somebody enter this private room"),
    "/device": Form("device", "[forget]", "get a link for one more device of yours, or forget this one"),
    "/highlight": Form("highlight", "[WORD]", "have a word count as a mention, or not; list them"),
    "/hush": Form("hush", "[ROOM]", "count nothing but mentions in a room, or everything again"),
    "/ignore": Form("ignore", "[NICK]", "show nothing that somebody says; list who that is"),
    "/unignore": Form("unignore", "NICK", "show again what somebody says"),
    "/quiet": Form("quiet", "", "hide joins and leaves, or show them again"),
    "/quit": Form("quit", "", "leave the chat"),
}
"""Every command by its name, in the order of ``/help``."""

ALIASES = {"/part": "/leave", "/names": "/who", "/exit": "/quit"}
"""What those type who come from IRC, and which command that is here."""

_INSTEAD = {  # of what they look for in vain
    "/msg": "nobody can be written to alone; /join a room, /close it, and /admit those whom you want there",
    "/query": "nobody can be written to alone; /join a room, /close it, and /admit those whom you want there",
    "/clear": "{clear} clears the screen",
}

_ARGUMENTS = {  # what may stand after a command, and a hint for those who typed something else
    "": ("", ""),
    "NAME": (r"\S+", "one word, no spaces"),
    "ROOM": (r"\S+", "one word, no spaces"),
    "[ROOM]": (r"\S*", "one word, no spaces"),
    "[START]": (r"\S*", "one word, no spaces"),
    "[COMMAND]": (r"\S*", "one word, no spaces"),
    "[NICK]": (r"\S*", "one word, no spaces"),
    "[N]": (r"(?a:(?:[1-9]\d{0,8})?)", "a number"),
    "[TEXT]": (r"(?s:.*)", ""),
    "[WORD]": (r"\S{0,64}", "one word of 64 characters at most, no spaces"),
    "[N|TIME|#N]": (
        r"(?a:(?:#?[1-9]\d{0,3})?|(?:\d{4}-\d\d-\d\d[ T]+)?\d{1,2}:\d\d|\d{4}-\d\d-\d\d)",
        "a number from 1 to 9999, a time such as 14:30 or 2026-11-23 14:00, or the # of a result",
    ),
    "[forget]": (r"(?:forget(?: yes)?)?", "nothing, or forget"),
    "[N|all]": (r"(?a:(?:[1-9]\d{0,3})?|all)", "a number, or all"),
    "TEXT": (r"(?s:.+)", ""),
    **PATTERNS,
}
_NUMBER = re.compile(r"/([1-9][0-9]{0,3})")


def parse(text: str, keys: Mapping[str, str] = USUAL) -> Command | None:
    """Read what was typed; return ``None`` if that is nothing but space. ``keys`` are their names."""
    text = text.strip("\n")
    if not text.strip():
        return None
    if text.startswith("//"):
        return Command("say", text[1:])
    if not text.startswith("/"):
        return Command("say", text)
    word = text.split()[0]
    return _command(word, text[len(word) :].strip(), keys)


def _command(word: str, argument: str, keys: Mapping[str, str]) -> Command:
    number = _NUMBER.fullmatch(word)
    name = "/1" if number else word.casefold()
    name = ALIASES.get(name, name)
    if name in _INSTEAD:
        return Command("mistake", f"there is no {name}: {_INSTEAD[name].format_map(keys)}")
    if name not in COMMANDS:
        return Command("mistake", f"unknown command {word}; /help lists the commands, /{word} sends {word}")
    form = COMMANDS[name]
    pattern, hint = _ARGUMENTS[form.argument]
    if not re.fullmatch(pattern, argument):
        usage = f"usage: {word if number else name} {form.argument}".rstrip()
        return Command("mistake", f"{usage} ({hint})" if hint else usage)
    return Command(form.verb, number[1] if number else argument)
