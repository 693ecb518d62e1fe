"""What one server does to a log: it is not there, dies, stands still, refuses, is another one."""

import asyncio
import itertools
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg

from chatcore.replication import LogEntry
from chatcore.replication.fence import ENTRY_BYTES
from tests.faults.proxy import FaultProxy
from tests.jetstream.reader import Heard, Node
from tests.jetstream.servers import NatsServers, SharedLog, ask
from transports.jetstream import JetStreamLog, Servers, Stream
from transports.jetstream import log as module
from transports.jetstream.link import Link
from transports.jetstream.sequence import Sequence

EXPIRING = Stream("live", "live.log", "live.feed", 1, 16 * 1024 * 1024, 600.0)


@pytest.fixture
def logged() -> Iterator[Heard]:
    """What is logged meanwhile."""
    heard = Heard()
    logger = logging.getLogger("chat.journal")
    logger.addHandler(heard)
    yield heard
    logger.removeHandler(heard)


@pytest.fixture
def nodes() -> Iterator[Callable[..., Node]]:
    """Makes nodes, and closes them in the end."""
    made: list[Node] = []

    def make(log: JetStreamLog, after: int = 0) -> Node:
        made.append(Node(log, after))
        return made[-1]

    yield make
    for node in made:
        node.log.close()


@pytest.mark.logs("stream.unreachable", "stream.made", "stream.connected")
def test_a_log_starts_without_a_server_and_is_made_when_there_is_one(
    tmp_path: Path, nodes: Callable[..., Node], logged: Heard
) -> None:
    servers = NatsServers(tmp_path)
    node = nodes(SharedLog(servers).connect())
    node.log.append(b"early")
    node.wait(lambda: logged.of("stream.unreachable"))
    with servers:
        _, first, last, durability = node.wait_until_open()
        assert (first, last) == (1, 0)
        assert durability == "written"
        assert node.wait_for(b"early") == [b"early"]
        assert node.log.server == servers.addresses[0]
        node.log.close()


@pytest.mark.logs("stream.lost")
def test_a_server_that_was_killed_comes_back_with_all_that_was_read(
    tmp_path: Path, nodes: Callable[..., Node]
) -> None:
    with NatsServers(tmp_path) as servers:
        log = SharedLog(servers)
        node = nodes(log.connect())
        for n in range(20):
            node.log.append(b"%d" % n)
        node.wait_for(b"19")
        servers.servers[0].kill()
        node.log.append(b"meanwhile")
        servers.servers[0].start()
        assert node.wait_for(b"meanwhile")[:20] == [b"%d" % n for n in range(20)]
        identity, first, last, _ = node.wait_until_open(2)
        assert (identity, first, last) == (node.openings[0][0], 1, 20)
        other = nodes(log.connect(), after=7)
        other.wait_for(b"meanwhile")
        assert other.read == {position: entry for position, entry in node.read.items() if position >= 7}
        for each in (node, other):
            each.log.close()


def test_a_server_that_stands_still_is_noticed_and_left(
    tmp_path: Path, nodes: Callable[..., Node], logged: Heard
) -> None:
    with NatsServers(tmp_path) as servers:
        node = nodes(SharedLog(servers).connect())
        node.log.append(b"before")
        node.wait_for(b"before")
        servers.servers[0].pause()
        node.wait(lambda: logged.of("stream.lost"))
        servers.servers[0].resume()
        node.log.append(b"after")
        node.wait_for(b"after")
        node.log.close()


def test_entries_are_the_same_from_the_feed_and_when_they_are_asked_for(
    nats: NatsServers, nodes: Callable[..., Node]
) -> None:
    log = SharedLog(nats)
    one = nodes(log.connect())
    one.wait_until_open()
    for n in range(600):
        one.log.append(b"%d" % n)
    one.wait_for(b"599")
    two = nodes(log.connect())
    two.wait_for(b"599")
    assert two.read == one.read


