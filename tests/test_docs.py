"""The documentation is true: what it shows is run, what it generates is up to date, what it links to exists.

What the fenced blocks of a page promise:

- ``python`` blocks of a page run in order in one namespace. What a block prints is shown in a ``text`` block
  right behind it; an expression with ``# -> value`` at its end has that value as its repr.
- ``python NAME.py`` blocks are files in one folder. Those named ``test_*.py`` are run there by pytest, where every
  test passes, or fails where ``fails`` stands behind the name, with the lines of the ``text`` block right behind it.
  ``console`` commands find the files that stand in front of them.
- ``console`` blocks hold ``$ commands`` and everything they write, stdout first; ``...`` stands for lines that
  are left out. A command exits 0 unless ``$ echo $?`` follows and says otherwise.
- A ``console server`` block holds a command that listens on port 8080 and what it writes before anything is asked of
  it. It runs, in truth on any free port, which the commands behind it are given, until a ``text server`` block says
  what it writes from then on to its end.
- ``http`` blocks are a wire example for a provider (and, for requests, method and URL); ``exception`` blocks are
  a failed call as it is logged. The ``text`` block behind says what comes out.
- ``yaml`` blocks that are overlays pass the lint.
- A comment ``<!-- python ... -->`` is code that a page needs and a reader does not, such as a fake server.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import attrs
import click
import pytest

import heify_heygen_errors
from heify_heygen_errors import (
    Answer,
    ApiError,
    AsyncClient,
    Attempt,
    BreakerPolicy,
    Category,
    Client,
    Decision,
    ErrorInfo,
    Hooks,
    Observation,
    Reason,
    RetryAdvice,
    RetryContext,
    RetryPolicy,
    normalize_all,
    retrying,
    testing,
)
from heify_heygen_errors.catalog.schema import ENDPOINT, ENTRY, FAMILY, LIMIT, OVERLAY, PROVIDER, REFINEMENT, RETRY, TRANSPORT_ENTRY, WHEN
from heify_heygen_errors.cli import main
from heify_heygen_errors.cli.app import hhe
from heify_heygen_errors.client.call import BodyOptions, CallOptions
from heify_heygen_errors.pipeline.blocks import KEPT_COLUMNS
from heify_heygen_errors.pipeline.contract import TYPES
from heify_heygen_errors.records import COLUMNS, INPUT_FIELDS
from heify_heygen_errors.testing import FakeServer, JobPlan
from heify_heygen_errors.testing.factories import AnswerOptions
from heify_heygen_errors.testing.fault import FAULTS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted(DOCS.glob("*.md"))
REFERENCE = sorted((DOCS / "reference").glob("*.md"))
PAGES = [ROOT / "README.md", *GUIDES]
EXAMPLE_LOG = DOCS / "examples" / "vendor-errors.jsonl"

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$|^<!-- (?P<hidden>python)\n(?P<code>.*?)^-->$", re.DOTALL | re.MULTILINE
)
_ADDRESS = "127.0.0.1:8080"
_LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (?P<title>.+?)$", re.MULTILINE)


@attrs.frozen
class Block:
    """A fenced block: the words behind its fence, its text, and the text of a `text` block right behind it."""

    page: Path
    line: int
    info: str
    text: str
    shown: str | None

    @property
    def kind(self) -> str:
        """The first word behind the fence; ``file`` for Python with a file name."""
        return "file" if self.file else (self.info.split() or [""])[0]

    @property
    def file(self) -> str:
        """The name of the file that a block of Python is."""
        words = self.info.split()
        return words[1] if len(words) > 1 and words[0] == "python" else ""

    @property
    def fails(self) -> bool:
        """Whether the tests in it fail."""
        return self.info.endswith(" fails")

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page and its hidden code, in order."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    blocks = []
    for fence, after in pairwise([*found, None]):
        follows = after is not None and after["info"] == "text" and not text[fence.end() : after.start()].strip()
        info, inside = (fence["info"], fence["text"]) if fence["fence"] else ("python", fence["code"])
        blocks.append(Block(page, text.count("\n", 0, fence.start()) + 1, info, inside, after["text"] if after and follows else None))
    return blocks


def blocks(*kinds: str) -> list[Block]:
    """The blocks of some kinds in all pages."""
    return [block for page in PAGES for block in blocks_of(page) if block.kind in kinds]


def pages_with(*kinds: str) -> list[Path]:
    """The pages that have such blocks."""
    return [page for page in PAGES if any(block.kind in kinds for block in blocks_of(page))]


def load_script(path: Path) -> ModuleType:
    """A script of the docs, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder that looks like the top of the repository and may be written to."""
    for name in ("docs", "data", "README.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    """What docs/make_reference.py would write."""
    written: dict[Path, str] = load_script(DOCS / "make_reference.py").pages()
    return written


# What is generated.


def test_the_example_log_is_what_its_script_writes() -> None:
    """Running docs/examples/make_log.py reproduces the example log byte for byte."""
    assert load_script(DOCS / "examples" / "make_log.py").log().encode() == EXAMPLE_LOG.read_bytes()


@pytest.mark.parametrize("page", [*REFERENCE, *PAGES], ids=lambda page: page.name)
def test_generated_pages_are_up_to_date(page: Path, generated: dict[Path, str]) -> None:
    """docs/make_reference.py would change no page: they say what the catalogs say, and what clients see of a fault."""
    text = page.read_text(encoding="utf-8")
    assert generated.get(page, text) == text


def test_every_catalog_has_a_reference_page() -> None:
    """Each catalog file but the categories, which have a guide, has its page under docs/reference; the testing kit has one, too."""
    catalogs = {path.stem for path in (ROOT / "data").glob("*.yaml")} - {"categories"}
    assert {page.stem for page in REFERENCE} == {*catalogs, "testing"}


# What is shown.


def run_python(block: Block, names: dict[str, object]) -> tuple[str, list[tuple[str, str]]]:
    """Runs a block; gives what it printed, and for each expression with an arrow its repr and the promised one."""
    lines = block.text.splitlines()
    printed = io.StringIO()
    values = []
    with contextlib.redirect_stdout(printed):
        for statement in ast.parse(block.text, str(block)).body:
            _, arrow, promised = lines[(statement.end_lineno or 1) - 1].partition("  # -> ")
            if isinstance(statement, ast.Expr) and arrow:
                value = eval(compile(ast.Expression(statement.value), str(block), "eval"), names)
                values.append((repr(value), promised.strip()))
            else:
                exec(compile(ast.Module([statement], []), str(block), "exec"), names)
    return printed.getvalue(), values


@pytest.mark.parametrize("page", pages_with("python"), ids=lambda page: page.name)
def test_python_examples_run_and_give_what_they_show(page: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of a page runs as it stands and prints what is shown behind it."""
    monkeypatch.chdir(repository)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.kind == "python":
            printed, values = run_python(block, names)
            assert f"{block}\n{printed}" == f"{block}\n{block.shown or ''}"
            assert [value for value, _ in values] == [promised for _, promised in values]


