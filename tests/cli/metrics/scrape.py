"""A scraper of the tests' own: HTTP by hand, and Prometheus' text format by its own parser."""

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.cli.processes import ChatServer

__all__ = ["Reply", "Samples", "ask", "metrics_url", "request", "scrape"]

DEADLINE = 20.0

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Values by name and labels."""


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str


def request(address: tuple[str, int], data: bytes) -> Reply:
    """Send something, and read what comes until the end."""
    with socket.create_connection(address, timeout=DEADLINE) as sock:
        sock.sendall(data)
        with sock.makefile("rb") as stream:
            text = stream.read().decode()
    head, _, body = text.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    version, status, _ = first.split(" ", 2)
    assert version == "HTTP/1.1"
    headers = dict(each.split(": ", 1) for each in lines)
    return Reply(int(status), headers, body)


def ask(url: str, path: str | None = None, method: str = "GET") -> Reply:
    """Ask for a page, as an HTTP client does."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    target = parts.path if path is None else path
    head = f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n"
    return request((parts.hostname, parts.port), head.encode())


def scrape(url: str) -> Samples:
    """Return all samples that a server gives."""
    reply = ask(url)
    assert reply.status == 200, reply
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.body)
        for sample in family.samples
    }


def metrics_url(server: ChatServer) -> str:
    """Return where a server says that its metrics are."""
    return server.says_in_time("metrics are at ").split()[-1]
