"""`AsyncClient`: both vendors behind one client, on httpx2 and asyncio."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeAlias, TypeVar, Unpack, cast

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call, CallOptions, Defaults, Timeout
from heify_heygen_errors.client.calls import PageWalk, VendorCalls, items_of
from heify_heygen_errors.client.engine import Core, Pause, exchange, found_out
from heify_heygen_errors.client.failures import ClientClosedError, PageRepeatedError
from heify_heygen_errors.client.httpx2_wire import Httpx2Wire
from heify_heygen_errors.client.jobs.access import Access
from heify_heygen_errors.client.jobs.calls import HeyGenJobs, JobCalls, JobFailures, OrderedJobs, UnsignedJobs
from heify_heygen_errors.client.jobs.handle import JobHandle
from heify_heygen_errors.client.jobs.kinds import JobKind, kind_of
from heify_heygen_errors.client.jobs.values import JobEnd, JobFailure
from heify_heygen_errors.client.procedure import Aside, Course, Give, Procedure, Step, Tell
from heify_heygen_errors.client.settings import (
    DEADLINE,
    MAX_ANSWER,
    TIMEOUT,
    Keys,
    Settings,
    checked_proxies,
    checked_sleep,
    checked_verify,
    shown,
)
from heify_heygen_errors.client.uploads.calls import HeyGenUploads, UploadedJobs
from heify_heygen_errors.client.uploads.storage import StorageCall
from heify_heygen_errors.client.vendors import Vendor, refuse_pickle
from heify_heygen_errors.client.wire import Outgoing, Received
from heify_heygen_errors.retry.breaker import BreakerPolicy
from heify_heygen_errors.retry.budget import RetryBudget
from heify_heygen_errors.retry.events import Hook
from heify_heygen_errors.retry.limiter import Limiter
from heify_heygen_errors.retry.policy import RetryPolicy
from heify_heygen_errors.webhooks.event import WebhookEvent

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
Awaited: TypeAlias = Coroutine[Any, Any, Answer]
Handled: TypeAlias = Coroutine[Any, Any, JobHandle]
Confirmed: TypeAlias = Coroutine[Any, Any, WebhookEvent]
Ended: TypeAlias = Coroutine[Any, Any, dict[str, JobEnd]]


class _Driver:
    """Runs the steps of a call, awaiting."""

    def __init__(self, wire: Httpx2Wire, sleep: Callable[[float], Awaitable[object]] | None) -> None:
        self._wire = wire
        self._sleep = sleep
        self.is_closed = False

    async def run(self, core: Core, call: Call) -> Answer:
        steps = exchange(core, call)
        try:
            step = next(steps)
            while True:
                problems: list[BaseException] = []
                came: Received | None = None
                try:
                    came = await self._do(step)
                except BaseException as caught:  # noqa: BLE001 - the steps decide what it means, cancellation included
                    problems.append(caught)
                # Not inside the except block, and popped: an error that is raised would carry or show what was caught.
                step = steps.throw(problems.pop()) if problems else steps.send(came)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    async def _do(self, step: Outgoing | Pause) -> Received | None:
        if isinstance(step, Pause):
            await self._pause(step)
            return None
        if self.is_closed:
            raise ClientClosedError
        return await self._wire.send(step)

    async def _pause(self, step: Pause) -> None:
        # Looked up now: the fixture recorded_sleep of the testing kit puts its own in this place.
        await (self._sleep or asyncio.sleep)(step.seconds)

    async def stream(self, core: Core, course: Course[Any]) -> AsyncGenerator[Any, None]:
        """Take the steps of a procedure; yields what it gives."""
        try:
            while course.step is not None:
                if isinstance(course.step, Give):
                    yield course.step.value
                    course.came(None)
                    continue
                problems: list[BaseException] = []
                came: object = None
                try:
                    came = await self._take(core, course.step)
                except BaseException as caught:  # noqa: BLE001 - the procedure decides what it means
                    problems.append(caught)
                if problems:
                    course.failed(problems)
                else:
                    course.came(came)
        finally:
            course.close()

    async def _take(self, core: Core, step: Step) -> object:
        if isinstance(step, Call):
            return await self.run(step.core if isinstance(step, StorageCall) else core, step)
        if isinstance(step, Pause):
            await self._pause(step)
        elif isinstance(step, Aside):
            await asyncio.to_thread(step.function)
        elif isinstance(step, Tell):
            told = step.function(step.value)
            if inspect.isawaitable(told):
                await told
        return None

    async def follow(self, core: Core, course: Course[T]) -> T:
        """Take the steps of a procedure to its end."""
        async for _ in self.stream(core, course):
            pass
        return course.result


class _Calls(VendorCalls[Awaited]):
    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults)
        self._driver = driver
        self._access = Access(core=core, vendor=vendor, prepare=self._prepared, deadline=defaults.deadline)

    def _go(self, call: Call) -> Awaited:
        coroutine = self._driver.run(self._core, call)
        # What Python names where it was never awaited.
        cast(Any, coroutine).__qualname__ = f"{type(self).__name__}.{call.method.lower()}({call.path!r})"
        return coroutine


class AsyncWaitedJobs(JobCalls[Awaited, Handled, Ended, AsyncIterator[JobEnd]]):
    """Jobs that can only be waited for, such as ``client.heygen.asset_batches``."""

    _awaits = True

    def __init__(self, access: Access, kind: JobKind, driver: _Driver) -> None:
        super().__init__(access, kind)
        self._driver = driver

    def _run(self, what: str, procedure: Procedure[Any]) -> Any:
        coroutine = self._driver.follow(self._access.core, Course(procedure))
        # What Python names where it was never awaited.
        cast(Any, coroutine).__qualname__ = f"{type(self).__name__}.{what}"
        return coroutine

    def _iterate(self, procedure: Procedure[Any]) -> Any:
        return self._driver.stream(self._access.core, Course(procedure))


class AsyncJobs(AsyncWaitedJobs, OrderedJobs[Awaited, Handled, Ended, AsyncIterator[JobEnd]]):
    """Jobs that a call starts, such as ``client.heygen.workflows``."""


class AsyncListedJobs(AsyncJobs, JobFailures[Awaited, Handled, Ended, AsyncIterator[JobEnd], AsyncIterator[JobFailure]]):
    """Jobs that a call starts and the vendor has a list of, such as ``client.heygen.videos``."""


class AsyncSessions(AsyncWaitedJobs, JobFailures[Awaited, Handled, Ended, AsyncIterator[JobEnd], AsyncIterator[JobFailure]]):
    """The sessions of LiveAvatar; they end when they are stopped or time out."""


class AsyncTranscriptions(
    UploadedJobs[Awaited, Handled, Ended, AsyncIterator[JobEnd]],
    AsyncListedJobs,
    UnsignedJobs[Awaited, Handled, Ended, AsyncIterator[JobEnd], Confirmed],
):
    """Heify's transcriptions."""


