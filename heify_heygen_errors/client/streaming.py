"""A body that is read from disk while it is sent, so that it never stands in memory. Reads files, and knows no network.

A `StreamedBody` stands where a request has its bytes. The wires take its pieces and tell it when each was handed over;
what goes wrong on this side (the file changed, reading failed, the callback raised) is kept as `StreamedBody.problem`.
"""

from __future__ import annotations

import inspect
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

import attrs

PIECE: Final = 64 * 1024
"""Bytes that are read and sent at a time."""


@attrs.frozen(kw_only=True)
class UploadProgress:
    """How far a body has come.

    Attributes:
        sent: bytes handed to the connection in this attempt; the last of them may still wait in buffers of the system.
        total: bytes of the body.
        attempt: how often the body was begun, this time included.
    """

    sent: int
    total: int
    attempt: int


OnProgress: TypeAlias = Callable[[UploadProgress], object]
"""What is called after each piece, with the thread, or inside the event loop, that sends. What it returns is ignored."""


class BodyBrokenOffError(Exception):
    """Ends a request whose body cannot go on; `StreamedBody.problem` says why.

    HTTP libraries would wrap an `OSError`, and urllib3 even takes a BrokenPipeError for one of its socket.
    """

    def __init__(self) -> None:
        super().__init__("the body of the request broke off")


