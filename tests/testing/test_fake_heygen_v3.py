"""The fake HeyGen, v3, over a real socket."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import attrs
import pytest
import requests

from heify_heygen_errors import Category, Observation, normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing import fault
from heify_heygen_errors.testing.clock import ManualClock
from heify_heygen_errors.testing.operations import Checker, Operation
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.server import FakeServer
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_catalog import AVATAR, PROJECT_FILE, TEMPLATE, TWIN, UNCONSENTED_TWIN, USERNAME, VOICE
from heify_heygen_errors.testing.vendors.heygen_events import EVENTS
from heify_heygen_errors.testing.vendors.heygen_v3 import v3
from heify_heygen_errors.testing.world import Delivery, JobPlan

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in v3.operations}
UNKNOWN = "0" * 32
FILM = {"type": "url", "url": "https://example.com/film.mp4"}
SOUND = {"type": "url", "url": "https://example.com/sound.mp3"}
PNG = b"\x89PNG\r\n\x1a\n and more"
SCRIPT = {"type": "avatar", "avatar_id": AVATAR, "script": "Hello."}
TRANSLATE = {"video": FILM, "output_languages": ["German"]}
LIPSYNC = {"video": FILM, "audio": SOUND}
SLOT = {"filename": "a.png", "content_type": "image/png", "size_bytes": len(PNG)}
# A good body for each endpoint that takes one.
BODIES: Mapping[str, Any] = {
    "POST /v3/videos": SCRIPT,
    "POST /v3/videos/batches": {"videos": [SCRIPT, SCRIPT]},
    "POST /v3/templates/{template_id}": {"variables": {"headline": {"name": "headline", "type": "text", "properties": {"content": "New"}}}},
    "POST /v3/hyperframes/renders": {"project": {"type": "url", "url": "https://example.com/project.zip"}, "fps": 60},
    "POST /v3/video-translations": {**TRANSLATE, "enable_caption": True},
    "POST /v3/video-translations/batches": {"video_translations": [{**TRANSLATE, "output_languages": ["German", "Polish"]}]},
    "PATCH /v3/video-translations/{video_translation_id}": {"title": "Other"},
    "POST /v3/video-translations/proofreads": {**TRANSLATE, "title": "Film"},
    "PUT /v3/video-translations/proofreads/{proofread_id}/srt": {"srt": {"type": "url", "url": "https://example.com/a.srt"}},
    "POST /v3/video-translations/proofreads/{proofread_id}/generate": {"captions": True},
    "POST /v3/lipsyncs": LIPSYNC,
    "POST /v3/lipsyncs/batches": {"lipsyncs": [LIPSYNC]},
    "PATCH /v3/lipsyncs/{lipsync_id}": {"title": "Other"},
    "POST /v3/ai-clipping": {"video": FILM, "output_settings": {"duration_types": ["30", "long"]}},
    "POST /v3/background-removals": {"video": FILM, "layers": ["foreground", "mask"]},
    "POST /v3/video-agents": {"prompt": "A film about errors"},
    "POST /v3/video-agents/{session_id}": {"message": "Shorter, please"},
    "POST /v3/video-agents/sessions": {"prompt": "A film about errors"},
    "POST /v3/video-agents/sessions/{session_id}/messages": {"message": "Shorter, please"},
    "POST /v3/avatars": {"type": "photo", "name": "Ada", "file": {"type": "url", "url": "https://example.com/a.png"}},
    "POST /v3/avatars/{group_id}/consent": {"reroute_url": "https://example.com/done"},
    "PATCH /v3/avatars/looks/{look_id}": {"name": "Ada at night"},
    "POST /v3/voices": {"prompt": "A calm voice"},
    "POST /v3/voices/clone": {"audio": SOUND, "voice_name": "Mine"},
    "POST /v3/voices/speech": {"text": "Hello there.", "voice_id": VOICE},
    "POST /v3/assets/direct-uploads": SLOT,
    "POST /v3/assets/direct-uploads/batches": {"files": [SLOT, SLOT]},
    "POST /v3/assets/{asset_id}/complete": {},
    "POST /v3/assets/complete/batches": {"batch_id": UNKNOWN},
    "POST /v3/webhooks/endpoints": {"url": "https://example.com/hook", "events": ["avatar_video.fail"]},
    "PATCH /v3/webhooks/endpoints/{endpoint_id}": {"events": None},
}
QUERIES: Mapping[str, Mapping[str, str]] = {
    "GET /v3/video-translations/{video_translation_id}/caption": {"format": "srt"},
    "GET /v3/assets": {"username": USERNAME},
    "GET /v3/assets/search": {"query": "a tram", "type": "icon"},
    "GET /v3/audio/sounds": {"query": "a tram"},
}
WITH_ID = [name for name in OPERATIONS if "{" in name]
STARTS = [
    "POST /v3/videos",
    "POST /v3/templates/{template_id}",
    "POST /v3/hyperframes/renders",
    "POST /v3/video-translations",
    "POST /v3/video-translations/proofreads",
    "POST /v3/lipsyncs",
    "POST /v3/ai-clipping",
    "POST /v3/background-removals",
    "POST /v3/video-agents",
    "POST /v3/avatars",
    "POST /v3/voices/clone",
]
IDEMPOTENT = {
    f"{row['method']} {row['path']}": row["idempotency"]
    for row in default_catalogs().raw["heygen"]["endpoints"]
    if row["path"].startswith("/v3/") and "idempotency" in row
}


def first(data: Any) -> Any:
    """The first text in the data of an answer that starts something: its id."""
    value = next(iter(data.values()))
    return value[0] if isinstance(value, list) else value


@attrs.define
class Account:
    """A client of the fake HeyGen."""

    server: FakeServer
    clock: ManualClock

    def call(self, name: str, body: Any = None, *, headers: Any = None, query: Any = None, **ids: str) -> requests.Response:
        """Call an endpoint by its name."""
        method, path = name.split()
        sent = {"X-Api-Key": self.server.heygen.api_key} if headers is None else headers
        # Ids that nobody gave do not exist.
        url = self.server.heygen.url + path.format_map(_Ids(ids))
        if name == "POST /v3/assets" and body is None:
            return requests.post(url, files={"file": ("a.png", PNG, "image/png")}, headers=sent, timeout=5)
        return requests.request(method, url, json=body, params=query, headers=sent, timeout=5)

    def data(self, name: str, body: Any = None, **more: Any) -> Any:
        """The data of a success."""
        answer = self.call(name, BODIES.get(name) if body is None else body, **more)
        assert answer.status_code == OPERATIONS[name].status, answer.text
        assert normalize(answer, "heygen") is None, answer.text
        return answer.json()["data"]

    def started(self, name: str, **ids: str) -> str:
        """The id of a job that is started by a good request."""
        return str(self.data(name, template_id=TEMPLATE, **ids)["id"] if "template" in name else self._id(name))

    def _id(self, name: str) -> str:
        data = self.data(name)
        return str(data["avatar_item"]["id"] if name == "POST /v3/avatars" else first(data))

    def ended(self, name: str) -> str:
        """The id of a job that is over."""
        made = self.started(name)
        self.server.finish_jobs()
        return made

    def upload(self) -> str:
        return str(self.data("POST /v3/assets")["asset_id"])

    def put(self, slot: Mapping[str, Any], body: bytes = PNG) -> requests.Response:
        return requests.put(slot["upload_url"], data=body, headers=slot["upload_headers"], timeout=5)

    def good(self, name: str) -> requests.Response:
        """A request that the endpoint takes."""
        ids = {part: GOOD_IDS[part](self, name) for part in OPERATIONS[name].placeholders}
        body = BODIES.get(name)
        if name == "POST /v3/assets/complete/batches":
            body = {"batch_id": self.data("POST /v3/assets/direct-uploads/batches")["batch_id"]}
        return self.call(name, body, query=QUERIES.get(name), **ids)


class _Ids(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return UNKNOWN


def _batch(account: Account, name: str) -> str:
    area = name.split("/")[2]
    make = "POST /v3/assets/direct-uploads/batches" if area == "assets" else f"POST /v3/{area}/batches"
    return str(account.data(make)["batch_id"])


def _job(account: Account, name: str) -> str:
    return account.ended(f"POST /v3/{name.split('/')[2]}")


def _session(account: Account, name: str) -> str:
    chat = name == "POST /v3/video-agents/{session_id}" or name.endswith("/messages")
    made = account.data("POST /v3/video-agents", {"prompt": "A film", "mode": "chat" if chat else "generate"})
    account.server.finish_jobs()
    return str(made["session_id"])


def _resource(account: Account, _: str) -> str:
    # The session of this request was made just before, and is over.
    session = account.data("GET /v3/video-agents")[0]["session_id"]
    listed = account.call("GET /v3/video-agents/sessions/{session_id}/resources", session_id=session).json()
    return str(listed["data"]["resources"][0]["resource_id"])


def _own_look(account: Account, name: str) -> str:
    made = account.data("POST /v3/avatars")
    return str(made["avatar_item" if "look" in name else "avatar_group"]["id"])


def _voice(account: Account, name: str) -> str:
    return account.ended("POST /v3/voices/clone") if name.startswith("DELETE") else VOICE


def _asset(account: Account, name: str) -> str:
    if not name.endswith("/complete"):
        return account.upload()
    slot = account.data("POST /v3/assets/direct-uploads")
    assert account.put(slot).status_code == 200
    return str(slot["asset_id"])


# Something that exists for each placeholder.
GOOD_IDS: Mapping[str, Callable[[Account, str], str]] = {
    "video_id": lambda account, _: account.ended("POST /v3/videos"),
    "batch_id": _batch,
    "template_id": lambda _account, _name: TEMPLATE,
    "render_id": lambda account, _: account.ended("POST /v3/hyperframes/renders"),
    "video_translation_id": lambda account, _: account.ended("POST /v3/video-translations"),
    "proofread_id": lambda account, _: account.ended("POST /v3/video-translations/proofreads"),
    "lipsync_id": lambda account, _: account.ended("POST /v3/lipsyncs"),
    "job_id": _job,
    "session_id": _session,
    "resource_id": _resource,
    "group_id": _own_look,
    "look_id": _own_look,
    "voice_id": _voice,
    "asset_id": _asset,
    "endpoint_id": lambda account, _: str(account.data("POST /v3/webhooks/endpoints")["endpoint_id"]),
}


@pytest.fixture
def account() -> Iterator[Account]:
    clock = ManualClock()
    with FakeServer(clock=clock) as server:
        yield Account(server, clock)


def said(answer: requests.Response) -> tuple[int, str | None]:
    """The status and the rule that an answer is read as."""
    found = normalize(answer, "heygen")
    return answer.status_code, None if found is None else found.rule


# Endpoints.


def test_every_endpoint_of_the_catalog_is_there() -> None:
    """Every v3 endpoint that the catalog knows can be tested against."""
    rows = default_catalogs().raw["heygen"]["endpoints"]
    assert {f"{row['method']} {row['path']}" for row in rows if row["path"].startswith("/v3/")} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_success(account: Account, name: str) -> None:
    """A good request is answered with the status and the body that the OpenAPI document tells, and is no error."""
    answer = account.good(name)
    assert (OPERATIONS[name].status, None) == said(answer)
    assert Checker(OPERATIONS[name].answer or {}).problem(answer.json(), "body") is None, answer.text


@pytest.mark.parametrize("name", OPERATIONS)
def test_missing_and_wrong_key(account: Account, name: str) -> None:
    """A missing and a wrong key cannot be told apart: the same 401, byte for byte."""
    missing, wrong = account.call(name, {}, headers={}), account.call(name, {}, headers={"X-Api-Key": "x"})
    assert (401, "heygen/UNAUTHORIZED") == said(missing) == said(wrong)
    assert missing.content == wrong.content


def test_bearer_token(account: Account) -> None:
    """An OAuth token is taken in place of the key, and a wrong one is refused."""
    right, wrong = (account.call("GET /v3/users/me", headers={"Authorization": f"Bearer {token}"}) for token in ("fake-heygen-key", "x"))
    assert (said(right), said(wrong)) == ((200, None), (401, "heygen/UNAUTHORIZED"))


@pytest.mark.parametrize("name", WITH_ID)
def test_unknown_id(account: Account, name: str) -> None:
    """An id that does not exist is 404 with a code that says what was not found."""
    answer = account.call(name, BODIES.get(name), query=QUERIES.get(name))
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.category) == (404, Category.NOT_FOUND), answer.text
    assert (found.code or "").endswith("_not_found")


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS.values()}))
def test_wrong_method(account: Account, path: str) -> None:
    """A method that a path does not have is 405, with those that it has."""
    answer = account.call(f"OPTIONS {path}")
    allowed = sorted(operation.method for operation in OPERATIONS.values() if operation.path == path)
    assert (405, ", ".join(allowed)) == (answer.status_code, answer.headers["Allow"])
    assert normalize(answer, "heygen") is not None


@pytest.mark.parametrize("path", ["/v3/video", "/v3", "/v3/videos/", "/v3/videos/a/b", "/", "/v4/videos"])
def test_wrong_path(account: Account, path: str) -> None:
    """A path that does not exist is 404 in the framework's words, with or without a key."""
    answer = account.call(f"GET {path}", headers={})
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.category, answer.json()) == (404, Category.NOT_FOUND, {"detail": "Not found."})


