"""Logged vendor answers to one table with Ray Data: ``python ray_job.py IN OUT``.

IN is a folder of Parquet files, OUT gets others: their columns, and the ``error_*`` columns behind them. Every row of IN is
a row of OUT; where ``error_reject`` is not null it could not be read, and ``error_raw`` holds what was read of it.
"""

from __future__ import annotations

import sys

import ray

from heify_heygen_errors import BatchNormalizer


def main(source: str, target: str) -> None:
    """Reads, normalizes, writes, and tells how many there were."""
    log = ray.data.read_parquet(source)
    rows = log.map_batches(BatchNormalizer(on_error="keep"), batch_format="pyarrow")
    rows.write_parquet(target)
    print(f"{ray.data.read_parquet(target).count()} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
