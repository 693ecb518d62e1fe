"""The version of this package, and how it was built."""

from typing import Final

__all__ = ["COMPILED", "__version__"]

__version__ = "0.1.0"

COMPILED: Final = not __file__.endswith(".py")
"""Whether this is the compiled build: this module is one of those that it compiles."""
