"""A machine on which docs/operations.md is followed: a directory, with stand-ins for the system's programs.

The stand-ins are scripts in front of the ``PATH``, which accept what the page gives them and nothing else.
What systemd does is done here: it reads units when it is told to, and starts what they name.
"""

import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cli.processes import CHAT, DEADLINE
from tests.operations.service import Service

__all__ = ["FOLDERS", "Machine", "write_stand_ins"]

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "/etc/systemd/system",
    "/etc/letsencrypt/renewal-hooks/deploy",
    "/usr/local/sbin",
    "/var/lib",
    "/var/log",
)
"""What an empty machine has."""

_PATHS = re.compile(r"(?<![\w./])/(?=(?:etc|opt|usr/local|var)\b)")
FAILED = "Job for {}.service failed because the control process exited with error code."

STAND_INS = {
    "apt-get": """
case "$*" in update|clean|"install -y python3-venv certbot curl rsync") ;; *) exit 99 ;; esac
""",
    "python3": """
[ "$1 $2" = "-m venv" ] && [ $# = 3 ] || exit 99
mkdir -p "$3/bin" && ln -s "$CHAT" "$3/bin/chat" && ln -s "$STAND_INS/pip" "$3/bin/pip"
""",
    "pip": """
case "$*" in "install .[fast,metrics]"|"install --upgrade .[fast,metrics]") ;; *) exit 99 ;; esac
grep -q '^fast = ' pyproject.toml && grep -q '^metrics = ' pyproject.toml
""",
    "useradd": """
[ "$1 $2 ${*:4}" = "--system --home-dir --create-home --key HOME_MODE=0700 chat" ] || exit 99
mkdir -m 0700 "$3"
""",
    "certbot": """
[ "$*" = "certonly --standalone --domain $HOST" ] || exit 99
mkdir -p "$MACHINE/etc/letsencrypt/live/$HOST"
cp "$STAND_INS"/*.pem "$MACHINE/etc/letsencrypt/live/$HOST"
""",
    "install": """
words=()
while [ $# -gt 0 ]; do
    case "$1" in -o|-g) [ "$2" = chat ] || exit 99; shift ;; *) words+=("$1") ;; esac; shift
done
exec /usr/bin/install "${words[@]}"
""",
    "runuser": """
[ "$1 $2 $3" = "-u chat --" ] && shift 3 && exec "$@"
""",
    "rsync": """
case "$1" in -a|-aR) ;; *) exit 99 ;; esac
parents=; [ "$1" = -a ] || parents=--parents; shift
[ "$1" != --chown=chat:chat ] || shift
there() { case "$1" in *@*:*) echo "$NETWORK/${1#*@}" | sed 's#:/*#/#' ;; *) echo "$1" ;; esac; }
words=(); for word in "$@"; do words+=("$(there "$word")"); done
to=${words[-1]}; unset "words[-1]"; mkdir -p "$to"
for from in "${words[@]}"; do
    case "$from" in
        */) cp -a "$from." "$to" ;;
        *) cd "$MACHINE" && cp -a $parents "${from#"$MACHINE/"}" "$to" ;;
    esac
done
""",
    "systemctl": """
[ "$*" = "try-reload-or-restart chat" ] && echo "$*" >>"$MACHINE/systemctl"
""",
}
"""The bodies of scripts; they end with 99 for what no page says."""


def write_stand_ins(folder: Path) -> None:
    """Write the scripts into a directory."""
    for name, body in STAND_INS.items():
        path = folder / name
        path.write_text(f"#!/bin/bash\nset -e\n{body.strip()}\n")
        path.chmod(0o755)


