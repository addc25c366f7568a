"""What cannot work is refused where it is written down, and what was asked for is met by the right request, for certain."""

import http.client
import socket

import httpx2
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from heify_heygen_errors import normalize
from heify_heygen_errors.testing import FakeServer, JobPlan, ManualClock, Reply, body, error, fault, ok, webhook
from heify_heygen_errors.testing.fault import named

_TIMEOUT = 5


@pytest.fixture
def server():
    with FakeServer(limits=False) as running:
        yield running


def _get(server, path="/v3/users/me", site="heygen", **options):
    return requests.get(server.site(site).url + path, headers={"X-Api-Key": server.heygen.api_key}, timeout=_TIMEOUT, **options)


_WRONG = {
    "a vendor's prefix": (lambda server: server.script([ok], path="/heygen/v3/users/me"), "path='/v3/users/me', provider='heygen'"),
    "no slash": (lambda server: server.script([ok], path="v3/users/me"), "a path begins with a slash"),
    "no method": (lambda server: server.on("GETT", None, ok), "there is no method 'GETT'"),
    "method and path exchanged": (lambda server: server.on("/v3/videos", "POST", ok), "there is no method '/v3/videos'"),
    "refused for one vendor": (lambda server: server.script([fault.refused], provider="heygen"), "one port for all vendors"),
    "refused by rule": (lambda server: server.on(None, None, fault.refused), "cannot be refused"),
    "one step": (lambda server: server.script(error("heygen", "server")), "a script is a list"),
    "a class": (lambda server: server.script([Reply]), "is no step"),
    "body of a reply": (lambda _: Reply(body=5), "a body is bytes or text"),
    "negative seconds": (lambda _: fault.slow_answer(seconds=-1), "seconds of slow_answer is a number from 0 up, not -1"),
    "seconds as text": (lambda _: fault.slow_answer(seconds="2"), "seconds of slow_answer"),
    "part of a byte": (lambda _: fault.endless_body(size=1.5), "size of endless_body is a whole number"),
    "effect where there is none": (lambda _: fault.redirect_loop(effect=True), "redirect_loop has no effect"),
    "effect of half a request": (lambda _: fault.reset_while_sending(effect=True), "reset_while_sending has no effect"),
    "silence of nobody": (lambda server: server.silent_url("acme"), "there is no vendor 'acme': use one of heygen"),
    "way to nobody": (lambda server: server.unreachable_url("acme"), "there is no vendor 'acme': use one of heygen"),
    "silence before the start": (lambda _: FakeServer().silent_url("heygen"), "no address before it runs"),
    "status as text": (lambda _: error("heygen", "server", status="503"), "an HTTP status is a number"),
    "balance as text": (lambda server: server.set_balance("heygen", "3"), "what is left is a number"),
    "id that is no text": (lambda _: FakeServer(known={"avatar_id": 5}), "avatar_id is an id or several"),
    "ids that are no texts": (lambda _: FakeServer(known={"avatar_id": [5]}), "an id is a text"),
    "port": (lambda _: FakeServer(port=70000), "a port is a number from 0 to 65535"),
    "address before the start": (lambda _: FakeServer().heygen, "no address before it runs"),
    "status for a code": (lambda _: error("heify", 402), "402 is an HTTP status and no code of heify: name a category"),
    "no answer for an answer": (lambda _: error("heygen", "transport/READ_TIMEOUT"), "use transport_exception"),
    "plan": (lambda server: server.plan_jobs("soon"), "is no plan"),
    "header of a body": (lambda _: body("heygen", "rate_limit", retry_after=2), "there is no option 'retry_after'"),
    "header of a webhook": (lambda _: webhook("heygen", "RENDERING_FAILED", request_id="r"), "there is no option 'request_id'"),
}


@pytest.mark.parametrize(("wrong", "told"), _WRONG.values(), ids=_WRONG)
def test_what_cannot_work_is_refused_at_once(server, wrong, told):
    """A step, filter or amount that could never do what it says is an error of the call, with the reason."""
    with pytest.raises((KeyError, ValueError, TypeError, RuntimeError), match=told):
        wrong(server)


def test_request_that_asks_to_be_refused_is_told_why_not(server):
    """A request that has arrived cannot be refused: the header says so in place of a reset that looks like something else."""
    answer = requests.get(server.heygen.url + "/v3/users/me", headers={"X-Fake-Fault": "refused"}, timeout=_TIMEOUT)
    assert (answer.status_code, "cannot be refused" in answer.json()["fake"]) == (400, True)


