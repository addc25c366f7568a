"""What the clients make of every fault: how often they send a call, what is paid for, and what the caller gets.

    python -m pip install -e '.[test]'
    python tests/benchmarks/fault_table.py

writes docs/benchmarks/faults.md from the tables in here. tests/client/test_fault_table.py tries every line of them with
both clients, and holds the page equal to them.
"""

from __future__ import annotations

import asyncio
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import requests

if __package__ in (None, ""):  # run as a file: the folder above this one holds the package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from heify_heygen_errors import Answer, ApiError, AsyncClient, AttemptEnded, Client, Hooks, RetryBudget, VendorDeprecationWarning
from heify_heygen_errors.testing import AVATAR_ID, VOICE_ID, FakeServer, ManualClock
from heify_heygen_errors.testing.fault import named
from heify_heygen_errors.testing.vendors.liveavatar import AVATAR

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "faults.md"
MODES = ("sync", "async")
NOTHING = "-"
ANSWER = "answer"

_CONFIGURATION = "7f3c0d52-41b6-4a8e-9c25-1d0e6b7a9f34"


# Calls.


class Operation(NamedTuple):
    """A call that meets a fault."""

    provider: str
    method: str
    path: str
    json: Any = None


_SCENE = {
    "character": {"type": "avatar", "avatar_id": AVATAR_ID},
    "voice": {"type": "text", "voice_id": VOICE_ID, "input_text": "Hello"},
}
_VIDEO = {"type": "avatar", "avatar_id": AVATAR_ID, "voice_id": VOICE_ID, "script": "Hello"}
_FILE = {"configuration_id": _CONFIGURATION, "name": "Call", "url": "https://example.com/call.mp3"}
_SESSION = {"mode": "LITE", "avatar_id": AVATAR}

READ = Operation("heygen", "GET", "/v3/users/me")
OLD_VIDEO = Operation("heygen", "POST", "/v2/video/generate", {"video_inputs": [_SCENE], "dimension": {"width": 1280, "height": 720}})
SUBMIT = Operation("heify", "POST", "/submit", _FILE)
VIDEO = Operation("heygen", "POST", "/v3/videos", _VIDEO)
SESSION = Operation("liveavatar", "POST", "/v1/sessions/start")

OPERATIONS: Mapping[str, tuple[Operation, ...]] = {"GET": (READ,), "POST": (OLD_VIDEO, SUBMIT), "POST+key": (VIDEO,)}
"""The calls of the first two tables by kind. What is said of a POST holds for both."""

CALLS_OF: Mapping[str, Mapping[str, Operation]] = {
    "heygen": {"reads": READ, "POST": OLD_VIDEO, "POST+key": VIDEO},
    "liveavatar": {"reads": Operation("liveavatar", "GET", "/v1/sessions"), "POST": SESSION},
    "heify": {"reads": Operation("heify", "POST", "/list-transcriptions", {}), "POST": SUBMIT},
}
"""The calls of the third table by vendor and kind."""


# Faults.

AMOUNTS: Mapping[str, Mapping[str, Any]] = {
    "reset_while_sending": {"size": 10},  # less than any body here, so that it comes while the request is being read
    "slow_answer": {"seconds": 1.0},
    "no_answer": {"seconds": 1.0},
    "content_length_too_long": {"seconds": 1.0},
    "endless_body": {"size": 64 << 20},
    "gzip_bomb": {"size": 8 << 20},
}
"""Amounts of faults that are other than the kit's, so that a run is quick."""

MAX_ANSWER = 1 << 20
PATIENCE = 10.0
IMPATIENCE = 0.1

# Those that only a time-out between two bytes, or only a deadline, ends.
_ENDED_BY_TIMEOUT = ("slow_answer", "no_answer", "content_length_too_long")
_DEADLINES = dict.fromkeys(("trickling_body", "trickling_headers"), 0.25)
# What the server does not do at once: it closes the connection 0.05 seconds behind its answer.
_REAL_PAUSES = {"content_length_too_short": 0.1}


