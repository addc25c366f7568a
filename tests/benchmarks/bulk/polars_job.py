"""The job in polars.

    python tests/benchmarks/bulk/polars_job.py log.jsonl out.parquet --threads 2

By itself it goes through the log in batches, for a whole log in memory is 3 GB and the streaming engine's own small
batches take twice the time. `--distinct` reads what an answer means once for all rows that have it, and joins: quicker
where bodies repeat, slower where they do not.

polars has no lenient way to decode a column of JSON texts: `str.json_decode` stops at the first text of another shape,
`str.json_path_match` parses each text anew for each path. So the bodies go through `read_ndjson`, which reads members of
another type as null if it is asked to. It stops at broken JSON: then the broken ones are looked for, which takes longer.
"""

from __future__ import annotations

import argparse
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain

TEXTS = ("ts", "service", "env", "trace_id", "provider", "method", "headers", "body", "exception")
PASSED = ("ts", "service", "env", "attempt", "trace_id", "provider", "status", "method", "exception")
OBSERVED = ("provider", "status", "body", "exception", "error_type")
BATCH = 50_000

FAILED = ["failed", "error", "not_found"]
SUCCESS = ["0", "100", "200", "201", "1000"]


def run(source: str, output: str, lookup: str, *, threads: int, distinct: bool = False, ignore_errors: bool = False) -> None:
    """Runs the job. The number of threads counts only before polars is imported for the first time."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    tables = tables_of(lookup)
    schema = {"ts": pl.String, "service": pl.String, "env": pl.String, "attempt": pl.Int64, "trace_id": pl.String, "provider": pl.String}
    schema |= {"status": pl.Int64, "method": pl.String, "headers": pl.String, "body": pl.String, "exception": pl.String}
    named = pl.col("headers").str.extract('"(?i:x-amzn-errortype)": ?"([^":]+)')
    log = pl.scan_ndjson(source, schema=schema, ignore_errors=ignore_errors).with_columns(
        error_type=pl.when(pl.col("headers").str.contains("rror", literal=True)).then(named)
    )
    log = log.drop("headers")
    if distinct:
        held = log.collect(engine="streaming")
        answers = held.select(OBSERVED).unique()
        meanings = pl.concat([answers, meanings_of(answers, tables)], how="horizontal")
        joined = held.lazy().join(meanings.lazy(), on=OBSERVED, how="left", nulls_equal=True, maintain_order="left")
        joined.drop("body", "error_type").sink_parquet(output, compression="snappy", engine="streaming")
        return
    write_batches(log, output, tables, threads)


def write_batches(log, output, tables, threads):
    """Each batch of the log with what it means; as many at once as there are threads, written in order."""
    import polars as pl
    import pyarrow.parquet as pq

    def table_of(batch):
        return pl.concat([batch.select(PASSED), meanings_of(batch, tables)], how="horizontal").to_arrow()

    waiting = deque()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        writer = None
        for batch in chain(log.collect_batches(chunk_size=BATCH, engine="streaming", maintain_order=True), [None] * threads):
            if batch is not None:
                waiting.append(pool.submit(table_of, batch))
            if waiting and (batch is None or len(waiting) > threads):
                table = waiting.popleft().result()
                writer = writer or stack.enter_context(pq.ParquetWriter(output, table.schema))
                writer.write_table(table)


def tables_of(lookup):
    """The lookup table, by kind."""
    import polars as pl

    whole = pl.read_csv(lookup, schema_overrides={"key": pl.String, "retryable": pl.Boolean})
    return {
        kind: whole.filter(kind=kind).select(
            "provider",
            pl.col("key").alias(f"{kind}_key"),
            pl.col("category").alias(f"{kind}_category"),
            pl.col("retryable").alias(f"{kind}_retryable"),
        )
        for kind in ("code", "message", "status", "exception")
    }


def decoded(bodies, schema):
    """JSON texts as columns; members of another type than the schema's are null."""
    import polars as pl

    lines = bodies.str.replace_all("\n", " ", literal=True)
    try:
        return pl.read_ndjson(lines.str.join("\n").item().encode(), schema=schema, ignore_errors=True)
    except pl.exceptions.ComputeError:
        whole = lines.to_frame("line").select(
            pl.when(pl.col("line").str.json_path_match("$").is_not_null()).then("line").otherwise(pl.lit("{}"))
        )
        return pl.read_ndjson(whole.to_series().str.join("\n").item().encode(), schema=schema, ignore_errors=True)


