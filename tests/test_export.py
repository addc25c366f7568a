"""The catalogs as tables: what a join with them finds is what full normalization says, in every format."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks import export_difference

from heify_heygen_errors import Catalogs, Category, ErrorInfo, Normalizer, Observation, normalize, normalize_all
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.export import ANY, TABLES, Column, Table, codes_table, rules_table
from heify_heygen_errors.catalog.export_formats import DIFFERENCE, SHORT, csv_text, dbt_files, json_text, sql_text
from heify_heygen_errors.cli import main
from heify_heygen_errors.testing import labelled
from heify_heygen_errors.testing.shapes import wires_of, wires_of_refinement

Run = Callable[..., Any]
Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]
LaidOver = Callable[..., Normalizer]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "export.md"
VERSION = default_catalogs().version
TYPES = {"text": str, "integer": int, "number": float, "boolean": bool}

every_table = pytest.mark.parametrize("name", TABLES)


@cache
def table(name: str) -> Table:
    """A table of the shipped catalogs."""
    return TABLES[name](default_catalogs())


def short(name: str) -> Table:
    """A table with the columns that SQL has by default."""
    return table(name).select(SHORT.get(name, table(name).names))


@cache
def codes() -> Mapping[tuple[Any, Any], Mapping[str, Any]]:
    """The rows of the codes by provider and code."""
    return {(row["provider"], row["code"]): row for row in table("codes").records()}


def meaning(info: ErrorInfo) -> dict[str, Any]:
    """What full normalization says, under the names of the columns."""
    return {
        "rule": info.rule,
        "name": info.name,
        "category": info.category.value,
        "fault": info.fault.value,
        "retry": info.retry.action.value,
        "retryable": info.retryable,
        "resets": info.retry.resets,
        "summary": info.summary,
        "remedy": info.remedy,
    }


def told(row: Mapping[str, Any], info: ErrorInfo) -> dict[str, Any]:
    """What a row says of the same."""
    return {column: row[column] for column in meaning(info)}


# Tables.


@every_table
def test_values_have_the_type_of_their_column(name: str) -> None:
    """Every value has the type that its column states, and only optional columns have nulls."""
    wrong = [
        (column.name, value)
        for row in table(name).rows
        for column, value in zip(table(name).columns, row, strict=True)
        if not (type(value) is TYPES[column.type] or (value is None and column.optional))
    ]
    assert wrong == []


@every_table
def test_optional_columns_have_values_and_nulls(name: str) -> None:
    """A column that is said to be optional is null in some rows and not in others."""
    optional = [column.name for column in table(name).columns if column.optional]
    assert [column for column in optional if {row[column] is None for row in table(name).records()} != {True, False}] == []


@every_table
def test_keys_name_one_row(name: str) -> None:
    """No two rows of a table have the same key."""
    keys = [tuple(row[column] for column in table(name).key) for row in table(name).records()]
    assert len(set(keys)) == len(keys)


@every_table
def test_texts_survive_every_loader(name: str) -> None:
    """No text is empty, reads as null, breaks a line, has blanks at an end or begins like a formula of a spreadsheet."""
    texts = {value for row in table(name).rows for value in row if isinstance(value, str)}
    assert {text for text in texts if not text.isprintable() or text != text.strip() or text.lower() in ("", "null")} == set()
    assert {text for text in texts if text.startswith(("=", "+", "-", "@"))} == set()


@every_table
def test_columns_are_described(name: str) -> None:
    """Every column has a description, and docs/export.md a row for it in the part of its table."""
    parts = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", PAGE.read_text(encoding="utf-8") + "\n##", re.DOTALL | re.MULTILINE))
    described = re.findall(r"^\| `(\w+)` \| (\w+) \|", parts[name], re.MULTILINE)
    assert described == [(column.name, column.type) for column in table(name).columns]
    assert [column.name for column in table(name).columns if not column.description.endswith(".")] == []


def test_columns_can_be_selected() -> None:
    """`select` gives some columns in the order that is asked for, a key if they hold it; an unknown one is a KeyError with all."""
    narrow = table("categories").select(["title", "category"])
    first = default_catalogs().categories["authentication"]
    assert (narrow.names, narrow.rows[0]) == (("title", "category"), (first["title"], "authentication"))
    keys = [table("codes").select(names).key for names in (["code", "name", "provider"], ["provider", "name"])]
    assert keys == [("provider", "code"), ()]
    with pytest.raises(KeyError, match=r"categories has no column 'titel': use any of category, means, .*title"):
        table("categories").select(["titel"])


# Codes.


def test_every_code_and_status_has_a_row() -> None:
    """For each provider: its own codes, those of the layers, the catch-alls, and the statuses from 400 to 599; nothing else."""
    catalogs = default_catalogs()
    expected = {
        (provider, code)
        for provider in catalogs.providers
        for code in (
            *catalogs.space(provider).by_code,
            *catalogs.space(provider).catch_all,
            *catalogs.layers.by_code,
            *map(str, range(400, 600)),
        )
    }
    assert set(codes()) == expected


def by_kind(kind: str, *, settled: bool | None = None) -> list[Mapping[str, Any]]:
    """The rows of a kind."""
    return [row for row in codes().values() if row["kind"] == kind and settled in (None, row["settled"])]


def test_a_bare_code_means_what_its_row_says() -> None:
    """An answer with nothing but a code gets exactly the row's meaning, in the flat and in the nested form, settled or not."""
    wrong = []
    for row in by_kind("code"):
        for body in ({"code": row["code"]}, {"error": {"code": row["code"]}}):
            info = normalize(Observation(row["provider"], None, None, body))
            if info is None or (meaning(info), info.retry.after) != (told(row, info), row["retry_after"]):
                wrong.append((body, info))
    assert wrong == []


