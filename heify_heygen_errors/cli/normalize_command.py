"""``hhe normalize``: a log of vendor answers in, rows out."""

from __future__ import annotations

import contextlib
import glob
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from heify_heygen_errors.cli.options import catalog_option
from heify_heygen_errors.cli.show import console, say
from heify_heygen_errors.records import INPUT_FIELDS, ColumnClash, Counts, RecordNormalizer, RecordOptions, normalize_lines

if TYPE_CHECKING:
    from heify_heygen_errors.cli.app import Session


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("--output", "-o", metavar="OUT", default="-", help='JSON Lines to write; "-", the default, is stdout.')
@click.option("--provider", "-p", help="For records that name none: heygen, liveavatar or heify.")
@click.option("--rejects", metavar="FILE", help="Where lines go that are no records. Default: OUT.rejects.jsonl.")
@click.option("--keep", is_flag=True, help="Write headers, url and body as well.")
@click.option("--explode", is_flag=True, help="A row per failure of a list or batch, not the first only.")
@click.option("--prefix", default="", help="Put before the names of the error_* columns.")
@click.option("--field", "names", multiple=True, metavar="FIELD=NAME", help="The input's NAME of a FIELD; can be repeated.")
@click.option("--quiet", "-q", is_flag=True, help="No summary on stderr.")
@catalog_option
@click.pass_obj
def normalize(
    session: Session,
    inputs: tuple[str, ...],
    output: str,
    provider: str | None,
    rejects: str | None,
    prefix: str,
    names: tuple[str, ...],
    *,
    keep: bool,
    explode: bool,
    quiet: bool,
) -> int:
    """Normalize the records in IN... (JSON Lines: files, globs, "-").

    Every record becomes one row with error_* columns. Lines that are no records go to the rejects file, so that
    records in = records written + rejects. Exits 1 if there were rejects.
    """
    if output == "-" and rejects in (None, "-"):
        msg = "name a rejects file with --rejects when writing to stdout: lines that are no records must go somewhere"
        raise click.UsageError(msg)
    rejects = rejects or f"{output}.rejects.jsonl"
    normalizer = RecordNormalizer(_options(session, provider, names, keep=keep, explode=explode, prefix=prefix), session.normalizer)
    files = _files(inputs)
    targets = {os.path.realpath(target) for target in (output, rejects) if target != "-"}
    for file in files:
        if file != "-" and os.path.realpath(file) in targets:
            msg = f"{file} is an input and an output: write elsewhere with -o or --rejects"
            raise click.UsageError(msg)
    if output != "-" and os.path.realpath(output) == os.path.realpath(rejects):
        msg = "OUT and --rejects are the same file"
        raise click.UsageError(msg)
    counts = Counts()
    try:
        with contextlib.ExitStack() as stack:
            rows = stack.enter_context(_target(output, private=False))
            rejected = stack.enter_context(_target(rejects, private=True))
            normalize_lines(_streams(files), normalizer, rows, rejected, counts)
    except ColumnClash as error:
        raise click.UsageError(str(error)) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        msg = f"{error.filename or output}: {error.strerror or error}"
        raise click.UsageError(msg) from None
    if not counts.rejects and Path(rejects).is_file():  # nobody shall take an empty or an old file for rejects
        Path(rejects).unlink()
    if not quiet:
        _summarize(counts, output, rejects)
    return 1 if counts.rejects else 0


def _options(session: Session, provider: str | None, names: tuple[str, ...], *, keep: bool, explode: bool, prefix: str) -> RecordOptions:
    fields = {field: field for field in INPUT_FIELDS}
    for pair in names:
        field, equals, name = pair.partition("=")
        if not equals or field not in fields or not name:
            msg = f"{pair!r}: write FIELD=NAME with FIELD one of {', '.join(INPUT_FIELDS)}"
            raise click.BadParameter(msg, param_hint="--field")
        fields[field] = name
    if provider is not None and provider.strip().lower() not in session.normalizer.catalogs.providers:
        msg = f"there is no provider {provider!r}: use one of {', '.join(session.normalizer.catalogs.providers)}"
        raise click.BadParameter(msg, param_hint="--provider")
    return RecordOptions(provider, fields, keep, explode, prefix)


def _files(inputs: tuple[str, ...]) -> list[str]:
    files: list[str] = []
    for given in inputs:
        if given == "-" or (Path(given).exists() and not Path(given).is_dir()):
            found = [given]
        elif given != "-" and Path(given).is_dir():
            msg = f"{given} is a folder: name its files, for example '{given.rstrip('/')}/*.jsonl'"
            raise click.UsageError(msg)
        else:
            found = sorted(file for file in glob.glob(given, recursive=True) if Path(file).is_file())
        if not found:
            msg = f"there is no file {given}"
            raise click.UsageError(msg)
        files += found
    return list(dict.fromkeys(files))


def _streams(files: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
    for file in files:
        if file == "-":
            yield "-", sys.stdin.buffer
        else:
            with Path(file).open("rb") as stream:
                yield file, stream


@contextlib.contextmanager
def _target(path: str, *, private: bool) -> Iterator[IO[bytes]]:
    """A file that appears whole or not at all, or stdout."""
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.exists(path) and not Path(path).is_file():  # a device or a pipe
        with open(path, "wb") as stream:
            yield stream
        return
    folder = os.path.dirname(path) or "."
    try:
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}.", suffix=".part")
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        if not private:
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _summarize(counts: Counts, output: str, rejects: str) -> None:
    """What an on-call person wants to know of the run."""
    told = console(stderr=True)
    told.print(
        f"{counts.records} record{'' if counts.records == 1 else 's'} = {counts.written} written + {counts.rejects} rejects;"
        f" {counts.failed} failed, {counts.written - counts.failed} were no error"
        + (f"; {counts.rows} rows" if counts.rows != counts.written else "")
        + (f"; {counts.blank} blank lines" if counts.blank else "")
    )
    for category, count in counts.categories.most_common():
        told.print(f"  {count:>7}  {category}")
    if output != "-":
        say(f"rows: {output}")
    if counts.rejects:
        say(f"rejects: {rejects}")
