"""The two vendor pages that the catalogs began with: every row of them works, in every form."""

import json
from pathlib import Path

import pytest

from heify_heygen_errors import MatchedBy, Observation, lookup, normalize
from heify_heygen_errors.testing.shapes import wires
from heify_heygen_errors.testing.words import FILLS, Words, filled

_FOLDER = Path(__file__).parent / "seeds"


def _read(name):
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


_CODES = _read("heygen-codes.json")
_CONTEXT = _read("heygen-context.json")
_STREAMING = _read("heygen-streaming.json")
_HEIFY = _read("heify-statuses.json")

every_code = pytest.mark.parametrize("row", [pytest.param(row, id=row["code"]) for row in _CODES])
every_context = pytest.mark.parametrize("row", [pytest.param(row, id=row["message"]) for row in _CONTEXT])
every_streaming_code = pytest.mark.parametrize("row", [pytest.param(row, id=row["code"]) for row in _STREAMING])
every_status = pytest.mark.parametrize("row", [pytest.param(row, id=f"{row['status']}:{row['message']}") for row in _HEIFY])


def _wires(code, message, detail=None, status=400):
    """Every form that HeyGen has for a code and its texts."""
    return list(wires(Words(provider="heygen", status=status, code=code, message=message, detail=detail)))


def _heygen(body, status=400):
    return normalize(Observation("heygen", status, None, json.dumps(body)))


def test_seeds_are_whole():
    """The seeds hold every row of the vendors' pages."""
    assert [len(rows) for rows in (_CODES, _CONTEXT, _STREAMING, _HEIFY)] == [100, 9, 11, 13]


# HeyGen's table of codes.


@every_code
@pytest.mark.parametrize("status", [None, 400, 401, 404, 429, 500])
def test_code_of_the_page_as_number_and_text(row, status):
    """Every code of HeyGen's page, as number and as text, gives its symbol with any status."""
    bodies = [{"code": code, "message": row["message"], "detail": row["detail"]} for code in (int(row["code"]), row["code"])]
    found = [_heygen(body, status) for body in bodies]
    assert [(info.code, info.name, info.message, info.detail) for info in found] == [
        (row["code"], row["name"], row["message"], row["detail"])
    ] * 2


@every_code
def test_code_of_the_page_decides_by_itself(row):
    """Every code of HeyGen's page is enough: without message and detail the entry's own rule applies."""
    info = _heygen({"code": int(row["code"])})
    assert (info.rule, info.matched_by) == (f"heygen/{row['name']}", MatchedBy.CODE)


@every_code
def test_name_of_the_page_in_lower_case(row):
    """Every symbol of HeyGen's page works as a text code: in lower case inside the v2 wrapper."""
    low = row["name"].lower()
    info = _heygen({"data": None, "error": {"code": low, "message": row["message"]}})
    assert (info.code, info.name, info.message) == (low, row["name"], row["message"])


@every_code
def test_code_of_the_page_in_a_failed_job(row):
    """Every row of HeyGen's page works as the reason of a failed job: number, text, symbol in both cases."""
    found = []
    for code in (int(row["code"]), row["code"], row["name"], row["name"].lower()):
        error = {"code": code, "message": row["message"], "detail": row["detail"]}
        info = _heygen({"code": 100, "data": {"id": "v1", "status": "failed", "error": error}, "message": "Success"}, 200)
        found.append((info.channel, info.code, info.name, info.message, info.detail, info.retry.outcome))
    assert found == [
        ("job", code, row["name"], row["message"], row["detail"], "accepted")
        for code in (row["code"], row["code"], row["name"], row["name"].lower())
    ]


@every_code
def test_row_of_the_page_in_every_form(row):
    """Every row of HeyGen's page is recognised in every form that HeyGen has, by code, symbol and message."""
    sent = [wire for code in (row["code"], row["name"], row["name"].lower()) for wire in _wires(code, row["message"], row["detail"])]
    found = [(wire.shape, info.code, info.name, info.message) for wire in sent for info in [normalize(wire.observation())]]
    assert found == [(wire.shape, wire.code, row["name"], row["message"]) for wire in sent]


