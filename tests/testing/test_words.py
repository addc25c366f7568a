"""What the vendors say for an entry: everything it is recognised by, and the one thing they say as a rule."""

import attrs
import pytest

from heify_heygen_errors import Category
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.template import Folded, Template
from heify_heygen_errors.testing.words import (
    _ONLY_IN_JOBS,
    _TYPICAL,
    FILLS,
    UNRELATED,
    Speaker,
    Words,
    filled,
    reworded,
    typical,
    words_of,
    words_of_refinement,
)

_CATALOGS = default_catalogs()
_ENTRIES = {entry.rule: entry for entry in _CATALOGS.entries()}
_REFINEMENTS = {refinement.rule: (entry, refinement) for entry in _ENTRIES.values() for refinement in entry.refinements}
_PROVIDERS = _CATALOGS.providers

every_entry = pytest.mark.parametrize("rule", _ENTRIES)
every_refinement = pytest.mark.parametrize("rule", _REFINEMENTS)
every_provider = pytest.mark.parametrize("provider", _PROVIDERS)


def _entries_sent_by(provider):
    return [*_CATALOGS.entries(provider), *_CATALOGS.entries("layers")]


def _templates():
    found = [template for entry in _ENTRIES.values() for template in entry.templates]
    for _, refinement in _REFINEMENTS.values():
        condition = refinement.condition
        found += [*condition.messages, *condition.details, *condition.texts]
    return {template.source: template for template in found}


# Filling templates.


@pytest.mark.parametrize("padded", [False, True])
def test_template_takes_the_text_that_it_was_filled_to(padded):
    """A filled template of the catalogs is matched by it, and the captures are what was filled in."""
    found, expected = [], []
    for source, template in _templates().items():
        text, params = filled(source, padded=padded)
        found.append((source, template.match(Folded(text))))
        expected.append((source, params))
    assert expected == found


@pytest.mark.parametrize(
    ("template", "text", "params"),
    [
        ("not a valid URL: {url}", "not a valid URL: https://example.com/a.mp4", {"url": FILLS["url"]}),
        ("Widget {wobble} is {{odd}}", "Widget wob7 is {odd}", {"wobble": "wob7"}),
        ("…too many…", "too many", {}),
        ("  trimmed ", "trimmed", {}),
    ],
)
def test_filling(template, text, params):
    """Known placeholders get believable values, others three letters and a 7; open ends get nothing."""
    assert (text, params) == filled(template)


def test_padding_stands_at_open_ends_only():
    """Padded texts have words where the template is open, and nowhere else."""
    assert [filled(source, padded=True)[0] for source in ("…a…", "…a", "a…", "a")] == [
        "Well: a (and so on)",
        "Well: a",
        "a (and so on)",
        "a",
    ]


# Everything that an entry is recognised by.


@every_entry
def test_words_cover_codes_statuses_and_texts(rule):
    """Every code, every status and every template of an entry is said at least once."""
    entry = _ENTRIES[rule]
    said = list(words_of(entry))
    assert set(entry.codes) <= {words.code for words in said}
    assert {status[0] for status in entry.statuses} <= {str(words.status)[0] for words in said}
    assert {status for status in entry.statuses if status.isdigit()} <= {str(words.status) for words in said}
    alone = {words.message for words in said if words.code is None}
    assert {filled(template.source, padded=True)[0] for template in entry.templates} <= alone


@every_entry
def test_code_decides_whatever_stands_beside_it(rule):
    """A code is said with its message, without one and beside an unrelated text, which a vague code does not outrank."""
    entry = _ENTRIES[rule]
    own = None if entry.message is None else filled(entry.message)[0]
    expected = {own, None} if entry.generic else {own, None, UNRELATED}
    for code in entry.codes:
        assert expected == {words.message for words in words_of(entry) if words.code == code}


@every_entry
def test_words_come_back_as_the_entry_or_one_of_its_refinements(rule):
    """What the words must come back as is the entry or a refinement of it, with that one's category."""
    entry = _ENTRIES[rule]
    categories = {rule: entry.category} | {refinement.rule: refinement.category for refinement in entry.refinements}
    assert set() == {(words.rule, words.category) for words in words_of(entry)} - set(categories.items())


@every_refinement
def test_words_of_a_refinement_come_back_as_it(rule):
    """Words of a refinement name that refinement, and there are some."""
    entry, refinement = _REFINEMENTS[rule]
    assert {(rule, refinement.category)} == {(words.rule, words.category) for words in words_of_refinement(entry, refinement)}


