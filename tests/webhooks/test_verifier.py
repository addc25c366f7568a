"""The verifier: which deliveries are accepted, and why the others are not."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import Catalogs, Normalizer
from heify_heygen_errors.moments import unix_seconds
from heify_heygen_errors.testing import Webhook, webhook
from heify_heygen_errors.webhooks import (
    MemoryReplays,
    WebhookError,
    WebhookEvent,
    WebhookProblem,
    WebhookProof,
    WebhookState,
    WebhookVerifier,
)

SECRET = "whsec_4d9c2b7a51e84f0c"
OTHER = "whsec_90aa17c25b3e4d61"
NOW = 1_791_279_000
V3 = "Heygen-Signature"
OLDER = ("X-HeyGen-Signature", "Signature")

every_header = pytest.mark.parametrize("header", [V3, *OLDER])


def verifier(*secrets: str, **options: Any) -> WebhookVerifier:
    return WebhookVerifier(*(secrets or (SECRET,)), **{"clock": lambda: NOW, **options})


def delivery(header: str = V3, *, secret: str | None = SECRET, at: float = NOW) -> Webhook:
    return webhook("heygen", "rendering_failed", secret=secret, signature=header, timestamp=at)


def signed(body: bytes, header: str = V3, **more: str) -> dict[str, str]:
    """The headers of a body of one's own."""
    stamped = {"Heygen-Timestamp": str(NOW)} if header == V3 else {}
    return {header: digest_of(body), **stamped, **more}


def digest_of(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def told(verifier: WebhookVerifier, body: Any, headers: Any) -> str:
    """The state of an event, or the problem of a delivery."""
    try:
        return verifier.verify(body, headers).state.value
    except WebhookError as error:
        return error.problem.value


# Signatures.

FORMS: dict[str, Callable[[dict[str, str]], Any]] = {
    "as sent": lambda headers: headers,
    "lower case": lambda headers: {name.lower(): value for name, value in headers.items()},
    "upper case": lambda headers: {name.upper(): value for name, value in headers.items()},
    "pairs": lambda headers: list(headers.items()),
    "pairs of bytes": lambda headers: [(name.encode(), value.encode()) for name, value in headers.items()],
    "lists of values": lambda headers: {name: [value] for name, value in headers.items()},
}


@every_header
@pytest.mark.parametrize("form", FORMS)
def test_a_signed_delivery_is_accepted(header: str, form: str) -> None:
    """A delivery of any generation is accepted, however the web framework gives its headers."""
    sent = delivery(header)
    event = verifier().verify(sent.body, FORMS[form](dict(sent.headers)))
    assert (event.type, event.state, event.proof) == ("avatar_video.fail", WebhookState.FAILED, WebhookProof.SIGNATURE)
    assert event.failure is not None
    assert event.failure.rule == "heygen/RENDERING_FAILED"


FORGED: dict[str, Callable[[Webhook, str], tuple[bytes, dict[str, str]]]] = {
    "made with another secret": lambda sent, name: (sent.body, {**sent.headers, name: digest_of(sent.body, OTHER)}),
    "of another body": lambda sent, name: (sent.body + b" ", dict(sent.headers)),
    "of the JSON written anew": lambda sent, name: (json.dumps(json.loads(sent.body), indent=1).encode(), dict(sent.headers)),
    "without its last digit": lambda sent, name: (sent.body, {**sent.headers, name: sent.headers[name][:-1]}),
    "with a digit more": lambda sent, name: (sent.body, {**sent.headers, name: sent.headers[name] + "0"}),
    "no hex": lambda sent, name: (sent.body, {**sent.headers, name: "none"}),
    "no ASCII": lambda sent, name: (sent.body, {**sent.headers, name: "\u0660\ud800é"}),
    "a plain hash": lambda sent, name: (sent.body, {**sent.headers, name: hashlib.sha256(sent.body).hexdigest()}),
    "with another hash": lambda sent, name: (sent.body, {**sent.headers, name: hmac.new(SECRET.encode(), sent.body, "sha1").hexdigest()}),
    "of nothing": lambda sent, name: (sent.body, {**sent.headers, name: digest_of(b"")}),
    "several wrong ones": lambda sent, name: (sent.body, {**sent.headers, name: f"v1={'0' * 64},v1={'f' * 64}"}),
}


@every_header
@pytest.mark.parametrize("forgery", FORGED)
def test_a_wrong_signature_is_refused(header: str, forgery: str) -> None:
    """A signature that the secret did not make over these very bytes is refused, in the header of any generation."""
    body, headers = FORGED[forgery](delivery(header), header)
    assert told(verifier(), body, headers) == "wrong_signature"


@pytest.mark.parametrize(
    "headers", [None, {}, [], {"Content-Type": "application/json"}, {V3: ""}, {V3: " , "}, {"X-Signature": "0" * 64}, "text", 7]
)
def test_no_signature_is_refused(headers: Any) -> None:
    """A delivery without a signature is refused, whatever is given in place of headers."""
    assert told(verifier(), delivery().body, headers) == "missing_signature"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "with blanks": lambda digest: f"  {digest}\t",
    "sha256=": lambda digest: f"sha256={digest}",
    "v1=": lambda digest: f"v1={digest}",
    "V1= in upper case": lambda digest: f"V1={digest.upper()}",
    "second of two": lambda digest: f"{'0' * 64},{digest}",
    "first of two, by a blank": lambda digest: f"{digest} {'0' * 64}",
    "with a time in front": lambda digest: f"t={NOW},v1={digest},v0={'0' * 64}",
    "behind rubbish": lambda digest: f"none; {digest}",
}


