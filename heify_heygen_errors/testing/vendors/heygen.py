"""HeyGen: how it says no in each generation of its API, and what every answer of it has.

The generation follows from the path: an error object in v3, a wrapper in v2, flat bodies in v1 (vendor notes 2026-11,
section a). Unknown paths and wrong methods are answered by the framework below, whose body is ``{"detail": ...}``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import cache
from typing import Any, Final

import attrs

from heify_heygen_errors.testing.answer_headers import SUNSET
from heify_heygen_errors.testing.operations import Operation, Problem, Received, Schema, checkers
from heify_heygen_errors.testing.replies import Reply, VendorError, error
from heify_heygen_errors.testing.shapes import error_style_of
from heify_heygen_errors.testing.vendors import heygen_catalog, heygen_events
from heify_heygen_errors.testing.vendors.heygen_jobs import CONCURRENT, HEYGEN
from heify_heygen_errors.testing.vendors.heygen_legacy import legacy
from heify_heygen_errors.testing.vendors.heygen_v3 import v3
from heify_heygen_errors.testing.vendors.vendor import Settings, Vendor
from heify_heygen_errors.testing.world import Job, World

_MEBI: Final = 1024 * 1024
_OK: Final = range(200, 300)
# The one endpoint whose code is the HTTP status (HeyGen's API document, V1APIError).
_CODE_IS_STATUS: Final = "/v1/user/me"

# What takes the place of an endpoint of v2, by the beginning of its path.
_SUCCESSORS: Final = (
    ("/v2/video_translate", "POST /v3/video-translations"),
    ("/v2/avatar_group", "GET /v3/avatars"),
    ("/v2/avatar", "GET /v3/avatars/looks"),
    ("/v2/photo_avatar", "POST /v3/avatars"),
    ("/v2/talking_photo", "DELETE /v3/avatars/looks/{look_id}"),
    ("/v2/voices", "GET /v3/voices"),
    ("/v2/template", "POST /v3/templates/{template_id}"),
    ("/v2/user", "GET /v3/users/me"),
    ("/v2/", "POST /v3/videos"),
)

# What is said of wrong sizes of a video instead of the rule that they break.
_SIZES: Final[Mapping[str, str]] = {
    "multipleOf": "Video width and height must be even number",
    "minimum": "Video width or height must be smaller than 4096 and larger than 128",
    "maximum": "Video width or height must be smaller than 4096 and larger than 128",
}

# How pydantic, which checks the requests, puts a broken rule of a schema.
_RULES: Final[Mapping[str, str]] = {
    "required": "Field required",
    "enum": "Input should be one of {limit}",
    "const": "Input should be {limit}",
    "minLength": "String should have at least {limit} characters",
    "maxLength": "String should have at most {limit} characters",
    "pattern": "String should match pattern '{limit}'",
    "minimum": "Input should be greater than or equal to {limit}",
    "maximum": "Input should be less than or equal to {limit}",
    "multipleOf": "Input should be a multiple of {limit}",
    "minItems": "List should have at least {limit} items after validation",
    "maxItems": "List should have at most {limit} items after validation",
    "oneOf": "Unable to extract tag using discriminator 'type'",
    "tag": "Input tag '{value}' found using 'type' does not match any of the expected tags: {limit}",
    "json": "Invalid JSON in the request body",
    "missing": "The request body is empty",
    "media": "Content-Type should be {limit}",
}
# What pydantic calls the types of JSON, where it has another word.
_TYPES: Final = {"object": "dictionary or object to extract fields from", "array": "list"}


@cache
def _refusal(name: str, code: str | None = None) -> VendorError:
    """A refusal that is the same for every request.

    Without the detail that the vendor's table has for some: live answers have none (vendor notes 2026-11, section a).

    Args:
        name: in the catalog.
        code: the code that is sent, where it is not that of the catalog.
    """
    made = error(HEYGEN, name)
    words = attrs.evolve(made.words, detail=None)
    if code is None:
        return attrs.evolve(made, words=words)
    return attrs.evolve(made, words=attrs.evolve(words, code=code), shape="v1")


class HeyGen(Vendor):
    """HeyGen with the endpoints of v1, v2 and v3."""

    provider = HEYGEN
    operations = (*v3.operations, *legacy.operations)
    # More than the 32 MB of a file, for what a form has around it.
    takes = 33 * _MEBI

    def __init__(self, world: World, settings: Settings) -> None:
        super().__init__(world, settings)
        heygen_catalog.seed(world)
        if settings.limits:
            world.store["allowance"][HEYGEN] = {"jobs": CONCURRENT}

    def no_route(self, received: Received) -> Reply:  # noqa: ARG002
        """404 of the framework."""
        return Reply.json({"detail": "Not found."}, 404)

    def wrong_method(self, received: Received, allowed: tuple[str, ...]) -> Reply:
        """405 of the framework."""
        return Reply.json({"detail": f'Method "{received.method}" not allowed.'}, 405, {"Allow": ", ".join(allowed)})

    def unauthorized(self, received: Received) -> VendorError | None:
        """401, the same whether a key is missing or wrong; an OAuth token is taken like a key."""
        scheme, _, token = received.headers.get("authorization", "").partition(" ")
        given = received.headers.get("x-api-key") or (token if scheme.lower() == "bearer" else None)
        if given == self.settings.keys[HEYGEN]:
            return None
        return _refusal("UNAUTHORIZED", "401" if received.path == _CODE_IS_STATUS else None)

    def invalid(self, problem: Problem, operation: Operation, received: Received) -> VendorError:
        """400 in the words of the path's generation."""
        found = self._narrowed(problem)
        generation = error_style_of(received.path)
        if generation == "v3":
            return _invalid_v3(found)
        if found.rule == "media":
            text = f"Unsupported media type '{found.value}' in request. '{found.limit}' is required."
            return error(HEYGEN, "UNSUPPORTED_MEDIA_TYPE", message=text, shape="framework")
        if generation == "v2":
            return error(HEYGEN, "INVALID_PARAMETER", message=_said_with_path(found, operation))
        if found.rule in ("required", "missing", "json"):
            return _refusal("MISSING_PARAMS")
        return error(HEYGEN, "INVALID_QUERY_PARAM" if found.where == "query" else "INVALID_PARAMETER", status=400)

    def too_large(self, received: Received) -> VendorError:  # noqa: ARG002
        """413."""
        return _refusal("payload_too_large")

    def too_early(self, key: str) -> VendorError:  # noqa: ARG002
        """409 while the first request with a key runs."""
        return _refusal("request_in_progress")

    def finished(self, received: Received, reply: Reply, operation: Operation | None) -> Reply:  # noqa: ARG002
        """The answer with the headers of the server and of the load balancer; v1 and v2 announce their end."""
        now = self.world.clock()
        trace = hashlib.sha256(f"{self.world.seed} {received.number}".encode()).hexdigest()[:24]
        headers = {
            "Date": formatdate(now, usegmt=True),
            "x-amzn-trace-id": f"Root=1-{int(now):08x}-{trace}",
        }
        if received.path.startswith(("/v1/", "/v2/")):
            headers |= {"deprecation": "true", "sunset": SUNSET}
        made = reply.with_headers(headers).with_missing({"Server": "gunicorn"})
        return _with_warning(made, received.path) if received.path.startswith("/v2/") and reply.status in _OK else made

    def job_ended(self, job: Job) -> None:
        """Send the webhooks."""
        heygen_events.job_ended(self.world, job)

    def _narrowed(self, problem: Problem) -> Problem:
        """The problem inside the one variant of an object that was meant."""
        variant = self._meant(problem)
        if isinstance(variant, Problem):
            return variant
        inner = None if variant is None else checkers.alike(variant).problem(problem.value, problem.where)
        return problem if inner is None else self._narrowed(attrs.evolve(inner, path=(*problem.path, *inner.path)))

    @staticmethod
    def _meant(problem: Problem) -> Schema | Problem | None:
        """The variant that was meant: that of its ``type``, or the first of several ways to say the same.

        Returns:
            None where there are no variants; a problem where ``type`` itself is wrong.
        """
        if problem.rule not in ("anyOf", "oneOf"):
            return None
        if not isinstance(problem.value, dict):
            return attrs.evolve(problem, rule="type", limit="object")
        if problem.rule == "anyOf":
            first: Schema = problem.limit[0]
            return first
        known: dict[str, Schema] = {one["properties"]["type"]["const"]: one for one in problem.limit if one["type"] == "object"}
        tag = problem.value.get("type")
        if isinstance(tag, str) and tag in known:
            return known[tag]
        return attrs.evolve(problem, rule="tag" if "type" in problem.value else "oneOf", limit=list(known), value=tag)


