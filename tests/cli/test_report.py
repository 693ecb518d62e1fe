"""How errors become an exit code: success is only what has succeeded."""

import errno
import io
import os
import socket
import ssl
from pathlib import Path

import pytest
import typer

from chatcore import RefusedError
from cli.report import FAILED, reaching, reporting
from cli.streams import ReaderGoneError, flush
from tests.cli.conftest import Inside
from tests.cli.processes import chat
from tests.transports.turned_away import turning_away

SECRET = "x" * 43

COMMANDS = {
    "client": "client URL --nick ann",
    "send": "send lobby hello --url URL --nick ann",
    "tail": "tail lobby --url URL --nick ann",
    "tail -f": "tail lobby -f --url URL --nick ann",
    "rooms": "rooms --url URL --nick ann",
    "status": "status URL",
}


@pytest.mark.parametrize("scheme", ["chat", "chats"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_address_that_is_kept_out_fails_and_says_what_to_do(
    inside: Inside, command: str, scheme: str
) -> None:
    with turning_away() as port:
        done = inside(*COMMANDS[command].replace("URL", f"{scheme}://127.0.0.1:{port}").split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (FAILED, "", 1)
    assert "it may keep out this address: try again in two minutes, or ask its owner" in done.stderr


def test_who_is_kept_out_joins_nobody_and_keeps_the_link(tmp_path: Path) -> None:
    with turning_away() as port:
        link = f"chats://127.0.0.1:{port}/#{SECRET}"
        done = chat("join", "--nick", "ann", stdin=f"{link}\n", XDG_DATA_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (FAILED, "", 1)
    assert "it may keep out this address" in done.stderr


@pytest.mark.parametrize(
    ("message", "retry_after", "line"),
    [
        ("no key", None, "no key (unauthorized); this server needs a key: run `chat join` with a link"),
        ("no such link; ask for another", None, "no such link; ask for another (unauthorized)\n"),
        ("wait; or not", 2.0, "wait; or not (unauthorized); try again in 2 s\n"),
    ],
)
def test_a_refusal_has_one_advice(
    capfd: pytest.CaptureFixture[str], message: str, retry_after: float | None, line: str
) -> None:
    with pytest.raises(typer.Exit), reporting():
        raise RefusedError("unauthorized", message, retry_after=retry_after)
    assert capfd.readouterr().err.startswith(f"chat: the server refused: {line}")


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ConnectionResetError(104, "reset")])
def test_a_socket_that_breaks_is_no_success(capfd: pytest.CaptureFixture[str], error: OSError) -> None:
    with pytest.raises(typer.Exit) as end, reporting():
        raise error
    assert end.value.exit_code == FAILED
    assert capfd.readouterr().err == f"chat: {error}\n"


def test_output_that_nobody_reads_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(Broken()))
    with reporting():
        with pytest.raises(ReaderGoneError):
            flush()
        flush()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "there is no host of this name;",
        ),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure"),
            "its name could not be looked up (Temp",
        ),
        (OSError(errno.ENETUNREACH, "Connect call failed ('::1', 1)"), os.strerror(errno.ENETUNREACH)),
        (OSError(errno.EHOSTUNREACH, "No route to host"), os.strerror(errno.EHOSTUNREACH)),
        (OSError(errno.EINVAL, "Invalid argument"), os.strerror(errno.EINVAL)),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), "no answer in time"),
        (TimeoutError(), "no answer in time"),
        (TimeoutError("no answer within 3 s"), "no answer within 3 s"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_in_words(
    capfd: pytest.CaptureFixture[str], error: OSError, line: str
) -> None:
    with pytest.raises(typer.Exit) as left, reporting(), reaching("chat://server.test:1"):
        raise error
    assert left.value.exit_code == FAILED
    told = capfd.readouterr().err
    assert told.startswith(f"chat: cannot reach chat://server.test:1: {line}")
    assert "Errno" not in told


@pytest.mark.parametrize(
    "error", [ssl.SSLError(errno.EPERM, "not trusted"), OSError(errno.EACCES, "Permission denied", "ca.pem")]
)
def test_what_is_wrong_with_tls_or_a_file_is_no_matter_of_the_network(
    capfd: pytest.CaptureFixture[str], error: OSError
) -> None:
    with pytest.raises(typer.Exit), reporting(), reaching("chat://server.test:1"):
        raise error
    assert capfd.readouterr().err == f"chat: {error}\n"


def test_a_lack_of_descriptors_is_no_matter_of_the_network(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reporting(), reaching("chat://server.test:1"):
        raise OSError(errno.EMFILE, "Too many open files")
    assert capfd.readouterr().err == "chat: too many open files; raise the limit with ulimit -n\n"
