"""How many connections the system lets this process have."""

import contextlib

__all__ = ["allow_descriptors"]


def allow_descriptors() -> int | None:
    """Let this process have as many connections as the system's administrator allows.

    Return how many files it may have open, or ``None`` if there is no such limit.
    """
    try:
        import resource
    except ImportError:  # Windows sets no such limit
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems name a limit that they do not accept
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
