"""``python -m cli`` is ``chat``, and so is ``python -m chatcore``, which runs this."""

from cli.app import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
