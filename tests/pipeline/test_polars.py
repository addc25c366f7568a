"""`normalize_polars` and the expressions: eager, lazy and streaming, equal to what `normalize` says of each row."""

from __future__ import annotations

import json
import subprocess
import sys

import polars as pl
import pyarrow as pa
import pytest
from frame_cases import NAMELESS, ODD, REFUSED, TWO_FAILED, all_expected, as_text, expected, shown
from polars.testing import assert_frame_equal

import heify_heygen_errors.pipeline.polars
from heify_heygen_errors import Category, RejectedRowsError, normalize_polars
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, ColumnClash

SCHEMA = {"id": pl.Int64, **dict.fromkeys(INPUT_FIELDS, pl.String), "status": pl.Int64}
CODE = {"code": 400112, "message": "Unauthorized"}


def whole_frame():
    """A frame of the corpus, the samples and generated records."""
    return pl.DataFrame(as_text(), schema=SCHEMA)


def of_fields(frame, **options):
    """The struct of all columns of a frame through the expression."""
    given = {name: pl.col(name) for name in ("provider", "status", "headers", "method", "url", "exception")}
    return frame.select("id", pl.col("body").hhe.normalize(**given, **options)).unnest("body")


def lists_of_fields(frame):
    """The same with explode."""
    given = {name: pl.col(name) for name in ("provider", "status", "headers", "method", "url", "exception")}
    return frame.select("id", pl.col("body").hhe.normalize(**given, explode=True)).explode("body").unnest("body")


WAYS = {
    "eager": normalize_polars,
    "lazy": lambda frame, **options: normalize_polars(frame.lazy(), **options).collect(),
    "streaming": lambda frame, **options: normalize_polars(frame.lazy(), **options).collect(engine="streaming"),
    "expression": lambda frame, explode=False: lists_of_fields(frame) if explode else of_fields(frame),
}


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_rows_say_what_normalize_says(way, explode):
    """The rows of the corpus, the samples and generated records hold what normalize_all gives, in every way to ask."""
    rows = way(whole_frame(), explode=explode)
    assert all_expected(as_text(), explode=explode) == shown(rows.to_dicts())


def test_many_parts_keep_their_order():
    """Frames of many chunks and slices, which engines cut as they like, keep their rows in order."""
    frame = pl.concat([whole_frame()] * 60, rechunk=False).with_columns(id=pl.int_range(pl.len()))
    whole = normalize_polars(frame)
    lazy = normalize_polars(frame.lazy(), explode=True)
    assert whole["id"].to_list() == list(range(frame.height))
    assert whole["error_fingerprint"].to_list() == normalize_polars(whole_frame())["error_fingerprint"].to_list() * 60
    assert_frame_equal(
        whole, of_fields(frame.lazy()).collect(engine="streaming").select(pl.all()).join(whole, on="id").select(whole.columns)
    )
    assert_frame_equal(normalize_polars(frame, explode=True), lazy.collect(engine="streaming"))


# Types.


def test_columns_have_the_types_of_the_contract():
    """Enums are pl.Enum of all their values in fixed order; the others String, Int32, Boolean and Float64."""
    schema = normalize_polars(whole_frame()).schema
    assert schema["error_category"] == pl.Enum([category.value for category in Category])
    assert schema["error_resets"] == pl.Enum(["day", "month"])
    assert {name: kind for name, kind in schema.items() if name in COLUMNS and not isinstance(kind, pl.Enum)} == {
        **dict.fromkeys((name for name in COLUMNS if not isinstance(schema[name], pl.Enum)), pl.String),
        "error_status": pl.Int32,
        "error_retryable": pl.Boolean,
        "error_retry_after": pl.Float64,
        "error_count": pl.Int32,
    }


def test_enums_filter_by_text_join_and_concatenate():
    """Enum columns compare with text, and frames of different runs join and concatenate; columns of text join by a cast."""
    first, second = normalize_polars(whole_frame().head(50)), normalize_polars(whole_frame().tail(50))
    rate = first.filter(pl.col("error_category") == "rate_limit")
    assert rate["error_category"].unique().to_list() == ["rate_limit"]
    assert pl.concat([first, second]).height == 100
    counts = second.group_by("error_category").len()
    assert set(first.join(counts, on="error_category")["error_category"]) <= set(counts["error_category"])
    owners = pl.DataFrame({"error_category": ["rate_limit"], "team": ["capacity"]})
    joined = rate.join(owners.cast({"error_category": rate.schema["error_category"]}), on="error_category", how="left")
    assert joined["team"].unique().to_list() == ["capacity"]


