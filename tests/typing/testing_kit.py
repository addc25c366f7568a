"""Never run: this file must type-check, which pins the public signatures of the testing kit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import requests

from heify_heygen_errors import ApiError, Category, ErrorInfo
from heify_heygen_errors.testing import (
    AVATAR_ID,
    TEMPLATE_ID,
    VOICE_ID,
    Delivery,
    FakeServer,
    Job,
    JobPlan,
    Labelled,
    ManualClock,
    Mix,
    PaidWork,
    Received,
    Reply,
    Webhook,
    Wire,
    Words,
    body,
    error,
    exception,
    fault,
    headers,
    info,
    labelled,
    log_lines,
    ok,
    record,
    records,
    response,
    shapes_of,
    transport_exception,
    typical,
    webhook,
    wire,
    wires,
    wires_of,
    write_log,
)
from heify_heygen_errors.testing.fault import Fault
from heify_heygen_errors.testing.replies import VendorError

ids: tuple[str, str, str] = (AVATAR_ID, TEMPLATE_ID, VOICE_ID)


def told(received: Received) -> VendorError:
    assert_type(received.json, Any)
    return error(received.provider, "server")


# Steps of every kind go into scripts and rules.
failure = error("heygen", "RATE_LIMIT", retry_after=2)
assert_type(failure, VendorError)
failure = error("heygen", 400112, shape="v1", status=401, message="m", detail="d", param="p", headers={"X": "1"}, effect=True)
failure = error("heify", Category.SERVER)
slow = fault.slow_answer(seconds=2, answer=failure)
assert_type(slow, Fault)
assert_type(fault.reset_while_sending(size=1024), Fault)

clock = ManualClock(start=0.0)
assert_type(clock(), float)
assert_type(clock.slept, list[float])
with FakeServer(
    seed=1, clock=clock, limits=False, job_polls=1, job_seconds=2.5, heify_generation="2025", keys={"heygen": "k"}, known={"avatar_id": "a"}
) as server:
    server.script([failure, fault.reset_after_request, ok, Reply.json({"a": 1}, 200), told], provider="heygen", method="POST", path="/v3/*")
    server.on("POST", "/v3/videos", failure, provider="heygen", times=2, share=0.5)
    server.plan_jobs(failure, JobPlan(polls=1, seconds=2, fails=failure, silent=False, stuck=False, remark=failure))
    server.set_balance("heygen", 0)
    server.mount(requests.Session())
    assert_type(server.transport("httpx2"), Any)
    assert_type(server.heygen.url, str)
    assert_type(server.heify.api_key, str)
    assert_type(server.liveavatar.requests, list[Received])
    assert_type(server.paid_work, list[PaidWork])
    assert_type(server.double_charges, list[list[PaidWork]])
    assert_type(server.jobs, list[Job])
    assert_type(server.finish_jobs("id"), list[str])
    assert_type(server.wait_for_deliveries(1.0), list[Delivery])
    assert_type(server.tls_url("heygen", "expired"), str)
    assert_type(server.ca_file, str)
    assert_type(server.silent_url("heify", tls=True), str)
    assert_type(server.unreachable_url("heygen", tls=False), str)
    assert_type(server.openapi(), dict[str, Any])
    with server.refusing(), server.receiver(status=500) as receiver:
        assert_type(receiver.url, str)
    server.send_webhook(webhook("heygen", "RENDERING_FAILED", secret="s", timestamp=1), "http://127.0.0.1:1")
    server.assert_paid_once()
    server.reset()

# Factories.
assert_type(body("heygen", "UNAUTHORIZED", shape="v3"), Any)
assert_type(headers("heygen", "UNAUTHORIZED", retry_after=1), dict[str, str])
assert_type(response("heygen", "UNAUTHORIZED", library="httpx2", method="GET", url="https://api.heygen.com/v3/videos"), Any)
assert_type(exception("heygen", "UNAUTHORIZED"), ApiError)
assert_type(info("heygen", "UNAUTHORIZED"), ErrorInfo)
assert_type(webhook("heygen", "UNAUTHORIZED"), Webhook)
assert_type(record("heygen", "UNAUTHORIZED"), dict[str, Any])
assert_type(transport_exception("CONNECT_TIMEOUT", library="requests"), Exception)

# Words and wires.
words = typical("heygen", "RATE_LIMIT")
assert_type(words, Words)
assert_type(wire(words, "v3"), Wire)
assert_type(wires(words), Iterator[Wire])
assert_type([shape.name for shape in shapes_of("heygen")], list[str])
if words.entry is not None:
    assert_type(wires_of(words.entry), Iterator[Wire])

# Logs.
mix = Mix(success=0.5, bodies="different", damage=0.1)
assert_type(records(10, seed=1, mix=mix), Iterator[dict[str, Any]])
assert_type(labelled(10), Iterator[Labelled])
assert_type(log_lines(10), Iterator[bytes])
assert_type(write_log("log.jsonl", 10), Path)
