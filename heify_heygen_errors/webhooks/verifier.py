"""The verifier of HeyGen's webhooks: signature, time, replays, and what the event says.

HeyGen signs the raw body: HMAC-SHA256 with the endpoint's secret, as hex. The header was renamed more than once, and
the timestamp beside it, which only v3 has, is not part of what is signed (vendor notes 2026-11). What protects from
replays is therefore the memory of accepted events, keyed by what the signature covers.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from math import isfinite
from types import TracebackType
from typing import Final, Literal, NoReturn

from heify_heygen_errors.document import MAX_BODY as MOST_BODY
from heify_heygen_errors.headers import read_headers
from heify_heygen_errors.moments import unix_seconds
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.webhooks.event import WebhookEvent, WebhookProof
from heify_heygen_errors.webhooks.parsing import event_in
from heify_heygen_errors.webhooks.problem import WebhookError, WebhookProblem
from heify_heygen_errors.webhooks.replays import REMEMBER, MemoryReplays, Replays

_log: Final = logging.getLogger("heify_heygen_errors")

SIGNATURE_HEADERS: Final = ("Heygen-Signature", "X-HeyGen-Signature", "Signature")
"""Where signatures were found (vendor notes 2026-11): the first of v3, the others of earlier generations."""

TIMESTAMP_HEADERS: Final = ("Heygen-Timestamp",)
ID_HEADERS: Final = ("Heygen-Event-Id",)

TOLERANCE: Final = 300.0
"""Seconds between the timestamp and now, before and after, as HeyGen's own window is said to be."""

MAX_BODY: Final = 1024 * 1024
"""Bytes of a body that are looked at; events are a few KiB."""

_SEPARATORS = re.compile(r"[,;\s]+")
_PREFIX = re.compile(r"(?:sha256|v1)=", re.IGNORECASE)
_MOST_DIGESTS: Final = 32
_RAW: Final = (
    "a signature covers the very bytes that arrived: pass await request.body() in FastAPI and Starlette, request.get_data() in"
    " Flask, request.body in Django"
)


class _Keys:
    """Secrets of an endpoint, which show in no repr."""

    __slots__ = ("_values",)

    def __init__(self, secrets: tuple[str, ...]) -> None:
        # surrogatepass: the error would quote the secret.
        self._values = tuple(secret.encode("utf-8", "surrogatepass") for secret in secrets)

    def __repr__(self) -> str:
        return f"{len(self._values)} secret{'s' if len(self._values) > 1 else ''}"

    def signatures(self, body: bytes) -> list[bytes]:
        """What each of them signs the bytes with, as hex."""
        return [hmac.digest(value, body, "sha256").hex().encode() for value in self._values]


