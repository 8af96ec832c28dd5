"""A value stays in the store, however it is entered and used (guarantees 1-5, 18)."""

import re

import pytest
from django.db import connection
from django.urls import reverse

from console.models import AuditEvent, Member, Suspension
from envvars_app import build_settings
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpecVersion
from secrets_app.models import Secret
from tests.console.access.routes import TOKEN, bin_entry, difference, invitation, unknown_parameter
from tests.factories import set_variable
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import Moto
from tests.fixtures.people import ROLES, World
from tests.leaks import actions
from tests.leaks.actions import ClientFor
from tests.leaks.crawl import FRAGMENT, crawl, routes, urls
from tests.leaks.detector import LeakDetector
from tests.leaks.inputs import INPUTS, Input

pytestmark = pytest.mark.slow
QUERIES = (
    "?q=NEW&sort=-changed&page=2&per_page=50",
    "?branch=all&new=5",
    "?branch={branch}&page=99",
    "?saved=nonsense",
)
COMBINATIONS = (("plain", {}), ("lines", FRAGMENT), ("signs", {}), ("plain", FRAGMENT))
# A user exists, without second factor or link; there is no provider.
UNREACHABLE_VIEWS = {
    *("setup", "account_link", "single_sign_on", "openid_connect_callback"),
    *("mfa_deactivate_totp", "mfa_edit_webauthn", "mfa_remove_webauthn"),
}


@pytest.fixture(params=[pytest.param("embedded", marks=pytest.mark.both_databases), "ssm"])
def store(request: pytest.FixtureRequest) -> str:
    """Run the test with the embedded store, and again with SSM."""
    if request.param == "ssm":
        request.getfixturevalue("console_on_ssm")
    return str(request.param)


@pytest.fixture
def planted(
    store: str, detector: LeakDetector, client_for: ClientFor, world: World
) -> LeakDetector:
    """Enter the canary in every way and shape, with and without JavaScript."""
    combinations = COMBINATIONS if connection.vendor == "sqlite" else COMBINATIONS[1:3]
    for name, (enter, statuses) in INPUTS.items():
        for shape, headers in combinations:
            value = detector.canary.shapes(name)[shape]
            response = enter(Input(client_for, world, value, headers))
            assert response.status_code in statuses, (name, shape, response.status_code)
    return detector


