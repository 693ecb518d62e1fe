"""``chat doctor --journal nats://...``: what it finds of a log that servers share, and of the copy here."""

import itertools
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import transports.jetstream as module
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, write_frame
from cli.checks import Finding
from cli.commands import cluster_status
from cli.log_checks import check_log
from cli.settings.nats_journal import NatsAddress, live_stream_of, parse_address, servers_of, stream_of
from cli.streams import flush
from tests.cli.processes import chat
from tests.jetstream.hubs import hub_on
from tests.jetstream.reader import Node
from tests.jetstream.servers import NatsServers, ask, wait_until_whole
from tests.ports import fixed_port
from transports.jetstream import JetStreamLog

numbers = itertools.count()


class House:
    """A log with two messages, and this machine's copy of it."""

    def __init__(self, nats: NatsServers, folder: Path, more: str = "") -> None:
        self.nats = nats
        self.folder = folder
        self.stream = f"doctor{next(numbers)}"
        self.copy = folder / "copy.db"
        options = f"?stream={self.stream}&state={self.copy}&bytes=2MiB{more}"
        self.journal = f"nats://{','.join(nats.addresses)}{options}"
        with hub_on(self.copy, self.connection()) as hub:
            for text in ("stored", "stored too"):  # an entry each
                hub.post("lobby", "ada", text).result(20.0)
        wait_until_whole(nats, self.stream)

    @property
    def address(self) -> NatsAddress:
        """The address of the log."""
        return parse_address("nats", self.journal.removeprefix("nats:"))

    def connection(self) -> JetStreamLog:
        """Return a connection to the log that a server would have."""
        return JetStreamLog(servers_of(self.address), stream_of(self.address))

    def change(self, statement: str, *values: object) -> None:
        """Change the copy."""
        with closing(sqlite3.connect(self.copy)) as db, db:
            db.execute(statement, values)

    def edit(self, stream: str, **changes: Any) -> None:
        """Change a setting of a stream, as an operator does."""
        config = {**asdict(ask(self.nats, "stream_info", stream).config), **changes}
        ask(
            self.nats, "update_stream", **{name: value for name, value in config.items() if value is not None}
        )

    def findings(self) -> list[Finding]:
        """Return what is found."""
        return [*check_log(self.address)]

    def wrong(self) -> list[Finding]:
        """Return what is wrong."""
        return [finding for finding in self.findings() if finding.advice]


@pytest.fixture
def house(nats: NatsServers, tmp_path: Path) -> House:
    """One of a test's own, on a server that others use too."""
    return House(nats, tmp_path)


def found(findings: list[Finding], what: str) -> list[str]:
    """Return what was found of something."""
    return [finding.found for finding in findings if finding.what == what]


def say_that_two_servers_are_there(house: House) -> None:
    """Append to the log of who is here what chat servers do."""
    live = JetStreamLog(servers_of(house.address), live_stream_of(house.address))
    node = Node(live)
    said = [write_frame(1, Frame(name, 0, 0, ReadDigest(0, NO_DIGEST), {})) for name in ("abc", "def")]
    for entry in said:
        live.append(entry)
    node.wait_for(*said)
    live.close()


def test_nothing_is_wrong_with_a_log_that_is_well(house: House) -> None:
    house.journal += f"&monitor={house.nats.servers[0].monitor}"
    say_that_two_servers_are_there(house)
    findings = house.findings()
    assert [finding for finding in findings if finding.advice] == []
    [server] = found(findings, f"nats-server {house.nats.addresses[0]}")
    assert server.endswith(" with JetStream, messages of up to 4.0 MiB")
    assert "syncs always" in found(findings, f"monitor {house.nats.servers[0].monitor}")
    log = found(findings, f"log {house.stream}")
    assert log[0].startswith("2 entries, its settings are as they have to be, identity ")
    assert log[1:] == [
        "on one server, which must not be lost",
        "0.0 MiB, room for 2.0 MiB more",
        "all of its servers sync always",
        "its clock is this machine's",
    ]
    assert found(findings, f"copy {house.copy}") == [
        "2 messages in 1 room, no problems found",
        "2 of 2 read, 0 behind, the last 2 compared",
    ]
    assert found(findings, f"log {house.stream}-live") == [
        "its settings are as they have to be",
        "2 chat servers heard of in the last 15 s",
    ]


def test_the_command_checks_what_the_server_uses_and_its_exit_code_says_whether_all_is_well(
    house: House,
) -> None:
    done = chat("doctor", CHAT_SERVER_JOURNAL=house.journal)
    assert done.returncode == 0, done.stdout
    assert f"ok     copy {house.copy}: 2 messages in 1 room, no problems found\n" in done.stdout
    assert "journal.db" not in done.stdout
    assert "home directory" not in done.stdout
    house.change("UPDATE meta SET value = 'other' WHERE key = 'identity'")
    done = chat("doctor", "--journal", house.journal)
    assert done.returncode == 1
    assert f"wrong  copy {house.copy}: it is of another log\n       correct state=PATH" in done.stdout


