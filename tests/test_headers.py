"""Response headers from anywhere, and the waits that they ask for."""

from __future__ import annotations

import email.message
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace

import httpx
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict

from heify_heygen_errors import Observation, normalize
from heify_heygen_errors.headers import MAX_WAIT, read_headers, retry_after

steady = settings(deadline=None, derandomize=True)

PAIRS = [("Content-Type", "application/json"), ("X-Request-ID", "req-1"), ("Retry-After", "30")]
READ = {"content-type": "application/json", "x-request-id": "req-1", "retry-after": "30"}


def a_message(pairs):
    """The headers that http.client and urllib.error give."""
    message = email.message.Message()
    for name, value in pairs:
        message[name] = value
    return message


class OnlyItems:
    """Headers of a library that nobody knows: no Mapping, but it has items."""

    def __init__(self, pairs):
        self.pairs = pairs

    def items(self):
        """The pairs, once."""
        return iter(self.pairs)


class OnlyMapping(Mapping):
    """The least that a Mapping can be."""

    def __init__(self, pairs):
        self.held = dict(pairs)

    def __getitem__(self, name):
        return self.held[name]

    def __iter__(self):
        return iter(self.held)

    def __len__(self):
        return len(self.held)


CONTAINERS = {
    "dict": dict,
    "proxy of a dict": lambda pairs: MappingProxyType(dict(pairs)),
    "list of pairs": list,
    "tuple of pairs": tuple,
    "list of lists": lambda pairs: [list(pair) for pair in pairs],
    "generator of pairs": iter,
    "requests": CaseInsensitiveDict,
    "httpx": httpx.Headers,
    "httpx2": httpx2.Headers,
    "aiohttp": CIMultiDict,
    "aiohttp proxy": lambda pairs: CIMultiDictProxy(CIMultiDict(pairs)),
    "urllib3": HTTPHeaderDict,
    "http.client": a_message,
    "items only": OnlyItems,
    "Mapping only": OnlyMapping,
}
KEEPS_REPEATS = ["list of pairs", "tuple of pairs", "list of lists", "generator of pairs", "httpx", "httpx2", "aiohttp", "aiohttp proxy"]


# Reading


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_headers_of_any_library_are_read(container):
    """The headers of every HTTP library, mappings and pairs read as lower-case names to text."""
    assert read_headers(container(PAIRS)) == READ


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("spell", [str.upper, str.lower, str.title, str.swapcase], ids=lambda spell: spell.__name__)
def test_case_of_names_does_not_matter(container, spell):
    """However a name is spelled, it reads the same."""
    assert read_headers(container([(spell(name), value) for name, value in PAIRS])) == READ


@pytest.mark.parametrize("container", ["dict", "list of pairs", "items only", "Mapping only"])
def test_bytes_are_read_as_text(container):
    """Names and values of bytes are read as Latin-1, as HTTP has it."""
    pairs = [(b"X-Request-ID", b"req-1"), (b"X-Name", b"caf\xe9"), ("X-Mixed", b"1")]
    assert read_headers(CONTAINERS[container](pairs)) == {"x-request-id": "req-1", "x-name": "café", "x-mixed": "1"}


@pytest.mark.parametrize("container", KEEPS_REPEATS)
def test_repeated_names_are_kept_apart(container):
    """The values of a name that occurs twice are both kept, divided by a newline."""
    pairs = [("Retry-After", "5"), ("X-Other", "x"), ("retry-after", "30")]
    assert read_headers(CONTAINERS[container](pairs)) == {"retry-after": "5\n30", "x-other": "x"}


def test_names_that_differ_in_case_alone_are_one():
    """A dict that holds a name in two spellings holds a repeated header."""
    assert read_headers({"Retry-After": "5", "RETRY-AFTER": "30"}) == {"retry-after": "5\n30"}


def test_listed_values_are_joined():
    """A list of values under one name, as some logs write it, reads like a repeated header."""
    assert read_headers({"Retry-After": ["5", "30"], "X-Empty": [], "X-Bytes": (b"a", "b")}) == {
        "retry-after": "5\n30",
        "x-empty": "",
        "x-bytes": "a\nb",
    }


