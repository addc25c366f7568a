"""The responses that are measured: status, headers and body, the same for every side.

Each sample has ids of its own, so that nothing remembered from an earlier body can help. The shapes are those
of recorded answers; the ids in them are random, from a fixed seed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

API_KEY = "bench-0123456789abcdef0123456789abcdef"
_REQUEST_ID = {"heygen": "X-Request-Id", "heify": "x-amzn-RequestId"}


class Sample(NamedTuple):
    """One response, and what its vendor says in it."""

    provider: str
    status: int
    headers: dict[str, str]
    body: bytes
    method: str
    url: str
    message: str


def _body(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def headers(body: bytes, **more: str) -> dict[str, str]:
    """What an API behind a content network sends along with a small answer."""
    return {
        "Date": "Sun, 22 Nov 2026 09:30:00 GMT",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "keep-alive",
        "Server": "nginx",
        "Vary": "Accept-Encoding",
        **more,
    }


def _sample(rng: random.Random, provider: str, status: int, value: object, url: str, message: str, **more: str) -> Sample:
    body = _body(value)
    return Sample(provider, status, headers(body, **{_REQUEST_ID[provider]: unique_id(rng)}, **more), body, "POST", url, message)


def unique_id(rng: random.Random) -> str:
    """A random UUID."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def v3_object(rng: random.Random) -> Sample:
    """HeyGen v3: an error object."""
    message = f"Video {unique_id(rng)} not found"
    error = {"code": "video_not_found", "message": message, "doc_url": "https://developers.heygen.com/docs/error-codes#video-not-found"}
    return _sample(rng, "heygen", 404, {"error": error}, "https://api.heygen.com/v3/videos", message)


def v3_verbatim(rng: random.Random) -> Sample:
    """HeyGen v3: the commonest error, in the words that the catalog has for it; only the request id varies."""
    error = {
        "code": "unauthorized",
        "message": "Unauthorized",
        "doc_url": "https://developers.heygen.com/docs/error-codes#unauthorized",
    }
    return _sample(rng, "heygen", 401, {"error": error}, "https://api.heygen.com/v3/videos", "Unauthorized")


def flat_verbatim(rng: random.Random) -> Sample:
    """HeyGen v1: the same."""
    return _sample(rng, "heygen", 401, {"code": 400112, "message": "Unauthorized"}, "https://api.heygen.com/v1/video.list", "Unauthorized")


def flat_v1(rng: random.Random) -> Sample:
    """HeyGen v1: code and message side by side."""
    message = f"Content type not match audio/wav != audio/x-{rng.getrandbits(40):x}"
    return _sample(rng, "heygen", 400, {"code": 400543, "message": message}, "https://upload.heygen.com/v1/asset", message)


def failed_job(rng: random.Random) -> Sample:
    """HeyGen: a success answer that carries a failed job."""
    video = f"{rng.getrandbits(128):032x}"
    message = f"Voice {rng.getrandbits(128):032x} is not available"
    error = {"code": 40019, "detail": "The voice was removed from the library", "message": message}
    data = {"id": video, "status": "failed", "video_url": None, "thumbnail_url": None, "duration": None, "error": error}
    return _sample(
        rng, "heygen", 200, {"code": 100, "data": data, "message": "Success"}, "https://api.heygen.com/v1/video_status.get", message
    )


def heify_v2(rng: random.Random) -> Sample:
    """Heify v2: an error object whose code is the status."""
    message = f"Missing required field: field_{rng.getrandbits(40):010x}"
    return _sample(rng, "heify", 400, {"error": {"message": message, "code": 400}}, "https://api.heify.com/submit", message)


def gateway_json(rng: random.Random) -> Sample:
    """API Gateway in front of Heify refuses the call."""
    api = f"{rng.getrandbits(40):010x}"
    message = (
        "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
        f"arn:aws:execute-api:eu-west-1:********1234:{api}/prod/POST/submit"
    )
    more = {"x-amzn-ErrorType": "AccessDeniedException", "x-amz-apigw-id": f"{api}="}
    return _sample(rng, "heify", 403, {"Message": message}, "https://api.heify.com/submit", message, **more)


