"""The list of rows is complete: it names all that there is, and nothing that there is not."""

import re
from pathlib import Path

from tests import rows
from tests.transports.clients import CLIENTS
from tests.transports.servers import SERVERS, TLS

HERE = Path(__file__).parent
MODULES = {path.stem for path in HERE.glob("test_*.py")}


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
    tests = {
        name for path in HERE.glob("test_*.py") for name in re.findall(r"^def (\w+)", path.read_text(), re.M)
    }
    assert set(rows.OVER_TLS) <= MODULES
    assert set(rows.IN_THE_CLEAR) <= MODULES | tests
