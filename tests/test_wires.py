"""Every entry of every catalog through the whole path, in every form in which it arrives."""

from functools import cache

import pytest
from wires import wires_of

from heify_heygen_errors import Outcome, normalize_all, raise_for_error
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.exceptions import ApiError

_ENTRIES = {f"{entry.provider}/{entry.name}": entry for entry in default_catalogs().entries()}

every_entry = pytest.mark.parametrize("name", _ENTRIES)


@cache
def _arrived(name):
    """Every form of an entry, with each failure that comes out of it; it must be one."""
    return [(wire, info) for wire in wires_of(_ENTRIES[name]) for info in normalize_all(wire.observation())]


@every_entry
def test_words_of_an_entry_come_back_exactly(name):
    """Code, message, detail, channel and status come back as they were sent, in every form of the vendor."""
    found = [(wire.shape, info.channel, info.code, info.message, info.detail, info.status) for wire, info in _arrived(name)]
    assert found == [(wire.shape, wire.channel, wire.code, wire.message, wire.detail, wire.status) for wire in wires_of(_ENTRIES[name])]


@every_entry
def test_every_form_of_an_entry_gives_that_entry(name):
    """An entry is recognised in every form of its vendor, and its category is the entry's or that of the refinement named."""
    entry = _ENTRIES[name]
    categories = {entry.rule: entry.category} | {refinement.rule: refinement.category for refinement in entry.refinements}
    found = [(wire.shape, wire.body, wire.status, info.name, info.category) for wire, info in _arrived(name)]
    assert found == [(wire.shape, wire.body, wire.status, entry.name, categories.get(info.rule)) for wire, info in _arrived(name)]


@every_entry
def test_captures_of_an_entry_come_back(name):
    """What stands in a message instead of a placeholder comes back under the placeholder's name."""
    found = [(wire.shape, wire.body, dict(info.params)) for wire, info in _arrived(name) if wire.params]
    assert found == [(wire.shape, wire.body, wire.params) for wire in wires_of(_ENTRIES[name]) if wire.params]


@every_entry
def test_ids_and_links_of_an_entry_come_back(name):
    """Param, doc_url and the ids of the failed object come back where a form has them."""
    found = [(wire.shape, wire.param and info.param, info.doc_url, dict(info.resource)) for wire, info in _arrived(name)]
    assert found == [(wire.shape, wire.param, wire.doc_url, wire.resource) for wire in wires_of(_ENTRIES[name])]


@every_entry
def test_advice_of_an_entry_fits_its_form(name):
    """A failed job was accepted, whatever its reason; a refusal by status took no effect unless the entry says otherwise."""
    entry = _ENTRIES[name]
    stated = {entry.rule: entry.compiled.outcome} | {refinement.rule: refinement.compiled.outcome for refinement in entry.refinements}
    found = [(wire.shape, wire.status, info.retry.outcome) for wire, info in _arrived(name)]
    assert found == [(wire.shape, wire.status, _outcome(wire, info, stated.get(info.rule))) for wire, info in _arrived(name)]


def _outcome(wire, info, stated):
    if wire.channel in {"job", "webhook"}:
        return Outcome.ACCEPTED
    if stated is not None:
        return stated
    if wire.status is None or wire.status < 400:
        return Outcome.REFUSED if info.fault in {"caller", "account"} else Outcome.UNKNOWN
    return Outcome.REFUSED if wire.status < 500 and wire.status != 408 else Outcome.UNKNOWN


@every_entry
def test_only_items_do_not_raise(name):
    """`raise_for_error` raises the one failure of every form, unless it is an item of a list or batch."""
    found = [(wire.shape, _raised(wire)) for wire, _ in _arrived(name)]
    assert found == [(wire.shape, None if wire.item else info) for wire, info in _arrived(name)]


def _raised(wire):
    try:
        raise_for_error(wire.observation())
    except ApiError as error:
        return error.info
    return None


@every_entry
def test_every_entry_has_forms(name):
    """No entry is left out: each has at least one form, and one per code and per text that decides."""
    entry = _ENTRIES[name]
    wires = wires_of(entry)
    assert {wire.code for wire in wires} >= set(entry.codes)
    assert len(wires) >= max(1, len(entry.templates))
