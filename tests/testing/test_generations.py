"""What one generation of HeyGen's API started, another one reads."""

import pytest
import requests

from heify_heygen_errors import normalize
from heify_heygen_errors.testing import FakeServer, JobPlan, error

_TIMEOUT = 5


@pytest.fixture
def server():
    with FakeServer(known={"avatar_id": "a", "voice_id": "v"}) as running:
        yield running


def _call(server, method, path, **options):
    answer = requests.request(method, server.heygen.url + path, headers={"X-Api-Key": server.heygen.api_key}, timeout=_TIMEOUT, **options)
    assert answer.status_code == 200, answer.text
    return answer


def test_translation_of_v2_is_read_by_v3(server):
    """A translation that v2 started stands in v3's list and has its page there, finished or not."""
    wanted = {"video_url": "https://example.com/a.mp4", "output_language": "Spanish (Spain)"}
    made = _call(server, "POST", "/v2/video_translate", json=wanted).json()["data"]["video_translate_id"]
    for _ in range(2):
        assert [made] == [one["id"] for one in _call(server, "GET", "/v3/video-translations").json()["data"]]
        assert made == _call(server, "GET", f"/v3/video-translations/{made}").json()["data"]["id"]
        server.finish_jobs()


@pytest.mark.parametrize("path", ["/v1/video_status.get?video_id={}", "/v2/videos/{}", "/v3/videos/{}"])
def test_failure_of_a_video_is_the_same_everywhere(server, path):
    """The failure of a video that v3 started is read as the same error in each generation."""
    server.plan_jobs(error("heygen", "RENDERING_FAILED"))
    wanted = {"type": "avatar", "avatar_id": "a", "voice_id": "v", "script": "Hello"}
    made = _call(server, "POST", "/v3/videos", json=wanted).json()["data"]["video_id"]
    server.finish_jobs()
    info = normalize(_call(server, "GET", path.format(made)), "heygen")
    assert (info.rule, info.channel) == ("heygen/RENDERING_FAILED", "job")


def test_session_of_liveavatar_outlasts_other_jobs():
    """The time that jobs take does not end a LiveAvatar session, which lasts until it is stopped."""
    with FakeServer(job_seconds=0) as server:
        world = server._reception.world
        session = world.start("liveavatar", "session", "s1", ("active",), otherwise=JobPlan())
        world.settle()
        assert not session.is_over