@every_refinement
def test_words_of_a_refinement_have_every_code(rule):
    """A refinement is said with every code of its entry."""
    entry, refinement = _REFINEMENTS[rule]
    assert set(entry.codes) <= {words.code for words in words_of_refinement(entry, refinement)}


@every_entry
def test_words_are_said_once(rule):
    """No words are given twice."""
    said = list(words_of(_ENTRIES[rule]))
    assert len(set(said)) == len(said)


def test_layers_are_sent_by_every_vendor():
    """Entries of the layers come from each vendor in turn, or from the one that is asked for."""
    entry = _CATALOGS.layers.entries["APIGW_FORBIDDEN"]
    assert list(_PROVIDERS) == list(dict.fromkeys(words.provider for words in words_of(entry)))
    assert {"heify"} == {words.provider for words in words_of(entry, "heify")}


def test_entries_are_sent_by_their_own_vendor():
    """An entry of one vendor is never said by another."""
    with pytest.raises(ValueError, match=r"heygen/FORBIDDEN is not sent by 'heify': use one of heygen"):
        list(words_of(_ENTRIES["heygen/FORBIDDEN"], "heify"))


@pytest.mark.parametrize(
    ("rule", "speaker"),
    [
        ("heygen/FORBIDDEN", "vendor"),
        ("heify/TRANSCRIPTION_FAILED", "vendor"),
        ("layers/APIGW_FORBIDDEN", "gateway"),
        ("layers/LAMBDA_UNHANDLED_ERROR", "lambda"),
        ("layers/S3_SLOW_DOWN", "storage"),
        ("layers/CLOUDFRONT_MISSING_KEY", "storage"),
        ("layers/PROXY_BAD_GATEWAY", "proxy"),
    ],
)
def test_speaker(rule, speaker):
    """The speaker says which layer the words are from."""
    assert {speaker} == {words.speaker for words in words_of(_ENTRIES[rule])}


# Conditions that the shipped catalogs do not use, but overlays can.

_CONDITIONS = {
    "endpoint": {"endpoint": "/v3/videos"},
    "channel": {"channel": "job"},
    "no message": {"no_message": True},
    "status": {"status": "404"},
    "message": {"message": "foo {bar}"},
    "detail": {"detail": "foo {bar}"},
    "text": {"text": "foo {bar}"},
}


@pytest.mark.parametrize("name", _CONDITIONS)
def test_words_meet_the_conditions_of_the_entry(name, laid_over, entry):
    """Where the whole entry has a condition, its words meet it."""
    laid = laid_over(entry(when=_CONDITIONS[name])).catalogs.space("heygen").entries["MY_ERROR"]
    channel = "job" if name == "channel" else "response"
    said = list(words_of(laid))
    assert [True] * len(said) == [words.holds(channel=channel, status=words.status, detail=words.detail) for words in said]
    assert said != []


# The typical words.


@every_provider
def test_everything_that_can_be_looked_up_is_said(provider):
    """Every code, name and rule gives the words of its entry, those of refinements theirs, layers for every vendor."""
    found, expected = [], []
    for entry in _entries_sent_by(provider):
        for what in (entry.name, entry.rule, *entry.codes):
            own = what == entry.rule or provider == entry.provider or not _is_known(provider, what)
            if own:
                found.append((what, typical(provider, what).entry.rule))
                expected.append((what, entry.rule))
        for refinement in entry.refinements:
            for what in (refinement.rule, refinement.rule.partition("/")[2]):
                found.append((what, typical(provider, what).rule))
                expected.append((what, refinement.rule))
    assert expected == found


def _is_known(provider, what):
    space = _CATALOGS.space(provider)
    return what in space.by_code or what.lower() in space.by_code or what in space.entries


@every_provider
@pytest.mark.parametrize("category", Category)
def test_category_gives_an_entry_of_that_category(provider, category):
    """A category gives the vendor's typical entry, which has that category; where there is none the error lists the others."""
    known = _TYPICAL[provider]
    if category in known:
        texts = [text for text in (category.value, category.name) if not _is_known(provider, text)]
        found = [typical(provider, what) for what in (category, *texts)]
        assert {(category, known[category])} == {(words.category, words.entry.name) for words in found}
        return
    with pytest.raises(KeyError, match=rf"{provider} has no error of the category {category.value}; it has authentication, "):
        typical(provider, category)


def test_heygen_has_every_category():
    """HeyGen, with the layers before it, can fail in every category."""
    assert set(Category) == set(_TYPICAL["heygen"])


