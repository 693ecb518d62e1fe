"""Where this user's files are. There may be no such place: no ``HOME``, and no entry in the password file."""

from collections.abc import Callable
from pathlib import Path

__all__ = [
    "accounts_file",
    "certificate_file",
    "config_file",
    "journal_file",
    "keys_file",
    "shared_state_file",
    "state_directory",
    "typed_file",
]


def config_file() -> Path | None:
    """Return the path of the settings; ``None`` without a home directory."""
    from platformdirs import user_config_path

    return _in(lambda: user_config_path("chatcore", appauthor=False), "chat.toml")


def accounts_file() -> Path | None:
    """Return the path of the accounts that a server uses by default; ``None`` without a home directory."""
    return _in(_data_directory, "accounts.db")


def journal_file() -> Path | None:
    """Return the path of the journal that a server uses by default; ``None`` without a home directory."""
    return _in(_data_directory, "journal.db")


def shared_state_file(stream: str) -> Path | None:
    """Return where a server has its copy of what a log of several servers comes to."""
    return _in(_data_directory, f"shared-{stream}.db")


def keys_file() -> Path | None:
    """Return the path of the user's keys; ``None`` without a home directory."""
    return _in(_data_directory, "keys.json")


def certificate_file() -> Path | None:
    """Return the path of the certificate that ``chat server --cert auto`` makes; ``None`` without a home."""
    return _in(_data_directory, "certificate.pem")


def typed_file() -> Path | None:
    """Return the path of the input history; ``None`` without a home directory."""
    return _in(_state_directory, "typed.jsonl")


def state_directory() -> Path | None:
    """Return the directory of what clients in a terminal remember; ``None`` without a home directory."""
    return _in(_state_directory, "state")


def _state_directory() -> Path:
    from platformdirs import user_state_path

    return user_state_path("chatcore")


def _data_directory() -> Path:
    from platformdirs import user_data_path

    return user_data_path("chatcore", appauthor=False)


def _in(directory: Callable[[], Path], name: str) -> Path | None:
    try:
        return directory() / name
    except (RuntimeError, KeyError, OSError):  # nobody knows who we are
        return None
