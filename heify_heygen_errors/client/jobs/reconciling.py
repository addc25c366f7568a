"""Which jobs failed while nobody looked. Performs no I/O: a procedure."""

from __future__ import annotations

from collections.abc import Mapping, MutableSet
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from heify_heygen_errors.client.failures import ListIncompleteError
from heify_heygen_errors.client.jobs.access import Access
from heify_heygen_errors.client.jobs.kinds import Bulk, JobKind
from heify_heygen_errors.client.jobs.listing import Page, Walk, failure_in, first_moment, gives_reason, is_list
from heify_heygen_errors.client.jobs.values import JobFailure
from heify_heygen_errors.client.procedure import Give, Procedure
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Category, Channel, ErrorInfo
from heify_heygen_errors.moments import moment

LOOKBACK: Final = timedelta(days=1)
"""How much earlier than the moment a job may have been ordered that failed behind it."""

_ENDED: Final = ("failed_at", "completed_at", "ended_at", "finished_at", "updated_at")
_CREATED: Final = ("created_at", "submitted_at", "create_time")


def checked_since(value: object) -> datetime:
    """The moment that a search begins at.

    Raises:
        TypeError: it is neither a datetime nor Unix seconds.
        ValueError: it has no time zone.
    """
    found = moment(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(found, datetime):
        msg = f"since is a datetime with a time zone, or Unix seconds, not {value!r}"
        raise TypeError(msg)
    if found.tzinfo is None:
        msg = "since has no time zone: use datetime.now(UTC) and the like"
        raise ValueError(msg)
    return found


@attrs.frozen(kw_only=True)
class Search:
    """Which failures are looked for.

    Attributes:
        since: the moment, aware.
        lookback: how much earlier than that a job may have been ordered.
        seen: ids of failures that were given before; those given now are added.
        options: of each call; see `JobOptions`.

    Raises:
        ValueError, TypeError: one of them cannot be meant.
    """

    since: datetime
    lookback: timedelta = attrs.field(default=LOOKBACK)
    seen: MutableSet[str] = attrs.field(factory=set)
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.lookback, timedelta) or self.lookback < timedelta():
            msg = f"lookback is a timedelta that is not negative, not {self.lookback!r}"
            raise ValueError(msg)
        if not isinstance(self.seen, MutableSet):
            msg = f"seen is a set of ids, not {type(self.seen).__name__}"
            raise TypeError(msg)

    @property
    def earliest(self) -> datetime:
        """Jobs that were ordered before are of no interest."""
        try:
            return self.since - self.lookback
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


def failures_since(access: Access, kind: JobKind, search: Search) -> Procedure[None]:
    """Walk the list of jobs, and give a `JobFailure` for each that failed since a moment, once.

    Raises:
        ApiError: the list cannot be read, or not to its end.
    """
    bulk = kind.list
    if bulk is None:
        msg = f"there is no list of {kind.noun}s to look through"
        raise ValueError(msg)

    def call(method: str, path: str, options: Mapping[str, Any]) -> Any:
        return access.call(method, path, {**search.options, **options})

    walk = Walk(kind, bulk, call)
    was_cut = False
    while (page := (yield from walk.page())) is not None:
        if not is_list(page.answer):
            problem = ListIncompleteError(kind.noun, "the answer holds none")
            raise access.error(kind.method, bulk.path, problem)
        was_cut = was_cut or _was_cut(page)
        recent = [item for item in page.items if _is_recent(item, search)]
        for item in recent:
            yield from _judge(access, kind, bulk, search, page, item)
        if page.items and not recent and _runs_downwards(page):
            return
    if walk.problem is not None:
        raise access.error(kind.method, bulk.path, walk.problem)
    if was_cut:
        problem = ListIncompleteError(kind.noun, "the vendor cut it off")
        raise access.error(kind.method, bulk.path, problem)


def _was_cut(page: Page) -> bool:
    """Whether Heify left out what is beyond 20,000 transcriptions (vendor notes 2026-11, section a.3)."""
    return isinstance(page.answer.data, Mapping) and page.answer.data.get("query_limit_reached") is True


def _runs_downwards(page: Page) -> bool:
    """Whether the newest jobs are the first ones: no vendor promises it."""
    times = [created for item in page.items if (created := first_moment(item, _CREATED)) is not None]
    return bool(times) and times[0] > times[-1]


def _is_recent(item: Mapping[str, Any], search: Search) -> bool:
    """Whether a job may have failed since the moment. One that does not say when it was ordered may have."""
    created = first_moment(item, _CREATED)
    return created is None or created >= search.earliest


def _judge(access: Access, kind: JobKind, bulk: Bulk, search: Search, page: Page, item: Mapping[str, Any]) -> Procedure[None]:
    job_id = kind.id_of(item)
    if job_id is None or job_id in search.seen:
        return
    info: ErrorInfo | None
    if bulk.has_states:
        error = failure_in(access, page.call, kind, job_id, item, page.answer)
        if error is None:
            return
        info = error.info
        if not bulk.is_full and not gives_reason(info):
            info = (yield from _read(access, kind, search, job_id)) or info
    else:
        info = yield from _read(access, kind, search, job_id)
    if info is None:
        return
    at = first_moment(item, _ENDED)
    if at is not None and at < search.since:
        return
    yield Give(
        JobFailure(
            provider=kind.provider, kind=kind.name, id=job_id, info=info, at=at, created=first_moment(item, _CREATED), data=dict(item)
        )
    )
    # Behind the Give: what the user did not get to is given again.
    search.seen.add(job_id)


def _read(access: Access, kind: JobKind, search: Search, job_id: str) -> Procedure[ErrorInfo | None]:
    """Why a job failed, by reading it alone; None where it did not fail, or was deleted meanwhile."""
    method, path, options = kind.reading(job_id)
    try:
        yield access.call(method, path, {**search.options, **options})
    except ApiError as error:
        if error.info.channel is Channel.JOB:
            return error.info
        if error.info.category is Category.NOT_FOUND:
            return None
        raise
    return None
