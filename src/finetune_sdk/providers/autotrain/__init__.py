"""Hugging Face AutoTrain: on HF Jobs, on a Space, or by an AutoTrain server.

settings, options, capabilities   what a profile and a job may say, and what can be done
choosing/      what is looked up and decided before a job is started
runners/       where it runs, and whether it has succeeded
inside/        the program that goes along with a job on HF Jobs
hub/           requests to the Hub, by our policy
hosting/       deployments on Inference Endpoints
order, record  one job as it would be started, and what of it is written where it runs
log            what a job's log says: events and numbers
uploads, models, checkpoints, rescue   what lies on the Hub
verbs          the verbs that all runners do alike
provider, on_spaces   what the rest of the SDK sees
"""

from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions, AutoTrainOptions

__all__ = ["AutoTrainDeploymentOptions", "AutoTrainOptions"]
