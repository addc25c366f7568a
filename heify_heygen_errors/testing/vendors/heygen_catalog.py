"""What an account of the fake HeyGen has from the start: voices, avatars, templates, styles; the same for every seed.

The ids are constants, so that examples and tests can use them.
"""

from __future__ import annotations

from typing import Any, Final

from heify_heygen_errors.testing.world import World

USERNAME: Final = "4d9c2b7a51e84f0c"
"""The user behind the key."""

SPACE: Final = "space_7b1f0c93"
"""The workspace of that user."""

AVATAR: Final = "Abigail_expressive_2024112501"
"""A public avatar look that videos can be made with."""

TWIN: Final = "9f2c41d07a8b4e5f9c3d2a1b0e7f6a58"
"""A digital twin of the account, with consent."""

UNCONSENTED_TWIN: Final = "3b7e90c2f5d84a61b8c0e2d4f6a81937"
"""A digital twin of the account whose person has not agreed yet."""

VOICE: Final = "1bd001e7e50f421d891986aad5158bc8"
"""A public voice."""

PHOTO: Final = "6d1f0a3c8e5b4792a0c4d8b16f3e7a95"
"""A talking photo that everybody has."""

PROJECT_FILE: Final = "0e7b4a9d2c6f4d1f8a35b9c1e6d20f47"
"""An uploaded HyperFrames project."""

TEMPLATE: Final = "c1f4b8e0a92d4c7fb3e65d1a08f7c926"
"""A template with variables for a text, a picture, an avatar and a voice."""

_CREATED: Final = 1_730_419_200  # 2024-11-01, before any clock of the fake
_CDN: Final = "https://static.heygen.ai"

# Id, name, gender.
_GROUPS: Final = (
    ("1727664083", "Abigail", "female"),
    ("1727664112", "Conrad", "male"),
    ("1727664290", "Kayla", "female"),
    ("1727664377", "Tyler", "male"),
)

# Look id, name, group, type, engines, orientation.
_LOOKS: Final = (
    (AVATAR, "Abigail (Upper Body)", "1727664083", "studio_avatar", "landscape"),
    ("Abigail_sitting_sofa_front", "Abigail Sofa Front", "1727664083", "studio_avatar", "landscape"),
    ("Conrad_sitting_businesstraining_front", "Conrad Business Training", "1727664112", "studio_avatar", "landscape"),
    ("Kayla-incasualsuit-20220818", "Kayla in Casual Suit", "1727664290", "studio_avatar", "landscape"),
    ("Tyler-incasualsuit-20220721", "Tyler in Casual Suit", "1727664377", "studio_avatar", "portrait"),
)

# Id, name, group, consent.
_TWINS: Final = (
    (TWIN, "Ada at the desk", "5b0f17c2d8e94a3fa6c1b2e3d4f50617", "approved"),
    (UNCONSENTED_TWIN, "Grace on stage", "7c9e6679f7424de5944b5c3d2a1f0e8d", "pending"),
)

# Id, name, language, gender, engine, whether it is the account's own.
_VOICES: Final = (
    (VOICE, "Cassidy", "English", "female", "starfish", False),
    ("2d5b0e6cf36f460aa7fc47e3eee4ba54", "Ray", "English", "male", "starfish", False),
    ("43cab4ecd6a84a72a0a1b6f2b1f7c0de", "Marieke", "German", "female", "starfish", False),
    ("7194df66d861492fb6cc379e99905e22", "Lucía", "Spanish", "female", "starfish", False),
    ("8661cd40d6c44c709e2d0031c0186ada", "Haruto", "Japanese", "male", "panda", False),
    ("d36f391937364307b2a9c0d8c54a6f12", "Ada's voice", "English", "female", "starfish", True),
)

AVATARS: Final = tuple(look_id for look_id, *_ in _LOOKS)
"""The public avatar looks: videos can be made with each of them, and nobody can delete them."""

VOICES: Final = tuple(voice_id for voice_id, *_, own in _VOICES if not own)
"""The public voices."""

_STYLES: Final = (
    ("style_newsroom", "Newsroom", ("professional",), "16:9"),
    ("style_paper_cut", "Paper Cut", ("handmade", "iconic-artist"), "16:9"),
    ("style_super_8", "Super 8", ("cinematic", "retro-tech"), "16:9"),
    ("style_vertical_pop", "Vertical Pop", ("social",), "9:16"),
)

_SOUNDS: Final = (
    ("music", "Morning Tram", "calm lofi hip-hop with a soft piano", 124.0, None),
    ("music", "Last Light", "slow cinematic strings that rise", 96.5, None),
    ("music", "Paper Boats", "playful ukulele and hand claps", 81.2, None),
    ("sound_effects", "Whoosh 3", "short whoosh for a change of scene", 0.9, "hit"),
    ("sound_effects", "Riser 12", "tense riser of four seconds", 4.0, "riser"),
)

