"""Never run: this file must type-check, which pins the public signatures of the clients."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Unpack, assert_type

import httpx2
import requests

from heify_heygen_errors import (
    Answer,
    ApiError,
    AsyncClient,
    Attempt,
    AttemptEnded,
    BodyOptions,
    BreakerPolicy,
    BreakerState,
    BudgetState,
    CallOptions,
    Catalogs,
    Client,
    DeprecationSeen,
    ErrorInfo,
    Headers,
    Hooks,
    Limiter,
    Notice,
    RetryBudget,
    RetryPolicy,
    VendorDeprecationWarning,
)


def told(event: AttemptEnded) -> None:
    assert_type(event.info, ErrorInfo | None)


def ended(event: DeprecationSeen) -> str:
    return event.path


async def wait(seconds: float) -> None:
    await asyncio.sleep(seconds)


# Every argument, and the least.
Client()
Client("heygen-key", "heify-key")
Client(None, None, liveavatar_api_key=None)
client = Client(
    heygen_api_key="a",
    heify_api_key="b",
    liveavatar_api_key="c",
    heygen_base_url="https://gateway.example",
    heify_base_url=None,
    liveavatar_base_url=None,
    timeout=(5, 60.0),
    deadline=None,
    retry=RetryPolicy(attempts=5),
    session=requests.Session(),
    proxies={"https": "http://proxy.example:3128"},
    verify="/etc/ssl/own.pem",
    hooks=Hooks(on_attempt=told, on_deprecation=ended),
    clock=time.monotonic,
    sleep=time.sleep,
    draw=lambda: 0.5,
    catalogs=Catalogs.load(),
    budget=RetryBudget(),
    breaker=BreakerPolicy(),
    limiter=Limiter(),
    max_answer=1_000_000,
)
Client(timeout=5, retry=False, verify=False, hooks=[Hooks(), Hooks()])
with client as entered:
    assert_type(entered, Client)
client.close()

# The calls.
assert_type(client.heygen.get("/v3/users/me"), Answer)
assert_type(client.heygen.delete("/v3/videos/v"), Answer)
assert_type(client.heygen.patch("/v3/lipsyncs/l", json={}), Answer)
assert_type(client.heygen.put("/v3/x", data=b""), Answer)
assert_type(client.heygen.request("HEAD", "/v3/users/me"), Answer)
assert_type(client.heify.post("/details"), Answer)
assert_type(client.liveavatar.post("/v1/sessions/token", json={"a": [1, None]}), Answer)
answer = client.heygen.post(
    "/v3/videos",
    json={"a": 1},
    params={"a": [1, 2], "b": None},
    headers={"X-Of-Mine": "y"},
    timeout=(1.0, 2),
    deadline=None,
    idempotency_key="order-7",
    retry=RetryPolicy.never(),
)
client.heygen.post("/v3/x", data="text", retry=False)
client.heygen.post("/v3/x", data={"a": "b"}, files={"f": b"x", "g": ("g.png", b"x"), "h": ("h.png", b"x", "image/png")})
client.heygen.get("/v3/x", jsn={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client.heygen.get("/v3/x", json={})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
client.heygen.get("/v3/x", retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
client.heify.upload_asset(b"x")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

assert_type(client.heygen.base_url, str)
assert_type(client.heygen.budget, BudgetState | None)
assert_type(client.heygen.breaker, BreakerState | None)
assert_type(client.heygen.pages("/v3/voices", params={"limit": 50}), Iterator[Answer])
assert_type(client.heygen.iterate("/v3/voices", params={"limit": 50}), Iterator[Any])
for file in ("a.png", Path("a.png"), b"x", io.BytesIO(b"x")):
    assert_type(client.heygen.upload_asset(file, name="a.png", content_type="image/png", deadline=60), Answer)


def listed(path: str, **options: Unpack[CallOptions]) -> list[Any]:
    """A function around a call passes its options on."""
    return list(client.heygen.iterate(path, **options))


def created(path: str, **options: Unpack[BodyOptions]) -> Answer:
    return client.heygen.post(path, **options)


listed("/v3/videos", params={"limit": 50}, deadline=5)
created("/v3/videos", json={}, idempotency_key="k")

# The answer.
assert_type(answer.data, Any)
assert_type(answer.body, Any)
assert_type(answer.status, int)
assert_type(answer.headers.get("x-request-id"), str | None)
assert_type(answer.headers, Headers)
as_mapping: Mapping[str, str] = answer.headers
assert_type(answer.request_id, str | None)
assert_type(answer.attempts, tuple[Attempt, ...])
assert_type(answer.failures, tuple[ErrorInfo, ...])
assert_type(answer.notices, tuple[Notice, ...])
assert_type(answer.notices[0].kind, Literal["deprecation", "idempotency_key_ignored", "completed_with_error"])
assert_type(answer.notices[0].sunset, str | None)
assert_type(answer.idempotency_key, str | None)
warning: type[Warning] = VendorDeprecationWarning

# The error.
try:
    client.heygen.get("/v3/users/me")
except ApiError as error:
    assert_type(error.info, ErrorInfo)
    assert_type(error.attempts, tuple[Attempt, ...])
    assert_type(error.wait, float | None)
    assert_type(error.idempotency_key, str | None)
    assert_type(error.path, str | None)


async def main() -> None:
    """The same with await."""
    sleep: Awaitable[None] = wait(0)
    await sleep
    AsyncClient("heygen-key", "heify-key")
    async with AsyncClient(
        heygen_api_key="a",
        heify_api_key="b",
        liveavatar_api_key="c",
        heygen_base_url="https://gateway.example",
        heify_base_url=None,
        liveavatar_base_url=None,
        timeout=5,
        deadline=60,
        retry=False,
        session=httpx2.AsyncClient(),
        proxies={"all": "http://proxy.example:3128"},
        verify=True,
        hooks=[Hooks()],
        clock=time.monotonic,
        sleep=wait,
        draw=lambda: 0.5,
        catalogs=None,
        budget=None,
        breaker=BreakerPolicy(),
        limiter=Limiter(),
        max_answer=1_000_000,
    ) as client:
        assert_type(client, AsyncClient)
        call: Coroutine[Any, Any, Answer] = client.heygen.get("/v3/users/me")
        await call
        assert_type(await client.heygen.get("/v3/users/me", params=None, deadline=5), Answer)
        assert_type(await client.heify.post("/details", json={}), Answer)
        assert_type(await client.liveavatar.put("/v1/x", data=b""), Answer)
        assert_type(await client.heygen.patch("/v3/x"), Answer)
        assert_type(await client.heygen.delete("/v3/x"), Answer)
        assert_type(await client.heygen.request("OPTIONS", "/v3/x"), Answer)
        assert_type(await client.heygen.upload_asset(b"x", content_type="image/png"), Answer)
        assert_type(client.heygen.pages("/v3/voices"), AsyncIterator[Answer])
        assert_type([item async for item in client.heygen.iterate("/v3/voices")], list[Any])
        assert_type(client.heygen.budget, BudgetState | None)
        assert_type(client.heygen.breaker, BreakerState | None)
        both = await asyncio.gather(client.heygen.get("/v3/users/me"), client.heify.post("/details"))
        assert_type(both, tuple[Answer, Answer])
        task = asyncio.create_task(client.heygen.get("/v3/users/me"))
        assert_type(await task, Answer)
    await client.close()
    AsyncClient(sleep=time.sleep)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncClient(session=requests.Session())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
