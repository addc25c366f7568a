"""What every wait goes by: its terms, its time, and how a look at a job is judged. Performs no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call, checked_deadline
from heify_heygen_errors.client.calls import PageWalk
from heify_heygen_errors.client.failures import (
    JobNeedsActionError,
    JobNeverReadError,
    JobNotEndedError,
    ListIncompleteError,
    PageRepeatedError,
)
from heify_heygen_errors.client.jobs.access import Access, with_named_notices
from heify_heygen_errors.client.jobs.kinds import JobKind, is_over, job_in, state_of
from heify_heygen_errors.client.jobs.listing import failed_by_its_state
from heify_heygen_errors.client.jobs.polling import POLLING, Polling
from heify_heygen_errors.client.jobs.values import JobProgress
from heify_heygen_errors.client.procedure import Procedure, Step, Tell
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Category, Channel

DEADLINE: Final = 3600.0
"""Seconds that are waited for jobs unless another time is asked for."""

# Seconds before the deadline in which no look is begun any more, as a share of the deadline and at most.
_LAST: Final = 0.05
_LAST_AT_MOST: Final = 1.0
# A pause that is shorter than this would not move every clock.
_LEAST: Final = 0.001


@attrs.frozen(kw_only=True)
class Terms:
    """How to wait.

    Attributes:
        deadline: seconds from now; None for no limit. What the user's own functions take does not count.
        on_progress: told after each look; an exception of it ends the wait.
        polling: the waits between two looks.
        options: of each call; see `JobOptions`.
        grace: seconds in which some ids may be unknown: a file that was just uploaded takes a moment to be found.
        graced: those ids.

    Raises:
        ValueError, TypeError: one of them cannot be meant.
    """

    deadline: float | None = DEADLINE
    on_progress: Callable[[JobProgress], object] | None = None
    polling: Polling = attrs.field(default=POLLING)
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    grace: float = 0.0
    graced: frozenset[str] = frozenset()

    def __attrs_post_init__(self) -> None:
        checked_deadline(self.deadline)
        if not isinstance(self.polling, Polling):
            msg = f"polling is a Polling, not {self.polling!r}"
            raise TypeError(msg)


class Watch:
    """The time of a wait, the looks so far, and what the next one has to keep to.

    Attributes:
        floor: seconds between two calls that the catalog has for the endpoints in use.
        looks: so far.
    """

    def __init__(self, access: Access, kind: JobKind, terms: Terms) -> None:
        self.access = access
        self.kind = kind
        self.terms = terms
        self.looks = 0
        self._began = access.core.clock()
        paths = [kind.reading("-")[1], *(bulk.path for bulk in (kind.statuses, kind.list) if bulk is not None)]
        endpoints = [access.space.endpoint(kind.method, path) for path in paths]
        self.floor = max((found.min_wait or 0.0 for found in endpoints if found is not None), default=0.0)

    # Time.

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began, without those of the user's own functions."""
        return self.access.core.clock() - self._began

    @property
    def remaining(self) -> float | None:
        """Seconds in which a look may still be taken; None without a deadline."""
        deadline = self.terms.deadline
        return None if deadline is None else deadline - self.elapsed

    def wait(self, asked: float | None = None) -> float | None:
        """Seconds until the next look; None where the deadline comes first.

        The last look is taken just before the deadline.
        """
        floor = max(self.floor, asked or 0.0)
        wait = self.terms.polling.wait(max(self.looks - 1, 0), self.access.core.draw(), floor)
        remaining, deadline = self.remaining, self.terms.deadline
        if remaining is None or deadline is None:
            return wait
        latest = remaining - min(_LAST_AT_MOST, _LAST * deadline)
        if latest < _LEAST or floor > latest:
            return None
        return min(wait, latest)

    def apart(self, step: Step) -> Procedure[None]:
        """Take a step of the user's, whose time is not that of the wait."""
        before = self.access.core.clock()
        yield step
        self._began += self.access.core.clock() - before

    # Calls.

    def call(self, method: str, path: str, options: Mapping[str, Any]) -> Call:
        """A call that is over before the deadline."""
        remaining = self.remaining
        within = None if remaining is None else max(remaining, _LEAST)
        return self.access.call(method, path, {**self.terms.options, **options}, within)

    def look(self, job_id: str) -> Procedure[tuple[Answer | None, ApiError | None]]:
        """One look at one job: an answer, that about a batch that is over with all of its pages; or an error."""
        method, path, options = self.kind.reading(job_id)
        try:
            answer: Answer = yield self.call(method, path, options)
            if self.kind.is_batch and is_over(self.kind, self.access.space, job_in(answer.data)):
                answer = yield from self._whole(method, path, answer)
        except ApiError as error:
            return None, error
        failed = failed_by_its_state(self.access, self.kind, job_id, answer)
        if failed is not None:
            return None, failed
        return with_named_notices(answer, self.kind, job_id), None

    def _whole(self, method: str, path: str, answer: Answer) -> Procedure[Answer]:
        walk = PageWalk.of({"params": dict(self.kind.params)})
        pages = [answer]
        while (more := walk.go_on(pages[-1])) is True:
            page: Answer = yield self.call(method, path, walk.options())
            pages.append(page)
            if not isinstance(page.data, Mapping):
                raise self.access.error(method, path, ListIncompleteError(self.kind.noun, "a page holds no items"))
        if isinstance(more, PageRepeatedError):
            raise self.access.error(method, path, more)
        return answer if len(pages) == 1 else _joined(pages)

    # Judging.

    def goes_on_after(self, error: ApiError, job_id: str | None = None) -> bool:
        """Whether a failure is one of asking, which may pass, and not of the job."""
        info = error.info
        if info.channel is Channel.JOB:
            return False
        if info.category is Category.NOT_FOUND:
            return job_id in self.terms.graced and self.elapsed < self.terms.grace
        return info.retryable

    def progress(
        self, job_id: str, answer: Answer | None, next_poll: float | None, error: ApiError | None, data: object = None
    ) -> Iterator[Step]:
        """What the user is told of a look."""
        if self.terms.on_progress is None:
            return
        shown = data if answer is None else answer.data
        told = JobProgress(
            provider=self.kind.provider,
            kind=self.kind.name,
            id=job_id,
            state=state_of(job_in(shown)),
            elapsed=self.elapsed,
            polls=self.looks,
            next_poll=next_poll,
            problem=None if error is None else error.info,
            data=shown,
        )
        yield from self.apart(Tell(self.terms.on_progress, told))

    def needs(self, job_id: str, data: object) -> ApiError | None:
        """The error of a job that waits for a person; None where it does not."""
        state = state_of(job_in(data))
        needs = self.kind.needs.get(state) if state is not None else None
        if state is None or needs is None:
            return None
        return self._error(job_id, JobNeedsActionError(self.kind.noun, job_id, state, needs))

    def not_ended(
        self, job_id: str, state: str | None, error: ApiError | None = None, *, was_read: bool, asked: float | None = None
    ) -> ApiError:
        """The error of a job that had not ended in time; behind it, why the last look failed."""
        if was_read or error is None:
            return self._error(job_id, JobNotEndedError(self.kind.noun, job_id, state, self.elapsed, asked=asked), error)
        why = f"{error.info.category}, {error.info.rule}"
        return self._error(job_id, JobNeverReadError(self.kind.noun, job_id, why, self.elapsed, asked=asked), error)

    def _error(self, job_id: str, problem: Exception, behind: ApiError | None = None) -> ApiError:
        method, path, _ = self.kind.reading(job_id)
        return self.access.error(method, path, problem, self.kind, job_id, behind=behind)


def _joined(pages: list[Answer]) -> Answer:
    """The answer about a batch with the items and failures of all its pages."""
    items = [item for page in pages if isinstance(page.data.get("items"), list) for item in page.data["items"]]
    data = {**pages[0].data, "items": items, "has_more": False, "next_token": None}
    failures = tuple(failure for page in pages for failure in page.failures)
    body = {**pages[0].body, "data": data} if "data" in pages[0].body else data
    return attrs.evolve(pages[0], data=data, body=body, failures=failures)
