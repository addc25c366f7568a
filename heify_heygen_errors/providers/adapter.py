"""What the vendors' adapters share: the registry, and the bodies that are no JSON object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from heify_heygen_errors.failure import Failure
from heify_heygen_errors.providers.layers import layer_failures, text_failure
from heify_heygen_errors.providers.sight import Sight, text_of


class Adapter(ABC):
    """Reads one vendor's failures. Subclasses register by class keyword: ``providers=("heify",)``."""

    _registry: ClassVar[dict[str, Adapter]] = {}

    def __init_subclass__(cls, *, providers: tuple[str, ...] = (), **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for provider in providers:
            Adapter._registry[provider] = cls()

    def failures(self, sight: Sight) -> Iterator[Failure]:
        """Every failure in document order; none where nothing failed."""
        document = sight.document
        if document.kind == "json" and not (document.broken and sight.succeeded):
            body = document.value
            if type(body) is dict:
                if "x-amzn-errortype" not in sight.headers and "errorMessage" not in body:  # no sign of a layer
                    return self.object_failures(sight, body)
                return self._layer_or_object(sight, body)
            return self._other_json(sight, body)
        return self._no_json(sight)

    @abstractmethod
    def object_failures(self, sight: Sight, body: dict[str, object]) -> Iterator[Failure]:
        """Every failure in a JSON object."""

    @abstractmethod
    def item_failures(self, sight: Sight, items: list[object]) -> Iterator[Failure]:
        """Every failed item of a list."""

    def _layer_or_object(self, sight: Sight, body: dict[str, object]) -> Iterator[Failure]:
        layer = next(layer_failures(sight), None)
        if layer is not None:
            yield layer
        else:
            yield from self.object_failures(sight, body)

    def _other_json(self, sight: Sight, body: object) -> Iterator[Failure]:
        found = False
        if isinstance(body, list):
            for failure in self.item_failures(sight, body):
                found = True
                yield failure
        if not found and sight.failed:
            first = body[0] if isinstance(body, list) and body else body
            yield Failure("response", "JSON array" if isinstance(body, list) else "JSON value", message=text_of(first))

    def _no_json(self, sight: Sight) -> Iterator[Failure]:
        found = False
        for failure in layer_failures(sight):
            found = True
            yield failure
        if not found and (sight.failed or (sight.status is None and (sight.document.visible or sight.document.title))):
            yield text_failure(sight)


def adapter_for(provider: str) -> Adapter:
    """The adapter of a number space; catalogs without one of their own are read like HeyGen's flat bodies."""
    return Adapter._registry.get(provider) or Adapter._registry["heygen"]  # noqa: SLF001
