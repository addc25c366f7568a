"""HeyGen v3: uploaded files: through the API, directly into the storage, in batches."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final, NoReturn

from heify_heygen_errors.testing.operations import Call, Routes, refuse
from heify_heygen_errors.testing.replies import error
from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heygen_jobs import HEYGEN, RESULTS_LAST, paging
from heify_heygen_errors.testing.vendors.heygen_schemas import (
    ANY_OBJECT,
    NAME,
    TEXT,
    WHOLE,
    answer,
    between,
    listing,
    one_of,
    optional,
    record,
    several,
    text,
)
from heify_heygen_errors.testing.vendors.heygen_uploads import (
    LARGEST,
    TYPES,
    Upload,
    end_of,
    form_file,
    kind_of,
    plain_type,
    type_by_bytes,
    type_by_name,
)
from heify_heygen_errors.testing.vendors.heygen_v3_jobs import GONE, add_batch_reading, find_batch, new_batch, paged
from heify_heygen_errors.testing.vendors.storage import put_object, signed_url

assets = Routes(HEYGEN)

_PATH: Final = "/v3/assets"
_UPLOAD_LASTS: Final = 3600
_LARGEST_DIRECT: Final = 5 * 1024**3
_SHA256: Final = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}
_ASSET: Final = record(
    {"id": NAME, "name": TEXT, "type": TEXT, "owner": TEXT, "space_id": TEXT, "uploaded_at": WHOLE},
    folder_id=optional(TEXT),
    url=optional(TEXT),
)
_SHOWN: Final = ("id", "name", "type", "owner", "space_id", "uploaded_at", "folder_id", "url")


def _asset(call: Call) -> dict[str, Any]:
    found = call.world.store["asset"].get(call.path["asset_id"])
    if found is None:
        refuse(error(HEYGEN, "asset_not_found"))
    return found


def new_asset(call: Call, name: str, content_type: str, size: int, *, status: str) -> dict[str, Any]:
    """An asset of the account.

    Args:
        call: the request that makes it.
        name: shown to people.
        content_type: ``video/mp4``.
        size: bytes.
        status: ``pending_upload`` or ``completed``.
    """
    asset_id = call.world.hex_id()
    made = call.world.store["asset"][asset_id] = {
        "id": asset_id,
        "name": name,
        "type": kind_of(content_type),
        "mime_type": content_type,
        "size_bytes": size,
        "status": status,
        "error": None,
        "owner": heygen_catalog.USERNAME,
        "space_id": heygen_catalog.SPACE,
        "folder_id": None,
        "uploaded_at": int(call.world.clock()),
        "url": None,
        "key": f"heygen/asset/{asset_id}/original.{end_of(content_type)}",
        "sha256": None,
    }
    return made


def publish(call: Call, asset: dict[str, Any]) -> None:
    """Give an asset, whose file is in the storage, its address."""
    asset["url"] = signed_url(call.world, call.root, asset["key"], method="GET", expires=RESULTS_LAST)


def _bad(message: str, param: str) -> NoReturn:
    refuse(error(HEYGEN, "invalid_parameter", message=message, param=param))


# Through the API.


@assets.post(
    _PATH,
    "Upload a file of at most 32 MB in the field file of a form.",
    body=record({"file": TEXT}),
    media="multipart/form-data",
    answer=answer(record({"asset_id": NAME, "url": NAME, "mime_type": NAME, "size_bytes": WHOLE})),
    failures=(413,),
)
def upload(call: Call) -> Any:
    """Keep a file; what it is follows from its first bytes, its name, or what the client says, in this order."""
    sent = form_file(call.received, "file")
    if sent is None:
        _bad("File is required. Upload a file using multipart/form-data.", "file")
    if len(sent.body) > LARGEST:
        refuse(error(HEYGEN, "payload_too_large"))
    content_type = _type(sent)
    asset = new_asset(call, sent.name or "file", content_type, len(sent.body), status="completed")
    put_object(call.world, asset["key"], sent.body, content_type=content_type)
    publish(call, asset)
    return {"data": {"asset_id": asset["id"], **{name: asset[name] for name in ("url", "mime_type", "size_bytes")}}}


def _type(sent: Upload) -> str:
    declared = None if sent.content_type in (None, "application/octet-stream") else sent.content_type
    found = type_by_bytes(sent.body)
    if declared is not None and declared not in TYPES:
        _bad(f"Unsupported file type: {declared}", "file")
    if declared is not None and found is not None and declared != found:
        _bad(f"Content type not match {declared} != {found}", "file")
    return found or type_by_name(sent.name) or declared or "application/octet-stream"


# Reading.


@assets.get(
    _PATH,
    "List the files of a member of the workspace.",
    query={"username": {**TEXT, "required": True}, "folder_id": TEXT, **paging(20, 100)},
    answer=listing(_ASSET),
)
def list_assets(call: Call) -> Any:
    """The files of one member, the newest first; without a username it is refused."""
    folder = call.query.get("folder_id")
    found = [
        asset
        for asset in reversed(call.world.store["asset"].values())
        if asset["owner"] == call.query["username"] and asset["url"] is not None and folder in (None, asset["folder_id"] or "")
    ]
    return paged(call, found, _view)


def _view(asset: dict[str, Any]) -> dict[str, Any]:
    return {name: asset[name] for name in _SHOWN}


_FOUND: Final = record({"id": NAME, "type": TEXT, "url": NAME}, orientation=optional(TEXT), width=optional(WHOLE), height=optional(WHOLE))


@assets.get(
    f"{_PATH}/search",
    "Search public images or icons.",
    query={
        "query": {**text(1000, 1), "required": True},
        "type": {**one_of("image", "icon"), "required": True},
        "scope": one_of("public", "personal"),
        **paging(20, 50),
    },
    answer=listing(_FOUND),
)
def search_assets(call: Call) -> Any:
    """Images or icons; the account has none of its own."""
    found = [] if call.query.get("scope") == "personal" else heygen_catalog.pictures(call.query["type"])
    return paged(call, found)


@assets.get(f"{_PATH}/{{asset_id}}", "Read what is known of a file.", answer=answer(_ASSET), failures=GONE)
def read_asset(call: Call) -> Any:
    """What is known of a file."""
    return {"data": _view(_asset(call))}


@assets.delete(f"{_PATH}/{{asset_id}}", "Delete a file.", answer=answer(record({"id": NAME})), failures=GONE)
def delete_asset(call: Call) -> Any:
    """Delete a file, also out of the storage."""
    asset = _asset(call)
    del call.world.store["asset"][asset["id"]]
    call.world.store["object"].pop(asset["key"], None)
    return {"data": {"id": asset["id"]}}


# Directly into the storage.

_FILE: Final = record(
    {"filename": NAME, "content_type": one_of(*TYPES), "size_bytes": between(1, _LARGEST_DIRECT, "integer")},
    checksum_sha256=optional(_SHA256),
)
_SLOT: Final = record(
    {"asset_id": NAME, "upload_url": NAME, "upload_headers": ANY_OBJECT, "expires_in_seconds": WHOLE, "max_bytes": WHOLE, "status": TEXT}
)


def _slot(call: Call, wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A new asset, and where and how its file is to be put."""
    size, digest = int(wanted["size_bytes"]), wanted.get("checksum_sha256")  # 1.0 is an integer in JSON Schema
    asset = new_asset(call, wanted["filename"], wanted["content_type"], size, status="pending_upload")
    headers = {"Content-Type": wanted["content_type"]}
    if digest is not None:
        asset["sha256"] = digest.lower()
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(digest)).decode()
    # The length is signed, too, but clients set that header by themselves.
    signed = {**headers, "Content-Length": str(size)}
    url = signed_url(call.world, call.root, asset["key"], expires=_UPLOAD_LASTS, headers=signed)
    return asset, {
        "asset_id": asset["id"],
        "upload_url": url,
        "upload_headers": headers,
        "expires_in_seconds": _UPLOAD_LASTS,
        "max_bytes": size,
        "status": "pending_upload",
    }