REQUIRED = [
    (name, member)
    for name, operation in OPERATIONS.items()
    if operation.body is not None and operation.media == "application/json"
    for member in operation.body.get("required", ())
]


@pytest.mark.parametrize(("name", "member"), REQUIRED)
def test_missing_field(account: Account, name: str, member: str) -> None:
    """A request without a required field is 400, with the field in param."""
    body = {key: value for key, value in BODIES[name].items() if key != member}
    answer = account.call(name, body)
    assert said(answer) == (400, "heygen/INVALID_PARAMETER")
    assert member == answer.json()["error"]["param"]


QUERY_WRONG = [(name, key) for name, operation in OPERATIONS.items() for key, schema in operation.query.items() if schema.get("required")]


@pytest.mark.parametrize(("name", "key"), QUERY_WRONG)
def test_missing_query_parameter(account: Account, name: str, key: str) -> None:
    """A request without a required query parameter is 400, with the parameter in param."""
    query = {one: value for one, value in QUERIES[name].items() if one != key}
    answer = account.call(name, query=query)
    assert ((400, "heygen/INVALID_PARAMETER"), key) == (said(answer), answer.json()["error"]["param"])


@pytest.mark.parametrize(
    ("name", "body", "param", "message"),
    [
        ("POST /v3/videos", {}, "type", "Unable to extract tag using discriminator 'type'"),
        (
            "POST /v3/videos",
            {"type": "film"},
            "type",
            "Input tag 'film' found using 'type' does not match any of the expected tags: avatar, image, cinematic_avatar, studio",
        ),
        ("POST /v3/videos", {"type": "avatar", "script": "x"}, "avatar_id", "Field required"),
        ("POST /v3/videos", {"type": "avatar", "avatar_id": AVATAR}, "script", "Field required"),
        ("POST /v3/videos", {**SCRIPT, "script": ""}, "script", "String should have at least 1 characters"),
        ("POST /v3/videos", {**SCRIPT, "script": "x" * 5001}, "script", "String should have at most 5000 characters"),
        ("POST /v3/videos", {"type": "image", "script": "x", "image": FILM}, "voice_id", "Field required"),
        ("POST /v3/videos", {**SCRIPT, "resolution": "8k"}, "resolution", "Input should be one of 4k, 1080p, 720p, null"),
        (
            "POST /v3/videos",
            {**SCRIPT, "voice_settings": {"speed": 2}},
            "voice_settings.speed",
            "Input should be less than or equal to 1.5",
        ),
        ("POST /v3/videos", {"type": "image", "script": "x", "voice_id": VOICE, "image": {"type": "url"}}, "image.url", "Field required"),
        ("POST /v3/videos", {"type": "studio", "scenes": []}, "scenes", "List should have at least 1 items after validation"),
        ("POST /v3/videos", {"type": "studio", "scenes": [{"type": "image"}]}, "scenes.0.source", "Field required"),
        ("POST /v3/videos", [], None, "Input should be a valid dictionary or object to extract fields from"),
        ("POST /v3/videos", {**SCRIPT, "engine": "avatar_v"}, "engine", "Input should be a valid dictionary or object"),
        ("POST /v3/videos", {**SCRIPT, "engine": {}}, "engine.type", "Unable to extract tag using discriminator 'type'"),
        (
            "POST /v3/videos/batches",
            {"videos": [SCRIPT, {**SCRIPT, "avatar_id": 5}]},
            "videos.1.avatar_id",
            "Input should be a valid string",
        ),
        (
            "POST /v3/templates/{template_id}",
            {"variables": {}, "dimension": {"width": 129, "height": 128}},
            "dimension.width",
            "Video width and height must be even number",
        ),
        ("POST /v3/video-agents", {"prompt": "x" * 10_001}, "prompt", "String should have at most 10000 characters"),
        ("POST /v3/voices/speech", {"text": "x" * 5001, "voice_id": VOICE}, "text", "String should have at most 5000 characters"),
        ("POST /v3/webhooks/endpoints", {"url": "example.com"}, "url", "String should match pattern"),
        ("POST /v3/webhooks/endpoints", {"url": "https://example.com", "events": ["video.done"]}, "events.0", "Input should be one of"),
    ],
)
def test_wrong_value(account: Account, name: str, body: Any, param: str | None, message: str) -> None:
    """A wrong value is 400 with its path in param and pydantic's words, also inside the variants of an object."""
    answer = account.call(name, body, template_id=TEMPLATE)
    assert said(answer) == (400, "heygen/INVALID_PARAMETER")
    assert param == answer.json()["error"].get("param")
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"), ({"limit": "ten"}, "limit"), ({"token": "nonsense"}, "token")],
)
def test_wrong_page(account: Account, query: Mapping[str, str], param: str) -> None:
    """A limit out of bounds and a token that was never given are 400."""
    answer = account.call("GET /v3/videos", query=query)
    assert ((400, "heygen/INVALID_PARAMETER"), param) == (said(answer), answer.json()["error"]["param"])


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"type=avatar", "application/x-www-form-urlencoded"),
        (b"\xff", "application/json"),
    ],
)
def test_no_json(account: Account, content: bytes, content_type: str) -> None:
    """A body that is no JSON, is not there, or is declared as something else is 400."""
    headers = {"X-Api-Key": account.server.heygen.api_key, "Content-Type": content_type}
    answer = requests.post(f"{account.server.heygen.url}/v3/videos", data=content, headers=headers, timeout=5)
    assert said(answer) == (400, "heygen/INVALID_PARAMETER")


