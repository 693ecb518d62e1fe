"""What a person shows at the door: a nick, the secret of an earlier connection, and a key if there is one."""

from random import Random

from tests.protocol.frames import Hello
from tests.simulation.naming import Wishes
from tests.simulation.table import ACCOUNTS
from tests.simulation.world import World

__all__ = ["Device", "Papers", "Stranger"]

_ANYWHERE = ("ann", "Ann", "bob", "cid")


class Papers:
    """What is the same for strangers and devices: a secret, mostly the own one."""

    def __init__(self, name: str, world: World, wishes: Wishes) -> None:
        self.wishes = wishes
        self._name = name
        self._world = world
        self._random: Random = world.random
        self._secret: str | None = None  # that was given out last

    def remember(self, secret: str) -> None:
        """Take the secret of the last welcome."""
        self._secret = secret

    @property
    def account(self) -> str | None:
        """Whose papers these are."""
        return None

    def hello(self, number: int, last_nick: str) -> Hello:
        """Return what is said when it comes for the n-th time."""
        raise NotImplementedError

    def wish(self) -> str:
        """Return a nick to ask for."""
        raise NotImplementedError

    def _any_secret(self, own: float) -> str | None:
        chance = self._random.random()
        if chance < own or not self._world.secrets:
            return self._secret
        if chance < own + 0.05:
            return None
        mine = self.wishes.secrets  # also those of other devices
        secret = self._random.choice(mine if mine and self._random.random() < 0.6 else self._world.secrets)
        if secret != self._secret:
            self._world.steal(secret)
        return secret


class Stranger(Papers):
    """Somebody without an account."""

    def hello(self, number: int, last_nick: str) -> Hello:
        """Ask for the nick of the last time, or for a new one."""
        nick = last_nick or f"{self._name}-{number}"
        if self._random.random() < 0.1:
            nick = self.wish()
        return Hello(protocol=1, nick=nick, session=self._any_secret(0.9))

    def wish(self) -> str:
        """Return a nick that others want too."""
        return self._random.choice((*_ANYWHERE, *_ANYWHERE, *ACCOUNTS, "root", self._name))


class Device(Papers):
    """One device of an account, which has a key once the account was made."""

    def __init__(self, name: str, world: World, wishes: Wishes, account: str) -> None:
        super().__init__(name, world, wishes)
        self.key: str | None = None
        self._account = account

    def receive(self, key: str) -> None:
        """Take another key."""
        self.key = key

    @property
    def account(self) -> str | None:
        """Whose device it is."""
        return self._account

    def hello(self, number: int, last_nick: str) -> Hello:
        """Ask for a nick of the account, mostly with a key."""
        key = self.key if self._random.random() < 0.9 else None
        how = self._random.random()
        nick = self.wish() if how < 0.3 else last_nick if how < 0.5 and last_nick else self._account
        return Hello(protocol=1, nick=nick, session=self._any_secret(0.7), key=key)

    def wish(self) -> str:
        """Return a nick of the account, mostly."""
        own = (self._account, self._account.upper(), f"{self._account}-ci", f"{self._account}-x")
        return self._random.choice((*own, *own, "root", *_ANYWHERE))
