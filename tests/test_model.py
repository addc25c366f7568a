"""The common error model: closed vocabularies, immutable values, retry advice."""

from __future__ import annotations

import copy
import pickle
import re

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heify_heygen_errors import (
    Catalogs,
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
)
from heify_heygen_errors.model import EMPTY_MAP, FrozenMap

steady = settings(deadline=None, derandomize=True)


def an_info(**changes: object) -> ErrorInfo:
    """An ErrorInfo with every field set, and some set otherwise."""
    fields: dict[str, object] = {
        "provider": "heygen",
        "channel": Channel.RESPONSE,
        "category": Category.NOT_FOUND,
        "code": "video_not_found",
        "name": "VIDEO_NOT_FOUND",
        "message": "Video vid-1 not found",
        "detail": "gone",
        "summary": "The video does not exist.",
        "remedy": "Check the id.",
        "status": 404,
        "fault": Fault.CALLER,
        "retry": RetryAdvice(action=RetryAction.NEVER, after=1.5, resets="day", outcome=Outcome.REFUSED),
        "param": "video_id",
        "params": {"video_id": "vid-1"},
        "resource": {"video_id": "vid-1", "callback_id": "c"},
        "doc_url": "https://developers.heygen.com/docs/error-codes#video-not-found",
        "request_id": "req-1",
        "rule": "heygen/VIDEO_NOT_FOUND",
        "matched_by": MatchedBy.CODE,
        "fingerprint": "v1:0123456789abcdef",
        "body": '{"error":{}}',
        "catalog": "2026.11+00000000",
    }
    return ErrorInfo(**{**fields, **changes})  # type: ignore[arg-type]


# Closed vocabularies

MEMBERS = {
    Category: "authentication permission plan payment quota rate_limit not_found invalid_request invalid_media content_policy"
    " conflict not_ready upstream timeout network server unknown",
    Channel: "response job webhook upload gateway transport",
    Fault: "caller account provider network",
    MatchedBy: "code message detail family shape status transport none",
    Outcome: "not_sent refused unknown accepted",
    RetryAction: "never backoff poll wait renew",
}


