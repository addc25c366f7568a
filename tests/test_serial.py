"""The JSON round trip of ErrorInfo: what is written is read back, what others wrote is read as far as it goes."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heify_heygen_errors import (
    Category,
    Channel,
    ErrorInfo,
    Fault,
    MatchedBy,
    Observation,
    Outcome,
    RetryAction,
    RetryAdvice,
    normalize,
    normalize_all,
)
from heify_heygen_errors.model import FrozenMap

steady = settings(deadline=None, derandomize=True)

FIELDS = [field.name for field in attrs.fields(ErrorInfo)]

texts = st.text(max_size=60)
maybe = st.none() | texts
maps = st.dictionaries(texts, texts, max_size=4)
advices = st.builds(
    RetryAdvice,
    action=st.sampled_from(RetryAction),
    after=st.none() | st.floats(0, 7 * 24 * 3600),
    resets=st.sampled_from([None, "day", "month"]),
    outcome=st.sampled_from(Outcome),
)
infos = st.builds(
    ErrorInfo,
    provider=st.sampled_from(["heygen", "liveavatar", "heify"]),
    channel=st.sampled_from(Channel),
    category=st.sampled_from(Category),
    code=maybe,
    name=maybe,
    message=maybe,
    detail=maybe,
    summary=texts,
    remedy=texts,
    status=st.none() | st.integers(-(10**9), 10**9),
    fault=st.sampled_from(Fault),
    retry=advices,
    param=maybe,
    params=maps,
    resource=maps,
    doc_url=maybe,
    request_id=maybe,
    rule=texts,
    matched_by=st.sampled_from(MatchedBy),
    fingerprint=texts,
    body=maybe,
    catalog=texts,
)


def an_info() -> ErrorInfo:
    """What normalize gives for a real answer with many fields set."""
    info = normalize(
        Observation(
            "heygen",
            404,
            {"Retry-After": "30", "X-Request-Id": "req-1"},
            b'{"error":{"code":"asset_not_found","message":"Asset a1 not found","param":"asset_id",'
            b'"detail":"gone","doc_url":"https://developers.heygen.com/docs/error-codes"}}',
        )
    )
    assert info is not None
    return info


# There and back


@given(infos)
@steady
def test_json_round_trip_keeps_every_value(info):
    """An info written as JSON and read again has every value of it, the catalog's version too."""
    again = ErrorInfo.from_dict(json.loads(json.dumps(info.to_dict())))
    assert again == info
    assert hash(again) == hash(info)
    assert attrs.asdict(again) == attrs.asdict(info)
    assert again.to_dict() == info.to_dict()


@given(infos)
@steady
def test_round_trip_keeps_types(info):
    """What is read back holds enum members, an advice and immutable mappings, not their JSON forms."""
    again = ErrorInfo.from_dict(json.loads(json.dumps(info.to_dict())))
    assert [type(getattr(again, name)) for name in FIELDS] == [type(getattr(info, name)) for name in FIELDS]
    assert (type(again.retry.action), type(again.retry.outcome)) == (RetryAction, Outcome)


