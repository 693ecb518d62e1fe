"""Messages without an acknowledgement."""

from cli.state.remembered import UnsentLine
from cli.terminal.unsent import PATIENCE, Unsent


def line(id_: str) -> UnsentLine:
    return UnsentLine(id_, "lobby", None, f"text {id_}", 0.0)


def test_a_line_is_shown_once_it_takes_long_and_the_server_owes_its_answer() -> None:
    now = 0.0
    owed: list[str] = []
    unsent = Unsent(lambda: now, owed.append, owed.remove)
    unsent.add(line("1"))
    now = PATIENCE
    unsent.add(line("2"))
    assert unsent.waiting(all_of_them=False) == ["text 1"]
    assert unsent.waiting(all_of_them=True) == unsent.texts == ["text 1", "text 2"]
    assert owed == ["1", "2"]
    unsent.remove(line("1"))
    assert (unsent.texts, owed) == (["text 2"], ["2"])
