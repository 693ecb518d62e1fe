"""The command line: ``chat server``, ``chat client`` and what goes with them."""
