"""`AsyncClient`: both vendors behind one client, on httpx2 and asyncio."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeAlias, Unpack, cast

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call, CallOptions, Defaults, Timeout
from heify_heygen_errors.client.calls import HeyGenCalls, PageWalk, VendorCalls, items_of
from heify_heygen_errors.client.engine import Core, Pause, exchange, list_error
from heify_heygen_errors.client.failures import ClientClosedError, PageRepeatedError
from heify_heygen_errors.client.httpx2_wire import Httpx2Wire
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
from heify_heygen_errors.client.vendors import Vendor, refuse_pickle
from heify_heygen_errors.client.wire import Outgoing, Received
from heify_heygen_errors.retry.breaker import BreakerPolicy
from heify_heygen_errors.retry.budget import RetryBudget
from heify_heygen_errors.retry.events import Hook
from heify_heygen_errors.retry.limiter import Limiter
from heify_heygen_errors.retry.policy import RetryPolicy

if TYPE_CHECKING:
    import httpx2

Awaited: TypeAlias = Coroutine[Any, Any, Answer]


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
        if isinstance(step, Outgoing):
            if self.is_closed:
                raise ClientClosedError
            return await self._wire.send(step)
        # Looked up now: the fixture recorded_sleep of the testing kit puts its own in this place.
        await (self._sleep or asyncio.sleep)(step.seconds)
        return None


class _Calls(VendorCalls[Awaited]):
    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults)
        self._driver = driver

    def _go(self, call: Call) -> Awaited:
        coroutine = self._driver.run(self._core, call)
        # What Python names where it was never awaited.
        cast(Any, coroutine).__qualname__ = f"{type(self).__name__}.{call.method.lower()}({call.path!r})"
        return coroutine


class AsyncHeify(_Calls):
    """Heify. Every endpoint is a POST; without a body an empty JSON object is sent, which Heify wants."""


class AsyncLiveAvatar(_Calls):
    """LiveAvatar. Session calls take ``headers={"Authorization": f"Bearer {session_token}"}``."""


class AsyncHeyGen(_Calls, HeyGenCalls[Awaited]):
    """HeyGen."""

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
                raise list_error(self._core, self._vendor, path, more)
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
