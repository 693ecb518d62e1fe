"""``chat cluster config``: how the NATS servers of a log have to be set up, one configuration for each.

All of them have the same passwords. One comes from the file that chat servers show; those of the routes and
of the user who may remove servers come from the first, so each machine can print its own part.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

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


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for; ``creds`` is made if it is missing, and ``only`` is one of the hosts."""

    hosts: Sequence[str]
    only: str | None
    stream: str
    creds: Path | None
    store: str
    disk: str
    tls: str | None
    ports: tuple[int, int, int]


def run(plan: Plan) -> None:
    """Print the configurations, and on standard error what is to be done with them; raises `UsageError`."""
    _check(plan)
    user, password = _credentials(plan.creds)
    hosts = plan.hosts if plan.only is None else [plan.only]
    write_text("\n".join(_configuration(plan, host, user, password) for host in hosts), wrap=False)
    if plan.creds is None:
        write_text(f"{user}:{password} is the line of the file creds=PATH.\n", error=True, wrap=False)
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


def _credentials(path: Path | None) -> tuple[str, str]:
    """Return a user and a password: those in a file, which is made if it is missing; else new ones."""
    made = secrets.token_urlsafe(24)
    if path is None:
        return _USER, made
    try:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(f"{_USER}:{made}\n")
        line = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot use --creds {path}: {error}") from error
    if (match := _LINE.fullmatch(line)) is None or match[2].startswith("$"):
        raise UsageError(f"--creds {path} needs one line USER:PASSWORD, without quotes, \\ or $ in front")
    return match[1], match[2]


# --- one configuration ---------------------------------------------------------------------------


def _configuration(plan: Plan, host: str, user: str, password: str) -> str:
    port, _, monitor = plan.ports
    lines = [
        f"# nats.conf of {host}. It has passwords: let nobody else read it.",
        f'server_name: "{host}"',
        f'listen: "{_listening(host)}:{port}"',
        "# Monitoring asks for no password. All machines of the cluster ask there: let no others reach it.",
        f'http: "{_listening(host)}:{monitor}"',
        "max_payload: 4MB",
        f'jetstream {{ store_dir: "{plan.store}", max_file_store: {plan.disk}, sync_interval: always }}',
        *_tls(plan, verify=False),
        *_authorization(plan.stream, user, password),
    ]
    if len(plan.hosts) > 1:
        system = derived_password(SYSTEM, plan.stream, password)
        lines.append(f'accounts {{ $SYS: {{ users: [ {{ user: "{SYSTEM}", password: "{system}" }} ] }} }}')
        lines += ["cluster {", *(f"  {line}" for line in _cluster(plan, host, password)), "}"]
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


def _authorization(stream: str, user: str, password: str) -> list[str]:
    """Return the lines about the only user, who may append to the log, read it, and make its stream."""
    streams = (stream, f"{stream}-live", f"{stream}-accounts")
    subjects = [f"{name}.>" for name in streams]
    questions = ("STREAM.INFO", "STREAM.CREATE", "STREAM.MSG.GET", "DIRECT.GET")
    asked = [f"$JS.API.{question}.{name}" for name in streams for question in questions]
    return [
        "authorization {",
        f'  users: [ {{ user: "{user}", password: "{password}", permissions: {{',
        "    publish: [",
        *(f'      "{subject}",' for subject in [*subjects, *asked[:-1]]),
        f'      "{asked[-1]}"',
        "    ]",
        f"    subscribe: [ {_quoted(subjects)} ]",
        "  } } ]",
        "}",
    ]


def _cluster(plan: Plan, host: str, password: str) -> list[str]:
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


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


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
