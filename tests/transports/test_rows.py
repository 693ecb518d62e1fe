"""The list of rows is complete: it names all that there is, and nothing that there is not."""

import re
from fnmatch import filter as filter_names
from pathlib import Path

from tests import rows
from tests.transports.clients import CLIENTS
from tests.transports.servers import SERVERS, TLS, WEB

HERE = Path(__file__).parent
MODULES = {path.stem for path in HERE.glob("test_*.py")}
TESTS = {
    name for path in HERE.glob("test_*.py") for name in re.findall(r"^def (\w+)", path.read_text(), re.M)
}


def test_every_server_and_every_client_has_its_row() -> None:
    assert set(rows.SERVERS) == set(SERVERS)
    assert set(rows.CLIENTS) == set(CLIENTS)


def test_every_pair_names_a_known_server_and_client() -> None:
    for pairs in (rows.PAIRS, rows.LOSSES):
        assert {server for server, _ in pairs} <= {*SERVERS, *rows.ENCRYPTED}
        assert {client for _, client in pairs} == set(CLIENTS)


def test_every_module_in_which_the_loop_matters_exists() -> None:
    assert set(rows.LOOPS) <= MODULES


def test_every_server_has_its_row_over_tls() -> None:
    assert set(rows.ENCRYPTED) == {f"{server}{TLS}" for server in SERVERS}


def test_every_module_and_test_about_tls_exists() -> None:
    assert set(rows.OVER_TLS) <= MODULES
    assert set(rows.IN_THE_CLEAR) <= MODULES | TESTS


def test_every_module_and_test_about_browsers_exists() -> None:
    assert set(rows.OVER_WEB) <= MODULES
    assert set(rows.BROWSERS_ALONE) <= TESTS
    assert all(filter_names(MODULES | TESTS, pattern) for pattern in rows.NOT_FOR_BROWSERS)


def test_browsers_meet_every_transport_also_over_tls() -> None:
    assert set(rows.FOR_BROWSERS) == {f"{server}{WEB}" for server in rows.SERVERS if "stdlib" not in server}
    assert set(rows.BROWSERS_OVER_TLS) == {f"{server}{TLS}" for server in rows.FOR_BROWSERS}
