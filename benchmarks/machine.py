"""Where and with what something was measured."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.tools import BUILD

__all__ = ["commit", "machine", "versions"]

ROOT = Path(__file__).parent.parent
MEASURED = ("chatcore", "transports", "cli", "benchmarks/*.c", "benchmarks/*.py")


def machine() -> Mapping[str, object]:
    """Return what this machine is."""
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "journal_on": _output("stat", "-f", "-c", "%T", str(BUILD)),
    }


def versions() -> Mapping[str, str]:
    """Return what ran."""
    found = {"python": platform.python_version()}
    for name in ("chatcore", "pydantic", "pydantic-core", "uvloop"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Return the commit that was measured, with a ``+`` if the code was not as committed."""
    name = _output("git", "rev-parse", "--short=10", "HEAD") or "unknown"
    return name + ("+" if _output("git", "status", "--porcelain", "--", *MEASURED) else "")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
