"""Delivers webhooks of the fake vendors to receivers on this machine."""

from __future__ import annotations

import queue
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from heify_heygen_errors.testing.world import Delivery

if TYPE_CHECKING:
    import requests

_TIMEOUT: Final = 5.0
_FAREWELL: Final = 1.0


class Post:
    """Sends webhooks one after the other, in a thread that starts with the first one.

    Only to this machine: an address elsewhere is kept in the list with the reason why it was not sent.
    """

    def __init__(self) -> None:
        self._sent: list[Delivery] = []
        self._news = threading.Condition()
        self._round: _Round | None = None

    @property
    def sent(self) -> list[Delivery]:
        """Every webhook so far, those on their way included."""
        with self._news:
            return list(self._sent)

    def send(self, delivery: Delivery) -> None:
        """Put a webhook on its way."""
        with self._news:
            self._sent.append(delivery)
            if not _is_here(delivery.url):
                delivery.problem = f"{delivery.url} is not on this machine; webhooks of the fake are delivered to loopback addresses only"
                return
            if self._round is None:
                self._round = _Round(self._news)
                self._round.start()
            self._round.bag.put(delivery)

    def wait(self, timeout: float) -> list[Delivery]:
        """Wait until nothing is on its way.

        Raises:
            TimeoutError: something is after `timeout` seconds.
        """
        with self._news:
            if not self._news.wait_for(lambda: not self._on_their_way(), timeout):
                msg = f"{len(self._on_their_way())} webhooks are still on their way after {timeout:g} seconds"
                raise TimeoutError(msg)
            return list(self._sent)

    def stop(self, *, wait: bool = True) -> None:
        """End the thread; what waits behind the webhook that is on its way is not sent any more.

        Args:
            wait: for the thread to end, but not longer than a second for a receiver that does not answer.
        """
        with self._news:
            last, self._round = self._round, None
        if last is None:
            return
        last.over.set()
        last.bag.put(None)
        if wait:
            last.join(_FAREWELL)

    def _on_their_way(self) -> list[Delivery]:
        return [delivery for delivery in self._sent if delivery.status is None and delivery.problem is None]


class _Round(threading.Thread):
    """One run of the thread that delivers, with the webhooks it was given."""

    def __init__(self, news: threading.Condition) -> None:
        super().__init__(name="fake-vendors-post", daemon=True)
        self.bag: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self.over = threading.Event()
        self._news = news

    def run(self) -> None:
        """Deliver until None comes out of the bag; what comes behind the end is told that it was not sent."""
        import requests

        with requests.Session() as session:
            session.trust_env = False
            while (delivery := self.bag.get()) is not None:
                late = None, "the server was stopped before it was sent"
                became = late if self.over.is_set() else self._deliver(session, delivery)
                with self._news:
                    delivery.status, delivery.problem = became
                    self._news.notify_all()

    @staticmethod
    def _deliver(session: requests.Session, delivery: Delivery) -> tuple[int | None, str | None]:
        import requests

        try:
            answer = session.post(delivery.url, data=delivery.body, headers=dict(delivery.headers), timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as problem:
            return None, f"{type(problem).__name__}: {problem}"
        return answer.status_code, None


def _is_here(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
