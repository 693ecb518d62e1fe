"""People, and their connections: what each has asked, when, and what it was told."""

from chatcore.names import fold
from chatcore.server.states import State
from tests.protocol.frames import (
    Ack,
    ClientFrame,
    Closing,
    Error,
    Frame,
    Gap,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    NickFrame,
    Page,
    Position,
    Post,
    Presence,
    RoomList,
    Rooms,
    Welcome,
    Who,
)
from tests.simulation.roster import Roster
from tests.simulation.sender import Sender
from tests.simulation.shared.judge import Judge
from tests.simulation.shared.node import Node
from tests.simulation.step import expect

__all__ = ["Guest", "Person"]


class Person:
    """Somebody, with an account or without, who remembers what a good client remembers."""

    def __init__(self, name: str, nick: str, judge: Judge, account: str | None, key: str | None) -> None:
        self.name = name
        self.nick = nick
        self.account = account
        self.key = key
        self.secret: str | None = None  # of the last welcome
        self.sender = Sender(name, judge.ledger)
        self.read: dict[str, Position] = {}  # how far, by room
        self.guests: list[Guest] = []  # those that are connected
        self.judge = judge
        self.came = 0  # how often

    def __repr__(self) -> str:
        return self.name

    @property
    def guest(self) -> "Guest | None":
        """The connection of now, if it was let in."""
        return self.guests[-1] if self.guests and self.guests[-1].is_live else None

    def come(self, node: Node, nick: str, secret: str | None) -> "Guest":
        """Connect to a node, perhaps while another connection is open."""
        self.came += 1
        guest = Guest(self.came, self, node)
        self.guests.append(guest)
        guest.hello(nick, secret)
        return guest


