"""The clients as a program meets them: what they are made with, what they keep to themselves, and where they go."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import pickle
import socket
import socketserver
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import attrs
import httpx2
import pytest
import requests
import urllib3
from harness import KINDS, at, observed, one
from requests.adapters import HTTPAdapter

from heify_heygen_errors import (
    Answer,
    ApiError,
    AsyncClient,
    AttemptEnded,
    AuthenticationError,
    BreakerChanged,
    BreakerPolicy,
    BudgetExhausted,
    Client,
    DeprecationSeen,
    GaveUp,
    Hooks,
    InvalidRequestError,
    Limiter,
    NetworkError,
    RateLimitError,
    RetryBudget,
    RetryPlanned,
    RetryPolicy,
    ServerError,
    TimedOutError,
    UnknownCode,
    VendorDeprecationWarning,
    shared_budget,
)
from heify_heygen_errors.client.calls import VendorCalls
from heify_heygen_errors.testing import FakeServer, ManualClock, Reply, error, fault

KEY = "sk-canary-0123456789"
ME = "/v3/users/me"
VENDORS = ("heygen", "heify", "liveavatar")
BROKEN = error("heygen", "internal_error")

both = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def me(client):
    return client.heygen.get(ME)


def once(client):
    return client.heygen.get(ME, retry=False)


# The two classes.


def test_the_arguments_of_both_clients_are_the_same():
    """Both clients take the same arguments in the same order, with the same defaults."""
    sync, awaited = (inspect.signature(kind.client).parameters for kind in KINDS)
    assert [(name, one.kind, one.default) for name, one in sync.items()] == [(name, one.kind, one.default) for name, one in awaited.items()]


def test_the_arguments_are_those_of_the_guide():
    """The keys come first and by place, all else by name."""
    names = list(inspect.signature(Client).parameters)
    assert names[:2] == ["heygen_api_key", "heify_api_key"]
    assert {"timeout", "deadline", "retry", "session", "proxies", "verify", "hooks", "clock", "sleep"} < set(names)
    with pytest.raises(TypeError):
        Client("a-heygen-key", "a-heify-key", "a-liveavatar-key")


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_calls_of_both_clients_are_the_same(vendor):
    """What a vendor of the one client offers, that of the other offers, too."""
    sync, awaited = (getattr(kind.client(), vendor) for kind in KINDS)
    names = [name for name in dir(sync) if not name.startswith("_")]
    assert names == [name for name in dir(awaited) if not name.startswith("_")]
    assert {"get", "post", "put", "patch", "delete", "request", "base_url", "budget"} <= set(names)
    assert ("upload_asset" in names) == (vendor == "heygen") == ("iterate" in names) == ("pages" in names)


@both
def test_public_names_are_explained(kind):
    """Everything that a client offers has a docstring."""
    made = kind.client()
    for owner in (kind.client, *(type(getattr(made, vendor)) for vendor in VENDORS), VendorCalls):
        for name, member in inspect.getmembers(owner):
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{owner.__name__}.{name}"


# Keys.


@both
@pytest.mark.parametrize(
    ("vendor", "variable"), [("heygen", "HEYGEN_API_KEY"), ("heify", "HEIFY_API_KEY"), ("liveavatar", "LIVEAVATAR_API_KEY")]
)
def test_keys_come_from_the_environment(fake_vendors, monkeypatch, kind, vendor, variable):
    """A key that is not given is taken from the environment, and one that is given wins over it."""
    fake_vendors.on(None, None, Reply.json({"data": 1}))
    monkeypatch.setenv(variable, f" {KEY}\n")
    for given in (None, "sk-given-0123456789"):
        options = at(fake_vendors) | {f"{name}_api_key": None for name in VENDORS} | {f"{vendor}_api_key": given}
        one(kind, options, lambda client: getattr(client, vendor).post("/v1/x", retry=False))
        assert fake_vendors.requests[-1].headers["x-api-key"] == (given or KEY)


@both
@pytest.mark.parametrize("key", [None, "", "  \n"])
def test_a_missing_key_is_told_at_the_first_call(fake_vendors, kind, key):
    """Without a key the client can be made and the other vendors called; the vendor itself is not reached without one."""
    options = at(fake_vendors) | {"heify_api_key": key}
    me_answer, raised = kind.run(options, me, lambda client: client.heify.post("/details"))
    assert me_answer.status == 200
    assert isinstance(raised, AuthenticationError)
    assert (raised.info.rule, raised.info.retryable, raised.attempts) == ("transport/KeyMissing", False, ())
    assert [received.provider for received in fake_vendors.requests] == ["heygen"]
    assert "heify_api_key" in str(raised.info) + raised.info.remedy
    assert "HEIFY_API_KEY" in raised.info.remedy


@both
def test_a_call_with_a_credential_needs_no_key(fake_vendors, kind):
    """A call that brings its own credential goes without a key of the client."""
    options = at(fake_vendors) | {"heygen_api_key": None}
    key = fake_vendors.heygen.api_key
    assert one(kind, options, lambda client: client.heygen.get(ME, headers={"X-Api-Key": key})).status == 200


@both
@pytest.mark.parametrize("key", [f"{KEY}\nx", f"{KEY}\x00", f"{KEY}ä", f"a b{KEY}\tc"])
def test_a_key_that_cannot_be_sent_is_told_without_it(fake_vendors, monkeypatch, kind, key):
    """A key with a line break or other letters is refused, by the name of its argument or variable, and not quoted."""
    with pytest.raises(ValueError, match="heygen_api_key") as raised:
        kind.client(key)
    assert KEY not in str(raised.value)
    if "\x00" in key:
        return
    monkeypatch.setenv("HEYGEN_API_KEY", key)
    with pytest.raises(ValueError, match="HEYGEN_API_KEY") as raised:
        one(kind, at(fake_vendors) | {"heygen_api_key": None}, me)
    assert KEY not in str(raised.value)


@both
def test_nothing_shows_a_key(kind):
    """Neither the repr of a client nor that of a vendor has the key in it; they say where calls go."""
    made = kind.client(KEY, KEY, liveavatar_api_key=KEY, heygen_base_url="https://gateway.example/heygen")
    shown = [repr(made), *(repr(getattr(made, vendor)) for vendor in VENDORS)]
    assert not [text for text in shown if KEY in text]
    assert "https://gateway.example/heygen" in shown[0]
    assert not [text for text in shown if " at 0x" in text]


@both
@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize("part", [lambda made: made, lambda made: made.heygen], ids=["client", "vendor"])
def test_a_client_stays_where_it_is(kind, take, part):
    """A client holds keys and connections, so that it is neither pickled nor copied, and says what to do instead."""
    with pytest.raises(TypeError, match="make one in each process"):
        take(part(kind.client(KEY)))


# Arguments that cannot be meant.


@both
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.heygen.com",
        "ftp://api.heygen.com",
        "https://",
        "https:///v3",
        "https://user:secret@api.heygen.com",
        "https://api.heygen.com?key=1",
        "https://api.heygen.com#top",
        "https://api.heygen.com:99999",
        "https://api.heygen.com:x",
        "https://[bad",
        "https://api heygen.com",
        "https://gateway.example/a b",
        "https://gateway.example/../x",
        "http://api.heygen.com",
        "http://10.0.0.1:8080",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://0.0.0.0",
        "http://[2001:db8::1]",
    ],
)
def test_a_base_url_that_cannot_be_meant_is_told(kind, vendor, url):
    """A base URL that is none, has more than a place in it, or sends a key in plain text to another machine is refused by name."""
    with pytest.raises(ValueError, match=f"{vendor}_base_url"):
        kind.client(**{f"{vendor}_base_url": url})


@both
@pytest.mark.parametrize("url", [" https://gateway.example ", "https://gateway.example/\n"])
def test_white_space_around_a_base_url_is_dropped(kind, url):
    """A base URL out of a file or a variable may have a blank or a line break at its ends."""
    assert kind.client(heygen_base_url=url).heygen.base_url == "https://gateway.example"


@both
@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://LOCALHOST", "http://a.localhost", "http://127.0.0.1", "http://[::1]:80", "http://127.9.9.9"]
)
def test_plain_http_is_for_this_machine(kind, url):
    """Plain http is taken where no key leaves the machine."""
    assert kind.client(heygen_base_url=url).heygen.base_url == url


WRONG = [
    ({"heygen_api_key": 5}, "heygen_api_key"),
    ({"heify_api_key": b"key"}, "heify_api_key"),
    ({"liveavatar_api_key": ["key"]}, "liveavatar_api_key"),
    ({"heygen_base_url": b"https://a.example"}, "heygen_base_url"),
    ({"timeout": 0}, "timeout"),
    ({"timeout": None}, "timeout"),
    ({"timeout": (5, 0)}, "timeout"),
    ({"timeout": "5"}, "timeout"),
    ({"deadline": 0}, "deadline"),
    ({"deadline": float("nan")}, "deadline"),
    ({"deadline": "60"}, "deadline"),
    ({"retry": 3}, "retry"),
    ({"retry": None}, "retry"),
    ({"session": object()}, "session"),
    ({"session": requests.Session}, "session"),
    ({"session": httpx2.Client}, "session"),
    ({"proxies": "http://127.0.0.1:1"}, "proxies"),
    ({"proxies": {"ftp": "http://127.0.0.1:1"}}, "ftp"),
    ({"proxies": {"http": "::bad"}}, "prox"),
    ({"proxies": {"https": 5}}, "prox"),
    ({"verify": "/no/such/file.pem"}, "verify"),
    ({"verify": ""}, "verify"),
    ({"verify": 0}, "verify"),
    ({"verify": None}, "verify"),
    ({"hooks": 5}, "hooks"),
    ({"hooks": [None]}, "hooks"),
    ({"clock": 5}, "clock"),
    ({"sleep": 5}, "sleep"),
    ({"draw": 0.5}, "draw"),
    ({"catalogs": "mine.yaml"}, "[Cc]atalogs"),
    ({"budget": 5}, "budget"),
    ({"breaker": True}, "breaker"),
    ({"limiter": True}, "limiter"),
    ({"max_answer": 0}, "max_answer"),
    ({"max_answer": "5"}, "max_answer"),
    ({"max_answer": 2.5}, "max_answer"),
    ({"max_answer": True}, "max_answer"),
]


@both
@pytest.mark.parametrize(
    ("options", "named"), WRONG, ids=[f"{name}-{place}" for place, (options, _) in enumerate(WRONG) for name in options]
)
def test_an_argument_that_cannot_be_meant_is_told(kind, options, named):
    """What cannot work is refused when the client is made, by the name of the argument, and not when the first call is paid for."""
    with pytest.raises((TypeError, ValueError, OSError), match=named):
        kind.client(**options)


@both
@pytest.mark.parametrize("options", [{"verify": False}, {"proxies": {}}, {"proxies": {"http": "http://127.0.0.1:1"}}])
def test_a_session_has_its_own_settings(kind, options):
    """Proxies and certificates are set on the session where one is given, and saying them twice is refused."""
    session = requests.Session() if kind.name == "sync" else httpx2.AsyncClient()
    with pytest.raises(ValueError, match="on the session"):
        kind.client(session=session, **options)


def test_a_session_of_the_other_kind_is_told():
    """Each client says which session it takes when it is given the other's."""
    with pytest.raises(TypeError, match=r"requests\.Session"):
        Client(session=httpx2.AsyncClient())
    with pytest.raises(TypeError, match=r"httpx2\.AsyncClient"):
        AsyncClient(session=requests.Session())


