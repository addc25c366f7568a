"""Whether a failed call is sent again and after how long: waits, limits, safety, and what is told where the answer is no."""

from __future__ import annotations

import copy
import math
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import ApiError, Category, ErrorInfo, Outcome, RetryAction, RetryAdvice
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.retry.budget import BudgetState, RetryBudget
from heify_heygen_errors.retry.policy import Decision, Reason, RetryContext, RetryPolicy
from heify_heygen_errors.testing import info

YES = {Reason.NOT_SENT, Reason.TRANSIENT, Reason.THROTTLED, Reason.POLL}
NO = set(Reason) - YES


def failure(what="internal_error", provider="heygen", **advice):
    """A failure of a vendor, with some of its advice changed."""
    found = info(provider, what)
    return attrs.evolve(found, retry=attrs.evolve(found.retry, **advice))


def context(**changes):
    """One failed attempt of a reading call, with some of it changed."""
    return RetryContext(**{"info": failure(), "method": "GET", "url": "/v3/videos", "jitter": 0.5, **changes})


def decide(policy=None, **changes):
    """The decision on a context of `context`."""
    return (policy or RetryPolicy()).decide(context(**changes))


# Defaults


def test_defaults_are_the_agreed_ones():
    """Three attempts, 0.5 s and 1 s growing to 20 s, 60 s for the vendor's own waits, 14 and 5 tokens."""
    agreed = {
        "attempts": 3,
        "base": 0.5,
        "throttle_base": 1.0,
        "cap": 20.0,
        "longest_wait": 60.0,
        "transient_cost": 14,
        "throttle_cost": 5,
    }
    assert agreed == {name: value for name, value in attrs.asdict(RetryPolicy()).items() if "poll" not in name}


@pytest.mark.parametrize(
    ("what", "longest"),
    [("internal_error", [0.5, 1, 2, 4, 8, 16, 20, 20]), ("transport/CONNECTION_REFUSED", [0.5, 1, 2, 4, 8, 16, 20, 20])],
)
def test_longest_waits_double_up_to_the_cap(what, longest):
    """The longest wait before the first retry is half a second, doubles with each retry and ends at 20 s."""
    policy = RetryPolicy(attempts=9)
    assert longest == [decide(policy, info=failure(what), attempts=sent, jitter=1.0).wait for sent in range(1, 9)]


def test_longest_waits_after_throttling_begin_at_a_second():
    """After throttling the longest first wait is one second, doubled up to 20 s."""
    policy = RetryPolicy(attempts=8)
    slowed = failure("rate_limit", after=None)
    waits = [decide(policy, info=slowed, attempts=sent, jitter=1.0).wait for sent in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 20, 20]


@pytest.mark.parametrize("what", ["internal_error", "rate_limit", "transport/CONNECTION_REFUSED"])
@pytest.mark.parametrize("jitter", [0.0, 0.25, 0.5, 1.0])
def test_jitter_is_full(what, jitter):
    """The wait is the drawn share of the longest wait, down to none at all."""
    drawn, longest = (decide(info=failure(what, after=None), jitter=share).wait for share in (jitter, 1.0))
    assert drawn == jitter * longest


def test_jitter_is_drawn_anew_for_each_context():
    """Without a number given, contexts that are alike draw different ones from 0 to 1."""
    drawn = [RetryContext(info=failure(), method="GET").jitter for _ in range(64)]
    assert len(set(drawn)) > 32
    assert all(0 <= number <= 1 for number in drawn)


# Attempts


@pytest.mark.parametrize(("most", "sent", "expected"), [(3, 2, True), (3, 3, False), (3, 4, False), (1, 1, False), (2, 1, True)])
def test_attempts_are_counted_with_the_first(most, sent, expected):
    """A call is sent as often as the policy says, the first time included, and the reason for no more is told."""
    decision = decide(RetryPolicy(attempts=most), attempts=sent)
    assert (decision.retry, decision.reason) == (expected, Reason.TRANSIENT if expected else Reason.ATTEMPTS)


def test_wait_of_the_vendor_stays_when_attempts_are_spent():
    """After the last attempt the wait that the vendor asked for is still told, for whoever tries later."""
    decision = decide(info=failure("rate_limit", after=7.0), attempts=3)
    assert (decision.reason, decision.wait) == (Reason.ATTEMPTS, 7.0)


# What the vendor asks for


