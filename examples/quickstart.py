"""Fine-tune a real model on this machine, and see what it learned. Run it: `make quickstart`."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from exact_match import Row, exact_match
from rich.console import Console
from rich.table import Table

from finetune_sdk import Deployment, FineTuneClient, Job, JobEvent, Supervised
from finetune_sdk.cli import main as finetune

RECIPES = Path(__file__).parent / "recipes"
PICTURE = Path("quickstart-loss.png")
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
QUESTION = [
    {"role": "system", "content": "List the ingredients as JSON."},
    {
        "role": "user",
        "content": "Midnight noodles\n200 g rice noodles\n2 tbsp soy sauce\n"
        "1 red onion, thinly sliced\na handful of peanuts (optional)",
    },
]
TESTED = 20
TOLD_ALREADY = ("created", "note", "warning")

console = Console()


def main() -> None:
    with FineTuneClient("local") as client:
        rows = list(itertools.islice(client.datasets.load(RECIPES / "test.jsonl"), TESTED))
        console.rule("1. What the base model knows")
        before = score(client, deploy(client, MODEL, "quickstart-base"), rows)
        client.deployments.delete("quickstart-base")

        console.rule("2. Train")
        started = time.monotonic()
        job = train(client)
        seconds = time.monotonic() - started
        drawn = finetune(["jobs", "show", job.handle, "--png", str(PICTURE), "--yes"]) == 0

        console.rule("3. What it knows now")
        deployment = deploy(client, job, "recipes")
        after = score(client, deployment, rows)
        console.print(table(job, before, after, seconds))
        if drawn:
            console.print(f"The loss curve is in {PICTURE}.\n")
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


def deploy(client: FineTuneClient, model: Job | str, name: str) -> Deployment:
    # One of that name may be left from an earlier run that was stopped.
    client.deployments.delete(name)
    deployment = client.deployments.create(model, name=name)
    for warning in deployment.warnings:
        console.print(f"[yellow]{warning}[/]")
    with console.status("the server starts"):
        return client.deployments.wait(deployment)


def score(client: FineTuneClient, deployment: Deployment, rows: list[Row]) -> int:
    with console.status(f"{len(rows)} held-out recipes are asked"):
        scored = exact_match(client, deployment, rows)
    right = sum(same for _, _, same in scored)
    console.print(f"{right} of {len(scored)} held-out recipes exactly right")
    return right


def table(job: Job, before: int, after: int, seconds: float) -> Table:
    result = Table(title=f"Exactly right on {TESTED} recipes that it never saw")
    for heading in ("", "base model", "fine-tuned"):
        result.add_column(heading, justify="left" if not heading else "right")
    result.add_row("right", f"{before}/{TESTED}", f"{after}/{TESTED}")
    result.add_row("share", f"{before / TESTED:.0%}", f"{after / TESTED:.0%}")
    result.add_row("training", "", f"{seconds / 60:.1f} min, {job.trained_tokens} tokens")
    return result


def show_one(client: FineTuneClient, deployment: Deployment) -> None:
    console.print(QUESTION[-1]["content"], style="cyan")
    reply = client.deployments.chat(deployment, QUESTION, temperature=0, max_tokens=64)
    console.print(reply.content, style="bold green", highlight=False)


if __name__ == "__main__":
    main()
