"""The text of a block of JSON Lines: its lines, what is known of them, and how the reference reads one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, Final

import attrs

from heify_heygen_errors.pipeline.blocks import MAX_RECORD, Block, PipelineError, Reject, Tally, reason_kind
from heify_heygen_errors.pipeline.contract import count_records
from heify_heygen_errors.pipeline.delimited import is_utf8
from heify_heygen_errors.pipeline.kernel import Judged, Kernel
from heify_heygen_errors.pipeline.replay import read_replayed, reject_from_json
from heify_heygen_errors.records import at_path, parse_line

MANY_DIGITS: Final = 4300
"""Of an integer: Python reads no more."""

DIGITS: Final = re.compile(rb"[0-9]{4301}")
"""More digits than that."""

_CHUNK: Final = 1024 * 1024


def read_range(block: Block) -> tuple[bytes, int, Reject | None]:
    """The lines that begin in a block of a plain file, the offset of the first, and the last line if it is overlong.

    Raises:
        PipelineError: the file has become shorter.
        OSError: the file cannot be read.
    """
    with Path(block.file).open("rb") as stream:
        start = block.start
        skipped = b""
        if start:
            stream.seek(start - 1)
            skipped = stream.read(1)
        data = stream.read(block.end - start)
        if len(data) < block.end - start:
            msg = f"{block.file} has become shorter while it was read: begin anew"
            raise PipelineError(msg)
        if start and skipped != b"\n":
            first = data.find(b"\n") + 1
            if not first:
                return b"", block.end, None
            data, start = data[first:], start + first
        if not data or data.endswith(b"\n"):
            return data, start, None
        begin = data.rfind(b"\n") + 1
        parts, length = [data[begin:]], len(data) - begin
        while length <= MAX_RECORD + 1:
            part = stream.readline(MAX_RECORD + 2 - length)
            parts.append(part)
            length += len(part)
            if not part or part.endswith(b"\n"):
                break
        line = b"".join(parts)
        if len(line.removesuffix(b"\n").removesuffix(b"\r")) <= MAX_RECORD:
            return data[:begin] + line, start, None
        hashed = hashlib.sha256(line)
        while not line.endswith(b"\n"):
            line = stream.readline(_CHUNK)
            if not line:
                break
            hashed.update(line)
            length += len(line)
    rest = data[:begin]
    return rest, start, overlong(block.file, rest.count(b"\n") + 1, start + begin, length, hashed.hexdigest())


def overlong(file: str, line: int, offset: int, length: int, sha256: str) -> Reject:
    """The reject of a line over `MAX_RECORD` bytes."""
    return Reject(file=file, line=line, offset=offset, raw=None, reason=f"longer than {MAX_RECORD} bytes", length=length, sha256=sha256)


class LineBlock:
    """The lines of a text, with what is known of them.

    Attributes:
        quick: whether the quick decoder may read them.
        block: that they are of.
        offset: of the first line, in bytes.
        lines: without their LF; overlong ones are empty.
        ascii: whether all of them are.
        blank: how many blank lines `record` came upon.
    """

    quick: ClassVar[bool] = True

    def __init__(self, block: Block, text: bytes, offset: int) -> None:
        self.block = block
        self.offset = offset
        self.lines = text.split(b"\n")
        if not self.lines[-1]:
            self.lines.pop()
        self.ascii = text.isascii()
        self.blank = 0
        self._offsets: list[int] | None = None
        self._rejects: dict[int, Reject] = {}
        if len(text) > MAX_RECORD:
            self._refuse_overlong(ended=text.endswith(b"\n"))

    def _refuse_overlong(self, *, ended: bool) -> None:
        self._offsets = [0, *accumulate(len(line) + 1 for line in self.lines)]
        for number, line in enumerate(self.lines):
            if len(line.removesuffix(b"\r")) > MAX_RECORD:
                whole = line if number == len(self.lines) - 1 and not ended else line + b"\n"
                sha256 = hashlib.sha256(whole).hexdigest()
                offset = self.offset + self._offsets[number]
                self._rejects[number] = overlong(self.block.file, number + 1, offset, len(whole), sha256)
                self.lines[number] = b""

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """In the order of the lines."""
        return tuple(reject for _, reject in sorted(self._rejects.items()))

    def reject(self, number: int, reason: str) -> str:
        """Makes a reject of the line with this number from 0; returns its text."""
        raw = self.lines[number].removesuffix(b"\r")
        if self._offsets is None:
            self._offsets = [0, *accumulate(len(line) + 1 for line in self.lines)]
        offset = self.offset + self._offsets[number]
        self._rejects[number] = Reject(file=self.block.file, line=number + 1, offset=offset, raw=raw, reason=reason)
        return raw.decode("utf-8", "replace")

    def record(self, number: int) -> dict[str, Any] | None:
        """The record of a line by the reference; None for a blank one.

        Raises:
            NotARecord: it is none.
        """
        raw = self.lines[number].removesuffix(b"\r")
        if not raw.strip():
            self.blank += number not in self._rejects
            return None
        return parse_line(raw)


class _Replayed(LineBlock):
    """The lines of a rejects file: what they hold, and where it once stood."""

    quick = False

    def __init__(self, block: Block, text: bytes, offset: int) -> None:
        super().__init__(block, text, offset)
        self._originals: dict[int, Reject] = {}

    def reject(self, number: int, reason: str) -> str:
        original = self._originals[number]
        self._rejects[number] = attrs.evolve(original, reason=reason)
        return (original.raw or b"").decode("utf-8", "replace")

    def record(self, number: int) -> dict[str, Any] | None:
        raw = self.lines[number].removesuffix(b"\r")
        if not raw.strip():
            self.blank += 1
            return None
        original = self._originals[number] = reject_from_json(self.block.file, number + 1, raw)
        return read_replayed(original)


def open_block(block: Block, text: bytes, offset: int) -> LineBlock:
    """The lines of a block.

    Arguments:
        block: that they are of.
        text: whole lines.
        offset: of the text, in bytes.
    """
    return (_Replayed if block.format == "rejects" else LineBlock)(block, text, offset)


def is_sound_text(line: bytes) -> bool:
    """Whether a line is UTF-8."""
    return line.isascii() or is_utf8(line)


def named_fields(kernel: Kernel, record: dict[str, Any]) -> dict[str, int]:
    """The fields that the options name and that a record has."""
    options = kernel.options
    paths = {field: options.paths.get(field) or (options.fields[field],) for field in options.named}
    return {field: 1 for field, path in paths.items() if at_path(record, path) is not None}


def tally_of(lines: LineBlock, kernel: Kernel, judged: Sequence[Judged], kept: int) -> Tally:
    """Counts of a block.

    Arguments:
        lines: with its rejects.
        kernel: that judged.
        judged: records that could be read.
        kept: rejects that became rows.
    """
    tally = Tally(lines=len(lines.lines), blank=lines.blank)
    count_records(tally, kernel, judged)
    rejects = lines.rejects
    tally.records += len(rejects)
    tally.rejects += len(rejects)
    tally.written += kept
    for reject in rejects:
        tally.reasons[reason_kind(reject.reason)] += 1
    return tally
