"""Writes the pages under docs/reference and the generated tables of other pages from the catalogs and the testing kit.

    python docs/make_reference.py

A generated table stands between `<!-- generated: NAME -->` and `<!-- end -->`. A test holds the pages equal to
what this gives. What clients see of a fault is not written down anywhere: it is tried.
"""  # noqa: INP001 - a script beside the pages, no package

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import httpx2
import requests

from heify_heygen_errors import (
    Catalogs,
    Category,
    ErrorInfo,
    Observation,
    Outcome,
    Reason,
    RetryAction,
    RetryContext,
    RetryPolicy,
    normalize,
    normalize_all,
)
from heify_heygen_errors.client.jobs.kinds import KINDS, JobKind
from heify_heygen_errors.testing import FakeServer, Reply, error, info, typical, wires
from heify_heygen_errors.testing.fault import FAULTS, Fault
from heify_heygen_errors.testing.logs import DAMAGES
from heify_heygen_errors.testing.operations import Operation
from heify_heygen_errors.testing.shapes import SHAPES
from heify_heygen_errors.testing.vendors import VENDORS

ROOT: Final = Path(__file__).resolve().parents[1]
PROVIDERS: Final = ("heygen", "liveavatar", "heify")

_SECTION = re.compile(r"(<!-- generated: (?P<name>[a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NOTE = "<!-- Written by docs/make_reference.py from data/{file}.yaml. Do not edit. -->\n"
_SOURCES: Final = {"seed": "docs.heygen.com/reference/errors (legacy table)"}
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")

Row = Mapping[str, Any]
Send: TypeAlias = Callable[[str, float, bytes], Any]


def pages() -> dict[Path, str]:
    """The text of every page that is generated, whole or in part."""
    raw = Catalogs.load().raw
    written = {ROOT / "docs/reference" / f"{name}.md": provider_page(raw, name) for name in PROVIDERS}
    written[ROOT / "docs/reference/layers.md"] = layers_page(raw)
    written[ROOT / "docs/reference/transport.md"] = transport_page(raw)
    written[ROOT / "docs/reference/testing.md"] = testing_page(raw)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        if _SECTION.search(text):
            written[page] = _SECTION.sub(lambda found: f"{found[1]}{section(found['name'], raw)}{found[3]}", text)
    return written


def section(name: str, raw: Mapping[str, Row]) -> str:
    """A generated table by name."""
    return {
        "categories": categories,
        "category_defaults": category_defaults,
        "statuses": statuses,
        "families": families,
        "hosts": hosts,
        "faults": faults,
        "addresses": addresses,
        "refusals": refusals,
        "retry_table": retry_table,
        "retry_reasons": retry_reasons,
        "retry_endpoints": retry_endpoints,
        "job_kinds": job_kinds,
        "job_states": job_states,
    }[name](raw)


# Tables inside other pages.


def categories(raw: Mapping[str, Row]) -> str:
    """Meaning, exception and retry of each category."""
    rows = raw["categories"]["categories"]
    return table(
        ("Category", "Means", "Exception", "Retry"),
        ((code(name), rows[name]["means"], code(rows[name]["exception"]), rows[name]["retry"]) for name in Category),
    )


def category_defaults(raw: Mapping[str, Row]) -> str:
    """What each category brings along."""
    rows = raw["categories"]["categories"]
    return table(
        ("Category", "Fault", "Retry", "`http_status`", "`grpc`", "`title`"),
        (
            (
                code(name),
                rows[name]["fault"],
                rows[name]["retry"],
                str(rows[name]["http_status"]),
                code(rows[name]["grpc"]),
                rows[name]["title"],
            )
            for name in Category
        ),
    )


def statuses(raw: Mapping[str, Row]) -> str:
    """What an HTTP status means where nothing else decides, by provider."""
    general: Mapping[str, str] = raw["categories"]["statuses"]
    own = {name: {status: row["category"] for status, row in raw[name].get("statuses", {}).items()} for name in PROVIDERS}
    known = sorted(
        {*general, *(status for rows in own.values() for status in rows)}, key=lambda status: (status[0], status.endswith("xx"), status)
    )

    def meaning(name: str, status: str) -> str:
        return own[name].get(status) or general.get(status) or own[name].get(f"{status[0]}xx") or general[f"{status[0]}xx"]

    return table(
        ("Status", "HeyGen", "LiveAvatar", "Heify"),
        (
            (f"any other {status}" if status.endswith("xx") else status, *(code(meaning(name, status)) for name in PROVIDERS))
            for status in known
        ),
    )


def families(raw: Mapping[str, Row]) -> str:
    """The suffixes of text codes that have no entry."""
    return table(
        ("Provider", "Code ends in", "Category", "Retry"),
        (
            (name, code(family["suffix"]), code(family["category"]), retry(raw, family))
            for name in PROVIDERS
            for family in raw[name].get("families", ())
        ),
    )


def hosts(raw: Mapping[str, Row]) -> str:
    """The domains that name a provider."""
    return table(
        ("Provider", "Domains, with all below them", "Entries"),
        ((code(name), ", ".join(map(code, raw[name].get("hosts", ()))), str(len(raw[name]["entries"]))) for name in PROVIDERS),
    )


def faults(raw: Mapping[str, Row]) -> str:  # noqa: ARG001 - all tables are asked the same way
    """What two HTTP libraries see of each fault, tried out on a fake server."""
    with FakeServer(limits=False) as server:
        return table(
            ("Fault", "What happens", "requests", "httpx2", "Rule", "Outcome", "Takes effect"),
            (fault_row(server, fault) for fault in FAULTS.values()),
        )


def addresses(raw: Mapping[str, Row]) -> str:  # noqa: ARG001 - all tables are asked the same way
    """What two HTTP libraries see at each address of the fake server where nobody answers."""
    with FakeServer(limits=False) as server:
        return table(
            ("Address", "What happens", "requests", "httpx2", "Rule", "Outcome"),
            (address_row(server, *row) for row in _ADDRESSES),
        )


def refusals(raw: Mapping[str, Row]) -> str:
    """How each fake vendor refuses, tried out on a fake server."""
    with FakeServer(limits=False) as server:
        return table(
            ("What is wrong", *(raw[name]["title"] for name in PROVIDERS)),
            ((what, *(refusal(server, name, asked[name]) for name in PROVIDERS)) for what, asked in _REFUSED.items()),
        )


def retry_table(raw: Mapping[str, Row]) -> str:
    """What the default policy decides on every failure that the catalogs know, after the first attempt, by kind of endpoint."""
    met: dict[tuple[str, tuple[str, ...]], tuple[set[str], set[str]]] = {}
    for failure in failures(raw):
        advice = failure.retry
        # A failed job is never repeated, whatever else is known of it.
        action = "any" if advice.outcome is Outcome.ACCEPTED else code(advice.action)
        outcomes, names = met.setdefault((action, verdicts(failure)), (set(), set()))
        outcomes.add(advice.outcome)
        names.add(failure.category)
    order = [*(code(action) for action in RetryAction if action is not RetryAction.NEVER), code(RetryAction.NEVER), "any"]
    rows = sorted(met.items(), key=lambda row: (order.index(row[0][0]), min(map(list(Outcome).index, row[1][0])), row[0][1][0] < "yes"))
    # Calls that are decided alike share a column.
    columns: dict[tuple[str, ...], list[str]] = {}
    for call, decided in zip(_CALLS, zip(*(decided for _, decided in met), strict=True), strict=True):
        columns.setdefault(decided, []).append(call)
    names_of = [", ".join(calls).capitalize() for calls in columns.values()]
    shown = [list(_CALLS).index(calls[0]) for calls in columns.values()]
    return table(
        ("Advice", "Outcome", "Categories", *names_of),
        (
            (action, listed(one for one in Outcome if one in outcomes), few(names), *(decided[index] for index in shown))
            for (action, decided), (outcomes, names) in rows
        ),
    )


def few(names: set[str]) -> str:
    """Categories; those that are missing where these are fewer."""
    missing = [one for one in Category if one not in names]
    given = [one for one in Category if one in names]
    return f"all but {listed(missing)}" if len(missing) < len(given) else listed(given)


def retry_reasons(raw: Mapping[str, Row]) -> str:  # noqa: ARG001 - all tables are asked the same way
    """Every reason of a decision."""
    rows = ((code(reason), "yes" if reason in _GOES_ON else "no", reason.says) for reason in Reason)
    return table(("`Reason`", "Sent again", "Means"), rows)


def retry_endpoints(raw: Mapping[str, Row]) -> str:
    """The POSTs and PATCHes of each vendor by whether they are repeated after an unknown outcome."""
    rows: dict[tuple[str, str], list[str]] = {}
    for name in PROVIDERS:
        for kind in _REPEATED.values():
            rows[raw[name]["title"], kind] = []
        for row in raw[name]["endpoints"]:
            if row["method"] in ("POST", "PATCH"):
                kind = _REPEATED[row.get("idempotency") or row["effect"]]
                rows[raw[name]["title"], kind].append(("" if row["method"] == "POST" else "PATCH ") + row["path"])
    return table(
        ("Vendor", "After an unknown outcome", "POST, if nothing else is said"),
        ((vendor, kind, listed(paths)) for (vendor, kind), paths in rows.items() if paths),
    )


def job_kinds(raw: Mapping[str, Row]) -> str:  # noqa: ARG001 - all tables are asked the same way
    """Every kind of job with its calls."""
    return table(
        ("On the client", "What it is", "Ordered by", "Read by", "Many at once by", "Id in `resource`"),
        (
            (
                code(f"client.{kind.provider}.{kind.name}"),
                kind.noun,
                (code(f"POST {kind.create}") if kind.create is not None else "[other calls](#jobs-without-an-order)")
                + (", or [an upload](#uploads)" if kind.upload is not None else ""),
                code(f"{kind.method} {kind.read.replace('{id}', '{' + kind.id_field + '}')}"),
                listed(bulk.path.partition("?")[0] for bulk in (kind.statuses, kind.list) if bulk is not None and bulk.has_states),
                code(kind.id_field),
            )
            for kind in KINDS.values()
        ),
    )


def job_states(raw: Mapping[str, Row]) -> str:
    """The states of each kind of job, in the vendor's words, by what they mean to a wait."""
    meanings = ("waited out", "needs a person", "completed", "failed")
    rows: dict[tuple[str, ...], list[str]] = {}
    for kind in KINDS.values():
        states = {meaning: [state for state in states_of(kind, raw) if state_means(kind, state, raw) == meaning] for meaning in meanings}
        rows.setdefault(tuple(listed(states[meaning]) for meaning in meanings), []).append(kind.name)
    return table(("Jobs", *(one.capitalize() for one in meanings)), ((listed(names), *cells) for cells, names in rows.items()))


def states_of(kind: JobKind, raw: Mapping[str, Row]) -> list[str]:
    """The states that the vendor documents for a kind, as the fake vendors have them; else all that the catalog lists."""
    reads = (kind.method, kind.read)
    operations = (operation for vendor in VENDORS if vendor.provider == kind.provider for operation in vendor.operations)
    found = [one for one in operations if (one.method, _PLACEHOLDER.sub("{id}", one.path)) == reads]
    documented = list(enums(found[0].answer))
    listed_ones: Row = raw[kind.provider]["jobs"]
    return documented[0] if documented else [*listed_ones["running"], *listed_ones["completed"], *listed_ones["failed"]]


def enums(schema: object) -> Iterator[list[str]]:
    """The values of every member `status` in a schema, the outermost first."""
    if isinstance(schema, Mapping):
        for name, inside in schema.items():
            if name == "status" and isinstance(inside, Mapping) and "enum" in inside:
                yield [state for state in inside["enum"] if state is not None]
        for inside in schema.values():
            yield from enums(inside)
    elif isinstance(schema, list):
        for inside in schema:
            yield from enums(inside)


def state_means(kind: JobKind, state: str, raw: Mapping[str, Row]) -> str:
    """What a wait makes of a state."""
    jobs = raw[kind.provider]["jobs"]
    if state in kind.needs:
        return "needs a person"
    if state.lower() in jobs["completed"]:
        return "completed"
    return "failed" if state.lower() in (*jobs["failed"], *jobs["missing"]) else "waited out"


# Pages.


def provider_page(raw: Mapping[str, Row], name: str) -> str:
    """The page of one number space."""
    data = raw[name]
    jobs, success, request_id = data.get("jobs", {}), data.get("success", {}), data.get("request_id", {})
    facts = [
        ("Vendor's own page", data.get("docs")),
        ("Status page", data.get("status_page")),
        ("Domains", listed(data.get("hosts", ()))),
        ("Request id from headers", listed(request_id.get("headers", ()))),
        ("Request id from body fields", listed(request_id.get("fields", ()))),
        ("Codes of success", listed(success.get("codes", ()))),
        ("Messages of success", listed(success.get("messages", ()))),
        ("Catch-all codes", listed(data.get("catch_all", ()))),
        ("Statuses that say nothing", listed(data.get("vague_statuses", ()))),
        ("Job states: failed", listed(jobs.get("failed", ()))),
        ("Job states: missing", listed(jobs.get("missing", ()))),
        ("Job states: completed", listed(jobs.get("completed", ()))),
        ("Job states: running", listed(jobs.get("running", ()))),
        ("Fields of a usable result", listed(jobs.get("result_fields", ()))),
    ]
    parts = [
        _NOTE.format(file=name),
        f"# {data['title']}\n",
        f"Provider name `{name}`. The fields are explained in [catalogs.md](../catalogs.md).\n",
        table(("Fact", "Value"), ((label, value) for label, value in facts if value)),
        "## Index\n",
        index(raw, data["entries"]),
        "## Entries\n",
        *(entry(raw, row, name) for row in data["entries"]),
    ]
    if data.get("families"):
        parts += ["## Families\n", "For text codes without an entry. The longest suffix that fits wins.\n"]
        parts += [meaning(raw, f"`…{row['suffix']}`", f"{name}/family:{row['suffix']}", row) for row in data["families"]]
    if data.get("statuses"):
        parts += [
            "## Statuses\n",
            "Where neither code nor text decides. Statuses that are not listed: [categories.md](../categories.md#status-fallback).\n",
        ]
        parts += [meaning(raw, f"Status {status}", f"{name}/status:{status}", row) for status, row in data["statuses"].items()]
    if data.get("endpoints"):
        columns = ("method", "path", "effect", "idempotency", "min_wait", "rate_per_minute", "burst", "monthly_quota", "job")
        rows = [{**row, **_job(row)} for row in data["endpoints"]]
        used = [column for column in columns if any(column in row for row in rows)]
        parts += [
            "## Endpoints\n",
            "What a repeat does, and which idempotency key the endpoint honours: see [model.md](../model.md#may_repeat).\n",
            table(
                [
                    {"min_wait": "min wait, s", "rate_per_minute": "per minute", "monthly_quota": "per month"}.get(column, column)
                    for column in used
                ],
                ([code(row[column]) if column == "path" else str(row.get(column, "")) for column in used] for row in rows),
            ),
        ]
    if data.get("limits"):
        kept = any(row["name"] == "concurrent_jobs" for row in data["limits"])
        limiter = " The [limiter](../client.md#limiter) keeps to `concurrent_jobs`, by the column `job` above." if kept else ""
        parts += [
            "## Limits\n",
            f"Documented limits. They are facts, not rules: nothing is matched by them.{limiter}\n",
            table(
                ("Limit", "Value", "Unit", "Note"),
                ((row["name"], str(row["value"]), row["unit"], row.get("note", "")) for row in data["limits"]),
            ),
        ]
    return join(parts)


def _job(row: Row) -> Row:
    """What an endpoint does to jobs that count towards a limit."""
    return {"job": "starts" if row.get("starts_job") else "ends"} if row.get("starts_job") or row.get("ends_job") else {}


def layers_page(raw: Mapping[str, Row]) -> str:
    """The page of what stands in front of the vendors."""
    data = raw["layers"]
    return join(
        [
            _NOTE.format(file="layers"),
            "# Layers\n",
            (
                "Gateways, proxies, content networks and object storage in front of the vendors. Their entries apply to every provider;"
                " `provider` of the result stays the one that was asked. The symbols are this project's own.\n"
            ),
            table(
                ("Fact", "Value"),
                [
                    ("Request id from headers", listed(data["request_id"]["headers"])),
                    ("Request id from body fields", listed(data["request_id"]["fields"])),
                ],
            ),
            "## Index\n",
            index(raw, data["entries"]),
            "## Entries\n",
            *(entry(raw, row, "layers") for row in data["entries"]),
        ]
    )


def transport_page(raw: Mapping[str, Row]) -> str:
    """The page of exceptions without an answer."""
    rows = raw["transport"]["entries"]
    parts = [
        _NOTE.format(file="transport"),
        "# Transport\n",
        (
            "Exceptions that left a call instead of an answer. Entries stand in the order of what says most: of all exceptions in a chain,"
            " the one whose entry stands first decides.\n"
        ),
        "## Index\n",
        table(
            ("Name", "Rule", "Category", "Retry", "Outcome"),
            (
                (
                    f"[{row['name']}](#{row['name'].lower()})",
                    code(transport_rule(row)),
                    code(row["category"]),
                    retry(raw, row),
                    row["outcome"],
                )
                for row in rows
            ),
        ),
        "## Entries\n",
    ]
    for row in rows:
        lines = [
            f"### {row['name']}\n",
            head(raw, row, [f"outcome {row['outcome']}"]),
            f"Rule {code(transport_rule(row))}. {row['summary']} {row['remedy']}\n",
        ]
        if row["exceptions"]:
            lines.append(f"- Classes: {listed(row['exceptions'])}")
        if row.get("texts"):
            lines.append(f"- Texts: {listed(row['texts'])}")
        lines += tail(row)
        parts.append("\n".join(lines) + "\n")
    return join(parts)


def testing_page(raw: Mapping[str, Row]) -> str:
    """The page of what the testing kit has: errors by category, shapes, endpoints, damages."""
    parts = [
        "<!-- Written by docs/make_reference.py from heify_heygen_errors/testing. Do not edit. -->\n",
        "# The testing kit\n",
        "Tables for [testing.md](../testing.md) and [fake-server.md](../fake-server.md). Faults stand [there](../testing.md#faults).\n",
        "## Errors by category\n",
        'What `error("heygen", "rate_limit")` and the factories make where they are given a category.\n',
        typical_errors(),
        "## Shapes\n",
        (
            "For the option `shape`. Where a vendor sends a shape, and what comes out of it: [shapes.md](../shapes.md)."
            " Of each vendor the present ones stand first.\n"
        ),
        table(("Shape", "Channel", "Providers", "What it is"), map(shape_row, SHAPES)),
        "## Damages\n",
        "Kinds of damaged lines in logs, and what `hhe normalize` makes of them. `records` yields those that leave a record.\n",
        table(
            ("Damage", "What is wrong", "Comes out as", "Leaves a record"),
            ((code(damage.name), damage.summary, damage.fate, "yes" if damage.change is not None else "no") for damage in DAMAGES),
        ),
        "## Endpoints\n",
        (
            "The endpoints of the fake server with what the catalog knows of them: what a repeat does, which idempotency key is honoured,"
            " and the rates and quotas that are kept to. Numbers of jobs and objects: [fake-server.md](../fake-server.md#limits).\n"
        ),
        *(endpoints(raw, name) for name in (*PROVIDERS, "storage")),
    ]
    return join(parts)


# Their pieces.


def typical_errors() -> str:
    """The typical error of each category, by vendor."""
    return table(
        ("Category", "HeyGen", "LiveAvatar", "Heify"),
        ((code(category), *(typical_error(name, category) for name in PROVIDERS)) for category in Category),
    )


def typical_error(provider: str, category: Category) -> str:
    """Name and status of a vendor's typical error; nothing where it has none."""
    try:
        failure = error(provider, category)
    except KeyError:
        return ""
    return f"{code((failure.words.rule or '').partition('/')[2])}, {failure.reply().status}"


def shape_row(shape: Any) -> tuple[str, ...]:
    """A shape with what it is."""
    return code(shape.name), shape.channel, ", ".join(shape.providers), shape.summary


def endpoints(raw: Mapping[str, Row], name: str) -> str:
    """The endpoints of a vendor of the fake server; without those that are there to say no."""
    known = {(row["method"], _PLACEHOLDER.sub("{}", row["path"])): row for row in raw.get(name, {}).get("endpoints", ())}
    operations = [operation for vendor in VENDORS if vendor.provider == name for operation in vendor.operations]
    title = "Object storage" if name == "storage" else raw[name]["title"]
    rows = ((operation, known.get((operation.method, _PLACEHOLDER.sub("{}", operation.path)))) for operation in operations)
    return f"### {title}\n\n" + table(
        ("Endpoint", "Does", "Effect", "Idempotency", "Limit"),
        (endpoint_row(operation, row or {}) for operation, row in rows if row is not None or name == "storage"),
    )


def endpoint_row(operation: Operation, row: Row) -> tuple[str, ...]:
    """An endpoint with what the catalog says of it."""
    limits = []
    if "rate_per_minute" in row:
        limits.append(f"{row['rate_per_minute']} a minute, burst {row['burst']}")
    if "monthly_quota" in row:
        limits.append(f"{row['monthly_quota']} a month")
    return code(operation.name), operation.summary, row.get("effect", ""), row.get("idempotency", ""), "; ".join(limits)


# Faults.

_TIMEOUT: Final = 0.4
_PATIENCE: Final = 10.0
_ANSWER: Final = {"data": {"id": "v-1", "status": "completed"}}
# So that trying them takes no longer than it must.
_SMALLER: Final[Mapping[str, Mapping[str, Any]]] = {
    "endless_body": {"size": 4 << 20},
    "gzip_bomb": {"size": 1 << 20},
    "refused": {"seconds": 30},
    "trickling_body": {"seconds": 0.001},
    "trickling_headers": {"seconds": 0.001},
}


# Faults that happen while a request is being sent, so that it has to be large: more than the buffers of sockets hold.
_WHILE_SENDING: Final = frozenset({"reset_while_sending"})
_UPLOAD: Final = b"x" * (16 << 20)
# How an address is got, what happens there, its URL, and the body that is sent there.
_ADDRESSES: Final[Sequence[tuple[str, str, Callable[[FakeServer], str], bytes]]] = (
    (
        "unreachable_url(name)",
        "no connection comes about, as behind a firewall that drops packets",
        lambda server: server.unreachable_url("heygen"),
        b"",
    ),
    (
        "unreachable_url(name, tls=True)",
        "the same",
        lambda server: server.unreachable_url("heygen", tls=True),
        b"",
    ),
    (
        "silent_url(name)",
        "a connection comes about, and no byte comes back",
        lambda server: server.silent_url("heygen"),
        b"",
    ),
    (
        "silent_url(name)",
        "the same for a large request, which cannot be sent to its end",
        lambda server: server.silent_url("heygen"),
        _UPLOAD,
    ),
    (
        "silent_url(name, tls=True)",
        "the TLS handshake does not end",
        lambda server: server.silent_url("heygen", tls=True),
        b"",
    ),
)


def fault_row(server: FakeServer, fault: Fault) -> tuple[str, ...]:
    """A fault with what each library makes of it, and what `normalize` makes of that."""
    amounts = ", ".join(
        f"{name}={getattr(fault, name):g}" if name == "seconds" else f"{name}={fault.size}"
        for name in ("seconds", "size")
        if getattr(fault, name)
    )
    met = [meeting(server, fault, send) for send in (by_requests, by_httpx2)]
    shown = code(f"{fault.name}({amounts})" if amounts else fault.name)
    return (shown, fault.summary, *seen(met), "yes" if fault.effect else "no")


def address_row(server: FakeServer, name: str, summary: str, url: Callable[[FakeServer], str], body: bytes) -> tuple[str, ...]:
    """An address with what each library makes of it, and what `normalize` makes of that."""
    there = url(server) + "/v3/videos"
    return (code(name), summary, *seen([tried(send, there, _TIMEOUT, body) for send in (by_requests, by_httpx2)]))


def seen(met: Sequence[Any]) -> tuple[str, ...]:
    """What the libraries have met, the rules and the outcomes that follow."""
    infos = [normalize(one, "heygen") for one in met]
    rules = dict.fromkeys(code(info.rule) if info is not None else "no error" for info in infos)
    outcomes = dict.fromkeys(info.retry.outcome for info in infos if info is not None)
    shown = (f"`{type(one).__name__}`" if isinstance(one, Exception) else told(one) for one in met)
    return (*shown, ", ".join(rules), ", ".join(outcomes))


def meeting(server: FakeServer, fault: Fault, send: Send) -> Any:
    """What a client gets that meets a fault: an answer or an exception."""
    server.reset()
    step = fault(answer=Reply.json(_ANSWER), **_SMALLER.get(fault.name, {}))
    server.script([step] * (1 if fault.name == "refused" else 40))
    # A short time-out for faults that wait only, so that a slow machine sees of the others what they are.
    patience = _TIMEOUT if fault.seconds >= 1 else _PATIENCE
    return tried(send, server.heygen.url + "/v3/videos/v-1", patience, _UPLOAD if fault.name in _WHILE_SENDING else b"")


def tried(send: Send, url: str, timeout: float, body: bytes) -> Any:
    """What comes of a call: an answer or an exception."""
    try:
        return send(url, timeout, body)
    except (requests.RequestException, httpx2.HTTPError) as problem:
        return problem


def by_requests(url: str, timeout: float, body: bytes) -> Any:
    """A call with requests: a POST if there is a body."""
    return requests.request("POST" if body else "GET", url, data=body or None, timeout=timeout)


def by_httpx2(url: str, timeout: float, body: bytes) -> Any:
    """A call with httpx2, which follows redirects only when told to."""
    return httpx2.request("POST" if body else "GET", url, content=body or None, timeout=timeout, follow_redirects=True)


def told(answer: Any) -> str:
    """An answer of success in words."""
    try:
        answer.json()
    except ValueError:
        return f"{answer.status_code}, no JSON"
    return f"{answer.status_code}, JSON"


# Refusals.

# Method, path, whether the key is sent (None: a wrong one), and the body.
_REFUSED: Final[Mapping[str, Mapping[str, tuple[str, str, bool | None, Any]]]] = {
    "no key": {
        "heygen": ("GET", "/v3/users/me", False, None),
        "liveavatar": ("GET", "/v1/sessions", False, None),
        "heify": ("POST", "/list-transcriptions", False, {}),
    },
    "a wrong key": {
        "heygen": ("GET", "/v3/users/me", None, None),
        "liveavatar": ("GET", "/v1/sessions", None, None),
        "heify": ("POST", "/list-transcriptions", None, {}),
    },
    "a path that does not exist": {
        "heygen": ("GET", "/v3/vidoes", True, None),
        "liveavatar": ("GET", "/v1/session", True, None),
        "heify": ("POST", "/submitt", True, {}),
    },
    "another method": {
        "heygen": ("PUT", "/v3/videos", True, {}),
        "liveavatar": ("PUT", "/v1/sessions", True, {}),
        "heify": ("GET", "/submit", True, None),
    },
    "a field is missing": {
        "heygen": ("POST", "/v3/videos", True, {"type": "avatar"}),
        "liveavatar": ("POST", "/v1/sessions/token", True, {"mode": "FULL"}),
        "heify": ("POST", "/submit", True, {"title": "Call"}),
    },
    "an id that does not exist": {
        "heygen": ("GET", "/v3/videos/v-1", True, None),
        "liveavatar": ("GET", "/v1/sessions/s-1", True, None),
        "heify": ("POST", "/get-transcription", True, {"transcription_id": "7d5f0b9e-3c41-4a52-9b80-2f1c6a7e8d90"}),
    },
    "a body that is no JSON": {
        "heygen": ("POST", "/v3/videos", True, "{"),
        "liveavatar": ("POST", "/v1/sessions/token", True, "{"),
        "heify": ("POST", "/submit", True, "{"),
    },
}


def refusal(server: FakeServer, provider: str, asked: tuple[str, str, bool | None, Any]) -> str:
    """Status and words of a refusal."""
    method, path, key, sent = asked
    site = server.site(provider)
    headers = {"Content-Type": "application/json"} | ({} if key is False else {"X-Api-Key": site.api_key if key else "wrong"})
    data = sent if isinstance(sent, str) or sent is None else json.dumps(sent)
    answer = requests.request(method, site.url + path, headers=headers, data=data, timeout=5)
    info = normalize(answer, provider)
    if info is None:
        return f"{answer.status_code}, no error"
    return f"{info.status}, {info.message or info.code}"


# Retries.

# What a call does, with an example of it: method, path, idempotency key.
_CALLS: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "reads": ("GET", "/v3/videos", None),
    "gives the same state": ("DELETE", "/v3/videos/v-1", None),
    "spends": ("POST", "/v2/video/generate", "k-1"),
    "spends with a key that counts": ("POST", "/v3/videos", "k-1"),
}
_GOES_ON: Final = frozenset({Reason.NOT_SENT, Reason.TRANSIENT, Reason.THROTTLED, Reason.POLL})
# By the key that an endpoint honours, else by its effect.
_REPEATED: Final = {
    "header": "repeated with its `Idempotency-Key`",
    "body:request_id": "repeated with its `request_id` in the body",
    "read": "repeated: it reads",
    "idempotent": "repeated: it gives the same state",
    "spends": "never repeated",
}


