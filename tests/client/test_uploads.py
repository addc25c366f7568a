"""Uploads with both clients: what is sent, when it is sent again, and that no finished upload is."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pickle
import sys
import threading
import time
import traceback
import tracemalloc
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs
import pytest
from harness import KINDS, at, one

from heify_heygen_errors import (
    ApiError,
    BreakerPolicy,
    ConflictError,
    Hooks,
    JobHandle,
    Limiter,
    NotReadyError,
    Outcome,
    RetryBudget,
    RetryPolicy,
)
from heify_heygen_errors.client.uploads import limits
from heify_heygen_errors.testing import FakeServer, ManualClock, Reply, error, fault, ok

LARGE = 8 * 1024 * 1024
"""Bytes that no buffers between client and server hold: a reset comes while they are being sent."""

PNG = b"\x89PNG\r\n\x1a\n"
WORDS = {
    ("POST", "/request-upload-url"): "url",
    ("POST", "/get-transcription"): "get",
    ("POST", "/list-transcriptions"): "list",
    ("POST", "/v3/assets"): "inline",
    ("POST", "/v3/assets/direct-uploads"): "url",
}
# A file whose fate is open is looked for six times within a minute.
ABSENT_LOOKS = " ".join(["get list"] * 6)
LOOKED_IN_VAIN = " ".join(["get list"] * 6)
RESETTING = RetryPolicy(base=0.0, throttle_base=0.0)


def word(received):
    """A request in a word."""
    if received.method == "PUT":
        return "put"
    if received.path.endswith("/complete"):
        return "complete"
    return WORDS[received.method, received.path]


@attrs.frozen
class Scene:
    """How an upload ended, and what was seen of it."""

    end: object
    requests: list
    paid: list
    saved: list
    told: list
    clock: ManualClock
    events: list
    elsewhere: int

    @property
    def words(self):
        return " ".join(word(received) for received in self.requests)

    @property
    def puts(self):
        return [received for received in self.requests if received.method == "PUT"]

    @property
    def info(self):
        assert isinstance(self.end, ApiError), self.end
        return self.end.info


def play(kind, action, *, steps=(), set_up=None, on_save=None, options=None):
    """Run an upload against vendors on a clock of their own; the steps are met by the PUTs."""
    clock = ManualClock()
    saved, told, events = [], [], []

    def save(handle):
        saved.append(handle)
        if on_save is not None:
            on_save(clock, handle)

    with FakeServer(clock=clock) as server:
        with KINDS[0].client(**at(server)) as client:
            configuration = client.heify.post("/create-configuration", json={"tag": "calls"}).data["configuration_id"]
        before = len(server.requests)
        if set_up is not None:
            set_up(server)
        if steps:
            server.script(list(steps), provider="storage", method="PUT")
        arguments = at(
            server,
            clock=clock,
            sleep=kind.sleep(clock),
            draw=lambda: 0.5,
            hooks=Hooks(**{field.name: events.append for field in attrs.fields(Hooks)}),
            **(options or {}),
        )
        [end] = kind.run(arguments, lambda client: action(client, configuration, save, told.append))
        assert server.unused_steps == []
        server.assert_paid_once()
        return Scene(
            end,
            server.requests[before:],
            [work.id for work in server.paid_work],
            saved,
            told,
            clock,
            events,
            len(server.elsewhere.requests),
        )


def heify(body=b"audio" * 100, **more):
    """An upload to Heify."""

    def action(client, configuration, save, on_progress):
        options = {"name": "call.mp3", "save": save, "on_progress": on_progress, **more}
        return client.heify.transcriptions.upload(body, configuration_id=configuration, **options)

    return action


def heygen(body=PNG + b"pixels" * 100, **more):
    """A direct upload to HeyGen."""

    def action(client, _, __, on_progress):
        return client.heygen.upload_asset(body, **{"name": "a.png", "direct": True, "on_progress": on_progress, **more})

    return action


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


# Heify, when all goes well.


def test_a_recording_is_sent_with_what_was_signed(kind):
    """The file goes to the storage with its length, the metadata that Heify repeated, and without key, type and chunks."""
    seen = play(kind, heify(b"audio" * 100, name="Grüße.mp3"))
    assert isinstance(seen.end, JobHandle)
    [put] = seen.puts
    metadata = {name: value for name, value in put.headers.items() if name.startswith("x-amz-meta-")}
    assert {"x-amz-meta-name": "Gre.mp3"}.items() <= metadata.items()
    assert {"x-amz-meta-configuration_id", "x-amz-meta-name"} == set(metadata)
    assert (put.headers["content-length"], put.body) == ("500", b"audio" * 100)
    assert not {"x-api-key", "authorization", "content-type", "idempotency-key", "transfer-encoding"} & set(put.headers)
    assert (seen.words, [seen.end.id]) == ("url put", seen.paid)


def test_only_what_was_said_is_asked_for(kind):
    """What is None is left out of the request, and the name of the file is not sent by itself."""
    seen = play(kind, heify(name=None, check=False))
    assert set(json.loads(seen.requests[0].body)) == {"configuration_id"}
    assert not [name for name in seen.puts[0].headers if name == "x-amz-meta-name"]


def test_the_handle_is_saved_before_and_after_the_file(kind):
    """The id is saved before the file is sent and again when it has come, each time as JSON that can be read back."""
    seen = play(kind, heify())
    assert [(handle.ids, handle.is_started, handle.path) for handle in seen.saved] == [
        (seen.end.ids, False, "/request-upload-url"),
        (seen.end.ids, True, "/request-upload-url"),
    ]
    assert seen.saved[-1] == seen.end
    assert [JobHandle.from_json(handle.to_json()) for handle in seen.saved] == seen.saved
    assert seen.saved[0].body["name"] == "call.mp3"


@pytest.mark.parametrize("action", [heify(), heygen()], ids=["heify", "heygen"])
def test_uploads_go_through_a_session_of_the_users(kind, action):
    """A session of the user's sends the file like any other request, with its length and no key."""
    clock = ManualClock()
    with FakeServer(clock=clock) as server:
        with KINDS[0].client(**at(server)) as client:
            configuration = client.heify.post("/create-configuration", json={"tag": "calls"}).data["configuration_id"]
        arguments = {name: value for name, value in at(server).items() if not name.endswith("_url")}
        arguments["session"] = kind.session(server)
        one(kind, arguments, lambda client: action(client, configuration, lambda _: None, lambda _: None))
        [put] = [received for received in server.requests if received.method == "PUT"]
    assert put.headers["content-length"] == str(len(put.body))
    assert not {"x-api-key", "authorization", "transfer-encoding"} & set(put.headers)


