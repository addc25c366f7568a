"""`Client`: both vendors behind one client, on requests."""

from __future__ import annotations

import inspect
import random
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeVar, Unpack

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call, CallOptions, Defaults, Timeout
from heify_heygen_errors.client.calls import PageWalk, VendorCalls, items_of
from heify_heygen_errors.client.engine import Core, Pause, exchange, found_out
from heify_heygen_errors.client.failures import ClientClosedError, PageRepeatedError
from heify_heygen_errors.client.jobs.access import Access
from heify_heygen_errors.client.jobs.calls import HeyGenJobs, JobCalls, JobFailures, OrderedJobs, UnsignedJobs
from heify_heygen_errors.client.jobs.handle import JobHandle
from heify_heygen_errors.client.jobs.kinds import JobKind, kind_of
from heify_heygen_errors.client.jobs.values import JobEnd, JobFailure
from heify_heygen_errors.client.procedure import Aside, Course, Give, Procedure, Step, Tell
from heify_heygen_errors.client.requests_wire import RequestsWire, retrying_adapters
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
    import requests

T = TypeVar("T")


class _Driver:
    """Runs the steps of a call, blocking."""

    def __init__(self, wire: RequestsWire, sleep: Callable[[float], object] | None) -> None:
        self._wire = wire
        self._sleep = sleep
        self.is_closed = False

    def run(self, core: Core, call: Call) -> Answer:
        steps = exchange(core, call)
        try:
            step = next(steps)
            while True:
                problems: list[BaseException] = []
                came: Received | None = None
                try:
                    came = self._do(step)
                except BaseException as caught:  # noqa: BLE001 - the steps decide what it means, cancellation included
                    problems.append(caught)
                # Not inside the except block, and popped: an error that is raised would carry or show what was caught.
                step = steps.throw(problems.pop()) if problems else steps.send(came)
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    def _do(self, step: Outgoing | Pause) -> Received | None:
        if isinstance(step, Pause):
            self._pause(step)
            return None
        if self.is_closed:
            raise ClientClosedError
        return self._wire.send(step)

    def _pause(self, step: Pause) -> None:
        # Looked up now: the fixture recorded_sleep of the testing kit puts its own in this place.
        (self._sleep or time.sleep)(step.seconds)

    def stream(self, core: Core, course: Course[T]) -> Generator[Any, None, T]:
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
                    came = self._take(core, course.step)
                except BaseException as caught:  # noqa: BLE001 - the procedure decides what it means
                    problems.append(caught)
                if problems:
                    course.failed(problems)
                else:
                    course.came(came)
        finally:
            course.close()
        return course.result

    def _take(self, core: Core, step: Step) -> object:
        if isinstance(step, Call):
            return self.run(step.core if isinstance(step, StorageCall) else core, step)
        if isinstance(step, Pause):
            self._pause(step)
        elif isinstance(step, Aside):
            step.function()
        elif isinstance(step, Tell):
            told = step.function(step.value)
            if inspect.iscoroutine(told):
                told.close()
                msg = f"{step.function!r} is a coroutine function, which nobody awaits here: use AsyncClient, or a plain function"
                raise TypeError(msg)
        return None

    def follow(self, core: Core, course: Course[T]) -> T:
        """Take the steps of a procedure to its end."""
        steps = self.stream(core, course)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result


class _Calls(VendorCalls[Answer]):
    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults)
        self._driver = driver
        self._access = Access(core=core, vendor=vendor, prepare=self._prepared, deadline=defaults.deadline)

    def _go(self, call: Call) -> Answer:
        return self._driver.run(self._core, call)


class WaitedJobs(JobCalls[Answer, JobHandle, dict[str, JobEnd], Iterator[JobEnd]]):
    """Jobs that can only be waited for, such as ``client.heygen.asset_batches``."""

    def __init__(self, access: Access, kind: JobKind, driver: _Driver) -> None:
        super().__init__(access, kind)
        self._driver = driver

    def _run(self, what: str, procedure: Procedure[Any]) -> Any:  # noqa: ARG002 - the name is for coroutines
        return self._driver.follow(self._access.core, Course(procedure))

    def _iterate(self, procedure: Procedure[Any]) -> Any:
        return self._driver.stream(self._access.core, Course(procedure))