def failures(raw: Mapping[str, Row]) -> Iterator[ErrorInfo]:
    """A failure of every entry in every shape, of every status, and of every exception without an answer."""
    catalogs = Catalogs.load()
    for entry in catalogs.entries():
        owner = entry.rule.partition("/")[0]
        for rule in (entry.rule, *(refinement.rule for refinement in entry.refinements)):
            for name in (owner,) if owner in PROVIDERS else PROVIDERS:
                for form in wires(typical(name, rule.partition("/")[2])):
                    yield from normalize_all(form.observation())
    for name in PROVIDERS:
        answers = (Observation(name, status) for status in range(400, 600))
        unanswered = (info(name, f"transport/{row['name']}") for row in raw["transport"]["entries"])
        yield from (found for answer in answers if (found := normalize(answer)) is not None)
        yield from unanswered


def verdicts(failure: ErrorInfo) -> tuple[str, ...]:
    """What is decided on a failure, in the columns of the table."""
    # Asked at HeyGen's endpoints, whoever failed: the decision depends on what an endpoint does and not on whose it is.
    asked = attrs.evolve(failure, provider="heygen")
    found = []
    for method, path, key in _CALLS.values():
        decision = RetryPolicy().decide(RetryContext(info=asked, method=method, url=path, idempotency_key=key))
        if decision.retry != (decision.reason in _GOES_ON):
            msg = f"{decision} of {failure.rule}: _GOES_ON is out of date"
            raise ValueError(msg)
        found.append(f"{'yes' if decision.retry else 'no'}: {code(decision.reason)}")
    return tuple(found)


