"""Who has which nick.

A nick belongs to one identity, and an identity to whoever knows its secret. It outlives its socket: after a
connection that broke, its nick stays reserved for a while, so that its owner can come back to it.

``S`` is whatever uses an identity: sessions here. All methods run under the hub's lock.
"""

import secrets
from typing import Generic, TypeVar

from chatcore.names import NICK_CHARS, fold

__all__ = ["Directory", "Identity"]

SECRET_CHARS = 32
"""Characters of a secret: 24 random bytes in base64. Nothing shorter can be one of ours."""

S = TypeVar("S")


class Identity(Generic[S]):
    """A nick, the secret that proves the right to it, and the session that uses it now.

    Without a session it is reserved until ``reserved_until``, on the hub's clock.
    """

    __slots__ = ("nick", "reserved_until", "secret", "session")

    def __init__(self, nick: str, session: S, secret: str | None) -> None:
        self.nick = nick
        self.secret = secret or secrets.token_urlsafe(24)
        self.session: S | None = session
        self.reserved_until = 0.0

    def attach(self, session: S) -> None:
        """Let a session use this identity from now on."""
        self.session = session

    def detach(self, reserved_until: float) -> None:
        """Let no session use it, and reserve it until a time."""
        self.session = None
        self.reserved_until = reserved_until

    def rename(self, nick: str) -> None:
        """Take another nick. For the `Directory`, which knows whether it is free."""
        self.nick = nick


class Directory(Generic[S]):
    """All identities of a hub."""

    def __init__(self) -> None:
        self._by_nick_folded: dict[str, Identity[S]] = {}
        self._by_secret: dict[str, Identity[S]] = {}

    def find(self, secret: str | None) -> Identity[S] | None:
        """Return the identity that a secret proves; an unknown secret counts as none."""
        return None if secret is None else self._by_secret.get(secret)

    def is_free(self, nick: str, *, for_identity: Identity[S] | None = None) -> bool:
        """Tell whether a nick can be taken, also by the identity that has it already."""
        holder = self._by_nick_folded.get(fold(nick))
        return holder is None or holder is for_identity

    def free_variant(self, nick: str, *, for_identity: Identity[S] | None = None) -> str:
        """Return the nick itself, or the first of ``nick-2``, ``nick-3``... that is free."""
        variant, number = nick, 1
        while not self.is_free(variant, for_identity=for_identity):
            number += 1
            suffix = f"-{number}"
            variant = nick[: NICK_CHARS - len(suffix)] + suffix
        return variant

    def create(self, nick: str, session: S, secret: str | None = None) -> Identity[S]:
        """Give a free nick to a session that has no identity yet.

        A secret that an earlier server gave out is adopted. So a client whose welcome is lost on the way
        can still prove who it is, with the only secret that it knows.
        """
        adopted = secret if secret is not None and len(secret) >= SECRET_CHARS else None
        identity = Identity(nick, session, adopted)
        self._by_nick_folded[fold(nick)] = identity
        self._by_secret[identity.secret] = identity
        return identity

    def rename(self, identity: Identity[S], nick: str) -> None:
        """Give an identity another free nick."""
        del self._by_nick_folded[fold(identity.nick)]
        identity.rename(nick)
        self._by_nick_folded[fold(nick)] = identity

    def release(self, identity: Identity[S]) -> None:
        """Forget an identity: its nick is free, its secret proves nothing. Idempotent."""
        if self._by_secret.get(identity.secret) is identity:  # another may have adopted the secret
            del self._by_secret[identity.secret]
            del self._by_nick_folded[fold(identity.nick)]
