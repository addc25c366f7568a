"""Delivers webhooks of the fake vendors to receivers on this machine."""

from __future__ import annotations

import queue
import threading
import time
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from heify_heygen_errors.testing.world import Delivery

_TIMEOUT: Final = 5.0
_FAREWELL: Final = 1.0


class Post:
    """Sends webhooks one after the other, in a thread that starts with the first one.

    Only to this machine: an address elsewhere is kept in the list with the reason why it was not sent.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._sent: list[Delivery] = []
        self._open = 0
        self._idle = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def sent(self) -> list[Delivery]:
        """Every webhook so far, those on their way included."""
        with self._idle:
            return list(self._sent)

    def send(self, delivery: Delivery) -> None:
        """Put a webhook on its way."""
        with self._idle:
            self._sent.append(delivery)
            if not _is_here(delivery.url):
                delivery.problem = f"{delivery.url} is not on this machine; webhooks of the fake are delivered to loopback addresses only"
                return
            self._open += 1
            if self._thread is None:
                self._stopping = False
                self._thread = threading.Thread(target=self._run, name="fake-vendors-post", daemon=True)
                self._thread.start()
        self._queue.put(delivery)

    def wait(self, timeout: float) -> list[Delivery]:
        """Wait until nothing is on its way.

        Raises:
            TimeoutError: something is after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        with self._idle:
            while self._open:
                left = end - time.monotonic()
                if left <= 0:
                    msg = f"{self._open} webhooks are still on their way after {timeout:g} seconds"
                    raise TimeoutError(msg)
                self._idle.wait(left)
            return list(self._sent)

    def stop(self, *, wait: bool = True) -> None:
        """End the thread; what waits behind the webhook that is on its way is not sent any more.

        Args:
            wait: for the thread to end, but not longer than a second for a receiver that does not answer.
        """
        with self._idle:
            thread, self._thread = self._thread, None
            self._stopping = True
        if thread is not None:
            self._queue.put(None)
            if wait:
                thread.join(_FAREWELL)

    def _run(self) -> None:
        import requests

        with requests.Session() as session:
            session.trust_env = False
            while True:
                delivery = self._queue.get()
                if delivery is None or self._stopping:
                    return
                try:
                    answer = session.post(
                        delivery.url, data=delivery.body, headers=dict(delivery.headers), timeout=_TIMEOUT, allow_redirects=False
                    )
                    delivery.status = answer.status_code
                except requests.RequestException as problem:
                    delivery.problem = f"{type(problem).__name__}: {problem}"
                with self._idle:
                    self._open -= 1
                    self._idle.notify_all()


def _is_here(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
