"""Somebody who posts to a room and reads it, at one server and then at another, for `tests.faults.checker`.

It keeps the sender's half of exactly once: what is not acknowledged is sent again, first to last, before
anything new, and after a refusal nothing is sent until all that is on its way is answered.
"""

from collections import deque
from collections.abc import Sequence
from random import Random

from chatcore.journal import Conflict, Draft, Outcome, Page, Stored, Unavailable
from chatcore.journal.replicated.replica import Replica
from tests.faults.history import Connected, Finished, History, Received, Sent
from tests.journal.replicated.node import Node
from tests.protocol.codec import decode_server
from tests.protocol.frames import Ack, Error, Gap, Join, Joined, Message, Position, Post

__all__ = ["Talker"]

WINDOW = 6


class Talker:
    """One member of one room."""

    def __init__(self, name: str, room: str, history: History, random: Random) -> None:
        self.name = name
        self.room = room
        self._history = history
        self._random = random
        self._node: Node | None = None
        self._run: Replica | None = None  # of the server, which may have been killed since
        self._connection = 0  # a number for each: answers of an earlier one are not heard
        self._posts = 0
        self._unanswered: deque[Post] = deque()  # without an ack, in their order
        self._on_the_way = 0
        self._has_to_resend = False
        self._position: Position | None = None
        self._is_joining = False
        self._reads = False

    @property
    def node(self) -> Node | None:
        """The server that it is at, if that is up."""
        is_same = self._node is not None and self._run is not None and self._node.replica is self._run
        return self._node if is_same else None

    @property
    def is_done(self) -> bool:
        """Whether everything is acknowledged and read."""
        node = self.node
        return (
            node is not None
            and not self._unanswered
            and self._reads
            and self._position == Position(epoch=node.epoch, seq=node.heads.get(self.room, 0))
        )

    def move(self, node: Node) -> None:
        """Connect to a server."""
        self._node, self._run = node, node.replica
        self._connection += 1
        self._on_the_way, self._has_to_resend = 0, bool(self._unanswered)
        self._reads = self._is_joining = False
        self._history.note(Connected(self.name))
        connection = self._connection
        node.readers.append(lambda messages: self._see(messages, connection))
        node.on_opened.append(lambda: self._begin_again(connection))

    # --- posts -----------------------------------------------------------------------------------

    @property
    def may_post(self) -> bool:
        """Whether it may send something now."""
        if self.node is None or (self._has_to_resend and self._on_the_way):
            return False
        return self._has_to_resend or len(self._unanswered) < WINDOW

    def post(self) -> None:
        """Send what has to be sent again, or something new."""
        if self._has_to_resend:
            self._has_to_resend = False
            self._send(list(self._unanswered))
            return
        new = []
        for _ in range(self._random.randint(1, 3)):
            self._posts += 1
            new.append(Post(room=self.room, id=f"{self.name}-{self._posts}", text=f"text {self._posts}"))
        self._unanswered += new
        self._send(new)

    def resend(self) -> None:
        """Send again what has to be, if it may."""
        if self._has_to_resend and self.may_post:
            self.post()

    def _send(self, posts: Sequence[Post]) -> None:
        assert self._node is not None
        for post in posts:
            self._history.note(Sent(self.name, post))
        self._on_the_way += len(posts)
        connection = self._connection
        parts = [posts[:1], posts[1:]] if self._random.random() < 0.3 else [posts]
        for part in parts:
            drafts = [Draft(post.room, post.id, self.name, post.text) for post in part]
            self._node.submit(drafts, lambda outcomes, part=part: self._hear(part, outcomes, connection))  # type: ignore[misc]

    def _hear(self, posts: Sequence[Post], outcomes: Sequence[Outcome], connection: int) -> None:
        if connection != self._connection:
            return
        self._on_the_way -= len(posts)
        for post, outcome in zip(posts, outcomes, strict=True):
            assert not isinstance(outcome, Conflict), post
            if isinstance(outcome, Unavailable):
                self._has_to_resend = True
                error = Error(code="unavailable", message="", room=post.room, id=post.id)
                self._history.note(Received(self.name, error))
            else:
                ack = Ack(room=post.room, id=post.id, seq=outcome, durability="replicated")
                self._history.note(Received(self.name, ack))
                if post in self._unanswered:
                    self._unanswered.remove(post)

    # --- reading ---------------------------------------------------------------------------------

    @property
    def may_join(self) -> bool:
        """Whether it is at a server and does not read there."""
        return self.node is not None and not self._reads and not self._is_joining

    def join(self) -> None:
        """Join the room, after what was read."""
        assert self._node is not None
        node, after, connection = self._node, self._position, self._connection
        self._is_joining = True
        self._history.note(Sent(self.name, Join(room=self.room, after=after)))
        if after is None or after.epoch != node.epoch:
            self._joined(0)
        else:
            node.reach(self.room, after.seq, lambda answer: self._reached(after.seq, answer, connection))

    def _reached(self, seq: int, answer: bool | Unavailable, connection: int) -> None:
        if connection == self._connection and self.node is not None:
            if isinstance(answer, Unavailable):
                self._is_joining = False
            else:
                assert answer, f"{self.name} has read {seq}, and is told that the log ends before that"
                self._joined(seq)

    def _joined(self, after: int) -> None:
        assert self._node is not None
        node = self._node
        self._is_joining = False
        page = node.read(self.room, after) if node.running().header.identity else None
        if page is None or page.epoch != node.epoch:
            return
        head = node.heads.get(self.room, 0)
        self._history.note(
            Received(self.name, Joined(room=self.room, epoch=node.epoch, head=head, after=after, count=1))
        )
        self._position = Position(epoch=node.epoch, seq=after)
        self._reads = True
        self._see_page(page, head)

    def _see_page(self, page: Page, head: int) -> None:
        assert self._position is not None
        if page.base > self._position.seq:
            gap = Gap(room=self.room, after=self._position.seq, through=page.base, reason="expired")
            self._history.note(Received(self.name, gap))
            self._position = Position(epoch=page.epoch, seq=page.base)
        for stored in page.messages:
            self._see_one(stored)
        assert self._position.seq == head, (self.name, self._position, head)

    def _see(self, messages: Sequence[Stored], connection: int) -> None:
        if connection == self._connection and self._reads:
            for stored in messages:
                if stored.room == self.room:
                    self._see_one(stored)

    def _see_one(self, stored: Stored) -> None:
        assert self._position is not None
        message = decode_server(stored.line)
        assert isinstance(message, Message)
        self._history.note(Received(self.name, message))
        self._position = Position(epoch=self._position.epoch, seq=stored.seq)

    def _begin_again(self, connection: int) -> None:
        if connection == self._connection:
            self._reads = self._is_joining = False

    def finish(self) -> None:
        """Say that it has read everything."""
        self._history.note(Finished(self.name, self.room))
