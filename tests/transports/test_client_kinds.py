"""Both clients against every server: what is posted besides texts, and what others see of it."""

from collections.abc import Callable

import pytest

from chatcore import Post, RefusedError
from tests.transports.clients import Visitor
from tests.transports.servers import House

Connect = Callable[..., Visitor]


def test_kinds_and_targets_reach_everybody(house: House, connect: Connect) -> None:
    ann, bob = connect(house.url, nick="ann"), connect(house.url, nick="bob")
    first = ann.post("who is coming?", kind="x.poll")
    ann.post("looks around", kind="action")
    ann.post("deployed", kind="notice")
    ann.post("yes", kind="x.vote", target=first.seq)
    ann.post("as ever", kind="text")
    kinds = [("x.poll", None), ("action", None), ("notice", None), ("x.vote", first.seq), (None, None)]
    heard = [bob.next_message() for _ in kinds]
    assert [(each.kind, each.target) for each in heard if each] == kinds
    assert [(each.kind, each.target) for each in bob.history().messages] == kinds


def test_a_post_repeated_under_its_id_must_have_its_kind(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    ack = ann.post("waves", id="1", kind="action")
    assert ann.post("waves", id="1", kind="action").seq == ack.seq
    for kind in (None, "notice"):
        with pytest.raises(RefusedError, match="conflict"):
            ann.post("waves", id="1", kind=kind)


def test_kinds_of_later_versions_are_refused(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    with pytest.raises(RefusedError) as refused:
        ann.do("ask", Post(room="lobby", id="1", kind="edit", text="another"))
    assert (refused.value.code, refused.value.id, refused.value.retry_after) == ("unknown_kind", "1", None)
    assert ann.post("still here").seq == 1
