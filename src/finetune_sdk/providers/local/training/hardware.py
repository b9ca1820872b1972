"""What this machine is, and the settings of speed and memory that follow from it.

None of these choices changes what is learned, but for rounding; with one exception. DPO, ORPO,
KTO and reward models take the mean over the rows that are computed at once, and then the mean of
these means: where the parts of a batch are unlike in size (or, for ORPO and KTO, in tokens), the
size of the micro batch also decides how much each row weighs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from heapq import nlargest
from importlib import import_module
from pathlib import Path
from typing import Literal

from finetune_sdk.providers.local.options import LocalOptions, Parallel, Precision
from finetune_sdk.providers.local.training.failures import TrainingFailure

Device = Literal["cuda", "mps", "cpu"]

_TOKENS_AT_ONCE = 4096
"""Tokens of a micro batch at most: what is kept for the way back grows with them."""

_WEIGHS = "for this method the rows that are computed at once also decide how they are weighed"

# Intel and AMD (avx512_bf16), Intel's matrix units (amx_bf16), Arm (bf16).
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


@dataclass(frozen=True)
class Machine:
    """What is there to compute with.

    Attributes:
        bfloat16: the device multiplies in bfloat16 by itself.
        cores: CPU cores that this process may use.
        asked_threads: threads that the environment asks for (`OMP_NUM_THREADS`).
    """

    device: Device
    bfloat16: bool
    cores: int
    asked_threads: int | None = None


@dataclass(frozen=True)
class Choices:
    """The settings, and why: `reasons` has a line of words for each, by its name."""

    device: Device
    precision: Precision
    gradient_checkpointing: bool
    micro_batch_size: int
    threads: int
    processes: int = 1
    parallel: Parallel | None = None
    shared_prefix: bool = False
    labelled_only: bool = False
    reasons: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def at_once(self) -> int:
        """Rows that all processes compute at once."""
        return self.micro_batch_size * self.processes


def look(environ: Mapping[str, str]) -> Machine:
    """This machine."""
    torch = import_module("torch")
    asked = environ.get("OMP_NUM_THREADS", "")
    threads = int(asked) if asked.isdecimal() and int(asked) else None
    if torch.cuda.is_available():
        return Machine("cuda", torch.cuda.is_bf16_supported(), cores(), threads)
    if torch.backends.mps.is_available():
        return Machine("mps", bfloat16=False, cores=cores(), asked_threads=threads)
    native = bool(cpu_flags(Path("/proc/cpuinfo")) & _BF16_FLAGS) and _may_use_bf16(environ)
    return Machine("cpu", native, cores(), threads)


def _may_use_bf16(environ: Mapping[str, str]) -> bool:
    """oneDNN, which computes for torch, can be told to do without a CPU's newer instructions.

    See https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html.
    """
    most = environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper()
    return any(name in most for name in ("BF16", "FP16", "AMX", "DEFAULT"))


@cache
def cores() -> int:
    """CPU cores that this process may use.

    Asked for before torch is loaded: OpenMP may bind the main thread to one core then.
    """
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        return os.cpu_count() or 1


def cpu_flags(cpuinfo: Path) -> frozenset[str]:
    """What the CPU says it can do; nothing where the system does not tell."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    told = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return frozenset(next(told, "").split())


def choose(
    machine: Machine,
    options: LocalOptions,
    *,
    batch_size: int,
    rows: int,
    longest: int,
    processes: int = 1,
    cells: Sequence[int] | None = None,
    least: int = 1,
    weighs: bool = False,
) -> Choices:
    """The settings for a machine and a job.

    Args:
        rows: of the training data.
        longest: tokens of the longest row.
        processes: that share each batch.
        cells: tokens that each row adds, where none is padding; None where rows are padded.
        least: rows that must be computed at once, since the method holds them against each other.
        weighs: the method takes the mean over the rows that are computed at once.

    Raises:
        TrainingFailure: an option does not fit.
    """
    precision, why_precision = _precision(machine, options)
    checkpointing, why_checkpointing = _checkpointing(machine, options)
    size_of = partial(tokens_at_once, rows=rows, longest=longest, cells=cells)
    part = share(batch_size, processes)
    micro, why_micro = _micro_batch(options, part, size_of, longest, least)
    if processes > 1:
        why_micro += f"; each of {processes} processes has {part} rows of a batch"
    if weighs:
        why_micro += "; " + _WEIGHS
    threads, why_threads = _threads(machine, options, processes)
    return Choices(
        device=machine.device,
        precision=precision,
        gradient_checkpointing=checkpointing,
        micro_batch_size=micro,
        threads=threads,
        processes=processes,
        reasons={
            "device": machine.device,
            "precision": f"{precision}, {why_precision}",
            "gradient_checkpointing": f"{'on' if checkpointing else 'off'}, {why_checkpointing}",
            "micro_batch_size": f"{micro}, {why_micro}",
            "threads": f"{threads}, {why_threads}",
        },
    )


