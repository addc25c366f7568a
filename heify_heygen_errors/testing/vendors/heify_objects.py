"""Heify's configurations, evaluators and participants."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import attrs

from heify_heygen_errors.testing.operations import Call, Routes
from heify_heygen_errors.testing.vendors import heify_schemas as schemas
from heify_heygen_errors.testing.vendors.heify_dialect import account, deny, speak
from heify_heygen_errors.testing.vendors.heify_results import moment
from heify_heygen_errors.testing.world import World

_WHOLE: Final = 100
"""The sum of the weights of an evaluator's criteria that are not strict."""
_BLANKS: Final = " \t\r\n"

objects = Routes("heify")
"""The endpoints of these objects."""


@attrs.frozen(kw_only=True, eq=False)
class Kind:
    """A kind of objects.

    Attributes:
        name: of the kind.
        missing: the entry that says that there is none of an id.
        stop: how the sentences of success end.
        asked: the schema of a request for one of them.
        shown: makes the answer to a request for one of them.
        found: the schema of that answer.
    """

    name: str
    missing: str
    stop: str = ""
    asked: Mapping[str, Any]
    shown: Callable[[dict[str, Any]], dict[str, Any]] = dict
    found: Mapping[str, Any]

    @property
    def id_field(self) -> str:
        """The member that has the id of one: ``evaluator_id``."""
        return f"{self.name}_id"

    def done(self, what: str) -> dict[str, Any]:
        """The message that something was ``created``, ``updated`` or ``deleted``."""
        return {"message": f"{self.name.capitalize()} {what} successfully{self.stop}"}


CONFIGURATION: Final = Kind(
    name="configuration",
    missing="CONFIGURATION_NOT_FOUND",
    stop=".",
    asked=schemas.ONE_CONFIGURATION,
    shown=lambda found: {"configuration": found},
    found=schemas.CONFIGURATION_FOUND,
)
EVALUATOR: Final = Kind(name="evaluator", missing="EVALUATOR_NOT_FOUND", asked=schemas.ONE_EVALUATOR, found=schemas.EVALUATOR)
PARTICIPANT: Final = Kind(name="participant", missing="PARTICIPANT_NOT_FOUND", asked=schemas.ONE_PARTICIPANT, found=schemas.PARTICIPANT)
KINDS: Final = {kind.name: kind for kind in (CONFIGURATION, EVALUATOR, PARTICIPANT)}


def one(call: Call, kind: Kind) -> dict[str, Any]:
    """The object whose id the body has.

    Raises:
        Refusal: there is none.
    """
    found = call.world.store[kind.name].get(call.body[kind.id_field])
    if found is None:
        deny(call, kind.missing)
    return found


def _all(call: Call, kind: Kind) -> list[dict[str, Any]]:
    return list(reversed(call.world.store[kind.name].values()))


def _keep(call: Call, kind: Kind, made: dict[str, Any]) -> dict[str, Any]:
    call.world.store[kind.name][made[kind.id_field]] = made
    return made


def _get(kind: Kind, call: Call) -> Any:
    return speak(call, kind.shown(one(call, kind)))


def _delete(kind: Kind, call: Call) -> Any:
    del call.world.store[kind.name][one(call, kind)[kind.id_field]]
    return speak(call, kind.done("deleted"))


def _list(kind: Kind, call: Call) -> Any:
    found = _all(call, kind)
    return speak(call, {"items": found, "count": len(found)})


def _add_kinds() -> None:
    for kind in KINDS.values():
        name, found, confirmed = kind.name, schemas.enveloped(kind.found), schemas.enveloped(schemas.CONFIRMED)
        if kind is CONFIGURATION:
            confirmed = schemas.either(schemas.CONFIRMED)
        objects.post(f"/get-{name}", f"Read one {name}.", body=kind.asked, answer=found)(partial(_get, kind))
        objects.post(f"/delete-{name}", f"Delete one {name}.", body=kind.asked, answer=confirmed)(partial(_delete, kind))
    for kind in (EVALUATOR, PARTICIPANT):
        name, listed = kind.name, schemas.enveloped(schemas.listed(kind.found))
        objects.post(f"/list-{name}s", f"List all {name}s.", body=schemas.EMPTY, answer=listed)(partial(_list, kind))


