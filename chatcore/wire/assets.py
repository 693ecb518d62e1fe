"""The answers to GET and HEAD: the files of a page, under strict rules for the browser.

Whichever path is asked for, its last part is the name of a file: so a proxy may put everything below any
path, and no file of the system is ever looked for.

A policy is that of a document, whose scripts, styles and images are under it whatever their own answers say.
So only what a browser opens as a document with scripts has one: HTML, and SVG that is opened by itself. A
worker would be under the policy of its own script, so there are none. Whatever else is opened by itself is
shown as text or as an image: its type is not guessed.
"""

from typing import Final

from websockets.http11 import Request

from chatcore.site import Asset, Site
from chatcore.wire.http import RefusedRequest, encode_answer, listed

__all__ = ["answer"]

INDEX: Final = "index.html"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; "
    "manifest-src 'self'; worker-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_EVERY: Final = (
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),
    ("Vary", "Accept-Encoding"),
)
_DOCUMENT: Final = (
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    *_EVERY,
)
_DOCUMENTS: Final = ("text/html", "image/svg+xml")


def answer(request: Request, site: Site, name: str, *, ends: bool = True) -> bytes:
    """Return the answer to a request for a file, as the last one or not; raises `RefusedRequest`."""
    if request.method not in ("GET", "HEAD"):
        raise RefusedRequest(405, "only GET and HEAD are answered here", [("Allow", "GET, HEAD")])
    asset = site.asset(name or INDEX)
    if asset is None:
        raise RefusedRequest(404, "there is nothing here")
    headers, body = _encoded(asset, site, _takes_gzip(request))
    if _has_it(request, asset):
        return encode_answer(304, headers, ends=ends)
    headers.append(("Content-Type", asset.kind))
    if request.method == "HEAD":
        return encode_answer(200, headers, size=len(body), ends=ends)
    return encode_answer(200, headers, body, ends=ends)


def _encoded(asset: Asset, site: Site, gzip: bool) -> tuple[list[tuple[str, str]], bytes]:
    headers = [*_EVERY]
    if asset.kind.startswith(_DOCUMENTS):
        headers = [("Content-Security-Policy", _policy(site)), *_DOCUMENT]
    if asset.gzipped is None or not gzip:
        return [*headers, ("ETag", f'"{asset.etag}"')], asset.content
    return [*headers, ("ETag", f'"{asset.etag}-gzip"'), ("Content-Encoding", "gzip")], asset.gzipped


def _policy(site: Site) -> str:
    """Return the policy of a document, which may open sockets at each node of its server."""
    sockets = [f"ws{origin.removeprefix('http')}" for origin in site.nodes]
    return _POLICY.format(connect=" ".join(["'self'", *sockets]))


def _takes_gzip(request: Request) -> bool:
    for each in listed(request, "Accept-Encoding"):
        coding, _, weight = each.replace(" ", "").partition(";q=")
        if coding.lower() in ("gzip", "*"):
            return weight.rstrip("0").rstrip(".") not in ("0", "") if weight else True
    return False


def _has_it(request: Request, asset: Asset) -> bool:
    """Tell whether the browser has this file, in whichever encoding; a proxy may have made the tag weak."""
    ours = (f'"{asset.etag}"', f'"{asset.etag}-gzip"')
    return any(tag == "*" or tag.removeprefix("W/") in ours for tag in listed(request, "If-None-Match"))
