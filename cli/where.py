"""Where a client is connected again, in words."""

__all__ = ["Where"]


class Where:
    """The address that a client is at. A new one is only named if it is another."""

    def __init__(self, address: str) -> None:
        self._address = address

    def words(self, address: str) -> str:
        """Return what to say when it is connected again."""
        before, self._address = self._address, address
        return "reconnected" if before == address else f"reconnected, to {address}"
