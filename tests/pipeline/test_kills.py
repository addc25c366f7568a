"""Runs that are killed at any moment: nothing half done is taken for whole, and --resume ends where an uninterrupted run does."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from command_runs import Ended, begin, command, content, kill, log, session_of, wait_until, without_run, working

from heify_heygen_errors import Normalizer
from heify_heygen_errors.pipeline.discovery import FORMATS, find_inputs
from heify_heygen_errors.pipeline.plan import Plan
from heify_heygen_errors.pipeline.run import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

KILLS = int(os.environ.get("HHE_KILLS", "4"))
"""Kills of each run. The runs of the documentation were made with 20."""

OUTPUTS = {
    "jsonl": ("out.jsonl",),
    "csv": ("out.csv",),
    "parquet": ("out.parquet",),
    "arrow": ("out.arrow",),
    "folder": ("out/",),
    "partitioned": ("parts", "--partition-by", "day"),
}
OPTIONS = ("--checkpoint", "64KiB", "--jobs", "2")
LINES = 30_000 if KILLS >= 20 else 8_000
CHECKPOINTS = LINES // 430
"""Of a run over the log that is killed."""


@pytest.fixture(scope="module")
def killed_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that is long enough to be killed so often."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(log(LINES))
    return path


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes a run long enough to be killed in its middle for sure."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(log(30_000))
    return path


@pytest.fixture(scope="module")
def whole(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The output of an uninterrupted run over it."""
    return _uninterrupted(tmp_path_factory.mktemp("whole") / "run", str(lines), "-o", "out.jsonl", *OPTIONS)["out.jsonl"]


def _uninterrupted(folder: Path, *arguments: str) -> dict[str, bytes]:
    folder.mkdir()
    done = command(*arguments, cwd=folder)
    assert (done.code, done.out) == (1, b"")
    return content(folder)