def test_code_goes_before_category():
    """A text that is a code and a category is taken as the code; the enum's member is always the category."""
    assert tuple(typical("heygen", what).entry.name for what in ("not_found", Category.NOT_FOUND)) == ("NOT_FOUND", "VIDEO_NOT_FOUND")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("UNAUTHORIZED", "unauthorized"),
        ("heygen/UNAUTHORIZED", "unauthorized"),
        ("unauthorized", "unauthorized"),
        ("400112", "400112"),
        (400112, "400112"),
        ("40102", "40102"),
        ("rate_limited", "rate_limited"),
        ("RATE_LIMIT_EXCEEDED", "rate_limit_exceeded"),
        ("10007", "10007"),
        ("STREAMING_CONCURRENT_LIMIT", "10007"),
        ("INVALID_URL", None),
        ("SlowDownRead", "SlowDownRead"),
        ("S3_SLOW_DOWN", "SlowDown"),
    ],
)
def test_code_of_typical_words(what, code):
    """A code that was asked for is kept; else the lower-case text code of today goes before numbers."""
    assert code == typical("heygen", what).code


@every_entry
def test_typical_words_are_the_entrys_own(rule):
    """Typical words have the entry's message and detail, and the first status at which they mean the entry itself.

    A code without a known message has its name in plain words.
    """
    entry = _ENTRIES[rule]
    words = typical(_PROVIDERS[-1] if entry.provider == "layers" else entry.provider, rule)
    refined = {status for refinement in entry.refinements if set(refinement.when) == {"status"} for status in refinement.when["status"]}
    own_statuses = [status.replace("xx", "00") for status in entry.statuses if status not in refined]
    stated = own_statuses[0] if own_statuses else ("400", "500")[entry.fault in {"provider", "network"}]
    if entry.shape == "raw_lambda_error":
        stated = "200"
    if not own_statuses and entry.statuses:  # every status is refined
        stated = entry.statuses[0]
    own = filled(entry.message)[0] if entry.message is not None else words.message
    assert (stated, own) == (str(words.status), words.message)
    if entry.message is None and entry.named and entry.shape is None:
        assert entry.name.lower() == words.message.lower().replace(" ", "_")
    assert words.detail == (entry.detail if words.code is not None else None)


@pytest.mark.parametrize(
    ("provider", "what", "message"),
    [
        (
            "heygen",
            "rate_limi",
            "no code, name, rule or category 'rate_limi' of heygen; the nearest are rate_limit, rate_limited, rate_limit_exceeded",
        ),
        ("heygen", "UNAUTHORISED", "the nearest are UNAUTHORIZED, "),
        ("heygen", "VIDEO_FORMAT_NOT_SUPPORTED#pan", "the nearest are VIDEO_FORMAT_NOT_SUPPORTED#plan, "),
        ("heygen", "heify/MISSING_FIELD", "no code, name, rule or category 'heify/MISSING_FIELD' of heygen"),
        ("heify", "MISSING_FEILD", "the nearest are MISSING_FIELD"),
        ("heify", "zzzzzz", "no code, name, rule or category 'zzzzzz' of heify"),
    ],
)
def test_unknown_name_gives_the_nearest(provider, what, message):
    """What no catalog knows is a KeyError that names the nearest codes, names, rules and categories."""
    with pytest.raises(KeyError) as raised:
        typical(provider, what)
    assert message in str(raised.value)


def test_unknown_provider_lists_the_known():
    """A provider that there is none of is a ValueError that lists the right ones."""
    with pytest.raises(ValueError, match=r"there is no provider 'hegen': use one of heygen, liveavatar, heify"):
        typical("hegen", "rate_limit")


# Words in another generation, and words of one's own.


@pytest.mark.parametrize(
    ("what", "codes"),
    [
        ("UNAUTHORIZED", ["400112", "unauthorized", "unauthorized"]),
        ("40102", ["40102", "unauthorized", "unauthorized"]),
        ("RATE_LIMIT_EXCEEDED", ["rate_limit_exceeded"] * 3),
        ("STREAMING_CONCURRENT_LIMIT", ["10007"] * 3),
        ("INVALID_URL", [None] * 3),
        ("SlowDown", ["SlowDown"] * 3),
    ],
)
def test_code_of_a_generation(what, codes):
    """v1 has numbers, v2 and v3 have texts; an entry that has one kind only keeps its code everywhere."""
    words = typical("heygen", what)
    assert codes == [words.in_generation(generation).code for generation in ("v1", "v2", "v3")]


