"""``chat trust``: know a server by the fingerprint of its certificate, or no longer."""

from chatcore import UsageError
from cli.access.keys import KeyFile
from cli.access.links import encrypted_address
from cli.streams import write_text
from transports.certificates import parse_pin

__all__ = ["run"]


def run(url: str, fingerprint: str | None, key_file: str | None, *, forget: bool) -> None:
    """Store a fingerprint, or forget the one that is stored.

    Raises `UsageError` if it is malformed or missing, or the address has no certificate.
    """
    server, file = encrypted_address(url), KeyFile.of(key_file)
    if (fingerprint is None) != forget:
        raise UsageError("give the fingerprint of the certificate, sha256:..., or --forget")
    if fingerprint is not None:
        file.trust(server, parse_pin(fingerprint))
        write_text(f"{server} is trusted by this certificate from now on\n")
    elif file.forget_pin(server):
        write_text(
            f"the fingerprint of {server} is forgotten; an authority has to vouch for it from now on\n"
        )
    else:
        write_text(f"no fingerprint of {server} is stored; an authority has to vouch for it\n")