LANGUAGES: Final = (
    "Arabic",
    "Chinese (Mandarin, Simplified)",
    "Dutch",
    "English",
    "English (UK)",
    "French",
    "German",
    "Hindi",
    "Italian",
    "Japanese",
    "Korean",
    "Polish",
    "Portuguese (Brazil)",
    "Spanish",
    "Spanish (Spain)",
    "Turkish",
    "Ukrainian",
)
"""Languages that videos are translated to."""


def seed(world: World) -> None:
    """Put into the world what every account finds there."""
    store = world.store
    for group_id, name, gender in _GROUPS:
        store["avatar_group"][group_id] = group(group_id, name, gender=gender, public=True, voice=VOICE)
    for look_id, name, group_id, kind, orientation in _LOOKS:
        gender = store["avatar_group"][group_id]["gender"]
        store["avatar_look"][look_id] = look(
            look_id, name, group_id, kind, gender=gender, orientation=orientation, public=True, voice=VOICE
        )
    for look_id, name, group_id, consent in _TWINS:
        store["avatar_group"][group_id] = group(group_id, name.partition(" ")[0], gender="female", consent=consent)
        store["avatar_look"][look_id] = look(look_id, name, group_id, "digital_twin", gender="female", orientation="landscape")
    for voice_id, name, language, gender, engine, own in _VOICES:
        store["voice"][voice_id] = voice(voice_id, name, language, gender, engine=engine, public=not own)
    store["talking_photo"][PHOTO] = talking_photo(PHOTO, f"{_CDN}/photo/{PHOTO}.webp", preset=True)
    store["asset"][PROJECT_FILE] = _project_file()
    store["template"][TEMPLATE] = template(TEMPLATE, "Release notes", "16:9")
    store["template"]["e7a6d0b35c1f48f2a94d7c0e8b2f6135"] = template("e7a6d0b35c1f48f2a94d7c0e8b2f6135", "Welcome to the team", "9:16")


def group(
    group_id: str,
    name: str,
    *,
    gender: str | None = None,
    public: bool = False,
    voice: str | None = None,
    consent: str | None = None,
    created: float = _CREATED,
) -> dict[str, Any]:
    """An avatar group: a person or character with one or more looks.

    The members of v3 but for ``looks_count``, ``status`` and ``error``, which follow from the looks; and ``public``.
    """
    return {
        "id": group_id,
        "name": name,
        "gender": gender,
        "preview_image_url": f"{_CDN}/avatar/{group_id}/preview.webp",
        "preview_video_url": f"{_CDN}/avatar/{group_id}/preview.mp4",
        "default_voice_id": voice,
        "consent_status": consent,
        "created_at": int(created),
        "public": public,
    }


def look(
    look_id: str,
    name: str,
    group_id: str,
    kind: str,
    *,
    gender: str | None = None,
    orientation: str | None = None,
    public: bool = False,
    voice: str | None = None,
) -> dict[str, Any]:
    """An avatar look, which videos name as ``avatar_id``.

    The members of v3 but for ``status`` and ``error``, which are those of its job; and ``public``.
    """
    width, height = (1080, 1920) if orientation == "portrait" else (1920, 1080)
    engines = ["avatar_iv"] if kind == "photo_avatar" else ["avatar_iii", "avatar_iv", "avatar_v"]
    return {
        "id": look_id,
        "name": name,
        "avatar_type": kind,
        "group_id": group_id,
        "gender": gender,
        "preview_image_url": f"{_CDN}/look/{look_id}/preview.webp",
        "preview_video_url": None if kind == "photo_avatar" else f"{_CDN}/look/{look_id}/preview.mp4",
        "default_voice_id": voice,
        "tags": ["AVATAR_IV"],
        "supported_api_engines": engines,
        "image_width": width,
        "image_height": height,
        "preferred_orientation": orientation,
        "public": public,
    }


def voice(voice_id: str, name: str, language: str, gender: str, *, engine: str = "starfish", public: bool = False) -> dict[str, Any]:
    """A voice: the members of v3, and ``engine``."""
    return {
        "voice_id": voice_id,
        "name": name,
        "language": language,
        "gender": gender,
        "preview_audio_url": f"{_CDN}/voice/{voice_id}.mp3",
        "support_pause": True,
        "support_locale": engine == "starfish",
        "type": "public" if public else "private",
        "engine": engine,
    }


def talking_photo(photo_id: str, url: str, *, preset: bool = False) -> dict[str, Any]:
    """A talking photo: the members of ``GET /v1/talking_photo.list``."""
    return {"id": photo_id, "image_url": url, "circle_image": url, "is_preset": preset}


