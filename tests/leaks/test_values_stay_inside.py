"""A value stays in the store however it comes in and is used (guarantees 1-5, 18)."""

import re
from collections.abc import Callable

import pytest
from django.urls import reverse

from console.models import Member
from envvars_app import build_settings
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpecVersion
from secrets_app.models import Secret
from tests.console.access.routes import TOKEN, invitation
from tests.factories import set_variable
from tests.fixtures.people import ROLES, World
from tests.leaks import deeds
from tests.leaks.crawl import FRAGMENT, crawl, routes, urls
from tests.leaks.harness import Trap, Visitor
from tests.leaks.ways import WAYS, Coming

pytestmark = pytest.mark.slow
QUERIES = (
    "?q=NEW&sort=-changed&page=2&per_page=50",
    "?branch=all&new=5",
    "?branch={branch}&page=99",
    "?saved=nonsense",
)
COMBINATIONS = (("plain", {}), ("lines", FRAGMENT), ("signs", {}), ("plain", FRAGMENT))
NEVER_ANSWER = {  # there is a user already, nobody has a second factor, and there is no provider
    *("setup", "single_sign_on", "openid_connect_callback"),
    *("mfa_deactivate_totp", "mfa_edit_webauthn", "mfa_remove_webauthn"),
}


@pytest.fixture(params=[pytest.param("embedded", marks=pytest.mark.both_databases), "ssm"])
def store(request: pytest.FixtureRequest) -> str:
    """Let the console work on each kind of store in turn."""
    if request.param == "ssm":
        request.getfixturevalue("console_on_ssm")
    return str(request.param)


@pytest.fixture
def planted(store: str, trap: Trap, visitor: Callable[[str], Visitor], world: World) -> Trap:
    """Bring the canary in by every way, in every shape, with and without JavaScript."""
    for name, (bring, statuses) in WAYS.items():
        for shape, headers in COMBINATIONS:
            value = trap.canary.shapes(name)[shape]
            answer = bring(Coming(visitor, world, value, headers))
            assert answer.status_code in statuses, (name, shape, answer.status_code)
    return trap


def test_it_works(
    store: str, planted: Trap, visitor: Callable[[str], Visitor], world: World
) -> None:
    for deed in deeds.SEEING:
        deed(visitor, world)
    if store == "embedded":  # what a page shows comes from the database, whatever the store
        _go_everywhere(planted, visitor, world)
    for deed in deeds.REMOVING:
        deed(visitor, world)
    assert planted.reveals > 20  # the canary was there to be found
    assert planted.leaks() == []


def _go_everywhere(trap: Trap, visitor: Callable[[str], Visitor], world: World) -> None:
    """Everybody gets every URL, and posts to every URL."""
    every_url = _every_url(world)
    with trap.at_ease():
        for person in deeds.EVERYBODY:
            crawl(visitor(person), every_url, on=person in {"alice", "olga"})
    posted = trap.canary.shapes("posted everywhere")["plain"]
    deeds.post_everywhere(visitor, every_url, posted)
    for name, role in ROLES.items():  # some were removed by that
        who = {"app": world.app, "user": world.person(name)}
        Member.objects.update_or_create(**who, defaults={"role": role})
    with trap.at_ease():
        crawl(visitor("alice"), every_url, on=False)
    assert _not_searched(trap) == NEVER_ANSWER


def _every_url(world: World) -> list[str]:
    secret, variable = deeds.some_secrets(world)[0], set_variable(world, "PLAIN", "plain")
    alice, app_id = world.actor("alice"), world.app.app_id
    build_settings.save(actor=alice, app_id=app_id, branch_id=None, base=0, text=DEFAULT)
    spec = BuildSpecVersion.objects.latest("pk")
    kinds = {
        "/hosting/secrets/": [secret.pk],
        "/settings/branches/": [world.main.pk],
        "/environment-variables/": [variable.pk],
        "/build-settings/": [spec.pk],
        "/": _people(world),
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
        "key": ["nonsense"],
        "uidb36": ["1"],
    }
    listed = reverse("secrets", args=[world.app.app_id])
    queries = [query.format(branch=world.main.pk) for query in QUERIES]
    every = [url for url in urls(samples) if _is_of_its_kind(url, kinds)]
    return every + [page + query for page in (listed, f"{listed}manage/") for query in queries]


def _is_of_its_kind(url: str, kinds: dict[str, list[int]]) -> bool:
    """Say whether a number in a URL of an app is the number of what the page is about."""
    number = re.search(r"/(\d+)/", url)
    if number is None or url.startswith("/admin/"):
        return True
    kind = next(part for part in kinds if part in url)
    return int(number[1]) in kinds[kind]


def _people(world: World) -> list[int]:
    """Return an invitation, a member, who he is, and a person who is one no more."""
    member = Member.objects.get(app=world.app, user=world.person("bob"))
    return [invitation(world).pk, member.pk, member.user_id, world.person("charlie").pk]


def _not_searched(trap: Trap) -> set[str]:
    """Return the views that answered nobody with a page of theirs."""
    answered = {view.rpartition(":")[2] for view, status in trap.views if status < 400}
    return {name for _, name in routes() if name} - answered
