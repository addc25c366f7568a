"""Frames of Dask: partitions, in threads and processes, give the rows of normalize_pandas, and nothing is computed too early."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import dask
import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dask.dataframe.utils import assert_divisions
from frame_cases import FINE, NAMELESS, ODD, REFUSED, TWO_FAILED, all_expected, as_objects, as_text, shown
from pandas.testing import assert_frame_equal
from pandas_forms import FORMS

from heify_heygen_errors import BatchNormalizer, Catalogs, Normalizer, RejectedRowsError, normalize_pandas
from heify_heygen_errors.pipeline.contract import error_schema
from heify_heygen_errors.pipeline.dask import normalize
from heify_heygen_errors.records import COLUMNS

OVERLAY = Path(__file__).parents[2] / "docs" / "examples" / "overlay.yaml"
LISTED_BY_OVERLAY = {"status": 400, "body": '{"code": 400999, "message": "Emotion joy needs the emotion pack"}'}


def dask_frame(frame: pd.DataFrame, parts: int = 3, **config: Any) -> dd.DataFrame:
    """A frame in parts, with its objects as they are."""
    with dask.config.set({"dataframe.convert-string": False, **config}):
        return dd.from_pandas(frame, npartitions=parts)


def in_parts(parts: list[pd.DataFrame]) -> dd.DataFrame:
    """A frame of these parts, with the columns and types of the first one."""
    with dask.config.set({"dataframe.convert-string": False}):
        return dd.from_map(_same, parts, meta=parts[0].iloc[:0])


def _same(part: pd.DataFrame) -> pd.DataFrame:
    return part


def computed(frame: dd.DataFrame, scheduler: str = "synchronous") -> pd.DataFrame:
    """The frame in memory."""
    return frame.compute(scheduler=scheduler)


# Rows.


@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_partitions_give_the_rows_of_the_whole(form: str, explode: bool) -> None:  # noqa: FBT001
    """The rows of the corpus, the samples and generated records are those of normalize_pandas and normalize_all."""
    frame = FORMS[form]()
    rows = computed(normalize(dask_frame(frame, 5), explode=explode))
    assert_frame_equal(normalize_pandas(frame, explode=explode), rows)
    plain = rows.astype(object)
    records = as_objects() if form == "objects" else as_text()
    assert all_expected(records, explode=explode) == shown(plain.where(plain.notna(), None).to_dict("records"))


def test_text_that_dask_makes_of_text_is_read() -> None:
    """With Dask's own conversion of objects to text, as it is switched on, text columns give the same rows."""
    frame = pd.DataFrame(as_text())
    rows = computed(normalize(dask_frame(frame, **{"dataframe.convert-string": True})))
    assert_frame_equal(normalize_pandas(frame)[list(COLUMNS)], rows[list(COLUMNS)])


def test_dicts_that_dask_made_text_of_are_told() -> None:
    """Where dicts became their repr, in which a failed job would not be found, a warning says what to do; no row is lost."""
    frame = pd.DataFrame([{"id": 1, **FINE, "body": None}, {"id": 2, **TWO_FAILED}])
    rows = normalize(dask_frame(frame, **{"dataframe.convert-string": True}))
    with pytest.warns(UserWarning, match="convert-string': False"):
        found = computed(rows)
    assert found["error_count"].tolist() == [0, 0]
    assert computed(normalize(dask_frame(frame)))["error_count"].tolist() == [0, 2]


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_every_scheduler_gives_the_same_rows(scheduler: str) -> None:
    """Threads and processes of Dask give the rows of the whole, in order; processes decide by the overlays of this one."""
    normalizer = Normalizer(Catalogs.load(OVERLAY))
    frame = pd.DataFrame([*as_text(), LISTED_BY_OVERLAY])
    rows = normalize(dask_frame(frame, 4), provider="heygen", normalizer=normalizer, explode=True)
    whole = normalize_pandas(frame, provider="heygen", normalizer=normalizer, explode=True)
    assert whole["error_rule"].iloc[-1] == "heygen/EMOTION_PACK_REQUIRED@acme"
    assert_frame_equal(whole, computed(rows, scheduler))


def test_a_partition_twice_gives_the_same_rows() -> None:
    """A partition that is computed again, as a scheduler does when a worker is lost, gives the same rows."""
    rows = normalize(dask_frame(pd.DataFrame(as_text())))
    part = rows.partitions[1]
    assert_frame_equal(computed(part), computed(part))
    assert_frame_equal(computed(rows).loc[computed(part).index], computed(part))


