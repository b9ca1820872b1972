"""One AutoTrain project, as AutoTrain is told of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Self, cast

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from finetune_sdk.autotrain import reading, writing
from finetune_sdk.autotrain.params import ChatTemplate, LLMParams
from finetune_sdk.autotrain.tasks import TASKS, Task, TaskName, trainer
from finetune_sdk.errors import UnsupportedError
from finetune_sdk.types._base import Document, Value

if TYPE_CHECKING:
    from finetune_sdk.autotrain.trl import TrlRun
    from finetune_sdk.types import TrainOn

_LONGEST = 50
_REFERENCE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_HUB_ID = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
_LLM_COLUMNS = ("prompt_text_column", "text_column", "rejected_text_column")


def _project(name: str) -> str:
    if not re.fullmatch(r"-*[A-Za-z0-9][A-Za-z0-9-]*", name) or len(name) > _LONGEST:
        raise ValueError(f"it should be letters, digits and hyphens, {_LONGEST} at most")
    return name


def _reference(word: str) -> str:
    if not re.fullmatch(_REFERENCE, word):
        raise ValueError("it should name an environment variable, as `${HF_TOKEN}` does")
    return word


ProjectName = Annotated[str, AfterValidator(_project)]
"""AutoTrain's rule: letters, digits and hyphens, at most 50."""


class _Part(Value):
    # A token that somebody put in the wrong place is told by no error.
    model_config = ConfigDict(hide_input_in_errors=True)


class Data(_Part):
    """Where the rows are and what their columns are called.

    Attributes:
        path: a dataset of the Hub, or a folder with `{train_split}.jsonl` or `.csv`.
        train_split: the rows to learn from; on the Hub also `config:split`.
        valid_split: the rows to measure on. AutoTrain's trainer of language models crashes on
            it, so that it is written for other tasks and engines only.
        column_mapping: by AutoTrain's word for a column, its name in the rows.
        chat_template: how messages become text; `tokenizer` is the model's own, None takes the
            rows as finished text. Of language models only.
    """

    path: Annotated[str, Field(min_length=1)]
    train_split: Annotated[str, Field(min_length=1)] = "train"
    valid_split: Annotated[str, Field(min_length=1)] | None = None
    column_mapping: dict[str, str | list[str]]
    chat_template: ChatTemplate = None

    @property
    def on_hub(self) -> bool:
        """The path reads as the id of a dataset on the Hub, `owner/name`."""
        return re.fullmatch(_HUB_ID, self.path) is not None


class Hub(_Part):
    """Where the model goes on the Hub.

    Attributes:
        username: the owner of what is made, or `${NAME}` of an environment variable.
        token: `${NAME}` of the environment variable that holds the token; never the token.
        push_to_hub: without it what was learned stays where it was learned.
    """

    username: str | None = None
    token: Annotated[str, AfterValidator(_reference)] | None = None
    push_to_hub: bool = False


