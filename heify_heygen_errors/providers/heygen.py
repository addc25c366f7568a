"""HeyGen (v1, v2, v3, OAuth, webhooks) and LiveAvatar: at least nine shapes, all of them alive in logs.

Shapes and examples: docs/shapes.md. HTTP 200 is no success here: failed jobs arrive as
``{"code": 100, "message": "Success", "data": {"status": "failed", ...}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from heify_heygen_errors.catalog import Space
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

_MESSAGE: Final = ("message", "msg", "error_message", "Message", "error_description", "errorMessage")
_JOB_MESSAGE: Final = ("failure_message", "error_message", "msg", "message", "moderation_msg", "reason")
_LONGEST_SUCCESS: Final = 10
_LOOKS_LIKE_CODE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
# What may stand beside the message of a body that is nothing but a message.
_BARE: Final = frozenset({"message", "msg", "Message", "code", "data", "request_id", "requestId", "hint", "type", "error", "statusCode"})


class HeyGenAdapter(Adapter, providers=("heygen", "liveavatar")):
    """Reads every shape of HeyGen and of LiveAvatar, whose bodies look like HeyGen's v1."""

    def object_failures(self, sight: Sight, body: dict[str, object]) -> Iterator[Failure]:
        """Every failure in a JSON object, in document order."""
        failed = sight.failed
        error = body.get("error")
        if "event_type" in body:
            event = self._event(sight, body, "webhook", item=False)
            if event is not None:
                yield event
            if event is not None or not failed:
                return
        if not failed and self._is_job(sight.space, body):
            yield from self._jobs(sight, body, "job object")
            return
        if error and error is not True:
            failure = self._error(sight, body, error)
            if failure is not None:
                yield failure
                return
        data = body.get("data")
        if not failed and data and (type(data) is dict or type(data) is list):
            code = body.get("code")
            if code is None or _is_success(sight.space, code_of(code), sight.status):
                yield from self._jobs(sight, data, "job in an answer of success")
                return
        elif not failed and "data" not in body and error is None and "code" not in body:
            found = False
            for failure in self._lists(sight, body):
                found = True
                yield failure
            if found:
                return
        flat = self._flat(sight, body, error)
        if flat is not None:
            yield flat

    # One error object, or a text or list in its place.

    def _error(self, sight: Sight, body: dict[str, object], error: object) -> Failure | None:
        space = sight.space
        if type(error) is list:
            error = error[0] if error else None
        if type(error) is dict:
            code = code_of(error.get("code"))
            message = text_of(error.get("message")) or first_text(error, _MESSAGE)
            detail = error.get("detail") or error.get("details")
            return Failure(
                "response",
                "v2 wrapper" if "data" in body else "v3 error object",
                None if code is not None and len(code) <= _LONGEST_SUCCESS and _is_success(space, code, None) else code,
                message,
                None if detail is None else words_of(detail),
                text_of(error.get("param")),
                text_of(error.get("doc_url")),
                sight.request_id(body, error),
                sight.ids(error, body),
            )
        text = text_of(error)
        if text is None:
            return None
        message = first_text(body, _MESSAGE)
        code = code_of(body.get("error_code")) or code_of(body.get("code"))
        if code is not None and _is_success(space, code, None):
            code = None
        if "error_description" in body or (_LOOKS_LIKE_CODE.fullmatch(text) and text in space.by_code):
            return Failure(
                "response",
                "OAuth error" if "error_description" in body else "error code as text",
                text,
                text_of(body.get("error_description")) or message,
                doc_url=text_of(body.get("error_uri")),
                request_id=sight.request_id(body),
                resource=sight.ids(body),
            )
        return Failure(
            "response",
            "error message as text",
            code,
            message or text,
            text if message else None,
            request_id=sight.request_id(body),
            resource=sight.ids(body),
        )

    # Code and message at the top of the body.

    def _flat(self, sight: Sight, body: dict[str, object], error: object) -> Failure | None:
        space = sight.space
        raw = body.get("code")
        if raw is None:
            raw = body.get("error_code")
        code = code_of(raw)
        success = code is not None and _is_success(space, code, sight.status)
        if success:
            code = None
        message = text_of(body.get("message")) or first_text(body, _MESSAGE)
        param = None
        detail: object = body.get("detail")
        if detail is None:
            detail = body.get("details")
        envelope = "flat body"
        if message is None and detail and code is None:
            message, param = framework_error(detail)
            envelope, detail = "framework detail", None
        if message is not None and (success or not sight.failed) and _is_success_message(space, message):
            message = None
        if not sight.failed and code is None:
            if success or sight.status is not None or message is None:
                return None
            if error is not True and envelope == "flat body" and not _is_bare(body):
                return None
        data = body.get("data")
        if sight.failed and message is None and code is None and type(data) is dict:
            inner = data.get("error")
            if inner and inner is not True:
                return self._error(sight, data, inner)
        errors = body.get("errors")
        if message is None and type(errors) is list and errors:
            found = self._error(sight, body, errors[0])
            if found is not None:
                return found
        return Failure(
            "response",
            envelope,
            code,
            message,
            None if detail is None else words_of(detail),
            param or text_of(body.get("param")),
            text_of(body.get("doc_url")),
            sight.request_id(body),
            sight.ids(body, data),
        )

    # Jobs.

    def _is_job(self, space: Space, body: dict[str, object]) -> bool:
        """Whether the body itself is a job object: it has a state that jobs have and is no wrapper."""
        state = state_of(body)
        if state is None or type(body.get("data")) in (dict, list):
            return False
        return (
            state in space.failed_states
            or state in space.missing_states
            or ((state in space.completed_states or state in space.running_states) and "code" not in body)
        )

    def _jobs(self, sight: Sight, data: dict[str, object] | list[object], envelope: str) -> Iterator[Failure]:
        if isinstance(data, list):
            yield from self.item_failures(sight, data)
            return
        whole = self.job(sight, data, envelope, item=False)
        if whole is None and state_of(data) in sight.space.completed_states and has_result(sight.space, data):
            return  # what its history holds is past
        if whole is None or whole.shape == "failed_without_reason":  # a failed batch tells its reasons in its items
            found = False
            for failure in self._lists(sight, data):
                found = True
                yield failure
            if found:
                return
        if whole is not None:
            yield whole
        elif state_of(data) is None:
            for child in data.values():
                if type(child) is dict and state_of(child) is not None:
                    inner = self.job(sight, child, envelope, item=False)
                    if inner is not None:
                        yield inner

    def _lists(self, sight: Sight, body: dict[str, object]) -> Iterator[Failure]:
        for value in body.values():
            if type(value) is list and value and type(value[0]) is dict:
                yield from self.item_failures(sight, value)

    def item_failures(self, sight: Sight, items: list[object]) -> Iterator[Failure]:
        """Every failed item of a list."""
        if not sight.may_hold_failed_items:
            return
        for item in islice(items, MAX_ITEMS):
            if type(item) is dict:
                if "event_type" in item and "event_data" in item:  # a list of event types has no data: nothing happened
                    failure = self._event(sight, item, "webhook" if sight.status is None else "job", item=True)
                else:
                    failure = self.job(sight, item, "item of a list", item=True)
                if failure is not None:
                    yield failure

    def job(self, sight: Sight, job: dict[str, object], envelope: str, *, item: bool) -> Failure | None:
        """The failure of a job object, None if it runs, succeeded or is no job."""
        space = sight.space
        state = state_of(job)
        error = job.get("error")
        named = bool(error) or bool(job.get("failure_code")) or bool(job.get("failure_message"))
        shape = None
        if state is not None and state in space.failed_states:
            pass
        elif state is not None and state in space.missing_states:
            shape = "missing_job"
        elif not named or (state is not None and state in space.running_states) or has_result(space, job):
            return None
        channel = "webhook" if sight.status is None else "job"
        return self.job_failure(sight, job, channel, envelope, shape, item=item)

    def job_failure(self, sight: Sight, job: dict[str, object], channel: str, envelope: str, shape: str | None, *, item: bool) -> Failure:
        """The words of a failed job, wherever in its object they stand."""
        space = sight.space
        error = job.get("error")
        failure = self._error(sight, {}, error) if error and error is not True else None
        code = failure.code if failure else None
        message = failure.message if failure else None
        if code is None:
            code = code_of(job.get("failure_code")) or code_of(job.get("error_code")) or code_of(job.get("code"))
            if code is not None and _is_success(space, code, None):
                code = None
        if message is None:
            message = first_text(job, _JOB_MESSAGE) or _agent_error(job)
            if message is not None and _is_success_message(space, message):
                message = None
        detail = failure.detail if failure else None
        if detail is None:
            stated = job.get("detail") or job.get("details")
            detail = None if stated is None else words_of(stated)
        if shape is None and code is None and message is None and detail is None:
            shape = "failed_without_reason"
        return Failure(
            channel,
            envelope,
            code,
            message,
            detail,
            failure.param if failure else None,
            failure.doc_url if failure else None,
            sight.request_id(job),
            sight.ids(job, error),
            item,
            shape,
        )

    def _event(self, sight: Sight, event: dict[str, object], channel: str, *, item: bool) -> Failure | None:
        data = event.get("event_data")
        job = data if type(data) is dict else {}
        kind = str(event.get("event_type")).lower()
        if kind.endswith((".fail", ".failed", ".failure", ".error", "_failed")):
            failure = self.job_failure(sight, job, channel, "webhook event", None, item=item)
        elif kind.endswith((".success", ".completed", ".complete")):
            return None
        else:
            found = self.job(sight, job, "webhook event", item=item)
            if found is None:
                return None
            failure = found
            failure.channel = channel
        failure.resource = sight.ids(job, event)
        return failure


