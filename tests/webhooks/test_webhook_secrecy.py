"""Nothing of a delivery and no secret is in what is raised, logged, pickled or shown of it."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from heify_heygen_errors.webhooks import WebhookError, WebhookVerifier, parse_unverified_webhook

CANARY = "zq7kd93hvx"
SECRET = f"whsec_{CANARY}secret"
EVENT = f'{{"event_type": "a.success", "event_data": {{"title": "{CANARY}body"}}}}'.encode()
NOW = 1_791_279_000.0


class DownStore:
    """A shared memory that cannot be reached."""

    def claim(self, key: str, seconds: float) -> bool:
        raise ConnectionError

    def release(self, key: str) -> None:
        raise ConnectionError


def signed(body: bytes, **more: str) -> dict[str, str]:
    import hashlib
    import hmac

    made = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"Heygen-Signature": made, "Heygen-Timestamp": f"{NOW:.0f}", "X-Note": f"{CANARY}header", **more}


def digest_of(body: bytes) -> str:
    return signed(body)["Heygen-Signature"]


def verifier(**options: Any) -> WebhookVerifier:
    return WebhookVerifier(SECRET, SECRET + "2", **{"clock": lambda: NOW, **options})


def replayed() -> None:
    checked = verifier()
    for _ in range(2):
        checked.verify(EVENT, signed(EVENT))


def accepted_twice() -> None:
    checked = verifier()
    with checked.accept(EVENT, signed(EVENT)), checked.accept(EVENT, signed(EVENT)):
        pass


def failed_work() -> None:
    with verifier().accept(EVENT, signed(EVENT)):
        raise RuntimeError


def failed_work_and_store() -> None:
    checked = verifier()
    with checked.accept(EVENT, signed(EVENT)):
        checked._replays = DownStore()
        raise RuntimeError


def broken(body: bytes) -> Callable[[], object]:
    return lambda: verifier().verify(body, signed(body))


FAILURES: dict[str, Callable[[], object]] = {
    "missing_signature": lambda: verifier().verify(EVENT, {"X-Note": f"{CANARY}header"}),
    "wrong_signature": lambda: verifier().verify(EVENT, signed(EVENT, **{"Heygen-Signature": f"{CANARY}signature"})),
    "missing_timestamp": lambda: verifier().verify(EVENT, signed(EVENT, **{"Heygen-Timestamp": ""})),
    "wrong_timestamp": lambda: verifier().verify(EVENT, signed(EVENT, **{"Heygen-Timestamp": f"{CANARY}time"})),
    "too_old": lambda: verifier(clock=lambda: NOW + 999).verify(EVENT, signed(EVENT)),
    "too_new": lambda: verifier(clock=lambda: NOW - 999).verify(EVENT, signed(EVENT)),
    "replayed": replayed,
    "replayed in a with block": accepted_twice,
    "too_large": lambda: verifier(max_body=10).verify(EVENT, signed(EVENT)),
    "unreadable": broken(EVENT[:-1]),
    "no UTF-8": broken(EVENT + b"\xff"),
    "not_an_event": broken(b"[" + EVENT + b"]"),
    "text": lambda: verifier().verify(EVENT.decode(), signed(EVENT)),  # type: ignore[arg-type]
    "decoded": lambda: verifier().verify({"title": CANARY}, signed(EVENT)),  # type: ignore[arg-type]
    "a store that is down": lambda: verifier(replays=DownStore()).verify(EVENT, signed(EVENT)),
    "work that fails": failed_work,
    "work that fails with the store": failed_work_and_store,
    "a secret that is empty": lambda: WebhookVerifier(SECRET, ""),
    "a secret with a line break": lambda: WebhookVerifier(SECRET + "\n"),
    "secrets in a list": lambda: WebhookVerifier([SECRET]),  # type: ignore[arg-type]
    "another argument": lambda: WebhookVerifier(SECRET, tolerance=-1),
    "pickle": lambda: pickle.dumps(verifier()),
    "unverified, no event": lambda: parse_unverified_webhook(f'{{"title": "{CANARY}"}}', "heify"),
    "unverified, cut": lambda: parse_unverified_webhook(EVENT[:-1], "heygen"),
    "unverified, no UTF-8": lambda: parse_unverified_webhook(EVENT + b"\xff", "heygen"),
    "unverified, of nobody": lambda: parse_unverified_webhook(EVENT, "liveavatar"),
    "unverified, no body": lambda: parse_unverified_webhook({CANARY}, "heygen"),  # type: ignore[arg-type]
}


def frames_of(error: BaseException) -> Iterator[tuple[str, object]]:
    """The local variables of the package's frames that an exception leads to."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "heify_heygen_errors" in frame.f_code.co_filename and "tests" not in frame.f_code.co_filename:
            yield from ((f"{name} in {frame.f_code.co_name}", value) for name, value in frame.f_locals.items())


def told(error: BaseException | None) -> Iterator[tuple[str, str]]:
    while error is not None:
        yield "text", str(error)
        yield "repr", repr(error)
        yield "arguments", repr(error.args)
        yield "attributes", repr(vars(error))
        yield "pickle", pickle.dumps(error).decode("latin-1")
        yield "traceback", "".join(traceback.format_exception_only(error))
        for place, value in frames_of(error):
            yield place, repr(value)
            yield f"the attributes of {place}", repr(getattr(value, "__dict__", None))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_tell_nothing(failure: str, caplog: pytest.LogCaptureFixture) -> None:
    """An error of the verifier or the parser, its causes, frames, pickles and logs hold no body, header, digest or secret."""
    with caplog.at_level(logging.DEBUG), pytest.raises(Exception) as caught:  # noqa: PT011 - all of them
        FAILURES[failure]()
    places = [*told(caught.value), *(("log", logging.Formatter().format(record)) for record in caplog.records)]
    assert len(places) >= 6
    hidden = (CANARY, digest_of(EVENT), digest_of(EVENT[:-1]))
    assert [(place, text) for place, text in places if any(secret in text.lower() for secret in hidden)] == []


@pytest.mark.parametrize(
    "failure", [name for name in FAILURES if name.split()[0] in ("no", *("missing_signature", "wrong_signature", "unreadable", "replayed"))]
)
def test_errors_have_no_history(failure: str) -> None:
    """A WebhookError has neither cause nor context."""
    with pytest.raises(WebhookError) as caught:
        FAILURES[failure]()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_values_tell_nothing() -> None:
    """The repr of a verifier has no secret, in its attributes neither, and that of an event no text of the body."""
    checked = verifier()
    event = checked.verify(EVENT, signed(EVENT))
    shown = (
        f"{checked!r} {vars(checked)!r} {event!r} {parse_unverified_webhook(EVENT, 'heygen')!r} {checked.accept(EVENT, signed(EVENT))!r}"
    )
    assert CANARY not in shown
    assert digest_of(EVENT) not in shown
