"""Draws the plots of ``docs/performance.md``: SVG that can be read on a light and on a dark page."""

import io
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.answers import Answer
from benchmarks.contenders import FLOOR, OURS, UVLOOP
from benchmarks.questions.rooms import TOGETHER

__all__ = ["draw"]

PLOTS = Path(__file__).parent.parent / "docs" / "plots"
TEXT, GRID, QUIET, BLUE, ORANGE = "#808080", "#80808040", "#a0a0a0", "#3b82f6", "#e07b28"

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "chatcore",  # the same data, the same file
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "savefig.transparent": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), TEXT
        ),
        "grid.color": GRID,
    }
)


BARS = (
    ("small", "million deliveries a second, 8 members who all post, 64-byte texts"),
    ("flood", "million deliveries a second, 1,000 members, 64-byte texts"),
)


def draw() -> None:
    """Draw every plot whose questions were answered."""
    PLOTS.mkdir(exist_ok=True)
    for name, label in BARS:
        if answer := Answer.load(name):
            _save(_bars(answer, label), name)
    grown = [(Answer.load(name), key, label, where) for name, key, label, where in GROWTH]
    if any(answer for answer, *_ in grown):
        _save(_growth(grown), "growth")
    if commits := Answer.load("commits"):
        _save(_commits(commits), "commits")


def _save(figure: Figure, name: str) -> None:
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    # Half of the file would be indentation, and digits far behind what an eye can see.
    text = re.sub(r"\n\s+", "\n", drawn.getvalue())
    (PLOTS / f"{name}.svg").write_text(re.sub(r"(\d\.\d\d)\d+", r"\1", text), "utf-8")


def _bars(answer: Answer, label: str) -> Figure:
    """One bar a contender, with the spread of its rounds."""
    names = sorted(
        answer.contenders(), key=lambda name: answer.median("deliveries_per_second", contender=name) or 0
    )
    figure = Figure(figsize=(7, 0.32 * len(names) + 0.6))
    axes = figure.add_subplot()
    ours = {each.name for each in OURS}
    for place, name in enumerate(names):
        values = [value / 1e6 for value in answer.values("deliveries_per_second", contender=name)]
        median = (answer.median("deliveries_per_second", contender=name) or 0) / 1e6
        colour = BLUE if name in ours else ORANGE if name == FLOOR.name else QUIET
        axes.barh(place, median, color=colour, height=0.65)
        axes.plot([min(values), max(values)], [place, place], color=TEXT, linewidth=1.5)
        axes.text(max(values), place, f"  {median:.1f}", va="center")
    axes.set_yticks(range(len(names)), [f"chatcore, {name}" if name in ours else name for name in names])
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    return figure


NO_MORE: Mapping[str, object] = {}

GROWTH = (
    ("members", "receivers", "members", NO_MORE),
    ("sizes", "text", "bytes of text", NO_MORE),
    ("rooms", "rooms", "rooms of 8", TOGETHER),
    ("history", "length", "messages kept", NO_MORE),
)
"""What to draw of each question, over what, and of which runs."""

ROWS = (
    ("deliveries_per_second", "million deliveries/s", 1e-6),
    ("cpu_us_per_delivery", "CPU µs a delivery", 1.0),
    ("end_kib", "MiB of memory", 1 / 1024),
)


def _growth(asked: Sequence[tuple[Answer | None, str, str, Mapping[str, object]]]) -> Figure:
    """A column a question, a row a cost."""
    figure = Figure(figsize=(10, 6.4))
    for column, (answer, key, label, where) in enumerate(asked):
        for row, (cost, words, unit) in enumerate(ROWS):
            axes = figure.add_subplot(len(ROWS), len(asked), row * len(asked) + column + 1)
            if answer is not None:
                if cost != "end_kib":  # the floor's memory is its log, which it has whatever happens
                    _line(axes, answer, FLOOR.name, key, cost, unit, ORANGE)
                _line(axes, answer, UVLOOP.name, key, cost, unit, BLUE, where)
            axes.grid()
            if cost == "cpu_us_per_delivery":
                axes.set_yscale("log")
                axes.set_ylim(0.01, 100)  # the same for all, so that they can be compared
                axes.yaxis.set_major_formatter("{x:g}")
                axes.yaxis.set_minor_locator(NullLocator())
            else:
                axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
            if column == 0:
                axes.set_ylabel(words)
            if row == len(ROWS) - 1:
                axes.set_xlabel(label)
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return figure


def _line(
    axes: Axes,
    answer: Answer,
    name: str,
    key: str,
    cost: str,
    unit: float,
    colour: str,
    where: Mapping[str, object] = NO_MORE,
) -> None:
    """A line of medians, and the spread as a band; what ``key`` was set to stands in equal distances."""
    values = {
        setting: [value * unit for value in measured]
        for setting in answer.distinct(key)
        if (measured := answer.values(cost, contender=name, **{key: setting, **where}))
    }
    if values:
        places = range(len(values))
        label = name if name == FLOOR.name else "chatcore"
        medians = [statistics.median(each) for each in values.values()]
        axes.plot(places, medians, color=colour, marker="o", markersize=3, label=label)
        lows, highs = [min(each) for each in values.values()], [max(each) for each in values.values()]
        axes.fill_between(places, lows, highs, color=colour, alpha=0.2, linewidth=0)
        axes.set_xticks(places, [f"{each // 1000}k" if each >= 1000 else str(each) for each in values])


def _commits(answer: Answer) -> Figure:
    """Posts a second and posts a sync, over the posts that are on their way."""
    figure = Figure(figsize=(7, 2.4))
    costs = (
        ("acks_per_second", "thousand acknowledged posts/s", 1e-3),
        ("posts_per_sync", "posts a sync", 1.0),
    )
    for place, (key, label, unit) in enumerate(costs):
        axes = figure.add_subplot(1, 2, place + 1)
        _line(axes, answer, UVLOOP.name, "window", key, unit, BLUE)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("posts on their way, each of 8 posters")
        axes.set_ylabel(label)
        axes.grid()
    figure.tight_layout()
    return figure
