"""HeyGen's photo avatars below /v2: photos that are generated, groups and looks that are made of them, training, motion.

Members and states are those of docs.heygen.com as public clients read them. Groups and looks are those of v3.
"""

from __future__ import annotations

from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, file_url, has_result, room, start
from heify_heygen_errors.testing.vendors.heygen_objects import look_job, look_status, usable_asset, usable_look
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    CALLBACK,
    NAME,
    NUMBER,
    TEXT,
    one_of,
    optional,
    record,
    several,
    text,
)
from heify_heygen_errors.testing.vendors.heygen_v2 import no_avatar, own_group, wrap, wrapped
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, STARTS, callbacks, failure_text
from heify_heygen_errors.testing.world import Job

_GENERATION: Final = "photo_avatar_generation"
_TRAINING: Final = "photo_avatar_train"
_MOTION: Final = "photo_avatar_add_motion"
_PHOTOS: Final = 4

photos = Routes(HEYGEN)

_ORIENTATION: Final = one_of("square", "horizontal", "vertical")
_POSE: Final = one_of("half_body", "close_up", "full_body")
_STYLE: Final = one_of("Realistic", "Pixar", "Cinematic", "Vintage", "Noir", "Cyberpunk", "Unspecified")
_NOTHING: Final = wrapped({"type": "null"})
_GENERATED: Final = wrapped(record({"generation_id": NAME}))
_LOOK: Final = record({"id": NAME, "group_id": NAME, "name": TEXT, "image_url": TEXT, "status": one_of("pending", "completed", "failed")})


# Photos.


@photos.post(
    "/v2/photo_avatar/photo/generate",
    "Have photos of a new person generated.",
    body=record(
        {
            "name": NAME,
            "age": one_of("Young Adult", "Early Middle Age", "Late Middle Age", "Senior", "Unspecified"),
            "gender": one_of("Woman", "Man", "Unspecified"),
            "ethnicity": TEXT,
            "orientation": _ORIENTATION,
            "pose": _POSE,
            "style": _STYLE,
            "appearance": text(1000, 1),
        },
        **CALLBACK,
    ),
    answer=_GENERATED,
    failures=STARTS,
)
def generate_photos(call: Call) -> Any:
    """The id of the generation."""
    return _generate(call)


@photos.post(
    "/v2/photo_avatar/look/generate",
    "Have photos generated of a person that a group was trained on.",
    body=record(
        {"group_id": NAME, "prompt": text(1000, 1)},
        orientation=optional(_ORIENTATION),
        pose=optional(_POSE),
        style=optional(_STYLE),
        **CALLBACK,
    ),
    answer=_GENERATED,
    failures=STARTS,
)
def generate_looks(call: Call) -> Any:
    """The id of the generation."""
    own_group(call, call.body["group_id"])
    return _generate(call)


def _generate(call: Call) -> dict[str, Any]:
    job = start(call, "avatar", event=_GENERATION, **callbacks(call.body))
    return wrap({"generation_id": job.id})


@photos.get(
    "/v2/photo_avatar/generation/{generation_id}",
    "Read the state of a generation of photos.",
    answer=wrapped(
        record(
            {"id": NAME, "status": one_of("in_progress", "success", "failed")},
            msg=optional(TEXT),
            image_url_list=optional(several(NAME)),
            image_key_list=optional(several(NAME)),
        )
    ),
    failures=GONE,
)
def read_generation(call: Call) -> Any:
    """The photos once they are there; why there are none stands in ``msg``."""
    wanted = call.path["generation_id"]
    job = _of_kind(call, wanted, _GENERATION)
    if job is None:
        refuse(error(HEYGEN, "resource_not_found", message="Photo generation not found"))
    call.world.read(job)
    keys = _keys(job) if has_result(job) else None
    urls = None if keys is None else [file_url(call.world, call.root, f"heygen/{key}.jpg") for key in keys]
    status = _told(job, "in_progress", "success")
    return wrap({"id": job.id, "status": status, "msg": failure_text(job), "image_url_list": urls, "image_key_list": keys})


def _of_kind(call: Call, job_id: str, event: str) -> Job | None:
    job = call.world.jobs["avatar"].get(job_id)
    return job if job is not None and job.fields.get("event") == event else None


