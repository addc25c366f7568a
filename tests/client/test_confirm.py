"""An unsigned webhook is believed as far as the vendor confirms it when asked, and whatever else it says is one exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs
import pytest
import requests
from harness import KINDS as CLIENTS
from job_scenarios import CONFIGURATION, Place, failing

from heify_heygen_errors import (
    ApiError,
    Category,
    Channel,
    Outcome,
    WebhookError,
    WebhookProblem,
    WebhookProof,
    WebhookState,
    parse_unverified_webhook,
)
from heify_heygen_errors.testing import FakeServer, JobPlan, ManualClock, Reply, error, fault

both = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)

FORGED = "2f6d3c1a-9b1e-4a57-8c30-5d7e6f809142"
UPPER = FORGED.upper()
READ = "/get-transcription"


@pytest.fixture(scope="module")
def running():
    clock = ManualClock()
    with FakeServer(clock=clock, limits=False, known={"configuration_id": CONFIGURATION}) as server, requests.Session() as session:
        yield Place(server, clock, session)


@pytest.fixture
def place(running):
    running.server.reset()
    return running


def delivery(job_id, status="COMPLETED", **members):
    """What Heify posts, or somebody who says so."""
    return {"transcription_id": job_id, "status": status, **members}


def confirmed(place, client, body, **options):
    """The event that is left of a delivery."""
    return place.run(client, "transcriptions", lambda jobs: jobs.confirm(body, **options))


def refused(place, client, body):
    """What is said against a delivery."""
    with pytest.raises(WebhookError) as raised:
        confirmed(place, client, body)
    return raised.value


def ended(place, plan):
    """A transcription that has ended so."""
    stage = place.stage("transcriptions")
    job_id = stage.begin(attrs.evolve(plan, seconds=1))
    place.clock.advance(2)
    return stage, job_id


# What the vendor says.


@both
@pytest.mark.parametrize("form", ["bytes", "text", "mapping", "event"])
def test_what_the_vendor_confirms(place, client, form):
    """A completed job is confirmed in whichever form the delivery comes, with the vendor's data and none of the sender's."""
    stage, job_id = ended(place, JobPlan())
    body = delivery(job_id, text="forged", completed_at="2020-01-01T00:00:00Z")
    forms = {
        "bytes": lambda: json.dumps(body).encode(),
        "text": lambda: json.dumps(body),
        "mapping": lambda: body,
        "event": lambda: parse_unverified_webhook(body, "heify"),
    }
    event = confirmed(place, client, forms[form]())
    assert (event.state, event.proof, event.failure) == (WebhookState.COMPLETED, WebhookProof.READ_BACK, None)
    assert (event.resource["transcription_id"], event.data["transcription_id"]) == (job_id, job_id)
    assert (event.key, event.data.get("text")) == (f"heify:{job_id}:completed", None)
    assert event.created is None or event.created > datetime(2026, 1, 1, tzinfo=UTC)
    assert place.sent(stage) == [READ]


@both
@pytest.mark.parametrize("claimed", ["COMPLETED", "FAILED"])
def test_a_failed_job_is_failed_whatever_the_delivery_says(place, client, claimed):
    """State and reason are those that the vendor gives when asked."""
    stage = place.stage("transcriptions")
    job_id = stage.begin(attrs.evolve(failing(stage), seconds=1))
    place.clock.advance(2)
    event = confirmed(place, client, delivery(job_id, claimed, error={"message": "forged"}))
    assert (event.state, event.proof, event.key) == (WebhookState.FAILED, WebhookProof.READ_BACK, f"heify:{job_id}:failed")
    assert (event.failure.channel, event.failure.category) == (Channel.JOB, Category.INVALID_MEDIA)
    assert (event.failure.retry.outcome, event.failure.resource["transcription_id"]) == (Outcome.ACCEPTED, job_id)


@both
def test_a_file_that_was_not_found_is_a_failure(place, client):
    """A job that failed because its file was not there is a failed one, and none that the vendor does not know."""
    details = {"message": "Audio file not found.", "code": 404}
    place.stage("transcriptions").at(READ, Reply.json({"data": {**delivery(FORGED, "FAILED"), "details": details}}))
    event = confirmed(place, client, delivery(FORGED, "FAILED"))
    assert (event.state, event.failure.category, event.failure.channel) == (WebhookState.FAILED, Category.NOT_FOUND, Channel.JOB)


@both
def test_a_claim_about_a_running_job_is_nothing_yet(place, client):
    """A job that is still running is neither completed nor failed, and the vendor is given a few seconds to catch up."""
    stage = place.stage("transcriptions")
    job_id = stage.begin(JobPlan(stuck=True))
    before = place.clock()
    event = confirmed(place, client, delivery(job_id))
    assert (event.state, event.proof, event.failure) == (WebhookState.OTHER, WebhookProof.READ_BACK, None)
    assert (event.key, dict(event.data)) == (f"heify:{job_id}:other", {"transcription_id": job_id})
    assert 0 < place.clock() - before <= 5
    assert len(place.sent(stage)) > 1


@both
def test_the_vendor_may_be_behind_its_own_webhook(place, client):
    """A job that is still running at the first look and completed at the next is completed."""
    stage, job_id = ended(place, JobPlan())
    stage.at(READ, Reply.json({"data": delivery(job_id, "RUNNING")}))
    assert confirmed(place, client, delivery(job_id)).state is WebhookState.COMPLETED
    assert len(place.sent(stage)) == 2


@both
def test_patience_is_the_callers_to_say(place, client):
    """With less time than a pause there is one look."""
    stage = place.stage("transcriptions")
    job_id = stage.begin(JobPlan(stuck=True))
    before = place.clock()
    assert confirmed(place, client, delivery(job_id), deadline=60).state is WebhookState.OTHER
    assert 50 < place.clock() - before <= 60


# Forged and broken deliveries.

BROKEN = {
    "a blank inside": delivery("a b"),
    "a line break inside": delivery("a\nb"),
    "blanks alone": delivery("   "),
    "a no-break space": delivery("a\u00a0b"),
    "a control character": delivery("a\x00b"),
    "no id": {"status": "COMPLETED"},
    "an id that is null": delivery(None),
    "an empty id": delivery(""),
    "a truth as id": delivery(True),  # noqa: FBT003 - of the sender's
    "a list as id": delivery([FORGED]),
    "a long id": delivery("a" * 300),
    "no status": {"transcription_id": FORGED},
    "a list": [delivery(FORGED)],
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "nothing": b"",
}


@both
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_delivery_is_one_exception(place, client, name):
    """What no vendor would post is a WebhookError with a status to answer with, quotes nothing, and is not asked about."""
    problem = refused(place, client, BROKEN[name])
    assert problem.http_status == 400
    assert "a b" not in str(problem)
    assert place.server.request_count == 0


ELSEWHERE = ["..", ".", "/", "a//b", "../a", "a/..", "a\\..\\b", "\\"]


@both
@pytest.mark.parametrize("job_id", ELSEWHERE)
def test_an_id_that_leads_elsewhere_is_the_same_exception(place, client, job_id):
    """An id that no path can have is a WebhookError as all else that is wrong with a delivery."""
    assert refused(place, client, delivery(job_id)).http_status == 400


@both
@pytest.mark.parametrize("job_id", [FORGED, "t1", "7", 7, "a,b", "x" * 250])
def test_a_job_that_nobody_has_is_unknown(place, client, job_id):
    """A delivery about a job that the vendor does not know is refused, and the vendor was asked about no other."""
    assert refused(place, client, delivery(job_id)).problem is WebhookProblem.UNKNOWN_JOB
    assert place.sent() == [READ]
    assert place.server.requests[0].json == {"transcription_id": str(job_id)}


@both
def test_blanks_around_an_id_do_not_count(place, client):
    """An id between blanks is asked about without them, or refused; nothing else comes of it."""
    stage, job_id = ended(place, JobPlan())
    try:
        event = confirmed(place, client, delivery(f" {job_id} "))
    except WebhookError:
        assert place.sent(stage) == []
    else:
        assert (event.state, event.key) == (WebhookState.COMPLETED, f"heify:{job_id}:completed")


@both
def test_another_spelling_is_the_same_job(place, client):
    """Whoever writes a UUID in capitals makes no second event of it: resource and key have the vendor's own spelling."""
    place.stage("transcriptions").at(READ, *[Reply.json({"data": delivery(FORGED)})] * 2)
    events = [confirmed(place, client, delivery(spelled)) for spelled in (UPPER, FORGED)]
    assert [event.key for event in events] == [f"heify:{FORGED}:completed"] * 2
    assert [event.resource["transcription_id"] for event in events] == [FORGED] * 2