SHAPES: dict[str, Callable[[random.Random], Sample]] = {
    "v3, known words": v3_verbatim,
    "flat v1, known words": flat_verbatim,
    "v3 object": v3_object,
    "flat v1": flat_v1,
    "failed job": failed_job,
    "Heify v2": heify_v2,
    "gateway JSON": gateway_json,
}

SIZES = {"100 B": 100, "500 B": 500, "1 KiB": 1024, "16 KiB": 16 * 1024, "128 KiB": 128 * 1024}


def sized_text(rng: random.Random, size: int) -> Sample:
    """A v3 object of exactly `size` bytes; beyond the usual members one long text fills it."""
    error: dict[str, Any] = {"code": "video_not_found", "message": ""}
    if size >= 500:  # room for all members
        error |= {"param": "video_id", "doc_url": "https://developers.heygen.com/docs/error-codes#video-not-found", "trace": ""}
    message = f"Video {rng.getrandbits(24):06x} not found"
    error["message"] = message
    missing = size - len(_body({"error": error}))
    if "trace" in error:
        error["trace"] = _prose(rng, missing)
    else:
        error["message"] = message = f"Video {rng.getrandbits(24):06x}{'0' * missing} not found"
    return _sized(rng, size, {"error": error}, 404, message)


def sized_members(rng: random.Random, size: int) -> Sample:
    """A failed job of exactly `size` bytes that repeats what was asked for, in many small members."""
    message = f"Voice {rng.getrandbits(24):06x} is not available"
    error = {"code": 40019, "message": message}
    data: dict[str, Any] = {"id": f"{rng.getrandbits(128):032x}", "status": "failed", "error": error, "note": "", "scenes": []}
    value = {"code": 100, "data": data, "message": "Success"}
    missing = size - len(_body(value))
    number = 0
    while True:
        avatar = f"avatar_{rng.getrandbits(48):012x}"
        scene = {"index": number, "avatar_id": avatar, "text": _prose(rng, 40), "width": 1280, "scale": 1.5, "loop": False}
        length = len(_body(scene)) + (number > 0)
        if length > missing:
            break
        data["scenes"].append(scene)
        missing -= length
        number += 1
    data["note"] = _prose(rng, missing)
    return _sized(rng, size, value, 200, message)


def _sized(rng: random.Random, size: int, value: object, status: int, message: str) -> Sample:
    sample = _sample(rng, "heygen", status, value, "https://api.heygen.com/v3/videos", message)
    if len(sample.body) != size:
        problem = f"a sample of {size} bytes came out with {len(sample.body)}"
        raise AssertionError(problem)
    return sample


_WORDS = ("the", "render", "of", "this", "scene", "was", "stopped", "because", "one", "input", "could", "not", "be", "read", "in", "time")


def _prose(rng: random.Random, length: int) -> str:
    words: list[str] = []
    total = 0
    while total < length:
        words.append(_WORDS[rng.getrandbits(16) % len(_WORDS)])
        total += len(words[-1]) + 1
    return " ".join(words)[:length].ljust(length, ".")


BODIES: dict[str, tuple[Callable[[random.Random, int], Sample], int]] = {
    "100 B": (sized_text, SIZES["100 B"]),
    "500 B": (sized_text, SIZES["500 B"]),
    "1 KiB, one text": (sized_text, SIZES["1 KiB"]),
    "1 KiB, many members": (sized_members, SIZES["1 KiB"]),
    "16 KiB, one text": (sized_text, SIZES["16 KiB"]),
    "16 KiB, many members": (sized_members, SIZES["16 KiB"]),
    "128 KiB, one text": (sized_text, SIZES["128 KiB"]),
    "128 KiB, many members": (sized_members, SIZES["128 KiB"]),
}


def endless(make: Callable[[random.Random], Sample], seed: int = 2026) -> Iterator[Sample]:
    """Samples of one shape, no two of them alike."""
    rng = random.Random(seed)
    while True:
        yield make(rng)
