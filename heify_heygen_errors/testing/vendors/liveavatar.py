"""The fake LiveAvatar: session tokens, sessions with their transcripts, and the lists that they draw on.

LiveAvatar publishes no API document and no table of codes. What is known: success is code 1000, session calls take the
session's token, 4003 is both a missing credential and the limit of sessions, 4010 a wrong credential, and bodies are
checked by FastAPI (vendor notes 2026-11). Constants that nobody published say so.
"""

# The server tells every vendor the same, and this one needs less of it than others.
# ruff: noqa: ARG002

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from typing import Any, Final

from heify_heygen_errors.catalog.entries import Endpoint
from heify_heygen_errors.testing.operations import Call, Operation, Problem, Received, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import Reply, VendorError, error
from heify_heygen_errors.testing.vendors.vendor import Settings, Vendor, iso_time
from heify_heygen_errors.testing.words import Words
from heify_heygen_errors.testing.world import Job, JobPlan, World

CONCURRENT_SESSIONS: Final = 3
"""Sessions that may run at once. An assumption: the number belongs to the plan, and plans are not documented."""

REQUESTS_PER_SECOND: Final = 100
"""Requests to one endpoint in one second. An assumption: docs.liveavatar.com tells of the window, not of the number."""

IDLE_SECONDS: Final = 300
"""Seconds without a keep-alive after which a session ends. An assumption."""

LONGEST_SESSION: Final = 1200
"""Seconds after which every session ends. An assumption."""

AVATAR: Final = "32833106-536e-45df-80b2-d002cc92d33d"
"""A public avatar, the same for every seed, so that examples and tests can use its id."""

VOICE: Final = "f08db22f-d293-456a-b170-fab23d90fbac"
"""A voice, the same for every seed."""

# Id, name, whether everybody may use it.
_ALL_AVATARS: Final = (
    (AVATAR, "Ann Therapist", True),
    ("f3faa8e8-79ea-4723-8ad5-cfbc1d74bd1c", "Bryan Tech Expert", True),
    ("3ce1268c-9c80-42e3-bfec-3fee8ed2305d", "June HR", True),
    ("a93f32a9-a172-4102-8e4e-dc90253d9e30", "Your Twin", False),
)

# Id, name, language, gender.
_ALL_VOICES: Final = (
    (VOICE, "Ann", "en", "female"),
    ("47aa2dba-d9e2-4c8d-809f-001680289e32", "Bryan", "en", "male"),
    ("7f453a0e-f509-4b4f-95de-6e91074206e2", "June", "de", "female"),
)

_PROVIDER: Final = "liveavatar"
_AVATARS: Final = "liveavatar_avatar"
_VOICES: Final = "liveavatar_voice"
_CONTEXTS: Final = "liveavatar_context"
_SECRETS: Final = "liveavatar_secret"
_SESSIONS: Final = "liveavatar_session"
_TOKENS: Final = "liveavatar_token"

_RUNNING: Final = "active"
_LAST_TIME: Final = 253_402_300_799_999  # the end of the year 9999 in milliseconds

# Schemas.

_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 255}
_UUID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}
_UUID_OR_NULL: Final[Schema] = {"anyOf": [_UUID, {"type": "null"}]}
_LINKS: Final[Schema] = {
    "type": "array",
    "items": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string", "minLength": 1}, "faq": _TEXT_OR_NULL}},
}


def _object(properties: Mapping[str, Schema], *optional: str) -> Schema:
    return {"type": "object", "required": [name for name in properties if name not in optional], "properties": dict(properties)}


def _success(data: Schema) -> Schema:
    return _object({"code": {"const": 1000}, "data": data, "message": _TEXT})


def _page_of(item: Schema) -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    results: Schema = {"type": "array", "items": item}
    return _success(_object({"count": count, "next": _TEXT_OR_NULL, "previous": _TEXT_OR_NULL, "results": results}))


