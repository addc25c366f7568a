"""HeyGen's endpoints below /v1: uploads, status and list of videos, webhooks, lists; all with ``code`` 100 on top.

Members are those of docs.heygen.com as public clients read them; wire facts are of the vendor notes 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from heify_heygen_errors.testing.operations import Call, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_events import EVENTS
from heify_heygen_errors.testing.vendors.heygen_jobs import (
    HEYGEN,
    drop,
    duration,
    failure_object,
    find,
    listed,
    page,
    paging,
    read,
    result_url,
    room,
    start,
    video_id,
    video_status,
    video_url,
)
from heify_heygen_errors.testing.vendors.heygen_objects import voices
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    NAME,
    NUMBER,
    TEXT,
    TRUTH,
    URL,
    WHOLE,
    one_of,
    optional,
    record,
    several,
)
from heify_heygen_errors.testing.vendors.heygen_uploads import plain_type, type_by_bytes
from heify_heygen_errors.testing.vendors.heygen_v3_assets import new_asset, publish
from heify_heygen_errors.testing.vendors.storage import put_object
from heify_heygen_errors.testing.world import Job

DRAFT: Final = "5c1e0a7d9b3f4628a1d0c5e7f9b2a436"
"""A video that was begun in HeyGen's app and never sent off: listed as draft, and still waiting for its status call."""

PROJECT: Final = "8f4e6b0a2c1d4e5f9a7b3c6d5e8f1a2b"
"""The account's project of personalized videos; such projects are made in HeyGen's app only."""

v1 = Routes(HEYGEN)


def flat(data: Schema) -> dict[str, Any]:
    """Schema of an answer of v1."""
    return record({"code": {"const": 100}, "data": data, "message": optional(TEXT)})


def done(data: Any) -> dict[str, Any]:
    """An answer of v1."""
    return {"code": 100, "data": data, "message": "Success"}


NOTHING: Final = flat({"type": "null"})
"""Schema of an answer of v1 without data."""


# Uploads: the bytes are the body.

_IMAGES: Final = ("image/png", "image/jpeg")
_TAKEN: Final = (*_IMAGES, "video/mp4", "video/webm", "audio/mpeg", "audio/x-wav")


def _detected(content: bytes, declared: str) -> str:
    """The type of a file by its first bytes, in the words of libmagic, for which no file is ``audio/wav``.

    Bytes that tell nothing are what they are declared to be.
    """
    known = type_by_bytes(content) or declared
    return "audio/x-wav" if known == "audio/wav" else known


def _uploaded(call: Call, taken: tuple[str, ...]) -> dict[str, Any]:
    """The uploaded file as an asset.

    Raises:
        Refusal: there is none, it is not what its Content-Type says, or of a type that is not taken.
    """
    content = call.received.body
    if not content:
        refuse(error(HEYGEN, "40001", status=400, message="asset data must be provided"))
    declared = call.received.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = _detected(content, declared)
    if declared != kind or kind not in taken:
        _refuse_file(call, declared, kind)
    asset = new_asset(call, "file", plain_type(kind), len(content), status="completed")
    put_object(call.world, asset["key"], content, content_type=kind)
    publish(call, asset)
    return asset


def _refuse_file(call: Call, declared: str, kind: str) -> NoReturn:
    text = "Asset format not supported" if declared == kind else f"Content type not match {declared} != {kind}"
    # This service ends its refusals with a newline (vendor notes 2026-11, section a, 1f).
    refused = error(HEYGEN, "400543", status=400, message=text).reply(call.received.path)
    refuse(refused.with_body(refused.body + b"\n"))


# Without a type: no bytes but none at all are of the wrong one (OpenAPI 3.1, "Considerations for File Uploads").
_FILE_BODY: Final[Schema] = {"minLength": 1, "contentMediaType": "image/png"}


