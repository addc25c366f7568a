"""Heify: API Gateway in front, functions behind it, in the words of its documentation of 2026 or 2025.

Every endpoint takes POST. A request passes the gateway (route, key, rate, size) before Heify reads it (JSON, fields,
ids, limits). Both documentations (docs.heify.com, March 2026 and October 2025) are spoken: endpoints that only one of
them has speak that one, the others the one that the server was started with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import ClassVar, Final, NoReturn
from uuid import UUID

import attrs

from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.entries import Endpoint
from heify_heygen_errors.testing.operations import Call, Operation, Problem, Received, Router, Routes
from heify_heygen_errors.testing.replies import Reply, VendorError
from heify_heygen_errors.testing.vendors import heify_schemas as schemas
from heify_heygen_errors.testing.vendors.heify_dialect import deny, failure, generation_of, of_gateway
from heify_heygen_errors.testing.vendors.heify_objects import KINDS, Kind, objects
from heify_heygen_errors.testing.vendors.heify_transcriptions import failure_event, success_event, transcriptions
from heify_heygen_errors.testing.vendors.vendor import Settings, Vendor
from heify_heygen_errors.testing.world import Delivery, Job, World

_GATEWAY_TAKES: Final = 10 * 1024 * 1024
_LAMBDA_TAKES: Final = 6 * 1024 * 1024
_OTHER_METHODS: Final = ("DELETE", "GET", "PATCH", "PUT")
# How many of a kind an account can have: the catalog's limit, and what refuses one more.
_NUMBERED: Final = {
    "/create-configuration": ("configuration", "configurations", "CONFIGURATION_LIMIT"),
    "/create-evaluator": ("evaluator", "evaluators", "EVALUATOR_LIMIT"),
    "/create-participant": ("participant", "participants", "PARTICIPANT_LIMIT"),
}
_ANALYTICS: Final = {"/analytics": "configuration", "/analytics-evaluator": "evaluator", "/analytics-participant": "participant"}
_COSTING: Final = frozenset({"/submit", "/request-upload-url"})
# Keys that an object may have where no others are allowed.
_ALLOWED: Final = frozenset({"success_url", "error_url", "name", "type", "description"})


def no_endpoint(call: Call) -> NoReturn:
    """Heify says of GET instead of POST what it says of a path that does not exist (docs.heify.com/platform/errors).

    Raises:
        Refusal: always.
    """
    deny(call, "ENDPOINT_NOT_FOUND")


def _other_methods(operations: Iterable[Operation]) -> list[Operation]:
    refusals = Routes("heify")
    for operation in operations:
        for method in _OTHER_METHODS:
            refusals.add(method, operation.path, "Not found: every endpoint takes POST.", status=404, open=True)(no_endpoint)
    return refusals.operations


_POSTS: Final = (*objects.operations, *transcriptions.operations)


class Heify(Vendor):
    """Heify and the API Gateway before it, in the generation of the settings.

    Objects are in ``world.store`` (``configuration``, ``evaluator``, ``participant``; ``upload`` for transcriptions whose
    file has not come), jobs are of the kind ``transcription``.
    """

    provider = "heify"
    operations = (*_POSTS, *_other_methods(_POSTS))
    takes: ClassVar[int] = _LAMBDA_TAKES

    def __init__(self, world: World, settings: Settings) -> None:
        super().__init__(world, settings)
        self._generation = settings.heify_generation
        client = hashlib.sha256(f"client {world.seed}".encode()).hexdigest()[:8]
        world.store["account"]["heify"] = {"client_id": f"client-{client}", "generation": self._generation}
        if self._generation == "2025":
            self._router = Router([_as_of_2025(operation) for operation in self.operations])

    def no_route(self, received: Received) -> VendorError:  # noqa: ARG002
        """Endpoint not found."""
        return failure(self._generation, "ENDPOINT_NOT_FOUND")

    def wrong_method(self, received: Received, allowed: tuple[str, ...]) -> VendorError:  # noqa: ARG002
        """The gateway's words for methods that it passes on to nobody; those that it knows have `no_endpoint`."""
        return of_gateway("APIGW_MISSING_AUTHENTICATION_TOKEN")

    def unauthorized(self, received: Received) -> VendorError | None:
        """The gateway's Forbidden; the key is read from x-api-key alone."""
        known = self.settings.keys["heify"]
        return None if received.headers.get("x-api-key") == known else of_gateway("APIGW_FORBIDDEN")

    def throttled(self, operation: Operation, endpoint: Endpoint) -> VendorError | None:
        """The gateway's Too Many Requests, which says nothing of how long to wait."""
        rate, burst = endpoint.rate_per_minute, endpoint.burst
        if rate is None or burst is None or self.world.take("heify", operation.path, rate, burst):
            return None
        return of_gateway("APIGW_TOO_MANY_REQUESTS")

    def too_large(self, received: Received) -> VendorError:
        """What the gateway does not take (10 MB), or what a function does not take (6 MB)."""
        told = of_gateway("APIGW_PAYLOAD_TOO_LARGE")
        if received.size <= _GATEWAY_TAKES:
            return VendorError(words=attrs.evolve(told.words, code="BadRequestException"))
        message = f"HTTP content length exceeded {_GATEWAY_TAKES} bytes."
        return VendorError(words=attrs.evolve(told.words, code=None, message=message), shape="plain")

    def invalid(self, problem: Problem, operation: Operation, received: Received) -> VendorError:  # noqa: ARG002
        """Heify's words for a body that does not fit."""
        entry, message = _wording(problem)
        return failure(generation_of(operation.path, self._generation), entry, message)

    def admit(self, call: Call) -> None:
        """Minutes left, calls of the month, numbers of objects.

        Raises:
            Refusal: one of these is used up.
        """
        path, world = call.operation.path, call.world
        left = world.balance["heify"]
        if path in _COSTING and left is not None and left < 1:
            deny(call, "INSUFFICIENT_MINUTES")
        if not self.settings.limits:
            return
        if path in _NUMBERED:
            kind, name, entry = _NUMBERED[path]
            most = _limits()[name]
            if len(world.store[kind]) >= most:
                deny(call, entry, f"Maximum of {most} {name} per client exceeded")
        if path in _ANALYTICS:
            self._count_month(call, KINDS[_ANALYTICS[path]])

    def _count_month(self, call: Call, kind: Kind) -> None:
        # A call counts even if there is nothing to report on, but not if it asks for an object that does not exist.
        endpoint, world = self.endpoint(call.operation), call.world
        if endpoint is None or endpoint.monthly_quota is None or call.body[kind.id_field] not in world.store[kind.name]:
            return
        now = time.gmtime(world.clock())
        if not world.count_month("heify", endpoint.path, endpoint.monthly_quota, 100 * now.tm_year + now.tm_mon):
            deny(call, "MONTHLY_ANALYTICS_LIMIT")

    def finished(self, received: Received, reply: Reply, operation: Operation | None) -> Reply:  # noqa: ARG002
        """The answer with the request ids of the gateway."""
        told = hashlib.sha256(f"{self.world.seed} {received.number}".encode()).digest()
        headers = {
            "Date": formatdate(self.world.clock(), usegmt=True),
            "x-amzn-RequestId": str(UUID(bytes=told[:16], version=4)),
            "x-amz-apigw-id": base64.urlsafe_b64encode(told[16:27]).decode(),
        }
        if reply.header("x-amzn-ErrorType") is None:  # a function has answered
            headers["X-Amzn-Trace-Id"] = f"Root=1-{int(self.world.clock()):08x}-{told[:12].hex()}"
        return reply.with_headers(headers)

    def job_ended(self, job: Job) -> None:
        """Tell the configuration's success_url or error_url, unsigned."""
        configuration = self.world.store["configuration"].get(job.fields["configuration_id"])
        webhooks = (configuration or {}).get("webhooks") or {}
        url = webhooks.get("error_url" if job.has_failed else "success_url")
        if url is None:
            return
        told = failure_event(job) if job.has_failed else success_event(self.world, job)
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        self.world.posted(Delivery(provider="heify", event=told["status"], url=url, headers=headers, body=body))


