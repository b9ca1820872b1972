"""The stand-in of the Hub, driven by Hugging Face's own package: accounts, repos, faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from huggingface_hub import utils
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from finetune_sdk.testing import VirtualClock
from tests.standins.hub import Hub, broken
from tests.standins.hub.driving import HfApi, client, other, run, status
from tests.standins.openai import DropAfter, Fault

MODEL = "alice/soup"


@pytest.fixture
def hub(clock: VirtualClock, tmp_path: Path) -> Iterator[Hub]:
    with Hub(clock, tmp_path) as hub:
        yield hub


@pytest.fixture
def api(hub: Hub) -> HfApi:
    return client(hub, hub.token)


class TestAccounts:
    def test_are_who_their_token_says(self, hub: Hub, api: HfApi) -> None:
        told = api.whoami()
        assert (told["type"], told["name"], told["orgs"]) == ("user", "alice", [])
        assert told["auth"]["accessToken"]["role"] == "write"
        with pytest.raises(HfHubHTTPError, match=r"Invalid user token") as caught:
            client(hub, "hf_nobody").whoami()
        assert status(caught.value) == 401

    def test_may_only_read(self, hub: Hub) -> None:
        reader = other(hub, name="alice", role="read")
        for write in (
            lambda: reader.create_repo(MODEL),
            lambda: run(reader),
        ):
            with pytest.raises(HfHubHTTPError, match="required permissions") as caught:
                write()
            assert status(caught.value) == 403
        assert len(hub.repos) == len(hub.jobs) == 0

    def test_write_in_their_own_namespaces(self, hub: Hub) -> None:
        member = other(hub, orgs=("kitchen",))
        member.create_repo("kitchen/soup")
        with pytest.raises(HfHubHTTPError, match="required permissions"):
            member.create_repo("alice/soup")
        assert [org["name"] for org in member.whoami()["orgs"]] == ["kitchen"]

    def test_have_the_rights_of_a_fine_grained_token(self, hub: Hub) -> None:
        scoped = {"alice": ("job.write",), MODEL: ("repo.content.read", "repo.write")}
        hub.repos.add("model", MODEL, private=True)
        narrow = other(hub, name="alice", role="fineGrained", scoped=scoped)
        narrow.upload_file(path_or_fileobj=b"1", path_in_repo="a", repo_id=MODEL)
        run(narrow)
        with pytest.raises(HfHubHTTPError, match=r"repo\.write"):
            narrow.create_repo("alice/other")
        told = narrow.whoami()["auth"]["accessToken"]["fineGrained"]["scoped"]
        assert {one["entity"]["name"]: tuple(one["permissions"]) for one in told} == scoped

    def test_must_have_credit_for_jobs(self, hub: Hub) -> None:
        with pytest.raises(HfHubHTTPError, match="credit") as caught:
            run(other(hub, name="alice", can_pay=False))
        assert status(caught.value) == 402
        assert len(hub.jobs) == 0


class TestRepos:
    def test_are_made_once(self, hub: Hub, api: HfApi) -> None:
        made = api.create_repo(MODEL, private=True)
        assert (made.repo_id, hub.repos["model", MODEL].private) == (MODEL, True)
        assert api.create_repo(MODEL, exist_ok=True) == made
        with pytest.raises(HfHubHTTPError, match="already created") as caught:
            api.create_repo(MODEL)
        assert (status(caught.value), caught.value.response.json()["url"]) == (409, str(made))
        assert not api.repo_exists(MODEL, repo_type="dataset")
        api.delete_repo(MODEL)
        assert not api.repo_exists(MODEL)
        with pytest.raises(RepositoryNotFoundError):
            api.delete_repo(MODEL)

    def test_take_files_and_give_them(self, hub: Hub, api: HfApi, tmp_path: Path) -> None:
        files = {"a.txt": b"one", "deep/er/b.bin": bytes(range(256)) * 5000, "empty": b""}
        for path, content in files.items():
            (tmp_path / "up" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "up" / path).write_bytes(content)
        api.create_repo("alice/rows", repo_type="dataset")
        asked: dict[str, Any] = {"repo_id": "alice/rows", "repo_type": "dataset"}
        done = api.upload_folder(folder_path=tmp_path / "up", commit_message="Rows", **asked)
        repo = hub.repos["dataset", "alice/rows"]
        assert repo.files() == {".gitattributes": repo.files()[".gitattributes"], **files}
        assert (done.oid, repo.head.title, repo.head.author) == (repo.head.sha, "Rows", "alice")
        assert sorted(api.list_repo_files(**asked)) == sorted(repo.files())
        home = api.snapshot_download(cache_dir=tmp_path / "cache", **asked)
        for path, content in files.items():
            assert Path(home, path).read_bytes() == content
        one = api.hf_hub_download(filename="a.txt", cache_dir=tmp_path / "other", **asked)
        assert Path(one).read_bytes() == b"one"

    def test_remember_each_commit(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        api.create_repo(MODEL)
        first = api.upload_file(path_or_fileobj=b"1", path_in_repo="d/a", repo_id=MODEL)
        clock.advance(60)
        second = api.upload_file(path_or_fileobj=b"2", path_in_repo="d/b", repo_id=MODEL)
        api.delete_file("d/a", MODEL)
        told = api.list_repo_commits(MODEL)
        assert [one.commit_id for one in told[1:3]] == [second.oid, first.oid]
        assert (told[1].created_at - told[2].created_at).total_seconds() == 60
        assert api.model_info(MODEL).sha == told[0].commit_id == hub.repos["model", MODEL].head.sha
        assert "d/a" not in api.list_repo_files(MODEL)
        assert "d/a" in api.list_repo_files(MODEL, revision=second.oid)
        api.delete_folder("d", MODEL)
        assert api.list_repo_files(MODEL) == [".gitattributes"]

    def test_show_their_tree(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        repo = hub.repos.add("model", MODEL, {"x/y/z": b"123", "x/a": b"1"})
        first = repo.head.sha
        clock.advance(5)
        hub.repos.commit(repo, {"x/a": b"22"}, "Change")
        flat = {one.path for one in api.list_repo_tree(MODEL)}
        assert flat == {".gitattributes", "x"}
        deep = {
            one.path: one for one in api.list_repo_tree(MODEL, "x", recursive=True, expand=True)
        }
        assert set(deep) == {"x/a", "x/y", "x/y/z"}
        changed: Any = [deep[path].last_commit for path in ("x/y/z", "x/a")]
        assert [one.oid for one in changed] == [first, repo.head.sha]
        sizes: Any = api.get_paths_info(MODEL, ["x/a", "x/y", "none"])
        assert [(one.path, getattr(one, "size", None)) for one in sizes] == [
            ("x/a", 2),
            ("x/y", None),
        ]
        with pytest.raises(EntryNotFoundError):
            list(api.list_repo_tree(MODEL, "none"))
        with pytest.raises(RevisionNotFoundError):
            api.list_repo_files(MODEL, revision="v9")

    def test_know_what_is_not_there(self, hub: Hub, api: HfApi, tmp_path: Path) -> None:
        hub.repos.add("model", MODEL, {"a": b"1"})
        with pytest.raises(EntryNotFoundError):
            api.hf_hub_download(MODEL, "b", cache_dir=tmp_path)
        with pytest.raises(RepositoryNotFoundError):
            api.hf_hub_download("alice/none", "a", cache_dir=tmp_path)
        assert api.file_exists(MODEL, "a")
        assert not api.file_exists(MODEL, "b")
        assert api.list_repo_refs(MODEL).branches[0].target_commit == api.model_info(MODEL).sha

    def test_say_what_a_model_is(self, hub: Hub, api: HfApi) -> None:
        card = b"---\ntags:\n- autotrain\n---\nSoup."
        config = json.dumps({"model_type": "llama", "architectures": ["L"], "more": 1}).encode()
        hub.repos.add("model", MODEL, {"README.md": card, "config.json": config})
        weights = {"parameters": {"BF16": 135}, "total": 135}
        hub.repos.add("model", "gpt2", config={"model_type": "gpt2"}, safetensors=weights)
        told = api.model_info(MODEL, files_metadata=True)
        assert told.config == {"model_type": "llama", "architectures": ["L"]}
        assert {one.rfilename: one.size for one in told.siblings or ()}["README.md"] == len(card)
        base = api.model_info("gpt2", expand=["safetensors", "config"])
        assert base.safetensors is not None
        assert (base.safetensors.total, base.config) == (135, {"model_type": "gpt2"})
        assert [one.id for one in api.list_models(author="alice")] == [MODEL]
        assert [one.id for one in api.list_models(filter="autotrain")] == [MODEL]
        assert [one.id for one in api.list_models(search="GPT")] == ["gpt2"]
        assert list(api.list_datasets(author="alice")) == []

    def test_are_listed_by_the_page(self, hub: Hub, api: HfApi) -> None:
        names = [f"alice/rows-{number}" for number in range(5)]
        for name in names:
            hub.repos.add("dataset", name)
        hub.repos.page_size = 2
        assert [one.id for one in api.list_datasets(author="alice")] == names
        assert hub.count("GET", "/api/datasets") == 3

    def test_may_be_private(self, hub: Hub, api: HfApi, tmp_path: Path) -> None:
        hub.repos.add("model", MODEL, {"a": b"1"}, private=True)
        for stranger in (other(hub), client(hub, False)):
            with pytest.raises(RepositoryNotFoundError):
                stranger.model_info(MODEL)
            with pytest.raises(RepositoryNotFoundError):
                stranger.hf_hub_download(MODEL, "a", cache_dir=tmp_path)
            with pytest.raises(RepositoryNotFoundError):
                stranger.auth_check(MODEL)
            assert list(stranger.list_models()) == []
        api.auth_check(MODEL)
        assert api.model_info(MODEL).private

    def test_may_be_gated(self, hub: Hub, tmp_path: Path) -> None:
        repo = hub.repos.add("model", "meta/llama", {"config.json": b"{}"}, gated="manual")
        api = other(hub)
        assert api.model_info(repo.id).gated == "manual"
        with pytest.raises(GatedRepoError):
            api.auth_check(repo.id)
        with pytest.raises(GatedRepoError):
            api.hf_hub_download(repo.id, "config.json", cache_dir=tmp_path)
        repo.readers.add("bob")
        api.auth_check(repo.id)
        api.hf_hub_download(repo.id, "config.json", cache_dir=tmp_path)

    def test_may_refuse_a_file(self, hub: Hub, api: HfApi) -> None:
        repo = hub.repos.add("model", MODEL)
        hub.repos.refuses.add("evil.bin")
        with pytest.raises(HfHubHTTPError, match="may not upload"):
            api.upload_file(path_or_fileobj=b"1", path_in_repo="evil.bin", repo_id=MODEL)
        assert len(repo.commits) == 1

    def test_refuse_a_commit_on_an_old_state(self, hub: Hub, api: HfApi) -> None:
        repo = hub.repos.add("model", MODEL)
        old = repo.head.sha
        hub.repos.commit(repo, {"a": b"1"})
        asked: dict[str, Any] = {"path_or_fileobj": b"2", "path_in_repo": "a", "repo_id": MODEL}
        with pytest.raises(HfHubHTTPError) as caught:
            api.upload_file(parent_commit=old, **asked)
        assert status(caught.value) == 412
        api.upload_file(parent_commit=repo.head.sha, **asked)

    def test_give_a_part_of_a_file(self, hub: Hub) -> None:
        hub.repos.add("model", MODEL, {"a": b"0123456789"})
        session: Any = cast("Any", utils).get_session()
        for asked, told in (("2-4", b"234"), ("7-", b"789"), ("-2", b"89"), ("5-99", b"56789")):
            headers = {"range": f"bytes={asked}"}
            part = session.get(f"{hub.url}/{MODEL}/resolve/main/a", headers=headers)
            assert (part.status_code, part.content) == (206, told)
        headers = {"range": "bytes=10-"}
        refused = session.get(f"{hub.url}/{MODEL}/resolve/main/a", headers=headers)
        assert refused.status_code == 416
        whole = session.head(f"{hub.url}/{MODEL}/resolve/main/a")
        assert (whole.headers["content-length"], whole.content) == ("10", b"")

    def test_are_talked_about(self, hub: Hub, api: HfApi) -> None:
        repo = hub.repos.add("space", "alice/trainer")
        title = "Your training has finished successfully ✅"
        said = api.create_discussion(repo.id, title, description="Done.", repo_type="space")
        assert (said.num, said.title, said.author) == (1, title, "alice")
        listed = api.get_repo_discussions(repo.id, repo_type="space")
        assert [one.title for one in listed] == [title]
        assert repo.discussions[0].description == "Done."


class TestFaults:
    def test_a_lost_answer_says_nothing_of_what_was_done(self, hub: Hub, api: HfApi) -> None:
        labels = {"run-id": "r-1"}
        hub.faults.add(Fault(path="/api/jobs/alice", action=DropAfter()))
        with pytest.raises(Exception, match="disconnected"):
            run(api, labels=labels)
        assert len(hub.jobs) == 1
        (found,) = api.list_jobs(namespace="alice", labels=labels)
        assert found.id == next(iter(hub.jobs)).id

    def test_are_worded_as_the_hub_words_them(self, hub: Hub, api: HfApi) -> None:
        slow = broken(429, "Too many", headers={"Retry-After": "7"})
        hub.faults.add(Fault(path="/api/jobs/.*", action=slow))
        hub.faults.add(Fault(method="GET", path="/api/whoami-v2", action=broken(503, "Down")))
        with pytest.raises(HfHubHTTPError) as caught:
            run(api)
        assert caught.value.response.headers["retry-after"] == "7"
        with pytest.raises(HfHubHTTPError, match="Down"):
            api.whoami()
        assert len(hub.jobs) == 0

    def test_an_unknown_path_is_not_there(self, hub: Hub, api: HfApi) -> None:
        session = cast("Any", utils).get_session()
        assert session.get(f"{hub.url}/api/agent-harnesses").status_code == 404
        assert session.put(f"{hub.url}/api/whoami-v2").status_code == 405
