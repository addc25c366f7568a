"""``hhe fake``, as a person at a shell meets it."""

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time

import attrs
import pytest
import requests

from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer

_VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
_TIMEOUT = 30
_KEYS = {"heygen": "fake-heygen-key", "liveavatar": "fake-liveavatar-key", "heify": "fake-heify-key"}


@attrs.define
class Running:
    """A server of the command, in a process of its own.

    Attributes:
        process: it.
        said: what it had said on stderr when it was ready.
        url: where it is.
    """

    process: subprocess.Popen
    said: str
    url: str

    def call(self, path="/heygen/v3/users/me", method="GET", **headers):
        """A request with the right key."""
        vendor = path.split("/")[1]
        sent = {"X-Api-Key": _KEYS.get(vendor, ""), **{name.replace("_", "-"): value for name, value in headers.items()}}
        body = _VIDEO if path == "/heygen/v3/videos" else None
        return requests.request(method, self.url + path, headers=sent, json=body, timeout=_TIMEOUT)

    def end(self, number=signal.SIGINT):
        """Send a signal and wait: exit code, stdout, and all of stderr."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self):
        """Wait for the end: exit code, what is left of stdout, and all of stderr."""
        out, err = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(_TIMEOUT), out, self.said + err


def _ready(process, marks):
    """What the process says on stderr until one of the marks is in it."""
    said = b""
    end = time.monotonic() + _TIMEOUT
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while not any(mark in said for mark in marks):
            assert selector.select(max(0.0, end - time.monotonic())), said
            piece = os.read(process.stderr.fileno(), 65536)
            assert piece, said
            said += piece
    return said.decode()


@contextlib.contextmanager
def _command(*arguments, port=0, stdout=subprocess.PIPE):
    process = subprocess.Popen(
        [sys.executable, "-m", "heify_heygen_errors", "fake", "--port", str(port), *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        # A width of its own would break lines in the middle of what is looked for.
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        quiet = {"-q", "--quiet"} & set(arguments)
        said = _ready(process, (b"fake-heify-key\n",) if quiet else (b"Ctrl-C ends it.\n",))
        yield Running(process, said, re.search(r"http://127\.0\.0\.1:\d+", said)[0])
    finally:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait(_TIMEOUT)


@pytest.fixture(scope="module")
def talkative(tmp_path_factory):
    """One run of the command with everything in it that a person sees: what it said at first, curl's answers, and its end."""
    script = tmp_path_factory.mktemp("fake") / "script.json"
    steps = [{"error": "insufficient_credit", "provider": "heygen"}, {"reply": {"status": 418}}, "ok"]
    script.write_text(json.dumps(steps))
    with _command("--script", script) as running:
        scripted = [running.call().status_code for _ in range(4)]
        curled = {}
        if shutil.which("curl"):
            for line in running.said.splitlines():
                if line.strip().startswith("curl "):
                    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
                    curled[line.strip()] = (done.returncode, done.stdout)
        example = _python_of(running.said)
        page = requests.get(re.search(r"More: (\S+)\.", running.said)[1], timeout=_TIMEOUT)
        for _ in range(2):
            running.call("/heygen/v3/videos", "POST")
        running.call("/heygen/v3/" + "x" * 500)
        requests.get(running.url + "/nobody?secret=1", timeout=_TIMEOUT)
        with contextlib.suppress(requests.ConnectionError):
            running.call(X_Fake_Fault="reset_after_request")
        begin = time.monotonic()
        code, out, err = running.end()
    return attrs.make_class("Talk", ["said", "url", "scripted", "curled", "example", "page", "code", "out", "err", "seconds"])(
        running.said, running.url, scripted, curled, example, page, code, out, err.removeprefix(running.said), time.monotonic() - begin
    )


def _python_of(said):
    """What the printed Python prints, run as it stands there."""
    program = said.partition("in Python:\n")[2].partition("\n\n")[0]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    return done.returncode, done.stdout