def test_progress_counts_bytes(kind):
    """The callback is told after each piece, at last of all bytes."""
    seen = play(kind, heify(b"x" * 200_000))
    assert [(one.sent, one.total, one.attempt) for one in seen.told] == [
        (65_536, 200_000, 1),
        (131_072, 200_000, 1),
        (196_608, 200_000, 1),
        (200_000, 200_000, 1),
    ]


def test_an_upload_can_be_waited_for(kind):
    """The handle leads to the end of the transcription."""
    with FakeServer(clock=(clock := ManualClock())) as server:
        arguments = at(server, clock=clock, sleep=kind.sleep(clock))
        configuration = "c"

        def uploaded(client):
            nonlocal configuration
            with KINDS[0].client(**at(server)) as other:
                configuration = other.heify.post("/create-configuration", json={"tag": "calls"}).data["configuration_id"]
            return client.heify.transcriptions.upload(b"x", configuration_id=configuration, name="a.wav")

        [handle] = kind.run(arguments, uploaded)
        answer = one(kind, arguments, lambda client: client.heify.transcriptions.wait(handle))
    assert (answer.data["status"], answer.data["transcription_id"]) == ("COMPLETED", handle.id)


# Heify, when something fails. Each row: what the PUTs meet, how it ends, the requests, and how often it was paid.

ABSENT = error("heify", "TRANSCRIPTION_NOT_FOUND")
PAGE = Reply(status=403, headers={"Content-Type": "text/html"}, body=b"<html><body><h1>403 Forbidden</h1></body></html>")
GONE = Reply(status=404, headers={"Content-Type": "text/html"}, body=b"<html><body>it is gone</body></html>")


def s3(name, **more):
    return error("heify", name, shape="s3-xml", **more)


