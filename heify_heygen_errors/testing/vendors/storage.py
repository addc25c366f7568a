"""The object storage behind signed URLs, as S3 is: Heify's uploads, HeyGen's direct uploads, files of results.

Every path below ``/storage`` is the key of an object. A request is admitted by the signature in its query alone
(AWS Signature Version 4, docs.aws.amazon.com/AmazonS3 sigv4-query-string-auth). Vendors make such URLs with
`signed_url`, learn of uploads by `when_stored`, and publish files with `put_object`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import re
import time
from calendar import timegm
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any, ClassVar, Final, NoReturn, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import attrs

from heify_heygen_errors.testing.operations import Call, Operation, Problem, Received, Router, Routes, refuse
from heify_heygen_errors.testing.replies import Reply, VendorError, error
from heify_heygen_errors.testing.vendors.vendor import Settings, Vendor, iso_time
from heify_heygen_errors.testing.world import World

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_REGION: Final = "us-east-1"
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_LONGEST: Final = 7 * 24 * 3600
"""Seconds that a signed URL can live at most."""
_SKEW: Final = 900
"""Seconds that the clocks of signer and storage may differ."""
_LARGEST: Final = 5 * 1024**3
"""Bytes of one PUT (docs.aws.amazon.com/AmazonS3 upload-objects)."""
_META: Final = "x-amz-meta-"
_PARAMETERS: Final = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
_VERSION_2: Final = ("AWSAccessKeyId", "Signature", "Expires")
# The catalog leaves the ends of these two open.
_NOT_SIGNED: Final = "There were headers present in the request which were not signed"
_INCOMPLETE: Final = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
_METHODS: Final = ("GET", "HEAD", "PUT")
_DIGEST: Final = 16

Stored: TypeAlias = Callable[[Call], None]
"""Gets the PUT that stored an object."""

objects = Routes("storage")
"""The endpoints of the storage."""


# Signatures.


@attrs.frozen
class _Signer:
    """Who signs the URLs of a server."""

    access_key: str
    secret: str


@lru_cache(maxsize=64)
def _signer(seed: int) -> _Signer:
    told = hashlib.sha256(f"storage {seed}".encode()).digest()
    return _Signer("AKIA" + base64.b32encode(told[:10]).decode(), base64.b64encode(told[:30]).decode())


@attrs.frozen(kw_only=True)
class _Canonical:
    """A request as it is signed.

    Attributes:
        path: URI-encoded once.
        query: names and values, decoded, without the signature.
        headers: values by name in lower case; more than are signed may be there.
        signed: names of the signed headers, sorted.
        date: ``20261101T000000Z``.
        scope: ``20261101/us-east-1/s3/aws4_request``.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    signed: Sequence[str]
    date: str
    scope: str

    @property
    def request(self) -> str:
        """The canonical request."""
        pairs = sorted((_encoded(name), _encoded(value)) for name, value in self.query)
        query = "&".join(f"{name}={value}" for name, value in pairs)
        lines = [f"{name}:{' '.join(self.headers.get(name, '').split())}" for name in self.signed]
        return "\n".join((self.method, self.path, query, *lines, "", ";".join(self.signed), _UNSIGNED))

    @property
    def string_to_sign(self) -> str:
        """The string to sign."""
        digest = hashlib.sha256(self.request.encode()).hexdigest()
        return f"{_ALGORITHM}\n{self.date}\n{self.scope}\n{digest}"

    def signature(self, secret: str) -> str:
        """The signature in hex digits."""
        key = f"AWS4{secret}".encode()
        for part in (*self.scope.split("/"), self.string_to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        return key.hex()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _path(raw: str) -> str:
    return quote(unquote(raw), safe="/-_.~")


def signed_url(
    world: World,
    root: str,
    key: str,
    *,
    method: str = "PUT",
    expires: int,
    headers: Mapping[str, str] | None = None,
) -> str:
    """A URL that allows one method on one object for some time, signed as AWS Signature Version 4 says.

    Args:
        world: its clock says when the URL begins to live; its seed is the signer's secret.
        root: URL of the server, `Call.root`.
        key: of the object; ``upload/client-1/abc``.
        method: ``PUT`` or ``GET``.
        expires: seconds that it lives, at most 604800.
        headers: what the request must carry beside Host, value for value; ``{"x-amz-meta-name": "a.mp3"}``.
    """
    signer = _signer(world.seed)
    parts = urlsplit(root)
    sent = {"host": parts.netloc, **{name.lower(): value for name, value in (headers or {}).items()}}
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(world.clock()))
    scope = f"{date[:8]}/{_REGION}/s3/aws4_request"
    signed = sorted(sent)
    query = [
        ("X-Amz-Algorithm", _ALGORITHM),
        ("X-Amz-Credential", f"{signer.access_key}/{scope}"),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", str(expires)),
        ("X-Amz-SignedHeaders", ";".join(signed)),
    ]
    path = _path(f"{parts.path}/storage/{key}")
    canonical = _Canonical(method=method, path=path, query=query, headers=sent, signed=signed, date=date, scope=scope)
    shown = "&".join(f"{name}={_encoded(value)}" for name, value in (*query, ("X-Amz-Signature", canonical.signature(signer.secret))))
    return f"{parts.scheme}://{parts.netloc}{path}?{shown}"


