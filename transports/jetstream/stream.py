"""The stream that a log is in: how it has to be, and whether one that is there is so.

Nothing here is ever changed or removed at a server. A stream that is set up otherwise may drop entries, or
hold more than ours, so it is refused, in words. What differs between installations (where it lies, how large
it may get) is their own.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

__all__ = ["FLOOR", "Stream", "StreamState", "Unfit", "version_problem"]

FLOOR: Final = (2, 12, 3)
"""The oldest server that may be used: what came before lost entries."""

LIVE_SECONDS: Final = 900.0
"""How long the stream of who is here keeps what is in it. Every server says each minute whom it has."""

LIVE_BYTES: Final = 64 << 20
"""How large that stream may get on each of its servers. Then the oldest goes."""

ACCOUNTS_BYTES: Final = 256 << 20
"""How large the stream of accounts may get where a server makes it: about a million acts. None goes."""

_GIB = 1024**3

_OWN = {
    "compression",
    "consumer_limits",
    "description",
    "duplicate_window",
    "max_bytes",
    "max_consumers",
    "metadata",
    "mirror_direct",
    "num_replicas",
    "placement",
}
"""Settings of a stream that may be as they like; all others are as `Stream.config` has them, or unset."""

_UNSET: Final[tuple[object, ...]] = (None, False, 0, -1, "", [], {}, "default", "none")


class Unfit(Exception):
    """A server, or a stream, cannot be used; the argument says why, for people."""


class StreamState(NamedTuple):
    """What a server says of a stream: its identity, its positions, its size in bytes, who leads it.

    ``max_bytes`` is -1 where it may grow without end. ``current`` are the servers that have all of it, the
    leader among them, and ``replicas`` is how many there should be.
    """

    identity: str
    first: int
    last: int
    size: int
    max_bytes: int
    replicas: int
    leader: str
    current: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """Where entries are: appended to ``subject``, and repeated on ``feed`` once they are stored.

    ``max_bytes`` is how large it may get where it is made; when it is full, entries are refused. Entries that
    are older than ``max_age`` seconds go, if that is given, and the oldest where it is full.

    All streams are in files. NATS keeps what its servers have agreed on where it keeps the stream: one whose
    stream was in memory would vote after a restart as if there had never been an entry, and so let some get
    lost that others have read.
    """

    name: str
    subject: str
    feed: str
    replicas: int = 1
    max_bytes: int = 4 * _GIB
    max_age: float | None = None

    @classmethod
    def of_messages(cls, name: str, replicas: int, max_bytes: int = 4 * _GIB) -> "Stream":
        """Return the stream of the messages of the cluster ``name``, from which nothing goes."""
        return cls(name, f"{name}.log", f"{name}.feed", replicas, max_bytes)

    @classmethod
    def of_live(cls, name: str, replicas: int) -> "Stream":
        """Return the stream of who is here, which keeps what is in it for a quarter of an hour."""
        live = f"{name}.live"
        return cls(f"{name}-live", live, f"{live}.feed", replicas, LIVE_BYTES, LIVE_SECONDS)

    @classmethod
    def of_accounts(cls, name: str, replicas: int) -> "Stream":
        """Return the stream of its accounts, from which nothing goes."""
        return cls.of_messages(f"{name}-accounts", replicas, ACCOUNTS_BYTES)

    @property
    def expires(self) -> bool:
        """Whether its entries go after a while, so that it does no harm to begin again without them."""
        return self.max_age is not None

    def config(self) -> dict[str, Any]:
        """Return the settings of a new stream, which has a new identity."""
        return {
            **self._fixed(),
            "num_replicas": self.replicas,
            "max_bytes": self.max_bytes,
            "duplicate_window": 100_000_000,  # the shortest, in nanoseconds: nobody asks for it
            "metadata": {"identity": secrets.token_hex(8)},
        }

    def read_info(self, info: Mapping[str, Any]) -> StreamState:
        """Return what a server says of the stream; raises `Unfit` where it is not as it has to be."""
        config = info["config"]
        if problems := [*self._problems(config)]:
            raise Unfit("; ".join(problems))
        state = info["state"]
        last = int(state["last_seq"])
        first = max(int(state["first_seq"]), 1) if state["messages"] else last + 1
        cluster = info.get("cluster") or {}
        followers = cluster.get("replicas") or []
        current = [peer["name"] for peer in followers if peer.get("current") and not peer.get("offline")]
        others = [peer["name"] for peer in followers if peer["name"] not in current]
        leader = cluster.get("leader", "")
        return StreamState(
            identity=config["metadata"]["identity"],
            first=first,
            last=last,
            size=int(state["bytes"]),
            max_bytes=int(config.get("max_bytes", -1)),
            replicas=int(config["num_replicas"]),
            leader=leader,
            current=tuple(([leader] if leader else []) + current),
            others=tuple(others),
        )

    def _fixed(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "subjects": [self.subject],
            "storage": "file",
            "retention": "limits",
            "discard": "new" if self.max_age is None else "old",
            "max_age": 0 if self.max_age is None else round(self.max_age * 1_000_000_000),
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_msg_size": -1,
            "deny_delete": True,
            "allow_direct": True,
            "republish": {"src": self.subject, "dest": self.feed},
        }

    def _problems(self, config: Mapping[str, Any]) -> list[str]:
        """Return what is not as it has to be, in words."""
        problems = []
        if not str((config.get("metadata") or {}).get("identity", "")):
            problems.append("the stream was not made by chat, since its metadata has no identity")
        if int(config.get("num_replicas", 1)) < self.replicas:
            problems.append(f"it has {config.get('num_replicas', 1)} replicas, not {self.replicas}")
        fixed = self._fixed()
        for name in sorted({*config, *fixed} - _OWN):
            wanted, value = fixed.get(name), config.get(name)
            if value != wanted and not (value in _UNSET and wanted in _UNSET):
                problems.append(f"its {name} is {_shown(value)}, not {_shown(wanted)}")
        return problems


def version_problem(version: str) -> str | None:
    """Return why a server of a version cannot be used, ``None`` if it can."""
    numbers = version.partition("-")[0].split(".")
    try:
        known = tuple(int(number) for number in numbers)
    except ValueError:
        return f"it is nats-server {version}, which is unknown"
    floor = ".".join(map(str, FLOOR))
    return None if known >= FLOOR else f"it is nats-server {version}, and it has to be {floor} or newer"


def _shown(value: object) -> str:
    return "unset" if value in _UNSET else str(value)
