"""Every kind of job in every situation, with both clients: how it ends, what is sent, how long is waited, what is paid for.

What is tried, and what is expected of it, stands in job_scenarios.py, from which docs/benchmarks/jobs.md is written.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from threading import Event

import attrs
import pytest
from benchmarks import job_table
from job_scenarios import (
    ASKED_BY_IDS,
    ASKED_BY_LIST,
    CONFIGURATION,
    GROUPS,
    HEIFY_SHAPES,
    HEYGEN_SHAPES,
    ITEM_SHAPES,
    LINES,
    LIVEAVATAR_SHAPES,
    MISSING,
    MODES,
    NAMES,
    ORDERS,
    SCENARIOS,
    Scenario,
    Scene,
    expected,
    failing,
    go,
    of_name,
    order,
    wait_for,
    wait_for_all,
)

from heify_heygen_errors import Answer, ApiError
from heify_heygen_errors.client.jobs.kinds import KINDS
from heify_heygen_errors.testing import FakeServer, JobPlan, Reply
from heify_heygen_errors.testing.shapes import SHAPES

CASES = [(scenario, name) for scenario in SCENARIOS for name in scenario.kinds]


@pytest.fixture(scope="module")
def scene():
    with Scene() as running:
        yield running


# The table.


def test_every_kind_has_its_scenarios():
    """A kind that is new in the client fails here until somebody says what comes of it, in every part of the table."""
    assert sorted(kind.name for kind in KINDS.values()) == sorted(ORDERS)
    parts = {title for title in (line.group for line in LINES) if not title.startswith("Shapes")}
    unordered = {"Orders and crashes"}
    found = {name: {scenario.group for scenario in SCENARIOS if name in scenario.kinds} & parts for name in NAMES}
    assert {name: parts - (set() if of_name(name).create else unordered) for name in NAMES} == found


def test_every_situation_has_one_line_for_each_kind():
    """No situation is tried without saying what is expected, and nothing is expected of what is not tried."""
    lines = [(line.group, line.scenario, name) for line in LINES for name in line.names]
    assert Counter((scenario.group, scenario.name, name) for scenario, name in CASES) == Counter(lines)


def test_names_of_kinds_are_known():
    """A line names kinds that there are."""
    assert {name for line in LINES for name in line.names} <= set(GROUPS["all"])


@pytest.mark.parametrize(("provider", "shapes"), [("heygen", HEYGEN_SHAPES), ("liveavatar", LIVEAVATAR_SHAPES), ("heify", HEIFY_SHAPES)])
def test_every_shape_of_a_failed_job_is_tried(provider, shapes):
    """A shape that is new in the testing kit fails here until waits meet it; events of the log are no answers about jobs."""
    single = {shape.name for shape in SHAPES if shape.channel == "job" and not shape.item and provider in shape.providers}
    assert single == set(shapes)
    items = {shape.name for shape in SHAPES if shape.channel == "job" and shape.item} - {"event-log-item"}
    assert items == set(ITEM_SHAPES)


def test_nothing_is_paid_for_twice():
    """No line expects the same work to be started by two requests, nor one that comes before Retry-After is over."""
    assert all(line.outline.paid.isdigit() and "early" not in line.outline.waits for line in LINES)


def test_every_failed_job_is_named():
    """No line expects an error about a job that does not say which."""
    assert not any("without an id" in line.outline.end for line in LINES)


def test_page_is_up_to_date():
    """docs/benchmarks/jobs.md says what is tried here."""
    assert job_table.PAGE.read_text(encoding="utf-8") == job_table.page()


# Trying it.


@pytest.mark.parametrize(("scenario", "name"), CASES, ids=[f"{scenario.name}-{name}" for scenario, name in CASES])
def test_what_comes_of_it(scene, scenario, name):
    """Both clients end a situation as the table says, with the requests, waits and payments that it says."""
    [outline] = expected(scenario, name)
    for mode in MODES:
        assert outline == scene.tried(scenario, name, mode)


@pytest.mark.parametrize("name", [*ASKED_BY_IDS, *ASKED_BY_LIST])
def test_many_are_told_as_one(scene, name):
    """A job gives the same answer, or the same error, whether it is waited for alone or among others."""
    stage = scene.stage(name)
    for plan in (JobPlan(), failing(stage), JobPlan(), JobPlan(), JobPlan(silent=True)):
        stage.begin(attrs.evolve(plan, seconds=1))
    scene.clock.advance(2)
    many = [_told(name, end.answer or end.error) for end in scene.jobs(name).wait_all([*stage.ids, MISSING]).values()]
    assert [_told(name, _alone(scene.jobs(name), job_id)) for job_id in [*stage.ids, MISSING]] == many
    assert [dict, tuple, dict, dict, tuple, tuple] == [type(told) for told in many]


def _alone(jobs, job_id):
    try:
        return jobs.wait(job_id)
    except ApiError as error:
        return error


def _told(name, end):
    """The data of an answer; what a program can go by of an error."""
    if isinstance(end, Answer):
        return end.data
    info = end.info
    return (type(end), info.rule, info.channel, info.retry.outcome, info.message, info.resource[of_name(name).id_field])


@pytest.mark.parametrize("mode", MODES)
def test_progress_is_told_after_each_look(scene, mode):
    """After each look a program is told how the job is, or why the look failed, and when the next one comes."""
    seen = []
    told = go(on_progress=seen.append, retry=False)
    scene.tried(Scenario(group="", name="", kinds=("videos",), prepare=_slow_start, acts=(told,)), "videos", mode)
    facts = [(one.polls, one.state, one.problem and one.problem.status, one.elapsed, one.next_poll) for one in seen]
    assert facts == [(1, None, 503, 2.0, 2.0), (2, "pending", None, 4.0, 3.0), (3, "completed", None, 7.0, None)]


def _slow_start(stage):
    stage.plan(JobPlan(polls=1))
    stage.at(stage.kind.read, Reply(status=503))


@pytest.mark.parametrize("mode", MODES)
def test_progress_that_raises_ends_the_wait(scene, mode):
    """What a program raises while it is told of progress is raised to it, and no further look is taken."""

    def stop(progress):
        raise KeyError(progress.state)

    scenario = Scenario(group="", name="", kinds=("videos",), prepare=lambda stage: None, acts=(go(on_progress=stop),))
    assert scene.tried(scenario, "videos", mode) == ("KeyError('pending')", "order, read", "2", "1")


OPTIONS = {"headers": {"X-Trace": "7"}}
WITH_OPTIONS = {
    "create_and_wait": (go(**OPTIONS),),
    "create": (lambda stage, jobs: order(stage, jobs, **OPTIONS),),
    "resume": (lambda stage, jobs: order(stage, jobs, **OPTIONS), lambda stage, jobs: jobs.resume(stage.saved[0], **OPTIONS)),
    "resume_order": (lambda stage, jobs: order(stage, jobs, **OPTIONS), lambda stage, jobs: jobs.resume_order(stage.saved[0], **OPTIONS)),
    "wait": (wait_for(MISSING, **OPTIONS),),
    "wait_all": (wait_for_all(MISSING, "v2", **OPTIONS),),
    "as_completed": (wait_for_all(MISSING, "v2", method="as_completed", **OPTIONS),),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", WITH_OPTIONS)
def test_options_hold_for_every_call(scene, method, mode):
    """What is asked of the calls, such as another key, holds for the order, every look and every call about many."""
    scenario = Scenario(group="", name="", kinds=("videos",), prepare=lambda stage: None, acts=WITH_OPTIONS[method])
    scene.tried(scenario, "videos", mode)
    assert {received.headers.get("x-trace") for received in scene.server.requests} == {"7"}


# Killed for good.

ORDER = """
import asyncio, json, os, signal, sys
from pathlib import Path
from heify_heygen_errors import AsyncClient, Client

