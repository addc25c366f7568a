"""`FakeServer`: HeyGen, LiveAvatar and Heify on 127.0.0.1, over real HTTP."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import attrs

from heify_heygen_errors.testing.certificates import Authority, Kind
from heify_heygen_errors.testing.clock import Clock, ManualClock
from heify_heygen_errors.testing.connection import Arrived, Outcome
from heify_heygen_errors.testing.control import Control
from heify_heygen_errors.testing.dead_ports import DeadPorts
from heify_heygen_errors.testing.deliveries import Post
from heify_heygen_errors.testing.factories import Webhook
from heify_heygen_errors.testing.fault import Fault, refused
from heify_heygen_errors.testing.listener import NOT_RUNNING, Inbox, Listener
from heify_heygen_errors.testing.mounting import mount, transport
from heify_heygen_errors.testing.openapi import document
from heify_heygen_errors.testing.operations import Operation, Received
from heify_heygen_errors.testing.reception import PREFIXES, Reception, address
from heify_heygen_errors.testing.replies import Reply, VendorError
from heify_heygen_errors.testing.steps import CANNOT_BE_REFUSED, Rule, Step, checked, may_say, pattern
from heify_heygen_errors.testing.vendors import VENDORS
from heify_heygen_errors.testing.vendors.known import checked_known
from heify_heygen_errors.testing.vendors.vendor import Settings
from heify_heygen_errors.testing.world import Delivery, Job, JobPlan, PaidWork

if TYPE_CHECKING:
    import requests

_KEYS: Final = {"heygen": "fake-heygen-key", "liveavatar": "fake-liveavatar-key", "heify": "fake-heify-key"}
_GENERATIONS: Final = ("2026", "2025")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PORTS: Final = 65536


@attrs.frozen(kw_only=True)
class Site:
    """One vendor of a running server.

    Attributes:
        name: ``heygen``, ``liveavatar`` or ``heify``.
        url: its base URL, to be used in place of ``https://api.heygen.com``; no slash at the end.
        api_key: the key that it accepts.
    """

    name: str
    url: str
    api_key: str
    _server: FakeServer = attrs.field(repr=False, alias="server")

    @property
    def requests(self) -> list[Received]:
        """The requests that arrived for this vendor, in order."""
        return [received for received in self._server.requests if received.provider == self.name]

    @property
    def paid_work(self) -> list[PaidWork]:
        """The work that this vendor started and would ask money for, in order."""
        return [work for work in self._server.paid_work if work.provider == self.name]


class Standing:
    """A rule that was made by `FakeServer.on`; as a context manager it ends with the block."""

    def __init__(self, reception: Reception, rule: Rule) -> None:
        self._reception = reception
        self._rule = rule

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.remove()

    def remove(self) -> None:
        """End the rule. Harmless if it has ended already."""
        with self._reception.lock:
            if self._rule in self._reception.rules:
                self._reception.rules.remove(self._rule)


class FakeServer:
    """The vendors on a free port of this machine, to be used as a context manager.

        with FakeServer() as server:
            server.script([error("heygen", "RATE_LIMIT", retry_after=2), fault.reset_after_request, ok])
            requests.get(server.heygen.url + "/v3/users/me", headers={"X-Api-Key": server.heygen.api_key})

    It answers as the vendors do: jobs are created, run and end; keys, paths, methods, fields, ids and limits are
    checked; idempotency keys are honoured where the vendors honour them. What it answers can be changed by script,
    by rule, and by the request's own headers (``X-Fake-Error``, ``X-Fake-Fault``). Equal seeds, clocks and requests give
    equal answers. All methods are safe to call from any thread.

    Args:
        seed: of all ids and of every choice by chance.
        clock: the time in seconds since 1970; a `ManualClock` to have it stand still.
        limits: whether rates, quotas and numbers of concurrent jobs are kept to.
        job_polls: status reads that find a job running before one finds its end.
        job_seconds: instead of that, seconds of the clock until a job ends.
        heify_generation: ``"2026"`` or ``"2025"``: which of the two documented envelopes Heify speaks.
        keys: the API keys that are accepted, by provider.
        known: ids that exist beside those the fake has anyway, by the field that they are sent in: ``avatar_id``,
            ``voice_id``, ``template_id`` (HeyGen), ``configuration_id`` (Heify). For programs that have ids in their settings.
        port: the port to listen on; 0 for a free one.
        keep: how many requests are kept in `requests`; the counts are exact nevertheless.
        on_request: called with each request when its answer is decided, in the server's thread.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        limits: bool = True,
        job_polls: int = 2,
        job_seconds: float | None = None,
        heify_generation: Literal["2026", "2025"] = "2026",
        keys: Mapping[str, str] | None = None,
        known: Mapping[str, str | Iterable[str]] | None = None,
        port: int = 0,
        keep: int = 10_000,
        on_request: Callable[[Received], None] | None = None,
    ) -> None:
        self._seed = seed
        self._clock: Clock = clock or time.time
        self._plan = JobPlan(polls=job_polls, seconds=job_seconds)
        unknown = sorted(set(keys or {}) - set(_KEYS))
        if unknown:
            msg = f"there is no vendor {unknown[0]!r}: keys are for {', '.join(_KEYS)}"
            raise ValueError(msg)
        if heify_generation not in _GENERATIONS:
            msg = f"heify_generation is one of {', '.join(_GENERATIONS)}, not {heify_generation!r}"
            raise ValueError(msg)
        self._settings = Settings(
            keys={**_KEYS, **(keys or {})}, limits=limits, heify_generation=heify_generation, known=checked_known(known or {})
        )
        if not 0 <= port < _PORTS:
            msg = f"a port is a number from 0 to {_PORTS - 1}, not {port!r}"
            raise ValueError(msg)
        self._wanted_port = port
        self._keep = keep
        self._on_request = on_request
        self._listener = Listener(self)
        self._control = Control(self)
        self._authority: Authority | None = None
        self._tls: dict[Kind, str] = {}
        self._dead = DeadPorts()
        self._unwatch: Callable[[], None] = _nothing
        self._cancel_timer: Callable[[], None] = _nothing
        self._cancel_refusal: Callable[[], None] = _nothing
        # Until when connections are refused, and the scripts that go on then.
        self._refusing: tuple[float, list[Rule]] | None = None
        self._past_failures: list[BaseException] = []
        self._post, self._reception = self._new()

    def _new(self) -> tuple[Post, Reception]:
        """What is forgotten by a reset."""
        post = Post()
        reception = Reception(
            self._settings,
            self._clock,
            self._seed,
            self._plan,
            keep=self._keep,
            post=post.send,
            on_request=self._on_request,
            on_refused=self._refuse,
        )
        return post, reception

    # Life.

    def start(self) -> Self:
        """Begin to listen; returns the server itself.

        Raises:
            RuntimeError: it runs already.
            OSError: the port is taken.
        """
        self._listener.start(self._wanted_port)
        if isinstance(self._clock, ManualClock):
            self._unwatch = self._clock.watch(self._clock_moved)
        for script in self._reception.scripts:
            self._reception.refuse_if_next(script)
        return self

    def stop(self) -> None:
        """Stop listening, cut every connection, end every thread. Harmless if it does not run."""
        self._unwatch()
        self._cancel_timer()
        self._listener.stop()
        self._post.stop()
        self._tls.clear()
        self._dead.close()
        if self._authority is not None:
            self._authority.remove()
            self._authority = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if error is None and self.failures:
            raise self.failures[0]

    def __repr__(self) -> str:
        return f"FakeServer({self.url!r})" if self._listener.is_running else "FakeServer(stopped)"

    # Where it is.

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``; the vendors are below it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    def site(self, name: str) -> Site:
        """A vendor by name.

        Raises:
            KeyError: there is none of this name.
            RuntimeError: the server has never run, so that there is no address.
        """
        if name not in self._settings.keys:
            msg = f"there is no vendor {name!r}: use one of {', '.join(self._settings.keys)}"
            raise KeyError(msg)
        if not self.port:
            msg = "the server has no address before it runs: use it in a with block, or call start()"
            raise RuntimeError(msg)
        return Site(name=name, url=f"{self.url}/{name}", api_key=self._settings.keys[name], server=self)

    @property
    def heygen(self) -> Site:
        """HeyGen."""
        return self.site("heygen")

    @property
    def liveavatar(self) -> Site:
        """LiveAvatar."""
        return self.site("liveavatar")

    @property
    def heify(self) -> Site:
        """Heify."""
        return self.site("heify")

    @property
    def elsewhere(self) -> Inbox:
        """Another host, where the fault ``redirect_elsewhere`` sends clients to. It keeps what arrives there."""
        return self._listener.elsewhere

    def tls_url(self, name: str, certificate: Kind = "valid") -> str:
        """Base URL of a vendor behind TLS.

        Args:
            name: the vendor.
            certificate: ``valid`` (for a client that trusts `ca_file`), ``self_signed``, ``wrong_host`` or ``expired``.
        """
        if certificate not in self._tls:
            port = self._listener.listen_with_tls(self._ca().context(certificate))
            self._tls[certificate] = f"https://127.0.0.1:{port}"
        return f"{self._tls[certificate]}/{self.site(name).name}"

    @property
    def ca_file(self) -> str:
        """Path of the PEM file with the authority behind the ``valid``, ``wrong_host`` and ``expired`` certificates."""
        return self._ca().ca_file

    def silent_url(self, name: str, *, tls: bool = False) -> str:
        """Base URL of a vendor that never says a word: connections come about, nothing is read, and no byte comes back.

        The answer to a small request never comes; a large one (from 8 MiB) cannot be sent to its end; with TLS the
        handshake does not end. What is sent there is not on record.

        Args:
            name: the vendor.
            tls: whether the URL begins with ``https``.

        Raises:
            KeyError: there is no such vendor.
            RuntimeError: the server does not run.
        """
        return self._dead_url(name, lambda ports: ports.silent, tls=tls)

    def unreachable_url(self, name: str, *, tls: bool = False) -> str:
        """Base URL of a vendor to which no connection comes about, as behind a firewall that drops packets.

        Args:
            name: the vendor.
            tls: whether the URL begins with ``https``.

        Raises:
            KeyError: there is no such vendor.
            RuntimeError: the server does not run, or the system does not leave connections waiting; Linux does.
        """
        return self._dead_url(name, lambda ports: ports.full, tls=tls)

    def _dead_url(self, name: str, port: Callable[[DeadPorts], int], *, tls: bool) -> str:
        vendor = self.site(name).name
        if not self._listener.is_running:
            raise RuntimeError(NOT_RUNNING)
        return f"{'https' if tls else 'http'}://127.0.0.1:{port(self._dead)}/{vendor}"

    def _ca(self) -> Authority:
        if not self._listener.is_running:
            msg = "the server does not run: certificates are made while it does"
            raise RuntimeError(msg)
        if self._authority is None:
            self._authority = Authority()
        return self._authority

    # What it answers.

    def mount(self, session: requests.Session) -> None:
        """Have a session of requests send what is for the vendors' own hosts (https://api.heygen.com) to this server.

        Responses keep the vendor's URL, so that code which goes by it works as it is.
        """
        mount(session, self.url)

    def transport(self, library: str = "httpx2") -> Any:
        """A transport for clients of httpx2 or httpx, sync and async, that sends what is for the vendors' hosts to this server.

        To be used as ``httpx2.Client(transport=server.transport())``; responses keep the vendor's URL.

        Raises:
            ValueError: another library.
        """
        return transport(self.url, library)

    @contextlib.contextmanager
    def receiver(self, status: int = 200) -> Iterator[Inbox]:
        """A receiver for webhooks while the with block lasts: its `url` to register, its `requests` as they came.

        Args:
            status: what it answers.
        """
        with self._listener.inbox(Reply(status=status)) as inbox:
            yield inbox

    def script(self, steps: Iterable[Step], *, provider: str | None = None, method: str | None = None, path: str | None = None) -> None:
        """Have the next requests meet these steps, one each, in the order in which they arrive; then all is normal again.

        A vendor's error waits for a request to that vendor. `unused_steps` has what is left.

        Args:
            steps: ``error(...)``, faults, ``ok``, `Reply`, or functions from the `Received` request to one of these.
            provider: only requests to this vendor take a step; ``storage`` for signed upload URLs.
            method: only requests with this method.
            path: only requests for this path of the vendor (``/v3/videos/{video_id}``); ``*`` stands for anything.

        Raises:
            TypeError: something in `steps` is no step.
            ValueError: no request can ever have this method or path.
        """
        if isinstance(steps, Reply | VendorError | Fault | str) or not isinstance(steps, Iterable):
            msg = f"a script is a list of steps, not {steps!r}"
            raise TypeError(msg)
        rule = self._rule([checked(step) for step in steps], provider, method, path)
        if not rule.fits_all and any(isinstance(step, Fault) and step.name == refused.name for step in rule.steps):
            msg = "fault.refused is for the whole server, which has one port for all vendors: put it into a script without filters"
            raise ValueError(msg)
        with self._reception.lock:
            self._reception.scripts.append(rule)
        if self._listener.is_running:
            self._reception.refuse_if_next(rule)

    def on(
        self,
        method: str | None,
        path: str | None,
        step: Step,
        *,
        provider: str | None = None,
        times: int | None = None,
        share: float = 1.0,
    ) -> Standing:
        """Have every fitting request meet a step, until `reset`. Scripts go first; of several rules the newest.

        Gives the rule itself, to be ended by its `remove`, or used in a with block: an outage that ends.

        Args:
            method: of the requests; None for all.
            path: of the requests, as the vendor sees it; None for all. ``*`` stands for anything.
            step: what they meet.
            provider: only requests to this vendor.
            times: how often; None for ever.
            share: the part of the requests that meet it, from 0 to 1, chosen by the seed; the others are answered as usual.

        Raises:
            ValueError: `share` is not from 0 to 1, `times` below 1, or no request can ever have this method or path.
            TypeError: `step` is none.
        """
        if not 0 <= share <= 1:
            msg = f"share is a part of all requests, from 0 to 1, not {share!r}"
            raise ValueError(msg)
        if times is not None and not isinstance(times, int):
            msg = f"times is a whole number, not {times!r}"
            raise TypeError(msg)
        if times is not None and times < 1:
            msg = f"times is at least 1, not {times!r}; leave it out for ever"
            raise ValueError(msg)
        if isinstance(step, Fault) and step.name == refused.name:
            raise ValueError(CANNOT_BE_REFUSED)
        rule = self._rule([checked(step)] * (times or 1), provider, method, path, lasting=times is None, share=share)
        with self._reception.lock:
            self._reception.rules.insert(0, rule)
        return Standing(self._reception, rule)

    def _rule(
        self,
        steps: list[Step],
        provider: str | None,
        method: str | None,
        path: str | None,
        *,
        lasting: bool = False,
        share: float = 1.0,
    ) -> Rule:
        for name, value in (("provider", provider), ("method", method), ("path", path)):
            if value is not None and not isinstance(value, str):
                msg = f"{name} is a text, not {value!r}"
                raise TypeError(msg)
        if method is not None and method.upper() not in _METHODS:
            msg = f"there is no method {method!r}: use one of {', '.join(_METHODS)}"
            raise ValueError(msg)
        if path is not None and not path.startswith(("/", "*")):
            msg = f"a path begins with a slash or a star: {path!r} would never fit"
            raise ValueError(msg)
        if path is not None and path.split("/")[1:2] and path.split("/")[1] in PREFIXES:
            vendor, _, rest = path.removeprefix("/").partition("/")
            msg = f"the path is the vendor's own: path={'/' + rest!r}, provider={vendor!r}"
            raise ValueError(msg)
        if provider is not None and provider not in PREFIXES:
            msg = f"there is no vendor {provider!r}: use one of {', '.join(sorted(PREFIXES))}"
            raise KeyError(msg)
        foreign = next((step for step in steps if provider is not None and not may_say(step, provider)), None)
        if foreign is not None:
            msg = f"{provider} never says that, so that no request could meet it: {foreign!r}"
            raise ValueError(msg)
        return Rule(steps=deque(steps), lasting=lasting, provider=provider, method=method, path=pattern(path), share=share)

    def plan_jobs(self, *plans: JobPlan | VendorError) -> None:
        """Say what becomes of the jobs that are started next, one plan each, in order.

        A failure made by `error` stands for a job that ends in it.
        """
        made = [attrs.evolve(self._plan, fails=plan) if isinstance(plan, VendorError) else plan for plan in plans]
        for plan in made:
            if not isinstance(plan, JobPlan):
                msg = f"{plan!r} is no plan: use JobPlan(...) or error(...)"
                raise TypeError(msg)
        with self._reception.lock:
            self._reception.world.plans.extend(made)

    def finish_jobs(self, *ids: str) -> list[str]:
        """End these jobs now, or all that run; returns the ids of those that ended. Stuck ones stay."""
        with self._reception.lock:
            running = [job for job in self._reception.running() if (not ids or job.id in ids) and not job.plan.stuck]
            for job in running:
                self._reception.world.end(job)
            return [job.id for job in running]

    def set_balance(self, name: str, credits_left: float | None) -> None:
        """Set the credits (HeyGen) or minutes (Heify) that are left; None for as many as are wanted, which is the default.

        Raises:
            KeyError: there is no such vendor.
            TypeError: the credits are no number.
        """
        if credits_left is not None and (isinstance(credits_left, bool) or not isinstance(credits_left, int | float)):
            msg = f"what is left is a number, or None for no end, not {credits_left!r}"
            raise TypeError(msg)
        with self._reception.lock:
            self._reception.world.balance[self.site(name).name] = credits_left

    def reset(self) -> None:
        """Forget scripts, rules, jobs and counts. The server goes on under its address, as new; its `failures` stay."""
        before = self._post
        self._past_failures = self.failures
        self._post, self._reception = self._new()
        before.stop(wait=not self._listener.is_inside())
        self.elsewhere.forget()
        if self._refusing is not None:
            self._refusing = (0.0, [])
            self._accept()

    # What it saw.

    @property
    def requests(self) -> list[Received]:
        """The requests that arrived, in order; the last `keep` of them."""
        with self._reception.lock:
            return list(self._reception.received)

    @property
    def unused_steps(self) -> list[Step]:
        """The steps of all scripts that no request has met yet."""
        with self._reception.lock:
            return [step for script in self._reception.scripts for step in script.steps]

    @property
    def failures(self) -> list[BaseException]:
        """What steps that are functions, faults and `on_request` raised; the first is raised at the end of the with block."""
        return [*self._past_failures, *self._reception.failures]

    @property
    def request_count(self) -> int:
        """How many requests have arrived."""
        return self._reception.number

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How many requests arrived by provider and endpoint (``POST /v3/videos``; method and path where there is none)."""
        with self._reception.lock:
            return self._reception.counts.copy()

    @property
    def statuses(self) -> Counter[int | None]:
        """How many answers had which status; None where a fault kept the client from seeing one."""
        with self._reception.lock:
            return self._reception.statuses.copy()

    @property
    def paid_work(self) -> list[PaidWork]:
        """The work that was started and would cost money, in order. A double charge is two entries where one was meant."""
        with self._reception.lock:
            return list(self._reception.world.paid)

    @property
    def double_charges(self) -> list[list[PaidWork]]:
        """Work that was started more than once: by several requests to the same endpoint with the same body."""
        same: dict[tuple[str, str, bytes], list[PaidWork]] = {}
        for work in self.paid_work:
            same.setdefault((work.provider, work.operation, work.body), []).append(work)
        # One request can start several jobs: a batch, or a translation into several languages.
        return [works for works in same.values() if len({work.request for work in works}) > 1]

    def assert_paid_once(self) -> None:
        """Fail the test if equal work was started twice.

        Raises:
            AssertionError: it was; the message names the endpoint, the requests and their idempotency keys.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test
        twice = self.double_charges
        if not twice:
            return
        lines = [
            f"{works[0].operation}: {len(works)} times, by requests "
            + ", ".join(f"{work.request} (Idempotency-Key {work.idempotency_key or 'none'})" for work in works)
            for works in twice
        ]
        raise AssertionError("the same work was started and paid for more than once:\n" + "\n".join(lines))

    @property
    def jobs(self) -> list[Job]:
        """Every job that was started and not deleted."""
        with self._reception.lock:
            return [job for jobs in self._reception.world.jobs.values() for job in jobs.values()]

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook that was sent, in order, those on their way included."""
        return self._post.sent

    def send_webhook(self, made: Webhook, url: str) -> None:
        """Post a webhook made by `webhook` to a receiver on this machine; `wait_for_deliveries` has its answer."""
        event = made.json.get("event_type") or made.json.get("status") or ""
        self._post.send(Delivery(provider=made.provider, event=str(event), url=url, headers=made.headers, body=made.body))

    def wait_for_deliveries(self, timeout: float = 5.0) -> list[Delivery]:
        """Wait until every webhook has been answered, or could not be delivered.

        Raises:
            TimeoutError: some are still on their way after `timeout` seconds.
        """
        return self._post.wait(timeout)

    def openapi(self) -> dict[str, Any]:
        """The fake vendors as an OpenAPI 3.1 document."""
        return document(self.operations, self.url, self._settings.keys)

    @property
    def operations(self) -> Sequence[Operation]:
        """Every endpoint that it has."""
        return [operation for vendor in VENDORS for operation in vendor.operations]

    # Refusing connections.

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse every connection inside the with block, as a host does on which nothing listens."""
        before = self._refusing
        self._refuse_until(float("inf"), [])
        try:
            yield
        finally:
            if before is not None:
                self._refuse_until(*before)
            if before is None or before[0] <= self._clock():
                self._accept()

    def _refuse(self, seconds: float, then: Rule) -> None:
        end, others = self._refusing or (0.0, [])
        self._refuse_until(max(end, self._clock() + seconds), [*others, then])

    def _refuse_until(self, end: float, then: list[Rule]) -> None:
        if not self._listener.is_running:
            return
        self._cancel_refusal()
        self._refusing = (end, then)
        self._listener.refuse()
        if not isinstance(self._clock, ManualClock) and end != float("inf"):
            self._cancel_refusal = self._listener.later(max(0.0, end - self._clock()), self._accept)

    def _accept(self) -> None:
        if self._refusing is None:
            return
        self._cancel_refusal()
        _, then = self._refusing
        self._refusing = None
        refused_again = [self._reception.refuse_if_next(script) for script in then]
        if not any(refused_again):
            self._listener.accept()

    # Requests.

    def announced(self, arrived: Arrived) -> int | None:
        """How many bytes of its body to read before a request, whose head has come, is dispatched; None for all."""
        provider, _ = address(arrived)
        return None if provider == "_fake" else self._reception.announced(arrived)

    def dispatch(self, arrived: Arrived) -> Outcome:
        """The answer to a request; called by connections, in the server's own thread."""
        provider, path = address(arrived)
        if provider == "_fake":
            return Outcome(self._control.answer(arrived, path))
        outcome = self._reception.receive(arrived, self.url)
        self._set_timer()
        return outcome

    # Time.

    def _clock_moved(self) -> None:
        with self._reception.lock:
            self._reception.world.settle()
        if self._refusing is not None and self._clock() >= self._refusing[0]:
            self._accept()

    def _set_timer(self) -> None:
        """Have jobs that go by the real clock end on time, so that their webhooks go out without anybody asking."""
        if isinstance(self._clock, ManualClock):
            return
        with self._reception.lock:
            due = self._reception.world.next_end()
        if due is None:
            return
        self._cancel_timer()
        self._cancel_timer = self._listener.later(max(0.0, due - self._clock()), self._ring)

    def _ring(self) -> None:
        with self._reception.lock:
            self._reception.world.settle()
        self._set_timer()


def _nothing() -> None:
    """What happens where nothing is to happen."""
