"""Lists of jobs: from page to page, and what their items say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.calls import PageWalk
from heify_heygen_errors.client.failures import PageRepeatedError
from heify_heygen_errors.client.jobs.access import Access
from heify_heygen_errors.client.jobs.kinds import Bulk, JobKind, job_in, state_of
from heify_heygen_errors.client.procedure import Procedure
from heify_heygen_errors.client.reading import remark_in, unwrapped
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import ErrorInfo
from heify_heygen_errors.moments import moment
from heify_heygen_errors.observation import Observation

_OK = 200


@attrs.frozen(kw_only=True)
class Page:
    """A page of a list: the jobs on it, the answer, and the call that it came to."""

    items: tuple[Mapping[str, Any], ...] = attrs.field(repr=False)
    answer: Answer
    call: Call


class Walk:
    """From page to page of a list of jobs.

    Attributes:
        pages: that were asked for so far.
        problem: why the list cannot be followed to its end; what it told so far is right.
    """

    def __init__(self, kind: JobKind, bulk: Bulk, call: Callable[[str, str, Mapping[str, Any]], Call]) -> None:
        self._kind = kind
        self._bulk = bulk
        self._call = call
        self._tokens = PageWalk.of({"params": {"limit": bulk.most}})
        self._is_over = False
        self._last: tuple[Mapping[str, Any], ...] = ()
        self.pages = 0
        self.problem: PageRepeatedError | None = None

    def page(self) -> Procedure[Page | None]:
        """The next page; None behind the last one.

        Raises:
            ApiError: it cannot be read.
        """
        if self._is_over:
            return None
        self.pages += 1
        call = self._call(self._kind.method, self._bulk.path, self._options())
        answer: Answer = yield call
        items = jobs_in(self._kind, answer)
        self._is_over = not self._goes_on(answer, items)
        return Page(items=items, answer=answer, call=call)

    def _options(self) -> dict[str, Any]:
        if self._bulk.paging == "token":
            return self._tokens.options()
        if self._bulk.paging == "number":
            return {"params": {"page": self.pages, "page_size": self._bulk.most}}
        return {}

    def _goes_on(self, answer: Answer, items: tuple[Mapping[str, Any], ...]) -> bool:
        if self._bulk.paging == "token":
            more = self._tokens.go_on(answer)
            if isinstance(more, PageRepeatedError):
                self.problem = more
            return more is True
        if self._bulk.paging != "number" or not isinstance(answer.data, Mapping) or not answer.data.get("next"):
            return False
        # A page that is empty, or the same once more, with another one behind it: such a list never ends.
        if not items or items == self._last:
            self.problem = PageRepeatedError(token=bool(items))
        self._last = items
        return self.problem is None


def _lists_in(data: object) -> list[list[Any]]:
    if isinstance(data, list):
        return [data]
    return [value for value in data.values() if isinstance(value, list)] if isinstance(data, Mapping) else []


def is_list(answer: Answer) -> bool:
    """Whether an answer is one about many: with a list in it, or with nothing."""
    return answer.data is None or bool(_lists_in(answer.data))


def jobs_in(kind: JobKind, answer: Answer) -> tuple[Mapping[str, Any], ...]:
    """The job objects in the answer about many; none where it holds nothing that looks like a list of them.

    The list is the data itself, or stands in it under some name beside counts and pages.
    """
    for items in _lists_in(answer.data):
        jobs = tuple(item for item in items if isinstance(item, Mapping) and kind.id_of(item) is not None)
        if jobs:
            return jobs
    return ()


def failure_in(access: Access, call: Call, kind: JobKind, job_id: str, item: Mapping[str, Any], answer: Answer) -> ApiError | None:
    """The failure of a job in a list; None where it did not fail.

    The call is the one whose answer has the item.
    """
    body = {"data": dict(item)}
    seen = Observation(access.provider, _OK, dict(answer.headers), body, call.method, call.path, secrets=call.secrets)
    findings = access.core.normalizer.findings(seen)
    infos = [ErrorInfo.of(finding) for finding, is_item in findings if not is_item]
    if not infos and _has_failed(access, kind, item):
        infos = [ErrorInfo.of(finding) for finding, _ in findings]
    if not infos:
        return None
    return _job_error(kind, job_id, infos[0], call.method, call.path, answer)


def failed_by_its_state(access: Access, kind: JobKind, job_id: str, answer: Answer) -> ApiError | None:
    """The failure of a job that says so by its state alone, while its parts tell why; None where it did not fail."""
    if not _has_failed(access, kind, job_in(answer.data)):
        return None
    method, path, _ = kind.reading(job_id)
    info = next(iter(answer.failures), None)
    if info is None:
        nothing = {"data": {"status": min(access.space.failed_states)}}
        info = access.core.normalizer.normalize(Observation(access.provider, _OK, dict(answer.headers), nothing, method, path))
    return None if info is None else _job_error(kind, job_id, info, method, path, answer)


def _has_failed(access: Access, kind: JobKind, job: object) -> bool:
    return not kind.is_batch and state_of(job) in access.space.failed_states


def _job_error(kind: JobKind, job_id: str, info: ErrorInfo, method: str, path: str, answer: Answer) -> ApiError:
    error = ApiError.of(attrs.evolve(info, resource={**info.resource, kind.id_field: job_id}))
    error.method, error.path, error.attempts = method, path, answer.attempts
    return error


def gives_reason(info: ErrorInfo) -> bool:
    """Whether a failed job says why."""
    return not (info.code is None and info.message is None and info.detail is None)


def item_answer(access: Access, call: Call, answer: Answer, item: Mapping[str, Any]) -> Answer:
    """The answer about one job, out of that about many."""
    notice = remark_in(item, call, access.core.normalizer)
    notices = tuple(one for one in answer.notices if one.kind == "deprecation")
    body = {"data": item}
    return attrs.evolve(answer, data=unwrapped(body), body=body, failures=(), notices=(*notices, notice) if notice else notices)


def first_moment(job: Mapping[str, Any], names: tuple[str, ...]) -> datetime | None:
    """The first of some members that is a time; those of ``details`` count, too, as Heify has them."""
    details = job.get("details")
    for source in (job, details if isinstance(details, Mapping) else {}):
        for name in names:
            found = moment(source.get(name))
            if found is not None:
                return found
    return None
