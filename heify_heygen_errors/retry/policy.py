"""Whether a failed call is sent again, and after how long. Pure: values in, a decision out."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum
from math import inf, isfinite
from typing import Any, Final, Literal, Self, TypeAlias

import attrs

from heify_heygen_errors.catalog import Catalogs, Endpoint, default_catalogs
from heify_heygen_errors.model import Category, ErrorInfo, Outcome, RetryAction
from heify_heygen_errors.retry.budget import BudgetState

Effect: TypeAlias = Literal["read", "idempotent", "spends"]
"""What a repeat of a call does: nothing, the same once more, or a second (possibly paid) piece of work."""

EFFECTS: Final = ("read", "idempotent", "spends")
_REPEATABLE: Final = ("read", "idempotent")

CIRCUIT_OPEN: Final = "transport/CircuitOpen"
"""The rule of a call that a circuit breaker of this process kept back."""


class Reason(StrEnum):
    """Why a failed call is sent again, or why not."""

    NOT_SENT = "not_sent"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    POLL = "poll"

    PERMANENT = "permanent"
    JOB_FAILED = "job_failed"
    RESETS = "resets"
    RENEW = "renew"
    UNSAFE = "unsafe"
    ATTEMPTS = "attempts"
    WAIT_TOO_LONG = "wait_too_long"
    DEADLINE = "deadline"
    BUDGET = "budget"
    BREAKER = "breaker"

    @property
    def says(self) -> str:
        """The reason as a sentence."""
        return _SAYS[self]


_SAYS: Final = {
    Reason.NOT_SENT: "The request never left, so it can be sent again.",
    Reason.TRANSIENT: "The condition may pass, and a repeat does no harm.",
    Reason.THROTTLED: "Too many requests or jobs at once; it goes on more slowly.",
    Reason.POLL: "It is too early; the same request may succeed later.",
    Reason.PERMANENT: "Nothing says that the same request could succeed later.",
    Reason.JOB_FAILED: "The call worked and its job failed: asking again changes nothing, and a new job may be paid for.",
    Reason.RESETS: "An allowance is used up until it is reset.",
    Reason.RENEW: "A new credential or upload URL has to be got first.",
    Reason.UNSAFE: "The request may have taken effect, and a repeat could start paid work twice.",
    Reason.ATTEMPTS: "It was tried as often as the policy allows.",
    Reason.WAIT_TOO_LONG: "The vendor asks for a longer wait than the policy allows.",
    Reason.DEADLINE: "The deadline would pass before the next attempt.",
    Reason.BUDGET: "The retry budget is used up: too many calls fail at the moment.",
    Reason.BREAKER: "The circuit breaker is open: the vendor failed too often to be asked at the moment.",
}


_Attribute: TypeAlias = "attrs.Attribute[Any]"


def _whole(least: int) -> Callable[[object, _Attribute, object], None]:
    def check(owner: object, attribute: _Attribute, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            msg = f"{type(owner).__name__}: {attribute.name} is a whole number from {least}, not {value!r}"
            raise ValueError(msg)

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _seconds(owner: object, attribute: _Attribute, value: object) -> None:
    if not _is_number(value) or value < 0:  # type: ignore[operator]
        msg = f"{type(owner).__name__}: {attribute.name} is a number of seconds from 0, not {value!r}"
        raise ValueError(msg)


def check_deadline(owner: object, attribute: _Attribute, value: object) -> None:
    """Validator: seconds, or None for no limit."""
    if value is not None and value != inf and not _is_number(value):
        msg = f"{type(owner).__name__}: {attribute.name} is a number of seconds, or None for no limit, not {value!r}"
        raise ValueError(msg)


def _share(owner: object, attribute: _Attribute, value: object) -> None:
    if not _is_number(value) or not 0 <= value <= 1:  # type: ignore[operator]
        msg = f"{type(owner).__name__}: {attribute.name} is a number from 0 to 1, not {value!r}"
        raise ValueError(msg)


def checked_effect(effect: object) -> None:
    """Raises ValueError for what is no effect; None stands for looking it up."""
    if effect not in (None, *EFFECTS):
        msg = f"effect is one of {', '.join(EFFECTS)}, or None to look it up in the catalog, not {effect!r}"
        raise ValueError(msg)


def _info(owner: object, attribute: _Attribute, value: object) -> None:
    if not isinstance(value, ErrorInfo):
        msg = f"{type(owner).__name__}: {attribute.name} is an ErrorInfo, not {type(value).__name__}: of an ApiError pass error.info"
        raise TypeError(msg)


def _text(owner: object, attribute: _Attribute, value: object) -> None:
    if not isinstance(value, str):
        msg = f"{type(owner).__name__}: {attribute.name} is a text, not {type(value).__name__}"
        raise TypeError(msg)


def _budget(owner: object, attribute: _Attribute, value: object) -> None:
    if value is not None and not isinstance(value, BudgetState):
        msg = f"{type(owner).__name__}: {attribute.name} is a BudgetState, not {type(value).__name__}: pass budget.state"
        raise TypeError(msg)


@attrs.frozen(kw_only=True)
class RetryContext:
    """Everything that a decision depends on.

    A new failure needs a new context: one that is made with `attrs.evolve` keeps its jitter.

    Arguments:
        info: the failure.
        method: HTTP method of the call.
        url: URL or path of the call; by it the catalog knows what the endpoint does, whether it honours
            an idempotency key, and the least wait after throttling. Without it a key counts if the vendor has
            endpoints that honour one, as in `ErrorInfo.may_repeat`.
        effect: what a repeat does, where you know better than the catalog; None to look it up.
        idempotency_key: the key that was sent and would be sent again. It counts where the endpoint honours one.
        attempts: how often the call was sent, the failed one included.
        polls: how many of the attempts before this one were answered with "too early" (`Category.NOT_READY`). None where
            nobody counts them: then all were if this one is, and else none.
        elapsed: seconds since the first attempt began, on a monotonic clock.
        deadline: seconds after the beginning by which the call must be over; None for none.
        budget: state of the retry budget; None for none.
        jitter: a number from 0 to 1, drawn by chance.

    Raises:
        ValueError, TypeError: a value that cannot be meant; says which.
    """

    info: ErrorInfo = attrs.field(validator=_info)
    method: str = attrs.field(validator=_text)
    url: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    effect: Effect | None = attrs.field(default=None, validator=lambda _, __, value: checked_effect(value))
    idempotency_key: str | None = attrs.field(default=None, repr=False, validator=attrs.validators.optional(_text))
    attempts: int = attrs.field(default=1, validator=_whole(1))
    polls: int | None = attrs.field(default=None, validator=attrs.validators.optional(_whole(0)))
    elapsed: float = attrs.field(default=0.0, validator=_seconds)
    deadline: float | None = attrs.field(default=None, validator=check_deadline)
    budget: BudgetState | None = attrs.field(default=None, validator=_budget)
    jitter: float = attrs.field(factory=random.random, validator=_share)

    def __attrs_post_init__(self) -> None:
        if self.polls is not None and self.polls >= self.attempts:
            msg = f"RetryContext: polls counts earlier attempts, so it is less than attempts ({self.attempts}), not {self.polls}"
            raise ValueError(msg)


@attrs.frozen
class Decision:
    """Whether to send a call again.

    Attributes:
        retry: yes or no.
        wait: seconds to wait before the next attempt. Where the answer is no: the wait that the vendor or the catalog
            asks for before a later try, None if there is none.
        reason: why.
        resets: ``"day"`` or ``"month"`` where an allowance has to be reset first; see `until_reset`.
        cost: tokens that the retry takes from the budget.
        floor: the part of `wait` that the vendor or the catalog asks for, without the drawn part.
    """

    retry: bool
    wait: float | None
    reason: Reason
    resets: str | None = attrs.field(default=None, kw_only=True)
    cost: int = attrs.field(default=0, kw_only=True)
    floor: float | None = attrs.field(default=None, kw_only=True)

    @classmethod
    def no(cls, reason: Reason, wait: float | None, resets: str | None = None) -> Self:
        """A no, with the wait that is asked for all the same."""
        return cls(retry=False, wait=wait, reason=reason, resets=resets, floor=wait)

    def __bool__(self) -> bool:
        return self.retry


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how patiently a failed call is sent again.

    Waits are drawn with full jitter: from 0 to ``base`` doubled with every retry, at most ``cap``. What the
    vendor asks for in ``Retry-After`` and the catalog's least wait of the endpoint come first, and the jitter on top.

    Arguments:
        attempts: how often a call is sent at most, the first time included. Polls are counted apart: see `never`.
        base: seconds; the longest first wait after a failure that may pass.
        throttle_base: the same after throttling (`Category.RATE_LIMIT`).
        cap: seconds; the longest drawn wait.
        longest_wait: seconds; a vendor that asks for more than this gets no repeat, and the wait stays on the error.
        polls: how many answers of "too early" (`Category.NOT_READY`) are waited out; they are no attempts.
        poll_base, poll_cap: seconds; the first and the longest pause between these.
        transient_cost, throttle_cost: tokens of the retry budget that a retry takes.
    """

    attempts: int = attrs.field(default=3, validator=_whole(1))
    base: float = attrs.field(default=0.5, validator=_seconds)
    throttle_base: float = attrs.field(default=1.0, validator=_seconds)
    cap: float = attrs.field(default=20.0, validator=_seconds)
    longest_wait: float = attrs.field(default=60.0, validator=_seconds)
    polls: int = attrs.field(default=30, validator=_whole(0))
    poll_base: float = attrs.field(default=1.0, validator=_seconds)
    poll_cap: float = attrs.field(default=10.0, validator=_seconds)
    transient_cost: int = attrs.field(default=14, validator=_whole(0))
    throttle_cost: int = attrs.field(default=5, validator=_whole(0))

    @classmethod
    def never(cls) -> Self:
        """A policy that sends each call once and waits for nothing."""
        return cls(attempts=1, polls=0)

    def decide(self, context: RetryContext, *, catalogs: Catalogs | None = None) -> Decision:
        """Whether to send the call again. Depends on its arguments alone.

        Arguments:
            context: the failure and what has been done so far.
            catalogs: what is known of the endpoints; None for the shipped ones.
        """
        if not isinstance(context, RetryContext):
            msg = f"decide takes a RetryContext, not {type(context).__name__}: RetryContext(info=info, method='POST', url='/v3/videos')"
            raise TypeError(msg)
        advice = context.info.retry
        action, after = advice.action, _believable(advice.after)
        if advice.outcome is Outcome.ACCEPTED:
            return Decision.no(Reason.JOB_FAILED, after, advice.resets)
        if action is RetryAction.NEVER:
            return Decision.no(Reason.PERMANENT, after, advice.resets)
        if action is RetryAction.WAIT:
            return Decision.no(Reason.RESETS, after, advice.resets)
        if action is RetryAction.RENEW:
            return Decision.no(Reason.RENEW, after)
        if context.info.rule == CIRCUIT_OPEN:
            return Decision.no(Reason.BREAKER, after)
        endpoint = _endpoint(context, catalogs)
        floor = self._floor(context, endpoint)
        reason, cost = self._why(context)
        if not _is_safe(context, endpoint, catalogs):
            return Decision.no(Reason.UNSAFE, floor)
        polls = context.polls
        if polls is None:
            polls = context.attempts - 1 if reason is Reason.POLL else 0
        spent = polls >= self.polls if reason is Reason.POLL else context.attempts - polls >= self.attempts
        if spent:
            return Decision.no(Reason.ATTEMPTS, floor)
        if floor is not None and floor > self.longest_wait:
            return Decision.no(Reason.WAIT_TOO_LONG, floor)
        wait = (floor or 0.0) + self._drawn(context, reason, polls)
        if context.deadline is not None and context.elapsed + wait >= context.deadline:
            return Decision.no(Reason.DEADLINE, floor)
        if context.budget is not None and context.budget.tokens < cost:
            return Decision.no(Reason.BUDGET, floor)
        return Decision(retry=True, wait=wait, reason=reason, cost=cost, floor=floor)

    def _why(self, context: RetryContext) -> tuple[Reason, int]:
        info = context.info
        if info.retry.action is RetryAction.POLL:
            return Reason.POLL, 0
        if info.category is Category.RATE_LIMIT:
            return Reason.THROTTLED, self.throttle_cost
        return (Reason.NOT_SENT if info.retry.outcome is Outcome.NOT_SENT else Reason.TRANSIENT), self.transient_cost

    def _floor(self, context: RetryContext, endpoint: Endpoint | None) -> float | None:
        """The wait that vendor or catalog ask for."""
        after = _believable(context.info.retry.after)
        if context.info.category is Category.RATE_LIMIT and endpoint is not None and endpoint.min_wait is not None:
            return max(after or 0.0, endpoint.min_wait)
        return after

    def _drawn(self, context: RetryContext, reason: Reason, polls: int) -> float:
        if reason is Reason.POLL:  # half of it is sure: a poll that comes at once is answered with the same
            return _grown(self.poll_base, polls, self.poll_cap) * (0.5 + 0.5 * context.jitter)
        base = self.throttle_base if reason is Reason.THROTTLED else self.base
        return context.jitter * _grown(base, context.attempts - polls - 1, self.cap)


