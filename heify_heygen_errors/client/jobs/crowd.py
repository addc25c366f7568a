"""Waiting for several jobs with few calls. Performs no I/O: procedures.

Of kinds with a call that tells of given ids, that is asked; else the list of all jobs, where it says how they are; else each
job by itself. What the answer about many leaves open is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.engine import Pause
from heify_heygen_errors.client.jobs.access import Access, checked_id, named, with_named_notices
from heify_heygen_errors.client.jobs.kinds import Bulk, JobKind, is_over, job_in, state_of
from heify_heygen_errors.client.jobs.listing import Page, Walk, failure_in, gives_reason, item_answer, jobs_in
from heify_heygen_errors.client.jobs.values import JobEnd
from heify_heygen_errors.client.jobs.watch import Terms, Watch
from heify_heygen_errors.client.procedure import Give, Procedure
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Category, Channel

_SILENT: Final = 2
# A list of all jobs is only asked for where more than so many are waited for; it can be long.
_FEW: Final = 3
# Kinds of failure that say that the call for many jobs is not to be had, and not that something is wrong with the account.
_NO_SUCH_CALL: Final = frozenset({Category.NOT_FOUND, Category.INVALID_REQUEST})
# What is refused for one job is refused for all.
_OF_THE_ACCOUNT: Final = frozenset({Category.AUTHENTICATION, Category.PLAN, Category.PAYMENT, Category.QUOTA})


def wait_for_many(access: Access, kind: JobKind, jobs: Iterable[object], terms: Terms) -> Procedure[None]:
    """Wait for jobs to end, and give a `JobEnd` for each as it does, once for each id.

    Raises:
        ApiError: asking is refused, for a reason that is not that of one job.
        TypeError, ValueError: an id cannot be one.
    """
    watch = Watch(access, kind, terms)
    crowd = _Crowd(watch, list(dict.fromkeys(checked_id(kind, job) for job in jobs)))
    while crowd.states:
        watch.looks += 1
        asked = yield from crowd.look()
        if not crowd.states:
            return
        wait = watch.wait(asked)
        if wait is None:
            for job_id in list(crowd.states):
                yield from crowd.give_up(job_id, asked)
            return
        yield Pause(wait)


class _Crowd:
    """The jobs that are still waited for.

    Attributes:
        states: by id, those that come next first; None where none was seen yet.
    """

    def __init__(self, watch: Watch, ids: list[str]) -> None:
        self.watch = watch
        self.kind = watch.kind
        self.states: dict[str, str | None] = dict.fromkeys(ids)
        self._were_read: set[str] = set()
        self._problems: dict[str, ApiError] = {}
        self._has_no_bulk = False
        self._silent_looks = 0
        # Those that a whole look did not find in the list: older than what it shows, or unknown.
        self._unlisted: set[str] = set()

    def look(self) -> Procedure[float | None]:
        """One look at all of them.

        Returns:
            Seconds that the vendor wants to be left alone; None where it does not say.
        """
        statuses, listed = self.kind.statuses, self.kind.list
        if not self._has_no_bulk and statuses is not None and len(self.states) > 1:
            return (yield from self._look_by_ids(statuses))
        if not self._has_no_bulk and listed is not None and listed.has_states and len(self.states.keys() - self._unlisted) > _FEW:
            return (yield from self._look_at_list(listed))
        return (yield from self._look_at_each(list(self.states)))

    # Many in one call.

    def _look_by_ids(self, bulk: Bulk) -> Procedure[float | None]:
        # The ids stand between commas.
        odd = [job_id for job_id in self.states if "," in job_id]
        rest = (job_id for job_id in list(self.states) if "," not in job_id)
        over: list[str] = []
        told = False
        while chunk := list(islice(rest, bulk.most)):
            call = self.watch.call("GET", bulk.path, {"params": {str(bulk.ids): ",".join(chunk)}})
            answer, error = yield from _asked(call)
            if error is not None:
                errors, error = [error], None
                return (yield from self._failed(chunk, errors))
            if answer is None:  # one of the two is there
                break
            items = {self.kind.id_of(item): item for item in jobs_in(self.kind, answer)}
            told = told or bool(items)
            for job_id in chunk:
                is_to_be_read = yield from self._saw(job_id, items.get(job_id), answer, call, is_full=bulk.is_full)
                over += [job_id] if is_to_be_read else []
        if self._was_silent(told=told):
            return None
        asked = yield from self._read_ended(over)
        return asked if asked is not None or not odd else (yield from self._look_at_each(odd))

    def _look_at_list(self, bulk: Bulk) -> Procedure[float | None]:
        walk = Walk(self.kind, bulk, self.watch.call)
        wanted = self.states.keys() - self._unlisted
        over: list[str] = []
        told = False
        while wanted and walk.pages < _pages_for(len(self.states), bulk.most):
            page, error = yield from _page(walk)
            if error is not None:
                errors, error = [error], None
                return (yield from self._failed([job_id for job_id in self.states if job_id in wanted], errors))
            if page is None:
                break
            told = told or bool(page.items)
            over += yield from self._saw_page(page, wanted, is_full=bulk.is_full)
        if self._was_silent(told=told):
            return None
        asked = yield from self._read_ended(over)
        self._unlisted |= wanted
        if asked is not None:
            return asked
        return (yield from self._look_at_each([job_id for job_id in self.states if job_id in self._unlisted]))

    def _was_silent(self, *, told: bool) -> bool:
        """Whether a call told of no job at all, once; the second time it is not asked any more, and jobs are read one by one."""
        self._silent_looks = 0 if told else self._silent_looks + 1
        self._has_no_bulk = self._silent_looks >= _SILENT
        return not told and not self._has_no_bulk

    def _read_ended(self, ids: list[str]) -> Procedure[float | None]:
        """Read jobs that are over: from the list where that has all of them, else one by one."""
        bulk = self.kind.list
        if bulk is not None and bulk.is_full and len(ids) > _FEW:
            walk, wanted = Walk(self.kind, bulk, self.watch.call), set(ids)
            while wanted and walk.pages < _pages_for(len(ids), bulk.most):
                page, error = yield from _page(walk)
                if error is not None and self.watch.goes_on_after(error):
                    if _is_of_every_call(error):
                        return error.wait
                    break
                if error is not None and error.info.category not in _NO_SUCH_CALL:
                    errors, error = [error], None
                    raise errors.pop()
                if page is None:
                    break
                yield from self._saw_page(page, wanted, is_full=True)
        return (yield from self._look_at_each([job_id for job_id in ids if job_id in self.states]))

    def _failed(self, ids: list[str], errors: list[ApiError]) -> Procedure[float | None]:
        """Asking about many failed: the wait goes on, or goes on one by one, or is over.

        Where it goes on, the rest of the look is put off: what the vendor asks for goes for every call. The error stands in
        a list, out of which it is raised: no frame of its traceback holds it then.
        """
        [error] = errors
        if not self.watch.goes_on_after(error):
            if error.info.category not in _NO_SUCH_CALL:
                del error
                raise errors.pop()
            self._has_no_bulk = True
            return (yield from self._look_at_each(ids))
        self._problems.update(dict.fromkeys(ids, error))
        for job_id in ids[:1]:
            yield from self.watch.progress(job_id, None, None, error)
        return error.wait

    def _saw_page(self, page: Page, wanted: set[str], *, is_full: bool) -> Procedure[list[str]]:
        """Take note of the jobs on a page that are wanted, and take them out of those.

        Returns:
            Ids of those that have to be read by themselves.
        """
        to_be_read = []
        for item in page.items:
            job_id = self.kind.id_of(item)
            if job_id is None or job_id not in wanted:
                continue
            wanted.discard(job_id)
            if (yield from self._saw(job_id, item, page.answer, page.call, is_full=is_full)):
                to_be_read.append(job_id)
        return to_be_read

    def _saw(self, job_id: str, item: object, answer: Answer, call: Call, *, is_full: bool) -> Procedure[bool]:
        """Take note of a job in the answer about many.

        Returns:
            Whether it has to be read by itself: it is over and the item has not all of it, or the item is missing.
        """
        if not isinstance(item, Mapping):
            return True
        error = failure_in(self.watch.access, call, self.kind, job_id, item, answer)
        if error is not None:
            if not is_full and not gives_reason(error.info):
                return True
            yield from self._end(job_id, error=error, data=item)
            return False
        if is_over(self.kind, self.watch.access.space, item):
            if not is_full:
                self.states[job_id] = state_of(item)
                self._were_read.discard(job_id)  # what it has made is not known yet
                return True
            yield from self._end(job_id, answer=with_named_notices(item_answer(self.watch.access, call, answer, item), self.kind, job_id))
            return False
        yield from self._goes_on(job_id, item)
        return False

    # One call for each.

    def _look_at_each(self, ids: list[str]) -> Procedure[float | None]:
        for number, job_id in enumerate(ids):
            remaining = self.watch.remaining
            if remaining is not None and remaining <= 0:
                break
            if number and self.watch.floor:
                yield Pause(self.watch.floor)
            self._put_last(job_id)  # those that this look does not come to are the first of the next one
            answer, error = yield from self.watch.look(job_id)
            if answer is not None:
                yield from self._read(job_id, answer)
            elif error is not None and self.watch.goes_on_after(error, job_id):
                self._problems[job_id] = error
                yield from self.watch.progress(job_id, None, None, error)
                if _is_of_every_call(error):
                    if number:  # others had their turn in this look, and it had none
                        self._put_first(job_id)
                    return error.wait
            elif error is not None and error.info.category in _OF_THE_ACCOUNT and error.info.channel is not Channel.JOB:
                errors, error = [error], None
                raise errors.pop()
            elif error is not None:
                yield from self._end(job_id, error=named(error, self.kind, job_id))
        return None

    def _put_last(self, job_id: str) -> None:
        self.states[job_id] = self.states.pop(job_id)

    def _put_first(self, job_id: str) -> None:
        self.states = {job_id: self.states.pop(job_id), **self.states}

    def _read(self, job_id: str, answer: Answer) -> Procedure[None]:
        if not is_over(self.kind, self.watch.access.space, job_in(answer.data)):
            yield from self._goes_on(job_id, answer.data)
            return
        yield from self._end(job_id, answer=answer)

    # What becomes of a job.

    def _goes_on(self, job_id: str, data: object) -> Procedure[None]:
        self._were_read.add(job_id)
        self._problems.pop(job_id, None)
        needs = self.watch.needs(job_id, data)
        if needs is not None:
            yield from self._end(job_id, error=needs, data=data)
            return
        state = state_of(job_in(data))
        if state is not None and state != self.states[job_id]:
            self.states[job_id] = state
            yield from self.watch.progress(job_id, None, None, None, data)

    def give_up(self, job_id: str, asked: float | None) -> Procedure[None]:
        """The time is over for a job."""
        error = self.watch.not_ended(
            job_id, self.states[job_id], self._problems.get(job_id), was_read=job_id in self._were_read, asked=asked
        )
        yield from self._end(job_id, error=error)

    def _end(self, job_id: str, *, answer: Answer | None = None, error: ApiError | None = None, data: object = None) -> Procedure[None]:
        """A job is over. It is given before it is told, so that an exception of the user's does not lose it."""
        del self.states[job_id]
        yield from self.watch.apart(Give(JobEnd(id=job_id, answer=answer, error=error)))
        yield from self.watch.progress(job_id, answer, None, error, data)


def _is_of_every_call(error: ApiError) -> bool:
    """Whether a failure of asking is not that of one job: the vendor asks for a pause, or cannot be reached."""
    info = error.info
    return error.wait is not None or info.category is Category.RATE_LIMIT or info.channel in (Channel.TRANSPORT, Channel.GATEWAY)


def _pages_for(jobs: int, most: int) -> int:
    """Pages of a list in which so many jobs should be found, if they are not much older than the others."""
    return -(-jobs // most) + 1


def _asked(call: Call) -> Procedure[tuple[Answer | None, ApiError | None]]:
    """The answer to a call, or why there is none."""
    try:
        answer: Answer = yield call
    except ApiError as error:
        return None, error
    return answer, None


def _page(walk: Walk) -> Procedure[tuple[Page | None, ApiError | None]]:
    """The next page of a list, or why it cannot be had."""
    try:
        page = yield from walk.page()
    except ApiError as error:
        return None, error
    return page, None
