"""The decision on every failure that the catalogs know, at every endpoint that they know, with and without a key.

What is expected is written here a second time, from the advice of the failure and the endpoint's row in the YAML alone.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml

from heify_heygen_errors import Category, ErrorInfo, Outcome, RetryAction, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.retry.policy import Reason, RetryContext, RetryPolicy
from heify_heygen_errors.testing import info
from heify_heygen_errors.testing.shapes import wires_of, wires_of_refinement

PROVIDERS = ("heygen", "liveavatar", "heify")
METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST")
JITTER = 0.5
POLICY = RetryPolicy()

ENTRIES = {entry.rule: entry for entry in default_catalogs().entries()}
REFINEMENTS = {refinement.rule: (entry, refinement) for entry in ENTRIES.values() for refinement in entry.refinements}
UNANSWERED = [f"transport/{row['name']}" for row in default_catalogs().transport.rows]
RULES = [*ENTRIES, *REFINEMENTS, *UNANSWERED]

# The one entry of these categories that is repeated: the vendor notes advise it for a digest that was damaged on the way.
DAMAGED_ON_THE_WAY = "layers/S3_INVALID_DIGEST"
NEVER = (
    Category.PAYMENT,
    Category.PLAN,
    Category.QUOTA,
    Category.CONTENT_POLICY,
    Category.INVALID_REQUEST,
    Category.INVALID_MEDIA,
    Category.NOT_FOUND,
    Category.PERMISSION,
    Category.AUTHENTICATION,
)


@cache
def endpoints_of(provider):
    """Every endpoint in a provider's YAML as method, path with ids filled in, and row; and calls that it does not list."""
    text = (Path(__file__).parents[2] / "data" / f"{provider}.yaml").read_text("utf-8")
    block = re.search(r"^endpoints:\n(?:  .*\n)+", text, re.MULTILINE)
    rows = yaml.safe_load(block[0])["endpoints"]
    listed = [(row["method"], re.sub(r"\{(\w+)\}", r"\1_7", row["path"]), row) for row in rows]
    harmless = {"GET": "read", "HEAD": "read", "OPTIONS": "read", "PUT": "idempotent", "DELETE": "idempotent"}
    unlisted = [(method, "/brand/new", {"effect": harmless.get(method, "spends")}) for method in METHODS]
    return listed + unlisted


@cache
def failures_of(rule):
    """Everything that a rule comes as, one failure for each vendor, category and advice."""
    if rule in UNANSWERED:
        found = [info(provider, rule) for provider in PROVIDERS]
    else:
        sent = wires_of(ENTRIES[rule]) if rule in ENTRIES else wires_of_refinement(*REFINEMENTS[rule])
        found = [failure for wire in sent for failure in normalize_all(wire.observation())]
    return list({(failure.provider, failure.category, failure.retry): failure for failure in found}.values())


def expected(failure: ErrorInfo, row: dict, key: str | None) -> tuple[bool, Reason, float | None]:
    """Whether the first attempt of a call is followed by a second, why, and after how long."""
    advice = failure.retry
    throttled = failure.category == "rate_limit"
    floors = [wait for wait in (advice.after, row.get("min_wait") if throttled else None) if wait is not None]
    floor = max(floors, default=None)
    if advice.outcome == "accepted":
        return False, Reason.JOB_FAILED, advice.after
    if advice.action == "never":
        return False, Reason.PERMANENT, floor
    if advice.action == "wait":
        return False, Reason.RESETS, floor
    if advice.action == "renew":
        return False, Reason.RENEW, floor
    if failure.name == "CIRCUIT_OPEN":
        return False, Reason.BREAKER, floor
    may_have_run = advice.outcome == "unknown"
    pays_again = row["effect"] == "spends" and not (key and row.get("idempotency"))
    if may_have_run and pays_again:
        return False, Reason.UNSAFE, floor
    if advice.action == "poll":
        return True, Reason.POLL, (floor or 0) + 0.75
    if throttled:
        return True, Reason.THROTTLED, (floor or 0) + 0.5
    return True, Reason.NOT_SENT if advice.outcome == "not_sent" else Reason.TRANSIENT, (floor or 0) + 0.25


def decided(failure, method, path, key):
    """What the default policy says of a first attempt."""
    asked = RetryContext(info=failure, method=method, url=path, idempotency_key=key, jitter=JITTER)
    return POLICY.decide(asked)


