"""The list of rows: in which combinations of servers, clients and seeds a test runs, and why in those.

``make test`` runs a test where something differs. ``make test-all`` (``ROWS=all``) runs every combination,
more seeds and longer storms. ``make test-compiled`` (``ROWS=compiled``) runs what the compiled build changes.
A row without a reason of its own does not belong here.
"""

import os
from collections.abc import Iterable
from fnmatch import fnmatch
from itertools import product

__all__ = [
    "ALL",
    "CLIENTS",
    "CLIENT_CUTS",
    "CLIENT_KILLS",
    "CLIENT_PAIRS",
    "CLIENT_STEPS",
    "CLUSTER_FAULTS",
    "CLUSTER_SEEDS",
    "COMMANDS",
    "COMPILED",
    "CUTS",
    "ENCODINGS",
    "ENCRYPTED",
    "HEADS",
    "HUB_SEEDS",
    "JOURNALS",
    "JOURNALS_WITH_LOSSES",
    "LOADS",
    "LOGS",
    "LOSSES",
    "MANY",
    "MISSED",
    "MUTATIONS",
    "PAGE_ACTS",
    "PAGE_STORMS",
    "PAIRS",
    "PROXIED",
    "PURE",
    "ROUNDS",
    "SEEDS",
    "SERVERS",
    "SHARED_SEEDS",
    "SLOW",
    "STEPS",
    "STORMS",
    "STREAMS",
    "SUITES",
    "SYSTEM_SEEDS",
    "SYSTEM_TLS_SEEDS",
    "SYSTEM_WEB_SEEDS",
    "UNTOUCHED",
    "WALKS",
    "WEB_CUTS",
    "WEB_STORMS",
    "WHOLE",
    "commands_for",
    "journals_for",
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


ENCRYPTED = {
    "asyncio-tls": "a channel between the loop and its connections, which take turns to shake hands",
    "threaded-tls": "a channel that two threads use",
    "asyncio-stdlib-tls": "the first one's code on another loop, which matters to `LOOPS` alone",
}
"""The same servers over TLS."""

OVER_TLS = {
    "test_bytes": "records are cut elsewhere than lines",
    "test_drain": "each side ends twice: in TLS, and below it",
    "test_leaving": "a goodbye is told from a stream that was cut",
    "test_slow_readers": "what a socket refuses is no longer what the session has given",
}
"""The modules of the contract that show most of what TLS may change."""

FOR_BROWSERS = {
    "asyncio-web": "a wire that shakes hands, answers pings and says goodbye",
    "threaded-web": "the same, decoded in threads",
}
"""Servers whose typed peers open a WebSocket."""

OVER_WEB = {
    "test_bytes": "a line that comes in parts is a message in frames",
    "test_drain": "a server that ends has one word more to say",
    "test_leaving": "a goodbye is a frame, and whatever ends without it is lost",
    "test_statistics": "frames and handshakes are bytes, too",
}
"""The modules of the contract in which it matters that peers open a WebSocket."""

BROWSERS_OVER_TLS = {
    "asyncio-web-tls": "a browser at an https:// address, whose goodbye is one of three",
    "threaded-web-tls": "the same in threads",
}
"""The same servers over TLS, in the modules of both."""

NOT_FOR_BROWSERS = {
    "test_acceptor": "there is no connection yet",
    "test_certificates": "it encrypts by itself",
    "test_client*": "our clients open no WebSocket",
    "test_cost": "it counts what the core costs",
    "test_encrypted_listeners": "it encrypts by itself",
    "test_listening": "addresses are the same",
    "test_own_wire": "it speaks to servers that it starts itself",
    "test_programs": "`nc` and `telnet` open no WebSocket",
    "test_secrets": "its clients are ours",
    "test_tls": "it encrypts by itself",
    "test_web": "it starts servers for browsers itself",
    "test_wrong_ports": "what is said to the wrong port is in `test_web`",
    "test_a_last_line_without_newline_counts_when_the_stream_ends": "a message that does not end is none",
    "test_a_server_notices_every_second_how_late_it_is": "a server's clock knows no wire",
    "test_a_line_that_is_no_frame_is_refused_and_the_session_continues": "what is not UTF-8 ends it",
    "test_a_long_paste_is_stored_once_and_in_sequence": "its client is ours",
    "test_another_protocol_is_refused_in_one_line_and_closed": "this wire is one of those protocols",
    "test_every_ending_is_the_same_on_every_server": "rows of browsers differ, and have a test",
    "test_no_later_post_overtakes_a_refused_one": "a handshake takes its share of what it may send",
    "test_peers_that_end_before_they_are_accepted_are_nobody": "nothing of theirs is ever read",
}
"""The modules and tests of the contract whose peers are no browsers, as patterns."""

BROWSERS_ALONE = {
    "test_every_ending_of_a_browser_is_the_same_on_every_server": "a goodbye of others is the end of a stream"
}
"""The tests of the contract whose peers are all browsers."""

IN_THE_CLEAR = {
    "test_acceptor": "there is no connection yet",
    "test_cost": "it counts what the core costs",
    "test_endings": "its rows are those of TCP: what a reset throws away is not the same in TLS",
    "test_encrypted_listeners": "it encrypts by itself",
    "test_own_wire": "it speaks to servers that it starts itself",
    "test_programs": "`nc` and `telnet` speak no TLS",
    "test_a_name_is_reached_at_the_address_that_answers": "there is no certificate for that name",
    "test_addresses_that_were_looked_up_are_not_looked_up_again": "encrypted ones are looked up by the test",
    "test_connections_that_come_and_go_cost_no_more_than_their_address_may": "it sends before it is let in",
    "test_a_connection_that_comes_too_soon_waits_and_the_next_is_turned_away": "so does this one",
}
"""The modules and tests of the contract that are not run over TLS."""


def _for_browsers(name: str, test: str) -> list[str]:
    """Return those servers, of which those over TLS are for modules of both kinds."""
    if any(fnmatch(each, pattern) for each in (name, test) for pattern in NOT_FOR_BROWSERS):
        return []
    return [*FOR_BROWSERS, *(BROWSERS_OVER_TLS if ALL and name in {*OVER_WEB} & {*OVER_TLS} else ())]


def servers_for(module: str, test: str) -> list[str]:
    """Return the servers that a test in a module of the contract runs on."""
    if test in BROWSERS_ALONE:
        return [*FOR_BROWSERS]
    name = module.rpartition(".")[2]
    servers = [*SERVERS]
    if (ALL or name in OVER_TLS) and not IN_THE_CLEAR.keys() & {name, test}:
        servers += ENCRYPTED
    if name in OVER_WEB or ALL:
        servers += _for_browsers(name, test)
    if ALL:
        return servers
    if name in LOOPS:
        return [server for server in servers if server != "asyncio-stdlib-tls"]
    return [server for server in servers if "stdlib" not in server]


def steps_of(all_steps: Iterable[str]) -> list[str]:
    """Return the steps at which connections end."""
    return [step for step in all_steps if ALL or step in STEPS]


# --- one journal ---------------------------------------------------------------------------------

JOURNALS = {
    "memory": "answers before the call returns",
    "memory-holes": "the same with numbers left out, which no reader may count on",
    "sqlite-full": "a file, a thread that writes, and pages by statements",
    "sqlite-normal": "the second one's code with another answer to a crash, which matters only to `SYNCS`",
    "sqlite-holes": "statements that look for numbers, where there is none",
    "replicated": "a log that is read back, whose numbers are far apart, and a thread between the two",
    "jetstream": "the same over a log that another program has, which is far away and asks back",
    "jetstream-3": "the same with three of those, which agree on each entry; it takes a minute",
    "plug-in": "another author's, which shares no code with the others",
}
"""The journals that pass the contract of journals."""

LOGS = [
    name
    for name in {
        "memory": "a log in its simplest form",
        "jetstream": "one that is in another program, by a connection that may be lost",
        "jetstream-3": "one that is on three machines, which agree on each entry",
    }
    if ALL or name != "jetstream-3"
]
"""The logs that pass the contract of logs."""

SYNCS = {
    "test_submit": "when a message is stored, and is answered",
    "test_reach": "what is there when the journal is opened again",
}
"""The modules of that contract in which it matters when a file is synced."""

JOURNALS_WITH_LOSSES = {
    ("memory", False, False): "nothing is missing",
    ("memory", True, False): "the oldest messages have expired",
    ("memory-holes", True, False): "the same where the oldest number is not the first one left",
    ("sqlite-full", False, False): "nothing is missing, and statements find the place",
    ("sqlite-full", True, True): "damage right after what has expired",
    ("sqlite-holes", True, True): "damage between numbers that were left out, where a page may begin",
    ("sqlite-holes", True, False): "an expired message before one that was left out",
}
"""Journals in which a place is looked up: whether messages have expired, and whether some are damaged."""


def journals_for(module: str) -> list[str]:
    """Return the names of the journals that a module of the contract runs on."""
    syncs = ALL or module.rpartition(".")[2] in SYNCS
    left_out = () if ALL else ("jetstream-3",) if syncs else ("jetstream-3", "sqlite-normal")
    return [name for name in JOURNALS if name not in left_out]


# --- one command ---------------------------------------------------------------------------------

COMMANDS = {
    "output": {
        "--version": "is written before a command is known",
        "config": "text, as `transports`, `journals`, `rooms` and `server --limit help` write theirs",
        "schema": "JSON in one piece",
        "client --json": "JSON in a thread, while another one reads",
        "tail": "text that a signal may stop",
        "send": "one line, after something that cannot be undone",
        "bench": "a table, and progress on the other stream",
        "doctor": "has an exit code of its own",
        "history": "fails before it writes anything, as `room remove` does",
    },
    "reader": {
        "config": "text",
        "schema": "JSON in one piece, more than a pipe holds",
        "client --json": "JSON in a thread, while another one reads",
        "tail": "text that a signal may stop",
    },
    "everything": {
        "--version": "is written before a command is known",
        "client": "reads input, and writes only what others say",
        "tail": "writes on both streams",
        "doctor": "has an exit code of its own",
    },
    "home": {
        "config": "reads a file below it",
        "history": "looks for a journal below it, as `room remove` and a server do",
        "doctor": "checks what is there",
        "client": "asks what the user is called, as `tail`, `send` and `rooms` do",
    },
}
"""The commands that differ where their output, its reader, every stream, or the home of a user is broken."""

ENCODINGS = {
    ("ascii", "tail"): "a stream that replaces what it lacks",
    ("strict ascii", "tail"): "one that raises",
    ("latin-1", "tail"): "some letters are there, others not",
    ("a C locale", "tail"): "what cron has",
    ("strict ascii", "client"): "text in the other command that prints it",
    ("strict ascii", "tail --json"): "JSON, which is UTF-8 whatever the stream is",
    ("a C locale", "tail --json"): "the same under cron",
    ("a C locale", "client --json"): "JSON that is also read",
    ("UTF-8", "client"): "the usual stream",
}
"""An encoding of the standard streams, and a command that writes to them."""


def commands_for(broken: str, commands: Iterable[str]) -> tuple[str, ...]:
    """Return the commands to run where something is broken, of all that there are."""
    return tuple(commands if ALL else COMMANDS[broken])


# --- both ends -----------------------------------------------------------------------------------

PAIRS = {
    ("asyncio", "client-threaded"): "each server and each client once, and none with its own kind,",
    ("threaded", "client-asyncio"): "so that no habit of a driver at one end hides a fault at the other",
    ("asyncio-tls", "client-asyncio"): "over TLS, where each client has its own way to write and to end,",
    ("threaded-tls", "client-threaded"): "and so has each server",
}
"""A server and a client that talk."""

PROXIED = {("nginx", "asyncio"): "a proxy sends each request and each answer on as it likes"}
"""A proxy, and the transport of the server behind it."""

LOSSES = {
    ("asyncio", "client-asyncio"): "each once again, now with its own kind: when a connection is lost,",
    ("threaded", "client-threaded"): "both ends clear up in the same way and at the same moment",
}
"""A server and a client whose connection is lost."""

CUTS = {
    ("asyncio", "client-threaded"): 1 if ALL else 3,
    ("threaded-tls", "client-asyncio"): 1 if ALL else 23,  # it has far more bytes, most of them of handshakes
}
"""A server and a client whose connection is cut at each byte, or at each so many, of a conversation."""

WEB_CUTS = {
    "asyncio-web": 1 if ALL else 11,
    "threaded-web": 1 if ALL else 61,
}
"""A server for browsers, and how many bytes apart the connections of one are cut."""

STORMS = {
    ("asyncio", 0): "cuts at random bytes, under two clients of each kind",
    ("asyncio-tls", 2): "over TLS, also amid records and handshakes",
}
"""A server under a storm of cuts, and the seed."""

PAGE_STORMS = {("asyncio", 1): "servers die in turn under both transports, whichever is first"}
"""A server under pages in a storm, and the seed."""

WEB_STORMS = {
    ("threaded-web", 0): "cuts at random bytes, under four browsers",
}
"""A server for browsers under a storm of cuts, and the seed."""

SLOW = {
    ("asyncio", "10-kilobytes-a-second"): "many small writes, between which a loop has others to serve",
    ("threaded", "megabytes-a-second"): "large ones that a thread must not wait for",
}
"""A server with readers that are slow, and how slow."""

LOADS = {
    (1, 64): "the usual benchmark",
    (3, 16): "a room for each poster, and lines that are hardly longer than what counts them",
    (10, 5_000): "more rooms than posters, and lines that come in pieces",
}
"""Rooms and bytes of a text, where deliveries are counted by the load generator of the benchmarks."""

if ALL:
    LOADS = dict.fromkeys(product((1, 3, 10), (16, 64, 5_000)), "every combination")
    JOURNALS_WITH_LOSSES = dict.fromkeys(
        (
            (name, expired, damaged)
            for name, expired, damaged in product(JOURNALS, (False, True), (False, True))
            if name.startswith("sqlite-") or not damaged
        ),
        "every combination",
    )
    ENCODINGS = dict.fromkeys(
        product(
            dict.fromkeys(encoding for encoding, _ in ENCODINGS),
            dict.fromkeys(command for _, command in ENCODINGS),
        ),
        "every combination",
    )
    PROXIED = dict.fromkeys(product(("nginx", "caddy"), ("asyncio", "threaded")), "every combination")
    PAIRS = dict.fromkeys(product([*SERVERS, *ENCRYPTED], CLIENTS), "every combination")
    LOSSES = dict.fromkeys(
        [
            *product(("asyncio", "threaded"), CLIENTS),
            ("asyncio-tls", "client-asyncio"),
            ("threaded-tls", "client-threaded"),
        ],
        "every combination, and each kind over TLS",
    )
    STORMS = dict.fromkeys(
        [*product(("asyncio", "threaded"), range(5)), *product(ENCRYPTED, range(2))], "every combination"
    )
    PAGE_STORMS = dict.fromkeys(product(("asyncio", "threaded"), range(3)), "every combination")
    WEB_CUTS |= dict.fromkeys(BROWSERS_OVER_TLS, 13)
    WEB_STORMS = dict.fromkeys(
        [*product(FOR_BROWSERS, range(3)), *product(BROWSERS_OVER_TLS, range(1))], "every combination"
    )
    SLOW = dict.fromkeys(
        product(("asyncio", "threaded", "asyncio-tls", "threaded-tls"), [pace for _, pace in SLOW]),
        "every combination",
    )

# --- how much ------------------------------------------------------------------------------------

ROUNDS = int(os.environ.get("ROUNDS") or (60 if ALL else 3))
"""Kills in a storm, under each transport; half as many losses of power."""

CLUSTER_FAULTS = {
    "chat server killed": "its clients continue at another one",
    "leader killed": "an election, and all that was on its way",
}
"""What happens to a cluster, in this order; ``tests/faults/cluster/kinds.py`` has more."""

PAGE_ACTS = 25 if ALL else 10
"""What happens to pages in a storm."""

CLIENT_STEPS = range(1, 28) if ALL else (11, 24)
"""The steps of its start before which a client is killed, as ``tests/faults/killed.py`` counts them."""

CLIENT_CUTS = 1 if ALL else 9
"""So many bytes apart are the places at which what it writes of its state is cut."""

CLIENT_KILLS = 30 if ALL else 2
"""How often one is killed amid a conversation."""

CLIENT_PAIRS = 50 if ALL else 2
"""How often two of them are started at once."""

MISSED = 10_000 if ALL else 1_000
"""Messages that a client in a terminal has missed when it starts."""

MANY = 100_000 if ALL else 30_000
"""Messages past a reader that reads nothing. Memory has to stop growing long before."""

MUTATIONS = int(os.environ.get("MUTATIONS") or (100_000 if ALL else 300))
"""Handshakes and records of TLS that are changed on their way."""

HEADS = 1_000_000 if ALL else 10_000
"""Requests of HTTP that are damaged."""

STREAMS = 30_000 if ALL else 600
"""Streams of WebSocket frames that another implementation reads, too."""

SEEDS = 1_000 if ALL else 100
"""Seeds of the simulation; ``make simulate`` runs thousands."""

CLUSTER_SEEDS = 500 if ALL else 10
"""Seeds of several servers over a log with faults."""

HUB_SEEDS = 300 if ALL else 4
"""Seeds of several hubs over such a log, each with its people."""

SHARED_SEEDS = 300 if ALL else 6
"""Seeds of hubs that share a directory over such a log, too."""

SYSTEM_SEEDS = 1_000 if ALL else 100
"""Seeds of the whole system, which takes a fifth of the time."""

SYSTEM_WEB_SEEDS = 1_000 if ALL else 25
"""Seeds of the whole system with browsers in it."""

SYSTEM_TLS_SEEDS = 200 if ALL else 10
"""Seeds of the whole system over TLS, where shaking hands takes most of the time."""

WALKS = 25 if ALL else 8
"""Random logs that are walked from end to end."""

WHOLE = {
    "tests/jetstream/test_chat_servers.py::test_people_enter_where_nothing_is_left_*": "waits for leases",
    "tests/cli/help/test_examples.py::*?cluster remove?": "starts three servers, as a test of it does",
    "tests/page/test_names.py::*": "the frames are tested with other clients, and the words in Node",
    "tests/page/test_accounts.py::test_an_invite_that_cannot_*": "refused as the others that have scenes",
    "tests/page/test_accounts.py::test_a_second_device_*": "a link as any other, whose use has scenes",
    "tests/page/test_accounts.py::test_the_only_key_*": "a refusal that is shown as any other",
    "tests/page/test_forgetting.py::*banned_while*?threaded?False?": "a ban ends a page that is asked, too",
    "tests/page/test_forgetting.py::test_nobody_waits_for_a_line_*": "waits some seconds",
    "tests/page/test_forgetting.py::test_a_page_that_is_taken_over_*": "a ban ends the chat in the same way",
    "tests/page/test_unkept.py::*full?": "a key that may not be kept is lost alike",
    "tests/page/test_unkept.py::test_a_key_that_follows_a_revoked_one_*": "the door says the same of any key",
    "tests/page/test_devices.py::test_another_name_*": "the dialog of a device asks as this one does",
    "tests/page/test_acts.py::test_rooms_are_listed_*": "what the dialog does is tested in Node",
    "tests/page/test_looks.py::*narrow_window_keep_focus*": "the focus of other dialogs has scenes",
    "tests/page/test_keeping.py::*full_storage*": "what the store does is tested in Node",
    "tests/page/test_talks.py::*over_a_kill?threaded?": "servers are killed under both in the storm, too",
    "tests/transports/test_web.py::test_a_large_file_comes_whole?threaded?": "slow readers have rows",
    "tests/page/test_adversity.py::test_a_clock_*": "waits seconds for a server that is silent",
    "tests/test_reference.py::*": "builds the API reference, whose docstrings the linter sees",
    "tests/test_library_docs.py::test_the_examples_and_the_public_types_pass_mypy_strict": (
        "checks the types of examples that are run all the same"
    ),
    "tests/test_packaging.py::test_a_consumer_is_type_checked_against_the_wheel": "checks the types again",
    "tests/test_packaging.py::test_what_that_distribution_imports_is_public_and_fits_our_types": (
        "checks the types of a journal that is run all the same"
    ),
    "tests/test_builds.py::test_without_a_compiler_the_build_says_what_it_needs_and_leaves_nothing": (
        "builds, with compilers that are none"
    ),
    "tests/cli/commands/test_page_links.py::test_a_server_without_accounts_*?threaded-*": (
        "the listener tells a terminal the same under both"
    ),
    "tests/cli/commands/test_page_links.py::*self_made_certificate?of an authority?": (
        "a pin is left out, which has tests of its own"
    ),
    "tests/cli/commands/test_server_output.py::*lacks_a_standard_stream*?(0, ?)?": (
        "each is missing alone, too"
    ),
    "tests/cli/test_environments.py::*settings under a file?": "settings that do not exist are handled alike",
    "tests/cli/test_environments.py::*settings that are a directory?": "settings of nobody are refused alike",
    "tests/cli/test_environments.py::*deep keys?": "deep settings are refused alike",
    "tests/cli/test_environments.py::*number that is none?": "a number of many digits is refused alike",
    "tests/proxies/test_scenes.py::*": "needs a proxy, and what it passes on is seen in test_through.py",
    "tests/cli/test_environments.py::*few files?": "starts every command, where others start a few",
    "tests/cli/test_environments.py::*no streams at all?": "each stream is closed alone, too",
    "tests/cli/test_environments.py::*both full?": "each stream is full alone, too",
    "tests/cli/test_environments.py::*home that does not exist?": "a home that is a file is refused alike",
    "tests/cli/test_environments.py::*input that cannot be read?": "a closed input is handled alike",
    "tests/cli/terminal/test_commands.py::test_an_action_that_is_not_confirmed_is_given_back_*": (
        "waits as the test of any message does"
    ),
    "tests/cli/commands/test_send.py::test_a_timeout_covers_all_of_the_command*": (
        "waits for answers that do not come"
    ),
    "tests/cli/terminal/test_unsent_lines.py::*of the future?": "an old line is offered alike",
    "tests/cli/terminal/test_unsent_lines.py::*before_its_time_is_offered*": "an old line is offered alike",
    "tests/cli/terminal/test_skipped_mentions.py::*nobody_was_mentioned*": "starts a client to see nothing",
    "tests/faults/test_clients.py::*-tls-*": "a storm over TLS, beside the cuts at every byte",
    "tests/transports/test_slow_readers.py::test_peers_that_read_nothing_cost_no_memory?*-tls?": (
        "what is unsent is encrypted, and bounded by the same code"
    ),
    "tests/transports/test_no_room.py::*asyncio-stdlib?": "waits seconds for descriptors, on each loop",
    "tests/transports/test_abuse.py::*asyncio-stdlib*": "sends much, which each loop cuts into reads anyway",
    "tests/transports/test_abuse.py::*floods*?threaded?*?hello?p?ng?": (
        "floods of a frame that costs little, and of what is none, have rows"
    ),
    "tests/transports/test_abuse.py::*floods*?asyncio?*?hello?no-frame?": (
        "blank lines and refused posts are between what is no frame"
    ),
    "tests/transports/test_drain.py::*keeps_its_side_open*-tls?": "waits as long without encryption",
    "tests/transports/test_drain.py::*does_not_read*-tls?": "waits as long without encryption",
    "tests/transports/test_drain.py::*asyncio-stdlib?": "waits seconds, on each loop",
    "tests/transports/test_endings.py::*asyncio-stdlib*": "endings are the same on the other loop",
    "tests/transports/test_slow_readers.py::*asyncio-stdlib?": "fills buffers, which we bound ourselves",
    "tests/transports/test_crowd.py::test_a_server_that_closes_tells_everyone?threaded?": (
        "a thousand connections once more"
    ),
    "tests/transports/test_crowd.py::test_a_thousand_joins_together_are_one_frame?threaded?": (
        "a thousand connections once more"
    ),
    "tests/transports/test_no_room.py::test_members_keep_their_history_without_a_descriptor?asyncio?": (
        "the journal is the same, and waits seconds for descriptors"
    ),
    "tests/faults/test_power.py::test_a_failed_sync_acknowledges_nothing_and_the_server_recovers": (
        "a whole storm, where tests/journal/sqlite has the failed commit"
    ),
    "tests/faults/test_replaced_file.py::*asyncio?": "the journal is the same, and so are its readers",
    "tests/faults/test_slow.py::test_a_stalled_member_costs_no_memory_and_reads_everything_later?asyncio?": (
        "much is sent, and its memory is also seen in test_slow_readers.py"
    ),
    "tests/test_sixty_lines_docs.py::test_the_script_breaks_as_shown*": "nothing of ours runs in it",
    "tests/test_sixty_lines_docs.py::test_a_reset_kills_the_thread_of_an_innocent_sender": "nor in this",
    "tests/test_sixty_lines_docs.py::test_our_server_passes_the_same_experiments": (
        "what the contract of transports has, one by one"
    ),
    "tests/operations/test_walk.py::test_a_server_is_upgraded_and_moved_*": (
        "lives the rest of a server's life, where each thing that it does has tests"
    ),
    "tests/test_scripts_docs.py::test_a_script_prints_what_is_new_since_the_last_time": (
        "a command of the page, the output of which is compared anyway"
    ),
    "tests/cli/commands/test_server_output.py::test_a_server_serves_whatever_happens_to_its_output?stderr*": (
        "written by the same thread as the other stream"
    ),
    "tests/cli/commands/test_send.py::test_a_connection_that_is_lost_before_the_room_*": (
        "waits between its attempts, as after one loss"
    ),
    "tests/cli/commands/test_send.py::test_a_timeout_covers_a_search_for_a_name": "waits as for an answer",
    "tests/cli/terminal/test_unsent_lines.py::test_what_is_not_confirmed_at_the_end_*": (
        "waits seconds at the end, after which a start is as after a kill"
    ),
    "tests/cli/terminal/test_unsent_lines.py::test_what_the_server_may_have_forgotten_*": (
        "offered as an old line is, in other words"
    ),
    "tests/cli/terminal/test_hostile.py::test_unconfirmed_messages_are_given_back_at_the_end": (
        "waits seconds at the end, for an answer that does not come"
    ),
    "tests/cli/terminal/test_returning.py::test_a_room_that_lets_nobody_in_is_asked_again_until_it_is_left": (
        "starts a client four times"
    ),
    "tests/faults/test_client_state.py::test_killed_amid_a_conversation_*": "a storm beside chosen kills",
    "tests/faults/test_client_state.py::test_two_clients_that_start_at_once_are_two": "locks have tests",
    "tests/cli/commands/test_server_output.py::test_a_server_serves_whatever_happens_to_its_output*stuck*": (
        "waits for an output that nobody reads, as the test of a console does"
    ),
    "tests/cli/commands/test_signals.py::test_a_second_hangup_lets_it_drain*": "one signal more than others",
    "tests/cli/test_environments.py::*a full output?": "each command that writes has its test",
    "tests/cli/test_environments.py::*full errors?": "as with an output that is full",
    "tests/cli/test_environments.py::*no home and no user?": "where a home is looked for has tests",
    "tests/test_library_docs.py::test_the_web_application_*": "the page has its test",
    "tests/test_library_docs.py::test_the_lonely_bot_*": "the other bot ends alike",
    "tests/test_scripts_docs.py::test_what_the_document_shows_is_so": "its commands have tests",
    "tests/schema/test_typescript.py::test_a_wrong_program_does_not_compile": "a compiler compiles",
    "tests/schema/test_typescript.py::test_no_type_has_the_name_of_one_that_*": "it changes with the schema",
    "tests/cli/terminal/test_returning.py::*threaded?": "the client is the same",
    "tests/test_packaging.py::test_a_broken_transport_disables_only_itself": "found as journals are",
    "tests/test_packaging.py::test_an_installed_transport_*": "found as journals are",
    "tests/transports/test_slow_readers.py::test_a_peer_that_asks_without_reading_is_not_read_from?*-tls?": (
        "what is asked is bounded by the same code above TLS"
    ),
    "tests/journal/sqlite/test_lock.py::test_a_file_that_another_process_has_*link*": (
        "the file has one lock, however it is called"
    ),
    "tests/test_packaging.py::test_a_broken_journal_disables_only_itself": "found as transports are",
    "tests/test_packaging.py::test_an_installed_journal_is_listed_beside_ours": "another test has one",
    "tests/cli/terminal/test_returning.py::test_rooms_of_the_settings_*": "starts a client three times",
    "tests/cli/terminal/test_returning.py::test_what_only_a_second_client_knew_*": "slots have tests",
    "tests/cli/terminal/test_returning.py::test_a_name_that_was_made_up_*": "starts a client twice",
    "tests/cli/terminal/test_returning.py::test_rooms_keep_their_order_*": "what is remembered has tests",
    "tests/cli/terminal/test_dial.py::test_a_server_that_stalls_while_we_enter_is_shown": "waits seconds",
    "tests/cli/terminal/test_stalled.py::test_what_was_not_done_is_said_at_the_end": "waits seconds",
    "tests/cli/commands/test_backup.py::*threaded?": "the journal is the same, and so is its file",
    "tests/cli/terminal/test_returning.py::test_of_thousands_*": "the counts and gaps of a start have tests",
    "tests/cli/terminal/test_returning.py::test_a_name_that_was_chosen_*": "starts a client twice",
    "tests/cli/terminal/test_skipped_mentions.py::test_they_are_searched_for_in_all_rooms": (
        "another test searches, and the choice of searches has its own"
    ),
    "tests/cli/terminal/test_skipped_mentions.py::test_without_a_search_*": "starts a client twice",
    "tests/cli/terminal/test_unsent_lines.py::test_a_line_for_a_room_that_does_not_*": "offers have tests",
    "tests/cli/terminal/test_unsent_lines.py::test_what_does_not_fit_*": "the bound has tests",
    "tests/cli/terminal/test_typeahead.py::test_a_signal_meanwhile_*": "signals have tests of their own",
    "tests/cli/terminal/test_dial.py::test_ctrl_c_*": "waits seconds",
    "tests/cli/terminal/test_hostile.py::test_an_endless_history_*": "bounds have tests",
    "tests/cli/terminal/test_sessions.py::test_the_up_key_brings_back_*": "the history of input has tests",
    "tests/cli/terminal/test_sessions.py::test_forget_saves_nothing_*": "what is not stored has tests",
    "tests/cli/terminal/test_sessions.py::test_no_color_*": "colours have tests",
    "tests/test_packaging.py::test_an_installed_journal_stores_*": "another test brings a journal",
    "tests/test_packaging.py::test_doctor_names_a_compiled_file_*": "builds once more",
    "tests/test_readme.py::test_the_examples_are_typed": "they are run all the same",
    "tests/faults/test_slow.py::test_a_slow_reader_of_two_rooms_*10-kilobytes*": "sends for seconds",
    "tests/cli/commands/test_server_output.py::test_a_console_that_nobody_reads_*": "waits seconds",
    "tests/transports/test_client_queries.py::test_a_reconnect_skips_*-tls-*": "waits a second",
    "tests/faults/cluster/test_cluster.py::test_promises_hold_whatever_happens*": "takes minutes",
    "tests/faults/cluster/test_lost_log.py::*": "starts a cluster for each, and all of it once more",
    "tests/faults/cluster/test_cluster.py::test_a_mistake_is_found*": "starts a cluster for each",
    "tests/jetstream/test_three_servers.py::*killed?": "waits for an election, as after a pause",
    "tests/jetstream/test_three_servers.py::*paused?": "waits for an election, which takes seconds",
    "tests/jetstream/test_three_servers.py::*majority*": "waits for two servers and an election",
    "tests/jetstream/test_metrics.py::test_a_nats_server_*": "waits for looks at a stream",
    "tests/jetstream/test_doctor.py::test_of_three_servers_*": "waits until a server is missed",
    "tests/jetstream/test_cluster_config.py::*encrypted?": "waits for a lease, and TLS to NATS has tests",
    "tests/jetstream/test_cluster_docs.py::*": "starts three machines, and waits for a lease",
    "tests/jetstream/test_cluster_changes.py::test_limits_change_*": "waits for a lease",
    "tests/web_client/test_nodes.py::*": "waits for a lease, as the page does that moves",
    "tests/jetstream/test_accounts.py::test_a_server_that_starts_*": "waits for a lease",
    "tests/jetstream/test_cluster_changes.py::test_a_forked_log_*": "waits for a lease once more",
    "tests/jetstream/test_chat_servers.py::test_a_server_that_is_cut_off_*": "waits for leases",
    "tests/jetstream/test_chat_servers.py::test_nicks_of_a_server_*": "waits for a lease, and an end",
    "tests/jetstream/test_chat_servers.py::test_servers_say_who_is_here_*": "waits for leases",
    "tests/jetstream/test_one_server.py::test_a_server_that_stands_still_*": "waits until pings are late",
}
"""What costs seconds and rarely breaks alone, so only ``make test-all`` runs it, as patterns of node ids."""

# --- the compiled build --------------------------------------------------------------------------

COMPILED = os.environ.get("ROWS") == "compiled"

SUITES = {
    "tests/test_builds.py": "that what runs is compiled, for else all the rest shows nothing",
    "tests/test_encoding.py": "the lines that a server writes for every post",
    "tests/server/*": "the core, most of which is compiled",
    "tests/wire/*": "the contract of wires",
    "tests/journal/contract/*": "the contract of journals",
    "tests/transports/*": "the contract of transports, which call what is compiled",
    "tests/simulation/*": "the whole core in any order of events",
    "tests/system/*": "the same with clients",
}
"""The files of tests that run on the compiled build, as patterns."""

UNTOUCHED = {
    "tests/transports/test_client*": "clients, of which nothing is compiled",
    "tests/journal/contract/*sqlite-*": "the journal in a file, of which nothing is compiled",
    "tests/journal/contract/*jetstream*": "the same of a log",
}
"""What need not run again although it is in those files, as patterns of its node ids."""

_REPLACED = "replaces a method of a compiled class, which compiled callers do not notice"

PURE = {
    "tests/transports/test_endings.py::*": _REPLACED,
    "tests/server/test_cost.py::*": "counts calls, and calls between compiled functions can't be counted",
    "*::test_a_bug_costs_the_subscription_and_nobody_else*": _REPLACED,
    "*::test_a_bug_in_the_fan_out_costs_only_one_peer*": _REPLACED,
    "*::test_a_bug_when_a_peer_comes_costs_only_that_peer*-start]": _REPLACED,
}
"""What can only run where nothing is compiled, as patterns of its node ids."""
