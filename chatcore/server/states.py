"""The states of a session.

Every session goes through these, and never back; `TRANSITIONS` is the whole truth about it::

    HANDSHAKE ── welcomed ──> LIVE ── ended ──> ENDING ── flushed ──> LINGERING ── gone ──> CLOSED

===========  =============  =======================  ==========================================
state        is read        what it is handed        what ends it
===========  =============  =======================  ==========================================
HANDSHAKE    yes            answers                  `hello` in time, else ``timeout``
LIVE         yes            answers, its rooms       goodbye, drain, takeover, silence, a fault
ENDING       only refused   what it is still owed    all of that is handed out, or time is up
LINGERING    thrown away    nothing                  the peer's own end, or a second
CLOSED       no             nothing
===========  =============  =======================  ==========================================

From each of them it goes to CLOSED when its socket is gone, or when it is given up, and from HANDSHAKE also
to ENDING: with a refused `hello`, a goodbye or a drain.
"""

from enum import Enum
from typing import Final, Literal

__all__ = ["OPEN", "OVER", "TRANSITIONS", "State", "Step"]


class State(Enum):
    """The state of a session."""

    HANDSHAKE = "handshake"
    LIVE = "live"
    ENDING = "ending"
    LINGERING = "lingering"
    CLOSED = "closed"


Step = Literal["welcomed", "ended", "flushed", "gone"]

TRANSITIONS: Final[dict[State, dict[Step, State]]] = {
    State.HANDSHAKE: {"welcomed": State.LIVE, "ended": State.ENDING, "gone": State.CLOSED},
    State.LIVE: {"ended": State.ENDING, "gone": State.CLOSED},
    State.ENDING: {"ended": State.ENDING, "flushed": State.LINGERING, "gone": State.CLOSED},
    State.LINGERING: {"gone": State.CLOSED},
    State.CLOSED: {"gone": State.CLOSED},
}
"""What may happen in a state, and the state that follows. Anything else is a bug."""

OPEN: Final = (State.HANDSHAKE, State.LIVE)
"""The states in which it does what its peer asks for."""

OVER: Final = (State.LINGERING, State.CLOSED)
"""The states in which nothing more is handed out."""