class Ending(NamedTuple):
    """How a call ended: attempts of the client, requests that the server saw, work that was paid for, answer or error class."""

    attempts: int
    requests: int
    paid: int
    result: str


class Outline(NamedTuple):
    """What came of a call.

    Attributes:
        category, rule, outcome: of the first failure; a dash where there was none.
        attempts: of the client.
        requests: that the server saw.
        paid: work that it started.
        result: ``answer``, or the class of the error.
    """

    category: str
    rule: str
    outcome: str
    attempts: int
    requests: int
    paid: int
    result: str


class Line(NamedTuple):
    """What is expected of a kind of call and a fault.

    Attributes:
        once: attempts, requests, paid work and result of a call that meets the fault once.
        always: the same of one that meets it each time.
    """

    fault: str
    call: str
    category: str
    rule: str
    outcome: str
    once: Ending
    always: Ending

    def expected(self, *, stays: bool) -> Outline:
        """What comes of the call."""
        ending = self.always if stays else self.once
        if ending.attempts == 1 and ending.result == ANSWER:
            return Outline(NOTHING, NOTHING, NOTHING, *ending)
        return Outline(self.category, self.rule, self.outcome, *ending)


class ErrorLine(NamedTuple):
    """What is expected of a vendor's typical error of a category.

    Attributes:
        endings: of a call that reads, of a POST and, with HeyGen, of a POST with a key, in this order: requests, paid
            work and result of a call that meets the error once; requests and paid work of one that meets it each time.
    """

    vendor: str
    category: str
    rule: str
    outcome: str
    endings: Mapping[str, tuple[int, int, str, int, int]]


