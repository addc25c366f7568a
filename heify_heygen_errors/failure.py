"""The vendor's own words about one failure, before any rule looked at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

NO_IDS: Final[Mapping[str, str]] = {}


@attrs.define(slots=True, eq=False)
class Failure:
    """What an adapter read out of an observation.

    Attributes:
        channel: the way it arrived; a rule of a layer may still move it to gateway or upload.
        envelope: the shape it was found in, for `explain`.
        code: verbatim, as text; None where there is none.
        message, detail, param, doc_url, request_id: verbatim.
        resource: ids of the job or object.
        item: whether it is one of a list, batch or event log.
        shape: a listed shape that an entry may explain.
        text: a page's or proxy's words, for rules only.
        layer: whether the envelope is one of a layer in front of the vendor.
        exceptions: full class names of a transport failure, the innermost cause first.
    """

    channel: str
    envelope: str
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    param: str | None = None
    doc_url: str | None = None
    request_id: str | None = None
    resource: Mapping[str, str] = NO_IDS
    item: bool = False
    shape: str | None = None
    text: str | None = None
    layer: bool = False
    exceptions: tuple[str, ...] = ()