@pytest.mark.parametrize(("kind", "members"), MEMBERS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_vocabularies_are_closed(kind, members):
    """Each enum has exactly the agreed members: one more is a major release."""
    assert [member.value for member in kind] == members.split()


@pytest.mark.parametrize("kind", MEMBERS, ids=lambda kind: kind.__name__)
def test_members_are_their_text(kind):
    """Members compare equal to their value and print as it, named like it in upper case."""
    assert [(str(member), member == member.value, member.name) for member in kind] == [
        (member.value, True, member.value.upper()) for member in kind
    ]


@pytest.mark.parametrize("kind", MEMBERS, ids=lambda kind: kind.__name__)
def test_vocabularies_refuse_other_values(kind):
    """A value outside of a vocabulary is a ValueError."""
    with pytest.raises(ValueError, match="no_such_member"):
        kind("no_such_member")


# What the agreed table of categories says: fault, retry action, google.rpc code.
ROWS = {
    "authentication": ("account", "never", "UNAUTHENTICATED"),
    "permission": ("account", "never", "PERMISSION_DENIED"),
    "plan": ("account", "never", "FAILED_PRECONDITION"),
    "payment": ("account", "never", "RESOURCE_EXHAUSTED"),
    "quota": ("account", "never", "RESOURCE_EXHAUSTED"),
    "rate_limit": ("caller", "backoff", "RESOURCE_EXHAUSTED"),
    "not_found": ("caller", "never", "NOT_FOUND"),
    "invalid_request": ("caller", "never", "INVALID_ARGUMENT"),
    "invalid_media": ("caller", "never", "INVALID_ARGUMENT"),
    "content_policy": ("caller", "never", "FAILED_PRECONDITION"),
    "conflict": ("caller", "never", "ABORTED"),
    "not_ready": ("caller", "poll", "UNAVAILABLE"),
    "upstream": ("provider", "backoff", "UNAVAILABLE"),
    "timeout": ("provider", "backoff", "DEADLINE_EXCEEDED"),
    "network": ("network", "backoff", "UNAVAILABLE"),
    "server": ("provider", "backoff", "INTERNAL"),
    "unknown": ("provider", "never", "UNKNOWN"),
}


@pytest.mark.parametrize("category", Category)
def test_category_has_its_agreed_row(category):
    """Every category has the fault, retry action and google.rpc code of the agreed table."""
    assert (category.fault, category.retry, category.grpc) == ROWS[category.value]
    assert (type(category.fault), type(category.retry)) == (Fault, RetryAction)


@pytest.mark.parametrize("category", Category)
def test_category_says_what_to_answer(category):
    """Every category has an error status to answer with, and a definition and a title that are whole sentences."""
    assert 400 <= category.http_status <= 599
    assert type(category.http_status) is int
    for sentence in (category.means, category.title):
        assert (sentence[0].isupper(), sentence[-1], sentence.strip()) == (True, ".", sentence)


@pytest.mark.parametrize("category", Category)
def test_titles_are_safe_for_end_users(category):
    """A title names neither a vendor nor keys, codes or statuses."""
    words = set(category.title.lower().replace(".", " ").replace("'", " ").split())
    assert words & {"heygen", "heify", "liveavatar", "api", "key", "token", "http", "code", "status"} == set()


def test_titles_and_definitions_tell_categories_apart():
    """No two categories share a title or a definition."""
    assert len({category.title for category in Category}) == len(Category)
    assert len({category.means for category in Category}) == len(Category)


# FrozenMap


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda mapping: mapping.__setitem__("a", "2"), id="set an item"),
        pytest.param(lambda mapping: mapping.__delitem__("a"), id="delete an item"),
        pytest.param(lambda mapping: mapping.update({"a": "2"}), id="update"),
        pytest.param(lambda mapping: mapping.pop("a"), id="pop"),
        pytest.param(lambda mapping: mapping.clear(), id="clear"),
        pytest.param(lambda mapping: setattr(mapping, "_items", {}), id="set an attribute"),
        pytest.param(lambda mapping: setattr(mapping, "other", 1), id="add an attribute"),
    ],
)
def test_frozen_map_cannot_change(change):
    """Nothing that changes a dict changes a FrozenMap."""
    mapping = FrozenMap({"a": "1"})
    with pytest.raises((AttributeError, TypeError)):
        change(mapping)
    assert mapping == {"a": "1"}


def test_frozen_map_keeps_its_own_items():
    """A FrozenMap does not change with the dict that it was made of."""
    source = {"a": "1"}
    mapping = FrozenMap(source)
    source["b"] = "2"
    assert mapping == {"a": "1"}


def test_frozen_map_is_in_key_order():
    """Items come in key order, whatever order they were given in."""
    mapping = FrozenMap({"b": "2", "c": "3", "a": "1"})
    assert list(mapping.items()) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert repr(mapping) == "{'a': '1', 'b': '2', 'c': '3'}"


def test_frozen_map_reads_like_a_dict():
    """Look-up, length, membership and truth are those of a dict."""
    mapping = FrozenMap({"a": "1"})
    assert (mapping["a"], mapping.get("b"), len(mapping), "a" in mapping, bool(mapping)) == ("1", None, 1, True, True)
    assert (bool(EMPTY_MAP), len(EMPTY_MAP), dict(EMPTY_MAP)) == (False, 0, {})
    with pytest.raises(KeyError):
        mapping["b"]


@given(st.dictionaries(st.text(), st.text()))
@steady
def test_frozen_maps_of_equal_items_are_one_key(items):
    """Equal items make equal maps with equal hashes, in whatever order they came, and equal their dict."""
    one, other = FrozenMap(items), FrozenMap(dict(reversed(items.items())))
    assert one == other
    assert hash(one) == hash(other)
    assert one == items
    assert items == one


def test_frozen_maps_of_other_items_differ():
    """Other keys or values make another map, and what is no mapping is never equal."""
    assert FrozenMap({"a": "1"}) != FrozenMap({"a": "2"})
    assert FrozenMap({"a": "1"}) != FrozenMap({"b": "1"})
    assert FrozenMap({"a": "1"}) != [("a", "1")]


