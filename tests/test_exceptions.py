"""The exception tree: one class per category, which carries its ErrorInfo everywhere."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback
import unicodedata

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heify_heygen_errors
from heify_heygen_errors import (
    ApiError,
    Category,
    ErrorInfo,
    Observation,
    RetryAdvice,
    ServerError,
    UnknownError,
    exceptions,
    is_retryable,
    normalize,
    raise_for_error,
)
from heify_heygen_errors.exceptions import Attempt
from heify_heygen_errors.testing import exception, info

steady = settings(deadline=None, derandomize=True)

CLASSES = {
    "authentication": "AuthenticationError",
    "permission": "PermissionDeniedError",
    "plan": "PlanRequiredError",
    "payment": "PaymentRequiredError",
    "quota": "QuotaExceededError",
    "rate_limit": "RateLimitError",
    "not_found": "NotFoundError",
    "invalid_request": "InvalidRequestError",
    "invalid_media": "InvalidMediaError",
    "content_policy": "ContentPolicyError",
    "conflict": "ConflictError",
    "not_ready": "NotReadyError",
    "upstream": "UpstreamError",
    "timeout": "TimedOutError",
    "network": "NetworkError",
    "server": "ServerError",
    "unknown": "UnknownError",
}


def an_info(category="server", action="backoff", **changes):
    """An ErrorInfo of a category with most fields set."""
    fields = {
        "provider": "heygen",
        "channel": "response",
        "category": category,
        "code": "internal_error",
        "name": "INTERNAL_ERROR",
        "message": "Something broke",
        "detail": "in the renderer",
        "summary": "The vendor failed.",
        "remedy": "Retry.",
        "status": 500,
        "fault": "provider",
        "retry": RetryAdvice(action=action, after=2.5, resets="day", outcome="unknown"),
        "param": "voice",
        "params": {"voice_id": "v"},
        "resource": {"video_id": "x"},
        "doc_url": "https://developers.heygen.com/",
        "request_id": "req-1",
        "rule": "heygen/INTERNAL_ERROR",
        "matched_by": "code",
        "fingerprint": "v1:0123456789abcdef",
        "body": "{}",
        "catalog": "2026.11+00000000",
    }
    return ErrorInfo(**{**fields, **changes})


def own_classes():
    """The direct subclasses of ApiError that the package defines."""
    return [cls for cls in ApiError.__subclasses__() if cls.__module__.startswith("heify_heygen_errors")]


# The tree


def test_each_category_has_one_class():
    """There is exactly one class per category, with the agreed name, exported, and no other class."""
    assert {cls.category: cls.__name__ for cls in own_classes()} == {Category(value): name for value, name in CLASSES.items()}
    assert len(own_classes()) == len(Category)
    assert [getattr(heify_heygen_errors, cls.__name__) for cls in own_classes()] == own_classes()


def test_tree_is_flat():
    """Every class derives from ApiError alone, ApiError from Exception alone, and ApiError has no category."""
    assert [cls.__bases__ for cls in own_classes()] == [(ApiError,)] * len(CLASSES)
    assert (ApiError.__bases__, ApiError.category) == ((Exception,), None)


@pytest.mark.parametrize("cls", own_classes(), ids=lambda cls: cls.__name__)
def test_classes_say_what_they_are(cls):
    """Every class has a docstring of its own, and the module's tree names it."""
    assert cls.__doc__
    assert cls.__doc__ != ApiError.__doc__
    tree = exceptions.__doc__
    assert f"── {cls.__name__} " in tree


@pytest.mark.parametrize("category", Category)
def test_category_gives_its_class(category):
    """ApiError.of gives an exception of the category's class that carries the very info."""
    info = an_info(category)
    error = ApiError.of(info)
    assert (type(error).__name__, error.info is info, error.args) == (CLASSES[category.value], True, (info,))


@pytest.mark.parametrize("category", Category)
def test_catalog_names_the_same_class(category):
    """The class that categories.yaml names for a category is the one that is raised for it."""
    row = heify_heygen_errors.Catalogs.load().categories[category.value]
    assert row["exception"] == type(ApiError.of(an_info(category))).__name__


def test_users_subclass_does_not_take_over():
    """A user's own subclass is an ApiError of the same category, but is never raised in place of ours."""

    class MyServerError(ServerError):
        """One of a user's own."""

    mine = MyServerError(an_info())
    assert (isinstance(mine, ApiError), mine.category) == (True, Category.SERVER)
    assert type(ApiError.of(an_info())) is ServerError
    assert type(copy.copy(mine)) is MyServerError


