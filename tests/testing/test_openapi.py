"""The fake server's description of itself: a valid OpenAPI 3.1 document, which schemathesis finds to be true."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest
import requests
from jsonschema import Draft202012Validator

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer
from heify_heygen_errors.testing.vendors import VENDORS

_METHODS = {"get", "put", "post", "delete", "patch"}
_PROVIDERS = ("heygen", "liveavatar", "heify")
_PLACEHOLDER = re.compile(r"\{([^}]*)\}")
_TIMEOUT = 5

# What one run of schemathesis tries, by the beginning of the paths, so that several runs can go on side by side.
_GROUPS = {
    "heify": "^/heify/",
    "liveavatar and storage": "^/(liveavatar|storage)/",
    "heygen v1": "^/heygen/v1/",
    "heygen v2": "^/heygen/v2/",
    "heygen v3 videos": "^/heygen/v3/(videos|templates|hyperframes)",
    "heygen v3 from videos": "^/heygen/v3/(video-translations|lipsyncs|ai-clipping|background-removals)",
    "heygen v3 agents and files": "^/heygen/v3/(video-agents|assets)",
    "heygen v3 account": "^/heygen/v3/(avatars|voices|users|brand-|audio|webhooks)",
}
_EXAMPLES = os.environ.get("HHE_SCHEMATHESIS_EXAMPLES", "10")
_KEYS = "".join(f'[auth.openapi.{name}]\napi_key = "fake-{name}-key"\n' for name in _PROVIDERS)


@pytest.fixture(scope="module")
def document():
    with FakeServer() as server:
        return server.openapi()


def _operations(document):
    return {(path, method): one for path, methods in document["paths"].items() for method, one in methods.items()}


def _schemas(document):
    for one in _operations(document).values():
        yield from (parameter["schema"] for parameter in one.get("parameters", ()))
        for told in (one.get("requestBody", {}), *one["responses"].values()):
            yield from (media["schema"] for media in told.get("content", {}).values())


def _members(value):
    """Every member of every object in a JSON value, at any depth."""
    if isinstance(value, dict):
        yield from value.items()
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _members(inner)


# The document.


def test_server_describes_itself():
    """The document is served as JSON without a key, is of OpenAPI 3.1, and says where the server is."""
    with FakeServer() as server:
        answer = requests.get(f"{server.url}/_fake/openapi.json", timeout=_TIMEOUT)
        served = answer.json()
        assert ("application/json", server.openapi()) == (answer.headers["Content-Type"], served)
        assert [{"url": server.url}] == served["servers"]
    assert ("3.1.0", {"title", "version", "description"}) == (served["openapi"], set(served["info"]))
    assert all(key in served["info"]["description"] for key in ("fake-heygen-key", "fake-liveavatar-key", "fake-heify-key"))


def test_every_operation_has_a_name_a_sentence_and_a_tag(document):
    """Operation ids are unique, summaries are sentences, and each operation has one of the tags that the document lists."""
    operations = _operations(document)
    ids = [one["operationId"] for one in operations.values()]
    assert sorted(set(ids)) == sorted(ids)
    assert [one["summary"] for one in operations.values() if not re.fullmatch(r"[A-Z][^:]*(: [^:]+)?\.", one["summary"])] == []
    tags = [{"name": name} for name in ("HeyGen", "LiveAvatar", "Heify", "Object storage")]
    assert tags == document["tags"]
    assert [one["tags"] for one in operations.values() if [{"name": name} for name in one["tags"]] not in ([tag] for tag in tags)] == []


def test_path_parameters_are_declared(document):
    """The placeholders of a path are its path parameters, each of them required, and no parameter is there twice."""
    for (path, method), one in _operations(document).items():
        parameters = one.get("parameters", [])
        names = [(parameter["in"], parameter["name"].lower()) for parameter in parameters]
        placed = [parameter["name"] for parameter in parameters if parameter["in"] == "path" and parameter["required"] is True]
        assert (method in _METHODS, _PLACEHOLDER.findall(path)) == (True, placed), path
        assert sorted(set(names)) == sorted(names), path


def test_schemas_are_valid(document):
    """Each schema is one of JSON Schema 2020-12, its patterns are regular expressions, and its references lead somewhere."""
    checked = 0
    for schema in _schemas(document):
        Draft202012Validator.check_schema(schema)
        checked += 1
    assert checked > len(_operations(document))
    for name, value in _members(document):
        if name == "pattern" and isinstance(value, str):
            re.compile(value)
        if name == "$ref" and isinstance(value, str):
            found = document
            for part in value.removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]


def test_responses_are_described(document):
    """Each operation describes its success and its refusals, under keys that are statuses."""
    for (path, method), one in _operations(document).items():
        statuses = list(one["responses"])
        assert all(re.fullmatch("[1-5]([0-9]{2}|XX)", status) for status in statuses), path
        assert "4XX" in statuses, path
        assert (statuses[0][0] == "2") != one["summary"].startswith("Not found"), (path, method)
        assert all(response["description"] for response in one["responses"].values())


def test_operations_ask_for_the_key_of_their_vendor(document):
    """Each vendor's key is sent in X-Api-Key; only the signed URLs and what Heify has no endpoint for take none."""
    schemes = document["components"]["securitySchemes"]
    assert {name: {"type": "apiKey", "in": "header", "name": "X-Api-Key"} for name in _PROVIDERS} == schemes
    for (path, method), one in _operations(document).items():
        vendor = path.split("/")[1]
        free = vendor == "storage" or (vendor == "heify" and method != "post")
        assert one.get("security") == (None if free else [{vendor: []}]), path


