"""Writes vendor-errors.jsonl beside this file: a day of mixed vendor answers as a company's services logged them.

Everything in it is made up; keys, tokens and passwords carry the word FAKE. The random numbers are seeded
and only `Random.random` is used, so every run and every Python writes the same bytes:

    python docs/examples/make_log.py
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from random import Random

LOG = Path(__file__).with_name("vendor-errors.jsonl")
SEED = 20260914
START = datetime(2026, 9, 14, 6, 0, tzinfo=timezone.utc)
DAY = 16 * 3600.0

V3 = "https://developers.heygen.com/docs/error-codes#"
LAMBDA_CRASH = "Traceback (most recent call last)"


HEYGEN = "https://api.heygen.com"
UPLOAD = "https://upload.heygen.com"
HEIFY = "https://api.heify.com"
LIVE = "https://api.liveavatar.com"
NO_CALL = ""


@dataclass
class Case:
    """Something that was logged `count` times.

    `%names%` in its texts are replaced by ids, a new choice for each line. A `burst` stays within minutes,
    everything else is spread over the day. `at` fixes the seconds at which the first ones stand.
    """

    provider: str | None
    base: str
    count: int
    service: str
    call: str
    status: object = None
    body: object = None
    headers: object = None
    exception: str | None = None
    burst: bool = False
    at: tuple[float, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def method(self) -> str | None:
        return self.call.partition(" ")[0] or None

    @property
    def url(self) -> str | None:
        target = self.call.partition(" ")[2]
        return self.base + target if target.startswith("/") else target or None


heygen = partial(Case, "heygen", HEYGEN)
heify = partial(Case, "heify", HEIFY)
live = partial(Case, "liveavatar", LIVE)
# Records that name no provider: the host of the URL does.
by_host = partial(Case, None, "")

S3 = (
    "https://storage.heify.com/uploads/%transcription%.mp3?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAFAKE00EXAMPLE000%2F20260914%2Feu-west-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20260914T060000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=FAKE%hex%"
)

JSON = {"content-type": "application/json"}
SUNSET = {"content-type": "application/json", "deprecation": "true", "sunset": "Sat, 31 Oct 2026 00:00:00 GMT"}
TRACED = {"Content-Type": "application/json", "X-Request-Id": "%request%", "Server": "gunicorn"}


def gateway(error_type: str) -> dict[str, str]:
    """The headers of an answer that Amazon API Gateway made itself."""
    return {
        "Content-Type": "application/json",
        "x-amzn-RequestId": "%request%",
        "x-amzn-ErrorType": error_type,
        "x-amz-apigw-id": "%short%=",
    }


def storage(code: str, message: str, more: str = "") -> str:
    """An error of S3."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{more}<RequestId>%short%</RequestId>"
        "<HostId>%hex%=</HostId></Error>"
    )


def v3(code: str, message: str, **more: object) -> dict[str, object]:
    """HeyGen's third envelope."""
    return {"error": {"code": code, "message": message, "doc_url": V3 + code.replace("_", "-"), **more}}


S3_HEADERS = {"Content-Type": "application/xml", "x-amz-request-id": "%short%", "Server": "AmazonS3"}

