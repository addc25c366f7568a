"""Loading: the compiled form, overlays, versions, threads, and PyYAML without its C library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heify_heygen_errors import CatalogError, Catalogs, Normalizer, Observation, normalize
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.loading import compiled_form, read_shipped_texts, read_yaml

Entry = Callable[..., dict[str, Any]]
Overlay = Callable[..., str]
LaidOver = Callable[..., Normalizer]


@pytest.fixture(scope="session")
def shipped() -> dict[str, dict[str, Any]]:
    """The shipped catalogs, read from their YAML."""
    return read_yaml(read_shipped_texts())


# The compiled form.


def test_the_compiled_form_equals_the_yaml(shipped: dict[str, dict[str, Any]]) -> None:
    """The compiled form that a wheel carries holds exactly what the YAML says."""
    assert json.loads(compiled_form(read_shipped_texts()))["data"] == shipped


def test_the_default_catalogs_equal_the_yaml(shipped: dict[str, dict[str, Any]]) -> None:
    """What the module's functions decide by is what the YAML says, whichever form it was loaded from."""
    assert default_catalogs().raw == shipped
    assert default_catalogs().version == Catalogs(shipped).version


@pytest.fixture
def checkout(repo: Path, tmp_path: Path) -> Path:
    """A copy of the package and its data, where files can be changed."""
    shutil.copytree(repo / "heify_heygen_errors", tmp_path / "heify_heygen_errors", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(repo / "data", tmp_path / "data")
    return tmp_path


def _title(checkout: Path, marked: dict[str, Any] | str | None) -> str:
    """HeyGen's title as the copy reads it, with this as its compiled form."""
    target = checkout / "heify_heygen_errors" / "catalog" / "compiled.json"
    target.unlink(missing_ok=True)
    if marked is not None:
        target.write_text(marked if isinstance(marked, str) else json.dumps(marked), encoding="utf-8")
    program = (
        "import heify_heygen_errors as package; from heify_heygen_errors.catalog import default_catalogs;"
        "print(package.__file__); print(default_catalogs().space('heygen').title)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, timeout=60, check=True)
    origin, title = done.stdout.splitlines()
    assert Path(origin).is_relative_to(checkout)
    return title


def _marked() -> dict[str, Any]:
    compiled: dict[str, Any] = json.loads(compiled_form(read_shipped_texts()))
    compiled["data"]["heygen"]["title"] = "compiled"
    return compiled


def test_a_compiled_form_that_fits_is_used(checkout: Path) -> None:
    """A compiled form that was made of the YAML beside it is read instead of the YAML."""
    assert _title(checkout, _marked()) == "compiled"


def test_a_compiled_form_stands_for_yaml_that_is_not_there(checkout: Path) -> None:
    """Without the YAML the compiled form decides."""
    shutil.rmtree(checkout / "data")
    assert _title(checkout, _marked()) == "compiled"


def test_a_stale_compiled_form_is_ignored(checkout: Path) -> None:
    """After an edit of any YAML file the compiled form is ignored and the YAML read."""
    marked = _marked()
    for file in sorted((checkout / "data").glob("*.yaml")):
        before = file.read_text(encoding="utf-8")
        file.write_text(before + "# edited\n", encoding="utf-8")
        assert (file.name, _title(checkout, marked)) == (file.name, "HeyGen")
        file.write_text(before, encoding="utf-8")


@pytest.mark.parametrize("spoil", ["absent", "cut", "other format"])
def test_a_compiled_form_that_cannot_be_read_is_ignored(checkout: Path, spoil: str) -> None:
    """A compiled form that is absent, cut or of another version of its format is no obstacle: the YAML is read."""
    compiled: dict[str, Any] | str | None = _marked()
    assert isinstance(compiled, dict)
    if spoil == "absent":
        compiled = None
    elif spoil == "cut":
        compiled = json.dumps(compiled)[:-9]
    else:
        compiled["format"] = 0
    assert _title(checkout, compiled) == "HeyGen"


def test_without_the_c_loader_the_same_is_read(shipped: dict[str, dict[str, Any]]) -> None:
    """Where PyYAML has no C library its Python loader reads the same catalogs."""
    program = (
        "import sys, json; sys.modules['yaml._yaml'] = None\n"
        "import yaml; assert not yaml.__with_libyaml__\n"
        "from heify_heygen_errors.catalog.loading import read_shipped_texts, read_yaml\n"
        "sys.stdout.buffer.write(json.dumps(read_yaml(read_shipped_texts())).encode())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120, check=True)
    assert json.loads(done.stdout) == shipped


# Overlays.

REFUSED = Observation("heygen", 401, None, {"code": 400112, "message": "Unauthorized"})


def _rule(normalizer: Normalizer, observation: Observation) -> str | None:
    info = normalizer.normalize(observation)
    return None if info is None else info.rule


def test_an_overlay_adds_an_entry(entry: Entry, laid_over: LaidOver) -> None:
    """An entry of a new name is added, and its rule ends in @id."""
    info = laid_over(entry(codes=["900001"])).normalize(Observation("heygen", 400, None, {"code": 900001}))
    assert info is not None
    assert (info.rule, info.name, info.category.value, info.summary) == (
        "heygen/MY_ERROR@mine",
        "MY_ERROR",
        "conflict",
        "The thing clashed.",
    )


def test_an_overlay_replaces_the_whole_entry(entry: Entry, laid_over: LaidOver) -> None:
    """An entry of a known name replaces all of it: codes and messages that the new one does not list are gone."""
    normalizer = laid_over(entry(name="UNAUTHORIZED", codes=["400112"]))
    assert _rule(normalizer, REFUSED) == "heygen/UNAUTHORIZED@mine"
    assert _rule(Normalizer(), Observation("heygen", 401, None, {"code": 40102})) == "heygen/UNAUTHORIZED"
    assert _rule(normalizer, Observation("heygen", 401, None, {"code": 40102})) == "heygen/status:401"
    assert _rule(normalizer, Observation("heygen", 401, None, {"message": "Unauthorized"})) != "heygen/UNAUTHORIZED"


def test_an_overlay_disables_an_entry(laid_over: LaidOver) -> None:
    """A disabled entry decides nothing any more and cannot be looked up."""
    normalizer = laid_over(disable=["UNAUTHORIZED"])
    assert _rule(normalizer, Observation("heygen", 401, None, {"code": 400112})) == "heygen/status:401"
    with pytest.raises(KeyError):
        normalizer.lookup("heygen", "400112")


def test_a_refinement_of_an_overlay_ends_in_the_id(entry: Entry, laid_over: LaidOver) -> None:
    """The rule of an overlay's refinement names entry, refinement and overlay."""
    refine = {
        "id": "late",
        "when": {"detail": ["too late…"]},
        "category": "timeout",
        "summary": "It was late.",
        "remedy": "Hurry.",
        "examples": [{"detail": "too late by 5 s"}],
        "counter_examples": [{"detail": "in time"}],
    }
    normalizer = laid_over(entry(codes=["900001"], refine=[refine]))
    observation = Observation("heygen", 400, None, {"code": 900001, "message": "no", "detail": "Too late by 1 s"})
    assert _rule(normalizer, observation) == "heygen/MY_ERROR#late@mine"


def test_overlays_lie_over_each_other_in_order(entry: Entry, overlay: Overlay) -> None:
    """A later overlay may take out what an earlier one brought; overlays of several catalogs stand side by side."""
    one = overlay(entry(codes=["900001"]), entry(name="TWO", codes=["900002"]), overlay_id="one")
    two = overlay(overlay_id="two", disable=["MY_ERROR"])
    three = overlay(entry(codes=["900001"]), catalog="heify", overlay_id="three")
    normalizer = Normalizer(Catalogs.from_texts({"1": one, "2": two, "3": three}))
    found = [
        _rule(normalizer, Observation(provider, 400, None, {"error": {"code": code}}))
        for provider, code in (("heygen", "900001"), ("heygen", "900002"), ("heify", "900001"))
    ]
    assert found == ["heygen/status:400", "heygen/TWO@one", "heify/MY_ERROR@three"]


def test_an_overlay_over_the_layers(entry: Entry, laid_over: LaidOver) -> None:
    """What lies in front of both vendors can be laid over as well."""
    row = entry(also=["blocked by {firewall}"], examples=["blocked by acme"], counter_examples=["blocked"], channel="gateway")
    normalizer = laid_over(row, catalog="layers")
    infos = [normalizer.normalize(Observation(provider, 403, None, "Blocked by Acme")) for provider in ("heygen", "heify", "liveavatar")]
    assert [(info.rule, info.channel.value, dict(info.params)) for info in infos if info] == [
        ("layers/MY_ERROR@mine", "gateway", {"firewall": "Acme"})
    ] * 3


def test_an_overlay_leaves_the_default_catalogs_alone(entry: Entry, laid_over: LaidOver) -> None:
    """The module's own functions decide as before beside a normalizer with overlays."""
    laid_over(entry(name="UNAUTHORIZED", codes=["400112"])).normalize(REFUSED)
    info = normalize(REFUSED)
    assert info is not None
    assert info.rule == "heygen/UNAUTHORIZED"


def test_load_reads_files(tmp_path: Path, entry: Entry, overlay: Overlay) -> None:
    """Overlays are loaded from files, and their problems carry the name of the file."""
    (tmp_path / "good.yaml").write_text(overlay(entry(codes=["900001"])), encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(overlay(entry(codes=["400112"]), overlay_id="bad"), encoding="utf-8")
    assert "MY_ERROR" in Catalogs.load(tmp_path / "good.yaml").space("heygen").entries
    with pytest.raises(CatalogError) as caught:
        Catalogs.load(tmp_path / "good.yaml", str(tmp_path / "bad.yaml"))
    assert {problem.file for problem in caught.value.problems} == {str(tmp_path / "bad.yaml")}
    with pytest.raises(FileNotFoundError):
        Catalogs.load(tmp_path / "gone.yaml")


def test_load_without_overlays_gives_the_default_catalogs() -> None:
    """Loading nothing on top is the shipped catalogs, not another copy of them."""
    assert Catalogs.load() is default_catalogs()


# Versions.


def test_the_version_tells_which_catalogs_decided(entry: Entry, overlay: Overlay) -> None:
    """The version is the shipped one with a digest that changes with every overlay and is the same for the same ones."""
    texts = [overlay(), overlay(entry(codes=["1"])), overlay(entry(codes=["2"])), overlay(disable=["UNAUTHORIZED"])]
    versions = [Catalogs.from_texts({"x": text}).version for text in texts]
    stated = default_catalogs().raw["categories"]["version"]
    assert {version.partition("+")[0] for version in [*versions, default_catalogs().version]} == {stated}
    assert len({*versions, default_catalogs().version}) == len(texts) + 1
    assert versions == [Catalogs.from_texts({"another name": text}).version for text in texts]


def test_the_version_stands_in_the_error(entry: Entry, laid_over: LaidOver) -> None:
    """An ErrorInfo says which catalogs decided, and is equal to one of other catalogs that says the same."""
    normalizer = laid_over(entry(codes=["900001"]))
    one, other = normalizer.normalize(REFUSED), normalize(REFUSED)
    assert one is not None
    assert other is not None
    assert (one.catalog, other.catalog) == (normalizer.catalogs.version, default_catalogs().version)
    assert one == other


# Threads.


def _at_once(count: int, call: Callable[[], object]) -> list[object]:
    barrier = threading.Barrier(count)
    found: list[object] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        found[number] = call()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_threads_share_what_they_load_at_once(entry: Entry, overlay: Overlay) -> None:
    """Threads that ask for a number space at the same moment get the same one, built once."""
    text = overlay(entry(codes=["900001"]))
    for _ in range(5):
        catalogs = Catalogs.from_texts({"mine.yaml": text})
        for name in ("heygen", "heify"):
            assert len({id(space) for space in _at_once(8, lambda catalogs=catalogs, name=name: catalogs.space(name))}) == 1  # type: ignore[misc]
        assert len({id(layers) for layers in _at_once(8, lambda catalogs=catalogs: catalogs.layers)}) == 1  # type: ignore[misc]


def test_the_first_call_of_many_threads() -> None:
    """The first use of the package by many threads at once gives every thread the same answer from the same catalogs."""
    program = """
import threading
barrier, found = threading.Barrier(16), []
def run():
    barrier.wait()
    from heify_heygen_errors import Observation, normalize
    from heify_heygen_errors.catalog import default_catalogs
    info = normalize(Observation("heygen", 401, None, b'{"code":400112,"message":"Unauthorized"}'))
    other = normalize(Observation("heify", exception="requests.exceptions.ReadTimeout: read timed out"))
    found.append((info.rule, other.rule, id(default_catalogs())))
threads = [threading.Thread(target=run) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found), len(set(found)))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("16 1\n", "")


def test_providers_and_hosts() -> None:
    """The number spaces are heygen, liveavatar and heify, each found by its hosts."""
    catalogs = default_catalogs()
    assert sorted(catalogs.providers) == ["heify", "heygen", "liveavatar"]
    assert {provider: catalogs.hosts[host] for provider, host in (("heygen", "heygen.com"), ("heify", "heify.com"))} == {
        "heygen": "heygen",
        "heify": "heify",
    }
    assert sorted(set(catalogs.hosts.values())) == ["heify", "heygen", "liveavatar"]
    with pytest.raises(KeyError):
        catalogs.space("layers")
    with pytest.raises(KeyError):
        catalogs.space("acme")
