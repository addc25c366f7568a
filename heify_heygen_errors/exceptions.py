"""The exception tree: one static class per category.

::

    ApiError
    ├── AuthenticationError      who you are was not accepted
    ├── PermissionDeniedError    known, but not allowed
    ├── PlanRequiredError        the feature needs another plan
    ├── PaymentRequiredError     credits or minutes are used up
    ├── QuotaExceededError       an allowance over a day, month or trial is used up
    ├── RateLimitError           too many requests or jobs at once
    ├── NotFoundError            the thing or the endpoint does not exist for you
    ├── InvalidRequestError      the request is wrong
    ├── InvalidMediaError        the file is wrong
    ├── ContentPolicyError       refused by moderation
    ├── ConflictError            clashes with the present state
    ├── NotReadyError            right, but too early
    ├── UpstreamError            a service behind the vendor failed
    ├── TimedOutError            something took too long
    ├── NetworkError             no usable answer came back
    ├── ServerError              the vendor failed
    └── UnknownError             nothing in the evidence decides

Whether an error may pass is a property of the value, not of a base class: ask `is_retryable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import attrs

from heify_heygen_errors.model import Category, ErrorInfo, Outcome


@attrs.frozen(kw_only=True)
class Attempt:
    """One sending of a call, or one that the client's own breaker or limiter kept back.

    Attributes:
        number: 1 for the first.
        time: seconds from the beginning of the call until this attempt began.
        seconds: how long it took.
        status: the HTTP status; None where no answer came.
        rule: of the failure (`ErrorInfo.rule`); None after a success.
        wait: seconds that were waited behind it; behind the last one the seconds that the vendor asks for.
        reason: a `Reason` as text: why the call was sent again, or why not; None after a success.
        request_id: for the vendor's support.
    """

    number: int
    time: float
    seconds: float
    status: int | None = None
    rule: str | None = None
    wait: float | None = None
    reason: str | None = None
    request_id: str | None = None


class ApiError(Exception):
    """A failure of a vendor, raised.

    Attributes:
        info: everything that is known of the failure.
        attempts: how often the call was sent and what came of it, in order; empty where nothing keeps count.
        wait: seconds before which another try makes no sense: what the vendor asks for, the catalog's least wait of the
            endpoint, or what the client's own breaker or limiter says; None where nothing is known.
        idempotency_key: the key that was sent; a later repeat with it is not paid twice where the endpoint honours it.
        method, path: of the call, as far as known; the path is without host and query.
    """

    category: ClassVar[Category | None] = None
    _by_category: ClassVar[dict[Category, type[ApiError]]] = {}
    info: ErrorInfo
    attempts: tuple[Attempt, ...] = ()
    wait: float | None = None
    idempotency_key: str | None = None
    method: str | None = None
    path: str | None = None

    def __init_subclass__(cls, *, category: Category | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if category is not None:
            cls.category = category
            ApiError._by_category[category] = cls

    def __init__(self, info: ErrorInfo) -> None:
        if not isinstance(info, ErrorInfo):
            msg = (
                f"{type(self).__name__} carries an ErrorInfo, not {type(info).__name__}: ApiError.of(info) makes the class of its category"
            )
            raise TypeError(msg)
        super().__init__(info)
        self.info = info

    def __str__(self) -> str:
        info = self.info
        facts = [f"{printable(label)} {printable(str(value))}" for label, value in self._facts() if value is not None]
        facts.append(printable(info.rule))
        return f"{printable(info.provider)}: {printable(self._said())} [{info.category}; {', '.join(facts)}]"

    def _said(self) -> str:
        """The vendor's words; else, of what the client found out, its own; else the catalog's."""
        info = self.info
        if info.message is None and info.detail is not None and info.rule.startswith("transport/"):
            # Exceptions of HTTP libraries begin with their class, and their words are about sockets.
            is_of_library = " " not in info.detail.partition(": ")[0]
            return info.summary if is_of_library else info.detail
        return info.message or info.summary

    def _facts(self) -> Iterator[tuple[str, object]]:
        """What a log line needs to find the call, the job and the key again."""
        info = self.info
        yield "status", info.status
        yield "code", info.code
        yield "request id", info.request_id
        if info.retry.outcome is Outcome.ACCEPTED:
            yield from info.resource.items()
        if self.method is not None:
            yield self.method, self.path
        if self.attempts:
            yield "attempts", len(self.attempts)
        if self.wait is not None:
            yield "wait", f"{self.wait:g} s"
        if info.retry.outcome is Outcome.UNKNOWN:
            yield "idempotency key", self.idempotency_key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @staticmethod
    def of(info: ErrorInfo) -> ApiError:
        """The exception of the info's category."""
        return ApiError._by_category[info.category](info)


class AuthenticationError(ApiError, category=Category.AUTHENTICATION):
    """Who you are was not accepted."""


class PermissionDeniedError(ApiError, category=Category.PERMISSION):
    """You are known but may not do this."""


class PlanRequiredError(ApiError, category=Category.PLAN):
    """The feature needs another plan or a sign-up."""


class PaymentRequiredError(ApiError, category=Category.PAYMENT):
    """Balance, credits or minutes are used up."""


class QuotaExceededError(ApiError, category=Category.QUOTA):
    """An allowance over a day, month or trial, or a fixed count, is used up."""


class RateLimitError(ApiError, category=Category.RATE_LIMIT):
    """Too many requests or jobs at once; soon possible again."""


class NotFoundError(ApiError, category=Category.NOT_FOUND):
    """The thing, or the endpoint, does not exist for you."""


class InvalidRequestError(ApiError, category=Category.INVALID_REQUEST):
    """The request is wrong."""


class InvalidMediaError(ApiError, category=Category.INVALID_MEDIA):
    """The file itself is wrong."""


class ContentPolicyError(ApiError, category=Category.CONTENT_POLICY):
    """Content was refused by moderation."""


class ConflictError(ApiError, category=Category.CONFLICT):
    """Clashes with the present state or an earlier request."""


class NotReadyError(ApiError, category=Category.NOT_READY):
    """Right request, too early."""


class UpstreamError(ApiError, category=Category.UPSTREAM):
    """A service the vendor depends on failed."""


class TimedOutError(ApiError, category=Category.TIMEOUT):
    """Something took too long."""


class NetworkError(ApiError, category=Category.NETWORK):
    """No usable answer came back."""


class ServerError(ApiError, category=Category.SERVER):
    """The vendor failed, its own storage included."""


class UnknownError(ApiError, category=Category.UNKNOWN):
    """Nothing in the evidence decides."""


def is_retryable(exc: BaseException) -> bool:
    """Whether the condition behind an exception may pass: the predicate for schedulers.

    False for every exception that is no `ApiError`. It does not say that a repeat is safe:
    for that ask ``exc.info.may_repeat(method)``.
    """
    return isinstance(exc, ApiError) and exc.info.retryable


# Bidirectional marks and isolates: they can make a terminal or a log show text in another order.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Vendor text with control characters, ANSI, bidi marks, line separators and lone surrogates escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if (char.isprintable() or char == "\u00a0") and char not in _BIDI else char.encode("unicode_escape").decode() for char in text
    )
