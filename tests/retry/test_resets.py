"""When an allowance of a day or a month comes back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heify_heygen_errors import until_reset

_HOUR = 3600.0


@pytest.mark.parametrize(
    ("resets", "now", "seconds"),
    [
        ("day", datetime(2026, 11, 22, 23, 0, tzinfo=UTC), _HOUR),
        ("day", datetime(2026, 11, 22, tzinfo=UTC), 24 * _HOUR),
        ("month", datetime(2026, 11, 30, 22, 0, tzinfo=UTC), 2 * _HOUR),
        ("month", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), 1.0),
        ("month", datetime(2028, 2, 1, tzinfo=UTC), 29 * 24 * _HOUR),
        (None, datetime(2026, 11, 22, tzinfo=UTC), None),
    ],
)
def test_reset_is_the_next_midnight_or_first_of_a_month(resets, now, seconds):
    """An allowance comes back at the next midnight, or on the next first of a month, in UTC."""
    assert until_reset(resets, now) == seconds


def test_other_time_zones_are_read():
    """The moment counts, not the zone in which it is written."""
    east = timezone(timedelta(hours=9))
    assert until_reset("day", datetime(2026, 11, 23, 8, 0, tzinfo=east)) == _HOUR


_MOMENTS = st.datetimes(timezones=st.just(UTC), max_value=datetime(9000, 1, 1))  # noqa: DTZ001 - hypothesis wants it so


@given(_MOMENTS, st.sampled_from(["day", "month"]))
def test_wait_leads_to_the_next_period_and_no_further(now, resets):
    """The wait is more than nothing, and its end is the first moment of another day or month."""
    then = now + timedelta(seconds=until_reset(resets, now))
    assert (then.hour, then.minute, then.second) == (0, 0, 0)
    assert 0 < until_reset(resets, now) <= (24 * _HOUR if resets == "day" else 31 * 24 * _HOUR)
    assert resets == "day" or then.day == 1


def test_moment_without_a_zone_is_refused():
    """A time of day that could be any zone's says nothing of a reset."""
    with pytest.raises(ValueError, match="time zone"):
        until_reset("day", datetime(2026, 11, 22))  # noqa: DTZ001


def test_other_period_is_refused():
    """A period that no vendor has is a mistake."""
    with pytest.raises(ValueError, match="'day', 'month' or None"):
        until_reset("week", datetime(2026, 11, 22, tzinfo=UTC))
