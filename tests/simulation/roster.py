"""Who is in a room, as one member can know it from presence and answers to `who`."""

from chatcore.names import fold
from tests.protocol.frames import Members, Presence
from tests.simulation.step import expect

__all__ = ["Roster"]


class Roster:
    """Nicks, folded. It is ``sure`` once all were listed and nothing has been left out since."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.nicks_folded: set[str] = set()
        self.sure = False
        self._missed = False  # names were left out since the first answer of this round

    def asked(self, after: str | None) -> None:
        """Note that the answer to a `who` is on its way; without ``after`` it begins a new round."""
        if after is None:
            self.sure = self._missed = False
            self.nicks_folded.clear()

    def members(self, members: Members) -> str | None:
        """Take an answer; return the nick after which to ask for the rest."""
        self.count = members.count
        self.nicks_folded.update(map(fold, members.nicks))
        if members.more:
            return members.nicks[-1]
        self.sure = not self._missed
        return None

    def presence(self, presence: Presence) -> None:
        """Apply a change, as sets: first remove who left, then add who joined."""
        self.count = presence.count
        left = [*presence.left, *(renamed.old for renamed in presence.renamed)]
        joined = [*presence.joined, *(renamed.new for renamed in presence.renamed)]
        self.nicks_folded.difference_update(map(fold, left))
        self.nicks_folded.update(map(fold, joined))
        if presence.more:
            self.sure = False
            self._missed = True

    def judge(self, who: object, nicks: set[str]) -> None:
        """Check that it is who is there."""
        expect(self.nicks_folded == set(map(fold, nicks)), who, "takes", self.nicks_folded, "for", nicks)
        expect(self.count == len(nicks), who, "was told of", self.count, "and not", nicks)
