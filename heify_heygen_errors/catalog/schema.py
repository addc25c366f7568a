"""What a catalog file may say: one description for the strict reader, the JSON Schema and the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from heify_heygen_errors.model import Category, Channel, Fault, Outcome, RetryAction


@attrs.frozen
class Text:
    """A text. `pattern` must match it whole; `says` describes the pattern for people."""

    doc: str = ""
    pattern: str | None = None
    says: str = "a text"
    quoted: bool = False


@attrs.frozen
class OneOf:
    """One of a closed set of texts."""

    values: tuple[str, ...]
    doc: str = ""
    says: str = "value"


@attrs.frozen
class Whole:
    """A whole number."""

    doc: str = ""
    low: int = 0
    high: int = 10**9


@attrs.frozen
class Decimal:
    """A number that is not negative."""

    doc: str = ""


@attrs.frozen
class Flag:
    """true or false."""

    doc: str = ""


@attrs.frozen
class Many:
    """A list."""

    of: Kind
    doc: str = ""


@attrs.frozen
class OneOrMany:
    """A list, or one item of it alone."""

    of: Kind
    doc: str = ""


@attrs.frozen
class Either:
    """The first for scalars, the second for mappings."""

    scalar: Kind
    mapping: Kind
    doc: str = ""


@attrs.frozen
class Table:
    """A mapping whose keys match a pattern."""

    key: Text
    of: Kind
    doc: str = ""


@attrs.frozen
class Anything:
    """Any JSON."""

    doc: str = ""


@attrs.frozen
class Record:
    """A mapping with known fields."""

    name: str
    fields: Mapping[str, Kind] = attrs.field(eq=False)
    required: tuple[str, ...] = ()
    doc: str = ""


Kind = Text | OneOf | Whole | Decimal | Flag | Many | OneOrMany | Either | Table | Anything | Record

SYMBOL: Final = Text(pattern=r"[A-Z][A-Z0-9_]*", says="an UPPER_SNAKE symbol")
SPACE_NAME: Final = Text(pattern=r"[a-z][a-z0-9_]*", says="a lower_snake name")
CODE: Final = Text(quoted=True, says="a code in quotes")
TEMPLATE: Final = Text(says="a message template")
STATUS: Final = Text(pattern=r"[1-5](?:[0-9][0-9]|xx)", says='an HTTP status such as 404 or "4xx"')
CATEGORY: Final = OneOf(tuple(Category), says="category")
PROSE: Final = Text(pattern=r"\S[\s\S]*[.!?)]", says="prose that ends with a full stop")
PATH: Final = Text(pattern=r"/\S*", says="a path that begins with /")
CHANNEL: Final = OneOf(tuple(Channel), says="channel")
SHAPES: Final = ("failed_without_reason", "missing_job", "raw_lambda_error", "expired_url")

RETRY: Final = Record(
    "retry",
    {
        "action": OneOf(tuple(RetryAction), "What can make the same request succeed.", "retry action"),
        "after": Decimal("A floor in seconds."),
        "resets": OneOf(("day", "month"), "When the allowance comes back.", "period"),
    },
    doc="Only where it differs from the category's default.",
)

WHEN: Final = Record(
    "when",
    {
        "message": OneOrMany(TEMPLATE, "Templates over the message; any of them."),
        "detail": OneOrMany(TEMPLATE, "Templates over the vendor's detail; any of them."),
        "text": OneOrMany(TEMPLATE, "Templates over the detail or, failing that, the message; any of them."),
        "status": OneOrMany(STATUS, "HTTP statuses; any of them."),
        "channel": OneOrMany(CHANNEL, "Channels; any of them."),
        "endpoint": OneOrMany(PATH, "Endpoint paths; any of them."),
        "no_message": Flag("True: only where there is no message at all."),
    },
    doc="Every key that is given must fit.",
)

EXAMPLE: Final = Either(
    TEMPLATE,
    Record(
        "example",
        {
            "message": Text(),
            "detail": Text(),
            "code": CODE,
            "status": STATUS,
            "channel": CHANNEL,
            "headers": Table(Text(), Text()),
            "body": Anything("The whole body: text as on the wire, or JSON as a mapping."),
            "url": Text(),
            "method": Text(),
            "params": Table(SPACE_NAME, Text(), "Captures that must come out."),
        },
    ),
    "A message, or a mapping that says more. Lint sends it through the whole path.",
)

_MEANING: Final[dict[str, Kind]] = {
    "category": CATEGORY,
    "summary": PROSE,
    "remedy": PROSE,
    "fault": OneOf(tuple(Fault), "Only where it differs from the category's default.", "fault"),
    "retry": RETRY,
    "outcome": OneOf(tuple(Outcome), "Whether the request took effect, where the default is wrong.", "outcome"),
}

REFINEMENT: Final = Record(
    "refinement",
    {
        "id": Text(pattern=r"[a-z][a-z0-9_]*", says="a lower_snake id"),
        "when": WHEN,
        **_MEANING,
        "examples": Many(EXAMPLE),
        "counter_examples": Many(EXAMPLE),
        "note": PROSE,
    },
    ("id", "when", "category", "summary", "remedy", "examples", "counter_examples"),
    "The same code or message with another meaning in these circumstances. The first that fits wins.",
)

ENTRY: Final = Record(
    "entry",
    {
        "name": SYMBOL,
        "codes": Many(CODE, "Further codes. The name itself and its lower-case spelling are codes as well."),
        "named": Flag("False: the symbol is ours and no code."),
        "message": Text("The vendor's message, verbatim; also a template."),
        "detail": Text("The vendor's documented detail, verbatim; never matched."),
        "match_message": Flag("False: the message alone does not decide, because another entry owns it."),
        "also": Many(TEMPLATE, "Further message templates of the same failure."),
        "statuses": Many(STATUS, "Statuses seen. A template is believed with these only, a code with any."),
        "when": WHEN,
        "generic": Flag("True: a vague code; a message template of another entry outranks it."),
        "shape": OneOf(SHAPES, "A shape that this entry explains.", "shape"),
        "in_pages": Flag("Layers only. False: the text counts in JSON; as plain text or on a page anybody may have sent it."),
        "channel": OneOf(("gateway", "upload"), "Layers only: where the failure belongs.", "channel"),
        **_MEANING,
        "refine": Many(REFINEMENT),
        "examples": Many(EXAMPLE),
        "counter_examples": Many(EXAMPLE, "Near misses that must not give this entry."),
        "evidence": OneOf(("documented", "observed", "assumed"), "How the fact is known.", "kind of evidence"),
        "source": OneOrMany(Text(), "Where it is known from."),
        "note": PROSE,
        "since": Text(),
        "replaced_by": SYMBOL,
    },
    ("name", "category", "summary", "remedy", "evidence", "source"),
)

STATUS_ROW: Final = Record("status row", {**_MEANING, "note": PROSE}, ("category", "summary", "remedy"))

FAMILY: Final = Record(
    "family",
    {"suffix": Text(pattern=r"_[a-z0-9_]*[a-z]", says="a suffix such as _not_found (digits have no families)"), **_MEANING},
    ("suffix", "category", "summary", "remedy"),
)

ENDPOINT: Final = Record(
    "endpoint",
    {
        "method": OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"), says="method"),
        "path": PATH,
        "effect": OneOf(("read", "idempotent", "spends"), "What a repeat does.", "effect"),
        "idempotency": Text("header, or body:FIELD.", r"header|body:\w+", "header or body:FIELD"),
        "min_wait": Decimal("Seconds to wait at least after a throttling."),
        "rate_per_minute": Whole(),
        "burst": Whole(),
        "monthly_quota": Whole(),
        "starts_job": Flag("True: it starts work that counts towards the limit concurrent_jobs until it has ended."),
        "ends_job": Flag("True: it ends such work, whose id stands in its path or query."),
    },
    ("method", "path", "effect"),
)

LIMIT: Final = Record(
    "limit",
    {
        "name": Text(),
        "value": Anything("A number, or a range as text."),
        "unit": Text(),
        "statuses": Many(STATUS),
        "source": OneOrMany(Text()),
        "note": PROSE,
    },
    ("name", "value", "unit", "source"),
)

JOBS: Final = Record(
    "jobs",
    {
        "failed": Many(Text(), "States that mean failure."),
        "missing": Many(Text(), "States that mean the job does not exist."),
        "completed": Many(Text()),
        "running": Many(Text()),
        "result_fields": Many(Text(), "Fields that hold a usable result, so that an error beside them is a note."),
    },
)

_HEAD: Final[dict[str, Kind]] = {
    "schema": Whole("Version of this format.", 1, 1),
    "catalog": SPACE_NAME,
    "kind": OneOf(("provider", "layer", "transport", "categories", "overlay"), says="kind of catalog"),
    "title": Text(),
}

_REQUEST_ID: Final = Record("request_id", {"headers": Many(Text()), "fields": Many(Text())})

PROVIDER: Final = Record(
    "provider catalog",
    {
        **_HEAD,
        "docs": Text(),
        "status_page": Text(),
        "hosts": Many(Text()),
        "request_id": _REQUEST_ID,
        "success": Record("success", {"codes": Many(CODE), "messages": Many(Text())}),
        "catch_all": Many(CODE, "Codes that say nothing: a 4xx status and any template outrank them."),
        "vague_statuses": Many(STATUS, "Statuses that say nothing: a template is believed with them whatever it lists."),
        "jobs": JOBS,
        "statuses": Table(STATUS, STATUS_ROW),
        "families": Many(FAMILY),
        "limits": Many(LIMIT),
        "endpoints": Many(ENDPOINT),
        "entries": Many(ENTRY),
    },
    ("schema", "catalog", "kind", "title", "entries"),
)

LAYER: Final = Record(
    "layer catalog",
    {**_HEAD, "request_id": _REQUEST_ID, "entries": Many(ENTRY)},
    ("schema", "catalog", "kind", "title", "entries"),
)

TRANSPORT_ENTRY: Final = Record(
    "transport entry",
    {
        "name": SYMBOL,
        "exceptions": Many(Text(), "Full names of exception classes."),
        "texts": Many(TEMPLATE, "Templates over the exception's text, where its class says too little."),
        **_MEANING,
        "evidence": ENTRY.fields["evidence"],
        "source": ENTRY.fields["source"],
        "note": PROSE,
    },
    ("name", "exceptions", "category", "outcome", "summary", "remedy", "evidence", "source"),
)

TRANSPORT: Final = Record("transport catalog", {**_HEAD, "entries": Many(TRANSPORT_ENTRY)}, ("schema", "catalog", "kind", "entries"))

CATEGORIES: Final = Record(
    "categories",
    {
        **_HEAD,
        "version": Text(quoted=True, says="a version in quotes"),
        "categories": Table(
            Text(pattern="|".join(Category), says="a category"),
            Record(
                "category",
                {
                    "means": PROSE,
                    "exception": Text(),
                    "fault": OneOf(tuple(Fault), says="fault"),
                    "retry": OneOf(tuple(RetryAction), says="retry action"),
                    "http_status": Whole("The status to answer one's own caller with.", 400, 599),
                    "grpc": Text(pattern=r"[A-Z_]+", says="a google.rpc code"),
                    "title": PROSE,
                    "summary": PROSE,
                    "remedy": PROSE,
                },
                ("means", "exception", "fault", "retry", "http_status", "grpc", "title", "summary", "remedy"),
            ),
        ),
        "statuses": Table(STATUS, CATEGORY),
    },
    ("schema", "catalog", "kind", "version", "categories", "statuses"),
)

OVERLAY: Final = Record(
    "overlay",
    {
        **_HEAD,
        "catalog": Text("The catalog that it changes.", r"[a-z][a-z0-9_]*", "the name of a catalog"),
        "id": Text("Your name for it; rules of its entries end in @id.", r"[a-z][a-z0-9_\-]*", "a lower-case id"),
        "disable": Many(SYMBOL, "Names of entries to take out."),
        "entries": Many(ENTRY),
    },
    ("schema", "catalog", "kind", "id"),
)

BY_KIND: Final = {
    "provider": PROVIDER,
    "layer": LAYER,
    "transport": TRANSPORT,
    "categories": CATEGORIES,
    "overlay": OVERLAY,
}


def json_schema() -> dict[str, object]:
    """The format as JSON Schema (draft 2020-12), for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Catalog of heify_heygen_errors",
        "type": "object",
        "required": ["schema", "catalog", "kind"],
        "oneOf": [
            {**_json(record), "title": record.name, "properties": {**_json(record)["properties"], "kind": {"const": kind}}}  # type: ignore[dict-item]
            for kind, record in BY_KIND.items()
        ],
    }


