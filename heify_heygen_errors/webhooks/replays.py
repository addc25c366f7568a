"""The replay guard: which events were accepted before.

HeyGen's timestamp stands in a header that its signature does not cover, so a delivery that somebody recorded can be sent
again with a new timestamp at any time. Remembering what was accepted is what protects from that.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

MOST: Final = 100_000
"""Keys that `MemoryReplays` remembers at once unless told otherwise."""

REMEMBER: Final = 24 * 3600.0
"""Seconds for which an accepted event is remembered unless told otherwise."""

_SLACK: Final = 64


class Replays(Protocol):
    """A memory of accepted events. One that several processes share must claim in one step: two of them may ask at once."""

    def claim(self, key: str, seconds: float, /) -> bool:
        """Remember a key for so many seconds; True if it was not remembered before, and for exactly one of several who ask."""
        ...

    def release(self, key: str, /) -> None:
        """Forget a key, so that it can be claimed again; nothing happens if it is not remembered."""
        ...


class MemoryReplays:
    """Remembers in the memory of this process. Safe to share between threads.

    When it is full, the key that would be forgotten first makes room.

    Arguments:
        most: keys that it remembers at once; a key takes about 300 bytes.
        clock: time in seconds that only goes forward.

    Raises:
        ValueError: most is no whole number above 0.
        TypeError: the clock cannot be called.
    """

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        if isinstance(most, bool) or not isinstance(most, int) or most <= 0:
            msg = f"most is a whole number above 0, not {most!r}"
            raise ValueError(msg)
        if not callable(clock):
            msg = f"clock is a function without arguments that gives seconds, not {clock!r}"
            raise TypeError(msg)
        self._most = most
        self._clock = clock
        self._until: dict[str, float] = {}
        # The same by time; entries of keys that were released or claimed anew stay until they come up.
        self._queue: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many keys are remembered."""
        with self._lock:
            self._forget_before(self._clock())
            return len(self._until)

    def __repr__(self) -> str:
        return f"MemoryReplays({len(self)} of {self._most})"

    def claim(self, key: str, seconds: float) -> bool:
        """Remember a key for so many seconds; False if it is remembered already.

        Raises:
            ValueError: the seconds are not above 0.
        """
        if not seconds > 0:
            msg = f"a key is remembered for seconds above 0, not {seconds!r}"
            raise ValueError(msg)
        with self._lock:
            now = self._clock()
            self._forget_before(now)
            if key in self._until:
                return False
            while len(self._until) >= self._most:
                self._drop_first()
            self._until[key] = now + seconds
            heapq.heappush(self._queue, (now + seconds, key))
            if len(self._queue) > 2 * self._most + _SLACK:
                self._queue = [(until, known) for known, until in self._until.items()]
                heapq.heapify(self._queue)
            return True

    def release(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._until.pop(key, None)

    def _forget_before(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            self._drop_first()

    def _drop_first(self) -> None:
        until, key = heapq.heappop(self._queue)
        if self._until.get(key) == until:
            del self._until[key]
