"""Deployments on Hugging Face Inference Endpoints.

verbs    what a provider takes over whole
hosting  what each of them does
service  requests to where they are managed
catalog  the machines that there are, and what they cost
weights  which commit of which repository is served
wire     their JSON -> ours, and back: pure; instances likewise
"""

from finetune_sdk.providers.autotrain.hosting.hosting import Hosting
from finetune_sdk.providers.autotrain.hosting.verbs import HostingVerbs

__all__ = ["Hosting", "HostingVerbs"]
