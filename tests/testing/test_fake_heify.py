"""The fake Heify of both documentations, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import fmean
from threading import Thread
from typing import Any
from urllib.parse import unquote

import attrs
import pytest
import requests

from heify_heygen_errors import Category, Observation, normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing.clock import ManualClock
from heify_heygen_errors.testing.operations import Checker, Operation, Received
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.server import FakeServer
from heify_heygen_errors.testing.vendors.heify import Heify
from heify_heygen_errors.testing.vendors.vendor import Settings
from heify_heygen_errors.testing.world import JobPlan, World

NOBODY = "00000000-0000-4000-8000-000000000000"
SPACE = default_catalogs().space("heify")
ENDPOINTS = {endpoint.path: endpoint for endpoint in SPACE.endpoints}
POSTS: dict[str, Operation] = {operation.path: operation for operation in Heify.operations if operation.method == "POST"}
OLD = ("/details", "/get-configurations")
BOTH = (
    "/create-configuration",
    "/delete-configuration",
    "/submit",
    "/request-upload-url",
    "/delete-transcription",
    "/update-transcription-group",
)
GENERATIONS = ("2026", "2025")
CRITERIA = [
    {"name": "Greeting", "description": "Says hello.", "weight": 60},
    {"name": "Listening", "description": "Lets the other speak.", "type": "scale", "weight": 40},
    {"name": "Law", "description": "Says that it is recorded.", "type": "strict", "weight": 7},
]
FIELDS = [
    {"name": "Número de Cliente", "type": "number", "description": "The customer's number"},
    {"name": "resolved", "type": "boolean", "description": "Whether it is solved"},
    {"name": "mood", "type": "string", "description": "The customer's mood"},
    {"name": "topics", "type": "array", "description": "What it was about"},
]
FAILURES = {
    "AUDIO_FILE_NOT_FOUND": ("Audio file not found.", 404),
    "UNSUPPORTED_AUDIO_FORMAT": ("Unsupported audio format", 400),
    "UNEXPECTED_ERROR": ("An unexpected error occurred", 500),
    "AUDIO_TOO_LONG": ("Audio duration exceeds the maximum of 20 seconds", 400),
}


@attrs.define
class Account:
    """A client of the fake Heify."""

    server: FakeServer
    clock: ManualClock
    generation: str = "2026"

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = {"x-api-key": self.server.heify.api_key}
        answer = requests.post(self.server.heify.url + path, json=body or {}, timeout=5, **{"headers": headers, **more})
        assert len(answer.headers["x-amzn-RequestId"]) == 36
        return answer

    def data(self, path: str, body: Any = None) -> Any:
        """The content of a success, out of the envelope that the endpoint has."""
        answer = self.post(path, body)
        assert normalize(answer, "heify") is None, answer.text
        told = answer.json()
        return told["data"] if path not in OLD and (self.generation == "2026" or path not in BOTH or "data" in told) else told

    def refused(self, path: str, body: Any = None) -> tuple[int, str, str | None]:
        """Status, rule and message of a refusal."""
        answer = self.post(path, body)
        info = normalize(answer, "heify")
        assert info is not None, answer.text
        return answer.status_code, info.rule, info.message

    def configuration(self, **members: Any) -> str:
        return str(self.data("/create-configuration", {"tag": "Calls", **members})["configuration_id"])

    def evaluator(self, **members: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.data("/create-evaluator", {"tag": "Quality", "criteria": CRITERIA, **members})["evaluator"]
        return made

    def participant(self, **members: Any) -> str:
        return str(self.data("/create-participant", {"tag": "Ana", **members})["participant"]["participant_id"])

    def submit(self, configuration_id: str | None = None, **members: Any) -> str:
        field = "url" if self.generation == "2026" else "source_url"
        body = {"configuration_id": configuration_id or self.configuration(), field: "https://example.com/a.mp3", **members}
        return str(self.data("/submit", body)["transcription_id"])

    def read(self, transcription_id: str) -> Any:
        return self.data("/get-transcription", {"transcription_id": transcription_id})

    def completed(self, configuration_id: str | None = None, **members: Any) -> str:
        made = self.submit(configuration_id, **members)
        self.server.finish_jobs()
        return made

    def upload(self, **members: Any) -> dict[str, Any]:
        body = {"configuration_id": self.configuration(), **members}
        made: dict[str, Any] = self.data("/request-upload-url", body)
        return made

    def send(self, upload: Mapping[str, Any], body: bytes = b"sound", **headers: str) -> requests.Response:
        return requests.put(upload["upload_url"], data=body, headers={**meta(upload), **headers}, timeout=5)

    def ids(self) -> dict[str, str]:
        """An id for each field that takes one."""
        return {
            "configuration_id": self.configuration(extraction_fields=FIELDS),
            "evaluator_id": self.evaluator()["evaluator_id"],
            "participant_id": self.participant(),
            "transcription_id": self.submit(),
        }


def meta(upload: Mapping[str, Any]) -> dict[str, str]:
    """The headers that an upload has to repeat."""
    names = ("configuration_id", "participant_id", "evaluator_id", "name")
    return {f"x-amz-meta-{name}": upload[name] for name in names if upload.get(name) is not None}


@contextmanager
def account_of(generation: str = "2026", **options: Any) -> Iterator[Account]:
    clock = ManualClock()
    with FakeServer(**{"clock": clock, "limits": False, "heify_generation": generation, **options}) as server:
        yield Account(server, clock, generation)


@pytest.fixture
def heify() -> Iterator[Account]:
    with account_of() as account:
        yield account


@pytest.fixture(params=GENERATIONS)
def either(request: pytest.FixtureRequest) -> Iterator[Account]:
    with account_of(request.param) as account:
        yield account


# A good body for each endpoint, made of ids.
BODIES: Mapping[str, Callable[[Mapping[str, str]], Any]] = {
    "/analytics": lambda ids: {"configuration_id": ids["configuration_id"]},
    "/analytics-evaluator": lambda ids: {"evaluator_id": ids["evaluator_id"]},
    "/analytics-participant": lambda ids: {"participant_id": ids["participant_id"]},
    "/create-configuration": lambda ids: {
        "tag": "Calls",
        "vocabulary": ["VPN"],
        "extraction_fields": FIELDS,
        "webhooks": {"success_url": "https://example.com/s", "error_url": "https://example.com/e"},
        "summary": True,
        "custom_summary": None,
        "summary_language": "en",
        "analytics_language": "df",
    },
    "/create-evaluator": lambda ids: {"tag": "Quality", "criteria": CRITERIA, "description": None, "language": "es", "context": "Sales"},
    "/create-participant": lambda ids: {"tag": "Ana", "metadata": {"team": "A"}},
    "/delete-configuration": lambda ids: {"configuration_id": ids["configuration_id"]},
    "/delete-evaluator": lambda ids: {"evaluator_id": ids["evaluator_id"]},
    "/delete-participant": lambda ids: {"participant_id": ids["participant_id"]},
    "/delete-transcription": lambda ids: {"transcription_id": ids["transcription_id"]},
    "/details": lambda ids: {"transcription_id": ids["transcription_id"]},
    "/get-configuration": lambda ids: {"configuration_id": ids["configuration_id"]},
    "/get-configurations": lambda ids: {"configuration_id": ids["configuration_id"]},
    "/get-evaluator": lambda ids: {"evaluator_id": ids["evaluator_id"]},
    "/get-participant": lambda ids: {"participant_id": ids["participant_id"]},
    "/get-transcription": lambda ids: {"transcription_id": ids["transcription_id"]},
    "/list-configurations": lambda ids: {},
    "/list-evaluators": lambda ids: {},
    "/list-participants": lambda ids: {},
    "/list-transcriptions": lambda ids: {},
    "/request-upload-url": lambda ids: {key: value for key, value in ids.items() if key != "transcription_id"},
    "/submit": lambda ids: {
        **{key: value for key, value in ids.items() if key != "transcription_id"},
        "url": "https://example.com/a.mp3",
        "source_url": "https://example.com/a.mp3",
        "name": "A call",
    },
    "/update-configuration": lambda ids: {"configuration_id": ids["configuration_id"], "summary": True},
    "/update-evaluator": lambda ids: {"evaluator_id": ids["evaluator_id"], "language": "en"},
    "/update-participant": lambda ids: {"participant_id": ids["participant_id"], "tag": "Bea"},
    "/update-transcription-group": lambda ids: {"transcription_id": ids["transcription_id"], "group": "ARCHIVED"},
}
CREATING = ("/create-configuration", "/create-evaluator", "/create-participant", "/submit")
NOBODIES = dict.fromkeys(("configuration_id", "evaluator_id", "participant_id", "transcription_id"), NOBODY)
# The fields that a request cannot do without.
REQUIRED = [(path, field) for path, operation in POSTS.items() for field in (operation.body or {}).get("required", ())]
# The ids that requests name.
NAMED = [(path, field) for path in BODIES for field in BODIES[path](NOBODIES) if field.endswith("_id")]


def speaks_2025(generation: str, path: str) -> bool:
    """Whether an endpoint of a server follows the documentation of 2025."""
    return path in OLD or (generation == "2025" and path in BOTH)


# What there is.


def test_every_endpoint_of_the_catalog_exists() -> None:
    """The fake has exactly the endpoints that the catalog lists, and a good request to each of them is tested."""
    assert set(ENDPOINTS) == set(POSTS) == set(BODIES)


@pytest.mark.parametrize("path", BODIES)
def test_good_requests_succeed(either: Account, path: str) -> None:
    """Each endpoint answers a good request with what its schema says, which is no failure."""
    answer = either.post(path, BODIES[path](either.ids()))
    assert answer.status_code == (201 if path in CREATING else 200), answer.text
    assert normalize(answer, "heify") is None
    assert Checker(POSTS[path].answer or {}).problem(answer.json(), "body") is None
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", BODIES)
def test_envelope_is_that_of_the_documentation(either: Account, path: str) -> None:
    """Success is bare in 2025 and under data in 2026; endpoints of one documentation speak that one; uploads have data in both."""
    bare = speaks_2025(either.generation, path) and path != "/request-upload-url"
    assert bare == ("data" not in either.post(path, BODIES[path](either.ids())).json())


@pytest.mark.parametrize("path", ["/get-configuration", *OLD, "/submit"])
def test_refusals_speak_the_documentation(either: Account, path: str) -> None:
    """A refusal is {"error": {"message", "code"}} in 2026 and {"message"} in 2025; what is not there is 404 and was 400."""
    answer = either.post(path, BODIES[path](NOBODIES))
    message = "Transcription not found" if path == "/details" else "Configuration not found"
    old = speaks_2025(either.generation, path)
    body = {"message": message} if old else {"error": {"message": message, "code": 404}}
    assert (400 if either.generation == "2025" and old else 404, body) == (answer.status_code, answer.json())


def test_equal_seeds_give_equal_answers() -> None:
    """Two servers with the same seed and clock answer the same requests with the same bytes and headers."""
    told = []
    for _ in range(2):
        with account_of(seed=5) as account:
            made = account.completed(evaluator_id=account.evaluator()["evaluator_id"])
            answer = account.post("/get-transcription", {"transcription_id": made})
            told.append((answer.content, dict(answer.headers)))
    assert told[0] == told[1]


# The gateway.


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "headers", [{}, {"x-api-key": "wrong"}, {"Authorization": "Bearer fake-heify-key"}], ids=["none", "wrong", "Authorization"]
)
def test_key_is_asked_for_in_its_header_alone(heify: Account, path: str, headers: dict[str, str]) -> None:
    """Without the right x-api-key the gateway says Forbidden, whatever the body."""
    answer = requests.post(heify.server.heify.url + path, data=b"{", headers=headers, timeout=5)
    assert (answer.status_code, answer.json(), answer.headers["x-amzn-ErrorType"]) == (403, {"message": "Forbidden"}, "ForbiddenException")
    info = normalize(answer, "heify")
    assert (info.rule, info.category) == ("layers/APIGW_FORBIDDEN", Category.AUTHENTICATION)


def test_key_can_be_chosen() -> None:
    """The key of the server's settings is the one that counts."""
    with account_of(keys={"heify": "mine"}) as account:
        assert account.server.heify.api_key == "mine"
        assert account.post("/list-configurations").status_code == 200


