"""Every fault of the testing kit, and every kind of error of the vendors, with both clients: what is sent, paid for and given back.

What is expected stands in tests/benchmarks/fault_table.py, from which docs/benchmarks/faults.md is written.
"""

import pytest
from benchmarks import fault_table
from benchmarks.fault_table import ADDRESS_LINES, CALLS_OF, ERROR_LINES, FAULT_LINES, MODES, OPERATIONS, Scene

from heify_heygen_errors import ApiError, Category
from heify_heygen_errors.testing import error
from heify_heygen_errors.testing.certificates import KINDS
from heify_heygen_errors.testing.fault import FAULTS

every_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(scope="module")
def scene():
    with Scene() as running:
        yield running


def _name(line):
    return f"{line.fault}-{line.call}"


def test_every_fault_has_its_lines():
    """A fault that is new in the kit fails here until somebody says what comes of it, for each kind of call."""
    expected = [(name, call) for name in FAULTS for call in OPERATIONS]
    assert sorted(expected) == sorted((line.fault, line.call) for line in FAULT_LINES)


def test_every_address_has_its_lines():
    """So does a new kind of certificate, and each address at which nobody is."""
    names = {*fault_table.ADDRESSES, *(f"certificate_{kind}" for kind in KINDS)}
    assert sorted((name, call) for name in names for call in OPERATIONS) == sorted((line.fault, line.call) for line in ADDRESS_LINES)


def test_every_error_has_its_line():
    """So does a category of which a vendor has an error."""
    expected = []
    for vendor in CALLS_OF:
        for category in Category:
            try:
                error(vendor, category)
            except KeyError:  # this vendor has none
                continue
            expected.append((vendor, category))
    assert expected == [(line.vendor, line.category) for line in ERROR_LINES]


@every_mode
@pytest.mark.parametrize("line", FAULT_LINES, ids=_name)
def test_fault_is_met_once(scene, line, mode):
    """A fault that passes costs a repeat where that is safe; where it is not, the caller is told at once."""
    for operation in OPERATIONS[line.call]:
        assert line.expected(stays=False) == scene.fault(line.fault, operation, mode, stays=False)


@every_mode
@pytest.mark.parametrize("line", FAULT_LINES, ids=_name)
def test_fault_stays(scene, line, mode):
    """A fault that stays ends in an error of its category after three attempts at most, and is paid for once at most."""
    for operation in OPERATIONS[line.call]:
        assert line.expected(stays=True) == scene.fault(line.fault, operation, mode, stays=True)


@every_mode
@pytest.mark.parametrize("line", ADDRESS_LINES, ids=_name)
def test_address_is_wrong(scene, line, mode):
    """Nothing is sent to a host whose certificate is bad, and a call ends where nobody answers."""
    for operation in OPERATIONS[line.call]:
        assert line.expected(stays=True) == scene.address(line.fault, operation, mode)


@every_mode
@pytest.mark.parametrize("line", ERROR_LINES, ids=lambda line: f"{line.vendor}-{line.category}")
def test_error_of_a_vendor(scene, line, mode):
    """Each kind of error is repeated if it may pass and the call is safe to repeat, and raised as its category otherwise."""
    step = error(line.vendor, Category(line.category))
    raised = ApiError._by_category[Category(line.category)].__name__
    failure = (line.category, line.rule, line.outcome)
    for call, (requests, paid, result, requests_always, paid_always) in line.endings.items():
        operation = CALLS_OF[line.vendor][call]
        once = scene.step(step, operation, mode, stays=False)
        assert (*failure, requests, requests, paid, result.replace("error", raised)) == once
        always = scene.step(step, operation, mode, stays=True)
        assert (*failure, requests_always, requests_always, paid_always, raised) == always


def test_nothing_is_paid_for_twice():
    """No line expects more than one piece of work of a call."""
    paid = {line.once.paid for line in FAULT_LINES + ADDRESS_LINES} | {line.always.paid for line in FAULT_LINES + ADDRESS_LINES}
    paid |= {ending[index] for line in ERROR_LINES for ending in line.endings.values() for index in (1, 4)}
    assert paid == {0, 1}


def test_page_is_up_to_date():
    """docs/benchmarks/faults.md says what is tried here."""
    assert fault_table.PAGE.read_text(encoding="utf-8") == fault_table.page()
