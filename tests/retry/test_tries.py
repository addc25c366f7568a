"""One call and its attempts: the history, the tokens, the time, what hooks are told, and how it goes in the large."""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from heify_heygen_errors import Outcome, ServerError
from heify_heygen_errors.exceptions import Attempt
from heify_heygen_errors.retry.budget import BudgetState, RetryBudget
from heify_heygen_errors.retry.events import AttemptEnded, BudgetExhausted, GaveUp, Hooks, Listeners, RetryPlanned
from heify_heygen_errors.retry.policy import Reason, RetryPolicy
from heify_heygen_errors.retry.tries import Tries
from heify_heygen_errors.testing import ManualClock, info

BROKEN = info("heygen", "internal_error")
SLOWED = info("heygen", "rate_limit", retry_after=7)
EARLY = info("heygen", "not_ready")
POOR = info("heygen", "insufficient_credit")


def tries(**changes):
    """A reading call on a clock of its own, with the middle of every wait drawn."""
    options = {"policy": RetryPolicy(), "provider": "heygen", "method": "GET", "url": "/v3/videos", "draw": lambda: 0.5}
    return Tries(**{**options, "clock": ManualClock(), **changes})


def told_to(events):
    """Listeners that write every event down."""
    return Listeners(Hooks(**{field.name: events.append for field in attrs.fields(Hooks)}))


def attempt(call, came, took=1.0):
    """One attempt that takes some seconds and ends in a failure or, without one, in success; then the wait."""
    call.begin()
    call.clock.advance(took)
    if came is None:
        call.succeeded(200, "req-ok")
        return None
    decision = call.failed(came)
    if decision:
        call.clock.sleep(decision.wait)
    return decision


# History


def test_history_tells_every_attempt():
    """Each attempt is told with its time, wait, rule, status, reason and request id, in order."""
    call = tries()
    for came in (BROKEN, SLOWED, None):
        attempt(call, came)
    assert call.attempts == (
        Attempt(number=1, time=0.0, seconds=1.0, status=500, rule=BROKEN.rule, wait=0.25, reason="transient", request_id=BROKEN.request_id),
        Attempt(number=2, time=1.25, seconds=1.0, status=429, rule=SLOWED.rule, wait=8.0, reason="throttled", request_id=SLOWED.request_id),
        Attempt(number=3, time=10.25, seconds=1.0, status=200, rule=None, wait=None, reason=None, request_id="req-ok"),
    )


def test_history_of_a_first_success():
    """A call that succeeds at once has one attempt, without rule, wait and reason."""
    call = tries()
    attempt(call, None, took=0.5)
    assert call.attempts == (Attempt(number=1, time=0.0, seconds=0.5, status=200, request_id="req-ok"),)


def test_attempt_without_an_answer_has_no_status():
    """An attempt that was not answered has no status, but its rule."""
    call = tries()
    attempt(call, info("heygen", "transport/CONNECT_TIMEOUT"))
    assert [(one.status, one.rule, one.reason) for one in call.attempts] == [(None, "transport/ConnectTimeout", "not_sent")]


def test_history_is_left_on_the_error():
    """The exception of a final failure has the history, the key, the method, the path and the vendor's wait."""
    call = tries(method="POST", url="https://api.heygen.com/v3/videos?debug=1", idempotency_key="k-1", policy=RetryPolicy(attempts=2))
    attempt(call, SLOWED)
    attempt(call, SLOWED)
    error = call.raised(SLOWED)
    assert (type(error).__name__, error.info, error.attempts) == ("RateLimitError", SLOWED, call.attempts)
    assert (error.idempotency_key, error.method, error.path, error.wait) == ("k-1", "POST", "/v3/videos", 7.0)
    assert len(error.attempts) == 2


def test_history_can_be_put_on_any_error():
    """An error that was raised elsewhere takes the history too."""
    call = tries()
    attempt(call, BROKEN)
    error = ServerError(BROKEN)
    call.put_on(error)
    assert (error.attempts, error.method, error.path) == (call.attempts, "GET", "/v3/videos")