def test_numbers_are_read_as_text():
    """Numbers as values, as decoded JSON has them, read as they are written."""
    assert read_headers({"Retry-After": 30, "X-Ratio": 1.5}) == {"retry-after": "30", "x-ratio": "1.5"}


@pytest.mark.parametrize(
    "headers",
    [None, {}, [], (), 0, 5, 1.5, "Retry-After: 5", b"Retry-After: 5", object(), SimpleNamespace()],
    ids=lambda headers: f"{type(headers).__name__} {bool(headers)}",
)
def test_what_holds_no_headers_reads_as_none(headers):
    """None, empty containers and things that are no headers read as no headers."""
    assert read_headers(headers) == {}


@pytest.mark.parametrize("bad", [None, object(), {"a": "b"}, [object()]], ids=["None", "object", "dict", "list of objects"])
def test_bad_values_are_left_out(bad):
    """A value that is neither text nor number is left out or empty, the other headers stay."""
    read = read_headers({"X-Bad": bad, "Retry-After": "5"})
    assert (read.get("x-bad", ""), read["retry-after"]) == ("", "5")


@pytest.mark.parametrize("bad", [None, "", 5.5j, object()], ids=["None", "empty", "complex", "object"])
def test_bad_names_are_left_out(bad):
    """A name that is no text is left out, the other headers stay."""
    assert read_headers([(bad, "x"), ("Retry-After", "5")]) == {"retry-after": "5"}


def test_only_so_many_headers_are_read():
    """Of a million headers the first 256 are read."""
    read = read_headers((f"X-{number}", "v") for number in range(1_000_000))
    assert list(read) == [f"x-{number}" for number in range(256)]


def test_reading_changes_nothing():
    """The headers that were given stay as they were."""
    given_headers = {"Retry-After": "5", "X-A": ["1", "2"]}
    read_headers(given_headers)["new"] = "x"
    assert given_headers == {"Retry-After": "5", "X-A": ["1", "2"]}


class Raising:
    """Headers that raise wherever they are touched, at first or after some pairs."""

    def __init__(self, where, pairs=()):
        self.where = where
        self.pairs = pairs

    def __getattribute__(self, name):
        if name in {"items", "lower_items", "raw", "keys"} and object.__getattribute__(self, "where") == "attributes":
            raise RuntimeError(name)
        return object.__getattribute__(self, name)

    def __bool__(self):
        if self.where == "truth":
            raise RuntimeError
        return True

    def items(self):
        """Pairs as long as it goes."""
        yield from self.pairs
        raise RuntimeError


@pytest.mark.parametrize("where", ["attributes", "items", "truth"])
def test_headers_that_raise_are_no_headers(where):
    """Headers that raise when they are asked for attributes, items or truth read as no headers."""
    assert read_headers(Raising(where)) == {}


def test_headers_that_raise_midway_count_so_far():
    """What was read before headers raised still counts."""
    assert read_headers(Raising("items", [("Retry-After", "5"), ("X-A", "b")])) == {"retry-after": "5", "x-a": "b"}


@pytest.mark.parametrize(
    "pairs", [[("a",), ("b", "c", "d")], [5, None], {"a", "b"}, range(3)], ids=["wrong lengths", "no pairs", "set", "range"]
)
def test_what_is_no_pair_is_no_header(pairs):
    """Things that are no pairs read as no headers and never raise."""
    assert read_headers(pairs) == {}


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=10,
)


@given(junk)
@steady
def test_anything_reads_as_text(headers):
    """Whatever the headers are, they read as lower-case text to text."""
    read = read_headers(headers)
    assert type(read) is dict
    assert {type(part) for pair in read.items() for part in pair} <= {str}
    assert [name.lower() for name in read] == list(read)


# Waits

NOW = "Sun, 22 Nov 2026 08:49:37 GMT"
NOW_RFC_850 = "Sunday, 22-Nov-26 08:49:37 GMT"
NOW_ASCTIME = "Sun Nov 22 08:49:37 2026"


