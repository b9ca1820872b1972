"""Models on this machine.

weights.py     finding a base model     hub.py       the Hub and its cache
converting.py  making plain weights     licence.py   what a model's own files say of it
catalog.py     the models that are here usage.py     who needs a model
copying.py     a model's files, copied whole or not at all
"""