@pytest.mark.parametrize(
    ("provider", "status", "headers", "body"),
    [
        ("heygen", 401, {}, b'{"code":400112,"message":"Unauthorized"}'),
        ("heygen", 200, {}, b'{"code":100,"data":{"status":"failed","id":"v1","error":null},"message":"Success"}'),
        ("heify", 429, {"Retry-After": "1.5"}, b'{"message":"Too Many Requests"}'),
        ("heify", 403, {}, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
        ("liveavatar", 403, {}, b'{"code":4003,"data":null,"message":"Not authenticated"}'),
        ("heygen", 502, {}, b"<html><title>502 Bad Gateway</title></html>"),
        ("heygen", 500, {}, '{"code":"x","message":"Ünï \\ud800 \\u0000"}'.encode()),
    ],
)
def test_normalized_infos_survive(provider, status, headers, body):
    """Whatever normalize gives survives the round trip through JSON text of any dialect."""
    found = normalize_all(Observation(provider, status, headers, body))
    assert len(found) == 1
    for ensure_ascii in (True, False):
        written = [json.dumps(info.to_dict(), ensure_ascii=ensure_ascii, allow_nan=False).encode() for info in found]
        assert [ErrorInfo.from_dict(json.loads(text)) for text in written] == found


# What is written


def test_written_keys_are_the_fields():
    """A written info has the schema first, then every field in order."""
    assert list(an_info().to_dict()) == ["schema", *FIELDS]


def test_written_values():
    """A written info holds plain texts, numbers, None and dicts, with the schema and the version of the catalogs."""
    info = an_info()
    assert info.to_dict() == {
        "schema": 1,
        "provider": "heygen",
        "channel": "response",
        "category": "not_found",
        "code": "asset_not_found",
        "name": info.name,
        "message": "Asset a1 not found",
        "detail": "gone",
        "summary": info.summary,
        "remedy": info.remedy,
        "status": 404,
        "fault": "caller",
        "retry": {"action": "never", "after": 30.0, "resets": None, "outcome": "refused"},
        "param": "asset_id",
        "params": {"asset_id": "a1"},
        "resource": {},
        "doc_url": "https://developers.heygen.com/docs/error-codes",
        "request_id": "req-1",
        "rule": info.rule,
        "matched_by": "code",
        "fingerprint": info.fingerprint,
        "body": info.body,
        "catalog": info.catalog,
    }
    assert info.catalog


def plain(value):
    """Whether a value is of the exact types that every JSON writer takes, all the way down."""
    if type(value) is dict:
        return all(type(key) is str and plain(item) for key, item in value.items())
    return value is None or type(value) in {str, int, float}


@given(infos)
@steady
def test_written_values_are_of_plain_types(info):
    """Nothing but dict, str, int, float and None is written: no enum members, no mappings of our own."""
    assert plain(info.to_dict())


def test_written_form_is_a_copy():
    """Changing the written form changes no info."""
    info = an_info()
    written = info.to_dict()
    written["params"]["asset_id"] = "changed"
    written["retry"]["action"] = "changed"
    assert info == an_info()


# What is read


def test_unknown_keys_are_ignored():
    """Keys that a newer writer added are ignored, at the top and in the advice."""
    written = an_info().to_dict()
    later = {**written, "severity": {"level": 3}, "tags": [1], "schema": 99}
    later["retry"] = {**written["retry"], "jitter": True}
    assert ErrorInfo.from_dict(later) == an_info()


DEFAULTS = {
    "provider": "unknown",
    "channel": Channel.RESPONSE,
    "category": Category.UNKNOWN,
    "code": None,
    "name": None,
    "message": None,
    "detail": None,
    "status": None,
    "fault": Fault.PROVIDER,
    "retry": RetryAdvice(action=RetryAction.NEVER, outcome=Outcome.UNKNOWN),
    "param": None,
    "params": FrozenMap(),
    "resource": FrozenMap(),
    "doc_url": None,
    "request_id": None,
    "rule": "unknown",
    "matched_by": MatchedBy.NONE,
    "fingerprint": "",
    "body": None,
    "catalog": "",
}


@pytest.mark.parametrize("missing", FIELDS)
def test_missing_keys_are_filled(missing):
    """A key that a writer left out is filled with what says nothing; everything else is kept."""
    written = an_info().to_dict()
    del written[missing]
    read = ErrorInfo.from_dict(written)
    kept = [name for name in FIELDS if name != missing]
    assert [getattr(read, name) for name in kept] == [getattr(an_info(), name) for name in kept]
    if missing in DEFAULTS:
        assert getattr(read, missing) == DEFAULTS[missing]


@pytest.mark.parametrize("missing", ["summary", "remedy"])
@pytest.mark.parametrize("written", [{}, {"summary": None, "remedy": None}])
def test_summary_and_remedy_are_never_empty(missing, written):
    """An info read from a record without summary or remedy still has words in both."""
    assert getattr(ErrorInfo.from_dict(written), missing).strip()


@pytest.mark.parametrize("missing", ["action", "after", "resets", "outcome"])
def test_missing_keys_of_the_advice_are_filled(missing):
    """A key that is missing in the advice is filled: no action, no wait, no reset, outcome unknown."""
    written = an_info().to_dict()
    del written["retry"][missing]
    expected = {"action": RetryAction.NEVER, "after": None, "resets": None, "outcome": Outcome.UNKNOWN}[missing]
    assert ErrorInfo.from_dict(written).retry == attrs.evolve(an_info().retry, **{missing: expected})


def test_nothing_reads_as_unknown():
    """An empty record reads as an unknown failure that is not retryable."""
    info = ErrorInfo.from_dict({})
    assert {name: getattr(info, name) for name in DEFAULTS} == DEFAULTS
    assert (info.retryable, info.may_repeat("POST")) == (False, False)


def test_any_mapping_is_read():
    """A mapping that is no dict is read like one."""

    class Row(dict):
        """A row of some database library."""

    assert ErrorInfo.from_dict(Row(an_info().to_dict())) == an_info()


def test_whole_numbers_of_seconds_are_read():
    """A wait that another writer wrote without decimals is read as seconds."""
    written = an_info().to_dict()
    written["retry"]["after"] = 30
    assert ErrorInfo.from_dict(written).retry.after == 30.0


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("provider", 5, "$.provider"),
        ("channel", "carrier pigeon", "$.channel"),
        ("category", "bogus", "$.category"),
        ("category", 7, "$.category"),
        ("category", ["payment"], "$.category"),
        ("code", 400112, "$.code"),
        ("message", {"text": "no"}, "$.message"),
        ("summary", 1.5, "$.summary"),
        ("status", "404", "$.status"),
        ("status", True, "$.status"),
        ("status", 404.5, "$.status"),
        ("fault", "nobody", "$.fault"),
        ("matched_by", "magic", "$.matched_by"),
        ("params", ["asset_id"], "$.params"),
        ("resource", "video_id", "$.resource"),
        ("rule", 0, "$.rule"),
        ("body", b"bytes", "$.body"),
        ("retry", "never", "$.retry"),
        ("retry", {"action": "hope"}, "$.retry.action"),
        ("retry", {"outcome": "maybe"}, "$.retry.outcome"),
        ("retry", {"after": "soon"}, "$.retry.after"),
        ("retry", {"after": True}, "$.retry.after"),
        ("retry", {"resets": 1}, "$.retry.resets"),
    ],
)
def test_wrong_values_are_refused_with_their_path(key, value, path):
    """A known key with a value that is none of the allowed ones is a ValueError that says where it stands."""
    with pytest.raises(ValueError, match="not an ErrorInfo") as caught:
        ErrorInfo.from_dict({**an_info().to_dict(), key: value})
    assert f"@ {path}" in str(caught.value)


def test_all_problems_are_told_at_once():
    """Several wrong values are named in one error."""
    with pytest.raises(ValueError, match="not an ErrorInfo") as caught:
        ErrorInfo.from_dict({"category": "bogus", "status": "404", "retry": {"action": "hope"}})
    assert [path for path in ("$.category", "$.status", "$.retry.action") if f"@ {path}" not in str(caught.value)] == []


@pytest.mark.parametrize("data", [None, [], "{}", 5, [("provider", "heygen")]], ids=repr)
def test_what_is_no_mapping_is_refused(data):
    """from_dict of something that is no mapping is a ValueError that says what it takes."""
    with pytest.raises(ValueError, match="takes a mapping"):
        ErrorInfo.from_dict(data)
