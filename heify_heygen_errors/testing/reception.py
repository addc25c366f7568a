"""Where requests arrive: finds the vendor, chooses what each request meets, and keeps the record."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Final, TypeGuard

import attrs

from heify_heygen_errors.testing.clock import Clock
from heify_heygen_errors.testing.connection import Arrived, Outcome
from heify_heygen_errors.testing.fault import Fault, no_answer, refused, reset_while_sending, slow_answer
from heify_heygen_errors.testing.operations import Operation, Received, read_query
from heify_heygen_errors.testing.replies import Ok, Reply, VendorError
from heify_heygen_errors.testing.steps import CANNOT_BE_REFUSED, FAULT_HEADER, Rule, Step, checked, header_step, told
from heify_heygen_errors.testing.vendors import VENDORS
from heify_heygen_errors.testing.vendors.known import make_known
from heify_heygen_errors.testing.vendors.vendor import Answered, Settings, Vendor
from heify_heygen_errors.testing.world import Delivery, Job, JobPlan, World

HOSTS: Final = {
    "api.heygen.com": "heygen",
    "upload.heygen.com": "heygen",
    "api.liveavatar.com": "liveavatar",
    "api.heify.com": "heify",
}
"""The vendors' own hosts."""

PREFIXES: Final = frozenset(vendor.provider for vendor in VENDORS)
"""What the paths of requests begin with: the vendors, and ``storage``."""

# While these last, the vendor is still at work on the request, and a second one with its idempotency key is told so.
_LASTING: Final = frozenset({slow_answer.name, no_answer.name})
_UNAVAILABLE: Final = 503
_LOOKS: Final = frozenset({"GET", "HEAD"})


