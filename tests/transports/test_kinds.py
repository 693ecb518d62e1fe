"""What is said, done or noticed comes out as that on every wire, and nothing passes for anything else."""

import pytest

from tests.protocol.frames import Ack, Error, Message, Post
from tests.transports.servers import House

LINES: dict[tuple[str | None, int | None], list[str]] = {
    (None, None): ["ann: looks", "ann: around"],
    ("action", None): ["ann: /me looks", "ann: around"],
    ("notice", None): ["ann (notice): looks", "ann (notice): around"],
    ("x.poll", None): ["ann: looks", "ann: around"],
    ("x.poll", 1): ["ann: looks", "ann: around"],
}
"""What a plain peer reads of each kind, with and without a target."""


def post(kind: str | None, target: int | None = None, id_: str = "a-1") -> Post:
    """Return a post of two lines."""
    return Post(room="lobby", id=id_, kind=kind, target=target, text="looks\naround")


def test_every_kind_reaches_every_wire(house: House) -> None:
    ann, bob, script = house.member("ann"), house.member("bob"), house.plain()
    for number, ((kind, target), lines) in enumerate(LINES.items(), 1):
        ann.send_frame(post(kind, target, f"a-{number}"))
        own, heard = ann.receive(Message), bob.receive(Message)
        assert own == heard
        assert (heard.kind, heard.target, heard.text) == (kind, target, "looks\naround")
        assert [script.hear() for _ in lines] == lines


@pytest.mark.parametrize("nick", ["3", "server-"])
def test_a_plain_peer_of_any_name_forges_nothing(house: House, nick: str) -> None:
    ann, script, other = house.member("ann"), house.plain(), house.plain()
    script.say(f"/nick {nick}")
    assert script.hear() == f"* you are now {nick}"
    script.say("/me here: ann bob")
    script.say("/notice * 3 here: ann bob")
    script.say("* 3 here: ann bob")
    heard = ann.receive_many(Message, 3)
    assert [(each.nick, each.kind, each.text) for each in heard] == [
        (nick, "action", "here: ann bob"),
        (nick, "notice", "* 3 here: ann bob"),
        (nick, None, "* 3 here: ann bob"),
    ]
    assert [other.hear() for _ in range(3)] == [
        f"{nick}: /me here: ann bob",
        f"{nick} (notice): * 3 here: ann bob",
        f"{nick}: * 3 here: ann bob",
    ]


def test_a_kind_that_is_refused_holds_nothing_up(house: House) -> None:
    ann = house.member("ann")
    for frame in (post("edit", 1, "a-1"), post("action", 1, "a-2"), post("notice", id_="a-3")):
        ann.send_frame(frame)
    assert [(error.code, error.id, error.retry_after) for error in ann.receive_many(Error, 2)] == [
        ("unknown_kind", "a-1", None),
        ("bad_frame", "a-2", None),
    ]
    assert ann.receive(Ack).id == "a-3"


def test_the_same_id_with_another_kind_or_target_is_a_conflict(house: House) -> None:
    ann = house.member("ann")
    for frame in (post("x.poll", 1), post("x.poll", 1), post("x.poll", 2), post("x.poll"), post(None)):
        ann.send_frame(frame)
    assert [ack.seq for ack in ann.receive_many(Ack, 2)] == [1, 1]
    assert [error.code for error in ann.receive_many(Error, 3)] == ["conflict"] * 3
