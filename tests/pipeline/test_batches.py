"""BatchNormalizer: parts of a table, in whatever process they are worked on."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from frame_cases import OVERLAY

from heify_heygen_errors import BatchNormalizer, Catalogs, Normalizer, RejectedRowsError, normalize_arrow
from heify_heygen_errors.records import ColumnClash


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A catalog of one's own over the shipped ones."""
    path = tmp_path / "ours.yaml"
    path.write_text(OVERLAY, encoding="utf-8")
    return path


def _rows(count: int) -> pa.Table:
    """Answers of one vendor, every third one with a body of its own."""
    bodies = ['{"error": {"code": "insufficient_credit", "message": "no credit"}}', '{"code": 100, "data": {}}']
    return pa.table(
        {
            "number": list(range(count)),
            "status": [402, 200, 500] * (count // 3),
            "body": [body for number in range(count // 3) for body in (*bodies, f'{{"message": "failed in step {number}"}}')],
        }
    )


def test_parts_give_the_rows_of_the_whole() -> None:
    """Whatever the parts are, and in whatever order they come, their rows are those of the whole table."""
    table = _rows(600)
    whole = normalize_arrow(table, provider="heygen")
    normalizer = BatchNormalizer(provider="heygen")
    for size in (1, 7, 250):
        starts = list(range(0, table.num_rows, size))
        parts = {start: normalizer(table.slice(start, size)) for start in reversed(starts)}
        assert whole.equals(pa.concat_tables(parts[start] for start in starts))


def test_a_part_twice_gives_the_same_rows() -> None:
    """A part that is worked on again, as engines do after a failure, gives the same rows."""
    table = _rows(300)
    normalizer = BatchNormalizer(provider="heygen")
    first = normalizer(table)
    assert first.equals(normalizer(table))


@pytest.mark.parametrize("kind", ["table", "batch", "reader"])
def test_what_goes_in_comes_out(kind: str) -> None:
    """A Table gives a Table, a RecordBatch a RecordBatch, a stream a stream, with the schema of normalize_arrow."""
    table = _rows(30)
    made: dict[str, Any] = {"table": table, "batch": table.to_batches()[0], "reader": table.to_reader()}
    data = made[kind]
    result = BatchNormalizer(provider="heygen")(data)
    assert isinstance(result, type(data))
    assert result.schema.equals(normalize_arrow(table, provider="heygen").schema, check_metadata=True)


def test_a_pickle_carries_the_overlays(overlay: Path) -> None:
    """What comes out of a pickle decides by the overlays, whether or not their files are still there."""
    normalizer = BatchNormalizer(provider="heify", normalizer=Normalizer(Catalogs.load(overlay)))
    written = pickle.dumps(normalizer)
    overlay.unlink()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(_in_another_process, written).result(timeout=60)
    assert there == ["heify/PLAN_EXPIRED@ours", normalizer.choices.normalizer.catalogs.version]


def _in_another_process(written: bytes) -> list[str]:
    normalizer = pickle.loads(written)
    result = normalizer(pa.table({"status": [400], "body": ['{"code": "plan_expired"}']}))
    return [result.column("error_rule")[0].as_py(), normalizer.choices.normalizer.catalogs.version]


def test_one_memory_in_each_process() -> None:
    """Normalizers of the same options, such as those of several tasks, share what was judged; other options do not."""
    normalizer = BatchNormalizer(provider="heygen")
    assert normalizer.judge is pickle.loads(pickle.dumps(normalizer)).judge
    assert normalizer.judge is not BatchNormalizer(provider="heify").judge


def test_a_column_that_was_named_has_a_memory_of_its_own() -> None:
    """A field that was given its own name must be there, whatever was made before; one that was not may be missing."""
    bare = pa.table({"status": [402]})
    plain = BatchNormalizer(provider="heygen")
    named = BatchNormalizer(provider="heygen", fields={"body": "body"})
    assert plain(bare).num_rows == 1
    with pytest.raises(ValueError, match="there is no column 'body'"):
        named(bare)
    assert plain(bare).num_rows == 1


def test_other_catalogs_have_another_memory(overlay: Path) -> None:
    """The same options over other catalogs do not see what was judged by the shipped ones."""
    data = pa.table({"status": [400], "body": ['{"code": "plan_expired"}']})
    shipped = BatchNormalizer(provider="heify")(data)
    ours = BatchNormalizer(provider="heify", normalizer=Normalizer(Catalogs.load(overlay)))(data)
    assert [shipped.column("error_category")[0].as_py(), ours.column("error_category")[0].as_py()] == ["invalid_request", "payment"]


def test_threads_may_share_one() -> None:
    """Several threads over one normalizer give each its own rows."""
    table = _rows(3000)
    normalizer = BatchNormalizer(provider="heygen")
    whole = normalize_arrow(table, provider="heygen")
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda start: normalizer(table.slice(start, 100)), range(0, table.num_rows, 100)))
    assert whole.equals(pa.concat_tables(parts))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_while_a_thread_judges() -> None:
    """A process that is forked while a thread is at work has its own memory, and does not wait for that thread."""
    normalizer = BatchNormalizer(provider="heygen")
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with normalizer.judge._lock:
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(60)
    child = multiprocessing.get_context("fork").Process(target=normalizer, args=(_rows(3),))
    child.start()
    child.join(30)
    ended = child.exitcode
    child.kill()
    leave.set()
    thread.join()
    assert ended == 0


def test_rows_that_cannot_be_read() -> None:
    """A row that cannot be read is an error that says that it counts from the part's first row."""
    with pytest.raises(RejectedRowsError) as caught:
        BatchNormalizer(provider="heygen")(pa.table({"status": ["soon", "402"], "body": ["", ""]}))
    assert str(caught.value).startswith("1 row of a part of the frame cannot be read: row 0: ")


def test_wrong_use_is_told_at_once() -> None:
    """Options that are wrong are an error where the normalizer is made, not where the first part is worked on."""
    with pytest.raises(TypeError, match=r"BatchNormalizer\(\) has no option 'vendor'"):
        BatchNormalizer(vendor="heygen")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="there is no provider 'heigen'"):
        BatchNormalizer(provider="heigen")


def test_a_clash_of_names_is_an_error() -> None:
    """A part with a column of an output column's name is refused."""
    with pytest.raises(ColumnClash):
        BatchNormalizer(provider="heygen")(pa.table({"status": [402], "error_code": ["x"]}))
