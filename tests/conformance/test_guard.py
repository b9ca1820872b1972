"""Nobody gets past a law without saying why: every way that was thought of, in a run of its own."""

from __future__ import annotations

import pytest

from finetune_sdk.testing import FakeProvider, ProviderConformance

pytest_plugins = ["pytester"]

HEAVY = (FakeProvider, ProviderConformance)
"""Loaded here, they need not be loaded by each run."""

SUITE = """
import pytest
from finetune_sdk.testing import FakeProvider, JobScript, ProviderConformance

class Bench(ProviderConformance):
    def open_provider(self, folder):
        return FakeProvider()

    def job_words(self, provider, kind):
        provider.enqueue(
            JobScript(
                running=1e9 if kind == "endless" else 30,
                outcome="failed" if kind == "failing" else "succeeded",
            )
        )
        return {}
"""
LAW = "test_closing_twice_is_allowed"
BROKEN = """
class Broken(Bench):
    def open_provider(self, folder):
        provider = super().open_provider(folder)
        provider.close = lambda: 1 / 0
        return provider
"""
XFAIL = '@pytest.mark.xfail(reason="it closes once")'
WITHOUT_CLASS = {
    "in the class": f"""
class TestIt(Bench):
    def {LAW}(self, tmp_path):
        pass
""",
    "by a value": f"""
class TestIt(Bench):
    {LAW} = None
""",
    "by one that comes before": f"""
class Before:
    def {LAW}(self, tmp_path):
        pass

class TestIt(Before, Bench):
    pass
""",
    "in the class of a class": f"""
class Between(Bench):
    pass

class TestIt(Between):
    def {LAW}(self, tmp_path):
        pass
""",
    "without a reason": f"""
class TestIt(Bench):
    @pytest.mark.xfail
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
""",
    "for a blank reason": f"""
class TestIt(Bench):
    @pytest.mark.xfail(reason=" ")
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
""",
    "by an xfail that is not strict": f"""
class TestIt(Bench):
    @pytest.mark.xfail(reason="it closes once", strict=False)
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
""",
    "by an xfail that does not run": f"""
class TestIt(Bench):
    @pytest.mark.xfail(reason="it closes once", run=False)
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
""",
    "by a mark to skip": f"""
class TestIt(Bench):
    @pytest.mark.skip(reason="no")
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
""",
}


def run(pytester: pytest.Pytester, code: str, *, law: str = LAW) -> tuple[pytest.RunResult, str]:
    pytester.makepyfile(SUITE + BROKEN + code)
    done = pytester.runpytest_inprocess("-rs", "-k", law, "-p", "no:cacheprovider")
    return done, done.stdout.str()


@pytest.mark.parametrize("code", WITHOUT_CLASS.values(), ids=WITHOUT_CLASS)
def test_a_class_that_says_something_else_is_none(pytester: pytest.Pytester, code: str) -> None:
    done, said = run(pytester, code)
    done.assert_outcomes(errors=1)
    assert "without a reasoned xfail" in said
    assert "TestIt" in said


def test_a_name_that_the_laws_use_is_taken(pytester: pytest.Pytester) -> None:
    code = """
class TestIt(Bench):
    def _client(self, folder):
        pass
"""
    done, said = run(pytester, code)
    done.assert_outcomes(errors=1)
    assert "TestIt._client stands in the place of what the laws stand on" in said


LATER = {
    "by setattr": (f"TestIt.{LAW} = lambda self, tmp_path: None", "without a reasoned xfail"),
    "of another law": (
        "TestIt.test_a_job_goes_to_json_and_back = None",
        "test_a_job_goes_to_json_and_back overrides a law",
    ),
    "of what they stand on": ("TestIt._create = lambda self, *_: None", "what the laws stand on"),
    "by a mark on the class": ('TestIt = pytest.mark.skip("no")(TestIt)', "`skip` is no way out"),
    "by a mark on the module": ('pytestmark = pytest.mark.skip("no")', "`skip` is no way out"),
    "by an xfail for all": (
        'pytestmark = pytest.mark.xfail(reason="all of them")',
        "an xfail for all laws hides",
    ),
}


@pytest.mark.parametrize(("line", "why"), LATER.values(), ids=LATER)
def test_a_class_that_is_changed_later_keeps_no_law(
    pytester: pytest.Pytester, line: str, why: str
) -> None:
    done, said = run(pytester, f"\nclass TestIt(Bench):\n    pass\n\n{line}\n")
    done.assert_outcomes(failed=0, errors=1)
    assert why in said


