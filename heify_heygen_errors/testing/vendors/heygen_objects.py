"""What requests to HeyGen name by id: avatars, voices, files. Whether they exist, and whether they can be used yet."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from heify_heygen_errors.testing.operations import Call, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN
from heify_heygen_errors.testing.world import Job, World

# Members of requests that hold the id of an uploaded file without an object around it.
_ASSET_MEMBERS: Final = frozenset({"asset_id", "audio_asset_id", "image_asset_id", "video_asset_id"})


# Where avatars that do not exist were seen to be refused with 400 (vendor notes 2026-11, section a, 3 and 3b).
_BAD_REQUEST: Final = "/v2/video/generate"


def _gone(call: Call, code: str, message: str) -> NoReturn:
    refuse(error(HEYGEN, code, message=message, status=400 if call.received.path == _BAD_REQUEST else 404))


# Avatars.


def look_job(world: World, look_id: str) -> Job | None:
    """The job that trains or generates a look, None for looks that were there from the start."""
    return world.jobs["avatar"].get(look_id)


def look_status(world: World, look: dict[str, Any]) -> str:
    """The state of a look: processing, pending_consent, failed or completed."""
    job = look_job(world, look["id"])
    if job is not None and not job.is_over:
        return "processing"
    if job is not None and job.has_failed:
        return "failed"
    group = world.store["avatar_group"].get(look["group_id"])
    if look["avatar_type"] == "digital_twin" and (group is None or group["consent_status"] != "approved"):
        return "pending_consent"
    return "completed"


def usable_look(call: Call, look_id: str) -> dict[str, Any]:
    """The look that a video is to be made with.

    Raises:
        Refusal: there is none, it is still in training, its training failed, or its person has not agreed.
    """
    look = call.world.store["avatar_look"].get(look_id)
    if look is None:
        _gone(call, "avatar_not_found", f"Avatar {look_id} not found or no longer available.")
    status = look_status(call.world, look)
    if status == "processing":
        refuse(error(HEYGEN, "resource_not_ready", message=f"Avatar {look_id} is still processing."))
    if status == "failed":
        refuse(error(HEYGEN, "avatar_not_usable"))
    if status == "pending_consent":
        refuse(error(HEYGEN, "avatar_consent_required"))
    return look


# Voices.


def voices(world: World) -> list[dict[str, Any]]:
    """Every voice that can be used: those of the store and the clones that are complete."""
    clones = [clone_voice(job) for job in world.jobs["voice_clone"].values() if job.is_over and not job.has_failed]
    return [*world.store["voice"].values(), *clones]


def clone_voice(job: Job) -> dict[str, Any]:
    """The voice that a clone becomes."""
    return {
        "voice_id": job.id,
        "name": job.fields["title"],
        "language": job.fields["language"],
        "gender": "unknown",
        "preview_audio_url": f"https://static.heygen.ai/voice/{job.id}.mp3",
        "support_pause": True,
        "support_locale": False,
        "type": "private",
        "engine": "starfish",
    }


def usable_voice(call: Call, voice_id: str) -> dict[str, Any]:
    """The voice that is to speak.

    Raises:
        Refusal: there is none, or it is a clone that is not complete.
    """
    job = call.world.jobs["voice_clone"].get(voice_id)
    if job is not None:
        if not job.is_over:
            refuse(error(HEYGEN, "resource_not_ready", message=f"Voice {voice_id} is still processing."))
        if job.has_failed:
            refuse(error(HEYGEN, "voice_unavailable"))
        return clone_voice(job)
    voice = call.world.store["voice"].get(voice_id)
    if voice is None:
        _gone(call, "voice_not_found", f"Voice {voice_id} not found.")
    return voice


# Files.


def usable_asset(call: Call, asset_id: str) -> dict[str, Any]:
    """An uploaded file.

    Raises:
        Refusal: there is none, or its upload was not completed.
    """
    asset = call.world.store["asset"].get(asset_id)
    if asset is None:
        refuse(error(HEYGEN, "asset_not_found", message=f"Asset {asset_id} not found."))
    if asset["status"] == "pending_upload":
        refuse(error(HEYGEN, "resource_not_ready", message=f"Asset {asset_id} is not uploaded yet."))
    return asset


def check_files(call: Call, body: Any) -> None:
    """Check every file that a request names by ``asset_id``, at any depth.

    Raises:
        Refusal: see `usable_asset`.
    """
    if isinstance(body, list):
        for item in body:
            check_files(call, item)
        return
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        if name in _ASSET_MEMBERS and isinstance(value, str):
            usable_asset(call, value)
        else:
            check_files(call, value)
