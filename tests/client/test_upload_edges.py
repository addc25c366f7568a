"""Uploads at their edges, with both clients: odd answers of storages and vendors, settings of sessions, headers, threads and logs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socketserver
import threading
import wave
from contextlib import contextmanager
from functools import partial

import attrs
import httpx2
import pytest
import requests
from harness import KINDS, at
from requests.adapters import HTTPAdapter

from heify_heygen_errors import ApiError, AsyncClient, ConflictError, JobHandle, Outcome
from heify_heygen_errors.testing import FakeServer, ManualClock, Reply, error

LARGE = 8 * 1024 * 1024
"""Bytes that no buffers between client and storage hold."""

PIECE = 65_536
PNG = b"\x89PNG\r\n\x1a\n"
PENDING = "PENDING_UPLOAD"
SIGNATURE = "5167a7700e0123456789abcdef"
QUERY = f"X-Amz-Algorithm=AWS4&X-Amz-Credential=AKIAEXAMPLE1234567%2F20261101/us&b=+&b=%20&a=%2B:@&X-Amz-Signature={SIGNATURE}&z&y="
ABSENT = error("heify", "TRANSCRIPTION_NOT_FOUND")
NOT_YET = error("heygen", "CONFLICT#upload_pending", message="Uploaded object not found yet. Retry after upload PUT returns 200.")


# Storages that answer as they like.


class Storage(socketserver.ThreadingTCPServer):
    """A storage whose answers are bytes.

    Attributes:
        heads: of the requests that came, line by line.
        bodies: how many bytes of each came.
    """

    allow_reuse_address = True

    def __init__(self, answer, query):
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.answer = answer
        self.heads = []
        self.bodies = []
        self.has_closed = threading.Event()
        self.place = f"127.0.0.1:{self.server_address[1]}"
        self.target = f"/bucket/some/key.mp3?{query}"
        self.url = f"http://{self.place}{self.target}"

    def headers(self, name):
        """The values of a header in the only request that came."""
        [head] = self.heads
        found = [line.partition(":") for line in head[1:]]
        return [value.strip() for each, _, value in found if each.lower() == name.lower()]


class _Exchange(socketserver.BaseRequestHandler):
    def handle(self):
        received = b""
        while b"\r\n\r\n" not in received:
            if not (more := self.request.recv(PIECE)):
                return
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.server.heads.append(lines)
        self.length = next(int(line[15:]) for line in lines if line.lower().startswith("content-length:"))
        self.got = len(body)
        try:
            self.server.answer(self)
        except ConnectionError:
            pass
        finally:
            self.server.bodies.append(self.got)
            self.request.close()
            self.server.has_closed.set()

    def take(self, count):
        """Read so many bytes of the body, if they come."""
        while self.got < count and (more := self.request.recv(PIECE)):
            self.got += len(more)

    def say(self, status, body=b"", headers=""):
        head = f"HTTP/1.1 {status} Said\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.request.sendall(head.encode() + body)


def saying(status=200, body=b"", headers=""):
    """What reads the whole file and answers so."""

    def answer(exchange):
        exchange.take(exchange.length)
        exchange.say(status, body, headers)

    return answer


def failing(status=500):
    """What reads the whole file and answers with an error that leaves open whether the file was stored."""
    body = b"<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>"
    return saying(status, body, "Content-Type: application/xml\r\n")


def saying_early(count):
    """What answers 200 when it has so many bytes of the file, and closes the connection."""

    def answer(exchange):
        exchange.take(count)
        exchange.say(200)

    return answer


@contextmanager
def storage_of(answer, query=QUERY):
    with Storage(answer, query) as storage:
        thread = threading.Thread(target=storage.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield storage
        finally:
            storage.shutdown()
            thread.join()


@pytest.fixture
def storage():
    """One that takes what comes."""
    with storage_of(saying()) as made:
        yield made


# Vendors that lead there.


@attrs.frozen
class Scene:
    """How an upload ended, and what was seen of it."""

    end: object
    requests: list
    saved: list

    @property
    def words(self):
        """The requests to the vendors and their fake storage."""
        return " ".join("put" if received.method == "PUT" else received.path.rpartition("/")[2] for received in self.requests)

    @property
    def is_started(self):
        """Whether anything that was saved or given says that the file has come."""
        handles = [*self.saved, *([self.end] if isinstance(self.end, JobHandle) else [])]
        return any(handle.is_started for handle in handles)

    @property
    def info(self):
        assert isinstance(self.end, ApiError), self.end
        return self.end.info


def play(kind, action, storage=None, *, set_up=None, options=None, **answer):
    """Run an upload on a clock of its own; with a storage, the vendors lead there and answer so besides."""
    clock, saved = ManualClock(), []
    with FakeServer(clock=clock) as server:
        if storage is not None:
            data = {"transcription_id": "t-1", "asset_id": "a-1", "upload_url": storage.url, **answer}
            server.on("POST", "/request-upload-url", Reply.json({"data": data}))
            server.on("POST", "/v3/assets/direct-uploads", Reply.json({"data": data}))
            server.on("POST", "/v3/assets/{asset_id}/complete", Reply.json({"data": {"asset_id": "a-1"}}))
        if set_up is not None:
            set_up(server)
        arguments = at(server, clock=clock, sleep=kind.sleep(clock), draw=lambda: 0.5, **(options or {}))
        [end] = kind.run(arguments, lambda client: action(client, saved.append))
        return Scene(end, server.requests, saved)


def heify(body=b"audio" * 100, **more):
    """An upload to Heify."""

    def action(client, save):
        return client.heify.transcriptions.upload(body, configuration_id="c", save=save, **{"name": "call.mp3", **more})

    return action


def heygen(body=PNG + b"pixels" * 100, **more):
    """A direct upload to HeyGen."""

    def action(client, _):
        return client.heygen.upload_asset(body, **{"name": "a.png", "direct": True, **more})

    return action


UPLOADS = {"heify": heify, "heygen": heygen}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture(params=UPLOADS)
def upload(request):
    return UPLOADS[request.param]


# What counts as arrived.


def test_an_answer_before_the_file_is_no_success(kind, upload):
    """A 200 that comes before the file was sent never counts as an upload, and nothing is completed."""
    with storage_of(saying_early(0)) as storage:
        seen = play(kind, upload(b"x" * LARGE, retry=False), storage)
    assert seen.info.retry.outcome is Outcome.REFUSED
    assert (seen.is_started, "complete" in seen.words) == (False, False)
    assert all(got < LARGE for got in storage.bodies)


def test_an_answer_before_the_last_pieces_is_no_success(kind, upload):
    """A 200 after the first piece is no success, where more of the file is missing than the buffers of a connection hold."""
    size = 8_000_000
    with storage_of(saying_early(PIECE)) as storage:

        def wait_for_the_answer(_):
            assert storage.has_closed.wait(10)

        seen = play(kind, upload(b"x" * size, retry=False, on_progress=wait_for_the_answer), storage)
    assert isinstance(seen.end, ApiError)
    assert (seen.is_started, "complete" in seen.words) == (False, False)


PAGES = {
    "page": b"<!DOCTYPE html><html><title>Login to WiFi</title><body>Welcome</body></html>",
    "page without head": b"<html><body>Welcome</body></html>",
}


@pytest.mark.parametrize("row", PAGES)
def test_a_page_is_no_success(kind, upload, row):
    """A 200 with an HTML page is that of a sign-in in between, and the file has not come by it."""
    with storage_of(saying(200, PAGES[row], "Content-Type: text/html\r\n")) as storage:
        seen = play(kind, upload(retry=False), storage)
    assert isinstance(seen.end, ApiError)
    assert (seen.is_started, "complete" in seen.words, len(storage.heads)) == (False, False, 1)


TAKEN = {
    "nothing": (200, b""),
    "nothing, 204": (204, b""),
    "text": (200, b"OK"),
    "text, created": (201, b"stored\n"),
    "xml": (200, b'<?xml version="1.0" encoding="UTF-8"?>\n<PutObjectResult><ETag>"0123"</ETag></PutObjectResult>'),
    "xml, created": (201, b"<PostResponse><Key>some/key.mp3</Key></PostResponse>"),
    "json": (200, b'{"Key": "some/key.mp3"}'),
}


@pytest.mark.parametrize("row", TAKEN)
def test_a_success_may_say_what_it_likes(kind, upload, row):
    """A 2xx whose body is no error of S3 is a success, and the file is sent once."""
    status, body = TAKEN[row]
    with storage_of(saying(status, body)) as storage:
        seen = play(kind, upload(b"x" * 1000), storage)
    assert not isinstance(seen.end, Exception), seen.end
    assert (len(storage.heads), storage.bodies) == (1, [1000])
    assert seen.words in ("request-upload-url", "direct-uploads complete")
    assert ("request-upload-url" in seen.words) == seen.is_started


def test_an_error_with_a_status_of_success_is_an_error(kind, upload):
    """A 200 with an error of S3 is no success."""
    with storage_of(failing(200)) as storage:
        seen = play(kind, upload(retry=False), storage)
    assert (seen.info.name, seen.info.channel) == ("S3_INTERNAL_ERROR", "upload")
    assert (seen.is_started, "complete" in seen.words) == (False, False)


@pytest.mark.parametrize(
    ("status", "body"), [(300, b"<html>moved</html>"), (301, b""), (301, b"<html>moved</html>"), (304, b""), (307, b""), (399, b"")]
)
def test_a_redirect_to_nowhere_is_an_error(kind, upload, status, body):
    """A 3xx without a Location is an error, and nothing was stored by it."""
    with storage_of(saying(status, body)) as storage:
        seen = play(kind, upload(), storage)
    assert (seen.info.rule, seen.info.retry.outcome) == ("transport/RedirectRefused", Outcome.REFUSED)
    assert (seen.is_started, "complete" in seen.words, len(storage.heads)) == (False, False, 1)


# What of a session of the user's goes to the storage.

OF_THE_SESSION = {"headers": {"X-Api-Key": "SESSIONKEY12345", "X-Of-Mine": "mine"}, "auth": ("user", "passw0rd"), "params": {"a": "1"}}


def session_of(kind):
    if kind.name == "async":
        return httpx2.AsyncClient(**OF_THE_SESSION, cookies={"sid": "COOKIE"})
    session = requests.Session()
    session.headers.update(OF_THE_SESSION["headers"])
    session.auth, session.params = OF_THE_SESSION["auth"], OF_THE_SESSION["params"]
    session.cookies.set("sid", "COOKIE")
    return session


def test_the_storage_gets_nothing_of_a_session(kind, upload, storage):
    """Headers, auth, query and cookies of a given session go to the vendor and not to the storage."""
    seen = play(kind, upload(), storage, options={"session": session_of(kind)})
    first = seen.requests[0]
    assert (first.headers["x-of-mine"], first.query, "sid=COOKIE" in first.headers["cookie"]) == ("mine", {"a": "1"}, True)
    [head] = storage.heads
    assert f"PUT {storage.target} HTTP/1.1" == head[0]
    assert [name for name in ("x-api-key", "x-of-mine", "authorization", "cookie", "content-type") if storage.headers(name)] == []


def test_the_storage_gets_no_certificate(storage, tmp_path):
    """The client certificate of a given session is for the vendor alone."""
    shown = []

    class Noting(HTTPAdapter):
        def send(self, request, **options):
            shown.append((request.method, options["cert"]))
            return super().send(request, **options)

    certificate = tmp_path / "mine.pem"
    certificate.write_bytes(b"")
    session = requests.Session()
    session.mount("http://", Noting())
    session.cert = str(certificate)
    seen = play(KINDS[0], heify(), storage, options={"session": session})
    assert isinstance(seen.end, JobHandle), seen.end
    assert [("POST", str(certificate)), ("PUT", None)] == shown


QUERIES = {
    "as signed": QUERY,
    "in any order": f"z=1&a=2&X-Amz-Signature={SIGNATURE}&a=1",
    "with slashes and colons": f"X-Amz-Credential=AKIA/20261101/eu:1&Expires=1762000000&Signature={SIGNATURE}/+a==",
}


@pytest.mark.parametrize("has_session", [False, True], ids=["own", "given"])
@pytest.mark.parametrize("row", QUERIES)
def test_a_signed_query_is_not_touched(kind, upload, row, has_session):
    """What was signed arrives byte for byte, with a session of the user's, too."""
    options = {"session": session_of(kind)} if has_session else {}
    with storage_of(saying(), QUERIES[row]) as storage:
        seen = play(kind, upload(), storage, options=options)
    assert not isinstance(seen.end, Exception), seen.end
    assert [f"PUT {storage.target} HTTP/1.1"] == [head[0] for head in storage.heads]
    assert [storage.place] == storage.headers("host")


