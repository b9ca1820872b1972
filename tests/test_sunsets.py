"""Sunsets: days with a source, what they mean for a job, and the user's own before them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.config import load_file
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.sunsets import Sunset, Sunsets, ended, packaged, read, warnings
from finetune_sdk.testing import FakeProvider

MODEL = "gpt-4.1-mini-2025-04-14"
SHUTDOWN = date(2027, 1, 14)
NO_NEW_JOBS = date(2027, 1, 6)
TODAY = date(2026, 11, 26)
DAY = timedelta(days=1)
OURS = {"as_of": date(2026, 11, 25), "source": "ours"}


class TestWhatIsKnown:
    def test_every_packaged_day_has_a_source(self) -> None:
        tables = packaged().values()
        models = [model for table in tables for model in table.models.values()]
        assert models
        assert all(model.source and model.as_of <= date(2026, 12, 31) for model in models)
        assert all(table.source and table.as_of for table in tables if table.new_jobs_end)

    @pytest.mark.parametrize("model", [MODEL, f"ft:{MODEL}:acme::abc", f"{MODEL}.ft-0123"])
    def test_what_is_made_of_a_model_ends_with_it(self, model: str) -> None:
        found = Sunsets().of("openai", model)
        assert (found.shutdown, found.new_jobs_end) == (SHUTDOWN, NO_NEW_JOBS)
        assert found.source
        assert found.as_of
        assert found.replacement

    @pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-4.1", "ft:gpt-4o-mini:acme::abc"])
    def test_an_alias_is_the_one_snapshot_that_it_can_mean(self, model: str) -> None:
        assert Sunsets().of("openai", model).shutdown == SHUTDOWN

    @pytest.mark.parametrize("model", ["gpt-4o", "gpt-4", "gpt-9", "gpt-4.1-mini-2030-01-01"])
    def test_a_name_that_is_not_clear_is_not_known(self, model: str) -> None:
        found = Sunsets().of("openai", model)
        assert (found.shutdown, found.source) == (None, None)
        assert found.new_jobs_end == NO_NEW_JOBS

    def test_of_another_provider_nothing_is_known(self) -> None:
        assert Sunsets().of("nobody", MODEL) == Sunset()

    def test_ones_own_come_first_entry_by_entry(self) -> None:
        later = SHUTDOWN + DAY
        own = Sunsets(read({"openai": {"models": {MODEL: {"shutdown": later, **OURS}}}}))
        found = own.of("openai", "gpt-4.1-mini")
        assert (found.shutdown, found.source, found.replacement) == (later, "ours", None)
        assert found.new_jobs_end == NO_NEW_JOBS
        assert own.of("openai", "gpt-4.1").shutdown == SHUTDOWN

    def test_ones_own_end_of_new_jobs_leaves_the_models_as_they_are(self) -> None:
        own = Sunsets(read({"openai": {"new_jobs_end": TODAY, **OURS}}))
        found = own.of("openai", MODEL)
        assert (found.new_jobs_end, found.new_jobs_source) == (TODAY, "ours")
        assert found.shutdown == SHUTDOWN
        assert found.source != "ours"


class TestWarnings:
    def test_they_say_the_day_the_days_left_and_the_source(self) -> None:
        found = Sunsets().of("openai", MODEL)
        shutdown, jobs = warnings(found, "openai", MODEL, TODAY)
        assert shutdown.startswith(
            f"`{MODEL}` and everything that is made of it shuts down on 2027-01-14, in 49 days "
            f"(source: {found.source}, as of {found.as_of})"
        )
        assert "`gpt-6-luna`" in shutdown
        assert jobs == (
            "openai takes no new jobs from 2027-01-06 on, in 41 days "
            f"(source: {found.new_jobs_source}, as of {found.new_jobs_as_of})"
        )

    def test_a_fine_tuned_model_is_warned_of_by_its_base(self) -> None:
        name = f"ft:{MODEL}:acme::abc"
        shutdown, _ = warnings(Sunsets().of("openai", name), "openai", name, TODAY)
        assert shutdown.startswith(f"`{MODEL}` ")

    @pytest.mark.parametrize(
        ("left", "words"),
        [
            (2 * DAY, "m` and everything that is made of it shuts down on 2027-01-14, in 2 days"),
            (DAY, "m` and everything that is made of it shuts down on 2027-01-14, tomorrow"),
            (0 * DAY, "m` and everything that is made of it has been shut down since 2027-01-14"),
            (-DAY, "m` and everything that is made of it has been shut down since 2027-01-14"),
        ],
    )
    def test_before_and_after_the_shutdown(self, left: timedelta, words: str) -> None:
        assert warnings(Sunset(shutdown=SHUTDOWN), "p", "m", SHUTDOWN - left) == [f"`{words}"]

    @pytest.mark.parametrize(
        ("left", "words"),
        [
            (DAY, "p takes no new jobs from 2027-01-06 on, tomorrow"),
            (0 * DAY, "p has taken no new jobs since 2027-01-06"),
        ],
    )
    def test_before_and_after_the_last_job(self, left: timedelta, words: str) -> None:
        sunset = Sunset(new_jobs_end=NO_NEW_JOBS)
        assert warnings(sunset, "p", "m", NO_NEW_JOBS - left) == [words]

    @pytest.mark.parametrize(
        "sunset", [Sunset(), Sunset(shutdown=date.max, new_jobs_end=date.max, replacement="x")]
    )
    def test_what_is_not_known_or_far_away_is_none(self, sunset: Sunset) -> None:
        assert warnings(sunset, "p", "m", TODAY) == []
        assert ended(sunset, TODAY) is None


class TestEnded:
    def test_a_job_can_be_made_until_the_day_before(self) -> None:
        found = Sunsets().of("openai", MODEL)
        assert ended(found, NO_NEW_JOBS - DAY) is None
        reason = ended(found, NO_NEW_JOBS)
        assert reason is not None
        assert reason.startswith(
            f"the provider has taken no new jobs since 2027-01-06 (source: {found.new_jobs_source}"
        )
        assert "`[sunsets]`" in reason

    def test_a_model_that_is_shut_down_takes_none_either(self) -> None:
        found = Sunsets().of("openai", "o4-mini-2025-04-16")
        assert ended(found, date(2026, 10, 22)) is None
        reason = ended(found, date(2026, 10, 23))
        assert reason is not None
        assert reason.startswith("the model has been shut down since 2026-10-23 (source: ")

    def test_the_providers_end_is_told_before_the_models(self) -> None:
        reason = ended(Sunsets().of("openai", MODEL), SHUTDOWN)
        assert reason is not None
        assert "2027-01-06" in reason


def config(path: Path, text: str) -> Path:
    file = path / "finetune.toml"
    file.write_text(text)
    return file


NEVER = f"""\
[sunsets.openai]
new_jobs_end = 9999-12-31
as_of = 2026-11-25
source = "our contract"