class AsyncHeify(_Calls):
    """Heify. Every endpoint is a POST; without a body an empty JSON object is sent, which Heify wants.

    Attributes:
        transcriptions: to order, upload and wait for.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults, driver)
        self.transcriptions = AsyncTranscriptions(self._access, kind_of("heify", "transcriptions"), driver)


class AsyncLiveAvatar(_Calls):
    """LiveAvatar. Session calls take ``headers={"Authorization": f"Bearer {session_token}"}``.

    Attributes:
        sessions: to wait for.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults, driver)
        self.sessions = AsyncSessions(self._access, kind_of("liveavatar", "sessions"), driver)


class AsyncHeyGen(_Calls, HeyGenUploads[Awaited], HeyGenJobs[AsyncWaitedJobs, AsyncJobs, AsyncListedJobs]):
    """HeyGen.

    Attributes:
        videos, translations, lipsyncs, avatars, looks, video_agents, clippings, background_removals, renders: `AsyncListedJobs`.
        proofreads, workflows, voices, video_batches, translation_batches, lipsync_batches: `AsyncJobs`.
        asset_batches: `AsyncWaitedJobs`.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults, driver)
        self._open(
            self._access,
            lambda access, kind: AsyncWaitedJobs(access, kind, driver),
            lambda access, kind: AsyncJobs(access, kind, driver),
            lambda access, kind: AsyncListedJobs(access, kind, driver),
        )

    def _steps(self, what: str, procedure: Procedure[Any]) -> Awaited:
        coroutine = self._driver.follow(self._core, Course(procedure))
        # What Python names where it was never awaited.
        cast(Any, coroutine).__qualname__ = f"{type(self).__name__}.{what}"
        return coroutine

    def pages(self, path: str, **options: Unpack[CallOptions]) -> AsyncIterator[Answer]:
        """The pages of a v3 list, one call each, as they are asked for. Time-outs and deadline are those of a page.

        Raises:
            ApiError: a page failed, or the list cannot be followed to its end.
            ValueError, TypeError: as `request`.
        """
        walk = PageWalk.of(options)
        return self._follow(path, walk, self._prepared("GET", path, walk.options()))

    async def _follow(self, path: str, walk: PageWalk, call: Call) -> AsyncIterator[Answer]:
        while True:
            answer = await self._go(call)
            yield answer
            more = walk.go_on(answer)
            if isinstance(more, PageRepeatedError):
                raise found_out(self._core, self._vendor, "GET", path, more)
            if not more:
                return
            call = self._prepared("GET", path, walk.options())

    def iterate(self, path: str, **options: Unpack[CallOptions]) -> AsyncIterator[Any]:
        """The items of a v3 list over all its pages; see `pages`.

        Raises:
            ApiError, ValueError, TypeError: as `pages`; TypeError also where the endpoint does not answer with a list.
        """
        walk = PageWalk.of(options)
        return self._items(self._follow(path, walk, self._prepared("GET", path, walk.options())))

    async def _items(self, pages: AsyncIterator[Answer]) -> AsyncIterator[Any]:
        async for page in pages:
            for item in items_of(page):
                yield item


class AsyncClient:
    """The asynchronous sibling of `Client`: the same calls, arguments and decisions, with `await`. Needs the extra async.

        async with AsyncClient() as client:
            video = (await client.heygen.post("/v3/videos", json={...})).data

    For asyncio; one client is for one event loop. Arguments differ from those of `Client` in these:

    Args:
        session: an ``httpx2.AsyncClient`` to send with; it is not closed by the client.
        sleep: a coroutine function that waits so many seconds.

    Raises:
        ModuleNotFoundError: httpx2 is not installed; says how to install it.
        ValueError, TypeError: an argument that cannot be meant; says which.
    """

    def __init__(
        self,
        heygen_api_key: str | None = None,
        heify_api_key: str | None = None,
        *,
        liveavatar_api_key: str | None = None,
        heygen_base_url: str | None = None,
        heify_base_url: str | None = None,
        liveavatar_base_url: str | None = None,
        timeout: Timeout = TIMEOUT,
        deadline: float | None = DEADLINE,
        retry: RetryPolicy | bool = True,
        session: httpx2.AsyncClient | None = None,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str = True,
        hooks: Hook | Iterable[Hook] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] | None = None,
        draw: Callable[[], float] = random.random,
        catalogs: Catalogs | None = None,
        budget: RetryBudget | Literal["shared"] | None = "shared",
        breaker: BreakerPolicy | None = None,
        limiter: Limiter | None = None,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        keys = Keys(heygen=heygen_api_key, liveavatar=liveavatar_api_key, heify=heify_api_key)
        del heygen_api_key, liveavatar_api_key, heify_api_key  # local variables show in some tracebacks
        settings = Settings(
            timeout=timeout,
            deadline=deadline,
            retry=retry,
            hooks=hooks,
            clock=clock,
            draw=draw,
            catalogs=catalogs,
            budget=budget,
            breaker=breaker,
            limiter=limiter,
            max_answer=max_answer,
        )
        lines = settings.lines(keys, {"heygen": heygen_base_url, "liveavatar": liveavatar_base_url, "heify": heify_base_url})
        checked_sleep(sleep, awaited=True)
        if session is not None and (proxies is not None or verify is not True):
            msg = "set proxies and verify on the session that you pass"
            raise ValueError(msg)
        self._wire = Httpx2Wire(session, proxies=checked_proxies(proxies), verify=verify if session is not None else checked_verify(verify))
        self._driver = driver = _Driver(self._wire, sleep)
        self.heygen = AsyncHeyGen(*lines["heygen"], driver)
        self.liveavatar = AsyncLiveAvatar(*lines["liveavatar"], driver)
        self.heify = AsyncHeify(*lines["heify"], driver)

    def __reduce__(self) -> NoReturn:
        refuse_pickle()

    def __repr__(self) -> str:
        return shown(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls fail from now on. Harmless if it is closed already."""
        self._driver.is_closed = True
        await self._wire.close()

    aclose = close
