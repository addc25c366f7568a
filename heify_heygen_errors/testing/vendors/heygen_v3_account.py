"""HeyGen v3: the user, what belongs to the workspace, and webhooks."""

from __future__ import annotations

from typing import Any, Final

from heify_heygen_errors.testing.operations import Call, Routes, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_events import EVENTS
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, paging
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    NAME,
    NUMBER,
    TEXT,
    URL,
    answer,
    listing,
    members,
    one_of,
    optional,
    record,
    several,
    text,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, paged
from heify_heygen_errors.testing.vendors.vendor import iso_time

account = Routes(HEYGEN)

# The user and the workspace.

_WALLET: Final = record({"currency": one_of("usd", "credits")}, remaining_balance=optional(NUMBER), auto_reload=optional(ANY_OBJECT))
PROFILE: Final = record(
    {"username": TEXT, **members(("email", "first_name", "last_name"), optional(TEXT))},
    billing_type=optional(one_of("wallet", "subscription", "usage_based")),
    wallet=optional(_WALLET),
    subscription=optional(ANY_OBJECT),
    usage_based=optional(ANY_OBJECT),
)
"""The user behind the key, as v1 and v3 have it."""


@account.get("/v3/users/me", "Read the user and the balance.", answer=answer(PROFILE))
def read_user(call: Call) -> Any:
    """The user behind the key and what is left of the balance."""
    return {"data": heygen_catalog.profile(call.world)}


@account.get(
    "/v3/brand-kits",
    "List brand kits.",
    query=paging(20, 100),
    answer=listing(record({"brand_kit_id": NAME, "name": TEXT}, colors=several(TEXT), logo_url=optional(TEXT))),
)
def list_brand_kits(call: Call) -> Any:
    """The brand kits."""
    return paged(call, heygen_catalog.brand_kits())


@account.get(
    "/v3/brand-glossaries",
    "List brand glossaries.",
    query=paging(10, 100),
    answer=listing(record({"brand_glossary_id": NAME, "name": TEXT, "created_at": TEXT, "updated_at": TEXT})),
)
def list_glossaries(call: Call) -> Any:
    """The brand glossaries."""
    return paged(call, heygen_catalog.glossaries())


_AUDIO_TYPES: Final = one_of("music", "sound_effects")
_SOUND: Final = record(
    {"id": NAME, "name": TEXT, "type": _AUDIO_TYPES, "description": TEXT, "score": NUMBER, "audio_url": NAME},
    duration=optional(NUMBER),
    placement=optional(TEXT),
    peak_offset=optional(NUMBER),
)


@account.get(
    "/v3/audio/sounds",
    "Search music or sound effects.",
    query={
        "query": {**text(1000, 1), "required": True},
        "type": {**_AUDIO_TYPES, "default": "music"},
        "min_score": {"type": "string", "pattern": r"^(0(\.[0-9]+)?|1(\.0+)?)$"},
        **paging(10, 50),
    },
    answer=listing(_SOUND),
)
def search_sounds(call: Call) -> Any:
    """Music or sound effects, the best match first."""
    least = float(call.query.get("min_score", "0.7"))
    return paged(call, [sound for sound in heygen_catalog.sounds(call.query["type"]) if sound["score"] >= least])


# Webhooks.

_EVENT: Final = one_of(*EVENTS)
_ENDPOINT: Final = record(
    {"endpoint_id": NAME, "url": NAME, "status": one_of("enabled", "disabled"), "created_at": TEXT},
    events=optional(several(TEXT)),
    secret=optional(TEXT),
)
_ENDPOINTS: Final = "/v3/webhooks/endpoints"


def new_endpoint(call: Call, url: str, events: list[str] | None, generation: str, entity_id: str | None = None) -> dict[str, Any]:
    """Register an address that gets events.

    Args:
        call: the request that does it.
        url: where to.
        events: the types that it gets; None for all.
        generation: ``v1`` or ``v3``, which says how events are signed.
        entity_id: the one thing of which it gets events; None for all.
    """
    endpoint_id = call.world.hex_id()
    made = call.world.store["webhook_endpoint"][endpoint_id] = {
        "id": endpoint_id,
        "url": url,
        "events": events,
        "entity_id": entity_id,
        "secret": _secret(call),
        "generation": generation,
        "status": "enabled",
        "created_at": call.world.clock(),
    }
    return made


