"""The pytest plugin, as other projects meet it: each test runs pytest on files of its own, in a process of its own."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

_OPTIONS = ("-q", "-p", "no:cacheprovider", "-W", "error")


def _environment(**more):
    # What a surrounding run of pytest or coverage sets is not meant for the inner one.
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))} | more


@pytest.fixture
def run(tmp_path):
    """Runs pytest on a file with this source; gives the outcomes by name, and the whole output.

    It finds the plugin by its entry point if `installed`; otherwise it loads this plugin alone, which is quicker.
    """

    def run_pytest(source, *options, installed=False, conftest=""):
        (tmp_path / "pytest.ini").write_text("[pytest]\n")  # so that nothing above the folder is configuration
        (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
        (tmp_path / "conftest.py").write_text(textwrap.dedent(conftest))
        alone = ("-p", "heify_heygen_errors.testing.plugin")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_OPTIONS, *(() if installed else alone), *options],
            cwd=tmp_path,
            env=_environment(**({} if installed else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        output = done.stdout + done.stderr
        return {outcome: int(count) for count, outcome in re.findall(r"(\d+) (passed|failed|error|warning)", output)}, output

    return run_pytest


def _python(source, tmp_path):
    """What a program prints that runs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_fixtures_do_what_they_promise(run):
    """All that the fixtures are for works in a project that does nothing but ask for them."""
    outcomes, output = run(
        """
        import asyncio
        import time

        import pytest
        import requests

        from heify_heygen_errors import normalize
        from heify_heygen_errors.testing import FakeServer, ManualClock, error, factories

        SLEEP, ASLEEP = time.sleep, asyncio.sleep
        URLS = []


        def me(server):
            return requests.get(server.heygen.url + "/v3/users/me", headers={"X-Api-Key": server.heygen.api_key}, timeout=5)


        def test_server_runs(fake_vendors):
            assert isinstance(fake_vendors, FakeServer)
            fake_vendors.on(None, None, error("heygen", "RATE_LIMIT"))
            assert me(fake_vendors).status_code == 429
            URLS.append(fake_vendors.url)


        def test_server_is_new_for_each_test(fake_vendors):
            assert fake_vendors.request_count == 0
            assert me(fake_vendors).status_code == 200


        def test_server_has_ended():
            with pytest.raises(requests.ConnectionError):
                requests.get(URLS[0], timeout=5)


        @pytest.mark.fake_vendors(keys={"heygen": "mine"}, keep=1)
        def test_options_come_from_the_marker(fake_vendors):
            assert fake_vendors.heygen.api_key == "mine"
            assert [me(fake_vendors).status_code for _ in range(3)] == [200] * 3
            assert len(fake_vendors.requests) == 1


        @pytest.mark.fake_vendors(seed=5, keep=1)
        class TestMarkedClass:
            def test_marker_of_the_class(self, fake_vendors):
                me(fake_vendors), me(fake_vendors)
                assert len(fake_vendors.requests) == 1

            @pytest.mark.fake_vendors(keep=2)
            def test_nearest_marker_wins(self, fake_vendors):
                for _ in range(3):
                    me(fake_vendors)
                assert len(fake_vendors.requests) == 2


        def test_sleep_is_recorded(recorded_sleep):
            assert isinstance(recorded_sleep, ManualClock)
            begin = time.monotonic()
            time.sleep(3600)
            asyncio.run(asyncio.sleep(1800, "result"))
            assert (recorded_sleep.slept, time.monotonic() - begin < 10) == ([3600, 1800], True)


        def test_sleep_is_restored():
            assert (time.sleep, asyncio.sleep) == (SLEEP, ASLEEP)


        def test_they_share_the_clock(fake_vendors, recorded_sleep):
            time.sleep(100)
            me(fake_vendors)
            assert fake_vendors.requests[0].at == recorded_sleep()


        def test_they_share_the_clock_in_any_order(recorded_sleep, fake_vendors):
            me(fake_vendors)
            assert fake_vendors.requests[0].at == recorded_sleep()


        MINE = ManualClock(5.0)


        @pytest.mark.fake_vendors(clock=MINE)
        def test_clock_of_the_marker_wins(fake_vendors, recorded_sleep):
            me(fake_vendors)
            assert fake_vendors.requests[0].at == 5.0


        def test_real_clock_without_recorded_sleep(fake_vendors):
            me(fake_vendors)
            assert abs(fake_vendors.requests[0].at - time.time()) < 60


        def test_factories_are_at_hand(vendor_errors):
            assert vendor_errors is factories
            assert normalize(vendor_errors.response("heygen", "insufficient_credit")).code == "insufficient_credit"


        def failing(received):
            raise ValueError("inside a step")


        def test_failed_step(fake_vendors):
            fake_vendors.script([failing])
            me(fake_vendors)
        """,
        installed=True,
    )
    assert outcomes == {"passed": 14, "error": 1}, output
    assert "ERROR test_it.py::test_failed_step - ValueError: inside a step" in output


