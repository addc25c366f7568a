"""Secrets in headers, URLs, bodies and exceptions come out nowhere: in no value, text, pickle, log or row."""

import base64
import copy
import html
import json
import logging
import pickle
import traceback

import httpx
import httpx2
import pytest
import requests

from heify_heygen_errors import Observation, explain, normalize, normalize_all, raise_for_error
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.records import RecordNormalizer, RecordOptions
from heify_heygen_errors.testing.shapes import wires
from heify_heygen_errors.testing.words import Speaker, Words

_SECRET = "Zq7Kd93hVx0PmTb5LwYrUn8C"
_HEX = "0f3c9a7be2d84516a0f3c9a7be2d84516a0f3c9a7be2d84516a0f3c9a7be2d84"
_AKIA = "AKIAZQ7KD93HVX0PMTB5"
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6cTdLZDkzIn0.Zq7Kd93hVx0PmTb5LwYr"
_BASIC = base64.b64encode(f"user:{_SECRET}".encode()).decode()

# Texts as vendors, gateways and clients write them, with what must not be told of them.
_TEXTS = {
    "bearer": (f"Invalid authorization: Bearer {_SECRET}", _SECRET),
    "bearer, lower case": (f"unknown bearer {_SECRET}.", _SECRET),
    "basic": (f"Authorization: Basic {_BASIC} was not accepted", _BASIC),
    "header": (f"X-Api-Key: {_SECRET}", _SECRET),
    "header, other case": (f"x_api_key: {_SECRET} is not active", _SECRET),
    "header with quotes": (f"x-api-key: '{_SECRET}'", _SECRET),
    "query": (f"Cannot fetch https://example.com/a.mp4?size=1&api_key={_SECRET}&format=mp4", _SECRET),
    "query, token": (f"Cannot fetch https://example.com/a.mp4?access_token={_SECRET}", _SECRET),
    "user information": (f"Cannot fetch https://user:{_SECRET}@example.com/a.mp4", _SECRET),
    "assignment": (f"password={_SECRET}", _SECRET),
    "assignment with blanks": (f"client_secret = {_SECRET}", _SECRET),
    "JSON inside": (f'body was {{"api_key": "{_SECRET}", "a": 1}}', _SECRET),
    "JSON inside, escaped": (f'body was {{\\"api_key\\": \\"{_SECRET}\\"}}', _SECRET),
    "Python inside": (f"body was {{'api_key': '{_SECRET}', 'a': 1}}", _SECRET),
    "webhook secret": (f"signature made with whsec_{_SECRET}", _SECRET),
    "key of its own form": (f"Incorrect key provided sk_V2_{_SECRET}", _SECRET),
    "access key id": (f"The AWS Access Key Id {_AKIA} does not exist", _AKIA),
    "web token": (f"Jwt verification fails for {_JWT}", _JWT),
    "signature, version 4": (
        f"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={_HEX}&X-Amz-Expires=300",
        _HEX,
    ),
    "credential, version 4": (f"https://b.s3.amazonaws.com/k?X-Amz-Credential={_AKIA}%2F20260101%2Feu-west-1%2Fs3%2Faws4_request", _AKIA),
    "session token, version 4": (f"https://b.s3.amazonaws.com/k?X-Amz-Security-Token={_SECRET}&a=b", _SECRET),
    "signature, version 2": (f"https://b.s3.amazonaws.com/k?AWSAccessKeyId={_AKIA}&Signature={_SECRET}%3D&Expires=1", _AKIA),
    "signature value, version 2": (f"https://b.s3.amazonaws.com/k?AWSAccessKeyId={_AKIA}&Signature={_SECRET}%3D&Expires=1", _SECRET),
    "quoted by the gateway": (
        f"'{_SECRET}' not a valid key=value pair (missing equal-sign) in Authorization header: '{_SECRET}'.",
        _SECRET,
    ),
    "quoted by the gateway, hashed": (
        f"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '{_SECRET}='.",
        _SECRET,
    ),
    "appended by the gateway": (f"Authorization header requires 'Credential' parameter. Authorization={_SECRET}", _SECRET),
    "cookie": (f"Cookie: session={_SECRET}; other=1", _SECRET),
}
every_text = pytest.mark.parametrize("name", _TEXTS)


