"""Both clients search on every server."""

from collections.abc import Callable

import pytest

from chatcore import RefusedError
from tests.transports.clients import Visitor
from tests.transports.servers import House

Connect = Callable[..., Visitor]


def test_what_was_said_is_found_page_by_page_in_rooms_that_one_is_in(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann", rooms=["lobby", "attic"])
    bob = connect(house.url, nick="bob", rooms=["lobby"])
    for n in range(5):
        ann.post(f"disk {n} full", room=("lobby", "attic")[n % 2])
    bob.post("not mine")
    found = ann.do("search", "DISK", nick="ann", limit=2)
    texts = [message.text for message in found.messages]
    while found.cursor is not None:
        found = ann.do("search", "DISK", nick="ann", limit=2, cursor=found.cursor)
        texts += [message.text for message in found.messages]
    assert texts == [f"disk {n} full" for n in range(4, -1, -1)]
    (hit,) = bob.do("search", '"2 full"').messages
    assert hit == bob.history("lobby", after=hit.seq - 1, limit=1).messages[0]
    assert bob.do("search", "disk", room="lobby", before=hit.seq).messages[0].text == "disk 0 full"
    assert bob.do("search", "disk 1").messages == ()
    with pytest.raises(RefusedError) as refused:
        bob.do("search", "disk", room="attic")
    assert refused.value.code == "not_joined"
