"""The common error model: closed vocabularies, `RetryAdvice` and `ErrorInfo`.

Values only. Nothing here reads a network, a file or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

import attrs

if TYPE_CHECKING:
    from heify_heygen_errors.normalizer import Finding

SCHEMA_VERSION: Final = 1
"""Version of the shape that `ErrorInfo.to_dict` writes."""


class Channel(StrEnum):
    """The way an error arrived."""

    RESPONSE = "response"
    JOB = "job"
    WEBHOOK = "webhook"
    UPLOAD = "upload"
    GATEWAY = "gateway"
    TRANSPORT = "transport"


class Fault(StrEnum):
    """Who must act."""

    CALLER = "caller"
    ACCOUNT = "account"
    PROVIDER = "provider"
    NETWORK = "network"


class RetryAction(StrEnum):
    """What can make the same request succeed later."""

    NEVER = "never"
    BACKOFF = "backoff"
    POLL = "poll"
    WAIT = "wait"
    RENEW = "renew"


class Outcome(StrEnum):
    """Whether the request took effect."""

    NOT_SENT = "not_sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"


class MatchedBy(StrEnum):
    """Which evidence decided the category."""

    CODE = "code"
    MESSAGE = "message"
    DETAIL = "detail"
    FAMILY = "family"
    SHAPE = "shape"
    STATUS = "status"
    TRANSPORT = "transport"
    NONE = "none"


class Category(StrEnum):
    """What a program branches on. A closed set: a new one is a major release.

    The properties come from ``data/categories.yaml``.
    """

    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    PLAN = "plan"
    PAYMENT = "payment"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    NOT_FOUND = "not_found"
    INVALID_REQUEST = "invalid_request"
    INVALID_MEDIA = "invalid_media"
    CONTENT_POLICY = "content_policy"
    CONFLICT = "conflict"
    NOT_READY = "not_ready"
    UPSTREAM = "upstream"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"
    UNKNOWN = "unknown"

    @property
    def means(self) -> str:
        """The definition, one sentence."""
        return _category_row(self)["means"]

    @property
    def fault(self) -> Fault:
        """Who must act by default; an entry of a catalog may say otherwise."""
        return Fault(_category_row(self)["fault"])

    @property
    def retry(self) -> RetryAction:
        """The default action; an entry of a catalog may say otherwise."""
        return RetryAction(_category_row(self)["retry"])

    @property
    def http_status(self) -> int:
        """The HTTP status to answer one's own caller with."""
        return int(_category_row(self)["http_status"])

    @property
    def grpc(self) -> str:
        """The canonical code of google.rpc, such as ``RESOURCE_EXHAUSTED``."""
        return _category_row(self)["grpc"]

    @property
    def title(self) -> str:  # type: ignore[override]  # in place of str.title, which no category needs
        """A sentence that is safe to show to an end user."""
        return _category_row(self)["title"]


def _category_row(category: Category) -> dict[str, str]:
    # Imported here: the catalogs are read when first needed, and need this module themselves.
    from heify_heygen_errors.catalog import default_catalogs

    return default_catalogs().categories[category.value]