class WebhookVerifier:
    """Says which deliveries are HeyGen's, and reads them. One for each endpoint; safe to share between threads.

    The checks, in this order: size, signature, time, the event itself, replay. Nothing is parsed before the signature
    holds, and a delivery that is forged can never claim an event. All secrets are compared with all signatures that are
    offered, in constant time.

    Arguments:
        secrets: of the endpoint, as HeyGen shows them (``whsec_...``); several while one is rotated.
        tolerance: seconds that the timestamp may be away from now, in either direction; None to look at no timestamp.
        signature_headers: where the signature is looked for, in any case. The first one is v3's, see `require_timestamp`.
        timestamp_headers: where the timestamp is looked for: seconds since 1970, or milliseconds from 100,000,000,000 on.
        id_headers: where the event id is looked for if the body has none.
        require_timestamp: whether a delivery without a timestamp is refused; None for those with a signature in the first of
            `signature_headers`, since earlier generations have none. One that is there is always checked. The signature
            does not cover it, so it says how long a delivery was on its way and protects from nobody who forges it.
        replays: the memory of accepted events; ``"memory"`` for a `MemoryReplays` of its own, None for no guard.
            Several processes need one that they share.
        remember: seconds for which an accepted event is remembered. A delivery that somebody recorded is accepted again
            after that, as its timestamp can be renewed: remember it as long as acting on it twice does harm.
        max_body: bytes of a body that are looked at, at most 8 MiB.
        clock: seconds since 1970.
        normalizer: with catalogs of your own; None for the default one.

    Raises:
        ValueError: no secret, an empty one or one with white space around it; a number that cannot be meant.
        TypeError: an argument of another type.
    """

    # For the repr of one that could not be made.
    _tolerance: float | None = None
    _replays: Replays | None = None

    def __init__(
        self,
        *secrets: str,
        tolerance: float | None = TOLERANCE,
        signature_headers: Sequence[str] = SIGNATURE_HEADERS,
        timestamp_headers: Sequence[str] = TIMESTAMP_HEADERS,
        id_headers: Sequence[str] = ID_HEADERS,
        require_timestamp: bool | None = None,
        replays: Replays | Literal["memory"] | None = "memory",
        remember: float = REMEMBER,
        max_body: int = MAX_BODY,
        clock: Callable[[], float] = time.time,
        normalizer: Normalizer | None = None,
    ) -> None:
        flaw = _flaw_of(secrets)
        self._keys = _Keys(() if flaw else secrets)
        # Local variables show in some tracebacks.
        del secrets
        if flaw is not None:
            raise flaw
        self._tolerance = None if tolerance is None else _seconds("tolerance", tolerance, least=0.0)
        self._signature_headers = _header_names("signature_headers", signature_headers)
        self._timestamp_headers = _header_names("timestamp_headers", timestamp_headers)
        self._id_headers = _header_names("id_headers", id_headers)
        if not self._signature_headers:
            msg = "signature_headers is empty: name at least one header"
            raise ValueError(msg)
        if require_timestamp is not None and not isinstance(require_timestamp, bool):
            msg = f"require_timestamp is True, False or None, not {require_timestamp!r}"
            raise TypeError(msg)
        if require_timestamp and (self._tolerance is None or not self._timestamp_headers):
            msg = "require_timestamp=True needs a tolerance and timestamp_headers: a timestamp that nobody looks at proves nothing"
            raise ValueError(msg)
        self._require_timestamp = require_timestamp
        self._replays = _guard(replays)
        self._remember = _seconds("remember", remember, least=1.0)
        if isinstance(max_body, bool) or not isinstance(max_body, int) or not 0 < max_body <= MOST_BODY:
            msg = f"max_body is a whole number of bytes from 1 to {MOST_BODY}, not {max_body!r}"
            raise ValueError(msg)
        self._max_body = max_body
        if not callable(clock):
            msg = f"clock is a function without arguments that gives seconds since 1970, not {clock!r}"
            raise TypeError(msg)
        self._clock = clock
        if normalizer is not None and not isinstance(normalizer, Normalizer):
            msg = f"normalizer is a Normalizer or None, not {normalizer!r}"
            raise TypeError(msg)
        self._normalizer = normalizer

    def __repr__(self) -> str:
        tolerance = "none" if self._tolerance is None else f"{self._tolerance:g} s"
        return f"WebhookVerifier({self._keys!r}, tolerance {tolerance}, replays {self._replays!r})"

    def __reduce__(self) -> NoReturn:
        msg = "a verifier has secrets, and is neither pickled nor copied: make one in each process"
        raise TypeError(msg)

    def verify(self, body: bytes | bytearray | memoryview, headers: object) -> WebhookEvent:
        """The event in a delivery of HeyGen. It is claimed: verifying the same delivery again is a replay.

        Where your own work can fail, use `accept`, or `release` the event, so that HeyGen's next try is not taken for a
        replay.

        Arguments:
            body: the bytes that arrived, unchanged.
            headers: of the request: a mapping with names in any case, or pairs.

        Returns:
            An event with proof ``signature``.

        Raises:
            WebhookError: the delivery is not to be acted on; answer with its `http_status`.
            TypeError: the body is text or decoded JSON, which a signature does not cover.
            Exception: whatever the memory of accepted events raises.
        """
        found = self._read(body, headers)
        # Local variables show in some tracebacks.
        del body, headers
        if not isinstance(found, WebhookEvent):
            raise found
        if self._replays is not None and not self._replays.claim(found.key, self._remember):
            del found
            raise WebhookError(WebhookProblem.REPLAYED)
        return found

    def accept(self, body: bytes | bytearray | memoryview, headers: object) -> AbstractContextManager[WebhookEvent]:
        """The event in a delivery, for the length of a with block; if the block raises, the event is released.

        So the vendor's next try is processed, and not taken for a replay. To be used in asynchronous code, too, as a
        plain ``with``. See `verify` for the arguments and what entering the block raises.
        """
        return _Acceptance(self, body, headers)

    def release(self, event: WebhookEvent) -> None:
        """Forget that an event was accepted, so that the vendor's next try is. For work that failed after `verify`."""
        if self._replays is not None:
            self._replays.release(event.key)

    def _read(self, body: object, headers: object) -> WebhookEvent | WebhookError | TypeError:
        """The event, or what to raise. Raises nothing itself, so that no traceback leads to the body and the headers."""
        if not isinstance(body, bytes | bytearray | memoryview):
            return TypeError(f"the body is {type(body).__name__}, not bytes: {_RAW}")
        size = body.nbytes if isinstance(body, memoryview) else len(body)
        if size > self._max_body:
            return WebhookError(WebhookProblem.TOO_LARGE, f"{WebhookProblem.TOO_LARGE.message}; it is {self._max_body} bytes")
        body = bytes(body)
        said = read_headers(headers)
        problem = self._problem_of_signature(body, said) or self._problem_of_time(said)
        if problem is not None:
            return problem
        identity = _first(said, self._id_headers)
        event = event_in(body, "heygen", self._normalizer, proof=WebhookProof.SIGNATURE, header_id=identity)
        return WebhookError(event) if isinstance(event, WebhookProblem) else event

    def _problem_of_signature(self, body: bytes, headers: dict[str, str]) -> WebhookError | None:
        offered = [digest for name in self._signature_headers for digest in _digests(headers.get(name, ""))]
        if not offered:
            return WebhookError(WebhookProblem.MISSING_SIGNATURE)
        own = self._keys.signatures(body)
        is_right = False
        for digest in offered:
            for expected in own:
                # No early exit: how long it takes says nothing of which one was right.
                is_right |= hmac.compare_digest(expected, digest)
        return None if is_right else WebhookError(WebhookProblem.WRONG_SIGNATURE)

    def _problem_of_time(self, headers: dict[str, str]) -> WebhookError | None:
        if self._tolerance is None or not self._timestamp_headers:
            return None
        said = _first(headers, self._timestamp_headers)
        if said is None:
            is_needed = self._require_timestamp
            if is_needed is None:
                is_needed = bool(_digests(headers.get(self._signature_headers[0], "")))
            return WebhookError(WebhookProblem.MISSING_TIMESTAMP) if is_needed else None
        signed = unix_seconds(said)
        if signed is None:
            return WebhookError(WebhookProblem.WRONG_TIMESTAMP)
        age = self._clock() - signed
        if abs(age) <= self._tolerance:
            return None
        problem = WebhookProblem.TOO_OLD if age > 0 else WebhookProblem.TOO_NEW
        return WebhookError(problem, f"{problem.message}; the tolerance is {self._tolerance:g} s")