def index(raw: Mapping[str, Row], rows: Sequence[Row]) -> str:
    """A table of entries."""
    return table(
        ("Name", "Codes", "Category", "Retry", "Message"),
        (
            (
                f"[{row['name']}](#{row['name'].lower()})",
                listed(row.get("codes", ())),
                code(row["category"]),
                retry(raw, row),
                code(row["message"]) if row.get("message") else "",
            )
            for row in rows
        ),
    )


def entry(raw: Mapping[str, Row], row: Row, catalog: str) -> str:
    """One entry, everything but its examples."""
    more = []
    if row.get("statuses"):
        more.append(f"status {', '.join(row['statuses'])}")
    if row.get("channel"):
        more.append(f"channel {row['channel']}")
    if row.get("outcome"):
        more.append(f"outcome {row['outcome']}")
    lines = [f"### {row['name']}\n", head(raw, row, more), f"{row['summary']} {row['remedy']}\n"]
    codes = list(row.get("codes", ()))
    if row.get("named", True) and catalog != "layers":
        codes += [row["name"], row["name"].lower()]
    if codes:
        lines.append(
            f"- Codes: {listed(codes)}" + (" (vague: any message template of another entry outranks them)" if row.get("generic") else "")
        )
    if row.get("message"):
        lines.append(f"- Message: {code(row['message'])}" + ("" if row.get("match_message", True) else " (does not decide alone)"))
    if row.get("also"):
        lines.append(f"- Also: {listed(row['also'])}")
    if row.get("detail"):
        lines.append(f"- Documented detail: {code(row['detail'])}")
    if row.get("shape"):
        lines.append(f"- Shape: {code(row['shape'])}")
    if row.get("when"):
        lines.append(f"- Only when {when(row['when'])}")
    if not row.get("in_pages", True):
        lines.append("- Counts in JSON only; as plain text or on a page anybody may have sent it.")
    lines += [
        f"- Refinement {code('#' + refine['id'])}, when {when(refine['when'])}: {code(refine['category'])}, {retry(raw, refine)}."
        f" {refine['summary']} {refine['remedy']}" + (f" *{refine['note']}*" if refine.get("note") else "")
        for refine in row.get("refine", ())
    ]
    lines += tail(row)
    return "\n".join(lines) + "\n"


