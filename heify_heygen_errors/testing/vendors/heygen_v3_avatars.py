"""HeyGen v3: avatars and their looks, voices, speech."""

from __future__ import annotations

from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, charge, file_url, paging, solvent, start
from heify_heygen_errors.testing.vendors.heygen_objects import check_files, look_job, look_status, usable_voice, voices
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    FILE,
    NAME,
    NUMBER,
    TEXT,
    TRUTH,
    URL,
    WHOLE,
    answer,
    between,
    listing,
    members,
    one_of,
    optional,
    record,
    several,
    tagged,
    text,
    variants,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, STARTS, failure_text, paged
from heify_heygen_errors.testing.world import World

avatars = Routes(HEYGEN)

_STATUS: Final = one_of("processing", "pending_consent", "failed", "completed")
_ERROR: Final = optional(record({"code": TEXT, "message": TEXT}))
_TYPES: Final = one_of("studio_avatar", "digital_twin", "photo_avatar")
_OWNERSHIP: Final = one_of("public", "private")
_SHOWN: Final = ("gender", "preview_image_url", "preview_video_url", "default_voice_id")
_GROUP: Final = record(
    {"id": NAME, "name": TEXT, "created_at": WHOLE, "looks_count": WHOLE},
    **members((*_SHOWN, "consent_status"), optional(TEXT)),
    status=optional(_STATUS),
    error=_ERROR,
)
_LOOK: Final = record(
    {"id": NAME, "name": TEXT, "avatar_type": _TYPES},
    **members((*_SHOWN, "group_id", "preferred_orientation"), optional(TEXT)),
    **members(("tags", "supported_api_engines"), several(TEXT)),
    **members(("image_width", "image_height"), optional(WHOLE)),
    status=optional(_STATUS),
    error=_ERROR,
)
# What an avatar is made of, by the type in the request: the type of the look, and what its webhooks begin with.
_MADE_OF: Final = {
    "prompt": ("photo_avatar", "photo_avatar_generation"),
    "photo": ("photo_avatar", "photo_avatar_train"),
    "digital_twin": ("digital_twin", None),
    "video": ("digital_twin", None),
}


def _look_error(world: World, look_id: str) -> dict[str, Any] | None:
    job = look_job(world, look_id)
    if job is None or job.failure is None:
        return None
    words = job.failure.words.in_generation("v3")
    return {"code": words.code or "training_failed", "message": words.message or ""}


def look_view(world: World, look: dict[str, Any]) -> dict[str, Any]:
    """A look as v3 shows it."""
    shown = {name: value for name, value in look.items() if name != "public"}
    return shown | {"status": look_status(world, look), "error": _look_error(world, look["id"])}


def group_view(world: World, group: dict[str, Any]) -> dict[str, Any]:
    """A group as v3 shows it; its state is that of its newest look."""
    looks = _looks_of(world, group["id"])
    shown = {name: value for name, value in group.items() if name != "public"}
    newest = look_view(world, looks[-1]) if looks else {"status": "completed", "error": None}
    return shown | {"looks_count": len(looks), "status": newest["status"], "error": newest["error"]}


def _looks_of(world: World, group_id: str) -> list[dict[str, Any]]:
    return [look for look in world.store["avatar_look"].values() if look["group_id"] == group_id]


def _group(call: Call, group_id: str) -> dict[str, Any]:
    found = call.world.store["avatar_group"].get(group_id)
    if found is None:
        refuse(error(HEYGEN, "avatar_group_not_found"))
    return found


def _look(call: Call) -> dict[str, Any]:
    found = call.world.store["avatar_look"].get(call.path["look_id"])
    if found is None:
        refuse(error(HEYGEN, "avatar_not_found"))
    return found


def _own(thing: dict[str, Any], noun: str) -> None:
    """Check that something belongs to the account.

    Raises:
        Refusal: it is public.
    """
    if thing["public"]:
        refuse(error(HEYGEN, "resource_access_denied", message=f"A public {noun} cannot be changed."))


