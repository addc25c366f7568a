"""The promises of `FakeServer`, over a real socket."""

import contextlib
import gc
import json
import os
import queue
import socket
import threading
import time
from pathlib import Path

import httpx2
import pytest
import requests

from heify_heygen_errors import Category, normalize
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, JobPlan, ManualClock, Reply, error, fault, ok, webhook
from heify_heygen_errors.testing.certificates import KINDS

_VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
_TIMEOUT = 5
_TEAPOT = Reply(status=418)


@pytest.fixture
def server():
    with FakeServer() as running:
        yield running


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def timed(clock):
    with FakeServer(clock=clock) as running:
        yield running


def _call(server, path="/v3/users/me", method="GET", *, vendor="heygen", key=True, body=None, **headers):
    site = server.site(vendor)
    sent = {"X-Api-Key": site.api_key} if key else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, site.url + path, json=body, headers=sent, timeout=_TIMEOUT)


def _start(server, body=None, **headers):
    """Start a video."""
    return _call(server, "/v3/videos", "POST", body=body or _VIDEO, **headers)


def _started(server, body=None, **headers):
    """The id of a new video."""
    return _start(server, body, **headers).json()["data"]["video_id"]


def _read(server, video):
    return _call(server, f"/v3/videos/{video}")


def _state(server, video):
    return _read(server, video).json()["data"]["status"]


def _statuses(server, count, **options):
    return [_call(server, **options).status_code for _ in range(count)]


def _refused(server):
    """Whether the port refuses a connection."""
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=_TIMEOUT).close()
    except ConnectionRefusedError:
        return True
    return False


def _soon(promise):
    """Wait until something holds; fails after some seconds."""
    end = time.monotonic() + _TIMEOUT
    while not promise():
        assert time.monotonic() < end
        time.sleep(0.002)


def _send(server, method="POST", path="/heygen/v3/videos", body=None, **headers):
    """Send a request and leave its answer unread; closing the socket is leaving before the answer."""
    content = b"" if body is None else json.dumps(body).encode()
    sent = {"Host": "x", "X-Api-Key": server.heygen.api_key, "Content-Type": "application/json", "Content-Length": len(content)}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    line = socket.create_connection(("127.0.0.1", server.port), timeout=_TIMEOUT)
    line.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + b"".join(f"{n}: {v}\r\n".encode() for n, v in sent.items()) + b"\r\n" + content)
    return line


# Life.


def test_server_has_an_address_for_each_vendor(server):
    """Each vendor has a base URL without a slash at the end on 127.0.0.1, and a key of its own that it accepts."""
    assert server.url == f"http://127.0.0.1:{server.port}"
    sites = [server.heygen, server.liveavatar, server.heify]
    assert [site.url for site in sites] == [f"{server.url}/{name}" for name in ("heygen", "liveavatar", "heify")]
    assert len({site.api_key for site in sites}) == 3
    assert [server.site(site.name) for site in sites] == sites
    assert (repr(server), repr(FakeServer())) == (f"FakeServer({server.url!r})", "FakeServer(stopped)")


def test_vendor_that_does_not_exist_is_told_which_do(server):
    """A wrong name is refused with the right ones, wherever a vendor is named."""
    for wrong in (
        lambda: server.site("heygn"),
        lambda: server.set_balance("heygn", 1),
        lambda: server.tls_url("heygn"),
        lambda: server.script([ok], provider="heygn"),
        lambda: server.on(None, None, ok, provider="heygn"),
    ):
        with pytest.raises(KeyError, match=r"no vendor 'heygn': use one of .*heygen"):
            wrong()


@pytest.mark.parametrize("options", [{"keys": {"heygn": "k"}}, {"heify_generation": "2024"}, {"known": {"avatar": "a"}}])
def test_wrong_options_are_refused_at_once(options):
    """An option that names what does not exist is refused when the server is made."""
    with pytest.raises(ValueError, match=r"heygen|2026|avatar_id"):
        FakeServer(**options)


def test_starting_is_quick():
    """A server is there within a tenth of a second."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        with FakeServer():
            times.append(time.perf_counter() - begin)
    assert min(times) < 0.1


def test_starting_twice_is_refused(server):
    """A server that runs cannot be started again, and goes on running."""
    with pytest.raises(RuntimeError, match="this server runs already"):
        server.start()
    assert _call(server).status_code == 200


def test_port_that_is_taken_is_refused(server):
    """A port in use is an OSError; that server can be stopped all the same, and a thread of it is nowhere."""
    second, before = FakeServer(port=server.port), threading.active_count()
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()
    assert (threading.active_count(), repr(second)) == (before, "FakeServer(stopped)")


def test_port_can_be_chosen(server):
    """A server that has ended leaves its port to the next one at once."""
    port = server.port
    _call(server)
    server.stop()
    with FakeServer(port=port) as next_one:
        assert (next_one.port, _call(next_one).status_code) == (port, 200)


def test_stopping_twice_or_too_early_is_harmless():
    """A server that does not run can be stopped."""
    server = FakeServer()
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert repr(server) == "FakeServer(stopped)"


def test_server_can_be_started_again(httpserver):
    """After its end a server can be started again, with what it knew, and all of it works: answers, jobs, webhooks."""
    httpserver.expect_request("/hook").respond_with_data("")
    server = FakeServer()
    for number in (1, 2):
        with server:
            _started(server, {**_VIDEO, "callback_url": httpserver.url_for("/hook")})
            server.finish_jobs()
            done = server.wait_for_deliveries()
            assert ([delivery.status for delivery in done], server.request_count) == ([200] * number, number)


def test_what_needs_a_running_server_says_so():
    """Without a running server there is no TLS address, and asking for one leaves neither sockets nor files behind."""
    server, before = FakeServer(), _open_files()
    with pytest.raises(RuntimeError, match="the server does not run"):
        server.tls_url("heygen")
    del server
    gc.collect()  # what was left behind would warn now
    assert _open_files() == before


def _open_files():
    gc.collect()
    folder = "/proc/self/fd"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0  # noqa: PTH112, PTH208 - a Path would open it, too


def _everything_at_once(server, hook):
    """Use what opens sockets and starts threads or timers, and leave it in the middle; gives the clients' sockets."""
    for kind in KINDS:
        server.tls_url("heygen", kind)
    requests.get(server.tls_url("heygen") + "/v3/users/me", verify=server.ca_file, timeout=_TIMEOUT)
    server.plan_jobs(JobPlan(), JobPlan(seconds=60))
    for _ in range(2):
        _started(server, {**_VIDEO, "callback_url": hook})
    server.finish_jobs(server.jobs[0].id)
    server.wait_for_deliveries()
    requests.get(server.elsewhere.url, timeout=_TIMEOUT)
    count, cut = server.request_count, ("no_answer", "content_length_too_long", "trickling_headers", "endless_body")
    lines = [_send(server, X_Fake_Fault=name) for name in cut]
    _soon(lambda: server.request_count == count + len(cut))
    in_handshake = socket.create_connection(("127.0.0.1", _port(server.tls_url("heygen"))), timeout=_TIMEOUT)
    in_the_middle = socket.create_connection(("127.0.0.1", server.port), timeout=_TIMEOUT)
    in_the_middle.sendall(b"POST /heygen/v3/videos HTTP/1.1\r\n")
    hardly_there = [_send(server, X_Fake_Fault="no_answer") for _ in range(4)]
    return [*lines, in_handshake, in_the_middle, *hardly_there]


def _port(url):
    return int(url.split(":")[2].partition("/")[0])


