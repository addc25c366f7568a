"""The bytes of an input: decompressed, counted, with a look ahead and with errors that name the input."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, Final

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.compression import FlawError, Read, compression_of, decompressed

HEAD: Final = 264
"""Bytes at the beginning that tell what an input is."""

PIECE: Final = 1024 * 1024
"""Bytes that are read at once."""

LAST: Final = 8
"""Bytes that `Stream.last` keeps."""


def unreadable(name: str, error: OSError) -> PipelineError:
    """What is raised where an input cannot be read."""
    return PipelineError(f"{name}: cannot be read: {error.strerror or error}")


def opened(stack: ExitStack, name: str, path: str) -> IO[bytes]:
    """A file that is open as long as the stack.

    Raises:
        PipelineError: it cannot be read.
    """
    try:
        return stack.enter_context(open(path, "rb", buffering=0))  # noqa: PTH123 - the name as the user wrote it
    except OSError as error:
        raise unreadable(name, error) from None


class Stream:
    """The decompressed bytes of an input, with a look ahead.

    Attributes:
        flaw: why they end where they end, if that is not their end; known once they have ended.
        last: the last bytes that were read.
        closed: for pyarrow.
    """

    def __init__(self, name: str, pieces: Iterator[bytes], consumed: Callable[[], int]) -> None:
        self.flaw: str | None = None
        self.last = b""
        self.closed = False
        self._name = name
        self._pieces = pieces
        self._rest = b""
        self._consumed = consumed

    @classmethod
    def of_file(cls, stack: ExitStack, name: str, path: str, compression: str | None) -> Stream:
        """The text of a regular file."""

        def counted() -> _Counted:
            return _Counted(name, opened(stack, name, path))

        return cls._of(name, counted(), compression, lambda: counted().read)

    @classmethod
    def of_pipe(cls, name: str, file: IO[bytes]) -> Stream:
        """The text of something that can be read once; its compression is told by its first bytes."""
        source = _Counted(name, file)
        return cls._of(name, source, compression_of(name, source.peek(HEAD)), None)

    @classmethod
    def _of(cls, name: str, source: _Counted, compression: str | None, again: Callable[[], Read] | None) -> Stream:
        plain = iter(lambda: source.read(PIECE), b"")
        pieces = plain if compression is None else decompressed(source.read, compression, again)
        return cls(name, pieces, lambda: source.count)

    @property
    def consumed(self) -> int:
        """Bytes on disk that were read so far."""
        return self._consumed()

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end only."""
        pieces, got = [self._rest[:size]], min(len(self._rest), size)
        self._rest = self._rest[size:]
        while got < size:
            piece = self._next()
            if not piece:
                break
            pieces.append(piece[: size - got])
            self._rest = piece[size - got :]
            got += len(pieces[-1])
        data = b"".join(pieces)
        self.last = (self.last + data)[-LAST:] if len(data) < LAST else data[-LAST:]
        return data

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except FlawError as flaw:
            self.flaw = str(flaw)
            self._pieces = iter(())
            return b""

    def peek(self, size: int) -> bytes:
        """The next bytes, which the next read gives again."""
        head = self.read(size)
        self.unread(head)
        return head

    def unread(self, data: bytes) -> None:
        """Puts back what was read too much."""
        self._rest = data + self._rest

    def skip(self, size: int) -> None:
        """Passes over so many bytes."""
        while size > 0:
            got = len(self.read(min(size, PIECE)))
            if not got:
                return
            size -= got

    def close(self) -> None:
        """For pyarrow, which closes what it read; the file is closed by whoever opened it."""
        self.closed = True

    def readable(self) -> bool:
        """For pyarrow."""
        return True

    def writable(self) -> bool:
        """For pyarrow."""
        return False

    def seekable(self) -> bool:
        """For pyarrow."""
        return False


class _Counted:
    """Reads of a file or pipe: whole ones, counted, with errors that name it."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.count = 0
        self._name = name
        self._file = file
        self._head = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which the next read gives again."""
        self._head = self.read(size)
        return self._head

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end only."""
        pieces, got = [self._head], len(self._head)
        self._head = b""
        while got < size:
            piece = self._read(size - got)
            if not piece:
                break
            pieces.append(piece)
            got += len(piece)
            self.count += len(piece)
        return b"".join(pieces)

    def _read(self, size: int) -> bytes:
        try:
            while True:
                piece: bytes | None = self._file.read(size)
                if piece is not None:
                    return piece
                select.select([self._file], [], [])  # a pipe that does not block has nothing yet
        except OSError as error:
            raise unreadable(self._name, error) from None
