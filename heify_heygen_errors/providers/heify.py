"""Heify: two published envelopes, failed transcriptions in HTTP 200, and API Gateway and S3 in front.

``{"message": ...}`` may be an error of documentation v1, a success of v1 or a stock answer of API Gateway:
the status decides, and without one the catalog's list of success messages. The number in ``error.code`` has
never been shown to differ from the HTTP status. Shapes and examples: docs/shapes.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from heify_heygen_errors.failure import Failure
from heify_heygen_errors.providers.adapter import Adapter
from heify_heygen_errors.providers.sight import (
    MAX_ITEMS,
    Sight,
    code_of,
    first_text,
    framework_error,
    state_of,
    text_of,
    words_of,
)

_MESSAGE: Final = ("message", "Message", "error_message", "msg", "errorMessage")
_WRAPPERS: Final = ("transcription", "configuration", "evaluator", "participant")
_BARE: Final = frozenset({"message", "Message", "code", "hint", "request_id", "requestId", "type", "statusCode", "error", "data"})


class HeifyAdapter(Adapter, providers=("heify",)):
    """Reads every shape of Heify, as documented in 2025 and 2026 and as sent by what stands in front of it."""

    def object_failures(self, sight: Sight, body: dict[str, object]) -> Iterator[Failure]:
        """Every failure in a JSON object, in document order."""
        if not sight.failed:
            found = False
            for failure in self._jobs(sight, body):
                found = True
                yield failure
            if found or _holds_job(body):
                return
        error = body.get("error")
        said = _error(sight, body, error) if error and error is not True else None
        said = said or _flat(sight, body)
        if said is not None:
            yield said

    def _jobs(self, sight: Sight, body: dict[str, object]) -> Iterator[Failure]:
        data = body.get("data")
        for level in (body, data):
            if not isinstance(level, dict):
                if isinstance(level, list):
                    yield from self.item_failures(sight, level)
                continue
            job = _job(sight, level, item=False)
            if job is not None:
                yield job
                return
            for wrapper in _WRAPPERS:
                wrapped = level.get(wrapper)
                if isinstance(wrapped, dict):
                    job = _job(sight, wrapped, item=False)
                    if job is not None:
                        yield job
                        return
            for name, value in level.items():
                if type(value) is list and name != "data":
                    yield from self.item_failures(sight, value)

    def item_failures(self, sight: Sight, items: list[object]) -> Iterator[Failure]:
        """Every failed item of a list."""
        if not sight.may_hold_failed_items:
            return
        for item in islice(items, MAX_ITEMS):
            if isinstance(item, dict):
                failure = _job(sight, item, item=True)
                if failure is not None:
                    yield failure


def _holds_job(body: dict[str, object]) -> bool:
    """Whether the body is a transcription in any state, which then did not fail."""
    data = body.get("data")
    return any(isinstance(level, dict) and state_of(level) is not None and "transcription_id" in level for level in (body, data))


def _job(sight: Sight, job: dict[str, object], *, item: bool) -> Failure | None:
    """The failure of a transcription. A failed evaluation of a completed one is a result, not an error."""
    state = state_of(job)
    space = sight.space
    if state is None or (state not in space.failed_states and state not in space.missing_states):
        return None
    code = message = detail = None
    # The page of 2026 says details, its quickstart error_message; the pages of 2025 say error and data.error.
    for name in ("details", "error"):
        stated = job.get(name)
        if isinstance(stated, dict):
            code = code or code_of(stated.get("code"))
            message = message or first_text(stated, _MESSAGE) or text_of(stated.get("error"))
            detail = detail or words_of(stated.get("detail"))
        elif message is None and stated:
            message = text_of(stated)
    message = message or first_text(job, _MESSAGE)
    code = code or code_of(job.get("error_code")) or code_of(job.get("code"))
    shape = "missing_job" if state in space.missing_states else None
    if shape is None and code is None and message is None:
        shape = "failed_without_reason"
    return Failure(
        "webhook" if sight.status is None else "job",
        "failed transcription",
        code,
        message,
        detail,
        resource=sight.ids(job),
        item=item,
        shape=shape,
    )


def _error(sight: Sight, body: dict[str, object], error: object) -> Failure | None:
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, dict):
        return Failure(
            "response",
            "v2 error object",
            code_of(error.get("code")),
            text_of(error.get("message")) or first_text(error, _MESSAGE),
            words_of(error.get("detail") or error.get("details")),
            text_of(error.get("param")) or text_of(error.get("field")),
            text_of(error.get("doc_url")),
            sight.request_id(error, body),
            sight.ids(error, body),
        )
    text = text_of(error)
    if text is None:
        return None
    message = first_text(body, _MESSAGE)
    return Failure(
        "response",
        "error message as text",
        code_of(body.get("code")),
        message or text,
        text if message else None,
        request_id=sight.request_id(body),
        resource=sight.ids(body),
    )


def _flat(sight: Sight, body: dict[str, object]) -> Failure | None:
    space = sight.space
    code = code_of(body.get("code"))
    if code is not None and code in space.success_codes:
        code = None
    message = text_of(body.get("message")) or first_text(body, _MESSAGE)
    envelope, param = "v1 message", None
    if message is None and body.get("detail"):
        message, param = framework_error(body["detail"])
        envelope = "framework detail"
    if not sight.failed:
        if sight.status is not None or message is None:
            return None
        if " ".join(message.split()).lower() in space.success_messages:
            return None
        if not all(name in _BARE for name in body) and envelope == "v1 message":
            return None
        if body.get("data"):
            return None
    data = body.get("data")
    if message is None and isinstance(data, dict):
        inner = data.get("error")
        if inner and inner is not True:
            return _error(sight, data, inner)
        message = first_text(data, _MESSAGE)
    return Failure(
        "response",
        envelope,
        code,
        message,
        None,
        param,
        request_id=sight.request_id(body),
        resource=sight.ids(body),
    )
