"""The fake LiveAvatar, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest
import requests

from heify_heygen_errors import Category, normalize
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing.clock import ManualClock
from heify_heygen_errors.testing.operations import Checker, Operation
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.server import FakeServer
from heify_heygen_errors.testing.vendors import liveavatar
from heify_heygen_errors.testing.vendors.liveavatar import LiveAvatar
from heify_heygen_errors.testing.world import JobPlan

NOBODY = "00000000-0000-4000-8000-000000000000"
CONTEXT = {"name": "Support", "prompt": "You help people with errors.", "opening_text": "What went wrong?"}
OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in LiveAvatar.operations}
# A good body for each endpoint that takes one.
BODIES: Mapping[str, Any] = {
    "POST /v1/contexts": {**CONTEXT, "links": [{"url": "https://example.com"}]},
    "PATCH /v1/contexts/{context_id}": {"name": "Other"},
    "POST /v1/secrets": {"secret_name": "mine", "secret_type": "OPENAI_API_KEY", "secret_value": "a-value"},
    "POST /v1/sessions/token": {"mode": "LITE", "avatar_id": liveavatar.AVATAR, "is_sandbox": True},
}
# The calls that take a session's token: of one that runs, or of one that is yet to be started.
TOKENS = {"POST /v1/sessions/start": "new", "POST /v1/sessions/keep-alive": "running", "POST /v1/sessions/stop": "running"}
WITH_ID = [name for name in OPERATIONS if "{" in name]


@attrs.define
class Account:
    """A client of the fake LiveAvatar."""

    server: FakeServer
    clock: ManualClock

    def call(self, name: str, body: Any = None, *, token: str | None = None, headers: Any = None, **ids: str) -> requests.Response:
        """Call an endpoint by its name, with the API key or a token."""
        method, path = name.split()
        if headers is None:
            headers = {"Authorization": f"Bearer {token}"} if token else {"X-API-KEY": self.server.liveavatar.api_key}
        return requests.request(method, self.server.liveavatar.url + path.format(**ids), json=body, headers=headers, timeout=5)

    def data(self, name: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(name, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def session(self, **members: Any) -> tuple[str, str]:
        """Id and token of a session that is not started."""
        made = self.data("POST /v1/sessions/token", {"mode": "FULL", "avatar_id": liveavatar.AVATAR, **members})
        return made["session_id"], made["session_token"]

    def started(self, **members: Any) -> tuple[str, str]:
        session, token = self.session(**members)
        self.data("POST /v1/sessions/start", token=token)
        return session, token

    def read(self, session: str) -> Any:
        return self.data("GET /v1/sessions/{session_id}", session_id=session)

    def good(self, name: str) -> requests.Response:
        """A request that the endpoint takes."""
        context = self.data("POST /v1/contexts", CONTEXT)["id"]
        session, running = self.started(avatar_persona={"context_id": context})
        _, new = self.session()
        token = {"new": new, "running": running, None: None}[TOKENS.get(name)]
        return self.call(name, BODIES.get(name), token=token, context_id=context, session_id=session)


@pytest.fixture
def account() -> Iterator[Account]:
    clock = ManualClock()
    with FakeServer(clock=clock) as server:
        yield Account(server, clock)


def said(answer: requests.Response) -> tuple[int, str | None]:
    """The status and the rule that an answer is read as."""
    found = normalize(answer, "liveavatar")
    return answer.status_code, None if found is None else found.rule


def test_every_endpoint_of_the_catalog_is_there() -> None:
    """Every endpoint that the catalog knows can be tested against."""
    listed = {f"{row['method']} {row['path']}" for row in default_catalogs().raw["liveavatar"]["endpoints"]}
    assert listed == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_success(account: Account, name: str) -> None:
    """A good request is answered with code 1000, with the body that the OpenAPI document tells, and is no error."""
    answer = account.good(name)
    assert said(answer) == (200, None)
    assert answer.json()["code"] == 1000
    assert Checker(OPERATIONS[name].answer or {}).problem(answer.json(), "body") is None


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_credential(account: Account, name: str) -> None:
    """Without a credential every endpoint says 4003 with 403."""
    answer = account.call(name, {}, headers={}, context_id=NOBODY, session_id=NOBODY)
    assert said(answer) == (403, "liveavatar/SESSION_NOT_AUTHENTICATED")


@pytest.mark.parametrize("name", OPERATIONS)
def test_wrong_credential(account: Account, name: str) -> None:
    """A key or token that is not known is 4010 with 401."""
    headers = {"Authorization": "Bearer x.y.z"} if name in TOKENS else {"X-API-KEY": "x"}
    answer = account.call(name, {}, headers=headers, context_id=NOBODY, session_id=NOBODY)
    assert said(answer) == (401, "liveavatar/CREDENTIALS_REJECTED")


@pytest.mark.parametrize("name", TOKENS)
def test_key_in_place_of_token(account: Account, name: str) -> None:
    """Session calls do not take the API key, which is no credential for them."""
    assert said(account.call(name)) == (403, "liveavatar/SESSION_NOT_AUTHENTICATED")


def test_token_of_another_session(account: Account) -> None:
    """A session's token opens that session and no other one, and no list."""
    session, token = account.session()
    other, _ = account.session()
    read = "GET /v1/sessions/{session_id}"
    assert said(account.call(read, token=token, session_id=session)) == (200, None)
    assert said(account.call(read, token=token, session_id=other)) == (403, "liveavatar/SESSION_NOT_AUTHENTICATED")
    assert said(account.call("GET /v1/sessions", token=token)) == (403, "liveavatar/SESSION_NOT_AUTHENTICATED")


