"""What catalogs are made of once they are read: rules, entries, families, endpoints.

`Rule` is what a decision ends in. `CatalogEntry` is what people look up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from heify_heygen_errors.catalog.template import Folded, Template
from heify_heygen_errors.model import Category, Fault, Outcome, RetryAction, RetryAdvice

_OUTCOMES: Final = tuple(Outcome)


class StatusSet:
    """HTTP statuses and classes of them (``4xx``)."""

    __slots__ = ("_classes", "_exact", "shown")

    def __init__(self, statuses: Iterable[str]) -> None:
        self.shown = tuple(statuses)
        self._exact = frozenset(int(status) for status in self.shown if status.isdigit())
        self._classes = frozenset(int(status[0]) for status in self.shown if not status.isdigit())

    def __contains__(self, status: object) -> bool:
        return isinstance(status, int) and (status in self._exact or status // 100 in self._classes)

    def __bool__(self) -> bool:
        return bool(self.shown)


class Rule:
    """The meaning that a decision ends in, with every value that does not depend on the observation."""

    __slots__ = (
        "action",
        "advices",
        "after",
        "category",
        "channel",
        "fault",
        "id",
        "name",
        "outcome",
        "prints",
        "remedy",
        "resets",
        "summary",
    )

    def __init__(self, rule_id: str, name: str | None, row: Mapping[str, Any], defaults: Mapping[str, Mapping[str, str]]) -> None:
        category = row["category"]
        default = defaults[category]
        retry = row.get("retry") or {}
        self.id = rule_id
        self.name = name
        self.category = Category(category)
        self.summary: str = row.get("summary") or default["summary"]
        self.remedy: str = row.get("remedy") or default["remedy"]
        self.fault = Fault(row.get("fault") or default["fault"])
        self.action = RetryAction(retry.get("action") or default["retry"])
        self.after: float | None = float(retry["after"]) if "after" in retry else None
        self.resets: str | None = retry.get("resets")
        self.outcome = Outcome(row["outcome"]) if row.get("outcome") else None
        self.channel: str | None = row.get("channel")
        self.advices: dict[Outcome, RetryAdvice] = {}
        # Fingerprints of the entry's own message by code: they follow from the catalog alone.
        self.prints: dict[str | None, str] = {}

    def advice(self, outcome: Outcome, after: float | None) -> RetryAdvice:
        """The advice for this outcome; `after` is what the response asked for, in seconds."""
        if after is None:
            known = self.advices.get(outcome)
            if known is None:
                known = RetryAdvice(action=self.action, after=self.after, resets=self.resets, outcome=outcome)
                self.advices[outcome] = known
            return known
        floor = after if self.after is None else max(after, self.after)
        return RetryAdvice(action=self.action, after=floor, resets=self.resets, outcome=outcome)


class Circumstances:
    """What conditions of rules look at. Message and detail are folded when first needed."""

    __slots__ = ("_detail", "_message", "_request", "channel", "detail_text", "message_text", "status")

    def __init__(
        self,
        message: str | None,
        detail: str | None,
        status: int | None,
        channel: str,
        request: Callable[[], Endpoint | None],
    ) -> None:
        self.message_text = message
        self.detail_text = detail
        self.status = status
        self.channel = channel
        self._request = request
        self._message: Folded | None = None
        self._detail: Folded | None = None

    @property
    def endpoint(self) -> str | None:
        """The path pattern of the endpoint; looked up only if a condition asks."""
        endpoint = self._request()
        return None if endpoint is None else endpoint.path

    @property
    def message(self) -> Folded | None:
        """The message, folded; None without one."""
        if self._message is None and self.message_text:
            self._message = Folded(self.message_text)
        return self._message

    @property
    def detail(self) -> Folded | None:
        """The detail, folded; None without one."""
        if self._detail is None and self.detail_text:
            self._detail = Folded(self.detail_text)
        return self._detail


class Condition:
    """The ``when`` of an entry or refinement: every key that is given must fit."""

    __slots__ = ("channels", "details", "endpoints", "messages", "no_message", "reads_text", "statuses", "texts")

    def __init__(self, when: Mapping[str, Any]) -> None:
        self.messages = tuple(Template(source) for source in when.get("message", ()))
        self.details = tuple(Template(source) for source in when.get("detail", ()))
        self.texts = tuple(Template(source) for source in when.get("text", ()))
        self.statuses = StatusSet(when.get("status", ()))
        self.channels = frozenset(when.get("channel", ()))
        self.endpoints = tuple(when.get("endpoint", ()))
        self.no_message = bool(when.get("no_message"))
        # Whether a refinement by this condition rests on the vendor's words.
        self.reads_text = bool(self.messages or self.details or self.texts)

    def decided_by(self, seen: Circumstances) -> str | None:
        """Which of the vendor's texts made a condition fit; None if none did."""
        if self.details:
            return "detail"
        if self.texts and seen.detail is not None and _first_match(self.texts, seen.detail) is not None:
            return "detail"
        return "message" if self.reads_text else None

    def fits(self, seen: Circumstances) -> dict[str, str] | None:
        """The captures of its templates if everything fits, else None."""
        if self.statuses and seen.status not in self.statuses:
            return None
        if self.channels and seen.channel not in self.channels:
            return None
        if self.endpoints and seen.endpoint not in self.endpoints:
            return None
        if self.no_message and seen.message_text:
            return None
        captured: dict[str, str] = {}
        for templates, text in ((self.messages, seen.message), (self.details, seen.detail)):
            if templates:
                found = None if text is None else _first_match(templates, text)
                if found is None:
                    return None
                captured.update(found)
        if self.texts:
            found = None
            for text in (seen.detail, seen.message):
                found = _first_match(self.texts, text) if text is not None and found is None else found
            if found is None:
                return None
            captured.update(found)
        return captured