def test_text_is_a_body_too(server):
    """A text goes out as UTF-8, and a Content-Length of one's own is the only one."""
    server.script([Reply(status=503, body="früh"), Reply(headers={"Content-Length": "3"}, body=b"abcdef")])
    assert "früh".encode() == _get(server).content
    assert _get(server).content == b"abc"


def test_vendors_error_waits_for_its_vendor(server):
    """An error of one vendor is not met by a request to another; layers' errors are met by any."""
    server.script([error("heygen", "RATE_LIMIT"), error("heygen", "PROXY_BAD_GATEWAY")])
    assert _get(server, "/nowhere", site="heify").status_code == 404
    assert len(server.unused_steps) == 2
    assert _get(server).status_code == 429
    assert _get(server, "/nowhere", site="heify").status_code == 502
    assert server.unused_steps == []


def test_vendors_failure_waits_for_its_job():
    """A failure of one vendor's jobs is not taken by a job of another."""
    with FakeServer(known={"avatar_id": "a", "voice_id": "v", "configuration_id": "c"}) as server:
        server.plan_jobs(error("heify", "UNSUPPORTED_AUDIO_FORMAT"), JobPlan(polls=0))
        video = {"type": "avatar", "avatar_id": "a", "voice_id": "v", "script": "Hello"}
        requests.post(server.heygen.url + "/v3/videos", json=video, headers={"X-Api-Key": server.heygen.api_key}, timeout=_TIMEOUT)
        audio = {"configuration_id": "c", "url": "https://example.com/a.mp3"}
        requests.post(server.heify.url + "/submit", json=audio, headers={"x-api-key": server.heify.api_key}, timeout=_TIMEOUT)
        server.finish_jobs()
        assert {job.provider: job.has_failed for job in server.jobs} == {"heygen": False, "heify": True}


def test_rule_ends_with_its_block(server):
    """An outage in a with block is over behind it; jobs and keys stay, and a rule can be removed twice."""
    with server.on(None, None, error("heygen", "server")) as outage:
        assert _get(server).status_code == 500
    assert _get(server).status_code == 200
    outage.remove()


def test_share_changes_no_id():
    """A rule by chance draws from a source of its own: ids are those of a server without it."""
    seen = []
    for share in (0.0, 0.5):
        with FakeServer(seed=3, known={"configuration_id": "c"}) as server:
            server.on("GET", "/v3/users/me", ok, share=share)
            _get(server)
            body = {"configuration_id": "c", "url": "https://example.com/a.mp3"}
            made = requests.post(server.heify.url + "/submit", json=body, headers={"x-api-key": server.heify.api_key}, timeout=_TIMEOUT)
            seen.append(made.json())
    assert seen[0] == seen[1]


def test_codes_and_ids_of_ones_own(server):
    """A code that no catalog has, and the id of a job, are sent and come back."""
    server.script([error("heygen", "internal_error", code="brand_new"), error("heygen", "rendering_failed", shape="job-v3", job_id="v-7")])
    assert normalize(_get(server), "heygen").code == "brand_new"
    assert dict(normalize(_get(server), "heygen").resource) == {"id": "v-7"}


@pytest.mark.parametrize("name", ["truncated_body", "truncated_chunks", "reset_mid_body", "reset_after_headers", "content_length_too_long"])
@pytest.mark.parametrize("library", [requests, httpx2], ids=["requests", "httpx2"])
def test_faults_happen_to_answers_without_a_body(server, library, name):
    """An answer that has no body, such as that to an upload, breaks off as well: its end is not taken for the whole."""
    server.script([named(name)(answer=Reply(status=200))])
    with pytest.raises((requests.RequestException, httpx2.HTTPError)):
        library.put(server.heygen.url + "/anything", timeout=0.3)


def test_what_a_fault_raises_is_not_lost():
    """A fault that cannot be carried out resets the connection, and the with block ends in its exception."""

    async def fail(line, reply, step):
        raise LookupError(step.name)

    broken = fault.Fault(name="broken", summary="always fails", act=fail)
    server = FakeServer().start()
    server.script([broken])
    with pytest.raises(requests.ConnectionError):
        _get(server)
    server.reset()
    assert [problem.args[0] for problem in server.failures] == ["broken"]
    with pytest.raises(LookupError):
        server.__exit__(None, None, None)


def test_refusing_is_for_tls_as_well(server):
    """No vendor accepts connections inside the block, with TLS or without, and all do behind it."""
    url = server.tls_url("heygen") + "/v3/users/me"
    with server.refusing(), pytest.raises(requests.ConnectionError):
        requests.get(url, verify=server.ca_file, timeout=_TIMEOUT)
    assert requests.get(url, verify=server.ca_file, timeout=_TIMEOUT).status_code == 401


