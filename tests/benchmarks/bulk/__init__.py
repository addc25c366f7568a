"""The benchmark of the bulk pipeline: JSON Lines to Parquet, against the same job written by hand in three ways.

    python -m pip install -e '.[bench]'
    python tests/benchmarks/bulk/run.py FOLDER
    python tests/benchmarks/bulk/growth.py FOLDER

FOLDER holds the generated logs, which are made once, and the outputs. Nothing here is timed by the test suite;
`tests/pipeline/test_bulk_benchmark.py` runs each of the jobs on a small log and holds it to its agreement with ours.
Figures with command, date and machine: docs/benchmarks/bulk.md.

- `duckdb_sql`, `polars_job`, `orjson_script`: the jobs written by hand, each a command of its own.
- `lookup`: the table of codes and messages that they read, exported from the catalogs; not timed.
- `contenders`: their command lines and ours.
- `processes`: a command in a fresh process: its time, and the peak memory of its process tree.
- `agreement`: on how many rows two Parquet files say the same; a command as well.
- `run`: the harness. Prints Markdown tables; `--json` prints every figure.
- `growth`: time and memory of ours from 100 thousand to 10 million lines.
"""
