"""What travels between the reader of an input, the workers and the writer: blocks in, pieces out.

Performs no I/O. All values pickle, so that workers can be processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import attrs

MAX_RECORD: Final = 16 * 1024 * 1024
"""Bytes of a record that are read and kept; of a longer one a reject holds length and SHA-256."""

MAX_KINDS: Final = 1000
"""Unknown codes, unmatched messages and reasons of rejects that a `Tally` of a whole input tells apart."""


KEPT_COLUMNS: Final = ("error_reject", "error_raw")
"""Columns of rejects that are kept as rows: why a record could not be read, and the text of what was read of it."""


class PipelineError(Exception):
    """A run that cannot go on: an input, output or option is wrong. The message says where and what to do."""


class ClashError(Exception):
    """The input has a member or column with the name of an output column.

    Attributes:
        file: the input's name.
        line: counted from the block's first, which is 1; None for tables.
        message: what to do.
    """

    def __init__(self, file: str, line: int | None, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message


@attrs.frozen(kw_only=True)
class Block:
    """A part of an input that is worked on as a whole. The blocks of an input follow each other without gaps.

    Attributes:
        file: the input as the user named it; ``"-"`` for stdin.
        format: ``jsonl``, ``csv``, ``tsv``, ``table`` (Parquet and Arrow) or ``rejects`` (for ``--replay``).
        start: where the block begins: a byte offset in the text (behind any compression), for tables a row number
            from 0.
        end: where it ends; of the same kind.
        data: the text from start to end, always whole records; for tables an Arrow IPC stream. None: whoever works on
            the block reads it from `file`, which is then a plain file of lines: the block has the lines that begin in
            it.
        header: the first line of a CSV file, without its end.
        flaw: why the input ends here before its end (cut or broken compression, an unreadable table); None for
            sound ones. What `data` holds is then the rest in front of the flaw.
        rejects: the record that the block consists of, if it is too long to be kept: `data` is then ``b""``.
        disk_end: bytes of the file on disk that were read so far, compressed or not; an estimate, for progress.
    """

    file: str
    format: str
    start: int
    end: int
    data: bytes | None = attrs.field(default=None, repr=False)
    header: bytes | None = None
    flaw: str | None = None
    rejects: tuple[Reject, ...] = attrs.field(default=(), repr=False)
    disk_end: int = attrs.field(default=0, eq=False)


@attrs.frozen(kw_only=True)
class Reject:
    """A record that could not be read.

    Attributes:
        file: the input's name.
        line: from 1; in what a worker returns, counted from the block's first line. For tables the row.
        offset: in bytes, in the text behind any compression; None for tables.
        raw: its bytes; None if it is longer than `MAX_RECORD`.
        reason: why, for people.
        length: of an overlong record, with its line end.
        sha256: of an overlong record.
        header: the header line of a CSV file.
        format: ``jsonl``, ``csv`` or ``tsv``: how `raw` is to be read. Rows of tables are JSON.
    """

    file: str
    line: int
    offset: int | None
    raw: bytes | None = attrs.field(repr=False)
    reason: str
    length: int | None = None
    sha256: str | None = None
    header: bytes | None = None
    format: str = "jsonl"


@attrs.define(kw_only=True)
class Tally:
    """What went through: records = written + rejects. Tallies of parts add up to that of the whole.

    Attributes:
        lines: lines of text that the block has, blank ones too; rows for tables. To number what follows.
        records: what was no blank line.
        written: records that became rows.
        rows: rows; more than `written` with ``explode``.
        failed: records with a failure.
        unobserved: records without status, body and exception.
        rejects: records that could not be read; under ``--on-error keep`` they are in `written` as well.
        blank: blank lines.
        retryable: records whose first failure may pass.
        providers: failed records by provider.
        categories: failed records by the category of the first failure.
        faults: the same by fault.
        actions: the same by retry action.
        rules: the same by rule.
        reasons: rejects by `reason_kind`.
        unknown: failed records by (provider, code) of codes that no catalog lists, in the order of first appearance.
        samples: for each of `unknown` the redacted message that was seen first, the detail where there is none, and the
            rule that was applied.
        unmatched: failed records by fingerprint that ended in rule ``unknown`` or in a status fallback without a code,
            in the order of first appearance.
        unmatched_samples: for each of `unmatched` its provider, rule and redacted message or detail.
        named: blocks in which a field that the options name has a value, by field.
        beyond: what `reasons`, `unknown` and `unmatched` do not hold by kind because they are full, by their names.
    """

    lines: int = 0
    records: int = 0
    written: int = 0
    rows: int = 0
    failed: int = 0
    unobserved: int = 0
    rejects: int = 0
    blank: int = 0
    retryable: int = 0
    providers: Counter[str] = attrs.Factory(Counter)
    categories: Counter[str] = attrs.Factory(Counter)
    faults: Counter[str] = attrs.Factory(Counter)
    actions: Counter[str] = attrs.Factory(Counter)
    rules: Counter[str] = attrs.Factory(Counter)
    reasons: Counter[str] = attrs.Factory(Counter)
    unknown: Counter[tuple[str, str]] = attrs.Factory(Counter)
    samples: dict[tuple[str, str], tuple[str | None, str]] = attrs.Factory(dict)
    unmatched: Counter[str] = attrs.Factory(Counter)
    unmatched_samples: dict[str, tuple[str, str, str | None]] = attrs.Factory(dict)
    named: Counter[str] = attrs.Factory(Counter)
    beyond: Counter[str] = attrs.Factory(Counter)

    def add(self, other: Tally) -> None:
        """Adds what the next part of the same input counted.

        Of what the vendors choose freely the first `MAX_KINDS` kinds are counted each, all later ones together in
        `beyond`. A worker counts its block without this bound, for a block is bounded itself; if the tallies of blocks
        are added in the order of the input, the sum does not depend on where the input was cut.
        """
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        self._add_bounded("reasons", self.reasons, other.reasons)
        self._add_bounded("unknown", self.unknown, other.unknown)
        self._add_bounded("unmatched", self.unmatched, other.unmatched)
        for code, sample in other.samples.items():
            if code in self.unknown:
                self.samples.setdefault(code, sample)
        for print_, told in other.unmatched_samples.items():
            if print_ in self.unmatched:
                self.unmatched_samples.setdefault(print_, told)

    def _add_bounded(self, name: str, mine: Counter[Any], others: Counter[Any]) -> None:
        for kind, count in others.items():
            if kind in mine or len(mine) < MAX_KINDS:
                mine[kind] += count
            else:
                self.beyond[name] += count

    def to_state(self) -> dict[str, Any]:
        """The tally as JSON, in the order of its counters."""
        state: dict[str, Any] = attrs.asdict(self, recurse=False)
        for name in (*_COUNTERS, *_BOUNDED_BY_TEXT):
            state[name] = list(state[name].items())
        for name in ("unknown", "samples"):
            state[name] = [[list(key), value] for key, value in state[name].items()]
        state["unmatched_samples"] = list(state["unmatched_samples"].items())
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tally:
        """A tally out of what `to_state` gave."""
        read: dict[str, Any] = dict(state)
        for name in (*_COUNTERS, *_BOUNDED_BY_TEXT):
            read[name] = Counter(dict(map(tuple, state[name])))
        read["unknown"] = Counter({tuple(key): value for key, value in state["unknown"]})
        read["samples"] = {tuple(key): tuple(value) for key, value in state["samples"]}
        read["unmatched_samples"] = {key: tuple(value) for key, value in state["unmatched_samples"]}
        return cls(**read)


_NUMBERS: Final = ("lines", "records", "written", "rows", "failed", "unobserved", "rejects", "blank", "retryable")
_COUNTERS: Final = ("providers", "categories", "faults", "actions", "rules", "named", "beyond")
_BOUNDED_BY_TEXT: Final = ("reasons", "unmatched")
_NO_PROVIDER: Final = "there is no provider "


def reason_kind(reason: str) -> str:
    """What a reject's reason says of every such record: without positions and without words of the record.

    The part in front of the first ``": "``; ``there is no provider 'acme': ...`` names no provider.
    """
    if reason.startswith(_NO_PROVIDER):
        return "there is no provider of this name"
    return reason.partition(": ")[0]


@attrs.frozen(kw_only=True)
class Piece:
    """What a worker made of a block.

    Attributes:
        payload: rows: JSON Lines, or an Arrow IPC stream (schema and batches) with passthrough columns and columns
            of the contract; empty if the block has no row.
        rejects: in the order of the input.
        tally: counts of this block.
    """

    payload: bytes = attrs.field(repr=False)
    rejects: tuple[Reject, ...] = attrs.field(repr=False)
    tally: Tally = attrs.field(repr=False)