def test_link_follows_the_code():
    """The link of the v3 error object has the code as its anchor, with hyphens."""
    assert (
        typical("heygen", "rate_limit").doc_url,
        typical("heygen", "400112").in_generation("v3").doc_url,
        reworded(typical("heygen", "rate_limit"), code="brand_new").doc_url,
        typical("liveavatar", "4003").doc_url,
    ) == (
        "https://developers.heygen.com/docs/error-codes#rate-limit-exceeded",
        "https://developers.heygen.com/docs/error-codes#unauthorized",
        "https://developers.heygen.com/docs/error-codes#brand-new",
        None,
    )


@pytest.mark.parametrize(
    ("what", "changes", "rule"),
    [
        ("400140", {}, "heygen/MOVIO_API_EXCEED_RATE_LIMIT"),
        ("400140", {"message": "Slow down, please"}, "heygen/MOVIO_API_EXCEED_RATE_LIMIT"),
        ("400140", {"detail": "Daily rate limit exceeded"}, "heygen/MOVIO_API_EXCEED_RATE_LIMIT#daily"),
        ("MOVIO_API_EXCEED_RATE_LIMIT#daily", {"detail": "Some other"}, "heygen/MOVIO_API_EXCEED_RATE_LIMIT"),
        ("ASSET_NOT_AVAILABLE", {"status": 404}, "heygen/ASSET_NOT_AVAILABLE#gone"),
        ("400140", {"code": "no_such_code"}, None),
        ("INVALID_URL", {"message": "Some other text"}, None),
        ("INVALID_URL", {"message": "not a valid URL: x"}, "heygen/INVALID_URL"),
        ("JOB_FAILED_WITHOUT_REASON", {"job_id": "7"}, "heygen/JOB_FAILED_WITHOUT_REASON"),
        ("JOB_FAILED_WITHOUT_REASON", {"message": "A reason"}, None),
    ],
)
def test_other_words_are_what_they_come_back_as(what, changes, rule):
    """Changed words name the refinement that they now fall under, or nothing where the entry is not recognised by them."""
    assert rule == reworded(typical("heygen", what), **changes).rule


def test_other_message_has_no_captures_of_the_old():
    """With another message the old captures are gone; with another status they stay."""
    words = typical("heygen", "INVALID_URL")
    assert ({}, words.params) == (reworded(words, message="not a valid URL: x").params, reworded(words, status=422).params)


def test_given_details_must_be_told():
    """A detail and a param that are given need a place in the shape; others do not."""
    words = typical("heygen", "UNAUTHORIZED")
    assert [frozenset(), {"detail"}, {"detail", "param"}, frozenset()] == [
        words.needs,
        reworded(words, detail="x").needs,
        reworded(words, detail="x", param="y").needs,
        reworded(words, message="x", status=400).needs,
    ]


def test_own_words_need_no_entry():
    """Words can be said that no catalog knows: they have no rule and no category."""
    words = Words(provider="heygen", status=418, code="no_such_code", message="Tea")
    assert (words.rule, words.category, words.sign, words.only_in_jobs) == (None, None, None, False)
    assert words.holds(channel="response", status=418, detail=None)
    assert reworded(words, message="Coffee") == attrs.evolve(words, message="Coffee")


@pytest.mark.parametrize(
    ("provider", "what", "expected"),
    [
        ("heygen", "RENDERING_FAILED", True),
        ("heygen", "JOB_NOT_FOUND", True),
        ("heify", "TRANSCRIPTION_FAILED", True),
        ("heygen", "UNAUTHORIZED", False),
        ("heify", "LAMBDA_UNHANDLED_ERROR", False),
        ("heify", "PRESIGNED_URL_EXPIRED", False),
    ],
)
def test_what_only_failed_jobs_say(provider, what, expected):
    """Entries that tell why a job failed are told from refusals and from the layers' shapes."""
    assert expected is typical(provider, what).only_in_jobs


def test_jobs_only_names_exist():
    """Every name that is listed as a reason of failed jobs stands in HeyGen's catalog."""
    assert set() == _ONLY_IN_JOBS - set(_CATALOGS.space("heygen").entries)


def test_words_are_values():
    """Equal words are equal, hashable and frozen, and their repr names the rule instead of dumping the entry."""
    one, other = typical("heygen", "400112"), typical("heygen", "400112")
    assert (one, hash(one)) == (other, hash(other))
    assert "entry=heygen/UNAUTHORIZED, refinement=None" in repr(one)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.status = 1


def test_templates_of_the_catalogs_are_tried():
    """The check of filled templates runs over templates with captures and open ends."""
    templates = [Template(source) for source in _templates()]
    assert min(sum(bool(template.names) for template in templates), sum(template.open_end for template in templates)) > 10


def test_speakers_are_all_used():
    """Every speaker says some entry."""
    assert set(Speaker) == {words.speaker for entry in _ENTRIES.values() for words in words_of(entry)}
