"""The command that says which server is which: by a certificate, or by another address."""

from typing import Annotated

import typer

from cli.report import reporting
from cli.settings.shared import key_file_option, url_argument

__all__ = ["trust"]


def trust(
    url: Annotated[str, url_argument(None)],
    fingerprint: Annotated[
        str | None,
        typer.Argument(metavar="sha256:FINGERPRINT", help="The fingerprint of its certificate."),
    ] = None,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            help="Forget the fingerprint: an authority has to vouch for the server again.",
            allow_from_autoenv=False,
        ),
    ] = False,
    same_as: Annotated[
        str | None,
        typer.Option(
            "--same-as",
            metavar="URL",
            help="Take along the key and what clients remember from another address of the same server.",
            allow_from_autoenv=False,
        ),
    ] = None,
    key_file: Annotated[str | None, key_file_option("trust")] = None,
) -> None:
    """Trust a server's self-made certificate, by its fingerprint.

    Use one that the server's owner has given you, and not one that you have only seen in an error. Links have
    it in them, so after `chat join` there is nothing to do. Of a server with several nodes, trust each at its
    own address, or all of them together if they share a certificate.

    \b
    Example: chat trust chats://chat.example.org:7024 sha256:FINGERPRINT
             # Only an authority may vouch for it again:
             chat trust chats://chat.example.org:7024 --forget
             # The server has got two more nodes:
             chat trust chats://chat.example.org,ada-2,ada-3 --same-as chats://chat.example.org
    """
    with reporting():
        from cli.commands.trust import run

        run(url, fingerprint, key_file, forget=forget, same_as=same_as)
