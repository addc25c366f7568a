"""What a worker does: a block in, a piece out. Runs in the process of the command or in processes of its own."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import attrs
import pyarrow as pa

from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.blocks import Block, ClashError, Piece, PipelineError, Reject, Tally, reason_kind
from heify_heygen_errors.pipeline.contract import kept_batch
from heify_heygen_errors.pipeline.delimited import read_delimited
from heify_heygen_errors.pipeline.kernel import Kernel
from heify_heygen_errors.pipeline.line_blocks import read_range
from heify_heygen_errors.pipeline.line_table import lines_to_table
from heify_heygen_errors.pipeline.line_writer import lines_to_lines
from heify_heygen_errors.pipeline.tables import Normalized, normalize_batch, reject_of_row, row_as_json, to_ipc, with_sound_texts
from heify_heygen_errors.pipeline.texts import json_lines
from heify_heygen_errors.records import ColumnClash, RecordOptions

_TEXTS: Final = ("jsonl", "rejects")
_LONGEST_TYPE: Final = 200
_SHOWN: Final = 30  # columns that a message names


@attrs.frozen(kw_only=True)
class Job:
    """What every block of a run is worked on with.

    Attributes:
        options: how records are read and rows are written.
        overlays: files of catalogs over the shipped ones.
        catalog: the version that these give; other workers must have the same.
        as_lines: rows are handed on as JSON Lines; those of JSON Lines keep their members as they are written.
        keep_rejects: records that cannot be read become rows as well.
    """

    options: RecordOptions
    overlays: tuple[str, ...] = ()
    catalog: str = ""
    as_lines: bool = False
    keep_rejects: bool = False


class Worker:
    """Works on blocks, one at a time, and remembers what it has judged."""

    def __init__(self, job: Job, normalizer: Normalizer | None = None) -> None:
        self.job = job
        if normalizer is None:
            normalizer = Normalizer(Catalogs.load(*job.overlays))
            if normalizer.catalogs.version != job.catalog:
                msg = "the catalogs have changed since the run began: begin anew"
                raise PipelineError(msg)
        self.kernel = Kernel(job.options, normalizer)

    def work(self, block: Block) -> Piece:
        """The rows and rejects of a block.

        Raises:
            ClashError: a member has the name of an output column.
            PipelineError: a header is wrong, or the file has changed.
            OSError: the file cannot be read.
        """
        collects = gc.isenabled()
        gc.disable()  # a block makes many small values and no cycles
        try:
            return self._work(block)
        finally:
            if collects:
                gc.enable()

    def _work(self, block: Block) -> Piece:
        if block.format in _TEXTS:
            piece = self._lines(block)
        elif block.format == "table":
            piece = self._table(block)
        else:
            piece = self._delimited(block)
        if block.flaw is None:
            return piece
        offset = None if block.format == "table" else block.end
        return self._with(piece, [Reject(file=block.file, line=piece.tally.lines + 1, offset=offset, raw=None, reason=block.flaw)])

    def _with(self, piece: Piece, rejects: Sequence[Reject]) -> Piece:
        """A piece with further rejects behind its last row."""
        tally = piece.tally
        _count(tally, rejects)
        payload = piece.payload
        if self.job.keep_rejects:
            kept = kept_batch(self.kernel, rejects)
            if self.job.as_lines or not payload:
                payload += self._payload([kept])
            else:
                with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
                    payload = self._payload([*reader, kept])
            tally.written += len(rejects)
            tally.rows += len(rejects)
        return attrs.evolve(piece, payload=payload, rejects=(*piece.rejects, *rejects))

    def _payload(self, batches: Sequence[Any]) -> bytes:
        """Batches as the output takes them: as JSON Lines, or as one Arrow IPC stream; nothing if they have no row."""
        filled = [batch for batch in batches if batch.num_rows]
        if not filled:
            return b""
        if self.job.as_lines:
            return b"".join(bytes(json_lines(batch)) for batch in filled)
        schema = filled[0].schema
        return to_ipc([batch if batch.schema.equals(schema) else _under(batch, schema) for batch in filled])

    def _lines(self, block: Block) -> Piece:
        overlong: Sequence[Reject] = block.rejects
        if block.data is None:
            text, offset, last = read_range(block)
            overlong = () if last is None else (last,)
        else:
            text, offset = block.data, block.start
        work = lines_to_lines if self.job.as_lines else lines_to_table
        piece = work(block, text, offset, self.kernel, keep_rejects=self.job.keep_rejects)
        if not overlong:
            return piece
        piece = self._with(piece, overlong)
        piece.tally.lines += len(overlong)
        return piece

    def _delimited(self, block: Block) -> Piece:
        read = read_delimited(block)
        keep = self.job.keep_rejects
        done = self._batch(block, read.columns, (lambda row: _text(read.reject(row, "").raw)) if keep else None)
        rejects = sorted((*read.rejects, *(read.reject(row, reason) for row, reason in done.rejected)), key=lambda reject: reject.line)
        tally = done.tally
        tally.named.update(dict.fromkeys(self.job.options.named, 1))  # the header has them
        tally.lines, tally.blank = read.lines, read.blank
        _count(tally, read.rejects)
        batches = [done.batch]
        if keep and read.rejects:
            tally.written += len(read.rejects)
            tally.rows += len(read.rejects)
            lines = [line for _, _, line in read.places]
            of_rows = [lines[row] for row in (range(done.batch.num_rows) if done.rows is None else done.rows)]
            batches = [_in_order(done.batch, of_rows, kept_batch(self.kernel, read.rejects), [reject.line for reject in read.rejects])]
        return Piece(payload=self._payload(batches), rejects=tuple(rejects), tally=tally)

    def _table(self, block: Block) -> Piece:
        if not block.data:
            return Piece(payload=b"", rejects=(), tally=Tally())
        tally = Tally()
        tally.named.update(dict.fromkeys(self.job.options.named, 1))  # the schema has them
        rejects: list[Reject] = []
        batches: list[pa.RecordBatch] = []
        with pa.ipc.open_stream(pa.py_buffer(block.data)) as reader:
            for batch in map(with_sound_texts, reader):
                raw = (lambda row, batch=batch: _text(row_as_json(batch, row, self.job.options))) if self.job.keep_rejects else None
                done = self._batch(block, batch, raw)
                rejects += (reject_of_row(block.file, batch, row, tally.lines, reason, self.job.options) for row, reason in done.rejected)
                tally.add(done.tally)
                batches.append(done.batch)
        return Piece(payload=self._payload(batches), rejects=tuple(rejects), tally=tally)

    def _batch(self, block: Block, batch: pa.RecordBatch, raw: Any) -> Normalized:
        self._refuse_missing(block.file, batch.schema)
        try:
            return normalize_batch(batch, self.kernel, keep_rejects=self.job.keep_rejects, raw=raw)
        except ColumnClash as clash:
            raise ClashError(block.file, None if block.format == "table" else 1, str(clash)) from None
        except PipelineError as error:
            msg = f"{block.file}: {error}"
            raise PipelineError(msg) from None

    def _refuse_missing(self, file: str, schema: pa.Schema) -> None:
        """Refuses a table without the columns that were asked for, or with nothing to look at.

        Raises:
            PipelineError: names them.
        """
        options, names = self.job.options, schema.names
        wanted = {field: options.paths[field][0] if field in options.paths else name for field, name in options.fields.items()}
        for field, name in wanted.items():
            if (field in options.paths or name != field) and name not in names:
                msg = f"{file} has no column {name!r} for {field}: it has {', '.join(names[:_SHOWN])}"
                raise PipelineError(msg)
        for field, path in options.paths.items():
            kind = schema.field(path[0]).type
            for name in path[1:]:
                if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
                    msg = f"{file} has no {'.'.join(path)!r} for {field}: {path[0]!r} is {str(schema.field(path[0]).type)[:_LONGEST_TYPE]}"
                    raise PipelineError(msg)
                kind = kind.field(name).type
        if not any(wanted[field] in names for field in ("status", "body", "exception")):
            msg = f"{file} has no column for status, body or exception: name them with --field. It has {', '.join(names[:_SHOWN])}"
            raise PipelineError(msg)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


def _count(tally: Tally, rejects: Sequence[Reject]) -> None:
    tally.records += len(rejects)
    tally.rejects += len(rejects)
    for reason, same in groupby(sorted(reason_kind(reject.reason) for reject in rejects)):
        tally.reasons[reason] += len(list(same))


def _under(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch without passthrough columns under a schema that has some."""
    arrays = [batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _in_order(rows: pa.RecordBatch, lines: Sequence[int], kept: pa.RecordBatch, kept_lines: Sequence[int]) -> pa.RecordBatch:
    """Rows and kept rejects in the order of their lines."""
    kept = _under(kept, rows.schema)
    joined = pa.RecordBatch.from_arrays(
        [pa.concat_arrays([one, other]) for one, other in zip(rows.columns, kept.columns, strict=True)], schema=rows.schema
    )
    all_lines = [*lines, *kept_lines]
    return joined.take(pa.array(sorted(range(len(all_lines)), key=all_lines.__getitem__), pa.int64()))
