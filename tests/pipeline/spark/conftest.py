"""One Spark for all tests of it in a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from spark_host import SparkHost, spark_host

SPECULATION = {
    "spark__speculation": "true",
    "spark__speculation__interval": "100ms",
    "spark__speculation__minTaskRuntime": "4s",
    "spark__speculation__multiplier": "1.5",
    "spark__speculation__quantile": "0.5",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkHost]:
    """Spark on a cluster of two executors, which tries tasks again that fail or are slow."""
    with spark_host(tmp_path_factory.mktemp("spark"), **SPECULATION) as host:
        yield host