HEYGEN_ANSWERS = [
    # v1: flat bodies with numbers.
    heygen(
        12, "render-worker", "POST /v2/video/generate", 401, '{"code":400112,"message":"Unauthorized"}', SUNSET, burst=True, at=(0.0,),
    ),
    heygen(3, "status-poller", "GET /v1/video_status.get?video_id=%video%", 401, {"code": 401, "message": "Unauthorized"}, JSON),
    heygen(
        6, "render-worker", "POST /v2/video/generate", 429, '{"code":400140,"message":"Exceed rate limit"}',
        {**SUNSET, "Retry-After": "%wait%"}, burst=True,
    ),
    heygen(
        2, "render-worker", "POST /v2/video/generate", 429,
        '{"code":400140,"message":"Exceed rate limit","detail":"Daily rate limit exceeded"}', SUNSET,
    ),
    heygen(
        2, "render-worker", "POST /v2/video/generate", 400, '{"code":400664,"message":"You have reached your daily trial video limit"}',
        SUNSET,
    ),
    heygen(
        4, "asset-sync", f"POST {UPLOAD}/v1/asset", 400, '{"code":400543,"message":"Content type not match audio/wav != audio/x-wav"}\n',
        JSON,
    ),
    heygen(2, "asset-sync", f"POST {UPLOAD}/v1/asset", 200, {"code": 400123, "data": None, "msg": "unsupported file type"}),
    heygen(2, "asset-sync", f"POST {UPLOAD}/v1/talking_photo", 400, '{"code":40004,"message":"No face detected"}'),
    heygen(
        2, "render-worker", "POST /v2/template/%template%/generate", 404, '{"code":400569,"message":"heygen_video not found"}', SUNSET,
    ),
    heygen(2, "live-sessions", "POST /v1/streaming.new", 400, '{"code":10007,"message":"Concurrent limit reached"}'),
    heygen(1, "live-sessions", "POST /v1/streaming.task", 400, '{"code":10005,"message":"Session state wrong: closed"}'),
    heygen(
        1, "render-worker", "POST /v1/video.generate", 400,
        {
            "code": 40010, "message": "Video format not supported",
            "detail": "Please subscribe to higher plan to generate higher resolution videos",
        },
    ),
    heygen(
        3, "render-worker", "POST /v1/video.generate", 500,
        '{"code":40099,"message":"Something is wrong, please contact contact@heygen.com"}',
    ),
    # v2: data and error side by side.
    heygen(
        5, "render-worker", "POST /v2/video/generate", 400,
        '{"data":null,"error":{"code":"avatar_not_found","message":"Avatar %avatar% not found or no longer available."}}', SUNSET,
    ),
    heygen(
        3, "render-worker", "POST /v2/video/generate", 400,
        {
            "data": None,
            "error": {"code": "invalid_parameter", "message": "video_inputs.0.voice.text.voice_id is invalid: Field required"},
        },
        SUNSET,
    ),
    heygen(2, "avatar-admin", "GET /v2/avatars", 401, '{"data":null,"error":{"code":"internal_error","message":"Unauthorized"}}', SUNSET),
    heygen(
        2, "render-worker", "POST /v2/videos", 400,
        {"error": "Insufficient credit. This operation requires 'api' credits.", "error_code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT"},
    ),
    heygen(1, "avatar-admin", "GET /v2/avatars", 401, '{"error": "Invalid API key: FAKE-hg-key-0001", "data": null}'),
    # v3: one error object.
    heygen(
        12, "render-worker", "POST /v3/videos", 429,
        v3("rate_limit_exceeded", "Too many requests. Retry after the duration specified in the Retry-After header."),
        {**TRACED, "Retry-After": "%wait%"}, burst=True,
    ),
    heygen(
        4, "render-worker", "POST /v3/videos", 402,
        json.dumps(v3("insufficient_credit", "Your account has %have% credits but this video requires %need% credits.")), TRACED,
        at=(31.0,),
    ),
    heygen(
        20, "status-poller", "GET /v3/videos/%gone%", 404,
        '{"error":{"code":"video_not_found","doc_url":"' + V3 + 'video-not-found","message":"Video %gone% not found"}}', TRACED,
        burst=True,
    ),
    heygen(3, "asset-sync", "GET /v3/assets/%asset%", 404, v3("asset_not_found", "Asset %asset% not found"), TRACED),
    heygen(
        3, "render-worker", "POST /v3/videos", 400,
        v3("invalid_parameter", "Exactly one visual source required: avatar_id, image_url, or image_asset_id.", param="avatar_id"),
        TRACED,
    ),
    heygen(
        2, "avatar-admin", "GET /v3/avatars?limit=500", 400,
        {"error": {"code": "invalid_parameter", "message": "'limit' must be between 1 and 100.", "param": "limit", "doc_url": None}},
    ),
    heygen(
        2, "asset-sync", "POST /v3/assets/%asset%/complete", 409,
        v3("conflict", "Uploaded object not found yet. Retry after upload PUT returns 200."), TRACED,
    ),
    heygen(
        2, "render-worker", "POST /v3/videos", 409,
        v3("request_in_progress", "A request with this Idempotency-Key is still in progress."), TRACED,
    ),
    heygen(2, "avatar-admin", "POST /v3/avatars", 403, v3("forbidden", "not allowed"), TRACED),
    heygen(2, "avatar-admin", "GET /v3/users/me", 401, '{"error":{"code":"unauthorized","message":"token revoked"}}', TRACED),
    heygen(2, "render-worker", "POST /v3/videos", 400, v3("avatar_consent_required", "Consent is not approved."), TRACED),
    heygen(1, "render-worker", "POST /v3/videos", 400, v3("content_policy_violation", "The script was refused."), TRACED),
    heygen(
        3, "render-worker", "POST /v3/videos", 400,
        v3("download_failed", "Failed to download https://cdn.example.com/clips/%short%.mp4?token=FAKE-cdn-token-%short%"), TRACED,
    ),
    heygen(2, "render-worker", "POST /v3/videos", 400, v3("gesture_pack_required", "This gesture needs a gesture pack."), TRACED),
    heygen(1, "render-worker", "POST /v3/videos", 409, '{"error":{"code":"conflict"}}', TRACED),
    heygen(4, "render-worker", "POST /v3/videos", 500, v3("internal_error", "Internal error"), TRACED),
    heygen(2, "render-worker", "POST /v3/videos", 502, v3("voice_provider_error", "The voice provider failed"), TRACED),
    heygen(
        3, "render-worker", "POST /v3/videos", 503, v3("service_unavailable", "Service busy"),
        {**TRACED, "Date": "Mon, 14 Sep 2026 12:00:00 GMT", "Retry-After": "Mon, 14 Sep 2026 12:02:00 GMT"}, burst=True,
    ),
    # Frameworks, OAuth, pages, nothing at all.
    heygen(
        1, "live-sessions", "POST /v1/streaming.create_token", 415,
        "{\"detail\":\"Unsupported media type '' in request. 'application/json' is required.\"}",
    ),
    heygen(1, "avatar-admin", "POST /v1/oauth/token", 400, '{"error":"invalid_grant"}'),
    heygen(
        4, "status-poller", "GET /v3/videos/%video%", 502,
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad"
        " Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
        {"content-type": "text/html"}, burst=True,
    ),
    heygen(2, "status-poller", "GET /v3/videos/%video%", "504", "", {"content-length": "0"}),
    heygen(1, "status-poller", "GET /v4/videos/%video%", 404, "Not Found", {"content-type": "text/plain"}),
    heygen(
        2, "downloader", "GET https://files.heygen.ai/%video%.mp4?Expires=1789365600&Signature=FAKE%hex%&Key-Pair-Id=FAKEPAIR", 403, "",
        {"content-type": "text/html", "x-cache": "Error from cloudfront"},
    ),
]