def test_a_bare_status_means_what_its_row_says() -> None:
    """An answer with nothing but a status gets exactly the row's meaning."""
    found = {(row["provider"], row["code"]): normalize(Observation(row["provider"], int(row["code"]))) for row in by_kind("status")}
    assert [key for key, info in found.items() if info is None or meaning(info) != told(codes()[key], info)] == []
    assert len(found) == 600


def as_storage(code: str, words: str) -> tuple[Any, Any]:
    """Headers and body of object storage."""
    return None, f"<Error><Code>{code}</Code><Message>{words}</Message></Error>"


def as_lambda(code: str, words: str) -> tuple[Any, Any]:
    """Headers and body of a function that failed."""
    return None, {"errorType": code, "errorMessage": words}


def as_gateway(code: str, words: str) -> tuple[Any, Any]:
    """Headers and body of API Gateway."""
    return {"x-amzn-errortype": code}, {"message": words}


LAYERS = {"storage": as_storage, "lambda": as_lambda, "gateway": as_gateway}
VENDORS: dict[str, Callable[[Any, str], Any]] = {
    "flat": lambda code, words: {"code": code, "message": words},
    "flat with detail": lambda code, words: {"code": code, "msg": words, "detail": words},
    "error text": lambda code, words: {"code": code, "error": words},
    "error list": lambda code, words: {"code": code, "message": words, "errors": [{"message": words}]},
    "completed": lambda code, words: {
        "code": code,
        "message": words,
        "data": {"id": "1", "status": "completed", "video_url": "https://x.invalid/y"},
    },
    "in success": lambda code, words: {"code": code, "status": "success", "success": True, "message": words},
    "error object": lambda code, words: {"code": code, "message": words, "error": {"code": "forbidden", "message": words}},
    "nested": lambda code, words: {"error": {"code": code, "message": words, "detail": words}},
    "wrapper": lambda code, words: {"data": None, "error": {"code": code, "message": words}},
    "job": lambda code, words: {"code": 100, "data": {"id": "1", "status": "failed", "error": {"code": code, "message": words}}},
    "job fields": lambda code, words: {
        "code": 100,
        "data": {"id": "1", "status": "failed", "failure_code": code, "failure_message": words},
    },
    "event": lambda code, words: {"event_type": "avatar_video.fail", "event_data": {"video_id": "1", "code": code, "msg": words}},
}
BESIDE = {"error text", "error list", "error object"}
"""The forms that tell another error beside the code."""
STATUSES = (None, 200, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504)


@cache
def words() -> tuple[str, ...]:
    """Messages: of every entry, stock answers, none at all."""
    stock = ("", "Success", "Forbidden", "forbidden", "Too Many Requests", "502 Bad Gateway", "Daily rate limit exceeded", "…")
    return (*stock, *(entry.message for entry in default_catalogs().entries() if entry.message is not None))


@cache
def requests(provider: str) -> tuple[tuple[str | None, str | None], ...]:
    """Method and path of every endpoint, and none."""
    known = default_catalogs().space(provider).endpoints
    return ((None, None), *((endpoint.method, endpoint.path.replace("{", "").replace("}", "")) for endpoint in known))


def arrivals(row: Mapping[str, Any], times: int) -> Iterator[tuple[str, Observation]]:
    """A code in every form, of the vendor and of the layers, with statuses, messages and endpoints that say something else."""
    provider, code = row["provider"], row["code"]
    chance = random.Random(f"{provider} {code}")
    sent = int(code) if code.isdigit() else code
    for form in (*VENDORS, *LAYERS) * times:
        said, status, (method, path) = chance.choice(words()), chance.choice(STATUSES), chance.choice(requests(provider))
        headers, body = LAYERS[form](code, said) if form in LAYERS else (None, VENDORS[form](chance.choice((code, sent)), said))
        yield form, Observation(provider, status, headers, body, method, path)


def test_settled_codes_are_settled() -> None:
    """Where a row is settled and full normalization reads its code, nothing else changes what it says."""
    wrong, read, others = set(), 0, Counter[str]()
    for row in by_kind("code", settled=True):
        for form, observation in arrivals(row, 4):
            for info in normalize_all(observation):
                if info.code == row["code"]:
                    read += 1
                    if meaning(info) != told(row, info):
                        wrong.add((row["provider"], row["code"], form))
                elif export_difference.code_in(observation.body) == row["code"]:
                    others[form] += 1
    assert wrong == set()
    assert read > 20_000
    assert set(others) == BESIDE  # no other form hides the code from full normalization where the join reads it


