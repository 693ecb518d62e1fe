"""What a load test is to do."""

from dataclasses import dataclass

from chatcore.client.requests import checked
from chatcore.errors import UsageError
from chatcore.messages import PROTOCOL, Hello, Join, Post

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """So many members in one room; the first of them post, the last of them never read.

    ``rate`` is in posts a second of each poster. Without one, each keeps ``window`` posts
    unacknowledged. ``payload`` is the length of a text in bytes; ``run`` tells this test's nicks
    and ids from those of every other.
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
        """Raise `UsageError` if this cannot be done."""
        if self.posters + self.stalled > self.members:
            raise UsageError("--posters and --stalled together are more than --members")
        if self.stalled == self.members:
            raise UsageError("--stalled leaves nobody who reads")
        checked(Join, room=self.room)

    def hello(self, index: int) -> Hello:
        """Return how a member introduces itself."""
        return Hello(protocol=PROTOCOL, nick=f"bench-{self.run}-{index}", client="chat bench")

    def post(self, poster: int, number: int) -> Post:
        """Return a poster's post of a number."""
        id_ = f"{self.run}-{poster}-{number}"
        return Post(room=self.room, id=id_, text=self.text(id_))

    def text(self, id_: str) -> str:
        """Return the text that the post with an id has."""
        return f"{id_} {'x' * self.payload}"[: self.payload]

    @property
    def posts_each(self) -> int | None:
        """How many posts a poster is to make, or ``None`` if that is the server's affair."""
        return None if self.rate is None else max(int(self.rate * self.seconds + 1e-6), 1)
