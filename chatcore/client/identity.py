"""Who we are to a server, and so which messages are our own.

The nick is what we asked for until the server says another, in its ``welcome`` or later. With an account,
several devices share one identity: any of them may change its nick, and what the others say is ours too.

A key goes into every ``hello``. An invite goes with it until a ``welcome`` has come: the same invite and key
again are the same login, so a lost ``welcome`` costs nothing. Afterwards the key alone is enough.
"""

import secrets
from collections import deque

from chatcore.arguments import checked
from chatcore.errors import UsageError
from chatcore.messages import PROTOCOL, Hello, Message, NickFrame, Welcome
from chatcore.names import fold

__all__ = ["Identity", "new_key"]

NICKS = 64
"""Nicks of ours that are remembered: enough for a person, and a bound for a server that invents them."""


def new_key() -> str:
    """Return a new key, for ``connect(key=...)``: 256 random bits, as 43 characters.

    Make one for each device, and keep it: with the invite that it was first shown with, it is the account.
    Whoever has it is that account, so only its user may be able to read it.
    """
    return secrets.token_urlsafe(32)


class Identity:
    """Our nick, what proves it, and the account, if we have one.

    ``secret`` moves the seat of an earlier session, ``key`` proves an account, and ``invite`` makes the key
    one of an account; none of them is in a ``repr``. ``account`` and ``role`` are what the last ``welcome``
    said. Raises `UsageError` for an argument that the protocol does not allow, and for an invite without a
    key.
    """

    __slots__ = ("_client", "_invite", "_key", "_nicks", "account", "nick", "role", "secret")

    def __init__(
        self, nick: str, *, client: str | None, secret: str | None, key: str | None, invite: str | None
    ) -> None:
        if invite is not None and key is None:
            raise UsageError("an invite needs a key of yours: make one with new_key(), and keep it")
        self.nick = nick
        self.secret = secret
        self.account: str | None = None
        self.role: str | None = None
        self._client = client
        self._key = key
        self._invite = invite
        self._nicks: deque[str] = deque(maxlen=NICKS)  # folded; those that the server gave us
        self.hello()

    def hello(self) -> Hello:
        """Return the frame that opens a connection."""
        return checked(
            Hello,
            protocol=PROTOCOL,
            nick=self.nick,
            client=self._client,
            session=self.secret,
            key=self._key,
            invite=self._invite,
        )

    @property
    def shows_key(self) -> bool:
        """Whether the next ``hello`` has a key, and so may go to nobody but our own server."""
        return self._key is not None

    def receive_welcome(self, welcome: Welcome) -> None:
        """Learn who we are on a new connection."""
        self._invite = None
        self.secret, self.account, self.role = welcome.session, welcome.account, welcome.role
        self._take(welcome.nick)

    def receive_nick(self, frame: NickFrame) -> None:
        """Learn our new nick, whoever has changed it."""
        self._take(frame.nick)

    def is_author(self, message: Message) -> bool:
        """Tell by its nick whether a message is ours.

        It is if that is our nick now. With an account it also is if it is the account's name, or was our nick
        before: the server gives those to nobody else. ``NAME-x`` is not ours: that is a bot of the account.
        """
        nick = fold(message.nick)
        if nick == fold(self.nick):
            return True
        return self.account is not None and (nick == fold(self.account) or nick in self._nicks)

    def _take(self, nick: str) -> None:
        self.nick = nick
        if fold(nick) not in self._nicks:
            self._nicks.append(fold(nick))
