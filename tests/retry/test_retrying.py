"""Retries of one's own functions: the decorator and the loop, sync and async, held to the same answers."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
import requests

from heify_heygen_errors import ApiError, NotFoundError, RateLimitError, ServerError, UnknownCode, normalize, raise_for_error
from heify_heygen_errors.retry.budget import RetryBudget, shared_budget
from heify_heygen_errors.retry.events import AttemptEnded, BudgetExhausted, GaveUp, Hooks, RetryPlanned
from heify_heygen_errors.retry.policy import RetryPolicy
from heify_heygen_errors.retry.repeating import Retrying, retrying
from heify_heygen_errors.testing import ManualClock, exception, response, transport_exception

VIDEOS = "https://api.heygen.com/v3/videos"
KEY = "order-1-of-a-test"

Raiser = Callable[[], BaseException]


class Script:
    """A function that raises what it is told, call by call, and then gives its result."""

    def __init__(self, *raisers: Raiser, always: Raiser | None = None) -> None:
        self.raisers = list(raisers)
        self.always = always
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.always is not None:
            raise self.always()
        if self.raisers:
            raiser = self.raisers.pop(0)
            raise raiser()
        return "done"


def by_decorator(again: Retrying, script: Script) -> str:
    @again
    def call() -> str:
        return script()

    return call()


def by_async_decorator(again: Retrying, script: Script) -> str:
    @again
    async def call() -> str:
        await asyncio.sleep(0)
        return script()

    return asyncio.run(call())


def by_loop(again: Retrying, script: Script) -> str:
    for attempt in again:
        with attempt:
            result = script()
    return result


def by_async_loop(again: Retrying, script: Script) -> str:
    async def call() -> str:
        async for attempt in again:
            with attempt:
                await asyncio.sleep(0)
                result = script()
        return result

    return asyncio.run(call())


Way = Callable[[Retrying, Script], str]
WAYS: list[Way] = [by_decorator, by_async_decorator, by_loop, by_async_loop]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the four ways to use retrying."""
    return request.param


def again_with(provider: str | None = "heygen", **options: Any) -> Retrying:
    """Retries with a budget of their own and the middle of the jitter."""
    return retrying(provider, **{"budget": None, "draw": lambda: 0.5, **options})


def api_error(
    what: str = "server", method: str | None = None, path: str | None = None, provider: str = "heygen", **options: Any
) -> ApiError:
    """An ApiError as `raise_for_error` raises it for a response of such a call."""
    error = exception(provider, what, **options)
    error.method, error.path = method, path
    return error


def http_error(method: str, library: str = "requests", what: str = "server", headers: dict[str, str] | None = None) -> Exception:
    """What the library's own raise_for_status makes of a refusal."""
    answer = response("heygen", what, method=method, url=VIDEOS, library=library)
    answer.request.headers.update(headers or {})
    try:
        answer.raise_for_status()
    except Exception as error:  # noqa: BLE001 - each library has its own
        return error
    raise AssertionError(answer)


def raised_from(cause: BaseException, outer: Exception | None = None) -> Exception:
    """An exception that was raised ``from`` another."""
    outer = outer or RuntimeError("the video could not be made")
    outer.__cause__ = cause
    return outer


def raised_while_handling(context: BaseException) -> Exception:
    """A programming error in code that handles another exception."""
    error = KeyError("video_id")
    error.__context__ = context
    return error


def failed_in(transport: str, method: str = "POST", library: str = "requests") -> Exception:
    """No answer came to a call of /v3/videos."""
    return transport_exception(transport, library, method=method, url=VIDEOS)


class OwnError(Exception):
    """An exception of the program around the calls."""