UNLIKE_THE_FIRST = {
    "no rows": pd.DataFrame({"id": [], "status": [], "body": []}).astype({"id": "int64", "status": "int64", "body": object}),
    "nothing but null": pd.DataFrame({"id": [7], "status": [None], "body": [None]}),
    "numbers with NaN": pd.DataFrame({"id": [7, 8], "status": [429.0, float("nan")], "body": ["", None]}),
    "statuses as text": pd.DataFrame({"id": [7], "status": ["429"], "body": [""]}),
    "decoded bodies": pd.DataFrame({"id": [7], "status": [402], "body": [{"error": {"code": "insufficient_credit"}}]}),
    "Arrow": pd.DataFrame({"id": [7], "status": [402], "body": ["x"]}).convert_dtypes(dtype_backend="pyarrow"),
}


@pytest.mark.parametrize("part", UNLIKE_THE_FIRST.values(), ids=UNLIKE_THE_FIRST)
@pytest.mark.parametrize("place", [1, 2])
def test_a_partition_can_be_unlike_the_first(part: pd.DataFrame, place: int) -> None:
    """Partitions without rows, without values or with other types give their rows; our columns have their types anyway."""
    first = pd.DataFrame({"id": [1, 2], "status": [401, 200], "body": [REFUSED["body"], ""]}).astype({"body": object})
    parts = [first, first.assign(id=[3, 4])]
    parts.insert(place, part)
    rows = normalize(in_parts(parts), provider="heygen")
    found = computed(rows)
    single = [normalize_pandas(each, provider="heygen")[list(COLUMNS)] for each in parts]
    assert_frame_equal(pd.concat(single), found[list(COLUMNS)])
    assert rows[list(COLUMNS)].dtypes.to_dict() == found[list(COLUMNS)].dtypes.to_dict()


def test_a_frame_without_rows_has_the_columns() -> None:
    """A frame that has no row at all gives all columns with their types."""
    frame = pd.DataFrame(as_text()).iloc[:0]
    assert_frame_equal(normalize_pandas(frame), computed(normalize(dask_frame(frame, 1))))


# What is known before.


@pytest.mark.parametrize("options", [{}, {"explode": True}, {"on_error": "keep", "keep": True, "prefix": "v_"}])
def test_columns_and_types_are_known_without_computing(options: dict[str, Any]) -> None:
    """The result's columns, types and categories are those of normalize_pandas before any partition was loaded."""

    def load(part: int) -> pd.DataFrame:
        pytest.fail(f"partition {part} was loaded")

    frame = pd.DataFrame(as_text())
    with dask.config.set({"dataframe.convert-string": False}):
        rows = normalize(dd.from_map(load, range(2), meta=frame.iloc[:0]), **options)
    whole = normalize_pandas(frame, **options)
    assert whole.dtypes.to_dict() == rows.dtypes.to_dict()
    category = rows[options.get("prefix", "") + "error_category"]
    assert category.cat.known
    assert whole[category.name].cat.categories.tolist() == category.cat.categories.tolist()


@pytest.mark.parametrize("explode", [False, True])
def test_index_and_divisions_are_kept(explode: bool) -> None:  # noqa: FBT001
    """The index and what Dask knows of its bounds stay, with explode, too: labels that repeat are in one partition."""
    frame = pd.DataFrame([REFUSED, TWO_FAILED, FINE] * 4, index=pd.date_range("2026-01-01", periods=12, name="at"))
    parts = dask_frame(frame)
    rows = normalize(parts, explode=explode)
    assert parts.known_divisions
    assert parts.divisions == rows.divisions
    assert_divisions(rows, scheduler="synchronous")
    assert_frame_equal(
        normalize_pandas(frame, explode=explode).loc["2026-01-02":"2026-01-05"], computed(rows.loc["2026-01-02":"2026-01-05"])
    )


def test_unknown_divisions_stay_unknown() -> None:
    """Where Dask knows no bounds of the index, it knows none of the result's."""
    rows = normalize(in_parts([pd.DataFrame([REFUSED]), pd.DataFrame([FINE])]))
    assert rows.divisions == (None, None, None)


# Graphs.