BODIES = {
    "String": pl.Series([REFUSED["body"]]),
    "Binary": pl.Series([REFUSED["body"].encode()]),
    "Categorical": pl.Series([REFUSED["body"]], dtype=pl.Categorical),
    "Struct": pl.Series([CODE | {"error": None}]),
    "Object with text": pl.Series([REFUSED["body"]], dtype=pl.Object),
    "Object with dicts": pl.Series([CODE], dtype=pl.Object),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "status", [pl.Series([401], dtype=pl.Int16), pl.Series([401.0]), pl.Series(["401"]), pl.Series(["401.00"]).cast(pl.Decimal(10, 2))]
)
def test_fields_are_read_from_every_type(body, status):
    """Bodies and statuses mean the same in every type that can hold them, Python objects included."""
    frame = pl.DataFrame({"provider": ["heygen"], "status": status, "body": body})
    assert expected(REFUSED) == normalize_polars(frame).select(COLUMNS).to_dicts()


PASSING = {
    "a": pl.Series([1, None], dtype=pl.UInt8),
    "b": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])),
    "c": pl.Series(["x", None], dtype=pl.Categorical),
    "d": pl.Series([[1], []], dtype=pl.List(pl.Int8)),
    "e": pl.Series([1, 2], dtype=pl.Duration("ms")),
    "f": pl.Series([{"x": 1}, None]),
    "g": pl.Series([None, None]),
    "h": pl.Series([1, 2], dtype=pl.Int128),
}


def test_columns_pass_through_untouched():
    """Every other column passes through in its place, with its type and values, also those that Arrow does not know."""
    frame = pl.DataFrame({"id": [1, 2], **PASSING, "status": [401, 200], "provider": ["heygen"] * 2, "body": [REFUSED["body"], None]})
    rows = normalize_polars(frame)
    assert rows.columns == ["id", *PASSING, "status", "provider", *COLUMNS]
    assert_frame_equal(frame.drop("body"), rows.drop(COLUMNS))
    assert_frame_equal(rows, normalize_polars(frame.lazy()).collect())
    exploded = normalize_polars(frame, explode=True)
    assert_frame_equal(frame.drop("body"), exploded.drop(COLUMNS))
    named = frame.with_columns(pl.lit(1).alias("hhe errors"))
    assert normalize_polars(named.lazy()).collect()["hhe errors"].to_list() == [1, 1]
    objects = frame.with_columns(o=pl.Series([{1}, {2}], dtype=pl.Object))
    assert normalize_polars(objects)["o"].to_list() == [{1}, {2}]


@pytest.mark.parametrize("options", [{}, {"explode": True}, {"on_error": "keep"}])
def test_no_rows_have_the_same_schema(options):
    """A frame without rows has the schema of one with rows, eager and lazy."""
    full = normalize_polars(whole_frame(), **options).schema
    assert normalize_polars(whole_frame().clear(), **options).schema == full
    assert normalize_polars(whole_frame().clear().lazy(), **options).collect().schema == full


def test_a_frame_without_columns_observes_nothing():
    """A frame without columns gets those of the contract and no row."""
    assert normalize_polars(pl.DataFrame()).columns == list(COLUMNS)
    assert normalize_polars(pl.LazyFrame()).collect().columns == list(COLUMNS)


# Lazy.


def test_the_schema_of_a_lazy_frame_is_known_without_running_it():
    """collect_schema() runs nothing and says what collect() will give; nothing runs before collect()."""
    ran = []

    def note(series):
        ran.append(len(series))
        return series

    lazy = whole_frame().lazy().with_columns(pl.col("body").map_batches(note, return_dtype=pl.String))
    rows = normalize_polars(lazy, prefix="v_", on_error="keep")
    schema = rows.collect_schema()
    assert ran == []
    assert schema == rows.collect().schema
    assert ran != []


def test_filters_and_projections_go_through():
    """Filters on columns that pass through are applied before rows are judged, and columns that nobody asks for are not read."""
    rows = normalize_polars(whole_frame().lazy())
    plan = rows.filter(pl.col("provider") == "heygen").explain()
    assert plan.index("python_udf") < plan.index("FILTER")
    assert "python_udf" not in rows.select("id").explain()


# Options.