def test_idempotency_keys_are_described(document):
    """Each endpoint that honours the header Idempotency-Key says so, as a parameter or in words, and no other does."""
    rows = [row for row in default_catalogs().raw["heygen"]["endpoints"] if row.get("idempotency") == "header"]
    honouring = {(f"/heygen{row['path']}", row["method"].lower()) for row in rows}
    assert honouring == {where for where, one in _operations(document).items() if "Idempotency-Key" in str(one)}


@pytest.mark.parametrize("provider", _PROVIDERS)
def test_endpoints_of_the_catalog_are_described(document, provider):
    """Every endpoint that a catalog lists is in the document with its method."""
    listed = {
        (_PLACEHOLDER.sub("{}", f"/{provider}{row['path']}"), row["method"].lower())
        for row in default_catalogs().raw[provider]["endpoints"]
    }
    described = {(_PLACEHOLDER.sub("{}", path), method) for path, method in _operations(document)}
    assert listed
    assert listed - described == set()


def test_every_endpoint_of_the_server_is_described(document):
    """The document has each endpoint of the server, and no other."""
    known = {(f"/{one.provider}{one.path}", one.method.lower()) for vendor in VENDORS for one in vendor.operations}
    assert known == set(_operations(document))


def test_numbers_in_queries_have_bounds(document):
    """Every whole number in a query has bounds, as servers do not take numbers of any length."""
    numbers = [
        parameter["schema"]
        for one in _operations(document).values()
        for parameter in one.get("parameters", ())
        if parameter["schema"]["type"] == "integer"
    ]
    assert numbers
    assert [schema for schema in numbers if not ("minimum" in schema and schema.get("maximum", 10**18) < 10**18)] == []


# Ids that the document names.


def _named(document, member):
    body = document["paths"]["/heygen/v2/video/generate"]["post"]["requestBody"]
    return next(value["enum"] for name, value in _members(body) if name == member)


def test_ids_of_the_document_can_be_used(document):
    """Where an unknown avatar or voice is refused with 400, the document names those that are taken."""
    avatars, voices, photos = (_named(document, member) for member in ("avatar_id", "voice_id", "talking_photo_id"))
    assert (AVATAR_ID in avatars, VOICE_ID in voices) == (True, True)
    characters = [{"type": "avatar", "avatar_id": avatar} for avatar in avatars]
    characters += [{"type": "talking_photo", "talking_photo_id": photo} for photo in photos]
    scenes = [{"character": one, "voice": {"type": "silence"}} for one in characters]
    scenes += [{"voice": {"type": "text", "voice_id": voice, "input_text": "Hello"}} for voice in voices]
    with FakeServer() as server:
        for scene in scenes:
            url, headers = f"{server.heygen.url}/v2/video/generate", {"X-Api-Key": server.heygen.api_key}
            answer = requests.post(url, json={"video_inputs": [scene]}, headers=headers, timeout=_TIMEOUT)
            server.finish_jobs()
            assert answer.status_code == 200, answer.text


# Schemathesis.


def test_groups_leave_no_operation_out(document):
    """Each operation is tried in one of the runs of schemathesis, and in no other."""
    for path in document["paths"]:
        assert sum(re.search(pattern, path) is not None for pattern in _GROUPS.values()) == 1, path


def _schemathesis(folder, *options):
    """Run its command line with all of its checks against a new server; gives how many operations it tried."""
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed: it comes with the extra named test")
    with FakeServer() as server:
        run = ["run", f"{server.url}/_fake/openapi.json", "--seed", "1", "--generation-database", "none", "--no-color"]
        command = [sys.executable, "-m", "schemathesis.cli", *run, *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=3000, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
    found = re.search(r"Selected: ([0-9]+)/[0-9]+\n +Tested: ([0-9]+)\n", done.stdout)
    assert found is not None, done.stdout
    assert found[1] == found[2]
    return int(found[1])


@pytest.mark.parametrize("group", _GROUPS)
def test_schemathesis_finds_nothing(tmp_path, document, group):
    """Schemathesis, told nothing but the keys, finds no fault in any operation with any of its checks.

    It makes 10 examples for each operation beside those that cover its schemas; the environment variable
    HHE_SCHEMATHESIS_EXAMPLES=100 has it make its usual 100, which takes some five minutes of one processor.
    """
    (tmp_path / "schemathesis.toml").write_text(_KEYS)
    tried = _schemathesis(tmp_path, "--max-examples", _EXAMPLES, "--include-path-regex", _GROUPS[group])
    assert tried == sum(re.search(_GROUPS[group], path) is not None for path, _ in _operations(document))


def test_schemathesis_finds_nothing_with_one_key_for_all(tmp_path, document):
    """The usual way to pass a key, one header for everything, leaves the other vendors with a wrong key, and nothing is found."""
    header = ("--header", "X-Api-Key: fake-heygen-key")
    tried = _schemathesis(tmp_path, "--max-examples", "1", *header, "--exclude-path-regex", "^/heygen/v3/(videos|video-)")
    assert tried == sum(not path.startswith(("/heygen/v3/videos", "/heygen/v3/video-")) for path, _ in _operations(document))