def _json(kind: Kind) -> dict[str, object]:
    described: dict[str, object] = {"description": kind.doc} if kind.doc else {}
    match kind:
        case Text():
            if kind is STATUS:  # the reader takes it with and without quotes
                number = {"type": "integer", "minimum": 100, "maximum": 599}
                return {**described, "anyOf": [number, {"type": "string", "pattern": f"^(?:{kind.pattern})$"}]}
            return {**described, "type": "string", **({"pattern": f"^(?:{kind.pattern})$"} if kind.pattern else {})}
        case OneOf():
            return {**described, "enum": [str(value) for value in kind.values]}
        case Whole():
            return {**described, "type": "integer", "minimum": kind.low, "maximum": kind.high}
        case Decimal():
            return {**described, "type": "number", "minimum": 0}
        case Flag():
            return {**described, "type": "boolean"}
        case Many():
            return {**described, "type": "array", "items": _json(kind.of)}
        case OneOrMany():
            item = _json(kind.of)
            return {**described, "anyOf": [item, {"type": "array", "items": item}]}
        case Either():
            return {**described, "anyOf": [_json(kind.scalar), _json(kind.mapping)]}
        case Table():
            return {
                **described,
                "type": "object",
                "propertyNames": {"pattern": f"^(?:{kind.key.pattern or '.*'})$"},
                "additionalProperties": _json(kind.of),
            }
        case Anything():
            return described
        case Record():
            return {
                **described,
                "type": "object",
                "properties": {name: _json(field) for name, field in kind.fields.items()},
                "required": list(kind.required),
                "additionalProperties": False,
            }
