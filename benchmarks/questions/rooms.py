"""How does cost grow with the number of rooms? 1,000 members, spread over 1 to 1,000 of them."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import UVLOOP
from benchmarks.growth import growth

__all__ = ["ask", "shown"]

COUNTS = (1, 10, 100, 1_000)


def ask(bench: Bench) -> None:
    """Flood all rooms in turn. Each is posted to by one of eight posters, which is a member as well."""
    options = {"members": 1000, "posters": 8, "size": 64, "window": 64, "seconds": 1}
    bench.race([Case(UVLOOP, {**options, "rooms": count}) for count in COUNTS], seconds=25)


def shown(answer: Answer) -> str:
    """Return throughput, CPU and memory by the number of rooms."""
    return growth(answer, "rooms", "rooms")
