"""`register`: the functions and tables of DuckDB, equal to what `normalize` says of each row."""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_runs import command
from frame_cases import FINE, NAMELESS, ODD, REFUSED, SILENT, all_expected, as_objects, as_text, expected, shown

from heify_heygen_errors import Catalogs, Normalizer, normalize_arrow, normalize_records
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.export import TABLES
from heify_heygen_errors.pipeline.duckdb import register
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS

ROOT = Path(__file__).parents[2]
SCHEMA = pa.schema([("id", pa.int64()), *((field, pa.int32() if field == "status" else pa.string()) for field in INPUT_FIELDS)])
SQL_TYPES = {
    **dict.fromkeys(COLUMNS, "VARCHAR"),
    "error_status": "INTEGER",
    "error_retryable": "BOOLEAN",
    "error_retry_after": "DOUBLE",
    "error_count": "INTEGER",
}
OVERLAY = """\
schema: 1
catalog: heygen
kind: overlay
id: ours
entries:
  - name: OUT_OF_PATIENCE
    codes: ["out_of_patience"]
    category: timeout
    summary: Nobody waits for this any longer.
    remedy: Ask again tomorrow.
    evidence: assumed
    source: ["a log of ours"]
"""


@pytest.fixture
def connection():
    """A database in memory with the functions, and the corpus, the samples and generated records as the table logs."""
    with register(duckdb.connect()) as connection:
        load(connection, as_text())
        yield connection


def load(connection, records):
    """Makes the table logs of records."""
    connection.register("records", pa.Table.from_pylist(records, schema=SCHEMA))
    connection.execute("CREATE OR REPLACE TABLE logs AS FROM records ORDER BY id")
    connection.unregister("records")


def rows_of(connection, query):
    """The rows of a query as dicts."""
    return connection.sql(query).to_arrow_table().to_pylist()


def one(connection, query):
    """The first row of a query."""
    return connection.sql(query).fetchall()[0]


def refusal(connection, query):
    """The text of the error that a query ends with."""
    with pytest.raises(duckdb.Error) as caught:
        connection.sql(query).fetchall()
    return str(caught.value)


# Values.

BY_FIELDS = "provider, status, body, headers := headers, method := method, url := url, exception := exception"
MEMBERS = ", ".join(f"{field}: {field}" for field in INPUT_FIELDS)
WAYS = {
    "row": "SELECT id, unnest(hhe_normalize(logs)) FROM logs",
    "struct": f"SELECT id, unnest(hhe_normalize({{{MEMBERS}}})) FROM logs",
    "fields": f"SELECT id, unnest(hhe_normalize({BY_FIELDS})) FROM logs",
    "later": "SELECT id, unnest(error) FROM (SELECT id, hhe_normalize(logs) AS error FROM logs)",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_rows_say_what_normalize_says(connection, way):
    """The rows of the corpus, the samples and generated records hold what normalize gives, in every way to ask."""
    assert all_expected(as_text()) == shown(rows_of(connection, f"{way} ORDER BY id"))


@pytest.mark.parametrize("given", ["logs", BY_FIELDS], ids=["row", "fields"])
def test_every_failure_of_a_record_is_there(connection, given):
    """hhe_normalize_all gives what normalize_all gives, and one struct for a record in which nothing failed."""
    rows = rows_of(connection, f"SELECT id, unnest(hhe_normalize_all({given}), recursive := true) FROM logs")
    assert all_expected(as_text(), explode=True) == shown(sorted(rows, key=lambda row: row["id"]))


def test_fields_of_json_say_what_decoded_fields_say(connection):
    """Fields of type JSON count as what they hold: an object, a text without its quotes, and null as absent."""
    connection.execute(f"CREATE TABLE json_logs (id BIGINT, {', '.join(f'{field} JSON' for field in INPUT_FIELDS)})")
    marks = ", ".join("?" for _ in SCHEMA)
    rows = [[record["id"], *(json.dumps(record.get(field)) for field in INPUT_FIELDS)] for record in as_objects()]
    connection.executemany(f"INSERT INTO json_logs VALUES ({marks})", rows)
    rows = rows_of(connection, "SELECT id, unnest(hhe_normalize(json_logs)) FROM json_logs ORDER BY id")
    assert all_expected(as_objects()) == shown(rows)


def test_a_log_of_many_vectors_equals_normalize_arrow(connection, tmp_path):
    """A log of many vectors, read by several threads, has the values of normalize_arrow in each of its rows."""
    table = pa.Table.from_pylist(as_text() * 30, schema=SCHEMA).set_column(0, "id", pa.array(range(30 * len(as_text()))))
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=5000)
    pq.write_table(normalize_arrow(table), tmp_path / "errors.parquet")
    connection.execute("SET threads = 4; SET preserve_insertion_order = false")
    query = f"SELECT id, unnest(hhe_normalize(log)) FROM '{tmp_path}/log.parquet' AS log"
    wanted = f"SELECT id, {', '.join(COLUMNS)} FROM '{tmp_path}/errors.parquet'"
    for left, right in ((query, wanted), (wanted, query)):
        assert one(connection, f"SELECT count(*) FROM ({left} EXCEPT ALL {right})") == (0,)