@pytest.mark.parametrize(
    ("provider", "url", "came", "expected"),
    [
        ("heygen", "/v3/videos", SLOWED, 7.0),
        ("heygen", "/v3/videos", BROKEN, None),
        ("heify", "/analytics", info("heify", "rate_limit"), 12.0),
        ("heygen", "/v3/videos", attrs.evolve(BROKEN, retry=attrs.evolve(BROKEN.retry, after=float("nan"))), None),
    ],
)
@pytest.mark.parametrize("attempts", [1, 3])
def test_wait_on_the_error_is_the_vendors(provider, url, came, expected, attempts):
    """The wait on an error is the one that vendor or catalog ask for, never a drawn one, also where a retry was due."""
    call = tries(provider=provider, method="POST", url=url, policy=RetryPolicy(attempts=attempts), idempotency_key="k")
    attempt(call, came)
    assert call.raised(came).wait == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.heygen.com/v3/videos/v_1?token=t#f", "/v3/videos/v_1"),
        ("/v1/video_status.get?video_id=v_1", "/v1/video_status.get"),
        ("https://api.heygen.com", ""),
        (None, ""),
        ("http://[broken", ""),
    ],
)
def test_path_is_without_host_and_query(url, expected):
    """Events and errors have the path alone, whatever URL was called, even one that is none."""
    events = []
    attempt(tries(url=url, listeners=told_to(events)), BROKEN)
    assert {event.path.rstrip("/") for event in events} == {expected}


def test_key_is_not_shown():
    """The idempotency key does not appear in the repr of a call."""
    assert "sesame" not in repr(tries(idempotency_key="sesame"))


# Time


def test_time_is_counted_from_the_beginning():
    """Elapsed and remaining seconds are counted from where the call began, and do not go below nothing."""
    call = tries(deadline=10.0)
    call.clock.advance(4.0)
    assert (call.elapsed, call.remaining) == (4.0, 6.0)
    call.clock.advance(40.0)
    assert (call.elapsed, call.remaining) == (44.0, 0.0)
    assert tries().remaining is None


def test_clock_that_goes_back_does_no_harm():
    """A clock that goes back makes no negative times."""
    moments = iter([100.0, 90.0, 80.0, 70.0, 60.0, 50.0, 40.0])
    call = tries(clock=lambda: next(moments), deadline=5.0)
    call.begin()
    assert call.failed(BROKEN).retry is True
    assert [(one.time, one.seconds) for one in call.attempts] == [(0.0, 0.0)]


def test_deadline_spans_all_attempts():
    """The deadline is that of the whole call: attempts and waits together end before it."""
    call = tries(deadline=4.0, policy=RetryPolicy(attempts=10))
    decisions = [attempt(call, BROKEN) for _ in range(3)]
    assert [decision.reason for decision in decisions] == [Reason.TRANSIENT, Reason.TRANSIENT, Reason.DEADLINE]
    assert call.elapsed <= 4.0


@pytest.mark.parametrize("wrong", [{"deadline": float("nan")}, {"deadline": "9"}, {"effect": "reads"}], ids=str)
def test_wrong_limits_are_refused_before_anything_is_sent(wrong):
    """What a decision could not be based on is refused when the call begins, not when its failure would be hidden by that."""
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        tries(**wrong)


# Decisions of a whole call


def decisions_of(call, *came):
    """The reasons of a call's failures, up to the first no."""
    reasons = []
    for failure in came:
        decision = attempt(call, failure)
        if decision is None:
            break
        reasons.append(decision.reason.value)
        if not decision:
            break
    return reasons


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ([BROKEN] * 5, ["transient", "transient", "attempts"]),
        ([BROKEN, SLOWED, BROKEN], ["transient", "throttled", "attempts"]),
        ([BROKEN, POOR], ["transient", "permanent"]),
        ([BROKEN, EARLY, EARLY, BROKEN, BROKEN], ["transient", "poll", "poll", "transient", "attempts"]),
        ([EARLY] * 40, ["poll"] * 30 + ["attempts"]),
        ([BROKEN, BROKEN, EARLY, None], ["transient", "transient", "poll"]),
    ],
)
def test_decisions_follow_each_other(came, expected):
    """Attempts are counted over the whole call, polls apart from them, and the first no is final."""
    assert expected == decisions_of(tries(), *came)


