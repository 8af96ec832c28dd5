"""Deployments are read from Amplify after a page has loaded, with few calls."""

from dataclasses import replace
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from console.amplify.base import JobStatus
from console.amplify.service import service
from console.models import BranchConnection, Connection, Deployment
from console.workflows.deployments.reading import refresh, store
from tests.factories import connect, create_branch, deploy, look, shown_jobs, state_of
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


def test_it_works(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    deploy(world, amplify, "main")
    look(world)
    assert amplify.operations() == ["ListJobs", "ListJobs"]
    assert shown_jobs(world, "main") == [("1", "SUCCEED")]
    job = state_of(world, "main").latest
    assert job is not None
    assert (job.kind, job.commit_message) == ("RELEASE", "Add a cart")
    assert job.duration is not None
    assert shown_jobs(world, "dev") == []


def test_at_most_once_in_fifteen_seconds(world: World, console_on_amplify: AmplifyServer) -> None:
    connect(world, console_on_amplify)
    for name in ("alice", "bob", "vera"):
        refresh(actor=world.actor(name), app_id="d1shop")
    assert console_on_amplify.count() == 2


def test_running_one_has_its_steps(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    deploy(world, amplify, "main")
    amplify.start_job("d1shop", "main")
    for _ in range(3):  # provisioning, then the first and the second step
        amplify.advance_job("d1shop", "main")
    look(world)
    # The running one, and once the last successful one for the usual durations
    assert sorted(amplify.operations()) == ["GetJob", "GetJob", "ListJobs", "ListJobs"]
    running = state_of(world, "main").running
    assert running is not None
    assert [(step["name"], step["status"]) for step in running.steps] == [
        ("BUILD", "SUCCEED"),
        ("DEPLOY", "RUNNING"),
    ]
    amplify.forget_requests()
    look(world)
    assert sorted(amplify.operations()) == ["GetJob", "ListJobs", "ListJobs"]


def test_open_page_reads_what_is_running(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    amplify.start_job("d1shop", "dev")
    look(world)
    amplify.forget_requests()
    Connection.objects.update(jobs_attempted_at=None)
    refresh(actor=world.actor("bob"), app_id="d1shop", is_watching=True)
    assert amplify.operations() == ["ListJobs", "GetJob"]


def test_ended_one_is_no_longer_running(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    amplify.start_job("d1shop", "main")
    look(world)
    amplify.finish_job("d1shop", "main", "FAILED")
    look(world)
    assert shown_jobs(world, "main") == [("1", "FAILED")]


def test_newest_and_last_successful_are_kept(
    world: World, console_on_amplify: AmplifyServer
) -> None:
    connect(world, console_on_amplify)
    for status in ("SUCCEED", "SUCCEED", "FAILED", "CANCELLED", "FAILED"):
        deploy(world, console_on_amplify, "main", status)
    look(world)
    kept = [("5", "FAILED"), ("4", "CANCELLED"), ("2", "SUCCEED")]
    assert shown_jobs(world, "main") == kept
    for _ in range(12):  # so that a list of the newest lacks the successful one
        deploy(world, console_on_amplify, "main", "FAILED")
        look(world)
    assert shown_jobs(world, "main")[2:] == [("2", "SUCCEED")]


def test_no_call_without_a_connection(world: World, console_on_amplify: AmplifyServer) -> None:
    refresh(actor=world.actor("alice"), app_id="d1shop")
    assert console_on_amplify.count() == 0


def test_no_call_while_amplify_is_off(world: World, amplify: AmplifyServer) -> None:
    connect(world, amplify)
    look(world)
    assert amplify.count() == 0


def test_unreachable(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    deploy(world, amplify, "main")
    look(world)
    amplify.always("throttled")
    look(world)
    assert Connection.objects.get().jobs_problem.startswith("Amplify is receiving too many")
    assert shown_jobs(world, "main") == [("1", "SUCCEED")]
    amplify.heal()
    look(world)
    assert Connection.objects.get().jobs_problem == ""


def test_branch_that_amplify_lost(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    deploy(world, amplify, "dev")
    deploy(world, amplify, "main")
    look(world)
    amplify.delete_branch("d1shop", "dev")
    deploy(world, amplify, "main")
    look(world)
    assert shown_jobs(world, "dev") == [("1", "SUCCEED")]
    assert shown_jobs(world, "main")[0] == ("2", "SUCCEED")


def test_names_that_need_escaping(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    for name in ("feature/login", "a#b?c%2F d", "日本語/ブランチ"):
        branch = create_branch(world, name)
        BranchConnection.objects.create(branch=branch, seen_at=world.app.created_at)
        amplify.add_branch("d1shop", name)
        deploy(world, amplify, name)
    look(world)
    assert Deployment.objects.count() == 3


def test_commit_messages_from_outside(world: World, console_on_amplify: AmplifyServer) -> None:
    connect(world, console_on_amplify)
    message = "Fix \u202eXSS\0 <script>\n\nThe second line"
    console_on_amplify.start_job("d1shop", "main", "RELEASE", message)
    look(world)
    job = state_of(world, "main").latest
    assert job is not None
    assert job.commit_message == "Fix \\u202eXSS\\x00 <script>"


def test_retried_job(world: World, console_on_amplify: AmplifyServer) -> None:
    connect(world, console_on_amplify)
    deploy(world, console_on_amplify, "main", "FAILED")
    look(world)
    Deployment.objects.update(started_at=timezone.now() - timedelta(hours=1))
    row = BranchConnection.objects.get(branch=world.main)
    again = replace(service().jobs("d1shop", "main", limit=1)[0], status=JobStatus.RUNNING)
    store(row, [again], timezone.now())
    assert shown_jobs(world, "main") == [("1", "RUNNING")]


def test_older_list_that_arrives_later(world: World, console_on_amplify: AmplifyServer) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    amplify.start_job("d1shop", "main")
    older = service().jobs("d1shop", "main", limit=10)
    amplify.finish_job("d1shop", "main")
    deploy(world, amplify, "main")
    look(world)
    store(BranchConnection.objects.get(branch=world.main), older, timezone.now())
    assert shown_jobs(world, "main") == [("2", "SUCCEED"), ("1", "SUCCEED")]


def test_page_renders_without_a_call(
    world: World, console_on_amplify: AmplifyServer, alice: Client
) -> None:
    amplify = console_on_amplify
    connect(world, amplify)
    deploy(world, amplify, "main")
    look(world)
    amplify.forget_requests()
    for path in ("", "hosting/deployments/", "hosting/secrets/", "hosting/environment-variables/"):
        assert alice.get(f"/apps/d1shop/{path}").status_code == 200
    assert amplify.count() == 0