ROWS = {
    # Passing refusals: again to the same URL.
    "slow down": ([s3("S3_SLOW_DOWN")], "ok", "url put put"),
    "service unavailable": ([s3("S3_SERVICE_UNAVAILABLE")], "ok", "url put put"),
    "request timeout": ([s3("S3_REQUEST_TIMEOUT")], "ok", "url put put"),
    "as often as the policy says": ([s3("S3_SLOW_DOWN")] * 3, "S3_SLOW_DOWN upload refused", "url put put put"),
    "bad digest": ([s3("S3_BAD_DIGEST")], "ok", "url put put"),
    "bad digest twice": ([s3("S3_BAD_DIGEST")] * 2, "S3_BAD_DIGEST upload refused", "url put put"),
    "incomplete body": ([s3("S3_INCOMPLETE_BODY")], "ok", "url put put"),
    # Not all of it left.
    "reset while sending": ([fault.reset_while_sending], "ok", "url put put"),
    "reset while sending, always": ([fault.reset_while_sending] * 3, "transport refused", "url put put put"),
    # Nobody knows: looked up.
    "reset behind the request": ([fault.reset_after_request], "ok", "url put get list"),
    "closed behind the request": ([fault.closed_without_answer], "ok", "url put get list"),
    "reset behind the head": ([fault.reset_after_headers], "ok", "url put get list"),
    "internal error, stored": ([s3("S3_INTERNAL_ERROR", effect=True)], "ok", "url put get list"),
    "reset, nothing stored": (
        [fault.reset_after_request(effect=False)],
        "transport unknown",
        f"url put {LOOKED_IN_VAIN}",
    ),
    "internal error, nothing stored": (
        [s3("S3_INTERNAL_ERROR", effect=False)],
        "S3_INTERNAL_ERROR upload unknown",
        f"url put {LOOKED_IN_VAIN}",
    ),
    # The URL is over or refused: a new one.
    "expired": ([s3("S3_ACCESS_DENIED#expired")], "ok", "url put url put"),
    "expired token": ([s3("S3_EXPIRED_TOKEN")], "ok", "url put url put"),
    "signature": ([s3("S3_SIGNATURE_DOES_NOT_MATCH")], "ok", "url put url put"),
    "denied": ([s3("S3_ACCESS_DENIED")], "ok", "url put url put"),
    "denied with a page": ([PAGE], "ok", "url put url put"),
    "gone with a page": ([GONE], "ok", "url put url put"),
    "denied always": ([s3("S3_ACCESS_DENIED")] * 3, "S3_ACCESS_DENIED upload refused", "url put url put url put"),
    # Refused for good.
    "too large": ([s3("S3_ENTITY_TOO_LARGE")], "S3_ENTITY_TOO_LARGE upload refused", "url put"),
    "no such bucket": ([s3("S3_NO_SUCH_BUCKET")], "S3_NO_SUCH_BUCKET upload refused", "url put"),
    "sent elsewhere": ([fault.redirect_elsewhere], "transport/RedirectRefused transport refused", "url put"),
}


def told_of(end):
    """How an upload ended, in words."""
    if isinstance(end, JobHandle):
        return "ok"
    info = end.info
    rule = "" if info.rule.startswith("transport/") and "Redirect" not in info.rule else f"{info.rule} "
    return f"{rule}{info.channel} {info.retry.outcome}"


@pytest.mark.parametrize("row", ROWS)
def test_uploads_are_repeated_only_where_nothing_can_have_come(kind, row):
    """Each failure of the PUT leads to as many requests as it needs, is paid once at most, and names the transcription."""
    steps, end, requests = ROWS[row]
    seen = play(kind, heify(b"x" * LARGE if "while" in row else b"x" * 1000), steps=steps, options={"retry": RESETTING})
    assert (end, requests) == (told_of(seen.end).removeprefix("layers/"), seen.words)
    assert seen.elsewhere == 0
    if end == "ok":
        assert ([seen.end.id], True) == (seen.paid, seen.saved[-1].is_started)
        return
    assert {"transcription_id": seen.saved[-1].id}.items() <= dict(seen.info.resource).items()
    assert (seen.paid, seen.saved[-1].is_started) == ([], False)
    assert [attempt.number for attempt in seen.end.attempts] == list(range(1, len(seen.puts) + 1))


def test_an_unknown_transcription_is_sent_again(kind):
    """Where every look finds no such transcription, the storage did not get the file, and it is sent to the same URL again."""
    seen = play(
        kind,
        heify(),
        steps=[fault.reset_after_request(effect=False)],
        set_up=lambda server: server.on("POST", "/get-transcription", ABSENT, times=6),
    )
    assert (f"url put {ABSENT_LOOKS} put", [seen.end.id]) == (seen.words, seen.paid)
    assert seen.puts[0].target == seen.puts[1].target
    assert seen.clock.slept[:3] == [1.0, 3.0, 6.0]


def test_a_file_that_is_always_lost_is_given_up(kind):
    """What was looked up as absent counts as an attempt, and takes from the retry budget."""
    lost = [fault.reset_after_request(effect=False)]
    absent = {"set_up": lambda server: server.on("POST", "/get-transcription", ABSENT)}
    seen = play(kind, heify(), steps=lost * 3, **absent)
    assert seen.words == " ".join(["url", *[f"put {ABSENT_LOOKS}"] * 3])
    assert [attempt.number for attempt in seen.end.attempts] == [1, 2, 3]
    seen = play(kind, heify(), steps=lost, options={"budget": RetryBudget(capacity=5)}, **absent)
    assert seen.words == f"url put {ABSENT_LOOKS}"