@pytest.mark.parametrize("path", ["/", "/submits", "/submit/", "/v1/submit"])
def test_unknown_path_is_no_endpoint(either: Account, path: str) -> None:
    """A path that does not exist is 404 Endpoint not found in the envelope of the server, even without a key."""
    answer = either.post(path, headers={})
    body = {"error": {"message": "Endpoint not found", "code": 404}} if either.generation == "2026" else {"message": "Endpoint not found"}
    assert (answer.status_code, answer.json(), normalize(answer, "heify").rule) == (404, body, "heify/ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_find_no_endpoint(heify: Account, method: str, path: str) -> None:
    """Every endpoint takes POST; other methods are answered as an unknown path is."""
    answer = requests.request(method, heify.server.heify.url + path, timeout=5)
    assert answer.status_code == 404
    assert method == "HEAD" or normalize(answer, "heify").rule == "heify/ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "QUERY"])
def test_methods_that_the_gateway_does_not_pass_on_are_its_own(heify: Account, method: str) -> None:
    """A method that reaches no function is refused by the gateway."""
    answer = requests.request(method, heify.server.heify.url + "/submit", timeout=5)
    assert (answer.status_code, normalize(answer, "heify").rule) == (403, "layers/APIGW_MISSING_AUTHENTICATION_TOKEN")


@pytest.mark.parametrize(
    ("size", "text"),
    [(6 * 1024**2 + 1, "Request Too Long"), (10 * 1024**2 + 1, "HTTP content length exceeded 10485760 bytes.")],
)
def test_large_bodies_stop_at_the_gateway(heify: Account, size: int, text: str) -> None:
    """Above 6 MB the function's limit is told in JSON, above 10 MB the gateway's in plain text."""
    answer = heify.post("/submit", data=b"[" + b" " * (size - 2) + b"]")
    assert text in answer.text
    assert (answer.status_code, normalize(answer, "heify").rule) == (413, "layers/APIGW_PAYLOAD_TOO_LARGE")


def test_scripted_failures_have_the_headers_of_every_answer(heify: Account) -> None:
    """A failure that a script asks for has the gateway's request id, and a content type that fits its body."""
    for what, kind in (
        ("MISSING_FIELD", "application/json"),
        ("PROXY_BAD_GATEWAY", "text/html"),
        ("APIGW_TOO_MANY_REQUESTS", "application/json"),
    ):
        heify.server.script([error("heify", what)])
        answer = heify.post("/list-configurations")
        assert answer.headers["Content-Type"].partition(";")[0] == kind
        assert normalize(answer, "heify").request_id == answer.headers["x-amzn-RequestId"]


# Rates, quotas, numbers, minutes.


@pytest.mark.parametrize("path", ENDPOINTS)
def test_rates_are_those_of_the_catalog(path: str) -> None:
    """After its burst an endpoint is throttled, without Retry-After, until one request's share of a minute has passed."""
    endpoint = ENDPOINTS[path]
    with account_of(limits=True) as account:
        within = [account.post(path).status_code for _ in range(endpoint.burst)]
        late = account.post(path)
        account.clock.advance(60 / endpoint.rate_per_minute)
        after = [account.post(path).status_code for _ in range(2)]
    assert 429 not in within
    assert (late.status_code, late.json(), late.headers["x-amzn-ErrorType"]) == (
        429,
        {"message": "Too Many Requests"},
        "TooManyRequestsException",
    )
    assert "Retry-After" not in late.headers
    assert normalize(late, "heify").rule == "layers/APIGW_TOO_MANY_REQUESTS"
    assert (after[0] == 429, after[1]) == (False, 429)


def test_rates_count_requests_with_the_right_key_only() -> None:
    """A request that the gateway does not let in uses nothing up."""
    with account_of(limits=True) as account:
        statuses = [account.post("/analytics", headers={}).status_code for _ in range(5)]
        assert account.post("/analytics").status_code == 400
    assert set(statuses) == {403}


@pytest.mark.parametrize(("name", "most"), [("configuration", 20), ("evaluator", 20), ("participant", 200)])
def test_numbers_of_objects_are_limited(name: str, most: int) -> None:
    """One object more than an account can have is 400, until one is deleted; without limits there is no end."""
    path, body = f"/create-{name}", BODIES[f"/create-{name}"]({})
    with account_of(limits=True) as account:

        def create() -> requests.Response:
            account.clock.advance(6)
            return account.post(path, body)

        made = [create().json()["data"] for _ in range(most)]
        refused = create()
        one = made[0].get(name, made[0])[f"{name}_id"]
        account.post(f"/delete-{name}", {f"{name}_id": one})
        assert create().status_code == 201
    expected = {"error": {"message": f"Maximum of {most} {name}s per client exceeded", "code": 400}}
    assert (refused.status_code, refused.json(), normalize(refused, "heify").category) == (400, expected, Category.QUOTA)


def test_without_limits_nothing_is_counted(heify: Account) -> None:
    """A server without limits takes any number of objects at any rate."""
    assert len({heify.configuration() for _ in range(30)}) == 30


@pytest.mark.parametrize("path", ["/analytics", "/analytics-evaluator", "/analytics-participant"])
def test_analytics_are_limited_by_the_month(path: str) -> None:
    """When the calls of a month are used up Heify says so in its own words, until the month turns; unknown ids do not count."""
    quota = ENDPOINTS[path].monthly_quota
    pause = 60 / ENDPOINTS[path].rate_per_minute
    with account_of(limits=True) as account:
        ids = {
            "configuration_id": account.configuration(),
            "evaluator_id": account.evaluator()["evaluator_id"],
            "participant_id": account.participant(),
        }

        def ask(told: Mapping[str, str]) -> requests.Response:
            account.clock.advance(pause)
            return account.post(path, BODIES[path](told))

        assert ask(dict.fromkeys(ids, NOBODY)).status_code == 404
        statuses = {ask(ids).status_code for _ in range(quota)}
        late = ask(ids)
        account.clock.advance(31 * 24 * 3600)
        assert ask(ids).status_code == 200
    message = "Monthly analytics call limit reached. Please try again next month or upgrade your plan."
    assert (statuses, late.status_code, late.json()) == ({200}, 429, {"error": {"message": message, "code": 429}})
    info = normalize(late, "heify")
    assert (info.rule, info.retry.resets) == ("heify/MONTHLY_ANALYTICS_LIMIT", "month")


def test_minutes_run_out(either: Account) -> None:
    """Each transcription uses up one of the account's credits; then none is taken on: 402, of which 2025 knows nothing."""
    configuration = either.configuration()
    either.server.set_balance("heify", 2)
    either.submit(configuration)
    upload = either.data("/request-upload-url", {"configuration_id": configuration})
    assert either.send(upload).status_code == 200
    body = {"configuration_id": configuration, "url": "https://example.com/a.mp3", "source_url": "https://example.com/a.mp3"}
    expected = (402 if either.generation == "2026" else 400, "heify/INSUFFICIENT_MINUTES", "Insufficient transcription minutes")
    assert expected == either.refused("/submit", body) == either.refused("/request-upload-url", body)
    assert len(either.server.heify.paid_work) == 2


# Bodies.


@pytest.mark.parametrize("value", ["absent", None, ""])
@pytest.mark.parametrize(("path", "field"), [(path, field) for path, field in REQUIRED if field != "group"])
def test_missing_fields_are_named(heify: Account, path: str, field: str, value: str | None) -> None:
    """A field that an endpoint cannot do without is told by its name, be it absent, null or empty."""
    body = {**BODIES[path](NOBODIES), field: value}
    if value == "absent":
        del body[field]
    assert heify.refused(path, body) == (400, "heify/MISSING_FIELD", f"Missing required field: {field}")


def test_group_is_missing_only_if_it_is_absent(heify: Account) -> None:
    """The empty group is a value."""
    made = {"transcription_id": heify.submit()}
    assert heify.refused("/update-transcription-group", made) == (400, "heify/MISSING_FIELD", "Missing required field: group")
    assert heify.post("/update-transcription-group", {**made, "group": ""}).status_code == 200


def test_url_has_its_old_name_in_2025() -> None:
    """Of /submit the documentation of 2025 knows source_url, that of 2026 url."""
    for generation, name, other in (("2026", "url", "source_url"), ("2025", "source_url", "url")):
        with account_of(generation) as account:
            body = {"configuration_id": account.configuration(), other: "https://example.com/a.mp3"}
            assert account.refused("/submit", body) == (400, "heify/MISSING_FIELD", f"Missing required field: {name}")


RAW = {
    "broken": (b'{"tag": ', "application/json", "INVALID_JSON"),
    "a list": (b"[]", "application/json", "INVALID_JSON"),
    "a form": (b"tag=a", "application/x-www-form-urlencoded", "INVALID_JSON"),
    "nothing": (b"", "application/json", "REQUEST_BODY_MISSING"),
}


@pytest.mark.parametrize("name", RAW)
def test_bodies_that_are_no_object_are_refused(either: Account, name: str) -> None:
    """What is no JSON object never reaches a field."""
    body, media, entry = RAW[name]
    headers = {"x-api-key": either.server.heify.api_key, "Content-Type": media}
    answer = requests.post(either.server.heify.url + "/create-configuration", data=body, headers=headers, timeout=5)
    info = normalize(answer, "heify")
    assert (answer.status_code, info.rule) == (400, f"heify/{entry}")
    assert ("error" in answer.json()) == (either.generation == "2026")


FIELD = {"name": "a", "type": "string", "description": "A"}
LONG = "x" * 1001
WRONG: dict[str, tuple[str, Any, str, str]] = {
    "tag of a configuration": ("/create-configuration", {"tag": "x" * 256}, "FIELD_TOO_LONG", "tag must not exceed 255 characters"),
    "tag of an evaluator": (
        "/create-evaluator",
        {"tag": "x" * 101, "criteria": CRITERIA},
        "FIELD_TOO_LONG",
        "tag must not exceed 100 characters",
    ),
    "tag of a participant": ("/create-participant", {"tag": "x" * 101}, "FIELD_TOO_LONG", "tag must not exceed 100 characters"),
    "blank tag": ("/create-participant", {"tag": " \t"}, "INVALID_FIELD_VALUE", "Invalid tag value"),
    "tag that is a number": ("/create-configuration", {"tag": 1}, "INVALID_FIELD_VALUE", "Invalid tag value"),
    "custom summary": (
        "/create-configuration",
        {"tag": "a", "custom_summary": "x" * 301},
        "FIELD_TOO_LONG",
        "custom_summary must not exceed 300 characters",
    ),
    "language": (
        "/create-configuration",
        {"tag": "a", "summary_language": "English"},
        "INVALID_FIELD_VALUE",
        "Invalid summary_language value",
    ),
    "vocabulary": ("/create-configuration", {"tag": "a", "vocabulary": "VPN"}, "INVALID_FIELD_VALUE", "Invalid vocabulary value"),
    "11 fields": (
        "/create-configuration",
        {"tag": "a", "extraction_fields": [FIELD] * 11},
        "EXTRACTION_FIELD_LIMIT",
        "Maximum of 10 extraction fields per configuration exceeded",
    ),
    "field without type": (
        "/create-configuration",
        {"tag": "a", "extraction_fields": [{"name": "a", "description": "A"}]},
        "MISSING_FIELD",
        "Missing required field: extraction_fields.0.type",
    ),
    "field of no type": (
        "/create-configuration",
        {"tag": "a", "extraction_fields": [{**FIELD, "type": "date"}]},
        "INVALID_FIELD_VALUE",
        "Invalid extraction_fields.0.type value",
    ),
    "field with a long name": (
        "/create-configuration",
        {"tag": "a", "extraction_fields": [{**FIELD, "name": "x" * 51}]},
        "FIELD_TOO_LONG",
        "extraction_fields.0.name must not exceed 50 characters",
    ),
    "field with a long description": (
        "/create-configuration",
        {"tag": "a", "extraction_fields": [{**FIELD, "description": LONG}]},
        "FIELD_TOO_LONG",
        "extraction_fields.0.description must not exceed 1000 characters",
    ),
    "field with more": (
        "/create-configuration",
        {"tag": "a", "extraction_fields": [{**FIELD, "required": True}]},
        "UNEXPECTED_FIELD",
        "Unexpected field: required",
    ),
    "webhook with more": (
        "/create-configuration",
        {"tag": "a", "webhooks": {"secret": "s"}},
        "UNEXPECTED_FIELD",
        "Unexpected field: secret",
    ),
    "webhook that is none": (
        "/create-configuration",
        {"tag": "a", "webhooks": {"error_url": "ftp://a"}},
        "INVALID_WEBHOOK_URL",
        "error_url must be a valid HTTPS URL",
    ),
    "no criteria": ("/create-evaluator", {"tag": "a", "criteria": []}, "CRITERIA_COUNT", "At least one criterion is required"),
    "11 criteria": (
        "/create-evaluator",
        {"tag": "a", "criteria": CRITERIA * 4},
        "CRITERIA_COUNT",
        "Maximum of 10 criteria per evaluator exceeded",
    ),
    "weights of 99": (
        "/create-evaluator",
        {"tag": "a", "criteria": [{**CRITERIA[0], "weight": 99}]},
        "CRITERIA_WEIGHTS",
        "The sum of non-strict criteria weights must be 100",
    ),
    "weights of strict ones": (
        "/create-evaluator",
        {"tag": "a", "criteria": [{**CRITERIA[2], "weight": 100}]},
        "CRITERIA_WEIGHTS",
        "The sum of non-strict criteria weights must be 100",
    ),
    "no weight": (
        "/create-evaluator",
        {"tag": "a", "criteria": [CRITERIA[0], {**CRITERIA[0], "weight": 0}]},
        "CRITERIA_WEIGHTS",
        "Non-strict criteria must have weight greater than 0",
    ),
    "weight of 101": (
        "/create-evaluator",
        {"tag": "a", "criteria": [{**CRITERIA[0], "weight": 101}]},
        "INVALID_FIELD_VALUE",
        "Invalid criteria.0.weight value",
    ),
    "short description": (
        "/create-evaluator",
        {"tag": "a", "criteria": [{**CRITERIA[0], "description": "Hi"}]},
        "INVALID_FIELD_VALUE",
        "Invalid criteria.0.description value",
    ),
    "context": (
        "/create-evaluator",
        {"tag": "a", "criteria": CRITERIA, "context": LONG},
        "FIELD_TOO_LONG",
        "context must not exceed 1000 characters",
    ),
    "11 keys": (
        "/create-participant",
        {"tag": "a", "metadata": {str(key): "" for key in range(11)}},
        "INVALID_FIELD_VALUE",
        "Invalid metadata value",
    ),
    "long value": (
        "/create-participant",
        {"tag": "a", "metadata": {"team": "x" * 251}},
        "FIELD_TOO_LONG",
        "metadata.team must not exceed 250 characters",
    ),
    "long key": (
        "/create-participant",
        {"tag": "a", "metadata": {"x" * 51: "a"}},
        "INVALID_FIELD_VALUE",
        "Invalid metadata value",
    ),
    "url that is none": ("/submit", {"configuration_id": NOBODY, "url": "recording.mp3"}, "INVALID_FIELD_VALUE", "Invalid url value"),
    "group": ("/update-transcription-group", {"transcription_id": NOBODY, "group": "Q4-2023"}, "INVALID_GROUP", "Invalid group value"),
    "group null": ("/update-transcription-group", {"transcription_id": NOBODY, "group": None}, "INVALID_GROUP", "Invalid group value"),
}


@pytest.mark.parametrize("name", WRONG)
def test_values_that_do_not_fit_are_refused(heify: Account, name: str) -> None:
    """Each documented rule for a value refuses what breaks it, naming the field."""
    path, body, entry, message = WRONG[name]
    assert heify.refused(path, body) == (400, f"heify/{entry}", message)


@pytest.mark.parametrize(
    ("generation", "path", "field"),
    [
        (generation, path, field)
        for generation in GENERATIONS
        for path, field in NAMED
        if not (speaks_2025(generation, path) and field in ("evaluator_id", "participant_id"))
    ],
)
def test_unknown_ids_are_not_found(generation: str, path: str, field: str) -> None:
    """An id that belongs to nothing is told by its kind with 404; servers of 2025 do so with 400 in the endpoints of 2025."""
    noun = field.removesuffix("_id")
    status = 400 if generation == "2025" and speaks_2025(generation, path) else 404
    expected = (status, f"heify/{noun.upper()}_NOT_FOUND", f"{noun.capitalize()} not found")
    with account_of(generation) as account:
        assert expected == account.refused(path, BODIES[path]({**account.ids(), field: NOBODY}))


@pytest.mark.parametrize("path", ["/submit", "/request-upload-url"])
def test_2025_reads_no_participant_or_evaluator(path: str) -> None:
    """What the documentation of 2025 has no field for is not looked at."""
    with account_of("2025") as account:
        ids = {**account.ids(), "participant_id": NOBODY, "evaluator_id": NOBODY}
        assert account.post(path, BODIES[path](ids)).ok


# Configurations, evaluators, participants.


def test_configuration_keeps_what_it_was_given(heify: Account) -> None:
    """A configuration is read as it was made, with the names that Heify gives to its fields; null clears webhooks."""
    told = BODIES["/create-configuration"]({})
    made = heify.configuration(**told)
    names = ["numero_de_cliente", "resolved", "mood", "topics"]
    found = heify.data("/get-configuration", {"configuration_id": made})["configuration"]
    assert [field["name"] for field in found["extraction_fields"]] == names
    assert {name: found[name] for name in told if name != "extraction_fields"} == {
        name: value for name, value in told.items() if name != "extraction_fields"
    }
    changed = heify.data("/update-configuration", {"configuration_id": made, "webhooks": None, "vocabulary": []})["configuration"]
    assert changed == {**found, "webhooks": None, "vocabulary": []}


def test_extraction_fields_are_merged_by_name(heify: Account) -> None:
    """An update keeps fields that it names, removes those that it does not, and never changes a type."""
    made = heify.configuration(extraction_fields=FIELDS)
    kept = {"name": "Resolved", "type": "boolean", "description": "Other"}
    found = heify.data("/update-configuration", {"configuration_id": made, "extraction_fields": [kept, FIELD]})["configuration"]
    assert found["extraction_fields"] == [{**kept, "name": "resolved"}, FIELD]
    refused = heify.refused("/update-configuration", {"configuration_id": made, "extraction_fields": [{**kept, "type": "string"}]})
    assert refused == (400, "heify/EXTRACTION_TYPE_IMMUTABLE", "Cannot change type of extraction field 'resolved'")
    assert heify.data("/get-configuration", {"configuration_id": made})["configuration"] == found


@pytest.mark.parametrize("name", ["configuration", "evaluator"])
def test_tags_never_change(heify: Account, name: str) -> None:
    """The tag of a configuration or evaluator can be repeated in an update, not changed."""
    ids = heify.ids()
    body = {f"{name}_id": ids[f"{name}_id"]}
    tag = "Calls" if name == "configuration" else "Quality"
    assert heify.refused(f"/update-{name}", {**body, "tag": "Other"}) == (
        400,
        "heify/IMMUTABLE_FIELD",
        "tag cannot be changed after creation",
    )
    assert heify.data(f"/update-{name}", {**body, "tag": tag})[name]["tag"] == tag


def test_criteria_are_merged_by_id(heify: Account) -> None:
    """An update changes criteria by id, adds those without one, deletes those left out, and refuses foreign ids."""
    evaluator, other = heify.evaluator(), heify.evaluator()
    first = {**evaluator["criteria"][0], "name": "Hello", "weight": 70}
    new = {"name": "New", "description": "Something new", "type": "scale", "weight": 30}
    body = {"evaluator_id": evaluator["evaluator_id"], "criteria": [first, new]}
    found = heify.data("/update-evaluator", body)["evaluator"]
    assert found["criteria"][0] == first
    assert found["criteria"][1] == {"id": found["criteria"][1]["id"], **new}
    foreign = {**first, "id": other["criteria"][0]["id"], "weight": 100}
    expected = (400, "heify/FOREIGN_CRITERION", f"Criterion {foreign['id']} does not belong to this evaluator")
    assert expected == heify.refused("/update-evaluator", {**body, "criteria": [foreign]})
    assert found == heify.data("/get-evaluator", {"evaluator_id": evaluator["evaluator_id"]})


def test_strict_criteria_weigh_nothing(heify: Account) -> None:
    """The weight of a strict criterion is forced to 0, and criteria without a type are boolean."""
    found = heify.evaluator()["criteria"]
    assert [(one["type"], one["weight"]) for one in found] == [("boolean", 60), ("scale", 40), ("strict", 0)]


def test_participants_are_text(heify: Account) -> None:
    """A participant's tag is trimmed and its metadata is kept as text, in Python's words; an update replaces all of it."""
    made = heify.data("/create-participant", {"tag": "  Ana ", "metadata": {"lead": True, "floor": 2, "none": None}})["participant"]
    assert (made["tag"], made["metadata"]) == ("Ana", {"lead": "True", "floor": "2", "none": "None"})
    heify.clock.advance(5)
    body = {"participant_id": made["participant_id"], "metadata": {"team": "B"}}
    changed = heify.data("/update-participant", body)["participant"]
    assert changed == {**made, "metadata": {"team": "B"}, "updated_at": "2026-11-01T00:00:05.000000+00:00"}


@pytest.mark.parametrize(("name", "items"), [("configuration", "configurations"), ("evaluator", "items"), ("participant", "items")])
def test_lists_begin_with_the_newest(heify: Account, name: str, items: str) -> None:
    """Lists have all objects, newest first, with their number; deleted ones are gone."""
    made = [heify.data(f"/create-{name}", BODIES[f"/create-{name}"]({})) for _ in range(3)]
    ids = [one.get(name, one)[f"{name}_id"] for one in made]
    message = heify.data(f"/delete-{name}", {f"{name}_id": ids[1]})["message"]
    listed = heify.data(f"/list-{name}s")
    assert [one[f"{name}_id"] for one in listed[items]] == [ids[2], ids[0]]
    assert listed.get("count", listed.get("total_configurations")) == 2
    assert message == f"{name.capitalize()} deleted successfully{'.' if name == 'configuration' else ''}"


# Transcriptions.


def test_transcription_ends_by_polls(heify: Account) -> None:
    """Two reads find a transcription in progress with nothing in its details, the third finds its end; lists do not count."""
    made = heify.submit(heify.configuration(summary=True, extraction_fields=FIELDS), name="A call")
    seen = []
    for _ in range(3):
        heify.data("/list-transcriptions")
        seen.append(heify.read(made))
    assert [one["status"] for one in seen] == ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]
    assert set(seen[0]) == set(seen[2])
    assert set(seen[0]["details"]) == set(seen[2]["details"])
    assert set(seen[0]["details"].values()) == {None}
    told = seen[2]["details"]
    assert [field["name"] for field in told["fields"]["fields"]] == ["numero_de_cliente", "resolved", "mood", "topics"]
    types = [type(field["value"]) for field in told["fields"]["fields"]]
    assert types == [int, bool, str, list]
    assert (seen[2]["name"], told["language"], told["evaluation"]) == ("A call", "en", None)
    assert told["summary"]["summary"]
    assert seen[2] == heify.read(made)


