"""Payloads that were seen in public: what they mean is written beside them."""

import json
from pathlib import Path

import pytest

from heify_heygen_errors import Observation, normalize, normalize_all

_FOLDER = Path(__file__).parent / "corpus"


def _read(name):
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [pytest.param(json.loads(line), id=f"{name}:{number}") for number, line in enumerate(lines, 1)]


_FAILURES = _read("heygen.jsonl") + _read("heify.jsonl")
_SUCCESSES = _read("not_errors.jsonl")


def _observation(row):
    return Observation(row["provider"], row["status"], row["headers"], row["body"].encode())


@pytest.mark.parametrize("row", _FAILURES)
def test_seen_failure_keeps_the_vendor_words_and_gets_a_right_meaning(row):
    """A failure seen in public keeps its code and message exactly, and its category and advice are right."""
    expected = row["expect"]
    info = normalize(_observation(row))
    assert (info.code, info.message) == (expected["code"], expected["message"])
    assert info.category in expected["category"]
    assert expected["retryable"] in (None, info.retryable)


@pytest.mark.parametrize("row", _FAILURES)
def test_seen_failure_is_one_failure(row):
    """Every failure seen in public is one failure, not several."""
    assert normalize_all(_observation(row)) == [normalize(_observation(row))]


@pytest.mark.parametrize("row", _SUCCESSES)
def test_seen_success_is_no_failure(row):
    """A success that looks like a failure gives nothing."""
    assert (normalize(_observation(row)), normalize_all(_observation(row))) == (None, [])


def test_corpus_is_complete():
    """The corpus holds every payload that was collected."""
    assert (len(_FAILURES), len(_SUCCESSES)) == (59, 8)
