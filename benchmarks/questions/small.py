"""What does a post cost in a small room? 8 members who all post, with 64 posts of 64 bytes in flight each."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import COMPILED, FLOOR, OURS, PEERS, Contender, Ours
from benchmarks.tables import Column, amount, comparison, number

__all__ = ["ask", "shown"]

POSTERS: Options = {"members": 0, "posters": 8, "size": 64, "window": 64, "seconds": 1.2}

AGAINST = "ngIRCd"
"""What a server of rooms can be without a log, acknowledgements, or proof that nothing was missed."""


def ask(bench: Bench) -> None:
    """Saturate everyone, peers in every round too."""
    contenders: tuple[Ours | Contender, ...] = (*OURS, *COMPILED, FLOOR, *PEERS)
    bench.race([Case(contender, _options(contender)) for contender in contenders], seconds=40)


def shown(answer: Answer) -> str:
    """Return deliveries a second, and what a post costs."""
    columns = [
        Column("deliveries/s", "deliveries_per_second", amount, spread=True),
        Column("CPU µs per post", "cpu_us_per_post", number, spread=True),
        Column("cores", "cores", number),
        Column("p99 ms", "p99_ms", number),
    ]
    return comparison(answer, columns, ratio="deliveries_per_second", against=AGAINST)


def _options(contender: Ours | Contender) -> Options:
    return POSTERS if contender.posters_hear else {**POSTERS, "members": 8}