@every_header
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_a_signature(header: str, spelling: str) -> None:
    """A signature is found with a prefix, in upper case, and among others that are wrong."""
    sent = delivery(header)
    headers = {**sent.headers, header: SPELLINGS[spelling](sent.headers[header])}
    assert told(verifier(), sent.body, headers) == "failed"


def test_signatures_in_several_headers() -> None:
    """Repeated headers and headers of several generations count together: one right signature is enough."""
    sent = delivery("Signature")
    right, wrong = sent.headers["Signature"], "0" * 64
    assert told(verifier(), sent.body, [("Signature", wrong), ("Signature", right)]) == "failed"
    assert told(verifier(), sent.body, {"X-HeyGen-Signature": wrong, "Signature": right}) == "failed"
    assert told(verifier(), sent.body, [("Signature", wrong), ("X-HeyGen-Signature", wrong)]) == "wrong_signature"


def test_the_name_of_the_header_can_be_changed() -> None:
    """A header that the vendor renames is found under its new name, and no more under the old ones."""
    body = delivery().body
    renamed = verifier(signature_headers=["X-Renamed"], timestamp_headers=["X-Time"], id_headers=["X-Id"])
    event = renamed.verify(body, {"x-renamed": digest_of(body), "x-time": str(NOW), "x-id": "evt_1"})
    assert event.id == "evt_1"
    assert told(renamed, body, signed(body)) == "missing_signature"


@pytest.mark.parametrize(
    ("known", "used", "expected"),
    [
        ((SECRET, OTHER), SECRET, "failed"),
        ((SECRET, OTHER), OTHER, "failed"),
        ((OTHER, SECRET), OTHER, "failed"),
        ((OTHER,), SECRET, "wrong_signature"),
        ((SECRET, OTHER), "whsec_of_nobody", "wrong_signature"),
        ((SECRET,), SECRET.removeprefix("whsec_"), "wrong_signature"),
    ],
)
def test_rotation(known: tuple[str, ...], used: str, expected: str) -> None:
    """While a secret is rotated the old one and the new one are both accepted, and no other."""
    sent = delivery(secret=used)
    assert told(verifier(*known), sent.body, sent.headers) == expected


@pytest.mark.parametrize("right", range(4))
def test_every_comparison_is_made(right: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """How often secrets and signatures are compared does not depend on which of them is right."""
    compared = []
    real = hmac.compare_digest

    def counting(own: bytes, offered: bytes) -> bool:
        compared.append(offered)
        return real(own, offered)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    sent = delivery()
    offered = ["0" * 64] * 4
    offered[right] = sent.headers[V3]
    assert told(verifier(SECRET, OTHER), sent.body, {**sent.headers, V3: ",".join(offered)}) == "failed"
    assert len(compared) == 8


def test_secrets_are_used_as_they_are() -> None:
    """A secret is the bytes of its text in UTF-8, with its prefix, and of any form."""
    for secret in ("whsec_x", "no prefix at all", "schlüssel", "\udcff"):
        body = b'{"event_type": "avatar_video.success", "event_data": {}}'
        made = hmac.new(secret.encode("utf-8", "surrogatepass"), body, "sha256").hexdigest()
        assert told(verifier(secret), body, {"Signature": made}) == "completed"


# Time.


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, "failed"),
        (300, "failed"),
        (300.001, "too_old"),
        (301, "too_old"),
        (-300, "failed"),
        (-300.001, "too_new"),
        (-301, "too_new"),
        (NOW, "too_old"),
        (-(10**9), "too_new"),
    ],
)
def test_tolerance(age: float, expected: str) -> None:
    """A timestamp is accepted up to the tolerance before and after now, both borders included."""
    sent = delivery(at=NOW)
    assert told(verifier(clock=lambda: NOW + age), sent.body, sent.headers) == expected


