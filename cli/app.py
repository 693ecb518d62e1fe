"""The command ``chat``: its commands, their options and their help.

Each command here only declares what it takes, and hands over to its own file in `cli.commands`. Everything
that takes long to import is imported by the command that needs it, so that ``chat --help`` and a shell that
completes a line wait for nothing.

The first paragraph of a docstring is the command's summary in ``chat --help``, and has at most 60
characters. The rest is shown by ``chat COMMAND --help``, an example last. ``\\b`` keeps the lines of a
paragraph as they are.
"""

from typing import Annotated

import typer

from chatcore import COMPILED, DEFAULT_URL, __version__
from cli.report import complain, ending, reporting
from cli.settings.complete import Completing, complete_kind, complete_transport
from cli.settings.shared import (
    NICK_DEFAULT,
    finite,
    journal_argument,
    journal_option,
    nick_option,
    room_argument,
    rooms_option,
    seconds,
    url_argument,
    url_option,
)
from cli.streams import open_missing, write_json, write_text

__all__ = ["app", "main"]

app = typer.Typer(
    name="chat",
    cls=Completing,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "CHAT", "help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    open_missing()
    with ending():
        app(prog_name="chat")


def _print_version(wanted: bool) -> None:
    if wanted:
        with reporting():
            write_text(f"chat {__version__} ({'compiled' if COMPILED else 'pure Python'})\n")
        raise typer.Exit


def _is_typed(ctx: typer.Context, option: str) -> bool:
    """Tell whether an option was given on the command line, and is no setting."""
    source = ctx.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


@app.callback()
def chat(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Read settings from this file.",
            show_default="chat.toml in your configuration directory",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and the build.",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """A chat server, a terminal client, and tools for both.

    \b
    Example: chat server        in one terminal
             chat client        in another
    """
    with reporting():
        from cli.settings.file import ConfigFile
        from cli.settings.options import check_environment, settings_of

        settings = settings_of(app.registered_commands)
        for complaint in check_environment(settings, ctx.invoked_subcommand):
            complain(complaint)
        file = ConfigFile(config, settings)
        if file.unreachable:
            complain(f"{file.unreachable}; going on without settings")
        ctx.default_map = file.defaults()
        ctx.obj = file


@app.command()
def server(
    ctx: typer.Context,
    transport: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How to serve sockets. `chat transports` lists what is installed.",
            autocompletion=complete_transport,
        ),
    ] = "asyncio",
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where to listen: chat://HOST:PORT for clients, plain://HOST:PORT for nc and telnet. "
            "Repeat it for more.",
            show_default=DEFAULT_URL,
        ),
    ] = None,
    journal: Annotated[
        str | None,
        typer.Option(
            metavar="memory|sqlite:PATH",
            help="Where to store messages. `chat journals` lists what is installed.",
            show_default="a file in your data directory",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Set a limit, or turn it off with `none`. Repeat it for more. "
            "`chat server --limit help` lists all limits.",
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Listen without encryption where other machines can connect, too."),
    ] = False,
) -> None:
    """Run a chat server until Ctrl-C.

    It prints a line for each address once clients can connect.

    \b
    Example: chat server --listen chat://127.0.0.1:7024 --journal sqlite:chat.db
    """
    with reporting():
        from cli.commands.server import Options, run

        options = Options(transport, listen or [], journal, limit or [], insecure)
        raise typer.Exit(run(options, ctx.obj))


@app.command()
def client(
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
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Read JSON frames to send, and print every frame that arrives.")
    ] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="In a terminal: print plain lines of text, without colours or a prompt.",
            show_default="if TERM is dumb",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="In a terminal: hide joins and leaves.")] = False,
    remember: Annotated[
        bool,
        typer.Option("--remember/--forget", help="In a terminal: save what you type, for the Up key."),
    ] = True,
) -> None:
    """Chat in a terminal, or send standard input from a pipe.

    In a terminal, type to talk; /help lists the commands. In a pipe, each line of standard input is sent as
    a message, other people's messages are printed, and the client exits once all of its own are stored.

    \b
    Example: chat client chat://chat.example.org:7024 --nick ada --room ops
             echo "the build is green" | chat client --nick ci
    """
    with reporting():
        from cli.commands.client import run

        raise typer.Exit(
            run(url, nick, room or [], history, json=json, plain=plain, quiet=quiet, remember=remember)
        )


@app.command()
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

    The exit code is 1 if a member lost a message, or got one twice, altered or out of order, and 3 if
    posts were refused.

    \b
    Example: chat bench --members 100 --posters 5 --rate 10
             chat bench --flood 64 --json
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


@app.command()
def send(
    room: Annotated[str, room_argument()],
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="The message.", show_default="or `-`: all of standard input"),
    ] = None,
    url: Annotated[str, url_option("send")] = DEFAULT_URL,
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
            show_default="a text that you say",
            autocompletion=complete_kind,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="How long it may take, all in all; inf is as long as it takes.",
            callback=seconds,
        ),
    ] = 30.0,
    json: Annotated[bool, typer.Option("--json", help="Print the acknowledgement as JSON.")] = False,
) -> None:
    """Send one message, and print its number once it is stored.

    \b
    Example: chat send ops "the build is green" --nick ci
             df -h / | chat send ops --nick disk-watch --kind notice
    """
    with reporting():
        from cli.commands.send import run

        run(url, nick, room, text, id_, kind, timeout, json=json)


@app.command()
def tail(
    ctx: typer.Context,
    room: Annotated[str, room_argument()],
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
    url: Annotated[str, url_option("tail")] = DEFAULT_URL,
    nick: Annotated[
        str | None,
        typer.Option(metavar="NICK", help="Your name.", show_default=f"{NICK_DEFAULT} with -tail"),
    ] = None,
) -> None:
    """Print a room's messages, then the position to resume from.

    \b
    Example: chat tail ops -n 20
             chat tail ops --follow
             chat tail ops --since EPOCH:SEQ -n 100
    """
    with reporting():
        from cli.commands.tail import run

        if since is not None and not _is_typed(ctx, "history"):
            history = None  # a setting says how to begin without a position, and skips nothing after one
        raise typer.Exit(run(url, nick, room, since, history, follow=follow, json=json))


@app.command()
def rooms(
    prefix: Annotated[
        str | None,
        typer.Option(metavar="START", help="Only rooms whose names begin so.", show_default="all rooms"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one room per line.")] = False,
    url: Annotated[str, url_option("rooms")] = DEFAULT_URL,
    nick: Annotated[
        str | None,
        typer.Option(metavar="NICK", help="Your name.", show_default=f"{NICK_DEFAULT} with -rooms"),
    ] = None,
) -> None:
    """List a server's rooms, and when somebody spoke there last.

    \b
    Example: chat rooms
             chat rooms --prefix build- --json
    """
    with reporting():
        from cli.commands.rooms import run

        run(url, nick, prefix, json=json)


@app.command()
def config(
    ctx: typer.Context,
    path: Annotated[
        bool, typer.Option("--path", help="Print only the path of the file.", allow_from_autoenv=False)
    ] = False,
) -> None:
    """Print all settings, and where each comes from.

    A setting comes from the environment, from the file, or is the default. The output can be used as a file.

    \b
    Example: chat config
             chat config --path
    """
    with reporting():
        from cli.commands.config import run
        from cli.settings.file import ConfigFile
        from cli.settings.options import settings_of

        settings = settings_of(app.registered_commands)
        named = ctx.find_root().params["config"]
        run(ConfigFile(named, settings), settings, path=path)


@app.command()
def transports() -> None:
    """List the installed transports.

    \b
    Example: chat transports
             chat server --transport threaded
    """
    with reporting():
        from cli.commands.transports import run

        run()


@app.command()
def journals() -> None:
    """List the installed journals.

    \b
    Example: chat journals
             chat server --journal memory
    """
    with reporting():
        from cli.commands.journals import run

        run()


@app.command()
def schema() -> None:
    """Print the JSON Schema of the protocol's frames.

    \b
    Example: chat schema >protocol.schema.json
    """
    with reporting():
        import json

        from chatcore import json_schema

        write_json(json.dumps(json_schema(), indent=2).encode() + b"\n")


@app.command()
def history(
    path: Annotated[str | None, journal_argument()] = None,
    room: Annotated[
        list[str] | None,
        typer.Option(metavar="ROOM", help="Only this room. Repeat it for more.", show_default="all rooms"),
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="SEQ",
            help="Only messages after this number.",
            show_default="no limit",
        ),
    ] = None,
    before: Annotated[
        int | None,
        typer.Option(min=0, metavar="SEQ", help="Only messages before this number.", show_default="no limit"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only messages from this time on.", show_default="no limit"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only messages from before this time.", show_default="no limit"),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print lines of text instead of JSON.")] = False,
) -> None:
    """Print a journal's messages as JSON, one per line.

    This reads the journal's file, and needs no server; one may be running. A time without an offset is
    local. The exit code is 5 if messages are missing, and a line says so in their place.

    \b
    Example: chat history --room lobby
             chat history backup.db --after 1000
             chat history --since 2026-11-23 --until "2026-11-23 14:30"
    """
    with reporting():
        from cli.commands.history import run
        from cli.settings.journals import file_of

        raise typer.Exit(run(file_of(path), room or [], after, before, since, until, text=text))


@app.command()
def doctor(
    journal: Annotated[str | None, journal_option()] = None,
    new_epoch: Annotated[
        bool,
        typer.Option(
            "--new-epoch",
            help="First give the journal a new epoch. Do this after you restored a backup.",
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """Check this installation, and say how to fix problems.

    The exit code is 1 if something is wrong.

    \b
    Example: chat doctor
             chat doctor --journal backup.db
    """
    with reporting():
        from cli.commands.doctor import run
        from cli.settings.journals import file_of

        raise typer.Exit(run(None if journal is None else file_of(journal), new_epoch=new_epoch))


room_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Remove a room from a journal.",
)
app.add_typer(room_app, name="room")


@room_app.command(name="remove")
def remove_room(
    room: Annotated[str, room_argument()],
    journal: Annotated[str | None, journal_option(is_setting=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", allow_from_autoenv=False)] = False,
) -> None:
    """Remove a room and all its messages from a journal.

    No server may be running with it. Its numbers are not used again: clients that come back see that
    messages are missing, and a new message follows the last one that there was.

    \b
    Example: chat room remove old-project
             chat room remove old-project --journal chat.db --yes
    """
    with reporting():
        from cli.commands.room import remove
        from cli.settings.journals import file_of

        raise typer.Exit(remove(file_of(journal), room, yes=yes))