def test_transcription_of_2025_has_details_at_its_end_only() -> None:
    """In 2025 a transcription is pending, then in progress, and has no details before it is complete."""
    with account_of("2025") as account:
        made = account.submit()
        seen = [account.data("/details", {"transcription_id": made}) for _ in range(4)]
        listed = account.data("/details")
    assert [one["status"] for one in seen] == ["PENDING", "IN_PROGRESS", "COMPLETED", "COMPLETED"]
    assert ["details" in one for one in seen] == [False, False, True, True]
    assert set(listed) == {"total_transcriptions", "statistics", "transcriptions"}
    assert set(listed["transcriptions"][0]["details"]) == {"language", "num_speakers", "created_at", "completed_at"}


def test_transcription_ends_by_the_clock() -> None:
    """With job_seconds a transcription ends when its time has come, and says when that was."""
    with account_of(job_seconds=60) as account:
        made = account.submit()
        account.clock.advance(59)
        assert account.read(made)["status"] == "IN_PROGRESS"
        account.clock.advance(1)
        told = account.read(made)
    assert (told["status"], told["details"]["completed_at"]) == ("COMPLETED", "2026-11-01T00:01:00.000000+00:00")


def test_evaluation_adds_up(heify: Account) -> None:
    """The score of an evaluation is the sum of its criteria, and a strict one that fails is critical."""
    evaluator = heify.evaluator()
    for _ in range(10):
        made = heify.completed(evaluator_id=evaluator["evaluator_id"], participant_id=heify.participant())
        found = heify.read(made)
        evaluation = found["details"]["evaluation"]
        results = evaluation["breakdown"]["results"]
        assert [one["criteria_id"] for one in results] == [one["id"] for one in evaluator["criteria"]]
        assert evaluation["score"] == evaluation["breakdown"]["final_score"] == pytest.approx(sum(one["score_obtained"] for one in results))
        assert evaluation["critical_fail"] == any(one["type"] == "strict" and one["status"] == "FAIL" for one in results)
        assert (found["evaluator_tag"], found["participant_tag"]) == ("Quality", "Ana")


