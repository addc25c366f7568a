"""The pytest plugin: `fake_vendors`, `recorded_sleep` and `vendor_errors` as fixtures in every project that has the package.

pytest finds it by its entry point. Loading it loads nothing else: the kit is imported when a fixture is asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from heify_heygen_errors.testing.clock import ManualClock
    from heify_heygen_errors.testing.server import FakeServer


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "fake_vendors(**options): options of the FakeServer behind the fixture fake_vendors")


@pytest.fixture
def fake_vendors(request: pytest.FixtureRequest) -> Iterator[FakeServer]:
    """HeyGen, LiveAvatar and Heify on this machine, as new for each test.

    Options of `FakeServer` come from the marker: ``@pytest.mark.fake_vendors(limits=False)``. In a test that also uses
    `recorded_sleep`, the server goes by its clock.
    """
    from heify_heygen_errors.testing import FakeServer

    marker = request.node.get_closest_marker("fake_vendors")
    if marker is not None and marker.args:
        msg = f"@pytest.mark.fake_vendors takes keywords, as in fake_vendors(limits=False), not {marker.args[0]!r}"
        raise pytest.UsageError(msg)
    options = dict(marker.kwargs) if marker is not None else {}
    if "recorded_sleep" in request.fixturenames:
        options.setdefault("clock", request.getfixturevalue("recorded_sleep"))
    with FakeServer(**options) as server:
        yield server


@pytest.fixture
def recorded_sleep(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """Sleeping without waiting: `time.sleep` and `asyncio.sleep` return at once, and every wait is on record.

    Gives a `ManualClock`: ``recorded_sleep.slept`` has the waits in seconds. Code that takes its clock and its sleep as
    arguments can be given ``recorded_sleep``, ``recorded_sleep.sleep`` and ``recorded_sleep.asleep`` instead.
    """
    from heify_heygen_errors.testing import ManualClock

    clock = ManualClock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(asyncio, "sleep", clock.asleep)
    return clock


@pytest.fixture(scope="session")
def vendor_errors() -> ModuleType:
    """The factories of the testing kit: ``vendor_errors.response("heygen", "insufficient_credit")`` and its siblings."""
    from heify_heygen_errors.testing import factories

    return factories