def commands_of(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a console block with the lines that they are said to write."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        else:
            found[-1][1].append(line)
    return found


def environment(folder: Path) -> dict[str, str]:
    """The environment of commands that are run in a folder."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
        "HOME": str(folder),
        **{name: os.environ[name] for name in ("VIRTUAL_ENV", "SYSTEMROOT", "PYTHONPATH") if name in os.environ},
    }


def run_command(command: str, folder: Path) -> tuple[list[str], int]:
    """The lines that a command writes, stdout first, and its exit code."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(folder), capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    return [line.rstrip() for line in (done.stdout.decode() + done.stderr.decode()).splitlines()], done.returncode


def agrees(lines: list[str], shown: list[str]) -> bool:
    """Whether the lines are the shown ones; `...` stands for any number of them."""
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line.rstrip()) + r"\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


class Server:
    """A command of a page that listens, on a port that the page takes for 8080.

    Attributes:
        lines: what it has written so far.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._address = _ADDRESS
        self.lines: list[str] = []

    def start(self, shown: list[str]) -> None:
        """Starts it, and waits until it has written what is shown."""
        # Ports of four digits, so that lengths and widths are those of the page.
        for port in range(8080, 8180):
            self._address = f"127.0.0.1:{port}"
            self._run(port, shown)
            if not any("cannot listen on port" in line for line in self.lines):
                break
            self.stop()

    def real(self, text: str) -> str:
        """A text of the page with the port that it has in truth."""
        return text.replace(_ADDRESS, self._address)

    def shown(self, text: str) -> str:
        """A text with the port that the page takes it for."""
        return text.replace(self._address, _ADDRESS)

    def _run(self, port: int, shown: list[str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "-c", f"exec {self._command} --port {port}"],
            cwd=self._folder,
            env=environment(self._folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(shown, ready), daemon=True)
        self._reader.start()
        ready.wait(20)

    def _read(self, shown: list[str], ready: threading.Event) -> None:
        for line in self._process.stdout or ():
            self.lines.append(self.shown(line.rstrip()))
            if agrees(self.lines, shown):
                ready.set()
        ready.set()

    def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._reader.join()
            if self._process.stdout is not None:
                self._process.stdout.close()


def check_lines(where: str, lines: list[str], shown: list[str]) -> None:
    """Fails the test with both texts if the lines are not the shown ones."""
    if not agrees(lines, shown):
        assert "\n".join([where, *lines]) == "\n".join([where, *shown])


@pytest.fixture
def servers(repository: Path) -> Iterator[list[Server]]:
    """The commands of a page that listen; those that still run at the end of the test are ended."""
    started: list[Server] = []
    yield started
    for server in started:
        server.stop()


@pytest.mark.parametrize("page", pages_with("console"), ids=lambda page: page.name)
def test_commands_write_what_is_shown(page: Path, repository: Path, servers: list[Server]) -> None:
    """Every command of a page, run at the top of the repository, writes what stands below it and exits as told."""
    if any("$ curl " in block.text for block in blocks_of(page)) and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (repository / ".curlrc").write_text("silent\nshow-error\n", encoding="utf-8")
    beginning: list[str] = []
    for block in blocks_of(page):
        if block.info == "console server":
            [(command, beginning)] = commands_of(block)
            servers.append(Server(command, repository))
            servers[-1].start(beginning)
            check_lines(f"{block} {command}", servers[-1].lines, beginning)
        elif block.info == "text server":
            server = servers.pop()
            server.stop()
            check_lines(str(block), server.lines, [*beginning, "...", *block.text.splitlines()])
        elif block.kind == "file":
            text = servers[-1].real(block.text) if servers else block.text
            (repository / block.file).write_text(text, encoding="utf-8")
        elif block.kind == "console":
            check_commands(block, repository, servers[-1] if servers else None)


def check_commands(block: Block, folder: Path, server: Server | None) -> None:
    """Runs the commands of a block; fails the test if one writes something else than is shown, or exits otherwise."""
    code = 0
    for (command, shown), (following, _) in pairwise([*commands_of(block), ("", [])]):
        if command == "echo $?":
            lines = [str(code)]
        else:
            lines, code = run_command(server.real(command) if server else command, folder)
            lines = [server.shown(line) for line in lines] if server else lines
            assert f"{block} {command}: {code}" == f"{block} {command}: {0 if following != 'echo $?' else code}"
        check_lines(f"{block} {command}", lines, shown)


def is_test(block: Block) -> bool:
    """Whether a block is a file for pytest."""
    return block.file.startswith("test_")


def run_pytest(folder: Path, names: list[str]) -> tuple[str, dict[str, int]]:
    """What pytest writes about these files, and how many tests ended in which way."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-q", *names]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, check=False, stdin=subprocess.DEVNULL)
    text = done.stdout.decode() + done.stderr.decode()
    return text, {way: int(number) for number, way in re.findall(r"(\d+) (passed|failed|error|skipped)", text.splitlines()[-1])}


