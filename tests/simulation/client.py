"""A typed client: it asks, and it judges every frame that it gets."""

from collections import Counter
from dataclasses import replace

from tests.protocol.codec import encode
from tests.protocol.frames import (
    Ack,
    Act,
    ClientFrame,
    Closing,
    Error,
    Found,
    Gap,
    Hello,
    History,
    Invited,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    Moderated,
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
from tests.simulation.acts import Acts
from tests.simulation.law import Reader
from tests.simulation.memberships import Memberships
from tests.simulation.naming import Naming, Wishes
from tests.simulation.pings import Pings
from tests.simulation.questions import Bounds, Questions
from tests.simulation.roster import Roster
from tests.simulation.sender import Sender
from tests.simulation.step import expect
from tests.simulation.transport import Pipe
from tests.simulation.world import World

__all__ = ["Client"]


class Client:
    """One connection of a person, from hello to its end."""

    def __init__(
        self, name: str, sender: Sender, world: World, wishes: Wishes, before: "Client | None"
    ) -> None:
        self.name = name
        self.before = before  # the same person's last one
        self.sender = sender
        self.pipe = Pipe(name, self, world.random)
        self.naming = Naming(self, wishes, world)
        self.acts = Acts(self, world)
        self.pings = Pings(self, self.naming, self.acts)
        self.questions = Questions(self, world)
        self.memberships = Memberships(self, self.naming, world, self.pipe, self._send)
        self.refused: Error | None = None  # why it was not let in
        self.unresumed: set[str] = set()  # rooms in which old posts go before new ones
        self.must_reach: dict[str, tuple[str, int]] = {}  # what is owed before the end, by room
        self.gone = False  # nothing comes any more
        self.was_dismissed = False  # it said goodbye, and the server ended the stream because of that
        self.said_goodbye = False
        self.retry_at = 0.0
        self._world = world
        self._reader = FrameReader()
        self._posts: Counter[str] = Counter()  # sent here and not answered here
        self._sent_at: dict[str, int] = {}  # by id: the step in which a post was sent last
        self._hello: Hello | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def nick(self) -> str:
        """What it believes to be called."""
        return self.naming.nick

    @property
    def account(self) -> str | None:
        """The account of the key that it has shown."""
        return self.memberships.account

    @property
    def has_good_key(self) -> bool:
        """Whether the key that it has shown, if any, was not revoked."""
        return self._hello is None or self._hello.key not in self._world.bad_keys

    @property
    def readers(self) -> dict[str, Reader]:
        """What it reads, by room."""
        return self.memberships.readers

    @property
    def rosters(self) -> dict[str, Roster]:
        """Who is there, by room."""
        return self.memberships.rosters

    @property
    def open(self) -> dict[str, list[Join | Leave | Who]]:
        """What it has asked without a token, by room."""
        return self.memberships.open

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
        lost_at, patience = self.pipe.lost_at, self._world.limits.session_seconds
        return lost_at is None or self._world.now < lost_at + patience

    def judge_answered(self) -> None:
        """Demand that every question has its answer."""
        asked = (self.naming.open, self.acts.open, self.pings.open, self.questions.open, self._posts)
        expect(not any((*self.open.values(), *asked)), self, "got no answer to", self.open, asked)

    # --- asking ----------------------------------------------------------------------------------

    def hello(self, hello: Hello, account: str | None) -> None:
        """Open the session, with a key of an account or without."""
        self._hello = hello
        self.memberships.show(account)
        self._send(hello)

    def join(self, room: str, after: Position | None, history: int | None) -> None:
        """Enter a room."""
        self.unresumed.add(room)
        self.memberships.join(room, after, history)

    def history(self, room: str, bounds: Bounds, limit: int | None) -> None:
        """Ask for a page."""
        self._send(self.questions.history(room, bounds, limit))

    def search(self, query: str, room: str | None, limit: int | None) -> None:
        """Search, or go on with a search."""
        hunt = self.questions.hunt
        if hunt is not None:
            self._send(self.questions.go_on(hunt))
        else:
            self._send(self.questions.search(query, room, limit, self.readers))

    def rooms(self, after: str | None, prefix: str | None, limit: int | None) -> None:
        """Ask which rooms there are."""
        self._send(self.questions.rooms(after, prefix, limit))

    def post(self, room: str, id_: str, text: str) -> None:
        """Say something."""
        self._posts[id_] += 1
        self._sent_at[id_] = self._world.table.step
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
        self._send(self.naming.ask(nick))

    def moderate(self, act: Act, room: str | None, nick: str | None) -> None:
        """Ask to do something to a room, or to somebody."""
        waits = room is not None and self.memberships.is_joining(room)
        self._send(self.acts.moderate(act, room, nick, waits=waits))

    def invite(self) -> None:
        """Ask for an invite for one more device."""
        self._send(self.acts.invite(self.account))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._send(self.pings.ask())

    def say_goodbye(self) -> None:
        """Ask for nothing more, and read on."""
        self.said_goodbye = self.pipe.client_ended = True

    def _send(self, frame: ClientFrame) -> None:
        if isinstance(frame, Join | Leave | Post | Who | History) and self._world.random.random() < 0.1:
            frame = replace(frame, room=frame.room.capitalize())  # the same room in another spelling
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
                early = self.memberships.early
                expect(not early, self, "said goodbye, and its joins were not waited for:", early)
                self.was_dismissed = True
            answered = self.welcome or self.refused or self.closing
            expect(answered is not None, self, "said hello and got no answer")

    def _receive(self, frame: ServerFrame) -> None:
        match frame:
            case Message():
                self._judge_shown(frame)
                self.readers[frame.room].message(frame)
            case Gap():
                self.readers[frame.room].gap(frame)
            case Presence():
                expect(frame.room in self.readers, self, "is not in the room of", frame)
                self.rosters[frame.room].presence(frame)
            case Joined():
                self.memberships.joined(frame)
            case Left():
                self.memberships.left(frame)
            case Members():
                self._members(frame)
            case Page():
                self._page(frame)
            case RoomList():
                self.questions.room_list(frame, self.account)
            case Ack():
                self._answered(frame.id)
                self.sender.ack(frame, self.name)
            case Error():
                self._error(frame)
            case Welcome():
                self._welcome(frame)
            case NickFrame():
                self.naming.receive(frame)
            case Ping() if not self.said_goodbye:
                self._send(Pong(token=frame.token))
            case Pong():
                self.pings.answer(frame.token, welcome=self.welcome is not None)
            case Closing():
                self._closing(frame)
            case Moderated():
                self.acts.moderated(frame)
            case Invited():
                self.acts.invited(frame, self.account)
            case Found():
                self._found(frame)
            case Ping():
                pass

    def _welcome(self, frame: Welcome) -> None:
        expect(self.refused is None, self, "was refused, and then let in")
        expect(frame.account == self.account, self, "is let in as", frame.account, "and not", self.account)
        self.naming.begin(frame.nick, frame.session)
        self._world.secrets.append(frame.session)
        before, shown = self.before, self._hello and self._hello.session
        if before and before.welcome and before.keeps_session and before.account == self.account:
            fair = shown == before.welcome.session and shown not in self._world.stolen
            expect(not fair or frame.session == shown, self, "lost the session of", before)

    def _page(self, page: Page) -> None:
        reader = self.readers.get(page.room)
        fits = reader is None or reader.epoch == page.epoch
        expect(fits, self, "reads", reader, "and gets a page of another epoch:", page)
        inside = reader is not None or self.memberships.is_joining(page.room)
        expect(inside, self, "is not in the room of", page)
        for message in page.messages:
            self._judge_shown(message)
        self.questions.page(page, self.account)

    def _found(self, found: Found) -> None:
        for message in found.messages:
            inside = message.room in self.readers or self.memberships.is_joining(message.room)
            expect(inside, self, "is not in the room of", message)
            self._judge_shown(message)
        self.questions.found(found, self.account, self.readers)

    def _judge_shown(self, message: Message) -> None:
        """Check that somebody who gets a message has been allowed in its room since it was stored."""
        stored_at = self._world.stored_at[message.id]
        out = self._world.table.was_out(self.account, message.room, stored_at)
        expect(not out, self, "was not allowed in the room since before it was stored, and gets", message)

    def _members(self, frame: Members) -> None:
        if (after := self.memberships.members(frame)) and not self.said_goodbye:
            self.memberships.who(frame.room, after)

    def _error(self, error: Error) -> None:
        expect(error.code not in ("bad_frame", "bad_text", "unknown_type"), self, "is told", error)
        if error.retry_after is not None and error.code != "limit_exceeded":  # it joins other rooms
            self.retry_at = self._world.now + error.retry_after
        self._world.saw(f"an error: {error.code}")
        if error.message.endswith("in time"):
            self._world.saw("an answer that was too late")
        if self.welcome is None:
            expect(self.refused is None, self, "is refused twice:", self.refused, error)
            self.refused = error
        elif self.naming.refuse(error) or self.acts.refuse(error):
            pass
        elif self.pings.has(error.id):
            self.pings.answer(error.id, welcome=True)
        elif error.id is not None and self.sender.knows(error.id):
            self._answered(error.id)
            self._judge_mute(error, error.id)
            self.sender.error(error, self.name)
        elif error.id is not None:
            expect(self.questions.refuse(error), self, "did not ask for", error)
        elif error.room is not None:
            self.memberships.refuse(error.room, error)

    def _judge_mute(self, error: Error, id_: str) -> None:
        """Check that a post that is refused for good is one of somebody who was muted."""
        if error.code == "forbidden":
            self._world.saw("a post of somebody who is muted")
            expect(error.retry_after is None, self, "is muted, and told to wait:", error)
            room = self.sender.room_of(id_)
            muted = self._world.table.was_ever_muted(self.account, room, self._sent_at[id_])
            expect(muted, self, "was not muted in", room, "and gets", error)

    def _answered(self, id_: str) -> None:
        expect(self._posts[id_] > 0, self, "has its answer already for", id_)
        self._posts.subtract([id_])
        self._posts = +self._posts  # without those that are at zero

    def _closing(self, frame: Closing) -> None:
        self._world.saw(f"closing: {frame.reason}")
        if frame.reason == "revoked" and self.account is not None:
            expect(not self.has_good_key, self, "is put out, and its key is good")
        if frame.reason == "drain":
            for room, (epoch, seq) in self.must_reach.items():
                if reader := self.readers.get(room):
                    expect(reader.has_read(epoch, seq), reader, "was cut off before", seq)
