"""The catalogs as tables, for tools that can join but not run the matching.

A table is plain data: rows of texts, numbers and booleans under typed and described columns. `export_formats` writes
tables as CSV, JSON, SQL and dbt seeds. What a join on provider and code cannot know is in docs/export.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import attrs

from heify_heygen_errors.catalog.entries import CatalogEntry, Circumstances, Condition, Rule
from heify_heygen_errors.catalog.loading import Catalogs
from heify_heygen_errors.catalog.space import Space
from heify_heygen_errors.model import Category, RetryAction

ColumnType = Literal["text", "integer", "number", "boolean"]
Value = str | int | float | bool | None

ANY: Final = "any"
"""What `other_categories` says where a text or status can give every category."""

_STATUSES: Final = range(400, 600)
_RETRYABLE: Final = (RetryAction.BACKOFF, RetryAction.POLL)
_EVIDENCE: Final = ("message", "detail", "status", "channel", "endpoint")


@attrs.frozen
class Column:
    """A column of a table: its name, the type of its values, and what they mean. `optional` ones can be null."""

    name: str
    type: ColumnType
    description: str
    optional: bool = False


@attrs.frozen
class Table:
    """Rows under described columns.

    Attributes:
        name: such as ``codes``.
        description: what a row is.
        key: the columns that name a row: no two rows have the same values there, and none is null. Empty where `select`
            left one of them out.
        columns: in the order of the values.
        rows: in an order that depends on the catalogs alone.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...] = attrs.field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def records(self) -> list[dict[str, Value]]:
        """The rows as mappings from column to value."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]

    def select(self, names: Sequence[str]) -> Table:
        """The table with these columns only, in this order. Without all columns of its key it has none.

        Raises:
            KeyError: there is no column of this name; lists those that there are.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            msg = f"{self.name} has no column {missing[0]!r}: use any of {', '.join(self.names)}"
            raise KeyError(msg)
        at = [self.names.index(name) for name in names]
        return attrs.evolve(
            self,
            key=self.key if set(self.key) <= set(names) else (),
            columns=tuple(self.columns[number] for number in at),
            rows=tuple(tuple(row[number] for number in at) for row in self.rows),
        )


# Columns that several tables share.

_RULE: Final = Column("rule", "text", "What decides, as error_rule and ErrorInfo.rule name it.")
_NAME: Final = Column("name", "text", "The catalog's symbol; null for statuses and families.", optional=True)
_MEANING: Final = (
    Column("category", "text", "What a program branches on."),
    Column("fault", "text", "Who must act: caller, account, provider or network."),
    Column("retry", "text", "What can make the same request succeed: never, backoff, poll, wait or renew."),
    Column("retryable", "boolean", "Whether the condition may pass by itself: retry is backoff or poll. It says nothing about safety."),
    Column("retry_after", "number", "Seconds to wait at least, where the entry says so.", optional=True),
    Column("resets", "text", "When an allowance comes back: day or month.", optional=True),
)
_WORDS: Final = (
    Column("summary", "text", "What happened."),
    Column("remedy", "text", "What to do now and where."),
)
_TOLD: Final = (
    Column("message", "text", "The vendor's message, with {placeholders} for what varies.", optional=True),
    *_WORDS,
    Column("evidence", "text", "How it is known: documented, observed or assumed; null for statuses and families.", optional=True),
    Column("since", "text", "The API generation that brought it.", optional=True),
    Column("replaced_by", "text", "The name of the entry that took its place.", optional=True),
)

