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
    from heify_heygen_errors.exceptions import (
        ApiError,
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

__all__ = [
    "ApiError",
    "AuthenticationError",
    "CatalogEntry",
    "CatalogError",
    "Catalogs",
    "Category",
    "Channel",
    "ConflictError",
    "ContentPolicyError",
    "ErrorInfo",
    "Explanation",
    "Fault",
    "InvalidMediaError",
    "InvalidRequestError",
    "MatchedBy",
    "NetworkError",
    "Normalizer",
    "NotFoundError",
    "NotReadyError",
    "Observation",
    "Outcome",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PlanRequiredError",
    "QuotaExceededError",
    "RateLimitError",
    "RetryAction",
    "RetryAdvice",
    "ServerError",
    "TimedOutError",
    "UnknownCode",
    "UnknownError",
    "UpstreamError",
    "explain",
    "is_retryable",
    "lookup",
    "normalize",
    "normalize_all",
    "raise_for_error",
]

__version__ = "0.1.0"

_HOMES = {
    "catalog": ("CatalogEntry", "Catalogs"),
    "catalog.reader": ("CatalogError",),
    "explanation": ("Explanation",),
    "model": ("Category", "Channel", "ErrorInfo", "Fault", "MatchedBy", "Outcome", "RetryAction", "RetryAdvice"),
    "normalizer": ("Normalizer", "UnknownCode", "explain", "lookup", "normalize", "normalize_all", "raise_for_error"),
    "observation": ("Observation",),
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