def _owned(thing: dict[str, Any], ownership: str | None) -> bool:
    return ownership is None or thing["public"] == (ownership == "public")


# Groups and looks.


@avatars.get("/v3/avatars", "List avatar groups.", query={"ownership": _OWNERSHIP, **paging(20, 50)}, answer=listing(_GROUP))
def list_groups(call: Call) -> Any:
    """The avatar groups, the newest first."""
    found = [group for group in reversed(call.world.store["avatar_group"].values()) if _owned(group, call.query.get("ownership"))]
    return paged(call, found, lambda group: group_view(call.world, group))


@avatars.post(
    "/v3/avatars",
    "Start to make an avatar.",
    body=variants(
        tagged(
            "prompt",
            {"name": NAME, "prompt": text(1000, 1)},
            reference_images=optional(several(FILE, 3)),
            avatar_group_id=optional(TEXT),
            avatar_id=optional(TEXT),
        ),
        *(tagged(kind, {"name": NAME, "file": FILE}, avatar_group_id=optional(TEXT)) for kind in ("photo", "digital_twin", "video")),
    ),
    answer=answer(record({"avatar_item": _LOOK, "avatar_group": _GROUP})),
    failures=STARTS,
)
def create_avatar(call: Call) -> Any:
    """Start to train or generate a look, in a group of its own unless one is named."""
    body, world = call.body, call.world
    group_id = body.get("avatar_group_id")
    group = None if group_id is None else _group(call, group_id)
    if group is not None:
        _own(group, "avatar group")
    check_files(call, body)
    kind, event = _MADE_OF[body["type"]]
    job = start(call, "avatar", title=body["name"], event=event)
    if group is None:
        group = heygen_catalog.group(world.hex_id(), body["name"], created=world.clock())
        world.store["avatar_group"][group["id"]] = group
    look = world.store["avatar_look"][job.id] = heygen_catalog.look(job.id, body["name"], group["id"], kind)
    return {"data": {"avatar_item": look_view(world, look), "avatar_group": group_view(world, group)}}


@avatars.get("/v3/avatars/{group_id}", "Read an avatar group.", answer=answer(_GROUP), failures=GONE)
def read_group(call: Call) -> Any:
    """A group; the training of its looks moves on by one poll."""
    group = _group(call, call.path["group_id"])
    for look in _looks_of(call.world, group["id"]):
        _poll(call.world, look)
    return {"data": group_view(call.world, group)}


def _poll(world: World, look: dict[str, Any]) -> None:
    job = look_job(world, look["id"])
    if job is not None:
        world.read(job)


@avatars.delete("/v3/avatars/{group_id}", "Delete an avatar group.", answer=answer(record({"id": NAME})), failures=(403, 404))
def delete_group(call: Call) -> Any:
    """Delete a group of the account with its looks."""
    group = _group(call, call.path["group_id"])
    _own(group, "avatar group")
    for look in _looks_of(call.world, group["id"]):
        _forget(call.world, look["id"])
    del call.world.store["avatar_group"][group["id"]]
    return {"data": {"id": group["id"]}}


def _forget(world: World, look_id: str) -> None:
    job = look_job(world, look_id)
    if job is not None:
        world.drop(job)
    del world.store["avatar_look"][look_id]


@avatars.post(
    "/v3/avatars/{group_id}/consent",
    "Ask the person behind an avatar for consent.",
    body=record(reroute_url=optional(URL), consent_video=optional(FILE), consent_text=optional(TEXT)),
    answer=answer(record({"avatar_group": _GROUP, "url": optional(TEXT)})),
    failures=GONE,
)
def ask_consent(call: Call) -> Any:
    """Ask a person for consent, by a video of it or by a page to open, and get it."""
    group, body = _group(call, call.path["group_id"]), call.body
    check_files(call, body)
    given = body.get("consent_video") is not None
    url = None if given else f"https://app.heygen.com/consent/{group['id']}"
    # Nobody opens the page of a fake, so naming it is the consent.
    group["consent_status"] = "approved"
    return {"data": {"avatar_group": group_view(call.world, group), "url": url}}


