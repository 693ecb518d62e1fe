"""The presence log: the net change of an interval, reported once."""

from chatcore.messages import Presence, Renamed, server_frames
from chatcore.server.presence import PresenceLog
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain


class Crowd:
    """Members, each under a key, and the log that notes every change."""

    def __init__(self, **nicks: str) -> None:
        self.log: PresenceLog[str] = PresenceLog("lobby", 3)
        self.nicks = nicks

    def change(self, **nicks: str | None) -> None:
        """Let members join, leave (``None``) or change their nicks."""
        for key, nick in nicks.items():
            self.log.change(key, self.nicks.pop(key, None))
            if nick is not None:
                self.nicks[key] = nick

    def flush(self) -> bool:
        """Let the interval end."""
        return self.log.flush(self.nicks.get, len(self.nicks))

    def frame_after(self, seen: int) -> Presence | None:
        """Return the frame for a member that has seen the first ``seen`` frames, if there is one."""
        data = self.log.since(seen, ndjson)
        if not data:
            return None
        frame = server_frames.validate_json(data)
        assert isinstance(frame, Presence)
        return frame


def test_presence_lists_who_joined_and_who_left_and_the_count() -> None:
    crowd = Crowd(a="ana", b="bob")
    crowd.change(c="cleo", b=None, d="Dan")
    assert crowd.flush()
    assert crowd.frame_after(0) == Presence(room="lobby", joined=("Dan", "cleo"), left=("bob",), count=3)


def test_a_presence_change_is_pending_until_it_is_flushed() -> None:
    crowd = Crowd(a="ana")
    pending = [crowd.log.pending]
    crowd.change(a=None)
    pending.append(crowd.log.pending)
    crowd.flush()
    pending.append(crowd.log.pending)
    assert pending == [False, True, False]


def test_members_that_join_and_leave_within_an_interval_are_not_reported() -> None:
    crowd = Crowd(a="ana")
    crowd.change(b="bob")
    crowd.change(b=None)
    crowd.change(a=None)
    crowd.change(a="ana")
    assert not crowd.flush()
    assert crowd.log.number == 0
    assert crowd.frame_after(0) is None


def test_several_changes_of_nick_are_reported_as_one() -> None:
    crowd = Crowd(a="ana")
    crowd.change(a="anna")
    crowd.change(a="anne")
    crowd.flush()
    assert crowd.frame_after(0) == Presence(room="lobby", renamed=(Renamed(old="ana", new="anne"),), count=1)


def test_a_nick_that_is_changed_and_changed_back_is_not_reported() -> None:
    crowd = Crowd(a="ana")
    crowd.change(a="anna")
    crowd.change(a="ana")
    assert not crowd.flush()


def test_a_member_that_joins_and_changes_its_nick_is_reported_by_the_new_nick() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.change(a="anna")
    crowd.flush()
    assert crowd.frame_after(0) == Presence(room="lobby", joined=("anna",), count=1)


def test_a_member_that_changes_its_nick_and_leaves_is_reported_by_the_old_nick() -> None:
    crowd = Crowd(a="ana")
    crowd.change(a="anna")
    crowd.change(a=None)
    crowd.flush()
    assert crowd.frame_after(0) == Presence(room="lobby", left=("ana",), count=0)


def test_a_member_that_returns_on_another_connection_is_not_reported() -> None:
    crowd = Crowd(old="ana")
    crowd.change(old=None)
    crowd.change(new="ana")
    assert not crowd.flush()


def test_a_member_that_returns_in_another_spelling_is_reported_as_renamed() -> None:
    crowd = Crowd(old="ana")
    crowd.change(old=None)
    crowd.change(new="Ana")
    assert crowd.flush()
    assert crowd.frame_after(0) == Presence(room="lobby", renamed=(Renamed(old="ana", new="Ana"),), count=1)


def test_two_members_may_swap_their_nicks() -> None:
    crowd = Crowd(a="ana", b="bob")
    crowd.change(a="temp")
    crowd.change(b="ana")
    crowd.change(a="bob")
    crowd.flush()
    renamed = (Renamed(old="ana", new="bob"), Renamed(old="bob", new="ana"))
    assert crowd.frame_after(0) == Presence(room="lobby", renamed=renamed, count=2)


def test_nicks_beyond_the_limit_are_left_out_and_more_is_set() -> None:
    crowd = Crowd()
    crowd.change(**{f"k{n}": f"nick{n}" for n in range(3)})
    crowd.flush()
    frame = crowd.frame_after(0)
    assert frame is not None
    assert (len(frame.joined), frame.count, frame.more) == (3, 3, False)
    crowd.change(**{f"l{n}": f"other{n}" for n in range(4)})
    crowd.flush()
    frame = crowd.frame_after(1)
    assert frame is not None
    assert (len(frame.joined), frame.count, frame.more) == (3, 7, True)


def test_a_member_that_has_seen_the_latest_frame_gets_none() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.flush()
    assert crowd.frame_after(1) is None


def test_a_member_that_has_missed_a_frame_gets_only_the_count_and_more() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.flush()
    crowd.change(b="bob")
    crowd.flush()
    assert crowd.frame_after(0) == Presence(room="lobby", count=2, more=True)
    assert crowd.frame_after(1) == Presence(room="lobby", joined=("bob",), count=2)


def test_a_presence_frame_is_encoded_once_per_wire() -> None:
    crowd = Crowd()
    crowd.change(a="ana")
    crowd.flush()
    assert crowd.log.since(0, ndjson) is crowd.log.since(0, ndjson)
    assert crowd.log.since(0, plain) == b""
