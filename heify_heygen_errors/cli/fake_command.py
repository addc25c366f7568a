"""``hhe fake``: the vendors on this machine, for people."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable
from math import isfinite
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import click

from heify_heygen_errors.cli.show import say
from heify_heygen_errors.exceptions import printable

if TYPE_CHECKING:
    from heify_heygen_errors.testing import FakeServer, Received
    from heify_heygen_errors.testing.steps import Step

_LONGEST_PATH = 200


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port to listen on; 0 for a free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all ids and chances.")
@click.option(
    "--job-seconds",
    type=click.FloatRange(min=0),
    default=6.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a job runs until it is completed.",
)
@click.option("--no-limits", is_flag=True, help="No rates, quotas or numbers of concurrent jobs.")
@click.option(
    "--heify",
    "heify_generation",
    type=click.Choice(["2026", "2025"]),
    default="2026",
    show_default=True,
    help="Which of Heify's two documented envelopes to speak.",
)
@click.option(
    "--script",
    "script",
    type=click.File("r", encoding="utf-8"),
    help='JSON list of what the first requests meet, as ["ok", {"error": "RATE_LIMIT", "provider": "heygen"}, "reset_after_request"].',
)
@click.option("--key", "keys", multiple=True, metavar="VENDOR=KEY", help="The API key that a vendor accepts. Can be given several times.")
@click.option(
    "--known",
    "known",
    multiple=True,
    metavar="FIELD=ID",
    help="An id that exists: avatar_id, voice_id, template_id or configuration_id. Can be given several times.",
)
@click.option("--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop by itself after so long.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines on stdout: the addresses, each request, and the report at the end.")
@click.option("--quiet", "-q", is_flag=True, help="No example commands and no line per request; the addresses and the report stay.")
def fake(
    port: int,
    seed: int,
    job_seconds: float,
    heify_generation: Literal["2026", "2025"],
    script: Any,
    keys: tuple[str, ...],
    known: tuple[str, ...],
    seconds: float | None,
    *,
    no_limits: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Play HeyGen, LiveAvatar and Heify on 127.0.0.1 until Ctrl-C, and say what was received.

    Requests choose what they meet by the headers X-Fake-Error and X-Fake-Fault.
    """
    try:
        from heify_heygen_errors.testing import FakeServer
    except ModuleNotFoundError as error:
        raise click.ClickException(str(error)) from None
    steps = [] if script is None else _steps(script)
    show = None if quiet else (_show_json if as_json else _show)
    if not all(map(isfinite, (job_seconds, seconds or 0.0))):
        msg = "seconds are a number"
        raise click.UsageError(msg)
    try:
        server = FakeServer(
            port=port,
            seed=seed,
            job_seconds=job_seconds,
            limits=not no_limits,
            heify_generation=heify_generation,
            keys={vendor: values[-1] for vendor, values in _pairs("--key", keys).items()},
            known=_pairs("--known", known),
            on_request=show,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        server.start()
    except OSError as error:
        msg = f"cannot listen on port {port}: {error.strerror or error}; --port 0 takes a free one"
        raise click.ClickException(msg) from None
    try:
        if steps:
            server.script(steps)
        _wait(seconds, lambda: _welcome(server, quiet=quiet, as_json=as_json))
    finally:
        server.stop()
    if as_json:
        from heify_heygen_errors.testing.control import report

        sys.stdout.write(json.dumps({"report": report(server)}) + "\n")
    else:
        say(_farewell(server))
    return 0


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not value:
            msg = f"{option} takes NAME=VALUE, not {pair!r}"
            raise click.UsageError(msg)
        found.setdefault(name, []).append(value)
    return found


def _steps(script: Any) -> list[Step]:
    from heify_heygen_errors.testing.steps import read_step, told

    try:
        found = json.load(script)
    except (ValueError, RecursionError) as error:
        msg = f"{script.name} is not JSON: {error}"
        raise click.UsageError(msg) from None
    if not isinstance(found, list):
        msg = f"{script.name}: a script is a JSON list of steps"
        raise click.UsageError(msg)
    steps = []
    for number, step in enumerate(found, 1):
        try:
            steps.append(read_step(step))
        except (KeyError, ValueError, TypeError) as error:
            msg = f"{script.name}: step {number}: {told(error)}"
            raise click.UsageError(msg) from None
    return steps


def _wait(seconds: float | None, ready: Callable[[], None]) -> None:
    """Until Ctrl-C, a signal to end, or the time is up; `ready` is called when signals are waited for."""
    over = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        over.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        over.wait(seconds)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _welcome(server: FakeServer, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        sites = {site.name: {"url": site.url, "api_key": site.api_key} for site in (server.heygen, server.liveavatar, server.heify)}
        sys.stdout.write(json.dumps({"listening": {"url": server.url, "sites": sites}}) + "\n")
        sys.stdout.flush()
    say(_address(server) if quiet else _address(server) + _examples(server))


def _address(server: FakeServer) -> str:
    sites = (server.heygen, server.liveavatar, server.heify)
    lines = "\n".join(f"  {site.name:12}{site.url:40}key {site.api_key}" for site in sites)
    return f"The fake vendors are on {server.url}, on this machine only:\n{lines}\n"


def _examples(server: FakeServer) -> str:
    heygen, liveavatar, heify = server.heygen, server.liveavatar, server.heify
    return f"""
Try these in another terminal:
  curl -i {heygen.url}/v3/users/me
  curl -i {heygen.url}/v3/users/me -H 'X-Api-Key: {heygen.api_key}'
  curl -i {heygen.url}/v3/users/me -H 'X-Api-Key: {heygen.api_key}' -H 'X-Fake-Error: RATE_LIMIT; retry_after=2'
  curl -i {heify.url}/list-transcriptions -H 'x-api-key: {heify.api_key}' -d '{{}}' -H 'X-Fake-Fault: reset_after_request'

And these in Python:
from heify_heygen_errors import ApiError, Client
client = Client(
    heygen_api_key="{heygen.api_key}", heygen_base_url="{heygen.url}",
    liveavatar_api_key="{liveavatar.api_key}", liveavatar_base_url="{liveavatar.url}",
    heify_api_key="{heify.api_key}", heify_base_url="{heify.url}",
)
print(client.heygen.get("/v3/users/me").data)
try:
    client.heify.post("/submit", json={{}}, headers={{"X-Fake-Error": "payment"}})
except ApiError as error:
    print(error, error.info.remedy)

More: {server.url}/_fake. Ctrl-C ends it.
"""


def _show(received: Received) -> None:
    status = "-" if received.status is None else str(received.status)
    notes = [received.fault] if received.fault else []
    if received.replayed:
        notes.append("replayed")
    path = printable(received.path)
    shown = path if len(path) <= _LONGEST_PATH else path[:_LONGEST_PATH] + "…"
    sys.stderr.write(
        f"{received.number:5}  {status:>3}  {received.provider or '?':10}  {received.method:6} {shown}  {' '.join(notes)}".rstrip() + "\n"
    )


def _show_json(received: Received) -> None:
    line = {
        "number": received.number,
        "at": received.at,
        "provider": received.provider or None,
        "method": received.method,
        "path": received.path,
        "operation": received.operation,
        "status": received.status,
        "fault": received.fault,
        "replayed": received.replayed,
        "idempotency_key": received.idempotency_key,
        "bytes": received.size,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _farewell(server: FakeServer) -> str:
    lines = [f"\n{server.request_count} requests"]
    lines += [f"{count:7}  {provider or '?':10}  {printable(endpoint)}" for (provider, endpoint), count in server.counts.most_common()]
    statuses = ", ".join(f"{count} x {'no answer' if status is None else status}" for status, count in server.statuses.most_common())
    if statuses:
        lines.append(f"answers: {statuses}")
    jobs = server.jobs
    if jobs:
        failed = sum(job.has_failed for job in jobs)
        running = sum(not job.is_over for job in jobs)
        lines.append(f"jobs: {len(jobs)} started, {failed} failed, {running} still running")
    lines.append(f"paid work started: {len(server.paid_work)}")
    lines += [
        f"  the same work {len(works)} times: {works[0].operation}, requests {', '.join(str(work.request) for work in works)}"
        for works in server.double_charges
    ]
    return "\n".join(lines)