_AVATAR: Final = _object({"id": _TEXT, "name": _TEXT, "preview_url": _TEXT, "status": _TEXT, "is_public": {"type": "boolean"}})
_VOICE: Final = _object({"id": _TEXT, "name": _TEXT, "language": _TEXT, "gender": _TEXT})
_CONTEXT: Final = _object({"id": _TEXT, "name": _TEXT, "prompt": _TEXT, "opening_text": _TEXT, "links": {"type": "array"}})
_SESSION: Final = _object({"id": _TEXT, "status": _TEXT, "mode": _TEXT, "avatar_id": _TEXT, "created_at": _TEXT, "ended_at": _TEXT_OR_NULL})
_NOTHING: Final = _success({"type": "null"})
_PAGING: Final[Mapping[str, Schema]] = {
    "page": {"type": "integer", "minimum": 1, "maximum": 100_000, "default": 1},
    "page_size": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
}
_TOKEN_REQUEST: Final[Schema] = {
    "type": "object",
    "required": ["mode", "avatar_id"],
    "properties": {
        "mode": {"type": "string", "enum": ["FULL", "LITE", "CUSTOM"]},
        "avatar_id": _UUID,
        "avatar_persona": {
            "type": ["object", "null"],
            "properties": {"voice_id": _UUID_OR_NULL, "context_id": _UUID_OR_NULL, "language": _TEXT_OR_NULL},
        },
        "is_sandbox": {"type": ["boolean", "null"]},
    },
}
_CONTEXT_FIELDS: Final[Mapping[str, Schema]] = {"name": _NAME, "prompt": _TEXT, "opening_text": _TEXT, "links": _LINKS}

# What it says. The numbers are of the catalog; where that has none, the words are the web framework's or our own.


def _said(status: int, message: str) -> VendorError:
    return VendorError(words=Words(provider=_PROVIDER, status=status, message=message), shape="framework")


def _missing(what: str) -> VendorError:
    return _said(404, f"{what} not found")


def _not_started(message: str) -> VendorError:
    return error(_PROVIDER, "4000", status=409, message=message)


def _data(data: Any, message: str = "Success") -> dict[str, Any]:
    return {"code": 1000, "data": data, "message": message}


def _page(call: Call, items: list[dict[str, Any]]) -> dict[str, Any]:
    number, size = call.query["page"], call.query["page_size"]

    def link(page: int) -> str:
        return f"{call.base}{call.received.path}?page={page}&page_size={size}"

    start = (number - 1) * size
    return _data(
        {
            "count": len(items),
            "next": link(number + 1) if start + size < len(items) else None,
            "previous": link(number - 1) if number > 1 else None,
            "results": items[start : start + size],
        }
    )


def _found(call: Call, kind: str, what: str, wanted: str) -> dict[str, Any]:
    """An object by its id.

    Raises:
        Refusal: there is none.
    """
    known = call.world.store[kind].get(wanted)
    return refuse(_missing(what)) if known is None else known


live = Routes(_PROVIDER)

# Avatars and voices.


@live.get("/v1/avatars", "List your own avatars.", query=_PAGING, answer=_page_of(_AVATAR))
def list_avatars(call: Call) -> Any:
    """Your own avatars, page by page."""
    return _page(call, [avatar for avatar in call.world.store[_AVATARS].values() if not avatar["is_public"]])


@live.get("/v1/avatars/public", "List the avatars that everybody may use.", query=_PAGING, answer=_page_of(_AVATAR))
def list_public_avatars(call: Call) -> Any:
    """The public avatars, page by page."""
    return _page(call, [avatar for avatar in call.world.store[_AVATARS].values() if avatar["is_public"]])


@live.get("/v1/voices", "List voices.", query=_PAGING, answer=_page_of(_VOICE))
def list_voices(call: Call) -> Any:
    """The voices, page by page."""
    return _page(call, list(call.world.store[_VOICES].values()))


# Contexts and secrets.


@live.get("/v1/contexts", "List contexts.", query=_PAGING, answer=_page_of(_CONTEXT))
def list_contexts(call: Call) -> Any:
    """The contexts, page by page."""
    return _page(call, list(call.world.store[_CONTEXTS].values()))


@live.post(
    "/v1/contexts",
    "Make a context: what an avatar knows and says first.",
    body={"type": "object", "required": ["name", "prompt", "opening_text"], "properties": dict(_CONTEXT_FIELDS)},
    answer=_success(_CONTEXT),
)
def create_context(call: Call) -> Any:
    """A new context."""
    return _data(_new_context(call, {"links": [], **_of_context(call.body)}), "Context created successfully")


@live.get("/v1/contexts/{context_id}", "Read a context.", answer=_success(_CONTEXT))
def read_context(call: Call) -> Any:
    """A context."""
    return _data(_found(call, _CONTEXTS, "Context", call.path["context_id"]))


