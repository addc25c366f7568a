"""The headers that answers of the vendors, of the layers in front of them, and webhooks have."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Mapping
from typing import Final

from heify_heygen_errors.model import Category
from heify_heygen_errors.testing.shapes import Wire
from heify_heygen_errors.testing.words import Speaker, Words

SUNSET: Final = "Sat, 31 Oct 2026 00:00:00 GMT"
"""When HeyGen's v1 and v2 end, as their answers say in the header of that name."""

_RETRY_AFTER: Final = "2"


def headers_of(sent: Wire, request_id: str, generation: str | None = None) -> dict[str, str]:
    """The headers of whoever sends this: those that the meaning depends on, and those that are believable beside them.

    Arguments:
        sent: the answer.
        request_id: for the header that the sender has for one.
        generation: of HeyGen's API: ``v1``, ``v2`` or ``v3``.
    """
    words = sent.words
    layered = words.speaker is not Speaker.VENDOR
    made = _layer_headers(words, request_id) if layered else _vendor_headers(sent, generation, request_id)
    made["content-type"] = _content_type(sent)
    own = {name.lower() for name in sent.headers}
    return {name: value for name, value in made.items() if value and name not in own} | dict(sent.headers)


def _content_type(sent: Wire) -> str:
    if not isinstance(sent.body, str):
        return "application/json"
    start = sent.body.lstrip()[:1]
    if start == "<":
        return "application/xml" if sent.words.speaker is Speaker.STORAGE or sent.code is not None else "text/html"
    if start == "{":
        return "application/json"
    return "text/plain; charset=utf-8" if start else ""


def _vendor_headers(sent: Wire, generation: str | None, request_id: str) -> dict[str, str]:
    """HeyGen's load balancer sets the request id; Heify stands behind API Gateway and sends no Retry-After."""
    if sent.provider == "heify":
        return _gateway_headers(request_id)
    made = {"x-amzn-request-id": request_id}
    if sent.provider == "heygen":
        made["server"] = "gunicorn"
        if generation in ("v1", "v2"):
            made |= {"deprecation": "true", "sunset": SUNSET}
    if sent.status == 429 and sent.words.category in (Category.RATE_LIMIT, None):  # noqa: PLR2004
        made["retry-after"] = _RETRY_AFTER
        if sent.provider == "liveavatar":
            made["x-ratelimit-reset"] = _RETRY_AFTER
    return made


def _gateway_headers(request_id: str) -> dict[str, str]:
    return {"x-amzn-requestid": request_id, "x-amz-apigw-id": f"{zlib.crc32(request_id.encode()):08X}oAMFbFg="}


# What proxies call themselves, by the beginning of the entry's name.
_SERVERS: Final[Mapping[str, str]] = {
    "ALB_": "awselb/2.0",
    "CLOUDFLARE_": "cloudflare",
    "CLOUDFRONT_": "CloudFront",
    "ENVOY_": "envoy",
    "GOOGLE_": "Google Frontend",
    "HAPROXY_": "",
    "PROXY_AUTHENTICATION_": "squid",
    "PROXY_CAPTIVE_": "",
    "PROXY_FIREWALL_": "",
    "PROXY_SQUID_": "squid",
    "VARNISH_": "Varnish",
    "WAF_AKAMAI_": "AkamaiGHost",
    "WAF_CHALLENGE": "CloudFront",
    "WAF_": "",
    "": "nginx",
}


def _layer_headers(words: Words, request_id: str) -> dict[str, str]:
    if words.speaker in (Speaker.GATEWAY, Speaker.LAMBDA):
        return _gateway_headers(request_id)
    if words.speaker is Speaker.STORAGE:
        return {"server": "AmazonS3", "x-amz-request-id": request_id, "x-amz-id-2": "h/7="}
    name = "" if words.entry is None else words.entry.name
    server = next(server for start, server in _SERVERS.items() if name.startswith(start))
    made = {"server": server}
    if server == "CloudFront":
        made |= {"x-cache": "Error from cloudfront", "x-amz-cf-id": request_id}
    elif server == "cloudflare":
        made |= {"cf-ray": f"{zlib.crc32(request_id.encode()):016x}-FRA"}
    return made


def webhook_signature(secret: str, body: bytes) -> str:
    """What HeyGen signs a webhook with: HMAC-SHA256 of the raw body with the endpoint's secret, as hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
