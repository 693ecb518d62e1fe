"""The list of rows is complete: it names all that there is, and nothing that there is not."""

from pathlib import Path

from tests import rows
from tests.transports.clients import CLIENTS
from tests.transports.servers import SERVERS


def test_every_server_and_every_client_has_its_row() -> None:
    assert set(rows.SERVERS) == set(SERVERS)
    assert set(rows.CLIENTS) == set(CLIENTS)


def test_every_pair_names_a_known_server_and_client() -> None:
    for pairs in (rows.PAIRS, rows.LOSSES):
        assert {server for server, _ in pairs} <= set(SERVERS)
        assert {client for _, client in pairs} == set(CLIENTS)


def test_every_module_in_which_the_loop_matters_exists() -> None:
    here = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert set(rows.LOOPS) <= here
