"""Real clients lose real connections, in every way that is promised, and nothing is missed or said twice.

Each corner of a resume has its test here. The same corners without sockets are in the core's tests.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import pytest

from chatcore import Offline, Online
from chatcore.errors import RefusedError
from tests import rows
from tests.faults.proxy import CLEAN, End, FaultProxy, Faults
from tests.faults.scene import Reader, Scene
from tests.protocol import frames
from tests.protocol.codec import decode_server
from tests.transports.peers import DEADLINE, TypedPeer


class SetScene(Protocol):
    """Starts a server that ends with the test."""

    def __call__(self, **options: Any) -> Scene: ...


@pytest.fixture(params=list(rows.LOSSES), ids="-".join)
def row(request: pytest.FixtureRequest) -> tuple[str, str]:
    server, client = request.param
    return server, client


@pytest.fixture
def server(row: tuple[str, str]) -> str:
    return row[0]


@pytest.fixture
def other(server: str) -> str:
    """The other transport, over TLS too if this one is."""
    kind, dash, tls = server.partition("-")
    return next(name for name in ("asyncio", "threaded") if name != kind) + dash + tls


@pytest.fixture
def set_scene(row: tuple[str, str]) -> Iterator[SetScene]:
    with ExitStack() as stack:

        def start(**options: Any) -> Scene:
            return stack.enter_context(Scene(*row, **options))

        yield start


@pytest.fixture
def scene(set_scene: SetScene) -> Scene:
    return set_scene()


def _cut(proxy: FaultProxy, ana: Reader, end: End = "reset") -> None:
    """Cut a client off, and see it come back."""
    proxy.links[-1].end(end)
    ana.until(Offline)
    ana.until(Online)


def test_a_cut_before_the_first_message_loses_nothing(scene: Scene) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    proxy.refusing = True
    proxy.links[-1].end("reset")
    bob.visitor.post("first")
    proxy.refusing = False
    ana.read_to(1)
    assert (ana.texts(), ana.gaps()) == (["first"], [])


def test_ten_cuts_in_a_row_lose_nothing(scene: Scene) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    for number in range(10):
        proxy.links[-1].end("reset" if number % 2 else "close")
        bob.visitor.post(str(number))
        ana.until(Online)
    ana.read_to(10)
    assert (ana.texts(), ana.gaps()) == ([str(number) for number in range(10)], [])
    assert len(ana.losses()) >= 10


def test_a_client_takes_over_from_its_own_half_open_socket(scene: Scene, server: str) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    _cut(proxy, ana, "half-open")
    rest = proxy.links[0].rest_from_server()
    if server not in rows.ENCRYPTED:
        assert decode_server(rest.splitlines()[-1]) == frames.Closing(reason="taken_over")
    with pytest.raises(RefusedError, match="nick_taken"):
        scene.bystander("ana")
    ana.visitor.post("still me")
    bob.read_to(1)
    assert [message.nick for message in bob.messages()] == [ana.visitor.nick] == ["ana"]
    assert set(bob.visitor.who()) == {"ana", "bob"}


def test_a_black_hole_is_noticed_by_its_silence(set_scene: SetScene) -> None:
    scene = set_scene(keepalive_seconds=0.1, idle_seconds=0.3)
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    proxy.links[-1].end("black-hole")
    post = ana.visitor.post_nowait("is anybody there?")
    assert post.result(DEADLINE).seq == 1
    ana.read_to(1)
    bob.read_to(1)
    assert ana.losses()[0] == "timeout"
    assert ana.texts() == bob.texts() == ["is anybody there?"]


def test_clients_resume_across_a_restart(set_scene: SetScene, server: str, tmp_path: Path) -> None:
    scene = set_scene(path=tmp_path / "journal.db")
    proxies = scene.proxy(), scene.proxy()
    ana, bob = (scene.client(nick, proxy.url) for nick, proxy in zip(("ana", "bob"), proxies, strict=True))
    bob.visitor.post("before")
    scene.restart(server)
    assert bob.visitor.post("after").seq == 2
    for reader in (ana, bob):
        reader.read_to(2)
        assert (reader.texts(), reader.gaps()) == (["before", "after"], [])


def test_a_client_resumes_on_another_transport(scene: Scene, other: str) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    bob.visitor.post("here")
    ana.read_to(1)
    scene.move_to(scene.open_house(other))
    _cut(proxy, ana, "half-open")
    bob.visitor.post("and there")
    ana.read_to(2)
    assert (ana.texts(), ana.gaps(), ana.visitor.nick) == (["here", "and there"], [], "ana")


def test_a_new_epoch_is_a_reset_and_then_everything(scene: Scene, server: str) -> None:
    proxy = scene.proxy()
    ana = scene.client("ana", proxy.url)
    ana.visitor.post("lost with the server")
    ana.read_to(1)
    scene.restart(server)
    assert ana.visitor.post("new times").seq == 1
    while len(ana.texts()) < 2:
        ana.next()
    assert ana.gaps() == [(0, 0, "reset")]
    assert ana.texts() == ["lost with the server", "new times"]


def test_expired_messages_are_one_gap(set_scene: SetScene) -> None:
    scene = set_scene(memory_history_bytes=3_000, tail_bytes=1_000)
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    bob.visitor.post("seen")
    ana.read_to(1)
    proxy.refusing = True
    proxy.links[-1].end("close")
    for number in range(2, 51):
        bob.visitor.post(str(number))
    kept = bob.visitor.history(after=1)
    assert kept.base > 1
    proxy.refusing = False
    ana.read_to(50)
    assert ana.gaps() == [(1, kept.base, "expired")]
    assert ana.texts() == ["seen", *map(str, range(kept.base + 1, 51))]


def test_two_devices_resume_under_two_nicks(scene: Scene) -> None:
    proxy = scene.proxy()
    desk, pocket = scene.client("ana", proxy.url), scene.client("ana-2", proxy.url)
    proxy.end_all("half-open")
    assert desk.visitor.post("from the desk").seq == 1
    assert pocket.visitor.post("from the pocket").seq == 2
    for device in (desk, pocket):
        device.read_to(2)
        assert (device.texts(), device.gaps()) == (["from the desk", "from the pocket"], [])


@pytest.mark.parametrize("end", ["reset", "half-open"])
def test_a_welcome_may_be_lost_five_times(scene: Scene, end: End) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    proxy.plan.extend((CLEAN, Faults(cut_after=number, end=end)) for number in range(5))
    proxy.links[-1].end(end)
    bob.visitor.post("still there?")
    ana.read_to(1)
    assert ana.losses() == ["lost"] * 6
    assert (ana.texts(), ana.gaps(), ana.visitor.nick) == (["still there?"], [], "ana")


def test_a_cut_right_after_joined_does_not_repeat_the_history(scene: Scene) -> None:
    bob, proxy = scene.bystander(), scene.proxy()
    for number in range(1, 11):
        bob.visitor.post(str(number))
    with TypedPeer(scene.house.port("chat"), "eva") as eva:  # whose nick is as long
        eva.ask("join", room="lobby", history=5)
        joined = eva.receive_line()
    ana = scene.client("ana", proxy.url, rooms=())
    proxy.refusing = True
    proxy.links[0].end("close")
    welcome = proxy.links[0].down.passed
    proxy.plan.append((CLEAN, Faults(cut_after=welcome + len(joined))))
    proxy.refusing = False
    assert ana.visitor.join("lobby", history=5).after == 5
    ana.read_to(10)
    assert (ana.texts(), ana.gaps()) == (["6", "7", "8", "9", "10"], [])
    assert proxy.link(2).ended.is_set() is False
    assert proxy.links[1].down.passed == welcome + len(joined)


def test_a_page_asked_for_during_a_resume_arrives(scene: Scene) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    for text in ("one", "two", "three"):
        bob.visitor.post(text)
    ana.read_to(3)
    welcome = proxy.links[-1].down.passed
    proxy.plan.extend((CLEAN, Faults(cut_after=cut, end="half-open")) for cut in range(0, welcome, 100))
    proxy.links[-1].end("half-open")
    page = ana.visitor.history(limit=2)
    assert [message.text for message in page.messages] == ["two", "three"]
    assert (ana.texts(), ana.gaps()) == (["one", "two", "three"], [])


def test_a_post_whose_ack_was_lost_is_stored_once(scene: Scene) -> None:
    proxy = scene.proxy()
    ana, bob = scene.client("ana", proxy.url), scene.bystander()
    proxy.links[0].down.faults = Faults(delay=3_600.0)
    post = ana.visitor.post_nowait("once")
    bob.read_to(1)
    assert not post.done()
    proxy.links[0].end("reset")
    assert post.result(DEADLINE).seq == 1
    assert ana.visitor.post("and this").seq == 2
    for reader in (ana, bob):
        reader.read_to(2)
        assert (reader.texts(), reader.gaps()) == (["once", "and this"], [])


@pytest.mark.parametrize("of_client", [True, False], ids=["of-client", "of-server"])
@pytest.mark.parametrize("pair", list(rows.CUTS), ids="-".join)
def test_a_cut_at_any_byte_of_a_conversation_loses_nothing(pair: tuple[str, str], of_client: bool) -> None:
    with Scene(*pair) as scene:
        proxy, bob = scene.proxy(), scene.bystander()
        ana = scene.client("ana", proxy.url)
        said = 0

        def say() -> None:
            nonlocal said
            said += 1
            assert ana.visitor.post(str(said)).seq == said
            ana.read_to(said)

        proxy.links[0].close()
        say()
        proxy.links[1].close()
        pipe = proxy.links[1].up if of_client else proxy.links[1].down
        chosen = range(0, pipe.passed + 1, rows.CUTS[pair])
        cuts = iter(chosen)
        say()
        while batch := [Faults(cut_after=cut) for cut in islice(cuts, 40)]:
            proxy.plan.extend((cut, CLEAN) if of_client else (CLEAN, cut) for cut in batch)
            for link in list(proxy.links):
                link.close()
            while proxy.plan or (proxy.links[-1].up.faults, proxy.links[-1].down.faults) != (CLEAN, CLEAN):
                say()
        say()
        bob.read_to(said)
        assert ana.texts() == bob.texts() == [str(number) for number in range(1, said + 1)]
        cut_links = [link.up if of_client else link.down for link in proxy.links]
        assert [each.passed for each in cut_links if each.faults != CLEAN] == list(chosen)