@live.patch(
    "/v1/contexts/{context_id}",
    "Change a context.",
    body={"type": "object", "properties": dict(_CONTEXT_FIELDS)},
    answer=_success(_CONTEXT),
)
def change_context(call: Call) -> Any:
    """The context with the members that were sent."""
    context = _found(call, _CONTEXTS, "Context", call.path["context_id"])
    context.update(_of_context(call.body), updated_at=iso_time(call.world.clock()))
    return _data(context, "Context updated successfully")


@live.post("/v1/contexts/{context_id}/copy", "Make a copy of a context.", answer=_success(_CONTEXT))
def copy_context(call: Call) -> Any:
    """A new context with the content of another one."""
    original = _of_context(_found(call, _CONTEXTS, "Context", call.path["context_id"]))
    return _data(_new_context(call, {**original, "name": f"{original['name']} (copy)"}), "Context copied successfully")


def _of_context(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: members[name] for name in _CONTEXT_FIELDS if name in members}


def _new_context(call: Call, members: Mapping[str, Any]) -> dict[str, Any]:
    now = iso_time(call.world.clock())
    context = {"id": call.world.uuid(), **members, "created_at": now, "updated_at": now}
    call.world.store[_CONTEXTS][context["id"]] = context
    return context


@live.post(
    "/v1/secrets",
    "Keep a key of another service.",
    body={
        "type": "object",
        "required": ["secret_name", "secret_type", "secret_value"],
        "properties": {"secret_name": _NAME, "secret_type": _NAME, "secret_value": {"type": "string", "minLength": 1}},
    },
    answer=_success(_object({"id": _TEXT, "secret_name": _TEXT, "secret_type": _TEXT, "created_at": _TEXT})),
)
def create_secret(call: Call) -> Any:
    """The secret without its value, which is never shown."""
    secret = {
        "id": call.world.uuid(),
        "secret_name": call.body["secret_name"],
        "secret_type": call.body["secret_type"],
        "created_at": iso_time(call.world.clock()),
    }
    call.world.store[_SECRETS][secret["id"]] = secret
    return _data(secret, "Secret created successfully")


# Sessions.


@live.post(
    "/v1/sessions/token",
    "Get the token of a new session.",
    body=_TOKEN_REQUEST,
    answer=_success(_object({"session_id": _TEXT, "session_token": _TEXT})),
)
def create_token(call: Call) -> Any:
    """A session that has not been started, and the token for it."""
    body = call.body
    persona = body.get("avatar_persona") or {}
    _found(call, _AVATARS, "Avatar", body["avatar_id"].lower())
    for name, kind, what in (("voice_id", _VOICES, "Voice"), ("context_id", _CONTEXTS, "Context")):
        if persona.get(name) is not None:
            _found(call, kind, what, persona[name].lower())
    session = {
        "id": call.world.uuid(),
        "mode": body["mode"],
        "avatar_id": body["avatar_id"].lower(),
        "voice_id": persona.get("voice_id"),
        "context_id": persona.get("context_id"),
        "is_sandbox": bool(body.get("is_sandbox")),
        "created_at": call.world.clock(),
        "seen_at": None,
        "events_deleted": False,
    }
    token = _session_token(call, session["id"])
    call.world.store[_SESSIONS][session["id"]] = session
    call.world.store[_TOKENS][token] = {"session_id": session["id"]}
    return _data({"session_id": session["id"], "session_token": token}, "Session token created successfully")


@live.post(
    "/v1/sessions/start",
    "Start a session.",
    answer=_success(
        _object(
            {
                "session_id": _TEXT,
                "livekit_url": _TEXT_OR_NULL,
                "livekit_client_token": _TEXT_OR_NULL,
                "livekit_agent_token": _TEXT_OR_NULL,
                "ws_url": _TEXT_OR_NULL,
                "max_session_duration": {"type": "integer"},
            }
        )
    ),
    failures=(402, 403),
    token=True,
)
def start_session(call: Call) -> Any:
    """Where to meet the avatar. From here on the session costs money, unless it is for tests."""
    session = _own_session(call)
    if _job(call, session["id"]) is not None:
        refuse(_not_started("Session has already been started"))
    _spend(call, session)
    session["seen_at"] = call.world.clock()
    # A session lasts until it is stopped, whatever the time of other jobs.
    call.world.start(_PROVIDER, "session", session["id"], (_RUNNING,), otherwise=JobPlan())
    full = session["mode"] == "FULL"
    address = "wss://livekit.invalid"  # a reserved name (RFC 6761): no client can reach a foreign host by it
    data = {
        "session_id": session["id"],
        "livekit_url": address,
        "livekit_client_token": _session_token(call, session["id"]),
        "livekit_agent_token": None if full else _session_token(call, session["id"]),
        "ws_url": None if full else f"{address}/v1/sessions/{session['id']}",
        "max_session_duration": LONGEST_SESSION,
    }
    return _data(data, "Session started successfully")


