"""Ask the questions that are named, or all of them; then draw the results."""

import argparse
import importlib
import resource
import sys
from types import ModuleType

from benchmarks import document
from benchmarks.bench import Bench
from benchmarks.document import QUESTIONS
from benchmarks.tools import Unable, compile_tools

__all__ = ["main"]


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=f"one of {', '.join(QUESTIONS)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often to measure everything (3)")
    parser.add_argument("--draw", action="store_true", help="measure nothing, only draw")
    options = parser.parse_args()
    if unknown := set(options.questions) - set(QUESTIONS):
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    failed = False
    if not options.draw:
        try:
            failed = _ask(options.questions or QUESTIONS, options.rounds)
        except Unable as error:
            print(f"cannot measure: {error}", file=sys.stderr)
            return 1
    # Only what draws needs matplotlib.
    importlib.import_module("benchmarks.plots").draw()
    document.write()
    return int(failed)


def _ask(questions: list[str], rounds: int) -> bool:
    tools = compile_tools()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # what we start inherits it
    failed = False
    for name in questions:
        question = document.question(name)
        bench = Bench(name, tools, rounds)
        print(f"{name}: {_sentence(question)}", flush=True)
        try:
            question.ask(bench)
        except (Unable, OSError) as error:  # the others can be asked all the same
            print(f"  cannot measure it: {error}", flush=True)
            failed = True
            continue
        answer = bench.finish()
        for fault in answer.faults():
            print(f"  {fault}", flush=True)
        print(question.shown(answer), f"\n({answer.seconds:.0f} s)\n", flush=True)
    return failed


def _sentence(question: ModuleType | object) -> str:
    return (question.__doc__ or "").strip()


if __name__ == "__main__":
    sys.exit(main())
