"""Acts as data: which are acts at all, and how a network is written in them."""

import contextlib
import json
import math
import random
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from chatcore import UsageError
from chatcore.accounts.acts import is_act
from chatcore.accounts.networks import is_network, network_of
from chatcore.accounts.tokens import digest

HASH = digest("x").hex()
MEMBER = ["ada", HASH[:16]]

ACTS: dict[str, dict[str, Any]] = {
    "redeem": {"nick": "zoe", "key": HASH, "invite": HASH},
    "moderate": {
        "person": MEMBER,
        "what": "ban",
        "room": None,
        "nick": "bob",
        "seconds": 60.5,
        "reason": "why\nnot",
        "present": ["ada"],
    },
    "invite_device": {"person": MEMBER, "invite": HASH},
    "forget_device": {"person": MEMBER},
    "forget_room": {"room": "ops"},
    "note_uses": {"keys": [HASH]},
    "add": {"by": "local:root", "name": "zoe", "role": None},
    "role": {"by": "local:root", "name": "zoe", "role": "guest"},
    "remove": {"by": "local:root", "name": "zoe"},
    "revoke": {"by": "local:root", "name": "zoe", "key": None, "only": False},
    "invite": {
        "by": "local:root",
        "invite": HASH,
        "role": "member",
        "uses": 2,
        "seconds": 60,
        "room": "ops",
        "name": None,
    },
    "withdraw": {"by": "local:root", "id": None},
    "ban": {"by": "local:root", "target": "x", "network": "192.0.2.0/24", "seconds": None, "reason": None},
    "lift": {"by": "local:root", "target": "x", "network": None, "room": "ops"},
    "publish": {"by": "local:root", "urls": [["chats://chat.example:7025/", "p" * 43]]},
    "repin": {"by": "local:root", "urls": ["chats://chat.example:7025/"], "pin": None},
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_has_all_that_it_has_to_have_and_nothing_else(act: str) -> None:
    fields = ACTS[act]
    assert is_act({"act": act, **json.loads(json.dumps(fields))})
    assert not is_act({"act": act, **fields, "more": 1})
    assert not is_act(fields)
    for name in fields:
        assert not is_act({"act": act, **{each: fields[each] for each in fields if each != name}})
        assert not is_act({"act": act, **fields, name: "\ud800"})
        assert not is_act({"act": act, **fields, name: {}})
        assert not is_act({"act": act, **fields, name: math.nan})


@pytest.mark.parametrize("act", [None, 3, "", [], {}, "x", "_ACTS"])
def test_what_is_no_act_is_none(act: object) -> None:
    assert not is_act({"act": act})


def test_numbers_of_an_act_have_bounds() -> None:
    invite = {"act": "invite", **ACTS["invite"]}
    for uses in (0, -1, 1.0, True, 10**9, 10**400):
        assert not is_act({**invite, "uses": uses})
    for seconds in (0, -1, math.inf, -math.inf, 1e300, 10**400, True):
        assert not is_act({**invite, "seconds": seconds})


def test_what_python_makes_of_a_network_is_one() -> None:
    chance = random.Random(5)
    for _ in range(5_000):
        bits = chance.choice((32, 128))
        number = chance.getrandbits(bits) & chance.getrandbits(bits)
        if bits == 128:
            for group in range(8):
                number &= ~((chance.choice((0, 0xFFFF))) << 16 * group)
        address = ip_address(number) if bits == 32 else ip_address(number.to_bytes(16))
        network = network_of(f"{address}/{chance.randint(0, bits)}")
        assert is_network(network), network
        ip_network(network)  # strictly


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "192.0.2.1",
        "192.0.2.1/24",  # not all of a network
        "192.0.2.0/33",
        "192.0.2.0/024",
        "192.0.02.0/24",
        "192.0.256.0/24",
        "192.0.2/24",
        "2001:DB8::/32",
        "2001:db8:0::/32",
        "2001:db8::0/32",
        "2001:db8::/129",
        "2001:db8::1/64",
        "1::2::/128",
        ":1::/128",
        "1:2:3:4:5:6:7:8:9/128",
        "1:2:3:4:5:6:7/128",
        "1:0:0:2:3:4:5:6/128",
        "::ffff:c000:200/120",
        "fe80::%1/64",
        "0.0.0.0/0/0",
        "٠.0.0.0/0",
    ],
)
def test_no_other_text_is_a_network(text: str) -> None:
    assert not is_network(text)
    with contextlib.suppress(UsageError):
        assert network_of(text) != text
