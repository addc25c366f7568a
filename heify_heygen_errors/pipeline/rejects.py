"""The rejects file of a run without a journal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from heify_heygen_errors.pipeline.files import is_device
from heify_heygen_errors.pipeline.plan import TooManyRejectsError


@contextlib.contextmanager
def open_rejects(path: str | None) -> Iterator[IO[bytes] | None]:
    """A file of mode 0600 that appears whole or not at all; one of an earlier run goes where there are none now.

    If there are more rejects than the run allows it appears as well.

    Arguments:
        path: the file or device, ``"-"`` for stdout; None for no file, which gives None.

    Raises:
        OSError: it cannot be written.
    """
    if path is None:
        yield None
        return
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if is_device(path):
        with open(path, "wb") as stream:  # noqa: PTH123 - a device
            yield stream
        return
    place = Path(os.path.realpath(path))
    try:
        descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name[:100]}.", suffix=".part")
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            try:
                yield stream
            except TooManyRejectsError:  # they are what one wants to look at then
                stream.flush()
                Path(temporary).replace(place)
                raise
            empty = not stream.tell()
        if empty:
            Path(temporary).unlink()
            if place.is_file():
                place.unlink()
        else:
            Path(temporary).replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
