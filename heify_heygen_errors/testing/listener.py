"""A loop in a thread of its own that accepts connections on loopback ports, and can refuse them for a while."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from asyncio import sleep as _give_way  # tests may have replaced asyncio.sleep
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from heify_heygen_errors.testing.connection import Arrived, Connection, Dispatcher, Outcome
from heify_heygen_errors.testing.replies import Reply

NOT_RUNNING: Final = "the server does not run: use it in a with block, or call start()"
"""What is said of a server that does not run."""

_HOST: Final = "127.0.0.1"
_PATIENCE: Final = 10.0
_LAST_ROUNDS: Final = 20
_BACKLOG: Final = 512


class Inbox:
    """A host that is none of the vendors: it gives everything the same answer and keeps what it was sent.

    Args:
        reply: the answer.

    Attributes:
        url: where it is.
    """

    def __init__(self, reply: Reply) -> None:
        self.url = ""
        self._reply = reply
        self._seen: list[Arrived] = []

    @property
    def requests(self) -> list[Arrived]:
        """What arrived here, in order: method, target, headers, body."""
        return list(self._seen)

    def forget(self) -> None:
        """Forget what arrived."""
        self._seen.clear()

    def announced(self, arrived: Arrived) -> int | None:  # noqa: ARG002
        """Every request is read to its end."""
        return None

    def dispatch(self, arrived: Arrived) -> Outcome:
        """Keep a request and answer it."""
        self._seen.append(arrived)
        return Outcome(self._reply)


class Door:
    """One port: connections are accepted while it is open.

    Args:
        site: answers the requests.
        port: 0 for a free one.
        context: for TLS; None for plain HTTP.
        elsewhere: base URL of another host, for redirects.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, site: Dispatcher, port: int, elsewhere: str, context: ssl.SSLContext | None = None) -> None:
        self._site = site
        self._elsewhere = elsewhere
        self._context = context
        self._socket: socket.socket | None = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self.connections: set[Connection] = set()
        self.coming: set[asyncio.Task[None]] = set()

    # All of these in the loop's thread. They take effect at once.

    def open(self) -> None:
        """Accept connections."""
        if self._socket is None:
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._let_in)

    def shut(self) -> None:
        """Refuse connections; those on which nothing happens are ended. The port is held, so that nothing else takes it."""
        self.leave()
        self._socket = _bound(self.port)
        # Linux lets two sockets have a port that both allow it and that nobody listens on.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        for connection in list(self.connections):
            connection.close_if_idle()

    def leave(self) -> None:
        """Refuse connections, and let go of the port."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def give_up(self) -> None:
        """Let go of the port without ever having opened, from any thread."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def drop(self) -> None:
        """Cut every connection that is there or coming."""
        for connection in list(self.connections):
            connection.reset()
        for task in self.coming:
            task.cancel()

    def _let_in(self) -> None:
        for _ in range(_BACKLOG):
            try:
                accepted, _ = self._socket.accept() if self._socket is not None else (None, None)
            except OSError:  # nobody is waiting any more, or has left already
                return
            if accepted is None:
                return
            accepted.setblocking(False)  # noqa: FBT003 - its only argument
            task = asyncio.get_running_loop().create_task(self._connect(accepted))
            self.coming.add(task)
            task.add_done_callback(partial(self._came, accepted))

    async def _connect(self, accepted: socket.socket) -> None:
        def connection() -> Connection:
            return Connection(self._site, self.connections, self._elsewhere)

        await asyncio.get_running_loop().connect_accepted_socket(connection, accepted, ssl=self._context)

    def _came(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        self.coming.discard(task)
        # Cancelled, perhaps before it began; or the client has left, or does not trust our certificate.
        if task.cancelled() or task.exception() is not None:
            accepted.close()


class Listener:
    """The ports of a fake server, and the thread in which they are served.

    Args:
        site: answers the requests of the main port.
    """

    def __init__(self, site: Dispatcher) -> None:
        self._site = site
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._main: Door | None = None
        self._others: list[Door] = []
        self._tls: list[Door] = []
        self._is_open = False
        self.elsewhere = Inbox(Reply.json({"data": {"host": "elsewhere"}}))

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._thread is not None

    @property
    def port(self) -> int:
        """The main port; 0 before the first start."""
        return 0 if self._main is None else self._main.port

    def start(self, port: int) -> None:
        """Begin to accept connections on a port, 0 for a free one.

        Raises:
            RuntimeError: it runs already.
            OSError: the port is taken.
        """
        if self._thread is not None:
            msg = "this server runs already: make a second FakeServer for another one"
            raise RuntimeError(msg)
        away = Door(self.elsewhere, 0, "")
        # Another name, not only another port, for clients that compare names.
        self.elsewhere.url = f"http://localhost:{away.port}"
        try:
            self._main = Door(self._site, port, self.elsewhere.url)
        except OSError:
            away.give_up()
            raise
        self._others = [away]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run, args=(self._loop,), name=f"fake-vendors-{self._main.port}", daemon=True)
        self._thread.start()
        self._in_loop(self._main.open)
        self._in_loop(away.open)
        self._is_open = True

    def stop(self) -> None:
        """Stop listening, cut every connection and end the thread. Harmless if it does not run."""
        if self._loop is None or self._thread is None:
            return
        if self.is_inside():
            msg = "the server cannot be stopped from its own thread, in which steps and on_request are called"
            raise RuntimeError(msg)
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._thread = self._loop = None

    @contextmanager
    def inbox(self, reply: Reply) -> Iterator[Inbox]:
        """A further host on a free port, while the with block lasts.

        Raises:
            RuntimeError: the server does not run.
        """
        if self._loop is None:
            raise RuntimeError(NOT_RUNNING)
        inbox = Inbox(reply)
        door = Door(inbox, 0, self.elsewhere.url)
        inbox.url = f"http://{_HOST}:{door.port}"
        self._others.append(door)
        self._in_loop(door.open)
        try:
            yield inbox
        finally:
            if self._loop is not None:
                self._in_loop(door.leave)
                self._in_loop(door.drop)
                self._others.remove(door)

    def listen_with_tls(self, context: ssl.SSLContext) -> int:
        """Accept connections with TLS on a free port, too; returns the port.

        Raises:
            RuntimeError: the server does not run.
        """
        if self._loop is None:
            raise RuntimeError(NOT_RUNNING)
        door = Door(self._site, 0, self.elsewhere.url, context)
        self._tls.append(door)
        if self._is_open:
            self._in_loop(door.open)
        return door.port

    def refuse(self) -> None:
        """Refuse connections to the vendors from now on, on the ports with TLS as well."""
        if self._main is not None and self._is_open:
            self._is_open = False
            for door in (self._main, *self._tls):
                self._in_loop(door.shut)

    def accept(self) -> None:
        """Accept connections to the vendors again, if they are refused."""
        if self._main is not None and not self._is_open:
            self._is_open = True
            for door in (self._main, *self._tls):
                self._in_loop(door.open)

    def later(self, seconds: float, work: Callable[[], None]) -> Callable[[], None]:
        """Have `work` called in the loop's thread after so many seconds; returns the function that prevents it."""
        loop = self._loop
        if loop is None:
            return lambda: None
        timer: list[asyncio.TimerHandle] = []

        def begin() -> None:
            timer.append(loop.call_later(seconds, work))

        def stop() -> None:
            for handle in timer:
                handle.cancel()

        def cancel() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(stop)

        loop.call_soon_threadsafe(begin)
        return cancel

    async def _close(self) -> None:
        doors = [door for door in (self._main, *self._tls, *self._others) if door is not None]
        self._tls, self._others = [], []
        for door in doors:
            door.leave()
        # Transports are made, and tell of their end, in the next rounds of the loop; those that come late are cut, too.
        for _ in range(_LAST_ROUNDS):
            for door in doors:
                door.drop()
            await _give_way(0)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def is_inside(self) -> bool:
        """Whether this is called in the thread of the loop."""
        return threading.current_thread() is self._thread

    def _in_loop(self, work: Callable[[], object]) -> None:
        """Do something in the loop's thread and wait until it is done.

        Raises:
            RuntimeError: the server does not run.
        """
        if self._loop is None:
            raise RuntimeError(NOT_RUNNING)
        if self.is_inside():
            work()
            return

        async def do() -> None:
            work()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(_PATIENCE)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_HOST, port))
        bound.settimeout(0)
    except OSError:
        bound.close()
        raise
    return bound
