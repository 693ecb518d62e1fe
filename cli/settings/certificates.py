"""The certificate on the command line: ``--cert PATH|auto`` and ``--cert-key PATH``.

``auto`` is one that the server makes for itself, once, in the data directory. Clients know it by its pin.
"""

import contextlib
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from chatcore import UsageError
from chatcore.transport import Listen
from cli.places import certificate_file
from cli.settings.server import server_setting
from transports.certificates import Certificate

__all__ = ["end_of", "is_self_made", "open_certificate", "server_certificate", "worries_about"]

AUTO = "auto"

_SELF_SIGNED = 18  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
_NOT_YET = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


def open_certificate(cert: str | None, key: str | None, urls: Sequence[str]) -> Certificate | None:
    """Return the certificate for these addresses, or ``None`` if none of them is encrypted.

    Raises `UsageError` if one is missing, or is given for nothing, and `OSError` if it cannot be loaded.
    """
    encrypted = next((url for url in urls if Listen.parse(url).is_encrypted), None)
    if encrypted is None and cert is not None:
        raise UsageError(
            "--cert is for encrypted addresses; listen on one with --listen chats://HOST:PORT or "
            "https://HOST:PORT"
        )
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


def server_certificate(ctx: typer.Context) -> tuple[str | None, str | None]:
    """Return the certificate that the settings of ``chat server`` name, and its key.

    Both are ``None`` where there is none, or where the server makes it itself.
    """
    cert = server_setting(ctx, "cert")
    return (None, None) if cert in (None, AUTO) else (cert, server_setting(ctx, "cert_key"))


def is_self_made(certificate: Certificate) -> bool:
    """Tell whether a certificate is signed by itself: then clients can know it by its pin only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which trusts nobody
    context.check_hostname = False
    try:
        _shake_hands(certificate, context)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code == _SELF_SIGNED
    return False


def end_of(certificate: Certificate) -> float:
    """Return when a certificate ends, in seconds since 1970; 0 if it has ended. Raises `OSError`."""
    try:
        shown = _shake_hands(certificate, _trusting(certificate)).getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        if error.verify_code != _EXPIRED:
            raise
        return 0.0
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))


def worries_about(certificate: Certificate) -> Iterator[str]:
    """Yield what is wrong with a certificate that can be used nevertheless."""
    yield from certificate.worries()
    if is_self_made(certificate):
        return  # clients know it by its pin, which has no date
    try:
        _shake_hands(certificate, _trusting(certificate))
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            yield f"the certificate {certificate.cert} has expired, so clients do not trust it; renew it"
        elif error.verify_code == _NOT_YET:
            yield f"the certificate {certificate.cert} is not valid yet; check the clock of this machine"
    except OSError:  # its file is being replaced
        pass


def _trusting(certificate: Certificate) -> ssl.SSLContext:
    """Return the context of a client that trusts one certificate alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate.cert)
    return context


def _shake_hands(certificate: Certificate, context: ssl.SSLContext) -> ssl.SSLObject:
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