def test_waits_grow_over_the_call():
    """The longest wait doubles from retry to retry, and polls in between do not count."""
    call = tries(policy=RetryPolicy(attempts=9), draw=lambda: 1.0)
    waits = [attempt(call, came).wait for came in (BROKEN, BROKEN, EARLY, BROKEN)]
    assert waits == [0.5, 1.0, EARLY.retry.after or 1.0, 2.0]


def test_every_wait_is_drawn_anew():
    """Each failure draws a number of its own."""
    numbers = iter([0.1, 0.9])
    call = tries(draw=lambda: next(numbers))
    assert [attempt(call, BROKEN).wait, attempt(call, BROKEN).wait] == [0.1 * 0.5, 0.9 * 1.0]


@pytest.mark.parametrize(("key", "reason"), [("k", Reason.TRANSIENT), (None, Reason.UNSAFE)])
def test_key_makes_a_spending_call_safe(key, reason):
    """A POST that may have been accepted is sent again with its key, and without one it is not."""
    lost = info("heygen", "transport/READ_TIMEOUT")
    assert attempt(tries(method="POST", idempotency_key=key), lost).reason is reason


def test_effect_is_handed_on():
    """What the caller says of the call's effect outranks the catalog."""
    lost = info("heify", "transport/READ_TIMEOUT")
    call = {"provider": "heify", "method": "POST", "url": "/submit"}
    assert [bool(attempt(tries(**call, effect=effect), lost)) for effect in (None, "read", "spends")] == [False, True, False]


# Tokens


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ([None], 101),
        ([BROKEN, None], 100),
        ([SLOWED, None], 100),
        ([BROKEN, SLOWED, None], 86),
        ([SLOWED, BROKEN, None], 95),
        ([BROKEN, BROKEN, BROKEN], 72),
        ([BROKEN, POOR], 86),
        ([POOR], 100),
        ([EARLY, None], 101),
        ([EARLY, EARLY], 100),
        ([BROKEN, EARLY, None], 100),
        ([SLOWED, EARLY, EARLY, None], 100),
    ],
)
def test_tokens_are_taken_and_given_back(came, expected):
    """Retries take 14 or 5; a success gives back what the last retry took, or 1 without a retry; polls change nothing."""
    budget = RetryBudget(500)
    budget.take(400)
    decisions_of(tries(budget=budget), *came)
    assert budget.state.tokens == expected


def test_empty_budget_ends_the_call():
    """Without tokens a failed call ends, and throttled ones can go on longer than failed ones."""
    budget = RetryBudget(6)
    assert decisions_of(tries(budget=budget), BROKEN) == ["budget"]
    assert decisions_of(tries(budget=budget), SLOWED, SLOWED) == ["throttled", "budget"]
    assert budget.state.tokens == 1


class Contested(RetryBudget):
    """A budget whose tokens another thread takes between the look at them and the taking."""

    def take(self, tokens):
        """Nothing is left by now."""
        super().take(self.state.tokens)
        return super().take(tokens)


@pytest.mark.parametrize(
    ("provider", "url", "came", "wait"),
    [
        ("heygen", "/v3/videos", SLOWED, 7.0),
        ("heygen", "/v3/videos", BROKEN, None),
        ("heify", "/analytics", info("heify", "rate_limit"), 12.0),
    ],
)
def test_lost_race_for_tokens_leaves_the_same_decision(provider, url, came, wait):
    """Where another thread was faster the decision is the one that an empty budget gives, with the vendor's wait."""
    events = []
    call = tries(provider=provider, method="POST", url=url, idempotency_key="k", budget=Contested(), listeners=told_to(events))
    decision = attempt(call, came)
    assert (decision.retry, decision.reason, decision.wait, decision.cost) == (False, Reason.BUDGET, wait, 0)
    assert [type(event) for event in events] == [AttemptEnded, BudgetExhausted, GaveUp]


def test_poll_needs_no_tokens():
    """Polling goes on with an empty budget."""
    assert decisions_of(tries(budget=RetryBudget(0)), EARLY, EARLY, None) == ["poll", "poll"]


# What hooks are told