@v1.post(
    "/v1/asset",
    "Upload a file: the body is its bytes.",
    media="image/png",
    body=_FILE_BODY,
    answer=flat(record({"id": NAME, "name": TEXT, "file_type": one_of("image", "video", "audio"), "created_ts": WHOLE, "url": NAME})),
)
def upload_asset(call: Call) -> Any:
    """The new asset."""
    asset = _uploaded(call, _TAKEN)
    data = {
        "id": asset["id"],
        "name": asset["id"],
        "file_type": asset["type"],
        "folder_id": "",
        "meta": None,
        "created_ts": asset["uploaded_at"],
        "url": asset["url"],
    }
    return done({**data, "image_key": f"image/{asset['id']}/original"} if asset["type"] == "image" else data)


@v1.post(
    "/v1/talking_photo",
    "Upload a photo that is to talk: the body is its bytes.",
    media="image/png",
    body=_FILE_BODY,
    answer=flat(record({"talking_photo_id": NAME, "talking_photo_url": NAME})),
)
def upload_talking_photo(call: Call) -> Any:
    """The new talking photo."""
    asset = _uploaded(call, _IMAGES)
    photo_id, url = asset["id"], asset["url"]
    call.world.store["talking_photo"][photo_id] = heygen_catalog.talking_photo(photo_id, url)
    return done({"talking_photo_id": photo_id, "talking_photo_url": url})


@v1.get(
    "/v1/talking_photo.list",
    "List talking photos.",
    answer=flat(several(record({"id": NAME, "image_url": NAME, "circle_image": NAME, "is_preset": TRUTH}))),
)
def list_talking_photos(call: Call) -> Any:
    """Every talking photo."""
    return done(list(call.world.store["talking_photo"].values()))


# Videos.

_STATUS: Final = record(
    {"id": NAME, "status": one_of("waiting", "pending", "processing", "completed", "failed"), "error": optional(ANY_OBJECT)},
    video_url=optional(TEXT),
    video_url_caption=optional(TEXT),
    gif_url=optional(TEXT),
    thumbnail_url=optional(TEXT),
    caption_url=optional(TEXT),
    callback_id=optional(TEXT),
    duration=optional(NUMBER),
    created_at=WHOLE,
)


@v1.get("/v1/video_status.get", "Read the state of a video.", query={"video_id": {**NAME, "required": True}}, answer=flat(_STATUS))
def read_status(call: Call) -> Any:
    """The state of a video of any generation; its failure stands in ``error``, beside ``code`` 100."""
    wanted = call.query["video_id"]
    return done(_waiting() if wanted == DRAFT else _status(call, read(call, "video", wanted)))


def _waiting() -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("video_url", "video_url_caption", "gif_url", "thumbnail_url", "caption_url", "callback_id", "duration", "error")
    )
    return {**nothing, "id": DRAFT, "status": "waiting", "created_at": _DRAFTED}


def _status(call: Call, job: Job) -> dict[str, Any]:
    def url(name: str) -> str | None:
        return result_url(call.world, job, name)

    return {
        "callback_id": job.fields["callback_id"],
        "caption_url": url("{id}.ass"),
        "created_at": int(job.created),
        "duration": duration(job),
        "error": _reason(job),
        "gif_url": url("{id}.gif"),
        "id": video_id(job),
        "status": video_status(job, call.world.clock()),
        "thumbnail_url": url("{id}.jpg"),
        "video_url": video_url(call.world, job),
        "video_url_caption": url("{id}_caption.mp4") if job.fields.get("caption") else None,
    }


def _reason(job: Job) -> dict[str, Any] | None:
    """Why a video failed, or what is wrong with one that completed; both forms of its code are real."""
    told = failure_object(job, "v1")
    said = job.failure or job.remark
    if told is not None and said is not None and said.shape == "job-v1-text-code" and "code" in told:
        return {**told, "code": str(told["code"])}
    return told


_DRAFTED: Final = 1_735_689_600  # 2025-01-01, before any clock of the fake


