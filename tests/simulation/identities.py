"""Who has which nick, by the rules for one person with several devices: a model of what a directory decides.

It shares no code with the directory, knows no index and looks at everything each time. A claim, a rename and
an end are given to it and to the directory, and both must decide the same and remember the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chatcore.limits import Limits
from chatcore.names import fold
from chatcore.server.directory import ARRIVALS_PER_SECOND, SECRET_CHARS, Claimed, Occupant

__all__ = ["Holder", "Identities", "Verdict"]

_NICK_CHARS = 32
_ALMOST = 1 - 1e-9


@dataclass(eq=False)
class Holder:
    """A nick, and the secrets of its seats with the sessions that use them, if any."""

    nick: str
    account: str | None
    home_folded: str | None
    seats: dict[str, Occupant | None] = field(default_factory=dict)
    until: float = 0.0

    @property
    def nicks_folded(self) -> set[str]:
        """What nobody else may have."""
        return {fold(self.nick), self.home_folded or fold(self.nick)}

    @property
    def in_use(self) -> bool:
        """Whether there is a session."""
        return any(session is not None for session in self.seats.values())


@dataclass(frozen=True)
class Verdict:
    """What must be decided about a claim: a refusal's code, or the holder and the secret if it is known."""

    code: str | None = None
    holder: Holder | None = None
    secret: str | None = None


class Identities:
    """All holders of nicks."""

    def __init__(self, limits: Limits, arrivals: int) -> None:
        self._limits = limits
        self._most = float(arrivals)  # hellos of one account together
        self._holders: list[Holder] = []
        self._arrivals: dict[str, tuple[float, float]] = {}  # by account: what is left, and since when

    # --- what is remembered ----------------------------------------------------------------------

    def nicks_folded(self) -> set[str]:
        """Return all nicks that are taken."""
        return set().union(*(holder.nicks_folded for holder in self._holders))

    def seats(self) -> dict[str, tuple[str, Occupant | None]]:
        """Return the nick and the session of each secret."""
        return {
            secret: (holder.nick, session)
            for holder in self._holders
            for secret, session in holder.seats.items()
        }

    def sessions(self, account: str) -> list[Occupant]:
        """Return the sessions of an account."""
        return [session for holder in self._of(account) for session in _sessions(holder)]

    def accounts(self) -> set[str]:
        """Return the accounts that have an identity."""
        return {holder.account for holder in self._holders if holder.account is not None}

    # --- what happens ----------------------------------------------------------------------------

    def claim(self, claim: Claimed) -> Verdict:
        """Decide what becomes of a claim; whoever has the secret of a seat that is not there gets it."""
        account, secret = claim.person.account, claim.secret
        if account is not None and not self._takes_arrival(account, claim.now):
            return Verdict("rate_limited")
        owner = self._by_secret(secret)
        if owner is not None and secret is not None and owner.account == account:
            return self._take_over(owner, secret, claim)
        return self._enter(claim, None if owner is not None else secret)

    def seat(self, verdict: Verdict, secret: str, session: Occupant) -> None:
        """Note the secret that a claim was given."""
        assert verdict.holder is not None
        verdict.holder.seats[secret] = session

    def rename(self, secret: str, nick: str, *, variant: bool) -> str | None:
        """Rename the holder of a secret; return the nick, or nothing if somebody else has it."""
        holder = self._by_secret(secret)
        assert holder is not None
        nick = self._variant(nick, holder) if variant else nick
        if self._is_taken(nick, holder):
            return None
        holder.nick = nick
        return nick

    def vacate(self, secret: str, until: float | None) -> None:
        """Let no session use a seat."""
        holder = self._by_secret(secret)
        if holder is None:
            return
        holder.seats[secret] = None
        if holder.in_use:
            del holder.seats[secret]
        elif until is None:
            self._holders.remove(holder)
        else:
            holder.until = until

    def expire(self, holder: Holder, now: float) -> None:
        """Forget a holder whose time has come."""
        if holder in self._holders and not holder.in_use and now >= holder.until:
            self._holders.remove(holder)

    def forget(self, secret: str) -> None:
        """Forget the holder of a secret."""
        if (holder := self._by_secret(secret)) is not None:
            self._holders.remove(holder)

    # --- claims ----------------------------------------------------------------------------------

    def _take_over(self, holder: Holder, secret: str, claim: Claimed) -> Verdict:
        if holder.seats[secret] is None and self._is_full(holder.account):
            return Verdict("limit_exceeded")
        nick = holder.nick
        if holder.account is None:
            nick = self._variant(claim.nick, holder) if claim.variant else claim.nick
        if self._is_taken(nick, holder):
            return Verdict("nick_taken")
        holder.nick = nick
        return Verdict(holder=holder, secret=secret)

    def _enter(self, claim: Claimed, secret: str | None) -> Verdict:
        account, nick = claim.person.account, claim.nick
        if account is None and claim.variant:
            nick = self._variant(nick, None)
        there = self._by_nick(nick)
        if there is not None and (account is None or there.account != account):
            return Verdict("nick_taken")
        if self._is_full(account):
            return Verdict("limit_exceeded")
        if there is None:
            there = Holder(nick, account, None if account is None else fold(nick))
            self._holders.append(there)
        there.seats = {known: session for known, session in there.seats.items() if session is not None}
        adopted = secret if secret is not None and len(secret) >= SECRET_CHARS else None
        return Verdict(holder=there, secret=adopted)

    def _takes_arrival(self, account: str, now: float) -> bool:
        left, since = self._arrivals.get(account, (self._most, now))
        left = min(left + max(now - since, 0) * ARRIVALS_PER_SECOND, self._most)
        fits = left >= _ALMOST
        self._arrivals[account] = (left - 1 if fits else left), max(now, since)
        return fits

    def _is_full(self, account: str | None) -> bool:
        limit = self._limits.sessions_per_account
        return account is not None and limit is not None and len(self.sessions(account)) >= limit

    # --- looking ---------------------------------------------------------------------------------

    def _of(self, account: str) -> Iterator[Holder]:
        return (holder for holder in self._holders if holder.account == account)

    def _by_secret(self, secret: str | None) -> Holder | None:
        return next((holder for holder in self._holders if secret in holder.seats), None)

    def _by_nick(self, nick: str) -> Holder | None:
        return next((holder for holder in self._holders if fold(nick) in holder.nicks_folded), None)

    def _is_taken(self, nick: str, holder: Holder | None) -> bool:
        return self._by_nick(nick) not in (None, holder)

    def _variant(self, nick: str, holder: Holder | None) -> str:
        number, variant = 1, nick
        while self._is_taken(variant, holder):
            number += 1
            end = f"-{number}"
            variant = nick[: _NICK_CHARS - len(end)] + end
        return variant


def _sessions(holder: Holder) -> Iterator[Occupant]:
    return (session for session in holder.seats.values() if session is not None)
