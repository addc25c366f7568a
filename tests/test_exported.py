"""The public names: all there, nothing else, importable without the heavy libraries, quiet in logs."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
import logging
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import heify_heygen_errors

HEAVY = ("requests", "urllib3", "backoff", "cattrs", "httpx", "httpx2", "aiohttp", "click", "rich", "hypothesis")


def in_a_fresh_process(code):
    """What a new interpreter prints when it runs the code, with warnings as errors."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


# Names


def test_names_are_sorted_and_unique():
    """__all__ is sorted, and no name stands twice in it."""
    assert heify_heygen_errors.__all__ == sorted(set(heify_heygen_errors.__all__))


def test_names_are_the_public_ones():
    """Every public name of the package that is ours stands in __all__, and nothing else does."""
    public = {
        name
        for name in dir(heify_heygen_errors)
        if not name.startswith("_")
        and not isinstance(value := getattr(heify_heygen_errors, name), ModuleType)
        and str(getattr(value, "__module__", "")).startswith("heify_heygen_errors")
    }
    assert sorted(public) == heify_heygen_errors.__all__


def test_type_checkers_see_the_same_names():
    """What the package imports for type checkers is exactly what it exports at run time."""
    tree = ast.parse(Path(heify_heygen_errors.__file__).read_text(encoding="utf-8"))
    checked = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {
        alias.asname or alias.name
        for block in checked
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen) == heify_heygen_errors.__all__


CONTRACT = [
    "normalize",
    "normalize_all",
    "raise_for_error",
    "explain",
    "lookup",
    "is_retryable",
    "Normalizer",
    "Observation",
    "ErrorInfo",
    "RetryAdvice",
    "Category",
    "Channel",
    "Fault",
    "RetryAction",
    "Outcome",
    "MatchedBy",
    "ApiError",
    "AuthenticationError",
    "PermissionDeniedError",
    "PlanRequiredError",
    "PaymentRequiredError",
    "QuotaExceededError",
    "RateLimitError",
    "NotFoundError",
    "InvalidRequestError",
    "InvalidMediaError",
    "ContentPolicyError",
    "ConflictError",
    "NotReadyError",
    "UpstreamError",
    "TimedOutError",
    "NetworkError",
    "ServerError",
    "UnknownError",
]


@pytest.mark.parametrize("name", CONTRACT)
def test_name_of_the_contract_is_exported(name):
    """Every name of the public contract is exported."""
    assert name in heify_heygen_errors.__all__


@pytest.mark.parametrize("name", heify_heygen_errors.__all__)
def test_name_is_importable_and_explained(name):
    """Every exported name can be imported by itself in a star import, is no module and has a docstring."""
    namespace = {}
    exec(f"from heify_heygen_errors import {name}", namespace)  # the statement that users write
    value = namespace[name]
    assert value is getattr(heify_heygen_errors, name)
    assert not isinstance(value, ModuleType)
    assert (value.__doc__ or "").strip()


def test_star_import_gives_every_name():
    """A star import gives the exported names and nothing else."""
    namespace = {}
    exec("from heify_heygen_errors import *", namespace)
    assert sorted(set(namespace) - {"__builtins__"}) == heify_heygen_errors.__all__


def test_unknown_name_is_an_attribute_error():
    """A name that the package does not have is an AttributeError that names both."""
    with pytest.raises(AttributeError, match="'heify_heygen_errors' has no attribute 'normalise'"):
        _ = heify_heygen_errors.normalise


def test_dir_lists_every_name_before_it_is_used():
    """dir() lists the exported names in a fresh process, before any was used."""
    listed = in_a_fresh_process("import json, heify_heygen_errors as h; print(json.dumps([n for n in dir(h) if n in h.__all__]))")
    assert json.loads(listed) == heify_heygen_errors.__all__