@pytest.mark.parametrize("what", ["internal_error", "rate_limit", "transport/CONNECTION_REFUSED"])
@pytest.mark.parametrize("after", [0.0, 0.25, 7.0, 60.0])
def test_retry_after_is_a_floor(what, after):
    """The drawn wait comes on top of what the vendor asks for and never shortens it."""
    least, most = (decide(info=failure(what, after=after), jitter=share).wait for share in (0.0, 1.0))
    drawn = decide(info=failure(what, after=None), jitter=1.0).wait
    assert (least, most) == (after, after + drawn)


def test_too_long_a_wait_gives_up_at_once():
    """A vendor that asks for more than 60 s is not waited for, and the wait is told."""
    decision = decide(info=failure("rate_limit", after=60.5))
    assert (decision.retry, decision.wait, decision.reason) == (False, 60.5, Reason.WAIT_TOO_LONG)


@pytest.mark.parametrize(("longest", "after", "expected"), [(5, 5.0, True), (5, 5.01, False), (3600, 3600.0, True), (0, 0.0, True)])
def test_longest_wait_is_settable(longest, after, expected):
    """What counts as too long a wait is the policy's to say; the bound itself is not too long."""
    assert decide(RetryPolicy(longest_wait=longest), info=failure("rate_limit", after=after)).retry is expected


def test_too_long_a_wait_ends_polling_too():
    """Also a vendor whose answer is "too early" is not waited for longer than the policy allows."""
    decision = decide(info=failure("not_ready", after=61.0))
    assert (decision.reason, decision.wait) == (Reason.WAIT_TOO_LONG, 61.0)


@pytest.mark.parametrize("after", [math.nan, -5.0, -0.001])
@pytest.mark.parametrize("what", ["internal_error", "rate_limit", "not_ready"])
def test_wait_that_is_no_time_counts_as_none(what, after):
    """A wait that is negative or no number, as a foreign record can hold, is as good as none."""
    record = failure(what).to_dict()
    told = ErrorInfo.from_dict({**record, "retry": {**record["retry"], "after": after}})
    assert decide(info=failure(what, after=None)).wait == decide(info=told).wait


def test_endless_wait_is_too_long():
    """A wait without end gives up at once."""
    assert decide(info=failure("rate_limit", after=math.inf)).reason == Reason.WAIT_TOO_LONG


@pytest.mark.parametrize(
    ("path", "least"), [("/analytics", 12.0), ("/create-configuration", 6.0), ("/list-evaluators", 1.2), ("/get-transcription", 0.12)]
)
@pytest.mark.parametrize("url", ["{}", "https://api.heify.com{}", "https://api.heify.com{}/?a=b#c"])
def test_least_wait_of_an_endpoint_is_a_floor(path, least, url):
    """Heify names no wait, so after throttling the catalog's least wait of the endpoint is the floor."""
    slowed = failure("rate_limit", "heify", after=None)
    waits = [decide(info=slowed, method="POST", url=url.format(path), jitter=share).wait for share in (0.0, 1.0)]
    assert waits == [least, least + 1.0]


@pytest.mark.parametrize(("after", "expected"), [(None, 12.0), (3.0, 12.0), (12.0, 12.0), (30.0, 30.0)])
def test_larger_floor_holds(after, expected):
    """Of the vendor's wait and the catalog's the larger one is the floor."""
    decision = decide(info=failure("rate_limit", "heify", after=after), method="POST", url="/analytics", jitter=0.0)
    assert expected == decision.wait


def test_least_wait_is_for_throttling_only():
    """After any other failure an endpoint's least wait does not matter."""
    decision = decide(info=failure("server", "heify"), method="POST", url="/list-evaluators", jitter=0.0)
    assert (decision.wait, decision.reason) == (0.0, Reason.TRANSIENT)


@pytest.mark.parametrize("changes", [{"attempts": 3}, {"deadline": 5.0}, {"budget": BudgetState(tokens=0, capacity=500)}])
def test_least_wait_is_told_where_the_answer_is_no(changes):
    """Whatever ends the attempts, the catalog's least wait of the endpoint is told."""
    decision = decide(info=failure("rate_limit", "heify", after=None), method="POST", url="/analytics", **changes)
    assert (decision.retry, decision.wait) == (False, 12.0)


# Deadline


