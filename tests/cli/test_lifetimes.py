"""`finetune deploy --ttl`, `deployments reap`, and who tells when a deployment expires."""

from __future__ import annotations

import io
import sys
from typing import cast

import pytest

from finetune_sdk import PermissionDeniedError
from finetune_sdk.cli import main
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, Page
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

HOUR = 3600.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def names(finetune: Command) -> list[object]:
    return [one["name"] for one in finetune("deployments", "list", "--json").documents]


@pytest.fixture
def late(finetune: Command, account: AccountProvider) -> None:
    """`bot` and `cat` outlived their ttl, `dog` did not, `elk` has none."""
    for name, ttl in (("bot", "8h"), ("cat", "8h"), ("dog", "2d")):
        assert finetune("deploy", "small", "--name", name, "--ttl", ttl).code == 0
    assert finetune("deploy", "small", "--name", "elk").code == 0
    account.clock.advance(10 * HOUR)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("45s", "2026-01-01T00:00:45Z"),
        ("90m", "2026-01-01T01:30:00Z"),
        ("8h", "2026-01-01T08:00:00Z"),
        ("1.5H", "2026-01-01T01:30:00Z"),
        ("2d", "2026-01-03T00:00:00Z"),
        ("3600", "2026-01-01T01:00:00Z"),
    ],
)
def test_a_ttl_is_read_as_people_write_it(finetune: Command, text: str, end: str) -> None:
    done = finetune("deploy", "small", "--name", "bot", "--ttl", text, "--json")
    assert done.documents[0]["expires_at"] == end


@pytest.mark.parametrize("text", ["", "8 hours", "h", "1h30m", "-8h", "1e3", "8w", "nan", "0x10"])
def test_a_wrong_ttl_is_one_clear_error(finetune: Command, text: str) -> None:
    done = finetune("deploy", "small", "--name", "bot", f"--ttl={text}")
    assert (done.code, done.out) == (1, "")
    assert "`--ttl` is" in done.err
    assert "90m" in done.err
    assert names(finetune) == []


@pytest.mark.parametrize("text", ["0", "0h", "9" * 400 + "d"])
def test_a_ttl_that_is_no_length_is_one_too(finetune: Command, text: str) -> None:
    done = finetune("deploy", "small", "--name", "bot", "--ttl", text)
    assert done.code == 1
    assert "`ttl` is" in done.err
    assert names(finetune) == []


def test_what_creating_warned_of_is_shown_after_waiting(finetune: Command) -> None:
    finetune("deploy", "small", "--name", "bot", "--ttl", "8h")
    again = finetune("deploy", "small", "--name", "bot", "--ttl", "9h")
    assert again.out.count("it was there before and expires at") == 1
    assert "expires" in finetune("deploy", "small", "--name", "cat", "--ttl", "8h").out


# List


@pytest.mark.usefixtures("late")
def test_a_list_shows_when_each_expires_and_how_to_reap(finetune: Command) -> None:
    done = finetune("deployments", "list")
    header, *rows = (line.rstrip() for line in done.out.splitlines())
    assert header.endswith("  expires")
    ends = ("  over since 2 h", "  over since 2 h", "  in 38 h", "  -")
    assert [row.endswith(end) for row, end in zip(rows, ends, strict=True)] == [True] * 4
    assert done.err.splitlines()[0] == "Nothing is billed by the hour."
    assert done.err.endswith("Next: finetune deployments reap\n")


def test_a_list_without_what_is_over_names_chat_as_before(finetune: Command) -> None:
    finetune("deploy", "small", "--name", "bot", "--ttl", "3h")
    done = finetune("deployments", "list")
    assert "in 3 h" in done.out
    assert done.err.endswith("Next: finetune chat desk:bot\n")


def told(account: AccountProvider, **changes: dict[str, object]) -> None:
    """What the account says of each deployment from now on."""
    there = account.list_deployments

    def list_deployments(*, limit: int, cursor: str | None) -> Page[Deployment]:
        page = there(limit=limit, cursor=cursor)
        return Page(
            tuple(one.model_copy(update=changes.get(one.name, {})) for one in page.items),
            page.next_cursor,
        )

    account.list_deployments = list_deployments  # type: ignore[method-assign]


@pytest.mark.usefixtures("late")
def test_a_list_sums_up_what_is_billed_and_warned(
    finetune: Command, account: AccountProvider
) -> None:
    told(
        account,
        bot={"cost_per_hour": 1.7, "warnings": ("idle", "old \x1b[31m")},
        cat={"cost_per_hour": 1.7, "warnings": ("idle",)},
        dog={"cost_per_hour": None, "status": DeploymentStatus.UPDATING},
    )
    lines = finetune("deployments", "list").err.splitlines()
    assert lines == [
        "All of it costs 3.40 US dollars an hour, but nobody can say of desk:dog.",
        "warning: idle",
        "warning: old [31m",
        "Next: finetune deployments reap",
    ]
    documents = finetune("deployments", "list", "--json")
    assert (len(documents.documents), documents.err) == (4, "")


