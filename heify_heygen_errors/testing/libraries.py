"""The HTTP libraries whose objects the kit can make; imported when one is asked for."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final

_LIBRARIES: Final = ("requests", "httpx2", "httpx")


def known_library(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: the kit makes no objects of such a library.
    """
    if name not in _LIBRARIES:
        msg = f"there is no support for the library {name!r}: use one of {', '.join(_LIBRARIES)}"
        raise ValueError(msg)
    return name


def imported(name: str) -> ModuleType:
    """A library, or a module of one.

    Raises:
        ModuleNotFoundError: it is not installed; names the command that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        msg = f"this needs {name}: pip install {name}"
        raise ModuleNotFoundError(msg, name=name) from None
