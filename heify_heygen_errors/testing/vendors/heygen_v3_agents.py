"""HeyGen v3: sessions of the Video Agent, in the two forms of its endpoints.

A session works on one video after the other. Each of its runs is a paid job of the kind ``agent``, which has the id of
the session; the video has an id of its own and is read like any other. In chat mode the agent asks first, so that
its first run begins with the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from heify_heygen_errors.testing.operations import Call, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, has_result, paging, result_url, room, start, video_url
from heify_heygen_errors.testing.vendors.heygen_objects import check_files, usable_look, usable_voice
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    CALLBACK,
    FILE,
    NAME,
    TEXT,
    TRUTH,
    VIDEO,
    WHOLE,
    answer,
    between,
    listing,
    members,
    of_consented,
    one_of,
    optional,
    record,
    several,
    text,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, STARTS, failure_text, paged
from heify_heygen_errors.testing.vendors.heygen_v3_videos import video
from heify_heygen_errors.testing.world import Job, World

agents = Routes(HEYGEN)

_SESSIONS: Final = "/v3/video-agents"
_OLD: Final = "/v3/video-agents/sessions"
_MESSAGES_SHOWN: Final = 40
_PROGRESS: Final = {"thinking": 10, "waiting_for_input": 20, "reviewing": 30, "generating": 60}
# The older endpoints know fewer states.
_OLD_STATES: Final = {"thinking": "processing", "waiting_for_input": "reviewing"}

_PROMPT: Final = text(10_000, 1)
_OVERRIDES: Final[Mapping[str, Schema]] = {
    **members(("avatar_id", "voice_id", "brand_kit_id"), optional(TEXT)),
    "files": optional(several(FILE, 20)),
}
_START: Final[Mapping[str, Schema]] = {
    **_OVERRIDES,
    "style_id": optional(TEXT),
    "orientation": optional(one_of("landscape", "portrait")),
    "incognito_mode": TRUTH,
    **CALLBACK,
}
_MESSAGE: Final = record(
    {"role": one_of("user", "model"), "content": TEXT, "type": one_of("text", "resource", "error")},
    created_at=optional(WHOLE),
    resource_ids=optional(several(TEXT)),
)
_RESOURCE: Final = record(
    {"resource_id": NAME, "resource_type": NAME},
    **members(("source_type", "url", "thumbnail_url", "preview_url"), optional(TEXT)),
    created_at=optional(WHOLE),
    metadata=optional(ANY_OBJECT),
)
_CREATE: Final = record({"prompt": _PROMPT}, mode=one_of("generate", "chat"), **_START)
_CREATE_OLD: Final = record({"prompt": _PROMPT}, auto_proceed=TRUTH, **_START)
_SEND: Final = record({"message": _PROMPT}, **_OVERRIDES)
_SEND_OLD: Final = record({"message": _PROMPT}, auto_proceed=TRUTH, **_OVERRIDES)
_SENT: Final = answer(record({"session_id": NAME, "run_id": NAME}, title=optional(TEXT)))


def _session_schema(*states: str) -> dict[str, Any]:
    return answer(
        record(
            {
                "session_id": NAME,
                "status": one_of(*states),
                "created_at": WHOLE,
                "progress": between(0, 100, "integer"),
                "messages": several(_MESSAGE),
            },
            title=optional(TEXT),
            video_id=optional(TEXT),
        )
    )


# Sessions.


@attrs.define(kw_only=True)
class _Session:
    """A session.

    Attributes:
        id: its id.
        chat: whether the agent asks before it works.
        title, created: what it shows.
        call_back: callback_url and callback_id.
        said: its messages, the oldest first.
        run: the run of now, None while the agent waits for an answer.
        videos: ids of its videos, the oldest first.
        seen: reads while the agent waits.
    """

    id: str
    chat: bool
    title: str
    created: float
    call_back: Mapping[str, Any]
    said: list[dict[str, Any]] = attrs.field(factory=list)
    run: Job | None = None
    videos: list[str] = attrs.field(factory=list)
    seen: int = 0

    def say(self, role: str, content: str, now: float) -> None:
        """Add a message."""
        self.said.append(_message(role, "text", content, now))

    def state(self, now: float) -> str:
        """Its state, in the words of the newer endpoints."""
        if self.run is not None:
            return self.run.state(now)
        return "thinking" if self.seen < 1 else "waiting_for_input"

    def messages(self) -> list[dict[str, Any]]:
        """The newest messages, the newest first, with what became of the run."""
        return [*self.said, *self.endings()][: -_MESSAGES_SHOWN - 1 : -1]

    def endings(self) -> list[dict[str, Any]]:
        """What is said when the run is over; nothing while it lasts, and when it failed without a reason."""
        run = self.run
        if run is None or run.ended is None:
            return []
        if has_result(run):
            return [_message("model", "resource", "Your video is ready.", run.ended, [_resource_id(self.videos[-1])])]
        reason = failure_text(run)
        return [] if reason is None else [_message("model", "error", reason, run.ended)]


def _message(role: str, kind: str, content: str, now: float, resource_ids: list[str] | None = None) -> dict[str, Any]:
    return {"role": role, "type": kind, "content": content, "created_at": int(now), "resource_ids": resource_ids}


def _resource_id(video: str) -> str:
    return f"res_{video[:16]}"


def _sessions(world: World) -> list[_Session]:
    return [entry["session"] for entry in world.store["agent_session"].values()]


def _find(call: Call) -> _Session:
    entry = call.world.store["agent_session"].get(call.path["session_id"])
    if entry is None:
        refuse(error(HEYGEN, "resource_not_found", message="Session not found"))
    session: _Session = entry["session"]
    return session


def _open(call: Call, *, chat: bool) -> _Session:
    body = call.body
    _check(call, body)
    room(call)
    world = call.world
    session = _Session(
        id=f"sess_{world.hex_id(24)}",
        chat=chat,
        title=" ".join(body["prompt"].split()[:6])[:80],
        created=world.clock(),
        call_back={name: body.get(name) for name in CALLBACK},
    )
    session.say("user", body["prompt"], world.clock())
    if not chat:
        _run(call, session)
    world.store["agent_session"][session.id] = {"session": session}
    return session


def _check(call: Call, body: Mapping[str, Any]) -> None:
    """Check what a prompt or message names.

    Raises:
        Refusal: an avatar, a voice or a file of it cannot be used.
    """
    if body.get("avatar_id") is not None:
        usable_look(call, body["avatar_id"])
    if body.get("voice_id") is not None:
        usable_voice(call, body["voice_id"])
    check_files(call, body.get("files"))


def _run(call: Call, session: _Session) -> Job:
    """Start to work on the next video of a session."""
    video_id = call.world.hex_id()
    run = start(call, "agent", session.id, title=session.title, **session.call_back, video_id=video_id)
    session.said += session.endings()
    session.run = run
    session.videos.append(video_id)
    call.world.store["agent_video"][video_id] = {"job": run}
    return run


def _send(call: Call, session: _Session) -> Any:
    """Take a message of the user, which begins the next run."""
    _check(call, call.body)
    if not session.chat:
        refuse(error(HEYGEN, "conflict", message="Messages can be sent to sessions in chat mode only."))
    if session.run is not None and not session.run.is_over:
        refuse(error(HEYGEN, "resource_not_ready", message="The agent is still at work on the last message."))
    _run(call, session)
    session.say("user", call.body["message"], call.world.clock())
    return {"data": {"session_id": session.id, "run_id": f"run_{call.world.hex_id(16)}", "title": session.title}}


def _show(call: Call, session: _Session, states: Mapping[str, str]) -> Any:
    """A session as a read finds it, which moves its run on by one poll."""
    now = call.world.clock()
    if session.run is not None:
        call.world.read(session.run)
    state = session.state(now)
    session.seen += 1
    if session.run is None and session.seen == 1:
        session.say("model", "Who is the video for, and how long may it be?", now)
    return {
        "data": {
            "session_id": session.id,
            "status": states.get(state, state),
            "progress": _PROGRESS.get(state, 100),
            "title": session.title,
            "video_id": session.videos[-1] if session.videos else None,
            "created_at": int(session.created),
            "messages": session.messages(),
        }
    }


def _stop(call: Call) -> Any:
    """Stop the run of a session: the job fails without a reason, and a chat waits for the next message."""
    session = _find(call)
    run = session.run
    if run is not None and not run.is_over:
        run.plan = attrs.evolve(run.plan, fails=None, silent=True)
        call.world.end(run)
        session.say("model", "Stopped.", call.world.clock())
        session.run = None if session.chat else run
    return {"data": {"session_id": session.id}}


def _resources(world: World, session: _Session) -> list[dict[str, Any]]:
    """What a session has made: its finished videos, the newest first."""
    runs = [(video_id, world.store["agent_video"].get(video_id)) for video_id in reversed(session.videos)]
    return [
        {
            "resource_id": _resource_id(video_id),
            "resource_type": "video",
            "source_type": "generated",
            "url": video_url(world, made["job"]),
            "thumbnail_url": result_url(world, made["job"], "{id}.jpg"),
            "preview_url": None,
            "created_at": int(made["job"].ended),
            "metadata": {"video_id": video_id},
        }
        for video_id, made in runs
        if made is not None and has_result(made["job"])
    ]


# The newer endpoints.


@agents.post(
    _SESSIONS,
    "Start a session of the Video Agent.",
    body=_CREATE,
    documented=of_consented(_CREATE),
    answer=answer(
        record(
            {"session_id": NAME, "status": one_of("generating", "thinking", "completed", "failed"), "created_at": WHOLE},
            video_id=optional(TEXT),
        )
    ),
    failures=STARTS,
)
def create_session(call: Call) -> Any:
    """Start a session; unless it is a chat, the video is begun at once and has its id."""
    session = _open(call, chat=call.body.get("mode") == "chat")
    video_id = session.videos[-1] if session.videos else None
    status = "thinking" if session.chat else "generating"
    return {"data": {"session_id": session.id, "status": status, "video_id": video_id, "created_at": int(session.created)}}


@agents.get(
    _SESSIONS,
    "List sessions.",
    query=paging(20, 100),
    answer=listing(record({"session_id": NAME, "created_at": WHOLE}, title=optional(TEXT))),
)
def list_sessions(call: Call) -> Any:
    """The sessions, the newest first."""
    found = _sessions(call.world)[::-1]
    return paged(call, found, lambda one: {"session_id": one.id, "title": one.title, "created_at": int(one.created)})


@agents.get(
    f"{_SESSIONS}/{{session_id}}",
    "Read a session.",
    answer=_session_schema("thinking", "waiting_for_input", "reviewing", "generating", "completed", "failed"),
    failures=GONE,
)
def read_session(call: Call) -> Any:
    """A session with its newest messages; why it failed is a message of the type error."""
    return _show(call, _find(call), {})


@agents.post(
    f"{_SESSIONS}/{{session_id}}",
    "Send a message to a session in chat mode.",
    body=_SEND,
    documented=of_consented(_SEND),
    answer=_SENT,
    failures=STARTS,
)
def send_message(call: Call) -> Any:
    """Answer the agent, or ask for changes."""
    return _send(call, _find(call))


@agents.get(f"{_SESSIONS}/{{session_id}}/videos", "List the videos of a session.", answer=listing(VIDEO), failures=GONE)
def list_session_videos(call: Call) -> Any:
    """The videos of a session, the newest first."""
    made = [call.world.store["agent_video"].get(video_id) for video_id in reversed(_find(call).videos)]
    return {"data": [video(call.world, one["job"]) for one in made if one is not None], "has_more": False, "next_token": None}


@agents.get(
    f"{_SESSIONS}/{{session_id}}/resources/{{resource_id}}",
    "Read a resource of a session.",
    answer=answer(_RESOURCE),
    failures=GONE,
)
def read_resource(call: Call) -> Any:
    """One thing that a session has made."""
    found = _resources(call.world, _find(call))
    one = next((made for made in found if made["resource_id"] == call.path["resource_id"]), None)
    if one is None:
        refuse(error(HEYGEN, "resource_not_found", message="Session resource not found"))
    return {"data": one}


@agents.get(
    f"{_SESSIONS}/styles",
    "List styles.",
    query={"tag": TEXT, **paging(20, 100)},
    answer=listing(record({"style_id": NAME, "name": TEXT}, tags=optional(several(TEXT)))),
)
def list_styles(call: Call) -> Any:
    """The styles that sessions can be given."""
    tag = call.query.get("tag")
    return paged(call, [style for style in heygen_catalog.styles() if tag is None or tag in style["tags"]])


# The older ones.


@agents.post(
    _OLD,
    "Start an interactive session.",
    body=_CREATE_OLD,
    documented=of_consented(_CREATE_OLD),
    answer=answer(record({"session_id": NAME, "created_at": WHOLE})),
    failures=STARTS,
)
def create_old_session(call: Call) -> Any:
    """Start a session that asks before it works, unless it may go on by itself."""
    session = _open(call, chat=True)
    if call.body.get("auto_proceed"):
        _run(call, session)
    return {"data": {"session_id": session.id, "created_at": int(session.created)}}


@agents.get(
    f"{_OLD}/{{session_id}}",
    "Read an interactive session.",
    answer=_session_schema("processing", "reviewing", "generating", "completed", "failed"),
    failures=GONE,
)
def read_old_session(call: Call) -> Any:
    """A session in the states of the older endpoints."""
    return _show(call, _find(call), _OLD_STATES)


@agents.post(
    f"{_OLD}/{{session_id}}/messages",
    "Send a message to an interactive session.",
    body=_SEND_OLD,
    documented=of_consented(_SEND_OLD),
    answer=_SENT,
    failures=STARTS,
)
def send_old_message(call: Call) -> Any:
    """Answer the agent, or ask for changes."""
    return _send(call, _find(call))


@agents.get(
    f"{_OLD}/{{session_id}}/resources",
    "List the resources of an interactive session.",
    query={"resource_ids": TEXT, "type": TEXT, "source": TEXT, **paging(8, 100)},
    answer=answer(record({"resources": several(_RESOURCE)}, next_cursor=optional(TEXT))),
    failures=GONE,
)
def list_resources(call: Call) -> Any:
    """What a session has made; the token for the next page stands inside ``data``."""
    wanted = {"type": "resource_type", "source": "source_type"}
    found = [
        made
        for made in _resources(call.world, _find(call))
        if all(call.query.get(name, made[member]) == made[member] for name, member in wanted.items())
        and made["resource_id"] in (call.query.get("resource_ids") or made["resource_id"]).split(",")
    ]
    page = paged(call, found)
    return {"data": {"resources": page["data"], "next_cursor": page["next_token"]}}


for _path in (_SESSIONS, _OLD):
    agents.post(
        f"{_path}/{{session_id}}/stop",
        "Stop what a session is doing.",
        answer=answer(record({"session_id": NAME})),
        failures=GONE,
    )(_stop)
