"""`finetune.toml` and the environment: which file, which profile, what may stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from finetune_sdk.config import (
    ConfigFile,
    find_file,
    load_file,
    resolve,
    resolve_model,
    user_folder,
)
from finetune_sdk.errors import ConfigurationError

PROVIDERS = ("azure_openai", "fake", "local", "openai")
GOOD = """\
profile = "azure-eu"

[profiles.local]
provider = "local"

[profiles.azure-eu]
provider = "azure_openai"
endpoint = "https://my-resource.openai.azure.com"
api_key_env = "AZURE_KEY"

[profiles.azure-eu.hyperparameters]
epochs = 3

[profiles.azure-eu.options]
training_type = "GlobalStandard"

[models.small]
local = "org/small"
openai = "gpt-small"
azure-eu = "gpt-small-eu"
azure_openai = "gpt-small-azure"
"""


def written(folder: Path, text: str | bytes, name: str = "finetune.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def good(tmp_path: Path) -> ConfigFile:
    return load_file(written(tmp_path, GOOD))


class TestWhichFile:
    def test_the_argument_wins_over_the_environment_and_the_folder(self, tmp_path: Path) -> None:
        written(tmp_path, "")
        by_argument, by_environ = written(tmp_path, "", "a.toml"), written(tmp_path, "", "e.toml")
        environ = {"FINETUNE_CONFIG": str(by_environ)}
        assert find_file(by_argument, environ=environ, start=tmp_path) == by_argument
        assert find_file(None, environ=environ, start=tmp_path) == by_environ

    def test_it_is_searched_for_upward_and_the_nearest_wins(self, tmp_path: Path) -> None:
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        far = written(tmp_path, "")
        assert find_file(environ={}, start=deep) == far
        near = written(tmp_path / "a", "")
        assert find_file(environ={}, start=deep) == near

    def test_the_users_own_folder_comes_last(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        assert find_file(environ={}, start=empty) is None
        own = written(user_folder(), "")
        assert find_file(environ={}, start=empty) == own
        assert find_file(environ={"FINETUNE_CONFIG": ""}, start=empty) == own

    @pytest.mark.parametrize(
        ("config", "environ", "by"),
        [("gone.toml", {}, "`config`"), (None, {"FINETUNE_CONFIG": "gone.toml"}, "$FINETUNE_")],
    )
    def test_a_named_file_that_is_not_there_is_an_error(
        self, config: str | None, environ: Mapping[str, str], by: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=r"gone\.toml.*no file") as caught:
            find_file(config, environ=environ)
        assert by in str(caught.value)

    def test_a_working_folder_that_was_deleted_is_no_crash(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert find_file(environ={}) is None


class TestWhatMayStandInIt:
    def test_everything_that_is_documented(self, good: ConfigFile) -> None:
        assert good.profile == "azure-eu"
        assert set(good.profiles) == {"local", "azure-eu"}
        assert good.models["small"]["openai"] == "gpt-small"

    def test_an_empty_file_and_one_with_a_byte_order_mark(self, tmp_path: Path) -> None:
        assert load_file(written(tmp_path, "")).profiles == {}
        assert load_file(written(tmp_path, b'\xef\xbb\xbfprofile = "x"\r\n')).profile == "x"

    @pytest.mark.parametrize(
        ("text", "place", "words"),
        [
            ("profiel = 'x'", "`profiel`", "did you mean `profile`"),
            ("[profile.x]", "`profile`", "[profiles.NAME]"),
            ("profile = 3", "`profile`", "not a number"),
            ("profiles = 3", "`profiles`", "must be a table"),
            ("[profiles]\nx = 3", "`profiles.x`", "must be a table"),
            ("[profiles.'Ä']\nprovider = 'local'", "`profiles.Ä`", "lower-case"),
            ("[profiles.a_b]\nprovider = 'local'", "`profiles.a_b`", "lower-case"),
            ("[profiles.-a]\nprovider = 'local'", "`profiles.-a`", "lower-case"),
            ("[profiles.x]", "`profiles.x`", "has no `provider`"),
            ("[profiles.x]\nprovder = 'local'", "`profiles.x`", "is `provder` meant"),
            ("[profiles.x]\nprovider = 3", "`profiles.x.provider`", "provider's name"),
            (
                "[profiles.x]\nprovider = 'local'\nhyperparameters = 3",
                "`profiles.x.hyperparameters`",
                "must be a table, not a number",
            ),
            (
                "[profiles.x]\nprovider = 'local'\noptions = []",
                "`profiles.x.options`",
                "must be a table, not a list",
            ),
            ("[models]\nsmall = 'x'", "`models.small`", "must be a table"),
            ("[models.small]\nlocal = 3", "`models.small.local`", "name of a model"),
            ("[models.small]\nlocal = ' '", "`models.small.local`", "name of a model"),
            ("prices = 3", "`prices`", "must be a table"),
            ("sunsets = 3", "`sunsets`", "must be a table"),
            ("[sunset.openai]", "`sunset`", "did you mean `sunsets`"),
        ],
    )
    def test_a_wrong_key_is_an_error_with_its_place(
        self, tmp_path: Path, text: str, place: str, words: str
    ) -> None:
        path = written(tmp_path, text)
        with pytest.raises(ConfigurationError) as caught:
            load_file(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: {place} ")
        assert words in message

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("profile = 'x'\nprofile = 'y'", ":2:"),
            ("a = 1\n\nb = ", ":3:"),
            ("profile =", ":1:"),
            (b"\xff\xfe", "UTF-8"),
            ("a = " + "[" * 5000, "nested"),
            ("a = " + "9" * 5000, "no valid TOML"),
            ("a = 1\n" * 20000, "larger than"),
        ],
    )
    def test_what_is_no_toml_is_an_error_with_its_line(
        self, tmp_path: Path, text: str | bytes, place: str
    ) -> None:
        path = written(tmp_path, text)
        with pytest.raises(ConfigurationError) as caught:
            load_file(path)
        assert str(caught.value).startswith(str(path))
        assert place in str(caught.value)

    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_file(tmp_path)


SECRET = "abcdefghijklmnop0123456789"


class TestSecrets:
    @pytest.mark.parametrize(
        "line",
        [
            f"api_key = '{SECRET}'",
            f"apiKey = '{SECRET}'",
            f"api-key = '{SECRET}'",
            f"hf_token = '{SECRET}'",
            f"client_secret = '{SECRET}'",
            f"PASSWORD = '{SECRET}'",
            f"keys = {{access_key = '{SECRET}'}}",
            f"credentials = ['{SECRET}']",
            "password = 1234567890",
            f"extra = 'sk-{SECRET}'",
            f"headers = {{x = 'Bearer {SECRET}'}}",
            f"list = [{{a = 'hf_{SECRET}'}}]",
            f"endpoint = 'https://me:{SECRET}@example.com'",
            f"api_key_env = 'sk-{SECRET}'",
            f"api_key_env = '{SECRET}!'",
        ],
    )
    @pytest.mark.parametrize("table", ["profiles.x", "profiles.x.options", "models.small", "rest"])
    def test_a_literal_one_is_refused_anywhere_and_never_shown(
        self, tmp_path: Path, line: str, table: str
    ) -> None:
        path = written(tmp_path, f"[{table}]\n{line}\n")
        with pytest.raises(ConfigurationError) as caught:
            load_file(path)
        message = str(caught.value)
        assert "environment variable" in message
        assert SECRET not in message
        assert "1234567890" not in message
        assert caught.value.__cause__ is None

    def test_the_error_tells_what_to_write_instead(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"[profiles.x]\nprovider = 'openai'\napi_key = '{SECRET}'")
        with pytest.raises(ConfigurationError, match='`api_key_env = "NAME"`'):
            load_file(path)

    @pytest.mark.parametrize(
        "line",
        [
            "api_key_env = 'OPENAI_API_KEY'",
            "options = {trl = {eos_token = '<|im_end|>', pad_token = '<pad>'}}",
            "max_tokens = 4",
            "token = true",
            "monkey = 'x'",
        ],
    )
    def test_what_is_none_passes(self, tmp_path: Path, line: str) -> None:
        load_file(written(tmp_path, f"[profiles.x]\nprovider = 'local'\n{line}\n"))

    def test_a_broken_file_shows_none_either(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"'sk-{SECRET}' = ")
        with pytest.raises(ConfigurationError) as caught:
            load_file(path)
        assert SECRET not in str(caught.value)


class TestWhichProfile:
    def test_the_caller_wins_over_the_environment_over_the_file(self, good: ConfigFile) -> None:
        environ = {"FINETUNE_PROFILE": "openai"}
        by_caller = resolve("local", file=good, environ=environ, providers=PROVIDERS)
        by_environ = resolve(None, file=good, environ=environ, providers=PROVIDERS)
        by_file = resolve(None, file=good, environ={}, providers=PROVIDERS)
        assert [found.name for found in (by_caller, by_environ, by_file)] == [
            "local",
            "openai",
            "azure-eu",
        ]

    def test_a_profile_has_its_settings_apart(self, good: ConfigFile) -> None:
        found = resolve("azure-eu", file=good, environ={}, providers=PROVIDERS)
        assert (found.profile, found.provider) == ("azure-eu", "azure_openai")
        assert found.values == {
            "endpoint": "https://my-resource.openai.azure.com",
            "api_key_env": "AZURE_KEY",
        }
        assert found.hyperparameters == {"epochs": 3}
        assert found.options == {"training_type": "GlobalStandard"}
        assert found.source == good.path

    def test_a_providers_name_is_enough_and_brings_no_settings(self, good: ConfigFile) -> None:
        for file in (good, None):
            found = resolve("fake", file=file, environ={}, providers=PROVIDERS)
            assert (found.name, found.profile, found.provider) == ("fake", None, "fake")
            assert found.values == {}

    @pytest.mark.parametrize("name", ["azure-eu", "openai"])
    def test_prices_and_sunsets_are_those_of_the_file(self, tmp_path: Path, name: str) -> None:
        said = "as_of = 2026-11-01\nsource = 'ours'\n"
        text = f"{GOOD}\n[prices.openai.m]\ntraining = 4\n{said}"
        text += f"[sunsets.openai]\nnew_jobs_end = 2028-01-01\n{said}"
        file = load_file(written(tmp_path, text))
        found = resolve(name, file=file, environ={}, providers=PROVIDERS)
        assert set(found.prices.own) == set(found.sunsets.own) == {"openai"}

    def test_a_profile_hides_the_provider_of_its_name(self, good: ConfigFile) -> None:
        assert resolve("local", file=good, environ={}, providers=PROVIDERS).profile == "local"

    def test_nothing_but_its_arguments_counts(
        self, good: ConfigFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FINETUNE_PROFILE", "fake")
        assert resolve(None, file=good, environ={}, providers=PROVIDERS).name == "azure-eu"

    @pytest.mark.parametrize("file", [None, ConfigFile(path=Path("f.toml"))])
    @pytest.mark.parametrize("environ", [{}, {"FINETUNE_PROFILE": ""}])
    def test_none_at_all_is_an_error_that_names_the_ways_on(
        self, file: ConfigFile | None, environ: Mapping[str, str]
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            resolve(None, file=file, environ=environ, providers=PROVIDERS)
        for way in ('FineTuneClient("local")', "$FINETUNE_PROFILE", "--profile"):
            assert way in str(caught.value)
        assert ("f.toml" if file else "finetune init") in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "environ", "giver"),
        [
            ("azur-eu", {}, "the caller"),
            (None, {"FINETUNE_PROFILE": "azur-eu"}, "$FINETUNE_PROFILE"),
        ],
    )
    def test_an_unknown_one_lists_what_is_there(
        self, good: ConfigFile, name: str | None, environ: Mapping[str, str], giver: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            resolve(name, file=good, environ=environ, providers=PROVIDERS)
        message = str(caught.value)
        assert giver in message
        assert "did you mean `azure-eu`" in message
        assert "profiles of " in message
        assert "`azure_openai`, `fake`, `local`, `openai`" in message

    def test_a_profile_of_a_provider_that_is_not_installed(self, tmp_path: Path) -> None:
        file = load_file(written(tmp_path, "[profiles.x]\nprovider = 'opnai'"))
        with pytest.raises(ConfigurationError, match=r"`profiles\.x\.provider`.*`openai`"):
            resolve("x", file=file, environ={}, providers=PROVIDERS)


class TestModelNames:
    @pytest.mark.parametrize(
        ("profile", "model"),
        [("azure-eu", "gpt-small-eu"), ("azure_openai", "gpt-small-azure"), ("local", "org/small")],
    )
    def test_the_profile_comes_before_the_provider(
        self, good: ConfigFile, profile: str, model: str
    ) -> None:
        found = resolve(profile, file=good, environ={}, providers=PROVIDERS)
        assert resolve_model("small", found) == model

    def test_a_profile_falls_back_on_its_provider(self, tmp_path: Path) -> None:
        text = "[profiles.x]\nprovider = 'openai'\n[models.small]\nopenai = 'gpt'\nlocal = 'l'"
        file = load_file(written(tmp_path, text))
        found = resolve("x", file=file, environ={}, providers=PROVIDERS)
        assert resolve_model("small", found) == "gpt"

    def test_a_name_that_is_not_there_passes(self, good: ConfigFile) -> None:
        found = resolve("local", file=good, environ={}, providers=PROVIDERS)
        assert resolve_model("org/other", found) == "org/other"

    def test_a_name_without_an_entry_for_this_place_is_an_error(self, good: ConfigFile) -> None:
        found = resolve("fake", file=good, environ={}, providers=PROVIDERS)
        with pytest.raises(ConfigurationError) as caught:
            resolve_model("small", found)
        message = str(caught.value)
        assert "`models.small` has no entry for `fake`" in message
        assert "`azure-eu`, `azure_openai`, `local`, `openai`" in message