class Reception:
    """The requests of one run of a fake server, from the first to the last before a reset.

    Args:
        settings: the user's choices.
        clock: seconds since 1970.
        seed: of all ids and chances.
        plan: what becomes of jobs.
        keep: how many requests to remember.
        post: delivers webhooks.
        on_request: called with each request when its answer is decided.
        on_refused: called when the next step of a script is to refuse connections, with the seconds and the script.

    Attributes:
        world: what exists.
        lock: held while anything of this is read or changed.
        scripts, rules: what requests meet; scripts go first.
        received, number, counts, statuses: the record.
        failures: what steps raised.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        seed: int,
        plan: JobPlan,
        *,
        keep: int,
        post: Callable[[Delivery], None],
        on_request: Callable[[Received], None] | None,
        on_refused: Callable[[float, Rule], None],
    ) -> None:
        self.lock = threading.RLock()
        self.world = World(clock, seed, plan)
        self.scripts: list[Rule] = []
        self.rules: list[Rule] = []
        self.received: deque[Received] = deque(maxlen=keep)
        self.number = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[int | None] = Counter()
        self.failures: list[BaseException] = []
        self._clock = clock
        # Of its own, so that a rule with a share changes no id.
        self._chance = Random(f"share {seed}")  # noqa: S311 - reproducible on purpose
        self._on_request = on_request
        self._on_refused = on_refused
        self._vendors: dict[str, Vendor] = {vendor.provider: vendor(self.world, settings) for vendor in VENDORS}
        make_known(self.world, settings.known)
        self.world.ended = self._job_ended
        self.world.posted = post

    def announced(self, arrived: Arrived) -> int | None:
        """How many bytes of its body to read before a request, whose head has come, is received; None for all.

        A request that meets its fault while it is being sent takes that step here.
        """
        with self.lock:
            heads = (rule.steps[0] for rule in (*self.scripts, *self.rules) if rule.steps)
            if FAULT_HEADER not in arrived.headers and not any(_is_while_sending(step) for step in heads):
                return None
            received = self._as_received(arrived)
            try:
                step = header_step(received) if received.provider else None
            except (KeyError, ValueError, TypeError):  # the answer will say so
                return None
            if step is None:
                step = self._next_step(received, arrived.chances, while_sending=True)
                arrived.met = step if _is_while_sending(step) else None
            return step.size if _is_while_sending(step) else None

    def receive(self, arrived: Arrived, root: str) -> Outcome:
        """What to answer to a request.

        Args:
            arrived: the request.
            root: URL of the server.
        """
        with self.lock:
            self.number += 1
            received = self._as_received(arrived)
            self.received.append(received)
            self.world.settle()
            outcome = self._decided(received, root, arrived)
            received.fault = None if outcome.fault is None else outcome.fault.name
            received.status = outcome.reply.status if outcome.fault is None else outcome.fault.status_of(outcome.reply)
            self.counts[received.provider, received.operation or f"{received.method} {received.path}"] += 1
            self.statuses[received.status] += 1
            self._tell(received)
            return outcome

    def _as_received(self, arrived: Arrived) -> Received:
        provider, path = address(arrived)
        return Received(
            number=self.number,
            at=self._clock(),
            provider=provider,
            method=arrived.method,
            path=path,
            target=arrived.target,
            query=read_query(arrived.target),
            headers=arrived.headers,
            body=arrived.body if provider not in self._vendors else arrived.body[: self._vendors[provider].takes],
            size=arrived.size,
            scheme=arrived.scheme,
        )

    def _tell(self, received: Received) -> None:
        if self._on_request is None:
            return
        try:
            self._on_request(received)
        except Exception as problem:  # noqa: BLE001 - the client gets its answer nevertheless; raised again as above
            self.failures.append(problem)

    def refuse_if_next(self, rule: Rule) -> bool:
        """Have connections refused if that is what a script wants next; whether it was."""
        with self.lock:
            step = rule.steps[0] if rule.steps else None
            if not isinstance(step, Fault) or step.name != refused.name:
                return False
            rule.steps.popleft()
        self._on_refused(step.seconds, rule)
        return True

    def _decided(self, received: Received, root: str, arrived: Arrived) -> Outcome:
        try:
            step = header_step(received) if received.provider else None
        except (KeyError, ValueError, TypeError) as problem:
            return Outcome(_wrong_header(problem))
        try:
            return self._outcome(received, root, step or arrived.met or self._next_step(received, arrived.chances))
        except BaseException as problem:  # noqa: BLE001 - of a step that is a function; raised again when the server's with block ends
            self.failures.append(problem)
            return Outcome(Reply.json({"fake": f"the step failed: {problem!r}"}, 500))

    def _next_step(self, received: Received, chances: dict[object, bool], *, while_sending: bool = False) -> Step | None:
        """The step that a request takes; with `while_sending` only one that happens while it is being sent."""
        if not received.provider and received.method in _LOOKS:  # of a browser, say, which takes no step from anybody
            return None
        for rule in (*self.scripts, *self.rules):
            if not rule.fits(received):
                continue
            if rule not in chances:  # chance is asked once, though a request may come by twice
                chances[rule] = rule.chosen(self._chance)
            if not chances[rule]:
                continue
            if while_sending and not _is_while_sending(rule.steps[0]):
                return None
            step = rule.take()
            if rule in self.scripts:
                self.refuse_if_next(rule)
            for rules in (self.scripts, self.rules):
                if rule in rules and not rule.steps:
                    rules.remove(rule)
            return step
        return None

    def _outcome(self, received: Received, root: str, step: Step | None) -> Outcome:
        if callable(step) and not isinstance(step, Fault):
            step = checked(step(received))
        if isinstance(step, Fault):
            if step.name == refused.name:
                raise ValueError(CANNOT_BE_REFUSED)
            return attrs.evolve(self._faulty(received, root, step), failed=self.failures.append)
        if isinstance(step, Reply):
            self._meet(received)
            return Outcome(step)
        if isinstance(step, VendorError):
            return Outcome(self._failed(received, root, step))
        if step is None or isinstance(step, Ok):
            return Outcome(self._normal(received, root).reply)
        msg = f"a step that is a function gave {step!r}: it has to give an answer or a fault"
        raise TypeError(msg)

    def _faulty(self, received: Received, root: str, fault: Fault) -> Outcome:
        if fault.answer is not None and not isinstance(fault.answer, Ok) and not _is_while_sending(fault):
            return Outcome(self._outcome(received, root, fault.answer).reply, fault)
        if not fault.effect:
            self._meet(received)
            return Outcome(Reply.json({"message": "Service Unavailable"}, _UNAVAILABLE), fault)
        normal = self._normal(received, root)
        stored = normal.stored
        if stored is None or fault.name not in _LASTING:
            return Outcome(normal.reply, fault)
        stored.busy_until = received.at + fault.seconds

        def done() -> None:
            stored.busy_until = 0.0

        return Outcome(normal.reply, fault, done)

    def _failed(self, received: Received, root: str, failure: VendorError) -> Reply:
        reply = failure.reply(received.path)
        if failure.effect:
            self._normal(received, root)
        operation = self._meet(received)
        vendor = self._vendors.get(received.provider)
        return reply if vendor is None else vendor.finished(received, reply, operation)

    def _normal(self, received: Received, root: str) -> Answered:
        vendor = self._vendors.get(received.provider)
        if vendor is None:
            return Answered(_nobody(received, root))
        host = received.headers.get("host", "")
        base = root if not host or _vendor_of(host) is not None else f"{received.scheme}://{host}"
        answered = vendor.answer(received, f"{base}/{received.provider}", base)
        received.replayed = answered.replayed
        return answered

    def _meet(self, received: Received) -> Operation | None:
        vendor = self._vendors.get(received.provider)
        return None if vendor is None else vendor.meet(received)

    def _job_ended(self, job: Job) -> None:
        self._vendors[job.provider].job_ended(job)

    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        return [job for name in self._vendors for job in self.world.running(name)]


def address(arrived: Arrived) -> tuple[str, str]:
    """Vendor and path of a request: by its Host, if that is a vendor's, else by the first segment of the path.

    The vendor is ``_fake`` for what the server says of itself and ``""`` where there is none.
    """
    target = arrived.target
    if "://" in target:  # the request line that proxies are sent
        arrived.headers["host"], _, rest = target.partition("://")[2].partition("/")
        target = f"/{rest}"
    path = target.partition("?")[0]
    vendor = _vendor_of(arrived.headers.get("host", ""))
    if vendor is not None:
        return vendor, path
    first, _, rest = path.removeprefix("/").partition("/")
    if first in PREFIXES or first == "_fake":
        return first, f"/{rest}"
    return "", path


def _is_while_sending(step: Step | None) -> TypeGuard[Fault]:
    return isinstance(step, Fault) and step.name == reset_while_sending.name


def _vendor_of(host: str) -> str | None:
    return HOSTS.get(host.partition(":")[0].lower())


def _nobody(received: Received, root: str) -> Reply:
    sites = {vendor.provider: f"{root}/{vendor.provider}" for vendor in VENDORS}
    text = f"this is the fake of several vendors, and {received.path} is below none of them; see {root}/_fake"
    return Reply.json({"fake": text, "vendors": sites}, 404)


def _wrong_header(problem: Exception) -> Reply:
    return Reply.json({"fake": f"X-Fake-Error or X-Fake-Fault: {told(problem)}"}, 400)
