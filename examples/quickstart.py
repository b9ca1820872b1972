"""Fine-tune a real model on this machine, and see whether it was worth it: `make quickstart`."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from finetune_sdk import (
    Comparison,
    Deployment,
    ExactMatch,
    FineTuneClient,
    Job,
    JobEvent,
    JsonMatch,
    Supervised,
)
from finetune_sdk.cli import main as finetune

RECIPES = Path(__file__).parent / "recipes"
PICTURE = Path("quickstart-loss.png")
REPORT = Path("quickstart-report")
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
QUESTION = [
    {"role": "system", "content": "List the ingredients as JSON."},
    {
        "role": "user",
        "content": "Midnight noodles\n200 g rice noodles\n2 tbsp soy sauce\n"
        "1 red onion, thinly sliced\na handful of peanuts (optional)",
    },
]
TOLD_ALREADY = ("created", "note", "warning")

console = Console()


def main() -> None:
    with FineTuneClient("local") as client:
        console.rule("1. Train")
        started = time.monotonic()
        job = train(client)
        minutes = (time.monotonic() - started) / 60
        drawn = finetune(["jobs", "show", job.handle, "--png", str(PICTURE), "--yes"]) == 0

        console.rule("2. Was it worth it?")
        found = compare(client, job)
        console.print(f"[bold]{found.verdict.headline}[/]", highlight=False)
        console.print(table(found))
        console.print(f"The training took {minutes:.1f} min, {job.trained_tokens} tokens.")
        console.print(f"Every answer, with plots, is in {REPORT}/report.html.")
        if drawn:
            console.print(f"The loss curve is in {PICTURE}.")

        console.rule("3. Ask it")
        deployment = deploy(client, job, "recipes")
        show_one(client, deployment)
        client.deployments.delete(deployment)
        console.print(
            f"\nServe it again with:   finetune deploy {job.handle} --name recipes\n"
            f"Look at the job with:  finetune jobs show {job.handle}"
        )


def train(client: FineTuneClient) -> Job:
    report = client.datasets.check(RECIPES / "train.jsonl")
    console.print(f"{report.rows} rows, {report.errors} errors, {report.warnings} warnings")
    job = client.jobs.create(
        model=MODEL,
        training_data=RECIPES / "train.jsonl",
        validation_data=RECIPES / "validation.jsonl",
        method=Supervised(epochs=2, batch_size=8, learning_rate=1e-3),
        suffix="recipes",
        seed=7,
    )
    return client.jobs.wait(job, on_event=tell)


def tell(event: JobEvent) -> None:
    if event.type in TOLD_ALREADY:
        return
    console.print(f"[dim]{event.created_at:%H:%M:%S}[/] {event.message}", highlight=False)


def compare(client: FineTuneClient, job: Job) -> Comparison:
    console.print("44 recipes that nobody has learned from are asked, of each of four:")
    console.print("the base model, with examples, with the nearest examples, and the tuned one.")
    return client.evaluations.compare(
        job,
        test_data=RECIPES / "test.jsonl",
        scorers=[ExactMatch(), JsonMatch()],
        max_tokens=40,
        folder=REPORT,
    )


def table(found: Comparison) -> Table:
    result = Table(title=f"{found.rows} recipes that it never saw")
    for heading in ("", "exactly right", "ingredients right", "seconds", "tokens read"):
        result.add_column(heading, justify="left" if not heading else "right")
    for one in found.candidates:
        right, use = one.scores["exact_match"], one.usage
        result.add_row(
            one.name,
            f"{right.value:.0%} ({right.low:.0%} to {right.high:.0%})",
            f"{one.scores['json_fields'].value:.0%}",
            f"{use.latency_p50:.1f}",
            f"{use.prompt_tokens:.0f}",
        )
    return result


def deploy(client: FineTuneClient, job: Job, name: str) -> Deployment:
    # One of that name may be left from an earlier run that was stopped.
    client.deployments.delete(name)
    deployment = client.deployments.create(job, name=name)
    for warning in deployment.warnings:
        console.print(f"[yellow]{warning}[/]")
    with console.status("the server starts"):
        return client.deployments.wait(deployment)


def show_one(client: FineTuneClient, deployment: Deployment) -> None:
    console.print(QUESTION[-1]["content"], style="cyan")
    reply = client.deployments.chat(deployment, QUESTION, temperature=0, max_tokens=64)
    console.print(reply.content, style="bold green", highlight=False)


if __name__ == "__main__":
    main()
