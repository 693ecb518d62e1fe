"""Whatever happens in between, a subscription gets everything once and in order, or a gap in its place."""

from typing import Literal, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from chatcore.limits import HistoryLimits
from chatcore.messages import Joined, Message, Position
from tests.server.driver import Clock, Host
from tests.server.program.reader import Reader
from tests.server.slow_journal import SlowJournal

Step = Literal["post", "post much", "work", "take", "take all", "join", "leave", "resume", "remove"]

steps: st.SearchStrategy[list[Step]] = st.lists(st.sampled_from(get_args(Step)), max_size=40)


class Story:
    """A room whose journal stores when it is told to, and a subscription to it."""

    def __init__(self, history: int | None) -> None:
        clock = Clock()
        self.journal = SlowJournal(clock, HistoryLimits(memory_history_bytes=6_000))
        self.host = Host(self.journal, clock=clock, tail_bytes=2_000, frames_per_second=None)
        self.posted = 0
        self.taken: list[int] = []
        self.reader = Reader(self.host.hub.subscribe("lobby", history=history))

    def take(self, step: Step) -> None:
        """Take a step."""
        match step:
            case "post":
                self.post(1)
            case "post much":
                self.post(30)
            case "work":
                self.journal.work()
            case "take":
                self.receive()
            case "take all":
                self.receive_all()
            case "join":
                self.host.member(f"nick{len(self.host.peers)}")
                self.host.settle()
            case "leave":
                for peer in [peer for peer in self.host.peers.values() if not peer.closed][:1]:
                    peer.lose()
                self.host.settle()
            case "resume":
                self.resume()
            case "remove":
                self.host.hub.remove_room("lobby")
        self.host.pump()

    def post(self, count: int) -> None:
        for _ in range(count):
            self.posted += 1
            self.host.hub.post("lobby", "program", str(self.posted))

    def receive(self) -> bool:
        """Take an event if there is one; a message is what was posted under its number."""
        try:
            event = self.reader.receive()
        except TimeoutError:
            return False
        if isinstance(event, Message):
            assert event.text == str(event.seq)
            self.taken.append(event.seq)
        return True

    def receive_all(self) -> None:
        while self.receive():
            pass

    def resume(self) -> None:
        """Go on in another subscription, where this one is."""
        position = self.reader.subscription.position
        self.reader.subscription.close()
        self.reader = Reader(self.host.hub.subscribe("lobby", after=position))

    def end(self) -> Position | None:
        """Let everything arrive; return where the subscription is."""
        self.receive_all()
        while self.journal.waiting:
            self.journal.work()
            self.receive_all()
        self.host.hub.close()
        return self.reader.subscription.position


@given(steps, st.sampled_from([None, 0, 5, 1_000]))
@example(["remove", "take", "remove", "take", "join", "resume"], 5)  # whoever asked for the room has gone
def test_a_subscription_reads_by_the_law_and_reaches_the_head(story: list[Step], history: int | None) -> None:
    told = Story(history)
    for step in story:
        told.take(step)
    position = told.end()
    assert position is not None
    assert position.seq == told.posted
    assert told.taken == sorted(set(told.taken))


def test_the_first_event_is_joined_whatever_was_posted_before() -> None:
    told = Story(history=None)
    told.post(3)
    told.journal.work()
    assert isinstance(told.reader.receive(), Joined)
    told.end()
