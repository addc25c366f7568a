"""HeyGen's endpoints below /v1 and /v2 that came late: they have the objects of v3 under the old paths.

By HeyGen's API document of April 2026 they answer ``{"data": ...}`` as v3 does; only the Video Agent has the wrapper of v2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors.heygen_catalog import LANGUAGES
from heify_heygen_errors.testing.vendors.heygen_jobs import (
    HEYGEN,
    charge,
    failure_object,
    file_url,
    find,
    has_result,
    known,
    new_video,
    paging,
    result_url,
    room,
    solvent,
    start,
    video_url,
)
from heify_heygen_errors.testing.vendors.heygen_objects import check_files, usable_look, usable_voice, voices
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    CALLBACK,
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
    text,
)
from heify_heygen_errors.testing.vendors.heygen_v2 import wrap, wrapped
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, STARTS, Resource, callbacks, failure_text, paged
from heify_heygen_errors.testing.vendors.heygen_v3_videos import in_list, video
from heify_heygen_errors.testing.world import Job

bridge = Routes(HEYGEN)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that takes no other members."""
    return {**schema, "additionalProperties": False}


# The Video Agent.

_ORIENTATION: Final = optional(one_of("landscape", "portrait"))
_SECONDS: Final = optional({"type": "integer", "minimum": 5})
_AGENT: Final = closed(
    record(
        {"prompt": text(10_000, 1)},
        avatar_id=optional(TEXT),
        voice_id=optional(TEXT),
        orientation=_ORIENTATION,
        duration_sec=_SECONDS,
        config=optional(closed(record(duration_sec=_SECONDS, orientation=_ORIENTATION, avatar_id=optional(TEXT), voice_id=optional(TEXT)))),
        files=optional(several(closed(record({"asset_id": TEXT})), 20)),
        incognito_mode=TRUTH,
        **CALLBACK,
    )
)


@bridge.post(
    "/v1/video_agent/generate",
    "Have the Video Agent make a video from a prompt.",
    body=_AGENT,
    documented=of_consented(_AGENT),
    answer=wrapped(record({"video_id": NAME, "session_id": NAME})),
    failures=STARTS,
)
def generate_by_agent(call: Call) -> Any:
    """The video and the session of the agent that makes it."""
    body = call.body
    _check_speakers(call, body, body.get("config") or {})
    check_files(call, body)
    made = call.world.hex_id()
    job = start(call, "agent", video_id=made, prompt=body["prompt"], **callbacks(body))
    call.world.store["agent_video"][made] = {"job": job}
    return wrap({"video_id": made, "session_id": job.id})


def _check_speakers(call: Call, *said: Mapping[str, Any]) -> None:
    """Check the avatars and voices that a request names.

    Raises:
        Refusal: one of them cannot be used.
    """
    for one in said:
        if one.get("avatar_id"):
            usable_look(call, one["avatar_id"])
        if one.get("voice_id"):
            usable_voice(call, one["voice_id"])


# Speech.


@bridge.post(
    "/v1/audio/text_to_speech",
    "Have a text spoken.",
    body=closed(
        record(
            {"text": text(5000, 1), "voice_id": TEXT},
            input_type=TEXT,
            speed=between(0.5, 2.0),
            language=optional(TEXT),
            locale=optional(TEXT),
        )
    ),
    answer=answer(
        record({"audio_url": NAME, "duration": NUMBER}, request_id=optional(TEXT), word_timestamps=optional(several(ANY_OBJECT)))
    ),
    failures=STARTS,
)
def speak(call: Call) -> Any:
    """The sound, with the time of every word."""
    body = call.body
    usable_voice(call, body["voice_id"])
    solvent(call)
    speech_id = call.world.hex_id()
    charge(call, speech_id)
    seconds = 0.4 / body.get("speed", 1.0)
    words = [
        {"word": word, "start": round(number * seconds, 3), "end": round((number + 1) * seconds, 3)}
        for number, word in enumerate(body["text"].split())
    ]
    url = file_url(call.world, call.root, f"heygen/speech/{speech_id}.mp3")
    duration = words[-1]["end"] if words else 0.0
    return {"data": {"audio_url": url, "duration": duration, "request_id": speech_id, "word_timestamps": words}}


@bridge.get(
    "/v1/audio/voices",
    "List voices that texts can be spoken with.",
    query={
        **paging(20, 100),
        "type": {**one_of("public", "private"), "default": "public"},
        "language": TEXT,
        "gender": TEXT,
    },
    answer=listing(
        record(
            {**members(("voice_id", "name", "language", "gender", "type"), TEXT), **members(("support_pause", "support_locale"), TRUTH)},
            preview_audio_url=optional(TEXT),
        )
    ),
)
def list_voices(call: Call) -> Any:
    """A page of the voices."""
    wanted = {name: call.query[name].lower() for name in ("type", "language", "gender") if name in call.query}
    found = [voice for voice in voices(call.world) if all(voice[name].lower() == value for name, value in wanted.items())]
    return paged(call, found, lambda voice: {name: value for name, value in voice.items() if name != "engine"})