def has_result(space: Space, job: dict[str, object]) -> bool:
    """Whether a job object holds a usable result, so that an error beside it is no failure."""
    output = job.get("output")  # where workflows have theirs
    for holder in (job, output) if type(output) is dict else (job,):
        for field in space.result_fields:
            value = holder.get(field)
            if value and (text_of(value) is not None or isinstance(value, list)):
                return True
    return False


def _agent_error(job: dict[str, object]) -> str | None:
    """The last error that an agent session tells in its messages."""
    messages = job.get("messages")
    if isinstance(messages, list):
        for message in reversed(messages[-200:]):
            if isinstance(message, dict) and message.get("type") == "error":
                return first_text(message, ("content", "message", "text"))
    return None


def _is_success(space: Space, code: str | None, status: int | None) -> bool:
    """Whether a code means success. 1000 does in every space with a 2xx status, and 1xx to 3xx always."""
    if code is None:
        return False
    if code == "1000":
        return status is None or status < 400  # noqa: PLR2004
    if code.lower() in space.success_codes:
        return True
    return len(code) == 3 and code[0] in "123" and code.isdigit()  # noqa: PLR2004


def _is_success_message(space: Space, message: str) -> bool:
    return " ".join(message.split()).lower() in space.success_messages


def _is_bare(body: dict[str, object]) -> bool:
    return all(name in _BARE for name in body) and not body.get("data")
