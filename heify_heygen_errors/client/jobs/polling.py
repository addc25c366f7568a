"""How often a job is asked about."""

from __future__ import annotations

from typing import Final

import attrs


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        msg = f"{attribute.name} is a number of seconds above 0, not {value!r}"
        raise ValueError(msg)


def _growth(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < float("inf"):
        msg = f"{attribute.name} is a number from 1, not {value!r}"
        raise ValueError(msg)


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        msg = f"{attribute.name} is a share from 0 to below 1, not {value!r}"
        raise ValueError(msg)


@attrs.frozen(kw_only=True)
class Polling:
    """The waits between two looks at a job: short at first, then growing.

    Attributes:
        first: seconds of the first wait.
        growth: by which each wait is longer than the one before.
        longest: seconds of the longest wait.
        jitter: how far a wait may be from this, as a share of it, so that many programs do not ask at the same moment.

    Raises:
        ValueError: a number that cannot be meant.
    """

    first: float = attrs.field(default=2.0, validator=_positive)
    growth: float = attrs.field(default=1.5, validator=_growth)
    longest: float = attrs.field(default=20.0, validator=_positive)
    jitter: float = attrs.field(default=0.2, validator=_share)

    def wait(self, polls: int, draw: float, floor: float = 0.0) -> float:
        """Seconds to wait after some looks.

        Arguments:
            polls: looks so far, from 0.
            draw: from 0 to 1.
            floor: seconds that the vendor wants between two looks, which nothing shortens.
        """
        try:
            grown: float = min(self.longest, self.first * self.growth**polls)
        except OverflowError:
            grown = self.longest
        return max(floor, grown * (1 + self.jitter * (2 * draw - 1)))


POLLING: Final = Polling()
"""The waits unless others are asked for: about 2, 3, 5, 7, 10, 15, 20, 20 seconds."""