HEYGEN_JOBS = [
    heygen(
        4, "status-poller", "GET /v1/video_status.get?video_id=%video%", 200,
        {
            "code": 100, "message": "Success",
            "data": {
                "id": "%video%", "status": "failed", "video_url": None,
                "error": {"code": "400013", "detail": "model_id is empty", "message": "Text to speech failed"},
            },
        },
        SUNSET,
    ),
    heygen(
        7, "status-poller", "GET /v3/videos/%video%", 200,
        {
            "data": {
                "id": "%video%", "status": "failed", "failure_code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT",
                "failure_message": "Insufficient credit. This operation requires 'plan_credit' or 'api' credits.",
            },
        },
        TRACED, at=(12.0,),
    ),
    heygen(
        3, "status-poller", "GET /v3/videos/%video%", 200,
        '{"data": {"id": "%video%", "status": "failed", "failure_message": "No face was found."}}', TRACED,
    ),
    heygen(3, "status-poller", "GET /v3/videos/%video%", 200, {"data": {"id": "%video%", "status": "failed", "title": ""}}, TRACED),
    heygen(
        2, "status-poller", "GET /v3/videos/%video%", 200,
        {
            "data": {
                "id": "%video%", "status": "failed", "failure_code": "rendering_failed", "failure_message": "Avatar rendering timed out",
            },
        },
        TRACED,
    ),
    heygen(
        2, "avatar-admin", "GET /v3/avatars/%avatar%", 200,
        {
            "data": {
                "id": "%avatar%", "status": "failed", "error": {"code": "training_failed", "message": "Footage is too short or too long"},
            },
        },
    ),
    heygen(
        1, "workflow-runner", "GET /v1/workflows/executions/%short%", 200,
        {
            "code": 100,
            "data": {
                "execution_id": "%short%", "status": "failed",
                "error": {"code": "workflow_timeout", "message": "Workflow execution timed out after 300s"},
            },
        },
    ),
    heygen(
        1, "workflow-runner", "GET /v1/workflows/executions/%short%", 200,
        {"code": 100, "data": {"execution_id": "%short%", "status": "not_found"}},
    ),
    heygen(
        2, "batch-runner", "GET /v3/videos/batches/%short%", 200,
        {
            "data": {
                "batch_id": "%short%", "status": "completed",
                "items": [
                    {"item_index": 0, "status": "completed", "video_id": "%video%"},
                    {
                        "item_index": 1, "status": "failed", "video_id": "%video2%",
                        "error": {"code": "voice_not_found", "message": "Voice not found: vc_gone"},
                    },
                    {
                        "item_index": 2, "status": "failed", "video_id": "%video3%",
                        "error": {"code": "rendering_failed", "message": "Avatar rendering timed out"},
                    },
                ],
            },
        },
        TRACED,
    ),
    heygen(
        2, "webhook-receiver", NO_CALL,
        body={
            "event_type": "avatar_video.fail",
            "event_data": {"video_id": "%video%", "callback_id": "order-%wait%", "error": "Script too long for selected avatar"},
        },
    ),
    heygen(
        3, "webhook-receiver", NO_CALL,
        body='{"event_type": "avatar_video.fail", "event_data": {"video_id": "%video%", "msg": "Rendering timeout", "callback_id":'
        ' "order-%wait%"}}',
    ),
    heygen(
        1, "webhook-receiver", NO_CALL,
        body={
            "event_type": "video_translate.fail",
            "event_data": {"video_translate_id": "%short%", "failure_code": "QUOTA_LIMIT", "failure_message": "Quota limit"},
            "secret": "whsec_FAKEFAKEFAKE0000",
        },
    ),
]