mode, url, vendor, kind, body, file, die_at = sys.argv[1:]
saved = []

def save(handle):
    saved.append(handle)
    Path(file).write_text(handle.to_json())
    if len(saved) == int(die_at):
        os.kill(os.getpid(), signal.SIGKILL)

options = {f"{vendor}_base_url": f"{url}/{vendor}", f"{vendor}_api_key": f"fake-{vendor}-key"}

async def main():
    async with AsyncClient(**options) as client:
        await getattr(getattr(client, vendor), kind).create_and_wait(json.loads(body), save=save)

if mode == "async":
    asyncio.run(main())
with Client(**options) as client:
    getattr(getattr(client, vendor), kind).create_and_wait(json.loads(body), save=save)
"""

RESUME = """
import asyncio, json, sys
from pathlib import Path
from heify_heygen_errors import ApiError, AsyncClient, Client, JobHandle

mode, url, *files = sys.argv[1:]
options = {}
for vendor in ("heygen", "heify"):
    options |= {f"{vendor}_base_url": f"{url}/{vendor}", f"{vendor}_api_key": f"fake-{vendor}-key"}
texts = [Path(file).read_text() for file in files]

def jobs(client, text):
    handle = JobHandle.from_json(text)
    return getattr(getattr(client, handle.provider), handle.kind)

