"""Commands for those who run a server: the server, its journal, and what is installed."""

from pathlib import Path
from typing import Annotated

import typer

from chatcore import UsageError
from cli.help.headings import BROWSERS, CERTIFICATE, LISTENING, MESSAGES, PEOPLE, WATCHING
from cli.report import reporting
from cli.settings.addresses import DEFAULT_URLS
from cli.settings.complete import complete_transport
from cli.settings.shared import journal_argument, journal_option, key_file_option, room_argument
from cli.streams import write_json

__all__ = [
    "backup",
    "doctor",
    "history",
    "journals",
    "remove_room",
    "restore",
    "schema",
    "server",
    "transports",
]


def server(
    ctx: typer.Context,
    transport: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How to serve sockets. `chat transports` lists what is installed.",
            autocompletion=complete_transport,
            rich_help_panel=LISTENING,
        ),
    ] = "asyncio",
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where to listen: chat://HOST:PORT for clients, http://HOST:PORT for browsers, "
            "plain://HOST:PORT for nc and telnet; chats://, https:// and plains:// are encrypted. "
            "Repeat it for more.",
            show_default=" and ".join(DEFAULT_URLS),
            rich_help_panel=LISTENING,
        ),
    ] = None,
    journal: Annotated[
        str | None,
        typer.Option(
            metavar="memory|sqlite:PATH",
            help="Where to store messages. `chat journals` lists what is installed.",
            show_default="a file in your data directory",
            rich_help_panel=MESSAGES,
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
    no_search: Annotated[
        bool,
        typer.Option(
            "--no-search",
            help="Make no search index beside the journal, and refuse searches.",
            rich_help_panel=MESSAGES,
        ),
    ] = False,
    cert: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|auto",
            help="The certificate for chats://, https:// and plains://, or `auto`: one that the server makes "
            "itself.",
            show_default="none",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None,
    cert_key: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="The key of the certificate.",
            show_default="in the file of --cert",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None,
    accounts: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Let in only people with an account in this file, which `chat account add` makes. With a "
            "journal at nats://, the same address.",
            show_default="everybody is let in",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    public_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="What links to this server begin with: chats://HOST:PORT, or https://HOST/PATH for a page; "
            "http:// needs --insecure. Repeat it for more. It is stored with the accounts.",
            show_default="what was stored last",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve metrics for Prometheus at /metrics there, and at /healthz whether all is well.",
            show_default="none",
            rich_help_panel=WATCHING,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure",
            help="Listen without encryption where other machines can connect, too.",
            rich_help_panel=LISTENING,
        ),
    ] = False,
    open: Annotated[
        bool,
        typer.Option(
            "--open",
            help="Let in everybody who can connect, from other machines, too.",
            rich_help_panel=PEOPLE,
        ),
    ] = False,
    web_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A name by which browsers may open http:// and https://. Repeat it for more.",
            show_default="addresses, localhost and the hosts of --listen",
            rich_help_panel=BROWSERS,
        ),
    ] = None,
    web_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Whose pages may connect besides those of this server: https://HOST[:PORT]. "
            "Repeat it for more.",
            show_default="none",
            rich_help_panel=BROWSERS,
        ),
    ] = None,
    web_node: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where the page is served by a node of this server, as https://HOST[:PORT]: an open page "
            "continues there if another node is lost. Repeat it for each node, this one too.",
            show_default="none",
            rich_help_panel=BROWSERS,
        ),
    ] = None,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A proxy, or a network of them, whose X-Forwarded-For says where browsers connect from. "
            "Repeat it for more.",
            show_default="none",
            rich_help_panel=BROWSERS,
        ),
    ] = None,
    log_level: Annotated[
        str,
        typer.Option(
            metavar="info|warning|error",
            help="What to log on standard error.",
            rich_help_panel=WATCHING,
        ),
    ] = "info",
    log_format: Annotated[
        str,
        typer.Option(
            metavar="text|json",
            help="How to log: as text, or as one JSON object per line.",
            rich_help_panel=WATCHING,
        ),
    ] = "text",
) -> None:
    """Run a chat server until Ctrl-C.

    It prints a line for each address once clients can connect. SIGTERM and Ctrl-C drain it: clients get what
    they are owed, and it exits.

    \b
    Example: # For this machine alone, with the messages in chat.db:
             chat server --listen chat://127.0.0.1:7024 --journal sqlite:chat.db
             # Encrypted, with a certificate of its own:
             chat server --listen chats://127.0.0.1:7024 --cert auto
             # For everybody in a network that you trust, in their browsers:
             chat server --listen http://0.0.0.0:8024 --insecure --open
             # With all limits and their defaults:
             chat server --limit help
    """
    with reporting():
        from cli.commands.server import Options, run

        options = Options(
            transport=transport,
            listen=listen or [],
            journal=journal,
            limit=limit or [],
            search=not no_search,
            cert=cert,
            cert_key=cert_key,
            accounts=accounts,
            public_url=public_url or [],
            metrics=metrics,
            insecure=insecure,
            everybody=open,
            web_origin=web_origin or [],
            web_node=web_node or [],
            web_host=web_host or [],
            trust_proxy=trust_proxy or [],
            log_level=log_level,
            log_format=log_format,
        )
        raise typer.Exit(run(options, ctx.obj))


def transports() -> None:
    """List the installed transports.

    \b
    Example: chat transports
    """
    with reporting():
        from cli.commands.transports import run

        run()


def journals() -> None:
    """List the installed journals.

    \b
    Example: chat journals
    """
    with reporting():
        from cli.commands.journals import run

        run()