# Life.


@both
def test_a_client_ends_with_its_block(fake_vendors, kind):
    """A client gives itself to a with block, and behind it refuses calls; nothing is sent."""
    made: list[Any] = []

    def keep(client):
        made.append(client)
        return client.heygen.get(ME)

    assert one(kind, at(fake_vendors), keep).status == 200
    [client] = made
    with pytest.raises(InvalidRequestError) as raised:
        client.heygen.get(ME) if kind.name == "sync" else asyncio.run(client.heygen.get(ME))
    assert (raised.value.info.rule, raised.value.info.retry.outcome) == ("transport/ClientClosed", "not_sent")
    assert fake_vendors.request_count == 1


def test_to_close_twice_is_harmless():
    """A client may be closed again, before the first call as well."""

    async def awaited():
        client = AsyncClient()
        await client.close()
        await client.close()

    client = Client()
    client.close()
    client.close()
    asyncio.run(awaited())


def test_a_session_is_the_users_to_close(fake_vendors):
    """A session that was given still works when the client is closed."""
    with requests.Session() as session:
        fake_vendors.mount(session)
        with Client(fake_vendors.heygen.api_key, session=session) as client:
            assert client.heygen.get(ME).status == 200
        assert session.get("https://api.heygen.com" + ME).status_code == 401

    async def awaited():
        async with httpx2.AsyncClient(transport=fake_vendors.transport()) as session:
            async with AsyncClient(fake_vendors.heygen.api_key, session=session) as client:
                assert (await client.heygen.get(ME)).status == 200
            return (await session.get("https://api.heygen.com" + ME)).status_code

    assert asyncio.run(awaited()) == 401


