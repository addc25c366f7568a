"""New files of logged vendor answers to one table, as they come: ``spark-submit spark_stream.py IN OUT``.

Works on every file of JSON Lines in the folder IN that no run has worked on before, and ends. A run that was killed is
started again with the same words: a batch that it had begun is written anew under the same number, whole.
"""

from __future__ import annotations

import sys

from pyspark.sql import DataFrame, SparkSession

from heify_heygen_errors.pipeline.spark import normalize, split_rejects

SCHEMA = """
    provider STRING, status STRING, headers STRING, body STRING, method STRING, url STRING, exception STRING,
    ts TIMESTAMP, service STRING,
    _corrupt_record STRING
"""


def main(source: str, target: str) -> None:
    """Works on what is new, at most two files in a batch."""
    spark = SparkSession.builder.appName("vendor errors").getOrCreate()
    log = spark.readStream.schema(SCHEMA).options(allowSingleQuotes=False, maxFilesPerTrigger=2).json(source)

    def write(judged: DataFrame, batch: int) -> None:
        # The same batch always holds the same records, so writing it twice is writing it once.
        judged.persist()
        rows, rejects = split_rejects(judged)
        rows.write.mode("overwrite").parquet(f"{target}/rows/batch={batch}")
        rejects.write.mode("overwrite").json(f"{target}/rejects/batch={batch}")
        judged.unpersist()

    query = (
        normalize(log, on_error="keep", corrupt="_corrupt_record")
        .writeStream.foreachBatch(write)
        .option("checkpointLocation", f"{target}/checkpoint")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