@pytest.mark.parametrize("refuses", [False, True], ids=["open", "refusing"])
def test_stopping_leaves_nothing(httpserver, refuses):
    """After stop no thread of it is left and no socket, whatever was going on; files of certificates are gone."""
    httpserver.expect_request("/hook").respond_with_data("")
    hook = httpserver.url_for("/hook")
    _begun_and_stopped(hook, refuses=refuses)  # what is made once per process is made here
    threads, files = set(threading.enumerate()), _open_files()
    ca_file = _begun_and_stopped(hook, refuses=refuses)
    assert (set(threading.enumerate()) - threads, _open_files(), Path(ca_file).exists()) == (set(), files, False)


def _begun_and_stopped(hook, *, refuses):
    with FakeServer() as server:
        ca_file = server.ca_file
        lines = _everything_at_once(server, hook)
        if refuses:
            server.script([fault.refused(seconds=60)])
    for line in lines:
        line.close()
    return ca_file


def test_stopping_does_not_wait_for_answers(server):
    """A request without an answer does not hold the server up: its connection is cut."""
    line = _send(server, X_Fake_Fault="no_answer; seconds=60")
    _soon(lambda: server.request_count == 1)
    begin = time.monotonic()
    server.stop()
    assert time.monotonic() - begin < 1
    with contextlib.suppress(ConnectionResetError):
        assert line.recv(100) == b""
    line.close()


# Scripts.


def test_script_is_met_in_order_and_then_all_is_normal(server):
    """Requests meet the steps one each, in the order in which they arrive; afterwards the vendor answers as usual."""
    server.script([error("heygen", "RATE_LIMIT", retry_after=2), fault.reset_after_request, ok, _TEAPOT])
    limited = _call(server)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "2")
    with pytest.raises(requests.ConnectionError):
        _call(server)
    assert _statuses(server, 3) == [200, 418, 200]


_CALLS = (
    ("heygen", "GET", "/v3/users/me"),
    ("heygen", "GET", "/v3/videos/abc"),
    ("heygen", "POST", "/v3/videos"),
    ("heify", "POST", "/submit"),
)
_FILTERS = {
    "all": ({}, (1, 1, 1, 1)),
    "vendor": ({"provider": "heygen"}, (1, 1, 1, 0)),
    "other vendor": ({"provider": "heify"}, (0, 0, 0, 1)),
    "method": ({"method": "post"}, (0, 0, 1, 1)),
    "path": ({"path": "/v3/videos"}, (0, 0, 1, 0)),
    "placeholder": ({"path": "/v3/videos/{video_id}"}, (0, 1, 0, 0)),
    "placeholder is one segment": ({"path": "/v3/{all}"}, (0, 0, 1, 0)),
    "star": ({"path": "/v3/*"}, (1, 1, 1, 0)),
    "together": ({"provider": "heygen", "method": "GET", "path": "/v3/videos*"}, (0, 1, 0, 0)),
    "none": ({"provider": "heify", "path": "/v3/*"}, (0, 0, 0, 0)),
}


@pytest.mark.parametrize(("wanted", "met"), _FILTERS.values(), ids=_FILTERS)
@pytest.mark.parametrize("way", ["script", "on"])
def test_steps_can_be_for_some_requests(server, way, wanted, met):
    """A script or rule is met by the requests to its vendor, with its method, for its path; the others pass."""
    if way == "script":
        server.script([_TEAPOT] * len(_CALLS), **wanted)
    else:
        options = {name: wanted[name] for name in ("provider",) if name in wanted}
        server.on(wanted.get("method"), wanted.get("path"), _TEAPOT, **options)
    statuses = [_call(server, path, method, vendor=vendor, body={}).status_code for vendor, method, path in _CALLS]
    assert tuple(int(status == 418) for status in statuses) == met


@pytest.mark.parametrize("way", ["script", "on"])
def test_steps_can_be_for_the_storage(server, way):
    """The storage behind signed URLs can be scripted like a vendor."""
    server.plan_jobs(JobPlan(polls=0))
    url = _read(server, _started(server)).json()["data"]["video_url"]
    if way == "script":
        server.script([_TEAPOT], provider="storage")
    else:
        server.on("GET", None, _TEAPOT, provider="storage", times=1)
    assert [_call(server).status_code, *(requests.get(url, timeout=_TIMEOUT).status_code for _ in range(2))] == [200, 418, 200]


def test_scripts_follow_one_another(server):
    """Of several scripts that fit, the one that was given first is met first."""
    server.script([Reply(status=501)], path="/v3/users/*")
    server.script([Reply(status=502), Reply(status=503)])
    assert [_call(server, "/v3/other").status_code, *_statuses(server, 3)] == [502, 501, 503, 200]


def test_script_takes_any_iterable_of_steps_and_nothing_else(server):
    """A generator will do; what is no step is refused when the script is given, and none of it is met."""
    server.script(Reply(status=status) for status in (501, 502))
    with pytest.raises(TypeError, match="'RATE_LIMIT' is no step: use error"):
        server.script([_TEAPOT, "RATE_LIMIT"])
    with pytest.raises(TypeError, match="429 is no step"):
        server.on(None, None, 429)
    assert _statuses(server, 3) == [501, 502, 200]


@pytest.mark.parametrize("wrong", [{"path": 5}, {"method": 5}])
def test_filters_of_a_wrong_type_are_refused(server, wrong):
    """A method or path that is no text is refused at once, not when the next request comes."""
    with pytest.raises(TypeError, match="text"):
        server.script([ok], **wrong)
    with pytest.raises(TypeError, match="text"):
        server.on(wrong.get("method"), wrong.get("path"), ok)
    assert _call(server).status_code == 200


def test_script_outranks_the_limits_and_the_key(server):
    """A step is met whether the request was good or not: no key is needed to be told to wait."""
    server.script([error("heygen", "RATE_LIMIT")])
    assert [_call(server, key=False).status_code, _call(server, key=False).status_code] == [429, 401]


def test_script_can_be_given_before_the_start():
    """What is scripted before the server runs is met once it does, a refusal included."""
    server = FakeServer(clock=ManualClock())
    server.script([_TEAPOT, fault.refused(seconds=60)])
    with server:
        assert (_call(server).status_code, _refused(server)) == (418, True)
    server = FakeServer(clock=ManualClock())
    server.script([fault.refused(seconds=60)])
    with server:
        assert _refused(server)


_FUNCTIONS = {
    "reply": (lambda received: Reply.json({"path": received.path}, 201), 201),
    "error": (lambda received: error("heygen", "RATE_LIMIT"), 429),
    "ok": (lambda received: ok, 200),
    "fault": (lambda received: fault.slow_answer(seconds=0, answer=_TEAPOT), 418),
    "fault of a function": (lambda received: fault.slow_answer(seconds=0, answer=lambda again: _TEAPOT), 418),
    "by the request": (lambda received: ok if received.method == "POST" else _TEAPOT, 418),
}


@pytest.mark.parametrize(("step", "status"), _FUNCTIONS.values(), ids=_FUNCTIONS)
def test_step_can_be_a_function_of_the_request(server, step, status):
    """A function gets the request as it arrived and gives what it is to meet."""
    server.script([step])
    assert _statuses(server, 2) == [status, 200]


def test_function_sees_the_whole_request(server):
    """The request that a function gets has everything that came."""
    seen = []
    server.script([lambda received: seen.append(received) or ok])
    _call(server, "/v3/videos?limit=2&limit=3", "POST", body={"a": 1}, Idempotency_Key="k1")
    [received] = seen
    assert (received.number, received.provider, received.method, received.path) == (1, "heygen", "POST", "/v3/videos")
    assert (received.query, received.json, received.idempotency_key) == ({"limit": "3"}, {"a": 1}, "k1")
    assert (received.size, received.headers["x-api-key"]) == (len(received.body), server.heygen.api_key)