def shapes():
    """What bodies look like: one object, or a list of them in one of three places."""
    import polars as pl

    def texts(*names):
        return dict.fromkeys(names, pl.String)

    error = pl.Struct(texts("code", "message"))
    event = pl.Struct(texts("failure_code", "failure_message", "error_code", "error_message", "msg") | {"error": error})
    data = pl.Struct(texts("status", "failure_code", "failure_message", "error_code", "error_message") | {"error": error, "details": error})
    one = texts("code", "error_code", "message", "msg", "detail", "status", "event_type", "errorType", "errorMessage", "error_message")
    one |= {"error": error, "details": error, "data": data, "event_data": event}
    item = texts("status", "event_type", "failure_code", "failure_message") | {"error": error, "details": error, "event_data": event}
    many = pl.List(pl.Struct(item))
    return one, [{"data": many}, {"data": pl.Struct({"items": many, "transcriptions": many})}, {"transcriptions": many}]


def failed_items(bodies, rows):
    """The first failed item of each list, with the row that it is from."""
    import polars as pl

    lists, nested, old = (decoded(bodies, shape) for shape in shapes()[1])
    item = pl.element().struct
    failing = item.field("status").str.to_lowercase().is_in(FAILED) | item.field("event_type").str.ends_with(".fail").fill_null(value=False)
    places = [lists["data"], nested["data"].struct.field("items"), nested["data"].struct.field("transcriptions"), old["transcriptions"]]
    items = pl.select(pl.coalesce(places).list.filter(failing).list.first().alias("item"), rows.alias("row"))
    return items.filter(pl.col("item").is_not_null())