def test_plugin_documents_itself(run):
    """The fixtures are listed with what they are for, and the marker with its options."""
    _, fixtures = run("", "--fixtures")
    _, markers = run("", "--markers")
    assert [
        name for name in ("fake_vendors", "recorded_sleep", "vendor_errors") if not re.search(rf"^{name}\b", fixtures, re.MULTILINE)
    ] == []
    assert "@pytest.mark.fake_vendors(**options): options of the FakeServer behind the fixture fake_vendors" in markers


def test_marker_is_known_and_its_options_are_checked(run):
    """With strict markers the marker is accepted; an option that FakeServer does not have is an error that names it."""
    outcomes, output = run(
        """
        import pytest

        @pytest.mark.fake_vendors(limit=False)
        def test_wrong_option(fake_vendors):
            pass

        @pytest.mark.fake_vendors(False)
        def test_no_keyword(fake_vendors):
            pass
        """,
        "--strict-markers",
    )
    assert outcomes == {"error": 2}, output
    assert "limit" in output


def test_loading_the_plugin_loads_nothing_else(run):
    """A project that has the package but does not use the fixtures pays for neither the kit nor requests, h11 and trustme."""
    outcomes, output = run(
        """
        import sys

        def test_nothing_is_loaded():
            loaded = set(sys.modules)
            assert "heify_heygen_errors.testing.plugin" in loaded
            kit = {name for name in loaded if name.startswith("heify_heygen_errors.testing.")}
            assert kit == {"heify_heygen_errors.testing.plugin"}
            others = {name for name in loaded if name.startswith("heify_heygen_errors.") and ".testing" not in name}
            assert others == set()
            assert loaded & {"requests", "urllib3", "h11", "fastjsonschema", "trustme", "yaml", "attrs", "cattrs", "backoff"} == set()
        """,
    )
    assert outcomes == {"passed": 1}, output


def test_missing_extra_costs_only_who_uses_it(run):
    """Without the extra a test that asks for the server fails with the command that installs it; other tests are not touched."""
    outcomes, output = run(
        """
        def test_without(recorded_sleep, vendor_errors):
            pass

        def test_server(fake_vendors):
            pass
        """,
        conftest="""
        import sys

        sys.modules["h11"] = None  # what an import of a package that is not installed comes to
        """,
    )
    assert outcomes == {"passed": 1, "error": 1}, output
    assert "FakeServer needs h11: pip install 'heify-heygen-errors[testing]'" in output


def _without(package, program):
    return f"""
        import sys

        sys.modules[{package!r}] = None
        try:
            {program}
        except ModuleNotFoundError as error:
            print(error)
        else:
            print("fine")
        """


_USE = """from heify_heygen_errors.testing import FakeServer; import requests
            with FakeServer() as server:
                server.tls_url("heygen")
                requests.post(server.heygen.url + "/v3/videos", json={}, headers={"X-Api-Key": server.heygen.api_key})"""


@pytest.mark.parametrize("package", ["h11", "fastjsonschema", "trustme"])
def test_missing_package_is_named_with_its_command(package, tmp_path):
    """Whichever package of the extra is missing, the error names it and the command that installs it."""
    said = _python(_without(package, _USE), tmp_path)
    assert f"needs {package}: pip install 'heify-heygen-errors[testing]'" in said


def test_factories_need_no_extra(tmp_path):
    """What needs no server works with the package alone."""
    program = "from heify_heygen_errors.testing import error, fault, ok, ManualClock; import heify_heygen_errors.testing.factories"
    assert _python(_without("h11", program), tmp_path) == "fine"
