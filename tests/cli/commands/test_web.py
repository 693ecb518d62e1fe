"""``chat server`` for browsers: its addresses, and the options that are for them."""

import pytest

from chatcore import UsageError
from cli.settings.web import site_for
from tests.cli.conftest import Inside

URLS = ["chat://127.0.0.1", "http://chat.example"]


def test_the_hosts_of_its_addresses_and_those_that_were_given_are_known() -> None:
    site = site_for(URLS, ["Talk.example"], [], [])
    assert site is not None
    assert site.knows_host("chat.example:8024")
    assert site.knows_host("talk.example")
    assert not site.knows_host("other.example")


def test_a_name_is_known_as_browsers_write_it() -> None:
    site = site_for(["http://müller.example:1"], [], [], [])
    assert site is not None
    assert site.knows_host("xn--mller-kva.example:1")


def test_a_server_without_browsers_has_no_site() -> None:
    assert site_for(URLS[:1], [], [], []) is None


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--web-host", "https://chat.example", "without a scheme"),
        ("--web-host", "chat.example:80", "without a port"),
        ("--web-origin", "chat.example", "write https://HOST"),
        ("--web-origin", "https://chat.example/path", "write https://HOST"),
        ("--web-node", "chat.example", "write https://HOST"),
        ("--web-node", "http://chat.example", "or add --insecure"),
        ("--web-node", "http://127.example", "or add --insecure"),
        ("--trust-proxy", "proxy", "192.0.2.1 or 10.0.0.0/8"),
    ],
)
def test_an_invalid_value_is_a_line_that_says_what_is_valid(
    inside: Inside, option: str, value: str, says: str
) -> None:
    done = inside("server", "--journal", "memory", "--listen", "http://127.0.0.1:0", option, value)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
    assert value.lower() in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--web-host", "a"),
        ("--web-origin", "https://a"),
        ("--web-node", "https://a"),
        ("--trust-proxy", "::1"),
    ],
)
def test_an_option_for_browsers_is_refused_where_there_are_none(
    inside: Inside, option: str, value: str
) -> None:
    done = inside("server", "--journal", "memory", "--listen", "chat://127.0.0.1:0", option, value)
    assert done.returncode == 2
    assert f"{option} is for browsers" in done.stderr


def test_whoever_trusts_a_proxy_needs_accounts_or_an_open_door(inside: Inside) -> None:
    done = inside(
        "server", "--journal", "memory", "--listen", "http://127.0.0.1:0", "--trust-proxy", "127.0.0.1"
    )
    assert done.returncode == 2
    assert "anyone who can reach http://127.0.0.1:0 could join" in done.stderr


def test_an_encrypted_address_needs_a_certificate(inside: Inside) -> None:
    done = inside("server", "--journal", "memory", "--listen", "https://127.0.0.1:0")
    assert done.returncode == 2
    assert "--cert" in done.stderr


def test_an_origin_of_a_site_is_checked() -> None:
    with pytest.raises(UsageError):
        site_for(URLS, [], ["ftp://chat.example"], [])


def test_the_page_names_the_nodes_of_its_server() -> None:
    nodes = ["https://a.example", "https://b.example:8024/team/"]
    site = site_for(URLS, [], [], [], nodes=nodes)
    assert site is not None
    page = site.assets["index.html"].content.decode()
    assert '<html lang="en" data-nodes="https://a.example https://b.example:8024/team/">' in page
    other = site_for(URLS, [], [], [])
    assert other is not None
    assert b"data-nodes" not in other.assets["index.html"].content


@pytest.mark.parametrize("node", ["http://localhost:8024", "http://127.0.0.1", "http://a.localhost/team/"])
def test_a_node_of_this_machine_needs_no_encryption(node: str) -> None:
    assert site_for(URLS, [], [], [], nodes=[node]) is not None


def test_a_network_without_encryption_may_have_nodes() -> None:
    assert site_for(URLS, [], [], [], nodes=["http://chat.example"], insecure=True) is not None


def test_nodes_have_one_scheme() -> None:
    with pytest.raises(UsageError, match="one scheme"):
        site_for(URLS, [], [], [], nodes=["http://127.0.0.1:1", "https://b.example"])
