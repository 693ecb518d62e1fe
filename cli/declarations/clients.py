"""Commands for those who use a server, or test one."""

from typing import Annotated

import typer

from chatcore import DEFAULT_URL
from cli.help.headings import FORGETTING, IN_A_PIPE, IN_A_TERMINAL, ROOMS
from cli.report import reporting
from cli.settings.complete import complete_background, complete_kind
from cli.settings.shared import (
    ca_of,
    ca_option,
    finite,
    is_typed,
    key_file_option,
    nick_option,
    reader_nick_option,
    room_argument,
    rooms_argument,
    rooms_option,
    seconds,
    url_argument,
    url_option,
)

__all__ = ["bench", "client", "join", "rooms", "search", "send", "status", "tail"]


def client(
    ctx: typer.Context,
    url: Annotated[str, url_argument("client")] = DEFAULT_URL,
    nick: Annotated[str | None, nick_option("client")] = None,
    room: Annotated[list[str] | None, rooms_option("client")] = None,
    history: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Show the last N messages of each room first.",
            show_default="20 in a terminal, none in a pipe",
            rich_help_panel=ROOMS,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Read JSON frames to send, and print every frame that arrives.",
            rich_help_panel=IN_A_PIPE,
        ),
    ] = False,
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="Send a line that is too long as several messages.",
            rich_help_panel=IN_A_PIPE,
        ),
    ] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="Print plain lines of text, without colours or a prompt, as where TERM is dumb.",
            rich_help_panel=IN_A_TERMINAL,
        ),
    ] = False,
    background: Annotated[
        str,
        typer.Option(
            metavar="auto|dark|light",
            help="What the background is; `auto` asks the terminal.",
            autocompletion=complete_background,
            rich_help_panel=IN_A_TERMINAL,
        ),
    ] = "auto",
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Hide joins and leaves.", rich_help_panel=IN_A_TERMINAL)
    ] = False,
    highlight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="A word that counts as your name does. Repeat it for more.",
            rich_help_panel=IN_A_TERMINAL,
        ),
    ] = None,
    notices: Annotated[
        str,
        typer.Option(
            metavar="auto|off|osc9|osc99|osc777",
            help="Which notices it shows on the desktop; `auto` goes by the terminal.",
            rich_help_panel=IN_A_TERMINAL,
        ),
    ] = "auto",
    remember: Annotated[
        bool,
        typer.Option(
            "--remember/--forget",
            help="Remember your rooms and what you have read, and save what you type; or not.",
            rich_help_panel=IN_A_TERMINAL,
        ),
    ] = True,
    reset: Annotated[
        bool,
        typer.Option(
            "--reset",
            help="Forget what is remembered of URL, or of all servers, and end.",
            rich_help_panel=FORGETTING,
            allow_from_autoenv=False,
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="With --reset: do not ask.",
            rich_help_panel=FORGETTING,
            allow_from_autoenv=False,
        ),
    ] = False,
    key_file: Annotated[str | None, key_file_option("client")] = None,
    ca: Annotated[str | None, ca_option("client")] = None,
) -> None:
    """Chat in a terminal, or send standard input from a pipe.

    In a terminal, type to talk; /help lists the commands. In a pipe, each line of standard input is sent as
    a message, other people's messages are printed, and the client exits once all of its own are stored.

    \b
    Example: chat client chat://chat.example.org:7024 --nick ada --room ops
             # From a script:
             echo "the build is green" | chat client --nick ci
             # Forget what it remembers, in a script:
             chat client --reset --yes
    """
    with reporting():
        if reset:
            from cli.commands.reset import run as forget

            raise typer.Exit(forget(url if is_typed(ctx, "url") else None, yes=yes))
        from cli.access.login import login_for
        from cli.commands.client import Look, run

        raise typer.Exit(
            run(
                url,
                nick,
                room or [],
                history,
                login=login_for(url, key_file, ca_of(ctx, ca)),
                json=json,
                split=split,
                plain=plain,
                quiet=quiet,
                highlight=highlight or [],
                notices=notices,
                remember=remember,
                look=Look(background, ctx.obj.look("colours"), ctx.obj.look("keys")),
                is_fixed=is_typed(ctx, "nick"),
                are_usual=not is_typed(ctx, "room"),
            )
        )


