"""When an allowance comes back. Performs no I/O and reads no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def until_reset(resets: str | None, now: datetime) -> float | None:
    """Seconds until an allowance of a day or a month is reset.

    Days and months are taken in UTC. Heify's documentation names the 1st of the month without a time zone
    (docs.heify.com/platform/rate-limits), HeyGen says nothing of the hour: add some hours where it matters.

    Arguments:
        resets: `RetryAdvice.resets` or `Decision.resets`: ``"day"``, ``"month"`` or None.
        now: an aware datetime.

    Returns:
        Seconds, more than 0; None where nothing is known of a reset.

    Raises:
        ValueError: `now` has no time zone, or `resets` is another text.
        TypeError: `now` is no datetime.
    """
    if resets is None:
        return None
    if not isinstance(now, datetime):
        msg = f"until_reset needs a datetime such as datetime.now(UTC), not {type(now).__name__}"
        raise TypeError(msg)
    if now.tzinfo is None:
        msg = "until_reset needs a datetime with a time zone, such as datetime.now(UTC)"
        raise ValueError(msg)
    now = now.astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if resets == "day":
        then = midnight + timedelta(days=1)
    elif resets == "month":
        then = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    else:
        msg = f"resets is 'day', 'month' or None, not {resets!r}"
        raise ValueError(msg)
    return (then - now).total_seconds()
