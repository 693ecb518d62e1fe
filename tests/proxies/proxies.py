"""Proxies as ``docs/browser.md`` sets them up, with a port and a certificate of the test's own.

They listen on loopback, as a child of this process, and keep their files in a directory of the test.
"""

import base64
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from tests.cli.processes import watched
from tests.transports.tls import new_certificate, note_scheme

__all__ = ["HOST", "Change", "Proxy", "proxy", "server_options", "unchanged"]

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "browser.md").read_text("utf-8")
HOST = "chat.example.org"
"""Whom the document speaks of."""

_MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""
_GLOBAL = "{\n    admin off\n    auto_https off\n}\n"


Change = Callable[[str, int], str]
"""Makes another configuration of the document's, for a server at a port."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that runs: where, and for which server."""

    port: int
    certificate: Path
    path: str = "/team/chat/"

    @property
    def host(self) -> str:
        """What a browser sends as ``Host``."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"https://{self.host}{self.path}"

    @property
    def origin(self) -> str:
        """Where the page says that it comes from."""
        return f"https://{self.host}"

    @property
    def chromium_options(self) -> tuple[str, str]:
        """What Chromium needs to look for the host on this machine, and to trust it.

        A page that is to ignore errors of certificates would not do: it gives a file up after 32 connections
        that were begun without that, which happens where many files are asked for at once.
        """
        key = load_pem_x509_certificate(self.certificate.read_bytes()).public_key()
        digest = sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        return (
            f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
            f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}",
        )


def _block(mark: str) -> str:
    """Return the block of the document with this mark; there is one."""
    (text,) = re.findall(rf"^```{mark}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    return str(text)


def server_options(port: int) -> list[str]:
    """Return the options of the document's server, which listens at this port."""
    command = next(line for line in _block("sh").splitlines() if line.startswith("chat server "))
    return shlex.split(command.replace(":8024", f":{port}"))[2:]


def unchanged(text: str, server: int) -> str:
    """Return the configuration of the document."""
    return text


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _nginx(folder: Path, port: int, server: int, cert: Path, change: Change) -> list[str]:
    letsencrypt = f"/etc/letsencrypt/live/{HOST}"
    changes = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "127.0.0.1:8024": f"127.0.0.1:{server}",
        f"{letsencrypt}/fullchain.pem": str(cert),
        f"{letsencrypt}/privkey.pem": str(cert),
    }
    text = _MAIN.format(folder=folder, server=change(_replaced(_block("nginx"), changes), server))
    (folder / "nginx.conf").write_text(text)
    log = "error_log stderr notice;"
    return ["nginx", "-p", str(folder), "-e", "stderr", "-g", log, "-c", str(folder / "nginx.conf")]


def _caddy(folder: Path, port: int, server: int, cert: Path, change: Change) -> list[str]:
    changes = {
        f"{HOST} {{": f"{HOST}:{port} {{\n    bind 127.0.0.1\n    tls {cert} {cert}",
        "127.0.0.1:8024": f"127.0.0.1:{server}",
    }
    (folder / "Caddyfile").write_text(_GLOBAL + change(_replaced(_block("caddy"), changes), server))
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


_PROXIES = {"nginx": (_nginx, "using the "), "caddy": (_caddy, "serving initial configuration")}
"""What makes the command of each, and what it says once it listens."""


def _program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"there is no {name}")
        pytest.skip(f"there is no {name}: make system")
    return path


@contextmanager
def proxy(name: str, folder: Path, port: int, server: int, change: Change = unchanged) -> Iterator[Proxy]:
    """Start a proxy for a server's port; skips the test, or fails in CI, if there is none."""
    make, ready = _PROXIES[name]
    program = _program(name)
    certificate = new_certificate(folder, HOST, "127.0.0.1")
    _, *arguments = make(folder, port, server, certificate, change)
    homes = {variable: str(folder) for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with subprocess.Popen(
        [program, *arguments],
        env=os.environ | homes,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            with watched(process):
                assert any(ready in line for line in iter(process.stderr.readline, "")), "it has not started"
            note_scheme("https", port)
            yield Proxy(port, certificate)
        finally:
            note_scheme("http", port)
            process.kill()
