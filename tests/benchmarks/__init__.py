"""Benchmarks of the core: how its speed compares with that of others, side by side in one run.

    python -m pip install -e '.[bench]'
    python tests/benchmarks/run.py

Nothing here is timed by the test suite; `tests/test_benchmarks.py` only runs each benchmark for one round and
checks that all sides read the same thing. Figures with command, date and machine: docs/benchmarks/core.md.

- `run`: the command. Prints Markdown tables; `--json` prints every figure as JSON.
- `samples`: the responses, of every shape that is measured; each call gets a body that was never seen before.
- `timing`: interleaved rounds, best and median.
- `responses`: one small response to an `ErrorInfo`, against botocore, openai and litellm.
- `decoding`: the same against `json.loads` of the same body.
- `startup`: importing the package and one `normalize` in a fresh process, against `import requests`.
- `report`: ratios, goals, tables.

How to read them: times are microseconds per call (milliseconds per process for `startup`). A goal is met only
if the ratio of the best rounds and the ratio of the medians both meet it.
"""
