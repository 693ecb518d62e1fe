"""Clients that have several addresses: they use whichever serves, and move when it no longer does."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatcore import (
    Backoff,
    DisconnectedError,
    Event,
    Gap,
    Joined,
    Message,
    Offline,
    Online,
    RefusedError,
    UsageError,
)
from chatcore.client.connection import HANDSHAKE_SECONDS, Connection
from chatcore.journal.replicated import ReplicatedJournal
from chatcore.limits import ClientLimits
from chatcore.replication.memory import MemoryLog
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.hostile import Guest, HostileServer
from tests.transports.impostor import Impostor, server_context
from tests.transports.peers import DEADLINE, line
from tests.transports.process import ServerProcess
from tests.transports.servers import TLS, House
from tests.transports.tls import authority_file, new_certificate
from transports import threaded_tcp
from transports.certificates import Certificate
from transports.threaded_tcp.posting import Poster, Said

Connect = Callable[..., Visitor]


def quick() -> Backoff:
    return Backoff(first=0.01, longest=0.02)


def listed(*urls: str) -> str:
    """Return the address that names all of these."""
    scheme = urls[0].partition("://")[0]
    return f"{scheme}://{','.join(url.partition('://')[2] for url in urls)}"


@contextmanager
def nobody() -> Iterator[str]:
    """An address at which nobody listens, nor will."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"chat://127.0.0.1:{sock.getsockname()[1]}"