# Whether a file has come.


READ_AS = {
    PENDING: Reply.json({"data": {"transcription_id": "t-1", "status": PENDING}}),
    "gone": ABSENT,
    "gateway": Reply.json({"message": "Not Found"}, status=404),
    "page": Reply(status=404, headers={"Content-Type": "text/html"}, body=b"<html><body><h1>404 Not Found</h1></body></html>"),
}


def asked(read, listed):
    """How the vendor answers to looks for the transcription."""

    def set_up(server):
        server.on("POST", "/get-transcription", READ_AS[read])
        if listed is not None:
            answer = {"transcriptions": [{"transcription_id": "t-0", "status": "COMPLETED"}, {"transcription_id": "t-1", "status": listed}]}
            server.on("POST", "/list-transcriptions", Reply.json({"data": answer}))

    return set_up


@pytest.mark.parametrize("status", ["IN_PROGRESS", "COMPLETED", "FAILED"])
@pytest.mark.parametrize("read", ["gone", PENDING])
def test_what_the_list_has_was_begun(kind, read, status):
    """A transcription that is in the list has begun, even where reading it says that there is none, and its file is sent once."""
    with storage_of(failing()) as storage:
        seen = play(kind, heify(), storage, set_up=asked(read, status))
    assert isinstance(seen.end, JobHandle), seen.end
    assert (seen.words, len(storage.heads)) == ("request-upload-url get-transcription list-transcriptions", 1)
    assert [handle.is_started for handle in seen.saved] == [False, True]