def leaks(source, secret, provider=None):
    """The places where a secret is told, of all that the package makes of a source."""
    infos = normalize_all(source, provider)
    explained = explain(source, provider)
    told = {
        "explain": str(explained),
        "explain repr": repr(explained),
        "explain dict": json.dumps(explained.to_dict(), ensure_ascii=False),
        "observation": repr(source) if isinstance(source, Observation) else "",
    }
    for number, info in enumerate(infos):
        told |= {f"{place} {number}": text for place, text in _told(info).items()}
    try:
        raise_for_error(source, provider)
    except ApiError as error:
        told |= _told_by_exception(error)
    return [place for place, text in told.items() if secret in text]


def _told(info):
    return {
        "repr": repr(info),
        "str": str(info),
        "dict": json.dumps(info.to_dict(), ensure_ascii=False),
        "values": repr(vars(copy.deepcopy(info))),
        "pickle": pickle.dumps(info).decode("latin-1"),
    }


def _told_by_exception(error):
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s %r", (error, error), (type(error), error, error.__traceback__))
    return {
        "exception": str(error),
        "exception repr": repr(error),
        "exception arguments": repr(error.args),
        "exception pickle": pickle.dumps(error).decode("latin-1"),
        "traceback": "".join(traceback.format_exception_only(error)),
        "cause": repr((error.__cause__, error.__context__)),
        "log": record.getMessage(),
    }


def _leaks_of(secret, provider, status, message, **words):
    """The forms in which the secret is told, with the places."""
    sent = list(wires(Words(provider=provider, status=status, message=message, **words)))
    assert len(sent) > 1
    return [(wire.shape, places) for wire in sent if (places := leaks(wire.observation(), secret))]


# Texts in every envelope.


@every_text
@pytest.mark.parametrize("code", [None, "400112", "unauthorized", "no_such_code"])
def test_secret_in_a_text_of_heygen(name, code):
    """A secret in a message or detail comes out of none of HeyGen's envelopes."""
    text, secret = _TEXTS[name]
    assert _leaks_of(secret, "heygen", 401, text, code=code, detail=text) == []


@every_text
def test_secret_in_a_text_of_heygen_behind_a_path(name):
    """A secret in a message behind the path of a field comes out of none of HeyGen's envelopes."""
    text, secret = _TEXTS[name]
    message = f"video_inputs.0.voice is invalid: Value error, {text}"
    assert _leaks_of(secret, "heygen", 400, message, code="invalid_parameter") == []


@every_text
def test_secret_in_a_capture(name):
    """A secret in what a template captures comes out nowhere, not as param and not in the steps of the decision."""
    text, secret = _TEXTS[name]
    assert _leaks_of(secret, "heygen", 400, f"not a valid URL: {text}") == []
    assert _leaks_of(secret, "heify", 400, f"Missing required field: {text}") == []


@every_text
def test_secret_in_a_text_of_heify(name):
    """A secret in a message comes out of none of Heify's envelopes."""
    text, secret = _TEXTS[name]
    assert _leaks_of(secret, "heify", 403, text) == []


@every_text
def test_secret_in_a_text_of_liveavatar(name):
    """A secret in a message comes out of none of LiveAvatar's envelopes."""
    text, secret = _TEXTS[name]
    assert _leaks_of(secret, "liveavatar", 403, text, code="4003", detail=text) == []
    assert _leaks_of(secret, "liveavatar", 403, text) == []


@every_text
@pytest.mark.parametrize("provider", ["heygen", "heify"])
def test_secret_in_a_text_of_a_layer(name, provider):
    """A secret in what a gateway, a storage or a proxy writes comes out nowhere: JSON, XML, pages, plain text."""
    text, secret = _TEXTS[name]
    assert _leaks_of(secret, provider, 403, text, code="IncompleteSignatureException", speaker=Speaker.GATEWAY) == []
    assert _leaks_of(secret, provider, 403, text, code="AccessDenied", speaker=Speaker.STORAGE) == []
    assert _leaks_of(secret, provider, 502, text, speaker=Speaker.PROXY) == []