@contextmanager
def mute() -> Iterator[str]:
    """An address that accepts and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"chat://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def cluster(serve: Serve, tmp_path: Path) -> Callable[[], House]:
    """Makes servers with one log."""
    log, number = MemoryLog(), iter(range(9))

    def one_more() -> House:
        return serve(journal=ReplicatedJournal(tmp_path / f"{next(number)}.db", log.connect(), search=False))

    return one_more


def wait_for(visitor: Visitor, kind: type[Event]) -> list[Event]:
    """Return the events up to the first of a kind, that one included."""
    events: list[Event] = []
    while not events or not isinstance(events[-1], kind):
        events.append(visitor.receive(DEADLINE))
    return events


def address(visitor: Visitor) -> str:
    return str(visitor.do("address"))


# --- the first connection ------------------------------------------------------------------------


def test_the_first_address_that_answers_is_used_in_the_order_of_the_list(
    house: House, connect: Connect
) -> None:
    with nobody() as gone:
        if house.url.startswith("chats"):
            gone = gone.replace("chat:", "chats:")
        ann = connect(listed(gone, house.url), nick="ann")
        assert ann.post("hello").seq == 1
        assert address(ann) == house.url
        bob = connect(listed(house.url, gone), nick="bob")
        assert address(bob) == house.url


def test_a_node_that_accepts_and_is_silent_is_passed_over(
    house: House, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    if house.url.startswith("chats"):
        pytest.skip("there the handshake of TLS is what it is silent in")
    deadline, first = Connection.deadline, list[Connection]()

    def short_for_the_first(connection: Connection, limits: ClientLimits) -> float:
        """Give up the silent node soon. The other one has the usual time."""
        first[:] = first or [connection]
        return deadline(connection, limits) - (HANDSHAKE_SECONDS - 0.2 if connection is first[0] else 0.0)

    monkeypatch.setattr(Connection, "deadline", short_for_the_first)
    with mute() as silent:
        ann = connect(listed(silent, house.url), nick="ann")
        assert address(ann) == house.url


def test_a_node_that_is_unavailable_or_drains_is_passed_over(connect: Connect) -> None:
    def unavailable(guest: Guest) -> None:
        guest.asked("hello")
        guest.give(line("error", code="unavailable", message="not now", retry_after=60))
        guest.wait_for_end()

    def draining(guest: Guest) -> None:
        guest.asked("hello")
        guest.give(line("closing", reason="drain", reconnect_after=60))

    def serving(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with HostileServer(unavailable) as one, HostileServer(draining) as two, HostileServer(serving) as three:
        ann = connect(listed(one.url, two.url, three.url), nick="ann")
        assert address(ann) == three.url
        ann.close()


def test_what_every_node_would_refuse_is_asked_once(connect: Connect) -> None:
    def refuse(guest: Guest) -> None:
        guest.asked("hello")
        guest.give(line("error", code="nick_taken", message="no", retry_after=60))
        guest.wait_for_end()

    with HostileServer(refuse) as one, nobody() as gone:
        with pytest.raises(RefusedError) as failed:
            connect(listed(one.url, gone), nick="ann")
        assert failed.value.code == "nick_taken"


def test_where_all_are_dead_the_last_failure_is_raised(connect: Connect) -> None:
    with nobody() as one, nobody() as two, pytest.raises(ConnectionRefusedError):
        connect(listed(one, two), nick="ann")


def test_the_time_is_for_all_addresses_together(connect: Connect) -> None:
    with mute() as one, mute() as two, pytest.raises(TimeoutError, match=f"{one[7:]},"):
        connect(listed(one, two), nick="ann", timeout=0.2)


@pytest.mark.parametrize("url", ["chat://a,", "chat://a,chats://b", "chat://a,b:x"])
def test_what_is_not_a_list_of_addresses_is_refused(connect: Connect, url: str) -> None:
    with pytest.raises(UsageError):
        connect(url, nick="ann")


# --- moving --------------------------------------------------------------------------------------


def test_a_drain_moves_clients_with_their_positions_and_nothing_is_lost_or_twice(
    cluster: Callable[[], House], connect: Connect
) -> None:
    first, second = cluster(), cluster()
    ann = connect(listed(first.url, second.url), nick="ann", reconnect=True, backoff=quick())
    bob = connect(second.url, nick="bob")
    assert address(ann) == first.url
    for number in range(3):
        bob.post(f"before {number}")
    wait_for(ann, Message)
    closer = threading.Thread(target=first.close)
    closer.start()
    posts = [bob.post_nowait(f"after {number}") for number in range(3)]
    own = ann.post_nowait("from the other side")
    closer.join(DEADLINE)
    assert not closer.is_alive()
    assert own.result(DEADLINE).seq
    texts, events = ["before 0"], list[Event]()
    for post in posts:
        post.result(DEADLINE)
    while len(texts) < 7 or not any(isinstance(event, Online) for event in events):
        events.append(ann.receive(DEADLINE))
        if isinstance(events[-1], Message):
            texts.append(events[-1].text)
    assert address(ann) == second.url
    assert not [event for event in events if isinstance(event, Gap)]
    others = [text for text in texts if text != "from the other side"]
    assert others == [f"{when} {number}" for when in ("before", "after") for number in range(3)]


def test_a_node_that_is_killed_is_left_for_the_next_immediately(
    transport_name: str, connect: Connect
) -> None:
    if transport_name.endswith(TLS):
        pytest.skip("the certificates of other processes have other authorities")
    with closing(ServerProcess(transport_name)) as first, closing(ServerProcess(transport_name)) as second:
        # waits of a minute after a whole round, which is none here
        ann = connect(
            listed(first.url, second.url), nick="ann", reconnect=True, backoff=Backoff(first=60, longest=60)
        )
        ann.post("one")
        first.kill()
        post = ann.post_nowait("two")
        offline = next(event for event in wait_for(ann, Online) if isinstance(event, Offline))
        assert offline.retry_in <= 1.0
        assert post.result(DEADLINE).seq
        assert address(ann) == second.url
        ann.close()


def test_it_stays_where_it_worked_though_the_first_is_back(connect: Connect) -> None:
    lose = threading.Event()

    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.reset()

    def stays(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with HostileServer(lost) as one, HostileServer(stays) as two:
        ann = connect(listed(one.url, two.url), nick="ann", reconnect=True, backoff=quick())
        lose.set()
        wait_for(ann, Online)
        assert address(ann) == two.url
        ann.close()


def test_the_secret_goes_along(connect: Connect) -> None:
    lose = threading.Event()
    hellos: list[dict[str, Any]] = []

    def lost(guest: Guest) -> None:
        hellos.append(guest.welcome(session="proof"))
        guest.asked("join")
        guest.give(line("joined", room="lobby", epoch="e", head=5, after=5, count=1))
        assert lose.wait(DEADLINE)
        guest.reset()

    def next_one(guest: Guest) -> None:
        hellos.append(guest.welcome())
        hellos.append(guest.asked("join"))
        guest.wait_for_end()

    with HostileServer(lost) as one, HostileServer(next_one) as two:
        ann = connect(listed(one.url, two.url), nick="ann", reconnect=True, backoff=quick())
        wait_for(ann, Joined)
        lose.set()
        wait_for(ann, Online)
        ann.close()
    assert "session" not in hellos[0]
    assert hellos[1]["session"] == "proof"
    assert hellos[2]["after"] == {"epoch": "e", "seq": 5}


def test_after_a_whole_round_it_comes_back_to_the_only_one_that_lives(connect: Connect) -> None:
    lose = threading.Event()

    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.reset()

    def back(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with HostileServer(lost, back) as one, nobody() as gone:
        ann = connect(listed(one.url, gone), nick="ann", reconnect=True, backoff=quick())
        lose.set()
        events = wait_for(ann, Online)
        assert [event.reason for event in events if isinstance(event, Offline)] == ["lost", "lost"]
        assert address(ann) == one.url
        ann.close()


# --- several machines of one name ----------------------------------------------------------------


def test_a_name_that_stands_for_several_machines_is_a_list_too(
    client_name: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose = threading.Event()

    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.give(line("closing", reason="drain", reconnect_after=60))

    def stays(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with HostileServer(lost) as one, HostileServer(stays) as two:
        ports = [int(each.url.rpartition(":")[2]) for each in (one, two)]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]
        look_up = socket.getaddrinfo

        def named(host: str, *args: Any, **options: Any) -> Any:
            return found if host == "many.example" else look_up(host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", named)
        ann = connect("chat://many.example", nick="ann", reconnect=True, backoff=quick())
        lose.set()
        offline = next(event for event in wait_for(ann, Online) if isinstance(event, Offline))
        assert offline.retry_in <= 1.0
        assert address(ann) == "chat://many.example:7024 (127.0.0.1)"
        ann.close()


# --- certificates --------------------------------------------------------------------------------


def test_one_wrong_certificate_is_one_warning_and_the_others_are_used(
    connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lose = threading.Event()
    context = server_context(str(new_certificate(tmp_path)))
    (tmp_path / "other").mkdir()
    other = server_context(str(new_certificate(tmp_path / "other", "elsewhere.example")))

    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.reset()

    def back(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    with Impostor(other) as wrong, HostileServer(lost, back, contexts=[context, context]) as right:
        other_url = f"chats://127.0.0.1:{wrong.port}"
        url = listed(other_url, right.url)
        ann = connect(url, nick="ann", reconnect=True, backoff=quick(), ca=authority_file())
        lose.set()
        events = wait_for(ann, Online)
        assert [event.reason for event in events if isinstance(event, Offline)] == ["lost", "untrusted"]
        assert address(ann) == right.url
        ann.close()
    assert wrong.plain == b""
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.name for record in warnings] == ["chat.client"]
    assert f"{other_url} is for another name" in warnings[0].message


def test_each_node_is_known_by_its_own_pin(connect: Connect, tmp_path: Path) -> None:
    lose = threading.Event()
    certificates = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        certificates.append(Certificate.auto(tmp_path / name / "server.pem"))

    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.reset()

    def back(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.wait_for_end()

    contexts = [server_context(str(each.cert)) for each in certificates]
    with (
        HostileServer(lost, contexts=contexts[:1]) as one,
        HostileServer(back, contexts=contexts[1:]) as two,
    ):
        pins = {one.url: certificates[0].fingerprint, two.url: certificates[1].pin}
        ann = connect(listed(one.url, two.url), nick="ann", reconnect=True, backoff=quick(), pin=pins)
        lose.set()
        wait_for(ann, Online)
        assert address(ann) == two.url
        ann.close()


def test_a_pin_of_another_node_does_not_count(connect: Connect, tmp_path: Path) -> None:
    certificate = Certificate.auto(tmp_path / "server.pem")
    with Impostor(server_context(str(certificate.cert))) as wrong, nobody() as gone:
        url = f"chats://127.0.0.1:{wrong.port}"
        other = gone.replace("chat:", "chats:")
        with pytest.raises(OSError, match="no authority that you trust vouches for"):
            connect(listed(other, url), nick="ann", pin={other: certificate.pin}, ca=authority_file())
        assert wrong.plain == b""


def test_a_mapping_of_pins_names_one_address_each(connect: Connect) -> None:
    with pytest.raises(UsageError, match="several addresses"):
        connect("chats://a,b", nick="ann", pin={"chats://a,b": "A" * 43})


# --- one message ---------------------------------------------------------------------------------


def post(url: str) -> int:
    said = [Said("p-1", None, "hello")]
    return Poster(url, lambda _: said, nick="ann", room="lobby").run()[0].seq


def test_one_message_is_posted_at_the_first_node_that_serves(cluster: Callable[[], House]) -> None:
    house = cluster()
    if house.url.startswith("chats"):
        pytest.skip("addresses without a certificate serve here")
    with nobody() as gone, mute() as silent:
        first = post(listed(gone, house.url))
        assert post(listed(house.url, silent)) == first  # the same id, the same message


def test_one_message_that_was_not_answered_is_posted_at_the_next_node() -> None:
    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.asked("post")
        guest.reset()

    def next_one(guest: Guest) -> None:
        guest.serve_until_joined()
        asked = guest.asked("post")
        guest.send(line("ack", room="lobby", id=asked["id"], seq=7, durability="memory"))
        guest.wait_for_end()

    with HostileServer(lost) as one, HostileServer(next_one) as two:
        assert post(listed(one.url, two.url)) == 7


def test_one_message_is_refused_where_all_nodes_are_dead() -> None:
    with nobody() as one, nobody() as two, pytest.raises(ConnectionRefusedError):
        post(listed(one, two))


def test_a_loss_after_the_first_welcome_ends_a_client_that_does_not_reconnect(connect: Connect) -> None:
    lose = threading.Event()

    def lost(guest: Guest) -> None:
        guest.serve_until_joined()
        assert lose.wait(DEADLINE)
        guest.reset()

    with HostileServer(lost) as one, nobody() as gone, ExitStack() as stack:
        ann = stack.enter_context(threaded_tcp.connect(listed(one.url, gone), nick="ann", reconnect=False))
        lose.set()
        with pytest.raises(DisconnectedError):
            list(ann.events())
