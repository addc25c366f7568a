"""The fake object storage behind signed URLs, over a real socket where that makes a difference."""

from __future__ import annotations

import base64
import hashlib
import http.client
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import attrs
import pytest
import requests

from heify_heygen_errors import normalize
from heify_heygen_errors.testing.clock import ManualClock
from heify_heygen_errors.testing.operations import Received
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.server import FakeServer
from heify_heygen_errors.testing.vendors.storage import Storage, _Canonical, put_object, signed_url, when_stored
from heify_heygen_errors.testing.vendors.vendor import Answered, Settings
from heify_heygen_errors.testing.world import JobPlan, World

KEY = "upload/client-1/my call.mp3"
NAME = {"x-amz-meta-name": "my call.mp3"}
LIVES = 300


@attrs.define
class Bucket:
    """A running storage, and a signer who knows its secret: who has the same seed and clock."""

    server: FakeServer
    clock: ManualClock
    signer: World

    def url(self, key: str = KEY, **more: Any) -> str:
        return signed_url(self.signer, self.server.url, key, **{"expires": LIVES, "headers": NAME, **more})

    def get_url(self, key: str = KEY) -> str:
        return self.url(key, method="GET", headers={})


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    clock = ManualClock()
    with FakeServer(clock=clock, seed=7) as server:
        yield Bucket(server, clock, World(clock, 7, JobPlan()))


def answer_of(world: World, method: str, url: str, body: bytes = b"", size: int | None = None) -> Answered:
    """What the storage answers to a request, without a socket."""
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "content-length": str(len(body) if size is None else size), **NAME}
    received = Received(
        number=1,
        at=world.clock(),
        provider="storage",
        method=method,
        path=parts.path.removeprefix("/storage"),
        target=f"{parts.path}?{parts.query}",
        query={},
        headers=headers if method == "PUT" else {"host": parts.netloc},
        body=body,
        size=len(body) if size is None else size,
    )
    return Storage(world, Settings(keys={})).answer(received, "http://127.0.0.1/storage", "http://127.0.0.1")


def elements(answer: requests.Response) -> dict[str, str]:
    """The elements of S3's error by name."""
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
    return {element.tag: element.text or "" for element in ET.fromstring(answer.content)}


def with_query(url: str, **changes: str | None) -> str:
    """The URL with parameters replaced, or without those that are None."""
    head, _, query = url.partition("?")
    told = {**dict(parse_qsl(query)), **{f"X-Amz-{name}": value for name, value in changes.items()}}
    return f"{head}?{urlencode({name: value for name, value in told.items() if value is not None}, quote_via=quote)}"


# Signatures.


def test_signature_is_that_of_the_published_example() -> None:
    """A request signed with AWS's example keys has the signature that AWS publishes for it."""
    # docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    canonical = _Canonical(
        method="GET",
        path="/test.txt",
        query=[
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
            ("X-Amz-Date", "20130524T000000Z"),
            ("X-Amz-Expires", "86400"),
            ("X-Amz-SignedHeaders", "host"),
        ],
        headers={"host": "examplebucket.s3.amazonaws.com"},
        signed=["host"],
        date="20130524T000000Z",
        scope="20130524/us-east-1/s3/aws4_request",
    )
    expected = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert expected == canonical.signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def test_signed_url_has_every_part_of_version_4(bucket: Bucket) -> None:
    """A signed URL names algorithm, signer, time, life, signed headers and signature, and nothing else."""
    told = dict(parse_qsl(urlsplit(bucket.url()).query))
    expected = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"]
    assert expected == list(told)
    assert (told["X-Amz-Date"], told["X-Amz-Expires"], told["X-Amz-SignedHeaders"]) == ("20261101T000000Z", "300", "host;x-amz-meta-name")


def test_signed_url_is_the_same_for_equal_seeds_and_no_other() -> None:
    """Who has the seed has the secret."""
    clock = ManualClock()
    first, again, other = (signed_url(World(clock, seed, JobPlan()), "http://h", KEY, expires=LIVES) for seed in (1, 1, 2))
    assert first == again
    assert first != other


