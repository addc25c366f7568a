"""The wheel: what it holds, and that it works in an empty environment. Needs the package registry for the dependencies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from heify_heygen_errors import __version__
from heify_heygen_errors.catalog import default_catalogs
from heify_heygen_errors.catalog.loading import digest, read_shipped_texts, read_yaml

MINUTES = 60
LOG = '{"provider": "heygen", "status": 401, "body": {"code": 400112}}\n'


def _run(*command: str | Path, cwd: Path, ok: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command outside of the checkout, without what points into it."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONWARNINGS")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean, input=stdin, capture_output=True, text=True, timeout=10 * MINUTES, check=False
    )
    assert not ok or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def source(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is in version control: a build writes into the folder that it builds."""
    copy = tmp_path_factory.mktemp("build") / "source"
    shutil.copytree(
        repo, copy, ignore=shutil.ignore_patterns(".git", ".*_cache", ".hypothesis", "__pycache__", "compiled.json", "samples", "dist")
    )
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """The wheel, built without isolation by what is installed."""
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", source.parent / "dist", source, cwd=source.parent)
    (built,) = (source.parent / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package(files: dict[str, bytes], repo: Path) -> None:
    """The wheel holds every module of the package, the catalogs inside it, the compiled form, py.typed and the licence, and nothing else."""
    package = repo / "heify_heygen_errors"
    modules = {f"heify_heygen_errors/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")}
    data = {f"heify_heygen_errors/data/{path.name}" for path in (repo / "data").iterdir()}
    info = f"heify_heygen_errors-{__version__}.dist-info"
    assert {name for name in files if not name.startswith(f"{info}/")} == {
        *modules,
        *data,
        "heify_heygen_errors/py.typed",
        "heify_heygen_errors/catalog/compiled.json",
    }
    assert {name.removeprefix(f"{info}/") for name in files if name.startswith(f"{info}/")} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_catalogs_are_those_of_the_checkout(files: dict[str, bytes], repo: Path) -> None:
    """Every catalog in the wheel is the one in data/, byte for byte."""
    names = sorted(path.name for path in (repo / "data").glob("*.yaml"))
    assert len(names) == 6
    assert [name for name in names if files[f"heify_heygen_errors/data/{name}"] != (repo / "data" / name).read_bytes()] == []


def test_the_compiled_form_fits_the_catalogs(files: dict[str, bytes]) -> None:
    """The compiled form in the wheel was made of the catalogs beside it."""
    compiled = json.loads(files["heify_heygen_errors/catalog/compiled.json"])
    texts = read_shipped_texts()
    assert compiled["digest"] == digest(texts)
    assert compiled["data"] == read_yaml(texts)
    assert compiled["version"] == default_catalogs().version


def test_the_metadata(files: dict[str, bytes]) -> None:
    """The metadata names version, licence, Python, the core dependencies, the extras and the command."""
    info = f"heify_heygen_errors-{__version__}.dist-info"
    metadata = Parser().parsestr(files[f"{info}/METADATA"].decode())
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("heify-heygen-errors", __version__, ">=3.11")
    assert metadata["License-Expression"] == "MIT"
    core = [requirement for requirement in metadata.get_all("Requires-Dist", []) if "extra ==" not in requirement]
    assert sorted(requirement.split(">")[0] for requirement in core) == [
        "attrs",
        "backoff",
        "cattrs",
        "python-backoff",
        "pyyaml",
        "requests",
    ]
    assert {"cli", "test", "dev", "all"} <= set(metadata.get_all("Provides-Extra", []))
    assert "hhe = heify_heygen_errors.cli:main" in files[f"{info}/entry_points.txt"].decode()


def test_a_wrong_catalog_stops_the_build(source: Path, tmp_path: Path) -> None:
    """A checkout whose catalogs have a problem builds no wheel and says where the problem is."""
    copy = tmp_path / "source"
    shutil.copytree(source, copy)
    with (copy / "data" / "heify.yaml").open("a", encoding="utf-8") as file:
        file.write("\nunheard_of: 1\n")
    done = _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", copy, cwd=tmp_path, ok=False)
    assert done.returncode != 0
    assert "data/heify.yaml:" in done.stdout + done.stderr
    assert "unknown field 'unheard_of'" in done.stdout + done.stderr