def test_it_works(
    store: str,
    planted: LeakDetector,
    client_for: ClientFor,
    world: World,
    amplify: AmplifyServer,
    moto: Moto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if store == "ssm" or connection.vendor != "sqlite":  # the others don't reach either
        monkeypatch.setattr(actions, "EVERYONE", actions.WRITERS)
    for use in actions.USES:
        use(client_for, world)
    if store == "embedded" and connection.vendor == "sqlite":
        hosting = planted.canary.shapes("to self-managed hosting")["plain"]
        actions.use_hosting(client_for, world, hosting)
    actions.use_amplify(client_for, world, amplify, planted.canary.shapes("to Amplify")["plain"])
    if store == "embedded":  # pages show the same with any store
        crawl_everything(planted, client_for, world)
    for use in actions.REMOVALS:
        use(client_for, world)
    assert planted.reveals > 15  # otherwise there was nothing to find
    assert planted.leaks() == []


def crawl_everything(detector: LeakDetector, client_for: ClientFor, world: World) -> None:
    """Get every URL as each kind of person, and post to it as everyone.

    PostgreSQL gets the posts alone, and only the owner's and the operator's, which go through every
    statement: what a page shows is the same, what a database rejects isn't.
    """
    every_url, gets_too = all_urls(world), connection.vendor == "sqlite"
    with detector.quiet_logs():
        for person in actions.KINDS if gets_too else ():
            follow, some_urls = person in {"alice", "olga"}, actions.urls_for(person, every_url)
            crawl(client_for(person), some_urls, follow=follow)
    posted = detector.canary.shapes("posted everywhere")["plain"]
    Suspension.objects.create(user=world.person("bob"), proof=Suspension.Proof.OWNERS)
    confirm = reverse("member_confirm", args=[world.app.app_id, world.person("bob").pk])
    client_for("alice").post(confirm)  # first: the posts below come in any order
    if gets_too:
        refused = [name for name in actions.KINDS if name not in actions.WRITERS]
        with detector.quiet_logs():  # what the others post goes through the same statements
            actions.post_everywhere(client_for, every_url, posted, refused)
    writers = ("alice", "bob", "olga") if gets_too else ("alice", "olga")
    actions.post_everywhere(client_for, every_url, posted, writers)
    for name, role in ROLES.items():  # posting removed some
        member = {"app": world.app, "user": world.person(name)}
        Member.objects.update_or_create(**member, defaults={"role": role})
    if gets_too:
        with detector.quiet_logs():
            crawl(client_for("alice"), every_url, follow=False)
        assert unsearched_views(detector) == UNREACHABLE_VIEWS
    Suspension.objects.all().delete()  # posting suspended some


def all_urls(world: World) -> list[str]:
    secret, variable = actions.some_secrets(world)[0], set_variable(world, "PLAIN", "plain")
    alice, app_id = world.actor("alice"), world.app.app_id
    build_settings.save(actor=alice, app_id=app_id, branch_id=None, base=0, text=DEFAULT)
    spec = BuildSpecVersion.objects.latest("pk")
    saved = AuditEvent.objects.filter(action="secret.create").exclude(change_set=None)
    in_amplify = difference(world)  # this also connects the app
    kinds = {
        "/environment-variables/amplify/maps/": [in_amplify.scope.versions.get().pk],
        "/environment-variables/amplify/": [in_amplify.pk],
        "/hosting/secrets/bin/": [bin_entry(world).pk],
        "/hosting/secrets/unknown/": [unknown_parameter(world).pk],
        "/hosting/secrets/": [secret.pk],
        "/settings/branches/": [world.main.pk],
        "/hosting/deployments/": [world.main.pk],
        "/environment-variables/": [variable.pk],
        "/build-settings/": [spec.pk],
        "/": member_ids(world),
    }
    samples = {
        "app_id": [app_id],
        "pk": [pk for pks in kinds.values() for pk in pks],
        "id": [world.person("bob").pk],
        "object_id": [Secret.objects.latest("pk").pk],
        "content_type_id": [1],
        "app_label": ["console", "secrets_app"],
        "url": ["nothing"],
        "token": ["nonsense", TOKEN],
        "noun": ["secret"],
        "change_set": [saved.latest("pk").change_set],
        "key": ["nonsense"],
        "uidb36": ["1"],
    }
    listed = reverse("secrets", args=[world.app.app_id])
    queries = [query.format(branch=world.main.pk) for query in QUERIES]
    every = [url for url in urls(samples) if matches_page(url, kinds)]
    return every + [page + query for page in (listed, f"{listed}manage/") for query in queries]


def matches_page(url: str, kinds: dict[str, list[int]]) -> bool:
    """Return True unless a number in the URL belongs to another kind of page."""
    number = re.search(r"/(\d+)/", url)
    if number is None or url.startswith("/admin/"):
        return True
    kind = next(part for part in kinds if part in url)
    return int(number[1]) in kinds[kind]


def member_ids(world: World) -> list[int]:
    """Return ids for member pages: an invitation, a member, its user, and an outsider."""
    member = Member.objects.get(app=world.app, user=world.person("bob"))
    return [invitation(world).pk, member.pk, member.user_id, world.person("charlie").pk]


def unsearched_views(detector: LeakDetector) -> set[str]:
    """Return the views that never returned a page."""
    responded = {view.rpartition(":")[2] for view, status in detector.views if status < 400}
    return {name for _, name in routes() if name} - responded
