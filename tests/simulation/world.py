"""What all parts of one simulation share: chance, time, the limits and the truth."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from chatcore.limits import Limits
from tests.simulation.record import Record
from tests.simulation.table import ROOMS, Table

__all__ = ["ADDRESSES", "ROOMS", "Expulsion", "World"]

ADDRESSES = 3
"""From which people come."""


class Expulsion(NamedTuple):
    """Who was put out of a room: an account, the strangers (``None``), or everybody."""

    room: str
    account: str | None = None
    everybody: bool = False


@dataclass
class World:
    """One per simulation. Only the simulation itself moves ``now``."""

    random: Random
    limits: Limits
    piece: int  # bytes of one piece of output, in place of `session.PIECE`
    page_bytes: int  # of one page of a reader that catches up, in place of `PAGE_BYTES`
    arrivals: int  # sessions of one account that may say hello together, in place of `ARRIVALS_BURST`
    haste: float  # of the clock
    strictness: float  # how often people moderate
    record: Record = field(default_factory=Record)
    table: Table = field(default_factory=Table)
    stored_at: dict[str, int] = field(default_factory=dict)  # by id: the step in which it was stored first
    seen: Counter[str] = field(default_factory=Counter)  # what has happened, and how often
    secrets: list[str] = field(default_factory=list)  # all that were given out
    stolen: set[str] = field(default_factory=set)  # those that somebody else has shown
    bad_keys: set[str] = field(default_factory=set)  # that opened once
    invites: Counter[str | None] = field(default_factory=Counter)  # that were asked for, by account
    expulsions: list[Expulsion] = field(default_factory=list)
    began: float = 1_000.0
    now: float = 1_000.0
    calm_since: float | None = None  # since then nothing new begins, and nothing fails

    @classmethod
    def from_seed(cls, seed: int) -> "World":
        """Draw the limits of a simulation. All of them are so small that they are reached all the time."""
        random = Random(seed)
        text_bytes = 80
        limits = Limits(
            connections=random.choice((6, 12, 12)),
            connections_per_address=random.choice((4, None)),
            rooms=random.choice((2, None)),
            rooms_per_session=random.choice((2, None)),
            members_per_room=random.choice((3, None)),
            new_rooms_burst=random.choice((1, 64, 64)),
            new_rooms_per_minute=random.choice((0.1, 20.0)),
            sessions_per_account=random.choice((1, 2, None)),
            session_seconds=random.choice((3.0, 20.0, 120.0)),
            text_bytes=text_bytes,
            line_bytes=3 * text_bytes + 1_024 + random.choice((0, 300)),
            frames_per_second=random.choice((20.0, None, None)),
            frames_burst=20,
            posts_in_flight=random.choice((2, 5)),
            outbound_bytes=random.choice((200, 1_000)),
            tail_bytes=random.choice((1, 300, 800)),
            page_messages=random.choice((1, 2, 3, 10)),
            presence_names=random.choice((1, 2, 100)),
        )
        return cls(
            random,
            limits,
            piece=random.choice((1, 300, 700, 10_000)),
            page_bytes=random.choice((1, 300, 500)),
            arrivals=random.choice((3, 16)),
            haste=random.choice((0.02, 0.05, 0.15)),
            strictness=random.choice((0, 0.2, 0.5)),
        )

    def clock(self) -> float:
        """Return the current time."""
        return self.now

    @property
    def calm(self) -> bool:
        """Whether everything only completes what has begun."""
        return self.calm_since is not None

    def saw(self, what: str) -> None:
        """Count something that is worth happening."""
        self.seen[what] += 1

    def steal(self, secret: str) -> None:
        """Note that somebody shows a secret that was given to somebody else."""
        self.stolen.add(secret)
        self.saw("a stolen secret")

    def chance(self, probability: float) -> bool:
        """Toss a coin; never heads once it is calm."""
        return not self.calm and self.random.random() < probability
