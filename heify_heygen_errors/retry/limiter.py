"""The limiter: calls wait for their turn here, so that the vendor need not refuse them with 429.

Opt-in, one for each account (API key), shared by threads and tasks. Performs no I/O and does not sleep: it says how long
to wait. It goes by the catalog: the rates and bursts of endpoints (Heify), and the number of jobs that may run at once
(HeyGen).

Jobs are followed by what passes by: a create answer gives their ids, later answers about these ids say that they are over.
A call of which nobody knows whether it started a job holds a place without an id, until the lease ends or a repeat with
the same idempotency key brings the id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import inf, isnan
from threading import Lock
from typing import Final

import attrs

from heify_heygen_errors.catalog import Catalogs, Endpoint, Space, default_catalogs

PAUSE: Final = 1.0
"""Seconds after which a call that waits for a job to end asks again, at most."""

_LIMIT: Final = "concurrent_jobs"
_MOST_SEEN: Final = 1000
_DEEPEST: Final = 3
_ASK: Final = "wait until a job ends, or ask what became of the jobs that were started"
# What the vendors call the id of a job, in answers to its creation and in later ones; lists of them end in s.
_IDS: Final = (
    "id",
    "video_id",
    "session_id",
    "video_translation_id",
    "video_translate_id",
    "lipsync_id",
    "proofread_id",
    "render_id",
)


class LimiterFullError(Exception):
    """The turn of a call would come too late. Nothing was sent.

    Arguments:
        what: what there is too little of.
        after: seconds until it is worth another try; more than 0.
        remedy: what makes room, where that is not time alone.
    """

    sent = False

    def __init__(self, what: str, after: float, remedy: str | None = None) -> None:
        super().__init__(what, after, remedy)
        self.what = what
        self.after = after
        self.remedy = remedy

    def __str__(self) -> str:
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"no room for {self.what}{remedy}: wait for another {self.after:.3g} s"


@attrs.frozen(kw_only=True)
class RateState:
    """The rate of an endpoint at one moment.

    Attributes:
        tokens: calls that may go at once; below 0 as many calls wait as are missing.
        burst: tokens of a full bucket.
        rate_per_minute: tokens that come back in a minute.
    """

    provider: str
    method: str
    path: str
    tokens: float
    burst: int
    rate_per_minute: int


@attrs.frozen(kw_only=True)
class JobsState:
    """The jobs of a provider at one moment.

    Attributes:
        running: jobs that count, those that are just being created included.
        most: jobs that may run at once.
    """

    provider: str
    running: int
    most: int


@attrs.frozen(kw_only=True)
class LimiterState:
    """A limiter at one moment.

    Attributes:
        rates: of the endpoints that were called so far.
        jobs: of the providers whose jobs are counted.
    """

    rates: tuple[RateState, ...]
    jobs: tuple[JobsState, ...]


@attrs.frozen(kw_only=True)
class Turn:
    """Whether a job may be started now.

    Attributes:
        wait: seconds to wait before asking again; 0.0: the call may go.
        slot: the place that it takes; None while it waits, and for calls that start no job that counts.
    """

    wait: float = 0.0
    slot: Slot | None = None


_FREE: Final = Turn()


class Limiter:
    """Tells calls when they may go.

    Rates: `reserve` before each attempt, then wait as long as it says. Jobs: `try_job` before the first attempt, again
    and again while it says to wait; then report to the slot what became of the call, and show later answers to `seen`.

    Heify's numbers (25 transcriptions at once, 100 in the queue) are not kept: more may simply wait in Heify's own queue,
    and how a full queue answers is not documented (docs.heify.com/platform/rate-limits).

    When a job ends, the first call to ask gets its place, whichever waited longest. Somebody has to poll the jobs: a
    program that only starts them waits until the leases end.

    Providers are named as everywhere, whatever their case; another name is a ValueError.

    Arguments:
        catalogs: None for the shipped ones.
        jobs: how many jobs of a provider may run at once, where your plan differs from the catalog's number;
            None for as many as you like: ``{"heygen": 20}``.
        job_lease: seconds after which a job counts as over, since a program may never ask what became of it.
        clock: monotonic time in seconds.

    Raises:
        ValueError: a number is out of its range, or no endpoint of a provider in `jobs` starts jobs that count.
        TypeError: `jobs` is no mapping of whole numbers, or another argument is of the wrong type.
    """

    def __init__(
        self,
        *,
        catalogs: Catalogs | None = None,
        jobs: Mapping[str, int | None] | None = None,
        job_lease: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if catalogs is not None and not isinstance(catalogs, Catalogs):
            msg = f"catalogs is a Catalogs or None, not {catalogs!r}"
            raise TypeError(msg)
        if jobs is not None and not isinstance(jobs, Mapping):
            msg = f"jobs is a mapping of providers to the jobs that may run at once, such as {{'heygen': 20}}, not {jobs!r}"
            raise TypeError(msg)
        if not callable(clock):
            msg = f"clock is a function without arguments that gives a number, not {clock!r}"
            raise TypeError(msg)
        if not _is_number(job_lease):
            msg = f"job_lease is a number of seconds above 0, not {job_lease!r}"
            raise TypeError(msg)
        if not 0 < job_lease < inf:
            msg = f"job_lease is a number of seconds above 0, not {job_lease!r}"
            raise ValueError(msg)
        self._spaces = (catalogs or default_catalogs()).spaces
        self._lease = float(job_lease)
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}
        self._pools = _pools(self._spaces, jobs or {})

    def __repr__(self) -> str:
        running = "".join(f", {jobs.provider} {jobs.running} of {jobs.most} jobs" for jobs in self.state.jobs)
        return f"Limiter({len(self._buckets)} rates{running})"

    @property
    def state(self) -> LimiterState:
        """What it knows at this moment."""
        with self._lock:
            now = self._clock()
            rates = [
                RateState(
                    provider=provider,
                    method=method,
                    path=path,
                    tokens=bucket.left(now),
                    burst=bucket.burst,
                    rate_per_minute=bucket.rate_per_minute,
                )
                for (provider, method, path), bucket in self._buckets.items()
            ]
            jobs = [JobsState(provider=name, running=pool.running(now), most=pool.most) for name, pool in self._pools.items()]
        return LimiterState(rates=tuple(rates), jobs=tuple(jobs))

    # Rates.

    def reserve(self, provider: str, method: str, url: str, most: float | None = None) -> float:
        """Take a call out of the rate of its endpoint.

        Arguments:
            provider: ``heygen``, ``liveavatar`` or ``heify``.
            method: of the call.
            url: of the call; a path will do.
            most: seconds that the call can wait; None for any time.

        Returns:
            seconds to wait before the call is sent. Calls that wait get turns one behind the other. 0.0 where the
            catalog knows no rate.

        Raises:
            LimiterFullError: the wait is longer than `most`. Nothing was taken.
            ValueError: there is no provider of this name, or `most` is below 0 or not a number.
            TypeError: `most` is of another type.
        """
        _check_most(most)
        provider = self._known(provider)
        endpoint = self._rated(provider, method, url)
        if endpoint is None:
            return 0.0
        with self._lock:
            bucket = self._buckets.get((provider, endpoint.method, endpoint.path))
            now = self._clock()
            if bucket is None:
                bucket = self._buckets[provider, endpoint.method, endpoint.path] = _Bucket.of(endpoint, now)
            wait = bucket.wait(now)
            if most is not None and wait > most:
                what = f"{endpoint.method} {endpoint.path} of {provider}"
                raise LimiterFullError(what, wait)
            bucket.tokens -= 1
            return wait

    def cancel(self, provider: str, method: str, url: str) -> None:
        """Give back what `reserve` took, for a call that was not sent after all, such as one cancelled while it waited.

        Calls that wait already keep their turns; those that come later are earlier.

        Raises:
            ValueError: there is no provider of this name.
        """
        provider = self._known(provider)
        endpoint = self._rated(provider, method, url)
        if endpoint is None:
            return
        with self._lock:
            bucket = self._buckets.get((provider, endpoint.method, endpoint.path))
            if bucket is not None:
                bucket.tokens = min(bucket.left(self._clock()) + 1, bucket.burst)

    def _rated(self, provider: str, method: str, url: str) -> Endpoint | None:
        endpoint = self._endpoint(provider, method, url)
        return endpoint if endpoint is not None and endpoint.rate_per_minute else None

    def _endpoint(self, provider: str, method: str, url: str) -> Endpoint | None:
        return self._spaces[provider].endpoint(method, url)

    def _known(self, provider: str) -> str:
        name = _folded(provider)
        if name not in self._spaces:
            msg = f"there is no provider {provider!r}: use one of {', '.join(self._spaces)}"
            raise ValueError(msg)
        return name

    # Jobs.

    def try_job(
        self,
        provider: str,
        method: str,
        url: str,
        most: float | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Turn:
        """Ask whether a call may start its job now.

        Two kinds of calls take no second place, and go while all places are taken: one that goes on with a job which
        runs already (its id stands in the URL, as with messages to a session), and one that repeats another with its
        idempotency key, since at most one job comes of the two.

        A repeat shares the place of a call that is still open or was kept, and that place is free when each of them is
        known to have started nothing: a repeat that is refused or not sent does not free what a lost call may have
        started. If one of them tells the ids, these jobs have the place from then on, whatever the others report.

        Arguments:
            provider: ``heygen``, ``liveavatar`` or ``heify``.
            method: of the call.
            url: of the call; a path will do.
            most: seconds that the call can wait; None for any time.
            idempotency_key: that is sent with the call. It counts as the vendor counts it: for the same endpoint and
                the same ids in the path, and only where the catalog says that the endpoint honours one.

        Returns:
            a turn with a slot and no wait if it may; with a wait if as many jobs run as may run at once; with neither
            for calls that start no job that counts.

        Raises:
            LimiterFullError: the call would have to wait longer than `most` before it may ask again.
            ValueError: there is no provider of this name, the key is empty, or `most` is below 0 or not a number.
            TypeError: `most` or the key is of another type.
        """
        _check_most(most)
        _check_key(idempotency_key)
        provider = self._known(provider)
        pool = self._pools.get(provider)
        endpoint = None if pool is None else self._endpoint(provider, method, url)
        if pool is None or endpoint is None or not endpoint.starts_job:
            return _FREE
        order = _order(endpoint, url, idempotency_key)
        with self._lock:
            now = self._clock()
            full = pool.running(now) >= pool.most
            same = pool.of(order)
            goes_on = any(named in pool.by_id for named in _named(endpoint, url)) or (same is not None and bool(same.ids))
            if full and not goes_on and same is None:
                wait = min(PAUSE, pool.next_end() - now)
                if most is not None and wait > most:
                    what = f"another job at {provider}, where {pool.most} may run at once"
                    raise LimiterFullError(what, wait, _ASK)
                return Turn(wait=wait)
            if goes_on or same is None:
                same = _Job(places=0 if goes_on else 1, order=order)
                pool.jobs.append(same)
            slot = Slot(self, pool, same)
            same.hold(slot, now, self._lease)
        return Turn(slot=slot)

    def seen(self, provider: str, data: object, *, method: str | None = None, url: str | None = None) -> None:
        """Look through an answer for jobs that are over, and free their places.

        A job is over when an object with its id has a ``status`` or ``state`` which the catalog lists as completed,
        failed or missing. Of batches every item that is over frees a place. Ids that are not known free nothing.

        Arguments:
            provider: ``heygen``, ``liveavatar`` or ``heify``.
            data: the decoded answer, or its ``data``: an object or a list, of which up to 1,000 objects are looked at.
                Show failed jobs as well, whether or not their answer raises.
            method: of the call that was answered. Give it, and the URL, of calls that succeeded: where the catalog says
                that they end jobs (deleting, stopping), the job whose id stands in path or query is over.
            url: of the same call; a path will do.

        Raises:
            ValueError: there is no provider of this name.
        """
        provider = self._known(provider)
        pool = self._pools.get(provider)
        if pool is None or not pool.by_id:
            return
        told = list(_told(data, pool.over))
        gone: Iterable[str] = ()
        if method is not None and url is not None:
            endpoint = self._endpoint(provider, method, url)
            gone = _named(endpoint, url) if endpoint is not None and endpoint.ends_job else ()
        with self._lock:
            for one in told:
                pool.hear(one)
            for named in gone:
                pool.drop(pool.by_id.get(named))

    def _started(self, slot: Slot, data: object) -> None:
        pool, first = slot._pool, slot._job  # noqa: SLF001 - one unit with its slots
        jobs = _made(data, pool.over)
        with self._lock:
            if not slot._report():  # noqa: SLF001
                return
            now = self._clock()
            if jobs is None:  # without ids it cannot be followed
                first.keep(slot, now, self._lease)
                return
            pool.drop(first)
            for job in jobs:
                job.order = first.order
                for known in job.ids:  # the same job once more: a message to a session, or a replay by idempotency key
                    before = pool.by_id.get(known)
                    if before is not None:
                        job.order = before.order or job.order
                        pool.drop(before)
                job.expires = now + self._lease
                pool.add(job)

    def _released(self, slot: Slot) -> None:
        with self._lock:
            if slot._report() and not slot._job.let_go(slot):  # noqa: SLF001
                slot._pool.drop(slot._job)  # noqa: SLF001

    def _kept(self, slot: Slot) -> None:
        with self._lock:
            if slot._report():  # noqa: SLF001
                slot._job.keep(slot, self._clock(), self._lease)  # noqa: SLF001


class Slot:
    """The place of a job that is being created. What became of the call is reported once: the first report counts.

    Calls with the same idempotency key have a slot each and one place between them, see `Limiter.try_job`. A slot to
    which nothing is reported holds the place until the lease ends.
    """

    __slots__ = ("_job", "_limiter", "_pool", "_reported")

    def __init__(self, limiter: Limiter, pool: _Pool, job: _Job) -> None:
        self._limiter = limiter
        self._pool = pool
        self._job = job
        self._reported = False

    def started(self, data: object) -> None:
        """The vendor started what was asked for.

        A list of ids is as many jobs. A batch (``batch_id``) takes as many places as it says in ``total_items``, and
        one where it does not say. Without an id that is known to name a job, the place is held until the lease ends.

        Arguments:
            data: the decoded answer, or its ``data``.
        """
        self._limiter._started(self, data)  # noqa: SLF001 - one unit with the limiter

    def release(self) -> None:
        """Nothing was started: the call was refused, or not sent."""
        self._limiter._released(self)  # noqa: SLF001

    def keep(self) -> None:
        """It is not known whether anything was started: the place is held until the lease ends.

        A later call with the same idempotency key takes it over, and if that succeeds its job is followed like any other.
        """
        self._limiter._kept(self)  # noqa: SLF001

    def _report(self) -> bool:
        """Whether this is the first report."""
        first = not self._reported
        self._reported = True
        return first


@attrs.define
class _Bucket:
    """Tokens of an endpoint. Below 0 they are promised to calls that wait."""

    rate_per_minute: int
    burst: int
    tokens: float
    at: float

    @classmethod
    def of(cls, endpoint: Endpoint, now: float) -> _Bucket:
        """A full one."""
        burst = endpoint.burst or 1
        return cls(endpoint.rate_per_minute or 1, burst, float(burst), now)

    def left(self, now: float) -> float:
        """Tokens at this moment."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * self.rate_per_minute / 60)
        self.at = max(self.at, now)
        return self.tokens

    def wait(self, now: float) -> float:
        """Seconds until there is a token for one more call."""
        return max(0.0, 1 - self.left(now)) * 60 / self.rate_per_minute


