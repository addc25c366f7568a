"""Never run: pins what type checkers say about jobs, uploads and webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import assert_type

from heify_heygen_errors import (
    Answer,
    ApiError,
    AsyncClient,
    Client,
    ErrorInfo,
    JobEnd,
    JobFailure,
    JobHandle,
    JobProgress,
    MemoryReplays,
    Polling,
    WebhookEvent,
    WebhookProblem,
    WebhookVerifier,
    parse_unverified_webhook,
)


def told(progress: JobProgress) -> None:
    assert_type(progress.state, str | None)
    assert_type(progress.problem, ErrorInfo | None)
    assert_type(progress.next_poll, float | None)


def kept(handle: JobHandle) -> None:
    assert_type(handle.to_json(), str)
    assert_type(handle.ids, tuple[str, ...])


def jobs(client: Client) -> None:
    videos = client.heygen.videos
    assert_type(videos.wait("v-1", deadline=None, on_progress=told, polling=Polling(first=1.0), timeout=(5, 30)), Answer)
    assert_type(videos.create({"script": "Hello"}, save=kept, idempotency_key="a"), JobHandle)
    assert_type(videos.create_and_wait({"script": "Hello"}, save=kept, on_progress=told), Answer)
    assert_type(videos.resume("{}", save=kept), Answer)
    assert_type(videos.resume_order({}), JobHandle)
    ends = videos.wait_all(["v-1", "v-2"])
    assert_type(ends, dict[str, JobEnd])
    assert_type(ends["v-1"].answer, Answer | None)
    assert_type(ends["v-1"].error, ApiError | None)
    assert_type(ends["v-1"].unwrap(), Answer)
    assert_type(videos.as_completed(["v-1"]), Iterator[JobEnd])
    assert_type(videos.failures(datetime.now(UTC), lookback=timedelta(hours=1), seen=set()), Iterator[JobFailure])
    assert_type(client.heygen.workflows.wait("w-1"), Answer)
    assert_type(client.heygen.video_batches.create({"videos": []}), JobHandle)
    assert_type(client.liveavatar.sessions.failures(0), Iterator[JobFailure])
    assert_type(client.heify.transcriptions.wait(JobHandle.from_json("{}")), Answer)
    assert_type(client.heify.transcriptions.confirm(b"{}"), WebhookEvent)
    client.liveavatar.sessions.create({})  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    client.heygen.workflows.failures(0)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    client.heygen.videos.confirm(b"{}")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def told_later(progress: JobProgress) -> None:
    told(progress)


async def jobs_async(client: AsyncClient) -> None:
    videos = client.heygen.videos
    assert_type(await videos.wait("v-1", on_progress=told_later), Answer)
    assert_type(await videos.create({"script": "Hello"}), JobHandle)
    assert_type(await videos.create_and_wait({"script": "Hello"}, on_progress=told), Answer)
    assert_type(await videos.resume("{}"), Answer)
    assert_type(await videos.wait_all(["v-1", "v-2"]), dict[str, JobEnd])
    assert_type(videos.as_completed(["v-1"]), AsyncIterator[JobEnd])
    async for end in videos.as_completed(["v-1"]):
        assert_type(end, JobEnd)
    async for failure in client.heygen.lipsyncs.failures(0):
        assert_type(failure.info, ErrorInfo)
    assert_type(await client.liveavatar.sessions.wait("s-1"), Answer)
    assert_type(await client.heify.transcriptions.confirm({"transcription_id": "t-1", "status": "COMPLETED"}), WebhookEvent)


def webhooks() -> None:
    verifier = WebhookVerifier("whsec_a", "whsec_b", tolerance=None, replays=MemoryReplays())
    event = verifier.verify(b"{}", {"Signature": "00"})
    assert_type(event, WebhookEvent)
    with verifier.accept(b"{}", [("Signature", "00")]) as accepted:
        assert_type(accepted, WebhookEvent)
    verifier.release(event)
    assert_type(event.failure, ErrorInfo | None)
    assert_type(parse_unverified_webhook("{}", "heify").is_verified, bool)
    assert_type(WebhookProblem.REPLAYED.http_status, int)