def test_headers(account: Account) -> None:
    """Answers have the date of the clock, the server and the load balancer's id, and no notice of an end."""
    headers = account.call("GET /v3/users/me").headers
    assert headers["Date"] == "Sun, 01 Nov 2026 00:00:00 GMT"
    assert (headers["Server"], "deprecation" in headers) == ("gunicorn", False)
    assert headers["x-amzn-trace-id"].startswith("Root=1-")


# Jobs.


@attrs.frozen
class Life:
    """How a kind of job is started and read, and which states a client sees."""

    start: str
    read: str
    states: tuple[str, ...]
    failure: str | None = "message"
    """What the answer says of a failure: code and message, a message, an error object, or a text."""
    field: str = "status"


LIVES = [
    Life("POST /v3/videos", "GET /v3/videos/{video_id}", ("pending", "processing", "completed"), "code"),
    Life("POST /v3/templates/{template_id}", "GET /v3/videos/{video_id}", ("pending", "processing", "completed"), "code"),
    Life("POST /v3/video-translations", "GET /v3/video-translations/{video_translation_id}", ("pending", "running", "completed")),
    Life(
        "POST /v3/video-translations/proofreads",
        "GET /v3/video-translations/proofreads/{proofread_id}",
        ("processing", "processing", "completed"),
    ),
    Life("POST /v3/lipsyncs", "GET /v3/lipsyncs/{lipsync_id}", ("pending", "running", "completed")),
    Life("POST /v3/hyperframes/renders", "GET /v3/hyperframes/renders/{render_id}", ("queued", "rendering", "completed")),
    Life("POST /v3/ai-clipping", "GET /v3/ai-clipping/{job_id}", ("pending", "running", "completed")),
    Life("POST /v3/background-removals", "GET /v3/background-removals/{job_id}", ("pending", "processing", "completed"), "text"),
    Life("POST /v3/video-agents", "GET /v3/video-agents/{session_id}", ("thinking", "generating", "completed"), "agent"),
    Life("POST /v3/voices/clone", "GET /v3/voices/{voice_id}", ("processing", "processing", "complete")),
    Life("POST /v3/avatars", "GET /v3/avatars/looks/{look_id}", ("processing", "processing", "completed"), "code"),
]
by_start = pytest.mark.parametrize("life", LIVES, ids=lambda life: life.start)


def read(account: Account, life: Life, job_id: str) -> requests.Response:
    placeholder = OPERATIONS[life.read].placeholders[0]
    return account.call(life.read, **{placeholder: job_id})


@by_start
def test_life_by_polls(account: Account, life: Life) -> None:
    """A job is found running by as many reads as the server was told, and then completed for ever."""
    job_id = account.started(life.start)
    states = [read(account, life, job_id).json()["data"]["status"] for _ in range(4)]
    assert [*life.states, life.states[-1]] == states


@by_start
def test_life_by_clock(life: Life) -> None:
    """A job that goes by the clock ends when its seconds are over, however often it is read."""
    clock = ManualClock()
    with FakeServer(clock=clock, job_seconds=60) as server:
        account = Account(server, clock)
        job_id = account.started(life.start)
        early = {read(account, life, job_id).json()["data"]["status"] for _ in range(9)}
        clock.advance(60)
        assert (len(early), life.states[-1]) == (1, read(account, life, job_id).json()["data"]["status"])
        assert life.states[-1] not in early


@by_start
def test_failure(account: Account, life: Life) -> None:
    """A failed job tells why in the place that its kind has for it, and is read as that failure every time."""
    account.server.plan_jobs(JobPlan(polls=0, fails=error("heygen", "rendering_failed", message="Avatar rendering timed out")))
    job_id = account.started(life.start)
    answer = read(account, life, job_id)
    found = normalize(answer, "heygen")
    assert answer.status_code == 200
    assert found is not None
    assert (found.channel.value, found.message) == ("job", "Avatar rendering timed out")
    assert ("rendering_failed" if life.failure == "code" else None) == found.code
    assert found.fingerprint == getattr(normalize(read(account, life, job_id), "heygen"), "fingerprint", None)


@by_start
def test_silent_failure(account: Account, life: Life) -> None:
    """A job can fail without giving a reason, and is a failure nevertheless."""
    account.server.plan_jobs(JobPlan(polls=0, silent=True))
    found = normalize(read(account, life, account.started(life.start)), "heygen")
    assert found is not None
    assert found.rule == "heygen/JOB_FAILED_WITHOUT_REASON"


@by_start
def test_stuck(account: Account, life: Life) -> None:
    """A job can stay where it is for ever."""
    account.server.plan_jobs(JobPlan(stuck=True))
    job_id = account.started(life.start)
    states = [read(account, life, job_id).json()["data"]["status"] for _ in range(9)]
    assert life.states[-1] not in states


def test_remark(account: Account) -> None:
    """A completed video can carry an error beside a usable address, and is no failure."""
    account.server.plan_jobs(JobPlan(polls=0, remark=error("heygen", "MOVIO_PAYMENT_INSUFFICIENT_CREDIT")))
    shown = account.data("GET /v3/videos/{video_id}", video_id=account.started("POST /v3/videos"))
    assert ("completed", "MOVIO_PAYMENT_INSUFFICIENT_CREDIT".lower()) == (shown["status"], shown["error"]["code"].lower())
    assert requests.get(shown["video_url"], timeout=5).status_code == 200


def test_lists_do_not_move_jobs_on(account: Account) -> None:
    """However often jobs are listed, they stay where they are."""
    account.started("POST /v3/videos")
    assert {"pending"} == {account.data("GET /v3/videos")[0]["status"] for _ in range(9)}


def test_result_can_be_downloaded_for_a_week(account: Account) -> None:
    """The address of a result serves a file until it expires, which is then an expired URL and no wrong key."""
    shown = account.data("GET /v3/videos/{video_id}", video_id=account.ended("POST /v3/videos"))
    film = requests.get(shown["video_url"], timeout=5)
    assert (film.status_code, film.headers["Content-Type"], film.content[4:8]) == (200, "video/mp4", b"ftyp")
    account.clock.advance(8 * 24 * 3600)
    late = normalize(requests.get(shown["video_url"], timeout=5), "heygen")
    assert late is not None
    assert late.retry.action.value == "renew"


def test_deleted_job_is_gone(account: Account) -> None:
    """A deleted video is 404 when it is read or deleted again, and no longer listed."""
    video = account.started("POST /v3/videos")
    assert {"id": video, "deleted": True} == account.data("DELETE /v3/videos/{video_id}", video_id=video)
    for method in ("GET", "DELETE"):
        assert said(account.call(f"{method} /v3/videos/{{video_id}}", video_id=video)) == (404, "heygen/VIDEO_NOT_FOUND")
    assert account.data("GET /v3/videos") == []


@pytest.mark.parametrize("area", ["video-translations", "lipsyncs"])
def test_rename(account: Account, area: str) -> None:
    """A new title is told from then on."""
    job_id = account.started(f"POST /v3/{area}")
    placeholder = {"video-translations": "video_translation_id", "lipsyncs": "lipsync_id"}[area]
    account.data(f"PATCH /v3/{area}/{{{placeholder}}}", {"title": "Second cut"}, **{placeholder: job_id})
    assert [one["title"] for one in account.data(f"GET /v3/{area}")] == ["Second cut"]


def test_one_translation_for_each_language(account: Account) -> None:
    """Every language is a job of its own, paid for by itself."""
    made = account.data("POST /v3/video-translations", {**TRANSLATE, "output_languages": ["German", "Polish", "Dutch"], "title": "Film"})
    shown = [
        account.data("GET /v3/video-translations/{video_translation_id}", video_translation_id=one) for one in made["video_translation_ids"]
    ]
    assert [one["output_language"] for one in shown] == ["German", "Polish", "Dutch"]
    assert made["video_translation_ids"] == [work.id for work in account.server.paid_work]


def test_filters_of_videos(account: Account) -> None:
    """Videos are listed by a part of their title, the newest first."""
    for title in ("Spring sale", "Summer sale", "News"):
        account.data("POST /v3/videos", {**SCRIPT, "title": title})
    assert [one["title"] for one in account.data("GET /v3/videos", query={"title": "SALE"})] == ["Summer sale", "Spring sale"]
    assert account.data("GET /v3/videos", query={"folder_id": "f"}) == []