@attrs.define(eq=False)
class _Job:
    """Work that counts.

    Attributes:
        expires: when it counts as over.
        places: how many it takes, for a batch as many as it has items.
        ids: by any of which answers name it.
        items: of a batch, where their number is known.
        over: numbers of the batch's items that are over.
        order: what it was asked for with, as the vendor tells repeats from new orders; None without an idempotency key
            that counts.
        leases: where no id is known yet: until when each open call counts; under None, one whose outcome is unknown.
    """

    expires: float = inf
    places: int = 1
    ids: tuple[str, ...] = ()
    items: int | None = None
    over: set[int] = attrs.field(factory=set)
    order: tuple[str, ...] | None = None
    leases: dict[Slot | None, float] = attrs.field(factory=dict)

    def hold(self, slot: Slot | None, now: float, lease: float) -> None:
        """Count for one more call, or anew for the same."""
        self.leases = {one: until for one, until in self.leases.items() if until > now}
        self.leases[slot] = self.expires = now + lease

    def keep(self, slot: Slot, now: float, lease: float) -> None:
        """Count on, though the call is over."""
        self.leases.pop(slot, None)
        self.hold(None, now, lease)

    def let_go(self, slot: Slot) -> bool:
        """Count for this call no more; whether it still counts for another."""
        self.leases.pop(slot, None)
        self.expires = max(self.leases.values(), default=-inf)
        return bool(self.leases)


