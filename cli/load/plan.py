"""What a load test has to do: its numbers, and the frames that follow from them.

The id of every post names the test, the poster and the number of the post, and its text follows from the id.
So any member can check any message without looking it up.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from chatcore import PROTOCOL, RULES, Hello, Join, Post, UsageError

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan: ``members`` in one room, of which the first ones post and the last ones never read.

    ``rate`` is in posts per second of each poster. Without a rate, each keeps ``window`` posts
    unacknowledged. ``payload`` is the length of a text in bytes. ``run`` distinguishes the nicks and ids of
    this test from those of every other.
    """

    run: str
    members: int
    posters: int
    stalled: int
    rate: float | None
    window: int
    seconds: float
    payload: int
    room: str

    def check(self) -> None:
        """Raise `UsageError` if the plan is impossible."""
        if self.posters + self.stalled > self.members:
            raise UsageError("--posters plus --stalled must not be more than --members")
        if self.stalled == self.members:
            raise UsageError("--stalled must be less than --members: some must read")
        try:
            Join(room=self.room)
        except ValidationError:
            raise UsageError(f"--room {self.room!r}: {RULES['room']}") from None

    def hello(self, index: int) -> Hello:
        """Return the first frame of a member."""
        return Hello(protocol=PROTOCOL, nick=f"bench-{self.run}-{index}", client="chat bench")

    def post(self, poster: int, number: int) -> Post:
        """Return the post of a poster with a number."""
        id_ = f"{self.run}-{poster}-{number}"
        return Post(room=self.room, id=id_, text=self.text(id_))

    def text(self, id_: str) -> str:
        """Return the text of the post with an id."""
        return f"{id_} {'x' * self.payload}"[: self.payload]

    @property
    def posts_each(self) -> int | None:
        """How many posts a poster makes, or ``None`` if that depends on the server."""
        return None if self.rate is None else max(int(self.rate * self.seconds + 1e-6), 1)