def meaning(raw: Mapping[str, Row], title: str, rule: str, row: Row) -> str:
    """A family or status."""
    return f"### {title}\n\n{head(raw, row, [])}\nRule {code(rule)}. {row['summary']} {row['remedy']}\n" + (
        f"\n*{row['note']}*\n" if row.get("note") else ""
    )


def head(raw: Mapping[str, Row], row: Row, more: Sequence[str]) -> str:
    """Category, retry and fault, with whatever else is short."""
    default = raw["categories"]["categories"][row["category"]]
    return ", ".join([f"**{row['category']}**", f"retry {retry(raw, row)}", f"fault {row.get('fault') or default['fault']}", *more]) + "\n"


def retry(raw: Mapping[str, Row], row: Row) -> str:
    """The retry action in words."""
    stated = row.get("retry") or {}
    action = stated.get("action") or raw["categories"]["categories"][row["category"]]["retry"]
    after = f" after {stated['after']:g} s" if "after" in stated else ""
    return f"{action}{after}" + (f" (resets each {stated['resets']})" if stated.get("resets") else "")


def when(conditions: Row) -> str:
    """The conditions of a refinement in words."""
    told = []
    for key, value in conditions.items():
        if key == "no_message":
            told.append("there is no message")
        else:
            told.append(f"{key} is {' or '.join(code(str(item)) for item in value)}")
    return " and ".join(told)


