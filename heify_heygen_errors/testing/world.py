"""The state behind the fake vendors: what exists, which jobs run, what was paid for.

One `World` belongs to one server, and is read and changed under the server's lock only.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID

import attrs
from attrs.validators import ge, instance_of, optional

from heify_heygen_errors.testing.clock import Clock
from heify_heygen_errors.testing.replies import Reply, VendorError

_DAY: Final = 24 * 3600.0
# Seconds since 1970 are exact to less than a microsecond only.
_DUST: Final = 1e-6


def _seconds(_: object, __: object, value: float | None) -> None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")):
        return
    msg = f"seconds is a number from 0 up, not {value!r}"
    raise ValueError(msg)


@attrs.frozen(kw_only=True)
class JobPlan:
    """What becomes of a job that is started.

    Attributes:
        polls: status reads that find it running; the next one finds its end. Lists do not count.
        seconds: instead of that, seconds of the server's clock until it ends.
        fails: the failure that it ends in; None for success.
        silent: it fails without giving a reason.
        stuck: it never ends.
        remark: an error on a job that completed nevertheless, as HeyGen has for videos on the free plan; workflows have it,
            too, and other jobs have no place for one.
    """

    polls: int = attrs.field(default=2, validator=[instance_of(int), ge(0)])
    seconds: float | None = attrs.field(default=None, validator=_seconds)
    fails: VendorError | None = attrs.field(default=None, validator=optional(instance_of(VendorError)))
    silent: bool = attrs.field(default=False, validator=instance_of(bool))
    stuck: bool = attrs.field(default=False, validator=instance_of(bool))
    remark: VendorError | None = attrs.field(default=None, validator=optional(instance_of(VendorError)))

    def suits(self, provider: str) -> bool:
        """Whether a job of this vendor can end so: a vendor's error is for its own jobs."""
        spoken = self.fails or self.remark
        return spoken is None or spoken.words.provider == provider


@attrs.define(kw_only=True)
class Job:
    """A job of a vendor.

    Attributes:
        id: its id.
        provider: whose it is.
        kind: ``video``, ``translation``, ``transcription`` and so on.
        steps: its states before the end, in the vendor's words.
        ends: the state of success and that of failure.
        plan: what becomes of it.
        created: seconds of the server's clock.
        fields: what the request said and what the answers repeat.
    """

    id: str
    provider: str
    kind: str
    steps: tuple[str, ...]
    ends: tuple[str, str] = ("completed", "failed")
    plan: JobPlan
    created: float
    fields: dict[str, Any] = attrs.field(factory=dict)
    seen: int = 0
    ended: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or badly."""
        return self.ended is not None

    @property
    def has_failed(self) -> bool:
        """Whether it ended badly."""
        return self.is_over and (self.plan.fails is not None or self.plan.silent)

    @property
    def failure(self) -> VendorError | None:
        """Why it failed; None while it runs, after success, and where it gives no reason."""
        return self.plan.fails if self.has_failed else None

    @property
    def remark(self) -> VendorError | None:
        """The error on a job that completed nevertheless."""
        return self.plan.remark if self.is_over and not self.has_failed else None

    def state(self, now: float) -> str:
        """Its state in the vendor's words."""
        if self.is_over:
            return self.ends[1 if self.has_failed else 0]
        last = len(self.steps) - 1
        if self.plan.stuck:
            return self.steps[min(self.seen, last)]
        if self.plan.seconds is not None:
            share = (now - self.created) / self.plan.seconds if self.plan.seconds else 1.0
            return self.steps[min(int(share * len(self.steps)), last)]
        share = max(0, self.seen - 1) / self.plan.polls if self.plan.polls else 1.0
        return self.steps[min(int(share * len(self.steps)), last)]

    def is_due(self, now: float) -> bool:
        """Whether the time has come for it to end."""
        if self.is_over or self.plan.stuck:
            return False
        if self.plan.seconds is not None:
            return now >= self.created + self.plan.seconds
        return self.seen >= self.plan.polls


@attrs.frozen(kw_only=True)
class PaidWork:
    """Work that a vendor started and would ask money for.

    Attributes:
        provider: whose.
        operation: the endpoint, ``POST /v3/videos``.
        id: of the job or object.
        request: number of the request that started it, as in `Received.number`.
        idempotency_key: the key sent with it.
        body: what was asked for; equal bodies are the same work.
    """

    provider: str
    operation: str
    id: str
    request: int
    idempotency_key: str | None
    body: bytes = attrs.field(repr=False)


@attrs.define(kw_only=True)
class Delivery:
    """A webhook on its way to its receiver.

    Attributes:
        provider: who sends it.
        event: ``avatar_video.success``; for Heify, which names none, ``COMPLETED`` or ``FAILED``.
        url: where to.
        headers, body: as sent.
        status: what the receiver answered; None until then, and where it gave no answer.
        problem: why there is no answer.
    """

    provider: str
    event: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    status: int | None = None
    problem: str | None = None

    @property
    def json(self) -> Any:
        """The body decoded."""
        return json.loads(self.body)


@attrs.define
class Stored:
    """The answer kept for an idempotency key.

    Attributes:
        reply: the answer.
        expires: when it is forgotten, in seconds of the server's clock.
        busy_until: until when the vendor is at work on the first request, so that the key is in use.
    """

    reply: Reply
    expires: float
    busy_until: float = 0.0


