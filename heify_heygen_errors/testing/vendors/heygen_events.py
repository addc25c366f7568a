"""What HeyGen tells when a job ends: webhooks of both generations, calls of ``callback_url``, and the log of events.

The envelope and the event types are those of HeyGen's API document; where it leaves the payload open, the vendor notes
2026-11 (section c) decide. Digital twins send no webhook. Calls of ``callback_url`` are not signed.
"""

from __future__ import annotations

import json
from typing import Any, Final

from heify_heygen_errors.testing.answer_headers import webhook_signature
from heify_heygen_errors.testing.vendors.heygen_jobs import (
    HEYGEN,
    KINDS,
    failure_fields,
    failure_object,
    has_result,
    result_url,
    video_id,
    video_url,
)
from heify_heygen_errors.testing.vendors.vendor import iso_time
from heify_heygen_errors.testing.world import Delivery, Job, World

_PAIRED: Final = (
    ("avatar_video", "an avatar video"),
    ("avatar_video_gif", "the GIF of an avatar video"),
    ("avatar_video_caption", "the captioned form of an avatar video"),
    ("video_agent", "a video of the Video Agent"),
    ("video_translate", "a video translation"),
    ("proofread_creation", "a proofread session"),
    ("instant_avatar", "an instant avatar"),
    ("photo_avatar_generation", "a generated photo avatar"),
    ("photo_avatar_train", "the training of a photo avatar"),
    ("photo_avatar_add_motion", "the motion of a photo avatar"),
    ("live_avatar", "a live avatar"),
    ("hyperframes_video", "a HyperFrames render"),
    ("ai_clipping", "an AI clipping job"),
)

EVENTS: Final[dict[str, str]] = {
    **{f"{name}.success": f"Sent when {what} is ready." for name, what in _PAIRED},
    **{f"{name}.fail": f"Sent when {what} has failed." for name, what in _PAIRED},
    "video_translate.preflight.validation_failed": "Sent when the request of a video translation turned out to be wrong.",
    "video_translate.preflight.download_failed": "Sent when the source of a video translation could not be fetched.",
    "personalized_video": "Sent when the state of a personalized video changes.",
    "batch.finished": "Sent when every item of a batch has ended.",
}
"""What each event type means, by its name."""

# Events that come beside that of the video, by the field of the request that asks for it.
_BESIDE: Final = {"include_gif": "avatar_video_gif", "caption": "avatar_video_caption"}


def job_ended(world: World, job: Job) -> None:
    """Send what is due when a job ends."""
    for name in _names(job):
        _tell(world, name, _data(world, job), _failure(job))
    _call_back(world, job)
    _finish_batch(world, job)


def _names(job: Job) -> list[str]:
    """The events that the end of a job is; none for kinds that send no webhook."""
    name = job.fields.get("event", KINDS[job.kind].event)
    if name is None:
        return []
    if name in EVENTS:  # it has no other form for failures
        return [name]
    names = [name, *(event for field, event in _BESIDE.items() if job.fields.get(field))]
    return [f"{each}.{'fail' if job.has_failed else 'success'}" for each in names]


def _data(world: World, job: Job) -> dict[str, Any]:
    """What an event says of the job but why it failed."""
    kind = KINDS[job.kind]
    data: dict[str, Any] = {kind.id_field: job.id}
    if "video_id" in job.fields:
        data["video_id"] = video_id(job)
    if has_result(job):
        data |= _result(world, job)
    return data | {"callback_id": job.fields["callback_id"]}


def _result(world: World, job: Job) -> dict[str, Any]:
    if job.kind == "video":
        return {
            "url": video_url(world, job),
            "gif_download_url": result_url(world, job, "{id}.gif"),
            "video_share_page_url": page_url(job),
            "folder_id": job.fields.get("folder_id"),
        }
    if job.kind == "translation":
        return {"url": video_url(world, job), "output_language": job.fields.get("output_language")}
    return {"url": video_url(world, job)} if job.kind not in ("avatar", "proofread", "voice_clone", "clipping") else {"status": job.ends[0]}


