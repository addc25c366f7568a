"""The circuit breaker: calls to a vendor that is down are held back, and a few probes find out when it is up again.

Opt-in, one for each provider, shared by threads and tasks. Performs no I/O and does not sleep: calls ask with `enter`
and report what became of them to the `Permit` that they get.

Only what says that the vendor does not work counts as a failure: no answer, HTTP 5xx, time-outs. An answer that refuses
a request, and a job that failed, come from a vendor that works.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from math import inf
from threading import Lock
from typing import Any, Final

import attrs

from heify_heygen_errors.model import Category, Channel, ErrorInfo, Fault, Outcome
from heify_heygen_errors.retry.events import BreakerChanged, BreakerStatus

_log: Final = logging.getLogger("heify_heygen_errors")

_PARTS: Final = 10


class CircuitOpenError(Exception):
    """A call was held back by an open circuit breaker. Nothing was sent.

    Arguments:
        provider: whose breaker it is.
        after: seconds until a call may go again, as a probe; more than 0.
    """

    sent = False

    def __init__(self, provider: str, after: float) -> None:
        super().__init__(provider, after)
        self.provider = provider
        self.after = after

    def __str__(self) -> str:
        return f"too many calls to {self.provider} failed: held back for another {self.after:.3g} s"


def _seconds(default: float) -> Any:
    return attrs.field(default=default, converter=float, validator=[attrs.validators.gt(0), attrs.validators.lt(inf)])


def _count(default: int) -> Any:
    return attrs.field(default=default, validator=[attrs.validators.instance_of(int), attrs.validators.ge(1)])


@attrs.frozen(kw_only=True)
class BreakerPolicy:
    """When a breaker opens and closes.

    Arguments:
        failure_ratio: share of the window's calls that have to fail; more than 0, at most 1.
        window: seconds for which a call is remembered.
        minimum: calls that the window has to hold before the ratio counts.
        open_for: seconds for which no call may go. Behind them the breaker is half open.
        probes: calls that may be under way at once while it is half open, and successes that close it. A probe that
            has not reported within `open_for` is replaced by another one.

    Raises:
        ValueError: a number is out of its range.
        TypeError: a count is no whole number.
    """

    failure_ratio: float = attrs.field(default=0.5, converter=float, validator=[attrs.validators.gt(0), attrs.validators.le(1)])
    window: float = _seconds(30.0)
    minimum: int = _count(20)
    open_for: float = _seconds(10.0)
    probes: int = _count(1)


@attrs.frozen(kw_only=True)
class BreakerState:
    """A breaker at one moment.

    Attributes:
        status: ``closed``: calls go; ``open``: none goes; ``half_open``: probes go.
        failures, calls: of the window.
        after: seconds until the next probe may go; 0.0 where a call may go at once.
    """

    status: BreakerStatus
    failures: int
    calls: int
    after: float


class CircuitBreaker:
    """Holds calls to a provider back while too many of them fail.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``; stands in events and errors.
        policy: when it opens and closes.
        clock: monotonic time in seconds.
        on_change: told of every change of the status, outside of the lock. Half open is told when the first probe goes.
            What it raises is logged and does not reach the call.

    Raises:
        TypeError: an argument is of the wrong type.
    """

    def __init__(
        self,
        provider: str,
        policy: BreakerPolicy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[BreakerChanged], object] | None = None,
    ) -> None:
        if not isinstance(provider, str):
            msg = f"provider is the name of a vendor, such as 'heygen', not {provider!r}"
            raise TypeError(msg)
        if policy is not None and not isinstance(policy, BreakerPolicy):
            msg = f"policy is a BreakerPolicy or None, not {policy!r}"
            raise TypeError(msg)
        if not callable(clock):
            msg = f"clock is a function without arguments that gives a number, not {clock!r}"
            raise TypeError(msg)
        if on_change is not None and not callable(on_change):
            msg = f"on_change is a function that takes a BreakerChanged, or None, not {on_change!r}"
            raise TypeError(msg)
        self.provider = provider
        self.policy = policy or BreakerPolicy()
        self._clock = clock
        self._on_change = on_change
        self._lock = Lock()
        self._status: BreakerStatus = "closed"
        self._window = _Window(self.policy.window)
        self._half_open_at = 0.0
        # Goes up with every change, so that calls of earlier days decide nothing.
        self._generation = 0
        # When the probes that are under way are given up.
        self._probes: dict[Permit, float] = {}
        self._successes = 0

    def __repr__(self) -> str:
        state = self.state
        return f"CircuitBreaker({self.provider!r}, {state.status}, {state.failures} of {state.calls} calls failed)"

    @property
    def status(self) -> BreakerStatus:
        """``closed``, ``open`` or ``half_open``, by the clock."""
        return self.state.status

    @property
    def state(self) -> BreakerState:
        """What it knows at this moment."""
        with self._lock:
            now = self._clock()
            calls, failures = self._window.counts(now)
            after = self._wait(now)
            past = self._status == "open" and now >= self._half_open_at
            return BreakerState(status="half_open" if past else self._status, failures=failures, calls=calls, after=after)

    def enter(self) -> Permit:
        """Ask whether a call may go.

        Returns:
            the permit, to which the call reports exactly one end.

        Raises:
            CircuitOpenError: it may not.
        """
        event = None
        with self._lock:
            now = self._clock()
            after = self._wait(now)
            if after > 0:
                raise CircuitOpenError(self.provider, after)
            if self._status == "open":
                event = self._change("half_open", now)
            permit = Permit(self, self._generation)
            if self._status == "half_open":
                self._probes = {probe: until for probe, until in self._probes.items() if until > now}
                self._probes[permit] = now + self.policy.open_for
        self._tell(event)
        return permit

    def _wait(self, now: float) -> float:
        """Seconds until a call may go."""
        if self._status == "closed":
            return 0.0
        if self._status == "open":
            return max(0.0, self._half_open_at - now)
        under_way = [until for until in self._probes.values() if until > now]
        return min(under_way) - now if len(under_way) >= self.policy.probes else 0.0

    def _ended(self, permit: Permit, failed: bool | None) -> None:  # noqa: FBT001 - the verdict; None for no verdict
        event = None
        with self._lock:
            if permit._ended:  # noqa: SLF001 - guarded by this lock
                return
            permit._ended = True  # noqa: SLF001
            self._probes.pop(permit, None)
            if permit._generation != self._generation or failed is None:  # noqa: SLF001
                return
            now = self._clock()
            self._window.add(now, failed=failed)
            event = self._probed(now, failed=failed) if self._status == "half_open" else self._counted(now, failed=failed)
        self._tell(event)

    def _counted(self, now: float, *, failed: bool) -> BreakerChanged | None:
        calls, failures = self._window.counts(now)
        if not failed or calls < self.policy.minimum or failures < self.policy.failure_ratio * calls:
            return None
        return self._change("open", now)

    def _probed(self, now: float, *, failed: bool) -> BreakerChanged | None:
        if failed:
            return self._change("open", now)
        self._successes += 1
        return self._change("closed", now) if self._successes >= self.policy.probes else None

    def _change(self, after: BreakerStatus, now: float) -> BreakerChanged:
        calls, failures = self._window.counts(now)
        event = BreakerChanged(provider=self.provider, before=self._status, after=after, failures=failures, calls=calls)
        self._status = after
        self._generation += 1
        self._probes = {}
        self._successes = 0
        if after == "open":
            self._half_open_at = now + self.policy.open_for
        if after == "closed":
            self._window = _Window(self.policy.window)
        return event

    def _tell(self, event: BreakerChanged | None) -> None:
        if event is None or self._on_change is None:
            return
        try:
            self._on_change(event)
        except Exception:  # noqa: BLE001 - what a hook raises stays away from the call
            _log.exception("a hook for %s failed", type(event).__name__)


class Permit:
    """A call that may go. Its end is reported once: of several reports the first counts."""

    __slots__ = ("_breaker", "_ended", "_generation")

    def __init__(self, breaker: CircuitBreaker, generation: int) -> None:
        self._breaker = breaker
        self._generation = generation
        self._ended = False

    def succeeded(self) -> None:
        """The vendor answered as it should."""
        self._breaker._ended(self, failed=False)  # noqa: SLF001 - one unit with the breaker

    def failed(self, info: ErrorInfo) -> None:
        """The call failed; whether that speaks against the vendor is read from the failure."""
        self._breaker._ended(self, failed=_speaks_against(info))  # noqa: SLF001

    def release(self) -> None:
        """The call ended and nothing is known of the vendor: it was cancelled, say."""
        self._breaker._ended(self, failed=None)  # noqa: SLF001


def _speaks_against(info: ErrorInfo) -> bool | None:
    """Whether a failure says that the vendor does not work; None if it says nothing of the vendor."""
    if info.name == "ANSWER_TOO_LARGE":  # for this client; the vendor answered
        return False
    if info.channel is Channel.TRANSPORT:
        # Connections, files or time of this program ran out, or the request cannot be sent as it is.
        out_of_time = info.name == "DEADLINE_EXCEEDED" and info.retry.outcome is Outcome.NOT_SENT
        return None if info.fault is Fault.CALLER or out_of_time else True
    if info.channel in (Channel.JOB, Channel.WEBHOOK):
        return False
    return (info.status is not None and 500 <= info.status <= 599) or info.category is Category.TIMEOUT  # noqa: PLR2004


class _Window:
    """Calls and failures of the last seconds, in ten parts.

    Parts that are over are dropped whole, so that memory does not grow with the calls. The price: a call is forgotten
    up to a tenth of the window too early.
    """

    __slots__ = ("_parts", "_width")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _PARTS
        self._parts: deque[_Part] = deque()

    def add(self, now: float, *, failed: bool) -> None:
        """Count a call."""
        number = self._forget(now)
        if not self._parts or self._parts[-1].number != number:
            self._parts.append(_Part(number))
        self._parts[-1].calls += 1
        self._parts[-1].failures += failed

    def counts(self, now: float) -> tuple[int, int]:
        """Calls, and how many of them failed."""
        self._forget(now)
        return sum(part.calls for part in self._parts), sum(part.failures for part in self._parts)

    def _forget(self, now: float) -> int:
        number = int(now // self._width)
        while self._parts and self._parts[0].number <= number - _PARTS:
            self._parts.popleft()
        return number


@attrs.define
class _Part:
    """A tenth of a window.

    Attributes:
        number: how many such parts the clock has gone through.
    """

    number: int
    calls: int = 0
    failures: int = 0
