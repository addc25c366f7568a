"""Steps: what a request meets, in scripts, rules, headers and files.

A step is a `Reply`, a failure made by `error`, a fault, `ok`, or a function from the `Received` request to one of
the first three. In JSON, for headers, files and other languages, it is a string or an object:

    "ok"    "reset_after_request"    {"error": "RATE_LIMIT", "retry_after": 2}    {"fault": "slow_answer", "seconds": 2}
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from random import Random
from typing import Any, Final, TypeAlias, cast

import attrs

from heify_heygen_errors.testing import fault as faults
from heify_heygen_errors.testing.fault import Fault
from heify_heygen_errors.testing.operations import Received
from heify_heygen_errors.testing.replies import Ok, Reply, VendorError, error, ok
from heify_heygen_errors.testing.words import Speaker

Step: TypeAlias = Reply | VendorError | Ok | Fault | Callable[[Received], Reply | VendorError | Ok | Fault]
"""What a request can meet."""

FAULT_HEADER: Final = "x-fake-fault"
"""The header by which a request asks for a fault."""

CANNOT_BE_REFUSED: Final = "a request that has arrived cannot be refused: put fault.refused into a script, or use refusing()"
_ERROR_HEADER: Final = "x-fake-error"
_ERROR_OPTIONS: Final = ("provider", "shape", "status", "message", "detail", "param", "code", "job_id", "retry_after", "headers", "effect")
_FAULT_OPTIONS: Final = ("seconds", "size", "effect", "answer")


def checked(step: object) -> Step:
    """The step itself.

    Raises:
        TypeError: it is none; the message says what is.
    """
    if isinstance(step, Reply | VendorError | Ok | Fault):
        return step
    if callable(step) and not isinstance(step, type):
        return cast(Callable[[Received], Reply | VendorError | Ok | Fault], step)
    msg = f"{step!r} is no step: use error(...), one of fault, ok, a Reply, or a function from the request to one of these"
    raise TypeError(msg)


@attrs.define(kw_only=True, eq=False)
class Rule:
    """Steps for the requests that it fits.

    Attributes:
        steps: taken one by one; the last one stays if `lasting`.
        lasting: whether the last step is repeated for ever.
        provider, method, path: what a request must have; None for any.
        share: the part of the fitting requests that it takes, from 0 to 1; the rest passes by.
    """

    steps: deque[Step]
    lasting: bool = False
    provider: str | None = None
    method: str | None = None
    path: re.Pattern[str] | None = None
    share: float = 1.0

    @property
    def fits_all(self) -> bool:
        """Whether it has no filter."""
        return self.provider is None and self.method is None and self.path is None

    def fits(self, received: Received) -> bool:
        """Whether a request is one of its own. A vendor's error waits for a request to that vendor."""
        if not self.steps or not may_say(self.steps[0], received.provider):
            return False
        if self.provider is not None and self.provider != received.provider:
            return False
        if self.method is not None and self.method.upper() != received.method:
            return False
        return self.path is None or self.path.fullmatch(received.path) is not None

    def chosen(self, random: Random) -> bool:
        """Whether chance has a fitting request take a step; else it passes by."""
        return self.share >= 1.0 or random.random() < self.share

    def take(self) -> Step:
        """The next step."""
        if self.lasting and len(self.steps) == 1:
            return self.steps[0]
        return self.steps.popleft()


def may_say(step: Step, provider: str) -> bool:
    """Whether a request to this vendor can meet a step: a vendor's error is its own, all else is for everybody."""
    if isinstance(step, Fault):
        return step.answer is None or may_say(step.answer, provider)
    if not isinstance(step, VendorError) or step.words.speaker is not Speaker.VENDOR:
        return True
    return provider in (step.words.provider, "")


def pattern(path: str | None) -> re.Pattern[str] | None:
    """A path as a pattern: ``{placeholders}`` stand for one segment, ``*`` for anything."""
    if path is None:
        return None
    parts = re.split(r"(\{[^{}/]*\}|\*)", path)
    return re.compile("".join({"*": ".*"}.get(part, "[^/]+" if part.startswith("{") else re.escape(part)) for part in parts), re.DOTALL)


def header_step(received: Received) -> Step | None:
    """The step that a request asks for itself by ``X-Fake-Error`` or ``X-Fake-Fault``; None if it asks for none.

        X-Fake-Error: RATE_LIMIT; retry_after=2; shape=v1
        X-Fake-Fault: slow_answer; seconds=2

    With both, the fault happens to the error.

    Raises:
        KeyError, ValueError, TypeError: no such error, fault or option; the message says what there is.
    """
    wanted = received.headers.get(_ERROR_HEADER)
    lost = received.headers.get(FAULT_HEADER)
    if wanted is None and lost is None:
        return None
    # The storage has no errors of its own: those of the layers are found under every vendor.
    provider = "heify" if received.provider == "storage" else received.provider
    failure = None if wanted is None else read_step(_pairs("error", wanted), provider)
    if lost is None:
        return failure
    made = read_step(_pairs("fault", lost), provider)
    if isinstance(made, Fault) and made.name == faults.refused.name:
        raise ValueError(CANNOT_BE_REFUSED)
    return made(answer=failure) if isinstance(made, Fault) and failure is not None else made


