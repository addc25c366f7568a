"""The commands, their options and their exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from heify_heygen_errors import __version__
from heify_heygen_errors.catalog import Catalogs
from heify_heygen_errors.catalog.reader import CatalogError
from heify_heygen_errors.cli import catalog_commands, explain_command, fake_command, lookup_command, normalize_command
from heify_heygen_errors.normalizer import Normalizer


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hhe")
@click.option(
    "--catalog",
    "overlays",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Lay your own YAML over the shipped catalogs. Can be given several times.",
)
@click.pass_context
def hhe(context: click.Context, overlays: tuple[str, ...]) -> None:
    """Any HeyGen or Heify failure in one shape.

    Data goes to stdout, talk to stderr; "-" is stdin or stdout.
    """
    context.obj = Session(overlays)


class Session:
    """What the commands share: the normalizer over the chosen catalogs."""

    def __init__(self, overlays: tuple[str, ...]) -> None:
        self._overlays = overlays
        self._normalizer: Normalizer | None = None

    @property
    def overlays(self) -> tuple[str, ...]:
        """The files that are laid over the shipped catalogs."""
        return self._overlays

    def lay_over(self, files: tuple[str, ...]) -> None:
        """Adds overlays; before the normalizer is first asked for."""
        self._overlays += files

    @property
    def normalizer(self) -> Normalizer:
        """The normalizer; catalogs are loaded when a command first needs them."""
        if self._normalizer is None:
            try:
                self._normalizer = Normalizer(Catalogs.load(*self._overlays))
            except CatalogError as error:
                raise click.UsageError(str(error)) from None
            except OSError as error:
                msg = f"cannot read a catalog: {error}"
                raise click.UsageError(msg) from None
        return self._normalizer


for command in (
    normalize_command.normalize,
    explain_command.explain,
    lookup_command.lookup,
    catalog_commands.catalog,
    fake_command.fake,
):
    hhe.add_command(command)


def run(arguments: Sequence[str] | None) -> int:
    """Runs the command and turns what ends it into an exit code."""
    if sys.stderr is None:  # closed, as daemons and some schedulers have it
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    if sys.stdout is None:
        sys.stdout = _Closed()
    if isinstance(sys.stdout, io.TextIOWrapper):  # letters that the terminal does not know are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _invoke(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, as head does
        _silence()
        return 0
    except OSError as error:
        _silence()
        what = error.filename or "cannot write"
        sys.stderr.write(f"Error: {what}: {error.strerror or error}\n")
        return 2
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return 130
    return code


def _invoke(arguments: list[str]) -> int:
    # Not hhe.main(): it makes exit code 1 of a closed pipe.
    try:
        with hhe.make_context("hhe", arguments) as context:
            result: Any = hhe.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return 2
    return result if isinstance(result, int) else 0


class _Closed(io.TextIOWrapper):
    """Stands for a stdout that is closed: whoever writes to it is told so."""

    def __init__(self) -> None:
        super().__init__(_ClosedRaw())


class _ClosedRaw(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.EBADF, "is closed", "stdout")


def _silence() -> None:
    """Python would complain once more when it flushes stdout at exit."""
    if isinstance(sys.stdout, _Closed):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
