"""``hhe explain``: why something is normalized as it is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click
from rich.padding import Padding
from rich.text import Text

from heify_heygen_errors.cli.options import catalog_option
from heify_heygen_errors.cli.show import console, for_people, print_json, say
from heify_heygen_errors.document import MAX_BODY
from heify_heygen_errors.explanation import Explanation
from heify_heygen_errors.normalizer import host_provider
from heify_heygen_errors.observation import Observation
from heify_heygen_errors.records import INPUT_FIELDS, NotARecord, RecordNormalizer, RecordOptions

if TYPE_CHECKING:
    from heify_heygen_errors.cli.app import Session


@click.command()
@click.argument("what", default="-")
@click.option("--provider", "-p", help="heygen, liveavatar or heify. Needed unless a URL or record names it.")
@click.option("--status", "-s", help="HTTP status of the response.")
@click.option("--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="A response header; can be repeated.")
@click.option("--url", help="URL of the request.")
@click.option("--method", "-X", help="Method of the request.")
@click.option("--exception", "exception", metavar="TEXT", help="What was raised instead: class name and text.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
@catalog_option
@click.pass_obj
def explain(
    session: Session,
    what: str,
    provider: str | None,
    status: str | None,
    headers: tuple[str, ...],
    url: str | None,
    method: str | None,
    exception: str | None,
    *,
    as_json: bool,
) -> int:
    """Show each step of the decision for WHAT.

    WHAT is a code (400112), a body ('{"code":400112}'), the name of a file with a body or a record, or "-" for stdin.
    """
    pairs = [_header(header) for header in headers]
    if status is not None and Observation(None, status).status is None:
        msg = f"{status!r} is no status: write a number such as 404"
        raise click.BadParameter(msg, param_hint="--status")
    observation: Observation | None
    if exception is not None:
        observation = Observation(provider, status, pairs, b"", method, url, exception=exception)
    else:
        body = _read(what)
        observation = _record(body, session)
        if observation is None:
            observation = Observation(provider, status, pairs, body, method, url)
        else:  # the options outrank what the record says
            given: dict[str, Any] = {"provider": provider, "status": status, "headers": pairs or None, "method": method, "url": url}
            observation = attrs.evolve(observation, **{name: value for name, value in given.items() if value is not None})
    try:
        explanation = session.normalizer.explain(observation)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        print_json(explanation.to_dict())
    else:
        _show(explanation)
    return 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        msg = f"{text!r} is no header: write 'Name: value'"
        raise click.BadParameter(msg, param_hint="--header")
    return name.strip(), value.strip()


def _read(what: str) -> bytes | str | dict[str, Any]:
    if what == "-":
        if sys.stdin.isatty():
            say("reading the body from the terminal, end with Ctrl-D")
        return sys.stdin.buffer.read(MAX_BODY + 1)
    if what[:1] in '{[<"' or "\n" in what:
        return what
    path = Path(what)
    try:
        if path.is_dir():
            msg = f"{what} is a folder: name a file in it"
            raise click.UsageError(msg)
        if path.is_file():
            with path.open("rb") as file:
                return file.read(MAX_BODY + 1)
    except (OSError, ValueError) as error:
        msg = f"cannot read {what}: {getattr(error, 'strerror', None) or error}"
        raise click.UsageError(msg) from None
    if path.suffix in (".json", ".xml", ".html", ".txt", ".jsonl") or "/" in what:
        msg = f"there is no file {what}"
        raise click.UsageError(msg)
    what = what.strip()
    if " " in what or (what.isalpha() and what.istitle()):  # words, as "Unauthorized"; codes are not written so
        return {"message": what}
    # A code by itself: as the vendors would send it.
    return {"code": what} if what.isdigit() else {"error": {"code": what}}


_RECORD = frozenset({"status", "headers", "body", "exception"})


def _record(body: object, session: Session) -> Observation | None:
    """The observation in a file or text that holds one record; None if it is a body itself."""
    if not isinstance(body, bytes | str):
        return None
    value = _json(body)
    if value is None:
        first = body.strip().splitlines()[:1]
        if first and _is_record(_json(first[0]), session):
            msg = "the input holds several records: give one of them, or run hhe normalize over all"
            raise click.UsageError(msg)
    if not isinstance(value, dict) or not _is_record(value, session):
        return None
    try:
        records = RecordNormalizer(RecordOptions(fields={field: field for field in INPUT_FIELDS}), session.normalizer)
        return records.observation(value) or Observation(value.get("provider"), url=value.get("url"))
    except NotARecord as error:
        raise click.UsageError(str(error)) from None


def _json(text: bytes | str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_record(value: object, session: Session) -> bool:
    """Whether a JSON value has the members of a logged record: a provider or a vendor's URL, and what was seen."""
    if not isinstance(value, dict) or not _RECORD.intersection(value):
        return False
    provider, url = value.get("provider"), value.get("url")
    catalogs = session.normalizer.catalogs
    return (isinstance(provider, str) and provider.strip().lower() in catalogs.providers) or (
        isinstance(url, str) and host_provider(catalogs, url) is not None
    )


def _show(explanation: Explanation) -> None:
    if not for_people():
        click.echo(str(explanation))
        return
    shown = console()
    for step in explanation.steps:
        shown.print(step.name, style="bold")
        for line in step.lines:
            text = Text(line, style="green" if line.startswith("remedy") else "")
            shown.print(Padding(text, (0, 0, 0, 2)))  # wrapped lines stay indented
