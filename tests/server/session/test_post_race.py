"""A refusal that is reported between the decision on a post and its submission."""

from collections.abc import Callable, Sequence

from chatcore.journal import Draft, Outcome, Unavailable, always
from tests.protocol.frames import Ack, Error, Post
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal

Done = Callable[[Sequence[Outcome]], None]


class RecoveringJournal(SlowJournal):
    """Refuses the first post, and recovers, in the moment when the second one is submitted."""

    first: Done | None = None
    recovered = False

    def submit(self, drafts: Sequence[Draft], done: Done, still_valid: Callable[[], bool] = always) -> None:
        if self.first is None:
            self.first = done
            return
        if not self.recovered:
            self.recovered = True
            self.first([Unavailable(1.0)])
        super().submit(drafts, done, still_valid)
        self.work()


def test_a_post_does_not_overtake_one_whose_refusal_was_reported_before_its_submission() -> None:
    host = Host(RecoveringJournal(Clock()))
    ana = host.member("ana")
    one, two = (Post(room="lobby", id=text, text=text) for text in ("one", "two"))
    ana.send(one)
    ana.send(two)
    host.pump()
    refused = ana.take_all(Error)
    assert [(error.code, error.id) for error in refused] == [("unavailable", "one"), ("unavailable", "two")]
    assert all(error.retry_after is not None for error in refused)
    ana.send(one)
    ana.send(two)
    host.pump()
    assert [ack.id for ack in ana.take_all(Ack)] == ["one", "two"]
    assert ana.texts() == ["one", "two"]
