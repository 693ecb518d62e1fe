"""``python -m chatcore`` is the command ``chat``.

The core does not import the command line, which stands above it. So this only names the module to run, and
says what to do where that is missing.
"""

import importlib.util
import runpy
import sys

__all__: list[str] = []

if __name__ == "__main__":
    if importlib.util.find_spec("cli") is None:
        sys.exit("the command line is not installed: the package `cli` is missing")
    runpy.run_module("cli", run_name="__main__", alter_sys=True)
