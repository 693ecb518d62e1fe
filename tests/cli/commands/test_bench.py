"""``chat bench`` against real servers, sound ones and faulty ones."""

import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from cli.commands.bench import Progress
from cli.load.engine import run as run_load
from cli.load.plan import Plan
from cli.load.tally import Tally
from tests.cli.commands.tamper import Tamper
from tests.cli.processes import rest_of, spawn
from tests.transports.servers import SERVERS, House, new_transport
from transports.threaded_tcp import connect


@pytest.fixture(params=list(SERVERS))
def any_house(request: pytest.FixtureRequest) -> Iterator[House]:
    """A server on each transport in turn."""
    with closing(House(new_transport(request.param), urls=["chat://127.0.0.1:0"])) as house:
        yield house


@pytest.fixture
def house() -> Iterator[House]:
    """A server without limits."""
    with closing(House(new_transport("asyncio"), urls=["chat://127.0.0.1:0"])) as house:
        yield house


def plan(**more: Any) -> Plan:
    """Return a small load."""
    values: dict[str, Any] = {
        "run": "run",
        "members": 10,
        "posters": 3,
        "stalled": 0,
        "rate": 50.0,
        "window": 0,
        "seconds": 0.1,
        "payload": 64,
        "room": "Bench",
    }
    return Plan(**values | more)


def load(port: int, **more: Any) -> Tally:
    return load_all([port], **more)


def load_all(ports: Sequence[int], **more: Any) -> Tally:
    """Put a server under load at several ports."""
    places = [("127.0.0.1", port) for port in ports]
    return run_load(plan(**more), places, lambda joined, deliveries: None)


def bench(*args: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["bench", *args])


def limited(**limits: Any) -> House:
    """Return a server with limits."""
    return House(new_transport("asyncio"), **limits)


# --- sound servers -------------------------------------------------------------------------------


def test_a_rate_is_delivered_to_every_member(any_house: House) -> None:
    tally = load(any_house.port("chat"))
    assert (tally.joined, tally.sent, tally.acked, tally.deliveries) == (10, 15, 15, 150)
    assert (tally.lost, tally.duplicated, tally.disordered, tally.altered) == (0, 0, 0, 0)
    assert not tally.broken
    assert tally.acks.count == 15
    assert tally.delivery.count == 150
    assert 0 < tally.delivery.quantile(0.5) <= tally.delivery.maximum < tally.seconds + 1.0
    assert tally.bytes_received > 150 * 64


def test_a_flood_is_delivered_to_every_member_that_reads(any_house: House) -> None:
    tally = load(any_house.port("chat"), rate=None, window=16, stalled=2, payload=500)
    assert tally.sent == tally.acked >= 48
    assert tally.deliveries == tally.sent * 8
    assert not tally.broken


def test_pings_are_answered() -> None:
    with closing(limited(keepalive_seconds=0.05, idle_seconds=1.0)) as house:
        assert not load(house.port("chat"), rate=5.0, seconds=1.2).broken


def test_refusals_for_now_are_counted_and_are_not_a_fault() -> None:
    with closing(limited(frames_per_second=100.0, frames_burst=5)) as house:
        tally = load(house.port("chat"), rate=None, window=8)
    assert tally.refusals.keys() == {"rate_limited"}
    assert tally.acked >= 9  # after hello and join, each poster has three frames left
    assert not tally.broken


def test_two_tests_in_one_room_do_not_disturb_each_other(house: House) -> None:
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(load, house.port("chat"), run="other", rate=None, window=5)
        tally = load(house.port("chat"), rate=None, window=5, seconds=0.2)
        assert not other.result().broken
    assert tally.deliveries > tally.sent * 10
    assert not tally.broken


def test_members_connect_to_each_address_in_turn() -> None:
    with closing(House(new_transport("asyncio"), urls=["chat://127.0.0.1:0"] * 2)) as house:
        ports = [each.port for each in house.server.listening]
        tally = load_all(ports)
        done = bench(
            f"chat://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}", "--members", "6", "--duration", "0.1"
        )
    assert (tally.joined, tally.deliveries, tally.broken) == (10, 150, False)
    assert (done.exit_code, done.stderr) == (0, "")


# --- faulty servers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "change", "lost", "duplicated", "disordered"),
    [
        (0, lambda lines: lines[:1] + lines[2:], 1, 0, 0),
        (9, lambda lines: lines[:1] + lines[2:], 1, 0, 0),
        (9, lambda lines: lines + lines[1:2], 0, 1, 0),
        (9, lambda lines: [lines[1], lines[0], lines[2]], 0, 0, 1),
    ],
    ids=["lost by a poster", "lost", "twice", "swapped"],
)
def test_a_fault_on_one_connection_is_found(
    house: House,
    connection: int,
    change: Callable[[list[bytes]], list[bytes]],
    lost: int,
    duplicated: int,
    disordered: int,
) -> None:
    with closing(Tamper(house.port("chat"), connection, 3, change)) as proxy:
        tally = load(proxy.port, rate=None, window=4, seconds=0.1)
    assert (tally.lost, tally.duplicated, tally.disordered) == (lost, duplicated, disordered)
    assert tally.broken


def test_servers_that_share_nothing_are_found(house: House) -> None:
    with closing(House(new_transport("threaded"), urls=["chat://127.0.0.1:0"])) as other:
        tally = load_all([house.port("chat"), other.port("chat")])
    assert tally.joined == 10
    assert tally.lost > 0
    assert tally.broken


