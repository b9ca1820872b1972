"""What a provider is: the one interface that a third party writes.

A verb beyond the core is supported exactly when the class has its `Can...` mix-in; a value is
supported exactly when it stands in `Capabilities`. All methods are synchronous and thread-safe;
they raise `FineTuneError`s. Ids reach them already parsed, never with a profile in front.

provider    the core: upload, create, get, list, cancel, events
jobs        more about jobs: pausing, metrics, checkpoints, finding what was lost
planning    before a job is made: what it would cost, need and become
holdings    models, deployments, dataset files
"""

from __future__ import annotations

from finetune_sdk.providers.base.holdings import (
    CanClean,
    CanDeploy,
    CanDownloadModels,
    CanListModels,
    CanManageDatasets,
    CanPauseDeployments,
)
from finetune_sdk.providers.base.jobs import (
    CanExport,
    CanFindJob,
    CanListCheckpoints,
    CanListMetrics,
    CanPause,
    CanReadLogs,
    CanRescue,
    CanVerifyWebhooks,
)
from finetune_sdk.providers.base.planning import (
    CanEstimate,
    CanInspect,
    CanPreflight,
    CanPrepare,
    CanTokenize,
)
from finetune_sdk.providers.base.provider import FineTuneProvider
from finetune_sdk.providers.support import (
    Capabilities,
    Field,
    MethodSupport,
    ProviderSettings,
    Rows,
    read_profile,
)

__all__ = [
    "CanClean",
    "CanDeploy",
    "CanDownloadModels",
    "CanEstimate",
    "CanExport",
    "CanFindJob",
    "CanInspect",
    "CanListCheckpoints",
    "CanListMetrics",
    "CanListModels",
    "CanManageDatasets",
    "CanPause",
    "CanPauseDeployments",
    "CanPreflight",
    "CanPrepare",
    "CanReadLogs",
    "CanRescue",
    "CanTokenize",
    "CanVerifyWebhooks",
    "Capabilities",
    "Field",
    "FineTuneProvider",
    "MethodSupport",
    "ProviderSettings",
    "Rows",
    "read_profile",
]
