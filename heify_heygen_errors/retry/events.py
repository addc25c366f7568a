"""What is told to hooks: one frozen event each.

Events hold no keys, no headers and no query strings. New fields never break a hook, since each takes one event.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

import attrs

from heify_heygen_errors.model import ErrorInfo
from heify_heygen_errors.normalizer import UnknownCode
from heify_heygen_errors.retry.budget import BudgetState
from heify_heygen_errors.retry.policy import Reason

_log: Final = logging.getLogger("heify_heygen_errors")

BreakerStatus: TypeAlias = Literal["closed", "open", "half_open"]


@attrs.frozen(kw_only=True)
class AttemptEnded:
    """A call was sent once, or kept back by the client's own breaker or limiter, and this came of it.

    Attributes:
        provider, method, path: of the call; the path is without its query.
        number: 1 for the first attempt.
        seconds: how long it took.
        status: the HTTP status; None where no answer came.
        request_id: for the vendor's support.
        info: the failure; None after a success.
    """

    provider: str
    method: str
    path: str
    number: int
    seconds: float
    status: int | None
    request_id: str | None
    info: ErrorInfo | None


@attrs.frozen(kw_only=True)
class RetryPlanned:
    """A failed call will be sent again after `wait` seconds."""

    provider: str
    method: str
    path: str
    number: int
    wait: float
    reason: Reason
    info: ErrorInfo


@attrs.frozen(kw_only=True)
class GaveUp:
    """A call failed for good, after `attempts` attempts.

    Attributes:
        reason: why it was not sent again.
        wait: seconds that the vendor asks to wait before another try, None if it asks for none.
    """

    provider: str
    method: str
    path: str
    attempts: int
    reason: Reason
    wait: float | None
    info: ErrorInfo


@attrs.frozen(kw_only=True)
class DeprecationSeen:
    """An answer said that its endpoint will end.

    Attributes:
        message: what the vendor says, or a sentence in its place.
        sunset: the day or date on which it ends, as the vendor writes it.
        link: to what replaces it.
    """

    provider: str
    method: str
    path: str
    message: str
    sunset: str | None
    link: str | None


@attrs.frozen(kw_only=True)
class BudgetExhausted:
    """A retry was due and safe, but the budget of the host had too few tokens."""

    provider: str
    method: str
    path: str
    state: BudgetState
    info: ErrorInfo


@attrs.frozen(kw_only=True)
class BreakerChanged:
    """A circuit breaker went from one status to another.

    Attributes:
        failures, calls: of the window, at that moment.
    """

    provider: str
    before: BreakerStatus
    after: BreakerStatus
    failures: int
    calls: int


Event: TypeAlias = AttemptEnded | RetryPlanned | GaveUp | UnknownCode | DeprecationSeen | BudgetExhausted | BreakerChanged


def _nothing(_event: object) -> None:
    """What is done where no hook is given."""


def _plain(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not callable(value) or _is_awaited(value):
        msg = f"{attribute.name} is a plain function that takes one event, not {value!r}: start a task in it for what has to be awaited"
        raise TypeError(msg)


@attrs.frozen(kw_only=True)
class Hooks:
    """Functions that are told of events, each called with one frozen event in the thread or task of the call.

    What a hook raises is logged and does not reach the call: an answer that was paid for is not lost to a metric.

    Raises:
        TypeError: a hook is no plain function; a coroutine function would never be awaited.
    """

    on_attempt: Callable[[AttemptEnded], object] = attrs.field(default=_nothing, validator=_plain)
    on_retry: Callable[[RetryPlanned], object] = attrs.field(default=_nothing, validator=_plain)
    on_give_up: Callable[[GaveUp], object] = attrs.field(default=_nothing, validator=_plain)
    on_unknown_code: Callable[[UnknownCode], object] = attrs.field(default=_nothing, validator=_plain)
    on_deprecation: Callable[[DeprecationSeen], object] = attrs.field(default=_nothing, validator=_plain)
    on_budget_exhausted: Callable[[BudgetExhausted], object] = attrs.field(default=_nothing, validator=_plain)
    on_breaker_change: Callable[[BreakerChanged], object] = attrs.field(default=_nothing, validator=_plain)


Hook: TypeAlias = Hooks | Callable[[Event], object]
"""`Hooks`, or one function that is told of every event."""


class Listeners:
    """All hooks of a client: tells each of an event, and keeps what they raise away from the call.

    Raises:
        TypeError: a hook is neither `Hooks` nor a plain function.
    """

    def __init__(self, hooks: Hook | Iterable[Hook] | None) -> None:
        given: tuple[object, ...] = () if hooks is None else tuple(hooks) if isinstance(hooks, Iterable) else (hooks,)
        self._by_event: dict[type, list[Callable[..., object]]] = {}
        for hook in given:
            for kind, function in _functions(hook):
                self._by_event.setdefault(kind, []).append(function)

    def wants(self, kind: type) -> bool:
        """Whether anyone listens, so that an event need not be made in vain."""
        return kind in self._by_event

    def tell(self, event: Event) -> None:
        """Call every hook of the event's kind."""
        for function in self._by_event.get(type(event), ()):
            try:
                function(event)
            except Exception:  # noqa: BLE001 - hooks are foreign code
                _log.exception("a hook for %s failed", type(event).__name__)


def _functions(hook: object) -> Iterator[tuple[type, Callable[..., object]]]:
    """The functions of a hook, with the kind of event that each is told of."""
    if isinstance(hook, Hooks):
        for kind, name in _NAMES.items():
            function = getattr(hook, name)
            if function is not _nothing:
                yield kind, function
        return
    if not callable(hook) or _is_awaited(hook) or isinstance(hook, type):
        msg = f"hooks are Hooks(on_attempt=..., on_retry=...), plain functions of one event, or several of these, not {hook!r}"
        raise TypeError(msg)
    for kind in _NAMES:
        yield kind, hook


def _is_awaited(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


_NAMES: Final = {
    AttemptEnded: "on_attempt",
    RetryPlanned: "on_retry",
    GaveUp: "on_give_up",
    UnknownCode: "on_unknown_code",
    DeprecationSeen: "on_deprecation",
    BudgetExhausted: "on_budget_exhausted",
    BreakerChanged: "on_breaker_change",
}
