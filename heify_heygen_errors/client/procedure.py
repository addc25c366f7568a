"""Procedures: work of several calls, as steps that a driver takes. Performs no I/O.

A procedure is a generator. It yields what has to be done and is sent what came of it; a driver that blocks and one that
awaits take the same steps, as they do within one call (see `engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from heify_heygen_errors.client.call import Call
from heify_heygen_errors.client.engine import Pause

T = TypeVar("T")


@attrs.frozen
class Tell:
    """A function of the user's is to be told of something; where it is a coroutine function, it is awaited."""

    function: Callable[[Any], object]
    value: object


@attrs.frozen
class Aside:
    """A function of ours that takes long, such as one that reads a file: it is not to hold up others."""

    function: Callable[[], object]


@attrs.frozen
class Give:
    """Something for the user who iterates over what the procedure finds."""

    value: object


Step: TypeAlias = Call | Pause | Tell | Aside | Give
"""What a procedure wants done: a call gives its answer or raises its ApiError, the others give nothing."""

Procedure: TypeAlias = Generator[Step, Any, T]


class Course(Generic[T]):
    """A procedure on its way.

    Attributes:
        step: what is to be done now; None at the end.
    """

    def __init__(self, procedure: Procedure[T]) -> None:
        self._procedure = procedure
        self._result: list[T] = []
        self.step: Step | None = None
        self.came(None)

    def came(self, result: object) -> None:
        """Go on with what came of the step."""
        try:
            self.step = self._procedure.send(result)
        except StopIteration as end:
            self._end(end.value)

    def failed(self, problems: list[BaseException]) -> None:
        """Go on after the step failed; raises what the procedure makes of it.

        The problem is taken out of the list: an error whose traceback leads to a frame that holds it would live until the
        garbage collector comes.
        """
        try:
            self.step = self._procedure.throw(problems.pop())
        except StopIteration as end:
            self._end(end.value)

    def close(self) -> None:
        """Break the procedure off."""
        self._procedure.close()

    def _end(self, result: T) -> None:
        self.step = None
        self._result.append(result)

    @property
    def result(self) -> T:
        """What the procedure returned."""
        return self._result[0]


def gathered(procedure: Procedure[Any]) -> Procedure[list[Any]]:
    """A procedure that keeps what another one gives, in order, and returns it at the end."""
    course = Course(procedure)
    found: list[Any] = []
    while course.step is not None:
        if isinstance(course.step, Give):
            found.append(course.step.value)
            course.came(None)
            continue
        problems: list[BaseException] = []
        came: object = None
        try:
            came = yield course.step
        except GeneratorExit:
            course.close()
            raise
        except BaseException as caught:  # noqa: BLE001 - the procedure decides what it means
            problems.append(caught)
        if problems:
            course.failed(problems)
        else:
            course.came(came)
    return found
