"""What a restored file of accounts brings back, as lines of a shell that take it away again.

What no command does is a comment: somebody does that in the chat.
"""

import math
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from chatcore.accounts import Returned
from cli.columns import local_time

__all__ = ["describe"]


def describe(returned: Iterable[Returned], accounts: Path, now: float) -> Iterator[str]:
    """Yield a line for each thing that is back in a file of accounts."""
    for each in returned:
        words = _command(each, now)
        if words is None:
            yield f"# {_comment(each)}"
        else:
            yield shlex.join(["chat", *words, "--accounts", str(accounts)])


def _command(each: Returned, now: float) -> list[str] | None:
    """Return the command that takes something away again, if there is one."""
    match each.kind:
        case "account":
            return ["account", "remove", each.name, "--yes"]
        case "key":
            return ["account", "revoke", each.name, str(each.detail), "--only"]
        case "role":
            return ["account", "role", each.name, str(each.detail)]
        case "invite":
            return ["invite", "--revoke", each.name]
        case "ban" if each.room is None:
            return ["ban", each.name, *_length(each, now), *_reason(each)]
        case _:
            return None


def _length(each: Returned, now: float) -> list[str]:
    return [] if each.until is None else ["--for", f"{max(math.ceil(each.until - now), 1)}s"]


def _reason(each: Returned) -> list[str]:
    words = " ".join((each.reason or "").split())
    return ["--reason", words] if words else []


def _comment(each: Returned) -> str:
    until = "" if each.until is None else f" until {local_time(each.until)}"
    match each.kind:
        case "mute" | "ban":
            what = "muted" if each.kind == "mute" else "banned"
            return f"{each.name} was {what} {f'in {each.room}' if each.room else 'everywhere'}{until}"
        case "room":
            return f"the room {each.name} was made private, and is public"
        case _:
            return f"{each.detail} was put out of the room {each.name}, and is admitted"