def test_threads_with_cursors_of_their_own_get_the_same(connection):
    """Threads that query at once, each through its own cursor, get the rows of one."""

    def count(_):
        with register(connection.cursor()) as cursor:
            return cursor.sql(
                "SELECT error_rule, count(*) FROM (SELECT unnest(hhe_normalize(logs)) FROM logs) GROUP BY ALL ORDER BY ALL"
            ).fetchall()

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(count, range(8))
    assert others == [first] * 7
    assert sum(times for _, times in first) == len(as_text())


def test_all_columns_cost_one_judgement(connection):
    """Each row is judged once, however many of its columns are asked for, and not at all where none is."""
    seen = []

    def status_of(number: int) -> int:
        seen.append(number)
        return 400 + number

    connection.create_function("status_of", status_of)
    record = "{provider: 'heygen', status: status_of(i)}"
    assert len(rows_of(connection, f"SELECT unnest(hhe_normalize({record})) FROM range(50) AS t(i)")) == 50
    assert sorted(seen) == list(range(50))
    seen.clear()
    assert one(connection, f"SELECT count(*) FROM (SELECT i, unnest(hhe_normalize({record})) FROM range(50) AS t(i))") == (50,)
    assert seen == []


def test_lossless_conversion_changes_nothing(connection):
    """Rows are the same under DuckDB's setting arrow_lossless_conversion, which hands out types of its own."""
    connection.execute("SET arrow_lossless_conversion = true")
    rows = rows_of(connection, f"{WAYS['row']} ORDER BY id")
    assert all_expected(as_text()) == shown(rows)


# Types.

BODIES = {
    "VARCHAR": f"'{REFUSED['body']}'",
    "BLOB": f"'{REFUSED['body']}'::BLOB",
    "JSON": f"'{REFUSED['body']}'::JSON",
    "JSON of a text": f"to_json('{REFUSED['body']}')",
    "STRUCT": "{code: 400112, message: 'Unauthorized', error: NULL::VARCHAR}",
    "MAP": "MAP {'code': '400112', 'message': 'Unauthorized'}",
    "ENUM": f"'{REFUSED['body']}'::ENUM ('{REFUSED['body']}', 'x')",
}
STATUSES = ("401", "401::USMALLINT", "401::HUGEINT", "'401'", "401.0::DOUBLE", "401::DECIMAL(10, 2)", "'401'::JSON", "'\"401\"'::JSON")


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_are_read_from_every_type(connection, body):
    """Bodies mean the same in every type that can hold them."""
    (row,) = rows_of(connection, f"SELECT unnest(hhe_normalize({{provider: 'heygen', status: 401, body: {body}}}))")
    assert expected(REFUSED) == [row]


