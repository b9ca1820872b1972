"""OpenAI, and every server that speaks its protocol.

provider      the provider: each verb a request and what it answers
settings      where requests go, and with which key      options   what a job here alone can say
capabilities  what can be done, as tables
models        what can be tuned, and when it ends        webhooks  who it is that calls
deployments   records: a tuned model answers by itself
"""
