"""Lists over many pages, with both clients: to the end, from anywhere, and what is told where there is no end to be had."""

from __future__ import annotations

import pytest
from harness import KINDS, Walk, at

from heify_heygen_errors import Answer, AuthenticationError, PermissionDeniedError, ServerError
from heify_heygen_errors.testing import Reply, error


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def walk(request, fake_vendors):
    """Follows an iterator of one of the clients as far as it goes."""
    kind = request.param

    def run(action, **client) -> Walk:
        [end] = kind.run(at(fake_vendors, **client), action)
        if isinstance(end, BaseException):
            raise end
        return end

    return run


def page(items, token=None, **more):
    """A page of a list; with a token there is more."""
    return Reply.json({"data": items, "has_more": token is not None, "next_token": token, **more})


def tokens(server):
    """The page that each request asked for."""
    return [received.query.get("token") for received in server.requests]


def test_every_item_comes_once_in_order(walk, fake_vendors):
    """Iterating gives the items of all pages, each once, in the vendor's order, and asks for no page more than there are."""
    whole = walk(lambda client: client.heygen.iterate("/v3/voices", params={"limit": 50})).items
    fake_vendors.reset()
    assert whole == walk(lambda client: client.heygen.iterate("/v3/voices", params={"limit": 2})).items
    assert (len(whole), fake_vendors.request_count) == (5, 3)


def test_pages_are_answers(walk):
    """Each page is an answer, with its data, its body and what else an answer has."""
    pages = walk(lambda client: client.heygen.pages("/v3/voices", params={"limit": 2})).items
    assert [len(one.data) for one in pages] == [2, 2, 1]
    assert [one.body["has_more"] for one in pages] == [True, True, False]
    assert {(Answer, 200, 1)} == {(type(one), one.status, len(one.attempts)) for one in pages}


def test_a_batch_is_followed_to_its_end(walk, fake_vendors):
    """Batches tell beside their items, inside data, that there are more of them."""
    first = {"data": {"batch_id": "b", "items": [1, 2], "has_more": True, "next_token": "t"}}
    last = {"data": {"batch_id": "b", "items": [3], "has_more": False, "next_token": None}}
    fake_vendors.script([Reply.json(first), Reply.json(last)])
    assert walk(lambda client: client.heygen.iterate("/v3/videos/batches/b")).items == [1, 2, 3]


def test_the_query_stays_and_the_token_changes(walk, fake_vendors):
    """Every page is asked for with the query and headers of the first, and the token of the page before."""
    fake_vendors.script([page([1], "a/b+c"), page([2], "ü"), page([3])])
    given = {"limit": 2, "kind": ["x", "y"]}
    walk(lambda client: client.heygen.iterate("/v3/x", params=given, headers={"X-Of-Mine": "y"}))
    assert tokens(fake_vendors) == [None, "a/b+c", "ü"]
    assert {"limit=2&kind=x&kind=y"} == {received.target.partition("?")[2].partition("&token")[0] for received in fake_vendors.requests}
    assert {"y"} == {received.headers["x-of-mine"] for received in fake_vendors.requests}
    assert given == {"limit": 2, "kind": ["x", "y"]}


def test_a_list_can_be_taken_up_at_any_page(walk, fake_vendors):
    """A token of an earlier run goes on where that stopped."""
    fake_vendors.script([page([3], "d"), page([4])])
    assert walk(lambda client: client.heygen.iterate("/v3/x", params={"token": "c"})).items == [3, 4]
    assert tokens(fake_vendors) == ["c", "d"]


@pytest.mark.parametrize(
    ("body", "items"),
    [
        ({"data": []}, []),
        ({"data": [], "has_more": False, "next_token": None}, []),
        ({"data": [1], "has_more": False, "next_token": "left over"}, [1]),
        ({"data": [1], "has_more": None}, [1]),
        ({"data": [None, {}, [2]]}, [None, {}, [2]]),
        ([1, 2], [1, 2]),
        ({"data": {"voices": [1, 2]}}, [1, 2]),
        ({"error": None, "data": {"avatars": [], "total": 0}}, []),
        ({"code": 100, "data": {"list": [1]}, "message": "Success"}, [1]),
    ],
)
def test_lists_of_one_page(walk, fake_vendors, body, items):
    """A list without more pages, an empty one and the lists of v1 and v2 end after one request."""
    fake_vendors.script([Reply.json(body)])
    assert Walk(items, None) == walk(lambda client: client.heygen.iterate("/v3/x"))
    assert fake_vendors.request_count == 1