async def awaited(client, text):
    try:
        return (await jobs(client, text).resume(text)).data["status"]
    except ApiError as error:
        return error.info.rule

async def main():
    async with AsyncClient(**options) as client:
        return [await awaited(client, text) for text in texts]

def waited(client, text):
    try:
        return jobs(client, text).resume(text).data["status"]
    except ApiError as error:
        return error.info.rule

if mode == "async":
    print(json.dumps(asyncio.run(main())))
else:
    with Client(**options) as client:
        print(json.dumps([waited(client, text) for text in texts]))
"""

# What is ordered, and when the process is killed: at which handle that it saves, or by the vendor when the order has come.
DEATHS = {
    "before the order": ("heygen", "videos", 1),
    "before the answer": ("heygen", "videos", 0),
    "behind the answer": ("heygen", "videos", 2),
    "before the answer of Heify": ("heify", "transcriptions", 0),
}


@pytest.mark.parametrize("mode", MODES)
def test_killed_process_is_resumed_by_another(tmp_path, mode):
    """Whenever a process is killed, another one goes on from what was saved, and nothing is paid for twice."""
    doomed: dict[str, subprocess.Popen[bytes]] = {}
    all_run = Event()

    def kill(received):
        name = received.json.get("script") or received.json.get("name") if received.method == "POST" and received.body else None
        if name in doomed and DEATHS[name][2] == 0 and received.operation in ("POST /v3/videos", "POST /submit"):
            all_run.wait(10)
            doomed[name].kill()

    with FakeServer(job_polls=0, known={"configuration_id": CONFIGURATION}, on_request=kill) as server, ExitStack() as stack:
        for name, (vendor, kind, die_at) in DEATHS.items():
            body = _order(kind, name)
            command = [sys.executable, "-c", ORDER, mode, server.url, vendor, kind, json.dumps(body), str(tmp_path / name), str(die_at)]
            doomed[name] = stack.enter_context(subprocess.Popen(command))
            stack.callback(doomed[name].kill)
        all_run.set()
        assert dict.fromkeys(DEATHS, -signal.SIGKILL) == {name: process.wait(60) for name, process in doomed.items()}
        doomed.clear()
        before = [(received.operation, received.status) for received in server.requests]
        command = [sys.executable, "-c", RESUME, mode, server.url, *(str(tmp_path / name) for name in DEATHS)]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        assert json.loads(done.stdout) == ["completed", "completed", "completed", "transport/NotResumable"]
        assert Counter(operation for operation, _ in before) == {"POST /v3/videos": 2, "POST /submit": 1}
        behind = Counter(received.operation for received in server.requests[len(before) :])
        assert behind == {"POST /v3/videos": 2, "GET /v3/videos/{video_id}": 3}
        assert [received.replayed for received in server.requests if received.replayed] == [True]
        assert len(server.paid_work) == 4
        server.assert_paid_once()


def _order(kind, name):
    number = list(DEATHS).index(name)
    return {**ORDERS[kind](number), **({"script": name} if kind == "videos" else {"name": name})}
