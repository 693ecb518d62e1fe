"""How does cost grow with the number of rooms? 1 to 1,000 rooms of 8 members, all of them flooded."""

from benchmarks.answers import Answer
from benchmarks.bench import Bench, Case, Options
from benchmarks.contenders import UVLOOP
from benchmarks.tables import Column, amount, cell, number, table

__all__ = ["TOGETHER", "ask", "shown"]

COUNTS = (1, 10, 100, 1_000)

TOGETHER = {"share": "all"}
"""What marks the runs in which all rooms together have as many posts in flight, however many they are."""

ALONE = {"share": "one"}

IN_FLIGHT = 1_000


def ask(bench: Bench) -> None:
    """One of the members of each room posts: so that 1,000 posts are in flight, or one for each room."""
    cases = []
    for count in COUNTS:
        crowd: Options = {"rooms": count, "members": 7 * count, "posters": count}
        options: Options = {**crowd, "size": 64, "settle": 1.0, "seconds": 1}
        cases += [
            Case(UVLOOP, {**options, "window": IN_FLIGHT // count}, TOGETHER),
            Case(UVLOOP, {**options, "window": 1}, ALONE),
        ]
    bench.race(cases[:-1], seconds=35)  # the last two are the same


def shown(answer: Answer) -> str:
    """Return throughput and CPU by the number of rooms, and how much comes together."""
    columns = [
        Column("deliveries/s", "deliveries_per_second", amount, spread=True),
        Column("deliveries per read", "deliveries_per_read", number),
        Column("CPU µs per post", "cpu_us_per_post", number, spread=True),
        Column("MiB at the end", "end_kib", lambda kib: number(kib / 1024)),
    ]
    rows = []
    for marks in (TOGETHER, ALONE):
        for count in answer.distinct("rooms"):
            where = {"rooms": count, **marks}
            if answer.values("window", **where):
                window = answer.median("window", **where) or 0
                cells = [cell(answer, column, where) for column in columns]
                rows.append([f"{count:,}", f"{window:,.0f}", *cells])
    return table(["rooms", "in flight, each", *[column.heading for column in columns]], rows)
