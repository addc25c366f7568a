"""What the fake server says of itself below ``/_fake``, and what it can be told there."""

import contextlib
import json
import socket

import pytest
import requests

from heify_heygen_errors.testing import AVATAR_ID, TEMPLATE_ID, VOICE_ID, FakeServer, Reply, fault
from heify_heygen_errors.testing.fault import FAULTS

_VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
_TIMEOUT = 5
_TEAPOT = {"reply": {"status": 418}}


@pytest.fixture
def server():
    with FakeServer() as running:
        yield running


def _get(server, name=""):
    return requests.get(f"{server.url}/_fake{name}", timeout=_TIMEOUT)


def _post(server, name, value=None, **options):
    return requests.post(f"{server.url}/_fake{name}", json=value, timeout=_TIMEOUT, **options)


def _me(server, **headers):
    sent = {"X-Api-Key": server.heygen.api_key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.get(server.heygen.url + "/v3/users/me", headers=sent, timeout=_TIMEOUT)


def _start(server, body=None, **headers):
    sent = {"X-Api-Key": server.heygen.api_key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.post(server.heygen.url + "/v3/videos", json=body or _VIDEO, headers=sent, timeout=_TIMEOUT).json()["data"]["video_id"]


def _read(server, video):
    headers = {"X-Api-Key": server.heygen.api_key}
    return requests.get(f"{server.heygen.url}/v3/videos/{video}", headers=headers, timeout=_TIMEOUT).json()["data"]


# What it says.


@pytest.mark.parametrize("path", ["", "/", "?a=1"])
def test_help_is_for_people(server, path):
    """The page is plain text with every vendor's address and key, ids that are known, every fault, and every endpoint below it."""
    answer = _get(server, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    wanted = [site.url for site in (server.heygen, server.liveavatar, server.heify)]
    wanted += [site.api_key for site in (server.heygen, server.liveavatar, server.heify)]
    wanted += ["X-Fake-Error", "X-Fake-Fault", *FAULTS, AVATAR_ID, VOICE_ID, TEMPLATE_ID]
    wanted += [f"/_fake/{name}" for name in ("openapi.json", "report", "script", "rules", "jobs", "finish-jobs", "balance", "reset")]
    assert [text for text in wanted if text not in answer.text] == []


def test_examples_of_the_help_work(server):
    """The bodies that the page shows for the endpoints are taken by them as they stand there."""
    shown = {}
    for line in _get(server).text.splitlines():
        if line.startswith("POST /_fake/") and "{" in line:
            name, _, rest = line.removeprefix("POST /_fake").partition(" ")
            shown[name], _ = json.JSONDecoder().raw_decode(rest.strip())
    assert sorted(shown) == ["/balance", "/jobs", "/rules", "/script"]
    assert [_post(server, name, value).status_code for name, value in shown.items()] == [200] * 4


def test_openapi_is_that_of_the_server(server):
    """The OpenAPI document is the one that the server gives in Python."""
    assert _get(server, "/openapi.json").json() == json.loads(json.dumps(server.openapi()))


def test_report_tells_what_arrived(server, httpserver):
    """The report has counts, statuses, jobs, paid work, double charges and webhooks, each readable without Python."""
    httpserver.expect_request("/hook").respond_with_data("", 204)
    body = {**_VIDEO, "callback_url": httpserver.url_for("/hook")}
    first, second = _start(server, body), _start(server, body, Idempotency_Key="k1")
    with contextlib.suppress(requests.ConnectionError):
        _me(server, X_Fake_Fault="reset_after_request")
    requests.get(server.url + "/nowhere", timeout=_TIMEOUT)
    assert server.finish_jobs(first) == [first]
    server.wait_for_deliveries()
    report = _get(server, "/report").json()
    works = [{"provider": "heygen", "operation": "POST /v3/videos", "id": video} for video in (first, second)]
    assert report == {
        "requests": 4,
        "endpoints": [
            {"provider": "heygen", "endpoint": "POST /v3/videos", "requests": 2},
            {"provider": "heygen", "endpoint": "GET /v3/users/me", "requests": 1},
            {"provider": "", "endpoint": "GET /nowhere", "requests": 1},
        ],
        "statuses": {"200": 2, "404": 1, "none": 1},
        "jobs": [
            {"provider": "heygen", "kind": "video", "id": first, "over": True, "failed": False},
            {"provider": "heygen", "kind": "video", "id": second, "over": False, "failed": False},
        ],
        "paid_work": [
            {**works[0], "request": 1, "idempotency_key": None},
            {**works[1], "request": 2, "idempotency_key": "k1"},
        ],
        "double_charges": [[1, 2]],
        "webhooks": [
            {"provider": "heygen", "event": server.deliveries[0].event, "url": httpserver.url_for("/hook"), "status": 204, "problem": None}
        ],
    }


def test_report_of_nothing(server):
    """A server that has received nothing says so with the same members."""
    assert _get(server, "/report").json() == {
        "requests": 0,
        "endpoints": [],
        "statuses": {},
        "jobs": [],
        "paid_work": [],
        "double_charges": [],
        "webhooks": [],
    }


# What it can be told.


def test_script_can_be_given(server):
    """A script in JSON is met in order, and the answer says how many steps it has."""
    steps = [{"error": "RATE_LIMIT", "provider": "heygen", "retry_after": 2}, {"fault": "empty_body", "answer": _TEAPOT}, "ok"]
    answer = _post(server, "/script", {"steps": steps})
    assert (answer.status_code, answer.json()) == (200, {"steps": 3})
    met = [_me(server) for _ in range(4)]
    assert [one.status_code for one in met] == [429, 418, 200, 200]
    assert met[0].headers["Retry-After"] == "2"


def test_script_can_be_for_some_requests(server):
    """Vendor, method and path narrow a script; with a vendor, its errors need no more than their names."""
    assert _post(server, "/script", {"steps": ["RATE_LIMIT"], "provider": "heygen", "method": "GET", "path": "/v3/users/*"}).ok
    assert _start(server)
    assert [_me(server).status_code for _ in range(2)] == [429, 200]


def test_script_can_refuse(server):
    """A script that begins with a refusal is confirmed first; then the port refuses for its time."""
    assert _post(server, "/script", {"steps": [{"fault": "refused", "seconds": 60}]}).json() == {"steps": 1}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=_TIMEOUT)


def test_jobs_can_be_planned(server):
    """Plans in JSON are those of the next jobs, in order."""
    failure = {"error": "rendering_failed", "provider": "heygen"}
    plans = [{"polls": 0, "fails": failure}, {"stuck": True}, {"polls": 0, "remark": failure}, {"polls": 0, "silent": True}, {"seconds": 0}]
    assert _post(server, "/jobs", {"plans": plans}).json() == {"plans": len(plans)}
    seen = [_read(server, _start(server)) for _ in range(len(plans))]
    assert [video["status"] in ("completed", "failed") and video["status"] for video in seen] == [
        "failed",
        False,
        "completed",
        "failed",
        "completed",
    ]
    assert ("failure_code" in seen[0], bool(seen[2]["error"]), "failure_code" in seen[3]) == (True, True, False)


def test_rules_can_be_given(server):
    """A rule is met until the reset, or so many times, by the requests that it is for; of several the newest."""
    assert _post(server, "/rules", {"step": _TEAPOT}).json() == {"rules": 1}
    assert _post(server, "/rules", {"step": "RATE_LIMIT", "provider": "heygen", "method": "GET", "path": "/v3/users/*", "times": 2}).ok
    assert _post(server, "/rules", {"step": {"reply": {"status": 501}}, "share": 0}).ok
    assert [_me(server).status_code for _ in range(4)] == [429, 429, 418, 418]
    _post(server, "/reset")
    assert _me(server).status_code == 200


def test_balance_can_be_set(server):
    """Credits can be used up, and be without end again."""

    def start():
        headers = {"X-Api-Key": server.heygen.api_key}
        return requests.post(server.heygen.url + "/v3/videos", json=_VIDEO, headers=headers, timeout=_TIMEOUT).status_code

    assert (_post(server, "/balance", {"provider": "heygen", "left": 1}).json(), start(), start()) == ({"left": 1}, 200, 402)
    assert (_post(server, "/balance", {"provider": "heygen", "left": None}).json(), start()) == ({"left": None}, 200)


def test_jobs_can_be_finished(server):
    """All jobs that run are ended, and the answer has their ids."""
    videos = [_start(server), _start(server)]
    assert _post(server, "/finish-jobs").json() == {"finished": videos}
    assert _post(server, "/finish-jobs", {}).json() == {"finished": []}


def test_everything_can_be_forgotten(server):
    """A reset forgets requests, jobs and scripts."""
    _start(server)
    _post(server, "/script", {"steps": [_TEAPOT]})
    assert _post(server, "/reset").json() == {"reset": True}
    assert (server.request_count, server.jobs, _me(server).status_code) == (0, [], 200)


def test_control_is_no_vendor(server):
    """Requests below /_fake are not counted, and meet no script, rule or fault."""
    server.script([Reply(status=418)])
    server.on(None, None, fault.reset_after_request)
    headers = {"X-Fake-Error": "RATE_LIMIT", "X-Fake-Fault": "reset_after_request"}
    answer = requests.get(server.url + "/_fake/report", headers=headers, timeout=_TIMEOUT)
    assert (answer.status_code, answer.json()["requests"], server.requests) == (200, 0, [])
    assert _me(server).status_code == 418


# Wrong input.


@pytest.mark.parametrize("path", ["/nothing", "/script/more", "/openapi", "/../v3"])
def test_unknown_endpoint_is_told_which_there_are(server, path):
    """What does not exist is a 404 that lists what does."""
    with requests.Session() as session:
        wanted = requests.Request("GET", server.url).prepare()
        wanted.url = f"{server.url}/_fake{path}"  # as it stands here: requests would resolve the dots
        answer = session.send(wanted, timeout=_TIMEOUT)
    assert (answer.status_code, "POST /_fake/script" in answer.json()["endpoints"]) == (404, True)


@pytest.mark.parametrize(
    ("method", "name", "allowed"),
    [("GET", "/script", "POST"), ("DELETE", "/reset", "POST"), ("POST", "/report", "GET"), ("PUT", "", "GET")],
)
def test_wrong_method_is_told_the_right_one(server, method, name, allowed):
    """Another method than the endpoint's is a 405 with the right one."""
    answer = requests.request(method, f"{server.url}/_fake{name}", timeout=_TIMEOUT)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


_ERROR = {"error": "RATE_LIMIT", "provider": "heygen"}
_WRONG = {
    "no JSON": ("/script", b"steps: ok", "line 1"),
    "no UTF-8": ("/script", b'{"steps": ["\xff"]}', "utf-8"),
    "half": ("/script", b'{"steps": [', "line 1"),
    "nested too deeply": ("/script", b"[" * 100_000, "nested"),
    "no object": ("/script", b'["ok"]', "the body is a JSON object with steps, provider, method, path"),
    "nothing": ("/script", b"", '"steps" is a list'),
    "steps missing": ("/script", {}, '"steps" is a list'),
    "steps no list": ("/script", {"steps": "ok"}, '"steps" is a list'),
    "option": ("/script", {"steps": [], "paths": "/v3"}, "there is no option 'paths' here: use steps, provider, method, path"),
    "step": ("/script", {"steps": ["ok", 5]}, "5 is no step"),
    "fault": ("/script", {"steps": [{"fault": "slow_anser"}]}, "did you mean slow_answer"),
    "error": ("/script", {"steps": [{**_ERROR, "error": "video_not_fund"}]}, "video_not_found"),
    "error of nobody": ("/script", {"steps": [{"error": "RATE_LIMIT"}]}, "say whose error it is"),
    "error option": ("/script", {"steps": [{**_ERROR, "headers": "x"}]}, "headers"),
    "vendor": ("/script", {"steps": ["ok"], "provider": "heygn"}, "there is no vendor 'heygn': use one of "),
    "vendor no text": ("/script", {"steps": ["ok"], "provider": 5}, "provider is a text, not 5"),
    "vendor a list": ("/script", {"steps": ["ok"], "provider": []}, "provider is a text, not []"),
    "path no text": ("/script", {"steps": ["ok"], "path": 5}, "path"),
    "method no text": ("/script", {"steps": ["ok"], "method": 5}, "method"),
    "plans missing": ("/jobs", {}, '"plans" is a list'),
    "plans no list": ("/jobs", {"plans": {"polls": 1}}, '"plans" is a list'),
    "plan": ("/jobs", {"plans": [{}, 5]}, "plan 2 is an object, not 5"),
    "plan option": ("/jobs", {"plans": [{"poll": 1}]}, "there is no option 'poll' here: use polls, seconds, fails"),
    "polls": ("/jobs", {"plans": [{"polls": "many"}]}, "polls"),
    "polls below 0": ("/jobs", {"plans": [{"polls": -1}]}, "polls"),
    "polls and a half": ("/jobs", {"plans": [{"polls": 1.5}]}, "polls"),
    "seconds": ("/jobs", {"plans": [{"seconds": "soon"}]}, "seconds"),
    "seconds below 0": ("/jobs", {"plans": [{"seconds": -1}]}, "seconds"),
    "silent": ("/jobs", {"plans": [{"silent": "yes"}]}, "silent"),
    "stuck": ("/jobs", {"plans": [{"stuck": 1}]}, "stuck"),
    "fails": ("/jobs", {"plans": [{"fails": "ok"}]}, '"fails" is an error: {"error": ..., "provider": ...}'),
    "remark": ("/jobs", {"plans": [{"remark": "refused"}]}, '"remark" is an error'),
    "rule without a step": ("/rules", {"method": "GET"}, '"step" says what the requests meet'),
    "rule option": ("/rules", {"step": "ok", "paths": "/v3"}, "there is no option 'paths' here: use step, method, path"),
    "rule step": ("/rules", {"step": 5}, "5 is no step"),
    "rule that refuses": ("/rules", {"step": "refused"}, "put fault.refused into a script"),
    "times": ("/rules", {"step": "ok", "times": 0}, "not 0; leave it out for ever"),
    "times, text": ("/rules", {"step": "ok", "times": "2"}, "times is a number, not '2'"),
    "times and a half": ("/rules", {"step": "ok", "times": 1.5}, "times"),
    "share": ("/rules", {"step": "ok", "share": 2}, "share is a part of all requests, from 0 to 1, not 2"),
    "share, truth": ("/rules", {"step": "ok", "share": True}, "share is a number, not True"),
    "rule of nobody": ("/rules", {"step": "ok", "provider": "heygn"}, "there is no vendor 'heygn'"),
    "balance": ("/balance", {"provider": "heygen", "left": "none"}, "\"left\" is a number, or null for no end, not 'none'"),
    "balance of nobody": ("/balance", {"left": 0}, "there is no vendor"),
    "balance option": ("/balance", {"provider": "heygen", "credits": 0}, "there is no option 'credits' here: use provider, left"),
    "reset": ("/reset", b"nope", "line 1"),
}


@pytest.mark.parametrize(("name", "body", "text"), _WRONG.values(), ids=_WRONG)
def test_wrong_input_says_what_is_wrong(server, name, body, text):
    """Whatever is wrong with a body is a 400 that says what to write; nothing of it is taken."""
    answer = _post(server, name, data=body if isinstance(body, bytes) else json.dumps(body))
    assert (answer.status_code, list(answer.json())) == (400, ["fake"])
    assert text in answer.json()["fake"]
    assert [_me(server).status_code, _read(server, _start(server))["status"]] == [200, "pending"]
