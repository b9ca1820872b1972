"""What is looked up and decided before a job is started.

base_model  what the Hub knows of the model       rows       and of the rows
merged      the whole weights of an adapter       splits     which files hold them
engine      AutoTrain or TRL                      machines   on what hardware, at what price
estimate    how long it takes, and what that costs
rights      what the token may do                 orders     all of it, as one order
"""