@both
def test_an_answer_about_another_job_confirms_nothing(place, client):
    """Where the vendor answers with another job, the delivery is about none that it knows."""
    place.stage("transcriptions").at(READ, Reply.json({"data": delivery("7f3c0d52-41b6-4a8e-9c25-1d0e6b7a9f35")}))
    assert refused(place, client, delivery(FORGED)).problem is WebhookProblem.UNKNOWN_JOB


@both
def test_an_event_of_another_vendor_is_refused(place, client):
    """An event of HeyGen is not confirmed by Heify, and nobody is asked."""
    event = parse_unverified_webhook({"event_type": "avatar_video.success", "event_data": {"video_id": "v1"}}, "heygen")
    with pytest.raises(ValueError, match="of heygen, not of heify"):
        confirmed(place, client, event)
    assert place.server.request_count == 0


# Asked in vain.


@both
@pytest.mark.parametrize(
    ("what", "category"),
    [("authentication", Category.AUTHENTICATION), ("server", Category.SERVER), ("rate_limit", Category.RATE_LIMIT)],
)
def test_asked_in_vain(place, client, what, category):
    """Where the vendor cannot be asked, that is the error of the call, so that the delivery is answered with 503 and sent again."""
    stage, job_id = ended(place, JobPlan())
    stage.always(READ, error("heify", what))
    with pytest.raises(ApiError) as raised:
        confirmed(place, client, delivery(job_id))
    assert (raised.value.info.category, raised.value.info.channel is Channel.JOB) == (category, False)