@live.post("/v1/sessions/keep-alive", "Say that a session is still wanted.", answer=_NOTHING, token=True)
def keep_alive(call: Call) -> Any:
    """Nothing; the session does not end for idleness."""
    session = _own_session(call)
    job = _job(call, session["id"])
    if job is None or job.is_over:
        refuse(_not_started("Session is not active"))
    session["seen_at"] = call.world.clock()
    return _data(None, "Session kept alive")


@live.post("/v1/sessions/stop", "End a session.", answer=_NOTHING, token=True)
def stop_session(call: Call) -> Any:
    """Nothing; also where the session has ended before."""
    session = _own_session(call)
    job = _job(call, session["id"])
    if job is None:
        refuse(_not_started("Session has not been started"))
    call.world.end(job)
    return _data(None, "Session stopped successfully")


@live.get("/v1/sessions", "List sessions, the newest first.", query=_PAGING, answer=_page_of(_SESSION))
def list_sessions(call: Call) -> Any:
    """The sessions, page by page."""
    sessions = list(call.world.store[_SESSIONS].values())
    return _page(call, [_shown(call, session) for session in reversed(sessions)])


@live.get("/v1/sessions/{session_id}", "Read a session.", answer=_success(_SESSION))
def read_session(call: Call) -> Any:
    """A session. One that is planned to fail does so after as many reads as other jobs."""
    session = _found(call, _SESSIONS, "Session", call.path["session_id"])
    job = _job(call, session["id"])
    if job is not None and (job.plan.fails is not None or job.plan.silent):
        call.world.read(job)
    return _data(_shown(call, session))


@live.get(
    "/v1/sessions/{session_id}/transcript",
    "Read what was said in a session.",
    query={"start_timestamp": {"type": "integer", "minimum": 0, "maximum": _LAST_TIME, "default": 0}},
    answer=_success(
        _object({"session_active": {"type": "boolean"}, "next_timestamp": {"type": "integer"}, "transcript_data": {"type": "array"}})
    ),
)
def read_transcript(call: Call) -> Any:
    """What was said from a time on, in milliseconds since 1970."""
    session = _found(call, _SESSIONS, "Session", call.path["session_id"])
    job = _job(call, session["id"])
    since = call.query["start_timestamp"]
    said = [line for line in _transcript(call, session, job) if line["absolute_timestamp"] >= since]
    data = {
        "session_active": job is not None and not job.is_over,
        "next_timestamp": said[-1]["absolute_timestamp"] + 1 if said else since,
        "transcript_data": said,
    }
    return _data(data)


@live.delete("/v1/sessions/{session_id}/events", "Delete what was recorded of a session.", answer=_NOTHING)
def delete_events(call: Call) -> Any:
    """Nothing; the transcript is empty from now on."""
    _found(call, _SESSIONS, "Session", call.path["session_id"])["events_deleted"] = True
    return _data(None, "Session events deleted")


def _own_session(call: Call) -> dict[str, Any]:
    """The session whose token the request has; `LiveAvatar.unauthorized` let no other request through."""
    token = _bearer(call.received) or ""
    session_id: str = call.world.store[_TOKENS][token]["session_id"]
    return call.world.store[_SESSIONS][session_id]


def _job(call: Call, session_id: str) -> Job | None:
    """The session as a job, None before it starts; ended if its time is over."""
    job = call.world.jobs["session"].get(session_id)
    if job is not None:
        _expire(call.world, job)
    return job


def _expire(world: World, job: Job) -> None:
    now = world.clock()
    seen_at = world.store[_SESSIONS][job.id]["seen_at"]
    if not job.plan.stuck and (now >= seen_at + IDLE_SECONDS or now >= job.created + LONGEST_SESSION):
        world.end(job)