def test_an_address_at_which_nobody_is_ends_the_test(house: House) -> None:
    done = bench(f"{house.url},127.0.0.1:1", "--members", "6", "--duration", "0.1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"no server at {house.url},127.0.0.1:1" in done.stderr


def test_a_lost_message_is_exit_1(house: House) -> None:
    with closing(Tamper(house.port("chat"), 4, 1, lambda lines: [])) as proxy:
        url = f"chat://127.0.0.1:{proxy.port}"
        done = bench(url, "--members", "5", "--posters", "1", "--rate", "50", "--duration", "0.1")
    assert done.exit_code == 1
    assert "lost          1\n" in done.stdout


def test_disconnected_members_are_reported(house: House) -> None:
    with ThreadPoolExecutor(1) as pool, connect(house.url, nick="ada", rooms=["bench"]) as ada:
        running = pool.submit(load, house.port("chat"), seconds=30.0)
        next(iter(ada))
        house.close()
        tally = running.result()
    assert tally.disconnected == {"the connection ended (drain)": 10}
    assert tally.broken


def test_a_server_of_another_protocol_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"220 mail.example.org ESMTP\r\n")
                while sock.recv(65536):
                    pass

        served = pool.submit(serve)
        url = f"chat://127.0.0.1:{listener.getsockname()[1]}"
        done = bench(url, "--members", "1", "--posters", "1")
        served.result()
    assert done.exit_code == 1
    assert "not a frame" in done.stderr


# --- the command ---------------------------------------------------------------------------------


def test_a_table_is_printed(house: House) -> None:
    done = bench(house.url, "--duration", "0.1")
    assert (done.exit_code, done.stderr) == (0, "")
    rows = [line[:14].strip() for line in done.stdout.splitlines()]
    assert rows == [
        *("members", "posters", "posts", "deliveries", "received", "", "to delivery", "to ack"),
        *("lost", "duplicated", "out of order"),
    ]
    assert "5 of 5 sent, 5 acknowledged, 0 refused" in done.stdout
    assert "500 in " in done.stdout


def test_json_is_one_object(house: House) -> None:
    done = bench(house.url, "--duration", "0.1", "--json", "--flood", "2", "--members", "5")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert found["deliveries"] == 5 * found["posts"]["acked"] > 0
    assert found["delivery_ms"].keys() == {"p50", "p90", "p99", "max"}


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"connections_per_address": 3}, "--limit connections_per_address="),
        ({"connections": 3}, "--limit connections="),
        ({"members_per_room": 3}, "--limit members_per_room="),
    ],
)
def test_a_refused_member_is_reported_with_the_limit_to_change(limits: dict[str, int], words: str) -> None:
    with closing(limited(**limits)) as house:
        done = bench(house.url, "--members", "5", "--posters", "1")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_refused_posts_are_exit_3_with_their_number_and_the_limit_to_change() -> None:
    with closing(limited(frames_per_second=10.0, frames_burst=5)) as house:
        done = bench(house.url, "--members", "2", "--posters", "1", "--flood", "10", "--duration", "0.1")
    assert done.exit_code == 3
    assert "--limit frames_per_second=none" in done.stderr
    assert re.search(r"posts were refused (once|\d+ times) \(rate_limited\)", done.stderr)
    assert re.search(r"\d+ of \d+ posts were not stored", done.stderr)


def test_posts_that_are_all_refused_for_good_are_exit_3() -> None:
    with closing(limited(text_bytes=100, line_bytes=2_000)) as small:
        url = small.url
        done = bench(
            url, "--members", "2", "--posters", "1", "--duration", "0.1", "--payload", "200", "--json"
        )
    assert done.exit_code == 3
    found = json.loads(done.stdout)
    assert (found["ok"], found["posts"]["acked"], found["posts"]["unstored"]) == (False, 0, 1)
    assert found["refusals"] == {"too_long": 1}
    assert "posts were refused once (too_long)" in done.stderr
    assert "1 of 1 posts were not stored" in done.stderr


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["chat://127.0.0.1:1"], 1, ["chat server"]),
        (["plain://127.0.0.1:7024"], 2, ["chat://"]),
        (["--rate", "1", "--flood", "1"], 2, ["--rate", "--flood"]),
        (["--members", "1"], 2, ["--posters"]),
        (["--members", "2", "--posters", "1", "--stalled", "1", "--room", "no room"], 2, ["room"]),
    ],
)
def test_a_mistake_has_its_exit_code_and_says_what_is_wrong(
    args: list[str], code: int, words: list[str]
) -> None:
    done = bench(*args)
    assert done.exit_code == code
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)


def test_more_members_than_open_files_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.commands.bench.allow_descriptors", lambda: 100)
    done = bench("chat://127.0.0.1:1", "--members", "100")
    assert done.exit_code == 2
    assert "ulimit -Hn" in done.stderr


def test_ctrl_c_prints_the_results_so_far(house: House) -> None:
    with connect(house.url, nick="ada", rooms=["bench"]) as ada, spawn("bench", house.url) as process:
        next(iter(ada))
        os.kill(process.pid, signal.SIGINT)
        output, errors = rest_of(process)
    assert process.returncode == 130
    assert "lost          0\n" in output
    assert errors == ""


def test_progress_is_shown_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress(plan())
    progress.show(3, 0)
    progress.show(10, 1_200)
    progress.erase()
    assert capsys.readouterr().err.split("\r") == [
        "",
        "3 of 10 members, 0 deliveries/s",
        "10 of 10 members, 1,200 deliveries/s",
        " " * 36,
        "",
    ]