class StreamedBody:
    """The bytes of a request, from a file or from memory; begun anew with each attempt.

    Serves one request at a time. Two requests at a time need two of it, and two open files.

    Attributes:
        size: bytes, as they were counted when it was made. What is sent are exactly so many, or the attempt breaks off.
        name: the name of the file without folders; None where there is none.
        sent: bytes handed to the connection in the present attempt; 0 before.
        problem: what ended the present attempt from this side: the exception of reading or of the callback, or a ValueError
            because the file changed. None where nothing did.
    """

    def __init__(self, source: _Source, size: int, name: str | None, on_progress: OnProgress | None) -> None:
        self.size = size
        self.name = name
        self.sent = 0
        self.problem: Exception | None = None
        self._source = source
        self._on_progress = on_progress
        self._attempts = 0
        self._reading: Reading | None = None

    @classmethod
    def of(
        cls,
        file: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO,
        *,
        on_progress: OnProgress | None = None,
    ) -> StreamedBody:
        """A body of what `file` has.

        Args:
            file: a path (str is always one), opened anew for each attempt and closed behind it; bytes; or a binary file that is
                open and can seek: it is read from its present position to its end, and never closed.
            on_progress: called after each piece was handed to the connection, at last with `sent` equal to `total`. What it
                raises ends the attempt. A plain function, also for the asynchronous client.

        Raises:
            TypeError: the file is open for text, or none of these; or `on_progress` is a coroutine function or no function.
            ValueError: there are no bytes, or the file cannot seek.
            OSError: the path leads to no file that can be read.
        """
        _check_callback(on_progress)
        source, size, name = _found(file)
        if size == 0:
            msg = "the file is empty"
            raise ValueError(msg)
        return cls(source, size, name, on_progress)

    @property
    def is_all_sent(self) -> bool:
        """Whether the last byte was handed to the connection in the present attempt.

        A piece counts when the next one is asked for, so the last piece can be on its way although this is False.
        """
        return self.sent == self.size

    @property
    def is_incomplete(self) -> bool:
        """Whether a part of the body has surely not left in the present attempt; see `is_all_sent`."""
        return self.size - self.sent > PIECE

    def renew(self) -> None:
        """Before an attempt: nothing is sent yet, and nothing went wrong."""
        self.close()
        self.sent = 0
        self.problem = None

    def begin(self) -> Reading:
        """The pieces from the first on. Ends the reading before, if that still runs; opens nothing yet."""
        self.renew()
        self._attempts += 1
        self._reading = Reading(self._source, self.size)
        return self._reading

    def next_piece(self, reading: Reading) -> bytes:
        """The next piece of this reading; empty behind the last. Waits for the disk, and may be called on another thread.

        Raises:
            BodyBrokenOffError: it could not be had, or the file is not as it was.
        """
        try:
            return reading.next_piece()
        except Exception as problem:  # noqa: BLE001 - kept, for the caller to get exactly this
            raise self._broken_off(reading, problem) from None

    def handed_over(self, reading: Reading) -> None:
        """The piece that was read last is with the connection.

        Raises:
            BodyBrokenOffError: the callback raised.
        """
        if reading is not self._reading:
            return
        self.sent = reading.position
        if self._on_progress is None:
            return
        try:
            self._on_progress(UploadProgress(sent=self.sent, total=self.size, attempt=self._attempts))
        except Exception as problem:  # noqa: BLE001 - kept, for the caller to get exactly this
            raise self._broken_off(reading, problem) from None

    def close(self) -> None:
        """Close what the present attempt has open, at the latest when the disk answers. `sent` and `problem` stay."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def __iter__(self) -> Iterator[bytes]:
        """Begin, at once, and give piece by piece: asking for the next tells that the one before was handed over."""
        reading = self.begin()
        return self._pieces(reading, self.next_piece(reading))

    def _pieces(self, reading: Reading, piece: bytes) -> Iterator[bytes]:
        while piece:
            yield piece
            self.handed_over(reading)
            piece = self.next_piece(reading)
        reading.close()

    def _broken_off(self, reading: Reading, problem: Exception) -> BodyBrokenOffError:
        if reading is self._reading:
            self.problem = problem
        reading.close()
        return BodyBrokenOffError()

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"StreamedBody(size={self.size}, name={self.name!r})"


class Reading:
    """One way through the bytes of a body, from the first.

    Attributes:
        position: bytes that were read.
    """

    def __init__(self, source: _Source, size: int) -> None:
        self.position = 0
        self._source = source
        self._size = size
        self._bytes: _Bytes | None = None
        self._in_use = threading.Lock()
        self._is_over = False

    def next_piece(self) -> bytes:
        """The next piece; empty behind the last one, and when it was closed.

        Raises:
            ValueError: the file is not as long as it was.
            OSError: of the file.
        """
        try:
            with self._in_use:
                return b"" if self._is_over else self._read()
        finally:
            if self._is_over:  # since: whoever closed it did not wait
                self.close()

    def _read(self) -> bytes:
        if self._bytes is None:
            self._bytes = self._source(self._size)
        left = self._size - self.position
        if left == 0:
            return b""
        # The last piece with one byte more, which must not be there. With all that Content-Length says, the request would
        # be complete.
        wanted = min(PIECE, left)
        piece = self._bytes.read(self.position, wanted + (wanted == left))
        if len(piece) != wanted:
            raise _changed(self._size, "more" if len(piece) > wanted else str(self.position + len(piece)))
        self.position += wanted
        return piece

    def close(self) -> None:
        """Close the file, if it is ours. Does not wait for a read on another thread: that closes it then."""
        self._is_over = True
        if self._in_use.acquire(blocking=False):
            try:
                opened, self._bytes = self._bytes, None
                if opened is not None:
                    opened.close()
            finally:
                self._in_use.release()


def _changed(size: int, now: str) -> ValueError:
    return ValueError(f"the file changed while it was sent: it had {size} bytes, and now it has {now}; write it, then send it")


# Where the bytes are.


class _Bytes(Protocol):
    """Bytes that can be read from any position."""

    def read(self, position: int, count: int) -> bytes: ...

    def close(self) -> None: ...


_Source: TypeAlias = Callable[[int], _Bytes]
"""Opens the bytes, which should be so many."""


class _Memory:
    def __init__(self, view: memoryview) -> None:
        self._view = view

    def read(self, position: int, count: int) -> bytes:
        return bytes(self._view[position : position + count])

    def close(self) -> None:
        pass


class _File:
    """An open file from some position on.

    Arguments:
        turn: held while the file is used: a read of an attempt that was broken off may still run when the next begins.
    """

    def __init__(self, file: BinaryIO, start: int, turn: threading.Lock) -> None:
        self._file = file
        self._start = start
        self._turn = turn

    def read(self, position: int, count: int) -> bytes:
        with self._turn:
            self._file.seek(self._start + position)
            read = self._file.read(count)
            while read and len(read) < count and (more := self._file.read(count - len(read))):  # unbuffered files give less
                read += more
        return read or b""

    def close(self) -> None:
        pass


class _OwnFile(_File):
    """The same of a file that is ours to close."""

    def close(self) -> None:
        self._file.close()


def _found(file: Any) -> tuple[_Source, int, str | None]:
    """What opens a file, its bytes, and its name."""
    if isinstance(file, bytes | bytearray | memoryview):
        view = memoryview(file)
        memory = _Memory(view.cast("B") if view.c_contiguous else memoryview(view.tobytes()))
        return lambda _: memory, view.nbytes, None
    if isinstance(file, str | os.PathLike):
        return _found_at(os.fspath(file))
    if isinstance(file, io.TextIOBase):
        msg = "the file is open for text: open it with 'rb'"
        raise TypeError(msg)
    if not callable(getattr(file, "read", None)):
        msg = f"a file is a path, bytes, or a binary file that is open, not {type(file).__name__}"
        raise TypeError(msg)
    return _found_open(file)


def _found_at(path: str) -> tuple[_Source, int, str | None]:
    if not isinstance(path, str):
        msg = "a path is text: use os.fsdecode"
        raise TypeError(msg)
    mode = os.stat(path).st_mode  # noqa: PTH116 - as given, for the message
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a pipe waits for its other end
        msg = f"{path} is no regular file and has no length: pass the path of one, or its bytes"
        raise ValueError(msg)
    with open(path, "rb") as file:  # noqa: PTH123 - the same
        size = os.fstat(file.fileno()).st_size
    path = os.path.abspath(path)  # noqa: PTH100 - the working folder may be another one at the next attempt
    return lambda size: _opened(path, size), size, os.path.basename(path)  # noqa: PTH119 - a str, as it is


def _opened(path: str, size: int) -> _Bytes:
    file = open(path, "rb")  # noqa: PTH123, SIM115 - closed by the reading
    now = os.fstat(file.fileno()).st_size
    if now != size:
        file.close()
        raise _changed(size, str(now))
    return _OwnFile(file, 0, threading.Lock())


def _found_open(file: BinaryIO) -> tuple[_Source, int, str | None]:
    try:
        can_seek = file.seekable()
    except AttributeError:
        can_seek = False
    if not can_seek:
        msg = "the file cannot seek, so that it could not be sent again: pass a path, or its bytes"
        raise ValueError(msg)
    if not isinstance(file.read(0), bytes):
        msg = "the file is open for text: open it with 'rb'"
        raise TypeError(msg)
    start = file.tell()
    size = max(0, file.seek(0, os.SEEK_END) - start)
    file.seek(start)
    opened = _File(file, start, threading.Lock())
    name = getattr(file, "name", None)
    return lambda _: opened, size, os.path.basename(name) if isinstance(name, str) else None  # noqa: PTH119 - the same


def _check_callback(on_progress: object) -> None:
    if on_progress is None:
        return
    if not callable(on_progress):
        msg = "on_progress is a function of one UploadProgress"
        raise TypeError(msg)
    functions = (on_progress, getattr(on_progress, "__call__", None))  # noqa: B004
    if any(inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function) for function in functions):
        msg = "on_progress is a plain function, not a coroutine function: nobody would await it"
        raise TypeError(msg)