@attrs.define
class Bucket:
    """A token bucket: `burst` tokens at most, `rate` of them a second."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1 - _DUST:
            return False
        self.tokens -= 1
        return True


def _ignore(_: object) -> None:
    """What happens to news that nobody asked for."""


class World:
    """Everything that the fake vendors know.

    Attributes:
        clock: seconds since 1970.
        random: ids and what answers are filled with come from here.
        store: objects by kind and id: ``world.store["voice"]["v1"]``.
        jobs: jobs by kind and id.
        plans: what becomes of the jobs that are started next, in order.
        plan: what becomes of all others.
        paid: work started, in order.
        balance: credits left by provider; None: they never run out.
        ended: called with each job that ends.
        posted: called with each webhook that is to be delivered.
    """

    def __init__(self, clock: Clock, seed: int, plan: JobPlan) -> None:
        self.clock = clock
        self.seed = seed
        self.random = Random(seed)  # noqa: S311 - reproducible on purpose
        self.store: defaultdict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.jobs: defaultdict[str, dict[str, Job]] = defaultdict(dict)
        self.plans: deque[JobPlan] = deque()
        self.plan = plan
        self.paid: list[PaidWork] = []
        self.balance: dict[str, float | None] = defaultdict(lambda: None)
        self.ended: Callable[[Job], None] = _ignore
        self.posted: Callable[[Delivery], None] = _ignore
        self.keys: dict[tuple[str, str, str], Stored] = {}
        self.buckets: dict[tuple[str, str], Bucket] = {}
        self.monthly: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self._running: dict[str, dict[str, Job]] = defaultdict(dict)
        self._counter = count()
        self._timed: list[tuple[float, int, Job]] = []  # a heap

    # Ids.

    def hex_id(self, length: int = 32) -> str:
        """A new id of lower-case hex digits, as HeyGen's videos have."""
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def uuid(self) -> str:
        """A new UUID of version 4, as Heify's objects have."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    # Jobs.

    def start(
        self,
        provider: str,
        kind: str,
        job_id: str,
        steps: tuple[str, ...],
        *,
        ends: tuple[str, str] = ("completed", "failed"),
        fields: dict[str, Any] | None = None,
        otherwise: JobPlan | None = None,
    ) -> Job:
        """Start a job; what becomes of it is the next plan's, without one that of `otherwise` or of all others."""
        plan = next((plan for plan in self.plans if plan.suits(provider)), None)
        if plan is None:
            plan = otherwise or self.plan
        else:
            self.plans.remove(plan)
        job = Job(
            id=job_id, provider=provider, kind=kind, steps=steps, ends=ends, plan=plan, created=self.clock(), fields=dict(fields or {})
        )
        self.jobs[kind][job_id] = job
        self._running[provider][job_id] = job
        if plan.seconds is not None and not plan.stuck:
            heappush(self._timed, (job.created + plan.seconds, next(self._counter), job))
        return job

    def read(self, job: Job) -> Job:
        """The job as a status call sees it, which moves it on by one step if it goes by polls."""
        if job.is_due(self.clock()):
            self.end(job)
        elif not job.is_over:
            job.seen += 1
        return job

    def settle(self) -> None:
        """End every job whose time has come by the clock."""
        now = self.clock()
        while self._timed and self._timed[0][0] <= now:
            _, _, job = heappop(self._timed)
            if job.id in self._running[job.provider]:
                self.end(job)

    def next_end(self) -> float | None:
        """When the next job ends by the clock, None if none does."""
        while self._timed and self._timed[0][2].id not in self._running[self._timed[0][2].provider]:
            heappop(self._timed)  # it was ended or deleted before its time
        return self._timed[0][0] if self._timed else None

    def end(self, job: Job) -> None:
        """End a job now, as its plan says."""
        if job.is_over:
            return
        job.ended = self.clock()
        self._stopped(job)
        self.ended(job)

    def drop(self, job: Job) -> None:
        """Forget a job, as a delete does."""
        self.jobs[job.kind].pop(job.id, None)
        self._stopped(job)

    def _stopped(self, job: Job) -> None:
        self._running[job.provider].pop(job.id, None)

    def running(self, provider: str, kinds: Iterable[str] | None = None) -> list[Job]:
        """The jobs of a vendor that have not ended."""
        wanted = None if kinds is None else set(kinds)
        return [job for job in self._running[provider].values() if wanted is None or job.kind in wanted]

    # Money.

    def pay(self, work: PaidWork) -> None:
        """Put work that costs money on record."""
        self.paid.append(work)

    # Limits.

    def take(self, provider: str, endpoint: str, rate_per_minute: int, burst: int) -> bool:
        """Whether a request to this endpoint is within its rate; takes a token if so."""
        now = self.clock()
        bucket = self.buckets.get((provider, endpoint))
        if bucket is None:
            bucket = self.buckets[provider, endpoint] = Bucket(rate_per_minute / 60, burst, burst, now)
        return bucket.take(now)

    def count_month(self, provider: str, endpoint: str, quota: int, month: int) -> bool:
        """Whether a call is within the quota of this month; counts it if so."""
        key = (provider, endpoint, month)
        if self.monthly[key] >= quota:
            return False
        self.monthly[key] += 1
        return True

    # Idempotency.

    def kept(self, provider: str, scope: str, key: str) -> Stored | None:
        """What is kept for an idempotency key; HeyGen keeps it for 24 hours."""
        found = self.keys.get((provider, scope, key))
        if found is not None and self.clock() >= found.expires:
            del self.keys[provider, scope, key]
            return None
        return found

    def keep(self, provider: str, scope: str, key: str, reply: Reply) -> Stored:
        """Keep an answer."""
        stored = self.keys[provider, scope, key] = Stored(reply, self.clock() + _DAY)
        return stored
