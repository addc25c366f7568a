"""JSON Lines to JSON Lines: the lines of a block judged by the kernel, their members passed on as they are written.

What the quick decoder takes, the reference (`records.parse_line`) takes and reads the same; what it refuses, the
reference reads or makes a reject of.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS, Block, ClashError, Piece
from heify_heygen_errors.pipeline.contract import later, refuse_clash
from heify_heygen_errors.pipeline.kernel import UNOBSERVED, Judged, Kernel
from heify_heygen_errors.pipeline.line_blocks import DIGITS, MANY_DIGITS, is_sound_text, named_fields, open_block, tally_of
from heify_heygen_errors.pipeline.quick_json import REFUSED
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS, ColumnClash, NotARecord, row_line

_MOST_KEYS: Final = 4096  # names of members that are remembered
_MOST_SMALL: Final = 256  # short values that are

_decode_raw: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_value: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.encode


def lines_to_lines(block: Block, text: bytes, offset: int, kernel: Kernel, *, keep_rejects: bool = False) -> Piece:
    """Rows of the lines of a block, as JSON Lines: members keep their place, absent ones stay absent, numbers as written.

    Raises:
        ClashError: a member has the name of an output column.
    """
    kernel.make_room()
    lines = open_block(block, text, offset)
    writer = _Writer(kernel, keep_rejects=keep_rejects)
    rows: list[bytes] = []
    judged: list[Judged] = []
    kept = 0
    for number, line in enumerate(lines.lines):
        found = None
        try:
            if lines.quick and (lines.ascii or is_sound_text(line)) and not (len(line) > MANY_DIGITS and DIGITS.search(line)):
                found = writer.quick(line)
        except REFUSED:  # also a clash of names, which comes up again below
            pass
        if found is None:
            try:
                record = lines.record(number)
                if record is None:
                    continue
                found = writer.careful(record)
            except ColumnClash as clash:
                raise ClashError(block.file, number + 1, str(clash)) from None
            except NotARecord as reason:
                raw = lines.reject(number, str(reason))
                if keep_rejects:
                    rows.append(writer.kept(str(reason), raw))
                    kept += 1
                continue
        judged.append(found[0])
        rows += found[1]
    tally = tally_of(lines, kernel, judged, kept)
    tally.rows = len(rows)
    tally.named.update(writer.named)
    return Piece(payload=b"".join(rows), rejects=lines.rejects, tally=tally)


class _Writer:
    """Writes rows as lines of JSON."""

    def __init__(self, kernel: Kernel, *, keep_rejects: bool) -> None:
        self.kernel = kernel
        options = kernel.options
        self.names = [options.fields[field] for field in INPUT_FIELDS]
        self.bulky = kernel.records.bulky
        self.simple = not options.paths
        self.explode = options.explode
        self.labels = [_encode(options.prefix + name) + b":" for name in COLUMNS]
        self.after = COLUMNS.index("error_retry_after")
        self.resource = COLUMNS.index("error_resource")
        self.request_id = COLUMNS.index("error_request_id")
        self.prefix = options.prefix
        self.tail = b""
        if keep_rejects:
            self.tail = b"".join(b"," + _encode(options.prefix + name) + b":null" for name in KEPT_COLUMNS)
        self.keys: dict[str, bytes] = {}
        self.parts: dict[int, tuple[bytes, bytes, bytes, Any, bytes, bytes]] = {}
        self.small: dict[bytes, Any] = {}
        self.named: dict[str, int] = {}
        self.chosen = [(field, INPUT_FIELDS.index(field)) for field in options.named]

    def quick(self, line: bytes) -> tuple[Judged, list[bytes]] | None:
        """A record and its rows; None if the reference has to read it.

        Raises:
            ColumnClash: a member has the name of an output column.
        """
        if not self.simple:
            return None
        record = _decode_raw(line)
        get = record.get
        values = [get(name) for name in self.names]
        for field, place in self.chosen:
            if values[place] is not None:
                self.named[field] = 1
        provider, status, headers, body, method, url, exception = values
        try:
            judged = self.kernel.judge(
                self.value(provider),
                self.status(status),
                None if headers is None else bytes(headers),
                None if body is None else bytes(body),
                self.value(method),
                None if url is None else _decode_value(url),
                None if exception is None else _decode_value(exception),
            )
        except NotARecord:
            return None
        keys = self.keys
        members = []
        for name, raw in record.items():
            key = keys.get(name)
            if key is None:
                refuse_clash(self.kernel, (name,), kept=bool(self.tail))
                if len(keys) > _MOST_KEYS:
                    keys.clear()
                key = keys[name] = b"" if name in self.bulky else _encode(name) + b":"
            if key:
                members.append(key + bytes(raw))
        head = b"{" + b",".join(members) + (b"," if members else b"")
        shown = judged.slots if self.explode else judged.slots[:1]
        return judged, [head + self.columns(slot, judged) + self.tail + b"}\n" for slot in shown]

    def careful(self, record: dict[str, Any]) -> tuple[Judged, list[bytes]]:
        """A record that the reference read, and its rows.

        Raises:
            ColumnClash: a member has the name of an output column.
            NotARecord: a field of it cannot be read.
        """
        refuse_clash(self.kernel, record, kept=bool(self.tail))
        self.named.update(named_fields(self.kernel, record))
        judged = self.kernel.judge_record(record)
        passed = self.kernel.records.passed(record)
        head = row_line(passed)[:-2] + (b"," if passed else b"")
        shown = judged.slots if self.explode else judged.slots[:1]
        return judged, [head + self.columns(slot, judged) + self.tail + b"}\n" for slot in shown]

    def kept(self, reason: str, raw: str) -> bytes:
        """The row of a line that is no record."""
        told = (reason, raw)
        tail = b"".join(b"," + _encode(self.prefix + name) + b":" + _encode(value) for name, value in zip(KEPT_COLUMNS, told, strict=True))
        return b"{" + self.columns(UNOBSERVED, Judged((UNOBSERVED,))) + tail + b"}\n"

    def value(self, raw: msgspec.Raw | None) -> Any:
        """The value of a short member that repeats."""
        if raw is None:
            return None
        written = bytes(raw)
        known = self.small.get(written, self)
        if known is self:
            if len(self.small) > _MOST_SMALL:
                self.small.clear()
            known = self.small[written] = _decode_value(written)
        return known

    def status(self, raw: msgspec.Raw | None) -> Any:
        """A status; fractions are left to the reference.

        Raises:
            ValueError: it is one.
        """
        value = self.value(raw)
        if type(value) is float:
            raise ValueError
        return value

    def columns(self, slot: int, judged: Judged) -> bytes:
        """The columns of the contract of one row."""
        parts = self.parts.get(slot)
        if parts is None:
            values = self.kernel.rows[slot].values
            written = [label + _encode(value) for label, value in zip(self.labels, values, strict=True)]
            parts = self.parts[slot] = (
                b",".join(written[: self.after]) + b"," + self.labels[self.after],
                b"," + b",".join(written[self.after + 1 : self.resource]) + b"," + self.labels[self.resource],
                b"," + b",".join(written[self.request_id + 1 :]),
                values[self.after],
                written[self.resource][len(self.labels[self.resource]) :],
                written[self.request_id],
            )
        first, second, third, after, resource, request_id = parts
        if judged.resource is not None:
            resource = _encode(judged.resource)
        if judged.request_id is not None:
            request_id = self.labels[self.request_id] + _encode(judged.request_id)
        return first + _encode(later(after, judged.after)) + second + resource + b"," + request_id + third
