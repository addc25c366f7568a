"""One number space: what statuses, families and endpoints mean, and when a template is believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from heify_heygen_errors import ErrorInfo, Normalizer, Observation, RetryAdvice, normalize
from heify_heygen_errors.catalog import Space, default_catalogs

LaidOver = Callable[..., Normalizer]
Entry = Callable[..., dict[str, Any]]

PROVIDERS = ["heygen", "liveavatar", "heify"]


def _space(provider: str = "heygen") -> Space:
    return default_catalogs().space(provider)


# Statuses.

STATUSES = {
    **dict.fromkeys((400, 405, 406, 411, 414, 415, 418, 422, 451, 499), "invalid_request"),
    401: "authentication",
    402: "payment",
    403: "permission",
    404: "not_found",
    410: "not_found",
    408: "timeout",
    504: "timeout",
    409: "conflict",
    413: "invalid_media",
    425: "not_ready",
    429: "rate_limit",
    **dict.fromkeys((500, 501, 502, 503, 520, 599), "server"),
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", STATUSES)
def test_status_fallback(provider: str, status: int) -> None:
    """Every status that says no has a category of its own, and the rule names provider and status."""
    # Gateways in front of Heify and LiveAvatar answer a bad key with 403.
    expected = "authentication" if provider != "heygen" and status == 403 else STATUSES[status]
    rule = _space(provider).status_rule(status)
    assert rule is not None
    assert (rule.id, rule.category.value) == (f"{provider}/status:{status}", expected)
    assert rule.summary
    assert rule.remedy


@pytest.mark.parametrize("status", [-1, 0, 99, 100, 200, 204, 301, 399, 600, 999])
def test_statuses_that_are_no_failure(status: int) -> None:
    """A status below 400 or outside 100 to 599 decides nothing."""
    assert _space().status_rule(status) is None


def test_a_status_of_the_catalog_replaces_the_general_one() -> None:
    """What a provider's catalog says of a status stands in place of the category's general words."""
    assert _space("heygen").status_rule(401).summary != _space("heify").status_rule(401).summary  # type: ignore[union-attr]


# Families.

FAMILIES = [
    # code, status, family, category
    ("hologram_not_found", None, "_not_found", "not_found"),
    ("hologram_not_found", 500, "_not_found", "not_found"),
    ("HOLOGRAM_NOT_FOUND", None, "_not_found", "not_found"),
    ("hologram_token_expired", None, "_token_expired", "authentication"),
    ("hologram_limit_exceeded", None, "_limit_exceeded", "quota"),
    ("hologram_rate_limit_exceeded", None, "_rate_limit_exceeded", "rate_limit"),
    ("hologram_failed", None, "_failed", "server"),
    ("hologram_failed", 500, "_failed", "server"),
    ("hologram_failed", 400, None, None),
    ("hologram_failed", 499, None, None),
    ("hologram_download_failed", 400, "_download_failed", "invalid_request"),
    ("hologram_moderation_failed", 400, "_moderation_failed", "content_policy"),
    ("hologram_required", None, "_required", None),
    ("_not_found", None, None, None),
    ("not_found", None, None, None),
    ("hologramnot_found", None, None, None),
    ("not_found_hologram", None, None, None),
    ("hologram_not_found_", None, None, None),
    ("", None, None, None),
    ("_", None, None, None),
    ("400112", None, None, None),
    ("ü_not_found", None, "_not_found", "not_found"),
]


@pytest.mark.parametrize(("code", "status", "family", "category"), FAMILIES)
def test_family(code: str, status: int | None, family: str | None, category: str | None) -> None:
    """An unknown code belongs to the family of its longest suffix, unless that blames the vendor and the status the caller."""
    rule = _space().family_rule(code, status)
    assert (rule and rule.id) == (family and f"heygen/family:{family}")
    if category is not None:
        assert rule is not None
        assert rule.category.value == category


def test_no_family_is_about_digits() -> None:
    """No family ends in a digit: the vendors' number ranges mean nothing."""
    suffixes = [family["suffix"] for data in default_catalogs().raw.values() for family in data.get("families", ())]
    assert suffixes
    assert [suffix for suffix in suffixes if not suffix.startswith("_") or suffix[-1].isdigit()] == []


def test_a_code_of_any_length_is_answered() -> None:
    """A code of a million characters is looked at no longer than a short one."""
    before = time.process_time()
    for _ in range(100):
        rule = _space().family_rule("a_" * 500_000 + "not_found", None)
        assert rule is None or rule.id == "heygen/family:_not_found"
    assert time.process_time() - before < 1


# Endpoints.

ENDPOINTS = [
    # provider, method, url, path in the catalog
    ("heygen", "POST", "https://api.heygen.com/v3/videos", "/v3/videos"),
    ("heygen", "post", "/v3/videos", "/v3/videos"),
    ("heygen", "POST", "/v3/videos/", "/v3/videos"),
    ("heygen", "POST", "v3/videos", "/v3/videos"),
    ("heygen", "POST", "https://api.heygen.com/v3/videos?a=b/c#d", "/v3/videos"),
    ("heygen", "GET", "https://api.heygen.com:443/v3/videos/abc-1#x", "/v3/videos/{video_id}"),
    ("heygen", "GET", "/v3/videos/statuses", "/v3/videos/statuses"),
    ("heygen", "GET", "/v3/videos/batches/b1", "/v3/videos/batches/{batch_id}"),
    ("heygen", "POST", "/v3/video-agents/sessions", "/v3/video-agents/sessions"),
    ("heygen", "POST", "/v3/video-agents/s1", "/v3/video-agents/{session_id}"),
    ("heygen", "PUT", "/v3/videos", None),
    ("heygen", "GET", "/v3/videos/abc/def", None),
    ("heygen", "GET", "/V3/videos", None),
    ("heygen", "GET", "", None),
    ("heygen", "GET", "https://api.heygen.com", None),
    ("heygen", "GET", None, None),
    ("heygen", None, "/v3/videos", None),
    ("heify", "POST", "https://x.invalid/analytics", "/analytics"),
    ("liveavatar", "POST", "/v1/sessions/start", "/v1/sessions/start"),
]


