"""A job at a stand-in of Inkwell: without a network, money or waiting."""

from finetune_inkwell.provider import InkwellProvider
from finetune_sdk import FineTuneClient, Supervised
from finetune_sdk.testing import VirtualClock
from standin import KEY, Inkwell

rows = [
    {
        "messages": [
            {"role": "user", "content": f"{number}+{number}?"},
            {"role": "assistant", "content": str(2 * number)},
        ]
    }
    for number in range(20)
]

with (
    Inkwell(VirtualClock()) as service,
    InkwellProvider(api_key=KEY, base_url=service.url, clock=service.clock) as provider,
):
    client = FineTuneClient(provider)
    plan = client.jobs.plan(model="quill-7b", training_data=rows, method=Supervised(epochs=2))
    print(plan.cost)
    job = client.jobs.wait(client.jobs.create(plan.spec))
    print(job.handle, job.status.value, job.fine_tuned_model)
    print([event.message for event in client.jobs.events(job)])
    print([metric.value for metric in client.jobs.metrics(job)][:3])
