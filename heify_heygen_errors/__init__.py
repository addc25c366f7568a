"""Everything that goes wrong with HeyGen or Heify, in one shape, with advice that is safe to act on.

    >>> from heify_heygen_errors import Observation, normalize
    >>> info = normalize(Observation("heygen", 401, None, b'{"code":400112,"message":"Unauthorized"}'))
    >>> info.category.value, info.code, info.retryable
    ('authentication', '400112', False)

Importing the package imports neither requests nor backoff; names are loaded when they are first used.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heify_heygen_errors.catalog import CatalogEntry, Catalogs
    from heify_heygen_errors.catalog.reader import CatalogError
    from heify_heygen_errors.client.answer import Answer, Headers, Notice
    from heify_heygen_errors.client.asynchronous import AsyncClient
    from heify_heygen_errors.client.call import BodyOptions, CallOptions
    from heify_heygen_errors.client.engine import VendorDeprecationWarning
    from heify_heygen_errors.client.jobs.access import JobOptions
    from heify_heygen_errors.client.jobs.handle import JobHandle
    from heify_heygen_errors.client.jobs.polling import Polling
    from heify_heygen_errors.client.jobs.values import JobEnd, JobFailure, JobProgress
    from heify_heygen_errors.client.sync import Client
    from heify_heygen_errors.exceptions import (
        ApiError,
        Attempt,
        AuthenticationError,
        ConflictError,
        ContentPolicyError,
        InvalidMediaError,
        InvalidRequestError,
        NetworkError,
        NotFoundError,
        NotReadyError,
        PaymentRequiredError,
        PermissionDeniedError,
        PlanRequiredError,
        QuotaExceededError,
        RateLimitError,
        ServerError,
        TimedOutError,
        UnknownError,
        UpstreamError,
        is_retryable,
    )
    from heify_heygen_errors.explanation import Explanation
    from heify_heygen_errors.model import (
        Category,
        Channel,
        ErrorInfo,
        Fault,
        MatchedBy,
        Outcome,
        RetryAction,
        RetryAdvice,
    )
    from heify_heygen_errors.normalizer import (
        Normalizer,
        UnknownCode,
        explain,
        lookup,
        normalize,
        normalize_all,
        raise_for_error,
    )
    from heify_heygen_errors.observation import Observation
    from heify_heygen_errors.pipeline.batches import BatchNormalizer
    from heify_heygen_errors.pipeline.choices import RejectedRowsError
    from heify_heygen_errors.pipeline.frames import normalize_arrow, normalize_pandas, normalize_polars
    from heify_heygen_errors.pipeline.iterating import normalize_records
    from heify_heygen_errors.retry.breaker import BreakerPolicy, BreakerState, CircuitBreaker, CircuitOpenError
    from heify_heygen_errors.retry.budget import BudgetState, RetryBudget, shared_budget
    from heify_heygen_errors.retry.events import AttemptEnded, BreakerChanged, BudgetExhausted, DeprecationSeen, GaveUp, Hooks, RetryPlanned
    from heify_heygen_errors.retry.limiter import JobsState, Limiter, LimiterFullError, LimiterState, RateState
    from heify_heygen_errors.retry.policy import Decision, Reason, RetryContext, RetryPolicy
    from heify_heygen_errors.retry.repeating import retrying
    from heify_heygen_errors.retry.resets import until_reset
    from heify_heygen_errors.webhooks import (
        MemoryReplays,
        Replays,
        WebhookError,
        WebhookEvent,
        WebhookProblem,
        WebhookProof,
        WebhookState,
        WebhookVerifier,
        parse_unverified_webhook,
    )

__all__ = [
    "Answer",
    "ApiError",
    "AsyncClient",
    "Attempt",
    "AttemptEnded",
    "AuthenticationError",
    "BatchNormalizer",
    "BodyOptions",
    "BreakerChanged",
    "BreakerPolicy",
    "BreakerState",
    "BudgetExhausted",
    "BudgetState",
    "CallOptions",
    "CatalogEntry",
    "CatalogError",
    "Catalogs",
    "Category",
    "Channel",
    "CircuitBreaker",
    "CircuitOpenError",
    "Client",
    "ConflictError",
    "ContentPolicyError",
    "Decision",
    "DeprecationSeen",
    "ErrorInfo",
    "Explanation",
    "Fault",
    "GaveUp",
    "Headers",
    "Hooks",
    "InvalidMediaError",
    "InvalidRequestError",
    "JobEnd",
    "JobFailure",
    "JobHandle",
    "JobOptions",
    "JobProgress",
    "JobsState",
    "Limiter",
    "LimiterFullError",
    "LimiterState",
    "MatchedBy",
    "MemoryReplays",
    "NetworkError",
    "Normalizer",
    "NotFoundError",
    "NotReadyError",
    "Notice",
    "Observation",
    "Outcome",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PlanRequiredError",
    "Polling",
    "QuotaExceededError",
    "RateLimitError",
    "RateState",
    "Reason",
    "RejectedRowsError",
    "Replays",
    "RetryAction",
    "RetryAdvice",
    "RetryBudget",
    "RetryContext",
    "RetryPlanned",
    "RetryPolicy",
    "ServerError",
    "TimedOutError",
    "UnknownCode",
    "UnknownError",
    "UpstreamError",
    "VendorDeprecationWarning",
    "WebhookError",
    "WebhookEvent",
    "WebhookProblem",
    "WebhookProof",
    "WebhookState",
    "WebhookVerifier",
    "explain",
    "is_retryable",
    "lookup",
    "normalize",
    "normalize_all",
    "normalize_arrow",
    "normalize_pandas",
    "normalize_polars",
    "normalize_records",
    "parse_unverified_webhook",
    "raise_for_error",
    "retrying",
    "shared_budget",
    "until_reset",
]

__version__ = "0.1.0"

_HOMES = {
    "catalog": ("CatalogEntry", "Catalogs"),
    "catalog.reader": ("CatalogError",),
    "client.answer": ("Answer", "Headers", "Notice"),
    "client.asynchronous": ("AsyncClient",),
    "client.call": ("BodyOptions", "CallOptions"),
    "client.engine": ("VendorDeprecationWarning",),
    "client.jobs.access": ("JobOptions",),
    "client.jobs.handle": ("JobHandle",),
    "client.jobs.polling": ("Polling",),
    "client.jobs.values": ("JobEnd", "JobFailure", "JobProgress"),
    "client.sync": ("Client",),
    "explanation": ("Explanation",),
    "model": ("Category", "Channel", "ErrorInfo", "Fault", "MatchedBy", "Outcome", "RetryAction", "RetryAdvice"),
    "normalizer": ("Normalizer", "UnknownCode", "explain", "lookup", "normalize", "normalize_all", "raise_for_error"),
    "observation": ("Observation",),
    "pipeline.batches": ("BatchNormalizer",),
    "pipeline.choices": ("RejectedRowsError",),
    "pipeline.frames": ("normalize_arrow", "normalize_pandas", "normalize_polars"),
    "pipeline.iterating": ("normalize_records",),
    "retry.breaker": ("BreakerPolicy", "BreakerState", "CircuitBreaker", "CircuitOpenError"),
    "retry.budget": ("BudgetState", "RetryBudget", "shared_budget"),
    "retry.events": ("AttemptEnded", "BreakerChanged", "BudgetExhausted", "DeprecationSeen", "GaveUp", "Hooks", "RetryPlanned"),
    "retry.limiter": ("JobsState", "Limiter", "LimiterFullError", "LimiterState", "RateState"),
    "retry.policy": ("Decision", "Reason", "RetryContext", "RetryPolicy"),
    "retry.resets": ("until_reset",),
    "retry.repeating": ("retrying",),
    "webhooks": (
        "MemoryReplays",
        "Replays",
        "WebhookError",
        "WebhookEvent",
        "WebhookProblem",
        "WebhookProof",
        "WebhookState",
        "WebhookVerifier",
        "parse_unverified_webhook",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(f"{__name__}.{_HOME.get(name, 'exceptions')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
