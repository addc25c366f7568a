"""The two documentations of Heify: who follows which, and how each says yes and no."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

from heify_heygen_errors.testing.operations import Call, refuse
from heify_heygen_errors.testing.replies import VendorError, error
from heify_heygen_errors.testing.world import World

_OLD_ONLY: Final = frozenset({"/details", "/get-configurations"})
_IN_BOTH: Final = frozenset(
    {
        "/create-configuration",
        "/delete-configuration",
        "/submit",
        "/request-upload-url",
        "/delete-transcription",
        "/update-transcription-group",
    }
)


def generation_of(path: str, chosen: str) -> str:
    """The documentation that an endpoint follows: ``2026`` or ``2025``.

    Args:
        path: of an endpoint that exists.
        chosen: what endpoints of both documentations follow.
    """
    if path in _OLD_ONLY:
        return "2025"
    return chosen if path in _IN_BOTH else "2026"


def account(world: World) -> dict[str, Any]:
    """The one account of the server: ``client_id``, and ``generation``, which endpoints of both documentations follow."""
    return world.store["account"]["heify"]


def is_old(call: Call) -> bool:
    """Whether a request is answered as in 2025."""
    return generation_of(call.operation.path, account(call.world)["generation"]) == "2025"


def speak(call: Call, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of an answer of success: bare in 2025, under ``data`` in 2026."""
    return data if is_old(call) else {"data": data}


@lru_cache(maxsize=512)
def failure(generation: str, entry: str, message: str | None = None, *, chosen: str | None = None) -> VendorError:
    """A failure of the catalog in the envelope of a documentation.

    That of 2025 knows 400 for objects that do not exist and for used up minutes, and 404 for paths only. On a server of
    2026 the endpoints of 2025 that are left keep their envelope, but have the statuses of 2026.

    Args:
        generation: ``2026`` or ``2025``.
        entry: name of the entry.
        message: in place of the entry's own.
        chosen: what endpoints of both documentations follow; by default `generation`.
    """
    made = error("heify", entry, message=message, shape="envelope-v2" if generation == "2026" else "envelope-v1")
    if "2026" in (generation, chosen) or made.words.status not in (402, 404) or entry == "ENDPOINT_NOT_FOUND":
        return made
    return error("heify", entry, message=message, status=400, shape=made.shape)


@lru_cache(maxsize=32)
def of_gateway(entry: str) -> VendorError:
    """A failure in the words of the gateway, which no documentation changes."""
    return error("heify", entry)


def deny(call: Call, entry: str, message: str | None = None) -> NoReturn:
    """Answer with a failure of the catalog.

    Args:
        call: the request.
        entry: name of the entry.
        message: in place of the entry's own.

    Raises:
        Refusal: always.
    """
    refuse(failure("2025" if is_old(call) else "2026", entry, message, chosen=account(call.world)["generation"]))
