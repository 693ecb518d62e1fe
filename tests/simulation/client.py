"""A typed client: it asks, and it judges every frame that it gets."""

from collections import Counter

from chatcore.names import fold
from tests.protocol.codec import encode
from tests.protocol.frames import (
    Ack,
    ClientFrame,
    Closing,
    Error,
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
    Ping,
    Pong,
    Position,
    Post,
    Presence,
    RoomList,
    ServerFrame,
    Welcome,
    Who,
)
from tests.protocol.reader import FrameReader
from tests.simulation.law import Reader, Then, judge_page
from tests.simulation.roster import Roster
from tests.simulation.sender import Sender
from tests.simulation.step import expect
from tests.simulation.transport import Pipe
from tests.simulation.world import World

__all__ = ["Client"]


class Client:
    """One connection of a person, from hello to its end.

    Of the questions whose answers carry no token, at most one a room is open at any time, but that a
    room may be left while it is being joined.
    """

    def __init__(self, name: str, sender: Sender, world: World, before: "Client | None") -> None:
        self.name = name
        self.before = before  # the same person's last one
        self.sender = sender
        self.pipe = Pipe(name, self, world.random)
        self.nick = ""
        self._nicks_folded: set[str] = set()  # that it ever had
        self.readers: dict[str, Reader] = {}
        self.rosters: dict[str, Roster] = {}
        self.open: dict[str, list[Join | Leave | Who]] = {}  # by room: asked, not answered
        self.unresumed: set[str] = set()  # rooms in which old posts go before new ones
        self.must_reach: dict[str, tuple[str, int]] = {}  # what is owed before the end, by room
        self.gone = False  # nothing comes any more
        self.said_goodbye = False
        self.retry_at = 0.0
        self._world = world
        self._record = world.record
        self._limits = world.limits
        self._reader = FrameReader()
        self._asked: dict[str, tuple[Join, Then]] = {}  # by room: the last time it was joined
        self._histories: dict[str, tuple[History, Then]] = {}  # by token
        self._posts: Counter[str] = Counter()  # sent here and not answered here
        self._tokens = 0

    def __repr__(self) -> str:
        return self.name

    @property
    def welcome(self) -> Welcome | None:
        """What the server said when it let us in, if it has."""
        return self._reader.welcome

    @property
    def closing(self) -> Closing | None:
        """What the server said last, if it has."""
        return self._reader.closing

    @property
    def is_live(self) -> bool:
        """Whether there is somebody to talk to, as far as one can know."""
        return self.welcome is not None and self.closing is None and not self.gone and not self.said_goodbye

    @property
    def is_waiting(self) -> bool:
        """Whether it is not known yet if it is welcome."""
        return self.welcome is None and not self.gone

    @property
    def keeps_session(self) -> bool:
        """Whether the server must still know its secret: the socket is open, or broke not long ago."""
        if self.welcome is None or self.said_goodbye or self.closing:
            return False
        lost_at, patience = self.pipe.lost_at, self._limits.session_seconds
        return lost_at is None or self._world.now < lost_at + patience

    def judge_answered(self) -> None:
        """Demand that every question has its answer."""
        expect(not any(self.open.values()), self, "got no answer to", self.open)
        expect(not self._histories, self, "got no answer to", self._histories)
        expect(not self._posts, self, "got no answer to", self._posts)

    # --- asking ----------------------------------------------------------------------------------

    def hello(self, nick: str, secret: str | None) -> None:
        """Open the session."""
        self._send(Hello(protocol=1, nick=nick, session=secret))

    def join(self, room: str, after: Position | None, history: int | None) -> None:
        """Enter a room."""
        join = Join(room=room, after=after, history=history)
        self._asked[room] = join, Then.of(self._record, room)
        self.unresumed.add(room)
        self._ask(join)

    def leave(self, room: str) -> None:
        """Leave a room."""
        self._ask(Leave(room=room))

    def who(self, room: str, after: str | None = None) -> None:
        """Ask who is there."""
        self.rosters[room].asked(after)
        self._ask(Who(room=room, after=after))

    def history(self, room: str, before: int | None, after: int | None, limit: int | None) -> None:
        """Ask for a page."""
        self._tokens += 1
        token = f"t{self._tokens}"
        frame = History(room=room, before=before, after=after, limit=limit, token=token)
        self._histories[token] = frame, Then.of(self._record, room)
        self._send(frame)

    def post(self, room: str, id_: str, text: str) -> None:
        """Say something."""
        self._posts[id_] += 1
        self._send(Post(room=room, id=id_, text=text))

    def resume(self, room: str) -> None:
        """Send again what has no answer. To be done before anything new is said in a room."""
        self.unresumed.discard(room)
        for id_, text in self.sender.again(room, self.name):
            self.post(room, id_, text)

    def is_waiting_for(self, id_: str) -> bool:
        """Tell whether a post is on its way, though an older connection may have had its answer."""
        return self._posts[id_] > 0

    def is_waiting_for_posts(self, room: str) -> bool:
        """Tell whether posts to a room are on their way."""
        return any(self.sender.room_of(id_) == room for id_ in self._posts)

    def rename(self, nick: str) -> None:
        """Ask for another nick."""
        self._send(NickFrame(nick=nick))

    def say_goodbye(self) -> None:
        """Ask for nothing more, and read on."""
        self.said_goodbye = self.pipe.client_ended = True

    def may_ask(self, room: str, *, leave: bool = False) -> bool:
        """Tell whether the answer to one more question in this room could be told from others."""
        waiting = self.open.get(room, [])
        alone = self._limits.frames_per_second is None  # else it could be the one that was too many
        return not waiting or (leave and alone and len(waiting) == 1 and isinstance(waiting[0], Join))

    def _ask(self, frame: Join | Leave | Who) -> None:
        self.open.setdefault(frame.room, []).append(frame)
        self._send(frame)

    def _send(self, frame: ClientFrame) -> None:
        self._reader.note_sent(frame)
        self.pipe.write(encode(frame))

    # --- being told ------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the server."""
        for frame in self._reader.receive_data(data):
            self._receive(frame)

    def ended(self, *, in_order: bool) -> None:
        """Learn that nothing more comes."""
        self.gone = True
        self.sender.forget(self.name)
        if in_order:
            self.pipe.client_ended = True
            if self.said_goodbye and self.welcome and not self.closing:
                self.judge_answered()

    def _receive(self, frame: ServerFrame) -> None:
        match frame:
            case Message():
                self.readers[frame.room].message(frame)
            case Gap():
                self.readers[frame.room].gap(frame)
            case Presence():
                self.rosters[frame.room].presence(frame)
            case Joined():
                self._joined(frame)
            case Left():
                self._left(frame)
            case Members():
                self._members(frame)
            case Page():
                self._page(frame)
            case Ack():
                self._answered(frame.id)
                self.sender.ack(frame, self.name)
            case Error():
                self._error(frame)
            case Welcome():
                self._welcome(frame)
            case NickFrame():
                self._named(frame.nick)
            case Ping() if not self.said_goodbye:
                self._send(Pong(token=frame.token))
            case Closing():
                self._closing(frame)
            case Ping() | Pong() | RoomList():
                pass

    def _welcome(self, frame: Welcome) -> None:
        self._named(frame.nick)
        if self.before and self.before.welcome and self.before.keeps_session:
            expect(frame.session == self.before.welcome.session, self, "lost the session of", self.before)

    def _named(self, nick: str) -> None:
        self.nick = nick
        self._nicks_folded.add(fold(nick))

    def _joined(self, frame: Joined) -> None:
        asked = None  # it is told that a new life began
        if frame.room not in self.readers:
            expect(self._resolve(frame.room, Join) is not None, self, "did not ask for", frame)
            asked = self._asked[frame.room]
            self.rosters[frame.room] = Roster()
        self.readers[frame.room] = Reader(self._record, frame, asked, self._limits.page_messages)

    def _left(self, frame: Left) -> None:
        expect(self._resolve(frame.room, Leave) is not None, self, "did not ask for", frame)
        self._resolve(frame.room, Join)  # it was left before it could be entered
        self.readers.pop(frame.room, None)

    def _members(self, frame: Members) -> None:
        asked = self._resolve(frame.room, Who)
        expect(asked is not None, self, "did not ask for", frame)
        expect(frame.room in self.readers, self, "is not in the room of", frame)
        if not frame.more and isinstance(asked, Who) and asked.after is None:
            expect(any(fold(nick) in self._nicks_folded for nick in frame.nicks), self, "is not in", frame)
        if (after := self.rosters[frame.room].members(frame)) and not self.said_goodbye:
            self.who(frame.room, after)

    def _page(self, page: Page) -> None:
        expect(page.token in self._histories, self, "did not ask for", page)
        asked, then = self._histories.pop(page.token or "")
        judge_page(self._record, page, asked, then, self._limits.page_messages)

    def _error(self, error: Error) -> None:
        expect(error.code not in ("bad_frame", "bad_text", "unknown_type"), self, "is told", error)
        if error.retry_after is not None:
            self.retry_at = self._world.now + error.retry_after
        if error.id is not None and self.sender.knows(error.id):
            self._answered(error.id)
            self.sender.error(error, self.name)
        elif error.id is not None:
            expect(self._histories.pop(error.id, None) is not None, self, "did not ask for", error)
        elif error.room is not None:
            self._refused(error.room, error)

    def _refused(self, room: str, error: Error) -> None:
        waiting = self.open.get(room, [])
        kinds = (Leave, Who) if error.code == "not_joined" else (Join, Leave, Who)
        resolved = any(self._resolve(room, kind) is not None for kind in kinds)
        expect(resolved, self, "asked", waiting, "and got", error)

    def _answered(self, id_: str) -> None:
        expect(self._posts[id_] > 0, self, "has its answer already for", id_)
        self._posts.subtract([id_])
        self._posts = +self._posts  # without those that are at zero

    def _resolve(self, room: str, kind: type[Join] | type[Leave] | type[Who]) -> Join | Leave | Who | None:
        """Take out the open question of a kind, if there is one."""
        waiting = self.open.get(room, [])
        found = next((frame for frame in waiting if isinstance(frame, kind)), None)
        if found is not None:
            waiting.remove(found)
        return found

    def _closing(self, frame: Closing) -> None:
        if frame.reason == "drain":
            for room, (epoch, seq) in self.must_reach.items():
                if reader := self.readers.get(room):
                    expect(reader.has_read(epoch, seq), reader, "was cut off before", seq)
