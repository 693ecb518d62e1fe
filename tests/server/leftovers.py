"""What is left in a hub: nothing, once everybody has gone and no time is awaited any more."""

from chatcore.server.directory import LocalDirectory
from chatcore.server.session import Session
from tests.server.driver import Host

__all__ = ["left_in", "waits_in"]


def left_in(host: Host) -> dict[str, object]:
    """Let reservations and presence end; return what is still there, by what it is."""
    host.advance(host.hub.limits.session_seconds + 10.0)
    hub, directory = host.hub, host.hub.directory
    assert isinstance(directory, LocalDirectory)
    found: dict[str, object] = {
        "connections": hub._connections,
        "sessions": sum(map(len, host.endpoints)),
        "timers": sum(len(endpoint.timers) for endpoint in host.endpoints),
        "rooms": dict(hub.rooms),
        "rooms that are loaded": hub.rooms._loading,
        "sessions that can go on": hub._waiting,
        "nicks": directory._by_nick_folded,
        "secrets": directory._by_secret,
        "accounts": directory._by_account,
    }
    return {what: there for what, there in found.items() if there}


def waits_in(session: Session) -> dict[str, object]:
    """Return what waits in a session, or is awaited by it, by what it is."""
    inbox, pending, room_pins = session.intake.inbox, session.pending, session.hub.rooms.values()
    found: dict[str, object] = {
        "everything": inbox._holds_all,
        "items": inbox._items,
        "items by room": inbox._rooms,
        "tasks": session.intake.has_tasks,
        "hello": pending._hello,
        "asked alone": pending._alone,
        "joins": pending._joins,
        "rooms that are expected": [room for room in room_pins if room._expected],
        "drafts": session.posts.has_drafts,
    }
    return {what: there for what, there in found.items() if there}
