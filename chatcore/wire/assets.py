"""The answers to GET and HEAD: the files of a page, under strict rules for the browser.

Whichever path is asked for, its last part is the name of a file: so a proxy may put everything below any
path, and no file of the system is ever looked for.
"""

from typing import Final

from websockets.http11 import Request

from chatcore.site import Asset, Site
from chatcore.wire.http import RefusedRequest, encode_answer

__all__ = ["answer"]

INDEX: Final = "index.html"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = (
    ("Content-Security-Policy", _POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-cache"),
    ("Vary", "Accept-Encoding"),
)


def answer(request: Request, site: Site, name: str) -> bytes:
    """Return the answer to a request for a file; raises `RefusedRequest`."""
    if request.method not in ("GET", "HEAD"):
        raise RefusedRequest(405, "only GET and HEAD are answered here", [("Allow", "GET, HEAD")])
    asset = site.asset(name or INDEX)
    if asset is None:
        raise RefusedRequest(404, "there is nothing here")
    headers, body = _encoded(asset, _takes_gzip(request))
    if _has_it(request, asset):
        return encode_answer(304, headers)
    headers.append(("Content-Type", asset.kind))
    if request.method == "HEAD":
        return encode_answer(200, headers, size=len(body))
    return encode_answer(200, headers, body)


def _encoded(asset: Asset, gzip: bool) -> tuple[list[tuple[str, str]], bytes]:
    if asset.gzipped is None or not gzip:
        return [*_HEADERS, ("ETag", f'"{asset.etag}"')], asset.content
    return [*_HEADERS, ("ETag", f'"{asset.etag}-gzip"'), ("Content-Encoding", "gzip")], asset.gzipped


def _takes_gzip(request: Request) -> bool:
    for each in _listed(request, "Accept-Encoding"):
        coding, _, weight = each.replace(" ", "").partition(";q=")
        if coding.lower() in ("gzip", "*"):
            return weight.rstrip("0").rstrip(".") not in ("0", "") if weight else True
    return False


def _has_it(request: Request, asset: Asset) -> bool:
    """Tell whether the browser has this file, in whichever encoding; a proxy may have made the tag weak."""
    ours = (f'"{asset.etag}"', f'"{asset.etag}-gzip"')
    return any(tag == "*" or tag.removeprefix("W/") in ours for tag in _listed(request, "If-None-Match"))


def _listed(request: Request, name: str) -> list[str]:
    return [each.strip() for value in request.headers.get_all(name) for each in value.split(",")]