@pytest.mark.parametrize("name", WITH_ID)
def test_unknown_id(account: Account, name: str) -> None:
    """An id that does not exist is 404."""
    answer = account.call(name, BODIES.get(name), context_id=NOBODY, session_id=NOBODY)
    assert said(answer) == (404, "liveavatar/status:404")


@pytest.mark.parametrize("member", ["avatar_id", "voice_id", "context_id"])
def test_unknown_id_in_the_body(account: Account, member: str) -> None:
    """A session with an avatar, voice or context that does not exist is 404."""
    persona = {} if member == "avatar_id" else {"avatar_persona": {member: NOBODY}}
    avatar = NOBODY if member == "avatar_id" else liveavatar.AVATAR
    answer = account.call("POST /v1/sessions/token", {"mode": "FULL", "avatar_id": avatar, **persona})
    assert said(answer) == (404, "liveavatar/status:404")


def test_wrong_path_and_method(account: Account) -> None:
    """A path that does not exist is 404, a method that a path does not have 405 with those that it has."""
    missing = account.call("GET /v1/session")
    found = normalize(missing, "liveavatar")
    assert found is not None
    assert (missing.status_code, found.category) == (404, Category.NOT_FOUND)
    answer = account.call("DELETE /v1/contexts")
    assert said(answer) == (405, "liveavatar/status:405")
    assert answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("name", "body", "param", "message"),
    [
        ("POST /v1/sessions/token", {"avatar_id": NOBODY}, "mode", "Field required"),
        ("POST /v1/sessions/token", {"mode": "full", "avatar_id": NOBODY}, "mode", "Input should be 'FULL', 'LITE' or 'CUSTOM'"),
        ("POST /v1/sessions/token", {"mode": "FULL", "avatar_id": "Ann"}, "avatar_id", "Input should be a valid UUID"),
        (
            "POST /v1/sessions/token",
            {"mode": "FULL", "avatar_id": NOBODY, "avatar_persona": {"voice_id": "x"}},
            "avatar_persona.voice_id",
            "Input should be a valid UUID",
        ),
        ("POST /v1/sessions/token", {"mode": "FULL", "avatar_id": 1}, "avatar_id", "Input should be a valid string"),
        ("POST /v1/contexts", {**CONTEXT, "name": ""}, "name", "String should have at least 1 character"),
        ("POST /v1/contexts", {**CONTEXT, "name": "x" * 256}, "name", "String should have at most 255 characters"),
        ("POST /v1/contexts", {**CONTEXT, "links": [{}]}, "links.0.url", "Field required"),
        ("POST /v1/contexts", {**CONTEXT, "links": {}}, "links", "Input should be a valid list"),
        ("POST /v1/contexts", [], "body", "Input should be a valid dictionary or object to extract fields from"),
        ("GET /v1/voices?page=0", None, "page", "Input should be greater than or equal to 1"),
        ("GET /v1/voices?page_size=101", None, "page_size", "Input should be less than or equal to 100"),
        ("GET /v1/voices?page=x", None, "page", "Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_validation(account: Account, name: str, body: Any, param: str, message: str) -> None:
    """A request that FastAPI would refuse is 422 with the field and pydantic's words."""
    answer = account.call(name, body)
    found = normalize(answer, "liveavatar")
    assert found is not None
    assert (answer.status_code, found.rule, found.param, found.message) == (422, "liveavatar/status:422", param, message)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"{", "application/json", "JSON decode error"),
        (b"", "application/json", "Field required"),
        (b"{}", "text/plain", "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_no_json(account: Account, body: bytes, kind: str, message: str) -> None:
    """A body that is broken, missing or of another type is 422."""
    site = account.server.liveavatar
    answer = requests.post(f"{site.url}/v1/secrets", data=body, headers={"Content-Type": kind, "X-API-KEY": site.api_key}, timeout=5)
    assert (422, message) == (answer.status_code, answer.json()["detail"][0]["msg"])


def test_body_too_large(account: Account) -> None:
    """A body of more than 32 MiB is refused by the server in front."""
    site = account.server.liveavatar
    body = b"x" * (LiveAvatar.takes + 1)
    answer = requests.post(f"{site.url}/v1/secrets", data=body, headers={"X-API-KEY": site.api_key}, timeout=30)
    assert said(answer) == (413, "layers/NGINX_REQUEST_ENTITY_TOO_LARGE")


# Sessions.


def test_life_of_a_session(account: Account) -> None:
    """A session is pending until it is started, runs however often it is read, and is completed when it is stopped."""
    session, token = account.session()
    states = [account.read(session)["status"]]
    account.data("POST /v1/sessions/start", token=token)
    states += [account.read(session)["status"] for _ in range(5)]
    account.clock.advance(60)
    account.data("POST /v1/sessions/stop", token=token)
    account.clock.advance(60)
    account.data("POST /v1/sessions/stop", token=token)
    ended = account.read(session)
    assert states == ["pending", *["active"] * 5]
    assert (ended["status"], ended["duration"]) == ("completed", 60)


@pytest.mark.parametrize(("mode", "members"), [("FULL", {"livekit_agent_token", "ws_url"}), ("LITE", set()), ("CUSTOM", set())])
def test_where_to_meet(account: Account, mode: str, members: set[str]) -> None:
    """Only sessions that are not run by LiveAvatar itself get an agent's token and a socket."""
    _, token = account.session(mode=mode)
    data = account.data("POST /v1/sessions/start", token=token)
    assert members == {name for name, value in data.items() if value is None}


@pytest.mark.parametrize(
    ("started", "name"),
    [(True, "POST /v1/sessions/start"), (False, "POST /v1/sessions/stop"), (False, "POST /v1/sessions/keep-alive")],
)
def test_wrong_state(account: Account, *, started: bool, name: str) -> None:
    """A session starts once, and cannot be stopped or kept alive before that."""
    _, token = account.started() if started else account.session()
    assert said(account.call(name, token=token)) == (409, "liveavatar/REQUEST_VALIDATION_FAILED")


def test_idle_session_ends(account: Account) -> None:
    """A session ends when nobody has asked to keep it alive for a while, and then cannot be kept alive any more."""
    session, token = account.started()
    account.clock.advance(liveavatar.IDLE_SECONDS - 1)
    account.data("POST /v1/sessions/keep-alive", token=token)
    account.clock.advance(liveavatar.IDLE_SECONDS - 1)
    assert account.read(session)["status"] == "active"
    account.clock.advance(1)
    assert account.read(session)["status"] == "completed"
    assert said(account.call("POST /v1/sessions/keep-alive", token=token)) == (409, "liveavatar/REQUEST_VALIDATION_FAILED")


def test_longest_session(account: Account) -> None:
    """A session ends after its longest time, even if it is kept alive."""
    session, token = account.started()
    while account.call("POST /v1/sessions/keep-alive", token=token).ok:
        account.clock.advance(60)
    assert (account.read(session)["status"], account.read(session)["duration"]) == ("completed", liveavatar.LONGEST_SESSION)


@pytest.mark.parametrize(
    ("plan", "polls", "rule"),
    [
        (error("liveavatar", "4000", message="Session start failed"), 3, "liveavatar/REQUEST_VALIDATION_FAILED"),
        (JobPlan(silent=True, polls=0), 1, "liveavatar/JOB_FAILED_WITHOUT_REASON"),
        (error("liveavatar", "JOB_FAILED_WITHOUT_REASON"), 3, "liveavatar/JOB_FAILED_WITHOUT_REASON"),
    ],
)
def test_failing_session(account: Account, plan: Any, polls: int, rule: str) -> None:
    """A session that is planned to fail does so after the planned number of reads, with its reason or without one."""
    account.server.plan_jobs(plan)
    session, _ = account.started()
    answers = [account.call("GET /v1/sessions/{session_id}", session_id=session) for _ in range(polls + 1)]
    assert [said(answer)[1] for answer in answers] == [None] * (polls - 1) + [rule] * 2


def test_session_that_ends_by_the_clock(account: Account) -> None:
    """A session that is planned to end after some seconds does so, and a stuck one never ends for idleness."""
    account.server.plan_jobs(JobPlan(seconds=10), JobPlan(stuck=True))
    sessions = [account.started()[0] for _ in range(2)]
    account.clock.advance(10)
    account.clock.advance(liveavatar.LONGEST_SESSION)
    ended, stuck = (account.read(session) for session in sessions)
    assert (ended["status"], ended["duration"], stuck["status"]) == ("completed", 10, "active")


def test_limit_of_sessions(account: Account) -> None:
    """One session more than may run is 4003 with the words of the limit, until one has ended."""
    tokens = [account.started()[1] for _ in range(liveavatar.CONCURRENT_SESSIONS)]
    _, token = account.session()
    refused = account.call("POST /v1/sessions/start", token=token)
    assert said(refused) == (403, "liveavatar/SESSION_NOT_AUTHENTICATED#session_limit")
    account.data("POST /v1/sessions/stop", token=tokens[0])
    assert said(account.call("POST /v1/sessions/start", token=token)) == (200, None)
    _, late = account.session()
    account.clock.advance(liveavatar.IDLE_SECONDS)
    assert said(account.call("POST /v1/sessions/start", token=late)) == (200, None)


def test_rate(account: Account) -> None:
    """More requests to an endpoint than fit into a second are 429 until the second is over; other endpoints go on."""
    answers = [account.call("GET /v1/voices") for _ in range(liveavatar.REQUESTS_PER_SECOND + 1)]
    assert [answer.status_code for answer in answers] == [200] * liveavatar.REQUESTS_PER_SECOND + [429]
    assert said(answers[-1]) == (429, "liveavatar/status:429")
    assert (answers[-1].headers["Retry-After"], answers[-1].headers["X-RateLimit-Reset"]) == ("1", "1")
    assert account.call("GET /v1/avatars").status_code == 200
    account.clock.advance(1)
    assert account.call("GET /v1/voices").status_code == 200


def test_without_limits() -> None:
    """A server without limits takes any number of sessions."""
    with FakeServer(clock=ManualClock(), limits=False) as server:
        account = Account(server, ManualClock())
        sessions = [account.started() for _ in range(liveavatar.CONCURRENT_SESSIONS + 1)]
    assert len(server.liveavatar.paid_work) == len(sessions)


def test_paid_work(account: Account) -> None:
    """A session is paid for when it starts, once; a token costs nothing, and neither does a session for tests."""
    account.session()
    session, token = account.started()
    account.call("POST /v1/sessions/start", token=token)
    account.started(is_sandbox=True)
    assert [session] == [work.id for work in account.server.liveavatar.paid_work]


def test_no_credits(account: Account) -> None:
    """Without credits no session starts, but one for tests does."""
    account.server.set_balance("liveavatar", 1)
    account.started()
    _, token = account.session()
    assert said(account.call("POST /v1/sessions/start", token=token)) == (402, "liveavatar/status:402")
    account.started(is_sandbox=True)


def test_transcript(account: Account) -> None:
    """A transcript grows with the time that the session runs, goes on where the last read ended, and can be deleted."""
    context = account.data("POST /v1/contexts", CONTEXT)["id"]
    session, token = account.session(avatar_persona={"context_id": context})
    name = "GET /v1/sessions/{session_id}/transcript"
    assert account.data(name, session_id=session)["transcript_data"] == []
    account.data("POST /v1/sessions/start", token=token)
    first = account.data(name, session_id=session)
    account.clock.advance(10)
    account.data("POST /v1/sessions/stop", token=token)
    rest = account.data(f"{name}?start_timestamp={first['next_timestamp']}", session_id=session)
    assert [line["transcript"] for line in first["transcript_data"]] == ["What went wrong?"]
    assert [line["role"] for line in rest["transcript_data"]] == ["user", "avatar"]
    assert (first["session_active"], rest["session_active"]) == (True, False)
    account.data("DELETE /v1/sessions/{session_id}/events", session_id=session)
    assert account.data(name, session_id=session)["transcript_data"] == []


# Contexts and lists.


def test_contexts(account: Account) -> None:
    """A context can be changed in part, and its copy is another one with the same content."""
    made = account.data("POST /v1/contexts", CONTEXT)
    account.data("PATCH /v1/contexts/{context_id}", {"prompt": "Be brief."}, context_id=made["id"])
    copy = account.data("POST /v1/contexts/{context_id}/copy", context_id=made["id"])
    account.data("PATCH /v1/contexts/{context_id}", {"prompt": "Be long."}, context_id=copy["id"])
    kept = account.data("GET /v1/contexts/{context_id}", context_id=made["id"])
    assert {name: kept[name] for name in CONTEXT} == {**CONTEXT, "prompt": "Be brief."}
    assert (copy["name"], copy["prompt"], copy["id"] == made["id"]) == ("Support (copy)", "Be brief.", False)


def test_secret_is_not_shown(account: Account) -> None:
    """The value of a secret is in no answer."""
    assert "a-value" not in account.good("POST /v1/secrets").text


def test_pages(account: Account) -> None:
    """The links of a list lead through all of it, forth and back."""
    made = [account.data("POST /v1/contexts", {**CONTEXT, "name": str(number)})["name"] for number in range(5)]
    found: list[str] = []
    link, headers = f"{account.server.liveavatar.url}/v1/contexts?page_size=2", {"X-API-KEY": account.server.liveavatar.api_key}
    page: dict[str, Any] = {}
    while link:
        page = requests.get(link, headers=headers, timeout=5).json()["data"]
        found += [context["name"] for context in page["results"]]
        link = page["next"]
    back = requests.get(page["previous"], headers=headers, timeout=5).json()["data"]
    assert (made, 5, ["2", "3"]) == (found, page["count"], [context["name"] for context in back["results"]])


def test_newest_session_first(account: Account) -> None:
    """The list of sessions begins with the newest one, and tells of a failed one why it failed."""
    account.server.plan_jobs(error("liveavatar", "4000", message="Session start failed"))
    old, _ = account.started()
    new, _ = account.session()
    account.server.finish_jobs(old)
    answer = account.call("GET /v1/sessions")
    assert [new, old] == [session["id"] for session in answer.json()["data"]["results"]]
    assert said(answer) == (200, "liveavatar/REQUEST_VALIDATION_FAILED")


def test_headers(account: Account) -> None:
    """Every answer has the date of the server's clock and the load balancer's trace id, which is read as request id."""
    answer = account.call("GET /v1/none")
    found = normalize(answer, "liveavatar")
    assert answer.headers["Date"] == "Sun, 01 Nov 2026 00:00:00 GMT"
    assert found is not None
    assert found.request_id == answer.headers["X-Amzn-Trace-Id"]


def test_equal_seeds() -> None:
    """Equal seeds, clocks and requests give equal ids, other seeds others."""
    made = []
    for seed in (1, 1, 2):
        with FakeServer(seed=seed, clock=ManualClock()) as server:
            made.append(Account(server, ManualClock()).session())
    assert made[0] == made[1]
    assert set(made[0]).isdisjoint(made[2])


def test_ids_that_are_always_there(account: Account) -> None:
    """The avatar and the voice that examples name are in the lists."""
    assert liveavatar.AVATAR in [avatar["id"] for avatar in account.data("GET /v1/avatars/public")["results"]]
    assert liveavatar.VOICE in [voice["id"] for voice in account.data("GET /v1/voices")["results"]]
    assert all(not avatar["is_public"] for avatar in account.data("GET /v1/avatars")["results"])