LIVEAVATAR = [
    live(
        4, "live-sessions", "POST /v1/sessions/start", 403, '{"code":4003,"data":null,"message":"Session concurrency limit reached"}',
        JSON, burst=True,
    ),
    live(2, "live-sessions", "POST /v1/sessions/start", 403, '{"code":4003,"data":null,"message":"Not authenticated"}', JSON),
    live(
        2, "live-sessions", "POST /v1/sessions/token", 422,
        {"detail": [{"type": "enum", "loc": ["body", "mode"], "msg": "Input should be 'FULL', 'LITE' or 'CUSTOM'"}]}, JSON,
    ),
    live(
        2, "live-sessions", "POST /v1/sessions/token", 400, '{"code": 4000, "data": null, "message": "Request validation errors"}', JSON,
    ),
    live(1, "live-sessions", "GET /v1/sessions", 429, "", {"Retry-After": "1", "X-RateLimit-Reset": "1"}),
]

HEIFY_ANSWERS = [
    # The envelope of 2026.
    heify(
        3, "call-transcriber", "POST /submit", 400, '{"error":{"message":"Missing required field: configuration_id","code":400}}',
        at=(58.0,),
    ),
    heify(2, "call-transcriber", "POST /update-transcription-group", 400, {"error": {"message": "Invalid group value", "code": 400}}),
    heify(
        2, "call-transcriber", "POST /create-configuration", 400,
        {"error": {"message": "Maximum of 20 configurations per client exceeded", "code": 400}},
    ),
    heify(
        8, "call-transcriber", "POST /submit", 402, '{"error":{"message":"Insufficient transcription minutes","code":402}}', burst=True,
    ),
    heify(3, "call-transcriber", "POST /get-transcription", 404, {"error": {"message": "Transcription not found", "code": 404}}),
    heify(
        3, "analytics-cron", "POST /analytics", 429,
        '{"error":{"message":"Monthly analytics call limit reached. Please try again next month or upgrade your plan.","code":429}}',
    ),
    heify(2, "call-transcriber", "POST /submit", 500, {"error": {"message": "An unexpected error occurred", "code": 500}}),
    # The envelope of 2025.
    heify(3, "call-transcriber", "POST /submit", 400, '{"message": "Invalid JSON format"}'),
    heify(
        2, "call-transcriber", "POST /get-configuration", 400, '{"message":"Configuration not found or does not belong to your account"}',
    ),
    heify(1, "call-transcriber", "GET /transcriptions", 404, '{"message": "Endpoint not found"}'),
    # API Gateway and Lambda in front of it.
    heify(9, "call-transcriber", "POST /submit", 403, '{"message":"Forbidden"}', gateway("ForbiddenException"), burst=True),
    heify(
        2, "call-transcriber", "GET /submit", 403, '{"message":"Missing Authentication Token"}',
        gateway("MissingAuthenticationTokenException"),
    ),
    heify(
        7, "analytics-cron", "POST /analytics", 429, '{"message":"Too Many Requests"}', gateway("TooManyRequestsException"), burst=True,
    ),
    heify(1, "analytics-cron", "POST /analytics-evaluator", 429, '{"message":"Limit Exceeded"}', gateway("LimitExceededException")),
    heify(
        3, "call-transcriber", "POST /list-transcriptions", 504, '{"message": "Endpoint request timed out"}',
        gateway("InternalServerErrorException"),
    ),
    heify(
        3, "call-transcriber", "POST /get-transcription", 502, '{"message": "Internal server error"}',
        gateway("InternalServerErrorException"),
    ),
    heify(
        2, "call-transcriber", "POST /submit", 403,
        "{\"message\":\"'FAKE-heify-key-0002' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer"
        " FAKE-heify-key-0002'.\"}",
        gateway("IncompleteSignatureException"),
    ),
    heify(1, "call-transcriber", "POST /submit", 413, "HTTP content length exceeded 10485760 bytes.", {"content-type": "text/plain"}),
    heify(
        1, "analytics-cron", "POST /analytics-participant", 200,
        {"errorMessage": LAMBDA_CRASH, "errorType": "KeyError", "stackTrace": ['  File "/var/task/app.py", line 71, in handler\n']},
    ),
    heify(
        2, "call-transcriber", "POST /submit", 403,
        "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>Request"
        " blocked.</BODY></HTML>",
        {"content-type": "text/html", "x-amz-cf-id": "%hex%=="},
    ),
    # The pre-signed upload.
    heify(
        3, "uploader", f"PUT {S3}", 403,
        storage("AccessDenied", "Request has expired", "<X-Amz-Expires>300</X-Amz-Expires><Expires>2026-09-14T06:05:00Z</Expires>"),
        S3_HEADERS,
    ),
    heify(
        2, "uploader", f"PUT {S3}", 403,
        storage(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
            "<AWSAccessKeyId>AKIAFAKE00EXAMPLE000</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256"
            " FAKE</StringToSign><SignatureProvided>FAKE%hex%</SignatureProvided>",
        ),
        S3_HEADERS,
    ),
    heify(2, "uploader", f"PUT {S3}", 503, storage("SlowDown", "Please reduce your request rate."), S3_HEADERS, burst=True),
    heify(
        1, "uploader", f"PUT {S3}", 400,
        storage(
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the timeout period. Idle connections"
            " will be closed.",
        ),
        S3_HEADERS,
    ),
]

