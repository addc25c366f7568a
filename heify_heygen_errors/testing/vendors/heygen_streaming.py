"""HeyGen's streaming endpoints below /v1, which LiveAvatar has replaced: sessions that are opened, spoken through and closed.

The codes 10001 to 10015 are of HeyGen's legacy error table; which of them an endpoint says in which state is an
assumption, as no body of them has been seen in public (vendor notes 2026-11, gaps).
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, charge, solvent
from heify_heygen_errors.testing.vendors.heygen_objects import usable_voice
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    NAME,
    NUMBER,
    TEXT,
    TRUTH,
    WHOLE,
    between,
    one_of,
    optional,
    record,
    several,
    text,
)
from heify_heygen_errors.testing.vendors.heygen_v1 import NOTHING, done, flat

CONCURRENT_SESSIONS: Final = 3
"""Sessions that may be open at once on trial (vendor notes 2026-11, section c)."""

_SESSIONS: Final = "streaming_session"
_LONGEST: Final = 600

# What a session says of its state where it is not the one that is asked for.
_WRONG_STATE: Final = {"new": "10001", "connected": "10003", "closed": "10005"}

streaming = Routes(HEYGEN)


def _token(call: Call, **claims: Any) -> str:
    """A token as HeyGen's look: JSON in base64."""
    return b64encode(json.dumps({"token": call.world.hex_id(), **claims}, separators=(",", ":")).encode()).decode()


@streaming.post("/v1/streaming.create_token", "Get a token for the client's side of one session.", answer=flat(record({"token": NAME})))
def create_token(call: Call) -> Any:
    """The token. No body is needed; one of another type is refused by the framework."""
    kind = call.received.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.received.body and kind != "application/json":
        message = f"Unsupported media type '{kind}' in request. 'application/json' is required."
        refuse(error(HEYGEN, "UNSUPPORTED_MEDIA_TYPE", message=message, shape="framework"))
    return done({"token": _token(call, created_at=int(call.world.clock()))})


_VOICE: Final = record(voice_id=optional(NAME), rate=optional(between(0.5, 1.5)), emotion=optional(TEXT))
_NEW: Final[Schema] = record(
    avatar_id=optional(NAME),
    avatar_name=optional(NAME),
    quality=optional(one_of("low", "medium", "high")),
    voice=optional(_VOICE),
    version=optional(one_of("v1", "v2")),
    video_encoding=optional(one_of("H264", "VP8")),
    knowledge_base_id=optional(TEXT),
    disable_idle_timeout=optional(TRUTH),
    activity_idle_timeout=optional(between(30, 3600, "integer")),
)
_SESSION: Final = record(
    {
        "session_id": NAME,
        "sdp": record({"type": TEXT, "sdp": NAME}),
        "ice_servers": several(TEXT),
        "ice_servers2": several(ANY_OBJECT),
        "url": NAME,
        "access_token": NAME,
        "is_paid": TRUTH,
        "session_duration_limit": WHOLE,
    }
)


@streaming.post("/v1/streaming.new", "Open a session.", body=_NEW, answer=flat(_SESSION), failures=(402, 429))
def open_session(call: Call) -> Any:
    """The session with the two ways to it: LiveKit, and SDP with ICE servers."""
    body = call.body
    avatar_id = body.get("avatar_id") or body.get("avatar_name")
    if avatar_id is not None and avatar_id not in call.world.store["avatar_look"]:
        refuse(error(HEYGEN, "10012"))
    voice_id = (body.get("voice") or {}).get("voice_id")
    if voice_id is not None:
        usable_voice(call, voice_id)
    _room(call)
    session_id = call.world.uuid()
    call.world.store[_SESSIONS][session_id] = {"session_id": session_id, "status": "new", "created_at": int(call.world.clock())}
    charge(call, session_id)
    # Reserved names (RFC 6761): no client can reach a foreign host by them.
    host = "streaming.invalid"
    return done(
        {
            "session_id": session_id,
            "sdp": {"type": "offer", "sdp": _sdp(call)},
            "ice_servers": [f"stun:{host}:3478"],
            "ice_servers2": [
                {"urls": [f"turn:{host}:3478?transport=udp"], "username": session_id, "credential": call.world.hex_id(16)},
            ],
            "url": f"wss://{host}",
            "access_token": _token(call, session_id=session_id),
            "realtime_endpoint": f"wss://{host}/v1/ws/streaming.chat?session_id={session_id}",
            "is_paid": False,
            "session_duration_limit": _LONGEST,
        }
    )