def wait(value, date=None, **more):
    """The wait that a Retry-After asks for, in an answer of that Date."""
    pairs = [("Retry-After", value)] if value is not None else []
    pairs += [("Date", date)] if date is not None else []
    return retry_after(read_headers([*pairs, *((name.replace("_", "-"), text) for name, text in more.items())]))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("120", 120.0),
        ("007", 7.0),
        (" 30 ", 30.0),
        ("\t30", 30.0),
        ("1.5", 1.5),
        ("0.25", 0.25),
        ("30.0", 30.0),
        ("604800", 604800.0),
        (30, 30.0),
        (2.5, 2.5),
        (b"45", 45.0),
    ],
)
def test_seconds_are_read(value, seconds):
    """Whole and decimal seconds are read as they are, up to seven days."""
    assert wait(value) == seconds
    assert wait(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "-1",
        "-0.5",
        "1e3",
        "1E2",
        "0x10",
        "1_000",
        "10s",
        "10 seconds",
        "1.2.3",
        ".",
        "1.",
        ".5",
        "",
        "   ",
        "soon",
        "null",
        "None",
        "true",
        "\u0663\u0660",
        "३०",
        "\uff13\uff10",
        "3\uff10",
        "²",
        "①",
        "604801",
        "604800.5",
        "99999999999",
        "9" * 5000,
        "1" + "0" * 400,
        "30;30",
        "[30]",
        '"30"',
        float("nan"),
        float("inf"),
        -5,
        True,
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_bad_waits_are_dropped(value):
    """What is no number of seconds up to seven days, in ASCII digits, asks for nothing."""
    assert wait(value) is None
    assert wait(value, NOW) is None


def test_no_header_asks_for_nothing():
    """Without Retry-After nothing is asked for, whatever the Date."""
    assert wait(None) is None
    assert wait(None, NOW) is None


LATER = {
    "IMF-fixdate": "Sun, 22 Nov 2026 08:51:37 GMT",
    "RFC 850": "Sunday, 22-Nov-26 08:51:37 GMT",
    "asctime": "Sun Nov 22 08:51:37 2026",
}
DATES = {"IMF-fixdate": NOW, "RFC 850": NOW_RFC_850, "asctime": NOW_ASCTIME}


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
@pytest.mark.parametrize("date", DATES.values(), ids=DATES)
def test_dates_count_from_the_answers_date(later, date):
    """Each of the three date forms counts from the answer's own Date in each of them."""
    assert wait(later, date) == 120.0


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
@pytest.mark.parametrize("date", [None, "", "today", "Sun, 22 Nov 2026", "2026-11-22T08:49:37Z", "0"])
def test_dates_without_a_date_are_dropped(later, date):
    """A date asks for nothing where the answer has no readable Date: no clock is read."""
    assert wait(later, date) is None


@pytest.mark.parametrize(
    ("later", "seconds"),
    [
        ("Sun, 22 Nov 2026 08:49:37 GMT", 0.0),
        ("Sun, 22 Nov 2026 08:49:38 GMT", 1.0),
        ("Mon, 23 Nov 2026 08:49:37 GMT", 86400.0),
        ("Sun, 29 Nov 2026 08:49:37 GMT", 604800.0),
        ("Sun Nov 22 08:49:47 2026", 10.0),
        ("Sun Nov 22 08:49:36 2026", None),
        ("Sun, 22 Nov 2026 08:49:36 GMT", None),
        ("Sun, 29 Nov 2026 08:49:38 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Sunday, 22-Nov-99 08:49:47 GMT", None),
        ("Sun, 22 Nov 2026 08:51:37 +0200", None),
        ("Sun, 22 Nov 2026 08:51:37 PST", None),
        ("Sun, 22 Nov 2026 08:51:37", None),
        ("sun, 22 nov 2026 08:51:37 gmt", None),
        ("Sun, 22 Xyz 2026 08:51:37 GMT", None),
        ("Sun, \u0662\u0662 Nov 2026 08:51:37 GMT", None),
        ("Sun, 00 Nov 2026 08:51:37 GMT", None),
        ("Sun, 22 Nov 2026 99:99:99 GMT", None),
        ("Sun, 22 Nov 2026 08:60:37 GMT", None),
        ("Sun, 22 Nov 2026 25:00:00 GMT", None),
        ("Sun, 22 Nov 2026 ::::::::GMT", None),
        ("Sun, 22 Nov 2026 ::::::::  GMT", None),
        ("Sun, 22 Nov 2026 :::::::: GMT", None),
        ("2026-11-22T08:51:37Z", None),
        ("1795337497", None),
    ],
)
def test_dates_that_make_no_sense_are_dropped(later, seconds):
    """A date before the answer, more than seven days after it, or none at all asks for nothing."""
    assert wait(later, NOW) == seconds


def test_single_digit_days_are_read():
    """The padded days of asctime are read."""
    assert wait("Tue Dec  1 00:00:05 2026", "Tue, 01 Dec 2026 00:00:00 GMT") == 5.0


def test_dates_cross_midnight_and_years():
    """Dates count over the ends of days and years."""
    assert wait("Fri, 01 Jan 2027 00:00:01 GMT", "Thu, 31 Dec 2026 23:59:59 GMT") == 2.0


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["5", "30"], 30.0),
        (["30", "5"], 30.0),
        (["5", "5"], 5.0),
        (["nan", "20"], 20.0),
        (["20", "inf", "-5", "604801"], 20.0),
        (["5", "Sun, 22 Nov 2026 08:51:37 GMT"], 120.0),
        (["600", "Sun, 22 Nov 2026 08:51:37 GMT"], 600.0),
        (["Sun, 22 Nov 2026 08:50:37 GMT", "Sunday, 22-Nov-26 08:51:37 GMT"], 120.0),
        (["bad", "worse"], None),
        (["", "3"], 3.0),
    ],
)
def test_largest_of_several_waits_counts(values, seconds):
    """Of several values the largest valid one counts, whether they came apart or joined by commas."""
    apart = [("Retry-After", value) for value in values]
    assert retry_after(read_headers([*apart, ("Date", NOW)])) == seconds
    assert retry_after(read_headers(httpx.Headers([*apart, ("Date", NOW)]))) == seconds
    assert retry_after(read_headers({"retry-after": values, "date": NOW})) == seconds
    assert retry_after(read_headers({"retry-after": ", ".join(values), "date": NOW})) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1500", 1.5),
        ("0", 0.0),
        ("250.5", 0.2505),
        (" 1000 ", 1.0),
        ("1000, 3000", 3.0),
        ("604800000", 604800.0),
        ("604800001", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("\u0661\u0660\u0660\u0660", None),
        ("1s", None),
        (LATER["IMF-fixdate"], None),
    ],
)
def test_milliseconds_are_read(value, seconds):
    """retry-after-ms is read in milliseconds by the same rules, dates apart."""
    assert wait(None, NOW, Retry_After_Ms=value) == seconds