class Machine:
    """An empty machine with a name on the network, which is a directory.

    ``adapted`` makes names and ports of the page those of a test.
    """

    def __init__(
        self, root: Path, stand_ins: Path, adapted: Callable[[str], str], environment: Mapping[str, str]
    ) -> None:
        self.root = root
        self._adapted = adapted
        self._units: dict[str, Path] = {}
        self._services: dict[str, Service] = {}
        self.environment = {
            **environment,
            "CHAT": CHAT,
            "STAND_INS": str(stand_ins),
            "MACHINE": str(root),
            "NETWORK": str(root.parent),
            "HOME": str(root / "root"),
            "PATH": f"{root}/usr/local/sbin:{stand_ins}:{environment['PATH']}",
        }
        for folder in FOLDERS:
            (root / folder[1:]).mkdir(parents=True, exist_ok=True)
        self._take_over()

    def adapted(self, text: str) -> str:
        """Return a part of the page with what is this machine's own."""
        return _PATHS.sub(f"{self.root}/", self._adapted(text))

    def write(self, place: str, text: str) -> None:
        """Write a file of the page."""
        (self.root / place[1:]).write_text(self.adapted(text), "utf-8")

    def run(self, line: str) -> tuple[int, str]:
        """Run a command of root's to its end; return its exit code, and its output with its errors."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.adapted(line)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        self._take_over()
        self._reload_as_told()
        return done.returncode, done.stdout

    def _take_over(self) -> None:
        """Make the paths in files that were installed here, or come from another machine, this one's."""
        for name in ("etc/chat/chat.toml", "usr/local/sbin/chatctl"):
            path = self.root / name
            if path.exists():
                text = re.sub(
                    rf"{re.escape(str(self.root.parent))}/[^/\s]+/", f"{self.root}/", path.read_text()
                )
                path.write_text(self.adapted(text))

    def _reload_as_told(self) -> None:
        """Have the server load files again if a script of the page has said so."""
        told = self.root / "systemctl"
        if told.exists():
            told.unlink()
            if (chat := self._services.get("chat")) is not None and chat.runs:
                chat.signal(signal.SIGHUP)

    # --- systemd ---------------------------------------------------------------------------------

    def systemctl(self, *words: str) -> list[str]:
        """Do what systemd would; return what that prints."""
        match words:
            case ["daemon-reload"]:
                self._units = {path.name: path for path in (self.root / "etc/systemd/system").iterdir()}
            case ["enable", "--now", *names] | ["start", *names]:
                return [line for name in names for line in self._start(name)]
            case ["disable", "--now", *names] | ["stop", *names]:
                for name in names:
                    self._stop(name)
            case ["restart", name]:
                self._stop(name)
                return self._start(name)
            case _:
                raise AssertionError(words)
        return []

    def _start(self, name: str) -> list[str]:
        if name.endswith(".timer"):
            assert f"{name.removesuffix('.timer')}.service" in self._units
            assert name in self._units
            return []
        unit = self._units[f"{name}.service"]
        service = self._services[name] = Service(unit, self._for_services, self.environment)
        return [] if service.start() else [FAILED.format(name)]

    def _for_services(self, text: str) -> str:
        return self.adapted(text).replace("=install ", f"={self.environment['STAND_INS']}/install ")

    def _stop(self, name: str) -> None:
        if name.endswith(".timer"):
            assert name in self._units
        else:
            assert self._services[name].stop() in (0, None)

    def service(self) -> Service:
        """Return the server, which was started once."""
        return self._services["chat"]

    def journalctl(self, *words: str) -> list[str]:
        """Return what the journal of systemd has of the server."""
        match words:
            case ["-u", "chat", "-o", "cat", "-n", number]:
                return [line for _, line in self.service().log][-int(number) :]
            case ["-u", "chat", "-p", "warning"]:
                return [line for level, line in self.service().log if level not in ("info", "debug")]
            case ["--vacuum-size=200M"]:
                return []
            case _:
                raise AssertionError(words)

    def command(self, line: str) -> list[str] | None:
        """Do what only the system can; ``None`` if it is for `run`."""
        program, *words = shlex.split(line)
        known = {"systemctl": self.systemctl, "journalctl": self.journalctl}
        return known[program](*words) if program in known else None

    def end(self) -> None:
        """Stop whatever runs."""
        for service in self._services.values():
            service.stop()
