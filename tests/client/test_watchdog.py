"""The thread that shuts sockets down at the deadline of their call."""

import contextlib
import math
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from heify_heygen_errors.client import watchdog
from heify_heygen_errors.client.watchdog import Watch

_SOON = 0.1
_PATIENCE = 5.0


@pytest.fixture
def lines():
    """Two sockets that are connected to each other."""
    here, there = socket.socketpair()
    here.settimeout(_PATIENCE)
    with here, there:
        yield here, there


@pytest.fixture
def watching():
    """Starts watches with so many seconds to go, and cancels them in the end."""
    with contextlib.ExitStack() as stack:

        def start(seconds):
            watch = Watch(time.monotonic() + seconds)
            watch.start()
            stack.callback(watch.cancel)
            return watch

        yield start


def _is_untouched(here, there):
    there.sendall(b"still here")
    return here.recv(100) == b"still here"


def _threads():
    return [thread for thread in threading.enumerate() if "deadlines" in thread.name]


def test_read_ends_at_the_deadline(lines, watching):
    """A read that nothing comes for ends when the deadline passes, and the watch says why."""
    watch = watching(_SOON)
    watch.hold(lines[0])
    begin = time.monotonic()
    assert (lines[0].recv(1), watch.fired) == (b"", True)
    assert _SOON <= time.monotonic() - begin + 0.01 < _PATIENCE


def test_write_ends_at_the_deadline(lines, watching):
    """A write that the peer does not take ends when the deadline passes."""
    watch = watching(_SOON)
    watch.hold(lines[0])
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        lines[0].sendall(bytes(64 << 20))
    assert watch.fired


def test_socket_that_comes_late_is_shut_at_once(lines, watching):
    """A socket that is opened after the deadline is of no use any more."""
    watch = watching(0.001)
    while not watch.fired:
        time.sleep(0.001)
    watch.hold(lines[0])
    assert lines[0].recv(1) == b""


@pytest.mark.parametrize("end", [lambda watch, line: watch.let_go(line), lambda watch, _: watch.cancel()], ids=["let go", "cancelled"])
def test_socket_that_was_let_go_is_left_alone(lines, watching, end):
    """A connection that went back into its pool may serve another call by the time that the deadline passes."""
    watch, later = watching(0.02), watching(0.04)
    watch.hold(lines[0])
    end(watch, lines[0])
    while not later.fired:
        time.sleep(0.001)
    assert _is_untouched(*lines)


def test_only_the_socket_held_last_is_shut(lines, watching):
    """A call that changes to another connection has nothing to do with its first one."""
    other, _other_end = socket.socketpair()
    with other, _other_end:
        watch = watching(0.02)
        watch.hold(lines[0])
        watch.hold(other)
        assert other.recv(1) == b""
        assert _is_untouched(*lines)


def test_letting_go_tells_whether_it_came_in_time(lines, watching):
    """A connection whose socket was shut must not go back into a pool; one that was never held is no concern."""
    watch = watching(0.001)
    watch.hold(lines[0])
    assert lines[0].recv(1) == b""
    assert (watch.let_go(lines[1]), watch.let_go(lines[0]), watch.let_go(lines[0])) == (True, False, True)


def test_socket_inside_a_wrapper_is_the_one_that_is_shut(lines, watching):
    """TLS inside TLS is an object around the socket."""

    class Wrapper:
        socket = lines[0]

    watch = watching(_SOON)
    watch.hold(Wrapper())
    assert lines[0].recv(1) == b""


@pytest.mark.parametrize("held", [None, object()])
def test_what_is_no_socket_is_not_held(watching, held):
    """Connections without a socket of their own are no error."""
    watch = watching(0.001)
    watch.hold(held)
    while not watch.fired:
        time.sleep(0.001)
    assert watch.let_go(held)


def test_socket_that_is_closed_stays_open_until_the_watch_ends(lines, watching):
    """Its number must not become another socket's while the watch can still shut it."""
    here, there = lines
    watch = watching(60)
    watch.hold(here)
    number = here.fileno()
    watch.keep_open(here)
    here.close()
    os.close(os.dup(number))
    watch.cancel()
    with pytest.raises(OSError, match="descriptor"):
        os.dup(number)
    assert there.recv(1) == b""


def test_earlier_deadline_is_not_kept_waiting(lines, watching):
    """A call with little time is ended in time, whatever the thread was waiting for."""
    watching(60)
    watch = watching(_SOON)
    watch.hold(lines[0])
    begin = time.monotonic()
    assert lines[0].recv(1) == b""
    assert time.monotonic() - begin < 1


def test_deadlines_are_kept_one_by_one(watching):
    """Of several calls, each has its own deadline."""
    early, late, never = watching(0.02), watching(0.08), watching(60)
    while not early.fired:
        time.sleep(0.001)
    assert (late.fired, never.fired) == (False, False)
    while not late.fired:
        time.sleep(0.001)
    assert not never.fired


def test_one_thread_serves_all(watching):
    """A thousand calls need one thread, which does not keep the program from ending."""
    watching(60)
    before = _threads()
    for seconds in range(1000):
        watching(60 - seconds / 100)
    assert before == _threads()
    assert all(thread.daemon for thread in before)


def test_waiting_costs_nothing(watching):
    """The thread sleeps until a deadline; calls that come and go do not wake it."""
    watching(60)
    begin = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - begin < 0.1


def test_ended_watches_are_forgotten(watching):
    """What is over leaves nothing behind."""
    before = len(watchdog._watchdog.watches)
    for _ in range(100):
        watch = watching(60)
        watch.cancel()
    assert before == len(watchdog._watchdog.watches)


def test_watch_without_deadline_is_never_fired(lines):
    """A call may have no deadline, and still hold its socket."""
    watch = Watch(math.inf)
    watch.start()
    watch.hold(lines[0])
    assert (watch.let_go(lines[0]), watch.fired) == (True, False)


def test_time_far_away_can_be_watched(watching):
    """A deadline of years is no error of the clock."""
    watch = watching(1e12)
    assert not watch.fired


def test_call_goes_on_where_no_thread_can_be_had(monkeypatch, lines):
    """At the end of the interpreter no thread starts; calls then have their time-outs between bytes only."""
    alone = watchdog._Watchdog()
    monkeypatch.setattr(watchdog, "_watchdog", alone)

    def refuse(_):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    watch = Watch(time.monotonic() + 0.01)
    watch.start()
    watch.hold(lines[0])
    assert (watch.let_go(lines[0]), watch.fired) == (True, False)
    monkeypatch.undo()
    monkeypatch.setattr(watchdog, "_watchdog", alone)
    second = Watch(time.monotonic() + 0.01)
    second.start()
    second.hold(lines[0])
    assert lines[0].recv(1) == b""


_FORKING = """
import os, socket, threading, time
from heify_heygen_errors.client import watchdog

parents = watchdog.Watch(time.monotonic() + 60)
parents.start()
watchdog._watchdog.lock.acquire()  # as another thread could have it at the time of the fork
child = os.fork()
if child == 0:
    here, there = socket.socketpair()
    watch = watchdog.Watch(time.monotonic() + 0.05)
    watch.start()
    watch.hold(here)
    here.settimeout(5)
    os._exit(0 if here.recv(1) == b"" and threading.active_count() == 2 else 1)
watchdog._watchdog.lock.release()
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_process_watches_for_itself():
    """A child has deadlines too, although the thread stayed with its parent."""
    done = subprocess.run([sys.executable, "-c", _FORKING], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
