"""Names that a command makes, or checks without a server."""

import secrets
from collections.abc import Iterator

from chatcore import RULES, UsageError, fold

__all__ = ["folded_room", "made_up_nick", "variants"]

NICK_CHARS = 32


def folded_room(name: str) -> str:
    """Return the name of a room as journals have it; raises `UsageError` that says what a name is."""
    from chatcore import Join

    try:
        return fold(Join(room=name).room)
    except ValueError:
        raise UsageError(f"{name!r} is not a room: {RULES['room']}") from None


def made_up_nick() -> str:
    """Return a nick for somebody who has none."""
    return f"guest-{secrets.token_hex(2)}"


def variants(nick: str) -> Iterator[str]:
    """Yield a nick, and what to take in its place if it is taken: with a number, and at last with a word."""
    yield nick
    for number in range(2, 10):
        yield f"{nick[: NICK_CHARS - 2]}-{number}"
    word = secrets.token_hex(3)
    yield f"{nick[: NICK_CHARS - len(word) - 1]}-{word}"
