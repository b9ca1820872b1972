"""What OpenAI and Azure OpenAI share: our values to their JSON and back. Pure, no I/O.

requests   one request and its answer
encode     a job's spec -> the body of a create
jobs       their jobs -> ours           methods    their hyperparameters and graders -> ours
events     events and metrics           results    the result file
holdings   files, models, checkpoints   pages      lists, which servers end in many ways
failures   what went wrong -> our errors
wandb      an integration
values     reading what may be anything

Everything that comes from outside may be missing, of another type, or new: what is not understood
is kept or passed over, and never an exception of Python's.
"""
