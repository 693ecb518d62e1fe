"""Puts the tables into ``docs/performance.md``, between markers, so that no number is copied by hand."""

import importlib
import re
from pathlib import Path
from typing import Protocol, cast

from benchmarks.answers import Answer
from benchmarks.bench import Bench

__all__ = ["PAGE", "QUESTIONS", "Question", "filled", "question", "write"]

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"

QUESTIONS = [
    *("small", "hundred", "many"),
    *("flood", "pingpong", "brisk", "steady", "wide", "idle", "stalled"),
    *("encrypted", "browsers", "durable", "commits", "joins", "start", "send", "missed", "page"),
    *("members", "sizes", "rooms", "history", "micro"),
]
"""In the order in which they are asked, and shown."""

BUSY = 0.2
"""Cores that others may take before the page says so: a ratio bears it, a number does not."""


class Question(Protocol):
    """A module of `benchmarks.questions`; its docstring is the question."""

    def ask(self, bench: Bench) -> None:
        """Measure."""

    def shown(self, answer: Answer) -> str:
        """Return a table in Markdown."""


def question(name: str) -> Question:
    """Return a question by its name."""
    return cast(Question, importlib.import_module(f"benchmarks.questions.{name}"))


def filled(text: str) -> str:
    """Return a page with everything between its markers replaced; raises `KeyError` for an unknown marker."""
    parts = {**dict.fromkeys(QUESTIONS, _part), "machine": _machine}

    def part(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- bench: {name} -->\n\n{parts[name](name)}\n\n<!-- end -->"

    return re.sub(r"<!-- bench: (\w+) -->.*?<!-- end -->", part, text, flags=re.DOTALL)


def write() -> None:
    """Fill the page."""
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")


def _part(name: str) -> str:
    asked = question(name)
    words = (asked.__doc__ or "").strip()
    answer = Answer.load(name)
    if answer is None:
        return f"*{words}* It has not been measured yet: `make bench ARGS={name}`."
    notes = [f"{what} is missing: {why}." for what, why in answer.skipped.items()]
    others = answer.median("other_cores") or 0.0
    if others > BUSY:
        notes.append(f"The machine was busy: others took {others:.1f} cores meanwhile.")
    return "\n\n".join([f"*{words}*", asked.shown(answer), *notes, *answer.faults()])


def _machine(name: str) -> str:
    answers = [answer for each in QUESTIONS if (answer := Answer.load(each))]
    lines = []
    for commit in dict.fromkeys(answer.commit for answer in answers):
        of_it = [answer for answer in answers if answer.commit == commit]
        names = ", ".join(answer.question for answer in of_it)
        days = sorted({answer.date[:10] for answer in of_it})
        what = of_it[0].machine
        ran = [f"{name} {version}" for name, version in of_it[0].versions.items() if name != "chatcore"]
        lines.append(
            f"- {names}: {' to '.join(dict.fromkeys([days[0], days[-1]]))}, {commit}; {what['system']},"
            f" {what['cores']} cores of {what['cpu']}, {what['memory_gib']} GiB, journals on"
            f" {what['journal_on']}; {', '.join(ran)}"
        )
    return "\n".join(lines) or "Nothing has been measured yet: `make bench`."
