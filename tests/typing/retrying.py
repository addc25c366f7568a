"""Never run: this file must type-check, which pins the public signatures of `retrying`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from heify_heygen_errors import Normalizer
from heify_heygen_errors.retry.budget import RetryBudget, shared_budget
from heify_heygen_errors.retry.events import Hooks
from heify_heygen_errors.retry.policy import RetryPolicy
from heify_heygen_errors.retry.repeating import RetryAttempt, Retrying, retrying


# Functions keep their signature, decorated with and without parentheses.
@retrying("heygen", method="GET", url="/v3/videos", effect="read")
def fetch(number: int, *, deep: bool = False) -> list[str]:
    return [str(number), str(deep)]


@retrying
def bare(number: int) -> str:
    return str(number)


@retrying()
async def pull(number: int) -> bytes:
    return bytes(number)


assert_type(fetch(1, deep=True), list[str])
assert_type(bare(1), str)
asynchronous: Callable[[int], Coroutine[Any, Any, bytes]] = pull
fetch("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
bare()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
retrying("heygen", effect="reads")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
retrying("heygen", "GET")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


class Service:
    """Methods are methods."""

    @retrying("heify")
    def fetch(self, number: int) -> int:
        return number

    @staticmethod
    @retrying("heify")
    async def pull() -> int:
        return 1


assert_type(Service().fetch(1), int)


# Every argument.
every = retrying(
    "heygen",
    method="POST",
    url="https://api.heygen.com/v3/videos",
    effect="spends",
    idempotency_key=lambda job: f"job-{job}",
    policy=RetryPolicy(attempts=5),
    deadline=30,
    budget=RetryBudget(10),
    hooks=[Hooks(on_retry=print), Hooks()],
    clock=time.monotonic,
    sleep=time.sleep,
    draw=random.random,
    normalizer=Normalizer(),
)
assert_type(every, Retrying)
retrying(None, idempotency_key="key", budget="shared", hooks=Hooks(), sleep=asyncio.sleep)
retrying(budget=None)
retrying(budget=shared_budget("heygen", "api.heygen.com"))


# Loops.
def loop() -> int | None:
    for attempt in every:
        assert_type(attempt, RetryAttempt)
        with attempt as entered:
            assert_type(entered, RetryAttempt)
            assert_type(attempt.number, int)
            assert_type(attempt.elapsed, float)
            assert_type(attempt.remaining, float | None)
            return attempt.number
    return None


async def async_loop() -> None:
    assert_type(await pull(1), bytes)
    assert_type(await Service.pull(), int)
    async for attempt in every:
        with attempt:
            assert_type(attempt, RetryAttempt)
