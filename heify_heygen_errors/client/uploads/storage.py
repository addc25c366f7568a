"""Sending a file to the storage behind a signed URL. Performs no I/O: procedures and the decisions of their calls.

The storage is Amazon S3, or behaves like it (vendor notes 2026-11, Heify section c.3). Its answers count neither for the
vendor's circuit breaker nor for its limits; its failures have the channel ``upload``. The URL is a credential: it stands in
no repr, and its signature is kept out of all texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.client import streaming
from heify_heygen_errors.client.call import HEADER_NAME, NOT_YOURS, USER_AGENT, Call
from heify_heygen_errors.client.engine import Core
from heify_heygen_errors.client.failures import RedirectRefusedError, TooManyRedirectsError, UploadIncompleteError
from heify_heygen_errors.client.jobs.access import Access, Kept, attach
from heify_heygen_errors.client.procedure import Procedure
from heify_heygen_errors.client.streaming import StreamedBody
from heify_heygen_errors.client.vendors import is_loopback, long_enough
from heify_heygen_errors.exceptions import ApiError, Attempt
from heify_heygen_errors.model import Category, Channel, ErrorInfo, FrozenMap, Outcome, RetryAction
from heify_heygen_errors.normalizer import Finding, Normalizer
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.retry.policy import Decision, Effect, Reason, RetryContext, RetryPolicy

MOST_RENEWALS: Final = 2
"""How often a new URL is asked for at most."""

MARGIN: Final = 10.0
"""Seconds before the end of a URL's life from which on nothing is sent to it. The storage looks when a request begins."""

# Damaged on the way: once more, not as often as one likes (vendor notes 2026-11, section c.3).
_ONCE_MORE: Final = frozenset({"S3_BAD_DIGEST", "S3_INCOMPLETE_BODY", "S3_INVALID_DIGEST"})
_RENEWED: Final = frozenset({Category.AUTHENTICATION, Category.PERMISSION})
# With this in its query, a page without S3's XML is recognised as that of a signed URL that is over.
_SIGNED: Final = "?X-Amz-Signature=-"
# What tells who signed, with what, and until when; the first part of a credential is the id of the key.
_LEAST_SHOWN: Final = frozenset({"x-amz-algorithm", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "expires"})


# Where to.


@attrs.frozen(kw_only=True)
class Slot:
    """A place in the storage, for one file and a short time.

    Attributes:
        host: and port.
        path: without the query, which is the signature.
        url: all of it.
        headers: that have to go along, value for value.
        secrets: what the query has of credentials.
        ends: time of the client's clock from which on the URL is not used any more.
    """

    host: str
    path: str
    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    secrets: tuple[str, ...] = attrs.field(repr=False)
    ends: float


def slot_in(data: object, headers: Mapping[str, str], ends: float) -> Slot | str:
    """The slot that an answer names, or why it cannot be used.

    Not raised: the frame of this function has the URL among its local variables.
    """
    url = data.get("upload_url") if isinstance(data, Mapping) else None
    if not isinstance(url, str) or not url:
        return "the answer names none"
    if not (url.isascii() and url.isprintable()) or any(sign in url for sign in " \\#"):
        return "it has signs that no URL has"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if "@" in parts.netloc:
        return "it has a user in it"
    kept: dict[str, str] = {}
    for name, value in headers.items():
        if name.lower() in NOT_YOURS:
            continue
        if not HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            return "it wants a header that cannot be sent as it is"
        kept[name] = value.strip()
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        return "it is not https"
    return Slot(host=parts.netloc.lower(), path=parts.path or "/", url=url, headers=kept, secrets=_secrets_in(parts.query), ends=ends)


def _secrets_in(query: str) -> tuple[str, ...]:
    """The credentials in a query, as they stand there and decoded."""
    found: dict[str, None] = {}
    pairs = [*parse_qsl(query), *(pair.partition("=")[::2] for pair in query.split("&"))]
    for name, value in pairs:
        if unquote(name).lower() in _LEAST_SHOWN:
            continue
        for text in (value, unquote(value), unquote(value).partition("/")[0]):
            if long_enough(text):
                found[text] = None
    return tuple(found)


# With which decisions.