def test_a_tolerance_of_ones_own() -> None:
    """The tolerance can be changed; 0 takes the present second alone, None looks at no timestamp."""
    sent = delivery(at=NOW - 3600)
    assert told(verifier(tolerance=3600), sent.body, sent.headers) == "failed"
    assert told(verifier(tolerance=3599), sent.body, sent.headers) == "too_old"
    assert told(verifier(tolerance=0), sent.body, sent.headers) == "too_old"
    assert told(verifier(tolerance=0, clock=lambda: NOW - 3600), sent.body, sent.headers) == "failed"
    for headers in (sent.headers, {V3: sent.headers[V3]}, {**sent.headers, "Heygen-Timestamp": "soon"}):
        assert told(verifier(tolerance=None), sent.body, headers) == "failed"


@pytest.mark.parametrize("written", [f"{NOW}", f" {NOW} ", f"{NOW}.0", f"{NOW}.25", f"{NOW}000", f"{NOW}123", f"{NOW}000.5"])
def test_forms_of_a_timestamp(written: str) -> None:
    """A timestamp is seconds or milliseconds since 1970, whole or not."""
    sent = delivery()
    assert told(verifier(tolerance=1), sent.body, {**sent.headers, "Heygen-Timestamp": written}) == "failed"


@pytest.mark.parametrize(
    "written",
    ["soon", "-1791279000", "+1791279000", "1e9", "nan", "inf", "0x6ac", "1_791_279_000", "١٧٩١٢٧٩٠٠٠", "2026-10-06T00:00:00Z", "9" * 40],
)
def test_what_is_no_timestamp(written: str) -> None:
    """A timestamp that is no plain number is refused, also where none is needed."""
    for header in (V3, "Signature"):
        sent = delivery(header)
        assert told(verifier(), sent.body, {**sent.headers, "Heygen-Timestamp": written}) == "wrong_timestamp"
    sent = delivery()
    pairs = [(V3, sent.headers[V3]), ("Heygen-Timestamp", str(NOW)), ("Heygen-Timestamp", str(NOW - 9))]
    assert told(verifier(), sent.body, pairs) == "wrong_timestamp"


def test_milliseconds_begin_where_seconds_end() -> None:
    """Numbers from 100,000,000,000 on are milliseconds."""
    assert [unix_seconds(text) for text in ("99999999999", "100000000000")] == [99_999_999_999.0, 100_000_000.0]


@pytest.mark.parametrize(
    ("header", "required", "expected"),
    [
        (V3, None, "missing_timestamp"),
        (V3, True, "missing_timestamp"),
        (V3, False, "failed"),
        *((older, None, "failed") for older in OLDER),
        *((older, True, "missing_timestamp") for older in OLDER),
        *((older, False, "failed") for older in OLDER),
    ],
)
def test_deliveries_without_a_timestamp(header: str, required: object, expected: str) -> None:
    """Unless told otherwise, a timestamp is needed beside the signature of v3, and not beside those of before."""
    body = delivery(header).body
    assert told(verifier(require_timestamp=required), body, {header: digest_of(body)}) == expected
    assert told(verifier(require_timestamp=required), body, {header: digest_of(body), "Heygen-Timestamp": " "}) == expected


@every_header
@pytest.mark.parametrize("required", [None, True, False])
def test_a_timestamp_that_is_there_is_checked(header: str, required: object) -> None:
    """A timestamp counts in every generation, and also where it is not needed."""
    body = delivery(header).body
    headers = {header: digest_of(body), "Heygen-Timestamp": str(NOW - 301)}
    assert told(verifier(require_timestamp=required), body, headers) == "too_old"


