"""What lets programs inherit from classes that the compiled build makes native.

Else only compiled code may inherit from those. Where nothing is compiled, it changes nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**attributes):
        """Return a decorator that leaves a class as it is: mypyc has read its arguments when it compiled."""
        return lambda native: native


__all__ = ["mypyc_attr"]