def _keys(job: Job) -> list[str]:
    return [f"image/{job.id}/{number}" for number in range(1, _PHOTOS + 1)]


def _told(job: Job, running: str, completed: str) -> str:
    if not job.is_over:
        return running
    return "failed" if job.has_failed else completed


# Groups and looks.


@photos.post(
    "/v2/photo_avatar/avatar_group/create",
    "Make a group of avatars from a photo.",
    body=record({"name": NAME, "image_key": NAME}, generation_id=optional(TEXT)),
    answer=wrapped(_LOOK),
    failures=STARTS,
)
def create_group(call: Call) -> Any:
    """The first look of the group, which has the id of the group as well."""
    body = call.body
    _check_photo(call, body["image_key"])
    group_id = call.world.hex_id()
    look = _new_look(call, group_id, group_id, body["name"])
    call.world.store["avatar_group"][group_id] = heygen_catalog.group(group_id, body["name"], created=call.world.clock())
    return wrap(_shown(call, look))


@photos.post(
    "/v2/photo_avatar/avatar_group/add",
    "Add photos to a group of avatars.",
    body=record({"group_id": NAME, "image_keys": several(NAME, _PHOTOS, 1), "name": NAME}, generation_id=optional(TEXT)),
    answer=wrapped(record({"photo_avatar_list": several(_LOOK)})),
    failures=STARTS,
)
def add_looks(call: Call) -> Any:
    """The new looks."""
    body = call.body
    group = own_group(call, body["group_id"])
    for key in body["image_keys"]:
        _check_photo(call, key)
    room(call, len(body["image_keys"]))
    looks = [_new_look(call, call.world.hex_id(), group["id"], body["name"], part_of=group["id"]) for _ in body["image_keys"]]
    return wrap({"photo_avatar_list": [_shown(call, look) for look in looks]})


def _check_photo(call: Call, key: str) -> None:
    """Check the key of a photo that was uploaded or generated: ``image/{id}/{name}``.

    Raises:
        Refusal: there is no such photo.
    """
    source = key.split("/")[1] if key.count("/") > 1 else key
    generation = _of_kind(call, source, _GENERATION)
    if generation is None or not has_result(generation):
        usable_asset(call, source)


def _new_look(
    call: Call, look_id: str, group_id: str, name: str, *, event: str | None = None, part_of: str | None = None
) -> dict[str, Any]:
    start(call, "avatar", look_id, group=part_of, event=event)
    look = heygen_catalog.look(look_id, name, group_id, "photo_avatar")
    if event == _MOTION:
        look["preview_video_url"] = file_url(call.world, call.root, f"heygen/avatar/{look_id}.mp4")
    call.world.store["avatar_look"][look_id] = look
    return look


def _shown(call: Call, look: dict[str, Any]) -> dict[str, Any]:
    status = look_status(call.world, look)
    job = look_job(call.world, look["id"])
    shown = {
        "id": look["id"],
        "group_id": look["group_id"],
        "name": look["name"],
        "image_url": look["preview_image_url"],
        "motion_preview_url": look["preview_video_url"],
        "status": "pending" if status == "processing" else status,
        "is_motion": look["preview_video_url"] is not None,
        "created_at": call.world.clock() if job is None else job.created,
    }
    reason = None if job is None else failure_text(job)
    return shown if reason is None else {**shown, "msg": reason}


def _photo(call: Call) -> dict[str, Any]:
    """The photo avatar in the path.

    Raises:
        Refusal: there is none.
    """
    wanted = call.path["avatar_id"]
    look = call.world.store["avatar_look"].get(wanted)
    if look is None or look["avatar_type"] != "photo_avatar":
        no_avatar(wanted)
    return look


@photos.get("/v2/photo_avatar/{avatar_id}", "Read a photo avatar.", answer=wrapped(_LOOK), failures=GONE)
def read_photo_avatar(call: Call) -> Any:
    """The look, which is pending until it can be used."""
    look = _photo(call)
    job = look_job(call.world, look["id"])
    if job is not None:
        call.world.read(job)
    return wrap(_shown(call, look))