@pytest.mark.parametrize(
    ("elapsed", "deadline", "expected"),
    [(0.0, 0.5, True), (0.0, 0.25, False), (0.0, 0.2, False), (9.0, 9.26, True), (9.0, 9.25, False), (9.0, 5.0, False), (0.0, 0.0, False)],
)
def test_deadline_ends_the_attempts(elapsed, deadline, expected):
    """A next attempt must begin before the deadline; otherwise the call ends at once instead of waiting for nothing."""
    decision = decide(elapsed=elapsed, deadline=deadline)  # the wait is 0.25 s
    assert (decision.retry, decision.reason) == (expected, Reason.TRANSIENT if expected else Reason.DEADLINE)


def test_wait_beyond_the_deadline_is_told():
    """A vendor's wait that does not fit before the deadline gives up at once, and the wait is told."""
    decision = decide(info=failure("rate_limit", after=8.0), elapsed=1.0, deadline=9.0)
    assert (decision.retry, decision.reason, decision.wait) == (False, Reason.DEADLINE, 8.0)


def test_drawn_wait_beyond_the_deadline_is_not_the_vendors():
    """A call that ends at its deadline tells no wait where the vendor asked for none."""
    assert decide(elapsed=1.0, deadline=1.0).wait is None


def test_deadline_ends_polling():
    """A deadline holds while polling too."""
    assert decide(info=failure("not_ready"), elapsed=9.0, deadline=9.5).reason == Reason.DEADLINE


@pytest.mark.parametrize("deadline", [None, math.inf])
def test_no_deadline_is_no_limit(deadline):
    """Without a deadline, or with one that never comes, no time is too late."""
    assert decide(elapsed=1e9, deadline=deadline).retry is True


# Budget


@pytest.mark.parametrize(
    ("what", "cost"), [("internal_error", 14), ("transport/CONNECTION_REFUSED", 14), ("rate_limit", 5), ("not_ready", 0)]
)
def test_retries_cost_tokens(what, cost):
    """A retry takes 14 tokens, 5 after throttling, and polling none; one token less than that is too few."""
    enough, too_few = (BudgetState(tokens=tokens, capacity=500) for tokens in (cost, cost - 1))
    assert decide(info=failure(what), budget=enough).cost == cost
    assert decide(info=failure(what), budget=too_few).retry is (cost == 0 and too_few.tokens >= 0)


def test_polls_that_nobody_counts_end_all_the_same():
    """A scheduler that counts attempts alone is not told to poll for ever."""
    early = failure("not_ready")
    last = [decide(info=early, attempts=attempts).reason for attempts in (1, 30, 31)]
    assert last == [Reason.POLL, Reason.POLL, Reason.ATTEMPTS]


def test_empty_budget_is_named():
    """Too few tokens end the call, with that reason and the vendor's wait."""
    decision = decide(info=failure("rate_limit", after=2.0), budget=BudgetState(tokens=4, capacity=500))
    assert decision == Decision.no(Reason.BUDGET, 2.0)
    assert (decision.retry, decision.wait, decision.floor) == (False, 2.0, 2.0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"attempts": 3}, Reason.ATTEMPTS),
        ({"deadline": 0.0}, Reason.DEADLINE),
        ({"info": failure("insufficient_credit")}, Reason.PERMANENT),
        ({"info": failure(after=61.0)}, Reason.WAIT_TOO_LONG),
        ({"method": "POST"}, Reason.UNSAFE),
    ],
)
def test_budget_is_named_only_where_a_retry_was_due(changes, expected):
    """An empty budget is the reason only where nothing else stood against a retry."""
    assert expected == decide(budget=BudgetState(tokens=0, capacity=500), **changes).reason


def test_costs_are_settable():
    """A policy can make retries cheaper or dearer."""
    policy = RetryPolicy(transient_cost=3, throttle_cost=7)
    assert [decide(policy, info=failure(what)).cost for what in ("internal_error", "rate_limit")] == [3, 7]


def test_a_no_costs_nothing():
    """Where a call is not sent again, no tokens are due."""
    assert [decide(attempts=3).cost, decide(method="POST").cost, decide(info=failure("plan")).cost] == [0, 0, 0]


# What does not pass by itself

PERMANENT = ["authentication", "permission", "plan", "payment", "quota", "not_found", "invalid_request", "invalid_media", "content_policy"]