READ_OTHERWISE: list[tuple[int, dict[str, Any], list[str | None]]] = [
    (400, {"code": "400118", "error": {"code": "40010"}}, ["40010"]),
    (400, {"code": "400118", "error": "forbidden"}, ["forbidden"]),
    (400, {"code": "400118", "errors": [{"message": "Boo"}]}, [None]),
    (200, {"status": "completed", "video_url": "https://x.invalid/y", "error": {"code": "400118"}}, []),
    (200, {"event_type": "avatar_video.success", "code": "400118"}, []),
]


@pytest.mark.parametrize(("status", "body", "read"), READ_OTHERWISE)
def test_what_settled_does_not_say(status: int, body: dict[str, Any], read: list[str | None]) -> None:
    """In the bodies that docs/export.md names, the join finds a settled row where full normalization reads another error or none."""
    assert codes()["heygen", export_difference.code_in(body)]["settled"] is True
    assert [info.code for info in normalize_all(Observation("heygen", status, None, body))] == read
    assert f"`{json.dumps(body)}`" in PAGE.read_text(encoding="utf-8")


def test_codes_of_layers_are_believed_where_layers_send_them() -> None:
    """A layer's code means what its row says in the forms of layers, and in those of vendors it decides nothing."""
    wrong, counts = [], Counter[bool]()
    for row in (row for row in by_kind("layer") if row["depends_on"] == "channel"):
        for form, observation in arrivals(row, 1):
            for info in normalize_all(observation):
                sent = form in LAYERS
                believed = info.code == row["code"] and info.matched_by == "code"
                counts[sent] += 1
                if sent is not believed or (sent and meaning(info) != told(row, info)):
                    wrong.append((row["code"], form, info.rule))
    assert wrong == []
    assert min(counts.values()) > 500


def test_codes_of_layers_are_never_settled() -> None:
    """A layer's code depends on the channel, can be any category elsewhere, and in the vendor's place the status decides."""
    rows = by_kind("layer")
    assert {(row["settled"], row["other_categories"], "channel" in row["depends_on"].split(",")) for row in rows} == {(False, ANY, True)}
    plain = [info for row in rows for info in normalize_all(Observation(row["provider"], 400, None, {"code": row["code"]}))]
    assert {info.rule.partition("/")[2] for info in plain} == {"status:400"}
    assert len(plain) == len(rows)


def seen() -> Iterator[ErrorInfo]:
    """Every failure that is at hand: of each entry and refinement in each form, of the recorded bodies, of the logs."""
    for entry in default_catalogs().entries():
        sent = [*wires_of(entry), *(wire for refinement in entry.refinements for wire in wires_of_refinement(entry, refinement))]
        yield from (info for wire in sent for info in normalize_all(wire.observation()))
    for log in (export_difference.corpus, export_difference.samples):
        for record in log():
            yield from normalize_all(Observation(record["provider"], record["status"], record["headers"], record["body"]))
    for one in labelled(5000):
        record = one.record
        if "exception" not in record:
            headers = record.get("headers")
            headers = json.loads(headers) if isinstance(headers, str) else headers
            observation = Observation(
                record.get("provider"), record.get("status"), headers, record.get("body", b""), record.get("method"), record.get("url")
            )
            yield from normalize_all(observation)


@cache
def all_seen() -> tuple[ErrorInfo, ...]:
    """Every failure that is at hand."""
    return tuple(seen())


def test_what_was_seen_agrees_with_its_row() -> None:
    """Every failure with a listed code means what the row says, or the row says that it can mean that instead."""
    wrong, counts = [], {True: 0, False: 0}
    for info in all_seen():
        row = codes().get((info.provider, info.code))
        if row is None:
            continue
        same = meaning(info) == told(row, info)
        counts[same] += 1
        others = (row["other_categories"] or "").split(",")
        allowed = not row["settled"] and (ANY in others or info.category.value in (row["category"], *others))
        if not (same or allowed):
            wrong.append((info.provider, info.code, info.rule, row["rule"]))
    assert wrong == []
    assert min(counts.values()) > 500  # both kinds are tried


def test_the_categories_that_a_code_can_have_are_seen() -> None:
    """A category that stands in other_categories is one that some failure with this code really gets."""
    found: dict[tuple[str, str | None], set[str]] = {}
    for info in all_seen():
        found.setdefault((info.provider, info.code), set()).add(info.category.value)
    listed = {key: set(row["other_categories"].split(",")) for key, row in codes().items() if row["other_categories"] not in (None, ANY)}
    own = {key: others for key, others in listed.items() if codes()[key]["kind"] == "code"}
    assert {key for key, others in own.items() if not others <= found.get(key, set())} == set()
    assert own