@both
def test_nobody_there(place, client):
    """The same where nobody answers at all."""
    with place.server.refusing(), pytest.raises(ApiError) as raised:
        confirmed(place, client, delivery(FORGED))
    assert raised.value.info.channel is Channel.TRANSPORT


@both
def test_no_answer_in_time(place, client):
    """Nor does an answer that does not come in time make a failed job."""
    place.server.on(None, READ, fault.slow_answer(seconds=0.2))
    with pytest.raises(ApiError) as raised:
        place.run(client, "transcriptions", lambda jobs: jobs.confirm(delivery(FORGED), retry=False), deadline=0.05)
    assert raised.value.info.channel is Channel.TRANSPORT


@both
def test_once_read_then_in_vain(place, client):
    """A job that was seen running is running, although the last looks failed."""
    stage = place.stage("transcriptions")
    job_id = stage.begin(JobPlan(stuck=True))
    stage.at(READ, Reply.json({"data": delivery(job_id, "RUNNING")}), *[Reply(status=503)] * 2)
    assert confirmed(place, client, delivery(job_id), retry=False).state is WebhookState.OTHER


@both
def test_options_are_those_of_the_reads(place, client):
    """What is asked of the calls holds for the reads."""
    stage, job_id = ended(place, JobPlan())
    confirmed(place, client, delivery(job_id), headers={"X-Trace": "7"})
    assert [received.headers.get("x-trace") for received in place.server.requests if received.number not in stage.own] == ["7"]


@both
@pytest.mark.parametrize(("options", "wrong"), [({"deadline": -1}, ValueError), ({"params": {}}, TypeError), ({"timeout": -1}, ValueError)])
def test_wrong_use(place, client, options, wrong):
    """What cannot be meant is refused as in a wait."""
    with pytest.raises(wrong):
        confirmed(place, client, delivery(FORGED), **options)
    assert place.server.request_count == 0
