"""``chat client --reset``: what is forgotten, what is not, and who is asked."""

from pathlib import Path

import pytest

from cli.access.links import address
from cli.state.file import MOST_BYTES
from cli.state.lock import SlotLock
from cli.state.records import encode
from cli.state.remembered import UnsentLine
from cli.state.slot import Slot
from cli.state.slots import Slots
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, in_terminal

HERE, THERE = "chat://127.0.0.1:7024", "chats://chat.example.org:7024"
MARK = {"number": 1, "epoch": "e", "read": 5, "read_at": "2026-11-25T18:02:11+00:00"}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with two slots of one server and one of another."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first, second, other = take(tmp_path, HERE), take(tmp_path, HERE), take(tmp_path, THERE)
    first.write({"room": "ops", **MARK}, {"room": "lobby", **MARK})
    second.write(UnsentLine("1", "ops", None, "hello", 5.0).record())
    other.write({"room": "ops", **MARK})
    for slot in (first, second, other):
        slot.close()
    (tmp_path / "chatcore" / "typed.jsonl").write_text("")
    return tmp_path / "chatcore" / "state"


def take(home: Path, url: str) -> Slot:
    return Slots(home / "chatcore" / "state", address(url), "ada", account=False).take()


def kept(state: Path) -> set[str]:
    return {path.name.split("-")[0] for path in state.iterdir()}


def test_the_slots_of_one_server_are_removed(state: Path, inside: Inside) -> None:
    done = inside("client", HERE.upper().replace("CHAT", "chat"), "--reset", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "forgotten: 2 rooms and 1 message that was not sent\n"
    assert kept(state) == {"chat.example.org"}
    assert (state.parent / "typed.jsonl").exists()


def test_without_a_server_all_are_removed(
    state: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path, *_) = state.glob("chat.example*.jsonl")
    path.write_bytes(b"x" * (MOST_BYTES + 1))
    (state / f".{path.name}.new").touch()
    done = inside("client", "--reset", "--yes", CHAT_CLIENT_URL=HERE)
    assert (done.returncode, done.stdout) == (0, "forgotten: 2 rooms and 1 message that was not sent\n")
    assert list(state.iterdir()) == []


def test_what_a_newer_version_has_written_goes_too(state: Path, inside: Inside) -> None:
    (path, *_) = state.glob("chat.example*.jsonl")
    path.write_bytes(encode({"v": 2, "server": THERE}))
    done = inside("client", THERE, "--reset", "--yes")
    assert (done.returncode, done.stdout) == (0, "forgotten: 0 rooms and 0 messages that were not sent\n")
    assert kept(state) == {"127.0.0.1"}


@pytest.mark.parametrize("options", [["--yes"], []])
def test_nothing_goes_while_a_client_uses_a_part_of_it(
    state: Path, inside: Inside, options: list[str]
) -> None:
    before = {path.name: path.read_bytes() for path in state.glob("*.jsonl")}
    user = SlotLock.take(next(state.glob("127*.2.lock")))
    assert user is not None
    done = inside("client", "--reset", *options)
    user.release()
    assert (done.returncode, done.stderr) == (2, f"chat: a client at {HERE} is running; end it first\n")
    assert {path.name: path.read_bytes() for path in state.glob("*.jsonl")} == before


def test_without_a_terminal_it_must_be_confirmed_by_an_option(state: Path, inside: Inside) -> None:
    done = inside("client", "--reset", THERE)
    assert done.returncode == 2
    assert done.stderr == (
        "chat: this would forget 1 room and 0 messages that were not sent; add --yes to do it\n"
    )
    assert kept(state) == {"127.0.0.1", "chat.example.org"}


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 2), ("y", 0, 1)])
def test_in_a_terminal_it_asks(state: Path, answer: str, code: int, left: int) -> None:
    with in_terminal(CHAT, "client", HERE, "--reset", XDG_STATE_HOME=str(state.parent.parent)) as terminal:
        terminal.wait(f"ada at {HERE}: 2 rooms and 0 messages that were not sent")
        terminal.wait("forget all this?")
        terminal.type(answer + ENTER)
        assert terminal.wait_exit() == code
    assert len(kept(state)) == left


def test_nothing_to_forget_is_no_error(tmp_path: Path, inside: Inside) -> None:
    done = inside("client", HERE, "--reset", XDG_STATE_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"nothing is remembered of {HERE}\n")