@given(st.dictionaries(st.text(), st.text()), st.integers(0, pickle.HIGHEST_PROTOCOL))
@steady
def test_frozen_map_survives_pickle_and_copies(items, protocol):
    """Pickle, copy and deepcopy give an equal FrozenMap."""
    mapping = FrozenMap(items)
    again = [pickle.loads(pickle.dumps(mapping, protocol)), copy.copy(mapping), copy.deepcopy(mapping)]
    assert again == [mapping] * 3
    assert [type(each) for each in again] == [FrozenMap] * 3


# ErrorInfo

OTHER_VALUES = {
    "provider": "heify",
    "channel": Channel.JOB,
    "category": Category.SERVER,
    "code": "other",
    "name": "OTHER",
    "message": "other",
    "detail": "other",
    "summary": "Other.",
    "remedy": "Other.",
    "status": 500,
    "fault": Fault.PROVIDER,
    "retry": RetryAdvice(action=RetryAction.BACKOFF, outcome=Outcome.UNKNOWN),
    "param": "other",
    "params": {"other": "1"},
    "resource": {"other": "1"},
    "doc_url": "https://example.com/",
    "request_id": "other",
    "rule": "other",
    "matched_by": MatchedBy.NONE,
    "fingerprint": "v1:fedcba9876543210",
    "body": "other",
    "catalog": "other",
}


def test_every_field_has_another_value_here():
    """A new field of ErrorInfo fails this file until the tests below cover it."""
    assert list(OTHER_VALUES) == [field.name for field in attrs.fields(ErrorInfo)]


def test_infos_of_equal_values_are_equal():
    """Two infos of equal values are equal, have one hash and are one key."""
    assert an_info() == an_info()
    assert len({an_info(), an_info()}) == 1


@pytest.mark.parametrize("field", [name for name in OTHER_VALUES if name != "catalog"])
def test_infos_differ_in_any_field(field):
    """Another value of any field that tells of the failure makes another info."""
    assert an_info() != an_info(**{field: OTHER_VALUES[field]})


def test_version_of_the_catalogs_is_no_part_of_equality():
    """The same failure decided by another version of the catalogs is the same failure."""
    assert an_info() == an_info(catalog="other")
    assert hash(an_info()) == hash(an_info(catalog="other"))


@pytest.mark.parametrize("field", OTHER_VALUES)
def test_info_cannot_change(field):
    """No field of an ErrorInfo can be set or deleted."""
    info = an_info()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(info, field, OTHER_VALUES[field])
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(info, field)
    assert info == an_info()


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(RetryAdvice)])
def test_advice_cannot_change(field):
    """No field of a RetryAdvice can be set."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(an_info().retry, field, None)


def test_fields_are_keyword_only():
    """ErrorInfo and RetryAdvice take no positional arguments, so that fields may be added."""
    with pytest.raises(TypeError):
        ErrorInfo("heygen")  # type: ignore[misc]
    with pytest.raises(TypeError):
        RetryAdvice("never", None, None, "refused")  # type: ignore[misc]


def test_text_values_become_members():
    """Enum fields take the member's text, mappings of text become FrozenMaps."""
    info = an_info(channel="job", category="payment", fault="account", matched_by="message", params={"b": "2", "a": "1"}, resource=None)
    assert (info.channel, info.category, info.fault, info.matched_by) == (
        Channel.JOB,
        Category.PAYMENT,
        Fault.ACCOUNT,
        MatchedBy.MESSAGE,
    )
    assert (type(info.channel), type(info.category), type(info.fault), type(info.matched_by)) == (Channel, Category, Fault, MatchedBy)
    assert (type(info.params), list(info.params), info.resource) == (FrozenMap, ["a", "b"], EMPTY_MAP)