def _killed(folder: Path, chance: random.Random, kills: int, *arguments: str) -> tuple[int, list[int], Ended]:
    """Kills a run again and again, and resumes it each time; returns the kills, the processes and the end."""
    output = folder / arguments[2].rstrip("/")
    done, processes = 0, []
    while True:
        process = begin(*arguments, *(["--resume"] if done else []), cwd=folder)
        processes.append(process.pid)
        if done < kills:
            wait_until(lambda process=process: working(process, output))
            _work(process, output, chance.randrange(CHECKPOINTS // kills))
            time.sleep(chance.uniform(0, 0.05))
            if process.poll() is None:
                said = kill(process)
                done += 1
                assert "Traceback" not in said
                if output.exists() and not Path(f"{output}.partial").exists():  # it had done everything but end
                    return done, processes, Ended(1, b"", "")
                continue
        out, err = process.communicate(timeout=120)
        return done, processes, Ended(process.returncode, out, err.decode())


def _work(process: subprocess.Popen[bytes], output: Path, checkpoints: int) -> None:
    """Waits for so many checkpoints of a run, or its end."""
    journal = Path(f"{output}.partial/journal.json")

    def state() -> int:
        try:
            return journal.stat().st_mtime_ns
        except OSError:
            return 0

    for _ in range(checkpoints):
        before = state()
        wait_until(lambda before=before: process.poll() is not None or state() != before)


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(killed_log: Path, tmp_path: Path, kind: str) -> None:
    """Killed at random moments and resumed each time, a run ends with the same output, rejects and manifest, and leaves no process."""
    arguments = (str(killed_log), "-o", *OUTPUTS[kind], *OPTIONS)
    expected = _uninterrupted(tmp_path / "whole", *arguments)
    (tmp_path / "killed").mkdir()
    kills, processes, ended = _killed(tmp_path / "killed", random.Random(f"{kind}{KILLS}"), KILLS, *arguments)
    assert (ended.code, ended.out) == (1, b""), ended.err
    assert kills >= KILLS // 2  # a run that is quicker than the eye may end sooner
    print(f"{kind}: equal after {kills} kills")
    actual = content(tmp_path / "killed")
    assert expected.keys() == actual.keys()
    manifest = f"{OUTPUTS[kind][0].rstrip('/')}.manifest.json"
    assert without_run(expected.pop(manifest)) == without_run(actual.pop(manifest))
    assert [name for name in expected if expected[name] != actual[name]] == []
    wait_until(lambda: not any(map(session_of, processes)))


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_end_with_the_run_that_is_killed(lines: Path, tmp_path: Path, jobs: int) -> None:
    """When a run is killed its workers end by themselves, soon."""
    process = begin(lines, "-o", "out.parquet", "--checkpoint", "64KiB", "--jobs", str(jobs), cwd=tmp_path)
    wait_until(
        lambda: len(session_of(process.pid)) == (1 if jobs == 1 else 1 + jobs) and (tmp_path / "out.parquet.partial/journal.json").exists()
    )
    kill(process)
    wait_until(lambda: not session_of(process.pid), 10)


def test_a_killed_run_leaves_what_resumes_and_nothing_that_looks_like_an_output(lines: Path, tmp_path: Path) -> None:
    """A killed run leaves the old output, rejects and manifest as they were, and a private folder beside them that a resume goes on from."""
    old = {"out.csv": b"old\n", "out.csv.rejects.jsonl": b"older\n", "out.csv.manifest.json": b"{}\n"}
    for name, text in old.items():
        (tmp_path / name).write_bytes(text)
    process = begin(lines, "-o", "out.csv", *OPTIONS, cwd=tmp_path)
    wait_until((tmp_path / "out.csv.partial/journal.json").exists)
    kill(process)
    assert {path.name for path in tmp_path.iterdir()} == {*old, "out.csv.partial"}
    assert {name: (tmp_path / name).read_bytes() for name in old} == old
    assert (tmp_path / "out.csv.partial").stat().st_mode & 0o777 == 0o700
    done = command(lines, "-o", "out.csv", *OPTIONS, "--resume", cwd=tmp_path)
    assert done.code == 1
    assert done.err.startswith("went on from the last checkpoint\n")
    assert {path.name for path in tmp_path.iterdir()} == set(old)
    assert json.loads((tmp_path / "out.csv.manifest.json").read_bytes())["run"]["resumed"] is True


def test_without_resume_the_rest_of_a_killed_run_is_removed(lines: Path, whole: bytes, tmp_path: Path) -> None:
    """A run that does not resume begins anew, says that there was something, and ends as if there had been nothing."""
    process = begin(lines, "-o", "out.jsonl", *OPTIONS, cwd=tmp_path)
    wait_until((tmp_path / "out.jsonl.partial/journal.json").exists)
    kill(process)
    done = command(lines, "-o", "out.jsonl", *OPTIONS, cwd=tmp_path)
    assert done.code == 1
    assert done.err.startswith("an unfinished run was there and was removed; --resume would have gone on with it\n")
    assert whole == (tmp_path / "out.jsonl").read_bytes()


CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    "--prefix": (("--prefix", "x_"), "options.prefix"),
    "--keep": (("--keep",), "options.keep"),
    "--explode": (("--explode",), "options.explode"),
    "--provider": (("--provider", "heify"), "options.provider"),
    "--field": (("--field", "status=http"), "options.fields.status"),
    "--map": (("--map", "body=a.b"), "options.paths.body"),
    "--formulas": (("--formulas",), "options.formulas"),
    "--format": (("--format", "tsv"), "options.format"),
    "--on-error": (("--on-error", "keep"), "options.on_error"),
    "--checkpoint": (("--checkpoint", "128KiB"), "checkpoint"),
}


@pytest.fixture(scope="module")
def left_over(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a killed run left, and the log that it read."""
    folder = tmp_path_factory.mktemp("killed")
    shutil.copy2(lines, folder / "log.jsonl")
    process = begin("log.jsonl", "-o", "out.csv", *OPTIONS, cwd=folder)
    wait_until((folder / "out.csv.partial/journal.json").exists)
    kill(process)
    wait_until(lambda: not session_of(process.pid))
    return folder


@pytest.fixture
def unfinished(left_over: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that for each test, which runs in it."""
    shutil.copytree(left_over, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize(("options", "told"), CHANGES.values(), ids=CHANGES)
def test_a_resume_with_other_options_is_refused(unfinished: Path, hhe: Any, options: tuple[str, ...], told: str) -> None:
    """What another run left is not gone on with: the refusal names what was changed, and nothing is lost by it."""
    before = content(unfinished)
    arguments = ["--jobs", "1", *(() if options[0] == "--checkpoint" else OPTIONS[:2]), *options]
    result = hhe("normalize", "log.jsonl", "-o", "out.csv", "--resume", *arguments)
    assert (result.code, result.out) == (2, "")
    assert f"{told} was " in result.err
    assert "begin anew without --resume" in result.err
    assert content(unfinished) == before


def _grown(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"{}\n")


def _touched(path: Path) -> None:
    os.utime(path, (1, 1))


@pytest.mark.parametrize("change", [_grown, _touched])
def test_a_resume_with_another_input_is_refused(unfinished: Path, hhe: Any, change: Any) -> None:
    """An input that has changed since is named, and nothing is mixed."""
    change(unfinished / "log.jsonl")
    result = hhe("normalize", "log.jsonl", "-o", "out.csv", "--resume", *OPTIONS)
    assert result.code == 2
    assert "inputs" in result.err
    assert "log.jsonl" in result.err
    assert "begin anew without --resume" in result.err
    assert not (unfinished / "out.csv").exists()


def test_a_resume_may_have_other_jobs_and_manners(unfinished: Path, hhe: Any) -> None:
    """What does not change the output may differ: the number of processes, --quiet, --summary-json, --rejects."""
    arguments = ["--jobs", "1", "--quiet", "--summary-json", "s.json", "--rejects", "r.jsonl"]
    result = hhe("normalize", "log.jsonl", "-o", "out.csv", "--resume", *OPTIONS[:2], *arguments)
    assert (result.code, result.out, result.err) == (1, "", "")
    told = json.loads((unfinished / "s.json").read_bytes())
    assert told["records"] == told["written"] + told["rejects"]
    assert len((unfinished / "r.jsonl").read_bytes().splitlines()) == told["rejects"]


def test_two_runs_do_not_write_one_output(lines: Path, tmp_path: Path, hhe: Any) -> None:
    """While a run writes an output another run is refused, resumed or not, and the first one ends as it would have alone."""
    reading, writing = os.pipe()
    first = begin("-", "-o", "out.jsonl", "--jobs", "2", cwd=tmp_path, stdin=reading)
    os.close(reading)
    wait_until(lambda: working(first, tmp_path / "out.jsonl"))
    for more in ((), ("--resume",)):
        result = hhe("normalize", lines, "-o", tmp_path / "out.jsonl", *more)
        assert (result.code, result.out) == (2, "")
        assert "another run writes" in result.err
    os.write(writing, b'{"provider":"heygen","status":404}\n')
    os.close(writing)
    assert first.communicate(timeout=60)[0] == b""
    assert first.returncode == 0
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 1


# Kills at one step each: a process that ends, as if by SIGKILL, in front of its n-th change of a file.

_ENDED = 77


def _stopped(plan: Plan, normalizer: Normalizer, step: int) -> int:
    """Carries a plan out in a process of its own, which ends in front of its `step`-th change of a file, if it has so many."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    count = 0

    def counted(name: str) -> Any:
        real = getattr(os, name)

        def call(*given: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                os._exit(_ENDED)
            return real(*given, **named)

        return call

    code = 1
    try:
        for name in ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync"):
            setattr(os, name, counted(name))
        run(plan, normalizer)
        code = 0
    finally:
        os._exit(code)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", OUTPUTS)
def test_every_step_can_be_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Wherever a small run is ended, a resume makes the whole of it, with an output of an earlier run in the way and without."""
    (tmp_path / "log.jsonl").write_bytes(log(40))
    normalizer = Normalizer()
    output = OUTPUTS[kind][0]
    name = output.rstrip("/")
    plan = Plan(
        inputs=find_inputs([str(tmp_path / "log.jsonl")]),
        output=output,
        format=kind if kind in FORMATS else "parquet",
        partition_by=("day",) if kind == "partitioned" else (),
        rejects=f"{name}.rejects.jsonl",
        manifest=f"{name}.manifest.json",
        checkpoint=4096,
        processes=1,
    )
    whole = tmp_path / "whole"
    whole.mkdir()
    monkeypatch.chdir(whole)
    run(plan, normalizer)
    expected = content(whole)
    for step in range(1, 200):
        folder = tmp_path / f"{step}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        if step % 2:
            shutil.copytree(whole, folder, dirs_exist_ok=True)
        code = _stopped(plan, normalizer, step)
        if code == _ENDED:
            assert _stopped(attrs.evolve(plan, resume=True), normalizer, 0) == 0
        actual = content(folder)
        told = f"{name}.manifest.json"
        assert expected.keys() == actual.keys()
        assert without_run(expected[told]) == without_run(actual[told])
        assert [file for file in expected if file != told and expected[file] != actual[file]] == []
        if code != _ENDED:
            break
    assert step > 15
    assert name in os.listdir(folder)  # noqa: PTH208 - as it is named


def test_a_signal_to_end_is_no_kill_but_may_be_resumed_too(lines: Path, whole: bytes, tmp_path: Path) -> None:
    """SIGTERM in the middle leaves what resumes, no process and no output."""
    process = begin(lines, "-o", "out.jsonl", *OPTIONS, cwd=tmp_path)
    wait_until((tmp_path / "out.jsonl.partial/journal.json").exists)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    wait_until(lambda: not session_of(process.pid))
    assert not (tmp_path / "out.jsonl").exists()
    assert command(lines, "-o", "out.jsonl", *OPTIONS, "--resume", cwd=tmp_path).code == 1
    assert whole == (tmp_path / "out.jsonl").read_bytes()
