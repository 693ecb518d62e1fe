"""``chat tail``: messages, new messages, and the position to resume from."""

import json
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chatcore import UsageError
from cli.access.login import Login
from cli.commands import tail
from cli.commands.tail import run
from tests.cli.conftest import Inside
from tests.cli.processes import ChatServer, chat_server, line_of, rest_of, spawn
from tests.cli.scripted import Answers, line, message, scripted_server
from tests.ports import fixed_port
from transports.threaded_tcp import Chat, connect

NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """A server that stores little, and has no limit on the rate."""
    limits = ("frames_per_second=none", "tail_bytes=100000", "memory_history_bytes=400000")
    with chat_server(*(word for limit in limits for word in ("--limit", limit))) as running:
        yield running


@pytest.fixture
def speaker(server: ChatServer) -> Iterator[Chat]:
    """A member of a room that only one test uses."""
    with connect(server.url, nick="ada", rooms=[f"room-{next(NUMBERS)}"]) as chat_:
        yield chat_


def room_of(speaker: Chat) -> str:
    return speaker.rooms[0]


def position_in(errors: str) -> str:
    """Return the position that the last line on standard error gives."""
    word, position = errors.splitlines()[-1].split()
    assert word == "position"
    return position


def frames_of(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines()]


def texts(frames: list[Any]) -> list[str]:
    return [frame["text"] for frame in frames if frame["type"] == "message"]


def test_the_last_messages_are_printed_sanitized(server: ChatServer, speaker: Chat, inside: Inside) -> None:
    speaker.post("one")
    speaker.post("two\nlines")
    ack = speaker.post("\N{RIGHT-TO-LEFT OVERRIDE}three")
    done = inside("tail", room_of(speaker), "-n", "2", "--url", server.url)
    assert done.stdout == "ada: two\nada: lines\nada: \N{REPLACEMENT CHARACTER}three\n"
    assert done.returncode == 0
    epoch = speaker.position(room_of(speaker)).epoch
    assert done.stderr == f"position {epoch}:{ack.seq}\n"


def test_the_room_can_be_a_setting(server: ChatServer, speaker: Chat, inside: Inside) -> None:
    speaker.post("hello")
    done = inside("tail", CHAT_URL=server.url, CHAT_ROOM=room_of(speaker))
    assert (done.returncode, done.stdout) == (0, "ada: hello\n")
    other = inside("tail", room_of(speaker), CHAT_URL=server.url, CHAT_TAIL_ROOM="elsewhere")
    assert (other.returncode, other.stdout) == (0, "ada: hello\n")