@pytest.mark.parametrize("what", [*PERMANENT, "conflict", "unknown"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_does_not_pass_is_not_repeated(what, method):
    """Payment, plan, quota, content and request errors are never repeated, whatever the call, key or patience."""
    patient = RetryPolicy(attempts=100, longest_wait=1e9)
    decision = decide(patient, info=failure(what), method=method, idempotency_key="k", effect="read")
    assert (decision.retry, decision.reason) == (False, Reason.JOB_FAILED if what == "unknown" else Reason.PERMANENT)


QUOTAS = [("heygen", "QUOTA_EXCEEDED#daily", "day"), ("heygen", "TRIAL_VIDEO_LIMIT_EXCEEDED", "day"), ("heify", "MONTHLY_LIMIT", "month")]


@pytest.mark.parametrize(("provider", "what", "resets"), QUOTAS)
@pytest.mark.parametrize(("outcome", "reason"), [(Outcome.REFUSED, Reason.RESETS), (Outcome.ACCEPTED, Reason.JOB_FAILED)])
def test_quotas_say_when_they_reset(provider, what, resets, outcome, reason):
    """An allowance over a day or month is not repeated, and the decision says when it comes back, of a failed job too."""
    decision = decide(info=failure(what, provider, outcome=outcome), method="POST")
    assert (decision.retry, decision.reason, decision.resets) == (False, reason, resets)


@pytest.mark.parametrize("provider", ["heygen", "heify"])
def test_open_circuit_ends_the_call(provider):
    """A call that this process's own circuit breaker kept back is not tried again, and the breaker's wait is told."""
    decision = decide(info=failure("transport/CIRCUIT_OPEN", provider, after=12.0), method="POST")
    assert (decision.retry, decision.reason, decision.wait) == (False, Reason.BREAKER, 12.0)


@pytest.mark.parametrize("what", ["S3_EXPIRED_TOKEN", "internal_error", "payment"])
def test_wait_of_the_vendor_is_told_with_every_no(what):
    """Whatever the reason for a no is, a wait that the vendor asked for is not lost."""
    assert decide(info=failure(what, after=9.0), attempts=3).wait == 9.0


def test_never_sends_once():
    """The policy that never repeats sends a call once, and waits for nothing that is too early either."""
    told = [decide(RetryPolicy.never(), info=failure(what)) for what in ("internal_error", "rate_limit", "not_ready")]
    assert [(decision.retry, decision.reason) for decision in told] == [(False, Reason.ATTEMPTS)] * 3


def test_renewal_is_named():
    """What needs a new credential or upload URL first is not repeated, and that is the reason."""
    decision = decide(info=failure("S3_EXPIRED_TOKEN", "heify"), method="PUT", url="https://storage.heify.com/upload/7.mp3")
    assert (decision.retry, decision.reason) == (False, Reason.RENEW)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("action", list(RetryAction))
@pytest.mark.parametrize("key", [None, "k"])
def test_failed_job_is_never_repeated(method, action, key):
    """The call that reported a failed job is not repeated: a repeat would mean a new, possibly paid, job."""
    failed = failure(action=action, outcome=Outcome.ACCEPTED)
    for effect in (None, "read", "idempotent", "spends"):
        decision = decide(info=failed, method=method, effect=effect, idempotency_key=key)
        assert (decision.retry, decision.reason) == (False, Reason.JOB_FAILED)


# Polling


def test_polling_needs_no_attempts_and_no_tokens():
    """An answer of "too early" is waited out with the attempts spent on failures and the budget empty."""
    early = failure("not_ready")
    decision = decide(info=early, attempts=3, polls=0, budget=BudgetState(tokens=0, capacity=500))
    assert (decision.retry, decision.reason, decision.cost) == (True, Reason.POLL, 0)


def test_polls_do_not_count_as_attempts():
    """A failure after many polls has the attempts of a call that never polled, and its short first wait."""
    assert decide(attempts=21, polls=20) == decide(attempts=1)
    assert decide(attempts=23, polls=20).reason == Reason.ATTEMPTS


@pytest.mark.parametrize(("most", "before", "expected"), [(30, 29, True), (30, 30, False), (0, 0, False), (1, 0, True)])
def test_polls_have_an_end(most, before, expected):
    """So many answers of "too early" are waited out, and no more."""
    decision = decide(RetryPolicy(polls=most), info=failure("not_ready"), attempts=before + 1, polls=before)
    assert (decision.retry, decision.reason) == (expected, Reason.POLL if expected else Reason.ATTEMPTS)


def test_pauses_between_polls_grow_and_are_half_sure():
    """Pauses between polls double from a second up to ten; at least half of each is waited."""
    early = failure("not_ready", after=None)
    waits = [[decide(info=early, attempts=n + 1, polls=n, jitter=share).wait for n in range(6)] for share in (0.0, 1.0)]
    assert waits == [[0.5, 1, 2, 4, 5, 5], [1, 2, 4, 8, 10, 10]]


def test_poll_keeps_the_vendors_pace():
    """Where the vendor says how long to wait between polls, the pause is on top of that."""
    assert decide(info=failure("AUTHORIZATION_PENDING", action=RetryAction.POLL, after=5.0), jitter=0.0).wait == 5.5


def test_request_in_progress_is_polled_with_its_key():
    """409 request_in_progress is polled with the same key, and never sent again without one."""
    early = failure("request_in_progress")
    keyed, bare = (decide(info=early, method="POST", idempotency_key=key) for key in ("k", None))
    assert (keyed.reason, bare.reason) == (Reason.POLL, Reason.UNSAFE)


# Safety: what may have been accepted


def unknown_outcome(provider="heygen"):
    """A failure after which nobody knows whether the request took effect."""
    return failure("server", provider, outcome=Outcome.UNKNOWN)


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.REFUSED])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("url", ["/v1/streaming.new", "/v2/video/generate", "/v3/videos", "/brand/new", None])
def test_what_took_no_effect_repeats_for_every_method(outcome, method, url):
    """A request that never left, or was refused for now, is sent again whatever its method and endpoint."""
    decision = decide(info=failure("transport/CONNECT_TIMEOUT", outcome=outcome), method=method, url=url)
    assert (decision.retry, decision.reason) == (True, Reason.NOT_SENT if outcome is Outcome.NOT_SENT else Reason.TRANSIENT)


