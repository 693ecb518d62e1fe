"""``chat``, also as ``python -m cli``, and as ``python -m chatcore``, which runs this."""

import sys

from cli.hangup import outlive_hangup

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    outlive_hangup(sys.argv[1:])
    from cli.app import main as run  # which takes a while

    run()


if __name__ == "__main__":
    main()