@assets.post(
    f"{_PATH}/direct-uploads",
    "Begin the upload of a file into the storage.",
    body=_FILE,
    answer=answer(_SLOT),
)
def begin_upload(call: Call) -> Any:
    """A signed URL to PUT the file to; the asset can be used once its upload is completed."""
    return {"data": _slot(call, call.body)[1]}


@assets.post(
    f"{_PATH}/{{asset_id}}/complete",
    "Complete an upload after the PUT.",
    body=record(checksum_sha256=optional(_SHA256)),
    answer=answer(record({"asset_id": NAME, "url": NAME, "mime_type": NAME, "size_bytes": WHOLE, "status": TEXT})),
    failures=(404, 409),
)
def complete_upload(call: Call) -> Any:
    """Make an asset of what was put into the storage; as often as one likes."""
    asset = _asset(call)
    if asset["status"] != "completed":
        _complete(call, asset)
    return {"data": {"asset_id": asset["id"], **{name: asset[name] for name in ("url", "mime_type", "size_bytes")}, "status": "processing"}}


def _complete(call: Call, asset: dict[str, Any]) -> None:
    if asset["key"] not in call.world.store["object"]:
        refuse(error(HEYGEN, "CONFLICT#upload_pending", message="Uploaded object not found yet. Retry after upload PUT returns 200."))
    wrong = _wrong(call, asset, call.body.get("checksum_sha256"))
    if wrong is not None:
        code, message = wrong
        refuse(error(HEYGEN, code, message=message))
    asset["status"] = "completed"
    publish(call, asset)


