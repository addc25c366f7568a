"""What the fake server says of itself below ``/_fake``, for people with a browser and for tests in other languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from heify_heygen_errors.testing.connection import Arrived
from heify_heygen_errors.testing.replies import Reply, VendorError
from heify_heygen_errors.testing.sample_ids import AVATAR_ID, TEMPLATE_ID, VOICE_ID
from heify_heygen_errors.testing.steps import read_step, told
from heify_heygen_errors.testing.world import JobPlan

if TYPE_CHECKING:
    from heify_heygen_errors.testing.server import FakeServer

_HELP = """\
The fake vendors, on this machine only. Nothing here costs money.

{sites}

HeyGen knows avatar_id {avatar}
            voice_id {voice}
            template_id {template}

A request says itself what it wants to meet:
    X-Fake-Error: RATE_LIMIT; retry_after=2      a code, a name, or a category of the catalogs
    X-Fake-Fault: reset_after_request            one of: {faults}

GET  /_fake/openapi.json   every endpoint
GET  /_fake/report         what has arrived so far
POST /_fake/script         {{"steps": [{{"error": "RATE_LIMIT", "provider": "heygen"}}, "reset_after_request", "ok"], "path": "/v3/videos"}}
POST /_fake/jobs           {{"plans": [{{"fails": {{"error": "rendering_failed", "provider": "heygen"}}}}]}}: what becomes of the next jobs
POST /_fake/finish-jobs    end all jobs now
POST /_fake/rules          {{"step": {{"error": "server", "provider": "heygen"}}, "method": "POST", "path": "/v3/videos", "share": 0.1}}
POST /_fake/balance        {{"provider": "heygen", "left": 0}}
POST /_fake/reset          forget everything
"""


class Control:
    """The endpoints below ``/_fake``.

    Args:
        server: the server that they speak of.
    """

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._routes: dict[tuple[str, str], Callable[[Any], Reply]] = {
            ("GET", ""): self._help,
            ("GET", "openapi.json"): lambda _: Reply.json(server.openapi()),
            ("GET", "report"): lambda _: Reply.json(report(server)),
            ("POST", "script"): self._script,
            ("POST", "jobs"): self._jobs,
            ("POST", "finish-jobs"): self._finish,
            ("POST", "rules"): self._rules,
            ("POST", "balance"): self._balance,
            ("POST", "reset"): self._reset,
        }

    def answer(self, arrived: Arrived, path: str) -> Reply:
        """The answer to a request for a path below ``/_fake``."""
        name = path.strip("/")
        handler = self._routes.get((arrived.method, name))
        if handler is None:
            allowed = [method for method, known in self._routes if known == name]
            status = 405 if allowed else 404
            headers = {"Allow": ", ".join(allowed)} if allowed else {}
            known = [f"{method} /_fake/{known}" for method, known in self._routes]
            return Reply.json({"fake": f"there is no {arrived.method} /_fake/{name}", "endpoints": known}, status, headers)
        try:
            return handler(json.loads(arrived.body) if arrived.body.strip() else {})
        except RecursionError:
            return Reply.json({"fake": "the body is nested too deeply"}, 400)
        except (KeyError, ValueError, TypeError) as problem:
            return Reply.json({"fake": told(problem)}, 400)

    def _help(self, _: Any) -> Reply:
        from heify_heygen_errors.testing.fault import FAULTS

        server = self._server
        sites = "\n".join(f"{site.name:12} {site.url:40} key {site.api_key}" for site in (server.heygen, server.liveavatar, server.heify))
        text = _HELP.format(sites=sites, faults=", ".join(FAULTS), avatar=AVATAR_ID, voice=VOICE_ID, template=TEMPLATE_ID)
        return Reply(headers={"Content-Type": "text/plain; charset=utf-8"}, body=text.encode())

    def _script(self, wanted: Any) -> Reply:
        options = _options(wanted, ("steps", "provider", "method", "path"))
        steps = options.get("steps")
        if not isinstance(steps, list):
            msg = '"steps" is a list'
            raise ValueError(msg)  # noqa: TRY004 - it is the content of the request that is wrong
        provider = options.get("provider")
        self._server.script(
            [read_step(step, provider) for step in steps], provider=provider, method=options.get("method"), path=options.get("path")
        )
        return Reply.json({"steps": len(steps)})

    def _jobs(self, wanted: Any) -> Reply:
        options = _options(wanted, ("plans",))
        plans = options.get("plans")
        if not isinstance(plans, list):
            msg = '"plans" is a list'
            raise ValueError(msg)  # noqa: TRY004
        self._server.plan_jobs(*(_plan(number, plan) for number, plan in enumerate(plans, 1)))
        return Reply.json({"plans": len(plans)})

    def _finish(self, wanted: Any) -> Reply:
        ids = _options(wanted, ("ids",)).get("ids", [])
        if not isinstance(ids, list):
            msg = '"ids" is a list'
            raise ValueError(msg)  # noqa: TRY004
        return Reply.json({"finished": self._server.finish_jobs(*map(str, ids))})

    def _rules(self, wanted: Any) -> Reply:
        options = _options(wanted, ("step", "method", "path", "provider", "times", "share"))
        if "step" not in options:
            msg = '"step" says what the requests meet'
            raise ValueError(msg)
        more = {name: options[name] for name in ("times", "share") if name in options}
        wrong = [name for name, value in more.items() if isinstance(value, bool) or not isinstance(value, int | float)]
        if wrong:
            msg = f"{wrong[0]} is a number, not {more[wrong[0]]!r}"
            raise ValueError(msg)
        provider = options.get("provider")
        self._server.on(options.get("method"), options.get("path"), read_step(options["step"], provider), provider=provider, **more)
        return Reply.json({"rules": 1})

    def _balance(self, wanted: Any) -> Reply:
        options = _options(wanted, ("provider", "left"))
        left = options.get("left")
        if left is not None and (isinstance(left, bool) or not isinstance(left, int | float)):
            msg = f'"left" is a number, or null for no end, not {left!r}'
            raise ValueError(msg)
        self._server.set_balance(str(options.get("provider")), left)
        return Reply.json({"left": left})

    def _reset(self, _: Any) -> Reply:
        self._server.reset()
        return Reply.json({"reset": True})


def _options(wanted: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(wanted, dict):
        msg = f"the body is a JSON object with {', '.join(known)}"
        raise ValueError(msg)  # noqa: TRY004
    wrong = [name for name in wanted if name not in known]
    if wrong:
        msg = f"there is no option {wrong[0]!r} here: use {', '.join(known)}"
        raise ValueError(msg)
    return wanted


def _plan(number: int, wanted: Any) -> JobPlan:
    if not isinstance(wanted, dict):
        msg = f"plan {number} is an object, not {wanted!r}"
        raise ValueError(msg)  # noqa: TRY004
    options = dict(_options(wanted, ("polls", "seconds", "fails", "silent", "stuck", "remark")))
    for name in ("fails", "remark"):
        if options.get(name) is not None:
            step = read_step(options[name])
            if not isinstance(step, VendorError):
                msg = f'"{name}" is an error: {{"error": ..., "provider": ...}}'
                raise ValueError(msg)
            options[name] = step
    return JobPlan(**options)


def report(server: FakeServer) -> dict[str, Any]:
    """What a server has received, JSON-ready: counts by endpoint, statuses, jobs, paid work, webhooks."""
    return {
        "requests": server.request_count,
        "endpoints": [
            {"provider": provider, "endpoint": endpoint, "requests": count} for (provider, endpoint), count in server.counts.most_common()
        ],
        "statuses": {"none" if status is None else str(status): count for status, count in sorted(server.statuses.items(), key=str)},
        "jobs": [
            {"provider": job.provider, "kind": job.kind, "id": job.id, "over": job.is_over, "failed": job.has_failed} for job in server.jobs
        ],
        "paid_work": [
            {
                "provider": work.provider,
                "operation": work.operation,
                "id": work.id,
                "request": work.request,
                "idempotency_key": work.idempotency_key,
            }
            for work in server.paid_work
        ],
        "double_charges": [[work.request for work in works] for works in server.double_charges],
        "webhooks": [
            {
                "provider": delivery.provider,
                "event": delivery.event,
                "url": delivery.url,
                "status": delivery.status,
                "problem": delivery.problem,
            }
            for delivery in server.deliveries
        ],
    }