def test_without_names_of_timestamps() -> None:
    """Without timestamp headers none is looked for."""
    sent = delivery(at=0)
    assert told(verifier(timestamp_headers=[]), sent.body, sent.headers) == "failed"


# What is checked first.

EVENT = b'{"event_type": "avatar_video.success", "event_data": {"video_id": "v1"}}'


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"x" * 101, {}, "too_large"),
        (b"x" * 101, {V3: "0" * 64, "Heygen-Timestamp": "1"}, "too_large"),
        (b"not JSON", {"Heygen-Timestamp": "1"}, "missing_signature"),
        (b"not JSON", {V3: "0" * 64, "Heygen-Timestamp": "1"}, "wrong_signature"),
        (b"not JSON", {V3: digest_of(b"not JSON"), "Heygen-Timestamp": "soon"}, "wrong_timestamp"),
        (b"not JSON", {V3: digest_of(b"not JSON")}, "missing_timestamp"),
        (b"not JSON", {V3: digest_of(b"not JSON"), "Heygen-Timestamp": "1"}, "too_old"),
        (b"not JSON", signed(b"not JSON"), "unreadable"),
        (b"\xff{}", signed(b"\xff{}"), "unreadable"),
        (b"", signed(b""), "unreadable"),
        (b"[]", signed(b"[]"), "not_an_event"),
        (b'{"event_data": {}}', signed(b'{"event_data": {}}'), "not_an_event"),
        (EVENT, signed(EVENT), "completed"),
    ],
)
def test_order_of_the_checks(body: bytes, headers: dict[str, str], expected: str) -> None:
    """Of several problems the first is told: size, signature, time, event."""
    assert told(verifier(max_body=100), body, headers) == expected


def test_nothing_is_parsed_before_the_signature_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that nobody has signed reaches no parser."""
    parsed: list[bytes] = []

    def parser(body: bytes, *_: object, **__: object) -> WebhookProblem:
        parsed.append(body)
        return WebhookProblem.NOT_AN_EVENT

    monkeypatch.setattr("heify_heygen_errors.webhooks.verifier.event_in", parser)
    for headers in ({}, {V3: "0" * 64}, {V3: digest_of(EVENT), "Heygen-Timestamp": "1"}):
        assert told(verifier(), EVENT, headers) in ("missing_signature", "wrong_signature", "too_old")
    assert parsed == []
    assert told(verifier(), EVENT, signed(EVENT)) == "not_an_event"
    assert parsed == [EVENT]


def test_size() -> None:
    """Bodies up to max_body are taken, whatever kind of bytes they are."""
    exact = verifier(max_body=len(EVENT), replays=None)
    assert told(exact, EVENT, signed(EVENT)) == "completed"
    for kind in (bytes, bytearray, memoryview):
        assert told(exact, kind(EVENT + b" "), signed(EVENT)) == "too_large"
    wide = memoryview(EVENT + b" " * (8 - len(EVENT) % 4)).cast("I")  # four bytes an item
    assert told(exact, wide, signed(EVENT)) == "too_large"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind(kind: Callable[[bytes], Any]) -> None:
    """A body may be bytes, a bytearray or a memoryview."""
    assert told(verifier(), kind(EVENT), signed(EVENT)) == "completed"


@pytest.mark.parametrize("body", [EVENT.decode(), json.loads(EVENT), [], None, 7])
def test_bodies_that_are_no_bytes(body: Any) -> None:
    """Text and decoded JSON are a TypeError that says how web frameworks give the bytes."""
    with pytest.raises(TypeError, match=rf"^the body is {type(body).__name__}, not bytes: .*get_data\(\) in Flask"):
        verifier().verify(body, signed(EVENT))


# What is told.


@pytest.mark.parametrize("problem", WebhookProblem)
def test_what_a_problem_says(problem: WebhookProblem) -> None:
    """Each problem has a status to answer with and a text that says what to do; the error survives pickle and copy."""
    error = WebhookError(problem)
    wanted = {"replayed": 200, "too_large": 413, "unreadable": 400, "not_an_event": 400, "unknown_job": 400}.get(problem.value, 401)
    assert (error.http_status, problem.http_status) == (wanted, wanted)
    assert str(error) == f"{problem.value}: {problem.message}"
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(twin), twin.problem, str(twin), twin.args) == (WebhookError, problem, str(error), error.args)


def test_problems_of_ones_own_words() -> None:
    """A text of one's own takes the place of the problem's; a problem that does not exist is a ValueError."""
    error = pickle.loads(pickle.dumps(WebhookError(WebhookProblem.TOO_OLD, "an hour late")))
    assert (str(error), error.http_status) == ("too_old: an hour late", 401)
    with pytest.raises(ValueError, match="'bored' is not a valid WebhookProblem"):
        WebhookError("bored")  # type: ignore[arg-type]


def test_limits_are_told() -> None:
    """Errors of size and time name the limit that was set."""
    sent = delivery(at=NOW - 100)
    with pytest.raises(WebhookError, match=r"pass a larger max_body if the vendor sends such events; it is 10 bytes$"):
        verifier(max_body=10).verify(sent.body, sent.headers)
    with pytest.raises(WebhookError, match=r"the tolerance is 99.5 s$"):
        verifier(tolerance=99.5).verify(sent.body, sent.headers)


def test_the_id_in_the_body_wins() -> None:
    """The event id is that of the body, which is signed; the header's stands in where the body has none."""
    with_id = b'{"event_type": "a.success", "event_id": "evt_body", "event_data": null}'
    for body, expected in ((with_id, "evt_body"), (EVENT, "evt_header")):
        event = verifier().verify(body, signed(body, **{"Heygen-Event-Id": "evt_header"}))
        assert event.id == expected


