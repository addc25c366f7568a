"""Uploading a file to HeyGen, with both clients: what may be given, what is sent, and that a repeat makes no second asset."""

from __future__ import annotations

import contextlib
import email
import io
import mimetypes
import os
import tempfile
from email.policy import HTTP

import pytest
from harness import KINDS, at, one

from heify_heygen_errors import InvalidRequestError, RateLimitError, RetryPolicy
from heify_heygen_errors.client.uploads.limits import MAX_INLINE_ASSET
from heify_heygen_errors.testing import Reply, error, fault

PNG = b"\x89PNG\r\n\x1a\n--boundary\x00"


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def upload(request, fake_vendors):
    """Uploads with one of the clients; gives the answer and the part of the form that the vendor got."""
    kind = request.param

    def run(*arguments, client=None, **options):
        answer = one(kind, at(fake_vendors, **(client or {})), lambda made: made.heygen.upload_asset(*arguments, **options))
        received = fake_vendors.requests[-1]
        head = f"Content-Type: {received.headers['content-type']}\r\n\r\n".encode()
        [part] = email.message_from_bytes(head + received.body, policy=HTTP).iter_parts()
        return answer, part

    return run


class Unnamed(io.BytesIO):
    """A file without a name, as a web framework gives it."""


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "ä photo.png"
    path.write_bytes(PNG)
    return path


def named(name):
    file = Unnamed(PNG)
    file.name = name
    return file


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (lambda path: path, "ä photo.png"),
        (str, "ä photo.png"),
        (lambda path: named(str(path)), "ä photo.png"),
        (lambda path: named("upload.png"), "upload.png"),
    ],
    ids=["path", "text", "open file", "file of a framework"],
)
def test_a_file_is_sent_under_its_name(upload, png, given, name):
    """A path, its text and an open file are sent whole, under the name of the file, with the type that the name says."""
    answer, part = upload(given(png))
    assert (PNG, name, "image/png", "file") == (
        part.get_payload(decode=True),
        part.get_filename(),
        part["content-type"],
        part.get_param("name", header="content-disposition"),
    )
    assert ("image/png", len(PNG)) == (answer.data["mime_type"], answer.data["size_bytes"])


@pytest.mark.parametrize("made", [bytes, bytearray, memoryview, Unnamed])
def test_bytes_need_a_name_or_a_type(upload, made):
    """Bytes and files without a name are sent where a name or a content type goes with them, and refused otherwise."""
    given = made(PNG)
    with pytest.raises(ValueError, match="pass name="):
        upload(given)
    if isinstance(given, Unnamed):
        given.seek(0)
    _, part = upload(given, content_type="image/png")
    assert (part.get_payload(decode=True), part.get_filename(), part["content-type"]) == (PNG, "file", "image/png")


def test_what_is_said_wins_over_what_is_found(upload, png):
    """A name and a content type that are given are the ones that are sent."""
    _, part = upload(png, name="other.jpg", content_type="image/png")
    assert (part.get_filename(), part["content-type"]) == ("other.jpg", "image/png")
    _, part = upload(b"\xff\xd8\xff", name="other.jpg")
    assert (part.get_filename(), part["content-type"]) == ("other.jpg", "image/jpeg")


TYPES = {
    "a.png": "image/png",
    "a.jpg": "image/jpeg",
    "a.JPEG": "image/jpeg",
    "a.webp": "image/webp",
    "a.gif": "image/gif",
    "a.mp4": "video/mp4",
    "a.webm": "video/webm",
    "a.mov": "video/quicktime",
    "a.mp3": "audio/mpeg",
    "a.wav": "audio/wav",
    "a.m4a": "audio/mp4",
    "a.pdf": "application/pdf",
}


@pytest.mark.parametrize("name", TYPES)
def test_types_are_those_of_heygen_on_every_machine(upload, fake_vendors, monkeypatch, name):
    """The types of the files that HeyGen takes are its own words for them and do not depend on the machine's tables."""
    monkeypatch.setattr(mimetypes, "_db", mimetypes.MimeTypes(()))
    monkeypatch.setattr(mimetypes, "inited", True)
    fake_vendors.script([Reply.json({"data": {}})])
    _, part = upload(b"x", name=name)
    assert TYPES[name] == part["content-type"]