HEIFY_JOBS = [
    heify(
        4, "call-transcriber", "POST /get-transcription", 200,
        {
            "data": {
                "transcription_id": "%transcription%", "status": "FAILED",
                "details": {"message": "Audio file format not supported.", "code": 400, "failed_at": "2026-09-14T07:01:00+00:00"},
            },
        },
    ),
    heify(
        1, "call-transcriber", "POST /details", 200,
        '{"transcription_id": "%transcription%", "status": "FAILED", "details": {"message": "Audio file not found.", "code": 404}}',
    ),
    heify(
        1, "call-transcriber", "POST /get-transcription", 200,
        {"data": {"transcription_id": "%transcription%", "status": "FAILED", "error_message": "Failed to download audio file"}},
    ),
    heify(1, "call-transcriber", "POST /get-transcription", 200, {"data": {"transcription_id": "%transcription%", "status": "FAILED"}}),
    heify(
        2, "call-transcriber", "POST /list-transcriptions", 200,
        {
            "data": {
                "total_transcriptions": 3,
                "transcriptions": [
                    {"transcription_id": "%transcription%", "status": "COMPLETED", "duration": 360},
                    {
                        "transcription_id": "%transcription2%", "status": "FAILED",
                        "details": {"message": "Audio file not found.", "code": 404},
                    },
                    {
                        "transcription_id": "%transcription3%", "status": "FAILED",
                        "details": {"message": "Audio file format not supported.", "code": 400},
                    },
                ],
            },
        },
    ),
    heify(
        3, "webhook-receiver", NO_CALL,
        body={"transcription_id": "%transcription%", "status": "FAILED", "error": {"message": "Unsupported audio format", "code": 400}},
    ),
]

