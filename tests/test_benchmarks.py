"""The benchmarks run, and all sides of a comparison read the same answer. Nothing is timed here."""

from __future__ import annotations

import random
import sys
from importlib.util import find_spec
from itertools import islice

import pytest
import requests
from benchmarks import decoding, fake_server, report, responses, run, startup
from benchmarks.samples import BODIES, SHAPES, endless
from benchmarks.timing import Side, Times, race, rotated

from heify_heygen_errors import Observation, normalize

# Shapes whose message a peer does not find: botocore's protocols have it at the top, litellm takes the outer "Success".
NOT_FOUND = {
    "botocore json": {"v3, known words", "v3 object", "Heify v2"},
    "botocore rest-json": {"v3, known words", "v3 object", "Heify v2"},
    "litellm": {"failed job"},
    "litellm with input": {"failed job"},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", responses.CONTENDERS)
def test_sides_say_the_same(name, shape):
    """Every side gives the status and the vendor's message, but for the shapes that a peer is known not to read."""
    library, make = responses.CONTENDERS[name]
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    contender = make()
    sample = SHAPES[shape](random.Random(7))
    said = contender.said(contender.side.run(contender.side.prepare(sample)))
    assert (said.status, sample.message in said.text) == (sample.status, shape not in NOT_FOUND.get(name, ()))


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_are_known(shape):
    """The measured responses are ones that the catalogs decide, so that the whole path is timed."""
    sample = SHAPES[shape](random.Random(7))
    info = normalize(Observation(sample.provider, sample.status, sample.headers, sample.body))
    assert (info.message, info.request_id in sample.headers.values(), info.name is not None) == (sample.message, True, True)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "known words" not in shape])
def test_bodies_differ(shape):
    """No two calls get the same body, so that nothing remembered can help."""
    make = SHAPES[shape]
    bodies = [sample.body for sample in islice(endless(make), 300)]
    assert len(set(bodies)) == 300


@pytest.mark.parametrize("name", BODIES)
def test_bodies_have_their_size_and_message(name):
    """A body has exactly the size that the table says, and both sides can read it."""
    make, size = BODIES[name]
    sample = make(random.Random(7), size)
    read = {side: contender.run(contender.prepare(sample)) for side, contender in decoding.SIDES.items()}
    assert (len(sample.body), read["with headers"].message, read["body only"].message, type(read["json.loads"])) == (
        size,
        sample.message,
        sample.message,
        dict,
    )


def test_responses_run():
    """The comparison with the peers gives times and a verdict for every goal."""
    table = responses.measure(rounds=1, calls=1)
    assert set(table) == set(SHAPES)
    assert all(times.best > 0 for row in table.values() for times in row.values())
    verdicts = report.judge_responses(table)
    assert [(verdict.ours, verdict.against) for verdict in verdicts] == [(ours, peer) for ours in responses.OURS for peer in report.PEERS]
    assert report.show_responses(table).count("\n| ") == 2 + len(SHAPES) + 2 + len(verdicts)


def test_decoding_runs():
    """The comparison with json.loads gives a verdict for every body."""
    table = decoding.measure(rounds=1, most_calls=1)
    assert [verdict.what for verdict in report.judge_decoding(table)] == list(BODIES)
    assert report.show_decoding(table).count("\n| ") == 2 + len(BODIES)


def test_startup_runs():
    """The comparison of fresh processes gives a time for each and one verdict."""
    row = startup.measure(sys.executable, rounds=1)
    assert list(row) == list(startup.PROCESSES)
    assert [verdict.against for verdict in report.judge_startup(row)] == ["import requests"]
    assert "import requests" in report.show_startup(row)


def test_command_prints_json(capsys):
    """The command's JSON says when and where it was measured, and every goal with its ratio."""
    import json

    run.main(["--only", "json", "--rounds", "1", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert {"date", "machine", "python", "versions", "json"} <= set(data)
    assert [goal["what"] for goal in data["json"]["goals"]] == list(BODIES)


@pytest.mark.parametrize(
    ("best", "median", "met"),
    [(2.0, 2.0, True), (1.9, 2.5, False), (1.9, 1.9, False)],
)
def test_goal_needs_best_and_median(best, median, met):
    """A goal is met only if the best rounds and the medians both meet it, for every shape."""
    good, ours = Times((4.0, 4.0)), Times((1.0, 1.0))
    doubtful = Times((best, median, 9.0)) if best < median else Times((best, best, best))
    table = {"a": dict.fromkeys(report.PEERS, good), "b": dict.fromkeys(report.PEERS, doubtful)}
    for row in table.values():
        row.update(dict.fromkeys(responses.OURS, ours))
    assert {verdict.met for verdict in report.judge_responses(table) if verdict.against == "openai"} == {met}


def test_missing_peer_is_not_a_goal_met():
    """A peer that is not installed is reported as not measured."""
    table = {"a": dict.fromkeys([*responses.OURS, "botocore json", "botocore rest-json", "openai"], Times((1.0,)))}
    assert {verdict.against: verdict.met for verdict in report.judge_responses(table)}["litellm"] is None
    assert "not measured" in report.show_responses(table)


def test_goals_by_size():
    """json.loads may be exceeded four times up to 1 KiB, one and a half times from 16 KiB."""
    assert [report.body_goal(name) for name in BODIES] == [4.0, 4.0, 4.0, 4.0, 1.5, 1.5, 1.5, 1.5]


def test_race_is_interleaved_and_fresh():
    """Sides take turns in rotating order, on the same samples within a round and on new ones in the next."""
    seen = []
    sides = {name: Side(lambda sample: sample, lambda sample, name=name: seen.append((name, sample))) for name in ("a", "b")}
    times = race(sides, iter(range(100)), rounds=2, calls=1)
    assert sorted(seen[:2]) == [("a", 0), ("b", 0)]
    assert seen[2:] == [("a", 1), ("b", 1), ("b", 2), ("a", 2)]
    assert {name: len(taken.rounds) for name, taken in times.items()} == {"a": 2, "b": 2}
    assert rotated(["a", "b", "c"], 4) == ["b", "c", "a"]


@pytest.mark.parametrize("name", fake_server.SERVERS)
def test_servers_answer_alike(name):
    """Every server that is measured answers the driver's request as it should: with the refusal, or with a started video."""
    with fake_server.running(fake_server.SERVERS[name]) as port:
        answer = requests.post(
            f"http://127.0.0.1:{port}/heygen/v3/videos",
            data=fake_server.BODY,
            headers={"X-Api-Key": "fake-heygen-key", "Content-Type": "application/json"},
            timeout=10,
        )
    expected = (200, None) if name == "FakeServer, full answer" else (429, "rate_limit_exceeded")
    assert expected == (answer.status_code, answer.json().get("error", {}).get("code"))


def test_fake_server_runs(capsys):
    """The command of the fake server prints a row for each server and for each start."""
    fake_server.main(["--rounds", "1", "--count", "3"])
    printed = capsys.readouterr().out
    assert all(f"| {name} | " in printed for name in (*fake_server.SERVERS, "FakeServer", "pytest-httpserver"))