def test_raised_error_is_what_normalize_says():
    """raise_for_error raises the class of the category, with the info that normalize gives."""
    seen = Observation("heygen", 429, None, b'{"error":{"code":"rate_limit_exceeded","message":"Too many requests"}}')
    with pytest.raises(heify_heygen_errors.RateLimitError) as caught:
        raise_for_error(seen)
    assert caught.value.info == normalize(seen)


def test_info_is_the_only_argument():
    """An exception takes its info and nothing else."""
    with pytest.raises(TypeError):
        ServerError()
    with pytest.raises(TypeError):
        ServerError(an_info(), "more")


# Values are kept

DUPLICATES = {
    **{
        f"pickle {protocol}": (lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol)))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
@pytest.mark.parametrize("category", Category)
def test_duplicates_keep_every_value(category, duplicate):
    """Pickle, copy and deepcopy keep class, info, text, notes and attributes of an exception."""
    error = ApiError.of(an_info(category))
    error.add_note("seen by the worker")
    error.attempt = 3
    again = duplicate(error)
    assert type(again) is type(error)
    assert attrs.asdict(again.info) == attrs.asdict(error.info)
    assert (str(again), again.__notes__, again.attempt) == (str(error), ["seen by the worker"], 3)
    assert again.args == (again.info,)


def test_group_splits_by_class_and_keeps_values():
    """except* takes errors out of an ExceptionGroup by class, each with its own info."""
    errors = [ApiError.of(an_info(category, code=category)) for category in ("server", "payment", "server")]
    caught, rest = ExceptionGroup("many", errors).split(ServerError)
    assert [error.info for error in caught.exceptions] == [errors[0].info, errors[2].info]
    assert [error.info for error in rest.exceptions] == [errors[1].info]


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
def test_group_survives_duplication(duplicate):
    """A pickled or copied ExceptionGroup holds exceptions of equal class and info."""
    group = ExceptionGroup("many", [ApiError.of(an_info(category)) for category in Category])
    again = duplicate(group)
    assert [(type(error), error.info) for error in again.exceptions] == [(type(error), error.info) for error in group.exceptions]


def test_chain_is_kept_when_raised():
    """An ApiError can be raised from another exception, which stays its cause."""
    cause = OSError("reset")
    with pytest.raises(ServerError) as caught:
        raise ApiError.of(an_info()) from cause
    assert caught.value.__cause__ is cause


# History of the call

ATTEMPTS = (
    Attempt(number=1, time=0.0, seconds=0.2, status=500, rule="heygen/INTERNAL_ERROR", wait=0.3, reason="transient", request_id="req-1"),
    Attempt(number=2, time=0.5, seconds=10.0, rule="transport/ReadTimeout", wait=2.5, reason="unsafe"),
)
HISTORY = {"attempts": ATTEMPTS, "wait": 2.5, "idempotency_key": "k-1", "method": "POST", "path": "/v3/videos"}
NO_HISTORY = {"attempts": (), "wait": None, "idempotency_key": None, "method": None, "path": None}


def with_history(category="server"):
    """An exception of a category with the history of its call."""
    error = ApiError.of(an_info(category))
    for name, value in HISTORY.items():
        setattr(error, name, value)
    return error


def history_of(error):
    """What an exception says of its call."""
    return {name: getattr(error, name) for name in HISTORY}


@pytest.mark.parametrize("category", Category)
def test_history_is_empty_where_nobody_keeps_it(category):
    """An exception of a call of which nothing is known has no attempts, and None for the rest."""
    assert history_of(ApiError.of(an_info(category))) == NO_HISTORY


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
@pytest.mark.parametrize("category", Category)
def test_duplicates_keep_the_history(category, duplicate):
    """Pickle, copy and deepcopy keep attempts, wait, key, method and path, also where there are none."""
    assert history_of(duplicate(with_history(category))) == HISTORY
    assert history_of(duplicate(ApiError.of(an_info(category)))) == NO_HISTORY


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
def test_groups_keep_the_history(duplicate):
    """A group that is split, or pickled and split, keeps the history of each of its exceptions."""
    group = ExceptionGroup("many", [with_history("server"), ApiError.of(an_info("payment")), with_history("timeout")])
    caught, rest = duplicate(group).split(ServerError)
    assert [history_of(error) for error in (*caught.exceptions, *rest.exceptions)] == [HISTORY, NO_HISTORY, HISTORY]


