"""The clock of the testing kit that stands still until it is told to move."""

import asyncio
import threading
import time

import pytest

from heify_heygen_errors.testing import ManualClock


def test_stands_still_until_moved():
    """The time is the start until somebody moves it on, and then exactly so much later."""
    clock = ManualClock(1000.0)
    assert [clock(), clock()] == [1000.0, 1000.0]
    clock.advance(2.5)
    clock.sleep(0.5)
    assert clock() == 1003.0


def test_starts_on_the_first_of_a_month():
    """Without a start it begins with a month, so that quotas of a month begin with it."""
    assert time.gmtime(ManualClock()())[2:6] == (1, 0, 0, 0)


def test_sleeps_are_on_record_and_advances_are_not():
    """Every sleep is kept in order with its length and counts into the total; moving the clock by hand is no wait."""
    clock = ManualClock()
    assert (clock.slept, clock.total) == ([], 0)
    clock.sleep(2)
    clock.advance(60)
    clock.sleep(0)
    clock.sleep(0.25)
    assert (clock.slept, clock.total) == ([2, 0, 0.25], 2.25)


def test_record_given_out_is_a_copy():
    """Changing the list of sleeps that was given out changes nothing in the clock."""
    clock = ManualClock()
    clock.slept.append(99)
    assert clock.slept == []


def test_sleeping_takes_no_time():
    """A sleep of a day returns at once."""
    begin = time.perf_counter()
    ManualClock().sleep(86400)
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("move", [ManualClock.advance, ManualClock.sleep])
@pytest.mark.parametrize("seconds", [-1, -0.001, float("-inf")])
def test_time_does_not_go_back(move, seconds):
    """Negative seconds are refused with their number, and neither the time nor the record changes."""
    clock = ManualClock(5.0)
    with pytest.raises(ValueError, match=str(seconds)):
        move(clock, seconds)
    assert (clock(), clock.slept) == (5.0, [])


@pytest.mark.parametrize("move", [ManualClock.advance, ManualClock.sleep])
def test_a_time_that_is_no_number_is_refused(move):
    """NaN seconds are refused, as `time.sleep` refuses them, instead of making every later time NaN."""
    clock = ManualClock(5.0)
    with pytest.raises(ValueError, match="nan"):
        move(clock, float("nan"))
    assert (clock(), clock.slept) == (5.0, [])


def test_asleep_records_gives_way_and_returns_the_result():
    """The asynchronous sleep is recorded, lets other tasks run, and gives the result that asyncio.sleep would give."""
    clock = ManualClock(0.0)
    order = []

    async def other():
        order.append("other")

    async def main():
        task = asyncio.create_task(other())
        order.append(await clock.asleep(3, "result"))
        await task

    asyncio.run(main())
    assert (order, clock.slept, clock()) == (["other", "result"], [3], 3.0)


@pytest.mark.parametrize("seconds", [0, -1])
def test_asleep_that_only_gives_way_is_not_recorded(seconds):
    """asyncio.sleep(0) is how programs give way, no wait; asyncio.sleep takes negative seconds for the same."""
    clock = ManualClock(0.0)
    assert asyncio.run(clock.asleep(seconds)) is None
    assert (clock.slept, clock()) == ([], 0.0)


@pytest.mark.parametrize("move", [ManualClock.advance, ManualClock.sleep])
def test_watchers_are_told_after_the_move(move):
    """Who watches is called after each move, sees the new time, and is left alone once it has ended that."""
    clock = ManualClock(0.0)
    seen = []
    end = clock.watch(lambda: seen.append(clock()))
    move(clock, 1)
    move(clock, 2)
    end()
    move(clock, 4)
    assert seen == [1.0, 3.0]


def test_ending_a_watch_twice_is_harmless():
    """Ending the same watch again does nothing, and other watchers stay."""
    clock = ManualClock()
    told = []
    end, _ = clock.watch(lambda: told.append("first")), clock.watch(lambda: told.append("second"))
    end()
    end()
    clock.advance(1)
    assert told == ["second"]


def test_a_watcher_may_move_and_watch():
    """A watcher may use the clock that called it: move it on, read it, end its own watch."""
    clock = ManualClock(0.0)

    def once():
        end()
        clock.sleep(10)

    end = clock.watch(once)
    clock.advance(1)
    assert (clock(), clock.slept) == (11.0, [10])


def test_threads_lose_no_wait():
    """Sleeps of many threads add up exactly, in the time and on the record."""
    clock = ManualClock(0.0)
    threads = [threading.Thread(target=lambda: [clock.sleep(1) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (clock(), len(clock.slept), clock.total) == (1600.0, 1600, 1600)


def test_repr_shows_time_and_waits():
    """The repr says what a failed assertion needs: the time and the waits."""
    clock = ManualClock(10.0)
    clock.sleep(2)
    assert repr(clock) == "ManualClock(now=12.0, slept=[2])"
