"""Who may do what to whom, and where: the one table of moderation. It knows no file and no server.

- Ranks are the roles, and between moderator and member the keeper of a room, in that room only. A guest keeps
  nothing.
- A member makes a public room private from inside it, but not the lobby, which all clients enter; its keeper
  and moderators do all else that concerns a private room. Muting and banning is for moderators.
- Nobody acts on somebody of their own rank or above, nor on themselves. To admit somebody is an exception.
- What is not allowed is ``forbidden`` before it is asked whether there is such an account.
"""

from enum import IntEnum
from typing import Final, Literal

from chatcore.accounts.records import Role
from chatcore.gate import Act
from chatcore.messages import NEEDS_NICK, NEEDS_ROOM

__all__ = ["Place", "Rank", "Target", "Verdict", "decide", "rank_of", "relation"]

Place = Literal["nowhere", "public", "private", "mine"]
"""The room: none is named, one that is public, a private one, or a private one that who acts keeps."""

Target = Literal["nobody", "unknown", "self", "below", "equal", "above"]
"""The account that is named, by its rank: none is named, there is no such account, or seen from who acts."""

Verdict = Literal["allowed", "forbidden", "bad_frame", "bad_name"]
"""What is said: ``bad_frame`` where a room or a nick is missing, ``bad_name`` for an unknown account."""


class Rank(IntEnum):
    """What somebody counts for in a room, or everywhere."""

    GUEST = 0
    MEMBER = 1
    KEEPER = 2
    MODERATOR = 3
    OWNER = 4


_RANKS: Final[dict[Role, Rank]] = {
    "owner": Rank.OWNER,
    "moderator": Rank.MODERATOR,
    "member": Rank.MEMBER,
    "guest": Rank.GUEST,
}


def rank_of(role: Role, *, keeps: bool) -> Rank:
    """Return a rank, in a room that somebody keeps or in any other."""
    rank = _RANKS[role]
    return Rank.KEEPER if keeps and rank == Rank.MEMBER else rank


def relation(actor: Rank, target: Rank) -> Target:
    """Return how the rank of somebody else is seen from who acts."""
    return "below" if target < actor else "equal" if target == actor else "above"


def decide(
    act: Act, actor: Rank, place: Place, target: Target, *, inside: bool = True, lobby: bool = False
) -> Verdict:
    """Say whether somebody may do something.

    ``inside`` tells whether they are in the room, and ``lobby`` whether it is the one that all clients enter.
    """
    if (place == "nowhere" and act in NEEDS_ROOM) or (target == "nobody" and act in NEEDS_NICK):
        return "bad_frame"
    if actor < _least(act, place) or (act == "close" and actor < Rank.MODERATOR and (lobby or not inside)):
        return "forbidden"
    if act not in NEEDS_NICK:
        return "allowed"
    if target == "unknown":
        return "bad_name"
    return "allowed" if act == "admit" or target == "below" else "forbidden"


def _least(act: Act, place: Place) -> Rank:
    if act == "close" and place == "public":
        return Rank.MEMBER
    return Rank.KEEPER if act in NEEDS_ROOM and place == "mine" else Rank.MODERATOR