@pytest.mark.parametrize("entry", FAILURES)
def test_failed_transcriptions_say_why(either: Account, entry: str) -> None:
    """A failed transcription has nothing but its id and the reason, wherever it is read, and comes back as its entry."""
    message, code = FAILURES[entry]
    either.server.plan_jobs(error("heify", entry))
    made = either.completed()
    told = {"transcription_id": made, "status": "FAILED"}
    told["details"] = {"message": message, "code": code, "failed_at": "2026-11-01T00:00:00.000000+00:00"}
    new, old = either.post("/get-transcription", {"transcription_id": made}), either.post("/details", {"transcription_id": made})
    assert (new.status_code, new.json(), old.status_code, old.json()) == (200, {"data": told}, 200, told)
    for answer in (new, old):
        info = normalize(answer, "heify")
        assert (info.rule, info.message, info.resource["transcription_id"]) == (f"heify/{entry}", message, made)
    for path in ("/list-transcriptions", "/details"):
        found = normalize_all(either.post(path), "heify")
        assert [(info.rule, info.resource["transcription_id"]) for info in found] == [(f"heify/{entry}", made)]


def test_transcription_can_fail_without_a_reason(heify: Account) -> None:
    """A silent failure has empty details in 2026 and none in 2025, and is told as one without a reason."""
    heify.server.plan_jobs(JobPlan(silent=True))
    made = heify.completed()
    new, old = heify.post("/get-transcription", {"transcription_id": made}), heify.post("/details", {"transcription_id": made})
    assert new.json()["data"]["details"] == {"message": None, "code": None, "failed_at": None}
    assert old.json() == {"transcription_id": made, "status": "FAILED"}
    assert [normalize(answer, "heify").rule for answer in (new, old)] == ["heify/TRANSCRIPTION_FAILED"] * 2


