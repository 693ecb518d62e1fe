"""What the servers of NATS reach each other by: a proxy each way, so that each can be cut off."""

from tests.faults.proxy import End, FaultProxy

__all__ = ["Network"]


class Network:
    """The ways between servers that are known by their numbers."""

    def __init__(self) -> None:
        self._ways: dict[tuple[int, int], FaultProxy] = {}

    def way(self, here: int, there: int, port: int) -> int:
        """Return the port by which a server reaches another one, which listens at a port."""
        proxy = self._ways[here, there] = FaultProxy(port)
        return proxy.port

    def cut_off(self, number: int, end: End) -> None:
        """Let nothing through between a server and the others."""
        for ends, proxy in self._ways.items():
            if number in ends:
                proxy.cut(end)

    def join(self) -> None:
        """Let all reach each other again."""
        for proxy in self._ways.values():
            proxy.join()

    def close(self) -> None:
        """Let go of all proxies."""
        for proxy in self._ways.values():
            proxy.close()
