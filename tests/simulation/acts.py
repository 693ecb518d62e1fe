"""What one connection asks of the gate: to moderate, and for invites. Each has one answer.

They come in order. But what names a room that is being entered waits for that, and others need not.
"""

from tests.protocol.frames import Act, Error, Invite, Invited, Moderate, Moderated
from tests.simulation.step import expect
from tests.simulation.world import World

__all__ = ["Acts", "secret_of"]

_REFUSALS = ("bad_name", "bad_state", "forbidden", "rate_limited", "unavailable")


def secret_of(account: str, number: int) -> str:
    """Return the n-th invite of an account."""
    return f"{account}!{number}"


class Acts:
    """What is asked, and not answered yet."""

    def __init__(self, who: object, world: World) -> None:
        self.open: dict[str, Moderate | Invite] = {}  # by token, in the order in which they were asked
        self._who = who
        self._world = world
        self._waiting: set[str] = set()  # tokens of those that may wait for a room
        self._count = 0
        self._unasked = 0

    @property
    def in_order(self) -> list[str]:
        """The tokens of those after which everything waits."""
        return [token for token in self.open if token not in self._waiting]

    def moderate(self, act: Act, room: str | None, nick: str | None, *, waits: bool) -> Moderate:
        """Return a request to do something to a room that may be being entered, or to somebody."""
        frame = Moderate(act=act, room=room, nick=nick, token=self._token())
        self.open[frame.token or ""] = frame
        if waits:
            self._waiting.add(frame.token or "")
        return frame

    def invite(self, account: str | None) -> Invite:
        """Return a request for an invite."""
        frame = Invite(token=self._token())
        self.open[frame.token or ""] = frame
        self._world.invites[account] += 1
        return frame

    def moderated(self, frame: Moderated) -> None:
        """Judge an answer, or news of a mute."""
        if frame.token is None:
            expect(frame.act in ("mute", "lift") and frame.room is not None, self._who, "is told", frame)
            return
        asked = self._resolve(frame.token)
        expect(isinstance(asked, Moderate), self._who, "did not ask for", frame)
        assert isinstance(asked, Moderate)
        same = (asked.act, asked.room, asked.nick) == (frame.act, frame.room, frame.nick)
        expect(same, frame, "is not what was asked:", asked)
        self._world.saw(f"moderated: {frame.act}")

    def invited(self, frame: Invited, account: str | None) -> None:
        """Judge an answer, or news of another device."""
        expect(account is not None, self._who, "has no account, and gets", frame)
        if frame.token is None:
            self._unasked += 1
            self._world.saw("an invite of another device")
            most = 2 * self._world.invites[account]  # each may be answered twice
            expect(self._unasked <= most, self._who, "is told of more invites than were asked for")
            expect(frame == Invited(), self._who, "is shown what is not its own:", frame)
            return
        expect(isinstance(self._resolve(frame.token), Invite), self._who, "did not ask for", frame)
        own = (frame.invite or "").startswith(secret_of(account or "", 0)[:-1])
        expect(own, self._who, "is given an invite of somebody else:", frame)

    def refuse(self, error: Error) -> bool:
        """Take an error if it is the answer to a request; return whether it is."""
        if error.id not in self.open:
            return False
        expect(error.code in _REFUSALS, self._who, "asked the gate and got", error)
        self._resolve(error.id)
        return True

    def _resolve(self, token: str | None) -> Moderate | Invite:
        fair = token in self._waiting or self.in_order[:1] == [token]
        expect(fair, self._who, "is answered", token, "and asked before for", self.in_order)
        return self.open.pop(token or "")

    def _token(self) -> str:
        self._count += 1
        return f"a{self._count}"
