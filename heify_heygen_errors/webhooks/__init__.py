"""Webhooks of the vendors: verified over the raw bytes, guarded against replays, read into one `WebhookEvent`.

Performs no I/O and calls no vendor. The package itself has all names but `confirmed`, too.
"""

from __future__ import annotations

from heify_heygen_errors.webhooks.event import WebhookEvent, WebhookProof, WebhookState
from heify_heygen_errors.webhooks.parsing import confirmed, parse_unverified_webhook
from heify_heygen_errors.webhooks.problem import WebhookError, WebhookProblem
from heify_heygen_errors.webhooks.replays import MemoryReplays, Replays
from heify_heygen_errors.webhooks.verifier import WebhookVerifier

__all__ = [
    "MemoryReplays",
    "Replays",
    "WebhookError",
    "WebhookEvent",
    "WebhookProblem",
    "WebhookProof",
    "WebhookState",
    "WebhookVerifier",
    "confirmed",
    "parse_unverified_webhook",
]
