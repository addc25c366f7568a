"""The clients while a vendor fails: few requests in an outage, many successes in a bad hour, calls that end in time.

Smaller versions of tests/benchmarks/resilience.py, whose figures stand in docs/benchmarks/client.md.
"""

import pytest
from benchmarks import overhead, resilience
from benchmarks.resilience import MODES

every_mode = pytest.mark.parametrize("mode", MODES)


@every_mode
def test_outage(mode):
    """In an outage of all a full budget pays for 35 retries, however many threads there are; then each call is sent once."""
    found = resilience.outage(mode, workers=50, each=8, at_once=True)
    assert (found.calls, found.requests, found.tokens) == (400, 435, 10)
    assert found.per_call <= 1.1


@every_mode
def test_recovery(mode):
    """Behind an outage the first call succeeds, the fourth success pays for a retry again, and the budget fills up one by one."""
    found = resilience.outage(mode, workers=8, each=8, at_once=True)
    assert (found.recovery, found.failures) == ((1, 4, 490), 0)


@every_mode
def test_bad_hour(mode):
    """Where one of ten requests fails nearly all calls succeed, with few requests more, and no work is paid for twice."""
    found = resilience.bad_hour(mode, calls=2000)
    assert found.success >= 0.998
    assert (found.per_call <= 1.12, found.paid_twice) == (True, 0)


@every_mode
def test_deadline(mode):
    """Whatever a server does to make a call last, it ends at its deadline, and not before."""
    found = resilience.overrun(mode, workers=8, each=4, deadline=0.4)
    assert found.early == 0
    assert found.p50 < 0.1
    assert found.worst < 2.0  # a busy machine; the figures are in the benchmark


def test_soak_counts():
    """The soak meets every kind of answer that it should, and counts what is left open."""
    found = resilience.soak(seconds=2.5, threads=2, tasks=2)
    assert (found.before.threads, found.before.descriptors) == (found.after.threads, found.after.descriptors)
    assert {"sync: answer", "async: answer"} <= set(found.results)
    assert len(found.samples) >= 2


def test_overhead_runs():
    """The comparison with the bare libraries has a row for each client and body, of sides that read the same."""
    races = overhead.measure(rounds=1, calls=2)
    assert list(races) == [(name, body) for name in overhead.RACES for body in overhead.BODIES]
    assert all(race.ours.best > 0 and race.bare.best > 0 for race in races.values())
    assert overhead.show(races).count("\n| ") == 1 + len(races)


def test_missed_goal_is_shown():
    """A goal that is missed stays in the table."""
    slow, quick = overhead.Times((2.0, 2.0)), overhead.Times((1.0, 1.0))
    shown = overhead.show({("ours", "big"): overhead.Race(slow, quick), ("ours", "small"): overhead.Race(quick, quick)})
    assert (shown.count("MISSED"), shown.count("met")) == (1, 1)