def test_what_a_row_depends_on_is_told_unless_it_is_settled() -> None:
    """depends_on is null exactly where a row is settled, and names evidence in a fixed order."""
    order = ["message", "detail", "status", "channel", "endpoint"]
    wrong = []
    for row in codes().values():
        evidence = row["depends_on"].split(",") if row["depends_on"] else []
        if bool(evidence) is row["settled"] or evidence != sorted(set(evidence), key=order.index):
            wrong.append(row)
    assert wrong == []


SHARED = {
    "alone": ({"codes": ["900001"]}, "heygen/MY_ERROR@mine", True, None, None),
    "refined by an endpoint": (
        {
            "codes": ["900001"],
            "refine": [
                {
                    "id": "there",
                    "when": {"endpoint": ["/v3/videos"], "channel": ["response"]},
                    "category": "quota",
                    "summary": "It is used up.",
                    "remedy": "Wait for it.",
                    "examples": [{"method": "POST", "code": "900001"}],
                    "counter_examples": [{"method": "GET", "url": "https://api.heygen.com/v1/other", "code": "900001"}],
                }
            ],
        },
        "heygen/MY_ERROR@mine",
        False,
        "channel,endpoint",
        "quota",
    ),
    "refined where there is no message": (
        {
            "codes": ["900001"],
            "refine": [
                {
                    "id": "silent",
                    "when": {"no_message": True},
                    "category": "server",
                    "summary": "It fell silent.",
                    "remedy": "Try again.",
                    "examples": [{"code": "900001", "status": 500}],
                    "counter_examples": [{"code": "900001", "message": "Words"}],
                }
            ],
        },
        "heygen/MY_ERROR#silent@mine",
        False,
        "message",
        "conflict",
    ),
    "limited to a status": ({"codes": ["900001"], "when": {"status": ["409"]}}, "heygen/MY_ERROR@mine", False, "status", ANY),
    "vague": ({"codes": ["900001"], "generic": True}, "heygen/MY_ERROR@mine", False, "message", ANY),
    "a code of a layer": ({"codes": ["SlowDown"]}, "heygen/MY_ERROR@mine", False, "channel", "rate_limit"),
}


@pytest.mark.parametrize(("fields", "rule", "settled", "depends_on", "others"), SHARED.values(), ids=SHARED)
def test_an_overlay_changes_the_rows(
    laid_over: LaidOver,
    entry: Entry,
    fields: dict[str, Any],
    rule: str,
    settled: bool,  # noqa: FBT001 - a parameter of the test
    depends_on: str | None,
    others: str | None,
) -> None:
    """A code of an overlay has one row, which says what beside the code decides."""
    catalogs = laid_over(entry(**fields)).catalogs
    [row] = [row for row in codes_table(catalogs).records() if (row["provider"], row["code"]) == ("heygen", fields["codes"][0])]
    assert (row["rule"], row["settled"], row["depends_on"], row["other_categories"]) == (rule, settled, depends_on, others)


def test_entries_that_share_a_code_have_one_row(laid_over: LaidOver, entry: Entry) -> None:
    """Of several entries with a code the one without a condition speaks, and the row names what the others mean."""
    rows = [
        entry(name="HERE", codes=["900001"], when={"status": ["409"]}),
        entry(name="ELSEWHERE", codes=["900001"], category="quota"),
    ]
    found = [row for row in codes_table(laid_over(*rows).catalogs).records() if row["code"] == "900001"]
    assert [(row["rule"], row["settled"], row["depends_on"], row["other_categories"]) for row in found] == [
        ("heygen/ELSEWHERE@mine", False, "status", "conflict")
    ]


def test_a_disabled_entry_has_no_row(laid_over: LaidOver) -> None:
    """What an overlay takes out is neither among the codes nor among the rules."""
    catalogs = laid_over(disable=["UNAUTHORIZED"]).catalogs
    assert "400112" not in {row["code"] for row in codes_table(catalogs).records()}
    assert "heygen/UNAUTHORIZED" not in {row["rule"] for row in rules_table(catalogs).records()}


# Rules and categories.


def test_every_rule_that_decides_is_in_the_rules() -> None:
    """Whatever full normalization names as the rule has a row, which says the same."""
    rules = {row["rule"]: row for row in table("rules").records()}
    exceptions = [Observation("heygen", exception=name) for name in ("requests.exceptions.ConnectTimeout: x", "acme.NewError: x")]
    found = [*all_seen(), *(info for exception in exceptions for info in normalize_all(exception))]
    assert [info.rule for info in found if info.rule not in rules or meaning(info) != told(rules[info.rule], info)] == []
    assert {rules[info.rule]["kind"] for info in found} == {row["kind"] for row in rules.values()}


def test_outcomes_of_rules_are_those_of_answers() -> None:
    """Where a rule states the outcome, an answer that it decides has it, but for jobs, which were accepted."""
    stated = {row["rule"]: row["outcome"] for row in table("rules").records() if row["outcome"] is not None}
    found = [info for info in all_seen() if info.rule in stated and info.channel not in ("job", "webhook")]
    assert {info.rule for info in found if info.retry.outcome != stated[info.rule]} == set()
    assert found