@pytest.mark.parametrize(("provider", "method", "url", "path"), ENDPOINTS)
def test_endpoint(provider: str, method: str | None, url: str | None, path: str | None) -> None:
    """An endpoint is found by method and path, whatever host and query stand around it, fixed segments before variable ones."""
    endpoint = _space(provider).endpoint(method, url)
    assert (endpoint and endpoint.path) == path
    if endpoint is not None and method is not None:
        assert endpoint.method == method.upper()


def test_every_endpoint_finds_itself() -> None:
    """Every listed endpoint is found by its own path with its variable segments filled in."""
    for provider in PROVIDERS:
        for endpoint in _space(provider).endpoints:
            parts = [f"x{number}" if part.startswith("{") else part for number, part in enumerate(endpoint.path.split("/"))]
            assert _space(provider).endpoint(endpoint.method, "https://h.invalid" + "/".join(parts)) == endpoint


REPEAT = [
    # provider, method, url, has key, may be repeated
    ("heygen", "GET", "/v3/videos", False, True),
    ("heygen", "POST", "/v3/videos", False, False),
    ("heygen", "POST", "/v3/videos", True, True),
    ("heygen", "POST", "/v3/background-removals", True, True),
    ("heygen", "POST", "/v2/video/generate", False, False),
    ("heygen", "POST", "/v2/video/generate", True, False),
    ("heygen", "PATCH", "/v3/avatars/looks/l1", False, True),
    ("heygen", "POST", "/v3/assets/a1/complete", False, True),
    ("heygen", "POST", "/v9/unheard/of", False, False),
    ("heygen", "POST", "/v9/unheard/of", True, False),
    ("heygen", "PATCH", "/v9/unheard/of", False, False),
    ("heygen", "PURGE", "/v9/unheard/of", False, False),
    ("heygen", "GET", "/v9/unheard/of", False, True),
    ("heygen", "head", "/v9/unheard/of", False, True),
    ("heygen", "put", "/v9/unheard/of", False, True),
    ("heygen", "DELETE", "/v9/unheard/of", False, True),
    ("heygen", "GET", None, False, True),
    ("heygen", "POST", None, False, False),
    ("heygen", "POST", None, True, True),
    ("heify", "POST", None, True, False),
    ("heify", "POST", "/details", False, True),
    ("heify", "POST", "/submit", True, False),
    ("liveavatar", "POST", None, True, False),
]


@pytest.mark.parametrize(("provider", "method", "url", "has_key", "expected"), REPEAT)
def test_may_repeat(provider: str, method: str, url: str | None, has_key: bool, expected: bool) -> None:  # noqa: FBT001
    """What may have started paid work is repeated only with a key that its endpoint honours; reading and idempotent calls always."""
    assert _space(provider).may_repeat(method, url, has_key=has_key) is expected
    info = ErrorInfo(
        provider=provider,
        channel="response",
        category="server",
        summary="x",
        remedy="x",
        fault="provider",
        retry=RetryAdvice(action="backoff", outcome="unknown"),
    )
    assert info.may_repeat(method, "key" if has_key else None, url=url) is expected
    assert info.may_repeat(method, "" if not has_key else "key", url=url) is expected


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_minimum_wait_of_an_endpoint(provider: str) -> None:
    """A throttled call is told to wait at least as long as its endpoint's limit asks, and Retry-After can only lengthen it."""
    for endpoint in _space(provider).endpoints:
        observation = Observation(provider, 429, None, {"message": "x"}, endpoint.method, "https://h.invalid" + endpoint.path)
        info = normalize(observation)
        assert info is not None
        assert (endpoint.path, info.retry.after) == (endpoint.path, endpoint.min_wait)
        if endpoint.min_wait:
            longer = normalize(Observation(provider, 429, {"Retry-After": "600"}, {}, endpoint.method, endpoint.path))
            shorter = normalize(Observation(provider, 429, {"Retry-After": "0"}, {}, endpoint.method, endpoint.path))
            assert longer is not None
            assert shorter is not None
            assert (longer.retry.after, shorter.retry.after) == (600, endpoint.min_wait)


# Belief.

BELIEF = [
    # statuses of the entry, its fault, the status seen, believed
    ([409], None, None, True),
    ([409], None, 200, True),
    ([409], None, 302, True),
    ([409], None, 409, True),
    ([409], None, 404, False),
    ([409], None, 500, False),
    ([409, "5xx"], None, 503, True),
    (["4xx"], None, 418, True),
    (["4xx"], None, 500, False),
    (None, None, 404, True),
    (None, None, 500, False),
    (None, "account", 500, False),
    (None, "provider", 500, True),
    (None, "network", 500, True),
    (None, "provider", 400, True),
]


@pytest.mark.parametrize(("statuses", "fault", "status", "believed"), BELIEF)
def test_a_template_is_believed_with_its_statuses(
    statuses: list[int | str] | None,
    fault: str | None,
    status: int | None,
    believed: bool,  # noqa: FBT001
    entry: Entry,
    laid_over: LaidOver,
) -> None:
    """A template counts with its listed statuses, without one, and in a success; unlisted, with a 5xx only where the vendor is at fault."""
    space = laid_over(entry(message="Boo", statuses=statuses, fault=fault)).catalogs.space("heygen")
    assert space.believes(space.entries["MY_ERROR"], status) is believed
