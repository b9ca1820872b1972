"""The trainer's process: it reads a job's folder, trains with TRL and writes what came out.

__main__.py     the process          run.py         one training, step by step
chat.py         OpenAI's messages    turns.py       a template's text, cut where learning starts
rows.py         rows to tokens       hardware.py    the machine to choices, with reasons
wire.py         tables to TRL        loss.py        the loss on labelled positions only
reporting.py    progress, metrics    saving.py      the model's folder
failures.py     why it failed, as a code and words

torch, transformers, trl and peft are loaded inside functions, by `import_module`: they take
seconds, and their types are too incomplete to hold ours against.
"""
