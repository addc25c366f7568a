"""DataFrames of Spark, batch and streaming: the kernel on the executors.

    >>> from pyspark.sql import SparkSession
    >>> from heify_heygen_errors.pipeline.spark import normalize, split_rejects
    >>> spark = SparkSession.builder.getOrCreate()  # doctest: +SKIP
    >>> judged = normalize(spark.read.json("logs/"), provider="heygen", on_error="keep")  # doctest: +SKIP
    >>> rows, rejects = split_rejects(judged)  # doctest: +SKIP

The executors need this package with the extra ``pipeline``; the driver needs the extra ``spark``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack

from heify_heygen_errors.pipeline.batches import BatchNormalizer
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS
from heify_heygen_errors.pipeline.choices import RejectedRowsError, RowOptions, chosen
from heify_heygen_errors.pipeline.extras import needing
from heify_heygen_errors.records import INPUT_FIELDS, ColumnClash

with needing("heify_heygen_errors.pipeline.spark", "spark"):
    import pyarrow as pa
    import pyarrow.compute
    from pyspark.sql import DataFrame
    from pyspark.sql.types import ArrayType, BooleanType, DataType, DoubleType, IntegerType, MapType, StringType, StructField, StructType

    from heify_heygen_errors.pipeline.arrow_frames import Work
    from heify_heygen_errors.pipeline.judging import slices

if TYPE_CHECKING:
    from pyspark import Broadcast

    from heify_heygen_errors.pipeline.choices import Choices

__all__ = ["normalize", "split_rejects"]

pc: Final[Any] = pyarrow.compute  # most of its functions are made when it is imported
_CORRUPT: Final = "not what the reader of the input takes"
_TYPES: Final[dict[pa.DataType, DataType]] = {
    pa.string(): StringType(),
    pa.int32(): IntegerType(),
    pa.bool_(): BooleanType(),
    pa.float64(): DoubleType(),
}


def normalize(frame: DataFrame, *, corrupt: str | None = None, **options: Unpack[RowOptions]) -> DataFrame:
    """What passes through of a DataFrame, with the ``error_*`` columns behind it.

    Columns are read as by `normalize_arrow`, by names in which case counts; the others pass through with their types. Enums
    are strings, as Spark has no type for them. Nothing is shuffled: each partition is worked on where it is, in its order,
    and gives the same rows if it is worked on again. Streaming DataFrames stay streaming, in append mode and without state;
    a watermark that was set before this function still holds behind it, and it may be set behind it as well.

    The catalogs, with the overlays of `normalizer`, are broadcast, which takes them to each executor once. With Spark
    Connect, which has no broadcast, they travel with the plan.

    Arguments:
        frame: batch or streaming.
        corrupt: the column in which Spark's reader of JSON or CSV puts the lines that it cannot read, such as
            ``_corrupt_record``. These rows count as rows that cannot be read, whatever else the reader made of them;
            the lines stand in ``error_raw`` as they were written, and the column goes.
        options: see `RowOptions`. With ``on_error="keep"`` the column ``error_raw`` holds the whole row as JSON text,
            and `split_rejects` makes two DataFrames of one.

    Raises:
        ColumnClash: a ValueError: a column has the name of an output column, in any case unless
            ``spark.sql.caseSensitive`` is on.
        TypeError: `frame` is none, or there is no such option.
        PySparkNotImplementedError: a column has a type that Spark cannot hand to Python, such as ``INTERVAL YEAR``.
        ValueError: an option is wrong; a column that it or `corrupt` names is missing; or status, body and exception all
            are; or two columns have one name; or one that is read is a variant.
        RejectedRowsError: inside of a PythonException when the query runs: rows cannot be read, unless
            ``on_error="keep"``. They are numbered from the first row that the task got.
    """
    if not isinstance(frame, DataFrame):
        msg = f"normalize takes a DataFrame of Spark, not {type(frame).__module__}.{type(frame).__name__}"
        raise TypeError(msg)
    normalizer = BatchNormalizer.of(chosen("normalize", options))
    schema = _schema(frame.schema, normalizer, corrupt, cased=frame.sparkSession.conf.get("spark.sql.caseSensitive") == "true")
    # mapInArrow looks its columns up by name, which fails for names with dots, backticks, stars, or that differ in case.
    numbered = frame.toDF(*map(str, range(len(frame.columns))))
    with warnings.catch_warnings():
        # PySpark looks at pandas, which no function over Arrow data uses.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        return numbered.mapInArrow(partial(_judged, _shared(frame, normalizer), tuple(frame.columns), corrupt), schema)


def split_rejects(judged: DataFrame, prefix: str = "") -> tuple[DataFrame, DataFrame]:
    """The rows and the rejects of what `normalize` made with ``on_error="keep"``: each record is in one of both.

    Each of the two judges again when it is used, unless `judged` is persisted or was written before.

    Arguments:
        judged: batch or streaming.
        prefix: that `normalize` was given.

    Returns:
        Rows, without the columns ``error_reject`` and ``error_raw``. Rejects, with the members of a rejects file of
        ``hhe normalize``: ``file``, ``line``, ``offset`` (null, as a row of a DataFrame has no place), ``raw_base64`` (the
        whole row as JSON in UTF-8, or the line of a corrupt one, unredacted) and ``reason``. Written as JSON they can be
        tried again with ``hhe normalize --replay``.

    Raises:
        ValueError: `judged` has no such columns.
    """
    made = (f"{prefix}error_reject", f"{prefix}error_raw")
    missing = [name for name in made if name not in judged.columns]
    if missing:
        msg = f"there is no column {missing[0]!r}: pass what normalize(frame, on_error='keep') gave, and its prefix"
        raise ValueError(msg)
    reject, raw = map(_quoted, made)
    rows = judged.where(f"{reject} IS NULL").drop(*made)
    rejects = judged.where(f"{reject} IS NOT NULL").selectExpr(
        "CAST(NULL AS STRING) AS file",
        "CAST(NULL AS BIGINT) AS line",
        "CAST(NULL AS BIGINT) AS offset",
        # Some versions of Spark break base64 into lines.
        rf"translate(base64(encode({raw}, 'UTF-8')), '\r\n', '') AS raw_base64",
        f"{reject} AS reason",
    )
    return rows, rejects


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _shared(frame: DataFrame, normalizer: BatchNormalizer) -> Broadcast[BatchNormalizer] | BatchNormalizer:
    try:
        context = frame.sparkSession.sparkContext
    except AttributeError:  # Spark Connect
        return normalizer
    return context.broadcast(normalizer)


def _judged(
    shared: Broadcast[BatchNormalizer] | BatchNormalizer, names: Sequence[str], corrupt: str | None, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The rows of a task, whose columns have these names. Runs on the executors."""
    normalizer = shared if isinstance(shared, BatchNormalizer) else shared.value
    choices = normalizer.choices
    work: Work | None = None
    first = 0
    for numbered in batches:
        batch = numbered.rename_columns(names)
        work = work or Work(batch.schema, normalizer.judge, whole_rows=True)
        if corrupt is not None:
            batch = _blanked(batch, corrupt, choices, first)
        for start, end in slices(batch.num_rows):
            rows = work.batch(batch.slice(start, end - start))
            if work.rejected:
                raise RejectedRowsError(work.rejected).of_part()
            yield _plain(rows if corrupt is None else _with_corrupt_lines(rows, corrupt, choices))
        first += batch.num_rows


