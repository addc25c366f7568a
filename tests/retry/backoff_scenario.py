"""What `retrying` does with the backoff that is installed, as JSON on stdout. Run by test_backoff_versions.py, once for each."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

import backoff

from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.normalizer import normalize
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.retry.repeating import retrying

slept: list[float] = []
logged: list[str] = []
real_async_sleep = asyncio.sleep


class Listener(logging.Handler):
    """Keeps what anyone else logs: backoff, that is."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in ("asyncio", "heify_heygen_errors"):
            logged.append(record.getMessage())


async def asleep(seconds: float) -> None:
    slept.append(seconds)
    await real_async_sleep(0)


def throttled() -> ApiError:
    """A refusal that asks for 7 seconds."""
    info = normalize(Observation("heygen", 429, {"Retry-After": "7"}, b'{"error":{"code":"rate_limit_exceeded","message":"Slow"}}'))
    assert info is not None
    return ApiError.of(info)


def options(**more: Any) -> dict[str, Any]:
    return {"budget": None, "draw": lambda: 0.5, **more}


def told(error: BaseException) -> dict[str, Any]:
    """What is to be seen of an exception that left."""
    return {
        "type": type(error).__name__,
        "last": traceback.extract_tb(error.__traceback__)[-1].name,
        "clean": (error.__cause__, error.__context__, error.__suppress_context__) == (None, None, False),
        "attempts": [[one.number, one.wait, one.reason] for one in getattr(error, "attempts", ())],
    }


def outcome(run: Any) -> Any:
    """The result or what was raised, and the waits."""
    slept.clear()
    try:
        result: Any = run()
    except BaseException as error:  # noqa: BLE001 - it is told
        result = told(error)
    return [result, list(slept)]


def function(failures: list[BaseException], **more: Any) -> Any:
    """A decorated function that fails so often."""
    left = list(failures)

    @retrying("heygen", **options(**more))
    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def coroutine(failures: list[BaseException], **more: Any) -> Any:
    """The same as a coroutine."""
    left = list(failures)

    @retrying("heygen", **options(**more))
    async def call() -> str:
        await real_async_sleep(0)
        if left:
            raise left.pop(0)
        return "done"

    return lambda: asyncio.run(call())


def cancelled() -> bool:
    """Whether a task ends that is cancelled while it waits for its next attempt."""

    @retrying("heygen", **options(sleep=lambda _seconds: real_async_sleep(3600)))
    async def call() -> None:
        raise throttled()

    async def main() -> bool:
        task = asyncio.create_task(call())
        for _turn in range(5):
            await real_async_sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    return asyncio.run(main())


def in_threads() -> list[int]:
    """Attempts of calls of one function at the same time."""
    barrier = threading.Barrier(4)
    counts: list[int] = []

    @retrying("heygen", **options())
    def call() -> None:
        barrier.wait(10)
        raise throttled()

    def run() -> None:
        try:
            call()
        except ApiError as error:
            counts.append(len(error.attempts))

    threads = [threading.Thread(target=run) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def main() -> None:
    time.sleep = slept.append
    asyncio.sleep = asleep  # type: ignore[assignment]
    logging.getLogger().addHandler(Listener())
    logging.getLogger().setLevel(logging.DEBUG)
    distribution = sys.argv[1]
    own: list[float] = []
    results = {
        "version": metadata.version(distribution),
        "from": str(Path(backoff.__file__).parents[1]),
        "sync": outcome(function([throttled(), throttled()])),
        "async": outcome(coroutine([throttled(), throttled()])),
        "sync gives up": outcome(function([throttled() for _number in range(4)])),
        "async gives up": outcome(coroutine([throttled() for _number in range(4)])),
        "sync mistake": outcome(function([throttled(), KeyError("id")])),
        "async mistake": outcome(coroutine([throttled(), KeyError("id")])),
        "stop iteration": outcome(function([StopIteration()])),
        "interrupt": outcome(function([KeyboardInterrupt()])),
        "given sleep": [*outcome(function([throttled(), throttled()], sleep=own.append)), list(own)],
        "given async sleep": [*outcome(coroutine([throttled(), throttled()], sleep=asleep))],
        "cancelled": cancelled(),
        "threads": in_threads(),
        "logged": logged,
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
