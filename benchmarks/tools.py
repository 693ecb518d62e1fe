"""The three C programs, compiled when they are older than their source."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BUILD", "Tools", "Unable", "compile_tools"]

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "bench"
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")


class Unable(Exception):
    """Something cannot be measured here; the text says why, and what would help."""


@dataclass(frozen=True)
class Tools:
    """Where the compiled programs are."""

    load: Path
    floor: Path
    syncs: Path


def compile_tools(build: Path = BUILD) -> Tools:
    """Compile what has changed; raises `Unable` where that cannot be done."""
    if sys.platform != "linux":
        raise Unable("the load generator needs Linux: it uses epoll, and reads /proc")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Unable(
            "the load generator is written in C, and there is no cc; on Debian: apt-get install gcc libc6-dev"
        )
    build.mkdir(parents=True, exist_ok=True)
    return Tools(
        load=_load(compiler, build / "load"),
        floor=_compiled(compiler, "floor.c", build / "floor"),
        syncs=_compiled(compiler, "syncs.c", build / "syncs.so", "-shared", "-fPIC", "-ldl"),
    )


def _load(compiler: str, target: Path) -> Path:
    """Compile the load generator: with OpenSSL if that is there, else it cannot speak TLS."""
    try:
        return _compiled(compiler, "load.c", target, "-DTLS", "-lm", "-lssl", "-lcrypto")
    except Unable:
        return _compiled(compiler, "load.c", target, "-lm")


def _compiled(compiler: str, name: str, target: Path, *flags: str) -> Path:
    source = HERE / name
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        command = [compiler, *FLAGS, "-o", str(target), str(source), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unable(f"cannot compile {name}:\n{done.stderr}")
    return target
