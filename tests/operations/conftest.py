"""Fixtures for the page that an operator reads: commands run as in the tests of the command line."""

from tests.cli.conftest import _no_thread_is_left, _process_is_put_back, inside

__all__ = ["_no_thread_is_left", "_process_is_put_back", "inside"]
