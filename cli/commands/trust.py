"""``chat trust``: know a server by the fingerprint of its certificate, or by another address of it.

A server that gets another node gets another address, and what is stored belongs to the address. With another
one of the same server it is taken along: the key, and what a client in a terminal remembers.
"""

from chatcore import AddressList, UsageError
from cli.access.keys import KeyFile
from cli.access.links import address, encrypted_address
from cli.places import state_directory
from cli.state.moving import move_slots
from cli.streams import write_text
from transports.certificates import parse_pin

__all__ = ["run"]


def run(
    url: str, fingerprint: str | None, key_file: str | None, *, forget: bool, same_as: str | None
) -> None:
    """Store a fingerprint, forget the one that is stored, or take along what is stored for another address.

    Raises `UsageError` if it is malformed or missing, or the address has no certificate, and, for another
    address, if there is a key already, or a client uses what is to be moved.
    """
    server = encrypted_address(url) if same_as is None else address(url)
    if (fingerprint is not None) + forget + (same_as is not None) != 1:
        raise UsageError("give the fingerprint of the certificate, sha256:..., or --forget, or --same-as URL")
    file = KeyFile.of(key_file)
    if same_as is not None:
        _take_along(file, server, same_as)
        return
    if fingerprint is not None:
        file.trust(server, parse_pin(fingerprint))
        write_text(f"{server} is trusted by this certificate from now on\n")
    elif file.forget_pin(server):
        write_text(
            f"the fingerprint of {server} is forgotten; an authority has to vouch for it from now on\n"
        )
    else:
        write_text(f"no fingerprint of {server} is stored; an authority has to vouch for it\n")


def _take_along(file: KeyFile, new: str, same_as: str) -> None:
    old = address(same_as)
    if new == old:
        raise UsageError(f"{new} and {same_as} are the same address already")
    if new.partition("://")[0] != old.partition("://")[0]:
        raise UsageError(
            f"{new} and {old} differ in whether they are encrypted; a key of one is not for the other"
        )
    directory = state_directory()
    moved = 0 if directory is None else move_slots(directory, old, new)
    has_key = file.inherit(new, old, is_list=len(AddressList.parse(same_as).urls) > 1)
    if not (moved or has_key):
        write_text(f"nothing of {old} is stored\n")
        return
    write_text(f"{new} is the same server as {old} from now on\n")
    if has_key:
        write_text("your key is for both addresses\n")
    if moved:
        write_text("what clients remember, rooms and lines that were not sent, has moved there\n")