class Guest:
    """One connection of a person to a node."""

    def __init__(self, number: int, person: Person, node: Node) -> None:
        self.number = number
        self.name = f"{person.name}/{number}"
        self.person = person
        self.node = node
        self.peer = node.connect()
        self.nick = ""
        self.secret = ""
        self.shown: Hello | None = None
        self.rooms: dict[str, Roster] = {}
        self.open: dict[tuple[str, str], float] = {}  # when what has no answer was asked, by kind and key
        self.refusal: Error | None = None  # of the hello
        self.said_goodbye = False
        self.listed: RoomList | None = None  # the last list of rooms
        self._unresumed: set[str] = set()  # rooms in which old posts go before new ones
        self._kicks: dict[str, int] = {}  # by room: how many kicks there were when it was joined
        self._after: dict[str, Position | None] = {}  # where it was joined
        self._tokens = 0
        self._is_closing = False  # the server has said its last word
        self._over = False

    def __repr__(self) -> str:
        return f"{self.name} on {self.node}"

    @property
    def is_live(self) -> bool:
        """Whether it was let in, and nothing has ended it."""
        return bool(self.nick) and not self.is_over and not self.said_goodbye

    @property
    def is_served(self) -> bool:
        """Whether the node does what it asks for: one that ends only gets its last answers."""
        return self.is_live and self.peer.session.state is State.LIVE

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more."""
        return self._over or self.peer.closed

    @property
    def account(self) -> str | None:
        """Whose key it has shown."""
        return self.person.account

    # --- what it asks ----------------------------------------------------------------------------

    def hello(self, nick: str, secret: str | None) -> None:
        """Ask to be let in."""
        self.shown = Hello(protocol=1, nick=nick, session=secret, key=self.person.key)
        self._ask("hello", "", self.shown)

    def join(self, room: str) -> None:
        """Enter a room, after what was read of it on any node."""
        self._unresumed.add(room)
        self._kicks[room] = len(self.person.judge.kicks)
        self._after[room] = self.person.read.get(room)
        self._ask("join", room, Join(room=room, after=self._after[room]))

    def leave(self, room: str) -> None:
        """Leave a room."""
        self._ask("leave", room, Leave(room=room))

    def who(self, room: str, after: str | None = None) -> None:
        """Ask who is in a room, from the start or after a nick."""
        self.rooms[room].asked(after)
        self._ask("who", room, Who(room=room, after=after))

    def rename(self, nick: str) -> None:
        """Ask for another nick."""
        self._ask("nick", token := self._token(), NickFrame(nick=nick, token=token))

    def history(self, room: str) -> None:
        """Ask for the latest messages."""
        self._ask("page", token := self._token(), History(room=room, token=token))

    def list_rooms(self) -> None:
        """Ask which rooms there are."""
        self._ask("rooms", token := self._token(), Rooms(token=token))

    def post(self, room: str) -> None:
        """Say something new, or first what was not acknowledged."""
        if self._unanswered(room):
            pass  # whoever is careful waits
        elif room in self._unresumed or self.person.sender.must_repeat(room):
            self.resume(room)
        else:
            self._post(room, *self.person.sender.new(room, self.name, 5, 1))

    def resume(self, room: str) -> None:
        """Send again what was not acknowledged, in its order."""
        self._unresumed.discard(room)
        for id_, text in self.person.sender.again(room, self.name):
            self._post(room, id_, text)

    def has_to_resume(self, room: str) -> bool:
        """Tell whether something is to be sent again now."""
        sender = self.person.sender
        return not sender.is_done(room) and not self._unanswered(room)

    def lose(self) -> None:
        """Break the connection."""
        self.peer.lose()

    def say_goodbye(self) -> None:
        """Ask for nothing more."""
        self.said_goodbye = True
        self.peer.eof()

    def is_asking(self, kind: str, key: str = "") -> bool:
        """Tell whether a question has no answer yet."""
        return (kind, key) in self.open

    def _unanswered(self, room: str) -> bool:
        sender = self.person.sender
        return any(kind == "post" and sender.room_of(key) == room for kind, key in self.open)

    def _post(self, room: str, id_: str, text: str) -> None:
        self._ask("post", id_, Post(room=room, id=id_, text=text))

    def _ask(self, kind: str, key: str, frame: ClientFrame) -> None:
        expect((kind, key) not in self.open, self, "asks twice for", kind, key)
        self.open[kind, key] = self.node.clock.now
        self.peer.send(frame)

    def _token(self) -> str:
        self._tokens += 1
        return f"{self.name}.{self._tokens}"

    # --- what it is told -------------------------------------------------------------------------

    def take(self) -> bool:
        """Take what has come; return whether there was anything."""
        frames = self.peer.take()
        for frame in frames:
            self._receive(frame)
        if self._is_closing and not self.peer.closed:
            self.peer.lose()
        if self.peer.closed and not self._over:
            self.end()
        return bool(frames)

    def end(self) -> None:
        """Note that nothing comes any more."""
        self._over = True
        self.open.clear()
        self.person.sender.forget(self.name)
        self.person.guests.remove(self)
        self.person.judge.ended(self)

    def _receive(self, frame: Frame) -> None:
        judge = self.person.judge
        match frame:
            case Welcome():
                self._answered("hello", "")
                self.nick, self.secret = frame.nick, frame.session
                judge.let_in(self)
                self.person.secret = frame.session
            case NickFrame():
                if frame.token is not None:
                    self._answered("nick", frame.token)
                self.nick = frame.nick
                judge.called(self)
            case Joined():
                self._joined(frame)
            case Left():
                self._left(frame)
            case Members():
                self._answered("who", frame.room)
                if (more := self.rooms[frame.room].members(frame)) is not None:
                    self.who(frame.room, more)
            case Presence():
                self.rooms[frame.room].presence(frame)
            case Message():
                judge.shown(self, frame)
                self._read(frame.room, judge.ledger.epoch, frame.seq)
            case Gap():
                removed = (None, frame.room) in judge.kicks and frame.reason == "expired"
                expect(removed, self, "misses something:", frame)
                self._read(frame.room, judge.ledger.epoch, frame.through)
            case Ack():
                self._answered("post", frame.id)
                self.person.sender.ack(frame, self.name)
            case Page() | RoomList():
                self._answered("page" if isinstance(frame, Page) else "rooms", frame.token or "")
                self.listed = frame if isinstance(frame, RoomList) else self.listed
            case Error():
                self._refused(frame)
            case Closing():
                judge.seen[f"closed: {frame.reason}"] += 1
                judge.closed(self, frame)
                self._is_closing = True
            case _:
                pass

    def _joined(self, frame: Joined) -> None:
        self._answered("join", frame.room)
        after = self._after[frame.room]
        expect(after is None or frame.after == after.seq, self, "is not put after", after, "but", frame)
        self._read(frame.room, frame.epoch, frame.after)
        self.rooms[frame.room] = Roster(frame.count)
        self.who(frame.room)

    def _read(self, room: str, epoch: str, seq: int) -> None:
        """Note how far a room was read, maybe less far than by another connection."""
        before = self.person.read.get(room)
        if before is None or seq > before.seq:
            self.person.read[room] = Position(epoch=epoch, seq=seq)

    def _left(self, frame: Left) -> None:
        if frame.reason == "expelled":
            self.person.judge.put_out(self, frame.room, self._kicks[frame.room])
            if frame.room not in self.rooms:  # in place of the answer
                self._answered("join", frame.room)
        else:
            self._answered("leave", frame.room)
        self.rooms.pop(frame.room, None)

    def _refused(self, error: Error) -> None:
        self.person.judge.seen[f"refused: {error.code}"] += 1
        if ("hello", "") in self.open:
            self._answered("hello", "")
            self.refusal = error
            self.person.judge.refused(self, error)
        elif error.id is not None and self.person.sender.knows(error.id):
            self._answered("post", error.id)
            self.person.sender.error(error, self.name)
        elif error.code == "forbidden" and error.id is error.room is None:
            expect(self.account is not None, self, "may not be here, and nobody wanted that:", error)
        elif error.id is not None:
            kind = next((kind for kind, key in self.open if key == error.id), "")
            self._answered(kind, error.id)
            self.person.judge.seen[f"a {kind} refused: {error.code}"] += 1
        else:
            room = fold(error.room or "")
            kind = next((kind for kind in ("join", "leave", "who") if (kind, room) in self.open), "")
            self._answered(kind, room)
            self.person.judge.seen[f"a {kind} refused: {error.code}"] += 1

    def _answered(self, kind: str, key: str) -> None:
        expect((kind, key) in self.open, self, "is answered, and did not ask:", kind, key)
        del self.open[kind, key]
