"""Recorded bodies through the whole path: a folder per vendor under samples/, a file per case."""

import contextlib
import json
from pathlib import Path

import attrs
import pytest

from heify_heygen_errors import Observation, normalize, normalize_all, raise_for_error
from heify_heygen_errors.exceptions import ApiError

_FOLDER = Path(__file__).parent / "samples"
_SAMPLES = {str(path.relative_to(_FOLDER)): json.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.rglob("*.json"))}
_FIELDS = {"provider", "status", "headers", "url", "method", "body", "expect", "source"}
_ALWAYS = {"code", "message", "detail", "category", "channel", "retryable"}
_SOMETIMES = {"request_id", "resource", "param", "params"}

every_sample = pytest.mark.parametrize("name", _SAMPLES)


def _observation(sample, body=None):
    text = sample["body"]
    return Observation(
        sample["provider"], sample["status"], sample["headers"], text.encode() if body is None else body, sample["method"], sample["url"]
    )


def _shown(info, judged):
    """The values of an info that a sample judges."""
    return {field: getattr(info, field) for field in judged}


@every_sample
def test_sample_gives_exactly_the_failures_that_it_lists(name):
    """Every recorded body gives each failure in it, in document order, and nothing else; a success gives none."""
    sample = _SAMPLES[name]
    expected = sample["expect"] or []
    found = normalize_all(_observation(sample))
    judged = [*expected, *({"code": None, "message": None, "category": None} for _ in found[len(expected) :])]
    assert [_shown(info, keys) for info, keys in zip(found, judged, strict=False)] == expected


@every_sample
def test_normalize_gives_the_first_failure_of_a_sample(name):
    """`normalize` gives what `normalize_all` lists first, and None where it lists nothing."""
    observation = _observation(_SAMPLES[name])
    assert [normalize(observation)] == (normalize_all(observation)[:1] or [None])


@every_sample
def test_sample_means_the_same_as_bytes_text_and_decoded_json(name):
    """A body means the same whether it comes as bytes, as text or as decoded JSON."""
    sample = _SAMPLES[name]
    forms = [sample["body"]]
    if not name.endswith("flat-float-code-stays-as-written.json"):  # decoding loses how a number was written
        with contextlib.suppress(ValueError):
            forms.append(json.loads(sample["body"]))
    meanings = [[_meaning(info) for info in normalize_all(_observation(sample, form))] for form in forms]
    assert meanings == [[_meaning(info) for info in normalize_all(_observation(sample))]] * len(forms)


def _meaning(info):
    """Everything but the excerpt, whose white space depends on how the body came."""
    return attrs.evolve(info, body=None)


@every_sample
def test_raise_for_error_raises_for_everything_but_items(name):
    """`raise_for_error` raises the failure of an answer or of one job, never that of an item of a list."""
    sample = _SAMPLES[name]
    observation = _observation(sample)
    infos = normalize_all(observation)
    item_lists = ("list-", "batch-", "event-log-", "statuses-")
    expected = infos[:1] if not Path(name).name.startswith(item_lists) else []
    raised = []
    try:
        raise_for_error(observation)
    except ApiError as error:
        raised.append(error.info)
    assert raised == expected


def test_samples_are_well_formed():
    """Every sample has the same fields, names a provider and says for each failure what is judged."""
    problems = [
        name
        for name, sample in _SAMPLES.items()
        if set(sample) != _FIELDS
        or sample["provider"] not in {"heygen", "heify", "liveavatar"}
        or not all(set(expected) - _SOMETIMES == _ALWAYS for expected in sample["expect"] or ())
    ]
    assert problems == []


def test_samples_cover_every_channel_but_transport():
    """The samples show every channel that has a body."""
    channels = {expected["channel"] for sample in _SAMPLES.values() for expected in sample["expect"] or ()}
    assert channels == {"response", "job", "webhook", "upload", "gateway"}