PAGED = {
    "GET /v3/videos": "POST /v3/videos",
    "GET /v3/video-translations": "POST /v3/video-translations",
    "GET /v3/lipsyncs": "POST /v3/lipsyncs",
    "GET /v3/ai-clipping": "POST /v3/ai-clipping",
    "GET /v3/background-removals": "POST /v3/background-removals",
    "GET /v3/hyperframes/renders": "POST /v3/hyperframes/renders",
    "GET /v3/video-agents": "POST /v3/video-agents",
    "GET /v3/webhooks/endpoints": "POST /v3/webhooks/endpoints",
}


@pytest.mark.parametrize("name", PAGED)
def test_pages(account: Account, name: str) -> None:
    """The pages of a list have every item once, the newest first, also when new ones appear between two pages."""
    made = [account.started(PAGED[name]) for _ in range(5)]
    account.server.finish_jobs()
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    for _ in range(3):
        page = account.call(name, query=query).json()
        seen += [first({key: value for key, value in one.items() if key.endswith("id")}) for one in page["data"]]
        assert (page["next_token"] is not None) == page["has_more"]
        query = {"limit": 2, "token": page["next_token"]}
        account.started(PAGED[name])
    assert (made[::-1], False) == (seen, page["has_more"])


# Money and limits.


@pytest.mark.parametrize("name", STARTS)
def test_paid_once(account: Account, name: str) -> None:
    """Each start is on record as one piece of paid work, with its endpoint; reading costs nothing."""
    account.started(name)
    account.call("GET /v3/videos")
    assert [name] == [work.operation for work in account.server.paid_work]
    account.server.assert_paid_once()


def test_ten_jobs_at_once(account: Account) -> None:
    """The eleventh job is 429 with Retry-After in whole seconds, until another one has ended."""
    made = [account.started("POST /v3/videos") for _ in range(10)]
    late = account.call("POST /v3/lipsyncs", LIPSYNC)
    assert said(late) == (429, "heygen/RATE_LIMIT_EXCEEDED")
    assert late.headers["Retry-After"].isdigit()
    assert len(account.server.paid_work) == 10
    account.server.finish_jobs(made[0])
    assert account.call("POST /v3/lipsyncs", LIPSYNC).status_code == 200


def test_no_limits_on_request() -> None:
    """A server without limits takes any number of jobs."""
    with FakeServer(limits=False) as server:
        account = Account(server, ManualClock())
        assert len([account.started("POST /v3/videos") for _ in range(20)]) == 20


@pytest.mark.parametrize("name", STARTS)
def test_balance(account: Account, name: str) -> None:
    """With the balance used up every start is 402 and nothing is paid for; users/me tells what is left."""
    account.server.set_balance("heygen", 1)
    account.started(name)
    answer = account.call(name, BODIES[name], template_id=TEMPLATE)
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.category, len(account.server.paid_work)) == (402, Category.PAYMENT, 1)
    assert dict(found.params) == {"available": "0", "required": "1"}
    assert account.data("GET /v3/users/me")["wallet"]["remaining_balance"] == 0


def test_balance_for_all_languages(account: Account) -> None:
    """A translation to more languages than there are credits starts none."""
    account.server.set_balance("heygen", 2)
    body = {**TRANSLATE, "output_languages": ["German", "Polish", "Dutch"]}
    assert account.call("POST /v3/video-translations", body).status_code == 402
    assert account.server.paid_work == []


# Idempotency.


@pytest.mark.parametrize("name", [name for name, how in IDEMPOTENT.items() if how == "header"])
def test_idempotency_key(account: Account, name: str) -> None:
    """A second request with the same key gets the answer of the first and starts nothing; another key starts anew."""
    ids = {part: GOOD_IDS[part](account, name) for part in OPERATIONS[name].placeholders}
    before = len(account.server.paid_work)

    def send(key: str) -> requests.Response:
        headers = {"X-Api-Key": account.server.heygen.api_key, "Idempotency-Key": key}
        return account.call(name, BODIES.get(name), headers=headers, **ids)

    one, same, paid = send("a"), send("a"), len(account.server.paid_work)
    assert (one.status_code, one.content) == (same.status_code, same.content)
    assert paid - before <= (2 if "batch" in name else 1)
    account.server.finish_jobs()
    if not name.endswith(("consent", "/v3/voices")):  # what these answer does not change with another request
        assert one.content != send("b").content


def test_idempotency_key_while_the_first_request_runs(account: Account) -> None:
    """A second request with a key is 409 while the first one runs, and nothing is paid for twice."""
    headers = {"X-Api-Key": account.server.heygen.api_key, "Idempotency-Key": "k"}
    account.server.script([fault.slow_answer(seconds=0.5)], path="/v3/videos")
    slow = threading.Thread(target=account.call, args=("POST /v3/videos", SCRIPT), kwargs={"headers": headers})
    slow.start()
    for _ in range(1000):
        if account.server.paid_work:
            break
        time.sleep(0.005)
    answer = account.call("POST /v3/videos", SCRIPT, headers=headers)
    slow.join()
    assert said(answer) == (409, "heygen/REQUEST_IN_PROGRESS")
    assert account.call("POST /v3/videos", SCRIPT, headers=headers).status_code == 200
    assert len(account.server.paid_work) == 1


def test_background_removals_go_by_request_id(account: Account) -> None:
    """Background removals ignore the header; the same request_id in the body gives the same job."""
    headers = {"X-Api-Key": account.server.heygen.api_key, "Idempotency-Key": "k"}
    body = {"video": FILM}
    by_header = {account.call("POST /v3/background-removals", body, headers=headers).json()["data"]["id"] for _ in range(2)}
    by_body = {account.data("POST /v3/background-removals", {**body, "request_id": "r"})["id"] for _ in range(2)}
    assert (len(by_header), len(by_body), len(account.server.paid_work)) == (2, 1, 3)


# Batches.

BATCHES = {
    "videos": ("video_ids", {"videos": [SCRIPT, SCRIPT, {**SCRIPT, "avatar_id": "nobody"}]}, "avatar_not_found"),
    "lipsyncs": (
        "lipsync_ids",
        {"lipsyncs": [LIPSYNC, LIPSYNC, {**LIPSYNC, "audio": {"type": "asset_id", "asset_id": "x"}}]},
        "asset_not_found",
    ),
    "video-translations": (
        "video_translation_ids",
        {
            "video_translations": [
                {**TRANSLATE, "output_languages": ["German", "Polish"]},
                {**TRANSLATE, "video": {"type": "asset_id", "asset_id": "x"}},
            ]
        },
        "asset_not_found",
    ),
}


@pytest.mark.parametrize("area", BATCHES)
def test_batch(account: Account, area: str) -> None:
    """A batch runs its items one by one; what is wrong with one of them fails that one alone."""
    ids, body, code = BATCHES[area]
    account.server.plan_jobs(JobPlan(polls=1), JobPlan(polls=2, fails=error("heygen", "rendering_failed")))
    batch = account.data(f"POST /v3/{area}/batches", body)["batch_id"]
    read_batch = f"GET /v3/{area}/batches/{{batch_id}}"
    views = [account.call(read_batch, batch_id=batch).json()["data"] for _ in range(3)]
    assert [[item["status"] for item in view["items"]] for view in views] == [
        ["queued", "queued", "failed"],
        ["completed", "processing", "failed"],
        ["completed", "failed", "failed"],
    ]
    assert [view["status"] for view in views] == ["processing", "processing", "completed"]
    assert views[-1]["counts_by_status"] == {"completed": 1, "failed": 2}
    assert ["rendering_failed", code] == [item["error"]["code"] for item in views[-1]["items"] if item["error"] is not None]
    assert ["rendering_failed", code] == [found.code for found in normalize_all(account.call(read_batch, batch_id=batch), "heygen")]
    made = [item["video_id"] for item in views[-1]["items"][:2]]
    assert made == [work.id for work in account.server.paid_work]
    asked = {ids: ",".join([*made, UNKNOWN]), "batch_ids": f"{batch},{UNKNOWN}"}
    states = account.call(f"GET /v3/{area}/statuses", query=asked).json()["data"]
    expected = ["completed", "failed", "not_found", "completed", "failed", "failed", "not_found"]
    assert expected == [one["status"] for one in states]
    assert [one.get("item_index") for one in states] == [None, None, None, 0, 1, 2, None]


def test_pages_of_a_batch(account: Account) -> None:
    """The items of a batch come in pages, in the order of the request."""
    batch = account.data("POST /v3/videos/batches", {"videos": [SCRIPT] * 5})["batch_id"]
    pages, token = [], None
    for _ in range(3):
        query = {"limit": 2} if token is None else {"limit": 2, "token": token}
        view = account.data("GET /v3/videos/batches/{batch_id}", query=query, batch_id=batch)
        pages.append([item["item_index"] for item in view["items"]])
        token = view["next_token"]
    assert (pages, token) == ([[0, 1], [2, 3], [4]], None)


def test_batch_takes_the_place_of_one_job(account: Account) -> None:
    """A batch may be larger than the number of jobs at once, and leaves room for nine others."""
    account.data("POST /v3/videos/batches", {"videos": [SCRIPT] * 30})
    assert [account.call("POST /v3/videos", SCRIPT).status_code for _ in range(10)] == [200] * 9 + [429]