@pytest.mark.logs("stream.unfit")
def test_a_stream_that_others_have_made_is_not_used_and_left_as_it_is(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard
) -> None:
    log = SharedLog(nats)
    ask(nats, "add_stream", name=log.stream.name, subjects=[log.stream.subject])
    node = nodes(log.connect())
    node.wait(lambda: logged.of("stream.unfit"))
    node.log.append(b"x")
    assert not node.openings
    reason = logged.of("stream.unfit")[0]["reason"]
    assert "not made by chat" in reason
    assert "deny_delete is False, not True" in reason or "deny_delete is unset, not True" in reason
    assert ask(nats, "stream_info", log.stream.name).state.messages == 0


def test_a_stream_that_is_gone_is_not_made_again_by_those_that_read_it(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.1)
    monkeypatch.setattr(module, "UNFIT_PAUSE", 0.1)
    log = SharedLog(nats)
    node = nodes(log.connect())
    node.log.append(b"read")
    node.wait_for(b"read")
    ask(nats, "delete_stream", log.stream.name)
    node.wait(lambda: logged.of("stream.unfit"))
    assert "read before" in logged.of("stream.unfit")[0]["reason"]
    other = nodes(log.connect())
    other.log.append(b"of another log")
    identity, *_ = other.wait_until_open()
    node.wait(lambda: node.openings[-1][0] == identity)
    assert node.openings[0][0] != identity
    assert node.wait_for(b"of another log") == [b"of another log"]


def test_a_stream_of_entries_that_expire_is_made_again_as_another_log(
    tmp_path: Path, nodes: Callable[..., Node]
) -> None:
    with NatsServers(tmp_path) as servers:
        log = SharedLog(servers, EXPIRING)
        one, two = nodes(log.connect()), nodes(log.connect())
        one.log.append(b"before")
        one.wait_for(b"before")
        two.wait_for(b"before")
        servers.servers[0].kill()
        shutil.rmtree(servers.servers[0].directory / "store")
        servers.servers[0].start()
        identity, first, _, durability = one.wait_until_open(2)
        assert identity != one.openings[0][0]
        assert (first, durability) == (1, "written")
        two.wait(lambda: two.openings[-1][0] == identity)
        two.log.append(b"after")
        one.wait_for(b"after")
        two.wait_for(b"after")
        for each in (one, two):
            each.log.close()