@every_text
def test_secret_in_a_web_frameworks_answer(name):
    """A secret in a framework's `detail`, in OAuth's description or in a list of errors comes out nowhere."""
    text, secret = _TEXTS[name]
    bodies = [
        {"detail": text},
        {"detail": [{"loc": ["body", "url"], "msg": text, "input": text}]},
        {"error": "invalid_grant", "error_description": text},
        {"errors": [{"message": text}]},
        {"errorMessage": text, "errorType": "KeyError", "stackTrace": [text]},
        [text],
        text,
        {
            "error": {
                "message": "x",
                "code": text,
                "param": text,
                "doc_url": f"https://example.com/?q={text}",
                "id": text,
                "request_id": text,
            }
        },
        {"message": "x", "code": 400112, "request_id": text, "detail": {"a": [text]}},
    ]
    observations = [Observation(provider, 401, None, json.dumps(body)) for body in bodies for provider in ("heygen", "heify", "liveavatar")]
    assert [(observation.provider, places) for observation in observations if (places := leaks(observation, secret))] == []


# Names in JSON, XML and HTML.

_NAMES = [
    *[
        "api_key",
        "apiKey",
        "x-api-key",
        "X-Api-Key",
        "API-KEY",
        "access_token",
        "refresh_token",
        "session_token",
        "token",
        "secret",
        "client_secret",
        "password",
        "passwd",
    ],
    *[
        "authorization",
        "Authorization",
        "proxy-authorization",
        "signature",
        "Signature",
        "credential",
        "credentials",
        "cookie",
        "Set-Cookie",
        "private_key",
    ],
    *["AWSAccessKeyId", "aws_secret_access_key", "webhook_secret", "key", "keys", "tokens"],
]
_PLACES = {
    "top": lambda name: {name: _SECRET, "message": "Unauthorized"},
    "top, last": lambda name: {"code": 400112, "message": "Unauthorized", name: _SECRET},
    "error": lambda name: {"error": {"code": "unauthorized", "message": "Unauthorized", name: _SECRET}},
    "data": lambda name: {"data": {"status": "failed", name: _SECRET, "error": {"code": 400112, "message": "x"}}},
    "detail": lambda name: {"code": 400112, "message": "x", "detail": {name: _SECRET, "a": [1]}},
    "details in a list": lambda name: {"error": {"code": "x", "message": "x", "details": [{"a": {name: _SECRET}}]}},
    "list": lambda name: {"code": 400112, "message": "x", "headers": {name: [_SECRET, _SECRET]}},
    "object": lambda name: {"code": 400112, "message": "x", name: {"value": _SECRET, "more": {"a": 1}}},
    "nested objects": lambda name: {"code": 400112, "message": "x", name: {"more": {"a": {"b": 1}}, "value": _SECRET}},
    "nested lists": lambda name: {"code": 400112, "message": "x", name: [[1, [2]], {"a": 1}, _SECRET]},
    "text of JSON": lambda name: {"code": 400112, "message": json.dumps({name: _SECRET})},
    "text of text of JSON": lambda name: {"code": 400112, "message": json.dumps(json.dumps({name: _SECRET}))},
    "event": lambda name: {"event_type": "avatar_video.fail", "event_data": {"video_id": "v1", "msg": "x", name: _SECRET}},
    "items": lambda name: {"data": [{"id": "v1", "status": "failed", "failure_message": "x", name: _SECRET}]},
    "transcription": lambda name: {"transcription_id": "t1", "status": "FAILED", "details": {"message": "x", "code": 400, name: _SECRET}},
    "id": lambda name: {"error": {"code": "x", "message": "x", f"{name}_id": _SECRET}},
}


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("place", _PLACES)
def test_secret_under_its_name_in_json(name, place):
    """A value under a name of secrets comes out nowhere, wherever in the JSON it stands and however that is written."""
    body = _PLACES[place](name)
    written = [body, json.dumps(body), json.dumps(body, indent=2).encode(), json.dumps(body, separators=(",", ":"))]
    observations = [
        Observation(provider, status, None, form) for form in written for provider in ("heygen", "heify") for status in (200, 401)
    ]
    assert [(observation.status, places) for observation in observations if (places := leaks(observation, _SECRET))] == []