[sunsets.openai.models."{MODEL}"]
shutdown = 9999-12-31
as_of = 2026-11-25
source = "our contract"
"""


class TestConfigFile:
    def test_it_says_never_by_a_far_day(self, tmp_path: Path) -> None:
        found = load_file(config(tmp_path, NEVER)).sunsets.of("openai", MODEL)
        assert (found.source, found.new_jobs_source) == ("our contract", "our contract")
        assert warnings(found, "openai", MODEL, TODAY) == []
        assert ended(found, date(2030, 1, 1)) is None

    def test_a_provider_is_opened_with_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[ProviderSettings] = []

        def spy(settings: ProviderSettings) -> FakeProvider:
            seen.append(settings)
            return FakeProvider()

        monkeypatch.setattr(FakeProvider, "open", spy)
        with FineTuneClient("fake", config=config(tmp_path, NEVER)) as client:
            assert client.provider
        assert seen[0].sunsets.of("openai", MODEL).source == "our contract"

    def test_a_provider_of_ones_own(self, tmp_path: Path) -> None:
        text = '[sunsets.mine.models.m]\nshutdown = 2027-01-14\nas_of = 2026-11-25\nsource = "x"\n'
        found = load_file(config(tmp_path, text)).sunsets.of("mine", "m")
        assert found == Sunset(shutdown=SHUTDOWN, as_of=date(2026, 11, 25), source="x")

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("[sunsets]\nopenai = 3", "sunsets.openai"),
            ("[sunsets.openai]\nnew_jobs_end = 2027-01-06", "sunsets.openai"),
            ("[sunsets.openai]\nnew_jobs_end = 'never'", "sunsets.openai.new_jobs_end"),
            ("[sunsets.openai]\nnew_job_end = 2027-01-06", "sunsets.openai.new_job_end"),
            ("[sunsets.openai.models.m]\nshutdown = 2027-01-14", "sunsets.openai.models.m.source"),
            ("[sunsets.openai.models]\nm = 2027-01-14", "sunsets.openai.models.m"),
        ],
    )
    def test_a_wrong_one_is_told_with_its_place(
        self, tmp_path: Path, text: str, place: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load_file(config(tmp_path, text))
        assert f"`{place}` is wrong: " in str(caught.value)
        assert "need `as_of` and `source`" in str(caught.value)
