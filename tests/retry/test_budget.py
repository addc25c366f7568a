"""The retry budget: tokens that all threads share, and that never go below nothing or above full."""

from __future__ import annotations

import math
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors.retry.budget import CAPACITY, BudgetState, RetryBudget, shared_budget


def test_is_full_at_start():
    """A new budget holds the agreed 500 tokens, all of them there."""
    assert (CAPACITY, RetryBudget().state) == (500, BudgetState(tokens=500, capacity=500))


def test_capacity_can_be_chosen():
    """A budget of another size is full at start too, also one of nothing."""
    assert [RetryBudget(size).state for size in (0, 30)] == [BudgetState(tokens=size, capacity=size) for size in (0, 30)]


def test_taken_tokens_are_gone():
    """What is taken is missing from the state."""
    budget = RetryBudget()
    assert [budget.take(14), budget.take(5)] == [True, True]
    assert budget.state.tokens == 481


@pytest.mark.parametrize(("capacity", "asked", "taken"), [(14, 14, True), (13, 14, False), (0, 1, False), (0, 0, True)])
def test_nothing_is_taken_where_too_little_is_left(capacity, asked, taken):
    """Tokens are taken all or not at all, down to the last one."""
    budget = RetryBudget(capacity)
    assert budget.take(asked) is taken
    assert budget.state.tokens == (capacity - asked if taken else capacity)


def test_tokens_come_back_up_to_full():
    """What is brought back is there again, and a full budget stays full."""
    budget = RetryBudget()
    budget.take(14)
    budget.give(10)
    assert budget.state.tokens == 496
    budget.give(100)
    assert budget.state.tokens == 500


def test_state_is_of_its_moment():
    """A state that was read stays as it was, and cannot be changed."""
    budget = RetryBudget()
    before = budget.state
    budget.take(14)
    assert (before.tokens, budget.state.tokens) == (500, 486)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        before.tokens = 1


def test_shows_what_is_left():
    """The repr says how many tokens of how many are left."""
    budget = RetryBudget(20)
    budget.take(5)
    assert repr(budget) == "RetryBudget(15 of 20 tokens)"


@pytest.mark.parametrize("wrong", [-1, 2.5, math.nan, "5", None, True])
def test_wrong_numbers_are_refused(wrong):
    """Tokens are whole numbers from nothing; anything else is refused with the value, and nothing changes."""
    budget = RetryBudget(100)
    budget.take(50)
    for use in (RetryBudget, budget.take, budget.give):
        with pytest.raises(ValueError, match="whole number from 0") as caught:
            use(wrong)
        assert repr(wrong) in str(caught.value)
    assert budget.state.tokens == 50


@given(st.integers(0, 600), st.lists(st.tuples(st.booleans(), st.integers(0, 100))))
def test_tokens_stay_within_bounds(capacity, uses):
    """Whatever is taken and brought back, there are never less than no tokens nor more than a full budget."""
    budget = RetryBudget(capacity)
    left = capacity
    for taking, tokens in uses:
        if taking:
            taken = budget.take(tokens)
            assert taken is (tokens <= left)
            left -= tokens * taken
        else:
            budget.give(tokens)
            left = min(capacity, left + tokens)
        assert budget.state == BudgetState(tokens=left, capacity=capacity)


def hammer(budget, seed, start, seen):
    """A thread's life: takes 14 or 5, brings some of it back; gives what it kept."""
    drawn = random.Random(seed)
    kept = []
    start.wait()
    for _ in range(3000):
        cost = drawn.choice((14, 5))
        if drawn.random() < 0.6 and budget.take(cost):
            kept.append(cost)
        elif kept:
            budget.give(kept.pop())
        seen.append(budget.state.tokens)
    return sum(kept)


@pytest.fixture
def hurried():
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hurried")
def test_threads_lose_no_tokens():
    """Eight threads at once: the tokens stay within bounds, and in the end exactly those are missing that were kept."""
    budget = RetryBudget(200)
    start = threading.Barrier(8)
    seen = [[] for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        kept = sum(pool.map(lambda number: hammer(budget, number, start, seen[number]), range(8)))
    tokens = [number for of_thread in seen for number in of_thread]
    assert (min(tokens) >= 0, max(tokens) <= 200, len(tokens)) == (True, True, 24_000)
    assert budget.state.tokens == 200 - kept


def test_last_tokens_go_to_one_thread():
    """Of many threads that want the last tokens exactly as many get some as there are tokens for."""
    budget = RetryBudget(14 * 10 + 13)
    start = threading.Barrier(32)

    def want(_):
        start.wait()
        return budget.take(14)

    with ThreadPoolExecutor(32) as pool:
        taken = list(pool.map(want, range(32)))
    assert (taken.count(True), budget.state.tokens) == (10, 13)


# Shared by the process


def test_provider_and_host_share_one_budget():
    """All that call the same host of a vendor have one budget, whoever asks for it."""
    assert shared_budget("heygen", "api.one.test") is shared_budget("heygen", "api.one.test")


@pytest.mark.parametrize(("provider", "host"), [("heify", "api.two.test"), ("heygen", "upload.two.test"), ("heygen", "api.two.test:8443")])
def test_others_have_their_own(provider, host):
    """Another vendor, host or port has a budget of its own."""
    assert shared_budget(provider, host) is not shared_budget("heygen", "api.two.test")


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        ("HeyGen", "api.three.test"),
        ("heygen", "API.Three.test"),
        ("heygen", "api.three.test."),
        ("heygen", "api.three.test:443"),
        ("heygen", "api.three.test.:443"),
        (" heygen ", " api.three.test "),
    ],
)
def test_spelling_does_not_matter(provider, host):
    """Case, the port of https and a dot behind the name make no other host."""
    assert shared_budget(provider, host) is shared_budget("heygen", "api.three.test")


@pytest.mark.parametrize("host", ["[::1]", "[::1]:8443", "127.0.0.1:8443", "localhost"])
def test_addresses_are_hosts(host):
    """Addresses with and without a port have one budget each."""
    assert shared_budget("heify", host) is shared_budget("heify", host)
    assert shared_budget("heify", host) is not shared_budget("heify", "[::2]:8443")


def test_threads_get_the_same_shared_budget():
    """Threads that ask for a budget at the same time get one and the same."""
    start = threading.Barrier(16)

    def ask(_):
        start.wait()
        return shared_budget("heygen", "api.four.test")

    with ThreadPoolExecutor(16) as pool:
        assert len({id(budget) for budget in pool.map(ask, range(16))}) == 1
