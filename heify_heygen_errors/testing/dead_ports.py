"""Ports behind which nobody is: one takes connections and never says a word, one takes none."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Final

_HOST: Final = "127.0.0.1"
_QUEUE: Final = 4096
_TRIES: Final = 8
# A connection on loopback comes about within microseconds, or not at all.
_COMES_ABOUT: Final = 0.1


class DeadPorts:
    """The dead ports of one server, each made when it is first asked for. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = contextlib.ExitStack()
        self._silent = 0
        self._full = 0

    @property
    def silent(self) -> int:
        """A port where connections come about, since the system accepts them, and nobody ever reads or answers.

        It takes as many connections as the system's queue holds, those that clients have ended included: 4096 on Linux.
        """
        with self._lock:
            if not self._silent:
                self._silent = _listening(self._held, _QUEUE)
            return self._silent

    @property
    def full(self) -> int:
        """A port whose queue is full, so that further connections never come about.

        Raises:
            RuntimeError: the system does not leave such connections waiting; Linux does.
        """
        with self._lock:
            if not self._full:
                with contextlib.ExitStack() as held:
                    port = _listening(held, 0)
                    _fill(port, held)
                    self._held.enter_context(held.pop_all())
                self._full = port
            return self._full

    def close(self) -> None:
        """Let go of the ports. Whoever waits there is told that the connection is reset. Harmless if there are none."""
        with self._lock:
            self._held.close()
            self._silent = self._full = 0


def _listening(held: contextlib.ExitStack, queue: int) -> int:
    listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    listener.bind((_HOST, 0))
    listener.listen(queue)
    port: int = listener.getsockname()[1]
    return port


def _fill(port: int, held: contextlib.ExitStack) -> None:
    """Connect until a connection does not come about.

    Raises:
        RuntimeError: they all do, or are refused.
    """
    for _ in range(_TRIES):
        waiting = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        waiting.setblocking(False)  # noqa: FBT003 - its only argument
        waiting.connect_ex((_HOST, port))
        _, came, _ = select.select([], [waiting], [], _COMES_ABOUT)
        if not came:
            waiting.close()
            return
    msg = "this system does not let a queue of connections fill up, so that no address is unreachable here; Linux does"
    raise RuntimeError(msg)