FROM_OUTSIDE = {
    "a fixture of the class": """
class TestIt(Bench):
    @pytest.fixture(autouse=True)
    def _no(self):
        pytest.skip("not here")
""",
    "a fixture of the module": """
@pytest.fixture(autouse=True)
def _no():
    pytest.skip("not here")

class TestIt(Bench):
    pass
""",
    "a hook": """
class TestIt(Bench):
    def open_provider(self, folder):
        pytest.skip("not here")
""",
    "a hook that expects to fail": """
class TestIt(Bench):
    def open_provider(self, folder):
        pytest.xfail("not here")
""",
}


@pytest.mark.parametrize("code", FROM_OUTSIDE.values(), ids=FROM_OUTSIDE)
def test_a_skip_from_outside_is_a_failure(pytester: pytest.Pytester, code: str) -> None:
    done, said = run(pytester, code)
    counts = done.parseoutcomes()
    assert counts.get("failed", 0) + counts.get("errors", 0) == 1
    assert counts.keys() <= {"failed", "errors", "deselected"}
    assert "skips a law" in said or "`pytest.xfail` in a law" in said


def test_a_mark_of_a_conftest_is_seen(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip("no"))
""")
    done, said = run(pytester, "\nclass TestIt(Bench):\n    pass\n")
    done.assert_outcomes(errors=1)
    assert "`skip` is no way out" in said


def test_a_gap_is_said_with_its_reason_and_asked_all_the_same(pytester: pytest.Pytester) -> None:
    code = f"""
class TestIt(Broken):
    {XFAIL}
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
"""
    done, _ = run(pytester, code)
    done.assert_outcomes(xfailed=1)


@pytest.mark.parametrize("strict", [True, False])
def test_a_gap_that_has_closed_is_a_failure(pytester: pytest.Pytester, strict: bool) -> None:
    pytester.makeini(f"[pytest]\nxfail_strict = {strict}\n")
    code = f"""
class TestIt(Bench):
    {XFAIL}
    def {LAW}(self, tmp_path):
        super().{LAW}(tmp_path)
"""
    done, said = run(pytester, code)
    done.assert_outcomes(failed=1)
    assert "it closes once" in said


def test_a_gap_that_is_never_asked_is_a_failure(pytester: pytest.Pytester) -> None:
    code = f"""
class TestIt(Bench):
    {XFAIL}
    def {LAW}(self, tmp_path):
        pytest.fail("so it seems")
"""
    done, said = run(pytester, code)
    done.assert_outcomes(failed=1)
    assert "was never asked" in said


def test_an_override_cannot_say_that_a_law_is_not_shown(pytester: pytest.Pytester) -> None:
    code = f"""
class TestIt(Broken):
    @pytest.mark.xfail(False, reason="only on another system")
    def {LAW}(self, tmp_path):
        try:
            super().{LAW}(tmp_path)
        except Exception:
            self.cannot("close twice")
"""
    done, said = run(pytester, code)
    done.assert_outcomes(failed=1)
    assert "something outside of the suite skips a law" in said


@pytest.mark.parametrize("closes", ["1 / 0", "pytest.skip('not now')"])
def test_a_law_that_breaks_and_is_hushed_up_is_a_failure(
    pytester: pytest.Pytester, closes: str
) -> None:
    code = f"""
class TestIt(Bench):
    def open_provider(self, folder):
        provider = super().open_provider(folder)
        provider.close = lambda: {closes}
        return provider

    @pytest.mark.xfail(False, reason="only on another system")
    def {LAW}(self, tmp_path):
        try:
            super().{LAW}(tmp_path)
        except BaseException:
            pass
"""
    done, said = run(pytester, code)
    done.assert_outcomes(failed=1)
    assert "did not hold, and its override hides that" in said


def test_no_secret_is_no_proof_that_none_shows(pytester: pytest.Pytester) -> None:
    done, said = run(
        pytester, "\nclass TestIt(Bench):\n    pass\n", law="test_no_secret_shows_anywhere"
    )
    done.assert_outcomes(skipped=1)
    assert "`secrets` names none" in said


def test_a_whole_class_may_be_for_other_systems(pytester: pytest.Pytester) -> None:
    code = """
pytestmark = pytest.mark.skipif(True, reason="for another system")

class TestIt(Bench):
    pass
"""
    done, _ = run(pytester, code)
    done.assert_outcomes(skipped=1)


def test_tests_of_ones_own_are_left_alone(pytester: pytest.Pytester) -> None:
    code = """
class TestIt(Bench):
    def test_of_mine(self):
        pytest.skip("mine")
"""
    done, _ = run(pytester, code, law="test_of_mine")
    done.assert_outcomes(skipped=1)


def test_the_guard_is_there_where_plugins_are_not_loaded(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    done, said = run(pytester, FROM_OUTSIDE["a hook"])
    done.assert_outcomes(failed=1)
    assert "skips a law" in said