# Objects.


def test_upload_is_stored_and_can_be_read(bucket: Bucket) -> None:
    """A PUT with what was signed is answered with nothing but an ETag, and a GET gives the same bytes and metadata."""
    put = requests.put(bucket.url(), data=b"sound", headers={**NAME, "Content-Type": "audio/mpeg"}, timeout=5)
    got = requests.get(bucket.get_url(), timeout=5)
    etag = f'"{hashlib.md5(b"sound").hexdigest()}"'
    assert (200, b"", etag, None) == (put.status_code, put.content, put.headers["ETag"], normalize(put, "heify"))
    assert (200, b"sound", etag, None) == (got.status_code, got.content, got.headers["ETag"], normalize(got, "heify"))
    assert (got.headers["Content-Type"], got.headers["x-amz-meta-name"]) == ("audio/mpeg", "my call.mp3")


def test_every_answer_is_signed_by_s3(bucket: Bucket) -> None:
    """Successes and failures have S3's ids, server and date by the server's clock."""
    for answer in (requests.put(bucket.url(), data=b"sound", headers=NAME, timeout=5), requests.get(bucket.url(), timeout=5)):
        told = (
            answer.headers["Server"],
            answer.headers["Date"],
            len(answer.headers["x-amz-request-id"]),
            len(answer.headers["x-amz-id-2"]),
        )
        assert told == ("AmazonS3", "Sun, 01 Nov 2026 00:00:00 GMT", 16, 76)


def test_head_tells_what_get_tells_without_the_body(bucket: Bucket) -> None:
    """A HEAD that was signed as one has the headers of the object."""
    requests.put(bucket.url(), data=b"sound", headers=NAME, timeout=5)
    answer = requests.head(bucket.url(method="HEAD", headers={}), timeout=5)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "5", b"")


def test_object_of_a_vendor_can_be_read() -> None:
    """What a vendor publishes by `put_object` is behind a signed URL; bytes that were not kept come as zeros."""
    world = World(ManualClock(), 0, JobPlan())
    put_object(world, "video/v1.mp4", b"film", content_type="video/mp4", size=6)
    reply = answer_of(world, "GET", signed_url(world, "http://h", "video/v1.mp4", method="GET", expires=60)).reply
    assert (reply.status, reply.body, reply.header("Content-Type")) == (200, b"film\0\0", "video/mp4")


def test_size_is_that_of_the_whole_upload() -> None:
    """The size of an object counts the bytes that were not kept."""
    world = World(ManualClock(), 0, JobPlan())
    answer_of(world, "PUT", signed_url(world, "http://h", KEY, expires=60, headers=NAME), b"kept", size=1000)
    assert (world.store["object"][KEY]["size"], world.store["object"][KEY]["metadata"]) == (1000, {"name": "my call.mp3"})


def test_who_waits_for_an_object_is_told_once() -> None:
    """`when_stored` is called with the first upload; a second one replaces the object only."""
    world = World(ManualClock(), 0, JobPlan())
    told: list[bytes] = []
    when_stored(world, KEY, lambda call: told.append(call.received.body))
    url = signed_url(world, "http://h", KEY, expires=60, headers=NAME)
    for body in (b"first", b"second"):
        answer_of(world, "PUT", url, body)
    assert (told, world.store["object"][KEY]["body"]) == ([b"first"], b"second")


def test_refused_upload_leaves_nothing(bucket: Bucket) -> None:
    """An upload that is refused stores no object."""
    requests.put(bucket.url(), data=b"sound", timeout=5)
    answer = requests.get(bucket.get_url(), timeout=5)
    assert (answer.status_code, normalize(answer, "heify").rule, elements(answer)["Key"]) == (404, "layers/S3_NO_SUCH_KEY", KEY)


