"""A run of the pipeline: inputs to one output, rejects and a manifest, nothing lost, safe to kill at any time."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import attrs

from heify_heygen_errors import __version__
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline import manifest as manifests
from heify_heygen_errors.pipeline.blocks import Block, ClashError, Piece, PipelineError, Reject, Tally
from heify_heygen_errors.pipeline.contract import error_schema
from heify_heygen_errors.pipeline.files import is_device, sha256_of
from heify_heygen_errors.pipeline.journal import Journal
from heify_heygen_errors.pipeline.outputs import Sink, Target, Written, open_sink
from heify_heygen_errors.pipeline.plan import Outcome, Plan, TooManyRejectsError
from heify_heygen_errors.pipeline.rejects import open_rejects
from heify_heygen_errors.pipeline.replay import reject_to_json
from heify_heygen_errors.pipeline.sources import BLOCK_SIZE, read_blocks
from heify_heygen_errors.pipeline.worker import Job
from heify_heygen_errors.pipeline.workers import available_cores, pieces
from heify_heygen_errors.records import ColumnClash

CHECKPOINT: Final = 1024 * 1024 * 1024
"""Bytes of input between checkpoints."""

LINES_CHECKPOINT: Final = 64 * 1024 * 1024
"""The same where rows are appended as lines, which makes a checkpoint cheap."""

_SMALLEST_BLOCK: Final = 16 * 1024
_ENOUGH: Final = 16 * 1024 * 1024  # bytes of input that are worth a process of their own


def run(plan: Plan, normalizer: Normalizer, advance: Callable[[int, int, int], object] | None = None) -> Outcome:
    """Reads the inputs and writes the output, which appears whole or not at all.

    Arguments:
        plan: what to do.
        normalizer: over the plan's catalogs.
        advance: called with bytes of input, rows and rejects since the last call.

    Raises:
        PipelineError: an input, the output or a leftover of an earlier run is in the way. Says where and what to do.
        ColumnClash: an input has a column with the name of an output column.
        TooManyRejectsError: more records could not be read than `max_bad` or `on_error` allow.
        OSError: something cannot be read or written.
    """
    return _Run(plan, normalizer, advance or (lambda *_: None)).go()


class _Position:
    """How far a run is: the input, the place in it, the lines and records of it so far."""

    def __init__(self, state: Mapping[str, Any] | None, count: int) -> None:
        self.input: int = state["input"] if state else 0
        self.place: int = state["place"] if state else 0
        self.lines: int = state["lines"] if state else 0
        self.records: list[int] = list(state["records"]) if state else [0] * count

    def to_state(self) -> dict[str, Any]:
        return {"input": self.input, "place": self.place, "lines": self.lines, "records": self.records}


class _Run:
    def __init__(self, plan: Plan, normalizer: Normalizer, advance: Callable[[int, int, int], object]) -> None:
        self.plan = plan
        self.normalizer = normalizer
        self.advance = advance
        self.began = time.time()
        self.clock = time.monotonic()
        self.as_lines = plan.format == "jsonl" and not self.target_is_folder()
        self.job = Job(
            options=plan.options,
            overlays=plan.overlays,
            catalog=normalizer.catalogs.version,
            as_lines=self.as_lines,
            keep_rejects=plan.on_error == "keep",
        )
        usual = LINES_CHECKPOINT if plan.format == "jsonl" else CHECKPOINT
        self.checkpoint = usual if plan.checkpoint is None else min(plan.checkpoint, usual)
        self.block_size = max(_SMALLEST_BLOCK, min(BLOCK_SIZE, self.checkpoint))
        self.streams = plan.output is None or is_device(plan.output)
        self.tally = Tally()
        self.digests: dict[int, str] = {}
        self.found: dict[int, str] = {}  # formats of the inputs; those of pipes show when they are read
        self.hasher: threading.Thread | None = None
        self.identities: dict[int, tuple[int, int]] = {}
        for number, source in enumerate(plan.inputs):
            if source.path is not None and source.size is not None:
                with contextlib.suppress(OSError):
                    found = Path(source.path).stat()
                    self.identities[number] = (found.st_dev, found.st_ino)

    def go(self) -> Outcome:
        """Carries the plan out."""
        if self.streams:
            return self.stream()
        plan = self.plan
        journal = Journal.open(str(plan.output), self.fingerprint(), resume=plan.resume)
        if journal.finished:
            return self.finished(journal)
        try:
            return self.with_journal(journal)
        except TooManyRejectsError as error:
            failed = self.routed(journal)
            journal.publish([], rejects=failed and (plan.failed_rejects or failed), result={"failed": str(error)})
            raise
        except ColumnClash:
            journal.discard()
            raise
        except BaseException:
            journal.close()
            raise

    def with_journal(self, journal: Journal) -> Outcome:
        """Runs with a journal that lets a killed run go on."""
        plan = self.plan
        state = journal.state
        if state is not None:
            self.tally = Tally.from_state(state["tally"])
        position = _Position(state["position"] if state else None, len(plan.inputs))
        target = attrs.evolve(self.target(), work=journal.folder)
        sink = open_sink(target, state=state["sink"] if state else None)
        resumable = sink.resumable and all(source.path is not None for source in plan.inputs)
        try:
            self.write(sink, journal.rejects, position, journal if resumable else None)
            self.check_bad(final=True)
            written = sink.complete()
            moves = sink.moves()
        except BaseException:
            sink.abandon()
            raise
        self.check_counts(written)
        manifest = self.manifest(written, position, resumed=state is not None)
        told = {"tally": self.tally.to_state(), "written": [attrs.asdict(file) for file in written], "manifest": manifest}
        journal.publish(
            moves,
            rejects=self.routed(journal),
            manifest=None if manifest is None or plan.manifest is None else (plan.manifest, manifests.encode_manifest(manifest)),
            result=told,
        )
        return self.outcome(written, manifest, resumed=state is not None, discarded=journal.discarded)

    def routed(self, journal: Journal) -> str | None:
        """The file that the journal's rejects go to; those for stdout go there now."""
        if self.plan.on_error != "route":
            return None
        if self.plan.rejects != "-":
            return self.plan.rejects
        journal.rejects.flush()
        with (journal.folder / "rejects.jsonl").open("rb") as rejects:
            shutil.copyfileobj(rejects, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return None

    def finished(self, journal: Journal) -> Outcome:
        """An earlier run had everything but the last names.

        Raises:
            TooManyRejectsError: that was its end.
        """
        if "failed" in journal.result:
            raise TooManyRejectsError(journal.result["failed"])
        self.tally = Tally.from_state(journal.result["tally"])
        written = [Written(**file) for file in journal.result["written"]]
        return self.outcome(written, journal.result["manifest"], resumed=True, discarded=False)

    def stream(self) -> Outcome:
        """Runs into a stream or device, where nothing can be taken back."""
        plan = self.plan
        if plan.resume:
            msg = "what goes to a stream cannot be resumed: write to a file with -o"
            raise PipelineError(msg)
        sink = open_sink(self.target())
        position = _Position(None, len(plan.inputs))
        try:
            with open_rejects(plan.rejects if plan.on_error == "route" else None) as rejects:
                self.write(sink, rejects, position, None)
                self.check_bad(final=True)
                written = sink.complete()
        except BaseException:
            sink.abandon()
            raise
        self.check_counts(written)
        manifest = self.manifest(written, position, resumed=False)
        if manifest is not None and plan.manifest is not None:
            manifests.write_manifest(plan.manifest, manifest)
        return self.outcome(written, manifest, resumed=False, discarded=False)

    def outcome(self, written: Sequence[Written], manifest: Mapping[str, Any] | None, *, resumed: bool, discarded: bool) -> Outcome:
        return Outcome(
            tally=self.tally,
            written=tuple(written),
            rejects=self.tally.rejects if self.plan.on_error == "route" else 0,
            resumed=resumed,
            discarded=discarded,
            manifest=manifest,
            seconds=time.monotonic() - self.clock,
        )

    def target_is_folder(self) -> bool:
        plan = self.plan
        return Target(path=plan.output, format=plan.format, partition_by=plan.partition_by, stream=plan.stream).is_folder

    def target(self) -> Target:
        plan = self.plan
        return Target(
            path=plan.output,
            format=plan.format,
            payload="jsonl" if self.as_lines else "arrow",
            contract=error_schema(plan.options.prefix, self.normalizer.catalogs.version, kept=plan.on_error == "keep"),
            partition_by=plan.partition_by,
            formulas=plan.formulas,
            stream=plan.stream or sys.stdout.buffer,
        )

    def fingerprint(self) -> dict[str, object]:
        """Everything that decides what the output holds."""
        plan = self.plan
        return {
            "program version": __version__,
            "catalog version": self.normalizer.catalogs.version,
            "inputs": {
                source.name: {"format": source.format, "bytes": source.size, "modified (ns)": source.mtime_ns} for source in plan.inputs
            },
            "order of inputs": [source.name for source in plan.inputs],
            "options": self.options(),
            "checkpoint": self.checkpoint,
        }

    def options(self) -> dict[str, object]:
        """The options that decide what the output holds, for manifest and journal."""
        plan, options = self.plan, self.plan.options
        return {
            "format": plan.format,
            "partition_by": list(plan.partition_by),
            "formulas": plan.formulas,
            "provider": options.provider,
            "fields": dict(options.fields),
            "paths": {field: ".".join(path) for field, path in options.paths.items()},
            "keep": options.keep,
            "explode": options.explode,
            "prefix": options.prefix,
            "on_error": plan.on_error,
            "max_bad": plan.max_bad,
            "overlays": list(plan.overlays),
        }

    # Rows.

    def processes(self) -> int:
        """How many workers the inputs are worth."""
        if self.plan.processes is not None:
            return self.plan.processes
        sizes = [source.size for source in self.plan.inputs]
        cores = available_cores()
        if any(size is None for size in sizes):
            return cores
        packed = sum((source.size or 0) * (8 if source.compression else 1) for source in self.plan.inputs)
        return max(1, min(cores, packed // _ENOUGH))

    def blocks(self, position: _Position) -> Iterator[Block]:
        """The blocks from a position on."""
        start = position.place
        for source in self.plan.inputs[position.input :]:
            yield from read_blocks(source, size=self.block_size, start=start, stdin=self.plan.stdin)
            start = 0

    def write(self, sink: Sink, rejects: IO[bytes] | None, position: _Position, journal: Journal | None) -> None:
        """Takes every piece in order."""
        numbers = {source.name: number for number, source in enumerate(self.plan.inputs)}
        since = 0
        read = 0
        work = pieces(self.blocks(position), self.job, self.normalizer, self.processes(), self.start_hashing)
        with contextlib.closing(work):
            try:
                for block, piece in work:
                    number = numbers[block.file]
                    if number != position.input:
                        self.check_input(position.input)
                        position.input, position.lines, read = number, 0, 0
                    self.take(sink, rejects, block, piece, position)
                    on_disk = block.disk_end or block.end
                    self.advance(max(0, on_disk - read), piece.tally.rows, piece.tally.rejects)
                    read = max(read, on_disk)
                    since += max(block.end - block.start, len(piece.payload)) if block.format == "table" else block.end - block.start
                    if since >= self.checkpoint:
                        since = 0
                        self.save(sink, position, journal)
                for number in range(position.input, len(self.plan.inputs)):
                    self.check_input(number)
            except ClashError as clash:
                lines = position.lines if numbers[clash.file] == position.input else 0
                place = "" if clash.line is None else f", line {lines + clash.line}"
                msg = f"{clash.file}{place}: {clash.message}"
                raise ColumnClash(msg) from None

    def check_input(self, number: int) -> None:
        """Holds a file to what it was when the run began; more at its end is left alone.

        Raises:
            PipelineError: it is another one, was written anew or cut off.
        """
        source = self.plan.inputs[number]
        known = self.identities.get(number)
        if source.path is None or source.size is None or known is None:
            return
        try:
            now = Path(source.path).stat()
        except FileNotFoundError:  # removed behind us: what was read is what it held
            return
        is_same = (now.st_dev, now.st_ino) == known
        if not is_same or now.st_size < source.size or (now.st_size == source.size and now.st_mtime_ns != source.mtime_ns):
            msg = f"{source.name} has changed while it was read: begin anew"
            raise PipelineError(msg)

    def take(self, sink: Sink, rejects: IO[bytes] | None, block: Block, piece: Piece, position: _Position) -> None:
        """Writes a piece and counts it."""
        found = piece.rejects
        if found and block.format != "rejects":
            found = tuple(attrs.evolve(reject, line=reject.line + position.lines) for reject in found)
        if found and self.plan.on_error == "fail":
            raise TooManyRejectsError(place_of(found[0]))
        sink.write(piece.payload)
        if rejects is not None:
            rejects.writelines(map(reject_to_json, found))
        self.tally.add(piece.tally)
        position.lines += piece.tally.lines
        position.records[position.input] += piece.tally.records
        self.found[position.input] = block.format
        position.place = block.end
        if block.flaw is not None:  # the end of this input, which a resumed run must not come upon again
            self.check_input(position.input)
            position.input, position.place, position.lines = position.input + 1, 0, 0
        self.check_bad(final=False)

    def save(self, sink: Sink, position: _Position, journal: Journal | None) -> None:
        """A checkpoint: what is on disk now need not be done again."""
        state = sink.checkpoint()
        if journal is not None:
            journal.save({"position": position.to_state(), "tally": self.tally.to_state(), "sink": state})

    # Checks.

    def check_bad(self, *, final: bool) -> None:
        """Holds the rejects to what is allowed.

        Raises:
            TooManyRejectsError: there are more.
        """
        allowed, tally = self.plan.max_bad, self.tally
        if allowed is None:
            return
        if isinstance(allowed, int):
            if tally.rejects > allowed:
                msg = f"more than {allowed} of {tally.records} records could not be read"
                raise TooManyRejectsError(msg)
        elif final and tally.rejects > allowed * tally.records:
            share = 100 * tally.rejects / tally.records
            msg = f"{tally.rejects} of {tally.records} records ({share:.3g} %) could not be read, more than {100 * allowed:.3g} %"
            raise TooManyRejectsError(msg)

    def check_counts(self, written: Sequence[Written]) -> None:
        """Holds what was written to what was read.

        Raises:
            PipelineError: something is lost, which is a mistake of this package.
        """
        tally = self.tally
        kept = tally.rejects if self.plan.on_error == "keep" else 0
        rows = sum(file.rows for file in written)
        if tally.records != tally.written - kept + tally.rejects or rows != tally.rows:
            msg = (
                f"the counts do not agree: {tally.records} records, {tally.written} written as {tally.rows} rows, {rows} in the output,"
                f" {tally.rejects} rejects. This is a mistake of hhe: please report it"
            )
            raise PipelineError(msg)

    # Manifest.

    def start_hashing(self) -> None:
        """Takes the checksums of the inputs while the workers work."""
        if self.plan.manifest is None:
            return
        self.hasher = threading.Thread(target=self.hash_inputs, daemon=True)
        self.hasher.start()

    def hash_inputs(self) -> None:
        for number, source in enumerate(self.plan.inputs):
            if source.path is not None and source.size is not None:
                with contextlib.suppress(OSError):
                    self.digests[number] = sha256_of(Path(source.path), source.size)

    def manifest(self, written: Sequence[Written], position: _Position, *, resumed: bool) -> dict[str, Any] | None:
        plan = self.plan
        if plan.manifest is None:
            return None
        if self.hasher is not None:
            self.hasher.join()
        tally = self.tally
        rejects = tally.rejects if plan.on_error == "route" else 0
        counts = {
            "records": tally.records,
            "written": tally.written,
            "rejects": tally.rejects,
            "rows": tally.rows,
            "failed": tally.failed,
            "observed_nothing": tally.unobserved,
            "blank_lines": tally.blank,
            "may_pass": tally.retryable,
        }
        return manifests.build_manifest(
            program_version=__version__,
            catalog_version=self.normalizer.catalogs.version,
            inputs=[
                manifests.Input(
                    name=source.name,
                    size=source.size,
                    mtime_ns=source.mtime_ns,
                    sha256=self.digests.get(number),
                    format=source.format if source.size is not None else self.found.get(number, source.format),
                    records=position.records[number],
                )
                for number, source in enumerate(plan.inputs)
            ],
            outputs=written,
            rejects=(plan.rejects, rejects) if rejects and plan.rejects else None,
            counts=counts,
            options=self.options(),
            run={
                "began": datetime.fromtimestamp(self.began, UTC).isoformat(timespec="milliseconds"),
                "seconds": time.monotonic() - self.clock,
                "resumed": resumed,
            },
        )


def place_of(reject: Reject) -> str:
    """Where a reject stands and why it is one, for people."""
    return f"{reject.file}, line {reject.line}: {reject.reason}"
