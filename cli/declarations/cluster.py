"""The commands for those who run several servers on one log: what each takes, and its help."""

from pathlib import Path
from typing import Annotated

import typer

from cli.help.command import Command, Group
from cli.report import reporting

__all__ = ["change", "cluster_app", "config", "new_epoch", "remove", "status"]

cluster_app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="Set up and look after several servers that share one log.",
)


Journal = Annotated[
    str | None,
    typer.Option(
        "--journal",
        metavar="JOURNAL",
        help="The log that they share: nats://HOST,HOST,HOST, or tls://, with its options.",
        show_default="the one that `chat server` uses",
        allow_from_autoenv=False,
    ),
]


def _port(name: str, usage: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, min=1, max=65535, metavar="PORT", help=usage, allow_from_autoenv=False
    )
    return option


@cluster_app.command(name="config", cls=Command)
def config(
    hosts: Annotated[
        list[str], typer.Argument(metavar="HOST...", help="The machines: one, or three or more.")
    ],
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="HOST",
            help="Print the configuration of this machine. The others need the same --creds.",
            show_default="of all machines",
            allow_from_autoenv=False,
        ),
    ] = None,
    creds: Annotated[
        str | None,
        typer.Option(
            "--creds",
            metavar="PATH",
            help="A file with a line USER:PASSWORD, for chat servers to show. It is made if it is missing.",
            show_default="a new password, which is printed",
            allow_from_autoenv=False,
        ),
    ] = None,
    operator_creds: Annotated[
        str | None,
        typer.Option(
            "--operator-creds",
            metavar="PATH",
            help="The same for a user who may also change, back up and remove the streams.",
            show_default="there is no such user",
            allow_from_autoenv=False,
        ),
    ] = None,
    stream: Annotated[
        str,
        typer.Option("--stream", metavar="NAME", help="The name of the stream.", allow_from_autoenv=False),
    ] = "chat",
    tls: Annotated[
        str | None,
        typer.Option(
            "--tls",
            metavar="DIRECTORY",
            help="Encrypt, by cert.pem, key.pem and ca.pem in this directory of each machine.",
            show_default="nothing is encrypted",
            allow_from_autoenv=False,
        ),
    ] = None,
    store: Annotated[
        str,
        typer.Option(
            "--store", metavar="DIRECTORY", help="Where entries are stored.", allow_from_autoenv=False
        ),
    ] = "/var/lib/nats",
    disk: Annotated[
        str,
        typer.Option(
            "--disk", metavar="SIZE", help="How much may be stored there.", allow_from_autoenv=False
        ),
    ] = "16GiB",
    port: Annotated[int, _port("--port", "Where chat servers connect.")] = 4222,
    route_port: Annotated[int, _port("--route-port", "Where the NATS servers connect to each other.")] = 6222,
    monitor_port: Annotated[int, _port("--monitor-port", "Where they show how they are set up.")] = 8222,
) -> None:
    """Print a nats.conf for each machine of a cluster.

    It also says how to start chat servers with them. Their user may make the streams, add to them and read
    them, and nothing else. Let no other machines reach any of the ports.

    \b
    Example: # All three, with a password that each machine needs:
             chat cluster config ada-1 ada-2 ada-3
             # Each machine's own, by the same file of credentials:
             chat cluster config ada-1 ada-2 ada-3 --only ada-1 --creds nats.creds >nats.conf
             # With a user for backups, and to make the streams larger:
             chat cluster config ada-1 --creds nats.creds --operator-creds operator.creds >nats.conf
    """
    with reporting():
        from cli.commands.cluster_config import Plan, run

        run(
            Plan(
                hosts=hosts,
                only=only,
                stream=stream,
                creds=None if creds is None else Path(creds),
                operator_creds=None if operator_creds is None else Path(operator_creds),
                store=store,
                disk=disk,
                tls=tls,
                ports=(port, route_port, monitor_port),
            )
        )


@cluster_app.command(name="status", cls=Command)
def status(
    ctx: typer.Context,
    journal: Journal = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object.", allow_from_autoenv=False)
    ] = False,
) -> None:
    """Print how a cluster's log is, and how far this machine is.

    It says what needs somebody to look at it. It changes nothing, and servers may run.

    \b
    Example: chat cluster status
             # Of another log than the one that `chat server` uses:
             chat cluster status --journal nats://127.0.0.1:4222
    """
    with reporting():
        from cli.commands.cluster_status import run
        from cli.settings.journals import shared_address

        raise typer.Exit(run(shared_address(ctx, journal), as_json=json))


@cluster_app.command(name="remove", cls=Command)
def remove(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Argument(metavar="HOST", help="The machine, by the name that its configuration has.")
    ],
    journal: Journal = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", allow_from_autoenv=False)] = False,
) -> None:
    """Remove a machine that is gone from a cluster.

    Do this when its NATS server does not return under its name. Another one gets what it had of the log.
    Until then it counts for a majority. A server that runs is not removed, nor one while another lacks
    some of the log. Chat servers run meanwhile.

    \b
    Example: chat cluster remove ada-3
    """
    with reporting():
        from cli.commands.cluster_remove import run
        from cli.settings.journals import shared_address

        raise typer.Exit(run(shared_address(ctx, journal), host, yes=yes))


@cluster_app.command(name="set", cls=Command)
def change(
    ctx: typer.Context,
    settings: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="The limits; none is no limit.")
    ],
    journal: Journal = None,
) -> None:
    """Change what is kept of a cluster's log, on all its servers.

    There are dedupe_seconds, history_messages, history_bytes and history_seconds. It prints what they are
    then. All of the log is read first, which takes a minute for a million messages. Servers may run.

    \b
    Example: # A year, and as many messages as that has:
             chat cluster set history_seconds=31536000 history_messages=none
    """
    with reporting():
        from cli.commands.cluster_changes import set_limits
        from cli.settings.journals import shared_address

        set_limits(shared_address(ctx, journal), settings)


@cluster_app.command(name="new-epoch", cls=Command)
def new_epoch(
    ctx: typer.Context,
    journal: Journal = None,
    accounts: Annotated[
        bool,
        typer.Option(
            "--accounts",
            help="End a fork of the accounts of these servers, and leave the messages as they are.",
            allow_from_autoenv=False,
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", allow_from_autoenv=False)] = False,
) -> None:
    """Begin an epoch of a cluster's log, which ends a fork.

    Do this when servers say that they have read different logs. Those that have read what the log has now
    store posts again, and all their clients read their rooms again. The others stay as they are: stop each,
    remove its copy of the log, and start it. All of the log is read first. Accounts have a log of their own,
    and nobody has to read anything again where that has an epoch.

    \b
    Example: chat cluster new-epoch
             # In a script, which nobody can ask:
             chat cluster new-epoch --yes
    """
    with reporting():
        from cli.commands.cluster_changes import begin_accounts_epoch, begin_epoch
        from cli.settings.accounts import operator
        from cli.settings.journals import shared_address

        if accounts:
            begin_accounts_epoch(shared_address(ctx, journal), by=operator())
            return
        raise typer.Exit(begin_epoch(shared_address(ctx, journal), yes=yes))
