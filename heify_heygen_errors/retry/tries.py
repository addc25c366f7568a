"""One call and its attempts: what the client, `retrying` and its loop have in common.

Performs no I/O and does not sleep. Time, chance and the budget are given to it.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Final

import attrs

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.exceptions import ApiError, Attempt, printable
from heify_heygen_errors.model import ErrorInfo, Outcome
from heify_heygen_errors.normalizer import path_of
from heify_heygen_errors.retry.budget import RetryBudget
from heify_heygen_errors.retry.events import AttemptEnded, BudgetExhausted, GaveUp, Listeners, RetryPlanned
from heify_heygen_errors.retry.policy import Decision, Effect, Reason, RetryContext, RetryPolicy, check_deadline, checked_effect

_log: Final = logging.getLogger("heify_heygen_errors")

_EARLIER: Final = "An earlier attempt of this call may have taken effect: check whether it did, or repeat it with the same idempotency key."

SILENT: Final = Listeners(None)


# Checked when it is made; while it is used, for every call of a client, setting a field is only that.
@attrs.define(kw_only=True, eq=False, on_setattr=attrs.setters.NO_OP)
class Tries:
    """The attempts of one call, from `begin` over `failed` to `succeeded`.

    Arguments:
        policy: decides.
        method, url: of the call, for the catalog; the URL may be a path.
        effect: overrides what the catalog says of the endpoint.
        idempotency_key: the same on all attempts.
        deadline: seconds from now until the call must be over; None for none.
        budget: where retries take their tokens; None for no budget.
        listeners: who is told.
        clock: monotonic time in seconds.
        draw: a number from 0 to 1.
        catalogs: None for the shipped ones.
    """

    policy: RetryPolicy
    provider: str = ""
    method: str
    url: str | None = None
    effect: Effect | None = None
    idempotency_key: str | None = attrs.field(default=None, repr=False)
    deadline: float | None = attrs.field(default=None, validator=check_deadline)
    budget: RetryBudget | None = None
    listeners: Listeners = SILENT
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random
    catalogs: Catalogs | None = None
    attempts: tuple[Attempt, ...] = attrs.field(default=(), init=False)
    _started: float = attrs.field(init=False)
    _begun: float = attrs.field(init=False)
    _polls: int = attrs.field(default=0, init=False)
    _spent: int = attrs.field(default=0, init=False)
    _asked: float | None = attrs.field(default=None, init=False)
    _may_have_happened: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        checked_effect(self.effect)
        self._started = self._begun = self.clock()

    @property
    def path(self) -> str:
        """The path of the call, for events and errors."""
        return path_of(self.url) or ""

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return max(0.0, self.clock() - self._started)

    @property
    def remaining(self) -> float | None:
        """Seconds until the deadline, 0 behind it; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - self.elapsed)

    def begin(self) -> None:
        """An attempt begins."""
        self._begun = self.clock()

    def succeeded(self, status: int | None = None, request_id: str | None = None) -> None:
        """The attempt succeeded: the budget gets back what the last retry took, or 1 where there was none."""
        self._record(status, request_id, None, None)
        if self.budget is not None:
            self.budget.give(self._spent or 1)

    def failed(self, info: ErrorInfo) -> Decision:
        """The attempt failed: the decision, for which the tokens are taken already if it is a yes."""
        now = self.clock()
        context = RetryContext(
            info=info,
            method=self.method,
            url=self.url,
            effect=self.effect,
            idempotency_key=self.idempotency_key,
            attempts=len(self.attempts) + 1,
            polls=self._polls,
            elapsed=max(0.0, now - self._started),
            deadline=self.deadline,
            budget=self.budget.state if self.budget is not None else None,
            jitter=min(1.0, max(0.0, self.draw())),
        )
        decision = self.policy.decide(context, catalogs=self.catalogs)
        if decision.retry and self.budget is not None and not self.budget.take(decision.cost):
            # Another thread took the tokens between the look at them and now.
            too_few = attrs.evolve(self.budget.state, tokens=decision.cost - 1)
            decision = self.policy.decide(attrs.evolve(context, budget=too_few), catalogs=self.catalogs)
        self._record(info.status, info.request_id, info, decision)
        self._asked = decision.floor
        if decision.reason is Reason.POLL:
            self._polls += 1
        elif decision.retry:
            self._spent = decision.cost
        self._tell(info, decision)
        if info.retry.outcome is Outcome.UNKNOWN:
            self._may_have_happened = True
        return decision

    def settled(self, info: ErrorInfo) -> ErrorInfo:
        """The last failure as that of the whole call: not known to be without effect where an earlier attempt is not."""
        if self._may_have_happened and info.retry.outcome in (Outcome.NOT_SENT, Outcome.REFUSED):
            retry = attrs.evolve(info.retry, outcome=Outcome.UNKNOWN)
            return attrs.evolve(info, retry=retry, remedy=f"{info.remedy} {_EARLIER}")
        return info

    def raised(self, info: ErrorInfo) -> ApiError:
        """The exception of a failure that is final, with the history on it."""
        error = ApiError.of(self.settled(info))
        self.put_on(error)
        return error

    def put_on(self, error: ApiError) -> None:
        """Leave the history on an exception, and in its `info` what it means for the whole call."""
        error.info = self.settled(error.info)
        error.args = (error.info,)
        error.attempts = self.attempts
        error.idempotency_key = self.idempotency_key
        error.wait = self._asked
        error.method = self.method
        error.path = path_of(self.url)

    def _record(self, status: int | None, request_id: str | None, info: ErrorInfo | None, decision: Decision | None) -> None:
        now = self.clock()
        number = len(self.attempts) + 1
        seconds = max(0.0, now - self._begun)
        self.attempts += (
            Attempt(
                number=number,
                time=max(0.0, self._begun - self._started),
                seconds=seconds,
                status=status,
                rule=info.rule if info is not None else None,
                wait=decision.wait if decision is not None else None,
                reason=decision.reason.value if decision is not None else None,
                request_id=request_id,
            ),
        )
        if self.listeners.wants(AttemptEnded):
            self.listeners.tell(
                AttemptEnded(
                    provider=info.provider if info is not None else self.provider,
                    method=self.method,
                    path=self.path,
                    number=number,
                    seconds=seconds,
                    status=status,
                    request_id=request_id,
                    info=info,
                )
            )

    def _tell(self, info: ErrorInfo, decision: Decision) -> None:
        provider, method, path, number = info.provider, self.method, self.path, len(self.attempts)
        if decision.retry and decision.wait is not None:
            wait, reason = decision.wait, decision.reason
            told = (provider, f"{method} {printable(path)}".rstrip(), info.rule, number, wait, reason)
            _log.info("%s: %s failed by %s, attempt %d; next in %.2f s (%s)", *told)
            self.listeners.tell(
                RetryPlanned(provider=provider, method=method, path=path, number=number, wait=wait, reason=reason, info=info)
            )
            return
        if decision.reason is Reason.BUDGET and self.budget is not None:
            self.listeners.tell(BudgetExhausted(provider=provider, method=method, path=path, state=self.budget.state, info=info))
        self.listeners.tell(
            GaveUp(
                provider=provider,
                method=method,
                path=path,
                attempts=number,
                reason=decision.reason,
                wait=decision.wait,
                info=self.settled(info),
            )
        )
