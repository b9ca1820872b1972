"""`finetune.toml`: where it lies, what may stand in it, and that no secret does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import platformdirs
from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.prices import Prices
from finetune_sdk.prices import read as read_prices
from finetune_sdk.sunsets import Sunsets
from finetune_sdk.sunsets import read as read_sunsets
from finetune_sdk.transport import redact

FILE_NAME = "finetune.toml"
_LARGEST = 2**16


_TOP_KEYS = ("profile", "profiles", "models", "prices", "sunsets")
# A profile's name stands in front of the `:` of a handle.
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words, and too short to be a secret: the provider knows which of them are kinds.
_KIND = re.compile(r"[a-z]{2,12}(?:_[a-z]{2,12})?")
_SECRET_WORDS = (
    "apikey", "accesskey", "accountkey", "privatekey", "secretkey", "subscriptionkey",
    "token", "secret", "password", "passwd", "passphrase", "credential", "credentials",
    "authorization", "bearer",
)  # fmt: skip
# Fields of tokenizers: these tokens are words, not keys.
_PLAIN_TOKENS = tuple(
    f"{kind}token"
    for kind in ("bos", "eos", "pad", "unk", "sep", "cls", "mask", "image", "audio", "stop", "end")
)

_PRICE = (
    "a price needs `as_of`, `source` and US dollars for a million tokens: `training`, or `input` "
    "with `output`, or `tuned_input` with `tuned_output`"
)
_SUNSET = (
    "`shutdown` of a model and `new_jobs_end` of a provider are days, as 2027-01-14, and need "
    "`as_of` and `source`; a far day, as 9999-12-31, says never"
)


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """What a `finetune.toml` says.

    Attributes:
        path: the file.
        profile: name of the default profile.
        profiles: their tables by name, `provider` included.
        models: by the name that client code uses: a place's name to that place's own model.
        prices: the user's own, by provider and model.
        sunsets: the user's own, by provider and model.
    """

    path: Path | None = None
    profile: str | None = None
    profiles: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    prices: Prices = field(default_factory=Prices)
    sunsets: Sunsets = field(default_factory=Sunsets)


def user_folder() -> Path:
    """The user's own config folder, which may not exist."""
    return platformdirs.user_config_path("finetune")


def find_file(
    config: str | Path | None = None, *, environ: Mapping[str, str], start: Path | None = None
) -> Path | None:
    """The config file that rules; None where there is none. It is not read for this.

    Args:
        config: a file that the caller names.
        environ: `FINETUNE_CONFIG` names one too; without either it is searched for.
        start: the folder where the search upward begins; the working folder by default.

    Raises:
        ConfigurationError: a file was named and is not there.
    """
    named, by = config, "`config`"
    if named is None and (value := environ.get("FINETUNE_CONFIG")):
        named, by = value, "$FINETUNE_CONFIG"
    if named is None:
        places = [folder / FILE_NAME for folder in (*_upward(start), user_folder())]
        return next((place for place in places if _is_file(place)), None)
    path = Path(named).expanduser().absolute()
    if not _is_file(path):
        raise ConfigurationError(
            f"{by} names {str(path)!r}, which is no file; `finetune init` writes one"
        )
    return path


def is_chosen(path: Path, config: str | Path | None = None, *, environ: Mapping[str, str]) -> bool:
    """Whether a config file is the user's own, or one that somebody has named.

    Any other was found upward from the working folder, and came with a project, which may be
    somebody else's.

    Args:
        path: what `find_file` has found, given the other two.
    """
    named = config is not None or bool(environ.get("FINETUNE_CONFIG"))
    return named or path == user_folder() / FILE_NAME


def _upward(start: Path | None) -> list[Path]:
    try:
        folder = (start or Path.cwd()).absolute()
    except FileNotFoundError:  # The working folder itself was deleted.
        return []
    return [folder, *folder.parents]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def load_file(path: str | Path) -> ConfigFile:
    """Reads and checks a config file.

    Raises:
        ConfigurationError: it cannot be read, is no TOML, has a wrong key, or holds a secret.
    """
    path = Path(path)
    table = _read(path)
    _Check(path).everything(table)
    return ConfigFile(
        path=path,
        profile=cast("str | None", table.get("profile")),
        profiles=cast("dict[str, dict[str, object]]", table.get("profiles", {})),
        models=cast("dict[str, dict[str, str]]", table.get("models", {})),
        prices=Prices(read_prices(table.get("prices", {}))),
        sunsets=Sunsets(read_sunsets(table.get("sunsets", {}))),
    )


def _read(path: Path) -> dict[str, object]:
    # `from None` throughout: the causes hold the file's text, and with it what may be a secret.
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{path}: is larger than {_LARGEST} bytes, so no config")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(_syntax(path, text, str(error))) from None
    except ValueError as error:
        raise ConfigurationError(redact(f"{path}: no valid TOML: {error}")) from None
    except RecursionError:
        raise ConfigurationError(f"{path}: is nested too deeply") from None


def _syntax(path: Path, text: str, message: str) -> str:
    what, _, place = message.partition(" (at ")
    found = re.match(r"line (\d+)", place)
    # The other place that the parser knows is the end.
    line = int(found[1]) if found else max(len(text.splitlines()), 1)
    return redact(f"{path}:{line}: no valid TOML: {what}; mend this line")


