"""A value stays in the store, however it is entered and used (guarantees 1-5, 18)."""

import re
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Extent:
    """How much one run does. `urls_as` are the people that get every URL and post to it.

    Without `all_links`, only alice follows links, and olga gets no pages of apps.
    """

    acting: tuple[str, ...] = ("alice", "bob", "olga")  # mia may do what alice may
    urls_as: tuple[str, ...] = ("alice", "vera", "olga")
    all_links: bool = False
    combinations: tuple[tuple[str, dict[str, str]], ...] = COMBINATIONS[1:3]

    def urls_for(self, person: str, urls: list[str]) -> list[str]:
        """Return the URLs to request as a person."""
        found = actions.urls_for(person, urls)
        if person == "olga" and not self.all_links:
            return [url for url in found if not url.startswith("/apps/d")]
        return found


EXTENTS = {
    "embedded": Extent(),
    "everyone": Extent(actions.EVERYONE, actions.KINDS, all_links=True, combinations=COMBINATIONS),
    "ssm": Extent(urls_as=()),  # pages show the same with any store
}


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.exhaustive_on_postgres),
        pytest.param("everyone", marks=pytest.mark.exhaustive),
        pytest.param("ssm", marks=pytest.mark.exhaustive),
    ]
)
def extent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Extent:
    """Run the test with the embedded store, as everyone, and with SSM."""
    if request.param == "ssm":
        request.getfixturevalue("console_on_ssm")
    chosen = EXTENTS[request.param]
    monkeypatch.setattr(actions, "EVERYONE", chosen.acting)
    return chosen


@pytest.fixture
def planted(
    extent: Extent, detector: LeakDetector, client_for: ClientFor, world: World
) -> LeakDetector:
    """Enter the canary in every way and shape, with and without JavaScript."""
    for name, (enter, statuses) in INPUTS.items():
        for shape, headers in extent.combinations:
            value = detector.canary.shapes(name)[shape]
            response = enter(Input(client_for, world, value, headers))
            assert response.status_code in statuses, (name, shape, response.status_code)
    return detector


def test_it_works(
    extent: Extent,
    planted: LeakDetector,
    client_for: ClientFor,
    world: World,
    amplify: AmplifyServer,
    moto: Moto,
) -> None:
    for use in actions.USES:
        use(client_for, world)
    if extent.urls_as and connection.vendor == "sqlite":  # where its pages are requested, too
        hosting = planted.canary.shapes("to self-managed hosting")["plain"]
        actions.use_hosting(client_for, world, hosting)
    actions.use_amplify(client_for, world, amplify, planted.canary.shapes("to Amplify")["plain"])
    if extent.urls_as:
        crawl_everything(extent, planted, client_for, world)
    for use in actions.REMOVALS:
        use(client_for, world)
    assert planted.reveals > 15  # otherwise there was nothing to find
    assert planted.leaks() == []


def crawl_everything(
    extent: Extent, detector: LeakDetector, client_for: ClientFor, world: World
) -> None:
    """Get every URL as each of the extent's people, and post to it.

    PostgreSQL gets the posts alone, and only the owner's and the operator's, which go through every
    statement: what a page shows is the same, what a database rejects isn't.
    """
    every_url, gets_too = all_urls(world), connection.vendor == "sqlite"
    urls_of = {person: extent.urls_for(person, every_url) for person in extent.urls_as}
    with detector.quiet_logs():
        for person, some_urls in urls_of.items() if gets_too else ():
            follow = person == "alice" or (person == "olga" and extent.all_links)
            crawl(client_for(person), some_urls, follow=follow)
    posted = detector.canary.shapes("posted everywhere")["plain"]
    Suspension.objects.create(user=world.person("bob"), proof=Suspension.Proof.OWNERS)
    confirm = reverse("member_confirm", args=[world.app.app_id, world.person("bob").pk])
    client_for("alice").post(confirm)  # first: the posts below come in any order
    refused = {it: urls_of.pop(it) for it in extent.urls_as if it not in actions.WRITERS}
    if gets_too:
        with detector.quiet_logs():  # what the others post goes through the same statements
            actions.post_everywhere(client_for, refused, posted)
    actions.post_everywhere(client_for, urls_of, posted)
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
