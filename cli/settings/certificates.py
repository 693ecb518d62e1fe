"""The certificate on the command line: ``--cert PATH|auto`` and ``--cert-key PATH``.

``auto`` is one that the server makes for itself, once, in the data directory. Clients know it by its pin.
"""

import contextlib
import ssl
from collections.abc import Sequence
from pathlib import Path

from chatcore import UsageError
from chatcore.transport import Listen
from cli.places import certificate_file
from transports.certificates import Certificate

__all__ = ["is_self_made", "open_certificate", "shake_hands"]

AUTO = "auto"

_SELF_SIGNED = 18  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT


def open_certificate(cert: str | None, key: str | None, urls: Sequence[str]) -> Certificate | None:
    """Return the certificate for these addresses, or ``None`` if none of them is encrypted.

    Raises `UsageError` if one is missing, or is given for nothing, and `OSError` if it cannot be loaded.
    """
    encrypted = next((url for url in urls if Listen.parse(url).is_encrypted), None)
    if encrypted is None and cert is not None:
        raise UsageError("--cert is for encrypted addresses; listen on one with --listen chats://HOST:PORT")
    if encrypted is not None and cert is None:
        raise UsageError(
            f"{encrypted} needs a certificate: name its file with --cert, or use --cert auto for one that "
            "the server makes itself"
        )
    if key is not None and cert in (None, AUTO):
        raise UsageError("--cert-key is the key of the certificate in --cert PATH; give both")
    if cert == AUTO:
        return Certificate.auto(_place())
    return None if cert is None else Certificate.load(cert, key)


def is_self_made(certificate: Certificate) -> bool:
    """Tell whether a certificate is signed by itself: then clients can know it by its pin only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which trusts nobody
    context.check_hostname = False
    try:
        shake_hands(certificate, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code == _SELF_SIGNED
    return False


def shake_hands(certificate: Certificate, context: ssl.SSLContext) -> ssl.SSLObject:
    """Show a certificate to a client, both here; return the client's side.

    Raises `ssl.SSLCertVerificationError` if it does not trust the certificate.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = context.wrap_bio(incoming, outgoing), certificate.channel()
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    server.receive(outgoing.read())
    incoming.write(server.output())
    client.do_handshake()
    return client


def _place() -> Path:
    path = certificate_file()
    if path is None:
        raise UsageError(
            "there is no home directory for a certificate; set HOME, or name one with --cert PATH"
        )
    return path