def test_list_counts_states(heify: Account) -> None:
    """The list has every transcription that has begun, newest first, in its state and with the statistics."""
    heify.server.plan_jobs(error("heify", "AUDIO_FILE_NOT_FOUND"))
    evaluator = heify.evaluator()["evaluator_id"]
    made = [heify.completed(), heify.completed(evaluator_id=evaluator), heify.submit()]
    heify.upload()
    told = heify.post("/list-transcriptions").json()["data"]
    assert [one["transcription_id"] for one in told["transcriptions"]] == made[::-1]
    assert [one["status"] for one in told["transcriptions"]] == ["IN_PROGRESS", "COMPLETED", "FAILED"]
    assert told["statistics"] == {"completed": 1, "failed": 1, "in_progress": 1}
    assert (told["total_transcriptions"], told["query_limit_reached"]) == (3, False)
    graded = told["transcriptions"][1]["qa"]
    assert (graded["status"], graded["score"]) == ("COMPLETED", heify.read(made[1])["details"]["evaluation"]["score"])
    assert told["transcriptions"][0]["qa"]["score"] is None


@pytest.mark.parametrize("number", [20_000, 20_001])
def test_list_is_cut_silently(number: int) -> None:
    """A list ends after the newest 20,000 transcriptions, and says so in a flag."""
    world = World(ManualClock(), 0, JobPlan(stuck=True))
    vendor = Heify(world, Settings(keys={"heify": "k"}, limits=False))
    fields = dict.fromkeys(
        ("configuration_id", "configuration_tag", "group", "name", "participant_id", "evaluator_id", "participant_tag", "evaluator_tag")
    )
    for index in range(number):
        world.start("heify", "transcription", str(index), ("IN_PROGRESS",), fields={**fields, "submitted": 0.0})
    headers = {"x-api-key": "k", "content-type": "application/json"}
    received = Received(
        number=1,
        at=0.0,
        provider="heify",
        method="POST",
        path="/list-transcriptions",
        target="/heify/list-transcriptions",
        query={},
        headers=headers,
        body=b"{}",
        size=2,
    )
    told = json.loads(vendor.answer(received, "", "").reply.body)["data"]
    ids = [one["transcription_id"] for one in told["transcriptions"]]
    assert (len(ids), ids[0], told["query_limit_reached"]) == (20_000, str(number - 1), number > 20_000)


