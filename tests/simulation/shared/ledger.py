"""What the nodes of a cluster have stored, each of which has to say the same."""

from collections.abc import Sequence

from chatcore.journal import Stored
from tests.simulation.record import Record
from tests.simulation.step import expect

__all__ = ["Ledger"]


class Ledger(Record):
    """One record for all nodes. The first that reports a message is believed."""

    def opened(self, epoch: str) -> None:
        """Note the epoch: there is one, whatever happens."""
        if epoch not in self.lives:
            expect(not self.lives, "there is another epoch:", epoch)
            self.begin({}, epoch)
            self.open(epoch)

    def note(self, messages: Sequence[Stored]) -> None:
        """Take what a node reports, also again after it has begun with an older file."""
        for stored in messages:
            log = self.log(stored.room)
            if stored.seq > log.head:
                expect(stored.prev == log.head, stored, "does not follow", log.head)
                expect(stored.id not in log.by_id, stored, "is stored for the second time")
                log.append(stored.message)
                log.tell(stored.seq)
            else:
                index = log.index_after(stored.seq - 1)
                expect(log.messages[index] == stored.message, stored, "is not what another node has")