def test_an_absent_transcription_whose_url_is_over_gets_a_new_one(kind):
    """Where the file has not come and the URL is over, a new one is asked for."""
    waits = iter([285.0])
    seen = play(
        kind,
        heify(),
        steps=[fault.reset_after_request(effect=False)],
        set_up=lambda server: server.on("POST", "/get-transcription", ABSENT),
        on_save=lambda clock, _: clock.advance(next(waits, 0.0)),
    )
    assert (seen.words, seen.paid) == (f"url put {ABSENT_LOOKS} url put", [seen.end.id])


def test_a_storage_that_takes_its_time_is_asked_about(kind):
    """Where the storage has everything and does not answer in time, the file is not sent again."""
    seen = play(kind, heify(timeout=(5.0, 0.6)), steps=[fault.slow_answer(seconds=1.5)])
    assert (seen.words, seen.paid) == ("url put get list", [seen.end.id])


def test_a_storage_that_refuses_connections_is_tried_again(kind):
    """What never left is sent again."""
    seen = play(kind, heify(), set_up=lambda server: server.script([ok, fault.refused]))
    assert (seen.words, seen.paid) == ("url put", [seen.end.id])


def test_a_transcription_that_failed_at_once_was_begun(kind):
    """A look that finds a failed transcription shows that the file has come."""
    seen = play(kind, heify(), steps=[fault.reset_after_request], set_up=lambda server: server.plan_jobs(error("heify", "invalid_media")))
    assert isinstance(seen.end, JobHandle)
    assert len(seen.puts) == 1


def test_looks_that_fail_decide_nothing(kind):
    """Where nobody can be asked, the file is not sent again and the outcome stays unknown."""
    seen = play(
        kind,
        heify(retry=False),
        steps=[fault.reset_after_request(effect=False)],
        set_up=lambda server: server.on("POST", "/get-transcription", error("heify", "server")),
    )
    assert (seen.words, seen.info.retry.outcome) == ("url put get get get get get get", Outcome.UNKNOWN)


def test_without_repeats_a_file_is_sent_once(kind):
    """With retry=False nothing is sent again, but for a new URL."""
    seen = play(kind, heify(retry=False), steps=[s3("S3_SLOW_DOWN")])
    assert (seen.words, seen.info.category) == ("url put", "rate_limit")
    seen = play(kind, heify(retry=False), steps=[s3("S3_ACCESS_DENIED#expired")])
    assert (seen.words, len(seen.paid)) == ("url put url put", 1)


def test_a_lost_url_is_asked_for_again(kind):
    """Asking for a URL starts nothing, so that a lost answer is no end."""
    seen = play(kind, heify(), set_up=lambda server: server.script([fault.reset_after_request], path="/request-upload-url"))
    assert (seen.words, len(seen.paid)) == ("url url put", 1)


# Time.


def test_a_url_that_is_too_old_is_not_used(kind):
    """A URL whose five minutes are over before the first byte is renewed, and the new id is saved."""
    waits = iter([295.0])
    seen = play(kind, heify(), on_save=lambda clock, _: clock.advance(next(waits, 0.0)))
    assert (seen.words, [handle.is_started for handle in seen.saved]) == ("url url put", [False, False, True])
    assert seen.saved[0].id != seen.saved[1].id == seen.end.id


def test_a_repeat_that_would_come_too_late_gets_a_new_url(kind):
    """A passing refusal shortly before the end of the URL's life leads to a new URL, after the pause."""
    waits = iter([289.8])
    seen = play(kind, heify(), steps=[s3("S3_SLOW_DOWN")], on_save=lambda clock, _: clock.advance(next(waits, 0.0)))
    assert (seen.words, len(seen.paid)) == ("url put url put", 1)
    assert seen.clock.total > 0


def test_renewals_do_not_begin_the_attempts_anew(kind):
    """Attempts are counted over all URLs."""
    waits = iter([289.8])
    steps = [s3("S3_SLOW_DOWN")] * 3
    seen = play(kind, heify(), steps=steps, on_save=lambda clock, _: clock.advance(next(waits, 0.0)))
    assert (seen.words, [attempt.number for attempt in seen.end.attempts]) == ("url put url put put", [1, 2, 3])


def test_the_deadline_is_that_of_all_steps(kind):
    """What is left after asking for the URL is what the file may take."""
    seen = play(kind, heify(deadline=20.0), on_save=lambda clock, _: clock.advance(25.0))
    assert isinstance(seen.end, ApiError)
    assert seen.paid == []
    assert seen.info.resource["transcription_id"] == seen.saved[-1].id