def test_categories_say_what_the_model_says() -> None:
    """The rows of the categories are the closed set, in its order, with the properties of the model."""
    rows = [(row["category"], row["means"], row["http_status"], row["title"], row["grpc"]) for row in table("categories").records()]
    assert rows == [(one.value, one.means, one.http_status, one.title, one.grpc) for one in Category]


def test_endpoints_and_limits_are_those_of_the_list(hhe: Run) -> None:
    """The tables of endpoints and limits say what `hhe catalog list` says."""
    assert table("endpoints").records() == hhe("catalog", "list", "--endpoints", "--json").json
    listed = hhe("catalog", "list", "--limits", "--json").json
    assert table("limits").records() == [{**limit, "value": str(limit["value"])} for limit in listed]


# Formats.


def read_cell(text: str, column: Column) -> object:
    """A cell of a CSV as the type of its column."""
    if text == "":
        return None
    return text == "true" if column.type == "boolean" else TYPES[column.type](text)


@every_table
def test_csv_holds_the_rows(name: str) -> None:
    """CSV, read with the column's types, gives the rows back; each row is a line."""
    text = csv_text(table(name))
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    read = [tuple(read_cell(cell, column) for cell, column in zip(row, table(name).columns, strict=True)) for row in rows]
    assert (tuple(head), tuple(read)) == (table(name).names, table(name).rows)
    assert (text.count("\n"), text.count("\r"), text[-1]) == (len(rows) + 1, 0, "\n")


def test_csv_keeps_a_row_on_a_line() -> None:
    """A line break inside a text becomes a blank."""
    broken = Table("odd", "Odd.", ("a",), (Column("a", "text", "A."), Column("b", "text", "B.", optional=True)), (("x\r\ny\nz", None),))
    assert csv_text(broken) == "a,b\nx y z,\n"


def test_json_holds_every_table() -> None:
    """JSON has the version of the catalogs, the stated difference, and each table with its key, columns and rows."""
    read = json.loads(json_text([table(name) for name in TABLES], VERSION))
    tables = read.pop("tables")
    assert read == {"schema": 1, "catalog_version": VERSION, "difference": DIFFERENCE}
    assert list(tables) == list(TABLES)
    for name, one in tables.items():
        assert (one["key"], one["rows"]) == (list(table(name).key), table(name).records())
        assert [(column["name"], column["type"]) for column in one["columns"]] == [(c.name, c.type) for c in table(name).columns]


def fitting(rows: Any, columns: tuple[Column, ...]) -> tuple[tuple[object, ...], ...]:
    """Rows out of a database with booleans, which SQLite has not."""
    return tuple(
        tuple(bool(value) if column.type == "boolean" and value is not None else value for value, column in zip(row, columns, strict=True))
        for row in rows
    )