# The first four numbers and words are of a call that meets the fault once, the others of one that meets it each time.
# Both clients are to do the same.
_FAULTS = """
fault                     call      category  rule                  outcome   attempts, requests, paid work, result
refused                   GET       network   ConnectionRefused     not_sent  2 1 0 answer        3 0 0 NetworkError
refused                   POST      network   ConnectionRefused     not_sent  2 1 1 answer        3 0 0 NetworkError
refused                   POST+key  network   ConnectionRefused     not_sent  2 1 1 answer        3 0 0 NetworkError
reset_while_sending       GET       network   ConnectionReset       unknown   2 2 0 answer        3 3 0 NetworkError
reset_while_sending       POST      network   ConnectionReset       unknown   1 1 0 NetworkError  1 1 0 NetworkError
reset_while_sending       POST+key  network   ConnectionReset       unknown   2 2 1 answer        3 3 0 NetworkError
reset_after_request       GET       network   ConnectionReset       unknown   2 2 0 answer        3 3 0 NetworkError
reset_after_request       POST      network   ConnectionReset       unknown   1 1 1 NetworkError  1 1 1 NetworkError
reset_after_request       POST+key  network   ConnectionReset       unknown   2 2 1 answer        3 3 1 NetworkError
closed_without_answer     GET       network   RemoteClosed          unknown   2 2 0 answer        3 3 0 NetworkError
closed_without_answer     POST      network   RemoteClosed          unknown   1 1 1 NetworkError  1 1 1 NetworkError
closed_without_answer     POST+key  network   RemoteClosed          unknown   2 2 1 answer        3 3 1 NetworkError
reset_after_headers       GET       network   IncompleteRead        unknown   2 2 0 answer        3 3 0 NetworkError
reset_after_headers       POST      network   IncompleteRead        unknown   1 1 1 NetworkError  1 1 1 NetworkError
reset_after_headers       POST+key  network   IncompleteRead        unknown   2 2 1 answer        3 3 1 NetworkError
reset_mid_body            GET       network   IncompleteRead        unknown   2 2 0 answer        3 3 0 NetworkError
reset_mid_body            POST      network   IncompleteRead        unknown   1 1 1 NetworkError  1 1 1 NetworkError
reset_mid_body            POST+key  network   IncompleteRead        unknown   2 2 1 answer        3 3 1 NetworkError
truncated_body            GET       network   IncompleteRead        unknown   2 2 0 answer        3 3 0 NetworkError
truncated_body            POST      network   IncompleteRead        unknown   1 1 1 NetworkError  1 1 1 NetworkError
truncated_body            POST+key  network   IncompleteRead        unknown   2 2 1 answer        3 3 1 NetworkError
truncated_chunks          GET       network   IncompleteRead        unknown   2 2 0 answer        3 3 0 NetworkError
truncated_chunks          POST      network   IncompleteRead        unknown   1 1 1 NetworkError  1 1 1 NetworkError
truncated_chunks          POST+key  network   IncompleteRead        unknown   2 2 1 answer        3 3 1 NetworkError
trickling_body            GET       timeout   DeadlineExceeded      unknown   1 1 0 TimedOutError  1 1 0 TimedOutError
trickling_body            POST      timeout   DeadlineExceeded      unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
trickling_body            POST+key  timeout   DeadlineExceeded      unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
endless_body              GET       network   AnswerTooLarge        unknown   1 1 0 NetworkError  1 1 0 NetworkError
endless_body              POST      network   AnswerTooLarge        unknown   1 1 1 NetworkError  1 1 1 NetworkError
endless_body              POST+key  network   AnswerTooLarge        unknown   1 1 1 NetworkError  1 1 1 NetworkError
trickling_headers         GET       timeout   DeadlineExceeded      unknown   1 1 0 TimedOutError  1 1 0 TimedOutError
trickling_headers         POST      timeout   DeadlineExceeded      unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
trickling_headers         POST+key  timeout   DeadlineExceeded      unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
content_length_too_long   GET       timeout   ReadTimeout           unknown   2 2 0 answer        3 3 0 TimedOutError
content_length_too_long   POST      timeout   ReadTimeout           unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
content_length_too_long   POST+key  timeout   ReadTimeout           unknown   2 2 1 answer        3 3 1 TimedOutError
content_length_too_short  GET       network   InvalidJson           unknown   2 2 0 answer        3 3 0 NetworkError
content_length_too_short  POST      network   InvalidJson           unknown   1 1 1 NetworkError  1 1 1 NetworkError
content_length_too_short  POST+key  network   InvalidJson           unknown   2 2 1 answer        3 3 1 NetworkError
broken_gzip               GET       network   DecodingError         unknown   2 2 0 answer        3 3 0 NetworkError
broken_gzip               POST      network   DecodingError         unknown   1 1 1 NetworkError  1 1 1 NetworkError
broken_gzip               POST+key  network   DecodingError         unknown   2 2 1 answer        3 3 1 NetworkError
gzip_bomb                 GET       network   AnswerTooLarge        unknown   1 1 0 NetworkError  1 1 0 NetworkError
gzip_bomb                 POST      network   AnswerTooLarge        unknown   1 1 1 NetworkError  1 1 1 NetworkError
gzip_bomb                 POST+key  network   AnswerTooLarge        unknown   1 1 1 NetworkError  1 1 1 NetworkError
lying_content_type        GET       -         -                     -         1 1 0 answer        1 1 0 answer
lying_content_type        POST      -         -                     -         1 1 1 answer        1 1 1 answer
lying_content_type        POST+key  -         -                     -         1 1 1 answer        1 1 1 answer
broken_json               GET       network   InvalidJson           unknown   2 2 0 answer        3 3 0 NetworkError
broken_json               POST      network   InvalidJson           unknown   1 1 1 NetworkError  1 1 1 NetworkError
broken_json               POST+key  network   InvalidJson           unknown   2 2 1 answer        3 3 1 NetworkError
empty_body                GET       network   InvalidJson           unknown   2 2 0 answer        3 3 0 NetworkError
empty_body                POST      network   InvalidJson           unknown   1 1 1 NetworkError  1 1 1 NetworkError
empty_body                POST+key  network   InvalidJson           unknown   2 2 1 answer        3 3 1 NetworkError
not_http                  GET       network   ProtocolError         unknown   2 2 0 answer        3 3 0 NetworkError
not_http                  POST      network   ProtocolError         unknown   1 1 1 NetworkError  1 1 1 NetworkError
not_http                  POST+key  network   ProtocolError         unknown   2 2 1 answer        3 3 1 NetworkError
huge_header               GET       network   ProtocolError         unknown   2 2 0 answer        3 3 0 NetworkError
huge_header               POST      network   ProtocolError         unknown   1 1 1 NetworkError  1 1 1 NetworkError
huge_header               POST+key  network   ProtocolError         unknown   2 2 1 answer        3 3 1 NetworkError
redirect_elsewhere        GET       network   RedirectRefused       unknown   1 1 0 NetworkError  1 1 0 NetworkError
redirect_elsewhere        POST      network   RedirectRefused       unknown   1 1 0 NetworkError  1 1 0 NetworkError
redirect_elsewhere        POST+key  network   RedirectRefused       unknown   1 1 0 NetworkError  1 1 0 NetworkError
redirect_loop             GET       network   TooManyRedirects      unknown   1 2 0 answer        1 6 0 NetworkError
redirect_loop             POST      network   TooManyRedirects      unknown   1 2 1 answer        1 6 0 NetworkError
redirect_loop             POST+key  network   TooManyRedirects      unknown   1 2 1 answer        1 6 0 NetworkError
slow_answer               GET       timeout   ReadTimeout           unknown   2 2 0 answer        3 3 0 TimedOutError
slow_answer               POST      timeout   ReadTimeout           unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
slow_answer               POST+key  timeout   ReadTimeout           unknown   3 3 1 answer        3 3 1 TimedOutError
no_answer                 GET       timeout   ReadTimeout           unknown   2 2 0 answer        3 3 0 TimedOutError
no_answer                 POST      timeout   ReadTimeout           unknown   1 1 1 TimedOutError  1 1 1 TimedOutError
no_answer                 POST+key  timeout   ReadTimeout           unknown   3 3 1 answer        3 3 1 TimedOutError
"""

