"""Fine-tuning on this machine, with TRL.

provider.py   the provider: what the rest of the SDK sees
settings.py   a profile's words         options.py   what a job or deployment alone can say
home.py       where everything lies     files.py     writing that is whole or not at all
weights.py    finding a base model      hub.py       the Hub and its cache
converting.py making plain weights      catalog.py   the models that are here
uploads.py    dataset files             preflight.py what is looked at before a job is made
jobs/         folder, supervisor, life of a job
training/     the trainer's process     serving/     the server's process
"""
