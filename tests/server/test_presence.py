"""Presence: the net change, told once."""

from chatcore.messages import Presence, Renamed, server_frames
from chatcore.server.presence import PresenceLog
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain


class Crowd:
    """Members by a key of their own, and the log that is told of every change."""

    def __init__(self, **nicks: str) -> None:
        self.log: PresenceLog[str] = PresenceLog("lobby", 3)
        self.nicks = nicks

    def change(self, **nicks: str | None) -> None:
        """Let members come, go (``None``) or take another nick."""
        for key, nick in nicks.items():
            self.log.change(key, self.nicks.pop(key, None))
            if nick is not None:
                self.nicks[key] = nick

    def flush(self) -> bool:
        """Let the interval end."""
        return self.log.flush(self.nicks.get, len(self.nicks))

    def told(self, seen: int) -> Presence | None:
        """Return what somebody is told who has seen so many frames."""
        data = self.log.since(seen, ndjson)
        if not data:
            return None
        frame = server_frames.validate_json(data)
        assert isinstance(frame, Presence)
        return frame


def test_who_came_and_who_went_is_told_with_the_count() -> None:
    crowd = Crowd(a="ana", b="bob")
    crowd.change(c="cleo", b=None, d="Dan")
    assert crowd.flush()
    assert crowd.told(0) == Presence(room="lobby", joined=("Dan", "cleo"), left=("bob",), count=3)


def test_a_change_is_pending_until_it_is_told() -> None:
    crowd = Crowd(a="ana")
    pending = [crowd.log.pending]
    crowd.change(a=None)
    pending.append(crowd.log.pending)
    crowd.flush()
    pending.append(crowd.log.pending)
    assert pending == [False, True, False]


def test_who_came_and_went_within_an_interval_is_nothing() -> None:
    crowd = Crowd(a="ana")
    crowd.change(b="bob")
    crowd.change(b=None)
    crowd.change(a=None)
    crowd.change(a="ana")
    assert not crowd.flush()
    assert crowd.log.number == 0
    assert crowd.told(0) is None


def test_a_change_of_nick_is_told_as_one_from_what_was_told_last() -> None:
    crowd = Crowd(a="ana")
    crowd.change(a="anna")
    crowd.change(a="anne")
    crowd.flush()
    assert crowd.told(0) == Presence(room="lobby", renamed=(Renamed(old="ana", new="anne"),), count=1)


def test_a_nick_that_is_changed_there_and_back_is_nothing() -> None:
    crowd = Crowd(a="ana")
    crowd.change(a="anna")
    crowd.change(a="ana")
    assert not crowd.flush()


def test_who_came_and_then_took_another_nick_came_by_that_one() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.change(a="anna")
    crowd.flush()
    assert crowd.told(0) == Presence(room="lobby", joined=("anna",), count=1)


def test_who_took_another_nick_and_went_has_left_by_the_one_that_was_known() -> None:
    crowd = Crowd(a="ana")
    crowd.change(a="anna")
    crowd.change(a=None)
    crowd.flush()
    assert crowd.told(0) == Presence(room="lobby", left=("ana",), count=0)


def test_somebody_who_comes_back_by_another_socket_was_never_away() -> None:
    crowd = Crowd(old="ana")
    crowd.change(old=None)
    crowd.change(new="ana")
    assert not crowd.flush()


def test_somebody_who_comes_back_in_another_spelling_is_told_so() -> None:
    crowd = Crowd(old="ana")
    crowd.change(old=None)
    crowd.change(new="Ana")
    assert crowd.flush()
    assert crowd.told(0) == Presence(room="lobby", renamed=(Renamed(old="ana", new="Ana"),), count=1)


def test_two_may_swap_their_nicks() -> None:
    crowd = Crowd(a="ana", b="bob")
    crowd.change(a="temp")
    crowd.change(b="ana")
    crowd.change(a="bob")
    crowd.flush()
    renamed = (Renamed(old="ana", new="bob"), Renamed(old="bob", new="ana"))
    assert crowd.told(0) == Presence(room="lobby", renamed=renamed, count=2)


def test_names_beyond_the_limit_are_cut_and_that_is_said() -> None:
    crowd = Crowd()
    crowd.change(**{f"k{n}": f"nick{n}" for n in range(3)})
    crowd.flush()
    frame = crowd.told(0)
    assert frame is not None
    assert (len(frame.joined), frame.count, frame.more) == (3, 3, False)
    crowd.change(**{f"l{n}": f"other{n}" for n in range(4)})
    crowd.flush()
    frame = crowd.told(1)
    assert frame is not None
    assert (len(frame.joined), frame.count, frame.more) == (3, 7, True)


def test_who_has_seen_the_last_one_is_told_nothing() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.flush()
    assert crowd.told(1) is None


def test_who_has_missed_one_is_told_the_count_and_to_ask() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.flush()
    crowd.change(b="bob")
    crowd.flush()
    assert crowd.told(0) == Presence(room="lobby", count=2, more=True)
    assert crowd.told(1) == Presence(room="lobby", joined=("bob",), count=2)


def test_a_frame_is_encoded_once_a_wire() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.flush()
    assert crowd.log.since(0, ndjson) is crowd.log.since(0, ndjson)
    assert crowd.log.since(0, plain) == b""
