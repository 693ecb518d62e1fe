"""What a running server logs of its own life, and how it is told what to log."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatcore.accounts import Administration
from chatcore.transport import Listen
from cli.logs.setup import LogOptions
from cli.published import Published
from tests.cli.conftest import Inside
from tests.cli.processes import (
    CHAT,
    DEADLINE,
    ChatServer,
    chat_server,
    chat_server_in_session,
    environment,
    line_of,
)
from tests.logged import Logged, events_in
from tests.ports import fixed_port
from tests.rows import ALL
from tests.transports.peers import PlainPeer, TypedPeer
from tests.transports.tls import new_certificate
from transports.certificates import Certificate

JSON = ("--log-format", "json")


def stopped(server: ChatServer) -> str:
    """Stop a server; return what it wrote to standard error that was not read yet."""
    server.signal(signal.SIGTERM)
    code, errors = server.wait()
    assert code == 0
    return errors


@pytest.fixture(params=["asyncio", "threaded"] if ALL else ["asyncio"])
def transport(request: pytest.FixtureRequest) -> str:
    """The name of a transport: what is logged is decided above and below it."""
    return str(request.param)


def ordinary_load(server: ChatServer) -> None:
    """Come, talk, look around, go, break off and come back."""
    with TypedPeer(server.port(), "ann", "lobby") as ann, TypedPeer(server.port(), "bob", "lobby") as bob:
        ann.post("hello", "1")
        ann.ask("history", room="lobby", before=2)
        bob.ask("leave", room="lobby")
        bob.settle()
        ann.settle()
        bob.reset()
    with TypedPeer(server.port(), "cleo", "lobby", "ops") as cleo, PlainPeer(server.port(1)) as plain:
        plain.say("hello")
        cleo.post("hello", "2", room="ops")
        cleo.settle()


@pytest.mark.logs("journal.opened", "server.started", "server.draining", "server.stopped")
def test_ordinary_load_is_not_logged_and_start_and_stop_are(tmp_path: Path, transport: str) -> None:
    args = (*JSON, "--transport", transport, "--journal", f"sqlite:{tmp_path / 'journal.db'}")
    with chat_server(*args, listens=("chat://127.0.0.1:0", "plain://127.0.0.1:0")) as server:
        ordinary_load(server)
        logged = events_in(stopped(server))
    assert logged.names == ["journal.opened", "server.started", "server.draining", "server.stopped"]
    (_, opened), (_, started), (_, draining), _ = logged.events
    assert opened == {"kind": "sqlite", "path": str(tmp_path / "journal.db"), "durability": "synced"}
    assert started["urls"] == " ".join(server.urls)
    assert (started["transport"], started["process"]) == (transport, server.process.pid)
    assert draining["signal"] == "SIGTERM"


@pytest.mark.logs("journal.connecting")
def test_a_log_that_is_not_connected_yet_is_named_at_the_start_and_has_no_index_to_fail(
    tmp_path: Path,
) -> None:
    state = tmp_path / "a.db"
    with chat_server(*JSON, "--journal", f"nats://127.0.0.1:{fixed_port()}?state={state}") as server:
        said = [server.says()]
        while "server.started" not in said[-1]:
            said.append(server.says())
        logged = events_in("".join(said) + stopped(server))
    assert "journal.opened" not in logged.names
    assert "index.unusable" not in logged.names


@pytest.mark.parametrize("level", ["warning", "error"])
def test_above_the_level_of_a_start_and_a_stop_nothing_is_logged(level: str) -> None:
    with chat_server("--log-level", level) as server:
        assert stopped(server) == ""


def test_the_environment_may_say_what_to_log_and_how() -> None:
    with chat_server(CHAT_SERVER_LOG_LEVEL="info", CHAT_SERVER_LOG_FORMAT="json") as server:
        found = [json.loads(line) for line in stopped(server).splitlines()]
    assert [entry["event"] for entry in found][-1] == "server.stopped"
    assert LogOptions("error", "json").level == logging.ERROR


@pytest.mark.parametrize(("option", "words"), [("level", "info, warning"), ("format", "text, json")])
def test_a_level_and_a_format_that_there_are_not_are_usage_errors(
    inside: Inside, tmp_path: Path, option: str, words: str
) -> None:
    done = inside("server", f"--log-{option}", "loud")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"chat: --log-{option} must be one of {words}")
    (tmp_path / "chat.toml").write_text(f'[server]\nlog_{option} = "loud"\n')
    done = inside("server", CHAT_CONFIG=str(tmp_path / "chat.toml"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("format", ["text", "json"])
def test_under_systemd_lines_have_a_priority_and_no_time(tmp_path: Path, format: str) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        found = os.fstat(journal.fileno())
        stream = f"{found.st_dev}:{found.st_ino}"
        with subprocess.Popen(
            [CHAT, "server", "--listen", "chat://127.0.0.1:0", "--log-format", format],
            env=environment(JOURNAL_STREAM=stream),
            stdout=subprocess.PIPE,
            stderr=journal,
            text=True,
        ) as server:
            assert line_of(server.stdout).startswith("listening on")
            server.terminate()
            assert server.wait(DEADLINE) == 0
        lines = (tmp_path / "journal").read_text().splitlines()
    begins = "<6>chat.server: " if format == "text" else '<6>{"time": '
    assert len(lines) == 4
    assert all(line.startswith(begins) for line in lines)


@pytest.mark.logs("certificate.doubtful", "server.reloading", "certificate.reloaded", "settings.changed")
def test_a_reload_is_logged_with_what_it_loads_and_what_needs_a_restart(tmp_path: Path) -> None:
    settings, cert = tmp_path / "chat.toml", new_certificate(tmp_path)
    settings.write_text("nick = 'ada'\n")
    cert.chmod(0o644)
    args = (*JSON, "--listen", "chats://127.0.0.1:0", "--cert", str(cert))
    with chat_server_in_session(lambda: None, *args, CHAT_CONFIG=str(settings)) as server:
        start = [server.says() for _ in range(3)]
        settings.write_text("nick = 'grace'\n")
        new_certificate(tmp_path)
        server.signal(signal.SIGHUP)
        reload = [server.says_in_time("SIGHUP"), *(server.says() for _ in range(3))]
        stop = stopped(server)
    assert sorted(events_in("".join(start)).names) == [
        "certificate.doubtful",
        "journal.opened",
        "server.started",
    ]
    names = events_in("".join(reload)).names
    assert names[:3] == ["server.reloading", "certificate.reloaded", "settings.changed"]
    assert names[3] == "certificate.doubtful"
    assert events_in(stop).names[-2:] == ["server.draining", "server.stopped"]


@pytest.mark.logs("accounts.required", "certificate.self_made", "links.renewed")
def test_accounts_and_a_self_made_certificate_are_named_at_the_start(tmp_path: Path) -> None:
    accounts, cert = tmp_path / "accounts.db", tmp_path / "own.pem"
    with Administration(accounts, by="local:test", create=True) as administration:
        administration.add("ada")
    before = Certificate.auto(cert)
    args = (*JSON, "--listen", "chats://127.0.0.1:0", "--cert", str(cert), "--accounts", str(accounts))
    url = ("--public-url", "chats://chat.example")
    with chat_server_in_session(lambda: None, *args, *url) as server:
        start = events_in("".join(server.says() for _ in range(4)))
        cert.unlink()
        Certificate.auto(cert)
        server.signal(signal.SIGHUP)
        events_in(server.says_in_time("links.renewed"))
        stopped(server)
    assert ("accounts.required", {"path": str(accounts)}) in start.events
    assert ("certificate.self_made", {"fingerprint": before.fingerprint}) in start.events


@pytest.mark.logs("links.outdated")
def test_links_that_cannot_get_a_new_fingerprint_are_logged(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.db"
    with Administration(accounts, by="local:test", create=True) as administration:
        administration.add("ada")
    published = Published(accounts, ["chats://chat.example"], Certificate.auto(tmp_path / "own.pem"))
    accounts.unlink()
    published.begin([Listen.parse("chats://127.0.0.1:7024", Certificate.auto(tmp_path / "own.pem").channel)])


CRASHING = """
import sys
import warnings
from chatcore.server.endpoint import Endpoint
from cli.app import main

