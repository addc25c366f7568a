"""Parquet to Parquet in each engine, in a fresh process that tells start, first small file and work apart.

    python tests/benchmarks/engines/jobs.py Spark SMALL ROWS OUTPUT --cores 2

SMALL and ROWS are folders of `inputs`, OUTPUT is a folder that is made anew. Prints one line of JSON, see `Taken`.

Jobs "without" the package read every column and write those that pass through: what an engine takes for itself. In Spark
and Dask the rows go to Python and back as they do with the package. DuckDB has no such step, so there it only adds up the
lengths of the texts, for otherwise it would not read them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a file: the folder above the package's holds it
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.engines.inputs import PASSED, READ_ONLY

SPARK_TESTS = Path(__file__).resolve().parents[2] / "pipeline" / "spark"
AGAIN = 3
"""How often an engine works on the small file again, so that a JVM has compiled what it needs."""

SPLIT = "8m"
"""As much of a file makes a task of Spark, so that each core has several. By default 128 MB do."""


class Engine(NamedTuple):
    """An engine that has started.

    Attributes:
        run: reads a folder and writes another one, which is not there.
        load: brings a folder into memory first, where that is not to be timed.
        save: writes what `run` left in memory, where that is not to be timed.
        notes: what there is to tell about the way in which a folder is worked on, by name.
    """

    run: Callable[[Path, Path], object]
    load: Callable[[Path], object] = lambda _: None
    save: Callable[[Path], object] = lambda _: None
    notes: Callable[[Path], dict[str, object]] = lambda _: {}


class Taken(NamedTuple):
    """What a job took, in seconds.

    Attributes:
        start: from the start of the process until the engine can be asked: interpreter, imports, JVM, session, processes.
        first: for the first small file: catalogs, imports in workers, code that compiles itself.
        again: for the same file once more, the best of some times: what little work costs an engine that runs.
        work: for the rows.
        cpu: the part of `work` that is processor time, of all processes together.
        notes: see `Engine`.
    """

    start: float
    first: float
    again: float
    work: float
    cpu: float
    notes: dict[str, object]


# The kernel, and the command.


@contextmanager
def kernel(cores: int) -> Iterator[Engine]:
    """`normalize_arrow` over batches in memory, in a process for each core, each with files of its own."""
    with ExitStack() as stack:
        pipes = [stack.enter_context(_kernel_process(number, cores)) for number in range(cores)]

        def everywhere(*task: object) -> None:
            for pipe in pipes:
                pipe.send(task)
            for pipe in pipes:
                pipe.recv()

        everywhere("start")
        yield Engine(
            lambda _source, _target: everywhere("run"), lambda source: everywhere("load", source), lambda target: everywhere("save", target)
        )


@contextmanager
def _kernel_process(number: int, of: int) -> Iterator[Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_kernel_worker, args=(theirs, number, of))
    process.start()
    theirs.close()  # so that its end is seen here
    try:
        yield ours
    finally:
        with suppress(OSError):  # it has ended
            ours.send(("end",))
        process.join()


def _kernel_worker(pipe: Connection, number: int, of: int) -> None:
    """Does what it is told and says when it is done."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from heify_heygen_errors import normalize_arrow

    rows = judged = None
    while (task := pipe.recv())[0] != "end":
        match task:
            case ("load", source):
                rows = pa.concat_tables([pq.read_table(file) for file in _files(source)[number::of]])
            case ("run",):
                judged = normalize_arrow(pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())).read_all()
            case ("save", target):
                target.mkdir(exist_ok=True)
                pq.write_table(judged, target / f"{number}.parquet")
        pipe.send("done")


def _files(source: Path) -> list[Path]:
    return sorted(source.glob("*.parquet"))


@contextmanager
def command(cores: int) -> Iterator[Engine]:
    """`hhe normalize`, called in this process, which starts workers each time if there are to be several."""
    from heify_heygen_errors.cli import main

    def run(source: Path, target: Path) -> None:
        code = main(["normalize", str(source), "-o", f"{target}/", "--jobs", str(cores), "--quiet"])
        if code:
            msg = f"hhe normalize ended with {code}"
            raise RuntimeError(msg)

    yield Engine(run)