def _believable(after: float | None) -> float | None:
    """A wait that is a number of seconds; values of foreign records can be anything."""
    return after if after is not None and after >= 0 else None  # nan is not, either


def _grown(base: float, doublings: int, cap: float) -> float:
    return min(cap, base * 2.0 ** min(max(doublings, 0), 64))


def _endpoint(context: RetryContext, catalogs: Catalogs | None) -> Endpoint | None:
    space = (catalogs or default_catalogs()).spaces.get(context.info.provider)
    return space.endpoint(context.method, context.url) if space is not None else None


def _is_safe(context: RetryContext, endpoint: Endpoint | None, catalogs: Catalogs | None) -> bool:
    """Whether a repeat cannot start paid work twice."""
    if context.info.retry.outcome in (Outcome.NOT_SENT, Outcome.REFUSED):
        return True
    if context.effect in _REPEATABLE:
        return True
    has_key = bool(context.idempotency_key)
    space = (catalogs or default_catalogs()).spaces.get(context.info.provider)
    if context.effect is None and space is not None:
        return space.may_repeat(context.method, context.url, has_key=has_key)
    if context.effect is None:
        return context.method.upper() in {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
    # It spends, says the caller: only a key that the endpoint honours makes a repeat safe.
    if endpoint is not None or context.url is not None or space is None:
        return has_key and endpoint is not None and endpoint.idempotency is not None
    return space.may_repeat("POST", None, has_key=has_key)
