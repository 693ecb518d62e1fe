"""How a server's certificate is known: which of the pins and authorities that there are is used.

- A pin is of one certificate. What is pinned needs no authority, and what an authority vouches for no pin.
- What is typed comes first, then what is stored for the server, then the settings, which are for all servers.
- A link without a pin is from somebody whose server needs none. So it is tried by the authorities first, and
  a stored pin is only for what they do not accept.

The table is in ``docs/client.md``.
"""

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Ca", "Trust", "trust_of", "trusts_of_link"]


class Ca(NamedTuple):
    """The file of ``--ca``, and whether it is on the command line: a setting is weaker than a stored pin."""

    path: str | None = None
    typed: bool = False


class Trust(NamedTuple):
    """One way to know a certificate: by its ``pin``, by the authorities of a file, or by the system's.

    Of several addresses some may have pins of their own, and the others are known by ``ca``.
    """

    ca: str | None = None
    pin: str | Mapping[str, str] | None = None


def trust_of(ca: Ca, stored: str | Mapping[str, str] | None) -> Trust:
    """Return how to know a server that we have been at; ``stored`` is its pin, or pins, if there are any."""
    if ca.typed or not stored:
        return Trust(ca=ca.path)
    return Trust(pin=stored) if isinstance(stored, str) else Trust(ca=ca.path, pin=stored)


def trusts_of_link(pin: str | None, ca: Ca, stored: str | Mapping[str, str] | None) -> tuple[Trust, ...]:
    """Return how to know the server of a link, the first way first.

    The next way is for a certificate that is not accepted by the one before.
    """
    if pin is not None:
        return (Trust(pin=pin),)
    by_authorities = Trust(ca=ca.path)
    return (by_authorities,) if ca.typed or not stored else (by_authorities, trust_of(ca, stored))