def test_batch_runs_out_of_credits(account: Account) -> None:
    """Items for which no credit is left fail, the others do not."""
    account.server.set_balance("heygen", 2)
    batch = account.data("POST /v3/videos/batches", {"videos": [SCRIPT] * 3})["batch_id"]
    items = account.call("GET /v3/videos/batches/{batch_id}", batch_id=batch).json()["data"]["items"]
    assert [item["error"] and item["error"]["code"] for item in items] == [None, None, "insufficient_credit"]


def test_batch_of_another_kind(account: Account) -> None:
    """A batch is found by the endpoints of its own kind only."""
    batch = account.data("POST /v3/videos/batches")["batch_id"]
    assert account.call("GET /v3/lipsyncs/batches/{batch_id}", batch_id=batch).status_code == 404
    assert OPERATIONS["POST /v3/videos/batches"].status == 202


# Proofreads and captions.


def test_proofread(account: Account) -> None:
    """Subtitles can be read, replaced and used once the proofread is completed, and not before."""
    proof = account.started("POST /v3/video-translations/proofreads")
    path = "/v3/video-translations/proofreads/{proofread_id}"
    for name in (f"GET {path}/srt", f"PUT {path}/srt", f"POST {path}/generate"):
        assert said(account.call(name, BODIES.get(name), proofread_id=proof)) == (409, "heygen/RESOURCE_NOT_READY")
    account.server.finish_jobs()
    original = account.data(f"GET {path}/srt", proofread_id=proof)["srt_url"]
    assert requests.get(original, timeout=5).text.startswith("1\n00:00:00,000")
    assert account.data(f"PUT {path}/srt", proofread_id=proof)["submitted_for_review"] is True
    assert account.data(f"GET {path}/srt", proofread_id=proof)["srt_url"] == "https://example.com/a.srt"
    made = account.data(f"POST {path}/generate", proofread_id=proof)["video_translation_id"]
    shown = account.data("GET /v3/video-translations/{video_translation_id}", video_translation_id=made)
    assert (shown["title"], shown["output_language"]) == ("Film", "German")
    assert len(account.server.paid_work) == 2


def test_proofread_that_failed(account: Account) -> None:
    """Nothing can be generated from a proofread that failed; it is no matter of waiting."""
    account.server.plan_jobs(JobPlan(polls=0, silent=True))
    proof = account.ended("POST /v3/video-translations/proofreads")
    answer = account.call("POST /v3/video-translations/proofreads/{proofread_id}/generate", {}, proofread_id=proof)
    assert said(answer) == (409, "heygen/CONFLICT")


def test_captions(account: Account) -> None:
    """The captions of a translation are there in both formats when it is completed."""
    name = "GET /v3/video-translations/{video_translation_id}/caption"
    made = account.started("POST /v3/video-translations")
    early = account.call(name, query={"format": "srt"}, video_translation_id=made)
    assert said(early) == (409, "heygen/RESOURCE_NOT_READY")
    account.server.finish_jobs()
    for kind, start in (("srt", "1\n"), ("vtt", "WEBVTT")):
        url = account.data(name, query={"format": kind}, video_translation_id=made)["caption_url"]
        assert requests.get(url, timeout=5).text.startswith(start)
    shown = account.data("GET /v3/video-translations/{video_translation_id}", video_translation_id=made)
    assert shown["srt_caption_url"] is not None


def test_clips_and_layers(account: Account) -> None:
    """A clipping job has one clip for each duration, a background removal one file for each layer."""
    clips = account.data("GET /v3/ai-clipping/{job_id}", job_id=account.ended("POST /v3/ai-clipping"))["clips"]
    assert [requests.get(clip["video_url"], timeout=5).ok for clip in clips] == [True, True]
    removal = account.data("GET /v3/background-removals/{job_id}", job_id=account.ended("POST /v3/background-removals"))
    assert list(removal["layers"]) == ["foreground", "mask"]


# Video agents.


def test_agent_makes_a_video(account: Account) -> None:
    """A session has its video from the start, which is read like any other and costs once."""
    made = account.data("POST /v3/video-agents")
    states = [account.data("GET /v3/videos/{video_id}", video_id=made["video_id"])["status"] for _ in range(3)]
    assert states == ["pending", "processing", "completed"]
    session = account.data("GET /v3/video-agents/{session_id}", session_id=made["session_id"])
    assert ("completed", 100, made["video_id"]) == (session["status"], session["progress"], session["video_id"])
    assert [message["type"] for message in session["messages"]] == ["resource", "text"]
    listed = account.data("GET /v3/video-agents/{session_id}/videos", session_id=made["session_id"])
    assert [made["video_id"]] == [one["id"] for one in listed] == [one["id"] for one in account.data("GET /v3/videos")]
    resource = session["messages"][0]["resource_ids"][0]
    one = account.data("GET /v3/video-agents/{session_id}/resources/{resource_id}", session_id=made["session_id"], resource_id=resource)
    assert requests.get(one["url"], timeout=5).ok
    assert len(account.server.paid_work) == 1


@pytest.mark.parametrize(
    ("create", "read_name", "send", "states"),
    [
        (
            ("POST /v3/video-agents", {"prompt": "A film", "mode": "chat"}),
            "GET /v3/video-agents/{session_id}",
            "POST /v3/video-agents/{session_id}",
            ["thinking", "waiting_for_input", "thinking", "generating", "completed"],
        ),
        (
            ("POST /v3/video-agents/sessions", {"prompt": "A film"}),
            "GET /v3/video-agents/sessions/{session_id}",
            "POST /v3/video-agents/sessions/{session_id}/messages",
            ["processing", "reviewing", "processing", "generating", "completed"],
        ),
    ],
)
def test_chat(account: Account, create: tuple[str, Any], read_name: str, send: str, states: list[str]) -> None:
    """In a chat nothing is made or paid for before the agent is answered, and each later answer makes one more video."""
    session = account.data(*create)["session_id"]
    seen = [account.data(read_name, session_id=session)["status"] for _ in range(2)]
    assert account.server.paid_work == []
    account.data(send, {"message": "For engineers"}, session_id=session)
    assert said(account.call(send, {"message": "Quick"}, session_id=session)) == (409, "heygen/RESOURCE_NOT_READY")
    seen += [account.data(read_name, session_id=session)["status"] for _ in range(3)]
    assert states == seen
    account.data(send, {"message": "Shorter"}, session_id=session)
    account.server.finish_jobs()
    messages = account.data(read_name, session_id=session)["messages"]
    assert [one["type"] for one in messages] == ["resource", "text", "resource", "text", "text", "text"]
    assert [one["content"] for one in messages if one["role"] == "user"] == ["Shorter", "For engineers", "A film"]
    assert len(account.data("GET /v3/video-agents/{session_id}/videos", session_id=session)) == 2
    assert len(account.server.paid_work) == 2


def test_chat_that_may_go_on(account: Account) -> None:
    """An interactive session that may proceed by itself makes its video without an answer."""
    session = account.data("POST /v3/video-agents/sessions", {"prompt": "A film", "auto_proceed": True})["session_id"]
    states = [account.data("GET /v3/video-agents/sessions/{session_id}", session_id=session)["status"] for _ in range(3)]
    assert states == ["processing", "generating", "completed"]


def test_deleted_video_of_an_agent(account: Account) -> None:
    """A video that an agent made can be deleted; its session remains."""
    made = account.data("POST /v3/video-agents")
    account.data("DELETE /v3/videos/{video_id}", video_id=made["video_id"])
    assert said(account.call("GET /v3/videos/{video_id}", video_id=made["video_id"])) == (404, "heygen/VIDEO_NOT_FOUND")
    assert account.data("GET /v3/video-agents/{session_id}/videos", session_id=made["session_id"]) == []


@pytest.mark.parametrize(
    ("named", "answer"),
    [
        ({"avatar_id": AVATAR, "voice_id": VOICE}, (200, None)),
        ({"avatar_id": "nobody"}, (404, "heygen/AVATAR_NOT_FOUND")),
        ({"voice_id": "nobody"}, (404, "heygen/VOICE_NOT_FOUND")),
        ({"files": [{"type": "asset_id", "asset_id": "nothing"}]}, (404, "heygen/ASSET_NOT_FOUND")),
    ],
)
def test_what_a_prompt_names(account: Account, named: Mapping[str, Any], answer: tuple[int, str | None]) -> None:
    """Avatars, voices and files that a session is given must exist."""
    assert said(account.call("POST /v3/video-agents", {"prompt": "A film", **named})) == answer


def test_unknown_resource(account: Account) -> None:
    """A resource that a session does not have is 404."""
    session = account.ended("POST /v3/video-agents")
    answer = account.call("GET /v3/video-agents/{session_id}/resources/{resource_id}", session_id=session)
    assert said(answer) == (404, "heygen/RESOURCE_NOT_FOUND")


def test_message_to_a_session_that_is_no_chat(account: Account) -> None:
    """A session that makes one video takes no messages."""
    session = account.ended("POST /v3/video-agents")
    answer = account.call("POST /v3/video-agents/{session_id}", {"message": "More"}, session_id=session)
    assert said(answer) == (409, "heygen/CONFLICT")


