"""The list of rows: in which combinations of servers, clients and seeds a test runs, and why in those.

``make test`` runs a test where something differs. ``make test-all`` (``ROWS=all``) runs every combination,
more seeds and longer storms. A row without a reason of its own does not belong here.
"""

import os
from collections.abc import Iterable
from itertools import product

__all__ = [
    "CLIENTS",
    "LOSSES",
    "MANY",
    "PAIRS",
    "ROUNDS",
    "SEEDS",
    "SERVERS",
    "SLOW",
    "STEPS",
    "STORMS",
    "servers_for",
    "steps_of",
]

ALL = os.environ.get("ROWS") == "all"

# --- one end under test --------------------------------------------------------------------------

SERVERS = {
    "asyncio": "what `chat server` runs on by default: sockets are libuv's, through uvloop",
    "threaded": "another driver altogether: blocking sockets, threads, and timers of its own",
    "asyncio-stdlib": "the first one's code on another loop, which matters only to the modules of `LOOPS`",
}
"""The servers that pass the contract of transports."""

LOOPS = {
    "test_abuse": "how much a loop reads in one go, and when it stops to",
    "test_bytes": "how reads are cut, and what is read of urgent data",
    "test_containment": "what a loop does with an exception in a callback",
    "test_drain": "how a loop ends one side of a stream, and what it sends before",
    "test_endings": "how every way to end is reported, at every step",
    "test_failure": "what it leaves open when its server has failed",
    "test_leaving": "how it reports a reset, a half-closed stream and a peer that vanished",
    "test_limits": "how it refuses, and how it resumes accepting after that",
    "test_listening": "addresses in use, names with several addresses, IPv6",
    "test_no_room": "how it resumes accepting when there was no descriptor left",
    "test_slow_readers": "what it buffers, and how it says that a socket takes no more",
    "test_times": "how long it can wait at all",
}
"""The modules of the contract in which it matters which event loop reads, writes and accepts."""

STEPS = {
    "said hello": "nobody reads the socket while a gate decides",
    "joined": "what nearly all connections are at, and what others see of them",
    "paused": "a transport that does not read learns of an end by other ways",
    "paging": "a loop is in the middle of a write when the connection ends",
    "plain, unsent": "the same, and nothing follows what was unsent",
    "plain, amid a line": "the end of the stream ends a line",
    "plain, refused": "whoever is refused ends while it is told so",
}
"""The steps of a connection at which it ends in every way; there are more."""

CLIENTS = {
    "client-threaded": "blocking calls from any thread",
    "client-asyncio": "coroutines in a loop",
}
"""The clients, where they meet a server that is only a script."""


def servers_for(module: str) -> list[str]:
    """Return the servers that a module of the contract runs on."""
    loops = ALL or module.rpartition(".")[2] in LOOPS
    return [name for name in SERVERS if loops or name != "asyncio-stdlib"]


def steps_of(all_steps: Iterable[str]) -> list[str]:
    """Return the steps at which connections end."""
    return [step for step in all_steps if ALL or step in STEPS]


# --- both ends -----------------------------------------------------------------------------------

PAIRS = {
    ("asyncio", "client-threaded"): "each server and each client once, and none with its own kind,",
    ("threaded", "client-asyncio"): "so that no habit of a driver at one end hides a fault at the other",
}
"""A server and a client that talk."""

LOSSES = {
    ("asyncio", "client-asyncio"): "each once again, now with its own kind: when a connection is lost,",
    ("threaded", "client-threaded"): "both ends clear up in the same way and at the same moment",
}
"""A server and a client whose connection is lost."""

STORMS = {
    ("asyncio", 0): "cuts at random bytes, under two clients of each kind",
    ("threaded", 1): "the same with other cuts",
}
"""A server under a storm of cuts, and the seed."""

SLOW = {
    ("asyncio", "10-kilobytes-a-second"): "many small writes, between which a loop has others to serve",
    ("threaded", "megabytes-a-second"): "large ones that a thread must not wait for",
}
"""A server with readers that are slow, and how slow."""

if ALL:
    PAIRS = dict.fromkeys(product(SERVERS, CLIENTS), "every combination")
    LOSSES = dict.fromkeys(product(("asyncio", "threaded"), CLIENTS), "every combination")
    STORMS = dict.fromkeys(product(("asyncio", "threaded"), range(5)), "every combination")
    SLOW = dict.fromkeys(product(("asyncio", "threaded"), [pace for _, pace in SLOW]), "every combination")

# --- how much ------------------------------------------------------------------------------------

ROUNDS = int(os.environ.get("ROUNDS") or (60 if ALL else 13))
"""Kills in a storm, under each transport; half as many losses of power."""

MANY = 100_000 if ALL else 50_000
"""Messages past a reader that reads nothing. Memory has to stop growing long before."""

SEEDS = 1_000 if ALL else 300
"""Seeds of the simulation, and of the whole system; ``make simulate`` runs thousands."""
