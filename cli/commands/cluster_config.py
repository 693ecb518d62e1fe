"""``chat cluster config``: how the NATS servers of a log have to be set up, one configuration for each.

There is a user for chat servers, who may do what they do and no more, and, if that is asked for, one for
whoever manages the streams. The routes have a password as well, so that nobody else joins the cluster, and so
has the user who may remove servers.

All machines have the same passwords. Those of users come from files; the other two come from one of them, so
each machine can print its own part. Whoever knows that may do anything, so it is the operator's.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from chatcore import UsageError
from cli.settings.nats_passwords import SYSTEM, derived_password
from cli.streams import write_text

__all__ = ["Plan", "run"]

_HOST = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:]+\]")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIZE = re.compile(r"[1-9]\d{0,8}[KMGT]iB")
_LINE = re.compile(r'([^\s:"\\$][^\s:"\\]*):([^\x00-\x1f\x7f"\\]+)')
_PATH = re.compile(r'/[^\x00-\x1f\x7f"\\]*')

_USER = "chat"
_OPERATOR = "operator"


class _User(NamedTuple):
    """Whom NATS servers know by a password."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. ``only`` is one of the hosts.

    ``creds`` and ``operator_creds`` are files, which are made if they are missing. Without the second, nobody
    may manage the streams.
    """

    hosts: Sequence[str]
    only: str | None
    stream: str
    creds: Path | None
    operator_creds: Path | None
    store: str
    disk: str
    tls: str | None
    ports: tuple[int, int, int]


def run(plan: Plan) -> None:
    """Print the configurations, and on standard error what is to be done with them; raises `UsageError`."""
    _check(plan)
    chat, operator = _users(plan)
    hosts = plan.hosts if plan.only is None else [plan.only]
    write_text("\n".join(_configuration(plan, host, chat, operator) for host in hosts), wrap=False)
    if plan.creds is None:
        write_text(
            f"{chat.name}:{chat.password} is the line of the file creds=PATH.\n", error=True, wrap=False
        )
    write_text(f"Start chat servers with --journal '{_address(plan)}'\n", error=True, wrap=False)


def _check(plan: Plan) -> None:
    for host in plan.hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(f"{host!r} is not a host; a port is given by --port, for all of them")
    if len({host.casefold() for host in plan.hosts}) < len(plan.hosts):
        raise UsageError("a host is given twice")
    if len(plan.hosts) == 2:
        raise UsageError("two servers stop when either of them does; name one, or three or more")
    if plan.only is not None and plan.only not in plan.hosts:
        raise UsageError(f"--only {plan.only} is not among the hosts {' '.join(plan.hosts)}")
    if not _NAME.fullmatch(plan.stream):
        raise UsageError(f"--stream {plan.stream} is invalid: up to 64 letters, digits, - and _")
    if not _SIZE.fullmatch(plan.disk):
        raise UsageError(f"--disk {plan.disk} is invalid; write --disk 16GiB")
    for option, path in (("--store", plan.store), ("--tls", plan.tls)):
        if path is not None and not _PATH.fullmatch(path):
            raise UsageError(f"{option} {path} is not an absolute path")
    if len(set(plan.ports)) < len(plan.ports):
        raise UsageError("clients, routes and monitoring need a port each")


def _users(plan: Plan) -> tuple[_User, _User | None]:
    """Return the user of chat servers, and whoever manages the streams."""
    chat = _user("--creds", plan.creds, _USER)
    if plan.operator_creds is None:
        return chat, None
    operator = _user("--operator-creds", plan.operator_creds, _OPERATOR)
    if operator.name == chat.name or operator.password == chat.password:
        raise UsageError("--creds and --operator-creds need users of their own, and two passwords")
    return chat, operator


def _user(option: str, path: Path | None, name: str) -> _User:
    """Return the user in a file, which is made if it is missing; without one, a user with a new password."""
    made = secrets.token_urlsafe(24)
    if path is None:
        return _User(name, made)
    try:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(f"{name}:{made}\n")
        line = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot use {option} {path}: {error}") from error
    if (match := _LINE.fullmatch(line)) is None or match[2].startswith("$"):
        raise UsageError(f"{option} {path} needs one line USER:PASSWORD, without quotes, \\ or $ in front")
    return _User(match[1], match[2])


# --- one configuration ---------------------------------------------------------------------------


def _configuration(plan: Plan, host: str, chat: _User, operator: _User | None) -> str:
    port, _, monitor = plan.ports
    lines = [
        f"# nats.conf of {host}. It has all passwords: let nobody but nats-server read it.",
        f'server_name: "{host}"',
        f'listen: "{_listening(host)}:{port}"',
        "# Monitoring asks for no password. All machines of the cluster ask there: let no others reach it.",
        f'http: "{_listening(host)}:{monitor}"',
        "max_payload: 4MB",
        f'jetstream {{ store_dir: "{plan.store}", max_file_store: {plan.disk}, sync_interval: always }}',
        *_tls(plan, verify=False),
        *_authorization(plan.stream, chat, operator),
    ]
    if len(plan.hosts) > 1:
        shown = (operator or chat).password
        system = derived_password(SYSTEM, plan.stream, shown)
        lines.append(f'accounts {{ $SYS: {{ users: [ {{ user: "{SYSTEM}", password: "{system}" }} ] }} }}')
        lines += ["cluster {", *(f"  {line}" for line in _cluster(plan, host, shown)), "}"]
    return "".join(f"{line}\n" for line in lines)


def _listening(host: str) -> str:
    """Return where a server listens: at its address, or, by a name, at all that the machine has.

    A machine's own name is often an address of loopback there.
    """
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return "0.0.0.0"
    return host


def _authorization(stream: str, chat: _User, operator: _User | None) -> list[str]:
    """Return the lines about users: what each may send, and what it may hear."""
    streams = (stream, f"{stream}-live", f"{stream}-accounts")
    logs = [f"{stream}.log", f"{stream}.live", f"{stream}-accounts.log"]
    feeds = [f"{stream}.feed", f"{stream}.live.feed", f"{stream}-accounts.feed"]
    heard = [*feeds, *(f"{name}.inbox.>" for name in streams)]
    questions = ("STREAM.INFO", "STREAM.CREATE", "STREAM.MSG.GET", "DIRECT.GET")
    asked = [f"$JS.API.{question}.{name}" for name in streams for question in questions]
    users = [_may(chat, [*logs, *asked], heard)]
    if operator is not None:
        manages = [subject for name in streams for subject in _management(name)]
        general = [f"$JS.API.{question}" for question in ("INFO", "STREAM.NAMES", "STREAM.LIST")]
        users.append(_may(operator, [*logs, *general, *manages], [*heard, "_INBOX.>"]))
    return ["authorization {", "  users: [", *(line for user in users for line in user), "  ]", "}"]


def _management(name: str) -> list[str]:
    """Return what is said to change, empty, remove, back up and restore a stream."""
    return [
        f"$JS.API.STREAM.*.{name}",
        f"$JS.API.STREAM.*.*.{name}",  # one entry, its leader, and a server that is gone for good
        f"$JS.API.DIRECT.GET.{name}",
        f"$JS.SNAPSHOT.ACK.{name}.>",
        f"$JS.SNAPSHOT.RESTORE.{name}.>",
    ]


def _may(user: _User, says: Sequence[str], hears: Sequence[str]) -> list[str]:
    return [
        f'    {{ user: "{user.name}", password: "{user.password}", permissions: {{',
        *_listed("publish", says),
        *_listed("subscribe", hears),
        "    } }",
    ]


def _listed(what: str, subjects: Sequence[str]) -> list[str]:
    return [f"      {what}: [", *(f'        "{subject}"' for subject in subjects), "      ]"]


def _cluster(plan: Plan, host: str, password: str) -> list[str]:
    """Return the lines about the routes, whose password comes from another one."""
    _, route, _ = plan.ports
    shared = derived_password("routes", plan.stream, password)
    routes = [f"nats://route:{shared}@{each}:{route}" for each in plan.hosts if each != host]
    return [
        f'name: "{plan.stream}"',
        f'listen: "{_listening(host)}:{route}"',
        f'advertise: "{host}:{route}"',
        "no_advertise: true",
        f'authorization {{ user: route, password: "{shared}", timeout: 5 }}',
        "routes: [",
        *(f'  "{each}"' for each in routes),
        "]",
        *_tls(plan, verify=True),
    ]


def _tls(plan: Plan, *, verify: bool) -> list[str]:
    if plan.tls is None:
        return []
    folder = PurePosixPath(plan.tls)
    files = f'cert_file: "{folder}/cert.pem", key_file: "{folder}/key.pem"'
    if verify:  # routes show each other their certificates
        files += f', ca_file: "{folder}/ca.pem", verify: true'
    return [f"tls {{ {files}, timeout: 5 }}"]


def _address(plan: Plan) -> str:
    """Return what chat servers are started with."""
    port, _, monitor = plan.ports
    hosts = ",".join(host if port == 4222 else f"{host}:{port}" for host in plan.hosts)
    options = [
        f"stream={plan.stream}",
        f"replicas={3 if len(plan.hosts) >= 3 else 1}",
        f"creds={'PATH' if plan.creds is None else plan.creds.absolute()}",
        "monitor=" + ",".join(f"http://{host}:{monitor}" for host in plan.hosts),
    ]
    if plan.tls is not None:
        options.append(f"ca={PurePosixPath(plan.tls) / 'ca.pem'}")
    return f"{'nats' if plan.tls is None else 'tls'}://{hosts}?{'&'.join(options)}"
