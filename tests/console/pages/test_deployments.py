"""The page of deployments, the Overview's feet, and what pages say about when a change is live."""

from typing import Any

import pytest
from django.test import Client

from console.amplify.pushes import push_pending
from console.amplify.service import service
from console.models import BranchConnection, Connection, User
from envvars_app.models import VariableVersion
from tests.factories import connect, deploy, look, set_secret, set_variable
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

URL = "/apps/d1shop/hosting/deployments/"


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account, with main deployed twice and dev never."""
    connect(world, console_on_amplify)
    deploy(world, console_on_amplify, "main")
    deploy(world, console_on_amplify, "main", "FAILED")
    look(world)
    console_on_amplify.forget_requests()
    return console_on_amplify


def words(response: Any) -> str:
    """Return the page in one line, with single spaces."""
    return " ".join(response.text.split())


def refresh(browser: Client, query: str = "") -> Any:
    Connection.objects.update(jobs_attempted_at=None)
    BranchConnection.objects.update(jobs_read_at=None)
    return browser.post(f"{URL}refresh/{query}", headers={"HX-Request": "true"})


def test_it_works(world: World, amplify: AmplifyServer, alice: Client) -> None:
    page = alice.get(URL).text
    for words in ("Add a cart", "Failed", "Deployed", "Deployment 1 is still live", "Production"):
        assert words in page
    assert "Amplify has never built this branch." in page
    assert "https://us-east-1.console.aws.amazon.com/amplify/apps/d1shop/branches/main/" in page
    response = alice.post(f"{URL}{world.main.pk}/start/", {"shown": "2"}, follow=True)
    assert response.redirect_chain == [(URL, 302)]
    assert "Started deployment 3 of main." in response.text
    assert amplify.count("StartJob") == 1


def test_refresh(world: World, amplify: AmplifyServer, alice: Client) -> None:
    amplify.start_job("d1shop", "main", "RELEASE", "Ship it")
    response = refresh(alice)
    assert "<html" not in response.text
    assert "main, deployment 3" in response.text
    assert "load delay:15s" in response.text  # as long as it runs
    amplify.finish_job("d1shop", "main")
    look(world)
    response = refresh(alice, "?watch")
    assert "hx-trigger" not in response.text


def test_refresh_without_javascript(amplify: AmplifyServer, alice: Client) -> None:
    Connection.objects.update(jobs_attempted_at=None)
    response = alice.post(f"{URL}refresh/")
    assert (response.status_code, response["Location"]) == (302, URL)


def test_refused_redeploy_is_said_at_the_branch(
    world: World, amplify: AmplifyServer, alice: Client
) -> None:
    response = alice.post(f"{URL}{world.main.pk}/start/", {"shown": "1"})
    assert response.status_code == 422
    assert "Deployment 2 was started after you opened this page" in response.text
    assert f'hx-post="{URL}refresh/"' not in response.text  # which would replace the sentence


@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        ("denied", 503, "Amplify denied access to Branchkeep."),
        ("throttled", 503, "Amplify is receiving too many requests."),
    ],
)
def test_faults(
    world: World, amplify: AmplifyServer, alice: Client, fault: str, status: int, sentence: str
) -> None:
    amplify.always(fault, on="StartJob")
    response = alice.post(f"{URL}{world.main.pk}/start/", {"shown": "2"})
    assert response.status_code == status
    assert sentence in response.text


def test_limit(world: World, amplify: AmplifyServer, alice: Client) -> None:
    amplify.next("error", on="StartJob", code="LimitExceededException", status=429)
    response = alice.post(f"{URL}{world.main.pk}/start/", {"shown": "2"})
    assert response.status_code == 422
    assert "Amplify has reached a limit." in response.text


def test_stop(world: World, amplify: AmplifyServer, alice: Client) -> None:
    amplify.start_job("d1shop", "dev")
    look(world)
    response = alice.post(f"{URL}{world.dev.pk}/stop/", {"job": "1"}, follow=True)
    assert "Stopping deployment 1." in response.text
    assert "Stopping</span>" in response.text


def test_unreachable(world: World, amplify: AmplifyServer, alice: Client) -> None:
    amplify.always("denied")
    response = refresh(alice)
    assert "Amplify unreachable." in response.text
    assert "Add a cart" in response.text
    assert response.text.count("disabled aria-describedby") == 2


def test_viewer_sees_no_buttons(amplify: AmplifyServer, client_for: Any) -> None:
    page = client_for("vera").get(URL).text
    assert "Add a cart" in page
    assert "Redeploy" not in page


def test_not_connected(world: World, amplify: AmplifyServer, alice: Client) -> None:
    Connection.objects.all().delete()
    page = alice.get(URL).text
    assert "This app is not connected to Amplify" in page
    assert "Ask an operator who owns the app to connect it." in page
    assert "hx-post" not in page
    User.objects.filter(email="alice@example.org").update(is_superuser=True)
    page = alice.get(URL).text
    assert '<a class="button primary" href="/apps/d1shop/settings/general/">' in page


def test_overview(world: World, amplify: AmplifyServer, alice: Client) -> None:
    set_secret(world, "API_KEY", "value", world.main)
    page = words(alice.get("/apps/d1shop/"))
    assert "1 key changed since the last deployment" in page
    assert "Deployment 2 of <strong>main</strong> failed <time>" in page
    assert "Never deployed" in page
    amplify.start_job("d1shop", "main", "RELEASE", "Ship it")
    Connection.objects.update(jobs_attempted_at=None)
    BranchConnection.objects.update(jobs_read_at=None)
    check = "/apps/d1shop/check/?of=deployments"
    fragment = words(alice.post(check, headers={"HX-Request": "true"}))
    assert "Deploying" in fragment
    assert "Deployment 2 of" not in fragment
    assert "check/?of=deployments&amp;watch" in fragment  # as long as it runs
    assert "load delay:15s" in fragment
    amplify.finish_job("d1shop", "main")
    look(world)
    assert "delay" not in alice.post(f"{check}&watch", headers={"HX-Request": "true"}).text


def test_overview_while_amplify_does_not_answer(
    world: World, amplify: AmplifyServer, alice: Client
) -> None:
    amplify.always("denied")
    Connection.objects.update(jobs_attempted_at=None)
    BranchConnection.objects.update(jobs_read_at=None)
    alice.post("/apps/d1shop/check/?of=deployments")
    page = words(alice.get("/apps/d1shop/"))
    assert "Amplify could not be reached when it was last checked." in page


def test_badge_in_lists(world: World, amplify: AmplifyServer, alice: Client) -> None:
    lists = ("secrets/", "environment-variables/")
    set_secret(world, "API_KEY", "value", world.main)
    set_variable(world, "API_URL", "https://example.org", world.main)
    push_pending(service(), world.app)
    for part in lists:
        assert "Next deployment" in alice.get(f"/apps/d1shop/hosting/{part}").text
    deploy(world, amplify, "main")
    look(world)
    for part in lists:
        assert "Next deployment" not in alice.get(f"/apps/d1shop/hosting/{part}").text


def test_page_of_a_secret(world: World, amplify: AmplifyServer, alice: Client) -> None:
    secret = set_secret(world, "API_KEY", "value", world.main)
    url = f"/apps/d1shop/hosting/secrets/{secret.pk}/"
    page = alice.get(url).text
    assert "Changed since the last deployment of main." in page
    assert "Redeploy main" in page
    deploy(world, amplify, "main")
    look(world)
    assert "Deployed since on main." in alice.get(url).text


def test_page_of_a_variable(world: World, amplify: AmplifyServer, alice: Client) -> None:
    variable = set_variable(world, "API_URL", "https://example.org")
    page = alice.get(f"/apps/d1shop/hosting/environment-variables/{variable.pk}/").text
    assert "Changed since the last deployment of main." in page
    assert "It takes effect at the next deployment." in page


def test_toast_after_a_save(world: World, amplify: AmplifyServer, alice: Client) -> None:
    url = "/apps/d1shop/hosting/environment-variables/manage/"
    token = alice.get(url).context["change_set"]
    fields = {"new-1-key": "API_URL", "new-1-value": "x", "new-1-branch": str(world.main.pk)}
    page = words(alice.post(url, {"change_set": token, **fields}, follow=True))
    assert "1 variable saved. It takes effect at the next deployment." in page
    assert "Redeploy main" in page
    saved = VariableVersion.objects.latest("pk").change_set
    page = words(alice.get(f"/apps/d1shop/changes/{saved}/"))
    assert "It takes effect at the next deployment." in page
    assert "Redeploy main" in page


def test_no_toast_with_redeploy_when_nothing_was_deployed(
    world: World, amplify: AmplifyServer, alice: Client
) -> None:
    url = "/apps/d1shop/hosting/environment-variables/manage/"
    token = alice.get(url).context["change_set"]
    fields = {"new-1-key": "API_URL", "new-1-value": "x", "new-1-branch": str(world.dev.pk)}
    page = words(alice.post(url, {"change_set": token, **fields}, follow=True))
    assert "1 variable saved." in page
    assert "Redeploy" not in page