POST_VIDEOS = {"method": "POST", "url": VIDEOS}
# What is raised on every call, the options, and how often the function is called with 3 attempts allowed.
CASES: dict[str, tuple[Raiser, dict[str, Any], int]] = {
    # An outcome that is not known: by what the call does.
    "server error, GET": (lambda: api_error(method="GET", path="/v3/videos"), {}, 3),
    "server error, POST that spends": (lambda: api_error(method="POST", path="/v3/videos"), {}, 1),
    "server error, POST with key": (lambda: api_error(method="POST", path="/v3/videos"), {"idempotency_key": KEY}, 3),
    "server error, POST with a key that is ignored there": (
        lambda: api_error(method="POST", path="/v2/video/generate"),
        {"idempotency_key": KEY},
        1,
    ),
    "server error, POST with an empty key": (lambda: api_error(method="POST", path="/v3/videos"), {"idempotency_key": ""}, 1),
    "server error, DELETE": (lambda: api_error(method="DELETE", path="/v3/videos/1"), {}, 3),
    "server error, nothing known": (api_error, {}, 1),
    "server error, nothing known but a key": (api_error, {"idempotency_key": KEY}, 3),
    "server error, effect read": (api_error, {"effect": "read"}, 3),
    "server error, effect idempotent": (api_error, {"effect": "idempotent"}, 3),
    "server error, effect spends": (lambda: api_error(method="GET"), {"effect": "spends"}, 1),
    "server error, effect spends with key": (api_error, {"effect": "spends", "idempotency_key": KEY}, 3),
    "server error, given method wins": (lambda: api_error(method="POST", path="/v3/videos"), {"method": "get"}, 3),
    "server error, given POST wins": (lambda: api_error(method="GET", path="/v3/videos"), POST_VIDEOS, 1),
    "server error, given POST with key": (api_error, {**POST_VIDEOS, "idempotency_key": KEY}, 3),
    "server error, given path": (api_error, {"method": "POST", "url": "/v3/videos", "idempotency_key": KEY}, 3),
    "in progress, POST with key": (lambda: api_error("request_in_progress"), {**POST_VIDEOS, "idempotency_key": KEY}, 31),
    "in progress, POST without key": (lambda: api_error("request_in_progress"), POST_VIDEOS, 1),
    "heify reading POST": (lambda: api_error(method="POST", path="/details", provider="heify"), {}, 3),
    "heify submit with a key that heify does not know": (
        lambda: api_error(method="POST", path="/submit", provider="heify"),
        {"idempotency_key": KEY},
        1,
    ),
    # An outcome that is known.
    "throttled, nothing known": (lambda: api_error("rate_limit"), {}, 3),
    "too early, nothing known": (lambda: api_error("not_ready"), {}, 31),
    "failed job of a read": (lambda: api_error("RENDERING_FAILED"), {"effect": "read"}, 1),
    "payment": (lambda: api_error("insufficient_credit"), {"effect": "read"}, 1),
    "not found": (lambda: api_error("not_found"), {"effect": "read"}, 1),
    # Exceptions of HTTP libraries.
    "requests' status error, GET": (lambda: http_error("GET"), {}, 3),
    "requests' status error, POST": (lambda: http_error("POST"), {}, 1),
    "requests' status error, POST with key": (lambda: http_error("POST"), {"idempotency_key": KEY}, 3),
    "requests' status error, POST with a key in the headers": (lambda: http_error("POST", headers={"Idempotency-Key": KEY}), {}, 1),
    "httpx2's status error, GET": (lambda: http_error("GET", "httpx2"), {}, 3),
    "httpx2's status error, POST": (lambda: http_error("POST", "httpx2"), {}, 1),
    "httpx2's status error, payment": (lambda: http_error("GET", "httpx2", "payment"), {}, 1),
    "not connected, POST": (lambda: failed_in("CONNECT_TIMEOUT"), {}, 3),
    "not connected with httpx2, POST": (lambda: failed_in("CONNECTION_REFUSED", library="httpx2"), {}, 3),
    "certificate": (lambda: failed_in("TLS_CERTIFICATE_ERROR"), {}, 1),
    "reset, POST": (lambda: failed_in("CONNECTION_RESET"), {}, 1),
    "reset, GET": (lambda: failed_in("CONNECTION_RESET", "GET"), {}, 3),
    "read time-out with httpx2, GET": (lambda: failed_in("READ_TIMEOUT", "GET", "httpx2"), {}, 3),
    "read time-out, POST with key": (lambda: failed_in("READ_TIMEOUT"), {"idempotency_key": KEY}, 3),
    "Python's own time-out, nothing known": (TimeoutError, {}, 1),
    "Python's own time-out, read": (TimeoutError, {"effect": "read"}, 3),
    # Causes.
    "raised from a not connected call": (lambda: raised_from(failed_in("CONNECT_TIMEOUT")), {}, 3),
    "raised from a reset POST": (lambda: raised_from(failed_in("CONNECTION_RESET")), {}, 1),
    "raised from an ApiError": (lambda: raised_from(api_error(method="GET")), {}, 3),
    "raised from one raised from an ApiError": (lambda: raised_from(raised_from(api_error(method="GET")), OwnError()), {}, 3),
    "raised while handling a not connected call": (lambda: raised_while_handling(failed_in("CONNECT_TIMEOUT")), {}, 1),
    "raised from a mistake while handling one": (
        lambda: raised_from(raised_while_handling(failed_in("CONNECT_TIMEOUT")), OwnError()),
        {},
        1,
    ),
    # Several failures at once.
    "group of one": (lambda: ExceptionGroup("calls", [api_error(method="GET")]), {}, 3),
    "group of refusals": (lambda: ExceptionGroup("calls", [api_error("rate_limit"), failed_in("CONNECT_TIMEOUT")]), {}, 3),
    "group of reads, of which one may hide a POST": (
        lambda: ExceptionGroup("calls", [api_error(method="GET"), api_error(method="GET")]),
        {},
        1,
    ),
    "group of reads, as said": (
        lambda: ExceptionGroup("calls", [api_error(), ExceptionGroup("more", [api_error()])]),
        {"effect": "read"},
        3,
    ),
    "group with a refusal for good": (
        lambda: ExceptionGroup("calls", [api_error("rate_limit"), api_error("payment")]),
        {"effect": "read"},
        1,
    ),
    "group with a mistake": (lambda: ExceptionGroup("calls", [api_error("rate_limit"), KeyError("id")]), {"effect": "read"}, 1),
    # No failure of a vendor.
    "a mistake": (lambda: KeyError("video_id"), {"effect": "read"}, 1),
    "a mistake that sounds like a failure": (lambda: OwnError("Connection refused"), {"effect": "read"}, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_how_often_a_function_is_called(case: str, way: Way, recorded_sleep: ManualClock) -> None:
    """A failing function is called again exactly where that helps and cannot pay twice, and fails with its own last exception."""
    raiser, options, calls = CASES[case]
    raised: list[BaseException] = []

    def record() -> BaseException:
        raised.append(raiser())
        return raised[-1]

    script = Script(always=record)
    expected = type(raiser())
    with pytest.raises(expected) as caught:
        way(again_with(**options), script)
    assert calls == script.calls
    assert caught.value is raised[-1]
    assert calls - 1 == len(recorded_sleep.slept)


def test_the_provider_can_come_from_the_url(way: Way, recorded_sleep: ManualClock) -> None:
    """Without a provider, the host that was called names it; where no host is known, nothing is repeated."""
    named, nameless = Script(lambda: failed_in("CONNECT_TIMEOUT")), Script(ConnectionRefusedError)
    assert way(again_with(None), named) == "done"
    with pytest.raises(ConnectionRefusedError):
        way(again_with(None), nameless)
    assert (named.calls, nameless.calls) == (2, 1)


def test_a_status_without_a_provider_is_not_repeated(way: Way, recorded_sleep: ManualClock) -> None:
    """An answer of a host that is no vendor's passes unchanged where no provider is given."""

    def foreign() -> Exception:
        answer = response("heygen", "server", method="GET")
        answer.url = answer.request.url = "https://example.org/"
        return requests.HTTPError(response=answer)

    script = Script(always=foreign)
    with pytest.raises(requests.HTTPError):
        way(again_with(None), script)
    assert script.calls == 1


def test_waits_are_the_policys(way: Way, recorded_sleep: ManualClock) -> None:
    """Waits are drawn between nothing and a doubling base, on top of what the vendor asks for."""
    script = Script(lambda: api_error(method="GET"), lambda: api_error("rate_limit", retry_after=7), lambda: api_error("not_ready"))
    assert way(again_with(), script) == "done"
    assert recorded_sleep.slept == [0.25, 7 + 1.0, 0.75]


def test_the_policy_can_be_given(way: Way, recorded_sleep: ManualClock) -> None:
    """Another policy decides instead."""
    script = Script(always=lambda: api_error(method="GET"))
    with pytest.raises(ServerError):
        way(again_with(policy=RetryPolicy(attempts=5, base=8, cap=16)), script)
    assert recorded_sleep.slept == [4, 8, 8, 8]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_given_sleep_is_used(way: Way, kind: str, recorded_sleep: ManualClock) -> None:
    """A sleep that is given gets every wait; of Python's own nothing but 0 seconds is asked."""
    own = ManualClock()
    script = Script(lambda: api_error(method="GET"), lambda: api_error(method="GET"))
    if kind == "async" and way in (by_decorator, by_loop):
        with pytest.raises(TypeError, match="the given sleep is async, but"):
            way(again_with(sleep=own.asleep), script)
        assert script.calls == 0
        return
    assert way(again_with(sleep=own.asleep if kind == "async" else own.sleep), script) == "done"
    assert own.slept == [0.25, 0.5]
    assert recorded_sleep.total == 0


def test_no_text_of_an_exception_is_logged(way: Way, recorded_sleep: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """A retry is logged by its rule, and neither it nor giving up writes the text of an exception to a log."""
    with caplog.at_level(logging.DEBUG), pytest.raises(ServerError):
        way(again_with(), Script(always=lambda: api_error(method="GET")))
    told = [record for record in caplog.records if record.name != "asyncio"]
    assert [record.name for record in told] == ["heify_heygen_errors"] * 2
    assert all("transport/" in record.getMessage() or "heygen/" in record.getMessage() for record in told)
    assert not any(str(api_error(method="GET").info.message) in record.getMessage() for record in told)


def test_the_deadline_ends_the_attempts(way: Way, recorded_sleep: ManualClock) -> None:
    """No attempt begins behind the deadline, and the exception says why there was none."""
    script = Script(always=lambda: api_error("rate_limit", retry_after=7))
    with pytest.raises(RateLimitError) as caught:
        way(again_with(deadline=10, clock=recorded_sleep), script)
    assert (script.calls, recorded_sleep.slept) == (2, [7.5])
    assert (caught.value.attempts[-1].reason, caught.value.wait) == ("deadline", 7.0)


def test_the_deadline_counts_from_the_call(way: Way, recorded_sleep: ManualClock) -> None:
    """Time before the call is no part of its deadline, so that a decorated function keeps working."""
    again = again_with(deadline=10, clock=recorded_sleep)
    recorded_sleep.advance(100)
    assert way(again, Script(lambda: api_error(method="GET"))) == "done"
    recorded_sleep.advance(100)
    assert way(again, Script(lambda: api_error(method="GET"))) == "done"


def test_an_api_error_tells_its_history(way: Way, recorded_sleep: ManualClock) -> None:
    """The ApiError that leaves has every attempt with status, rule, reason and wait, and the key for a later repeat."""
    script = Script(
        lambda: api_error("rate_limit", retry_after=7),
        lambda: failed_in("READ_TIMEOUT"),
        lambda: api_error("insufficient_credit"),
    )
    with pytest.raises(ApiError) as caught:
        way(again_with(**POST_VIDEOS, idempotency_key=KEY, clock=recorded_sleep), script)
    error = caught.value
    assert [(one.number, one.time, one.status, one.rule, one.wait, one.reason) for one in error.attempts] == [
        (1, 0.0, 429, "heygen/RATE_LIMIT_EXCEEDED", 7.5, "throttled"),
        (2, 7.5, None, "transport/ReadTimeout", 0.5, "transient"),
        (3, 8.0, 402, "heygen/INSUFFICIENT_CREDIT", None, "permanent"),
    ]
    assert (error.idempotency_key, error.wait) == (KEY, None)


def test_a_key_that_is_on_the_error_already_stays(way: Way) -> None:
    """The key that a client underneath has sent is not lost where no other is given."""

    def sent() -> ApiError:
        error = api_error("payment")
        error.idempotency_key = "of-the-client"
        return error

    with pytest.raises(ApiError) as caught:
        way(again_with(), Script(sent))
    assert caught.value.idempotency_key == "of-the-client"


def test_the_exception_is_left_as_it_is(way: Way, recorded_sleep: ManualClock) -> None:
    """The last exception has the traceback down to where it was raised, and neither cause nor context of ours."""
    with pytest.raises(requests.ConnectionError) as caught:
        way(again_with(method="GET"), Script(always=lambda: requests.ConnectionError("no answer")))
    assert len(recorded_sleep.slept) == 2
    error = caught.value
    assert traceback.extract_tb(error.__traceback__)[-1].name == "__call__"
    assert (error.__cause__, error.__context__, error.__suppress_context__) == (None, None, False)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_no_exception_passes(raised: type[BaseException]) -> None:
    """An interrupt, an exit or a cancellation is no failure and leaves at once."""
    for way in (by_decorator, by_loop):
        script = Script(always=raised)
        with pytest.raises(raised):
            way(again_with(effect="read"), script)
        assert script.calls == 1


def test_a_stop_iteration_passes() -> None:
    """A StopIteration leaves a decorated function as one, and is not taken for the end of a loop."""
    for way in (by_decorator, by_loop):
        with pytest.raises(StopIteration):
            way(again_with(effect="read"), Script(StopIteration))


@pytest.mark.parametrize("moment", ["calling", "waiting"])
@pytest.mark.parametrize("form", ["decorator", "loop"])
def test_a_task_can_be_cancelled(moment: str, form: str) -> None:
    """A cancelled task ends at once, in the call and in the wait between two, and is cancelled, not failed."""
    calls = 0
    throttled = api_error("rate_limit", retry_after=50)

    async def call() -> None:
        nonlocal calls
        calls += 1
        reached.set()
        if moment == "waiting":
            raise throttled
        await asyncio.sleep(3600)

    async def run() -> None:
        again = again_with()
        if form == "decorator":
            return await again(call)()
        async for attempt in again:
            with attempt:
                await call()
        return None

    async def main() -> bool:
        nonlocal reached
        reached = asyncio.Event()
        task = asyncio.create_task(run())
        await reached.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    reached: asyncio.Event
    assert asyncio.run(main())
    assert calls == 1


def test_a_time_out_around_the_call_ends_it() -> None:
    """asyncio.timeout around a decorated function is not retried away."""
    throttled = api_error("rate_limit", retry_after=50)

    @again_with(effect="read")
    async def call() -> None:
        raise throttled

    async def main() -> None:
        async with asyncio.timeout(0.01):
            await call()

    with pytest.raises(TimeoutError):
        asyncio.run(main())


def test_threads_have_attempts_of_their_own(recorded_sleep: ManualClock) -> None:
    """Calls of one decorated function at the same time count their attempts apart."""
    threads = 8
    barrier = threading.Barrier(threads)

    @again_with(method="GET")
    def call(calls: list[int]) -> None:
        calls.append(1)
        barrier.wait(10)
        raise api_error()

    def run(_number: int) -> tuple[int, int]:
        calls: list[int] = []
        with pytest.raises(ServerError) as caught:
            call(calls)
        return len(calls), len(caught.value.attempts)

    with ThreadPoolExecutor(threads) as pool:
        assert [(3, 3)] * threads == list(pool.map(run, range(threads)))


def test_tasks_have_attempts_of_their_own(recorded_sleep: ManualClock) -> None:
    """Tasks in one decorated coroutine function at the same time count their attempts apart."""

    @again_with(method="GET")
    async def call(failures: list[int]) -> int:
        await asyncio.sleep(0)
        if failures:
            failures.pop()
            raise api_error()
        return 1

    async def main() -> list[Any]:
        return await asyncio.gather(*(call([0] * number) for number in range(5)), return_exceptions=True)

    results = asyncio.run(main())
    assert results[:3] == [1, 1, 1]
    assert [len(error.attempts) for error in results[3:]] == [3, 3]


def test_a_budget_bounds_the_retries_of_all_threads(recorded_sleep: ManualClock) -> None:
    """However many threads fail, the retries are as many as the tokens of the budget they share."""
    budget = RetryBudget(10 * 14 + 13)
    calls = []

    @again_with(method="GET", budget=budget)
    def call() -> None:
        calls.append(1)
        raise api_error()

    def run(_number: int) -> str | None:
        with pytest.raises(ServerError) as caught:
            call()
        return caught.value.attempts[-1].reason

    with ThreadPoolExecutor(8) as pool:
        reasons = list(pool.map(run, range(40)))
    assert len(calls) == 40 + 10
    assert budget.state.tokens == 13
    assert {"attempts", "budget"} >= set(reasons)


def test_a_success_fills_the_budget_again(way: Way, recorded_sleep: ManualClock) -> None:
    """A success after a retry brings its tokens back, one at the first try brings one."""
    budget = RetryBudget(100)
    budget.take(50)
    again = again_with(method="GET", budget=budget)
    assert way(again, Script(api_error)) == "done"
    assert budget.state.tokens == 50
    assert way(again, Script()) == "done"
    assert budget.state.tokens == 51


SHARED = {
    "provider and host": ({"provider": "heygen", "url": "https://a.example:8443/v3"}, ("heygen", "a.example:8443")),
    "user and password are no host": ({"provider": "heygen", "url": "https://user:word@A.example/v3"}, ("heygen", "a.example")),
    "a path has no host": ({"provider": "heify", "url": "/details"}, ("heify", "")),
    "no URL": ({"provider": "heify"}, ("heify", "")),
    "the host names the provider": ({"url": "https://api.heygen.com/v3"}, ("heygen", "api.heygen.com")),
    "nothing known": ({}, ("", "")),
}


@pytest.mark.parametrize("case", SHARED)
def test_the_budget_is_shared_by_provider_and_host(case: str) -> None:
    """Without a word on budgets, the one of the provider and the host of the URL is used."""
    options, key = SHARED[case]
    assert retrying(**options).budget is shared_budget(*key)


def test_hooks_are_told(way: Way, recorded_sleep: ManualClock) -> None:
    """Hooks hear of every attempt, every retry and the end, with what is known of the call."""
    events: list[Any] = []
    hooks = Hooks(on_attempt=events.append, on_retry=events.append, on_give_up=events.append, on_budget_exhausted=events.append)
    again = again_with(hooks=hooks, budget=RetryBudget(14))
    with pytest.raises(ServerError):
        way(again, Script(always=lambda: api_error(method="GET", path="/v3/videos")))
    about = ("heygen", "GET", "/v3/videos")
    assert [
        (AttemptEnded, *about, 1),
        (RetryPlanned, *about, 1),
        (AttemptEnded, *about, 2),
        (BudgetExhausted, *about, None),
        (GaveUp, *about, 2),
    ] == [
        (type(event), event.provider, event.method, event.path, getattr(event, "number", getattr(event, "attempts", None)))
        for event in events
    ]
    events.clear()
    assert way(again, Script()) == "done"
    (event,) = events
    assert (AttemptEnded, "heygen", "", "", 1, None) == (type(event), event.provider, event.method, event.path, event.number, event.info)


def test_hooks_are_told_of_unknown_codes(way: Way) -> None:
    """A code that no catalog lists, in an answer that an exception carries, is told to the hook."""
    told: list[UnknownCode] = []

    def unheard_of() -> Exception:
        answer = response("heygen", "invalid_request", method="GET", url=VIDEOS, code="unheard_of_thing")
        return requests.HTTPError(response=answer)

    with pytest.raises(requests.HTTPError):
        way(again_with(hooks=Hooks(on_unknown_code=told.append)), Script(unheard_of))
    assert [event.code for event in told] == ["unheard_of_thing"]


def test_other_catalogs_can_decide(way: Way, entry: Any, laid_over: Any, recorded_sleep: ManualClock) -> None:
    """A normalizer over a user's own catalogs reads the exceptions."""
    normalizer = laid_over(entry(name="MY_HICCUP", codes=["my_hiccup"], category="server"))

    def hiccup() -> Exception:
        answer = response("heygen", "invalid_request", method="GET", url=VIDEOS, code="my_hiccup")
        return requests.HTTPError(response=answer)

    shipped, own = Script(always=hiccup), Script(always=hiccup)
    for script, options in ((shipped, {}), (own, {"normalizer": normalizer})):
        with pytest.raises(requests.HTTPError):
            way(again_with(**options), script)
    assert (shipped.calls, own.calls) == (1, 3)


def test_what_raise_for_error_raises_names_its_call(way: Way, recorded_sleep: ManualClock) -> None:
    """With raise_for_error nothing need be said of the call: the error knows method and path."""
    counts = {}
    for method in ("GET", "POST"):

        def refused(method: str = method) -> ApiError:
            try:
                raise_for_error(response("heygen", "server", method=method, url=VIDEOS))
            except ApiError as error:
                return error
            raise AssertionError(method)

        script = Script(always=refused)
        with pytest.raises(ServerError):
            way(again_with(), script)
        counts[method] = script.calls
    assert counts == {"GET": 3, "POST": 1}


def test_a_key_can_be_made_of_the_arguments(recorded_sleep: ManualClock) -> None:
    """A function makes the key of a call's arguments, once a call; what it gives is what counts and what stays on the error."""
    asked: list[tuple[str, int]] = []

    def key_of(job: str, *, part: int) -> str | None:
        asked.append((job, part))
        return f"{job}-{part}" if part else None

    calls: list[tuple[str, int]] = []

    @again_with(**POST_VIDEOS, idempotency_key=key_of)
    def make(job: str, *, part: int) -> None:
        calls.append((job, part))
        raise api_error()

    with pytest.raises(ServerError) as caught:
        make("a", part=2)
    assert (caught.value.idempotency_key, len(calls), asked) == ("a-2", 3, [("a", 2)])
    with pytest.raises(ServerError) as caught:
        make("a", part=0)
    assert (caught.value.idempotency_key, len(calls)) == (None, 4)


def test_a_key_that_is_no_text_is_refused() -> None:
    """A key of another type is an error before anything is sent."""
    calls: list[int] = []
    with pytest.raises(TypeError, match="gives a text or None, not int"):
        again_with(idempotency_key=lambda number: number)(calls.append)(1)
    with pytest.raises(TypeError, match="pass the key itself"):
        list(again_with(idempotency_key=lambda: KEY))
    assert calls == []


def test_the_key_is_in_no_repr() -> None:
    """Neither the object nor an attempt shows the key or the URL."""
    again = again_with(idempotency_key=KEY, url="https://api.heygen.com/v3/videos?token=secret-token")
    shown = repr(again) + "".join(repr(attempt) for attempt in [next(iter(again))])
    assert KEY not in shown
    assert "secret-token" not in shown


def test_a_decorated_function_stays_itself() -> None:
    """Name, documentation and signature stay; async functions stay async ones, methods methods."""

    class Service:
        @again_with()
        def fetch(self, number: int, *, deep: bool = False) -> tuple[int, bool]:
            """Fetches."""
            return number, deep

        @staticmethod
        @again_with()
        async def pull() -> int:
            return 2

        @classmethod
        @again_with()
        def named(cls) -> str:
            return cls.__name__

    assert (Service.fetch.__name__, Service.fetch.__doc__) == ("fetch", "Fetches.")
    assert list(inspect.signature(Service.fetch).parameters) == ["self", "number", "deep"]
    assert Service().fetch(1, deep=True) == (1, True)
    assert inspect.iscoroutinefunction(Service.pull)
    assert (asyncio.run(Service.pull()), Service.named()) == (2, "Service")


def test_callable_objects_and_partials_can_be_decorated(recorded_sleep: ManualClock) -> None:
    """What is called like a function is repeated like one, sync or async."""
    throttled = api_error("rate_limit")

    class Async:
        def __init__(self) -> None:
            self.failures = [api_error("rate_limit")]

        async def __call__(self) -> str:
            if self.failures:
                raise self.failures.pop()
            return "done"

    async def pull(calls: list[int]) -> str:
        calls.append(1)
        if len(calls) < 2:
            raise throttled
        return "done"

    assert again_with()(Script(lambda: api_error("rate_limit")))() == "done"
    assert asyncio.run(again_with()(Async())()) == "done"
    assert asyncio.run(again_with()(functools.partial(pull, []))()) == "done"


def test_it_decorates_without_parentheses(recorded_sleep: ManualClock) -> None:
    """Used bare, everything comes from the exceptions."""
    script = Script(lambda: failed_in("CONNECT_TIMEOUT"))

    @retrying
    def call() -> str:
        return script()

    assert (call(), script.calls, call.__name__) == ("done", 2, "call")


def generate() -> Iterator[int]:
    yield 1


async def generate_async() -> AsyncIterator[int]:
    yield 1


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "generator function": (lambda: again_with()(generate), TypeError, r"put `for attempt in retrying\(...\):` and `with attempt:` around"),
    "async generator function": (lambda: again_with()(generate_async), TypeError, r"put `async for attempt in"),
    "bare on a generator function": (lambda: retrying(generate), TypeError, "generate is a generator function"),
    "class": (lambda: again_with()(Script), TypeError, "takes the name of a provider, or decorates a function"),
    "number": (lambda: retrying(3), TypeError, "takes the name of a provider, or decorates a function; 3 is neither"),
    "static method": (lambda: again_with()(staticmethod(generate)), TypeError, "goes below @staticmethod"),
    "bare on a class method": (lambda: retrying(classmethod(generate)), TypeError, "goes below @classmethod"),
    "provider": (lambda: retrying("heygn"), ValueError, "there is no provider 'heygn': use one of heygen, liveavatar, heify"),
    "effect": (lambda: retrying("heygen", effect="reads"), ValueError, "there is no effect 'reads': use one of read, idempotent, spends"),
    "deadline": (lambda: retrying("heygen", deadline=-1), ValueError, "0 seconds or more, not -1"),
    "no number as deadline": (lambda: retrying("heygen", deadline=float("nan")), ValueError, "0 seconds or more, not nan"),
    "policy": (lambda: retrying("heygen", policy=3), TypeError, "policy takes a RetryPolicy, not int"),
    "budget": (lambda: retrying("heygen", budget="own"), TypeError, "budget takes a RetryBudget, not str"),
    "hooks": (lambda: retrying("heygen", hooks=[3]), TypeError, "hooks are Hooks"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_use_is_refused(case: str) -> None:
    """What cannot be meant is refused when it is written, with what to write instead."""
    use, kind, told = REFUSED[case]
    with pytest.raises(kind, match=told):
        use()


def test_a_coroutine_of_a_sync_function_is_refused() -> None:
    """A function that only passes a coroutine on is no async function; repeating it would do nothing, so it says so."""

    async def call() -> int:
        return 1

    with pytest.raises(TypeError, match="put @retrying right above the `async def`"):
        again_with()(lambda: call())()  # noqa: PLW0108 - the point


def test_a_loop_numbers_its_attempts(recorded_sleep: ManualClock) -> None:
    """Attempts know their number, the time since the beginning, and the time that is left."""
    seen: list[tuple[int, float, float | None]] = []
    for attempt in again_with(method="GET", deadline=60, clock=recorded_sleep):
        with attempt as entered:
            assert attempt is entered
            seen.append((attempt.number, attempt.elapsed, attempt.remaining))
            recorded_sleep.advance(2)
            if attempt.number < 3:
                raise api_error()
    assert seen == [(1, 0, 60), (2, 2.25, 57.75), (3, 4.75, 55.25)]


def test_a_loop_begins_anew() -> None:
    """One object can be looped over again and again, each time with all attempts."""
    again = again_with(method="GET", sleep=lambda seconds: None)
    for _round in range(2):
        script = Script(always=api_error)
        with pytest.raises(ServerError):
            by_loop(again, script)
        assert script.calls == 3


def test_a_loop_can_be_left() -> None:
    """Leaving a loop by break or return is no failure and gives the budget its token."""
    budget = RetryBudget(10)
    budget.take(5)
    for attempt in again_with(budget=budget):
        with attempt:
            break
    assert budget.state.tokens == 6


def test_an_async_loop_can_be_left() -> None:
    """Leaving an async loop by break leaves nothing behind that has to be closed."""

    async def main() -> int:
        async for attempt in again_with():
            with attempt:
                break
        return attempt.number

    assert asyncio.run(main()) == 1


def test_a_loop_without_its_attempts_is_refused() -> None:
    """A loop that never enters its attempts, or enters one twice, is told so instead of repeating nothing."""
    with pytest.raises(RuntimeError, match="put `with attempt:` around"):
        list(again_with())
    attempt = next(iter(again_with()))
    with attempt:
        pass
    with pytest.raises(RuntimeError, match="an attempt is for one `with` block"), attempt:
        pass


def test_only_failures_end_up_in_the_loop(recorded_sleep: ManualClock) -> None:
    """An exception between two attempts, outside the with block, leaves the loop."""

    def loop() -> None:
        for attempt in again_with(method="GET"):
            if attempt.number == 2:
                raise KeyError(attempt.number)
            with attempt:
                raise api_error()

    with pytest.raises(KeyError):
        loop()
    assert recorded_sleep.slept == [0.25]


def test_a_failing_wait_is_not_hidden(way: Way) -> None:
    """What the given sleep raises leaves, and the function is not called again."""

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    script = Script(always=lambda: api_error(method="GET"))
    with pytest.raises(KeyboardInterrupt):
        way(again_with(sleep=interrupted), script)
    assert script.calls == 1


def test_sleep_is_looked_up_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was decorated before time.sleep was replaced waits by the replacement."""
    script = Script(lambda: api_error(method="GET"))
    decorated = again_with()(script)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    assert (decorated(), slept) == ("done", [0.25])


def test_against_a_server(fake_vendors: Any, recorded_sleep: ManualClock) -> None:
    """With requests and the vendors' own answers, a read is repeated and paid work is not started twice."""
    from heify_heygen_errors.testing import error

    session = requests.Session()
    fake_vendors.mount(session)
    headers = {"x-api-key": fake_vendors.heygen.api_key}

    @again_with()
    def users() -> Any:
        answer = session.get("https://api.heygen.com/v3/users/me", headers=headers, timeout=10)
        raise_for_error(answer)
        return normalize(answer)

    @again_with()
    def video() -> Any:
        body = {"type": "avatar"}
        answer = session.post(VIDEOS, headers=headers, json=body, timeout=10)
        raise_for_error(answer)
        return answer.json()

    fake_vendors.script([error("heygen", "server")] * 2, provider="heygen")
    assert users() is None
    assert len(fake_vendors.heygen.requests) == 3
    fake_vendors.script([error("heygen", "server")] * 2, provider="heygen")
    with pytest.raises(ServerError) as caught:
        video()
    assert len(fake_vendors.heygen.requests) == 4
    assert (caught.value.method, caught.value.path, caught.value.attempts[-1].reason) == ("POST", "/v3/videos", "unsafe")
    session.close()


def test_the_object_cannot_be_changed() -> None:
    """What `retrying` gives is frozen: threads share it."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        again_with().deadline = 3


def test_not_found_is_not_repeated_even_if_it_is_polled(way: Way) -> None:
    """A final failure after "too early" answers ends the waiting."""
    script = Script(lambda: api_error("not_ready"), lambda: api_error("not_found"))
    with pytest.raises(NotFoundError) as caught:
        way(again_with(sleep=lambda seconds: None), script)
    assert [attempt.reason for attempt in caught.value.attempts] == ["poll", "permanent"]


def test_foreign_exception_says_why_it_was_not_repeated(way: Way, recorded_sleep: ManualClock) -> None:
    """A lost connection that is not repeated leaves as itself, with a note of the reason; a mistake of one's own has none."""
    with pytest.raises(requests.ConnectionError) as lost:
        way(again_with(effect="spends"), Script(always=lambda: requests.ConnectionError("reset")))
    assert [note.partition(":")[0] for note in lost.value.__notes__] == ["Not repeated after attempt 1 (unsafe)"]
    with pytest.raises(KeyError) as own:
        way(again_with(), Script(always=lambda: KeyError("mine")))
    assert not hasattr(own.value, "__notes__")