def test_the_catalogs_stand_in_the_graph_once() -> None:
    """However many partitions there are, catalogs and overlays are in the graph once; a partition adds less than 2 KB."""
    normalizer = Normalizer(Catalogs.load(OVERLAY))

    def size(parts: int) -> int:
        rows = normalize(dd.from_map(_one_row, range(parts), meta=_one_row(0)), normalizer=normalizer)
        return len(cloudpickle.dumps(dict(rows.optimize().__dask_graph__())))

    catalogs = len(pickle.dumps(BatchNormalizer(normalizer=normalizer)))
    few, many = size(10), size(200)
    assert catalogs < few < 2 * catalogs
    assert (many - few) / 190 < 2048


def _one_row(_: int) -> pd.DataFrame:
    return pd.DataFrame([REFUSED])


def test_what_is_the_same_has_the_same_name() -> None:
    """The same frame with the same options and catalogs is the same computation to Dask; with others it is another."""
    frame = dask_frame(pd.DataFrame([REFUSED]), 1)
    names = [
        normalize(frame)._name,
        normalize(frame, normalizer=Normalizer())._name,
        normalize(frame, on_error="keep")._name,
        normalize(frame, provider="heify")._name,
        normalize(frame, normalizer=Normalizer(Catalogs.load(OVERLAY)))._name,
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    ("asked", "loaded"),
    [
        (["error_code"], {"status", "body"}),
        ("error_code", {"status", "body"}),
        (["job", "error_code", "status"], {"job", "status", "body"}),
    ],
)
def test_only_columns_that_are_needed_are_loaded(asked: Any, loaded: set[str]) -> None:
    """Where some columns of the result are asked for, those are loaded, and what is judged; no others."""
    frame = pd.DataFrame({"job": ["a"], "status": [401], "body": [REFUSED["body"]], "other": [1]})
    wanted: list[list[str]] = []

    def load(_: int, columns: list[str] | None = None) -> pd.DataFrame:
        wanted.append(list(frame.columns if columns is None else columns))
        return frame if columns is None else frame[columns]

    with dask.config.set({"dataframe.convert-string": False}):
        rows = normalize(dd.from_map(load, [0], meta=frame.iloc[:0]), provider="heygen")
    found = computed(rows[asked])
    assert [loaded] == [set(columns) for columns in wanted]
    whole = normalize_pandas(frame, provider="heygen")[asked]
    assert whole.astype(object).to_dict() == found.astype(object).to_dict()


def test_dask_works_on_with_the_result() -> None:
    """Filters, groups, single partitions, repartitioning and joins give what they give on the frame of normalize_pandas."""
    frame = pd.DataFrame(as_text())
    rows, whole = normalize(dask_frame(frame, 6)), normalize_pandas(frame)
    assert_frame_equal(whole[whole["error_category"] == "payment"], computed(rows[rows["error_category"] == "payment"]))
    counted = computed(rows.groupby("error_category", observed=True).size()).sort_index()
    assert whole.groupby("error_category", observed=True).size().to_dict() == counted.to_dict()
    assert_frame_equal(whole, computed(rows.repartition(npartitions=2)))
    assert_frame_equal(whole.head(3), rows.head(3, compute=False).compute(scheduler="synchronous"))
    assert len(whole) == len(computed(rows[["id"]]))


# Dask's own use of what pandas 3.1 deprecates.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index is deprecated")
def test_parquet_of_the_result_has_dictionaries(tmp_path: Path) -> None:
    """Written as Parquet, enums are dictionaries and all rows come back."""
    frame = pd.DataFrame(as_text())
    with dask.config.set(scheduler="synchronous"):
        normalize(dask_frame(frame, **{"dataframe.convert-string": True})).to_parquet(tmp_path / "errors")
    table = pq.read_table(tmp_path / "errors")
    dictionaries = {name for name in COLUMNS if pa.types.is_dictionary(table.schema.field(name).type)}
    assert {field.name for field in error_schema() if pa.types.is_dictionary(field.type)} == dictionaries
    assert all_expected(as_text()) == shown(table.to_pylist())


# Options and errors.