class FrozenMap(Mapping[str, str]):
    """An immutable, hashable, picklable mapping of text to text, in key order."""

    __slots__ = ("_items",)
    _items: dict[str, str]

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        _set_items(self, dict(sorted(items.items())) if items and len(items) > 1 else dict(items or ()))

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"FrozenMap is immutable: {name!r} cannot be set"
        raise AttributeError(msg)

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(tuple(self._items.items()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return self._items == other._items
        if isinstance(other, Mapping):
            return self._items == dict(other)
        return NotImplemented

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[type[FrozenMap], tuple[dict[str, str]]]:
        return FrozenMap, (self._items,)


_set_items = FrozenMap._items.__set__  # type: ignore[attr-defined]  # noqa: SLF001 - the slot, past __setattr__
EMPTY_MAP: Final = FrozenMap()


def _frozen_map(value: Mapping[str, str] | None) -> FrozenMap:
    if isinstance(value, FrozenMap):
        return value
    return FrozenMap(value) if value else EMPTY_MAP


@attrs.frozen(kw_only=True)
class RetryAdvice:
    """What can make the request succeed, and whether it took effect.

    Attributes:
        action: what to do before the same request can succeed.
        after: a floor in seconds, from ``Retry-After`` or the catalog's minimum wait for the endpoint.
        resets: when the allowance comes back: ``"day"``, ``"month"`` or None.
        outcome: whether the request took effect.
    """

    action: RetryAction = attrs.field(converter=RetryAction)
    after: float | None = None
    resets: str | None = None
    outcome: Outcome = attrs.field(converter=Outcome)


# Not slotted: ErrorInfo.of fills the instance's dict in one go, which is what keeps it cheap to build.
@attrs.frozen(kw_only=True, slots=False)
class ErrorInfo:
    """One failure of a vendor, whatever shape it had on the wire.

    A value: frozen, comparable, hashable and picklable. Exceptions carry it, they are not it.
    Every text in it is redacted and bounded. docs/model.md explains each field.

    Attributes:
        provider: the number space that was asked: ``heygen``, ``liveavatar`` or ``heify``.
        channel: the way the error arrived.
        category: what to branch on.
        code: the vendor's code verbatim, as text.
        name: the catalog's symbol, None where no entry matched.
        message: the vendor's message from a JSON or XML body.
        detail: the vendor's further detail; for a transport failure the exception's class and text.
        summary: what happened, in the catalog's words. Never empty.
        remedy: what to do now, in the catalog's words. Never empty.
        status: the HTTP status seen.
        fault: who must act.
        retry: the advice; see `RetryAdvice`.
        param: the request field at fault.
        params: what the message's template captured.
        resource: ids of the job or object that failed.
        doc_url: the vendor's link to an explanation; http or https only, never fetched.
        request_id: for the vendor's support.
        rule: what decided, stable: ``heygen/UNAUTHORIZED``, ``heygen/status:401``, ``unknown``.
        matched_by: which evidence decided.
        fingerprint: for grouping: ``v1:`` and 16 hex digits over provider, code and message skeleton.
        body: an excerpt of the body, at most 4 KiB.
        catalog: version of the catalogs that decided; not part of equality.
    """

    provider: str
    channel: Channel = attrs.field(converter=Channel)
    category: Category = attrs.field(converter=Category)
    code: str | None = None
    name: str | None = None
    message: str | None = None
    detail: str | None = None
    summary: str
    remedy: str
    status: int | None = None
    fault: Fault = attrs.field(converter=Fault)
    retry: RetryAdvice
    param: str | None = None
    params: Mapping[str, str] = attrs.field(default=EMPTY_MAP, converter=_frozen_map)
    resource: Mapping[str, str] = attrs.field(default=EMPTY_MAP, converter=_frozen_map)
    doc_url: str | None = None
    request_id: str | None = None
    rule: str = "unknown"
    matched_by: MatchedBy = attrs.field(default=MatchedBy.NONE, converter=MatchedBy)
    fingerprint: str = ""
    body: str | None = attrs.field(default=None, repr=False)
    catalog: str = attrs.field(default="", eq=False, repr=False)

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The same values as the finding, which is the flat tuple that the bulk path reads as well."""
        info = object.__new__(cls)
        values = info.__dict__
        (
            values["provider"],
            values["channel"],
            values["category"],
            values["code"],
            values["name"],
            values["message"],
            values["detail"],
            values["summary"],
            values["remedy"],
            values["status"],
            values["fault"],
            values["retry"],
            values["param"],
            values["params"],
            values["resource"],
            values["doc_url"],
            values["request_id"],
            values["rule"],
            values["matched_by"],
            values["fingerprint"],
            values["body"],
            values["catalog"],
        ) = finding
        return info

    @property
    def retryable(self) -> bool:
        """Whether the condition may pass by itself. Says nothing about safety: see `may_repeat`."""
        return self.retry.action in {RetryAction.BACKOFF, RetryAction.POLL}

    def may_repeat(self, method: str, idempotency_key: str | None = None, *, url: str | None = None) -> bool:
        """Whether sending the same request again is safe: it cannot start paid work twice.

        Arguments:
            method: the HTTP method of the request that failed.
            idempotency_key: the key that was sent with it and would be sent again.
            url: URL or path of the request. With it the catalog knows what the endpoint does and
                whether it honours a key. Without it GET and HEAD count as reading, PUT and DELETE as
                idempotent, all else as spending, and a key counts if the vendor has endpoints that honour one.

        Returns:
            True if it was not sent or was refused, or if a second run does no harm. A call that
            reported a failed job is never repeated: a repeat means a new, possibly paid, job.
        """
        outcome = self.retry.outcome
        if outcome is Outcome.ACCEPTED:
            return False
        if outcome is not Outcome.UNKNOWN:
            return True
        from heify_heygen_errors.catalog import default_catalogs

        space = default_catalogs().spaces.get(self.provider)
        if space is None:
            return method.upper() in {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
        return space.may_repeat(method, url, has_key=bool(idempotency_key))

    def to_dict(self) -> dict[str, object]:
        """JSON-ready: only text, numbers, None and dicts, with ``schema`` and the catalog's version."""
        from heify_heygen_errors.serial import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> ErrorInfo:
        """The reverse of `to_dict`: ignores unknown keys and fills missing ones.

        Raises:
            ValueError: a known key holds a value that is none of the allowed ones; says which.
        """
        from heify_heygen_errors.serial import from_dict

        return from_dict(data)
