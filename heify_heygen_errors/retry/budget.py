"""The retry budget: what keeps retries from multiplying the load on a vendor that is down.

Every retry takes tokens, and only successes bring them back. In an outage the tokens run out, and each call
is sent once. The idea is that of the retry quota in the AWS SDKs' standard mode
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
"""

from __future__ import annotations

import threading
from typing import Final

import attrs

CAPACITY: Final = 500
"""Tokens of a full budget."""


@attrs.frozen(kw_only=True)
class BudgetState:
    """A budget at one moment.

    Attributes:
        tokens: what is left.
        capacity: what there is when it is full.
    """

    tokens: int
    capacity: int


class RetryBudget:
    """Tokens for retries, shared by all threads and clients that use it. Full at start.

    Arguments:
        capacity: tokens of a full budget.

    Raises:
        ValueError: the capacity is no whole number from 0.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        _check_tokens(capacity)
        self._capacity = capacity
        self._tokens = capacity
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RetryBudget({self._tokens} of {self._capacity} tokens)"

    @property
    def state(self) -> BudgetState:
        """What is left at this moment."""
        return BudgetState(tokens=self._tokens, capacity=self._capacity)

    def take(self, tokens: int) -> bool:
        """Take tokens for a retry; False, and nothing is taken, if there are not enough.

        Raises:
            ValueError: no whole number from 0.
        """
        _check_tokens(tokens)
        with self._lock:
            if self._tokens < tokens:
                return False
            self._tokens -= tokens
            return True

    def give(self, tokens: int) -> None:
        """Bring tokens back, up to the capacity.

        Raises:
            ValueError: no whole number from 0.
        """
        _check_tokens(tokens)
        if self._tokens == self._capacity:  # as nearly always: no lock for a budget that is full
            return
        with self._lock:
            self._tokens = min(self._capacity, self._tokens + tokens)


def _check_tokens(tokens: object) -> None:
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
        msg = f"tokens of a retry budget are a whole number from 0, not {tokens!r}"
        raise ValueError(msg)


class _Shared:
    """The budgets of this process, one for each provider and host."""

    def __init__(self) -> None:
        self._budgets: dict[tuple[str, str], RetryBudget] = {}
        self._lock = threading.Lock()

    def get(self, provider: str, host: str) -> RetryBudget:
        with self._lock:
            return self._budgets.setdefault((provider, host), RetryBudget())


_shared = _Shared()


def shared_budget(provider: str, host: str) -> RetryBudget:
    """The budget of a provider and host in this process, made when it is first asked for.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``, in any case.
        host: host that is called, with a port where it is not 443 or 80: ``api.heygen.com``. The other hosts of a vendor
            have budgets of their own.
    """
    name, _, port = host.strip().lower().rpartition(":")
    if not name or not port.isdigit() or port in ("443", "80"):
        host = name if name and port in ("443", "80") else host.strip().lower()
    else:
        host = f"{name}:{port}"
    return _shared.get(provider.strip().lower(), host.rstrip("."))