@every_code
def test_row_of_the_page_is_looked_up(row):
    """`lookup` finds every row of HeyGen's page by number, text and symbol, with its words verbatim."""
    entries = [lookup("heygen", key) for key in (row["code"], int(row["code"]), row["name"], row["name"].lower())]
    assert [(entry.name, entry.message, entry.detail) for entry in entries] == [(row["name"], row["message"], row["detail"])] * 4


@every_code
def test_message_of_the_page_decides_without_a_code(row):
    """A message of HeyGen's page is recognised without its code; rows that share their words share the category."""
    sent = _wires(None, row["message"], None, _status_of(row))
    expected = lookup("heygen", row["code"]).category
    found = [(wire.shape, info.category, info.rule.split("/")[0]) for wire in sent for info in [normalize(wire.observation())]]
    assert found == [(wire.shape, expected, "heygen") for wire in sent]


def _status_of(row):
    entry = lookup("heygen", row["code"])
    stated = [int(status) for status in entry.statuses if status.isdigit()]
    return stated[0] if stated else 500 if entry.fault == "provider" else 400


# Meanings that are easy to get wrong: whose URL or storage failed, prefixes that look like statuses.
_MEANINGS = {
    "invalid_request": "40013 40045 401029 400627 40001 400175 40012 404001",
    "server": "40003 400609 400610 400617 400616 40023 500000 40099",
    "quota": "400664 401028 40019",
    "plan": "400153 400599 400551",
    "authentication": "400101 40009 400112 401057 401056",
    "not_found": "400561 400144 400174 400116 400552 40072 400608 404003 40051 400179 400114 400164",
    "payment": "40038 400118",
    "upstream": "400549 401030 400558 400591",
    "content_policy": "402007 402008 402009 401003 400168 400625 400105 400680",
    "permission": "400573 400562 400631 400578",
    "conflict": "404002 40071",
    "rate_limit": "400140 400701",
    "not_ready": "40041 400171 400611",
    "timeout": "400106",
    "invalid_media": "40010 400652 400621 400624 40044 1000022 401035 401015 400165 400150 400128 40004 40005 40006 40002 400543 400111",
}


@pytest.mark.parametrize(
    ("category", "codes"), [pytest.param(category, codes.split(), id=category) for category, codes in _MEANINGS.items()]
)
def test_code_of_the_page_means_what_it_says(category, codes):
    """A code means what its words say, not what its first digits look like."""
    assert [(code, _heygen({"code": int(code)}).category) for code in codes] == [(code, category) for code in codes]


# HeyGen's context messages.


def _context(row):
    text, params = filled(row["message"])
    # The page states the bounds as they are today; the catalog captures them.
    bounds = {"max": "4096", "min": "128"} if "4096" in text else {}
    return text, {**params, **bounds}


# A message that the page shares with a code of its own.
_CONTEXT_NAMES = {
    "Video width or height must be smaller than 4096 and larger than 128": ("VIDEO_DIMENSIONS_OUT_OF_RANGE", "invalid_request"),
    "Video width and height must be even number": ("VIDEO_DIMENSIONS_ODD", "invalid_request"),
    "not a valid URL: {url}": ("INVALID_URL", "invalid_request"),
    "either url or video_asset_id needs to be provided": ("VIDEO_SOURCE_MISSING", "invalid_request"),
    "Video asset not found: {asset_id}": ("VIDEO_ASSET_NOT_FOUND", "not_found"),
    "Voice not found: {voice_id}": ("VOICE_NOT_FOUND", "not_found"),
    "TTS voice must be provided with text voice settings": ("TTS_VOICE_MISSING", "invalid_request"),
    "Resource access denied": ("RESOURCE_ACCESS_DENIED", "permission"),
    "Please upgrade your plan to generate 4K videos": ("PLAN_4K_REQUIRED", "plan"),
}