@attrs.define(eq=False)
class _Pool:
    """The jobs of a provider.

    Attributes:
        most: how many may run at once.
        over: states, in lower case, of jobs that run no more.
    """

    most: int
    over: frozenset[str]
    jobs: list[_Job] = attrs.field(factory=list)
    by_id: dict[str, _Job] = attrs.field(factory=dict)

    def running(self, now: float) -> int:
        """How many places are taken."""
        for job in [job for job in self.jobs if job.expires <= now]:
            self.drop(job)
        return sum(job.places for job in self.jobs)

    def next_end(self) -> float:
        """When the next job expires."""
        return min((job.expires for job in self.jobs if job.places), default=inf)

    def add(self, job: _Job) -> None:
        """Count a job."""
        self.jobs.append(job)
        self.by_id.update(dict.fromkeys(job.ids, job))

    def drop(self, job: _Job | None) -> None:
        """Count a job no more."""
        if job is None or job not in self.jobs:
            return
        self.jobs.remove(job)
        for known in job.ids:
            del self.by_id[known]

    def of(self, order: tuple[str, ...] | None) -> _Job | None:
        """What has a place for this order already."""
        return None if order is None else next((job for job in self.jobs if job.order == order and job.places), None)

    def hear(self, told: _Told) -> None:
        """Take in what an answer says of one thing."""
        if told.is_over:
            for known in told.ids:
                self.drop(self.by_id.get(known))
        batch = None if told.batch is None else self.by_id.get(told.batch)
        if batch is None:
            return
        batch.items = batch.items or told.items
        if told.item is not None and told.is_over:
            batch.over.add(told.item)
        if batch.items is not None:
            batch.places = batch.items - max(len(batch.over), told.counted)
            if batch.places <= 0:
                self.drop(batch)


