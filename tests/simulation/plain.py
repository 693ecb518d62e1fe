"""A plain client: it sees no numbers, only lines, and must make sense of them all the same."""

from typing import NamedTuple

from chatcore.names import LOBBY
from chatcore.server.session import Session
from chatcore.server.states import State
from tests.simulation.record import Log
from tests.simulation.step import expect
from tests.simulation.transport import Pipe
from tests.simulation.world import World

__all__ = ["PlainClient"]


_REFUSALS = ("rate_limited", "unavailable", "not_joined", "too_long", "bad_state")


class _Reading(NamedTuple):
    """One way to understand what was read so far: the next line is in this place of the record."""

    epoch: str
    at: int
    line: int = 0  # of a message with several
    gap: bool = False  # messages may be missing here


class PlainClient:
    """One connection, from its first byte to its end.

    Everybody else's lines must come in the order of the record, and none of its own. A line could
    stand in more than one life of the record, so every reading that is still possible is followed;
    when none is left, something was lost, repeated or made up.
    """

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.pipe = Pipe(name, self, world.random)
        self.said = 0
        self.refused = 0
        self.gone = False
        self.said_goodbye = False
        self.was_told_the_end = False
        self.let_in = False  # its hello was answered
        self.entered = False  # the lobby, once
        self.put_out = False
        self._seen_at_most: dict[str, int] = {}  # by epoch: the head when it was put out
        self._may_see_own = False
        self._world = world
        self._record = world.record
        self._rest = b""
        self._readings: list[_Reading] = []  # none before it has entered
        self.pipe.write(b"\r\n")  # from now on only newlines end a line, never a silence

    def __repr__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Whether there is somebody to talk to, as far as one can know."""
        return not (self.gone or self.said_goodbye or self.was_told_the_end)

    def watch(self, session: Session) -> None:
        """See what the server's side has become: the lines do not say it."""
        self.let_in = self.let_in or session.seat is not None
        member = session.members.get(LOBBY)
        if member is not None and not self.entered:
            self.entered = True
            epoch = member.room.epoch
            self._readings = [_Reading(epoch, self._record.log(LOBBY, epoch).index_after(member.position))]
        elif member is None and self.entered and session.state is State.LIVE:
            if not self.put_out:
                lives = self._record.lives.items()
                self._seen_at_most = {epoch: logs[LOBBY].told for epoch, logs in lives if LOBBY in logs}
            self.put_out = True

    def say(self, size: int) -> None:
        """Post a line."""
        self.said += 1
        self.command(f"{self.name}.{self.said}." + "x" * size)

    def command(self, line: str) -> None:
        """Send any line."""
        self.pipe.write(f"{line}\n".encode())

    def say_goodbye(self) -> None:
        """Say nothing more, and read on."""
        self.said_goodbye = self.pipe.client_ended = True

    def receive(self, data: bytes) -> None:
        """Take bytes from the server."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            expect(not self.was_told_the_end, self, "is told more after the end:", line)
            self._receive(line.decode())

    def ended(self, *, in_order: bool) -> None:
        """Learn that nothing more comes."""
        self.gone = True
        if in_order:
            expect(not self._rest, self, "was cut off in a line", self._rest)
            self.pipe.client_ended = True
            if self.said_goodbye and not self.was_told_the_end and self.let_in:
                self.judge_answered()

    def judge_answered(self) -> None:
        """Demand that every line was stored or refused."""
        logs = [logs[LOBBY] for logs in self._record.lives.values() if LOBBY in logs]
        stored = {message.text for log in logs for message in log.messages if self._is_own(message.text)}
        expect(len(stored) + self.refused >= self.said, self, "said", self.said, "and only", stored)

    def judge_through(self) -> None:
        """Demand that everything was read that there is to read."""
        through = any(self._is_through(reading) for reading in self._readings)
        expect(through or self.put_out or not self.entered, self, "has not read all:", self._readings)

    def _receive(self, line: str) -> None:
        if not line.startswith("* "):
            self._readings = [after for reading in self._readings if (after := self._follow(reading, line))]
            expect(bool(self._readings), self, "cannot make sense of", line)
        elif line.startswith(
            ("* messages are missing here (expired)", "* messages are missing here (damaged)")
        ):
            self._readings = [reading._replace(gap=True) for reading in self._readings]
        elif line.startswith("* messages are missing here (reset)"):
            lives = list(self._record.lives)
            first = min(lives.index(reading.epoch) for reading in self._readings)
            self._readings = [_Reading(epoch, 0) for epoch in lives[first + 1 :]]
            self._may_see_own = True  # all is shown again, whoever said it
        elif line.startswith("* the server ends this connection"):
            self.was_told_the_end = True
        elif any(f"({code})" in line for code in _REFUSALS):
            self.refused += 1

    def _follow(self, reading: _Reading, line: str) -> _Reading | None:
        log = self._record.log(LOBBY, reading.epoch)
        told = min(log.told, self._seen_at_most.get(reading.epoch, 0)) if self.put_out else log.told
        for index in range(reading.at, log.index_after(told)):
            message = log.messages[index]
            lines = [f"{message.nick}: {said}" for said in message.text.split("\n")]
            part = reading.line if index == reading.at else 0
            if line == lines[part]:
                self._may_see(message.text)
                more = part + 1 < len(lines)
                return reading._replace(at=index + (not more), line=part + 1 if more else 0, gap=False)
            if part or not self._may_lack(reading, log, index):
                return None
        return None

    def _is_through(self, reading: _Reading) -> bool:
        log = self._record.log(LOBBY, reading.epoch)
        rest = range(reading.at, len(log.messages))
        return reading.epoch == self._record.epoch and all(self._may_lack(reading, log, i) for i in rest)

    def _may_lack(self, reading: _Reading, log: Log, index: int) -> bool:
        message = log.messages[index]
        return self._is_own(message.text) or (
            reading.gap and (index < log.expired or message.seq in log.damaged)
        )

    def _may_see(self, text: str) -> None:
        # What was refused may have been stored all the same; then its sender learns it this way.
        may_see_own = self._may_see_own or self.refused > 0
        expect(may_see_own or not self._is_own(text), self, "gets its own line back:", text)

    def _is_own(self, text: str) -> bool:
        return text.startswith(f"{self.name}.")