def test_a_stream_of_entries_that_expire_is_read_from_its_start_if_it_has_lost_some(
    tmp_path: Path, nodes: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ELECTION", 0.2)
    with NatsServers(tmp_path) as servers:
        (server,) = servers.servers
        node = nodes(SharedLog(servers, EXPIRING).connect())
        node.log.append(b"kept")
        node.wait_for(b"kept")
        server.stop()
        shutil.copytree(server.directory / "store", tmp_path / "copy")
        server.start()
        node.log.append(b"lost")
        node.wait_for(b"lost")
        server.stop()
        shutil.rmtree(server.directory / "store")
        shutil.copytree(tmp_path / "copy", server.directory / "store")
        server.start()
        assert node.wait_until_open(3)[1:3] == (1, 1)
        node.log.append(b"after")
        assert node.wait_for(b"after") == [b"kept", b"after"]
        node.log.close()


def test_entries_that_come_while_the_stream_is_looked_at_are_not_taken_for_lost(
    nats: NatsServers, nodes: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    node = nodes(SharedLog(nats).connect())
    node.wait_until_open()
    looks = itertools.count()
    ask_link = Link.ask

    async def ask_and_hear_more(link: Link, subject: str, request: dict[str, Any], timeout: float) -> Any:
        answer = await ask_link(link, subject, request, timeout)
        if subject.startswith("STREAM.INFO"):
            later = b"%d" % next(looks)
            node.log.append(later)
            await asyncio.to_thread(node.wait_for, later)
        return answer

    monkeypatch.setattr(Link, "ask", ask_and_hear_more)
    monkeypatch.setattr(module, "LOOK", 0.01)
    node.wait_for(b"5")
    assert len(node.openings) == 1


def test_entries_that_wait_to_be_reported_while_the_connection_is_lost_are_reported(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = threading.Event()

    class Together(Sequence):
        def take(self) -> list[LogEntry]:
            if self.missing not in (2, 5):  # the first is alone, and the others are together
                return []
            entries = super().take()
            if self.position == 4:
                taken.set()
            return entries

    monkeypatch.setattr(module, "Sequence", Together)
    with FaultProxy(int(nats.addresses[0].rpartition(":")[2])) as proxy:
        node = nodes(SharedLog(nats).connect([f"127.0.0.1:{proxy.port}"]))
        node.log.append(b"0")
        node.wait_for(b"0")
        busy = threading.Event()
        node.log._reports.submit(busy.wait)
        for n in range(1, 4):
            node.log.append(b"%d" % n)
        assert taken.wait(20.0)
        proxy.end_all("reset")
        node.wait(lambda: logged.of("stream.lost"))
        busy.set()
        assert node.wait_for(b"3") == [b"0", b"1", b"2", b"3"]


def test_entries_that_are_gone_from_a_stream_are_reported_once_that_is_sure(
    tmp_path: Path, nodes: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ELECTION", 1.0)
    with NatsServers(tmp_path) as servers:
        log = SharedLog(servers)
        node = nodes(log.connect())
        node.log.append(b"1")
        node.wait_for(b"1")
        node.log.close()
        later = nodes(log.connect(), after=5)
        _, first, last, _ = later.wait_until_open()
        assert (first, last) == (1, 1)
        later.log.close()
        assert not later.read


def test_a_server_that_does_not_know_yet_that_it_no_longer_leads_is_not_believed_at_a_start(
    nats: NatsServers, nodes: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SharedLog(nats)
    writer = nodes(log.connect())
    for data in (b"1", b"2"):
        writer.log.append(data)
    writer.wait_for(b"1", b"2")
    writer.log.close()
    looks = itertools.count()
    ask_link = Link.ask

    async def ask_one_that_is_late(
        link: Link, subject: str, question: Mapping[str, Any], timeout: float
    ) -> dict[str, Any]:
        answer = await ask_link(link, subject, question, timeout)
        if subject.startswith("STREAM.INFO") and next(looks) == 0:
            answer["state"]["last_seq"] -= 1
        return answer

    monkeypatch.setattr(Link, "ask", ask_one_that_is_late)
    reader = nodes(log.connect(), after=2)
    assert reader.wait_until_open()[1:3] == (1, 2)
    assert next(looks) == 2


def test_a_stream_that_has_again_what_was_read_of_it_is_followed_again(
    nats: NatsServers, nodes: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ELECTION", 0.2)
    monkeypatch.setattr(module, "LOOK", 0.05)
    log = SharedLog(nats)
    writer = nodes(log.connect())
    writer.log.append(b"1")
    writer.wait_for(b"1")
    reader = nodes(log.connect(), after=3)
    assert reader.wait_until_open()[1:3] == (1, 1)
    for data in (b"2", b"3", b"4"):
        writer.log.append(data)
    reader.wait_until_open(2)
    assert reader.wait_for(b"4") == [b"3", b"4"]


@pytest.mark.logs("stream.entry_too_large")
def test_an_entry_that_counts_nowhere_is_not_sent(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard
) -> None:
    node = nodes(SharedLog(nats).connect())
    node.log.append(b"e" * (ENTRY_BYTES + 2))
    node.wait_until_open()
    node.log.append(b"f" * (ENTRY_BYTES + 1))
    node.log.append(b"g" * ENTRY_BYTES)
    node.wait_for(b"g" * ENTRY_BYTES)
    assert len(node.data) == 1
    assert [each["size"] - ENTRY_BYTES for each in logged.of("stream.entry_too_large")] == [2, 1]
    assert not logged.of("stream.lost")


def test_a_server_that_would_not_take_the_longest_entry_is_not_used_until_it_does(
    tmp_path: Path, nodes: Callable[..., Node], logged: Heard
) -> None:
    with NatsServers(tmp_path, max_payload="1MB") as servers:
        node = nodes(SharedLog(servers).connect())
        node.wait(lambda: logged.of("stream.unfit"))
        reason = logged.of("stream.unfit")[0]["reason"]
        assert "max_payload is 1048576" in reason
        assert ask(servers, "streams_info") == []
        servers.servers[0].configure("max_payload: 1MB", reason.split('"')[1])
        node.wait_until_open()
        node.log.close()


@pytest.mark.logs("stream.entry_refused")
def test_a_stream_that_is_full_refuses_and_keeps_what_it_has(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard
) -> None:
    stream = Stream.of_messages("full", 1, 20_000)
    node = nodes(SharedLog(nats, stream).connect())
    for n in range(10):
        node.log.append(b"%d" % n * 5_000)
    node.wait(lambda: logged.of("stream.entry_refused"))
    assert logged.of("stream.entry_refused")[0]["error"] == "maximum bytes exceeded (10077)"
    kept = ask(nats, "stream_info", stream.name).state.messages
    other = nodes(SharedLog(nats, stream).connect())
    for each in (node, other):
        each.wait(lambda: len(each.read) == kept)  # noqa: B023  # it is called here
    assert other.read == node.read
    assert node.data[0] == b"0" * 5_000


@pytest.mark.logs("stream.entry_refused")
def test_a_stream_that_is_full_again_gives_the_reason_again(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard
) -> None:
    node = nodes(SharedLog(nats, Stream.of_messages("full-again", 1, 20_000)).connect())
    for times in (1, 2):
        node.log.append(b"%d" % times)
        node.wait_for(b"%d" % times)
        node.log.append(b"%d" % times * 20_000)
        node.wait(lambda: len(logged.of("stream.entry_refused")) == times)  # noqa: B023  # it is called here


class Damaged(JetStreamLog):
    """A node to which nobody has its second entry."""

    damaged = True

    def _take(self, entry: LogEntry) -> None:
        if entry.position != 2 or not self.damaged:
            super()._take(entry)
        else:
            self._sequence.note_last(entry.position)


class Deaf(JetStreamLog):
    """A node that nothing reaches by the feed; ``waits`` is set while it waits for news."""

    def __init__(self, servers: Servers, stream: Stream) -> None:
        super().__init__(servers, stream)
        self.waits = threading.Event()

    async def _hear(self, message: Msg) -> None:
        pass

    async def _wait_until_wanted(self) -> None:
        self.waits.set()
        await super()._wait_until_wanted()


def test_an_entry_of_ours_that_the_feed_loses_is_asked_for_soon(
    nats: NatsServers, nodes: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_PROBE", 600.0)
    log = Deaf(Servers(nats.addresses), nats.new_stream())
    node = nodes(log)
    assert log.waits.wait(20.0)
    log.append(b"ours")
    node.wait_for(b"ours")


@pytest.mark.logs("stream.incomplete")
def test_an_entry_that_nobody_has_is_waited_for_and_never_left_out(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MISSING", 1.0)
    log = SharedLog(nats)
    damaged = Damaged(Servers(nats.addresses), log.stream)
    node = nodes(damaged)
    for n in (1, 2, 3):
        node.log.append(b"%d" % n)
    node.wait(lambda: logged.of("stream.incomplete"))
    assert node.data == [b"1"]
    assert logged.of("stream.incomplete")[0]["position"] == 2
    damaged.damaged = False
    assert node.wait_for(b"3") == [b"1", b"2", b"3"]


@pytest.mark.logs("stream.failed")
def test_a_bug_costs_a_connection_and_not_the_log(
    nats: NatsServers, nodes: Callable[..., Node], logged: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(link: Link) -> str:
        raise RuntimeError("a bug")

    log = SharedLog(nats)
    with monkeypatch.context() as patch:
        patch.setattr(Link, "inbox", fail)
        node = nodes(log.connect())
        node.wait(lambda: logged.of("stream.failed"))
    node.log.append(b"x")
    node.wait_for(b"x")


def test_a_log_that_was_never_connected_can_be_closed() -> None:
    log = JetStreamLog(Servers(("127.0.0.1:1",)), Stream.of_messages("chat", 1))
    log.close()
    log = JetStreamLog(Servers(("127.0.0.1:1",)), Stream.of_messages("chat", 1))
    node = Node(log)
    log.close()
    log.close()
    log.append(b"x")
    assert not node.openings
