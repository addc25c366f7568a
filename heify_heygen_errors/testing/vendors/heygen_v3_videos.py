"""HeyGen v3: videos, their batches, templates, HyperFrames renders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors.heygen_catalog import PROJECT_FILE
from heify_heygen_errors.testing.vendors.heygen_events import page_url
from heify_heygen_errors.testing.vendors.heygen_jobs import (
    HEYGEN,
    duration,
    failure_fields,
    failure_object,
    new_video,
    paging,
    result_url,
    start,
    video_id,
    video_status,
    video_url,
)
from heify_heygen_errors.testing.vendors.heygen_objects import check_files, usable_asset, usable_look, usable_voice
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    BY_BYTES,
    BY_URL,
    CALLBACK,
    FILE,
    NAME,
    NUMBER,
    TEXT,
    TRUTH,
    URL,
    VIDEO,
    WHOLE,
    answer,
    between,
    listing,
    members,
    needs,
    of_consented,
    one_of,
    optional,
    record,
    several,
    tagged,
    text,
    variants,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import (
    GONE,
    STARTS,
    Batches,
    Resource,
    callbacks,
    failure_text,
    paged,
)
from heify_heygen_errors.testing.world import Job, World

videos = Routes(HEYGEN)

# Requests.

_SCRIPT: Final = text(5000, 1)
_RATIOS: Final = one_of("16:9", "9:16", "4:5", "5:4", "1:1", "auto")
_RESOLUTION: Final = one_of("4k", "1080p", "720p")
_VOICE_SETTINGS: Final = record(
    speed=between(0.5, 1.5), pitch=between(-50, 50), volume=between(0, 1), locale=optional(TEXT), engine_settings=optional(ANY_OBJECT)
)
_SPEECH: Final = {
    "script": optional(_SCRIPT),
    "voice_id": optional(TEXT),
    "audio_url": optional(URL),
    "audio_asset_id": optional(TEXT),
    "voice_settings": optional(_VOICE_SETTINGS),
    "motion_prompt": optional(TEXT),
    "expressiveness": optional(one_of("high", "medium", "low")),
}
_ENGINE: Final = variants(tagged("avatar_iii"), tagged("avatar_iv"), tagged("avatar_v", reference_look_id=optional(TEXT)))
_BACKGROUND: Final = record({"type": one_of("color", "image")}, value=optional(TEXT), url=optional(URL), asset_id=optional(TEXT))
_PLACEMENT: Final = record(
    position=one_of("top_left", "top_right", "bottom_left", "bottom_right"), offset_x=optional(NUMBER), offset_y=optional(NUMBER)
)
_WATERMARK: Final = record({"image": FILE}, opacity=between(0, 1), scale=NUMBER, placement=optional(_PLACEMENT))
_OUTPUT: Final = {
    "title": optional(TEXT),
    "resolution": optional(_RESOLUTION),
    "aspect_ratio": optional(_RATIOS),
    "caption": optional(record(file_format=one_of("srt"), style=optional(one_of("default")))),
    "watermark": optional(_WATERMARK),
    **CALLBACK,
}
_PICTURE: Final = {
    "background": optional(_BACKGROUND),
    "remove_background": optional(TRUTH),
    "fit": optional(one_of("contain", "cover")),
    "output_format": one_of("mp4", "webm"),
}


_AUDIO: Final[tuple[dict[str, Schema], ...]] = ({"audio_url": URL}, {"audio_asset_id": NAME})
_FROM_AVATAR: Final = needs(
    tagged("avatar", {"avatar_id": NAME}, **_SPEECH, **_OUTPUT, **_PICTURE, engine=optional(_ENGINE)), {"script": _SCRIPT}, *_AUDIO
)
_FROM_IMAGE: Final = needs(
    tagged("image", {"image": FILE}, **_SPEECH, **_OUTPUT, **_PICTURE), {"script": _SCRIPT, "voice_id": NAME}, *_AUDIO
)
_FROM_PROMPT: Final = tagged(
    "cinematic_avatar",
    {"prompt": text(10000, 1), "avatar_id": several(NAME, 3, 1)},
    title=optional(TEXT),
    aspect_ratio=one_of("16:9", "9:16", "1:1"),
    resolution=one_of("720p", "1080p"),
    duration=optional(between(4, 15, "integer")),
    auto_duration=TRUTH,
    enhance_prompt=TRUTH,
    references=optional(several(FILE)),
    **CALLBACK,
)
_SCENES: Final = variants(
    tagged(
        "avatar_video",
        {
            "input": variants(
                tagged("avatar", {"avatar_id": NAME}, **_SPEECH, engine=optional(_ENGINE), background=optional(ANY_OBJECT)),
                tagged("image", {"image": FILE}, **_SPEECH),
            )
        },
    ),
    tagged("image", {"source": FILE}, **_SPEECH, duration=optional(between(0, 600))),
    tagged("video", {"source": FILE}, playback=optional(record(mute=TRUTH, volume=between(0, 1)))),
)
_FROM_SCENES: Final = tagged("studio", {"scenes": several(_SCENES, 50, 1)}, **_OUTPUT)
_CREATE: Final = variants(_FROM_AVATAR, _FROM_IMAGE, _FROM_PROMPT, _FROM_SCENES)


# Videos.


def video(world: World, job: Job) -> dict[str, Any]:
    """A video as v3 shows it; also one that an agent makes."""
    fields = job.fields
    captioned = bool(fields.get("caption"))
    told = {
        "id": video_id(job),
        "title": fields["title"],
        "status": video_status(job, world.clock()),
        "created_at": int(job.created),
        "completed_at": None if job.ended is None else int(job.ended),
        "video_url": video_url(world, job),
        "thumbnail_url": result_url(world, job, "{id}.jpg"),
        "gif_url": result_url(world, job, "{id}.gif"),
        "captioned_video_url": result_url(world, job, "{id}_caption.mp4") if captioned else None,
        "subtitle_url": result_url(world, job, "{id}.srt") if captioned else None,
        "duration": duration(job),
        "folder_id": fields.get("folder_id"),
        "video_page_url": page_url(job),
    }
    # Only failed videos have these, and only those that give a reason.
    told |= {name: value for name, value in failure_fields(job).items() if value is not None}
    remark = failure_object(job, "v3") if job.remark is not None else None
    return told if remark is None else told | {"error": remark}


def in_list(job: Job, query: Mapping[str, Any]) -> bool:
    """Whether a video is one of those that the query of a list asks for."""
    folder, title = query.get("folder_id"), query.get("title")
    if folder is not None and folder != (job.fields.get("folder_id") or ""):
        return False
    return title is None or title.lower() in (job.fields["title"] or "").lower()


def make_video(call: Call, body: Mapping[str, Any], group: str | None) -> Iterator[Job]:
    """Start the video that a body of ``POST /v3/videos`` asks for.

    Raises:
        Refusal: an avatar, a voice or a file of it cannot be used; or 429, 402.
    """
    for part in (body, *(scene.get("input") or scene for scene in body.get("scenes", ()))):
        _check_speaker(call, part)
    check_files(call, body)
    said = {name: body.get(name) for name in ("caption", "output_format")}
    yield new_video(call, **callbacks(body), **said, group=group)


def _check_speaker(call: Call, part: Mapping[str, Any]) -> None:
    named = part.get("avatar_id")
    looks = [usable_look(call, look_id) for look_id in ([named] if isinstance(named, str) else named or ())]
    voice_id = part.get("voice_id")
    if voice_id is not None:
        usable_voice(call, voice_id)
    elif part.get("script") and looks and looks[0]["default_voice_id"] is None:
        refuse(error(HEYGEN, "voice_not_found", message=f"Avatar {named} has no default voice.", param="voice_id"))


@videos.post(
    "/v3/videos",
    "Start a video.",
    body=_CREATE,
    documented=of_consented(_CREATE),
    answer=answer(record({"video_id": NAME, "status": TEXT})),
    failures=STARTS,
)
def create_video(call: Call) -> Any:
    """Start a video from an avatar, an image, a prompt or scenes."""
    job = next(make_video(call, call.body, None))
    return {"data": {"video_id": job.id, "status": "waiting"}}


Resource(
    path="/v3/videos",
    id_name="video_id",
    kind="video",
    view=video,
    schema=VIDEO,
    delete=lambda made: {"id": made, "deleted": True},
    query={"folder_id": TEXT, "title": TEXT},
    wanted=in_list,
).add_to(videos)
Batches(path="/v3/videos", kind="video", member="videos", item=_CREATE, make=make_video, ids="video_ids").add_to(videos)


# Templates.

_TEMPLATE_TEXTS: Final = ("aspect_ratio", "thumbnail_url")
_TEMPLATE: Final = record(
    {"id": NAME, "name": TEXT}, **members(_TEMPLATE_TEXTS, optional(TEXT)), created_at=optional(WHOLE), updated_at=optional(WHOLE)
)
_EVEN: Final = {"type": "integer", "minimum": 128, "maximum": 4096, "multipleOf": 2}
_SUBTITLES: Final = record(
    {"preset_name": NAME},
    alignment=optional(WHOLE),
    disable_highlight=optional(TRUTH),
    font_size=optional(WHOLE),
    position=optional(record(x=NUMBER, y=NUMBER)),
)
_FROM_TEMPLATE: Final = record(
    {"variables": ANY_OBJECT},
    title=optional(TEXT),
    scene_ids=optional(several(NAME)),
    dimension=optional(record({"width": _EVEN, "height": _EVEN})),
    fps={"type": "number", "enum": [25, 30, 60]},
    subtitles=optional(_SUBTITLES),
    folder_id=optional(TEXT),
    brand_voice_id=optional(TEXT),
    **members(("caption", "include_gif", "enable_sharing", "keep_text_vertically_centered", "reorder_music"), TRUTH),
    **CALLBACK,
)


@videos.get("/v3/templates", "List templates.", query=paging(10, 100), answer=listing(_TEMPLATE))
def list_templates(call: Call) -> Any:
    """The templates without their variables."""
    short = _TEMPLATE["properties"]
    return paged(call, list(call.world.store["template"].values()), lambda one: {name: one[name] for name in short})


@videos.get(
    "/v3/templates/{template_id}",
    "Read a template.",
    answer=answer({**_TEMPLATE, "required": ["id", "name", "variables", "scenes", "scene_ids"]}),
    failures=GONE,
)
def read_template(call: Call) -> Any:
    """A template with its variables and scenes."""
    return {"data": _template(call)}


def _template(call: Call) -> dict[str, Any]:
    found = call.world.store["template"].get(call.path["template_id"])
    if found is None:
        refuse(error(HEYGEN, "template_not_found"))
    return found


@videos.post("/v3/templates/{template_id}", "Start a video from a template.", body=_FROM_TEMPLATE, answer=answer(VIDEO), failures=STARTS)
def create_from_template(call: Call) -> Any:
    """Start a video from a template; its scenes can be chosen and put in another order."""
    template, body = _template(call), call.body
    unknown = [scene for scene in body.get("scene_ids") or () if scene not in template["scene_ids"]]
    if unknown:
        refuse(error(HEYGEN, "resource_not_found", message=f"The template has no scene {unknown[0]}.", param="scene_ids"))
    check_files(call, body["variables"])
    said = {name: body.get(name) for name in ("caption", "include_gif", "folder_id")}
    said["caption"] = said["caption"] or body.get("subtitles")
    job = new_video(call, **callbacks(body), **said)
    return {"data": video(call.world, job)}


# HyperFrames.

_PROJECT_MOST: Final = 200 * 1024 * 1024
_QUALITY: Final = one_of("draft", "standard", "high")
_FORMAT: Final = one_of("mp4", "webm", "mov")
_RENDERED: Final = {
    "title": optional(TEXT),
    "fps": optional(between(1, 240, "integer")),
    "composition": optional(TEXT),
    "variables": optional(ANY_OBJECT),
    "quality": _QUALITY,
    "format": _FORMAT,
    "resolution": one_of("1080p", "4k"),
    "aspect_ratio": one_of("16:9", "9:16", "1:1"),
    **CALLBACK,
}
_RENDER_DEFAULTS: Final = {
    "fps": 30,
    "quality": "standard",
    "format": "mp4",
    "resolution": "1080p",
    "aspect_ratio": "16:9",
    "composition": None,
}
_RENDER: Final = record(
    {"render_id": NAME, "status": one_of("queued", "rendering", "completed", "failed"), "format": _FORMAT},
    **members(("title", "callback_id", "video_url", "thumbnail_url", "composition", "failure_message"), optional(TEXT)),
    **members(("created_at", "completed_at", "fps"), optional(WHOLE)),
    duration=optional(NUMBER),
)


def render(world: World, job: Job) -> dict[str, Any]:
    """A HyperFrames render."""
    fields = job.fields
    return {
        "render_id": job.id,
        "status": job.state(world.clock()),
        "title": fields["title"],
        "callback_id": fields["callback_id"],
        "video_url": video_url(world, job),
        "thumbnail_url": result_url(world, job, "{id}.jpg"),
        "duration": duration(job),
        **{name: fields[name] for name in _RENDER_DEFAULTS},
        "created_at": int(job.created),
        "completed_at": None if job.ended is None else int(job.ended),
        "failure_message": failure_text(job),
    }


@videos.post(
    "/v3/hyperframes/renders",
    "Start a HyperFrames render.",
    body=record({"project": FILE}, **_RENDERED),
    documented=record({"project": variants(BY_URL, tagged("asset_id", {"asset_id": one_of(PROJECT_FILE)}), BY_BYTES)}, **_RENDERED),
    answer=answer(record({"render_id": NAME})),
    status=202,
    failures=(*STARTS, 413),
)
def create_render(call: Call) -> Any:
    """Start the render of a zipped project."""
    body = call.body
    if body["project"]["type"] == "asset_id":
        _check_project(usable_asset(call, body["project"]["asset_id"]))
    said: dict[str, Any] = {name: default if body.get(name) is None else body[name] for name, default in _RENDER_DEFAULTS.items()}
    job = start(call, "hyperframes", f"hfr_{call.world.hex_id(24)}", **callbacks(body), **said, output_format=said["format"])
    return {"data": {"render_id": job.id}}


def _check_project(asset: Mapping[str, Any]) -> None:
    if asset["size_bytes"] > _PROJECT_MOST:
        refuse(error(HEYGEN, "hyperframes_project_too_large"))
    if asset["mime_type"] != "application/zip":
        refuse(error(HEYGEN, "hyperframes_project_invalid"))


Resource(
    path="/v3/hyperframes/renders",
    id_name="render_id",
    kind="hyperframes",
    view=render,
    schema=_RENDER,
    delete=lambda made: {"render_id": made},
).add_to(videos)
