"""A shorter lease for servers of tests, which otherwise wait for it at the start of each log."""

from chatcore.roster import machine, replica

__all__ = ["SHORT", "shorten_announcements", "shorten_lease"]

SHORT = 5.0
"""Seconds of the lease of servers that tests fork. On a slow machine they are late with a beat, too."""


def shorten_lease(seconds: float) -> None:
    """Let servers be gone after another time. It has to be the same for all that share a log."""
    beat = seconds / 3
    for module, values in {
        machine: {"LEASE": seconds, "_LEASE": round(seconds * 1_000_000)},
        replica: {"LEASE": seconds, "BEAT": beat, "LISTEN": seconds - beat},
    }.items():
        assert values.keys() <= vars(module).keys()
        vars(module).update(values)


def shorten_announcements(seconds: float) -> None:
    """Let servers say more often whom they have: one that begins in the middle soon knows everybody."""
    for module in (machine, replica):
        values = {"ANNOUNCE": seconds, "SETTLED": 3 * seconds}
        assert values.keys() <= vars(module).keys()
        vars(module).update(values)
