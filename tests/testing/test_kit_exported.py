"""The kit's public names: all there, nothing else, and loaded only when they are used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import heify_heygen_errors.testing as kit


def test_names_are_unique():
    """No name stands twice in __all__; the linter holds its order."""
    assert len(set(kit.__all__)) == len(kit.__all__)


@pytest.mark.parametrize("name", kit.__all__)
def test_every_name_is_there(name):
    """Each name of __all__ can be imported, and says what it is."""
    value = getattr(kit, name)
    assert isinstance(value, str | tuple) or value.__doc__


def test_type_checkers_see_the_same_names():
    """What the kit imports for type checkers is exactly what it exports at run time."""
    tree = ast.parse(Path(kit.__file__).read_text(encoding="utf-8"))
    checked = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {alias.name for block in checked for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(kit.__all__)


def test_unknown_name_is_an_attribute_error():
    """A name that is not there is told as every module tells it."""
    with pytest.raises(AttributeError, match=r"module 'heify_heygen_errors\.testing' has no attribute 'FakeSever'"):
        kit.FakeSever  # noqa: B018


def _loaded_by(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_kit_loads_nothing():
    """Importing the kit loads none of its modules: a project that has it installed pays nothing for it."""
    loaded = _loaded_by("import heify_heygen_errors.testing")
    assert {"heify_heygen_errors.testing"} == {name for name in loaded if name.startswith("heify_heygen_errors.testing")}


def test_package_proper_does_not_load_the_kit():
    """Normalizing loads nothing of the kit, and no HTTP library."""
    code = "from heify_heygen_errors import Observation, normalize\nnormalize(Observation('heygen', 401, None, b'{}'))"
    assert not [name for name in _loaded_by(code) if name.startswith(("heify_heygen_errors.testing", "h11", "requests", "pytest"))]


def test_the_server_needs_no_http_client():
    """A server that runs and stops loads neither requests nor pytest."""
    loaded = _loaded_by("from heify_heygen_errors.testing import FakeServer\nwith FakeServer() as server: pass")
    assert {"requests", "httpx", "httpx2", "pytest", "trustme", "cryptography"} & loaded == set()
