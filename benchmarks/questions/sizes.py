"""How does cost grow with the length of a message? 16 bytes to 16 KiB, 200 members."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case
from benchmarks.contenders import FLOOR, UVLOOP
from benchmarks.growth import growth

__all__ = ["ask", "shown"]

SIZES = (16, 64, 256, 1_024, 4_096, 16_384)
ON_THEIR_WAY = 256 * 1024
"""Bytes that the posters have in flight together: long posts in smaller numbers."""


def ask(bench: Bench) -> None:
    """Flood with texts of every length."""
    cases = []
    for size in SIZES:
        window = max(1, min(64, ON_THEIR_WAY // 8 // size))
        options = {"members": 192, "posters": 8, "size": size, "window": window, "seconds": 0.8}
        cases += [Case(contender, options, {"text": size}) for contender in (UVLOOP, FLOOR)]
    bench.race(cases, seconds=50)


def shown(answer: Answer) -> str:
    """Return throughput, CPU and memory by the length of a text."""
    return growth(answer, "text", "bytes of text", rate="read_mib_per_second")
