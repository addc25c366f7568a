"""Libraries that are not there: which one, what needs it, and how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_OWN: Final = ("pandas", "polars")  # whoever has frames has the library; no extra brings it


@contextmanager
def needing(name: str, extra: str = "pipeline") -> Iterator[None]:
    """Imports of a part that needs an extra.

    Arguments:
        name: of the part, for the message.
        extra: that brings all of them.

    Raises:
        ModuleNotFoundError: a library is missing; says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "heify_heygen_errors"):
            raise
        own = missing in _OWN and extra == "pipeline"
        command = f"pip install {missing}" if own else f"pip install 'heify-heygen-errors[{extra}]'"
        msg = f"{name} needs {missing}: {command}"
        raise ModuleNotFoundError(msg, name=missing) from None
