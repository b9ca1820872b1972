"""An AutoTrain configuration file as tables, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from finetune_sdk import yaml_text
from finetune_sdk.autotrain.tasks import ALIASES, TASKS, canonical, of_trainer
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

Sections = Mapping[tuple[str, ...], type["BaseModel"]]
"""The model of each table, by the keys that lead to it."""

_REQUIRED = (
    ("task",),
    ("base_model",),
    ("project_name",),
    ("log",),
    ("backend",),
    ("data",),
    ("data", "path"),
    ("data", "train_split"),
    ("data", "valid_split"),
    ("data", "column_mapping"),
)
_OF_LLM = ("data", "chat_template")
_OF_HUB = (("hub", "username"), ("hub", "token"), ("hub", "push_to_hub"))


def table(text: str, *, source: str) -> dict[str, object]:
    """The file's words, `task` by the name that says the trainer too.

    Raises:
        ConfigurationError: it is no AutoTrain configuration, or holds a secret.
    """
    _refuse_secrets(text, source)
    read = yaml_text.read(text, source=source)
    if not isinstance(read, dict):
        raise ConfigurationError(f"{source}: is no AutoTrain configuration; write `task: ...`")
    words = cast("dict[str, object]", read)
    _refuse_token(words, text, source)
    words = _settled(words, text, source)
    _refuse_gaps(words, source)
    return words


def wrong(error: ValidationError, sections: Sections, text: str, source: str) -> ConfigurationError:
    """One error that says each fault, with its line."""
    lines = [
        f"{source}{place(text, _keys(fault))}: {_sentence(fault, sections)}"
        for fault in error.errors(include_url=False)
    ]
    return ConfigurationError("\n".join(dict.fromkeys(lines)))


def faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    """What is wrong, by the name of what it is wrong with."""
    for fault in error.errors(include_url=False):
        yield ".".join(_keys(fault)), _plain(fault)


def place(text: str, keys: Sequence[str]) -> str:
    """`:3`, or nothing where the line is not known."""
    line = yaml_text.line_of(text, keys)
    return f":{line}" if line else ""


def listed(names: Iterable[str]) -> str:
    """Names of keys, for a message."""
    return ", ".join(f"`{name}`" for name in names)


def _refuse_secrets(text: str, source: str) -> None:
    # Before the parser: its errors quote the text.
    for number, line in enumerate(text.splitlines(), start=1):
        if redact(line) != line:
            raise ConfigurationError(
                f"{source}:{number}: holds what looks like a token or a password; a file is no "
                "place for one: write `token: ${HF_TOKEN}` and set that environment variable"
            )


def _refuse_token(words: Mapping[str, object], text: str, source: str) -> None:
    hub = words.get("hub")
    token = cast("dict[str, object]", hub).get("token") if isinstance(hub, dict) else None
    if token is None or str(token).startswith("${"):
        return
    raise ConfigurationError(
        f"{source}{place(text, ('hub', 'token'))}: `hub.token` holds the token itself; write "
        "`token: ${HF_TOKEN}` and set that environment variable"
    )


def _settled(words: dict[str, object], text: str, source: str) -> dict[str, object]:
    """AutoTrain lets `params.trainer` say what the task did not, and win where it did."""
    params = words.get("params")
    if not isinstance(params, dict) or "trainer" not in params:
        return words
    rest = dict(cast("dict[str, object]", params))
    word = rest.pop("trainer")
    task, given = of_trainer(word), canonical(words.get("task"))
    if task is None or given not in (task, "llm-generic"):
        raise ConfigurationError(
            f"{source}{place(text, ('params', 'trainer'))}: `params.trainer` is {word!r}, which "
            f"does not go with the task `{words.get('task')}`; leave it out and name the task, "
            "such as `llm-sft`"
        )
    return {**words, "task": task, "params": rest}


def _refuse_gaps(words: Mapping[str, object], source: str) -> None:
    needed = list(_REQUIRED)
    if str(canonical(words.get("task"))).startswith("llm-"):
        needed.append(_OF_LLM)
    if isinstance(words.get("hub"), dict):
        needed += _OF_HUB
    missing = [".".join(keys) for keys in needed if not _there(words, keys)]
    if missing:
        raise ConfigurationError(
            f"{source}: missing: {listed(missing)}; AutoTrain asks for each, `null` where there "
            "is nothing to say"
        )


def _there(words: Mapping[str, object], keys: Sequence[str]) -> bool:
    at = words
    for key in keys[:-1]:
        inner = at.get(key)
        if not isinstance(inner, dict):
            # What should be a table and is none is told by the model, or missing itself.
            return True
        at = cast("dict[str, object]", inner)
    return keys[-1] in at


def _keys(fault: ErrorDetails) -> tuple[str, ...]:
    """The words that somebody wrote, without the names of a union's branches."""
    written = [str(part) for part in fault["loc"] if str(part) not in ("str", "list[str]")]
    return tuple(part for part in written if not part.startswith(("dict[", "LLMParams")))


def _sentence(fault: ErrorDetails, sections: Sections) -> str:
    keys = _keys(fault)
    name = ".".join(keys)
    if name == "task":
        known: list[str] = [*ALIASES, *TASKS]
        return f"`task` is {redact(repr(fault['input']))}{_near(fault['input'], known, TASKS)}"
    if fault["type"] != "extra_forbidden":
        return f"`{name}` {_plain(fault)}"
    fields = sections[keys[:-1]].model_fields if keys[:-1] in sections else ()
    known = [field for field in fields if field != "schema_version"]
    return f"`{name}` is no known key{_near(keys[-1], known, known)}"


def _near(word: object, known: Sequence[str], shown: Iterable[str]) -> str:
    """What was meant, or all that can be said."""
    return did_you_mean(str(word), known) or f"; known: {listed(shown)}"


def _plain(fault: ErrorDetails) -> str:
    words = str(fault["msg"]).removeprefix("Value error, ").replace("Input ", "it ", 1)
    if isinstance(fault["input"], (dict, list)) or fault["loc"][-1:] == ("token",):
        return f"is wrong: {words}"
    return f"is {redact(repr(fault['input']))}: {words}"
