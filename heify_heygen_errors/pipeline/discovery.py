"""Finds the files that a user names, and tells their format by content and name."""

# Names are kept as the user wrote them, which pathlib tidies, and ten thousand of them are looked at.
# ruff: noqa: PTH112, PTH116, PTH118, PTH119, PTH122, PTH123, PTH206, PTH207
from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from typing import Final

import attrs

from heify_heygen_errors.pipeline.blocks import PipelineError
from heify_heygen_errors.pipeline.compression import OTHER_SUFFIXES, SUFFIXES, compression_of, refuse_archive
from heify_heygen_errors.pipeline.streams import HEAD, Stream, unreadable

FORMATS: Final = ("jsonl", "csv", "tsv", "parquet", "arrow", "rejects")
"""What an input can be. ``rejects`` is a rejects file, read again with ``--replay``."""

EXTENSIONS: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".jsonlines": "jsonl",
    ".ldjson": "jsonl",
    ".log": "jsonl",
    ".txt": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}

ARROW_FILE: Final = b"ARROW1\0\0"
"""How an Arrow file begins."""

ARROW_STREAM: Final = b"\xff\xff\xff\xff"
"""How an Arrow stream begins."""

_OURS: Final = (".rejects.jsonl", ".manifest.json")
_PARTIAL: Final = ".partial"
_ROTATED: Final = re.compile(r"\.\d[\d.T:_-]*$")
_PARQUET: Final = b"PAR1"
_ENCRYPTED: Final = b"PARE"
_WIDE: Final = (
    (b"\xff\xfe\0\0", "UTF-32LE"),
    (b"\0\0\xfe\xff", "UTF-32BE"),
    (b"\xff\xfe", "UTF-16LE"),
    (b"\xfe\xff", "UTF-16BE"),
)


@attrs.frozen(kw_only=True)
class Input:
    """A file to read, or stdin.

    Attributes:
        name: as it was given or found, for people; ``-`` for stdin.
        path: to open; None for stdin.
        format: one of `FORMATS`; of stdin and pipes a table is told only when they are read.
        compression: ``gzip``, ``zstd`` or None; None for stdin and pipes, where it is told when they are read.
        size: bytes on disk when it was found; None for stdin and pipes.
        mtime_ns: when it was last written, in nanoseconds; None for stdin and pipes.
    """

    name: str
    path: str | None
    format: str
    compression: str | None = None
    size: int | None = None
    mtime_ns: int | None = None

    @property
    def plain(self) -> bool:
        """Whether its blocks are byte ranges that whoever works on them reads."""
        return self.size is not None and self.compression is None and self.format in ("jsonl", "rejects")


def find_inputs(
    given: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - the word of the option
    exclude: Collection[str] = (),
    passed_over: list[str] | None = None,
) -> list[Input]:
    """The inputs that the arguments of a command mean: files, folders, globs and ``-``, each file once.

    A folder is read with what lies below it, sorted by path: files whose name has a known extension, rotated ones too
    (``app.log.1.gz``). Hidden files, ``*.partial`` folders, rejects and manifests are passed over, and folders that are
    symbolic links. A glob (``**`` for folders at any depth) takes every file that it matches but for those.

    Args:
        given: as the user wrote them. Their order is kept.
        format: one of `FORMATS`, instead of what the extensions say. What is a table by its content stays one.
        exclude: paths that are no inputs (the output of this run) and are passed over in folders and globs.
        passed_over: gets the files of folders whose name has no known extension.

    Raises:
        PipelineError: a name is not there, a folder or glob has no file, a file cannot be opened, is compressed in a way
            that is not read, is UTF-16 or UTF-32, or is excluded although it was named. Says which.
    """
    refused = {os.path.realpath(path) for path in exclude}
    found: list[Input] = []
    seen: set[str] = set()
    for name in given:
        for path in _named(name, refused, passed_over if passed_over is not None else []):
            real = path if path == "-" else os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            found.append(_input(path, format))
    return found


