"""The page and its socket behind a proxy that ends TLS and has them below a path, as the document shows."""

import gzip
from collections.abc import Callable

from tests.protocol.frames import Message
from tests.proxies.site import Site


def test_the_page_and_its_socket_come_through(site: Callable[..., Site]) -> None:
    place = site()
    place.serve()
    status, head, page = place.ask_for(place.proxy.path, "Accept-Encoding: gzip")
    assert status == 200
    assert b"<!doctype html>" in gzip.decompress(page).lower()
    assert "content-security-policy: default-src 'none'" in head.lower()
    tag = next(each for each in head.splitlines() if each.lower().startswith("etag: "))
    assert place.ask_for(place.proxy.path, f"If-None-Match: {tag.partition(': ')[2]}")[0] == 304
    assert place.ask_for(f"{place.proxy.path}nothing.js")[0] == 404
    ada, bob = place.peer("ada", "lobby"), place.peer("bob", "lobby")
    ada.post("through the proxy", "1")
    assert bob.receive(Message).text == "through the proxy"
    bob.say_goodbye()
    bob.receive_all()
    assert bob.code == 1000