def _first_match(templates: Iterable[Template], text: Folded) -> dict[str, str] | None:
    for template in templates:
        captured = template.match(text)
        if captured is not None:
            return captured
    return None


@attrs.frozen(eq=False)
class Refinement:
    """The same code or message with another meaning in some circumstances."""

    id: str
    when: Mapping[str, Any]
    category: Category
    summary: str
    remedy: str
    rule: str
    examples: tuple[Any, ...]
    counter_examples: tuple[Any, ...]
    note: str | None
    compiled: Rule = attrs.field(repr=False)
    condition: Condition = attrs.field(repr=False)


@attrs.frozen(eq=False)
class CatalogEntry:
    """One entry of a catalog, as people look it up.

    Attributes:
        provider: the catalog it stands in: ``heygen``, ``liveavatar``, ``heify``, ``layers``, ``transport``.
        name: its symbol.
        codes: every code it answers to; the symbol itself and its lower-case spelling included.
        message: the vendor's message, verbatim, with ``{placeholders}`` for what varies.
        detail: the vendor's documented detail, verbatim.
        statuses: HTTP statuses seen with it.
        category, summary, remedy, fault: its meaning.
        retry: the advice with the outcome that a plain response gets.
        rule: how `ErrorInfo.rule` names it.
        refinements: other meanings of the same code or message.
        evidence: ``documented``, ``observed`` or ``assumed``; with `source`.
    """

    provider: str
    name: str
    codes: tuple[str, ...]
    message: str | None
    detail: str | None
    also: tuple[str, ...]
    statuses: tuple[str, ...]
    category: Category
    summary: str
    remedy: str
    fault: Fault
    retry: RetryAdvice
    rule: str
    refinements: tuple[Refinement, ...]
    examples: tuple[Any, ...]
    counter_examples: tuple[Any, ...]
    evidence: str
    source: tuple[str, ...]
    note: str | None
    since: str | None
    replaced_by: str | None
    shape: str | None
    generic: bool
    named: bool
    match_message: bool
    in_pages: bool
    vendor_codes: tuple[str, ...]
    compiled: Rule = attrs.field(repr=False)
    condition: Condition | None = attrs.field(repr=False)
    believed_with: StatusSet = attrs.field(repr=False)
    templates: tuple[Template, ...] = attrs.field(repr=False)
    capturing: tuple[Template, ...] = attrs.field(repr=False)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, for programs."""
        return {
            "provider": self.provider,
            "name": self.name,
            "rule": self.rule,
            "codes": list(self.codes),
            "message": self.message,
            "detail": self.detail,
            "also": list(self.also),
            "statuses": list(self.statuses),
            "category": self.category.value,
            "summary": self.summary,
            "remedy": self.remedy,
            "fault": self.fault.value,
            "retry": {"action": self.retry.action.value, "after": self.retry.after, "resets": self.retry.resets},
            "refinements": [
                {
                    "rule": refinement.rule,
                    "when": dict(refinement.when),
                    "category": refinement.category.value,
                    "summary": refinement.summary,
                    "remedy": refinement.remedy,
                    "note": refinement.note,
                }
                for refinement in self.refinements
            ],
            "evidence": self.evidence,
            "source": list(self.source),
            "note": self.note,
            "since": self.since,
            "replaced_by": self.replaced_by,
        }


def build_entry(
    catalog: str, row: Mapping[str, Any], defaults: Mapping[str, Mapping[str, str]], overlay: str | None = None
) -> CatalogEntry:
    """An entry from its YAML row. The row was checked before."""
    name = row["name"]
    tail = f"@{overlay}" if overlay else ""
    rule = Rule(f"{catalog}/{name}{tail}", name, row, defaults)
    named = row.get("named", True) and catalog not in ("layers", "transport")
    vendor_codes = tuple(row.get("codes", ()))
    codes = dict.fromkeys(vendor_codes)
    if named:
        codes.update(dict.fromkeys((name, name.lower())))
    templates = []
    if row.get("message") and row.get("match_message", True):
        templates.append(Template(row["message"]))
    templates += [Template(source) for source in row.get("also", ())]
    return CatalogEntry(
        provider=catalog,
        name=name,
        codes=tuple(codes),
        message=row.get("message"),
        detail=row.get("detail"),
        also=tuple(row.get("also", ())),
        statuses=tuple(row.get("statuses", ())),
        category=rule.category,
        summary=rule.summary,
        remedy=rule.remedy,
        fault=rule.fault,
        retry=rule.advice(rule.outcome or (Outcome.REFUSED if rule.fault in (Fault.CALLER, Fault.ACCOUNT) else Outcome.UNKNOWN), None),
        rule=rule.id,
        refinements=tuple(_refinement(rule, refine, row, defaults, tail) for refine in row.get("refine", ())),
        examples=tuple(row.get("examples", ())),
        counter_examples=tuple(row.get("counter_examples", ())),
        evidence=row["evidence"],
        source=tuple(row["source"]),
        note=row.get("note"),
        since=row.get("since"),
        replaced_by=row.get("replaced_by"),
        shape=row.get("shape"),
        generic=row.get("generic", False),
        named=named,
        match_message=row.get("match_message", True),
        in_pages=row.get("in_pages", True),
        vendor_codes=vendor_codes,
        compiled=rule,
        condition=Condition(row["when"]) if "when" in row else None,
        believed_with=StatusSet(row.get("statuses", ())),
        templates=tuple(templates),
        capturing=tuple(template for template in templates if template.names),
    )


def _refinement(
    base: Rule, row: Mapping[str, Any], entry: Mapping[str, Any], defaults: Mapping[str, Mapping[str, str]], tail: str
) -> Refinement:
    rule_id = f"{base.id.removesuffix(tail)}#{row['id']}{tail}"
    rule = Rule(rule_id, base.name, {"channel": entry.get("channel"), **row}, defaults)
    return Refinement(
        id=row["id"],
        when=row["when"],
        category=rule.category,
        summary=rule.summary,
        remedy=rule.remedy,
        rule=rule_id,
        examples=tuple(row["examples"]),
        counter_examples=tuple(row["counter_examples"]),
        note=row.get("note"),
        compiled=rule,
        condition=Condition(row["when"]),
    )


@attrs.frozen
class Endpoint:
    """One endpoint of a vendor: what a repeat of it does and how long to wait after a throttling.

    Attributes:
        effect: ``read``, ``idempotent`` or ``spends`` (may start paid work or make a second object).
        idempotency: ``header`` if it honours Idempotency-Key, ``body:FIELD`` for a field, else None.
        min_wait: seconds.
        rate_per_minute, burst, monthly_quota: documented limits, None where not known.
        starts_job: whether it starts work that counts towards the limit ``concurrent_jobs`` until it has ended.
        ends_job: whether it ends such work, whose id stands in its path or query.
    """

    method: str
    path: str
    effect: str
    idempotency: str | None = None
    min_wait: float | None = None
    rate_per_minute: int | None = None
    burst: int | None = None
    monthly_quota: int | None = None
    starts_job: bool = False
    ends_job: bool = False

    @property
    def job(self) -> str | None:
        """What it does to jobs that count towards a limit: ``starts``, ``ends`` or None."""
        return "starts" if self.starts_job else "ends" if self.ends_job else None


@attrs.frozen
class Limit:
    """A documented limit of a vendor that is no error by itself."""

    name: str
    value: Any
    unit: str
    source: tuple[str, ...]
    statuses: tuple[str, ...] = ()
    note: str | None = None