@pytest.mark.parametrize("read", ["gateway", "page"])
def test_a_404_of_a_gateway_decides_nothing(kind, read):
    """Where something before Heify says 404, nobody knows whether the file has come, and it is not sent again."""
    with storage_of(failing()) as storage:
        seen = play(kind, heify(), storage, set_up=asked(read, None))
    assert (seen.info.retry.outcome, len(storage.heads), seen.is_started) == (Outcome.UNKNOWN, 1, False)
    assert seen.words.count("get-transcription") == 6


def test_what_waits_for_its_file_has_not_begun(kind):
    """A transcription that the list has as waiting for its file has not begun, and may yet: nothing is sent again."""
    with storage_of(failing()) as storage:
        seen = play(kind, heify(), storage, set_up=asked(PENDING, PENDING))
    assert (seen.info.retry.outcome, len(storage.heads), seen.is_started) == (Outcome.UNKNOWN, 1, False)


RESUMED = {
    "listed": ("gone", "IN_PROGRESS", None),
    "gateway": ("gateway", None, "nothing shows"),
    "pending": (PENDING, PENDING, "nothing shows"),
}


@pytest.mark.parametrize("row", RESUMED)
def test_resuming_goes_by_the_list_too(kind, row):
    """An upload that was broken off goes on where the list has it, and is a conflict where nothing decides it."""
    read, listed, told = RESUMED[row]
    with storage_of(failing()) as storage:
        [handle] = play(kind, heify(retry=False), storage, set_up=asked("gateway", None)).saved
    seen = play(kind, lambda client, _: client.heify.transcriptions.resume_order(handle), set_up=asked(read, listed))
    if told is None:
        assert (seen.is_started, seen.end.ids) == (True, ("t-1",))
        return
    assert isinstance(seen.end, ConflictError)
    assert (seen.info.rule, told in seen.info.detail) == ("transport/NotResumable", True)