@every_context
def test_context_message_in_every_form(row):
    """A context message is recognised in every form without a code, and its captures come out."""
    text, params = _context(row)
    sent = _wires(None, text, None, row["status"])
    found = [
        (wire.shape, info.message, info.name, info.category, dict(info.params)) for wire in sent for info in [normalize(wire.observation())]
    ]
    assert found == [(wire.shape, text, *_CONTEXT_NAMES[row["message"]], params) for wire in sent]


@every_context
@pytest.mark.parametrize("code", ["invalid_parameter", "invalid_request", "INVALID_PARAMETER", "400175", "40001", "40012"])
def test_context_message_outranks_a_vague_code(row, code):
    """A context message decides beside a code that says nothing but "wrong request"; the code is kept."""
    text, params = _context(row)
    sent = _wires(code, text, None, row["status"])
    found = [
        (wire.shape, info.code, info.name, info.category, dict(info.params)) for wire in sent for info in [normalize(wire.observation())]
    ]
    assert found == [(wire.shape, wire.code, *_CONTEXT_NAMES[row["message"]], params) for wire in sent]


_PREFIXES = {
    "video_inputs.0.character is invalid: ": "video_inputs.0.character",
    "video_inputs.0.voice is invalid: \nValue error, ": "video_inputs.0.voice",
    "video_inputs.0.character is invalid: Value error, ": "video_inputs.0.character",
    "TextVoiceSettings.video_inputs.voice.0 is invalid: ": "TextVoiceSettings.video_inputs.voice.0",
    "dimension is invalid: ": "dimension",
    "Value error, ": None,
    "  \n": None,
}


@every_context
@pytest.mark.parametrize("prefix", _PREFIXES)
@pytest.mark.parametrize("code", [None, "invalid_parameter"])
def test_context_message_behind_a_field_path(row, prefix, code):
    """A context message is recognised behind the path of the field, which becomes `param`; the message stays whole."""
    text, params = _context(row)
    forms = ("v1", "v2", "v2-no-data", "v3", "job-v3", "webhook-failure", "framework")
    sent = [wire for wire in _wires(code, prefix + text, None, row["status"]) if wire.shape in forms]
    found = [
        (wire.shape, info.message, info.param, info.name, dict(info.params)) for wire in sent for info in [normalize(wire.observation())]
    ]
    name = _CONTEXT_NAMES[row["message"]][0]
    assert found == [(wire.shape, (prefix + text).strip(), _PREFIXES[prefix], name, params) for wire in sent]


@pytest.mark.parametrize(("largest", "smallest"), [("4096", "128"), ("8192", "64"), ("2160", "256")])
def test_bounds_of_the_dimensions_are_captured(largest, smallest):
    """The bounds in the message about the dimensions come out as they are, whatever they are."""
    text = f"Video width or height must be smaller than {largest} and larger than {smallest}"
    info = _heygen({"error": {"message": text}})
    assert (info.name, dict(info.params)) == ("VIDEO_DIMENSIONS_OUT_OF_RANGE", {"max": largest, "min": smallest})


@pytest.mark.parametrize(
    ("message", "params"),
    [
        ("not a valid URL: https://example.com/a b?c=d&e={f}", {"url": "https://example.com/a b?c=d&e={f}"}),
        ("not a valid URL: ${URL}", {"url": "${URL}"}),
        ("NOT A VALID  url:\thttps://Example.com/A.mp4", {"url": "https://Example.com/A.mp4"}),
        ("Video asset not found: cf47", {"asset_id": "cf47"}),
        ("Voice not found: 1bd001e7e50f421d891986aad5158bc8", {"voice_id": "1bd001e7e50f421d891986aad5158bc8"}),
        ("voice not found:  Vc_Gone ", {"voice_id": "Vc_Gone"}),
    ],
)
def test_captures_keep_their_case(message, params):
    """White space and case of the literal text do not matter; what is captured keeps its case."""
    assert dict(_heygen({"error": {"message": message}}, 404 if "asset" in message else 400).params) == params


