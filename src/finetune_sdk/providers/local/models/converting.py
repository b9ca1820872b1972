"""Making a folder of plain weights out of a GGUF file or an adapter, once.

Never imported by a user's own process: it needs torch.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from finetune_sdk.errors import ConflictError
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import take
from finetune_sdk.providers.local.leftovers import sweep
from finetune_sdk.providers.local.models import licence
from finetune_sdk.providers.local.settings import NAME

_PATIENCE = 1800.0
"""Seconds to wait for another process that makes the same folder."""

_PARTIAL = ".partial-"
"""How the names of folders begin that are still being made."""

_SMALL = 4 * 2**30
"""Weights of up to so many bytes are merged in float32, whatever their own precision."""


def once(target: Path, home: LocalHome, make: Callable[[Path], None]) -> Path:
    """`target`, filled by `make` unless it is there; whole or not there at all.

    Raises:
        ConflictError: another process has been making it for half an hour.
    """
    if target.is_dir():
        return target
    lock = home.make(home.locks) / f"{target.parent.name}-{target.name.strip('.')}.lock"
    held = take(lock, patience=_PATIENCE)
    if held is None:
        raise ConflictError(
            f"another process has been making {str(target)!r} for {_PATIENCE / 60:.0f} minutes; "
            "wait for it, or end it and try again",
            provider=NAME,
        )
    try:
        if not target.is_dir():
            _make(target, home, make)
    finally:
        os.close(held)
    return target


def _make(target: Path, home: LocalHome, make: Callable[[Path], None]) -> None:
    sweep(home.make(target.parent), _PARTIAL)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=target.parent))
    try:
        make(partial)
        publish(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def publish(partial: Path, target: Path) -> None:
    """Gives a finished folder its name; what a power cut leaves is the whole folder or none."""
    for file in partial.iterdir():
        files.sync(file)
    files.sync(partial)
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)
    files.sync(target.parent)


def write_card(gguf: Path, folder: Path) -> None:
    """Writes configuration, tokenizer, template and licence of a GGUF file, and no weights."""
    transformers = import_module("transformers")
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    transformers.AutoConfig.from_pretrained(**source).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(**source).save_pretrained(folder)
    named = import_module("gguf").GGUFReader(gguf).fields.get("general.license")
    if named is not None:
        licence.note(folder, str(named.contents()), f"`general.license` of {gguf.name}")


def convert(gguf: Path, card: Path, folder: Path) -> None:
    """Writes the weights of a GGUF file to `folder`, in float32, with all of its card."""
    torch, transformers = import_module("torch"), import_module("transformers")
    shutil.copytree(card, folder, dirs_exist_ok=True)
    # Without `dequantize` the blocks stay as they are and cannot be saved (transformers 5.23).
    model = transformers.AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.float32,
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    model.save_pretrained(folder)


def merge(adapter: Path, base: Path, folder: Path) -> None:
    """Writes the weights of `base` with the adapter added to `folder`, with its tokenizer."""
    torch, transformers = import_module("torch"), import_module("transformers")
    peft = import_module("peft")
    size = sum(file.stat().st_size for file in base.glob("*.safetensors"))
    # An update is small beside its weight: adding it in bfloat16 would round much of it away.
    dtype = torch.float32 if size <= _SMALL else "auto"
    model = transformers.AutoModelForCausalLM.from_pretrained(
        base, dtype=dtype, use_safetensors=True
    )
    merged = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
    if (adapter / "generation_config.json").is_file():
        merged.generation_config = transformers.GenerationConfig.from_pretrained(adapter)
    merged.save_pretrained(folder)
    tokenizer = adapter if (adapter / "tokenizer_config.json").is_file() else base
    transformers.AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
