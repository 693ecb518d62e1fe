"""What one person has said: sent, answered, and where it ended up."""

from collections import Counter
from dataclasses import dataclass, field

from chatcore.messages import Ack, Error
from tests.simulation.record import Record
from tests.simulation.step import expect

__all__ = ["Sender"]


@dataclass
class _Post:
    """One id, with all that was sent under it."""

    room: str
    id: str
    number: int
    text: str  # the one that counts; others are sent to be refused
    epoch: str  # the life of the record in which it was sent first
    sent: Counter[str] = field(default_factory=Counter)  # by text
    acks: int = 0
    conflicts: int = 0
    others: int = 0  # refusals for any other reason
    via: str = ""  # the client that sent it last: what others were answered settles nothing
    refused: bool = False  # since it was sent last: it is sent again, whatever else is answered
    again: bool = False  # it was sent once more after its answer: its place in the order is open


class Sender:
    """Keeps the rule that a client keeps: what is not acknowledged is sent again, in order, before
    anything new. The other side of the bargain is judged here: one answer for each time a post was
    sent, the same ``seq`` always, a conflict for another text only, and everybody's posts in order.
    """

    def __init__(self, name: str, record: Record) -> None:
        self.name = name
        self._record = record
        self._posts: dict[str, _Post] = {}
        self._unanswered: dict[str, dict[str, _Post]] = {}  # by room and id, in order
        self._refused: set[str] = set()  # rooms in which something is to be sent again

    def new(self, room: str, via: str, size: int, lines: int) -> tuple[str, str]:
        """Return the id and the text of a new post. Every text is unique and tells whose it is."""
        number = len(self._posts) + 1
        text = "\n".join([f"{self.name}.{number}." + "x" * size, *["y"] * (lines - 1)])
        post = _Post(room, f"{self.name}-{number}", number, text, self._record.epoch, via=via)
        self._posts[post.id] = post
        self._unanswered.setdefault(room, {})[post.id] = post
        post.sent[text] += 1
        return post.id, text

    def again(self, room: str, via: str) -> list[tuple[str, str]]:
        """Return what is to be sent again, in order: all that has no answer yet."""
        self._refused.discard(room)
        posts = list(self._unanswered.get(room, {}).values())
        for post in posts:
            post.via, post.refused = via, False
            post.sent[post.text] += 1
        return [(post.id, post.text) for post in posts]

    def repeat(self, id_: str, via: str, *, other: bool) -> tuple[str, str]:
        """Return an answered post to be sent once more, perhaps with another text."""
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
        """Tell whether something was refused for now."""
        return room in self._refused

    def is_done(self, room: str) -> bool:
        """Tell whether everything has its answer."""
        return not self._unanswered.get(room)

    def forget(self, client: str) -> None:
        """A connection is gone: what it sent and got no answer to may be lost."""
        for room, posts in self._unanswered.items():
            if any(post.via == client for post in posts.values()):
                self._refused.add(room)

    def room_of(self, id_: str) -> str:
        """Return the room of a post."""
        return self._posts[id_].room

    def knows(self, id_: str) -> bool:
        """Tell whether an id is that of a post."""
        return id_ in self._posts

    def ack(self, ack: Ack, via: str) -> None:
        """Judge an acknowledgement: the post is in the record, under this number."""
        post = self._posts[ack.id]
        post.acks += 1
        self._settle(post, via)
        found = self._record.find(ack.room, ack.id).values()
        texts = {message.text for message in found if message.seq == ack.seq}
        expect(bool(texts & post.sent.keys()), ack, "is not in the record:", list(found))
        self._judge_answers(post)

    def error(self, error: Error, via: str) -> None:
        """Judge a refusal."""
        post = self._posts[error.id or ""]
        if error.code == "conflict":
            post.conflicts += 1
        else:
            post.others += 1
        if error.code in ("conflict", "too_long"):
            self._settle(post, via)
        else:
            expect(error.code in ("unavailable", "rate_limited", "not_joined"), error, "for", post)
            self._refuse(post, via)
        self._judge_answers(post)

    def judge_order(self) -> None:
        """Demand that posts are in the record in the order in which they were sent first.

        A post from an earlier life may have been lost with it; one that was sent once more after its
        answer has no place that anybody owes it.
        """
        for epoch, logs in self._record.lives.items():
            for log in logs.values():
                posts = [post for message in log.messages if (post := self._posts.get(message.id))]
                numbers = [post.number for post in posts if post.epoch == epoch and not post.again]
                expect(numbers == sorted(numbers), self.name, "is out of order in", epoch, numbers)

    def _settle(self, post: _Post, via: str) -> None:
        # After a refusal the server waits for a post to come again, though it may be stored by now.
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