@pytest.mark.parametrize(
    "message", ["not a valid URL:", "not a valid URL: ", "Voice not found: ", "Please upgrade your plan to generate 4K videos now"]
)
def test_template_needs_the_whole_text(message):
    """A template matches the whole text, and a placeholder something: a near miss gives what the status gives."""
    assert _heygen({"error": {"message": message}}).rule == "heygen/status:400"


# HeyGen's streaming codes.


@every_streaming_code
def test_streaming_code_in_every_form(row):
    """Every streaming code is recognised in every form, with its status."""
    sent = _wires(row["code"], row["message"], None, row["status"])
    found = [(wire.shape, info.code, info.message, info.rule, info.status) for wire in sent for info in [normalize(wire.observation())]]
    rule = lookup("heygen", row["code"]).rule
    assert found == [(wire.shape, row["code"], row["message"], rule, wire.status) for wire in sent]


_STREAMING_MEANINGS = {
    **dict.fromkeys(("10001", "10002", "10003", "10004", "10005"), "conflict"),
    **dict.fromkeys(("10006", "10012"), "not_found"),
    **dict.fromkeys(("10007", "10014"), "rate_limit"),
    "10013": "permission",
    "10015": "quota",
}


@every_streaming_code
def test_streaming_code_means_what_it_says(row):
    """A streaming code means the same alone, as number and as text."""
    found = [_heygen({"code": code}, row["status"]).category for code in (int(row["code"]), row["code"])]
    assert found == [_STREAMING_MEANINGS[row["code"]]] * 2


# Heify's page.

_HEIFY_MEANINGS = {400: "invalid_request", 402: "payment", 403: "authentication", 404: "not_found", 429: "rate_limit", 500: "server"}
_HEIFY_MESSAGES = {
    "Missing required field: configuration_id": ("MISSING_FIELD", "invalid_request", {"field": "configuration_id"}),
    "Invalid JSON format": ("INVALID_JSON", "invalid_request", {}),
    "Maximum of 20 configurations per client exceeded": ("CONFIGURATION_LIMIT", "quota", {"limit": "20"}),
    "Unsupported audio format": ("UNSUPPORTED_AUDIO_FORMAT", "invalid_media", {}),
    "Invalid group value": ("INVALID_GROUP", "invalid_request", {}),
}


@every_status
def test_row_of_heifys_page(row):
    """A row of Heify's page gives its entry where it has a message, else the meaning of its status; 2xx is no failure."""
    status, message = row["status"], row["message"]
    if status < 400:
        assert normalize(Observation("heify", status, None, "{}")) is None
        return
    if message is None:
        bodies = [
            "",
            "{}",
            {"error": {"code": status}},
            {"error": {"message": "Descriptive error message", "code": status}},
            {"message": None},
        ]
        found = [normalize(Observation("heify", status, None, body)) for body in bodies]
        assert [(info.category, info.rule) for info in found] == [(_HEIFY_MEANINGS[status], f"heify/status:{status}")] * len(bodies)
        return
    sent = list(wires(Words(provider="heify", status=status, message=message)))
    found = [(wire.shape, info.name, info.category, dict(info.params)) for wire in sent for info in [normalize(wire.observation())]]
    assert found == [(wire.shape, *_HEIFY_MESSAGES[message]) for wire in sent]


@every_status
def test_row_of_heifys_page_keeps_the_words(row):
    """Code and message of Heify's published envelope come back as they are."""
    body = {"error": {"message": row["message"] or row["detail"], "code": row["status"]}}
    info = normalize(Observation("heify", row["status"], None, json.dumps(body)))
    assert (info.code, info.message) == (str(row["status"]), row["message"] or row["detail"])


@pytest.mark.parametrize("field", ["configuration_id", "url", "transcription_id", FILLS["field"]])
def test_missing_field_becomes_param(field):
    """The field that Heify misses is the param, whatever it is."""
    info = normalize(Observation("heify", 400, None, {"error": {"message": f"Missing required field: {field}", "code": 400}}))
    assert (info.rule, info.param) == ("heify/MISSING_FIELD", field)