EXCEPTIONS = [
    heygen(
        7, "render-worker", "POST /v3/videos",
        exception="requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='api.heygen.com', port=443):"
        " Read timed out. (read timeout=30)",
        burst=True,
    ),
    heygen(
        3, "status-poller", "GET /v3/videos/%video%",
        exception="requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without"
        " response'))",
    ),
    heify(2, "call-transcriber", "POST /submit", exception="httpx.ConnectTimeout: timed out"),
    heify(
        2, "call-transcriber", "POST /submit",
        exception="requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.heify.com', port=443): Max retries exceeded with"
        " url: /submit (Caused by NameResolutionError(\"Failed to resolve 'api.heify.com' ([Errno -2] Name or service not known)\"))",
    ),
    heify(
        1, "call-transcriber", "POST /submit",
        exception="requests.exceptions.SSLError: certificate verify failed: unable to get local issuer certificate",
    ),
    heygen(
        1, "asset-sync", f"POST {UPLOAD}/v1/asset",
        exception="requests.exceptions.ProxyError: Unable to connect to proxy http://svc:FAKE-proxy-password@proxy.example.com:3128",
    ),
    live(
        1, "live-sessions", "POST /v1/sessions/start", exception="aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected",
    ),
    heygen(
        1, "downloader", "GET /v3/videos/%video%",
        exception="urllib3.exceptions.IncompleteRead: IncompleteRead(8192 bytes read, 5308416 more expected)",
    ),
    heify(
        1, "uploader", "PUT https://storage.heify.com/uploads/%transcription%.mp3",
        exception="ConnectionResetError: [Errno 104] Connection reset by peer",
    ),
    heygen(1, "render-worker", "POST /v3/videos", exception="acme_http.AcmeClientError: retry budget used up"),
]

