"""What do many rooms cost? 1,000 rooms of 8 members, 2,000 posts per second, most of them in 50 rooms."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import OURS, PEERS, Contender, Ours
from benchmarks.tables import Column, comparison, number

__all__ = ["ask", "shown"]

ROOMS = 1_000

OPTIONS: Options = {
    "rooms": ROOMS,
    "members": 7 * ROOMS,
    "posters": ROOMS,  # one of the eight in each room
    "size": 64,
    "rate": 2_000,
    "lively": 50,
    "settle": 1.0,
    "warm": 0.5,
    "seconds": 2,
}


def ask(bench: Bench) -> None:
    """Let all rooms fill, and then talk: a lively one 36 times a second, any other once in five seconds."""
    cases = [Case(contender, OPTIONS) for contender in OURS]
    peers = [contender for contender in PEERS if contender.dialect != "irc"]  # those let few in, and slowly
    cases += [Case(contender, _for_peer(contender), once=True) for contender in peers]
    bench.race(cases, seconds=50)


def shown(answer: Answer) -> str:
    """Return what that takes, and how long a message takes."""
    columns = [
        Column("cores", "cores", number, spread=True),
        Column("CPU µs per post", "cpu_us_per_post", number),
        Column("p50 ms", "p50_ms", number),
        Column("p99 ms", "p99_ms", number),
        Column("MiB at the end", "end_kib", lambda kib: number(kib / 1024)),
        Column("joined in s", "join_seconds", number),
    ]
    return comparison(answer, columns)


def _for_peer(contender: Ours | Contender) -> Options:
    return OPTIONS if contender.posters_hear else {**OPTIONS, "members": 8 * ROOMS}
