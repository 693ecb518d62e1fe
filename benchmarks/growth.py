"""The table of a question that asks how cost grows."""

from benchmarks.answers import Answer
from benchmarks.contenders import FLOOR, UVLOOP
from benchmarks.tables import Column, amount, cell, number, percent, table

__all__ = ["growth"]


def growth(answer: Answer, key: str, heading: str, rate: str = "deliveries_per_second") -> str:
    """Return a row for each value of ``key``; with the floor beside it where it was measured."""
    columns = [
        Column("deliveries/s", "deliveries_per_second", amount, spread=True),
        Column("MiB/s", "read_mib_per_second", amount),
        Column("CPU µs per delivery", "cpu_us_per_delivery", number),
        Column("CPU µs per post", "cpu_us_per_post", number),
        Column("MiB at the end", "end_kib", lambda kib: number(kib / 1024)),
    ]
    with_floor = FLOOR.name in answer.contenders()
    rows = []
    for value in answer.distinct(key):
        ours, floor = ({"contender": name, key: value} for name in (UVLOOP.name, FLOOR.name))
        row = [f"{value:,}", *[cell(answer, column, ours) for column in columns]]
        if with_floor:
            share = answer.ratio(rate, ours, floor)
            row.append("–" if share is None else percent(share))
        rows.append(row)
    return table(
        [heading, *[column.heading for column in columns], *(["of the floor"] if with_floor else [])], rows
    )
