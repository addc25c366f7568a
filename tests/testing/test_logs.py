"""Generated logs: the same for everyone, in the proportions asked for, and true to the catalogs they are made of."""

import doctest
import gzip
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections import Counter
from datetime import datetime
from functools import cache

import pytest

from heify_heygen_errors import Category, normalize
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.normalizer import Normalizer
from heify_heygen_errors.pipeline.blocks import Block
from heify_heygen_errors.pipeline.replay import reject_to_json
from heify_heygen_errors.pipeline.worker import Job, Worker
from heify_heygen_errors.records import INPUT_FIELDS, RecordNormalizer, RecordOptions
from heify_heygen_errors.testing import log_forms, logs
from heify_heygen_errors.testing.logs import DAMAGES, Mix, labelled, log_lines, records, write_log

_CATALOGS = default_catalogs()
_READER = RecordNormalizer(RecordOptions())
_WORKER = Worker(Job(options=RecordOptions(), as_lines=True), Normalizer())
_BODIES = ("repeating", "different")

every_bodies = pytest.mark.parametrize("bodies", _BODIES)
every_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)


@cache
def _log(n=6000, **mix):
    """A log that several tests look at; none of them changes it."""
    return list(labelled(n, 5, Mix(**mix)))


@cache
def _rows(n=6000, **mix):
    """What a reader makes of the same log: the first row of each record."""
    return [_READER.rows(one.record)[0] for one in _log(n, **mix)]


def _text(body):
    return body if isinstance(body, str) else json.dumps(body)


def _share(found, of):
    return sum(map(bool, found)) / of


def _read(lines):
    """Counts, rows and rejects of lines, as `hhe normalize` reads them."""
    block = Block(file="log.jsonl", format="jsonl", start=0, end=0, data=b"".join(lines))
    piece = _WORKER.work(block)
    return piece.tally, piece.payload.splitlines(), [json.loads(reject_to_json(reject)) for reject in piece.rejects]


# The same for everyone.


@pytest.mark.parametrize("mix", [Mix(), Mix(bodies="different", damage=0.2, as_objects=1)], ids=["repeating", "different"])
def test_same_seed_gives_the_same_log(mix):
    """Two runs with the same seed and mix give the same bytes, and another seed gives others."""
    assert list(log_lines(800, 7, mix)) == list(log_lines(800, 7, mix))
    assert list(log_lines(800, 7, mix)) != list(log_lines(800, 8, mix))


def test_log_is_the_same_in_another_process():
    """No hash seed, no clock and nothing that was generated before has a part in a log."""
    code = (
        "import hashlib; from heify_heygen_errors.testing.logs import Mix, log_lines\n"
        "print(hashlib.sha256(b''.join(log_lines(600, 3, Mix(bodies='different', damage=0.1, tail=1)))).hexdigest())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "77"}
    )
    here = hashlib.sha256(b"".join(log_lines(600, 3, Mix(bodies="different", damage=0.1, tail=1)))).hexdigest()
    assert there.stdout.strip() == here


@every_bodies
def test_long_log_begins_like_a_short_one(bodies):
    """The number of records has no influence on what they are."""
    mix = Mix(bodies=bodies, damage=0.1)
    assert list(log_lines(300, 1, mix)) == list(log_lines(900, 1, mix))[:300]


@every_bodies
def test_lines_are_the_records(bodies):
    """Lines and records of a seed say the same, in the same order."""
    mix = Mix(bodies=bodies)
    assert [json.loads(line) for line in log_lines(1000, 4, mix)] == list(records(1000, 4, mix))


def test_damage_leaves_the_rest_as_it_is():
    """What is not damaged is the same record as without damage."""
    sound = list(records(2000, 9))
    damaged = list(labelled(2000, 9, Mix(damage=0.3)))
    assert [one.record for one in damaged if one.damage is None] == [
        record for record, one in zip(sound, damaged, strict=True) if one.damage is None
    ]


def test_layout_changes_nothing_else():
    """Bodies as objects and headers as text say what bodies as text and headers as objects say."""
    texts = list(records(2000, 2, Mix(as_objects=0, headers=1, headers_as_text=0)))
    objects = list(records(2000, 2, Mix(as_objects=1, headers=1, headers_as_text=1)))
    for one, other in zip(texts, objects, strict=True):
        if isinstance(other.get("body"), dict):
            other["body"], one["body"] = other["body"], json.loads(one["body"])
        if isinstance(other.get("headers"), str):
            other["headers"] = json.loads(other["headers"])
    assert texts == objects


