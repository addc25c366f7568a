"""Never run: this file must type-check, which pins the public signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, assert_never, assert_type

import httpx
import polars as pl
import requests

import heify_heygen_errors
from heify_heygen_errors import (
    ApiError,
    AuthenticationError,
    CatalogEntry,
    CatalogError,
    Catalogs,
    Category,
    Channel,
    ConflictError,
    ContentPolicyError,
    ErrorInfo,
    Explanation,
    Fault,
    InvalidMediaError,
    InvalidRequestError,
    MatchedBy,
    NetworkError,
    Normalizer,
    NotFoundError,
    NotReadyError,
    Observation,
    Outcome,
    PaymentRequiredError,
    PermissionDeniedError,
    PlanRequiredError,
    QuotaExceededError,
    RateLimitError,
    RejectedRowsError,
    RetryAction,
    RetryAdvice,
    ServerError,
    TimedOutError,
    UnknownCode,
    UnknownError,
    UpstreamError,
    explain,
    is_retryable,
    lookup,
    normalize,
    normalize_all,
    normalize_arrow,
    normalize_pandas,
    normalize_polars,
    normalize_records,
    raise_for_error,
)
from heify_heygen_errors.pipeline import RowOptions
from heify_heygen_errors.pipeline.polars import HheNamespace

assert_type(heify_heygen_errors.__all__, list[str])
assert_type(heify_heygen_errors.__version__, str)

# Observations take what is there: fields of any form, positional up to the URL.
seen = Observation("heygen")
seen = Observation("heygen", 401, {"Retry-After": "1"}, b"{}", "POST", "https://api.heygen.com/v3/videos")
seen = Observation(None, "401", [("Retry-After", "1")], "{}", None, None)
seen = Observation(provider="heify", status=None, headers=None, body={"message": "Forbidden"}, method="POST", url="/submit")
seen = Observation("heify", exception=TimeoutError(), secrets=("live key",))
seen = Observation("heify", exception="requests.exceptions.ReadTimeout: timed out", note="from a log")
assert_type(seen.provider, str | None)
assert_type(seen.status, int | None)
assert_type(seen.headers, Mapping[str, str])
assert_type(seen.body, object)
assert_type(seen.method, str | None)
assert_type(seen.url, str | None)
assert_type(seen.exception, BaseException | str | None)
assert_type(seen.secrets, tuple[str, ...])
assert_type(seen.note, str | None)
seen.status = 500  # type: ignore[misc]

# The functions take observations, responses and exceptions, with or without a provider.
assert_type(normalize(seen), ErrorInfo | None)
assert_type(normalize(requests.Response(), "heygen"), ErrorInfo | None)
assert_type(normalize(httpx.Response(401), provider="heygen"), ErrorInfo | None)
assert_type(normalize(ValueError("x"), "heygen"), ErrorInfo | None)
assert_type(normalize_all(seen), list[ErrorInfo])
assert_type(normalize_all(seen, "heygen"), list[ErrorInfo])
assert_type(explain(seen), Explanation)
assert_type(explain(seen, provider="heygen"), Explanation)
assert_type(lookup("heygen", "400112"), CatalogEntry)
assert_type(lookup("heygen", 400112), CatalogEntry)
assert_type(is_retryable(ValueError("x")), bool)
raise_for_error(seen)
raise_for_error(seen, provider="heygen")
normalize()  # type: ignore[call-arg]
normalize(seen, 5)  # type: ignore[arg-type]
lookup("heygen")  # type: ignore[call-arg]
is_retryable("x")  # type: ignore[arg-type]

# The functions are values of plain types.
one: Callable[[object, str | None], ErrorInfo | None] = normalize
every: Callable[[object, str | None], list[ErrorInfo]] = normalize_all
stop: Callable[[object, str | None], None] = raise_for_error
predicate: Callable[[BaseException], bool] = is_retryable


def of_an_info(info: ErrorInfo) -> None:
    """Each field has its type, and none can be set."""
    assert_type(info.provider, str)
    assert_type(info.channel, Channel)
    assert_type(info.category, Category)
    assert_type(info.code, str | None)
    assert_type(info.name, str | None)
    assert_type(info.message, str | None)
    assert_type(info.detail, str | None)
    assert_type(info.summary, str)
    assert_type(info.remedy, str)
    assert_type(info.status, int | None)
    assert_type(info.fault, Fault)
    assert_type(info.retry, RetryAdvice)
    assert_type(info.param, str | None)
    assert_type(info.params, Mapping[str, str])
    assert_type(info.resource, Mapping[str, str])
    assert_type(info.doc_url, str | None)
    assert_type(info.request_id, str | None)
    assert_type(info.rule, str)
    assert_type(info.matched_by, MatchedBy)
    assert_type(info.fingerprint, str)
    assert_type(info.body, str | None)
    assert_type(info.catalog, str)
    assert_type(info.retryable, bool)
    assert_type(info.may_repeat("POST"), bool)
    assert_type(info.may_repeat("POST", "key"), bool)
    assert_type(info.may_repeat("POST", idempotency_key=None, url="/v3/videos"), bool)
    assert_type(info.to_dict(), dict[str, object])
    assert_type(ErrorInfo.from_dict(info.to_dict()), ErrorInfo)
    info.may_repeat("POST", "key", "/v3/videos")  # type: ignore[call-arg]
    info.message = "other"  # type: ignore[misc]
    info.params["key"] = "value"  # type: ignore[index]
    assert_type({info: 1}, dict[ErrorInfo, int])


def of_an_advice(advice: RetryAdvice) -> None:
    """The advice has an action, a floor in seconds, a reset and an outcome."""
    assert_type(advice.action, RetryAction)
    assert_type(advice.after, float | None)
    assert_type(advice.resets, str | None)
    assert_type(advice.outcome, Outcome)
    advice.after = 1.0  # type: ignore[misc]


built = ErrorInfo(
    provider="heygen",
    channel=Channel.RESPONSE,
    category=Category.UNKNOWN,
    summary="Something.",
    remedy="Do something.",
    fault=Fault.PROVIDER,
    retry=RetryAdvice(action=RetryAction.NEVER, outcome=Outcome.UNKNOWN),
    params={"asset_id": "a"},
)
RetryAdvice(RetryAction.NEVER, None, None, Outcome.UNKNOWN)  # type: ignore[call-arg]


def of_a_category(category: Category) -> None:
    """A category is text and knows its row."""
    texts: list[str] = [category]
    assert_type(texts, list[str])
    assert_type(category.http_status, int)
    assert_type(category.title, str)
    assert_type(category.grpc, str)
    assert_type(category.means, str)
    assert_type(category.fault, Fault)
    assert_type(category.retry, RetryAction)
    assert_type(Category("payment"), Category)


def every_action(action: RetryAction) -> int:
    """A match over all members is known to be complete: the enums are closed."""
    match action:
        case RetryAction.NEVER:
            return 0
        case RetryAction.BACKOFF:
            return 1
        case RetryAction.POLL:
            return 2
        case RetryAction.WAIT:
            return 3
        case RetryAction.RENEW:
            return 4
        case _:
            assert_never(action)


def of_exceptions() -> None:
    """Every class can be caught, carries an info and takes one argument."""
    try:
        raise_for_error(seen)
    except (AuthenticationError, PermissionDeniedError, PlanRequiredError, PaymentRequiredError, QuotaExceededError) as error:
        assert_type(error.info, ErrorInfo)
    except (RateLimitError, NotReadyError, UpstreamError, TimedOutError, NetworkError, ServerError) as error:
        assert_type(error.info.retryable, bool)
    except (NotFoundError, InvalidRequestError, InvalidMediaError, ContentPolicyError, ConflictError, UnknownError) as error:
        assert_type(str(error), str)
    except ApiError as error:
        assert_type(error.category, Category | None)
    assert_type(ApiError.of(built), ApiError)
    assert_type(RateLimitError(built), RateLimitError)
    RateLimitError()  # type: ignore[call-arg]
    RateLimitError("message")  # type: ignore[arg-type]


def on_unknown_code(unknown: UnknownCode) -> None:
    """The hook gets one object with the details."""
    assert_type(unknown.provider, str)
    assert_type(unknown.code, str)
    assert_type(unknown.info, ErrorInfo)


def of_other_catalogs() -> None:
    """A Normalizer has the functions of the module over catalogs of one's own."""
    normalizer = Normalizer()
    normalizer = Normalizer(Catalogs.load(), on_unknown_code)
    normalizer = Normalizer(catalogs=None, on_unknown_code=None)
    try:
        normalizer = Normalizer(Catalogs.load("overlay.yaml"), on_unknown_code=print)
    except CatalogError as error:
        assert_type(str(error), str)
    assert_type(normalizer.catalogs, Catalogs)
    assert_type(normalizer.normalize(seen), ErrorInfo | None)
    assert_type(normalizer.normalize_all(seen, "heygen"), list[ErrorInfo])
    assert_type(normalizer.explain(seen), Explanation)
    assert_type(normalizer.lookup("heygen", 400112), CatalogEntry)
    normalizer.raise_for_error(seen)
    Normalizer(on_unknown_code=5)  # type: ignore[arg-type]


