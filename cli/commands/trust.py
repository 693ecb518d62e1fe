"""``chat trust``: know a server by the fingerprint of its certificate."""

from cli.access.keys import KeyFile
from cli.access.links import encrypted_address
from cli.streams import write_text
from transports.certificates import parse_pin

__all__ = ["run"]


def run(url: str, fingerprint: str, key_file: str | None) -> None:
    """Store a fingerprint; raises `UsageError` if it is malformed, or the address has no certificate."""
    server = encrypted_address(url)
    KeyFile.of(key_file).trust(server, parse_pin(fingerprint))
    write_text(f"{server} is trusted by this certificate from now on\n")
