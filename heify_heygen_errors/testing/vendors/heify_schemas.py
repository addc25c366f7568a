"""JSON Schemas of Heify's requests and answers, after docs.heify.com of March 2026 and, where it says so, October 2025."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Schema

GROUPS: Final = ("PENDING_REVIEW", "UNDER_REVIEW", "ARCHIVED")
"""The groups of a transcription; the empty text takes it out of its group."""
CRITERION_TYPES: Final = ("boolean", "scale", "strict")
"""``strict`` ones count nothing and fail the whole call."""


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **more: Any) -> Schema:
    """The schema of an object; keywords are further keywords of JSON Schema."""
    made: dict[str, Any] = {"type": "object", "properties": {**required, **(optional or {})}, **more}
    return {**made, "required": list(required)} if required else made


def _text(longest: int | None = None, shortest: int = 0, **more: Any) -> Schema:
    made: dict[str, Any] = {"type": "string", **more}
    if shortest:
        made["minLength"] = shortest
    return made if longest is None else {**made, "maxLength": longest}


def _maybe(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _many(item: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": item, **more}


# Not blank: the white space that JSON knows. What more the regular expressions of each language call white space differs.
_NOT_BLANK: Final = "[^ \\t\\r\\n]"
_URL: Final = _text(pattern="^https?://[0-9A-Za-z][0-9A-Za-z.:@%~_-]*([/?#][^ \\t\\r\\n]*)?$")
_ID: Final = _text(shortest=1)
_LANGUAGE: Final = _text(pattern="^[a-z]{2,3}(-[A-Za-z]{2,4})?$")
_PLAIN: Final = _text()
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_NUMBER: Final[Schema] = {"type": "number"}
_TRUTH: Final[Schema] = {"type": "boolean"}
_ANY: Final[Schema] = {"type": "object"}

# Requests.

EMPTY: Final = record({})
"""Nothing is asked, but an object must come."""

_WEBHOOKS: Final = record({}, {"success_url": _URL, "error_url": _URL}, additionalProperties=False)
_EXTRACTION_FIELD: Final = record(
    {
        "name": _text(50, 1, pattern=_NOT_BLANK),
        "type": {"enum": ["string", "number", "boolean", "array"]},
        "description": _text(1000, 1),
    },
    additionalProperties=False,
)
_CONFIGURABLE: Final[Mapping[str, Schema]] = {
    "vocabulary": _many(_PLAIN),
    "extraction_fields": _many(_EXTRACTION_FIELD, maxItems=10),
    "webhooks": _maybe(_WEBHOOKS),
    "summary": _TRUTH,
    "custom_summary": _maybe(_text(300)),
    "summary_language": _LANGUAGE,
    "analytics_language": _LANGUAGE,
}
NEW_CONFIGURATION: Final = record({"tag": _text(255, 1, pattern=_NOT_BLANK)}, _CONFIGURABLE)
CHANGED_CONFIGURATION: Final = record({"configuration_id": _ID}, _CONFIGURABLE)
CONFIGURATION_CHANGES: Final = record(
    {"configuration_id": _ID},
    {name: schema for name, schema in _CONFIGURABLE.items() if name != "extraction_fields"},
    description="With extraction_fields as in create-configuration, too, but the type of a field that is there already stays.",
)
"""Changes that every configuration takes."""
ONE_CONFIGURATION: Final = record({"configuration_id": _ID})
MAYBE_CONFIGURATION: Final = record({}, {"configuration_id": _ID})

_CRITERION: Final[Mapping[str, Schema]] = {"name": _text(100, 1), "description": _text(1000, 5)}
_GRADING: Final[Mapping[str, Schema]] = {
    "type": {"enum": list(CRITERION_TYPES)},
    "weight": {"type": "integer", "minimum": 0, "maximum": 100},
}
_EVALUATING: Final[Mapping[str, Schema]] = {
    "description": _maybe(_text(250)),
    "language": _LANGUAGE,
    "context": _maybe(_text(1000)),
}
NEW_EVALUATOR: Final = record(
    {"tag": _text(100, 1, pattern=_NOT_BLANK), "criteria": _many(record(_CRITERION, _GRADING), minItems=1, maxItems=10)}, _EVALUATING
)
CHANGED_EVALUATOR: Final = record(
    {"evaluator_id": _ID},
    {**_EVALUATING, "criteria": _many(record({**_CRITERION, **_GRADING}, {"id": _ID}), minItems=1, maxItems=10)},
)
_ALONE: Final[Mapping[str, Schema]] = {
    "weight": {"type": "integer", "minimum": 100, "maximum": 100},
    "type": {"enum": [kind for kind in CRITERION_TYPES if kind != "strict"]},
}


def _one_criterion(required: Mapping[str, Schema], optional: Mapping[str, Schema]) -> Schema:
    return _many(
        record({**_CRITERION, **required}, optional),
        minItems=1,
        maxItems=1,
        description="Up to 10. The weights of those that are not strict add up to 100, so that one alone has all of it.",
    )


SIMPLE_EVALUATOR: Final = record(
    {"tag": NEW_EVALUATOR["properties"]["tag"], "criteria": _one_criterion({"weight": _ALONE["weight"]}, {"type": _ALONE["type"]})},
    _EVALUATING,
)
"""Evaluators whose weights a schema can say: those of one criterion."""
EVALUATOR_CHANGES: Final = record({"evaluator_id": _ID}, {**_EVALUATING, "criteria": _one_criterion(_ALONE, {})})
"""Changes that every evaluator takes."""
ONE_EVALUATOR: Final = record({"evaluator_id": _ID})

_METADATA: Final = _maybe(record({}, maxProperties=10, propertyNames={"maxLength": 50}, additionalProperties={"maxLength": 250}))
_PARTICIPANT_TAG: Final = _text(100, 1, pattern=_NOT_BLANK)
NEW_PARTICIPANT: Final = record({"tag": _PARTICIPANT_TAG}, {"metadata": _METADATA})
CHANGED_PARTICIPANT: Final = record({"participant_id": _ID}, {"tag": _PARTICIPANT_TAG, "metadata": _METADATA})
ONE_PARTICIPANT: Final = record({"participant_id": _ID})

_LINKS: Final[Mapping[str, Schema]] = {"name": _maybe(_PLAIN), "participant_id": _maybe(_ID), "evaluator_id": _maybe(_ID)}
SUBMISSION: Final = record({"configuration_id": _ID, "url": _URL}, _LINKS)
SUBMISSION_2025: Final = record({"configuration_id": _ID, "source_url": _URL}, {"name": _maybe(_PLAIN)})
UPLOAD: Final = record({"configuration_id": _ID}, _LINKS)
ONE_TRANSCRIPTION: Final = record({"transcription_id": _ID})
MAYBE_TRANSCRIPTION: Final = record({}, {"transcription_id": _ID})
REGROUPED: Final = record({"transcription_id": _ID, "group": {"enum": [*GROUPS, ""]}})


# Answers.


def enveloped(schema: Schema) -> Schema:
    """An answer of 2026: everything is under ``data``."""
    return record({"data": schema})


def either(schema: Schema) -> Schema:
    """An answer of an endpoint that both documentations have: under ``data`` or bare."""
    return {"anyOf": [enveloped(schema), schema]}


CONFIRMED: Final = record({"message": _PLAIN})
CONFIGURATION_CREATED: Final = record({"message": _PLAIN, "configuration_id": _ID})
CONFIGURATION: Final = record(
    {
        "client_id": _ID,
        "configuration_id": _ID,
        "tag": _PLAIN,
        "vocabulary": _many(_PLAIN),
        "extraction_fields": _many(_EXTRACTION_FIELD),
        "webhooks": _maybe(_WEBHOOKS),
        "summary": _TRUTH,
        "custom_summary": _maybe(_PLAIN),
        "summary_language": _PLAIN,
        "analytics_language": _PLAIN,
        "created_at": _PLAIN,
    }
)
CONFIGURATION_FOUND: Final = record({"configuration": CONFIGURATION})
CONFIGURATION_CHANGED: Final = record({"message": _PLAIN, "configuration": CONFIGURATION})
CONFIGURATIONS: Final = record({"total_configurations": _COUNT, "configurations": _many(CONFIGURATION)})

EVALUATOR: Final = record(
    {
        "evaluator_id": _ID,
        "tag": _PLAIN,
        "description": _maybe(_PLAIN),
        "language": _PLAIN,
        "context": _maybe(_PLAIN),
        "criteria": _many(record({"id": _ID, **_CRITERION, **_GRADING})),
        "created_at": _PLAIN,
    }
)
EVALUATOR_CHANGED: Final = record({"message": _PLAIN, "evaluator": EVALUATOR})
PARTICIPANT: Final = record(
    {
        "participant_id": _ID,
        "tag": _PLAIN,
        "metadata": _maybe(record({}, additionalProperties=_PLAIN)),
        "created_at": _PLAIN,
        "updated_at": _PLAIN,
    }
)
PARTICIPANT_CHANGED: Final = record({"message": _PLAIN, "participant": PARTICIPANT})


def listed(item: Schema) -> Schema:
    """A list of evaluators or participants."""
    return record({"items": _many(item), "count": _COUNT})


SUBMITTED: Final = record({"message": _PLAIN, "transcription_id": _ID})
UPLOAD_PREPARED: Final = record(
    {"transcription_id": _ID, "upload_url": _URL, "configuration_id": _ID, "name": _maybe(_PLAIN)},
    {"participant_id": _maybe(_ID), "evaluator_id": _maybe(_ID)},
)
TRANSCRIPTION: Final = record(
    {"transcription_id": _ID, "status": {"enum": ["IN_PROGRESS", "COMPLETED", "FAILED"]}, "details": _ANY},
    {"configuration_id": _ID, "configuration_tag": _PLAIN, "duration": _maybe(_NUMBER), "group": {"enum": [*GROUPS, None]}},
)
TRANSCRIPTION_2025: Final = record(
    {"transcription_id": _ID, "status": {"enum": ["PENDING", "IN_PROGRESS", "COMPLETED", "FAILED"]}},
    {"configuration_id": _ID, "configuration_tag": _PLAIN, "duration": _maybe(_NUMBER), "details": _ANY},
)
REGROUPING: Final = {
    "anyOf": [
        enveloped(record({"message": _PLAIN, "transcription": TRANSCRIPTION})),
        record({"message": _PLAIN, "transcription": TRANSCRIPTION_2025}),
    ]
}
_STATISTICS: Final = record({"completed": _COUNT, "failed": _COUNT, "in_progress": _COUNT})
TRANSCRIPTIONS: Final = record(
    {
        "total_transcriptions": _COUNT,
        "query_limit_reached": _TRUTH,
        "statistics": _STATISTICS,
        "transcriptions": _many(record({"transcription_id": _ID, "status": _PLAIN})),
    }
)
TRANSCRIPTIONS_2025: Final = record(
    {"total_transcriptions": _COUNT, "statistics": _STATISTICS, "transcriptions": _many(TRANSCRIPTION_2025)}
)
REPORT: Final[Schema] = {
    "anyOf": [record({"configuration_details": _ANY, "ai_insights": _ANY, "detailed_analysis": _ANY}), record({"message": _PLAIN})]
}
DASHBOARD: Final[Schema] = {
    "anyOf": [
        record({"metadata": _ANY, "kpis": _ANY, "charts": _ANY, "score_distribution": _ANY, "raw_data": _many(_ANY)}),
        record({"message": _PLAIN}),
    ]
}