def _blanked(batch: pa.RecordBatch, corrupt: str, choices: Choices, first: int) -> pa.RecordBatch:
    """A batch in which corrupt lines observe nothing, so that they have one row each; readers give what they could read of them."""
    whole = batch.column(corrupt).is_null().to_pylist()
    if all(whole):
        return batch
    if not choices.keep_rejects:
        raise RejectedRowsError([(first + row, _CORRUPT) for row, sound in enumerate(whole) if not sound]).of_part()
    places = pa.array([row if sound else None for row, sound in enumerate(whole)], pa.int64())
    for name in choices.columns:
        at = batch.schema.get_field_index(name)
        if at >= 0:
            batch = batch.set_column(at, batch.schema.field(at), batch.column(at).take(places))
    return batch


def _with_corrupt_lines(rows: pa.RecordBatch, corrupt: str, choices: Choices) -> pa.RecordBatch:
    """Rows in which corrupt lines are told as such, without the column that they stood in."""
    lines = rows.column(corrupt)
    if choices.keep_rejects:
        reject, raw = choices.made[-len(KEPT_COLUMNS) :]
        for name, told in ((reject, pa.scalar(_CORRUPT)), (raw, lines.cast(pa.string()))):
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, name, pc.if_else(lines.is_valid(), told, rows.column(at)))
    return rows.select([name for name in rows.schema.names if name != corrupt])