# What ends it from this side.


def test_a_callback_ends_the_upload_with_what_it_raised(kind):
    """What the callback raises is what the caller gets, and nothing is paid."""

    def refuse(_):
        msg = "mine"
        raise KeyError(msg)

    seen = play(kind, heify(b"x" * LARGE, on_progress=refuse))
    assert isinstance(seen.end, KeyError)
    assert seen.end.__traceback__ is not None
    assert "refuse" in [frame.name for frame in traceback.extract_tb(seen.end.__traceback__)]
    assert seen.paid == []


def test_a_file_that_shrinks_ends_the_upload(kind, tmp_path):
    """A file that became shorter after it was measured is told, and nothing is stored."""
    path = tmp_path / "a.mp3"
    path.write_bytes(b"x" * 100)
    seen = play(kind, heify(path), on_save=lambda _, __: path.write_bytes(b"x" * 50))
    assert isinstance(seen.end, ValueError)
    assert "changed" in str(seen.end)
    assert seen.paid == []


def test_save_ends_the_upload_before_the_file_is_sent(kind):
    """Where the id cannot be saved, the file is not sent."""

    def refuse(_, __):
        msg = "disk full"
        raise OSError(msg)

    seen = play(kind, heify(), on_save=refuse)
    assert (type(seen.end), seen.words) == (OSError, "url")


def test_a_save_that_is_a_coroutine_function_is_awaited():
    """With AsyncClient, `save` may be a coroutine function."""
    saved = []

    async def save(handle):
        await asyncio.sleep(0)
        saved.append(handle.is_started)

    play(KINDS[1], heify(save=save))
    assert saved == [False, True]


# What is checked before the first byte.


def silence(seconds, rate=100):
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes(rate * seconds))
    return made.getvalue()


