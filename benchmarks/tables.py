"""Tables in Markdown, from answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.answers import Answer

__all__ = ["Column", "amount", "comparison", "number", "percent", "table"]

Format = Callable[[float], str]


class Column(NamedTuple):
    """What to show of each contender: the median of a key, and its spread if asked for."""

    heading: str
    key: str
    format: Format
    spread: bool = False


def amount(value: float) -> str:
    """Return a large number, shortened to three digits."""
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{_digits(value / limit)}{unit}"
    return _digits(value)


def number(value: float) -> str:
    """Return a number, with three digits that count."""
    return _digits(value)


def percent(value: float) -> str:
    """Return a share of one."""
    return f"{100 * value:.0f} %"


def _digits(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; all columns but the first are numbers."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(answer: Answer, column: Column, where: Mapping[str, object]) -> str:
    """Return the median, and in brackets the least and the most of several rounds."""
    values = sorted(answer.values(column.key, **where))
    if not values:
        return "–"
    shown = column.format(answer.median(column.key, **where) or 0.0)
    if not column.spread or len(values) == 1:
        return shown
    return f"{shown} ({column.format(values[0])} to {column.format(values[-1])})"


def comparison(
    answer: Answer, columns: Sequence[Column], *, ratio: str | None = None, against: str = "floor"
) -> str:
    """Return a row for each contender; with ``ratio`` also how much it reaches of what another has."""
    whole = "of the floor" if against == "floor" else f"of {against}"
    headings = ["", *[column.heading for column in columns], *([whole] if ratio else [])]
    rows = []
    for name in answer.contenders():
        row = [name, *[cell(answer, column, {"contender": name}) for column in columns]]
        if ratio:
            share = answer.ratio(ratio, {"contender": name}, {"contender": against})
            row.append("–" if share is None else percent(share))
        rows.append(row)
    return table(headings, rows)