def test_hooks_are_told_of_the_whole_call():
    """Each attempt is told, and behind each failure what comes of it."""
    events = []
    call = tries(method="POST", url="https://api.heygen.com/v3/videos?a=b", idempotency_key="k", listeners=told_to(events))
    for came in (SLOWED, BROKEN, None):
        attempt(call, came)
    about = {"provider": "heygen", "method": "POST", "path": "/v3/videos"}
    assert events == [
        AttemptEnded(**about, number=1, seconds=1.0, status=429, request_id=SLOWED.request_id, info=SLOWED),
        RetryPlanned(**about, number=1, wait=7.5, reason=Reason.THROTTLED, info=SLOWED),
        AttemptEnded(**about, number=2, seconds=1.0, status=500, request_id=BROKEN.request_id, info=BROKEN),
        RetryPlanned(**about, number=2, wait=0.5, reason=Reason.TRANSIENT, info=BROKEN),
        AttemptEnded(**about, number=3, seconds=1.0, status=200, request_id="req-ok", info=None),
    ]


def test_hooks_are_told_of_the_end():
    """A call that is given up is told with the number of its attempts, the reason and the vendor's wait."""
    events = []
    call = tries(listeners=told_to(events), policy=RetryPolicy(attempts=2))
    attempt(call, BROKEN)
    attempt(call, SLOWED)
    about = {"provider": "heygen", "method": "GET", "path": "/v3/videos"}
    assert events[-1] == GaveUp(**about, attempts=2, reason=Reason.ATTEMPTS, wait=7.0, info=call.settled(SLOWED))
    assert sum(isinstance(event, GaveUp) for event in events) == 1


def test_hooks_are_told_of_an_empty_budget():
    """A retry that was due and safe and had no tokens is told with the state of the budget, and then as given up."""
    events = []
    attempt(tries(budget=RetryBudget(13), listeners=told_to(events)), BROKEN)
    about = {"provider": "heygen", "method": "GET", "path": "/v3/videos", "info": BROKEN}
    assert events[1:] == [
        BudgetExhausted(**about, state=BudgetState(tokens=13, capacity=13)),
        GaveUp(**about, attempts=1, reason=Reason.BUDGET, wait=None),
    ]


def test_broken_hooks_change_nothing():
    """Hooks that fail change neither decisions nor history nor tokens."""

    def broken(_):
        raise OSError

    budgets = [RetryBudget(100), RetryBudget(100)]
    hooks = Hooks(on_attempt=broken, on_retry=broken, on_give_up=broken)
    calls = [tries(budget=budgets[0]), tries(budget=budgets[1], listeners=Listeners(hooks))]
    reasons = [decisions_of(call, BROKEN, SLOWED, BROKEN) for call in calls]
    assert reasons[0] == reasons[1]
    assert calls[0].attempts == calls[1].attempts
    assert budgets[0].state == budgets[1].state


def test_retries_are_logged(caplog):
    """Each retry is logged at INFO with call, rule, attempt and wait, and with neither key nor query; the end is not logged."""
    caplog.set_level(logging.INFO, logger="heify_heygen_errors")
    call = tries(
        method="POST", url="https://api.heygen.com/v3/videos?token=sesame", idempotency_key="sesame", policy=RetryPolicy(attempts=2)
    )
    attempt(call, SLOWED)
    attempt(call, SLOWED)
    assert [(record.levelname, record.name) for record in caplog.records] == [("INFO", "heify_heygen_errors")]
    told = caplog.records[0].getMessage()
    assert [part for part in ("heygen", "POST /v3/videos", SLOWED.rule, "attempt 1", "7.50 s", "throttled") if part not in told] == []
    assert "sesame" not in caplog.text


def test_log_line_stays_one_line(caplog):
    """A path with control characters, as an id from a user can bring them, breaks no line of the log."""
    caplog.set_level(logging.INFO, logger="heify_heygen_errors")
    attempt(tries(url="/v3/videos/v_1\nERROR forged \x1b[2J"), BROKEN)
    assert [char for char in caplog.records[0].getMessage() if not char.isprintable()] == []


@pytest.mark.parametrize(("number", "expected"), [(-1.0, 0.0), (7.0, 0.5), (float("nan"), 0.0)])
def test_wrong_draw_hides_no_failure(number, expected):
    """A source of chance that gives no number from 0 to 1 makes no exception of a decision."""
    assert attempt(tries(draw=lambda: number), BROKEN).wait == expected


