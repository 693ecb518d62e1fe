"""Which names accounts have, and which nicks belong to them.

- An account owns its name, and every nick that is its name, a ``-`` and more: ``ada`` owns ``ada-phone``.
- So no account's name is another's and a ``-`` and more: each nick has one owner at most.
- A name is never given out again, so what its first owner said stays theirs.
"""

import re
from collections.abc import Callable
from typing import Final

from chatcore.gate import Refusal
from chatcore.names import NICK_CHARS, RULES, fold, is_numeric, is_reserved

__all__ = ["name_refusal", "owns", "possible_owners"]

_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{NICK_CHARS}}}")
_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ADDRESS: Final = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")  # an IPv4 address, in any version of Python


def owns(account: str, nick: str) -> bool:
    """Tell whether a nick belongs to an account, in any spelling."""
    return fold(account) in possible_owners(nick)


def possible_owners(nick: str) -> list[str]:
    """Return the names (folded) of all accounts that a nick could belong to; one of them exists at most."""
    folded = fold(nick)
    return [folded[:end] for end, char in enumerate(folded) if char == "-" and end] + [folded]


def name_refusal(
    name: str, taken: Callable[[str], bool], begins_another: Callable[[str], bool]
) -> Refusal | None:
    """Say why a new account cannot have a name.

    ``taken`` tells whether there is or was an account with a name (folded), and ``begins_another`` whether
    the name of one begins so.
    """
    if not _NAME.fullmatch(name):
        return Refusal("bad_name", f"not a name: {RULES['nick']}")
    if is_reserved(name) or is_numeric(name) or _ADDRESS.fullmatch(name):
        return Refusal("bad_name", f"nobody can be called {name}")
    if any(map(taken, possible_owners(name))) or begins_another(f"{fold(name)}-"):
        return Refusal("nick_taken", f"the name {name} is taken")
    return None
