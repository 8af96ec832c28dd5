"""A standalone backend as an app: its form, its settings, and the pages that it doesn't have."""

import re
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.test import Client

from console.catalog import services
from console.catalog.previews import add_rule
from console.lib.naming.names import app_id_problem
from console.models import App, Branch, Connection, Member
from console.urls import urlpatterns
from envvars_app import build_settings
from tests.factories import create_standalone, form_errors
from tests.factories.collisions import STANDALONE
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

NEW = "/apps/new/"
FORM = {"kind": "standalone", "name": "Shop API", "identifier": "my-app", "app_id": "d1generated"}
MISSING = (
    "hosting/deployments/",
    "hosting/build-settings/",
    "hosting/build-settings/edit/",
    "hosting/build-settings/pipe/",
    "hosting/build-settings/download/",
    "hosting/secrets/server-rendering/",
    "settings/previews/",
)


def test_it_works(olga: Client, world: World) -> None:
    page = olga.get(NEW).text
    for words in ("Standalone backend", "npx ampx deploy --identifier", "Identifier", "App ID"):
        assert words in page
    response = olga.post(NEW, FORM | {"path_profile": "both"}, follow=True)
    assert response.redirect_chain == [("/apps/my-app/", 302)]
    assert "Created Shop API." in response.text
    assert "Identifier:" in response.text
    assert "Not connected" not in response.text
    app = App.objects.get(app_id="my-app")
    assert app.path_profile == "standalone"
    assert Member.objects.get(app=app).user == world.person("olga")
    branch = Branch.objects.get(app=app)
    assert (branch.name, branch.protected, branch.production) == ("backend", True, False)


def test_a_pipeline_has_stages(olga: Client) -> None:
    response = olga.post(NEW, FORM | {"identifier": "pipeline"}, follow=True)
    assert "Add the stages of your pipeline next." in response.text
    app = App.objects.get(app_id="pipeline")
    assert not app.branches.exists()
    add = "/apps/pipeline/settings/branches/add/"
    assert "exactly as in amplify/pipeline.ts" in olga.get(add).text
    assert olga.post(add, {"name": "prod", "stage": "PRODUCTION"}).status_code == 302
    response = olga.post(add, {"name": "-prod", "stage": "NONE"})
    assert "a letter, then letters and digits" in form_errors(response)["name"][0]


def test_wrong_identifiers(olga: Client, world: World) -> None:
    wrong = {
        "": "Enter the identifier as in `ampx deploy --identifier`",
        "my_app": "Enter the identifier as in `ampx deploy --identifier`",
        "x" * 129: "This one has 129.",
        "sha-red": "(/amplify/shared). Deploy with another identifier",
        "hosting": "(/amplify/hosting). Deploy with another identifier",
        "d1shop": "An app with this ID already exists.",
    }
    for identifier, words in wrong.items():
        response = olga.post(NEW, FORM | {"identifier": identifier})
        errors = form_errors(response)
        assert [*errors] == ["identifier"], identifier
        assert words in " ".join(errors["identifier"])
    assert form_errors(olga.post(NEW, FORM | {"kind": "other"}))["kind"]
    assert App.objects.count() == 2


def test_addresses_of_other_pages() -> None:
    words = [re.fullmatch(r"apps/([\w-]+)/", str(it.pattern)) for it in urlpatterns]
    reserved = {word[1] for word in words if word}
    assert {"new", "import"} <= reserved
    for word in reserved:
        assert "another page" in app_id_problem(word, is_standalone=True), word


def test_identifiers_differ_by_case(olga: Client) -> None:
    for identifier in ("Shop", "shop"):
        assert olga.post(NEW, FORM | {"identifier": identifier}).status_code == 302
    assert olga.get("/apps/SHOP/").status_code == 404
    assert olga.get("/apps/Shop/").context["app"].app_id == "Shop"


def test_the_folder_of_another_identifier(
    world: World, client_for: Callable[[str], Client]
) -> None:
    """Amplify hashes identifier and name without a separator, and drops hyphens."""
    shop = create_standalone(world, "shop")
    Branch.objects.create(app=shop, name="-backend")  # nobody can add it
    with pytest.raises(ValidationError) as refusal:
        create_standalone(world, "shop-")
    assert "in the folder of another app" in refusal.value.message_dict["app_id"][0]
    assert not App.objects.filter(app_id="shop-").exists()
    for identifier, name in STANDALONE:  # an equal hash
        create_standalone(world, identifier)
        url = f"/apps/{identifier}/settings/branches/add/"
        response = client_for("alice").post(url, {"name": name, "stage": "NONE"})
    [message] = form_errors(response)["name"]
    assert "/amplify/myshop/productionbeta-standalone-7f2ebf8c00" in message
    assert "another app in Branchkeep" in message
    assert "my-shop" not in message


def test_settings(world: World, client_for: Callable[[str], Client]) -> None:
    create_standalone(world, "my-app")
    alice = client_for("alice")
    url = "/apps/my-app/settings/general/"
    page = alice.get(url).text
    assert "Standalone backend" in page
    for words in ("Path profile", "Connect to Amplify", "App ID"):
        assert words not in page
    assert alice.post(url, {"name": "Renamed", "path_profile": "both"}).status_code == 302
    app = App.objects.get(app_id="my-app")
    assert (app.name, app.path_profile) == ("Renamed", "standalone")
    assert "Amplify app" in alice.get("/apps/d1shop/settings/general/").text
    for app_id, profile in (("my-app", "backend"), ("d1shop", "standalone")):
        with pytest.raises(ValidationError, match="Create another app"):
            services.change_app(
                actor=world.actor("alice"), app_id=app_id, fields={"path_profile": profile}
            )


def test_pages_that_it_does_not_have(
    world: World, client_for: Callable[[str], Client], console_on_amplify: AmplifyServer
) -> None:
    console_on_amplify.add_app("dashboard", "Another app of this ID")
    create_standalone(world, "dashboard")
    alice, olga = client_for("alice"), client_for("olga")
    overview = alice.get("/apps/dashboard/").text
    for path in MISSING:
        assert alice.get(f"/apps/dashboard/{path}").status_code == 404, path
        assert f"/apps/dashboard/{path}" not in overview
    assert "hosting/build-settings/" not in alice.get("/search/?q=build&app=dashboard").text
    variables = alice.get("/apps/dashboard/hosting/environment-variables/").text
    assert "Amplify keeps no variables for a standalone backend." in variables
    gen1 = alice.get("/apps/dashboard/hosting/secrets/gen1/")
    assert "No Gen 1 environments" in gen1.text
    assert "/gen1/" not in alice.get("/apps/dashboard/hosting/secrets/import/").text
    # It is never connected, not even by an operator who owns it.
    assert olga.get("/apps/dashboard/settings/amplify/").status_code == 404
    assert olga.post("/apps/dashboard/settings/amplify/").status_code == 404
    assert "Another app of this ID" not in olga.get("/apps/import/").text
    post = {"step": "import", "app": ["dashboard"], "path_profile": "both"}
    olga.post("/apps/import/", post)
    assert not Connection.objects.exists()


def test_services_refuse_features_of_hosting(world: World) -> None:
    create_standalone(world, "my-app")
    alice = world.actor("alice")
    with pytest.raises(Http404):
        build_settings.save(actor=alice, app_id="my-app", branch_id=None, text="version: 1", base=0)
    with pytest.raises(Http404):
        add_rule(actor=alice, app_id="my-app", pattern="pr-*", source_id=1)
