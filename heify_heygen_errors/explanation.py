"""Why a source was normalized as it was: each step of the decision, as text for people and dict for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from heify_heygen_errors.document import excerpt_source, read_document
from heify_heygen_errors.exceptions import printable
from heify_heygen_errors.model import ErrorInfo
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.providers import Sight, adapter_for
from heify_heygen_errors.redaction import REDACTED, redact

if TYPE_CHECKING:
    from heify_heygen_errors.normalizer import Normalizer


@attrs.frozen
class Step:
    """One step: what was looked at and what came out of it."""

    name: str
    lines: tuple[str, ...]


@attrs.frozen
class Explanation:
    """The decision for one source.

    Attributes:
        steps: in the order of the decision: observation, document, envelope, matching, result, redaction.
        infos: what `normalize_all` gives.
    """

    steps: tuple[Step, ...]
    infos: tuple[ErrorInfo, ...]

    @property
    def info(self) -> ErrorInfo | None:
        """What `normalize` gives."""
        return self.infos[0] if self.infos else None

    def __str__(self) -> str:
        lines = []
        for step in self.steps:
            lines.append(step.name)
            lines += [f"  {line}" for line in step.lines]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "steps": [{"name": step.name, "lines": list(step.lines)} for step in self.steps],
            "errors": [info.to_dict() for info in self.infos],
        }


def explain(normalizer: Normalizer, source: object, provider: str | None) -> Explanation:
    """Runs the decision with a record of its steps."""
    from heify_heygen_errors.exceptions import ApiError

    if isinstance(source, ApiError):
        step = Step("Observation", ("an ApiError carries its ErrorInfo already",))
        return Explanation((step, Step("Result", _result(source.info))), (source.info,))
    observation = normalizer.observe(source, provider)
    name = normalizer.settle(observation)
    steps = [Step("Observation", tuple(_observed(observation, name)))]
    trace: list[str] = []
    if observation.exception is not None:
        infos = [ErrorInfo.of(finding) for finding, _ in normalizer.findings(observation, trace)]
        steps.append(
            Step(
                "Transport",
                tuple(redact(printable(line), observation.secrets) for line in trace) or ("no class of the exception is listed",),
            )
        )
    else:
        document = read_document(observation.body)
        lines = [f"read as {document.kind}"]
        if document.flaw:
            lines.append(document.flaw)
        steps.append(Step("Document", tuple(lines)))
        sight = Sight(observation, document, normalizer.catalogs.space(name))
        failures = list(adapter_for(name).failures(sight))
        steps.append(
            Step(
                "Envelope",
                tuple(
                    printable(
                        f"{failure.envelope}: channel {failure.channel}, {_said('code', failure.code, observation.secrets)},"
                        f" {_said('message', failure.message, observation.secrets)}" + (", item of a list" if failure.item else "")
                    )
                    for failure in failures[:20]
                )
                + ((f"... and {len(failures) - 20} more",) if len(failures) > 20 else ())  # noqa: PLR2004
                or ("nothing in it says that something failed",),
            )
        )
        infos = []
        for finding, _ in normalizer.findings(observation, trace):
            infos.append(ErrorInfo.of(finding))
        if failures:
            steps.append(Step("Matching", tuple(redact(printable(line), observation.secrets) for line in trace[:200])))
    for number, info in enumerate(infos[:20]):
        title = "Result" if len(infos) == 1 else f"Result {number + 1} of {len(infos)}"
        steps.append(Step(title, _result(info)))
    if not infos:
        steps.append(Step("Result", ("no error: normalize gives None",)))
    if infos:
        steps.append(Step("Redaction", tuple(_redacted(observation, infos))))
    return Explanation(tuple(steps), tuple(infos))


def _said(name: str, value: str | None, secrets: tuple[str, ...]) -> str:
    if value is None:
        return f"no {name}"
    return f"{name} {redact(repr(value) if name == 'message' else value, secrets)}"


def _observed(observation: Observation, name: str) -> list[str]:
    named = "named" if observation.provider is not None else "from the URL's host"
    lines = [f"provider {name} ({named})", "no status" if observation.status is None else f"status {observation.status}"]
    if observation.status is not None and not 100 <= observation.status <= 599:  # noqa: PLR2004
        lines[-1] += ", outside 100 to 599: it decides nothing"
    count = len(observation.headers)
    lines.append(f"{count} header{'' if count == 1 else 's'}" if count else "no headers")
    if observation.method or observation.url:
        lines.append(printable(redact(f"request {observation.method or '?'} {observation.url or '?'}", observation.secrets)))
    if observation.note:
        lines.append(observation.note)
    return lines


def _result(info: ErrorInfo) -> tuple[str, ...]:
    advice = info.retry
    wait = "" if advice.after is None else f", not before {advice.after:g} s"
    resets = "" if advice.resets is None else f", resets each {advice.resets}"
    told = [
        f"rule {info.rule}, matched by {info.matched_by}",
        f"category {info.category}, fault {info.fault}, channel {info.channel}",
        f"retry {advice.action}{wait}{resets}, outcome {advice.outcome}",
    ]
    told += [
        f"{label} {printable(str(value))}"
        for label, value in (
            ("code", info.code),
            ("name", info.name),
            ("message", info.message),
            ("detail", info.detail),
            ("param", info.param),
            ("params", dict(info.params) or None),
            ("resource", dict(info.resource) or None),
            ("request id", info.request_id),
        )
        if value is not None
    ]
    told += [f"summary: {info.summary}", f"remedy: {info.remedy}", f"fingerprint {info.fingerprint}"]
    return tuple(told)


def _redacted(observation: Observation, infos: list[ErrorInfo]) -> list[str]:
    lines = []
    for field in ("code", "message", "detail", "param", "doc_url", "request_id", "body"):
        places = sum((getattr(info, field) or "").count(REDACTED) for info in infos[:1])
        if places:
            lines.append(f"{field}: {places} place{'' if places == 1 else 's'} redacted")
    document = read_document(observation.body) if observation.exception is None else None
    held = excerpt_source(document, 8192) if document is not None else None
    if infos[0].body is not None and held is not None and len(held.encode("utf-8", "replace")) > len(infos[0].body.encode()):
        lines.append(f"body: an excerpt of {len(infos[0].body.encode())} bytes is kept")
    return lines or ["nothing had to be redacted"]
