"""The Pythons and builds of this machine that can run chat, for tests that compare or mix them."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["OTHERS", "builds", "interpreter"]

ROOT = Path(__file__).parents[1]

OTHERS = [f"3.{minor}" for minor in (11, 12, 13) if sys.version_info[1] != minor]
"""The versions of Python that are supported, but for the one that runs here."""


def interpreter(version: str, modules: str = "pydantic, sqlite3") -> str | None:
    """Return a Python of a version that can import some modules, if there is one."""
    own = ROOT / f".venv{version.replace('.', '')}" / "bin" / "python"
    for path in (str(own), shutil.which(f"python{version}")):
        if path is not None and _can_import(path, modules):
            return path
    return None


@functools.cache
def builds() -> list[tuple[str, ...]]:
    """Return how each Python that can run ``chat server`` over NATS is started: this one is the first.

    The compiled build must not find the sources first, which are where it is started.
    """
    modules = "nats, pydantic, typer, websockets"
    found: list[tuple[str, ...]] = [(sys.executable,)]
    found += [(path,) for version in OTHERS if (path := interpreter(version, modules)) is not None]
    compiled = str(ROOT / ".venv-compiled" / "bin" / "python")
    if _can_import(compiled, modules):
        found.append((compiled, "-P"))
    return found


def _can_import(path: str, modules: str) -> bool:
    if not os.access(path, os.X_OK):
        return False
    return subprocess.run([path, "-c", f"import {modules}"], capture_output=True, check=False).returncode == 0
