"""A client of the tests' own, which posts without end and outlives its server.

It is a `TypedPeer`, in a browser or not, that reconnects, and keeps the sender's half of exactly once:
whatever is not acknowledged is sent again, first to last, before anything new; after a refusal nothing is
sent until all that is on the way is answered.
"""

import threading
from collections import deque
from collections.abc import Callable

from tests.faults.history import Connected, Finished, History, Received, Sent
from tests.protocol.frames import (
    Ack,
    ClientFrame,
    Error,
    Gap,
    Hello,
    Join,
    Joined,
    Message,
    Ping,
    Pong,
    Position,
    Post,
    ServerFrame,
    Welcome,
)
from tests.transports.peers import DEADLINE, TypedPeer

__all__ = ["Talker", "Talks"]

ROOM = "lobby"
WINDOW = 8
NOWHERE = Position(epoch="none", seq=0)


class Talks:
    """What the talkers of one storm share: whether there is a server, and how far they are."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._changed = threading.Condition()
        self._up = False
        self._acks = 0
        self._heads: dict[str, int] = {}  # by epoch
        self._ending = False
        self._quiet: set[str] = set()

    def set_up(self, up: bool) -> None:
        """Say whether there is a server."""
        with self._changed:
            self._up = up
            self._changed.notify_all()

    def wait_for_acks(self, more: int, within: float = DEADLINE) -> None:
        """Wait until so many more posts were acknowledged."""
        with self._changed:
            wanted = self._acks + more
            assert self._changed.wait_for(lambda: self._acks >= wanted, within), "no post is acknowledged"

    def wait_for_silence(self, talkers: int) -> None:
        """Let talkers post nothing new, and wait until everything is acknowledged."""
        with self._changed:
            self._ending = True
            assert self._changed.wait_for(lambda: len(self._quiet) == talkers, 3 * DEADLINE), (
                "not all is answered"
            )

    # --- for talkers -----------------------------------------------------------------------------

    @property
    def ending(self) -> bool:
        """Whether nothing new is to be posted."""
        return self._ending

    def wait_for_server(self) -> None:
        """Wait until there is a server, which may take as long to start as `chat_server` lets it."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._up, 3 * DEADLINE), "there is no server"

    def note_head(self, epoch: str, seq: int) -> None:
        """Note a number that was given out."""
        with self._changed:
            self._heads[epoch] = max(self._heads.get(epoch, 0), seq)

    def note_ack(self) -> None:
        """Count an acknowledgement."""
        with self._changed:
            self._acks += 1
            self._changed.notify_all()

    def wait_for_all(self, nick: str, talkers: int, epoch: str) -> int:
        """Wait until every talker has all its answers; return the last number that was given out.

        Somebody who loses the connection after that waits again, and is counted once.
        """
        with self._changed:
            self._quiet.add(nick)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: len(self._quiet) == talkers, 3 * DEADLINE), (
                "others still talk"
            )
            return self._heads[epoch]


def _number(post: Post) -> int:
    return int(post.id.rpartition("-")[2])


class Talker(threading.Thread):
    """One client, in a thread, which comes back by ``connect``.

    ``error`` is what ended it, if that was no loss of a connection. ``joined`` is set once it has been in.
    """

    def __init__(self, talks: Talks, nick: str, talkers: int, connect: Callable[[], TypedPeer]) -> None:
        super().__init__(name=f"talker-{nick}", daemon=True)
        self.error: BaseException | None = None
        self.joined = threading.Event()
        self._connect = connect
        self._talks = talks
        self._nick = nick
        self._talkers = talkers
        self._said = 0
        self._unanswered: deque[Post] = deque()  # on the way, first to last
        self._again: deque[Post] = deque()  # to be sent again before anything new
        self._wait = 0.0
        self._secret: str | None = None
        self._position = NOWHERE

    def run(self) -> None:
        """Talk until the end, over as many connections as it takes."""
        try:
            while not self._converse():
                pass
        except BaseException as error:
            self.error = error

    def _converse(self) -> bool:
        """Talk over one connection; return whether all is said and read."""
        self._talks.wait_for_server()
        try:
            with self._connect() as peer:
                self._enter(peer)
                while self._unanswered or self._again or not self._talks.ending:
                    self._post(peer)
                    self._take(peer)
                head = self._talks.wait_for_all(self._nick, self._talkers, self._position.epoch)
                while self._position.seq < head:
                    self._take(peer)
                self._talks.history.note(Finished(self._nick, ROOM))
                return True
        except (OSError, EOFError):
            return False

    def _enter(self, peer: TypedPeer) -> None:
        self._talks.history.note(Connected(self._nick))
        self._again = deque(sorted([*self._unanswered, *self._again], key=_number))
        self._unanswered.clear()
        self._send(peer, Hello(protocol=1, nick=self._nick, session=self._secret))
        self._send(peer, Join(room=ROOM, after=None if self._position == NOWHERE else self._position))
        while not isinstance(self._take(peer), Joined):
            pass

    def _post(self, peer: TypedPeer) -> None:
        if self._wait:
            if self._unanswered:
                return
            threading.Event().wait(self._wait)  # as the server has asked
            self._wait = 0.0
        while len(self._unanswered) < WINDOW and (self._again or not self._talks.ending):
            if self._again:
                post = self._again.popleft()
            else:
                self._said += 1
                post = Post(
                    room=ROOM, id=f"{self._nick}-{self._said}", text=f"{self._nick} says {self._said}"
                )
            self._unanswered.append(post)
            self._send(peer, post)

    def _send(self, peer: TypedPeer, frame: ClientFrame) -> None:
        self._talks.history.note(Sent(self._nick, frame))
        peer.send_frame(frame)

    def _take(self, peer: TypedPeer) -> ServerFrame:
        frame = peer.receive_frame()
        self._talks.history.note(Received(self._nick, frame))
        match frame:
            case Welcome():
                self._secret = frame.session
            case Joined():
                self._position = Position(epoch=frame.epoch, seq=frame.after)
                self._talks.note_head(frame.epoch, frame.head)
                self.joined.set()
            case Message(seq=seq) | Gap(through=seq):
                self._position = Position(epoch=self._position.epoch, seq=seq)
            case Ping():
                self._send(peer, Pong(token=frame.token))
            case Ack():
                self._settle(frame.id)
                self._talks.note_head(self._position.epoch, frame.seq)
                self._talks.note_ack()
            case Error():
                assert frame.id is not None, frame
                assert frame.retry_after is not None, frame
                # Refusals come in another order than posts went out: not all of them are the journal's.
                self._again = deque(sorted([*self._again, self._settle(frame.id)], key=_number))
                self._wait = max(frame.retry_after, 0.001)
            case _:
                pass
        return frame

    def _settle(self, id_: str) -> Post:
        found = next(post for post in self._unanswered if post.id == id_)
        self._unanswered.remove(found)
        return found