def echo(received):
    """The query and the body, so that an answer tells whose it is."""
    return Reply.json({"data": [received.query, received.body.decode()]})


def test_many_threads_share_a_client(fake_vendors):
    """Every thread gets the answers to its own calls, and no call is lost or sent twice."""
    fake_vendors.on(None, None, echo)
    fake_vendors.on(None, None, BROKEN, share=0.05)

    def work(number):
        got = []
        for call in range(20):
            answer = client.heygen.post("/v3/videos", params={"n": number}, json=[number, call])
            got.append((answer.data, answer.idempotency_key))
        return got

    with Client(**at(fake_vendors, sleep=lambda _: None, retry=RetryPolicy(attempts=9))) as client, ThreadPoolExecutor(16) as pool:
        done = list(pool.map(work, range(16)))
    expected = [[[{"n": str(number)}, f"[{number}, {call}]"] for call in range(20)] for number in range(16)]
    assert [[data for data, _ in thread] for thread in done] == expected
    assert len({key for thread in done for _, key in thread}) == 320


def test_many_tasks_share_a_client(fake_vendors):
    """Every task gets the answers to its own calls."""
    fake_vendors.on(None, None, echo)
    fake_vendors.on(None, None, BROKEN, share=0.05)

    async def nothing(_):
        await asyncio.sleep(0)

    async def whole():
        async with AsyncClient(**at(fake_vendors, sleep=nothing, retry=RetryPolicy(attempts=9))) as client:
            answers = await asyncio.gather(*(client.heygen.post("/v3/videos", params={"n": number}, json=number) for number in range(200)))
        return [answer.data for answer in answers]

    assert asyncio.run(whole()) == [[{"n": str(number)}, str(number)] for number in range(200)]