@pytest.mark.parametrize("name", _NAMES)
def test_secret_under_its_name_in_markup(name):
    """A value under a name of secrets comes out nowhere of XML, HTML, forms and plain text."""
    bodies = [
        f"<Error><Code>AccessDenied</Code><Message>x</Message><{name}>{_SECRET}</{name}></Error>",
        f'<?xml version="1.0"?><Error><Code>AccessDenied</Code><{name} a="b">\n{_SECRET}\n</{name}></Error>',
        f"<html><head><title>502 Bad Gateway</title></head><body>{name}: {_SECRET}</body></html>",
        f"<html><body><pre>{name}={_SECRET}</pre></body></html>",
        f"grant_type=x&{name}={_SECRET}&a=b",
        f"{name}: {_SECRET}\nAccept: */*",
        f'{name}="{_SECRET}"',
    ]
    observations = [Observation(provider, 502, None, body) for body in bodies for provider in ("heygen", "heify")]
    assert [(observation.body, places) for observation in observations if (places := leaks(observation, _SECRET))] == []


_SIGNATURE = f"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided.</Message>
<AWSAccessKeyId>{_AKIA}</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256\n20260101T000000Z\n{_SECRET}</StringToSign>
<SignatureProvided>{_SECRET}</SignatureProvided><StringToSignBytes>5a {_SECRET} 71</StringToSignBytes>
<CanonicalRequest>PUT\n/k\nX-Amz-Signature={_SECRET}&amp;X-Amz-Credential={_AKIA}\nhost:b\n{_SECRET}</CanonicalRequest>
<CanonicalRequestBytes>50 {_SECRET}</CanonicalRequestBytes><Token-0>{_SECRET}</Token-0><RequestId>R7</RequestId></Error>"""


@pytest.mark.parametrize(
    "body",
    [_SIGNATURE, _SIGNATURE.replace("\n", ""), _SIGNATURE[:-40], f"<ErrorResponse>{_SIGNATURE[39:]}</ErrorResponse>"],
    ids=["whole", "one line", "cut", "wrapped"],
)
@pytest.mark.parametrize("secret", [_SECRET, _AKIA])
def test_signature_parts_of_a_storage(body, secret):
    """What S3 quotes of a signature comes out nowhere: key id, string to sign, canonical request, token."""
    assert [places for provider in ("heygen", "heify") if (places := leaks(Observation(provider, 403, None, body), secret))] == []


# Live credentials, wherever they appear.

_LIVE = "qWe/rTy+Zx12=cVb"


@pytest.mark.parametrize(
    "body",
    [
        {"message": f"no user for {_LIVE}"},
        {
            "error": {
                "code": _LIVE,
                "message": _LIVE,
                "param": _LIVE,
                "doc_url": f"https://example.com/{_LIVE}",
                "request_id": _LIVE,
                "id": _LIVE,
            }
        },
        {"error": {"code": "unauthorized", "message": f"video_inputs.0.{_LIVE} is invalid: {_LIVE}"}},
        {"code": 400112, "message": f"not a valid URL: {_LIVE}", "detail": [_LIVE, {"a": _LIVE}], "request_id": _LIVE},
        {"data": {"id": _LIVE, "status": "failed", "error": {"code": _LIVE, "message": _LIVE, "detail": _LIVE}}},
        {"transcription_id": _LIVE, "status": "FAILED", "details": {"message": f"Audio file not found: {_LIVE}", "code": _LIVE}},
        {"event_type": "avatar_video.fail", "event_data": {"video_id": _LIVE, "msg": _LIVE, "callback_id": _LIVE}},
        {"detail": [{"loc": ["body", _LIVE], "msg": _LIVE}]},
        {"a": {_LIVE: _LIVE}},
        [_LIVE],
        f"<html><title>{_LIVE}</title><body>{_LIVE}</body></html>",
        f"<Error><Code>{_LIVE}</Code><Message>{_LIVE}</Message><RequestId>{_LIVE}</RequestId><BucketName>{_LIVE}</BucketName></Error>",
        f"plain {_LIVE} text",
        _LIVE * 3,
    ],
    ids=repr,
)
@pytest.mark.parametrize("provider", ["heygen", "heify", "liveavatar"])
def test_live_credential_anywhere_in_a_body(body, provider):
    """A credential that is known to be live comes out nowhere, in whatever member or text it stands."""
    forms = [body] if isinstance(body, str) else [body, json.dumps(body), json.dumps(body).encode()]
    headers = {"x-request-id": _LIVE, "x-amzn-errortype": f"{_LIVE}:http://x/", "server": _LIVE}
    observations = [
        Observation(provider, status, sent, form, "POST", f"https://example.com/{_LIVE}", secrets=(_LIVE,))
        for form in forms
        for status in (None, 401)
        for sent in (None, headers)
    ]
    assert [places for observation in observations if (places := leaks(observation, _LIVE))] == []


@pytest.mark.parametrize(
    "written", [_LIVE.replace("/", "\\/"), _LIVE.replace("+", "\\u002b").replace("=", "\\u003D")], ids=["slash", "unicode"]
)
def test_live_credential_in_json_escapes(written):
    """A live credential that JSON escapes in part is still the credential."""
    body = f'{{"code":400112,"message":"no user for {written}"}}'
    assert json.loads(body)["message"] == f"no user for {_LIVE}"
    observation = Observation("heygen", 401, None, body, secrets=(_LIVE,))
    assert [place for form in (_LIVE, written) for place in leaks(observation, form)] == []


def test_live_credential_in_entities():
    """A live credential that HTML or XML escapes in part is still the credential."""
    live = "qWe&rTy<Zx12'cVb"
    written = html.escape(live)
    body = f"<Error><Code>InvalidAccessKeyId</Code><Message>no user for {written}</Message></Error>"
    observation = Observation("heify", 403, None, body, secrets=(live,))
    assert [place for form in (live, written) for place in leaks(observation, form)] == []


def _response(library, url, headers, body, status=401):
    """A response of a library with the request that it answers."""
    if library is requests:
        response = requests.Response()
        response.status_code, response._content, response.url = status, body, url
        response.request = requests.Request("POST", url, headers=headers).prepare()
        return response
    request = library.Request("POST", url, headers=headers)
    return library.Response(status, content=body, request=request)


every_library = pytest.mark.parametrize("library", [requests, httpx, httpx2], ids=lambda library: library.__name__)
every_sent_header = pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": _LIVE},
        {"x-api-key": _LIVE},
        {"Authorization": f"Bearer {_LIVE}"},
        {"authorization": _LIVE},
        {"Proxy-Authorization": f"Basic {_LIVE}"},
    ],
    ids=lambda headers: next(iter(headers)),
)


@every_library
@every_sent_header
def test_credential_that_was_sent_is_live(library, headers):
    """The credential of the request that a response answers is redacted when the answer quotes it."""
    body = json.dumps({"code": 400112, "message": f"no user for {_LIVE}", "detail": _LIVE}).encode()
    response = _response(library, "https://api.heygen.com/v3/videos", headers, body)
    assert leaks(response, _LIVE) == []
    assert normalize(response).message == "no user for [redacted]"


@every_library
@every_sent_header
def test_credential_on_a_transport_exception(library, headers):
    """The credential of the request that a transport exception carries comes out nowhere."""
    url = f"https://api.heygen.com/v3/videos?api_key={_SECRET}"
    request = (
        requests.Request("POST", url, headers=headers).prepare() if library is requests else library.Request("POST", url, headers=headers)
    )
    exc = library.ReadTimeout(f"Read timed out: {url} with {_LIVE}", request=request)
    assert [place for secret in (_LIVE, _SECRET) for place in leaks(exc, secret)] == []


# Exceptions.


@every_text
def test_secret_in_the_text_of_an_exception(name):
    """A secret in an exception's text, or in what a log kept of it, comes out nowhere."""
    text, secret = _TEXTS[name]
    cause = requests.ConnectionError(text)
    outer = RuntimeError("it broke")
    outer.__cause__ = cause
    sources = [
        cause,
        outer,
        ValueError(text),
        Observation("heygen", exception=f"requests.exceptions.ConnectionError: {text}"),
        Observation("heygen", exception=f"ConnectionError({text!r})"),
        Observation("heygen", exception=text),
    ]
    assert [places for source in sources if (places := leaks(source, secret, "heygen"))] == []


