"""Events and hooks: each hook is told of its events and no others, and can do a call no harm."""

from __future__ import annotations

import functools
import logging
import typing

import attrs
import pytest

from heify_heygen_errors.normalizer import UnknownCode
from heify_heygen_errors.retry.budget import BudgetState
from heify_heygen_errors.retry.events import (
    AttemptEnded,
    BreakerChanged,
    BudgetExhausted,
    DeprecationSeen,
    Event,
    GaveUp,
    Hooks,
    Listeners,
    RetryPlanned,
)
from heify_heygen_errors.retry.policy import Reason
from heify_heygen_errors.testing import info

CALL = {"provider": "heygen", "method": "POST", "path": "/v3/videos"}
FAILURE = info("heygen", "internal_error")
EVENTS = {
    "on_attempt": AttemptEnded(**CALL, number=1, seconds=0.2, status=500, request_id="r", info=FAILURE),
    "on_retry": RetryPlanned(**CALL, number=1, wait=0.3, reason=Reason.TRANSIENT, info=FAILURE),
    "on_give_up": GaveUp(**CALL, attempts=3, reason=Reason.ATTEMPTS, wait=None, info=FAILURE),
    "on_unknown_code": UnknownCode("heygen", "brand_new", FAILURE),
    "on_deprecation": DeprecationSeen(**CALL, message="It ends.", sunset="Sat, 31 Oct 2026 00:00:00 GMT", link=None),
    "on_budget_exhausted": BudgetExhausted(**CALL, state=BudgetState(tokens=3, capacity=500), info=FAILURE),
    "on_breaker_change": BreakerChanged(provider="heygen", before="closed", after="open", failures=9, calls=10),
}


def test_every_kind_of_event_has_its_hook():
    """There is one hook for each kind of event, and one kind of event for each hook."""
    assert set(typing.get_args(Event)) == {type(event) for event in EVENTS.values()}
    assert {field.name for field in attrs.fields(Hooks)} == set(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
def test_hook_is_told_of_its_events_only(name):
    """A hook is called with the very event of its kind, once, and with no other."""
    told = []
    listeners = Listeners(Hooks(**{name: told.append}))
    for event in EVENTS.values():
        listeners.tell(event)
    assert [id(event) for event in told] == [id(EVENTS[name])]


@pytest.mark.parametrize("name", EVENTS)
def test_wants_says_who_listens(name):
    """Whether anyone listens to a kind of event is known beforehand."""
    listeners = Listeners(Hooks(**{name: print}))
    assert {kind: listeners.wants(type(event)) for kind, event in EVENTS.items()} == {kind: kind == name for kind in EVENTS}


@pytest.mark.parametrize("hooks", [None, Hooks(), [], [Hooks(), Hooks()]])
def test_nobody_needs_to_listen(hooks):
    """Without hooks, events go nowhere."""
    listeners = Listeners(hooks)
    for event in EVENTS.values():
        listeners.tell(event)
    assert {listeners.wants(type(event)) for event in EVENTS.values()} == {False}


@pytest.mark.parametrize("several", [list, tuple, iter, lambda hooks: (hook for hook in hooks)])
def test_several_hooks_are_told_in_order(several):
    """Several sets of hooks are told one after the other, in the order in which they were given."""
    told = []
    hooks = [Hooks(on_retry=lambda event, name=name: told.append((name, event))) for name in "abc"]
    Listeners(several(hooks)).tell(EVENTS["on_retry"])
    assert told == [(name, EVENTS["on_retry"]) for name in "abc"]


@pytest.mark.parametrize("name", EVENTS)
def test_what_a_hook_raises_stays_away_from_the_call(name, caplog):
    """A hook that fails is logged with the event's kind and its traceback; the hooks behind it are told all the same."""
    told = []

    def broken(_):
        msg = "the metric server is down"
        raise RuntimeError(msg)

    with caplog.at_level(logging.ERROR, logger="heify_heygen_errors"):
        Listeners([Hooks(**{name: broken}), Hooks(**{name: told.append})]).tell(EVENTS[name])
    assert told == [EVENTS[name]]
    assert [(record.name, type(EVENTS[name]).__name__ in record.getMessage()) for record in caplog.records] == [
        ("heify_heygen_errors", True)
    ]
    assert "the metric server is down" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_end_of_the_program_passes(stop):
    """What ends a program is no failure of a hook, and passes."""

    def interrupted(_):
        raise stop

    with pytest.raises(stop):
        Listeners(Hooks(on_retry=interrupted)).tell(EVENTS["on_retry"])


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_events_are_frozen(event):
    """A hook cannot change an event under the eyes of the next one."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.provider = "heify"
    assert event == attrs.evolve(event)


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_events_take_names_only(event):
    """Fields can be added without breaking who makes an event: all but the oldest kind take names only."""
    fields = attrs.fields(type(event))
    assert {field.kw_only for field in fields} == {not isinstance(event, UnknownCode)}


@pytest.mark.parametrize("hooks", [5, "hooks", {"on_retry": print}, [None], Hooks], ids=lambda value: str(value)[:12])
def test_what_are_no_hooks_is_refused(hooks):
    """Anything but Hooks is refused where it is given, with what to write instead."""
    with pytest.raises(TypeError, match=r"Hooks\(on_attempt="):
        Listeners(hooks)


def test_one_function_is_told_of_everything():
    """A plain function, alone or among Hooks, is told of every event, each once."""
    told, retries = [], []
    listeners = Listeners([told.append, Hooks(on_retry=retries.append)])
    for event in EVENTS.values():
        listeners.tell(event)
    assert told == list(EVENTS.values())
    assert [type(event) for event in retries] == [RetryPlanned]
    assert Listeners(print).wants(GaveUp)


async def awaited(_):
    """A hook that would have to be awaited."""


class Awaited:
    """An object whose call would have to be awaited."""

    async def __call__(self, event):
        """As `awaited`."""


@pytest.mark.parametrize(
    "wrong", [3, "print", None, awaited, functools.partial(awaited), Awaited()], ids=lambda value: type(value).__name__
)
def test_hook_that_cannot_be_called_is_refused(wrong):
    """A hook that is no function, or one that would never be awaited, is refused by its name."""
    with pytest.raises(TypeError, match="on_retry"):
        Hooks(on_retry=wrong)