NO_ERRORS = [
    heygen(30, "status-poller", "GET /v3/videos/%video%", 200, {"data": {"id": "%video%", "status": "processing"}}, TRACED),
    heygen(
        6, "status-poller", "GET /v1/video_status.get?video_id=%video%", 200,
        '{"code":100,"data":{"id":"%video%","status":"processing","error":null},"message":"Success"}', SUNSET,
    ),
    heygen(14, "render-worker", "POST /v3/videos", 200, {"data": {"video_id": "%video%", "status": "waiting"}}, TRACED),
    heygen(
        4, "render-worker", "POST /v2/video/generate", 200,
        {
            "error": None, "data": {"video_id": "%video%"},
            "warning": {"message": "This v2 endpoint is Legacy and will be removed on 2026-10-31.", "v3_endpoint": "POST /v3/videos"},
        },
        SUNSET,
    ),
    heygen(
        6, "status-poller", "GET /v3/videos/%video%", 200,
        {"data": {"id": "%video%", "status": "completed", "video_url": "https://files.heygen.ai/%video%.mp4?token=FAKE-result-token"}},
        TRACED,
    ),
    heygen(
        2, "status-poller", "GET /v1/video_status.get?video_id=%video%", 200,
        {
            "code": 100, "message": "Success",
            "data": {
                "id": "%video%", "status": "completed", "video_url": "https://files.heygen.ai/%video%.mp4",
                "error": {
                    "code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "message": "Insufficient credit. This operation requires 'api' credits.",
                },
            },
        },
    ),
    heygen(
        3, "webhook-receiver", NO_CALL,
        body={"event_type": "avatar_video.success", "event_data": {"video_id": "%video%", "url": "https://files.heygen.ai/%video%.mp4"}},
    ),
    live(
        4, "live-sessions", "POST /v1/sessions/start", 200,
        {"code": 1000, "data": {"session_id": "%request%"}, "message": "Session started"},
    ),
    heify(
        12, "call-transcriber", "POST /submit", 201,
        {"data": {"message": "Transcription created successfully", "transcription_id": "%transcription%"}},
    ),
    heify(
        12, "call-transcriber", "POST /get-transcription", 200,
        {
            "data": {
                "transcription_id": "%transcription%", "status": "IN_PROGRESS",
                "details": {"message": None, "code": None, "failed_at": None},
            },
        },
    ),
    heify(3, "webhook-receiver", NO_CALL, body='{"transcription_id": "%transcription%", "status": "COMPLETED", "duration": 125.5}'),
    heify(2, "analytics-cron", "POST /analytics", 200, {"data": {"message": "No completed transcriptions found to analyze."}}),
    heify(3, "uploader", f"PUT {S3}", 200, "", S3_HEADERS),
    heygen(2, "scheduler", NO_CALL, extra={"event": "tick"}),
]

BY_HOST = [
    by_host(4, "legacy-cron", f"GET {HEYGEN}/v3/voices", 401, v3("unauthorized", "Unauthorized"), TRACED),
    by_host(3, "legacy-cron", f"POST {HEIFY}/list-participants", 500, '{"message": null}', gateway("AuthorizerConfigurationException")),
    by_host(1, "legacy-cron", f"GET {LIVE}/v1/avatars", 500, "Internal Server Error", {"content-type": "text/plain"}),
]

CASES = [*HEYGEN_ANSWERS, *HEYGEN_JOBS, *LIVEAVATAR, *HEIFY_ANSWERS, *HEIFY_JOBS, *EXCEPTIONS, *NO_ERRORS, *BY_HOST]

# What else gets into a log file: the number of the line that it stands before, and the line.
ODD_LINES = [
    (24, '{"ts":"2026-09-14T07:11:40.102Z","service":"render-worker","env":"prod","atte'),
    (61, "2026-09-14 08:03:12,414 WARNING render-worker: 37 jobs are waiting"),
    (97, ""),
    (118, '{"ts":"2026-09-14T10:20:07.001Z","service":"status-poller","provider":"heygen","status":429,"latency":NaN,"body":""}'),
    (150, "null"),
    (173, "   "),
    (188, '[{"service":"uploader","status":500}]'),
    (214, "{'service': 'uploader', 'provider': 'heify', 'status': 500}"),
    (240, '"connection pool is full, discarding connection"'),
    (266, ""),
    (291, r'{"ts":"2026-09-14T17:02:11.480Z","service":"call-transcriber","provider":"heify","status":400,"body":"{\"error\":{\"mess'),
    (322, "503"),
    (
        358,
        '{"ts":"2026-09-14T19:15:33.900Z","service":"legacy-cron","env":"prod","attempt":1,"status":500,'
        r'"body":"{\"message\":\"Internal server error\"}"}',
    ),
    (379, "<<< rotated >>>"),
    (398, ""),
]