def tail(row: Row) -> Iterator[str]:
    """Evidence, sources and history."""
    sources = "; ".join(_SOURCES.get(source, source) for source in row["source"])
    yield f"- Evidence: {row['evidence']}, {sources}"
    if row.get("since"):
        yield f"- Since: {row['since']}"
    if row.get("replaced_by"):
        yield f"- Replaced by [{row['replaced_by']}](#{row['replaced_by'].lower()})"
    if row.get("note"):
        yield f"- Note: {row['note']}"


def transport_rule(row: Row) -> str:
    """How `ErrorInfo.rule` names a transport entry."""
    return "transport/" + "".join(part.capitalize() for part in row["name"].split("_"))


def code(text: str) -> str:
    """A code span that may hold backticks."""
    text = str(text).replace("\n", " ")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def listed(texts: Iterable[str]) -> str:
    """Code spans, separated by commas."""
    return ", ".join(map(code, texts))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join((cell or "").replace("|", "\\|") for cell in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def join(parts: Iterable[str]) -> str:
    """Blocks with a blank line between them."""
    return "\n".join(parts).rstrip("\n") + "\n"


def main() -> None:
    """Writes what changed and says so."""
    for page, text in pages().items():
        page.parent.mkdir(parents=True, exist_ok=True)
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: {page.relative_to(ROOT)}")  # noqa: T201 - it is a command


if __name__ == "__main__":
    main()