@pytest.mark.parametrize(
    ("after", "after_ms", "seconds"),
    [("1", "2500", 2.5), ("3", "2500", 3.0), ("bad", "2500", 2.5), ("3", "bad", 3.0), ("bad", "bad", None)],
)
def test_seconds_and_milliseconds_compete(after, after_ms, seconds):
    """Of Retry-After and retry-after-ms the larger valid one counts."""
    assert wait(after, None, Retry_After_Ms=after_ms) == seconds


@given(
    st.text(max_size=60) | st.from_regex(r"[0-9.,:A-Za-z +-]{0,40}"),
    st.none() | st.text(max_size=40) | st.sampled_from(list(DATES.values())),
)
@steady
def test_any_value_gives_a_believable_wait_or_none(value, date):
    """Whatever stands in the headers, the wait is None or lies between zero and seven days."""
    seconds = wait(value, date)
    assert seconds is None or 0 <= seconds <= MAX_WAIT


@given(st.integers(0, 7 * 24 * 3600))
@steady
def test_every_number_of_seconds_comes_back(seconds):
    """Every whole number of seconds up to seven days is read exactly."""
    assert wait(str(seconds)) == float(seconds)


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_wait_reaches_the_advice(container):
    """The wait that any library's headers ask for becomes the advice's floor, in seconds."""
    body = b'{"error":{"code":"rate_limit_exceeded","message":"Too many requests"}}'
    info = normalize(Observation("heygen", 429, container(PAIRS), body))
    assert (info.retry.after, info.request_id) == (30.0, "req-1")


def test_answer_without_wait_has_no_floor():
    """Without a believable Retry-After the advice has no floor."""
    body = b'{"error":{"code":"rate_limit_exceeded","message":"Too many requests"}}'
    assert normalize(Observation("heygen", 429, {"Retry-After": "nan"}, body)).retry.after is None
