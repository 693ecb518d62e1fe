"""Why a client believes that a server is the one that it wants, and what it says if it does not.

- Without more, the system's authorities vouch for its certificate, and that is for the host of the address.
- With ``ca``, the authorities of that file do, and nobody else.
- With ``pin``, the certificate is known by its SHA-256, and that alone counts: no name, date or authority. It
  is for certificates that a server's owner has made.

Nobody is asked, and nothing is learned from a first connection. A failure names the fingerprint of what the
server has shown, and the command that trusts it: whoever runs that must have heard the same fingerprint from
the server's owner, by another way.
"""

import ssl
from pathlib import Path

from chatcore.errors import UsageError
from transports.pins import PREFIX, parse_pin
from transports.tls import Tls, client_context

__all__ = ["Trust"]

_WRONG_HOST = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_WRONG_TIME = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED

_RENEW = "check the clock of this machine; if that is right, the server's owner must renew it"

_RECORDS = (b"\x15", b"\x16")  # with which a server's TLS begins: an alert, or its side of the handshake


class Trust:
    """How a client knows the server at ``url``, whose certificate is to be for ``host``.

    Raises `UsageError` for what is not a pin, and for both a pin and authorities, and `OSError` if ``ca``
    cannot be read or has no authorities.
    """

    def __init__(self, url: str, host: str, *, ca: str | Path | None = None, pin: str | None = None) -> None:
        if ca is not None and pin is not None:
            raise UsageError("give either ca or pin: a pin is enough by itself")
        self._url = url
        self._host = host
        self._pin = None if pin is None else parse_pin(pin)
        self._context = client_context(ca=ca, pinned=pin is not None)

    def channel(self) -> Tls:
        """Return the client's side of TLS for one connection."""
        return Tls(self._context, hostname=self._host, pin=self._pin)

    def is_distrust(self, error: Exception) -> bool:
        """Tell whether a connection failed because the certificate was not trusted."""
        return isinstance(error, ssl.SSLCertVerificationError)

    def failure(self, tls: Tls, first: bytes) -> OSError:
        """Return what to raise for a handshake that has failed.

        ``first`` is the first byte that the server has sent, if it has sent any.
        """
        error = tls.error
        if isinstance(error, ssl.SSLCertVerificationError):
            if self._pin is None and error.verify_code in _WRONG_TIME:  # a pin would outlive the renewal
                return ssl.SSLCertVerificationError(1, f"{self._why(error)}; {_RENEW}")
            return self._distrust(self._why(error), tls.peer_pin)
        if not first:
            return ConnectionResetError("the server has ended the connection")
        if first not in _RECORDS:
            return ConnectionError(f"{self._url} speaks no TLS; is this the port of its chats:// address?")
        reason = getattr(error, "reason", None)
        if reason == "TLSV1_ALERT_PROTOCOL_VERSION":
            return ConnectionError(f"{self._url} speaks an old version of TLS only; it must offer TLS 1.3")
        return ConnectionError(f"TLS with {self._url} failed ({reason or error})")

    def _why(self, error: ssl.SSLCertVerificationError) -> str:
        if self._pin is not None:
            return f"{self._url} has another certificate than the one that you trust"
        code, words = error.verify_code, error.verify_message.rstrip(".")
        if code in _WRONG_HOST:
            return f"the certificate of {self._url} is for another name ({words})"
        if code in _WRONG_TIME:
            return f"the certificate of {self._url} is not valid at this time ({words})"
        return f"no authority that you trust vouches for the certificate of {self._url} ({words})"

    def _distrust(self, why: str, pin: str | None) -> OSError:
        if pin is not None:
            why += (
                f". The server has shown {PREFIX}{pin}; if its owner confirms that, run: "
                f"chat trust {self._url} {PREFIX}{pin}"
            )
        if self._pin is not None:
            why += f"; if an authority vouches for it now, run: chat trust {self._url} --forget"
        return ssl.SSLCertVerificationError(1, why)