_CODES: Final = (
    Column("provider", "text", "The vendor that was asked: heygen, liveavatar or heify."),
    Column("code", "text", "The code as error_code holds it, always text; an HTTP status where kind is status."),
    Column(
        "kind",
        "text",
        "code: the vendor's own. layer: of a gateway or storage in front of it, believed only where that sends it. status: an HTTP status.",
    ),
    _RULE,
    _NAME,
    *_MEANING,
    Column(
        "settled",
        "boolean",
        "Whether provider and code alone decide, wherever full normalization reads this code. Where false, other evidence can give another rule.",
    ),
    Column("depends_on", "text", "What else decides: message, detail, status, channel, endpoint; null where settled.", optional=True),
    Column(
        "other_categories",
        "text",
        f"The categories that it can have instead, with commas between them; {ANY} where a text or status can give each; null where none.",
        optional=True,
    ),
    *_TOLD,
)
_RULES: Final = (
    _RULE,
    Column("kind", "text", "entry, refinement (of an entry), family (of codes), status, transport (no answer came) or unknown."),
    Column("catalog", "text", "The catalog that it stands in; null for unknown.", optional=True),
    _NAME,
    *_MEANING,
    Column("outcome", "text", "Whether the request took effect, where the rule says so; else channel and status do.", optional=True),
    *_TOLD,
)
_CATEGORIES: Final = (
    Column("category", "text", "Its name."),
    Column("means", "text", "Its definition."),
    Column("exception", "text", "The exception class of the Python package."),
    *_MEANING[1:4],
    Column("http_status", "integer", "The HTTP status to answer your own callers with."),
    Column("grpc", "text", "The google.rpc code to answer them with."),
    Column("title", "text", "A title that is safe to show an end user."),
    *_WORDS,
)
_ENDPOINTS: Final = (
    Column("provider", "text", "The vendor."),
    Column("method", "text", "GET, POST, PUT, PATCH or DELETE."),
    Column("path", "text", "The path; a {placeholder} stands for one segment."),
    Column("effect", "text", "What a repeat does: read, idempotent, or spends (it may start paid work or make a second object)."),
    Column("idempotency", "text", "header if it honours Idempotency-Key, body:FIELD for a field; null if neither.", optional=True),
    Column("min_wait", "number", "Seconds to wait at least after a rate_limit.", optional=True),
    Column("rate_per_minute", "integer", "Documented limit.", optional=True),
    Column("burst", "integer", "Documented limit.", optional=True),
    Column("monthly_quota", "integer", "Documented limit.", optional=True),
    Column("job", "text", "starts or ends: what it does to jobs that count towards a limit.", optional=True),
)
_LIMITS: Final = (
    Column("provider", "text", "The vendor."),
    Column("name", "text", "What is limited."),
    Column("value", "text", "A number, or a range, as text."),
    Column("unit", "text", "Of the value."),
    Column("note", "text", "What else is known.", optional=True),
)


def codes_table(catalogs: Catalogs) -> Table:
    """One row for each provider and code that its answers can have; the key of a join with logs.

    Rows are the vendor's own codes in the order of the catalog, those of the layers in front of it, and the statuses
    from 400 to 599, which stand in as codes where there is none. A row says what the code means when nothing else is
    known; `settled` tells whether anything else can change it. Codes of layers never are settled: in the place of the
    vendor's code they mean nothing.
    """
    rows = [row for provider in catalogs.providers for row in _codes_of(catalogs, catalogs.space(provider))]
    return Table(
        "codes", "One row for each provider and code: what it means when nothing else is known.", ("provider", "code"), _CODES, tuple(rows)
    )


def rules_table(catalogs: Catalogs) -> Table:
    """One row for each rule that a decision can end in; the key of a join with rows that are already normalized.

    Rows are the entries of the providers and layers, each followed by its refinements, then families, statuses, the
    rules for exceptions, and ``unknown``.
    """
    rows = [_rule_row(rule, kind, catalog, entry) for rule, kind, catalog, entry in _all_rules(catalogs)]
    return Table("rules", "One row for each rule that error_rule can name.", ("rule",), _RULES, tuple(rows))


def categories_table(catalogs: Catalogs) -> Table:
    """One row for each category, with its defaults."""
    rows = [
        (
            name,
            row["means"],
            row["exception"],
            row["fault"],
            row["retry"],
            row["retry"] in _RETRYABLE,
            int(row["http_status"]),
            row["grpc"],
            row["title"],
            row["summary"],
            row["remedy"],
        )
        for name, row in catalogs.categories.items()
    ]
    return Table("categories", "One row for each category with its defaults.", ("category",), _CATEGORIES, tuple(rows))


def endpoints_table(catalogs: Catalogs) -> Table:
    """One row for each endpoint of a vendor that the catalogs know."""
    rows = [
        (
            provider,
            endpoint.method,
            endpoint.path,
            endpoint.effect,
            endpoint.idempotency,
            endpoint.min_wait,
            endpoint.rate_per_minute,
            endpoint.burst,
            endpoint.monthly_quota,
            endpoint.job,
        )
        for provider in catalogs.providers
        for endpoint in catalogs.space(provider).endpoints
    ]
    return Table(
        "endpoints", "One row for each endpoint: what a repeat of it does.", ("provider", "method", "path"), _ENDPOINTS, tuple(rows)
    )


def limits_table(catalogs: Catalogs) -> Table:
    """One row for each documented limit of a vendor."""
    rows = [
        (provider, limit.name, str(limit.value), limit.unit, limit.note)
        for provider in catalogs.providers
        for limit in catalogs.space(provider).limits
    ]
    return Table("limits", "One row for each documented limit of a vendor.", ("provider", "name"), _LIMITS, tuple(rows))


TABLES: Final[Mapping[str, Callable[[Catalogs], Table]]] = {
    "codes": codes_table,
    "rules": rules_table,
    "categories": categories_table,
    "endpoints": endpoints_table,
    "limits": limits_table,
}
"""Every table by its name."""


