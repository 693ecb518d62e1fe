"""What is typed to moderate: whom, where and for how long; and what is said once it is done.

An act concerns the room that is on the screen, since that is the lesser mistake. ``everywhere`` is for the
whole server. Who may enter a room can be changed from outside too, by its name: whoever is shut out of one
has no other place to do it.
"""

import re
from typing import NamedTuple, cast

from chatcore import Act
from cli.settings.durations import DURATION, duration, duration_words

__all__ = ["ACTS", "ALL_OVER", "PATTERNS", "Deed", "describe", "parse_deed"]

ACTS = ("kick", "mute", "ban", "lift", "close", "open", "admit")
"""The commands that moderate, which are called as their acts are."""

ALL_OVER = "everywhere"

# A reason does not begin with a digit: else a time with a mistake would be one, and the act have no end.
_REASON = r"(?![0-9])[ -~]{1,128}"

PATTERNS = {
    "NICK": (r"\S+", "one word, no spaces"),
    "NICK [ROOM]": (r"\S+(?: +\S+)?", "one word each"),
    "NICK [everywhere]": (rf"\S+(?: +{ALL_OVER})?", ""),
    "NICK [TIME] [everywhere] [REASON]": (
        rf"\S+(?: +{DURATION})?(?: +{ALL_OVER})?(?: +{_REASON})?",
        "a time such as 30s, 10m, 1h or 7d; a reason in ASCII",
    ),
}
"""What may stand after a command that moderates, and a hint for those who typed something else."""

_PARTS = re.compile(rf"(\S+)(?: +({DURATION}))?(?: +({ALL_OVER})\b)?(?: +(.+))?")


class Deed(NamedTuple):
    """An act, and what it needs: without ``seconds`` it has no end."""

    act: Act
    nick: str | None = None
    seconds: float | None = None
    everywhere: bool = False
    reason: str | None = None
    room: str | None = None
    """The room, unless it is the one on the screen."""


def parse_deed(verb: str, argument: str) -> Deed:
    """Return what a command asks for; the argument has the form of the command."""
    act = cast("Act", verb)
    if act in ("close", "open"):
        return Deed(act, room=argument or None)
    if act == "admit":
        nick, _, room = argument.partition(" ")
        return Deed(act, nick, room=room.strip() or None)
    parts = _PARTS.fullmatch(argument)
    assert parts is not None
    nick, time, everywhere, reason = parts.groups()
    return Deed(act, nick, None if time is None else duration(time), bool(everywhere), reason)


def describe(deed: Deed, room: str | None) -> str:
    """Return what is the case now, in words."""
    where = "anywhere" if room is None else f"in {room}"
    match deed.act:
        case "close":
            return f"{room} is private now; whoever is here may come back, and /admit NICK lets in others"
        case "open":
            return f"{room} is open to everybody now"
        case "admit":
            return f"{deed.nick} may enter {room}"
        case "kick":
            return f"{deed.nick} is out of {room}; if it is private, /admit {deed.nick} lets them back in"
        case "mute":
            return f"{deed.nick} can read, but not speak, {where}{_how_long(deed.seconds)}"
        case "ban":
            what = "use this server" if room is None else f"enter {room}"
            return f"{deed.nick} cannot {what}{_how_long(deed.seconds)}"
        case "lift":
            return f"{deed.nick} is no longer muted or banned {where}"


def _how_long(seconds: float | None) -> str:
    return " until you /lift it" if seconds is None else f" for {duration_words(seconds)}"