# Headers that the vendor wants.

UNSENDABLE = ["caf\u00e9", "\u4e2d\u6587", "a\r\nX-Evil: 1", "a\x00b", "a\tb", "\x7f"]


@pytest.mark.parametrize("value", UNSENDABLE, ids=ascii)
@pytest.mark.parametrize(
    ("action", "wanting"),
    [(heify(), lambda value: {"name": value}), (heygen(), lambda value: {"upload_headers": {"x-amz-meta-name": value}})],
    ids=UPLOADS,
)
def test_headers_that_cannot_be_sent_are_told(kind, storage, action, wanting, value):
    """A value that is not visible ASCII is refused by both clients alike, and nothing is sent to the storage."""
    seen = play(kind, action, storage, **wanting(value))
    assert (seen.info.rule, seen.info.retry.outcome) == ("transport/UploadUrlRefused", Outcome.NOT_SENT)
    assert (storage.heads, len(seen.requests)) == ([], 1)


@pytest.mark.parametrize("name", ["bad name", "", "a:b", "a\r\nX-Evil", "\u00e9"], ids=ascii)
def test_names_that_no_header_has_are_told(kind, storage, name):
    """A name that HTTP does not have is refused, and nothing is sent to the storage."""
    seen = play(kind, heygen(), storage, upload_headers={name: "x"})
    assert (seen.info.rule, storage.heads) == ("transport/UploadUrlRefused", [])