def test_addresses_and_keys_are_printed(talkative):
    """At first it says where the vendors are, with the key of each, on stderr."""
    for name, key in _KEYS.items():
        assert re.search(rf"^  {name} +{re.escape(talkative.url)}/{name} +key {key}$", talkative.said, re.MULTILINE)
    assert talkative.out == ""


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_printed_curl_commands_work_as_typed(talkative):
    """Typed as they are printed, the commands give a missing key, a success, a rate limit with its wait, and a reset."""
    (_, missing), (_, fine), (_, limited), (code, nothing) = talkative.curled.values()
    assert [answer.split("\n")[0].split()[1] for answer in (missing, fine, limited)] == ["401", "200", "429"]
    assert re.search(r"^retry-after: 2$", limited, re.MULTILINE | re.IGNORECASE)
    assert (code in (52, 56), nothing) == (True, "")  # curl's "empty reply" and "failure in receiving"


def test_printed_python_works_as_typed(talkative):
    """The printed Python calls two vendors: it shows the data of a success, and what a failure is and what to do about it."""
    code, out = talkative.example
    data, failure = out.splitlines()
    assert (code, "ada@example.com" in data) == (0, True)
    assert re.match(r"heify: Insufficient transcription minutes \[payment; .*\] \w+", failure)


def test_page_it_points_to_exists(talkative):
    """The address behind "More" is a page for people."""
    assert (talkative.page.status_code, "X-Fake-Error" in talkative.page.text) == (200, True)


def test_script_is_met_by_the_first_requests(talkative):
    """The steps of the script's file are met in order, then all is normal."""
    assert talkative.scripted == [402, 418, 200, 200]


def test_each_request_is_a_line(talkative):
    """Each request is one line on stderr: number, status, vendor, method, path without query and not too long, and the fault."""
    lines = [line.split() for line in talkative.err.partition(" requests")[0].splitlines() if re.match(r" +\d+ ", line)]
    assert [line[0] for line in lines] == [str(number) for number in range(1, len(lines) + 1)]
    assert lines[0] == ["1", "402", "heygen", "GET", "/v3/users/me"]
    assert lines[-1] == [str(len(lines)), "-", "heygen", "GET", "/v3/users/me", "reset_after_request"]
    assert lines[-2][1:] == ["404", "?", "GET", "/nobody"]
    assert (len(lines[-3][-1]) <= 201, lines[-3][-1][-1]) == (True, "…")


def test_report_is_the_end(talkative):
    """At the end it says how many requests came, to which endpoints, with which statuses, which jobs ran, and what was paid for."""
    count = re.search(r"^(\d+) requests$", talkative.err, re.MULTILINE)
    assert count is not None
    counted = [int(number) for number in re.findall(r"^ +(\d+)  (?:heygen|heify|\?) +[A-Z]+ /\S*$", talkative.err, re.MULTILINE)]
    assert sum(counted) == int(count[1])
    assert re.search(r"^ +2  heygen +POST /v3/videos$", talkative.err, re.MULTILINE)
    assert re.search(r"^answers: .*\b2 x 402\b.*$", talkative.err, re.MULTILINE)
    assert re.search(r"^answers: .*\d x no answer\b.*$", talkative.err, re.MULTILINE)
    assert "\njobs: 2 started, 0 failed, 2 still running\n" in talkative.err
    assert re.search(r"^paid work started: 2\n  the same work 2 times: POST /v3/videos, requests \d+, \d+$", talkative.err, re.MULTILINE)


def test_ctrl_c_is_a_good_end(talkative):
    """Ctrl-C ends it at once, with exit code 0 and without a traceback."""
    assert (talkative.code, "Traceback" in talkative.err, talkative.seconds < 5) == (0, False, True)


