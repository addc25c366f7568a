"""The summary as data: what is counted, how it is ranked, what a code that nobody knows needs to become known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heify_heygen_errors import Catalogs, Category, Fault, Normalizer, Observation, RetryAction
from heify_heygen_errors.lint import lint_overlays
from heify_heygen_errors.normalizer import Finding
from heify_heygen_errors.pipeline import blocks
from heify_heygen_errors.pipeline.blocks import MAX_KINDS, Tally, reason_kind
from heify_heygen_errors.pipeline.report import MAX_SAMPLE, summary
from heify_heygen_errors.records import NotARecord, RecordNormalizer, RecordOptions, parse_line

CATALOGS = Catalogs.load()
LOG = Path(__file__).parents[2] / "docs" / "examples" / "vendor-errors.jsonl"


def _judged(observation: Observation, catalogs: Catalogs) -> tuple[Finding | None, bool]:
    """The first failure, and whether its code is in no catalog."""
    seen: list[Any] = []
    found = Normalizer(catalogs, seen.append).findings(observation, first=True)
    return (found[0][0] if found else None), bool(seen)


def _count(tally: Tally, observation: Observation, catalogs: Catalogs = CATALOGS) -> None:
    finding, unlisted = _judged(observation, catalogs)
    tally.records += 1
    tally.written += 1
    tally.rows += 1
    if finding is None:
        return
    tally.failed += 1
    tally.retryable += finding.retry.action in (RetryAction.BACKOFF, RetryAction.POLL)
    for counter, key in (
        (tally.providers, finding.provider),
        (tally.categories, finding.category.value),
        (tally.faults, finding.fault.value),
        (tally.actions, finding.retry.action.value),
        (tally.rules, finding.rule),
    ):
        counter[key] += 1
    told = finding.message or finding.detail
    if unlisted and finding.code is not None:
        tally.unknown[finding.provider, finding.code] += 1
        tally.samples.setdefault((finding.provider, finding.code), (told, finding.rule))
    elif finding.rule == "unknown" or "/status:" in finding.rule:
        tally.unmatched[finding.fingerprint] += 1
        tally.unmatched_samples.setdefault(finding.fingerprint, (finding.provider, finding.rule, told))


def _tally(lines: Iterable[bytes]) -> Tally:
    """What a log holds, by the reference reader."""
    reader = RecordNormalizer(RecordOptions())
    tally = Tally()
    for raw in lines:
        tally.lines += 1
        if not raw.strip():
            tally.blank += 1
            continue
        try:
            observation = reader.observation(parse_line(raw))
        except NotARecord as reason:
            tally.records += 1
            tally.rejects += 1
            tally.reasons[reason_kind(str(reason))] += 1
        else:
            _count(tally, observation or Observation("heygen"))
            tally.unobserved += observation is None
    return tally


# Counts.


def test_the_example_log() -> None:
    """The counts of a log add up, whichever way they are told apart."""
    told = summary(_tally(LOG.read_bytes().splitlines()), catalogs=CATALOGS)
    assert (told["records"], told["written"], told["rejects"], told["blank_lines"]) == (400, 389, 11, 4)
    assert (told["failed"], told["no_error"], told["observed_nothing"]) == (286, 101, 2)
    ways = [told["providers"], told["categories"], told["faults"], told["retry"]["actions"], told["rules"]]
    assert [sum(row["failed"] for row in rows) for rows in ways] == [286] * 5
    assert sum(row["rejects"] for row in told["reject_reasons"]["reasons"]) == 11
    assert sum(row["failed"] for row in told["unknown_codes"]["codes"]) == told["unknown_codes"]["failed"] == 3
    assert sum(row["failed"] for row in told["unmatched"]["messages"]) == told["unmatched"]["failed"] == 9


def test_a_summary_is_json() -> None:
    """A summary is the same after it was written as JSON and read again, and the same for the same log."""
    lines = LOG.read_bytes().splitlines()
    told = summary(_tally(lines), catalogs=CATALOGS)
    assert told == json.loads(json.dumps(told))
    assert told == summary(_tally(lines), catalogs=CATALOGS)


def test_the_members() -> None:
    """The members have the documented names, in every summary."""
    told = summary(Tally(), catalogs=CATALOGS)
    assert list(told) == [
        "schema",
        "catalog",
        "records",
        "written",
        "rejects",
        "rejects_kept",
        "blank_lines",
        "rows",
        "failed",
        "no_error",
        "observed_nothing",
        "shares",
        "providers",
        "categories",
        "faults",
        "retry",
        "rules",
        "reject_reasons",
        "unknown_codes",
        "unmatched",
    ]
    assert (told["schema"], told["catalog"]) == (1, CATALOGS.version)


def test_nothing_went_through() -> None:
    """A run over nothing has shares of 0, and every fault and retry action with 0."""
    told = summary(Tally(), catalogs=CATALOGS)
    assert set(told["shares"].values()) == {0.0}
    assert [(row["fault"], row["failed"], row["share"]) for row in told["faults"]] == [(fault.value, 0, 0.0) for fault in Fault]
    assert [row["action"] for row in told["retry"]["actions"]] == [action.value for action in RetryAction]


def test_shares() -> None:
    """Shares of records are of those that could be read, shares of failures are of all failures, rounded to four digits."""
    tally = Tally(records=8, written=7, rows=7, rejects=1, failed=3, unobserved=1, retryable=2, providers=Counter(heify=2, heygen=1))
    told = summary(tally, catalogs=CATALOGS)
    assert told["shares"] == {"rejects": 0.125, "failed": 0.4286, "no_error": 0.4286, "observed_nothing": 0.1429}
    assert (told["retry"]["may_pass"], told["retry"]["share"]) == (2, 0.6667)
    assert told["providers"] == [{"provider": "heify", "failed": 2, "share": 0.6667}, {"provider": "heygen", "failed": 1, "share": 0.3333}]


def test_rejects_kept_as_rows() -> None:
    """Rejects that were kept as rows are no successes: they count neither as failed nor as no error."""
    told = summary(Tally(records=10, written=10, rows=10, rejects=3, failed=5), catalogs=CATALOGS)
    assert (told["rejects"], told["rejects_kept"], told["failed"], told["no_error"]) == (3, 3, 5, 2)
    assert (told["shares"]["rejects"], told["shares"]["failed"]) == (0.3, 0.7143)


def test_equal_counts_stand_in_a_fixed_order() -> None:
    """Equal counts stand in the order of the model or the alphabet, not in that of their appearance."""
    names = [category.value for category in Category]
    for order in (names, names[::-1]):
        tally = Tally(categories=Counter(order), rules=Counter(["b", "a"] if order is names else ["a", "b"]))
        told = summary(tally, catalogs=CATALOGS)
        assert [row["category"] for row in told["categories"]] == names
        assert [row["rule"] for row in told["rules"]] == ["a", "b"]


@pytest.mark.parametrize("category", list(Category))
def test_categories_are_explained(category: Category) -> None:
    """Each category comes with its title, its fault and whether it may pass."""
    [row] = summary(Tally(failed=4, categories=Counter({category.value: 2})), catalogs=CATALOGS)["categories"]
    assert row == {
        "category": category.value,
        "failed": 2,
        "share": 0.5,
        "title": category.title,
        "fault": category.fault.value,
        "may_pass": category.retry in (RetryAction.BACKOFF, RetryAction.POLL),
    }


# Rules.


def _rules() -> list[str]:
    spaces = CATALOGS.spaces.values()
    found = ["unknown", *(rule.id for rule in CATALOGS.transport.rules.values())]
    for entry in CATALOGS.entries():
        found += [entry.rule, *(refinement.rule for refinement in entry.refinements)]
    for space in spaces:
        found += [rule.id for rule in space.families.values()]
        found += [f"{space.name}/status:{status}" for status in range(400, 600)]
    return found


def test_every_rule_is_explained() -> None:
    """Every rule that a row can name comes with its category, summary and remedy."""
    told = summary(Tally(rules=Counter(_rules())), catalogs=CATALOGS)["rules"]
    assert len(told) == len(set(_rules()))
    assert [row["rule"] for row in told if not (row["category"] and row["summary"] and row["remedy"])] == []


def test_a_rule_of_other_catalogs() -> None:
    """A rule that these catalogs do not have is counted, without an explanation."""
    [row] = summary(Tally(failed=1, rules=Counter(["heygen/GONE@mine"])), catalogs=CATALOGS)["rules"]
    assert row == {"rule": "heygen/GONE@mine", "failed": 1, "share": 1.0, "category": None, "summary": None, "remedy": None}


def test_rules_of_overlays(laid_over: Any, entry: Any) -> None:
    """The rule of an entry of one's own comes with one's own words."""
    catalogs = laid_over(entry(codes=["900001"], remedy="Page the rota.")).catalogs
    tally = Tally()
    _count(tally, Observation("heygen", 400, None, {"code": "900001"}), catalogs)
    [row] = summary(tally, catalogs=catalogs)["rules"]
    assert (row["rule"], row["category"], row["remedy"]) == ("heygen/MY_ERROR@mine", "conflict", "Page the rota.")


# Codes that no catalog lists.


def _seen(code: str, message: str | None = "Something new", provider: str = "heygen", status: int = 400) -> Observation:
    body = {"error": {"code": code, "message": message}} if provider == "heify" else {"code": code, "message": message}
    return Observation(provider, status, None, {key: value for key, value in body.items() if value is not None})


UNLISTED = {
    "digits": _seen("400999"),
    "snake case": _seen("gesture_pack_expired", "The pack is over", status=403),
    "capitals": _seen("GESTURE_PACK"),
    "camel case": _seen("SlowerDown"),
    "without a message": _seen("400999", None),
    "a blank message": _seen("400999", "   "),
    "nearly a known code": _seen("Unauthorized-Client"),
    "a message that another entry owns": _seen("400999", "Unauthorized"),
    "a message with braces, quotes and backslashes": _seen("400999", '{x} {{ "it\'s" \\n: # - & *'),
    "a message with control characters": _seen("400999", "a\tb\nc\x1b[31md\x00e\u202ef\u2028g\ufeffh"),
    "a message in other scripts": _seen("400999", "Ünïcode 中文 😀 \U000e0001"),
    "a code with signs": _seen('a"b\\c: [d] #e'),
    "a code without letters": _seen("-- !"),
    "a code in other scripts": _seen("错误"),
    "a server error": _seen("500999", status=503),
    "a limit": _seen("400998", status=429),
    "a code with a floor": _seen("400997", "x", status=425),
    "without a status that says something": Observation("heygen", 200, None, {"code": "400999", "message": "Something new"}),
    "a failed job": Observation("heygen", 200, None, {"data": {"status": "failed", "error": {"code": "new_failure", "message": "x"}}}),
    "heify": _seen("NEW_CODE", provider="heify", status=409),
    "liveavatar": _seen("40999", provider="liveavatar"),
    "a layer's header": Observation("heify", 403, {"x-amzn-errortype": "NewException"}, {"message": "No"}),
    "an object storage": Observation("heygen", 409, None, "<Error><Code>NewStorageProblem</Code><Message>x</Message></Error>"),
}


@pytest.mark.parametrize("observation", UNLISTED.values(), ids=UNLISTED)
def test_a_suggested_entry_makes_the_code_known(observation: Observation) -> None:
    """The overlay that is suggested passes the lint; laid over, the code is known and means what it meant before."""
    tally = Tally()
    _count(tally, observation)
    told = summary(tally, catalogs=CATALOGS)["unknown_codes"]
    [row] = told["codes"]
    [(provider, text)] = told["overlays"].items()
    assert lint_overlays({"found.yaml": text}, CATALOGS) == []
    before, unlisted = _judged(observation, CATALOGS)
    after, still = _judged(observation, Catalogs.from_texts({"found.yaml": text}))
    assert before is not None
    assert after is not None
    assert (unlisted, still) == (True, False)
    assert (provider, row["rule"], after.rule, after.name) == (
        observation.provider,
        before.rule,
        f"{provider}/{row['name']}@found-{provider}",
        row["name"],
    )
    kept = ("category", "fault", "retry", "code", "message", "fingerprint")
    assert [getattr(before, name) for name in kept] == [getattr(after, name) for name in kept]


_TEXTS = st.text(max_size=40) | st.text(alphabet="aZ_09 -\"'\\{}[]:#\n\x1b\u2028\u202e\ufeff😀é", max_size=20)


@settings(max_examples=40)
@given(st.lists(st.tuples(_TEXTS, _TEXTS), max_size=12))
@example([("foo_bar", ""), ("FOO_BAR", ""), ("foo-bar", ""), ("FooBar", "x")])
@example([("\x1b", ""), ("a\u2028b", ""), ("success", "it failed"), ("1000", ""), (" blank ", "")])
def test_suggestions_for_any_codes_fit_together(seen: list[tuple[str, str]]) -> None:
    """Whatever codes and messages a vendor sends, the entries of all of them together pass the lint and keep their codes."""
    tally = Tally()
    for code, message in seen:
        _count(tally, _seen(code, message))
    told = summary(tally, catalogs=CATALOGS)["unknown_codes"]
    listed = {row["code"] for row in told["codes"] if row["entry"] is not None}
    assert bool(listed) == bool(told["overlays"])
    assert lint_overlays(told["overlays"], CATALOGS) == []
    catalogs = Catalogs.from_texts(told["overlays"]) if listed else CATALOGS
    assert listed == {code for code in listed if code in catalogs.space("heygen").by_code}


def test_a_suggestion_stands_beside_overlays_in_use(entry: Any, overlay: Any) -> None:
    """A suggestion takes neither names nor the id of overlays in use: both can be laid over together."""
    mine = {"mine.yaml": overlay(entry(name="CODE_400999", codes=["900001"]), overlay_id="found-heygen", disable=["UNAUTHORIZED"])}
    catalogs = Catalogs.from_texts(mine)
    tally = Tally()
    _count(tally, _seen("400999"), catalogs)
    told = summary(tally, catalogs=catalogs)["unknown_codes"]
    assert [row["name"] for row in told["codes"]] == ["CODE_400999_2"]
    both = Catalogs.from_texts({**mine, "found.yaml": told["overlays"]["heygen"]})
    assert both.space("heygen").by_code["400999"][0].rule == "heygen/CODE_400999_2@found-heygen-more"


def test_unknown_codes_of_several_providers() -> None:
    """Codes go from the most frequent to the rarest, each provider has its overlay, and an overlay has all of its codes."""
    tally = Tally()
    for code, provider, times in (("400999", "heygen", 1), ("new_code", "heygen", 3), ("new_code", "heify", 2)):
        for _ in range(times):
            _count(tally, _seen(code, provider=provider))
    told = summary(tally, catalogs=CATALOGS)["unknown_codes"]
    assert [(row["provider"], row["code"], row["failed"]) for row in told["codes"]] == [
        ("heygen", "new_code", 3),
        ("heify", "new_code", 2),
        ("heygen", "400999", 1),
    ]
    assert list(told["overlays"]) == ["heify", "heygen"]
    entries = "".join(f"  {line}\n" for row in (told["codes"][0], told["codes"][2]) for line in row["entry"].splitlines())
    assert told["overlays"]["heygen"].endswith(f"entries:\n{entries}")


@pytest.mark.parametrize(
    "code",
    ["error", "key=[redacted]", "x" * 256, "half \ufffd", "  "],
    ids=["says nothing", "redacted", "cut", "damaged", "blank"],
)
def test_codes_that_no_entry_can_have(code: str) -> None:
    """A code that is not what the vendor sent, or says nothing by itself, is counted without a suggestion."""
    told = summary(
        Tally(unknown=Counter({("heygen", code): 2}), samples={("heygen", code): ("m", "heygen/status:400")}), catalogs=CATALOGS
    )["unknown_codes"]
    assert [(row["failed"], row["category"], row["name"], row["entry"]) for row in told["codes"]] == [(2, "invalid_request", None, None)]
    assert (told["failed"], told["overlays"]) == (2, {})


def test_samples_are_bounded() -> None:
    """A sample message has at most 300 characters, with a sign where it was cut."""
    tally = Tally()
    _count(tally, _seen("400999", "x" * 301))
    _count(tally, Observation("heygen", 418, None, {"message": "y " * 150}))
    told = summary(tally, catalogs=CATALOGS)
    assert told["unknown_codes"]["codes"][0]["message"] == "x" * (MAX_SAMPLE - 1) + "…"
    assert told["unmatched"]["messages"][0]["message"] == ("y " * 150).strip()


def test_secrets_do_not_come_in() -> None:
    """Samples and suggestions are made of redacted messages."""
    tally = Tally()
    _count(tally, _seen("400999", "bad header Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789"))
    text = json.dumps(summary(tally, catalogs=CATALOGS))
    assert "abcdefghijklmnop" not in text
    assert "[redacted]" in text


# Bounds.


def _of(*codes: str) -> Tally:
    """A block in which these codes were seen."""
    tally = Tally(unknown=Counter(("heygen", code) for code in codes), unmatched=Counter(codes), reasons=Counter(codes))
    for place, code in enumerate(codes):
        tally.samples.setdefault(("heygen", code), (f"{code} at {place}", "heygen/status:400"))
        tally.unmatched_samples.setdefault(code, ("heygen", "unknown", f"{code} at {place}"))
    return tally


def test_no_more_kinds_than_the_bound() -> None:
    """Of what the vendors choose freely the first 1,000 kinds are told apart, and nothing is lost from the counts."""
    tally = Tally()
    for first in range(0, 3000, 500):
        tally.add(_of(*(f"c{number % 2500}" for number in range(first, first + 500))))
    told = summary(tally, catalogs=CATALOGS)
    assert MAX_KINDS == len(told["unknown_codes"]["codes"]) == len(told["unmatched"]["messages"]) == len(told["reject_reasons"]["reasons"])
    assert len(tally.samples) == len(tally.unmatched_samples) == MAX_KINDS
    assert (told["unknown_codes"]["failed"], told["unknown_codes"]["others"]) == (3000, 1500)
    assert (told["unmatched"]["failed"], told["unmatched"]["others"], told["reject_reasons"]["others"]) == (3000, 1500, 1500)
    assert told["unknown_codes"]["codes"][0]["failed"] == 2


@given(st.lists(st.sampled_from("abcdefg"), max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_the_sum_does_not_depend_on_the_cuts(codes: list[str], cuts: list[int]) -> None:
    """Blocks that are added in the order of the input give the same tally wherever the input was cut."""
    places = sorted({0, len(codes), *(cut for cut in cuts if cut < len(codes))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "MAX_KINDS", 3)
        whole, parts = Tally(), Tally()
        whole.add(_of(*codes))
        for start, end in pairwise(places):
            parts.add(_of(*codes[start:end]))
    assert {name: whole.unknown[name] for name in whole.unknown} == dict(parts.unknown)
    assert (whole.unmatched, whole.reasons, whole.beyond) == (parts.unmatched, parts.reasons, parts.beyond)
    assert (set(whole.samples), set(whole.unmatched_samples)) == (set(parts.samples), set(parts.unmatched_samples))


def test_tallies_add_up() -> None:
    """The tallies of two halves of a log add up to that of the whole, and so to the same summary."""
    lines = LOG.read_bytes().splitlines()
    halves = Tally()
    halves.add(_tally(lines[:150]))
    halves.add(_tally(lines[150:]))
    assert halves == _tally(lines)
    assert summary(halves, catalogs=CATALOGS) == summary(_tally(lines), catalogs=CATALOGS)


def test_messages_without_a_rule() -> None:
    """Failures that only their status explains, or nothing, are told by fingerprint, the most frequent first."""
    tally = Tally()
    for body, times in (({"message": "What is this?"}, 1), ({"message": "Oh no"}, 2)):
        for _ in range(times):
            _count(tally, Observation("heygen", 418, None, body))
    told = summary(tally, catalogs=CATALOGS)["unmatched"]
    assert [(row["failed"], row["rule"], row["message"]) for row in told["messages"]] == [
        (2, "heygen/status:418", "Oh no"),
        (1, "heygen/status:418", "What is this?"),
    ]
    assert all(row["fingerprint"].startswith("v1:") for row in told["messages"])


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("not JSON: Expecting value at column 13", "not JSON"),
        ("not UTF-8: byte 7 of the line", "not UTF-8"),
        ("no JSON object but a number", "no JSON object but a number"),
        ("nothing names the provider: name one of heygen, liveavatar, heify", "nothing names the provider"),
        ("there is no provider 'sk: 1': use one of heygen, liveavatar, heify", "there is no provider of this name"),
        ("status is no status", "status is no status"),
    ],
)
def test_kinds_of_reasons(reason: str, kind: str) -> None:
    """Reasons of rejects are counted without positions and without words of the record."""
    assert reason_kind(reason) == kind
    assert reason_kind(kind) == kind
