"""What one connection knows of its own nick, and what may be told of it unasked."""

from dataclasses import dataclass, field

from chatcore.names import fold
from tests.protocol.frames import Error, NickFrame
from tests.simulation.step import expect
from tests.simulation.world import World

__all__ = ["Naming", "Wishes"]

_REFUSALS = (
    "bad_name",
    "bad_state",
    "forbidden",
    "limit_exceeded",
    "nick_taken",
    "rate_limited",
    "unavailable",
)


@dataclass
class Wishes:
    """The nicks that the connections of one person, or of one account, have asked for, and their secrets."""

    nicks: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    given: set[str] = field(default_factory=set)  # nicks that any of them was let in with

    @property
    def folded(self) -> set[str]:
        """Return what any of them may be called by now, or may have been."""
        return set(map(fold, (*self.nicks, *self.given)))


class Naming:
    """The nick of one connection.

    Each request has one answer, which repeats its token. A nick that comes unasked was asked for by another
    connection of the same identity, or by this one, which was refused for want of an answer.
    """

    def __init__(self, who: object, wishes: Wishes, world: World) -> None:
        self.nick = ""
        self.open: dict[str, str] = {}  # nicks that are asked for, by token
        self.wishes = wishes
        self._secret = ""
        self._who = who
        self._world = world
        self._unasked = 0

    def ask(self, nick: str) -> NickFrame:
        """Return a request for a nick."""
        self.wishes.nicks.append(nick)
        token = f"n{len(self.wishes.nicks)}"
        self.open[token] = nick
        return NickFrame(nick=nick, token=token)

    def begin(self, nick: str, secret: str) -> None:
        """Learn the first nick."""
        self.nick, self._secret = nick, secret
        self.wishes.given.add(nick)
        self.wishes.secrets.append(secret)

    def receive(self, frame: NickFrame) -> None:
        """Judge an answer, or news."""
        if frame.token is not None:
            expect(frame.token in self.open, self._who, "did not ask for", frame)
            expect(self.open.pop(frame.token) == frame.nick, self._who, "asked for another nick than", frame)
        else:
            self._unasked += 1
            self._world.saw("an unasked nick")
            # Whoever shows a stolen secret gets what its owner has asked for.
            known = frame.nick in self.wishes.nicks or self._secret in self._world.stolen
            expect(known, self._who, "is called", frame, "and nobody asked for that:", self.wishes)
            most = 2 * len(self.wishes.nicks)  # an answer that comes late may come twice
            often = self._unasked > most and self._secret not in self._world.stolen
            expect(not often, self._who, "is told too often", frame)
        self.nick = frame.nick

    def refuse(self, error: Error) -> bool:
        """Take an error if it is the answer to a request; return whether it is."""
        if error.id not in self.open:
            return False
        expect(error.code in _REFUSALS, self._who, "asked for a nick and got", error)
        del self.open[error.id]
        return True

    def may_be(self, nicks: tuple[str, ...]) -> bool:
        """Tell whether one of these nicks may be its own."""
        mine = {fold(self.nick)} | self.wishes.folded
        return any(fold(nick) in mine for nick in nicks)
