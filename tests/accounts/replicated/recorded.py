"""A log of accounts with all that entries of version 1 can hold, and much that they cannot, by a seed.

Only `Random.random` is used, which gives the same numbers in every version of Python.
"""

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from chatcore.accounts.replicated.machine import VERSION
from chatcore.accounts.tokens import digest, id_of
from chatcore.replication import LogEntry
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, chained, write_frame

__all__ = ["entry", "recorded"]

T = TypeVar("T")

NAMES = ["ada", "Bob", "gus", "mona", "olga", "zoe", "Zoe-phone", "root", "10.0.0.1", "x" * 33]
ROOMS = ["lobby", "ops", "den"]
KEYS = [digest(f"key {n}") for n in range(40)]
INVITES = [digest(f"invite {n}") for n in range(60)]
ROLES = ["owner", "moderator", "member", "guest"]
URLS: list[list[str | None]] = [
    ["chats://chat.example:7025/", "p" * 43],
    ["https://chat.example/", None],
    ["chats://b:1/", None],
]
NETWORKS = ["192.0.2.0/24", "192.0.2.7/32", "2001:db8::/32", "::/0"]
GARBAGE = [b"", b"{", b"\xff", b"[" * 5_000, b'{"v":1}', b"null", b'{"v":1e999}']
FORGED: list[Any] = [
    "not a network",
    "192.0.2.1/24",
    "\ud800",
    "\x00",
    "\u0130",
    None,
    -1,
    1e308,
    2**70,
    True,
]
FORGED += [[], {}, "x" * 9_000, "0" * 64]

STAFF = {"olga": "owner", "mona": "moderator", "ada": "member", "Bob": "member"}
"""Who has a key from the beginning: the first of `KEYS`."""


