"""What HeyGen's v3 endpoints for jobs share: list, read, rename, delete; batches and bulk statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs

from heify_heygen_errors.testing.operations import Call, Refusal, Routes, Schema, refuse
from heify_heygen_errors.testing.replies import Reply, VendorError, error
from heify_heygen_errors.testing.vendors import heygen_events
from heify_heygen_errors.testing.vendors.heygen_jobs import (
    HEYGEN,
    KINDS,
    drop,
    failure_object,
    find,
    known,
    listed,
    page,
    paging,
    read,
    room,
    video_id,
)
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    CALLBACK,
    NAME,
    TEXT,
    TRUTH,
    URL,
    WHOLE,
    answer,
    listing,
    one_of,
    optional,
    record,
    several,
)
from heify_heygen_errors.testing.world import Job, World

View: TypeAlias = Callable[[World, Job], dict[str, Any]]
"""A job as the endpoints of its kind show it."""

Make: TypeAlias = Callable[[Call, Mapping[str, Any], str | None], Iterator[Job]]
"""Starts the jobs that a body asks for, within a group or, with None, one by itself."""

GONE: Final = (404,)
"""Statuses of endpoints that name something by id."""

STARTS: Final = (402, 404, 409, 429)
"""Statuses of endpoints that start paid work."""

_BATCH_MOST: Final = 100
_IDS: Final = {"type": "string", "pattern": r"^([^,]*,){0,99}[^,]*$"}
# What items of batches are called, whatever their kind calls its states.
_ITEM_STATES: Final = {"pending": "queued", "queued": "queued", "completed": "completed", "failed": "failed"}

_ITEM: Final = record(
    {"item_index": WHOLE, "status": one_of("queued", "processing", "completed", "failed")},
    video_id=optional(TEXT),
    error=optional(ANY_OBJECT),
)
_BATCH: Final = record(
    {
        "batch_id": NAME,
        "status": one_of("processing", "completed", "failed"),
        "total_items": WHOLE,
        "counts_by_status": ANY_OBJECT,
        "created_at": WHOLE,
        "items": several(_ITEM),
        "has_more": TRUTH,
    },
    title=optional(TEXT),
    next_token=optional(TEXT),
)
_STATUS: Final = record(
    {"status": one_of("queued", "processing", "completed", "failed", "not_found")},
    video_id=optional(TEXT),
    batch_id=optional(TEXT),
    item_index=optional(WHOLE),
    error=optional(ANY_OBJECT),
)


# One kind of job.


@attrs.frozen(kw_only=True)
class Resource:
    """The endpoints of a kind of job that are the same for all kinds but for names.

    Attributes:
        path: ``/v3/lipsyncs``.
        id_name: of the placeholder in the path behind it.
        kind: one of `KINDS`.
        view, schema: a job as they show it.
        delete: the answer to a delete, from the id.
        renames: whether the title can be changed.
        query: parameters of the list beside those of the page.
        wanted: whether a job is in the list, by the query.
    """

    path: str
    id_name: str
    kind: str
    view: View
    schema: Schema
    delete: Callable[[str], dict[str, Any]] = lambda job_id: {"id": job_id}
    renames: bool = False
    query: Mapping[str, Schema] = attrs.field(factory=dict)
    wanted: Callable[[Job, Mapping[str, Any]], bool] = lambda _job, _query: True

    def add_to(self, routes: Routes) -> None:
        """Register the endpoints."""
        noun = in_sentence(KINDS[self.kind].noun)
        one = f"{self.path}/{{{self.id_name}}}"
        routes.get(self.path, f"List {noun}s.", query={**self.query, **paging(10, 100)}, answer=listing(self.schema))(self._list)
        routes.get(one, f"Read {with_article(noun)}.", answer=answer(self.schema), failures=GONE)(self._read)
        routes.delete(one, f"Delete {with_article(noun)}.", answer=answer(ANY_OBJECT), failures=GONE)(self._delete)
        if self.renames:
            body = record({"title": TEXT})
            routes.patch(one, f"Rename {with_article(noun)}.", body=body, answer=answer(self.schema), failures=GONE)(self._rename)

    def _list(self, call: Call) -> Any:
        jobs = [job for job in listed(call.world, self.kind) if self.wanted(job, call.query)]
        return paged(call, jobs, lambda job: self.view(call.world, job))

    def _read(self, call: Call) -> Any:
        return {"data": self.view(call.world, read(call, self.kind, call.path[self.id_name]))}

    def _delete(self, call: Call) -> Any:
        job_id = call.path[self.id_name]
        drop(call, self.kind, job_id)
        return {"data": self.delete(job_id)}

    def _rename(self, call: Call) -> Any:
        job = find(call, self.kind, call.path[self.id_name])
        job.fields["title"] = call.body["title"]
        return {"data": self.view(call.world, job)}


def in_sentence(noun: str) -> str:
    """A noun as it stands inside a sentence: ``video``, but ``AI clipping job``."""
    return noun if noun[1].isupper() else noun[0].lower() + noun[1:]


def with_article(noun: str) -> str:
    """``a video``, ``an AI clipping job``."""
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def paged(call: Call, items: list[Any], view: Callable[[Any], Any] = lambda item: item) -> dict[str, Any]:
    """A page of v3."""
    found, token = page(call, items)
    return {"data": [view(item) for item in found], "has_more": token is not None, "next_token": token}


def callbacks(body: Mapping[str, Any]) -> dict[str, Any]:
    """The title and the callback of a request."""
    return {name: body.get(name) for name in ("title", *CALLBACK)}


def failure_text(job: Job) -> str | None:
    """Why a job failed, where there is room for a text only; None if it did not or gives no reason."""
    words = None if job.failure is None else job.failure.words
    return None if words is None else words.message or words.code


# Batches.


@attrs.frozen(kw_only=True)
class Batches:
    """The endpoints for batches of a kind of job.

    Attributes:
        path: ``/v3/lipsyncs``.
        kind: one of `KINDS`.
        member: of the request that holds the bodies of the jobs.
        item: schema of such a body.
        make: starts what a body asks for.
        ids: the query parameter with the ids of jobs.
    """

    path: str
    kind: str
    member: str
    item: Schema
    make: Make
    ids: str

    def add_to(self, routes: Routes) -> None:
        """Register the endpoints."""
        noun = in_sentence(KINDS[self.kind].noun)
        body = record({self.member: several(self.item, _BATCH_MOST, 1)}, title=optional(TEXT), callback_url=optional(URL))
        made = answer(record({"batch_id": NAME}))
        routes.post(f"{self.path}/batches", f"Start a batch of {noun}s.", body=body, answer=made, status=202, failures=STARTS)(self._create)
        add_batch_reading(routes, self.path, noun, self.kind, self.ids)

    def _create(self, call: Call) -> Any:
        room(call)
        batch = new_batch(call, self.kind, f"batch_{call.world.hex_id(24)}")
        for body in call.body[self.member]:
            self._put_in(call, batch, body)
        if all(item["job"] is None for item in batch["items"]):
            heygen_events.finish_batch(call.world, batch)
        return {"data": {"batch_id": batch["id"], "status": "processing", "total_items": len(batch["items"])}}

    def _put_in(self, call: Call, batch: dict[str, Any], body: Mapping[str, Any]) -> None:
        """Start the jobs of one body; if it is refused, the batch goes on without it."""
        try:
            for job in self.make(call, body, batch["id"]):
                batch["items"].append(item_of(job))
        except Refusal as refusal:
            batch["items"].append({"job": None, "asset": None, "error": refusal_object(refusal.answer)})


def new_batch(call: Call, kind: str, batch_id: str) -> dict[str, Any]:
    """A batch without items."""
    batch = call.world.store["batch"][batch_id] = {
        "id": batch_id,
        "kind": kind,
        "title": call.body.get("title"),
        "callback_url": call.body.get("callback_url"),
        "created_at": int(call.world.clock()),
        "finished": False,
        "items": [],
    }
    return batch


def item_of(job: Job) -> dict[str, Any]:
    """An item of a batch."""
    return {"job": job, "asset": None, "error": None}


def refusal_object(refused: VendorError | Reply) -> dict[str, Any]:
    """The ``error`` of an item that was not even started."""
    if isinstance(refused, Reply):
        return {"code": "internal_error", "message": "The item could not be created."}
    words = refused.words
    told = {"code": words.code, "message": words.message, "param": words.param}
    return {name: value for name, value in told.items() if value is not None}


def add_batch_reading(routes: Routes, path: str, noun: str, kind: str, ids: str) -> None:
    """Register the endpoints that read batches and bulk statuses of a kind."""

    def read_batch(call: Call) -> Any:
        batch = find_batch(call, kind, call.path["batch_id"])
        read_items(call.world, batch)
        return {"data": _batch_view(call, batch)}

    def read_statuses(call: Call) -> Any:
        found = [*_by_ids(call, kind, ids), *_by_batches(call, kind)]
        return {"data": found, "has_more": False, "next_token": None}

    summary = f"Read a batch of {noun}s."
    routes.get(f"{path}/batches/{{batch_id}}", summary, query=paging(100, 100), answer=answer(_BATCH), failures=GONE)(read_batch)
    query = {ids: _IDS, "batch_ids": _IDS}
    routes.get(f"{path}/statuses", f"Read the statuses of many {noun}s.", query=query, answer=listing(_STATUS))(read_statuses)


def find_batch(call: Call, kind: str, batch_id: str) -> dict[str, Any]:
    """A batch of this kind by its id.

    Raises:
        Refusal: there is none.
    """
    batch = call.world.store["batch"].get(batch_id)
    if batch is None or batch["kind"] != kind:
        refuse(error(HEYGEN, "resource_not_found", message="Batch not found"))
    found: dict[str, Any] = batch
    return found


def read_items(world: World, batch: Mapping[str, Any]) -> None:
    """Move every job of a batch on by one poll."""
    for item in batch["items"]:
        if item["job"] is not None:
            world.read(item["job"])


def _batch_view(call: Call, batch: Mapping[str, Any]) -> dict[str, Any]:
    items = [{"item_index": index, **_item_view(call.world, item)} for index, item in enumerate(batch["items"])]
    counts: dict[str, int] = {}
    for item in items:
        counts[item["status"]] = counts.get(item["status"], 0) + 1
    over = counts.get("completed", 0) + counts.get("failed", 0) == len(items)
    ended = "completed" if "completed" in counts else "failed"
    # Items come in the order of the request, not the newest first, but their pages are counted in the same way.
    found, token = page(call, items)
    return {
        "batch_id": batch["id"],
        "title": batch["title"],
        "status": ended if over else "processing",
        "total_items": len(items),
        "counts_by_status": counts,
        "created_at": batch["created_at"],
        "items": found,
        "has_more": token is not None,
        "next_token": token,
    }


def _item_view(world: World, item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of a batch: id, status and error of its job, or of its asset."""
    if item["job"] is not None:
        return _job_view(world, item["job"])
    if item["asset"] is None:
        return {"video_id": None, "status": "failed", "error": item["error"]}
    return asset_view(item["asset"])