def of_an_explanation(explanation: Explanation, entry: CatalogEntry) -> None:
    """An explanation can be printed and holds what was found; so does an entry of a catalog."""
    assert_type(str(explanation), str)
    assert_type(explanation.info, ErrorInfo | None)
    assert_type(explanation.infos, tuple[ErrorInfo, ...])
    assert_type(explanation.to_dict(), dict[str, object])
    assert_type(entry.name, str)
    assert_type(entry.codes, tuple[str, ...])
    assert_type(entry.category, Category)
    assert_type(entry.summary, str)
    assert_type(entry.remedy, str)
    assert_type(entry.retry, RetryAdvice)
    assert_type(entry.to_dict(), dict[str, object])


def of_frames(frame: pl.DataFrame, lazy: pl.LazyFrame) -> None:
    """Frames come out as the kind that went in, records as an iterator of dicts; all functions take the same options."""
    assert_type(normalize_polars(frame), pl.DataFrame)
    assert_type(normalize_polars(lazy, provider="heygen"), pl.LazyFrame)
    assert_type(normalize_records([{"status": 401}], provider="heygen"), Iterator[dict[str, Any]])
    options: RowOptions = {"fields": {"body": "text"}, "paths": {"status": "answer.code", "url": ("answer", "url")}, "on_error": "keep"}
    normalize_arrow(frame, **options)
    normalize_pandas(frame.to_pandas(), keep=True, explode=True, prefix="vendor_", normalizer=Normalizer())
    assert_type(HheNamespace(pl.col("body")).normalize(provider="heygen", status="code", url=pl.col("url")), pl.Expr)
    normalize_polars(frame.to_pandas)  # type: ignore[call-overload]
    normalize_polars(frame, on_error="drop")  # type: ignore[call-overload]
    normalize_records([{}], explod=True)  # type: ignore[call-arg]
    try:
        normalize_arrow(frame)
    except RejectedRowsError as error:
        assert_type(error.rows, tuple[tuple[int, str], ...])
