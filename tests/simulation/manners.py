"""How a neighbour of the core answers: promptly, late, twice, not at all, or with an exception.

A neighbour decides in the order in which it was asked, as a log on another machine would, and answers in any
order. It may have decided long before it answers, or only then.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import NamedTuple, TypeVar

from chatcore.gate import Refusal
from tests.simulation.step import Step
from tests.simulation.world import World

__all__ = ["Answers", "Failure", "Manners"]

T = TypeVar("T")

Run = Callable[[Callable[[], None]], None]


class Failure(Exception):
    """What a neighbour raises in place of an answer."""


class Manners(NamedTuple):
    """How probable each way of answering is, and how eagerly what is owed is answered."""

    late: float = 0.0
    refuses: float = 0.0
    raises: float = 0.0
    twice: float = 0.0
    never: float = 0.0
    pace: float = 1.0

    @classmethod
    def draw(cls, random: Random) -> "Manners":
        """Draw the manners of a simulation; in some of them everything is answered within the call."""
        if random.random() < 0.4:
            return cls()
        return cls(
            late=random.choice((0.1, 0.5, 1.0)),
            refuses=random.choice((0, 0, 0.1)),
            raises=random.choice((0, 0, 0.05)),
            twice=random.choice((0, 0.1, 0.3)),
            never=random.choice((0, 0, 0.05)),
            pace=random.choice((0.1, 1, 3)),
        )


class Answers:
    """What one neighbour was asked, and has not decided or answered yet.

    ``run`` calls an answer that comes later in the way that the seam asks for.
    """

    def __init__(self, name: str, world: World, run: Run) -> None:
        self._name = name
        self._world = world
        self._random = world.random
        self._manners = Manners.draw(world.random)
        self._run = run
        self._undecided: deque[Callable[[], None]] = deque()
        self._owed: list[Callable[[], None]] = []
        self._withheld: list[Callable[[], None]] = []  # answered after the end

    @property
    def idle(self) -> bool:
        """Whether nothing is owed to anybody, but for what is never answered."""
        return not self._undecided and not self._owed

    def ask(
        self, decide: Callable[[], T | Refusal], answer: Callable[[T | Refusal], None], refusal: Refusal
    ) -> None:
        """Decide and answer within this call, or at another time."""
        manners, chance = self._manners, self._world.chance
        if chance(manners.refuses):
            decide = partial(_refuse, refusal)
        if chance(manners.never):
            self._world.saw(f"{self._name} never answers")
            self._withheld.append(lambda: answer(decide()))
        elif chance(manners.raises):
            self._world.saw(f"{self._name} raises")
            if not self._undecided and self._random.random() < 0.5:
                answer(decide())  # and raises nevertheless
            raise Failure(self._name)
        elif self._undecided or chance(manners.late):
            self._world.saw(f"{self._name} is late")
            self._ask_later(decide, answer, refusal)
        else:
            first, *rest = self._variants(decide(), refusal)
            self._owed += [partial(answer, value) for value in rest]
            answer(first)

    def then(self, action: Callable[[], None]) -> None:
        """Do something in the order of the decisions."""
        if self._undecided:
            self._undecided.append(action)
        else:
            action()

    def steps(self) -> Iterator[Step]:
        """Offer what could happen now."""
        weight = 3 if self._world.calm else self._manners.pace
        if self._undecided:
            yield Step(weight, self._decide)
        if self._owed:
            yield Step(weight, self._answer)

    def answer_at_last(self) -> None:
        """Answer what was never answered, when nobody is there any more."""
        withheld, self._withheld = self._withheld, []
        for answer in withheld:
            self._run(answer)

    # --- later -----------------------------------------------------------------------------------

    def _ask_later(
        self, decide: Callable[[], T | Refusal], answer: Callable[[T | Refusal], None], refusal: Refusal
    ) -> None:
        if not self._undecided and self._random.random() < 0.5:
            self._owe(decide(), answer, refusal)
        else:
            self._undecided.append(lambda: self._owe(decide(), answer, refusal))

    def _owe(self, value: T | Refusal, answer: Callable[[T | Refusal], None], refusal: Refusal) -> None:
        self._owed += [partial(answer, each) for each in self._variants(value, refusal)]

    def _variants(self, value: T | Refusal, refusal: Refusal) -> list[T | Refusal]:
        if not self._world.chance(self._manners.twice):
            return [value]
        self._world.saw(f"{self._name} answers twice")
        return self._random.choice(([value, value], [value, refusal], [refusal, value]))

    def _decide(self) -> str:
        self._run(self._undecided.popleft())
        return f"{self._name} decides"

    def _answer(self) -> str:
        self._run(self._owed.pop(self._random.randrange(len(self._owed))))
        return f"{self._name} answers"


def _refuse(refusal: Refusal) -> Refusal:
    return refusal