def _pairs(kind: str, header: str) -> dict[str, Any]:
    # The same syntax as parameters of a content type: name; option=value; option="value".
    message = Message()
    message["X"] = header
    (name, _), *options = message.get_params(header="X") or [("", "")]
    return {kind: name, **{option.lower().replace("-", "_"): value for option, value in options}}


def read_step(value: object, provider: str | None = None) -> Step:
    """A step from its JSON.

    Args:
        value: the string or object.
        provider: the vendor whose error is meant where the object names none.

    Raises:
        KeyError: no such error or fault; the message has the nearest names.
        ValueError: something else is wrong with it; the message says what to write.
    """
    if isinstance(value, str):
        if value == "ok":
            return ok
        if value in faults.FAULTS:
            return faults.FAULTS[value]
        if provider is not None:
            return error(provider, value)
        msg = f'{value!r} is neither "ok" nor a fault ({", ".join(faults.FAULTS)}); an error is {{"error": ..., "provider": ...}}'
        raise ValueError(msg)
    if not isinstance(value, Mapping):
        msg = f'{value!r} is no step: write "ok", the name of a fault, {{"error": ...}} or {{"fault": ...}}'
        raise ValueError(msg)  # noqa: TRY004 - it is the content of a file or header that is wrong
    if "fault" in value:
        return _read_fault(value, provider)
    if "error" in value:
        return _read_error(value, provider)
    if "reply" in value:
        return _read_reply(value["reply"])
    msg = f'{dict(value)!r} is no step: an object needs "error", "fault" or "reply"'
    raise ValueError(msg)


def _read_fault(value: Mapping[str, Any], provider: str | None) -> Fault:
    _known(value, ("fault", *_FAULT_OPTIONS))
    answer = value.get("answer")
    return faults.named(str(value["fault"]))(
        seconds=_number(value, "seconds"),
        size=_whole(value, "size"),
        effect=_truth(value, "effect"),
        answer=None if answer is None else read_step(answer, provider),
    )


def _read_error(value: Mapping[str, Any], provider: str | None) -> VendorError:
    _known(value, ("error", *_ERROR_OPTIONS))
    vendor = value.get("provider", provider)
    if not vendor:
        msg = f'{dict(value)!r}: say whose error it is: "provider": "heygen", "liveavatar" or "heify"'
        raise ValueError(msg)
    texts = {name: str(value[name]) for name in ("shape", "message", "detail", "param", "code", "job_id", "retry_after") if name in value}
    return error(
        str(vendor),
        str(value["error"]),
        status=_whole(value, "status"),
        effect=_truth(value, "effect"),
        headers=_headers(value),
        **texts,
    )


def _headers(value: Mapping[str, Any]) -> dict[str, str] | None:
    headers = value.get("headers")
    if headers is None:
        return None
    if not isinstance(headers, Mapping):
        msg = f"headers is an object of texts, not {headers!r}"
        raise ValueError(msg)  # noqa: TRY004
    wrong = next((name for name, text in headers.items() if not isinstance(text, str | int | float)), None)
    if wrong is not None:
        msg = f"headers is an object of texts, and {wrong!r} is {headers[wrong]!r}"
        raise ValueError(msg)
    return {str(name): str(text) for name, text in headers.items()}


def _read_reply(value: object) -> Reply:
    if not isinstance(value, Mapping):
        msg = f'{value!r} is no reply: write {{"status": 200, "headers": {{}}, "body": ...}}'
        raise ValueError(msg)  # noqa: TRY004
    _known(value, ("status", "headers", "body"))
    status = _whole(value, "status") or 200
    body = value.get("body")
    if body is None or isinstance(body, str):
        return Reply(status=status, headers=_headers(value), body=(body or "").encode())
    return Reply.json(body, status, _headers(value))


def _known(value: Mapping[str, Any], options: Iterable[str]) -> None:
    wrong = [name for name in value if name not in options]
    if wrong:
        msg = f"there is no option {wrong[0]!r} here: use {', '.join(options)}"
        raise ValueError(msg)


def _number(value: Mapping[str, Any], name: str) -> float | None:
    raw = value.get(name)
    if raw is None:
        return None
    try:
        number = float(raw)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf") or isinstance(raw, bool):
        msg = f"{name} is a number from 0 up, not {raw!r}"
        raise ValueError(msg)
    return number


def _whole(value: Mapping[str, Any], name: str) -> int | None:
    number = _number(value, name)
    if number is not None and number != int(number):
        msg = f"{name} is a whole number, not {value[name]!r}"
        raise ValueError(msg)
    return None if number is None else int(number)


def _truth(value: Mapping[str, Any], name: str) -> bool | None:
    raw = value.get(name)
    if raw is None or isinstance(raw, bool):
        return raw
    if str(raw).lower() in ("true", "false"):
        return str(raw).lower() == "true"
    msg = f"{name} is true or false, not {raw!r}"
    raise ValueError(msg)


def told(problem: Exception) -> str:
    """What an exception of ours says. attrs puts more behind its message, and KeyError puts quotes around it."""
    if isinstance(problem, UnicodeError) or not problem.args:
        return str(problem)
    return str(problem.args[0])
