"""Retries for functions of one's own, whatever HTTP library they use: a decorator and a loop.

::

    @retrying("heygen", method="GET", url="/v3/videos")
    def videos():
        response = session.get("https://api.heygen.com/v3/videos", timeout=30)
        raise_for_error(response)
        return response.json()

    for attempt in retrying("heygen", method="POST", url="/v3/videos", idempotency_key=key):
        with attempt:
            ...  # the same with ``async for``

backoff drives the decorator, a loop of our own the other form; the decisions of both are those of `RetryPolicy`.
"""

from __future__ import annotations

import functools
import inspect
import random
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, ParamSpec, Self, TypeAlias, TypeVar, cast, get_args, overload
from urllib.parse import urlsplit

import attrs

from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import ErrorInfo, Outcome
from heify_heygen_errors.normalizer import Normalizer, UnknownCode, default_normalizer, host_provider
from heify_heygen_errors.observation import Observation, from_status_exception, response_of
from heify_heygen_errors.retry.budget import RetryBudget, shared_budget
from heify_heygen_errors.retry.events import Hook, Listeners
from heify_heygen_errors.retry.policy import Effect, RetryPolicy
from heify_heygen_errors.retry.tries import Tries
from heify_heygen_errors.transport import class_names

P = ParamSpec("P")
R = TypeVar("R")

Key: TypeAlias = str | Callable[..., str | None]
"""An idempotency key, or a function that makes one of the arguments of a call."""

_UNKNOWN_METHOD: Final = "POST"
_EFFECTS: Final = get_args(Effect)
_MAX_CAUSES: Final = 32


@overload
def retrying(provider: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def retrying(
    provider: str | None = None,
    *,
    method: str | None = None,
    url: str | None = None,
    effect: Effect | None = None,
    idempotency_key: Key | None = None,
    policy: RetryPolicy | None = None,
    deadline: float | None = None,
    budget: RetryBudget | Literal["shared"] | None = "shared",
    hooks: Hook | Iterable[Hook] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] | None = None,
    draw: Callable[[], float] = random.random,
    normalizer: Normalizer | None = None,
) -> Retrying: ...