def test_endpoints_are_all_there():
    """The rows that this file reads from the YAML are the endpoints that the catalogs serve."""
    assert {provider: len(default_catalogs().space(provider).endpoints) for provider in PROVIDERS} == {
        provider: len(endpoints_of(provider)) - len(METHODS) for provider in PROVIDERS
    }


@cache
def table_of(rule):
    """Everything that a rule comes as, at every endpoint, without and with a key: failure, call, row, key, decision."""
    return [
        (failure, (method, path), row, key, decided(failure, method, path, key))
        for failure in failures_of(rule)
        for (method, path, row), key in product(endpoints_of(failure.provider), (None, "k"))
    ]


@pytest.mark.parametrize("rule", RULES)
def test_every_failure_at_every_endpoint(rule):
    """Whatever a rule comes as, wherever, with a key or without: the decision is the one that the advice asks for."""
    found = [
        (failure.retry, call, key, (decision.retry, decision.reason, decision.wait)) for failure, call, _, key, decision in table_of(rule)
    ]
    assert found == [(failure.retry, call, key, expected(failure, row, key)) for failure, call, row, key, _ in table_of(rule)]
    assert found


@pytest.mark.parametrize("rule", RULES)
def test_safety_is_what_the_info_says(rule):
    """Where the policy holds a passing failure back as unsafe, `may_repeat` of the info says so too, and nowhere else."""
    passing = [(failure, call, key, decision) for failure, call, _, key, decision in table_of(rule) if failure.retryable]
    unsafe = [(call, key, not failure.may_repeat(call[0], key, url=call[1])) for failure, call, key, _ in passing]
    assert unsafe == [(call, key, decision.reason in {Reason.UNSAFE, Reason.JOB_FAILED}) for _, call, key, decision in passing]


REASONS = {
    Reason.NOT_SENT: "transport/CONNECT_TIMEOUT",
    Reason.TRANSIENT: "heygen/INTERNAL_ERROR",
    Reason.THROTTLED: "heygen/RATE_LIMIT_EXCEEDED",
    Reason.POLL: "heygen/RESOURCE_NOT_READY",
    Reason.PERMANENT: "heygen/UNAUTHORIZED",
    Reason.JOB_FAILED: "heygen/JOB_FAILED_WITHOUT_REASON",
    Reason.RESETS: "heify/MONTHLY_LIMIT",
    Reason.RENEW: "layers/S3_EXPIRED_TOKEN",
    Reason.UNSAFE: "transport/CONNECTION_RESET",
    Reason.BREAKER: "transport/CIRCUIT_OPEN",
}


def test_table_has_every_reason_of_a_first_attempt():
    """Each reason that a first attempt can have stands somewhere in the table, so that no column is empty."""
    late = {Reason.ATTEMPTS, Reason.WAIT_TOO_LONG, Reason.DEADLINE, Reason.BUDGET}
    assert set(REASONS) == set(Reason) - late
    assert [reason for reason, rule in REASONS.items() if reason not in {decision.reason for *_, decision in table_of(rule)}] == []


# The promises, without a look at the advice


def decisions_where(wanted):
    """Every line of the table whose failure is of some kind: rule, failure, key, decision."""
    return [(rule, failure, key, decision) for rule in RULES for failure, _, _, key, decision in table_of(rule) if wanted(failure)]


@pytest.mark.parametrize("category", NEVER)
def test_what_does_not_pass_is_never_repeated(category):
    """No failure of payment, plan, quota, content or request is repeated at any endpoint."""
    found = decisions_where(lambda failure: failure.category is category)
    repeated = {rule for rule, _, _, decision in found if decision}
    assert (repeated, len(found) > 100) == ({DAMAGED_ON_THE_WAY} if category is Category.INVALID_REQUEST else set(), True)


def test_resets_are_told():
    """Every allowance that resets says when, and is repeated nowhere."""
    found = decisions_where(lambda failure: failure.retry.action is RetryAction.WAIT)
    assert {(rule, decision.retry, decision.resets) for rule, _, _, decision in found} == {
        ("heygen/TRIAL_VIDEO_LIMIT_EXCEEDED", False, "day"),
        ("heygen/MOVIO_API_EXCEED_RATE_LIMIT#daily", False, "day"),
        ("heygen/RATE_LIMIT_EXCEEDED#daily_limit", False, "day"),
        ("heygen/QUOTA_EXCEEDED#daily", False, "day"),
        ("heygen/TRIAL_LIMIT_EXCEEDED#daily", False, "day"),
        ("heify/MONTHLY_ANALYTICS_LIMIT", False, "month"),
        ("heify/MONTHLY_LIMIT", False, "month"),
    }


