"""The testing kit: what the vendors send when something goes wrong, without keys, money or luck.

Without a server: `body`, `headers`, `response`, `exception`, `info`, `webhook`, `record` and `records` make what the
catalogs describe. With one: `FakeServer` plays HeyGen, LiveAvatar and Heify over real HTTP, and `error`, `fault` and
`ok` say what requests meet. Needs the extra ``testing``; nothing else in the package imports it.

    >>> from heify_heygen_errors.testing import exception
    >>> error = exception("heygen", "insufficient_credit")
    >>> type(error).__name__, error.info.status
    ('PaymentRequiredError', 402)
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heify_heygen_errors.testing import fault
    from heify_heygen_errors.testing.clock import ManualClock
    from heify_heygen_errors.testing.factories import (
        Webhook,
        body,
        exception,
        headers,
        info,
        record,
        response,
        webhook,
    )
    from heify_heygen_errors.testing.logs import Labelled, Mix, labelled, log_lines, records, write_log
    from heify_heygen_errors.testing.operations import Received
    from heify_heygen_errors.testing.replies import Reply, error, ok
    from heify_heygen_errors.testing.sample_ids import AVATAR_ID, TEMPLATE_ID, VOICE_ID
    from heify_heygen_errors.testing.server import FakeServer
    from heify_heygen_errors.testing.shapes import Wire, shapes_of, wire, wires, wires_of
    from heify_heygen_errors.testing.transport_failures import transport_exception
    from heify_heygen_errors.testing.words import Words, typical
    from heify_heygen_errors.testing.world import Delivery, Job, JobPlan, PaidWork

__all__ = [
    "AVATAR_ID",
    "TEMPLATE_ID",
    "VOICE_ID",
    "Delivery",
    "FakeServer",
    "Job",
    "JobPlan",
    "Labelled",
    "ManualClock",
    "Mix",
    "PaidWork",
    "Received",
    "Reply",
    "Webhook",
    "Wire",
    "Words",
    "body",
    "error",
    "exception",
    "fault",
    "headers",
    "info",
    "labelled",
    "log_lines",
    "ok",
    "record",
    "records",
    "response",
    "shapes_of",
    "transport_exception",
    "typical",
    "webhook",
    "wire",
    "wires",
    "wires_of",
    "write_log",
]

_HOMES = {
    "clock": ("ManualClock",),
    "factories": ("Webhook", "body", "exception", "headers", "info", "record", "response", "webhook"),
    "sample_ids": ("AVATAR_ID", "TEMPLATE_ID", "VOICE_ID"),
    "logs": ("Labelled", "Mix", "labelled", "log_lines", "records", "write_log"),
    "operations": ("Received",),
    "replies": ("Reply", "error", "ok"),
    "server": ("FakeServer",),
    "shapes": ("Wire", "shapes_of", "wire", "wires", "wires_of"),
    "transport_failures": ("transport_exception",),
    "words": ("Words", "typical"),
    "world": ("Delivery", "Job", "JobPlan", "PaidWork"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_EXTRA = ("h11", "fastjsonschema", "trustme")


def __getattr__(name: str) -> object:
    if name == "fault":
        return import_module(f"{__name__}.fault")
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    missing = [extra for extra in _EXTRA if _HOME[name] == "server" and not _is_installed(extra)]
    if missing:  # here, and not when the first request needs it
        msg = f"{__name__}.{name} needs {missing[0]}: pip install 'heify-heygen-errors[testing]'"
        raise ModuleNotFoundError(msg, name=missing[0])
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # it was taken out of sys.modules
        return False


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