@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as named", "lower", "upper"])
def test_the_vendor_does_not_change_the_framing(kind, storage, change):
    """What of the headers belongs to the connection is the client's own, and the others are sent."""
    wanted = {
        "Transfer-Encoding": "chunked",
        "Expect": "100-continue",
        "Connection": "upgrade",
        "Upgrade": "h2c",
        "Host": "elsewhere.example",
        "Content-Length": "3",
        "X-Amz-Acl": "private",
        "User-Agent": "signed",
    }
    seen = play(kind, heygen(b"x" * 1000), storage, upload_headers={change(name): value for name, value in wanted.items()})
    assert not isinstance(seen.end, Exception), seen.end
    assert [storage.headers(name) for name in ("transfer-encoding", "expect", "upgrade")] == [[], [], []]
    assert "upgrade" not in storage.headers("connection")
    assert (["1000"], [storage.place]) == (storage.headers("content-length"), storage.headers("host"))
    assert (storage.headers("x-amz-acl"), storage.headers("user-agent"), storage.bodies) == (["private"], ["signed"], [1000])


def test_only_text_and_numbers_are_headers(kind, storage):
    """Of the headers that HeyGen names, those whose values are neither text nor numbers are left out."""
    seen = play(kind, heygen(), storage, upload_headers={"X-N": None, "X-T": True, "X-D": {"a": 1}, "X-L": ["a"], "X-5": 5, "X-S": "s"})
    assert not isinstance(seen.end, Exception), seen.end
    assert [storage.headers(name) for name in ("x-n", "x-t", "x-d", "x-l", "x-5", "x-s")] == [[], [], [], [], ["5"], ["s"]]


@pytest.mark.parametrize(
    ("echoed", "sent"), [("Call ", "Call"), (" Call", "Call"), ("  My call  ", "My call"), ("  ", ""), ("", ""), (7, "7")]
)
def test_blanks_around_a_name_are_no_part_of_it(kind, storage, echoed, sent):
    """A name with blanks before or behind it is sent without them, as HTTP would read it."""
    seen = play(kind, heify(), storage, name=echoed, participant_id=None)
    assert isinstance(seen.end, JobHandle), seen.end
    assert ([sent], []) == (storage.headers("x-amz-meta-name"), storage.headers("x-amz-meta-participant_id"))


# HeyGen's time.