@v1.get(
    "/v1/video.list",
    "List videos, the newest first.",
    query={**paging(10, 100), "folder_id": TEXT, "title": TEXT},
    answer=flat(
        record(
            {
                "total": WHOLE,
                "token": optional(TEXT),
                "videos": several(
                    record({"video_id": NAME, "video_title": optional(TEXT), "status": TEXT, "type": TEXT, "created_at": WHOLE})
                ),
            }
        )
    ),
)
def list_videos(call: Call) -> Any:
    """A page of the videos, drafts among them."""
    now = call.world.clock()
    rows = [
        _row(video_id(job), job.fields["title"], video_status(job, now), job.created, job.fields.get("folder_id"))
        for job in listed(call.world, "video")
    ]
    rows.append(_row(DRAFT, "Untitled Video", "draft", _DRAFTED))
    wanted = [
        row
        for row in rows
        if call.query.get("folder_id") in (None, row["folder_id"])
        and call.query.get("title", "").lower() in (row["video_title"] or "").lower()
    ]
    videos, token = page(call, wanted)
    return done({"total": len(wanted), "token": token, "videos": videos})


def _row(wanted: str, title: str | None, status: str, created: float, folder_id: str | None = None) -> dict[str, Any]:
    return {
        "video_id": wanted,
        "video_title": title,
        "status": status,
        "type": "GENERATED",
        "created_at": int(created),
        "folder_id": folder_id,
    }


@v1.delete("/v1/video.delete", "Delete a video.", query={"video_id": {**NAME, "required": True}}, answer=NOTHING)
def delete_video(call: Call) -> Any:
    """Nothing."""
    drop(call, "video", call.query["video_id"])
    return done(None)


# Personalized videos.


@v1.post(
    "/v1/personalized_video/add_contact",
    "Have a personalized video made for each contact.",
    body=record({"project_id": {**NAME, "description": f"The account has one, {PROJECT}."}, "variables_list": several(ANY_OBJECT, 100, 1)}),
    answer=flat(record({"ids": several(NAME)})),
)
def add_contacts(call: Call) -> Any:
    """The ids of the contacts."""
    body = call.body
    _project(body["project_id"])
    contacts = body["variables_list"]
    room(call, len(contacts))
    group = call.world.hex_id()
    jobs = [
        start(call, "video", group=group, event="personalized_video", project_id=body["project_id"], variables=variables)
        for variables in contacts
    ]
    return done({"ids": [job.id for job in jobs]})


_CONTACT: Final = record({"id": NAME, "project_id": NAME, "variables": ANY_OBJECT, "status": TEXT, "video_url": optional(TEXT)})


@v1.get(
    "/v1/personalized_video/audience/detail",
    "Read a contact with the state of its video.",
    query={"id": {**NAME, "required": True}},
    answer=flat(_CONTACT),
)
def read_contact(call: Call) -> Any:
    """The contact."""
    job = find(call, "video", call.query["id"])
    if "project_id" not in job.fields:
        refuse(error(HEYGEN, "40051", message="Audience is not found"))
    return done(_contact(call, call.world.read(job)))


def _contact(call: Call, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "project_id": job.fields["project_id"],
        "variables": job.fields["variables"],
        "status": job.state(call.world.clock()),
        "video_url": video_url(call.world, job),
        "error": _reason(job),
        "created_at": int(job.created),
    }


@v1.get(
    "/v1/personalized_video/project/detail",
    "Read a project with its contacts.",
    query={"id": {**NAME, "required": True, "description": f"The account has one, {PROJECT}."}},
    answer=flat(record({"id": NAME, "name": TEXT, "audience_count": WHOLE, "audiences": several(_CONTACT)})),
)
def read_project(call: Call) -> Any:
    """The project."""
    _project(call.query["id"])
    contacts = [_contact(call, job) for job in listed(call.world, "video") if "project_id" in job.fields]
    data = {"id": PROJECT, "name": "Thank you", "status": "active", "audience_count": len(contacts), "audiences": contacts}
    return done(data)


def _project(wanted: str) -> None:
    if wanted != PROJECT:
        refuse(error(HEYGEN, "40051", message="Project is not found"))


# What there is to choose from.