@contextmanager
def bare_pyarrow(cores: int) -> Iterator[Engine]:
    """Batch by batch with pyarrow alone, which decodes columns in threads."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    pa.set_cpu_count(cores)

    def run(source: Path, target: Path) -> None:
        target.mkdir()
        rows = ds.dataset(_files(source))
        with pq.ParquetWriter(target / "rows.parquet", pa.schema([rows.schema.field(name) for name in PASSED])) as writer:
            for batch in rows.to_batches():
                writer.write_batch(batch.select(PASSED))

    yield Engine(run)


# DuckDB.


@contextmanager
def duckdb(cores: int) -> Iterator[Engine]:
    """The function in SQL, from `read_parquet` to `COPY`."""
    with _duckdb_connection(cores) as connection:
        from heify_heygen_errors.pipeline.duckdb import register

        register(connection)
        yield Engine(_copied(connection, f"SELECT {', '.join(PASSED)}, unnest(hhe_normalize(log)) FROM {{rows}} AS log"))


@contextmanager
def bare_duckdb(cores: int) -> Iterator[Engine]:
    """`COPY` of the columns that pass through."""
    lengths = " + ".join(f"coalesce(strlen({name}), 0)" for name in READ_ONLY)
    with _duckdb_connection(cores) as connection:
        yield Engine(_copied(connection, f"SELECT {', '.join(PASSED)}, {lengths} AS length FROM {{rows}}"))


@contextmanager
def _duckdb_connection(cores: int) -> Iterator[Any]:
    import duckdb as library

    with library.connect(config={"threads": cores}) as connection:
        yield connection


def _copied(connection: Any, select: str) -> Callable[[Path, Path], object]:
    def run(source: Path, target: Path) -> None:
        target.mkdir()
        rows = f"read_parquet('{source}/*.parquet')"
        connection.sql(f"COPY ({select.format(rows=rows)}) TO '{target}/rows.parquet' (FORMAT parquet)")

    return run


# Spark.


@contextmanager
def spark(cores: int) -> Iterator[Engine]:
    """`normalize` in a session on this machine."""
    with spark_session(cores) as session:
        from heify_heygen_errors.pipeline.spark import normalize

        yield _spark_engine(session, normalize)


@contextmanager
def bare_spark(cores: int) -> Iterator[Engine]:
    """`mapInArrow` that hands rows back."""
    with spark_session(cores) as session:

        def passed(frame: Any) -> Any:
            return frame.mapInArrow(_passed_batches, frame.select(*PASSED).schema)

        yield _spark_engine(session, passed)


def _passed_batches(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        yield batch.select(PASSED)


@contextmanager
def spark_session(cores: int, split: str = SPLIT) -> Iterator[Any]:
    """A session in this process, with the Java of the tests."""
    sys.path.append(str(SPARK_TESTS))
    import spark_host

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.update(spark_host.prepare(folder))
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the workers read functions of this module
        session = spark_host.session(folder, f"local[{cores}]", spark__sql__files__maxPartitionBytes=split)
        try:
            yield session
        finally:
            session.stop()


def _spark_engine(session: Any, change: Callable[[Any], Any]) -> Engine:
    def notes(source: Path) -> dict[str, object]:
        frame = change(session.read.parquet(str(source)))
        plan = frame._jdf.queryExecution().executedPlan().toString()
        return {"tasks": frame.rdd.getNumPartitions(), "exchanges": plan.count("Exchange")}

    return Engine(lambda source, target: change(session.read.parquet(str(source))).write.parquet(str(target)), notes=notes)


# Dask.


@contextmanager
def dask(cores: int) -> Iterator[Engine]:
    """`normalize` with a process for each core."""
    from heify_heygen_errors.pipeline.dask import normalize

    with _dask_processes(cores):
        yield _dask_engine(normalize)


@contextmanager
def bare_dask(cores: int) -> Iterator[Engine]:
    """`map_partitions` that hands rows back."""
    with _dask_processes(cores):
        yield _dask_engine(lambda frame: frame.map_partitions(_passed_columns, meta=_passed_columns(frame._meta)))


def _passed_columns(part: Any) -> Any:
    return part[list(PASSED)]


@contextmanager
def _dask_processes(cores: int) -> Iterator[None]:
    import dask as library

    with (
        ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool,
        library.config.set(scheduler="processes", pool=pool, num_workers=cores),
    ):
        yield


def _dask_engine(change: Callable[[Any], Any]) -> Engine:
    import dask.dataframe as dd

    def run(source: Path, target: Path) -> None:
        change(dd.read_parquet(_files(source))).to_parquet(target, write_index=False)

    return Engine(run, notes=lambda source: {"tasks": change(dd.read_parquet(_files(source))).npartitions})


JOBS: dict[str, Callable[[int], AbstractContextManager[Engine]]] = {
    "kernel": kernel,
    "hhe normalize": command,
    "pyarrow without": bare_pyarrow,
    "DuckDB": duckdb,
    "DuckDB without": bare_duckdb,
    "Spark": spark,
    "Spark without": bare_spark,
    "Dask": dask,
    "Dask without": bare_dask,
}
"""By name, with the number of cores."""

WITHOUT = {"hhe normalize": "pyarrow without", "DuckDB": "DuckDB without", "Spark": "Spark without", "Dask": "Dask without"}
"""The job that does the same without the package."""


def measure(name: str, small: Path, rows: Path, output: Path, cores: int, since: float) -> Taken:
    """Runs a job.

    Arguments:
        name: one of `JOBS`.
        small: the folder to start on.
        rows: the folder that counts.
        output: is made anew; holds what was made of `rows` at the end.
        cores: that the engine is told of.
        since: `perf_counter` when the process was started.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with JOBS[name](cores) as engine:
        started = perf_counter()
        engine.load(small)
        first, *again = [_seconds(engine, small, output) for _ in range(1 + AGAIN)]
        engine.load(rows)
        before = processor_time()
        work = _seconds(engine, rows, output)
        cpu = processor_time() - before
        engine.save(output)
        return Taken(started - since, first, min(again), work, cpu, engine.notes(rows))


def _seconds(engine: Engine, rows: Path, output: Path) -> float:
    shutil.rmtree(output, ignore_errors=True)
    begun = perf_counter()
    engine.run(rows, output)
    return perf_counter() - begun


def processor_time() -> float:
    """Seconds of all processes of this session, and of those that they have waited for."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            # The name in brackets may hold anything; behind it stand state, parent, group and session.
            fields = stat.read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == os.getsid(0):
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="One job of the benchmark of the engines.")
    parser.add_argument("name", choices=JOBS)
    parser.add_argument("small", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--since", type=float, default=perf_counter(), help="perf_counter when this was started")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # those of the engines
    taken = measure(options.name, options.small, options.rows, options.output, options.cores, options.since)
    print(json.dumps(taken._asdict()))


if __name__ == "__main__":
    main()