def test_an_empty_page_in_the_middle_is_no_end(walk, fake_vendors):
    """A page without items that says there is more is followed by the next."""
    fake_vendors.script([page([1], "b"), page([], "c"), page([2])])
    assert walk(lambda client: client.heygen.iterate("/v3/x")).items == [1, 2]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"data": {"a": 1}}, "none"),
        ({"data": None}, "none"),
        ({"data": "text"}, "none"),
        ({}, "none"),
        (5, "none"),
        ({"data": {"avatars": [], "talking_photos": []}}, "avatars, talking_photos|2 lists|two lists"),
    ],
)
def test_what_is_no_list_is_told(walk, fake_vendors, body, told):
    """Iterating over an endpoint that gives no list, or several, is a TypeError that says what to do instead."""
    fake_vendors.script([Reply.json(body)])
    end = walk(lambda client: client.heygen.iterate("/v3/x"))
    with pytest.raises(TypeError, match=f"({told}).*use (get|pages)"):
        raise end.error


def test_a_page_that_fails_is_sent_again(walk, fake_vendors, recorded_sleep):
    """A page in the middle is repeated as any read is, and no item is lost or doubled."""
    fake_vendors.script([page([1], "b"), error("heygen", "internal_error"), page([2])])
    assert Walk([1, 2], None) == walk(lambda client: client.heygen.iterate("/v3/x"))
    assert tokens(fake_vendors) == [None, "b", "b"]


def test_a_page_that_fails_for_good_ends_the_list(walk, fake_vendors):
    """The items before the failure come, then its error, with the history of that page alone."""
    fake_vendors.script([page([1], "b"), error("heygen", "unauthorized")])
    end = walk(lambda client: client.heygen.iterate("/v3/x"))
    assert ([1], AuthenticationError, 1, "/v3/x") == (end.items, type(end.error), len(end.error.attempts), end.error.path)


@pytest.mark.parametrize(
    ("steps", "items"),
    [
        ([page([1], "b"), page([2], "b")], [1, 2]),
        ([page([1], "b"), page([2], "c"), page([3], "b")], [1, 2, 3]),
        ([Reply.json({"data": [1], "has_more": True, "next_token": None})], [1]),
        ([Reply.json({"data": [1], "has_more": True, "next_token": ""})], [1]),
        ([Reply.json({"data": [1], "has_more": True, "next_token": 5})], [1]),
        ([Reply.json({"data": [1], "has_more": True})], [1]),
    ],
)
def test_a_list_without_an_end_is_given_up(walk, fake_vendors, steps, items):
    """A token for the second time, or more pages without one, ends the list with an error behind the items so far."""
    fake_vendors.script(steps)
    end = walk(lambda client: client.heygen.iterate("/v3/x"))
    assert (items, ServerError, "transport/PageRepeated") == (end.items, type(end.error), end.error.info.rule)
    assert (end.error.method, end.error.path, end.error.info.retryable) == ("GET", "/v3/x", False)
    assert len(steps) == fake_vendors.request_count


def test_failed_items_are_in_the_failures_of_their_page(walk, fake_vendors):
    """A failed item is an item like all others; what failed is told by the page it is on."""
    fake_vendors.script([page([{"id": "a", "status": "failed"}], "b"), page([{"id": "c", "status": "completed"}])])
    pages = walk(lambda client: client.heygen.pages("/v3/videos")).items
    assert [len(one.failures) for one in pages] == [1, 0]


@pytest.mark.parametrize("verb", ["pages", "iterate"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_options_that_cannot_be_meant_are_told_at_the_call(fake_vendors, kind, verb):
    """What is wrong with a list is told where it is asked for, not where it is first read."""
    with pytest.raises(ValueError, match="the API key goes to"):
        getattr(kind.client(**at(fake_vendors)).heygen, verb)("https://example.com/v3/videos")


def first(client):
    """The first item of a list, of which no more is read."""
    return next(iter(client.heygen.iterate("/v3/voices", params={"limit": 2})))


async def awaited_first(client):
    return await anext(client.heygen.iterate("/v3/voices", params={"limit": 2}))


@pytest.mark.parametrize(("kind", "take"), [*zip(KINDS, (first, awaited_first), strict=True)], ids=["sync", "async"])
def test_pages_come_when_they_are_asked_for(fake_vendors, kind, take):
    """No page is asked for before it is needed, and a list that nobody reads to its end keeps nothing back."""
    item, me = kind.run(at(fake_vendors), take, lambda client: client.heygen.get("/v3/users/me"))
    assert (item["name"], me.status) == ("Haruto", 200)
    assert [received.path for received in fake_vendors.requests] == ["/v3/voices", "/v3/users/me"]


def test_an_error_inside_a_page_is_the_lists_error(walk, fake_vendors):
    """A failed envelope inside 200 ends the list as any failure does."""
    fake_vendors.script([page([1], "b"), Reply.json({"error": {"code": "forbidden", "message": "no"}})])
    end = walk(lambda client: client.heygen.pages("/v3/x"))
    assert (1, PermissionDeniedError, "heygen/FORBIDDEN") == (len(end.items), type(end.error), end.error.info.rule)
