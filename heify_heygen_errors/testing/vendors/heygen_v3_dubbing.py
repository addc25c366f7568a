"""HeyGen v3: what changes existing videos: translations, proofreads, lipsyncs, clips, background removals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_jobs import (
    HEYGEN,
    duration,
    file_url,
    find,
    has_result,
    read,
    result_url,
    room,
    start,
    video_url,
)
from heify_heygen_errors.testing.vendors.heygen_objects import check_files
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    CALLBACK,
    FILE,
    LINK,
    NAME,
    NUMBER,
    TEXT,
    TRUTH,
    WHOLE,
    answer,
    between,
    members,
    one_of,
    optional,
    record,
    several,
    text,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, STARTS, Batches, Resource, callbacks, failure_text
from heify_heygen_errors.testing.world import Job, World

dubbing = Routes(HEYGEN)

_MODE: Final = one_of("speed", "precision")
_SWITCHES: Final = (
    "enable_caption",
    "enable_dynamic_duration",
    "disable_music_track",
    "enable_speech_enhancement",
    "enable_watermark",
)
_TRACK: Final[Mapping[str, Schema]] = {
    "title": optional(TEXT),
    "mode": _MODE,
    **members(_SWITCHES, TRUTH),
    "keep_the_same_format": optional(TRUTH),
    "start_time": optional(between(0, 86_400)),
    "end_time": optional(between(0, 86_400)),
    "fps_mode": optional(one_of("vfr", "cfr", "passthrough")),
    "folder_id": optional(TEXT),
    **CALLBACK,
}
_LANGUAGES: Final = several(NAME, None, 1)
_STATUS: Final = one_of("pending", "running", "completed", "failed")


def _common(world: World, job: Job) -> dict[str, Any]:
    """What every job here shows."""
    made = {
        "id": job.id,
        "title": job.fields["title"],
        "status": job.state(world.clock()),
        "duration": duration(job),
        "callback_id": job.fields["callback_id"],
        "created_at": int(job.created),
    }
    # Only failed jobs have it, and never a code beside it.
    reason = failure_text(job)
    return made if reason is None else made | {"failure_message": reason}


def _ready(job: Job) -> Job:
    """The job, if it is completed.

    Raises:
        Refusal: 409, for jobs that failed with another code than for those that run.
    """
    if not job.is_over:
        refuse(error(HEYGEN, "resource_not_ready", message=f"{job.id} is not completed yet."))
    if not has_result(job):
        refuse(error(HEYGEN, "conflict", message=f"{job.id} has failed."))
    return job


# Translations.

_TRANSLATE: Final = record(
    {"video": LINK, "output_languages": _LANGUAGES},
    **_TRACK,
    audio=optional(LINK),
    input_language=optional(TEXT),
    translate_audio_only=TRUTH,
    speaker_num=optional(between(1, 20, "integer")),
    brand_glossary_id=optional(TEXT),
    brand_voice_id=optional(TEXT),
    srt=optional(LINK),
    srt_role=optional(one_of("input", "output")),
    stock_voice_config=optional(record(use_stock_voice=TRUTH, preferred_stock_voice_ids=several(TEXT))),
)
_TRANSLATION: Final = record(
    {"id": NAME, "status": _STATUS, "created_at": WHOLE},
    **members(
        (
            "title",
            "output_language",
            "input_language",
            "video_url",
            "audio_url",
            "callback_id",
            "failure_message",
            "srt_caption_url",
            "vtt_caption_url",
        ),
        optional(TEXT),
    ),
    duration=optional(NUMBER),
    translate_audio_only=optional(TRUTH),
)
_TRANSLATION_FIELDS: Final = ("input_language", "translate_audio_only", "enable_caption")


def translation(world: World, job: Job) -> dict[str, Any]:
    """A translation as v3 shows it."""
    fields = job.fields
    captioned = fields.get("enable_caption")  # one that v2 started has none of these
    return {
        **_common(world, job),
        "output_language": fields["output_language"],
        "input_language": fields.get("input_language"),
        "translate_audio_only": bool(fields.get("translate_audio_only")),
        "video_url": None if fields.get("translate_audio_only") else video_url(world, job),
        "audio_url": result_url(world, job, "{id}.mp3"),
        "srt_caption_url": result_url(world, job, "{id}.srt") if captioned else None,
        "vtt_caption_url": result_url(world, job, "{id}.vtt") if captioned else None,
    }


def make_translations(call: Call, body: Mapping[str, Any], group: str | None) -> Iterator[Job]:
    """Start one translation for each language of a body.

    Raises:
        Refusal: a file of it cannot be used; or 429, 402.
    """
    check_files(call, body)
    languages = body["output_languages"]
    if group is None:
        room(call, len(languages))
        group = call.world.hex_id()
    said = {name: body.get(name) for name in _TRANSLATION_FIELDS}
    for language in languages:
        yield start(call, "translation", **callbacks(body), **said, output_language=language, group=group)


@dubbing.post(
    "/v3/video-translations",
    "Start the translation of a video, one job for each language.",
    body=_TRANSLATE,
    answer=answer(record({"video_translation_ids": several(NAME)})),
    failures=STARTS,
)
def create_translations(call: Call) -> Any:
    """Start one translation for each language."""
    return {"data": {"video_translation_ids": [job.id for job in make_translations(call, call.body, None)]}}


@dubbing.get("/v3/video-translations/languages", "List the languages.", answer=answer(record({"languages": several(TEXT)})))
def list_languages(call: Call) -> Any:  # noqa: ARG001 - every handler gets the call
    """The languages that videos are translated to."""
    return {"data": {"languages": list(heygen_catalog.LANGUAGES)}}


@dubbing.get(
    "/v3/video-translations/{video_translation_id}/caption",
    "Read where the captions of a translation are.",
    query={"format": {**one_of("vtt", "srt"), "required": True}},
    answer=answer(record({"caption_url": NAME})),
    failures=(404, 409),
)
def read_caption(call: Call) -> Any:
    """The address of the captions of a completed translation."""
    job = _ready(find(call, "translation", call.path["video_translation_id"]))
    return {"data": {"caption_url": result_url(call.world, job, "{id}." + call.query["format"])}}


Resource(
    path="/v3/video-translations",
    id_name="video_translation_id",
    kind="translation",
    view=translation,
    schema=_TRANSLATION,
    renames=True,
).add_to(dubbing)
Batches(
    path="/v3/video-translations",
    kind="translation",
    member="video_translations",
    item=_TRANSLATE,
    make=make_translations,
    ids="video_translation_ids",
).add_to(dubbing)


# Proofreads.

_PROOFREAD_STATUS: Final = one_of("processing", "completed", "failed")
_PROOFREAD: Final = record(
    {"id": NAME, "status": _PROOFREAD_STATUS},
    **members(("title", "output_language", "input_language", "failure_message"), optional(TEXT)),
    submitted_for_review=optional(TRUTH),
    created_at=optional(WHOLE),
)
_PROOFREADS: Final = "/v3/video-translations/proofreads"


def proofread(world: World, job: Job) -> dict[str, Any]:
    """A proofread session as v3 shows it."""
    shown = {name: value for name, value in _common(world, job).items() if name not in ("duration", "callback_id")}
    fields = job.fields
    return shown | {
        "output_language": fields["output_language"],
        "input_language": fields["input_language"],
        "submitted_for_review": fields["edited"] is not None,
    }


@dubbing.post(
    _PROOFREADS,
    "Start proofreads, one for each language.",
    body=record(
        {"video": LINK, "output_languages": _LANGUAGES, "title": TEXT},
        mode=_MODE,
        **members(("disable_music_track", "enable_speech_enhancement", "enable_video_stretching", "keep_the_same_format"), TRUTH),
        **members(("folder_id", "brand_voice_id", "brand_glossary_id"), optional(TEXT)),
        speaker_num=optional(between(1, 20, "integer")),
        srt=optional(LINK),
    ),
    answer=answer(record({"proofread_ids": several(NAME), "status": _PROOFREAD_STATUS})),
    failures=STARTS,
)
def create_proofreads(call: Call) -> Any:
    """Start a proofread for each language; it needs credits like a render (vendor notes 2026-11, section c)."""
    body = call.body
    check_files(call, body)
    room(call, len(body["output_languages"]))
    group = call.world.hex_id()
    jobs = [
        start(call, "proofread", title=body["title"], output_language=language, input_language=None, edited=None, group=group)
        for language in body["output_languages"]
    ]
    return {"data": {"proofread_ids": [job.id for job in jobs], "status": "processing"}}


@dubbing.get(f"{_PROOFREADS}/{{proofread_id}}", "Read a proofread.", answer=answer(_PROOFREAD), failures=GONE)
def read_proofread(call: Call) -> Any:
    """A proofread."""
    return {"data": proofread(call.world, read(call, "proofread", call.path["proofread_id"]))}


@dubbing.get(
    f"{_PROOFREADS}/{{proofread_id}}/srt",
    "Read where the subtitles of a proofread are.",
    answer=answer(record({"srt_url": NAME}, original_srt_url=optional(TEXT))),
    failures=(404, 409),
)
def read_subtitles(call: Call) -> Any:
    """The addresses of the subtitles as they are now and as they were made."""
    job = _ready(find(call, "proofread", call.path["proofread_id"]))
    original = file_url(call.world, job.fields["root"], f"heygen/proofread/{job.id}.srt")
    return {"data": {"srt_url": job.fields["edited"] or original, "original_srt_url": original}}


@dubbing.put(
    f"{_PROOFREADS}/{{proofread_id}}/srt",
    "Replace the subtitles of a proofread.",
    body=record({"srt": LINK}),
    answer=answer(_PROOFREAD),
    failures=(404, 409),
)
def replace_subtitles(call: Call) -> Any:
    """Replace the subtitles of a completed proofread."""
    job = _ready(find(call, "proofread", call.path["proofread_id"]))
    check_files(call, call.body)
    srt = call.body["srt"]
    job.fields["edited"] = srt["url"] if srt["type"] == "url" else call.world.store["asset"][srt["asset_id"]]["url"]
    return {"data": proofread(call.world, job)}


@dubbing.post(
    f"{_PROOFREADS}/{{proofread_id}}/generate",
    "Start the translation with the subtitles of a proofread.",
    body=record(captions=TRUTH, translate_audio_only=TRUTH, **CALLBACK),
    answer=answer(record({"video_translation_id": NAME, "status": _PROOFREAD_STATUS})),
    failures=STARTS,
)
def generate_from_proofread(call: Call) -> Any:
    """Start the translation; too early before the proofread is completed."""
    proof, body = _ready(find(call, "proofread", call.path["proofread_id"])), call.body
    job = start(
        call,
        "translation",
        **{**callbacks(body), "title": proof.fields["title"]},
        output_language=proof.fields["output_language"],
        input_language=proof.fields["input_language"],
        translate_audio_only=body.get("translate_audio_only"),
        enable_caption=body.get("captions"),
    )
    return {"data": {"video_translation_id": job.id, "status": "processing"}}


# Lipsyncs.

_LIPSYNC: Final = record(
    {"id": NAME, "status": _STATUS, "created_at": WHOLE},
    **members(("title", "video_url", "caption_url", "callback_id", "failure_message"), optional(TEXT)),
    duration=optional(NUMBER),
)
_RELIP: Final = record({"video": LINK, "audio": LINK}, **_TRACK)


def lipsync(world: World, job: Job) -> dict[str, Any]:
    """A lipsync as v3 shows it."""
    return {
        **_common(world, job),
        "video_url": video_url(world, job),
        "caption_url": result_url(world, job, "{id}.srt") if job.fields["enable_caption"] else None,
    }


def make_lipsync(call: Call, body: Mapping[str, Any], group: str | None) -> Iterator[Job]:
    """Start the lipsync that a body asks for.

    Raises:
        Refusal: a file of it cannot be used; or 429, 402.
    """
    check_files(call, body)
    yield start(call, "lipsync", **callbacks(body), enable_caption=body.get("enable_caption"), group=group)


@dubbing.post(
    "/v3/lipsyncs",
    "Start a lipsync.",
    body=_RELIP,
    answer=answer(record({"lipsync_id": NAME})),
    failures=STARTS,
)
def create_lipsync(call: Call) -> Any:
    """Start a lipsync."""
    return {"data": {"lipsync_id": next(make_lipsync(call, call.body, None)).id}}


Resource(path="/v3/lipsyncs", id_name="lipsync_id", kind="lipsync", view=lipsync, schema=_LIPSYNC, renames=True).add_to(dubbing)
Batches(path="/v3/lipsyncs", kind="lipsync", member="lipsyncs", item=_RELIP, make=make_lipsync, ids="lipsync_ids").add_to(dubbing)


# Clips.

_SHAPES: Final = one_of("landscape", "portrait", "square")
_CLIP_SETTINGS: Final = record(
    aspect_ratio=_SHAPES,
    captions=TRUTH,
    caption_style=optional(TEXT),
    duration_types=several(one_of("30", "60", "180", "long"), 4),
    prompt=optional(text(500)),
)
_CLIP: Final = record(
    {"id": NAME, "status": one_of("pending", "completed", "failed")},
    **members(("title", "video_url", "thumbnail_url", "failure_message"), optional(TEXT)),
    aspect_ratio=optional(_SHAPES),
    duration_seconds=optional(NUMBER),
    virality_score=optional(WHOLE),
)
_CLIPPING: Final = record(
    {"id": NAME, "status": _STATUS, "clips": several(_CLIP), "progress": WHOLE},
    **members(("title", "callback_id", "input_language", "failure_message"), optional(TEXT)),
    source_duration=optional(NUMBER),
    created_at=optional(WHOLE),
)
_CLIP_SECONDS: Final = {"30": 28.4, "60": 57.0, "180": 171.6, "long": 243.2}


def clipping(world: World, job: Job) -> dict[str, Any]:
    """An AI clipping job with its clips, of which there are none before it is completed."""
    made = _common(world, job)
    source = made.pop("duration")
    kinds = job.fields["duration_types"] if has_result(job) else ()
    clips = [
        {
            "id": f"{job.id[:12]}{number}",
            "title": f"Highlight {number}",
            "status": "completed",
            "aspect_ratio": job.fields["aspect_ratio"],
            "duration_seconds": _CLIP_SECONDS[kind],
            "virality_score": max(0, 88 - 7 * number),
            "video_url": result_url(world, job, f"{{id}}_{number}.mp4"),
            "thumbnail_url": result_url(world, job, f"{{id}}_{number}.jpg"),
            "failure_message": None,
        }
        for number, kind in enumerate(kinds, 1)
    ]
    progress = 100 if job.is_over else {"pending": 0, "running": 50}[made["status"]]
    return {**made, "clips": clips, "progress": progress, "input_language": job.fields["input_language"], "source_duration": source}


@dubbing.post(
    "/v3/ai-clipping",
    "Start an AI clipping job.",
    body=record({"video": LINK}, title=optional(TEXT), input_language=optional(TEXT), output_settings=_CLIP_SETTINGS, **CALLBACK),
    answer=answer(record({"id": NAME, "status": _STATUS})),
    status=202,
    failures=STARTS,
)
def create_clipping(call: Call) -> Any:
    """Start a job that cuts a long video into short clips."""
    body = call.body
    check_files(call, body)
    settings = body.get("output_settings", {})
    job = start(
        call,
        "clipping",
        **callbacks(body),
        input_language=body.get("input_language"),
        aspect_ratio=settings.get("aspect_ratio", "portrait"),
        duration_types=settings.get("duration_types") or ["60"],
    )
    return {"data": {"id": job.id, "status": job.state(call.world.clock())}}


Resource(path="/v3/ai-clipping", id_name="job_id", kind="clipping", view=clipping, schema=_CLIPPING).add_to(dubbing)


# Background removals.

_LAYERS: Final = ("foreground", "mask", "background")
_REMOVAL: Final = record(
    {"id": NAME, "status": one_of("pending", "processing", "completed", "failed"), "layers": ANY_OBJECT},
    error=optional(TEXT),
    duration=optional(NUMBER),
    created_at=optional(WHOLE),
    completed_at=optional(WHOLE),
)


def removal(world: World, job: Job) -> dict[str, Any]:
    """A background removal; why it failed stands in ``error`` as a text."""
    made = job.fields["layers"] if has_result(job) else ()
    return {
        "id": job.id,
        "status": job.state(world.clock()),
        "layers": {layer: result_url(world, job, f"{{id}}_{layer}.webm") for layer in made},
        "duration": duration(job),
        "error": failure_text(job),
        "created_at": int(job.created),
        "completed_at": None if job.ended is None else int(job.ended),
    }


@dubbing.post(
    "/v3/background-removals",
    "Start the removal of a video's background; request_id in the body is its idempotency key.",
    body=record({"video": FILE}, title=optional(TEXT), request_id=optional(NAME), layers=several(one_of(*_LAYERS), 3)),
    answer=answer(_REMOVAL),
    failures=STARTS,
)
def create_removal(call: Call) -> Any:
    """Start the removal of a background."""
    check_files(call, call.body)
    job = start(call, "removal", title=call.body.get("title"), layers=call.body.get("layers") or ["foreground"])
    return {"data": removal(call.world, job)}


Resource(
    path="/v3/background-removals",
    id_name="job_id",
    kind="removal",
    view=removal,
    schema=_REMOVAL,
    delete=lambda made: {"id": made, "deleted": True},
).add_to(dubbing)