def test_a_task_can_be_cancelled(fake_vendors):
    """A call that is cancelled ends at once as cancelled, and the client goes on."""
    fake_vendors.script([fault.no_answer(seconds=5)])

    async def whole():
        async with AsyncClient(**at(fake_vendors)) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.heygen.get(ME)
            return (await client.heygen.get(ME)).status

    begun = time.perf_counter()
    assert asyncio.run(whole()) == 200
    assert time.perf_counter() - begun < 3


@both
@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_what_a_sleep_raises_ends_the_call(fake_vendors, kind, raised):
    """Whoever breaks a wait off gets what they raised, and no further request is sent."""
    fake_vendors.script([BROKEN])

    def sleep(_):
        raise raised

    async def asleep(_):
        raise raised

    with pytest.raises(raised):
        one(kind, at(fake_vendors, sleep=sleep if kind.name == "sync" else asleep), me)
    assert fake_vendors.request_count == 1


# Time.


@both
def test_waits_are_those_of_the_fixture(fake_vendors, recorded_sleep, kind):
    """A client that was told no sleep waits by time.sleep and asyncio.sleep as they are at the time of the wait."""
    fake_vendors.script([error("heygen", "rate_limit", retry_after=7)])
    answer = one(kind, at(fake_vendors, draw=lambda: 0.0), me)
    assert (recorded_sleep.slept, answer.attempts[0].wait) == ([7.0], 7.0)


@both
@pytest.mark.parametrize("where", ["client", "call"])
def test_a_time_out_ends_a_wait_for_an_answer(fake_vendors, kind, where):
    """The time-out of the call, or else of the client, ends a read; the error has neither status nor certainty."""
    fake_vendors.script([fault.no_answer(seconds=5)])
    client, call = ({"timeout": 0.2}, {}) if where == "client" else ({"timeout": 9}, {"timeout": 0.2})
    begun = time.perf_counter()
    with pytest.raises(TimedOutError) as raised:
        one(kind, at(fake_vendors, **client), lambda made: made.heygen.get(ME, retry=False, **call))
    assert time.perf_counter() - begun < 3
    assert (raised.value.info.status, raised.value.info.retry.outcome) == (None, "unknown")


@both
@pytest.mark.parametrize("where", ["client", "call"])
def test_a_deadline_ends_a_call_in_all_its_attempts(fake_vendors, kind, where):
    """Attempts and waits together take no longer than the deadline."""
    fake_vendors.on(None, None, fault.slow_answer(seconds=0.15, answer=BROKEN))
    client, call = ({"deadline": 0.5}, {}) if where == "client" else ({"deadline": 90}, {"deadline": 0.5})
    begun = time.perf_counter()
    with pytest.raises((ServerError, TimedOutError)):
        one(kind, at(fake_vendors, **client), lambda made: made.heygen.get(ME, retry=RetryPolicy(attempts=99, base=0.1), **call))
    assert 0.3 < time.perf_counter() - begun < 1.5


# Hooks.