@pytest.mark.parametrize(
    ("rooms", "words"),
    [
        ([], "which room?"),
        (["lobby", "ops"], "reads one room, not 2; name one of lobby, ops"),
        (["two words"], "'two words' is not a room"),
    ],
)
def test_exactly_one_room_is_read(rooms: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run("chat://127.0.0.1:1", None, rooms, None, None, login=Login(), follow=False, json=False)


def test_a_room_in_which_nothing_was_ever_said_is_reported(server: ChatServer, inside: Inside) -> None:
    for name in ("lobbi", "Lobbi"):
        done = inside("tail", name, CHAT_URL=server.url)
        assert (done.returncode, done.stdout) == (0, "")
        said, position = done.stderr.splitlines()
        assert said == "chat: nothing was ever said in lobbi; `chat rooms` lists the rooms"
        assert position.startswith("position ")


def _silence(frame: dict[str, Any]) -> bytes:
    return b""


def test_a_server_that_does_not_let_us_in_is_not_waited_for_without_end(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "SILENCE", 0.1)
    with scripted_server(answers={"join": _silence}) as server:
        done = inside("tail", "lobby", "--url", server.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the server did not let us in within 0.1 s; try again later" in done.stderr


def test_a_server_that_does_not_send_all_is_not_waited_for_without_end(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(frame: dict[str, Any]) -> bytes:
        monkeypatch.setattr(tail, "SILENCE", 0.1)  # from now on: however slow the machine is, we are let in
        return line(type="joined", room=frame["room"], epoch="e", head=1, after=0, count=1)

    with scripted_server(answers={"join": join}) as server:
        done = inside("tail", "lobby", "--url", server.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the server did not send all that it has within 0.1 s; try again later" in done.stderr


def test_kinds_that_were_sent_are_printed(server: ChatServer, speaker: Chat, inside: Inside) -> None:
    room, own = room_of(speaker), ("--nick", "ci", "--url", server.url)
    for kind in ("action", "notice"):
        assert inside("send", room, "deploys", "--kind", kind, *own).returncode == 0
    done = inside("tail", room, "--url", server.url)
    assert done.stdout == "* ci deploys\nci (notice): deploys\n"
    frames = frames_of(inside("tail", room, "--json", "--url", server.url).stdout)
    assert [frame.get("kind") for frame in frames[1:-1]] == ["action", "notice"]


def test_a_later_run_resumes_where_an_earlier_one_stopped(
    server: ChatServer, speaker: Chat, inside: Inside
) -> None:
    heard = []
    at = ["-n", "0"]
    for said in ([], ["one", "two"], ["three"]):
        for text in said:
            speaker.post(text)
        done = inside("tail", room_of(speaker), "--json", *at, CHAT_URL=server.url)
        *frames, last = frames_of(done.stdout)
        heard.append(texts(frames))
        assert done.returncode == 0
        assert last == {"type": "position", "room": room_of(speaker), "since": position_in(done.stderr)}
        at = ["--since", last["since"]]
    assert heard == [[], ["one", "two"], ["three"]]


def test_so_many_of_the_new_messages_are_printed_at_most(
    server: ChatServer, speaker: Chat, inside: Inside
) -> None:
    acks = [speaker.post(f"text {number}") for number in range(10)]
    epoch = speaker.position(room_of(speaker)).epoch
    since = ("--since", f"{epoch}:{acks[1].seq}", "--url", server.url)
    done = inside("tail", room_of(speaker), "-n", "2", *since)
    assert (done.returncode, done.stdout) == (0, "ada: text 8\nada: text 9\n")
    assert done.stderr.splitlines() == [
        f"chat: {room_of(speaker)}: 6 messages were skipped here (3 to 8)",
        f"position {epoch}:{acks[-1].seq}",
    ]
    done = inside("tail", room_of(speaker), "-n", "100", "--json", *since)
    assert texts(frames_of(done.stdout)) == [f"text {number}" for number in range(2, 10)]


def test_a_position_of_another_epoch_is_exit_5_and_prints_everything(
    server: ChatServer, speaker: Chat, inside: Inside
) -> None:
    speaker.post("hello")
    done = inside("tail", room_of(speaker), "--since", "elsewhere:7", "--json", CHAT_URL=server.url)
    assert done.returncode == 5
    assert "new journal" in done.stderr
    frames = frames_of(done.stdout)
    assert [frame["type"] for frame in frames] == ["joined", "gap", "message", "position"]
    assert frames[1]["reason"] == "reset"


def test_expired_messages_are_exit_5_and_reported(server: ChatServer, speaker: Chat, inside: Inside) -> None:
    first = speaker.post("first")
    for number in range(60):
        speaker.post_nowait(f"{number}" + "x" * 16_000)
    speaker.flush()
    epoch = speaker.position(room_of(speaker)).epoch
    done = inside("tail", room_of(speaker), "--json", "--since", f"{epoch}:{first.seq}", CHAT_URL=server.url)
    frames = frames_of(done.stdout)
    assert done.returncode == 5
    assert (frames[1]["type"], frames[1]["after"], frames[1]["reason"]) == ("gap", first.seq, "expired")
    assert f"{room_of(speaker)}: messages {first.seq + 1} to " in done.stderr
    assert texts(frames)[-1].startswith("59x")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_it_with_the_position(
    server: ChatServer, speaker: Chat, number: signal.Signals, code: int
) -> None:
    with spawn("tail", room_of(speaker), "-f", "--json", CHAT_URL=server.url) as process:
        assert json.loads(line_of(process.stdout))["type"] == "joined"
        process.send_signal(signal.SIGPIPE)  # as for a broken socket: its reader is still there
        ack = speaker.post("live")
        assert json.loads(line_of(process.stdout))["text"] == "live"
        process.send_signal(number)
        output, errors = rest_of(process)
    assert process.returncode == code
    assert json.loads(output)["since"] == position_in(errors)
    assert position_in(errors).endswith(f":{ack.seq}")


def test_tail_stops_immediately_when_its_reader_is_gone(server: ChatServer, speaker: Chat) -> None:
    ack = speaker.post("hello")
    with spawn("tail", room_of(speaker), "-f", CHAT_URL=server.url) as process:
        assert line_of(process.stdout) == "ada: hello\n"
        assert process.stdout is not None
        process.stdout.close()  # and no message arrives any more
        assert process.stderr is not None
        assert position_in(process.stderr.read()).endswith(f":{ack.seq}")
        assert process.wait() == 0


def test_the_position_counts_only_what_was_written(server: ChatServer, speaker: Chat) -> None:
    for number in range(20):
        speaker.post(f"{number}" + "x" * 10_000)
    with spawn("tail", room_of(speaker), "-f", "-n", "20", CHAT_URL=server.url) as process:
        first = line_of(process.stdout)  # now it fills the pipe, and nobody reads
        speaker.post("the end")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        seq = int(position_in(process.stderr.read()).rpartition(":")[2])
        assert process.wait() == 143
        assert process.stdout is not None
        whole = [line for line in [first, *process.stdout] if line.endswith("\n")]
    assert seq == len(whole)
    assert seq < 20


def test_tail_survives_a_restart_of_the_server_and_misses_nothing(tmp_path: Path) -> None:
    journal = f"sqlite:{tmp_path / 'journal.db'}"
    args = ("tail", "lobby", "-f", "-n", "0", "--json")
    url = f"chat://127.0.0.1:{fixed_port()}"
    with (
        chat_server("--journal", journal, listens=(url,)) as server,
        spawn(*args, CHAT_URL=server.url) as process,
    ):
        line_of(process.stdout)
        with connect(server.url, nick="ada") as ada:
            ada.post("before")
        server.signal(signal.SIGTERM)
        server.wait()
        assert "nothing was ever said" in line_of(process.stderr)
        assert "reconnecting" in line_of(process.stderr)
        with chat_server("--journal", journal, listens=(url,)):
            with connect(server.url, nick="ada") as ada:
                ada.post("after")
            heard: list[str] = []
            while "after" not in heard:
                heard += texts(frames_of(line_of(process.stdout)))
            process.send_signal(signal.SIGTERM)
            output, errors = rest_of(process)
    assert heard == ["before", "after"]
    assert "reconnected" in errors
    assert position_in(errors) == json.loads(output)["since"]


@pytest.mark.parametrize("since", ["nonsense", "epoch:", ":7", "epoch:-1", "epoch:seven", "two words:7"])
def test_an_invalid_position_is_a_usage_error(since: str) -> None:
    with pytest.raises(UsageError, match="--since must be EPOCH:SEQ"):
        run("chat://127.0.0.1:1", "ears", ["lobby"], since, None, login=Login(), follow=False, json=False)


# --- against a server that is a script -----------------------------------------------------------


def resuming(*entries: bytes, asked: list[Any] | None = None) -> Answers:
    """Answer a join after position 900 with these entries, up to 905."""

    def join(frame: dict[str, Any]) -> bytes:
        if asked is not None:
            asked.append((frame.get("after"), frame.get("history")))
        joined = line(type="joined", room="lobby", epoch="e", head=905, after=900, count=1)
        return b"".join([joined, *entries])

    return {"join": join}


def gap(after: int, through: int, reason: str, **more: int) -> bytes:
    return line(type="gap", room="lobby", after=after, through=through, reason=reason, **more)


REST = [message(seq, f"text {seq}") for seq in (904, 905)]


def test_since_and_history_together_skip_what_is_older_and_are_no_failure(inside: Inside) -> None:
    asked: list[Any] = []
    answers = resuming(gap(900, 903, "skipped", count=3), *REST, asked=asked)
    with scripted_server(answers=answers) as server:
        done = inside("tail", "lobby", "--since", "e:900", "-n", "2", "--url", server.url)
    assert asked == [({"epoch": "e", "seq": 900}, 2)]
    assert done.returncode == 0
    assert done.stdout == "mallory: text 904\nmallory: text 905\n"
    assert done.stderr == "chat: lobby: 3 messages were skipped here (901 to 903)\nposition e:905\n"


def test_skipped_messages_are_a_line_in_their_place(inside: Inside) -> None:
    answers = resuming(gap(900, 905, "skipped", count=4))
    with scripted_server(answers=answers) as server:
        done = inside("tail", "lobby", "--since", "e:900", "-n", "0", "--json", "--url", server.url)
    assert done.returncode == 0
    assert frames_of(done.stdout)[1:] == [
        {"type": "gap", "room": "lobby", "after": 900, "through": 905, "reason": "skipped", "count": 4},
        {"type": "position", "room": "lobby", "since": "e:905"},
    ]


def test_a_setting_for_history_skips_nothing_after_a_position(inside: Inside) -> None:
    asked: list[Any] = []
    with scripted_server(answers=resuming(gap(900, 903, "damaged"), *REST, asked=asked)) as server:
        inside("tail", "lobby", "--since", "e:900", "--url", server.url, CHAT_TAIL_HISTORY="2")
    assert asked == [({"epoch": "e", "seq": 900}, None)]


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["expired", "skipped"], 5),
        (["damaged", "skipped"], 5),
        (["eaten", "skipped"], 5),
        (["skipped", "skipped"], 0),
    ],
)
def test_the_exit_code_says_whether_something_is_missing(
    inside: Inside, reasons: list[str], code: int
) -> None:
    first, second = reasons
    answers = resuming(gap(900, 901, first), gap(901, 903, second), *REST)
    with scripted_server(answers=answers) as server:
        done = inside("tail", "lobby", "--since", "e:900", "--json", "--url", server.url)
    assert done.returncode == code
    assert [frame["type"] for frame in frames_of(done.stdout)][1:3] == ["gap", "gap"]
    assert done.stderr.count("chat: lobby: ") == 2


def test_kinds_are_printed_as_people_read_them(inside: Inside) -> None:
    said = [
        message(901, "looks around\nand leaves", kind="action"),
        message(902, "done\nat \u202elast", kind="notice"),
        message(903, "yes", kind="x.vote", target=1),
        message(904, "not known today", kind="reaction", target=1),
        message(905, "/me waits"),
    ]
    with scripted_server(answers=resuming(*said)) as server:
        done = inside("tail", "lobby", "--since", "e:900", "--url", server.url)
    assert done.stdout.splitlines() == [
        "* mallory looks around",
        "mallory: and leaves",
        "mallory (notice): done",
        "mallory (notice): at \N{REPLACEMENT CHARACTER}last",
        "mallory: yes",
        "mallory: not known today",
        "mallory: /me waits",
    ]


def test_being_put_out_of_the_room_is_exit_3_with_the_position(inside: Inside) -> None:
    answers = resuming(message(901, "one"), line(type="left", room="lobby", reason="expelled"))
    with scripted_server(answers=answers) as server:
        done = inside("tail", "lobby", "--since", "e:900", "-f", "--url", server.url)
    assert done.returncode == 3
    assert done.stdout == "mallory: one\n"
    assert done.stderr == "position e:901\nchat: the server refused: you were put out of lobby (forbidden)\n"
