"""Failures of the layers in front of both vendors: API Gateway, Lambda, S3, CloudFront, proxies.

Shapes are described in the AWS documentation and were seen on the wire (vendor notes 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heify_heygen_errors.failure import NO_IDS, Failure
from heify_heygen_errors.providers.sight import Sight, code_of, first_text, ids_of, text_of, words_of

_URL_SIGNATURES: Final = ("x-amz-signature=", "x-amz-credential=", "awsaccesskeyid=", "expires=", "key-pair-id=")
_S3_IDS: Final = ("Key", "BucketName", "Bucket", "UploadId")


def layer_failures(sight: Sight) -> Iterator[Failure]:
    """The failure of a layer, where the document's shape is one that only layers send."""
    document = sight.document
    if document.kind == "xml":
        failure = _xml(sight)
        if failure is not None:
            yield failure
    elif document.kind == "json" and isinstance(document.value, dict):
        failure = _json(sight, document.value)
        if failure is not None:
            yield failure


def _xml(sight: Sight) -> Failure | None:
    leaves = sight.document.value
    if not isinstance(leaves, dict):
        return None
    root = leaves.get("", "")
    code, message = leaves.get("Code") or None, leaves.get("Message") or leaves.get("message") or None
    envelope = "S3 XML error"
    if code is None and root.endswith("Exception"):  # API Gateway that was asked for XML
        code, envelope = root, "API Gateway XML error"
    if root not in ("Error", "ErrorResponse", "Response") and not root.endswith("Exception") and not sight.failed:
        return None
    if code is None and message is None:
        return None
    return Failure(
        "upload" if envelope.startswith("S3") else "gateway",
        envelope,
        code,
        message,
        request_id=leaves.get("RequestId") or leaves.get("RequestID") or None,
        resource={name: leaves[name] for name in _S3_IDS if name != "Key" and leaves.get(name)} or NO_IDS,
        layer=True,
    )


def _json(sight: Sight, body: dict[str, object]) -> Failure | None:
    error_type = text_of(body.get("errorType"))
    error_message = body.get("errorMessage")
    if "errorMessage" in body and (error_type or "stackTrace" in body or "trace" in body or set(body) == {"errorMessage"}):
        return Failure(
            "gateway",
            "raw Lambda error",
            error_type,
            words_of(error_message),
            request_id=text_of(body.get("requestId")),
            shape="raw_lambda_error",
            layer=True,
        )
    if "error" in body or not (sight.failed or sight.status is None):
        return None
    named = error_type_header(sight)
    if named is None:
        return None
    return Failure(
        "gateway",
        "API Gateway answer with x-amzn-errortype",
        code_of(body.get("code")) or named,
        first_text(body, ("message", "Message")),
        request_id=text_of(body.get("requestId")),
        resource=ids_of(body),
        layer=True,
    )


def error_type_header(sight: Sight) -> str | None:
    """The error type that an AWS layer names, without the parts that AWS appends to it."""
    headers = sight.headers
    named = headers.get("x-amzn-errortype") if headers else None
    if named is None:
        return None
    return named.split("\n", 1)[0].partition(":")[0].rpartition("#")[2].strip() or None


def is_signed(url: str) -> bool:
    """Whether a URL carries a signature, as those of storage and CDN do that expire."""
    low = url.lower()
    return any(sign in low for sign in _URL_SIGNATURES)


def text_failure(sight: Sight) -> Failure:
    """An answer that says no in HTML, plain text or nothing: rules may read it, it is not the vendor's message."""
    document = sight.document
    shape = None
    url = sight.observation.url
    if url is not None and sight.status in (401, 403, 404, 410) and is_signed(url):
        shape = "expired_url"
    envelope = {"html": "HTML page", "text": "plain text", "nothing": "empty body"}.get(document.kind, document.kind)
    return Failure(
        "response",
        envelope,
        error_type_header(sight),
        shape=shape,
        text=document.visible or document.title or None,
        layer=True,
    )