REFUSED = {
    "no name": (b"x", None, "aac, aiff, .*no name"),
    "another format": (b"x", "call.txt", "call.txt"),
    "an undocumented suffix": (b"x", "call.aif", "call.aif"),
    "no suffix": (b"x", "call", "'call' does not end"),
    "2 hours and a second": (silence(7201), "call.wav", "2 hours.*7201"),
    "nothing": (b"", "call.wav", "empty"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_heify_would_refuse_is_not_sent(kind, row):
    """Format and duration are checked before anything is sent, and the message says what Heify takes."""
    body, name, told = REFUSED[row]
    seen = play(kind, heify(body, name=name))
    assert (type(seen.end), seen.words) == (ValueError, "")
    with pytest.raises(ValueError, match=told):
        raise seen.end


@pytest.mark.parametrize("row", [row for row in REFUSED if row != "nothing"])
def test_checks_can_be_switched_off(kind, row):
    """With check=False a file is sent as it is, whatever is wrong with it."""
    body, name, _ = REFUSED[row]
    seen = play(kind, heify(body, name=name, check=False))
    assert (seen.words, len(seen.paid)) == ("url put", 1)


def test_the_documented_limits_are_allowed(kind):
    """Exactly two hours and every documented format, in any case, are sent."""
    assert play(kind, heify(silence(7200), name="call.wav")).words == "url put"
    assert [name for name in limits.HEIFY_FORMATS if play(kind, heify(b"x", name=f"A.{name.upper()}")).words != "url put"] == []


@pytest.mark.parametrize(("more", "words"), [(0, "url put"), (1, "")])
def test_200_mb_are_the_limit(kind, tmp_path, monkeypatch, more, words):
    """A file of Heify's limit is sent, and one byte more is refused."""
    monkeypatch.setattr(limits, "HEIFY_LARGEST", 5000)
    path = tmp_path / "a.mp3"
    path.write_bytes(bytes(5000 + more))
    seen = play(kind, heify(path, name=None))
    assert (words, not words) == (seen.words, isinstance(seen.end, ValueError) and "200 MB" in str(seen.end))


def test_without_tinytag_the_duration_is_not_checked(kind, monkeypatch):
    """Without the extra media, a long recording is sent and Heify is left to judge it."""
    monkeypatch.setitem(sys.modules, "tinytag", None)
    assert play(kind, heify(silence(7201), name="call.wav")).words == "url put"


def test_looking_at_the_duration_moves_no_file(tmp_path):
    """An open file stays where it is, and what cannot be read has no duration."""
    path = tmp_path / "a.wav"
    path.write_bytes(silence(3))
    assert limits.duration_of(path) == 3.0
    assert limits.duration_of(str(path)) == 3.0
    with path.open("rb") as file:
        assert (limits.duration_of(file), file.tell()) == (3.0, 0)
        file.seek(5)
        assert (limits.duration_of(file), file.tell()) == (None, 5)
    assert limits.duration_of(b"nothing of the kind") is None


def test_looking_at_the_duration_takes_no_time(tmp_path):
    """A large file that is damaged is not searched through for its duration."""
    path = tmp_path / "a.mp3"
    with path.open("wb") as file:
        file.write(b"ID3\x03\x00\x00\x00\x00\x00\x00")
        file.truncate(190 * 1024 * 1024)
    begun = time.process_time()
    assert limits.duration_of(path) is None
    assert time.process_time() - begun < 2.0


# After a crash.


def crashed(kind, *, steps, set_up=None):
    """The handle that a broken upload leaves, and how resuming it ends."""
    clock = ManualClock()
    saved = []
    with FakeServer(clock=clock) as server:
        with KINDS[0].client(**at(server)) as client:
            configuration = client.heify.post("/create-configuration", json={"tag": "calls"}).data["configuration_id"]
        server.script(steps, provider="storage", method="PUT")
        arguments = at(server, clock=clock, sleep=kind.sleep(clock), retry=False)

        def killed(handle):
            saved.append(handle.to_json())

        kind.run(
            arguments,
            lambda client: client.heify.transcriptions.upload(
                b"x", configuration_id=configuration, name="a.mp3", save=killed, deadline=3.0
            ),
        )
        if set_up is not None:
            set_up(server)
        resumed = kind.run(
            arguments,
            lambda client: client.heify.transcriptions.resume(saved[0]),
            lambda client: client.heify.transcriptions.resume_order(saved[0]),
        )
        return JobHandle.from_json(saved[0]), resumed, len(server.paid_work)


def test_an_upload_that_came_is_waited_for_after_a_crash(kind):
    """The handle from before the file was sent leads to the transcription, if the file has come."""
    handle, [answer, found], paid = crashed(kind, steps=[ok])
    assert (answer.data["transcription_id"], answer.data["status"]) == (handle.id, "COMPLETED")
    assert (found.ids, found.is_started, paid) == (handle.ids, True, 1)


@pytest.mark.parametrize(
    ("set_up", "told"),
    [(None, "nothing shows"), (lambda server: server.on("POST", "/get-transcription", ABSENT), "upload it again")],
)
def test_an_upload_that_did_not_come_is_to_be_begun_again(kind, set_up, told):
    """A handle whose file has not come is a conflict whose message says to upload again."""
    handle, ends, paid = crashed(kind, steps=[fault.reset_after_request(effect=False)], set_up=set_up)
    for end in ends:
        assert isinstance(end, ConflictError)
        assert ("transport/NotResumable", {"transcription_id": handle.id}) == (end.info.rule, dict(end.info.resource))
        assert told in end.info.detail
    assert paid == 0


# What the vendor may not have us do.


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example.com/a?X-Amz-Signature=canary0123456789",
        "https://user:canary0123456789@storage.example.com/a",
        "ftp://storage.example.com/canary0123456789",
        "/canary0123456789",
        "",
        None,
        "https://storage.example.com:port/canary0123456789",
        "https://storage.example.com/a b?canary0123456789",
    ],
)
def test_an_upload_url_that_cannot_be_meant_is_refused(kind, url):
    """Plain http to another machine, users in URLs and what is no URL are refused, and the URL is not told."""
    answer = {"data": {"transcription_id": "t-1", "upload_url": url, "configuration_id": "c"}}
    seen = play(kind, heify(), set_up=lambda server: server.script([Reply.json(answer)], path="/request-upload-url"))
    assert (seen.info.rule, dict(seen.info.resource)) == ("transport/UploadUrlRefused", {"transcription_id": "t-1"})
    assert "canary" not in shown(seen.end)
    assert seen.words == "url"


def test_an_answer_without_an_id_is_told(kind):
    """Without an id nothing is sent."""
    seen = play(kind, heify(), set_up=lambda server: server.script([Reply.json({"data": {}})], path="/request-upload-url"))
    assert (seen.info.rule, seen.words) == ("transport/JobUnnamed", "url")


# Secrets.


def shown(problem):
    """All that an exception tells, local variables included."""
    whole = traceback.TracebackException(type(problem), problem, problem.__traceback__, capture_locals=True)
    parts = ["".join(whole.format()), repr(problem), pickle.dumps(problem).decode("latin-1")]
    chained = problem.__cause__ or problem.__context__
    return "".join(parts) + (shown(chained) if chained is not None else "")