@pytest.mark.parametrize(("mode", "state"), [("generate", "failed"), ("chat", "waiting_for_input")])
def test_stop(account: Account, mode: str, state: str) -> None:
    """A stopped session makes no video; a chat waits for the next message."""
    session = account.data("POST /v3/video-agents", {"prompt": "A film", "mode": mode})["session_id"]
    account.call("GET /v3/video-agents/{session_id}", session_id=session)
    if mode == "chat":
        account.data("POST /v3/video-agents/{session_id}", session_id=session)
    account.data("POST /v3/video-agents/{session_id}/stop", session_id=session)
    assert state == account.call("GET /v3/video-agents/{session_id}", session_id=session).json()["data"]["status"]
    made = account.data("GET /v3/video-agents/sessions/{session_id}/resources", session_id=session)["resources"]
    assert made == []


# Avatars and voices.


@pytest.mark.parametrize(
    ("avatar", "answer"),
    [
        (AVATAR, (200, None)),
        ("Tyler-incasualsuit-20220721", (200, None)),
        (UNCONSENTED_TWIN, (400, "heygen/AVATAR_CONSENT_REQUIRED")),
        ("nobody", (404, "heygen/AVATAR_NOT_FOUND")),
    ],
)
def test_avatar_of_a_video(account: Account, avatar: str, answer: tuple[int, str | None]) -> None:
    """A video needs an avatar that exists and whose person has agreed."""
    assert answer == said(account.call("POST /v3/videos", {**SCRIPT, "avatar_id": avatar}))


def test_twin_needs_a_voice(account: Account) -> None:
    """An avatar without a default voice needs a voice_id."""
    answer = account.call("POST /v3/videos", {**SCRIPT, "avatar_id": TWIN})
    assert (said(answer), answer.json()["error"]["param"]) == ((404, "heygen/VOICE_NOT_FOUND"), "voice_id")
    assert account.call("POST /v3/videos", {**SCRIPT, "avatar_id": TWIN, "voice_id": VOICE}).status_code == 200


def test_digital_twin(account: Account) -> None:
    """A digital twin can be used after its training and the consent of its person, in this order."""
    body = {"type": "digital_twin", "name": "Grace", "file": FILM}
    made = account.data("POST /v3/avatars", body)
    look, group = made["avatar_item"]["id"], made["avatar_group"]["id"]
    video = {**SCRIPT, "avatar_id": look, "voice_id": VOICE}
    assert said(account.call("POST /v3/videos", video)) == (409, "heygen/RESOURCE_NOT_READY")
    account.server.finish_jobs()
    assert account.data("GET /v3/avatars/looks/{look_id}", look_id=look)["status"] == "pending_consent"
    assert said(account.call("POST /v3/videos", video)) == (400, "heygen/AVATAR_CONSENT_REQUIRED")
    assert account.data("POST /v3/avatars/{group_id}/consent", group_id=group)["url"].startswith("https://")
    assert account.data("GET /v3/avatars/{group_id}", group_id=group)["status"] == "completed"
    assert account.call("POST /v3/videos", video).status_code == 200
    assert account.server.deliveries == []


def test_avatar_that_failed(account: Account) -> None:
    """An avatar whose training failed tells why, and cannot be used."""
    account.server.plan_jobs(JobPlan(polls=0, fails=error("heygen", "training_failed")))
    look = account.ended("POST /v3/avatars")
    found = normalize(account.call("GET /v3/avatars/looks/{look_id}", look_id=look), "heygen")
    assert found is not None
    assert found.code == "training_failed"
    answer = account.call("POST /v3/videos", {**SCRIPT, "avatar_id": look, "voice_id": VOICE})
    assert said(answer) == (400, "heygen/AVATAR_NOT_USABLE")


def test_second_look(account: Account) -> None:
    """A look can be added to a group; with its last look a group goes."""
    made = account.data("POST /v3/avatars")
    group = made["avatar_group"]["id"]
    second = account.data("POST /v3/avatars", {**BODIES["POST /v3/avatars"], "avatar_group_id": group})
    assert account.data("GET /v3/avatars/{group_id}", group_id=group)["looks_count"] == 2
    for item in (made, second):
        account.data("DELETE /v3/avatars/looks/{look_id}", look_id=item["avatar_item"]["id"])
    assert said(account.call("GET /v3/avatars/{group_id}", group_id=group)) == (404, "heygen/AVATAR_GROUP_NOT_FOUND")
    answer = account.call("POST /v3/avatars", {**BODIES["POST /v3/avatars"], "avatar_group_id": group})
    assert said(answer) == (404, "heygen/AVATAR_GROUP_NOT_FOUND")


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("PATCH /v3/avatars/looks/{look_id}", {"look_id": AVATAR}),
        ("DELETE /v3/avatars/looks/{look_id}", {"look_id": AVATAR}),
        ("DELETE /v3/avatars/{group_id}", {"group_id": "1727664083"}),
        ("DELETE /v3/voices/{voice_id}", {"voice_id": VOICE}),
    ],
)
def test_public_things_stay(account: Account, name: str, ids: dict[str, str]) -> None:
    """What belongs to everybody can be changed by nobody."""
    assert said(account.call(name, BODIES.get(name), **ids)) == (403, "heygen/RESOURCE_ACCESS_DENIED")


@pytest.mark.parametrize(
    ("name", "query", "found"),
    [
        ("GET /v3/avatars", {"ownership": "private"}, 2),
        ("GET /v3/avatars", {"ownership": "public"}, 4),
        ("GET /v3/avatars/looks", {"group_id": "1727664083"}, 2),
        ("GET /v3/avatars/looks", {"avatar_type": "digital_twin"}, 2),
        ("GET /v3/voices", {}, 5),
        ("GET /v3/voices", {"type": "private"}, 1),
        ("GET /v3/voices", {"engine": "starfish", "language": "german"}, 1),
        ("GET /v3/video-agents/styles", {"tag": "cinematic"}, 1),
        ("GET /v3/audio/sounds", {"query": "x", "type": "sound_effects"}, 2),
        ("GET /v3/audio/sounds", {"query": "x", "min_score": "0.92"}, 1),
        ("GET /v3/assets/search", {"query": "x", "type": "image", "scope": "personal"}, 0),
        ("GET /v3/brand-kits", {}, 1),
    ],
)
def test_filters(account: Account, name: str, query: Mapping[str, str], found: int) -> None:
    """Lists have what their filters ask for."""
    assert found == len(account.data(name, query=query))


def test_cloned_voice(account: Account) -> None:
    """A cloned voice can be used, is listed and is deleted like any other, once it is complete."""
    speech = {"text": "One two three", "voice_id": account.started("POST /v3/voices/clone")}
    assert said(account.call("POST /v3/voices/speech", speech)) == (409, "heygen/RESOURCE_NOT_READY")
    account.server.finish_jobs()
    assert len(account.data("GET /v3/voices", query={"type": "private"})) == 2
    made = account.data("POST /v3/voices/speech", speech)
    assert [word["word"] for word in made["word_timestamps"]] == ["One", "two", "three"]
    assert requests.get(made["audio_url"], timeout=5).content.startswith(b"ID3")
    account.data("DELETE /v3/voices/{voice_id}", voice_id=speech["voice_id"])
    assert said(account.call("POST /v3/voices/speech", speech)) == (404, "heygen/VOICE_NOT_FOUND")


def test_voice_that_failed(account: Account) -> None:
    """A clone that failed is no voice to speak with."""
    account.server.plan_jobs(JobPlan(silent=True))
    voice = account.ended("POST /v3/voices/clone")
    answer = account.call("POST /v3/voices/speech", {"text": "One", "voice_id": voice})
    assert said(answer) == (400, "heygen/VOICE_UNAVAILABLE")


def test_deleted_voice(account: Account) -> None:
    """A voice of the account is deleted once; the second time it is not found."""
    own = account.data("GET /v3/voices", query={"type": "private"})[0]["voice_id"]
    account.data("DELETE /v3/voices/{voice_id}", voice_id=own)
    assert said(account.call("DELETE /v3/voices/{voice_id}", voice_id=own)) == (404, "heygen/VOICE_NOT_FOUND")


