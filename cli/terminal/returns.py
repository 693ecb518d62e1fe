"""Coming back to a room that we were in when the client ran last.

What was missed is held until all of it is there: only then can a line above it say how many messages there
are, and how many of them mention us. A server sends the newest only, and a gap for what comes before.
"""

from collections.abc import Iterable

from chatcore import Gap, Joined
from cli.state.remembered import Mention, RoomMark

__all__ = ["Return"]


class Return:
    """What was missed in a room until we came back.

    ``others`` is how many others are there now.
    """

    def __init__(self, mark: RoomMark, joined: Joined, mentions: Iterable[Mention] = ()) -> None:
        self.mark = mark
        self.others = joined.count - 1
        self._mentions = {mention.seq for mention in mentions if mention.epoch == joined.epoch}
        self._hidden = set[int]()  # of the mentions
        self._uncounted = False

    def skip(self, gap: Gap) -> None:
        """Note messages that were missed and are not shown."""
        self._uncounted |= gap.count is None
        self._hidden |= {seq for seq in self._mentions if gap.after < seq <= gap.through}

    def summary(self, unread: int, mentions: int, since: str, *, muted: bool = False) -> str:
        """Return what was missed, in words; empty if it is nothing. ``mentions`` are those that are shown.

        In a room that is ``muted``, only mentions were missed.
        """
        if not unread and not self._uncounted:
            return ""
        mentions += len(self._hidden)
        if muted:
            return f"{mentions:,} mention{'s' if mentions == 1 else ''} you" if mentions else ""
        mention = "" if not mentions else f", {mentions:,} mention{'s' if mentions == 1 else ''} you"
        return f"{'more than ' if self._uncounted else ''}{unread:,} new since {since}{mention}"