class Jobs(WaitedJobs, OrderedJobs[Answer, JobHandle, dict[str, JobEnd], Iterator[JobEnd]]):
    """Jobs that a call starts, such as ``client.heygen.workflows``."""


class ListedJobs(Jobs, JobFailures[Answer, JobHandle, dict[str, JobEnd], Iterator[JobEnd], Iterator[JobFailure]]):
    """Jobs that a call starts and the vendor has a list of, such as ``client.heygen.videos``."""


class Sessions(WaitedJobs, JobFailures[Answer, JobHandle, dict[str, JobEnd], Iterator[JobEnd], Iterator[JobFailure]]):
    """The sessions of LiveAvatar; they end when they are stopped or time out."""


class Transcriptions(
    UploadedJobs[Answer, JobHandle, dict[str, JobEnd], Iterator[JobEnd]],
    ListedJobs,
    UnsignedJobs[Answer, JobHandle, dict[str, JobEnd], Iterator[JobEnd], WebhookEvent],
):
    """Heify's transcriptions."""


class Heify(_Calls):
    """Heify. Every endpoint is a POST; without a body an empty JSON object is sent, which Heify wants.

    Attributes:
        transcriptions: to order, upload and wait for.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults, driver)
        self.transcriptions = Transcriptions(self._access, kind_of("heify", "transcriptions"), driver)


class LiveAvatar(_Calls):
    """LiveAvatar. Session calls take ``headers={"Authorization": f"Bearer {session_token}"}``.

    Attributes:
        sessions: to wait for.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults, driver)
        self.sessions = Sessions(self._access, kind_of("liveavatar", "sessions"), driver)


class HeyGen(_Calls, HeyGenUploads[Answer], HeyGenJobs[WaitedJobs, Jobs, ListedJobs]):
    """HeyGen.

    Attributes:
        videos, translations, lipsyncs, avatars, looks, video_agents, clippings, background_removals, renders: `ListedJobs`.
        proofreads, workflows, voices, video_batches, translation_batches, lipsync_batches: `Jobs`.
        asset_batches: `WaitedJobs`.
    """

    def __init__(self, vendor: Vendor, core: Core, defaults: Defaults, driver: _Driver) -> None:
        super().__init__(vendor, core, defaults, driver)
        self._open(
            self._access,
            lambda access, kind: WaitedJobs(access, kind, driver),
            lambda access, kind: Jobs(access, kind, driver),
            lambda access, kind: ListedJobs(access, kind, driver),
        )

    def _steps(self, what: str, procedure: Procedure[Any]) -> Answer:  # noqa: ARG002 - the name is for coroutines
        answer: Answer = self._driver.follow(self._core, Course(procedure))
        return answer

    def pages(self, path: str, **options: Unpack[CallOptions]) -> Iterator[Answer]:
        """The pages of a v3 list, one call each, as they are asked for. Time-outs and deadline are those of a page.

        Raises:
            ApiError: a page failed, or the list cannot be followed to its end.
            ValueError, TypeError: as `request`.
        """
        walk = PageWalk.of(options)
        return self._follow(path, walk, self._prepared("GET", path, walk.options()))

    def _follow(self, path: str, walk: PageWalk, call: Call) -> Iterator[Answer]:
        while True:
            answer = self._go(call)
            yield answer
            more = walk.go_on(answer)
            if isinstance(more, PageRepeatedError):
                raise found_out(self._core, self._vendor, "GET", path, more)
            if not more:
                return
            call = self._prepared("GET", path, walk.options())

    def iterate(self, path: str, **options: Unpack[CallOptions]) -> Iterator[Any]:
        """The items of a v3 list over all its pages; see `pages`.

        Raises:
            ApiError, ValueError, TypeError: as `pages`; TypeError also where the endpoint does not answer with a list.
        """
        walk = PageWalk.of(options)
        return self._items(self._follow(path, walk, self._prepared("GET", path, walk.options())))

    def _items(self, pages: Iterator[Answer]) -> Iterator[Any]:
        for page in pages:
            yield from items_of(page)


