"""The endpoints of the fake HeyGen below /v1 and /v2, over a real socket."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest
import requests

from heify_heygen_errors import Channel, Observation, normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing.clock import ManualClock
from heify_heygen_errors.testing.operations import Checker, Operation
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.server import FakeServer
from heify_heygen_errors.testing.vendors import heygen_catalog, heygen_streaming, heygen_v1
from heify_heygen_errors.testing.vendors.heygen_legacy import legacy
from heify_heygen_errors.testing.world import JobPlan

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in legacy.operations}
PNG = b"\x89PNG\r\n\x1a\n and so on"
TEXT_VOICE = {"type": "text", "voice_id": heygen_catalog.VOICE, "input_text": "Hello"}
SCENE = {"character": {"type": "avatar", "avatar_id": heygen_catalog.AVATAR}, "voice": TEXT_VOICE}
PHOTO = {
    "name": "Ada",
    "age": "Young Adult",
    "gender": "Woman",
    "ethnicity": "White",
    "orientation": "square",
    "pose": "half_body",
    "style": "Realistic",
    "appearance": "a blue coat",
}
SOURCE = "https://example.com/a.mp4"
# Good requests. <name> stands for the id of something that has to be made first, see `Account.made`.
QUERIES: Mapping[str, Mapping[str, str]] = {
    "GET /v1/video_status.get": {"video_id": "<video>"},
    "DELETE /v1/video.delete": {"video_id": "<video>"},
    "GET /v1/personalized_video/audience/detail": {"id": "<contact>"},
    "GET /v1/personalized_video/project/detail": {"id": heygen_v1.PROJECT},
    "DELETE /v1/webhook/endpoint.delete": {"endpoint_id": "<endpoint>"},
    "GET /v2/video_translate/caption": {"video_translate_id": "<translation>", "caption_type": "srt"},
}
BODIES: Mapping[str, Any] = {
    "POST /v1/personalized_video/add_contact": {"project_id": heygen_v1.PROJECT, "variables_list": [{"first_name": "Ada"}]},
    "POST /v1/webhook/endpoint.add": {"url": "https://example.com/hook", "events": ["avatar_video.success"]},
    "POST /v1/streaming.new": {"quality": "medium", "avatar_id": heygen_catalog.AVATAR, "voice": {"voice_id": heygen_catalog.VOICE}},
    "POST /v1/streaming.start": {"session_id": "<new session>", "sdp": {"type": "answer", "sdp": "v=0"}},
    "POST /v1/streaming.ice": {"session_id": "<session>", "candidate": {}},
    "POST /v1/streaming.task": {"session_id": "<session>", "text": "Hello"},
    "POST /v1/streaming.interrupt": {"session_id": "<session>"},
    "POST /v1/streaming.stop": {"session_id": "<session>"},
    "POST /v1/video_agent/generate": {"prompt": "A video about errors", "files": [{"asset_id": "<asset>"}]},
    "POST /v1/audio/text_to_speech": {"text": "Some errors may pass.", "voice_id": heygen_catalog.VOICE, "speed": 1.2},
    "POST /v1/workflows/executions": {"workflow_type": "script_to_video", "input": {"script": "Hello"}},
    "POST /v1/workflows/graph-executions": {"workflows": [{"type": "script_to_video", "id": "a", "input": {}}]},
    "POST /v2/video/generate": {"video_inputs": [SCENE], "dimension": {"width": 1280, "height": 720}, "title": "One"},
    "POST /v2/videos": {"avatar_id": heygen_catalog.AVATAR, "script": "Hello", "voice_id": heygen_catalog.VOICE},
    "POST /v2/video_translate": {"video_url": SOURCE, "output_language": "German"},
    "POST /v2/template/{template_id}/generate": {"variables": {}, "title": "Two"},
    "POST /v2/photo_avatar/photo/generate": PHOTO,
    "POST /v2/photo_avatar/look/generate": {"group_id": "<group>", "prompt": "at the sea"},
    "POST /v2/photo_avatar/avatar_group/create": {"name": "Ada", "image_key": "image/<asset>/original"},
    "POST /v2/photo_avatar/avatar_group/add": {"group_id": "<group>", "image_keys": ["image/<asset>/original"], "name": "Ada"},
    "POST /v2/photo_avatar/train": {"group_id": "<group>"},
    "POST /v2/photo_avatar/add_motion": {"id": "<photo>"},
}
PATHS: Mapping[str, str] = {
    "avatar_id": "<photo>",
    "execution_id": "<execution>",
    "generation_id": "<generation>",
    "group_id": "<group>",
    "talking_photo_id": "<talking-photo>",
    "template_id": heygen_catalog.TEMPLATE,
    "video_id": "<video>",
    "video_translate_id": "<translation>",
}
UPLOADS = ("POST /v1/asset", "POST /v1/talking_photo")


@attrs.define
class Account:
    """A client of the fake HeyGen that makes what its requests name."""

    server: FakeServer
    clock: ManualClock
    ids: dict[str, str] = attrs.field(factory=dict)

    def call(self, name: str, body: Any = None, *, key: str | None = "", headers: Any = None, **query: str) -> requests.Response:
        """Call a method and path, with the right key unless another one or None is given."""
        method, path = name.split(" ")
        sent = {} if key is None else {"X-Api-Key": key or self.server.heygen.api_key}
        raw = {"data": body} if isinstance(body, bytes) else {"json": body}
        url = self.server.heygen.url + path
        return requests.request(method, url, params=query, headers={**sent, **(headers or {})}, timeout=5, **raw)

    def data(self, name: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(name, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def good(self, name: str, **more: Any) -> requests.Response:
        """A request that the endpoint takes."""
        if name in UPLOADS:
            return self.call(name, PNG, headers={"Content-Type": "image/png"}, **more)
        return self.call(self.filled(self.path(name)), self.filled(BODIES.get(name)), **self.filled(dict(QUERIES.get(name, {}))), **more)

    def path(self, name: str) -> str:
        return name.format(**PATHS) if "{" in name else name

    def filled(self, value: Any) -> Any:
        """The value with ids in place of their names."""
        if isinstance(value, dict):
            return {name: self.filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        if isinstance(value, str) and "<" in value:
            start, _, rest = value.partition("<")
            name, _, end = rest.partition(">")
            return f"{start}{self.made(name)}{end}"
        return value

    def made(self, what: str) -> str:
        """The id of a thing of this kind, made when it is first asked for."""
        if what not in self.ids:
            self.ids[what] = MAKE[what](self)
        return self.ids[what]

    def done(self, name: str) -> Any:
        """What a good request answers as data."""
        answer = self.good(name)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def finished(self, job: str) -> str:
        self.server.finish_jobs(job)
        return job


def _session(account: Account) -> str:
    session = str(account.done("POST /v1/streaming.new")["session_id"])
    account.data("POST /v1/streaming.start", {"session_id": session})
    return session


MAKE: Mapping[str, Callable[[Account], str]] = {
    "video": lambda account: account.done("POST /v2/video/generate")["video_id"],
    "contact": lambda account: account.done("POST /v1/personalized_video/add_contact")["ids"][0],
    "endpoint": lambda account: account.done("POST /v1/webhook/endpoint.add")["endpoint_id"],
    "translation": lambda account: account.finished(account.done("POST /v2/video_translate")["video_translate_id"]),
    "execution": lambda account: account.done("POST /v1/workflows/executions")["execution_id"],
    "asset": lambda account: account.done("POST /v1/asset")["id"],
    "talking-photo": lambda account: account.done("POST /v1/talking_photo")["talking_photo_id"],
    "generation": lambda account: account.done("POST /v2/photo_avatar/photo/generate")["generation_id"],
    "group": lambda account: account.finished(account.done("POST /v2/photo_avatar/avatar_group/create")["group_id"]),
    "photo": lambda account: account.made("group"),
    "new session": lambda account: account.done("POST /v1/streaming.new")["session_id"],
    "session": _session,
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


# Every endpoint.


def test_every_endpoint_of_the_catalog_is_there() -> None:
    """Every endpoint below /v1 and /v2 that the catalog knows can be tested against."""
    rows = default_catalogs().raw["heygen"]["endpoints"]
    assert {f"{row['method']} {row['path']}" for row in rows if row["path"].startswith(("/v1/", "/v2/"))} == set(OPERATIONS)


def test_every_endpoint_is_tried() -> None:
    """No endpoint that takes a body is left without a good one here."""
    taking = {name for name, operation in OPERATIONS.items() if operation.body is not None}
    assert taking - set(UPLOADS) == set(BODIES)


@pytest.mark.parametrize("name", OPERATIONS)
def test_success(account: Account, name: str) -> None:
    """A good request gets the body that the OpenAPI document tells, which is no error, and the notice of the end."""
    answer = account.good(name)
    assert said(answer) == (200, None)
    assert Checker(OPERATIONS[name].answer or {}).problem(answer.json(), "body") is None
    assert (answer.headers["deprecation"], answer.headers["sunset"]) == ("true", "Sat, 31 Oct 2026 00:00:00 GMT")


@pytest.mark.parametrize("name", OPERATIONS)
def test_envelope(account: Account, name: str) -> None:
    """v1 says code 100, v2 error null before all else and a warning behind; what came late has data alone."""
    members = list(account.good(name).json())
    path = name.split()[1]
    late = path.startswith(("/v1/audio/", "/v1/workflows", "/v2/videos")) or path in LATE
    start = ["error", "data"] if path.startswith(("/v2/", "/v1/video_agent/")) else ["code", "data", "message"]
    page = ["has_more", "next_token"] if "next_token" in members else []
    assert members == [*(["data"] if late else start), *page, *(["warning"] if path.startswith("/v2/") else [])]


LATE = ("/v2/video_translate", "/v2/video_translate/target_languages", "/v2/video_translate/caption")


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("key", [None, "wrong"])
def test_keys(account: Account, name: str, key: str | None) -> None:
    """Every endpoint refuses a request without the key or with another one, in the same words."""
    answer = account.good(name, key=key) if name in UPLOADS else account.call(account.path(name), {}, key=key)
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.category, found.message) == (401, "authentication", "Unauthorized")


@pytest.mark.parametrize("name", [name for name in OPERATIONS if OPERATIONS[name].media == "application/json"])
def test_required(account: Account, name: str) -> None:
    """Without one of the members or parameters that it needs, a request is refused as wrong, and nothing is started."""
    operation = OPERATIONS[name]
    body, query = account.filled(BODIES.get(name)), account.filled(dict(QUERIES.get(name, {})))
    path = account.filled(account.path(name))
    before = len(account.server.paid_work)
    needed = (operation.body or {}).get("required", ())
    rules = [said(account.call(path, _without(body, member), **query)) for member in needed]
    rules += [said(account.call(path, body, **_without(query, parameter))) for parameter in query]
    wanted = {(400, f"heygen/{rule}") for rule in ("MISSING_PARAMS", "INVALID_PARAMETER")}
    assert set(rules) <= wanted
    assert len(account.server.paid_work) == before


def _without(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {one: value for one, value in members.items() if one != name}


NOT_THERE: Mapping[str, tuple[int, str | None]] = {
    "GET /v1/video_status.get": (404, "VIDEO_NOT_FOUND"),
    "DELETE /v1/video.delete": (404, "VIDEO_NOT_FOUND"),
    "GET /v1/personalized_video/audience/detail": (404, "VIDEO_NOT_FOUND"),
    "GET /v1/personalized_video/project/detail": (404, "RESOURCE_NOT_FOUND"),
    "POST /v1/personalized_video/add_contact": (404, "RESOURCE_NOT_FOUND"),
    "DELETE /v1/webhook/endpoint.delete": (404, "WEBHOOK_NOT_FOUND"),
    "POST /v1/streaming.new": (404, "STREAMING_AVATAR_NOT_FOUND"),
    "POST /v1/streaming.start": (404, "STREAMING_SESSION_NOT_FOUND"),
    "POST /v1/streaming.ice": (404, "STREAMING_SESSION_NOT_FOUND"),
    "POST /v1/streaming.task": (404, "STREAMING_SESSION_NOT_FOUND"),
    "POST /v1/streaming.interrupt": (404, "STREAMING_SESSION_NOT_FOUND"),
    "POST /v1/streaming.stop": (404, "STREAMING_SESSION_NOT_FOUND"),
    "POST /v1/video_agent/generate": (404, "ASSET_NOT_FOUND"),
    "POST /v1/workflows/executions": (404, "WORKFLOW_NOT_FOUND"),
    "POST /v1/workflows/graph-executions": (404, "WORKFLOW_NOT_FOUND"),
    "GET /v1/workflows/executions/{execution_id}": (200, "JOB_NOT_FOUND"),
    "GET /v2/videos/{video_id}": (404, "VIDEO_NOT_FOUND"),
    "DELETE /v2/videos/{video_id}": (404, "VIDEO_NOT_FOUND"),
    "GET /v2/video_translate/{video_translate_id}": (404, "RESOURCE_NOT_FOUND"),
    "GET /v2/video_translate/caption": (404, "RESOURCE_NOT_FOUND"),
    "GET /v2/template/{template_id}": (404, "TEMPLATE_NOT_FOUND"),
    "POST /v2/template/{template_id}/generate": (404, "TEMPLATE_NOT_FOUND"),
    "GET /v2/avatar/{avatar_id}/details": (404, "AVATAR_NOT_FOUND"),
    "GET /v2/avatar_group/{group_id}/avatars": (404, "AVATAR_GROUP_NOT_FOUND"),
    "POST /v2/photo_avatar/look/generate": (404, "AVATAR_GROUP_NOT_FOUND"),
    "POST /v2/photo_avatar/avatar_group/create": (404, "ASSET_NOT_FOUND"),
    "POST /v2/photo_avatar/avatar_group/add": (404, "AVATAR_GROUP_NOT_FOUND"),
    "POST /v2/photo_avatar/train": (404, "AVATAR_GROUP_NOT_FOUND"),
    "POST /v2/photo_avatar/add_motion": (404, "AVATAR_NOT_FOUND"),
    "GET /v2/photo_avatar/generation/{generation_id}": (404, "RESOURCE_NOT_FOUND"),
    "GET /v2/photo_avatar/train/status/{group_id}": (404, "AVATAR_GROUP_NOT_FOUND"),
    "GET /v2/photo_avatar/{avatar_id}": (404, "AVATAR_NOT_FOUND"),
    "DELETE /v2/photo_avatar/{avatar_id}": (404, "AVATAR_NOT_FOUND"),
    "DELETE /v2/photo_avatar_group/{group_id}": (404, "AVATAR_GROUP_NOT_FOUND"),
    "DELETE /v2/talking_photo/{talking_photo_id}": (404, "AVATAR_NOT_FOUND"),
}


def _spoiled(value: Any) -> Any:
    """A body or query with every id replaced by one that does not exist."""
    if isinstance(value, dict):
        return {name: "nobody" if name in ("type", "workflow_type") else _spoiled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_spoiled(one) for one in value]
    known = (heygen_v1.PROJECT, heygen_catalog.AVATAR)
    return "nobody" if isinstance(value, str) and (value.startswith(("<", "image/<")) or value in known) else value


@pytest.mark.parametrize("name", NOT_THERE)
def test_unknown_id(account: Account, name: str) -> None:
    """An id that does not exist is refused as such with 404, for workflows with a state."""
    status, rule = NOT_THERE[name]
    path = name.format(**dict.fromkeys(PATHS, "nobody"))
    answer = account.call(path, _spoiled(BODIES.get(name)), **_spoiled(dict(QUERIES.get(name, {}))))
    assert said(answer) == (status, f"heygen/{rule}")
    assert account.server.paid_work == []


def test_unknown_ids_are_tried() -> None:
    """Every endpoint that names something by id is tried with one that does not exist."""
    naming = (
        {name for name in OPERATIONS if "{" in name} | {name for name, body in BODIES.items() if "<" in json.dumps(body)} | set(QUERIES)
    )
    assert naming <= set(NOT_THERE)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"character": {"type": "avatar", "avatar_id": "nobody"}}, "AVATAR_NOT_FOUND"),
        ({"character": {"type": "talking_photo", "talking_photo_id": "nobody"}}, "AVATAR_NOT_FOUND"),
        ({"voice": {**TEXT_VOICE, "voice_id": "nobody"}}, "VOICE_NOT_FOUND"),
        ({"character": {"type": "avatar", "avatar_id": heygen_catalog.UNCONSENTED_TWIN}}, "AVATAR_CONSENT_REQUIRED"),
    ],
)
def test_scene_that_cannot_be_made(account: Account, change: dict[str, Any], rule: str) -> None:
    """v2 refuses an avatar or voice that is not there, or whose person has not agreed, with 400."""
    answer = account.call("POST /v2/video/generate", {"video_inputs": [{**SCENE, **change}]})
    assert said(answer) == (400, f"heygen/{rule}")


@pytest.mark.parametrize(
    "change",
    [
        {"character": None},
        {"voice": {"type": "silence", "duration": 1.5}},
        {"voice": {"type": "audio", "audio_url": SOURCE}},
        {"voice": {"type": "audio", "audio_asset_id": "<asset>"}},
        {"character": {"type": "talking_photo", "talking_photo_id": "<photo>"}},
        {"background": {"type": "image", "url": SOURCE}},
        {"background": {"type": "color", "value": "#ffffff"}},
    ],
)
def test_scenes(account: Account, change: dict[str, Any]) -> None:
    """A scene can be silent or spoken from a file, without a character, with a photo, and before a background."""
    answer = account.call("POST /v2/video/generate", account.filled({"video_inputs": [{**SCENE, **change}]}))
    assert said(answer) == (200, None)


def test_wrong_path_and_method(account: Account) -> None:
    """A path that does not exist is 404, a method that a path does not have 405 with those that it has."""
    missing = account.call("GET /v1/video_status")
    wrong = account.call("POST /v2/videos/x")
    found = normalize(missing, "heygen")
    assert found is not None
    assert (missing.status_code, found.category) == (404, "not_found")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "DELETE, GET")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"video_inputs": None}, "video_inputs is invalid: "),
        ({"video_inputs": []}, "video_inputs is invalid: "),
        (
            {"video_inputs": [{**SCENE, "voice": {"type": "text", "input_text": "x"}}]},
            "video_inputs.0.voice.voice_id is invalid: Field required",
        ),
        ({"video_inputs": [SCENE, {"character": None}]}, "video_inputs.1.voice is invalid: Field required"),
        ({"video_inputs": [{**SCENE, "voice": {**TEXT_VOICE, "input_text": "x" * 5001}}]}, "video_inputs.0.voice.input_text is invalid: "),
        ({"dimension": {"width": 100, "height": 720}}, "dimension.width is invalid: "),
        ({"dimension": {"width": 1281, "height": 720}}, "dimension.width is invalid: "),
        ({"callback_url": "nowhere"}, "callback_url is invalid: "),
    ],
)
def test_validation_of_v2(account: Account, change: dict[str, Any], message: str) -> None:
    """v2 puts the path of a wrong field into its message, where the field is found again."""
    answer = account.call("POST /v2/video/generate", {**BODIES["POST /v2/video/generate"], **change})
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.code, found.category) == (400, "invalid_parameter", "invalid_request")
    assert (found.message or "").startswith(message)
    assert found.param == message.partition(" ")[0]


VISUAL = {"avatar_id": heygen_catalog.AVATAR}


@pytest.mark.parametrize(
    ("name", "body", "rule"),
    [
        ("GET /v1/video.list?limit=0", None, "INVALID_QUERY_PARAM"),
        ("GET /v1/video.list?limit=x", None, "INVALID_QUERY_PARAM"),
        ("GET /v1/video.list?token=x", None, "INVALID_QUERY_PARAM"),
        ("POST /v1/webhook/endpoint.add", {"url": 5}, "INVALID_PARAMETER"),
        ("POST /v1/webhook/endpoint.add", {"url": "https://example.com", "events": ["moon.rise"]}, "INVALID_PARAMETER"),
        ("POST /v1/streaming.new", {"quality": "best"}, "INVALID_PARAMETER"),
        ("POST /v1/streaming.stop", b"{", "MISSING_PARAMS"),
        ("POST /v1/streaming.stop", b"", "MISSING_PARAMS"),
        ("POST /v1/video_agent/generate", {"prompt": ""}, "INVALID_PARAMETER"),
        ("POST /v2/video/generate", b"{", "INVALID_PARAMETER"),
        ("GET /v2/avatar_group.list?include_public=perhaps", None, "INVALID_PARAMETER"),
        ("GET /v2/videos?limit=101", None, "INVALID_PARAMETER"),
        ("POST /v2/videos", {"script": "Hello"}, "INVALID_PARAMETER"),
        ("POST /v2/videos", {**VISUAL, "image_url": SOURCE, "script": "Hello"}, "INVALID_PARAMETER"),
        ("POST /v2/videos", VISUAL, "INVALID_PARAMETER"),
        ("POST /v2/video_translate", {"video_url": SOURCE}, "INVALID_PARAMETER"),
        ("POST /v2/video_translate", {"video_url": SOURCE, "output_languages": []}, "INVALID_PARAMETER"),
        ("POST /v2/video_translate", {"video_url": SOURCE, "output_language": "Klingon"}, "INVALID_PARAMETER"),
        ("POST /v1/workflows/executions", {**BODIES["POST /v1/workflows/executions"], "wait": True}, "INVALID_PARAMETER"),
    ],
)
def test_wrong_values(account: Account, name: str, body: Any, rule: str) -> None:
    """A value that an endpoint does not take is refused in the words of its generation."""
    answer = account.call(name, body, headers={"Content-Type": "application/json"})
    assert said(answer) == (400, f"heygen/{rule}")


@pytest.mark.parametrize("name", ["POST /v1/streaming.new", "POST /v2/video/generate", "POST /v1/video_agent/generate"])
def test_wrong_content_type(account: Account, name: str) -> None:
    """A body that is announced as another type than JSON is refused by the framework."""
    answer = account.call(name, b"{}", headers={"Content-Type": "text/plain"})
    assert said(answer) == (415, "heygen/UNSUPPORTED_MEDIA_TYPE")


# Videos of all generations.


@pytest.mark.parametrize(
    "name", ["POST /v2/video/generate", "POST /v2/videos", "POST /v2/template/{template_id}/generate", "POST /v1/video_agent/generate"]
)
def test_video_of_any_endpoint(account: Account, name: str) -> None:
    """A video can be read by v1, v2 and v3, whichever endpoint it was made by."""
    video = account.done(name)["video_id"]
    account.server.finish_jobs()
    found = [
        account.data("GET /v1/video_status.get", video_id=video),
        account.data(f"GET /v2/videos/{video}"),
        account.data(f"GET /v3/videos/{video}"),
    ]
    assert {(one["id"], one["status"], one["video_url"], one["duration"]) for one in found} == {
        (video, "completed", found[0]["video_url"], found[0]["duration"])
    }
    assert requests.get(found[0]["video_url"], timeout=5).status_code == 200


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_polls(polls: int) -> None:
    """A video is read as running as often as the server was told, then as completed; lists do not count."""
    with FakeServer(clock=ManualClock(), job_polls=polls) as server:
        account = Account(server, ManualClock())
        video = account.made("video")
        for _ in range(5):
            account.data("GET /v1/video.list")
        states = [account.data("GET /v1/video_status.get", video_id=video)["status"] for _ in range(polls + 2)]
    assert states[polls:] == ["completed"] * 2
    assert set(states[:polls]) <= {"pending", "processing"}


def test_clock(account: Account) -> None:
    """A video that goes by the clock is pending, processing and completed however often it is read."""
    account.server.plan_jobs(JobPlan(seconds=60))
    video = account.made("video")
    states = []
    for _ in range(3):
        states += [account.data("GET /v1/video_status.get", video_id=video)["status"] for _ in range(3)]
        account.clock.advance(30)
    assert states == ["pending"] * 3 + ["processing"] * 3 + ["completed"] * 3


JOBS: Mapping[str, tuple[str, str, str]] = {
    # What is read, with which parameter; where its state stands; the state of success.
    "video": ("GET /v1/video_status.get?video_id={}", "status", "completed"),
    "video of v2": ("GET /v2/videos/{}", "status", "completed"),
    "contact": ("GET /v1/personalized_video/audience/detail?id={}", "status", "completed"),
    "new translation": ("GET /v2/video_translate/{}", "status", "completed"),
    "execution": ("GET /v1/workflows/executions/{}", "status", "completed"),
    "generation": ("GET /v2/photo_avatar/generation/{}", "status", "success"),
    "training": ("GET /v2/photo_avatar/train/status/{}", "status", "ready"),
    "motion": ("GET /v2/photo_avatar/{}", "status", "completed"),
}


def _started(account: Account, what: str, plan: Any) -> str:
    """The call that reads a new job which goes as planned."""
    if what in ("training", "motion"):
        account.made("group")
    account.server.plan_jobs(plan)
    made = {
        "video of v2": lambda: account.made("video"),
        "new translation": lambda: account.done("POST /v2/video_translate")["video_translate_id"],
        "training": lambda: (account.done("POST /v2/photo_avatar/train"), account.made("group"))[1],
        "motion": lambda: account.done("POST /v2/photo_avatar/add_motion")["id"],
    }.get(what, lambda: account.made(what))()
    return JOBS[what][0].format(made)


@pytest.mark.parametrize("what", JOBS)
def test_job(account: Account, what: str) -> None:
    """Every kind of job runs for as many reads as planned, and none of its answers is an error."""
    call = _started(account, what, JobPlan(polls=2))
    answers = [account.call(call) for _ in range(4)]
    _, member, success = JOBS[what]
    states = [answer.json()["data"][member] for answer in answers]
    assert [said(answer) for answer in answers] == [(200, None)] * 4
    assert [state == success for state in states] == [False, False, True, True]


# Where only a text is told, a failure is known by its text.
TEXT_ONLY = ("new translation", "generation", "training", "motion")


@pytest.mark.parametrize("what", JOBS)
@pytest.mark.parametrize("failure", ["RENDERING_TIMEOUT", "INSUFFICIENT_CREDIT", "WORKFLOW_TIMEOUT"])
def test_failed_job(account: Account, what: str, failure: str) -> None:
    """Every kind of job fails as planned, inside an answer of success, and comes back as what was planned."""
    call = _started(account, what, JobPlan(polls=0, fails=error("heygen", failure)))
    answer = account.call(call)
    found = normalize(answer, "heygen")
    assert found is not None
    assert (answer.status_code, found.name, found.channel) == (200, failure, Channel.JOB)
    assert (found.code is None) == (what in TEXT_ONLY or error("heygen", failure).words.code is None)


@pytest.mark.parametrize("what", JOBS)
def test_silent_failure(account: Account, what: str) -> None:
    """Every kind of job can fail without giving a reason."""
    call = _started(account, what, JobPlan(polls=0, silent=True))
    assert said(account.call(call)) == (200, "heygen/JOB_FAILED_WITHOUT_REASON")


@pytest.mark.parametrize(("shape", "code"), [(None, 400013), ("job-v1-text-code", "400013")])
def test_codes_of_v1(account: Account, shape: str | None, code: int | str) -> None:
    """The code of a failed video is a number or, if the plan says so, the same as text; its detail stands beside it."""
    account.server.plan_jobs(JobPlan(polls=0, fails=error("heygen", "400013", detail="model_id is empty", shape=shape)))
    answer = account.call(f"GET /v1/video_status.get?video_id={account.made('video')}")
    told = answer.json()["data"]["error"]
    assert said(answer) == (200, "heygen/TTS_FAILED#missing_input")
    assert told == {"code": code, "message": "Text to speech failed", "detail": "model_id is empty"}


@pytest.mark.parametrize("what", ["video", "video of v2"])
def test_remark(account: Account, what: str) -> None:
    """A video that completed with a remark has an error beside its URL and is no failure."""
    call = _started(account, what, JobPlan(polls=0, remark=error("heygen", "MOVIO_PAYMENT_INSUFFICIENT_CREDIT")))
    answer = account.call(call)
    data = answer.json()["data"]
    assert said(answer) == (200, None)
    assert (data["status"], bool(data["video_url"]), bool(data["error"]["message"])) == ("completed", True, True)


def test_deleted_video(account: Account) -> None:
    """A deleted video is gone in every generation."""
    video = account.made("video")
    account.data("DELETE /v1/video.delete", video_id=video)
    answers = [account.call(f"GET /v1/video_status.get?video_id={video}"), account.call(f"GET /v2/videos/{video}")]
    assert [said(answer) for answer in answers] == [(404, "heygen/VIDEO_NOT_FOUND")] * 2


def test_draft(account: Account) -> None:
    """The list has a draft, which its status call finds waiting."""
    listed = account.data("GET /v1/video.list")["videos"]
    read = account.data("GET /v1/video_status.get", video_id=heygen_v1.DRAFT)
    assert [(video["video_id"], video["status"]) for video in listed] == [(heygen_v1.DRAFT, "draft")]
    assert (read["id"], read["status"]) == (heygen_v1.DRAFT, "waiting")


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_of_v1(account: Account, limit: int) -> None:
    """The tokens of the list lead through all videos, the newest first, whatever is made in the meantime."""
    made = [account.done("POST /v2/video/generate")["video_id"] for _ in range(5)]
    account.server.finish_jobs()
    found: list[str] = []
    query = {"limit": str(limit)}
    while True:
        data = account.data("GET /v1/video.list", **query)
        found += [video["video_id"] for video in data["videos"]]
        if data["token"] is None:
            break
        query["token"] = data["token"]
        account.server.finish_jobs()
        account.done("POST /v2/video/generate")
    assert found == [*reversed(made), heygen_v1.DRAFT]


@pytest.mark.parametrize("path", ["/v2/videos", "/v1/audio/voices"])
def test_pages_of_late_lists(account: Account, path: str) -> None:
    """The tokens of the lists that came late lead through all of them."""
    for _ in range(5):
        account.done("POST /v2/videos")
    whole = account.call(f"GET {path}").json()
    page: dict[str, Any] = {"has_more": True, "next_token": None, "data": []}
    items: list[Any] = []
    while page["has_more"]:
        token = {} if page["next_token"] is None else {"token": page["next_token"]}
        page = account.call(f"GET {path}", limit="2", **token).json()
        items += page["data"]
    assert items == whole["data"]
    assert len(items) >= 5


@pytest.mark.parametrize("path", ["/v1/video.list", "/v2/videos"])
def test_search(account: Account, path: str) -> None:
    """The lists of videos can be searched by a part of the title and by folder."""
    for title, folder in (("Release notes", "f1"), ("Welcome", "f1"), ("Release party", "f2")):
        account.data("POST /v2/video/generate", {"video_inputs": [SCENE], "title": title, "folder_id": folder})
    data = account.data(f"GET {path}", title="release", folder_id="f1")
    rows = data["videos"] if isinstance(data, dict) else data
    assert [row.get("title", row.get("video_title")) for row in rows] == ["Release notes"]


def test_failed_items_of_lists(account: Account) -> None:
    """A failed video of a list is found by those who look for failures of items."""
    account.server.plan_jobs(JobPlan(polls=0, fails=error("heygen", "RENDERING_TIMEOUT")), JobPlan(polls=0))
    first, _ = (account.done("POST /v2/videos")["video_id"] for _ in range(2))
    account.server.finish_jobs()
    answer = account.call("GET /v2/videos")
    assert [(found.name, found.resource["id"]) for found in normalize_all(answer, "heygen")] == [("RENDERING_TIMEOUT", first)]


# Uploads.

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "


@pytest.mark.parametrize(
    ("content", "kind", "family"),
    [
        (PNG, "image/png", "image"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "image"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4", "video"),
        (b"\x1aE\xdf\xa3", "video/webm; codecs=vp9", "video"),
        (b"ID3\x04", "audio/mpeg", "audio"),
        (WAV, "audio/x-wav", "audio"),
        (b"RIFF\x24\x00\x00\x00AVI ", "video/mp4", "video"),
    ],
)
def test_upload(account: Account, content: bytes, kind: str, family: str) -> None:
    """A file whose first bytes are what its Content-Type says, or tell nothing, is taken and can be fetched."""
    data = account.data("POST /v1/asset", content, headers={"Content-Type": kind})
    assert (data["file_type"], "image_key" in data) == (family, family == "image")
    assert requests.get(data["url"], timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "rule", "message"),
    [
        (b"", "image/png", "MISSING_PARAMS", "asset data must be provided"),
        (WAV, "audio/wav", "ASSET_FORMAT_NOT_SUPPORTED", "Content type not match audio/wav != audio/x-wav"),
        (PNG, "image/jpeg", "ASSET_FORMAT_NOT_SUPPORTED", "Content type not match image/jpeg != image/png"),
        (b"%PDF-1.7", "video/mp4", "ASSET_FORMAT_NOT_SUPPORTED", "Content type not match video/mp4 != application/pdf"),
        (b"hello", "text/plain", "ASSET_FORMAT_NOT_SUPPORTED", "Asset format not supported"),
    ],
)
@pytest.mark.parametrize("name", UPLOADS)
def test_refused_upload(account: Account, name: str, content: bytes, kind: str, rule: str, message: str) -> None:
    """A file that is empty, of another type than it says, or of a type that is not taken is refused by its own code."""
    answer = account.call(name, content, headers={"Content-Type": kind})
    assert (*said(answer), answer.json()["message"]) == (400, f"heygen/{rule}", message)


def test_talking_photo(account: Account) -> None:
    """A talking photo can be listed, used for a video, and deleted, but for the one that everybody has; a film is none."""
    avatar, preset, photo = account.made("photo"), heygen_catalog.PHOTO, account.made("talking-photo")
    assert [one["talking_photo_id"] for one in account.data("GET /v2/avatars")["talking_photos"]] == [avatar, preset, photo]
    assert [one["id"] for one in account.data("GET /v1/talking_photo.list")] == [preset, photo]
    scenes = [{**SCENE, "character": {"type": "talking_photo", "talking_photo_id": one}} for one in (preset, photo)]
    account.data("POST /v2/video/generate", {"video_inputs": scenes})
    account.data(f"DELETE /v2/talking_photo/{photo}")
    assert said(account.call(f"DELETE /v2/talking_photo/{preset}")) == (403, "heygen/FORBIDDEN")
    assert [one["id"] for one in account.data("GET /v1/talking_photo.list")] == [preset]
    answer = account.call("POST /v1/talking_photo", b"\x00\x00\x00\x18ftypmp42", headers={"Content-Type": "video/mp4"})
    assert said(answer) == (400, "heygen/ASSET_FORMAT_NOT_SUPPORTED")


# Photo avatars.


def test_photo_avatar_from_prompt_to_motion(account: Account) -> None:
    """Generated photos make a group, more photos more looks, and each can be used, moved and deleted."""
    generation = account.finished(account.made("generation"))
    keys = account.data(f"GET /v2/photo_avatar/generation/{generation}")["image_key_list"]
    group = account.finished(account.data("POST /v2/photo_avatar/avatar_group/create", {"name": "Ada", "image_key": keys[0]})["group_id"])
    added = account.data("POST /v2/photo_avatar/avatar_group/add", {"name": "Ada", "group_id": group, "image_keys": keys[1:3]})
    early = account.call("POST /v2/photo_avatar/add_motion", {"id": added["photo_avatar_list"][0]["id"]})
    account.server.finish_jobs()
    moved = account.data("POST /v2/photo_avatar/add_motion", {"id": added["photo_avatar_list"][0]["id"]})["id"]
    account.server.finish_jobs()
    shown = account.data(f"GET /v2/photo_avatar/{moved}")
    looks = [look["id"] for look in account.data(f"GET /v2/avatar_group/{group}/avatars")["avatar_list"]]
    account.data(f"DELETE /v2/photo_avatar/{moved}")
    account.data(f"DELETE /v2/photo_avatar_group/{group}")
    assert said(early) == (409, "heygen/RESOURCE_NOT_READY")
    assert (shown["is_motion"], bool(shown["motion_preview_url"])) == (True, True)
    assert looks == [group, *(one["id"] for one in added["photo_avatar_list"]), moved]
    assert said(account.call(f"GET /v2/avatar_group/{group}/avatars")) == (404, "heygen/AVATAR_GROUP_NOT_FOUND")
    assert said(account.call(f"GET /v2/avatar/{group}/details")) == (404, "heygen/AVATAR_NOT_FOUND")


def test_training(account: Account) -> None:
    """A group is not trained at first, and cannot be trained twice at once."""
    group = account.made("group")
    read = f"GET /v2/photo_avatar/train/status/{group}"
    first = account.data(read)["status"]
    account.done("POST /v2/photo_avatar/train")
    again = account.good("POST /v2/photo_avatar/train")
    account.server.finish_jobs()
    assert (first, account.data(read)["status"]) == ("empty", "ready")
    assert said(again) == (409, "heygen/RESOURCE_NOT_READY")


def test_groups_of_everybody(account: Account) -> None:
    """Public groups are listed on request only, and cannot be deleted."""
    own, every = (
        {group["id"] for group in account.data("GET /v2/avatar_group.list", include_public=public)["avatar_group_list"]}
        for public in ("false", "true")
    )
    public = sorted(every - own)
    assert own < every
    assert said(account.call(f"DELETE /v2/photo_avatar_group/{public[0]}")) == (403, "heygen/FORBIDDEN")


# Translations, workflows, lists.


def test_translation_into_several_languages(account: Account) -> None:
    """Several languages give as many translations, which take the place of one job."""
    body = {"video_url": SOURCE, "output_languages": ["German", "French"], "title": "Two"}
    made = account.data("POST /v2/video_translate", body)
    read = [account.data(f"GET /v2/video_translate/{one}") for one in made["video_translate_ids"]]
    assert made["video_translate_id"] is None
    assert [one["output_language"] for one in read] == ["German", "French"]


def test_captions_of_a_running_translation(account: Account) -> None:
    """Captions are there when the translation is completed, and not before."""
    running = account.done("POST /v2/video_translate")["video_translate_id"]
    answer = account.call("GET /v2/video_translate/caption", video_translate_id=running, caption_type="vtt")
    assert said(answer) == (409, "heygen/RESOURCE_NOT_READY")


@pytest.mark.parametrize("name", ["POST /v1/workflows/executions", "POST /v1/workflows/graph-executions"])
def test_outcome_of_workflows(account: Account, name: str) -> None:
    """One workflow has an output, a graph of them one for each."""
    execution = account.finished(account.done(name)["execution_id"])
    data = account.data(f"GET /v1/workflows/executions/{execution}")
    graph = name.endswith("graph-executions")
    assert (list(data["outputs"] or ()), data["output"] is None) == (["a"] if graph else [], graph)


def test_personalized_videos(account: Account) -> None:
    """A project has the contacts that were added to it, each with a video of its own."""
    body = {"project_id": heygen_v1.PROJECT, "variables_list": [{"first_name": name} for name in ("Ada", "Grace")]}
    ids = account.data("POST /v1/personalized_video/add_contact", body)["ids"]
    data = account.data("GET /v1/personalized_video/project/detail", id=heygen_v1.PROJECT)
    video = account.made("video")
    assert [(one["id"], one["variables"]) for one in data["audiences"]] == [
        (ids[1], {"first_name": "Grace"}),
        (ids[0], {"first_name": "Ada"}),
    ]
    assert said(account.call("GET /v1/personalized_video/audience/detail", id=video)) == (404, "heygen/RESOURCE_NOT_FOUND")


def test_lists_tell_the_same(account: Account) -> None:
    """The voices and avatars of all generations are the same."""
    voices = [
        {voice["voice_id"] for voice in account.data("GET /v1/voice.list")["list"]},
        {voice["voice_id"] for voice in account.data("GET /v2/voices")["voices"]},
        {voice["voice_id"] for kind in ("public", "private") for voice in account.data("GET /v1/audio/voices", type=kind)},
    ]
    poses = {pose["id"] for one in account.data("GET /v1/avatar.list")["avatars"] for pose in one["avatar_states"]}
    looks = {one["avatar_id"] for one in account.data("GET /v2/avatars")["avatars"]}
    streamed = {one["avatar_id"] for one in account.data("GET /v1/streaming/avatar.list")}
    assert voices[0] == voices[1] == voices[2]
    assert poses == looks == streamed


# Streaming.


def test_life_of_a_session(account: Account) -> None:
    """A session is opened, connected, spoken through and closed; what comes too early or too late is told by its state."""
    session = account.made("new session")
    body = {"session_id": session, "text": "Hello"}
    early = account.call("POST /v1/streaming.task", body)
    account.data("POST /v1/streaming.ice", body)
    account.data("POST /v1/streaming.start", body)
    again = account.call("POST /v1/streaming.start", body)
    task = account.data("POST /v1/streaming.task", body)
    account.data("POST /v1/streaming.interrupt", body)
    listed = account.data("GET /v1/streaming.list")["sessions"]
    account.data("POST /v1/streaming.stop", body)
    late = account.call("POST /v1/streaming.task", body)
    states = ["NEW", "CONNECTED", "CLOSED"]
    assert [said(answer) for answer in (early, again, late)] == [(409, f"heygen/STREAMING_SESSION_STATE_{state}") for state in states]
    assert (task["duration_ms"], [one["session_id"] for one in listed]) == (300, [session])
    assert account.data("GET /v1/streaming.list")["sessions"] == []


def test_task_without_a_session(account: Account) -> None:
    """A task that names no session is told that its key is wrong, as HeyGen does."""
    assert said(account.call("POST /v1/streaming.task", {"text": "Hello"})) == (401, "heygen/UNAUTHORIZED")


@pytest.mark.parametrize("kind", ["", "text/plain"])
def test_token_without_json(account: Account, kind: str) -> None:
    """A token that is asked for with a body of no or another type is refused by the framework."""
    answer = account.call("POST /v1/streaming.create_token", b"x", headers={"Content-Type": kind})
    assert (answer.status_code, normalize(answer, "heygen").name) == (415, "UNSUPPORTED_MEDIA_TYPE")  # type: ignore[union-attr]
    assert answer.json() == {"detail": f"Unsupported media type '{kind}' in request. 'application/json' is required."}


def test_limit_of_sessions(account: Account) -> None:
    """One session more than a trial has is refused until one is closed."""
    sessions = [account.done("POST /v1/streaming.new")["session_id"] for _ in range(heygen_streaming.CONCURRENT_SESSIONS)]
    refused = account.good("POST /v1/streaming.new")
    account.data("POST /v1/streaming.stop", {"session_id": sessions[0]})
    assert said(refused) == (429, "heygen/STREAMING_CONCURRENT_LIMIT")
    assert said(account.good("POST /v1/streaming.new")) == (200, None)


# Limits, money, keys of idempotency.


def test_limit_of_jobs(account: Account) -> None:
    """The eleventh job at once is refused with the time to wait, until one has ended."""
    for _ in range(10):
        account.done("POST /v2/video/generate")
    refused = account.good("POST /v2/video_translate")
    account.server.finish_jobs()
    found = normalize(refused, "heygen")
    assert found is not None
    assert (refused.status_code, found.category, found.retry.after) == (429, "rate_limit", int(refused.headers["Retry-After"]))
    assert said(account.good("POST /v2/video_translate")) == (200, None)


def test_without_limits() -> None:
    """A server without limits takes any number of jobs and sessions."""
    with FakeServer(clock=ManualClock(), limits=False) as server:
        account = Account(server, ManualClock())
        answers = [account.good(name) for name in ("POST /v2/video/generate", "POST /v1/streaming.new") for _ in range(11)]
    assert {said(answer) for answer in answers} == {(200, None)}


SPENDING = [
    "POST /v1/audio/text_to_speech",
    "POST /v1/personalized_video/add_contact",
    "POST /v1/streaming.new",
    "POST /v1/video_agent/generate",
    "POST /v1/workflows/executions",
    "POST /v2/photo_avatar/add_motion",
    "POST /v2/photo_avatar/photo/generate",
    "POST /v2/photo_avatar/train",
    "POST /v2/template/{template_id}/generate",
    "POST /v2/video/generate",
    "POST /v2/video_translate",
    "POST /v2/videos",
]


@pytest.mark.parametrize("name", SPENDING)
def test_money(account: Account, name: str) -> None:
    """Paid work is on record once for each request that started it, and without credits there is none."""
    for body in (BODIES.get(name), QUERIES.get(name)):
        account.filled(copy.deepcopy(body))
    before = len(account.server.paid_work)
    account.server.set_balance("heygen", 1)
    paid = account.good(name)
    account.server.finish_jobs()
    found = normalize(account.good(name), "heygen")
    assert said(paid) == (200, None)
    assert found is not None
    assert (found.status, found.category) == (402, "payment")
    assert [work.operation for work in account.server.paid_work[before:]] == [name]


def test_quota(account: Account) -> None:
    """The quota of v2 is sixty for every credit that is left."""
    account.server.set_balance("heygen", 3)
    account.done("POST /v2/video/generate")
    assert account.data("GET /v2/user/remaining_quota")["remaining_quota"] == 120


def test_no_idempotency(account: Account) -> None:
    """v1 and v2 honour no Idempotency-Key: a repeat with it is started and paid twice."""
    key = {"headers": {"Idempotency-Key": "k"}}
    videos = {account.good("POST /v2/video/generate", **key).json()["data"]["video_id"] for _ in range(2)}
    assert (len(videos), len(account.server.double_charges)) == (2, 1)


def test_user_of_v1(account: Account) -> None:
    """GET /v1/user/me says what it refuses with by the HTTP status, in the place of a code."""
    refused = account.call("GET /v1/user/me", key=None)
    assert (refused.status_code, refused.json()["code"]) == (401, 401)


# Webhooks.


@attrs.define
class Receiver:
    """A local receiver of webhooks."""

    url: str
    got: list[tuple[Mapping[str, str], bytes]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    got: list[tuple[Mapping[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Receiver(f"http://127.0.0.1:{server.server_port}/hook", got)
        server.shutdown()
        thread.join()


def test_webhooks(account: Account, receiver: Receiver) -> None:
    """An endpoint of v1 gets the events that it asked for, signed with its secret, until it is deleted."""
    added = account.data("POST /v1/webhook/endpoint.add", {"url": receiver.url, "events": ["avatar_video.success", "avatar_video.fail"]})
    account.server.plan_jobs(JobPlan(), error("heygen", "RENDERING_TIMEOUT"))
    videos = [account.done("POST /v2/video/generate")["video_id"] for _ in range(2)]
    account.done("POST /v2/video_translate")
    account.server.finish_jobs()
    account.server.wait_for_deliveries()
    account.data("DELETE /v1/webhook/endpoint.delete", endpoint_id=added["endpoint_id"])
    account.done("POST /v2/video/generate")
    account.server.finish_jobs()
    account.server.wait_for_deliveries()
    events = [json.loads(body) for _, body in receiver.got]
    wanted = [hmac.new(added["secret"].encode(), body, hashlib.sha256).hexdigest() for _, body in receiver.got]
    assert [(event["event_type"], event["event_data"]["video_id"]) for event in events] == [
        ("avatar_video.success", videos[0]),
        ("avatar_video.fail", videos[1]),
    ]
    assert [headers["signature"] for headers, _ in receiver.got] == wanted
    failures = [normalize(Observation("heygen", body=body)) for _, body in receiver.got]
    assert [found and found.name for found in failures] == [None, "RENDERING_TIMEOUT"]


def test_endpoints_of_webhooks(account: Account) -> None:
    """The secret of an endpoint is shown once, and the list tells of the endpoints and the types of events."""
    added = account.done("POST /v1/webhook/endpoint.add")
    listed = account.data("GET /v1/webhook/endpoint.list")
    events = account.data("GET /v1/webhook/webhook.list")
    assert added["secret"].startswith("whsec_")
    assert listed == [{name: value for name, value in added.items() if name != "secret"}]
    assert {"avatar_video.success", "avatar_video.fail"} <= set(events)


def test_callback(account: Account, receiver: Receiver) -> None:
    """The callback of a video gets its state, its URL and the id that the request gave."""
    body = {**BODIES["POST /v2/video/generate"], "callback_url": receiver.url, "callback_id": "c7"}
    video = account.data("POST /v2/video/generate", body)["video_id"]
    account.server.finish_jobs()
    account.server.wait_for_deliveries()
    data = json.loads(receiver.got[0][1])["data"]
    assert (data["video_id"], data["callback_id"], data["status"], bool(data["video_url"])) == (video, "c7", "completed", True)


def test_equal_seeds() -> None:
    """Equal seeds, clocks and requests give equal ids, other seeds others."""
    ids = []
    for seed in (5, 5, 6):
        with FakeServer(seed=seed, clock=ManualClock()) as server:
            account = Account(server, ManualClock())
            ids.append([account.made(what) for what in ("asset", "video", "session", "endpoint")])
    assert ids[0] == ids[1]
    assert set(ids[0]).isdisjoint(ids[2])
