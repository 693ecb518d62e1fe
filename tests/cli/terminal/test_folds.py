"""Long messages, of which only the start is drawn at first."""

from datetime import UTC, datetime

from chatcore import Message
from cli.terminal.folds import LEAST_ROWS, MOST_FOLDED, MOST_ROWS, SPARED_ROWS, Folds
from cli.terminal.painter import Painter
from tests.cli.terminal.drawn import text_of


def message(rows: int) -> Message:
    text = "\n".join(map(str, range(rows)))
    return Message(room="ops", seq=1, prev=0, id="1", nick="bob", text=text, at=datetime.now(UTC))


def folded(folds: Folds, said: Message) -> tuple[list[str], str | None]:
    painter = Painter(columns=lambda: 80, zone=UTC)
    drawn, rest = folds.fold(painter.message(said.at, said.nick, said.text), said)
    return text_of(drawn).splitlines(), rest


def test_a_long_message_ends_early_and_a_line_says_how_to_see_all_of_it() -> None:
    folds, long = Folds(lambda: 24), message(100)
    assert folds.get(None) is None
    rows, rest = folded(folds, long)
    assert len(rows) == MOST_ROWS
    assert rows[-1].strip() == str(MOST_ROWS - 1)
    assert rest == f"... {100 - MOST_ROWS} more rows, /show 1"
    assert folds.get(1) is folds.get(None) is long
    assert folds.get(2) is None


def test_on_a_low_screen_less_is_drawn() -> None:
    heights = iter((12, 3, 50))
    folds = Folds(lambda: next(heights))
    drawn = [len(folded(folds, message(100))[0]) for _ in range(3)]
    assert drawn == [8, LEAST_ROWS, MOST_ROWS]


def test_a_message_that_is_only_a_little_longer_is_drawn_whole() -> None:
    rows, rest = folded(Folds(lambda: 24), message(MOST_ROWS + SPARED_ROWS))
    assert (len(rows), rest) == (MOST_ROWS + SPARED_ROWS, None)


def test_a_bounded_number_of_folded_messages_is_there() -> None:
    folds = Folds(lambda: 24)
    for _ in range(MOST_FOLDED + 1):
        folded(folds, message(30))
    assert folds.get(1) is None
    assert folds.get(2) is not None
