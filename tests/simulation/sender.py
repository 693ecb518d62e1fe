"""What one person has posted: what was sent, how it was answered, and where it is stored."""

from collections import Counter
from dataclasses import dataclass, field

from tests.protocol.frames import Ack, Error
from tests.simulation.record import Record
from tests.simulation.step import expect

__all__ = ["Sender"]


@dataclass
class _Post:
    """One id, with all that was sent under it."""

    room: str
    id: str
    number: int
    text: str  # the one that counts; other texts are sent to be refused
    epoch: str  # the epoch in which it was first sent
    sent: Counter[str] = field(default_factory=Counter)  # by text
    acks: int = 0
    conflicts: int = 0
    others: int = 0  # refusals for any other reason
    via: str = ""  # the client that sent it last: only answers to that one settle it
    refused: bool = False  # since it was last sent: it is sent again, whatever other answers say
    again: bool = False  # it was sent once more after its answer: its place in the sequence is open


class Sender:
    """Follows the rule for clients: what is not acknowledged is sent again, in its order, before anything
    new. The server's side of the bargain is checked here: one answer for each time a post was sent,
    always the same ``seq``, a conflict for another text only, and each sender's posts in sequence.
    """

    def __init__(self, name: str, record: Record) -> None:
        self.name = name
        self._record = record
        self._posts: dict[str, _Post] = {}
        self._unanswered: dict[str, dict[str, _Post]] = {}  # by room and id, in sequence
        self._refused: set[str] = set()  # rooms with something to send again

    def new(self, room: str, via: str, size: int, lines: int) -> tuple[str, str]:
        """Return the id and the text of a new post. Every text is unique and names its sender."""
        number = len(self._posts) + 1
        text = "\n".join([f"{self.name}.{number}." + "x" * size, *["y"] * (lines - 1)])
        post = _Post(room, f"{self.name}-{number}", number, text, self._record.epoch, via=via)
        self._posts[post.id] = post
        self._unanswered.setdefault(room, {})[post.id] = post
        post.sent[text] += 1
        return post.id, text

    def again(self, room: str, via: str) -> list[tuple[str, str]]:
        """Return what is to be sent again, in its order: everything without an answer."""
        self._refused.discard(room)
        posts = list(self._unanswered.get(room, {}).values())
        for post in posts:
            post.via, post.refused = via, False
            post.sent[post.text] += 1
        return [(post.id, post.text) for post in posts]

    def repeat(self, id_: str, via: str, *, other: bool) -> tuple[str, str]:
        """Return an answered post, to be sent once more and perhaps with another text."""
        post = self._posts[id_]
        post.via, post.again, post.refused = via, True, False
        self._unanswered[post.room][id_] = post
        text = f"{post.text}{post.sent.total()}" if other else post.text
        post.sent[text] += 1
        return id_, text

    def answered(self, room: str) -> list[str]:
        """Return the ids of a room that have their answer."""
        waiting = self._unanswered.get(room, {})
        return [id_ for id_, post in self._posts.items() if post.room == room and id_ not in waiting]

    def must_repeat(self, room: str) -> bool:
        """Return whether something was refused and has to be sent again."""
        return room in self._refused

    def is_done(self, room: str) -> bool:
        """Return whether everything has its answer."""
        return not self._unanswered.get(room)

    def forget(self, client: str) -> None:
        """Note that a connection has ended: its unanswered posts may be lost."""
        for room, posts in self._unanswered.items():
            if any(post.via == client for post in posts.values()):
                self._refused.add(room)

    def room_of(self, id_: str) -> str:
        """Return the room of a post."""
        return self._posts[id_].room

    def knows(self, id_: str) -> bool:
        """Return whether an id is that of a post."""
        return id_ in self._posts

    def ack(self, ack: Ack, via: str) -> None:
        """Check an acknowledgement: the post is in the log, under this number."""
        post = self._posts[ack.id]
        post.acks += 1
        self._settle(post, via)
        found = self._record.find(ack.room, ack.id).values()
        texts = {message.text for message in found if message.seq == ack.seq}
        expect(bool(texts & post.sent.keys()), ack, "is not in the log:", list(found))
        self._judge_answers(post)

    def error(self, error: Error, via: str) -> None:
        """Check a refusal."""
        post = self._posts[error.id or ""]
        if error.code == "conflict":
            post.conflicts += 1
        else:
            post.others += 1
        if error.code in ("conflict", "too_long", "forbidden"):
            self._settle(post, via)
        else:
            expect(error.code in ("unavailable", "rate_limited", "not_joined"), error, "for", post)
            self._refuse(post, via)
        self._judge_answers(post)

    def judge_order(self) -> None:
        """Check that posts are in the log in the order in which they were first sent.

        A post from an earlier epoch may have been lost with it, and one that was sent once more after its
        answer may stand anywhere.
        """
        for epoch, logs in self._record.lives.items():
            for log in logs.values():
                posts = [post for message in log.messages if (post := self._posts.get(message.id))]
                numbers = [post.number for post in posts if post.epoch == epoch and not post.again]
                expect(numbers == sorted(numbers), self.name, "is out of order in", epoch, numbers)

    def _settle(self, post: _Post, via: str) -> None:
        # After a refusal the server waits until a post is resent, although it may be stored by now.
        if post.via == via and not post.refused:
            self._unanswered[post.room].pop(post.id, None)

    def _refuse(self, post: _Post, via: str) -> None:
        if post.via == via:
            post.refused = True
            self._refused.add(post.room)
            self._unanswered[post.room][post.id] = post

    def _judge_answers(self, post: _Post) -> None:
        expect(post.acks + post.conflicts + post.others <= post.sent.total(), post, "has too many answers")
        stored = list({message.text for message in self._record.find(post.room, post.id).values()})
        if len(stored) == 1:
            fitting = post.sent[stored[0]]
            expect(post.acks <= fitting, post, "has too many acks")
            expect(post.conflicts <= post.sent.total() - fitting, post, "has too many conflicts")
        expect(not post.conflicts or bool(stored), post, "conflicts with nothing")
