"""An operator imports apps from Amplify."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from console.access.policy import Access
from console.amplify import snapshots
from console.amplify.snapshots import Snapshot
from console.lib.naming.names import PathProfile
from console.models import App, AuditEvent, AuditOutcome, Branch, Connection, Member
from envvars_app.models import Variable
from secrets_app.models import Secret
from secrets_app.paths import branch_folders
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter
from secrets_app.sync import worker
from tests.factories import write_outside
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import PASSWORD, World
from tests.fixtures.stores import InterruptedStore, use_store

URL = "/apps/import/"
BACKEND = PathProfile.BACKEND
START = datetime(2026, 1, 1, tzinfo=UTC)
IMPORT = {"step": "import", "path_profile": "both"}


@pytest.fixture
def account(console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return an account with the app dweb, its production branch, and the preview of a request."""
    amplify = console_on_amplify
    amplify.add_app(
        "dweb", "Web shop", repository="https://github.com/acme/web", variables={"A": "1"}
    )
    amplify.add_branch("dweb", "main", stage="PRODUCTION", variables={"B": "2"})
    amplify.set_production_branch("dweb", "main")
    amplify.add_branch("dweb", "feature/login", stage="DEVELOPMENT")
    amplify.add_branch(
        "dweb", "pr-42", stage="PULL_REQUEST", source_branch="fix", destination_branch="main"
    )
    amplify.forget_requests()
    return amplify


def import_apps(client: Client, *app_ids: str, **fields: str) -> Any:
    return client.post(URL, IMPORT | {"app": app_ids} | fields, follow=True)


def branches(app_id: str) -> dict[str, tuple[str, bool, bool]]:
    """Return stage, production and protected of an app's branches that aren't deleted."""
    rows = Branch.objects.filter(app__app_id=app_id, deleted_at=None)
    return {row.name: (row.stage, row.production, row.protected) for row in rows}


def test_it_works(olga: Client, world: World, account: AmplifyServer) -> None:
    page = olga.get(URL)
    assert "Web shop" in page.text
    preview = olga.post(URL, {"app": ["dweb"]})
    for words in ("Web shop", "Branches: 3 added", "feature/login", "Import 1 app", "Path profile"):
        assert words in preview.text
    assert not App.objects.filter(app_id="dweb").exists()

    response = import_apps(olga, "dweb")
    assert response.redirect_chain == [("/", 302)]
    assert "Imported 1 app." in response.text
    app = App.objects.get(app_id="dweb")
    assert (app.name, app.repository, app.region, app.path_profile) == (
        "Web shop", "https://github.com/acme/web", "us-east-1", "both",
    )  # fmt: skip
    assert branches("dweb") == {
        "main": ("PRODUCTION", True, True),
        "feature/login": ("DEVELOPMENT", False, False),
        "pr-42": ("PULL_REQUEST", False, False),
    }
    request = Branch.objects.get(app=app, name="pr-42").connection
    assert (request.source_branch, request.destination_branch) == ("fix", "main")
    owner = Member.objects.get(app=app)
    assert (owner.user, owner.role) == (world.person("olga"), "owner")
    assert app.connection.connected_by == "olga@example.org"
    assert app.connection.default_domain.endswith("amplifyapp.com")
    [outcome] = AuditOutcome.objects.filter(event__action="app.import")
    assert (outcome.event.subject, outcome.event.app_id) == ("Web shop", "dweb")
    assert outcome.outcome == "succeeded"
    assert outcome.detail == "Owner: olga@example.org. Branches: 3 added"


def test_again_changes_nothing(olga: Client, world: World, account: AmplifyServer) -> None:
    import_apps(olga, "dweb")
    events, before = AuditEvent.objects.count(), branches("dweb")
    assert "Imported 1 app." in import_apps(olga, "dweb").text
    assert branches("dweb") == before
    assert AuditEvent.objects.count() == events
    assert Member.objects.filter(app__app_id="dweb").count() == 1
    assert "nothing to import" in olga.post(URL, {"app": ["dweb"]}).text
    assert 'value="dweb"' not in olga.get(URL).text


def test_several_apps_show_progress(olga: Client, world: World, account: AmplifyServer) -> None:
    account.add_app("dapi", "API")
    fragment = olga.post(URL, IMPORT | {"app": ["dweb", "dapi"]}, headers={"HX-Request": "true"})
    assert "Imported 1 of 2 apps." in fragment.text
    assert "load, submit" in fragment.text
    assert 'value="dweb"' not in fragment.text
    fields = IMPORT | {"app": ["dapi"], "done": "1"}
    last = olga.post(URL, fields, headers={"HX-Request": "true"})
    assert last["HX-Redirect"] == "/"
    assert "Imported 2 apps." in olga.get("/").text
    assert Connection.objects.count() == 2


