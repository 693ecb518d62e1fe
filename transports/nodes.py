"""All addresses that a client has for its server, and which of them it is connected to.

Each is a `Destination` of its own, whose certificate is verified by itself. One whose certificate
is wrong is passed over, with one warning, and the others are used.
"""

from collections.abc import Mapping
from pathlib import Path

from chatcore.address import parse_list
from chatcore.client.redial import may_serve_elsewhere
from chatcore.client.route import Route
from chatcore.errors import ChatError, UsageError
from transports.destination import Destination
from transports.pins import parse_pin

__all__ = ["Nodes"]

SCHEMES = ("chat", "chats")


class Nodes:
    """The nodes of the server at ``chat://HOST[:PORT],HOST[:PORT]...``, or ``chats://``.

    ``url`` is the list in full. ``pin`` is of the certificate that all of them have, or has one for each
    address; those that have none there are known by ``ca``. ``route`` says which one is next.
    Raises what `Destination` does.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: str | Path | None = None,
        pin: str | Mapping[str, str] | None = None,
        insecure: bool = False,
    ) -> None:
        addresses = parse_list(url, SCHEMES)
        self.url = str(addresses)
        pins = _pins(pin) if isinstance(pin, Mapping) else dict.fromkeys(addresses.urls, pin)
        self._destinations = []
        for each in addresses.urls:
            own = pins.get(each)
            authorities = None if own is not None and isinstance(pin, Mapping) else ca
            self._destinations.append(Destination(each, ca=authorities, pin=own, insecure=insecure))
        self.route = Route(len(self._destinations))
        self._warned: set[str] = set()
        self._place: str | None = None

    @property
    def current(self) -> Destination:
        """The one to connect to now, or that we are connected to."""
        return self._destinations[self.route.node]

    @property
    def address(self) -> str:
        """Where we are connected, for people: with the machine's address, if the name has several."""
        place = f" ({self._place})" if self._place is not None and self.route.has_machines else ""
        return f"{self.current.url}{place}"

    def reach(self, place: tuple[str, int]) -> None:
        """Learn which machine is connected: its IP address and port."""
        self.route.reach(place)
        self._place = place[0]

    def reason_of(self, error: Exception) -> str:
        """Return in one word why the current one was not reached, as an `Offline` says it.

        Of each whose certificate is wrong there is one warning, if there are others.
        """
        self._note_distrust(error)
        return self.current.reason_of(error)

    def passes_over(self, error: OSError | ChatError) -> bool:
        """Go to the next one, after a first connection has failed; return whether there is one.

        There is none if it would fail there too, and if all have failed.
        """
        self._note_distrust(error)
        return may_serve_elsewhere(error) and not self.route.move_on()

    def _note_distrust(self, error: Exception) -> None:
        url = self.current.url
        if self.current.is_distrust(error) and len(self._destinations) > 1 and url not in self._warned:
            import logging  # which a program that says one thing can do without

            self._warned.add(url)
            logging.getLogger("chat.client").warning("%s", error)


def _pins(given: Mapping[str, str]) -> dict[str, str]:
    """Return pins by address in full; raises `UsageError`."""
    pins = {}
    for url, pin in given.items():
        addresses = parse_list(url, SCHEMES)
        if len(addresses.urls) > 1:
            raise UsageError(f"{url!r} is several addresses; give the pin of each")
        pins[addresses.urls[0]] = parse_pin(pin)
    return pins
