"""HeyGen's jobs, as all of its API generations share them: started by one, read by another.

A job is started with `start`, which checks the balance and the number of jobs at once, and puts the work on record as
paid. Status endpoints use `read`, which moves it on; lists use `listed`, which does not.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import attrs

from heify_heygen_errors.testing.operations import Call, refuse
from heify_heygen_errors.testing.replies import VendorError, error
from heify_heygen_errors.testing.vendors.storage import put_object, signed_url
from heify_heygen_errors.testing.world import Job, World

HEYGEN: Final = "heygen"
CONCURRENT: Final = 10
"""Jobs that may run at once (vendor notes 2026-11, section c)."""

RESULTS_LAST: Final = 7 * 24 * 3600
"""Seconds that a result URL works."""

# Content type and first bytes of files that jobs make, by the end of their names.
_FILES: Final = {
    "mp4": ("video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    "webm": ("video/webm", b"\x1aE\xdf\xa3"),
    "mov": ("video/quicktime", b"\0\0\0\x14ftypqt  "),
    "mp3": ("audio/mpeg", b"ID3\3\0\0\0\0\0\0"),
    "gif": ("image/gif", b"GIF89a"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff\xe0"),
    "srt": ("application/x-subrip", b"1\n00:00:00,000 --> 00:00:04,000\n"),
    "vtt": ("text/vtt", b"WEBVTT\n\n00:00.000 --> 00:04.000\n"),
    "txt": ("text/plain", b""),
}


@attrs.frozen(kw_only=True)
class Kind:
    """What a kind of job is called and how it goes.

    Attributes:
        name: in `World.jobs`.
        noun: in messages.
        steps: its states before the end.
        id_field: the member that names it in webhooks and callbacks.
        event: what its webhooks begin with; None if it sends none.
        missing: the catalog's code for an id that does not exist.
        ends: the states of success and failure.
    """

    name: str
    noun: str
    steps: tuple[str, ...]
    id_field: str
    event: str | None = None
    missing: str = "resource_not_found"
    ends: tuple[str, str] = ("completed", "failed")


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            name="video",
            noun="Video",
            steps=("pending", "processing"),
            id_field="video_id",
            event="avatar_video",
            missing="video_not_found",
        ),
        Kind(
            name="translation",
            noun="Video translation",
            steps=("pending", "running"),
            id_field="video_translate_id",
            event="video_translate",
        ),
        Kind(name="lipsync", noun="Lipsync", steps=("pending", "running"), id_field="lipsync_id"),
        Kind(name="proofread", noun="Proofread", steps=("processing",), id_field="proofread_id", event="proofread_creation"),
        Kind(name="avatar", noun="Avatar", steps=("processing",), id_field="avatar_id", missing="avatar_not_found"),
        Kind(name="agent", noun="Session", steps=("thinking", "generating"), id_field="session_id", event="video_agent"),
        Kind(name="workflow", noun="Workflow execution", steps=("submitted", "running"), id_field="execution_id"),
        Kind(name="clipping", noun="AI clipping job", steps=("pending", "running"), id_field="job_id", event="ai_clipping"),
        Kind(name="removal", noun="Background removal job", steps=("pending", "processing"), id_field="job_id"),
        Kind(
            name="voice_clone",
            noun="Voice",
            steps=("processing",),
            id_field="voice_clone_id",
            missing="voice_not_found",
            ends=("complete", "failed"),
        ),
        Kind(
            name="hyperframes",
            noun="Render",
            steps=("queued", "rendering"),
            id_field="render_id",
            event="hyperframes_video",
            missing="hyperframes_render_not_found",
        ),
    )
}
"""Every kind of job by its name (vendor notes 2026-11, section c, lifecycles)."""


# Starting.


def room(call: Call, jobs: int = 1) -> None:
    """Check that a job may be started, or several that belong together and take one place.

    Raises:
        Refusal: 429 while as many jobs run as may run at once, 402 when the balance is used up.
    """
    world = call.world
    allowed = world.store["allowance"].get(HEYGEN)
    if allowed is not None:
        places = {job.fields["group"] or job.id for job in world.running(HEYGEN)}
        if len(places) >= allowed["jobs"]:
            refuse(error(HEYGEN, "rate_limit_exceeded"))
    solvent(call, jobs)


def solvent(call: Call, credits_needed: int = 1) -> None:
    """Check that there are enough credits left.

    Raises:
        Refusal: 402 when there are not.
    """
    left = call.world.balance[HEYGEN]
    if left is not None and left < credits_needed:
        said = f"Your account has {left:g} credits but this video requires {credits_needed} credits."
        refuse(error(HEYGEN, "insufficient_credit", message=said))


def charge(call: Call, work_id: str) -> None:
    """Take a credit for work, and put it on record as paid."""
    left = call.world.balance[HEYGEN]
    if left is not None:
        call.world.balance[HEYGEN] = left - 1
    call.paid(work_id)


def start(call: Call, kind: str, job_id: str | None = None, *, group: str | None = None, **fields: Any) -> Job:
    """Start a paid job.

    Args:
        call: the request that asks for it.
        kind: one of `KINDS`.
        job_id: its id; a new one by default.
        group: what it belongs to together with others, such as its batch: all of them take one of the places for jobs
            at once, and `room` was asked before the first one.
        fields: what the answers repeat: ``title``, ``callback_url``, ``callback_id`` and so on; ``event`` for webhooks
            that begin with something else than those of its kind.

    Raises:
        Refusal: 429 or 402, see `room`; 402 only for those of a group.
    """
    if group is None:
        room(call)
    else:
        solvent(call)
    known = KINDS[kind]
    said = {"title": None, "callback_url": None, "callback_id": None, **fields, "group": group, "root": call.root}
    job = call.world.start(HEYGEN, kind, job_id or call.world.hex_id(), known.steps, ends=known.ends, fields=said)
    charge(call, job.id)
    return job


def new_video(
    call: Call, *, title: str | None = None, callback_url: str | None = None, callback_id: str | None = None, **fields: Any
) -> Job:
    """Start a video, whichever generation asks for it.

    Args:
        call: the request that asks for it.
        title: as the request says.
        callback_url: as the request says.
        callback_id: as the request says.
        fields: whatever else its answers need.

    Raises:
        Refusal: 429 or 402, see `room`.
    """
    return start(call, "video", title=title, callback_url=callback_url, callback_id=callback_id, **fields)


# Finding.


@cache
def missing(kind: str) -> VendorError:
    """The answer for a job that does not exist."""
    known = KINDS[kind]
    return error(HEYGEN, known.missing, message=f"{known.noun} not found", status=404)


def find(call: Call, kind: str, job_id: str) -> Job:
    """A job by its id, as it is.

    Raises:
        Refusal: there is none.
    """
    job = known(call.world, kind, job_id)
    if job is None:
        refuse(missing(kind))
    return job


def known(world: World, kind: str, job_id: str) -> Job | None:
    """A job by its id, None if there is none; videos that an agent made are found by the id of the video."""
    job = world.jobs[kind].get(job_id)
    if job is not None or kind != "video":
        return job
    made = world.store["agent_video"].get(job_id)
    return None if made is None else made["job"]


def read(call: Call, kind: str, job_id: str) -> Job:
    """A job as a status endpoint sees it, which moves it on by one poll.

    Raises:
        Refusal: there is none.
    """
    return call.world.read(find(call, kind, job_id))


def listed(world: World, kind: str) -> list[Job]:
    """The jobs of a kind, the newest first; among the videos those that agents made."""
    jobs = [job for job in world.jobs[kind].values() if job.provider == HEYGEN]
    if kind == "video":
        jobs += [made["job"] for made in world.store["agent_video"].values()]
        jobs.sort(key=lambda job: job.created)
    return jobs[::-1]


def drop(call: Call, kind: str, job_id: str) -> Job:
    """Delete a job; returns what it was.

    Raises:
        Refusal: there is none.
    """
    job = find(call, kind, job_id)
    if kind == "video" and call.world.store["agent_video"].pop(job_id, None) is not None:
        return job
    call.world.drop(job)
    return job


# Telling.


def video_id(job: Job) -> str:
    """The id of the video that a job makes: its own, or that which an agent works on."""
    made = job.fields.get("video_id")
    return job.id if made is None else str(made)


def video_status(job: Job, now: float) -> str:
    """The state of a video, also of one that an agent makes: pending, processing, completed, failed."""
    state = job.state(now)
    if job.kind == "video" or job.is_over:
        return state
    return "pending" if state == "thinking" else "processing"


def has_result(job: Job) -> bool:
    """Whether there is something to download."""
    return job.is_over and not job.has_failed


def video_url(world: World, job: Job) -> str | None:
    """A signed address of the video that a job makes, which can be downloaded for a week; None while there is none."""
    return result_url(world, job, "{id}." + (job.fields.get("output_format") or "mp4"))


def result_url(world: World, job: Job, name: str) -> str | None:
    """A signed address of a result, from which it can be downloaded for a week; None while there is none.

    Args:
        world: where the file lies.
        job: whose.
        name: of the file; ``{id}`` becomes the id of what the job makes.
    """
    if not has_result(job):
        return None
    return file_url(world, job.fields["root"], f"heygen/{job.kind}/{name.format(id=video_id(job))}")


def file_url(world: World, root: str, key: str) -> str:
    """A signed address of a file of HeyGen's, which is made when it is first asked for.

    Args:
        world: where the file lies.
        root: URL of the server, `Call.root`.
        key: of the object in the storage.
    """
    if key not in world.store["object"]:
        content_type, start = _FILES.get(key.rpartition(".")[2], _FILES["txt"])
        put_object(world, key, start + key.encode(), content_type=content_type)
    return signed_url(world, root, key, method="GET", expires=RESULTS_LAST)


def duration(job: Job) -> float | None:
    """Seconds that the result plays; None while there is none."""
    if not has_result(job):
        return None
    return 4.0 + zlib.crc32(job.id.encode()) % 600 / 10


def failure_fields(job: Job) -> dict[str, str | None]:
    """``failure_code`` and ``failure_message`` as v3 has them: None unless the job failed for a reason that it gives."""
    if job.failure is None:
        return {"failure_code": None, "failure_message": None}
    words = job.failure.words.in_generation("v3")
    return {"failure_code": words.code, "failure_message": words.message}


def failure_object(job: Job, generation: str = "v1", *, remark: bool = True) -> dict[str, Any] | None:
    """The ``error`` of a job: ``code``, ``message`` and ``detail``.

    Args:
        job: whose.
        generation: ``v1`` has numbers, ``v2`` and ``v3`` names.
        remark: also the error of a job that completed nevertheless.

    Returns:
        None if it did not fail or gives no reason.
    """
    said = job.failure or (job.remark if remark else None)
    if said is None:
        return None
    words = said.words.in_generation(generation)
    code: int | str | None = int(words.code) if words.code is not None and words.code.isdigit() else words.code
    told = {"code": code, "message": words.message, "detail": words.detail}
    return {name: value for name, value in told.items() if value is not None or name != "code"}


# Lists.

TOKEN: Final[Mapping[str, Any]] = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
"""Schema of a token for the next page; any other text is refused."""


def paging(default: int, largest: int) -> dict[str, Mapping[str, Any]]:
    """The query parameters of a list."""
    return {"limit": {"type": "integer", "minimum": 1, "maximum": largest, "default": default}, "token": TOKEN}


def page(call: Call, items: Sequence[Any]) -> tuple[list[Any], str | None]:
    """A page of a list as ``limit`` and ``token`` of the request say, and the token of the next one.

    New items come first. A token counts from the other end, so that items which appear in the meantime move nothing.
    """
    limit = call.query.get("limit", len(items))
    token = call.query.get("token")
    left = len(items) if token is None else min(int(token, 16), len(items))
    first = len(items) - left
    more = left > limit
    return list(items[first : first + limit]), f"{left - limit:016x}" if more else None