@pytest.mark.parametrize("status", STATUSES)
def test_statuses_are_read_from_every_type(connection, status):
    """Statuses mean the same in every type that can hold them."""
    (row,) = rows_of(connection, f"SELECT unnest(hhe_normalize('heygen', {status}, '{REFUSED['body']}'))")
    assert expected(REFUSED) == [row]


NESTED = {
    "x STRUCT(body JSON), body VARCHAR": "{x: {body: '1'::JSON}, body: $body}",
    "body VARCHAR, x JSON": "{body: $body, x: '1'::JSON}",
    "quoted names and ENUM": """{'bo"dy, x': 1, e: 'a, b JSON'::ENUM ('a, b JSON', ')'), body: $body, '(': '1'::JSON}""",
}


@pytest.mark.parametrize("record", NESTED.values(), ids=NESTED)
def test_only_fields_of_type_json_count_as_json(connection, record):
    """A body that is text stays text, whatever else of the record is JSON or looks like it."""
    connection.execute("SET VARIABLE body = '\"quoted\"'")
    record = record.replace("{", "{provider: 'heygen', status: 500, ").replace("x: {provider: 'heygen', status: 500, ", "x: {")
    query = f"SELECT hhe_normalize({record.replace('$body', chr(39) + chr(34) + '<html>' + chr(34) + chr(39))}).error_channel"
    assert expected({"provider": "heygen", "status": 500, "body": '"<html>"'})[0]["error_channel"] == one(connection, query)[0]


def test_names_of_fields_have_no_case(connection):
    """Members are found whatever their case, as SQL finds columns."""
    query = (
        "SELECT hhe_normalize(log).error_rule FROM (SELECT 'heygen' AS Provider, 401 AS STATUS, $$" + REFUSED["body"] + "$$ AS Body) AS log"
    )
    assert one(connection, query) == ("heygen/UNAUTHORIZED",)


def test_the_struct_has_the_types_of_the_contract(connection):
    """The struct has every column in order: texts for enums, INTEGER, BOOLEAN and DOUBLE, with rows or without any."""
    relation = connection.sql("SELECT unnest(hhe_normalize(logs)) FROM logs WHERE false")
    assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == SQL_TYPES
    assert list(SQL_TYPES) == relation.columns
    assert relation.fetchall() == []
    lists = connection.sql("SELECT hhe_normalize_all(logs) AS errors FROM logs WHERE false")
    assert str(lists.types[0]).endswith("[]")
    assert lists.fetchall() == []


# Nulls, and records that cannot be read.


def test_what_observed_nothing_is_null(connection):
    """A record that is null, or has neither status nor body nor exception, gives a struct whose members are all null."""
    (nothing,) = expected(SILENT)
    records = {
        "NULL::STRUCT(status INTEGER)",
        "{provider: 'heify', status: NULL::INTEGER}",
        "{provider: 'heify', body: ''}",
        "right_log",
        *(["NULL"] if duckdb.__version__ >= "1.4" else []),  # older ones hand out no column without a type
    }
    for record in records:
        query = f"SELECT unnest(hhe_normalize({record})) FROM (SELECT 1 AS id) AS left_log LEFT JOIN logs AS right_log ON right_log.id = -1"
        assert rows_of(connection, query) == [nothing]
        listed = query.replace(f"hhe_normalize({record})", f"hhe_normalize_all({record}), recursive := true")
        assert rows_of(connection, listed) == [nothing]


def test_what_did_not_fail_has_no_failure(connection):
    """An answer in which nothing failed gives a count of 0 and nulls."""
    assert expected(FINE) == rows_of(connection, f"SELECT unnest(hhe_normalize('heify', 200, '{FINE['body']}'))")


def test_records_that_cannot_be_read_end_the_query(connection):
    """The query ends with an error that says how many rows, why, and how to keep them, and holds nothing of what they hold."""
    load(connection, [REFUSED | {"id": 1}, NAMELESS | {"id": 2, "body": "secret"}, NAMELESS | {"id": 3}])
    text = refusal(connection, "SELECT hhe_normalize(logs) FROM logs")
    assert "RejectedRowsError: 2 of 3 rows cannot be read: nothing names the provider" in text
    assert "register(connection, on_error='keep') keeps them" in text
    assert "secret" not in text