@attrs.frozen(kw_only=True)
class _Told:
    """What an answer says of a job, a batch or an item of one.

    Attributes:
        ids: its own; with a batch itself that of the batch.
        is_over: whether it runs no more.
        batch: id of the batch that it is, or is an item of.
        item: its number in the batch; None for the batch itself.
        items: how many the batch has.
        counted: how many of these run no more, by the batch's own count.
    """

    ids: tuple[str, ...]
    is_over: bool
    batch: str | None = None
    item: int | None = None
    items: int | None = None
    counted: int = 0


def _pools(spaces: Mapping[str, Space], wanted: Mapping[str, int | None]) -> dict[str, _Pool]:
    counting = {name: space for name, space in spaces.items() if any(endpoint.starts_job for endpoint in space.endpoints)}
    for name, most in wanted.items():
        if _folded(name) not in counting:
            msg = f"no endpoint of {name!r} starts jobs that count; providers whose endpoints do: {', '.join(sorted(counting))}"
            raise ValueError(msg)
        if most is not None and (not isinstance(most, int) or isinstance(most, bool)):
            msg = f"a number of jobs is a whole number, or None for no limit; that of {name} is {most!r}"
            raise TypeError(msg)
        if most is not None and most < 1:
            msg = f"at least 1 job may run at once, or None for no limit; for {name} it is {most!r}"
            raise ValueError(msg)
    chosen = {_folded(name): most for name, most in wanted.items()}
    pools = {}
    for name, space in counting.items():
        documented = next((limit.value for limit in space.limits if limit.name == _LIMIT), None)
        most = chosen.get(name, documented)
        if isinstance(most, int):
            pools[name] = _Pool(most=most, over=space.completed_states | space.failed_states | space.missing_states)
    return pools


