"""The JSON Schema of the catalogs, for editors: it is written from the one description of the format and fits every catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from heify_heygen_errors.catalog.reader import read_source
from heify_heygen_errors.catalog.schema import json_schema

Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]

ROOT = Path(__file__).resolve().parents[1]
CATALOGS = sorted(path.name for path in (ROOT / "data").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """Validates by the schema as it is written."""
    return jsonschema.Draft202012Validator(json_schema())


def test_the_file_is_what_the_description_gives() -> None:
    """data/catalog.schema.json is the schema of this version of the format."""
    written = (ROOT / "data" / "catalog.schema.json").read_text(encoding="utf-8")
    assert written.removesuffix("\n") == json.dumps(json_schema(), indent=2)


def test_it_is_a_schema() -> None:
    """The schema follows draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def _patterns(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        for item in value.values():
            yield from _patterns(item)
    elif isinstance(value, list):
        for item in value:
            yield from _patterns(item)


def test_its_patterns_are_understood_by_editors() -> None:
    """Patterns use nothing that ECMA-262, which JSON Schema prescribes, does not know, such as inline flags."""
    patterns = sorted(set(_patterns(json_schema())))
    assert patterns
    assert [pattern for pattern in patterns if re.search(r"\(\?(?![:=!]|<[=!])|\\[AZ]|[*+?}]\+", pattern)] == []
    for pattern in patterns:
        re.compile(pattern)


@pytest.mark.parametrize("name", CATALOGS)
def test_every_catalog_is_valid(name: str, validator: jsonschema.Draft202012Validator) -> None:
    """Every shipped catalog is valid by the schema."""
    catalog = yaml.safe_load((ROOT / "data" / name).read_text(encoding="utf-8"))
    record = {sub["properties"]["kind"]["const"]: sub for sub in json_schema()["oneOf"]}[catalog["kind"]]  # type: ignore[attr-defined]
    # By the part for its kind first: of oneOf only "not valid under any" would be told.
    assert [f"{error.json_path}: {error.message[:200]}" for error in jsonschema.Draft202012Validator(record).iter_errors(catalog)][:5] == []
    assert validator.is_valid(catalog)


FIELDS = [
    # field of an entry, a value, valid
    ("codes", ["400112"], True),
    ("codes", [400112], False),
    ("codes", "400112", False),
    ("statuses", [404, "4xx"], True),
    ("statuses", ["404"], True),
    ("statuses", [True], False),
    ("statuses", [[404]], False),
    ("statuses", [4.5], False),
    ("statuses", [None], False),
    ("statuses", [600], False),
    ("statuses", [99], False),
    ("statuses", ["6xx"], False),
    ("category", "plan", True),
    ("category", "plans", False),
    ("summary", "One line.", True),
    ("summary", "Two\nlines.", True),
    ("summary", "Really?", True),
    ("summary", "no full stop", False),
    ("summary", "", False),
    ("source", "one", True),
    ("source", ["one", "two"], True),
    ("source", 1, False),
    ("name", "my_error", False),
    ("name", "MY ERROR", False),
    ("named", False, True),
    ("named", "false", False),
    ("retry", {"action": "wait", "resets": "day", "after": 1.5}, True),
    ("retry", {"action": "sometimes"}, False),
    ("retry", {"after": -1}, False),
    ("retry", {"often": 1}, False),
    ("fault", "nobody", False),
    ("examples", ["a", {"message": "b", "status": 404, "params": {"id": "x"}, "body": {"any": [1]}}], True),
    ("examples", [{"mesage": "b"}], False),
    ("examples", [{"params": {"Id": "x"}}], False),
    ("when", {"status": 404, "channel": "job", "no_message": True}, True),
    ("when", {"status": [404, "5xx"], "channel": ["job"], "endpoint": "/x"}, True),
    ("when", {"endpoint": "x"}, False),
    ("unheard_of", 1, False),
]


@pytest.mark.parametrize(("field", "value", "valid"), FIELDS)
def test_schema_and_reader_agree(
    field: str,
    value: object,
    valid: bool,  # noqa: FBT001
    entry: Entry,
    overlay: Overlay,
    validator: jsonschema.Draft202012Validator,
) -> None:
    """What the strict reader accepts in an overlay is valid by the schema, and what it refuses is not."""
    text = overlay(entry(**{field: value}))
    _, problems = read_source(text, "mine.yaml")
    assert (not problems) is valid
    assert validator.is_valid(json.loads(text)) is valid


@pytest.mark.parametrize("missing", ["name", "category", "summary", "remedy", "evidence", "source"])
def test_required_fields(missing: str, entry: Entry, overlay: Overlay, validator: jsonschema.Draft202012Validator) -> None:
    """An entry without a required field is refused by the reader and invalid by the schema."""
    text = overlay(entry(**{missing: None}))
    assert [problem.path for problem in read_source(text, "mine.yaml")[1]] == ["$.entries[0]"]
    assert not validator.is_valid(json.loads(text))


@pytest.mark.parametrize("kind", ["provider", "layer", "transport", "categories", "overlay"])
def test_every_kind_has_its_own_fields(kind: str) -> None:
    """Every kind of catalog has its part of the schema, closed against unknown fields."""
    parts = {part["properties"]["kind"]["const"]: part for part in json_schema()["oneOf"]}  # type: ignore[attr-defined]
    assert parts[kind]["additionalProperties"] is False
    assert "schema" in parts[kind]["required"]