def _met_by(*steps):
    """The statuses that requests get who meet these steps, once the server has ended well."""
    with FakeServer() as server:
        server.script(steps)
        return _statuses(server, len(steps))


def _raises(problem):
    def step(received):
        raise problem

    return step


@pytest.mark.parametrize(
    "problem",
    [ValueError("no"), AssertionError("no"), pytest.fail.Exception("no")],
    ids=["error", "assertion", "pytest.fail"],
)
def test_what_a_function_raises_is_raised_at_the_end(problem):
    """A failed check inside a step is not lost: the with block ends in what was raised."""
    with pytest.raises(type(problem), match="no"):
        _met_by(_raises(problem), ok)


def test_client_of_a_failed_function_gets_an_answer():
    """Where a step fails the client gets a 500 that says so, and the next request is answered as usual."""
    server = FakeServer().start()
    server.script([_raises(ValueError("no"))])
    failed = _call(server)
    assert (failed.status_code, failed.json(), _call(server).status_code) == (500, {"fake": "the step failed: ValueError('no')"}, 200)
    server.stop()
    assert [str(problem) for problem in server.failures] == ["no"]


def test_first_of_several_failures_is_raised():
    """Of several failed steps the first one is raised, which is the cause more often than not."""
    with pytest.raises(ValueError, match="first"):
        _met_by(_raises(ValueError("first")), _raises(KeyError("second")))


def _fails_itself():
    with FakeServer() as server:
        server.script([_raises(ValueError("step"))])
        _call(server)
        msg = "block"
        raise KeyError(msg)


def test_failure_of_the_test_itself_comes_first():
    """What the with block raises is not covered by what a step raised."""
    with pytest.raises(KeyError, match="block"):
        _fails_itself()


@pytest.mark.parametrize("given", [None, "ok", 200, lambda received: ok])
def test_function_that_gives_no_step_is_a_failure(given):
    """A function that gives something else is named at the end of the with block."""
    with pytest.raises(TypeError, match=r"is no step|gave"):
        _met_by(lambda received: given)


# Rules.


def test_rule_lasts_until_reset(server):
    """A rule is met by every fitting request until the server is reset."""
    server.on("GET", "/v3/users/me", _TEAPOT)
    assert _statuses(server, 5) == [418] * 5
    server.reset()
    assert _statuses(server, 2) == [200, 200]


def test_newest_rule_wins_and_scripts_go_first(server):
    """Of several rules the newest is met, the older ones where it does not fit; a script goes before all of them."""
    server.on(None, None, Reply(status=501))
    server.on(None, "/v3/users/me", Reply(status=502))
    server.script([Reply(status=503)])
    assert [*_statuses(server, 2), _call(server, "/v3/videos").status_code] == [503, 502, 501]


def test_rule_can_be_met_so_many_times(server):
    """A rule for a number of times is met so often, then the older rule is met again."""
    server.on(None, None, Reply(status=501), times=1)
    server.on(None, None, Reply(status=502), times=2)
    assert _statuses(server, 4) == [502, 502, 501, 200]


def _shared(seed, share, count=60):
    with FakeServer(seed=seed) as server, requests.Session() as session:
        server.on(None, None, _TEAPOT, share=share)
        url = server.heygen.url + "/v3/users/me"
        return [session.get(url, timeout=_TIMEOUT).status_code == 418 for _ in range(count)]


def test_share_of_requests_is_chosen_by_the_seed():
    """A rule for a share is met by about so many requests, by the same ones with the same seed, by others with another."""
    first = _shared(1, 0.5)
    assert 15 < sum(first) < 45
    assert (_shared(1, 0.5) == first, _shared(2, 0.5) == first) == (True, False)


@pytest.mark.parametrize(("share", "met"), [(0, 0), (1, 20)])
def test_share_of_none_and_of_all(share, met):
    """A share of 0 is met by no request, one of 1 by every one."""
    assert sum(_shared(0, share, 20)) == met


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"share": -0.1}, "share is a part of all requests, from 0 to 1, not -0.1"),
        ({"share": 1.1}, "from 0 to 1, not 1.1"),
        ({"share": float("nan")}, "from 0 to 1, not nan"),
        ({"times": 0}, "times is .*1, not 0; leave it out for ever"),
        ({"times": -3}, "times is .*1, not -3"),
        ({"times": 1.5}, "times is a whole number.*, not 1.5"),
    ],
)
def test_amounts_of_a_rule_are_checked(server, options, text):
    """A share outside 0 to 1 and times below 1 are refused with what can be written."""
    with pytest.raises((ValueError, TypeError), match=text):
        server.on(None, None, ok, **options)


def test_rule_cannot_refuse(server):
    """A rule is for requests that have arrived: a refusal by rule is refused, with what can be used instead."""
    with pytest.raises(ValueError, match=r"put fault.refused into a script, or use refusing\(\)"):
        server.on(None, None, fault.refused)


# What requests ask for themselves.


def test_request_asks_for_an_error(server):
    """X-Fake-Error gives the vendor's failure with the options of the header, in the vendor's shape and in no other's."""
    answer = _call(server, X_Fake_Error="video_not_found; status=404; retry_after=2; message=Gone")
    info = normalize(answer, "heygen")
    assert (answer.status_code, info.code, info.message, info.retry.after) == (404, "video_not_found", "Gone", 2)


@pytest.mark.parametrize("vendor", ["heygen", "liveavatar", "heify"])
def test_category_is_the_vendor_s_own(server, vendor):
    """A category is the error of the vendor whom the request is for."""
    info = normalize(_call(server, "/v1/anything", vendor=vendor, X_Fake_Error="rate_limit"), vendor)
    assert (info.category, info.provider) == (Category.RATE_LIMIT, vendor)