LEAKY = {
    "signature": [s3("S3_SIGNATURE_DOES_NOT_MATCH")] * 3,
    "reset": [fault.reset_after_request(effect=False)],
    "no http": [fault.not_http(effect=False)],
    "no such bucket": [s3("S3_NO_SUCH_BUCKET")],
    "elsewhere": [fault.redirect_elsewhere],
    "quoted": [lambda received: Reply(status=400, body=f"<html>bad: {received.target}</html>".encode())],
    "broken off": [],
}


@pytest.mark.parametrize("row", LEAKY)
def test_a_signed_url_is_told_to_nobody(kind, row, caplog):
    """The signature of the URL is in no error, log, event, repr and traceback, and the key is not sent to the storage."""
    caplog.set_level(logging.DEBUG)

    def fail(_):
        msg = "mine"
        raise KeyError(msg)

    more = {"on_progress": fail} if row == "broken off" else {}
    seen = play(kind, heify(retry=RESETTING, **more), steps=LEAKY[row], options={"budget": RetryBudget()})
    assert isinstance(seen.end, Exception)
    targets = [received.target for received in seen.requests if "X-Amz-Signature=" in received.target]
    secrets = {target.partition("X-Amz-Signature=")[2] for target in targets} | {"AKIA"}
    assert targets or row == "broken off"
    # What the vendor quotes in the headers of an answer is for the HTTP library's own log to tell.
    logged = [record.getMessage() for record in caplog.records]
    texts = [shown(seen.end), *(line for line in logged if not line.startswith("receive_response_headers"))]
    texts += [repr(event) for event in seen.events]
    texts += [pickle.dumps(event).decode("latin-1") for event in seen.events]
    texts += [handle.to_json() + repr(handle) for handle in seen.saved]
    assert [text for text in texts if any(secret in text for secret in secrets)] == []


# The vendor's breaker and limits.


def test_the_storage_does_not_trip_the_vendors_breaker(kind):
    """Failures of the storage count neither for the vendor's circuit breaker nor for its limits."""
    breaker = BreakerPolicy(minimum=1, failure_ratio=0.1)
    seen = play(
        kind,
        heify(retry=RESETTING),
        steps=[s3("S3_SERVICE_UNAVAILABLE"), s3("S3_SERVICE_UNAVAILABLE")],
        options={"breaker": breaker, "limiter": Limiter()},
    )
    assert (seen.words, len(seen.paid)) == ("url put put put", 1)


# Memory.


