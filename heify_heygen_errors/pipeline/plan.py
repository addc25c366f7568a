"""What a run of the pipeline is to do, and how it ended. Performs no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

import attrs

from heify_heygen_errors.pipeline.blocks import Tally
from heify_heygen_errors.pipeline.discovery import Input
from heify_heygen_errors.pipeline.targets import Written
from heify_heygen_errors.records import RecordOptions


class TooManyRejectsError(Exception):
    """More records could not be read than the run allows; there is no output."""


@attrs.frozen(kw_only=True)
class Plan:
    """What a run does.

    Attributes:
        inputs: from `find_inputs`.
        output: a file or folder; None for `stream`.
        stream: where rows go without `output`.
        format: of the output: jsonl, csv, tsv, parquet or arrow.
        options: how records are read and rows are written.
        overlays: files of catalogs over the shipped ones.
        partition_by: columns that the output is split by.
        formulas: leave cells of CSV that a spreadsheet would run.
        on_error: ``route`` (to the rejects), ``keep`` (as rows) or ``fail``.
        max_bad: rejects that are allowed, as a number or as a share of the records (a float); None for any.
        rejects: file for records that cannot be read, ``"-"`` for stdout; None only under ``keep`` and ``fail``.
        failed_rejects: the same if the run ends without an output, whose own rejects these are not.
        manifest: file for the manifest; None for none.
        resume: go on from the last checkpoint of a run that was killed.
        checkpoint: bytes of input between checkpoints; None for the usual.
        processes: workers; None for as many as there are cores, fewer for small inputs.
        stdin: read for ``-``; None for that of the process.
    """

    inputs: Sequence[Input]
    output: str | None
    format: str
    stream: IO[bytes] | None = attrs.field(default=None, repr=False)
    options: RecordOptions = attrs.Factory(RecordOptions)
    overlays: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    formulas: bool = False
    on_error: str = "route"
    max_bad: int | float | None = None
    rejects: str | None = None
    failed_rejects: str | None = None
    manifest: str | None = None
    resume: bool = False
    checkpoint: int | None = None
    processes: int | None = None
    stdin: IO[bytes] | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        tally: counts.
        written: files of output.
        rejects: lines in the rejects file.
        resumed: whether it went on from a checkpoint.
        discarded: whether the rest of an earlier run was removed.
        manifest: what the manifest says; None without one.
        seconds: this run took.
    """

    tally: Tally
    written: tuple[Written, ...]
    rejects: int
    resumed: bool
    discarded: bool
    manifest: Mapping[str, Any] | None
    seconds: float