@pytest.mark.parametrize("field", ["channel", "category", "fault", "matched_by"])
def test_info_refuses_values_outside_of_a_vocabulary(field):
    """An enum field refuses what is none of its members."""
    with pytest.raises(ValueError, match="bogus"):
        an_info(**{field: "bogus"})


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_info_survives_pickle(protocol):
    """Every protocol of pickle keeps every value of an info, the catalog's version too."""
    again = pickle.loads(pickle.dumps(an_info(), protocol))
    assert attrs.asdict(again) == attrs.asdict(an_info())
    assert hash(again) == hash(an_info())


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, attrs.evolve])
def test_info_survives_copies(duplicate):
    """A copy of an info has every value of it, the catalog's version too."""
    assert attrs.asdict(duplicate(an_info())) == attrs.asdict(an_info())


def test_normalized_info_is_like_a_constructed_one():
    """What normalize gives has the values and types of an ErrorInfo built by its constructor."""
    info = normalize(
        Observation("heygen", 404, {"Retry-After": "3"}, b'{"error":{"code":"video_not_found","message":"Video v1 not found"}}')
    )
    assert info is not None
    built = ErrorInfo(**{field.name: getattr(info, field.name) for field in attrs.fields(ErrorInfo)})
    assert built == info
    assert hash(built) == hash(info)
    assert vars(built) == vars(info)
    assert [type(value) for value in vars(built).values()] == [type(value) for value in vars(info).values()]


def test_repr_leaves_the_body_out():
    """The repr of an info holds what a person needs, and no body."""
    shown = repr(an_info(body="the body"))
    assert "the body" not in shown
    assert "video_not_found" in shown


@pytest.mark.parametrize(
    ("action", "retryable"),
    [("never", False), ("backoff", True), ("poll", True), ("wait", False), ("renew", False)],
)
def test_retryable_means_that_the_condition_may_pass(action, retryable):
    """An info is retryable where backing off or polling can help."""
    assert an_info(retry=RetryAdvice(action=action, outcome="unknown")).retryable is retryable


# Whether the same request may be sent again

READS, PUTS, SPENDS = ("GET", "HEAD", "OPTIONS"), ("PUT", "DELETE"), ("POST", "PATCH", "MERGE")


def may_repeat(provider, outcome, method, *, key=None, url=None):
    """What an info of this provider and outcome says to sending its request again."""
    return an_info(provider=provider, retry=RetryAdvice(action="backoff", outcome=outcome)).may_repeat(method, key, url=url)


@pytest.mark.parametrize("provider", ["heygen", "liveavatar", "heify"])
@pytest.mark.parametrize("key", [None, "key-1"])
@pytest.mark.parametrize("method", [*READS, *PUTS, *SPENDS])
@pytest.mark.parametrize(("outcome", "expected"), [("not_sent", True), ("refused", True), ("accepted", False)])
def test_known_outcomes_decide_alone(provider, outcome, expected, method, key):
    """What was not sent or was refused may be sent again; what was accepted never is, key or not."""
    assert may_repeat(provider, outcome, method, key=key) is expected
    assert may_repeat(provider, outcome, method, key=key, url="https://api.heygen.com/v3/videos") is expected


@pytest.mark.parametrize("provider", ["heygen", "liveavatar", "heify", "a provider of an overlay"])
@pytest.mark.parametrize("key", [None, "", "key-1"])
@pytest.mark.parametrize("method", [*READS, *PUTS, "get", "Delete"])
def test_methods_without_harm_may_be_repeated(provider, method, key):
    """With an unknown outcome, reading and idempotent methods may be repeated without a key."""
    assert may_repeat(provider, "unknown", method, key=key) is True


@pytest.mark.parametrize("provider", ["heygen", "liveavatar", "heify", "a provider of an overlay"])
@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize("method", [*SPENDS, "post"])
def test_spending_methods_are_not_repeated_without_a_key(provider, method, key):
    """With an unknown outcome, a request that may have started paid work is not repeated without a key."""
    assert may_repeat(provider, "unknown", method, key=key) is False


