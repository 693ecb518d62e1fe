"""Every frame that a client can send, in every state: what is done, what is refused, and that it is safe."""

from collections.abc import Callable
from typing import get_args

import pytest

from chatcore.messages import ClientFrame as ProductFrame
from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Error,
    Forget,
    Frame,
    Hello,
    History,
    Invite,
    Join,
    Leave,
    Message,
    Moderate,
    NickFrame,
    Ping,
    Pong,
    Post,
    Presence,
    Rooms,
    Search,
    Welcome,
    Who,
)
from tests.server.driver import Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateGate
from tests.server.leftovers import left_in, waits_in

BOB = key_of("bob")

FRAMES: dict[str, ClientFrame] = {
    "hello": Hello(protocol=1, nick="bob", key=BOB),
    "join": Join(room="lobby"),
    "leave": Leave(room="lobby"),
    "post": Post(room="lobby", id="t", text="hi"),
    "history": History(room="lobby", token="t"),
    "who": Who(room="lobby"),
    "rooms": Rooms(token="t"),
    "search": Search(query="hi", token="t"),
    "moderate": Moderate(act="close", room="attic", token="t"),
    "invite": Invite(token="t"),
    "forget": Forget(token="t"),
    "nick": NickFrame(nick="bob-x", token="t"),
    "ping": Ping(token="t"),
    "pong": Pong(token="t"),
}

# By state: what each frame is answered with, in the order above; a dash is no answer.
_ANSWERS = """
                hello      join         leave        post         history      who
before_hello    welcome    bad_state    bad_state    bad_state    bad_state    bad_state
entering        bad_state  joined       not_joined   not_joined   not_joined   not_joined
refused         -          -            -            -            -            -
live            bad_state  joined       not_joined   not_joined   not_joined   not_joined
in_the_room     bad_state  bad_state    left         ack          page         members
expelled        bad_state  joined       not_joined   not_joined   not_joined   not_joined
shut_out        bad_state  forbidden    not_joined   not_joined   not_joined   not_joined
muted           bad_state  bad_state    left         forbidden    page         members
banned          -          -            -            -            -            -
banned_unread   -          unavailable  unavailable  unavailable  unavailable  unavailable

                rooms        search       moderate     invite       forget       nick         ping  pong
before_hello    bad_state    bad_state    bad_state    bad_state    bad_state    bad_state    pong  -
entering        room_list    found        moderated    invited      closing      nick         pong  -
refused         -            -            -            -            -            -            -     -
live            room_list    found        moderated    invited      closing      nick         pong  -
in_the_room     room_list    found        moderated    invited      closing      nick         pong  -
expelled        room_list    found        moderated    invited      closing      nick         pong  -
shut_out        room_list    found        moderated    invited      closing      nick         pong  -
muted           room_list    found        moderated    invited      closing      nick         pong  -
banned          -            -            -            -            -            -            -     -
banned_unread   unavailable  unavailable  unavailable  unavailable  unavailable  unavailable  -     -
"""


class Scene:
    """Bob in a state, on a server that knows him and ada."""

    clogged = False

    def __init__(self, *hello: ClientFrame, gate: KeyGate | None = None) -> None:
        self.gate = gate or KeyGate("ada", "bob")
        self.host = Host(gate=self.gate)
        self.bob = self.host.connect()
        self.bob.send(*hello)

    def done(self) -> "Scene":
        """Forget what has come until now."""
        self.host.settle()
        self.bob.take()
        return self

    def put_out(self, how: Callable[[KeyGate], None]) -> "Scene":
        """Let the gate change something."""
        how(self.gate)
        self.host.pump()
        return self.done()


HELLO, JOIN = FRAMES["hello"], FRAMES["join"]


def clogged() -> Scene:
    """Return a scene in which bob has left something unread."""
    scene = Scene(HELLO).done()
    scene.clogged = True
    scene.bob.window = 0
    scene.bob.send(Ping())
    return scene


STATES: dict[str, Callable[[], Scene]] = {
    "before_hello": Scene,
    "entering": lambda: Scene(HELLO, gate=LateGate("ada", "bob")),
    "refused": lambda: Scene(Hello(protocol=1, nick="bob", key="x" * 43)).done(),
    "live": lambda: Scene(HELLO).done(),
    "in_the_room": lambda: Scene(HELLO, JOIN).done(),
    "expelled": lambda: Scene(HELLO, JOIN).put_out(lambda gate: gate.expel("bob", "lobby")),
    "shut_out": lambda: Scene(HELLO, JOIN).put_out(lambda gate: gate.make_private("lobby", "ada")),
    "muted": lambda: Scene(HELLO, JOIN).put_out(lambda gate: gate.mute("bob")),
    "banned": lambda: Scene(HELLO, JOIN).put_out(lambda gate: gate.ban("bob")),
    "banned_unread": lambda: clogged().put_out(lambda gate: gate.ban("bob")),
}


def table() -> dict[tuple[str, str], str]:
    """Return what the table says, by state and frame."""
    found: dict[tuple[str, str], str] = {}
    for block in _ANSWERS.strip("\n").split("\n\n"):
        head, *rows = (line.split() for line in block.splitlines())
        found |= {(row[0], frame): cell for row in rows for frame, cell in zip(head, row[1:], strict=True)}
    return found


def answers(scene: Scene, frame: ClientFrame) -> list[Frame]:
    """Send a frame; return what comes of it, but for what comes of the state itself."""
    scene.bob.send(frame)
    if isinstance(scene.gate, LateGate):
        scene.gate.work()
        scene.host.pump()
    scene.bob.window = None
    if not scene.bob.closed:
        scene.bob.drain()
    scene.host.settle()
    welcomed = isinstance(scene.gate, LateGate)
    came = [each for each in scene.bob.take() if not isinstance(each, Message | Presence | Closing)]
    expected = [Welcome] * welcomed + [Pong, Error] * scene.clogged  # the ban is the error
    assert [type(each) for each in came[: len(expected)]] == expected
    return came[len(expected) :]


@pytest.mark.parametrize(("state", "name"), table())
def test_every_frame_in_every_state(state: str, name: str) -> None:
    scene = STATES[state]()
    expected = table()[state, name]
    came = answers(scene, FRAMES[name])
    assert [each.code if isinstance(each, Error) else each.type for each in came] == (
        [] if expected in ("-", "closing") else [expected]
    )
    assert scene.bob.ended == (expected == "closing" or state in ("refused", "banned", "banned_unread"))
    assert waits_in(scene.bob.session) == {}
    scene.bob.lose()
    assert left_in(scene.host) == {}


def test_the_table_has_every_frame_and_state() -> None:
    frames = {kind.model_fields["type"].default for kind in get_args(get_args(ProductFrame)[0])}
    assert set(table()) == {(state, frame) for state in STATES for frame in frames}
