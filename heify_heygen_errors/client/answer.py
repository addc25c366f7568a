"""What a call gives back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs

from heify_heygen_errors.exceptions import Attempt
from heify_heygen_errors.model import ErrorInfo


class Headers(Mapping[str, str]):
    """Headers of an answer; names are found in any case. Values of a repeated name are joined by a newline.

    The repr has the names alone: values can be cookies.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __repr__(self) -> str:
        return f"Headers({', '.join(self._values)})"


@attrs.frozen(kw_only=True)
class Notice:
    """Something in a successful answer that deserves a look.

    Attributes:
        kind: ``deprecation``: the endpoint will end; ``idempotency_key_ignored``: the endpoint takes no idempotency
            key, so that the call is not repeated where its outcome is unknown; ``completed_with_error``: a job has an error
            and a usable result, such as a video with a watermark for want of credits.
        message: what the vendor says, or a sentence in its place.
        info: the error of a job that completed nevertheless.
        sunset: the day or date on which the endpoint ends, as the vendor writes it.
        link: to what replaces it.
    """

    kind: Literal["deprecation", "idempotency_key_ignored", "completed_with_error"]
    message: str
    sunset: str | None = None
    link: str | None = None
    info: ErrorInfo | None = None


def _shape(data: object) -> str:
    """What data is, without its values: they can be session tokens and signed URLs."""
    if isinstance(data, dict):
        return "{" + ", ".join(map(str, data)) + "}"
    if isinstance(data, list):
        return f"[{len(data)} items]"
    return "None" if data is None else type(data).__name__


@attrs.frozen(kw_only=True)
class Answer:
    """A successful answer. Its repr names the members of the data and not their values, which can be tokens.

    Attributes:
        data: the decoded JSON without the vendor's envelope; None where the answer had no body.
        body: the decoded JSON as it was sent, envelope and page tokens included.
        status: the HTTP status.
        headers: of the answer; names are found in any case.
        request_id: for the vendor's support.
        attempts: how often the call was sent and what came of it, in order.
        failures: one for each failed item of a list, batch or event log.
        notices: deprecations and the like.
        idempotency_key: the key that was sent, None where none was.
    """

    data: Any = attrs.field(repr=_shape)
    body: Any = attrs.field(default=None, repr=False)
    status: int
    headers: Headers = attrs.field(repr=False)
    request_id: str | None = None
    attempts: tuple[Attempt, ...] = attrs.field(default=(), repr=False)
    failures: tuple[ErrorInfo, ...] = ()
    notices: tuple[Notice, ...] = ()
    idempotency_key: str | None = None