def _spend(call: Call, session: Mapping[str, Any]) -> None:
    """Take a credit for a session that costs one.

    Raises:
        Refusal: none is left.
    """
    if session["is_sandbox"]:
        return
    left = call.world.balance[_PROVIDER]
    if left is not None:
        if left < 1:
            refuse(_said(402, "Not enough credits to start a session"))
        call.world.balance[_PROVIDER] = left - 1
    call.paid(session["id"])


def _shown(call: Call, session: Mapping[str, Any]) -> dict[str, Any]:
    job = _job(call, session["id"])
    ended = None if job is None else job.ended
    shown = {
        "id": session["id"],
        "status": "pending" if job is None else job.state(call.world.clock()),
        "mode": session["mode"],
        "avatar_id": session["avatar_id"],
        "voice_id": session["voice_id"],
        "context_id": session["context_id"],
        "is_sandbox": session["is_sandbox"],
        "created_at": iso_time(session["created_at"]),
        "started_at": None if job is None else iso_time(job.created),
        "ended_at": None if ended is None else iso_time(ended),
        "duration": 0 if job is None else int((call.world.clock() if ended is None else ended) - job.created),
    }
    return shown if job is None or not job.has_failed else {**shown, "error": _reason(job)}


def _reason(job: Job) -> dict[str, Any] | None:
    """Why a session failed, None if it says nothing."""
    if job.failure is None:
        return None
    words = job.failure.words
    code = int(words.code) if words.code is not None and words.code.isdigit() else words.code
    told = {"code": code, "message": words.message}
    return {name: value for name, value in told.items() if value is not None} or None


_DIALOGUE: Final = (("user", "What can you tell me about errors?"), ("avatar", "That some of them may pass, and some never do."))


def _transcript(call: Call, session: Mapping[str, Any], job: Job | None) -> Iterator[dict[str, Any]]:
    """The lines of a session, five seconds apart, as far as the session has come."""
    if job is None or session["events_deleted"]:
        return
    context = call.world.store[_CONTEXTS].get(session["context_id"] or "")
    opening = context["opening_text"] if context else "Hello, how can I help you?"
    until = call.world.clock() if job.ended is None else job.ended
    for number, (role, text) in enumerate((("avatar", opening), *_DIALOGUE)):
        offset = 5 * number
        if job.created + offset > until:
            return
        yield {
            "role": role,
            "transcript": text,
            "absolute_timestamp": int((job.created + offset) * 1000),
            "relative_timestamp": offset * 1000,
        }


def _session_token(call: Call, session_id: str) -> str:
    """A token that looks like a signed one: header, claims, signature."""
    claims = {"session_id": session_id, "iat": int(call.world.clock())}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    parts.append(call.world.hex_id(64).encode())
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _bearer(received: Received) -> str | None:
    scheme, _, token = received.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


# Calls that a session makes for itself take its token and nothing else.
_OF_SESSIONS: Final = frozenset(operation.path for operation in live.operations if operation.token)