def test_an_error_names_a_few_reasons(connection):
    """Of many reasons the error names three, and says that there are others."""
    load(connection, [NAMELESS | {"id": number, "provider": f"vendor-{number}"} for number in range(5)])
    text = refusal(connection, "SELECT hhe_normalize(logs) FROM logs ORDER BY id")
    assert "5 of 5 rows cannot be read" in text
    assert [f"'vendor-{number}'" in text for number in range(5)] == [True, True, True, False, False]
    assert "; and other reasons. register(" in text


def test_records_that_cannot_be_read_can_be_kept():
    """With on_error="keep" they are rows in their place, with why and what was read, and nothing else."""
    with register(duckdb.connect(), on_error="keep") as connection:
        connection.execute("CREATE TABLE logs AS SELECT 1 AS id, 'heygen' AS provider, 'soon' AS status, 'x' AS body")
        connection.execute("INSERT INTO logs VALUES (2, 'heygen', '401', ?)", [REFUSED["body"]])
        bad, good = rows_of(connection, "SELECT unnest(hhe_normalize(logs)) FROM logs ORDER BY id")
        lists = rows_of(connection, "SELECT unnest(hhe_normalize_all(logs), recursive := true) FROM logs ORDER BY id")
    assert bad == dict.fromkeys(COLUMNS) | {"error_reject": "status is no status", "error_raw": json.dumps(ODD, separators=(",", ":"))}
    assert expected(REFUSED) == [{name: value for name, value in good.items() if name in COLUMNS}]
    assert (good["error_reject"], good["error_raw"]) == (None, None)
    assert lists == [bad, good]


WRONG = {
    "hhe_normalize({vendor: 'heygen', code: 402})": "a record has status, body or exception, and this one has vendor, code",
    "hhe_normalize('{}')": "a record is a struct or the name of a table",
    "hhe_normalize_all([{status: 402}])": "a record is a struct or the name of a table",
    "hhe_normalize('heygen', 402, '', header := '{}')": "hhe_normalize",
    "hhe_normalize('heygen', 402)": "hhe_normalize",
    "hhe_normalize('nobody', 402, '')": "there is no provider 'nobody'",
}


@pytest.mark.parametrize(("call", "told"), WRONG.items(), ids=WRONG)
def test_wrong_arguments_are_told(connection, call, told):
    """A call that cannot be meant ends the query and says what is wrong with it, rather than finding nothing."""
    assert told in refusal(connection, f"SELECT {call}")


# What a connection has.


def test_tables_are_those_of_the_export(connection):
    """Each table of the catalogs is there with its rows, its types and what its columns mean."""
    kinds = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
    for name, make in TABLES.items():
        table = make(default_catalogs())
        relation = connection.table(f"hhe_{name}")
        assert relation.fetchall() == list(table.rows)
        assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == {
            column.name: kinds[column.type] for column in table.columns
        }
        comments = connection.sql(
            f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'hhe_{name}' ORDER BY column_index"
        )
        assert comments.fetchall() == [(column.name, column.description) for column in table.columns]


def test_every_rule_of_a_log_has_its_words(connection):
    """A join on error_rule finds summary and remedy of every failure, once."""
    joined = "SELECT count(*), count(remedy) FROM (SELECT unnest(hhe_normalize(logs)) FROM logs) JOIN hhe_rules ON rule = error_rule"
    failed = sum(row["error_rule"] is not None for row in all_expected(as_text()))
    assert one(connection, joined) == (failed, failed)


def test_another_call_replaces_what_an_earlier_one_gave(connection):
    """The options of the last call count, and of each connection its own."""
    other = register(connection.cursor(), provider="heify")
    assert register(connection, provider="heygen", prefix="vendor_") is connection
    query = "SELECT hhe_normalize({status: 402})"
    assert one(connection, f"{query}.vendor_error_rule") == ("heygen/status:402",)
    assert one(other, f"{query}.error_rule") == ("heify/status:402",)


