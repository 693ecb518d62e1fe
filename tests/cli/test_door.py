"""The door: the whole table of listeners, written out by hand."""

import itertools
from dataclasses import replace

import pytest

from chatcore import UsageError
from chatcore.transport import Listen
from cli.door import Listener, bound_addresses, let_through, refusal

LOCAL = [
    ["127.0.0.1"],
    ["127.255.255.254"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["::1", "127.0.0.1"],
]
ELSEWHERE = [
    ["0.0.0.0"],
    ["::"],
    ["10.1.2.3"],
    ["203.0.113.7"],
    ["2001:db8::7"],
    ["fe80::1%2"],
    ["::ffff:203.0.113.7"],
    ["::127.0.0.1"],
    ["128.0.0.1"],
    ["127.0.0.1", "10.1.2.3"],
    ["::1", "not an address"],
    [],
]

# Which flags must be given: each row is where, with TLS, with accounts.
NOTHING: frozenset[str] = frozenset()
TABLE = {
    ("local", "chat", False): NOTHING,
    ("local", "chat", True): NOTHING,
    ("local", "chats", False): NOTHING,
    ("local", "chats", True): NOTHING,
    ("elsewhere", "chat", False): {"--insecure", "--open"},
    ("elsewhere", "chat", True): {"--insecure"},
    ("elsewhere", "chats", False): {"--open"},
    ("elsewhere", "chats", True): NOTHING,
    ("proxied", "chat", False): {"--open"},
    ("proxied", "chat", True): NOTHING,
    ("proxied", "chats", False): {"--open"},
    ("proxied", "chats", True): NOTHING,
    ("proxied elsewhere", "chat", False): {"--insecure", "--open"},
    ("proxied elsewhere", "chat", True): {"--insecure"},
    ("proxied elsewhere", "chats", False): {"--open"},
    ("proxied elsewhere", "chats", True): NOTHING,
    ("handed over", "chat", False): {"--open"},
    ("handed over", "chat", True): NOTHING,
    ("handed over", "chats", False): {"--open"},
    ("handed over", "chats", True): NOTHING,
}
SCHEMES = {"chat": ("chat", "plain", "http"), "chats": ("chats", "plains", "https")}
PLACES = {
    "local": [Listener("x://h:1", each) for each in LOCAL],
    "elsewhere": [Listener("x://h:1", each) for each in ELSEWHERE],
    "proxied": [Listener("x://h:1", each, proxied=True) for each in LOCAL],
    "proxied elsewhere": [Listener("x://h:1", each, proxied=True) for each in ELSEWHERE],
    "handed over": [Listener("x://h:1", each, handed_over=True) for each in LOCAL],
}


@pytest.mark.parametrize(("row", "needed"), TABLE.items(), ids=map(str, TABLE))
def test_the_table(row: tuple[str, str, bool], needed: frozenset[str]) -> None:
    place, kind, accounts = row
    for listener, scheme in itertools.product(PLACES[place], SCHEMES[kind]):
        at = Listener(f"{scheme}://h:1", listener.addresses, listener.proxied, listener.handed_over)
        for insecure, everybody in itertools.product((False, True), repeat=2):
            given = {flag for flag, is_given in (("--insecure", insecure), ("--open", everybody)) if is_given}
            why = refusal(at, accounts=accounts, insecure=insecure, everybody=everybody)
            assert (why is None) == (needed <= given), (at, given, why)
            if why is not None:
                assert f"{scheme}://h:1" in why
                assert {flag for flag in ("--insecure", "--open") if flag in why} == needed - given


@pytest.mark.parametrize("scheme", ["chat", "plain", "http"])
def test_an_unencrypted_listener_names_the_encrypted_scheme(scheme: str) -> None:
    at = Listener(f"{scheme}://h:1", ["0.0.0.0"])
    why = refusal(at, accounts=True, insecure=False, everybody=False)
    assert why is not None
    assert f"{scheme}s://h:1" in why
    assert "--cert" in why


@pytest.mark.parametrize("scheme", ["chats2", "gopher", "CHATS", "tls", ""])
def test_a_scheme_that_is_not_known_is_not_encrypted(scheme: str) -> None:
    assert not Listener(f"{scheme}://h:1", ["127.0.0.1"]).encrypted


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.1", True), ("0.0.0.0", False), ("::", False), ("::1", True)],
)
def test_a_name_counts_for_its_addresses(host: str, local: bool) -> None:
    addresses = bound_addresses(host, 7024)
    assert addresses
    assert Listener("chat://name:1", addresses).local is local


def test_a_name_without_an_address_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError, match=r"\S"):
        bound_addresses("no-such-host.invalid", 7024)


def test_a_transport_is_given_the_addresses_that_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.door.bound_addresses", lambda host, port: ("127.0.0.7",))
    listen = Listen.parse("chat://chat.example:0")
    through = let_through(listen, accounts=False, insecure=False, everybody=False)
    assert through == replace(listen, addresses=("127.0.0.7",))


def test_a_listener_that_is_refused_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"chat://0\.0\.0\.0:7024 .*--insecure"):
        let_through(Listen.parse("chat://0.0.0.0"), accounts=True, insecure=False, everybody=True)