def in_sqlite(script: str, query: str) -> list[tuple[object, ...]]:
    """What a query says after a script."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(script)
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def in_duckdb(script: str, query: str) -> list[tuple[object, ...]]:
    """What a query says after a script."""
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        if script:
            connection.execute(script)
        rows: list[tuple[object, ...]] = connection.execute(query).fetchall()
        return rows


DATABASES = {"sqlite": in_sqlite, "duckdb": in_duckdb}
every_database = pytest.mark.parametrize("run", DATABASES.values(), ids=DATABASES)


@every_database
@pytest.mark.parametrize("create", ["table", "view"])
def test_sql_makes_every_table(run: Run, create: Any) -> None:
    """A script makes tables or views with exactly the rows, in their order, also where it is run twice."""
    tables = [table(name) for name in TABLES]
    script = sql_text(tables, VERSION, create)
    found = {one.name: fitting(run(script + script, f"SELECT * FROM hhe_{one.name}"), one.columns) for one in tables}
    assert found == {one.name: one.rows for one in tables}


@every_database
def test_sql_is_a_query(run: Run) -> None:
    """Without `create`, SQL is one query that can stand inside another."""
    narrow = short("codes")
    query = sql_text([narrow], VERSION)
    assert fitting(run("", f"WITH codes AS (\n{query}) SELECT * FROM codes"), narrow.columns) == narrow.rows


@every_table
@pytest.mark.parametrize("create", ["table", "view"])
def test_types_in_a_database_are_those_of_the_columns(name: str, create: Any) -> None:
    """Every value in DuckDB, null or not, has exactly the stated type, whatever the first rows hold."""
    kinds = {"text": "VARCHAR", "integer": "INTEGER", "number": "DOUBLE", "boolean": "BOOLEAN"}
    columns = table(name).columns
    script = sql_text([table(name)], VERSION, create)
    found = in_duckdb(script, f"SELECT DISTINCT {', '.join(f'typeof({column.name})' for column in columns)} FROM hhe_{name}")
    assert found == [tuple(kinds[column.type] for column in columns)]


@pytest.mark.parametrize(("number", "literal"), [(1.2, "1.2e0"), (60.0, "60.0e0"), (1e-07, "1e-07"), (1e16, "1e+16")])
def test_numbers_are_floating_point(number: float, literal: str) -> None:
    """A number is written with an exponent, and is floating point where it is read; a first row without it changes nothing."""
    odd = Table("odd", "Odd.", ("a",), (Column("a", "number", "A.", optional=True),), ((None,), (number,)))
    query = sql_text([odd], VERSION)
    assert f"SELECT {literal}\n" in query
    assert in_duckdb("", f"SELECT a, typeof(a) FROM ({query})") == [(None, "DOUBLE"), (number, "DOUBLE")]
    assert in_sqlite("", f"SELECT a, typeof(a) FROM ({query})") == [(None, "null"), (number, "real")]


@every_table
def test_the_short_columns_need_no_escapes(name: str) -> None:
    """In the columns that SQL has by default no text has a quote or a backslash, which dialects read differently."""
    assert {text for row in short(name).rows for text in row if isinstance(text, str) and set(text) & set("'\"\\")} == set()
    assert set(table(name).key) <= set(short(name).names)


def test_several_tables_are_no_query() -> None:
    """Several tables need names: without `create` they are refused."""
    with pytest.raises(ValueError, match="one query has one table"):
        sql_text([table("codes"), table("limits")], VERSION)


@pytest.mark.parametrize(
    "text", [lambda: json_text([table("codes")], VERSION), lambda: sql_text([table("codes")], VERSION)], ids=["json", "sql"]
)
def test_version_and_difference_are_stated(text: Callable[[], str]) -> None:
    """JSON and SQL state the version of the catalogs and what a join does not know."""
    plain = " ".join(re.sub(r"^--", "", text(), flags=re.MULTILINE).split())
    assert (VERSION in plain, DIFFERENCE in plain) == (True, True)


# dbt.


def seeds() -> dict[str, Any]:
    """The properties of each seed."""
    properties = yaml.safe_load(dbt_files([table(name) for name in TABLES], VERSION)["hhe_seeds.yml"])
    assert properties["version"] == 2
    return {seed["name"]: seed for seed in properties["seeds"]}


def test_dbt_gets_a_file_for_each_table_and_the_properties() -> None:
    """A seed is a CSV of the table's name; one file holds the properties of all."""
    files = dbt_files([table(name) for name in TABLES], VERSION)
    assert list(files) == [*(f"hhe_{name}.csv" for name in TABLES), "hhe_seeds.yml"]
    assert {name: files[f"hhe_{name}.csv"] for name in TABLES} == {name: csv_text(table(name)) for name in TABLES}


@every_table
def test_dbt_guesses_no_type(name: str) -> None:
    """Every column has a stated type, in its order, and a description; the catalogs' version stands in the meta data."""
    seed = seeds()[f"hhe_{name}"]
    assert list(seed["config"]["column_types"]) == list(table(name).names)
    assert [(column["name"], column["description"]) for column in seed["columns"]] == [(c.name, c.description) for c in table(name).columns]
    assert seed["config"]["meta"] == {"catalog_version": VERSION, "key": list(table(name).key)}


@every_table
def test_dbt_tests_what_is_promised(name: str) -> None:
    """Columns that are never null are tested for it, and the key for being unique."""
    seed = seeds()[f"hhe_{name}"]
    tests = {column["name"]: column.get("data_tests", []) for column in seed["columns"]}
    assert {column for column, tried in tests.items() if "not_null" in tried} == {c.name for c in table(name).columns if not c.optional}
    key = table(name).key
    unique = [column for column, tried in tests.items() if "unique" in tried]
    together = [test["unique"]["column_name"] for test in seed.get("data_tests", [])]
    assert (unique, together) == ((list(key), []) if len(key) == 1 else ([], [" || ' ' || ".join(key)]))


@pytest.mark.parametrize(
    ("target", "text", "number"), [("postgres", "varchar(2048)", "double precision"), ("bigquery", "string", "float64")]
)
def test_dbt_types_fit_the_warehouse(target: str, text: str, number: str) -> None:
    """Types are those of the warehouse that dbt runs on, and a variable of the project replaces them."""
    jinja2 = pytest.importorskip("jinja2")
    types = seeds()["hhe_codes"]["config"]["column_types"]

    def rendered(variables: dict[str, str]) -> list[str]:
        context = {"target": {"type": target}, "var": variables.get}
        return [jinja2.Template(types[column]).render(context) for column in ("code", "retry_after", "settled")]

    assert rendered({}) == [text, number, "boolean"]
    assert rendered({"hhe_text": "text", "hhe_boolean": "bit"}) == ["text", number, "bit"]


def test_dbt_makes_room_for_long_texts(laid_over: LaidOver, entry: Entry) -> None:
    """A text of an overlay that is longer than the usual width widens its column alone."""
    catalogs = laid_over(entry(codes=["900001"], summary=f"{'Long. ' * 400}End.")).catalogs
    properties = yaml.safe_load(dbt_files([codes_table(catalogs)], catalogs.version)["hhe_seeds.yml"])
    types = properties["seeds"][0]["config"]["column_types"]
    assert [column for column, kind in types.items() if "varchar(65535)" in kind] == ["summary"]


