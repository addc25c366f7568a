"""Retry decisions: whether a failed call is sent again, usable with any HTTP code.

`RetryPolicy` decides, `RetryBudget` keeps retries from multiplying an outage, `CircuitBreaker` and `Limiter` keep calls
back, `retrying` drives one's own functions, `Hooks` are told of all that. The package itself has all these names, too.
"""

from heify_heygen_errors.retry.breaker import BreakerPolicy, BreakerState, CircuitBreaker, CircuitOpenError
from heify_heygen_errors.retry.budget import BudgetState, RetryBudget, shared_budget
from heify_heygen_errors.retry.events import Hooks
from heify_heygen_errors.retry.limiter import Limiter, LimiterFullError
from heify_heygen_errors.retry.policy import Decision, Reason, RetryContext, RetryPolicy
from heify_heygen_errors.retry.repeating import retrying
from heify_heygen_errors.retry.resets import until_reset

__all__ = [
    "BreakerPolicy",
    "BreakerState",
    "BudgetState",
    "CircuitBreaker",
    "CircuitOpenError",
    "Decision",
    "Hooks",
    "Limiter",
    "LimiterFullError",
    "Reason",
    "RetryBudget",
    "RetryContext",
    "RetryPolicy",
    "retrying",
    "shared_budget",
    "until_reset",
]
