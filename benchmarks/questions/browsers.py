"""What does a browser cost? 1,000 members, 8 posters with 16 posts of 100 bytes in flight; and 1,000 idle."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import OURS
from benchmarks.tables import number, table

__all__ = ["ask", "shown"]

FLOOD: Options = {"members": 1000, "posters": 8, "size": 100, "window": 16, "seconds": 1.5}
IDLE: Options = {"members": 1000, "posters": 0, "pace": "idle", "settle": 1.0, "seconds": 0.5, "at-once": 16}


def ask(bench: Bench) -> None:
    """Measure each wire, one after the other."""
    pairs = [each for contender in OURS for each in (contender, contender.over_websockets())]
    flood = [Case(contender, FLOOD, {"load": "flood"}) for contender in pairs]
    bench.race([*flood, *(Case(contender, IDLE, {"load": "idle"}) for contender in pairs)], seconds=120)


def shown(answer: Answer) -> str:
    """Return what a delivery, a member and a handshake cost, and the ratio to the typed wire."""
    rows = []
    for name in answer.contenders():
        flood, idle = {"contender": name, "load": "flood"}, {"contender": name, "load": "idle"}
        cpu = answer.median("cpu_us_per_delivery", **flood) or 0.0
        kib, join = (answer.median(key, **idle) or 0.0 for key in ("kib_per_member", "join_cpu_us"))
        rows.append([name, number(cpu * 1e3), _ratio(answer, name), number(kib), number(join)])
    headings = ["CPU ns per delivery", "of the typed wire", "KiB per idle member", "CPU µs per join"]
    return table(["", *headings], rows)


def _ratio(answer: Answer, name: str) -> str:
    """Return how many times as much a delivery costs over WebSocket."""
    typed = name.removesuffix(", WebSocket")
    if typed == name:
        return ""
    one, other = ({"contender": each, "load": "flood"} for each in (name, typed))
    ratio = answer.ratio("cpu_us_per_delivery", one, other)
    return "–" if ratio is None else f"{ratio:.2f}"