def test_dbt_can_have_fewer_columns() -> None:
    """Without all columns of the key nothing is tested for being unique; the difference to full normalization is stated all the same."""
    [seed] = yaml.safe_load(dbt_files([table("codes").select(["code", "category"])], VERSION)["hhe_seeds.yml"])["seeds"]
    assert ("data_tests" in seed, seed["config"]["meta"]["key"], DIFFERENCE in seed["description"]) == (False, [], True)


# The command.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_export_writes_the_codes_as_csv(hhe: Run) -> None:
    """Without options it writes the codes as CSV on stdout, and says on stderr how many of which catalogs."""
    result = hhe("catalog", "export")
    assert (result.code, result.out, result.err) == (
        0,
        csv_text(table("codes")),
        f"codes: {len(table('codes').rows)} rows, catalogs {VERSION}\n",
    )


BOTH = ("codes", "categories")
STDOUT: dict[str, tuple[list[str], Callable[[], str]]] = {
    "json": (["--format", "json"], lambda: json_text([table(name) for name in BOTH], VERSION)),
    "sql": (["--format", "sql"], lambda: sql_text([short("codes")], VERSION)),
    "another table": (["--table", "limits"], lambda: csv_text(table("limits"))),
    "a table twice": (["--table", "limits", "--table", "limits"], lambda: csv_text(table("limits"))),
    "some columns": (["--columns", "code, category,code"], lambda: csv_text(table("codes").select(["code", "category"]))),
    "sql of other columns": (
        ["--format", "sql", "--columns", "code,rule"],
        lambda: sql_text([table("codes").select(["code", "rule"])], VERSION),
    ),
    "sql of another table": (["--format", "sql", "--table", "rules"], lambda: sql_text([short("rules")], VERSION)),
    "views": (
        ["--format", "sql", "--create", "view", "--table", "codes", "--table", "categories"],
        lambda: sql_text([short("codes"), short("categories")], VERSION, "view"),
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), STDOUT.values(), ids=STDOUT)
def test_export_to_stdout(hhe: Run, arguments: list[str], expected: Callable[[], str]) -> None:
    """Format, tables, columns and what SQL makes can be chosen."""
    result = hhe("catalog", "export", *arguments)
    assert (result.code, result.out) == (0, expected())


def test_export_into_a_text_stream() -> None:
    """A stdout that takes text only, as in a notebook, gets the same."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["catalog", "export", "--table", "limits"]) == 0
    assert out.getvalue() == csv_text(table("limits"))


def test_export_to_a_reader_that_leaves() -> None:
    """When the reader of stdout has gone, as head does, the command ends without a word and without an error."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "heify_heygen_errors", "catalog", "export"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


FILES: dict[str, tuple[list[str], list[str]]] = {
    "by extension json": (["-o", "a.json"], ["a.json"]),
    "by extension sql": (["-o", "a.SQL"], ["a.SQL"]),
    "by extension csv": (["-o", "a.csv"], ["a.csv"]),
    "no extension": (["-o", "codes"], ["codes"]),
    "another extension": (["-o", "a.txt", "--format", "csv"], ["a.txt"]),
    "a new folder": (["-o", "new/deep/"], ["new/deep/hhe_codes.csv"]),
    "a folder that is there": (["-o", ".", "--format", "sql"], ["hhe_catalogs.sql"]),
    "several CSV": (["-o", "new/", "--table", "limits", "--table", "rules"], ["new/hhe_limits.csv", "new/hhe_rules.csv"]),
    "JSON in a folder": (["-o", "new/", "--format", "json"], ["new/hhe_catalogs.json"]),
    "dbt": (["-o", "seeds/", "--format", "dbt"], ["seeds/hhe_categories.csv", "seeds/hhe_codes.csv", "seeds/hhe_seeds.yml"]),
}


@pytest.mark.parametrize(("arguments", "expected"), FILES.values(), ids=FILES)
def test_export_to_files(hhe: Run, folder: Path, arguments: list[str], expected: list[str]) -> None:
    """A file is written in the format of its extension, several into a folder, which is made; stdout stays empty."""
    result = hhe("catalog", "export", *arguments)
    assert (result.code, result.out) == (0, "")
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == expected
    first = (folder / expected[0]).read_bytes()
    assert first[:1] == {"json": b"{", "sql": b"-"}.get(expected[0].lower().rpartition(".")[2], first[:1])
    assert hhe("catalog", "export", *arguments).code == 0  # over what is there


def test_a_file_holds_what_stdout_gets(hhe: Run, folder: Path) -> None:
    """The bytes in a file are those on stdout, in UTF-8 and with LF."""
    hhe("catalog", "export", "-o", "codes.csv")
    assert (folder / "codes.csv").read_bytes() == csv_text(table("codes")).encode()