def _codes_of(catalogs: Catalogs, space: Space) -> Iterator[tuple[Value, ...]]:
    layers = catalogs.layers.by_code
    for code, entries in space.by_code.items():
        yield _code_row(space, code, "code", (*entries, *layers.get(code, ())))
    for code in sorted(space.catch_all - space.by_code.keys()):  # it says nothing, and no entry describes it
        yield _row_of(space, code, "code", space.unknown, None, ("message", "status"), (ANY,))
    for code, entries in layers.items():
        if code not in space.by_code:
            yield _code_row(space, code, "layer", entries)
    for status in _STATUSES:
        rule = space.status_rule(status)
        if rule is not None:
            yield _row_of(space, str(status), "status", rule, None, ("message", "status"), (ANY,))


def _code_row(space: Space, code: str, kind: str, entries: Sequence[CatalogEntry]) -> tuple[Value, ...]:
    entry, rule = _bare(entries)
    conditions = [entry.condition for entry in entries if entry.condition is not None]
    conditions += [refinement.condition for entry in entries for refinement in entry.refinements]
    evidence = {reads for condition in conditions for reads in _read_by(condition)}
    if kind == "layer" or len({entry.provider for entry in entries}) > 1:
        evidence.add("channel")  # what a layer means counts only where the layer speaks, not in the vendor's own errors
    vague = code in space.catch_all or any(entry.generic for entry in entries)
    if vague:
        evidence.add("message")
    if code in space.catch_all:
        evidence.add("status")
    others: tuple[str, ...] = (ANY,)
    if kind != "layer" and not vague and any(entry.condition is None for entry in entries):
        meant = {entry.category for entry in entries} | {refinement.category for entry in entries for refinement in entry.refinements}
        others = tuple(category.value for category in Category if category in meant - {rule.category})
    return _row_of(space, code, kind, rule, entry, tuple(part for part in _EVIDENCE if part in evidence), others)


def _bare(entries: Sequence[CatalogEntry]) -> tuple[CatalogEntry, Rule]:
    """What a code means that comes alone: no message, no status, no known endpoint."""
    channel = entries[0].compiled.channel or "response"
    alone = Circumstances(None, None, None, channel, lambda: None)
    fitting = (entry for entry in entries if entry.condition is None or entry.condition.fits(alone) is not None)
    entry = next(fitting, entries[-1])
    refined = (refinement.compiled for refinement in entry.refinements if refinement.condition.fits(alone) is not None)
    return entry, next(refined, entry.compiled)


def _read_by(condition: Condition) -> Iterator[str]:
    """Which evidence a condition reads."""
    if condition.messages or condition.texts or condition.no_message:
        yield "message"
    if condition.details or condition.texts:
        yield "detail"
    if condition.statuses:
        yield "status"
    if condition.channels:
        yield "channel"
    if condition.endpoints:
        yield "endpoint"


def _row_of(
    space: Space, code: str, kind: str, rule: Rule, entry: CatalogEntry | None, evidence: Iterable[str], others: Iterable[str]
) -> tuple[Value, ...]:
    depends_on = ",".join(evidence) or None
    return (
        space.name,
        code,
        kind,
        rule.id,
        rule.name,
        *_meaning(rule),
        depends_on is None,
        depends_on,
        ",".join(others) or None,
        *_words(rule, entry),
    )


def _all_rules(catalogs: Catalogs) -> Iterator[tuple[Rule, str, str | None, CatalogEntry | None]]:
    spaces = [catalogs.space(provider) for provider in catalogs.providers]
    for entry in catalogs.entries():
        yield entry.compiled, "entry", entry.provider, entry
        for refinement in entry.refinements:
            yield refinement.compiled, "refinement", entry.provider, entry
    for space in spaces:
        for rule in space.families.values():
            yield rule, "family", space.name, None
    for space in spaces:
        for status in _STATUSES:
            rule_of_status = space.status_rule(status)
            if rule_of_status is not None:
                yield rule_of_status, "status", space.name, None
    for rule in catalogs.transport.rules.values():
        yield rule, "transport", "transport", None
    yield spaces[0].unknown, "unknown", None, None  # the same in each space


def _rule_row(rule: Rule, kind: str, catalog: str | None, entry: CatalogEntry | None) -> tuple[Value, ...]:
    outcome = None if rule.outcome is None else rule.outcome.value
    return (rule.id, kind, catalog, rule.name, *_meaning(rule), outcome, *_words(rule, entry))


def _meaning(rule: Rule) -> tuple[Value, ...]:
    return (rule.category.value, rule.fault.value, rule.action.value, rule.action in _RETRYABLE, rule.after, rule.resets)


def _words(rule: Rule, entry: CatalogEntry | None) -> tuple[Value, ...]:
    known_from = (None, None, None) if entry is None else (entry.evidence, entry.since, entry.replaced_by)
    return (None if entry is None else entry.message, rule.summary, rule.remedy, *known_from)