def test_request_on_its_way_is_not_refused(server):
    """Refusing is for new connections: a request that has begun to arrive is read to its end and answered."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=_TIMEOUT) as line:
        line.sendall(b"POST /heygen/v3/videos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 100 ")
        with server.refusing():
            line.sendall(b"{}")
            answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"Connection: close\r\n" in answer


def test_refusal_of_a_script_can_end_inside_a_block():
    """Behind a block that outlasted the refusal of a script, connections are accepted; behind a shorter one, still not."""
    clock = ManualClock()
    with FakeServer(clock=clock) as server:
        server.script([fault.refused(seconds=5), ok])
        with server.refusing():
            clock.advance(1)
        with pytest.raises(requests.ConnectionError):
            _get(server)
        with server.refusing():
            clock.advance(5)
        assert _get(server).status_code == 200


def test_mounting_keeps_the_sessions_own_adapter(server):
    """A session that repeats by itself still does when it is mounted."""
    server.script([error("heygen", "server", status=503)])
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=Retry(total=3, status_forcelist=[503])))
        server.mount(session)
        answer = session.get("https://api.heygen.com/v3/users/me", timeout=_TIMEOUT)
        assert session.get_adapter(answer.url).max_retries.total == 3
    assert (answer.status_code, server.request_count) == (401, 2)


def _again(line):
    line.request("POST", "/hook", b"{}")
    line.getresponse()


def test_receiver_is_gone_behind_its_block(server):
    """Behind the block nothing is received any more, on connections that were open either."""
    with server.receiver() as receiver:
        line = http.client.HTTPConnection(receiver.url.removeprefix("http://"), timeout=_TIMEOUT)
        line.request("POST", "/hook", b"{}")
        assert line.getresponse().status == 200
    with pytest.raises(OSError, match=r"reset|refused|closed|Remote end|Broken pipe"):
        _again(line)
    line.close()
    assert len(receiver.requests) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(receiver.url.rpartition(":")[2])), timeout=_TIMEOUT)


def test_error_of_another_vendor_is_refused(server):
    """An error that the vendor of the filter never says could not be met, and is refused where it is written down."""
    with pytest.raises(ValueError, match="heygen never says that"):
        server.script([error("heify", "payment")], provider="heygen")


def test_look_at_the_server_takes_no_step(server):
    """A request that is for no vendor, as a browser's for an icon, leaves the script as it is."""
    server.script([error("heygen", "server")])
    assert requests.get(server.url + "/favicon.ico", timeout=_TIMEOUT).status_code == 404
    assert len(server.unused_steps) == 1


def test_loop_that_never_gives_up_ends():
    """Code that sleeps for ever is ended by an exception, not by whoever watches the test."""
    clock = ManualClock()
    with pytest.raises(RuntimeError, match="10000 sleeps are on record"):
        _sleep_for_ever(clock)


def _sleep_for_ever(clock):
    while True:
        clock.sleep(1)


def test_only_the_jobs_that_are_named_end():
    """Ending jobs from outside takes ids, and leaves the others running."""
    with FakeServer(known={"configuration_id": "c"}) as server:
        body, headers = {"configuration_id": "c", "url": "https://example.com/a.mp3"}, {"x-api-key": server.heify.api_key}
        one, _ = [requests.post(server.heify.url + "/submit", json=body, headers=headers, timeout=_TIMEOUT).json() for _ in range(2)]
        wanted = one["data"]["transcription_id"]
        answer = requests.post(f"{server.url}/_fake/finish-jobs", json={"ids": [wanted]}, timeout=_TIMEOUT)
        assert answer.json() == {"finished": [wanted]}
        assert [job.id for job in server.jobs if job.is_over] == [wanted]


def test_webhooks_are_delivered_again_by_a_server_that_was_stopped():
    """Webhooks that a stop cut off say so, and those of the next start are delivered."""
    server = FakeServer().start()
    made = webhook("heygen", "RENDERING_FAILED")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        for _ in range(3):
            server.send_webhook(made, f"http://127.0.0.1:{deaf.getsockname()[1]}/hook")
        server.stop()
    server.start()
    with server.receiver() as receiver:
        server.send_webhook(made, receiver.url)
        done = server.wait_for_deliveries(10)
        assert [delivery.status for delivery in done] == [None, None, None, 200]
        assert [delivery.problem for delivery in done[1:]] == ["the server was stopped before it was sent"] * 2 + [None]
        assert [arrived.body for arrived in receiver.requests] == [made.body]
    server.stop()