@pytest.mark.parametrize("page", [page for page in pages_with("file") if any(map(is_test, blocks_of(page)))], ids=lambda page: page.name)
def test_tests_in_the_pages_pass(page: Path, tmp_path: Path) -> None:
    """Every test that a page shows passes when it is saved under its name and run with pytest; those that are to fail do."""
    files = [block for block in blocks_of(page) if block.kind == "file"]
    for block in files:
        (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    tests = [block for block in files if is_test(block)]
    written, ways = run_pytest(tmp_path, [block.file for block in tests if not block.fails])
    if set(ways) != {"passed"}:
        pytest.fail(written, pytrace=False)
    for block in tests:
        if block.fails:
            written, ways = run_pytest(tmp_path, [block.file])
            missing = [line for line in (block.shown or "").splitlines() if line not in written]
            if set(ways) != {"failed"} or missing:
                pytest.fail("\n".join([str(block), *missing, written]), pytrace=False)


def test_the_readme_command_writes_what_is_shown(repository: Path) -> None:
    """The first command of the README ends with the rows and the summary that it shows."""
    block = next(block for block in blocks_of(ROOT / "README.md") if block.kind == "sh")
    setup, _, command = block.text.replace("\\\n", " ").rpartition(" && ")
    assert ("pip install -q '.[cli,pipeline]'" in setup, command.strip().startswith(".venv/bin/hhe normalize")) == (True, True)
    lines, _ = run_command(command.strip().replace(".venv/bin/", ""), repository)
    assert lines == (block.shown or "").splitlines()


def test_the_readme_tests_as_the_build_does() -> None:
    """The second command of the README is the last one of .ci/run."""
    command = [block.text for block in blocks_of(ROOT / "README.md") if block.kind == "sh"][1]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == command.strip()


def wire(block: Block) -> Observation:
    """The observation in an `http` or `exception` block."""
    _, provider, *request = block.info.split()
    method, url = (*request, None, None)[:2]
    if block.kind == "exception":
        return Observation(provider, method=method, url=url, exception=block.text.strip())
    head, blank, body = block.text.partition("\n\n")
    status = None
    headers = []
    if head.startswith("HTTP/1.1 "):
        first, *rest = head.splitlines()
        status = int(first.split()[1])
        headers = [tuple(line.split(": ", 1)) for line in rest]
    else:
        body = block.text if not blank else f"{head}{blank}{body}"
    return Observation(provider, status, headers, body.rstrip("\n"), method, url)


def told(info: ErrorInfo) -> str:
    """What the pages show of a failure."""
    wait = "" if info.retry.after is None else f", after {info.retry.after:g} s"
    resets = "" if info.retry.resets is None else f", resets each {info.retry.resets}"
    rows = {
        "category": info.category,
        "code": info.code,
        "message": info.message,
        "detail": info.detail,
        "param": info.param,
        "params": json.dumps(dict(info.params)) if info.params else None,
        "resource": json.dumps(dict(info.resource)) if info.resource else None,
        "doc url": info.doc_url,
        "request id": info.request_id,
        "channel": info.channel,
        "rule": f"{info.rule} (matched by {info.matched_by})",
        "retry": f"{info.retry.action}{wait}{resets}; outcome {info.retry.outcome}",
    }
    return "".join(f"{name:<11} {value}\n" for name, value in rows.items() if value is not None)


def outcome_of(block: Block) -> str:
    """What comes out of a wire example."""
    return "\n".join(told(info) for info in normalize_all(wire(block))) or "no error\n"


@pytest.mark.parametrize("block", blocks("http", "exception"), ids=str)
def test_wire_examples_give_what_is_shown(block: Block) -> None:
    """Each wire example is normalized to what stands below it."""
    assert outcome_of(block) == block.shown


@pytest.mark.parametrize("block", [block for block in blocks("yaml") if "kind: overlay" in block.text], ids=str)
def test_overlays_in_the_pages_pass_the_lint(block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each whole overlay that a page shows has no problem."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(block.text, encoding="utf-8")
    assert (main(["catalog", "lint", str(overlay)]), capsys.readouterr().out) == (0, "")


def test_the_example_overlay_is_the_one_that_is_shown() -> None:
    """catalogs.md shows docs/examples/overlay.yaml as it is."""
    shown = [block.text for block in blocks_of(DOCS / "catalogs.md") if "kind: overlay" in block.text and block.kind == "yaml"]
    assert shown == [(DOCS / "examples" / "overlay.yaml").read_text(encoding="utf-8")]


def test_nothing_secret_leaves_the_example_log(tmp_path: Path) -> None:
    """The fake secrets in the example log, all marked FAKE, are in no error column."""
    rows = tmp_path / "rows.jsonl"
    main(["normalize", "-q", "--explode", str(EXAMPLE_LOG), "-o", str(rows)])
    columns = [{name: value for name, value in json.loads(line).items() if name in COLUMNS} for line in rows.read_bytes().splitlines()]
    leaks = [row for row in columns if "FAKE" in json.dumps(row)]
    redacted = [row for row in columns if "[redacted]" in json.dumps(row)]
    assert ("FAKE" in EXAMPLE_LOG.read_text(encoding="utf-8"), bool(redacted), leaks) == (True, True, [])


def test_the_example_log_shows_every_channel_category_and_provider(tmp_path: Path) -> None:
    """The example log has failures of every provider, channel and category, successes and rejects."""
    rows = tmp_path / "rows.jsonl"
    main(["normalize", "-q", str(EXAMPLE_LOG), "-o", str(rows)])
    read = [json.loads(line) for line in rows.read_bytes().splitlines()]
    assert {row["error_channel"] for row in read} == {None, "response", "job", "webhook", "upload", "gateway", "transport"}
    assert {row["error_category"] for row in read} == {None, *Category}
    assert {row.get("provider") for row in read} == {None, "heygen", "liveavatar", "heify"}
    assert {row["error_retry"] for row in read} == {None, "never", "backoff", "poll", "wait", "renew"}
    assert {row["error_outcome"] for row in read} == {None, "not_sent", "refused", "unknown", "accepted"}


# What is linked and left out.


def anchors_of(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading["title"].lower()).strip().replace(" ", "-") for heading in _HEADING.finditer(text)}


@pytest.mark.parametrize("page", [*PAGES, *REFERENCE, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_between_pages_resolve(page: Path) -> None:
    """Each relative link leads to a file, and to a heading of it where it names one."""
    dead = []
    for link in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        target, _, anchor = link["target"].partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            dead.append(link["target"])
    assert dead == []


def test_the_index_links_every_page() -> None:
    """docs/index.md leads to every guide and every reference page."""
    links = {link["target"] for link in _LINK.finditer((DOCS / "index.md").read_text(encoding="utf-8"))}
    wanted = {str(page.relative_to(DOCS)) for page in [*GUIDES, *REFERENCE]} - {"index.md"}
    assert wanted - links == set()


def described(page: str) -> set[str]:
    """Everything that a guide has in code spans in front of a table's row or at its beginning of a heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(re.findall(r"^(?:\| |#{2,6} |- )`([^`]+)`", text, re.MULTILINE)) | set(re.findall(r"(?<=`, )`([^`]+)`(?=[^|\n]*\|)", text))


def test_every_field_of_the_model_is_described() -> None:
    """model.md has a row or heading for each field of ErrorInfo and RetryAdvice."""
    fields = {field.name for kind in (ErrorInfo, RetryAdvice) for field in attrs.fields(kind)}
    assert fields - described("model.md") == set()


def test_every_column_and_input_field_is_described() -> None:
    """pipelines.md has a row for each field that is read, columns.md a section for each column that is written."""
    assert set(INPUT_FIELDS) - described("pipelines.md") == set()
    assert {*COLUMNS, *KEPT_COLUMNS} - described("columns.md") == set()


def test_the_types_of_columns_are_those_of_arrow() -> None:
    """The first table of columns.md names the Arrow type of each column, in the order of the contract."""
    text = (DOCS / "columns.md").read_text(encoding="utf-8").partition("\n## ")[0]
    told = re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \| ([^|]+) \|", text, re.MULTILINE)
    named = {column: "dictionary of string" if str(kind).startswith("dictionary") else str(kind) for column, kind in TYPES.items()}
    assert [(column, kind.removesuffix(", JSON").strip()) for column, kind in told] == list(named.items())


def test_every_field_of_a_catalog_is_described() -> None:
    """catalogs.md has a row for each field that a catalog may have."""
    records = (ENTRY, REFINEMENT, WHEN, RETRY, FAMILY, ENDPOINT, LIMIT, OVERLAY, PROVIDER, TRANSPORT_ENTRY)
    assert {field for record in records for field in record.fields} - described("catalogs.md") == set()


def test_every_category_and_exception_is_described() -> None:
    """categories.md has a heading for each category and exceptions.md names each exception."""
    exceptions = (DOCS / "exceptions.md").read_text(encoding="utf-8")
    assert {category.value for category in Category} - described("categories.md") == set()
    assert [kind.__name__ for kind in ApiError.__subclasses__() if kind.__name__ not in exceptions] == []


def names_of(kind: type) -> set[str]:
    """The fields of an attrs class."""
    return {field.name for field in attrs.fields(kind)}


def test_the_client_is_described() -> None:
    """client.md has a row for each argument of both clients, each option of a call, each hook, each part of an answer."""
    arguments = {*inspect.signature(Client).parameters, *inspect.signature(AsyncClient).parameters}
    options = {*CallOptions.__annotations__, *BodyOptions.__annotations__}
    wanted = arguments | options | names_of(Answer) | names_of(Hooks) | names_of(BreakerPolicy)
    assert wanted - described("client.md") == set()


def test_retries_are_described() -> None:
    """retries.md has a row for each reason and each part of policy, context and decision, and names each part of an attempt."""
    wanted = {reason.value for reason in Reason} | names_of(RetryPolicy) | names_of(RetryContext) | names_of(Decision)
    text = (DOCS / "retries.md").read_text(encoding="utf-8")
    assert wanted - described("retries.md") == set()
    assert [name for name in names_of(Attempt) if f"`{name}`" not in text] == []


def test_retrying_is_described() -> None:
    """your-own-http-code.md has a row for each argument of `retrying`."""
    assert set(inspect.signature(retrying).parameters) - described("your-own-http-code.md") == set()


def test_every_public_name_is_in_the_guides() -> None:
    """Each name that the package exports stands in a guide."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in heify_heygen_errors.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_the_testing_kit_is_described() -> None:
    """testing.md names each public name, has a row for each option, and says of each fault what is worth asserting."""
    text = (DOCS / "testing.md").read_text(encoding="utf-8")
    options = {*inspect.signature(FakeServer).parameters, *AnswerOptions.__annotations__}
    asserted = text.partition("What is worth asserting")[2].partition("```")[0]
    assert [name for name in testing.__all__ if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text)] == []
    assert options - described("testing.md") == set()
    assert [name for name in FAULTS if f"`{name}`" not in asserted] == []
    assert [field.name for field in attrs.fields(JobPlan) if f"| `{field.name}=" not in text] == []


def options_of(command: click.Command, path: str) -> list[tuple[str, str]]:
    """Every command below this one with each of its options."""
    found = [(path, option) for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts]
    for name, child in getattr(command, "commands", {}).items():
        found += [(f"{path} {name}", ""), *options_of(child, f"{path} {name}")]
    return found


def test_every_command_and_option_is_described() -> None:
    """command.md has a heading for each command and, below it, a row with each of its options."""
    text = (DOCS / "command.md").read_text(encoding="utf-8")
    parts = {part.partition("`\n")[0]: part for part in re.split(r"^#{2,4} `", text, flags=re.MULTILINE)[1:]}
    missing = [
        (path, option)
        for path, option in options_of(hhe, "hhe")
        if path not in parts or (option and f"`{option}" not in "".join(line for line in parts[path].splitlines() if line.startswith("|")))
    ]
    assert missing == []


# The changelog.


def test_changelog_fragments_have_a_known_kind() -> None:
    """Each fragment is named NAME.KIND.md, so that the changelog takes it in."""
    names = sorted(path.name for path in (DOCS / "changelog.d").glob("*.md"))
    assert [name for name in names if not re.fullmatch(r"[a-z0-9-]+\.(?:added|changed|fixed|category)\.md", name)] == []


def test_the_changelog_has_the_place_for_releases() -> None:
    """CHANGELOG.md holds the marker below which releases are written."""
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count("<!-- towncrier release notes start -->") == 1
