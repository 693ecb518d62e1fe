"""The pings of one connection: they are answered in their order, and never before what they must wait for."""

from typing import NamedTuple

from tests.protocol.frames import Ping
from tests.simulation.acts import Acts
from tests.simulation.naming import Naming
from tests.simulation.step import expect

__all__ = ["Pings"]


class _Sent(NamedTuple):
    token: str
    waits_for: tuple[str, ...]  # tokens of what was asked alone before it, and not answered


class Pings:
    """What has been asked, and is not answered yet."""

    def __init__(self, who: object, naming: Naming, acts: Acts) -> None:
        self.open: list[_Sent] = []
        self._who = who
        self._naming = naming
        self._acts = acts
        self._count = 0

    def ask(self) -> Ping:
        """Return a ping."""
        self._count += 1
        sent = _Sent(f"p{self._count}", (*self._naming.open, *self._acts.in_order))
        self.open.append(sent)
        return Ping(token=sent.token)

    def answer(self, token: str | None, *, welcome: bool) -> None:
        """Judge an answer, or a refusal."""
        expect(bool(self.open), self._who, "did not ask for a pong", token)
        sent = self.open.pop(0)
        expect(token == sent.token, self._who, "is answered", token, "before", sent.token)
        expect(welcome, self._who, "is answered", token, "before it was let in")
        waiting = (self._naming.open.keys() | self._acts.open.keys()) & set(sent.waits_for)
        expect(not waiting, self._who, "is answered", token, "before what was asked earlier:", waiting)

    def has(self, token: str | None) -> bool:
        """Tell whether a token is that of a ping."""
        return any(sent.token == token for sent in self.open)
