"""The circuit breaker: when it opens, what its probes decide, what counts, and that late calls change nothing."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import Category, Channel, ErrorInfo, Fault, Observation, normalize
from heify_heygen_errors.retry.breaker import BreakerPolicy, BreakerState, CircuitBreaker, CircuitOpenError, Permit
from heify_heygen_errors.retry.events import BreakerChanged
from heify_heygen_errors.testing import ManualClock, info

SMALL = BreakerPolicy(failure_ratio=0.5, window=10, minimum=4, open_for=5)


def info_of(status: int, /, **fields: object) -> ErrorInfo:
    """The failure that a bare status of HeyGen means, with other fields."""
    found = normalize(Observation("heygen", status=status))
    assert found is not None
    return attrs.evolve(found, **fields)


DOWN = info_of(503)
REFUSED = info_of(400)


@attrs.define
class Account:
    """A breaker with its clock and the events that it told."""

    clock: ManualClock
    events: list[BreakerChanged]
    breaker: CircuitBreaker

    def failures(self, count: int, info: ErrorInfo = DOWN) -> None:
        for _ in range(count):
            self.breaker.enter().failed(info)

    def successes(self, count: int) -> None:
        for _ in range(count):
            self.breaker.enter().succeeded()

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(event.before, event.after) for event in self.events]


def account_of(policy: BreakerPolicy = SMALL) -> Account:
    clock, events = ManualClock(), []
    return Account(clock, events, CircuitBreaker("heygen", policy, clock=clock, on_change=events.append))


@pytest.fixture
def account() -> Account:
    return account_of()


# Opening.


def test_defaults() -> None:
    """Without a policy it opens at half of at least 20 calls of 30 seconds, for 10 seconds, with one probe."""
    assert CircuitBreaker("heygen").policy == BreakerPolicy(failure_ratio=0.5, window=30, minimum=20, open_for=10, probes=1)


def test_too_few_calls_never_open_it(account: Account) -> None:
    """It stays closed while the window holds fewer calls than the minimum, even if all of them failed."""
    account.failures(3)
    assert account.breaker.state == BreakerState(status="closed", failures=3, calls=3, after=0.0)
    account.failures(1)
    assert account.breaker.status == "open"


@pytest.mark.parametrize(("good", "bad", "status"), [(4, 3, "closed"), (4, 4, "open"), (3, 3, "open"), (100, 99, "closed")])
def test_the_ratio_decides(account: Account, good: int, bad: int, status: str) -> None:
    """It opens when the share of failures reaches the ratio, and not before."""
    account.successes(good)
    account.failures(bad)
    assert account.breaker.status == status


def test_an_open_one_holds_calls_back(account: Account) -> None:
    """While it is open each call is told how long it is held back, and that it was not sent."""
    account.failures(4)
    account.clock.advance(1.5)
    with pytest.raises(CircuitOpenError) as caught:
        account.breaker.enter()
    assert (caught.value.sent, caught.value.after) == (False, pytest.approx(3.5))
    assert str(caught.value) == "too many calls to heygen failed: held back for another 3.5 s"


def test_old_failures_are_forgotten(account: Account) -> None:
    """Failures that are older than the window do not open it."""
    account.failures(3)
    account.clock.advance(10)
    account.failures(3)
    assert account.breaker.state == BreakerState(status="closed", failures=3, calls=3, after=0.0)


@given(st.lists(st.tuples(st.floats(0, 4), st.booleans()), max_size=60))
def test_the_window_holds_the_last_calls(calls: list[tuple[float, bool]]) -> None:
    """It counts every call of the last nine tenths of the window, and none that is older than the window."""
    account = account_of(attrs.evolve(SMALL, minimum=1000))
    made: list[tuple[float, bool]] = []
    for pause, failed in calls:
        account.clock.advance(pause)
        made.append((account.clock(), failed))
        permit = account.breaker.enter()
        permit.failed(DOWN) if failed else permit.succeeded()
    state, now = account.breaker.state, account.clock()
    sure = [failed for at, failed in made if now - at < 8.999]
    possible = [failed for at, failed in made if now - at <= 10.001]
    assert len(sure) <= state.calls <= len(possible)
    assert sum(sure) <= state.failures <= sum(possible)


def test_memory_does_not_grow_with_calls() -> None:
    """What it remembers is ten parts of the window, however many calls there are."""
    account = account_of(attrs.evolve(SMALL, failure_ratio=1))
    for _ in range(2000):
        account.successes(1)
        account.clock.advance(0.05)
    assert len(account.breaker._window._parts) <= 10
    assert account.breaker.state.calls <= 200


def test_lost_probes_are_not_kept(account: Account) -> None:
    """Probes that never report are dropped when their time is over."""
    account.failures(4)
    for _ in range(50):
        account.clock.advance(5)
        account.breaker.enter()
    assert len(account.breaker._probes) == 1


# Half open.


def test_half_open_by_the_clock(account: Account) -> None:
    """Behind the pause it is half open even if nobody asks, and lets a call go at once."""
    account.failures(4)
    assert account.breaker.state.after == 5
    account.clock.advance(5)
    assert account.breaker.state == BreakerState(status="half_open", failures=4, calls=4, after=0.0)
    assert isinstance(account.breaker.enter(), Permit)


def test_one_probe_at_a_time(account: Account) -> None:
    """While the probe is under way other calls are held back."""
    account.failures(4)
    account.clock.advance(5)
    account.breaker.enter()
    account.clock.advance(2)
    with pytest.raises(CircuitOpenError) as caught:
        account.breaker.enter()
    assert caught.value.after == pytest.approx(3)
    assert account.breaker.state.after == pytest.approx(3)


def test_a_good_probe_closes_it(account: Account) -> None:
    """A probe that succeeded closes it, and what was before is forgotten."""
    account.failures(4)
    account.clock.advance(5)
    account.breaker.enter().succeeded()
    assert account.breaker.state == BreakerState(status="closed", failures=0, calls=0, after=0.0)
    account.failures(3)
    assert account.breaker.status == "closed"


def test_a_refused_probe_closes_it(account: Account) -> None:
    """A probe that the vendor refused shows that the vendor works."""
    account.failures(4)
    account.clock.advance(5)
    account.breaker.enter().failed(REFUSED)
    assert account.breaker.status == "closed"


def test_a_bad_probe_opens_it_again(account: Account) -> None:
    """A probe that failed opens it for another pause."""
    account.failures(4)
    account.clock.advance(6)
    account.breaker.enter().failed(DOWN)
    assert (account.breaker.status, account.breaker.state.after) == ("open", 5)


def test_a_released_probe_makes_room(account: Account) -> None:
    """A probe that was cancelled decides nothing, and the next call may go as a probe at once."""
    account.failures(4)
    account.clock.advance(5)
    account.breaker.enter().release()
    assert account.breaker.status == "half_open"
    account.breaker.enter().succeeded()
    assert account.breaker.status == "closed"


def test_a_lost_probe_is_replaced(account: Account) -> None:
    """A probe that never reports blocks the breaker for one pause, not for ever."""
    account.failures(4)
    account.clock.advance(5)
    account.breaker.enter()
    account.clock.advance(5)
    account.breaker.enter().succeeded()
    assert account.breaker.status == "closed"


def test_several_probes() -> None:
    """As many calls go at once as there may be probes, and as many must succeed to close it."""
    account = account_of(attrs.evolve(SMALL, probes=3))
    account.failures(4)
    account.clock.advance(5)
    probes = [account.breaker.enter() for _ in range(3)]
    with pytest.raises(CircuitOpenError):
        account.breaker.enter()
    seen = []
    for probe in probes:
        probe.succeeded()
        seen.append(account.breaker.status)
    assert seen == ["half_open", "half_open", "closed"]


def test_the_other_probes_of_a_failed_round_decide_nothing() -> None:
    """When one of several probes fails, the good end of another one does not close the breaker again."""
    account = account_of(attrs.evolve(SMALL, probes=2))
    account.failures(4)
    account.clock.advance(5)
    first, second = account.breaker.enter(), account.breaker.enter()
    first.failed(DOWN)
    second.succeeded()
    assert (account.breaker.status, account.breaker._successes) == ("open", 0)


# Late and repeated reports.


@pytest.mark.parametrize("report", [Permit.succeeded, lambda permit: permit.failed(DOWN), Permit.release])
def test_calls_of_earlier_days_decide_nothing(account: Account, report: Callable[[Permit], None]) -> None:
    """A call that began before the breaker opened changes neither the open, the half-open nor the closed one by its end."""
    slow = [account.breaker.enter() for _ in range(3)]
    account.failures(4)
    report(slow[0])
    assert (account.breaker.status, account.breaker.state.calls) == ("open", 4)
    account.clock.advance(5)
    probe = account.breaker.enter()
    report(slow[1])
    assert (account.breaker.status, account.breaker.state.calls) == ("half_open", 4)
    probe.succeeded()
    report(slow[2])
    assert account.breaker.state == BreakerState(status="closed", failures=0, calls=0, after=0.0)


ENDS: dict[str, Callable[[Permit], None]] = {
    "succeeded": Permit.succeeded,
    "failed": lambda permit: permit.failed(DOWN),
    "release": Permit.release,
}


@pytest.mark.parametrize(("first", "counts"), [("succeeded", (1, 0)), ("failed", (1, 1)), ("release", (0, 0))])
@pytest.mark.parametrize("second", ENDS)
def test_the_first_report_counts(account: Account, first: str, counts: tuple[int, int], second: str) -> None:
    """A permit takes one report; those behind it change nothing."""
    permit = account.breaker.enter()
    ENDS[first](permit)
    ENDS[second](permit)
    state = account.breaker.state
    assert counts == (state.calls, state.failures)


# What counts.


@pytest.mark.parametrize(
    ("info", "counts"),
    [
        (DOWN, (1, 1)),
        (info_of(500), (1, 1)),
        (info_of(599), (1, 1)),
        (info_of(504), (1, 1)),
        (info_of(408), (1, 1)),
        (info_of(502, channel=Channel.GATEWAY), (1, 1)),
        (info_of(503, channel=Channel.UPLOAD), (1, 1)),
        (REFUSED, (1, 0)),
        (info_of(401), (1, 0)),
        (info_of(402), (1, 0)),
        (info_of(404), (1, 0)),
        (info_of(409), (1, 0)),
        (info_of(425), (1, 0)),
        (info_of(429), (1, 0)),
        (info_of(429, channel=Channel.GATEWAY), (1, 0)),
        (info_of(503, status=200, channel=Channel.JOB), (1, 0)),
        (info_of(504, status=200, channel=Channel.JOB), (1, 0)),
        (info_of(504, status=None, channel=Channel.WEBHOOK), (1, 0)),
        (info_of(503, status=200), (1, 0)),
        (normalize(requests.ConnectTimeout(), "heygen"), (1, 1)),
        (normalize(requests.ReadTimeout(), "heygen"), (1, 1)),
        (normalize(ConnectionResetError(), "heygen"), (1, 1)),
        (normalize(requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "heygen"), (1, 1)),
        (normalize(OSError("Too many open files"), "heygen"), (0, 0)),
        (normalize(requests.exceptions.InvalidHeader("Invalid leading whitespace in header value"), "heygen"), (0, 0)),
    ],
    ids=lambda value: f"{value.rule}-{value.channel}" if isinstance(value, ErrorInfo) else "",
)
def test_what_speaks_against_the_vendor(account: Account, info: ErrorInfo, counts: tuple[int, int]) -> None:
    """No answer, 5xx and time-outs are failures; refusals and failed jobs are successes; mistakes of this program are neither."""
    account.breaker.enter().failed(info)
    state = account.breaker.state
    assert counts == (state.calls, state.failures)


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("channel", list(Channel))
def test_every_failure_without_an_answer(account: Account, channel: Channel, category: Category) -> None:
    """Without an answer every category is a failure unless the caller is at fault; with one, a 4xx only if it is a time-out."""
    for fault in Fault:
        account.breaker.enter().failed(info_of(400, channel=channel, category=category, fault=fault))
    state = account.breaker.state
    if channel is Channel.TRANSPORT:
        assert (state.calls, state.failures) == (3, 3)
        return
    timed_out = category is Category.TIMEOUT and channel not in (Channel.JOB, Channel.WEBHOOK)
    assert (state.calls, state.failures) == (4, 4 if timed_out else 0)


# Events.


def test_changes_are_told(account: Account) -> None:
    """Every change is told once, with the figures of the window at that moment."""
    account.successes(1)
    account.failures(3)
    account.clock.advance(5)
    account.breaker.enter().failed(DOWN)
    account.clock.advance(5)
    account.breaker.enter().succeeded()
    assert [attrs.astuple(event) for event in account.events] == [
        ("heygen", "closed", "open", 3, 4),
        ("heygen", "open", "half_open", 3, 4),
        ("heygen", "half_open", "open", 4, 5),
        ("heygen", "open", "half_open", 1, 1),
        ("heygen", "half_open", "closed", 1, 2),
    ]


def test_hooks_may_use_the_breaker() -> None:
    """A hook can read the breaker that tells it, and let calls in: it is told outside of the lock."""
    seen: list[str] = []
    breaker = CircuitBreaker("heify", SMALL, clock=ManualClock(), on_change=lambda _event: seen.append(breaker.status))
    for _ in range(4):
        breaker.enter().failed(DOWN)
    assert seen == ["open"]


def test_a_hook_that_raises_does_not_reach_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is logged, and the breaker works on."""

    def bad(_event: BreakerChanged) -> None:
        raise RuntimeError

    breaker = CircuitBreaker("heify", SMALL, clock=ManualClock(), on_change=bad)
    for _ in range(4):
        breaker.enter().failed(DOWN)
    assert breaker.status == "open"
    assert [record.message for record in caplog.records] == ["a hook for BreakerChanged failed"]