def schema() -> None:
    """Print the JSON Schema of the protocol's frames.

    \b
    Example: chat schema >protocol.schema.json
    """
    with reporting():
        import json

        from chatcore import json_schema

        write_json(json.dumps(json_schema(), indent=2).encode() + b"\n")


def history(
    ctx: typer.Context,
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
    local. If messages are missing, a line says so in their place.

    \b
    Example: # One room, of the journal that `chat server` uses:
             chat history --room lobby
             # What is newer in a copy:
             chat history backup.db --after 1000
             # One morning, to read:
             chat history --since 2026-11-23 --until "2026-11-23 12:00" --text
    """
    with reporting():
        from cli.commands.history import run
        from cli.settings.journals import server_journal

        file = server_journal(ctx, path)
        raise typer.Exit(run(file, room or [], after, before, since, until, text=text))


def doctor(
    ctx: typer.Context,
    journal: Annotated[str | None, journal_option()] = None,
    new_epoch: Annotated[
        bool,
        typer.Option(
            "--new-epoch",
            help="First give the journal a new epoch. Do this after you put another file in its place.",
            allow_from_autoenv=False,
        ),
    ] = False,
    accounts: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="The file of accounts.", show_default="the one that `chat server` uses"
        ),
    ] = None,
    cert: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="The certificate of a server.", show_default="what `--cert auto` has made"
        ),
    ] = None,
    cert_key: Annotated[
        str | None, typer.Option(metavar="PATH", help="Its key.", show_default="in the file of --cert")
    ] = None,
    key_file: Annotated[str | None, key_file_option("doctor")] = None,
) -> None:
    """Check this installation, and say how to fix problems.

    It changes nothing unless you say --new-epoch, and a server may run.

    \b
    Example: chat doctor
             # Another journal than the one that `chat server` uses:
             chat doctor --journal backup.db
             # A log that servers share, and its NATS servers:
             chat doctor --journal 'nats://ada-1,ada-2,ada-3'
    """
    with reporting():
        from cli.commands.doctor import Files, run
        from cli.settings.accounts import accounts_to_check
        from cli.settings.certificates import server_certificate
        from cli.settings.journals import journal_to_check

        certificate, key = server_certificate(ctx) if cert is None else (cert, cert_key)
        files = Files(
            journal=journal_to_check(ctx, journal),
            accounts=accounts_to_check(ctx, accounts),
            cert=None if certificate is None else Path(certificate),
            cert_key=key,
            keys=key_file,
        )
        raise typer.Exit(run(files, new_epoch=new_epoch))


def backup(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help="Where to put the backup.")],
    journal: Annotated[str | None, journal_option(is_setting=False)] = None,
    accounts: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Back up this file of accounts too, to PATH-accounts beside the journal's backup.",
            show_default="no accounts",
            allow_from_autoenv=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object per backup.", allow_from_autoenv=False)
    ] = False,
) -> None:
    """Back up a journal, also while a server uses it.

    The copy is checked before it takes the place of an older backup. It has every message that was
    acknowledged before. Without --journal, it is of the journal that the settings of `chat server` name.

    \b
    Example: chat backup backup.db
             chat backup backup.db --journal journal.db --accounts accounts.db
    """
    with reporting():
        from cli.commands.backup import back_up
        from cli.settings.accounts import file_of_accounts
        from cli.settings.journals import server_journal

        instead = "back up the stream NAME-accounts with the tools of NATS"
        people = None if accounts is None else file_of_accounts(accounts, instead)
        raise typer.Exit(back_up(Path(path), server_journal(ctx, journal), people, as_json=json))


def restore(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="BACKUP", help="What `chat backup` has made.")],
    journal: Annotated[str | None, journal_option(is_setting=False)] = None,
    accounts: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Restore this file of accounts from a backup of it, and no journal.",
            show_default="the journal is restored",
            allow_from_autoenv=False,
        ),
    ] = None,
) -> None:
    """Put a backup in the place of the journal.

    No server may be running with it. What was there stays beside it, with -before-restore after its name.
    With --accounts, it prints what was revoked or banned after the backup was made, and is in force again.

    \b
    Example: chat restore backup.db
             chat restore backup.db-accounts --accounts accounts.db
    """
    with reporting():
        from cli.commands.backup import restore as run
        from cli.commands.backup import restore_accounts
        from cli.settings.accounts import file_of_accounts
        from cli.settings.journals import server_journal

        if accounts is None:
            raise typer.Exit(run(Path(path), server_journal(ctx, journal)))
        if journal is not None:
            raise UsageError("restore one file at a time, with --journal or with --accounts")
        instead = "stop the servers, and restore the stream NAME-accounts with the tools of NATS"
        raise typer.Exit(restore_accounts(Path(path), file_of_accounts(accounts, instead)))


def remove_room(
    ctx: typer.Context,
    room: Annotated[str, room_argument()],
    journal: Annotated[str | None, journal_option(is_setting=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", allow_from_autoenv=False)] = False,
) -> None:
    """Remove a room and all its messages from a journal.

    No server may be running with it. Its numbers are not used again: clients that come back see that
    messages are missing, and a new message follows the last one that there was.

    \b
    Example: chat room remove old-project
             # In a script, which nobody can ask:
             chat room remove old-project --journal chat.db --yes
    """
    with reporting():
        from cli.commands.room import remove
        from cli.settings.journals import server_journal

        raise typer.Exit(remove(server_journal(ctx, journal), room, yes=yes))
