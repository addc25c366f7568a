"""One client for the vendors: `Client` on requests, `AsyncClient` on httpx2. The package itself has both names, too."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heify_heygen_errors.client.asynchronous import AsyncClient
    from heify_heygen_errors.client.sync import Client

__all__ = ["AsyncClient", "Client"]

_HOMES = {"AsyncClient": "asynchronous", "Client": "sync"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
