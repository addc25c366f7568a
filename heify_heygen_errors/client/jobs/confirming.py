"""Reading a job back before anybody acts on a webhook that nobody signed. Performs no I/O: a procedure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heify_heygen_errors.client.failures import JobNotEndedError
from heify_heygen_errors.client.jobs.access import Access, checked_id, named
from heify_heygen_errors.client.jobs.kinds import JobKind, job_in
from heify_heygen_errors.client.jobs.waiting import wait_for_one
from heify_heygen_errors.client.jobs.watch import Terms
from heify_heygen_errors.client.procedure import Procedure
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Category, Channel
from heify_heygen_errors.providers.sight import code_of
from heify_heygen_errors.webhooks.event import WebhookEvent
from heify_heygen_errors.webhooks.parsing import confirmed
from heify_heygen_errors.webhooks.problem import WebhookError, WebhookProblem

PATIENCE: Final = 5.0
"""Seconds in which the vendor's answer may still be behind its own webhook."""

_NOT_ENDED: Final = "transport/JobNotEnded"


def confirm(access: Access, kind: JobKind, event: WebhookEvent, terms: Terms) -> Procedure[WebhookEvent]:
    """The event with what the vendor says of its job when asked; nothing of the delivery but the id counts.

    Raises:
        WebhookError: ``unknown_job``: the vendor has no such job, so the delivery is not the vendor's.
        ApiError: the vendor could not be asked.
    """
    # Verbatim: in `resource` it is redacted and bounded.
    job_id = code_of(event.data.get(kind.id_field))
    if job_id is None or not _is_id(kind, job_id):
        raise WebhookError(WebhookProblem.NOT_AN_EVENT)
    normalizer = access.core.normalizer
    try:
        answer = yield from wait_for_one(access, kind, job_id, terms)
    except ApiError as caught:
        error = caught
    else:
        job = job_in(answer.data)
        read = job if isinstance(job, Mapping) and kind.id_of(job) is not None else {kind.id_field: job_id}
        if str(kind.id_of(read)).casefold() != job_id.casefold():
            raise WebhookError(WebhookProblem.UNKNOWN_JOB)
        return confirmed(event, read, normalizer=normalizer)
    info = named(error, kind, job_id).info
    if info.rule == _NOT_ENDED:
        why = _never_read(error)
        if why is not None:
            raise why
        return confirmed(event, {kind.id_field: job_id}, normalizer=normalizer)
    if info.channel is Channel.JOB:
        return confirmed(event, {kind.id_field: job_id, "status": "FAILED"}, info, normalizer=normalizer)
    if info.category is Category.NOT_FOUND:
        del error
        raise WebhookError(WebhookProblem.UNKNOWN_JOB)
    raise error


def _is_id(kind: JobKind, job_id: str) -> bool:
    try:
        checked_id(kind, job_id)
    except ValueError:
        return False
    return True


def _never_read(error: ApiError) -> ApiError | None:
    """Why no look at a job succeeded; None where one did, and it was running."""
    problem = error.__cause__
    if not isinstance(problem, JobNotEndedError) or problem.was_read:
        return None
    return problem.__cause__ if isinstance(problem.__cause__, ApiError) else error
