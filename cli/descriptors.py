"""How many files, and so connections, the system lets this process open.

Systems start a process with a low limit that it may raise by itself, up to a hard limit that only an
administrator can raise.
"""

import contextlib

__all__ = ["allow_descriptors", "require_descriptors"]


def allow_descriptors() -> int | None:
    """Raise the limit of open files to the hard limit.

    Return how many files this process may open, or ``None`` if there is no limit.
    """
    try:
        import resource
    except ImportError:  # Windows sets no such limit
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems report a limit that they do not accept
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def require_descriptors(number: int, whose: str) -> None:
    """Raise `OSError` if there are too few for what begins now, which would fail somewhere in the middle."""
    allowed = allow_descriptors()
    if allowed is not None and allowed < number:
        raise OSError(
            f"the system lets this process open only {allowed} files, and {whose} needs {number}; "
            "raise the limit with ulimit -n"
        )