def test_calls(olga: Client, world: World, account: AmplifyServer) -> None:
    olga.get(URL)
    assert account.operations() == ["ListApps"]
    account.forget_requests()
    olga.post(URL, {"app": ["dweb"]})
    assert account.operations() == ["ListApps", "ListBranches"]
    account.forget_requests()
    import_apps(olga, "dweb")
    assert account.operations() == ["GetApp", "ListBranches"]


def test_pages_of_apps_call_nothing(olga: Client, world: World, account: AmplifyServer) -> None:
    import_apps(olga, "dweb")
    account.forget_requests()
    for path in (
        *("", "hosting/secrets/", "hosting/environment-variables/", "hosting/build-settings/"),
        *("settings/general/", "settings/branches/", "settings/members/", "activity/"),
    ):
        assert olga.get(f"/apps/dweb/{path}").status_code == 200
    assert olga.get("/").status_code == 200
    assert account.operations() == []


def test_secrets_are_found_at_once(olga: Client, world: World, account: AmplifyServer) -> None:
    for folder in (*branch_folders("dweb", "main", BACKEND), "/amplify/shared/dweb"):
        write_outside(f"{folder}/API_KEY")
    import_apps(olga, "dweb")
    found = Secret.objects.filter(app__app_id="dweb").values_list("branch__name", "key")
    assert set(found) == {("main", "API_KEY"), (None, "API_KEY")}
    assert AuditEvent.objects.filter(action="found.all").count() == 1
    assert not AuditEvent.objects.filter(action="found.add").exists()


