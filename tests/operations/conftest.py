"""Fixtures for the page that an operator reads: commands run as in the tests of the command line."""

from tests.cli.conftest import _handlers_are_put_back, _no_thread_is_left, inside

__all__ = ["_handlers_are_put_back", "_no_thread_is_left", "inside"]
