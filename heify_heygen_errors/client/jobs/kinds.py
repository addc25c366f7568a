"""The kinds of jobs: where they are read, what their ids are called, and where many can be asked for at once.

States are those of the vendor notes 2026-11 (HeyGen section c, lifecycles; Heify section a.4). Which of them mean the end
stands in the catalogs; here stand the ones of a kind in which a person has to do something first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import quote

import attrs

from heify_heygen_errors.catalog import Space
from heify_heygen_errors.providers import sight


@attrs.frozen(kw_only=True)
class Bulk:
    """A call that tells of many jobs at once.

    Attributes:
        path: of the call.
        ids: the query parameter for the ids; None where the call lists all jobs.
        most: ids in one call, or items of one page.
        paging: how its pages follow each other: ``token`` (HeyGen v3), ``number`` (LiveAvatar), None for one page.
        is_full: whether an item has all that the answer about one job has.
        has_states: whether an item says how the job is; else each has to be read by itself.
    """

    path: str
    ids: str | None = None
    most: int = 100
    paging: Literal["token", "number"] | None = "token"
    is_full: bool = True
    has_states: bool = True


@attrs.frozen(kw_only=True)
class JobKind:
    """One kind of job.

    Attributes:
        name: as it is called on the client: ``videos``.
        provider: whose it is.
        noun: in sentences: ``video``.
        read: the path of the call that reads one, with ``{id}``; without it, the id goes into the body under `id_field`.
        id_field: the vendor's name for the id, in ``ErrorInfo.resource`` too.
        aliases: other names for it in answers, ``id`` aside.
        create: the path that starts one; None where no call starts one by itself.
        upload: the path that gives an address for a file whose upload starts one.
        made: where the answer to that has the id, as the path of members; ids in a list where one call starts several.
        makes: the member of the request that says how many jobs it starts, where it can be several.
        statuses: the call that tells of given ids.
        list: the call that lists all of them.
        needs: states in which a person has to act before the job goes on, and what they have to do.
        timeless: whether one without any state is complete, such as a public avatar.
        is_batch: whether it holds items, whose failures are told by the answer and raise nothing.
        params: of the query of a read.
    """

    name: str
    provider: str
    noun: str
    read: str
    id_field: str
    aliases: tuple[str, ...] = ()
    create: str | None = None
    upload: str | None = None
    made: tuple[tuple[str, ...], ...] = ()
    makes: str | None = None
    statuses: Bulk | None = None
    list: Bulk | None = None
    needs: Mapping[str, str] = attrs.field(factory=dict)
    timeless: bool = False
    is_batch: bool = False
    params: Mapping[str, int] = attrs.field(factory=dict)

    @property
    def method(self) -> str:
        """The method of the calls that read: Heify has POST alone."""
        return "GET" if "{id}" in self.read else "POST"

    def reading(self, job_id: str) -> tuple[str, str, dict[str, Any]]:
        """The call that reads a job: method, path and options."""
        if "{id}" not in self.read:
            return "POST", self.read, {"json": {self.id_field: job_id}}
        return "GET", self.read.replace("{id}", quote(job_id, safe="")), {"params": dict(self.params)} if self.params else {}

    def id_of(self, job: Mapping[str, Any]) -> str | None:
        """The id in a job object, whatever it is called there."""
        for name in (self.id_field, *self.aliases, "id"):
            found = job.get(name)
            if isinstance(found, str | int) and not isinstance(found, bool) and found != "":
                return str(found)
        return None

    def ids_made(self, data: object) -> tuple[str, ...]:
        """The ids in the answer to the call that starts jobs, in order; none where there are none."""
        for path in self.made:
            found = data
            for member in path:
                found = found.get(member) if isinstance(found, Mapping) else None
            ids = tuple(_texts(found))
            if ids:
                return ids
        return ()


def _texts(found: object) -> Iterator[str]:
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, str | int) and not isinstance(one, bool) and one != "":
            yield str(one)


def job_in(data: object) -> object:
    """The job object in the data of an answer: the data, or the only object in it where that alone has a state.

    Heify wraps single objects under ``transcription`` at times (vendor notes 2026-11, section a.4).
    """
    if not isinstance(data, Mapping) or state_of(data) is not None:
        return data
    wrapped = [value for value in data.values() if state_of(value) is not None]
    return wrapped[0] if len(wrapped) == 1 else data


def state_of(job: object) -> str | None:
    """The state of a job object in lower case; None where it has none."""
    return (sight.state_of(job) or None) if isinstance(job, Mapping) else None


def is_over(kind: JobKind, space: Space, job: object) -> bool:
    """Whether a job object is complete. Of a batch that failed, the items say why."""
    state = state_of(job)
    if state is None:
        return kind.timeless and isinstance(job, Mapping)
    return state in space.completed_states or (kind.is_batch and state in space.failed_states)


_AGENT_NEEDS: Final = {
    "waiting_for_input": "the agent waits for an answer: send it with POST /v3/video-agents/{session_id}, or stop the session",
    "reviewing": "the agent waits for your review: answer with POST /v3/video-agents/{session_id}, or stop the session",
}
_CONSENT: Final = {
    "pending_consent": "the person shown has to agree first: POST /v3/avatars/{group_id}/consent gives the address for that",
}


def _batches(name: str, noun: str, path: str, create: str | None) -> JobKind:
    return JobKind(
        name=name,
        provider="heygen",
        noun=noun,
        read=f"{path}/batches/{{id}}",
        id_field="batch_id",
        create=create,
        made=(("batch_id",),),
        is_batch=True,
        params={"limit": 100},
    )


_KINDS: Final = (
    JobKind(
        name="videos",
        provider="heygen",
        noun="video",
        read="/v3/videos/{id}",
        id_field="video_id",
        create="/v3/videos",
        made=(("video_id",), ("id",)),
        statuses=Bulk(path="/v3/videos/statuses", ids="video_ids", is_full=False),
        list=Bulk(path="/v3/videos"),
    ),
    JobKind(
        name="translations",
        provider="heygen",
        noun="video translation",
        read="/v3/video-translations/{id}",
        id_field="video_translation_id",
        aliases=("video_translate_id", "video_id"),
        create="/v3/video-translations",
        made=(("video_translation_ids",), ("video_translation_id",)),
        makes="output_languages",
        statuses=Bulk(path="/v3/video-translations/statuses", ids="video_translation_ids", is_full=False),
        list=Bulk(path="/v3/video-translations"),
    ),
    JobKind(
        name="proofreads",
        provider="heygen",
        noun="proofread",
        read="/v3/video-translations/proofreads/{id}",
        id_field="proofread_id",
        create="/v3/video-translations/proofreads",
        made=(("proofread_ids",), ("proofread_id",)),
        makes="output_languages",
    ),
    JobKind(
        name="lipsyncs",
        provider="heygen",
        noun="lipsync",
        read="/v3/lipsyncs/{id}",
        id_field="lipsync_id",
        aliases=("video_id",),
        create="/v3/lipsyncs",
        made=(("lipsync_id",), ("id",)),
        statuses=Bulk(path="/v3/lipsyncs/statuses", ids="lipsync_ids", is_full=False),
        list=Bulk(path="/v3/lipsyncs"),
    ),
    JobKind(
        name="avatars",
        provider="heygen",
        noun="avatar",
        read="/v3/avatars/{id}",
        id_field="group_id",
        create="/v3/avatars",
        made=(("avatar_group", "id"), ("avatar_item", "group_id")),
        list=Bulk(path="/v3/avatars?ownership=private", most=50),
        needs=_CONSENT,
        timeless=True,
    ),
    JobKind(
        name="looks",
        provider="heygen",
        noun="avatar look",
        read="/v3/avatars/looks/{id}",
        id_field="look_id",
        aliases=("avatar_id",),
        create="/v3/avatars",
        made=(("avatar_item", "id"),),
        list=Bulk(path="/v3/avatars/looks?ownership=private", most=50),
        needs=_CONSENT,
        timeless=True,
    ),
    JobKind(
        name="video_agents",
        provider="heygen",
        noun="Video Agent session",
        read="/v3/video-agents/{id}",
        id_field="session_id",
        create="/v3/video-agents",
        made=(("session_id",),),
        list=Bulk(path="/v3/video-agents", is_full=False, has_states=False),
        needs=_AGENT_NEEDS,
    ),
    JobKind(
        name="workflows",
        provider="heygen",
        noun="workflow execution",
        read="/v1/workflows/executions/{id}",
        id_field="execution_id",
        create="/v1/workflows/executions",
        made=(("execution_id",),),
    ),
    JobKind(
        name="clippings",
        provider="heygen",
        noun="AI clipping job",
        read="/v3/ai-clipping/{id}",
        id_field="job_id",
        create="/v3/ai-clipping",
        made=(("id",), ("job_id",)),
        list=Bulk(path="/v3/ai-clipping"),
    ),
    JobKind(
        name="background_removals",
        provider="heygen",
        noun="background removal",
        read="/v3/background-removals/{id}",
        id_field="job_id",
        create="/v3/background-removals",
        made=(("id",), ("job_id",)),
        list=Bulk(path="/v3/background-removals"),
    ),
    JobKind(
        name="renders",
        provider="heygen",
        noun="HyperFrames render",
        read="/v3/hyperframes/renders/{id}",
        id_field="render_id",
        create="/v3/hyperframes/renders",
        made=(("render_id",), ("id",)),
        list=Bulk(path="/v3/hyperframes/renders"),
    ),
    JobKind(
        name="voices",
        provider="heygen",
        noun="voice",
        read="/v3/voices/{id}",
        id_field="voice_id",
        aliases=("voice_clone_id",),
        create="/v3/voices/clone",
        made=(("voice_clone_id",), ("voice_id",)),
        timeless=True,
    ),
    _batches("video_batches", "batch of videos", "/v3/videos", "/v3/videos/batches"),
    _batches("translation_batches", "batch of video translations", "/v3/video-translations", "/v3/video-translations/batches"),
    _batches("lipsync_batches", "batch of lipsyncs", "/v3/lipsyncs", "/v3/lipsyncs/batches"),
    _batches("asset_batches", "batch of assets", "/v3/assets", None),
    JobKind(
        name="sessions",
        provider="liveavatar",
        noun="LiveAvatar session",
        read="/v1/sessions/{id}",
        id_field="session_id",
        list=Bulk(path="/v1/sessions", paging="number"),
    ),
    JobKind(
        name="transcriptions",
        provider="heify",
        noun="transcription",
        read="/get-transcription",
        id_field="transcription_id",
        create="/submit",
        upload="/request-upload-url",
        made=(("transcription_id",),),
        list=Bulk(path="/list-transcriptions", most=20_000, paging=None, is_full=False),
    ),
)

KINDS: Final[Mapping[tuple[str, str], JobKind]] = {(kind.provider, kind.name): kind for kind in _KINDS}
"""Every kind of job, by provider and name."""


def kind_of(provider: str, name: str) -> JobKind:
    """A kind by its names.

    Raises:
        ValueError: there is none; says which there are.
    """
    found = KINDS.get((provider, name))
    if found is None:
        known = ", ".join(f"{one.provider} {one.name}" for one in _KINDS)
        msg = f"there are no jobs {provider!r} {name!r}: there are {known}"
        raise ValueError(msg)
    return found
