"""One Spark for all tests of it in a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from spark_host import SparkHost, spark_host


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkHost]:
    """Spark on a cluster of two executors."""
    with spark_host(tmp_path_factory.mktemp("spark")) as host:
        yield host