def test_history_is_of_one_exception():
    """The history of an exception shows on no other, neither of its class nor of its info."""
    error = with_history()
    assert [history_of(ApiError.of(error.info)), history_of(ServerError), history_of(ApiError)] == [NO_HISTORY] * 3


def test_text_says_what_a_log_line_needs():
    """The text of an exception names the call, its attempts, the wait, and where it may have taken effect the key to repeat it with."""
    lost = exception("heygen", "transport/READ_TIMEOUT")
    lost.method, lost.path, lost.attempts, lost.wait, lost.idempotency_key = "POST", "/v3/videos", ATTEMPTS, 2.5, "order-7"
    assert str(lost).endswith("[timeout; POST /v3/videos, attempts 2, wait 2.5 s, idempotency key order-7, transport/ReadTimeout]")
    lost.info = attrs.evolve(lost.info, retry=attrs.evolve(lost.info.retry, outcome="refused"))
    assert "order-7" not in str(lost)


def test_text_names_the_job_that_failed():
    """The text about a failed job has the job's id."""
    failed = ApiError.of(info("heygen", "rendering_failed", shape="job-v3", job_id="v-17"))
    assert "v-17" in str(failed)


@pytest.mark.parametrize("wrong", ["boom", None, {"info": 1}])
def test_exception_without_an_info_is_refused(wrong):
    """An exception of the tree is made of an ErrorInfo and of nothing else."""
    with pytest.raises(TypeError, match="carries an ErrorInfo"):
        ApiError(wrong)


def test_attempt_is_a_value():
    """An attempt is frozen, hashable, made by names only, and equal to its copies and pickles."""
    first, second = ATTEMPTS
    assert {first, second, copy.deepcopy(first), pickle.loads(pickle.dumps(second))} == {first, second}
    assert {field.kw_only for field in attrs.fields(Attempt)} == {True}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        first.wait = 0.0


def test_attempt_says_no_more_than_is_known():
    """Of an attempt number, beginning and duration are known; the rest can be absent."""
    assert attrs.asdict(Attempt(number=1, time=0.0, seconds=0.2)) == {
        "number": 1,
        "time": 0.0,
        "seconds": 0.2,
        "status": None,
        "rule": None,
        "wait": None,
        "reason": None,
        "request_id": None,
    }


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("POST", "https://api.heygen.com/v3/videos?api_key=sesame#top", ("POST", "/v3/videos")),
        ("GET", "https://user:sesame@api.heygen.com/v3/videos/v_1", ("GET", "/v3/videos/v_1")),
        (None, None, (None, None)),
    ],
)
def test_raised_error_names_its_call(method, url, expected):
    """What raise_for_error raises says which method and path failed, as far as they were seen, without host and query."""
    with pytest.raises(ServerError) as caught:
        raise_for_error(Observation("heygen", 500, None, b"", method, url))
    assert (caught.value.method, caught.value.path) == expected
    assert "sesame" not in repr(vars(caught.value))


# Text


def test_text_says_what_happened():
    """The text of an exception holds provider, message, category, status, code, request id and rule."""
    assert str(ApiError.of(an_info())) == (
        "heygen: Something broke [server; status 500, code internal_error, request id req-1, heygen/INTERNAL_ERROR]"
    )


def test_text_leaves_out_what_is_not_known():
    """Without message the summary speaks; an absent status, code or request id is not mentioned."""
    info = an_info(message=None, code=None, status=None, request_id=None)
    assert str(ApiError.of(info)) == "heygen: The vendor failed. [server; heygen/INTERNAL_ERROR]"


def test_repr_names_the_class():
    """The repr is the class with the text, quoted, without body or detail."""
    shown = repr(ApiError.of(an_info(body="the body", detail="the detail")))
    assert shown.startswith("ServerError('heygen: Something broke [server;")
    assert "the body" not in shown
    assert "the detail" not in shown