def _project_file() -> dict[str, Any]:
    """A file that was uploaded long ago; the members of `heygen_v3_assets.new_asset`."""
    return {
        "id": PROJECT_FILE,
        "name": "release-notes.zip",
        "type": "zip",
        "mime_type": "application/zip",
        "size_bytes": 48_213,
        "status": "completed",
        "error": None,
        "owner": USERNAME,
        "space_id": SPACE,
        "folder_id": None,
        "uploaded_at": _CREATED,
        "url": f"{_CDN}/asset/{PROJECT_FILE}/original.zip",
        "key": f"heygen/asset/{PROJECT_FILE}/original.zip",
        "sha256": None,
    }


def template(template_id: str, name: str, ratio: str) -> dict[str, Any]:
    """A template: the members of v3."""
    variables: dict[str, Any] = {
        "headline": {"name": "headline", "type": "text", "properties": {"content": "What is new"}},
        "picture": {
            "name": "picture",
            "type": "image",
            "properties": {"url": f"{_CDN}/template/{template_id}.png", "asset_id": None, "fit": "cover"},
        },
        "presenter": {"name": "presenter", "type": "character", "properties": {"type": "avatar", "character_id": AVATAR}},
        "narrator": {"name": "narrator", "type": "voice", "properties": {"voice_id": VOICE}},
    }
    scenes = [
        {
            "scene_id": f"{template_id[:12]}{number}",
            "script": script,
            "variables": [{"name": used, "variable_type": variables[used]["type"]} for used in names],
        }
        for number, script, names in (
            (1, "{{headline}}", ("headline", "presenter", "narrator")),
            (2, "Here it is.", ("picture", "presenter")),
        )
    ]
    return {
        "id": template_id,
        "name": name,
        "aspect_ratio": ratio,
        "thumbnail_url": f"{_CDN}/template/{template_id}.webp",
        "created_at": _CREATED,
        "updated_at": _CREATED + 86_400,
        "variables": variables,
        "scenes": scenes,
        "scene_ids": [scene["scene_id"] for scene in scenes],
    }


def styles() -> list[dict[str, Any]]:
    """The styles of video agents."""
    return [
        {
            "style_id": style_id,
            "name": name,
            "thumbnail_url": f"{_CDN}/style/{style_id}.webp",
            "preview_video_url": f"{_CDN}/style/{style_id}.mp4",
            "tags": list(tags),
            "aspect_ratio": ratio,
        }
        for style_id, name, tags, ratio in _STYLES
    ]


def brand_kits() -> list[dict[str, Any]]:
    """The brand kits of the workspace."""
    return [
        {"brand_kit_id": "bk_5f1c", "name": "Heron", "colors": ["#0B3954", "#BFD7EA", "#FF6663"], "logo_url": f"{_CDN}/brand/bk_5f1c.png"}
    ]


def glossaries() -> list[dict[str, Any]]:
    """The brand glossaries of the workspace."""
    return [
        {
            "brand_glossary_id": "bg_20c7",
            "name": "Product names",
            "created_at": "2025-02-03T09:00:00Z",
            "updated_at": "2025-06-17T14:30:00Z",
        }
    ]


def sounds(kind: str) -> list[dict[str, Any]]:
    """The catalog of music or sound effects, the best match first; the fake finds the same whatever is asked."""
    found = [sound for sound in _SOUNDS if sound[0] == kind]
    return [
        {
            "id": f"snd_{kind[:2]}{number}",
            "name": name,
            "type": kind,
            "description": said,
            "duration": seconds,
            "score": round(0.93 - number / 20, 2),
            "audio_url": f"{_CDN}/audio/{name.lower().replace(' ', '-')}.mp3",
            "placement": placement,
            "peak_offset": None if placement is None else round(seconds / 2, 2),
        }
        for number, (_, name, said, seconds, placement) in enumerate(found)
    ]


def pictures(kind: str) -> list[dict[str, Any]]:
    """Public images or icons, the best match first; the fake finds the same whatever is asked."""
    return [
        {
            "id": f"{kind}_{number:04}",
            "type": kind,
            "url": f"{_CDN}/library/{kind}/{number:04}.png",
            "width": 512 if kind == "icon" else 1600,
            "height": 512 if kind == "icon" else 900,
            "orientation": "square" if kind == "icon" else "landscape",
            "is_transparent": kind == "icon",
        }
        for number in range(1, 26)
    ]


def profile(world: World) -> dict[str, Any]:
    """The user behind the key with what is left of the balance; v1 and v3 have the same members."""
    left = world.balance["heygen"]
    return {
        "username": USERNAME,
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Byron",
        "billing_type": "wallet",
        "wallet": {
            "currency": "usd",
            "remaining_balance": 100.0 if left is None else float(left),
            "auto_reload": {"enabled": False, "threshold_usd": None, "amount_usd": None},
        },
        "subscription": None,
        "usage_based": None,
    }
