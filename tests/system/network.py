"""A network in virtual time: it splits, delays, cuts, and sometimes swallows everything in silence."""

from random import Random

from chatcore.address import Peer
from chatcore.client.session import ClientSession
from chatcore.server.endpoint import Endpoint
from chatcore.server.session import Session
from chatcore.transport import Channel
from chatcore.wire import Wire
from tests.faults.history import Connected, History, Received, Sent
from tests.protocol.codec import LineSplitter, decode_client, decode_server

__all__ = ["Connection"]


class Connection:
    """One client's connection: what is on its way, and what each end knows of it."""

    def __init__(
        self,
        rng: Random,
        name: str,
        client: ClientSession,
        endpoint: Endpoint,
        history: History,
        channels: tuple[Channel, Channel],
        wire: Wire,
    ) -> None:
        self._near, self._far = channels  # the client's, the server's
        self._rng = rng
        self._name = name
        self._client = client
        self._history = history
        self._up = bytearray()
        self._down = bytearray()
        self._capacity = rng.choice((300, 3_000, 100_000))  # bytes that the way down holds
        self._overflow = 0  # bytes of them that it does not, and the server's transport keeps
        self._session: Session | None = endpoint.open(Peer("10.0.0.1", 1), wire)
        self._black_hole = False
        self.open = True  # as the client sees it
        self._sent = LineSplitter()
        self._told = LineSplitter()
        history.note(Connected(name))
        client.connection_made()

    @property
    def session(self) -> Session | None:
        """The server's end, until the server knows that it is gone."""
        return self._session

    # --- what the ends do ------------------------------------------------------------------------

    def client_writes(self) -> None:
        """Let the client put on the way what it has to send."""
        data = self._client.data_to_send()
        for line in self._sent.receive_data(data):
            self._history.note(Sent(self._name, decode_client(line)))
        self._put_up(self._near.send(data))

    def server_writes(self) -> None:
        """Let the server put on the way what it has to send, as far as that takes it."""
        session = self._session
        if session is None:
            return
        self._put_down(self._far.output())
        if data := session.data_to_send():
            self.server_writes_piece(data)
        if session.closed or (session.closing and not self._overflow):
            self._put_down(self._far.end())
            self.server_loses_it()

    def server_writes_piece(self, data: bytes) -> None:
        """Put a piece on the way to the client."""
        self._put_down(self._far.send(data))
        if self._session is not None:
            self._report(self._session)

    def server_loses_it(self) -> None:
        """Let the server's end be gone; the client learns of it when it has read the rest."""
        session, self._session = self._session, None
        if session is not None:
            session.connection_lost()

    def client_loses_it(self, *, at_once: bool) -> None:
        """Let the client's end be gone; the server learns of it now or much later."""
        self.open = False
        self._client.receive_eof()
        if at_once:
            self.server_loses_it()

    def swallow(self) -> None:
        """Lose all that is on the way, and all that will be, without a sign to either end."""
        self._black_hole = True
        self._up.clear()
        self._down.clear()

    # --- what the network does -------------------------------------------------------------------

    def carry_up(self, size: int) -> bool:
        """Let the server receive some bytes; return whether there were any."""
        session = self._session
        if not self._up or session is None or not session.want_data:
            return False
        data = bytes(self._up[:size])
        del self._up[:size]
        plain = self._far.receive(data)
        self._put_down(self._far.output())
        if plain:
            session.receive_data(plain)
        if self._far.ended:
            session.receive_eof()
        if self._far.error is not None:
            self.server_loses_it()
        return True

    def carry_down(self, size: int) -> bool:
        """Let the client receive some bytes, or the end; return whether there was anything."""
        if not self.open:
            return False
        if not self._down:
            if self._session is None and not self._black_hole:
                self.client_loses_it(at_once=True)
                return True
            return False
        data = bytes(self._down[:size])
        del self._down[:size]
        plain = self._near.receive(data)
        self._put_up(self._near.output())
        for line in self._told.receive_data(plain):
            self._history.note(Received(self._name, decode_server(line)))
        if plain:
            self._client.receive_data(plain)
        self._client.events_received()  # the user takes all of them, so its positions move on
        if not self._client.online or self._near.ended or self._near.error is not None:  # it has had enough
            self.client_loses_it(at_once=self._rng.random() < 0.5)
        elif self._session is not None:
            self._report(self._session)
        return True

    def _put_up(self, data: bytes) -> None:
        if not self._black_hole:
            self._up += data

    def _put_down(self, data: bytes) -> None:
        if not self._black_hole:
            self._down += data

    def _report(self, session: Session) -> None:
        overflow = max(len(self._down) - self._capacity, 0)
        if overflow != self._overflow:
            self._overflow = overflow
            session.data_unsent(overflow)
