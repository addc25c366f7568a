"""Ids of a user's own, such as those in the settings of the program under test, that the fake vendors are to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from heify_heygen_errors.testing.vendors import heygen_catalog
from heify_heygen_errors.testing.vendors.heify_objects import new_configuration
from heify_heygen_errors.testing.world import World


def _look(world: World, look_id: str) -> dict[str, Any]:
    group_id = next(iter(world.store["avatar_group"]))
    return heygen_catalog.look(look_id, look_id, group_id, "studio_avatar", gender="female", public=True, voice=heygen_catalog.VOICE)


def _voice(_: World, voice_id: str) -> dict[str, Any]:
    return heygen_catalog.voice(voice_id, voice_id, "English", "female", public=True)


def _template(_: World, template_id: str) -> dict[str, Any]:
    return heygen_catalog.template(template_id, template_id, "16:9")


def _configuration(world: World, configuration_id: str) -> dict[str, Any]:
    return new_configuration(world, {"tag": configuration_id}, configuration_id)


_KINDS: Final[Mapping[str, tuple[str, Callable[[World, str], dict[str, Any]]]]] = {
    "avatar_id": ("avatar_look", _look),
    "voice_id": ("voice", _voice),
    "template_id": ("template", _template),
    "configuration_id": ("configuration", _configuration),
}


def checked_known(known: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The ids by the name of the field that they are sent in.

    Raises:
        ValueError: there is no such field; the message has those that there are.
    """
    unknown = sorted(set(known) - set(_KINDS))
    if unknown:
        msg = f"ids can be known of {', '.join(_KINDS)}, not of {unknown[0]!r}"
        raise ValueError(msg)
    for name, ids in known.items():
        if not isinstance(ids, Iterable):
            msg = f"{name} is an id or several, not {ids!r}"
            raise TypeError(msg)
    found = {name: (ids,) if isinstance(ids, str) else tuple(ids) for name, ids in known.items()}
    wrong = next((one for ids in found.values() for one in ids if not isinstance(one, str)), None)
    if wrong is not None:
        msg = f"an id is a text, not {wrong!r}"
        raise TypeError(msg)
    return found


def make_known(world: World, known: Mapping[str, tuple[str, ...]]) -> None:
    """Put objects with these ids into the world."""
    for name, ids in known.items():
        kind, make = _KINDS[name]
        for one in ids:
            world.store[kind][one] = make(world, one)
