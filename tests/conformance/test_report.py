"""What a run of the laws writes for a provider to publish."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from finetune_sdk.testing import ProviderConformance
from finetune_sdk.testing.conformance.law import laws_in
from finetune_sdk.testing.conformance.report import Suite, package_of, page
from tests.conformance.test_guard import SUITE

pytest_plugins = ["pytester"]

LAWS = tuple(laws_in(ProviderConformance))
COUNT = len(LAWS)
GAP = """
class TestIt(Bench):
    @pytest.mark.xfail(reason="nobody | knows")
    def test_cancel_ends_a_job(self, tmp_path):
        super().test_cancel_ends_a_job(tmp_path)

    def open_provider(self, folder):
        provider = super().open_provider(folder)
        provider.cancel_job = provider.get_job
        return provider
"""


def written(pytester: pytest.Pytester, code: str, *words: str) -> tuple[pytest.RunResult, str]:
    """What comes of a run, and its page."""
    pytester.makepyfile(SUITE + code)
    path = pytester.path / "out" / "report.md"
    done = pytester.runpytest_inprocess(
        f"--finetune-conformance-report={path}", "-p", "no:cacheprovider", *words
    )
    return done, path.read_text()


def row(report: str, law: str) -> str:
    return next(line for line in report.splitlines() if line.startswith(f"| {law} |"))


def test_it_tells_who_was_asked_and_what_came_of_each_law(pytester: pytest.Pytester) -> None:
    _, report = written(pytester, "\nclass TestIt(Bench):\n    pass\n")
    assert "## `fake`, by `TestIt`" in report
    assert "| class | `finetune_sdk.testing.fake.FakeProvider` |" in report
    assert "CanDeploy" in row(report, "verbs beyond the core")
    assert "supervised (batch_size" in row(report, "methods")
    assert f"{COUNT} laws: " in report
    assert row(report, "cancel ends a job") == "| cancel ends a job | kept |  |"
    assert "the provider lacks CanRescue" in row(report, "a stranded model is rescued")
    lost = row(report, "a lost answer makes one job and never two")
    assert "this stand-in cannot lose an answer" in lost
    # Each law has one row, whatever came of it.
    names = [law.removeprefix("test_").replace("_", " ") for law in LAWS]
    rows = [line.split(" | ")[0][2:] for line in report.splitlines() if line.startswith("| ")]
    assert rows[-COUNT:] == names


def test_a_gap_and_what_is_broken_are_told_with_their_reason(pytester: pytest.Pytester) -> None:
    done, report = written(pytester, GAP, "-k", "cancel_ends_a_job or paused_job_can_be")
    done.assert_outcomes(failed=1, xfailed=1)
    gap = row(report, "cancel ends a job")
    assert gap == "| cancel ends a job | not kept, and said so (xfail) | nobody \\| knows |"
    assert "| **broken** |" in row(report, "a paused job can be cancelled")
    assert "**It does not conform: 1 laws are broken.**" in report


def test_a_run_that_was_not_whole_says_so(pytester: pytest.Pytester) -> None:
    done, report = written(
        pytester, "\nclass TestIt(Bench):\n    pass\n", "-k", "cancel_ends_a_job"
    )
    done.assert_outcomes(passed=1)
    assert f"**This run was not whole: {COUNT - 1} laws were not run.**" in report
    assert "it was left out of this run" in row(report, "closing twice is allowed")


def test_a_run_that_only_lists_its_tests_leaves_a_page_as_it_is(pytester: pytest.Pytester) -> None:
    path = pytester.path / "out" / "report.md"
    path.parent.mkdir()
    path.write_text("an older one")
    _, report = written(pytester, "\nclass TestIt(Bench):\n    pass\n", "--collect-only")
    assert report == "an older one"


def test_a_run_without_laws_says_so(pytester: pytest.Pytester) -> None:
    _, report = written(pytester, "\ndef test_of_mine():\n    pass\n")
    assert "No law was asked." in report


def test_what_breaks_after_a_law_was_kept_breaks_it(pytester: pytest.Pytester) -> None:
    code = """
class TestIt(Bench):
    @pytest.fixture(autouse=True)
    def _after(self):
        yield
        assert False, "the stand-in is left in a mess"
"""
    _, report = written(pytester, code, "-k", "cancel_ends_a_job")
    assert "**broken** | AssertionError: the stand-in is left" in row(report, "cancel ends a job")


def test_no_secret_gets_into_it(pytester: pytest.Pytester) -> None:
    code = """
class TestIt(Bench):
    def open_provider(self, folder):
        raise ValueError("api_key=sk-abcdefghijklmnopqrstuvwxyz012345")
"""
    _, report = written(pytester, code, "-k", "cancel_ends_a_job")
    assert "ValueError" in row(report, "cancel ends a job")
    assert "abcdefghijklmnopqrstuvwxyz" not in report
    assert "No provider could be opened." in report


def test_a_worker_of_xdist_tells_the_same(pytester: pytest.Pytester) -> None:
    code = "\nclass TestIt(Bench):\n    pass\n"
    _, alone = written(pytester, code, "-k", "cancel")
    path = pytester.path / "together.md"
    words = (f"--finetune-conformance-report={path}", "-k", "cancel", "-p", "no:cacheprovider")
    done = pytester.runpytest_subprocess("-n", "1", *words)
    assert done.ret == 0
    assert "3 kept" in alone
    assert dated(path.read_text()) == dated(alone)


def dated(report: str) -> str:
    """A page as if it were made on another day."""
    return re.sub(r"Made on [\d-]+", "Made", report)


def test_a_provider_of_no_package_is_told_as_that() -> None:
    assert package_of("nobody_knows.this") == "none that is installed"
    assert package_of("pytest").startswith("`pytest` ")


def test_the_worst_of_a_law_stands() -> None:
    suite = Suite()
    for verdict in ("kept", "broken", "kept"):
        suite.hear({"law": LAWS[0], "verdict": verdict, "why": verdict, "card": None})
    assert suite.of(LAWS[0]) == ("broken", "broken")
    assert "1 broken" in page({"here::TestIt": suite}, today="2026-01-01")


def test_the_plugin_loads_nothing_where_no_law_is_asked() -> None:
    code = (
        "import sys, pytest\n"
        "pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', '/nowhere'])\n"
        "assert 'finetune_sdk.testing.conformance_plugin' in sys.modules\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "pytest" in loaded
    assert "finetune_sdk.testing.conformance" not in loaded


def test_without_pytest_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pytest"] = None
from finetune_sdk import MissingDependencyError
try:
    from finetune_sdk.testing import ProviderConformance
except MissingDependencyError as error:
    assert "pip install pytest" in str(error), error
    print("told")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "told\n"
