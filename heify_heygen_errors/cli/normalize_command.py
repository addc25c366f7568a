"""``hhe normalize``: logs of vendor answers in, one table out."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from heify_heygen_errors.cli.options import catalog_option
from heify_heygen_errors.cli.progress import progress
from heify_heygen_errors.cli.show import print_json, say
from heify_heygen_errors.cli.summary import tell
from heify_heygen_errors.exceptions import printable
from heify_heygen_errors.records import INPUT_FIELDS, ColumnClash, RecordOptions

if TYPE_CHECKING:
    from heify_heygen_errors.cli.app import Session
    from heify_heygen_errors.pipeline.plan import Outcome, Plan

_FORMATS: Final = ("jsonl", "csv", "tsv", "parquet", "arrow")
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_NAMED: Final = 5  # files that a message names
_SMALLEST_CHECKPOINT: Final = 4096
_ALL: Final = 100.0


class _Size(click.ParamType[int]):
    """Bytes, with a unit or without: 65536, 64MiB, 1g."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        low = str(value).strip().lower().removesuffix("b").removesuffix("i")
        number, unit = low.rstrip("kmgt"), low[len(low.rstrip("kmgt")) :]
        if not number.isascii() or not number.isdigit() or unit not in _UNITS:
            self.fail(f"{value!r}: write a number of bytes, as 64MiB or 1GiB", param, ctx)
        size = int(number) * _UNITS[unit]
        if size < _SMALLEST_CHECKPOINT:
            self.fail(f"{value!r}: give at least {_SMALLEST_CHECKPOINT} bytes", param, ctx)
        return size