def test_fields_paths_keep_and_prefix() -> None:
    """All options mean what they mean to normalize_pandas."""
    answers = [{"code": 401, "text": REFUSED["body"], "ms": 5}, None, {"code": 200, "text": None, "ms": 6}]
    frame = pd.DataFrame({"vendor": ["heygen"] * 3, "answer": pd.Series(answers, dtype=object), "url": ["/x"] * 3})
    options: dict[str, Any] = {
        "fields": {"provider": "vendor"},
        "paths": {"status": "answer.code", "body": ("answer", "text")},
        "prefix": "v_",
    }
    for keep in (False, True):
        rows = computed(normalize(dask_frame(frame), keep=keep, **options))
        assert_frame_equal(normalize_pandas(frame, keep=keep, **options), rows)


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (["body", "error_code"], {}),
        (["body", "error_raw"], {"on_error": "keep"}),
        (["text", "other"], {}),
        (["body"], {"fields": {"url": "link"}}),
        (["body"], {"provider": "acme"}),
        (["body"], {"on_error": "ignore"}),
        (["body"], {"fields": {"bodies": "body"}}),
        (["body"], {"normalizer": Catalogs.load()}),
    ],
)
def test_what_does_not_fit_is_refused_at_once(columns: list[str], options: dict[str, Any]) -> None:
    """Frames and options that cannot be meant are refused before anything is computed, in the words of normalize_pandas."""
    frame = pd.DataFrame([["x"] * len(columns)], columns=columns)
    with pytest.raises((TypeError, ValueError)) as wanted:
        normalize_pandas(frame, **options)
    with pytest.raises(wanted.type) as caught:
        normalize(dask_frame(frame, 1), **options)
    assert str(wanted.value) == str(caught.value)


def test_an_option_that_is_none_is_refused() -> None:
    """An option that there is not is a TypeError that lists those that there are."""
    with pytest.raises(TypeError, match=r"^normalize\(\) has no option 'vendor': there are provider, fields"):
        normalize(dask_frame(pd.DataFrame([REFUSED]), 1), vendor="heygen")  # type: ignore[call-arg]


def test_two_columns_of_one_name_are_refused() -> None:
    """Columns that have one name, which Dask cannot put together again, are refused before anything is computed."""
    frame = pd.DataFrame([[401, 1, 2]], columns=["status", "x", "x"])
    with pytest.raises(ValueError, match="two columns have the name 'x': rename one of them"):
        normalize(dask_frame(frame, 1), provider="heygen")


@pytest.mark.parametrize("frame", [pd.DataFrame([REFUSED]), dask_frame(pd.DataFrame([REFUSED]), 1)["body"], [REFUSED]])
def test_other_things_are_refused(frame: Any) -> None:
    """What is no frame of Dask is refused by its type."""
    with pytest.raises(TypeError, match="normalize takes a DataFrame of Dask, not "):
        normalize(frame)


@pytest.mark.parametrize("scheduler", ["synchronous", "processes"])
def test_rows_that_cannot_be_read_are_raised(scheduler: str) -> None:
    """A row that cannot be read is an error of the same type from every scheduler, which says that it counts in its partition."""
    frame = dask_frame(pd.DataFrame([REFUSED, REFUSED, REFUSED, ODD]), 2)
    with pytest.raises(RejectedRowsError) as caught:
        computed(normalize(frame), scheduler)
    assert str(caught.value).startswith("1 row of a part of the frame cannot be read: row 1: status is no status. on_error='keep'")


def test_rows_that_cannot_be_read_can_be_kept() -> None:
    """With on_error="keep" they stay in their place, with the reason and what was read of them."""
    frame = pd.DataFrame([REFUSED, ODD, FINE, NAMELESS])
    rows = computed(normalize(dask_frame(frame, 2), on_error="keep"))
    assert_frame_equal(normalize_pandas(frame, on_error="keep"), rows)
    assert rows["error_reject"].isna().tolist() == [True, False, True, False]


@pytest.mark.parametrize("missing", ["dask", "pandas", "pyarrow"])
def test_a_missing_library_is_named_with_the_command_that_installs_it(missing: str) -> None:
    """Without a library that the module needs, its import says which one is missing and how to install it."""
    code = (
        f"import sys\nsys.modules[{missing!r}] = None\n"
        "try: import heify_heygen_errors.pipeline.dask\nexcept ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    name = "heify_heygen_errors.pipeline.dask"
    assert (done.stdout, done.stderr) == (f"{name} needs {missing}: pip install 'heify-heygen-errors[dask]'\n", "")
