"""``chat client`` in a terminal, end to end: real processes, real sockets, and what a person sees."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import RULES, Hub, Limits
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal, paste, without_waits
from tests.ports import fixed_port
from transports.threaded_tcp import Chat, Server, connect, serve

CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


@pytest.fixture
def server() -> Iterator[Server]:
    limits = Limits(frames_per_second=None, frames_burst=10_000, posts_in_flight=5_000)
    with contextlib.closing(Hub(limits=limits)) as hub, serve("chat://127.0.0.1:0", hub=hub) as running:
        yield running


@pytest.fixture
def bob(server: Server) -> Iterator[Chat]:
    """Somebody to talk to."""
    with connect(str(server.listening[0]), nick="bob") as chat:
        yield chat


@contextlib.contextmanager
def client(
    server: Server, nick: str = "alice", *options: str, columns: int = 80, rows: int = 24, **env: str
) -> Iterator[Pty]:
    """Run a client in a terminal, until it has its prompt."""
    argv = (CHAT, "client", str(server.listening[0]), "--nick", nick, *options)
    with in_terminal(*argv, columns=columns, rows=rows, **env) as terminal:
        terminal.wait("you are in")
        terminal.wait_until(lambda: terminal.line.endswith(">"), "a prompt")
        yield terminal


def messages(terminal: Pty) -> list[str]:
    """Return the rows that are messages, without their times."""
    return [row[6:] for row in terminal.everything if re.match(r"\d\d:\d\d[ ~]", row)]


def test_two_people_talk(server: Server) -> None:
    with client(server, "alice") as alice, client(server, "bob") as bob:
        alice.type(f"hello bob{ENTER}")
        bob.wait("alice: hello bob")
        bob.type(f"hello alice{ENTER}")
        for person in (alice, bob):
            person.wait("bob: hello alice")
        assert messages(alice) == messages(bob) == ["alice: hello bob", "bob: hello alice"]
        for person in (alice, bob):
            person.type(CTRL_D)
            assert person.wait_exit() == 0
            assert person.is_restored()


def test_what_people_do_and_programs_notice_is_drawn_as_that(server: Server, bob: Chat) -> None:
    with client(server) as alice:
        alice.type(f"/me looks around{ENTER}//me is a command{ENTER}")
        alice.wait("alice: /me is a command")
        bob.post("looks back", kind="action")
        bob.post("deployed", kind="notice")
        bob.post("yes", kind="x.vote", target=1)
        alice.wait("bob: yes")
        assert messages(alice) == [
            "* alice looks around",
            "alice: /me is a command",
            "* bob looks back",
            "bob (notice): deployed",
            "bob: yes",
        ]
    heard = [next(iter(bob)) for _ in range(2)]
    assert [(each.kind, each.text) for each in heard] == [
        ("action", "looks around"),
        (None, "/me is a command"),
    ]


def test_an_arriving_message_does_not_disturb_the_draft(server: Server, bob: Chat) -> None:
    with client(server) as alice:
        alice.type("half a sen")
        alice.wait_line("alice@lobby> half a sen")
        bob.post("did I disturb you?")
        alice.wait("bob: did I disturb you?")
        alice.wait_line("alice@lobby> half a sen")
        alice.type(f"tence{ENTER}")
        alice.wait("alice: half a sentence")
        alice.wait_line("alice@lobby>")
        assert messages(alice) == ["bob: did I disturb you?", "alice: half a sentence"]
    assert [next(iter(bob)).text for _ in range(2)] == ["did I disturb you?", "half a sentence"]


def test_a_paste_of_several_lines_is_confirmed_once_and_sent_as_one_message(
    server: Server, bob: Chat
) -> None:
    with client(server) as alice:
        alice.type(paste("one\r\n\ttwo\x1b[31m red\r\nthree\r\n"))
        alice.wait("three")
        alice.type(ENTER)
        alice.wait("Press Enter again to send these 3 lines as one message, or keep editing")
        assert messages(alice) == []
        alice.type(ENTER)
        assert next(iter(bob)).text == "one\n\ttwo red\nthree"
        alice.wait("alice: one")
        alice.wait_line("alice@lobby>")
        assert alice.rows[-4].endswith(" alice: one")
        assert alice.rows[-3:] == [" " * 16 + "two red", " " * 8 + "three", "alice@lobby>"]


def test_ctrl_c_clears_the_line_and_then_exits_with_130(server: Server) -> None:
    with client(server) as alice:
        alice.type("never mind")
        alice.wait_line("alice@lobby> never mind")
        alice.type(CTRL_C)
        alice.wait_line("alice@lobby>")
        alice.type(CTRL_C)
        alice.wait("Press Ctrl-C again to quit")
        alice.type(CTRL_C)
        assert alice.wait_exit() == 130
        assert alice.is_restored()


def test_quitting_waits_until_the_last_message_is_stored_and_shown(server: Server, bob: Chat) -> None:
    with client(server) as alice:
        alice.type(f"good bye{ENTER}/quit{ENTER}")
        assert alice.wait_exit() == 0
        assert messages(alice) == ["alice: good bye"]
        assert next(iter(bob)).text == "good bye"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_client_and_restores_the_terminal(server: Server, number: signal.Signals) -> None:
    with client(server) as alice:
        alice.kill(number)
        assert alice.wait_exit() == 128 + number
        assert alice.is_restored()


def test_a_restart_of_the_server_does_not_disturb_the_draft() -> None:
    with contextlib.closing(Hub()) as hub, contextlib.ExitStack() as first:
        url = f"chat://127.0.0.1:{fixed_port()}"
        server = first.enter_context(serve(url, hub=hub))
        with client(server) as alice:
            alice.type("this is not fin")
            alice.wait_line("alice@lobby> this is not fin")
            first.close()
            alice.wait("disconnected: the server is shutting down (drain); reconnecting")
            alice.wait_line("alice@lobby> this is not fin")
            with serve(url, hub=hub), connect(url, nick="bob") as bob:
                alice.wait("* reconnected")
                alice.wait_line("alice@lobby> this is not fin")
                alice.type(f"ished{ENTER}")
                alice.wait("alice: this is not finished")
                assert next(iter(bob)).text == "this is not finished"


def test_back_pages_through_older_messages(server: Server, bob: Chat) -> None:
    for number in range(30):
        bob.post(f"message {number}")
    with client(server, "alice", "--history", "5") as alice:
        alice.wait("bob: message 25")
        alice.type(f"/back 3{ENTER}")
        alice.wait("bob: message 22")
        alice.wait("/back shows older messages")
        alice.type(f"/back{ENTER}")
        alice.wait("bob: message 2")
        alice.type(f"/back{ENTER}")
        alice.wait("bob: message 1")
        alice.type(f"/back{ENTER}")
        alice.wait("there are no older messages")
        shown = [int(row.rpartition(" ")[2]) for row in messages(alice)]
        assert shown == [*range(25, 30), *range(22, 25), *range(2, 22), 0, 1]


def test_back_shows_the_messages_since_a_time(server: Server, bob: Chat) -> None:
    for number in range(5):
        bob.post(f"message {number}")
    with client(server, "alice", "--history", "1") as alice:
        alice.wait("bob: message 4")
        alice.type(f"/back 2020-01-01{ENTER}")
        alice.wait("bob: message 3")
        alice.wait("/back shows older messages")
        alice.type(f"/back 2020-01-01 12:00{ENTER}")
        alice.wait("* there are no older messages since 2020-01-01 12:00")
        shown = [int(row.rpartition(" ")[2]) for row in messages(alice)]
        assert shown == [4, 0, 1, 2, 3]


def test_rooms_of_the_server_are_listed_and_joined(server: Server) -> None:
    with (
        connect(str(server.listening[0]), nick="bob", rooms=["ops", "attic"]) as bob,
        client(server) as alice,
    ):
        bob.post("anybody?", room="attic")
        bob.leave("attic")
        alice.type(f"/rooms{ENTER}")
        alice.wait("  ops, 1 is there")
        start = alice.rows.index("* other rooms:")
        assert alice.rows[start - 1] == "* /1 lobby, you are here, 1 member"
        assert alice.rows[start + 1].startswith("  attic, nobody is there, last message 20")
        alice.type(f"/join op\t{ENTER}")
        alice.wait("* you are in ops; 1 other is here")


def test_texts_name_the_keys_that_are_set(server: Server, tmp_path: Path) -> None:
    f2, f3 = "\x1bOQ", "\x1bOR"
    config = tmp_path / "chat.toml"
    config.write_text(
        "[keys]\nsend = 'f2'\nnewline = 'enter'\ncancel = 'f3'\nclear = 'f4'\nedit = 'f5 e'\nolder = 'f6'"
    )
    with client(server, CHAT_CONFIG=str(config)) as alice:
        alice.type(f"one{ENTER}two{f2}")
        alice.wait("Press F2 again to send these 2 lines as one message, or keep editing")
        alice.type(f3 + f3)
        alice.wait("Press F3 again to quit")
        alice.type(f"/clear{f2}")
        alice.wait("* there is no /clear: F4 clears the screen")
        alice.type(f"{f3}/help edit{f2}/help{f2}")
        alice.wait("also F5 E")
        alice.wait("  F2 sends, Enter starts a new line")


def test_nothing_is_lost_while_the_server_is_away() -> None:
    with contextlib.closing(Hub()) as hub, contextlib.ExitStack() as first:
        url = f"chat://127.0.0.1:{fixed_port()}"
        server = first.enter_context(serve(url, hub=hub))
        with client(server, "alice", "--quiet") as alice:
            first.close()
            alice.wait("; reconnecting")
            alice.type(f"/join ops{ENTER}for ops{ENTER}half")
            alice.wait("* not connected; /join ops will be asked when back; your lines wait for it")
            alice.wait_line("alice@ops> half")
            alice.type(f"{ALT_1}is anybody there?{ENTER}and a dra")
            alice.wait_line("alice@lobby> and a dra")
            alice.wait("  not sent yet: for ops")
            alice.wait("  not sent yet: is anybody there?")
            assert alice.rows[-2] == "offline, reconnecting"
            with (
                serve("chat://127.0.0.1:0", hub=hub) as other,
                connect(str(other.listening[0]), nick="bob") as bob,
            ):
                bob.post("you are away")
            with serve(url, hub=hub), connect(url, nick="carol") as carol:
                alice.wait("alice: is anybody there?")
                carol.post("yes")
                alice.wait("carol: yes")
                alice.wait_until(
                    lambda: not re.search("offline|not sent yet", "".join(alice.rows)), "no such row"
                )
                alice.wait("* you are also in ops (/2); nobody else is there")
                alice.wait_line("alice@lobby> and a dra")
                carol.join("ops", history=10)
                assert [next(iter(carol)).text for _ in range(3)][2] == "for ops"
                alice.type("\x1b2")
                alice.wait_line("alice@ops> half")
            start = next(number for number, row in enumerate(alice.rows) if row == "* reconnected")
            rows = [re.sub(r"^\d\d:\d\d", "", row) for row in alice.rows[start + 1 :]]
            assert [row for row in rows if "ops" not in row][:5] == [
                "* 1 message while you were away",
                "~bob: you are away",
                "* end of history; live from here",
                " alice: is anybody there?",
                " carol: yes",
            ]


def test_two_thousand_messages_arrive_while_the_user_types(server: Server, bob: Chat) -> None:
    with client(server) as alice:
        keys = 0

        def type_on() -> bool:  # one key for each drawing
            nonlocal keys
            done = any("message 1999" in row for row in alice.rows)
            if not done:
                alice.type("k")
                keys += 1
            return done

        for number in range(2_000):
            bob.post_nowait(f"message {number}")
        alice.wait_until(type_on, "the last message")
        alice.wait_until(lambda: "".join(alice.rows).endswith(f"> {'k' * keys}"), "the whole draft")
        assert messages(alice) == [f"bob: message {number}" for number in range(2_000)]
        # No key was echoed into them, and the prompt was not drawn for every message.
        assert all(re.fullmatch(r"\d\d:\d\d bob: message \d+|\* .*", row) for row in alice.screen.scrolled)
        assert alice.raw.count(b"alice") < 500


def test_a_resize_keeps_the_draft(server: Server, bob: Chat) -> None:
    with client(server) as alice:
        alice.type("words " * 8 + "and the end")
        alice.wait_line("alice@lobby> " + "words " * 8 + "and the end")
        alice.resize(40, 12)
        alice.wait_until(
            lambda: (
                alice.rows[-2:]
                == ["alice@lobby> " + ("words " * 8)[:27], "ds " + "words " * 3 + "and the end"]
            ),
            "the draft in two rows",
        )
        bob.post("a text that is longer than the screen is wide by now")
        alice.wait("wide by now")
        alice.resize(100, 30)
        alice.type(f"!{ENTER}")
        assert [next(iter(bob)).text for _ in range(2)][1] == "words " * 8 + "and the end!"


FOCUS_IN, FOCUS_OUT, ALT_1, TAB = "\x1b[I", "\x1b[O", "\x1b1", "\t"


def test_the_mark_is_where_the_window_lost_the_focus(server: Server, bob: Chat) -> None:
    with client(server) as alice:
        assert b"\x1b[?1004h" in alice.raw
        alice.type(f"half{FOCUS_IN} a{FOCUS_OUT}")
        alice.wait_line("alice@lobby> half a")
        for number in range(3):
            bob.post(f"unseen {number}")
        alice.wait("unseen 2")
        alice.type(FOCUS_IN)
        bob.post("seen")
        alice.wait("bob: seen")
        alice.wait_line("alice@lobby> half a")
        shown = without_waits(alice.rows)
        rows = [re.sub(r"^\d\d:\d\d ", "", row) for row in shown if "joined" not in row]
        assert rows[2:-1] == ["-- new messages --", *(f"bob: unseen {n}" for n in range(3)), "bob: seen"]


def test_keys_go_to_rooms_complete_nicks_and_search(server: Server, bob: Chat) -> None:
    with client(server, "alice", "--room", "lobby", "--room", "ops") as alice:
        alice.wait("you are also in ops")
        alice.type(f"/who ops{ENTER}")
        alice.wait("* 1 in ops: alice")  # the members of the lobby were asked for before
        alice.type("b" + TAB)  # bob has not spoken yet
        alice.wait_line("alice@lobby> bob:")
        alice.type(CTRL_C)
        bob.post("a needle in a haystack")
        alice.wait("haystack")
        alice.type("look, bo" + TAB)
        alice.wait_line("alice@lobby> look, bob")
        alice.type("\x1b2")
        alice.wait_line("alice@ops>")
        alice.type(ALT_1)
        alice.wait_line("alice@lobby> look, bob")
        alice.type(f"!{ENTER}")
        alice.wait("alice: look, bob !")
        alice.type(f"/search NEEDLE{ENTER}")
        alice.wait("[lobby] bob: a needle in a haystack")


def test_the_up_key_brings_back_input_of_the_last_session(server: Server, tmp_path: Path) -> None:
    where = str(tmp_path)
    with client(server, XDG_STATE_HOME=where, CHAT_CLIENT_REMEMBER="1") as alice:
        alice.type(f"first{ENTER} a secret{ENTER}/quit{ENTER}")
        assert alice.wait_exit() == 0
    with client(server, XDG_STATE_HOME=where, CHAT_CLIENT_REMEMBER="1") as alice:
        alice.type(UP + UP)
        alice.wait_line("alice@lobby> first")


def test_refusals_say_what_to_do(server: Server, bob: Chat) -> None:
    with client(server, CHAT_CLIENT_HIGHLIGHT="deploy") as alice:
        alice.type(f"/nick bob{ENTER}/nick no!{ENTER}/dance{ENTER}")
        alice.wait("* the nick bob is in use (nick_taken); choose another with /nick NAME")
        alice.wait(f"* {RULES['nick']}")
        alice.wait("* unknown command /dance; /help lists the commands, //dance sends /dance")
        alice.wait_line("alice@lobby> /dance")  # to be corrected
        alice.type(CTRL_C + paste("x" * 20_000) + ENTER)
        alice.wait("(too_long); send it in parts (the Up key")
        alice.type(f"/highlight{ENTER}/help{ENTER}/help hush{ENTER}")
        alice.wait("* these count as a mention: deploy")
        alice.wait("* /hush [ROOM]    count nothing but mentions")
        alice.wait("  /quit           leave the chat")


def test_forget_saves_nothing_and_the_up_key_works(server: Server, tmp_path: Path) -> None:
    with client(server, "alice", "--forget", XDG_STATE_HOME=str(tmp_path)) as alice:
        alice.type(f"first{ENTER}")
        alice.wait("alice: first")
        alice.wait_line("alice@lobby>")
        alice.type(UP)
        alice.wait_line("alice@lobby> first")
        assert not any(tmp_path.iterdir())


def test_rooms_are_joined_left_and_kept_apart(server: Server) -> None:
    with (
        client(server, "alice", "--quiet", CHAT_CLIENT_NOTICES="osc777") as alice,
        connect(str(server.listening[0]), nick="bob", rooms=["lobby", "ops"]) as bob,
    ):
        bob.post("said before", room="ops")
        alice.type(f"/join ops{ENTER}first words in ops{ENTER}")
        alice.wait(" alice: first words in ops")
        alice.wait_line("alice@ops>")
        assert alice.rows[-2] == "1:lobby  [2:ops]"
        assert [row[6:] if row[2] == ":" else row for row in without_waits(alice.rows)[2:-3]] == [
            "* you are in ops; 1 other is here",
            "bob: said before",
            "* end of history; live from here",
        ]
        bob.post("nobody looks")
        alice.wait("1:lobby 1  [2:ops]")
        bob.post("except you, Alice")
        alice.wait("* bob mentioned you in lobby: except you, Alice (/1)")
        alice.wait("1:lobby 2!  [2:ops]")
        assert b"\a" in alice.raw
        assert b"\x1b]777;notify;bob in lobby;except you, Alice\x1b\\" in alice.raw
        alice.type(f"/who{ENTER}/join LOBBY{ENTER}back{ENTER}")
        alice.wait("* 2 in ops: alice, bob")
        alice.wait(" alice: back")
        start = alice.rows.index("* you are in lobby; 2 new messages")
        assert alice.rows[start + 1] == "-- new messages --"
        assert messages(alice)[-3:] == ["bob: nobody looks", "bob: except you, Alice", "alice: back"]
        alice.wait("[1:lobby]  2:ops")
        alice.type(f"/leave ops{ENTER}")
        alice.wait("* you left ops")
        alice.type(f"/leave{ENTER}anybody?{ENTER}")
        alice.wait("* you are not in a room; join one with /join ROOM")
        alice.wait_line("alice> anybody?")
        alice.type(f"{CTRL_C}//who{ENTER}")
        alice.wait_line("alice> //who")
        alice.type(f"{CTRL_C}/join ops{ENTER}")
        alice.wait_line("alice@ops>")


def test_the_editor_gets_the_draft_and_what_comes_meanwhile_is_shown_after(
    server: Server, bob: Chat, tmp_path: Path
) -> None:
    editor, pipe, seen = tmp_path / "editor", tmp_path / "pipe", tmp_path / "seen"
    os.mkfifo(pipe)
    editor.write_text(f"""#!/bin/sh
        stat -c '%a %n' "$2" "$(dirname "$2")" >{seen}
        read line <{pipe}
        printf ' and\n%s' "$line" >>"$2"
    """)
    editor.chmod(0o700)
    with client(server, VISUAL=f"{editor} --wait") as alice:
        alice.type("a draft\x18\x05")
        with pipe.open("w") as line:  # as soon as the editor runs
            bob.post("while you write")
            bob.flush()
            line.write("an end\n")
        alice.wait("while you write")
        alice.wait_line("           | an end")
        assert messages(alice) == ["bob: while you write"]
        (mode, file), (directory_mode, directory) = (row.split() for row in seen.read_text().splitlines())
        assert (mode, directory_mode) == ("600", "700")
        assert not Path(file).exists()
        assert not Path(directory).exists()
        alice.type(f"{ENTER}{ENTER}")
        alice.wait(" alice: a draft and")
        alice.wait("an end")


def test_no_color_turns_colours_off(server: Server, bob: Chat) -> None:
    bob.post("said before")
    with client(server, NO_COLOR="1") as alice:
        bob.post("said now")
        alice.wait("bob: said now")
        alice.wait("~")
        styles = set(re.findall(rb"\x1b\[([\d;]*)m", bytes(alice.raw)))
        assert styles <= {b"0", b"0;1", b"0;22", b""}


@pytest.mark.parametrize("limit", [5, 15])
def test_too_few_descriptors_are_one_line(server: Server, limit: int) -> None:
    script = f'ulimit -n {limit} && exec "$0" client "$1" --nick alice'
    with in_terminal("bash", "-c", script, CHAT, str(server.listening[0])) as alice:
        assert alice.wait_exit() == 1
        words = bytes(alice.raw).decode()
    assert words.splitlines()[0].startswith("chat: ")
    assert "Traceback" not in words
    assert f"only {limit} files" in words


def test_a_room_that_cannot_be_one_ends_the_client_and_restores_the_terminal(server: Server) -> None:
    url = str(server.listening[0])
    with in_terminal(CHAT, "client", url, "--room", "#ops", columns=120) as terminal:
        terminal.wait("a room's name is")
        assert terminal.wait_exit() == 2
        assert terminal.is_restored()