@avatars.get(
    "/v3/avatars/looks",
    "List avatar looks.",
    query={"group_id": TEXT, "avatar_type": _TYPES, "ownership": _OWNERSHIP, **paging(20, 50)},
    answer=listing(_LOOK),
)
def list_looks(call: Call) -> Any:
    """The looks, the newest first, each of which is an ``avatar_id`` for videos."""
    query = call.query
    found = [
        look
        for look in reversed(call.world.store["avatar_look"].values())
        if _owned(look, query.get("ownership")) and all(query.get(name, look[name]) == look[name] for name in ("group_id", "avatar_type"))
    ]
    return paged(call, found, lambda look: look_view(call.world, look))


@avatars.get("/v3/avatars/looks/{look_id}", "Read an avatar look.", answer=answer(_LOOK), failures=GONE)
def read_look(call: Call) -> Any:
    """A look; its training moves on by one poll."""
    look = _look(call)
    _poll(call.world, look)
    return {"data": look_view(call.world, look)}


@avatars.patch(
    "/v3/avatars/looks/{look_id}",
    "Rename an avatar look.",
    body=record(name=optional(text(255))),
    answer=answer(_LOOK),
    failures=(403, 404),
)
def rename_look(call: Call) -> Any:
    """Give a look of the account another name."""
    look = _look(call)
    _own(look, "avatar look")
    look["name"] = call.body.get("name") or look["name"]
    return {"data": look_view(call.world, look)}


@avatars.delete("/v3/avatars/looks/{look_id}", "Delete an avatar look.", answer=answer(record({"id": NAME})), failures=(403, 404))
def delete_look(call: Call) -> Any:
    """Delete a look of the account; with the last look its group goes, too."""
    look = _look(call)
    _own(look, "avatar look")
    _forget(call.world, look["id"])
    if not _looks_of(call.world, look["group_id"]):
        call.world.store["avatar_group"].pop(look["group_id"], None)
    return {"data": {"id": look["id"]}}


# Voices.

_VOICE: Final = record(
    {"voice_id": NAME, "name": TEXT, "language": TEXT, "gender": TEXT, "support_pause": TRUTH, "support_locale": TRUTH, "type": _OWNERSHIP},
    preview_audio_url=optional(TEXT),
)
_VOICE_DETAIL: Final = record(
    {"voice_id": NAME, "support_pause": TRUTH, "support_interactive_avatar": TRUTH},
    **members(("name", "language", "gender", "preview_audio_url", "failure_message"), optional(TEXT)),
    status=optional(one_of("processing", "complete", "failed")),
    created_at=optional(WHOLE),
)
_DESIGNED: Final = 3


def _voice_view(voice: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in voice.items() if name != "engine"}


@avatars.get(
    "/v3/voices",
    "List voices.",
    query={"type": {**_OWNERSHIP, "default": "public"}, **members(("engine", "language", "gender"), TEXT), **paging(20, 100)},
    answer=listing(_VOICE),
)
def list_voices(call: Call) -> Any:
    """The voices, the newest first, public ones unless others are asked for."""
    query = call.query
    found = [
        voice
        for voice in reversed(voices(call.world))
        if all(str(query.get(name, voice[name])).lower() == voice[name].lower() for name in ("type", "engine", "language", "gender"))
    ]
    return paged(call, found, _voice_view)