@pytest.mark.parametrize("group", ["PENDING_REVIEW", "UNDER_REVIEW", "ARCHIVED"])
def test_groups_are_set_and_cleared(either: Account, group: str) -> None:
    """A transcription is in the group that it was put into, until an empty text takes it out."""
    made = either.completed()
    for sent, expected in ((group, group), ("", None)):
        told = either.data("/update-transcription-group", {"transcription_id": made, "group": sent})
        assert (told["message"], told["transcription"]["group"]) == ("Transcription group updated successfully.", expected)
        assert either.read(made)["group"] == expected


def test_deleted_transcription_is_gone(either: Account) -> None:
    """A deleted transcription is not found any more, and one that ran posts nothing."""
    made = either.submit(either.configuration(webhooks={"success_url": "http://127.0.0.1:9/s"}))
    assert either.data("/delete-transcription", {"transcription_id": made}) == {"message": "Transcription deleted successfully."}
    assert either.refused("/get-transcription", {"transcription_id": made})[1] == "heify/TRANSCRIPTION_NOT_FOUND"
    assert (either.server.finish_jobs(), either.server.deliveries) == ([], [])


def test_repeated_submission_is_paid_twice(heify: Account) -> None:
    """Heify knows no idempotency key: the same submission again is a second transcription, and the server tells."""
    configuration = heify.configuration()
    body = {"configuration_id": configuration, "url": "https://example.com/a.mp3"}
    headers = {"x-api-key": heify.server.heify.api_key, "Idempotency-Key": "one"}
    made = [heify.post("/submit", body, headers=headers).json()["data"]["transcription_id"] for _ in range(2)]
    assert made == [work.id for work in heify.server.heify.paid_work]
    with pytest.raises(AssertionError, match="POST /submit: 2 times"):
        heify.server.assert_paid_once()