def test_upload_through_a_proxy_is_signed_all_the_same(bucket: Bucket) -> None:
    """The request line that proxies are sent does not change what was signed."""
    answer = requests.put(bucket.url(), data=b"sound", headers=NAME, proxies={"http": bucket.server.url}, timeout=5)
    assert answer.status_code == 200


# Time.


@pytest.mark.parametrize(("seconds", "rule"), [(0, None), (LIVES, None), (LIVES + 1, "layers/S3_ACCESS_DENIED#expired")])
def test_url_lives_as_long_as_it_says(bucket: Bucket, seconds: int, rule: str | None) -> None:
    """A signed URL is good until its last second and refused after it."""
    url = bucket.url()
    bucket.clock.advance(seconds)
    info = normalize(requests.put(url, data=b"sound", headers=NAME, timeout=5), "heify")
    assert rule == (info and info.rule)


def test_expired_url_says_when(bucket: Bucket) -> None:
    """The refusal of an expired URL has its life, its end and the server's time."""
    url = bucket.url()
    bucket.clock.advance(400)
    told = elements(requests.put(url, data=b"sound", headers=NAME, timeout=5))
    expected = ("Request has expired", "300", "2026-11-01T00:05:00Z", "2026-11-01T00:06:40Z")
    assert expected == (told["Message"], told["X-Amz-Expires"], told["Expires"], told["ServerTime"])


def test_url_of_the_future_is_not_yet_valid(bucket: Bucket) -> None:
    """A URL whose signer is more than a quarter of an hour ahead is refused; less is let pass."""
    ahead = [World(ManualClock(bucket.clock() + seconds), 7, JobPlan()) for seconds in (900, 901)]
    answers = [requests.put(signed_url(world, bucket.server.url, KEY, expires=LIVES), data=b"sound", timeout=5) for world in ahead]
    assert [answer.status_code for answer in answers] == [200, 403]
    assert normalize(answers[1], "heify").rule == "layers/S3_ACCESS_DENIED#not_yet_valid"
    assert (elements(answers[1])["X-Amz-Date"], elements(answers[1])["ServerTime"]) == ("20261101T001501Z", "2026-11-01T00:00:00Z")


# Refusals.

Send = Callable[[Bucket], requests.Response]


def put(bucket: Bucket, url: str, headers: Mapping[str, str] = NAME, data: Any = b"sound") -> requests.Response:
    return requests.put(url, data=data, headers=dict(headers), timeout=5)


def without_length(bucket: Bucket) -> requests.Response:
    """A PUT with neither a length nor chunks; requests would add a length, so it is sent by hand."""
    parts = urlsplit(bucket.url())
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    for name, value in NAME.items():
        connection.putheader(name, value)
    connection.endheaders()
    raw = connection.getresponse()
    made = requests.Response()
    made.status_code, made._content, made.url = raw.status, raw.read(), bucket.url()
    made.headers.update(raw.getheaders())
    connection.close()
    return made