def test_json_is_for_programs():
    """With --json stdout has where it listens, an object per request as it comes, and the report, also after SIGTERM; talk stays on stderr."""
    with _command("--json", "--seed", "3", "--job-seconds", "0") as running:
        answer = running.call("/heygen/v3/videos", "POST", Idempotency_Key="k1")
        running.call("/heygen/v3/videos", "POST", Idempotency_Key="k1")
        video = answer.json()["data"]["video_id"]
        state = running.call(f"/heygen/v3/videos/{video}").json()["data"]["status"]
        requests.get(running.url + "/nobody", timeout=_TIMEOUT)
        listening, first = (json.loads(running.process.stdout.readline()) for _ in range(2))  # these come before the end
        code, out, err = running.end(signal.SIGTERM)
    second, third, fourth, report = map(json.loads, out.splitlines())
    assert (code, state, err) == (0, "completed", running.said)
    sites = {name: {"url": f"{running.url}/{name}", "api_key": key} for name, key in _KEYS.items()}
    assert listening == {"listening": {"url": running.url, "sites": sites}}
    assert {
        name: first[name] for name in ("number", "provider", "method", "path", "operation", "status", "fault", "replayed", "bytes")
    } == {
        "number": 1,
        "provider": "heygen",
        "method": "POST",
        "path": "/v3/videos",
        "operation": "POST /v3/videos",
        "status": 200,
        "fault": None,
        "replayed": False,
        "bytes": len(json.dumps(_VIDEO)),
    }
    assert (abs(first["at"] - time.time()) < 3600, first["idempotency_key"], second["replayed"]) == (True, "k1", True)
    assert (third["operation"], fourth["provider"], fourth["status"]) == ("GET /v3/videos/{video_id}", None, 404)
    assert (report["report"]["requests"], [work["id"] for work in report["report"]["paid_work"]]) == (4, [video])
    with FakeServer(seed=3) as server:
        made = requests.post(server.heygen.url + "/v3/videos", json=_VIDEO, headers={"X-Api-Key": server.heygen.api_key}, timeout=_TIMEOUT)
        assert made.json()["data"]["video_id"] == video  # the seed is the server's


def test_quiet_says_only_where_it_is_and_what_came():
    """--quiet leaves out examples and lines per request; the addresses and the report stay."""
    with _command("--quiet", "--no-limits", "--heify", "2025") as running:
        statuses = {running.call("/heygen/v3/videos", "POST").status_code for _ in range(12)}
        old = running.call("/heify/submit", "POST")
        code, out, err = running.end(signal.SIGTERM)
    assert (code, out, statuses) == (0, "", {200})  # without limits the eleventh job is no 429
    assert "error_code" not in old.json()
    assert "curl" not in running.said
    assert err.removeprefix(running.said).lstrip("\n").startswith("13 requests\n")


def test_it_can_end_by_itself():
    """After --for so many seconds it ends as if it had been told to."""
    begin = time.monotonic()
    with _command("--quiet", "--for", "0.2") as running:
        code, _, err = running.ended()
    assert (code, "\n0 requests\n" in err, time.monotonic() - begin >= 0.2) == (0, True, True)


def test_reader_that_leaves_costs_no_answer():
    """When the reader of stdout goes away, as head does, requests are still answered."""
    reading, writing = os.pipe()
    try:
        with _command("--json", stdout=writing) as running:
            os.close(reading)
            assert [running.call().status_code for _ in range(2)] == [200, 200]
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(_TIMEOUT) == 0
    finally:
        os.close(writing)


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_port_that_is_taken_is_told(hhe, taken):
    """A port in use is exit code 2 with the port and the way out."""
    done = hhe("fake", "--port", str(taken), "--for", "0")
    assert (done.code, done.out) == (2, "")
    assert re.search(rf"cannot listen on port {taken}: .*in use; --port 0 takes a free one", done.err)


