"""`normalize` and `split_rejects` over tables: types, names, options, refusals, rejects and overlays."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from command_runs import command
from frame_cases import OVERLAY, REFUSED, TWO_FAILED, all_expected, as_objects, as_text, expected, shown
from spark_host import SparkHost

from heify_heygen_errors import Catalogs, Normalizer, normalize_arrow
from heify_heygen_errors.records import COLUMNS

TEXT = REFUSED["body"]
ANSWER = f"'heygen' provider, 401 status, '{TEXT}' body"
"""A refused request, in SQL."""


def _normalize(frame: Any, **options: Any) -> Any:
    from heify_heygen_errors.pipeline.spark import normalize

    return normalize(frame, **options)


def _split(frame: Any, *options: Any) -> Any:
    from heify_heygen_errors.pipeline.spark import split_rejects

    return split_rejects(frame, *options)


def _rows(frame: Any) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in frame.collect()]


# The same values.

SCHEMA = "id LONG, provider STRING, status INT, headers STRING, body STRING, method STRING, url STRING, exception STRING"


@pytest.mark.parametrize(("size", "explode"), [(7, False), (0, True)])
def test_rows_say_what_normalize_says(spark: SparkHost, size: int, *, explode: bool) -> None:
    """The rows of the corpus, the samples and generated records hold what normalize_all gives, however many Spark hands out at once."""
    assert all_expected(as_text(), explode=explode) == shown(spark.run(_judged_records, as_text(), size, {"explode": explode}))


def _judged_records(spark: Any, records: list[dict[str, Any]], size: int, options: dict[str, Any]) -> list[dict[str, Any]]:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", size)
    try:
        return _rows(_normalize(spark.createDataFrame(records, SCHEMA).coalesce(1), **options))
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


def test_inferred_structs_say_what_normalize_arrow_says(spark: SparkHost, tmp_path: Path) -> None:
    """Headers and bodies in structs that Spark inferred, of one shape for all, mean what they mean in Arrow."""
    records = [record for record in as_objects() if all(isinstance(record.get(field, {}), dict) for field in ("headers", "body"))]
    assert len(records) > 400
    (tmp_path / "log.json").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    kinds, given, judged = spark.run(_inferred, str(tmp_path / "log.json"))
    assert kinds == ["struct", "struct"]
    assert normalize_arrow(given).select(["id", *COLUMNS]).to_pylist() == judged.select(["id", *COLUMNS]).to_pylist()


def _inferred(spark: Any, path: str) -> tuple[list[str], pa.Table, pa.Table]:
    spark.conf.set("spark.sql.caseSensitive", "true")  # vendors have messages and Messages
    try:
        frame = spark.read.json(path).coalesce(1)
        return [frame.schema[name].dataType.typeName() for name in ("headers", "body")], frame.toArrow(), _normalize(frame).toArrow()
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


# Columns that pass through.

PASSING = """
    SELECT * FROM VALUES
        (1, 'x', 1S, 1Y, 5L, 1.50BD, DATE'2020-02-29', TIMESTAMP'1066-10-14 01:02:03.123456',
         TIMESTAMP_NTZ'9999-12-31 23:59:59.999999', X'00FF', true, FLOAT('NaN'), DOUBLE('-0.0'), ARRAY(1, NULL),
         MAP('k', ARRAY(1.5D)), NAMED_STRUCT('a', 1, 'B c', NAMED_STRUCT('d.e', 'ü')), INTERVAL 1 DAY, parse_json('{"a": [1]}')),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
        AS t(whole, string, short, byte, long, decimal, date, timestamp, local, binary, boolean, float, double, array, map, struct,
             interval, variant)