def test_the_source_distribution_builds_the_same_wheel(source: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    """A wheel that is built from the source distribution holds the same files with the same content."""
    _run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, source, cwd=tmp_path)
    (sdist,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(sdist, tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, unpacked, cwd=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(again) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_it_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed by pip into an empty environment it imports without a warning, normalizes, names the missing extra, and with it runs."""
    venv.create(tmp_path / "venv", with_pip=True)
    commands = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python, hhe = commands / "python", commands / "hhe"
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)

    program = (
        "import sys, heify_heygen_errors as package\n"
        "assert not {'requests', 'backoff', 'yaml', 'click'} & set(sys.modules), sorted(sys.modules)\n"
        "from heify_heygen_errors.catalog import default_catalogs\n"
        "print(package.__file__)\n"
        "print(package.normalize(package.Observation('heygen', 401, None, b'{\"code\":400112}')).rule)\n"
        "print(default_catalogs().version)\n"
        "assert 'yaml' not in sys.modules\n"
    )
    origin, rule, version = _run(python, "-W", "error", "-c", program, cwd=tmp_path).stdout.splitlines()
    assert Path(origin).is_relative_to(tmp_path)
    assert (rule, version) == ("heygen/UNAUTHORIZED", default_catalogs().version)
    every = (
        "import importlib, pkgutil, heify_heygen_errors as package\n"
        "for module in pkgutil.walk_packages(package.__path__, 'heify_heygen_errors.'):\n"
        "    if not {'cli', 'testing', 'build_hook', '__main__', 'pipeline'} & set(module.name.split('.')):\n"
        "        importlib.import_module(module.name)\n"
        "rows = list(package.normalize_records([{'provider': 'heygen', 'status': 401, 'body': {'code': 400112}}]))\n"
        "assert rows[0]['error_rule'] == 'heygen/UNAUTHORIZED'\n"
        "from heify_heygen_errors.testing import ManualClock, error, exception, fault, log_lines, records, webhook\n"
    )
    _run(python, "-W", "error", "-c", every, cwd=tmp_path)
    kit = _run(python, "-c", "from heify_heygen_errors.testing import FakeServer", cwd=tmp_path, ok=False)
    assert "pip install 'heify-heygen-errors[testing]'" in kit.stderr

    without = _run(hhe, "--version", cwd=tmp_path, ok=False)
    assert (without.returncode, without.stdout, without.stderr) == (2, "", "hhe needs click: pip install 'heify-heygen-errors[cli]'\n")

    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[cli]", cwd=tmp_path)
    assert _run(hhe, "--version", cwd=tmp_path).stdout == f"hhe, version {__version__}\n"
    fake = _run(hhe, "fake", "--port", "0", "--for", "0", cwd=tmp_path, ok=False)
    assert (fake.returncode, "pip install 'heify-heygen-errors[testing]'" in fake.stderr) == (2, True)
    (tmp_path / "log.jsonl").write_text(LOG)
    bare = _run(hhe, "normalize", "log.jsonl", "-o", "out.jsonl", cwd=tmp_path, ok=False)
    assert (bare.returncode, "pip install 'heify-heygen-errors[cli,pipeline]'" in bare.stderr) == (2, True)
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[cli,pipeline]", cwd=tmp_path)
    done = _run(hhe, "normalize", "log.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    assert done.stdout == ""
    assert json.loads((tmp_path / "out.jsonl").read_text())["error_rule"] == "heygen/UNAUTHORIZED"
    assert _run(python, "-W", "error", "-m", "heify_heygen_errors", "catalog", "lint", cwd=tmp_path).stderr == "no problems\n"

    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[testing]", cwd=tmp_path)
    served = _run(hhe, "fake", "--port", "0", "--for", "0.1", cwd=tmp_path).stderr
    assert "/heygen" in served
    assert served.endswith("0 requests\npaid work started: 0\n")