# Objects.


def when_stored(world: World, key: str, then: Stored) -> None:
    """Have `then` called with the first PUT that stores an object under this key."""
    world.store["awaited_object"][key] = {"then": then}


def put_object(
    world: World,
    key: str,
    body: bytes,
    *,
    content_type: str = "binary/octet-stream",
    metadata: Mapping[str, str] | None = None,
    size: int | None = None,
) -> dict[str, Any]:
    """Store an object; it is ``world.store["object"][key]`` from then on.

    Args:
        world: where to.
        key: of the object.
        body: its bytes, or as many of them as were kept.
        content_type: told to those who read it.
        metadata: what ``x-amz-meta-`` headers said, without that prefix.
        size: of the whole object in bytes; by default that of `body`.

    Returns:
        Its key, size, content_type, metadata, etag (with its quotes), last_modified (seconds) and body.
    """
    made = world.store["object"][key] = {
        "key": key,
        "size": len(body) if size is None else size,
        "content_type": content_type,
        "metadata": dict(metadata or {}),
        "etag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"',
        "last_modified": world.clock(),
        "body": body,
    }
    return made


@objects.put("/{key}", "Store an object; the query is the signature.", body={"type": "string"}, media="application/octet-stream", open=True)
def store_object(call: Call) -> Reply:
    """Store what was sent, and tell who waits for it."""
    received, key = call.received, call.path["key"]
    if "transfer-encoding" in received.headers:
        _refuse("S3_NOT_IMPLEMENTED", Header="Transfer-Encoding")
    if "content-length" not in received.headers:
        _refuse("S3_MISSING_CONTENT_LENGTH")
    _admit(call)
    _check_digest(received)
    metadata = {name.removeprefix(_META): value for name, value in received.headers.items() if name.startswith(_META)}
    content_type = received.headers.get("content-type", "binary/octet-stream")
    made = put_object(call.world, key, received.body, content_type=content_type, metadata=metadata, size=received.size)
    awaited = call.world.store["awaited_object"].pop(key, None)
    if awaited is not None:
        awaited["then"](call)
    return Reply(headers={"ETag": made["etag"], "x-amz-server-side-encryption": "AES256"})


@objects.get("/{key}", "Read an object; the query is the signature.", open=True)
def read_object(call: Call) -> Reply:
    """The object as it was stored; bytes that were not kept are zeros."""
    _admit(call)
    key = call.path["key"]
    found = call.world.store["object"].get(key)
    if found is None:
        _refuse("S3_NO_SUCH_KEY", Key=key)
    headers = {
        "Content-Type": found["content_type"],
        "ETag": found["etag"],
        "Last-Modified": formatdate(found["last_modified"], usegmt=True),
        "x-amz-server-side-encryption": "AES256",
        **{_META + name: value for name, value in found["metadata"].items()},
    }
    return Reply(headers=headers, body=found["body"].ljust(found["size"], b"\0"))


