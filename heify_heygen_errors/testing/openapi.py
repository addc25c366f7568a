"""The fake vendors as an OpenAPI 3.1 document, from the same schemas that requests are checked with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.testing.operations import Operation

_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "heygen": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "liveavatar": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "heify": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_TITLES: Final = {"heygen": "HeyGen", "liveavatar": "LiveAvatar", "heify": "Heify", "storage": "Object storage"}
_KEY: Final = {
    "type": "string",
    "pattern": "^[A-Za-z0-9_:.-]{1,255}$",
    "description": "A request that repeats a key within 24 hours gets the answer to the first one with it",
}
# What every endpoint may say; the words are those of the catalogs.
_REFUSAL: Final[dict[str, Any]] = {
    "description": "The request is refused, in the vendor's own shape.",
    "content": {
        "application/json": {"schema": {"type": "object"}},
        "text/plain": {"schema": {"type": "string"}},
        "application/xml": {"schema": {"type": "string"}},
        "text/html": {"schema": {"type": "string"}},
    },
}


def document(operations: Iterable[Operation], url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """The OpenAPI document of these endpoints.

    Args:
        operations: the endpoints.
        url: where the server is.
        keys: the accepted key of each vendor, for the description.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(f"/{operation.provider}{operation.path}", {})[operation.method.lower()] = _operation(operation)
    accepted = "; ".join(f"{_TITLES[name]}: {key}" for name, key in keys.items())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fake HeyGen, LiveAvatar and Heify",
            "version": "1",
            "description": f"Keys: {accepted}. The headers X-Fake-Error and X-Fake-Fault ask for failures; see /_fake.",
        },
        "servers": [{"url": url}],
        "tags": [{"name": title} for title in _TITLES.values()],
        "paths": dict(sorted(paths.items())),
        "components": {"securitySchemes": _SCHEMES},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "tags": [_TITLES[operation.provider]],
        "responses": _responses(operation),
    }
    if not operation.open:
        described["security"] = [{operation.provider: []}]
    if operation.token:
        # In words only: a scheme of its own would promise 401 without it (RFC 9110, section 11.6.1), and LiveAvatar answers 403.
        described["description"] = "In place of the key it takes the token of a session: `Authorization: Bearer TOKEN`."
    elif _honours_keys(operation) and not _is_refused_before(operation):
        described["description"] = f"{_KEY['description']}: `Idempotency-Key`."
    parameters = _parameters(operation)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        body = operation.body if operation.documented is None else operation.documented
        described["requestBody"] = {"required": not operation.body_optional, "content": {operation.media: {"schema": dict(body)}}}
    return described


@lru_cache(maxsize=1)
def _honouring() -> frozenset[tuple[str, str, str]]:
    """Vendor, method and path of the endpoints that honour the header Idempotency-Key."""
    rows = ((vendor, row) for vendor, rows in default_catalogs().raw.items() for row in rows.get("endpoints", ()))
    return frozenset((vendor, row["method"], row["path"]) for vendor, row in rows if row.get("idempotency") == "header")


def _honours_keys(operation: Operation) -> bool:
    return (operation.provider, operation.method, operation.path) in _honouring()


def _is_refused_before(operation: Operation) -> bool:
    """Whether a body that is not as documented is refused before an answer is looked for under the idempotency key.

    Other bodies get the answer that is kept for a key, good or bad.
    """
    return operation.documented is None and operation.media == "application/json"


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    made = [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in operation.placeholders]
    made += [_parameter(name, "query", schema) for name, schema in operation.query.items()]
    made += [_parameter(name, "header", schema) for name, schema in operation.headers.items()]
    if _honours_keys(operation) and _is_refused_before(operation):
        made.append(_parameter("Idempotency-Key", "header", _KEY))
    return made


def _parameter(name: str, where: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key not in ("required", "description")}
    made = {"name": name, "in": where, "required": bool(schema.get("required")), "schema": plain}
    return made | {"description": schema["description"]} if "description" in schema else made


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "The vendor's answer."}
    if operation.answer is not None:
        success["content"] = {"application/json": {"schema": dict(operation.answer)}}
    responses: dict[str, Any] = {str(operation.status): success}
    responses |= {str(status): _REFUSAL for status in operation.failures}
    responses["4XX"] = _REFUSAL
    return responses


def _operation_id(operation: Operation) -> str:
    name = "".join(letter if letter.isalnum() else "_" for letter in operation.path)
    return f"{operation.provider}_{operation.method.lower()}{name}".rstrip("_")
