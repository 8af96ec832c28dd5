"""What the client reads from Amplify and writes to it, and with how many calls."""

from datetime import UTC

import pytest

from console.amplify import errors
from console.amplify.base import AmplifyService, JobStatus
from console.amplify.client import Amplify
from tests.fixtures.amplify import AmplifyServer


@pytest.fixture
def shop(amplify: AmplifyServer) -> AmplifyServer:
    """Add an app with a production branch and a feature branch."""
    amplify.add_app(
        "dshop",
        "Web shop",
        variables={"API_URL": "https://example.org"},
        auto_branch_variables={"STAGE": "preview"},
        build_spec="version: 1",
        production_branch="main",
    )
    amplify.add_branch("dshop", "main", variables={"API_URL": "https://main.example.org"})
    amplify.add_branch("dshop", "feature/login")
    return amplify


def test_it_works(shop: AmplifyServer, amplify_client: AmplifyService) -> None:
    app = amplify_client.app("dshop")
    assert (app.app_id, app.name) == ("dshop", "Web shop")
    assert app.repository == "https://github.com/acme/shop"
    assert app.default_domain == "dshop.amplifyapp.com"
    assert app.production_branch == "main"
    assert app.variables == {"API_URL": "https://example.org"}
    assert app.auto_branch_variables == {"STAGE": "preview"}
    assert app.build_spec == "version: 1"
    assert app.updated_at.tzinfo is UTC
    main, feature = amplify_client.branches("dshop")
    assert (main.name, main.stage) == ("main", "PRODUCTION")
    assert main.variables == {"API_URL": "https://main.example.org"}
    assert (feature.name, feature.stage, feature.variables) == ("feature/login", "DEVELOPMENT", {})
    assert feature.active_job_id == ""
    assert amplify_client.branch("dshop", "feature/login") == feature
    assert shop.operations() == ["GetApp", "ListBranches", "GetBranch"]