def bench(
    url: Annotated[str, url_argument(None)] = DEFAULT_URL,
    members: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many connections to make, all in one room.")
    ] = 100,
    posters: Annotated[int, typer.Option(min=1, metavar="N", help="How many of them post.")] = 5,
    stalled: Annotated[int, typer.Option(min=0, metavar="N", help="How many of them never read.")] = 0,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            callback=finite,
            metavar="N",
            help="Posts per second, for each poster.",
            show_default="10",
        ),
    ] = None,
    flood: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Instead of a rate: post as fast as the server answers, with N posts of each poster "
            "unanswered.",
        ),
    ] = None,
    duration: Annotated[
        float, typer.Option(min=0.001, metavar="SECONDS", help="How long to post.", callback=finite)
    ] = 10.0,
    payload: Annotated[int, typer.Option(min=1, metavar="BYTES", help="The length of each text.")] = 64,
    room: Annotated[str, typer.Option(metavar="ROOM", help="The room to use.")] = "bench",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Put a server under load, and check every delivery.

    Members connect to one room, and some of them post. It checks that each gets every message once,
    unaltered and in the same order, and prints how long that took. Where a server has several addresses,
    members connect to each of them in turn.

    \b
    Example: # 100 people, of whom five write ten messages per second:
             chat bench --members 100 --posters 5 --rate 10 --duration 5
             # As much as the server takes, for a program to read:
             chat bench --flood 64 --duration 5 --json
    """
    with reporting():
        from cli.commands.bench import run

        raise typer.Exit(
            run(
                url,
                members=members,
                posters=posters,
                stalled=stalled,
                rate=rate,
                flood=flood,
                duration=duration,
                payload=payload,
                room=room,
                as_json=json,
            )
        )


def send(
    ctx: typer.Context,
    room: Annotated[str, room_argument()],
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="The message. Without it, or with `-`: all of standard input."),
    ] = None,
    url: Annotated[str, url_option("send", "--url", "--to")] = DEFAULT_URL,
    nick: Annotated[str | None, nick_option("send")] = None,
    id_: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="The message's key. Sent again with the same id, it is stored once.",
            show_default="a new one",
            allow_from_autoenv=False,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="action|notice",
            help="What it is: something that you do, or a notice, which no program may answer.",
            show_default="a text",
            autocompletion=complete_kind,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="How long it may take in all; `inf` is as long as it takes.",
            callback=seconds,
        ),
    ] = 30.0,
    json: Annotated[bool, typer.Option("--json", help="Print the acknowledgement as JSON.")] = False,
    split: Annotated[
        bool, typer.Option("--split", help="Send a text that is too long as several messages.")
    ] = False,
    key_file: Annotated[str | None, key_file_option("send")] = None,
    ca: Annotated[str | None, ca_option("send")] = None,
) -> None:
    """Send one message, and print its number once it is stored.

    A refusal that may pass is tried again until the timeout. If nobody knows whether the message is stored,
    the error names its id: sent again with --id, it is stored once.

    \b
    Example: chat send ops "the build is green" --nick ci
             # What another command prints:
             df -h / | chat send ops --nick disk-watch --kind notice
             # To the server that chat.toml calls work:
             chat send ops "lunch?" --to work
    """
    with reporting():
        from cli.access.login import login_for
        from cli.commands.send import run

        login = login_for(url, key_file, ca_of(ctx, ca))
        fixed = is_typed(ctx, "nick")
        run(url, nick, room, text, id_, kind, timeout, login=login, json=json, split=split, is_fixed=fixed)


def tail(
    ctx: typer.Context,
    room: Annotated[list[str] | None, rooms_argument("tail")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="EPOCH:SEQ",
            help="Start after this position (the last line an earlier run printed).",
            allow_from_autoenv=False,
        ),
    ] = None,
    history: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--history",
            min=0,
            metavar="N",
            help="Print the last N messages; with --since, at most so many of those after the position.",
            show_default="10, or all after a position",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Continue with new messages as they arrive.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one frame per line.")] = False,
    url: Annotated[str, url_option("tail", "--url", "--to")] = DEFAULT_URL,
    nick: Annotated[str | None, reader_nick_option("tail")] = None,
    key_file: Annotated[str | None, key_file_option("tail")] = None,
    ca: Annotated[str | None, ca_option("tail")] = None,
) -> None:
    """Print a room's messages, then the position to resume from.

    With --since and that position, the next run prints what is new. If messages are missing, a line says so
    in their place.

    \b
    Example: chat tail ops -n 20
             # Until Ctrl-C:
             chat tail ops --follow
             # What is new since an earlier run, whose last line was a position:
             chat tail ops --since EPOCH:SEQ -n 100
    """
    with reporting():
        from cli.access.login import login_for
        from cli.commands.tail import run

        if since is not None and not is_typed(ctx, "history"):
            history = None  # a setting says how to begin without a position, and skips nothing after one
        login = login_for(url, key_file, ca_of(ctx, ca))
        raise typer.Exit(run(url, nick, room or [], since, history, login=login, follow=follow, json=json))


def rooms(
    ctx: typer.Context,
    prefix: Annotated[
        str | None,
        typer.Option(metavar="START", help="Only rooms whose names begin so.", show_default="all rooms"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one room per line.")] = False,
    url: Annotated[str, url_option("rooms", "--url", "--to")] = DEFAULT_URL,
    nick: Annotated[str | None, reader_nick_option("rooms")] = None,
    key_file: Annotated[str | None, key_file_option("rooms")] = None,
    ca: Annotated[str | None, ca_option("rooms")] = None,
) -> None:
    """List a server's rooms, and when somebody spoke there last.

    Rooms that you may not see are left out.

    \b
    Example: chat rooms
             # For a program to read:
             chat rooms --prefix build- --json
    """
    with reporting():
        from cli.access.login import login_for
        from cli.commands.rooms import run

        run(url, nick, prefix, login=login_for(url, key_file, ca_of(ctx, ca)), json=json)


def status(
    ctx: typer.Context,
    url: Annotated[str, url_argument("status")] = DEFAULT_URL,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="How long it may take in all; `inf` is as long as it takes.",
            callback=seconds,
        ),
    ] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    key_file: Annotated[str | None, key_file_option("status")] = None,
    ca: Annotated[str | None, ca_option("status")] = None,
) -> None:
    """Check that a server answers, and print what it says.

    It has a nick of its own there, and enters no room. A server with accounts answers only those that have a
    key, and refuses others.

    \b
    Example: chat status chat://chat.example.org:7024
             # For a monitor, of the server that chat.toml calls work:
             chat status work --timeout 2 --json
    """
    with reporting():
        from cli.access.login import login_for
        from cli.commands.status import run

        run(url, timeout, login=login_for(url, key_file, ca_of(ctx, ca)), as_json=json)


def search(
    ctx: typer.Context,
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help='Words, a "phrase" or begin*; also from:NICK, in:ROOM, after:TIME and before:TIME.',
        ),
    ],
    url: Annotated[str, url_option("search", "--url", "--to")] = DEFAULT_URL,
    nick: Annotated[str | None, reader_nick_option("search")] = None,
    room: Annotated[list[str] | None, rooms_option("search", "search")] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what was said from this time on.", allow_from_autoenv=False),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what was said earlier.", allow_from_autoenv=False),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, metavar="N", help="Print the newest N at most.")
    ] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one message per line.")] = False,
    key_file: Annotated[str | None, key_file_option("search")] = None,
    ca: Annotated[str | None, ca_option("search")] = None,
) -> None:
    """Search what was said in rooms, newest first.

    Case and accents make no difference. What is found has all the words. A time without an offset is local.

    \b
    Example: chat search "disk full" --room ops
             # These two words together, and a third that begins so:
             chat search '"disk full" deploy* from:ada' --after 2026-11-01
    """
    with reporting():
        from cli.access.login import login_for
        from cli.commands.search import run

        login = login_for(url, key_file, ca_of(ctx, ca))
        raise typer.Exit(run(url, nick, query, room or [], after, before, count, login=login, json=json))


def join(
    ctx: typer.Context,
    nick: Annotated[
        str | None,
        typer.Option(
            metavar="NICK",
            help="Your name, if you have no account there yet.",
            show_default="asked for in a terminal, or your login name",
            allow_from_autoenv=False,
        ),
    ] = None,
    key_file: Annotated[str | None, key_file_option("join")] = None,
    ca: Annotated[str | None, ca_option("join")] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace the key that you have on that server.", allow_from_autoenv=False
        ),
    ] = False,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Let the key go to another machine without encryption, now and later.",
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """Use a link that somebody has sent you to get in.

    It asks for the link, or reads it from a pipe; it is a secret, so it is not an argument. It makes a key
    for this device, stores it, and says who you are there from now on. If anything fails in between, run it
    again with the same link.

    \b
    Example: chat join
             # For a bot, with a key of its own:
             chat join --key-file bot.json <link.txt
    """
    with reporting():
        from cli.commands.join import run

        run(nick, key_file, ca_of(ctx, ca), replace=replace, insecure=insecure)