def test_a_type_that_nobody_knows_is_asked_for(upload, tmp_path):
    """A name that says nothing is refused before anything is sent, and the message says what to pass."""
    (tmp_path / "data.unheard-of").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"data\.unheard-of.*content_type='image/png'"):
        upload(tmp_path / "data.unheard-of")


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        (b"", ValueError, "empty"),
        (tempfile.gettempdir() + os.sep + "no-such-file-of-ours.png", FileNotFoundError, "no-such-file"),
        (5, TypeError, "file"),
        (None, TypeError, "file"),
        ({"file": b"x"}, TypeError, "file"),
    ],
)
def test_files_that_cannot_be_sent_are_told(upload, fake_vendors, given, kind, told):
    """Nothing, text, what is not there and what is no file are refused before anything is sent."""
    with pytest.raises(kind, match=told):
        upload(given, name="a.png")
    assert fake_vendors.request_count == 0


def test_a_file_that_was_read_to_its_end_or_as_text_is_told(upload, fake_vendors):
    """An open file with nothing left to read, or opened as text, is refused before anything is sent."""
    with pytest.raises(ValueError, match="empty"):
        upload(Unnamed(b""), name="a.png")
    with pytest.raises(TypeError, match="'rb'"):
        upload(io.StringIO("text"), name="a.png")
    assert fake_vendors.request_count == 0


def test_large_files_do_not_go_through_the_api(upload, fake_vendors, tmp_path):
    """With direct=False a file over HeyGen's limit is refused before anything is sent, and the message says where it can go."""
    path = tmp_path / "a.mp4"
    with path.open("wb") as file:
        file.truncate(MAX_INLINE_ASSET + 1)
    for given in (path, b"x" * (MAX_INLINE_ASSET + 1)):
        with pytest.raises(ValueError, match="direct-uploads"):
            upload(given, name="a.mp4", direct=False)
    assert fake_vendors.request_count == 0


def test_the_largest_file_is_sent(upload):
    """A file of exactly HeyGen's limit is sent."""
    answer, _ = upload(bytes(MAX_INLINE_ASSET), name="a.mp4")
    assert answer.data["size_bytes"] == MAX_INLINE_ASSET


def test_a_lost_answer_makes_no_second_asset(upload, fake_vendors, recorded_sleep):
    """An upload whose answer was lost is sent again with the same key, and the vendor has one asset."""
    fake_vendors.script([fault.reset_after_request])
    answer, _ = upload(PNG, name="a.png")
    first, second = fake_vendors.requests
    assert first.idempotency_key == second.idempotency_key == answer.idempotency_key
    assert (True, first.body) == (second.replayed, second.body)


def test_an_upload_takes_the_options_of_a_call(upload, fake_vendors):
    """Key, headers, query and retries can be set as for any call."""
    answer, _ = upload(PNG, name="a.png", idempotency_key="photo-1", headers={"X-Of-Mine": "y"}, params={"folder": "f"})
    received = fake_vendors.requests[-1]
    assert (
        answer.idempotency_key,
        received.idempotency_key,
        received.headers["x-of-mine"],
        received.query,
    ) == ("photo-1", "photo-1", "y", {"folder": "f"})
    fake_vendors.script([error("heygen", "invalid_parameter")])
    with pytest.raises(InvalidRequestError):
        upload(PNG, name="a.png", retry=False)


@pytest.mark.parametrize(("options", "waited"), [({}, 200), ({"deadline": 150}, 0)])
def test_an_upload_has_more_time_than_a_call(upload, fake_vendors, recorded_sleep, options, waited):
    """The deadline of an upload is ten minutes and not the client's, unless the call sets one."""
    fake_vendors.script([error("heygen", "rate_limit", retry_after=200)])
    client = {"clock": recorded_sleep, "draw": lambda: 0.0, "retry": RetryPolicy(longest_wait=300.0)}
    with contextlib.nullcontext() if waited else pytest.raises(RateLimitError):
        upload(PNG, name="a.png", client=client, **options)
    assert waited == recorded_sleep.total


def test_paths_of_any_kind_are_paths(upload, png):
    """Anything that is a path to the operating system is a path here."""

    class Place:
        def __fspath__(self):
            return str(png)

    _, part = upload(Place())
    assert part.get_filename() == "ä photo.png"


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"contnet_type": "image/png"}, "no argument 'contnet_type': did you mean 'content_type'"),
        ({"files": {"file": PNG}}, "no argument 'files'"),
        ({"json": {}}, "no argument 'json'"),
        ({"data": b""}, "no argument 'data'"),
        ({"name": 5}, "name is a text, not int"),
    ],
)
def test_arguments_that_it_does_not_have_are_told_before_anything_is_sent(upload, fake_vendors, png, wrong, told, direct):
    """What belongs to other calls, or is misspelled, is refused as an argument of this one, and nothing is sent."""
    with pytest.raises(TypeError, match=told):
        upload(png, direct=direct, **wrong)
    assert fake_vendors.request_count == 0