_ADDRESSES = """
address                   call      category  rule                  outcome   attempts, requests, paid work, result
certificate_valid         GET       -         -                     -         1 1 0 answer
certificate_valid         POST      -         -                     -         1 1 1 answer
certificate_valid         POST+key  -         -                     -         1 1 1 answer
certificate_self_signed   GET       network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_self_signed   POST      network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_self_signed   POST+key  network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_wrong_host    GET       network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_wrong_host    POST      network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_wrong_host    POST+key  network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_expired       GET       network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_expired       POST      network   TlsCertificateError   not_sent  1 0 0 NetworkError
certificate_expired       POST+key  network   TlsCertificateError   not_sent  1 0 0 NetworkError
no_tls                    GET       network   TlsHandshakeError     not_sent  1 0 0 NetworkError
no_tls                    POST      network   TlsHandshakeError     not_sent  1 0 0 NetworkError
no_tls                    POST+key  network   TlsHandshakeError     not_sent  1 0 0 NetworkError
unreachable               GET       timeout   ConnectTimeout        not_sent  3 0 0 TimedOutError
unreachable               POST      timeout   ConnectTimeout        not_sent  3 0 0 TimedOutError
unreachable               POST+key  timeout   ConnectTimeout        not_sent  3 0 0 TimedOutError
silent                    GET       timeout   ReadTimeout           unknown   3 0 0 TimedOutError
silent                    POST      timeout   ReadTimeout           unknown   1 0 0 TimedOutError
silent                    POST+key  timeout   ReadTimeout           unknown   3 0 0 TimedOutError
silent_tls                GET       timeout   ConnectTimeout        not_sent  3 0 0 TimedOutError
silent_tls                POST      timeout   ConnectTimeout        not_sent  3 0 0 TimedOutError
silent_tls                POST+key  timeout   ConnectTimeout        not_sent  3 0 0 TimedOutError
"""