@pytest.mark.parametrize("send", ["requests", "httpx", "httpx2"])
def test_key_with_a_line_break_is_not_told(send):
    """A key that ends in a line break cannot be sent; the client's complaint quotes it, ours does not."""
    library = {"requests": requests, "httpx": httpx, "httpx2": httpx2}[send]
    key = f"{_SECRET}\n"
    refusal = None
    try:
        library.get("http://127.0.0.1:9/", headers={"X-Api-Key": key}, timeout=1)
    except (requests.RequestException, httpx.HTTPError, httpx2.HTTPError) as exc:
        refusal = exc
    assert leaks(refusal, _SECRET, "heygen") == []
    assert normalize(refusal, "heygen").retry.outcome == "not_sent"


@pytest.mark.parametrize(
    "text",
    [
        "requests.exceptions.InvalidHeader: Invalid leading whitespace, reserved character(s), or return character(s) in header value: '{key}\\n'",
        "requests.exceptions.InvalidHeader: Header part ({key!r}) from ('X-Api-Key', {key!r}) must be of type str or bytes",
        "httpx.LocalProtocolError: Illegal header value b'{key}\\n'",
        "ValueError: Invalid header value b'{key}\\n'",
        "ValueError: Invalid header value {key!r}",
    ],
)
def test_key_that_a_client_quotes_is_not_told(text):
    """What clients write about a header value that they refuse is told without the value."""
    assert leaks(Observation("heygen", exception=text.format(key=_SECRET)), _SECRET) == []