def page_url(job: Job) -> str:
    """The page of a video in HeyGen's app."""
    return f"https://app.heygen.com/videos/{video_id(job)}"


def _failure(job: Job) -> dict[str, dict[str, Any]]:
    """What an event says of the failure, in each generation; nothing where no reason is given."""
    said = {name: value for name, value in failure_fields(job).items() if value is not None}
    old = failure_object(job, "v1", remark=False)
    return {"v1": {"msg": old["message"]} if old is not None and old["message"] is not None else {}, "v3": said}


def _tell(world: World, event: str, data: dict[str, Any], failure: dict[str, dict[str, Any]] | None = None) -> None:
    """Put an event in the log and send it to every endpoint that wants it."""
    said = failure or {"v1": {}, "v3": {}}
    event_id = f"evt_{world.hex_id(24)}"
    logged = {"event_id": event_id, "event_type": event, "event_data": {**data, **said["v3"]}, "created_at": iso_time(world.clock())}
    world.store["webhook_event"][event_id] = logged
    for endpoint in list(world.store["webhook_endpoint"].values()):
        if not _wants(endpoint, event, data):
            continue
        old = endpoint["generation"] == "v1"
        body = _bytes({"event_type": event, "event_data": {**data, **said["v1"]}} if old else logged)
        headers = {"Content-Type": "application/json", "User-Agent": "HeyGen-Webhook/1.0"}
        headers |= _signed_v1(endpoint["secret"], body) if old else _signed(endpoint["secret"], body, event_id, world.clock())
        world.posted(Delivery(provider=HEYGEN, event=event, url=endpoint["url"], headers=headers, body=body))


def _wants(endpoint: dict[str, Any], event: str, data: dict[str, Any]) -> bool:
    if endpoint["events"] is not None and event not in endpoint["events"]:
        return False
    entity = endpoint.get("entity_id")
    return entity is None or entity in data.values()


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _signed_v1(secret: str, body: bytes) -> dict[str, str]:
    return {"Signature": webhook_signature(secret, body)}


def _signed(secret: str, body: bytes, event_id: str, now: float) -> dict[str, str]:
    return {"Heygen-Signature": webhook_signature(secret, body), "Heygen-Timestamp": f"{now:.0f}", "Heygen-Event-Id": event_id}


# Addresses that a request named.


def _call_back(world: World, job: Job) -> None:
    url = job.fields["callback_url"]
    if url is None:
        return
    said = {name: value for name, value in failure_fields(job).items() if value is not None}
    data = {
        KINDS[job.kind].id_field: job.id,
        "callback_id": job.fields["callback_id"],
        "status": "failed" if job.has_failed else "completed",
        "video_url": video_url(world, job),
        **said,
    }
    if "video_id" in job.fields:
        data["video_id"] = video_id(job)
    _post(world, url, f"{job.kind}.callback", {"data": data})


def _post(world: World, url: str, event: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "HeyGen-Webhook/1.0"}
    world.posted(Delivery(provider=HEYGEN, event=event, url=url, headers=headers, body=_bytes(body)))


def _finish_batch(world: World, job: Job) -> None:
    """Tell that a batch is finished, with the end of its last item."""
    batch = world.store["batch"].get(job.fields["group"] or "")
    if batch is None or batch["finished"] or not all(item["job"] is None or item["job"].is_over for item in batch["items"]):
        return
    finish_batch(world, batch)


def finish_batch(world: World, batch: dict[str, Any]) -> None:
    """Send what is due when the last item of a batch has ended."""
    batch["finished"] = True
    failed = sum(item["job"] is None or item["job"].has_failed for item in batch["items"])
    total = len(batch["items"])
    data = {
        "batch_id": batch["id"],
        "title": batch["title"],
        "status": "failed" if failed == total else "completed",
        "total_items": total,
        "counts_by_status": {"completed": total - failed, "failed": failed},
    }
    _tell(world, "batch.finished", data)
    if batch["callback_url"] is not None:
        _post(world, batch["callback_url"], "batch.callback", {"data": data})