# "error" is the exception of the category. Numbers for a call that reads, a POST, and with HeyGen a POST with a key.
_ERRORS = """
vendor      category         rule                                        outcome   requests, paid work, result; both if it stays
heygen      authentication   heygen/UNAUTHORIZED                         refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      permission       heygen/FORBIDDEN                            refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      plan             heygen/PLAN_UPGRADE_REQUIRED                refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      payment          heygen/INSUFFICIENT_CREDIT                  refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      quota            heygen/QUOTA_EXCEEDED                       refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      rate_limit       heygen/RATE_LIMIT_EXCEEDED                  refused   2 0 answer  3 0  2 1 answer  3 0  2 1 answer  3 0
heygen      not_found        heygen/VIDEO_NOT_FOUND                      refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      invalid_request  heygen/INVALID_PARAMETER                    refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      invalid_media    heygen/VIDEO_FILE_CORRUPTED                 refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      content_policy   heygen/CONTENT_POLICY_VIOLATION             refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      conflict         heygen/CONFLICT                             refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      not_ready        heygen/RESOURCE_NOT_READY                   refused   2 0 answer 31 0  2 1 answer 31 0  2 1 answer 31 0
heygen      upstream         heygen/VOICE_PROVIDER_ERROR                 unknown   2 0 answer  3 0  1 1 error   1 1  2 1 answer  3 1
heygen      timeout          heygen/GATEWAY_TIMEOUT                      unknown   2 0 answer  3 0  1 1 error   1 1  2 1 answer  3 1
heygen      network          layers/PROXY_FIREWALL_BLOCK                 refused   1 0 error   1 0  1 0 error   1 0  1 0 error   1 0
heygen      server           heygen/INTERNAL_ERROR                       unknown   2 0 answer  3 0  1 1 error   1 1  2 1 answer  3 1
heygen      unknown          heygen/JOB_FAILED_WITHOUT_REASON            accepted  1 0 error   1 0  1 1 error   1 1  1 1 error   1 1
liveavatar  authentication   liveavatar/SESSION_NOT_AUTHENTICATED        refused   1 0 error   1 0  1 0 error   1 0
liveavatar  permission       layers/PROXY_FORBIDDEN                      refused   1 0 error   1 0  1 0 error   1 0
liveavatar  rate_limit       liveavatar/SESSION_CONCURRENCY_LIMIT_REACHED  refused   2 0 answer  3 0  2 1 answer  3 0
liveavatar  not_found        liveavatar/JOB_NOT_FOUND                    accepted  1 0 error   1 0  1 0 error   1 0
liveavatar  invalid_request  liveavatar/REQUEST_VALIDATION_FAILED        refused   1 0 error   1 0  1 0 error   1 0
liveavatar  invalid_media    layers/NGINX_REQUEST_ENTITY_TOO_LARGE       refused   1 0 error   1 0  1 0 error   1 0
liveavatar  timeout          layers/PROXY_GATEWAY_TIMEOUT                unknown   2 0 answer  3 0  1 1 error   1 1
liveavatar  network          layers/PROXY_FIREWALL_BLOCK                 refused   1 0 error   1 0  1 0 error   1 0
liveavatar  server           layers/PROXY_BAD_GATEWAY                    unknown   2 0 answer  3 0  1 1 error   1 1
liveavatar  unknown          liveavatar/JOB_FAILED_WITHOUT_REASON        accepted  1 0 error   1 0  1 1 error   1 1
heify       authentication   layers/APIGW_FORBIDDEN                      refused   1 0 error   1 0  1 0 error   1 0
heify       permission       layers/APIGW_ACCESS_DENIED                  refused   1 0 error   1 0  1 0 error   1 0
heify       payment          heify/INSUFFICIENT_MINUTES                  refused   1 0 error   1 0  1 0 error   1 0
heify       quota            heify/MONTHLY_ANALYTICS_LIMIT               refused   1 0 error   1 0  1 0 error   1 0
heify       rate_limit       layers/APIGW_TOO_MANY_REQUESTS              refused   2 0 answer  3 0  2 1 answer  3 0
heify       not_found        heify/CONFIGURATION_NOT_FOUND               refused   1 0 error   1 0  1 0 error   1 0
heify       invalid_request  heify/MISSING_FIELD                         refused   1 0 error   1 0  1 0 error   1 0
heify       invalid_media    heify/UNSUPPORTED_AUDIO_FORMAT              refused   1 0 error   1 0  1 0 error   1 0
heify       conflict         layers/S3_CONDITIONAL_REQUEST_CONFLICT      refused   2 0 answer  3 0  2 1 answer  3 0
heify       timeout          layers/APIGW_ENDPOINT_TIMED_OUT             unknown   2 0 answer  3 0  1 1 error   1 1
heify       network          layers/S3_INCOMPLETE_BODY                   refused   2 0 answer  3 0  2 1 answer  3 0
heify       server           heify/UNEXPECTED_ERROR                      unknown   2 0 answer  3 0  1 1 error   1 1
heify       unknown          heify/TRANSCRIPTION_FAILED                  accepted  1 0 error   1 0  1 1 error   1 1
"""


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()[1:]]