class Draining(BaseHTTPRequestHandler):
    """A storage that keeps nothing but the number of bytes."""

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        self.server.drained = left
        while left:
            left -= len(self.rfile.read(min(left, 65_536)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing: the tests read the logs."""


@pytest.fixture
def draining():
    with ThreadingHTTPServer(("127.0.0.1", 0), Draining) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_large_file_is_not_read_into_memory(kind, tmp_path, draining):
    """Sending a file of 150 MB takes a few MB of memory."""
    path, size = tmp_path / "large.mp3", 150 * 1024 * 1024
    with path.open("wb") as file:
        file.truncate(size)
    url = f"http://127.0.0.1:{draining.server_port}/a?X-Amz-Signature=0123456789"
    answer = {"data": {"transcription_id": "t-1", "upload_url": url, "configuration_id": "c"}}
    tracemalloc.start()
    try:
        seen = play(
            kind,
            heify(path, name=None, on_progress=None),
            set_up=lambda server: server.script([Reply.json(answer)], path="/request-upload-url"),
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ("t-1", size) == (seen.end.id, draining.drained)
    assert peak < 16 * 1024 * 1024


# HeyGen.


def test_a_large_asset_goes_directly(kind, tmp_path):
    """A file over 32 MB is put into the storage with the headers that HeyGen named, and completed."""
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.write(PNG)
        file.truncate(limits.MAX_INLINE_ASSET + 1)
    seen = play(kind, heygen(path, direct=None, name=None))
    assert (seen.words, seen.end.data["size_bytes"]) == ("url put complete", limits.MAX_INLINE_ASSET + 1)
    asked, [put] = json.loads(seen.requests[0].body), seen.puts
    assert (asked["filename"], asked["content_type"], asked["size_bytes"]) == ("a.png", "image/png", limits.MAX_INLINE_ASSET + 1)
    assert ("image/png", str(limits.MAX_INLINE_ASSET + 1)) == (put.headers["content-type"], put.headers["content-length"])
    assert not {"x-api-key", "authorization", "idempotency-key", "transfer-encoding"} & set(put.headers)
    assert seen.told[-1].sent == limits.MAX_INLINE_ASSET + 1


NOT_YET = error("heygen", "CONFLICT#upload_pending", message="Uploaded object not found yet. Retry after upload PUT returns 200.")
DIRECT = {
    "all is well": ([], [], "ok", "url put complete"),
    "not shown yet": ([], [NOT_YET] * 3, "ok", "url put complete complete complete complete"),
    "reset behind the request": ([fault.reset_after_request], [], "ok", "url put put complete"),
    "reset, nothing stored": ([fault.reset_after_request(effect=False)], [], "ok", "url put put complete"),
    "internal error": ([s3("S3_INTERNAL_ERROR")], [], "ok", "url put put complete"),
    "slow down": ([s3("S3_SLOW_DOWN")], [], "ok", "url put put complete"),
    "expired": ([s3("S3_ACCESS_DENIED#expired")], [], "ok", "url put url put complete"),
    "expired always": ([s3("S3_ACCESS_DENIED#expired")] * 3, [], "authentication upload", "url put url put url put"),
    "too large": ([s3("S3_ENTITY_TOO_LARGE")], [], "invalid_media upload", "url put"),
    "complete fails": ([], [error("heygen", "asset_not_found")], "not_found response", "url put complete"),
    "complete is lost": ([], [fault.reset_after_request], "ok", "url put complete complete"),
}


@pytest.mark.parametrize("row", DIRECT)
def test_direct_uploads_are_repeated_step_by_step(kind, row):
    """Each step is repeated by itself: a finished PUT is not sent again, and an error names the asset."""
    puts, completes, end, requests = DIRECT[row]
    seen = play(
        kind,
        heygen(),
        steps=puts,
        set_up=lambda server: server.script(completes, path="/v3/assets/{asset_id}/complete") if completes else None,
        options={"retry": RESETTING},
    )
    assert requests == seen.words
    if end == "ok":
        assert seen.end.data["asset_id"]
        return
    assert end == f"{seen.info.category} {seen.info.channel}"
    assert "asset_id" in seen.info.resource


def test_a_file_that_never_shows_is_told(kind):
    """Where the file does not appear in time, the caller gets the vendor's answer and can complete it later."""
    seen = play(
        kind, heygen(), set_up=lambda server: server.on("POST", "/v3/assets/{asset_id}/complete", NOT_YET), options={"retry": RESETTING}
    )
    assert (NotReadyError, 1, True) == (type(seen.end), len(seen.puts), seen.words.count("complete") > 5)


def test_a_key_is_not_used_for_a_second_url(kind):
    """An idempotency key that is given goes with the first order; a renewal has another one, or it would get the same URL."""
    seen = play(kind, heygen(idempotency_key="mine"), steps=[s3("S3_ACCESS_DENIED#expired")])
    keys = [received.idempotency_key for received in seen.requests if word(received) == "url"]
    assert keys == ["mine", "mine.1"]


def test_direct_is_as_it_is_said(kind, monkeypatch):
    """`direct` forces one way or the other, and each has its limit."""
    assert play(kind, heygen(direct=True)).words == "url put complete"
    assert play(kind, heygen(direct=None)).words == "inline"
    monkeypatch.setattr("heify_heygen_errors.client.uploads.calls.MAX_INLINE_ASSET", 100)
    monkeypatch.setattr("heify_heygen_errors.client.uploads.calls.MAX_DIRECT_ASSET", 200)
    for options in ({"direct": False}, {"direct": True}, {}):
        seen = play(kind, heygen(**{"direct": None, **options}))
        assert (type(seen.end), seen.words) == (ValueError, "")


def test_progress_of_an_inline_upload_counts_the_form(kind):
    """Through the API, progress reaches the whole of what is sent."""
    seen = play(kind, heygen(PNG + bytes(200_000), direct=False))
    assert (seen.words, seen.told[-1].sent) == ("inline", seen.told[-1].total)
    assert seen.told[-1].total == len(seen.requests[0].body)


def test_a_file_without_seek_is_read_into_memory(kind):
    """A stream that cannot seek is sent if it is small."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self._left = PNG

        def readable(self):
            return True

        def readinto(self, buffer):
            piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)

    seen = play(kind, heygen(io.BufferedReader(Pipe()), direct=None))
    assert (seen.words, PNG in seen.requests[0].body) == ("inline", True)


def test_options_that_no_upload_has_are_told(kind):
    """Wrong options are refused before anything is sent."""
    for action in (heygen(nonsense=1), heify(nonsense=1), heify(save=5), heify(on_progress=5), heygen(deadline=-1), heify(deadline=-1)):
        seen = play(kind, action)
        assert isinstance(seen.end, TypeError | ValueError)
        assert seen.words == ""