# Workflows.

_TYPES: Final = (
    ("script_to_video", "Script to video", "A script spoken by an avatar.", ("script",)),
    ("translate_and_clip", "Translate and clip", "A video in another language, cut into clips.", ("video_url", "output_language")),
)


@bridge.get(
    "/v1/workflows",
    "List the workflows that there are.",
    answer=listing(
        record(
            {
                **members(("workflow_type", "name", "description", "category"), TEXT),
                **members(("input_schema", "output_schema"), ANY_OBJECT),
            }
        )
    ),
)
def list_workflows(call: Call) -> Any:
    """Every workflow, on one page."""
    return paged(call, [_workflow(*row) for row in _TYPES])


def _workflow(kind: str, name: str, description: str, inputs: tuple[str, ...]) -> dict[str, Any]:
    def schema(names: tuple[str, ...]) -> dict[str, Any]:
        return {"type": "object", "properties": {one: {"type": "string"} for one in names}}

    return {
        "workflow_type": kind,
        "name": name,
        "description": description,
        "category": "video",
        "input_schema": schema(inputs),
        "output_schema": schema(("video_url",)),
    }


_SUBMITTED: Final = answer(record({"execution_id": NAME, "status": TEXT}))


@bridge.post(
    "/v1/workflows/executions",
    "Run a workflow.",
    body=closed(record({"workflow_type": TEXT, "input": ANY_OBJECT})),
    answer=_SUBMITTED,
    failures=STARTS,
)
def run_workflow(call: Call) -> Any:
    """The execution."""
    return _submit(call, [call.body["workflow_type"]], ())


@bridge.post(
    "/v1/workflows/graph-executions",
    "Run several workflows that build on each other.",
    body=closed(
        record({"workflows": several(closed(record({"type": TEXT, "id": TEXT, "input": ANY_OBJECT}, parent=several(TEXT))), 20, 1)})
    ),
    answer=_SUBMITTED,
    failures=STARTS,
)
def run_graph(call: Call) -> Any:
    """The execution of all of them."""
    nodes = call.body["workflows"]
    return _submit(call, [node["type"] for node in nodes], tuple(node["id"] for node in nodes))


def _submit(call: Call, kinds: list[str], nodes: tuple[str, ...]) -> dict[str, Any]:
    offered = [kind for kind, *_ in _TYPES]
    unknown = next((kind for kind in kinds if kind not in offered), None)
    if unknown is not None:
        refuse(error(HEYGEN, "WORKFLOW_NOT_FOUND", status=404))
    job = start(call, "workflow", nodes=nodes)
    return {"data": {"execution_id": job.id, "status": "submitted"}}


@bridge.get(
    "/v1/workflows/executions/{execution_id}",
    "Read the state of an execution.",
    answer=answer(
        record(
            {"execution_id": NAME, "status": one_of("submitted", "running", "completed", "failed", "not_found")},
            **members(("output", "outputs", "error"), optional(ANY_OBJECT)),
        )
    ),
)
def read_execution(call: Call) -> Any:
    """The execution; one that does not exist is told by its status, not by 404."""
    wanted = call.path["execution_id"]
    job = known(call.world, "workflow", wanted)
    if job is None:
        return {"data": {"execution_id": wanted, "status": "not_found", "output": None, "outputs": None, "error": None}}
    call.world.read(job)
    return {"data": {"execution_id": wanted, "status": job.state(call.world.clock()), **_outcome(call, job)}}


def _outcome(call: Call, job: Job) -> dict[str, Any]:
    made = {"video_url": video_url(call.world, job)} if has_result(job) else None
    nodes = job.fields["nodes"]
    told = failure_object(job, "v3") or {}
    return {
        "output": None if nodes else made,
        "outputs": dict.fromkeys(nodes, made) if nodes and made else None,
        "error": {name: told[name] for name in ("code", "message") if told.get(name) is not None} or None,
    }


# Videos.

_FLOAT_SETTINGS: Final = record(speed=between(0.5, 1.5), pitch=between(-50, 50), locale=optional(TEXT))
_BACKGROUND: Final = record({"type": one_of("color", "image")}, value=optional(TEXT), url=optional(TEXT), asset_id=optional(TEXT))
_VISUALS: Final = ("avatar_id", "image_url", "image_asset_id")


def _only(name: str) -> dict[str, Any]:
    """That of several members this one says what is to be seen."""
    others = {other: {"type": "null"} for other in _VISUALS if other != name}
    return record({name: NAME}, **others)


_CREATE: Final = {
    **record(
        **members((*_VISUALS, "voice_id", "audio_url", "audio_asset_id", "title", "motion_prompt"), optional(TEXT)),
        script=optional(text(5000, 1)),
        resolution=optional(one_of("4k", "1080p", "720p")),
        aspect_ratio=optional(one_of("16:9", "9:16")),
        expressiveness=optional(one_of("high", "medium", "low")),
        remove_background=optional(TRUTH),
        background=optional(_BACKGROUND),
        voice_settings=optional(_FLOAT_SETTINGS),
        **CALLBACK,
    ),
    "allOf": [
        {"anyOf": [_only(name) for name in _VISUALS]},
        {"anyOf": [record({"script": text(5000, 1)}), record({"audio_url": NAME}), record({"audio_asset_id": NAME})]},
    ],
}