def _folded(provider: object) -> str:
    return str(provider).strip().lower()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_most(most: float | None) -> None:
    if most is None:
        return
    msg = f"most is a number of seconds, 0 or more, or None for any time, not {most!r}"
    if not _is_number(most):
        raise TypeError(msg)
    if isnan(most) or most < 0:
        raise ValueError(msg)


def _check_key(key: str | None) -> None:
    if key is not None and not isinstance(key, str):
        msg = f"idempotency_key is a text or None, not {type(key).__name__}"
        raise TypeError(msg)
    if key == "":
        msg = "idempotency_key is empty: give the key that is sent, or None"
        raise ValueError(msg)


def _order(endpoint: Endpoint, url: str, key: str | None) -> tuple[str, ...] | None:
    """What makes two calls one order: HeyGen counts a key for the endpoint and the resource in its path."""
    if key is None or endpoint.idempotency is None:
        return None
    return (endpoint.method, endpoint.path, *_filled_in(endpoint, url.partition("#")[0].partition("?")[0]), key)


def _named(endpoint: Endpoint, url: str) -> list[str]:
    """What a URL has in place of its endpoint's placeholders, and the values of its query."""
    where, _, query = url.partition("#")[0].partition("?")
    return _filled_in(endpoint, where) + [pair.partition("=")[2] for pair in query.split("&")]