def _secret(call: Call) -> str:
    return f"whsec_{call.world.hex_id()}"


def _endpoint(call: Call) -> dict[str, Any]:
    found = call.world.store["webhook_endpoint"].get(call.path["endpoint_id"])
    if found is None:
        refuse(error(HEYGEN, "webhook_not_found"))
    return found


def _view(endpoint: dict[str, Any], secret: str | None = None) -> dict[str, Any]:
    """An endpoint; its secret is shown when it was just made."""
    return {
        "endpoint_id": endpoint["id"],
        "url": endpoint["url"],
        "events": endpoint["events"],
        "status": endpoint["status"],
        "created_at": iso_time(endpoint["created_at"]),
        "secret": secret,
    }


@account.post(
    _ENDPOINTS,
    "Register a webhook endpoint.",
    body=record({"url": URL}, events=optional(several(_EVENT)), entity_id=optional(TEXT)),
    answer=answer(_ENDPOINT),
)
def create_endpoint(call: Call) -> Any:
    """Register an address; the secret is shown now and when it is rotated, never else."""
    made = new_endpoint(call, call.body["url"], call.body.get("events"), "v3", call.body.get("entity_id"))
    return {"data": _view(made, made["secret"])}


@account.get(_ENDPOINTS, "List webhook endpoints.", query=paging(10, 100), answer=listing(_ENDPOINT))
def list_endpoints(call: Call) -> Any:
    """The endpoints of every generation, the newest first."""
    return paged(call, list(call.world.store["webhook_endpoint"].values())[::-1], _view)


@account.patch(
    f"{_ENDPOINTS}/{{endpoint_id}}",
    "Change a webhook endpoint.",
    body=record(url=optional(URL), events=optional(several(_EVENT))),
    answer=answer(_ENDPOINT),
    failures=GONE,
)
def change_endpoint(call: Call) -> Any:
    """Change the address or the types; a list of types takes the place of the old one."""
    endpoint, body = _endpoint(call), call.body
    endpoint["url"] = body.get("url") or endpoint["url"]
    if "events" in body:
        endpoint["events"] = body["events"]
    return {"data": _view(endpoint)}


@account.delete(f"{_ENDPOINTS}/{{endpoint_id}}", "Delete a webhook endpoint.", answer=answer(ANY_OBJECT), failures=GONE)
def delete_endpoint(call: Call) -> Any:
    """Delete an endpoint."""
    del call.world.store["webhook_endpoint"][_endpoint(call)["id"]]
    return {"error": None, "data": {}}


@account.post(
    f"{_ENDPOINTS}/{{endpoint_id}}/rotate-secret",
    "Give a webhook endpoint a new secret.",
    answer=answer(record({"endpoint_id": NAME, "secret": NAME})),
    failures=GONE,
)
def rotate_secret(call: Call) -> Any:
    """A new secret; the old one signs nothing from now on."""
    endpoint = _endpoint(call)
    endpoint["secret"] = _secret(call)
    return {"data": {"endpoint_id": endpoint["id"], "secret": endpoint["secret"]}}


@account.get(
    "/v3/webhooks/event-types",
    "List the types of events.",
    answer=listing(record({"event_type": NAME, "description": TEXT})),
)
def list_event_types(call: Call) -> Any:  # noqa: ARG001 - every handler gets the call
    """The types of events."""
    types = [{"event_type": name, "description": said} for name, said in EVENTS.items()]
    return {"data": types, "has_more": False, "next_token": None}


@account.get(
    "/v3/webhooks/events",
    "List events.",
    query={"event_type": _EVENT, "entity_id": TEXT, **paging(10, 100)},
    answer=listing(record({"event_id": NAME, "event_type": NAME, "event_data": ANY_OBJECT, "created_at": TEXT})),
)
def list_events(call: Call) -> Any:
    """What was told, the newest first, whether or not somebody was there to hear it."""
    kind, entity = call.query.get("event_type"), call.query.get("entity_id")
    found = [
        event
        for event in reversed(call.world.store["webhook_event"].values())
        if kind in (None, event["event_type"]) and (entity is None or entity in event["event_data"].values())
    ]
    return paged(call, found)