class Dice:
    """Seeded choices. `Random.random` is the one method whose sequence Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def below(self, limit: float) -> float:
        return self._random() * limit

    def one(self, options: list[str]) -> str:
        return options[int(self.below(len(options)))]

    def digits(self, count: int, alphabet: str = "0123456789abcdef") -> str:
        return "".join(self.one(list(alphabet)) for _ in range(count))

    def uuid(self) -> str:
        return "-".join(self.digits(count) for count in (8, 4, 4, 4, 12))


class Ids:
    """The ids of this day: jobs come again in several lines, request ids do not."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.pools = {
            "video": [dice.digits(32) for _ in range(14)],
            "gone": [dice.digits(32)],
            "avatar": [f"Anna_public_{number}_20240108" for number in (1, 2, 3)],
            "asset": [dice.digits(32) for _ in range(3)],
            "template": [dice.digits(32) for _ in range(2)],
            "transcription": [dice.uuid() for _ in range(14)],
        }

    def values(self) -> dict[str, str]:
        dice, pools = self.dice, self.pools
        values = {f"%{name}%": dice.one(pool) for name, pool in pools.items()}
        for name in ("video", "transcription"):
            for number in (2, 3):
                values[f"%{name}{number}%"] = dice.one(pools[name])
        values["%request%"] = dice.uuid()
        values["%short%"] = dice.digits(16, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        values["%hex%"] = dice.digits(40)
        values["%wait%"] = str(1 + int(dice.below(30)))
        values["%have%"] = str(int(dice.below(10)))
        values["%need%"] = str(10 + int(dice.below(40)))
        return values


def filled(value: object, values: dict[str, str]) -> object:
    """The value with its placeholders replaced."""
    if isinstance(value, dict):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace(name, text)
    return value


def record(case: Case, at: float, attempt: int, ids: Ids) -> dict[str, object]:
    """One line of the log, as an object."""
    dice = ids.dice
    values = ids.values()
    moment = (START + timedelta(seconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line: dict[str, object] = {
        "ts": moment,
        "service": case.service,
        "env": dice.one(["prod", "prod", "prod", "staging"]),
        "attempt": attempt,
    }
    headers = filled(case.headers, values)
    if headers is not None and dice.below(1) < 0.4:
        headers = json.dumps(headers)
    body = filled(case.body, values)
    if isinstance(body, dict) and dice.below(1) < 0.3:
        body = json.dumps(body)
    seen = {
        "provider": case.provider,
        "status": case.status,
        "method": case.method,
        "url": filled(case.url, values),
        "headers": headers,
        "body": body,
        "exception": filled(case.exception, values),
    }
    return line | {name: value for name, value in seen.items() if value is not None} | case.extra


def log() -> str:
    """The whole log, as text."""
    dice = Dice(SEED)
    ids = Ids(dice)
    drawn: list[tuple[float, int, Case, int]] = []
    for number, case in enumerate(CASES):
        begin = 120 + dice.below(DAY - 1200)
        for index in range(case.count):
            if index < len(case.at):
                at = case.at[index]
            elif case.burst:
                begin += 2 + dice.below(40)
                at = begin
            else:
                at = 120 + dice.below(DAY - 120)
            attempt = 1 + index % 3 if case.burst else 1
            drawn.append((round(at, 3), number, case, attempt))
    drawn.sort(key=lambda entry: entry[:2])
    lines = [json.dumps(record(case, at, attempt, ids), separators=(",", ":")) for at, _, case, attempt in drawn]
    for number, line in reversed(ODD_LINES):
        lines.insert(number - 1, line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    LOG.write_bytes(log().encode())
