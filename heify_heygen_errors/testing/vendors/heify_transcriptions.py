"""Heify's transcriptions, from the submission or upload of a file to reports on many of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import attrs

from heify_heygen_errors.testing.operations import Call, Routes
from heify_heygen_errors.testing.vendors import heify_schemas as schemas
from heify_heygen_errors.testing.vendors.heify_dialect import account, deny, is_old, speak
from heify_heygen_errors.testing.vendors.heify_objects import CONFIGURATION, EVALUATOR, PARTICIPANT, Kind, one
from heify_heygen_errors.testing.vendors.heify_results import ANALYSED, dashboard, moment, report, result
from heify_heygen_errors.testing.vendors.storage import signed_url, when_stored
from heify_heygen_errors.testing.world import Job, PaidWork, World

_UPLOAD_SECONDS: Final = 300
_STEPS: Final = ("PENDING", "IN_PROGRESS")
_ENDS: Final = ("COMPLETED", "FAILED")
_NO_DATA: Final = "No completed transcriptions found to analyze."

transcriptions = Routes("heify")
"""The endpoints of transcriptions and reports."""


@attrs.frozen
class _Transcription:
    """A transcription: its job once the file is there, what was asked for before that."""

    id: str
    fields: dict[str, Any]
    job: Job | None

    def state(self, now: float) -> str:
        return _STEPS[0] if self.job is None else self.job.state(now)


def _asked_for(call: Call, source: str | None) -> dict[str, Any]:
    """What a transcription is to be, with everything that it takes over from other objects.

    Raises:
        Refusal: one of those does not exist.
    """
    configuration = one(call, CONFIGURATION)
    linked = {kind: _linked(call, kind) for kind in (PARTICIPANT, EVALUATOR)}
    made = {
        "configuration_id": configuration["configuration_id"],
        "configuration_tag": configuration["tag"],
        "extraction_fields": configuration["extraction_fields"],
        "summary": configuration["summary"],
        "name": call.body.get("name") or None,
        "group": None,
        "source": source,
        "submitted": call.world.clock(),
        "evaluator": linked[EVALUATOR],
    }
    for kind, found in linked.items():
        made[kind.id_field] = None if found is None else found[kind.id_field]
        made[f"{kind.name}_tag"] = None if found is None else found["tag"]
    return made


def _linked(call: Call, kind: Kind) -> dict[str, Any] | None:
    # Participants and evaluators are of 2026; what 2025 has no field for is not read.
    return None if is_old(call) or call.body.get(kind.id_field) is None else dict(one(call, kind))


def _start(world: World, transcription_id: str, fields: dict[str, Any]) -> None:
    left = world.balance["heify"]
    if left is not None:
        world.balance["heify"] = max(0.0, left - 1)
    world.start("heify", "transcription", transcription_id, _STEPS, ends=_ENDS, fields=fields)


@transcriptions.post(
    "/submit",
    "Transcribe the file behind a public URL.",
    body=schemas.SUBMISSION,
    answer=schemas.either(schemas.SUBMITTED),
    status=201,
    failures=(402,),
)
def submit(call: Call) -> Any:
    """A transcription that begins at once."""
    fields = _asked_for(call, call.body["source_url" if is_old(call) else "url"])
    transcription_id = call.world.uuid()
    _start(call.world, transcription_id, fields)
    call.paid(transcription_id)
    return speak(call, {"message": "Transcription created successfully", "transcription_id": transcription_id})


@transcriptions.post(
    "/request-upload-url",
    "Get a URL for the upload of a file, valid for five minutes; the transcription begins when the file has come.",
    body=schemas.UPLOAD,
    answer=schemas.enveloped(schemas.UPLOAD_PREPARED),
    failures=(402,),
)
def request_upload_url(call: Call) -> Any:
    """A signed URL, and the values that the upload has to repeat as ``x-amz-meta-`` headers."""
    world = call.world
    fields = _asked_for(call, None)
    fields["name"] = _header_text(fields["name"])
    transcription_id = world.uuid()
    told = {name: fields[name] for name in ("configuration_id", "participant_id", "evaluator_id", "name")}
    headers = {f"x-amz-meta-{name}": value for name, value in told.items() if value is not None}
    key = f"upload/{account(world)['client_id']}/{transcription_id}"
    world.store["upload"][transcription_id] = fields
    when_stored(world, key, partial(_uploaded, transcription_id))
    url = signed_url(world, call.root, key, expires=_UPLOAD_SECONDS, headers=headers)
    shown = {name: told[name] for name in ("configuration_id", "name")} if is_old(call) else told
    # Of all answers of 2025 this one alone is under data, too.
    return {"data": {"transcription_id": transcription_id, "upload_url": url, **shown}}


def _header_text(name: str | None) -> str | None:
    """The part of a name that Heify keeps: printable ASCII."""
    return "".join(letter for letter in name or "" if " " <= letter <= "~").strip() or None


def _uploaded(transcription_id: str, put: Call) -> None:
    """Begin the transcription whose file has come."""
    fields = put.world.store["upload"].pop(transcription_id, None)
    if fields is None:  # deleted meanwhile
        return
    received = put.received
    _start(put.world, transcription_id, fields)
    put.world.pay(
        PaidWork(
            provider="heify",
            operation="PUT upload_url",
            id=transcription_id,
            request=received.number,
            idempotency_key=None,
            body=received.body,
        )
    )


def _transcription(call: Call) -> _Transcription:
    """The transcription whose id the body has.

    Raises:
        Refusal: there is none.
    """
    world, transcription_id = call.world, call.body["transcription_id"]
    job = world.jobs["transcription"].get(transcription_id)
    fields = world.store["upload"].get(transcription_id) if job is None else job.fields
    if fields is None:
        deny(call, "TRANSCRIPTION_NOT_FOUND")
    return _Transcription(transcription_id, fields, job)


@transcriptions.post(
    "/get-transcription",
    "Read a transcription.",
    body=schemas.ONE_TRANSCRIPTION,
    answer=schemas.enveloped(schemas.TRANSCRIPTION),
)
def get_transcription(call: Call) -> Any:
    """The transcription as it is now."""
    found = _transcription(call)
    if found.job is not None:
        call.world.read(found.job)
    return speak(call, _shown(call, found))


@transcriptions.post(
    "/details",
    "Read one transcription, or all of them (2025).",
    body=schemas.MAYBE_TRANSCRIPTION,
    answer={"anyOf": [schemas.TRANSCRIPTION_2025, schemas.TRANSCRIPTIONS_2025]},
)
def details(call: Call) -> Any:
    """One transcription if the body has an id, else all."""
    return get_transcription(call) if "transcription_id" in call.body else list_transcriptions(call)


@transcriptions.post(
    "/list-transcriptions", "List all transcriptions.", body=schemas.EMPTY, answer=schemas.enveloped(schemas.TRANSCRIPTIONS)
)
def list_transcriptions(call: Call) -> Any:
    """The transcriptions that have begun, newest first, 20,000 at most."""
    old, now = is_old(call), call.world.clock()
    jobs = list(call.world.jobs["transcription"].values())[::-1]
    found = [_Transcription(job.id, job.fields, job) for job in jobs[:ANALYSED]]
    states = [each.state(now) for each in found]
    counted = {"completed": states.count("COMPLETED"), "failed": states.count("FAILED")}
    made: dict[str, Any] = {"total_transcriptions": len(found)}
    if not old:
        made["query_limit_reached"] = len(jobs) > ANALYSED
    made["statistics"] = {**counted, "in_progress": len(states) - sum(counted.values())}
    made["transcriptions"] = [_rendered(call, each, partial(_old, details=_SHORT) if old else _item) for each in found]
    return speak(call, made)


@transcriptions.post(
    "/update-transcription-group",
    "Put a transcription into a group, or out of its group with an empty text.",
    body=schemas.REGROUPED,
    answer=schemas.REGROUPING,
)
def update_transcription_group(call: Call) -> Any:
    """The transcription in its new group."""
    found = _transcription(call)
    found.fields["group"] = call.body["group"] or None
    return speak(call, {"message": "Transcription group updated successfully.", "transcription": _shown(call, found)})


@transcriptions.post(
    "/delete-transcription", "Delete a transcription.", body=schemas.ONE_TRANSCRIPTION, answer=schemas.either(schemas.CONFIRMED)
)
def delete_transcription(call: Call) -> Any:
    """Nothing but a confirmation; an upload that comes later begins nothing."""
    found = _transcription(call)
    if found.job is not None:
        call.world.drop(found.job)
    call.world.store["upload"].pop(found.id, None)
    return speak(call, {"message": "Transcription deleted successfully."})


_Show: TypeAlias = Callable[[_Transcription, str, Mapping[str, Any] | None], dict[str, Any]]
"""Gets a transcription that has not failed, its state, and what it yielded if it is complete."""
_LINKS: Final = ("participant_id", "evaluator_id", "participant_tag", "evaluator_tag")
_SHORT: Final = ("language", "num_speakers", "created_at", "completed_at")
_LONG: Final = (*_SHORT, "conversation", "summary", "fields")
_NO_DETAILS: Final = dict.fromkeys((*_LONG, "evaluation"))
_NO_GRADE: Final = {"score": None, "critical_fail": False, "status": None}


def _shown(call: Call, found: _Transcription) -> dict[str, Any]:
    return _rendered(call, found, partial(_old, details=_LONG) if is_old(call) else _new)


def _rendered(call: Call, found: _Transcription, show: _Show) -> dict[str, Any]:
    job, state = found.job, found.state(call.world.clock())
    if job is None:
        return show(found, state, None)
    if state == "FAILED":
        return _failed(job, old=is_old(call))
    return show(found, state, result(call.world, job) if state == "COMPLETED" else None)


def _failed(job: Job, *, old: bool) -> dict[str, Any]:
    """A failed transcription: nothing but its id and the reason; without one 2026 has nulls, 2025 nothing."""
    made: dict[str, Any] = {"transcription_id": job.id, "status": "FAILED"}
    reason = _reason(job)
    if reason is not None:
        made["details"] = {**reason, "failed_at": moment(job.ended or job.created)}
    elif not old:
        made["details"] = {"message": None, "code": None, "failed_at": None}
    return made


def _reason(job: Job) -> dict[str, Any] | None:
    failure = job.failure
    if failure is None or failure.words.message is None:
        return None
    return {"message": failure.words.message, "code": failure.words.status}


def _old(found: _Transcription, state: str, told: Mapping[str, Any] | None, details: Iterable[str]) -> dict[str, Any]:
    """A transcription of 2025; while it runs there are no ``details``."""
    common = _common(found, state, told)
    return common if told is None else {**common, "details": {name: told["details"][name] for name in details}}


def _new(found: _Transcription, state: str, told: Mapping[str, Any] | None) -> dict[str, Any]:
    """A transcription of 2026; while it runs every member of ``details`` is null."""
    common, links = _common(found, _in_2026(state), told), {name: found.fields[name] for name in _LINKS}
    return {**common, **links, "details": _NO_DETAILS if told is None else told["details"]}


def _item(found: _Transcription, state: str, told: Mapping[str, Any] | None) -> dict[str, Any]:
    """A transcription in a list of 2026."""
    evaluation = None if told is None else told["details"]["evaluation"]
    grade = {name: (evaluation or _NO_GRADE)[name] for name in _NO_GRADE}
    links = {name: found.fields[name] for name in _LINKS}
    return {**_common(found, _in_2026(state), told), "created_at": moment(found.fields["submitted"]), "qa": {**grade, **links}}


def _in_2026(state: str) -> str:
    return "IN_PROGRESS" if state == "PENDING" else state


def _common(found: _Transcription, state: str, told: Mapping[str, Any] | None) -> dict[str, Any]:
    fields = found.fields
    return {
        "transcription_id": found.id,
        "status": state,
        "configuration_id": fields["configuration_id"],
        "configuration_tag": fields["configuration_tag"],
        "duration": None if told is None else told["duration"],
        "group": fields["group"],
        "name": fields["name"],
    }


# Analytics.


def _completed(call: Call, kind: Kind) -> tuple[list[Job], bool]:
    """The completed transcriptions of an object, newest first, and whether there are more than a report covers."""
    wanted = call.body[kind.id_field]
    jobs = call.world.jobs["transcription"].values()
    found = [job for job in jobs if job.is_over and not job.has_failed and job.fields[kind.id_field] == wanted]
    return found[::-1][:ANALYSED], len(found) > ANALYSED


@transcriptions.post(
    "/analytics",
    "Report on all transcriptions of a configuration; 30 a month.",
    body=schemas.ONE_CONFIGURATION,
    answer=schemas.enveloped(schemas.REPORT),
)
def analytics(call: Call) -> Any:
    """The report, or the message that there is nothing to report on."""
    configuration = one(call, CONFIGURATION)
    jobs, _ = _completed(call, CONFIGURATION)
    return speak(call, report(call.world, configuration, jobs) if jobs else {"message": _NO_DATA})


def _analytics_of(kind: Kind, call: Call) -> Any:
    one(call, kind)
    jobs, limited = _completed(call, kind)
    made = dashboard(call.world, jobs, about=kind.name, limited=limited)
    return speak(call, {"message": _NO_DATA} if made is None else made)


def _add_dashboards() -> None:
    answer = schemas.enveloped(schemas.DASHBOARD)
    for kind in (EVALUATOR, PARTICIPANT):
        summary = f"Report on all evaluated transcriptions of one {kind.name}; 500 a month."
        transcriptions.post(f"/analytics-{kind.name}", summary, body=kind.asked, answer=answer)(partial(_analytics_of, kind))


_add_dashboards()


# Events.


def success_event(world: World, job: Job) -> dict[str, Any]:
    """What success_url is told (docs.heify.com/sandbox/configurations)."""
    told = result(world, job)
    return {
        "transcription_id": job.id,
        "status": "COMPLETED",
        "configuration_id": job.fields["configuration_id"],
        "duration": told["duration"],
        "completed_at": told["details"]["completed_at"],
    }


def failure_event(job: Job) -> dict[str, Any]:
    """What error_url is told."""
    reason = _reason(job)
    return {"transcription_id": job.id, "status": "FAILED", **({} if reason is None else {"error": reason})}
