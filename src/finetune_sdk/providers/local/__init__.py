"""Fine-tuning on this machine, with TRL.

provider.py   the provider: what the rest of the SDK sees
capabilities.py  what it can do         settings.py   a profile's words
options.py    what a job or deployment alone can say
preflight/    what is looked at before a job is made
jobs/         a job: its folder, its supervisor, its life
training/     the trainer's process
models/       base models and trained ones: found, fetched, converted, listed, copied
serving/      deployments, and the server's process
uploads.py    dataset files             cleaning.py   what takes room and nobody needs
rewards.py    where reward functions lie
home.py       where everything lies     files.py      writing that is whole or not at all
faults.py     the system's refusals     leftovers.py  what a killed writer has left
process.py    processes that outlive us environment.py  what they get to see
"""