# In the large


def run(call, answers):
    """Lets a call run to its end; how often it was sent, and whether it succeeded."""
    while True:
        call.begin()
        came = answers()
        if came is None:
            call.succeeded(200)
            return len(call.attempts), True
        if not call.failed(came):
            return len(call.attempts), False


UNAVAILABLE = info("heygen", "internal_error", status=503)
CALLS = [("GET", None), ("POST", "k")]


@pytest.mark.parametrize(("method", "key"), CALLS)
def test_outage_is_not_multiplied(method, key):
    """In an outage 1,000 calls of 50 threads are sent at most 1,100 times in all, and never the last tokens twice."""
    budget = RetryBudget()

    def twenty(_):
        calls = (tries(method=method, idempotency_key=key, budget=budget) for _ in range(20))
        return [run(call, lambda: UNAVAILABLE) for call in calls]

    with ThreadPoolExecutor(50) as pool:
        ended = [one for calls in pool.map(twenty, range(50)) for one in calls]
    assert (len(ended), any(succeeded for _, succeeded in ended)) == (1000, False)
    assert sum(sent for sent, _ in ended) == 1000 + 500 // 14
    assert budget.state.tokens == 500 % 14


@pytest.mark.parametrize(("method", "key", "seed"), [("GET", None, 1), ("POST", "k", 2)])
def test_scattered_failures_are_hidden(method, key, seed):
    """With a tenth of all answers a 500, 20,000 calls succeed for 99.8 % with at most 1.12 attempts a call."""
    chance = random.Random(seed)
    budget = RetryBudget()
    ended = [
        run(
            tries(method=method, idempotency_key=key, budget=budget, draw=chance.random),
            lambda: BROKEN if chance.random() < 0.1 else None,
        )
        for _ in range(20_000)
    ]
    assert sum(succeeded for _, succeeded in ended) / len(ended) >= 0.998
    assert sum(sent for sent, _ in ended) / len(ended) <= 1.12


def test_budget_recovers_after_an_outage():
    """After an outage successes fill the budget again, one by one, and failures are soon retried as before it."""
    budget = RetryBudget()
    while run(tries(budget=budget), lambda: UNAVAILABLE)[0] > 1:
        pass
    for _ in range(14 - budget.state.tokens):
        assert run(tries(budget=budget), lambda: UNAVAILABLE) == (1, False)
        assert run(tries(budget=budget), lambda: None) == (1, True)
    answers = iter([BROKEN, None])
    assert run(tries(budget=budget), lambda: next(answers)) == (2, True)
    for _ in range(500):
        run(tries(budget=budget), lambda: None)
    assert budget.state.tokens == 500


def test_paid_work_is_not_started_twice():
    """Whatever comes of a spending call without a key, it is sent once more only if it cannot have taken effect."""
    chance = random.Random(7)
    for _ in range(2000):
        came = chance.choice([BROKEN, SLOWED, UNAVAILABLE, info("heygen", "transport/CONNECTION_RESET"), None])
        call = tries(method="POST", url=chance.choice(["/v2/video/generate", "/v3/videos", "/v1/streaming.new"]))
        decision = attempt(call, came)
        assert not decision or came.retry.outcome in {Outcome.NOT_SENT, Outcome.REFUSED}


@pytest.mark.parametrize("later", ["transport/CONNECT_TIMEOUT", "rate_limit", "transport/CIRCUIT_OPEN"])
def test_call_that_may_have_happened_stays_so(later):
    """A last failure without effect does not hide an earlier one that may have started paid work."""
    told = []
    call = Tries(
        policy=RetryPolicy(attempts=2),
        method="POST",
        url="/v3/videos",
        idempotency_key="k",
        listeners=Listeners(Hooks(on_give_up=told.append)),
        draw=lambda: 0.0,
    )
    assert call.failed(info("heygen", "transport/READ_TIMEOUT")).retry
    last = info("heygen", later)
    assert not call.failed(last).retry
    error = call.raised(last)
    assert last.may_repeat("POST")
    assert not error.info.may_repeat("POST")
    assert error.info.may_repeat("POST", "k", url="/v3/videos")
    assert [event.info for event in told] == [error.info]