def test_fields_paths_keep_and_prefix():
    """Columns and paths into structs are named, bulky ones are kept on demand, and ours get a prefix; eager and lazy alike."""
    answers = [{"code": 401, "text": REFUSED["body"], "ms": 5}, None, {"code": 200, "text": None, "ms": 6}]
    frame = pl.DataFrame({"vendor": ["heygen"] * 3, "answer": answers, "url": ["/x"] * 3})
    options = {"fields": {"provider": "vendor"}, "paths": {"status": "answer.code", "body": ("answer", "text")}, "prefix": "v_"}
    rows = normalize_polars(frame, **options)
    assert rows.columns == ["vendor", "answer", *("v_" + column for column in COLUMNS)]
    assert rows["answer"].to_list() == [{"code": 401, "ms": 5}, None, {"code": 200, "ms": 6}]
    assert rows["v_error_code"].to_list() == ["400112", None, None]
    assert rows["v_error_count"].to_list() == [1, None, 0]
    assert_frame_equal(rows, normalize_polars(frame.lazy(), **options).collect())
    assert_frame_equal(frame, normalize_polars(frame, keep=True, **options).select(frame.columns))


def test_a_struct_of_which_nothing_is_left_is_left_out():
    """A nested column passes through without the bulky fields, and not at all if it holds nothing else."""
    frame = pl.DataFrame({"provider": ["heygen"], "r": [{"h": {"body": REFUSED["body"]}}], "s": [{"h": {"headers": "{}", "n": 1}}]})
    paths = {"body": "r.h.body", "headers": "s.h.headers"}
    for rows in (normalize_polars(frame, paths=paths), normalize_polars(frame.lazy(), paths=paths).collect()):
        assert rows.columns == ["provider", "s", *COLUMNS]
        assert rows["s"].to_list() == [{"h": {"n": 1}}]
        assert rows["error_code"].to_list() == ["400112"]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    ("columns", "options", "error", "text"),
    [
        (["body", "error_code"], {}, ColumnClash, "a column 'error_code' already: choose another name for ours with prefix="),
        (["body", "error_reject"], {"on_error": "keep"}, ColumnClash, "a column 'error_reject' already"),
        (["text"], {}, ValueError, "none of the columns body, exception, status is there: the columns are text"),
        (["body"], {"fields": {"url": "link"}}, ValueError, "there is no column 'link': the columns are body"),
        (["body"], {"paths": {"status": "body.code"}}, ValueError, "paths: status: 'body' is no struct"),
        (["body"], {"provider": "acme"}, ValueError, "there is no provider 'acme'"),
    ],
)
def test_frames_and_options_that_do_not_fit_are_refused(columns, options, error, text, lazy):
    """What cannot be meant is refused with a remedy by the call, also for a lazy frame."""
    frame = pl.DataFrame({name: ["x"] for name in columns})
    with pytest.raises(error, match=text):
        normalize_polars(frame.lazy() if lazy else frame, **options)


@pytest.mark.parametrize("frame", [pa.table({"body": ["x"]}), [REFUSED], pl.Series(["x"])])
def test_other_things_are_refused(frame):
    """What is no frame of polars is refused by its type."""
    with pytest.raises(TypeError, match="normalize_polars takes a DataFrame or LazyFrame of polars, not "):
        normalize_polars(frame)


# Rows that cannot be read.


def odd_frame():
    """A frame with two rows that cannot be read."""
    return pl.DataFrame([REFUSED | {"status": "401"}, ODD, REFUSED | {"status": "401"}, NAMELESS | {"status": "500"}])


def test_rows_that_cannot_be_read_are_raised():
    """All unreadable rows are named by number and reason; none is left out silently."""
    with pytest.raises(RejectedRowsError) as caught:
        normalize_polars(odd_frame())
    reason = "nothing names the provider: name one of heygen, liveavatar, heify"
    assert caught.value.rows == ((1, "status is no status"), (3, reason))


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_a_lazy_frame_raises_when_it_is_collected(engine):
    """A lazy frame raises the error when it runs, in every engine; rows are those of the part that the engine worked on."""
    rows = normalize_polars(odd_frame().lazy())
    with pytest.raises(RejectedRowsError, match=r"rows? of a part of the frame cannot be read: row \d: (status is no|nothing names)"):
        rows.collect(engine=engine)


@pytest.mark.parametrize("way", [WAYS["eager"], WAYS["lazy"], WAYS["streaming"]])
def test_rows_that_cannot_be_read_can_be_kept(way):
    """With on_error="keep" they stay in their place, with null columns, the reason and what was read of them."""
    rows = way(odd_frame(), on_error="keep")
    assert rows["error_code"].to_list() == ["400112", None, "400112", None]
    assert [reason and reason[:19] for reason in rows["error_reject"]] == [None, "status is no status", None, "nothing names the p"]
    assert [text and json.loads(text) for text in rows["error_raw"]] == [None, ODD, None, {"status": "500", "body": "x"}]


