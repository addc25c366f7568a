"""One response to an `ErrorInfo`, against `json.loads` of the same body: what is added to the least that must be done.

Bodies of several sizes, filled either with one long text, which json.loads reads quickest, or with many small members.
"with headers" is the whole of it; "body only" leaves out the headers, which json.loads never sees.
"""

from __future__ import annotations

import json
from functools import partial

from benchmarks.samples import BODIES, Sample, endless
from benchmarks.timing import Side, Times, race
from heify_heygen_errors import ErrorInfo, Observation, normalize


def _with_headers(sample: Sample) -> ErrorInfo | None:
    return normalize(Observation(sample.provider, sample.status, sample.headers, sample.body))


def _body_only(sample: Sample) -> ErrorInfo | None:
    return normalize(Observation(sample.provider, sample.status, None, sample.body))


SIDES = {
    "with headers": Side(lambda sample: sample, _with_headers),
    "body only": Side(lambda sample: sample, _body_only),
    "json.loads": Side(lambda sample: sample.body, json.loads),
}


def measure(rounds: int, most_calls: int = 200) -> dict[str, dict[str, Times]]:
    """Times by body and side; large bodies are read fewer times a round."""
    found = {}
    for name, (make, size) in BODIES.items():
        calls = max(5, min(most_calls, 400_000 // size))
        found[name] = race(SIDES, endless(partial(make, size=size)), rounds, calls)
    return found