CALLS = {  # provider, method, path: repeated after an unknown outcome without a key, and with one
    ("heygen", "GET", "/v3/videos"): (True, True),
    ("heygen", "GET", "/v1/video_status.get"): (True, True),
    ("heygen", "DELETE", "/v3/videos/v_1"): (True, True),
    ("heygen", "PATCH", "/v3/lipsyncs/l_1"): (True, True),
    ("heygen", "PUT", "/v3/video-translations/proofreads/p_1/srt"): (True, True),
    ("heygen", "POST", "/v3/video-agents/s_1/stop"): (True, True),
    ("heygen", "POST", "/v3/videos"): (False, True),
    ("heygen", "POST", "/v3/videos/batches"): (False, True),
    ("heygen", "POST", "/v3/assets"): (False, True),
    ("heygen", "POST", "/v3/templates/t_1"): (False, True),
    ("heygen", "POST", "/v3/background-removals"): (False, True),
    ("heygen", "POST", "/v2/video/generate"): (False, False),
    ("heygen", "POST", "/v2/videos"): (False, False),
    ("heygen", "POST", "/v2/template/t_1/generate"): (False, False),
    ("heygen", "POST", "/v1/streaming.new"): (False, False),
    ("heygen", "POST", "/v1/video_agent/generate"): (False, False),
    ("heygen", "POST", "/v1/asset"): (False, False),
    ("heygen", "GET", "/v9/unheard-of"): (True, True),
    ("heygen", "HEAD", "/v3/videos"): (True, True),
    ("heygen", "OPTIONS", "/v3/videos"): (True, True),
    ("heygen", "PUT", "/v9/unheard-of"): (True, True),
    ("heygen", "DELETE", "/v9/unheard-of"): (True, True),
    ("heygen", "PATCH", "/v9/unheard-of"): (False, False),
    ("heygen", "POST", "/v9/unheard-of"): (False, False),
    ("heygen", "BREW", "/v3/videos"): (False, False),
    ("liveavatar", "GET", "/v1/sessions"): (True, True),
    ("liveavatar", "POST", "/v1/sessions/stop"): (True, True),
    ("liveavatar", "POST", "/v1/sessions/start"): (False, False),
    ("liveavatar", "POST", "/v1/sessions/token"): (False, False),
    ("heify", "POST", "/get-transcription"): (True, True),
    ("heify", "POST", "/list-transcriptions"): (True, True),
    ("heify", "POST", "/update-configuration"): (True, True),
    ("heify", "POST", "/delete-transcription"): (True, True),
    ("heify", "POST", "/submit"): (False, False),
    ("heify", "POST", "/create-configuration"): (False, False),
    ("heify", "POST", "/create-evaluator"): (False, False),
    ("heify", "POST", "/create-participant"): (False, False),
    ("heify", "POST", "/analytics"): (False, False),
    ("heify", "POST", "/analytics-evaluator"): (False, False),
    ("heify", "POST", "/analytics-participant"): (False, False),
    ("heify", "PUT", "https://storage.heify.com/upload/7.mp3"): (True, True),
}


