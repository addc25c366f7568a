"""HeyGen's endpoints below /v2 that have its wrapper: ``{"error": null, "data": ...}``, the null first.

Members are those of docs.heygen.com as public clients read them; wire facts are of the vendor notes 2026-11. The notice
that v2 ends, which answers have beside ``data``, is added by `HeyGen.finished`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from heify_heygen_errors.testing.operations import Call, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, new_video
from heify_heygen_errors.testing.vendors.heygen_objects import check_files, usable_look, usable_voice, voices
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    CALLBACK,
    NAME,
    NUMBER,
    TEXT,
    TRUTH,
    URL,
    WHOLE,
    between,
    needs,
    of_known,
    one_of,
    optional,
    record,
    several,
    tagged,
    text,
    variants,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, STARTS, callbacks

SECONDS_OF_A_CREDIT: Final = 60
"""What ``remaining_quota`` counts in (docs.heygen.com: quota divided by 60 is credits)."""

v2 = Routes(HEYGEN)


def wrapped(data: Schema) -> dict[str, Any]:
    """Schema of an answer of v2."""
    return record({"error": {"type": "null"}, "data": data})


def wrap(data: Any) -> dict[str, Any]:
    """An answer of v2."""
    return {"error": None, "data": data}


# Videos.

_POINT: Final = record(x=NUMBER, y=NUMBER)
_AVATAR: Final = tagged(
    "avatar",
    {"avatar_id": NAME},
    scale=between(0, 5),
    avatar_style=one_of("normal", "circle", "closeUp"),
    offset=optional(_POINT),
    matting=TRUTH,
    circle_background_color=optional(TEXT),
)
_TALKING_PHOTO: Final = tagged(
    "talking_photo",
    {"talking_photo_id": NAME},
    scale=between(0, 5),
    talking_photo_style=optional(one_of("square", "circle")),
    talking_style=optional(one_of("stable", "expressive")),
    expression=optional(one_of("default", "happy")),
    offset=optional(_POINT),
    matting=TRUTH,
    use_avatar_iv_model=TRUTH,
)
_SPOKEN: Final = tagged(
    "text",
    {"voice_id": NAME, "input_text": text(5000, 1)},
    speed=between(0.5, 1.5),
    pitch=between(-50, 50),
    emotion=optional(one_of("Excited", "Friendly", "Serious", "Soothing", "Broadcaster")),
    locale=optional(TEXT),
)
_RECORDED: Final = needs(
    tagged("audio", audio_url=optional(TEXT), audio_asset_id=optional(TEXT)), {"audio_url": URL}, {"audio_asset_id": NAME}
)
_SILENT: Final = tagged("silence", duration=between(0.1, 100))
_FIT: Final = one_of("crop", "cover", "contain", "none")
_COLOR: Final = tagged("color", {"value": NAME})
_IMAGE: Final = needs(tagged("image", url=optional(TEXT), image_asset_id=optional(TEXT), fit=_FIT), {"url": URL}, {"image_asset_id": NAME})
_VIDEO: Final = needs(
    tagged(
        "video", url=optional(TEXT), video_asset_id=optional(TEXT), fit=_FIT, play_style=one_of("fit_to_scene", "freeze", "loop", "once")
    ),
    {"url": URL},
    {"video_asset_id": NAME},
)
_INPUT: Final = record(
    {"voice": variants(_SPOKEN, _RECORDED, _SILENT)},
    character=optional(variants(_AVATAR, _TALKING_PHOTO)),
    background=optional(variants(_COLOR, _IMAGE, _VIDEO)),
)
_EVEN: Final[Schema] = {"type": "integer", "minimum": 128, "maximum": 4096, "multipleOf": 2}
_DIMENSION: Final = optional(record({"width": _EVEN, "height": _EVEN}))
_OUTPUT: Final = {
    "title": optional(TEXT),
    "caption": TRUTH,
    "dimension": _DIMENSION,
    "folder_id": optional(TEXT),
    "test": TRUTH,
    **CALLBACK,
}
_MADE: Final = wrapped(record({"video_id": NAME}))
_GENERATE: Final = record({"video_inputs": several(_INPUT, 50, 1)}, **_OUTPUT)


@v2.post(
    "/v2/video/generate",
    "Start a video of one scene or several.",
    body=_GENERATE,
    documented=of_known(_GENERATE),
    answer=_MADE,
    failures=STARTS,
)
def generate_video(call: Call) -> Any:
    """The id of the video."""
    for scene in call.body["video_inputs"]:
        _check_scene(call, scene)
    return _start(call)


def _start(call: Call) -> dict[str, Any]:
    body = call.body
    asked = {name: body.get(name) for name in ("caption", "include_gif", "folder_id")}
    job = new_video(call, **callbacks(body), **asked)
    return wrap({"video_id": job.id})


def _check_scene(call: Call, scene: Mapping[str, Any]) -> None:
    """Check what a scene names by id.

    Raises:
        Refusal: an avatar, a voice or a file of it cannot be used.
    """
    character = scene.get("character") or {}
    if "avatar_id" in character:
        usable_look(call, character["avatar_id"])
    if "talking_photo_id" in character and character["talking_photo_id"] not in call.world.store["talking_photo"]:
        usable_look(call, character["talking_photo_id"])
    if "voice_id" in scene["voice"]:
        usable_voice(call, scene["voice"]["voice_id"])
    check_files(call, scene)


# Templates.

_TEMPLATE: Final = record({"template_id": NAME, "name": TEXT, "thumbnail_image_url": optional(TEXT), "aspect_ratio": optional(TEXT)})


@v2.get("/v2/templates", "List templates.", answer=wrapped(record({"templates": several(_TEMPLATE)})))
def list_templates(call: Call) -> Any:
    """Every template."""
    return wrap({"templates": [_listed(template) for template in call.world.store["template"].values()]})


def _listed(template: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "template_id": template["id"],
        "name": template["name"],
        "thumbnail_image_url": template["thumbnail_url"],
        "aspect_ratio": "landscape" if template["aspect_ratio"] == "16:9" else "portrait",
    }


@v2.get(
    "/v2/template/{template_id}",
    "Read the variables of a template.",
    answer=wrapped(record({"version": TEXT, "variables": ANY_OBJECT})),
    failures=GONE,
)
def read_template(call: Call) -> Any:
    """The variables by name."""
    return wrap({"version": "v2", "variables": _template(call)["variables"]})


@v2.post(
    "/v2/template/{template_id}/generate",
    "Start a video from a template.",
    body=record(
        {"variables": ANY_OBJECT},
        include_gif=TRUTH,
        enable_sharing=TRUTH,
        brand_voice_id=optional(TEXT),
        **_OUTPUT,
    ),
    answer=_MADE,
    failures=STARTS,
)
def generate_from_template(call: Call) -> Any:
    """The id of the video."""
    _template(call)
    check_files(call, call.body["variables"])
    return _start(call)


def _template(call: Call) -> dict[str, Any]:
    found = call.world.store["template"].get(call.path["template_id"])
    if found is None:
        refuse(error(HEYGEN, "template_not_found"))
    return found


# Avatars and voices.


def no_avatar(avatar_id: str) -> NoReturn:
    """Refuse a path with an avatar that does not exist.

    Raises:
        Refusal: always, with 404; the 400 that v2 is known for was seen where a body names an avatar.
    """
    refuse(error(HEYGEN, "avatar_not_found", message=f"Avatar {avatar_id} not found or no longer available."))


@v2.get(
    "/v2/avatars",
    "List avatars and talking photos.",
    answer=wrapped(
        record(
            {
                "avatars": several(record({"avatar_id": NAME, "avatar_name": TEXT, "preview_image_url": TEXT, "premium": TRUTH})),
                "talking_photos": several(record({"talking_photo_id": NAME, "talking_photo_name": TEXT, "preview_image_url": TEXT})),
            }
        )
    ),
)
def list_avatars(call: Call) -> Any:
    """Every look: photo avatars are talking photos."""
    looks = call.world.store["avatar_look"].values()
    photos = [_photo(look["id"], look["name"], look["preview_image_url"]) for look in looks if look["avatar_type"] == "photo_avatar"]
    uploads = [_photo(photo["id"], "Talking Photo", photo["image_url"]) for photo in call.world.store["talking_photo"].values()]
    avatars = [_avatar(look) for look in looks if look["avatar_type"] != "photo_avatar"]
    return wrap({"avatars": avatars, "talking_photos": photos + uploads})


def _avatar(look: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "avatar_id": look["id"],
        "avatar_name": look["name"],
        "gender": look["gender"],
        "preview_image_url": look["preview_image_url"],
        "preview_video_url": look["preview_video_url"],
        "premium": False,
        "type": None,
        "tags": look["tags"],
        "default_voice_id": look["default_voice_id"],
    }


def _photo(photo_id: str, name: str, url: str) -> dict[str, Any]:
    return {"talking_photo_id": photo_id, "talking_photo_name": name, "preview_image_url": url}


@v2.get(
    "/v2/avatar/{avatar_id}/details",
    "Read an avatar.",
    answer=wrapped(record({"type": one_of("avatar", "talking_photo"), "id": NAME, "name": TEXT, "is_public": TRUTH})),
    failures=GONE,
)
def read_avatar(call: Call) -> Any:
    """The avatar."""
    look = call.world.store["avatar_look"].get(call.path["avatar_id"])
    if look is None:
        no_avatar(call.path["avatar_id"])
    return wrap(
        {
            "type": "talking_photo" if look["avatar_type"] == "photo_avatar" else "avatar",
            "id": look["id"],
            "name": look["name"],
            "gender": look["gender"],
            "preview_image_url": look["preview_image_url"],
            "preview_video_url": look["preview_video_url"],
            "premium": False,
            "is_public": look["public"],
            "default_voice_id": look["default_voice_id"],
            "tags": look["tags"],
        }
    )


@v2.get(
    "/v2/avatar_group.list",
    "List the groups of avatars.",
    query={"include_public": {**TRUTH, "default": False}},
    answer=wrapped(
        record(
            {
                "total_count": WHOLE,
                "avatar_group_list": several(
                    record({"id": NAME, "name": TEXT, "created_at": NUMBER, "num_looks": WHOLE, "group_type": TEXT})
                ),
            }
        )
    ),
)
def list_groups(call: Call) -> Any:
    """Your own groups, and with ``include_public`` those of everybody."""
    groups = [group for group in call.world.store["avatar_group"].values() if call.query["include_public"] or not group["public"]]
    return wrap({"total_count": len(groups), "avatar_group_list": [_group(call, group) for group in groups]})


def _group(call: Call, group: Mapping[str, Any]) -> dict[str, Any]:
    looks = _looks(call, group["id"])
    photo = any(look["avatar_type"] == "photo_avatar" for look in looks)
    return {
        "id": group["id"],
        "name": group["name"],
        "created_at": group["created_at"],
        "num_looks": len(looks),
        "preview_image": group["preview_image_url"],
        "group_type": "PHOTO" if photo else "PUBLIC" if group["public"] else "PRIVATE",
        "default_voice_id": group["default_voice_id"],
    }


def _looks(call: Call, group_id: str) -> list[dict[str, Any]]:
    return [look for look in call.world.store["avatar_look"].values() if look["group_id"] == group_id]


def own_group(call: Call, group_id: str) -> dict[str, Any]:
    """A group of avatars.

    Raises:
        Refusal: there is none.
    """
    found = call.world.store["avatar_group"].get(group_id)
    if found is None:
        refuse(error(HEYGEN, "avatar_group_not_found"))
    return found


@v2.get(
    "/v2/avatar_group/{group_id}/avatars",
    "List the avatars of a group.",
    answer=wrapped(record({"avatar_list": several(ANY_OBJECT)})),
    failures=GONE,
)
def list_looks(call: Call) -> Any:
    """The looks of a group."""
    group = own_group(call, call.path["group_id"])
    return wrap(
        {
            "avatar_list": [
                {**_avatar(look), "id": look["id"], "name": look["name"], "group_id": group["id"], "image_url": look["preview_image_url"]}
                for look in _looks(call, group["id"])
            ]
        }
    )


@v2.get(
    "/v2/voices",
    "List voices.",
    answer=wrapped(
        record({"voices": several(record({"voice_id": NAME, "name": TEXT, "language": TEXT, "gender": TEXT, "preview_audio": TEXT}))})
    ),
)
def list_voices(call: Call) -> Any:
    """Every voice."""
    return wrap(
        {
            "voices": [
                {
                    "voice_id": voice["voice_id"],
                    "language": voice["language"],
                    "gender": voice["gender"],
                    "name": voice["name"],
                    "preview_audio": voice["preview_audio_url"],
                    "support_pause": voice["support_pause"],
                    "emotion_support": False,
                    "support_interactive_avatar": True,
                    "support_locale": voice["support_locale"],
                }
                for voice in voices(call.world)
            ]
        }
    )


# The account.


@v2.get(
    "/v2/user/remaining_quota",
    "Read what is left of the balance, in seconds.",
    answer=wrapped(record({"remaining_quota": WHOLE, "details": record({"api": WHOLE})})),
)
def read_quota(call: Call) -> Any:
    """Sixty for every credit."""
    left = call.world.balance[HEYGEN]
    quota = int((100 if left is None else left) * SECONDS_OF_A_CREDIT)
    return wrap({"remaining_quota": quota, "details": {"api": quota, "plan_credit": 0}})
