"""What a line that somebody typed means."""

import pytest

from cli.terminal.input import (
    COMMANDS,
    Command,
    GoTo,
    Help,
    JoinRoom,
    LeaveRoom,
    ListRooms,
    Mistake,
    PageBack,
    Quiet,
    Quit,
    Rename,
    Say,
    Search,
    WhoIsHere,
    parse,
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hello", Say("hello")),
        ("  hello  there ", Say("  hello  there ")),
        ("one\ntwo\n", Say("one\ntwo")),
        ("//etc/hosts is a path", Say("/etc/hosts is a path")),
        (" /quit", Say(" /quit")),
        ("/help", Help()),
        ("/quit", Quit()),
        ("/QUIT", Quit()),
        ("/nick bob", Rename("bob")),
        ("/join ops", JoinRoom("ops")),
        ("/leave", LeaveRoom(None)),
        ("/leave  ops ", LeaveRoom("ops")),
        ("/who", WhoIsHere(None)),
        ("/back", PageBack(20)),
        ("/back 3", PageBack(3)),
        ("/who ops", WhoIsHere("ops")),
        ("/1", GoTo(1)),
        ("/12 ", GoTo(12)),
        ("/rooms", ListRooms()),
        ("/quiet", Quiet()),
        ("/search  the Build\tis ", Search("the Build\tis")),
        ("/me  nods\nand leaves", Say("/me nods\nand leaves")),
    ],
)
def test_a_line_is_said_or_is_a_command(typed: str, meant: Command) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize("typed", ["", "  ", "\n", " \n\t\n"])
def test_a_line_of_nothing_is_nothing(typed: str) -> None:
    assert parse(typed) is None


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("/dance", "there is no command /dance; /help lists them, and //dance says /dance"),
        ("/", "there is no command /; /help lists them, and // says /"),
        (
            "/usr/bin\nis a path",
            "there is no command /usr/bin; /help lists them, and //usr/bin says /usr/bin",
        ),
        ("/nick", "it goes like this: /nick NAME"),
        ("/join two rooms", "it goes like this: /join ROOM"),
        ("/leave a b", "it goes like this: /leave [ROOM]"),
        ("/quit now", "it goes like this: /quit"),
        ("/1 2", "it goes like this: /1"),
        ("/0", "there is no command /0; /help lists them, and //0 says /0"),
        ("/me", "it goes like this: /me TEXT"),
        ("/search ", "it goes like this: /search TEXT"),
        ("/back " + "9" * 5_000, "it goes like this: /back [N]"),
        ("/back 0", "it goes like this: /back [N]"),
        ("/back some", "it goes like this: /back [N]"),
        ("/back \N{SUPERSCRIPT TWO}", "it goes like this: /back [N]"),
    ],
)
def test_a_mistake_is_never_sent_and_says_what_would_be_right(typed: str, message: str) -> None:
    assert parse(typed) == Mistake(message)


def test_every_command_is_understood() -> None:
    for name, (argument, _) in COMMANDS.items():
        example = argument.strip("[]").replace("N", "5") if argument == "[N]" else argument.strip("[]")
        assert not isinstance(parse(f"{name} {example}"), Mistake)
