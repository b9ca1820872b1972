"""Serving a model on this machine, with OpenAI's wire format.

deployments.py   making, finding and ending deployments: what the provider calls
choosing.py      which server answers
folder.py        a deployment is a folder
preflight.py     what must be there before anything is made

and in the server's own process:

server.py        the process: weights, ready, the end
gate.py          in front of either server: key and routes
vllm/            vLLM behind it, many requests at a time
app.py           the seam to transformers: the app of `transformers serve` around one model
turns.py         that app behind the gate, one request at a time
relay.py         one request to the app and back
request.py       what is asked, turned into what the app understands
fields.py        a rule for every field of a request     messages.py    and for its messages
reply.py         what the app answers, turned into what OpenAI would answer
refusal.py       an error in OpenAI's shape
asgi.py          shapes of ASGI                          shapes.py      shapes of JSON
"""