@photos.delete("/v2/photo_avatar/{avatar_id}", "Delete a photo avatar.", answer=_NOTHING, failures=GONE)
def delete_photo_avatar(call: Call) -> Any:
    """Nothing."""
    _forget(call, _photo(call)["id"])
    return wrap(None)


def _forget(call: Call, look_id: str) -> None:
    del call.world.store["avatar_look"][look_id]
    job = look_job(call.world, look_id)
    if job is not None:
        call.world.drop(job)


@photos.delete("/v2/photo_avatar_group/{group_id}", "Delete a group of photo avatars.", answer=_NOTHING, failures=GONE)
def delete_group(call: Call) -> Any:
    """Nothing; the looks of the group are gone as well."""
    group_id = own_group(call, call.path["group_id"])["id"]
    if call.world.store["avatar_group"][group_id]["public"]:
        refuse(error(HEYGEN, "forbidden"))
    for look in [look for look in call.world.store["avatar_look"].values() if look["group_id"] == group_id]:
        _forget(call, look["id"])
    del call.world.store["avatar_group"][group_id]
    return wrap(None)


@photos.delete("/v2/talking_photo/{talking_photo_id}", "Delete a talking photo.", answer=_NOTHING, failures=GONE)
def delete_talking_photo(call: Call) -> Any:
    """Nothing."""
    wanted = call.path["talking_photo_id"]
    photo = call.world.store["talking_photo"].get(wanted)
    if photo is None:
        no_avatar(wanted)
    if photo["is_preset"]:
        refuse(error(HEYGEN, "forbidden"))
    del call.world.store["talking_photo"][wanted]
    return wrap(None)


# Training and motion.


@photos.post(
    "/v2/photo_avatar/train",
    "Train a group, so that new looks of its person can be generated.",
    body=record({"group_id": NAME}, **CALLBACK),
    answer=wrapped(record({"flow_id": NAME})),
    failures=STARTS,
)
def train(call: Call) -> Any:
    """The id of the training; its state is read by the group."""
    group = own_group(call, call.body["group_id"])
    running = call.world.jobs["avatar"].get(group.get("training_id", ""))
    if running is not None and not running.is_over:
        refuse(error(HEYGEN, "resource_not_ready", message="The group is being trained."))
    job = start(call, "avatar", event=_TRAINING, **callbacks(call.body))
    group["training_id"] = job.id
    return wrap({"flow_id": job.id})


@photos.get(
    "/v2/photo_avatar/train/status/{group_id}",
    "Read the state of a training.",
    answer=wrapped(
        record(
            {"status": one_of("empty", "processing", "ready", "failed")},
            msg=optional(TEXT),
            created_at=optional(NUMBER),
            updated_at=optional(NUMBER),
        )
    ),
    failures=GONE,
)
def read_training(call: Call) -> Any:
    """The state; why the training failed stands in ``msg``."""
    group = own_group(call, call.path["group_id"])
    job = call.world.jobs["avatar"].get(group.get("training_id", ""))
    if job is None:
        return wrap({"status": "empty", "msg": None, "created_at": None, "updated_at": None})
    call.world.read(job)
    status = _told(job, "processing", "ready")
    return wrap({"status": status, "msg": failure_text(job), "created_at": job.created, "updated_at": job.ended or job.created})


_MOVEMENT: Final = {
    "prompt": optional(text(1000)),
    "motion_type": optional(one_of("consistent", "expressive", "hailuo_2", "veo2")),
}


@photos.post(
    "/v2/photo_avatar/add_motion",
    "Make a look that moves from a photo avatar.",
    body=record({"id": NAME}, **_MOVEMENT),
    documented=record({"id": {**NAME, "not": {"enum": [heygen_catalog.UNCONSENTED_TWIN]}}}, **_MOVEMENT),
    answer=wrapped(record({"id": NAME})),
    failures=STARTS,
)
def add_motion(call: Call) -> Any:
    """The id of the new look."""
    look = usable_look(call, call.body["id"])
    made = _new_look(call, call.world.hex_id(), look["group_id"], look["name"], event=_MOTION)
    return wrap({"id": made["id"]})
