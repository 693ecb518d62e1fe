"""What a person sees of a lost connection: one line for a move, and no noise."""

from cli.terminal.whereabouts import Whereabouts


class Place:
    """Where the client is."""

    def __init__(self, address: str = "chat://a:7024") -> None:
        self.address = address


def begun(addresses: int) -> tuple[Whereabouts, Place]:
    whereabouts, place = Whereabouts(), Place()
    assert whereabouts.begin(lambda: place.address, addresses) == "chat://a:7024"
    return whereabouts, place


def test_a_move_is_one_line_that_says_why_and_where() -> None:
    whereabouts, place = begun(3)
    assert whereabouts.lose("lost") is None
    states = [whereabouts.offline]
    assert whereabouts.lose("untrusted") is None
    place.address = "chat://c:7024"
    assert whereabouts.come_back() == "moved to chat://c:7024: the connection was lost"
    assert [*states, whereabouts.offline] == [True, False]
    assert whereabouts.lose("lost") is None


def test_a_whole_round_in_vain_is_reported_by_what_was_lost_first() -> None:
    whereabouts, place = begun(2)
    assert whereabouts.lose("drain") is None
    said = whereabouts.lose("lost")
    assert said is not None
    assert said.startswith("disconnected: ")
    assert said.endswith("; reconnecting")
    assert "drain" in said or "shut" in said
    assert whereabouts.lose("lost") is None
    place.address = "chat://b:7024"
    assert whereabouts.come_back() == "reconnected, to chat://b:7024"


def test_the_only_address_is_lost_and_back_as_ever() -> None:
    whereabouts, _ = begun(1)
    assert whereabouts.lose("lost") == "disconnected: the connection was lost; reconnecting"
    assert whereabouts.lose("lost") is None
    other = whereabouts.lose("timeout")
    assert other is not None
    assert other != whereabouts.lose("timeout")
    assert whereabouts.come_back() == "reconnected"
    assert whereabouts.lose("lost") is not None


def test_another_machine_of_the_only_name_is_named() -> None:
    whereabouts, place = begun(1)
    whereabouts.lose("lost")
    place.address = "chat://a:7024 (192.0.2.2)"
    assert whereabouts.come_back() == "reconnected, to chat://a:7024 (192.0.2.2)"
