"""One call from its first attempt to its answer or error: every decision, and no I/O.

`exchange` is a generator. It yields what has to be done (an `Outgoing` to send, a `Pause` to wait), and is sent what
came of it; a driver that blocks and one that awaits run the same decisions.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from typing import Final, Literal, TypeAlias
from urllib.parse import urljoin, urlsplit, urlunsplit

import attrs

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.client.answer import Answer, Headers, Notice
from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.failures import (
    ClientFailureError,
    DeadlineExceededError,
    KeyMissingError,
    RedirectRefusedError,
    TooManyRedirectsError,
    UploadIncompleteError,
)
from heify_heygen_errors.client.reading import Reading, notices_in, read, remark_in
from heify_heygen_errors.client.streaming import StreamedBody
from heify_heygen_errors.client.vendors import Vendor, origin_of
from heify_heygen_errors.client.wire import Outgoing, Received
from heify_heygen_errors.exceptions import ApiError, printable
from heify_heygen_errors.model import ErrorInfo, Outcome
from heify_heygen_errors.normalizer import MAX_CODE, Normalizer, excerpt, path_of, request_id_of
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.redaction import redact_bounded, suspicious
from heify_heygen_errors.retry.breaker import CircuitBreaker, CircuitOpenError, Permit
from heify_heygen_errors.retry.budget import RetryBudget, shared_budget
from heify_heygen_errors.retry.events import DeprecationSeen, Listeners
from heify_heygen_errors.retry.limiter import Limiter, LimiterFullError, Slot
from heify_heygen_errors.retry.tries import Tries

_log: Final = logging.getLogger("heify_heygen_errors")

MAX_REDIRECTS: Final = 5
_REDIRECTED: Final = 300
_WRONG: Final = 400
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# RFC 3986: what a URL consists of. Above all no backslash.
_PLAIN_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_SAME_REQUEST: Final = frozenset({307, 308})
_KEY_IGNORED: Final = "This endpoint is not known to honour an idempotency key: the call is not repeated where its outcome is unknown."


@attrs.frozen
class Pause:
    """Nothing is to be done for so many seconds."""

    seconds: float


Steps: TypeAlias = Generator[Outgoing | Pause, Received | None, Answer]
"""What `exchange` is: yields what to do, is sent what came of it, returns the answer."""


class VendorDeprecationWarning(FutureWarning):
    """A vendor says that an endpoint which this program calls will end. Shown once for each endpoint."""


@attrs.frozen(kw_only=True, eq=False)
class Core:
    """What all calls of one client to one vendor share.

    Attributes:
        budget: the client's own; ``"shared"`` for the ones that all clients of the process share, one for each host.
        limit: bytes of an answer's body, after decompression, that are read at most.
        warned: endpoints whose deprecation was shown already.
    """

    normalizer: Normalizer
    listeners: Listeners
    budget: RetryBudget | Literal["shared"] | None
    breaker: CircuitBreaker | None
    limiter: Limiter | None
    clock: Callable[[], float]
    draw: Callable[[], float]
    limit: int
    warned: set[tuple[str, str, str]] = attrs.field(factory=set)
    _budgets: dict[str, RetryBudget] = attrs.field(factory=dict, init=False)

    def budget_of(self, provider: str, host: str) -> RetryBudget | None:
        """Where retries of a call to this host take their tokens; None for no budget."""
        if self.budget != "shared":
            return self.budget
        budget = self._budgets.get(host)
        if budget is None:
            budget = self._budgets[host] = shared_budget(provider, host)
        return budget

    @property
    def catalogs(self) -> Catalogs:
        """The catalogs in use."""
        return self.normalizer.catalogs


def exchange(core: Core, call: Call) -> Steps:
    """Everything that one call takes.

    Raises:
        ApiError: of the failure's category, with the history of the attempts on it.
    """
    provider = call.vendor.facts.provider
    tries = Tries(
        policy=call.policy,
        provider=provider,
        method=call.method,
        url=call.path,
        idempotency_key=call.idempotency_key,
        deadline=call.deadline,
        budget=core.budget_of(provider, call.host),
        listeners=core.listeners,
        clock=core.clock,
        draw=core.draw,
        catalogs=core.catalogs,
    )
    if call.key is None and not call.brings_credential:
        facts = call.vendor.facts
        tries.idempotency_key = None  # none was sent
        raise tries.raised(_info_of(core, call, KeyMissingError(facts.argument, facts.variable)))
    leave = _Leave(core, call)
    while True:
        tries.begin()
        cause: Exception | None = None
        try:
            yield from leave.ask(tries)
            reading = _read(core, call, (yield from _sent(core, call, tries)))
        except Exception as problem:  # of any HTTP library; what it means is the normalizer's to say
            is_asking = not leave.is_sending and not isinstance(problem, CircuitOpenError | LimiterFullError)
            if is_asking or (isinstance(call.body, StreamedBody) and call.body.problem is problem):
                leave.broken_off()  # by the sleep that the client was given, the file that changed, or the user's function
                raise
            cause = problem
            reading = Reading(_info_of(core, call, problem))
        except BaseException:
            leave.broken_off()
            raise
        failure = reading.failure
        leave.attempt_ended(failure)
        if failure is None:
            leave.succeeded(reading.data)
            return _answer(core, call, tries, reading)
        decision = tries.failed(failure)
        # What was caught can quote a key, and local variables show in some tracebacks.
        cause, chained = None, _cleaned(cause, call.secrets)
        if not decision.retry or decision.wait is None:
            leave.failed(reading.data)
            raise tries.raised(failure) from chained
        try:
            yield Pause(decision.wait)
        except BaseException as broken_off:
            leave.failed(None)
            if broken_off.__context__ is None:  # what was tried, and with which idempotency key, is not lost
                broken_off.__context__ = tries.raised(failure)
            raise


class _Leave:
    """The leave to send a call: from the circuit breaker for each attempt, from the limiter for each attempt and its job."""

    def __init__(self, core: Core, call: Call) -> None:
        self._breaker = core.breaker
        self._limiter = core.limiter
        self._provider = call.vendor.facts.provider
        self._method = call.method
        self._path = call.path
        self._idempotency_key = call.idempotency_key
        self._permit: Permit | None = None
        self._slot: Slot | None = None
        # Whether a job may have been started, by an attempt that is over or by the present one.
        self._may_have_started = False
        self.is_sending = False

    def ask(self, tries: Tries) -> Generator[Pause, Received | None, None]:
        """Pauses until an attempt may be sent.

        Raises:
            CircuitOpenError, LimiterFullError: it may not.
        """
        after = self._breaker.state.after if self._breaker is not None else 0.0
        if after > 0:  # no need to wait for anything else first
            raise CircuitOpenError(self._provider, after)
        if self._limiter is not None:
            yield from self._queue(self._limiter, tries)
        if self._breaker is not None:
            try:
                self._permit = self._breaker.enter()
            except CircuitOpenError:
                self._give_back()
                raise
        self.is_sending = True

    def _queue(self, limiter: Limiter, tries: Tries) -> Generator[Pause, Received | None, None]:
        while self._slot is None:
            turn = limiter.try_job(self._provider, self._method, self._path, tries.remaining, idempotency_key=self._idempotency_key)
            self._slot = turn.slot
            if not turn.wait:
                break
            yield Pause(turn.wait)
        wait = limiter.reserve(self._provider, self._method, self._path, tries.remaining)
        if wait:
            try:
                yield Pause(wait)
            except BaseException:
                self._give_back()
                raise

    def _give_back(self) -> None:
        """The turn that was reserved is not used."""
        if self._limiter is not None:
            self._limiter.cancel(self._provider, self._method, self._path)

    def attempt_ended(self, failure: ErrorInfo | None) -> None:
        """An attempt has a result."""
        self.is_sending = False
        permit, self._permit = self._permit, None
        if permit is not None and failure is None:
            permit.succeeded()
        elif permit is not None and failure is not None:
            permit.failed(failure)
        if failure is not None and failure.retry.outcome is Outcome.UNKNOWN:
            self._may_have_started = True

    def broken_off(self) -> None:
        """The call was broken off from outside; nobody knows how far an attempt that was being sent came."""
        if self._permit is not None:
            self._permit.release()
        self._may_have_started = self._may_have_started or self.is_sending
        self.failed(None)

    def failed(self, data: object) -> None:
        """The call failed for good; perhaps because its answer is about a job that failed."""
        if self._slot is not None and self._may_have_started:
            self._slot.keep()
        elif self._slot is not None:
            self._slot.release()
        if self._limiter is not None and data is not None:
            self._limiter.seen(self._provider, data)

    def succeeded(self, data: object) -> None:
        """The call succeeded: its answer says which jobs run and which are over."""
        if self._slot is not None:
            self._slot.started(data)
        elif self._limiter is not None:
            self._limiter.seen(self._provider, data, method=self._method, url=self._path)


def _sent(core: Core, call: Call, tries: Tries) -> Generator[Outgoing, Received | None, Received]:
    """The answer, behind redirects that stay with the vendor.

    Raises:
        RedirectRefusedError: it leads to another host, or the request would not be the same any more.
    """
    # The URL itself stands in no local variable: that of an upload is a credential.
    moved: str | None = None
    last: Received | None = None
    for _ in range(MAX_REDIRECTS + 1):
        last = yield _outgoing(core, call, tries, moved)
        if last is None:
            msg = "the driver of a call sends a Received for each Outgoing"
            raise RuntimeError(msg)
        if last.status not in _REDIRECTS or "location" not in last.headers:
            if call.is_foreign and last.status < _WRONG:
                _check_taken(call, last)
            return last
        target, where = _target(moved or call.url, last.headers["location"])
        same = call.method in ("GET", "HEAD") or last.status in _SAME_REQUEST
        if where != origin_of(moved or call.url) or not same:
            quotes = where is None or any(secret.lower() in where for secret in call.secrets)
            raise _found_in(last, RedirectRefusedError("another address" if quotes or where is None else where))
        moved = target
    raise _found_in(last, TooManyRedirectsError(MAX_REDIRECTS))


def _check_taken(call: Call, answer: Received) -> None:
    """Check that a storage which does not refuse a file has taken it.

    Raises:
        RedirectRefusedError: it sends the client on, and does not say where to.
        UploadIncompleteError: it answered before it had all of it.
    """
    if answer.status >= _REDIRECTED:
        raise _found_in(answer, RedirectRefusedError("an address that the answer does not name"))
    if isinstance(call.body, StreamedBody) and not call.body.is_all_sent:
        raise _found_in(answer, UploadIncompleteError())


def _target(url: str, location: str) -> tuple[str, str | None]:
    """Where a redirect leads, and its origin; None where that is no address, or one that two readers could read differently.

    What is followed is put together anew from the origin that was checked. With a backslash before an @, libraries disagree
    about where the host ends, and the key would go where nobody looked.
    """
    location = location.partition("\n")[0].strip()
    with suppress(ValueError):
        parts = urlsplit(urljoin(url, location))
        if _PLAIN_URL.fullmatch(location) and parts.scheme in ("http", "https") and "@" not in parts.netloc:
            origin = origin_of(parts.geturl())
            here = urlsplit(url)
            target = urlunsplit((here.scheme, here.netloc, parts.path or "/", parts.query, ""))
            return target, origin
    return url, None


def _outgoing(core: Core, call: Call, tries: Tries, moved: str | None) -> Outgoing:
    remaining = tries.remaining
    if remaining is not None and remaining <= 0:
        raise DeadlineExceededError(sent=False)
    headers: dict[str, str] = dict(call.headers)
    if call.key is not None:
        headers[call.vendor.facts.header] = call.key.reveal()
    return Outgoing(
        method=call.method,
        url=moved or call.url,
        headers=headers,
        body=call.body,
        connect=call.connect,
        read=call.read,
        total=remaining,
        limit=core.limit,
        is_exact=call.is_foreign,
    )


def _found_in(received: Received | None, problem: ClientFailureError) -> ClientFailureError:
    problem.answer = received
    return problem


def _read(core: Core, call: Call, received: Received) -> Reading:
    """The reading of an answer; one that cannot be read is a failure that knows its answer."""
    try:
        return read(received, call, core.normalizer)
    except ClientFailureError as problem:
        raise _found_in(received, problem) from None


def _request_id(core: Core, call: Call, headers: Mapping[str, str]) -> str | None:
    found = request_id_of(headers, core.catalogs.space(call.vendor.facts.provider), core.catalogs)
    if found is None or (len(found) <= MAX_CODE and not suspicious(found) and not any(secret in found for secret in call.secrets)):
        return found
    return redact_bounded(found, MAX_CODE, call.secrets)


def _info_of(core: Core, call: Call, problem: Exception) -> ErrorInfo:
    """What an exception means, with what our own know beside their rule: whether anything was sent, how long to wait."""
    observation = Observation(call.vendor.facts.provider, method=call.method, url=call.path, exception=problem, secrets=call.secrets)
    info = core.normalizer.normalize(observation)
    if info is None:  # an exception is always a failure
        raise problem
    sent, after = getattr(problem, "sent", None), getattr(problem, "after", None)
    retry = info.retry
    if sent is False:
        retry = attrs.evolve(retry, outcome=Outcome.NOT_SENT)
    elif sent is True and retry.outcome is Outcome.NOT_SENT:  # by an attempt of the adapter's own, before the one that failed
        retry = attrs.evolve(retry, outcome=Outcome.UNKNOWN)
    if isinstance(after, float):
        retry = attrs.evolve(retry, after=after)
    answer = getattr(problem, "answer", None)
    if isinstance(answer, Received):
        request_id = _request_id(core, call, answer.headers)
        info = attrs.evolve(info, status=answer.status, request_id=request_id, body=excerpt(answer.body, call.secrets))
    return info if retry is info.retry else attrs.evolve(info, retry=retry)


def found_out(core: Core, vendor: Vendor, method: str, path: str, problem: Exception) -> ApiError:
    """The error of something that the client found out beside a single call, such as a list that has no end."""
    info = core.normalizer.normalize(Observation(vendor.facts.provider, method=method, url=path, exception=problem))
    if info is None:  # an exception is always a failure
        raise problem
    error = ApiError.of(info)
    error.method, error.path = method, path_of(path)
    return error


def _answer(core: Core, call: Call, tries: Tries, reading: Reading) -> Answer:
    request_id = _request_id(core, call, reading.headers)
    tries.succeeded(reading.status, request_id)
    notices = notices_in(reading, call.secrets)
    for notice in notices:
        _show(core, call, notice)
    remark = remark_in(reading.data, call, core.normalizer)
    if remark is not None:
        notices.append(remark)
    if call.key_ignored:
        notices.append(Notice(kind="idempotency_key_ignored", message=_KEY_IGNORED))
    return Answer(
        data=reading.data,
        body=reading.body,
        status=reading.status,
        headers=Headers(reading.headers),
        request_id=request_id,
        attempts=tries.attempts,
        failures=reading.failures,
        notices=tuple(notices),
        idempotency_key=call.idempotency_key,
    )


def _show(core: Core, call: Call, notice: Notice) -> None:
    """Tell of the end of an endpoint: each time to hooks, once for each endpoint as a Python warning."""
    provider = call.vendor.facts.provider
    core.listeners.tell(
        DeprecationSeen(
            provider=provider, method=call.method, path=call.path, message=notice.message, sunset=notice.sunset, link=notice.link
        )
    )
    path = call.endpoint.path if call.endpoint is not None else call.path
    if (provider, call.method, path) not in core.warned:
        core.warned.add((provider, call.method, path))
        told = f"{provider}: {call.method} {path}: {notice.message}"
        try:
            warnings.warn(told, VendorDeprecationWarning, stacklevel=_frames_of_ours())
        except Exception:  # noqa: BLE001 - warnings may be errors here; an answer that was paid for is not lost to one
            _log.warning("%s", printable(told))


def _frames_of_ours() -> int:
    """How many frames up the stack the code is that called the client, seen from the caller of this function."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - what warnings does itself; skip_file_prefixes comes with 3.12
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level


# What libraries leave on their exceptions: requests with headers, pools with the credentials of a proxy.
_HANGS_ON: Final = frozenset({"answer", "request", "response", "_request", "_response", "pool", "_pool", "conn", "_conn"})


def _cleaned(cause: Exception | None, secrets: tuple[str, ...]) -> Exception | None:
    """The exception of an HTTP library without the request that hangs on it and without the frames that held it.

    None where its texts quote a credential: there is no way to take that out of a foreign exception.
    """
    pending: list[BaseException | None] = [cause]
    seen: list[BaseException] = []
    while pending:
        current = pending.pop()
        if current is None or any(current is other for other in seen):
            continue
        seen.append(current)
        for name in _HANGS_ON.intersection(vars(current)):
            with suppress(Exception):
                setattr(current, name, None)
        current.__traceback__ = None
        told = f"{current!r} {current}".lower()
        if any(secret.lower() in told for secret in secrets):
            return None
        pending += [current.__cause__, current.__context__, *(item for item in current.args if isinstance(item, BaseException))]
        reason = getattr(current, "reason", None)
        if isinstance(reason, BaseException):
            pending.append(reason)
    return cause
