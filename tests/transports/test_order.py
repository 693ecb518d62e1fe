"""All members read one order, however many post together and by whatever transport."""

import threading
from itertools import pairwise

from chatcore.transport import Transport
from tests.protocol.frames import Ack, Message, Presence
from tests.transports.conftest import Serve
from tests.transports.peers import TypedPeer
from tests.transports.servers import SERVERS, TLS, WEB, House, new_transport

POSTERS, POSTS = 8, 200


def _post_all(poster: TypedPeer, name: str) -> None:
    for number in range(POSTS):
        poster.post(f"{name} says {number}", f"{name}-{number}")


def _post_together(posters: dict[str, TypedPeer]) -> None:
    threads = [threading.Thread(target=_post_all, args=(peer, name)) for name, peer in posters.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _assert_one_order(readers: list[TypedPeer]) -> None:
    logs = [reader.receive_many(Message, POSTERS * POSTS) for reader in readers]
    first = logs[0]
    assert all(log == first for log in logs)
    assert all(after.prev == before.seq < after.seq for before, after in pairwise(first))
    for name in {message.nick for message in first}:
        own = [message.id for message in first if message.nick == name]
        assert own == [f"{name}-{number}" for number in range(POSTS)]


def test_all_readers_see_one_order_however_many_post(house: House) -> None:
    readers, script = [house.member(f"reader-{number}") for number in range(3)], house.plain()
    posters = {f"poster-{number}": house.member(f"poster-{number}") for number in range(POSTERS)}
    _post_together(posters)
    _assert_one_order([*readers, *posters.values()])
    lines = [script.hear() for _ in range(POSTERS * POSTS)]
    assert sorted(lines) == sorted(f"{n}: {n} says {k}" for n in posters for k in range(POSTS))


def _next_after(name: str) -> Transport:
    names = list(SERVERS)
    index = names.index(name.removesuffix(TLS).removesuffix(WEB)) + 1
    return new_transport(names[index % len(names)])  # also where the other one is encrypted, or for browsers


def test_two_transports_on_one_hub_are_one_room(serve: Serve, transport_name: str) -> None:
    here = serve()
    there = serve(transport=_next_after(transport_name), hub=here.hub)
    readers = [here.member("here"), there.member("there")]
    script, other_script = here.plain(), there.plain()
    posters = {
        f"poster-{number}": (here, there)[number % 2].member(f"poster-{number}") for number in range(POSTERS)
    }
    _post_together(posters)
    _assert_one_order([*readers, *posters.values()])
    script.say("across")
    while (heard := other_script.hear()) != f"{script.nick}: across":
        assert " says " in heard


def test_one_of_two_transports_drains_alone(serve: Serve, transport_name: str) -> None:
    here = serve()
    there = serve(transport=_next_after(transport_name), hub=here.hub)
    bob, ann, carol = there.member("bob"), here.member("ann"), there.member("carol")
    bob.receive(Presence, where=lambda presence: "ann" in presence.joined)
    ann.post("before", "a-1")
    assert bob.receive(Message).text == "before"  # else the post may come after the drain has begun
    closing = threading.Thread(target=here.server.close)
    closing.start()
    frames = ann.receive_all()
    ann.close()
    closing.join()
    assert [frame.seq for frame in frames if isinstance(frame, Ack | Message)] == [1, 1]
    assert frames[-1].type == "closing"
    bob.receive(Presence, where=lambda presence: "ann" in presence.left)
    bob.post("after", "b-1")
    assert [message.text for message in carol.receive_many(Message, 2)] == ["before", "after"]
    assert there.member("dave").receive(Presence).count == 3
