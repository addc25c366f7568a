"""Uploading recordings to Heify. Performs no I/O: procedures.

POST /request-upload-url names a transcription and a URL for five minutes; the transcription begins when the file has come to
it (vendor notes 2026-11, Heify section a.5). A file that comes twice may be transcribed and paid twice. So whatever leaves open
whether the storage has the file is looked up, and nothing is sent again as long as it may be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final

import attrs

from heify_heygen_errors.client.answer import Answer
from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.engine import Pause
from heify_heygen_errors.client.failures import JobUnnamedError, NotResumableError, UploadUrlRefusedError
from heify_heygen_errors.client.jobs.access import Access
from heify_heygen_errors.client.jobs.handle import JobHandle
from heify_heygen_errors.client.jobs.kinds import JobKind, is_over, job_in, state_of
from heify_heygen_errors.client.jobs.listing import is_list, jobs_in
from heify_heygen_errors.client.jobs.ordering import check_kind, saved
from heify_heygen_errors.client.jobs.waiting import wait_for_one
from heify_heygen_errors.client.jobs.watch import Terms
from heify_heygen_errors.client.procedure import Aside, Procedure, Tell
from heify_heygen_errors.client.streaming import StreamedBody
from heify_heygen_errors.client.uploads.storage import (
    MARGIN,
    MOST_RENEWALS,
    HarmlessPolicy,
    Sending,
    Slot,
    Time,
    slot_in,
    wants_renewal,
    with_resource,
)
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.model import Category, Channel, Outcome

_URL_LASTS: Final = 300.0
_SIGNED: Final = ("configuration_id", "participant_id", "evaluator_id", "name")
_WAITS_FOR_FILE: Final = "pending_upload"
_PAUSES: Final = (1.0, 3.0, 6.0, 10.0, 15.0, 25.0)
"""Seconds before each look for a transcription whose file may have come: a minute, as one that has come may take to be found."""


@attrs.frozen(kw_only=True)
class UploadOrder:
    """What is uploaded.

    Attributes:
        body: the file.
        check: raises what is wrong with it before anything is sent; None for no check.
        asked: sent as JSON for a URL.
        save: told the handle before the file is sent, and again when it has arrived.
        deadline: seconds for all of it; None for no limit.
        options: of each call; see `JobOptions`.
    """

    body: StreamedBody
    check: Callable[[], object] | None
    asked: Mapping[str, Any] = attrs.field(repr=False)
    save: Callable[[JobHandle], object] | None
    deadline: float | None
    options: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class _Place:
    """A transcription that waits for its file, where that goes, and the call that it is from."""

    slot: Slot
    handle: JobHandle
    call: Call


def upload(access: Access, kind: JobKind, order: UploadOrder) -> Procedure[JobHandle]:
    """Upload a recording; its transcription has begun at the end.

    Raises:
        ApiError: it was refused, or nobody knows whether the storage has it.
        Exception: of the file, of `save` and of the callback for progress.
    """
    if order.check is not None:
        yield Aside(order.check)
    time = Time(access.core.clock, order.deadline)
    sending = Sending(access, order.body, "spends")
    place = yield from _place(access, kind, order, time)
    renewals = 0
    while True:
        if time.now < place.slot.ends or renewals == MOST_RENEWALS:
            error = yield from sending.send(place.call, place.slot, _named(kind, place.handle), time.left)
            if error is None:
                break
            is_open = error.info.retry.outcome is Outcome.UNKNOWN and not wants_renewal(error.info)
            if is_open:
                found = _Found.UNCLEAR if time.is_over else (yield from _look(access, kind, place.handle.id, order.options, time))
                if found is _Found.BEGUN:
                    break
                if found is _Found.UNCLEAR or not sending.goes_on(place.slot):
                    raise error
                if time.now < place.slot.ends:
                    continue
            if not (is_open or sending.is_too_old or wants_renewal(error.info)) or renewals == MOST_RENEWALS:
                raise error
            if sending.wait:
                yield Pause(sending.wait)
        renewals += 1
        place = yield from _place(access, kind, order, time)
    handle = attrs.evolve(place.handle, body=None, is_started=True)
    yield from saved(order.save, handle)
    return handle


def _path(kind: JobKind) -> str:
    if kind.upload is None:
        msg = f"no {kind.noun} begins with the upload of a file"
        raise ValueError(msg)
    return kind.upload


def _named(kind: JobKind, handle: JobHandle) -> dict[str, str]:
    return {kind.id_field: handle.id}


def _place(access: Access, kind: JobKind, order: UploadOrder, time: Time) -> Procedure[_Place]:
    """Ask for a new transcription and the URL for its file, and have it saved. Nothing begins by that."""
    call = access.call("POST", _path(kind), {**order.options, "json": order.asked}, time.remaining)
    asked, ends = access.now, time.now + _URL_LASTS - MARGIN
    answer: Answer = yield attrs.evolve(call, policy=HarmlessPolicy(wrapped=call.policy))
    # Read elsewhere: the URL is to stand in no local variable of a frame that raises.
    ids, slot = kind.ids_made(answer.data), _slot_in(answer, ends)
    if len(ids) != 1:
        raise _with_attempts(access.error("POST", call.path, JobUnnamedError(kind.noun)), answer)
    if isinstance(slot, str):
        error = with_resource(access.error("POST", call.path, UploadUrlRefusedError(slot)), {kind.id_field: ids[0]})
        raise _with_attempts(error, answer)
    handle = JobHandle(
        provider=kind.provider, kind=kind.name, ids=ids, path=call.path, body=dict(order.asked), created=asked, is_started=False
    )
    if order.save is not None:
        yield Tell(order.save, handle)
    return _Place(slot=slot, handle=handle, call=call)


def _slot_in(answer: Answer, ends: float) -> Slot | str:
    data = answer.data if isinstance(answer.data, Mapping) else {}
    # What the answer repeats is signed, and has to be sent as it was repeated.
    told = {name: data.get(name) for name in _SIGNED}
    return slot_in(data, {f"x-amz-meta-{name}": str(value) for name, value in told.items() if isinstance(value, str | int)}, ends)


def _with_attempts(error: ApiError, answer: Answer) -> ApiError:
    error.attempts = answer.attempts
    return error


# Whether a file has come.


class _Found(Enum):
    BEGUN = auto()
    ABSENT = auto()
    UNCLEAR = auto()


def _look(access: Access, kind: JobKind, job_id: str, options: Mapping[str, Any], time: Time) -> Procedure[_Found]:
    """Find out whether a transcription has begun: a few looks, with pauses that grow.

    Returns:
        `BEGUN` as soon as anything shows it; `ABSENT` where every look finds that there is no such transcription.
    """
    found: set[_Found] = set()
    for pause in _PAUSES:
        remaining = time.remaining
        yield Pause(pause if remaining is None else min(pause, remaining))
        seen = yield from _look_once(access, kind, job_id, options, time)
        if seen is _Found.BEGUN:
            return seen
        found.add(seen)
        if time.is_over:
            return _Found.UNCLEAR
    return _Found.ABSENT if found == {_Found.ABSENT} else _Found.UNCLEAR


def _look_once(access: Access, kind: JobKind, job_id: str, options: Mapping[str, Any], time: Time) -> Procedure[_Found]:
    method, path, reading = kind.reading(job_id)
    try:
        answer: Answer = yield access.call(method, path, {**options, **reading}, time.remaining)
    except ApiError as error:
        if error.info.channel is Channel.JOB:
            return _Found.BEGUN  # and failed
        if error.info.category is not Category.NOT_FOUND or error.info.channel is Channel.GATEWAY:
            return _Found.UNCLEAR
        is_known = False
    else:
        is_known = True
        if is_over(kind, access.space, job_in(answer.data)):
            return _Found.BEGUN
    if kind.list is None:
        return _Found.UNCLEAR
    # A transcription whose file has not come yet can be read, too; the list has those alone that have begun.
    try:
        listed: Answer = yield access.call(method, kind.list.path, options, time.remaining)
    except ApiError:
        return _Found.UNCLEAR
    if any(kind.id_of(item) == job_id and state_of(item) != _WAITS_FOR_FILE for item in jobs_in(kind, listed)):
        return _Found.BEGUN
    return _Found.UNCLEAR if is_known or not is_list(listed) else _Found.ABSENT


# After a crash.


def is_upload(kind: JobKind, handle: JobHandle) -> bool:
    """Whether a handle is of an upload of which it is not known that the file has come."""
    return handle.path == kind.upload and bool(handle.ids) and not handle.is_started


def resume_upload(access: Access, kind: JobKind, handle: JobHandle, options: Mapping[str, Any], time: Time) -> Procedure[JobHandle]:
    """The handle of an upload that was broken off, if its file has come nevertheless.

    Raises:
        ApiError: a ConflictError of the rule ``transport/NotResumable`` where it has not, or nothing shows it.
    """
    check_kind(kind, handle)
    found = yield from _look(access, kind, handle.id, options, time)
    if found is _Found.BEGUN:
        return attrs.evolve(handle, body=None, is_started=True)
    why = "its file did not come to the storage: upload it again"
    if found is _Found.UNCLEAR:
        why = "nothing shows that its file has come: look for it in /list-transcriptions, and upload it again if it is not there"
    problem = NotResumableError(why)
    raise with_resource(access.error("POST", handle.path, problem), _named(kind, handle))


def resume_upload_and_wait(access: Access, kind: JobKind, handle: JobHandle, terms: Terms) -> Procedure[Answer]:
    """The same, and wait for the end of the transcription.

    Raises:
        ApiError: as `resume_upload` and `wait_for_one`.
    """
    time = Time(access.core.clock, terms.deadline)
    handle = yield from resume_upload(access, kind, handle, terms.options, time)
    return (yield from wait_for_one(access, kind, handle.id, attrs.evolve(terms, deadline=time.remaining)))