def _job_view(world: World, job: Job) -> dict[str, Any]:
    state = job.state(world.clock())
    return {
        "video_id": video_id(job) if job.kind == "video" else job.id,
        "status": _ITEM_STATES.get(state, "processing"),
        "error": failure_object(job, "v3", remark=False),
    }


def asset_view(asset: dict[str, Any]) -> dict[str, Any]:
    """An uploaded file as an item of a batch; its id is called ``video_id`` there, too. Seen once, its intake is over."""
    states = {"pending_upload": "queued", "processing": "processing", "failed": "failed"}
    state = states.get(asset["status"], "completed")
    if state == "processing":
        asset["status"] = "completed"
    return {"video_id": asset["id"], "status": state, "error": asset["error"]}


def _by_ids(call: Call, kind: str, ids: str) -> Iterator[dict[str, Any]]:
    for job_id in _split(call.query.get(ids)):
        found = _status_of(call.world, kind, job_id)
        yield {"video_id": job_id, "status": "not_found", "error": None} if found is None else {**found, "video_id": job_id}


def _status_of(world: World, kind: str, job_id: str) -> dict[str, Any] | None:
    if kind == "asset":
        asset = world.store["asset"].get(job_id)
        return None if asset is None else asset_view(asset)
    job = known(world, kind, job_id)
    return None if job is None else _job_view(world, world.read(job))


def _by_batches(call: Call, kind: str) -> Iterator[dict[str, Any]]:
    for batch_id in _split(call.query.get("batch_ids")):
        batch = call.world.store["batch"].get(batch_id)
        if batch is None or batch["kind"] != kind:
            yield {"video_id": None, "batch_id": batch_id, "status": "not_found", "error": None}
            continue
        read_items(call.world, batch)
        for index, item in enumerate(batch["items"]):
            yield {**_item_view(call.world, item), "batch_id": batch_id, "item_index": index}


def _split(ids: str | None) -> list[str]:
    return [one.strip() for one in (ids or "").split(",") if one.strip()]