def test_hooks_are_told_of_everything():
    """Each kind of event comes as one frozen value, in the order in which things happen, from both clients."""
    events: list[Any] = []
    calls = [
        lambda client: client.heygen.get(ME),
        lambda client: client.heygen.get("/v2/voices"),
        lambda client: client.heygen.get(ME),
        lambda client: client.heygen.get(ME),
    ]
    teapot = Reply.json({"error": {"code": "teapot", "message": "Short and stout"}}, 500)
    for kind in KINDS:
        budget = RetryBudget(14)
        with FakeServer() as server:
            server.script([BROKEN], path=ME)
            server.script([teapot, Reply.json({"data": 1})], path="/v3/none")
            hooks = Hooks(**{field.name: events.append for field in attrs.fields(Hooks)})
            options = at(
                server, hooks=hooks, budget=budget, sleep=kind.sleep(ManualClock()), breaker=BreakerPolicy(minimum=3, failure_ratio=0.6)
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", VendorDeprecationWarning)
                kind.run(options, calls[0], calls[1])
                server.on(None, None, teapot)
                kind.run(options | {"budget": RetryBudget(14)}, calls[2], calls[3])
        kinds = [type(event) for event in events]
        assert kinds[:5] == [AttemptEnded, RetryPlanned, AttemptEnded, AttemptEnded, DeprecationSeen]
        assert {AttemptEnded, RetryPlanned, GaveUp, UnknownCode, DeprecationSeen, BudgetExhausted, BreakerChanged} == set(kinds)
        assert [BudgetExhausted, GaveUp] == [one for one in kinds if one in (BudgetExhausted, GaveUp)][:2]
        for event in events:
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                event.provider = "x"
        events.clear()


@both
def test_a_hook_that_fails_fails_no_call(fake_vendors, kind, caplog):
    """What a hook raises is logged, the other hooks are told, and the call goes on."""
    told: list[Any] = []

    def broken(_):
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        answer = one(kind, at(fake_vendors, hooks=[Hooks(on_attempt=broken), Hooks(on_attempt=told.append)]), me)
    assert (answer.status, len(told)) == (200, 1)
    assert "AttemptEnded" in caplog.text


# Deprecations.


def _deprecated_twice(client):
    first = client.heygen.get("/v2/voices")  # the line that is to be named
    second = client.heygen.get("/v2/voices")
    client.heygen.get("/v2/avatars")
    return [first, second]


async def _awaited_deprecated_twice(client):
    first = await client.heygen.get("/v2/voices")  # the line that is to be named
    second = await client.heygen.get("/v2/voices")
    await client.heygen.get("/v2/avatars")
    return [first, second]


@pytest.mark.parametrize(
    ("kind", "calls"), [*zip(KINDS, (_deprecated_twice, _awaited_deprecated_twice), strict=True)], ids=["sync", "async"]
)
def test_the_end_of_an_endpoint_is_warned_of_once(fake_vendors, kind, calls):
    """A Python warning names the line of the program that calls an endpoint which ends, once for each endpoint and client."""
    told: list[Any] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answers = one(kind, at(fake_vendors, hooks=Hooks(on_deprecation=told.append)), calls)
    lines, start = inspect.getsourcelines(calls)
    assert [(one.category, one.filename) for one in caught] == [(VendorDeprecationWarning, __file__)] * 2
    assert caught[0].lineno == start + 1
    assert "to be named" in lines[1]
    assert "GET /v2/voices" in str(caught[0].message)
    assert [one.path for one in told] == ["/v2/voices", "/v2/voices", "/v2/avatars"]
    assert {"deprecation"} == {notice.kind for answer in answers for notice in answer.notices}


@both
def test_the_path_of_a_warning_is_the_endpoints(fake_vendors, kind):
    """An endpoint with an id in its path is one endpoint: one warning for all ids."""
    reply = Reply.json({"error": None, "data": {}}, headers={"deprecation": "true"})
    fake_vendors.on(None, None, reply)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kind.run(at(fake_vendors), *(lambda client, n=number: client.heygen.get(f"/v2/videos/{n}") for number in range(3)))
    assert ["GET /v2/videos/{video_id}" in str(one.message) for one in caught] == [True]


@both
def test_a_warning_that_is_an_error_takes_no_answer_away(fake_vendors, kind):
    """Where warnings are errors, the answer that was paid for comes all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = one(kind, at(fake_vendors), lambda client: client.heygen.get("/v2/voices"))
    assert [notice.kind for notice in answer.notices] == ["deprecation"]


# What is shared.


@both
def test_the_budget_of_a_host_is_shared(fake_vendors, kind):
    """Clients of one process share the budget of a vendor and host; another one is not touched, and it can be read."""
    fake_vendors.on(None, None, BROKEN)
    states = kind.run(
        at(fake_vendors, budget=None, sleep=kind.sleep(ManualClock())),
        me,
        lambda client: client.heygen.budget,
        lambda client: client.heify.budget,
    )[1:]
    host = fake_vendors.heygen.url.removeprefix("http://").partition("/")[0]
    assert [state.tokens for state in states] == [500 - 2 * 14, 500]
    assert states[0] == shared_budget("heygen", host).state
    [again] = kind.run(at(fake_vendors, budget=None), lambda client: client.heygen.budget)
    assert again == states[0]


@both
def test_a_budget_of_ones_own_is_ones_own(fake_vendors, kind):
    """A client with a budget of its own takes its tokens there."""
    fake_vendors.on(None, None, BROKEN)
    mine = RetryBudget(100)
    kind.run(at(fake_vendors, budget=mine, sleep=kind.sleep(ManualClock())), me)
    assert mine.state.tokens == 100 - 2 * 14


@both
def test_a_breaker_can_be_read(fake_vendors, kind):
    """The state of a vendor's breaker can be read; without one there is none."""
    fake_vendors.on(None, None, BROKEN)
    states = kind.run(
        at(fake_vendors, breaker=BreakerPolicy(minimum=2)),
        once,
        once,
        once,
        lambda client: client.heygen.breaker,
        lambda client: client.heify.breaker,
    )
    assert (states[3].status, states[4].status, fake_vendors.request_count) == ("open", "closed", 2)
    assert kind.client().heygen.breaker is None


@both
@pytest.mark.fake_vendors(limits=False)
def test_a_limiter_can_be_shared_by_clients(fake_vendors, kind):
    """A limiter that several clients are given counts the calls of all."""
    clock = ManualClock()
    limiter = Limiter(clock=clock)
    for _ in range(4):
        kind.run(
            at(fake_vendors, limiter=limiter, clock=clock, sleep=kind.sleep(clock)),
            lambda client: client.heify.post("/list-configurations"),
        )
    assert clock.slept == pytest.approx([1.2])


# Where calls go.


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_never_goes_to_another_host(fake_vendors, kind, status):
    """A redirect to another host is an error that names it, and that host gets nothing at all."""
    elsewhere = fake_vendors.elsewhere.url
    fake_vendors.script([Reply(status=status, headers={"Location": elsewhere + ME})])
    with pytest.raises(NetworkError) as raised:
        one(kind, at(fake_vendors), me)
    assert raised.value.info.rule == "transport/RedirectRefused"
    assert elsewhere in str(raised.value.__cause__)
    assert (fake_vendors.elsewhere.requests, fake_vendors.request_count) == ([], 1)


@both
@pytest.mark.parametrize(
    "location", ["http://[", "https://", "javascript:alert(1)", "ftp://127.0.0.1/x", "http://127.0.0.1:99999/", "http://127.0.0.1:x/"]
)
def test_a_redirect_to_nowhere_is_refused(fake_vendors, kind, location):
    """An address that is none is refused like another host."""
    fake_vendors.script([Reply(status=302, headers={"Location": location})])
    with pytest.raises(NetworkError) as raised:
        one(kind, at(fake_vendors), me)
    assert raised.value.info.rule == "transport/RedirectRefused"
    assert fake_vendors.request_count == 1


@both
def test_a_redirect_from_https_to_http_is_refused(fake_vendors, kind):
    """A key that came over TLS never goes on in plain text, to the same host neither."""
    fake_vendors.script([Reply(status=307, headers={"Location": fake_vendors.heygen.url + ME})])
    options = at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen"), verify=fake_vendors.ca_file)
    with pytest.raises(NetworkError) as raised:
        one(kind, options, me)
    assert raised.value.info.rule == "transport/RedirectRefused"
    assert [received.scheme for received in fake_vendors.requests] == ["https"]


@both
def test_another_address_is_refused_before_anything_is_sent(fake_vendors, kind):
    """An absolute URL of another host, of another vendor of this client too, ends before anything is sent."""
    for url in (fake_vendors.elsewhere.url + ME, "https://api.heygen.com" + ME, fake_vendors.heify.url + "/details"):
        with pytest.raises(ValueError, match="the API key goes to"):
            one(kind, at(fake_vendors), lambda client, url=url: client.heygen.get(url))
    assert (fake_vendors.request_count, fake_vendors.elsewhere.requests) == (0, [])


# TLS.


@both
def test_a_trusted_certificate_is_trusted(fake_vendors, kind):
    """With the file of its authority a certificate is accepted, and a call goes over TLS."""
    options = at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen"), verify=fake_vendors.ca_file)
    assert one(kind, options, me).status == 200
    assert [received.scheme for received in fake_vendors.requests] == ["https"]


@both
@pytest.mark.parametrize("certificate", ["self_signed", "wrong_host", "expired"])
def test_a_bad_certificate_gets_nothing(fake_vendors, kind, certificate):
    """A certificate that is not good ends the call before a byte is sent, and trying again is no help."""
    options = at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen", certificate), verify=fake_vendors.ca_file)
    with pytest.raises(NetworkError) as raised:
        one(kind, options, me)
    error_of = raised.value
    assert (error_of.info.rule, error_of.info.retry.outcome, error_of.info.retryable) == (
        "transport/TlsCertificateError",
        "not_sent",
        False,
    )
    assert (len(error_of.attempts), fake_vendors.request_count) == (1, 0)


@both
def test_certificates_are_checked_without_being_told_to(fake_vendors, kind):
    """Without a file only the authorities of the system are trusted."""
    with pytest.raises(NetworkError) as raised:
        one(kind, at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen")), me)
    assert raised.value.info.rule == "transport/TlsCertificateError"


@both
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_checks_can_be_turned_off(fake_vendors, kind):
    """With verify=False any certificate is taken: for tests behind one's own proxy."""
    options = at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen", "self_signed"), verify=False)
    assert one(kind, options, me).status == 200


@both
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_of_the_environment(fake_vendors, monkeypatch, kind, variable):
    """Authorities that the environment names are trusted by both clients."""
    monkeypatch.setenv(variable, fake_vendors.ca_file)
    assert one(kind, at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen")), me).status == 200


# Proxies.


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy that writes down the heads of what it gets: it answers plain http itself and opens tunnels."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Proxying)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.heads: list[str] = []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Proxying(socketserver.StreamRequestHandler):
    def handle(self):
        head = b"".join(iter(self.rfile.readline, b"\r\n")).decode("latin-1")
        if not head:
            return
        self.server.heads.append(head)
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT":
            body = b'{"data": "by the proxy"}'
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            return
        host, _, port = target.partition(":")
        with closing(socket.create_connection((host, int(port)))) as other:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pour, args=(other, self.connection), daemon=True)
            back.start()
            _pour(self.connection, other)
            back.join(5)


def _pour(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def proxy():
    with Proxy() as running:
        yield running


@both
@pytest.mark.parametrize("scheme", ["http", "all"])
def test_a_proxy_for_plain_http_is_used(fake_vendors, proxy, kind, scheme):
    """Calls to plain http go through the proxy that the client is given, with the whole address."""
    answer = one(kind, at(fake_vendors, proxies={scheme: proxy.url}), me)
    assert (answer.data, fake_vendors.request_count) == ("by the proxy", 0)
    assert [head.split(" ")[1] for head in proxy.heads] == [fake_vendors.heygen.url + ME]


@both
@pytest.mark.parametrize("how", ["argument", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_tunnel_shows_the_proxy_no_key(fake_vendors, proxy, monkeypatch, kind, how):
    """Calls over TLS go through a tunnel of the proxy of the client or the environment, which sees a host and no key."""
    if how != "argument":
        monkeypatch.setenv(how, proxy.url)
    options = at(fake_vendors, heygen_base_url=fake_vendors.tls_url("heygen"), verify=fake_vendors.ca_file)
    answer = one(kind, options | ({"proxies": {"https": proxy.url}} if how == "argument" else {}), me)
    assert (answer.status, [received.scheme for received in fake_vendors.requests]) == (200, ["https"])
    [head] = proxy.heads
    assert head.startswith("CONNECT 127.0.0.1:")
    assert fake_vendors.heygen.api_key not in head


@both
def test_hosts_without_a_proxy_are_called_directly(fake_vendors, proxy, monkeypatch, kind):
    """NO_PROXY of the environment counts, and an empty mapping means no proxy at all."""
    tls = {"heygen_base_url": fake_vendors.tls_url("heygen"), "verify": fake_vendors.ca_file}
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert one(kind, at(fake_vendors, **tls), me).status == 200
    assert proxy.heads == []


@both
def test_a_key_for_this_machine_stays_on_it(fake_vendors, proxy, monkeypatch, kind):
    """Plain http is for this machine, so that a proxy of the environment never gets to see such a call."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    assert one(kind, at(fake_vendors), me).status == 200
    assert proxy.heads == []


# Sessions.


def test_a_sessions_own_settings_hold(fake_vendors):
    """Headers and hooks of a session go along, below those of the client."""
    seen: list[int] = []
    with requests.Session() as session:
        fake_vendors.mount(session)
        session.headers.update({"X-Of-Mine": "y", "Accept": "text/html"})
        session.hooks["response"].append(lambda response, **_: seen.append(response.status_code))
        with Client(fake_vendors.heygen.api_key, session=session) as client:
            client.heygen.get(ME)
    [received] = fake_vendors.requests
    assert (received.headers["x-of-mine"], received.headers["accept"], seen) == ("y", "application/json", [200])


@pytest.mark.parametrize(
    ("retries", "warned"),
    [
        (0, False),
        (3, True),
        (urllib3.Retry(0), False),
        (urllib3.Retry(2), True),
        (urllib3.Retry(3, connect=0, read=0, status=0, other=0), False),
    ],
)
def test_adapters_that_repeat_are_warned_of(retries, warned):
    """A session whose adapters send again by themselves is warned of at the line that passes it."""
    with requests.Session() as session, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session.mount("https://", HTTPAdapter(max_retries=retries))
        Client(session=session)
    assert [one.filename for one in caught] == [__file__] * warned
    assert all("https://" in str(one.message) and "max_retries" in str(one.message) for one in caught)


def test_a_plain_session_is_not_warned_of():
    """Requests' own adapters do not repeat, and nothing is said of them."""
    with requests.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("error")
        Client(session=session)


def test_a_netrc_gives_no_credential(fake_vendors, tmp_path, monkeypatch):
    """A .netrc of the user's is no credential for the vendors, with a session neither."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret-of-mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with requests.Session() as session:
        for made in (Client(**at(fake_vendors)), Client(**at(fake_vendors), session=session)):
            made.heygen.get(ME)
    assert [received.headers.get("authorization") for received in fake_vendors.requests] == [None, None]


# Errors.


@both
def test_the_cause_of_an_error_has_no_request(fake_vendors, kind):
    """The library's exception is the cause of the error, without the request and its key on it."""
    fake_vendors.script([fault.reset_after_request])
    with pytest.raises(NetworkError) as raised:
        one(kind, at(fake_vendors), once)
    cause = raised.value.__cause__
    assert isinstance(cause, requests.RequestException if kind.name == "sync" else httpx2.HTTPError)
    assert getattr(cause, "_request", None) is None
    assert getattr(cause, "response", None) is None


@both
def test_an_error_knows_its_call(fake_vendors, kind):
    """An error says which call it is of, how it was tried, and how long to wait."""
    fake_vendors.script([BROKEN, error("heygen", "rate_limit", retry_after=100)])
    with pytest.raises(RateLimitError) as raised:
        one(
            kind,
            at(fake_vendors, sleep=kind.sleep(ManualClock())),
            lambda client: client.heygen.post("/v3/videos?x=1", json={}, idempotency_key="k"),
        )
    problem = raised.value
    assert (problem.method, problem.path, problem.idempotency_key, problem.wait) == ("POST", "/v3/videos", "k", 100.0)
    assert [attempt.reason for attempt in problem.attempts] == ["transient", "wait_too_long"]


@both
def test_an_answer_knows_how_it_came(fake_vendors, kind):
    """An answer has the data, the headers, the id for the support and the history of its attempts."""
    fake_vendors.script([BROKEN])
    answer = one(kind, at(fake_vendors, sleep=kind.sleep(ManualClock())), me)
    assert isinstance(answer, Answer)
    assert [(attempt.status, attempt.reason) for attempt in answer.attempts] == [(500, "transient"), (200, None)]
    assert answer.request_id == answer.attempts[1].request_id == answer.headers["X-Amzn-Trace-Id"]
    assert answer.data == answer.body["data"]


@both
def test_a_vendor_is_called_by_its_own_header(fake_vendors, kind):
    """Each vendor gets its own key and none of the others'."""
    calls = [
        lambda client: client.heygen.get(ME),
        lambda client: client.heify.post("/list-transcriptions"),
        lambda client: client.liveavatar.get("/v1/avatars"),
    ]
    seen = observed(kind, calls)
    assert [request["headers"]["x-api-key"] for request in seen.requests] == ["fake-heygen-key", "fake-heify-key", "fake-liveavatar-key"]


@both
@pytest.mark.parametrize(
    "location",
    ["{elsewhere}\\@{host}/x", "//{elsewhere_host}\\@{host}/x", "http://a@{host}/x", "/\\{elsewhere_host}/x", "{elsewhere}#@{host}/x"],
)
def test_an_address_that_can_be_read_in_two_ways_is_not_followed(kind, fake_vendors, location):
    """A redirect over whose host two readers could disagree is refused: the key goes nowhere."""
    elsewhere = fake_vendors.elsewhere.url.rstrip("/")
    where = location.format(elsewhere=elsewhere, elsewhere_host=elsewhere.partition("://")[2], host=fake_vendors.url.partition("://")[2])
    fake_vendors.on("GET", "/v3/users/me", Reply(status=302, headers={"Location": where}, body=b""))
    with pytest.raises(NetworkError) as refused:
        one(kind, at(fake_vendors), lambda client: client.heygen.get("/v3/users/me"))
    assert refused.value.info.rule == "transport/RedirectRefused"
    assert list(fake_vendors.elsewhere.requests) == []


@both
def test_an_answer_is_not_lost_to_a_warning(kind, fake_vendors, monkeypatch):
    """A program whose way of showing warnings fails gets the answer that it paid for all the same."""

    def broken(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(warnings, "showwarning", broken)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        answer = one(kind, at(fake_vendors), lambda client: client.heygen.get("/v2/avatars"))
    assert [notice.kind for notice in answer.notices] == ["deprecation"]


@both
@pytest.mark.parametrize(("method", "fine"), [("DELETE", True), ("PUT", True), ("PATCH", True), ("GET", False), ("POST", False)])
def test_an_empty_answer_says_all_by_its_status_where_nothing_was_asked(kind, fake_vendors, method, fine):
    """An empty 200 is a success for a deletion or a change, which must not be repeated, and no answer to a question."""
    fake_vendors.on(method, "/v3/webhooks/endpoints/{endpoint_id}", Reply(status=200, headers={}, body=b""))
    ends = []
    try:
        ends.append(one(kind, at(fake_vendors), lambda client: client.heygen.request(method, "/v3/webhooks/endpoints/e", retry=False)).data)
    except NetworkError as error:
        ends.append(error.info.rule)
    assert ends == [None if fine else "transport/InvalidJson"]


@both
def test_an_answer_that_cannot_be_read_is_shown(kind, fake_vendors):
    """What was paid for can be found by the excerpt of an answer that is broken; the status and the request id are there, too."""
    broken = Reply(status=200, headers={"X-Request-Id": "r-17"}, body=b'{"data": {"video_id": "v_paid"}} and more')
    fake_vendors.on("POST", "/v2/video/generate", broken)
    with pytest.raises(NetworkError) as lost:
        one(kind, at(fake_vendors), lambda client: client.heygen.post("/v2/video/generate", json={}))
    info = lost.value.info
    assert (info.status, info.request_id, "v_paid" in (info.body or "")) == (200, "r-17", True)


@pytest.mark.parametrize("path", ["/v1", "/v2/", "/gateway/v3"])
def test_a_version_belongs_to_the_path_of_a_call(path):
    """A base URL with the version would hide every endpoint from the catalog, and with that the idempotency keys."""
    with pytest.raises(ValueError, match="heygen_base_url goes without the version"):
        Client(heygen_base_url=f"https://api.heygen.com{path}")


@both
def test_a_call_that_is_broken_off_while_it_waits_leaves_its_history(kind, fake_vendors):
    """What ends the wait before a repeat leaves as it is, and what was tried with which key hangs on it."""

    class StopError(Exception):
        pass

    def stop(_: float) -> None:
        raise StopError

    async def stop_awaited(_: float) -> None:
        raise StopError

    fake_vendors.script([fault.reset_after_request])
    sleep = stop_awaited if kind.name == "async" else stop
    with pytest.raises(StopError) as stopped:
        one(kind, at(fake_vendors, sleep=sleep), lambda client: client.heygen.post("/v3/videos", json={}, idempotency_key="k-17"))
    history = stopped.value.__context__
    assert isinstance(history, ApiError)
    assert (history.idempotency_key, len(history.attempts)) == ("k-17", 1)