"""


@pytest.mark.parametrize(("explode", "large"), [(False, "false"), (True, "false"), (False, "true")])
def test_columns_pass_through_with_type_and_value(spark: SparkHost, large: str, *, explode: bool) -> None:
    """Columns of every type pass through in their order with equal type, nullability, metadata and value, each as often as it has rows."""
    before, after = spark.run(_passed, large, {"explode": explode})
    assert before == after
    assert len(before[1]) == (4 if explode else 2)


def _passed(spark: Any, large: str, options: dict[str, Any]) -> tuple[Any, Any]:
    frame = spark.sql(PASSING).selectExpr("*", "NULL AS nothing", "'x' AS never_null").withMetadata("string", {"unit": "s"})
    body = json.dumps(TWO_FAILED["body"]).replace("'", "''")
    judged = _normalize(frame.selectExpr("*", f"'{body}' AS body"), provider="heygen", **options).select(frame.columns)
    spark.conf.set("spark.sql.execution.arrow.useLargeVarTypes", large)
    try:
        after = judged.collect()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.useLargeVarTypes")
    times = 2 if options["explode"] else 1
    # Texts of values tell NaN, -0.0 and 1.50 from what equals them.
    before = [repr(row) for row in frame.collect() for _ in range(times)]
    return (frame.schema.json(), before), (judged.schema.json(), [repr(row) for row in after])


def test_columns_of_any_name_pass_through(spark: SparkHost) -> None:
    """A column may have any name that Spark allows: dots, backticks, stars, spaces, digits, or another's name in capitals."""
    names = ["a.b", "a`b", "*", "a.*", " x ", "0", "A", "a", "Ünï", "status.code", "Body"]
    assert [*names, *COLUMNS] == spark.run(_named, names)


def _named(spark: Any, names: list[str]) -> list[str]:
    frame = spark.sql(f"SELECT {', '.join(map(str, range(len(names))))}, '{TEXT}' AS body").toDF(*names, "body")
    judged = _normalize(frame, provider="heygen")
    assert tuple(range(len(names))) == judged.first()[: len(names)]
    return judged.columns


# Columns that are read.

BODIES = {
    "string": f"'{TEXT}'",
    "binary": f"CAST('{TEXT}' AS BINARY)",
    "UTF-16 in binary": f"encode('{TEXT}', 'UTF-16LE')",
    "struct": "NAMED_STRUCT('code', 400112, 'message', 'Unauthorized', 'error', NULL)",
    "map": "MAP('code', '400112', 'message', 'Unauthorized')",
}
STATUSES = {"string": "' 401 '", "int": "401", "byte": "101Y", "double": "401.0D", "decimal": "401.00BD", "NaN": "DOUBLE('NaN')"}
SEEN = {"byte": 101, "NaN": None}
HEADERS = {
    "string": """'{"Retry-After": "7"}'""",
    "binary": """CAST('{"Retry-After": "7"}' AS BINARY)""",
    "struct": "NAMED_STRUCT('Retry-After', 7, 'Age', NULL)",
    "map": "MAP('Retry-After', '7')",
    "pairs": "ARRAY(ARRAY('Retry-After', '7'))",
}


