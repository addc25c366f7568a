"""Logged vendor answers to one table with Spark: ``spark-submit spark_job.py IN OUT``.

IN is a folder or glob of JSON Lines. OUT/rows gets Parquet, OUT/rejects a file of what could not be read, as
``hhe normalize --replay`` takes it. Their records together are as many as IN has lines that are not blank.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

from heify_heygen_errors.pipeline.spark import normalize, split_rejects

# Text for everything that is read: numbers and objects come as they are written, and nothing is guessed or lost.
SCHEMA = """
    provider STRING, status STRING, headers STRING, body STRING, method STRING, url STRING, exception STRING,
    ts TIMESTAMP, service STRING,
    _corrupt_record STRING
"""


def main(source: str, target: str) -> None:
    """Reads, normalizes, writes, and tells how many there were."""
    spark = SparkSession.builder.appName("vendor errors").getOrCreate()
    log = spark.read.schema(SCHEMA).option("allowSingleQuotes", False).json(source)
    judged = normalize(log, on_error="keep", corrupt="_corrupt_record").persist()  # both outputs come of one judging
    rows, rejects = split_rejects(judged)
    rows.write.parquet(f"{target}/rows")
    rejects.write.json(f"{target}/rejects")
    print(f"{judged.count()} records = {rows.count()} rows + {rejects.count()} rejects")
    rows.where("error_category IS NOT NULL").groupBy("error_category").count().orderBy("count", "error_category").show()
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