def test_the_status_counts_the_servers_that_are_there(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    cluster_status.run(house.address, as_json=True)
    flush()
    assert "alive" not in json.loads(capfd.readouterr().out)  # nobody has been there yet
    say_that_two_servers_are_there(house)
    cluster_status.run(house.address, as_json=True)
    cluster_status.run(house.address, as_json=False)
    flush()
    told, *rows = capfd.readouterr().out.splitlines()
    assert json.loads(told)["alive"] == 2
    assert "alive     2 chat servers" in rows


def test_without_nats_py_it_is_said_how_to_install_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transports.jetstream", None)
    assert [finding.advice for finding in house.wrong()] == ["install chatcore[cluster]"]


def test_a_log_that_nobody_can_reach_is_told_apart_from_its_servers(house: House) -> None:
    address = f"127.0.0.1:{fixed_port()}"
    house.journal = house.journal.replace(house.nats.addresses[0], address)
    server, log = house.wrong()
    assert (server.what, server.advice) == (
        f"nats-server {address}",
        "start it, and see that this machine reaches it",
    )
    assert "refused" in server.found
    assert (log.what, log.found) == (f"log {house.stream}", "no server of it can be reached")
    assert "a majority of them has to run" in log.advice
    copy = found(house.findings(), f"copy {house.copy}")
    assert copy == ["2 messages in 1 room, no problems found"]  # which needs no server


def test_one_of_several_addresses_where_nobody_is_does_not_hide_the_log(house: House) -> None:
    address = f"127.0.0.1:{fixed_port()}"
    house.journal = house.journal.replace("nats://", f"nats://{address},")
    [server] = house.wrong()
    assert server.what == f"nats-server {address}"


def test_a_server_that_does_not_encrypt_is_none_for_tls(house: House) -> None:
    address = parse_address("tls", house.journal.removeprefix("nats:"))
    server, _ = (finding for finding in check_log(address) if finding.advice)
    assert "it does not encrypt" in server.found
    assert server.advice == "see what `chat cluster config` prints for it"


def test_a_setting_that_was_changed_by_hand_is_named(house: House) -> None:
    house.edit(house.stream, max_age=3_600)
    [log] = house.wrong()
    assert (log.what, log.found) == (f"log {house.stream}", "its max_age is 3600000000000, not unset")
    assert log.advice.startswith("change that at the NATS servers")


def test_a_setting_of_who_is_here_that_was_changed_by_hand_is_named(house: House) -> None:
    node = Node(JetStreamLog(servers_of(house.address), live_stream_of(house.address)))
    node.wait_until_open()
    node.log.close()
    house.edit(f"{house.stream}-live", max_age=7_200)
    [log] = house.wrong()
    assert log.what == f"log {house.stream}-live"
    assert log.found == "its max_age is 7200000000000, not 900000000000; nobody can come in"


def test_a_log_that_is_missing_is_made_by_a_chat_server_unless_this_machine_has_read_one(
    house: House,
) -> None:
    ask(house.nats, "delete_stream", house.stream)
    [log] = house.wrong()
    assert log.found == "there is none, and this machine has read one"
    assert "no chat server makes it again" in log.advice
    house.copy.unlink()
    [log] = house.wrong()
    assert (log.found, log.advice.partition(",")[0]) == ("there is none", "start a chat server")


def test_a_log_that_is_nearly_full_needs_room(house: House) -> None:
    for _ in range(2):
        ask(house.nats, "publish", f"{house.stream}.log", bytes(1_000_000))
    [log] = house.wrong()
    assert log.found == "1.9 MiB, room for 0.1 MiB more"
    assert log.advice.startswith("raise its max_bytes")


def lag(house: House) -> None:
    house.change("UPDATE meta SET value = value - 1 WHERE key = 'position'")


def is_ahead(house: House) -> None:
    house.change("UPDATE meta SET value = value + 5 WHERE key = 'position'")


def is_of_another_log(house: House) -> None:
    house.change("UPDATE meta SET value = 'other' WHERE key = 'identity'")


def has_read_another_entry(house: House) -> None:
    house.change("UPDATE digests SET digest = 'other' WHERE position = 2")


def is_forked(house: House) -> None:
    house.change("UPDATE meta SET value = 'at 1' WHERE key = 'forked'")


def is_cut(house: House) -> None:
    os.truncate(house.copy, 100)


def has_a_damaged_message(house: House) -> None:
    house.change("UPDATE messages SET prev = 7 WHERE seq = (SELECT max(seq) FROM messages)")


def is_another_file(house: House) -> None:
    house.copy.unlink()
    with closing(sqlite3.connect(house.copy)) as db, db:
        db.execute("CREATE TABLE mine (x)")


@pytest.mark.parametrize(
    ("spoil", "words", "advice"),
    [
        (is_ahead, "it has read 7 entries, and the log ends at 2", "new-epoch"),
        (is_of_another_log, "it is of another log", "correct state=PATH"),
        (has_read_another_entry, "it has read another entry 2 than the log has", "new-epoch"),
        (is_forked, "servers have read different logs: at 1", "new-epoch"),
        (is_cut, "cannot be read", "it reads all again"),
        (has_a_damaged_message, "is damaged", "it reads all again"),
        (is_another_file, "is another program's database", "it reads all again"),
    ],
)
def test_a_copy_that_is_not_of_this_log_or_cannot_be_used_is_found(
    house: House, spoil: Callable[[House], None], words: str, advice: str
) -> None:
    spoil(house)
    wrong = house.wrong()
    assert {finding.what for finding in wrong} == {f"copy {house.copy}"}
    assert any(words in finding.found and advice in finding.advice for finding in wrong), wrong


def test_a_copy_that_lags_is_no_problem_and_none_is_none(house: House) -> None:
    lag(house)
    assert found(house.findings(), f"copy {house.copy}")[-1] == "1 of 2 read, 1 behind, the last 1 compared"
    house.copy.unlink()
    assert house.wrong() == []
    assert found(house.findings(), f"copy {house.copy}") == ["there is none yet; a chat server makes it"]


def test_what_a_server_reads_meanwhile_does_not_seem_to_be_ahead(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_while_it_reads(*arguments: Any) -> Any:
        seen = real(*arguments)
        house.change("UPDATE meta SET value = 3 WHERE key = 'position'")
        return seen

    real = module.look
    monkeypatch.setattr(module, "look", look_while_it_reads)
    assert house.wrong() == []
    house.change("UPDATE meta SET value = 2 WHERE key = 'position'")
    assert cluster_status.run(house.address, as_json=False) == 0


@pytest.mark.parametrize(("ahead", "words"), [(3_600, "behind this"), (-3_600, "ahead of this")])
def test_a_clock_that_is_off_is_found(
    house: House, monkeypatch: pytest.MonkeyPatch, ahead: int, words: str
) -> None:
    house.journal += f"&monitor={house.nats.servers[0].monitor}"
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead)
    wrong = {finding.what: finding for finding in house.wrong()}
    monkeypatch.undo()
    for what in (f"log {house.stream}", f"monitor {house.nats.servers[0].monitor}"):
        found = re.fullmatch(rf"its clock is ([\d,]+) s {words} machine's", wrong[what].found)
        assert found, wrong
        assert int(found[1].replace(",", "")) == pytest.approx(3_600, abs=3)  # what an answer takes is in it
        assert "by NTP" in wrong[what].advice
    assert (f"copy {house.copy}" in wrong) == (ahead < 0)  # its last message is of what has not come yet


def test_what_monitoring_says_of_a_server_is_looked_at(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats", sync="2m", max_file="2150KB") as nats:
        house = House(nats, tmp_path)
        assert house.wrong() == []
        assert any("cannot be told" in finding.found for finding in house.findings())
        elsewhere = f"http://127.0.0.1:{fixed_port()}"
        house.journal += f"&monitor={nats.servers[0].monitor},{elsewhere}"
        for _ in range(2):
            ask(nats, "publish", f"{house.stream}.log", bytes(1_000_000))
        synced, room, other, _ = house.wrong()
        assert (synced.what, synced.found) == (f"monitor {nats.servers[0].monitor}", "does not sync always")
        assert (room.what, room.found) == (synced.what, "1.9 MiB stored, of 2.1 MiB that it may store")
        assert room.advice.startswith("raise its max_file")
        assert other.what == f"monitor {elsewhere}"


def test_a_server_without_jetstream_is_found(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats", extra="jetstream: false") as nats:
        journal = f"//{nats.addresses[0]}?state={tmp_path / 'copy.db'}"
        server, log = (finding for finding in check_log(parse_address("nats", journal)) if finding.advice)
    assert server.found.endswith(", without JetStream")
    assert server.advice == "add a jetstream block to its configuration"
    assert log.what == "log chat"


def test_of_three_servers_one_leads_and_one_that_is_away_is_found(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats", 3) as nats:
        house = House(nats, tmp_path)
        house.journal += f"&monitor={','.join(server.monitor for server in nats.servers)}"
        findings = house.findings()
        assert [finding for finding in findings if finding.advice] == []
        log = found(findings, f"log {house.stream}")
        assert log[1] in [f"n{number} leads it" for number in range(3)]
        assert "all of it is on 3 of 3 servers" in log
        assert "all of its servers sync always" in log
        house.journal = house.journal.rpartition(",")[0]
        [count] = house.wrong()
        assert count.found == "2 of its 3 servers are known to sync always, not n2"
        nats.servers[0].stop()
        until = time.monotonic() + 30.0
        words = "all of it is on 2 of 3 servers, not on n0"
        while words not in found(wrong := house.wrong(), f"log {house.stream}"):  # until n0 is missed
            assert time.monotonic() < until, wrong
        assert f"nats-server {nats.addresses[0]}" in [finding.what for finding in wrong]