def _named(name: str, refused: Collection[str], passed_over: list[str]) -> list[str]:
    if name == "-":
        return ["-"]
    if os.path.isdir(name):
        found = _below(name, refused, passed_over)
        if not found:
            msg = f"{name} has no file with a known extension ({' '.join(EXTENSIONS)}): name the files, with --from for their format"
            raise PipelineError(msg)
        return found
    if os.path.lexists(name):
        if os.path.realpath(name) in refused:
            msg = f"{name} is an output of this run: write to another file"
            raise PipelineError(msg)
        return [name]
    if not glob.has_magic(name):
        msg = f"{name} does not exist"
        raise PipelineError(msg)
    found = []
    for path in glob.glob(name, recursive=True):
        if os.path.isdir(path):
            found += _below(path, refused, passed_over)
        elif not _is_ours(path, name) and os.path.realpath(path) not in refused:
            found.append(path)
    if not found:
        msg = f"no file matches {name}"
        raise PipelineError(msg)
    return sorted(found)


def _is_ours(path: str, pattern: str) -> bool:
    """Whether a match of a glob is a file of an earlier run that the pattern does not ask for."""
    parts = path.split(os.sep)
    ours = [end for end in _OURS if path.endswith(end) and not pattern.endswith(end)]
    return bool(ours) or (_PARTIAL not in pattern and any(part.endswith(_PARTIAL) for part in parts[:-1]))


def _below(folder: str, refused: Collection[str], passed_over: list[str]) -> list[str]:
    """The files below a folder, sorted by path."""
    found: list[str] = []

    def told(error: OSError) -> None:
        msg = f"{error.filename}: cannot be read: {error.strerror}"
        raise PipelineError(msg)

    for root, folders, files in os.walk(folder, onerror=told):
        real = os.path.realpath(root) if refused else ""
        folders[:] = [
            name for name in folders if name[0] != "." and not name.endswith(_PARTIAL) and os.path.join(real, name) not in refused
        ]
        for name in files:
            if name[0] != "." and not name.endswith(_OURS) and os.path.join(real, name) not in refused:
                (found if _known(name) else passed_over).append(os.path.join(root, name))
    return sorted(found)


def _known(name: str) -> str | None:
    """The format that a file name tells; for a name without a known extension None."""
    stem, end = os.path.splitext(name.lower())
    if end in SUFFIXES or end in OTHER_SUFFIXES:
        stem, end = os.path.splitext(stem)
    if end not in EXTENSIONS:
        stem = _ROTATED.sub("", stem + end)
        end = os.path.splitext(stem)[1]
    return EXTENSIONS.get(end)


def _input(name: str, format: str | None) -> Input:  # noqa: A002 - as above
    if name == "-":
        return Input(name=name, path=None, format=format or "jsonl")
    told = format or _known(os.path.basename(name)) or "jsonl"
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):  # a pipe: what is read from it to look at it would be lost
            return Input(name=name, path=name, format=told)
        with open(name, "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            head = file.read(HEAD) or b""
    except OSError as error:
        raise unreadable(name, error) from None
    compression = compression_of(name, head)
    if compression is not None:
        with ExitStack() as stack:
            head = Stream.of_file(stack, name, name, compression).peek(HEAD)
        refuse_archive(name, head)
    return Input(
        name=name,
        path=name,
        format=format_of(name, head, told),
        compression=compression,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def format_of(name: str, head: bytes, told: str) -> str:
    """The format of a text or table that begins with `head`: tables are told by content, text as its name or the user says."""
    if head[: len(ARROW_STREAM)] == ARROW_STREAM or head[: len(ARROW_FILE)] == ARROW_FILE:
        return "arrow"
    if head[:4] in (_PARQUET, _ENCRYPTED) and head[4:5] < b" " and head[4:5] not in (b"\n", b"\r", b"\t"):
        return "parquet"
    if told in ("parquet", "arrow"):
        return told
    for mark, encoding in _WIDE:
        if head.startswith(mark):
            msg = f"{name} is {encoding}: convert it with iconv -f {encoding.removesuffix('LE').removesuffix('BE')} -t UTF-8"
            raise PipelineError(msg)
    return told