def test_an_app_without_anything(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    amplify.add_app("dempty")
    app = amplify_client.app("dempty")
    assert (app.production_branch, app.build_spec) == ("", "")
    assert (app.variables, app.auto_branch_variables) == ({}, {})
    assert amplify_client.branches("dempty") == []


@pytest.mark.parametrize("name", ["a/b", "ü#?&%2F", "日本語/ブランチ", "a b", "~x+y"])
def test_branch_names(amplify: AmplifyServer, amplify_client: Amplify, name: str) -> None:
    amplify.add_app("dshop")
    amplify.add_branch("dshop", name)
    assert amplify_client.branch("dshop", name).name == name
    amplify_client.set_branch_variables("dshop", name, {"KEY": "value"})
    assert amplify.variables("dshop", name) == {"KEY": "value"}


def test_a_preview(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    amplify.add_app("dshop")
    amplify.add_branch(
        "dshop",
        "pr-7",
        stage="PULL_REQUEST",
        source_branch="feature/login",
        destination_branch="main",
    )
    preview = amplify_client.branch("dshop", "pr-7")
    assert (preview.source_branch, preview.destination_branch) == ("feature/login", "main")
    assert preview.stage == "PULL_REQUEST"


def test_pages(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    for number in range(101):
        amplify.add_app(f"d{number}")
    for number in range(51):
        amplify.add_branch("d0", f"branch-{number}")
        amplify.start_job("d0", "branch-0")
        amplify.finish_job("d0", "branch-0")
    assert len({app.app_id for app in amplify_client.apps()}) == 101
    assert len({branch.name for branch in amplify_client.branches("d0")}) == 51
    assert [job.job_id for job in amplify_client.jobs("d0", "branch-0", limit=3)] == [
        *("51", "50", "49")
    ]
    assert len(amplify_client.jobs("d0", "branch-0", limit=100)) == 51
    calls = ["ListApps"] * 2 + ["ListBranches"] * 2 + ["ListJobs"] * 3
    assert amplify.operations() == calls


def test_maps_are_replaced_whole(shop: AmplifyServer, amplify_client: Amplify) -> None:
    before = amplify_client.app("dshop")
    written = amplify_client.set_app_variables("dshop", {"A": "1", "B": ""})
    assert written.variables == shop.variables("dshop") == {"A": "1", "B": ""}
    assert written.updated_at > before.updated_at
    assert (written.build_spec, written.auto_branch_variables) == (
        before.build_spec,
        before.auto_branch_variables,
    )
    branch = amplify_client.set_branch_variables("dshop", "main", {"C": "3"})
    assert branch.variables == shop.variables("dshop", "main") == {"C": "3"}
    assert shop.operations() == ["GetApp", "UpdateApp", "UpdateBranch"]


def test_an_empty_map_clears(shop: AmplifyServer, amplify_client: Amplify) -> None:
    assert amplify_client.set_app_variables("dshop", {}).variables == {}
    assert amplify_client.set_branch_variables("dshop", "main", {}).variables == {}
    assert (shop.variables("dshop"), shop.variables("dshop", "main")) == ({}, {})


def test_a_blank_key_that_amplify_kept(shop: AmplifyServer, amplify_client: Amplify) -> None:
    """Should Amplify store the key that clears a map, the map is still an empty one."""
    shop.set_variables("dshop", {" ": ""})
    assert amplify_client.app("dshop").variables == {}


def test_build_specifications(shop: AmplifyServer, amplify_client: Amplify) -> None:
    assert amplify_client.set_app_build_spec("dshop", "version: 2").build_spec == "version: 2"
    assert amplify_client.set_branch_build_spec("dshop", "main", "a: b").build_spec == "a: b"
    assert (shop.build_spec("dshop"), shop.build_spec("dshop", "main")) == ("version: 2", "a: b")
    assert shop.variables("dshop") == {"API_URL": "https://example.org"}


def test_a_deployment(shop: AmplifyServer, amplify_client: Amplify) -> None:
    started = amplify_client.start_job("dshop", "main", reason="Change 12 by Alice")
    assert (started.job_id, started.kind, started.status) == ("1", "RELEASE", JobStatus.PENDING)
    assert shop.jobs("dshop", "main")[0]["reason"] == "Change 12 by Alice"
    for _ in range(3):
        shop.advance_job("dshop", "main")
    running = amplify_client.job("dshop", "main", "1")
    assert running.status.is_running
    assert [(step.name, step.status.is_running) for step in running.steps] == [
        ("BUILD", False),
        ("DEPLOY", True),
    ]
    assert [step.ended_at is None for step in running.steps] == [False, True]
    shop.finish_job("dshop", "main")
    ended = amplify_client.job("dshop", "main", "1")
    assert (ended.status, len(ended.steps)) == (JobStatus.SUCCEED, 3)
    assert ended.ended_at is not None
    assert amplify_client.branch("dshop", "main").active_job_id == "1"


def test_stop(shop: AmplifyServer, amplify_client: Amplify) -> None:
    job_id = shop.start_job("dshop", "main", message="Fix the cart")
    stopped = amplify_client.stop_job("dshop", "main", job_id)
    assert (stopped.status, stopped.commit_message) == (JobStatus.CANCELLING, "Fix the cart")
    assert shop.advance_job("dshop", "main") == JobStatus.CANCELLED
    with pytest.raises(errors.Rejected):
        amplify_client.stop_job("dshop", "main", job_id)


def test_a_long_reason(shop: AmplifyServer, amplify_client: Amplify) -> None:
    amplify_client.start_job("dshop", "main", reason="x" * 300)
    assert shop.jobs("dshop", "main")[0]["reason"] == "x" * 255


def test_ping(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    amplify_client.ping()
    assert amplify.requests() == [{"operation": "ListApps", "parameters": {"maxResults": 1}}]


def test_user_agent(amplify: AmplifyServer, amplify_client: Amplify) -> None:
    """AWS's own logs show which calls are Branchkeep's."""
    amplify_client.ping()
    [agent] = amplify.user_agents()
    assert agent.split()[-1] == "branchkeep"