class Bug(Exception):
    pass

def fail(*args):
    warnings.warn("deprecated\\nin two lines")
    raise Bug("what nobody expects\\nnor this")

Endpoint.next_deadline = fail
sys.argv = ["chat", "server", "--listen", "chat://127.0.0.1:0", *sys.argv[1:]]
main()
"""


def crashed(*args: str) -> str:
    """Run a server with a bug that ends it; return what it wrote to standard error."""
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, "--transport", "threaded", *args],
        env=environment(PYTHONWARNINGS="always"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with contextlib.closing(process.stdout), contextlib.closing(process.stderr):  # type: ignore[type-var]  # pipes
            _, errors = process.communicate(timeout=DEADLINE)
        assert process.returncode == 1
        return errors


@pytest.mark.logs("transport.failed", "server.crashed")
def test_a_crash_is_logged_with_its_stack_trace_and_ends_the_server() -> None:
    errors = crashed(*JSON)
    logged: Logged = events_in(errors)
    assert {"transport.failed", "server.crashed"} <= set(logged.names)
    assert logged.names[-1] == "server.stopped"
    assert r"UserWarning: deprecated\nin two lines" in logged.foreign[0]
    assert ("server.draining", {"signal": "a bug", "connections": 0}) in logged.events
    (crash,) = [entry for entry in map(json.loads, errors.splitlines()) if entry["event"] == "server.crashed"]
    assert crash["exception"].endswith(r"Bug: 'what nobody expects\nnor this'")


def test_a_stack_trace_in_text_begins_no_line_of_its_own() -> None:
    lines = crashed().splitlines()
    assert any("critical chat.server: this is a bug in the server, which stops now" in line for line in lines)
    assert any(line.startswith("  Traceback") for line in lines)
    assert all(line.startswith(("  ", "20")) for line in lines)