_SCRIPTS = {
    "no JSON": ("steps: ok", "is not JSON: "),
    "no UTF-8": (b'["\xff"]', "is not JSON: "),
    "empty": ("", "is not JSON: "),
    "nested too deeply": ("[" * 100_000, "nested|recursion|depth"),
    "no list": ('{"steps": ["ok"]}', "a script is a JSON list of steps"),
    "no step": ('["ok", 5]', 'step 2: 5 is no step: write "ok"'),
    "fault": ('["ok", {"fault": "slow_anser"}]', "step 2: there is no fault 'slow_anser': did you mean slow_answer"),
    "text": ('["slow_anser"]', "step 1: 'slow_anser' is neither \"ok\" nor a fault"),
    "error": ('["ok", "ok", {"error": "video_not_fund", "provider": "heygen"}]', "step 3: .*video_not_found"),
    "error of nobody": ('[{"error": "RATE_LIMIT"}]', "step 1: .*say whose error it is"),
    "option": ('[{"fault": "slow_answer", "secs": 1}]', "step 1: there is no option 'secs' here: use fault, seconds"),
    "amount": ('[{"fault": "slow_answer", "seconds": "soon"}]', "step 1: seconds is a number from 0 up, not 'soon'"),
    "shape": ('[{"error": "RATE_LIMIT", "provider": "heygen", "shape": "v9"}]', "step 1: there is no shape 'v9'"),
    "fault of a fault": ('[{"fault": "slow_answer", "answer": "refused"}]', "step 1: .*answer"),
}


@pytest.mark.parametrize(("script", "text"), _SCRIPTS.values(), ids=_SCRIPTS)
def test_wrong_script_is_told_with_its_place(hhe, tmp_path, script, text):
    """A script that cannot be read is exit code 2 with the file, the number of the step from 1, and what to write."""
    path = tmp_path / "script.json"
    path.write_bytes(script if isinstance(script, bytes) else script.encode())
    done = hhe("fake", "--port", "0", "--for", "0", "--script", path)
    said = " ".join(done.err.split())
    assert (done.code, done.out, str(path) in said) == (2, "", True)
    assert re.search(text, said), said


def test_script_can_come_from_stdin(hhe, hhe_process):
    """``--script -`` reads the script from stdin, as everywhere in the command."""
    assert hhe("fake", "--port", "0", "--for", "0", "--script", "-", stdin=b'["ok"]').code == 0
    done = hhe_process("fake", "--port", "0", "--for", "0", "--script", "-", stdin=b'["slow_anser"]')
    assert (done.code, "<stdin>: step 1: 'slow_anser' is neither" in done.err) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--script", "nowhere.json"),
        ("--port", "70000"),
        ("--port", "http"),
        ("--for", "-1"),
        ("--job-seconds", "-1"),
        ("--heify", "2024"),
        ("--sed", "1"),
        ("something",),
    ],
)
def test_wrong_use_is_exit_code_2(hhe, arguments):
    """Wrong options are refused before anything is started, and named."""
    done = hhe("fake", *arguments)
    assert (done.code, done.out, arguments[-1] in done.err or arguments[0] in done.err) == (2, "", True)


def test_nothing_received_is_a_report_too(hhe):
    """With no time to receive anything the report says that nothing came."""
    done = hhe("fake", "--port", "0", "--for", "0")
    assert (done.code, done.err.partition("\n0 requests\n")[2]) == (0, "paid work started: 0\n")
    done = hhe("fake", "--port", "0", "--for", "0", "--json", "--quiet")
    listening, report = map(json.loads, done.lines)
    assert (done.code, list(listening), report["report"]["requests"]) == (0, ["listening"], 0)


def test_missing_extra_is_named_with_its_command(hhe, monkeypatch):
    """Without the extra ``testing`` the command says how to install it."""
    from heify_heygen_errors import testing

    monkeypatch.delattr(testing, "FakeServer", raising=False)
    monkeypatch.setitem(sys.modules, "h11", None)
    done = hhe("fake", "--port", "0", "--for", "0")
    assert (done.code, "pip install 'heify-heygen-errors[testing]'" in done.err) == (2, True)