def test_example_of_the_module():
    """What the module shows is what it does."""
    assert doctest.testmod(logs) == (0, doctest.testmod(logs).attempted)
    assert doctest.testmod(logs).attempted > 3


# What a record is.


def test_records_have_the_fields_of_the_contract():
    """Every member is a field of the contract or one of the five that pass through."""
    members = {name for one in _log() for name in one.record}
    assert members == {*INPUT_FIELDS, "ts", "service", "env", "attempt", "trace_id"}


def test_columns_that_pass_through():
    """Times ascend, attempts are numbers from 1, every trace id is another one."""
    found = [one.record for one in _log()]
    times = [datetime.fromisoformat(record["ts"]) for record in found]
    assert times == sorted(times)
    assert {record["ts"][-1] for record in found} == {"Z"}
    assert {record["attempt"] for record in found} == {1, 2, 3}
    assert {record["env"] for record in found} == {"prod", "staging"}
    assert len({record["trace_id"] for record in found}) == len(found)


def test_channels_have_what_they_have():
    """Webhooks have no status and no call, exceptions neither status nor body, answers all of it."""
    kinds = Counter(tuple(name for name in ("status", "url", "body", "exception") if name in one.record) for one in _log())
    assert {("body",), ("url", "exception"), ("status", "url", "body")} <= set(kinds)
    assert all(kinds[kind] < 100 for kind in set(kinds) - {("body",), ("url", "exception"), ("status", "url", "body")})


def test_no_slot_is_left():
    """Everything that varies was filled in."""
    lines = b"".join(log_lines(2500, 3, Mix(tail=1))) + b"".join(log_lines(2500, 3, Mix(tail=1, bodies="different")))
    assert (lines.count(b"zq"), lines.count(b"<job>"), lines.count(b"%(")) == (0, 0, 0)


# Proportions.


def test_shares_are_those_of_the_mix():
    """Success, exceptions, objects, headers and new codes have the shares that were asked for."""
    found = _log(success=0.4, transport=0.1, as_objects=0.7, headers=0.2, headers_as_text=0.9, unlisted=0.05)
    seen = [one.record for one in found]
    json_bodies = [record for record in seen if _text(record.get("body", "")).lstrip()[:1] == "{"]
    with_headers = [record for record in seen if "headers" in record and "date" in record["headers"]]
    answers = [record for record in seen if "status" in record]
    failures = [one for one in found if one.rule is not None and "exception" not in one.record]
    shares = {
        "success": _share((one.rule is None for one in found), len(found)),
        "transport": _share(("exception" in record for record in seen), sum(one.rule is not None for one in found)),
        "as_objects": _share((isinstance(record["body"], dict) for record in json_bodies), len(json_bodies)),
        "headers": len(with_headers) / len(answers),
        "headers_as_text": _share((isinstance(record["headers"], str) for record in with_headers), len(with_headers)),
        "unlisted": _share((":" in one.rule for one in failures), len(failures)),
    }
    assert shares == pytest.approx(
        {"success": 0.4, "transport": 0.1, "as_objects": 0.7, "headers": 0.2, "headers_as_text": 0.9, "unlisted": 0.05}, abs=0.02
    )


def test_weights_are_those_of_the_mix():
    """Vendors and categories come in the proportions of their weights, whatever their sum."""
    weights = {"rate_limit": 30, "not_found": 15, Category.SERVER: 5}
    mix = Mix(success=0, transport=0, unlisted=0, providers={"heygen": 1, "heify": 3, "liveavatar": 0}, categories=weights)
    found = list(labelled(4000, 5, mix))
    providers = Counter(one.record["provider"] for one in found)
    categories = Counter(_READER.rows(one.record)[0]["error_category"] for one in found)
    assert {name: count / len(found) for name, count in providers.items()} == pytest.approx({"heygen": 0.25, "heify": 0.75}, abs=0.03)
    assert {name: count / len(found) for name, count in categories.items()} == pytest.approx(
        {"rate_limit": 0.6, "not_found": 0.3, "server": 0.1}, abs=0.03
    )


def test_vendor_without_the_category_leaves_it_to_others():
    """LiveAvatar has no failure of payment, so the others have them all; its successes stay."""
    found = list(labelled(3000, 5, Mix(transport=0, unlisted=0, categories={"payment": 1})))
    assert {one.record["provider"] for one in found if one.rule is None} == set(_CATALOGS.providers)
    assert {one.record["provider"] for one in found if one.rule is not None} == {"heygen", "heify"}
    assert _share((one.rule is None for one in found), len(found)) == pytest.approx(0.3, abs=0.03)