def _precision(machine: Machine, options: LocalOptions) -> tuple[Precision, str]:
    if options.precision == "float16" and machine.device == "cpu":
        raise TrainingFailure(
            "invalid_option",
            "`LocalOptions.precision` is 'float16', which a CPU cannot train in; use 'float32', or "
            "'bfloat16' where the CPU has it",
        )
    if options.precision:
        return options.precision, "as `LocalOptions.precision` says"
    name = {"cuda": "GPU", "mps": "GPU", "cpu": "CPU"}[machine.device]
    if machine.bfloat16:
        return "bfloat16", f"because this {name} has bfloat16 units; trained weights stay float32"
    return "float32", f"because this {name} has no native bfloat16"


def _checkpointing(machine: Machine, options: LocalOptions) -> tuple[bool, str]:
    if options.gradient_checkpointing is not None:
        return options.gradient_checkpointing, "as `LocalOptions.gradient_checkpointing` says"
    if machine.device == "cuda":
        return True, "because memory is what a GPU lacks first"
    return False, "because computing twice costs more here than the memory that it saves"


def tokens_at_once(
    micro: int, *, rows: int, longest: int, cells: Sequence[int] | None = None
) -> int:
    """Tokens that are computed at once, at most.

    Args:
        micro: rows that are computed at once.
        rows: that there are.
        longest: tokens of the longest row.
        cells: tokens that each row adds, where none is padding; None where rows are padded.
    """
    if cells is None:
        return min(micro, rows) * longest
    return sum(nlargest(micro, cells))


def share(batch_size: int, processes: int) -> int:
    """Rows of a batch that each process computes.

    Raises:
        TrainingFailure: they cannot all have as many.
    """
    if batch_size % processes:
        low = batch_size // processes * processes
        near = " or ".join(str(size) for size in (low, low + processes) if size)
        raise TrainingFailure(
            "invalid_hyperparameter",
            f"`batch_size` is {batch_size}, which {processes} processes cannot share in equal "
            f"parts; give {near}, or another number of `processes`",
        )
    return batch_size // processes


def _micro_batch(
    options: LocalOptions,
    batch_size: int,
    size_of: Callable[[int], int],
    longest: int,
    least: int,
) -> tuple[int, str]:
    if options.micro_batch_size:
        if batch_size % options.micro_batch_size:
            raise TrainingFailure(
                "invalid_option",
                f"`LocalOptions.micro_batch_size` is {options.micro_batch_size}, which does not "
                f"divide {batch_size}, the rows of a batch that a process has; choose one that "
                "does",
            )
        if options.micro_batch_size < least <= batch_size:
            raise TrainingFailure(
                "invalid_option",
                f"`LocalOptions.micro_batch_size` is {options.micro_batch_size}, and the method "
                "holds the rows that are computed at once against each other; give "
                f"{_at_least(least, batch_size)}, or leave it out",
            )
        return options.micro_batch_size, "as `LocalOptions.micro_batch_size` says"
    sizes = [size for size in range(batch_size, 0, -1) if not batch_size % size and size >= least]
    fitting = (size for size in sizes if size_of(size) <= _TOKENS_AT_ONCE)
    micro = next(fitting, sizes[-1] if sizes else batch_size)
    if micro == batch_size:
        return micro, "because a whole batch fits into memory at once"
    return micro, f"because the longest row has {longest} tokens; the rest is accumulated"


def _at_least(least: int, batch_size: int) -> int:
    return next(size for size in range(least, batch_size + 1) if not batch_size % size)


def _threads(machine: Machine, options: LocalOptions, processes: int) -> tuple[int, str]:
    if options.threads:
        return options.threads, "as `LocalOptions.threads` says"
    if machine.asked_threads:
        return machine.asked_threads, "as OMP_NUM_THREADS says"
    if processes > 1:
        part = max(1, machine.cores // processes)
        return part, f"because {processes} processes share {machine.cores} CPU cores"
    return machine.cores, "because this process may use so many CPU cores"