class _Acceptance(AbstractContextManager[WebhookEvent]):
    """What `WebhookVerifier.accept` gives. No generator: its frame would hold the body while the with block runs."""

    def __init__(self, verifier: WebhookVerifier, body: bytes | bytearray | memoryview, headers: object) -> None:
        self._verifier = verifier
        self._delivery: list[tuple[bytes | bytearray | memoryview, object]] = [(body, headers)]
        self._event: WebhookEvent | None = None

    def __enter__(self) -> WebhookEvent:
        if not self._delivery:
            msg = "a delivery is accepted once: call accept() for each with block"
            raise RuntimeError(msg)
        self._event = self._verifier.verify(*self._delivery.pop())
        return self._event

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None or self._event is None:
            return
        try:
            self._verifier.release(self._event)
        except Exception:  # noqa: BLE001 - the error of the with block is the one to tell
            _log.exception("a webhook was not processed and could not be released: the vendor's next try will count as a replay")


def _digests(value: str) -> list[bytes]:
    """The signatures in a header's value, of which there can be several; whatever is no hex is one that cannot be right."""
    parts = [part for part in _SEPARATORS.split(value) if part][:_MOST_DIGESTS]
    return [_PREFIX.sub("", part, count=1).lower().encode("utf-8", "replace") for part in parts]


def _first(headers: dict[str, str], names: Iterable[str]) -> str | None:
    """The first of the named headers that is not blank."""
    return next((value for name in names if (value := headers.get(name, "").strip())), None)


def _flaw_of(secrets: tuple[object, ...]) -> Exception | None:
    """What is wrong with the secrets, without any of them."""
    if not secrets:
        return ValueError(
            "a verifier needs the secret of the endpoint (whsec_...), which HeyGen shows when the endpoint is made or rotated"
        )
    for number, secret in enumerate(secrets, 1):
        if not isinstance(secret, str):
            return TypeError(f"secret {number} is {type(secret).__name__}, not text: pass each secret as an argument of its own")
        if not secret.strip():
            return ValueError(f"secret {number} is empty: anyone could sign with it")
        if secret != secret.strip():
            return ValueError(f"secret {number} has white space around it, which would be part of the key: strip it where it is read")
    return None


def _header_names(argument: str, names: object) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        msg = f"{argument} is a list of header names, not {names!r}"
        raise TypeError(msg)
    found = tuple(names)
    for name in found:
        if not isinstance(name, str) or not name.strip():
            msg = f"{argument} has {name!r}, which is no name of a header"
            raise TypeError(msg)
    return tuple(name.strip().lower() for name in found)


def _seconds(argument: str, value: object, *, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < least:
        msg = f"{argument} is a number of seconds from {least:g}, not {value!r}"
        raise ValueError(msg)
    return float(value)


def _guard(replays: object) -> Replays | None:
    if replays is None:
        return None
    if isinstance(replays, str) and replays == "memory":
        return MemoryReplays()
    if isinstance(replays, type) or not (callable(getattr(replays, "claim", None)) and callable(getattr(replays, "release", None))):
        msg = f"replays is a Replays, 'memory' or None, not {replays!r}"
        raise TypeError(msg)
    return replays  # type: ignore[return-value]