def _sdp(call: Call) -> str:
    """An offer of one video stream and one sound stream (RFC 8866)."""
    number = call.world.random.getrandbits(62)
    lines = ("v=0", f"o=- {number} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 96")
    return "\r\n".join((*lines, ""))


def _room(call: Call) -> None:
    """Check that one more session may be opened.

    Raises:
        Refusal: as many are open as may be, or the balance is used up.
    """
    limited = HEYGEN in call.world.store["allowance"]
    if limited and len(_open(call)) >= CONCURRENT_SESSIONS:
        refuse(error(HEYGEN, "10007"))
    solvent(call)


def _open(call: Call) -> list[dict[str, Any]]:
    """The sessions that are not closed."""
    return [session for session in call.world.store[_SESSIONS].values() if session["status"] != "closed"]


def _session(call: Call, *states: str) -> dict[str, Any]:
    """The session that a request names.

    Raises:
        Refusal: there is none, or it is in none of these states.
    """
    session = call.world.store[_SESSIONS].get(call.body["session_id"])
    if session is None:
        refuse(error(HEYGEN, "10006"))
    if session["status"] not in states:
        refuse(error(HEYGEN, _WRONG_STATE[session["status"]], status=409))
    return session


_BY_ID: Final = {"session_id": NAME}


@streaming.post("/v1/streaming.start", "Answer the offer of a session.", body=record(_BY_ID, sdp=optional(ANY_OBJECT)), answer=NOTHING)
def start_session(call: Call) -> Any:
    """Nothing; the session is connected."""
    _session(call, "new")["status"] = "connected"
    return done(None)


@streaming.post("/v1/streaming.ice", "Send an ICE candidate.", body=record(_BY_ID, candidate=optional(ANY_OBJECT)), answer=NOTHING)
def send_candidate(call: Call) -> Any:
    """Nothing."""
    _session(call, "new", "connected")
    return done(None)


@streaming.post(
    "/v1/streaming.task",
    "Have the avatar say something.",
    body=record(
        {"text": text(5000, 1)},
        session_id=optional(TEXT),
        task_type=optional(one_of("talk", "repeat", "chat")),
        task_mode=optional(one_of("sync", "async")),
    ),
    answer=flat(record({"task_id": NAME, "duration_ms": NUMBER})),
)
def speak(call: Call) -> Any:
    """The task, which takes as long as its text. Without a session the key is told to be wrong (vendor notes 2026-11, d)."""
    if not call.body.get("session_id"):
        refuse(error(HEYGEN, "400112"))
    _session(call, "connected")
    return done({"task_id": call.world.uuid(), "duration_ms": 60.0 * len(call.body["text"])})


@streaming.post("/v1/streaming.interrupt", "Have the avatar stop speaking.", body=record(_BY_ID), answer=NOTHING)
def interrupt(call: Call) -> Any:
    """Nothing."""
    _session(call, "connected")
    return done(None)


@streaming.post("/v1/streaming.stop", "Close a session.", body=record(_BY_ID), answer=NOTHING)
def close_session(call: Call) -> Any:
    """Nothing; a session that is closed stays so."""
    _session(call, "new", "connected")["status"] = "closed"
    return done(None)


@streaming.get(
    "/v1/streaming.list",
    "List the open sessions.",
    answer=flat(record({"sessions": several(record({"session_id": NAME, "status": TEXT, "created_at": WHOLE}))})),
)
def list_sessions(call: Call) -> Any:
    """Every open session."""
    return done({"sessions": [{**session, "api_key_type": "trial", "is_paid": False} for session in _open(call)]})


@streaming.get(
    "/v1/streaming/avatar.list",
    "List the avatars that can be streamed.",
    answer=flat(several(record({"avatar_id": NAME, "pose_name": TEXT, "normal_preview": TEXT, "status": TEXT, "is_public": TRUTH}))),
)
def list_avatars(call: Call) -> Any:
    """Every avatar that is no photo."""
    return done([_avatar(look) for look in call.world.store["avatar_look"].values() if look["avatar_type"] != "photo_avatar"])


def _avatar(look: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "avatar_id": look["id"],
        "pose_name": look["name"],
        "normal_preview": look["preview_image_url"],
        "default_voice": look["default_voice_id"],
        "status": "ACTIVE",
        "is_public": look["public"],
        "created_at": 1_730_419_200,
    }