@dataclass(frozen=True)
class _Check:
    """Holds a file's tables against what is allowed; every fault names its place."""

    path: Path

    def everything(self, table: Mapping[str, object]) -> None:
        self._secrets(table)
        for key in table:
            if key not in _TOP_KEYS:
                raise self._unknown(key, key, _TOP_KEYS)
        self._default(table.get("profile"))
        for name, profile in self._table(table, "profiles").items():
            self._profile(name, profile)
        for name, places in self._table(table, "models").items():
            self._model(name, places)
        self._dated(table, "prices", read_prices, _PRICE)
        self._dated(table, "sunsets", read_sunsets, _SUNSET)

    def _default(self, value: object) -> None:
        if isinstance(value, dict):
            raise self._wrong("profile", "must be a name; tables of profiles are `[profiles.NAME]`")
        if value is not None and not isinstance(value, str):
            raise self._wrong("profile", f"must be a profile's name, not {_kind(value)}")

    def _profile(self, name: str, profile: object) -> None:
        place = f"profiles.{name}"
        if not _PROFILE_NAME.fullmatch(name):
            raise self._wrong(
                place, "is no name of a profile: lower-case letters, digits and `-`, at most 64"
            )
        if not isinstance(profile, dict):
            raise self._wrong(place, f"must be a table with a `provider`, not {_kind(profile)}")
        table = cast("dict[str, object]", profile)
        if "provider" not in table:
            near = next((key for key in table if did_you_mean(key, ["provider"])), None)
            hint = f" (is `{near}` meant to be it?)" if near else ""
            raise self._wrong(place, f'has no `provider`{hint}; write `provider = "local"`')
        if not isinstance(table["provider"], str):
            raise self._wrong(f"{place}.provider", "must be a provider's name")
        self._table(table, "hyperparameters", place)
        self._table(table, "options", place)

    def _model(self, name: str, places: object) -> None:
        place = f"models.{name}"
        if not isinstance(places, dict):
            raise self._wrong(
                place, f'must be a table such as {{ local = "model" }}, not {_kind(places)}'
            )
        for where, model in cast("dict[str, object]", places).items():
            if not isinstance(model, str) or not model.strip():
                raise self._wrong(f"{place}.{where}", "must be that place's name of a model")

    def _dated(
        self, table: Mapping[str, object], key: str, read: Callable[[object], object], needs: str
    ) -> None:
        try:
            read(self._table(table, key))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join((key, *map(str, first["loc"])))
            raise self._wrong(place, f"is wrong: {first['msg']}; {needs}") from None

    def _table(self, table: Mapping[str, object], key: str, within: str = "") -> dict[str, object]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            place = f"{within}.{key}" if within else key
            raise self._wrong(place, f"must be a table, not {_kind(value)}")
        return cast("dict[str, object]", value)

    def _secrets(self, table: Mapping[str, object]) -> None:
        for place, key, value in _leaves(table):
            if _is_secret_name(key) and not (isinstance(value, bool) or _is_kind(key, value)):
                raise self._wrong(place, _no_secret(f"{key}_env"))
            if not isinstance(value, str):
                continue
            if redact(value) != value:
                raise self._wrong(place, _no_secret(key if _names_a_variable(key) else None))
            if _names_a_variable(key) and not _ENVIRONMENT_NAME.fullmatch(value):
                raise self._wrong(place, "must be the name of an environment variable, no more")

    def _unknown(self, key: str, place: str, allowed: Iterable[str]) -> ConfigurationError:
        words = ", ".join(f"`{name}`" for name in allowed)
        return self._wrong(place, f"is no known key{did_you_mean(key, allowed)}; allowed: {words}")

    def _wrong(self, place: str, words: str) -> ConfigurationError:
        return ConfigurationError(redact(f"{self.path}: `{place}` {words}"))


def _leaves(value: object, place: str = "", key: str = "") -> Iterator[tuple[str, str, object]]:
    if isinstance(value, dict):
        for name, inner in cast("dict[str, object]", value).items():
            yield from _leaves(inner, f"{place}.{name}" if place else name, name)
    elif isinstance(value, list):
        for number, inner in enumerate(cast("list[object]", value)):
            yield from _leaves(inner, f"{place}[{number}]", key)
    else:
        yield place, key, value


def _is_secret_name(key: str) -> bool:
    bare = re.sub(r"[^a-z0-9]", "", key.lower())
    return bare.endswith(_SECRET_WORDS) and not bare.endswith(_PLAIN_TOKENS)


def _is_kind(key: str, value: object) -> bool:
    """It says of what kind a credential is, as in `credential = "managed_identity"`."""
    return key == "credential" and isinstance(value, str) and _KIND.fullmatch(value) is not None


def _names_a_variable(key: str) -> bool:
    return key.lower().replace("-", "_").endswith("_env")


def _no_secret(variable: str | None) -> str:
    return (
        "looks like a secret, and a config file holds none; put it into an environment variable "
        f'and name that: `{variable or "api_key_env"} = "NAME"`'
    )


_KINDS: tuple[tuple[type, str], ...] = (
    (str, "a string"),
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "a table"),
)


def _kind(value: object) -> str:
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "a date or time")