def _filled_in(endpoint: Endpoint, where: str) -> list[str]:
    """What a URL without its query has in place of its endpoint's placeholders."""
    path = where.partition("://")[2].partition("/")[2] if "://" in where else where
    pairs = zip(endpoint.path.strip("/").split("/"), path.strip("/").split("/"), strict=False)
    return [part for wanted, part in pairs if wanted.startswith("{")]


def _made(data: object, over: frozenset[str]) -> list[_Job] | None:
    """The jobs that an answer says were started, without those that are over; None if it names none."""
    objects = [one for one in data[:_MOST_SEEN] if isinstance(one, Mapping)] if isinstance(data, list) else [data]
    jobs = [job for one in objects if isinstance(one, Mapping) for job in _made_by(one, is_over=_is_over(one, over))]
    if not jobs:
        return None
    return [job for job in jobs if job.places]


def _made_by(one: Mapping[object, object], *, is_over: bool) -> Iterator[_Job]:
    places = 0 if is_over else 1
    batch = one.get("batch_id")
    if isinstance(batch, str):
        items = _number(one.get("total_items"))
        yield _Job(ids=(batch,), items=items, places=places and (items or 1))
        return
    several = [known for name in _IDS for known in _texts(one.get(f"{name}s"))]
    if several:
        yield from (_Job(ids=(known,), places=places) for known in dict.fromkeys(several[:_MOST_SEEN]))
        return
    ids = _ids(one)
    if ids:
        yield _Job(ids=ids, places=places)


def _told(data: object, over: frozenset[str]) -> Iterator[_Told]:
    """What an answer says of jobs, from outside to inside."""
    for one, batch in islice(_objects(data, None, _DEEPEST), _MOST_SEEN):
        is_over = _is_over(one, over)
        ids = _ids(one)
        item = _number(one.get("item_index"))
        own = one.get("batch_id")
        batch_id = own if isinstance(own, str) else batch
        if item is not None or (batch_id is not None and ids):
            yield _Told(ids=ids, is_over=is_over, batch=batch_id, item=item)
        elif isinstance(own, str):
            counts = one.get("counts_by_status")
            counted = sum(_number(count) or 0 for state, count in counts.items() if state in over) if isinstance(counts, Mapping) else 0
            items = _number(one.get("total_items"))
            yield _Told(ids=(own,), is_over=is_over, batch=own, items=items, counted=counted)
        elif is_over and ids:
            yield _Told(ids=ids, is_over=True)


def _objects(data: object, batch: str | None, depth: int) -> Iterator[tuple[Mapping[object, object], str | None]]:
    """The objects in an answer, each with the id of the batch that it stands in."""
    if isinstance(data, Mapping):
        yield data, batch
        own = data.get("batch_id")
        batch = own if isinstance(own, str) else batch
        inside: Iterable[object] = (value for value in data.values() if isinstance(value, (Mapping, list)))
    elif isinstance(data, list):
        inside = data
    else:
        return
    if depth > 0:
        for value in inside:
            yield from _objects(value, batch, depth - 1)


def _ids(one: Mapping[object, object]) -> tuple[str, ...]:
    """The ids of an object itself: ``id``, or the names that it has in its place."""
    own = one.get("id")
    if isinstance(own, str) and own:
        return (own,)
    return tuple(dict.fromkeys(known for name in _IDS if isinstance(known := one.get(name), str) and known))


def _is_over(one: Mapping[object, object], over: frozenset[str]) -> bool:
    return any(isinstance(state := one.get(name), str) and state.lower() in over for name in ("status", "state"))


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