def _ending(words: Sequence[str]) -> Ending:
    attempts, requests_, paid, result = words
    return Ending(int(attempts), int(requests_), int(paid), result)


def _fault_line(row: Sequence[str]) -> Line:
    fault, call, category, rule, outcome, *numbers = row
    return Line(fault, call, category, rule, outcome, _ending(numbers[:4]), _ending(numbers[-4:]))


def _error_line(row: Sequence[str]) -> ErrorLine:
    vendor, category, rule, outcome, *rest = row
    cells = [rest[start : start + 5] for start in range(0, len(rest), 5)]
    endings = {
        call: (int(cell[0]), int(cell[1]), cell[2], int(cell[3]), int(cell[4])) for call, cell in zip(CALLS_OF[vendor], cells, strict=True)
    }
    return ErrorLine(vendor, category, rule, outcome, endings)


FAULT_LINES = [_fault_line(row) for row in _rows(_FAULTS)]
ADDRESS_LINES = [_fault_line(row) for row in _rows(_ADDRESSES)]
ERROR_LINES = [_error_line(row) for row in _rows(_ERRORS)]


# Trying it.

ADDRESSES: Mapping[str, Callable[[FakeServer, str], str]] = {
    "certificate_valid": lambda server, vendor: server.tls_url(vendor),
    "certificate_self_signed": lambda server, vendor: server.tls_url(vendor, "self_signed"),
    "certificate_wrong_host": lambda server, vendor: server.tls_url(vendor, "wrong_host"),
    "certificate_expired": lambda server, vendor: server.tls_url(vendor, "expired"),
    "no_tls": lambda server, vendor: server.site(vendor).url.replace("http:", "https:"),
    "unreachable": lambda server, vendor: server.unreachable_url(vendor),
    "silent": lambda server, vendor: server.silent_url(vendor),
    "silent_tls": lambda server, vendor: server.silent_url(vendor, tls=True),
}
"""Base URLs of a vendor whose other end is not as it should be, but for the first. They stay so."""