REFUSALS: dict[str, tuple[Send, int, str, Mapping[str, str]]] = {
    "metadata header missing": (lambda b: put(b, b.url(), {}), 403, "S3_SIGNATURE_DOES_NOT_MATCH", {}),
    "metadata header with another value": (lambda b: put(b, b.url(), {"x-amz-meta-name": "b"}), 403, "S3_SIGNATURE_DOES_NOT_MATCH", {}),
    "metadata header that was not signed": (
        lambda b: put(b, b.url(), {**NAME, "x-amz-meta-b": "1", "x-amz-acl": "private"}),
        403,
        "S3_ACCESS_DENIED#unsigned_headers",
        {"HeadersNotSigned": "x-amz-acl, x-amz-meta-b"},
    ),
    "host that was not signed": (
        lambda b: put(b, with_query(b.url(), SignedHeaders="x-amz-meta-name")),
        403,
        "S3_ACCESS_DENIED#unsigned_headers",
        {"HeadersNotSigned": "host"},
    ),
    "other host": (lambda b: put(b, b.url().replace("127.0.0.1", "localhost")), 403, "S3_SIGNATURE_DOES_NOT_MATCH", {}),
    "other key": (lambda b: put(b, b.url().replace("client-1", "client-2")), 403, "S3_SIGNATURE_DOES_NOT_MATCH", {}),
    "longer life": (lambda b: put(b, with_query(b.url(), Expires="3000")), 403, "S3_SIGNATURE_DOES_NOT_MATCH", {}),
    "URL for PUT used for GET": (lambda b: requests.get(b.url(), timeout=5), 403, "S3_SIGNATURE_DOES_NOT_MATCH", {}),
    "other signer": (
        lambda b: put(b, signed_url(World(b.clock, 8, JobPlan()), b.server.url, KEY, expires=LIVES, headers=NAME)),
        403,
        "S3_INVALID_ACCESS_KEY_ID",
        {},
    ),
    "no query": (lambda b: put(b, b.url().partition("?")[0]), 403, "S3_ACCESS_DENIED", {"Message": "Access Denied"}),
    "half of a query": (lambda b: put(b, b.url().partition("&X-Amz-Date")[0]), 400, "S3_AUTHORIZATION_QUERY_PARAMETERS", {}),
    "no signature": (lambda b: put(b, with_query(b.url(), Signature=None)), 400, "S3_AUTHORIZATION_QUERY_PARAMETERS", {}),
    "half of a query of version 2": (
        lambda b: put(b, b.url().partition("?")[0] + "?AWSAccessKeyId=a"),
        403,
        "S3_ACCESS_DENIED#incomplete_url",
        {"Message": "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"},
    ),
    "other algorithm": (lambda b: put(b, with_query(b.url(), Algorithm="AWS4")), 400, "S3_AUTHORIZATION_QUERY_PARAMETERS", {}),
    "malformed signer": (lambda b: put(b, with_query(b.url(), Credential="a/b")), 400, "S3_AUTHORIZATION_QUERY_PARAMETERS", {}),
    "malformed date": (lambda b: put(b, with_query(b.url(), Date="2026-11-01")), 400, "S3_AUTHORIZATION_QUERY_PARAMETERS", {}),
    "life that is no number": (
        lambda b: put(b, with_query(b.url(), Expires="soon")),
        400,
        "S3_AUTHORIZATION_QUERY_PARAMETERS",
        {"Message": "X-Amz-Expires should be a number"},
    ),
    "negative life": (
        lambda b: put(b, with_query(b.url(), Expires="-1")),
        400,
        "S3_AUTHORIZATION_QUERY_PARAMETERS",
        {"Message": "X-Amz-Expires must be non-negative"},
    ),
    "life of more than a week": (lambda b: put(b, with_query(b.url(), Expires="604801")), 400, "S3_AUTHORIZATION_QUERY_PARAMETERS", {}),
    "chunks": (lambda b: put(b, b.url(), data=iter([b"sound"])), 501, "S3_NOT_IMPLEMENTED", {"Header": "Transfer-Encoding"}),
    "no length": (without_length, 411, "S3_MISSING_CONTENT_LENGTH", {}),
    "POST": (
        lambda b: requests.post(b.url(), data=b"sound", headers=NAME, timeout=5),
        405,
        "S3_METHOD_NOT_ALLOWED",
        {"Method": "POST", "ResourceType": "OBJECT"},
    ),
    "unknown object": (lambda b: requests.get(b.get_url("a/b"), timeout=5), 404, "S3_NO_SUCH_KEY", {"Key": "a/b"}),
    "list of the bucket": (lambda b: requests.get(f"{b.server.url}/storage/", timeout=5), 403, "S3_ACCESS_DENIED", {}),
    "damaged upload": (
        lambda b: put(b, b.url(), {**NAME, "Content-MD5": base64.b64encode(b"0" * 16).decode()}),
        400,
        "S3_BAD_DIGEST",
        {"CalculatedDigest": base64.b64encode(hashlib.md5(b"sound").digest()).decode()},
    ),
    "digest that is none": (lambda b: put(b, b.url(), {**NAME, "Content-MD5": "0"}), 400, "S3_INVALID_DIGEST", {"Content-MD5": "0"}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_those_of_s3(bucket: Bucket, name: str) -> None:
    """Each wrong request is refused with S3's status, code and extra elements, under the id that the headers have."""
    send, status, rule, told = REFUSALS[name]
    answer = send(bucket)
    found = elements(answer)
    assert (status, f"layers/{rule}") == (answer.status_code, normalize(answer, "heify").rule)
    assert dict(told) == {element: found.get(element) for element in told}
    assert (answer.headers["x-amz-request-id"], answer.headers["x-amz-id-2"]) == (found["RequestId"], found["HostId"])
    assert answer.headers["Content-Type"] == "application/xml"


def test_wrong_signature_shows_what_was_signed(bucket: Bucket) -> None:
    """The refusal of a signature has the canonical request and the string to sign as the storage made them."""
    told = elements(put(bucket, bucket.url(), {"x-amz-meta-name": "b"}))
    lines = told["CanonicalRequest"].split("\n")
    assert (lines[0], lines[1], lines[4]) == ("PUT", "/storage/upload/client-1/my%20call.mp3", "x-amz-meta-name:b")
    digest = hashlib.sha256(told["CanonicalRequest"].encode()).hexdigest()
    assert f"AWS4-HMAC-SHA256\n20261101T000000Z\n20261101/us-east-1/s3/aws4_request\n{digest}" == told["StringToSign"]
    assert told["StringToSign"].encode() == bytes.fromhex(told["StringToSignBytes"])
    assert told["SignatureProvided"] == dict(parse_qsl(urlsplit(bucket.url()).query))["X-Amz-Signature"]


def test_wrong_method_names_the_right_ones(bucket: Bucket) -> None:
    """MethodNotAllowed comes with Allow."""
    assert requests.post(bucket.url(), timeout=5).headers["Allow"] == "GET, HEAD, PUT"


def test_right_digest_is_accepted(bucket: Bucket) -> None:
    """An upload with the MD5 of its body is stored."""
    digest = base64.b64encode(hashlib.md5(b"sound").digest()).decode()
    assert put(bucket, bucket.url(), {**NAME, "Content-MD5": digest}).status_code == 200


def test_upload_of_more_than_5_gib_is_too_large() -> None:
    """More than one PUT can take is refused with both sizes."""
    world = World(ManualClock(), 0, JobPlan())
    url = signed_url(world, "http://h", KEY, expires=60, headers=NAME)
    at_most, more = (answer_of(world, "PUT", url, b"", size=5 * 1024**3 + extra).reply for extra in (0, 1))
    assert (at_most.status, more.status) == (200, 400)
    assert b"<Code>EntityTooLarge</Code>" in more.body
    assert b"<ProposedSize>5368709121</ProposedSize><MaxSizeAllowed>5368709120</MaxSizeAllowed>" in more.body


def test_scripted_failure_looks_like_one_of_the_storage(bucket: Bucket) -> None:
    """A failure that a script asks for has the ids and the content type of every other one, and stores nothing."""
    bucket.server.script([error("heify", "S3_SLOW_DOWN", status=503)], path="/upload/*")
    answer = put(bucket, bucket.url())
    found = elements(answer)
    assert (answer.status_code, normalize(answer, "heify").rule) == (503, "layers/S3_SLOW_DOWN")
    assert (answer.headers["x-amz-request-id"], "application/xml") == (found["RequestId"], answer.headers["Content-Type"])
    assert requests.get(bucket.get_url(), timeout=5).status_code == 404


def test_upload_can_ask_for_a_failure_itself(bucket: Bucket) -> None:
    """The header of an upload names a failure of the storage, although it was not signed."""
    answer = put(bucket, bucket.url(), {**NAME, "X-Fake-Error": "S3_INTERNAL_ERROR"})
    assert (answer.status_code, normalize(answer, "heify").rule) == (500, "layers/S3_INTERNAL_ERROR")