def _as_of_2025(operation: Operation) -> Operation:
    return attrs.evolve(operation, body=schemas.SUBMISSION_2025) if operation.name == "POST /submit" else operation


@lru_cache(maxsize=1)
def _limits() -> dict[str, int]:
    return {limit["name"]: limit["value"] for limit in default_catalogs().raw["heify"]["limits"]}


def _wording(problem: Problem) -> tuple[str, str | None]:
    """The entry and the message for what is wrong with a body; the message is None where the entry's own fits."""
    rule, field = problem.rule, problem.field
    if rule == "missing":
        return "REQUEST_BODY_MISSING", None
    if rule in ("json", "media") or not field:
        return "INVALID_JSON", None
    if field == "group" and rule != "required":
        return "INVALID_GROUP", None
    if rule == "required" or (len(problem.path) == 1 and problem.value in (None, "")):
        return "MISSING_FIELD", f"Missing required field: {field}"
    if rule == "additionalProperties" and isinstance(problem.value, Mapping):
        return "UNEXPECTED_FIELD", f"Unexpected field: {next((name for name in problem.value if name not in _ALLOWED), field)}"
    if rule == "maxLength":
        return "FIELD_TOO_LONG", f"{field} must not exceed {problem.limit} characters"
    if rule == "maxItems" and field == "extraction_fields":
        return "EXTRACTION_FIELD_LIMIT", f"Maximum of {problem.limit} extraction fields per configuration exceeded"
    if rule == "maxItems":
        return "CRITERIA_COUNT", f"Maximum of {problem.limit} criteria per evaluator exceeded"
    if rule == "minItems":
        return "CRITERIA_COUNT", "At least one criterion is required"
    if rule == "pattern" and field.startswith("webhooks."):
        return "INVALID_WEBHOOK_URL", f"{problem.path[-1]} must be a valid HTTPS URL"
    return "INVALID_FIELD_VALUE", f"Invalid {field} value"