def retrying(
    provider: str | Callable[..., Any] | None = None,
    *,
    method: str | None = None,
    url: str | None = None,
    effect: Effect | None = None,
    idempotency_key: Key | None = None,
    policy: RetryPolicy | None = None,
    deadline: float | None = None,
    budget: RetryBudget | Literal["shared"] | None = "shared",
    hooks: Hook | Iterable[Hook] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] | None = None,
    draw: Callable[[], float] = random.random,
    normalizer: Normalizer | None = None,
) -> Any:
    """Repeats a call of a vendor when it fails, where that helps and cannot start paid work twice.

    Use it as a decorator of a function or ``async def`` function, with or without parentheses, or as a loop of
    context managers with ``for`` or ``async for``. Wrap one request to a vendor and nothing else: everything inside
    is repeated, also what had succeeded before the failure. `Client` needs it not: it repeats its calls itself.

    Only exceptions count: have `raise_for_error`, or the HTTP library's own ``raise_for_status``, make one of an
    answer that says no. Whatever is not repeated leaves as the exception that it is; an `ApiError` then has
    `attempts`, `wait` and `idempotency_key`, other failures of the vendor a note (PEP 678) that says why. An exception is taken for a failure of the vendor if it is an
    `ApiError`, carries an answer, or is of a class that the transport catalog lists (those of requests, httpx,
    aiohttp, urllib3 and Python), or was raised ``from`` one that is. All others are never repeated; so are
    failures for which nothing names a provider.

    Arguments:
        provider: ``heygen``, ``liveavatar`` or ``heify``; None where the URL of every failed request names it.
        method: of the call; by it and the URL the catalog knows what a repeat does. None to take that of the request
            that hangs on the exception; where none does, the call counts as a POST that spends.
        url: of the call, or its path; None as for the method.
        effect: what a repeat does, ``"read"``, ``"idempotent"`` or ``"spends"``, where you know better than the catalog.
        idempotency_key: the key that the function sends on every attempt. It counts where the endpoint honours one.
            A key among the headers of the failed request does not count, since each attempt may draw another.
            A decorator also takes a function of the call's arguments, asked once a call: ``lambda job: job.key``.
        policy: how often and how patiently; `RetryPolicy` as it is by default.
        deadline: seconds from the beginning of a call within which an attempt may begin. A running attempt is not
            ended: give the request a time-out of its own.
        budget: where retries take their tokens. ``"shared"`` is `shared_budget` of the provider and the host of `url`;
            of a path, or without a URL, the one of the provider without a host. None for no budget.
        hooks: who is told of attempts, retries and giving up; method and path are empty in events about calls of which
            they are not known. With a `normalizer`, unknown codes are told to that one's own hook instead.
        clock: monotonic time in seconds.
        sleep: waits the seconds that it is called with, and is awaited in ``async`` code. None for `time.sleep` or
            `asyncio.sleep`. Behind a given one backoff still sleeps 0 seconds.
        draw: a number from 0 to 1, for the jitter.
        normalizer: reads the exceptions, by catalogs of its own; None for the shipped ones.

    Raises:
        ValueError: there is no such provider or effect, or the deadline is negative.
        TypeError: an argument is nothing of the kind; what is decorated is no function or a generator function.
    """
    function = provider if provider is not None and not isinstance(provider, str) else None  # @retrying without parentheses
    listeners = Listeners(hooks)
    if normalizer is None:
        normalizer = Normalizer(on_unknown_code=listeners.tell) if listeners.wants(UnknownCode) else default_normalizer
    name = normalizer.settle(Observation(provider)) if isinstance(provider, str) else None
    if effect is not None and effect not in _EFFECTS:
        msg = f"there is no effect {effect!r}: use one of {', '.join(_EFFECTS)}"
        raise ValueError(msg)
    if deadline is not None and not deadline >= 0:
        msg = f"a deadline is 0 seconds or more, not {deadline!r}"
        raise ValueError(msg)
    made = Retrying(
        provider=name,
        method=method.upper() if method is not None else None,
        url=url,
        effect=effect,
        idempotency_key=idempotency_key,
        policy=_of_kind(policy, RetryPolicy, "policy") or RetryPolicy(),
        deadline=deadline,
        budget=_shared(normalizer, name, url) if budget == "shared" else _of_kind(budget, RetryBudget, "budget"),
        listeners=listeners,
        clock=clock,
        sleep=sleep,
        draw=draw,
        normalizer=normalizer,
    )
    return made if function is None else made(function)


def _of_kind(value: R, kind: type, name: str) -> R:
    if value is not None and not isinstance(value, kind):
        msg = f"{name} takes a {kind.__name__}, not {type(value).__name__}"
        raise TypeError(msg)
    return value


def _shared(normalizer: Normalizer, provider: str | None, url: str | None) -> RetryBudget:
    host = urlsplit(url).netloc.rpartition("@")[2] if url is not None else ""
    return shared_budget(provider or host_provider(normalizer.catalogs, url) or "", host)


class _Failure(NamedTuple):
    """A failure of a vendor, and what is known of the request that met it."""

    info: ErrorInfo
    method: str | None = None
    url: str | None = None


