"""What a job or a deployment of AutoTrain alone can say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from finetune_sdk.providers.autotrain.settings import HARDWARE, SECONDS, Engine
from finetune_sdk.types.options import ProviderOptions

_COUNT = Annotated[int, Field(ge=1)]

IDLE_MINUTES = 15
"""Without a request until a deployment scales to zero, where nobody has said another time."""


class AutoTrainOptions(ProviderOptions):
    """What AutoTrain alone knows of a job. A field left at None is AutoTrain's own default.

    The first six say where and by what it is trained, the others are parameters of AutoTrain's
    LLM trainer by their own names (`LLMTrainingParams` of 0.8.36); the engine `trl` gets what they
    mean there.

    Attributes:
        engine: `autotrain`, `trl`, or `auto`: AutoTrain where it knows the architecture and can
            do what was asked, else TRL. That of the profile by default.
        hardware: as the Hub names it, such as `a10g-small`. By default the one on which the job
            is estimated to cost least.
        timeout: seconds after which the job is ended, whatever it has learned, and billing with
            it. By default from the estimate.
        project_name: letters, digits and hyphens, at most 50; names the model's repository. By
            default made of `suffix` and the key.
        image: the container. It gets the token, so that no config file may name it.
        columns: by AutoTrain's word for a column (`text_column`, `prompt_text_column`,
            `rejected_text_column`), its name in the rows of a `HubDataset`.
        gradient_accumulation: batches of each device that make an optimizer step.
        warmup_ratio: share of the steps until the learning rate is at its peak.
        scheduler: of the learning rate.
        optimizer: its name in transformers.
        weight_decay: of the optimizer.
        max_grad_norm: longer gradients are scaled down to this norm.
        quantization: of the base model's weights, for LoRA; `none` by default.
        mixed_precision: by default what the hardware has.
        chat_template: how messages become text; `tokenizer` is the model's own, and the default
            for chat rows.
        block_size: tokens of a sequence; the same as `max_length`, which wins.
        merge_adapter: what comes out are whole weights and no adapter.
    """

    provider: ClassVar[str] = "autotrain"
    programs: ClassVar[frozenset[str]] = frozenset({"image"})

    engine: Engine | None = None
    hardware: HARDWARE | None = None
    timeout: SECONDS | None = None
    project_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,50}$")] | None = None
    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9_./:@-]{0,255}$")] | None = None
    columns: dict[str, str] | None = None

    gradient_accumulation: _COUNT | None = None
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    scheduler: str | None = None
    optimizer: str | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    max_grad_norm: Annotated[float, Field(gt=0)] | None = None
    quantization: Literal["int4", "int8", "none"] | None = None
    mixed_precision: Literal["fp16", "bf16", "none"] | None = None
    chat_template: Literal["none", "zephyr", "chatml", "tokenizer"] | None = None
    block_size: _COUNT | None = None
    model_max_length: _COUNT | None = None
    padding: Literal["left", "right"] | None = None
    add_eos_token: bool | None = None
    use_flash_attention_2: bool | None = None
    disable_gradient_checkpointing: bool | None = None
    logging_steps: Annotated[int, Field(ge=-1)] | None = None
    eval_strategy: Literal["no", "steps", "epoch"] | None = None
    save_total_limit: _COUNT | None = None
    auto_find_batch_size: bool | None = None
    merge_adapter: bool | None = None
    unsloth: bool | None = None
    distributed_backend: Literal["ddp", "deepspeed"] | None = None
    model_ref: str | None = None
    max_prompt_length: _COUNT | None = None
    max_completion_length: _COUNT | None = None


class AutoTrainDeploymentOptions(ProviderOptions):
    """What Inference Endpoints alone know of a deployment.

    Attributes:
        vendor: of the cloud.
        region: in its own name.
        instance_type: as Inference Endpoints list it.
        instance_size: likewise.
        min_replica: machines at least; with 0, one that nobody asks costs nothing after a while.
        max_replica: machines at most.
        scale_to_zero_timeout: minutes without a request until the last machine goes; 15 by
            default. Needs `min_replica=0`.
        access: who may ask it: `authenticated` is every token that may read the namespace.
        image: the container that serves, with vLLM in it; vLLM's own by default.
        args: more arguments of vLLM's, such as `--max-model-len` and its value.
        task: as the Hub names it.
    """

    provider: ClassVar[str] = "autotrain"

    vendor: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "aws"
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] = "us-east-1"
    instance_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "nvidia-l4"
    instance_size: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "x1"
    min_replica: Annotated[int, Field(ge=0)] = 0
    max_replica: Annotated[int, Field(ge=1)] = 1
    scale_to_zero_timeout: Annotated[int, Field(ge=1)] | None = None
    access: Literal["authenticated", "private", "public"] = "authenticated"
    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9_./:@-]{0,255}$")] | None = None
    args: tuple[str, ...] = ()
    task: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] = "text-generation"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.min_replica > self.max_replica:
            raise ValueError("`min_replica` is above `max_replica`; write as much or less")
        if self.min_replica and self.scale_to_zero_timeout is not None:
            raise ValueError("`scale_to_zero_timeout` needs `min_replica=0`; leave one of them out")
        return self

    @property
    def idle_minutes(self) -> int | None:
        """Minutes without a request until the last machine goes; None where it stays."""
        return None if self.min_replica else self.scale_to_zero_timeout or IDLE_MINUTES