# Where texts are cut.


@pytest.mark.parametrize("filler", range(0, 60, 7))
@pytest.mark.parametrize("member", ["body", "message", "detail", "text"])
def test_live_credential_at_a_cut(filler, member):
    """No part of a live credential is left where a text is cut, however much of it was redacted before."""
    text = "x" * filler + f"{_LIVE} " * 600
    body = {"body": {"a": text}, "message": {"code": 400112, "message": text}, "detail": {"code": 400112, "detail": text}, "text": text}[
        member
    ]
    observation = Observation("heygen", 401, None, body if isinstance(body, str) else json.dumps(body), secrets=(_LIVE,))
    infos = normalize_all(observation)
    assert [leaks(observation, _LIVE[:length]) for length in (6, 10, 16)] == [[], [], []]
    assert len(infos) == 1


@pytest.mark.parametrize("filler", [0, 200, 250, 1270, 2040, 4000, 4090, 8180])
def test_long_live_credential_at_a_cut(filler):
    """A live credential that is longer than what is looked at behind a cut is not told in part."""
    live = "".join(f"qWe/rTy+{number:04}" for number in range(200))
    text = "x" * filler + " " + live
    bodies = [
        text,
        {"code": 400112, "message": text, "detail": text, "request_id": text},
        {"error": {"code": text, "message": text, "param": text, "doc_url": f"https://example.com/{text}"}},
    ]
    observations = [
        *(Observation("heygen", 401, {"x-request-id": text}, body, "POST", f"/{text}", secrets=(live,)) for body in bodies),
        Observation("heygen", exception=f"requests.exceptions.ReadTimeout: {text}", secrets=(live,)),
        Observation("heygen", exception=requests.ReadTimeout(text), secrets=(live,)),
    ]
    assert [places for observation in observations if (places := leaks(observation, live[:12]))] == []


@pytest.mark.parametrize("filler", range(2030, 2052, 3))
def test_live_credential_at_the_cut_of_an_exception(filler):
    """The text of an exception is not cut inside a live credential."""
    exc = requests.ReadTimeout(
        "x" * filler + _LIVE, request=requests.Request("GET", "https://api.heygen.com/", headers={"X-Api-Key": _LIVE}).prepare()
    )
    logged = Observation("heygen", exception=f"ReadTimeout: {'x' * filler}{_LIVE}", secrets=(_LIVE,))
    assert [places for source in (exc, logged) if (places := leaks(source, _LIVE[:6]))] == []