def test_designed_voices(account: Account) -> None:
    """Equal descriptions and seeds find equal voices, another seed finds others."""
    one, same, other = (account.data("POST /v3/voices", {"prompt": "calm", "seed": seed})["voices"] for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_scenes_of_a_template(account: Account) -> None:
    """Scenes that a template does not have are not found, those that it has can be chosen."""
    template = account.data("GET /v3/templates/{template_id}", template_id=TEMPLATE)
    name = "POST /v3/templates/{template_id}"
    wrong = account.call(name, {"variables": template["variables"], "scene_ids": ["x"]}, template_id=TEMPLATE)
    assert (said(wrong), wrong.json()["error"]["param"]) == ((404, "heygen/RESOURCE_NOT_FOUND"), "scene_ids")
    account.data(name, {"variables": template["variables"], "scene_ids": template["scene_ids"][::-1]}, template_id=TEMPLATE)


# Files.


def test_upload(account: Account) -> None:
    """An uploaded file is described by its bytes, can be downloaded, listed, used and deleted."""
    made = account.data("POST /v3/assets")
    assert ("image/png", len(PNG)) == (made["mime_type"], made["size_bytes"])
    assert requests.get(made["url"], timeout=5).content == PNG
    image = {"type": "image", "image": {"type": "asset_id", "asset_id": made["asset_id"]}, "script": "x", "voice_id": VOICE}
    assert account.call("POST /v3/videos", image).status_code == 200
    listed = account.data("GET /v3/assets", query={"username": USERNAME})
    assert [(made["asset_id"], "image"), (PROJECT_FILE, "zip")] == [(one["id"], one["type"]) for one in listed]
    assert account.data("GET /v3/assets", query={"username": "somebody"}) == []
    account.data("DELETE /v3/assets/{asset_id}", asset_id=made["asset_id"])
    assert said(account.call("POST /v3/videos", image)) == (404, "heygen/ASSET_NOT_FOUND")


def _send(account: Account, **files: Any) -> requests.Response:
    headers = {"X-Api-Key": account.server.heygen.api_key}
    return requests.post(f"{account.server.heygen.url}/v3/assets", files=files, headers=headers, timeout=20)


@pytest.mark.parametrize(
    ("name", "content", "declared", "found"),
    [
        ("a.bin", PNG, "application/octet-stream", "image/png"),
        ("a.mp4", b"no film at all", None, "video/mp4"),
        ("a.JPEG", b"", None, "image/jpeg"),
        ("a", b"RIFF....WAVE", "audio/x-wav", "audio/wav"),
        ("a", b"what?", None, "application/octet-stream"),
    ],
)
def test_type_of_an_upload(account: Account, name: str, content: bytes, declared: str | None, found: str) -> None:
    """What a file is follows from its bytes, then its name, then what the client says."""
    sent = (name, content) if declared is None else (name, content, declared)
    assert found == _send(account, file=sent).json()["data"]["mime_type"]


@pytest.mark.parametrize(
    ("files", "status", "rule"),
    [
        ({"data": ("a.png", PNG)}, 400, "heygen/INVALID_PARAMETER"),
        ({"file": ("a.jpg", PNG, "image/jpeg")}, 400, "heygen/INVALID_PARAMETER#content_type_mismatch"),
        ({"file": ("a.csv", b"a,b", "text/csv")}, 400, "heygen/INVALID_PARAMETER"),
        ({"file": ("a.png", PNG.ljust(32 * 1024 * 1024 + 1), "image/png")}, 413, "heygen/PAYLOAD_TOO_LARGE"),
        ({"file": ("a.png", PNG.ljust(34 * 1024 * 1024), "image/png")}, 413, "heygen/PAYLOAD_TOO_LARGE"),
    ],
    ids=["no file", "another type", "unknown type", "too large", "far too large"],
)
def test_wrong_upload(account: Account, files: Any, status: int, rule: str) -> None:
    """An upload without its file, with a type that its bytes deny or that HeyGen does not take, or beyond 32 MB, is refused."""
    assert (status, rule) == said(_send(account, **files))


def test_upload_that_is_no_form(account: Account) -> None:
    """JSON in place of a form is 400 with the field that is missing."""
    answer = account.call("POST /v3/assets", {"file": "x"})
    assert (said(answer), answer.json()["error"]["param"]) == ((400, "heygen/INVALID_PARAMETER"), "file")


def test_direct_upload(account: Account) -> None:
    """A direct upload is put into the storage and completed, in this order; before that its file cannot be used."""
    digest = hashlib.sha256(PNG).hexdigest()
    slot = account.data("POST /v3/assets/direct-uploads", {**SLOT, "checksum_sha256": digest})
    asset = slot["asset_id"]
    complete = "POST /v3/assets/{asset_id}/complete"
    early = account.call(complete, {}, asset_id=asset)
    assert said(early) == (409, "heygen/CONFLICT#upload_pending")
    image = {"type": "image", "image": {"type": "asset_id", "asset_id": asset}, "script": "x", "voice_id": VOICE}
    assert said(account.call("POST /v3/videos", image)) == (409, "heygen/RESOURCE_NOT_READY")
    assert account.put(slot, PNG + b"!").status_code == 403
    assert account.put(slot).status_code == 200
    one, again = (account.data(complete, {"checksum_sha256": digest}, asset_id=asset) for _ in range(2))
    assert one == again
    assert requests.get(one["url"], timeout=5).content == PNG
    assert account.call("POST /v3/videos", image).status_code == 200


def test_direct_upload_expires(account: Account) -> None:
    """The address of a direct upload works as long as it says, and then another one is needed."""
    slot = account.data("POST /v3/assets/direct-uploads")
    account.clock.advance(slot["expires_in_seconds"] + 1)
    late = normalize(account.put(slot), "heygen")
    assert late is not None
    assert (late.channel.value, late.retry.action.value) == ("upload", "renew")


@pytest.mark.parametrize(
    ("slot", "body", "told", "status", "name"),
    [
        ({"content_type": "image/jpeg"}, PNG, None, 400, "INVALID_PARAMETER"),
        ({}, PNG, "0" * 64, 409, "CONFLICT"),
        ({"checksum_sha256": "0" * 64}, PNG, None, 409, "CONFLICT"),
    ],
    ids=["another type", "another checksum told at the end", "another checksum told at the beginning"],
)
def test_direct_upload_of_another_file(account: Account, slot: Any, body: bytes, told: str | None, status: int, name: str) -> None:
    """What was put is checked when the upload is completed; with another checksum the two are in conflict."""
    made = account.data("POST /v3/assets/direct-uploads", {**SLOT, **slot})
    assert account.put(made, body).status_code == 200
    answer = account.call("POST /v3/assets/{asset_id}/complete", {"checksum_sha256": told}, asset_id=made["asset_id"])
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.name) == (status, name)


def test_direct_upload_too_large(account: Account) -> None:
    """A file that is too large for the storage is refused before it is sent."""
    answer = account.call("POST /v3/assets/direct-uploads", {**SLOT, "size_bytes": 6 * 1024**3})
    assert (said(answer), answer.json()["error"]["param"]) == ((400, "heygen/INVALID_PARAMETER"), "size_bytes")


def test_batch_of_uploads(account: Account) -> None:
    """The files of a batch are taken in one by one; one that was not put fails, and a second try takes it in."""
    made = account.data("POST /v3/assets/direct-uploads/batches")
    batch, (one, other) = made["batch_id"], made["items"]
    account.put(one)
    read_batch = "GET /v3/assets/batches/{batch_id}"

    def states() -> list[str]:
        return [item["status"] for item in account.call(read_batch, batch_id=batch).json()["data"]["items"]]

    assert states() == ["queued", "queued"]
    account.data("POST /v3/assets/complete/batches", {"batch_id": batch})
    assert (states(), states()) == (["processing", "failed"], ["completed", "failed"])
    account.put(other)
    account.data("POST /v3/assets/complete/batches", {"batch_id": batch})
    assert (states(), states()) == (["completed", "processing"], ["completed", "completed"])
    asked = {"asset_ids": f"{one['asset_id']},{UNKNOWN}", "batch_ids": batch}
    found = account.call("GET /v3/assets/statuses", query=asked).json()["data"]
    assert [item["status"] for item in found] == ["completed", "not_found", "completed", "completed"]


@pytest.mark.parametrize(
    ("content_type", "size", "answer"),
    [
        ("application/zip", 100, (202, None)),
        ("application/zip", 201 * 1024 * 1024, (413, "heygen/HYPERFRAMES_PROJECT_TOO_LARGE")),
        ("image/png", len(PNG), (400, "heygen/HYPERFRAMES_PROJECT_INVALID")),
    ],
)
def test_project_of_a_render(account: Account, content_type: str, size: int, answer: tuple[int, str | None]) -> None:
    """A render takes zipped projects of at most 200 MB."""
    slot = account.data("POST /v3/assets/direct-uploads", {"filename": "p", "content_type": content_type, "size_bytes": size})
    # Nobody wants to send 201 MB in a test.
    account.server._reception.world.store["asset"][slot["asset_id"]]["status"] = "completed"
    body = {"project": {"type": "asset_id", "asset_id": slot["asset_id"]}}
    assert said(account.call("POST /v3/hyperframes/renders", body)) == answer


# Webhooks.


