"""Fine-tune language models at OpenAI, Azure OpenAI, Hugging Face AutoTrain, or on this machine.

The public names are loaded on first use: importing the package loads neither pydantic nor any
vendor's package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from finetune_sdk._version import __version__ as __version__

if TYPE_CHECKING:
    from finetune_sdk.aio import AsyncFineTuneClient as AsyncFineTuneClient
    from finetune_sdk.autotrain import AutoTrainSpec as AutoTrainSpec
    from finetune_sdk.client import FineTuneClient as FineTuneClient
    from finetune_sdk.datasets import Dataset as Dataset
    from finetune_sdk.errors import AuthenticationError as AuthenticationError
    from finetune_sdk.errors import ConfigurationError as ConfigurationError
    from finetune_sdk.errors import ConflictError as ConflictError
    from finetune_sdk.errors import ConnectionFailedError as ConnectionFailedError
    from finetune_sdk.errors import CostLimitError as CostLimitError
    from finetune_sdk.errors import DatasetError as DatasetError
    from finetune_sdk.errors import DatasetFileError as DatasetFileError
    from finetune_sdk.errors import DatasetValidationError as DatasetValidationError
    from finetune_sdk.errors import DeploymentFailedError as DeploymentFailedError
    from finetune_sdk.errors import EvaluationStoppedError as EvaluationStoppedError
    from finetune_sdk.errors import FineTuneError as FineTuneError
    from finetune_sdk.errors import IdempotencyConflictError as IdempotencyConflictError
    from finetune_sdk.errors import InvalidRequestError as InvalidRequestError
    from finetune_sdk.errors import JobFailedError as JobFailedError
    from finetune_sdk.errors import JobPausedError as JobPausedError
    from finetune_sdk.errors import MissingDependencyError as MissingDependencyError
    from finetune_sdk.errors import NotFoundError as NotFoundError
    from finetune_sdk.errors import PermissionDeniedError as PermissionDeniedError
    from finetune_sdk.errors import ProviderError as ProviderError
    from finetune_sdk.errors import QuotaExceededError as QuotaExceededError
    from finetune_sdk.errors import RateLimitError as RateLimitError
    from finetune_sdk.errors import ReapError as ReapError
    from finetune_sdk.errors import ResponseDecodeError as ResponseDecodeError
    from finetune_sdk.errors import ServerError as ServerError
    from finetune_sdk.errors import StatusUnavailableError as StatusUnavailableError
    from finetune_sdk.errors import SubmissionUnknownError as SubmissionUnknownError
    from finetune_sdk.errors import SunsetError as SunsetError
    from finetune_sdk.errors import UnsupportedError as UnsupportedError
    from finetune_sdk.errors import WaitTimeoutError as WaitTimeoutError
    from finetune_sdk.providers.autotrain.options import (
        AutoTrainDeploymentOptions as AutoTrainDeploymentOptions,
    )
    from finetune_sdk.providers.autotrain.options import (
        AutoTrainOptions as AutoTrainOptions,
    )
    from finetune_sdk.providers.azure_openai.options import (
        AzureDeploymentOptions as AzureDeploymentOptions,
    )
    from finetune_sdk.providers.azure_openai.options import (
        AzureOpenAIOptions as AzureOpenAIOptions,
    )
    from finetune_sdk.providers.local.options import (
        LocalDeploymentOptions as LocalDeploymentOptions,
    )
    from finetune_sdk.providers.local.options import LocalOptions as LocalOptions
    from finetune_sdk.providers.openai.options import OpenAIOptions as OpenAIOptions
    from finetune_sdk.types import DPO as DPO
    from finetune_sdk.types import KTO as KTO
    from finetune_sdk.types import ORPO as ORPO
    from finetune_sdk.types import Change as Change
    from finetune_sdk.types import ChatReply as ChatReply
    from finetune_sdk.types import Checkpoint as Checkpoint
    from finetune_sdk.types import Classification as Classification
    from finetune_sdk.types import Comparison as Comparison
    from finetune_sdk.types import ConversionReport as ConversionReport
    from finetune_sdk.types import CostEstimate as CostEstimate
    from finetune_sdk.types import DatasetFile as DatasetFile
    from finetune_sdk.types import DatasetReport as DatasetReport
    from finetune_sdk.types import Deployment as Deployment
    from finetune_sdk.types import DeploymentStatus as DeploymentStatus
    from finetune_sdk.types import ExactMatch as ExactMatch
    from finetune_sdk.types import ExportedJob as ExportedJob
    from finetune_sdk.types import Finding as Finding
    from finetune_sdk.types import Gap as Gap
    from finetune_sdk.types import GraderMessage as GraderMessage
    from finetune_sdk.types import HubDataset as HubDataset
    from finetune_sdk.types import Inspection as Inspection
    from finetune_sdk.types import Inventory as Inventory
    from finetune_sdk.types import Job as Job
    from finetune_sdk.types import JobError as JobError
    from finetune_sdk.types import JobEvent as JobEvent
    from finetune_sdk.types import JobProgress as JobProgress
    from finetune_sdk.types import JobSpec as JobSpec
    from finetune_sdk.types import JobStatus as JobStatus
    from finetune_sdk.types import JsonMatch as JsonMatch
    from finetune_sdk.types import Judge as Judge
    from finetune_sdk.types import LabelModelGrader as LabelModelGrader
    from finetune_sdk.types import Lineage as Lineage
    from finetune_sdk.types import Lora as Lora
    from finetune_sdk.types import Matches as Matches
    from finetune_sdk.types import MendReport as MendReport
    from finetune_sdk.types import MethodName as MethodName
    from finetune_sdk.types import Metric as Metric
    from finetune_sdk.types import Migration as Migration
    from finetune_sdk.types import Model as Model
    from finetune_sdk.types import MultiGrader as MultiGrader
    from finetune_sdk.types import NoEstimate as NoEstimate
    from finetune_sdk.types import Plan as Plan
    from finetune_sdk.types import PlannedJob as PlannedJob
    from finetune_sdk.types import ProviderOptions as ProviderOptions
    from finetune_sdk.types import PythonGrader as PythonGrader
    from finetune_sdk.types import Reinforcement as Reinforcement
    from finetune_sdk.types import Reward as Reward
    from finetune_sdk.types import ScoreModelGrader as ScoreModelGrader
    from finetune_sdk.types import SimilarText as SimilarText
    from finetune_sdk.types import StringCheckGrader as StringCheckGrader
    from finetune_sdk.types import Supervised as Supervised
    from finetune_sdk.types import Sweep as Sweep
    from finetune_sdk.types import TextSimilarityGrader as TextSimilarityGrader
    from finetune_sdk.types import TokenReport as TokenReport
    from finetune_sdk.types import Trial as Trial
    from finetune_sdk.types import WebhookEvent as WebhookEvent

_ROOMS = {
    "finetune_sdk.aio": ("AsyncFineTuneClient",),
    "finetune_sdk.client": ("FineTuneClient",),
    "finetune_sdk.datasets": ("Dataset",),
    "finetune_sdk.errors": (
        "AuthenticationError",
        "ConfigurationError",
        "ConflictError",
        "ConnectionFailedError",
        "CostLimitError",
        "DatasetError",
        "DatasetFileError",
        "DatasetValidationError",
        "DeploymentFailedError",
        "EvaluationStoppedError",
        "FineTuneError",
        "IdempotencyConflictError",
        "InvalidRequestError",
        "JobFailedError",
        "JobPausedError",
        "MissingDependencyError",
        "NotFoundError",
        "PermissionDeniedError",
        "ProviderError",
        "QuotaExceededError",
        "RateLimitError",
        "ReapError",
        "ResponseDecodeError",
        "ServerError",
        "StatusUnavailableError",
        "SubmissionUnknownError",
        "SunsetError",
        "UnsupportedError",
        "WaitTimeoutError",
    ),
    "finetune_sdk.providers.local.options": ("LocalDeploymentOptions", "LocalOptions"),
    "finetune_sdk.autotrain": ("AutoTrainSpec",),
    "finetune_sdk.providers.autotrain.options": (
        "AutoTrainDeploymentOptions",
        "AutoTrainOptions",
    ),
    "finetune_sdk.providers.azure_openai.options": (
        "AzureDeploymentOptions",
        "AzureOpenAIOptions",
    ),
    "finetune_sdk.providers.openai.options": ("OpenAIOptions",),
    "finetune_sdk.types": (
        "DPO",
        "KTO",
        "ORPO",
        "ChatReply",
        "SimilarText",
        "Migration",
        "Matches",
        "Judge",
        "JsonMatch",
        "ExactMatch",
        "Comparison",
        "Classification",
        "Change",
        "Checkpoint",
        "ConversionReport",
        "CostEstimate",
        "DatasetFile",
        "DatasetReport",
        "Deployment",
        "DeploymentStatus",
        "Finding",
        "Lineage",
        "Gap",
        "HubDataset",
        "ExportedJob",
        "Inspection",
        "Inventory",
        "Job",
        "JobError",
        "JobEvent",
        "JobProgress",
        "JobSpec",
        "JobStatus",
        "Lora",
        "MendReport",
        "MethodName",
        "Metric",
        "Model",
        "NoEstimate",
        "Plan",
        "PlannedJob",
        "ProviderOptions",
        "PythonGrader",
        "ScoreModelGrader",
        "MultiGrader",
        "LabelModelGrader",
        "GraderMessage",
        "Reinforcement",
        "Reward",
        "StringCheckGrader",
        "Supervised",
        "Sweep",
        "TextSimilarityGrader",
        "TokenReport",
        "Trial",
        "WebhookEvent",
    ),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(["__version__", *_ROOM_OF])
