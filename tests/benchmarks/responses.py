"""One small response to an `ErrorInfo`, against what others make of the same status, headers and body.

- ours: `normalize` of an `Observation` (its construction included), of a requests.Response and of an httpx2.Response,
  both with the request that they answer.
- botocore: the error parsers of its protocols "json" and "rest-json", and a ClientError from the result. The members
  that a service models for its errors are not parsed, which would take it a second pass. A job that failed in an
  answer with status 200 is read by the operation's output shape.
- openai: the status error that its client makes of a response of its HTTP library.
- litellm: `exception_type`, which maps an exception with status, headers and body to one of its own, and raises it.
  The exception that goes in is made outside the timing; "litellm with input" counts it as well.

The response objects of each side are built outside the timing, a new one for every call.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

from benchmarks.samples import API_KEY, SHAPES, Sample, endless
from benchmarks.timing import Side, Times, race
from heify_heygen_errors import Observation, normalize

OURS = ("Observation", "requests.Response", "httpx2.Response")


class Said(NamedTuple):
    """What one side read out of a response."""

    status: int | None
    text: str


class Contender(NamedTuple):
    """A side, and how to read its result."""

    side: Side
    said: Callable[[Any], Said]


def _said_by_us(info: Any) -> Said:
    return Said(info.status, info.message)


def from_observation() -> Contender:
    """Ours, from status, headers and bytes."""

    def run(sample: Sample) -> Any:
        return normalize(Observation(sample.provider, sample.status, sample.headers, sample.body))

    return Contender(Side(lambda sample: sample, run), _said_by_us)


def from_requests() -> Contender:
    """Ours, from what requests returns."""
    import requests
    from requests.structures import CaseInsensitiveDict

    def prepare(sample: Sample) -> tuple[Any, str]:
        response = requests.Response()
        response.status_code = sample.status
        response.headers = CaseInsensitiveDict(sample.headers)
        response._content = sample.body
        response._content_consumed = True
        response.url = sample.url
        response.request = requests.Request(sample.method, sample.url, headers={"X-Api-Key": API_KEY}).prepare()
        return response, sample.provider

    return Contender(Side(prepare, lambda given: normalize(*given)), _said_by_us)


def _httpx_response(library: Any, sample: Sample) -> Any:
    request = library.Request(sample.method, sample.url, headers={"X-Api-Key": API_KEY})
    return library.Response(sample.status, headers=sample.headers, content=sample.body, request=request)


def from_httpx2() -> Contender:
    """Ours, from what httpx2 returns."""
    import httpx2

    def prepare(sample: Sample) -> tuple[Any, str]:
        return _httpx_response(httpx2, sample), sample.provider

    return Contender(Side(prepare, lambda given: normalize(*given)), _said_by_us)


_MODEL = {
    "metadata": {"protocol": "rest-json", "serviceId": "bench", "endpointPrefix": "bench", "apiVersion": "2026-11-22"},
    "operations": {},
    "shapes": {
        "Text": {"type": "string"},
        "Number": {"type": "integer"},
        "Error": {
            "type": "structure",
            "members": {"code": {"shape": "Number"}, "message": {"shape": "Text"}, "detail": {"shape": "Text"}},
        },
        "Job": {
            "type": "structure",
            "members": {"id": {"shape": "Text"}, "status": {"shape": "Text"}, "error": {"shape": "Error"}},
        },
        "Output": {
            "type": "structure",
            "members": {"code": {"shape": "Number"}, "message": {"shape": "Text"}, "data": {"shape": "Job"}},
        },
    },
}


def botocore_error(protocol: str) -> Contender:
    """A parser of botocore, for one protocol, and a ClientError."""
    from botocore.awsrequest import HeadersDict
    from botocore.exceptions import ClientError
    from botocore.model import ServiceModel
    from botocore.parsers import create_parser

    parser = create_parser(protocol)
    output = ServiceModel(_MODEL).shape_for("Output")

    def prepare(sample: Sample) -> dict[str, Any]:
        return {"status_code": sample.status, "headers": HeadersDict(sample.headers), "body": sample.body, "context": {}}

    def run(response: dict[str, Any]) -> ClientError:
        parsed = parser.parse(response, output)
        if response["status_code"] < 301:  # where botocore draws the line
            stated = parsed["data"]["error"]
            parsed["Error"] = {"Code": str(stated["code"]), "Message": stated["message"]}
        return ClientError(parsed, "Submit")

    return Contender(Side(prepare, run), lambda error: Said(error.response["ResponseMetadata"]["HTTPStatusCode"], str(error)))


def openai_error() -> Contender:
    """The status error of openai's client."""
    with warnings.catch_warnings(action="ignore"):  # its own import may warn
        import openai
    client = openai.OpenAI(api_key=API_KEY, base_url="https://api.heygen.com")
    roots = [kind.__module__.partition(".")[0] for kind in type(client._client).__mro__]
    library = sys.modules["httpx2" if "httpx2" in roots else "httpx"]

    return Contender(
        Side(lambda sample: _httpx_response(library, sample), client._make_status_error_from_response),
        lambda error: Said(error.status_code, f"{error} {error.body}"),
    )


def litellm_error(*, with_input: bool = False) -> Contender:
    """The mapping of an exception by litellm."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it fetches a file
    with warnings.catch_warnings(action="ignore"):  # its own import warns
        import httpx
        import litellm
        from litellm.litellm_core_utils.exception_mapping_utils import exception_type
        from litellm.llms.openai.common_utils import OpenAIError
    litellm.suppress_debug_info = True  # else every call prints

    asked = {"messages": [{"role": "user", "content": "Hello"}]}

    def original(response: Any) -> Exception:
        body = json.loads(response.content)
        return OpenAIError(
            status_code=response.status_code,
            message=response.text,
            request=response.request,
            response=response,
            headers=response.headers,
            body=body.get("error", body),  # as openai's client leaves it
        )

    def mapped(exc: Exception) -> Exception:
        try:
            exception_type(model="gpt-4o", original_exception=exc, custom_llm_provider="openai", completion_kwargs=asked, extra_kwargs={})
        except Exception as error:  # noqa: BLE001 - it raises its answer
            return error
        message = "litellm mapped the exception to nothing"
        raise AssertionError(message)

    if with_input:
        side = Side(lambda sample: _httpx_response(httpx, sample), lambda response: mapped(original(response)))
    else:
        side = Side(lambda sample: original(_httpx_response(httpx, sample)), mapped)
    return Contender(side, lambda error: Said(error.status_code, str(error)))


CONTENDERS: dict[str, tuple[str, Callable[[], Contender]]] = {
    "Observation": ("heify_heygen_errors", from_observation),
    "requests.Response": ("requests", from_requests),
    "httpx2.Response": ("httpx2", from_httpx2),
    "botocore json": ("botocore", lambda: botocore_error("json")),
    "botocore rest-json": ("botocore", lambda: botocore_error("rest-json")),
    "openai": ("openai", openai_error),
    "litellm": ("litellm", litellm_error),
    "litellm with input": ("litellm", lambda: litellm_error(with_input=True)),
}
"""Every side by name, with the library that it needs."""


def installed() -> dict[str, Contender]:
    """The sides whose libraries are there."""
    return {name: make() for name, (library, make) in CONTENDERS.items() if find_spec(library) is not None}


def measure(rounds: int, calls: int = 200) -> dict[str, dict[str, Times]]:
    """Times by shape and side."""
    sides = {name: contender.side for name, contender in installed().items()}
    return {shape: race(sides, endless(make), rounds, calls) for shape, make in SHAPES.items()}
