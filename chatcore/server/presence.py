"""Who came and who went, reported once an interval however many they were.

- What is reported is the net change since the last flush: whoever came and went in between is not in it.
- Only the newest frame is kept, encoded once for each wire. A member that missed one gets a frame with
  ``more`` instead, and asks `Who`.
- `Who` is answered as of the last flush, so that the changes that follow can be applied to the answer.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from chatcore.messages import Presence, Renamed
from chatcore.names import fold
from chatcore.wire import Wire

__all__ = ["PresenceLog"]

S = TypeVar("S")


class PresenceLog(Generic[S]):
    """The net change of a room since it was last reported, and the frame that reported it.

    ``number`` counts the frames, and ``flushes`` also the flushes that had nothing to report. ``S`` is
    whatever is present: identities here. At most ``max_names`` nicks stand in each list of a frame.
    """

    __slots__ = ("_before", "_encoded", "_frame", "_max_names", "_room", "flushes", "number")

    def __init__(self, room: str, max_names: int) -> None:
        self._room = room
        self._max_names = max_names
        self._before: dict[S, str | None] = {}  # of everyone who has changed: the nick last reported
        self._frame: Presence | None = None
        self._encoded: dict[tuple[Wire, bool], bytes] = {}
        self.number = 0
        self.flushes = 0

    @property
    def pending(self) -> bool:
        """Whether something has changed since the last flush."""
        return bool(self._before)

    def flushed(self, here: Mapping[S, str]) -> list[str]:
        """Return the nicks of everyone who was here at the last flush, given those who are here now."""
        settled = [nick for member, nick in here.items() if member not in self._before]
        return settled + [nick for nick in self._before.values() if nick is not None]

    def change(self, member: S, nick_before: str | None) -> None:
        """Note a change; ``None`` stands for not being here. The first of several counts."""
        self._before.setdefault(member, nick_before)

    def flush(self, nick_of: Callable[[S], str | None], count: int) -> bool:
        """Make a frame of the net change, given the nicks of now; return whether there is any."""
        before, self._before = self._before, {}
        self.flushes += 1
        joined, left, renamed = _net_change(before, nick_of)
        if not (joined or left or renamed):
            return False
        self.number += 1
        self._encoded.clear()
        limit = self._max_names
        self._frame = Presence(
            room=self._room,
            joined=tuple(sorted(joined.values())[:limit]),
            left=tuple(sorted(left.values())[:limit]),
            renamed=tuple(Renamed(old=old, new=new) for old, new in sorted(renamed.items())[:limit]),
            count=count,
            more=max(len(joined), len(left), len(renamed)) > limit,
        )
        return True

    def since(self, seen: int, wire: Wire) -> bytes:
        """Return what a member who has seen ``seen`` frames is to be sent, encoded once for each wire."""
        if self._frame is None or seen == self.number:
            return b""
        missed = seen < self.number - 1
        data = self._encoded.get((wire, missed))
        if data is None:
            frame = self._frame
            if missed:
                frame = Presence(room=self._room, count=frame.count, more=True)
            data = self._encoded[wire, missed] = wire.encode(frame)
        return data


def _net_change(
    before: Mapping[S, str | None], nick_of: Callable[[S], str | None]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return who joined and who left, by folded nick, and who was renamed, by the old nick."""
    joined, left, renamed = dict[str, str](), dict[str, str](), dict[str, str]()
    for member, old in before.items():
        new = nick_of(member)
        if old == new:
            continue
        if old is not None and new is not None:
            renamed[old] = new
        elif new is not None:
            joined[fold(new)] = new
        elif old is not None:
            left[fold(old)] = old
    for folded in joined.keys() & left.keys():  # left and came back, by another socket
        old, new = left.pop(folded), joined.pop(folded)
        if old != new:
            renamed[old] = new
    return joined, left, renamed
