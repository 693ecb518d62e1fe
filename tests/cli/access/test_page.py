"""A page that says where its server is, and pages that do not, or do not stop."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chatcore import UsageError
from cli.access.page import MOST_BYTES, Found, find_server
from tests.transports.tls import AUTHORITY, new_certificate

PIN = "p" * 42 + "A"
ANSWERS = {
    "/good/connect.json": (200, b'{"url": "chats://chat.example"}'),
    "/pinned/connect.json": (200, b'{"url": "chats://chat.example:99", "pin": "%s"}' % PIN.encode()),
    "/clear/connect.json": (200, b'{"url": "chat://chat.example"}'),
    "/web/connect.json": (200, b'{"url": "https://chat.example"}'),
    "/browsers/connect.json": (200, b'{"insecure": false}'),
    "/null/connect.json": (200, b'{"url": null}'),
    "/list/connect.json": (200, b'["chats://chat.example"]'),
    "/number/connect.json": (200, b'{"url": 7}'),
    "/html/connect.json": (200, b"<html>"),
    "/long/connect.json": (200, b'{"x": "' + b"x" * MOST_BYTES + b'", "url": "chats://chat.example"}'),
    "/moved/connect.json": (302, b""),
}


class _Page(BaseHTTPRequestHandler):
    silent = threading.Event()  # ends the wait of a page that answers nothing

    def do_GET(self) -> None:
        if self.path.startswith("/silent/"):
            self.silent.wait(20)
            return
        status, body = ANSWERS.get(self.path, (404, b"not here"))
        self.send_response(status)
        self.send_header("Location", "/good/connect.json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def ca(folder: Path) -> str:
    path = folder / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def origin(folder: Path) -> Iterator[str]:
    """A server of pages that our authority vouches for, under the name localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(new_certificate(folder, "localhost"))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_page_says_where_its_server_is(origin: str, ca: str) -> None:
    assert find_server(f"{origin}/good/", ca) == Found("chats://chat.example:7024", None)
    assert find_server(f"{origin}/good/index.html", ca) == Found("chats://chat.example:7024", None)
    assert find_server(f"{origin}/pinned/", ca) == Found("chats://chat.example:99", PIN)


@pytest.mark.parametrize("path", ["clear", "web", "null", "list", "number", "html", "long"])
def test_an_answer_that_names_no_encrypted_server_is_refused(origin: str, ca: str, path: str) -> None:
    with pytest.raises(UsageError, match="does not name an encrypted server"):
        find_server(f"{origin}/{path}/", ca)


def test_a_page_for_browsers_alone_says_so(origin: str, ca: str) -> None:
    with pytest.raises(UsageError, match=r"no server for terminals; open the link in a browser, or ask"):
        find_server(f"{origin}/browsers/", ca)


@pytest.mark.parametrize(("path", "status"), [("nowhere", "404"), ("moved", "302")])
def test_a_page_without_the_file_says_so(origin: str, ca: str, path: str, status: str) -> None:
    with pytest.raises(UsageError, match=rf"does not say where its server is .*{status}"):
        find_server(f"{origin}/{path}/", ca)


def test_a_page_that_nobody_vouches_for_is_asked_nothing(origin: str, ca: str) -> None:
    with pytest.raises(OSError, match="not trusted"):
        find_server(f"{origin}/good/")
    with pytest.raises(OSError, match="not trusted"):
        find_server(f"{origin.replace('localhost', '127.0.0.1')}/good/", ca)


def test_a_page_without_encryption_is_refused() -> None:
    with pytest.raises(UsageError, match="not encrypted"):
        find_server("http://localhost:1/good/")


def test_a_page_that_does_not_answer_is_left(origin: str, ca: str) -> None:
    with pytest.raises(OSError, match=r"did not answer within 0\.2 s"):
        find_server(f"{origin}/silent/", ca, seconds=0.2)
    _Page.silent.set()


@pytest.mark.parametrize("page", ["https://localhost:1/", "https://no-such-host.invalid/"])
def test_a_page_that_cannot_be_reached_says_so(page: str) -> None:
    with pytest.raises(OSError, match="cannot reach"):
        find_server(page)


def test_an_address_that_is_none_is_the_users_mistake() -> None:
    with pytest.raises(UsageError, match="not the address of a page"):
        find_server("https://localhost:seven/")