def test_catalogs_of_ones_own_stand_beside_the_shipped_ones(connection, tmp_path):
    """A call with another name adds functions and tables over other catalogs, and leaves the first ones as they are."""
    (tmp_path / "ours.yaml").write_text(OVERLAY, encoding="utf-8")
    register(connection, name="ours", normalizer=Normalizer(Catalogs.load(tmp_path / "ours.yaml")))
    record = """{provider: 'heygen', status: 400, body: '{"error": {"code": "out_of_patience"}}'}"""
    query = f"SELECT hhe_normalize({record}).error_category, ours_normalize({record}).error_category"
    assert one(connection, query) == ("invalid_request", "timeout")
    tables = "SELECT (SELECT count(*) FROM {}_codes WHERE code = 'out_of_patience')"
    assert [one(connection, tables.format(name)) for name in ("hhe", "ours")] == [(0,), (1,)]


def test_functions_outlive_the_connection_that_made_them(tmp_path):
    """A connection keeps its functions when another one of the same database, which made them, is gone."""
    path = str(tmp_path / "logs.duckdb")
    first = register(duckdb.connect(path), provider="liveavatar")
    second = register(duckdb.connect(path), provider="liveavatar")
    first.close()
    del first
    gc.collect()
    assert second.sql("SELECT DISTINCT hhe_normalize({status: i // i * 429}).error_category FROM range(1, 9999) AS t(i)").fetchall() == [
        ("rate_limit",)
    ]
    second.close()


def test_nothing_is_written_to_the_database(tmp_path):
    """A database that may only be read can be asked, and one that may be written to stays as it was."""
    path = str(tmp_path / "logs.duckdb")
    with duckdb.connect(path) as made:
        load(made, as_text())
    with register(duckdb.connect(path)) as connection:
        assert one(connection, "SELECT hhe_normalize(logs).error_rule IS NULL FROM logs LIMIT 1") is not None
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.sql("SELECT table_name FROM duckdb_tables()").fetchall() == [("logs",)]
        assert len(rows_of(register(connection), "SELECT unnest(hhe_normalize(logs)) FROM logs")) == len(as_text())


def test_a_call_gives_all_or_nothing(connection):
    """A call that fails, as within a transaction or beside a view of the same name, leaves everything as it was."""
    connection.execute("BEGIN")
    with pytest.raises(duckdb.TransactionException):
        register(connection, provider="heygen")
    connection.execute("ROLLBACK")
    connection.execute("DROP TABLE hhe_limits; CREATE TEMP VIEW hhe_limits AS SELECT 1")
    with pytest.raises(duckdb.CatalogException):
        register(connection, provider="heygen")
    assert "nothing names the provider" in refusal(connection, "SELECT hhe_normalize({status: 402})")
    connection.execute("DROP VIEW hhe_limits")
    register(connection, provider="heygen")
    assert one(connection, "SELECT hhe_normalize({status: 402}).error_category") == ("payment",)


def test_wrong_options_are_told():
    """Options that cannot be meant are refused when register is called."""
    with duckdb.connect() as connection:
        with pytest.raises(ValueError, match="there is no provider 'nobody'"):
            register(connection, provider="nobody")
        with pytest.raises(ValueError, match="on_error='skip'"):
            register(connection, on_error="skip")
        with pytest.raises(ValueError, match="give a text, not ''"):
            register(connection, name="")
    with pytest.raises(TypeError, match="register takes a connection of DuckDB"):
        register(duckdb)


def test_names_may_be_any_text():
    """Names and prefixes with quotes, spaces and words of SQL are names."""
    with register(duckdb.connect(), name='Our "own" select', prefix='a "b" ') as connection:
        query = """SELECT "Our ""own"" select_normalize"({provider: 'heygen', status: 402})."a ""b"" error_category\""""
        assert one(connection, query) == ("payment",)