@pytest.mark.parametrize("seconds", [5, 0.5, 10**400, 3600, 0, -1, None, "60", True], ids=lambda value: str(value)[:5])
def test_any_life_of_a_url_is_used(kind, storage, seconds):
    """However short, long or odd a URL's life is told to be, one asset is made and its file sent once."""
    seen = play(kind, heygen(), storage, expires_in_seconds=seconds)
    assert not isinstance(seen.end, Exception), seen.end
    assert (seen.words, len(storage.heads)) == ("direct-uploads complete", 1)


def test_asking_whether_the_file_is_there_is_no_repeat(kind):
    """With retry=False a direct upload still waits until the storage shows the file."""
    seen = play(kind, heygen(retry=False), set_up=lambda server: server.script([NOT_YET] * 3, path="/v3/assets/{asset_id}/complete"))
    assert not isinstance(seen.end, Exception), seen.end
    assert seen.words == "direct-uploads put complete complete complete complete"
    seen = play(
        kind,
        heygen(retry=False),
        set_up=lambda server: server.script([error("heygen", "internal_error")], path="/v3/assets/{asset_id}/complete"),
    )
    assert (seen.words, isinstance(seen.end, ApiError)) == ("direct-uploads put complete", True)


# The event loop.


class Watched(io.BytesIO):
    """A file that notes who reads it, and how many requests there were by then."""

    def __init__(self, content, requests_so_far):
        super().__init__(content)
        self.reads = []
        self._requests_so_far = requests_so_far

    def read(self, size=-1):
        if size != 0:  # of which nobody waits for a disk
            self.reads.append((threading.get_ident(), self._requests_so_far()))
        return super().read(size)

    def readinto(self, buffer):
        self.reads.append((threading.get_ident(), self._requests_so_far()))
        return super().readinto(buffer)


def recording():
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(80_000))
    return made.getvalue()


@pytest.mark.parametrize("made", [partial(heify, name="call.wav"), heygen], ids=["check", "digest"])
def test_files_are_not_read_in_the_event_loop(storage, made):
    """With AsyncClient a recording is checked, a digest counted and a file sent by other threads than the event loop's."""
    clock = ManualClock()
    with FakeServer(clock=clock) as server:
        file = Watched(recording(), lambda: server.request_count)
        data = {"transcription_id": "t-1", "asset_id": "a-1", "upload_url": storage.url}
        server.on("POST", "/request-upload-url", Reply.json({"data": data}))
        server.on("POST", "/v3/assets/direct-uploads", Reply.json({"data": data}))
        server.on("POST", "/v3/assets/{asset_id}/complete", Reply.json({"data": {"asset_id": "a-1"}}))

        async def whole():
            async with AsyncClient(**at(server, clock=clock, sleep=clock.asleep)) as client:
                await made(file)(client, lambda _: None)
            return threading.get_ident()

        loop = asyncio.run(whole())
    before, after = ([ident for ident, count in file.reads if (count > 0) is is_late] for is_late in (False, True))
    assert (bool(before), bool(after)) == (True, True)
    assert loop not in {*before, *after}


# Logs.


@pytest.mark.parametrize("has_session", [False, True], ids=["own", "given"])
@pytest.mark.parametrize("status", [200, 403, 500])
def test_urllib3_logs_no_signed_url(upload, caplog, status, has_session):
    """No record of urllib3 has the signature of the URL, whichever way the record is written down."""
    caplog.set_level(logging.DEBUG)
    options = {"session": requests.Session()} if has_session else {}
    with storage_of(saying(status)) as storage:
        play(KINDS[0], upload(retry=False), storage, options=options)
    records = [record for record in caplog.records if record.name.startswith("urllib3")]
    texts = []
    for record in records:
        texts += [record.getMessage(), str(record.msg), repr(record.args), " ".join(map(str, record.args or ()))]
        texts += [json.dumps(record.args, default=str), repr(vars(record))]
    assert [text for text in texts if '"PUT /bucket/some/key.mp3' in text] != []
    assert [text for text in texts if SIGNATURE in text or "AKIAEXAMPLE" in text] == []