WRONG: dict[str, tuple[list[str], str]] = {
    "unknown format": (["--format", "xlsx"], "'xlsx' is not one of 'csv', 'json', 'sql', 'dbt'"),
    "unknown table": (["--table", "words"], "'words' is not one of 'codes', 'rules'"),
    "unknown column": (["--columns", "provider,kategory"], "codes has no column 'kategory': use any of provider, code, kind"),
    "no column": (["--columns", ""], "codes has no column ''"),
    "unknown extension": (["-o", "codes.parquet"], "no format has the extension .parquet: name one of .csv, .json and .sql"),
    "no output": (["-o", ""], "--output needs the name"),
    "dbt on stdout": (["--format", "dbt"], "name a folder, with a slash behind"),
    "dbt in a file": (["--format", "dbt", "-o", "seeds"], "name a folder, with a slash behind"),
    "create in CSV": (["--create", "view"], "--create is for SQL"),
    "two tables in one query": (["--format", "sql", "--table", "codes", "--table", "rules"], "--create view"),
    "two tables in one CSV": (["--table", "codes", "--table", "rules"], "one CSV has one table"),
    "columns of two tables": (["--format", "json", "--columns", "category"], "--columns is for one table"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_of_export(hhe: Run, folder: Path, arguments: list[str], message: str) -> None:
    """Wrong use is exit 2 with what to write instead; nothing is written."""
    result = hhe("catalog", "export", *arguments)
    assert (result.code, result.out, list(folder.iterdir())) == (2, "", [])
    assert message in " ".join(result.err.split())


def test_export_says_which_file_cannot_be_written(hhe_process: Run, folder: Path) -> None:
    """A file that cannot be written is exit 2 with its name."""
    result = hhe_process("catalog", "export", "-o", "gone/codes.csv")
    assert (result.code, result.out, result.err) == (2, "", "Error: gone/codes.csv: No such file or directory\n")


def test_export_with_a_catalog(hhe: Run, tmp_path: Path, entry: Entry, overlay: Overlay) -> None:
    """An overlay is in every table, and in the version."""
    file = tmp_path / "mine.yaml"
    file.write_text(overlay(entry(codes=["900001"])), encoding="utf-8")
    result = hhe("catalog", "export", "--format", "json", "--table", "codes", "--table", "rules", "--catalog", file)
    assert result.json["catalog_version"] == Catalogs.load(file).version != VERSION
    assert [row["rule"] for row in result.json["tables"]["codes"]["rows"] if row["code"] == "900001"] == ["heygen/MY_ERROR@mine"]
    assert "heygen/MY_ERROR@mine" in {row["rule"] for row in result.json["tables"]["rules"]["rows"]}


def test_export_is_the_same_every_time(hhe_process: Run) -> None:
    """Another process, with other hashes and another encoding of the terminal, writes the same bytes."""
    first = hhe_process("catalog", "export", "--format", "json", PYTHONHASHSEED="1")
    second = hhe_process("catalog", "export", "--format", "json", PYTHONHASHSEED="2", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert first == second
    assert first.out == json_text([table(name) for name in BOTH], VERSION)


# The page.


def test_the_figures_of_the_page_are_those_of_the_script() -> None:
    """docs/export.md shows what tests/benchmarks/export_difference.py prints."""
    assert export_difference.figures() in PAGE.read_text(encoding="utf-8")


ANSWERS = """
CREATE TABLE answers (provider VARCHAR(20), status INTEGER, code VARCHAR(100));
INSERT INTO answers VALUES
('heygen', 401, '400112'), ('heygen', 200, NULL), ('heygen', 404, 'new_code'), ('heify', 429, NULL), ('heygen', 400, '40010');
CREATE TABLE normalized (error_rule VARCHAR(100));
INSERT INTO normalized VALUES ('heygen/UNAUTHORIZED'), ('heygen/UNAUTHORIZED'), ('heygen/VIDEO_FORMAT_NOT_SUPPORTED#plan'), (NULL);
"""


@every_database
def test_the_joins_of_the_page_work(run: Run) -> None:
    """The queries of docs/export.md find the row of the code, else of the status, and the words of each rule."""
    script = sql_text([table("codes"), table("rules")], VERSION, "table") + ANSWERS
    by_code, by_rule = re.findall(r"^```sql\n(SELECT.*?);\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert sorted(run(script, by_code), key=str) == [
        ("heify", 429, None, "rate_limit", "caller", "backoff", False),
        ("heygen", 200, None, None, None, None, None),
        ("heygen", 400, "40010", "invalid_media", "caller", "never", False),
        ("heygen", 401, "400112", "authentication", "account", "never", True),
        ("heygen", 404, "new_code", "not_found", "caller", "never", False),
    ]
    assert [row[:3] for row in run(script, by_rule)] == [
        ("heygen/UNAUTHORIZED", 2, "authentication"),
        ("heygen/VIDEO_FORMAT_NOT_SUPPORTED#plan", 1, "plan"),
    ]