@avatars.post(
    "/v3/voices",
    "Find voices by a description.",
    body=record({"prompt": text(1000, 1)}, gender=optional(TEXT), locale=optional(TEXT), seed=between(0, 2**31, "integer")),
    answer=answer(record({"voices": several(_VOICE), "seed": WHOLE})),
    failures=(402,),
)
def design_voices(call: Call) -> Any:
    """Up to three voices, of the gender that is asked for if there are any; equal prompts and seeds give equal voices."""
    solvent(call)
    gender, seed = call.body.get("gender"), int(call.body.get("seed", 0))  # 1.0 is an integer in JSON Schema
    public = [voice for voice in call.world.store["voice"].values() if voice["type"] == "public"]
    fitting = [voice for voice in public if gender in (None, voice["gender"])] or public
    first = seed * _DESIGNED % len(fitting)
    charge(call, f"design_{call.world.hex_id(16)}")
    return {"data": {"voices": [_voice_view(voice) for voice in fitting[first : first + _DESIGNED]], "seed": seed}}


@avatars.post(
    "/v3/voices/clone",
    "Start to clone a voice.",
    body=record({"audio": FILE, "voice_name": NAME}, language=optional(TEXT), remove_background_noise=TRUTH),
    answer=answer(record({"voice_clone_id": NAME})),
    failures=STARTS,
)
def clone(call: Call) -> Any:
    """Start to clone a voice."""
    check_files(call, call.body)
    job = start(call, "voice_clone", title=call.body["voice_name"], language=call.body.get("language") or "English")
    return {"data": {"voice_clone_id": job.id}}


@avatars.post(
    "/v3/voices/speech",
    "Make speech from a text.",
    body=record(
        {"text": text(5000, 1), "voice_id": NAME},
        input_type=one_of("text", "ssml"),
        speed=between(0.5, 2),
        language=optional(TEXT),
        locale=optional(TEXT),
    ),
    answer=answer(record({"audio_url": NAME, "duration": NUMBER}, request_id=optional(TEXT))),
    failures=(402, 404),
)
def speak(call: Call) -> Any:
    """Make speech at once; the audio is paid for like a job."""
    body = call.body
    usable_voice(call, body["voice_id"])
    solvent(call)
    request_id = call.world.uuid()
    charge(call, request_id)
    pace = 0.4 / body.get("speed", 1)
    words = body["text"].split()
    timed = [{"word": word, "start": round(number * pace, 3), "end": round((number + 0.9) * pace, 3)} for number, word in enumerate(words)]
    url = file_url(call.world, call.root, f"heygen/speech/{request_id}.mp3")
    duration = round(len(words) * pace, 3)
    return {"data": {"audio_url": url, "duration": duration, "request_id": request_id, "word_timestamps": timed}}


@avatars.get("/v3/voices/{voice_id}", "Read a voice.", answer=answer(_VOICE_DETAIL), failures=GONE)
def read_voice(call: Call) -> Any:
    """A voice, or a clone on its way to be one, which moves on by one poll."""
    voice_id = call.path["voice_id"]
    job = call.world.jobs["voice_clone"].get(voice_id)
    shown: dict[str, Any] = {"voice_id": voice_id, "support_pause": True, "support_interactive_avatar": True}
    if job is None:
        voice = usable_voice(call, voice_id)
        return {"data": shown | {name: voice[name] for name in ("name", "language", "gender", "preview_audio_url")}}
    call.world.read(job)
    shown |= {"name": job.fields["title"], "language": job.fields["language"], "status": job.state(call.world.clock())}
    reason = failure_text(job)
    return {"data": shown | {"created_at": int(job.created)} | ({} if reason is None else {"failure_message": reason})}


@avatars.delete("/v3/voices/{voice_id}", "Delete a voice.", answer=answer(record({"voice_id": NAME})), failures=(403, 404))
def delete_voice(call: Call) -> Any:
    """Delete a voice of the account; a second time it is not found."""
    voice_id = call.path["voice_id"]
    job = call.world.jobs["voice_clone"].get(voice_id)
    if job is not None:
        call.world.drop(job)
        return {"data": {"voice_id": voice_id}}
    voice = usable_voice(call, voice_id)
    _own({"public": voice["type"] == "public"}, "voice")
    del call.world.store["voice"][voice_id]
    return {"data": {"voice_id": voice_id}}