def _said(problem: Problem) -> str:
    size = _SIZES.get(problem.rule)
    if size is not None and "dimension" in problem.path:
        return size
    limit = problem.limit
    if problem.rule == "type":
        named = [limit] if isinstance(limit, str) else [one for one in limit if one != "null"]
        return f"Input should be a valid {' or '.join(_TYPES.get(one, one) for one in named)}"
    if isinstance(limit, Sequence) and not isinstance(limit, str):
        limit = ", ".join("null" if one is None else str(one) for one in limit)
    return _RULES.get(problem.rule, "Input is invalid").format(limit=limit, value=problem.value)


def _invalid_v3(problem: Problem) -> VendorError:
    # A tag is wrong in the member that holds it.
    path = f"{problem.field}.type".lstrip(".") if problem.rule in ("oneOf", "tag") else problem.field
    made = error(HEYGEN, "invalid_parameter", message=f"{path}: {_said(problem)}" if path else _said(problem))
    # The error object names a field only where one is at fault.
    return attrs.evolve(made, words=attrs.evolve(made.words, param=path or None))


def _said_with_path(problem: Problem, operation: Operation) -> str:
    """The message of v2, which has the path inside.

    What is no JSON is told like an empty object: its first field is missing.
    """
    needed = (operation.body or {}).get("required")
    if problem.rule in ("json", "missing") and needed:
        return f"{needed[0]} is invalid: Field required"
    return f"{problem.field or 'body'} is invalid: {_said(problem)}"


def _with_warning(reply: Reply, path: str) -> Reply:
    """An answer of v2 with the notice that v2 ends, which it has since the middle of 2026."""
    try:
        body: Any = json.loads(reply.body)
    except ValueError:
        return reply
    if not isinstance(body, dict):
        return reply
    successor = next(new for old, new in _SUCCESSORS if path.startswith(old))
    body["warning"] = {
        "message": "This v2 endpoint is Legacy and will be removed on 2026-10-31.",
        "v3_endpoint": successor,
        "docs_url": "https://developers.heygen.com/docs/migrate-to-v3",
        "sunset_date": "2026-10-31",
    }
    return reply.with_body(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