@pytest.mark.parametrize(("call", "expected"), CALLS.items(), ids=lambda value: " ".join(map(str, value)))
def test_what_may_have_run_is_repeated_only_where_that_does_no_harm(call, expected):
    """After an unknown outcome reading and idempotent calls are repeated, spending ones only with a key that counts there."""
    provider, method, path = call
    found = [decide(info=unknown_outcome(provider), method=method, url=path, idempotency_key=key) for key in (None, "k")]
    assert expected == tuple(decision.retry for decision in found)
    assert {decision.reason for decision in found if not decision} <= {Reason.UNSAFE}


@pytest.mark.parametrize(("call", "expected"), CALLS.items(), ids=lambda value: " ".join(map(str, value)))
def test_spelling_of_the_call_does_not_matter(call, expected):
    """Method in lower case, whole URL, query, fragment and a slash behind the path change nothing."""
    provider, method, path = call
    url = (path if "://" in path else f"https://api.example.com{path}") + "/?video_id=7#top"
    found = [decide(info=unknown_outcome(provider), method=method.lower(), url=url, idempotency_key=key).retry for key in (None, "k")]
    assert expected == tuple(found)


def test_empty_key_is_no_key():
    """An empty idempotency key makes nothing safe."""
    assert decide(info=unknown_outcome(), method="POST", idempotency_key="").reason == Reason.UNSAFE


@pytest.mark.parametrize("effect", ["read", "idempotent"])
def test_named_effect_makes_a_call_safe(effect):
    """Who knows that a call does no harm can say so, and it is repeated."""
    assert decide(info=unknown_outcome("heify"), method="POST", url="/submit", effect=effect).retry is True


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_named_spending_makes_a_call_unsafe(method):
    """Who knows that a call spends can say so, and it is not repeated, whatever its method."""
    assert decide(info=unknown_outcome(), method=method, effect="spends").reason == Reason.UNSAFE


@pytest.mark.parametrize("call", CALLS, ids=lambda value: " ".join(map(str, value)))
@pytest.mark.parametrize("key", [None, "k"])
def test_naming_a_call_as_spending_never_makes_it_safer(call, key):
    """A call that is not repeated by the catalog's word is not repeated because its caller says that it spends."""
    provider, method, path = call
    asked = {"info": unknown_outcome(provider), "method": method, "url": path, "idempotency_key": key}
    assert decide(**asked, effect="spends").retry <= decide(**asked).retry


@pytest.mark.parametrize("provider", ["heify", "liveavatar"])
def test_key_is_worth_nothing_where_no_endpoint_honours_one(provider):
    """For a vendor without idempotency keys a key makes no spending call safe, even where the URL is not known."""
    for effect in (None, "spends"):
        decision = decide(info=unknown_outcome(provider), method="POST", url=None, effect=effect, idempotency_key="k")
        assert decision.reason == Reason.UNSAFE


@pytest.mark.parametrize("call", CALLS, ids=lambda value: " ".join(map(str, value)))
@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_safety_agrees_with_may_repeat(call, key, outcome):
    """The policy repeats a passing failure exactly where the info says that a repeat is safe."""
    provider, method, path = call
    found = failure("server", provider, outcome=outcome)
    decision = decide(info=found, method=method, url=path, idempotency_key=key)
    assert found.may_repeat(method, key, url=path) is decision.retry


@pytest.mark.parametrize(
    ("method", "expected"), [("GET", True), ("HEAD", True), ("PUT", True), ("DELETE", True), ("POST", False), ("PATCH", False)]
)
def test_unheard_of_provider_goes_by_the_method(method, expected):
    """A record of a provider that no catalog knows is judged by the method alone; a key counts for nothing."""
    found = attrs.evolve(unknown_outcome(), provider="acme")
    assert [decide(info=found, method=method, idempotency_key=key).retry for key in (None, "k")] == [expected, expected]


def test_catalogs_can_be_given():
    """The shipped catalogs, given explicitly, decide as they do by default."""
    asked = context(info=failure("rate_limit", "heify"), method="POST", url="/analytics")
    assert RetryPolicy().decide(asked) == RetryPolicy().decide(asked, catalogs=default_catalogs())