def _check_digest(received: Received) -> None:
    told = received.headers.get("content-md5")
    if told is None:
        return
    try:
        digest = base64.b64decode(told, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != _DIGEST:
        _refuse("S3_INVALID_DIGEST", **{"Content-MD5": told})
    found = hashlib.md5(received.body, usedforsecurity=False).digest()
    if found != digest and received.size == len(received.body):
        _refuse("S3_BAD_DIGEST", ExpectedDigest=digest.hex(), CalculatedDigest=base64.b64encode(found).decode())


# Who may.


def _admit(call: Call) -> None:
    """Check the signature in the query of a request, in the order in which S3 does.

    Raises:
        Refusal: it is missing, malformed, not yet or no longer valid, or not that of this request.
    """
    received, world = call.received, call.world
    parts = urlsplit(received.target)
    query = parse_qsl(parts.query, keep_blank_values=True)
    told = dict(query)
    _check_parameters(told)
    signer = _signer(world.seed)
    access_key, _, scope = told["X-Amz-Credential"].partition("/")
    if access_key != signer.access_key:
        _refuse("S3_INVALID_ACCESS_KEY_ID", AWSAccessKeyId=access_key)
    _check_time(told, world.clock())
    signed = told["X-Amz-SignedHeaders"].split(";")
    binding = [name for name in received.headers if name == "host" or name.startswith("x-amz-")]
    unsigned = sorted(name for name in binding if name not in signed)
    if unsigned:
        _refuse("S3_ACCESS_DENIED#unsigned_headers", _NOT_SIGNED, HeadersNotSigned=", ".join(unsigned))
    canonical = _Canonical(
        method=received.method,
        path=_path(parts.path),
        query=[pair for pair in query if pair[0] != "X-Amz-Signature"],
        headers=received.headers,
        signed=signed,
        date=told["X-Amz-Date"],
        scope=scope,
    )
    if not hmac.compare_digest(canonical.signature(signer.secret), told["X-Amz-Signature"]):
        _refuse_signature(access_key, told["X-Amz-Signature"], canonical)


def _check_parameters(told: Mapping[str, str]) -> None:
    if not any(name.startswith("X-Amz-") for name in told):
        if any(name in told for name in _VERSION_2):
            _refuse("S3_ACCESS_DENIED#incomplete_url", _INCOMPLETE)
        _refuse("S3_ACCESS_DENIED")
    if not all(told.get(name) for name in _PARAMETERS):
        _refuse("S3_AUTHORIZATION_QUERY_PARAMETERS")
    if told["X-Amz-Algorithm"] != _ALGORITHM:
        _refuse_parameter(f'X-Amz-Algorithm only supports "{_ALGORITHM} and AWS4-ECDSA-P256-SHA256"')
    if not re.fullmatch(r"[^/]+/[0-9]{8}/[^/]+/s3/aws4_request", told["X-Amz-Credential"]):
        wanted = '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"'
        _refuse_parameter(f"Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting {wanted}.")
    if _seconds(told["X-Amz-Date"]) is None:
        _refuse_parameter("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    expires = told["X-Amz-Expires"]
    if not re.fullmatch(r"-?[0-9]{1,12}", expires):
        _refuse_parameter("X-Amz-Expires should be a number")
    if int(expires) < 0:
        _refuse_parameter("X-Amz-Expires must be non-negative")
    if int(expires) > _LONGEST:
        _refuse_parameter(
            f"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than {_LONGEST} seconds"
        )


def _check_time(told: Mapping[str, str], now: float) -> None:
    began = _seconds(told["X-Amz-Date"]) or 0
    ends = began + int(told["X-Amz-Expires"])
    times = {"Expires": iso_time(ends), "ServerTime": iso_time(now)}
    if began > now + _SKEW:
        _refuse("S3_ACCESS_DENIED#not_yet_valid", **{"X-Amz-Date": told["X-Amz-Date"], **times})
    if now > ends:
        _refuse("S3_ACCESS_DENIED#expired", **{"X-Amz-Expires": told["X-Amz-Expires"], **times})


def _seconds(date: str) -> int | None:
    try:
        return timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


# How it says no.


def _refuse(rule: str, message: str | None = None, **elements: str) -> NoReturn:
    """Answer with a failure of the catalog.

    Args:
        rule: the entry, with ``#`` and its refinement.
        message: in place of the catalog's.
        elements: what S3 tells beside code and message, by the name of the element.

    Raises:
        Refusal: always.
    """
    refuse(_answer(_failure(rule, message), elements))


def _refuse_parameter(message: str) -> NoReturn:
    _refuse("S3_AUTHORIZATION_QUERY_PARAMETERS", message)


def _refuse_signature(access_key: str, signature: str, canonical: _Canonical) -> NoReturn:
    text, request = canonical.string_to_sign, canonical.request
    _refuse(
        "S3_SIGNATURE_DOES_NOT_MATCH",
        AWSAccessKeyId=access_key,
        StringToSign=text,
        SignatureProvided=signature,
        StringToSignBytes=text.encode().hex(" "),
        CanonicalRequest=request,
        CanonicalRequestBytes=request.encode().hex(" "),
    )


@lru_cache(maxsize=256)
def _failure(rule: str, message: str | None) -> VendorError:
    # Entries of layers belong to no vendor; Heify is the one whose documents name this storage.
    return error("heify", rule, message=message)


def _answer(failure: VendorError, elements: Mapping[str, str]) -> Reply:
    words = failure.words
    told = {"Code": words.code, "Message": words.message, **elements, "RequestId": "", "HostId": ""}
    inside = "".join(f"<{name}>{html.escape(value or '', quote=False)}</{name}>" for name, value in told.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'
    return Reply(status=words.status, headers={"Content-Type": "application/xml"}, body=body.encode())


# The storage.


class _Keys(Router):
    """Takes everything behind the first slash for the key of an object, as S3 does."""

    def methods(self, path: str) -> tuple[dict[str, Operation], tuple[str, ...]]:
        """The endpoints of an object, and its key as it was sent."""
        key = path.removeprefix("/")
        return (super().methods("/key")[0], (key,)) if key else ({}, ())


class Storage(Vendor):
    """The object storage: PUT, GET and HEAD of signed URLs, failures in S3's XML.

    Objects are in ``world.store["object"]`` by key; see `put_object` for their members.
    """

    provider = "storage"
    operations = tuple(objects.operations)
    takes: ClassVar[int] = _LARGEST

    def __init__(self, world: World, settings: Settings) -> None:
        super().__init__(world, settings)
        self._router = _Keys(self.operations)

    def no_route(self, received: Received) -> Reply:  # noqa: ARG002
        """The list of all buckets is nobody's business."""
        return _answer(_failure("S3_ACCESS_DENIED", None), {})

    def wrong_method(self, received: Received, allowed: tuple[str, ...]) -> Reply:  # noqa: ARG002
        """MethodNotAllowed, with the methods that there are."""
        made = _answer(_failure("S3_METHOD_NOT_ALLOWED", None), {"Method": received.method, "ResourceType": "OBJECT"})
        return made.with_headers({"Allow": ", ".join(_METHODS)})

    def invalid(self, problem: Problem, operation: Operation, received: Received) -> Reply:  # noqa: ARG002
        """InvalidArgument, with its name; what is wrong with a signature is told before."""
        return _answer(_failure("S3_INVALID_ARGUMENT", None), {"ArgumentName": problem.field})

    def too_large(self, received: Received) -> Reply:
        """EntityTooLarge, with both sizes in bytes."""
        sizes = {"ProposedSize": str(received.size), "MaxSizeAllowed": str(_LARGEST)}
        return _answer(_failure("S3_ENTITY_TOO_LARGE", None), sizes)

    def finished(self, received: Received, reply: Reply, operation: Operation | None) -> Reply:  # noqa: ARG002
        """The answer with S3's ids, in its headers and inside its errors."""
        told = hashlib.sha512(f"{self.world.seed} {received.number}".encode()).digest()
        request_id = base64.b32encode(told[:10]).decode()
        host_id = base64.b64encode(told[8:]).decode()
        headers = {
            "x-amz-id-2": host_id,
            "x-amz-request-id": request_id,
            "Date": formatdate(self.world.clock(), usegmt=True),
        }
        # A page that a script puts before the storage has a Server of its own.
        made = reply.with_headers(headers).with_missing({"Server": "AmazonS3"})
        if b"<Error>" not in made.body[:200]:
            return made
        body = re.sub(rb"(?<=<RequestId>)[^<]*", request_id.encode(), made.body)
        body = re.sub(rb"(?<=<HostId>)[^<]*", host_id.encode(), body)
        return made.with_body(body)
