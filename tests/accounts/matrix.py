"""The table of moderation, written down apart from the product: who may do what to whom, and where.

`CASES` is every act by everybody on everybody everywhere, with what has to come of it. `scene` makes a file
of accounts in which most of them can be played: `Case.played` names the people and the room, or is ``None``
where there can be no such people.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final, get_args

from chatcore.accounts import ROLES, Role
from chatcore.accounts.statements import AccountsFile
from chatcore.gate import Act
from tests.accounts.people import make_accounts

__all__ = ["ACTORS", "ALLOWED", "CASES", "PLACES", "PRESENT", "TARGETS", "Case", "Play", "scene"]

ALLOWED = "allowed"
"""What is done; everything else is the code of the error."""

ACTORS: Final = ("owner", "moderator", "keeper", "member", "guest")
"""Who acts. A keeper keeps a private room, and is a member elsewhere."""

PLACES: Final = ("nowhere", "public", "private", "mine")
"""Where: no room, a public one, a private one that somebody else keeps, or the one that who acts keeps."""

TARGETS: Final = ("nobody", "unknown", "self", "below", "equal", "above")
"""On whom: nobody is named, or nobody known, or somebody by their rank in that room."""

# By act and place: who may do it. A dash: the act needs a room.
_WHO: Final = """
          nowhere          public                         private          mine
close     -                owner,moderator,keeper,member  owner,moderator  owner,moderator,keeper
open      -                owner,moderator                owner,moderator  owner,moderator,keeper
admit     -                owner,moderator                owner,moderator  owner,moderator,keeper
kick      -                owner,moderator                owner,moderator  owner,moderator,keeper
mute      owner,moderator  owner,moderator                owner,moderator  owner,moderator
ban       owner,moderator  owner,moderator                owner,moderator  owner,moderator
lift      owner,moderator  owner,moderator                owner,moderator  owner,moderator
"""

# By act: what comes of it on each target, for those who may. A dot: targets do not matter.
_WHOM: Final = """
          nobody     unknown   self       below    equal      above
close     .          .         .          .        .          .
open      .          .         .          .        .          .
admit     bad_frame  bad_name  allowed    allowed  allowed    allowed
kick      bad_frame  bad_name  forbidden  allowed  forbidden  forbidden
mute      bad_frame  bad_name  forbidden  allowed  forbidden  forbidden
ban       bad_frame  bad_name  forbidden  allowed  forbidden  forbidden
lift      bad_frame  bad_name  forbidden  allowed  forbidden  forbidden
"""


def _table(text: str) -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in text.strip().splitlines())
    return {(row[0], column): cell for row in rows for column, cell in zip(head, row[1:], strict=True)}


_WHO_MAY, _ON_WHOM = _table(_WHO), _table(_WHOM)

# Somebody of each rank, and another of the same; who keeps a room keeps one that has their name.
_PEOPLE: Final = {
    "owner": ("olga", "otto"),
    "moderator": ("mona", "milo"),
    "keeper": ("kim", "zed"),
    "member": ("bob", "ben"),
    "guest": ("gus", "gil"),
}
_ORDER: Final[tuple[str, ...]] = ("guest", "member", "keeper", "moderator", "owner")
_PUBLIC, _PRIVATE = "square", "of-zed"

PRESENT: Final = frozenset(name for names in _PEOPLE.values() for name in names)
"""All accounts of the scene, which are in every room."""


@dataclass(frozen=True)
class Play:
    """A case with names: the account that acts, the room, and the nick that is named."""

    actor: str
    room: str | None
    nick: str | None


@dataclass(frozen=True)
class Case:
    """Who does what, where and to whom."""

    act: Act
    actor: str
    place: str
    target: str

    def __str__(self) -> str:
        return f"{self.act}-{self.actor}-{self.place}-{self.target}"

    @property
    def verdict(self) -> str:
        """What has to come of it."""
        who, whom = _WHO_MAY[self.act, self.place], _ON_WHOM[self.act, self.target]
        if who == "-" or whom == "bad_frame":
            return "bad_frame"
        if self.actor not in who.split(","):
            return "forbidden"
        return ALLOWED if whom == "." else whom

    @property
    def rank(self) -> str:
        """What who acts counts for in that place."""
        return "member" if self.actor == "keeper" and self.place != "mine" else self.actor

    @property
    def played(self) -> Play | None:
        """The case in the `scene`, if there can be such people."""
        actor = _PEOPLE[self.actor][0]
        if self.target in ("nobody", "unknown", "self"):
            nick = {"nobody": None, "unknown": "nemo", "self": actor}[self.target]
        elif (nick := self._somebody()) is None:
            return None
        room = {"nowhere": None, "public": _PUBLIC, "private": _PRIVATE, "mine": f"of-{actor}"}[self.place]
        return Play(actor, room, nick)

    def _somebody(self) -> str | None:
        own = _ORDER.index(self.rank)
        if self.target == "equal":
            return None if self.rank == "keeper" else _PEOPLE[self.rank][1]
        others = _ORDER[:own] if self.target == "below" else _ORDER[own + 1 :]
        others = tuple(rank for rank in others if rank != "keeper")  # whose room is another
        return _PEOPLE[others[-1 if self.target == "below" else 0]][1] if others else None


def _cases() -> Iterator[Case]:
    for case in product(get_args(Act), ACTORS, PLACES, TARGETS):
        if case[1:3] != ("member", "mine"):  # that is a keeper
            yield Case(*case)


CASES: Final = tuple(_cases())
"""All of them."""


def scene(path: Path) -> Path:
    """Make a file with the people of the cases and their rooms; return its path."""
    roles: dict[str, Role] = {}
    for rank, names in _PEOPLE.items():
        roles |= {name: next((role for role in ROLES if role == rank), "member") for name in names}
    make_accounts(path, **roles)
    with closing(AccountsFile(path)) as file, file.transaction():
        file.admit(_PUBLIC, _PEOPLE["guest"])
        for keeper in (*(names[0] for names in _PEOPLE.values()), "zed"):
            file.close_room(f"of-{keeper}", keeper)
            file.admit(f"of-{keeper}", PRESENT)
    return path