def _judged(spark: Any, query: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    return _rows(_normalize(spark.sql(query), **{"provider": "heygen", **options}))


def _judged_column(spark: SparkHost, columns: str) -> dict[str, Any]:
    (row,) = spark.run(_judged, f"SELECT {columns}", {})
    return row


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_are_read_from_every_type(spark: SparkHost, body: str) -> None:
    """A body means the same in every type that can hold it."""
    row = _judged_column(spark, f"401 AS status, {body} AS body")
    assert expected(REFUSED) == [{name: row[name] for name in COLUMNS}]


@pytest.mark.parametrize("kind", STATUSES)
def test_statuses_are_read_from_every_type(spark: SparkHost, kind: str) -> None:
    """A status is read from whole numbers, floats, decimals and digits; NaN is none."""
    assert _judged_column(spark, f"{STATUSES[kind]} AS status, '{TEXT}' AS body")["error_status"] == SEEN.get(kind, 401)


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_headers_are_read_from_every_type(spark: SparkHost, headers: str) -> None:
    """Headers are read from JSON text, structs, maps and pairs."""
    assert _judged_column(spark, f"429 AS status, {headers} AS headers")["error_retry_after"] == 7.0


NESTED = f"""
    SELECT 'heygen' AS vendor, NAMED_STRUCT('code', 401, 'text', '{TEXT}', 'ms', 5) AS answer, NAMED_STRUCT('head', '') AS sent, '/x' AS url
    UNION ALL SELECT 'heygen', NULL, NULL, NULL
"""
PLACES = {"fields": {"provider": "vendor"}, "paths": {"status": "answer.code", "body": ("answer", "text"), "headers": "sent.head"}}


def test_fields_paths_and_prefix(spark: SparkHost) -> None:
    """Columns and paths into structs are named, bulky fields leave their structs and empty structs go, and ours get a prefix."""
    first, second = spark.run(_judged, NESTED, {**PLACES, "prefix": "v_"})
    assert [*first] == ["vendor", "answer", *("v_" + column for column in COLUMNS)]
    assert [first["answer"], second["answer"]] == [{"code": 401, "ms": 5}, None]
    assert [first["v_error_code"], first["v_error_count"], second["v_error_count"]] == ["400112", 1, None]


def test_keep_keeps_every_column(spark: SparkHost) -> None:
    """With keep all columns stay, in their order and as they were."""
    first, second = spark.run(_judged, NESTED, {**PLACES, "keep": True})
    assert [*first] == ["vendor", "answer", "sent", "url", *COLUMNS]
    assert [first["answer"]["text"], first["sent"], first["url"]] == [TEXT, {"head": ""}, "/x"]
    assert [second["answer"], second["sent"], second["url"]] == [None, None, None]


# No rows, few rows.


def test_frames_with_few_rows_or_none(spark: SparkHost) -> None:
    """No row, no partition, empty partitions and no column at all give as many rows, with the columns of the contract."""
    kept = ["id", "status", *COLUMNS, "error_reject", "error_raw"]
    assert spark.run(_few) == {
        "no rows": (0, kept),
        "no partitions": (0, kept),
        "empty partitions": (1, kept),
        "no columns": (0, kept[2:]),
    }


def _few(spark: Any) -> dict[str, tuple[int, list[str]]]:
    schema = "id LONG, status INT, body STRING"
    frames = {
        "no rows": spark.createDataFrame([], schema),
        "no partitions": spark.createDataFrame(spark.sparkContext.emptyRDD(), schema),
        "empty partitions": spark.createDataFrame(spark.sparkContext.parallelize([(1, 401, TEXT)], 3), schema),
        "no columns": spark.createDataFrame([], schema).drop("id", "status", "body"),
    }
    judged = {name: _normalize(frame, provider="heygen", on_error="keep") for name, frame in frames.items()}
    return {name: (frame.count(), frame.columns) for name, frame in judged.items()}


# Wrong use.

REFUSALS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "column of ours": (["body", "error_code"], {}),
    "column of rejects": (["body", "error_raw"], {"on_error": "keep"}),
    "column of ours with a prefix": (["body", "v_error_code"], {"prefix": "v_"}),
    "two of one name": (["body", "x", "x"], {}),
    "no such column": (["body"], {"fields": {"url": "link"}}),
    "no such outermost column": (["body"], {"paths": {"body": "answer.text"}}),
    "nothing to read": (["text", "code"], {}),
    "path into a text": (["body"], {"paths": {"body": "body.text"}}),
    "no such option": (["body"], {"explod": True}),
    "no such provider": (["body"], {"provider": "heigen"}),
    "no such manner": (["body"], {"on_error": "drop"}),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_tables_and_options_that_do_not_fit_are_refused(spark: SparkHost, case: str) -> None:
    """What cannot be meant is refused at once, before anything runs, by the error and in the words of normalize_arrow."""
    columns, options = REFUSALS[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        normalize_arrow(pa.table([pa.array(["x"])] * len(columns), names=columns), **options)
    told = (type(caught.value).__name__, str(caught.value).replace("normalize_arrow", "normalize"))
    assert told == spark.run(_refusal, columns, options)


def _refusal(spark: Any, columns: list[str], options: dict[str, Any]) -> tuple[str, str]:
    return _error(lambda: _normalize(spark.sql(f"SELECT {', '.join(repr(name) for name in columns)}").toDF(*columns), **options))


def _error(call: Any) -> tuple[str, str]:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return type(error).__name__, str(error)
    return "", "no error"


SPOKEN: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "column of ours in capitals": (
        "'x' AS ERROR_CODE",
        {},
        "ColumnClash",
        "the input has a column 'ERROR_CODE' already, and case makes no other name: choose another name for ours with prefix=",
    ),
    "path to a member that is not there": (
        "NAMED_STRUCT('text', '', 'ms', 1) AS answer",
        {"paths": {"body": "answer.txt"}},
        "ValueError",
        "paths: body: 'answer' has no field 'txt': there are text, ms",
    ),
    "variant": (
        "parse_json('{}') AS body",
        {},
        "ValueError",
        "body: 'body' is a variant or holds one: give its text, as to_json makes it",
    ),
    "variant in a body": (
        "NAMED_STRUCT('error', ARRAY(parse_json('{}'))) AS body",
        {},
        "ValueError",
        "body: 'body' is a variant or holds one: give its text, as to_json makes it",
    ),
    "variant at a path": (
        "NAMED_STRUCT('text', parse_json('{}')) AS answer",
        {"paths": {"body": "answer.text"}},
        "ValueError",
        "body: 'answer.text' is a variant or holds one: give its text, as to_json makes it",
    ),
}


@pytest.mark.parametrize("case", SPOKEN)
def test_what_spark_only_has_is_refused(spark: SparkHost, case: str) -> None:
    """Names that Spark takes for one, members that a struct lacks and variants are refused at once, with a remedy."""
    column, options, kind, text = SPOKEN[case]
    assert (kind, text) == spark.run(_refused_column, column, options)


def _refused_column(spark: Any, column: str, options: dict[str, Any]) -> tuple[str, str]:
    return _error(lambda: _normalize(spark.sql(f"SELECT 401 AS status, {column}"), **options))


def test_a_type_that_python_cannot_get_is_refused(spark: SparkHost) -> None:
    """A column whose type Spark cannot hand to Python is an error at once, not when the query runs."""
    kind, text = spark.run(_refused_column, "INTERVAL 1 YEAR AS age", {"provider": "heygen"})
    assert kind == "PySparkNotImplementedError"
    assert "YearMonthIntervalType" in text


def test_case_counts_where_spark_says_so(spark: SparkHost) -> None:
    """Where Spark tells names by their case, a column in capitals passes beside ours."""
    assert spark.run(_cased) == ("x", "400112")


def _cased(spark: Any) -> tuple[str, str]:
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        return tuple(_normalize(spark.sql(f"SELECT 'x' AS ERROR_CODE, {ANSWER}")).select("ERROR_CODE", "error_code").first())
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


@pytest.mark.parametrize("frame", [[REFUSED], {"body": [TEXT]}, pa.table({"body": [TEXT]}), "log.parquet", None])
def test_other_things_are_refused(spark: SparkHost, frame: Any) -> None:
    """What is no DataFrame of Spark is refused by its kind."""
    kind, text = spark.run(_other, frame)
    assert kind == "TypeError"
    assert text.startswith(f"normalize takes a DataFrame of Spark, not {type(frame).__module__}.")


def _other(spark: Any, frame: Any) -> tuple[str, str]:
    return _error(lambda: _normalize(frame))


# Rows that cannot be read.

SECRET = "sk_V2_hgu_hidden"
ODD = f"""
    SELECT id, IF(id = 3, 'soon', '401') AS status, '{{"key": "{SECRET}"}}' AS body, '{{"Authorization": "Bearer {SECRET}"}}' AS headers
    FROM RANGE(0, 5, 1, 1)
"""


def test_an_unreadable_row_fails_the_query(spark: SparkHost) -> None:
    """The query's error names row and reason and says what to do, and holds nothing of what was logged."""
    kind, text = spark.run(_failed, ODD)
    assert kind == "PythonException"
    assert (
        "RejectedRowsError: 1 row of a part of the frame cannot be read: row 3: status is no status."
        " on_error='keep' keeps them, with the reason beside"
    ) in text
    assert SECRET not in text


def _failed(spark: Any, query: str) -> tuple[str, str]:
    return _error(_normalize(spark.sql(query), provider="heygen").collect)


def test_each_row_is_in_one_output(spark: SparkHost) -> None:
    """Rows and rejects together are the input: each row is in one of them, rejects with reason and the whole row as JSON."""
    rows, rejects = spark.run(_parts, ODD, "v_")
    assert [row["id"] for row in rows] == [0, 1, 2, 4]
    assert [*rows[0]] == ["id", "status", *("v_" + column for column in COLUMNS)]
    raw = rejects[0].pop("raw_base64")
    assert rejects == [{"file": None, "line": None, "offset": None, "reason": "status is no status"}]
    assert json.loads(base64.b64decode(raw)) == {
        "id": 3,
        "status": "soon",
        "body": f'{{"key": "{SECRET}"}}',
        "headers": f'{{"Authorization": "Bearer {SECRET}"}}',
    }


def _parts(spark: Any, query: str, prefix: str) -> list[list[dict[str, Any]]]:
    judged = _normalize(spark.sql(query), provider="heygen", on_error="keep", prefix=prefix)
    return [_rows(part) for part in _split(judged, prefix)]


LINES = [
    '{"id": 1, "status": 401, "body": {"code": 400112}}',
    '{"id": 2, "status": "401',
    '{"id": 3, "status": "soon"}',
    "plain words, with a \\ and ü",
]


def test_lines_that_spark_cannot_read_are_rejects(spark: SparkHost, tmp_path: Path) -> None:
    """Lines that Spark's reader could not read are rejects as they were written, beside those that are no records."""
    (tmp_path / "log.json").write_text("\n".join(LINES), encoding="utf-8")
    ids, rejects = spark.run(_corrupt, str(tmp_path / "log.json"), {})
    assert ids == [1]
    assert {json.dumps(json.loads(LINES[2])): "status is no status"} | dict.fromkeys(
        [LINES[1], LINES[3]], "not what the reader of the input takes"
    ) == {_spaced(raw): reason for raw, reason in rejects}


def _spaced(raw: str) -> str:
    text = base64.b64decode(raw).decode()
    return json.dumps(json.loads(text)) if text.endswith("}") else text


def test_a_corrupt_line_is_one_reject(spark: SparkHost, tmp_path: Path) -> None:
    """A line of which Spark's reader could read a part, such as a batch with failures, is one reject, with explode, too."""
    line = json.dumps({"id": "no number", **TWO_FAILED})
    (tmp_path / "log.json").write_text(line + "\n" + json.dumps({"id": 7, **TWO_FAILED}), encoding="utf-8")
    ids, rejects = spark.run(_corrupt, str(tmp_path / "log.json"), {"explode": True})
    assert ids == [7, 7]
    assert [(line, "not what the reader of the input takes")] == [(base64.b64decode(raw).decode(), reason) for raw, reason in rejects]


def test_a_corrupt_line_fails_the_query(spark: SparkHost, tmp_path: Path) -> None:
    """Without on_error="keep" a line that Spark could not read fails the query, although its row has what can be judged."""
    (tmp_path / "log.json").write_text("\n".join(LINES[:2]), encoding="utf-8")
    kind, text = spark.run(_corrupt_raised, str(tmp_path / "log.json"))
    assert kind == "PythonException"
    assert "RejectedRowsError: 1 row of a part of the frame cannot be read: row 1: not what the reader of the input takes" in text


def _corrupt_raised(spark: Any, path: str) -> tuple[str, str]:
    log = spark.read.schema("id LONG, status STRING, body STRING, _corrupt_record STRING").json(path)
    return _error(_normalize(log, provider="heygen", corrupt="_corrupt_record").collect)


def _corrupt(spark: Any, path: str, options: dict[str, Any]) -> tuple[list[int], list[tuple[str, str]]]:
    log = spark.read.schema("id LONG, provider STRING, status STRING, body STRING, _corrupt_record STRING").json(path)
    judged = _normalize(log, **{"provider": "heygen", "on_error": "keep", "corrupt": "_corrupt_record", **options})
    assert "_corrupt_record" not in judged.columns
    rows, rejects = _split(judged)
    return [row["id"] for row in rows.collect()], [(row["raw_base64"], row["reason"]) for row in rejects.collect()]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "there is no column 'error_reject': pass what normalize(frame, on_error='keep') gave, and its prefix"),
        (("v_",), "there is no column 'v_error_reject': pass what normalize(frame, on_error='keep') gave, and its prefix"),
    ],
)
def test_a_frame_without_rejects_is_not_split(spark: SparkHost, arguments: tuple[str, ...], text: str) -> None:
    """A frame that was not judged with on_error="keep", or has another prefix, is refused."""
    assert spark.run(_unsplit, arguments) == ("ValueError", text)