class Sending:
    """A file on its way into the storage, over all attempts and URLs.

    Attributes:
        is_too_old: whether the next attempt would come too late for the URL of the present one.
        wait: seconds to wait before that attempt.
    """

    def __init__(self, access: Access, body: StreamedBody, effect: Effect) -> None:
        self.body = body
        self.is_too_old = False
        self.wait = 0.0
        self._access = access
        self._effect = effect
        self._failures = 0
        self._before = 0
        self._once_more: set[str] = set()
        self._attempts: tuple[Attempt, ...] = ()
        self._began = access.core.clock()
        self._policy: RetryPolicy | None = None

    def send(self, template: Call, slot: Slot, resource: Mapping[str, str], deadline: float | None) -> Procedure[ApiError | None]:
        """Put the file into a slot, as often as it needs and may be.

        Arguments:
            template: the call that the slot is from; its time-outs and its policy hold here, too.
            slot: where to.
            resource: what the errors name.
            deadline: seconds from now; None for no limit.

        Returns:
            The error; None where the storage has the file.

        Raises:
            Exception: reading the file failed, or the user's callback.
        """
        self.is_too_old, self.wait = False, 0.0
        self._before, self._policy = self._failures, template.policy
        core = attrs.evolve(
            self._access.core,
            normalizer=StorageNormalizer(self._access.core, self.body, resource),
            breaker=None,
            limiter=None,
        )
        call = StorageCall(
            core=core,
            vendor=template.vendor,
            method="PUT",
            host=slot.host,
            path=slot.path,
            url=slot.url,
            headers=slot.headers if "user-agent" in map(str.lower, slot.headers) else {"User-Agent": USER_AGENT, **slot.headers},
            key=None,
            brings_credential=True,
            body=self.body,
            secrets=slot.secrets,
            endpoint=None,
            idempotency_key=None,
            key_ignored=False,
            connect=template.connect,
            read=template.read,
            deadline=deadline,
            is_foreign=True,
            policy=StoragePolicy(sending=self, wrapped=template.policy, ends=slot.ends),
        )
        offset = self._access.core.clock() - self._began
        try:
            yield call
        except ApiError as error:
            caught = error
        except Exception as problem:
            if problem is self.body.problem:
                problem.__traceback__ = _without_calls(problem.__traceback__)
            raise
        else:
            return None
        first = len(self._attempts)
        later = (attrs.evolve(one, number=first + one.number, time=offset + one.time) for one in caught.attempts)
        self._attempts = caught.attempts = (*self._attempts, *later)
        return caught

    def decide(self, policy: RetryPolicy, ends: float, context: RetryContext, catalogs: Catalogs | None) -> Decision:
        """Whether to send the file again to the same URL, after an attempt failed."""
        info = context.info
        if wants_renewal(info):
            return Decision.no(Reason.RENEW, None)
        self._failures += 1
        if info.name in self._once_more:
            return Decision.no(Reason.ATTEMPTS, None)
        if info.name in _ONCE_MORE:
            self._once_more.add(info.name)
        decision = policy.decide(attrs.evolve(context, effect=self._effect, attempts=self._before + context.attempts), catalogs=catalogs)
        if decision.wait is not None and decision.retry and self._access.core.clock() + decision.wait >= ends:
            self.is_too_old, self.wait = True, decision.wait
            return Decision.no(Reason.RENEW, decision.floor)
        return decision

    def goes_on(self, slot: Slot) -> bool:
        """Whether the policy and the retry budget have another attempt, after it was found out that the file has not come."""
        policy = self._policy
        if policy is None or self._failures >= policy.attempts:
            return False
        budget = self._access.core.budget_of(self._access.provider, slot.host)
        return budget is None or budget.take(policy.transient_cost)


@attrs.frozen(kw_only=True)
class StorageCall(Call):
    """A call to the storage.

    Attributes:
        core: in place of the vendor's: without its circuit breaker and limits.
    """

    core: Core = attrs.field(repr=False)


@attrs.frozen(kw_only=True, eq=False)
class StoragePolicy(RetryPolicy):
    """The client's policy for what can be sent again to the storage.

    Attributes:
        sending: the file, which knows whether all of it left.
        wrapped: the client's policy.
        ends: time of the client's clock from which on the URL is not used any more.
    """

    sending: Sending = attrs.field(repr=False)
    wrapped: RetryPolicy
    ends: float

    def decide(self, context: RetryContext, *, catalogs: Catalogs | None = None) -> Decision:
        """Whether to send the file again."""
        return self.sending.decide(self.wrapped, self.ends, context, catalogs)