class Dice:
    """Chance that is the same everywhere."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def under(self, chance: float) -> bool:
        """Tell whether something happens."""
        return self._random.random() < chance

    def below(self, limit: int) -> int:
        """Return a number."""
        return int(self._random.random() * limit)

    def one(self, of: Sequence[T]) -> T:
        """Return one of some."""
        return of[self.below(len(of))]


def entry(
    content: Mapping[str, Any],
    *,
    node: str = "n1",
    term: int = 0,
    number: int = 0,
    seen: ReadDigest = ReadDigest(0, NO_DIGEST),  # noqa: B008  # which never changes
) -> bytes:
    """Return an entry."""
    try:
        return write_frame(VERSION, Frame(node, term, number, seen, content))
    except UnicodeEncodeError:  # only escapes can say that
        text = write_frame(VERSION, Frame(node, term, number, seen, {})).decode()

        return f"{text[:-1]},{json.dumps(dict(content))[1:]}".encode()


def recorded(seed: int, count: int) -> list[LogEntry]:
    """Return a log."""
    dice, numbers = Dice(seed), dict[str, tuple[int, int]]()
    at = 1_800_000_000_000_000
    log = [
        LogEntry(n + 1, at, entry(content, node="first", number=n)) for n, content in enumerate(_beginning())
    ]
    digests = [ReadDigest(0, NO_DIGEST)]
    for each in log:
        digests.append(ReadDigest(each.position, chained(digests[-1].digest, each)))
    for position in range(len(log) + 1, count + 1):
        at += dice.one((0, 1, 250_000, 1_000_003, 7_000_000, 95_000_000, 900_000_000, -40_000_000))
        log.append(LogEntry(position, at, _data(dice, numbers, digests)))
        digests.append(ReadDigest(position, chained(digests[-1].digest, log[-1])))
    return log


def _beginning() -> list[dict[str, Any]]:
    acts: list[dict[str, Any]] = []
    for (name, role), key, invite in zip(STAFF.items(), KEYS, INVITES, strict=False):
        acts += [
            {"act": "add", "by": "local:root", "name": name, "role": role},
            {"act": "invite", "by": "local:root", "invite": invite.hex(), "role": None, "uses": 1}
            | {"seconds": 9_000, "room": None, "name": name},
            {"act": "redeem", "nick": name, "key": key.hex(), "invite": invite.hex()},
        ]
    return acts


def _data(dice: Dice, numbers: dict[str, tuple[int, int]], digests: list[ReadDigest]) -> bytes:
    if dice.under(0.02):
        return dice.one(GARBAGE)
    node = f"node{dice.below(3)}"
    term, number = numbers.get(node, (0, 0))
    if dice.under(0.04):
        term, number = term + 1, 0
    if dice.under(0.08):
        number += dice.one((-1, 1))
    else:
        numbers[node] = term, number + 1
    seen = digests[max(len(digests) - 1 - dice.below(20), 0)]
    if dice.under(0.005):
        seen = seen._replace(digest="of something else")
    content = _content(dice)
    if dice.under(0.1):
        content[dice.one(list(content))] = dice.one(FORGED)
        number = max(number - 1, 0)  # so that what follows counts
        numbers[node] = term, number + 1
    return entry(content, node=node, term=term, number=max(number, 0), seen=seen)


def _content(dice: Dice) -> dict[str, Any]:
    if dice.under(0.01):
        return {"epoch": f"epoch-{dice.below(100)}"}
    name, room, by = dice.one(NAMES), dice.one(ROOMS), "local:root"
    key, invite = dice.one(KEYS), dice.one(INVITES).hex()
    victim = dice.one([each for each in NAMES if each != "olga"])
    person: list[str] = [name, id_of(key)]
    if dice.under(0.8):
        nth = dice.below(len(STAFF))
        person = [list(STAFF)[nth], id_of(KEYS[nth])]
    seconds = dice.one((None, 5, 60.25, 86_400))
    acts: list[dict[str, Any]] = [
        {"act": "add", "by": by, "name": name, "role": dice.one((None, *ROLES))},
        {"act": "role", "by": by, "name": victim, "role": dice.one(ROLES)},
        {"act": "remove", "by": by, "name": dice.one(("gus", "10.0.0.2"))},
        {"act": "revoke", "by": by, "name": victim, "key": id_of(key), "only": dice.under(0.5)},
        {"act": "revoke", "by": by, "name": dice.one(("gus", "zoe")), "key": None, "only": False},
        {"act": "withdraw", "by": by, "id": id_of(dice.one(INVITES))},
        {"act": "ban", "by": by, "target": victim, "network": dice.one((None, *NETWORKS)), "seconds": seconds,
         "reason": dice.one((None, "sp\u00e4m"))},
        {"act": "lift", "by": by, "target": victim, "network": dice.one((None, *NETWORKS)), "room": None},
        {"act": "publish", "by": by, "urls": [dice.one(URLS), dice.one(URLS)]},
        {"act": "repin", "by": by, "urls": [dice.one(URLS)[0]], "pin": dice.one((None, "q" * 43))},
        {"act": "forget_room", "room": room},
        {"act": "note_uses", "keys": [key.hex(), dice.one(KEYS).hex()]},
        {"act": "forget_device", "person": person},
        {"act": "invite_device", "person": person, "invite": invite},
    ]  # fmt: skip
    if dice.under(0.3):
        return {"act": "redeem", "nick": name, "key": key.hex(), "invite": invite}
    if dice.under(0.3):
        of, of_room = dice.one((None, None, name)), dice.one((None, room))
        return {"act": "invite", "by": by, "invite": invite, "role": None, "uses": 1 + dice.below(3),
                "seconds": seconds or 9, "room": of_room, "name": of}  # fmt: skip
    if dice.under(0.4):
        what = dice.one(("close", "open", "admit", "kick", "mute", "ban", "lift"))
        return {"act": "moderate", "person": person, "what": what, "room": dice.one((None, room)),
                "nick": dice.one((None, "ada", "bob", "gus-2")), "seconds": dice.one((None, 0, 5.5, 1e7)),
                "reason": None, "present": ["ada", "bob", name.lower()[:32]]}  # fmt: skip
    return dice.one(acts)
