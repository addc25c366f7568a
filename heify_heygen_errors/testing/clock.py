"""A clock that stands still until it is told to move, with a sleep that records instead of sleeping."""

from __future__ import annotations

import threading
from asyncio import sleep as _give_way  # the fixture recorded_sleep replaces asyncio.sleep
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns the time in seconds; for the fake vendors, seconds since 1970."""

# 2026-11-01T00:00:00Z: the first of a month, so that quotas of a month begin with the clock.
_START: Final = 1_793_491_200.0
_MOST: Final = 10_000


class ManualClock:
    """A clock and a sleep for tests of waiting: nothing waits, and every wait is on record.

    Call it for the time. Give its `sleep` (or `asleep`) to the code under test in place of `time.sleep`
    (`asyncio.sleep`), and the clock itself to `FakeServer(clock=...)`: jobs, signed URLs and rate limits then
    move on exactly as far as the code under test waited. Safe to share between threads.

    Args:
        start: the first time it shows, in seconds since 1970.
    """

    def __init__(self, start: float = _START) -> None:
        self._now = start
        self._slept: list[float] = []
        self._lock = threading.Lock()
        self._watchers: list[Callable[[], None]] = []

    def __call__(self) -> float:
        """The time in seconds since 1970."""
        return self._now

    def __repr__(self) -> str:
        return f"ManualClock(now={self._now}, slept={self._slept})"

    @property
    def slept(self) -> list[float]:
        """Every wait so far, in seconds, in order."""
        with self._lock:
            return list(self._slept)

    @property
    def total(self) -> float:
        """The sum of all waits in seconds."""
        return sum(self.slept)

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds without a sleep being recorded.

        Raises:
            ValueError: the seconds are negative or no number; time does not go back.
        """
        if not 0 <= seconds < float("inf"):
            msg = f"a clock goes forward only: advance({seconds!r})"
            raise ValueError(msg)
        with self._lock:
            self._now += seconds
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher()

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` does, without the waiting: the wait is recorded and the clock moves on.

        Raises:
            ValueError: the seconds are negative or no number, as `time.sleep` says, too.
            RuntimeError: it is the 10,001st sleep, which a loop that never ends comes to in no time.
        """
        if not 0 <= seconds < float("inf"):
            msg = f"sleep length must be a number and not negative: {seconds!r}"
            raise ValueError(msg)
        with self._lock:
            self._slept.append(seconds)
            if len(self._slept) > _MOST:
                msg = f"{_MOST} sleeps are on record: the code under test never gives up, or goes by a clock that is not this one"
                raise RuntimeError(msg)
        self.advance(seconds)

    async def asleep(self, seconds: float, result: Any = None) -> Any:
        """What `asyncio.sleep` does, without the waiting: other tasks get their turn, the wait is recorded.

        A sleep of 0, which asyncio programs use to give way, is not.
        """
        if seconds > 0:
            self.sleep(seconds)
        await _give_way(0)
        return result

    def watch(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Have `moved` called whenever the clock moves on; returns the function that ends this."""
        with self._lock:
            self._watchers.append(moved)

        def end() -> None:
            with self._lock:
                if moved in self._watchers:
                    self._watchers.remove(moved)

        return end
