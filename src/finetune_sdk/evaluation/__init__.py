"""Was it worth it: models compared on rows that none of them has learned from.

It is given callables that answer, and knows neither a client nor a provider.

examples     rows of the test data: what is asked, and what is expected
overlap      rows to measure on that were learned
prompts      questions with examples in front: a few of the training data, or the nearest ones
asking       thousands of questions under a limit, by the threads of hands.py; cache.py keeps what
             was answered
scoring/     how good an answer is
statistics   intervals, and whether a difference is more than chance
judging      the verdict in words; gates.py holds it against requirements, money.py tells when the
             training has paid for itself
comparison   all of it, in order
report/      what people read: a page, a model card, a table
"""
