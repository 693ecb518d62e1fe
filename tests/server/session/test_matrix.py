"""The whole table of moderation, played on a server: who may do what to whom and where, and what comes of it.

The table is `tests.accounts.matrix`, and the accounts are those of the product, in a file.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts
from chatcore.accounts.writer import Times
from tests.accounts.matrix import ALLOWED, CASES, PRESENT, Case, Play, scene
from tests.accounts.people import key_of
from tests.protocol.frames import (
    Ack,
    Closing,
    Error,
    Frame,
    Join,
    Joined,
    Left,
    Moderate,
    Moderated,
    Post,
    Welcome,
)
from tests.rows import ALL
from tests.server.driver import Host, Peer

DEADLINE = 10.0

GUESTS = {"gus", "gil"}
"""Who is let into the public room by name, as guests have to be."""


def is_wanted(case: Case) -> bool:
    """Tell whether a case is played: without ``make test-all`` not each target where none is needed."""
    return ALL or case.target == "nobody" or case.act not in ("close", "open")


PLAYED = {str(case): (case, case.played) for case in CASES if case.played is not None and is_wanted(case)}


class Stage(Host):
    """A server over a file of accounts, and everybody of the scene, who comes in when needed."""

    def __init__(self, path: Path) -> None:
        self._woken = threading.Event()
        super().__init__(
            gate=Accounts(path, times=Times(act=0.0)), frames_per_second=None, new_rooms_per_minute=None
        )
        self._people: dict[str, Peer] = {}
        self._ids = 0

    def _wake(self) -> None:
        super()._wake()
        self._woken.set()

    def person(self, name: str) -> Peer:
        """Return somebody's session."""
        if name not in self._people:
            peer = self._people[name] = self.hello(name, key=key_of(name))
            assert isinstance(self.answer(peer), Welcome)
        return self._people[name]

    def answer(self, peer: Peer) -> Frame:
        """Wait for the next frame that a peer gets, other than news of the room."""
        while True:
            self._woken.clear()
            self.pump()
            for frame in peer.take():
                if isinstance(frame, Welcome | Joined | Ack | Moderated | Error | Left | Closing):
                    return frame
            assert self._woken.wait(DEADLINE), "no answer"

    def ask(self, name: str, frame: Moderate | Join | Post) -> Frame:
        """Let somebody ask something; return the answer."""
        peer = self.person(name)
        peer.take()
        peer.send(frame)
        return self.answer(peer)

    def enters(self, name: str, room: str) -> bool:
        """Tell whether somebody is in a room, or may enter it."""
        peer = self.person(name)
        return peer.session.is_in(room) or isinstance(self.ask(name, Join(room=room)), Joined)

    def speaks(self, name: str, room: str) -> bool:
        """Tell whether somebody may post to a room."""
        self._ids += 1
        return isinstance(self.ask(name, Post(room=room, id=str(self._ids), text="hi")), Ack)


def moderate(case: Case, play: Play) -> Moderate:
    """Return the frame of a case."""
    return Moderate(act=case.act, room=play.room, nick=play.nick, token="t")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scene(tmp_path_factory.mktemp("scene") / "accounts.db")


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def unchanged(original: Path, stack: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage for acts that are refused, which change nothing."""
    stage = Stage(copy(original, tmp_path_factory.mktemp("refused")))
    stack.enter_context(closing(stage.hub))
    return stage


def copy(original: Path, directory: Path) -> Path:
    """Copy a file of accounts, which nobody has open."""
    path = directory / "accounts.db"
    shutil.copy(original, path)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("name", [name for name, (case, _) in PLAYED.items() if case.verdict != ALLOWED])
def test_what_the_table_forbids_is_refused_and_changes_nothing(name: str, unchanged: Stage) -> None:
    case, play = PLAYED[name]
    assert play is not None
    room = play.room or "square"
    target = play.nick if play.nick in PRESENT else "ben"
    assert target is not None
    assert unchanged.enters(target, room)
    assert unchanged.enters(play.actor, room)
    answer = unchanged.ask(play.actor, moderate(case, play))
    assert isinstance(answer, Error)
    assert (answer.code, answer.room, answer.id, answer.retry_after) == (case.verdict, play.room, "t", None)
    assert unchanged.person(target).session.is_in(room)
    assert unchanged.speaks(target, room)


@pytest.mark.parametrize("name", [name for name, (case, _) in PLAYED.items() if case.verdict == ALLOWED])
def test_what_the_table_allows_is_done_before_it_is_answered(
    name: str, original: Path, tmp_path: Path
) -> None:
    case, play = PLAYED[name]
    assert play is not None
    stage = Stage(copy(original, tmp_path))
    with closing(stage.hub):
        room, target = play.room or "square", play.nick if play.nick in PRESENT else "ben"
        assert target is not None
        assert stage.enters(target, room)
        assert stage.enters(play.actor, room)
        answer = stage.ask(play.actor, moderate(case, play))
        assert answer == Moderated(act=case.act, room=play.room, nick=play.nick, token="t")
        judge(stage, case, play, room, target)


def judge(stage: Stage, case: Case, play: Play, room: str, target: str) -> None:
    """Judge what has come of an act."""
    inside = stage.person(target).session.is_in(room)
    is_private = stage.hub.gate.is_private(room)
    match case.act:
        case "close":
            assert (inside, is_private) == (True, True)
            outside = [name for name in PRESENT - GUESTS if name not in (play.actor, target)]
            may_enter = [name for name in outside if stage.enters(name, room)]
            assert may_enter == ([] if case.place == "public" else outside)  # who was let in before stays so
        case "open":
            assert (inside, is_private) == (True, False)
        case "admit":
            assert inside
        case "kick":
            assert not inside
            assert stage.enters(target, room) == (not is_private)
        case "mute":
            assert inside
            assert not stage.speaks(target, room)
            assert play.room is None or (
                stage.enters(target, "elsewhere") and stage.speaks(target, "elsewhere")
            )
        case "ban" if play.room is None:
            assert stage.person(target).ended
            assert stage.hello(target, key=key_of(target)).error().code == "forbidden"
        case "ban":
            assert not inside
            assert not stage.person(target).ended
            assert not stage.enters(target, room)
        case "lift":
            assert inside
            assert stage.speaks(target, room)


def elsewhere(stage: Stage, name: str) -> str:
    """Return another room that somebody has entered."""
    room = "of-mona"
    assert stage.enters(name, room)
    return room


@pytest.mark.parametrize("room", [None, "square"])
def test_a_mute_and_a_ban_are_lifted(room: str | None, original: Path, tmp_path: Path) -> None:
    stage = Stage(copy(original, tmp_path))
    with closing(stage.hub):
        for act in ("mute", "ban"):
            assert stage.enters("ben", "square")
            assert isinstance(stage.ask("mona", Moderate(act=act, room=room, nick="ben")), Moderated)
            assert isinstance(stage.ask("mona", Moderate(act="lift", room=room, nick="ben")), Moderated)
            if stage.person("ben").ended:
                del stage._people["ben"]
            assert stage.enters("ben", "square")
            assert stage.speaks("ben", "square")