# Uploads.


def test_upload_begins_with_the_file(either: Account) -> None:
    """A transcription that waits for its file is in progress, in no list and unpaid; the PUT begins it, once."""
    upload = either.upload(name="Ventas é 1\n.mp3")
    made = upload["transcription_id"]
    assert upload["name"] == "Ventas  1.mp3"
    assert [either.read(made)["status"] for _ in range(4)] == ["IN_PROGRESS"] * 4
    assert either.data("/list-transcriptions")["total_transcriptions"] == 0
    assert either.server.heify.paid_work == []
    assert [either.send(upload).status_code for _ in range(2)] == [200, 200]
    assert [either.read(made)["status"] for _ in range(3)] == ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]
    assert either.read(made)["name"] == "Ventas  1.mp3"
    assert [(work.id, work.body) for work in either.server.heify.paid_work] == [(made, b"sound")]


def test_upload_answer_repeats_what_is_signed(either: Account) -> None:
    """The URL is signed for the metadata that the answer has, nulls excepted; 2025 knows neither participant nor evaluator."""
    links = {"participant_id": either.participant(), "evaluator_id": either.evaluator()["evaluator_id"]}
    upload = either.upload(**links)
    known = {**links, "name": None} if either.generation == "2026" else {"name": None}
    assert {name: upload[name] for name in known} == known
    assert set(upload) == {"transcription_id", "upload_url", "configuration_id", *known}
    expected = ["host", *sorted(meta(upload))]
    assert expected == unquote(upload["upload_url"]).partition("X-Amz-SignedHeaders=")[2].partition("&")[0].split(";")


