"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def _lay_over(context: click.Context, _: click.Parameter, files: tuple[str, ...]) -> None:
    if files and context.obj is not None:
        context.obj.lay_over(files)


def catalog_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--catalog FILE``, which is taken in front of the command's name and behind it."""
    return click.option(
        "--catalog",
        multiple=True,
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        expose_value=False,
        callback=_lay_over,
        help="Lay your own YAML over the shipped catalogs. Can be given several times.",
    )(command)