def _unsplit(spark: Any, arguments: tuple[str, ...]) -> tuple[str, str]:
    return _error(lambda: _split(_normalize(spark.sql(f"SELECT {ANSWER}")), *arguments))


def test_a_reader_without_the_column_of_corrupt_lines_is_told(spark: SparkHost) -> None:
    """A column of corrupt lines that is not there is an error that says where it comes from."""
    told = ("ValueError", "there is no column '_corrupt_record' of corrupt lines: name it in the schema that the reader is given, as text")
    assert told == spark.run(_without_corrupt)


def _without_corrupt(spark: Any) -> tuple[str, str]:
    return _error(lambda: _normalize(spark.sql(f"SELECT {ANSWER}"), corrupt="_corrupt_record"))


REPLAYED = {"text": f"'{TEXT}'", "struct": BODIES["struct"], "map": BODIES["map"], "binary": BODIES["binary"]}


@pytest.mark.parametrize("body", REPLAYED.values(), ids=REPLAYED)
def test_rejects_can_be_replayed(spark: SparkHost, tmp_path: Path, body: str) -> None:
    """Rejects that were written as JSON give their rows when hhe normalize replays them with what was missing."""
    spark.run(_write_rejects, f"SELECT id, 401 AS status, {body} AS body FROM RANGE(3)", str(tmp_path / "rejects"))
    parts = [part.name for part in (tmp_path / "rejects").glob("*.json")]
    done = command("--replay", *parts, "-o", "../more.jsonl", "--provider", "heygen", cwd=tmp_path / "rejects")
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in (tmp_path / "more.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [{"id": number} | row for number in range(3) for row in expected(REFUSED)] == shown(sorted(rows, key=lambda row: row["id"]))


def _write_rejects(spark: Any, query: str, target: str) -> None:
    rows, rejects = _split(_normalize(spark.sql(query), on_error="keep"))
    assert rows.count() == 0
    rejects.write.json(target)


# Overlays.


def test_executors_decide_by_overlays(spark: SparkHost, tmp_path: Path) -> None:
    """Executors decide by the overlays that the driver had loaded, though the file is gone when they run."""
    (tmp_path / "ours.yaml").write_text(OVERLAY, encoding="utf-8")
    assert spark.run(_overlaid, str(tmp_path / "ours.yaml")) == ["heify/PLAN_EXPIRED@ours"] * 4


def _overlaid(spark: Any, path: str) -> list[str]:
    frame = spark.sql("""SELECT 400 AS status, '{"code": "plan_expired"}' AS body FROM RANGE(0, 4, 1, 4)""")
    judged = _normalize(frame, provider="heify", normalizer=Normalizer(Catalogs.load(path)))
    Path(path).unlink()
    return [row["error_rule"] for row in judged.collect()]
