"""The command ``chat``. Everything that takes long to import is imported by the command that needs it."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from chatcore import DEFAULT_URL, __version__
from cli.report import reporting
from cli.settings.complete import Completing, complete_room, complete_transport, complete_url

__all__ = ["app", "main"]

SEQ_END = 2**53

app = typer.Typer(
    name="chat",
    cls=Completing,
    help="A chat server, a terminal client, and what goes with them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "CHAT", "help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  # for as long as we run
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chat {__version__}")
        raise typer.Exit


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
            help="Print the version.",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """A chat server, a terminal client, and what goes with them."""
    with reporting():
        from cli.report import complain
        from cli.settings.file import ConfigFile
        from cli.settings.options import check_environment, settings_of

        settings = settings_of(app.registered_commands)
        for complaint in check_environment(settings, ctx.invoked_subcommand):
            complain(complaint)
        ctx.default_map = ConfigFile(config, settings).defaults()


@app.command()
def server(
    transport: Annotated[
        str,
        typer.Option(
            help="How sockets are served; `chat transports` lists what is installed.",
            autocompletion=complete_transport,
        ),
    ] = "asyncio",
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="chat://HOST:PORT for clients, plain://HOST:PORT for nc and telnet; repeatable.",
            show_default=DEFAULT_URL,
        ),
    ] = None,
    journal: Annotated[
        str | None,
        typer.Option(
            metavar="memory|sqlite:PATH",
            help="Where messages are kept.",
            show_default="a file in your data directory",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Set a limit, `none` to turn it off; repeatable. `chat server --limit help` lists them.",
        ),
    ] = None,
) -> None:
    """Serve a chat until Ctrl-C."""
    with reporting():
        from cli.commands.server import run

        raise typer.Exit(run(transport, listen or [], journal, limit or []))


@app.command()
def client(
    url: Annotated[
        str,
        typer.Argument(
            envvar=["CHAT_CLIENT_URL", "CHAT_URL"], help="The server's address.", autocompletion=complete_url
        ),
    ] = DEFAULT_URL,
    nick: Annotated[
        str | None,
        typer.Option(
            envvar=["CHAT_CLIENT_NICK", "CHAT_NICK"], help="Your name.", show_default="your login name"
        ),
    ] = None,
    room: Annotated[
        list[str] | None,
        typer.Option(
            envvar=["CHAT_CLIENT_ROOM", "CHAT_ROOM"],
            help="A room to join; repeatable.",
            show_default="lobby",
            autocompletion=complete_room,
        ),
    ] = None,
    history: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Show the last N messages of each room first.",
            show_default="20 in a terminal",
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Take what is to be sent as JSON, and print all that comes."),
    ] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain",
            help="In a terminal: print lines of text and nothing else.",
            show_default="if TERM is dumb",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="In a terminal: say nothing of those who come and go.")
    ] = False,
    remember: Annotated[
        bool,
        typer.Option(
            "--remember/--forget", help="In a terminal: keep what you type, for the Up key of the next time."
        ),
    ] = True,
) -> None:
    """Controller. In a pipe: send standard input, a message a line, and leave when all of it is kept."""
    with reporting():
        from cli.commands.client import run

        raise typer.Exit(
            run(url, nick, room or [], history, json=json, plain=plain, quiet=quiet, remember=remember)
        )


@app.command()
def bench(
    url: Annotated[str, typer.Argument(help="The server's address.")] = DEFAULT_URL,
    members: Annotated[int, typer.Option(min=1, help="Connections, all in one room.")] = 100,
    posters: Annotated[int, typer.Option(min=1, help="How many of them post.")] = 5,
    stalled: Annotated[int, typer.Option(min=0, help="How many of them never read.")] = 0,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Posts a second of each poster.", show_default="10"),
    ] = None,
    flood: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Instead of a rate: let each poster have N posts unacknowledged."
        ),
    ] = None,
    duration: Annotated[float, typer.Option(min=0.001, help="Seconds in which posts are made.")] = 10.0,
    payload: Annotated[int, typer.Option(min=1, help="Bytes of each text.")] = 64,
    room: Annotated[str, typer.Option(help="The room to use.")] = "bench",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object in place of a table.")] = False,
) -> None:
    """Test a server under load; exit 1 if a member lost a message, or got one twice or out of order."""
    from cli.report import reporting

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
    room: Annotated[str, typer.Argument(metavar="ROOM", help="The room.", autocompletion=complete_room)],
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="What to say.", show_default="or `-`: all of standard input"),
    ] = None,
    url: Annotated[
        str,
        typer.Option(
            envvar=["CHAT_SEND_URL", "CHAT_URL"], help="The server's address.", autocompletion=complete_url
        ),
    ] = DEFAULT_URL,
    nick: Annotated[
        str | None,
        typer.Option(
            envvar=["CHAT_SEND_NICK", "CHAT_NICK"], help="Your name.", show_default="your login name"
        ),
    ] = None,
    id_: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="The message's key: sent again under the same one, it is kept once.",
            show_default="a new one",
            allow_from_autoenv=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="How long to wait for the acknowledgement.")
    ] = 30.0,
    json: Annotated[bool, typer.Option("--json", help="Print the acknowledgement as JSON.")] = False,
) -> None:
    """Say one thing; print its number once it is kept."""
    with reporting():
        from cli.commands.send import run

        run(url, nick, room, text, id_, timeout, json=json)


@app.command()
def tail(
    room: Annotated[str, typer.Argument(metavar="ROOM", help="The room.", autocompletion=complete_room)],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="EPOCH:SEQ",
            help="Go on behind this position, which an earlier run has printed at its end.",
            allow_from_autoenv=False,
        ),
    ] = None,
    history: Annotated[
        int | None,
        typer.Option("-n", "--history", min=0, metavar="N", help="The last N messages.", show_default="10"),
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what is said from now on.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, a frame a line.")] = False,
    url: Annotated[
        str,
        typer.Option(
            envvar=["CHAT_TAIL_URL", "CHAT_URL"], help="The server's address.", autocompletion=complete_url
        ),
    ] = DEFAULT_URL,
    nick: Annotated[
        str | None, typer.Option(help="Your name.", show_default="your login name and -tail")
    ] = None,
) -> None:
    """Print what was said in a room, and at the end the position to go on from."""
    with reporting():
        from cli.commands.tail import run

        raise typer.Exit(run(url, nick, room, since, history, follow=follow, json=json))


@app.command()
def config(
    ctx: typer.Context,
    path: Annotated[
        bool, typer.Option("--path", help="Print only where the file is.", allow_from_autoenv=False)
    ] = False,
) -> None:
    """Print all settings, and where each comes from: the environment, the file, or the default."""
    with reporting():
        from cli.commands.config import run
        from cli.settings.file import ConfigFile
        from cli.settings.options import settings_of

        settings = settings_of(app.registered_commands)
        named = ctx.find_root().params["config"]
        run(ConfigFile(named, settings), settings, path=path)


@app.command()
def transports() -> None:
    """List the transports that are installed."""
    with reporting():
        from cli.commands.transports import run

        run()


@app.command()
def schema() -> None:
    """Print the JSON Schema of the protocol's frames."""
    with reporting():
        import json

        from chatcore.schema import json_schema

        sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")


@app.command()
def history(
    path: Annotated[
        Path | None, typer.Argument(help="The journal's file.", show_default="the one that servers use")
    ] = None,
    room: Annotated[
        list[str] | None, typer.Option(help="Only this room; repeatable.", show_default="all rooms")
    ] = None,
    after: Annotated[int, typer.Option(min=0, metavar="SEQ", help="Only what follows this number.")] = 0,
    before: Annotated[
        int,
        typer.Option(min=0, metavar="SEQ", help="Only what precedes this number.", show_default="the end"),
    ] = SEQ_END,
) -> None:
    """Print what a journal holds as JSON, a message a line."""
    with reporting():
        from cli.commands.history import run
        from cli.settings.journals import default_path

        run(path or default_path(), room or [], after, before)


@app.command()
def doctor(
    journal: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The journal to look at.", show_default="the one that servers use"),
    ] = None,
    new_epoch: Annotated[
        bool,
        typer.Option(
            "--new-epoch",
            help="First give it a new epoch, after a backup of it was restored.",
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """Check this installation, and say what to do about what is wrong."""
    with reporting():
        from cli.commands.doctor import run

        raise typer.Exit(run(journal, new_epoch=new_epoch))