# Expressions.


def test_the_expression_has_the_name_of_its_body_and_the_columns_as_fields():
    """The struct has the name of the expression that it hangs on and the columns of the contract, with a prefix if asked."""
    frame = pl.DataFrame({"code": [401], "text": [REFUSED["body"]]})
    rows = frame.with_columns(pl.col("text").hhe.normalize(provider="heygen", status="code", prefix="v_"))
    assert rows.columns == ["code", "text"]
    assert [field.name for field in rows.schema["text"].fields] == ["v_" + column for column in COLUMNS]
    assert rows["text"].struct.field("v_error_name").to_list() == ["UNAUTHORIZED"]


@pytest.mark.parametrize("status", [401, "status", pl.col("status"), pl.lit(401), pl.col("text_status")])
def test_fields_are_numbers_columns_or_expressions(status):
    """A status is a number for all rows, the name of a column or any expression."""
    frame = pl.DataFrame({"status": [401], "text_status": ["401"], "body": ["{}"]})
    rows = frame.select(pl.col("body").hhe.normalize(provider="heygen", status=status).struct.field("error_category"))
    assert rows.to_series().to_list() == ["authentication"]


def test_the_expression_works_in_every_context():
    """It works row by row in select, with_columns, filter, group_by, over and when, and on literals."""
    frame = whole_frame().select("id", "provider", "status", "body")
    error = pl.col("body").hhe.normalize(provider=pl.col("provider"), status="status")
    category = error.struct.field("error_category")
    alone = frame.select("provider", category)
    grouped = frame.group_by("provider", maintain_order=True).agg(category)
    assert_frame_equal(alone.group_by("provider", maintain_order=True).agg("error_category"), grouped)
    assert_frame_equal(alone.select("error_category"), frame.select(category.over("provider")))
    assert frame.filter(category == "payment").height == alone.filter(pl.col("error_category") == "payment").height > 0
    counted = frame.group_by("provider").agg(error.struct.field("error_retryable").sum()).sort("provider")
    assert counted["error_retryable"].sum() == frame.select(error.struct.field("error_retryable")).to_series().sum() > 0
    literal = pl.select(pl.lit(REFUSED["body"]).hhe.normalize(provider="heygen", status=401).struct.field("error_code"))
    assert literal.item() == "400112"


def test_the_expression_gives_a_list_per_row_with_explode():
    """With explode the expression gives for each row the list of its failures."""
    frame = pl.DataFrame({"status": [200, 401], "body": [json.dumps(TWO_FAILED["body"]), REFUSED["body"]]})
    lists = frame.select(pl.col("body").hhe.normalize(provider="heygen", status="status", explode=True)).to_series()
    assert [[row["error_name"] for row in rows] for rows in lists] == [["VOICE_NOT_FOUND", "JOB_FAILED_WITHOUT_REASON"], ["UNAUTHORIZED"]]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"provider": "acme"}, ValueError, "there is no provider 'acme'"),
        ({"on_error": "drop"}, ValueError, "on_error='drop': use one of raise, keep"),
        ({"prefix": 5}, TypeError, "prefix is text, not int"),
    ],
)
def test_wrong_options_of_the_expression_are_refused_at_once(options, error, text):
    """A wrong option is refused when the expression is made, not when the query runs."""
    with pytest.raises(error, match=text):
        pl.col("body").hhe.normalize(**options)


def test_the_expression_raises_and_keeps_what_cannot_be_read():
    """The expression deals with unreadable rows as frames do."""
    error = {"provider": pl.col("provider"), "status": "status"}
    with pytest.raises(RejectedRowsError, match="of a part of the frame cannot be read: row 1: status is no status"):
        odd_frame().select(pl.col("body").hhe.normalize(**error))
    kept = odd_frame().select(pl.col("body").hhe.normalize(**error, on_error="keep")).unnest("body")
    assert kept["error_reject"].null_count() == 2
    assert json.loads(kept["error_raw"][1]) == ODD


def test_the_namespace_is_there_by_import_alone():
    """Importing the module registers the namespace; using normalize_polars alone does not."""
    code = (
        "import polars as pl\nfrom heify_heygen_errors import normalize_polars\n"
        "normalize_polars(pl.DataFrame({'status': [401]}), provider='heygen')\n"
        "before = hasattr(pl.col('x'), 'hhe')\n"
        "import heify_heygen_errors.pipeline.polars\nprint(before, hasattr(pl.col('x'), 'hhe'))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False True\n", "")
    assert heify_heygen_errors.pipeline.polars.__all__ == ["HheNamespace"]
