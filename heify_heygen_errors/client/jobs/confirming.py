"""Reading a job back before anybody acts on a webhook that nobody signed. Performs no I/O: a procedure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heify_heygen_errors.client.failures import JobNeverReadError, JobNotEndedError
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
        read = dict(job) if isinstance(job, Mapping) else {}
        if kind.id_of(read) is None:
            read[kind.id_field] = job_id
        _check_is_same(str(kind.id_of(read)), job_id)
        return confirmed(event, read, normalizer=normalizer)
    info = named(error, kind, job_id).info
    if isinstance(error.__cause__, JobNotEndedError):
        return confirmed(event, {kind.id_field: job_id}, normalizer=normalizer)
    if isinstance(error.__cause__, JobNeverReadError):
        raise error.__cause__.__cause__ or error
    if info.channel is Channel.JOB:
        _check_is_same(info.resource[kind.id_field], job_id)
        return confirmed(event, {kind.id_field: job_id, "status": "FAILED"}, info, normalizer=normalizer)
    if info.category is Category.NOT_FOUND:
        del error
        raise WebhookError(WebhookProblem.UNKNOWN_JOB)
    raise error


def _check_is_same(answered: str, asked: str) -> None:
    """Raises WebhookError where the vendor answered about another job; UUIDs have several spellings."""
    if answered.casefold() != asked.casefold():
        raise WebhookError(WebhookProblem.UNKNOWN_JOB)


def _is_id(kind: JobKind, job_id: str) -> bool:
    try:
        checked_id(kind, job_id)
    except ValueError:
        return False
    return True