UPLOADS: dict[str, tuple[Callable[[Account, dict[str, Any]], requests.Response], int, str]] = {
    "after five minutes": (lambda account, upload: (account.clock.advance(301), account.send(upload))[1], 403, "S3_ACCESS_DENIED#expired"),
    "without metadata": (
        lambda account, upload: requests.put(upload["upload_url"], data=b"s", timeout=5),
        403,
        "S3_SIGNATURE_DOES_NOT_MATCH",
    ),
    "with other metadata": (
        lambda account, upload: account.send(upload, **{"x-amz-meta-configuration_id": NOBODY}),
        403,
        "S3_SIGNATURE_DOES_NOT_MATCH",
    ),
    "with more metadata": (
        lambda account, upload: account.send(upload, **{"x-amz-meta-participant_id": NOBODY}),
        403,
        "S3_ACCESS_DENIED#unsigned_headers",
    ),
    "in chunks": (
        lambda account, upload: requests.put(upload["upload_url"], data=iter([b"s"]), headers=meta(upload), timeout=5),
        501,
        "S3_NOT_IMPLEMENTED",
    ),
    "by POST": (
        lambda account, upload: requests.post(upload["upload_url"], data=b"s", headers=meta(upload), timeout=5),
        405,
        "S3_METHOD_NOT_ALLOWED",
    ),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_refused_upload_begins_nothing(heify: Account, name: str) -> None:
    """An upload that the storage refuses leaves the transcription waiting and unpaid."""
    send, status, rule = UPLOADS[name]
    upload = heify.upload()
    answer = send(heify, upload)
    assert (answer.status_code, normalize(answer, "heify").rule) == (status, f"layers/{rule}")
    assert heify.server.jobs == []
    assert heify.read(upload["transcription_id"])["status"] == "IN_PROGRESS"


def test_upload_for_a_deleted_transcription_begins_nothing(heify: Account) -> None:
    """The file of a transcription that was deleted meanwhile is stored and nothing else."""
    upload = heify.upload()
    heify.data("/delete-transcription", {"transcription_id": upload["transcription_id"]})
    assert heify.send(upload).status_code == 200
    assert (heify.server.jobs, heify.server.heify.paid_work) == ([], [])


# Webhooks.


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that keeps what it is posted: path, headers, body."""
    received: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


def test_webhooks_tell_both_ends(heify: Account) -> None:
    """A configuration's addresses are told of success and failure, unsigned, in the documented bodies."""
    with receiver() as (url, received):
        configuration = heify.configuration(webhooks={"success_url": f"{url}/success", "error_url": f"{url}/error"})
        heify.server.plan_jobs(JobPlan(), error("heify", "AUDIO_FILE_NOT_FOUND"), JobPlan(silent=True))
        made = [heify.completed(configuration) for _ in range(3)]
        deliveries = heify.server.wait_for_deliveries()
    assert [(delivery.event, delivery.status) for delivery in deliveries] == [("COMPLETED", 204), ("FAILED", 204), ("FAILED", 204)]
    assert [path for path, _, _ in received] == ["/success", "/error", "/error"]
    assert not [name for _, headers, _ in received for name in headers if "signature" in name]
    told = [delivery.json for delivery in deliveries]
    assert told[0] == {
        "transcription_id": made[0],
        "status": "COMPLETED",
        "configuration_id": configuration,
        "duration": heify.read(made[0])["duration"],
        "completed_at": "2026-11-01T00:00:00.000000+00:00",
    }
    assert told[1] == {"transcription_id": made[1], "status": "FAILED", "error": {"message": "Audio file not found.", "code": 404}}
    assert told[2] == {"transcription_id": made[2], "status": "FAILED"}
    infos = [normalize(Observation("heify", body=delivery.body)) for delivery in deliveries]
    assert [info and info.rule for info in infos] == [None, "heify/AUDIO_FILE_NOT_FOUND", "heify/TRANSCRIPTION_FAILED"]


def test_webhooks_go_out_by_the_clock() -> None:
    """A transcription that ends by the clock posts its webhook without anybody asking."""
    with receiver() as (url, received), account_of(job_seconds=60) as account:
        account.submit(account.configuration(webhooks={"success_url": url}))
        account.clock.advance(60)
        account.server.wait_for_deliveries()
        assert len(received) == 1


@pytest.mark.parametrize("webhooks", [None, {}, {"error_url": "http://127.0.0.1:9/"}])
def test_without_an_address_nothing_is_posted(heify: Account, webhooks: Any) -> None:
    """A configuration without success_url hears nothing of success."""
    heify.completed(heify.configuration(webhooks=webhooks))
    assert heify.server.deliveries == []


# Analytics.


@pytest.mark.parametrize("path", ["/analytics", "/analytics-evaluator", "/analytics-participant"])
def test_nothing_to_analyze_is_no_failure(heify: Account, path: str) -> None:
    """Without completed transcriptions a report is a message with 200."""
    answer = heify.post(path, BODIES[path](heify.ids()))
    assert (answer.status_code, answer.json()) == (200, {"data": {"message": "No completed transcriptions found to analyze."}})


def test_report_counts_the_transcriptions_of_a_configuration(heify: Account) -> None:
    """The report of a configuration is made of its completed transcriptions alone."""
    configuration = heify.configuration(extraction_fields=FIELDS)
    made = [heify.completed(configuration) for _ in range(5)]
    heify.completed()
    heify.submit(configuration)
    told = heify.data("/analytics", {"configuration_id": configuration})
    found = [heify.read(one) for one in made]
    assert told["configuration_details"] == {"id": configuration, "tag": "Calls", "total_audios_analyzed": 5}
    stats = told["detailed_analysis"]["metadata_analysis"]["duration_stats"]
    assert stats["total_seconds"] == pytest.approx(sum(one["duration"] for one in found), abs=0.01)
    assert sum(stats["histogram"].values()) == 5
    values = [[field["value"] for field in one["details"]["fields"]["fields"]] for one in found]
    fields = told["detailed_analysis"]["extracted_fields_analysis"]
    assert fields["numero_de_cliente"]["stats"]["max"] == max(value[0] for value in values)
    assert fields["resolved"]["stats"]["true_count"] == sum(value[1] for value in values)
    assert sum(fields["mood"]["stats"]["value_counts"].values()) == 5
    assert sum(fields["topics"]["stats"]["value_counts"].values()) == sum(len(value[3]) for value in values)
    assert told["detailed_analysis"]["timeseries_analysis"] == {"2026-11-01": {"audio_count": 5}}


def test_report_bears_fields_that_came_later(heify: Account) -> None:
    """Transcriptions from before a field was added count as missing it."""
    configuration = heify.configuration()
    heify.completed(configuration)
    heify.data("/update-configuration", {"configuration_id": configuration, "extraction_fields": FIELDS})
    heify.completed(configuration)
    fields = heify.data("/analytics", {"configuration_id": configuration})["detailed_analysis"]["extracted_fields_analysis"]
    assert {(one["stats"]["total_count"], one["stats"]["missing_count"]) for one in fields.values()} == {(2, 1)}


@pytest.mark.parametrize(("about", "other"), [("evaluator", "participant"), ("participant", "evaluator")])
def test_dashboards_agree_with_the_transcriptions(heify: Account, about: str, other: str) -> None:
    """The numbers of a dashboard are those of the transcriptions that it is about, over two months."""
    links = {"evaluator_id": heify.evaluator()["evaluator_id"], "participant_id": heify.participant()}
    made = []
    for _ in range(6):
        made.append(heify.completed(**links))
        heify.clock.advance(6 * 24 * 3600)
    heify.completed(**{f"{other}_id": links[f"{other}_id"]})
    told = heify.data(f"/analytics-{about}", {f"{about}_id": links[f"{about}_id"]})
    scores = [heify.read(one)["details"]["evaluation"] for one in made]
    average = pytest.approx(fmean(one["score"] for one in scores), abs=0.06)
    assert (told["metadata"]["total_records_analyzed"], told["metadata"]["query_limit_reached"]) == (6, False)
    assert (told["kpis"]["total_calls"], told["kpis"]["avg_score"]) == (6, average)
    critical = sum(one["critical_fail"] for one in scores)
    assert (told["kpis"]["total_critical_fails"], told["kpis"]["pending_critical_reviews"]) == (critical, critical)
    assert [one["date"] for one in told["charts"]["timeline"]][:2] == ["2026-11-01", "2026-11-07"]
    assert ("heatmap" in told["charts"]) == (about == "evaluator")
    ranked = told[f"{other}s"]
    assert [(one["id"], one["calls"], one["avg_score"]) for one in ranked] == [(links[f"{other}_id"], 6, average)]
    assert sum(told["score_distribution"].values()) == 6
    comparison = told["comparison"]
    assert (comparison["current_period"]["calls"], comparison["previous_period"]["calls"]) == (1, 5)
    assert set(comparison["delta"]) == {"avg_score", "pass_rate"}
    insights = told["duration_insights"]
    assert sum(insights[name]["count"] for name in ("short", "medium", "long")) == 6
    assert [one["id"] for one in told["raw_data"]] == made[::-1]
    assert ("trend" in told) == (about == "participant")


def test_dashboard_leaves_out_what_was_not_evaluated(heify: Account) -> None:
    """A participant whose calls nobody evaluated has nothing to analyze."""
    participant = heify.participant()
    heify.completed(participant_id=participant)
    told = heify.data("/analytics-participant", {"participant_id": participant})
    assert told == {"message": "No completed transcriptions found to analyze."}


def test_trend_needs_forty_calls(heify: Account) -> None:
    """A participant's trend compares the last 20 calls with the 20 before them."""
    links = {"evaluator_id": heify.evaluator()["evaluator_id"], "participant_id": heify.participant()}
    configuration = heify.configuration()
    trends = []
    for number in range(1, 41):
        heify.completed(configuration, **links)
        if number in (39, 40):
            trends.append(heify.data("/analytics-participant", {"participant_id": links["participant_id"]})["trend"])
    assert trends[0] == {"direction": "insufficient_data", "recent_avg": None, "previous_avg": None, "sample_size": 20}
    change = trends[1]["recent_avg"] - trends[1]["previous_avg"]
    assert trends[1]["direction"] == ("improving" if change > 2 else "declining" if change < -2 else "stable")