def test_not_sent_is_repeated_everywhere():
    """A failure that kept the request from leaving, and may pass, is repeated at every endpoint, with and without a key."""
    found = decisions_where(lambda failure: failure.retry.outcome is Outcome.NOT_SENT and failure.retryable)
    kept_back = {rule for rule, _, _, decision in found if not decision}
    assert kept_back == {"transport/CIRCUIT_OPEN"}  # for which the vendor is not to be asked at all
    assert {rule for rule, *_ in found} >= {"transport/CONNECT_TIMEOUT", "transport/DNS_ERROR", "transport/CONNECTION_REFUSED"}


def test_failed_jobs_are_never_repeated():
    """A job that failed is not started again, whatever failed it and however it is asked about."""
    found = decisions_where(lambda failure: failure.retry.outcome is Outcome.ACCEPTED)
    assert ({rule for rule, _, _, decision in found if decision}, len({rule for rule, *_ in found}) > 100) == (set(), True)


# Which calls may be sent twice after an unknown outcome, by their names


def repeated_blindly(provider, key):
    """The endpoints that are called again though nobody knows whether the first call took effect."""
    lost = info(provider, "transport/READ_TIMEOUT")
    return {(method, path) for method, path, _ in endpoints_of(provider) if decided(lost, method, path, key)}


def listed(provider):
    """Every endpoint that the provider's catalog lists."""
    return {(method, path) for method, path, _ in endpoints_of(provider) if path != "/brand/new"}


HARMLESS_V1 = {"/v1/streaming.ice", "/v1/streaming.interrupt", "/v1/streaming.stop"}


@pytest.mark.parametrize("key", [None, "k"])
def test_old_heygen_posts_are_never_sent_twice(key):
    """POSTs of HeyGen's v1 and v2 ignore the key, so only those that do no harm are repeated blindly."""
    old = {path for method, path in repeated_blindly("heygen", key) if method == "POST" and path.startswith(("/v1/", "/v2/"))}
    assert old == HARMLESS_V1


def test_heygen_v3_posts_are_repeated_with_their_key():
    """All of HeyGen's v3 POSTs are repeated with a key; without one only those that stop or complete something."""
    posts = {path for method, path in listed("heygen") if method == "POST" and path.startswith("/v3/")}
    bare, keyed = (
        {path for method, path in repeated_blindly("heygen", key) if method == "POST" and path.startswith("/v3/")} for key in (None, "k")
    )
    assert keyed == posts
    assert bare == {path for path in posts if path.endswith(("/stop", "/complete", "/complete/batches"))}


def test_background_removal_counts_its_own_key():
    """Background removal takes its key in the body, which counts as a key."""
    call = ("POST", "/v3/background-removals")
    assert [call in repeated_blindly("heygen", key) for key in (None, "k")] == [False, True]


@pytest.mark.parametrize("key", [None, "k"])
def test_heify_repeats_what_reads_or_settles(key):
    """Heify's submit, create-*, analytics* and upload URLs are never sent twice; all that read, set or delete are.

    A criterion without an id is a new one, so that updating an evaluator is none of these.
    """
    starts = ("/submit", "/create-", "/analytics", "/request-upload-url", "/update-evaluator")
    spending = {path for _, path in listed("heify") if path.startswith(starts)}
    assert {path for method, path in repeated_blindly("heify", key) if method == "POST"} == {path for _, path in listed("heify")} - spending
    assert len(spending) == 9


@pytest.mark.parametrize("key", [None, "k"])
def test_liveavatar_starts_nothing_twice(key):
    """LiveAvatar knows no keys: of its POSTs only keeping a session alive and stopping it are repeated."""
    posts = {path for method, path in repeated_blindly("liveavatar", key) if method == "POST"}
    assert posts == {"/v1/sessions/keep-alive", "/v1/sessions/stop"}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("key", [None, "k"])
def test_all_but_posts_may_be_repeated(provider, key):
    """Whatever is listed and is no POST reads or settles something, and is repeated blindly."""
    wanted = {(method, path) for method, path in listed(provider) if method != "POST"}
    assert wanted <= repeated_blindly(provider, key)
