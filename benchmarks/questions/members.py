"""How does cost grow with the members of a room? 1 to 10,000 of them, flooded with posts of 64 bytes."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import FLOOR, UVLOOP
from benchmarks.growth import growth

__all__ = ["ask", "shown"]

COUNTS = (1, 10, 100, 1_000, 10_000)


def ask(bench: Bench) -> None:
    """Flood rooms of every size; up to eight of the members post."""
    cases = []
    for count in COUNTS:
        posters = min(8, count)
        options = {"members": count - posters, "posters": posters, "size": 64, "window": 64, "seconds": 1}
        cases += [Case(contender, options, {"receivers": count}) for contender in (UVLOOP, FLOOR)]
    bench.race(cases, seconds=50)


def shown(answer: Answer) -> str:
    """Return throughput, CPU and memory by the number of members."""
    return growth(answer, "receivers", "members")