class LiveAvatar(Vendor):
    """LiveAvatar."""

    provider = _PROVIDER
    operations = tuple(live.operations)

    def __init__(self, world: World, settings: Settings) -> None:
        super().__init__(world, settings)
        self._windows: dict[str, tuple[int, int]] = {}
        for avatar_id, name, public in _ALL_AVATARS:
            world.store[_AVATARS][avatar_id] = {
                "id": avatar_id,
                "name": name,
                "preview_url": f"https://files.liveavatar.invalid/avatars/{avatar_id}.webp",
                "status": "ACTIVE",
                "is_public": public,
            }
        for voice_id, name, language, gender in _ALL_VOICES:
            world.store[_VOICES][voice_id] = {"id": voice_id, "name": name, "language": language, "gender": gender}

    def no_route(self, received: Received) -> VendorError:
        """What FastAPI says."""
        return _said(404, "Not Found")

    def wrong_method(self, received: Received, allowed: tuple[str, ...]) -> Reply:
        """What FastAPI says."""
        return _said(405, "Method Not Allowed").reply(received.path).with_headers({"Allow": ", ".join(allowed)})

    def unauthorized(self, received: Received) -> VendorError | None:
        """4003 where the right kind of credential is missing, 4010 where it is wrong; both are numbers of the catalog."""
        token, key = _bearer(received), received.headers.get("x-api-key")
        own = received.path in _OF_SESSIONS
        if own or (key is None and token is not None):
            return self._by_token(token, None if own else received.path.split("/"))
        if key is None:
            return error(_PROVIDER, "4003")
        return None if key == self.settings.keys[_PROVIDER] else error(_PROVIDER, "4010", message="Invalid API key")

    def _by_token(self, token: str | None, path: list[str] | None) -> VendorError | None:
        """Whether a token is known and, where a path is given, that of the session in it."""
        if token is None:
            return error(_PROVIDER, "4003")
        known = self.world.store[_TOKENS].get(token)
        if known is None:
            return error(_PROVIDER, "4010", message="Invalid session token")
        return None if path is None or known["session_id"] in path else error(_PROVIDER, "4003")

    def invalid(self, problem: Problem, operation: Operation, received: Received) -> Reply:
        """The list that FastAPI sends for a request that its models refuse."""
        kind, message = _complaint(problem)
        item = {"type": kind, "loc": [problem.where, *problem.path], "msg": message, "input": problem.value}
        return Reply.json({"detail": [item]}, 422)

    def too_large(self, received: Received) -> VendorError:
        """What the server in front of it says."""
        return error(_PROVIDER, "NGINX_REQUEST_ENTITY_TOO_LARGE")

    def throttled(self, operation: Operation, endpoint: Endpoint) -> VendorError | None:
        """For more than `REQUESTS_PER_SECOND`, counted in fixed windows of a second for each endpoint."""
        window = int(self.world.clock())
        begun, count = self._windows.get(operation.name, (window, 0))
        count = count + 1 if begun == window else 1
        self._windows[operation.name] = (window, count)
        if count <= REQUESTS_PER_SECOND:
            return None
        words = Words(provider=_PROVIDER, status=429, message="Rate limit exceeded")
        return VendorError(words=words, shape="framework", headers={"Retry-After": "1", "X-RateLimit-Reset": "1"})

    def admit(self, call: Call) -> None:
        """4003 with the words of the limit where `CONCURRENT_SESSIONS` run.

        Raises:
            Refusal: they do.
        """
        if not self.settings.limits or call.received.path != "/v1/sessions/start":
            return
        for job in self.world.running(_PROVIDER):
            _expire(self.world, job)
        if len(self.world.running(_PROVIDER)) >= CONCURRENT_SESSIONS:
            refuse(error(_PROVIDER, "SESSION_NOT_AUTHENTICATED#session_limit"))

    def finished(self, received: Received, reply: Reply, operation: Operation | None) -> Reply:
        """Date, the server, and the trace id that the load balancer sets."""
        now = self.world.clock()
        number = hashlib.sha256(f"{self.world.seed} {received.number}".encode()).hexdigest()[:24]
        date, trace = formatdate(now, usegmt=True), f"Root=1-{int(now):08x}-{number}"
        return reply.with_missing({"Server": "uvicorn"}).with_headers({"Date": date, "X-Amzn-Trace-Id": trace})


# How pydantic words what a model refuses: type and message by the keyword of JSON Schema.
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "string": ("string_type", "Input should be a valid string"),
    "integer": ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    "boolean": ("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
    "array": ("list_type", "Input should be a valid list"),
    "object": ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from"),
}
_RULES: Final[Mapping[str, Callable[[Any], tuple[str, str]]]] = {
    "required": lambda _: ("missing", "Field required"),
    "missing": lambda _: ("missing", "Field required"),
    "json": lambda _: ("json_invalid", "JSON decode error"),
    "media": lambda _: _TYPES["object"],
    "enum": lambda limit: ("literal_error", f"Input should be {_either([repr(value) for value in limit])}"),
    "minLength": lambda limit: ("string_too_short", f"String should have at least {limit} character{'s' * (limit > 1)}"),
    "maxLength": lambda limit: ("string_too_long", f"String should have at most {limit} characters"),
    "minimum": lambda limit: ("greater_than_equal", f"Input should be greater than or equal to {limit}"),
    "maximum": lambda limit: ("less_than_equal", f"Input should be less than or equal to {limit}"),
    "pattern": lambda _: ("uuid_parsing", "Input should be a valid UUID"),
    "anyOf": lambda _: ("uuid_parsing", "Input should be a valid UUID"),
}


def _complaint(problem: Problem) -> tuple[str, str]:
    if problem.rule != "type":
        return _RULES[problem.rule](problem.limit)
    wanted = problem.limit if isinstance(problem.limit, str) else next(iter(problem.limit))
    return _TYPES[wanted]


def _either(values: list[str]) -> str:
    *first, last = values
    return f"{', '.join(first)} or {last}" if first else last