@attrs.frozen(kw_only=True)
class HarmlessPolicy(RetryPolicy):
    """A policy for a call of which a repeat starts nothing, whatever the catalog says of calls that start work.

    Attributes:
        wrapped: the client's policy.
    """

    wrapped: RetryPolicy

    def decide(self, context: RetryContext, *, catalogs: Catalogs | None = None) -> Decision:
        """Whether to send the call again."""
        return self.wrapped.decide(attrs.evolve(context, effect="idempotent"), catalogs=catalogs)


@attrs.frozen(kw_only=True)
class PollingPolicy(RetryPolicy):
    """A policy for a call that asks for a state: to ask again is no repeat, and goes on where the user wants none.

    Attributes:
        wrapped: the client's policy.
    """

    wrapped: RetryPolicy

    def decide(self, context: RetryContext, *, catalogs: Catalogs | None = None) -> Decision:
        """Whether to send the call again."""
        is_early = context.info.retry.action is RetryAction.POLL
        return (RetryPolicy() if is_early else self.wrapped).decide(context, catalogs=catalogs)


def wants_renewal(info: ErrorInfo) -> bool:
    """Whether the storage refused the URL itself, so that another one may be taken."""
    return info.channel is Channel.UPLOAD and (info.retry.action is RetryAction.RENEW or info.category in _RENEWED)


# And what its answers mean.


class StorageNormalizer(Normalizer):
    """Reads the storage's answers: they have the channel ``upload`` and name what was being uploaded.

    What did not wholly leave cannot have taken effect: the storage keeps an object only with all the bytes that Content-Length
    announced (docs.aws.amazon.com/AmazonS3 PutObject).

    Arguments:
        core: the client's.
        body: what is being sent.
        resource: what the failures name.
    """

    def __init__(self, core: Core, body: StreamedBody, resource: Mapping[str, str]) -> None:
        super().__init__(core.catalogs, core.listeners.tell)
        self._body = body
        self._resource = dict(resource)

    def findings(self, observation: Observation, trace: list[str] | None = None, *, first: bool = False) -> list[tuple[Finding, bool]]:
        """As that of the vendor."""
        if observation.exception is None:
            observation = attrs.evolve(observation, url=f"{observation.url}{_SIGNED}")
        return [(self._of_storage(found, observation), item) for found, item in super().findings(observation, trace, first=first)]

    def _of_storage(self, found: Finding, observation: Observation) -> Finding:
        retry = found.retry
        moved = isinstance(observation.exception, RedirectRefusedError | TooManyRedirectsError)
        if retry.outcome is Outcome.UNKNOWN and (moved or self._body.is_incomplete):
            retry = attrs.evolve(retry, outcome=Outcome.REFUSED)
        elif isinstance(observation.exception, UploadIncompleteError) and not self._body.is_incomplete:
            retry = attrs.evolve(retry, outcome=Outcome.UNKNOWN)  # the last piece may be on its way
        channel = found.channel if observation.exception is not None else Channel.UPLOAD
        return found._replace(channel=channel, retry=retry, resource=FrozenMap({**found.resource, **self._resource}))


def with_resource(error: ApiError, resource: Mapping[str, str]) -> ApiError:
    """The error with the ids of what it is about, where the vendor's answer does not tell them."""
    return attach(error, attrs.evolve(error.info, resource={**resource, **error.info.resource}))


def _without_calls(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that is about the file and the callback: the frames above have the URL in local variables."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__") != streaming.__name__:
        trace = trace.tb_next
    return trace


class Time:
    """The time of an upload.

    Arguments:
        clock: of the client.
        deadline: seconds from now; None for no limit.
    """

    def __init__(self, clock: Callable[[], float], deadline: float | None) -> None:
        self._clock = clock
        self._ends = None if deadline is None else clock() + deadline

    @property
    def now(self) -> float:
        """By the client's clock."""
        return self._clock()

    @property
    def left(self) -> float | None:
        """Seconds that are left, 0 behind the end; None for no limit."""
        return None if self._ends is None else max(self._ends - self._clock(), 0.0)

    @property
    def remaining(self) -> float | None:
        """The same for calls, whose deadline is more than 0: they say themselves that their time is over."""
        return None if self._ends is None else max(self._ends - self._clock(), _A_MOMENT)

    @property
    def is_over(self) -> bool:
        """Whether none is left."""
        return self._ends is not None and self._clock() >= self._ends

    def within(self, options: Mapping[str, Any]) -> Kept:
        """Options of a call that has until the end."""
        return Kept({**options, "deadline": self.remaining})


_A_MOMENT: Final = 0.005
