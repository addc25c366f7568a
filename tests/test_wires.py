"""Every entry and every refinement of every catalog through the whole path, in every form in which it arrives."""

from functools import cache

import pytest

from heify_heygen_errors import Outcome, normalize_all, raise_for_error
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.exceptions import ApiError
from heify_heygen_errors.testing.shapes import wires_of, wires_of_refinement

_ENTRIES = {entry.rule: entry for entry in default_catalogs().entries()}
_REFINEMENTS = {refinement.rule: (entry, refinement) for entry in _ENTRIES.values() for refinement in entry.refinements}

every_rule = pytest.mark.parametrize("rule", [*_ENTRIES, *_REFINEMENTS])
every_entry = pytest.mark.parametrize("rule", _ENTRIES)
every_refinement = pytest.mark.parametrize("rule", _REFINEMENTS)


@cache
def _sent(rule):
    """Every form of an entry or refinement."""
    if rule in _ENTRIES:
        return list(wires_of(_ENTRIES[rule]))
    return list(wires_of_refinement(*_REFINEMENTS[rule]))


@cache
def _arrived(rule):
    """Every form, with each failure that comes out of it; it must be one."""
    return [(wire, info) for wire in _sent(rule) for info in normalize_all(wire.observation())]


@every_rule
def test_words_come_back_exactly(rule):
    """Code, message, detail, channel and status come back as they were sent, in every form of the vendor."""
    found = [(wire.shape, info.channel, info.code, info.message, info.detail, info.status) for wire, info in _arrived(rule)]
    assert found == [(wire.shape, wire.channel, wire.code, wire.message, wire.detail, wire.status) for wire in _sent(rule)]


@every_rule
def test_every_form_gives_its_rule(rule):
    """An entry or refinement is recognised as itself in every form of its vendor, with its category."""
    found = [(wire.shape, wire.body, wire.status, info.rule, info.category) for wire, info in _arrived(rule)]
    assert found == [(wire.shape, wire.body, wire.status, wire.words.rule, wire.words.category) for wire in _sent(rule)]


@every_entry
def test_forms_of_an_entry_are_its_own(rule):
    """Every form of an entry comes back under the entry's name."""
    assert {_ENTRIES[rule].name} == {info.name for _, info in _arrived(rule)}


@every_refinement
def test_forms_of_a_refinement_are_its_own(rule):
    """Every form of a refinement comes back as that refinement and no other."""
    assert {rule} == {info.rule for _, info in _arrived(rule)}


@every_rule
def test_captures_come_back(rule):
    """What stands in a message instead of a placeholder comes back under the placeholder's name."""
    found = [(wire.shape, wire.body, dict(info.params)) for wire, info in _arrived(rule) if wire.params]
    assert found == [(wire.shape, wire.body, dict(wire.params)) for wire in _sent(rule) if wire.params]


@every_rule
def test_ids_and_links_come_back(rule):
    """Param, doc_url and the ids of the failed object come back where a form has them."""
    found = [(wire.shape, wire.param and info.param, info.doc_url, dict(info.resource)) for wire, info in _arrived(rule)]
    assert found == [(wire.shape, wire.param, wire.doc_url, dict(wire.resource)) for wire in _sent(rule)]


@every_rule
def test_advice_fits_its_form(rule):
    """A failed job was accepted, whatever its reason; a refusal by status took no effect unless the catalog says otherwise."""
    found = [(wire.shape, wire.status, info.retry.outcome) for wire, info in _arrived(rule)]
    assert found == [(wire.shape, wire.status, _outcome(wire, info)) for wire, info in _arrived(rule)]


def _outcome(wire, info):
    if wire.channel in {"job", "webhook"}:
        return Outcome.ACCEPTED
    stated = (wire.words.refinement or wire.words.entry).compiled.outcome
    if stated is not None:
        return stated
    if wire.status is None or wire.status < 400:
        return Outcome.REFUSED if info.fault in {"caller", "account"} else Outcome.UNKNOWN
    return Outcome.REFUSED if wire.status < 500 and wire.status != 408 else Outcome.UNKNOWN


@every_rule
def test_only_items_do_not_raise(rule):
    """`raise_for_error` raises the one failure of every form, unless it is an item of a list or batch."""
    found = [(wire.shape, _raised(wire)) for wire, _ in _arrived(rule)]
    assert found == [(wire.shape, None if wire.item else info) for wire, info in _arrived(rule)]


def _raised(wire):
    try:
        raise_for_error(wire.observation())
    except ApiError as error:
        return error.info
    return None


@every_entry
def test_every_entry_has_forms(rule):
    """No entry is left out: each has at least one form, and one per code and per text that decides."""
    entry = _ENTRIES[rule]
    assert {wire.code for wire in _sent(rule)} >= set(entry.codes)
    assert len(_sent(rule)) >= max(1, len(entry.templates))


@every_refinement
def test_every_refinement_has_forms(rule):
    """No refinement is left out: each has at least one form, and one per text that decides."""
    condition = _REFINEMENTS[rule][1].condition
    assert len(_sent(rule)) >= max(1, len(condition.messages) + len(condition.details) + len(condition.texts))