def _wrong(call: Call, asset: dict[str, Any], told: str | None = None) -> tuple[str, str] | None:
    """What is wrong with the file that was put into the storage, as code and message; None if nothing is."""
    stored = call.world.store["object"][asset["key"]]
    found = type_by_bytes(stored["body"])
    if found is not None and found != plain_type(asset["mime_type"]):
        return "invalid_parameter", f"Content type not match {asset['mime_type']} != {found}"
    wanted = {digest.lower() for digest in (told, asset["sha256"]) if digest is not None}
    is_whole = stored["size"] == len(stored["body"])  # of large files only the beginning is kept
    if wanted and is_whole and wanted != {hashlib.sha256(stored["body"]).hexdigest()}:
        return "conflict", "The checksum is not that of the uploaded file."
    return None


# Batches of uploads.


@assets.post(
    f"{_PATH}/direct-uploads/batches",
    "Begin the upload of several files.",
    body=record({"files": several(_FILE, 100, 1)}, title=optional(TEXT), callback_url=optional(TEXT)),
    answer=answer(record({"batch_id": NAME, "items": several(_SLOT)})),
)
def begin_batch(call: Call) -> Any:
    """A signed URL for each file."""
    batch = new_batch(call, "asset", f"batch_{call.world.hex_id(24)}")
    made = [_slot(call, wanted) for wanted in call.body["files"]]
    batch["items"] = [{"job": None, "asset": asset, "error": None} for asset, _ in made]
    return {"data": {"batch_id": batch["id"], "items": [slot for _, slot in made]}}


@assets.post(
    f"{_PATH}/complete/batches",
    "Complete the uploads of a batch after the PUTs.",
    body=record({"batch_id": NAME}),
    answer=answer(record({"batch_id": NAME})),
    status=202,
    failures=GONE,
)
def complete_batch(call: Call) -> Any:
    """Begin to take in every file of a batch; one that is missing or wrong fails alone."""
    batch = find_batch(call, "asset", call.body["batch_id"])
    for item in batch["items"]:
        _take_in(call, item["asset"])
    return {"data": {"batch_id": batch["id"], "status": "processing"}}


def _take_in(call: Call, asset: dict[str, Any]) -> None:
    if asset["status"] not in ("pending_upload", "failed"):
        return
    missing = asset["key"] not in call.world.store["object"]
    wrong = ("invalid_parameter", "Uploaded object not found") if missing else _wrong(call, asset)
    if wrong is not None:
        code, message = wrong
        asset |= {"status": "failed", "error": {"code": code, "message": message}}
        return
    asset |= {"status": "processing", "error": None}
    publish(call, asset)


add_batch_reading(assets, _PATH, "asset", "asset", "asset_ids")