def test_request_asks_for_a_fault(server):
    """X-Fake-Fault makes a fault of the normal answer, and with X-Fake-Error of that error."""
    broken = _call(server, X_Fake_Fault="broken_json")
    whole = _call(server)
    assert (broken.status_code, broken.content) == (200, whole.content[: len(whole.content) // 2])
    both = _call(server, X_Fake_Fault="empty_body", X_Fake_Error="RATE_LIMIT")
    assert (both.status_code, both.content) == (429, b"")


_WRONG_WISHES = {
    "error": ({"X_Fake_Error": "video_not_fund"}, "video_not_found"),
    "fault": ({"X_Fake_Fault": "slow_anser"}, "slow_answer"),
    "error option": ({"X_Fake_Error": "RATE_LIMIT; retry=2"}, "retry_after"),
    "fault option": ({"X_Fake_Fault": "slow_answer; secs=2"}, "seconds"),
    "amount": ({"X_Fake_Fault": "slow_answer; seconds=-1"}, "seconds is a number from 0 up"),
    "shape": ({"X_Fake_Error": "RATE_LIMIT; shape=v9"}, "v3"),
}


@pytest.mark.parametrize(("headers", "named"), _WRONG_WISHES.values(), ids=_WRONG_WISHES)
def test_wrong_wish_is_told_what_there_is(server, headers, named):
    """A request that asks for what does not exist is refused with 400 and the right names; nothing else happens."""
    answer = _start(server, **headers)
    assert answer.status_code == 400
    assert "X-Fake-Error or X-Fake-Fault: " in answer.json()["fake"]
    assert named in answer.json()["fake"]
    assert server.paid_work == []


def test_own_wish_goes_before_the_script(server):
    """A request that asks for something itself gets that, and leaves the script to the next one."""
    server.script([_TEAPOT])
    assert [_call(server, X_Fake_Error="RATE_LIMIT").status_code, *_statuses(server, 2)] == [429, 418, 200]


# Whom a request is for.


@pytest.mark.parametrize(
    ("host", "vendor", "status"),
    [
        ("api.heygen.com", "heygen", 200),
        ("API.HeyGen.com", "heygen", 200),
        ("api.heygen.com:443", "heygen", 200),
        ("upload.heygen.com", "heygen", 200),
        ("api.liveavatar.com", "liveavatar", 404),
        ("api.heify.com", "heify", None),
        ("example.com", "", 404),
    ],
)
def test_vendor_is_known_by_its_host(server, host, vendor, status):
    """A request with a vendor's Host is that vendor's, without the prefix; other hosts are nobody's."""
    headers = {"Host": host, "X-Api-Key": server.heygen.api_key}
    answer = requests.get(server.url + "/v3/users/me", headers=headers, timeout=_TIMEOUT)
    [received] = server.requests
    assert (received.provider, received.path) == (vendor, "/v3/users/me")
    if status is not None:
        assert answer.status_code == status


def test_server_can_be_a_proxy(server):
    """Requests for the vendor's own address over http arrive as well if the server is named as the proxy."""
    answer = requests.get(
        "http://api.heygen.com/v3/users/me?a=1",
        headers={"X-Api-Key": server.heygen.api_key},
        proxies={"http": server.url},
        timeout=_TIMEOUT,
    )
    [received] = server.requests
    assert (answer.status_code, received.provider, received.path, received.query) == (200, "heygen", "/v3/users/me", {"a": "1"})


@pytest.mark.parametrize("host", [None, "api.heygen.com", "api.heygen.com:443"])
def test_addresses_in_answers_can_be_reached(server, host):
    """A URL inside an answer leads back to the server, whatever Host the request had."""
    server.plan_jobs(JobPlan(polls=0))
    headers = {"X-Api-Key": server.heygen.api_key} | ({} if host is None else {"Host": host})
    base = server.heygen.url if host is None else server.url
    made = requests.post(base + "/v3/videos", json=_VIDEO, headers=headers, timeout=_TIMEOUT).json()["data"]["video_id"]
    url = requests.get(f"{base}/v3/videos/{made}", headers=headers, timeout=_TIMEOUT).json()["data"]["video_url"]
    assert url.startswith(server.url + "/")
    assert requests.get(url, timeout=_TIMEOUT).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v3/videos", "/heygn/v3/videos", "/heygenv3"])
def test_path_below_no_vendor_is_told_which_there_are(server, path):
    """A path that names no vendor is a 404 that lists the vendors with their addresses, and is on record with no vendor."""
    answer = requests.get(server.url + path, timeout=_TIMEOUT)
    assert (answer.status_code, answer.json()["vendors"]["heygen"]) == (404, server.heygen.url)
    assert [(received.provider, received.path, received.status) for received in server.requests] == [("", path, 404)]


# The record.


def test_requests_are_on_record(server):
    """Every request is kept in order with its number, endpoint and status, and each vendor has its own."""
    video = _started(server)
    _read(server, video)
    _call(server, "/nowhere", key=False)
    with contextlib.suppress(requests.ConnectionError):
        _call(server, X_Fake_Fault="reset_after_request")
    _call(server, "/list-transcriptions", "POST", vendor="heify", body={})
    record = [(one.number, one.provider, one.operation, one.status, one.fault) for one in server.requests]
    assert record == [
        (1, "heygen", "POST /v3/videos", 200, None),
        (2, "heygen", "GET /v3/videos/{video_id}", 200, None),
        (3, "heygen", None, 404, None),
        (4, "heygen", "GET /v3/users/me", None, "reset_after_request"),
        (5, "heify", "POST /list-transcriptions", 200, None),
    ]
    assert ([one.number for one in server.heygen.requests], [one.number for one in server.heify.requests]) == ([1, 2, 3, 4], [5])
    assert [one.number for one in server.liveavatar.requests] == []


def test_requests_are_counted(server):
    """Requests are counted by vendor and endpoint, answers by status, None where a fault kept the status from the client."""
    for name in ("one", "two"):
        _call(server, f"/v3/videos/{name}")
    _call(server, "/nowhere")
    with contextlib.suppress(requests.ConnectionError):
        _call(server, X_Fake_Fault="reset_after_request")
    assert server.counts == {("heygen", "GET /v3/videos/{video_id}"): 2, ("heygen", "GET /nowhere"): 1, ("heygen", "GET /v3/users/me"): 1}
    assert (server.statuses, server.request_count) == ({404: 3, None: 1}, 4)


def test_record_is_bounded_and_counts_are_not():
    """Only the last requests are kept, and everything is counted."""
    with FakeServer(keep=3) as server:
        _statuses(server, 7)
        assert [received.number for received in server.requests] == [5, 6, 7]
        assert (server.request_count, server.counts.total(), server.statuses.total()) == (7, 7, 7)


def test_what_is_given_out_is_a_copy(server):
    """Changing the lists and counts that were given out changes nothing in the server."""
    _started(server)
    for given in (server.requests, server.counts, server.statuses, server.paid_work, server.jobs, server.deliveries):
        given.clear()
    assert (len(server.requests), server.counts.total(), server.statuses.total(), len(server.paid_work), len(server.jobs)) == (1,) * 5


def test_time_of_requests_is_the_clock_s(timed, clock):
    """Requests are on record with the time of the server's clock."""
    _call(timed)
    clock.advance(7.5)
    _call(timed)
    first, second = timed.requests
    assert second.at - first.at == 7.5


def test_requests_can_be_followed():
    """A function is called with each request, when its answer is decided, in order."""
    seen = []
    with FakeServer(on_request=lambda received: seen.append((received.number, received.path, received.status))) as server:
        _call(server)
        _call(server, "/nowhere")
    assert seen == [(1, "/v3/users/me", 200), (2, "/nowhere", 404)]


def test_follower_that_fails_costs_no_answer():
    """What the following function raises is raised at the end of the with block; the client gets its answer."""
    statuses = []

    def follow():
        with FakeServer(on_request=_raises(ValueError("no"))) as server:
            statuses.append(_call(server).status_code)

    with pytest.raises(ValueError, match="no"):
        follow()
    assert statuses == [200]


def test_reset_makes_the_server_as_new(server):
    """Reset forgets scripts, rules, plans, jobs, money, counts and ids, and the address stays."""
    url, first = server.url, _started(server)
    server.script([_TEAPOT])
    server.on(None, None, _TEAPOT)
    server.plan_jobs(JobPlan(stuck=True))
    server.set_balance("heygen", 0)
    requests.get(server.elsewhere.url, timeout=_TIMEOUT)
    server.reset()
    assert (server.requests, server.request_count, server.jobs, server.paid_work, server.deliveries) == ([], 0, [], [], [])
    assert (server.url, server.elsewhere.requests, _started(server)) == (url, [], first)
    assert _state(server, first) != "completed"
    assert server.finish_jobs() == [first]


# Jobs.


@pytest.mark.parametrize("polls", [0, 1, 3])
def test_job_ends_after_so_many_reads(server, polls):
    """So many status reads find a job running, the next one finds its end, and lists do not count."""
    server.plan_jobs(JobPlan(polls=polls))
    video = _started(server)
    _call(server, "/v3/videos")
    states = [_state(server, video) for _ in range(polls + 2)]
    assert [state == "completed" for state in states] == [False] * polls + [True] * 2
    assert "failed" not in states


def test_polls_of_all_jobs_can_be_chosen():
    """Jobs without a plan of their own go by the server's."""
    with FakeServer(job_polls=1) as server:
        video = _started(server)
        assert [_state(server, video) == "completed" for _ in range(2)] == [False, True]


def test_job_ends_after_so_many_seconds_of_the_clock(timed, clock):
    """A job that goes by seconds ends when the clock says so, however often it is read."""
    timed.plan_jobs(JobPlan(seconds=30))
    video = _started(timed)
    running = {_state(timed, video) for _ in range(5)}
    clock.advance(29.5)
    running.add(_state(timed, video))
    clock.sleep(0.5)
    assert ("completed" in running, _state(timed, video)) == (False, "completed")


def test_job_of_the_clock_ends_without_being_read(timed, clock, httpserver):
    """When the clock moves over the end of a job, its webhook goes out, without a request."""
    httpserver.expect_request("/hook").respond_with_data("")
    timed.plan_jobs(JobPlan(seconds=30))
    _started(timed, {**_VIDEO, "callback_url": httpserver.url_for("/hook")})
    clock.advance(29)
    assert timed.deliveries == []
    clock.advance(1)
    assert [delivery.status for delivery in timed.wait_for_deliveries()] == [200]
    assert [job.is_over for job in timed.jobs] == [True]


def test_job_of_the_real_clock_ends_without_being_read(httpserver):
    """With the real clock, webhooks of jobs go out on time, one after the other, without a request."""
    got = queue.Queue()
    httpserver.expect_request("/hook").respond_with_handler(lambda request: got.put(time.monotonic()))
    with FakeServer(job_seconds=0.1) as server:
        begin = time.monotonic()
        for _ in range(2):
            _started(server, {**_VIDEO, "callback_url": httpserver.url_for("/hook")})
        for _ in range(2):
            assert got.get(timeout=_TIMEOUT) - begin >= 0.1


def test_failed_job_says_why(server):
    """A job can be told to end in any failure of the vendor, which comes back through `normalize`; its start is a success."""
    server.plan_jobs(JobPlan(polls=1, fails=error("heygen", "rendering_failed")))
    started = _start(server)
    video = started.json()["data"]["video_id"]
    assert (normalize(started, "heygen"), normalize(_read(server, video), "heygen")) == (None, None)
    info = normalize(_read(server, video), "heygen")
    assert (info.name, info.channel, info.resource["id"]) == ("RENDERING_FAILED", "job", video)
    assert [job.has_failed for job in server.jobs] == [True]


def test_failure_alone_is_a_plan(server):
    """A failure stands for a job that ends in it, after as many reads as any other."""
    server.plan_jobs(error("heygen", "rendering_failed"))
    video = _started(server)
    assert [_state(server, video) for _ in range(3)][-1] == "failed"


def test_job_can_fail_in_silence(server):
    """A silent job fails without code and message."""
    server.plan_jobs(JobPlan(polls=0, silent=True))
    info = normalize(_read(server, _started(server)), "heygen")
    assert (info.channel, info.code, info.message) == ("job", None, None)


def test_job_can_be_stuck(timed, clock):
    """A stuck job never ends: not by reads, not by time, and not when the others are finished."""
    timed.plan_jobs(JobPlan(stuck=True), JobPlan(stuck=True, seconds=1))
    videos = [_started(timed), _started(timed)]
    clock.advance(1000)
    assert timed.finish_jobs() == []
    assert {_state(timed, video) for video in videos for _ in range(5)} & {"completed", "failed"} == set()


def test_job_can_be_completed_with_a_remark(server):
    """A remark stands beside the result of a job that is completed, which is no failure."""
    server.plan_jobs(JobPlan(polls=0, remark=error("heygen", "VIDEO_FORMAT_NOT_SUPPORTED#plan")))
    answer = _read(server, _started(server))
    data = answer.json()["data"]
    assert (data["status"], bool(data["video_url"]), bool(data["error"])) == ("completed", True, True)
    assert normalize(answer, "heygen") is None


def test_plans_are_taken_in_order_of_starts(server):
    """Each started job takes the next plan; those after the last go as usual. A refused start takes none."""
    server.plan_jobs(error("heygen", "rendering_failed"), JobPlan(stuck=True))
    _start(server, {"type": "avatar"})
    videos = [_started(server) for _ in range(3)]
    assert server.finish_jobs() == [videos[0], videos[2]]
    assert [_state(server, video) in ("completed", "failed") and _state(server, video) for video in videos] == [
        "failed",
        False,
        "completed",
    ]


@pytest.mark.parametrize("plan", ["stuck", {"polls": 1}, None, ok, 3])
def test_what_is_no_plan_is_refused(server, plan):
    """A plan that is none is refused at once, not when the next job starts."""
    with pytest.raises(TypeError):
        server.plan_jobs(plan)
    assert _start(server).status_code == 200


def test_jobs_can_be_finished(server):
    """The jobs that are named end at once, or all that run; those that are over or unknown are left out."""
    first, second, third = (_started(server) for _ in range(3))
    assert server.finish_jobs(second, "unknown") == [second]
    assert server.finish_jobs() == [first, third]
    assert server.finish_jobs() == []
    assert [_state(server, video) for video in (first, second, third)] == ["completed"] * 3


def test_job_is_on_record(server):
    """A job is on record with its vendor, kind and id until it is deleted."""
    video = _started(server)
    assert [(job.provider, job.kind, job.id, job.is_over) for job in server.jobs] == [("heygen", "video", video, False)]
    assert _call(server, f"/v3/videos/{video}", "DELETE").status_code == 200
    assert server.jobs == []


def test_webhook_can_be_posted_without_a_job(server, httpserver):
    """A webhook that a factory made is posted to a receiver as it is, and its answer is on record with the others."""
    got = []
    httpserver.expect_request("/hook").respond_with_handler(lambda request: got.append((request.data, dict(request.headers))))
    made = webhook("heygen", "rendering_failed", secret="whsec_test")
    server.send_webhook(made, httpserver.url_for("/hook"))
    [delivery] = server.wait_for_deliveries()
    [(body, headers)] = got
    assert (body, headers["Heygen-Signature"]) == (made.body, made.headers["Heygen-Signature"])
    assert (delivery.provider, delivery.event, delivery.status, delivery.json) == ("heygen", "avatar_video.fail", 200, made.json)


def test_receiver_keeps_what_it_is_sent(server):
    """A receiver is ready in one line: it has an address of this machine, answers as told, and keeps what came, also behind its block."""
    with server.receiver() as receiver, server.receiver(503) as other:
        assert receiver.url.startswith("http://127.0.0.1:")
        _started(server, {**_VIDEO, "callback_url": receiver.url + "/hook?a=1", "callback_id": "c1"})
        server.finish_jobs()
        server.send_webhook(webhook("heygen", "rendering_failed"), other.url)
        assert [delivery.status for delivery in server.wait_for_deliveries()] == [200, 503]
    [arrived] = receiver.requests
    assert (arrived.method, arrived.target, arrived.json) == ("POST", "/hook?a=1", server.deliveries[0].json)
    assert ([one.json["event_type"] for one in other.requests], server.request_count) == (["avatar_video.fail"], 1)


def test_receiver_is_there_for_its_block_only(server):
    """Behind its block nothing listens at the address of a receiver, and without a running server there is none."""
    with server.receiver() as receiver:
        assert requests.get(receiver.url, timeout=_TIMEOUT).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(receiver.url, timeout=_TIMEOUT)
    with pytest.raises(RuntimeError, match="does not run"), FakeServer().receiver():
        pass


def test_waiting_for_webhooks_has_an_end(server, httpserver):
    """Waiting for a receiver that does not answer ends in a TimeoutError, and the server can be stopped meanwhile."""
    answered = threading.Event()
    httpserver.expect_request("/hook").respond_with_handler(lambda request: answered.wait(_TIMEOUT))
    server.send_webhook(webhook("heygen", "rendering_failed"), httpserver.url_for("/hook"))
    try:
        with pytest.raises(TimeoutError, match="1 webhook"):
            server.wait_for_deliveries(0.02)
    finally:
        answered.set()
    assert len(server.wait_for_deliveries()) == 1


# Money.


def test_balance_can_be_set(server):
    """With no credits left the vendor refuses with 402 until there are some again; without a balance they never run out."""
    server.set_balance("heygen", 0)
    info = normalize(_start(server), "heygen")
    server.set_balance("heygen", None)
    assert (info.status, info.category, _start(server).status_code, len(server.paid_work)) == (402, Category.PAYMENT, 200, 1)


def test_paid_work_is_on_record(server):
    """Work that costs money is on record with endpoint, id, request and key; what costs nothing is not."""
    _call(server)
    video = _started(server, Idempotency_Key="k1")
    _read(server, video)
    [work] = server.paid_work
    assert (work.provider, work.operation, work.id, work.request, work.idempotency_key) == ("heygen", "POST /v3/videos", video, 2, "k1")
    assert json.loads(work.body) == _VIDEO
    assert (server.heygen.paid_work, server.heify.paid_work) == ([work], [])


def test_double_charge_fails_the_test(server):
    """Equal work that was started twice is a double charge: the message names the endpoint, the requests and their keys."""
    _started(server)
    _started(server, {**_VIDEO, "script": "Other"})
    assert server.double_charges == []
    server.assert_paid_once()
    _started(server, Idempotency_Key="k1")
    assert [[work.request for work in works] for works in server.double_charges] == [[1, 3]]
    with pytest.raises(AssertionError) as raised:
        server.assert_paid_once()
    assert str(raised.value) == (
        "the same work was started and paid for more than once:\n"
        "POST /v3/videos: 2 times, by requests 1 (Idempotency-Key none), 3 (Idempotency-Key k1)"
    )


def test_jobs_of_one_request_are_no_double_charge(server):
    """A batch of equal videos is asked for once, and paid for once, although it starts several jobs."""
    _call(server, "/v3/videos/batches", "POST", body={"videos": [_VIDEO, _VIDEO]})
    assert (len(server.paid_work), server.double_charges) == (2, [])


_EFFECTS = {
    "ok": (ok, 1),
    "server error": (error("heygen", "server"), 1),
    "server error without effect": (error("heygen", "server", effect=False), 0),
    "rate limit": (error("heygen", "RATE_LIMIT"), 0),
    "rate limit with effect": (error("heygen", "RATE_LIMIT", effect=True), 1),
    "any status": (error("heygen", "RATE_LIMIT", status=503), 1),
    "reply": (_TEAPOT, 0),
    "function": (lambda received: error("heygen", "server"), 1),
    "reset": (fault.reset_after_request, 1),
    "reset without effect": (fault.reset_after_request(effect=False), 0),
    "no answer": (fault.empty_body, 1),
    "fault of a refusal": (fault.reset_after_request(answer=error("heygen", "RATE_LIMIT")), 0),
    "fault of a failure": (fault.reset_after_request(answer=error("heygen", "server")), 1),
    "fault of a reply": (fault.reset_after_request(answer=_TEAPOT), 0),
    "redirect": (fault.redirect_loop, 0),
}


@pytest.mark.parametrize(("step", "paid"), _EFFECTS.values(), ids=_EFFECTS)
def test_work_is_started_where_the_outcome_is_open(server, step, paid):
    """A failure whose outcome is unknown starts the work that it denies; one that refuses does not; both can be chosen."""
    server.script([step])
    with contextlib.suppress(requests.ConnectionError):
        requests.post(
            server.heygen.url + "/v3/videos",
            json=_VIDEO,
            headers={"X-Api-Key": server.heygen.api_key},
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    assert (len(server.paid_work), len(server.jobs)) == (paid, paid)


def test_no_work_without_a_good_request(server):
    """A failure with effect starts nothing that the vendor would have refused."""
    server.on(None, None, error("heygen", "server"))
    assert [_start(server, {"type": "avatar"}).status_code, _start(server, key=False).status_code] == [500, 500]
    assert server.paid_work == []


# Idempotency.


def test_key_is_answered_once(server):
    """A second request with an idempotency key gets the first answer again, on record as such; no second work is started."""
    first, again, other = (_start(server, Idempotency_Key=key) for key in ("k1", "k1", "k2"))
    assert (again.json(), again.status_code) == (first.json(), 200)
    assert other.json() != first.json()
    assert [received.replayed for received in server.requests] == [False, True, False]
    assert [work.idempotency_key for work in server.paid_work] == ["k1", "k2"]


def test_key_of_a_refused_request_can_be_used_again(server):
    """A refusal is not kept: the corrected request with the same key is taken."""
    assert _start(server, {"type": "avatar"}, Idempotency_Key="k1").status_code == 400
    assert (_start(server, Idempotency_Key="k1").status_code, len(server.paid_work)) == (200, 1)


@pytest.mark.parametrize("name", ["slow_answer", "no_answer"])
def test_key_is_in_use_while_the_vendor_is_at_work(server, name):
    """While the first request runs a second one with its key is told 409, also when the client of the first has left."""
    server.script([fault.named(name)(seconds=60)])
    first = _send(server, body=_VIDEO, Idempotency_Key="k1")
    _soon(lambda: server.request_count == 1)
    infos = [normalize(_start(server, Idempotency_Key="k1"), "heygen")]
    first.close()
    infos += [normalize(_start(server, Idempotency_Key="k1"), "heygen") for _ in range(5)]
    assert [(info.status, info.category) for info in infos] == [(409, Category.NOT_READY)] * 6
    assert (_start(server, Idempotency_Key="k2").status_code, len(server.paid_work)) == (200, 2)


@pytest.mark.parametrize("name", ["slow_answer", "no_answer"])
def test_key_is_free_when_the_vendor_has_done_its_work(server, name):
    """When the time is up, the client gone or not, a request with the key gets the answer of the first; the work is paid once."""
    server.script([fault.named(name)(seconds=0.15)])
    begin = time.monotonic()
    _send(server, body=_VIDEO, Idempotency_Key="k1").close()
    _soon(lambda: server.request_count == 1)
    _soon(lambda: _start(server, Idempotency_Key="k1").status_code == 200)
    assert time.monotonic() - begin >= 0.15
    assert (server.requests[-1].replayed, len(server.paid_work)) == (True, 1)


def test_key_is_free_when_the_slow_answer_has_come(server):
    """Who has the slow answer and repeats at once gets it again, and is never too early."""
    slow = fault.slow_answer(seconds=0.001)
    with requests.Session() as session:
        session.headers.update({"X-Api-Key": server.heygen.api_key, "Idempotency-Key": "k1"})
        url = server.heygen.url + "/v3/videos"
        session.post(url, json=_VIDEO, timeout=_TIMEOUT)
        for _ in range(60):
            server.script([slow])
            statuses = [session.post(url, json=_VIDEO, timeout=_TIMEOUT).status_code for _ in range(2)]
            assert statuses == [200, 200]


@pytest.mark.parametrize(
    "step",
    [fault.reset_after_request, fault.closed_without_answer, fault.reset_after_headers, fault.truncated_body, error("heygen", "server")],
    ids=lambda step: getattr(step, "name", "error"),
)
def test_key_survives_a_lost_answer(server, step):
    """The answer that was lost is kept for its key: the repeat gets it, and the work is paid once."""
    server.script([step])
    with contextlib.suppress(requests.RequestException):
        assert _start(server, Idempotency_Key="k1").status_code == 500
    repeat = _start(server, Idempotency_Key="k1")
    assert (repeat.status_code, server.requests[-1].replayed) == (200, True)
    assert [work.id for work in server.paid_work] == [repeat.json()["data"]["video_id"]]
    server.assert_paid_once()


def test_key_is_forgotten_after_a_day(timed, clock):
    """A key is kept for 24 hours of the clock; later the same key is new work."""
    first = _started(timed, Idempotency_Key="k1")
    clock.advance(24 * 3600 - 1)
    assert _started(timed, Idempotency_Key="k1") == first
    clock.advance(1)
    assert _started(timed, Idempotency_Key="k1") != first


@pytest.mark.parametrize("key", ["a" * 256, "a b", "ä"])
def test_key_that_the_vendor_does_not_take_is_refused(server, key):
    """A key that is too long or has other characters than the vendor allows is a 400, and nothing is started."""
    answer = _start(server, Idempotency_Key=key.encode("latin-1"))
    assert (answer.status_code, server.paid_work) == (400, [])


# Chance.


def _dialogue(seed, port):
    """Everything that clients see of a server, a job's life and failures included."""
    clock = ManualClock()
    seen = []
    with FakeServer(seed=seed, clock=clock, port=port) as server:

        def note(answer):
            seen.append((answer.status_code, dict(answer.headers), answer.content))
            return answer

        server.on(None, "/v3/users/me", error("heygen", "RATE_LIMIT"), share=0.5)
        server.plan_jobs(JobPlan(seconds=5), error("heygen", "rendering_failed"))
        for _ in range(2):
            video = note(_start(server, Idempotency_Key="k")).json()["data"]["video_id"]
            note(_start(server, {**_VIDEO, "script": "Other"}))
        for _ in range(3):
            clock.sleep(2)
            note(_read(server, video))
            note(_call(server))
            note(_call(server, "/v3/voices"))
        note(_call(server, "/list-transcriptions", "POST", vendor="heify", body={}))
        note(_call(server, "/v1/voices", vendor="liveavatar"))
    return seen


def test_equal_seeds_give_equal_answers(server):
    """Equal seeds, clocks, ports and requests give equal answers, to the byte and header; another seed gives others."""
    port = server.port
    server.stop()
    first = _dialogue(1, port)
    assert (_dialogue(1, port) == first, _dialogue(2, port) == first) == (True, False)


# Refusing.


def test_connections_are_refused_inside_the_block(server):
    """Inside the block connections are refused, those that clients keep open included; behind it all is as before."""
    with requests.Session() as session:
        url, headers = server.heygen.url + "/v3/users/me", {"X-Api-Key": server.heygen.api_key}
        assert session.get(url, headers=headers, timeout=_TIMEOUT).status_code == 200
        with server.refusing():
            with pytest.raises(requests.ConnectionError) as raised:
                session.get(url, headers=headers, timeout=_TIMEOUT)
            info = normalize(raised.value, "heygen")
            with pytest.raises(httpx2.ConnectError):
                httpx2.get(url)
        assert (info.rule, info.retry.outcome) == ("transport/ConnectionRefused", "not_sent")
        assert session.get(url, headers=headers, timeout=_TIMEOUT).status_code == 200
    assert server.request_count == 2


def test_block_of_refusals_ends_with_an_exception(server):
    """Connections are accepted again when the block is left by an exception."""
    with pytest.raises(KeyError), server.refusing():
        raise KeyError
    assert _call(server).status_code == 200


def test_blocks_of_refusals_can_be_nested(server):
    """Only the end of the outer block ends the refusals."""
    with server.refusing():
        with server.refusing():
            pass
        assert _refused(server)
    assert not _refused(server)


def test_port_is_kept_while_it_refuses(server):
    """Nothing else can take the port while it refuses connections."""
    with server.refusing():
        with pytest.raises(OSError, match="in use"):
            FakeServer(port=server.port).start()
        assert _refused(server)
    assert _call(server).status_code == 200


def test_work_in_progress_goes_on_while_the_port_refuses(server):
    """An answer that is under way arrives, although new connections are refused."""
    line = _send(server, "GET", "/heygen/v3/users/me", X_Fake_Fault="slow_answer; seconds=0.1")
    _soon(lambda: server.request_count == 1)
    with server.refusing():
        assert line.recv(100).startswith(b"HTTP/1.1 200 OK")
    line.close()


def test_script_refuses_until_the_clock_moves(timed, clock):
    """A refusal in a script begins after the step before it and lasts so many seconds of the server's clock; then the next step is met."""
    timed.script([_TEAPOT, fault.refused(seconds=30), Reply(status=501)])
    assert (_refused(timed), _call(timed).status_code) == (False, 418)
    assert [_refused(timed) for _ in range(3)] == [True] * 3
    clock.sleep(29.9)
    assert _refused(timed)
    clock.sleep(0.1)
    assert _statuses(timed, 2) == [501, 200]


def test_script_that_begins_with_a_refusal(timed, clock):
    """A refusal that stands first begins at once, and several follow one another."""
    timed.script([fault.refused(seconds=10), fault.refused(seconds=20), _TEAPOT])
    refused = []
    for seconds in (9, 1, 19, 1):
        refused.append(_refused(timed))
        clock.advance(seconds)
    assert (refused, _call(timed).status_code) == ([True] * 4, 418)


def test_script_refuses_for_real_seconds(server):
    """With the real clock a refusal lasts so many seconds of it, and ends by itself."""
    begin = time.monotonic()
    server.script([fault.refused(seconds=0.15), _TEAPOT])
    assert _refused(server)
    _soon(lambda: not _refused(server))
    assert (_call(server).status_code, time.monotonic() - begin >= 0.15) == (418, True)


def test_block_outlasts_the_refusal_of_a_script(server):
    """A script's refusal that ends inside the block does not open the port; the script goes on behind it."""
    server.script([fault.refused(seconds=0.02), _TEAPOT])
    with server.refusing():
        time.sleep(0.1)
        assert _refused(server)
    _soon(lambda: not _refused(server))
    assert _call(server).status_code == 418


def test_reset_ends_refusals(server):
    """After reset connections are accepted, whatever the script had in mind, and it stays so."""
    server.script([fault.refused(seconds=60), fault.refused(seconds=60), _TEAPOT])
    server.reset()
    assert (_refused(server), _call(server).status_code) == (False, 200)


def test_first_answer_comes_whole_before_a_refusal(timed, clock):
    """The answer before a refusal always arrives, and the next connection is always refused, never cut."""
    for _ in range(30):
        timed.script([_TEAPOT, fault.refused(seconds=1)])
        assert (_call(timed).status_code, _refused(timed)) == (418, True)
        clock.advance(1)


# Redirects.


def test_elsewhere_keeps_what_it_is_sent(server):
    """What follows a redirect to another host is seen there: requests drops Authorization, and sends X-Api-Key and the body."""
    server.script([fault.redirect_elsewhere])
    answer = _start(server, Authorization="Bearer secret")
    [arrived] = server.elsewhere.requests
    assert (answer.json(), arrived.method, arrived.target) == ({"data": {"host": "elsewhere"}}, "POST", "/heygen/v3/videos")
    assert (arrived.headers.get("x-api-key"), arrived.headers.get("authorization")) == (server.heygen.api_key, None)
    assert (json.loads(arrived.body), server.request_count, server.paid_work) == (_VIDEO, 1, [])


# TLS.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("library", ["requests", "httpx2"])
def test_certificates_are_what_they_are_called(server, kind, library):
    """The valid certificate is good for who trusts the authority; each other one fails as a certificate, before anything is sent."""
    import ssl

    url, headers = server.tls_url("heygen", kind) + "/v3/users/me", {"X-Api-Key": server.heygen.api_key}

    def get():
        if library == "requests":
            return requests.get(url, headers=headers, verify=server.ca_file, timeout=_TIMEOUT)
        return httpx2.get(url, headers=headers, verify=ssl.create_default_context(cafile=server.ca_file))

    if kind == "valid":
        assert (get().status_code, server.requests[0].provider) == (200, "heygen")
        return
    with pytest.raises((requests.exceptions.SSLError, httpx2.ConnectError)) as raised:
        get()
    info = normalize(raised.value, "heygen")
    assert (info.channel, info.rule, server.request_count) == ("transport", "transport/TlsCertificateError", 0)


def test_address_behind_tls_stays(server):
    """Each kind of certificate has an address of its own, the same whenever it is asked for."""
    urls = {kind: server.tls_url("heygen", kind) for kind in KINDS}
    assert {kind: server.tls_url("heygen", kind) for kind in KINDS} == urls
    assert len(set(urls.values())) == len(KINDS)
    assert server.tls_url("heify") == urls["valid"].replace("/heygen", "/heify")


@pytest.mark.parametrize("kind", ["experid", "", None])
def test_unknown_certificate_is_refused(server, kind):
    """A kind that does not exist is refused with those that do, instead of being valid."""
    with pytest.raises(ValueError, match="wrong_host"):
        server.tls_url("heygen", kind)


def test_addresses_in_answers_can_be_reached_by_tls(server):
    """A URL inside an answer that came by TLS is one of TLS."""
    server.plan_jobs(JobPlan(polls=0))
    with requests.Session() as session:
        session.trust_env = False  # the environment may name other authorities
        session.verify, session.headers["X-Api-Key"] = server.ca_file, server.heygen.api_key
        base = server.tls_url("heygen")
        made = session.post(base + "/v3/videos", json=_VIDEO, timeout=_TIMEOUT).json()["data"]["video_id"]
        url = session.get(f"{base}/v3/videos/{made}", timeout=_TIMEOUT).json()["data"]["video_url"]
        assert url.startswith(base.removesuffix("heygen"))
        assert session.get(url, timeout=_TIMEOUT).status_code == 200


# Options.


def test_limits_can_be_switched_off():
    """Vendors keep to their limits unless they are switched off."""
    statuses = {}
    for limits in (True, False):
        with FakeServer(limits=limits) as server:
            statuses[limits] = [_start(server).status_code for _ in range(12)]
    assert statuses == {True: [200] * 10 + [429] * 2, False: [200] * 12}


def test_generation_of_heify_can_be_chosen():
    """Heify speaks one of its two documented envelopes; both say the same."""
    answers = {}
    for generation in ("2026", "2025"):
        with FakeServer(heify_generation=generation) as server:
            answers[generation] = _call(server, "/submit", "POST", vendor="heify", body={})
    infos = [normalize(answer, "heify") for answer in answers.values()]
    assert [(info.status, info.category) for info in infos] == [(400, Category.INVALID_REQUEST)] * 2
    assert answers["2026"].json().keys() != answers["2025"].json().keys()


_KNOWN = {"avatar_id": "my-avatar", "voice_id": ["my-voice", "other-voice"], "template_id": "my-template", "configuration_id": ("my-conf",)}


def _submission(configuration):
    return {"configuration_id": configuration, "url": "https://example.com/a.mp3", "name": "A"}


def _with_own_ids(server):
    """The statuses of requests that name ids out of a program's settings."""
    return [
        _start(server, {**_VIDEO, "avatar_id": "my-avatar"}).status_code,
        _start(server, {**_VIDEO, "voice_id": "my-voice"}).status_code,
        _start(server, {**_VIDEO, "voice_id": "other-voice"}).status_code,
        _call(server, "/v3/templates/my-template").status_code,
        _call(server, "/submit", "POST", vendor="heify", body=_submission("my-conf")).status_code // 100 * 100,
    ]


def test_own_ids_can_be_made_known():
    """Ids out of a program's settings exist if the server is told, one or several of a kind, and after a reset as well."""
    with FakeServer() as server:
        assert [status in (400, 404) for status in _with_own_ids(server)] == [True] * 5
    with FakeServer(known=_KNOWN) as server:
        first = _with_own_ids(server)
        server.reset()
        assert (first, _with_own_ids(server)) == ([200] * 5, [200] * 5)


def test_keys_can_be_chosen():
    """A key of one's own is accepted in place of the default one; the other vendors keep theirs."""
    with FakeServer() as other, FakeServer(keys={"heygen": "mine"}) as server:
        assert (server.heygen.api_key, server.heify.api_key) == ("mine", other.heify.api_key)
        assert (_call(server).status_code, _call(server, key=False, X_Api_Key=other.heygen.api_key).status_code) == (200, 401)


# Threads.


def _in_threads(count, work):
    """Run work in so many threads; what each gives, in no order."""
    results, failures = [], []

    def run(number):
        try:
            results.append(work(number))
        except BaseException as problem:  # noqa: BLE001 - raised below, in the test's thread
            failures.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return results


def test_threads_lose_nothing():
    """Requests of many threads are each answered, numbered and counted once, and no id is given twice."""
    with FakeServer(limits=False, job_polls=0) as server:

        def work(number):
            with requests.Session() as session:
                session.headers["X-Api-Key"] = server.heygen.api_key
                url = server.heygen.url + "/v3/videos"
                made = [session.post(url, json=_VIDEO, timeout=_TIMEOUT).json()["data"]["video_id"] for _ in range(20)]
                assert {session.get(f"{url}/{video}", timeout=_TIMEOUT).status_code for video in made} == {200}
                return made

        ids = [video for made in _in_threads(8, work) for video in made]
        assert (len(ids), len(set(ids)), {work.id for work in server.paid_work}) == (160, 160, set(ids))
        assert server.counts == {("heygen", "POST /v3/videos"): 160, ("heygen", "GET /v3/videos/{video_id}"): 160}
        assert [received.number for received in server.requests] == list(range(1, 321))
        assert (server.statuses, all(job.is_over for job in server.jobs)) == ({200: 320}, True)


def test_threads_share_a_script():
    """Each step is met by exactly one request, however many threads there are, and while the script is being given."""
    with FakeServer(limits=False) as server:

        def work(number):
            if number == 0:
                for _ in range(50):
                    server.script([_TEAPOT])
                return 0
            with requests.Session() as session:
                url = server.heygen.url + "/v3/users/me"
                return sum(session.get(url, timeout=_TIMEOUT).status_code == 418 for _ in range(20))

        met = sum(_in_threads(6, work))
        with requests.Session() as session:
            url = server.heygen.url + "/v3/users/me"
            met += sum(session.get(url, timeout=_TIMEOUT).status_code == 418 for _ in range(50))
        assert (met, server.statuses[418]) == (50, 50)


def test_threads_can_use_everything(server):
    """Looking, resetting, refusing and finishing from other threads, while requests come, harms nobody."""
    stop = threading.Event()

    def look(number):
        while not stop.is_set():
            _ = (server.requests, server.counts, server.statuses, server.paid_work, server.jobs, server.deliveries, server.double_charges)
            server.finish_jobs()
            server.on(None, "/v3/never", ok, times=1)

    def disturb(number):
        try:
            for _ in range(10):
                with server.refusing():
                    pass
                server.reset()
                with contextlib.suppress(requests.ConnectionError):
                    _call(server)
        finally:
            stop.set()

    _in_threads(4, lambda number: look(number) if number else disturb(number))
    server.reset()
    assert (_call(server).status_code, server.request_count) == (200, 1)
