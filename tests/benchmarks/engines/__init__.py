"""The benchmark of the engines: the same kernel in one process, in `hhe normalize`, DuckDB, Spark and Dask, in one run.

    python -m pip install -e '.[bench]'
    python tests/benchmarks/engines/run.py FOLDER
    python tests/benchmarks/engines/limits.py

FOLDER holds the generated rows, which are made once, and the outputs. Nothing here is timed by the test suite;
`tests/pipeline/test_engines_benchmark.py` runs each job on a few rows and holds all of them to the same answers.
Figures with command, date and machine: docs/benchmarks/engines.md. What follows from them for clusters: docs/sizing.md.

- `inputs`: the rows, as Parquet files that every engine can split.
- `jobs`: Parquet to Parquet in each engine, with the package and without it. A command: one job in a fresh process, which
  tells start, first small file and work apart.
- `answers`: whether two outputs say the same of each row.
- `run`: the harness. Prints Markdown tables; `--json FILE` writes every figure, for a run takes half an hour.
- `limits`: how the kernel goes with larger bodies, other sizes of batch and larger catalogs, and how Spark splits files.
"""