def test_few_rules_make_most_failures():
    """By default twenty rules make half of the failures, and hundreds share the rest."""
    rules = Counter(one.rule for one in _log() if one.rule is not None)
    head = sum(count for _, count in rules.most_common(20)) / rules.total()
    assert head > 0.5
    assert len(rules) > 200


def test_every_entry_of_every_catalog_occurs():
    """An even log of 20,000 records holds every entry of every catalog, exceptions and layers included."""
    known = {entry.rule for entry in _CATALOGS.entries()} | {rule.id for rule in _CATALOGS.transport.rules.values()}
    assert known <= {one.rule.partition("#")[0] for one in _log(20_000, tail=1) if one.rule is not None}


def test_every_category_of_every_vendor_occurs():
    """By default 20,000 records hold every category that a vendor has."""
    has = {(provider, rule) for provider in _CATALOGS.providers for rules in log_forms.rules_of(provider).values() for rule in rules[:1]}
    categories = {category for provider in _CATALOGS.providers for category in log_forms.rules_of(provider)}
    assert categories == set(Category)
    assert has <= {(one.record["provider"], one.rule) for one in labelled(20_000, 5)}


def test_repeating_bodies_repeat():
    """Five hundred distinct bodies make more than nine lines of ten."""
    bodies = Counter(_text(one.record["body"]) for one in _log(as_objects=0) if one.record.get("body"))
    assert sum(count for _, count in bodies.most_common(500)) > 0.9 * bodies.total()


def test_different_bodies_differ():
    """No body comes twice, however often its failure does."""
    bodies = [_text(one.record["body"]) for one in _log(bodies="different") if one.record.get("body")]
    assert len(bodies) > 5000
    assert len(set(bodies)) == len(bodies)


def test_messages_of_different_bodies_differ():
    """Numbers, ids and URLs vary inside the vendor's messages, too."""
    different, repeating = ({row["error_message"] for row in rows} for rows in (_rows(bodies="different"), _rows()))
    assert len(different) > 1.5 * len(repeating)


# True to the catalogs.


@pytest.mark.parametrize(
    ("n", "mix"),
    [(6000, {}), (6000, {"bodies": "different"}), (20_000, {"tail": 1}), (6000, {"tail": 1, "bodies": "different"})],
    ids=["repeating", "different", "even", "even and different"],
)
def test_every_record_comes_back_as_what_it_was_made_from(n, mix):
    """Successes come back as no error, failures as their rule, new codes as their family or status."""
    wrong = [(one, row["error_rule"]) for one, row in zip(_log(n, **mix), _rows(n, **mix), strict=True) if row["error_rule"] != one.rule]
    assert wrong == []


@every_bodies
def test_successes_are_no_errors(bodies):
    """A log of successes holds every vendor and no error."""
    found = _log(2000, success=1, transport=0, bodies=bodies)
    assert {normalize(_READER.observation(one.record)) for one in found} == {None}
    assert {one.record["provider"] for one in found} == set(_CATALOGS.providers)


def test_unlisted_failures_are_in_no_catalog():
    """New codes and texts come back by status or family, never by an entry."""
    found = _log(500, success=0, transport=0, unlisted=1)
    assert {normalize(_READER.observation(one.record)).name for one in found} == {None}
    assert {one.record["provider"] for one in found} == set(_CATALOGS.providers)


# Damage.


@every_damage
def test_fate_of_damage(damage):
    """Each kind of damage is row, reject or blank as it says, wherever in a record it hits."""
    lines = []
    for number, text in enumerate(line.decode().strip() for line in log_lines(60, 1, Mix(tail=1))):
        place = number / 60
        if damage.write is not None:
            lines.append(damage.write(text, place) + b"\n")
            continue
        record = json.loads(text)
        damage.change(record, place)
        lines.append(json.dumps(record).encode() + b"\n")
    counts, _, _ = _read(lines)
    assert {"row": counts.written, "reject": counts.rejects, "blank": counts.blank}[damage.fate] == 60


def test_share_of_damaged_lines():
    """A tenth of the lines is damaged, and a reader rejects those of them that it says it does."""
    lines = list(log_lines(8000, 5, Mix(damage=0.1)))
    counts, rows, rejects = _read(lines)
    fates = Counter(damage.fate for damage in DAMAGES)
    assert (counts.records, counts.blank) == (len(lines) - counts.blank, len(lines) - counts.records)
    assert (len(rows), len(rejects)) == (counts.written, counts.rejects)
    assert counts.rejects / len(lines) == pytest.approx(0.1 * fates["reject"] / len(DAMAGES), abs=0.01)
    assert counts.blank / len(lines) == pytest.approx(0.1 * fates["blank"] / len(DAMAGES), abs=0.005)