# Reap


@pytest.mark.usefixtures("late")
def test_a_script_reaps_what_is_over(finetune: Command) -> None:
    done = finetune("deployments", "reap")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["desk:bot", "desk:cat"]
    assert "Deleted desk:bot.\nDeleted desk:cat.\n" in done.err
    assert "Next: finetune deployments list" in done.err
    assert names(finetune) == ["dog", "elk"]


@pytest.mark.usefixtures("late")
def test_reaping_with_json_tells_each_that_was_deleted(finetune: Command) -> None:
    done = finetune("deployments", "reap", "--json")
    assert [(one["handle"], one["deleted"]) for one in done.documents] == [
        ("desk:bot", True),
        ("desk:cat", True),
    ]
    assert done.err == ""


def test_nothing_to_reap_says_so(finetune: Command) -> None:
    finetune("deploy", "small", "--name", "bot", "--ttl", "8h")
    finetune("deploy", "small", "--name", "elk")
    done = finetune("deployments", "reap")
    assert (done.code, done.out) == (0, "")
    assert "desk has nothing to reap." in done.err
    assert names(finetune) == ["bot", "elk"]
    assert finetune("deployments", "reap", "--json").documents == []


@pytest.mark.usefixtures("late")
@pytest.mark.parametrize(
    ("words", "answer", "code", "left"),
    [
        ([], "n\n", 1, ["bot", "cat", "dog", "elk"]),
        ([], "y\n", 0, ["dog", "elk"]),
        (["--yes"], "", 0, ["dog", "elk"]),
    ],
)
def test_a_person_is_asked_before_anything_is_reaped(
    finetune: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    answer: str,
    code: int,
    left: list[object],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    capsys.readouterr()
    assert main(["deployments", "reap", *words]) == code
    assert ("Delete desk:bot, desk:cat?" in capsys.readouterr().err) is bool(answer)
    assert names(finetune) == left


@pytest.mark.usefixtures("late")
def test_what_is_over_only_when_the_answer_comes_is_not_reaped(
    finetune: Command, account: AccountProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Terminal):
        """By the time that the question is asked, `dog` is over, too."""

        def isatty(self) -> bool:
            account.clock.advance(100 * HOUR)
            return True

    monkeypatch.setattr(sys, "stdin", Slow("y\n"))
    assert main(["deployments", "reap"]) == 0
    assert names(finetune) == ["dog", "elk"]
    assert "over since" in finetune("deployments", "list").out


@pytest.mark.usefixtures("late")
def test_what_cannot_be_reaped_is_an_error_that_names_it(
    finetune: Command, account: AccountProvider
) -> None:
    account.fail_next("delete_deployment", PermissionDeniedError("not you", provider="account"))
    done = finetune("deployments", "reap", "--json")
    assert done.code == 1
    assert [(one["handle"], one["deleted"], one.get("reason")) for one in done.documents] == [
        ("desk:bot", False, "not you"),
        ("desk:cat", True, None),
    ]
    assert "desk:bot: not you" in done.err
    assert names(finetune) == ["bot", "dog", "elk"]


@pytest.mark.usefixtures("late")
def test_what_was_made_anew_meanwhile_is_told(finetune: Command, account: AccountProvider) -> None:
    there = account.list_deployments

    def list_deployments(*, limit: int, cursor: str | None) -> Page[Deployment]:
        page = there(limit=limit, cursor=cursor)
        account.delete_deployment("bot")
        account.create_deployment(DeploymentSpec(name="bot", model="other"))
        return page

    account.list_deployments = list_deployments  # type: ignore[method-assign]
    done = finetune("deployments", "reap")
    assert done.code == 0
    assert "Did not delete desk:bot: it was deleted or made anew" in done.err
    assert account.get_deployment("bot").model == "other"


# Doctor


def test_doctor_names_what_outlived_its_ttl(finetune: Command, account: AccountProvider) -> None:
    def found() -> dict[str, object]:
        entries = finetune("doctor", "--json").documents
        return next(entry for entry in entries if entry["what"] == "deployments")

    finetune("deploy", "small", "--name", "bot", "--ttl", "1h")
    assert (found()["status"], "outlived" in cast("str", found()["detail"])) == ("ok", False)
    account.clock.advance(HOUR + 300)
    assert found()["status"] == "note"
    words = cast("str", found()["detail"])
    assert "desk:bot ready; outlived a ttl: desk:bot (over since 5 min)" in words
    assert "finetune deployments reap" in words