# Values


def test_decision_is_its_answer():
    """A decision is true where the call is sent again, so that it reads in an if."""
    assert [bool(decide()), bool(decide(attempts=3))] == [True, False]


@pytest.mark.parametrize("reason", Reason)
def test_reasons_are_sentences(reason):
    """Each reason has a sentence of its own."""
    assert (reason.says[0].isupper(), reason.says[-1]) == (True, ".")
    assert [reason] == [other for other in Reason if other.says == reason.says]


@pytest.mark.parametrize("value", [RetryPolicy(attempts=5), context(idempotency_key="k"), decide()], ids=lambda value: type(value).__name__)
def test_values_keep_what_they_are(value):
    """Policy, context and decision are frozen, hashable, and equal to their copies and pickles."""
    assert [value] * 3 == [copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))]
    assert hash(value) == hash(copy.deepcopy(value))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.wait = 1


def test_key_is_not_shown():
    """An idempotency key does not appear in the repr of a context."""
    assert "sesame" not in repr(context(idempotency_key="sesame"))


SECONDS = ["base", "throttle_base", "cap", "longest_wait", "poll_base", "poll_cap"]
COUNTS = ["attempts", "polls", "transient_cost", "throttle_cost"]
WRONG_POLICIES = [
    *((name, value) for name in SECONDS for value in (-1, math.nan, math.inf, "soon", None)),
    *((name, value) for name in COUNTS for value in (-1, 2.5, "3", None, True)),
    ("attempts", 0),
]


@pytest.mark.parametrize(("name", "value"), WRONG_POLICIES)
def test_wrong_policies_are_refused(name, value):
    """A value that a policy cannot work with is refused at once, in a plain sentence that names the argument."""
    with pytest.raises((ValueError, TypeError)) as caught:
        RetryPolicy(**{name: value})
    told = str(caught.value)
    assert (name in told, "Attribute(" in told) == (True, False)


WRONG_CONTEXTS = [
    ("attempts", 0),
    ("attempts", "1"),
    ("polls", -1),
    ("polls", 1),  # with one attempt, the one that has just failed
    ("elapsed", -0.1),
    ("elapsed", math.nan),
    ("deadline", math.nan),
    ("deadline", "9"),
    ("elapsed", math.inf),
    ("method", None),
    ("jitter", -0.1),
    ("jitter", 1.1),
    ("jitter", math.nan),
    ("effect", "reads"),
    ("effect", "SPENDS"),
    ("budget", RetryBudget()),
    ("info", None),
    ("info", ApiError.of(failure())),
]


@pytest.mark.parametrize(("name", "value"), WRONG_CONTEXTS, ids=lambda value: str(value)[:20])
def test_wrong_contexts_are_refused(name, value):
    """A value that no decision can be based on is refused when the context is made, by the argument's name."""
    with pytest.raises((ValueError, TypeError), match=name):
        context(**{name: value})


def test_wrong_effect_is_told_the_right_ones():
    """A misspelled effect is answered with the effects that there are."""
    with pytest.raises(ValueError, match=r"read.*idempotent.*spends"):
        context(effect="reads")


# For any numbers

seconds = st.floats(0, 1e6)
counts = st.integers(1, 200)
advices = st.builds(
    RetryAdvice,
    action=st.sampled_from(RetryAction),
    after=st.none() | seconds,
    resets=st.sampled_from([None, "day", "month"]),
    outcome=st.sampled_from(Outcome),
)
infos = st.builds(
    lambda provider, category, advice: attrs.evolve(failure("server", provider), category=category, retry=advice),
    st.sampled_from(["heygen", "liveavatar", "heify"]),
    st.sampled_from(Category),
    advices,
)
calls = st.sampled_from([(method, url) for _, method, url in CALLS] + [("POST", None), ("GET", None)])
policies = st.builds(
    RetryPolicy,
    attempts=counts,
    base=seconds,
    throttle_base=seconds,
    cap=seconds,
    longest_wait=seconds,
    polls=st.integers(0, 200),
    poll_base=seconds,
    poll_cap=seconds,
    transient_cost=st.integers(0, 50),
    throttle_cost=st.integers(0, 50),
)