class AutoTrainSpec(Document):
    """Everything that one AutoTrain project is told.

    Attributes:
        task: by any of AutoTrain's names; the one that we write comes out.
        base_model: on the Hub, or a folder.
        project_name: of the folder and of the model's repository.
        log: what the numbers go to beside the log, such as `tensorboard`, or `none`.
        backend: where it runs: `local`, or `spaces-` and the hardware of a Space.
        params: how it learns. Of tasks other than language models they are carried as they are.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    task: Task
    base_model: Annotated[str, Field(min_length=1)]
    project_name: ProjectName
    log: Annotated[str, Field(min_length=1)] = "tensorboard"
    backend: Annotated[str, Field(min_length=1)] = "local"
    data: Data
    params: LLMParams | dict[str, JsonValue] = Field(
        default_factory=dict[str, JsonValue], validate_default=True
    )
    hub: Hub | None = None

    @field_validator("data")
    @classmethod
    def _has_its_columns(cls, data: Data, info: ValidationInfo) -> Data:
        task = cast("TaskName | None", info.data.get("task"))
        if task is None:
            return data
        missing = [name for name in TASKS[task].columns if name not in data.column_mapping]
        if missing:
            raise ValueError(
                f"`column_mapping` lacks {reading.listed(missing)}, which `{task}` needs"
            )
        if trainer(task):
            _refuse_strangers(data)
        return data

    # In place of the union, which could take the parameters of another task for these.
    @field_validator("params", mode="plain")
    @classmethod
    def _of_the_task(cls, value: object, info: ValidationInfo) -> object:
        task = cast("TaskName | None", info.data.get("task"))
        kind = LLMParams if task and trainer(task) else dict[str, JsonValue]
        return TypeAdapter[object](kind).validate_python(value or {})

    @property
    def llm(self) -> LLMParams:
        """The parameters of a language model.

        Raises:
            UnsupportedError: it is another task.
        """
        if isinstance(self.params, LLMParams):
            return self.params
        raise UnsupportedError(
            f"the task `{self.task}` trains no language model; it can be read and written, and "
            "trained with AutoTrain itself (`autotrain --config`)"
        )

    @property
    def task_id(self) -> int:
        """AutoTrain's number for the task, `TASK_ID` of a Space."""
        return TASKS[self.task].id

    def to_json(self) -> str:
        """This description as one line of JSON."""
        # With what is None, too: that is a word of its own where AutoTrain's default is another.
        return self.model_dump_json()

    @classmethod
    def from_yaml(cls, text: str, *, source: str) -> Self:
        """Reads what `autotrain --config` takes.

        Args:
            text: YAML.
            source: what it came from, for messages.

        Raises:
            ConfigurationError: it is not such a file, a word in it is wrong, or it holds a
                secret; names `source`, and the line where that is known.
        """
        table = reading.table(text, source=source)
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise reading.wrong(error, _SECTIONS, text, source) from None

    def to_yaml(self) -> str:
        """What `autotrain --config` takes, every parameter spelt out.

        `valid_split` is left out for language models: AutoTrain's trainer crashes on it.

        Raises:
            UnsupportedError: AutoTrain cannot do it: a part of an epoch.
        """
        return writing.yaml_of(self)

    def to_params(self, username: str | None = None) -> dict[str, JsonValue]:
        """The fields of AutoTrain's `LLMTrainingParams`, as a Space gets them in `PARAMS`.

        Args:
            username: the owner of the model's repository, instead of `hub.username`.

        Raises:
            UnsupportedError: it is another task than a language model, or a part of an epoch.
        """
        return writing.params_of(self, username)

    def to_rest(self, username: str, hardware: str) -> dict[str, JsonValue]:
        """The body of `POST /api/create_project`.

        `llm:generic` is never sent: the API hands its trainer the word `generic`, which that
        does not know, after the Space was started. The other `llm:` tasks work. The API fills a
        parameter that it is not sent with what an earlier project left there, so all are sent.

        Args:
            username: whose Space and model it makes.
            hardware: as the Hub names it, with or without `spaces-`.

        Raises:
            ConfigurationError: the API does not know the hardware, or the rows are not on the Hub.
            UnsupportedError: the API cannot run the task, or it is a part of an epoch.
        """
        return writing.rest_of(self, username, hardware)

    def to_trl(
        self,
        username: str | None = None,
        *,
        train_on: TrainOn | None = None,
        packing: bool = False,
        rows: int | None = None,
    ) -> TrlRun:
        """The same as a command of TRL 1.16: `trl sft`, `trl dpo` or `trl reward`.

        Args:
            username: the owner of the model's repository, instead of `hub.username`.
            train_on: None learns the assistant's turns of chat rows, and all of finished text.
                TRL finds the turns only by a chat template that marks them or that it knows
                (it patches those of some model families); with another one its command fails
                before the first step, and `"all"` is the way on.
            packing: put rows together up to the length, as AutoTrain does.
            rows: to learn from, for the steps between two numbers; TRL's own where not known.

        Raises:
            ConfigurationError: the rows have other columns than TRL reads.
            UnsupportedError: TRL has no command for it, or none of its arguments says it.
        """
        from finetune_sdk.autotrain import trl

        return trl.run_of(self, username, train_on=train_on, packing=packing, rows=rows)


def _refuse_strangers(data: Data) -> None:
    strangers = [name for name in data.column_mapping if name not in _LLM_COLUMNS]
    if strangers:
        raise ValueError(
            f"`column_mapping` has {reading.listed(strangers)}; a language model reads "
            f"{reading.listed(_LLM_COLUMNS)}"
        )
    if not all(isinstance(column, str) for column in data.column_mapping.values()):
        raise ValueError("`column_mapping` of a language model gives one name for each column")


_SECTIONS: reading.Sections = {
    (): AutoTrainSpec,
    ("data",): Data,
    ("params",): LLMParams,
    ("hub",): Hub,
}
"""Which keys are known where."""
