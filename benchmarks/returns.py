"""What does it cost when everybody comes back at once, with keys? ``python -m benchmarks.returns``

As after a restart: each of the members connects, says hello and joins a room. In one run, for a server with
accounts and for one without, on each transport, in the clear and over TLS: the seconds until the last one is
in, and the processor time that the server has used for that. Of several rounds, the median counts.

The members have many addresses, as they would on a network, so that the rate of new connections of one
address holds nobody up.
"""

import argparse
import contextlib
import json
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import IO, NamedTuple

from benchmarks.attacks import TRANSPORTS, Ports, processor_time, serving
from chatcore.accounts import Administration
from transports.tls import client_context

__all__ = ["main"]

MEMBERS = 500
OF_ONE_ADDRESS = 10
THREADS = 10
TIMEOUT = 60.0


class Setting(NamedTuple):
    """What the members come back to."""

    transport: str
    is_encrypted: bool

    def __str__(self) -> str:
        return f"{self.transport}{', TLS' if self.is_encrypted else ''}"


class Cost(NamedTuple):
    """Seconds until all are back, and seconds of the server's processors."""

    wall: float
    processor: float


def main() -> int:
    """Measure, and print a table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.returns", description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS, help="how many come back (500)")
    parser.add_argument("--rounds", type=int, default=5, help="how often to measure each (5)")
    options = parser.parse_args()
    keys = [secrets.token_urlsafe(32) for _ in range(options.members)]
    print("| | s, without accounts | with keys | processor s | with keys | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as directory:
        accounts = Path(directory) / "accounts.db"
        invite = _make_accounts(accounts, len(keys))
        with_accounts = ["--accounts", str(accounts)]
        first = Setting(next(iter(TRANSPORTS)), is_encrypted=False)
        _return_once(first, with_accounts, keys, invite)
        for transport, is_encrypted in product(TRANSPORTS, (False, True)):
            setting = Setting(transport, is_encrypted)
            rounds = [
                (
                    _return_once(setting, [], [None] * len(keys)),
                    _return_once(setting, with_accounts, keys),
                )
                for _ in range(options.rounds)
            ]
            print(f"| {setting} | {_row(rounds)} |", flush=True)
    return 0


def _row(rounds: Sequence[tuple[Cost, Cost]]) -> str:
    without, with_keys = (
        Cost(*(statistics.median(each[which][part] for each in rounds) for part in range(2)))
        for which in range(2)
    )
    ratio = with_keys.processor / without.processor
    cells = f"{without.wall:.2f} | {with_keys.wall:.2f} | {without.processor:.3f} | {with_keys.processor:.3f}"
    return f"{cells} | {ratio:.2f}"


def _make_accounts(path: Path, count: int) -> str:
    """Make a file of accounts; return an invite that makes so many."""
    with Administration(path, by="benchmark", create=True) as administration:
        administration.add("owner")
        secret = administration.invite(uses=count).secret
    assert secret is not None
    return secret


def _return_once(
    setting: Setting, options: Sequence[str], keys: Sequence[str | None], invite: str | None = None
) -> Cost:
    """Start a server, and let everybody in."""
    scheme = "chats" if setting.is_encrypted else "chat"
    options = [*options, "--cert", "auto"] if setting.is_encrypted else options
    with serving(setting.transport, options, scheme) as (pid, ports), contextlib.ExitStack() as stack:
        began, processor = time.monotonic(), processor_time(pid)
        threads = [
            threading.Thread(target=_come, args=(stack, ports, setting.is_encrypted, keys, start, invite))
            for start in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Cost(time.monotonic() - began, processor_time(pid) - processor)


def _come(
    stack: contextlib.ExitStack,
    ports: Ports,
    is_encrypted: bool,
    keys: Sequence[str | None],
    start: int,
    invite: str | None,
) -> None:
    """Let every tenth member come, all at once, and wait until they are in."""
    members = [
        stack.enter_context(_member(ports, is_encrypted, number, keys[number], invite))
        for number in range(start, len(keys), THREADS)
    ]
    for lines in members:
        while b'"joined"' not in (line := lines.readline()):
            if not line or b'"error"' in line:
                raise ConnectionError(f"a member was refused: {line!r}")


@contextlib.contextmanager
def _member(
    ports: Ports, is_encrypted: bool, number: int, key: str | None, invite: str | None
) -> Iterator[IO[bytes]]:
    address = f"127.0.1.{1 + number // OF_ONE_ADDRESS}"
    sock = socket.create_connection(("127.0.0.1", ports.typed), TIMEOUT, source_address=(address, 0))
    with client_context(pinned=True).wrap_socket(sock) if is_encrypted else sock as sock:
        hello = {"type": "hello", "protocol": 1, "nick": f"m{number}", "key": key, "invite": invite}
        said = {name: value for name, value in hello.items() if value is not None}
        sock.sendall(b"%s\n%s\n" % (_json(said), _json({"type": "join", "room": "lobby"})))
        with sock.makefile("rb") as lines:
            yield lines


def _json(frame: dict[str, object]) -> bytes:
    return json.dumps(frame).encode()


if __name__ == "__main__":
    sys.exit(main())