# Misuse.


@pytest.mark.parametrize(
    ("secrets", "options", "expected"),
    [
        ((), {}, "ValueError: a verifier needs the secret of the endpoint"),
        (("",), {}, "ValueError: secret 1 is empty: anyone could sign with it"),
        ((SECRET, " \t"), {}, "ValueError: secret 2 is empty"),
        ((f"{SECRET}\n",), {}, "ValueError: secret 1 has white space around it"),
        ((None,), {}, "TypeError: secret 1 is NoneType, not text"),
        (([SECRET, OTHER],), {}, "TypeError: secret 1 is list, not text: pass each secret as an argument of its own"),
        ((SECRET.encode(),), {}, "TypeError: secret 1 is bytes, not text"),
        ((SECRET,), {"tolerance": -1}, "ValueError: tolerance is a number of seconds from 0, not -1"),
        ((SECRET,), {"tolerance": float("nan")}, "ValueError: tolerance is a number of seconds"),
        ((SECRET,), {"tolerance": "300"}, "ValueError: tolerance is a number of seconds"),
        ((SECRET,), {"tolerance": True}, "ValueError: tolerance is a number of seconds"),
        ((SECRET,), {"remember": 0}, "ValueError: remember is a number of seconds from 1, not 0"),
        ((SECRET,), {"remember": float("inf")}, "ValueError: remember is a number of seconds"),
        ((SECRET,), {"signature_headers": "Signature"}, "TypeError: signature_headers is a list of header names, not 'Signature'"),
        ((SECRET,), {"signature_headers": []}, "ValueError: signature_headers is empty"),
        ((SECRET,), {"signature_headers": ["a", ""]}, "TypeError: signature_headers has '', which is no name of a header"),
        ((SECRET,), {"timestamp_headers": [b"t"]}, "TypeError: timestamp_headers has b't', which is no name of a header"),
        ((SECRET,), {"id_headers": None}, "TypeError: id_headers is a list of header names, not None"),
        ((SECRET,), {"require_timestamp": 1}, "TypeError: require_timestamp is True, False or None, not 1"),
        ((SECRET,), {"require_timestamp": True, "tolerance": None}, "ValueError: require_timestamp=True needs a tolerance"),
        ((SECRET,), {"require_timestamp": True, "timestamp_headers": ()}, "ValueError: require_timestamp=True needs a tolerance"),
        ((SECRET,), {"replays": True}, "TypeError: replays is a Replays, 'memory' or None, not True"),
        ((SECRET,), {"replays": "redis"}, "TypeError: replays is a Replays, 'memory' or None, not 'redis'"),
        ((SECRET,), {"replays": MemoryReplays}, "TypeError: replays is a Replays"),
        ((SECRET,), {"max_body": 0}, "ValueError: max_body is a whole number of bytes from 1 to 8388608, not 0"),
        ((SECRET,), {"max_body": 8_388_609}, "ValueError: max_body is a whole number"),
        ((SECRET,), {"max_body": 1e6}, "ValueError: max_body is a whole number"),
        ((SECRET,), {"max_body": True}, "ValueError: max_body is a whole number"),
        ((SECRET,), {"clock": 7}, "TypeError: clock is a function without arguments"),
        ((SECRET,), {"normalizer": Catalogs}, "TypeError: normalizer is a Normalizer or None"),
    ],
)
def test_what_cannot_be_meant(secrets: tuple[Any, ...], options: dict[str, Any], expected: str) -> None:
    """A verifier that could not work is refused when it is made, without any secret in the error."""
    with pytest.raises((ValueError, TypeError)) as caught:
        WebhookVerifier(*secrets, **options)
    assert f"{type(caught.value).__name__}: {caught.value}".startswith(expected)
    assert SECRET[6:] not in str(caught.value)