@bridge.post(
    "/v2/videos",
    "Start a video of an avatar or an image.",
    body=_CREATE,
    documented=of_consented(_CREATE),
    answer=answer(record({"video_id": NAME, "status": TEXT})),
    failures=STARTS,
)
def create_video(call: Call) -> Any:
    """The video, which waits to be made."""
    body = call.body
    _check_speakers(call, body)
    check_files(call, body)
    job = new_video(call, **callbacks(body))
    return {"data": {"video_id": job.id, "status": "waiting"}}


Resource(
    path="/v2/videos",
    id_name="video_id",
    kind="video",
    view=video,
    schema=VIDEO,
    delete=lambda deleted: {"id": deleted, "deleted": True},
    query={"folder_id": TEXT, "title": TEXT},
    wanted=in_list,
).add_to(bridge)


# Translations.

_LANGUAGE: Final = one_of(*LANGUAGES)
_TRANSLATE: Final = needs(
    closed(
        record(
            {"video_url": URL},
            output_language=optional(_LANGUAGE),
            output_languages=optional(several(_LANGUAGE)),
            **members(("title", "audio_url", "input_language", "brand_voice_id", "srt_url", "fps_mode", "folder_id"), optional(TEXT)),
            **members(
                (
                    "translate_audio_only",
                    "enable_caption",
                    "enable_dynamic_duration",
                    "disable_music_track",
                    "enable_speech_enhancement",
                    "enable_watermark",
                ),
                TRUTH,
            ),
            **members(("start_time", "end_time"), optional(NUMBER)),
            keep_the_same_format=optional(TRUTH),
            speaker_num=optional(WHOLE),
            mode=one_of("speed", "precision"),
            srt_role=optional(one_of("input", "output")),
            **CALLBACK,
        )
    ),
    {"output_language": _LANGUAGE},
    {"output_languages": several(_LANGUAGE, least=1)},
)


@bridge.post(
    "/v2/video_translate",
    "Have a video translated, into one language or several.",
    body=_TRANSLATE,
    answer=answer(record(video_translate_id=optional(TEXT), video_translate_ids=optional(several(NAME)))),
    failures=STARTS,
)
def translate(call: Call) -> Any:
    """The id of the translation, or the ids of as many as there are languages."""
    jobs = list(_translations(call))
    alone = jobs[0].id if call.body.get("output_language") else None
    return {"data": {"video_translate_id": alone, "video_translate_ids": None if alone else [job.id for job in jobs]}}


def _translations(call: Call) -> Iterator[Job]:
    body = call.body
    alone = body.get("output_language")
    languages = [alone] if alone else list(dict.fromkeys(body["output_languages"]))
    room(call, len(languages))
    group = None if alone else call.world.hex_id()
    for language in languages:
        yield start(call, "translation", group=group, output_language=language, **callbacks(body))


@bridge.get(
    "/v2/video_translate/{video_translate_id}",
    "Read the state of a translation.",
    answer=wrapped(
        record(
            {"video_translate_id": NAME, "status": one_of("pending", "running", "completed", "failed")},
            **members(("title", "output_language", "url", "message", "callback_id"), optional(TEXT)),
        )
    ),
    failures=GONE,
)
def read_translation(call: Call) -> Any:
    """The translation; why it failed stands in ``message``."""
    job = call.world.read(find(call, "translation", call.path["video_translate_id"]))
    fields = job.fields
    return wrap(
        {
            "video_translate_id": job.id,
            "title": fields["title"],
            "output_language": fields.get("output_language"),
            "status": job.state(call.world.clock()),
            "url": result_url(call.world, job, "{id}.mp4"),
            "message": failure_text(job),
            "callback_id": fields["callback_id"],
        }
    )


@bridge.get(
    "/v2/video_translate/target_languages",
    "List the languages that videos are translated into.",
    answer=answer(record({"languages": several(NAME)})),
)
def list_languages(call: Call) -> Any:  # noqa: ARG001 - the same for everybody
    """Every language."""
    return {"data": {"languages": list(LANGUAGES)}}


@bridge.get(
    "/v2/video_translate/caption",
    "Read where the captions of a translation are.",
    query={"video_translate_id": {**TEXT, "required": True}, "caption_type": {**one_of("vtt", "srt"), "required": True}},
    answer=answer(record({"caption_url": NAME})),
    failures=(404, 409),
)
def read_captions(call: Call) -> Any:
    """The address of the captions, once the translation is completed."""
    job = find(call, "translation", call.query["video_translate_id"])
    url = result_url(call.world, job, "{id}." + call.query["caption_type"])
    if url is None:
        refuse(error(HEYGEN, "resource_not_ready", message="The video translation is not completed."))
    return {"data": {"caption_url": url}}
