"""What browsers are given: the files beside this one, which a listener for browsers reads when it is made."""

__all__ = ["page_files"]


def page_files() -> dict[str, bytes]:
    """Return the files of the page, by name; raises `OSError` if one cannot be read."""
    from importlib.resources import files  # which a client need not load

    return {
        entry.name: entry.read_bytes()
        for entry in files(__name__).iterdir()
        if entry.is_file() and not entry.name.endswith((".py", ".pyc"))
    }
