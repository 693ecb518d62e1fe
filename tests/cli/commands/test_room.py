"""``chat room remove``: a room goes, and its numbers are not used again."""

import json
import signal
from pathlib import Path

import pytest

from chatcore import Gap, Message, Position
from tests.cli.commands.conftest import Texts
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, chat_server
from tests.cli.pty import ENTER, in_terminal
from transports.threaded_tcp import connect


def test_a_room_is_removed_with_all_its_messages(journal: Path, texts: Texts, inside: Inside) -> None:
    done = inside("room", "remove", "LOBBY", "--journal", str(journal), "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "removed lobby: 2 messages\n", "")
    assert texts(str(journal)) == ["three"]
    gone = inside("history", str(journal), "--room", "lobby", "--after", "0")
    assert gone.returncode == 5
    assert json.loads(gone.stdout) == {
        "type": "gap",
        "room": "lobby",
        "after": 0,
        "through": 2,
        "reason": "expired",
    }
    assert inside("doctor", "--journal", str(journal)).returncode == 0


def test_a_client_that_resumes_in_a_removed_room_gets_a_gap_and_the_numbers_go_on(
    journal: Path, inside: Inside
) -> None:
    with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="ana") as ana:
        last, epoch = ana.post("four", room="lobby").seq, ana.position("lobby").epoch
        server.signal(signal.SIGTERM)
        server.wait()
    inside("room", "remove", "lobby", "--journal", str(journal), "--yes")
    with chat_server("--journal", f"sqlite:{journal}") as server, connect(server.url, nick="ana") as ana:
        assert ana.post("new", room="lobby").seq == last + 1
        with connect(server.url, nick="bob", rooms=()) as bob:
            bob.join("lobby", after=Position(epoch=epoch, seq=1))
            events = bob.events()
            seen: list[Gap | Message] = []
            while not seen or not isinstance(seen[-1], Message):
                event = next(events)
                if isinstance(event, Gap | Message):
                    seen.append(event)
    gap, message = seen
    assert isinstance(gap, Gap)
    assert (gap.after, gap.through, gap.reason) == (1, last, "expired")
    assert isinstance(message, Message)
    assert message.text == "new"


def test_without_a_terminal_it_must_be_confirmed_by_an_option(
    journal: Path, texts: Texts, inside: Inside
) -> None:
    done = inside("room", "remove", "lobby", "--journal", str(journal))
    assert done.returncode == 2
    assert done.stderr == "chat: this would remove lobby with 2 messages; add --yes to do it\n"
    assert texts(str(journal)) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("n", 1, ["one", "two", "three"]), ("y", 0, ["one", "two"])]
)
def test_in_a_terminal_it_asks(journal: Path, answer: str, code: int, left: list[str], texts: Texts) -> None:
    with in_terminal(CHAT, "room", "remove", "other", "--journal", str(journal)) as terminal:
        terminal.wait("remove other with 1 message, for good?")
        terminal.type(answer + ENTER)
        assert terminal.wait_exit() == code
    assert texts(str(journal)) == left


@pytest.mark.parametrize("room", ["nowhere", "lob", "lobby."])
def test_a_room_that_is_not_there_is_one_line(journal: Path, room: str, texts: Texts, inside: Inside) -> None:
    done = inside("room", "remove", room, "--journal", str(journal), "--yes")
    assert (done.returncode, done.stderr) == (2, f"chat: the journal {journal} has no room {room}\n")
    assert texts(str(journal)) == ["one", "two", "three"]


@pytest.mark.parametrize("form", ["{}", "sqlite:{}", "sqlite:{}?synchronous=NORMAL"])
def test_a_journal_is_named_in_one_form_everywhere(journal: Path, inside: Inside, form: str) -> None:
    name = form.format(journal)
    assert inside("doctor", "--journal", name).returncode == 0
    assert len(inside("history", name).stdout.splitlines()) == 3
    assert inside("room", "remove", "lobby", "--journal", name, "--yes").returncode == 0


@pytest.mark.parametrize(
    "argv", [("room", "remove", "x", "--journal"), ("doctor", "--journal"), ("history",)]
)
def test_a_journal_without_a_file_is_one_line(inside: Inside, argv: tuple[str, ...]) -> None:
    done = inside(*argv, "memory:")
    words = "chat: this command needs a journal in a file, sqlite:PATH, not memory:\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)


@pytest.mark.parametrize("room", ["", "no room", "-" * 65, "caf\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_an_invalid_name_is_not_a_room_that_is_missing(journal: Path, inside: Inside, room: str) -> None:
    for argv in (
        ("room", "remove", "--journal", str(journal), "--yes", "--", room),
        ("history", "--room", room),
    ):
        done = inside(*argv)
        assert done.returncode == 2
        assert done.stderr.startswith(f"chat: {room!r} is not a room: a room's name is 1 to 64")


def test_a_removed_room_is_not_there_any_more(journal: Path, inside: Inside) -> None:
    for code in (0, 2):
        assert inside("room", "remove", "lobby", "--journal", str(journal), "--yes").returncode == code


def test_a_missing_journal_is_one_line_and_is_not_made(tmp_path: Path, inside: Inside) -> None:
    done = inside("room", "remove", "lobby", "--journal", str(tmp_path / "journal.db"), "--yes")
    assert done.returncode == 2
    assert done.stderr == f"chat: there is no journal {tmp_path / 'journal.db'}\n"
    assert list(tmp_path.iterdir()) == []


def test_no_room_is_removed_while_a_server_has_the_journal(
    journal: Path, texts: Texts, inside: Inside
) -> None:
    with chat_server("--journal", f"sqlite:{journal}"):
        done = inside("room", "remove", "lobby", "--journal", str(journal), "--yes")
    assert done.returncode == 1
    assert "is in use by another server" in done.stderr
    assert done.stderr.count("\n") == 1
    assert texts(str(journal)) == ["one", "two", "three"]


def test_the_journal_is_the_one_of_the_server_by_default(
    journal: Path, texts: Texts, tmp_path: Path, inside: Inside
) -> None:
    config = tmp_path / "chat.toml"
    config.write_text(f'[server]\njournal = "sqlite:{journal}"\n')
    assert inside("room", "remove", "lobby", "--yes", CHAT_CONFIG=str(config)).returncode == 0
    read = inside("history", "--text", CHAT_SERVER_JOURNAL=f"sqlite:{journal}")
    assert read.returncode == 0
    assert "three" in read.stdout
    assert texts(str(journal)) == ["three"]


def test_a_server_without_a_file_has_no_journal_for_other_commands(inside: Inside) -> None:
    for command in (("history",), ("room", "remove", "lobby", "--yes"), ("backup", "backup.db")):
        done = inside(*command, CHAT_SERVER_JOURNAL="memory")
        assert done.returncode == 2
        assert "this command needs a journal in a file, sqlite:PATH, not memory:\n" in done.stderr