class Receiver(HTTPServer):
    """Keeps what it is sent: path, headers, body."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Mapping[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Keep)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Keep(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def events(account: Account) -> list[Delivery]:
    """What was delivered, when all of it was answered."""
    return account.server.wait_for_deliveries()


EVENT_OF = {
    "POST /v3/videos": ("avatar_video", "video_id"),
    "POST /v3/templates/{template_id}": ("avatar_video", "video_id"),
    "POST /v3/video-translations": ("video_translate", "video_translate_id"),
    "POST /v3/video-translations/proofreads": ("proofread_creation", "proofread_id"),
    "POST /v3/hyperframes/renders": ("hyperframes_video", "render_id"),
    "POST /v3/ai-clipping": ("ai_clipping", "job_id"),
    "POST /v3/video-agents": ("video_agent", "session_id"),
    "POST /v3/avatars": ("photo_avatar_train", "avatar_id"),
}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", EVENT_OF)
def test_event(account: Account, receiver: Receiver, name: str, *, fails: bool) -> None:
    """The end of a job is posted to every endpoint, signed, and stands in the log; failures are read as such."""
    secret = account.data("POST /v3/webhooks/endpoints", {"url": receiver.url})["secret"]
    account.server.plan_jobs(JobPlan(fails=error("heygen", "rendering_failed") if fails else None))
    job_id = account.ended(name)
    event, id_field = EVENT_OF[name]
    [sent] = events(account)
    [(_, headers, raw)] = receiver.got
    body = json.loads(raw)
    expected = f"{event}.{'fail' if fails else 'success'}"
    assert (expected, expected, job_id, 204) == (sent.event, body["event_type"], body["event_data"][id_field], sent.status)
    assert hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest() == headers["Heygen-Signature"]
    assert (str(int(account.clock())), body["event_id"]) == (headers["Heygen-Timestamp"], headers["Heygen-Event-Id"])
    logged = account.call("GET /v3/webhooks/events", query={"event_type": expected, "entity_id": job_id}).json()["data"]
    assert [body] == logged
    found = normalize(Observation("heygen", None, {}, raw))
    assert ("rendering_failed" if fails else None) == (found and found.code)


def test_every_event_type_is_told(account: Account) -> None:
    """The list of event types has every one that endpoints can subscribe to."""
    assert list(EVENTS) == [one["event_type"] for one in account.data("GET /v3/webhooks/event-types")]


def test_events_that_an_endpoint_wants(account: Account, receiver: Receiver) -> None:
    """An endpoint gets the types and the thing that it asked for, until it is deleted."""
    make = "POST /v3/webhooks/endpoints"
    video = account.started("POST /v3/videos")
    account.data(make, {"url": f"{receiver.url}/lipsync", "events": ["avatar_video.fail"]})
    account.data(make, {"url": f"{receiver.url}/other", "entity_id": "another"})
    account.data(make, {"url": f"{receiver.url}/mine", "entity_id": video})
    changed = account.data(make, {"url": f"{receiver.url}/old", "events": []})["endpoint_id"]
    account.data("PATCH /v3/webhooks/endpoints/{endpoint_id}", {"url": f"{receiver.url}/new", "events": None}, endpoint_id=changed)
    account.server.finish_jobs()
    events(account)
    assert sorted(path for path, _, _ in receiver.got) == ["/mine", "/new"]
    account.data("DELETE /v3/webhooks/endpoints/{endpoint_id}", endpoint_id=changed)
    account.ended("POST /v3/videos")
    events(account)
    assert len(receiver.got) == 2


def test_rotated_secret(account: Account, receiver: Receiver) -> None:
    """The secret is shown when it is made and rotated, never else, and a new one signs from then on."""
    made = account.data("POST /v3/webhooks/endpoints", {"url": receiver.url})
    rotated = account.data("POST /v3/webhooks/endpoints/{endpoint_id}/rotate-secret", endpoint_id=made["endpoint_id"])
    account.ended("POST /v3/videos")
    events(account)
    _, headers, raw = receiver.got[0]
    signs = [hmac.new(one["secret"].encode(), raw, hashlib.sha256).hexdigest() == headers["Heygen-Signature"] for one in (made, rotated)]
    assert signs == [False, True]
    assert [one["secret"] for one in account.data("GET /v3/webhooks/endpoints")] == [None]


def test_endpoint_of_v1(account: Account, receiver: Receiver) -> None:
    """An endpoint that was registered by v1 gets its body and its one signature header."""
    headers = {"X-Api-Key": account.server.heygen.api_key}
    url = f"{account.server.heygen.url}/v1/webhook/endpoint.add"
    made = requests.post(url, json={"url": receiver.url, "events": ["avatar_video.fail"]}, headers=headers, timeout=5).json()["data"]
    account.server.plan_jobs(error("heygen", "rendering_failed", message="Avatar rendering timed out"))
    account.ended("POST /v3/videos")
    events(account)
    [(_, told, raw)] = receiver.got
    assert list(json.loads(raw)) == ["event_type", "event_data"]
    assert json.loads(raw)["event_data"]["msg"] == "Avatar rendering timed out"
    assert hmac.new(made["secret"].encode(), raw, hashlib.sha256).hexdigest() == told["Signature"]


# Those that take no callback.
UNCALLED = {
    "POST /v3/background-removals",
    "POST /v3/avatars",
    "POST /v3/voices/clone",
    "POST /v3/video-translations/proofreads",
}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", [name for name in STARTS if name not in UNCALLED])
def test_callback(account: Account, receiver: Receiver, name: str, *, fails: bool) -> None:
    """The address in a request is told the end of its job, unsigned, with the caller's own id."""
    account.server.plan_jobs(JobPlan(fails=error("heygen", "rendering_failed") if fails else None))
    body = {**BODIES[name], "callback_url": receiver.url, "callback_id": "mine"}
    account.data(name, body, template_id=TEMPLATE)
    account.server.finish_jobs()
    events(account)
    [(_, headers, raw)] = receiver.got
    told = json.loads(raw)["data"]
    assert ("mine", "failed" if fails else "completed") == (told["callback_id"], told["status"])
    assert not [one for one in headers if "signature" in one.lower()]


def test_end_of_a_batch(account: Account, receiver: Receiver) -> None:
    """The last item of a batch is its end, which its address and the endpoints are told once."""
    account.data("POST /v3/webhooks/endpoints", {"url": f"{receiver.url}/hook", "events": ["batch.finished"]})
    body = {"videos": [SCRIPT, SCRIPT, {**SCRIPT, "avatar_id": "x"}], "callback_url": f"{receiver.url}/batch"}
    batch = account.data("POST /v3/videos/batches", body)["batch_id"]
    account.server.finish_jobs()
    events(account)
    told = {path: json.loads(raw) for path, _, raw in receiver.got}
    assert (2, batch) == (len(receiver.got), told["/hook"]["event_data"]["batch_id"])
    assert told["/batch"]["data"]["counts_by_status"] == {"completed": 2, "failed": 1}


def test_batch_that_never_began(account: Account, receiver: Receiver) -> None:
    """A batch of which no item could be created is finished at once."""
    body = {"videos": [{**SCRIPT, "avatar_id": "x"}], "callback_url": receiver.url}
    account.data("POST /v3/videos/batches", body)
    events(account)
    assert [json.loads(raw)["data"]["status"] for _, _, raw in receiver.got] == ["failed"]


def test_gif_and_captions_have_events(account: Account, receiver: Receiver) -> None:
    """A GIF and captions that were asked for have events of their own beside that of the video."""
    account.data("POST /v3/webhooks/endpoints", {"url": receiver.url})
    account.data("POST /v3/templates/{template_id}", {"variables": {}, "include_gif": True, "caption": True}, template_id=TEMPLATE)
    account.server.finish_jobs()
    assert [sent.event for sent in events(account)] == ["avatar_video.success", "avatar_video_gif.success", "avatar_video_caption.success"]


# The whole.


def test_equal_seeds_give_equal_answers() -> None:
    """Servers of one seed answer equal requests byte for byte, others do not."""

    def answers(seed: int) -> list[bytes]:
        clock = ManualClock()
        with FakeServer(seed=seed, clock=clock, port=0) as server:
            account = Account(server, clock)
            port = str(server.port).encode()
            return [
                account.call(name, BODIES.get(name), template_id=TEMPLATE).content.replace(port, b"")
                for name in (*STARTS, "GET /v3/videos")
            ]

    one, same, other = answers(1), answers(1), answers(2)
    assert one == same
    assert one != other


def test_the_catalog_of_an_account_is_made_of_real_things(account: Account) -> None:
    """Every voice, avatar, group and template of the account can be read, and what one names of another exists."""
    voices = {one["voice_id"] for kind in ("public", "private") for one in account.data("GET /v3/voices", query={"type": kind})}
    looks = account.data("GET /v3/avatars/looks")
    assert {one["default_voice_id"] for one in looks} - {None} <= voices
    assert {one["group_id"] for one in looks} == {one["id"] for one in account.data("GET /v3/avatars")}
    assert {AVATAR, TWIN, UNCONSENTED_TWIN} <= {one["id"] for one in looks}
    assert tuple(account.data("GET /v3/video-translations/languages")["languages"]) == heygen_catalog.LANGUAGES


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/avatar.list", (401, {"code": 400112, "message": "Unauthorized"})),
        ("/v2/avatars", (401, {"data": None, "error": {"code": "unauthorized", "message": "Unauthorized"}})),
    ],
)
def test_older_generations_have_their_own_shapes(account: Account, path: str, answer: tuple[int, Any]) -> None:
    """The same refusal is flat with a number in v1, wrapped with a name in v2, and both announce their end."""
    refused = account.call(f"GET {path}", headers={})
    assert answer == (refused.status_code, refused.json())
    assert (refused.headers["deprecation"], refused.headers["sunset"]) == ("true", "Sat, 31 Oct 2026 00:00:00 GMT")


def test_success_of_v2_warns_of_its_end(account: Account) -> None:
    """A success of v2 carries the notice that v2 ends, and is no error."""
    answer = account.call("GET /v2/avatars")
    assert said(answer) == (200, None)
    assert answer.json()["warning"]["sunset_date"] == "2026-10-31"