@pytest.mark.parametrize(
    ("provider", "method", "url", "without_key", "with_key"),
    [
        # HeyGen v3: honours the header
        ("heygen", "POST", "https://api.heygen.com/v3/videos", False, True),
        ("heygen", "post", "https://api.heygen.com/v3/videos?dry=1#top", False, True),
        ("heygen", "POST", "/v3/videos", False, True),
        ("heygen", "POST", "/v3/videos/", False, True),
        ("heygen", "POST", "/v3/lipsyncs", False, True),
        ("heygen", "POST", "/v3/video-agents/sessions/abc-1/messages", False, True),
        # honours a field of the body
        ("heygen", "POST", "/v3/background-removals", False, True),
        # HeyGen v3: reads, and changes that can be repeated
        ("heygen", "GET", "/v3/videos/abc-1", True, True),
        ("heygen", "DELETE", "/v3/videos/abc-1", True, True),
        ("heygen", "PATCH", "/v3/lipsyncs/abc-1", True, True),
        ("heygen", "POST", "/v3/assets/abc-1/complete", True, True),
        # HeyGen v1 and v2: know no keys
        ("heygen", "POST", "https://api.heygen.com/v2/video/generate", False, False),
        ("heygen", "POST", "/v2/template/abc-1/generate", False, False),
        ("heygen", "POST", "/v1/video_agent/generate", False, False),
        ("heygen", "GET", "/v1/video_status.get?video_id=abc-1", True, True),
        ("heygen", "POST", "/v1/streaming.stop", True, True),
        # an endpoint that the catalog does not know
        ("heygen", "POST", "/v9/unheard-of", False, False),
        ("heygen", "POST", "/v3/videos/abc-1/extra/parts", False, False),
        ("heygen", "PATCH", "/v9/unheard-of", False, False),
        ("heygen", "GET", "/v9/unheard-of", True, True),
        ("heygen", "PUT", "/v9/unheard-of", True, True),
        # Heify: everything is a POST
        ("heify", "POST", "https://api.heify.com/get-transcription", True, True),
        ("heify", "POST", "/list-configurations", True, True),
        ("heify", "POST", "/update-configuration", True, True),
        ("heify", "POST", "/delete-transcription", True, True),
        ("heify", "POST", "/submit", False, False),
        ("heify", "POST", "/analytics", False, False),
        ("heify", "POST", "/request-upload-url", False, False),
        ("heify", "PUT", "https://storage.heify.com/uploads/a?X-Amz-Signature=0", True, True),
        # LiveAvatar
        ("liveavatar", "POST", "https://api.liveavatar.com/v1/sessions/start", False, False),
        ("liveavatar", "POST", "/v1/sessions/stop", True, True),
        ("liveavatar", "GET", "/v1/sessions/abc-1", True, True),
        # another vendor's endpoint is none of this one
        ("heify", "POST", "/v3/videos", False, False),
    ],
)
def test_endpoints_decide_where_the_url_is_known(provider, method, url, without_key, with_key):
    """With an unknown outcome, an endpoint's effect decides, and a key counts only where the endpoint honours it."""
    assert may_repeat(provider, "unknown", method, url=url) is without_key
    assert may_repeat(provider, "unknown", method, key="key-1", url=url) is with_key
    assert may_repeat(provider, "unknown", method, key="", url=url) is without_key


@pytest.mark.parametrize(("provider", "expected"), [("heygen", True), ("heify", False), ("liveavatar", False), ("other", False)])
def test_key_without_url_counts_where_the_vendor_honours_keys(provider, expected):
    """Without a URL a key makes a POST safe only for a vendor that has endpoints that honour one."""
    assert may_repeat(provider, "unknown", "POST", key="key-1") is expected


ENDPOINTS = [(space, endpoint) for space in ("heygen", "liveavatar", "heify") for endpoint in Catalogs.load().space(space).endpoints]


@pytest.mark.parametrize(("provider", "endpoint"), ENDPOINTS, ids=[f"{space} {one.method} {one.path}" for space, one in ENDPOINTS])
def test_every_listed_endpoint_is_found_by_its_url(provider, endpoint):
    """The effect of each endpoint in the catalogs decides for URLs of its path, variable segments included."""
    url = "https://host.example" + re.sub(r"\{[^}]*\}", "id-1", endpoint.path) + "?limit=1"
    harmless = endpoint.effect != "spends"
    assert may_repeat(provider, "unknown", endpoint.method, url=url) is harmless
    assert may_repeat(provider, "unknown", endpoint.method, key="key-1", url=url) is (harmless or endpoint.idempotency is not None)