class Scene:
    """A fake server, and clients that meet its faults. Waits pass at once, on the server's clock."""

    def __init__(self) -> None:
        self._clock = ManualClock()
        self._stack = ExitStack()
        self.server = FakeServer(clock=self._clock, limits=False, known={"configuration_id": _CONFIGURATION})

    def __enter__(self) -> Self:
        self._stack.enter_context(self.server)
        self._runner = self._stack.enter_context(asyncio.Runner())
        for operation in (operation for calls in CALLS_OF.values() for operation in calls.values()):
            self._send(operation)  # the first request to an endpoint compiles its schema, which takes time
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fault(self, name: str, operation: Operation, mode: str, *, stays: bool) -> Outline:
        """What comes of a call that meets a fault once, or each time."""
        fault = named(name)(**AMOUNTS.get(name, {}))
        if name == "refused" and stays:
            fault = fault(seconds=1e6)
        read = PATIENCE
        if name in _ENDED_BY_TIMEOUT:  # the answer to a repeat has to come in time on a busy machine, too
            read = IMPATIENCE if stays else 3 * IMPATIENCE
        return self.step(
            fault,
            operation,
            mode,
            stays=stays,
            timeout=(PATIENCE, read),
            deadline=_DEADLINES.get(name, 6 * PATIENCE),
            pause=_REAL_PAUSES.get(name, 0.0),
        )

    def step(self, step: Any, operation: Operation, mode: str, *, stays: bool, **settings: Any) -> Outline:
        """What comes of a call that meets a step of a script once, or each time."""
        self.server.reset()
        options = self._options(operation)
        if stays and getattr(step, "name", None) != "refused":
            self.server.on(None, None, step)
        else:
            self.server.script([step])
        return self._call(operation, mode, options, settings)

    def address(self, name: str, operation: Operation, mode: str) -> Outline:
        """What comes of a call to one of `ADDRESSES`."""
        self.server.reset()
        url = ADDRESSES[name](self.server, operation.provider)
        seconds = PATIENCE if name.startswith("certificate") else IMPATIENCE
        return self._call(operation, mode, {"json": operation.json}, {"timeout": (seconds, seconds), f"{operation.provider}_base_url": url})

    def _options(self, operation: Operation) -> dict[str, Any]:
        if operation is not SESSION:
            return {} if operation.json is None else {"json": operation.json}
        made = self._send(Operation("liveavatar", "POST", "/v1/sessions/token", _SESSION)).json()["data"]
        return {"headers": {"Authorization": f"Bearer {made['session_token']}"}}

    def _send(self, operation: Operation) -> requests.Response:
        site = self.server.site(operation.provider)
        return requests.request(
            operation.method, site.url + operation.path, json=operation.json, headers={"X-Api-Key": site.api_key}, timeout=PATIENCE
        )

    def _call(self, operation: Operation, mode: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> Outline:
        before = self.server.request_count
        ended: list[AttemptEnded] = []
        given: dict[str, Any] = {"pause": 0.0}
        for site in (self.server.site(name) for name in CALLS_OF):
            given |= {f"{site.name}_api_key": site.api_key, f"{site.name}_base_url": site.url}
        given |= {
            "hooks": Hooks(on_attempt=ended.append),
            "budget": RetryBudget(),
            "draw": lambda: 0.5,
            "verify": self.server.ca_file,
            "max_answer": MAX_ANSWER,
            **settings,
        }
        pause = given.pop("pause")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VendorDeprecationWarning)
            if mode == "sync":
                result = self._sync(operation, options, given, pause)
            else:
                result = self._runner.run(self._async(operation, options, given, pause))
        self.server.assert_paid_once()
        first = next((event.info for event in ended if event.info is not None), None)
        return Outline(
            first.category.value if first is not None else NOTHING,
            first.rule.removeprefix("transport/") if first is not None else NOTHING,
            first.retry.outcome.value if first is not None else NOTHING,
            len(ended),
            self.server.request_count - before,
            len(self.server.paid_work),
            ANSWER if isinstance(result, Answer) else type(result).__name__,
        )

    def _sync(self, operation: Operation, options: Mapping[str, Any], given: Mapping[str, Any], pause: float) -> Answer | ApiError:
        def sleep(seconds: float) -> None:
            self._clock.sleep(seconds)
            time.sleep(pause)

        with Client(**given, sleep=sleep) as client:
            try:
                return getattr(client, operation.provider).request(operation.method, operation.path, **options)
            except ApiError as failed:
                return failed

    async def _async(self, operation: Operation, options: Mapping[str, Any], given: Mapping[str, Any], pause: float) -> Answer | ApiError:
        async def sleep(seconds: float) -> None:
            await self._clock.asleep(seconds)
            await asyncio.sleep(pause)

        async with AsyncClient(**given, sleep=sleep) as client:
            try:
                return await getattr(client, operation.provider).request(operation.method, operation.path, **options)
            except ApiError as failed:
                return failed