HOSTILE = {
    "newline": "\n",
    "carriage return": "\r",
    "tab": "\t",
    "NUL": "\0",
    "ANSI": "\x1b[31m",
    "bell": "\x07",
    "backspace": "\b",
    "delete": "\x7f",
    "C1 control": "\x9b2J",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "left-to-right mark": "\u200e",
    "right-to-left mark": "\u200f",
    "Arabic letter mark": "\u061c",
    "embedding": "\u202b",
    "override": "\u202e",
    "pop": "\u202c",
    "isolate": "\u2066",
    "pop isolate": "\u2069",
    "zero width space": "\u200b",
    "byte order mark": "\ufeff",
    "lone surrogate": "\ud800",
    "unassigned": "\U000e0001",
}
SAFE = 'Ünïcode — 视频 \u00a0 🙂 it\'s "fine" \\ 100 %'


def unsafe_characters(text):
    """The characters that could move the cursor, break a line, hide or turn text around."""
    return [char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


@pytest.mark.parametrize("field", ["message", "code", "request_id", "summary"])
@pytest.mark.parametrize("char", HOSTILE.values(), ids=HOSTILE)
def test_text_has_no_control_characters(field, char):
    """Whatever words of the vendor bring them, control characters and bidi marks are escaped in str and repr."""
    changes = {"message": None} if field == "summary" else {}
    error = ApiError.of(an_info(**{**changes, field: f"before{char}after"}))
    assert unsafe_characters(str(error)) == []
    assert unsafe_characters(repr(error)) == []
    assert "before" in str(error)
    assert "after" in str(error)


@pytest.mark.parametrize("field", ["provider", "rule"])
def test_text_of_a_record_has_no_control_characters(field):
    """An info that was read from a foreign record brings none through its other fields either."""
    error = ApiError.of(ErrorInfo.from_dict({**an_info().to_dict(), field: "before" + "".join(HOSTILE.values()) + "after"}))
    assert unsafe_characters(str(error)) == []
    assert unsafe_characters(repr(error)) == []


def test_text_keeps_readable_characters():
    """Letters of any script, emoji, quotes and no-break spaces stay as they are."""
    assert str(ApiError.of(an_info(message=SAFE))).startswith(f"heygen: {SAFE} [")


@given(st.text(st.characters()), st.text(st.characters()))
@steady
def test_no_text_of_a_vendor_brings_control_characters(message, code):
    """No message or code whatsoever puts a control character or bidi mark into the text of an exception."""
    error = ApiError.of(an_info(message=message, code=code))
    assert unsafe_characters(str(error)) == []
    assert str(error).encode() == str(error).encode("utf-8")


def test_hostile_answer_is_harmless_in_a_log(caplog):
    """A vendor's message with newlines and ANSI codes stays on one line when its exception is logged."""
    body = b'{"error":{"code":"internal_error","message":"first\\nsecond \\u001b[2J\\u202e third"}}'
    with pytest.raises(ApiError) as caught:
        raise_for_error(Observation("heygen", 500, None, body))
    with caplog.at_level(logging.WARNING):
        logging.getLogger("user").warning("%s", caught.value)
    last = traceback.format_exception_only(caught.value)
    assert caplog.messages[0].count("\n") == 0
    assert unsafe_characters(caplog.messages[0]) == []
    assert len(last) == 1


# Retry


@pytest.mark.parametrize(("action", "expected"), [("never", False), ("backoff", True), ("poll", True), ("wait", False), ("renew", False)])
@pytest.mark.parametrize("category", Category)
def test_retryable_is_a_property_of_the_value(category, action, expected):
    """is_retryable asks the advice of the info, whatever class carries it."""
    assert is_retryable(ApiError.of(an_info(category, action))) is expected


@pytest.mark.parametrize(
    "exc",
    [
        ValueError("no"),
        TimeoutError("slow"),
        ConnectionResetError("reset"),
        KeyboardInterrupt(),
        ExceptionGroup("many", [ApiError.of(an_info())]),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_other_exceptions_are_not_retryable(exc):
    """is_retryable is False for whatever is no ApiError, even if one hangs on it."""
    exc.__cause__ = ApiError.of(an_info())
    assert is_retryable(exc) is False


def test_error_normalizes_to_its_own_info():
    """Normalize of an ApiError gives the info that it carries, whatever provider is named."""
    error = UnknownError(an_info("unknown"))
    assert normalize(error) is error.info
    assert normalize(error, "heify") is error.info
    assert heify_heygen_errors.normalize_all(error) == [error.info]


def test_error_raised_again_is_the_same():
    """raise_for_error of an ApiError raises that very error."""
    error = UnknownError(an_info("unknown"))
    with pytest.raises(UnknownError) as caught:
        raise_for_error(error)
    assert caught.value is error