@st.composite
def contexts(draw):
    """Any context that can be."""
    method, url = draw(calls)
    attempts = draw(counts)
    return RetryContext(
        info=draw(infos),
        method=method,
        url=url,
        effect=draw(st.sampled_from([None, "read", "idempotent", "spends"])),
        idempotency_key=draw(st.sampled_from([None, "k"])),
        attempts=attempts,
        polls=draw(st.integers(0, attempts - 1)),
        elapsed=draw(seconds),
        deadline=draw(st.none() | seconds),
        budget=draw(st.none() | st.integers(0, 500).map(lambda tokens: BudgetState(tokens=tokens, capacity=500))),
        jitter=draw(st.floats(0, 1)),
    )


def floor_of(asked):
    """The wait that vendor or catalog ask for."""
    floors = [0.0, asked.info.retry.after or 0.0]
    endpoint = default_catalogs().space(asked.info.provider).endpoint(asked.method, asked.url)
    if asked.info.category is Category.RATE_LIMIT and endpoint is not None:
        floors.append(endpoint.min_wait or 0.0)
    return max(floors)


@given(policies, contexts())
def test_decisions_keep_every_limit(policy, asked):
    """Whatever the numbers: a yes waits within its bounds, before the deadline, with tokens left; a no costs nothing."""
    decision = policy.decide(asked)
    if not decision:
        assert (decision.reason in NO, decision.cost) == (True, 0)
        assert decision.wait is None or decision.wait >= 0
        return
    floor = floor_of(asked)
    base, cap, step = {
        Reason.POLL: (policy.poll_base, policy.poll_cap, asked.polls),
        Reason.THROTTLED: (policy.throttle_base, policy.cap, asked.attempts - asked.polls - 1),
    }.get(decision.reason, (policy.base, policy.cap, asked.attempts - asked.polls - 1))
    assert decision.reason in YES
    assert math.isfinite(decision.wait)
    assert floor <= decision.wait <= floor + min(cap, base * 2.0**step)
    assert floor <= policy.longest_wait
    assert asked.deadline is None or asked.elapsed + decision.wait < asked.deadline
    assert asked.budget is None or asked.budget.tokens >= decision.cost
    assert asked.info.retry.outcome is not Outcome.ACCEPTED
    assert asked.info.retry.action in {RetryAction.BACKOFF, RetryAction.POLL}
    assert decision.reason is Reason.POLL or asked.attempts - asked.polls < policy.attempts


@given(policies, contexts())
def test_floor_is_told_apart_from_what_was_drawn(policy, asked):
    """A yes says which part of its wait vendor or catalog ask for; None where they ask for none."""
    decision = policy.decide(asked)
    if decision:
        asks = asked.info.retry.after is not None or floor_of(asked) > 0
        assert decision.floor == (floor_of(asked) if asks else None)


@given(policies, contexts())
def test_decisions_are_pure(policy, asked):
    """The same context gives the same decision and is left as it was."""
    before = copy.deepcopy(asked)
    assert policy.decide(asked) == policy.decide(before) == policy.decide(asked)
    assert before == asked


@given(policies, contexts(), contexts())
def test_unsafe_stays_unsafe(policy, asked, other):
    """No number makes a repeat safe: attempts, times, budget and jitter never change whether a call may be repeated."""
    numbers = {name: getattr(other, name) for name in ("attempts", "polls", "elapsed", "deadline", "budget", "jitter")}
    if policy.decide(asked).reason is Reason.UNSAFE:
        assert policy.decide(attrs.evolve(asked, **numbers)).reason is Reason.UNSAFE


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from(["internal_error", "rate_limit"]))
def test_longest_waits_never_shrink(one, other, what):
    """With more attempts behind it a call waits as long or longer at most, up to the cap, for any number of attempts."""
    policy = RetryPolicy(attempts=10_000)
    few, many = (decide(policy, info=failure(what, after=None), attempts=sent, jitter=1.0).wait for sent in sorted((one, other)))
    assert few <= many <= policy.cap


@given(contexts(), st.floats(0, 1), st.floats(0, 1))
def test_more_jitter_is_more_wait(asked, one, other):
    """The drawn number only stretches the wait: the larger it is, the later the attempt."""
    patient = RetryPolicy(attempts=500, polls=500, longest_wait=1e9)
    free = attrs.evolve(asked, deadline=None, budget=None)
    less, more = (patient.decide(attrs.evolve(free, jitter=jitter)) for jitter in sorted((one, other)))
    assert (less.retry, less.reason) == (more.retry, more.reason)
    assert not less or less.wait <= more.wait
