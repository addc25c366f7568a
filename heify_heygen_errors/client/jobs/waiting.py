"""Waiting for one job to end. Performs no I/O: a procedure, which a driver takes the steps of."""

from __future__ import annotations

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.engine import Pause
from heify_heygen_errors.client.jobs.access import Access, checked_id, named
from heify_heygen_errors.client.jobs.kinds import JobKind, is_over, job_in, state_of
from heify_heygen_errors.client.jobs.watch import Terms, Watch
from heify_heygen_errors.client.procedure import Procedure
from heify_heygen_errors.exceptions import ApiError


def wait_for_one(access: Access, kind: JobKind, job: object, terms: Terms, *, is_new: bool = False) -> Procedure[Answer]:
    """Wait for a job to end. One that was only just ordered is first looked at after a pause.

    Raises:
        ApiError: the job failed, does not exist, waits for a person, did not end in time, or asking is refused.
        TypeError, ValueError: the id cannot be one.
    """
    job_id = checked_id(kind, job)
    watch = Watch(access, kind, terms)
    state: str | None = None
    was_read = False
    if is_new:
        yield Pause(watch.wait() or 0.0)
    while True:
        watch.looks += 1
        answer, error = yield from watch.look(job_id)
        if error is not None and not watch.goes_on_after(error, job_id):
            yield from watch.progress(job_id, None, None, error)
            ends, error = [named(error, kind, job_id)], None
            raise ends.pop()  # held by no frame of its own traceback
        end: ApiError | None = None
        if answer is not None:
            was_read = True
            state = state_of(job_in(answer.data)) or state
            if is_over(kind, access.space, job_in(answer.data)):
                yield from watch.progress(job_id, answer, None, None)
                return answer
            end = watch.needs(job_id, answer.data)
        asked = None if error is None else error.wait
        wait = None if end is not None else watch.wait(asked)
        yield from watch.progress(job_id, answer, wait, error)
        if wait is None:
            ends = [end or watch.not_ended(job_id, state, error, was_read=was_read, asked=asked)]
            end = error = None
            raise ends.pop()
        yield Pause(wait)