# Values.


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_ratio": 0},
        {"failure_ratio": 1.1},
        {"failure_ratio": float("nan")},
        {"window": 0},
        {"window": float("inf")},
        {"minimum": 0},
        {"open_for": -1},
        {"open_for": float("nan")},
        {"probes": 0},
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    """A policy that could never work as it says is a ValueError."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BreakerPolicy(**wrong)


def test_counts_are_whole_numbers() -> None:
    """Half a probe is a TypeError."""
    with pytest.raises(TypeError, match="probes"):
        BreakerPolicy(probes=1.5)


def test_the_error_survives_pickle() -> None:
    """The error keeps its values in a pickle."""
    copy = pickle.loads(pickle.dumps(CircuitOpenError("heify", 2.5)))
    assert (copy.provider, copy.after, copy.sent, str(copy)) == (
        "heify",
        2.5,
        False,
        "too many calls to heify failed: held back for another 2.5 s",
    )


def test_it_shows_its_status(account: Account) -> None:
    """A breaker shows its provider, status and figures."""
    account.failures(4)
    assert repr(account.breaker) == "CircuitBreaker('heygen', open, 4 of 4 calls failed)"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"provider": 5}, "provider is the name of a vendor, such as 'heygen', not 5"),
        ({"policy": 3}, "policy is a BreakerPolicy or None, not 3"),
        ({"policy": BreakerPolicy}, "policy is a BreakerPolicy or None, not <class"),
        ({"clock": 0.0}, "clock is a function without arguments that gives a number, not 0.0"),
        ({"on_change": "log"}, "on_change is a function that takes a BreakerChanged, or None, not 'log'"),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(arguments: dict[str, Any], says: str) -> None:
    """What cannot work is refused when the breaker is made, with what would do."""
    with pytest.raises(TypeError, match=says):
        CircuitBreaker(**{"provider": "heygen", **arguments})


# All together.


@given(st.lists(st.tuples(st.sampled_from(["enter", "succeeded", "failed", "release", "wait"]), st.integers(0, 9)), max_size=80))
def test_whatever_happens_it_comes_back(steps: list[tuple[str, int]]) -> None:
    """After any calls in any order, a held-back call waits above 0 and at most one pause, and good probes close the breaker."""
    account = account_of(attrs.evolve(SMALL, minimum=2, probes=2))
    permits: list[Permit] = []
    waits: list[float] = []
    for step, number in steps:
        if step == "wait":
            account.clock.advance(number)
        elif step == "enter":
            try:
                permits.append(account.breaker.enter())
            except CircuitOpenError as error:
                waits.append(error.after)
        elif permits:
            ENDS[step](permits.pop(number % len(permits)))
    assert [wait for wait in waits if not 0 < wait <= SMALL.open_for] == []
    for before, after in zip(account.changes, account.changes[1:], strict=False):
        assert before[1] == after[0]
    account.clock.advance(5)
    account.successes(2)
    assert account.breaker.status == "closed"


def test_threads_share_it() -> None:
    """Of many threads that ask a half-open breaker at once exactly one gets the probe, and one change is told."""
    account = account_of()
    start = threading.Barrier(8)

    def fail() -> None:
        start.wait()
        account.breaker.enter().failed(DOWN)

    def ask() -> bool:
        start.wait()
        try:
            account.breaker.enter()
        except CircuitOpenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(account.successes, 50) for _ in range(8)]:
            done.result()
        assert account.breaker.state.calls == 400
        account.clock.advance(10)
        account.failures(4)
        account.clock.advance(5)
        went = [done.result() for done in [pool.submit(ask) for _ in range(8)]]
    assert sorted(went) == [False] * 7 + [True]
    assert account.changes == [("closed", "open"), ("open", "half_open")]


def test_what_the_client_ran_into_by_itself_is_not_the_vendors():
    """An answer larger than this client takes came from a vendor that works; a deadline that passed before sending says nothing."""
    small = CircuitBreaker("heygen", BreakerPolicy(minimum=1, failure_ratio=1.0))
    small.enter().failed(info("heygen", "transport/ANSWER_TOO_LARGE"))
    late = info("heygen", "transport/DEADLINE_EXCEEDED")
    small.enter().failed(attrs.evolve(late, retry=attrs.evolve(late.retry, outcome="not_sent")))
    assert (small.status, small.state.calls, small.state.failures) == ("closed", 1, 0)
    small.enter().failed(late)
    assert small.state.failures == 1
