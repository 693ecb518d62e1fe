"""Runs a program as a service of systemd's may run: with its filter of system calls, on this kernel.

``python -m tests.cli.sandbox UNIT PROGRAM ARGUMENT...``. Where no systemd runs, nothing applies a unit. So
this reads from it which system calls and which kinds of sockets are allowed, and whether memory may be both
written and executed, and asks libseccomp for the same. A call that is not allowed fails with ``EPERM``.
"""

import ctypes
import ctypes.util
import errno
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["allowed_calls", "settings_of"]

ALLOW = 0x7FFF0000
DENY = 0x00050000 | errno.EPERM
EQUAL, MASKED_EQUAL = 4, 7
WRITE, EXECUTE, SHM_EXEC = 2, 4, 0o100000


def settings_of(unit: str, name: str) -> list[str]:
    """Return the values of a setting of a unit, in their order; an empty one begins anew."""
    values: list[str] = []
    for value in re.findall(rf"^{name}=(.*)$", unit.replace("\\\n", ""), re.MULTILINE):
        values = [*values, value] if value else []
    return values


def allowed_calls(filters: list[str]) -> set[str]:
    """Return the names of the system calls that are left by ``SystemCallFilter=``, in its order."""
    sets = _sets()
    allowed = set(_members("@default", sets))
    for line in filters:
        calls = {call for word in line.removeprefix("~").split() for call in _members(word, sets)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def _sets() -> dict[str, list[str]]:
    """Return what systemd has in its sets of system calls: names, and those of other sets."""
    command = ["systemd-analyze", "syscall-filter", "--no-pager"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sets: dict[str, list[str]] = {}
    members: list[str] = []
    for line in shown.splitlines():
        if line.startswith("@"):
            members = sets[line] = []
        elif (word := line.strip()) and not word.startswith("#"):
            members.append(word)
    return sets


def _members(name: str, sets: dict[str, list[str]]) -> Iterator[str]:
    """Yield a system call, or those of a set."""
    if not name.startswith("@"):
        yield name
        return
    for each in sets[name]:
        yield from _members(each, sets)


def _load(calls: set[str], families: list[int], *, may_execute: bool) -> None:
    """Have the kernel filter what this process and its children call."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(DENY)))

    def allow(call: str, *conditions: tuple[int, int, int, int]) -> None:
        number = library.seccomp_syscall_resolve_name(call.encode())
        compared = b"".join(struct.pack("=IiQQ", *each) for each in conditions)
        if number >= 0:  # else this machine has no such call
            action = ctypes.c_uint32(ALLOW)
            assert library.seccomp_rule_add_array(context, action, number, len(conditions), compared) == 0

    guarded = {"socket"} | (set() if may_execute else {"mmap", "mprotect", "pkey_mprotect", "shmat"})
    for call in calls - guarded:
        allow(call)
    for family in families:
        allow("socket", (0, EQUAL, family, 0))
    if not may_execute:
        for call in {"mprotect", "pkey_mprotect"} & calls:
            allow(call, (2, MASKED_EQUAL, EXECUTE, 0))
        allow("shmat", (2, MASKED_EQUAL, SHM_EXEC, 0))
        for protection in (0, WRITE, EXECUTE):
            allow("mmap", (2, MASKED_EQUAL, WRITE | EXECUTE, protection))
    assert library.seccomp_load(context) == 0, os.strerror(ctypes.get_errno())


def main() -> None:
    """Apply the unit, and become the program."""
    unit = Path(sys.argv[1]).read_text("utf-8")
    calls = allowed_calls(settings_of(unit, "SystemCallFilter"))
    (names,) = settings_of(unit, "RestrictAddressFamilies")
    families = [int(getattr(socket, name)) for name in names.split()]
    _load(calls, families, may_execute=settings_of(unit, "MemoryDenyWriteExecute") != ["yes"])
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