class Client:
    """HeyGen, LiveAvatar and Heify behind one client: one retry policy, one exception tree, one set of time-outs.

        with Client() as client:
            video = client.heygen.post("/v3/videos", json={...}).data
            transcriptions = client.heify.post("/list-transcriptions").data

    Safe to share between threads. Nothing is read from the network before the first call.

    Attributes:
        heygen, liveavatar, heify: the vendors, each with ``get``, ``post``, ``put``, ``patch``, ``delete`` and ``request``;
            HeyGen also with ``pages``, ``iterate`` and ``upload_asset``.

    Args:
        heygen_api_key, heify_api_key, liveavatar_api_key: the keys; from ``HEYGEN_API_KEY``, ``HEIFY_API_KEY`` and
            ``LIVEAVATAR_API_KEY`` where absent. A missing one is an AuthenticationError at the first call of that vendor.
        heygen_base_url, heify_base_url, liveavatar_base_url: other addresses, such as those of a fake or a gateway; https,
            or http on this machine.
        timeout: seconds for connecting and between two bytes of the answer; one number, or one for each.
        deadline: seconds for a whole call, retries and waits included; None for no limit.
        retry: a policy; False for no repeats. For a single call, True means the client's.
        session: a session of requests to send with. Its own headers, proxies, certificates and adapters hold; it is not
            closed by the client.
        proxies: URLs by scheme, as requests takes them; without them those of the environment.
        verify: path of a file or folder with the certificate authorities to trust; without it that in ``REQUESTS_CA_BUNDLE``,
            ``CURL_CA_BUNDLE`` or ``SSL_CERT_FILE``. False to trust anyone, which you should not.
        hooks: who is told of attempts, retries and the like: `Hooks`, or a function that is told of every event.
        clock: monotonic time in seconds.
        sleep: waits so many seconds.
        draw: a number from 0 to 1, for the jitter.
        catalogs: other catalogs than the shipped ones.
        budget: a retry budget of one's own; ``"shared"`` for the one that all clients of the process share for each provider
            and host; None for none.
        breaker: opt-in: a circuit breaker for each vendor, with this policy.
        limiter: opt-in: keeps to the vendors' rates and numbers of jobs; one for each account.
        max_answer: bytes of an answer's body, after decompression, that are read at most.

    Raises:
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
        session: requests.Session | None = None,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str = True,
        hooks: Hook | Iterable[Hook] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
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
        checked_sleep(sleep, awaited=False)
        if session is not None:
            if not isinstance(getattr(session, "adapters", None), Mapping) or isinstance(session, type):
                msg = f"session is a requests.Session, not {session!r}"
                raise TypeError(msg)
            if proxies is not None or verify is not True:
                msg = "set proxies and verify on the session that you pass"
                raise ValueError(msg)
            repeating = retrying_adapters(session)
            if repeating:
                warnings.warn(
                    f"the session's adapters for {', '.join(repeating)} repeat requests by themselves (max_retries): that multiplies"
                    " attempts and can pay twice; mount adapters with max_retries=0",
                    stacklevel=2,
                )
        self._wire = RequestsWire(
            session, proxies=checked_proxies(proxies), verify=verify if session is not None else checked_verify(verify)
        )
        self._driver = driver = _Driver(self._wire, sleep)
        self.heygen = HeyGen(*lines["heygen"], driver)
        self.liveavatar = LiveAvatar(*lines["liveavatar"], driver)
        self.heify = Heify(*lines["heify"], driver)

    def __reduce__(self) -> NoReturn:
        refuse_pickle()

    def __repr__(self) -> str:
        return shown(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls fail from now on. Harmless if it is closed already."""
        self._driver.is_closed = True
        self._wire.close()
