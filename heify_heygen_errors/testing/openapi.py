"""The fake vendors as an OpenAPI 3.1 document, from the same schemas that requests are checked with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from heify_heygen_errors.testing.operations import Operation

_SCHEMES: Final[dict[str, dict[str, str]]] = {
    "heygen": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "liveavatar": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "heify": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "liveavatar_token": {"type": "http", "scheme": "bearer"},
}
_TITLES: Final = {"heygen": "HeyGen", "liveavatar": "LiveAvatar", "heify": "Heify", "storage": "Object storage"}
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
        described["security"] = [{f"{operation.provider}_token" if operation.token else operation.provider: []}]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in operation.placeholders
    ]
    parameters += [_parameter(name, "query", schema) for name, schema in operation.query.items()]
    parameters += [_parameter(name, "header", schema) for name, schema in operation.headers.items()]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        body = operation.body if operation.documented is None else operation.documented
        described["requestBody"] = {"required": not operation.body_optional, "content": {operation.media: {"schema": dict(body)}}}
    return described


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