@v1.get(
    "/v1/avatar.list",
    "List avatars with their poses.",
    answer=flat(record({"avatars": several(record({"avatar_id": NAME, "name": TEXT, "avatar_states": several(ANY_OBJECT)}))})),
)
def list_avatars(call: Call) -> Any:
    """Every avatar."""
    looks = list(call.world.store["avatar_look"].values())
    return done(
        {
            "avatars": [
                {
                    "avatar_id": group["id"],
                    "name": group["name"],
                    "avatar_states": [_pose(look) for look in looks if look["group_id"] == group["id"]],
                }
                for group in call.world.store["avatar_group"].values()
            ]
        }
    )


def _pose(look: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": look["id"],
        "pose_name": look["name"],
        "gender": look["gender"],
        "normal_preview": look["preview_image_url"],
        "video_preview": look["preview_video_url"],
        "default_voice": look["default_voice_id"],
    }


@v1.get(
    "/v1/voice.list",
    "List voices.",
    answer=flat(
        record({"list": several(record({"voice_id": NAME, "display_name": TEXT, "language": TEXT, "gender": TEXT, "preview": ANY_OBJECT}))})
    ),
)
def list_voices(call: Call) -> Any:
    """Every voice."""
    return done(
        {
            "list": [
                {
                    "voice_id": voice["voice_id"],
                    "display_name": voice["name"],
                    "language": voice["language"],
                    "gender": voice["gender"],
                    "labels": [],
                    "preview": {"movio": voice["preview_audio_url"]},
                    "support_pause": voice["support_pause"],
                    "is_paid": False,
                    "is_customer": voice["type"] == "private",
                }
                for voice in voices(call.world)
            ]
        }
    )


@v1.get(
    "/v1/user/me",
    "Read the user behind the key.",
    answer=flat(record({"username": NAME, "email": optional(TEXT), "wallet": optional(ANY_OBJECT)})),
)
def read_user(call: Call) -> Any:
    """The user, with what is left of the balance."""
    return done(heygen_catalog.profile(call.world))


# Webhooks.

_ENDPOINT: Final = {"endpoint_id": NAME, "username": NAME, "url": URL, "status": TEXT, "events": optional(several(NAME))}


@v1.post(
    "/v1/webhook/endpoint.add",
    "Register an address for webhooks; without events it gets all of them.",
    body=record({"url": URL}, events=optional(several(one_of(*EVENTS)))),
    answer=flat(record({**_ENDPOINT, "secret": NAME})),
)
def add_endpoint(call: Call) -> Any:
    """The new endpoint with the secret that its webhooks are signed with, which is not shown again."""
    endpoint = {
        "id": call.world.hex_id(),
        "url": call.body["url"],
        "events": call.body.get("events") or None,
        "secret": f"whsec_{call.world.hex_id(48)}",
        "generation": "v1",
        "created_at": call.world.clock(),
        "status": "enabled",
    }
    call.world.store["webhook_endpoint"][endpoint["id"]] = endpoint
    return done({**_endpoint(endpoint), "secret": endpoint["secret"]})


@v1.get("/v1/webhook/endpoint.list", "List the addresses for webhooks.", answer=flat(several(record(_ENDPOINT))))
def list_endpoints(call: Call) -> Any:
    """Every endpoint, without its secret."""
    return done([_endpoint(endpoint) for endpoint in call.world.store["webhook_endpoint"].values()])


def _endpoint(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint["id"],
        "username": heygen_catalog.USERNAME,
        "url": endpoint["url"],
        "status": endpoint["status"],
        "events": endpoint["events"],
    }


@v1.delete(
    "/v1/webhook/endpoint.delete",
    "Remove an address for webhooks.",
    query={"endpoint_id": {**NAME, "required": True}},
    answer=NOTHING,
)
def delete_endpoint(call: Call) -> Any:
    """Nothing."""
    if call.world.store["webhook_endpoint"].pop(call.query["endpoint_id"], None) is None:
        refuse(error(HEYGEN, "WEBHOOK_NOT_FOUND"))
    return done(None)


@v1.get("/v1/webhook/webhook.list", "List the types of events.", answer=flat(several(NAME)))
def list_events(call: Call) -> Any:  # noqa: ARG001 - the same for everybody
    """Every type."""
    return done(list(EVENTS))
