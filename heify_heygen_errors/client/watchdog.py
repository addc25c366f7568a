"""Ends what waits for a socket when the deadline of its call has passed.

Time-outs of sockets count between two bytes, so that a peer which sends one byte now and then is never late. Here one
thread for the whole process shuts the socket of a call down at its deadline: every read and write on it ends at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from io import IOBase
from math import inf
from time import monotonic
from typing import Final

# What a condition can wait for has a limit, and nobody minds a wake-up an hour.
_LONGEST_WAIT: Final = 3600.0


class Watch:
    """The deadline of one call, and the socket that it uses at the time.

    It never touches a socket that was let go, so that a connection can serve the next call while this one ends.

    Arguments:
        deadline: on `time.monotonic`; `math.inf` for none.

    Attributes:
        deadline: the same.
        fired: whether the deadline passed before the watch was cancelled.
    """

    __slots__ = ("_guard", "_line", "deadline", "fired")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.fired = False
        self._line: socket.socket | None = None
        self._guard: IOBase | None = None

    def start(self) -> None:
        """Begin to watch. Call `cancel` whatever happens then."""
        if self.deadline != inf:
            _watchdog.add(self)

    def cancel(self) -> None:
        """End the watch. What it held stays as it is."""
        with _watchdog.lock:
            _watchdog.watches.discard(self)
            self._line = None
            if self._guard is not None:
                self._guard.close()
                self._guard = None

    def holds(self, line: object) -> bool:
        """Whether this is the socket that will be shut down."""
        return self._line is line

    def hold(self, line: object) -> None:
        """Shut this socket down at the deadline, and no longer the one held before; at once if the deadline has passed.

        Args:
            line: a socket, or what urllib3 puts around one. None and anything else holds nothing.
        """
        with _watchdog.lock:
            self._line = _socket_of(line)
            if self.fired:
                self._shut()

    def let_go(self, line: object) -> bool:
        """Leave this socket alone from now on.

        Returns:
            Whether the socket is still as it was. False: it was shut down and is good for nothing more.
        """
        with _watchdog.lock:
            if self._line is None or self._line is not _socket_of(line):
                return True
            self._line = None
            return not self.fired

    def keep_open(self, line: object) -> None:
        """Put off the end of this socket, which is about to be closed, until `cancel`.

        Otherwise its number could be another socket's by the time that it is shut down.
        """
        with _watchdog.lock:
            if self._line is not None and self._guard is None and self._line is _socket_of(line):
                self._guard = self._line.makefile("rb", buffering=0)

    def fire(self) -> None:
        """Shut down what is held. The lock is held by the caller."""
        self.fired = True
        self._shut()

    def _shut(self) -> None:
        if self._line is None:
            return
        with contextlib.suppress(OSError):  # it has ended already
            # Not line.shutdown: that of TLS sockets also drops their state, under the feet of the thread that reads.
            socket.socket.shutdown(self._line, socket.SHUT_RDWR)


def _socket_of(line: object) -> socket.socket | None:
    """The socket itself: urllib3 wraps it for TLS inside TLS and for pyOpenSSL."""
    while line is not None and not isinstance(line, socket.socket):
        line = getattr(line, "socket", None)
    return line


class _Watchdog:
    """The watches that are running, and the thread that fires them; it begins with the first."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget everything: a forked process has neither the thread nor, perhaps, a free lock."""
        self.lock = threading.Lock()
        self.watches: set[Watch] = set()
        self._changed = threading.Condition(self.lock)
        self._thread: threading.Thread | None = None
        self._wake_at = inf

    def add(self, watch: Watch) -> None:
        """Have a watch fired at its deadline."""
        with self.lock:
            self.watches.add(watch)
            # Mostly the thread wakes early enough anyway: for a deadline before, whether its call still runs or not.
            if watch.deadline >= self._wake_at:
                return
            before, self._wake_at = self._wake_at, watch.deadline
            try:
                if self._thread is None:
                    self._thread = self._started()
                else:
                    self._changed.notify()
            except RuntimeError:  # the interpreter is ending, or no thread can be had: the time-outs between bytes remain
                self._wake_at = inf
            except BaseException:  # such as Ctrl-C: the next watch has to wake the thread
                self._wake_at = before
                raise

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="heify_heygen_errors deadlines", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        with self.lock:
            while True:
                now = monotonic()
                if now >= self._wake_at:
                    self._wake_at = self._fire(now)
                self._changed.wait(None if self._wake_at == inf else min(max(0.0, self._wake_at - now), _LONGEST_WAIT))

    def _fire(self, now: float) -> float:
        """Fire what is due; returns when the next one is."""
        next_one = inf
        for watch in tuple(self.watches):
            if watch.deadline <= now:
                self.watches.discard(watch)
                watch.fire()
            else:
                next_one = min(next_one, watch.deadline)
        return next_one


_watchdog: Final = _Watchdog()

if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_watchdog.renew)
