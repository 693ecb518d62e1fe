"""Who may use which nick.

A nick belongs to one identity, and an identity to whoever knows its secret. It outlives its socket:
a connection that broke keeps its nick reserved for a while, so that its owner can come back to it.
"""

import secrets
from typing import TYPE_CHECKING

from chatcore.names import NICK_CHARS, fold

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Directory", "Identity"]

SECRET_LENGTH = 32
"""Characters of a secret: 24 random bytes. Nothing shorter can be one of ours."""


class Identity:
    """A nick, the secret that proves the right to it, and the session that uses it now."""

    __slots__ = ("nick", "reserved_until", "secret", "session")

    def __init__(self, nick: str, session: "Session", secret: str | None) -> None:
        self.nick = nick
        self.secret = secret or secrets.token_urlsafe(24)
        self.session: Session | None = session
        self.reserved_until = 0.0  # once there is no session


class Directory:
    """All identities of a hub. Methods run under the hub's lock."""

    def __init__(self) -> None:
        self._by_nick_folded: dict[str, Identity] = {}
        self._by_secret: dict[str, Identity] = {}

    def find(self, secret: str | None) -> Identity | None:
        """Return the identity that a secret proves; an unknown secret counts as none."""
        return None if secret is None else self._by_secret.get(secret)

    def is_free(self, nick: str, *, for_identity: Identity | None = None) -> bool:
        """Tell whether a nick can be taken, also by the identity that has it already."""
        holder = self._by_nick_folded.get(fold(nick))
        return holder is None or holder is for_identity

    def free_variant(self, nick: str, *, for_identity: Identity | None = None) -> str:
        """Return the nick itself, or the first of ``nick-2``, ``nick-3``... that is free."""
        variant, number = nick, 1
        while not self.is_free(variant, for_identity=for_identity):
            number += 1
            suffix = f"-{number}"
            variant = nick[: NICK_CHARS - len(suffix)] + suffix
        return variant

    def create(self, nick: str, session: "Session", secret: str | None = None) -> Identity:
        """Give a free nick to a session that has no identity yet.

        A secret that an earlier server gave out is taken over. A client whose welcome is lost on the
        way can then still prove who it is, with the only secret that it knows.
        """
        adopted = secret if secret is not None and len(secret) >= SECRET_LENGTH else None
        identity = Identity(nick, session, adopted)
        self._by_nick_folded[fold(nick)] = identity
        self._by_secret[identity.secret] = identity
        return identity

    def rename(self, identity: Identity, nick: str) -> None:
        """Give an identity another free nick."""
        del self._by_nick_folded[fold(identity.nick)]
        identity.nick = nick
        self._by_nick_folded[fold(nick)] = identity

    def release(self, identity: Identity) -> None:
        """Forget an identity: its nick is free, its secret proves nothing. Idempotent."""
        if self._by_secret.get(identity.secret) is identity:  # another may have taken the secret over
            del self._by_secret[identity.secret]
            del self._by_nick_folded[fold(identity.nick)]