def test_a_missing_library_is_named():
    """Without DuckDB or NumPy the import says which one is missing and how to install it."""
    for library in ("duckdb", "numpy"):
        code = f"import sys; sys.modules[{library!r}] = None; import heify_heygen_errors.pipeline.duckdb"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"needs {library}: pip install 'heify-heygen-errors[duckdb]'" in done.stderr.splitlines()[-1]


# Memory.

LARGE = """
import sys
import duckdb
from pathlib import Path
from heify_heygen_errors.pipeline.duckdb import register

def most():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024

log, errors, spill = sys.argv[1:]
connection = register(duckdb.connect())
connection.execute("SET memory_limit = '100MB'; SET threads = 2; SET preserve_insertion_order = false; SET enable_progress_bar = false")
connection.execute(f"SET temp_directory = '{spill}'")
before = most()
rows = f"SELECT id, unnest(hhe_normalize(log)) FROM '{log}' AS log"
connection.execute(f"COPY (FROM ({rows}) ORDER BY error_message) TO '{errors}' (FORMAT parquet)")
print(most() - before)
"""


def test_a_log_larger_than_memory_is_normalized(tmp_path):
    """A log of more than twice the memory_limit is judged, sorted and written, and memory grows by less than the log has."""
    log, errors = tmp_path / "log.parquet", tmp_path / "errors.parquet"
    with duckdb.connect() as connection:
        load(connection, as_text())
        notes = "repeat(md5(i::VARCHAR || logs.id::VARCHAR), 200) AS note"
        connection.execute(
            f"COPY (SELECT logs.* REPLACE (i AS id), {notes} FROM logs, range(50) AS t(i)) TO '{log}'"
            " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)"
        )
    told = [str(path) for path in (log, errors, tmp_path / "spill")]
    done = subprocess.run([sys.executable, "-c", LARGE, *told], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    read = pq.read_metadata(log)
    assert sum(read.row_group(number).total_byte_size for number in range(read.num_row_groups)) > 260_000_000
    assert int(done.stdout) < 250
    assert pq.read_metadata(errors).num_rows == read.num_rows


@pytest.mark.parametrize(
    "body",
    [
        """{error: '{"code": 400118}'::JSON}""",
        "{error: MAP {'code': 400118}}",
        "MAP {'error': MAP {'code': 400118}}",
        "MAP {'error': '{\"code\": 400118}'::JSON}",
        "{data: {status: 'failed', error: '{\"code\": 400118}'::JSON}, code: 100, message: NULL::VARCHAR}",
        "{data: [{status: 'failed', error: MAP {'code': 400118}}]}",
    ],
)
def test_json_and_maps_at_any_depth(connection, body):
    """JSON, MAP and lists within a body mean what they say, as DuckDB makes them of logs that it reads itself."""
    assert one(connection, f"SELECT hhe_normalize({{provider: 'heygen', body: {body}}}).error_code") == ("400118",)


@pytest.mark.skipif(tuple(map(int, duckdb.__version__.split(".")[:2])) < (1, 5), reason="has no variants")
@pytest.mark.parametrize("body", ["{code: 400118}::VARIANT", "{error: [{code: 400118}::VARIANT]}", "MAP {'error': 7::VARIANT}"])
def test_a_variant_is_refused(connection, body):
    """A variant, whose form in Arrow is DuckDB's own, ends the query with what to write instead, at any depth."""
    told = refusal(connection, f"SELECT hhe_normalize({{provider: 'heygen', status: 400, body: {body}}})")
    assert "read it as JSON, as in {body: body::JSON}" in told


@pytest.mark.parametrize(
    "other",
    ["'nan'::DOUBLE", """'{"n": 1e999}'::JSON""", f"'{'[' * 600}{']' * 600}'::JSON", "['a', 'b']", "union_value(s := 'x')"],
)
def test_what_is_not_read_spoils_nothing(connection, other):
    """Columns that are not read, whatever they hold, change nothing."""
    body = """{error: '{"code": 400118}'::JSON}"""
    assert one(connection, f"SELECT hhe_normalize({{body: {body}, provider: 'heygen', other: {other}}}).error_code") == ("400118",)


@pytest.mark.parametrize("inside", ['{"n": 1e999}', '{"n": 123456789012345678901234567890}', "[" * 600 + "]" * 600])
def test_odd_json_in_a_body_spoils_its_row_at_most(inside):
    """JSON that no number or stack can hold, within a body, is read or is the reject of its row, never the end of the query."""
    with register(duckdb.connect(), on_error="keep") as connection:
        rows = connection.execute(
            "SELECT hhe_normalize({provider: 'heygen', body: {code: code::BIGINT, data: data::JSON}}).error_code"
            " FROM (VALUES (400118, ?), (400112, '{}')) AS log(code, data)",
            [inside],
        ).fetchall()
    assert rows[1] == ("400112",)
    assert rows[0] in [("400118",), (None,)]


def test_a_row_that_has_our_columns_is_refused():
    """A table with a column of an output column's name ends the query, as DuckDB would rename ours; a prefix helps."""
    with register(duckdb.connect()) as connection:
        connection.execute("CREATE TABLE log AS SELECT 'heygen' AS provider, 402 AS status, 'x' AS ERROR_CATEGORY")
        assert "the input has a column 'error_category' already" in refusal(connection, "SELECT *, unnest(hhe_normalize(log)) FROM log")
        register(connection, prefix="vendor_")
        assert one(connection, "SELECT hhe_normalize(log).vendor_error_category FROM log") == ("payment",)


def test_the_questions_fit_the_files_of_the_command(tmp_path):
    """Every question of the documentation gets the same answer from a file that `hhe normalize --keep` wrote, read as the page says."""
    page = (ROOT / "docs/sql.md").read_text(encoding="utf-8").partition("## Questions")[2].partition("## Speed")[0]
    questions = re.findall(r'ask\(r?"""(.*?)"""\)', page, re.DOTALL)
    assert len(questions) > 8
    view = re.search(r"CREATE VIEW errors .*;", page)
    assert view is not None
    log = ROOT / "docs/examples/vendor-errors.jsonl"
    command(log, "-o", "errors.parquet", "--keep", cwd=tmp_path)
    with register(duckdb.connect()) as connection:
        connection.execute(view[0].replace("errors/*.parquet", str(tmp_path / "errors.parquet")))
        connection.execute("SET VARIABLE since = TIMESTAMP '2026-09-14 16:00:00'")
        answers = [connection.sql(question).fetchall() for question in questions]
    assert all(answers)


def test_unions_are_the_value_that_they_hold(connection):
    """A union means what stands in it."""
    record = """{provider: 'heygen', status: union_value(k := '429'), body: union_value(s := '{"code": 400118}')}"""
    assert one(connection, f"SELECT unnest(hhe_normalize({record}))")[1] == "400118"


def test_names_of_members_may_be_anything(connection):
    """Members with names as types have, with quotes and commas, are read by their names."""
    body = """{"VARIANT": 1, "a, b JSON": 2, "c""d": 3, "error": '{"code": 400118}'::JSON}"""
    assert one(connection, f"SELECT hhe_normalize({{provider: 'heygen', body: {body}}}).error_code") == ("400118",)


def test_a_log_that_duckdb_reads_itself(connection, tmp_path):
    """Whatever types `read_json` finds for bodies, the rows are those of the records."""
    records = [
        {"provider": "heygen", "status": 400, "body": {"error": {"code": "insufficient_credit", "message": "x"}}},
        {"provider": "heygen", "status": 400, "body": {"error": "plain text"}},
        {"provider": "heygen", "status": 200, "body": {"code": 100, "error": None, "data": {"status": "completed"}}},
        {"provider": "heygen", "status": 200, "body": {"code": 100, "data": {"status": "failed", "error": {"code": 40010}}}},
        {"provider": "heygen", "status": 200, "body": {"code": 100, "data": {"status": "failed", "error": "oops"}}},
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    rows = rows_of(connection, f"SELECT unnest(hhe_normalize(log)) FROM read_json('{path}') AS log")
    assert [row["error_rule"] for row in normalize_records(records)] == [row["error_rule"] for row in rows]