class _Share(click.ParamType[float]):
    """A number of records, or a share of them with a per cent sign."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        text = str(value).strip()
        try:
            if text.endswith("%"):
                share = float(text[:-1])
                if 0 <= share <= _ALL:
                    return share / 100
            elif text.isascii() and text.isdigit():
                return int(text)
        except ValueError:
            pass
        return self.fail(f"{value!r}: write a number of records, as 100, or a share of them, as 1%", param, ctx)


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("--output", "-o", metavar="OUT", default="-", help='A file, or a folder with "/" behind; "-", the default, is stdout.')
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="Of OUT. Default: by its extension; stdout gets JSON Lines, a folder Parquet."
)
@click.option("--from", "read_as", type=click.Choice(_FORMATS), help="Format of IN. Default: by content and extension.")
@click.option("--provider", "-p", help="For records that name none: heygen, liveavatar or heify.")
@click.option("--field", "names", multiple=True, metavar="FIELD=NAME", help="The input's NAME of a FIELD; can be repeated.")
@click.option("--map", "paths", multiple=True, metavar="FIELD=PATH", help="Where a FIELD stands in nested objects: body=response.body.")
@click.option("--keep", is_flag=True, help="Write headers, url and body as well.")
@click.option("--explode", is_flag=True, help="A row per failure of a list or batch, not the first only.")
@click.option("--prefix", default="", help="Put before the names of the error_* columns.")
@click.option("--partition-by", metavar="COLUMN,...", help="Split OUT, a folder, by the values of columns.")
@click.option("--formulas", is_flag=True, help="CSV, TSV: do not put ' before cells that a spreadsheet would run.")
@click.option("--rejects", metavar="FILE", help="Where records go that cannot be read. Default: OUT.rejects.jsonl.")
@click.option("--replay", is_flag=True, help="IN are rejects files: try their records again.")
@click.option(
    "--on-error",
    type=click.Choice(("route", "keep", "fail")),
    default="route",
    show_default=True,
    help="Records that cannot be read: to the rejects, into OUT with the reason, or end.",
)
@click.option("--max-bad", type=_Share(), metavar="N|N%", help="Write no OUT if more records cannot be read.")
@click.option("--resume", is_flag=True, help="Go on with a run that was killed, from its last checkpoint.")
@click.option("--checkpoint", type=_Size(), metavar="SIZE", help="Input between checkpoints. Default: 1GiB; for JSON Lines 64MiB.")
@click.option("--manifest", metavar="FILE", help="What was read and written, as JSON. Default: OUT.manifest.json; none for stdout.")
@click.option("--no-manifest", is_flag=True, help="Write no manifest.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 256), metavar="N", help="Worker processes. Default: one per core, fewer for small inputs."
)
@click.option("--summary-json", metavar="FILE", help='The summary as JSON; "-" is stdout.')
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary on stderr.")
@catalog_option
@click.pass_context
def normalize(context: click.Context, /, **given: Any) -> int:
    """Normalize the records in IN... (files, folders, globs, "-").

    IN is JSON Lines, CSV or TSV with the body in a cell, Parquet or Arrow, also as .gz and .zst. Every record becomes one row
    with error_* columns; what cannot be read goes to the rejects file, so that records in = records written + rejects. OUT
    appears whole or not at all. Exits 1 if there were rejects.
    """
    session: Session = context.obj
    try:
        from heify_heygen_errors.pipeline.blocks import PipelineError
        from heify_heygen_errors.pipeline.plan import TooManyRejectsError
        from heify_heygen_errors.pipeline.run import run
    except ImportError as error:
        if (error.name or "").startswith("heify_heygen_errors"):
            raise
        msg = f"normalize needs {error.name}: pip install 'heify-heygen-errors[cli,pipeline]' (in a checkout '.[cli,pipeline]')"
        raise click.UsageError(msg) from None
    quiet: bool = given["quiet"]
    try:
        plan = _plan(session, given)
    except PipelineError as error:
        raise click.UsageError(str(error)) from None
    unknown = plan.resume or any(source.size is None for source in plan.inputs)  # how much is left
    total = None if unknown else sum(source.size or 0 for source in plan.inputs)
    hidden = quiet or (plan.output is None and sys.stdout.isatty())
    try:
        with progress(total, quiet=hidden) as shown:
            done = run(plan, session.normalizer, shown.advance)
    except ColumnClash as error:
        raise click.UsageError(str(error)) from None
    except TooManyRejectsError as error:
        where = plan.failed_rejects or plan.rejects if plan.on_error == "route" else None
        kept = f"; the rejects are in {where}" if where not in (None, "-") else ""
        say(f"Error: {error}" + ("" if given["output"] == "-" else f"; nothing was written to {given['output']}") + kept)
        return 1
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        hint = _resumable(given["output"])
        if hint:
            say(hint)
        raise
    except (PipelineError, OSError) as error:
        told = (
            f"{error.filename or (given['output'] if given['output'] != '-' else 'stdout')}: {error.strerror or error}"
            if isinstance(error, OSError)
            else str(error)
        )
        hint = "" if "--resume" in told or "another run" in told or "begin anew" in told else _resumable(given["output"])
        say(f"Error: {told}" + (hint and f"; {hint}"))
        return 2
    _report(session, plan, done, given)
    return 1 if done.tally.rejects else 0


def _report(session: Session, plan: Plan, done: Outcome, given: dict[str, Any]) -> None:
    """The summary, and what a person should know besides."""
    from heify_heygen_errors.pipeline.report import summary

    if plan.failed_rejects not in (None, plan.rejects):
        Path(str(plan.failed_rejects)).unlink(missing_ok=True)  # of an earlier run
    counted = summary(done.tally, catalogs=session.normalizer.catalogs)
    if given["summary_json"] is not None:
        _write_summary(given["summary_json"], counted)
    if done.tally.written and done.tally.unobserved == done.tally.written:
        say("no record has a status, a body or an exception: name the members that hold them with --field or --map")
    for field in sorted(plan.options.named - done.tally.named.keys() if done.tally.records else ()):
        path = ".".join(plan.options.paths.get(field, (plan.options.fields[field],)))
        say(f"no record has {path!r}, which was named for {field}")
    if not given["quiet"]:
        _tell(plan, done, counted, given["output"])


def _resumable(output: str) -> str:
    """What to say if a run left a checkpoint."""
    from heify_heygen_errors.pipeline.journal import work_folder

    left = output != "-" and (work_folder(output) / "journal.json").exists()
    return "--resume goes on from the last checkpoint" if left else ""


def _tell(plan: Plan, done: Outcome, counted: dict[str, Any], output: str) -> None:
    """The end of a run in words."""
    tally = done.tally
    lines = ("not JSON", "no JSON object")
    if tally.rejects == tally.records > 0 and all(reason.startswith(lines) for reason in tally.reasons):
        say("nothing could be read: if IN is CSV, say --from csv; if it is one JSON array, make lines of it with  jq -c '.[]' FILE")
    if plan.resume and done.resumed:
        say("went on from the last checkpoint")
    elif plan.resume:
        say("the unfinished run had no checkpoint yet: began anew" if done.discarded else "there was no unfinished run: began anew")
    elif done.discarded:
        say("an unfinished run was there and was removed; --resume would have gone on with it")
    tell(counted, output=output, rejects=plan.rejects if done.rejects and plan.rejects != "-" else None, seconds=done.seconds)


def _plan(session: Session, given: dict[str, Any]) -> Plan:
    from heify_heygen_errors.pipeline.discovery import find_inputs
    from heify_heygen_errors.pipeline.plan import Plan

    _refuse_misfits(given)
    output = given["output"]
    rejects, manifest, taken = _targets(given)
    passed_over: list[str] = []
    inputs = find_inputs(
        given["inputs"],
        format="rejects" if given["replay"] else given["read_as"],
        exclude=(output,) if output != "-" and os.path.isdir(output) else (),
        passed_over=passed_over,
    )
    for source in inputs:
        if source.path is not None and os.path.realpath(source.path) in taken:
            msg = f"{source.name} is an input and an output: write elsewhere with -o or --rejects"
            raise click.UsageError(msg)
    if given["resume"] and any(source.path is None for source in inputs):
        msg = "what comes from stdin cannot be read again: leave out --resume, or name files"
        raise click.UsageError(msg)
    if passed_over and not given["quiet"]:
        more = f" and {len(passed_over) - _NAMED} more" if len(passed_over) > _NAMED else ""
        shown = ", ".join(printable(path) for path in sorted(passed_over)[:_NAMED])
        say(f"passed over, for their extension is not known: {shown}{more}; to read them, name them")
    return Plan(
        inputs=inputs,
        output=None if output == "-" else output,
        format=_format(given, output),
        options=_options(session, given),
        overlays=session.overlays,
        partition_by=_columns(given["partition_by"]),
        formulas=given["formulas"],
        on_error=given["on_error"],
        max_bad=given["max_bad"],
        rejects=rejects,
        failed_rejects=rejects if given["rejects"] or rejects is None else rejects.removesuffix(".rejects.jsonl") + ".failed.rejects.jsonl",
        manifest=manifest,
        resume=given["resume"],
        checkpoint=given["checkpoint"],
        processes=given["jobs"],
    )


def _refuse_misfits(given: dict[str, Any]) -> None:
    """Refuses options that do not go together."""
    output, on_error, rejects, summary_json = given["output"], given["on_error"], given["rejects"], given["summary_json"]
    to_stdout = output == "-"
    empty = next((name for name in ("output", "rejects", "manifest", "summary_json") if given[name] == ""), None)
    misfits = {
        f"--{(empty or '').replace('_', '-')} is empty: name a file": empty is not None,
        "an IN is empty: name a file, a folder or a pattern": "" in given["inputs"],
        f"name a rejects file with --rejects when writing to {'stdout' if to_stdout else output}: lines that are no records must go"
        " somewhere": on_error == "route" and ((to_stdout and rejects in (None, "-")) or (rejects is None and _is_device(output))),
        "rejects and summary cannot both go to stdout: name a file with --rejects or --summary-json": rejects == summary_json == "-",
        "rows and summary cannot both go to stdout: name a file with -o or --summary-json": to_stdout and summary_json == "-",
        "partitions are a folder of files and cannot go to stdout or a device: name a folder with -o": given["partition_by"] is not None
        and (to_stdout or _is_device(output)),
        "the manifest goes to a file: name one with --manifest": given["manifest"] == "-",
        "--manifest and --no-manifest exclude each other": bool(given["manifest"] and given["no_manifest"]),
        f"--on-error {on_error} has no rejects file: leave out --rejects": on_error != "route" and rejects is not None,
        "--replay reads rejects files, which have one format: leave out --from": given["replay"] and given["read_as"] is not None,
    }
    for message, misfit in misfits.items():
        if misfit:
            raise click.UsageError(message)


def _targets(given: dict[str, Any]) -> tuple[str | None, str | None, set[str]]:
    """The rejects file, the manifest, and all files that the run writes by their real paths."""
    output, rejects, summary_json = given["output"], given["rejects"], given["summary_json"]
    bare = output.rstrip("/" + os.sep) or output
    if os.path.basename(bare) in ("", ".", ".."):
        msg = f"{output} is no name for an output: name a file or a folder of its own"
        raise click.UsageError(msg)
    if given["on_error"] == "route" and rejects is None:
        rejects = f"{bare}.rejects.jsonl"
    manifest = given["manifest"]
    if manifest is None and output != "-" and not given["no_manifest"] and not _is_device(output):
        manifest = f"{bare}.manifest.json"
    targets = {"OUT": bare, "--rejects": rejects, "--manifest": manifest, "--summary-json": summary_json}
    named = {name: str(path) for name, path in targets.items() if path not in (None, "-") and not _is_device(str(path))}
    real = {name: os.path.realpath(path) for name, path in named.items()}
    for name, path in named.items():
        other = next((other for other in named if other != name and real[other] == real[name]), None)
        if other is not None:
            msg = f"{name} and {other} are the same file"
            raise click.UsageError(msg)
        wrong = None if os.path.isdir(os.path.dirname(path) or ".") else errno.ENOENT
        if name != "OUT" and os.path.isdir(path):
            wrong = errno.EISDIR
        if wrong is not None:
            msg = f"{path}: {os.strerror(wrong)}"
            raise click.UsageError(msg)
    return rejects, manifest, set(real.values())


def _is_device(path: str) -> bool:
    from heify_heygen_errors.pipeline.files import is_device

    return is_device(path)


def _columns(given: str | None) -> tuple[str, ...]:
    if given is None:
        return ()
    columns = tuple(name.strip() for name in given.split(","))
    if not all(columns) or len(set(columns)) != len(columns):
        msg = f"{given!r}: write names of columns with commas between them, each once"
        raise click.BadParameter(msg, param_hint="--partition-by")
    return columns


def _format(given: dict[str, Any], output: str) -> str:
    from heify_heygen_errors.pipeline.discovery import EXTENSIONS

    if given["form"] is not None:
        return str(given["form"])
    if output == "-" or _is_device(output):
        return "jsonl"
    extension = os.path.splitext(output)[1].lower()
    found = EXTENSIONS.get(extension)
    if found is not None:
        return found
    if extension in (".gz", ".zst"):
        msg = f"{output}: outputs are not compressed as a whole; write .parquet, or pipe stdout through gzip or zstd"
        raise click.UsageError(msg)
    if extension and not output.endswith(("/", os.sep)) and not os.path.isdir(output):
        msg = f"{output}: {extension} is the extension of none of {', '.join(_FORMATS)}: take one of theirs, or say which with --format"
        raise click.UsageError(msg)
    return "parquet" if given["partition_by"] or output.endswith(("/", os.sep)) or os.path.isdir(output) else "jsonl"


def _options(session: Session, given: dict[str, Any]) -> RecordOptions:
    fields = {field: field for field in INPUT_FIELDS}
    paths: dict[str, tuple[str, ...]] = {}
    pairs = [("--field", *_pair(text, "--field", "NAME")) for text in given["names"]]
    pairs += [("--map", *_pair(text, "--map", "PATH")) for text in given["paths"]]
    for place, (option, field, path) in enumerate(pairs):
        if any(field == other for _, other, _ in pairs[:place]):
            msg = f"{field} is named twice: give it one --field or --map"
            raise click.BadParameter(msg, param_hint=option)
        if option == "--field":
            fields[field] = path
            continue
        text = f"{field}={path}"
        names = tuple(path.split("."))
        if not all(names):
            msg = f"{text!r}: write the names from the outermost with dots between them, as body=response.body"
            raise click.BadParameter(msg, param_hint="--map")
        if len(names) == 1:
            fields[field] = path
        else:
            paths[field] = names
    named = [fields[field] for _, field, path in pairs if field not in paths]
    if len(set(named)) != len(named):
        msg = f"{next(name for name in named if named.count(name) > 1)!r} cannot be two fields at once"
        raise click.BadParameter(msg, param_hint="--field")
    provider = given["provider"]
    if provider is not None and provider.strip().lower() not in session.normalizer.catalogs.providers:
        msg = f"there is no provider {provider!r}: use one of {', '.join(session.normalizer.catalogs.providers)}"
        raise click.BadParameter(msg, param_hint="--provider")
    return RecordOptions(provider, fields, paths, given["keep"], given["explode"], given["prefix"])


def _pair(text: str, option: str, what: str) -> tuple[str, str]:
    field, equals, name = text.partition("=")
    if not equals or field not in INPUT_FIELDS or not name:
        msg = f"{text!r}: write FIELD={what} with FIELD one of {', '.join(INPUT_FIELDS)}"
        raise click.BadParameter(msg, param_hint=option)
    return field, name


def _write_summary(path: str, told: dict[str, Any]) -> None:
    if path == "-":
        print_json(told)
        return
    try:
        Path(path).write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        msg = f"{path}: {error.strerror or error}"
        raise click.UsageError(msg) from None