@pytest.mark.parametrize("filler", range(0, 60, 7))
@pytest.mark.parametrize(
    "form", ["https://user:{}@example.com/ ", "whsec_{} ", "Bearer {} ", "api_key={} ", '"token":"{}",', "<Token-0>{}</Token-0>"]
)
def test_known_form_at_a_cut(filler, form):
    """No part of a secret in a known form is left where a text is cut, however much of it was redacted before."""
    text = "x" * filler + " " + form.format(_SECRET) * 600
    observations = [Observation("heygen", 500, None, body) for body in (text, json.dumps({"message": text}), f"<Error>{text}</Error>")]
    assert [leaks(observation, _SECRET[:12]) for observation in observations] == [[], [], []]


# What stays readable.

_HARMLESS = [
    "Unauthorized",
    "Invalid access token",
    "Access token expired",
    "Invalid API key",
    "Missing x-api-key header",
    "API key is required.",
    "Invalid or expired API key. Verify your x-api-key header.",
    "The provided token has expired.",
    "Not authenticated",
    "token revoked",
    "Missing Authentication Token",
    "The security token included in the request is expired",
    "Authorization header requires 'Credential' parameter.",
    "The request signature we calculated does not match the signature you provided.",
    "keyword: summer",
    "Missing required field: api_key",
    "Insufficient credit. This operation requires 'api' credits.",
    "Bearer token is missing",
    "Basic plan users cannot do this",
    "monkey: not found",
    "Field 'key' must be text",
    "'limit' must be between 1 and 100.",
]


@pytest.mark.parametrize("text", _HARMLESS)
@pytest.mark.parametrize("provider", ["heygen", "heify"])
def test_text_without_a_secret_stays_as_it_is(text, provider):
    """A message that speaks of keys and tokens, but holds none, is left alone."""
    assert normalize(Observation(provider, 401, None, json.dumps({"error": {"message": text}}))).message == text


def test_what_stands_around_a_secret_stays():
    """Only the secret goes: the words and members around it are kept."""
    body = json.dumps({"code": 400112, "message": f"Unknown key for Bearer {_SECRET} here", "api_key": _SECRET, "hint": "look"})
    info = normalize(Observation("heygen", 401, None, body))
    message = "Unknown key for Bearer [redacted] here"
    assert info.message == message
    assert json.loads(info.body) == {"code": 400112, "message": message, "api_key": "[redacted]", "hint": "look"}


# Rows.


@every_text
@pytest.mark.parametrize("explode", [False, True])
def test_secret_in_a_record(name, explode):
    """A secret in the body, headers, URL or exception of a record comes out in no column of its rows but the user's own."""
    text, secret = _TEXTS[name]
    records = [
        {"provider": "heygen", "status": 401, "body": json.dumps({"code": 400112, "message": text, "detail": text}), "n": 1},
        {"provider": "heygen", "status": 401, "body": {"error": {"code": text, "message": text, "param": text}}, "n": 2},
        {"provider": "heify", "status": 403, "body": text, "headers": {"x-amzn-requestid": text, "authorization": text}, "url": text},
        {
            "provider": "heify",
            "status": 200,
            "body": {"transcription_id": text, "status": "FAILED", "details": {"message": text, "code": text}},
        },
        {"provider": "heygen", "status": 200, "body": {"data": [{"id": text, "status": "failed", "failure_message": text}] * 3}},
    ]
    rows = [row for record in records for row in RecordNormalizer(RecordOptions(explode=explode)).rows(record)]
    assert len(rows) == (7 if explode else 5)
    assert [row for row in rows if secret in json.dumps(row, ensure_ascii=False)] == []


@every_text
def test_secret_in_the_exception_of_a_record(name):
    """A secret in a logged exception comes out in no column of ours; the user's own column passes through."""
    text, secret = _TEXTS[name]
    record = {"provider": "heygen", "exception": f"requests.exceptions.ConnectionError: {text}"}
    row = RecordNormalizer(RecordOptions()).rows(record)[0]
    assert row["exception"] == record["exception"]
    assert [column for column, value in row.items() if column.startswith("error_") and secret in str(value)] == []


@pytest.mark.parametrize("place", _PLACES)
def test_secret_under_its_name_in_a_record(place):
    """A value under a name of secrets comes out in no column of a row."""
    record = {"provider": "heygen", "status": 401, "body": _PLACES[place]("api_key")}
    rows = RecordNormalizer(RecordOptions(explode=True)).rows(record)
    assert [row for row in rows if _SECRET in json.dumps(row)] == []