def test_damaged_log_has_as_many_lines():
    """Whatever is wrong with a line, there is one line for each record, with one line feed at its end."""
    assert [line.count(b"\n") for line in log_lines(3000, 2, Mix(damage=1))] == [1] * 3000


def test_damaged_records_are_records():
    """Records are damaged in every kind that leaves a record, by share, and have no truth."""
    found = _log(damage=0.3)
    assert {one.damage for one in found if one.damage} == {damage.name for damage in DAMAGES if damage.change is not None}
    assert {one.rule for one in found if one.damage} == {None}
    assert {type(one.record) for one in found} == {dict}
    assert _share((one.damage for one in found), len(found)) == pytest.approx(0.3, abs=0.02)


def test_sound_log_has_no_rejects():
    """Without damage no line is rejected, and none is blank."""
    counts, _, _ = _read(log_lines(2000, 6, Mix(tail=1, as_objects=0.5)))
    assert (counts.records, counts.written, counts.rejects, counts.blank) == (2000, 2000, 0, 0)


# Files.


def test_written_log_is_the_lines(tmp_path):
    """The file holds the lines and nothing else, and its path is given back."""
    path = write_log(tmp_path / "log.jsonl", 500, 3, Mix(damage=0.1))
    assert path == tmp_path / "log.jsonl"
    assert path.read_bytes() == b"".join(log_lines(500, 3, Mix(damage=0.1)))


def test_compressed_log(tmp_path):
    """A name in .gz holds the same lines compressed, the same bytes whatever its name and the time."""
    paths = [write_log(str(tmp_path / name), 2500, 3) for name in ("a.jsonl.gz", "b.jsonl.gz")]
    assert gzip.decompress(paths[0].read_bytes()) == b"".join(log_lines(2500, 3))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes()[4:8] == bytes(4)  # the time that RFC 1952 has there


def test_log_replaces_a_file(tmp_path):
    """A file that was there is replaced, with the permissions that a new one gets."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"old")
    mask = os.umask(0o027)
    try:
        write_log(path, 10)
    finally:
        os.umask(mask)
    assert path.read_bytes() == b"".join(log_lines(10))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_log_that_cannot_be_written_leaves_nothing(tmp_path):
    """A failure while writing leaves no file, not even a part of one."""
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(OSError, match=r"log\.jsonl"):
        write_log(tmp_path / "log.jsonl", 10)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


# Wrong use.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"success": 1.5}, r"Mix\(success=1\.5\): give a share from 0 to 1"),
        ({"damage": -0.1}, r"Mix\(damage=-0\.1\): give a share"),
        ({"tail": "all"}, r"Mix\(tail='all'\): give a share"),
        ({"headers": True}, r"Mix\(headers=True\): give a share"),
        ({"as_objects": float("nan")}, r"Mix\(as_objects=nan\): give a share"),
        ({"bodies": "same"}, "use 'repeating' or 'different'"),
        ({"providers": {"acme": 1}}, "no provider 'acme': use some of heygen, liveavatar, heify"),
        ({"providers": {"heify": 0}}, "give at least one of them a weight"),
        ({"providers": {}}, "give at least one of them a weight"),
        ({"providers": {"heify": -1}}, "the weight of heify is -1: give a number from 0 up"),
        ({"providers": {"heify": float("inf")}}, "the weight of heify is inf"),
        ({"providers": ["heify"]}, r"providers=\['heify'\]\): give a mapping of names to weights"),
        ({"categories": "rate_limit"}, r"categories='rate_limit'\): give a mapping"),
        ({"categories": {"rate limit": 1}}, "no category 'rate limit': use some of authentication, "),
        (
            {"providers": {"liveavatar": 1}, "categories": {"payment": 1}},
            "liveavatar has no failure of these: use some of authentication, ",
        ),
    ],
)
def test_wrong_mix(options, told):
    """A mix that cannot be is refused at once, with what would be right."""
    with pytest.raises(ValueError, match=told):
        Mix(**options)


@pytest.mark.parametrize("make", [records, labelled, log_lines])
def test_number_of_records(make):
    """A log can be empty, but not less; that is told at the call."""
    assert list(make(0)) == []
    with pytest.raises(ValueError, match="a log cannot have -1 records"):
        make(-1)


def test_mix_is_a_value():
    """Mixes compare by what they say, categories by name or member alike, and do not change."""
    assert Mix(categories={"payment": 1}) == Mix(categories={Category.PAYMENT: 1})
    with pytest.raises(AttributeError):
        Mix().success = 0.1