_add_kinds()


@objects.post(
    "/create-configuration",
    "Make a configuration.",
    body=schemas.NEW_CONFIGURATION,
    answer=schemas.either(schemas.CONFIGURATION_CREATED),
    status=201,
)
def create_configuration(call: Call) -> Any:
    """A new configuration; an account can have 20."""
    made = _keep(call, CONFIGURATION, new_configuration(call.world, call.body, call.world.uuid()))
    return speak(call, {"message": "Configuration created successfully", "configuration_id": made["configuration_id"]})


def new_configuration(world: World, told: Mapping[str, Any], configuration_id: str) -> dict[str, Any]:
    """A configuration with what was told of it, the rest by default."""
    return {
        "client_id": account(world)["client_id"],
        "configuration_id": configuration_id,
        "tag": told["tag"],
        "vocabulary": told.get("vocabulary", []),
        "extraction_fields": _named_fields(told.get("extraction_fields", [])),
        "webhooks": told.get("webhooks"),
        "summary": told.get("summary", False),
        "custom_summary": told.get("custom_summary"),
        "summary_language": told.get("summary_language", "df"),
        "analytics_language": told.get("analytics_language", "df"),
        "created_at": moment(world.clock()),
    }


def _named_fields(told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Extraction fields with the names that Heify gives them; of equal names the last."""
    return list({_field_name(field["name"]): {**field, "name": _field_name(field["name"])} for field in told}.values())


def _field_name(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.strip(_BLANKS)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain) or "_"


@objects.post(
    "/update-configuration",
    "Change a configuration; extraction fields are merged by name, those left out are removed.",
    body=schemas.CHANGED_CONFIGURATION,
    documented=schemas.CONFIGURATION_CHANGES,
    answer=schemas.enveloped(schemas.CONFIGURATION_CHANGED),
)
def update_configuration(call: Call) -> Any:
    """The configuration with what the body has; tag and types of fields stay for ever."""
    found, told = one(call, CONFIGURATION), call.body
    _leave_tag(call, found)
    changes = {name: told[name] for name in found if name in told and name not in ("client_id", "configuration_id", "created_at")}
    if "extraction_fields" in changes:
        changes["extraction_fields"] = _named_fields(changes["extraction_fields"])
        types = {field["name"]: field["type"] for field in found["extraction_fields"]}
        for field in changes["extraction_fields"]:
            if types.get(field["name"], field["type"]) != field["type"]:
                deny(call, "EXTRACTION_TYPE_IMMUTABLE", f"Cannot change type of extraction field '{field['name']}'")
    found |= changes
    return speak(call, {**CONFIGURATION.done("updated"), "configuration": found})


def _leave_tag(call: Call, found: Mapping[str, Any]) -> None:
    if call.body.get("tag", found["tag"]) != found["tag"]:
        deny(call, "IMMUTABLE_FIELD", "tag cannot be changed after creation")


@objects.post("/list-configurations", "List all configurations.", body=schemas.EMPTY, answer=schemas.enveloped(schemas.CONFIGURATIONS))
def list_configurations(call: Call) -> Any:
    """All configurations, newest first."""
    found = _all(call, CONFIGURATION)
    return speak(call, {"total_configurations": len(found), "configurations": found})


@objects.post(
    "/get-configurations",
    "Read one configuration, or all of them (2025).",
    body=schemas.MAYBE_CONFIGURATION,
    answer={"anyOf": [schemas.CONFIGURATION_FOUND, schemas.CONFIGURATIONS]},
)
def get_configurations(call: Call) -> Any:
    """One configuration if the body has an id, else all."""
    return _get(CONFIGURATION, call) if "configuration_id" in call.body else list_configurations(call)


@objects.post(
    "/create-evaluator",
    "Make an evaluator; weights of criteria that are not strict add up to 100.",
    body=schemas.NEW_EVALUATOR,
    documented=schemas.SIMPLE_EVALUATOR,
    answer=schemas.enveloped(schemas.EVALUATOR_CHANGED),
    status=201,
)
def create_evaluator(call: Call) -> Any:
    """A new evaluator; an account can have 20."""
    told = call.body
    made = {
        "evaluator_id": call.world.uuid(),
        "tag": told["tag"],
        "description": told.get("description"),
        "language": told.get("language", "df"),
        "context": told.get("context"),
        "criteria": _criteria(call, known=()),
        "created_at": moment(call.world.clock()),
    }
    return speak(call, {**EVALUATOR.done("created"), "evaluator": _keep(call, EVALUATOR, made)})


def _criteria(call: Call, known: Iterable[str]) -> list[dict[str, Any]]:
    """The criteria of the body with their ids; `known` are those of the evaluator so far."""
    made = []
    for told in call.body["criteria"]:
        if "id" in told and told["id"] not in known:
            deny(call, "FOREIGN_CRITERION", f"Criterion {told['id']} does not belong to this evaluator")
        kind = told.get("type", "boolean")
        weight = 0 if kind == "strict" else int(told.get("weight", 0))
        criterion_id = told.get("id") or call.world.uuid()
        made.append({"id": criterion_id, "name": told["name"], "description": told["description"], "type": kind, "weight": weight})
    weights = [criterion["weight"] for criterion in made if criterion["type"] != "strict"]
    if not all(weights):
        deny(call, "CRITERIA_WEIGHTS", "Non-strict criteria must have weight greater than 0")
    if sum(weights) != _WHOLE:
        deny(call, "CRITERIA_WEIGHTS", f"The sum of non-strict criteria weights must be {_WHOLE}")
    return made


@objects.post(
    "/update-evaluator",
    "Change an evaluator; criteria are merged by id, those left out are deleted.",
    body=schemas.CHANGED_EVALUATOR,
    documented=schemas.EVALUATOR_CHANGES,
    answer=schemas.enveloped(schemas.EVALUATOR_CHANGED),
)
def update_evaluator(call: Call) -> Any:
    """The evaluator with what the body has."""
    found, told = one(call, EVALUATOR), call.body
    _leave_tag(call, found)
    changes = {name: told[name] for name in ("description", "language", "context") if name in told}
    if "criteria" in told:
        changes["criteria"] = _criteria(call, {criterion["id"] for criterion in found["criteria"]})
    found |= changes
    return speak(call, {**EVALUATOR.done("updated"), "evaluator": found})


@objects.post(
    "/create-participant",
    "Make a participant.",
    body=schemas.NEW_PARTICIPANT,
    answer=schemas.enveloped(schemas.PARTICIPANT_CHANGED),
    status=201,
)
def create_participant(call: Call) -> Any:
    """A new participant; an account can have 200."""
    now = moment(call.world.clock())
    made = {"participant_id": call.world.uuid(), **_participant(call.body), "created_at": now, "updated_at": now}
    made.setdefault("metadata", None)
    return speak(call, {**PARTICIPANT.done("created"), "participant": _keep(call, PARTICIPANT, made)})


@objects.post(
    "/update-participant",
    "Change a participant; metadata is replaced as a whole.",
    body=schemas.CHANGED_PARTICIPANT,
    answer=schemas.enveloped(schemas.PARTICIPANT_CHANGED),
)
def update_participant(call: Call) -> Any:
    """The participant with what the body has."""
    found = one(call, PARTICIPANT)
    found |= {**_participant(call.body), "updated_at": moment(call.world.clock())}
    return speak(call, {**PARTICIPANT.done("updated"), "participant": found})


def _participant(told: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "tag" in told:
        made["tag"] = told["tag"].strip(_BLANKS)
    if "metadata" in told:
        # Values are kept as text, in Python's words: true becomes "True".
        metadata = told["metadata"]
        made["metadata"] = None if metadata is None else {name: str(value) for name, value in metadata.items()}
    return made