def test_submodules_shadow_no_name():
    """Whatever submodule is imported first, an exported name stays the function or class that it is."""
    code = (
        "import importlib, pkgutil, types, heify_heygen_errors as h\n"
        "for found in pkgutil.walk_packages(h.__path__, 'heify_heygen_errors.'):\n"
        "    if not found.name.endswith(('__main__', 'build_hook')) and '.testing' not in found.name:\n"
        "        try: importlib.import_module(found.name)\n"
        "        except ImportError as error:\n"
        "            if (error.name or '').startswith('heify_heygen_errors'): raise\n"
        "print([n for n in h.__all__ if isinstance(getattr(h, n), types.ModuleType)])"
    )
    assert in_a_fresh_process(code) == "[]"


@pytest.mark.parametrize(
    "found",
    [
        found.name
        for found in pkgutil.walk_packages(heify_heygen_errors.__path__, "heify_heygen_errors.")
        if "build_hook" not in found.name and "__main__" not in found.name
    ],
)
def test_names_of_modules_are_sorted_and_there(found):
    """Every module that lists its names lists them in the linter's order, constants, classes, the rest, and has them."""
    module = importlib.import_module(found)
    names = getattr(module, "__all__", [])
    assert list(names) == sorted(set(names), key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert [name for name in names if not hasattr(module, name)] == []


def test_version_is_the_installed_one():
    """__version__ is the version of the installed package."""
    assert heify_heygen_errors.__version__ == importlib.metadata.version("heify-heygen-errors")


def test_package_is_typed():
    """The package carries the mark that tells type checkers to read it."""
    assert (Path(heify_heygen_errors.__file__).parent / "py.typed").is_file()


# Imports

USES = {
    "nothing": "",
    "one normalize": "assert h.normalize(h.Observation('heygen', 401, {'Retry-After': '1'}, b'{\"code\":400112,\"message\":\"Unauthorized\"}')).code",
    "one of Heify": "assert h.normalize(h.Observation('heify', 429, None, b'{\"message\":\"Too Many Requests\"}')).retryable",
    "one page": "assert h.normalize(h.Observation('heygen', 502, None, b'<html><title>502 Bad Gateway</title></html>'))",
    "one exception": "assert h.normalize(TimeoutError('timed out'), 'heygen').category == 'timeout'",
    "one raised": (
        "try: h.raise_for_error(h.Observation('heygen', 404, None, b'{}'))\n"
        "except h.NotFoundError as error: assert not h.is_retryable(error) and str(error)"
    ),
    "one explained": "assert str(h.explain(h.Observation('heify', 500, None, b'oops')))",
    "one looked up": "assert h.lookup('heygen', '400112').name == 'UNAUTHORIZED'",
    "one category": "assert h.Category.PAYMENT.http_status and h.Category.PAYMENT.title",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_heavy_libraries_are_not_imported(use):
    """Importing and using the core imports no HTTP library, no backoff, no cattrs and nothing of the command line."""
    code = f"import sys, heify_heygen_errors as h\n{use}\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert in_a_fresh_process(code) == "[]"


def test_written_form_imports_cattrs_alone():
    """The JSON round trip imports cattrs when it is first asked for, and no other heavy library."""
    code = (
        "import sys, heify_heygen_errors as h\n"
        "info = h.normalize(h.Observation('heygen', 401))\n"
        "assert h.ErrorInfo.from_dict(info.to_dict()) == info\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    assert in_a_fresh_process(code) == "['cattrs']"


def test_names_load_only_their_modules():
    """Importing the package alone loads none of its modules: names are loaded when they are first used."""
    code = "import sys, heify_heygen_errors; print(sorted(m for m in sys.modules if m.startswith('heify_heygen_errors.')))"
    assert in_a_fresh_process(code) == "[]"


# Logs


def test_logger_has_a_null_handler():
    """The package's logger has exactly one handler, a NullHandler, and sets no level."""
    logger = logging.getLogger("heify_heygen_errors")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert (logger.level, logger.propagate) == (logging.NOTSET, True)


def test_package_is_quiet():
    """Without any set-up of logs, normalizing prints nothing on stdout or stderr."""
    code = (
        "import heify_heygen_errors as h\n"
        'h.normalize(h.Observation(\'heygen\', 400, None, b\'{"code":"never_heard_of","message":"odd"}\'))\n'
        "h.normalize(ValueError('odd'), 'heify')"
    )
    assert in_a_fresh_process(code) == ""
