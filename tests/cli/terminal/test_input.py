"""What a typed line means."""

import pytest

from cli.terminal.input import COMMANDS, Command, parse


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hello", Command("say", "hello")),
        ("  hello  there ", Command("say", "  hello  there ")),
        ("one\ntwo\n", Command("say", "one\ntwo")),
        ("//etc/hosts is a path", Command("say", "/etc/hosts is a path")),
        (" /quit", Command("say", " /quit")),
        ("/help", Command("help")),
        ("/quit", Command("quit")),
        ("/QUIT", Command("quit")),
        ("/nick bob", Command("nick", "bob")),
        ("/join ops", Command("join", "ops")),
        ("/leave", Command("leave")),
        ("/leave  ops ", Command("leave", "ops")),
        ("/who", Command("who")),
        ("/back", Command("back")),
        ("/back 3", Command("back", "3")),
        ("/back #12", Command("back", "#12")),
        ("/search ", Command("search")),
        ("/who ops", Command("who", "ops")),
        ("/1", Command("goto", "1")),
        ("/12 ", Command("goto", "12")),
        ("/rooms", Command("rooms")),
        ("/quiet", Command("quiet")),
        ("/part ops", Command("leave", "ops")),
        ("/Names", Command("who")),
        ("/exit", Command("quit")),
        ("/search  the Build\tis ", Command("search", "the Build\tis")),
        ("/me  nods\nand leaves", Command("me", "nods\nand leaves")),
        ("//me nods", Command("say", "/me nods")),
        ("/rooms dev", Command("rooms", "dev")),
        ("/back 14:30", Command("back", "14:30")),
        ("/back 2026-11-23 14:00", Command("back", "2026-11-23 14:00")),
        ("/back 2026-11-23", Command("back", "2026-11-23")),
        ("/resend", Command("resend")),
        ("/resend 2", Command("resend", "2")),
        ("/drop all", Command("drop", "all")),
    ],
)
def test_a_line_is_a_message_or_a_command(typed: str, meant: Command) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize("typed", ["", "  ", "\n", " \n\t\n"])
def test_a_blank_line_means_nothing(typed: str) -> None:
    assert parse(typed) is None


ALONE = "nobody can be written to alone; /join a room, /close it, and /admit those whom you want there"
USAGE_OF_BACK = (
    "usage: /back [N|TIME|#N] "
    "(a number from 1 to 9999, a time such as 14:30 or 2026-11-23 14:00, or the # of a result)"
)


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("/dance", "unknown command /dance; /help lists the commands, //dance sends /dance"),
        ("/clear", "there is no /clear: Ctrl-L clears the screen"),
        ("/query ada", f"there is no /query: {ALONE}"),
        ("/MSG ada hello", f"there is no /msg: {ALONE}"),
        ("/part a b", "usage: /leave [ROOM] (one word, no spaces)"),
        ("/", "unknown command /; /help lists the commands, // sends /"),
        (
            "/usr/bin\nis a path",
            "unknown command /usr/bin; /help lists the commands, //usr/bin sends /usr/bin",
        ),
        ("/nick", "usage: /nick NAME (one word, no spaces)"),
        ("/join two rooms", "usage: /join ROOM (one word, no spaces)"),
        ("/leave a b", "usage: /leave [ROOM] (one word, no spaces)"),
        ("/quit now", "usage: /quit"),
        ("/1 2", "usage: /1"),
        ("/3 2", "usage: /3"),
        ("/0", "unknown command /0; /help lists the commands, //0 sends /0"),
        ("/me", "usage: /me TEXT"),
        ("/rooms a b", "usage: /rooms [START] (one word, no spaces)"),
        ("/back " + "9" * 5_000, USAGE_OF_BACK),
        ("/back 0", USAGE_OF_BACK),
        ("/back #0", USAGE_OF_BACK),
        ("/back # 1", USAGE_OF_BACK),
        ("/back some", USAGE_OF_BACK),
        ("/back 14:3", USAGE_OF_BACK),
        ("/back 23.11. 14:00", USAGE_OF_BACK),
        ("/back \N{SUPERSCRIPT TWO}", USAGE_OF_BACK),
        ("/back \N{ARABIC-INDIC DIGIT ONE}4:30", USAGE_OF_BACK),
    ],
)
def test_a_mistyped_command_is_not_sent_and_says_how_to_type_it(typed: str, advice: str) -> None:
    assert parse(typed) == Command("mistake", advice)


@pytest.mark.parametrize(
    ("typed", "said"), [("hello", "hello"), ("//etc", "//etc"), ("/me waves", "/me waves"), ("/who", None)]
)
def test_what_could_not_be_sent_can_be_typed_again(typed: str, said: str | None) -> None:
    command = parse(typed)
    assert command is not None
    assert command.said == said


def test_every_command_in_the_help_is_understood() -> None:
    for name, form in COMMANDS.items():
        example = (
            "5" if form.argument.startswith(("[N|", "[N]")) else form.argument.partition(" ")[0].strip("[]")
        )
        command = parse(f"{name} {example}")
        assert command is not None
        assert command.verb == form.verb
