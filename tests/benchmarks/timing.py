"""Interleaved rounds: each round runs every side, in an order that rotates, on fresh inputs of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks.samples import Sample


class Side(NamedTuple):
    """One of those that are compared.

    Attributes:
        prepare: makes a call's input from a sample; not timed.
        run: what is timed.
    """

    prepare: Callable[[Sample], Any]
    run: Callable[[Any], Any]


class Times(NamedTuple):
    """Time per call of each round, in seconds."""

    rounds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The quickest round."""
        return min(self.rounds)

    @property
    def median(self) -> float:
        """The round in the middle."""
        return median(self.rounds)


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """The names in the order of this turn, so that no side always runs behind the same other one."""
    start = turn % len(names)
    return [*names[start:], *names[:start]]


def race(sides: Mapping[str, Side], samples: Iterable[Sample], rounds: int, calls: int) -> dict[str, Times]:
    """Times of every side over the same samples.

    Arguments:
        sides: what is compared, by name.
        samples: taken from as needed, never twice.
        rounds: counted rounds; one more comes before them to warm up.
        calls: per round and side.
    """
    names = list(sides)
    taken: dict[str, list[float]] = {name: [] for name in names}
    source = iter(samples)
    gc.collect()
    gc.freeze()  # what the libraries hold would be collected again before every round
    try:
        for turn in range(-1, rounds):
            chosen = list(islice(source, calls))
            for name in rotated(names, turn):
                side = sides[name]
                inputs = [side.prepare(sample) for sample in chosen]
                seconds = _time(side.run, inputs)
                if turn >= 0:
                    taken[name].append(seconds / calls)
    finally:
        gc.unfreeze()
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def _time(run: Callable[[Any], Any], inputs: Sequence[Any]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = perf_counter()
        for item in inputs:
            run(item)
        return perf_counter() - start
    finally:
        gc.enable()