# The page.


def page() -> str:
    """The text of docs/benchmarks/faults.md."""
    faults = [[f"`{line.fault}`", line.call, *_failure(line), *_shown(line.once), *_shown(line.always)] for line in FAULT_LINES]
    addresses = [[f"`{line.fault}`", line.call, *_failure(line), *map(str, line.once)] for line in ADDRESS_LINES]
    errors = [
        [
            line.vendor,
            line.category,
            f"`{line.rule}`",
            line.outcome,
            call,
            f"{first[0]}",
            f"{first[1]}",
            first[2],
            f"{first[3]}",
            f"{first[4]}",
        ]
        for line in ERROR_LINES
        for call, first in line.endings.items()
    ]
    failure = ["category", "rule", "outcome"]
    ending = ["requests", "paid work", "result"]
    again = ["requests if it stays", "paid work", "result"]
    return _PAGE.format(
        faults=_table(["fault", "call", *failure, *ending, *again], faults),
        addresses=_table(["address", "call", *failure, "attempts", *ending], addresses),
        errors=_table(["vendor", "category", "rule", "outcome", "call", *ending, *again[:2]], errors),
    )


def _failure(line: Line) -> list[str]:
    return [line.category, line.rule if line.rule == NOTHING else f"`{line.rule}`", line.outcome]


def _shown(ending: Ending) -> list[str]:
    return [str(ending.requests), str(ending.paid), ending.result]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


_PAGE = """\
<!-- Written by tests/benchmarks/fault_table.py. Do not edit. -->

# What the clients make of every fault

    python -m pip install -e '.[test]'
    python -m pytest tests/client/test_fault_table.py
    python tests/benchmarks/fault_table.py

The test tries every line with `Client` and `AsyncClient` against the fake server, over real sockets, and compares what the
server has on record; the last command writes this page from the same tables. In all of it **no work is paid for twice**: that
is checked behind each call.

The policy is the default one: three attempts. Waits pass at once, on the clock of the server. Category, rule and outcome are those
of the first failure. A POST is `POST /v2/video/generate` of HeyGen and `POST /submit` of Heify, which honour no idempotency key:
what is said holds for both. "POST+key" is `POST /v3/videos` of HeyGen, with the key that the client gives it. Every line holds
for both clients.

## Faults

The call meets [the fault](../testing.md#faults) once, then all is well; or, "if it stays", each time. The outcome is what the
caller cannot know: `redirect_elsewhere` and `reset_while_sending` never reach the vendor, and the client does not rely on it.

{faults}

- `refused`: the server does not see refused connections; the client made two attempts, or three.
- `slow_answer`, `no_answer`: the repeat with the same key comes while the first is being worked on and is answered 409
  `request_in_progress`; the third attempt gets the answer of the first.
- `trickling_body`, `trickling_headers`: the deadline ends them, so that no time is left for a repeat.
- `endless_body`, `gzip_bomb`: a limit ends them. The next answer would be as large, so nothing is repeated.
- `redirect_elsewhere`: the other host gets nothing, above all no key.
- `redirect_loop`: the client follows five redirects that stay with the vendor. All are one attempt.

## Addresses

Certificates that are not to be trusted, and hosts where nobody is. They stay as they are. What is sent to silent and unreachable
addresses is not on record; their attempts are the client's.

{addresses}

## Errors of the vendors

The typical error of every category that a vendor has, as [the testing kit](../reference/testing.md#errors-by-category) sends it.
The call "reads" is `GET /v3/users/me`, `GET /v1/sessions` and `POST /list-transcriptions`; LiveAvatar's POST is
`/v1/sessions/start`. Where the outcome is unknown the fake vendor has done the work before it fails, which is the worst case.
"error" is the exception of the category; it is also the result of an error that stays.

{errors}
"""


def main() -> None:
    """The command."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(FAULT_LINES)} lines of faults, {len(ADDRESS_LINES)} of addresses, {len(ERROR_LINES)} errors")


if __name__ == "__main__":
    main()