def _plain(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows with texts instead of dictionaries, which Spark cannot read."""
    columns = [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


# Schemas.


def _schema(given: StructType, normalizer: BatchNormalizer, corrupt: str | None, *, cased: bool) -> StructType:
    """What comes out. Refuses what surely does not go in."""
    choices = normalizer.choices
    names = given.names
    choices.refuse_misfit(names)
    if not cased:
        _refuse_clash_without_case(names, choices.made)
    choices.refuse_doubles(names)
    if corrupt is not None and (corrupt not in names or corrupt in choices.columns):
        msg = f"there is no column {corrupt!r} of corrupt lines: name it in the schema that the reader is given, as text"
        raise ValueError(msg)
    passed = [field for field in given.fields if field.name not in (*choices.bulky, corrupt)]
    for field in INPUT_FIELDS:
        path = choices.options.paths.get(field) or (choices.options.fields[field],)
        if path[0] not in names:
            continue  # it was not named
        kind = _type_at(given, field, path)
        if _holds_variant(kind):  # in Spark's own encoding in Arrow data
            msg = f"{field}: {'.'.join(path)!r} is a variant or holds one: give its text, as to_json makes it"
            raise ValueError(msg)
        if len(path) > 1 and field in ("headers", "url", "body") and not choices.options.keep:
            passed = _without(passed, path)
    made = [StructField(field.name, _TYPES.get(field.type, StringType())) for field in normalizer.judge.schema]
    return StructType([*passed, *made])


def _refuse_clash_without_case(names: Sequence[str], made: Sequence[str]) -> None:
    """Refuses columns that Spark could not tell from output columns."""
    taken = {name.lower() for name in made}
    clash = [name for name in names if name.lower() in taken]
    if clash:
        msg = f"the input has a column {clash[0]!r} already, and case makes no other name: choose another name for ours with prefix="
        raise ColumnClash(msg)


def _holds_variant(kind: DataType) -> bool:
    inner: list[DataType] = []
    if isinstance(kind, StructType):
        inner = [field.dataType for field in kind.fields]
    elif isinstance(kind, ArrayType):
        inner = [kind.elementType]
    elif isinstance(kind, MapType):
        inner = [kind.keyType, kind.valueType]
    return kind.typeName() == "variant" or any(map(_holds_variant, inner))


def _type_at(given: StructType, field: str, path: Sequence[str]) -> DataType:
    """The type of what stands at a path; refuses one that leads nowhere."""
    kind: DataType = given
    for place, name in enumerate(path):
        if not isinstance(kind, StructType) or name not in kind.names:
            there = f"has no field {name!r}: there are {', '.join(kind.names)}" if isinstance(kind, StructType) else None
            msg = f"paths: {field}: {'.'.join(path[:place])!r} {there or f'is no struct but {kind.simpleString()}'}"
            raise ValueError(msg)
        kind = kind[name].dataType
    return kind


def _without(fields: Iterable[StructField], path: Sequence[str]) -> list[StructField]:
    """Fields without the one at a path, and without structs that it leaves empty."""
    left = []
    for field in fields:
        kind: Any = field.dataType
        if field.name == path[0]:
            inner = _without(kind.fields, path[1:]) if len(path) > 1 else []
            if not inner:
                continue
            kind = StructType(inner)
        left.append(StructField(field.name, kind, field.nullable, field.metadata))
    return left