class LargeStore(InterruptedStore):
    """A ParameterStore that lists as SSM does: 50 parameters per call."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(parameter_store())
        self._paths, self.calls = paths, 0

    def pages(self, prefixes: Iterable[str]) -> Iterator[Sequence[Parameter]]:
        for start in range(0, len(self._paths), 50):
            self.calls += 1
            yield [Parameter(path, 1, START) for path in self._paths[start : start + 50]]


@pytest.mark.exhaustive
def test_sixty_branches_with_fifty_secrets_each(
    olga: Client, world: World, account: AmplifyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.add_app("dbig", "Big")
    paths = []
    for number in range(60):
        name = f"branch-{number}"
        account.add_branch("dbig", name, variables={f"KEY_{it}": "v" for it in range(50)})
        [folder] = branch_folders("dbig", name, BACKEND)
        paths += [f"{folder}/KEY_{it}" for it in range(50)]
    store = LargeStore(paths)
    use_store(store, monkeypatch)
    account.forget_requests()
    import_apps(olga, "dbig")
    assert account.operations() == ["GetApp", "ListBranches", "ListBranches"]
    assert store.calls == 10  # as many as a request waits for; the background lists the rest
    worker.run_once()
    assert store.calls == 10 + 60
    assert Secret.objects.filter(app__app_id="dbig").count() == 3_000
    assert AuditEvent.objects.get(action="found.all").subject == "3,000 secrets"
    assert Variable.objects.filter(app__app_id="dbig").count() == 3_000


def test_consumers_take_in_what_was_read(
    olga: Client, world: World, account: AmplifyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def consumer(access: Access, snapshot: Snapshot) -> None:
        maps = {it.name: it.variables for it in snapshot.branches}
        taken.append((access.app.app_id, access.app.branches.count(), maps["main"]))

    monkeypatch.setattr(snapshots, "_consumers", [])
    snapshots.register(consumer)
    import_apps(olga, "dweb")
    assert taken == [("dweb", 3, {"B": "2"})]


def test_group_owns_what_is_imported(
    olga: Client, world: World, account: AmplifyServer, settings: Any
) -> None:
    settings.AMPLIFY_OWNER_GROUP = "platform"
    refused = olga.post(URL, IMPORT | {"app": ["dweb"]})
    assert refused.status_code == 422
    assert "there is no such group" in refused.text
    assert not App.objects.filter(app_id="dweb").exists()
    group = Group.objects.create(name="platform")
    import_apps(olga, "dweb")
    [owner] = Member.objects.filter(app__app_id="dweb")
    assert (owner.group, owner.user, owner.role) == (group, None, "owner")
    outcome = AuditOutcome.objects.get(event__action="app.import", outcome="succeeded")
    assert outcome.detail == "Owner: platform. Branches: 3 added"


def test_existing_app_is_connected(olga: Client, world: World, account: AmplifyServer) -> None:
    account.add_app("d1shop", "Theirs")
    account.add_branch("d1shop", "main", stage="PRODUCTION")
    account.add_branch("d1shop", "beta", stage="BETA")
    assert "Not connected" in olga.get(URL).text
    assert "This app is in Branchkeep already." in olga.post(URL, {"app": ["d1shop"]}).text
    import_apps(olga, "d1shop", path_profile="backend")
    world.app.refresh_from_db()
    assert (world.app.name, world.app.path_profile) == ("Shop", "both")
    assert set(branches("d1shop")) == {"main", "dev", "beta"}
    assert not Member.objects.filter(app=world.app, user=world.person("olga")).exists()


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_only_operators(
    client_for: Callable[[str], Client], account: AmplifyServer, name: str
) -> None:
    client = client_for(name)
    for response in (client.get(URL), client.post(URL, IMPORT | {"app": ["dweb"]})):
        assert response.status_code == 403
    assert not App.objects.filter(app_id="dweb").exists()
    assert account.operations() == []
    assert "Import apps" not in client.get("/").text


def test_asks_for_the_password(olga: Client, world: World, account: AmplifyServer) -> None:
    session = olga.session
    session["confirmed_at"] -= 3600
    session.save()
    response = olga.post(URL, IMPORT | {"app": ["dweb"], "path_profile": "backend"})
    assert response.status_code == 403
    assert "To import apps, whose secrets you can then read" in response.text
    assert 'value="dweb"' in response.text
    assert not App.objects.filter(app_id="dweb").exists()
    answer = IMPORT | {"app": ["dweb"], "confirm-password": PASSWORD}
    assert olga.post(URL, answer).status_code == 302


def test_amplify_denies_access(olga: Client, world: World, account: AmplifyServer) -> None:
    account.always("denied")
    response = olga.get(URL)
    assert response.status_code == 503
    assert "Amplify denied access to Branchkeep." in response.text


def test_it_fails_halfway(olga: Client, world: World, account: AmplifyServer) -> None:
    account.add_app("dapi", "API")
    account.always("denied", on="ListBranches")
    stopped = olga.post(URL, IMPORT | {"app": ["dapi", "dweb"]})
    assert stopped.status_code == 422
    assert "Imported 0 of 2 apps." in stopped.text
    assert "Amplify denied access" in stopped.text
    assert "load, submit" not in stopped.text
    assert not App.objects.filter(app_id="dapi").exists()
    account.heal()
    assert "Imported 2 apps." in import_apps(olga, "dapi", "dweb").text


def test_app_that_amplify_lost(olga: Client, world: World, account: AmplifyServer) -> None:
    response = import_apps(olga, "dgone")
    assert "dgone was left out: Amplify no longer has it." in response.text
    assert "Imported" not in response.text
    assert not App.objects.filter(app_id="dgone").exists()


def test_the_others_are_imported_if_amplify_lost_one(
    olga: Client, world: World, account: AmplifyServer
) -> None:
    account.add_app("dapi", "API")
    account.delete_app("dapi")  # after the preview
    response = import_apps(olga, "dapi", "dweb")
    assert "dapi was left out: Amplify no longer has it." in response.text
    assert "Imported 1 app." in response.text
    assert App.objects.filter(app_id="dweb").exists()


def test_progress_goes_on_if_amplify_lost_one(
    olga: Client, world: World, account: AmplifyServer
) -> None:
    headers = {"HX-Request": "true"}
    fragment = olga.post(URL, IMPORT | {"app": ["dgone", "dweb"]}, headers=headers)
    assert "Imported 0 of 1 apps." in fragment.text
    assert "load, submit" in fragment.text
    assert 'value="dgone"' not in fragment.text


def test_connecting_goes_on_if_amplify_lost_one(
    olga: Client, world: World, account: AmplifyServer
) -> None:
    response = import_apps(olga, "d1shop", "dweb")  # d1shop is in Branchkeep alone
    assert "d1shop was left out: Amplify no longer has it." in response.text
    assert "Imported 1 app." in response.text


@pytest.mark.parametrize("app_id", ["", "shared", "d1/../x", "D1", "d\0"])
def test_ids_that_are_none(olga: Client, world: World, account: AmplifyServer, app_id: str) -> None:
    assert olga.post(URL, IMPORT | {"app": [app_id]}).status_code in {404, 422}
    assert App.objects.count() == 2


def test_nothing_chosen(olga: Client, world: World, account: AmplifyServer) -> None:
    response = olga.post(URL)
    assert response.status_code == 422
    assert "Choose at least one app." in response.text


def test_too_many_at_once(olga: Client, world: World, account: AmplifyServer) -> None:
    for number in range(21):
        account.add_app(f"dmany{number}", f"App {number}")
    chosen = [f"dmany{number}" for number in range(21)]
    assert "Choose at most 20 apps at a time." in olga.post(URL, {"app": chosen}).text


def test_amplify_is_off(olga: Client, world: World) -> None:
    assert "Amplify is off" in olga.get(URL).text
    assert "Import apps" not in olga.get("/").text
