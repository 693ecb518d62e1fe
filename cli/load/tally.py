"""The results of a load test."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from cli.load.histogram import Histogram
from cli.load.plan import Plan

__all__ = ["Tally", "Times"]


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in milliseconds."""

    p50: float
    p90: float
    p99: float
    max: float

    @classmethod
    def of(cls, histogram: Histogram) -> "Times":
        """Return the usual quantiles."""
        values = (histogram.quantile(0.5), histogram.quantile(0.9), histogram.quantile(0.99))
        return cls(*(round(value * 1e3, 3) for value in (*values, histogram.maximum)))


@dataclass(slots=True)
class Tally:
    """Counts, rates and times. A delivery is one message that one member got.

    ``seconds`` is the time from the first post to the last delivery. ``announced`` deliveries were skipped,
    and the server said so in a gap. ``undelivered`` ones were still on their way when the test was
    interrupted. ``load`` is what this program itself used, in cores.
    """

    plan: Plan
    joined: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    sent: int = 0
    acked: int = 0
    unanswered: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    deliveries: int = 0
    bytes_received: int = 0
    delivery: Histogram = field(default_factory=Histogram)
    acks: Histogram = field(default_factory=Histogram)
    lost: int = 0
    duplicated: int = 0
    disordered: int = 0
    altered: int = 0
    announced: int = 0
    undelivered: int = 0
    disconnected: Counter[str] = field(default_factory=Counter)
    load: float = 0.0

    @property
    def refused(self) -> int:
        """How often a post was refused."""
        return sum(self.refusals.values())

    @property
    def unstored(self) -> int:
        """How many posts the server refused for good, or until the end of the test."""
        return self.sent - self.acked - self.unanswered

    @property
    def planned(self) -> int | None:
        """How many posts were planned, or ``None`` if that depended on the server."""
        each = self.plan.posts_each
        return None if each is None else each * self.plan.posters

    @property
    def posts_per_second(self) -> float:
        """Acknowledged posts per second."""
        return self.acked / self.seconds if self.seconds else 0.0

    @property
    def deliveries_per_second(self) -> float:
        """Deliveries per second, to all members together."""
        return self.deliveries / self.seconds if self.seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Bytes of all frames that the members received, per second."""
        return self.bytes_received / self.seconds if self.seconds else 0.0

    @property
    def broken(self) -> bool:
        """Whether the server broke a promise, left posts without an answer, or disconnected members."""
        wrong = self.lost or self.duplicated or self.disordered or self.altered
        silent = self.unanswered and not self.interrupted
        return bool(wrong or silent or self.disconnected)

    def to_json(self) -> dict[str, Any]:
        """Return everything as values that JSON can write. Times are in milliseconds."""
        plan = self.plan
        return {
            "members": plan.members,
            "posters": plan.posters,
            "stalled": plan.stalled,
            "rate": plan.rate,
            "flood": plan.window or None,
            "duration": plan.seconds,
            "payload": plan.payload,
            "room": plan.room,
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "ok": not (self.broken or self.refused),
            "joined": self.joined,
            "posts": {
                "sent": self.sent,
                "planned": self.planned,
                "acked": self.acked,
                "refused": self.refused,
                "unstored": self.unstored,
                "unanswered": self.unanswered,
                "per_second": round(self.posts_per_second, 1),
            },
            "refusals": dict(self.refusals),
            "deliveries": self.deliveries,
            "deliveries_per_second": round(self.deliveries_per_second, 1),
            "bytes": self.bytes_received,
            "bytes_per_second": round(self.bytes_per_second, 1),
            "delivery_ms": asdict(Times.of(self.delivery)),
            "ack_ms": asdict(Times.of(self.acks)),
            "lost": self.lost,
            "duplicated": self.duplicated,
            "out_of_order": self.disordered,
            "altered": self.altered,
            "in_gaps": self.announced,
            "undelivered": self.undelivered,
            "disconnected": dict(self.disconnected),
            "own_load": round(self.load, 2),
        }