def meanings_of(answers, tables):
    """Category, code, message and retryable of each answer."""
    import polars as pl
    from polars import coalesce, col, lit, when

    def at(path):
        first, *rest = path.split(".")
        place = col(first)
        for name in rest:
            place = place.struct.field(name)
        return place

    def among(value, values):
        return value.is_in(values).fill_null(value=False)

    # What the body holds.
    is_object = col("body").str.starts_with("{").fill_null(value=False)
    bodies = answers.select(when(is_object).then("body").otherwise(lit("{}"))).to_series()
    members = decoded(bodies, shapes()[0])
    members = members.rename({name: f"$.{name}" for name in ("code", "message", "status")})
    frame = pl.concat([answers.select(OBSERVED), members], how="horizontal").with_columns(
        state=coalesce(at("data.status"), "$.status").str.to_lowercase(),
        refused=(col("status") >= 400).fill_null(value=False),
    )
    listing = ~col("refused") & col("event_type").is_null() & ~among(col("state"), FAILED) & is_object
    rows = frame.select(pl.arg_where(listing & col("body").str.contains('"failed"|"FAILED"|"not_found"|\\.fail"'))).to_series()
    items = failed_items(bodies.gather(rows), rows)
    frame = frame.with_row_index("row").join(items, on="row", how="left", maintain_order="left")

    # Whether anything failed.
    frame = frame.with_columns(
        xml_code=when(col("body").str.starts_with("<")).then(col("body").str.extract("<Code>([^<]*)</Code>")),
        no_error=at("error.code").is_null() & at("error.message").is_null(),
    ).with_columns(
        failed=col("refused")
        | col("exception").is_not_null()
        | among(col("state"), FAILED)
        | col("event_type").str.ends_with(".fail").fill_null(value=False)
        | col("item").is_not_null()
        | col("xml_code").is_not_null()
        | col("errorType").is_not_null(),
        error_text=when(col("refused") & col("no_error") & col("$.message").is_null() & is_object).then(
            col("body").str.extract('"error": ?"([^"]*)"')
        ),
    )

    # The vendor's words.
    codes = [
        "data.error.code",
        "data.failure_code",
        "data.details.code",
        "details.code",
        "event_data.failure_code",
        "event_data.error.code",
    ]
    codes += ["event_data.error_code", "data.error_code", "error_code", "errorType"]
    codes += ["item.error.code", "item.failure_code", "item.details.code", "item.event_data.failure_code", "xml_code"]
    texts = ["data.error.message", "data.failure_message", "data.details.message", "details.message", "event_data.failure_message"]
    texts += ["event_data.error.message", "event_data.error_message", "event_data.msg", "data.error_message", "error_message"]
    texts += ["errorMessage", "msg", "detail"]
    texts += ["item.error.message", "item.failure_message", "item.details.message", "item.event_data.failure_message", "error_text"]
    frame = frame.with_columns(
        code=when("failed").then(
            coalesce(
                at("error.code"),
                when(~col("$.code").is_in(SUCCESS)).then("$.code"),
                *map(at, codes),
                when(col("refused") & col("no_error") & col("error_text").is_null()).then("error_type"),
            )
        ),
        message=when("failed").then(
            coalesce(
                at("error.message"),
                when(col("$.message") != "Success").then("$.message"),
                *map(at, texts),
                when(col("xml_code").is_not_null()).then(col("body").str.extract("<Message>([^<]*)</Message>")),
            )
        ),
    )

    # What they mean.
    page = when(col("body").str.starts_with("<")).then(col("body").str.extract("<title>([^<]*)</title>")).when(~is_object).then("body")
    frame = frame.select(
        *("provider", "refused", "failed", "code", "message"),
        message_key=when("failed").then(coalesce("message", page).str.strip_chars(" \r\n.").str.to_lowercase()),
        status_key=when(~col("refused") & (col("code").str.len_bytes() == 3)).then("code").otherwise(col("status").cast(pl.String)),
        exception_key=col("exception").str.extract(r"([^.:(]+)[:(]"),
        missing=~col("refused") & (coalesce(at("item.status"), "state").str.to_lowercase() == "not_found"),
    )
    said, heify = col("message_key"), col("provider") == "heify"
    frame = frame.with_columns(
        pattern=when(~col("failed"))
        .then(None)
        .when("missing")
        .then(lit("not_found"))
        .when(heify & said.str.starts_with("maximum of ") & said.str.contains(" transcriptions", literal=True))
        .then(lit("rate_limit"))
        .when(heify & said.str.starts_with("maximum of "))
        .then(lit("quota"))
        .when(heify & said.str.starts_with("monthly ") & said.str.contains(" limit reached", literal=True))
        .then(lit("quota"))
        .when(heify & said.str.starts_with("audio ") & said.str.contains(" exceeds the maximum", literal=True))
        .then(lit("invalid_media"))
        .when(said.str.starts_with("content type not ") | (said == "request body larger than allowed"))
        .then(lit("invalid_media"))
        .when(said.is_in(["endpoint request timed out", "gateway timed out"]) | said.str.contains("task timed out after", literal=True))
        .then(lit("timeout"))
        .when(said == "session concurrency limit reached")
        .then(lit("rate_limit"))
    )
    for kind, table in tables.items():
        key = "code" if kind == "code" else f"{kind}_key"
        frame = frame.join(table, left_on=["provider", key], right_on=["provider", f"{kind}_key"], how="left", maintain_order="left")
    categories = ("exception_category", "pattern", "code_category", "message_category", "status_category")
    retryables = ("exception_retryable", col("pattern").is_in(["rate_limit", "timeout"]), "code_retryable", "message_retryable")
    return frame.select(
        when("failed").then(coalesce(*categories, lit("unknown"))).alias("category"),
        "code",
        "message",
        when("failed").then(coalesce(*retryables, "status_retryable", lit(value=False))).alias("retryable"),
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="The job in polars.")
    parser.add_argument("source", metavar="IN")
    parser.add_argument("output", metavar="OUT")
    parser.add_argument("--lookup", default="lookup.csv", help="what lookup.py wrote")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--distinct", action="store_true", help="read what an answer means once for all rows that have it")
    parser.add_argument("--ignore-errors", action="store_true", help="null where a value is of another type")
    options = parser.parse_args()
    run(
        options.source,
        options.output,
        options.lookup,
        threads=options.threads,
        distinct=options.distinct,
        ignore_errors=options.ignore_errors,
    )


if __name__ == "__main__":
    main()