def test_a_normalizer_of_ones_own(laid_over: Callable[..., Normalizer], entry: Callable[..., dict[str, Any]]) -> None:
    """A verifier with catalogs of one's own reads failures by them."""
    body = b'{"event_type": "avatar_video.fail", "event_data": {"video_id": "v1", "failure_code": "my_code"}}'
    normalizer = laid_over(entry(codes=["my_code"]))
    event = verifier(normalizer=normalizer).verify(body, signed(body))
    assert event.failure is not None
    assert event.failure.rule.startswith("heygen/MY_ERROR")


# Whatever comes.

SIGNATURES = st.sampled_from(["0" * 64, digest_of(EVENT), f"v1={digest_of(EVENT)}", "", ","]) | st.text(max_size=80)
HEADERS = st.dictionaries(st.sampled_from([V3, *OLDER, "Heygen-Timestamp", "Heygen-Event-Id"]), SIGNATURES | st.just(str(NOW)), max_size=5)
JUNK = st.none() | st.text() | st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))) | st.dictionaries(st.text(), st.integers())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["event_type", "event_data", "event_id", "created_at", "data", "status", "error", "video_id"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(body=st.binary(max_size=200) | st.just(EVENT) | st.text(max_size=20) | VALUES, headers=HEADERS | JUNK)
def test_whatever_is_delivered(body: Any, headers: Any) -> None:
    """Nothing but a WebhookError, or a TypeError for a body that is no bytes, ever leaves, and only what is signed is accepted."""
    try:
        event = verifier().verify(body, headers)
    except WebhookError:
        return
    except TypeError:
        assert not isinstance(body, bytes)
        return
    assert (body, event.state) == (EVENT, WebhookState.COMPLETED)


@given(body=st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_signed(body: bytes) -> None:
    """A body that is signed gives an event or a WebhookError, and the same one each time."""
    guarded = verifier()
    first = told(guarded, body, signed(body))
    assert told(guarded, body, signed(body)) == ("replayed" if first in list(WebhookState) else first)


@given(body=VALUES.map(lambda value: json.dumps(value).encode()), flip=st.integers(0, 255))
def test_a_changed_byte_is_found(body: bytes, flip: int) -> None:
    """A body with one bit changed is never accepted under the old signature."""
    headers = signed(body)
    changed = bytearray(body)
    changed[flip % len(body)] ^= 1 << (flip % 8)
    assert told(verifier(), bytes(changed), headers) == "wrong_signature"


def test_verifiers_are_not_copied() -> None:
    """A verifier has secrets: it refuses pickle and copies."""
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a verifier has secrets, and is neither pickled nor copied"):
            attempt(verifier())


def test_a_verifier_tells_what_it_is() -> None:
    """Its repr has the number of secrets, the tolerance and the guard."""
    assert repr(verifier(replays=None)) == "WebhookVerifier(1 secret, tolerance 300 s, replays None)"
    assert repr(verifier(SECRET, OTHER, tolerance=None)) == "WebhookVerifier(2 secrets, tolerance none, replays MemoryReplays(0 of 100000))"


def test_an_event_is_a_value() -> None:
    """Events are equal, hashable, picklable and copied by value."""
    sent = delivery()
    event, other = (verifier().verify(sent.body, sent.headers) for _ in range(2))
    assert (event, hash(event)) == (other, hash(other))
    for twin in (pickle.loads(pickle.dumps(event)), copy.deepcopy(event)):
        assert (type(twin), twin) == (WebhookEvent, event)
