"""Azure OpenAI: training on its data plane, deployments through Azure Resource Manager.

trainer       the provider that trains                  provider   the one that deploys, too
settings      what a profile says, and where that is    clouds     Azure's addresses, by cloud
identity      who is asking: tokens for both planes     options    what a job here alone can say
capabilities  what can be done, as tables               limits     what Azure takes of a job
readback      what the service made of a job            models     what can be tuned
copying       a checkpoint to another resource
wire          their deployments -> ours, and back       refusals   Resource Manager's errors -> ours
manager       one request to Resource Manager           elsewhere  where no token goes
hosting       deployments, as callers know them
"""