@attrs.frozen(kw_only=True, eq=False)
class Retrying:
    """What `retrying` gives: decorates functions, and loops. It holds no state: each call and each loop begins anew."""

    provider: str | None
    method: str | None
    url: str | None = attrs.field(repr=False)
    effect: Effect | None
    idempotency_key: Key | None = attrs.field(repr=False)
    policy: RetryPolicy
    deadline: float | None
    budget: RetryBudget | None
    listeners: Listeners = attrs.field(repr=False)
    clock: Callable[[], float] = attrs.field(repr=False)
    sleep: Callable[[float], object] | None = attrs.field(repr=False)
    draw: Callable[[], float] = attrs.field(repr=False)
    normalizer: Normalizer = attrs.field(repr=False)

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """The function with retries.

        Raises:
            TypeError: it is no function, or a generator function, or it is not async and the given sleep is.
        """
        _refuse_what_is_no_function(function)
        if _is_async(function):
            return cast(Callable[P, R], self._repeated_async(function))
        self._refuse_async_sleep(f"{_name(function)} is not")
        return cast(Callable[P, R], self._repeated(function))

    def __iter__(self) -> Iterator[RetryAttempt]:
        """The attempts of a loop: each is for one ``with`` block; the first that succeeds is the last.

        Raises:
            TypeError: the given sleep is async, or the idempotency key is a function.
        """
        self._refuse_async_sleep("`for` is not: use `async for`")
        return _Attempts(self._begin_loop(), self.sleep)

    def __aiter__(self) -> AsyncIterator[RetryAttempt]:
        """The same with async sleep.

        Raises:
            TypeError: the idempotency key is a function.
        """
        return _AsyncAttempts(self._begin_loop(), self.sleep)

    def _repeated(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def once(call: _Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call.begin()
            try:
                result = function(*args, **kwargs)
            except Exception as exc:
                wait = call.failed(exc)
                if wait is None:
                    raise
                raise _AgainError(wait) from exc
            if inspect.iscoroutine(result):
                result.close()
                msg = f"{_name(function)} is no `async def` function, but gives a coroutine: put @retrying right above the `async def`"
                raise TypeError(msg)
            call.succeeded()
            return result

        driven = self._driven(once, _pause)

        @functools.wraps(function)
        def repeated(*args: Any, **kwargs: Any) -> Any:
            return driven(self._begin(self._key(args, kwargs)), args, kwargs)

        return repeated

    def _repeated_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def once(call: _Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            call.begin()
            try:
                result = await function(*args, **kwargs)
            except Exception as exc:
                wait = call.failed(exc)
                if wait is None:
                    raise
                raise _AgainError(wait) from exc
            call.succeeded()
            return result

        driven = self._driven(once, _pause_async)

        @functools.wraps(function)
        async def repeated(*args: Any, **kwargs: Any) -> Any:
            return await driven(self._begin(self._key(args, kwargs)), args, kwargs)

        return repeated

    def _driven(self, once: Callable[..., Any], pause: Callable[[Callable[[float], object], Any], Any]) -> Callable[..., Any]:
        """One attempt under the loop of backoff, which sees nothing but the wish for another attempt.

        Failures that are final pass by it: its release 3 would raise them anew, out of a generator, where a
        StopIteration becomes a RuntimeError. Its jitter would shorten what the vendor asks for, its logger print the
        texts of exceptions, and its longest time go by a clock that can be set.
        """
        import backoff

        again = functools.partial(backoff.on_exception, exception=_AgainError, max_tries=None, max_time=None, jitter=None, logger=None)
        decorate = again(_waits) if self.sleep is None else again(_no_waits, on_backoff=functools.partial(pause, self.sleep))
        return decorate(once)

    def _key(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        key = self.idempotency_key
        if key is None or isinstance(key, str):
            return key
        made = key(*args, **kwargs)
        if made is not None and not isinstance(made, str):
            msg = f"the function behind idempotency_key gives a text or None, not {type(made).__name__}"
            raise TypeError(msg)
        return made

    def _begin_loop(self) -> _Call:
        if self.idempotency_key is not None and not isinstance(self.idempotency_key, str):
            msg = "a loop has no arguments to make an idempotency key of: pass the key itself"
            raise TypeError(msg)
        return self._begin(self.idempotency_key)

    def _begin(self, key: str | None) -> _Call:
        tries = Tries(
            policy=self.policy,
            provider=self.provider or "",
            method=self.method or "",
            url=self.url,
            effect=self.effect,
            idempotency_key=key,
            deadline=self.deadline,
            budget=self.budget,
            listeners=self.listeners,
            clock=self.clock,
            draw=self.draw,
            catalogs=self.normalizer.catalogs,
        )
        return _Call(self, tries)

    def _refuse_async_sleep(self, told: str) -> None:
        if inspect.iscoroutinefunction(self.sleep):
            msg = f"the given sleep is async, but {told}"
            raise TypeError(msg)


def _waits() -> Generator[float, Any, None]:
    again = yield 0.0  # backoff sends the exceptions in; what comes before the first is for nobody
    while True:
        again = yield again.wait


def _no_waits() -> Generator[float, Any, None]:
    while True:
        yield 0.0


def _pause(sleep: Callable[[float], object], details: Any) -> None:
    sleep(details["exception"].wait)


async def _pause_async(sleep: Callable[[float], object], details: Any) -> None:
    await _wait_async(sleep, details["exception"].wait)


async def _wait_async(sleep: Callable[[float], object], seconds: float) -> None:
    pause = sleep(seconds)
    if inspect.isawaitable(pause):
        await pause


def _name(function: object) -> str:
    return getattr(function, "__qualname__", None) or repr(function)


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _refuse_what_is_no_function(function: object) -> None:
    if isinstance(function, staticmethod | classmethod | property):
        msg = f"@retrying goes below @{type(function).__name__}, right above the function"
        raise TypeError(msg)
    if not callable(function) or isinstance(function, type):
        msg = f"retrying takes the name of a provider, or decorates a function; {function!r} is neither"
        raise TypeError(msg)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        loop = "async for" if inspect.isasyncgenfunction(function) else "for"
        msg = (
            f"{_name(function)} is a generator function, which fails only when it is iterated, after some items were given away:"
            f" put `{loop} attempt in retrying(...):` and `with attempt:` around the call inside it"
        )
        raise TypeError(msg)


class _AgainError(Exception):
    """Asks backoff for another attempt, after so many seconds. Never leaves `retrying`."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"again after {wait} seconds")
        self.wait = wait


@attrs.frozen(eq=False)
class _Call:
    """One call: its attempts, and what its failures are."""

    _retrying: Retrying
    tries: Tries = attrs.field(repr=False)

    def begin(self) -> None:
        self.tries.begin()

    def succeeded(self) -> None:
        self.tries.succeeded()

    def failed(self, exc: Exception) -> float | None:
        """Seconds until the next attempt; None where the exception has to leave."""
        failure = self._read(exc, _MAX_CAUSES)
        if failure is None:
            return None
        tries, given = self.tries, self._retrying
        tries.provider = failure.info.provider
        tries.method = given.method or failure.method or _UNKNOWN_METHOD
        tries.url = given.url or failure.url
        decision = tries.failed(failure.info)
        if decision.retry:
            return decision.wait or 0.0
        if isinstance(exc, ApiError):
            key = exc.idempotency_key
            tries.put_on(exc)
            exc.idempotency_key = exc.idempotency_key or key
        else:  # an ApiError has all that on it
            exc.add_note(f"Not repeated after attempt {len(tries.attempts)} ({decision.reason}): {decision.reason.says}")
        return None

    def _read(self, exc: BaseException, depth: int) -> _Failure | None:
        """The failure of a vendor that an exception is, or is raised from; None where it is none.

        What merely happened to be handled when it was raised (``__context__``) is not asked: behind a programming
        error, a failure that was dealt with before would have the whole function repeated.
        """
        if isinstance(exc, ApiError):
            return _Failure(exc.info, exc.method, exc.path)
        if isinstance(exc, BaseExceptionGroup):
            return self._read_group(exc, depth)
        return self._read_one(exc) or (self._read(exc.__cause__, depth - 1) if exc.__cause__ is not None and depth else None)

    def _read_one(self, exc: BaseException) -> _Failure | None:
        normalizer = self._retrying.normalizer
        listed = normalizer.catalogs.transport.by_exception
        is_listed = any(name in listed for name in class_names(type(exc)))
        speaks = is_listed or response_of(exc) is not None or from_status_exception(exc, None) is not None
        if not speaks or not isinstance(exc, Exception):
            return None
        try:
            observation = normalizer.observe(exc, self._retrying.provider)
            normalizer.settle(observation)
        except ValueError:  # nothing names the provider
            return None
        info = normalizer.normalize(observation)
        return _Failure(info, observation.method, observation.url) if info is not None else None

    def _read_group(self, group: BaseExceptionGroup[BaseException], depth: int) -> _Failure | None:
        """Several failures at once: the one that speaks most against a repeat decides, if all are of the vendor."""
        failures = [self._read(member, depth - 1) if depth else None for member in group.exceptions]
        if len(failures) == 1:
            return failures[0]
        known = [failure.info for failure in failures if failure is not None]
        if len(known) < len(failures):
            return None
        # Several calls were made, and the request of one says nothing about the others.
        return _Failure(min(known, key=lambda info: (info.retryable, info.retry.outcome in (Outcome.NOT_SENT, Outcome.REFUSED))))


@attrs.define(eq=False)
class RetryAttempt:
    """One attempt of a loop, for one ``with`` block.

    A failure that is repeated ends the block and not the loop. Every other exception leaves it as it is.
    """

    _call: _Call = attrs.field(repr=False)
    _entered: bool = attrs.field(default=False, init=False, repr=False)
    _wait: float | None = attrs.field(default=None, init=False, repr=False)
    number: int = attrs.field(init=False)
    """1 for the first attempt."""

    def __attrs_post_init__(self) -> None:
        self.number = len(self._call.tries.attempts) + 1

    @property
    def elapsed(self) -> float:
        """Seconds since the loop began."""
        return self._call.tries.elapsed

    @property
    def remaining(self) -> float | None:
        """Seconds until the deadline, 0 behind it; None where there is none. A good time-out for the request."""
        return self._call.tries.remaining

    def __enter__(self) -> Self:
        if self._entered:
            msg = "an attempt is for one `with` block: go through the loop for the next"
            raise RuntimeError(msg)
        self._entered = True
        self._call.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> bool:
        if exc is None:
            self._call.succeeded()
            return False
        if not isinstance(exc, Exception):
            return False
        self._wait = self._call.failed(exc)
        return self._wait is not None

    def _until_next(self) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        if not self._entered:
            msg = "the loop of retrying knows of failures only through its attempts: put `with attempt:` around what it holds"
            raise RuntimeError(msg)
        return self._wait


@attrs.define(eq=False)
class _Attempts(Iterator[RetryAttempt]):
    _call: _Call
    _sleep: Callable[[float], object] | None
    _last: RetryAttempt | None = attrs.field(default=None, init=False)

    def __next__(self) -> RetryAttempt:
        if self._last is not None:
            wait = self._last._until_next()  # noqa: SLF001 - the other half of the loop
            if wait is None:
                raise StopIteration
            (self._sleep or time.sleep)(wait)
        self._last = RetryAttempt(self._call)
        return self._last


@attrs.define(eq=False)
class _AsyncAttempts(AsyncIterator[RetryAttempt]):
    _call: _Call
    _sleep: Callable[[float], object] | None
    _last: RetryAttempt | None = attrs.field(default=None, init=False)

    async def __anext__(self) -> RetryAttempt:
        if self._last is not None:
            wait = self._last._until_next()  # noqa: SLF001 - the other half of the loop
            if wait is None:
                raise StopAsyncIteration
            import asyncio  # here: code that is not async does without it

            await _wait_async(self._sleep or asyncio.sleep, wait)
        self._last = RetryAttempt(self._call)
        return self._last
