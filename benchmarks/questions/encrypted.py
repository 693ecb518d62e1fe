"""What does TLS cost? 100 members, 8 posters with 64 posts of 64 bytes in flight; and 1,000 idle members."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import OURS
from benchmarks.tables import amount, number, percent, table

__all__ = ["ask", "shown"]

FLOOD: Options = {"members": 100, "posters": 8, "size": 64, "window": 64, "seconds": 1.2}
IDLE: Options = {"members": 1000, "posters": 0, "pace": "idle", "settle": 1.0, "seconds": 0.5, "at-once": 16}


def ask(bench: Bench) -> None:
    """Measure each with and without, one after the other. Memory does not vary, so one round is enough."""
    pairs = [each for contender in OURS for each in (contender, contender.over_tls())]
    flood = [Case(contender, FLOOD, {"load": "flood"}) for contender in pairs]
    bench.race(
        [*flood, *(Case(contender, IDLE, {"load": "idle"}, once=True) for contender in pairs)], seconds=90
    )


def shown(answer: Answer) -> str:
    """Return what a second of the processor delivers, and what a member and a connection cost."""
    rows = []
    for name in answer.contenders():
        flood, idle = {"contender": name, "load": "flood"}, {"contender": name, "load": "idle"}
        cpu = answer.median("cpu_us_per_delivery", **flood) or 0.0
        kib, join = (answer.median(key, **idle) or 0.0 for key in ("kib_per_member", "join_cpu_us"))
        rows.append(
            [name, amount(1e6 / cpu) if cpu else "–", _share(answer, name), number(kib), number(join)]
        )
    headings = ["deliveries per second of CPU", "of those without", "KiB per idle member", "CPU µs per join"]
    return table(["", *headings], rows)


def _share(answer: Answer, name: str) -> str:
    """Return how many deliveries of a second are left with TLS."""
    plain = name.removesuffix(", TLS")
    if plain == name:
        return ""
    one, other = ({"contender": each, "load": "flood"} for each in (plain, name))
    share = answer.ratio("cpu_us_per_delivery", one, other)
    return "–" if share is None else percent(share)
